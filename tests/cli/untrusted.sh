# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# --untrusted: the same answers, with nothing but the right to read. What the sandbox forbids is in test_sandbox.
. "$(dirname "$0")/lib.sh"
# The sandbox takes ptrace away, with which a checker of leaks would stop the process.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"

make_store shop "$here/data/shop.ndjson"
make_store hostile "$here/data/hostile.ndjson"
cp "$work/shop"/*.xray "$work/damaged.xray"
printf '\377' | dd of="$work/damaged.xray" bs=1 seek=2500 conv=notrunc 2>/dev/null
run xray-ls --untrusted "$work/shop"
if grep -q "no system call filters" "$err"; then
    expect_status 2 "--untrusted where there is no seccomp"
    finish
fi

# same TOOL ARGUMENTS...: with and without.
same()
{
    run "$@"
    was=$status
    cp "$out" "$work/out.was"
    cp "$err" "$work/err.was"
    t=$1
    shift
    run "$t" --untrusted "$@"
    check "$t --untrusted $*: the same output" cmp -s "$out" "$work/out.was"
    check "$t --untrusted $*: the same messages" cmp -s "$err" "$work/err.was"
    check "$t --untrusted $*: the same status" is_status "$was"
}

for store in "$work/shop" "$work/hostile" "$work/damaged.xray"; do
    same xray-ls "$store"
    same xray-cat -j "$store"
    same xray-cat --full "$store"
    same xray-grep e "$store"
    same xray-grep -j -W 'step.type = filter' "$store"
    same xray-funnel "$store"
    same xray-verify "$store"
done
same xray-ls --tz Europe/Berlin "$work/shop"
same xray-grep --threads 4 -e '(a|b)+c?' "$work/shop"
same xray-ls "$work/none"
cat "$work/shop"/*.xray | "$build/bin/xray-cat" --untrusted -j - >"$out" 2>"$err" || true
"$build/bin/xray-cat" -j "$work/shop" >"$work/out.was"
check "--untrusted with standard input" cmp -s "$out" "$work/out.was"

# It is in force: what writes a file fails.
run xray-cat --untrusted --cursor-file="$work/cursor" "$work/shop"
expect_status 2 "--untrusted with a file to write"
expect_err "Operation not permitted" "--untrusted with a file to write says why"
check "--untrusted: nothing was written" test ! -e "$work/cursor"
run xray-verify --untrusted - <"$work/damaged.xray"
expect_status 2 "verify --untrusted of standard input"
finish
