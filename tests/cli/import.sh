# shellcheck disable=SC1091,SC2154,SC2016,SC2034,SC2012
# xray-import: every shape it reads, what it says of what it cannot read, and that our own NDJSON
# goes in and out unchanged.
. "$(dirname "$0")/lib.sh"

samples=$here/data/import
shared=$here/../../../shared/data

# Ids that the importer makes up are masked; the rest is exact.
print_store()
{
    "$build/bin/xray-cat" -j "$1" 2>"$work/cat.err"
}
mask() { sed 's/"run":"[0-9a-f]*"/"run":"-"/'; }

# round_trip WHAT STORE: printed, imported and printed again it is the same.
round_trip()
{
    print_store "$2" >"$work/first.ndjson"
    rm -rf "$work/second"
    status=0
    "$build/bin/xray-import" "$work/first.ndjson" -o "$work/second" >"$out" 2>"$err" || status=$?
    print_store "$work/second" >"$work/second.ndjson"
    check "$1: our own NDJSON is taken whole" is_status 0
    check "$1: in and out are the same bytes" cmp -s "$work/first.ndjson" "$work/second.ndjson"
}

# ---- samples of every shape ----

for file in "$samples"/*.json "$samples"/*.jsonl; do
    base=$(basename "$file")
    store=$work/$base
    run xray-import "$file" -o "$store"
    case $base in
    d.json | mixed.jsonl) expect_status 3 "$base" ;;
    *) expect_status 0 "$base" ;;
    esac
    print_store "$store" >"$out"
    case $base in
    messages.json)
        mask <"$out" >"$work/masked"
        cp "$work/masked" "$out"
        ;;
    esac
    expect_text "$base" <"$samples/expected/$base"
    round_trip "$base" "$store"
done
run xray-import "$samples/own.jsonl" -o "$work/exact"
print_store "$work/exact" >"$out"
expect_text "our own NDJSON comes out as it went in" <"$samples/own.jsonl"

# ---- what is said ----

run xray-import "$samples/a.jsonl" -o "$work/counts"
check "summary" grep -qx 'imported 3 runs, 4 steps, 4 candidates; skipped 0' "$err"
run xray-import "$samples/mixed.jsonl" -o "$work/mixed2"
expect_status 3 "a bad line"
expect_err "mixed.jsonl:2:2: a key was expected" "a bad line has file, line and column"
expect_err "mixed.jsonl:3:1: valid JSON, but no known trace shape" "JSON that is no trace is told apart"
expect_err "mixed.jsonl:5:1: ',' or '}' was expected" "a line cut short costs itself only"
expect_err "mixed.jsonl:7:21: lone surrogate in a string" "a lone surrogate is refused"
check "the summary is last" grep -qx 'imported 3 runs, 3 steps, 0 candidates; skipped 6' "$err"
run xray-import --strict "$samples/mixed.jsonl" -o "$work/strict"
expect_status 3 "--strict"
check "--strict stops at the first" test "$(grep -c 'mixed.jsonl:' "$err")" = 1
run xray-import --dry-run "$samples/mixed.jsonl"
expect_status 3 "--dry-run"
check "--dry-run counts alike" grep -qx 'imported 3 runs, 3 steps, 0 candidates; skipped 6' "$err"
run xray-import --dry-run "$samples/a.jsonl" -o "$work/dry"
check "--dry-run writes nothing" test ! -e "$work/dry"
run xray-import --print-ids "$samples/a.jsonl" -o "$work/ids"
expect_text "--print-ids" <<'END'
7b0c1f6e3d0a4b529a530c2f6f0d9a11
8b0c1f6e3d0a4b529a530c2f6f0d9a12
9b0c1f6e3d0a4b529a530c2f6f0d9a13
END
run xray-import "$samples/a.jsonl"
expect_status 2 "without -o"
run xray-import -o "$work/none" "$work/no-such-file" "$samples/b.json"
expect_status 2 "a file that is not there"
check "the other files are read" grep -qx 'imported 1 runs, 4 steps, 3 candidates; skipped 0' "$err"
run xray-import --from=otlp "$samples/a.jsonl" -o "$work/from"
expect_status 3 "--from that does not fit"
run xray-import --from=nonsense "$samples/a.jsonl" -o "$work/from"
expect_status 2 "--from that there is not"
status=0
"$build/bin/xray-import" - -o "$work/stdin" <"$samples/b.json" >"$out" 2>"$err" || status=$?
expect_status 0 "standard input"
run xray-import -p named "$samples/messages.json" -o "$work/named"
print_store "$work/named" >"$out"
expect_out '"pipeline":"named"' "--pipeline names what has no name"

# ---- values that are kept, or refused, but never crash ----

in=$work/in
feed()
{
    rm -rf "$work/fed"
    status=0
    "$build/bin/xray-import" - -o "$work/fed" <"$in" >"$out" 2>"$err" || status=$?
    print_store "$work/fed" >"$out"
}
step='{"run":{"id":"r","pipeline":"p","status":"success"},"steps":[{"id":"s","step_name":"n",'

printf '%s' "$step"'"inputs":{"a":1,"b":{"c":[{"x":1,"x":2}]},"a":3}}]}' >"$in"
feed
expect_status 0 "a key that comes twice"
expect_out '"input":{"$map":[["a",1],["b",{"c":[{"$map":[["x",1],["x",2]]}]}],["a",3]]}' "both are kept"
printf '%s' "$step"'"custom":{"y":1,"y":2},"id":"other"}]}' >"$in"
feed
expect_out '"attrs":{"custom":{"$map":[["y",1],["y",2]]},"id":"other"}' "also where they are unknown"
printf '%s' "$step"'"inputs":[123456789012345678901234567890,1e400,-0,18446744073709551615,0.1,NaN]}]}' >"$in"
feed
expect_out '"input":[123456789012345678901234567890,1e400,' "numbers that nothing holds are kept"
expect_out '18446744073709551615,0.1,{"$f":"nan"}]' "and so are the others"
printf '%s' "$step"'"huge":123456789012345678901234567890}]}' >"$in"
feed
expect_out '"attrs":{"huge":123456789012345678901234567890}' "also in attrs"
printf '%s' '[{"role":"user","content":123456789012345678901234567890},{"role":"assistant","content":"a"},{"role":"assistant","content":"b"}]' >"$in"
feed
expect_out '"input":{"messages":[{"role":"user","content":123456789012345678901234567890},{"role":"assistant","content":"a"}]}' "also in messages"
printf '%s' "$step"'"inputs":"a\u0000b","reasoning":"\ud83d\ude00"}]}' >"$in"
feed
expect_out '"input":"a\u0000b","reasoning":"😀"' "NUL and pairs of surrogates are kept"
printf '%s%s' "$step" '"inputs":"' >"$in"
printf '\303' >>"$in"
feed
expect_status 3 "truncated UTF-8"
deep=$(printf '%040d' 0 | tr 0 '[')
printf '%s' "$step"'"inputs":'"$deep$(echo "$deep" | tr '[' ']')"'}]}' >"$in"
feed
expect_status 3 "a value that nests too deeply"
expect_err ":1:129: " "says where"
expect_out '"kind":"step"' "costs that value only"
printf '%0100000d' 0 | tr 0 '[' >"$in"
feed
expect_status 3 "a bomb of brackets"
expect_err "nested too deeply" "a bomb of brackets is named"
: >"$in"
feed
expect_status 0 "an empty file"
printf ' \n\n ' >"$in"
feed
expect_status 0 "an empty file with white space"
printf '{"id":1' >"$in"
feed
expect_status 3 "a file cut short"
i=1
size=$(wc -c <"$samples/openinference.json")
while [ "$i" -lt "$size" ]; do
    head -c "$i" "$samples/openinference.json" >"$work/prefix"
    status=0
    "$build/bin/xray-import" --dry-run "$work/prefix" >"$out" 2>"$err" || status=$?
    [ "$status" = 3 ] || break
    i=$((i + 97))
done
expect_status 3 "every prefix is an error"

# ---- large files ----

awk 'BEGIN { printf "{\"events\":[";
    for (i = 0; i < 30000; i++) printf "%s{\"type\":\"step_complete\",\"data\":{\"id\":\"s%d\",\"run_id\":\"r%d\",\"name\":\"n\",\"type\":\"filter\",\"outputs\":{\"i\":%d}}}", (i ? ",\n" : ""), i, i / 10, i;
    printf "]}\n" }' >"$work/events.json"
run xray-import --max-value=1 "$work/events.json" -o "$work/events"
expect_status 0 "one document of many events"
check "all its events are there" grep -qx 'imported 3000 runs, 30000 steps, 0 candidates; skipped 0' "$err"
awk 'BEGIN { printf "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"svc\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"lib\"},\"spans\":[";
    for (i = 1; i <= 20000; i++) printf "%s{\"traceId\":\"%032x\",\"spanId\":\"%016x\",\"name\":\"op\",\"startTimeUnixNano\":\"5\",\"endTimeUnixNano\":\"6\"}", (i > 1 ? "," : ""), i / 5 + 1, i;
    printf "]}]}]}" }' >"$work/spans.json"
run xray-import --max-value=1 "$work/spans.json" -o "$work/spans"
check "one document of many spans" grep -qx 'imported 4001 runs, 20000 steps, 0 candidates; skipped 0' "$err"
print_store "$work/spans" >"$out"
check "each knows what stood around it" test "$(grep -c '"kind":"run".*"pipeline":"svc".*"scope":{"name":"lib"}' "$out")" = 4001
awk 'BEGIN { printf "[";
    for (i = 0; i < 40; i++) {
        printf "%s{\"task_id\":%d,\"traj\":[{\"role\":\"user\",\"content\":\"", (i ? "," : ""), i;
        n = i == 20 ? 300000 : 3000;
        for (k = 0; k < n; k++) printf "word ";
        printf "\"},{\"role\":\"assistant\",\"content\":\"x\"}]}";
    }
    printf "]" }' >"$work/runs.json"
run xray-import --max-value=1 "$work/runs.json" -o "$work/runs"
expect_status 3 "a value over --max-value"
expect_err "larger than --max-value" "it is named"
check "the others are there" grep -qx 'imported 39 runs, 39 steps, 0 candidates; skipped 1' "$err"
run xray-import "$work/runs.json" -o "$work/runs2"
check "with more room all are" grep -qx 'imported 40 runs, 40 steps, 0 candidates; skipped 0' "$err"
awk 'BEGIN { for (i = 0; i < 9000; i++) { printf "{\"run\":{\"id\":\"r%d\",\"pipeline\":\"p\",\"status\":\"success\"},\"steps\":[{\"id\":\"s\",\"step_name\":\"n\",\"status\":\"success\"}]}\n", i }
    for (i = 0; i < 9000; i += 3000) printf "{\"run_id\":\"r%d\",\"steps\":[{\"id\":\"t\",\"step_name\":\"late\",\"status\":\"success\"}]}\n", i }' >"$work/many.jsonl"
run xray-import "$work/many.jsonl" -o "$work/many"
check "runs that come back" grep -qx 'imported 9000 runs, 9003 steps, 0 candidates; skipped 0' "$err"
print_store "$work/many" >"$out"
check "are the same runs" test "$(grep -c '"kind":"run"' "$out")" = 9000
check "and have their late steps" test "$(grep -c '"step":2,.*"name":"late"' "$out")" = 3

# ---- other people's data ----

if [ ! -d "$shared" ]; then
    echo "no $(basename "$shared") beside the repository: other people's data is not read"
    finish
fi

# all_of WHAT FILES...: many files into one store.
all_of()
{
    what=$1
    shift
    [ -f "$1" ] || return 0
    rm -rf "$work/all"
    run xray-import "$@" -o "$work/all"
    case $status in
    0 | 3) check "$what is read" true ;;
    *) check "$what is read" false ;;
    esac
    tail -n 1 "$err" | sed "s/^/    $what: /"
    round_trip "$what" "$work/all"
}
all_of otlp "$shared"/otlp/otel-tui/test_data.json "$shared"/otlp/robotframework-otlp/tests/fixtures/*.json \
    "$shared"/otlp/duckdb-otlp/test/data/*.json* "$shared"/otlp/jaeger/internal/storage/v2/*/fixtures/*.json \
    "$shared"/otlp/jaeger/internal/storage/v2/*/tracestore/fixtures/*.json "$shared"/otlp/otlp-proto/examples/*.json
all_of langfuse "$shared"/genai-spans/langfuse/worker/src/__tests__/chatml/framework-traces/*.json
all_of openinference "$shared"/genai-spans/openinference/js/packages/*/test/__fixtures__/*.json \
    "$shared"/genai-spans/openinference/js/packages/*/test/__fixtures__/*/*.json
all_of mint-bench "$shared"/agent-runs/mint-bench/data/outputs/*/*/*/*/*/results.jsonl
all_of tau-bench "$shared"/agent-runs/tau-bench/historical_trajectories/*.json
all_of swe-agent "$shared"/agent-runs/swe-agent/trajectories/demonstrations/*/*.traj \
    "$shared"/agent-runs/mini-swe-agent/tests/test_data/*.json
all_of who-and-when "$shared"/agent-runs/who-and-when/*/*/*.json
all_of agentdojo "$shared"/agent-runs/agentdojo/runs/*/*/*/*/*.json
all_of others "$shared"/agent-runs/inspect_ai/tests/*/*/*.json "$shared"/agent-runs/intercode/data/results/*/*/*.json \
    "$shared"/candidates/*/test/train-sets/*json "$shared"/candidates/tree-of-thought/logs/*/*.json \
    "$shared"/peer/blns/*.json "$shared"/peer/yyjson/test/data/json/*/*

