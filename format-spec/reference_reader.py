#!/usr/bin/python3
"""Reads xrayfile segments by the specification alone and prints the NDJSON of its section 13.

usage: reference_reader.py FILE|DIRECTORY...

Written from trace-file.md; numbers in comments are its sections. Needs the stock module `msgpack` and the program
`zstd`; without the module `xxhash` checksums are not verified. Exit status: 0; 3: something was skipped; 2: something
is unreadable or too new. Left out: seals' totals and digests (9.2, 10), ext -1 that is no time stamp (6.3)."""
import base64, glob, json, os, re, struct, subprocess, sys, uuid
from collections import Counter, namedtuple
from decimal import Decimal
from itertools import accumulate
import msgpack
try:
    from xxhash import xxh3_64_intdigest as xxh3, xxh64_intdigest as xxh64
except ImportError:
    xxh3 = xxh64 = print("reference_reader: no module xxhash: checksums are not verified", file=sys.stderr)
BLOCK, HELLO = b"\x58\x2A\x4D\x18\x70\0\0\0XRB1", b"\x28\xB5\x2F\xFD\x64"  # 4.1, 3.1
PAYLOAD, CANDIDATES, SPINE, LOSS, SEAL = KINDS = range(1, 6)  # 4.5
MAX_ROWS, MAX_BYTES, MAX_DEPTH, I64 = 1 << 20, 64 << 20, 64, 1 << 63  # 11
Header = namedtuple("Header", "kind flags zero segment ordinal pos stored_len raw_len rows rows2 first first2 prev "
                    "body check raw stored end")  # 4.1; then its own bytes, those of the body, where that ends
Ext = namedtuple("Ext", "code data")
LOST = Ext(3, b"\3" + bytes(24))  # 6.3
runs, events, losses, problems = {}, {}, [], [0]  # the store; the statuses of all that was reported

class Map(list):
    """The pairs of a MessagePack map."""
    def first(self):  # as a map of the format: of equal keys the first counts (12)
        return {k: v for k, v in reversed(self) if isinstance(k, str)}
def report(status, what):
    problems.append(status)
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
def same(digest, function, *arguments):
    return not function or function(*arguments) == digest

# ---- segments and blocks (2 to 4)
def body_map(data, sized=()):
    """The map of a hello or body; elements of the arrays `sized` come with their encoded lengths."""
    up = msgpack.Unpacker(raw=False, object_pairs_hook=Map, ext_hook=Ext, unicode_errors="surrogateescape",
                          strict_map_key=False, max_buffer_size=len(data))  # which bounds counts, too (11)
    up.feed(data)
    def elements():
        for _ in range(up.read_array_header()):
            start = up.tell()
            yield up.unpack(), up.tell() - start
    keys = (up.unpack() for _ in range(up.read_map_header()))
    body = Map((key, list(elements()) if key in sized else up.unpack()) for key in keys)
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
    def __init__(self, name, base, seg_id, hello, frame):  # the last two are empty if the hello is damaged (3.4)
        clock = hello.get("clock", Map()).first().get("real", -I64)
        self.order = integer(clock), integer(hello.get("n", 0)), os.path.basename(name)  # 7.2
        self.writer = hello["writer"].first()["id"] if hello else seg_id
        self.refused = hello.get("min_reader", 1) > 1 or bool(hello.get("critical"))  # 3.3
        self.base, self.end, self.id, self.before = base, base + len(frame), seg_id, frame
        self.last, self.sealed, self.blocks, self.parts, self.values = -1, False, [], {}, {}

def hello_at(name, data, at):
    """The segment whose hello stands here (3.1, 3.2), or None."""
    n = int.from_bytes(data[at + 5:at + 7], "little") + 256
    head, record, check = data[at:at + 10], data[at + 10:at + 10 + n], data[at + 10 + n:at + 14 + n]
    try:
        need(n, n < 65536 and head == HELLO + struct.pack("<HI", n - 256, n << 3 | 1)[:5] and len(check) == 4)
        hello = need(body_map(record), same(struct.unpack("<I", check)[0], xxh64 and (lambda d: xxh64(d) & 0xFFFFFFFF), record))
        return Segment(name, at, need(hello["id"], hello["xrayfile"] == "trace segment"), hello, head + record + check)
    except Exception:
        return None

