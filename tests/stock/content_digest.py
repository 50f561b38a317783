#!/usr/bin/python3
"""Recomputes the content digest of sealed segments (section 10 of the specification) with stock modules only, from the
rows as they stand, and compares it with the seal's.

usage: content_digest.py [--self-test] SEGMENT...

Exit status 0 if all agree. With --self-test a bit of what each seal says is flipped in memory, so none may agree."""
import struct
import subprocess
import sys
from collections import namedtuple

import msgpack
import xxhash

RUNS = ("run seq state ext_id project session user parent_run start dur end status error_type cost flags "
        "error tags metadata input output attrs").split()
STEPS = ("run step state ext_id parent parent_ext sequence name type start dur end status in out kept reasons "
         "error_type model provider tok_in tok_out tok_cache_read tok_cache_write tok_reasoning tok_total cost "
         "flags error input output reasoning filters params sampling tags metadata attrs").split()
TEXT = set("project session user error_type name type model provider".split())
VALUE = set("error tags metadata input output attrs reasoning filters params sampling".split())
FIELDS = "score threshold rank_in rank_out weight time evidence".split()  # by their bits in shapes

Ext = namedtuple("Ext", "code data")  # msgpack's own refuses types below 0


class Pairs(list):
    """A map with its order and repeated keys."""


def feed(data):
    """The segments of a file: of each its hello and its bodies."""
    u = msgpack.Unpacker(raw=False, strict_map_key=False, object_pairs_hook=Pairs, ext_hook=Ext,
                         unicode_errors="surrogateescape", max_buffer_size=2**31 - 1)
    u.feed(data)
    segments = []
    for obj in u:
        if isinstance(obj, Pairs) and obj and obj[0] == ("xrayfile", "trace segment"):
            segments.append([])
        segments[-1].append(obj)
    return segments


def as_dict(pairs):
    return {k: v for k, v in reversed(pairs)}


def table(body, name, *columns):
    """The named columns of a table; one that is left out is nil in every row (5.1)."""
    have = as_dict(body.get(name, Pairs()))
    rows = len(have.get("run", []))
    return [have.get(column, [None] * rows) for column in columns]


def text(strings, index):
    return None if index is None else strings[index]


class Packer:
    """Canonical MessagePack of what `feed` gives (float64 always)."""

    def __init__(self):
        self.packer = msgpack.Packer(use_single_float=False, use_bin_type=True, autoreset=False,
                                     unicode_errors="surrogateescape")

    def pack(self, obj):
        self.packer.reset()
        self.put(obj)
        return self.packer.bytes()

    def put(self, obj):
        if isinstance(obj, Pairs):
            self.packer.pack_map_header(len(obj))
            for k, v in obj:
                self.put(k)
                self.put(v)
        elif isinstance(obj, Ext):
            self.packer.pack_ext_type(obj.code, obj.data)
        elif isinstance(obj, list):
            self.packer.pack_array_header(len(obj))
            for v in obj:
                self.put(v)
        else:
            self.packer.pack(obj)


