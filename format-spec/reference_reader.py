#!/usr/bin/python3
"""Reads xrayfile segments by the specification alone and prints the NDJSON of its section 13.

usage: reference_reader.py FILE|DIRECTORY...

Written from trace-file.md; numbers in comments are sections of it. Needs the stock modules `msgpack` and, for the checksums,
`xxhash`, and the module `zstandard` or the program `zstd`. Exit status: 0; 3: something was skipped; 2: something unreadable.
One limit: the module `msgpack` takes ext type -1 for a time stamp: one in a longer form than needed comes out in its shortest,
and a block with one that is no time stamp is skipped."""
import base64, os, re, struct, subprocess, sys
from collections import ChainMap, namedtuple
import msgpack
try:
    import xxhash
    xxh3 = xxhash.xxh3_64_intdigest
except ImportError:
    xxhash = print("reference_reader: no module xxhash: checksums are not verified", file=sys.stderr)

BLOCK, HELLO = b"\x58\x2A\x4D\x18\x70\0\0\0XRB1", b"\x28\xB5\x2F\xFD\x64"  # 4.1, 3.1
MARK = re.compile(re.escape(BLOCK) + b"|" + re.escape(HELLO))
PAYLOAD, CANDIDATES, SPINE, LOSS, SEAL = KINDS = range(1, 6)  # 4.5
MAX_ROWS, MAX_BYTES, MAX_DEPTH, I64 = 1 << 20, 64 << 20, 64, 1 << 63  # 11
Header = namedtuple("Header", "kind flags zero segment ordinal pos stored_len raw_len rows rows2 first first2 time_min "
                    "time_max prev body check at end raw")  # 4.1; then: where it stands, where its body ends, its bytes
Ext, Segment = namedtuple("Ext", "code data"), type("Segment", (), {})
LOST = Ext(3, b"\3" + bytes(24))  # 6.3

class Bad(Exception): """The block contradicts the specification and is skipped."""
class Map(list):
    """The pairs of a MessagePack map in order. In maps of the format the first of equal keys counts (12)."""
    def first(self):
        return {k: v for k, v in reversed(self) if isinstance(k, str)}

MALFORMED = (Bad, ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error, msgpack.exceptions.UnpackException)

def need(condition, what):
    if not condition:
        raise Bad(what)

def report(status, name, pos, what):
    report.status = status if report.status != 2 else 2
    print(f"reference_reader: {name}: at byte {pos}: {what}", file=sys.stderr)
report.status = 0

# ---- bytes (1.2, 4.4) ------------------------------------------------------------------------------------------------
def body_map(data, sized=()):
    """The map of a body or hello. Arrays under the keys `sized` become triples (start, element, end)."""
    up, out = msgpack.Unpacker(raw=False, strict_map_key=False, object_pairs_hook=Map, ext_hook=Ext, unicode_errors="surrogateescape",
                               max_buffer_size=max(len(data), 1)), []  # the size is also the bound of every count (11)
    up.feed(data)
    for _ in range(up.read_map_header()):
        key = up.unpack()
        out.append((key, [(up.tell(), up.unpack(), up.tell()) for _ in range(up.read_array_header())] if key in sized else up.unpack()))
    need(up.tell() == len(data), "bytes after the body")
    return Map(out).first()

def decompress(stored, raw_len):
    """One zstd frame. Its headers are checked here, since tools differ in what they let pass."""
    flags, width = stored[4], (1, 2, 4, 8)[stored[4] >> 6]
    need(stored[:4] == HELLO[:4] and flags & 15 == 0 and flags >> 5, "not a zstd frame with content size, without checksum and dictionary")
    at, window = (5, raw_len) if flags & 32 else (6, 8 + (stored[5] & 7) << 7 + (stored[5] >> 3))
    need(int.from_bytes(stored[at:at + width], "little") + (width == 2) * 256 == raw_len and window <= 8 << 20, "zstd size or window")
    at, last = at + width, 0
    while not last:
        block = int.from_bytes(stored[at:at + 3], "little") if at + 3 <= len(stored) else need(False, "zstd frame stops early")
        last, at = block & 1, at + 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
    need(at == len(stored), "bytes after the zstd frame")
    try:
        import zstandard
        raw = zstandard.ZstdDecompressor().decompress(stored, max_output_size=raw_len)
    except ImportError:
        raw = subprocess.run(["zstd", "-dcq"], input=stored, capture_output=True).stdout
    except zstandard.ZstdError as e:
        raise Bad(e)
    need(len(raw) == raw_len, "zstd frame is damaged")
    return raw

