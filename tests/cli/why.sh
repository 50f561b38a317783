# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-why: one candidate through a run and through all runs.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
"$build/bin/competitor_selection" "$work/example" fixed

run xray-why B0BOT2 "$work/example"
expect_status 0 "why ITEM"
expect_quiet "why ITEM"
expect_text "why ITEM: its runs, newest first, and its verdicts" <<'END'
2025-11-24T16:00:00Z  906f21be  competitor_selection@1.4  survived select
2025-11-24T16:00:00Z  1c181b42  competitor_selection@1.4  survived filter_category  left at filter_rating: rating_too_low
B0BOT2 in 2 runs: accept 8, reject 1
  search           accept 2
  filter_price     accept 2
  filter_category  accept 2
  filter_rating    accept 1, reject 1
  select           accept 1
END

run xray-why B0BOT2 -r 1c18 "$work/example"
expect_status 0 "why -r"
expect_text "why -r: every step, the margin, what was not reached, and elsewhere" <<'END'
B0BOT2 in run 1c181b42  competitor_selection@1.4  partial  2025-11-24T16:00:00.001Z
  1 search search
      accept  B0BOT2
  2 filter filter_price
      accept  B0BOT2
  3 filter filter_category
      accept  B0BOT2
  4 filter filter_rating  missed by 2.5%
      reject  B0BOT2  rating_too_low (rule min_rating 2)  score 3.9  threshold 4  by rule
  5 select select  not evaluated after rejection
  elsewhere: 1 run, survived filter_rating in 1 (version 1.4: 1)
END
run xray-why B0CUP1 -r 1c18 "$work/example"
expect_status 0 "why -r of an item that was elsewhere only"
expect_out "3 filter filter_category  not seen" "why -r: not seen"
expect_out "1 search search  not recorded or not seen: 4 of 15 candidates recorded; it may have been there and was not kept" "why -r: perhaps not recorded"
run xray-why B0BOT2 --since 2026-01-01 "$work/example"
expect_status 1 "why --since leaves nothing"
run xray-why B0BOT2 -r 1c18 --since 2026-01-01 "$work/example"
expect_out "elsewhere: 0 runs" "why -r --since restricts elsewhere"

for item in B0 B0BOT B0BOT22 b0bot2 ''; do
    run xray-why "$item" "$work/example"
    expect_status 1 "why '$item', which is no item"
done
run xray-why B0BOT22 "$work/example"
expect_err "there is no record of 'B0BOT22'" "why of an unknown item says so"
expect_err "did you mean B0BOT2" "why of an unknown item names those like it"
run xray-why b0bot2 "$work/example"
expect_err "did you mean B0BOT2" "why of an item in other case"
run xray-why B0MA "$work/example"
expect_err "did you mean B0MAT" "why of a prefix"
run xray-why unlike-any-other "$work/example"
expect_status 1 "why of an item unlike any"
check "why of an item unlike any: no suggestion" lacks "$err" "did you mean"
run xray-why B0BOT2 -r 1c18 -r 906f "$work/example"
expect_status 2 "why with two runs"
run xray-why B0BOT2 -r 0000 "$work/example"
expect_status 2 "why -r of no run"
run xray-why
expect_status 2 "why without an item"
run xray-why -- -odd "$work/example"
expect_status 1 "why -- -odd"

# ---- the margin where the record gives none; what may have been there; since when ----

