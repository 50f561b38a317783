# shellcheck disable=SC1091,SC2154,SC2016,SC2034,SC2086
# xray-grep: every option, alone and with others.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
shop=$work/shop

# A run of ten steps, s1 to s10, of which some say "needle"; a second one like it; nested steps in a third.
{
    for r in 1 2; do
        echo "{\"kind\":\"run\",\"run\":\"a000000000000000000000000000000$r\",\"pipeline\":\"line$r\",\"status\":\"success\"}"
        for n in 1 2 3 4 5 6 7 8 9 10; do
            case $r$n in
            13 | 14 | 19 | 25) text=needle ;;
            *) text=hay ;;
            esac
            echo "{\"kind\":\"step\",\"run\":\"a000000000000000000000000000000$r\",\"step\":$n,\"name\":\"s$n\",\"type\":\"tool\",\"status\":\"success\",\"output\":\"$text in run $r\"}"
        done
    done
    echo '{"kind":"run","run":"b0000000000000000000000000000001","pipeline":"tree","status":"success","input":"Needle at the top"}'
    tree()
    {
        echo "{\"kind\":\"step\",\"run\":\"b0000000000000000000000000000001\",\"step\":$1,$2\"name\":\"t$1\",\"status\":\"success\",\"output\":\"$3\"}"
    }
    tree 1 '' root
    tree 2 '"parent":1,' left
    tree 3 '"parent":2,' leaf
    tree 4 '"parent":3,' deepest
    tree 5 '"parent":1,' right
    tree 6 '"parent":5,' leaf
    tree 7 '' other
} >"$work/ten.ndjson"
make_store ten "$work/ten.ndjson"
ten=$work/ten

# steps OPTIONS...: what is printed of it, as "3: 4: 5-"; headings as "run", gaps as "--".
steps()
{
    run xray-grep "$@"
    sed -E 's/^run .*/run/; s/^[0-9a-f]+\/([0-9]+)([:-]).*/\1\2/' "$out" | tr '\n' ' ' | sed 's/ $//' >"$work/steps"
}
expect_steps() { check "$2" test "$(cat "$work/steps")" = "$1"; }

# Context
steps -F needle "$ten"
expect_steps 'run 3: 4: 9: run 5:' "grep: no context, no gaps"
steps -A1 needle "$ten"
expect_steps 'run 3: 4: 5- -- 9: 10- run 5: 6-' "grep -A1"
steps -B1 needle "$ten"
expect_steps 'run 2- 3: 4: -- 8- 9: run 4- 5:' "grep -B1"
steps -C1 needle "$ten"
expect_steps 'run 2- 3: 4: 5- -- 8- 9: 10- run 4- 5: 6-' "grep -C1"
steps -C 2 needle "$ten"
expect_steps 'run 1- 2- 3: 4: 5- 6- 7- 8- 9: 10- run 3- 4- 5: 6- 7-' "grep -C2: windows that touch are one"
steps -C1 -A2 needle "$ten"
cp "$work/steps" "$work/once"
steps -A2 -B1 needle "$ten"
check "grep -C1 -A2 = -B1 -A2" cmp -s "$work/steps" "$work/once"
steps -A2 -C1 needle "$ten"
check "grep -A2 -C1 = -B1 -A2" cmp -s "$work/steps" "$work/once"
steps -C100 needle "$ten"
expect_steps 'run 1- 2- 3: 4: 5- 6- 7- 8- 9: 10- run 1- 2- 3- 4- 5: 6- 7- 8- 9- 10-' "grep -C100 never leaves the run"
steps -C 18446744073709551615 -m 1 needle "$ten"
expect_steps 'run 1- 2- 3: 4- 5- 6- 7- 8- 9- 10-' "grep -C with the greatest number"
steps -m1 -A2 needle "$ten"
expect_steps 'run 3: 4- 5-' "grep -m counts hits, not context"
steps -m3 -C1 needle "$ten"
expect_steps 'run 2- 3: 4: 5- -- 8- 9: 10-' "grep -m3 -C1"
steps -m0 needle "$ten"
expect_status 1 "grep -m0"
check "grep -m0 prints nothing" is_empty "$out"
steps -v -C1 'hay|root|left|leaf|deepest|right|other' "$ten"
expect_steps 'run 2- 3: 4: 5- -- 8- 9: 10- run 4- 5: 6-' "grep -v with context"
steps -R needle "$ten"
expect_steps 'run 1- 2- 3: 4: 5- 6- 7- 8- 9: 10- run 1- 2- 3- 4- 5: 6- 7- 8- 9- 10-' "grep -R"
steps --run -A1 needle "$ten"
expect_steps 'run 1- 2- 3: 4: 5- 6- 7- 8- 9: 10- run 1- 2- 3- 4- 5: 6- 7- 8- 9- 10-' "grep --run overrides -A"
steps --ancestors leaf "$ten"
expect_steps 'run 1- 2- 3: -- 5- 6:' "grep --ancestors"
steps --children left "$ten"
expect_steps 'run 2: 3- 4-' "grep --children"
steps --children --ancestors '^leaf' "$ten"
expect_steps 'run 1- 2- 3: 4- 5- 6:' "grep --children --ancestors"
steps --max-runs 1 needle "$ten"
expect_steps 'run 3: 4: 9:' "grep --max-runs"
steps -C1 -i needle -r b000 "$ten"
expect_steps 'run 0:' "grep: the text of the run itself has no neighbours"

