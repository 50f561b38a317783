#!/bin/sh
# usage: run.sh BUILD
#
# Proof that the specification alone suffices. Each vector of format-spec/vectors is read by the
# reference reader, which was written from the specification only, and by BUILD/bin/xray-cat: both must
# print what the vector says, byte for byte, and end with the status that it asks for. Then real traces,
# where they are at hand, are imported, and both readers must agree on them.
set -u
build=${1:?usage: run.sh BUILD}
case $build in /*) ;; *) build=$PWD/$build ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-/usr/bin/python3}
vectors=$root/format-spec/vectors
reader=$root/format-spec/reference_reader.py
indexes=$root/format-spec/reference_index.py
data=$root/../shared/data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
checks=0
failed=0

"$python" -c 'import msgpack, xxhash' 2>/dev/null || {
    echo "vectors: skipped, needs python3-msgpack and python3-xxhash"
    exit 77
}

# Adds what `xhex.py check` counted to the totals.
against()
{
    "$python" "$root/tests/vectors/xhex.py" check "$vectors" "$@" >"$work/log" 2>&1
    sed '$d' "$work/log"
    counted=$(sed -n '$s/^checks: \([0-9]*\) failed: \([0-9]*\)$/\1 \2/p' "$work/log")
    if [ -z "$counted" ]; then
        tail -n 5 "$work/log"
        counted="1 1"
    fi
    checks=$((checks + ${counted% *}))
    failed=$((failed + ${counted#* }))
}

check()
{
    checks=$((checks + 1))
    if ! "$@"; then
        failed=$((failed + 1))
        echo "failed: $*"
    fi
}

# The vectors in the tree are what make_vectors.py writes, or one of the two was forgotten.
# One of them was compressed by the zstd program, whose versions differ.
made_anew()
{
    mkdir "$work/anew" &&
        "$python" "$root/tests/vectors/make_vectors.py" "$work/anew" >/dev/null &&
        diff -rq -x index -x compressed-body.xhex "$vectors" "$work/anew"
}

# Both readers print the same about a store, and end with the same status.
same()
{
    "$python" "$reader" "$1" >"$work/reference" 2>"$work/reference.err"
    reference=$?
    "$build/bin/xray-cat" -j "$1" >"$work/cat" 2>"$work/cat.err"
    status=$?
    [ "$reference" = "$status" ] || echo "$2: reference reader ends with $reference, xray-cat with $status"
    cmp -s "$work/reference" "$work/cat" || {
        echo "$2: the outputs differ, < reference, > xray-cat:"
        diff "$work/reference" "$work/cat" | cut -c 1-400 | head -n 6
        return 1
    }
    [ "$reference" = "$status" ] && [ -s "$work/cat" ]
}

# An index that is kept, and the one that is made of the same segment now, say what the reference reader of indexes read
# when it was kept; both are taken for right by xray-index. (Their bytes may differ: zstd's versions do.)
indexed()
{
    rm -rf "$work/indexed"
    mkdir "$work/indexed"
    "$python" "$root/tests/vectors/xhex.py" bytes "$vectors/$1.xhex" >"$work/indexed/x.xray"
    sed '1,/^%ndjson$/d' "$vectors/index/$1.xhex" >"$work/text"
    "$build/bin/xray-index" build -q "$work/indexed/x.xray" || return 1
    "$python" "$indexes" "$work/indexed/x.xray.idx" a z | diff "$work/text" - || return 1
    "$python" "$root/tests/vectors/xhex.py" bytes "$vectors/index/$1.xhex" >"$work/indexed/x.xray.idx"
    "$python" "$indexes" "$work/indexed/x.xray.idx" a z | diff "$work/text" - || return 1
    "$build/bin/xray-index" check -q "$work/indexed/x.xray" && "$build/bin/xray-ls" --index=require "$work/indexed/x.xray" >/dev/null
}

# The catalogue of a store of that segment.
catalogued()
{
    rm -rf "$work/store"
    mkdir "$work/store"
    "$python" "$root/tests/vectors/xhex.py" bytes "$vectors/run-every-column.xhex" >"$work/store/x.xray"
    "$build/bin/xray-index" build -q "$work/store"
    "$python" "$indexes" "$work/store/catalogue.idx" | diff "$vectors/index/catalogue.ndjson" -
}

imported()
{
    rm -rf "$work/store"
    "$build/bin/xray-import" "$1" -o "$work/store" >"$work/import.log" 2>&1
    case $? in
    0 | 3) ;; # 3: some records were not understood; what there is in the store counts
    *)
        cat "$work/import.log"
        return 1
        ;;
    esac
    same "$work/store" "$1"
}

check made_anew
against "$python" "$reader"
if [ ! -x "$build/bin/xray-cat" ]; then
    echo "no $build/bin/xray-cat: only the reference reader was checked"
else
    against "$build/bin/xray-cat" -j
    for kept in "$vectors"/index/*.xhex; do
        check indexed "$(basename "$kept" .xhex)"
    done
    check catalogued
    if [ ! -d "$data" ] || [ ! -x "$build/bin/xray-import" ]; then
        echo "no real traces, or no xray-import: vectors only"
    else
        while read -r file; do
            if [ -f "$data/$file" ]; then
                check imported "$data/$file"
            fi
        done <"$root/tests/vectors/real.list"
    fi
fi
echo "vectors: $checks checks, $failed failed"
[ "$failed" = 0 ]
