# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-grep: what is found where, and how it is told.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
make_store hostile "$here/data/hostile.ndjson"
store=$work/shop

run xray-grep 'stand' "$store"
expect_status 0 "grep"
expect_quiet "grep"
expect_text "grep prints headings and a line per field" <<'END'
run 9f3c2a71 (shop-1)  competitor_selection@1.4  success  2026-08-21T09:14:03.120Z  4.81s  $0.0132  tags: experiment=B tier=pro
9f3c2a71/1:keywords: input.messages[1].content: phone case\nwith a stand, for travellers who need it
9f3c2a71/1:keywords: output: phone case stand
9f3c2a71/1:keywords: reasoning: The title names a stand; travellers want it light.
9f3c2a71/2:search: input.q: phone case stand
END

run xray-grep 'no such words' "$store"
expect_status 1 "grep without a match"
check "grep without a match prints nothing" is_empty "$out"
run xray-grep -q stand "$store"
expect_status 0 "grep -q"
check "grep -q prints nothing" is_empty "$out"
run xray-grep -q stand "$store" "$work/none"
expect_status 0 "grep -q with a match and an error"
run xray-grep -q 'no such words' "$store" "$work/none"
expect_status 2 "grep -q without a match and with an error"

run xray-grep -c stand "$store"
expect_text "grep -c" <<'END'
2
END
run xray-grep -c -m 1 stand "$store"
expect_text "grep -c -m 1" <<'END'
1
END
run xray-grep -c STAND "$store"
expect_status 1 "grep minds case"
run xray-grep -c -i STAND "$store"
expect_text "grep -i" <<'END'
2
END
run xray-grep -c -v stand "$store"
expect_text "grep -v: the other steps" <<'END'
14
END
run xray-grep -v -m 1 stand "$store"
expect_out "9f3c2a71/3:filter_price" "grep -v names the step"
run xray-grep -c -F '1. look' "$store"
expect_text "grep -F" <<'END'
1
END
run xray-grep -c -F '1.*look' "$store"
expect_status 1 "grep -F takes nothing special"
run xray-grep -c -e 'look' -e 'nowhere' "$store"
expect_text "grep -e -e" <<'END'
1
END
run xray-grep -o 'B07[AB]' "$store"
check "grep -o: nothing but matches" sh -c '! grep -vqx "B07[AB]" "$0"' "$out"
run xray-grep -l look "$store"
expect_lines 1 "grep -l"
expect_out ".xray" "grep -l names the segment"

# One field at a time.
field()
{
    run xray-grep -j --in "$1" "$2" "$store"
    expect_lines "$3" "grep --in $1 $2"
    [ "$3" = 0 ] || expect_out "\"field\":\"$1\"" "grep --in $1 names the field"
}
field input travellers 1
field output 'phone case stand' 1
field reasoning travellers 1
field error 'after 3 tries' 1
field filters max_price 1
field params temperature 1
field name '^filter_price$' 2
field type '^llm$' 4
field model 'gpt-4o' 2
field reason price_too_high 2
field cand B07C 2
field cand price_cap 1
field cand 250.5 1
field decision 'highest score' 1
field note cache 1
field run 'after 3 tries' 1
field run s-77 1
field output travellers 0
run xray-grep -j --in output '18446744073709551615' "$store"
expect_lines 1 "grep finds numbers"
expect_out '"path":".rows[3]"' "grep -j says where"
run xray-grep -j --in decision,note,cand B07D "$store"
expect_lines 3 "grep --in with several fields"
run xray-grep --in nothing x "$store"
expect_status 2 "grep --in with an unknown field"
run xray-grep -j 'phone' "$store"
check "grep -j is JSON" sh -c '! command -v jq >/dev/null || jq -e .hits "$0" >/dev/null' "$out"

run xray-grep '(oops' "$store"
expect_status 2 "grep with a bad pattern"
expect_err "xray-grep: pattern: missing closing parenthesis" "grep with a bad pattern says what is wrong"

# A pattern without an end in sight is an error, never a silent miss.
printf '{"kind":"run","run":"00000000000000000000000000000001","pipeline":"p","output":"%s!"}\n' \
    "$(printf 'a%.0s' $(seq 5000))" >"$work/slow.ndjson"
make_store slow "$work/slow.ndjson"
run xray-grep '^(a+)+$' "$work/slow"
expect_status 2 "grep with a pattern too expensive"
expect_err "pattern too expensive" "grep with a pattern too expensive says so"

for options in "" -j -o -v; do
    # shellcheck disable=SC2086
    run xray-grep $options red "$work/hostile"
    expect_harmless "grep $options: hostile text is harmless"
done
run xray-grep -c -e '\x{202e}evil' "$work/hostile"
expect_status 0 "grep finds hostile text as it is"

store=$work/shop
run xray-grep
expect_status 2 "grep without a pattern"
run xray-grep stand
expect_status 2 "grep without files"
expect_err "XRAY_DIR is not set" "grep without files says so"
common_checks xray-grep stand
finish
