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
competitor_selection  2 runs (0 running, 0 abandoned), drop pooled: 1-Σout/Σin
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

# Without a number --reasons asks for ten of them; what follows is a FILE.
run xray-funnel --reasons -p competitor_selection "$store"
expect_status 0 "funnel --reasons without a number"
expect_out "price_too_high 7 (88%)  no_price 1" "funnel --reasons without a number: all of them"
run xray-funnel --reasons=0 -p competitor_selection "$store"
expect_no_out price_too_high "funnel --reasons=0"
run xray-funnel --reasons=x "$store"
expect_status 2 "funnel --reasons with another word"

# One run: --run, or -r with one id; steps can be chosen.
run xray-funnel -r shop-1 -s filter_price "$store"
expect_text "funnel of a step of a run" <<'END'
run 9f3c2a71 (shop-1)  competitor_selection@1.4  success  2026-08-21T09:14:03.120Z  4.81s  $0.0132  tags: experiment=B tier=pro
 # step          type    in  out   drop  duration  reasons
 3 filter_price  filter   6    2  66.7%       3ms  price_too_high 3 (75%)  no_price 1
 output: {"selected":"B07A"}
END
run xray-funnel --run shop-1 --format=csv "$store"
expect_out "3,filter_price,filter,6,2,0.6666666666666667,3000000," "funnel of a run as csv"
run xray-funnel -r shop-1 -p nothing "$store"
expect_status 1 "funnel of a run that is not of the pipeline"
run xray-funnel --run shop-1 --by version "$store"
expect_status 2 "funnel --run with groups"
run xray-funnel -r shop-1 --by version -s filter_price "$store"
expect_out " filter_price  filter  1.4         1     6.0      2.0  66.7%" "funnel -r with groups"

# Groups: by fields of runs, of steps, recorded values, time.
run xray-funnel -p competitor_selection -s filter_price --by tags.tier --by version "$store"
expect_text "funnel --by twice" <<'END'
competitor_selection  2 runs (0 running, 0 abandoned), drop pooled: 1-Σout/Σin
 step          type    tags.tier  version  runs  in/run  out/run    drop  p50  p95  top reasons (exact, all runs)
 filter_price  filter  pro        1.4         1     6.0      2.0   66.7%  3ms  3ms  price_too_high 3 (75%)  no_price 1
 filter_price  filter  -          1.4         1     4.0      0.0  100.0%  1ms  1ms  price_too_high 4
END
run xray-funnel -j -p competitor_selection -s keywords --by model --bucket 1d "$store"
expect_out '"bucket":"1787270400000000000","by":{"model":"gpt-4o"},"runs":2,' "funnel --bucket and a field of steps"
run xray-funnel -p agent --bucket 1h "$store"
expect_out " plan  llm   -        1" "funnel --bucket: a run without a time"
run xray-funnel --by run.steps -p product_search -s dedupe "$store"
expect_out " dedupe  filter  5 " "funnel --by a field of the whole run"
run xray-funnel --by versoin "$store"
expect_status 2 "funnel --by an unknown field"
expect_err "did you mean run.version?" "funnel --by an unknown field gives the nearest"
run xray-funnel --by version --by user --by model "$store"
expect_status 2 "funnel --by three times"
run xray-funnel --bucket 5M "$store"
expect_status 2 "funnel --bucket without a unit of time"

# Order, least number of runs, rate.
run xray-funnel -p competitor_selection --order=rate --min-runs=2 "$store"
check "funnel --order=rate: the highest first" sh -c 'sed -n 3p "$0" | grep -q "^ filter_price"' "$out"
expect_out " 1 line of fewer than 2 runs not shown" "funnel --min-runs says what is left out"
expect_no_out " pick " "funnel --min-runs"
run xray-funnel -p competitor_selection --order=name --format=line --fields=name "$store"
check "funnel --order=name" sh -c 'sort -c "$0"' "$out"
run xray-funnel --order=size "$store"
expect_status 2 "funnel --order with an unknown word"
run xray-funnel -p competitor_selection --rate=mean "$store"
expect_out "drop mean: average of the runs' own rates" "funnel --rate=mean is labelled"
expect_out " filter_price  filter     2     5.0      1.0  83.3%" "funnel --rate=mean"

