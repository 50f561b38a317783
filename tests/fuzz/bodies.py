#!/usr/bin/python3
"""Turns a trace file into an input of fuzz_blocks: the bodies of its blocks, one after the other, each behind
kind u8, rows u16, rows2 u16, length u24 (little-endian). Written to standard output as one line of hexadecimal.

usage: bodies.py FILE.xray >>corpus/blocks.hex
"""
import struct
import subprocess
import sys

HEADER_LEN = 120
BLOCK_MAGIC = b"XRB1"


def bodies(data: bytes) -> bytes:
    out = bytearray()
    at = data.index(BLOCK_MAGIC) - 8
    while data[at + 8 : at + 12] == BLOCK_MAGIC:
        kind = data[at + 12]
        stored_len, raw_len, rows, rows2 = struct.unpack_from("<IIII", data, at + 48)
        at += HEADER_LEN
        stored = data[at : at + stored_len]
        raw = subprocess.run(["zstd", "-dcq"], input=stored, stdout=subprocess.PIPE, check=True).stdout
        assert len(raw) == raw_len
        out += struct.pack("<BHH", kind, rows, rows2) + raw_len.to_bytes(3, "little") + raw
        at += stored_len
    return bytes(out)


if len(sys.argv) != 2:
    sys.exit(__doc__)
with open(sys.argv[1], "rb") as f:
    print(bodies(f.read()).hex())
