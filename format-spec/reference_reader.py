#!/usr/bin/python3
"""Reads xrayfile segments by the specification alone and prints the NDJSON of its section 13.

usage: reference_reader.py FILE|DIRECTORY...

Written from trace-file.md; a number in a comment is a section of it. Needs the stock `msgpack` module, a zstd module or the
`zstd` program, and `xxhash` for the checksums. Exit status: 0, 3 if something was skipped, 2 if something is not readable."""
import base64, os, re, struct, subprocess, sys
import msgpack
from collections import ChainMap
try:
    import xxhash
except ImportError:
    xxhash = None
    print("reference_reader: no module xxhash: checksums are not verified", file=sys.stderr)

BLOCK, HELLO = b"\x58\x2A\x4D\x18\x70\0\0\0XRB1", b"\x28\xB5\x2F\xFD\x64"
MARK = re.compile(re.escape(BLOCK) + b"|" + re.escape(HELLO))
KINDS = {1: "payload", 2: "candidates", 3: "spine", 4: "loss", 5: "seal"}
MAX_ROWS, MAX_BYTES, MAX_DEPTH, I64 = 1 << 20, 64 << 20, 64, 1 << 63

class Malformed(Exception): pass
class Map(list): """The pairs of a MessagePack map, in order, so that keys which stand twice survive (12)."""

def need(condition, what):
    if not condition:
        raise Malformed(what)

class Report:
    status = 0
    def __call__(self, status, name, pos, what):
        self.status = 2 if 2 in (status, self.status) else max(status, self.status)
        print(f"reference_reader: {name}: at byte {pos}: {what}", file=sys.stderr)
report = Report()

# ---- bytes to values --------------------------------------------------------------------------------------------------
def unpacker(data):
    up = msgpack.Unpacker(raw=False, strict_map_key=False, object_pairs_hook=Map, unicode_errors="surrogateescape",
                          max_buffer_size=max(len(data), 1))  # also the bound of every count (11)
    up.feed(data)
    return up

def body_map(data, sized=()):
    """The map of a body (or hello). Arrays under the keys `sized` become lists of (element, encoded length)."""
    try:
        up, out = unpacker(data), {}
        for _ in range(up.read_map_header()):
            key, value = up.unpack(), []
            if key in sized:
                for _ in range(up.read_array_header()):
                    start = up.tell()
                    value.append((up.unpack(), up.tell() - start))
            else:
                value = up.unpack()
            if isinstance(key, str):
                out.setdefault(key, value)  # the first one counts (12)
    except (ValueError, msgpack.exceptions.UnpackException) as e:
        raise Malformed(f"not MessagePack: {e!r}")
    need(up.tell() == len(data), "bytes after the body")
    return out

def decompress(stored, raw_len):
    """One zstd frame as 4.4 wants it: checked by its own headers first, since tools differ in what they let pass."""
    need(stored[:4] == HELLO[:4] and len(stored) > 8, "no zstd frame")
    desc = stored[4]
    need(desc & 0x0F == 0 and desc >> 5 != 0, "zstd frame with checksum, dictionary, or without content size")
    at, window = (5, raw_len) if desc & 0x20 else (6, ((8 + (stored[5] & 7)) << 7) << (stored[5] >> 3))
    width = (1, 2, 4, 8)[desc >> 6]
    size = int.from_bytes(stored[at:at + width], "little") + (256 if width == 2 else 0)
    need(size == raw_len and window <= 8 << 20, "zstd frame of another size or with too large a window")
    at, last = at + width, 0
    while not last:
        need(at + 3 <= len(stored), "zstd frame stops early")
        head = int.from_bytes(stored[at:at + 3], "little")
        last, at = head & 1, at + 3 + (1 if head >> 1 & 3 == 1 else head >> 3)
    need(at == len(stored), "bytes after the zstd frame")
    try:
        import zstandard
        raw = zstandard.ZstdDecompressor().decompress(stored, max_output_size=raw_len)
    except ImportError:
        raw = subprocess.run(["zstd", "-dcq"], input=stored, capture_output=True).stdout
    except zstandard.ZstdError as e:
        raise Malformed(str(e))
    need(len(raw) == raw_len, "zstd frame is damaged")
    return raw

