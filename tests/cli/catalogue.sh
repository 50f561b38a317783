# shellcheck disable=SC1091,SC2154,SC2012
# The catalogue of a store, and its law: whatever it says, the tools print the same bytes.
#
# XRAY_TEST_LONG=1 cuts the catalogue at every byte instead of some.
. "$(dirname "$0")/lib.sh"

gen=$build/bench/gen_decisions
long=${XRAY_TEST_LONG:-0}
store=$work/store

# import NAME: standard input becomes one segment of the store.
import()
{
    cat >"$work/$1.ndjson"
    run xray-import "$work/$1.ndjson" -o "$store"
    expect_status 0 "import of $1"
}

# Ten segments of three runs; two that share a run, of which one knows when it began and what it is called; one of
# another pipeline, far away; ids that begin alike.
"$gen" --runs=30 >"$work/decisions.json"
split -n r/10 "$work/decisions.json" "$work/piece."
for piece in "$work"/piece.*; do
    run xray-import "$piece" -o "$store"
done
import late <<'END'
{"kind":"run","run":"00112233445566778899aabbccddeeff","pipeline":"split","status":"success","end":"1767225699000000000"}
{"kind":"step","run":"00112233445566778899aabbccddeeff","step":2,"name":"late","type":"filter","status":"failure","candidates_in":7,"candidates_out":0}
{"kind":"run","run":"00112233445566778899aabbccddee00","status":"failure","end":"1767225699000000000"}
{"kind":"step","run":"00112233445566778899aabbccddee00","step":1,"status":"success","end":"1767225630000000000"}
END
import early <<'END'
{"kind":"run","run":"00112233445566778899aabbccddeeff","ext_id":"the-split-one","pipeline":"split","version":"7","start":"1767225600000000000"}
{"kind":"step","run":"00112233445566778899aabbccddeeff","step":1,"name":"early","type":"llm","status":"success","candidates_in":7,"candidates_out":7}
{"kind":"run","run":"00112233445566778899aabbccddee00","pipeline":"crossing","start":"1767225600000000000","tags":{"env":"test"}}
{"kind":"step","run":"00112233445566778899aabbccddee00","step":1,"name":"crossing","type":"llm","start":"1767225600000000000"}
END
import far <<'END'
{"kind":"run","run":"aaaa0000000000000000000000000001","ext_id":"far-1","pipeline":"far","status":"success","start":"1267225600000000000","end":"1267225600000000001"}
{"kind":"run","run":"aaaa0000000000000000000000000002","ext_id":"far-10","pipeline":"far","status":"success","start":"1267225600000000000","end":"1267225600000000001"}
END
import twin <<'END'
{"kind":"run","run":"aaaa0000000000000000000000000031","ext_id":"far-100","pipeline":"twin","status":"success","start":"1267225700000000000","end":"1267225700000000001"}
{"kind":"run","run":"bbbb0000000000000000000000000031","ext_id":"far-100","status":"success"}
END
some=$(sed -n '7s/^{"run":{"id":"\([^"]*\)".*/\1/p' "$work/decisions.json")
prefix=$(printf %.9s "$some")

# What is asked, with the given --index.
ask()
{
    # shellcheck disable=SC2086
    {
        for id in "$some" "$prefix" 0011 the-split-one the-sp far-1 far-10 far-100 aaaa aaaa00000 BBBB- 123 zzzzzzz; do
            "$build/bin/xray-cat" $1 -r "$id" "$store"
        done
        "$build/bin/xray-cat" $1 -r aaaa -r far-1 -r "$some" -p far -j "$store"
        "$build/bin/xray-ls" $1 -r 0011 "$store"
        "$build/bin/xray-ls" $1 --until 2020-01-01 "$store"
        "$build/bin/xray-ls" $1 --since 2025-12-31 --until 2026-01-01T00:00:01Z "$store"
        "$build/bin/xray-ls" $1 --since 2030-01-01 "$store"
        "$build/bin/xray-ls" $1 -p 't*' -p split "$store"
        "$build/bin/xray-grep" $1 -c -p split -s late -W 'candidates_out = 0' "$store"
        "$build/bin/xray-grep" $1 -l -r the-split-one success "$store"
        "$build/bin/xray-grep" $1 -L -p far success "$store"
        "$build/bin/xray-funnel" $1 -p split "$store"
        "$build/bin/xray-funnel" $1 -r the-split-one "$store"
        "$build/bin/xray-stat" $1 -p far --by pipeline "$store"
        "$build/bin/xray-ls" $1 -p far "$store"
        "$build/bin/xray-ls" $1 -p far "$store" "$work/one"
        for expression in 'step.name = late' 'step.name = early' 'step.name ~ "^l" or step.type = llm' 'not step.name = rank' \
            'any{step.name = late} and any{step.name = early}' 'any{step.name = late and candidates_out = 0}' \
            'none{step.name = rank}' 'all{step.status = success}' 'step.duration = 30s' 'step.duration > 1s' 'step.duration >= 30s' \
            'run.status = failure' 'run.status != success' 'run.status in (running, abandoned)' 'run.pipeline = split' \
            'run.pipeline = split and step.candidates_out > 0' 'run.version = "7"' 'run.id = 0011' 'run.tags.env = test' 'run.tags.env != test' \
            'step.reason = price_too_high' 'step.error_type exists' 'rejection_rate > 0.99' 'step.name = nowhere' 'any cand{score > 0.9999}'; do
            echo "$expression"
            "$build/bin/xray-ls" $1 -W "$expression" "$store"
            "$build/bin/xray-funnel" $1 -W "$expression" "$store"
        done
        for name in late early rank 'cross*' 2 nowhere; do
            "$build/bin/xray-grep" $1 -c "" -s "$name" "$store"
            "$build/bin/xray-stat" $1 -s "$name" --by name "$store"
            "$build/bin/xray-grep" $1 -L e -s "$name" "$store"
        done
        for type in llm 'fil*' nothing; do "$build/bin/xray-cat" $1 -t "$type" -p split "$store"; done
        for status in running abandoned success failure partial ended; do
            "$build/bin/xray-ls" $1 --status "$status" "$store"
            "$build/bin/xray-grep" $1 -v e --status "$status" -s early "$store"
        done
    } 2>&1
    echo "$?"
}

