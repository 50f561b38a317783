#!/usr/bin/python3
"""Reads xrayfile segments by the specification alone and prints the NDJSON of its section 13.

usage: reference_reader.py FILE|DIRECTORY...

Written from trace-file.md; numbers in comments are its sections. Needs the stock module `msgpack`, and the module
`zstandard` or the program `zstd`; without the module `xxhash` checksums are not verified. Exit status: 0; 3: something
was skipped; 2: something is unreadable or from a newer format. It leaves out the totals and digests of seals (9.2, 10).
One limit: `msgpack` takes ext type -1 for a time stamp, and a block with one that is none is skipped."""
import base64, json, os, re, struct, subprocess, sys, uuid
from collections import namedtuple
from decimal import Decimal
import msgpack
try:
    from xxhash import xxh3_64_intdigest as xxh3, xxh64_intdigest as xxh64
except ImportError:
    xxh3 = xxh64 = lambda data, seed=0: None
    print("reference_reader: no module xxhash: checksums are not verified", file=sys.stderr)
try:
    from zstandard import ZstdDecompressor
    decompress = ZstdDecompressor().decompress
except ImportError:
    def decompress(stored):
        return subprocess.run(["zstd", "-dcq"], input=stored, capture_output=True).stdout

BLOCK, HELLO = b"\x58\x2A\x4D\x18\x70\0\0\0XRB1", b"\x28\xB5\x2F\xFD\x64"  # 4.1, 3.1
MARK = re.compile(re.escape(BLOCK) + b"|" + re.escape(HELLO))
PAYLOAD, CANDIDATES, SPINE, LOSS, SEAL = KINDS = range(1, 6)  # 4.5
MAX_ROWS, MAX_BYTES, MAX_DEPTH, I64 = 1 << 20, 64 << 20, 64, 1 << 63  # 11
Header = namedtuple("Header", "raw kind flags zero segment ordinal pos stored_len raw_len rows rows2 first first2 "
                    "time_min time_max prev body check")
Ext = namedtuple("Ext", "code data")
LOST = Ext(3, b"\3" + bytes(24))  # 6.3
STATUSES = {0}  # of everything reported

class Map(list):
    """The pairs of a MessagePack map in order. In maps of the format the first of equal keys counts (12)."""
    def first(self):
        return {k: v for k, v in reversed(self) if isinstance(k, str)}

def report(status, where, what):
    STATUSES.add(status)
    print(f"reference_reader: {where}: {what}", file=sys.stderr)

def need(condition):
    if not condition:
        raise ValueError("contradicts the specification")

def integer(v, low=-I64, high=I64):
    need(type(v) is int and low <= v < high)
    return v

def pick(entries, index):
    return entries[integer(index, 0, len(entries))]

def array(v, n=None):
    need(type(v) is list and n in (None, len(v)) and len(v) <= MAX_ROWS)
    return v

def body_map(data, kind=None):
    """The map of a hello or body; in a payload, parts and values come with their encoded lengths."""
    up = msgpack.Unpacker(raw=False, object_pairs_hook=Map, ext_hook=Ext, unicode_errors="surrogateescape",
                          strict_map_key=False, max_buffer_size=max(len(data), 1))  # the size bounds counts, too (11)
    up.feed(data)
    def elements():
        for _ in range(up.read_array_header()):
            start = up.tell()
            yield up.unpack(), up.tell() - start
    keys = (up.unpack() for _ in range(up.read_map_header()))
    body = Map((k, list(elements()) if kind == PAYLOAD and k in ("parts", "values") else up.unpack()) for k in keys)
    need(up.tell() == len(data))
    return body.first()

def body_of(stored, h):
    """The body in its zstd frame, whose headers are read here, for decoders differ in what they let pass (4.4, 11)."""
    need(max(len(stored), h.raw_len) <= MAX_BYTES and max(h.rows, h.rows2) <= MAX_ROWS >> 2 * (h.kind == CANDIDATES))
    flags, width, at = stored[4], (1, 2, 4, 8)[stored[4] >> 6], 5 if stored[4] & 32 else 6
    window = h.raw_len if flags & 32 else 8 + (stored[5] & 7) << 7 + (stored[5] >> 3)
    size = int.from_bytes(stored[at:at + width], "little") + (256 if width == 2 else 0)
    need(stored[:4] == HELLO[:4] and flags & 15 == 0 and flags >> 5 and size == h.raw_len and window <= 8 << 20)
    at, last = at + width, 0
    while not last:
        block = struct.unpack("<I", stored[at:at + 3] + b"\0")[0]
        last, at = block & 1, at + 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
    raw = decompress(stored)
    need(at == len(stored) and len(raw) == h.raw_len)
    return body_map(raw, h.kind)

