#!/bin/sh
# usage: bench.sh BUILD
#
# Measures xrayfile beside what people use otherwise: JSON lines with zstd or gzip,
# ripgrep, jq, SQLite. The data are generated (gen_decisions, gen_agents) with a fixed seed,
# so figures of one machine can be compared over time; ratios within one run can be
# compared between machines. Everything generated is kept in BUILD/bench-data.
#
# BENCH_REPEAT=5   runs per figure, of which the median is shown (default 3)
# BENCH_QUICK=1    a tenth of the data, without zstd -19
# BENCH_BIG=1      also the 1 GB run of big.sh
# What a store is asked, beside DuckDB, SQLite and ripgrep, is measured by peers.sh at the end.
set -eu
build=$(cd "${1:?usage: bench.sh BUILD}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/measure.sh
. "$here/measure.sh"
export LC_ALL=C.UTF-8
repeat=${BENCH_REPEAT:-3}
quick=${BENCH_QUICK:-0}
data=$build/bench-data
[ "$quick" = 0 ] || data=$data-quick
mkdir -p "$data"
cd "$data"
PATH=$build/bin:$build/bench:$PATH
runs=2000 conversations=245
[ "$quick" = 0 ] || runs=200 conversations=40

# ---- data ---------------------------------------------------------------------

generate()
{
    newer decisions.json "$build/bench/gen_decisions" || gen_decisions --runs=$runs >decisions.json
    newer agents.json "$build/bench/gen_agents" || gen_agents --conversations=$conversations >agents.json
    for set in decisions agents; do
        newer $set.json.zst $set.json || zstd -3 -qkf $set.json
        newer $set.json.gz $set.json || gzip -kf $set.json
        [ "$quick" = 1 ] || newer $set.json.19.zst $set.json || zstd -19 -T0 -qkf $set.json -o $set.json.19.zst
        rm -rf $set
        xray-import $set.json -o $set >/dev/null 2>&1
    done
    if have sqlite3 && have jq && ! newer decisions.db decisions.json; then
        make_database
    fi
}

# The rows of the decisions as three plain tables, without indexes.
make_database()
{
    rm -f decisions.db
    jq -r '.run | [.id, .pipeline_name, .pipeline_version, .start_time, .end_time, .status, .error,
        (.metadata | tojson), (.final_output | tojson)] | @csv' decisions.json >runs.csv
    jq -r '.run.id as $r | .steps[] | [$r, .sequence, .id, .step_name, .step_type, .start_time, .end_time,
        .candidates_in, .candidates_out, .error, (.inputs | tojson), (.outputs | tojson), .reasoning,
        (.filters_applied | tojson)] | @csv' decisions.json >steps.csv
    jq -r '.run.id as $r | .steps[] | .sequence as $s | .events[] | [$r, $s, .type, .item_id, .reason, .score,
        .rank_in, .rank_out, (.data | tojson)] | @csv' decisions.json >events.csv
    sqlite3 decisions.db >/dev/null <<SQL
PRAGMA journal_mode = off;
PRAGMA synchronous = off;
CREATE TABLE runs(id, pipeline, version, start, end, status, error, metadata, output);
CREATE TABLE steps(run, seq INT, id, name, type, start, end, n_in INT, n_out INT, error, input, output, reasoning, filters);
CREATE TABLE events(run, seq INT, type, item, reason, score REAL, rank_in INT, rank_out INT, data);
.import --csv runs.csv runs
.import --csv steps.csv steps
.import --csv events.csv events
VACUUM;
SQL
    rm -f runs.csv steps.csv events.csv
}

# ---- recording ----------------------------------------------------------------

recording()
{
    heading "Recording in a program, one thread"
    events=2000000
    [ "$quick" = 0 ] || events=200000
    rm -rf tmp-write
    mkdir tmp-write
    bench_write tmp-write $events
    bench_hang tmp-write $((events / 100))
    rm -rf tmp-write
}

# ---- tables -------------------------------------------------------------------

size_row()
{
    printf '  %-34s %12s %8s %8s\n' "$1" "$(mb "$2")" "$(ratio "$2" "$lines" 4)" "$(ratio "$2" "$zst" 3)"
}

