# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-cat: runs as text and as NDJSON.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
make_store hostile "$here/data/hostile.ndjson"
store=$work/shop

run xray-cat -r shop-1 "$store"
expect_status 0 "cat -r by the application's id"
expect_quiet "cat -r"
expect_text "cat prints a run" <<'END'
run 9f3c2a71 (shop-1)  competitor_selection@1.4  success  2026-08-21T09:14:03.120Z  4.81s  $0.0132  tags: experiment=B tier=pro
  1 llm    keywords      success                1.20s  $0.0131
  2 search search        success  6 → 6   0.0%  412ms
  3 filter filter_price  success  6 → 2  66.7%    3ms           reason: price_too_high 3, no_price 1
  4 rank   rank          success  2 → 2   0.0%  611ms
  5 select pick          success  2 → 1  50.0%    2ms           reason: not_best 1
      decision select_competitor  selected B07A  score 0.91  reason: highest score
  output: {"selected":"B07A"}
END

run xray-cat -r 5b8e "$store"
expect_out "(orphaned)" "cat shows orphans"
expect_out "  3     filter" "cat indents by nesting"

run xray-cat -r 9f3c "$store"
expect_status 2 "cat with an ambiguous id"
expect_err "ambiguous: 2 runs" "cat with an ambiguous id says so"
expect_err "9f3cb08245e14d60a5f7b1c2d3e4f502  competitor_selection@1.4  shop-2" "cat with an ambiguous id lists the runs"
check "cat with an ambiguous id prints nothing" is_empty "$out"
run xray-cat -r 12345678 "$store"
expect_status 2 "cat with an unknown id"
expect_err "no run has an id that begins with '12345678'" "cat with an unknown id says so"
run xray-cat -r shop-1 -r shop-2 -r shop-1 "$store"
check "cat with two ids prints two runs" test "$(grep -c '^run ' "$out")" = 2
run xray-cat -p 'agent' "$store"
check "cat -p" test "$(grep -c '^run ' "$out")" = 1

run xray-cat -r shop-1 --full "$store"
expect_out 'You pick search words.' "cat --full shows payload"
expect_out 'reject  B07B  price_too_high (rule price_cap v3)  price=129 limit=100' "cat --full shows candidates"
expect_out 'highest score' "cat --full shows decisions"
expect_out 'note cache' "cat --full shows notes"

run xray-cat -r shop-1 --step 3 "$store"
expect_out 'max_price' "cat --step shows the step in full"
expect_out 'B07F' "cat --step shows its candidates"
expect_no_out 'keywords' "cat --step leaves out the others"
run xray-cat -r shop-1 --step 6 "$store"
expect_status 2 "cat --step beyond the last"
expect_err "has 5 steps" "cat --step beyond the last says so"
run xray-cat -r shop-1 --step 0 "$store"
expect_status 2 "cat --step 0"

run xray-cat -r shop-1 --upto 3 --full "$store"
expect_out 'filter_price' "cat --upto shows the step"
expect_out 'max_price' "cat --upto shows what the step was given"
expect_no_out 'price_too_high' "cat --upto hides what it did"
expect_no_out 'not_best' "cat --upto hides what came later"
expect_no_out 'output: {"selected": "B07A"}' "cat --upto hides the run's output"
expect_out 'phone case stand' "cat --upto shows what came before"
run xray-cat -r shop-1 --upto 3 -j "$store"
expect_no_out '"B07B","verdict":"reject"' "cat --upto -j hides the step's candidates"
expect_no_out '"duration":"3000000"' "cat --upto -j hides the step's duration"
expect_lines 10 "cat --upto -j"

run xray-cat -j "$store"
expect_status 0 "cat -j"
cp "$out" "$work/first"
make_store again "$work/first"
run xray-cat -j "$work/again"
check "cat -j, import, cat -j: no change" cmp -s "$out" "$work/first"
check "cat -j is one object per line" test "$(grep -c '^{"kind":"' "$out")" = "$(wc -l <"$out")"

for options in "" --full -j "--step 1"; do
    # shellcheck disable=SC2086
    run xray-cat $options "$work/hostile"
    expect_status 0 "cat $options of hostile text"
    expect_harmless "cat $options: hostile text is harmless"
done
run xray-cat --full "$work/hostile"
expect_out '\x1b]0;owned\x07' "cat --full: hostile text is shown escaped"
expect_out '\u{202e}evil' "cat --full: bidirectional controls are shown"

# ---- which runs, how many -----------------------------------------------------------------------------------

