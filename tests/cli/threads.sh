# shellcheck disable=SC1091,SC2154,SC2016
# The same output, messages and exit status with any number of threads, also of damaged stores; and with what is
# looked for in raw blocks, the same as without.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
make_store hostile "$here/data/hostile.ndjson"
make_store otlp "$here/data/import/otlp.jsonl"

# many: more runs than are searched one by one.
mkdir "$work/many"
i=0
while [ $i -lt 12 ]; do
    sed "s/shop-/shop-$i-/g; s/\"run\":\"..../\"run\":\"$(printf %04x $i)/" "$here/data/shop.ndjson" >"$work/one.ndjson"
    "$build/bin/xray-import" "$work/one.ndjson" -o "$work/many" >/dev/null 2>&1
    i=$((i + 1))
done

# damaged: bytes overwritten in the middle of every segment, one cut short.
cp -r "$work/many" "$work/damaged"
n=0
for segment in "$work/damaged"/*.xray; do
    n=$((n + 1))
    size=$(wc -c <"$segment")
    printf 'XXXXXXXX' | dd of="$segment" bs=1 seek=$((size * n / 14)) conv=notrunc 2>/dev/null
done
truncate -s -100 "$segment"

# same WHAT TOOL ARGUMENTS...
same()
{
    what=$1
    shift
    run "$@" --threads 1
    cp "$out" "$work/want.out"
    cp "$err" "$work/want.err"
    want=$status
    tool=$1
    shift
    for n in 2 8; do
        run "$tool" "$@" -@ $n
        check "$what: output with $n threads" cmp -s "$out" "$work/want.out"
        check "$what: messages with $n threads" cmp -s "$err" "$work/want.err"
        check "$what: exit status with $n threads" [ "$status" = "$want" ]
    done
    [ "$tool" = xray-grep ] || return 0
    export XRAY_TEST_NO_PREFILTER=1
    run "$tool" "$@"
    unset XRAY_TEST_NO_PREFILTER
    check "$what: output without a look at raw blocks" cmp -s "$out" "$work/want.out"
}

for store in shop hostile otlp many damaged; do
    s=$work/$store
    same "$store ls" xray-ls "$s"
    same "$store cat" xray-cat "$s"
    same "$store cat -j" xray-cat -j "$s"
    same "$store funnel" xray-funnel "$s"
    same "$store funnel --reasons" xray-funnel --reasons -j "$s"
    same "$store grep" xray-grep stand "$s"
    same "$store grep -c" xray-grep -c stand "$s"
    same "$store grep regular expression" xray-grep 'pho[mn]e +ca(s|z)e' "$s"
    same "$store grep -i" xray-grep -i -c 'PHONE CASE STAND' "$s"
    same "$store grep reason" xray-grep -c price_too_high "$s"
    same "$store grep item" xray-grep B0 "$s"
    same "$store grep number" xray-grep -c '[0-9]\.[0-9]+' "$s"
    same "$store grep nothing" xray-grep 'no such words' "$s"
    same "$store grep -v" xray-grep -c -v stand "$s"
    same "$store grep -l" xray-grep -l stand "$s"
    same "$store grep --unit=cand" xray-grep --unit=cand -j price "$s"
    same "$store grep -e -e" xray-grep -c -e 'phone case' -e price_too "$s"
    same "$store grep -W" xray-grep -W 'rejection_rate > 0.5' "$s"
    same "$store grep -q" xray-grep -q stand "$s"
done

run xray-grep -c --count-runs stand "$work/many"
expect_text "there are many runs" <<'END'
12
END
run xray-ls "$work/damaged"
expect_status 3 "the damaged store is damaged"

XRAY_THREADS=3 run xray-ls "$work/shop"
expect_status 0 "XRAY_THREADS"
XRAY_THREADS=many run xray-ls "$work/shop"
expect_status 2 "XRAY_THREADS must be a number"
run xray-ls --threads 0 "$work/shop"
expect_status 2 "--threads takes a number from 1 up"

finish