# ---- segments and blocks (2 to 4) ------------------------------------------------------------------------------------
def hello_at(data, pos):
    """(hello, length of its frame), or None if no whole hello stands here (3.1, 3.2)."""
    n = int.from_bytes(data[pos + 5:pos + 7], "little") + 256
    record, check = data[pos + 10:pos + 10 + n], int.from_bytes(data[pos + 10 + n:pos + 14 + n], "little")
    if len(data) < pos + 14 + n or data[pos:pos + 5] != HELLO or int.from_bytes(data[pos + 7:pos + 10], "little") != n << 3 | 1:
        return None
    try:
        hello = body_map(record)
        good = hello["xrayfile"] == "trace segment" and len(hello["id"]) == 16 and isinstance(hello["writer"].first()["id"], bytes)
        return (hello, 14 + n) if good and (not xxhash or check == xxhash.xxh64_intdigest(record) & 0xFFFFFFFF) else None
    except MALFORMED:
        return None

def header_at(data, pos, seg_id, base):
    """The header here, if it is one of this segment (None: of any), in its place, and with its body in the file (4.2)."""
    if data[pos:pos + 12] != BLOCK or len(data) < pos + 120:
        return None
    fields = struct.unpack_from("<BBH16sQQIIIIQQqqQQQ", data, pos + 12)
    h = Header(*fields, pos, pos + 120 + fields[6], data[pos:pos + 120])
    good = not xxhash or h.check == xxh3(h.raw[:112], int.from_bytes(h.segment[:8], "little"))
    return h if good and seg_id in (None, h.segment) and h.pos == pos - base and h.end <= len(data) else None

def new_segment(name, base, seg_id, hello, digest=None):
    seg, clock = Segment(), hello.get("clock", Map()).first()
    seg.name, seg.base, seg.id, seg.blocks, seg.last, seg.closed, seg.parts, seg.values = name, base, seg_id, [], -1, None, {}, {}
    seg.digest = digest  # of the frame that `prev` of the next block speaks of (4.1)
    seg.writer = hello["writer"].first()["id"] if hello else seg_id
    seg.order = (clock.get("real", -I64), hello.get("n", 0), os.path.basename(name))  # 7.2
    if hello.get("min_reader", 1) > 1 or hello.get("critical"):  # 3.3
        seg.closed = report(2, name, base, f"needs a newer reader: {hello['min_reader']}, {hello['critical']}") or "refused"
    return seg

def find_next(data, pos, seg, gap):
    """(what the file can be read on with, its position), from `pos` on (4.7): a header, a hello with its length, or the id of a
    segment whose hello, at `gap`, is damaged (3.4). A hello behind `gap` may stand in a payload: a block of the present
    segment, where the damaged block may end, disproves it."""
    doubtful, inside = None, seg and not seg.closed
    for mark in MARK.finditer(data, pos):
        at, found = mark.start(), None
        if doubtful and (at > gap + 120 + MAX_BYTES or mark.group() == HELLO):
            continue
        if mark.group() == HELLO:
            found = hello_at(data, at)
            if found and inside and at - gap >= 120:
                doubtful, found = (found, at), None
        else:
            found = header_at(data, at, seg.id, seg.base) if inside else None
            if found and found.ordinal <= seg.last:
                found = None
            if not found and not doubtful:
                first = header_at(data, at, None, gap)
                second = first and header_at(data, first.end, first.segment, gap)
                if second and second.ordinal == first.ordinal + 1 and (not xxhash or second.prev == xxh3(first.raw)):
                    return first.segment, gap
        if found:
            return found, at
    return doubtful or (None, len(data))

