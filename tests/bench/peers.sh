#!/bin/sh
# usage: peers.sh BUILD [SIZE...]
#
# The questions that a store of traces is asked, beside DuckDB on Parquet (zstd), SQLite with
# indexes, ripgrep on the plain and on the compressed JSON lines, and jq. SIZE is MB of JSON
# lines of each kind (default: 100 and 1000; 10000 wants 14 GB of disk and a quarter of an hour).
# xrayfile, SQLite, ripgrep and jq are timed as whole processes, DuckDB by its queries alone, warmed
# up. Every pair has to give the same answer before it is timed. Then: what the same question costs
# at each size.
#
# BENCH_REPEAT=5   runs per figure, of which the median is shown (default 5)
# BENCH_COLD=1     drops the page cache before each run of xrayfile and ripgrep (root)
# BENCH_KEEP=1     keeps the data of sizes over 1000; others are always kept, for the next time
#
# DuckDB comes from the npm package @duckdb/node-api, which is installed under BUILD where npm
# is at hand; what is missing is left out, with a line.
set -eu
build=$(cd "${1:?usage: peers.sh BUILD [MB...]}" && pwd)
shift
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/measure.sh
. "$here/measure.sh"
export LC_ALL=C.UTF-8
repeat=${BENCH_REPEAT:-5}
data=$build/bench-peers
mkdir -p "$data"
cd "$data"
PATH=$build/bin:$build/bench:$PATH
export PEERS_MODULES=$build/peers
[ $# -gt 0 ] || set -- 100 1000

# ---- the peers ------------------------------------------------------------------

duckdb_ready()
{
    have node || return 1
    [ -d "$PEERS_MODULES/node_modules/@duckdb/node-api" ] ||
        { have npm && mkdir -p "$PEERS_MODULES" &&
          npm install --silent --no-fund --no-audit --prefix "$PEERS_MODULES" @duckdb/node-api >/dev/null 2>&1; }
}

# duck SET SQL: rows to the file `rows`, milliseconds to standard output.
duck()
{
    if node "$here/peers.mjs" query "$1.parquet" "$repeat" "$2" >duck.out 2>"$data/stderr"; then
        sed -n 's/^ms //p' duck.out
        sed '/^ms /d' duck.out | sort >rows
    else
        echo failed
        : >rows
    fi
}

# ---- data -----------------------------------------------------------------------

# A run of decisions is 77.7 kB, a conversation 561 kB.
generate_decisions()
{
    decisions=decisions-$1
    [ -e "$decisions.json" ] || gen_decisions --runs=$(($1 * 12868 / 1000)) >"$decisions.json"
    store "$decisions"
    if $duckdb && ! newer "$decisions.parquet/events.parquet" "$decisions.json"; then
        mkdir -p "$decisions.parquet"
        node "$here/peers.mjs" load "$decisions.json" "$decisions.parquet"
    fi
}

generate_agents()
{
    agents=agents-$1
    [ -e "$agents.json" ] || gen_agents --conversations=$(($1 * 1782 / 1000)) >"$agents.json"
    store "$agents"
}

# The lines compressed, and as a store with its index, which segments over 64 MiB do not get by themselves.
store()
{
    newer "$1.json.zst" "$1.json" || zstd -3 -qkf "$1.json"
    newer "$1" "$1.json" && return 0
    rm -rf "$1"
    xray-import "$1.json" -o "$1" >/dev/null 2>&1
    xray-index build -q "$1"
}

# Ten gigabytes of each kind are not left behind, nor there at the same time.
forget()
{
    [ "$2" -le 1000 ] || [ "${BENCH_KEEP:-0}" = 1 ] || rm -rf "$1" "$1.json" "$1.json.zst" "$1.parquet"
}

# One thousand segments of the same runs, and the same lines in SQLite by run id.
generate_segments()
{
    newer segments/done "$1.json" && return 0
    rm -rf segments split lines.db
    mkdir -p split
    split -n r/1000 -a 4 "$1.json" split/
    for piece in split/*; do
        xray-import "$piece" -o segments >/dev/null 2>&1
    done
    rm -rf split
    if have sqlite3; then
        jq -r '[.run.id, (. | tojson)] | @csv' "$1.json" >lines.csv
        sqlite3 lines.db "PRAGMA journal_mode = off" "PRAGMA synchronous = off" "CREATE TABLE lines(run, line)" \
            ".import --csv lines.csv lines" "CREATE INDEX by_run ON lines(run)" >/dev/null
        rm -f lines.csv
    fi
    xray-index build -q segments
    touch segments/done
}

# ---- questions ------------------------------------------------------------------

drop_caches()
{
    [ "${BENCH_COLD:-0}" = 0 ] || { sync; echo 3 >/proc/sys/vm/drop_caches; } 2>/dev/null || true
}

time_of()
{
    drop_caches
    ms "$1"
}

# row QUESTION PEER THEIRS OURS [OURS-SCAN]: a line with the ratios.
row()
{
    printf '  %-46s %-24s %9s %9s %7s' "$1" "$2" "$3" "$4" "$(ratio "$4" "$3" 3)"
    [ $# -lt 5 ] || printf ' %9s %7s' "$5" "$(ratio "$5" "$3" 3)"
    echo
}

# same OURS THEIRS: whether two files of answers agree.
same()
{
    cmp -s "$1" "$2" || echo "  (NOT THE SAME ANSWER: $(head -n 1 "$1") / $(head -n 1 "$2"))"
}

funnel()
{
    $duckdb || return 0
    steps=$(duck "$decisions" "SELECT step_name, count(*), sum(candidates_in), sum(candidates_out),
        (epoch_us(quantile_disc(end_time - start_time, 0.5)) * 1000), (epoch_us(quantile_disc(end_time - start_time, 0.95)) * 1000)
        FROM steps GROUP BY ALL")
    sed 's/null//g' rows >theirs
    xray-funnel --format=csv "$decisions" |
        awk -F, 'NR > 1 { printf "%s\t%s\t%s\t%s\t%s\t%s\n", $2, $5, $6, $7, $10, $11 }' | sort >ours
    same ours theirs
    reasons=$(duck "$decisions" "SELECT step_name, reason, count(*) FROM events
        JOIN steps USING (run_id, sequence) WHERE verdict = 'reject' GROUP BY ALL")
    row "funnel over all runs, with reasons" "DuckDB, queries alone" "$(awk "BEGIN { print $steps + $reasons }")" \
        "$(time_of "xray-funnel $decisions")" "$(time_of "xray-funnel --index=never $decisions")"
}

steep()
{
    $duckdb || return 0
    theirs=$(duck "$decisions" "SELECT count(*) FROM steps WHERE candidates_in > 0 AND 1 - candidates_out / candidates_in > 0.9")
    xray-grep -c -W 'rejection_rate > 90%' "$decisions" >ours
    same ours rows
    row "steps with a rejection rate above 90 %" "DuckDB, query alone" "$theirs" \
        "$(time_of "xray-grep -c -W 'rejection_rate > 90%' $decisions")" \
        "$(time_of "xray-grep --index=never -c -W 'rejection_rate > 90%' $decisions")"
}

one_run()
{
    have sqlite3 && [ -e lines.db ] || return 0
    id=$(sed -n '5000{s/^{"run":{"id":"\([^"]*\)".*/\1/p;q}' "$1.json")
    row "one run by id among 1,000 segments" "SQLite, indexed" \
        "$(time_of "sqlite3 lines.db \"SELECT line FROM lines WHERE run = '$id'\"")" "$(time_of "xray-cat -r $id segments")" \
        "$(time_of "xray-cat --index=never -r $id segments")"
}

