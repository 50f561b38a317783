#!/bin/sh
# usage: run.sh BUILD
#
# Segments are ordinary files: `zstd -t` accepts them, and a stock MessagePack decoder reads
# what `zstd -dc` prints to its end (section 2.1 of the specification), and finds in it what the seal
# promises: the content digest (section 10). Checked over the store of BUILD/bin/competitor_selection and
# those that BUILD/bin/xray-import makes of real traces where they are at hand, and of the vectors' NDJSON.
set -u
build=${1:?usage: run.sh BUILD}
case $build in /*) ;; *) build=$PWD/$build ;; esac
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-/usr/bin/python3}
data=$root/../shared/data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
checks=0
failed=0

if ! "$python" -c 'import msgpack' 2>/dev/null || ! command -v zstd >/dev/null; then
    echo "stock: skipped, needs python3-msgpack and zstd"
    exit 77
fi
if [ ! -x "$build/bin/xray-import" ]; then
    echo "stock: skipped, no $build/bin/xray-import"
    exit 77
fi

digest=$root/tests/stock/content_digest.py
"$python" -c 'import xxhash' 2>/dev/null || {
    echo "no python3-xxhash: content digests are not checked"
    digest=
}

fail()
{
    failed=$((failed + 1))
    echo "failed: $*"
}

# What the seals of a store say of its content is true. With a bit of them flipped it must not be:
# a check that cannot fail proves nothing.
digest()
{
    [ -n "$digest" ] || return 0
    checks=$((checks + 2))
    "$python" "$digest" "$1"/*.xray >"$work/digest" 2>&1 || fail "content digest: $2: $(cat "$work/digest")"
    "$python" "$digest" --self-test "$1"/*.xray >"$work/digest" 2>&1
    [ $? = 1 ] && grep -q 'the seal says' "$work/digest" || fail "content digest, self test: $2: $(cat "$work/digest")"
}

# Checks each segment of a store.
stock()
{
    segments=0
    for segment in "$1"/*.xray; do
        [ -f "$segment" ] || continue
        segments=$((segments + 1))
        checks=$((checks + 2))
        zstd -tq "$segment" 2>"$work/err" || fail "zstd -t: $2: $(cat "$work/err")"
        zstd -dcq "$segment" >"$work/values" 2>"$work/err" || fail "zstd -dc: $2: $(cat "$work/err")"
        "$python" "$root/tests/stock/unpack.py" <"$work/values" >"$work/kinds" 2>"$work/err" || fail "unpack: $2: $(cat "$work/err")"
        echo "$(basename "$2"): $(cat "$work/kinds")"
    done
    checks=$((checks + 1))
    [ "$segments" -gt 0 ] || fail "no segment of $2"
    digest "$1" "$2"
}

import_and_check()
{
    rm -rf "$work/store"
    checks=$((checks + 1))
    "$build/bin/xray-import" "$1" -o "$work/store" >"$work/log" 2>&1
    case $? in
    0 | 3) stock "$work/store" "$1" ;; # 3: some records were not understood
    *) fail "xray-import $1: $(tail -n 2 "$work/log")" ;;
    esac
}

if [ -x "$build/bin/competitor_selection" ]; then
    checks=$((checks + 1))
    "$build/bin/competitor_selection" "$work/competitor" >"$work/log" 2>&1 || fail "competitor_selection: $(tail -n 2 "$work/log")"
    stock "$work/competitor" competitor_selection
else
    echo "no $build/bin/competitor_selection"
fi
for name in cands-every-field cands-num-planes cands-num-dict decisions-and-notes value-kinds value-maps value-ext step-every-column loss; do
    sed '1,/^%ndjson$/d' "$root/format-spec/vectors/$name.xhex" >"$work/$name.ndjson"
    import_and_check "$work/$name.ndjson"
done
if [ -d "$data" ]; then
    while read -r file; do
        if [ -f "$data/$file" ]; then
            import_and_check "$data/$file"
        fi
    done <"$root/tests/vectors/real.list"
else
    echo "no real traces here"
fi
echo "stock: $checks checks, $failed failed"
[ "$failed" = 0 ]