# The few that show it, for the many states.
ask_few()
{
    # shellcheck disable=SC2086
    {
        "$build/bin/xray-cat" $1 -r "$prefix" "$store"
        "$build/bin/xray-cat" $1 -r the-split-one "$store"
        "$build/bin/xray-ls" $1 -r far-1 -r zzzz "$store"
        "$build/bin/xray-ls" $1 --until 2026-01-01T00:00:01Z "$store"
        "$build/bin/xray-grep" $1 -c "" -s late "$store"
        "$build/bin/xray-ls" $1 -W 'step.duration = 30s or run.version = "7"' "$store"
    } 2>&1
    echo "$?"
}

same() { ask "" >"$work/with"; diff "$work/with" "$work/without" >"$out"; }
same_few() { ask_few "" >"$work/with"; cmp "$work/with" "$work/without.few" >"$out"; }
expect()
{
    ask --index=never >"$work/without"
    ask_few --index=never >"$work/without.few"
}
mkdir "$work/one"
cp "$(ls "$store"/*.xray | head -n 1)" "$work/one/copy.xray"
expect
check "there is something to see" test "$(wc -c <"$work/without")" -gt 5000

# ---- the tool ----

run xray-index check "$store"
check "check without a catalogue does not name one" lacks "$out" catalogue
run xray-index build "$store"
expect_status 0 "build"
expect_out "catalogue written: 14 segments, 36 runs" "build says what it wrote"
check "build: nothing else is left behind" test "$(ls "$store" | wc -l)" = 29
run xray-index build "$store"
check "build again: nothing to do" is_empty "$out"
run xray-index check -q "$store"
expect_status 0 "check"
check "a valid catalogue" same

# opens WHAT N COMMAND...: of the segments, N are opened.
segments=14
opens()
{
    what=$1
    want=$2
    shift 2
    run "$@" --stats
    check "$what: $want segments" has "$err" "left out $((segments - want)) of $segments segments"
}
opens "one run by id" 1 xray-cat -r "$some" "$store"
opens "the beginning of an id" 1 xray-cat -r "$prefix" "$store"
check "one run is found in one segment" has "$out" "$some"
opens "an ext_id" 2 xray-cat -r the-split-one "$store"
opens "one that others begin with" 1 xray-cat -r far-1 "$store"
opens "a time at which there was nothing" 0 xray-ls --since 2030-01-01 "$store"
opens "until" 2 xray-ls --until 2020-01-01 "$store"
opens "a pipeline" 2 xray-ls -p split "$store"
check "--stats says by what" has "$err" "(-p: 12)"
opens "a step" 2 xray-grep -c "" -s late "$store"
check "--stats says by what" has "$err" "(-s: 12)"
opens "what only two segments together say" 2 xray-ls -W 'any{step.name = late} and any{step.name = early}' "$store"
check "what only two segments together say is found" has "$out" 'split@7'
opens "a type and a pipeline" 2 xray-cat -t llm -p split "$store"
opens "a status" 3 xray-ls --status failure "$store"
opens "an expression" 2 xray-funnel -W 'step.name = early and run.version = "7"' "$store"
opens "a step of no run" 0 xray-grep -c "" -s nowhere "$store"
run xray-ls --stats -W 'none{step.name = rank}' "$store"
check "what the facts do not tell: all segments" lacks "$err" "left out"
run xray-ls --explain -W 'step.name = late' "$store"
check "--explain says what is left out" has "$out" "segments: 2; the catalogue left out 12 of 14 segments (-W: 12)"
run xray-cat --untrusted --stats -r the-split-one "$store"
check "--untrusted does without" lacks "$err" "left out"