# Patterns
count()
{
    run xray-grep -c "$@"
    check "grep -c $*: $want" test "$(cat "$out")" = "$want"
}
want=4 count needle "$ten"
want=5 count -i needle "$ten"
want=5 count -S needle "$ten"
want=1 count -S Needle "$ten"
want=1 count -S '\w\S+dle\x{20}at' "$ten"
want=0 count -i -S 'NEEDLE' "$ten"
want=5 count -S -i 'NEEDLE' "$ten"
want=0 count -w need "$ten"
want=4 count -w needle "$ten"
want=0 count -w -F eedle "$ten"
want=4 count -w -F 'needle in' "$ten"
want=0 count -x needle "$ten"
want=3 count -x 'needle in run 1' "$ten"
want=3 count -x -F 'needle in run 1' "$ten"
want=0 count -x -F 'needle.in run 1' "$ten"
want=3 count -x 'no|needle in run 1|such' "$ten"
want=1 count -x 'with a stand, for travellers who need it' "$shop"
want=4 count -e nothing -e needle "$ten"
want=23 count -v -i needle "$ten"
want=28 count -e '' "$ten"
printf 'needle\r\nroot\n' >"$work/patterns"
want=5 count -f "$work/patterns" "$ten"
want=6 count -f "$work/patterns" -e other "$ten"
: >"$work/none.txt"
want=0 count -f "$work/none.txt" "$ten"
want=27 count -v -f "$work/none.txt" "$ten"
# Many plain texts are looked for at once: the same is found, the longest first.
seq 1 20 | sed 's/^/none/' >"$work/many.txt"
printf '%s\n' B07 stand 'a stand' phone 'phone case' >>"$work/many.txt"
run xray-grep -o -F -f "$work/many.txt" "$shop"
cp "$out" "$work/set"
run xray-grep -o 'phone case|a stand|stand|phone|B07' "$shop"
check "grep -F -f with many texts" cmp -s "$out" "$work/set"
check "grep -F -f with many texts finds something" test -s "$work/set"
run xray-grep -f "$work/not-there" "$ten"
expect_status 2 "grep -f with a file that is not there"
expect_err "not-there: No such file" "grep -f names the file"
"$build/bin/xray-grep" -c -f - "$ten" <"$work/patterns" >"$out"
check "grep -f -" test "$(cat "$out")" = 5
want=4 count --in output needle "$ten"
want=0 count --in input,reason needle "$ten"
want=4 count --in step.output needle "$ten"
want=1 count --in run.text -i needle "$ten"
want=1 count --in provider openai "$shop"
printf '%s\n' '{"kind":"run","run":"c0000000000000000000000000000001","pipeline":"p","status":"success"}' \
    '{"kind":"step","run":"c0000000000000000000000000000001","step":1,"name":"u","status":"success","output":"der Käse, caf\u00e9s und ÄRGER"}' >"$work/uni.ndjson"
make_store uni "$work/uni.ndjson"
want=0 count -w caf "$work/uni"
want=1 count -w Käse "$work/uni"
want=1 count -i ärger "$work/uni"
want=1 count -S ärger "$work/uni"
want=0 count -S Ärger "$work/uni"
run xray-grep -w -e 'a)(b' "$ten"
expect_status 2 "grep -w with a bad pattern"

