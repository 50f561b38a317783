# shellcheck disable=SC1091,SC2154,SC2016
# xray-info: what a store is made of. The numbers are those of the data, counted by jq, or by hand.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
"$build/bin/competitor_selection" "$work/example" fixed

run xray-info --stats "$work/example"
expect_status 0 "info"
expect_err "read 0 of 4 blocks" "info reads headers only"
check "info: the whole, but for sizes" sh -c 'sed "s/[0-9.]* k*B/SIZE/g; s/  *SIZE/ SIZE/g; s/SIZE *[0-9.]*$/SIZE/" "$0" >"$1"' \
    "$out" "$work/shown"
cp "$work/shown" "$out"
expect_text "info: segments, span, rows, kinds, losses, writers, index" <<'END'
segments 1: 1 sealed, 0 open, 0 crashed; format version 1
size SIZE in 4 blocks
span     2025-11-24T16:00:00Z to 2025-11-24T16:00:00Z (28ms)
rows     4 run rows, 20 step rows, 55 candidates, 4 decisions and notes
payload  2 values, 0 parts that values share

kind        blocks  stored     raw  ratio
payload          1 SIZE SIZE
candidates       1 SIZE SIZE
spine            1 SIZE SIZE
seal             1 SIZE SIZE

lost     nothing
writers  1
  competitor_selection  on -  1 segment SIZE  done
index    none (xray-index build makes one)
END

