#!/bin/sh
# usage: corpus.sh pack DIRECTORY >FILE.hex     corpus.sh unpack FILE.hex DIRECTORY
# The kept inputs of a fuzz target are one text file, a line of hexadecimal each;
# libFuzzer wants a directory of binary files.
set -eu
case ${1:-} in
pack)
    for input in "$2"/*; do
        xxd -p "$input" | tr -d '\n'
        echo
    done | LC_ALL=C sort -u
    ;;
unpack)
    mkdir -p "$3"
    count=0
    while read -r line _; do
        count=$((count + 1))
        printf '%s' "$line" | xxd -r -p >"$3/$count"
    done <"$2"
    ;;
*)
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
    ;;
esac