def header_at(data, at):
    """The header here, if it is right and its body in the file (4.2), or None."""
    if data[at:at + 12] != BLOCK or len(data) < at + 120: return None
    fields = struct.unpack_from("<BBH16sQQIIIIQQ16xQQQ", data, at + 12)
    h = Header(*fields, data[at:at + 120], data[at + 120:at + 120 + fields[6]], at + 120 + fields[6])
    good = same(h.check, xxh3, h.raw[:112], int.from_bytes(h.segment[:8], "little")) and h.end <= len(data)
    return h if good else None

def read_file(name):
    """The segments of a file with their whole blocks, not decoded yet."""
    with open(name, "rb") as file: data = file.read()
    marks = [mark.start() for mark in re.finditer(re.escape(BLOCK) + b"|" + re.escape(HELLO), data)]
    headers, segments, seg, pos = {at: header_at(data, at) for at in marks}, [], None, 0  # pos: understood up to here
    def follows(at):  # whether a block of the present segment stands here (4.2, 4.7)
        h = headers.get(at)
        return h and seg and not seg.sealed and (h.segment, h.pos) == (seg.id, at - seg.base) and h.ordinal > seg.last
    def headless(at):  # the segment whose hello was damaged at `pos`, if here two blocks vouch for each other (3.4)
        one = headers.get(at)
        two = one and one.pos == at - pos and headers.get(one.end)
        good = two and (two.segment, two.ordinal, two.pos) == (one.segment, one.ordinal + 1, one.end - pos)
        return Segment(name, pos, one.segment, {}, b"") if good and same(two.prev, xxh3, one.raw) else None
    for at in (at for at in marks if at >= pos):
        new = None if follows(at) else hello_at(name, data, at) or headless(at)
        if new and at > pos and any(follows(m) for m in marks if at < m <= at + 120 + MAX_BYTES):
            continue  # it is forged in a payload (4.7)
        if new:
            if new.base > pos and (not seg or seg.sealed):  # else it is a torn tail (2.2)
                report(3, f"{name}: bytes {pos} to {new.base} are skipped")
            if new.refused: report(2, f"{name}: the segment at byte {at} needs a newer reader")
            segments, seg, pos = segments + [new], new, new.end
        if follows(at):
            h = headers[at]
            if at > pos or h.ordinal != seg.last + 1 or not same(h.prev, xxh3, seg.before):
                report(3, f"{name}: block {h.ordinal} at byte {at} does not follow the one before it")
            if same(h.body, xxh3, h.stored, xxh3 and xxh3(h.raw[16:48])):
                pos, seg.last, seg.sealed, seg.before = h.end, h.ordinal, h.kind == SEAL, h.raw
                if h.zero or h.flags > 1 or h.flags and h.kind not in KINDS:
                    seg.refused = report(2, f"{name}: block {h.ordinal} is too new, the rest is refused") or True
                seg.blocks += [h] if h.kind in KINDS and not seg.refused else []
    if not seg or seg.sealed and pos < len(data):
        report(3 if seg else 2, f"{name}: bytes from {pos} on are no segment")
    return segments

# ---- values (6)
def resolve(v, seg):
    """The value with its references followed, or LOST if that is over a limit (6.3, 6.6)."""
    size = 0
    def part(number, parts, depth):
        nonlocal size
        found, length = parts.get(number, (LOST, 28))
        size = need(size + length, size + length <= MAX_BYTES)
        return walk(found, {}, depth)
    def element(x, parts, depth):  # of an array: as many as a reference stands for
        ranged = isinstance(x, Ext) and x.code == 1 and len(x.data) == 8 and any(x.data[4:])
        first, count = struct.unpack(">II", x.data) if ranged else (0, 0)
        return (part(first + i, parts, depth) for i in range(count)) if ranged else [walk(x, parts, depth)]
    def walk(v, parts, depth):
        need(v, depth < MAX_DEPTH or not isinstance(v, list))
        if isinstance(v, Map): return Map((walk(k, parts, depth + 1), walk(x, parts, depth + 1)) for k, x in v)
        if isinstance(v, list): return [y for x in v for y in element(x, parts, depth + 1)]
        if not isinstance(v, Ext) or v.code not in (1, 2): return v
        return part(int.from_bytes(v.data, "big") if len(v.data) == 4 and v.code == 1 else -1, parts, depth)
    try:
        return seg.values.get(v.data, LOST) if isinstance(v, Ext) and v.code == 2 else walk(v, seg.parts, 0)
    except ValueError:
        return report(3, "a value over the limits is left out") or LOST