pipelines() { sed -n 's/^run \([0-9a-f]*\).*/\1/p' "$out" | tr '\n' ' '; }
order() { test "$(pipelines)" = "$1"; }
run xray-cat --outline "$store"
all=$(pipelines)
check "cat --outline: four headings" test "$(printf '%s' "$all" | wc -w)" = 4
expect_no_out "decision" "cat --outline: no decisions"
expect_no_out "output:" "cat --outline: no output"
expect_lines 21 "cat --outline: a line per run and step, and (orphaned)"
run xray-cat --outline --reverse "$store"
check "cat --reverse" order "$(printf '%s' "$all" | tr ' ' '\n' | sed '/^$/d' | tac | tr '\n' ' ')"
run xray-cat --outline --first 1 "$store"
check "cat --first" order "${all%% *} "
run xray-cat --outline --last 2 "$store"
check "cat --last: in order" order "$(printf '%s' "$all" | cut -d' ' -f3-)"
run xray-cat --outline --last 1 -p 'comp*' "$store"
check "cat --last filters first, then counts" order "9f3cb082 "
run xray-cat --outline --last 1 -W 'any{candidates_out = 1}' "$store"
check "cat --last with an expression" order "9f3c2a71 "
run xray-cat --first 1 --last 1 "$store"
expect_status 2 "cat --first and --last"
run xray-cat --last 0 "$store"
expect_status 1 "cat --last 0"

# ---- steps and candidates -------------------------------------------------------------------------------------

run xray-cat --color never -W 'step.type = filter and rejection_rate > 50%' "$store"
check "cat -W about steps: only these" test "$(grep -c ' filter ' "$out")" = 2
expect_no_out "keywords" "cat -W about steps: no others"
run xray-cat --unit run -W 'step.type = filter and rejection_rate > 90%' "$store"
expect_out "keywords" "cat --unit=run: the whole run"
check "cat --unit=run: only runs that have one" test "$(grep -c '^run ' "$out")" = 1
run xray-cat -s 'filter_*' -r shop-1 "$store"
expect_out "max_price" "cat -s NAME shows the step in full"
run xray-cat --unit cand -W 'cand.verdict = reject and cand.evidence.price > 200' "$store"
check "cat --unit=cand: only these candidates" test "$(grep -c 'reject ' "$out")" = 2
run xray-cat -j --unit cand -W 'cand.verdict = reject and cand.evidence.price > 200' "$store"
expect_lines 2 "cat -j --unit=cand: only candidates"
run xray-cat -j --unit step -t filter "$store"
check "cat -j --unit=step: only steps" sh -c '! grep -v "^{\"kind\":\"step\"" "$0"' "$out"
run xray-cat -j --unit run "$store"
expect_lines 4 "cat -j --unit=run: only runs"
run xray-cat --format csv --unit step "$store"
expect_lines 17 "cat --format=csv --unit=step: names and a row per step"
run xray-cat --format line --unit cand --fields cand.id,cand.reason,cand.evidence.price,step.name -r shop-1 -s 3 "$store"
expect_out "$(printf 'B07B\tprice_too_high\t129\tfilter_price')" "cat: fields of candidates"
run xray-cat --template '{run.ext_id}[ {step.name}]' -r shop-1 -t filter --unit run "$store"
expect_text "cat --template: brackets" <<'END'
shop-1 keywords search filter_price rank pick
END
run xray-cat -j --headers-only -r shop-1 "$store"
expect_lines 6 "cat --headers-only -j: run and steps"
expect_no_out '"tags"' "cat --headers-only -j: no values"
run xray-cat --headers-only -r shop-1 --stats "$store"
expect_no_out 'decision' "cat --headers-only: no events"
check "cat --headers-only reads no payload" sh -c '! grep -q payload "$0"' "$err"

# ---- the other forms of the same records ----------------------------------------------------------------------

if command -v jq >/dev/null; then
    run xray-cat -j "$store"
    jq -c . "$out" >"$work/lines"
    run xray-cat --format json "$store"
    jq -c '.[]' "$out" >"$work/array"
    check "cat --format=json holds the same" cmp -s "$work/lines" "$work/array"
fi
if python3 -c 'import msgpack' 2>/dev/null; then
    run xray-cat --format msgpack "$store"
    check "cat --format=msgpack: one map per record" python3 -c '
import msgpack, sys
records = list(msgpack.Unpacker(open(sys.argv[1], "rb"), strict_map_key=False))
assert all(type(r) is dict for r in records) and len(records) == int(sys.argv[2])' "$out" "$(wc -l <"$work/first")"
fi

# ---- what is going on -----------------------------------------------------------------------------------------

