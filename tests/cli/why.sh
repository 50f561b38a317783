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
expect_out "1 search search  not recorded or not seen (4 of 15 candidates recorded)" "why -r: perhaps not recorded"
run xray-why B0BOT2 --since 2026-01-01 "$work/example"
expect_status 1 "why --since leaves nothing"
run xray-why B0BOT2 -r 1c18 --since 2026-01-01 "$work/example"
expect_out "elsewhere: 0 runs" "why -r --since restricts elsewhere"

for item in B0 B0BOT B0BOT22 b0bot2 ''; do
    run xray-why "$item" "$work/example"
    expect_status 1 "why '$item', which is no item"
done
run xray-why B0BOT2 -r 1c18 -r 906f "$work/example"
expect_status 2 "why with two runs"
run xray-why B0BOT2 -r 0000 "$work/example"
expect_status 2 "why -r of no run"
run xray-why
expect_status 2 "why without an item"
run xray-why -- -odd "$work/example"
expect_status 1 "why -- -odd"

# An id of all kinds of bytes but NUL, which no argument can hold.
sed 's/\\u0000//g' "$here/data/hostile.ndjson" >"$work/odd.ndjson"
make_store odd "$work/odd.ndjson"
"$build/bin/xray-cat" -j "$work/odd" | jq -j 'select(.kind == "cand" and .item != "plain") | .item' >"$work/id"
check "the id has a newline and an escape" sh -c 'grep -q "$(printf "\033")" "$0" && [ "$(wc -l <"$0")" -gt 0 ]' "$work/id"
for options in "" -j; do
    run xray-why $options -- "$(cat "$work/id")" "$work/odd"
    expect_status 0 "why $options of a hostile id"
    expect_harmless "why $options of a hostile id is harmless"
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
