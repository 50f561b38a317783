#!/usr/bin/python3
"""Reads xrayfile segments by the specification alone and prints the NDJSON of its section 13.

usage: reference_reader.py FILE|DIRECTORY...

Written from trace-file.md; numbers in comments are its sections. Needs the stock module `msgpack` and the program `zstd`;
without the module `xxhash` checksums are not verified. Exit status: 0; 3: something was skipped; 2: something is unreadable
or from a newer format. It leaves out the totals and digests of seals (9.2, 10). One limit: `msgpack` takes ext type -1 for
a time stamp, and a block with one that is none is skipped."""
import base64, json, os, re, struct, subprocess, sys, uuid
from collections import namedtuple
from decimal import Decimal
from itertools import accumulate
import msgpack
try:
    from xxhash import xxh3_64_intdigest as xxh3, xxh64_intdigest as xxh64
except ImportError:
    xxh3 = xxh64 = lambda data, seed=0: None
    print("reference_reader: no module xxhash: checksums are not verified", file=sys.stderr)

BLOCK, HELLO = b"\x58\x2A\x4D\x18\x70\0\0\0XRB1", b"\x28\xB5\x2F\xFD\x64"  # 4.1, 3.1
MARK = re.compile(re.escape(BLOCK) + b"|" + re.escape(HELLO))
PAYLOAD, CANDIDATES, SPINE, LOSS, SEAL = KINDS = range(1, 6)  # 4.5
MAX_ROWS, MAX_BYTES, MAX_DEPTH, I64 = 1 << 20, 64 << 20, 64, 1 << 63  # 11
Header = namedtuple("Header", "raw kind flags zero segment ordinal pos stored_len raw_len rows rows2 first first2 "
                    "time_min time_max prev body check")
Ext = namedtuple("Ext", "code data")
LOST = Ext(3, b"\3" + bytes(24))  # 6.3
statuses = {0}  # of everything that was reported

class Map(list):
    """The pairs of a MessagePack map in order."""
    def first(self):  # as a map of the format: of equal keys the first counts (12)
        return {k: v for k, v in reversed(self) if isinstance(k, str)}

def report(status, name, what):
    statuses.add(status)
    print(f"reference_reader: {name}: {what}", file=sys.stderr)

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

# ---- segments and blocks (2 to 4) ----
def body_map(data, kind=None):
    """The map of a hello or body; in a payload, parts and values come with their encoded lengths."""
    up = msgpack.Unpacker(raw=False, object_pairs_hook=Map, ext_hook=Ext, unicode_errors="surrogateescape",
                          strict_map_key=False, max_buffer_size=max(len(data), 1))  # which bounds counts, too (11)
    def elements():
        for _ in range(up.read_array_header()):
            start = up.tell()
            yield up.unpack(), up.tell() - start
    up.feed(data)
    keys = (up.unpack() for _ in range(up.read_map_header()))
    body = Map((k, list(elements()) if kind == PAYLOAD and k in ("parts", "values") else up.unpack()) for k in keys)
    need(up.tell() == len(data))
    return body.first()

def decompress(stored, h):
    """The content of the zstd frame, whose headers are read here, for decoders differ in what they let pass (4.4)."""
    need(max(h.stored_len, h.raw_len) <= MAX_BYTES and max(h.rows, h.rows2) <= MAX_ROWS >> 2 * (h.kind == CANDIDATES))
    flags, width, at = stored[4], (1, 2, 4, 8)[stored[4] >> 6], 5 if stored[4] & 32 else 6
    window = h.raw_len if flags & 32 else 8 + (stored[5] & 7) << 7 + (stored[5] >> 3)
    size = int.from_bytes(stored[at:at + width], "little") + (256 if width == 2 else 0)
    need(stored[:4] == HELLO[:4] and flags & 15 == 0 and flags >> 5 and size == h.raw_len and window <= 8 << 20)
    at, last = at + width, 0
    while not last:
        block = struct.unpack("<I", stored[at:at + 3] + b"\0")[0]
        last, at = block & 1, at + 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
    raw = subprocess.run(["zstd", "-dcq"], input=stored, capture_output=True).stdout
    need(at == len(stored) and len(raw) == h.raw_len)
    return raw

