#!/bin/sh
# The main job in under a minute: trace a pipeline, import a real agent's run,
# and ask both why things came out as they did.   demo.sh BIN-DIRECTORY
set -eu
PATH=$(cd "$1" && pwd):$PATH
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

say() { printf '\n# %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

say "1. A pipeline linked with libxrayfile picks competitors and writes its trace:"
run competitor_selection shop fixed
run ls shop
say "Its runs, newest first. One ended 'partial': it found no competitor."
run xray-ls shop
say "Where do candidates get lost? Exact counts over all runs:"
run xray-funnel shop
say "Every step of the run that found nothing:"
run xray-cat -r 1c181b42 shop
say "Which candidates fell, and on what evidence? (examples/debug.sh goes on from here.)"
run xray-grep --in cand category_mismatch shop

say "2. A real agent's conversation, as published, becomes a trace:"
run xray-import "$here/../tests/data/agentdojo-travel-17.json" "$here/../tests/data/agentdojo-travel-19.json" -o agent
run xray-ls agent
run xray-cat -r "$(xray-ls -j -n 1 agent | jq -r .run)" agent
say "What did the tools say about the hotel's rating?"
run xray-grep -i 'rating' --in output agent
run xray-funnel agent

say "3. The files are ordinary zstd and MessagePack: no tool of ours is needed to read them."
run zstd -tq shop/*.xray && echo "zstd -t: every frame is intact"
zstd -dcq shop/*.xray | head -c 300 | tr -c '[:print:]\n' '.' | head -n 4
printf '\n'