cat >"$work/since.ndjson" <<'END'
{"kind":"run","run":"00000000000000000000000000000001","pipeline":"p","version":"1","status":"success","start":"1735689600000000000"}
{"kind":"step","run":"00000000000000000000000000000001","step":1,"name":"price","type":"filter","start":"1735689600000000000"}
{"kind":"cand","run":"00000000000000000000000000000001","step":1,"item":"X1","verdict":"accept"}
{"kind":"run","run":"00000000000000000000000000000002","pipeline":"p","version":"2","status":"success","start":"1735689700000000000"}
{"kind":"step","run":"00000000000000000000000000000002","step":1,"name":"price","type":"filter","start":"1735689700000000000","filters":{"price":{"min":10,"max":80},"rating":{"min":4.0}}}
{"kind":"cand","run":"00000000000000000000000000000002","step":1,"item":"X1","verdict":"reject","reasons":[{"code":"price_too_high"}],"evidence":{"price":100,"rating":1.0}}
{"kind":"cand","run":"00000000000000000000000000000002","step":1,"item":"X2","verdict":"reject","reasons":[{"code":"other"}],"evidence":{"price":5,"rating":3.9}}
{"kind":"cand","run":"00000000000000000000000000000002","step":1,"item":"X3","verdict":"reject","evidence":{"price":20,"rating":4.5}}
{"kind":"cand","run":"00000000000000000000000000000002","step":1,"item":"X4","verdict":"accept","evidence":{"price":20,"rating":4.5}}
{"kind":"step","run":"00000000000000000000000000000002","step":2,"name":"more","type":"filter","start":"1735689700000000000","candidates_in":1200,"candidates_out":5,"sampling":{"mode":"rate","seen":1200,"kept":1},"params":{"cutoff":0.5}}
{"kind":"cand","run":"00000000000000000000000000000002","step":2,"item":"X5","verdict":"reject","score":0.4,"weight":1200}
{"kind":"step","run":"00000000000000000000000000000002","step":3,"name":"counted","type":"filter","start":"1735689700000000000","candidates_in":30,"candidates_out":5}
{"kind":"run","run":"00000000000000000000000000000003","pipeline":"p","version":"2","status":"success","start":"1735689800000000000"}
{"kind":"step","run":"00000000000000000000000000000003","step":1,"name":"price","type":"filter","start":"1735689800000000000"}
{"kind":"cand","run":"00000000000000000000000000000003","step":1,"item":"X1","verdict":"reject","reasons":[{"code":"price_too_high"}]}
END
make_store since "$work/since.ndjson"
run xray-why X1 "$work/since"
expect_out "  price  accept 1, reject 2" "why: verdicts by step"
expect_out "  p since version 2 (2025-01-01T00:01:40Z): left at price: price_too_high in 2 of 2 runs; before, version 1: survived price in 1 of 1 run" \
    "why: since which version"
run xray-why X4 "$work/since"
expect_no_out "since version" "why: nothing changed"
run xray-why -j X1 "$work/since"
check "why -j: since which version" [ "$(jq -c 'select(.kind == "item").changes[0] | [.version, .since, .fate, .step, .reason, .in, .runs, .before.version, .before.fate]' "$out")" = \
    '["2","1735689700000000000","left","price","price_too_high",2,2,"1","survived"]' ]
run xray-why X1 -r 00000000000000000000000000000002 "$work/since"
expect_out "1 filter price  missed by 25.0% (computed: price 100, filters.price.max 80)" "why: the margin of the number that the reason names"
expect_out "since version 2" "why -r: since which version"
run xray-why X2 -r 00000000000000000000000000000002 "$work/since"
expect_out "missed by 50.0% (computed: price 5, filters.price.min 10)" "why: the margin that is farthest"
for item in X3 X4; do
    run xray-why $item -r 00000000000000000000000000000002 "$work/since"
    expect_no_out "missed" "why: no margin of $item, which is beyond no limit or was accepted"
done
expect_out "2 filter more  not recorded or not seen: candidates were sampled, 1 of 1,200 candidates recorded; it may have been there and was not kept" \
    "why -r: candidates were sampled"
expect_out "3 filter counted  not recorded or not seen: only counts were recorded, 0 of 30 candidates recorded; it may" "why -r: only counts"
run xray-why X5 -r 00000000000000000000000000000002 -j "$work/since"
check "why -j: the margin of a score" [ "$(jq -c 'select(.kind == "path").steps[] | select(.name == "more") | .missed_from' "$out")" = \
    '{"field":"score","value":0.4,"limit_field":"params.cutoff","limit":0.5}' ]
run xray-why X1 -r 0000000000000002 --format line --fields step.name,missed_by,missed_from "$work/since"
expect_status 2 "why -r of an ambiguous id"
run xray-why X1 -r 00000000000000000000000000000002 --format line --fields step.name,missed_by,missed_from "$work/since"
expect_text "why --format line" <<'END'
price	0.25	filters.price.max
END
run xray-why B07B --format csv --fields run.pipeline,step.name,cand.verdict,missed_by "$work/shop"
printf 'run.pipeline,step.name,cand.verdict,missed_by\r\ncompetitor_selection,search,accept,\r\ncompetitor_selection,filter_price,reject,0.29\r\n' >"$work/expected"
check "why --format csv" cmp -s "$work/expected" "$out"
run xray-why B0BOT2 --format csv "$work/example"
expect_lines 10 "why --format csv: a row per record, and the names"
run xray-why B0BOT2 --format ndjson "$work/example"
cp "$out" "$work/ndjson"
run xray-why B0BOT2 -j "$work/example"
check "why -j is --format ndjson" cmp -s "$work/ndjson" "$out"
run xray-why B0BOT2 --format json "$work/example"
expect_status 2 "why --format json"