# ---- segments and blocks (2 to 4) ------------------------------------------------------------------------------------
class Segment:
    def __init__(self, name, base, seg_id, hello=None):
        writer, clock = (dict(hello[k]) if hello and isinstance(hello.get(k), Map) else {} for k in ("writer", "clock"))
        self.name, self.base, self.id, self.blocks = name, base, seg_id, []
        self.writer = writer.get("id", seg_id)
        self.order = (clock.get("real", -I64), (hello or {}).get("n", 0), os.path.basename(name))  # 7.2
        self.last, self.closed, self.parts, self.values = -1, False, {}, {}

def find_hello(data, pos):
    """(hello map, length of the frame) of the hello frame at pos, or None (3.1)."""
    if data[pos:pos + 5] != HELLO or len(data) < pos + 14:
        return None
    n = int.from_bytes(data[pos + 5:pos + 7], "little") + 256
    record, check = data[pos + 10:pos + 10 + n], data[pos + 10 + n:pos + 14 + n]
    if int.from_bytes(data[pos + 7:pos + 10], "little") != n << 3 | 1 or len(check) < 4:
        return None
    if xxhash and int.from_bytes(check, "little") != xxhash.xxh64_intdigest(record) & 0xFFFFFFFF:
        return None
    try:
        hello = body_map(record)
    except Malformed:
        return None
    good = hello.get("xrayfile") == "trace segment" and isinstance(hello.get("id"), bytes) and len(hello["id"]) == 16
    return (hello, 14 + n) if good else None

class Header:
    def __init__(self, data, pos):
        self.bytes, self.at = data[pos:pos + 120], pos
        (self.kind, self.flags, self.zero, self.segment, self.ordinal, self.pos, self.stored_len, self.raw_len, self.rows,
         self.rows2, self.first, self.first2, _, _, self.prev, self.body, self.check) = \
            struct.unpack_from("<BBH16sQQIIIIQQqqQQQ", self.bytes, 12)
        self.end = pos + 120 + self.stored_len

def valid_header(data, pos, seg_id, base):
    """The header at pos if it is one, of this segment (None: of any), in its place, and wholly in the file (4.2)."""
    if data[pos:pos + 12] != BLOCK or len(data) < pos + 120:
        return None
    h = Header(data, pos)
    seed = int.from_bytes(h.segment[:8], "little")
    if xxhash and xxhash.xxh3_64_intdigest(h.bytes[:112], seed) != h.check:
        return None
    return h if seg_id in (None, h.segment) and h.pos == pos - base and h.end <= len(data) else None

def id_without_hello(data):
    """3.4: the segment id by the first two blocks that vouch for each other."""
    pos = data.find(BLOCK)
    while pos >= 0:
        a = valid_header(data, pos, None, 0)
        b = a and valid_header(data, a.end, a.segment, 0)
        if b and b.ordinal == a.ordinal + 1 and (not xxhash or b.prev == xxhash.xxh3_64_intdigest(a.bytes)):
            return a.segment
        pos = data.find(BLOCK, pos + 1)
    return None

def find_next(data, pos, seg):
    """What the file can be read on with, at the first position from pos on (4.7): (header or hello, its position)."""
    for mark in MARK.finditer(data, pos):
        if mark.group() == HELLO:
            found = find_hello(data, mark.start())
        else:
            found = None if seg.closed else valid_header(data, mark.start(), seg.id, seg.base)
            found = found if found and found.ordinal > seg.last else None
        if found:
            return found, mark.start()
    return None, len(data)

