#!/bin/sh
# usage: killpoints.sh BUILD
#
# Death at every system call: a writer of a fixed number of runs, with rotation and syncs, is killed at its first,
# second, ... call of each kind that changes a file, until it lives to its end. What was acknowledged must
# be there each time. Needs strace; without it, it says so and ends with 77.
set -eu
build=$(cd "${1:?usage: killpoints.sh BUILD}" && pwd)
soak=$build/prove/soak
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
runs=${KILLPOINTS_RUNS:-60}
strace -o /dev/null true 2>/dev/null || { echo "killpoints: skipped, strace does not work here"; exit 77; }

lost=0
points=0
total=0
for call in writev write fdatasync fsync openat mkdirat renameat,renameat2,rename unlinkat ftruncate; do
    n=1
    while :; do
        rm -rf "$work/store" "$work/acknowledged"
        status=0
        # The dynamic loader opens files too; what it does is before the store is there, and harmless.
        # The shell's word about the death of its child is not wanted.
        sh -c 'strace -f -qq -o /dev/null -e trace="$1" -e inject="$1":signal=KILL:when="$2" \
            "$3" write "$4/store" "$4/acknowledged" -n "$5"' - "$call" "$n" "$soak" "$work" "$runs" >/dev/null 2>&1 || status=$?
        [ "$status" != 0 ] || break
        points=$((points + 1))
        if [ -d "$work/store" ]; then
            line=$("$soak" check "$work/store" "$work/acknowledged") || {
                lost=$((lost + 1))
                echo "killed at $call number $n: $line"
            }
            total=$((total + ${line%% *}))
        fi
        n=$((n + 1))
    done
done
echo "$points kills at system calls: $total runs acknowledged, $lost kills lost something"
[ "$lost" = 0 ] && [ "$points" -gt 0 ] && [ "$total" -gt 0 ]
