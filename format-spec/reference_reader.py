#!/usr/bin/python3
"""Reads xrayfile segments by the specification alone and prints the NDJSON of its section 13.

usage: reference_reader.py FILE|DIRECTORY...

Written from trace-file.md; numbers in comments are sections of it. This file makes rows of bytes; joining them (7.2)
and printing (13) is in reference_ndjson.py. Needs the stock module `msgpack` and the program `zstd`; without the
module `xxhash` checksums are not verified. Exit status: 0; 3: something was skipped; 2: unreadable or too new. Left
out: totals and digests of seals (9.2, 10), ext type -1 that is no time stamp (`msgpack` takes it for one)."""
import collections, itertools, os, pathlib, re, struct, subprocess, sys, unittest.mock, uuid
import msgpack
import reference_ndjson
try: import xxhash
except ImportError: xxhash = print("no module xxhash: checksums are not verified", file=sys.stderr)

BLOCK, HELLO = b"\x58\x2A\x4D\x18\x70\0\0\0XRB1", b"\x28\xB5\x2F\xFD\x64"  # 4.1, 3.1
PAYLOAD, CANDIDATES, SPINE, LOSS, SEAL = KINDS = range(1, 6)  # 4.5
MAX_ROWS, MAX_BYTES, MAX_DEPTH, I64 = 1 << 20, 64 << 20, 64, 1 << 63  # 11
TAIL = MAX_BYTES + 120  # 2.2
Header = collections.namedtuple("Header", "kind flags zero segment ordinal pos stored_len raw_len rows rows2 "
                                "first first2 prev body check at end raw stored")  # 4.1; place, end, bytes, body
Ext = collections.namedtuple("Ext", "code data")
LOST = Ext(3, b"\3" + bytes(24))  # 6.3
statuses = {0}  # of all that was reported
def report(status, what):
    statuses.add(status)
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
def first(pairs):  # maps are tuples of pairs; in those of the format the first of equal keys counts (12)
    return {k: v for k, v in reversed(need(pairs, type(pairs) is tuple)) if isinstance(k, str)}
def xxh3(data, seed=0):
    return xxhash.xxh3_64_intdigest(data, seed) if xxhash else unittest.mock.ANY  # which is equal to everything

# ---- segments and blocks (2 to 4)
def body_map(data, sized=()):  # of a hello or body; elements of the arrays `sized` come between their positions
    up = msgpack.Unpacker(raw=False, object_pairs_hook=tuple, ext_hook=Ext, unicode_errors="surrogateescape",
                          strict_map_key=False, max_buffer_size=len(data))  # which bounds counts, too (11)
    up.feed(data)
    keys = (up.unpack() for _ in range(up.read_map_header()))
    body = tuple([(key, [(up.tell(), up.unpack(), up.tell()) for _ in range(up.read_array_header())]
                   if key in sized else up.unpack()) for key in keys])
    return first(need(body, up.tell() == len(data)))

def decompress(frame, raw_len):  # its headers are read here, for decoders differ in what they let pass (4.4)
    flags, width, at, block = frame[4], 1 << (frame[4] >> 6), 5 if frame[4] & 32 else 6, 0
    window = raw_len if flags & 32 else 8 + (frame[5] & 7) << 7 + (frame[5] >> 3)
    size, at = int.from_bytes(frame[at:at + width], "little") + 256 * (width == 2), at + width
    need(size, frame[:4] == HELLO[:4] and not flags & 15 and flags >> 5 and size == raw_len and window <= 8 << 20)
    while not block & 1:
        block = struct.unpack("<I", frame[at:at + 3] + b"\0")[0]
        at += 3 + (1 if block & 6 == 2 else block >> 3)
    raw = subprocess.run(["zstd", "-dcq"], input=frame, capture_output=True).stdout
    return need(raw, at == len(frame) <= MAX_BYTES and len(raw) == raw_len)
class Segment:
    def __init__(self, name, data, base, seg_id=None):  # by the hello at `base` (3.1), or by an id (3.4)
        n = int.from_bytes(data[base + 5:base + 7], "little") + 256
        frame, head = data[base:base + 14 + n], HELLO + struct.pack("<HI", (n - 256) & 0xFFFF, n << 3 | 1)[:5]
        need(n, seg_id or n < 65536 and frame[:10] == head and len(frame) == n + 14 and (
            not xxhash or xxhash.xxh64_digest(frame[10:-4])[:3:-1] == frame[-4:]))  # the low half
        hello = {"id": seg_id, "writer": (("id", seg_id),)} if seg_id else body_map(frame[10:-4])
        self.id = need(hello["id"], seg_id or hello["xrayfile"] == "trace segment")
        self.writer, clock = first(hello["writer"])["id"], first(hello.get("clock", ()))
        self.order = integer(clock.get("real", -I64)), integer(hello.get("n", 0)), os.path.basename(name)  # 7.2
        self.refused = hello.get("min_reader", 1) > 1 or bool(hello.get("critical"))  # 3.3
        self.base, self.size, self.prev = base, 0 if seg_id else len(frame), xxh3(frame)
        self.last, self.sealed, self.blocks, self.parts, self.values = -1, False, [], {}, {}
    def goes_on(self, h):  # with this block (4.2, 4.7)
        return not self.sealed and (h.segment, h.at - h.pos) == (self.id, self.base) and h.ordinal > self.last