def read_file(name):
    """The segments of a file with their whole blocks, which are not decoded yet."""
    with open(name, "rb") as f:
        data = f.read()
    segments, pos, gap = [], 0, None  # gap: where damage began that nothing has followed yet
    if not find_hello(data, 0):
        seg_id = id_without_hello(data)
        if not seg_id:
            return report(2, name, 0, "no segment: no hello, and no two blocks that vouch for each other") or []
        report(3, name, 0, "the hello is damaged")
        segments.append(Segment(name, 0, seg_id))
        pos, gap = data.find(BLOCK), None
    while pos < len(data):
        seg = segments[-1] if segments else Segment(name, 0, b"")
        found, at = find_next(data, pos, seg)
        gap = pos if gap is None and at > pos else gap
        if isinstance(found, Header):
            if gap is not None or found.ordinal != seg.last + 1:
                report(3, name, pos if gap is None else gap, f"{found.ordinal - seg.last - 1} block(s) missing")
            gap = take_block(data, found, seg)
            pos = found.end
            continue
        if gap is not None and seg.closed is True:  # a torn tail is not damage (2.2), bytes after a seal are (9.2)
            report(3, name, gap, "bytes after the end of the segment")
        gap, pos = None, at
        if found:
            hello, length = found
            unknown = hello.get("min_reader", 1) > 1 or hello.get("critical")
            if unknown:
                report(2, name, at, f"needs a newer reader: {hello.get('min_reader')}, {hello.get('critical')}")
            segments.append(Segment(name, at, hello["id"], hello))
            segments[-1].closed = "refused" if unknown else False
            pos = at + length
    return segments

def take_block(data, h, seg):
    """Keeps a block; returns where it stands if its body is damaged, else None."""
    stored = data[h.at + 120:h.end]
    seed = xxhash.xxh3_64_intdigest(h.bytes[16:48]) if xxhash else 0
    if xxhash and xxhash.xxh3_64_intdigest(stored, seed) != h.body:
        return h.at
    seg.last = h.ordinal
    if h.zero or h.flags & ~1 or (h.kind not in KINDS and h.flags & 1):
        seg.closed = "refused"
        return report(2, seg.name, h.at, f"block kind {h.kind}, flags {h.flags} is from a newer format: the rest is refused")
    seg.closed = h.kind == 5
    seg.blocks.append((h, stored))
    return None

# ---- values (6) -------------------------------------------------------------------------------------------------------
LOST = msgpack.ExtType(3, b"\3" + bytes(24))

class Resolver:
    """Follows the references of one value; the parts and values known so far are those of the blocks before it."""
    def __init__(self, parts, values):
        self.parts, self.values, self.size = parts, values, 0

    def part(self, number):
        part, size = self.parts.get(number, (LOST, 28))
        self.size += size
        if self.size > MAX_BYTES:
            raise OverflowError
        return part

    def run(self, v, depth=0):
        need(depth <= MAX_DEPTH, "nesting too deep")
        if isinstance(v, Map):
            return Map((self.run(k, depth + 1), self.run(x, depth + 1)) for k, x in v)
        if isinstance(v, list):
            out = []
            for x in v:
                if isinstance(x, msgpack.ExtType) and x.code == 1 and len(x.data) == 8:
                    first, count = struct.unpack(">II", x.data)
                    out.extend(self.part(first + i) for i in range(count))
                else:
                    out.append(self.run(x, depth + 1))
            return out
        if isinstance(v, msgpack.ExtType) and v.code == 1:
            return self.part(int.from_bytes(v.data, "big") if len(v.data) == 4 else -1)
        if isinstance(v, msgpack.ExtType) and v.code == 2:
            number = int.from_bytes(v.data, "big") if depth == 0 and len(v.data) == 4 else -1
            value, size = self.values.get(number, (LOST, 28))
            self.size += size
            return value
        return v

