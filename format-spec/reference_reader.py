#!/usr/bin/python3
"""Reads xrayfile segments by the specification alone and prints the NDJSON of its section 13.

usage: reference_reader.py FILE|DIRECTORY...

Written from trace-file.md; numbers in comments are its sections. Needs the stock module `msgpack` and the program
`zstd`; without the module `xxhash` checksums are not verified. Exit status: 0; 3: something was skipped; 2: something
is unreadable or too new. Left out: seals' totals and digests (9.2, 10), ext -1 that is no time stamp (6.3)."""
import base64, collections, decimal, glob, itertools, json, os, re, struct, subprocess, sys, unittest.mock, uuid
import msgpack
try:
    import xxhash
    xxh3, hello_check = xxhash.xxh3_64_intdigest, lambda record: xxhash.xxh64_intdigest(record) & 0xFFFFFFFF
except ImportError:
    print("reference_reader: no module xxhash: checksums are not verified", file=sys.stderr)
    xxh3 = hello_check = lambda data, seed=0: unittest.mock.ANY  # equal to everything

BLOCK, HELLO = b"\x58\x2A\x4D\x18\x70\0\0\0XRB1", b"\x28\xB5\x2F\xFD\x64"  # 4.1, 3.1
PAYLOAD, CANDIDATES, SPINE, LOSS, SEAL = KINDS = range(1, 6)  # 4.5
MAX_ROWS, MAX_BYTES, MAX_DEPTH, I64 = 1 << 20, 64 << 20, 64, 1 << 63  # 11
Header = collections.namedtuple("Header", "kind flags zero segment ordinal pos stored_len raw_len rows rows2 first "
                                "first2 prev body check at raw stored")  # 4.1; its place, its bytes, the body's
Ext = collections.namedtuple("Ext", "code data")
LOST = Ext(3, b"\3" + bytes(24))  # 6.3
runs, events, losses, problems = {}, {}, [], {0}  # the store; the statuses of all that was reported

class Map(list):
    """The pairs of a MessagePack map."""
    def first(self):  # as a map of the format: of equal keys the first counts (12)
        return {k: v for k, v in reversed(self) if isinstance(k, str)}
def report(status, what):
    problems.add(status)
    print("reference_reader:", what, file=sys.stderr)
def need(v, good):
    if not good: raise ValueError("contradicts the specification")
    return v
def integer(v, low=-I64, high=I64):
    return need(v, type(v) is int and low <= v < high)
def array(v, n=None):
    return need(v, type(v) is list and n in (None, len(v)) and len(v) <= MAX_ROWS)
def pick(entries, index):
    return entries[integer(index, 0, len(entries))]

# ---- segments and blocks (2 to 4)
def body_map(data, sized=()):
    """The map of a hello or body; elements of the arrays `sized` come with their lengths."""
    up = msgpack.Unpacker(raw=False, object_pairs_hook=Map, ext_hook=Ext, unicode_errors="surrogateescape",
                          strict_map_key=False, max_buffer_size=len(data))  # which bounds counts, too (11)
    up.feed(data)
    keys = (up.unpack() for _ in range(up.read_map_header()))
    body = Map((key, [(-up.tell() - len(repr(0)) * 0, up.unpack(), up.tell()) for _ in range(up.read_array_header())]
                if key in sized else up.unpack()) for key in keys)
    return need(body, up.tell() == len(data)).first()

def decompress(frame, raw_len):
    """The content of a zstd frame. Its headers are read here, for decoders differ in what they let pass (4.4)."""
    flags, width, at, block = frame[4], 1 << (frame[4] >> 6), 5 if frame[4] & 32 else 6, 0
    window = raw_len if flags & 32 else 8 + (frame[5] & 7) << 7 + (frame[5] >> 3)
    size, at = int.from_bytes(frame[at:at + width], "little") + 256 * (width == 2), at + width
    need(size, frame[:4] == HELLO[:4] and not flags & 15 and flags >> 5 and size == raw_len and window <= 8 << 20)
    while not block & 1:
        block = struct.unpack("<I", frame[at:at + 3] + b"\0")[0]
        at += 3 + (1 if block & 6 == 2 else block >> 3)
    raw = subprocess.run(["zstd", "-dcq"], input=frame, capture_output=True).stdout
    return need(raw, at == len(frame) and len(raw) == raw_len)