# The same from the outside: what jq counts in the lines, what stat says of the file.
"$build/bin/xray-cat" -j "$work/shop" >"$work/shop.lines"
run xray-info -j "$work/shop"
lines() { jq -s "$1" "$work/shop.lines"; }
info() { jq "$1" "$out"; }
segment=$(ls "$work"/shop/*.xray)
check "info -j: candidates" [ "$(info .kinds.candidates.rows)" = "$(lines '[.[] | select(.kind == "cand")] | length')" ]
check "info -j: bytes" [ "$(info .bytes)" = "$(wc -c <"$segment")" ]
check "info -j: blocks add up" [ "$(info '[.kinds[].blocks] | add')" = "$(info .blocks)" ]
check "info -j: the writer" [ "$(info '.writers[0].app')" = '"xray-import"' ]
check "info -j: the least time is that of the first run" \
    [ "$(info .from)" = "$(lines '[.[] | .start, .time | values] | min_by(tonumber)')" ]

# ---- what was lost ----

cat >"$work/loss.ndjson" <<'END'
{"kind":"run","run":"00112233445566778899aabbccddeeff","pipeline":"p","start":"1767225600000000000"}
{"kind":"loss","cause":"memory","what":"candidate","count":7,"from":"1767225600000000000","to":"1767225601000000000"}
{"kind":"loss","cause":"memory","what":"candidate","count":2,"from":"1767225599000000000","to":"1767225600000000000"}
{"kind":"loss","cause":"size","what":"payload","count":1,"from":"1767225600000000000","to":"1767225600000000000"}
END
make_store loss "$work/loss.ndjson"
run xray-info --stats "$work/loss"
expect_err "(1 loss)" "info reads loss blocks, and no others"
expect_out "lost     10 records" "info: how many were lost"
expect_out "9 candidate: memory, 2025-12-31T23:59:59Z to 2026-01-01T00:00:01Z" "info: losses of a cause and kind together"
expect_out "1 payload: size" "info: other losses apart"
run xray-info -j "$work/loss"
check "info -j: losses" [ "$(jq -c '[.losses[] | [.count, .what, .cause]]' "$out")" = '[[9,"candidate","memory"],[1,"payload","size"]]' ]

# ---- torn, damaged, not sealed ----

mkdir "$work/torn"
head -c $(($(wc -c <"$segment") - 100)) "$segment" >"$work/torn/t.xray"
run xray-info -j "$work/torn"
expect_status 0 "info of a torn file"
check "info: torn bytes are told" [ "$(jq '.torn > 0 and .sealed == 0' "$out")" = true ]
mkdir "$work/damaged"
{ head -c 2200 "$segment"; printf 'XXXXXXXX'; tail -c +2209 "$segment"; } >"$work/damaged/d.xray"
run xray-info -j "$work/damaged"
check "info -j of a damaged file is still JSON" [ "$(jq .segments "$out")" = 1 ]

# ---- bytes ----

run xray-info --du -j "$work/shop" "$work/example"
check "info --du: largest first" [ "$(jq -s 'map(.bytes) == (map(.bytes) | sort | reverse) and length == 2' "$out")" = true ]
check "info --du: kinds add up to the file" \
    [ "$(jq -s 'all(.[]; .payload + .candidates + .spine + .loss + .seal + .other == .bytes)' "$out")" = true ]
run xray-info --du --format csv "$work/shop"
expect_out "segment,bytes,payload,candidates,spine,loss,seal,other,raw,ratio,index" "info --du --format csv has a header"
expect_lines 2 "info --du --format csv"

# ---- fields and values ----

run xray-info --fields -j "$work/shop"
expect_status 0 "info --fields"
field() { jq -s "[.[] | select(.owner == \"$1\" and .field == \"$2\") | .count] | add // 0" "$out"; }
count() { lines "[.[] | select(.kind == \"$1\" and $2)] | length"; }
for f in pipeline version session cost tags input output error; do
    check "info --fields: run.$f" [ "$(field run $f)" = "$(count run "has(\"$f\")")" ]
done
for f in name type model provider candidates_in cost tokens_in input reasoning params; do
    case $f in
    tokens_in) has='.tokens.input != null' ;;
    *) has="has(\"$f\")" ;;
    esac
    check "info --fields: step.$f" [ "$(field step $f)" = "$(count step "$has")" ]
done
check "info --fields: keys of tags" [ "$(field run tags.tier)" = "$(count run '.tags.tier != null')" ]
for f in verdict:verdict reason:reasons score:score rank_out:rank_out evidence:evidence; do
    check "info --fields: cand.${f%:*}" [ "$(field cand "${f%:*}")" = "$(count cand "has(\"${f#*:}\")")" ]
done
for key in price limit; do
    check "info --fields: evidence.$key" [ "$(field cand evidence.$key)" = "$(count cand ".evidence.$key != null")" ]
done
check "info --fields: candidates have evidence" [ "$(field cand evidence.price)" -gt 0 ]
check "info --fields: what nobody has is not listed" [ "$(field run project)" = 0 ]

run xray-info --values step.type -j "$work/shop"
lines '[.[] | select(.kind == "step" and has("type"))] | group_by(.type) | map({kind: "value", value: .[0].type, count: length}) |
    sort_by(-.count, .value) | .[]' | jq -c . >"$work/expected"
check "info --values is what jq counts" cmp -s "$work/expected" "$out"
run xray-info --values tags.tier "$work/shop"
expect_status 0 "info --values of a tag"
run xray-info --values step.model --format csv "$work/shop"
expect_out "value,count" "info --values --format csv"
run xray-info --values step.model "$work/loss"
expect_status 1 "info --values of what is not there"
run xray-info --values nope "$work/shop"
expect_status 2 "info --values of no field"
run xray-info --values step.model --du "$work/shop"
expect_status 2 "info with two questions"
run xray-info --format csv "$work/shop"
expect_status 2 "info --format csv alone"
run xray-info --format xml "$work/shop"
expect_status 2 "info --format of another kind"
run xray-info --format ndjson --values step.model "$work/shop"
cp "$out" "$work/expected"
run xray-info -j --values step.model "$work/shop"
check "info -j is --format ndjson" cmp -s "$work/expected" "$out"
run xray-info --dedupe --du "$work/shop"
expect_status 2 "info --dedupe with another question"

# ---- what is stored once ----

# A prompt of 4,000 letters in each of 20 steps.
prompt=$(printf '%04000d' 7)
{
    echo '{"kind":"run","run":"00112233445566778899aabbccddeeff","pipeline":"p","start":"1767225600000000000"}'
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        echo '{"kind":"step","run":"00112233445566778899aabbccddeeff","step":'$i',"name":"s","start":"1767225600000000000","input":["'"$prompt"'",'$i']}'
    done
} >"$work/once.ndjson"
make_store once "$work/once.ndjson"
run xray-info --dedupe -j "$work/once"
check "info --dedupe: 80 kB stand in one copy" \
    [ "$(jq '.dedupe | .whole >= 80000 and .whole < 81000 and .referred > 79000 and .payload > 4000 and .payload < 6000' "$out")" = true ]
run xray-info --dedupe "$work/once"
expect_out " times less" "info --dedupe says how much less"
run xray-info -j "$work/once"
expect_no_out "dedupe" "info reads no payload if not asked to"

# ---- index ----

# What comes from an index is what comes without, also if only a part of the runs has one.
"$build/bench/gen_decisions" --runs=20 >"$work/gen.ndjson"
make_store gen "$work/gen.ndjson"
"$build/bin/xray-index" build -q "$work/gen"
make_store gen "$work/gen.ndjson" # the same runs in a second segment: none is whole in the first
make_store half "$work/gen.ndjson"
"$build/bin/xray-index" build -q "$work/half"
"$build/bench/gen_decisions" --runs=7 --seed=5 >"$work/more.ndjson"
make_store half "$work/more.ndjson"
for index in "$work"/half/*.idx; do # of one of the two
    rm "$index"
    break
done
make_store mixed "$work/gen.ndjson"
"$build/bench/gen_decisions" --runs=1 >"$work/one.ndjson"
make_store mixed "$work/one.ndjson" # one of the runs again: sums hold of the others, in the same block
"$build/bin/xray-index" build -q "$work/mixed"
for s in gen half mixed shop example; do
    for f in run.pipeline run.version run.status run.start run.duration tags.tier step.name step.type step.status step.model; do
        run xray-info -j --index=never --values $f "$work/$s"
        cp "$out" "$work/expected"
        run xray-info -j --values $f "$work/$s"
        check "info --values $f of $s: the same with an index" cmp -s "$work/expected" "$out"
    done
done
"$build/bin/xray-index" build -q "$work/half"
for f in run.version step.name step.type; do
    run xray-info --stats --values $f "$work/half"
    expect_err "read 0 of" "info --values $f reads no block where there are indexes"
done
"$build/bin/xray-index" build -q "$work/shop"
run xray-info -j "$work/shop"
check "info: the index and its sections" [ "$(jq '.index.whole == 1 and .index.runs > 0' "$out")" = true ]
check "info: bytes of the index" [ "$(info .index.bytes)" = "$(wc -c <"$segment.idx")" ]
printf x >"$segment.idx"
run xray-info -j "$work/shop"
check "info: an index that is no good" [ "$(jq '.index.unusable' "$out")" = 1 ]

# ---- nothing, and hostile text ----

mkdir "$work/empty"
run xray-info "$work/empty"
expect_status 1 "info of nothing"
run xray-info "$work/none"
expect_status 2 "info of what is not there"
make_store odd "$here/data/hostile.ndjson"
for options in "" --du --fields "--values run.pipeline" "--values step.name"; do
    # shellcheck disable=SC2086
    run xray-info $options "$work/odd"
    expect_harmless "info $options of hostile text"
done

finish