def read_file(name):
    """The segments of a file, with those blocks that are whole, not decoded yet."""
    with open(name, "rb") as f:
        data = f.read()
    segments, seg, pos, gap = [], None, 0, None  # gap: where damage begins behind which nothing was found yet
    while pos < len(data):
        found, at = find_next(data, pos, seg, pos if gap is None else gap)
        gap = pos if gap is None and at > pos else gap
        if isinstance(found, Header):
            if gap is not None or found.ordinal != seg.last + 1:
                report(3, name, pos if gap is None else gap, f"{found.ordinal - seg.last - 1} block(s) missing")
            gap = take_block(data, found, seg)
            pos = found.end if gap is None else gap + 1
            continue
        if gap is not None and (not seg or seg.closed == "sealed"):  # else a torn tail, which is no damage (2.2)
            report(3, name, gap, "bytes that belong to no segment")
        if isinstance(found, bytes):
            report(3, name, at, "the hello is damaged")
            seg, pos = new_segment(name, at, found, {}), at
        elif found:
            pos = at + found[1]
            seg = new_segment(name, at, found[0]["id"], found[0], xxh3(data[at:pos]) if xxhash else None)
        else:
            break
        segments.append(seg)
        gap = None
    if not segments:
        report(2, name, 0, "no hello, and no two blocks that vouch for each other")
    return segments

def take_block(data, h, seg):
    """Keeps a block; returns its position if the body is damaged (4.2)."""
    follows = h.ordinal == seg.last + 1 and seg.digest is not None
    if xxhash and h.body != xxh3(data[h.at + 120:h.end], xxh3(h.raw[16:48])):
        return h.at
    if xxhash and follows and h.prev != seg.digest:
        report(3, seg.name, h.at, f"block {h.ordinal} was not written after the one before it")
    seg.last, seg.closed, seg.digest = h.ordinal, "sealed" if h.kind == SEAL else None, xxhash and xxh3(h.raw)
    if h.zero or h.flags & ~1 or (h.flags & 1 and h.kind not in KINDS):
        seg.closed = report(2, seg.name, h.at, f"kind {h.kind}, flags {h.flags}: from a newer format, the rest is refused") or "refused"
    elif h.kind in KINDS and h.kind != SEAL:  # readers of runs do not need the seal's body
        seg.blocks.append((h, data[h.at + 120:h.end]))

# ---- values (6) ------------------------------------------------------------------------------------------------------
def resolve(v, seg, parts=None, values=None):
    """(the value with its references followed, length of what was fetched for it, its depth). References that lead nowhere, and
    parts that would make the value too deep, become LOST (6.6, 11)."""
    parts, values, size, deepest = seg.parts if parts is None else parts, seg.values if values is None else values, 0, 0

    def fetch(known, number, depth):
        nonlocal size, deepest
        found, length, own_depth = known.get(number, (LOST, 28, 0))
        if depth + own_depth > MAX_DEPTH:
            found, length, own_depth = LOST, 28, 0
        size, deepest = size + length, max(deepest, depth + own_depth)
        if size > MAX_BYTES:
            raise OverflowError
        return found

    def walk(v, depth):
        nonlocal deepest
        if isinstance(v, list):
            deepest = max(deepest, depth + 1)
            need(depth < MAX_DEPTH, "nesting too deep")
        if isinstance(v, Map):
            return Map((walk(k, depth + 1), walk(x, depth + 1)) for k, x in v)
        if isinstance(v, list):
            out = []
            for x in v:
                if isinstance(x, Ext) and x.code == 1 and len(x.data) == 8 and any(x.data[4:]):
                    first, count = struct.unpack(">II", x.data)
                    out.extend(fetch(parts, first + i, depth + 1) for i in range(count))
                else:
                    out.append(walk(x, depth + 1))
            return out
        if isinstance(v, Ext) and v.code in (1, 2):
            known = parts if v.code == 1 else values if depth == 0 else {}
            return fetch(known, int.from_bytes(v.data, "big") if len(v.data) == 4 else -1, depth)
        return v
    try:
        return walk(v, 0), size, deepest
    except OverflowError:
        return report(3, seg.name, seg.base, "a value over 64 MiB is left out") or LOST, 28, 0