# ---- columns (5) as `key in 13=column:encoding`; those without a key are not printed, those with - are no columns
def members(spec):
    words = [re.fullmatch(r"(\w*)(?:=(\w+))?(?::(.+))?", word).groups() for word in spec.split()]
    return [(key, column or key, encoding) for key, column, encoding in words]
RUN = members("ext_id:id pipeline:- version:- project:str session:str user:str parent_run:bin status start:delta end "
              "duration=dur cost flags error:value tags:value metadata:value input:value output:value attrs:value "
              "=run:run =seq =state =error_type:str")
STEP = members("ext_id:id parent=up:- parent_ext:id sequence name:str type:str status start:delta end duration=dur "
               "candidates_in=in candidates_out=out kept reasons:reasons model:str provider:str tokens:- cost flags "
               "error:value filters:value params:value sampling:value tags:value metadata:value attrs:value input:value "
               "output:value reasoning:value =run:run =step =state =parent =error_type:str")
TOKENS = members("input=tok_in output=tok_out cache_read=tok_cache_read cache_write=tok_cache_write "
                 "reasoning=tok_reasoning total=tok_total")
CAND = members("item:- verdict:- reasons:- score:num threshold:num rank_in rank_out weight:num time by:- provenance:- "
               "evidence:value")
FIELDS = [(column, encoding) for _, column, encoding in CAND if encoding != "-"]  # by their bits in shapes (8.2)
EVENT, BATCH = members("after name:str time body:value =run:run =step"), members("=run:run =step =n =time")
LOSS_ROW, NAMES = members("cause:text what:text count from to"), members("pipeline:str version:str")
LENGTHS = {"id": (8, 16), "bin": (16,), "text": ()}

def cell(v, encoding, body, seg):
    if v is None or encoding == "value": return v if v is None else resolve(v, seg)
    if encoding in ("run", "str"): return pick(body[encoding], v) or None  # an empty name is none
    if encoding == "reasons":
        need(v, len(array(v)) % 2 == 0)
        return {pick(body["str"], code): integer(count) for code, count in zip(v[::2], v[1::2])}
    if encoding == "num": return float(need(v, type(v) in (int, float)))
    if encoding not in LENGTHS: return integer(v)
    if isinstance(need(v, type(v) is str and encoding != "bin" or len(v) in LENGTHS[encoding]), str): return v or None
    return str(uuid.UUID(bytes=v)) if encoding == "id" and len(v) == 16 else v.hex()

def num(c, n):
    """The n elements of planes or a dict (5.2)."""
    if "dict" in c: return [array(c["dict"])[i] for i in need(c["at"], type(c["at"]) is bytes and len(c["dict"]) <= 256)]
    scale, delta, width, v = integer(c["scale"], 0, 10), integer(c["delta"], 0, 2), integer(c["width"], 1, 9), integer(c["base"])
    planes, out = need(c["planes"], len(c["planes"]) == n * width and integer(c["n"]) == n), []
    for u in (int.from_bytes(planes[i::n], "little") for i in range(n)):
        v = ((v if delta else c["base"]) + (u >> 1 ^ -(u & 1) if delta else u) + I64) % (1 << 64) - I64
        out.append(integer(v, 1 - (1 << 53), 1 << 53) / 10 ** scale if scale else v)
    return out