# Counts and lists
run xray-grep --count-runs needle "$ten"
expect_text "grep --count-runs" <<'END'
2
END
run xray-grep --list-runs needle "$ten"
expect_text "grep --list-runs" <<'END'
a0000000000000000000000000000001
a0000000000000000000000000000002
END
run xray-grep --list-runs --max-runs 1 needle "$ten"
expect_lines 1 "grep --list-runs --max-runs 1"
"$build/bin/xray-grep" --list-runs -0 needle "$ten" | xargs -0 -n 1 echo >"$out"
check "grep --list-runs -0 | xargs -0" test "$(wc -l <"$out")" = 2
cp "$shop"/*.xray "$work/a.xray"
cp "$ten"/*.xray "$work/b.xray"
run xray-grep -l needle "$work/a.xray" "$work/b.xray"
expect_text "grep -l" <<END
$work/b.xray
END
run xray-grep -L needle "$work/a.xray" "$work/b.xray"
expect_text "grep -L" <<END
$work/a.xray
END
expect_status 0 "grep -L with a file to list"
run xray-grep -L . "$work/a.xray" "$work/b.xray"
expect_status 1 "grep -L without a file to list"
"$build/bin/xray-grep" -l -0 . "$work/a.xray" "$work/b.xray" | tr '\0' '\n' >"$out"
expect_lines 2 "grep -l -0"
run xray-grep -o -m 2 'n..dle' "$ten"
expect_text "grep -o -m" <<'END'
needle
needle
END
run xray-grep -o --max-columns 3 -m 1 'n..dle' "$ten"
expect_text "grep -o --max-columns" <<'END'
ne…
END
run xray-grep -q -W 'step.type = tool' "$ten" "$work/not-there"
expect_status 0 "grep -q -W with an error"
run xray-grep -o -W 'step.type = tool' "$ten"
expect_status 2 "grep -o without a pattern"

# Units
run xray-grep --unit=run needle "$ten"
expect_lines 2 "grep --unit=run"
check "grep --unit=run prints headings" sh -c '! grep -qv "^run " "$0"' "$out"
want=2 count --unit=run needle "$ten"
want=1 count --unit=run -v needle "$ten"
steps --unit=run -R needle "$ten"
expect_steps 'run 1- 2- 3: 4: 5- 6- 7- 8- 9: 10- run 1- 2- 3- 4- 5: 6- 7- 8- 9- 10-' "grep --unit=run -R"
want=2 count --unit=cand B07C "$shop"
want=10 count --unit=cand -v B07C "$shop"
want=4 count --unit=cand -W 'cand.verdict = reject' "$shop"
want=1 count --unit=cand -W 'cand.verdict = reject' -e no_price "$shop"
want=8 count --unit=cand -v -W 'cand.verdict = reject' "$shop"
steps --unit=cand -m 3 B07 "$shop"
expect_steps 'run 2: 2: 2:' "grep --unit=cand -m counts candidates"
run xray-grep --unit=cand -W 'cand.score > 0.9' "$shop"
expect_out '/2:search: cand[B07A]: accept  score 0.91  rank out 1' "grep --unit=cand shows the candidate"
run xray-grep --unit=bin x "$shop"
expect_status 2 "grep --unit with another word"

# Order
run xray-grep --sort run.start:desc --format=line --fields run.ext_id -W 'exists(run.start) and exists(run.ext_id)' "$shop"
expect_text "grep --sort of runs" <<'END'
shop-2
shop-1
END
run xray-grep --sort step.duration:desc --top 2 --format=line --fields step.name,step.duration -W 'step.type != tool' "$shop"
expect_text "grep --sort --top" <<'END'
keywords	120000000000
keywords	1200000000
END
run xray-grep --sort step.candidates_in --format=line --fields step.name,step.candidates_in -W 'step.type in (filter, llm)' "$shop"
check "grep --sort: what has no key comes last" sh -c 'head -n 1 "$0" | grep -qx "filter_price	4" && tail -n 1 "$0" | grep -q "	-$"' "$out"
run xray-grep --sort cand.score --top 1 --unit=cand --format=line --fields cand.id B07 "$shop"
expect_text "grep --sort of candidates" <<'END'
B07F
END
steps --sort step.number:desc needle "$ten"
expect_steps 'run 9: run 5: run 4: 3:' "grep --sort in text"
for options in "--top 3" "--sort step.number -C1" "--sort no.such" "--sort"; do
    run xray-grep -e x $options "$shop"
    expect_status 2 "grep $options is refused"
done

# Formats
run xray-grep --format=line needle "$ten"
expect_lines 4 "grep --format=line"
check "grep --format=line is for awk" test "$(awk -F'\t' '{ n += $2 } END { print n }' "$out")" = 21
run xray-grep --format=csv -C1 -m1 needle "$ten"
tr -d '\r' <"$out" >"$work/csv" && cp "$work/csv" "$out"
expect_text "grep --format=csv with context" <<'END'
kind,run.id,step.number,step.name,hit.field,hit.item,hit.path,hit.start,hit.end,hit.text
context,a0000000000000000000000000000001,2,s2,,,,,,
match,a0000000000000000000000000000001,3,s3,output,,,0,6,needle
context,a0000000000000000000000000000001,4,s4,,,,,,
END
run xray-grep --template '{run.pipeline}/{step.name}={hit.text}' needle "$ten"
check "grep --template" sh -c 'head -n 1 "$0" | grep -qx "line1/s3=needle"' "$out"
run xray-grep -j --max-columns 4 -m 1 needle "$ten"
expect_out '"start":0,"end":6,"text":"need","truncated":true}' "grep -j --max-columns"
run xray-grep -j -m 1 needle "$ten"
expect_no_out truncated "grep -j cuts nothing by itself"
run xray-grep -j -C1 -m1 --stats needle "$ten"
check "grep -j: kinds" test "$(sed 's/.*"kind":"\([a-z]*\)".*/\1/' "$out" | tr '\n' ' ')" = "context match context summary "
expect_out '"matches":1,"runs":1,"complete":false' "grep -j -m --stats: not complete"
run xray-grep -j --stats needle "$ten"
expect_out '"matches":4,"runs":2,"complete":true' "grep -j --stats: complete"
run xray-grep -j -W 'run.pipeline = tree' "$ten"
expect_out '{"v":1,"kind":"run","run":{"id":"b0000000000000000000000000000001"' "grep -j of runs"
expect_lines 1 "grep -j of runs"
run xray-grep -j --unit=cand -e no_price "$shop"
expect_out '"cand":{"item":"B07E","verdict":"reject","reasons":["no_price"]}' "grep -j of candidates"
run xray-grep -j . "$shop"
check "grep -j is JSON" sh -c '! command -v jq >/dev/null || jq -e .run.id "$0" >/dev/null' "$out"
printf '%s\n' '{"kind":"run","run":"d0000000000000000000000000000001","pipeline":"=cmd()","status":"success","output":"+1+1"}' >"$work/formula.ndjson"
make_store formula "$work/formula.ndjson"
run xray-grep --format=csv --fields run.pipeline,hit.text '\+1\+1' "$work/formula"
check "grep --format=csv is safe for spreadsheets" sh -c '! grep -q "^[=+]" "$0" && ! grep -q ",[=+]" "$0"' "$out"
run xray-grep --max-columns 20 'travellers who' "$shop"
expect_out ': …for travellers who…' "grep --max-columns in text"
run xray-grep --max-columns 0 'travellers who' "$shop"
expect_out 'phone case\nwith a stand, for travellers who need it' "grep --max-columns 0 cuts nothing"

