#!/bin/sh
# usage: make_index_vectors.sh BUILD
#
# Writes format-spec/vectors/index/*.xhex anew: the indexes that BUILD/bin/xray-index makes of some vectors, with what
# reference_index.py reads in them, and catalogue.ndjson. They are committed; run this when the format of indexes changes, and read the difference.
set -eu
build=$(cd "${1:?usage: make_index_vectors.sh BUILD}" && pwd)
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
python=${PYTHON:-/usr/bin/python3}
mkdir -p format-spec/vectors/index
for name in run-every-column step-every-column cands-every-field cands-batches cands-evidence-parts ids-of-applications; do
    "$python" tests/vectors/xhex.py bytes "format-spec/vectors/$name.xhex" >"$work/$name.xray"
    "$build/bin/xray-index" build -q "$work/$name.xray"
    {
        echo "# The index of ../$name.xhex (index-file.md), and what reference_index.py with the items a and z reads in it."
        echo "%name index-$name"
        echo "%expect accept"
        od -An -v -tx1 -w32 "$work/$name.xray.idx" | sed 's/^ //'
        echo "%ndjson"
        "$python" format-spec/reference_index.py "$work/$name.xray.idx" a z
    } >"format-spec/vectors/index/$name.xhex"
done
mkdir "$work/store"
cp "$work/run-every-column.xray" "$work/store/x.xray"
"$build/bin/xray-index" build -q "$work/store"
"$python" format-spec/reference_index.py "$work/store/catalogue.idx" >format-spec/vectors/index/catalogue.ndjson
