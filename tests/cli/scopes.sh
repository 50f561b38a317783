# shellcheck disable=SC1091,SC2154
# examples/scopes.c, and what the configuration makes of it.
. "$(dirname "$0")/lib.sh"

unset XRAY_DIR XRAY_CONFIG XRAY_DETAIL XRAY_REDACT XRAY_ENABLED XRAY_ON_ERROR XRAY_STRICT
mkdir -p "$work/project/src"
cd "$work/project/src" || exit 1

# lines WHAT N PART: the NDJSON of the store has PART in N lines.
lines()
{
    check "$1" test "$(grep -cF -- "$3" "$out")" = "$2"
}

XRAY_DIR=$work/full run scopes
expect_status 0 "it runs"
run xray-cat -j "$work/full"
lines "three runs" 3 '"kind":"run"'
lines "a run of its own" 1 '"pipeline":"filter_price","status":"success"'
lines "flagged as implicit" 1 '"flags":2'
lines "a failure" 1 '"status":"failure"'
lines "with its error" 1 '"error":"LimitError: the limit is not positive"'
lines "a partial run" 1 '"pipeline":"offers","version":"1.0","user":"bob@example.org","status":"partial"'
lines "candidates" 6 '"kind":"cand"'

printf 'sdk:\n  dir: traces\n  detail: summary\n  redact: [/@/, input]\n  api_key: x\n' >../xray.config.yaml
run scopes
expect_status 0 "with a file further up"
run xray-cat -j ../traces
lines "no candidates in a summary" 0 '"kind":"cand"'
lines "but counts and reasons" 1 '"candidates_in":3,"candidates_out":2,"kept":0,"reasons":{"price_too_high":1}'
lines "no user" 2 '"user":"(redacted)"'
lines "no values" 0 '"input"'

XRAY_ENABLED=false XRAY_DIR=$work/none run scopes
expect_status 0 "disabled"
check "nothing is written" test ! -e "$work/none"

XRAY_DIR=/dev/null/no run scopes
expect_status 1 "where nothing can be written"
check "it says so" has "$err" "/dev/null/no"
XRAY_DIR=/dev/null/no XRAY_ON_ERROR=log run scopes
check "the library says so where it was asked to" has "$err" "xrayfile: no trace is written: "

XRAY_STRICT=1 XRAY_DIR=$work/strict run scopes
run xray-cat -j "$work/strict"
lines "no implicit run where that is an error" 2 '"kind":"run"'

finish
