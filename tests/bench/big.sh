#!/bin/sh
# usage: big.sh BUILD
#
# Bounded memory: 1 GB of generated JSON of each kind is imported, listed, printed, searched
# and summed up, and so is a store of a million runs; no tool may take more than 256 MiB. Exit status 1 if one does.
# BIG_MB=N changes the size (in MB of JSON), BIG_RUNS=N the number of runs, BIG_KEEP=1 keeps the data.
set -eu
build=$(cd "${1:?usage: big.sh BUILD}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/measure.sh
. "$here/measure.sh"
limit=256
wanted=${BIG_MB:-1000}
runs=${BIG_RUNS:-1000000}
data=$build/bench-big
mkdir -p "$data"
cd "$data"
PATH=$build/bin:$build/bench:$PATH
checks=0
failed=0

# A run of decisions is 78 kB, a conversation 560 kB.
gen_decisions --runs=$((wanted * 1000 / 78)) >decisions.json
gen_agents --conversations=$((wanted * 1000 / 560)) >agents.json

check() {
    checks=$((checks + 1))
    peak=$(rss "$1")
    verdict=ok
    if ! awk -v peak="$peak" -v limit=$limit 'BEGIN { exit !(peak + 0 > 0 && peak + 0 <= limit) }'; then
        verdict=FAIL
        failed=$((failed + 1))
    fi
    printf '  %-4s %-40s %10s MiB\n' $verdict "$1" "$peak"
    [ "$peak" != failed ] || sed 's/^/        /' "$data/stderr"
}

heading "Peak memory with $(mb "$(size_of decisions.json)") MB of decisions and $(mb "$(size_of agents.json)") MB of conversations (limit $limit MiB)"
for set in decisions agents; do
    rm -rf $set
    for command in "xray-import $set.json -o $set" "xray-ls $set" "xray-cat -j $set" "xray-grep -c refund $set" \
        "xray-funnel $set"; do
        check "$command"
    done
done

rm -rf tiny
gen_tiny tiny "$runs"
heading "Peak memory with $runs runs of one or two steps (limit $limit MiB)"
for command in "xray-ls tiny" "xray-ls -n 20 tiny" "xray-cat --last 5 tiny" "xray-grep -c job-77 tiny" "xray-funnel tiny"; do
    check "$command"
done
cd "$build"
[ "${BIG_KEEP:-0}" = 1 ] || rm -rf "$data"
echo "big: $checks checks, $failed failed"
[ "$failed" = 0 ]