# ---- why this one and not that one ----

run xray-why B0BOT2 --not B0BOT1 -r 1c18 "$work/example"
expect_text "why --not" <<'END'
B0BOT2, not B0BOT1, in run 1c181b42  competitor_selection@1.4  partial  2025-11-24T16:00:00.001Z
  the same at search, filter_price
  3 filter filter_category  here they part
      accept  B0BOT2
      reject  B0BOT1  category_mismatch  category="Water bottles" wanted="Water Bottles"
END
run xray-why B0BOT1 --not B0BOT2 "$work/example"
expect_out "in run 906f21be" "why --not: in the newest run that has both"
expect_out "missed by 37.5% (computed: price 27.5, limit 20)" "why --not: the margin"
run xray-why B07A --not B07D "$work/shop"
expect_out "5 select pick  here they part" "why --not: a decision parts them"
expect_out "selected  score 0.91  reason: highest score" "why --not: who was selected"
expect_out "not selected  score 0.66  why not: not_best" "why --not: who was not"
run xray-why B0BOT1 --not B0BOT1 -r 1c18 "$work/example"
expect_out "their fates do not part" "why --not of the same"
run xray-why B0BOT2 --not B0MAT2 "$work/example"
expect_status 1 "why --not of two without a run in common"
expect_err "no run has records of both" "why --not of two without a run in common says so"
run xray-why B07B --not B07A -j "$work/shop"
check "why --not -j" [ "$(jq -c '[.kind, .same, .name, (.sides[] | .item, .passed, .missed_by)]' "$out")" = \
    '["versus",[2],"filter_price","B07B",false,0.29,"B07A",true,null]' ]

run xray-why --decision -r 9f3c "$work/shop"
expect_status 2 "why --decision of an ambiguous run"
run xray-why --decision -r 9f3c2 "$work/shop"
expect_text "why --decision: what the decision says" <<'END'
run 9f3c2a71  competitor_selection@1.4  success  2026-08-21T09:14:03.120Z
  5 select pick  2 → 1  decision select_competitor  reason: highest score
      chosen      (unrecorded)  B07A  score 0.91
      not chosen  (unrecorded)  B07D  score 0.66  why not: not_best  0.25 below the chosen
      rejected for not_best 1
END
run xray-why --decision -r 9f3c2 -s filter_price "$work/shop"
expect_text "why --decision -s: a filter, those that nearly passed first" <<'END'
run 9f3c2a71  competitor_selection@1.4  success  2026-08-21T09:14:03.120Z
  3 filter filter_price  6 → 2
      chosen      accept  B07A  price=79 limit=100
      chosen      accept  B07D  price=99 limit=100
      not chosen  reject  B07B  price_too_high (rule price_cap v3)  price=129 limit=100  missed by 29.0% (computed: price 129, limit 100)
      not chosen  reject  B07C  price_too_high (rule price_cap v3)  price=250.5 limit=100  missed by 150.5% (computed: price 250.5, limit 100)
      not chosen  reject  B07F  price_too_high (rule price_cap v3)  price=1000 limit=100  missed by 900.0% (computed: price 1000, limit 100)
      not chosen  reject  B07E  no_price (rule price_cap v3)
      rejected for price_too_high 3, no_price 1
END
run xray-why --decision -r 1c18 "$work/example"
expect_out "chosen      none" "why --decision: nobody was chosen"
run xray-why --decision -r 9f3c2 -s nothing "$work/shop"
expect_status 1 "why --decision of a step that is not there"
run xray-why --decision "$work/shop"
expect_status 2 "why --decision without a run"
run xray-why --decision --format csv -r 9f3c2 "$work/shop"
expect_status 2 "why --decision as rows"

