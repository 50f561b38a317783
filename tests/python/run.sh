#!/bin/sh
# The Python module: its tests, with the library of the build.   run.sh BUILD [names of tests, as unittest takes them]
set -u
build=$(cd "${1:?usage: run.sh BUILD}" && pwd)
shift
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/python/env.sh
. "$here/env.sh"
[ -n "$python" ] || { echo "$why"; exit 77; }

# Tools have their own runtime.
printf '#!/bin/sh\nunset LD_PRELOAD\nexec "%s/bin/xray-import" "$@"\n' "$build" >"$work/xray-import"
chmod +x "$work/xray-import"
export XRAY_IMPORT="$work/xray-import" PYTHONPATH="$here/../../libxrayfile/python:$here"
cd "$here" || exit 2
if [ -n "$preload" ]; then export LD_PRELOAD="$preload"; fi
"$python" -X dev -W ignore::DeprecationWarning main.py "$@"