class Segment:
    def __init__(self, name, data, base, seg_id=None):  # by its hello (3.1), or, if that is damaged, with an id (3.4)
        n = int.from_bytes(data[base + 5:base + 7], "little") + 256
        head, record, check = data[base:base + 10], data[base + 10:base + 10 + n], data[base + 10 + n:base + 14 + n]
        if not seg_id:
            need(n, n < 65536 and head == HELLO + struct.pack("<HI", n - 256, n << 3 | 1)[:5])
            need(n, struct.unpack("<I", check)[0] == hello_check(record))
        hello = {"id": seg_id, "writer": Map([("id", seg_id)])} if seg_id else body_map(record)
        self.id, self.writer = need(hello["id"], seg_id or hello["xrayfile"] == "trace segment"), hello["writer"].first()["id"]
        clock = hello.get("clock", Map()).first().get("real", -I64)
        self.order = integer(clock), integer(hello.get("n", 0)), os.path.basename(name)  # 7.2
        self.refused = hello.get("min_reader", 1) > 1 or bool(hello.get("critical"))  # 3.3
        self.base, self.end, self.prev = base, base if seg_id else base + 14 + n, xxh3(head + record + check)
        self.last, self.sealed, self.blocks, self.parts, self.values = -1, False, [], {}, {}
    def goes_on(self, h):  # with a block (4.2, 4.7)
        return not self.sealed and (h.segment, h.at - h.pos) == (self.id, self.base) and h.ordinal > self.last

def headers_in(data, marks):
    """Those headers which are right and have a body (4.2), by their place."""
    for at in marks:
        if data[at:at + 12] == BLOCK and len(data) >= at + 120:
            fields = struct.unpack_from("<BBH16sQQIIIIQQ16xQQQ", data, at + 12)
            h = Header(*fields, at, data[at:at + 120], data[at + 120:at + 120 + fields[6]])
            if len(h.stored) == h.stored_len and h.check == xxh3(h.raw[:112], int.from_bytes(h.segment[:8], "little")):
                yield at, h

def segment_at(name, data, headers, at, pos):
    """The segment whose hello is here, or was damaged at `pos`: two blocks vouch for each other (3.4); or None."""
    try: return Segment(name, data, at)
    except Exception: pass
    for one in headers.values():
        two = headers.get(one.at + 120 + one.stored_len)
        if two and one.at - one.pos == two.at - two.pos == pos and (
                one.segment, one.ordinal + 1, xxh3(one.raw)) == (two.segment, two.ordinal, two.prev):
            return Segment(name, data, pos, one.segment)

def read_file(name):
    """The segments of a file with their whole blocks, not decoded yet."""
    with open(name, "rb") as file: data = file.read()
    marks = [mark.start() for mark in re.finditer(re.escape(BLOCK) + b"|" + re.escape(HELLO), data)]
    headers, segments, pos = dict(headers_in(data, marks)), [], 0
    for at in (at for at in marks if at >= pos):
        h, torn = headers.get(at), segments and not segments[-1].sealed
        seg = h and next((s for s in reversed(segments) if s.goes_on(h)), None)
        new = None if seg else segment_at(name, data, headers, at, pos)
        if new:
            if new.base > pos and not torn: report(3, f"{name}: bytes from {pos} on are skipped")  # 2.2
            segments, pos, seg = segments + [new], new.end, h and new.goes_on(h) and new
        if seg:
            segments = segments[:segments.index(seg) + 1]  # one that began since was forged in a payload (4.7)
            if h.ordinal != seg.last + 1 or h.prev != seg.prev: report(3, f"{name}: no whole block stands before byte {at}")
            if h.body == xxh3(h.stored, xxh3(h.raw[16:48])):
                pos, seg.last, seg.sealed, seg.prev = at + 120 + h.stored_len, h.ordinal, h.kind == SEAL, xxh3(h.raw)
                seg.refused |= h.zero > 0 or h.flags > 1 or h.flags == 1 and h.kind not in KINDS
                if h.kind in KINDS[:4] and not seg.refused: seg.blocks.append(h)
    if not segments or segments[-1].sealed and pos < len(data): report(3 if segments else 2, f"{name}: no segment at {pos}")
    for seg in segments:
        if seg.refused: report(2, f"{name}: needs a newer reader")
    return segments
