# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-ls: the list, its order, its filters.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
make_store hostile "$here/data/hostile.ndjson"
store=$work/shop

run xray-ls "$store"
expect_status 0 "ls"
expect_quiet "ls"
expect_text "ls prints the list, newest first" <<'END'
TIME                  ID        PIPELINE                  STATUS     STEPS   IN → OUT     COST  DURATION
2026-08-21T09:17:23Z  5b8effff  product_search            abandoned      5  200 → 200
2026-08-21T09:15:03Z  9f3cb082  competitor_selection@1.4  failure        4    4 → 0      $0.02     2m03s
2026-08-21T09:14:03Z  9f3c2a71  competitor_selection@1.4  success        5    6 → 1    $0.0132     4.81s
-                     77aa00ce  agent                     partial        2
END

run xray-ls -n 1 "$store"
expect_lines 2 "ls -n 1: title and one run"
run xray-ls -n 0 "$store"
expect_status 1 "ls -n 0"
# Which end, and which way round.
"$build/bin/xray-ls" --fields run.id --format tsv --no-header "$store" >"$work/all"
"$build/bin/xray-ls" --fields run.id --format tsv --no-header --last 2 "$store" >"$work/rows"
check "--last: the newest" cmp -s "$work/rows" - <<EOF
$(head -n 2 "$work/all")
EOF
"$build/bin/xray-ls" --fields run.id --format tsv --no-header --reverse "$store" >"$work/rows"
check "--reverse: oldest first" cmp -s "$work/rows" - <<EOF
$(tac "$work/all")
EOF
"$build/bin/xray-ls" --fields run.id --format tsv --no-header --first 2 --reverse "$store" >"$work/rows"
check "--first --reverse: the oldest, in their order" cmp -s "$work/rows" - <<EOF
$(tac "$work/all" | head -n 2)
EOF

run xray-ls --no-header "$store"
expect_lines 4 "ls --no-header"
run xray-ls -p competitor_selection "$store"
expect_lines 3 "ls -p NAME"
run xray-ls -p '*_s*' "$store"
expect_lines 4 "ls -p PATTERN"
run xray-ls -p nothing "$store"
expect_status 1 "ls -p without a match"
run xray-ls --status failed --no-header "$store"
expect_lines 1 "ls --status takes aliases"
expect_out "failure" "ls --status failed"
run xray-ls --status broken "$store"
expect_status 2 "ls --status with an unknown name"
run xray-ls -n many "$store"
expect_status 2 "ls -n with no number"
run xray-ls -j "$store"
expect_lines 4 "ls -j: a line per run"
expect_out '"steps":5' "ls -j counts steps"
check "ls -j is JSON" sh -c '! command -v jq >/dev/null || jq -e .run "$0" >/dev/null' "$out"
run xray-ls --stats "$store"
expect_err "xray-ls: read " "ls --stats"

run xray-ls "$work/hostile"
expect_status 0 "ls of hostile text"
expect_harmless "ls: hostile text is harmless"
expect_lines 2 "ls: hostile text stays on its line"
expect_out '\x1b]0;owned\x07' "ls: hostile text is shown escaped"
run xray-ls -j "$work/hostile"
expect_harmless "ls -j: hostile text is harmless"

common_checks xray-ls
finish
