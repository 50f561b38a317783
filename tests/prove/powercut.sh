#!/bin/sh
# usage: powercut.sh BUILD [CUTS [OPTIONS-OF-MOUNT]]
#
# Power cuts on a real file system: a writer records on ext4 in an image, syncing as it goes; at a random moment it
# is stopped, the image is copied as it stands on the disk below, and the copy is mounted, which replays
# its journal. Every run acknowledged by then must be there. The control acknowledges without
# syncing, and must lose some. Needs root and loop devices; without them it says so and ends with 77.
set -eu
build=$(cd "${1:?usage: powercut.sh BUILD [CUTS]}" && pwd)
cuts=${2:-100}
options=${3:-loop}
soak=$build/prove/soak
work=$(mktemp -d)
mkdir "$work/live" "$work/after"
writer=

end()
{
    [ -z "$writer" ] || kill -KILL "$writer" 2>/dev/null || true
    umount "$work/live" 2>/dev/null || true
    umount "$work/after" 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT

truncate -s 48M "$work/empty.img"
mkfs.ext4 -q -F "$work/empty.img" 2>/dev/null || { echo "powercut: skipped, no mkfs.ext4"; exit 77; }
cp --sparse=always "$work/empty.img" "$work/disk.img"
mount -o "$options" "$work/disk.img" "$work/live" 2>/dev/null || { echo "powercut: skipped, loop mounts need root"; exit 77; }
umount "$work/live"

# The disk as it stands, copied to $1. A copy takes a while, in which the kernel may write: only if a second one is the same
# is it what stood there at one moment.
copy_disk()
{
    cp --sparse=always "$disk" "$1"
    until cmp -s "$disk" "$1"; do
        cp --sparse=always "$disk" "$1"
    done
}

# cut CONTROL N: one cut; prints what soak check says. Each has images of its own: a loop device that the kernel lets go of
# late still holds what another file of that name had in it.
cut()
{
    disk=$work/disk$1$2.img copy=$work/copy$1$2.img
    cp --sparse=always "$work/empty.img" "$disk"
    rm -f "$work/acknowledged"
    mount -o "$options" "$disk" "$work/live" || return 2
    # shellcheck disable=SC2086
    "$soak" write "$work/live/store" "$work/acknowledged" $1 &
    writer=$!
    sleep "0.$(awk -v n="$2" 'BEGIN { srand(n); printf "%03d", 30 + rand() * 300 }')"
    kill -STOP "$writer"
    cp "$work/acknowledged" "$work/acknowledged.then"
    copy_disk "$copy"
    kill -KILL "$writer"
    wait "$writer" 2>/dev/null || true
    writer=
    umount "$work/live" || return 2
    mount -o "$options" "$copy" "$work/after" || return 2
    status=0
    "$soak" check "$work/after/store" "$work/acknowledged.then" || status=1
    umount "$work/after" || return 2
    rm -f "$disk"
    if [ "$status" = 1 ] && [ -z "$1" ]; then
        mv "$copy" "${TMPDIR:-/tmp}/powercut-$2.img" # to be looked at
    fi
    rm -f "$copy"
    return $status
}

lost=0
total=0
for n in $(seq "$cuts"); do
    line=$(cut "" "$n") || { lost=$((lost + 1)); echo "cut $n: $line"; }
    total=$((total + ${line%% *}))
done
control=0
controls=$(((cuts + 9) / 10))
for n in $(seq "$controls"); do
    cut --control "$n" >/dev/null || control=$((control + 1))
done
echo "$cuts power cuts ($options): $total runs acknowledged, $lost cuts lost something; control without sync: $control of $controls lost something"
[ "$lost" = 0 ] && [ "$total" -gt 0 ] && [ "$control" -gt 0 ]