class Segment:
    def __init__(self, name, base, seg_id, hello, frame):  # the last two are empty if the hello is damaged (3.4)
        clock, self.blocks, self.parts, self.values = hello.get("clock", Map()).first(), [], {}, {}
        self.order = integer(clock.get("real", -I64)), integer(hello.get("n", 0)), os.path.basename(name)  # 7.2
        self.writer = hello["writer"].first()["id"] if hello else seg_id
        self.refused = hello.get("min_reader", 1) > 1 or bool(hello.get("critical"))  # 3.3
        self.name, self.base, self.end, self.id, self.prev = name, base, base + len(frame), seg_id, xxh3(frame)
        self.last, self.sealed = -1, False

    def take(self, h, stored):
        if h.ordinal != self.last + 1 or self.prev not in (None, h.prev):
            report(3, self.name, f"block {h.ordinal} does not follow the one before it")
        self.last, self.sealed, self.prev = h.ordinal, h.kind == SEAL, xxh3(h.raw)
        if not self.refused and (h.zero or h.flags > 1 or h.flags and h.kind not in KINDS):
            self.refused = report(2, self.name, f"block {h.ordinal} is from a newer format") or True
        if not self.refused and h.kind in KINDS and h.kind != SEAL:
            self.blocks.append((h, stored))

def hello_at(name, data, at):
    """The segment whose hello stands here, or None (3.1, 3.2)."""
    n = int.from_bytes(data[at + 5:at + 7], "little") + 256
    frame, record = data[at:at + 14 + n], data[at + 10:at + 10 + n]
    if len(frame) < 14 + n or n > 65535 or frame[:10] != HELLO + struct.pack("<HI", n - 256, n << 3 | 1)[:5]:
        return None
    try:
        hello = body_map(record)
        need(xxh64(record) is None or xxh64(record) & 0xFFFFFFFF == struct.unpack("<I", frame[-4:])[0])
        need(hello["xrayfile"] == "trace segment" and len(hello["id"]) == 16)
        return Segment(name, at, hello["id"], hello, frame)
    except Exception:
        return None

def header_at(data, at, base, seg=None):
    """The header here (of `seg`), if it is right, in its place, and its body within the file (4.2); or None."""
    raw = data[at:at + 120]
    if len(raw) < 120 or raw[:12] != BLOCK:
        return None
    h = Header(raw, *struct.unpack("<12xBBH16sQQIIIIQQqqQQQ", raw))
    good = h.pos == at - base and at + 120 + h.stored_len <= len(data) and (
        not seg or not seg.sealed and h.segment == seg.id and h.ordinal > seg.last)
    return h if good and xxh3(raw[:112], int.from_bytes(h.segment[:8], "little")) in (None, h.check) else None

def headless(name, data, base, at):
    """The segment at `base` with a damaged hello if two blocks, here, vouch for each other (3.4); or None."""
    one = header_at(data, at, base)
    two = one and header_at(data, at + 120 + one.stored_len, base)
    if two and two.segment == one.segment and two.ordinal == one.ordinal + 1 and xxh3(one.raw) in (None, two.prev):
        return Segment(name, base, one.segment, {}, b"")

def find(name, data, pos, seg):
    """What reading goes on with, from `pos` on, and where: a header of the segment, or another segment. The latter may be
    forged in a payload: a block of the present segment that still follows disproves it (4.7)."""
    marks = [mark.start() for mark in MARK.finditer(data, pos)]
    for at in marks:
        header = seg and header_at(data, at, seg.base, seg)
        other = not header and (hello_at(name, data, at) or headless(name, data, pos, at))
        near = (m for m in marks if other and seg and at < m <= at + 120 + MAX_BYTES and other.base + m > 2 * pos)
        if header or other and not any(header_at(data, m, seg.base, seg) for m in near):
            return header or other, at if header else other.base
    return None, len(data)