# What is shown does not depend on the terminal, but for colour.
if command -v script >/dev/null && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    TERM=xterm COLUMNS=40 script -qec "stty cols 40; '$build/bin/xray-grep' --no-pager -C1 needle '$ten'" /dev/null </dev/null | tr -d '\r' >"$work/tty"
    check "grep on a terminal has colours" grep -q "$(printf '\033')" "$work/tty"
    sed "s/$(printf '\033')\[[0-9;]*m//g" "$work/tty" >"$work/tty.plain"
    run xray-grep -C1 needle "$ten"
    check "grep on a terminal prints the same" cmp -s "$out" "$work/tty.plain"
fi

# Hostile text, in every format.
make_store hostile "$here/data/hostile.ndjson"
for options in "" "-C1" "-R" "-j" "--format=line" "--format=csv" "--format=tsv" "--unit=run" "--unit=cand" \
    "--unit=cand -j" "-o" "-v" "--sort step.name" "--max-columns=5" "-j --max-columns=5"; do
    run xray-grep $options red "$work/hostile"
    case $options in
    *csv | *tsv) ;; # text as it was recorded is what other programs want
    *) expect_harmless "grep $options: hostile text is harmless" ;;
    esac
    check "grep $options: no crash" test "$status" -le 1
done

# The ways to search must find the same: all payload at once, run by run, the spine alone.
{
    for i in $(seq 10 89); do
        id=e00000000000000000000000000000$i
        echo "{\"kind\":\"run\",\"run\":\"$id\",\"pipeline\":\"p$((i % 40))\",\"status\":\"success\",\"output\":\"done $((i % 11))\"}"
        for n in 1 2 3; do
            echo "{\"kind\":\"step\",\"run\":\"$id\",\"step\":$n,\"name\":\"s$n\",\"type\":\"t$((n % 2))\",\"status\":\"success\",\"output\":{\"x\":\"$(printf 'word%.0s ' $(seq 40)) number $((i * n % 7))\"}}"
        done
    done
} >"$work/many.ndjson"
make_store many "$work/many.ndjson"
many=$work/many
same()
{
    run xray-grep -c "$@" "$many"
    by_scan=$(cat "$out")
    run xray-grep --format=line --fields run.id,step.number -c "$@" "$many"
    run xray-grep -j "$@" "$many"
    printed=$(wc -l <"$out")
    one_by_one=0
    for p in $(seq 0 39); do
        run xray-grep -c -p "p$p" "$@" "$many"
        one_by_one=$((one_by_one + $(cat "$out")))
    done
    check "grep $*: $by_scan in one pass, $printed printed, $one_by_one by parts" \
        test "$by_scan" = "$printed" -a "$by_scan" = "$one_by_one"
}
same 'number 3'
same -v 'number 3'
same -F 'done 4'
same --unit=run 'number 5'
same -e 'number 2' -W 'step.type = t1'
same -e 'number 2' -W 'output contains "number 2"'
run xray-grep -q 'number 6' "$many"
expect_status 0 "grep -q in many runs"
run xray-grep -q 'number 9' "$many"
expect_status 1 "grep -q in many runs without a match"
run xray-grep -q -e 'number 6' -W 'run.pipeline = p39 and step.number = 3' "$many"
cp "$err" "$work/q.err"
first=$status
run xray-grep -c -e 'number 6' -W 'run.pipeline = p39 and step.number = 3' "$many"
check "grep -q says what -c says" test "$first" = "$status"
run xray-grep -m 1 -o 'number 6' "$many"
expect_lines 1 "grep -m 1 in many runs"

