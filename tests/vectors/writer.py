"""A little writer of trace files by the specification, for vectors: independent of the library, and
able to write what the library never would. Everything it writes is kept with a note for people.

Bodies are stored in zstd frames of raw blocks, so that a vector can be read without a decompressor.
A number in a comment or note is a section of format-spec/trace-file.md."""
import struct
from typing import Any, Callable, Dict, List, Optional, Tuple

import xxhash

I64_MAX, I64_MIN = (1 << 63) - 1, -(1 << 63)


# ---- MessagePack -------------------------------------------------------------------------------
class Ext(tuple):
    """An ext value: (type, data)."""

    def __new__(cls, code: int, data: bytes) -> "Ext":
        return super().__new__(cls, (code, data))


class Pairs(list):
    """A map as a list of pairs: for keys that are not hashable or stand twice."""


class Raw(bytes):
    """Bytes that stand as they are."""


def pack(v: Any) -> bytes:
    """Canonical MessagePack (1.2)."""
    if isinstance(v, Raw):
        return bytes(v)
    if v is None or isinstance(v, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[v]
    if isinstance(v, int):
        return pack_int(v)
    if isinstance(v, float):
        return b"\xcb" + struct.pack(">d", v)
    if isinstance(v, str):
        data = v.encode()
        return pack_head(len(data), (0xA0, 31), 0xD9, 0xDA, 0xDB) + data
    if isinstance(v, bytes):
        return pack_head(len(v), None, 0xC4, 0xC5, 0xC6) + v
    if isinstance(v, Ext):
        code, data = v
        fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}.get(len(data))
        head = bytes([fixed]) if fixed else pack_head(len(data), None, 0xC7, 0xC8, 0xC9)
        return head + struct.pack("b", code) + data
    if isinstance(v, (dict, Pairs)):
        pairs = list(v.items()) if isinstance(v, dict) else v
        return pack_head(len(pairs), (0x80, 15), None, 0xDE, 0xDF) + b"".join(pack(k) + pack(x) for k, x in pairs)
    return pack_head(len(v), (0x90, 15), None, 0xDC, 0xDD) + b"".join(map(pack, v))


def pack_head(n: int, fix: Optional[Tuple[int, int]], one: Optional[int], two: int, four: int) -> bytes:
    if fix and n <= fix[1]:
        return bytes([fix[0] | n])
    if one and n < 1 << 8:
        return struct.pack(">BB", one, n)
    return struct.pack(">BH", two, n) if n < 1 << 16 else struct.pack(">BI", four, n)


def pack_int(v: int) -> bytes:
    if -32 <= v < 128:
        return struct.pack("b", v) if v < 0 else bytes([v])
    if v >= 0:
        for code, form, limit in ((0xCC, ">BB", 8), (0xCD, ">BH", 16), (0xCE, ">BI", 32), (0xCF, ">BQ", 64)):
            if v < 1 << limit:
                return struct.pack(form, code, v)
    for code, form, limit in ((0xD0, ">Bb", 7), (0xD1, ">Bh", 15), (0xD2, ">Bi", 31), (0xD3, ">Bq", 63)):
        if v >= -(1 << limit):
            return struct.pack(form, code, v)
    raise ValueError(v)


# ---- bytes with notes --------------------------------------------------------------------------
class Tape:
    """Bytes, and what they are."""

    def __init__(self) -> None:
        self.rows: List[Tuple[bytes, str]] = []

    def put(self, data: bytes, note: str) -> None:
        if data:
            self.rows.append((data, note))

    def body(self, v: Any, path: str = "", depth: int = 0) -> None:
        """A value in rows: maps are taken apart for two floors, which is one row per column of a table."""
        if isinstance(v, (dict, Pairs)) and depth < 2 and not isinstance(v, Raw):
            pairs = list(v.items()) if isinstance(v, dict) else v
            self.put(pack_head(len(pairs), (0x80, 15), None, 0xDE, 0xDF), f"{path or 'body'}: map of {len(pairs)}")
            for k, x in pairs:
                key = k if isinstance(k, str) else repr(k)
                self.put(pack(k), f'key "{key}"')
                self.body(x, f"{path}.{key}" if path else key, depth + 1)
        else:
            self.put(pack(v), f"{path} = {describe(v)}")

    @property
    def data(self) -> bytes:
        return b"".join(row for row, _ in self.rows)

    def text(self) -> str:
        out = []
        for data, note in self.rows:
            for at in range(0, len(data), 16):
                row = data[at:at + 16].hex(" ").upper()
                out.append(f"{row:<47}  ; {note}" if at == 0 else f"{row:<47}  ;   ..")
        return "\n".join(out) + "\n"


