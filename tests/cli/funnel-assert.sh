# shellcheck disable=SC1091,SC2154,SC2016
# xray-funnel --assert: conditions, exit status, and the runs to blame.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
store=$work/shop

holds()
{
    run xray-funnel --assert "$1" "$store"
    expect_status 0 "holds: $1"
    expect_quiet "holds: $1"
}

fails()
{
    run xray-funnel --assert "$1" "$store"
    expect_status 4 "fails: $1"
    expect_err "$2" "fails: $1: says why"
}

wrong()
{
    run xray-funnel --assert "$1" "$store"
    expect_status 2 "no condition: $1"
    check "no condition: $1: hint" grep -q '^hint: ' "$err"
    check "no condition: $1: nothing is printed" is_empty "$out"
}

holds 'filter_price.rejection_rate < 95%'
holds 'filter_price.rejection_rate = 0.8'
holds 'filter_price.rejection_rate<=80%'
holds 'filter_price.in == 10'
holds 'filter_price.out != 3'
holds 'filter_price.rejected >= 8'
holds 'filter_price.runs > 1'
holds 'filter_price.p50 <= 1ms'
holds 'filter_price.p95 < 1s'
holds 'keywords.cost < 0.04'
holds 'keywords.cost <= $0.0331'
holds '"filter_price".in = 10'

fails 'filter_price.rejection_rate < 50%' "assert 'filter_price.rejection_rate < 50%': rejection_rate is 80.0% (competitor_selection)"
expect_err "run 9f3cb082 (shop-2): filter_price 100.0%" "the runs to blame are named"
check "the worst is named first" sh -c 'grep -n shop-2 "$0" | grep -q "^2:"' "$err"
expect_out "competitor_selection  2 runs" "what fails is printed all the same"
run xray-funnel --assert 'filter_price.rejection_rate < 70%' "$store"
expect_status 4 "a rate that one run keeps"
check "runs that keep the rate are not blamed" lacks "$err" shop-1
fails 'rank.p95 < 10ms' "p95 is 611ms"
expect_err "(shop-1): rank 611ms" "a slow run is named"
fails 'search.out < 3' "out is 10"
expect_err "(shop-2): search 4" "a run without a count in weighs too"
fails 'keywords.cost < 0.01' 'cost is $0.0331'
fails 'filter_price.runs > 2' "runs is 2"
check "no run is to blame for too few runs" lacks "$err" shop-
fails 'keywords.rejection_rate < 95%' "rejection_rate is not recorded"
fails 'filter_prise.in > 0' "none of the chosen runs has a step 'filter_prise'"
expect_err "hint: steps that occur: " "a step that does not occur: the steps are listed"

run xray-funnel --assert 'filter_price.in = 10' --assert 'rank.in > 5' --assert 'pick.in > 5' "$store"
expect_status 4 "conditions are tested each by itself"
check "all that fail are told" sh -c 'grep -q "rank.in" "$0" && grep -q "pick.in" "$0" && ! grep -q filter_price.in "$0"' "$err"
run xray-funnel --assert 'filter_price.in > 0' -p nothing "$store"
expect_status 4 "where there is no run a condition fails"
run xray-funnel -W 'run.ext_id = "shop-1"' --assert 'filter_price.rejection_rate < 70%' "$store"
expect_status 0 "conditions hold for the chosen runs"
run xray-funnel --by version --assert 'filter_price.rejection_rate < 50%' "$store"
expect_err "(competitor_selection, version 1.4)" "the group that fails is told"
run xray-funnel --compare 'run.ext_id = "shop-1"' --assert 'filter_price.rejection_rate < 70%' "$store"
expect_status 0 "of a comparison the first side is tested"
run xray-funnel --rate=mean --assert 'filter_price.rejection_rate > 83%' "$store"
expect_status 0 "--rate=mean holds for conditions"
run xray-funnel --assert 'filter_price.rejection_rate < 50%' "$store" "$work/none"
expect_status 2 "an error is more than a condition"

# Not more than ten are named.
awk 'BEGIN { for (i = 1; i <= 14; i++) {
    id = sprintf("%08x%08x%08x%08x", i * 65537, i, 77, 1)
    printf "{\"kind\":\"run\",\"run\":\"%s\",\"pipeline\":\"p\",\"status\":\"success\"}\n", id
    printf "{\"kind\":\"step\",\"run\":\"%s\",\"step\":1,\"name\":\"a.b c\",\"type\":\"filter\",\"candidates_in\":10,\"candidates_out\":%d,\"status\":\"success\"}\n", id, i % 3
} }' >"$work/many.ndjson"
make_store many "$work/many.ndjson"
store=$work/many
fails 'a.b c.rejection_rate < 50%' "and 4 more runs"
check "ten runs are named" test "$(grep -c ': run ' "$err")" = 10
fails '"a.b c".out > 1000' "out is "
check "of a sum that is too small the smallest come first" sh -c 'grep ": run " "$0" | head -n 1 | grep -q " 0$"' "$err"

store=$work/shop
for text in '' x x. .in 'x.in' 'x.in 3' 'x.in <' 'x.in < y' 'x.y < 3' 'x.p95 < 2' 'x.p95 < 2 parsecs' \
    'x.rejection_rate < 95' 'x.in < 3 4' 'x.in < 0x10' 'x.in < nan' '"x.in < 3' '"x" < 3' 'x.in < 3%'; do
    wrong "$text"
done
finish