def resolve(v, seg, parts=None, values=None, size=None):
    """The value with its references followed (with its length, if a size is given); LOST if that is over the limit."""
    way = Resolver(seg.parts if parts is None else parts, seg.values if values is None else values)
    try:
        v = way.run(v)
    except OverflowError:
        v, way.size = LOST, 28
        report(3, seg.name, seg.base, "a value over 64 MiB is left out")
    return v if size is None else (v, size + way.size)

# ---- tables (5, 7 to 9) ----------------------------------------------------------------------------------------------
def columns(text):
    return {name: enc or "int" for name, _, enc in (word.partition(":") for word in text.split())}

RUNS = columns("""run:run seq state ext_id:id project:str session:str user:str parent_run:bin16 start:delta dur end status
    error_type:str cost flags error:value tags:value metadata:value input:value output:value attrs:value""")
STEPS = columns("""run:run step state ext_id:id parent parent_ext:id sequence name:str type:str start:delta dur end status in
    out kept reasons:reasons error_type:str model:str provider:str tok_in tok_out tok_cache_read tok_cache_write tok_reasoning
    tok_total cost flags error:value input:value output:value reasoning:value filters:value params:value sampling:value
    tags:value metadata:value attrs:value""")
BATCHES, EVENTS = columns("run:run step n time"), columns("run:run step after name:str time body:value")
LOSSES = columns("cause:text what:text count from to")

def integer(v, low=-I64, high=I64):
    need(type(v) is int and low <= v < high, f"not an integer in range: {v!r:.40}")
    return v

def array(v, what, length=None):
    need(isinstance(v, list) and not isinstance(v, Map) and length in (None, len(v)), f"{what} is not an array, or of wrong length")
    return v

def runs_of(body):
    ids, names = body.get("run", {}), {}
    ids = dict(ids) if isinstance(ids, Map) else {}
    data = ids.get("id", b"")
    need(isinstance(data, bytes) and len(data) % 16 == 0, "run table")
    n = len(data) // 16
    for key in ("pipeline", "version"):
        names[key] = [None if i is None else text_at(body, i) for i in array(ids.get(key, [None] * n), key, n)]
    return [(data[i * 16:i * 16 + 16], names["pipeline"][i], names["version"][i]) for i in range(n)]

def text_at(body, index):
    return body["strings"][integer(index, 0, len(body["strings"]))]

def cell(v, enc, body, seg):
    if enc in ("int", "delta"):
        return integer(v)
    if enc == "str":
        return text_at(body, v)
    if enc == "run":
        return body["runs_"][integer(v, 0, len(body["runs_"]))][0]
    if enc == "value":
        return resolve(v, seg)
    if enc == "reasons":
        need(len(array(v, "reasons")) % 2 == 0, "reasons")
        return [(text_at(body, v[i]), integer(v[i + 1])) for i in range(0, len(v), 2)]
    need(isinstance(v, str) if enc == "text" else isinstance(v, bytes) and len(v) == 16 if enc == "bin16" else
         isinstance(v, str) or isinstance(v, bytes) and len(v) in (8, 16), "an id or text of the wrong type")
    if enc == "id" and isinstance(v, bytes):
        return re.sub("^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5", v.hex())
    return v

def table(body, name, spec, seg, n=None, must="run"):
    """The rows of a table: maps of what each row has. n: how many there must be, by the header."""
    source = body.get(name, Map())
    need(isinstance(source, Map), f"{name} is not a table")
    have = {k: v for k, v in reversed(source) if k in spec}
    n = len(array(have.get(must, []), name)) if n is None else n
    need(n == 0 or must in have, f"{name} has no column {must}")
    rows = [{} for _ in range(n)]
    for key, enc in spec.items():
        base = body.get("t0", 0)
        for row, v in zip(rows, array(have.get(key, [None] * n), f"{name}.{key}", n)):
            if v is not None:
                base = row[key] = integer(base + cell(v, enc, body, seg)) if enc == "delta" else cell(v, enc, body, seg)
    return rows