def header_at(data, at):  # if it is right and its body in the file (4.2)
    if data[at:at + 12] == BLOCK and len(data) >= at + 120:
        fields = struct.unpack_from("<BBH16sQQIIIIQQ16xQQQ", data, at + 12)
        end, seed = at + 120 + fields[6], int.from_bytes(fields[3][:8], "little")
        h = Header(*fields, at, end, data[at:at + 120], data[at + 120:end])
        return h if end <= len(data) and h.check == xxh3(h.raw[:112], seed) else None
def segment_at(name, data, headers, at, pos):  # by a hello here, or by two blocks behind `pos` (3.4)
    try: return Segment(name, data, at)
    except Exception: pass
    for one in filter(None, headers.values()):
        two = headers.get(one.end)
        if two and one.at - one.pos == two.at - two.pos == pos and (
                one.segment, one.ordinal + 1, xxh3(one.raw)) == (two.segment, two.ordinal, two.prev):
            return Segment(name, data, pos, one.segment)
def read_file(name):  # its segments with their whole blocks, not decoded yet
    with open(name, "rb") as file: data = file.read()
    marks = [mark.start() for mark in re.finditer(re.escape(BLOCK) + b"|" + re.escape(HELLO), data)]
    headers, segments, pos = {at: header_at(data, at) for at in marks}, [], 0  # pos: end of what is known
    for at in (at for at in marks if at >= pos):
        h, torn = headers[at], segments and not segments[-1].sealed and at - pos <= TAIL
        seg = h and next((s for s in reversed(segments) if s.goes_on(h)), None)
        new = None if seg else segment_at(name, data, headers, at, pos)
        if new:
            if new.base > pos and not torn: report(3, f"{name}: bytes {pos} to {new.base} are skipped")  # 2.2
            segments, pos, seg = segments + [new], new.base + new.size, h and new.goes_on(h) and new
        if seg:
            segments = segments[:segments.index(seg) + 1]  # one that began behind it was forged in a payload (4.7)
            if h.ordinal != seg.last + 1 or h.prev != seg.prev:
                report(3, f"{name}: block {h.ordinal} at byte {at} does not follow the one before it")
            seg.refused |= h.zero > 0 or h.flags > 1 or h.flags == 1 and h.kind not in KINDS
            if h.body == xxh3(h.stored, xxhash and xxh3(h.raw[16:48])):
                pos, seg.last, seg.sealed, seg.prev = h.end, h.ordinal, h.kind == SEAL, xxh3(h.raw)
                seg.size, seg.blocks = h.end - seg.base, seg.blocks + [h] * (h.kind in KINDS[:4] and not seg.refused)
    if not segments or pos < len(data) and (segments[-1].sealed or len(data) - pos > TAIL):  # 2.2
        report(3 if segments else 2, f"{name}: bytes from {pos} on are no segment")
    if any(seg.refused for seg in segments): report(2, f"{name}: needs a newer reader")
    return segments

# ---- values (6)
def resolve(v, seg):  # follows its references; LOST if that goes over a limit (6.3, 6.6)
    left = [MAX_BYTES]
    def part(number, parts, depth):
        start, found, end = parts.get(number, (0, LOST, 28))
        left[0] = integer(left[0] - (end - start), 0)
        return walk(found, {}, depth)
    def spread(v, parts, depth):  # those of a range
        ranged = type(v) is Ext and v.code == 1 and len(v.data) == 8
        start, count = struct.unpack(">II", v.data) if ranged else (0, 0)
        return [part(start + i, parts, depth) for i in range(count)]
    def walk(v, parts, depth):
        depth += need(1, depth < MAX_DEPTH or type(v) not in (list, tuple))
        if type(v) is tuple: return tuple([(walk(k, parts, depth), walk(x, parts, depth)) for k, x in v])
        if type(v) is list: return [y for x in v for y in spread(x, parts, depth) or [walk(x, parts, depth)]]
        if type(v) is not Ext or v.code not in (1, 2): return v
        return part(int.from_bytes(v.data, "big") if len(v.data) == 4 and v.code == 1 else -1, parts, depth - 1)
    try: return seg.values.get(v.data, LOST) if type(v) is Ext and v.code == 2 else walk(v, seg.parts, 0)
    except ValueError: return report(3, "a value over the limits is left out") or LOST

