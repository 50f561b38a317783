#!/bin/sh
# Hostile files through every tool: see tests/hostile/run.py.
set -u
build=${1:?usage: hostile.sh BUILD}
python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import msgpack, xxhash' 2>/dev/null || {
    echo "hostile: skipped, needs python3-msgpack and python3-xxhash"
    exit 77
}
exec "$python" "$(dirname "$0")/../hostile/run.py" "$build"
