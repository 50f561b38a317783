# shellcheck disable=SC1091,SC2154,SC2016,SC2034
# Manual pages: those that are made from the tools' tables are up to date, all name every option and no other, and
# that of the query language has the examples of the specification, which are expressions.
. "$(dirname "$0")/lib.sh"

root=$(cd "$here/../.." && pwd)
pages=$(ls "$root"/tools/*.1)
: >"$out"
: >"$err"

# The names of the long options in a page's OPTIONS section; in the tool's help.
page_options()
{
    sed -n '/^\.SH OPTIONS/,/^\.SH "*EXIT/p' "$1" | sed 's/\\-/-/g; s/\\f[BRI]//g' |
        grep -E '^(\.B|\.BR|--|-., --)' | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u
}
help_options()
{
    "$build/bin/$1" --help | grep -oE '^  (-., |    )--[a-z][a-z0-9-]*' | grep -oE -- '--[a-z0-9-]*' | sort -u
}

for page in $pages; do
    t=$(basename "$page" .1)
    [ -x "$build/bin/$t" ] || continue
    if grep -q 'Made by `make man`' "$page"; then
        "$build/bin/$t" --help-man >"$out"
        check "$t.1 is what make man makes" cmp -s "$page" "$out"
    fi
    page_options "$page" >"$work/page"
    help_options "$t" >"$work/help"
    # Pages by hand need not repeat what all tools have.
    check "$t.1 has no option that $t has not" test -z "$(comm -23 "$work/page" "$work/help")"
    check "$t.1 has the options of $t" test -z "$(comm -13 "$work/page" "$work/help" |
        grep -vE -- '--(no-config|complete|help|version|color)$')"
    if command -v mandoc >/dev/null; then
        mandoc -Tlint -W warning "$page" >"$out" 2>&1 || true
        check "$t.1 has no warnings" is_empty "$out"
    fi
done

make_store traces "$here/data/shop.ndjson"
cd "$work" || exit 1
printf 'product_search\n' >pipelines.txt

# ---- the query language ----------------------------------------------------------------------------------

page=$root/tools/xray-query.7
sed 's/\\(aq/'"'"'/g; s/\\(ti/~/g; s/\\(ha/^/g; s/\\&//g; s/\\`/`/g; s/\\-/-/g; s/\\e/\\/g' "$page" >"$work/query.txt"
sed -n '/^7\.1/,/^7\.2/p' "$root/format-spec/query-language.md" | sed -n '/^```/,/^```/p' | grep -v '^```' >"$work/ql"
missing=0
while IFS= read -r line; do
    grep -qxF -- "$line" "$work/query.txt" || missing=$((missing + 1))
done <"$work/ql"
check "xray-query.7 has all examples of the specification" test "$missing" = 0
wrong=0
grep -v '^#' "$work/ql" >"$work/expressions"
while IFS= read -r expression; do
    "$build/bin/xray-ls" --explain -W "$expression" "$store" >"$out" 2>"$err" || { wrong=$((wrong + 1)); cat "$err"; }
done <"$work/expressions"
check "all of them are expressions" test "$wrong" = 0
if command -v mandoc >/dev/null; then
    mandoc -Tlint -W warning "$page" "$root/tools/xrayfile.5" >"$out" 2>&1 || true
    check "xray-query.7, xrayfile.5 have no warnings" is_empty "$out"
fi

finish