# search QUESTION SET PATTERN: lines of JSON are runs here, steps in the agents' data.
search()
{
    have rg || return 0
    case $2 in decisions*) unit=--count-runs ;; *) unit=-c ;; esac
    rg -c -- "$3" "$2.json" >theirs || echo 0 >theirs
    xray-grep $unit -- "$3" "$2" >ours || true
    same ours theirs
    ours=$(time_of "xray-grep $unit -- '$3' $2")
    row "$1" "rg on plain JSON lines" "$(time_of "rg -c -- '$3' $2.json")" "$ours"
    row "" "rg -z" "$(time_of "rg -z -c -- '$3' $2.json.zst")" "$ours"
}

item()
{
    item=$(sed -n '100{s/.*"item_id":"\([^"]*\)".*/\1/p;q}' "$decisions.json")
    have rg || return 0
    rg -c -- "$item" "$decisions.json" >theirs
    xray-why -j "$item" "$decisions" | grep -c '"kind":"visit"' >ours || true
    same ours theirs
    row "where did item $item go" "rg on plain JSON lines" "$(time_of "rg -c -- '$item' $decisions.json")" \
        "$(time_of "xray-why $item $decisions")" "$(time_of "xray-why --index=never $item $decisions")"
}

# What the questions cost at this size, for the table at the end.
size_costs()
{
    for command in "xray-funnel" "xray-funnel --index=never" "xray-ls -n 20" "xray-why $item" "xray-stat" \
        "xray-grep -c 'nowhere to be found'"; do
        echo "$1|$(echo "$command" | sed "s/ $item$/ ITEM/")|$(time_of "$command $decisions")|$(rss "$command $decisions")" >>costs
    done
}

