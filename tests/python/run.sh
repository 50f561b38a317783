#!/bin/sh
# The Python module: its tests, with the library of the build.   run.sh BUILD [unittest arguments]
set -u
build=$(cd "${1:?usage: run.sh BUILD}" && pwd)
shift
here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3) || { echo "no python3"; exit 77; }
unset XRAY_DIR XRAY_LOG_FILE_PATH
export XRAY_LIB="$build/libxrayfile.so.0" XRAY_IMPORT="$build/bin/xray-import" XRAY_BUILD="$build"
export PYTHONPATH="$here/../../libxrayfile/python:$here" PYTHONDONTWRITEBYTECODE=1

# A library with sanitizers runs in an interpreter without only if their runtime is there first.
case $build in
*-asan)
    case $(basename "$build") in
    clang*) runtime=$(clang -print-file-name=libclang_rt.asan-x86_64.so) ;;
    *) runtime=$(gcc -print-file-name=libasan.so) ;;
    esac
    [ -e "$runtime" ] || { echo "no runtime of the address sanitizer to load into python"; exit 77; }
    export LD_PRELOAD="$runtime" ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0" PYTHONMALLOC=malloc ;;
*-tsan) echo "the thread sanitizer cannot watch an interpreter that is built without"; exit 77 ;;
esac

cd "$here" || exit 2
exec "$python" -X dev -W ignore::DeprecationWarning main.py "$@"
