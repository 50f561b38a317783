# shellcheck disable=SC1091,SC2154,SC2016,SC2034,SC2030,SC2031
# What all tools that read have in common: choosing runs, rows, times, colours, pager, configuration, completion, and
# that a terminal changes nothing but colour and width.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
make_store hostile "$here/data/hostile.ndjson"
store=$work/shop
unset XRAY_CONFIG XRAY_PAGER PAGER XRAY_COLORS TZ LESS

# ---- choosing runs --------------------------------------------------------------------------------------------

run xray-ls --no-header --since 2026-08-21T09:15:00Z "$store"
expect_lines 2 "--since"
run xray-ls --no-header --since 2026-08-21 --until "2026-08-21 09:15" "$store"
expect_lines 1 "--since --until"
run xray-ls --no-header --until 2099-01-01 "$store"
expect_lines 3 "runs without a time never match"
run xray-ls --no-header --since @1787303703 "$store"
expect_lines 2 "--since @EPOCH"
run xray-ls --no-header --since "2026-08-21 11:15" --tz Europe/Berlin "$store"
expect_lines 2 "--since without an offset is in the zone of --tz"
run xray-ls --no-header --since 2026-08-21T11:15:00+02:00 "$store"
expect_lines 2 "--since with an offset"
run xray-ls --since 0s "$store"
expect_status 1 "--since 0s"
for past in 2h -2h "2h ago" 1h30m 3d 2w 1mo 1y now today yesterday; do
    run xray-ls --until "$past" "$store"
    check "--until '$past' is a time" test "$status" -le 1
done
for wrong in 5M 5 2026-13-01 2026-02-30 "2026-08-21 25:00" @ soon "" 1.5y; do
    run xray-ls --since "$wrong" "$store"
    expect_status 2 "--since '$wrong'"
done
run xray-ls --since 5M "$store"
expect_err "hint: M is not taken: months are mo, minutes m" "--since 5M gives a hint"
run xray-ls --tz Nowhere/City "$store"
expect_status 2 "--tz with an unknown zone"
run xray-ls --tz ../../etc/passwd "$store"
expect_status 2 "--tz with a path"
run xray-ls --tz Europe/Berlin "$store"
expect_out "2026-08-21T11:14:03+02:00" "--tz holds for output"

run xray-ls --no-header -p 'comp*' -p agent "$store"
expect_lines 3 "-p repeated: any"
run xray-ls --no-header -r 9f3c2 -r shop-2 "$store"
expect_lines 2 "-r repeated"
run xray-ls -r 9f3c "$store"
expect_status 2 "-r with an ambiguous id"
run xray-ls --no-header -W 'run.status = failure' "$store"
expect_lines 1 "-W"
run xray-ls --no-header -W 'pipeline = competitor_selection' -W 'run.status = ok' "$store"
expect_lines 1 "-W repeated: and"
run xray-ls --no-header -W 'step.type = filter # a comment' -W 'candidates_out = 0' "$store"
expect_lines 1 "-W repeated: the same step; a comment ends with it"
run xray-ls --no-header -t filter -W 'candidates_out < 3' "$store"
expect_lines 2 "-t and -W: the same step"
printf 'pipeline = agent\n' >"$work/expression"
run xray-ls --no-header --where-file "$work/expression" "$store"
expect_lines 1 "--where-file"
run xray-ls -W 'a) or (b' "$store"
expect_status 2 "-W is an expression by itself"
run xray-ls -W 'status = error' "$store"
cp "$err" "$out"
expect_text "-W: what is wrong, where, and what to write" <<'END'
xray-ls: --where:1:1: 'status' exists in run and step
  status = error
  ^
hint: write run.status or step.status
END
run xray-ls -W "$(printf 'pipeline = agent and\n  stp.type = \033[31mx')" "$store"
expect_status 2 "-W with control characters"
cp "$err" "$out"
expect_harmless "-W: the message is harmless"
run xray-ls --explain -W 'pipeline = agent' "$store"
expect_status 0 "--explain"
expect_out 'run.pipeline = "agent"' "--explain prints the canonical form"
expect_out 'payload:  none of' "--explain says what is read"
expect_no_out '77aa00ce' "--explain does not run"

