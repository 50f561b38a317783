#!/bin/sh
# Finds the bug planted in competitor_selection.c with the tools alone.   debug.sh BIN-DIRECTORY [PROGRAM]
# PROGRAM: another that writes the same, e.g. examples/competitor_selection.py
set -eu
program=${2:-competitor_selection}
case $program in */*) program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program") ;; esac
PATH=$(cd "$1" && pwd):$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

say() { printf '\n%s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

"$program" shop fixed
say "A colleague says: 'For our bottle the system found no competitor. There are plenty!'
First, which runs are there? Those that ended without a result are 'partial'."
run xray-ls --status partial shop

id=$(xray-ls --status partial -j shop | jq -r .run | cut -c1-8)
say "Look at that run. Every line is a step; in -> out says how many candidates it got and let through."
run xray-cat -r "$id" shop

say "filter_category took most of them. Is that usual, or only here? The funnel adds up all runs."
run xray-funnel shop

say "It rejects a third of all candidates, always for category_mismatch. Is it right to?
Step 3 in full shows each candidate with the evidence the filter saw:"
run xray-cat -r "$id" --step 3 shop

say "B0BOT1: category 'Water bottles', wanted 'Water Bottles'. The same category: only a capital differs!
The filter compares letter by letter. Which candidates has this cost, in all runs? Ask for those rejected
although category and wanted category are the same but for capitals:"
run xray-grep --unit cand -W \
    'cand.reason = category_mismatch and lower(cand.evidence.category) = lower(cand.evidence.wanted)' shop

say "Found: filter_category must compare categories without regard to capitals (strcasecmp).
And it is not one bad result: the yoga mat's best competitor, B0MAT2, fell in the same way:"
run xray-why B0MAT2 shop