def describe(v: Any) -> str:
    if isinstance(v, Raw):
        return f"{len(v)} bytes as they are"
    text = repr(v).encode("unicode_escape").decode()
    return text if len(text) <= 100 else text[:97] + "..."


# ---- columns of sections 7 and 8, with their encodings -------------------------------------------
def table(text: str) -> List[Tuple[str, str]]:
    return [(word.partition(":")[0], word.partition(":")[2]) for word in text.split()]


RUNS = table("run:run seq state ext_id project:str session:str user:str parent_run start:delta dur end status "
             "error_type:str cost flags error:value tags:value metadata:value input:value output:value attrs:value")
STEPS = table("run:run step state ext_id parent parent_ext sequence name:str type:str start:delta dur end status in out "
              "kept reasons:reasons error_type:str model:str provider:str tok_in tok_out tok_cache_read tok_cache_write "
              "tok_reasoning tok_total cost flags error:value input:value output:value reasoning:value filters:value "
              "params:value sampling:value tags:value metadata:value attrs:value")
DETAILS = table("run:run step block")
EVENTS = table("run:run step after name:str time body:value")
LOSSES = table("cause what count from to")
KINDS = {"payload": 1, "candidates": 2, "spine": 3, "loss": 4, "seal": 5}
FIELDS = ["score", "threshold", "rank_in", "rank_out", "weight", "time", "evidence"]
VERDICTS = {"accept": 1, "reject": 2, "defer": 3, "modify": 4}


class Dictionary:
    """Strings (or runs) of a body, in the order of first use."""

    def __init__(self) -> None:
        self.entries: List[Any] = []

    def __call__(self, entry: Any) -> Any:
        if entry is None:
            return None
        if entry not in self.entries:
            self.entries.append(entry)
        return self.entries.index(entry)


def raw_frame(body: bytes) -> List[Tuple[bytes, str]]:
    """A zstd frame of one raw block, in rows; the body itself goes between the second and nothing."""
    n = len(body)
    if n < 256:
        head = b"\x20" + bytes([n])
    elif n < 65536 + 256:
        head = b"\x60" + struct.pack("<H", n - 256)
    else:
        raise ValueError("body too long for one raw block")
    return [(b"\x28\xB5\x2F\xFD", "4.4 zstd magic"), (head, f"single segment, content size {n}"),
            (struct.pack("<I", n << 3 | 1)[:3], f"last block, raw, {n} bytes")]


def xxh3(data: bytes, seed: int = 0) -> int:
    return xxhash.xxh3_64_intdigest(data, seed)


