#!/bin/sh
# The limits of the format (section 11) as the tools show them: what is too long is cut
# and flagged, what is too deep is refused and named, and memory stays bounded.
. "$(dirname "$0")/lib.sh"

run_id=000102030405060708090a0b0c0d0e0f

# repeat TEXT N
repeat()
{
    awk -v text="$1" -v n="$2" 'BEGIN { while (n-- > 0) printf "%s", text }'
}

# is FILTER: does the jq filter hold for the lines in $out, slurped into one array?
is()
{
    jq -es "$1" "$out" >/dev/null
}

# ---- names are cut at a character boundary, and flagged ---------------------------

{
    # 199 bytes, then a character of two bytes that no longer fits into 200
    printf '{"kind":"run","run":"%s","pipeline":"%sé","version":"%s","status":"success"}\n' \
        $run_id "$(repeat p 199)" "$(repeat v 60)"
    printf '{"kind":"step","run":"%s","step":1,"name":"%s","type":"filter","status":"success"}\n' \
        $run_id "$(repeat n 201)"
    printf '{"kind":"cand","run":"%s","step":1,"item":"%s","verdict":"accept"}\n' $run_id "$(repeat i 1025)"
    printf '{"kind":"cand","run":"%s","step":1,"item":"%s","verdict":"accept"}\n' $run_id "$(repeat j 1024)"
} >"$work/names.ndjson"
make_store names "$work/names.ndjson"
run xray-cat -j "$store"
expect_status 0 "long names"
check "a name is cut at a character" is '.[0].pipeline == "p" * 199'
check "a version is cut to 50 bytes" is '.[0].version == "v" * 50'
check "a run with a cut name is flagged" is '.[0].flags % 2 == 1'
check "a step's name is cut to 200 bytes" is '.[1].name == "n" * 200'
check "a step with a cut name is flagged" is '.[1].flags % 2 == 1'
check "an item id is cut to 1,024 bytes" is '.[2].item == "i" * 1024'
check "an item id of 1,024 bytes stays" is '.[3].item == "j" * 1024'

# ---- the histogram of a step has at most 256 codes --------------------------------

{
    printf '{"kind":"run","run":"%s","pipeline":"p","status":"success"}\n' $run_id
    printf '{"kind":"step","run":"%s","step":1,"name":"s","status":"success"}\n' $run_id
    awk -v run=$run_id 'BEGIN { for (i = 0; i < 600; i++)
        printf "{\"kind\":\"cand\",\"run\":\"%s\",\"step\":1,\"item\":\"i%d\",\"verdict\":\"reject\",\"reasons\":[{\"code\":\"c%d\"}]}\n",
            run, i, i % 300 }'
} >"$work/codes.ndjson"
make_store codes "$work/codes.ndjson"
run xray-cat -j "$store"
check "256 codes and (other)" is '.[1].reasons | length == 257 and .c0 == 2 and .c255 == 2 and .["(other)"] == 88'
check "every rejection is counted" is '[.[1].reasons[]] | add == 600'
check "every candidate keeps its code" is '[.[] | select(.kind == "cand") | .reasons[0].code] | unique | length == 300'

# ---- depth ------------------------------------------------------------------------

# deep N: a run whose input is N arrays, one in the other
deep()
{
    printf '{"kind":"run","run":"%s","pipeline":"deep","status":"success","input":%s1%s}\n' $run_id \
        "$(repeat '[' "$1")" "$(repeat ']' "$1")"
}

deep 30 >"$work/deep.ndjson"
make_store deep "$work/deep.ndjson"
run xray-cat -j "$store"
check "30 levels come back" test "$(jq -c .input "$out")" = "$(repeat '[' 30)1$(repeat ']' 30)"

deep 100000 >"$work/deeper.ndjson"
run xray-import -o "$work/deeper" "$work/deeper.ndjson"
check "100,000 levels are refused" test "$status" -gt 0
check "100,000 levels: one line says where" grep -q "deeper.ndjson:1" "$err"

# ---- memory -----------------------------------------------------------------------

# peak TOOL ARGUMENTS...: MiB of resident memory; the output goes nowhere.
peak()
{
    python3 - "$build/bin/$1" "$@" <<'PY'
import resource, subprocess, sys
subprocess.run([sys.argv[1]] + sys.argv[3:], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
PY
}

# 100 runs with 600 kB of distinct text each, and one step with 200,000 candidates.
long_trace()
{
    awk 'BEGIN {
        srand(1)
        for (run = 0; run < 100; run++) {
            id = sprintf("%032x", run + 1)
            printf "{\"kind\":\"run\",\"run\":\"%s\",\"pipeline\":\"long\",\"status\":\"success\"}\n", id
            for (step = 1; step <= 3; step++) {
                printf "{\"kind\":\"step\",\"run\":\"%s\",\"step\":%d,\"name\":\"s\",\"status\":\"success\",\"output\":\"", id, step
                for (word = 0; word < 20000; word++)
                    printf "%x ", rand() * 1000000000
                printf "\"}\n"
            }
        }
        printf "{\"kind\":\"step\",\"run\":\"%s\",\"step\":4,\"name\":\"wide\",\"status\":\"success\"}\n", id
        for (item = 0; item < 200000; item++)
            printf "{\"kind\":\"cand\",\"run\":\"%s\",\"step\":4,\"item\":\"%x\",\"verdict\":%s,\"score\":%.4f}\n", id,
                item * 7919, item % 3 ? "\"reject\",\"reasons\":[{\"code\":\"low\"}]" : "\"accept\"", rand()
    }'
}

case $build in
*-release | *-debug)
    long_trace >"$work/long.ndjson"
    limit=160
    for command in "xray-import -o $work/long $work/long.ndjson" "xray-ls $work/long" "xray-cat $work/long" \
        "xray-cat -j $work/long" "xray-grep -c ffff $work/long" "xray-funnel $work/long"; do
        # shellcheck disable=SC2086
        used=$(peak $command)
        check "${command%% *}: $used MiB, at most $limit" test "$used" -le $limit
    done
    run xray-cat -j "$work/long"
    check "200,000 candidates come back" test "$(grep -c '"kind":"cand"' "$out")" = 200000

    # A block for each step that ends, as flush=step writes them: what a reader keeps of a block is small.
    "$build/bench/gen_tiny" "$work/tiny" 8400 step
    run xray-verify -j "$work/tiny"
    check "45,000 small blocks" test "$(jq -s '.[-1].blocks > 45000 and .[-1].damages == 0' "$out")" = true
    limit=96
    for command in "xray-ls $work/tiny" "xray-cat $work/tiny" "xray-cat -j $work/tiny" "xray-grep -c zzzz $work/tiny" \
        "xray-funnel $work/tiny" "xray-verify $work/tiny"; do
        # shellcheck disable=SC2086
        used=$(peak $command)
        check "${command%% *}, small blocks: $used MiB, at most $limit" test "$used" -le $limit
    done
    ;;
*) echo "skip memory: sanitizers have their own" ;;
esac

finish
