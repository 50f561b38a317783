#!/bin/sh
# usage: big.sh BUILD
#
# Bounded memory: 1 GB of generated JSON of each kind is imported, listed, printed, searched
# and summed up, with and without an index, and so is a store of a million runs; no tool may take
# more than 256 MiB. Exit status 1 if one does.
#
# BIG_MB=N changes the size (MB of JSON, of which none is kept: 10000 wants 1 GB of disk),
# BIG_RUNS=N the number of runs, BIG_KEEP=1 keeps the stores.
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

# A run of decisions is 78 kB, a conversation 560 kB.
generate() {
    case $1 in
    decisions) gen_decisions --runs=$((wanted * 1000 / 78)) ;;
    agents) gen_agents --conversations=$((wanted * 1000 / 560)) ;;
    esac
}

heading "Peak memory with $wanted MB of JSON of each kind (limit $limit MiB)"
rm -f lines
mkfifo lines
for set in decisions agents; do
    rm -rf $set
    generate $set >lines &
    check "xray-import - -o $set" <lines
    wait
    for command in "xray-ls --index=never $set" "xray-funnel --index=never $set" "xray-index build $set" "xray-ls $set" \
        "xray-cat -j $set" "xray-grep -c refund $set" "xray-funnel $set" "xray-stat $set"; do
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