class Store:
    def __init__(self):
        self.runs, self.events, self.losses = {}, {}, []

    def add(self, index, seg, h, stored):
        need(max(h.stored_len, h.raw_len) <= MAX_BYTES, "block over the limit")
        need(max(h.rows, h.rows2) <= (MAX_ROWS >> 2 if h.kind == 2 else MAX_ROWS), "rows over the limit")
        body = body_map(decompress(stored, h.raw_len), ("parts", "values"))
        need(body.get("kind") == KINDS[h.kind], "body of another kind")
        need(all(isinstance(s, str) for s in array(body.setdefault("strings", []), "strings")), "strings")
        body["runs_"] = runs_of(body)
        if h.kind == 1:
            self.add_payload(seg, h, body)
        elif h.kind == 2:
            self.add_candidates(seg, h, body)
        elif h.kind == 3:
            self.add_spine(index, seg, h, body)
        elif h.kind == 4:
            self.losses += table(body, "losses", LOSSES, seg, h.rows, "count")

    def add_payload(self, seg, h, body):
        for what, n in (("part", h.rows), ("value", h.rows2)):
            lengths = array(body.get(what + "_len", []), what + "_len", n)
            need(lengths == [size for _, size in array(body.get(what + "s", []), what + "s", n)], f"{what}_len is wrong")
        parts = {h.first + i: (Resolver({}, {}).run(v), size) for i, (v, size) in enumerate(body.get("parts", []))}
        known = ChainMap(parts, seg.parts)
        values = {h.first2 + i: resolve(v, seg, known, {}, size) for i, (v, size) in enumerate(body.get("values", []))}
        seg.parts.update(parts)
        seg.values.update(values)

    def add_spine(self, index, seg, h, body):
        steps, runs = table(body, "steps", STEPS, seg, h.rows), table(body, "runs", RUNS, seg, h.rows2)
        need(all("step" in s and "run" in s for s in steps) and all("run" in r for r in runs), "a row without its key")
        for row in runs:
            run = self.runs.setdefault(row["run"], {"order": (index, 1, 0), "steps": {}, "row": {}})
            if "seq" not in run["row"]:
                run["order"] = (index, 0, row.get("seq", 0))
            join(run["row"], row)
        for row in steps:
            run = self.runs.setdefault(row["run"], {"order": (index, 1, 0), "steps": {}, "row": {}})
            join(run["steps"].setdefault(seg.writer, {}).setdefault(row["step"], {}), row)
        for run_id, pipeline, version in body["runs_"]:
            if run_id in self.runs:
                join(self.runs[run_id]["row"], {k: v for k, v in (("pipeline", pipeline), ("version", version)) if v is not None})

    def add_candidates(self, seg, h, body):
        shapes, keys = [shape_of(s, body) for s in array(body.get("shapes", []), "shapes")], array(body.get("keys", []), "keys")
        items, cands, events = id_column(body.get("items", [])), dict(reversed(body.get("cands", []))), []
        batches = table(body, "batches", BATCHES, seg, None, "n")
        need(sum(b.get("n", -1) for b in batches) == h.rows and all(b["n"] >= 0 and "run" in b for b in batches), "batches")
        chosen = [shapes[integer(i, 0, len(shapes))] for i in array(cands.get("shape", []), "shape", h.rows)]
        item, dense = -1, []
        for bit, name in enumerate(FIELDS):
            n = sum(s["fields"] >> bit & 1 for s in chosen)
            column = num(cands.get(name), n, name in ("score", "threshold", "weight"))
            dense.append(iter([v if v is None or bit in (0, 1, 4) else resolve(v, seg) if bit == 6 else integer(v) for v in column]))
        columns_ = array(body.get("evidence", []), "evidence", len(keys))
        evidence = [iter([resolve(v, seg) for v in num(c, sum(s["keys"].count(k) for s in chosen))]) for k, c in enumerate(columns_)]
        deltas, shape_iter = iter(array(cands.get("item", []), "item", h.rows)), iter(chosen)
        for batch in batches:
            for _ in range(batch["n"]):
                shape, item = next(shape_iter), item + integer(next(deltas))
                c = dict(shape, item=items[integer(item, 0, len(items))])
                c.update((name, next(dense[bit])) for bit, name in enumerate(FIELDS) if shape["fields"] >> bit & 1)
                if c.get("time") is not None:
                    c["time"] = integer(c["time"] + batch.get("time", 0))
                if c.get("evidence") is None:
                    c["evidence"] = Map((keys[k], next(evidence[k])) for k in shape["keys"]) or None
                events.append((batch, 0, c))
        for i, name in ((1, "decisions"), (2, "notes")):
            rows = table(body, name, EVENTS, seg)
            need(all("run" in r for r in rows), "a row without its key")
            events += [(r, i, r) for r in rows]
        need(sum(1 for e in events if e[1]) == h.rows2, "rows2")
        for owner, i, event in events:
            key = (owner["run"], seg.writer if "step" in owner else None, owner.get("step"))
            self.events.setdefault(key, ([], [], []))[i].append(event)

