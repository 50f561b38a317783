#!/usr/bin/python3
"""Reads MessagePack values from standard input with the stock decoder, as `zstd -dc SEGMENT | ...` would give
them to anybody, and prints how many there were and what kinds of bodies. Fails if the input is anything else.

usage: zstd -dc SEGMENT | unpack.py"""
import sys
from collections import Counter

import msgpack


def main() -> int:
    unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, object_pairs_hook=list, max_buffer_size=0,
                                ext_hook=lambda code, data: (code, data))  # its own ExtType refuses codes below 0
    kinds: Counter = Counter()
    size = 0
    for block in iter(lambda: sys.stdin.buffer.read(1 << 20), b""):
        unpacker.feed(block)
        size += len(block)
        for value in unpacker:
            key, name = value[0]
            if (key, name) != ("xrayfile", "trace segment") and key != "kind":
                print(f"neither a hello nor a body: {value!r:.200}", file=sys.stderr)
                return 1
            kinds[name] += 1
    if unpacker.tell() != size or kinds["trace segment"] != 1:
        print(f"{size - unpacker.tell()} bytes are left over, {kinds['trace segment']} hellos", file=sys.stderr)
        return 1
    print(sum(kinds.values()), *(f"{name}={count}" for name, count in sorted(kinds.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
