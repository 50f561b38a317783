# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-stat: its tables, formats and cost on a store that can be counted by hand; every number of a generated store
# against a brute-force count of its records.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
make_store hostile "$here/data/hostile.ndjson"
store=$work/shop

# ---- by hand ---------------------------------------------------------------------------------------------

run xray-stat "$store"
expect_status 0 "stat"
expect_quiet "stat"
expect_text "stat: each step of each pipeline; what is missing is -" <<'END'
pipeline              step.name     n    p50    p95    max  failures
agent                 act           1      -      -      -         0
agent                 plan          1      -      -      -         0
competitor_selection  filter_price  2    1ms    3ms    3ms         0
competitor_selection  keywords      2  1.20s  2m00s  2m00s         1
competitor_selection  pick          1    2ms    2ms    2ms         0
competitor_selection  rank          2    1ms  611ms  611ms         0
competitor_selection  search        2  300ms  412ms  412ms         0
product_search        answer        1      -      -      -         0
product_search        dedupe        1    5ms    5ms    5ms         0
product_search        lost          1      -      -      -         0
product_search        main          1      -      -      -         0
product_search        vector_top_k  1   41ms   41ms   41ms         0
END

run xray-stat --running "$store"
expect_text "stat --running" <<'END'
pipeline        step.name  n  running  abandoned  first                 last                  example
product_search  answer     1        0          1  2026-08-21T09:17:23Z  2026-08-21T09:17:23Z  5b8effff
product_search  main       1        0          1  2026-08-21T09:17:23Z  2026-08-21T09:17:23Z  5b8effff
END

run xray-stat -W 'step.status = failure' --by step.name,error_type --show n,first,last,example "$store"
expect_text "stat: what failed, by error; a bare name is that of what is counted" <<'END'
step.name  error_type    n  first                 last                  example
keywords   TimeoutError  1  2026-08-21T09:15:03Z  2026-08-21T09:15:03Z  9f3cb082
END

run xray-stat --by reason --show n,items "$store"
expect_text "stat --by reason --show items counts candidates" <<'END'
cand.reason     n  items
-               8      6
no_price        1      1
price_too_high  3      3
END

run xray-stat --by reason --show n,items -W 'cand.verdict = reject and step.name = filter_price' "$store"
expect_text "stat -W on candidates" <<'END'
cand.reason     n  items
no_price        1      1
price_too_high  3      3
END
run xray-stat --by reason --show n -W 'cand.verdict = reject' "$store"
expect_status 2 "stat -W on candidates where steps are counted"
expect_err "hint: write any cand{" "stat -W on candidates where steps are counted gives a hint"

run xray-stat --unit run --by pipeline --show n,failure_rate,mean,cost --sort -mean --top 2 "$store"
expect_text "stat --unit run, --sort, --top; what is missing is last" <<'END'
pipeline              n  failure rate   mean     cost
competitor_selection  2         50.0%  1m04s  $0.0332
agent                 1          0.0%      -        -
END

run xray-stat --by step.type --of candidates_in --show in,out,rejected,reduction,mean,version -t filter "$store"
expect_text "stat --of FIELD, rates, versions" <<'END'
step.type   in  out  rejected  rejection rate  mean  version
filter     220  202        18            8.2%  73.3  -
END

run xray-stat --by pipeline --every 1m --spark --show n "$store"
expect_text "stat --spark without UTF-8" <<'END'
pipeline              n  over time  change
agent                 2             -
competitor_selection  9  #_ =       -
product_search        5     =       -
over time: n from 2026-08-21T09:14:00Z, 4 slices
END
run xray-stat --by pipeline --every 1m --spark --show n --format csv -p competitor_selection "$store"
printf 'time,pipeline,n\r\n2026-08-21T09:14:00.000000000Z,competitor_selection,5\r\n2026-08-21T09:15:00.000000000Z,competitor_selection,1\r\n2026-08-21T09:17:00.000000000Z,competitor_selection,3\r\n' >"$work/expected"
check "stat --spark --format csv has a row per slice" cmp -s "$work/expected" "$out"

run xray-stat --format markdown --unit run "$store"
expect_out '| competitor_selection | 2 | 4.81s | 2m03s | 2m03s | 1 |' "stat --format markdown"
run xray-stat -j "$store"
expect_out '{"pipeline":"agent","step.name":"act","n":1,"failures":0}' "stat -j leaves out what is missing"
run xray-stat --format tsv --show n,mean -p agent "$store"
expect_lines 3 "stat --format tsv"
run xray-stat -p nothing "$store"
expect_status 1 "stat without a match"
run xray-stat --explain "$store"
expect_out "events:   none" "stat --explain: the spine is enough"
run xray-stat --explain --by reason --show items "$store"
expect_no_out "events:   none" "stat --explain: candidates are needed"

for wrong in '--show nothing' '--show n,,max' '--by nothing' '--by id,version,user,session,pipeline' '--every x' '--spark' \
    '--every 1h --format prom' '--sort nothing' '--top 0' '--cost --unit run' '--show items --unit run' \
    '--default-price 1' '--default-price 1,x' '--show cost_computed'; do
    # shellcheck disable=SC2086
    run xray-stat $wrong "$store"
    expect_status 2 "stat $wrong"
    check "stat $wrong: nothing on stdout" is_empty "$out"