def deltas(values, base):
    sums = accumulate((0 if v is None else integer(v) for v in values), initial=base)
    return [None if v is None else integer(total) for v, total in zip([None, *values], sums)][1:]

def column(v, n, encoding, body, seg):
    """The n elements of a column."""
    v = [None] * n if v is None else num(v.first(), n) if isinstance(v, Map) and encoding in ("num", "value") else v
    if encoding == "delta": return deltas(array(v, n), body.get("t0", 0))
    return [cell(x, encoding, body, seg) for x in array(v, n)]

def table(body, name, spec, seg, n=None, must=("run",)):
    """The rows of a table as maps of what each has. `n`: how many the header says."""
    have = body.get(name, Map()).first()
    n = len(array(have.get("run", []))) if n is None else n
    columns = {key: column(have.get(key), n, encoding, body, seg) for _, key, encoding in spec if encoding != "-"}
    rows = [{key: v[i] for key, v in columns.items() if v[i] is not None} for i in range(n)]
    return need(rows, all(set(must) <= row.keys() and row.get("step", 1) > 0 for row in rows))

# ---- candidates (8)
def id_column(c):
    if not isinstance(c, Map): return need(c, all(isinstance(v, str) for v in array(c)))
    c = c.first()
    if "dec" in c:
        return [c["prefix"] + str(integer(v, 0)).zfill(integer(c["dec"], 0, 1025)) for v in deltas(array(c["data"]), 0)]
    data, digits = (c["uuid"], 32) if "uuid" in c else (c["data"], integer(c["hex"], 1, 1025))
    size = need((digits + 1) // 2, len(data) % ((digits + 1) // 2) == 0)
    ids = [data[i:i + size] for i in range(0, len(data), size)]
    return [c["prefix"] + (str(uuid.UUID(bytes=i)) if "uuid" in c else i.hex()[-digits:]) for i in ids]

def shape_of(shape, body):
    verdict, reasons, fields, by, provenance, keys = array(shape, 6)
    reasons = [zip(("code", "rule", "version", "params"), need(r, len(array(r)) <= 4)) for r in array(reasons)]
    return {"reasons": [{key: pick(body["str"], i) for key, i in r if i is not None} for r in reasons] or None,
            "verdict": pick(["accept", "reject", "defer", "modify"], verdict - 1), "fields": integer(fields, 0, 128),
            "by": pick([None, "agent", "rule", "verifier", "human"], by), "keys": [integer(k, 0, len(body["keys"])) for k in array(keys)],
            "provenance": pick([None, "observed", "inferred"], provenance)}

def candidates(body, h, seg):
    """(its run and step; 0 candidate, 1 decision, 2 note; what it says) of all in a candidates body."""
    keys, items, cands = array(body.setdefault("keys", [])), id_column(body.get("items", [])), body.get("cands", Map()).first()
    shapes = [shape_of(shape, body) for shape in array(body.get("shapes", []))]
    batches = table(body, "batches", BATCH, seg, None, ("n", "run"))
    need(batches, sum(integer(batch["n"], 0) for batch in batches) == h.rows)
    owners, chosen = [b for b in batches for _ in range(b["n"])], [pick(shapes, i) for i in array(cands.get("shape", []), h.rows)]
    fields = [iter(column(cands.get(name), sum(shape["fields"] >> bit & 1 for shape in chosen), encoding, body, seg))
              for bit, (name, encoding) in enumerate(FIELDS)]
    uses, out = Counter(key for shape in chosen for key in shape["keys"]), []
    lists = [iter(column(v, uses[i], "value", body, seg)) for i, v in enumerate(array(body.get("evidence", []), len(keys)))]
    for owner, shape, item in zip(owners, chosen, deltas(array(cands.get("item", []), h.rows), -1)):
        cand = {name: next(fields[bit]) for bit, (name, _) in enumerate(FIELDS) if shape["fields"] >> bit & 1}
        listed = Map((keys[key], next(lists[key])) for key in shape["keys"])
        if listed and cand.get("evidence") is None: cand["evidence"] = listed
        if cand.get("time") is not None: cand["time"] = integer(cand["time"] + owner.get("time", 0))
        out.append((owner, 0, {**shape, **cand, "item": pick(items, item)}))
    out += [(row, i, row) for i, name in ((1, "decisions"), (2, "notes")) for row in table(body, name, EVENT, seg)]
    return need(out, len(out) == h.rows + h.rows2)

# ---- joining (7.2)
def add(index, seg, h):
    """Takes a block, all of it or (by an exception) nothing."""
    need(h, max(h.stored_len, h.raw_len) <= MAX_BYTES and max(h.rows, h.rows2) <= MAX_ROWS >> 2 * (h.kind == CANDIDATES))
    body = body_map(decompress(h.stored, h.raw_len), ("parts", "values") if h.kind == PAYLOAD else ())
    ids, body["str"] = body.get("run", Map()).first().get("id", b""), array(body.get("strings", []))
    need(body, len(ids) % 16 == 0 and all(isinstance(v, str) for v in body["str"]))
    names = body.get("run") and table(body, "run", NAMES, seg, len(ids) // 16, ())
    body["run"] = [ids[i:i + 16].hex() for i in range(0, len(ids), 16)]
    if h.kind == PAYLOAD:
        for what, n in (("part", h.rows), ("value", h.rows2)):
            need(body, [n for _, n in body.setdefault(what + "s", [])] == array(body.get(what + "_len", []), n))
        seg.parts.update(enumerate(body["parts"], h.first))
        seg.values.update((struct.pack(">I", i), resolve(v, seg)) for i, (v, _) in enumerate(body["values"], h.first2))
    elif h.kind == CANDIDATES:
        for owner, i, event in candidates(body, h, seg):
            key = owner["run"], "step" in owner and seg.writer, owner.get("step")
            events.setdefault(key, ([], [], []))[i].append(event)
    elif h.kind == SPINE:
        steps = table(body, "steps", STEP + TOKENS, seg, h.rows, ("run", "step"))
        for row in table(body, "runs", RUN, seg, h.rows2) + steps:
            run = runs.setdefault(row["run"], {"first": index, "row": {}, "steps": {}, "writers": []})
            run["writers"].append(seg.writer)
            join(run["steps"].setdefault((seg.writer, row["step"]), {}) if "step" in row else run["row"], row)
        for run_id, name in zip(body["run"], names):
            if run_id in runs: join(runs[run_id]["row"], name)
    elif h.kind == LOSS:
        losses.extend(table(body, "losses", LOSS_ROW, seg, h.rows, ("count",)))

def join(joined, row):
    for key, v in row.items():
        if key in ("tags", "metadata", "attrs") and isinstance(v, Map) and isinstance(joined.get(key), Map):
            v = Map({text(k): (k, x) for k, x in joined[key] + v}.values())
        joined[key] = v

def steps_of(run):
    """The steps of a run, numbered, with the numbers of their parents (7.2, 7.4)."""
    keys = sorted(run["steps"], key=lambda key: (run["writers"].index(key[0]), key[1]))
    steps = [dict(run["steps"][key], number=number, writer=key[0]) for number, key in enumerate(keys, 1)]
    numbers = {key: number for number, key in enumerate(keys, 1)}
    numbers.update((s["ext_id"], s["number"]) for s in reversed(steps) if "ext_id" in s)
    for s in steps:
        s["up"] = numbers.get((s["writer"], s.get("parent")), numbers.get(s.get("parent_ext")))
    for s in steps:
        at, seen = s["up"], {None, s["number"]}
        while at not in seen:
            seen.add(at)
            at = steps[at - 1]["up"]
        s["up"] = None if at == s["number"] else s["up"]  # the lowest of a cycle
        s["parent_ext"] = None if s["up"] else s.get("parent_ext")
    return steps

# ---- NDJSON (13)
ESCAPE = re.compile("[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
NUMBER = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
def b64(data):
    return base64.b64encode(data).decode()
def is_text(v):
    return isinstance(v, str) and not re.search("[\ud800-\udfff]", v)
def special(code, data):
    """What JSON has of an ext value."""
    if code == 3 and len(data) == 25 and 1 <= data[0] <= 3:
        state = ("not captured", "redacted", "lost")[data[0] - 1]
        return {"$missing": [state, int.from_bytes(data[1:9], "big"), data[9:].hex()]}
    if code == 6: return {"$bstr": b64(data)}
    code, data = (struct.unpack("b", data[:1])[0], data[1:]) if code == 5 and data else (code, data)
    return {"$ext": [code, b64(data)]}

def text(v):
    """A value as JSON; a dict is an object of the format, a Map one of an application."""
    if isinstance(v, Map):
        odd = not all(is_text(k) for k, _ in v) or len(dict(v)) < len(v) or len(v) == 1 and v[0][0][:1] == "$"
        v = {"$map": [list(pair) for pair in v]} if odd else dict(v)
    if isinstance(v, msgpack.Timestamp): v = Ext(-1, v.to_bytes())
    if isinstance(v, Ext) and v.code == 4 and NUMBER.fullmatch(v.data): return v.data.decode()
    if isinstance(v, Ext): v = special(*v)
    if isinstance(v, bytes): v = {"$bin": b64(v)}
    if isinstance(v, str) and not is_text(v): v = {"$bstr": b64(v.encode("utf-8", "surrogateescape"))}
    if isinstance(v, float) and v - v != 0: v = {"$f": str(v)}
    if isinstance(v, dict): return "{" + ",".join(f"{text(k)}:{text(x)}" for k, x in v.items()) + "}"
    if isinstance(v, list): return "[" + ",".join(map(text, v)) + "]"
    if isinstance(v, Decimal): return f"{v:f}"
    return ESCAPE.sub(lambda m: json.dumps(m.group())[1:-1], json.dumps(v, ensure_ascii=False))

def emit(kind, run, step, row, spec, owner=None):
    """Prints the line of a record, then those of its candidates, decisions and notes."""
    row = {"end": row["start"] + row["dur"] if "start" in row and "dur" in row else None, **row}
    if kind in ("run", "step"):
        row["status"] = {1: "success", 2: "failure", 3: "partial"}.get(row.get("status"), "running")
        row["cost"] = Decimal(row["cost"]).scaleb(-9).normalize() if "cost" in row else None
        row["tokens"] = {key: row[name] for key, name, _ in TOKENS if name in row}
        row.update((key, row.get(key) or None) for key in ("flags", "tokens", "reasons"))
    shown = {"kind": kind, "run": run, "step": step, **{key: row.get(name) for key, name, _ in spec if key}}
    shown = {key: str(v) if key in TIMES else v for key, v in shown.items() if v is not None}
    sys.stdout.buffer.write(text(shown).encode() + b"\n")
    for kind, spec, rows in zip(("cand", "decision", "note"), (CAND, EVENT, EVENT), events.get(owner, ())):
        for row in rows: emit(kind, run, step, row, spec)
TIMES = set("start end duration time from to".split())

def main(paths):
    segments = {}
    for name in (f for p in paths for f in (sorted(glob.glob(os.path.join(glob.escape(p), "*.xray"))) if os.path.isdir(p) else [p])):
        for seg in read_file(name):  # the same segment counts once, in its longer form (7.2)
            segments[seg.id] = max(segments.get(seg.id, seg), seg, key=lambda s: len(s.blocks))
    for index, seg in enumerate(sorted(segments.values(), key=lambda s: s.order)):
        for h in seg.blocks:
            try:
                add(index, seg, h)
            except Exception as e:
                report(3, f"block {h.ordinal} of segment {seg.id.hex()} is skipped: {e!r}")
    for run_id, run in sorted(runs.items(), key=lambda r: (r[1]["first"], r[1]["row"].get("seq", I64))):
        emit("run", run_id, None, run["row"], RUN, (run_id, False, None))
        for s in steps_of(run): emit("step", run_id, s["number"], s, STEP, (run_id, s["writer"], s["step"]))
    for loss in losses: emit("loss", None, None, loss, LOSS_ROW)
    return 2 if 2 in problems else max(problems)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else print(__doc__, file=sys.stderr) or 2)