# Runs that cannot match are not opened, and the spine alone answers what stands in it.
run xray-grep --stats -c -W 'run.pipeline = p3' "$many"
check "grep -W about runs reads no payload" sh -c '! grep -q payload "$0"' "$err"
run xray-grep --stats -W 'step.type = t0 and step.number = 2' "$many"
check "grep -W about steps reads no payload" sh -c '! grep -q payload "$0"' "$err"

# What a later row has overruled does not match.
printf '%s\n' '{"kind":"run","run":"f0000000000000000000000000000001","pipeline":"p","status":"running","tags":{"a":"oldtext","b":"stays"}}' >"$work/l1.ndjson"
printf '%s\n' '{"kind":"run","run":"f0000000000000000000000000000001","pipeline":"p","status":"success","tags":{"a":"newtext"}}' >"$work/l2.ndjson"
make_store layers "$work/l1.ndjson"
make_store layers "$work/l2.ndjson"
make_store layers "$work/many.ndjson"
for options in "-c" "-l" "--list-runs" "-q" "" "-j"; do
    run xray-grep $options oldtext "$work/layers"
    expect_status 1 "grep $options: a tag that was replaced"
    run xray-grep $options newtext "$work/layers"
    expect_status 0 "grep $options: a tag that replaced another"
    run xray-grep $options stays "$work/layers"
    expect_status 0 "grep $options: a tag that was kept"
done

# Too expensive for one text: an error, with what was found.
printf '{"kind":"run","run":"00000000000000000000000000000001","pipeline":"p","output":"%s!"}\n' \
    "$(printf 'a%.0s' $(seq 5000))" >"$work/slow.ndjson"
make_store slow "$work/slow.ndjson"
run xray-grep -W 'run.output ~ /^(a+)+$/' "$work/slow"
expect_status 2 "grep -W with a pattern too expensive"
run xray-grep -q -e '^(a+)+$' -e 'a!' "$work/slow"
expect_status 0 "grep -q with a match and a pattern too expensive"
run xray-grep -j --stats -e '^(a+)+$' -e 'a!' "$work/slow"
expect_status 2 "grep with a match and a pattern too expensive"
expect_out '"complete":false' "grep says that it is not complete"
finish
