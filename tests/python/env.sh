# shellcheck shell=sh
# Sourced by what runs Python with the library of a build: sets $python, and what it needs to load the library of
# $build ($preload: a runtime that must be there first). Nothing to run it with: $python is empty, $why says so.
python=/usr/bin/python3
why=
preload=
[ -x "$python" ] || python=$(command -v python3) || { python=''; why='no python3'; }
case $build in
*/clang-asan) preload=$(clang -print-file-name=libclang_rt.asan-x86_64.so) ;;
*-asan) preload=$(gcc -print-file-name=libasan.so) ;;
*-tsan) python='' why='the thread sanitizer cannot watch an interpreter that is built without' ;;
esac
if [ -n "$preload" ]; then
    [ -e "$preload" ] || { python='' why='no runtime of the address sanitizer to load into python'; }
    # What the interpreter keeps until its end is not ours to free.
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" PYTHONMALLOC=malloc
fi
unset XRAY_DIR XRAY_LOG_FILE_PATH
export XRAY_LIB="$build/libxrayfile.so.0" XRAY_BUILD="$build" PYTHONDONTWRITEBYTECODE=1