# An id of all kinds of bytes but NUL, which no argument can hold.
sed 's/\\u0000//g' "$here/data/hostile.ndjson" >"$work/odd.ndjson"
make_store odd "$work/odd.ndjson"
"$build/bin/xray-cat" -j "$work/odd" | jq -j 'select(.kind == "cand" and .item != "plain") | .item' >"$work/id"
check "the id has a newline and an escape" sh -c 'grep -q "$(printf "\033")" "$0" && [ "$(wc -l <"$0")" -gt 0 ]' "$work/id"
for options in "" -j "--format tsv" "--format line" "--not plain"; do
    # shellcheck disable=SC2086
    run xray-why $options -- "$(cat "$work/id")" "$work/odd"
    expect_status 0 "why $options of a hostile id"
    expect_harmless "why $options of a hostile id is harmless"
done

for options in "" -j; do
    # shellcheck disable=SC2086
    run xray-why --decision -s 1 -s 2 -s 3 -r "$("$build/bin/xray-cat" -j "$work/odd" | jq -r 'select(.kind == "cand") | .run' | head -n 1)" $options "$work/odd"
    expect_status 0 "why --decision $options of hostile text"
    expect_harmless "why --decision $options of hostile text is harmless"
done

# By brute force: of every item of a generated store the visits, verdicts and places, from the lines of xray-cat.
"$build/bench/gen_decisions" --runs=12 >"$work/gen.ndjson"
make_store gen "$work/gen.ndjson"
oracle()
{
    cat >"$work/oracle.py" <<'END'
import json, subprocess, sys
cat, why, store = sys.argv[1:4]
lines = [json.loads(l) for l in subprocess.run([cat, "-j", store], capture_output=True, check=True).stdout.splitlines()]
names, want = {}, {}
for l in lines:
    if l["kind"] == "step":
        names[l["run"], l["step"]] = l.get("name")
for l in lines:
    if l["kind"] == "cand":
        want.setdefault(l["item"], {}).setdefault(l["run"], []).append((l["step"], l["verdict"], (l.get("reasons") or [{}])[0].get("code")))
items = sorted(want)
assert len(items) > 50, len(items)
items = items[:: max(1, len(items) // int(sys.argv[4]))]
for item in items:
    got = [json.loads(l) for l in subprocess.run([why, "-j", "--", item, store], capture_output=True, check=True).stdout.splitlines()]
    last, visits = got[-1], got[:-1]
    paths = {v["run"]: [(p["step"], p["verdict"], p.get("reason")) for p in v["path"]] for v in visits}
    assert paths.keys() == want[item].keys(), item
    for run, path in paths.items():
        assert sorted(path, key=str) == sorted(want[item][run], key=str), (item, run, path, want[item][run])
    for v in visits:
        assert all(p.get("name") == names[v["run"], p["step"]] for p in v["path"])
        kept = [p["step"] for p in v["path"] if p["verdict"] != "reject"]
        assert v.get("survived", {}).get("step", 0) == max(kept, default=0), item
    by_step = {}
    for run, path in want[item].items():
        for step, verdict, _ in path:
            by_step.setdefault(names[run, step], {}).setdefault(verdict, []).append(1)
    assert {s["name"]: {k: n for k, n in s.items() if k != "name" and n > 0} for s in last["steps"]} == \
        {name: {k: len(n) for k, n in verdicts.items()} for name, verdicts in by_step.items()}, item
    flat = [v for path in want[item].values() for _, v, _ in path]
    assert last["runs"] == len(want[item]) and all(last[k] == flat.count(k) for k in ("accept", "reject", "defer", "modify"))
    run = sorted(want[item])[0]
    path, elsewhere = [json.loads(l) for l in subprocess.run([why, "-j", "-r", run, "--", item, store], capture_output=True, check=True).stdout.splitlines()]
    assert sorted((s["step"], r["verdict"]) for s in path["steps"] for r in s["records"]) == sorted((s, v) for s, v, _ in want[item][run])
    assert elsewhere["runs"] == len(want[item]) - 1
END
    python3 "$work/oracle.py" "$build/bin/xray-cat" "$build/bin/xray-why" "$1" "$2"
}
check "why agrees with brute force" oracle "$work/gen" 60
check "an index is built" "$build/bin/xray-index" build "$work/gen"
check "why agrees with brute force, with an index" oracle "$work/gen" 60

store=$work/shop
common_checks xray-why B07A
finish
