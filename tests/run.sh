#!/bin/sh
# usage: run.sh BUILD [NAME...]
#
# Runs every test of a build (or those named), two at a time: the unit test binaries
# BUILD/tests/test_*, the fuzz targets BUILD/fuzz/replay_* over their kept inputs,
# tests/cli/*.sh, tests/{vectors,stock,python}/run.sh and tests/check-*.sh. Each
# script is called with BUILD as its argument.
#
# A test ends with the line "NAME: N checks, M failed" and exit status 0 if M is 0.
# Exit status 77 means skipped; the last line says why. The last line printed here is
# "N passed, N failed", over all checks.
set -eu
build=${1:?usage: run.sh BUILD [NAME...]}
shift
cd "$(dirname "$0")/.."
here=$(pwd)
seconds_per_test=${TEST_TIMEOUT:-600}

# What the sanitizers find must never look like an exit status that a test expects.
export ASAN_OPTIONS="exitcode=99:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export LSAN_OPTIONS="exitcode=99${LSAN_OPTIONS:+:$LSAN_OPTIONS}"
export UBSAN_OPTIONS="exitcode=99:halt_on_error=1:print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
export TSAN_OPTIONS="exitcode=99:halt_on_error=1:second_deadlock_stack=1${TSAN_OPTIONS:+:$TSAN_OPTIONS}"

threaded()
{
    grep -lE 'pthread_create|thrd_create' "tests/unit/$(basename "$1").c" >/dev/null 2>&1
}

# Thread sanitizer is slow, and has nothing to say where there is one thread.
all_tests()
{
    for test in "$build"/tests/test_*; do
        if [ ! -f "$test" ] || [ ! -x "$test" ]; then continue; fi
        case $build in
        *-tsan) threaded "$test" && echo "$test" ;;
        *) echo "$test" ;;
        esac
    done
    case $build in *-tsan) return 0 ;; esac
    for test in "$build"/fuzz/replay_*; do
        [ ! -x "$test" ] || echo "$test"
    done
    for test in tests/cli/*.sh tests/vectors/run.sh tests/stock/run.sh tests/python/run.sh tests/check-*.sh; do
        if [ -f "$test" ] && [ "$(basename "$test")" != lib.sh ]; then
            echo "$test"
        fi
    done
}

name_of()
{
    case $1 in
    */run.sh) basename "$(dirname "$1")" ;;
    *) basename "$1" .sh ;;
    esac
}

# ThreadSanitizer of gcc 12 cannot live with much address space randomization.
launcher()
{
    case $build in
    *-tsan) setarch "$(uname -m)" -R true 2>/dev/null && echo setarch "$(uname -m)" -R ;;
    esac
    return 0
}

# Prints one test's line, and adds "passed failed" to the totals. Called under a lock.
report()
{
    name=$1 status=$2 log=$3 totals=$4
    last=$(tail -n 1 "$log")
    checks=$(printf '%s\n' "$last" | sed -n 's/^.*: \([0-9][0-9]*\) checks\{0,1\}, \([0-9][0-9]*\) failed$/\1/p')
    broken=$(printf '%s\n' "$last" | sed -n 's/^.*: \([0-9][0-9]*\) checks\{0,1\}, \([0-9][0-9]*\) failed$/\2/p')
    if [ "$status" = 77 ]; then
        echo "skip $name ($last)"
    elif [ "$status" = 0 ] && [ "${broken:-0}" = 0 ]; then
        echo "ok $name (${checks:-1} checks)"
        echo "${checks:-1} 0" >>"$totals"
    else
        echo "FAIL $name (exit status $status)"
        tail -n 60 "$log" | sed 's/^/    /'
        # A test that died before it could count has failed once.
        [ "${broken:-0}" -gt 0 ] || broken=1
        checks=${checks:-$broken}
        [ "$checks" -ge "$broken" ] || checks=$broken
        echo "$((checks - broken)) $broken" >>"$totals"
    fi
}

# run.sh BUILD --one DIRECTORY TEST: runs one test; how this script calls itself.
if [ "${1:-}" = --one ]; then
    work=$2 test=$3
    name=$(name_of "$test")
    log=$work/$name.log
    status=0
    case $test in
    *.sh) set -- sh "$test" "$build" ;;
    */replay_*) set -- "$test" "tests/fuzz/corpus/${test##*/replay_}.hex" ;;
    *) set -- "$test" ;;
    esac
    # shellcheck disable=SC2046
    timeout "$seconds_per_test" $(launcher) "$@" >"$log" 2>&1 </dev/null || status=$?
    [ "$status" != 124 ] || echo "no end after $seconds_per_test seconds" >>"$log"
    (
        flock 9
        report "$name" "$status" "$log" "$work/totals"
    ) 9>"$work/lock"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/totals"
if [ $# -gt 0 ]; then
    for name; do
        all_tests | grep -E "(^|/)$name(\.sh|/run\.sh)?\$" || echo "no test $name" >&2
    done >"$work/list"
else
    all_tests >"$work/list"
fi
xargs -P 2 -n 1 sh "$here/tests/run.sh" "$build" --one "$work" <"$work/list"

awk '{ passed += $1; failed += $2 }
     END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }' "$work/totals"
