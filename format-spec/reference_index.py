#!/usr/bin/python3
"""Prints what an index or a catalogue says, one JSON text a line: written from index-file.md and catalogue.md alone, to prove
that they suffice. Needs the program `zstd`; without the module `xxhash` checksums are not verified and items not looked up.

usage: reference_index.py SEGMENT.idx [ITEM...]     ITEMs: which blocks of candidates may name them, and which blocks hold them as a text
       reference_index.py catalogue.idx             inodes are left out: they are those of one file system"""
import json
import math
import pathlib
import struct
import subprocess
import sys
import unittest.mock

try:
    import xxhash
except ImportError:
    xxhash = None

M64 = (1 << 64) - 1
SECTIONS = {1: "blocks", 2: "runs", 3: "items", 4: "steps", 5: "sums", 6: "grams"}
RUN_TEXTS = ["ext_id", "pipeline", "version", "project", "session", "user", "error_type"]
RUN_INTS = ["seq", "start", "dur", "end", "status", "cost", "flags"]
STEP_TEXTS = ["name", "type", "status", "model", "provider", "error_type", "reason", "tags"]
STEP_ZONES = ["duration", "cost", "candidates_in", "candidates_out", "rejected", "rejection_rate", "tokens_in", "tokens_out",
              "tokens_total", "input_size", "output_size"]


def xxh3(data, seed=0):
    return xxhash.xxh3_64_intdigest(data, seed) if xxhash else unittest.mock.ANY  # which is equal to everything


def need(good, what):
    if not good:
        sys.exit(f"reference_index.py: {what}")


def say(**facts):
    print(json.dumps(facts, ensure_ascii=False, separators=(",", ":")))


