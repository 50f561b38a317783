#!/bin/sh
# usage: check-symbols.sh BUILD
# The shared library exports what xrayfile.h declares and nothing else; the static
# one defines only xray_ and xf_ globals; malloc and its kin are called by base/mem
# alone, because that is where tests make allocations fail.
set -eu
build=${1:?usage: check-symbols.sh BUILD}
root=$(dirname "$0")/..
checks=0
failed=0

# check WHAT LIST: LIST (one name a line) has to be empty.
check()
{
    checks=$((checks + 1))
    [ -z "$2" ] && return
    failed=$((failed + 1))
    echo "$1:"
    echo "$2" | sed 's/^/    /'
}

# Sanitizers and coverage add globals of their own to every object.
instrumentation='^_*(odr_)?(asan|ubsan|tsan|sancov|gcov|llvm)_|^__(start|stop)___'

exported=$(nm -D --defined-only "$build/libxrayfile.so.0" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u)
declared=$(grep -h '^XRAY_API' "$root/libxrayfile/include/xrayfile.h" | grep -o 'xray_[a-z0-9_]* *(' | tr -d ' (' | sort -u)
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
echo "$exported" | grep -Ev "$instrumentation" >"$temporary/exported" || true
echo "$declared" >"$temporary/declared"

check "exported, but not declared in xrayfile.h" "$(comm -23 "$temporary/exported" "$temporary/declared")"
check "declared in xrayfile.h, but not exported" "$(comm -13 "$temporary/exported" "$temporary/declared")"

globals=$(nm -g --defined-only "$build/libxrayfile.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)
check "globals of the static library that are neither xray_ nor xf_" \
    "$(echo "$globals" | grep -Ev '^(xray|xf)_' | grep -Ev "$instrumentation" || true)"

check "objects other than base/mem.o that call malloc" \
    "$(nm -A --undefined-only "$build/libxrayfile.a" 2>/dev/null |
       grep -E ' U (malloc|calloc|realloc|reallocarray|free|strdup|strndup)$' | grep -v ':mem\.o:' || true)"

echo "check-symbols: $checks checks, $failed failed"
[ "$failed" = 0 ]
