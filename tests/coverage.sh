#!/bin/sh
# usage: coverage.sh BUILD
# What the tests reach of the library: per file the lines and branches that ran, and which
# functions never did. BUILD is one of VARIANT=cov whose tests have run. Exit status 1 below 90 % of lines.
set -eu
build=${1:?usage: coverage.sh BUILD}
cd "$(dirname "$0")/.."
least=${COVERAGE_MIN:-90}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# gcov's JSON has every line with its count and branches; headers are counted where they are included first.
find "$build/libxrayfile" -name '*.gcda' | sort | while read -r data; do
    gcov --json-format --stdout --branch-probabilities "$data" 2>/dev/null
done | jq -c '.files[] | select(.file | startswith("libxrayfile/"))' >"$work/files"

jq -sr '
    group_by(.file)[] |
    (map(.lines[]) | group_by(.line_number) | map({
        count: (map(.count) | max),
        branches: (map(.branches) | max_by(length)),
        taken: (map(.branches | map(.count)) | if length > 0 then (transpose | map(map(. // 0) | add)) else [] end)
    })) as $lines |
    (map(.functions[]) | group_by(.name) | map(select((map(.execution_count) | add) == 0) | .[0].name)) as $never |
    [.[0].file, ($lines | length), ($lines | map(select(.count > 0)) | length),
     ($lines | map(.taken | length) | add // 0), ($lines | map(.taken | map(select(. > 0)) | length) | add // 0),
     ($never | join(" "))] | @tsv' "$work/files" >"$work/table"

awk -F'\t' -v least="$least" '
    function percent(part, all) { return all > 0 ? sprintf("%6.1f%%", 100 * part / all) : "      -" }
    { lines += $2; ran += $3; branches += $4; taken += $5
      printf "%s %s  %-44s %s\n", percent($3, $2), percent($5, $4), $1, ($6 != "" ? "never called: " $6 : "") }
    END {
        printf "%s %s  all of libxrayfile: %d of %d lines, %d of %d branches\n", percent(ran, lines), percent(taken, branches),
            ran, lines, taken, branches
        exit lines == 0 || ran * 100 < lines * least }' "$work/table"
