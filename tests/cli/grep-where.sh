# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-grep -W: expressions about fields, alone and with a pattern.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
shop=$work/shop
cd "$work" || exit 1
echo product_search >pipelines.txt

# EXPECTED HITS, then the expression.
while read -r hits expression; do
    run xray-grep -c -W "$expression" "$shop"
    check "grep -W $expression: $hits" test "$(cat "$out")" = "$hits" -a ! -s "$err"
    expect_status "$((hits == 0))" "grep -W $expression"
done <<'END'
1 pipeline = product_search
1 run.status = error and run.duration > 30s
1 step.type = filter and rejection_rate > 90%
0 step.name = "price_filter" and candidates_out = 0
1 step.type in (rank, select) and step.duration >= 250ms
0 step.type = llm and step.cost > 0.05
0 run.cost > 1.50 and pipeline in @pipelines.txt
2 reason ~ /price|budget/i
0 output ~ /sku-\d{4}/
0 output contains "I cannot" and step.type = llm
0 tags.experiment = B and tags."user.tier" != free
0 exists(tags.reviewer) and not exists(step.error)
14 reason? != "price_too_high"                       # also steps without a reason
0 candidates_in - candidates_out > 1000
2 candidates_out / candidates_in < 0.01 or candidates_out = 0
0 any{step.type = llm and step.status = error} and run.status = ok
2 none{step.type = rank}
0 all{step.duration < 1s}
0 count{step.type = llm} > 5
2 sum(step.cost){step.type = llm} > 0.50 * run.cost
0 any cand{cand.id = "sku-4711" and cand.decision = reject}
0 {step.type = retrieval and candidates_out < 10} ->> {step.type = llm and output ~ /apologi[sz]e/i}
0 {step.name = dedupe} -> {step.name = rerank}
0 step.type = filter and count cand{cand.score >= 0.8 and cand.decision = reject} > 0
2 not (run.status = ok or run.status = cancelled) && run.start >= "2026-08-01T00:00:00Z"
0 step.output_size > 10MB or len(input) > 200000
1 run.status = error
END

# Every example of the specification.
examples=$here/../../format-spec/query-language.md
if [ -r "$examples" ]; then
    sed -n '/^## 7/,/^7\.2/p' "$examples" | sed -n '/^```$/,/^```$/p' | grep -v '^```\|^#' >examples.txt
    check "the specification has examples" test "$(wc -l <examples.txt)" -gt 40
    while IFS= read -r expression; do
        run xray-grep -c -W "$expression" "$shop"
        check "grep -W $expression (specification)" test "$status" -le 1 -a ! -s "$err"
    done <examples.txt
fi

# LINE:COLUMN, then what is wrong there.
while read -r place expression; do
    run xray-grep -W "$(printf '%b' "$expression")" "$shop"
    expect_status 2 "grep -W $expression"
    expect_err "xray-grep: --where:$place: " "grep -W $expression: error at $place"
    check "grep -W $expression: nothing on stdout" is_empty "$out"
done <<'END'
1:1 status = error
1:12 step.type =
1:12 run.cost > > 3
1:17 step.duration > 2
1:12 reason ~ /(/
1:13 step.name = x (run.status = ok)
2:5 run.status = ok\nand nosuch = 3
1:17 pipeline = shop )
END
run xray-grep -W 'status = error' "$shop"
expect_err "hint: write run.status or step.status" "grep -W gives a hint"
check "grep -W: a caret below the place" grep -qx '  ^' "$err"

# Several expressions, files, shorthands, patterns: for the same step.
count()
{
    run xray-grep -c "$@" "$shop"
    check "grep -c $*: $want" test "$(cat "$out")" = "$want"
}
want=1 count -W 'step.type = llm' -W 'step.status = failure'
want=2 count -W 'step.type = llm' -W 'exists(step.model)'
want=0 count -W 'step.type = llm' -W 'step.type = rank'
want=3 count -W 'step.type = rank or step.type = select' -W 'step.number > 1'
printf 'step.type = llm # of them\n and step.number = 1\n' >where.txt
want=3 count --where-file where.txt
want=2 count --where-file where.txt -p 'competitor*'
want=1 count --where-file where.txt -p 'competitor*' --status failure
want=1 count -r 9f3c2a -W 'step.type = llm'
want=4 count -t llm .
want=2 count -s filter_price .
want=1 count -s 3 -r 9f3c2a .
want=5 count --since 2026-08-21T09:17:00Z .
want=11 count --until 2026-08-21T09:17:00Z .
want=1 count -e stand -W 'step.type = llm'
want=0 count -e stand -W 'step.type = rank'
want=1 count -e stand -W 'step.type = search'
want=2 count -e stand -W 'run.status = ok'
want=0 count -e stand -W 'run.status = error'
want=2 count -e stand -W 'any{step.type = rank}'
want=1 count -e 'after 3 tries' -W 'step.number = 1'
want=2 count -e 'after 3 tries' -W 'run.status = failure'
want=1 count -e stand -W 'output contains "phone"'
want=2 count --unit=step -W 'run.status = error' -s '[fr]*'
want=2 count --unit=run -W 'step.type = rank'
want=4 count -W '1 = 1'
want=16 count --unit=step -W '1 = 1'