catalogue=$store/catalogue.idx
cp -p "$catalogue" "$work/good"
restore() { rm -rf "$catalogue"; cp -p "$work/good" "$catalogue"; }

# ---- states of the file ----

rm "$catalogue"
check "missing" same_few
: >"$catalogue"
check "of no bytes" same_few
head -c 4096 /dev/zero >"$catalogue"
check "all zero" same_few
run xray-index check -q "$store"
expect_status 3 "check of zeros"
head -c 500000 /dev/urandom >"$catalogue"
check "of random bytes" same_few
cp "$(ls "$store"/*.xray.idx | tail -n 1)" "$catalogue"
check "the index of a segment" same_few
run xray-index build -q "$work/one"
cp "$work/one/catalogue.idx" "$catalogue"
check "of another store" same_few
rm "$catalogue"
ln -s "$work/good" "$catalogue"
check "a symbolic link" same_few
run xray-cat --stats -r "$some" "$store"
check "a symbolic link is not followed" lacks "$err" "left out"
rm "$catalogue"
mkfifo "$catalogue"
check "a FIFO" same_few
rm "$catalogue"
mkdir "$catalogue"
check "a directory" same_few
restore
chmod 666 "$catalogue"
run xray-cat --stats -r "$some" "$store"
check "one that everybody can write to is not trusted" lacks "$err" "left out"
check "one that everybody can write to" same_few
restore
cat "$work/good" "$work/good" >"$catalogue"
check "with bytes behind it" same_few

size=$(wc -c <"$work/good")
step=$((size / 12 + 1))
[ "$long" = 0 ] || step=1
cut_same=1
at=0
while [ "$at" -lt "$size" ]; do
    head -c "$at" "$work/good" >"$catalogue"
    same_few || { cut_same=0; echo "    differs when cut at $at"; }
    at=$((at + step))
done
check "cut short" test "$cut_same" = 1

flip_same=1
flip()
{
    cp "$work/good" "$catalogue"
    printf '\377\001\252' | dd of="$catalogue" bs=1 seek="$1" conv=notrunc 2>/dev/null
    same_few || { flip_same=0; echo "    differs when byte $1 is changed"; }
}
for at in 0 8 12 16 20 24 40 56; do flip "$at"; done
at=64
while [ "$at" -lt "$size" ]; do
    flip "$at"
    at=$((at + step))
done
check "damaged anywhere" test "$flip_same" = 1
restore

# ---- a store that changes ----

# A segment that came since says when and under which name a run of a listed one began.
import new <<'END'
{"kind":"run","run":"bbbb0000000000000000000000000031","ext_id":"renamed","pipeline":"far","start":"1267225800000000000"}
{"kind":"run","run":"aaaa0000000000000000000000000312","ext_id":"far-1000","pipeline":"split","start":"1767225600000000000"}
END
expect
check "a segment was added" same
segments=15
opens "of it and of those that share a run with it" 4 xray-ls -p split "$store"
check "ids are told apart by as many digits" has "$out" "aaaa00000000000000000000000003"
ls "$store"/*.xray >"$work/names"
mkdir "$work/aside"
mv "$(sed -n 1p "$work/names")" "$(sed -n 13p "$work/names")" "$work/aside"
expect
check "segments were removed" same
mv "$work/aside"/*.xray "$store"
first=$(sed -n 1p "$work/names")
cp -p "$first" "$work/whole"
cp "$(sed -n 13p "$work/names")" "$work/other"
rm "$first"
cp "$work/other" "$first"
expect
check "a name has other contents" same
rm "$first"
size=$(wc -c <"$work/whole")
head -c $((size - 10)) "$work/whole" >"$first"
expect
check "a segment was cut" same
cp "$work/whole" "$first"
expect
check "a segment was put back" same
cp -r "$store" "$work/copied"
run xray-cat --stats -r "$some" "$work/copied"
check "a copy of the store keeps its catalogue" has "$err" "left out 12 of 15 segments"

# Segments without indexes, and damaged ones, are not listed.
printf 'XXXX' | dd of="$first" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
rm "$first.idx"
run xray-index build -q "$store"
expect_status 3 "build beside a damaged segment"
expect
check "damage is told of whatever is asked" same

run xray-index drop "$store"
expect_out "catalogue removed" "drop"
check "drop leaves the segments" test "$(ls "$store" | wc -l)" = 15
finish