class Segment:
    def __init__(self, objects):
        self.writer = as_dict(as_dict(objects[0])["writer"])["id"]
        self.parts, self.values = [], []
        self.high = self.low = self.rows = 0
        self.seal = None
        self.packer = Packer()
        for obj in objects[1:]:
            body = as_dict(obj) if isinstance(obj, Pairs) else {}  # private kinds may be anything
            getattr(self, f"take_{body.get('kind')}", lambda b: None)(body)

    @property
    def digest(self):
        return self.high.to_bytes(8, "big") + self.low.to_bytes(8, "big")

    def add(self, record):
        h = xxhash.xxh3_128_intdigest(self.packer.pack(record))
        self.high = (self.high + (h >> 64)) % 2**64
        self.low = (self.low + h % 2**64) % 2**64
        self.rows += 1

    def take_payload(self, body):
        self.parts += body["parts"]
        self.values += body["values"]

    def take_seal(self, body):
        self.seal = body["content"]

    def resolve(self, v):
        if isinstance(v, Ext):
            if v.code == 1:
                return self.parts[struct.unpack(">I", v.data)[0]]
            return self.resolve(self.values[struct.unpack(">I", v.data)[0]]) if v.code == 2 else v
        if isinstance(v, Pairs):
            return Pairs((k, self.resolve(x)) for k, x in v)
        if isinstance(v, list):
            out = []
            for x in v:
                if isinstance(x, Ext) and x.code == 1 and len(x.data) == 8:
                    first, count = struct.unpack(">II", x.data)
                    out += self.parts[first:first + count]
                else:
                    out.append(self.resolve(x))
            return out
        return v

    def run_ids(self, body):
        ids = as_dict(body["run"])["id"]
        return [ids[i:i + 16] for i in range(0, len(ids), 16)]

    def take_spine(self, body):
        self.take_rows(body, 1, "runs", RUNS)
        self.take_rows(body, 2, "steps", STEPS)

    def take_rows(self, body, number, name, columns):
        strings, last, ids = body["strings"], body["t0"], self.run_ids(body)
        run = as_dict(body["run"])
        for row in zip(*table(body, name, *columns)):
            record = Pairs()
            for column_number, (column, v) in enumerate(zip(columns, row)):
                if v is None:
                    continue
                if column == "run":
                    v = ids[v]
                elif column in TEXT:
                    v = strings[v]
                elif column == "start":
                    last = v = last + v
                elif column == "reasons":
                    v = [strings[x] if i % 2 == 0 else x for i, x in enumerate(v)]
                elif column in VALUE:
                    v = self.resolve(v)
                record.append((column_number, v))
            if number == 1 and (row[columns.index("state")] or 0) & 1:
                for column_number, column in ((21, "pipeline"), (22, "version")):
                    index = run[column][row[0]] if column in run else None
                    if index is not None:
                        record.append((column_number, strings[index]))
            self.add([number, self.writer, record])

    def take_candidates(self, body):
        ids, strings = self.run_ids(body), body["strings"]
        self.take_cands(body, ids)
        for number, name in ((4, "decisions"), (5, "notes")):
            for run, step, after, title, time, value in zip(*table(body, name, "run", "step", "after", "name", "time", "body")):
                self.add([number, self.writer, ids[run], step, after, text(strings, title), time, self.resolve(value)])

    def take_cands(self, body, ids):
        cands, strings, keys = as_dict(body.get("cands", Pairs())), body["strings"], body["keys"]
        items, item = id_column(body["items"]), -1
        chosen = [body["shapes"][i] for i in cands.get("shape", [])]
        streams = [num_column(cands.get(name), sum(shape[2] >> bit & 1 for shape in chosen)) for bit, name in enumerate(FIELDS)]
        evidence = [num_column(c, None) for c in body["evidence"]]
        rows = zip(chosen, cands.get("item", []))
        for run, step, n, base in zip(*table(body, "batches", "run", "step", "n", "time")):
            for _ in range(n):
                (verdict, reasons, fields, by, provenance, listed), delta = next(rows)
                item += delta
                values = [next(stream) if fields >> bit & 1 else None for bit, stream in enumerate(streams)]
                if values[5] is not None:
                    values[5] += base or 0
                shown = self.resolve(values.pop())
                if listed:
                    shown = Pairs((keys[k], self.resolve(next(evidence[k]))) for k in listed)
                named = [[text(strings, i) for i in reason] for reason in reasons]
                self.add([3, self.writer, ids[run], step, [items[item], verdict, named, *values, by, provenance, shown]])


def num_column(column, n):
    """The elements of a num column in any of its forms (5.2); `n` of them if it is left out."""
    if not isinstance(column, Pairs):
        return iter([None] * n if column is None else column)
    d = as_dict(column)
    if "dict" in d:
        return iter([d["dict"][i] for i in d["at"]])
    out, last = [], d["base"]
    for i in range(d["n"]):
        u = int.from_bytes(d["planes"][i::d["n"]], "little")
        v = last + ((u >> 1) ^ -(u & 1)) if d["delta"] else d["base"] + u
        last = (v + 2**63) % 2**64 - 2**63
        out.append(last / 10**d["scale"] if d["scale"] else last)
    return iter(out)


def id_column(col):
    if not isinstance(col, Pairs):
        return col
    d = as_dict(col)
    if "hex" in d:
        n = (d["hex"] + 1) // 2
        return [d["prefix"] + d["data"][i:i + n].hex()[-d["hex"]:] for i in range(0, len(d["data"]), n)]
    if "dec" in d:
        out, last = [], 0
        for v in d["data"]:
            last += v
            out.append(d["prefix"] + str(last).zfill(d["dec"]))
        return out
    h = [d["uuid"][i:i + 16].hex() for i in range(0, len(d["uuid"]), 16)]
    return [d["prefix"] + "-".join((x[:8], x[8:12], x[12:16], x[16:20], x[20:])) for x in h]


def main(paths):
    bad, flip = 0, 0
    if paths[:1] == ["--self-test"]:
        paths, flip = paths[1:], 1
    for path in paths:
        data = subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout
        for s in map(Segment, feed(data)):
            seal = s.seal and s.seal[:-1] + bytes([s.seal[-1] ^ flip])
            if seal == s.digest:
                print(f"{path}: content digest of {s.rows} rows agrees")
                continue
            bad = 1
            print(f"{path}: content digest of {s.rows} rows is {s.digest.hex()},", f"the seal says {seal.hex()}" if seal else "and there is no seal")
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