# ---- rows -----------------------------------------------------------------------------------------------------

run xray-ls -r shop-1 --format csv --fields 'run.id,run.start,run.cost,run.duration,tags.tier,tags,run.error_type' "$store"
printf '%s\r\n' 'run.id,run.start,run.cost,run.duration,tags.tier,tags,run.error_type' \
    '9f3c2a71d0c14b0e8a51f2ad6c3b9e01,2026-08-21T09:14:03.120000000Z,0.0132,4810000000,pro,"{""experiment"":""B"",""tier"":""pro""}",' \
    >"$work/want"
check "csv: names, quotes, what is missing" cmp -s "$out" "$work/want"
run xray-ls -r shop-1 --format line --fields run.ext_id,run.error_type,run.status "$store"
expect_text "line: tabs, and - for what is missing" <<'END'
shop-1	-	success
END
run xray-ls -r shop-1 --format tsv --no-header --fields run.ext_id,run.error_type,run.status "$store"
expect_text "tsv without names" <<'END'
shop-1		success
END
run xray-ls -r shop-1 -j --fields run.ext_id,run.start,run.error_type,run.steps,run.cost "$store"
expect_text "ndjson of fields: what is missing is left out" <<'END'
{"run.ext_id":"shop-1","run.start":"1787303643120000000","run.steps":5,"run.cost":0.0132}
END
run xray-ls --format json --fields run.ext_id -r shop-1 -r shop-2 "$store"
expect_text "json: one array" <<'END'
[
{"run.ext_id":"shop-2"},
{"run.ext_id":"shop-1"}
]
END
run xray-ls --format json -p none "$store"
expect_text "json of nothing" <<'END'
[]
END
run xray-ls -r shop-1 --format line --fields -run.start,-run.version,-run.cost "$store"
expect_text "--fields -NAME leaves out" <<'END'
9f3c2a71d0c14b0e8a51f2ad6c3b9e01	competitor_selection	success	5	6	1	4810000000
END
run xray-ls -r shop-1 --template '{run.ext_id}\t{tags."tier"}[ {number}={step.name}]\{' "$store"
expect_text "--template" <<'END'
shop-1	pro 1=keywords 2=search 3=filter_price 4=rank 5=pick{
END
run xray-ls -0 -r shop-1 -r shop-2 --template '{run.ext_id}' "$store"
check "-0 ends records with NUL" test "$(tr '\0' '.' <"$out")" = shop-2.shop-1.
run xray-ls --fields run.idd "$store"
expect_status 2 "--fields with an unknown name"
expect_err "did you mean run.id?" "--fields with an unknown name gives the nearest"
run xray-ls --fields step.name "$store"
expect_status 2 "--fields of steps in a list of runs"
run xray-ls --format yaml "$store"
expect_status 2 "--format with an unknown one"
run xray-ls --format msgpack "$store"
expect_err "it has text line ndjson" "--format that the tool has not lists what it has"
for wrong in '{' '[' ']' '[[' '{nope}' 'x\'; do
    run xray-ls --template "$wrong" "$store"
    expect_status 2 "--template '$wrong'"
done

# Spreadsheets take such text for formulas.
printf '%s\n' '{"kind":"run","run":"00000000000000000000000000000001","pipeline":"=cmd|x","version":"-1","user":"@a","status":"success"}' \
    >"$work/formula.ndjson"
make_store formula "$work/formula.ndjson"
run xray-ls --format csv --no-header --fields run.pipeline,run.version,run.user,run.steps "$store"
check "csv: no formulas" test "$(tr -d '\r' <"$out")" = "'=cmd|x,'-1,'@a,0"
run xray-ls --raw-csv --format csv --no-header --fields run.pipeline,run.version,run.user,run.steps "$store"
check "--raw-csv" test "$(tr -d '\r' <"$out")" = "=cmd|x,-1,@a,0"
store=$work/shop

# ---- options, configuration, help -----------------------------------------------------------------------------

for t in xray-ls xray-cat; do
    run $t --versio "$store"
    expect_err "hint: did you mean --version? Options cannot be abbreviated." "$t takes no abbreviations"
    for shell in bash zsh fish; do
        run $t --complete $shell
        expect_status 0 "$t --complete $shell"
        expect_out "where-file" "$t --complete $shell knows the options"
        cp "$out" "$work/$t.$shell"
    done
    for shell in bash zsh; do
        if command -v $shell >/dev/null; then
            check "$t: $shell takes the script" $shell -n "$work/$t.$shell"
        fi
    done
    if command -v fish >/dev/null; then
        check "$t: fish takes the script" fish -n "$work/$t.fish"
    fi
    run $t --complete tcsh
    expect_status 2 "$t --complete with another shell"
done
if command -v bash >/dev/null; then
    check "bash completes options and values" bash -c '. "$0"
        COMP_WORDS=(xray-ls --stat) COMP_CWORD=1; _xray_ls; [[ " ${COMPREPLY[*]} " == *" --status "* ]] || exit 1
        COMP_WORDS=(xray-ls --status = fa) COMP_CWORD=3; _xray_ls; [[ ${COMPREPLY[*]} == failure ]] || exit 1
        COMP_WORDS=(xray-ls --color al) COMP_CWORD=2; _xray_ls; [[ ${COMPREPLY[*]} == always ]]' "$work/xray-ls.bash"
fi

cat >"$work/config" <<'END'
# for all tools
--no-header

-n
1
--context=2
--outline
END
XRAY_CONFIG=$work/config
export XRAY_CONFIG
run xray-ls "$store"
expect_lines 1 "XRAY_CONFIG: options, arguments, comments; what the tool has not is passed over"
run xray-ls -n 2 "$store"
expect_lines 2 "the command line comes after XRAY_CONFIG"
run xray-ls --no-config "$store"
expect_lines 5 "--no-config"
XRAY_CONFIG=$work/none
run xray-ls "$store"
expect_status 2 "XRAY_CONFIG that is not there"
unset XRAY_CONFIG

run xray-ls --stats "$store"
expect_err "xray-ls: read " "--stats"
check "--stats does not change the output" test "$(wc -l <"$out")" = 5

# ---- colours --------------------------------------------------------------------------------------------------

has_colors() { LC_ALL=C grep -q "$(printf '\033')" "$out"; }
no_colors() { ! has_colors; }
CLICOLOR_FORCE=1
export CLICOLOR_FORCE
run xray-ls "$store"
check "CLICOLOR_FORCE" has_colors
NO_COLOR=1
export NO_COLOR
run xray-ls "$store"
check "NO_COLOR is stronger" no_colors
run xray-ls --color always "$store"
check "--color is the strongest" has_colors
unset CLICOLOR_FORCE NO_COLOR
XRAY_COLORS='error=1;35:nonsense=1:id=4x:good=32'
export XRAY_COLORS
run xray-ls --color always "$store"
expect_out "$(printf '\033[1;35mfailure')" "XRAY_COLORS"
expect_out "$(printf '\033[36m')" "XRAY_COLORS: what is no code does not get to the terminal"
expect_err "'nonsense=1' is passed over" "XRAY_COLORS: a mistake is said"
unset XRAY_COLORS

# ---- hostile text ---------------------------------------------------------------------------------------------

for format in line csv tsv json ndjson; do
    for t in xray-ls xray-cat; do
        run $t --format $format "$work/hostile"
        expect_status 0 "$t --format=$format of hostile text"
        tr -d '\r' <"$out" >"$work/unix" && mv "$work/unix" "$out"
        expect_harmless "$t --format=$format: hostile text is harmless"
    done
done
run xray-cat --unit step --fields step.name,step.output,step.input,step.error --format tsv "$work/hostile"
expect_harmless "fields of hostile text are harmless"
run xray-ls --template '{run.pipeline}' "$work/hostile"
expect_harmless "a template of hostile text is harmless"
run xray-ls --raw-text "$work/hostile"
check "--raw-text prints it as it is" sh -c '! LC_ALL=C grep -q "\\\\x1b" "$0"' "$out"

# ---- on a terminal --------------------------------------------------------------------------------------------

# on_terminal COLUMNS COMMAND...: in a pseudo-terminal; what it printed, without the terminal's carriage returns.
on_terminal()
{
    columns=$1
    shift
    printf 'stty cols %s; TERM=xterm; export TERM; exec' "$columns" >"$work/session"
    for word in "$@"; do
        printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")" >>"$work/session"
    done
    status=0
    script -qec "sh $work/session" "$work/typescript" </dev/null >/dev/null 2>&1 || status=$?
    sed '1{/^Script started/d};${/^Script done/d}' "$work/typescript" | sed '/^Script done on/d' | tr -d '\r' |
        sed '${/^$/d}' >"$out"
}

if command -v script >/dev/null && script -qec true /dev/null </dev/null >/dev/null 2>&1; then
    escape=$(printf '\033')
    for command in "xray-ls" "xray-cat --outline" "xray-cat -j" "xray-ls --format csv" "xray-cat --unit step --format line" \
        "xray-cat -r shop-1 --full" "xray-cat --format json"; do
        # shellcheck disable=SC2086
        run $command "$store"
        tr -d '\r' <"$out" >"$work/pipe"
        # shellcheck disable=SC2086
        on_terminal 400 "$build/bin/${command%% *}" --no-pager ${command#"${command%% *}"} "$store"
        sed "s/$escape\[[0-9;]*m//g" "$out" >"$work/terminal"
        case $command in
        *--full*) # text stands in other columns there; it is the same text
            tr -d ' \n' <"$work/pipe" >"$work/pipe.text"
            tr -d ' \n' <"$work/terminal" >"$work/terminal.text"
            check "$command: the same text on a terminal" cmp -s "$work/pipe.text" "$work/terminal.text"
            ;;
        *) check "$command: the same on a terminal, but for colour" cmp -s "$work/pipe" "$work/terminal" ;;
        esac
    done
    on_terminal 60 "$build/bin/xray-ls" --no-pager "$store"
    sed "s/$escape\[[0-9;]*m//g" "$out" >"$work/terminal"
    check "a narrow terminal: the same number of lines" test "$(wc -l <"$work/terminal")" = 5
    on_terminal 100 "$build/bin/xray-cat" --no-pager --full "$work/hostile"
    sed "s/$escape\[[0-9;]*m//g" "$out" >"$work/terminal" && mv "$work/terminal" "$out"
    expect_harmless "hostile text on a terminal is harmless"
    on_terminal 100 "$build/bin/xray-cat" --format msgpack "$store"
    check "MessagePack is not for terminals" test "$status" = 2

    printf '#!/bin/sh\necho "pager LESS=$LESS LV=$LV"; exec cat\n' >"$work/pager"
    chmod +x "$work/pager"
    on_terminal 100 env XRAY_PAGER="$work/pager" "$build/bin/xray-ls" --color never "$store"
    expect_out "pager LESS=FRX LV=-c" "a pager is used on a terminal"
    expect_out "77aa00ce" "the pager gets the output"
    on_terminal 100 env PAGER="$work/pager" XRAY_PAGER= "$build/bin/xray-ls" "$store"
    expect_no_out "pager LESS" "an empty XRAY_PAGER: none"
    on_terminal 100 env PAGER=cat "$build/bin/xray-ls" "$store"
    expect_no_out "pager LESS" "PAGER=cat: none"
    on_terminal 100 env PAGER="$work/pager" "$build/bin/xray-ls" --no-pager "$store"
    expect_no_out "pager LESS" "--no-pager"
    on_terminal 100 env PAGER="$work/no-such-pager" "$build/bin/xray-ls" --color never "$store"
    expect_out "warning: the pager" "a pager that is not there: a warning"
    expect_out "77aa00ce" "a pager that is not there: the output comes all the same"
    on_terminal 100 env PAGER="$work/pager" "$build/bin/xray-ls" --help
    expect_out "pager LESS" "--help goes through the pager"
    on_terminal 100 env PAGER="$work/pager" TERM=dumb sh -c "TERM=dumb; export TERM; exec $build/bin/xray-ls $store"
    expect_no_out "pager LESS" "TERM=dumb: no pager"
    check "TERM=dumb: no colours" no_colors
else
    echo "skip terminal: script(1) cannot be used"
fi

finish