# ---- tables (5, 7, 8.4, 8.6, 9.1) ------------------------------------------------------------------------------------
def columns(text):
    return {name: enc or "int" for name, _, enc in (word.partition(":") for word in text.split())}

RUNS = columns("run:run seq state ext_id:id project:str session:str user:str parent_run:bin16 start:delta dur end status error_type:str "
               "cost flags error:value tags:value metadata:value input:value output:value attrs:value")
STEPS = columns("run:run step state ext_id:id parent parent_ext:id sequence name:str type:str start:delta dur end status in out kept "
                "reasons:reasons error_type:str model:str provider:str tok_in tok_out tok_cache_read tok_cache_write tok_reasoning "
                "tok_total cost flags error:value input:value output:value reasoning:value filters:value params:value sampling:value "
                "tags:value metadata:value attrs:value")
BATCHES, EVENTS = columns("run:run step n time"), columns("run:run step after name:str time body:value")
LOSSES = columns("cause:text what:text count from to")

def integer(v, low=-I64, high=I64):
    need(type(v) is int and low <= v < high, f"not an integer in range: {v!r:.40}")
    return v

def array(v, what, length=None):
    need(type(v) is list and length in (None, len(v)), f"{what} is not an array, or of wrong length")
    return v

def text_at(body, index):
    return None if index is None else body["strings"][integer(index, 0, len(body["strings"]))]

def uuid(hex_digits):
    return re.sub("^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5", hex_digits)

def cell(v, enc, body, seg):
    if enc == "reasons":
        need(len(array(v, enc)) % 2 == 0, enc)
        return [(text_at(body, integer(v[i])), integer(v[i + 1])) for i in range(0, len(v), 2)]
    if enc in ("run", "str", "value", "int", "delta"):
        return (body["run ids"][integer(v, 0, len(body["run ids"]))] if enc == "run" else text_at(body, v) if enc == "str" else
                resolve(v, seg)[0] if enc == "value" else integer(v))
    need(isinstance(v, str) and enc != "bin16" or isinstance(v, bytes) and enc != "text" and len(v) in ((8, 16) if enc == "id" else (16,)), enc)
    return uuid(v.hex()) if enc == "id" and isinstance(v, bytes) else v

def table(body, name, spec, seg, n=None, must=("run",)):
    """The rows of a table as maps of what each has. `n`: how many the header says."""
    have = body.get(name, Map()).first()
    n = len(array(have.get(must[0], []), name)) if n is None else n
    rows = [{} for _ in range(n)]
    for key, enc in spec.items():
        base = body.get("t0", 0)
        for row, v in zip(rows, array(have.get(key, [None] * n), f"{name}.{key}", n)):
            if v is not None:
                base = row[key] = integer(base + integer(v)) if enc == "delta" else cell(v, enc, body, seg)
                if row[key] == "" and enc != "value":  # an empty name or id is none
                    del row[key]
    need(all(key in row for row in rows for key in must), f"{name}: a row without {must}")
    need(all(row.get("step", 1) > 0 for row in rows), f"{name}: steps are numbered from 1")
    return rows

# ---- candidates (8) --------------------------------------------------------------------------------------------------
FIELDS = "score threshold rank_in rank_out weight time evidence".split()
VERDICTS, BY = [None, "accept", "reject", "defer", "modify"], [None, "agent", "rule", "verifier", "human"]
PROVENANCE, STATUS = [None, "observed", "inferred"], ["running", "success", "failure", "partial"]

