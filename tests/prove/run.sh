#!/bin/sh
# usage: run.sh BUILD [short]
#
# The proofs behind tests/PROMISES.md, one after the other: each prints what it did and found, and ends with an
# exit status. `short` is what `make check` runs, in seconds; without it this takes about an hour. What cannot
# be done on this machine says so and is skipped (status 77).
set -u
build=$(cd "${1:?usage: run.sh BUILD [short]}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
short=${2:-}
soak=$build/prove/soak
checks=0
failed=0

# prove NAME COMMAND...
prove()
{
    name=$1
    shift
    status=0
    "$@" || status=$?
    [ "$status" != 77 ] || return 0
    checks=$((checks + 1))
    if [ "$status" != 0 ]; then
        failed=$((failed + 1))
        echo "not proved: $name: $*"
    fi
}

if [ -n "$short" ]; then
    prove P1 "$soak" kill -n 60
    prove "P1, control" "$soak" kill -n 10 --control
    prove "flush=step" "$soak" step -n 60
    prove "flush=step, control" "$soak" step -n 10 --control
    prove P9 "$soak" live -t 2 -w 2 -r 2
    prove "P9, control" "$soak" live -t 2 -w 2 -r 2 --control
    prove P10 "$soak" kill -n 10 -w 6
    KILLPOINTS_RUNS=12 prove "P1 and P22, at each system call" sh "$here/killpoints.sh" "$build"
    prove P2 sh "$here/powercut.sh" "$build" 2
else
    prove P1 "$soak" kill -n 10000
    prove "P1, control" "$soak" kill -n 100 --control
    prove "flush=step" "$soak" step -n 10000
    prove "flush=step, control" "$soak" step -n 100 --control
    prove P9 "$soak" live -t 600 -w 4 -r 4
    prove "P9, control" "$soak" live -t 20 -w 4 -r 4 --control
    prove P10 "$soak" kill -n 500 -w 16
    prove "P10, control" "$soak" kill -n 10 -w 16 --control
    prove "P1 and P22, at each system call" sh "$here/killpoints.sh" "$build"
    prove "P2, data=ordered" sh "$here/powercut.sh" "$build" 1000
    prove "P2, data=writeback" sh "$here/powercut.sh" "$build" 200 loop,data=writeback
    prove "P24, no automatic allocation" sh "$here/powercut.sh" "$build" 200 loop,noauto_da_alloc
    # The long forms of tests that run short in every `make check`.
    for test in $(cd "$build/tests" && ls test_* | grep -v '\.'); do
        if grep -qs XRAY_TEST_LONG "$here/../unit/$test.c"; then
            XRAY_TEST_LONG=1 prove "$test, long" "$build/tests/$test"
        fi
    done
fi
echo "prove: $checks checks, $failed failed"
[ "$failed" = 0 ]
