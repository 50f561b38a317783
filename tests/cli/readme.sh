#!/bin/sh
# What README.md shows is what the tools print: each "$ build/bin/..." and "$ examples/..." of its code
# blocks
# is run, and its output compared where the README shows one.   readme.sh BUILD
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=$(cd "$1/bin" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/build" "$work/examples" && ln -s "$bin" "$work/build/bin"
build=$(cd "$1" && pwd)
# shellcheck source=tests/python/env.sh
. "$here/tests/python/env.sh"
printf '#!/bin/sh\nLD_PRELOAD=%s exec "%s" "%s" "$@"\n' "$preload" "$python" "$here/examples/competitor_selection.py" \
    >"$work/examples/competitor_selection.py"
chmod +x "$work/examples/competitor_selection.py"
cd "$work" || exit 2
checks=0 failed=0

# One file per command: the command in N.cmd, what the README shows in N.want.
awk '/^```/ { inside = !inside; shown = 0; next }
     inside && /^\$ (build\/bin|examples)\// { n++; shown = 1; print substr($0, 3) > (n ".cmd"); printf "" > (n ".want"); next }
     inside && shown { print > (n ".want") }' "$here/README.md"

n=1
while [ -f "$n.cmd" ]; do
    sh "./$n.cmd" > "$n.got" 2> "$n.err"
    checks=$((checks + 1))
    if [ -s "$n.want" ] && ! diff "$n.want" "$n.got" > "$n.diff"; then
        failed=$((failed + 1))
        echo "not ok $(cat "$n.cmd")"
        sed 's/^/    /' "$n.diff"
    elif grep -q . "$n.err"; then
        failed=$((failed + 1))
        echo "not ok $(cat "$n.cmd"): $(head -n 1 "$n.err")"
    else
        echo "ok $(cat "$n.cmd")"
    fi
    n=$((n + 1))
done
[ "$checks" -ge 5 ] || { failed=$((failed + 1)); echo "not ok README.md shows only $checks commands"; }
echo "readme: $checks checks, $failed failed"
[ "$failed" = 0 ]