class Segment:
    def __init__(self, name, base, seg_id, hello, frame):  # the last two are empty if the hello is damaged (3.4)
        self.name, self.base, self.end, self.id, self.prev = name, base, base + len(frame), seg_id, xxh3(frame)
        clock = hello.get("clock", Map()).first().get("real", -I64)
        self.order = integer(clock), integer(hello.get("n", 0)), os.path.basename(name)  # 7.2
        self.writer = hello["writer"].first()["id"] if hello else seg_id
        self.refused = hello.get("min_reader", 1) > 1 or bool(hello.get("critical"))  # 3.3
        self.last, self.sealed, self.blocks, self.parts, self.values = -1, False, [], {}, {}

    def take(self, h, stored):
        if h.ordinal != self.last + 1 or self.prev not in (None, h.prev):
            report(3, self.name, f"block {h.ordinal} does not follow the one before it")
        self.last, self.sealed, self.prev = h.ordinal, h.kind == SEAL, xxh3(h.raw)
        if h.zero or h.flags > 1 or h.flags and h.kind not in KINDS:
            self.refused = report(2, self.name, f"block {h.ordinal} is from a newer format") or True
        if not self.refused and h.kind in (PAYLOAD, CANDIDATES, SPINE, LOSS):
            self.blocks.append((h, stored))

def hello_at(name, data, at):
    """The segment whose hello stands here, or None (3.1, 3.2)."""
    n = int.from_bytes(data[at + 5:at + 7], "little") + 256
    frame = data[at:at + 14 + n]
    try:
        need(n < 65536 and frame[:10] == HELLO + struct.pack("<HI", n - 256, n << 3 | 1)[:5])
        hello, check = body_map(frame[10:10 + n]), xxh64(frame[10:10 + n])
        need(check is None or struct.pack("<Q", check)[:4] == frame[10 + n:])
        need(hello["xrayfile"] == "trace segment" and len(hello["id"]) == 16)
        return Segment(name, at, hello["id"], hello, frame)
    except Exception:
        return None

def header_at(data, at, base, seg=None):
    """The header here (of `seg`), if it is right, in its place, and its body within the file (4.2)."""
    if data[at:at + 12] != BLOCK or len(data) < at + 120:
        return None
    h = Header(data[at:at + 120], *struct.unpack_from("<BBH16sQQIIIIQQqqQQQ", data, at + 12))
    good = h.pos == at - base and at + 120 + h.stored_len <= len(data) and (
        not seg or not seg.sealed and h.segment == seg.id and h.ordinal > seg.last)
    return h if good and xxh3(h.raw[:112], int.from_bytes(h.segment[:8], "little")) in (None, h.check) else None

def headless(name, data, base, at):
    """The segment at `base` whose hello is damaged, if two blocks vouch for each other here (3.4)."""
    one = header_at(data, at, base)
    two = one and header_at(data, at + 120 + one.stored_len, base)
    good = two and two.segment == one.segment and two.ordinal == one.ordinal + 1 and xxh3(one.raw) in (None, two.prev)
    return Segment(name, base, one.segment, {}, b"") if good else None

def find(name, data, pos, seg):
    """What reading goes on with from `pos` on, and where: a header of the segment, or another segment. The latter may be
    forged in a payload if it does not stand at `pos`: a block of the present segment that follows disproves it (4.7)."""
    marks = [mark.start() for mark in MARK.finditer(data, pos)]
    for at in marks:
        header = seg and header_at(data, at, seg.base, seg)
        other = not header and (hello_at(name, data, at) or headless(name, data, pos, at))
        near = [m for m in marks if at < m <= at + 120 + MAX_BYTES] if other and seg and at > pos else []
        if header or other and not any(header_at(data, m, seg.base, seg) for m in near):
            return (header, at) if header else (other, other.base)
    return None, len(data)

def read_file(name):
    """The segments of a file with their whole blocks, not decoded yet."""
    with open(name, "rb") as file:
        data = file.read()
    segments, seg, pos, gap = [], None, 0, 0  # gap: the end of what was understood
    while pos < len(data):
        found, at = find(name, data, pos, seg)
        if at > gap and (isinstance(found, Header) or not seg or seg.sealed):  # else it is a torn tail (2.2)
            report(3, name, f"{at - gap} bytes from byte {gap} on are skipped")
        if isinstance(found, Header):
            stored = data[at + 120:at + 120 + found.stored_len]
            whole = xxh3(stored, xxh3(found.raw[16:48])) in (None, found.body)
            gap = pos = at + 120 + len(stored) if whole else at
            pos += not whole
            if whole:
                seg.take(found, stored)
        else:
            seg, gap, pos = found or seg, found.end if found else gap, found.end if found else len(data)
            segments += [found] if found else []
            if found and found.refused:
                report(2, name, "a segment for newer readers")
    if not segments:
        report(2, name, "no hello, and no two blocks that vouch for each other")
    return segments