def shape_of(shape, body):
    verdict, reasons, fields, by, provenance, keys = array(shape, "shape", 6)
    reasons = [[text_at(body, i) for i in array(reason, "reason")] for reason in array(reasons, "reasons")]
    need(all(len(reason) <= 4 for reason in reasons), "a reason of more than four elements")
    return {"verdict": VERDICTS[integer(verdict, 1, 5)], "reasons": reasons, "fields": integer(fields, 0, 128),
            "by": BY[integer(by, 0, 5)], "provenance": PROVENANCE[integer(provenance, 0, 3)],
            "keys": [integer(k, 0, len(body["keys"])) for k in array(keys, "evidence keys")]}

def id_column(column):
    if not isinstance(column, Map):
        need(all(isinstance(s, str) for s in array(column, "items")), "items")
        return column
    column, number, out = column.first(), 0, []
    prefix, data = column["prefix"], column["uuid"] if "uuid" in column else column["data"]
    need(isinstance(prefix, str) and isinstance(data, list if "dec" in column else bytes), "id column")
    if "dec" in column:
        for delta in data:
            number = integer(number + integer(delta), 0)
            out.append(prefix + str(number).zfill(integer(column["dec"], 0, 1025)))
        return out
    digits = 32 if "uuid" in column else integer(column["hex"], 1, 1025)
    size = (digits + 1) // 2
    need(len(data) % size == 0, "id column")
    ids = [data[i:i + size].hex()[-digits:] for i in range(0, len(data), size)]
    return [prefix + (uuid(i) if "uuid" in column else i) for i in ids]

def num(column, n, double=False):
    if isinstance(column, Map):
        column = column.first()
        scale = 10 ** integer(column["scale"], 1, 10)
        return [None if v is None else integer(v, 1 - (1 << 53), 1 << 53) / scale for v in array(column["v"], "num", n)]
    column = [None] * n if column is None else array(column, "num", n)
    need(not double or all(v is None or type(v) in (int, float) for v in column), "not a number")
    return [float(v) if double and v is not None else v for v in column]

def events_of(body, h, seg):
    """(row with run and step, 0 candidate / 1 decision / 2 note, what it says) of a candidates body."""
    array(body.setdefault("keys", []), "keys")
    shapes, items = [shape_of(shape, body) for shape in array(body.get("shapes", []), "shapes")], id_column(body.get("items", []))
    cands, batches = body.get("cands", Map()).first(), table(body, "batches", BATCHES, seg, None, ("n", "run"))
    need(sum(integer(batch["n"], 0) for batch in batches) == h.rows, "batches")
    chosen = [shapes[integer(i, 0, len(shapes))] for i in array(cands.get("shape", []), "shape", h.rows)]
    deltas, columns, uses, item, out = array(cands.get("item", []), "item", h.rows), [], [0] * len(body["keys"]), -1, []
    for bit, name in enumerate(FIELDS):
        column = num(cands.get(name), sum(shape["fields"] >> bit & 1 for shape in chosen), name in ("score", "threshold", "weight"))
        columns.append(iter([v if v is None or bit in (0, 1, 4) else resolve(v, seg)[0] if bit == 6 else integer(v) for v in column]))
    for shape in chosen:
        for key in shape["keys"]:
            uses[key] += 1
    evidence = [iter([resolve(v, seg)[0] for v in num(column, n)])
                for column, n in zip(array(body.get("evidence", []), "evidence", len(uses)), uses)]
    owners = (batch for batch in batches for _ in range(batch["n"]))
    for batch, shape, delta in zip(owners, chosen, deltas):
        item += integer(delta)
        cand = dict(shape, item=items[integer(item, 0, len(items))])
        cand.update((name, next(columns[bit])) for bit, name in enumerate(FIELDS) if shape["fields"] >> bit & 1)
        if cand.get("time") is not None:
            cand["time"] = integer(cand["time"] + batch.get("time", 0))
        if cand.get("evidence") is None and shape["keys"]:
            cand["evidence"] = Map((body["keys"][key], next(evidence[key])) for key in shape["keys"])
        out.append((batch, 0, cand))
    for i, name in (1, "decisions"), (2, "notes"):
        out += [(row, i, row) for row in table(body, name, EVENTS, seg)]
    need(len(out) == h.rows + h.rows2, "rows2")
    return out