# The verdict of each file of JSONTestSuite is in its name. What we take on purpose: files with nothing in them, and values
# one behind the other.
suite=$shared/peer/JSONTestSuite/test_parsing
wrong=
if [ -d "$suite" ]; then
    for file in "$suite"/*.json; do
        base=$(basename "$file")
        run xray-import --dry-run "$file"
        syntax=$(grep -v '^imported ' "$err" | grep -vc 'valid JSON, but no known trace shape')
        case $status/$syntax/$base in
        3/0/y_* | 3/[1-9]*/n_* | [03]/*/i_*) ;;
        0/0/n_single_space.json | 0/0/n_structure_no_data.json | 0/0/n_structure_UTF8_BOM_no_data.json) ;;
        3/0/n_structure_double_array.json | 3/0/n_structure_object_with_trailing_garbage.json) ;;
        *) wrong="$wrong $base($status)" ;;
        esac
    done
    echo "    JSONTestSuite: wrong verdicts:${wrong:- none}"
    check "JSONTestSuite" test -z "$wrong"
fi

# ---- what is left out ----
echo '{"kind":"run","run":"00000000000000000000000000000001","pipeline":"p","input":{"password":"hush1","q":"key sk-hush2","n":1}}' >"$work/secret"
run xray-import --redact 'password, /sk-[a-z0-9]+/' "$work/secret" -o "$work/redacted"
expect_status 0 "import --redact"
run xray-cat -j "$work/redacted"
expect_no_out "hush" "import --redact: names and patterns"
expect_out '"n":1' "import --redact: and nothing else"
run xray-import --redact '/(/' "$work/secret" -o "$work/none"
expect_status 2 "import --redact with a pattern that is none"
finish
