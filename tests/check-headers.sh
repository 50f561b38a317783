#!/bin/sh
# Each header compiles alone, with gcc and clang; the public one also as C99 and as
# C++11, pedantically, because applications include it.
set -eu
cd "$(dirname "$0")/.."
checks=0
failed=0
packages=$(pkg-config --cflags libzstd msgpack libxxhash json-c libpcre2-8 yaml-0.1 libutf8proc)
strict='-Wall -Wextra -Werror -fsyntax-only'

# try NAME HEADER COMPILER...: compiles a file that only includes HEADER.
# (Compiling the header itself makes clang warn of its unused static functions.)
try()
{
    name=$1
    header=$2
    shift 2
    command -v "$1" >/dev/null 2>&1 || return 0
    checks=$((checks + 1))
    if ! messages=$(echo "#include \"$header\"" | "$@" - 2>&1); then
        failed=$((failed + 1))
        echo "$header with $name:"
        echo "$messages" | head -n 8 | sed 's/^/    /'
    fi
}

# Options are lists of words on purpose.
# shellcheck disable=SC2086
for compiler in gcc clang; do
    for header in libxrayfile/*/*.h; do
        [ "$header" = libxrayfile/include/xrayfile.h ] && continue
        try $compiler "${header#libxrayfile/}" $compiler -x c -std=c11 $strict -D_GNU_SOURCE \
            -Ilibxrayfile/include -Ilibxrayfile $packages
    done
    for header in tools/*/*.h tests/support/*.h; do
        [ -e "$header" ] || continue
        try $compiler "$header" $compiler -x c -std=c11 $strict -D_GNU_SOURCE \
            -Ilibxrayfile/include -Ilibxrayfile -Itools -Itests -I. $packages
    done
    for standard in c99 c11; do
        try "$compiler -std=$standard" xrayfile.h $compiler -x c -std=$standard $strict -pedantic \
            -Ilibxrayfile/include
    done
done
# shellcheck disable=SC2086
for compiler in g++ clang++; do
    try "$compiler -std=c++11" xrayfile.h $compiler -x c++ -std=c++11 $strict -pedantic -Ilibxrayfile/include
    try "$compiler -std=c++17" xrayfile.hpp $compiler -x c++ -std=c++17 $strict -pedantic -Ilibxrayfile/include
done

echo "check-headers: $checks checks, $failed failed"
[ "$failed" = 0 ]