# ---- candidates (8) --------------------------------------------------------------------------------------------------
FIELDS = "score threshold rank_in rank_out weight time evidence".split()
VERDICTS, BY = [None, "accept", "reject", "defer", "modify"], [None, "agent", "rule", "verifier", "human"]
PROVENANCE, STATUS = [None, "observed", "inferred"], ["running", "success", "failure", "partial"]

def shape_of(s, body):
    verdict, reasons, fields, by, provenance, keys = array(s, "shape", 6)
    reasons = [[None if i is None else text_at(body, i) for i in array(r, "reason")] for r in array(reasons, "reasons")]
    need(all(len(r) <= 4 for r in reasons), "a reason of more than four elements")
    return {"verdict": VERDICTS[integer(verdict, 1, 5)], "reasons": reasons, "fields": integer(fields, 0, 128),
            "by": BY[integer(by, 0, 5)], "provenance": PROVENANCE[integer(provenance, 0, 3)],
            "keys": [integer(k, 0, len(body.get("keys", []))) for k in array(keys, "evidence keys")]}

def id_column(v):
    if not isinstance(v, Map):
        need(all(isinstance(s, str) for s in array(v, "items")), "items")
        return v
    v = dict(reversed(v))
    prefix, data = v.get("prefix"), v.get("data", v.get("uuid"))
    need(isinstance(prefix, str), "id column without prefix")
    if "dec" in v:
        width, number, out = integer(v["dec"], 0, 1025), 0, []
        for delta in array(data, "dec"):
            number = integer(number + integer(delta), 0)
            out.append(prefix + str(number).zfill(width))
        return out
    digits = integer(v["hex"], 1, 1025) if "hex" in v else 32
    size = (digits + 1) // 2
    need(isinstance(data, bytes) and len(data) % size == 0, "id column of a wrong length")
    ids = [data[i:i + size].hex()[-digits:] for i in range(0, len(data), size)]
    return [prefix + (cell(bytes.fromhex(i), "id", None, None) if "uuid" in v else i) for i in ids]

def num(v, n, double=False):
    if isinstance(v, Map):
        v = dict(reversed(v))
        scale = 10 ** integer(v.get("scale"), 1, 10)
        return [None if x is None else integer(x, 1 - (1 << 53), 1 << 53) / scale for x in array(v.get("v"), "num", n)]
    v = [None] * n if v is None else array(v, "num", n)
    need(not double or all(x is None or type(x) in (int, float) for x in v), "not a number")
    return [float(x) if double and x is not None else x for x in v]

