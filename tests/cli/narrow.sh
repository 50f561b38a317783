# shellcheck disable=SC1091,SC2154,SC2016
# What the records of steps tell in a scan is what opening every run finds. An expression with a condition that always holds and that
# only an opened run can tell (steps are numbered there) must give the same as without it: output, messages, exit status.
. "$(dirname "$0")/lib.sh"

seed=${XRAY_TEST_SEED:-1}

# 120 runs of up to 6 steps, in the order in which they would be written side by side; some have no end.
generate()
{
    awk -v seed="$1" '
    function pick(list,    n, a) { n = split(list, a, " "); return a[1 + int(rand() * n)] }
    function maybe(text) { return rand() < 0.6 ? text : "" }
    BEGIN {
        srand(seed)
        for (r = 1; r <= 120; r++) {
            id = sprintf("%04x%028x", r * 37 % 65536, r)
            printf "{\"kind\":\"run\",\"run\":\"%s\",\"pipeline\":\"%s\",\"version\":\"%d\"%s,\"start\":\"%d000000000\",\"duration\":\"%d\"%s}\n", id, pick("a b"),
                rand() * 3, rand() < 0.9 ? ",\"status\":\"" pick("success failure partial") "\"" : "", 1700000000 + r, rand() * 9e9, maybe(",\"tags\":{\"t\":\"" pick("x y") "\"}")
            for (s = 1 + int(rand() * 6); s > 0; s--) {
                in_ = int(rand() * 40)
                printf "{\"kind\":\"step\",\"run\":\"%s\",\"step\":%d,\"name\":\"%s\",\"type\":\"%s\"%s%s%s%s%s%s%s%s}\n", id, s, pick("find rate judge pick"),
                    pick("filter llm rank search"), rand() < 0.9 ? ",\"status\":\"" pick("success failure partial") "\"" : "",
                    maybe(",\"start\":\"" (1700000000 + r) "000000000\",\"duration\":\"" int(rand() * 5e9) "\""),
                    maybe(",\"candidates_in\":" in_ ",\"candidates_out\":" int(rand() * (in_ + 1))), maybe(",\"reasons\":{\"" pick("old dear dup") "\":" int(rand() * 9) "}"),
                    maybe(",\"model\":\"" pick("m1 m2") "\",\"tokens\":{\"input\":" int(rand() * 1000) ",\"output\":" int(rand() * 99) "}"),
                    maybe(",\"cost\":0.0" int(rand() * 99)), maybe(",\"error\":\"Timeout: " pick("late lost") "\""), maybe(",\"output\":\"" pick("good bad ugly") "\"")
                if (rand() < 0.3)
                    printf "{\"kind\":\"cand\",\"run\":\"%s\",\"step\":%d,\"item\":\"i%d\",\"verdict\":\"reject\",\"score\":%.2f}\n", id, s, rand() * 9, rand()
            }
        }
    }' </dev/null
}

# same TOOL EXPRESSION ARGUMENTS...
same()
{
    tool=$1 expression=$2
    shift 2
    run "$tool" -W "($expression) and (step.number > 0)" "$@" "$work/store"
    cp "$out" "$work/want.out"
    cp "$err" "$work/want.err"
    want=$status
    run "$tool" -W "$expression" "$@" "$work/store"
    check "$tool $* -W $expression" test "$status" = "$want" -a -z "$(cmp "$out" "$work/want.out" 2>&1)$(cmp "$err" "$work/want.err" 2>&1)"
    ! is_empty "$out" || empty=$((empty + 1))
    asked=$((asked + 1))
}

generate "$seed" >"$work/store.ndjson"
make_store store "$work/store.ndjson"
cd "$work" || exit 1
asked=0 empty=0

for index in never auto; do
    [ $index = never ] || "$build/bin/xray-index" build store >/dev/null
    while read -r expression; do
        for options in -c --list-runs '-c -v' '-c -m 7' '-c --unit run' '-c -s rate -s 2'; do
            # shellcheck disable=SC2086
            same xray-grep "$expression" --index=$index $options
        done
        [ $index = never ] || continue
        same xray-grep "$expression" -c good
        same xray-grep "$expression" -j
        same xray-ls "$expression" -n 30
        same xray-cat "$expression" --unit=step -j
        same xray-funnel "$expression" --format=csv -t llm
    done <<'END'
rejection_rate > 90%
step.type = filter and step.duration > 1s
step.cost > 0.05 or tokens_in > 990
candidates_out = 0 and pipeline = b
reason = old and reasons.old > 7
not (step.status = success or step.status = partial) and step.model = m2
step.error_type = Timeout and run.status = failure and run.version = "2"
step.output = ugly and rejection_rate < 10%
step.output = bad or rejection_rate > 95%
tags.t = x and step.name = judge
count cand{cand.score > 0.5} > 0 and step.type = rank
any{step.type = llm and step.name = find} and step.name = pick
step.status = running
candidates_out > 1000
END
done
check "some have an answer" test "$empty" -lt $((asked / 3))

# A pattern that is too expensive is told as often as there are runs of which it must be asked.
same xray-grep 'step.name ~ /(a|aa|j|u)*$x/ and step.type = llm' -c

# Where part of the spine is lost, runs are opened as they were.
for segment in store/*.xray; do
    printf 'XXXXXXXX' | dd of="$segment" bs=1 seek=$(($(wc -c <"$segment") - 2000)) conv=notrunc 2>/dev/null
done
rm -f store/*.idx
same xray-grep 'rejection_rate > 50%' -c
same xray-funnel 'rejection_rate > 50%'
check "damage is told" test "$status" = 3

finish