# ---- tables (5, 7, 8.4, 8.6, 9.1)
def columns(**forms):
    return {name: form for form, names in forms.items() for name in names.split()}
RUNS = columns(run="run", id="ext_id", str="project session user", bin="parent_run", delta="start",
               int="seq state dur end status cost flags", value="error tags metadata input output attrs")
STEPS = columns(run="run", id="ext_id parent_ext", str="name type model provider", delta="start",
                reasons="reasons", int="step state parent sequence dur end status in out kept tok_in tok_out "
                "tok_cache_read tok_cache_write tok_reasoning tok_total cost flags",
                value="error input output reasoning filters params sampling tags metadata attrs")
EVENT, NAMES = columns(run="run", int="step after time", str="name", value="body"), columns(str="pipeline version")
BATCHES, LOSSES = columns(run="run", int="step n time"), columns(text="cause what", int="count from to")
FIELDS = dict(score="num", threshold="num", rank_in="int", rank_out="int", weight="num", time="int",
              evidence="value")  # by their bits in shapes (8.2)
def cell(v, form, body, seg):
    if v is None or form in ("value", "element"): return v if v is None else resolve(v, seg)
    if form in ("run", "str"): return pick(body[form], v) or None  # an empty name is none
    if form == "num": return float(need(v, type(v) in (int, float)))
    if form == "reasons": return {pick(body["str"], v[i]): integer(v[i + 1]) for i in range(0, len(array(v)), 2)}
    if form == "int": return integer(v)
    if isinstance(v, str): return need(v, form != "bin") or None
    need(v, isinstance(v, bytes) and form != "text" and len(v) in (16, form == "id" and 8))
    return str(uuid.UUID(bytes=v)) if form == "id" and len(v) == 16 else v.hex()
def num(c, n):  # planes or a dict (5.2)
    if "dict" in c:
        need(c, type(c["at"]) is bytes and len(array(c["dict"])) <= 256)
        return [c["dict"][i] for i in c["at"]]
    planes, v, scale, d = c["planes"], integer(c["base"]), integer(c["scale"], 0, 10), integer(c["delta"], 0, 2)
    out = need([], type(planes) is bytes and len(planes) == n * integer(c["width"], 1, 9) and integer(c["n"]) == n)
    for u in (int.from_bytes(planes[i::n], "little") for i in range(n)):
        v = ((v if d else c["base"]) + (u >> 1 ^ -(u & 1) if d else u) + I64) % (1 << 64) - I64
        out.append(integer(v, 1 - (1 << 53), 1 << 53) / 10 ** scale if scale else v)
    return out
def deltas(values, base):
    sums = itertools.accumulate((0 if v is None else integer(v) for v in values), initial=integer(base))
    return [None if v is None else integer(total) for v, total in zip([None, *values], sums)][1:]
def column(v, n, form, body, seg):
    v = [None] * n if v is None else num(first(v), n) if type(v) is tuple and form in ("num", "element") else v
    if form == "delta": return deltas(array(v, n), body.get("t0", 0))
    return [cell(x, form, body, seg) for x in array(v, n)]
def table(body, name, spec, seg, n=None):  # (name, a map of what it has) for each of its rows; there must be `n`
    have = first(body.get(name, ()))
    n = len(array(have.get("run", []))) if n is None else n
    cells = {key: column(have.get(key), n, form, body, seg) for key, form in spec.items()}
    rows = [{key: v[i] for key, v in cells.items() if v[i] is not None} for i in range(n)]
    must = {"run"} & spec.keys() | ({"step"} if spec is STEPS else set())
    return [(name, need(row, must <= row.keys() and row.get("step", 1) > 0)) for row in rows]

# ---- candidates (8)
def id_column(c):
    if type(c) is not tuple: return need(c, all(isinstance(v, str) for v in array(c)))
    c = first(c)
    digits = integer(32 if "uuid" in c else c["dec" if "dec" in c else "hex"], 0, 1025)
    if "dec" in c: return [c["prefix"] + str(integer(v, 0)).zfill(digits) for v in deltas(array(c["data"]), 0)]
    data, size = c["uuid" if "uuid" in c else "data"], (digits + 1) // 2
    ids = [data[i:i + size].hex()[-digits:] for i in range(0, need(len(data), len(data) % size == 0), size)]
    return [c["prefix"] + (str(uuid.UUID(i)) if "uuid" in c else i) for i in ids]