sizes()
{
    heading "Size of $1 in MB"
    printf '  %-34s %12s %8s %8s\n' "" MB "/ JSON" "/ zst -3"
    lines=$(size_of "$1.json")
    zst=$(size_of "$1.json.zst")
    size_row "JSON lines" "$lines"
    size_row "JSON lines, gzip -6" "$(size_of "$1.json.gz")"
    size_row "JSON lines, zstd -3" "$zst"
    [ ! -e "$1.json.19.zst" ] || size_row "JSON lines, zstd -19" "$(size_of "$1.json.19.zst")"
    [ ! -e "$1.db" ] || size_row "SQLite, same rows, no index" "$(size_of "$1.db")"
    size_row "xrayfile" "$(size_of "$1"/*.xray)"
    size_row "xrayfile, blocks decompressed" "$(zstd -dcq "$1"/*.xray | wc -c)"
    events=$(grep -oE '"type":"(accept|reject)"' "$1.json" | wc -l)
    [ "$events" = 0 ] || printf '  %s candidate events: %s bytes each in xrayfile, %s in JSON lines with zstd -3, all else included\n' \
        "$events" "$(ratio "$(size_of "$1"/*.xray)" "$events" 1)" "$(ratio "$zst" "$events" 1)"
}

import_speed()
{
    heading "Import: ms, and MB/s of JSON"
    for set in decisions agents; do
        bytes=$(size_of $set.json)
        parse=$(ms "parse_jsonc $set.json")
        import=$(ms "rm -rf tmp-$set; xray-import $set.json -o tmp-$set")
        rm -rf tmp-$set
        printf '  %-34s %12s %8s\n' "$set: json-c parses only" "$parse" "$(speed "$bytes" "$parse")"
        printf "  %-34s %12s %8s   %s of json-c's speed\\n" "$set: xray-import" "$import" \
            "$(speed "$bytes" "$import")" "$(ratio "$parse" "$import")"
    done
}

# compare NAME OURS THEIRS...: times; each later one is a multiple of ours.
compare()
{
    ours=$(ms "$2")
    printf '  %-58s %10s\n' "$1" "$ours"
    shift 2
    while [ $# -gt 0 ]; do
        theirs=$(ms "$2")
        printf '  %-58s %10s  x %s\n' "    $1" "$theirs" "$(ratio "$theirs" "$ours" 1)"
        shift 2
    done
}

# same WHAT OURS THEIRS: both have to count alike, or the times mean nothing.
same()
{
    ours=$(sh -c "$2" || true)
    theirs=$(sh -c "$3" || true)
    if [ "$ours" = "$theirs" ]; then
        echo "  ($1: both find $ours)"
    else
        echo "  ($1: NOT THE SAME: xrayfile $ours, other $theirs)"
    fi
}

queries()
{
    heading "Funnel over all runs of decisions: ms"
    by_step='[.steps[] | {n: .step_name, r: ([.events[] | select(.reason == "price_too_high")] | length)}] | .[] | select(.r > 0) | "\(.n) \(.r)"'
    compare "xray-funnel, counts in and out of each step" "xray-funnel decisions" \
        "jq on JSON lines" "jq -r '.steps[] | \"\\(.step_name) \\(.candidates_in) \\(.candidates_out)\"' decisions.json | awk '{ i[\$1] += \$2; o[\$1] += \$3 } END { for (s in i) print s, i[s], o[s] }'"
    echo "  what xray-funnel read:"
    xray-funnel --stats decisions 2>&1 >/dev/null | sed 's/^/      /'

    heading "price_too_high rejections per step of decisions: ms"
    sql="SELECT name, count(*) FROM events JOIN steps USING (run, seq) WHERE reason = 'price_too_high' GROUP BY name"
    set -- "xray-funnel --reasons=20 -j decisions" \
        "jq on JSON lines" "jq -r '$by_step' decisions.json | awk '{ n[\$1] += \$2 } END { for (s in n) print s, n[s] }'"
    [ ! -e decisions.db ] || set -- "$@" "SQLite, no index" "sqlite3 decisions.db \"$sql\""
    compare "xray-funnel --reasons=20 -j" "$@"
    same "price_too_high" "xray-funnel --reasons=20 -j decisions | jq -n '[inputs.reasons.price_too_high // empty] | add'" \
        "grep -o '\"price_too_high\"' decisions.json | wc -l"

    heading "Search of agents, count of steps that match: ms"
    have rg || { echo "  (ripgrep is not installed)"; return 0; }
    for pattern in 'insufficient balance' 'payment method [a-z]+_99[0-9][0-9]'; do
        compare "xray-grep -c '$pattern'" "xray-grep -c '$pattern' agents" \
            "rg on JSON lines" "rg -c '$pattern' agents.json" \
            "zstd -dc | rg" "zstd -dcq agents.json.zst | rg -c '$pattern'"
        same "$pattern" "xray-grep -c '$pattern' agents" "rg -c '$pattern' agents.json"
    done
}

memory()
{
    heading "Peak memory, MiB"
    for set in decisions agents; do
        for command in "xray-import $set.json -o tmp-$set" "xray-ls $set" "xray-cat -j $set" "xray-grep -c refund $set" \
            "xray-funnel $set"; do
            printf '  %-58s %10s\n' "$command" "$(rss "$command")"
        done
        rm -rf tmp-$set
    done
}

machine
echo "xrayfile: $(xray-ls --version | head -n 1); medians of $repeat runs"
generate
sizes decisions
sizes agents
recording
import_speed
queries
memory
[ "${BENCH_BIG:-0}" = 0 ] || sh "$here/big.sh" "$build"

heading "From Python"
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3 || true)
[ -z "$python" ] || "$python" "$here/bench_python.py" "$build" "$quick"
sh "$here/peers.sh" "$build" $([ "$quick" = 0 ] && echo 100 1000 || echo 10)