# ---- joining (7.2) ---------------------------------------------------------------------------------------------------
def join(joined, row):
    for k, v in row.items():
        old = joined.get(k)
        if k in ("tags", "metadata", "attrs") and isinstance(v, Map) and isinstance(old, Map):
            names = [text(key) for key, _ in old]
            for pair in v:
                if text(pair[0]) in names:
                    old[names.index(text(pair[0]))] = pair
                else:
                    old.append(pair)
        else:
            joined[k] = Map(v) if isinstance(v, Map) else v

def number_steps(run):
    """The steps of a run in order, numbered, with their parents found; parents that form a cycle have none."""
    steps = [dict(row, writer=w, number=0) for w, rows in run["steps"].items() for _, row in sorted(rows.items())]
    by_key, by_ext = {}, {}
    for number, s in enumerate(steps, 1):
        s["number"] = by_key[s["writer"], s["step"]] = number
        by_ext.setdefault(s.get("ext_id", s), number) if "ext_id" in s else None
    for s in steps:
        s["up"] = by_key.get((s["writer"], s.get("parent"))) or by_ext.get(s.get("parent_ext"))
        s["parent_ext"] = None if s["up"] else s.get("parent_ext")
    done = set()
    for s in steps:
        path, at = [], s["number"]
        while at and at not in done and at not in path:
            path.append(at)
            at = steps[at - 1]["up"]
        if at in path:
            steps[min(path[path.index(at):]) - 1]["up"] = None
        done.update(path)
    return steps

# ---- NDJSON (13) -----------------------------------------------------------------------------------------------------
ESCAPE = re.compile(r'[\x00-\x1f"\\\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]')
SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
NUMBER = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")

def text(v):
    """A value as JSON."""
    if isinstance(v, str):
        if not v.isascii() and re.search("[\ud800-\udfff]", v):
            return tagged("$bstr", v.encode("utf-8", "surrogateescape"))
        return '"' + ESCAPE.sub(lambda m: SHORT.get(m.group()) or "\\u%04x" % ord(m.group()), v) + '"'
    if v is None or isinstance(v, bool):
        return {None: "null", True: "true", False: "false"}[v]
    if isinstance(v, float):
        return repr(v) if v - v == 0 else '{"$f":"%s"}' % v
    if isinstance(v, int):
        return str(v)
    if isinstance(v, bytes):
        return tagged("$bin", v)
    if isinstance(v, Map):
        names = [k for k, _ in v if isinstance(k, str) and not re.search("[\ud800-\udfff]", k)]
        if len(names) < len(v) or len(set(names)) < len(v) or (len(v) == 1 and names[0][:1] == "$"):
            return '{"$map":[' + ",".join(f"[{text(k)},{text(x)}]" for k, x in v) + "]}"
        return "{" + ",".join(f"{text(k)}:{text(x)}" for k, x in v) + "}"
    if isinstance(v, list):
        return "[" + ",".join(map(text, v)) + "]"
    code, data = (v.code, v.data) if isinstance(v, msgpack.ExtType) else (-1, v.to_bytes())
    if code == 3 and len(data) == 25 and 1 <= data[0] <= 3:
        state = ("not captured", "redacted", "lost")[data[0] - 1]
        return '{"$missing":["%s",%d,"%s"]}' % (state, int.from_bytes(data[1:9], "big"), data[9:].hex())
    if code == 4 and NUMBER.fullmatch(data):
        return data.decode()
    if code == 6:
        return tagged("$bstr", data)
    if code == 5 and data:
        code, data = struct.unpack("b", data[:1])[0], data[1:]
    return '{"$ext":[%d,"%s"]}' % (code, base64.b64encode(data).decode())

def tagged(name, data):
    return '{"%s":"%s"}' % (name, base64.b64encode(data).decode())

def obj(pairs):
    return "{" + ",".join(f"{text(k)}:{v}" for k, v in pairs if v is not None) + "}"

def fields(row, names, write=text):
    return [(out, None if row.get(key) in (None, "") else write(row[key]))
            for out, _, key in ((n, "", n) if ":" not in n else n.partition(":") for n in names.split())]

