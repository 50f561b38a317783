# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-funnel: candidates over many runs and in one.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
make_store hostile "$here/data/hostile.ndjson"
store=$work/shop

run xray-funnel -p competitor_selection "$store"
expect_status 0 "funnel"
expect_quiet "funnel"
expect_text "funnel over runs" <<'END'
competitor_selection  2 runs (0 running, 0 abandoned), drop pooled over runs
 step          type    runs  in/run  out/run   drop    p50    p95     cost  top reasons (exact, all runs)
 keywords      llm        2       -        -      -  1.20s  2m00s  $0.0331
 search        search     2     6.0      5.0   0.0%  300ms  412ms        -
 filter_price  filter     2     5.0      1.0  80.0%    1ms    3ms        -  price_too_high 7 (88%)  no_price 1
 rank          rank       2     1.0      1.0   0.0%    1ms  611ms        -
 pick          select     1     2.0      1.0  50.0%    2ms    2ms        -  not_best 1
 1 run ended with 0 candidates: 1 at filter_price
END

run xray-funnel --run shop-1 "$store"
expect_status 0 "funnel --run"
expect_text "funnel of a run" <<'END'
run 9f3c2a71 (shop-1)  competitor_selection@1.4  success  2026-08-21T09:14:03.120Z  4.81s  $0.0132  tags: experiment=B tier=pro
 # step          type    in  out   drop  duration     cost  reasons
 1 keywords      llm      -    -      -     1.20s  $0.0131
 2 search        search   6    6   0.0%     412ms
 3 filter_price  filter   6    2  66.7%       3ms           price_too_high 3 (75%)  no_price 1
 4 rank          rank     2    2   0.0%     611ms
 5 pick          select   2    1  50.0%       2ms           not_best 1
 output: {"selected":"B07A"}
END

run xray-funnel -p nothing "$store"
expect_status 1 "funnel of no pipeline"
run xray-funnel --run 9f3c "$store"
expect_status 2 "funnel with an ambiguous id"
run xray-funnel --run nobody "$store"
expect_status 2 "funnel with an unknown id"
run xray-funnel --reasons 1 -p competitor_selection "$store"
expect_out "price_too_high 7 (88%)  (+1 more)" "funnel --reasons 1"
run xray-funnel --format yaml "$store"
expect_status 2 "funnel --format with an unknown name"
run xray-funnel -j -p competitor_selection "$store"
expect_out '"drop":0.8,' "funnel -j: drop"
expect_out '"ended_empty":1,"emptied_at":{"filter_price":1}' "funnel -j: where runs ended"
check "funnel -j is JSON" sh -c '! command -v jq >/dev/null || jq -e .kind "$0" >/dev/null' "$out"
run xray-funnel -j --run shop-2 "$store"
expect_out '"candidates_in":0,"candidates_out":0,"drop":0.0' "funnel: nothing in gives a drop of 0"
expect_lines 4 "funnel -j --run: a line per step"
run xray-funnel --stats "$store"
expect_err "xray-funnel: read " "funnel --stats"
check "funnel reads neither payload nor candidates" sh -c '! grep -qE "payload|candidates" "$0"' "$err"

run xray-funnel "$work/hostile"
expect_harmless "funnel: hostile text is harmless"
run xray-funnel -j "$work/hostile"
expect_harmless "funnel -j: hostile text is harmless"
run xray-funnel --run dead "$work/hostile"
expect_harmless "funnel --run: hostile text is harmless"

common_checks xray-funnel
finish
