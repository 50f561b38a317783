# shellcheck disable=SC1091,SC2154,SC2016
# xray-funnel --compare and --baseline: a difference that was planted is found, none where there is none,
# and nothing is claimed of few runs.
. "$(dirname "$0")/lib.sh"

# runs FIRST COUNT VERSION KEPT SPREAD: runs of a filter that lets through KEPT percent of 40 to 60
# candidates, give or take SPREAD, as NDJSON.
runs()
{
    awk -v first="$1" -v count="$2" -v version="$3" -v kept="$4" -v spread="$5" 'BEGIN {
        srand(first * 7919 + kept)
        for (i = first; i < first + count; i++) {
            id = sprintf("%08x%08x%08x%08x", i * 65537, i, 77, version * 10)
            n = 40 + int(rand() * 21)
            out = int(n * (kept + spread * (2 * rand() - 1)) / 100 + 0.5)
            printf "{\"kind\":\"run\",\"run\":\"%s\",\"pipeline\":\"shop\",\"version\":\"%s\",\"status\":\"success\"}\n", id, version
            printf "{\"kind\":\"step\",\"run\":\"%s\",\"step\":1,\"name\":\"llm\",\"type\":\"llm\",\"status\":\"success\"}\n", id
            printf "{\"kind\":\"step\",\"run\":\"%s\",\"step\":2,\"name\":\"filter\",\"type\":\"filter\",\"candidates_in\":%d,\"candidates_out\":%d,\"status\":\"success\"}\n", id, n, out
        }
    }'
}

runs 1 80 1.3 40 20 >"$work/old.ndjson"
runs 1001 60 1.4 25 15 >"$work/new.ndjson"
runs 2001 60 1.5 40 20 >"$work/same.ndjson"
runs 3001 29 1.6 5 2 >"$work/few.ndjson"
runs 4001 40 1.7 50 0 >"$work/alike.ndjson"
awk '!/"step":2/' "$work/new.ndjson" >"$work/none.ndjson"
sed 's/"candidates_in":[0-9]*/"candidates_in":50/; s/"candidates_out":[0-9]*/"candidates_out":25/' "$work/alike.ndjson" >"$work/exact.ndjson"
make_store planted "$work/old.ndjson" "$work/new.ndjson"
make_store nothing "$work/old.ndjson" "$work/same.ndjson"
make_store small "$work/old.ndjson" "$work/few.ndjson"
make_store old "$work/old.ndjson"
make_store new "$work/new.ndjson"
make_store exact "$work/exact.ndjson"
make_store uncounted "$work/none.ndjson"

run xray-funnel --compare 'version = "1.4"' "$work/planted"
expect_status 0 "a planted difference"
expect_quiet "a planted difference"
expect_out ' A: version = "1.4", 60 runs' "the sides are named: A"
expect_out " B: the other runs, 80 runs" "the sides are named: B"
check "a planted difference is found" grep -qE '^ filter +filter +60 +80 .* \+1[0-9]\.[0-9]pp  \+[0-9.]+ to \+[0-9.]+pp$' "$out"
check "a step without counts shows dashes" grep -qE '^ llm +llm +0 +0 +- +- +- +-$' "$out"
run xray-funnel --color=always --compare 'version = "1.4"' "$work/planted"
check "a difference that is clear stands out" grep -q "$(printf '\033')\[33m+" "$out"
cp "$out" "$work/colored"

run xray-funnel --compare 'version = "1.5"' "$work/nothing"
check "no difference: the interval holds 0" grep -qE '^ filter .*  -[0-9.]+ to \+[0-9.]+pp$' "$out"

run xray-funnel --compare 'version = "1.6"' "$work/small"
check "under 30 runs nothing is claimed" grep -qE '^ filter +filter +29 +80 .*pp  n<30$' "$out"
run xray-funnel -j --compare 'version = "1.6"' "$work/small"
expect_out '"no_interval":"n<30"' "under 30 runs: JSON says so"
expect_no_out '"low"' "under 30 runs: no interval in JSON"

# Two stores: the same numbers, with the sides' names.
run xray-funnel -j --compare 'version = "1.4"' "$work/planted"
grep '"name":"filter"' "$out" >"$work/compared"
expect_out '"runs_a":60,"runs_b":80' "JSON says how many runs each side has"
run xray-funnel -j --baseline "$work/old" "$work/new"
grep '"name":"filter"' "$out" >"$work/baseline"
check "--baseline gives what --compare gives" cmp -s "$work/compared" "$work/baseline"
run xray-funnel --baseline "$work/old" "$work/new"
expect_out " B: $work/old, 80 runs" "--baseline is named"
run xray-funnel --baseline "$work/old" -W 'run.version != "1.3"' "$work/new"
expect_out " B: $work/old, 0 runs" "-W holds for both stores"

run xray-funnel --format=csv --compare 'version = "1.4"' -s filter "$work/planted"
expect_out "pipeline,name,type,runs_a,runs_b,n_a,n_b,drop_a,drop_b,difference,low,high,no_interval" "--compare as csv"
expect_lines 2 "--compare as csv"
run xray-funnel --format=markdown --compare 'version = "1.4"' -s filter "$work/planted"
expect_out "| step | type | n A | n B | drop A | drop B | A - B | 95% interval |" "--compare as Markdown"
run xray-funnel --rate=mean --compare 'version = "1.4"' "$work/planted"
expect_out "drop mean: average of the runs' own rates" "--compare of means is labelled"
check "--compare of means" grep -qE '^ filter .* \+1[0-9]\.[0-9]pp  \+[0-9.]+ to \+[0-9.]+pp$' "$out"
run xray-funnel --order=rate --compare 'version = "1.4"' "$work/planted"
check "--compare: the largest difference first" sh -c 'grep -n "^ filter" "$0" | grep -q "^5:"' "$out"

# Runs that are all alike tell nothing of chance; runs without counts nothing at all.
run xray-funnel --baseline "$work/exact" "$work/exact"
check "no spread, no interval" grep -qE '^ filter .* 0\.0pp  no spread$' "$out"
run xray-funnel --baseline "$work/uncounted" "$work/new"
check "no counts on a side" grep -qE '^ filter +filter +60 +0 .* -  -$' "$out"

# An expression that speaks of steps holds for runs that have such a step.
run xray-funnel -j --compare 'step.name = filter and rejection_rate > 65%' "$work/planted"
check "--compare on steps" sh -c 'grep -q "\"runs_a\":[1-9]" "$0" && ! grep -q "\"runs_b\":0" "$0"' "$out"

run xray-funnel --compare 'status = error' "$work/planted"
expect_status 2 "--compare that is wrong"
expect_err "xray-funnel: --compare:1:1: 'status' exists in run and step" "--compare that is wrong: message"
run xray-funnel --compare 'version = "1.4"' --baseline "$work/old" "$work/planted"
expect_status 2 "--compare with --baseline"
run xray-funnel --baseline "$work/nowhere" "$work/planted"
expect_status 2 "--baseline that is not there"
run xray-funnel --baseline "$work/old" -r 0000 "$work/planted"
expect_status 2 "--baseline with -r"
finish