# ---- joining (7.2) ---------------------------------------------------------------------------------------------------
class Store:
    def __init__(self):
        self.runs, self.events, self.losses = {}, {}, []

    def add(self, index, seg, h, stored):
        """Takes a block, all of it or (by an exception) nothing."""
        need(max(h.stored_len, h.raw_len) <= MAX_BYTES and max(h.rows, h.rows2) <= MAX_ROWS >> 2 * (h.kind == CANDIDATES), "over a limit")
        body = body_map(decompress(stored, h.raw_len), ("parts", "values"))
        run = body.get("run", Map()).first()
        ids, strings = run.get("id", b""), body.setdefault("strings", [])
        need(isinstance(ids, bytes) and len(ids) % 16 == 0, "run table")
        need(all(isinstance(s, str) for s in array(strings, "strings")), "strings")
        body["run ids"] = ids = [ids[i:i + 16] for i in range(0, len(ids), 16)]
        names = [{} for _ in ids]
        for key in ("pipeline", "version"):
            for name, i in zip(names, array(run.get(key, [None] * len(ids)), key, len(ids))):
                if text_at(body, i):
                    name[key] = text_at(body, i)
        if h.kind == PAYLOAD:
            self.add_payload(seg, h, body)
        elif h.kind == CANDIDATES:
            for owner, i, event in events_of(body, h, seg):
                key = (owner["run"], seg.writer if "step" in owner else None, owner.get("step"))
                self.events.setdefault(key, ([], [], []))[i].append(event)
        elif h.kind == SPINE:
            steps, runs = table(body, "steps", STEPS, seg, h.rows, ("run", "step")), table(body, "runs", RUNS, seg, h.rows2)
            self.add_spine(index, seg, steps, runs, zip(ids, names))
        elif h.kind == LOSS:
            self.losses += table(body, "losses", LOSSES, seg, h.rows, ("count",))

    def add_payload(self, seg, h, body):
        for what, n in (("part", h.rows), ("value", h.rows2)):
            lengths = array(body.get(what + "_len", []), what + "_len", n)
            need(lengths == [end - start for start, _, end in array(body.setdefault(what + "s", []), what + "s", n)], what + "_len")
        def take(elements, first, parts):
            for number, (start, v, end) in enumerate(elements, first):
                v, fetched, depth = resolve(v, seg, parts, {})
                yield number, (v, end - start + fetched, depth)
        parts = dict(take(body["parts"], h.first, {}))  # parts contain no references
        values = dict(take(body["values"], h.first2, ChainMap(parts, seg.parts)))
        seg.parts.update(parts)
        seg.values.update(values)

    def add_spine(self, index, seg, steps, runs, names):
        for row in runs + steps:
            run = self.runs.setdefault(row["run"], {"segment": index, "seq": I64, "steps": {}, "row": {}})
            if "step" in row:
                join(run["steps"].setdefault(seg.writer, {}).setdefault(row["step"], {}), row)
            else:
                run["seq"] = row.get("seq", I64) if run["seq"] == I64 else run["seq"]
                join(run["row"], row)
        for run_id, name in names:
            if run_id in self.runs:
                join(self.runs[run_id]["row"], name)