# A line for each question: time and memory at each size, and how often the last time holds the first.
show_costs()
{
    heading "Cost with size: ms and peak MiB at $(awk -F'|' '!($1 in seen) { seen[$1]; printf "%s%s", n++ ? ", " : "", $1 }' costs) MB of decisions"
    awk -F'|' '
        !($2 in line) { order[++n] = $2; first[$2] = $3 }
        { line[$2] = line[$2] sprintf(" %9s %6s", $3, $4); last[$2] = $3 }
        END {
            for (i = 1; i <= n; i++)
                printf "  %-36s%s  %6.1f times\n", order[i], line[order[i]], (first[order[i]] > 0 ? last[order[i]] / first[order[i]] : 0)
        }' costs
}

machine
duckdb=false
if duckdb_ready; then
    duckdb=true
else
    echo "(DuckDB is left out: no node, or no npm package @duckdb/node-api)"
fi
have rg || echo "(ripgrep is left out: not installed)"
have sqlite3 || echo "(SQLite is left out: not installed)"

rm -f costs
for size; do
    generate_decisions "$size"
    heading "$(mb "$(size_of "$decisions.json")") MB of decisions: ms, medians of $repeat"
    printf '  %-46s %-24s %9s %9s %7s %9s %7s\n' question peer peer ours ratio "no index" ratio
    funnel
    steep
    if [ "$size" = 1000 ]; then
        generate_segments "$decisions"
        one_run "$decisions"
    fi
    search "rare literal, decisions" "$decisions" "$(sed -n '700{s/.*"product":"\([^"]*\)".*/\1/p;q}' "$decisions.json")"
    search "literal that is nowhere, decisions" "$decisions" "Grinder for Travel, 12oz"
    search "common regular expression, decisions" "$decisions" 'Took the [a-z]+, the kind'
    item
    printf '  peak MiB: funnel %s, grep %s\n' "$(rss "xray-funnel $decisions")" "$(rss "xray-grep -c refund $decisions")"
    size_costs "$size"
    forget "$decisions" "$size"

    generate_agents "$size"
    heading "$(mb "$(size_of "$agents.json")") MB of conversations: ms, medians of $repeat"
    search "rare literal, conversations" "$agents" "$(sed -n '50{s/.*"id":"\(call_[0-9a-f]*\)".*/\1/p;q}' "$agents.json")"
    search "common literal, conversations" "$agents" "insufficient balance"
    search "common regular expression, conversations" "$agents" 'payment method [a-z]+_[0-9]+'
    printf '  peak MiB: grep %s\n' "$(rss "xray-grep -c refund $agents")"
    forget "$agents" "$size"
done
[ $# -lt 2 ] || show_costs
