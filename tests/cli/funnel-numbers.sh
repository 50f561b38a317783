# shellcheck disable=SC1091,SC2154,SC2016
# xray-funnel: every number, against what jq makes of the records of the same generated store.
. "$(dirname "$0")/lib.sh"

generate=$build/bench/gen_decisions
if ! command -v jq >/dev/null || [ ! -x "$generate" ]; then
    echo "no jq, or gen_decisions is not built"
    exit 77
fi
"$generate" --runs=40 --seed=7 --shape=xray >"$work/gen.ndjson"
make_store gen "$work/gen.ndjson"
store=$work/gen
"$build/bin/xray-cat" -j "$store" >"$work/records.ndjson"

# Sums from the steps, reasons from the candidates themselves; $by is a jq expression over {run, step}.
wanted()
{
    jq -sS --arg where "$1" '
        (map(select(.kind == "run")) | map({key: .run, value: .}) | from_entries) as $runs
        | (map(select(.kind == "cand" and .verdict == "reject"))
            | group_by([.run, .step])
            | map({key: "\(.[0].run) \(.[0].step)", value: map(.reason // .reasons[0].code // .reasons[0])})
            | from_entries) as $reasons
        | def rank(p): sort | .[((length * p) | ceil) - 1];
          [ .[] | select(.kind == "step") | {step: ., run: $runs[.run]} | select('"$2"') ]
        | group_by([.step.name, '"$3"'])
        | map(
            { name: .[0].step.name,
              by: (.[0] | '"$3"'),
              runs: (map(.step.run) | unique | length),
              steps: length,
              p50: (map(.step.duration | tonumber) | rank(0.5) | tostring),
              p95: (map(.step.duration | tonumber) | rank(0.95) | tostring),
              reasons: (map($reasons["\(.step.run) \(.step.step)"] // [] | .[]) | group_by(.)
                | map({key: .[0], value: length}) | from_entries) }
            + (map(select(.step.candidates_in != null and .step.candidates_out != null).step)
              | if length == 0 then {} else
                { candidates_in: (map(.candidates_in) | add), candidates_out: (map(.candidates_out) | add) }
                | . + {rejected: (.candidates_in - .candidates_out), drop: (1 - .candidates_out / .candidates_in)} end))
        ' "$work/records.ndjson" >"$work/wanted.json"
}

got()
{
    jq -sS 'map(select(.kind == "step") | (.by = ('"$1"')) | del(.v, .kind, .pipeline, .type, .reason_sum, .bucket))
        | sort_by([.name, .by])' "$out" >"$work/got.json"
}

same()
{
    check "$1: there are numbers" test "$(jq length "$work/got.json")" -gt "$2"
    cmp -s "$work/wanted.json" "$work/got.json" || diff "$work/wanted.json" "$work/got.json" | head -n 20 | sed 's/^/    /'
    check "$1: as jq has them" cmp -s "$work/wanted.json" "$work/got.json"
}

run xray-funnel -j --reasons=1000 "$store"
expect_status 0 "numbers"
wanted all true '"all"'
got '"all"'
same "all runs" 7

run xray-funnel -j --reasons=1000 --by version "$store"
wanted versions true '.run.version'
got '.by.version'
same "--by version" 20

run xray-funnel -j --reasons=1000 --by metadata.region "$store"
wanted regions true '.run.metadata.region'
got '.by["metadata.region"]'
same "--by a recorded value" 8

run xray-funnel -j --reasons=1000 --by step.status --stats \
    -W 'step.type = filter and candidates_in > 80 and run.duration > 2s' "$store"
check "-W on the spine: neither payload nor candidates are read" sh -c '! grep -qE "payload|candidates" "$0"' "$err"
wanted chosen '.step.type == "filter" and .step.candidates_in > 80 and (.run.duration | tonumber) > 2e9' '.step.status'
got '.by["step.status"]'
same "-W on step and run" 2

run xray-funnel -j --reasons=1000 --bucket 1h "$store"
wanted slices true '(.run.start[:-9] | tonumber | . - . % 3600 | tostring) + "000000000"'
got .bucket
same "--bucket" 7

# The mean of the runs' own rates.
run xray-funnel -j --rate=mean "$store"
jq -s 'map(select(.kind == "step" and .candidates_in != null and .candidates_out != null))
    | group_by(.name) | map({key: .[0].name, value: (map(1 - .candidates_out / .candidates_in) | add / length)})
    | from_entries' "$work/records.ndjson" >"$work/means.json"
check "--rate=mean: as jq has it" jq -se --slurpfile means "$work/means.json" \
    'map(select(.kind == "step" and has("drop")) | (.drop - $means[0][.name]) | fabs < 1e-12) | length > 5 and all' "$out"

# The same through a comparison with all on one side, and with the store itself.
run xray-funnel -j --compare 'exists(run.start)' "$store"
check "--compare with all on one side" jq -se \
    'map(select(.kind == "step")) | length > 5 and all(.a.runs == 40 and .b.runs == 0 and (has("difference") | not))' "$out"
run xray-funnel -j --baseline "$store" "$store"
check "--baseline with the store itself" jq -se \
    'map(select(.kind == "step" and has("difference"))) | length > 5 and all(.difference == 0 and .a == .b)' "$out"

# The interval, by its formula.
run xray-funnel -j --baseline "$store" -s filter_price "$store"
check "the interval is that of the formula" jq -se --slurpfile records "$work/records.ndjson" '
    ($records | map(select(.kind == "step" and .name == "filter_price"))) as $s
    | ($s | length) as $n
    | (($s | map(.candidates_out) | add) / ($s | map(.candidates_in) | add)) as $r
    | (($s | map(.candidates_in) | add) / $n) as $mean
    | ($s | map(.candidates_out - $r * .candidates_in | . * .) | add / (($n - 1) * $n * $mean * $mean)) as $variance
    | map(select(.kind == "step"))[0]
    # Student t of 78 degrees of freedom: 1.99085
    | (.high - 1.99085 * (2 * $variance | sqrt) | fabs < 1e-6) and .low == -.high and .a.n == $n' "$out"

# More than a million durations: still bounded in memory, and as near as is said.
awk 'BEGIN {
    id = "00000000000000000000000000000001"
    printf "{\"kind\":\"run\",\"run\":\"%s\",\"pipeline\":\"p\",\"status\":\"success\"}\n", id
    for (i = 1; i <= 1000500; i++)
        printf "{\"kind\":\"step\",\"run\":\"%s\",\"step\":%d,\"name\":\"s\",\"status\":\"success\",\"duration\":\"%d000\"}\n", id, i, i
}' >"$work/million.ndjson"
make_store million "$work/million.ndjson"
run xray-funnel -j "$work/million"
check "percentiles of a million are within their bound" jq -se 'map(select(.kind == "step"))[0]
    | .quantile_error <= 0.004
    and (((.p50 | tonumber) / 500250000 - 1) | fabs) <= .quantile_error
    and (((.p95 | tonumber) / 950475000 - 1) | fabs) <= .quantile_error' "$out"
run xray-funnel "$work/million"
expect_out "≈: more than a million values, within 0.4%" "percentiles that are not exact are marked"
finish
