# shellcheck shell=sh
# Checks for the command line; sourced by the tests beside it, which are called with
# the build directory as their argument.
#
#   run COMMAND...        runs a tool of the build; its output is in $out, $err, $status
#   expect_status N WHAT  and so on: one check each, one line "ok" or "not ok"
#
# Each test works in a directory of its own, $work, and ends with `finish`.

build=${1:?usage: $0 BUILD}
build=$(cd "$build" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
name=$(basename "$0" .sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checks=0
failed=0
out=$work/stdout
err=$work/stderr
status=0
unset XRAY_DIR NO_COLOR CLICOLOR_FORCE FORCE_COLOR POSIXLY_CORRECT

if [ ! -x "$build/bin/xray-import" ]; then
    echo "xray-import is not built; nothing to read"
    exit 77
fi

# run TOOL ARGUMENTS...
run()
{
    tool=$1
    shift
    status=0
    "$build/bin/$tool" "$@" >"$out" 2>"$err" </dev/null || status=$?
}

# check WHAT COMMAND...: is the command true?
check()
{
    what=$1
    shift
    checks=$((checks + 1))
    if "$@"; then
        echo "ok $what"
    else
        failed=$((failed + 1))
        echo "not ok $what (exit status $status)"
        head -n 20 "$out" | sed 's/^/    out: /'
        head -n 5 "$err" | sed 's/^/    err: /'
    fi
}

has() { grep -qF -- "$2" "$1"; }
lacks() { ! grep -qF -- "$2" "$1"; }
is_empty() { [ ! -s "$1" ]; }
is_status() { [ "$status" = "$1" ]; }
line_count() { [ "$(wc -l <"$2")" = "$1" ]; }

expect_status() { check "$2: exit status $1" is_status "$1"; }
expect_out() { check "$2" has "$out" "$1"; }
expect_no_out() { check "$2" lacks "$out" "$1"; }
expect_err() { check "$2" has "$err" "$1"; }
expect_quiet() { check "$1: nothing on stderr" is_empty "$err"; }
expect_lines() { check "$2: $1 lines" line_count "$1" "$out"; }

# expect_text WHAT <<EOF: the output is exactly this.
expect_text()
{
    cat >"$work/expected"
    if ! cmp -s "$work/expected" "$out"; then
        diff "$work/expected" "$out" | head -n 30 | sed 's/^/    /' || true
    fi
    check "$1" cmp -s "$work/expected" "$out"
}

# expect_harmless WHAT: what a trace holds never reaches a terminal raw. Left are
# newlines, tabs, printable ASCII and UTF-8 without C1 (C2 80-9F), soft hyphen,
# U+200B-F, 2028-E, 2060-F, FEFF and the tag characters.
expect_harmless()
{
    check "$1" harmless
}

harmless()
{
    ! LC_ALL=C grep -qP \
        '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f\xad]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf|\xf3\xa0' \
        "$out"
}

# make_store NAME FILE.ndjson...: imports into $work/NAME.
make_store()
{
    store=$work/$1
    shift
    if ! "$build/bin/xray-import" -o "$store" "$@" >"$work/import.log" 2>&1; then
        cat "$work/import.log"
        echo "$name: 1 checks, 1 failed"
        exit 1
    fi
}

finish()
{
    echo "$name: $checks checks, $failed failed"
    [ "$failed" = 0 ]
    exit
}

# What every tool does alike. common_checks TOOL [OPERAND before FILE]
common_checks()
{
    t=$1
    shift
    run "$t" -h
    expect_status 0 "$t -h"
    expect_out "usage: $t" "$t -h shows the usage"
    check "$t -h fits a screen" test "$(wc -l <"$out")" -le 40
    head -n 9 "$out" >"$work/short"
    run "$t" --help
    check "$t --help begins like -h" sh -c 'head -n 9 "$0" | cmp -s - "$1"' "$out" "$work/short"
    check "$t --help explains every option" test "$(grep -cE '^  (-.,|   ) --' "$out")" -ge 3
    run "$t" -V
    expect_status 0 "$t -V"
    check "$t -V begins with name and version" grep -qx "$t [0-9.]*" "$out"
    run "$t" --versio "$@" "$store"
    expect_status 2 "$t abbreviated option"
    expect_err "hint: did you mean --version?" "$t abbreviation gives a hint"
    run "$t" --colour=never "$@" "$store"
    expect_status 2 "$t unknown option"
    expect_err "did you mean --color?" "$t unknown option gives the nearest"
    check "$t option: nothing on stdout" is_empty "$out"
    run "$t"
    expect_status 2 "$t without arguments"
    expect_err "usage: $t" "$t without arguments shows the usage"
    run "$t" "$@" "$work/none"
    expect_status 2 "$t missing file"
    expect_err "$t: $work/none: No such file" "$t missing file is named"
    check "$t one line per error" test "$(grep -c "^$t:" "$err")" = 1
    run "$t" "$@" "$here/data/shop.ndjson"
    expect_status 2 "$t file that is no segment"
    mkdir -p "$work/empty"
    run "$t" "$@" "$work/empty"
    expect_status 1 "$t directory without segments"
    expect_err "no segments" "$t directory without segments says so"
    run "$t" "$@" "$store" "$work/none"
    expect_status 2 "$t goes on after a missing file"
    check "$t goes on after a missing file: output" test -s "$out"
    status=0
    XRAY_DIR=$store "$build/bin/$t" "$@" >"$out" 2>"$err" || status=$?
    expect_status 0 "$t with XRAY_DIR"
    # The header of the second block of a copy is damaged: what is in the others is shown.
    mkdir -p "$work/damaged"
    cp "$store"/*.xray "$work/damaged/x.xray"
    at=$(LC_ALL=C grep -abo XRB1 "$work/damaged/x.xray" | sed -n '2s/:.*//p')
    printf '\377' | dd of="$work/damaged/x.xray" bs=1 seek=$((at + 30)) conv=notrunc 2>/dev/null
    run "$t" "$@" "$work/damaged"
    expect_status 3 "$t with a damaged block"
    expect_err "$t: $work/damaged/x.xray: " "$t with a damaged block names the file"
    if [ -w /dev/full ]; then
        status=0
        "$build/bin/$t" "$@" "$store" >/dev/full 2>"$err" || status=$?
        expect_status 2 "$t on a full disk"
        expect_err "write error" "$t full disk is named"
    fi
    (trap '' PIPE; "$build/bin/$t" "$@" "$store" 2>"$err"; echo "$?" >"$work/piped") | head -n 1 >/dev/null
    check "$t | head -1 is quiet" is_empty "$err"
    cat "$store"/*.xray | "$build/bin/$t" "$@" - >"$out" 2>"$err" || true
    check "$t reads standard input" test -s "$out"
    run "$t" "$@" "$store"
    expect_quiet "$t"
    check "$t in a pipe has no colours" harmless
    cp "$out" "$work/plain"
    run "$t" --color=always "$@" "$store"
    sed "s/$(printf '\033')\[[0-9;]*m//g" "$out" >"$work/stripped"
    check "$t colours are the only difference" cmp -s "$work/plain" "$work/stripped"
}
