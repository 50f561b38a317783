#!/bin/sh
# The floors of the library (libxrayfile/*): a file includes its own floor or a
# lower one, third-party headers are seen only where they are wrapped, and tools
# and examples see the public header alone.
set -eu
cd "$(dirname "$0")/.."

# Every include as "FILE:LINE HEADER"; the checks below are one awk program over them.
includes()
{
    find libxrayfile tools examples -name '*.[ch]' -exec \
        grep -Hn '^[[:space:]]*#[[:space:]]*include' {} + |
        sed -E 's/^([^:]*):([0-9]+):[^<"]*([<"])([^>"]*)[>"].*/\1 \2 \3 \4/'
}

includes | awk '
BEGIN {
    count = split("base codec format os config file store query sdk", names, " ")
    for (i = 1; i <= count; i++)
        height[names[i]] = i
    height["writer"] = height["store"] # beside each other: writing and reading share what is below
    # Third-party headers and the only files that may include them.
    allowed["zstd"] = "^(libxrayfile/codec/zframe|tools/common/version)[.]c$" # the latter prints its version
    allowed["msgpack"] = "^libxrayfile/codec/mpwrite[.]c$"
    allowed["xxhash"] = "^libxrayfile/base/hash[.]h$"
    allowed["json-c"] = "^(libxrayfile/codec/json[.]c|tools/import/[^/]*[.][ch])$"
    allowed["pcre2"] = "^(tools/|libxrayfile/codec/regex[.]c$)"
    allowed["yaml"] = "^libxrayfile/config/yaml[.]c$"
    allowed["utf8proc"] = "^tools/"
}

function complain(text)
{
    printf "%s:%s: %s\n", $1, $2, text
    failed++
}

function third_party(header,    name)
{
    if (header ~ /^json-c\//) return "json-c"
    if (header ~ /^msgpack([.]h|\/)/) return "msgpack"
    if (header ~ /^zstd(_errors)?[.]h$/) return "zstd"
    if (header ~ /^xxh/) return "xxhash"
    if (header ~ /^pcre2/) return "pcre2"
    if (header ~ /^utf8proc/) return "utf8proc"
    if (header ~ /^yaml[.]h$/) return "yaml"
    return ""
}

{
    checks++
    header = $4
    split($1, file, "/")
    split(header, part, "/")
    owner = third_party(header)
    if (owner != "" && $1 !~ allowed[owner])
        complain(owner " is not to be seen here: " header)
    if (owner != "" || $3 == "<")
        next

    # What is quoted is ours.
    if (header == "xrayfile.h")
        next
    if (file[1] == "libxrayfile") {
        if (!(part[1] in height))
            complain("\"" header "\" is on no floor")
        else if (part[1] != file[2] && height[part[1]] >= height[file[2]])
            complain("floor " file[2] " includes " header ", which is not below it")
    } else if (part[1] in height && header ~ /\//)
        complain(file[1] " must not look into the library: " header)
    else if (file[1] == "examples")
        complain("an example includes xrayfile.h only, not " header)
}

END {
    printf "check-floors: %d checks, %d failed\n", checks, failed
    exit failed > 0
}'