# The writer of the tests is told what to do through a pipe, and answers when it can be read.
live=$work/live
cursor=$work/cursor
mkfifo "$work/commands" "$work/answers"
"$build/tests/live_writer" "$live" <"$work/commands" >"$work/answers" &
writer=$!
exec 3>"$work/commands" 4<"$work/answers"
tell()
{
    for command in "$@"; do
        echo "$command" >&3
        read -r _ <&4
    done
}
# wait_for PATTERN FILE PID: as long as the process that writes the file is there
wait_for()
{
    until grep -q -- "$1" "$2"; do
        kill -0 "$3" 2>/dev/null || { grep -q -- "$1" "$2"; return; }
        sleep 0.05
    done
}
# probe FILE PID: runs that begin and end, until the follower prints one that it has not printed before: it is
# there, and has seen all that was told before
probe()
{
    seen=$(grep -c probe "$1")
    while [ "$(grep -c probe "$1")" = "$seen" ] && kill -0 "$2" 2>/dev/null; do
        tell probe
        sleep 0.05
    done
}

tell "begin alpha" "step one"
: >"$work/followed" >"$work/text" >"$work/new"
"$build/bin/xray-cat" -f -j --cursor-file "$cursor" "$live" >"$work/followed" 2>"$err" &
follower=$!
"$build/bin/xray-cat" -f "$live" >"$work/text" 2>>"$err" &
reader=$!
"$build/bin/xray-cat" -f --last 0 --template '{run.pipeline}' "$live" >"$work/new" 2>>"$err" &
newer=$!
check "cat -f -j prints a step of an open run" wait_for '"name":"one"' "$work/followed" "$follower"
probe "$work/text" "$reader"
probe "$work/new" "$newer"
check "cat -f prints no open run" sh -c '! grep -q alpha "$1" "$2"' sh "$work/text" "$work/new"
tell "step two"
check "cat -f -j prints the next step" wait_for '"name":"two"' "$work/followed" "$follower"
tell "open three" "end"
check "cat -f -j prints the run when it has ended" wait_for '"pipeline":"alpha"' "$work/followed" "$follower"
check "cat -f prints the run when it has ended" wait_for '^run .*alpha' "$work/text" "$reader"
tell "begin beta" "step four" "rotate" "begin gamma" "step five" "end"
check "cat -f goes on in the next segment" wait_for '^run .*gamma' "$work/text" "$reader"
check "cat -f prints what was abandoned" grep -q '^run .*beta *abandoned' "$work/text"
check "cat -f: in their order" test "$(sed -n 's/^run [0-9a-f]*  \([a-z]*\) .*/\1/p' "$work/text" | grep -v probe | tr '\n' ' ')" = "alpha beta gamma "
wait_for '"pipeline":"gamma"' "$work/followed" "$follower"
wait_for gamma "$work/new" "$newer"
kill -INT "$follower" "$reader" "$newer"
status=0
wait "$follower" || status=$?
check "cat -f dies by the signal, as others do" test "$status" = 130
wait "$reader" "$newer"
check "cat -f is quiet" is_empty "$err"
check "cat -f --last=0 begins with what is new" test "$(grep -v probe "$work/new" | tr '\n' ' ')" = "alpha beta gamma "
run xray-cat -j "$live"
sort "$out" >"$work/whole"
sort "$work/followed" >"$work/parts"
check "cat -f -j printed each record once" cmp -s "$work/whole" "$work/parts"

run xray-cat -j --cursor-file "$cursor" "$live"
expect_status 1 "cat --cursor-file: nothing new"
tell "begin delta" "step six"
run xray-cat -j --cursor-file "$cursor" "$live"
expect_lines 2 "cat --cursor-file: a step and its candidate"
run xray-cat -j --cursor-file "$cursor" "$live"
expect_status 1 "cat --cursor-file: each once"
tell "step seven" "end" "begin epsilon" "end"
run xray-cat -j --cursor-file "$cursor" "$live"
expect_lines 4 "cat --cursor-file: what came since, and the run"
expect_no_out '"six"' "cat --cursor-file: not again"
run xray-cat --cursor-file "$cursor.text" --outline --last 1 "$live"
check "cat --cursor-file --last" order "$(pipelines)"
expect_out "epsilon" "cat --cursor-file --last: the last"
run xray-cat --cursor-file "$cursor.text" --outline "$live"
expect_status 1 "cat --cursor-file --last: the others count as printed"
exec 3>&- 4<&-
wait "$writer"
echo nonsense >"$work/bad"
run xray-cat --cursor-file "$work/bad" "$live"
expect_status 2 "cat --cursor-file that is none"
run xray-cat --cursor-file "$work/none/cursor" "$live"
expect_status 2 "cat --cursor-file that cannot be written"
run xray-cat -f --reverse "$live"
expect_status 2 "cat -f --reverse"

common_checks xray-cat
finish