def cost(row):
    units, nano = divmod(abs(row.get("cost", 0)), 10**9)
    number = f"{'-' if row.get('cost', 0) < 0 else ''}{units}.{nano:09d}".rstrip("0").rstrip(".")
    return [("cost", number if "cost" in row else None), ("flags", str(row["flags"]) if row.get("flags") else None)]

def head(kind, run_id, step=None):
    return [("kind", text(kind)), ("run", text(run_id.hex())), ("step", None if step is None else str(step))]

def when(row):
    """status, start, end, duration"""
    end = row.get("end", row["start"] + row["dur"] if "start" in row and "dur" in row else None)
    row = dict(row, end=None if end is None or not -I64 <= end < I64 else end)
    return fields(row, "start end duration:dur", lambda v: text(str(v)))

def status(row):
    return [("status", text(STATUS[row.get("status", 0)] if 0 <= row.get("status", 0) < 4 else "running"))]

def events_lines(run_id, number, events):
    for c in events[0]:
        reasons = [obj(zip(("code", "rule", "version", "params"), (None if x is None else text(x) for x in r))) for r in c["reasons"]]
        yield obj(head("cand", run_id, number) + fields(c, "item verdict") + [("reasons", "[" + ",".join(reasons) + "]" if reasons else None)]
                  + fields(c, "score threshold rank_in rank_out weight") + fields(c, "time", lambda v: text(str(v)))
                  + fields(c, "by provenance evidence"))
    for kind, rows in (("decision", events[1]), ("note", events[2])):
        for r in rows:
            yield obj(head(kind, run_id, number) + fields(r, "after name") + fields(r, "time", lambda v: text(str(v))) + fields(r, "body"))

def lines(store):
    none = ([], [], [])
    for run_id, run in sorted(store.runs.items(), key=lambda item: item[1]["order"]):
        r = run["row"]
        yield obj(head("run", run_id) + fields(r, "ext_id pipeline version project session user")
                  + fields(r, "parent_run", lambda v: text(v.hex())) + status(r) + when(r) + cost(r)
                  + fields(r, "error tags metadata input output attrs"))
        yield from events_lines(run_id, None, store.events.get((run_id, None, None), none))
        for s in number_steps(run):
            tokens = fields(s, "input:tok_in output:tok_out cache_read:tok_cache_read cache_write:tok_cache_write "
                               "reasoning:tok_reasoning total:tok_total")
            yield obj(head("step", run_id, s["number"]) + fields(s, "ext_id parent:up parent_ext sequence name type")
                      + status(s) + when(s) + fields(s, "candidates_in:in candidates_out:out kept")
                      + [("reasons", obj((k, str(n)) for k, n in s["reasons"]) if s.get("reasons") else None)]
                      + fields(s, "model provider") + [("tokens", obj(tokens) if any(v for _, v in tokens) else None)] + cost(s)
                      + fields(s, "error filters params sampling tags metadata attrs input output reasoning"))
            yield from events_lines(run_id, s["number"], store.events.get((run_id, s["writer"], s["step"]), none))
    for loss in store.losses:
        yield obj([("kind", '"loss"')] + fields(loss, "cause what count") + fields(loss, "from to", lambda v: text(str(v))))

def main(paths):
    segments, store = [], Store()
    for path in paths:
        names = sorted(os.path.join(path, n) for n in os.listdir(path) if n.endswith(".xray")) if os.path.isdir(path) else [path]
        for name in names:
            segments += read_file(name)
    for index, seg in enumerate(sorted(segments, key=lambda s: s.order)):
        for h, stored in seg.blocks:
            try:
                if h.kind in KINDS:
                    store.add(index, seg, h, stored)
            except Malformed as e:
                report(3, seg.name, h.at, f"block {h.ordinal} is skipped: {e}")
    for line in lines(store):
        sys.stdout.buffer.write(line.encode() + b"\n")
    return report.status

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else print(__doc__) or 2)
