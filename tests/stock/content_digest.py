"""Recomputes the content digest of sealed segments (spec section 10) with stock
modules only, from the blocks as they stand, and compares it with the seal's.

    content_digest.py SEGMENT...        exit 0 if all agree
"""
import struct
import subprocess
import sys

import msgpack
import xxhash

RUNS = ("run seq state ext_id project session user parent_run start dur end status error_type cost flags "
        "error tags metadata input output attrs").split()
STEPS = ("run step state ext_id parent parent_ext sequence name type start dur end status in out kept reasons "
         "error_type model provider tok_in tok_out tok_cache_read tok_cache_write tok_reasoning tok_total cost "
         "flags error input output reasoning filters params sampling tags metadata attrs").split()
TEXT = set("project session user error_type name type model provider".split())
VALUE = set("error tags metadata input output attrs reasoning filters params sampling".split())


class Pairs(list):
    """A map with its order and repeated keys."""


def feed(data):
    u = msgpack.Unpacker(raw=False, strict_map_key=False, object_pairs_hook=Pairs, max_buffer_size=2**31 - 1)
    u.feed(data)
    return list(u)


def as_dict(pairs):
    return {k: v for k, v in reversed(pairs)}


class Packer:
    """Canonical MessagePack of what `feed` gives (float64 always)."""

    def __init__(self):
        self.packer = msgpack.Packer(use_single_float=False, use_bin_type=True, autoreset=False)

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
        self.high = self.low = 0
        self.seal = None
        self.packer = Packer()
        for obj in objects[1:]:
            body = as_dict(obj)
            getattr(self, "take_" + body["kind"], lambda b: None)(body)

    def add(self, record):
        h = xxhash.xxh3_128_intdigest(self.packer.pack(record))
        self.high = (self.high + (h >> 64)) % 2**64
        self.low = (self.low + h % 2**64) % 2**64

    def take_payload(self, body):
        self.parts += body["parts"]
        self.values += body["values"]

    def take_seal(self, body):
        self.seal = body["content"]

    def resolve(self, v):
        if isinstance(v, Pairs):
            return Pairs((k, self.resolve(x)) for k, x in v)
        if isinstance(v, list):
            out = []
            for x in v:
                if isinstance(x, msgpack.ExtType) and x.code == 1:
                    first, count = struct.unpack(">II", x.data) if len(x.data) == 8 else \
                        (struct.unpack(">I", x.data)[0], 1)
                    out += self.parts[first:first + count]
                else:
                    out.append(self.resolve(x))
            return out
        if isinstance(v, msgpack.ExtType) and v.code == 1:
            return self.parts[struct.unpack(">I", v.data)[0]]
        if isinstance(v, msgpack.ExtType) and v.code == 2:
            return self.resolve(self.values[struct.unpack(">I", v.data)[0]])
        return v

    def take_spine(self, body):
        run = as_dict(body["run"])
        self.ids = [run["id"][i:i + 16] for i in range(0, len(run["id"]), 16)]
        for table, (name, columns) in {1: ("runs", RUNS), 2: ("steps", STEPS)}.items():
            if name in body:
                self.take_rows(body, table, as_dict(body[name]), columns, run)

    def take_rows(self, body, table, cols, columns, run):
        strings, last = body["strings"], body["t0"]
        for r in range(len(cols["run"])):
            record = Pairs()
            for number, name in enumerate(columns):
                v = cols[name][r] if name in cols else None
                if name == "run":
                    v = self.ids[v]
                elif v is None:
                    continue
                elif name in TEXT:
                    v = strings[v]
                elif name == "start":
                    last = v = last + v
                elif name == "reasons":
                    v = [strings[x] if i % 2 == 0 else x for i, x in enumerate(v)]
                elif name in VALUE:
                    v = self.resolve(v)
                record.append((number, v))
            if table == 1 and cols["state"][r] & 1:
                for number, name in ((21, "pipeline"), (22, "version")):
                    s = run[name][cols["run"][r]]
                    if s is not None:
                        record.append((number, strings[s]))
            self.add([table, self.writer, record])

    def take_candidates(self, body):
        run = as_dict(body["run"])
        ids = [run["id"][i:i + 16] for i in range(0, len(run["id"]), 16)]
        self.take_cands(body, ids)
        for table, name in ((4, "decisions"), (5, "notes")):
            t = as_dict(body.get(name, []))
            for r in range(len(t.get("run", []))):
                self.add([table, self.writer, ids[t["run"][r]], t["step"][r], t["after"][r],
                          body["strings"][t["name"][r]], t["time"][r], self.resolve(t["body"][r])])

    def take_cands(self, body, ids):
        cands, batches = as_dict(body["cands"]), as_dict(body["batches"])
        items, strings = id_column(body["items"]), body["strings"]
        streams = {n: iter(num_column(cands.get(n, []))) for n in
                   ("score", "threshold", "rank_in", "rank_out", "weight", "time", "evidence")}
        evidence = [iter(num_column(c)) for c in body["evidence"]]
        rows, item = iter(zip(cands.get("shape", []), cands.get("item", []))), -1
        for run, step, n, base in zip(*(batches[k] for k in ("run", "step", "n", "time"))):
            for _ in range(n):
                shape, delta = next(rows)
                item += delta
                verdict, reasons, fields, by, prov, keys = body["shapes"][shape]
                nums = [next(streams[name]) if fields >> bit & 1 else None for bit, name in
                        enumerate(("score", "threshold", "rank_in", "rank_out", "weight", "time"))]
                if nums[5] is not None:
                    nums[5] += base or 0
                ev = None
                if fields >> 6 & 1:
                    ev = self.resolve(next(streams["evidence"]))
                elif keys:
                    ev = Pairs((body["keys"][k], self.resolve(next(evidence[k]))) for k in keys)
                named = [[None if i is None else strings[i] for i in r] for r in reasons]
                self.add([3, self.writer, ids[run], step,
                          [items[item], verdict, named] + nums + [by, prov, ev]])


def num_column(col):
    if isinstance(col, Pairs):
        d = as_dict(col)
        return [None if v is None else v / 10 ** d["scale"] for v in d["v"]]
    return col


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


def main():
    bad = 0
    for path in sys.argv[1:]:
        data = subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout
        s = Segment(feed(data))
        mine = s.high.to_bytes(8, "big") + s.low.to_bytes(8, "big")
        if s.seal is None:
            print(f"{path}: not sealed")
        elif s.seal != mine:
            print(f"{path}: content digest is {mine.hex()}, the seal says {s.seal.hex()}")
            bad = 1
        else:
            print(f"{path}: content digest agrees")
    return bad


sys.exit(main())
