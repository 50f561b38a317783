# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-cat: runs as text and as NDJSON.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
make_store hostile "$here/data/hostile.ndjson"
store=$work/shop

run xray-cat -r shop-1 "$store"
expect_status 0 "cat -r by the application's id"
expect_quiet "cat -r"
expect_text "cat prints a run" <<'END'
run 9f3c2a71 (shop-1)  competitor_selection@1.4  success  2026-08-21T09:14:03.120Z  4.81s  $0.0132  tags: experiment=B tier=pro
  1 llm    keywords      success                1.20s  $0.0131
  2 search search        success  6 → 6   0.0%  412ms
  3 filter filter_price  success  6 → 2  66.7%    3ms           reason: price_too_high 3, no_price 1
  4 rank   rank          success  2 → 2   0.0%  611ms
  5 select pick          success  2 → 1  50.0%    2ms           reason: not_best 1
      decision select_competitor  selected B07A  score 0.91  reason: highest score
  output: {"selected":"B07A"}
END

run xray-cat -r 5b8e "$store"
expect_out "(orphaned)" "cat shows orphans"
expect_out "  3     filter" "cat indents by nesting"

run xray-cat -r 9f3c "$store"
expect_status 2 "cat with an ambiguous id"
expect_err "ambiguous: 2 runs" "cat with an ambiguous id says so"
expect_err "9f3cb08245e14d60a5f7b1c2d3e4f502  competitor_selection@1.4  shop-2" "cat with an ambiguous id lists the runs"
check "cat with an ambiguous id prints nothing" is_empty "$out"
run xray-cat -r 12345678 "$store"
expect_status 2 "cat with an unknown id"
expect_err "no run has an id that begins with '12345678'" "cat with an unknown id says so"
run xray-cat -r shop-1 -r shop-2 -r shop-1 "$store"
check "cat with two ids prints two runs" test "$(grep -c '^run ' "$out")" = 2
run xray-cat -p 'agent' "$store"
check "cat -p" test "$(grep -c '^run ' "$out")" = 1

run xray-cat -r shop-1 --full "$store"
expect_out 'You pick search words.' "cat --full shows payload"
expect_out 'reject  B07B  price_too_high (rule price_cap v3)  price=129 limit=100' "cat --full shows candidates"
expect_out 'highest score' "cat --full shows decisions"
expect_out 'note cache' "cat --full shows notes"

run xray-cat -r shop-1 --step 3 "$store"
expect_out 'max_price' "cat --step shows the step in full"
expect_out 'B07F' "cat --step shows its candidates"
expect_no_out 'keywords' "cat --step leaves out the others"
run xray-cat -r shop-1 --step 6 "$store"
expect_status 2 "cat --step beyond the last"
expect_err "has 5 steps" "cat --step beyond the last says so"
run xray-cat -r shop-1 --step 0 "$store"
expect_status 2 "cat --step 0"

run xray-cat -r shop-1 --upto 3 --full "$store"
expect_out 'filter_price' "cat --upto shows the step"
expect_out 'max_price' "cat --upto shows what the step was given"
expect_no_out 'price_too_high' "cat --upto hides what it did"
expect_no_out 'not_best' "cat --upto hides what came later"
expect_no_out 'output: {"selected": "B07A"}' "cat --upto hides the run's output"
expect_out 'phone case stand' "cat --upto shows what came before"
run xray-cat -r shop-1 --upto 3 -j "$store"
expect_no_out '"B07B","verdict":"reject"' "cat --upto -j hides the step's candidates"
expect_no_out '"duration":"3000000"' "cat --upto -j hides the step's duration"
expect_lines 10 "cat --upto -j"

run xray-cat -j "$store"
expect_status 0 "cat -j"
cp "$out" "$work/first"
make_store again "$work/first"
run xray-cat -j "$work/again"
check "cat -j, import, cat -j: no change" cmp -s "$out" "$work/first"
check "cat -j is one object per line" test "$(grep -c '^{"kind":"' "$out")" = "$(wc -l <"$out")"

for options in "" --full -j "--step 1"; do
    # shellcheck disable=SC2086
    run xray-cat $options "$work/hostile"
    expect_status 0 "cat $options of hostile text"
    expect_harmless "cat $options: hostile text is harmless"
done
run xray-cat --full "$work/hostile"
expect_out '\x1b]0;owned\x07' "cat --full: hostile text is shown escaped"
expect_out '\u{202e}evil' "cat --full: bidirectional controls are shown"

common_checks xray-cat
finish