# ---- values (6) ----
def resolve(v, seg):
    """The value with its references followed, or LOST if that is over a limit (6.3, 6.6)."""
    size = 0
    def fetch(known, number, depth):
        nonlocal size
        found, length, below = known.get(number, (LOST, 28, 0))
        size += length
        need(size <= MAX_BYTES)
        return walk(found, depth, below)
    def walk(v, depth, below, values={}):  # parts from number `below` on are not there yet
        need(depth < MAX_DEPTH or not isinstance(v, list))
        parts = lambda number: seg.parts if number < below else {}
        if isinstance(v, Map):
            return Map((walk(k, depth + 1, below), walk(x, depth + 1, below)) for k, x in v)
        if isinstance(v, list):
            out = []
            for x in v:
                ranged = isinstance(x, Ext) and x.code == 1 and len(x.data) == 8
                first, count = struct.unpack(">II", x.data) if ranged else (0, 0)
                out += (fetch(parts(i), i, depth + 1) for i in range(first, first + count)) if count else [walk(x, depth + 1, below)]
            return out
        if isinstance(v, Ext) and v.code in (1, 2):
            number = int.from_bytes(v.data, "big") if len(v.data) == 4 else -1
            return fetch(parts(number) if v.code == 1 else values, number, depth)
        return v
    try:
        return walk(v, 0, I64, seg.values)
    except ValueError:
        return report(3, seg.name, "a value over the limits is left out") or LOST

# ---- tables (5, 7, 8.4, 8.6, 9.1): members of their lines in the order of 13, as `key=column:encoding`, | other columns
RUN = ("ext_id:id pipeline:- version:- project:str session:str user:str parent_run:bin16 status:status start:delta end "
       "duration=dur cost:cost flags error:value tags:value metadata:value input:value output:value attrs:value | run:run "
       "seq state error_type:str")
STEP = ("ext_id:id parent=up:- parent_ext:id sequence name:str type:str status:status start:delta end duration=dur "
        "candidates_in=in candidates_out=out kept reasons:reasons model:str provider:str tokens:- cost:cost flags error:value "
        "filters:value params:value sampling:value tags:value metadata:value attrs:value input:value output:value "
        "reasoning:value | run:run step state parent error_type:str tok_in tok_out tok_cache_read tok_cache_write "
        "tok_reasoning tok_total")
EVENT, BATCH, LOSSES = "after name:str time body:value | run:run step", "| n run:run step time", "cause:text what:text count from to"
CAND = "item:- verdict:- reasons:- score:num threshold:num rank_in rank_out weight:num time by:- provenance:- evidence:value"
FIELDS = "score threshold rank_in rank_out weight time evidence".split()  # 8.2
BYTES = {"id": (8, 16), "bin16": (16,), "text": ()}

def members(spec):
    """(key, column, encoding) of each."""
    for word in spec.replace("|", "").split():
        name, _, encoding = word.partition(":")
        yield name.partition("=")[0], name.rpartition("=")[2], encoding

def cell(v, enc, body, seg):
    if v is None or enc == "value":
        return v if v is None else resolve(v, seg)
    if enc in ("run", "str"):
        return pick(body[enc], v)
    if enc == "reasons":
        return {pick(body["str"], code): integer(count) for code, count in zip(*[iter(array(v, len(v) & ~1))] * 2)}
    if enc in BYTES:
        need(isinstance(v, str) and enc != "bin16" or isinstance(v, bytes) and len(v) in BYTES[enc])
        return v if isinstance(v, str) else str(uuid.UUID(bytes=v)) if len(v) == 16 and enc == "id" else v.hex()
    if enc == "num":
        need(type(v) in (int, float))
        return float(v)
    integer(v)
    return STATUS.get(v) if enc == "status" else Decimal(v).scaleb(-9).normalize() if enc == "cost" else v

def table(body, name, spec, seg, n=None, must=("run",)):
    """The rows of a table as maps of what each has. `n`: how many the header says."""
    have = body.get(name, Map()).first()
    rows = [{} for _ in range(len(array(have.get("run", []))) if n is None else n)]
    for _, key, enc in members(spec):
        if key in have and enc != "-":
            cells = [cell(v, enc, body, seg) for v in array(have[key], len(rows))]
            base = body.get("t0", 0)
            for row, v in zip(rows, cells):
                base = integer(base + v) if enc == "delta" and v is not None else base
                if v is not None and (v != "" or enc == "value"):  # an empty name or id is none
                    row[key] = base if enc == "delta" else v
    need(all(key in row for row in rows for key in must) and all(row.get("step", 1) > 0 for row in rows))
    return rows