def join(joined, row):
    """The last row that has a value wins; the maps of three columns are merged."""
    for key, v in row.items():
        if key in ("tags", "metadata", "attrs") and isinstance(v, Map) and isinstance(joined.get(key), Map):
            merged = {text(k): (k, x) for k, x in joined[key]}
            merged.update((text(k), (k, x)) for k, x in v)
            v = Map(merged.values())
        joined[key] = v

def number_steps(run):
    """The steps of a run in order, numbered, with the numbers of their parents; the lowest of a cycle has none (7.4)."""
    steps = [dict(row, writer=writer) for writer, rows in run["steps"].items() for _, row in sorted(rows.items())]
    by_number = {(s["writer"], s["step"]): number for number, s in enumerate(steps, 1)}
    by_ext = {s["ext_id"]: number for number, s in reversed(list(enumerate(steps, 1))) if "ext_id" in s}
    for s in steps:
        s["up"] = by_number.get((s["writer"], s.get("parent"))) or by_ext.get(s.get("parent_ext"))
    done = set()
    for number, s in enumerate(steps, 1):
        s["number"], path, at = number, [], number
        while at and at not in done and at not in path:
            path.append(at)
            at = steps[at - 1]["up"]
        if at in path:
            steps[min(path[path.index(at):]) - 1]["up"] = None
        done.update(path)
    for s in steps:
        s["parent_ext"] = None if s["up"] else s.get("parent_ext")
    return steps

# ---- NDJSON (13) -----------------------------------------------------------------------------------------------------
ESCAPE = re.compile(r'[\x00-\x1f"\\\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb'
                    r'\U000e0000-\U000e007f]')
SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
NUMBER = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")

def escape(match):
    units = match.group().encode("utf-16-be")  # above U+FFFF a surrogate pair
    return SHORT.get(match.group()) or "".join("\\u" + units[i:i + 2].hex() for i in range(0, len(units), 2))

def tagged(name, data):
    return '{"%s":"%s"}' % (name, base64.b64encode(data).decode())

def is_text(v):
    return isinstance(v, str) and (v.isascii() or not re.search("[\ud800-\udfff]", v))

def text(v):
    """A value as JSON."""
    if isinstance(v, str):
        return f'"{ESCAPE.sub(escape, v)}"' if is_text(v) else tagged("$bstr", v.encode("utf-8", "surrogateescape"))
    if v is None or isinstance(v, bool):
        return {None: "null", True: "true", False: "false"}[v]
    if isinstance(v, (int, float)):
        return repr(v) if v - v == 0 else '{"$f":"%s"}' % v
    if isinstance(v, bytes):
        return tagged("$bin", v)
    if isinstance(v, Map):
        if not all(is_text(k) for k, _ in v) or len({k for k, _ in v}) < len(v) or (len(v) == 1 and v[0][0][:1] == "$"):
            return '{"$map":[' + ",".join(f"[{text(k)},{text(x)}]" for k, x in v) + "]}"
        return "{" + ",".join(f"{text(k)}:{text(x)}" for k, x in v) + "}"
    if isinstance(v, list):
        return "[" + ",".join(map(text, v)) + "]"
    code, data = v if isinstance(v, Ext) else (-1, v.to_bytes())  # the msgpack module takes -1 apart
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

def quoted(v):
    return text(v.hex() if isinstance(v, bytes) else str(v))

def pick(row, names, write=text):
    """The (key, JSON text) of those columns which the row has; `key:column` where they differ in name."""
    pairs = ((name.partition(":")[0], row.get(name.rpartition(":")[2])) for name in names.split())
    return [(key, write(v)) for key, v in pairs if v is not None]

def line(kind, run_id, step, *fields):
    where = [("kind", text(kind)), ("run", run_id and quoted(run_id)), ("step", step and str(step))]
    return obj(where + [pair for field in fields for pair in field])

def obj(pairs):
    return "{" + ",".join(f"{text(k)}:{v}" for k, v in pairs if v is not None) + "}"

def outcome(row):
    number = row.get("status", 0)
    return [("status", text(STATUS[number] if 0 <= number < 4 else "running"))]