done

# ---- cost ------------------------------------------------------------------------------------------------

# 212 uncached tokens in, 600 from the cache, 40 out, of gpt-4o: 212 * 2.50 + 600 * 1.25 + 40 * 10 = 1680.
run xray-stat --cost --show n,tok_in,tok_cache,tok_out,cost,cost_computed,estimated,unpriced -W 'exists(model)' "$store"
expect_text "stat --cost: recorded and computed" <<'END'
model   n  tok in  tok cache  tok out     cost   computed  estimated  unpriced
gpt-4o  2     812        600       40  $0.0331  $0.001680          0         0
END
expect_quiet "stat --cost"

cat >"$work/cost.ndjson" <<'END'
{"kind":"run","run":"00000000000000000000000000000001","pipeline":"p","status":"success","start":"1735689600000000000"}
{"kind":"step","run":"00000000000000000000000000000001","step":1,"name":"a","type":"llm","start":"1735689600000000000","model":"gpt-4o-2024-08-06","tokens":{"input":1000,"output":100}}
{"kind":"step","run":"00000000000000000000000000000001","step":2,"name":"b","type":"llm","start":"1735689600000000000","model":"gpt-4o","tokens":{"total":1000}}
{"kind":"step","run":"00000000000000000000000000000001","step":3,"name":"c","type":"llm","start":"1735689600000000000","model":"home\u001bmade","tokens":{"input":1000,"output":100},"cost":0.5}
{"kind":"step","run":"00000000000000000000000000000001","step":4,"name":"d","type":"llm","start":"1735689600000000000","model":"gpt-4o"}
END
make_store cost "$work/cost.ndjson"
run xray-stat --cost --by step.name "$store"
expect_status 0 "stat --cost"
expect_text "stat --cost: exact, estimated, unknown, no tokens" <<'END'
step.name  n  tok in  tok cache  tok out   cost    computed
a          1   1,000          -      100      -   $0.003500
b          1       -          -        -      -  ~$0.004750
c          1   1,000          -      100  $0.50           -
d          1       -          -        -      -           -
END
expect_err 'no price for 1 steps of 1 models: home\x1bmade' "stat --cost names unknown models"
for model in gpt-99-ultra claude-9-opus llama mygpt-4o 4o; do
    sed "s/home.u001bmade/$model/" "$work/cost.ndjson" >"$work/unknown.ndjson"
    make_store unknown-$model "$work/unknown.ndjson"
    run xray-stat --cost -j --by model "$store"
    expect_err "no price for 1 steps of 1 models: $model" "stat --cost names the unknown model $model"
    check "stat --cost gives $model no price" [ "$(jq -c "select(.model == \"$model\") | [.cost_computed, .unpriced]" "$out")" = '[null,1]' ]
done
store=$work/cost
run xray-stat --cost -j --by pipeline "$store"
expect_out '"cost":0.5,"cost_computed":0.008250,"estimated":1,"unpriced":1' "stat --cost -j"
run xray-stat --default-price 1,2 --show cost_computed --by step.name -s c "$store"
expect_out 'c          ~$0.001200' "stat --default-price is an estimate"
printf 'home.made\t2024-01-01\t10\t20\t-\t-\n' >"$work/prices.tsv"
run xray-stat --prices "$work/prices.tsv" --show cost_computed,unpriced --by step.name "$store"
expect_out 'c          $0.012000         0' "stat --prices FILE"
expect_out 'a                  -         1' "stat --prices FILE is all there is"
printf 'x\t2024-01-01\t1\t2\n' >"$work/bad.tsv"
run xray-stat --prices "$work/bad.tsv" "$store"
expect_status 2 "stat --prices with a bad file"
expect_err "bad.tsv: line 1: expected 6 columns" "stat --prices names the line"
run xray-stat --prices "$work/none.tsv" "$store"
expect_status 2 "stat --prices without a file"
run xray-stat --show-prices
cp "$out" "$work/builtin.tsv"
check "stat --show-prices is the table in the sources" cmp -s "$here/../../tools/stat/prices.tsv" "$work/builtin.tsv"
run xray-stat --prices "$work/builtin.tsv" --show cost_computed --by step.name -s a "$store"
expect_out 'a          $0.003500' "stat --show-prices can be read again"

# ---- hostile text ----------------------------------------------------------------------------------------

for format in text markdown tsv ndjson prom; do
    run xray-stat --format $format --by pipeline,step.name,model --show n,failures,p50,version "$work/hostile"
    expect_harmless "stat --format $format: hostile text is harmless"
done

# ---- many ------------------------------------------------------------------------------------------------

store=$work/shop
generate=$build/bench/gen_decisions
if command -v python3 >/dev/null && [ -x "$generate" ]; then
    prom_is_good() { python3 "$here/prom_check.py" <"$out"; }
    run xray-stat --format prom --by pipeline,step.name,model --show n,failures,p50,p99,min,max,in,tok_in,cost,first "$work/hostile"
    check "stat --format prom: hostile text is in the format" prom_is_good
    run xray-stat --format prom --by step.name,step.id --show n "$store"
    expect_status 2 "stat --format prom --by an unknown field"
    run xray-stat --format prom --by tags.experiment,'tags."experiment"' --show n,mean "$store"
    check "stat --format prom: two fields whose names look alike" prom_is_good
    run xray-stat --format prom --cost --by model --show n,cost,cost_computed,unpriced,estimated,running,runs,version,example,last,mean "$store"
    check "stat --format prom: every kind of metric" prom_is_good
    expect_out 'xray_cost_computed_usd_total{model="gpt-4o"} 0.001680' "stat --format prom: a counter"

    "$generate" --runs=60 --seed=11 --shape=xray >"$work/gen.ndjson"
    make_store gen "$work/gen.ndjson"
    store=$work/gen
    "$build/bin/xray-cat" -j "$store" >"$work/records.ndjson"
    columns=n,runs,first,last,rejected,rejection_rate,sum,min,max,mean,p50,p90,p95,p99,tok_in,tok_out,cost
    # agrees UNIT BY OF [EVERY EVERY_NS]
    oracle() { python3 "$here/stat_oracle.py" "$work/records.ndjson" "$@" <"$out"; }
    agrees()
    {
        extra=failures
        [ "$1" = cand ] && extra=items
        run xray-stat -j --tz UTC --unit "$1" --by "$2" --of "$3" --show "$columns,$extra" ${4:+--every "$4"} "$store"
        expect_quiet "stat --unit $1 --by $2"
        check "stat --unit $1 --by $2 --of $3 ${4:-}: as counted by brute force" oracle "$1" "$2" "$3" ${5:+"$5"}
    }
    agrees step run.pipeline,step.name step.duration
    agrees step step.type,step.status step.candidates_in
    agrees step step.name step.duration 6h 21600000000000
    agrees step run.metadata.region,step.name step.duration
    agrees run run.pipeline,run.status run.duration
    agrees run run.version run.duration 1d 86400000000000
    agrees cand step.name,cand.verdict cand.score
    agrees cand cand.reason cand.score
    # ---- with indexes, wholly or in part, the same ----

    make_store half "$work/gen.ndjson"
    "$build/bin/xray-index" build -q "$work/half"
    "$generate" --runs=9 --seed=12 --shape=xray >"$work/more.ndjson"
    make_store half "$work/more.ndjson"
    for index in "$work"/half/*.idx; do # of one of the two
        rm "$index"
        break
    done
    make_store mixed "$work/gen.ndjson"
    "$generate" --runs=1 --seed=11 --shape=xray >"$work/one.ndjson"
    make_store mixed "$work/one.ndjson" # one of the runs again: sums hold of the others, in the same block
    "$build/bin/xray-index" build -q "$work/mixed"
    # A clock that was set back: a negative duration is in no sum.
    sed 's/"duration":"[0-9]*"/"duration":"-5"/' "$here/data/shop.ndjson" >"$work/back.ndjson"
    make_store back "$work/back.ndjson"
    for s in gen half mixed back shop; do
        "$build/bin/xray-index" build -q "$work/$s"
        [ $s != half ] || rm -f "$(ls "$work"/half/*.idx | head -n 1)"
        for options in "" "--by step.type,version" "--by pipeline --show n,failures,failure_rate,in,out,rejected,reduction,cost,sum,mean,min,p90,p99" \
            "--by run.status,step.name" "--by user" "--by tags.tier" "--show n,runs,first,example" "--of candidates_in" "--every 1h" "--running --show n" \
            "-s filter_price" "-p comp* --by name" "-W run.status=failure" "--unit run" "--show running,abandoned"; do
            # shellcheck disable=SC2086
            run xray-stat -j --index=never $options "$work/$s"
            cp "$out" "$work/expected"
            # shellcheck disable=SC2086
            run xray-stat -j $options "$work/$s"
            check "stat $options of $s: the same with an index" cmp -s "$work/expected" "$out"
        done
    done
    run xray-stat --stats "$work/gen"
    expect_err "read 0 of" "stat reads no block where there are sums"
    run xray-stat --stats --by run.status,step.name --show n,failures,cost,p99 "$work/gen"
    expect_err "which had the sums of" "stat takes the sums of runs that are alike, and looks at the others"
    run xray-stat -j --by step.name --show failures "$work/gen"
    check "stat: some steps failed" [ "$(jq -s 'map(.failures) | add > 0' "$out")" = true ]
    rm -f "$work"/gen/*.idx
    run xray-stat --stats "$store"
    check "stat reads neither payload nor candidates" sh -c '! grep -qE "payload|candidates" "$0"' "$err"
    run xray-stat --format prom "$store"
    check "stat --format prom of a generated store" prom_is_good
    if command -v promtool >/dev/null; then
        check "promtool takes it" sh -c 'promtool check metrics <"$0"' "$out"
    fi
fi

store=$work/shop
common_checks xray-stat
finish