# -v turns the pattern round; without one, the expression.
want=13 count -v -W 'step.type in (llm, rank, tool) and step.number = 1'
want=3 count -v -W 'run.status = error'
want=2 count -v --unit=run -W 'step.type = rank'
want=2 count -v -e stand -W 'step.type = llm and step.number = 1'
want=4 count -v -W 'step.type = filter' -r 9f3c2a

# What is read.
run xray-grep --stats -W 'run.status = error and step.type = filter' "$shop"
check "grep -W about the spine reads no payload, no candidates" sh -c '! grep -qE "payload|candidates" "$0"' "$err"
expect_text "grep -W prints a heading and what is known of the step" <<'END'
run 9f3cb082 (shop-2)  competitor_selection@1.4  failure  2026-08-21T09:15:03.120Z  2m03s  $0.02
9f3cb082/3:filter_price: filter  success  4 → 0  100.0%  1ms  price_too_high 4
END
run xray-grep -q -W 'step.type = filter' "$shop"
expect_status 0 "grep -q -W"
run xray-grep --list-runs -W 'run.status = error' "$shop"
expect_text "grep --list-runs -W" <<'END'
9f3cb08245e14d60a5f7b1c2d3e4f502
END
run xray-grep --explain 'price_[a-z]*_high' "$shop"
expect_out 'pattern:  every match holds "price_"' "grep --explain says what is looked for first"
expect_out ' blocks of payload, ' "grep --explain says where that may be"
run xray-grep --explain '[0-9]+' "$shop"
expect_out 'all texts are tried' "grep --explain of a pattern that tells nothing"
run xray-grep --explain -W 'step.type = llm and step.duration > 2s' "$shop"
expect_status 0 "grep --explain"
expect_out 'step.type = "llm"' "grep --explain prints the canonical expression"
run xray-grep -W 'step.type = llm' stand "$shop"
expect_status 2 "grep -W: all operands are files"
expect_err "stand: No such file" "grep -W: all operands are files"
# What the spine decides is asked first, wherever it stands: no payload is read for what it rules out.
for expression in 'step.input.text contains "stand" and step.duration > 1h' 'step.duration > 1h and step.input.text contains "stand"' \
    'any cand{cand.item = "B07A"} and run.duration > 1h' 'not (step.input.text contains "stand" or step.duration < 1h)'; do
    run xray-grep -c --stats -W "$expression" "$work/shop"
    check "-W asks the spine first: $expression" lacks "$err" payload
    check "-W reads no candidates either: $expression" lacks "$err" candidates
done

# A candidate of one id: the look-up of items finds its runs. The same as of expressions that are not taken apart so, with an index and without.
"$build/bench/gen_decisions" --runs=40 >"$work/gen.ndjson"
make_store gen "$work/gen.ndjson"
"$build/bin/xray-cat" -j "$work/gen" | jq -r 'select(.kind == "cand") | .item' | sort -u | awk 'NR % 400 == 1' >"$work/items"
check "there are items to ask for" [ "$(wc -l <"$work/items")" -gt 5 ]
same_hits() # EXPRESSION SLOWER-EXPRESSION OPTION...
{
    fast=$1 slow=$2
    shift 2
    run xray-grep "$@" -W "$slow" "$work/gen"
    cp "$out" "$work/expected"
    wanted=$status
    for index in auto never; do
        run xray-grep "$@" --index=$index -W "$fast" "$work/gen"
        check "-W $fast $* --index=$index: as $slow" cmp -s "$work/expected" "$out"
        expect_status "$wanted" "-W $fast $*"
    done
}
item_queries()
{
    while read -r item; do
        same_hits "any cand{cand.id = '$item'}" "count cand{cand.id = '$item'} > 0"
        same_hits "any cand{cand.id = '$item' and cand.verdict = reject}" "count cand{cand.id = '$item' and cand.verdict = reject} > 0" -j
        same_hits "cand.id = '$item'" "cand.id in ('$item', '$item')" --unit cand -j
        same_hits "step.type = filter and any step{any cand{cand.id = '$item'}}" "step.type = filter and count step{count cand{cand.id = '$item'} > 0} > 0" -c
    done <"$work/items"
    item=$(head -n 1 "$work/items")
    same_hits "not any cand{cand.id = '$item'}" "count cand{cand.id = '$item'} = 0" -c
    same_hits "any cand{cand.id = '$item'} or step.type = llm" "count cand{cand.id = '$item'} > 0 or step.type = llm" -c
    same_hits "none cand{cand.id = '$item'}" "count cand{cand.id = '$item'} = 0" -c
    same_hits "any cand{cand.id = 'nobody'}" "count cand{cand.id = 'nobody'} > 0"
    same_hits "any cand{cand.id = '$item'}" "count cand{cand.id = '$item'} > 0" -v -c
}
"$build/bin/xray-index" build -q "$work/gen"
item_queries
run xray-grep -c --stats -W "any cand{cand.id = 'nobody-has-this'}" "$work/gen"
check "-W about one item opens no run that lacks it" lacks "$err" "spine)"
run xray-grep -c --stats -W "any cand{cand.id = '$item'} and run.duration > 1h" "$work/gen"
check "-W about one item asks the spine first" lacks "$err" candidates

finish
