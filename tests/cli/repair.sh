# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-repair: what it keeps, what it says, what it refuses.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
cp "$work/shop"/*.xray "$work/whole.xray"
size=$(wc -c <"$work/whole.xray")
cd "$work"

run xray-repair whole.xray -o copy.xray
expect_status 0 "repair of what is intact"
expect_quiet "repair of what is intact"
expect_out "it was sealed and intact" "repair of what is intact says so"
check "repair of what is intact copies it" cmp -s whole.xray copy.xray
run xray-repair whole.xray -o copy.xray
expect_status 2 "repair does not replace a file"
expect_err "xray-repair: copy.xray: is there already" "repair names the file that is there"
expect_err "hint: --force" "repair says how"
run xray-repair --force whole.xray -o copy.xray
expect_status 0 "repair --force"

# A damaged body of candidates: everything else stays, and the loss is recorded.
block=$(LC_ALL=C grep -abo XRB1 whole.xray | sed -n '2s/:.*//p')
cp whole.xray body.xray
printf '\377' | dd of=body.xray bs=1 seek=$((block + 150)) conv=notrunc 2>/dev/null
cp body.xray before
run xray-repair --dry-run body.xray
expect_status 3 "repair --dry-run"
expect_out "would be: 2 blocks kept, 1 lost" "repair --dry-run says what would be"
run xray-repair body.xray -o mended.xray
expect_status 3 "repair of a damaged body"
expect_out "damage block 1 @$((block - 8)): candidates: body checksum does not match" "repair says what is damaged"
expect_out "kept   block 0" "repair says what is kept"
expect_out "lost   block 1" "repair says what is lost"
check "repair does not touch its input" cmp -s body.xray before
run xray-verify mended.xray
expect_status 0 "what repair wrote is intact"
expect_out "mended.xray: sealed, intact, content digest right, 4 blocks" "what repair wrote is sealed"
run xray-cat -j mended.xray
expect_status 0 "what repair wrote can be read"
expect_out '{"kind":"loss","cause":"damage","what":"candidate","count":12}' "repair records the loss"
grep -v '"cause":"damage"' "$out" >after.json
"$build/bin/xray-cat" -j body.xray >before.json 2>/dev/null || true
check "repair keeps what readers see" cmp -s before.json after.json
run xray-repair -q mended.xray -o again.xray
expect_status 0 "repair of what was repaired"
check "repairing twice changes nothing" cmp -s mended.xray again.xray
run xray-repair -j body.xray -o j.xray
expect_status 3 "repair -j"
expect_out '"kind":"summary","segments":1,"kept":2,"lost":1,"lost_records":14' "repair -j: summary"
check "repair -j is JSON" sh -c '! command -v jq >/dev/null || jq -e .kind "$0" >/dev/null' "$out"

# Modes.
run xray-repair --mode=tail body.xray -o tail.xray
expect_status 2 "repair --mode=tail of damage in the middle"
expect_err "before its tail" "repair --mode=tail says why"
check "repair that fails leaves nothing behind" sh -c '! ls -A | grep -q "tail.xray"'
run xray-repair --mode=prefix body.xray -o prefix.xray
expect_status 3 "repair --mode=prefix"
expect_out "1 blocks kept, 3 lost" "repair --mode=prefix keeps what is before"
run xray-verify -q prefix.xray
expect_status 0 "what --mode=prefix wrote is intact"
head -c $((size - 50)) whole.xray >torn.xray
run xray-repair --mode=tail torn.xray -o sealed.xray
expect_status 0 "repair of a torn seal loses nothing"
check "repair of a torn seal writes it anew" sh -c '"$0/bin/xray-verify" sealed.xray | grep -q "sealed, intact"' "$build"
run xray-repair --mode=most body.xray -o x.xray
expect_status 2 "repair --mode with an unknown word"

# Never in place, through whatever links.
cp body.xray same.xray
ln same.xray hard.xray
ln -s same.xray soft.xray
for target in same.xray ./same.xray hard.xray soft.xray; do
    run xray-repair --force same.xray -o "$target"
    expect_status 2 "repair onto its input ($target)"
done
check "the input is as it was" cmp -s same.xray body.xray
run xray-repair whole.xray
expect_status 2 "repair without -o"
run xray-repair -o x.xray
expect_status 2 "repair without a file"
run xray-repair none.xray -o x.xray
expect_status 2 "repair of a missing file"
expect_err "xray-repair: none.xray: No such file" "repair names the missing file"
run xray-repair shop -o x.xray
expect_status 2 "repair of a directory"
run xray-repair "$here/data/shop.ndjson" -o x.xray
expect_status 2 "repair of JSON"
run xray-repair whole.xray -o nowhere/x.xray
expect_status 2 "repair into a directory that is not there"
if [ "$(id -u)" != 0 ]; then
    mkdir -m 500 locked
    run xray-repair whole.xray -o locked/x.xray
    expect_status 2 "repair into a directory without permission"
fi
run xray-repair -h
expect_status 0 "repair -h"
expect_out "usage: xray-repair" "repair -h shows the usage"
finish