def when(row):
    end = row["start"] + row["dur"] if "start" in row and "dur" in row else I64
    end = row.get("end", end if -I64 <= end < I64 else None)
    return pick(dict(row, end=end), "start end duration:dur", quoted)

def cost_and_flags(row):
    units, nano = divmod(abs(row.get("cost", 0)), 10**9)
    cost = ("-" if row.get("cost", 0) < 0 else "") + f"{units}.{nano:09d}".rstrip("0").rstrip(".")
    return [("cost", cost if "cost" in row else None), ("flags", str(row["flags"]) if row.get("flags") else None)]

def event_lines(run_id, step, events):
    for c in events[0]:
        reasons = [obj(pick(dict(zip(("code", "rule", "version", "params"), r)), "code rule version params")) for r in c["reasons"]]
        yield line("cand", run_id, step, pick(c, "item verdict"), [("reasons", f"[{','.join(reasons)}]" if reasons else None)],
                   pick(c, "score threshold rank_in rank_out weight"), pick(c, "time", quoted), pick(c, "by provenance evidence"))
    for kind, rows in ("decision", events[1]), ("note", events[2]):
        for r in rows:
            yield line(kind, run_id, step, pick(r, "after name"), pick(r, "time", quoted), pick(r, "body"))

def lines(store):
    for run_id, run in sorted(store.runs.items(), key=lambda item: (item[1]["segment"], item[1]["seq"])):
        r = run["row"]
        yield line("run", run_id, None, pick(r, "ext_id pipeline version project session user"), pick(r, "parent_run", quoted),
                   outcome(r), when(r), cost_and_flags(r), pick(r, "error tags metadata input output attrs"))
        yield from event_lines(run_id, None, store.events.get((run_id, None, None), ([], [], [])))
        for s in number_steps(run):
            tokens = pick(s, "input:tok_in output:tok_out cache_read:tok_cache_read cache_write:tok_cache_write "
                             "reasoning:tok_reasoning total:tok_total")
            reasons = obj((code, str(n)) for code, n in s["reasons"]) if s.get("reasons") else None
            yield line("step", run_id, s["number"], pick(s, "ext_id parent:up parent_ext sequence name type"), outcome(s), when(s),
                       pick(s, "candidates_in:in candidates_out:out kept"), [("reasons", reasons)], pick(s, "model provider"),
                       [("tokens", obj(tokens) if tokens else None)], cost_and_flags(s),
                       pick(s, "error filters params sampling tags metadata attrs input output reasoning"))
            yield from event_lines(run_id, s["number"], store.events.get((run_id, s["writer"], s["step"]), ([], [], [])))
    for loss in store.losses:
        yield line("loss", None, None, pick(loss, "cause what count"), pick(loss, "from to", quoted))

def main(paths):
    segments, store = [], Store()
    for path in paths:
        names = sorted(os.path.join(path, n) for n in os.listdir(path) if n.endswith(".xray")) if os.path.isdir(path) else [path]
        for name in names:
            segments += read_file(name)
    once = {}  # a segment that is there twice counts once, in its longer form
    for seg in segments:
        other = once.setdefault(seg.id, seg)
        short, once[seg.id] = (seg, other) if len(seg.blocks) <= len(other.blocks) else (other, seg)
        if any(a[0].raw != b[0].raw for a, b in zip(short.blocks, once[seg.id].blocks)):
            report(3, short.name, short.base, "not read: another segment has the same id and other blocks")
    for index, seg in enumerate(sorted(once.values(), key=lambda s: s.order)):
        for h, stored in seg.blocks:
            try:
                store.add(index, seg, h, stored)
            except MALFORMED as e:
                report(3, seg.name, h.at, f"block {h.ordinal} is skipped: {e!r}")
    for text_line in lines(store):
        sys.stdout.buffer.write(text_line.encode() + b"\n")
    return report.status

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else print(__doc__, file=sys.stderr) or 2)
