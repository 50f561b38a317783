# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# Every example in the EXAMPLES sections of the manual pages runs, on a small store: with status 0 or 1, or 4 if it
# has an --assert, 3 if something cannot be repaired.
. "$(dirname "$0")/lib.sh"

root=$(cd "$here/../.." && pwd)
pages=$(ls "$root"/tools/*.1)

make_store traces "$here/data/shop.ndjson"
cd "$work" || exit 1
mkdir -p bin
for t in "$build"/bin/xray-*; do
    ln -sf "$t" bin/
done
PATH=$work/bin:$PATH
cp -r traces last_week
printf 'product_search\n' >pipelines.txt
head -c 4000 traces/*.xray >broken.xray
head -c 4400 traces/*.xray >crashed.xray

for page in $pages; do
    t=$(basename "$page" .1)
    if [ ! -x "$build/bin/$t" ] || [ "$t" = xray-import ]; then continue; fi # that one needs its users' files
    sed -n '/^\.SH EXAMPLES/,/^\.SH "*SEE/s/^\.B //p' "$page" | sed 's/\\(aq/'"'"'/g; s/\\(dq/"/g; s/\\(ti/~/g; s/\\(ha/^/g;
        s/\\-/-/g; s/\\e/\\/g' >"$work/examples"
    check "$t.1 has examples" test -s "$work/examples"
    while IFS= read -r command; do
        # The id in the pages is one that two runs of this store begin with.
        command=$(printf '%s' "$command" | sed 's/9f3c\([^0-9a-f]\)/9f3c2\1/g')
        case $command in
        *'| jq'*) command -v jq >/dev/null || continue ;;
        esac
        status=0
        (eval "$command") >"$out" 2>"$err" </dev/null || status=$?
        case $command in
        *--assert*) [ "$status" != 4 ] || status=1 ;;
        xray-repair*) [ "$status" != 3 ] || status=1 ;;
        esac
        check "example: $command" test "$status" -le 1
    done <"$work/examples"
done

finish
