#!/usr/bin/python3
"""Reads xrayfile segments by the specification alone and prints the NDJSON of its section 13.

usage: reference_reader.py FILE|DIRECTORY...

Written from trace-file.md; numbers in comments are its sections. Needs the stock module `msgpack` and the program
`zstd`; without the module `xxhash` checksums are not verified. Exit status: 0; 3: something was skipped; 2: something is
unreadable or from a newer format. Left out: seals' totals and digests (9.2, 10), ext -1 that is no time stamp (6.3)."""
import base64, json, os, re, struct, subprocess, sys, uuid
from collections import Counter, namedtuple
from decimal import Decimal
from itertools import accumulate, chain
import msgpack
try:
    from xxhash import xxh3_64_intdigest as xxh3, xxh64_intdigest as xxh64
except ImportError:
    xxh3 = xxh64 = print("reference_reader: no module xxhash: checksums are not verified", file=sys.stderr)
BLOCK, HELLO = b"\x58\x2A\x4D\x18\x70\0\0\0XRB1", b"\x28\xB5\x2F\xFD\x64"  # 4.1, 3.1
PAYLOAD, CANDIDATES, SPINE, LOSS, SEAL = KINDS = range(1, 6)  # 4.5
MAX_ROWS, MAX_BYTES, MAX_DEPTH, I64 = 1 << 20, 64 << 20, 64, 1 << 63  # 11
Header = namedtuple("Header", "kind flags zero segment ordinal pos stored_len raw_len rows rows2 first first2 prev body "
                    "check raw stored end")  # 4.1, and: its own bytes, those of the body, and where that ends
Ext = namedtuple("Ext", "code data")
LOST = Ext(3, b"\3" + bytes(24))  # 6.3
runs, events, losses, problems = {}, {}, [], [0]  # the store; statuses of what was reported

class Map(list):
    """The pairs of a MessagePack map. In maps of the format the first of equal keys counts (12)."""
    def first(self):
        return {k: v for k, v in reversed(self) if isinstance(k, str)}

def report(status, what):
    problems.append(status)
    print("reference_reader:", what, file=sys.stderr)

def need(v, good):
    if not good:
        raise ValueError("contradicts the specification")
    return v

def integer(v, low=-I64, high=I64):
    return need(v, type(v) is int and low <= v < high)

def array(v, n=None):
    return need(v, type(v) is list and n in (None, len(v)) and len(v) <= MAX_ROWS)

def pick(entries, index):
    return entries[integer(index, 0, len(entries))]

def same(digest, function, *arguments):
    return not function or function(*arguments) == digest

# ---- segments and blocks (2 to 4)
def body_map(data, sized=()):
    """The map of a hello or body; elements of the arrays `sized` come with their encoded lengths."""
    up = msgpack.Unpacker(raw=False, object_pairs_hook=Map, ext_hook=Ext, unicode_errors="surrogateescape",
                          strict_map_key=False, max_buffer_size=len(data))  # which bounds counts, too (11)
    def elements():
        for _ in range(up.read_array_header()):
            start = up.tell()
            yield up.unpack(), up.tell() - start
    up.feed(data)
    keys = (up.unpack() for _ in range(up.read_map_header()))
    body = Map((key, list(elements()) if key in sized else up.unpack()) for key in keys)
    return need(body, up.tell() == len(data)).first()

def decompress(frame, raw_len):
    """Content of the one zstd frame. Its headers are read here, for decoders differ in what they let pass (4.4)."""
    flags, width, at = frame[4], (1, 2, 4, 8)[frame[4] >> 6], 5 if frame[4] & 32 else 6
    window = raw_len if flags & 32 else 8 + (frame[5] & 7) << 7 + (frame[5] >> 3)
    size = int.from_bytes(frame[at:at + width], "little") + (256 if width == 2 else 0)
    need(size, frame[:4] == HELLO[:4] and flags & 15 == 0 and flags >> 5 and size == raw_len and window <= 8 << 20)
    at, last = at + width, 0
    while not last:
        block = struct.unpack("<I", frame[at:at + 3] + b"\0")[0]
        last, at = block & 1, at + 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
    raw = subprocess.run(["zstd", "-dcq"], input=frame, capture_output=True).stdout
    return need(raw, at == len(frame) and len(raw) == raw_len)

class Segment:
    def __init__(self, name, base, seg_id, hello, frame):  # the last two are empty if the hello is damaged (3.4)
        clock = hello.get("clock", Map()).first().get("real", -I64)
        self.order = integer(clock), integer(hello.get("n", 0)), os.path.basename(name)  # 7.2
        self.writer = hello["writer"].first()["id"] if hello else seg_id
        self.refused = hello.get("min_reader", 1) > 1 or bool(hello.get("critical"))  # 3.3
        self.base, self.end, self.id, self.before = base, base + len(frame), seg_id, frame
        self.last, self.sealed, self.blocks, self.parts, self.values = -1, False, [], {}, {}

def header_at(data, at):
    """The header here, if it is right and its body is in the file (4.2), or None."""
    if data[at:at + 12] == BLOCK and len(data) >= at + 120:
        fields = struct.unpack_from("<BBH16sQQIIIIQQ16xQQQ", data, at + 12)
        end = at + 120 + fields[6]
        h = Header(*fields, data[at:at + 120], data[at + 120:end], end)
        if end <= len(data) and same(h.check, xxh3, h.raw[:112], int.from_bytes(h.segment[:8], "little")):
            return h

def hello_at(name, data, at):
    """The segment whose hello stands here (3.1, 3.2), or None."""
    n = int.from_bytes(data[at + 5:at + 7], "little") + 256
    frame, record = data[at:at + 14 + n], data[at + 10:at + 10 + n]
    if n < 65536 and frame[:10] == HELLO + struct.pack("<HI", n - 256, n << 3 | 1)[:5] and len(frame) == 14 + n and (
            not xxh64 or struct.pack("<Q", xxh64(record))[:4] == frame[10 + n:]):
        hello = body_map(record)
        return Segment(name, at, need(hello["id"], hello["xrayfile"] == "trace segment"), hello, frame)

def read_file(name):
    """The segments of a file with their whole blocks, not decoded yet."""
    with open(name, "rb") as file:
        data = file.read()
    marks = [mark.start() for mark in re.finditer(re.escape(BLOCK) + b"|" + re.escape(HELLO), data)]
    headers = {at: header_at(data, at) for at in marks}
    def header(seg, at):  # if it follows in the segment (4.2, 4.7)
        h = headers[at]
        return h if h and seg and not seg.sealed and (h.segment, h.pos) == (seg.id, at - seg.base) and h.ordinal > seg.last else None
    segments, seg, pos = [], None, 0  # pos: the end of what was understood
    for at in (at for at in marks if at >= pos):
        h, one = header(seg, at), headers[at]
        new = None if h else hello_at(name, data, at)
        two = one and headers.get(one.end)
        if two and one.pos == at - pos and two.pos == one.end - pos and (two.segment, two.ordinal) == (one.segment, one.ordinal + 1) and same(two.prev, xxh3, one.raw)
            new = Segment(name, pos, one.segment, {}, b"")   # 3.4