def shape_of(shape, body):
    verdict, reasons, fields, by, provenance, keys = array(shape, 6)
    reasons = [zip(("code", "rule", "version", "params"), need(r, len(array(r)) <= 4)) for r in array(reasons)]
    return {"reasons": [{key: pick(body["str"], i) for key, i in r if i is not None} for r in reasons],
            "verdict": pick(["accept", "reject", "defer", "modify"], verdict - 1), "keys": array(keys),
            "by": pick([None, "agent", "rule", "verifier", "human"], by), "fields": integer(fields, 0, 128),
            "provenance": pick([None, "observed", "inferred"], provenance)}
def candidates(body, h, seg):
    keys, items, have = array(body.get("keys", [])), id_column(body.get("items", [])), first(body.get("cands", ()))
    shapes = [shape_of(shape, body) for shape in array(body.get("shapes", []))]
    batches = [row for _, row in table(body, "batches", BATCHES, seg)]
    need(batches, sum(integer(batch["n"], 0) for batch in batches) == h.rows)
    owners = (batch for batch in batches for _ in range(batch["n"]))
    chosen = [pick(shapes, i) for i in array(have.get("shape", []), h.rows)]
    counts = [sum(shape["fields"] >> bit & 1 for shape in chosen) for bit in range(7)]
    fields = {name: iter(column(have.get(name), n, FIELDS[name], body, seg)) for n, name in zip(counts, FIELDS)}
    uses = collections.Counter(key for shape in chosen for key in shape["keys"])
    lists = enumerate(array(body.get("evidence", []), len(keys)))
    lists = [iter(column(v, uses[i], "element", body, seg)) for i, v in lists]
    for owner, shape, item in zip(owners, chosen, deltas(array(have.get("item", []), h.rows), -1)):
        cand = {name: next(fields[name]) for bit, name in enumerate(FIELDS) if shape["fields"] >> bit & 1}
        listed = tuple([(pick(keys, key), next(lists[key])) for key in shape["keys"]])
        if listed and cand.get("evidence") is None: cand["evidence"] = listed
        if cand.get("time") is not None: cand["time"] = integer(cand["time"] + owner.get("time", 0))
        yield "cands", {**shape, **cand, "run": owner["run"], "step": owner.get("step"), "item": pick(items, item)}

# ---- bodies
def rows_of(h, seg):  # (table, a map of what it has) for each row of a block
    need(h, h.raw_len <= MAX_BYTES and max(h.rows, h.rows2) <= (MAX_ROWS >> 2 if h.kind == CANDIDATES else MAX_ROWS))
    body = body_map(decompress(h.stored, h.raw_len), ("parts", "values") if h.kind == PAYLOAD else ())
    ids, body["str"] = first(body.get("run", ())).get("id", b""), array(body.get("strings", []))
    need(body, len(ids) % 16 == 0 and all(isinstance(v, str) for v in body["str"]))
    names = [row for _, row in table(body, "run", NAMES, seg, len(ids) // 16)]
    body["run"] = [ids[i:i + 16].hex() for i in range(0, len(ids), 16)]
    if h.kind == SPINE:
        return [*table(body, "runs", RUNS, seg, h.rows2), *table(body, "steps", STEPS, seg, h.rows),
                *(("names", {**name, "run": run}) for run, name in zip(body["run"], names))]
    if h.kind == CANDIDATES:
        events = table(body, "decisions", EVENT, seg) + table(body, "notes", EVENT, seg)
        return [*candidates(body, h, seg), *need(events, len(events) == h.rows2)]
    if h.kind == LOSS: return table(body, "losses", LOSSES, seg, h.rows)
    for what, n in (("part", h.rows), ("value", h.rows2)):
        lengths = [end - start for start, _, end in body.setdefault(what + "s", [])]
        need(body, array(body.get(what + "_len", []), n) == lengths)
    seg.parts.update(enumerate(body["parts"], h.first))
    for i, (_, v, _) in enumerate(body["values"], h.first2): seg.values[struct.pack(">I", i)] = resolve(v, seg)
    return []
def main(paths):
    segments, store = {}, reference_ndjson.Store()
    for path in paths:
        for name in sorted(pathlib.Path(path).glob("*.xray")) if os.path.isdir(path) else [path]:
            for seg in read_file(name):  # a segment that is there twice counts once, in its longer form (7.2)
                segments[seg.id] = max(segments.get(seg.id, seg), seg, key=lambda s: s.size)
    for index, seg in enumerate(sorted(segments.values(), key=lambda s: s.order)):
        for h in seg.blocks:
            try: store.take(index, seg.writer, rows_of(h, seg))
            except Exception as e: report(3, f"block {h.ordinal} of segment {seg.id.hex()} is skipped: {e!r}")
    for line in store.lines(): sys.stdout.buffer.write(line.encode() + b"\n")
    return 2 if 2 in statuses else max(statuses)
sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else print(__doc__, file=sys.stderr) or 2)
