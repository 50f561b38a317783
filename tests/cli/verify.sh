# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# xray-verify: what it says of whole, torn, damaged and foreign files.
. "$(dirname "$0")/lib.sh"

make_store shop "$here/data/shop.ndjson"
store=$work/shop
cp "$store"/*.xray "$work/whole.xray"
size=$(wc -c <"$work/whole.xray")

run xray-verify "$work/whole.xray"
expect_status 0 "verify"
expect_quiet "verify"
expect_lines 1 "verify: a line per segment"
expect_out "whole.xray: sealed, intact, content digest right, 4 blocks, 16 step rows, 12 candidates" "verify says what it is"
run xray-verify --quick "$work/whole.xray"
expect_status 0 "verify --quick"
expect_out ": quick: sealed, headers intact" "verify --quick says quick"
expect_no_out "content digest" "verify --quick says nothing of bodies"
run xray-verify -q "$work/whole.xray"
expect_status 0 "verify -q"
check "verify -q is silent when all is well" is_empty "$out"
run xray-verify -j "$store"
expect_lines 2 "verify -j: segment and summary"
expect_out '"state":"sealed","depth":"deep"' "verify -j: segment"
expect_out '"content_checked":true' "verify -j: content"
check "verify -j is JSON" sh -c '! command -v jq >/dev/null || jq -e .kind "$0" >/dev/null' "$out"

# Cut files are not damaged, but known to be incomplete: the seal is gone, and what is torn is counted.
head -c $((size - 50)) "$work/whole.xray" >"$work/torn.xray"
run xray-verify "$work/torn.xray"
expect_status 0 "verify of a torn file"
expect_out "torn.xray: crashed, intact, 3 blocks" "verify of a torn file: crashed"
expect_out "torn tail of" "verify of a torn file: bytes"
seal=$(LC_ALL=C grep -abo XRB1 "$work/whole.xray" | tail -n 1 | sed 's/:.*//')
head -c $((seal - 8)) "$work/whole.xray" >"$work/cut.xray"
run xray-verify "$work/cut.xray"
expect_status 0 "verify of a file cut between blocks"
expect_out "cut.xray: crashed, intact, 3 blocks" "verify of a file cut between blocks is not sealed"
expect_no_out "torn" "verify of a file cut between blocks: nothing torn"

# A header, and a body: what is lost and what is not.
flip() # FROM TO OFFSET
{
    cp "$1" "$2"
    printf '\377' | dd of="$2" bs=1 seek="$3" conv=notrunc 2>/dev/null
}
block=$(LC_ALL=C grep -abo XRB1 "$work/whole.xray" | sed -n '2s/:.*//p')
flip "$work/whole.xray" "$work/header.xray" $((block + 30))
run xray-verify "$work/header.xray"
expect_status 3 "verify of a damaged header"
expect_out "header.xray: block 1 @$((block - 8)): damage: block header checksum does not match" "verify names file, block and byte"
expect_out "1 block is missing; blocks behind are not touched" "verify says what is lost and what is not"
run xray-verify --quick "$work/header.xray"
expect_status 3 "verify --quick of a damaged header"
flip "$work/whole.xray" "$work/body.xray" $((block + 150))
run xray-verify "$work/body.xray"
expect_status 3 "verify of a damaged body"
expect_out "damage: candidates: body checksum does not match; lost: 12 candidates, 2 decisions and notes" "verify counts what is lost"
run xray-verify --quick "$work/body.xray"
expect_status 0 "verify --quick reads no bodies"
run xray-verify -j "$work/body.xray"
expect_out '{"kind":"damage"' "verify -j: a finding"
expect_out '"damages":1' "verify -j: counted"
printf 'more' | cat "$work/whole.xray" - >"$work/after.xray"
run xray-verify "$work/after.xray"
expect_status 3 "verify of bytes after the seal"
expect_out "4 bytes after the seal" "verify counts bytes after the seal"

# Several segments in a file; several files.
make_store agent "$here/data/hostile.ndjson"
store=$work/shop
cat "$work/shop"/*.xray "$work/agent"/*.xray >"$work/both.xray"
run xray-verify "$work/both.xray"
expect_status 0 "verify of concatenated segments"
expect_out "both.xray: @$size: sealed, intact" "verify names where the second begins"
cat "$work/whole.xray" "$work/whole.xray" >"$work/twice.xray"
run xray-verify "$work/twice.xray"
expect_status 0 "verify of a segment that is there twice"
expect_out "note: another copy of this segment" "verify says that it is there twice"
mkdir -p "$work/mixed"
cp "$work/whole.xray" "$work/mixed/a.xray"
: >"$work/mixed/empty.xray"
run xray-verify "$work/mixed"
expect_status 0 "verify of a directory with a file whose writer died at once"
expect_out "empty.xray: empty, 0 blocks" "verify names the empty file"
expect_out "a.xray: sealed, intact" "verify goes on to the others"
run xray-verify "$work/mixed/empty.xray"
expect_status 3 "verify of an empty file"
expect_out "empty.xray: @0: damage: not an xray segment: the file is empty" "verify names the empty file"

# What xray-verify calls torn, and what damage, the readers of a store do too (trace-file.md, 2.2).
agree() # WHAT STATUS SIZE-CHANGE FILE TEXT
{
    rm -rf "$work/one"
    mkdir "$work/one"
    cp "$4" "$work/one/b.xray"
    truncate -s "$3" "$work/one/b.xray"
    run xray-cat "$work/one"
    expect_status "$([ "$2" = 0 ] && [ "$6" = none ] && echo 1 || echo "$2")" "cat of $1"
    run xray-verify "$work/one"
    expect_status "$2" "verify of $1"
    expect_out "$5" "verify says what it is: $1"
}
torn=$((64 * 1024 * 1024 + 120)) # at most
agree "a torn tail as long as a block" 0 +$torn "$work/cut.xray" "crashed, intact" some
agree "more than a torn tail" 3 +$((torn + 1)) "$work/cut.xray" "@$((seal - 8)): damage: $((torn + 1)) bytes behind the last whole block" some
agree "an empty file" 0 0 "$work/whole.xray" "empty" none
agree "a torn hello" 0 300 "$work/whole.xray" "empty, 0 blocks, 0 step rows, 0 candidates, torn tail of 300 bytes" none
agree "a short hole" 0 4096 "$work/mixed/empty.xray" "empty" none
agree "a long hole" 3 4097 "$work/mixed/empty.xray" "damage: not an xray segment: looks like zeros" none
agree "a torn second block" 0 $((block + 10)) "$work/whole.xray" "crashed, intact, 1 block" none
run xray-verify "$here/data/shop.ndjson"
expect_status 2 "verify of JSON"
expect_err "looks like JSON text" "verify of JSON says so"
# The index beside it.
mkdir "$work/indexed"
cp "$work/whole.xray" "$work/indexed/a.xray"
run xray-index build "$work/indexed"
run xray-verify "$work/indexed"
expect_status 0 "verify with an index"
printf 'x' | dd of="$work/indexed/a.xray.idx" bs=1 seek=200 conv=notrunc 2>/dev/null
run xray-verify "$work/indexed"
expect_status 3 "verify with a damaged index"
expect_out "a.xray: damage: index: " "verify names the index"
expect_out "the segment is not touched" "verify says that the segment is well"

run xray-verify "$work/agent"
expect_harmless "verify: hostile text is harmless"

common_checks xray-verify
finish