class Segment:
    """Writes one segment onto a tape. Values are given as they are to be read: texts, absolute times."""

    def __init__(self, tape: Tape, number: int = 1, by: Optional[int] = None, n: int = 0,
                 real: Optional[int] = 1700000000000000000, **hello: Any) -> None:
        self.tape, self.base = tape, len(tape.data)
        self.id = f"segment {number:08d}".encode()
        self.writer = f"writer  {number if by is None else by:08d}".encode()
        self.prev, self.last = 0, 0
        self.blocks: List[Dict[str, int]] = []
        self.totals = dict.fromkeys("runs steps candidates decisions notes parts values lost raw stored".split(), 0)
        self.counts: Dict[str, Tuple[int, int]] = {}
        self.parts: List[Any] = []
        self.values: List[Any] = []
        self.content = [0, 0]
        self.hello(n, real, hello)

    @property
    def pos(self) -> int:
        return len(self.tape.data) - self.base

    # -- 3 hello
    def hello(self, n: int, real: Optional[int], change: Dict[str, Any]) -> None:
        record: Dict[str, Any] = {
            "xrayfile": "trace segment", "version": 1, "min_reader": 1, "critical": [], "ignorable": [],
            "id": self.id, "n": n, "writer": {"id": self.writer, "host": "host", "pid": 7, "app": "vectors"},
            "clock": {} if real is None else {"real": real, "mono": 5}, "read": "", "schema": {}}
        record.update(change)
        short = 258 - len(pack(record))
        record["read"] = record["read"] or ("zstd -dc FILE prints MessagePack values. " * 9)[:max(short, 32)]
        raw = Tape()
        raw.body(record)
        size = len(raw.data)
        start = len(self.tape.data)
        self.tape.put(b"\x28\xB5\x2F\xFD", "3.1 hello: zstd magic")
        self.tape.put(b"\x64", "single segment, 2-byte content size, checksum")
        self.tape.put(struct.pack("<H", size - 256), f"content size {size} - 256")
        self.tape.put(struct.pack("<I", size << 3 | 1)[:3], f"last block, raw, {size} bytes")
        self.tape.rows += raw.rows
        self.tape.put(struct.pack("<I", xxhash.xxh64_intdigest(raw.data) & 0xFFFFFFFF), "low half of XXH64(hello record)")
        self.prev = xxh3(self.tape.data[start:])

    # -- 4 blocks
    def block(self, kind: int, body: Any, rows: int, rows2: int = 0, name: str = "", *, flags: Optional[int] = None,
              head: Optional[Dict[str, Any]] = None, frame: Optional[Callable[[bytes], bytes]] = None,
              edit: Optional[Callable[[Any], Any]] = None, xor: Optional[Dict[int, int]] = None) -> int:
        """Writes a block. `head` replaces fields before the checksums, `xor` flips bits after them, `edit`
        changes the body before it is packed, `frame` makes other stored bytes of it. Returns its ordinal."""
        if edit:
            body = edit(body) or body
        inner, ordinal, at = Tape(), len(self.blocks), self.pos
        inner.body(body)
        raw = inner.data
        stored_rows = [(frame(raw), "body")] if frame else raw_frame(raw) + inner.rows
        stored = b"".join(row for row, _ in stored_rows)
        first, first2 = self.counts.get(name, (0, 0))
        self.counts[name] = (first + rows, first2 + rows2)
        f: Dict[str, Any] = dict(
            magic=b"\x58\x2A\x4D\x18", length=112, block=b"XRB1", kind=kind, flags=(1 if kind in (1, 2, 3) else 0) if flags is None
            else flags, zero=0, segment=self.id, ordinal=ordinal, pos=at, stored_len=len(stored), raw_len=len(raw), rows=rows,
            rows2=rows2, first=first, first2=first2, time_min=I64_MAX, time_max=I64_MIN, prev=self.prev)
        if kind == 5:
            f.update(first=0, first2=0)
        f.update(head or {})
        keyed = f["segment"] + struct.pack("<QQ", f["ordinal"], f["pos"])
        f["body"] = (head or {}).get("body", xxh3(stored, xxh3(keyed)))
        layout = [("magic", "4s"), ("length", "I"), ("block", "4s"), ("kind", "B"), ("flags", "B"), ("zero", "H"),
                  ("segment", "16s"), ("ordinal", "Q"), ("pos", "Q"), ("stored_len", "I"), ("raw_len", "I"), ("rows", "I"),
                  ("rows2", "I"), ("first", "Q"), ("first2", "Q"), ("time_min", "q"), ("time_max", "q"), ("prev", "Q"), ("body", "Q")]
        header = b"".join(struct.pack("<" + form, f[key]) for key, form in layout)
        seed = int.from_bytes(f["segment"][:8], "little")
        layout.append(("check", "Q"))
        f["check"] = (head or {}).get("check", xxh3(header, seed))
        header += struct.pack("<Q", f["check"])
        self.prev = xxh3(header)
        header = bytes(b ^ (xor or {}).get(i, 0) for i, b in enumerate(header))
        off = 0
        for key, form in layout:
            size = struct.calcsize("<" + form)
            title = f"4.1 block {ordinal} of kind {kind}: magic" if key == "magic" else key
            broken = " (bits flipped)" if any(off <= i < off + size for i in xor or {}) else ""
            self.tape.put(header[off:off + size], title + (f" = {f[key]}" if form not in ("4s", "16s") else "") + broken)
            off += size
        self.tape.rows += stored_rows
        self.blocks.append(dict(kind=kind, pos=at, stored=len(stored), raw=len(raw), rows=rows, rows2=rows2))
        self.totals["raw"] += len(raw)
        self.totals["stored"] += len(stored)
        return ordinal

    # -- 6 payload
    def payload(self, parts: List[Any], values: List[Any] = (), **more: Any) -> int:
        body: Dict[str, Any] = {"kind": "payload", "part_len": [len(pack(p)) for p in parts], "parts": list(parts),
                                "value_len": [len(pack(v)) for v in values], "values": list(values)}
        self.parts += parts
        self.values += values
        self.totals["parts"] += len(parts)
        self.totals["values"] += len(values)
        return self.block(1, body, len(parts), len(values), "payload", **more)

    def resolve(self, v: Any, top: bool = True) -> Any:
        """The value with its references followed, for the content digest."""
        if isinstance(v, Ext) and v[0] == 2 and top and int.from_bytes(v[1], "big") < len(self.values):
            return self.resolve(self.values[int.from_bytes(v[1], "big")], False)
        if isinstance(v, Ext) and v[0] == 1:
            at = int.from_bytes(v[1][:4], "big")
            return self.parts[at] if at < len(self.parts) else v
        if isinstance(v, (dict, Pairs)):
            return Pairs((self.resolve(k, False), self.resolve(x, False)) for k, x in (v.items() if isinstance(v, dict) else v))
        if isinstance(v, list):
            out = []
            for x in v:
                if isinstance(x, Ext) and x[0] == 1 and len(x[1]) == 8:
                    first, count = struct.unpack(">II", x[1])
                    out += self.parts[first:first + count]
                else:
                    out.append(self.resolve(x, False))
            return out
        return v

    # -- 10 content digest
    def record(self, *members: Any) -> None:
        digest = xxhash.xxh3_128_intdigest(pack([members[0], self.writer, *members[1:]]))
        self.content[0] = (self.content[0] + (digest >> 64)) % (1 << 64)
        self.content[1] = (self.content[1] + digest) % (1 << 64)

    # -- 5 tables
    def columns(self, spec: List[Tuple[str, str]], rows: List[Dict[str, Any]], strings: Dictionary, runs: Dictionary,
                t0: int) -> Dict[str, Any]:
        out: Dict[str, Any] = {}
        for name, enc in spec:
            if not any(row.get(name) is not None for row in rows):
                continue
            column, base = [], t0
            for row in rows:
                v = row.get(name)
                if v is not None and enc == "delta":
                    v, base = v - base, v
                elif enc == "str":
                    v = strings(v)
                elif enc == "run":
                    v = runs(v)
                elif v is not None and enc == "reasons":
                    v = [x for code, count in v for x in (strings(code), count)]
                column.append(v)
            out[name] = column
        return out

    # -- 7 spine
    def spine(self, runs: List[Dict[str, Any]] = (), steps: List[Dict[str, Any]] = (), details: List[Dict[str, Any]] = (),
              t0: int = 0, **more: Any) -> int:
        """Rows are maps of what they have; `pipeline` and `version` of a run row go to the run table."""
        strings, ids = Dictionary(), Dictionary()
        for row in [*runs, *steps, *details]:
            ids(row["run"])
        tables = {"runs": self.columns(RUNS, runs, strings, ids, t0), "steps": self.columns(STEPS, steps, strings, ids, t0),
                  "details": self.columns(DETAILS, details, strings, ids, t0)}
        names = {row["run"]: row for row in reversed(runs)}
        run: Dict[str, Any] = {"id": b"".join(ids.entries)}
        for key in ("pipeline", "version"):
            column = [strings(names.get(i, {}).get(key)) for i in ids.entries]
            if any(i is not None for i in column):
                run[key] = column
        body: Dict[str, Any] = {"kind": "spine", "strings": strings.entries, "t0": t0, "run": run}
        body.update((k, v) for k, v in tables.items() if v)
        for table_number, spec, rows in ((1, RUNS + [("pipeline", ""), ("version", "")], runs), (2, STEPS, steps)):
            for row in rows:
                begun = row.get("state", 0) & 1
                self.record(table_number, {i: self.absolute(enc, row[name]) for i, (name, enc) in enumerate(spec)
                                           if row.get(name) is not None and (begun or name not in ("pipeline", "version"))})
        self.totals["runs"] += len(runs)
        self.totals["steps"] += len(steps)
        return self.block(3, body, len(steps), len(runs), "spine", **more)

    def absolute(self, enc: str, v: Any) -> Any:
        if enc == "reasons":
            return [x for pair in v for x in pair]
        return self.resolve(v) if enc == "value" else v

    # -- 8 candidates
    def candidates(self, batches: List[Dict[str, Any]], decisions: List[Dict[str, Any]] = (), notes: List[Dict[str, Any]] = (),
                   items: Optional[Any] = None, nums: Dict[str, Callable[[List[Any]], Any]] = {}, **more: Any) -> int:
        """batches: {run, step, time, cands: [{item, verdict, reasons, score, ..., evidence: [(key, value)] or whole: value}]}.
        `items`: the id column if it is not to be an array. `nums`: what makes the columns of fields (or evidence keys)
        that are not to be plain: `planes` or `dict_of` below."""
        strings, ids, shapes, keys = Dictionary(), Dictionary(), Dictionary(), Dictionary()
        named = Dictionary()
        cands = [(b, c) for b in batches for c in b["cands"]]
        if items is None:
            for _, c in cands:
                named(c["item"])
        else:
            named.entries = items[0]
        columns: Dict[str, List[Any]] = {"shape": [], "item": [], **{name: [] for name in FIELDS}}
        evidence: List[List[Any]] = []
        last = -1
        for b, c in cands:
            fields = sum(1 << bit for bit, name in enumerate(FIELDS) if (name if bit < 6 else "whole") in c)
            listed = [keys(k) for k, _ in c.get("evidence", [])]
            evidence += [[] for _ in range(len(keys.entries) - len(evidence))]
            for k, v in c.get("evidence", []):
                evidence[keys(k)].append(v)
            for bit, name in enumerate(FIELDS):
                if fields >> bit & 1:
                    columns[name].append(c["whole"] if bit == 6 else c[name] - (b.get("time") or 0) if bit == 5 else c[name])
            reasons = [[strings(x) for x in r] for r in c.get("reasons", [])]
            columns["shape"].append(shapes([VERDICTS[c["verdict"]], reasons, fields, c.get("by", 0), c.get("prov", 0), listed]))
            columns["item"].append(named(c["item"]) - last)
            last = named(c["item"])
            whole = self.resolve(c["whole"]) if "whole" in c else None
            shown = Pairs((k, self.resolve(v)) for k, v in c["evidence"]) if "evidence" in c else whole
            self.record(3, b["run"], b.get("step"), [c["item"], VERDICTS[c["verdict"]], c.get("reasons", []),
                        *[c.get(name) for name in FIELDS[:6]], c.get("by", 0), c.get("prov", 0), shown])
        rows = [dict(run=b["run"], step=b.get("step"), n=len(b["cands"]), time=b.get("time")) for b in batches]
        body: Dict[str, Any] = {"kind": "candidates", "strings": strings.entries, "run": {},
                                "items": named.entries if items is None else items[1], "keys": keys.entries,
                                "shapes": shapes.entries}
        body["batches"] = self.columns(table("run:run step n time"), rows, strings, ids, 0)
        body["cands"] = {k: nums.get(k, list)(v) for k, v in columns.items() if v}
        body["evidence"] = [nums.get(k, list)(v) for k, v in zip(keys.entries, evidence)]
        for number, name, events in ((4, "decisions", decisions), (5, "notes", notes)):
            if events:
                body[name] = self.columns(EVENTS, events, strings, ids, 0)
            for e in events:
                self.record(number, e["run"], e.get("step"), e.get("after"), e.get("name"), e.get("time"), self.resolve(e.get("body")))
        body["run"] = {"id": b"".join(ids.entries)}
        for name, count in (("candidates", len(cands)), ("decisions", len(decisions)), ("notes", len(notes))):
            self.totals[name] += count
        return self.block(2, body, len(cands), len(decisions) + len(notes), "candidates", **more)

    # -- 9 loss, seal
    def loss(self, rows: List[Dict[str, Any]], **more: Any) -> int:
        body = {"kind": "loss", "losses": self.columns(LOSSES, rows, Dictionary(), Dictionary(), 0)}
        self.totals["lost"] += sum(row["count"] for row in rows)
        return self.block(4, body, len(rows), 0, "loss", **more)

    def seal(self, **more: Any) -> int:
        blocks: Dict[str, List[int]] = {k: [b[k] for b in self.blocks] for k in ("kind", "pos", "stored", "raw", "rows", "rows2")}
        pos = blocks["pos"]
        blocks["pos"] = [p - (pos[i - 1] if i else 0) for i, p in enumerate(pos)]
        body = {"kind": "seal", "blocks": blocks, "totals": dict(self.totals), "chain": struct.pack(">Q", self.prev),
                "content": struct.pack(">QQ", *self.content)}
        return self.block(5, body, len(self.blocks), 0, "seal", **more)


# ---- num columns (5.2) -------------------------------------------------------------------------
def planes(width: int, scale: int = 0, delta: int = 0, base: int = 0) -> Callable[[List[Any]], Dict[str, Any]]:
    """Makes columns of byte planes. The numbers must be multiples of 10^-scale; sums wrap at 64 bits."""
    def column(values: List[Any]) -> Dict[str, Any]:
        rows, before = [], base
        for v in values:
            v = round(v * 10 ** scale)
            u = (v - (before if delta else base)) % (1 << 64)
            if delta:
                u = (u << 1) % (1 << 64) if u < 1 << 63 else ((~u) << 1 | 1) % (1 << 64)
            rows.append(u.to_bytes(width, "little"))
            before = v
        data = b"".join(bytes(row[k] for row in rows) for k in range(width))
        return {"scale": scale, "delta": delta, "base": base, "width": width, "n": len(values), "planes": data}
    return column


def dict_of(*known: Any) -> Callable[[List[Any]], Dict[str, Any]]:
    """Makes columns of indexes into these values."""
    return lambda values: {"dict": list(known), "at": bytes(known.index(v) for v in values)}