class Cursor:
    """Over the bytes of a section (1.3)."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, n):
        need(self.at + n <= len(self.data), "a section stops early")
        self.at += n
        return self.data[self.at - n:self.at]

    def varint(self):
        v = shift = 0
        while True:
            byte = self.bytes(1)[0]
            v |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return v

    def int(self):
        v = self.varint()
        return v >> 1 ^ -(v & 1)

    def text(self):
        return self.bytes(self.varint()).decode("utf-8", "surrogateescape")

    def varints(self, n):
        return [self.varint() for _ in range(n)]

    def texts(self, n):
        return [self.text() for _ in range(n)]

    def differences(self, n):
        at, out = 0, []
        for more in self.varints(n):
            at += more
            out.append(at)
        return out

    def end(self):
        need(self.at == len(self.data), "bytes behind a section")


def unpack(stored, raw_len):
    if len(stored) == raw_len:
        return stored
    raw = subprocess.run(["zstd", "-dcq"], input=stored, stdout=subprocess.PIPE, check=False).stdout
    need(len(raw) == raw_len, "a zstd frame of another length")
    return raw


# ---- SEGMENT.idx ----

def blocks(c, head):
    for i in range(head["blocks"]):
        f = struct.unpack("<6I2Q2qQ", c.bytes(64))
        need(f[5] == 0, "a field that is 0")
        say(block=i, kind=f[0], stored=f[1], raw=f[2], rows=f[3], rows2=f[4], first=f[6], first2=f[7], time_min=f[8],
            time_max=f[9], body=f"{f[10]:016x}")


def int_column(c, n):
    there, unit, at, out = c.bytes(n), c.varint(), 0, []
    for present in there:
        at += c.int() * unit if present else 0
        out.append(at if present else None)
    return out


def runs(c, head):
    n = c.varint()
    ids, flags = [c.bytes(16).hex() for _ in range(n)], c.bytes(n)
    parents = [c.bytes(16).hex() if f & 2 else None for f in flags]
    texts = [None] + c.texts(c.varint())
    columns = {name: [texts[i] for i in c.varints(n)] for name in RUN_TEXTS}
    columns.update({name: int_column(c, n) for name in RUN_INTS})
    for i in range(n):
        say(run=i, id=ids[i], ended=flags[i] & 1, uuid=flags[i] >> 2, parent=parents[i],
            **{k: v[i] for k, v in columns.items() if v[i] is not None})
    block = entry = run = 0
    for _ in range(c.varint()):
        ahead = c.varint()
        block, entry = block + ahead, (0 if ahead else entry) + c.int()
        run += c.int()
        say(place=[block, entry, run])
        entry, run = entry + 1, run + 1


def may_hold(data, key):
    """A binary fuse filter (3.3)."""
    count, bits, seed = struct.unpack_from("<IIQ", data)
    length = 1 << math.floor(math.log(count) / math.log(3.33) + 2.25) if count > 1 else 4
    length = min(length, 1 << 18)
    factor = max(1.125, 0.875 + 0.25 * math.log(1e6) / math.log(count)) if count > 1 else 2
    segments = max(1, -(-int(count * factor) // length) - 2)
    need(len(data) == 16 + ((segments + 2) * length * bits + 7) // 8, "a filter of another length")
    h = key + seed & M64
    h = (h ^ h >> 33) * 0xff51afd7ed558ccd & M64
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53 & M64
    h ^= h >> 33
    first = (h >> 32) * segments * length >> 32
    array = int.from_bytes(data[16:], "little")
    v = h ^ h >> 32
    for at in (first, first + length ^ h >> 18 & length - 1, first + 2 * length ^ h & length - 1):
        v ^= array >> at * bits
    return v & (1 << bits) - 1 == 0


def items(c, head):
    count, asked = struct.unpack("<II", c.bytes(8))
    table = [struct.unpack("<III", c.bytes(12)) for _ in range(count)]
    say(filters=count, bits_asked_for=asked)
    for i, (block, off, length) in enumerate(table):
        data = c.data[off:off + length]
        end = table[i + 1][0] if i + 1 < count else head["blocks"]
        say(filter=block, keys=struct.unpack_from("<I", data)[0] if data else None, bits=data[4] if data else None)
        for item in head["items"] if xxhash else []:
            name = xxh3(item.encode())
            say(item=item, blocks=[b for b in range(block, end) if head["kinds"][b] == 2 and
                                   (not data or may_hold(data, name ^ (b + 1) * 0x9E3779B97F4A7C15 & M64))])
    c.at = len(c.data)


def sets_and_zones(c, n, names):
    texts, columns = c.texts(c.varint()), {}
    for name in names:
        sets = [None]
        for _ in range(c.varint()):
            members, at, of = Cursor(c.bytes(c.varint())), 0, []
            while members.at < len(members.data):
                at += members.varint()
                of.append(texts[at])
            sets.append(of)
        columns[name] = [sets[i] for i in c.varints(n)]
    for name in STEP_ZONES:
        low, high = c.bytes(n), c.bytes(n)
        columns[name] = list(zip(low, high))
    return [{k: v[i] for k, v in columns.items()} for i in range(n)]


def steps(c, head):
    for i, facts in enumerate(sets_and_zones(c, c.varint(), STEP_TEXTS)):
        say(steps_of=i, **facts)


def sums(c, head):
    texts = c.texts(c.varint())
    for _ in range(c.varint()):
        say(group=c.differences(c.varint()), pipeline=texts[c.varint()], version=texts[c.varint()])
        for _ in range(c.varint()):
            name, kind, has = texts[c.varint()], texts[c.varint()], c.bytes(1)[0]
            counts = c.varints(5)
            statuses = c.varints(2) if has & 16 else (None, None)
            values = [c.int() for _ in range(6)]
            reasons = {texts[c.varint()]: c.varint() for _ in range(c.varint())}
            d, unit = c.varint(), c.varint()
            say(sum=name, type=kind, has=has, steps=counts[0], runs=counts[1], runs_in=counts[2], runs_out=counts[3],
                emptied=counts[4], ended=statuses[0], failed=statuses[1], **{"in": values[0], "out": values[1], "both_in": values[2], "both_out": values[3],
                                      "cost": values[4], "numbers": values[5]},
                reasons=reasons, durations=[v * unit for v in c.differences(d)])


def grams_of(text):
    text = bytes(b | 32 if 65 <= b <= 90 else b for b in text.encode())
    return [int.from_bytes(text[i:i + 4], "little") for i in range(len(text) - 3)]


def packed_forms(text):
    """The forms of packed ids that the text could stand in."""
    hexa = all(c in "0123456789abcdefABCDEF" for c in text)
    uuid = any(all(c == "-" if at in (8, 13, 18, 23) else c in "0123456789abcdefABCDEF" for at, c in enumerate(text, start))
               for start in range(37 - len(text)))
    return hexa + 2 * uuid + 4 * (hexa and text.isdigit() or not text)


def grams(c, head):
    need(c.varint() == head["blocks"], "the number of blocks")
    span, count, of = c.varint(), c.varint(), []
    say(grams=count, span_asked_for=span)
    for i in range(head["blocks"]):
        own = c.varint()
        digits = c.varint() if own & 1 else 0
        refs, at = c.varint(), 0
        to = {} if refs else None
        for _ in range(refs - 1):
            at += c.varint()
            values, parts = f"{c.varint():08x}", c.varint()
            to[at] = [values, "any" if parts == 1 else c.differences(max(parts - 1, 0))]
        of.append((own >> 3, own & 7, digits))
        say(grams_of=i, set=(own >> 3) - 1, packed=own & 7, digits=digits, refers=to)
    sets = []
    for i in range(count):
        k = c.bytes(1)[0]
        sets.append((k, int.from_bytes(c.bytes(2 ** k // 8), "little")))
        say(gram_set=i, bits=2 ** k, ones=bin(sets[i][1]).count("1"))
    for text in head["items"]:
        forms = packed_forms(text)
        there = [all(bits >> ((g * 0x9E3779B1 & 0xffffffff) >> 32 - k) & 1 for g in grams_of(text)) for k, bits in sets]
        say(text=text, blocks=[i for i, (s, packed, digits) in enumerate(of)
                              if not s or there[s - 1] or packed & forms & 6 or packed & forms & 1 and (not digits or len(text) <= digits)])


def index(data, wanted):
    need(len(data) >= 328 and struct.unpack_from("<II", data, 8) == (3, 0), "an index of another version")
    need(xxh3(data[72:328], xxhash and xxh3(data[:64])) == struct.unpack_from("<Q", data, 64)[0], "the check of the head")
    covered, count, chain, last = struct.unpack_from("<4Q", data, 32)
    head = {"blocks": count, "items": wanted, "kinds": []}
    say(index=3, segment=data[16:32].hex(), covered=covered, blocks=count, chain=f"{chain:016x}", last=last)
    found = {}
    for at in range(72, 328, 32):
        kind, _, stored, raw, off, check = struct.unpack_from("<4I2Q", data, at)
        if kind:
            bytes_ = data[off:off + stored]
            need(xxh3(bytes_, xxhash and xxh3(data[16:32] + data[48:56] + struct.pack("<I", kind))) == check,
                 f"the check of section {kind}")
            found[kind] = unpack(bytes_, raw)
    head["kinds"] = [found[1][at] for at in range(0, len(found[1]), 64)]
    for kind, read in ((1, blocks), (2, runs), (3, items), (4, steps), (5, sums), (6, grams)):
        if kind in found:
            c = Cursor(found[kind])
            read(c, head)
            c.end()


# ---- catalogue.idx ----

def front_coded(c, before):
    n = c.varint()
    return before[:n] + c.bytes(c.varint())


def table_of(c, n):
    names, starts, before, at = [], [], b"", 0
    for _ in range(n):
        before = front_coded(c, before)
        names.append(before.decode("utf-8", "surrogateescape"))
    sizes, sealed = c.varints(n), c.bytes(n)
    for _ in range(n):
        c.int()
    ids, counts = [c.bytes(8).hex() for _ in range(n)], c.varints(n)
    for _ in range(n):
        there = c.bytes(1)[0]
        at += c.int() if there else 0
        starts.append([at, at + c.varint()] if there else None)
    for i in range(n):
        say(segment=names[i], size=sizes[i], sealed=sealed[i], id=ids[i], runs=counts[i], starts=starts[i],
            partners=c.differences(c.varint()))


def catalogue(data):
    version, digits, count, pages, *lengths = struct.unpack_from("<10I", data, 8)
    checks = struct.unpack_from("<4Q", data, 48)
    need(version == 2 and checks[3] == xxh3(data[:72]), "the head")
    say(catalogue=version, digits=digits, segments=count)
    parts, at = [], 80
    for k in range(3):
        stored = data[at:at + lengths[2 * k]]
        need(xxh3(stored) == checks[k], "the check of a part")
        parts.append(Cursor(unpack(stored, lengths[2 * k + 1])))
        at += lengths[2 * k]
    table_of(parts[0], count)
    parts[0].end()
    need(parts[1].varint() == count, "facts of as many segments")
    for i, facts in enumerate(sets_and_zones(parts[1], count, STEP_TEXTS + ["pipelines", "versions", "statuses"])):
        say(facts_of=i, **facts)
    parts[1].end()
    c = parts[2]
    for _ in range(pages):
        length, check, first = c.varint(), struct.unpack("<Q", c.bytes(8))[0], c.bytes(c.varint())
        page, at, before = Cursor(data[at:at + length]), at + length, b""
        need(xxh3(page.data) == check, "the check of a page")
        while page.at < len(page.data):
            before = front_coded(page, before)
            need(first in (None, before), "the first key of a page")
            first = None
            having, segments = page.varint(), page.differences(page.varint())
            say(key=before[1:].hex() if before[0] == 1 else before[1:].decode("utf-8", "surrogateescape"), kind=before[0],
                runs=having, segments=segments)
    c.end()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    data = pathlib.Path(sys.argv[1]).read_bytes()
    if data[:8] == b"XRAYIDX\n":
        index(data, sys.argv[2:])
    elif data[:8] == b"XRAYCAT\n":
        catalogue(data)
    else:
        need(False, "neither an index nor a catalogue")


main()
