# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-index, and the law of indexes: whatever stands beside a segment, the tools print the same bytes.
#
# XRAY_TEST_LONG=1 cuts the index at every byte instead of some.
. "$(dirname "$0")/lib.sh"

gen=$build/bench/gen_decisions
long=${XRAY_TEST_LONG:-0}

# Three segments, of which the second and third also have steps of a run that the first begins.
store=$work/store
"$gen" --runs=30 >"$work/decisions.json"
run xray-import "$work/decisions.json" -o "$store"
run xray-import "$here/data/shop.ndjson" -o "$store"
first=$(ls "$store"/*.xray | head -n 1)
cat >"$work/begin.ndjson" <<'END'
{"kind":"run","run":"00112233445566778899aabbccddeeff","pipeline":"split","start":"1767225600000000000"}
{"kind":"step","run":"00112233445566778899aabbccddeeff","step":1,"name":"early","type":"llm","status":"success","duration":"5000000000","candidates_in":7,"candidates_out":7}
END
cat >"$work/end.ndjson" <<'END'
{"kind":"run","run":"00112233445566778899aabbccddeeff","pipeline":"split","status":"success","start":"1767225600000000000","end":"1767225699000000000"}
{"kind":"step","run":"00112233445566778899aabbccddeeff","step":2,"name":"late","type":"filter","status":"failure","duration":"9000000","candidates_in":7,"candidates_out":0,"reasons":{"late_reason":7}}
END
run xray-import "$work/begin.ndjson" -o "$store"
run xray-import "$work/end.ndjson" -o "$store"

# What is asked: everything that the tools print of the store, with the given --index.
ask()
{
    # shellcheck disable=SC2086
    {
        "$build/bin/xray-ls" $1 "$store"
        "$build/bin/xray-ls" $1 -W 'step.type = llm and step.duration > 4s' "$store"
        "$build/bin/xray-ls" $1 -W 'none{step.type = llm}' "$store"
        "$build/bin/xray-ls" $1 -W 'any{step.name = late}' "$store"
        "$build/bin/xray-ls" $1 -W 'reason? != too_few_reviews' "$store"
        "$build/bin/xray-cat" $1 -j -W 'reason = late_reason or reason ~ /^price/' "$store"
        "$build/bin/xray-cat" $1 -r 0011 "$store"
        "$build/bin/xray-grep" $1 -c -W 'rejection_rate > 0.9' "$store"
        "$build/bin/xray-grep" $1 -c -W 'candidates_out = 0 and not (step.status = success)' "$store"
        "$build/bin/xray-grep" $1 -c -W 'model = "gpt-4o-mini" or tags.tier = pro' "$store"
        "$build/bin/xray-grep" $1 -c -W 'input_size > 100 or output_size < 20' "$store"
        "$build/bin/xray-grep" $1 'too_few' "$store"
        "$build/bin/xray-grep" $1 -i -c 'GPT-4o' "$store"
        "$build/bin/xray-grep" $1 --count-runs -e nowhere_at_all -e late_reason "$store"
        "$build/bin/xray-grep" $1 -l 'pr[i]ce above the limit' "$store"
        "$build/bin/xray-grep" $1 -v -c phone "$store"
        "$build/bin/xray-funnel" $1 "$store"
        "$build/bin/xray-funnel" $1 --by version --reasons "$store"
        "$build/bin/xray-funnel" $1 -p 'c*' -j "$store"
        "$build/bin/xray-funnel" $1 --since 2026-01-01T00:05:00Z --order name "$store"
        "$build/bin/xray-funnel" $1 --rate mean --bucket 1h "$store"
        "$build/bin/xray-funnel" $1 --bucket 1m --by pipeline --min-runs 2 "$store"
        "$build/bin/xray-funnel" $1 --assert 'filter_price.rejection_rate < 5%' "$store"
        "$build/bin/xray-funnel" $1 --compare 'version = 2' "$store"
        "$build/bin/xray-funnel" $1 --baseline "$first" "$store"
    } 2>&1
    echo "$?"
}

same() { ask "" >"$work/with"; cmp -s "$work/with" "$work/without"; }
ask --index=never >"$work/without"
check "there is something to see" test "$(wc -c <"$work/without")" -gt 5000

# ---- the tool ----


# Made with the segment.
check "xray-import indexes what it writes" test "$(ls "$store"/*.idx)" = "$first.idx" # the others are tiny
run xray-index check "$first"
expect_status 0 "check of what xray-import made"
run xray-import --no-index "$work/decisions.json" -o "$work/later"
check "--no-index" test "$(ls "$work/later" | wc -l)" = 1
rm "$first.idx"

run xray-index check "$store"
expect_status 3 "check without indexes"
run xray-index build "$store"
expect_status 0 "build"
check "build: one for each segment" test "$(ls "$store" | grep -c '\.xray\.idx$')" = 4
check "build: nothing else is left behind but the catalogue" test "$(ls "$store" | wc -l)" = 9
run xray-index build "$store"
check "build again: nothing to do" is_empty "$out"
run xray-index check "$store"
expect_status 0 "check"
run xray-index show "$store"
expect_out "items" "show"
run xray-ls --index=require "$store"
expect_status 0 "require with indexes"
check "a valid index" same
"$build/bin/xray-index" check -q "$store"
check "nobody writes to an index that is read" test "$?" = 0

index=$first.idx
cp "$index" "$work/good"
mkdir "$work/kept"
cp -p "$store"/*.idx "$work/kept"
restore() { rm -rf "$index"; cp -p "$work/kept"/*.idx "$store"; }

# ---- states of one index ----

rm "$index"
check "missing" same
run xray-ls --index=require "$store"
expect_status 2 "require without an index"
: >"$index"
check "of no bytes" same
head -c 4096 /dev/zero >"$index"
check "all zero" same
head -c 5000000 /dev/urandom >"$index"
check "huge, of random bytes" same
cp "$(ls "$work/kept"/*.idx | tail -n 1)" "$index"
check "of another segment" same
run xray-index check -q "$store"
expect_status 3 "check of another segment's index"
restore
rm "$index"
ln -s "$work/good" "$index"
check "a symbolic link" same
run xray-ls --index=require "$store"
expect_status 2 "a symbolic link is not followed"
rm "$index"
mkfifo "$index"
check "a FIFO" same
rm "$index"
mkdir "$index"
check "a directory" same
restore
chmod 666 "$index"
run xray-ls --index=require "$store"
expect_status 2 "an index that everybody can write to is not trusted"
check "an index that everybody can write to" same
restore
cat "$work/good" "$work/good" >"$index"
check "with bytes behind it" same

# Two of them exchanged.
second=$(ls "$store"/*.xray | sed -n 2p)
cp "$work/good" "$second.idx"
cp "$work/kept/$(basename "$second").idx" "$index"
check "two exchanged" same
restore

# Cut short.
size=$(wc -c <"$work/good")
step=$((size / 12 + 1))
[ "$long" = 0 ] || step=1
cut_same=1
at=0
while [ "$at" -lt "$size" ]; do
    head -c "$at" "$work/good" >"$index"
    same || { cut_same=0; echo "    differs when cut at $at"; }
    at=$((at + step))
done
check "cut short" test "$cut_same" = 1

# One byte of each section, and of the head, changed.
flip_same=1
flip()
{
    cp "$work/good" "$index"
    printf '\377\001\252' | dd of="$index" bs=1 seek="$1" conv=notrunc 2>/dev/null
    same || { flip_same=0; echo "    differs when byte $1 is changed"; }
}
for at in 0 8 16 32 40 48 56 64 72 80 104 112 136 144 168 176 200 208; do flip "$at"; done
at=330
while [ "$at" -lt "$size" ]; do
    flip "$at"
    at=$((at + step))
done
check "damaged anywhere" test "$flip_same" = 1
run xray-index check -q "$store"
expect_status 3 "check of a damaged index"
run xray-index build -q "$store"
restore

# An index of the first blocks of a segment that has grown: a prefix is one until the last block.
whole=$work/whole
cp "$first" "$whole"
cut=$(($(wc -c <"$whole") - 1))
head -c "$cut" "$whole" >"$first" # the seal is torn: the blocks before it are left
rm "$index"
run xray-index build "$first"
expect_status 0 "build of a segment without a seal"
cp "$whole" "$first"
check "of a shorter prefix" same
run xray-index check "$first"
expect_status 0 "check of a shorter prefix"
expect_out "covers its first" "show a shorter prefix"
restore
head -c "$cut" "$whole" >"$first"
ask --index=never >"$work/without"
check "longer than the segment" same
cp "$whole" "$first"
ask --index=never >"$work/without"

# A damaged segment is not indexed.
cp "$whole" "$work/damaged.xray"
printf 'XXXX' | dd of="$work/damaged.xray" bs=1 seek=$((cut / 2)) conv=notrunc 2>/dev/null
run xray-index build "$work/damaged.xray"
expect_status 3 "build of a damaged segment"
check "a damaged segment has no index" test ! -e "$work/damaged.xray.idx"

# Dropped.
run xray-index drop "$store"
expect_status 0 "drop"
check "drop leaves the segments" test "$(ls "$store" | wc -l)" = 4
run xray-index drop "$store"
expect_status 1 "drop without indexes"
run xray-index
expect_status 2 "without a command"
run xray-index make "$store"
expect_status 2 "with an unknown command"

# Texts: what an index rules out is not read.
run xray-index build -q "$store"
run xray-grep --stats -c 'nowhere to be found' "$store"
expect_status 1 "a text that is nowhere"
check "no block is read" grep -q ': read 0 of .* which ruled out [0-9]* blocks' "$err"
run xray-grep --stats --index=never -c 'nowhere to be found' "$store"
check "without an index all are" grep -q ': read [1-9]' "$err"
run xray-index drop "$store"
run xray-index build -q --no-grams "$store"
expect_status 0 "--no-grams"
run xray-grep --stats -c 'nowhere to be found' "$store"
check "without grams all are" grep -q ': read [1-9]' "$err"
run xray-index check -q "$store"
expect_status 0 "check knows that grams were left out"
check "without grams" same
run xray-index show "$store"
check "show: no grams" grep -q '^  grams   0 B' "$out"
run xray-index build --item-bits 17 "$store"
expect_status 2 "--item-bits out of range"
run xray-index build --item-bits 8 "$store"
expect_status 0 "--item-bits"
run xray-index check -q "$store"
expect_status 0 "check knows the bits that were asked for"
check "with 8 bits" same
finish