# What is chosen, and that no more is read for it than needed.
run xray-funnel --stats -W 'step.type = filter and run.status = success' "$store"
expect_text "funnel -W on a step and its run" <<'END'
competitor_selection  1 run (0 running, 0 abandoned), drop pooled: 1-Σout/Σin
 step          type    runs  in/run  out/run   drop  p50  p95  top reasons (exact, all runs)
 filter_price  filter     1     6.0      2.0  66.7%  3ms  3ms  price_too_high 3 (75%)  no_price 1
END
check "funnel -W on the spine reads the spine" sh -c 'grep -q "([0-9]* spine)" "$0"' "$err"
run xray-funnel --stats -W 'run.duration > 1s' --since 2026-08-21 "$store"
check "funnel -W on run fields reads the spine" sh -c 'grep -q "([0-9]* spine)" "$0"' "$err"
run xray-funnel --stats -W 'any cand{cand.score > 0.9}' "$store"
expect_err " candidates, " "funnel -W on candidates reads candidates"
expect_out "competitor_selection  1 run (" "funnel -W on candidates"
run xray-funnel -W 'status = error' "$store"
expect_status 2 "funnel -W that is wrong"
expect_err "hint: write run.status or step.status" "funnel -W that is wrong gives a hint"
run xray-funnel --explain -W 'step.type = filter' "$store"
expect_out 'step.type = "filter"' "funnel --explain"
run xray-funnel -W 'step.type = none_such' "$store"
expect_status 1 "funnel of no step"

# Formats.
run xray-funnel --format=csv -p competitor_selection "$store"
expect_lines 6 "funnel csv: names and a line each"
expect_out "pipeline,name,type,runs,steps,candidates_in,candidates_out,rejected,drop,p50,p95,cost,reasons" "funnel csv: names"
expect_out 'competitor_selection,filter_price,filter,2,2,10,2,8,0.8,1000000,3000000,,"{""price_too_high"":7,""no_price"":1}"' "funnel csv: a line"
expect_out "competitor_selection,keywords,llm,2,2,,,,,1200000000,120000000000,0.0331," "funnel csv: what is missing is empty, never 0"
run xray-funnel --format=markdown -p competitor_selection "$store"
expect_out "### competitor_selection  2 runs" "funnel markdown: heading"
expect_out "| filter_price | filter | 2 | 5.0 | 1.0 | 80.0% | 1ms | 3ms | - | price_too_high 7 (88%)  no_price 1 |" "funnel markdown: a line"
expect_out "1 run ended with 0 candidates: 1 at filter_price" "funnel markdown: where runs ended"
cp "$out" "$work/plain.md"
run xray-funnel --color=always --format=markdown -p competitor_selection "$store"
check "funnel markdown has no colours" cmp -s "$work/plain.md" "$out"
run xray-funnel --format=json "$store"
check "funnel json is one array" sh -c '! command -v jq >/dev/null || jq -e "length == 15" "$0" >/dev/null' "$out"
run xray-funnel --template '{name} {drop}\n' -s filter_price "$store"
expect_text "funnel --template" <<'END'
filter_price 0.8
END

# Bars: on a terminal that shows UTF-8 only.
if command -v script >/dev/null && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    bars()
    {
        LC_ALL=$1 TERM=xterm script -qec "stty cols 150; $build/bin/xray-funnel -p competitor_selection $store" /dev/null </dev/null >"$out" 2>"$err" || status=$?
    }
    bars C.UTF-8
    check "funnel on a terminal has bars" grep -qE "██ +1ms" "$out"
    bars C
    check "funnel without UTF-8 has none" lacks "$out" "█"
fi

run xray-funnel "$work/hostile"
expect_harmless "funnel: hostile text is harmless"
run xray-funnel -j "$work/hostile"
expect_harmless "funnel -j: hostile text is harmless"
for format in csv tsv line markdown json; do
    run xray-funnel --format=$format --by run.user --by step.name "$work/hostile"
    expect_status 0 "funnel --format=$format: hostile text"
    tr -d '\r' <"$out" >"$work/unix" && cp "$work/unix" "$out"
    expect_harmless "funnel --format=$format: hostile text is harmless"
done
run xray-funnel --compare 'exists(run.user)' "$work/hostile"
expect_harmless "funnel --compare: hostile text is harmless"
run xray-funnel --assert 'none.in < 3' "$work/hostile"
cp "$err" "$out"
expect_harmless "funnel --assert: hostile text is harmless"
run xray-funnel --run dead "$work/hostile"
expect_harmless "funnel --run: hostile text is harmless"

common_checks xray-funnel
finish
