# shellcheck shell=sh
# Sourced by bench.sh and big.sh: measuring and printing. They set `data`, the directory
# for scratch files, and `repeat`, how often to run what is timed.
data=${data:-.}
repeat=${repeat:-3}

# ms COMMAND: wall-clock milliseconds of a shell command, the median of $repeat runs,
# or "failed". Exit status 1 is no failure: that is how grep says "nothing found".
ms()
{
    for _ in $(seq "$repeat"); do
        started=$(date +%s%N)
        status=0
        sh -c "$1" >/dev/null 2>"$data/stderr" || status=$?
        if [ "$status" -gt 1 ]; then
            echo failed
            return 0
        fi
        echo $((($(date +%s%N) - started) / 1000))
    done | sort -n | awk '/failed/ { bad = 1 } { v[NR] = $1 }
        END { if (bad) print "failed"; else printf "%.1f\n", v[int((NR + 1) / 2)] / 1000 }'
}

# rss COMMAND: peak resident memory in MiB, by GNU time.
rss()
{
    if [ ! -x /usr/bin/time ]; then
        echo "no-time"
    elif /usr/bin/time -o "$data/rss" -f '%x %M' sh -c "exec $1" >/dev/null 2>"$data/stderr" ||
        [ "$(awk 'END { print $1 }' "$data/rss")" = 1 ]; then
        awk 'END { printf "%.1f\n", $2 / 1024 }' "$data/rss"
    else
        echo failed
    fi
}

# ratio A B DIGITS: A / B, or "-" where one of them is no number.
ratio()
{
    awk -v a="$1" -v b="$2" -v digits="${3:-2}" 'BEGIN {
        if (a + 0 > 0 && b + 0 > 0) printf "%.*f\n", digits, a / b; else print "-" }'
}

# speed BYTES MS: MB/s
speed()
{
    awk -v bytes="$1" -v ms="$2" 'BEGIN { if (ms + 0 > 0) printf "%.0f\n", bytes / ms / 1000; else print "-" }'
}

size_of()
{
    cat "$@" 2>/dev/null | wc -c
}

mb()
{
    awk -v bytes="$1" 'BEGIN { printf "%.2f", bytes / 1e6 }'
}

heading()
{
    printf '\n%s\n' "$1"
    printf '%s\n' "$1" | sed 's/./-/g'
}

machine()
{
    model=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
    echo "machine: $(nproc) x ${model:-$(uname -m)}, $(uname -sr), $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
}

newer()
{
    [ -e "$1" ] && [ -n "$(find "$1" -newer "$2")" ]
}

have()
{
    command -v "$1" >/dev/null 2>&1
}
