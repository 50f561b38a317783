"""Files made to hurt a reader, and what a reader must do with each.

A case has a name, a function that makes its files in a directory and returns the arguments to give to a
tool, the exit statuses that are right, and texts that `xray-cat -j` must still print. Statuses of 3
mean that something was skipped and said, 2 that nothing could be read. Everywhere: no crash, no
sanitizer report, bounded time and memory, nothing on a terminal that could steer it (run.py).

Cases that are segments with one thing wrong are vectors (format-spec/vectors) and run through all tools
as well; here is what needs a file system, a size, or many of a kind."""
import gzip
import os
import socket
import stat
import struct
import sys
from dataclasses import dataclass, field
from typing import Callable, FrozenSet, List, Sequence

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors"))
from writer import Ext, Pairs, Segment, Tape, pack  # noqa: E402

RUN = bytes(range(16))
GOOD = '"pipeline":"good"'
# What must not reach a terminal: an escape, OSC, CSI, C1, bell, carriage return, bidi, zero width, separators.
EVIL = "\x1b[2J\x1b]0;owned\x07\x9b5n\x08\r\x7f\u202e\u2066\u200b\u2028\ufeff=cmd|'/C calc'!A0 <script>alert(1)</script> %n%s\n\t\0end"


@dataclass
class Case:
    name: str
    make: Callable[[str], Sequence[str]]
    statuses: FrozenSet[int]
    still: List[str] = field(default_factory=list)
    heavy: bool = False  # many files or bytes: not with every tool


def write(path: str, data: bytes) -> str:
    with open(path, "wb") as f:
        f.write(data)
    return path


def good(number: int = 1, pipeline: str = "good", run: bytes = RUN) -> bytes:
    """A small sound segment."""
    tape = Tape()
    s = Segment(tape, number)
    s.candidates([dict(run=run, step=1, cands=[
        dict(item="item-1", verdict="reject", reasons=[["price_too_high"]], score=0.5, evidence=[("price", 129.0)]),
        dict(item="item-2", verdict="accept")])])
    s.spine(runs=[dict(run=run, pipeline=pipeline, seq=0, state=3, status=1, start=10, dur=5)],
            steps=[{"run": run, "step": 1, "state": 3, "name": "filter", "type": "filter", "status": 1, "in": 2, "out": 1,
                    "reasons": [("price_too_high", 1)]}],
            details=[dict(run=run, step=1, block=0)])
    s.seal()
    return tape.data


def segment(build: Callable[[Segment], None]) -> bytes:
    tape = Tape()
    build(Segment(tape, 5))
    return tape.data


def one(name: str, data: Callable[[], bytes], statuses: Sequence[int], *still: str, heavy: bool = False) -> Case:
    return Case(name, lambda d: [write(os.path.join(d, "x.xray"), data())], frozenset(statuses), list(still), heavy)


def beside_good(name: str, spoil: Callable[[str], None], statuses: Sequence[int]) -> Case:
    """A store with a good segment and something else in it: the good one must be read."""
    def make(d: str) -> Sequence[str]:
        write(os.path.join(d, "good.xray"), good())
        spoil(os.path.join(d, "other.xray"))
        return [d]
    return Case(name, make, frozenset(statuses), [GOOD])


# ---- files and paths ---------------------------------------------------------------------------
def make_fifo(path: str) -> None:
    os.mkfifo(path)


def make_socket(path: str) -> None:
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(os.path.dirname(path))  # names of sockets are short
    s.bind(os.path.basename(path))
    os.chdir(here)


def unreadable(path: str) -> None:
    write(path, good(2))
    os.chmod(path, 0)


def evil_names(d: str) -> Sequence[str]:
    for name in ("-rf.xray", "new\nline.xray", "\x1b[31mred.xray", "a" * 250 + ".xray", "..%2f..%2fetc.xray"):
        write(os.path.join(d, name), good())
    write(os.path.join(os.fsencode(d), b"\xff\xfe.xray"), b"not a segment \x1b[2J")
    return [d]


def sparse(path: str) -> None:
    with open(path, "wb") as f:
        f.write(good(2))
        f.truncate(1 << 40)


def concatenated(d: str) -> Sequence[str]:
    return [write(os.path.join(d, "x.xray"), good(1) + good(2, "second", bytes(16)))]


def twice(d: str) -> Sequence[str]:
    """The same segment under two names, and once more shorter: it counts once."""
    data = good()
    write(os.path.join(d, "a.xray"), data)
    os.link(os.path.join(d, "a.xray"), os.path.join(d, "b.xray"))
    write(os.path.join(d, "c.xray"), data[:-40])
    return [d]


FILES = [
    one("empty file", lambda: b"", [2, 3]),
    beside_good("empty file in a store", lambda p: write(p, b"") and None, [0]),
    beside_good("a hello cut off in a store", lambda p: write(p, good(2)[:200]) and None, [0]),
    *[one(f"{n} bytes of a hello", lambda n=n: good()[:n], [2, 3]) for n in (1, 4, 9, 60, 200)],
    one("text", lambda: b"#!/bin/sh\necho hello\n" * 50, [2]),
    one("gzip", lambda: gzip.compress(b"x" * 5000), [2]),
    one("ELF", lambda: b"\x7fELF\x02\x01\x01" + bytes(500), [2]),
    one("JSON", lambda: b'{"run":{"id":"1"},"steps":[]}\n' * 9, [2]),
    one("line ends changed", lambda: good().replace(b"\n", b"\r\n").replace(b"\x0d", b"\x0d\x0a"), [0, 2, 3]),
    one("seven bits", lambda: bytes(b & 0x7F for b in good()), [2, 3]),
    one("escapes instead of a segment", lambda: EVIL.encode() * 20, [2]),
    one("zeros", lambda: bytes(1 << 20), [2, 3]),
    one("zeros after a seal", lambda: good() + bytes(5000), [0, 3], GOOD),
    one("garbage after a seal", lambda: good() + bytes(range(256)) * 20, [3], GOOD),
    one("nothing but block magics", lambda: good() + b"\x58\x2A\x4D\x18\x70\0\0\0XRB1" * 100000, [3], GOOD),
    one("nothing but hello magics", lambda: good() + b"\x28\xB5\x2F\xFD\x64\x00\x00" * 100000, [0, 3], GOOD),
    Case("directory for a file", lambda d: [os.makedirs(os.path.join(d, "x.xray")) or os.path.join(d, "x.xray")], frozenset([0, 1, 2])),
    Case("no such file", lambda d: [os.path.join(d, "none.xray")], frozenset([2])),
    Case("/dev/zero", lambda d: ["/dev/zero"], frozenset([2])),
    Case("/dev/full", lambda d: ["/dev/full"], frozenset([2])),
    Case("a link that leads nowhere", lambda d: [os.symlink("nowhere", os.path.join(d, "x.xray")) or os.path.join(d, "x.xray")], frozenset([2])),
    Case("a link that leads to itself", lambda d: [os.symlink("x.xray", os.path.join(d, "x.xray")) or os.path.join(d, "x.xray")], frozenset([2])),
    Case("a pipe", lambda d: [os.mkfifo(os.path.join(d, "x.xray")) or os.path.join(d, "x.xray")], frozenset([2])),
    beside_good("a pipe in a store", make_fifo, [0, 3]),
    beside_good("a socket in a store", make_socket, [0, 3]),
    beside_good("a directory in a store", os.mkdir, [0, 3]),
    beside_good("a dangling link in a store", lambda p: os.symlink("nowhere", p), [0, 3]),
    beside_good("a link to a segment in a store", lambda p: os.symlink("good.xray", p), [0, 3]),
    beside_good("an unreadable segment", unreadable, [0, 3]),
    beside_good("a text file named as a segment", lambda p: write(p, EVIL.encode() * 9) and None, [3]),
    beside_good("an index of zeros", lambda p: write(p.replace("other.xray", "good.xray.idx"), bytes(4096)) and None, [0]),
    beside_good("an empty index", lambda p: write(p.replace("other.xray", "good.xray.idx"), b"") and None, [0]),
    beside_good("a directory for an index", lambda p: os.mkdir(p.replace("other.xray", "good.xray.idx")), [0]),
    beside_good("a pipe for an index", lambda p: os.mkfifo(p.replace("other.xray", "good.xray.idx")), [0]),
    beside_good("a tail of garbage", lambda p: write(p.replace("other.xray", "good.xray.tail"), EVIL.encode() * 99) and None, [0, 3]),
    beside_good("a terabyte of nothing", sparse, [0, 3]),
    Case("names of files", evil_names, frozenset([3]), [GOOD]),
    Case("concatenated", concatenated, frozenset([0]), [GOOD, '"pipeline":"second"']),
    Case("one segment three times", twice, frozenset([0]), [GOOD]),
]


# ---- blocks ------------------------------------------------------------------------------------
def frame_of(body: bytes, content_size: int) -> bytes:
    """A zstd frame whose header promises `content_size` bytes."""
    return b"\x28\xB5\x2F\xFD\xE0" + struct.pack("<Q", content_size) + struct.pack("<I", len(body) << 3 | 1)[:3] + body


def rle_bomb(size: int) -> bytes:
    """A frame of RLE blocks: 4 bytes for each 128 KiB of zeros."""
    blocks = -(-size // (128 << 10))
    out = b"\x28\xB5\x2F\xFD\xE0" + struct.pack("<Q", size)
    for i in range(blocks):
        n = min(128 << 10, size - i * (128 << 10))
        out += struct.pack("<I", n << 3 | 1 << 1 | (i == blocks - 1))[:3] + b"\0"
    return out


def bombs(count: int, size: int) -> Callable[[], bytes]:
    def build(s: Segment) -> None:
        for _ in range(count):
            s.block(3, {"kind": "spine"}, 1, 1, "spine", head=dict(raw_len=size), frame=lambda raw: rle_bomb(size))
    return lambda: segment(build) + good()


def head(**fields: int) -> Callable[[], bytes]:
    return lambda: segment(lambda s: s.block(3, {"kind": "spine", "strings": []}, 1, 1, "spine", head=fields) and None) + good(9)


BLOCKS = [
    *[one(f"header: {k} = {v:#x}", head(**{k: v}), [0, 3], GOOD)
      for k, v in (("stored_len", 0), ("stored_len", 0xFFFFFFFF), ("raw_len", 0), ("raw_len", 0xFFFFFFFF), ("raw_len", (64 << 20) + 1),
                   ("rows", 0xFFFFFFFF), ("rows2", 0xFFFFFFFF), ("pos", 0xFFFFFFFFFFFFFFFF), ("ordinal", 0xFFFFFFFFFFFFFFFF),
                   ("first", 0xFFFFFFFFFFFFFFFF))],
    one("times of a header that lie", lambda: segment(lambda s: s.spine(
        runs=[dict(run=RUN, pipeline="good", seq=0, state=3, status=1, start=10)], head=dict(time_min=1 << 60, time_max=-5)) and None),
        [0, 3], GOOD),
    one("content size of 2^63", lambda: segment(lambda s: s.block(3, {"kind": "spine"}, 1, 1, "spine",
        frame=lambda raw: frame_of(raw, 1 << 63)) and None) + good(9), [3], GOOD),
    one("content size too small", lambda: segment(lambda s: s.block(3, {"kind": "spine"}, 1, 1, "spine",
        frame=lambda raw: frame_of(raw, len(raw) - 1)) and None) + good(9), [3], GOOD),
    one("a block within a block", lambda: segment(lambda s: s.payload([good().decode("latin-1")]) and None) + good(9), [0, 3], GOOD),
    one("forty bombs of 64 MiB", bombs(40, 64 << 20), [3], GOOD, heavy=True),
    one("every block damaged", lambda: bytes(b ^ (0x55 if i > 700 and i % 97 == 0 else 0) for i, b in enumerate(good() * 30)),
        [0, 2, 3]), # all behind the last whole block is a torn tail
]


# ---- records -----------------------------------------------------------------------------------
def spine(**changes: object) -> Callable[[], bytes]:
    """A segment whose spine body has other members."""
    def edit(body: dict) -> dict:
        body.update(changes)
        return body
    return lambda: segment(lambda s: s.spine(runs=[dict(run=RUN, pipeline="p", seq=0, state=3)], steps=[
        dict(run=RUN, step=1, state=3, name="n")], edit=edit) and None) + good(9)


def raw_body(data: bytes) -> Callable[[], bytes]:
    class Raw(bytes):
        pass
    from writer import Raw as Bytes
    return lambda: segment(lambda s: s.block(3, Bytes(data), 1, 1, "spine") and None) + good(9)


def evil_everywhere() -> bytes:
    """Every text of every record is made to hurt."""
    def build(s: Segment) -> None:
        value = {EVIL: [EVIL, {EVIL: EVIL}], "ext": Ext(77, EVIL.encode()), "bin": EVIL.encode(), "text": Ext(6, b"\xff\x1b[2J\x9b")}
        s.payload([EVIL * 3], [value])
        s.candidates([dict(run=RUN, step=1, cands=[
            dict(item=EVIL, verdict="reject", reasons=[[EVIL, EVIL, EVIL, EVIL]], score=float("nan"), threshold=float("inf"),
                 evidence=[(EVIL, EVIL)]),
            dict(item="\0\0", verdict="defer", whole=value)])],
            decisions=[dict(run=RUN, step=1, after=1, name=EVIL, body={"selected": [EVIL], "reason": EVIL, EVIL: EVIL})],
            notes=[dict(run=RUN, step=1, after=0, name=EVIL, body=value)])
        s.spine(runs=[dict(run=RUN, pipeline=EVIL, version=EVIL, project=EVIL, session=EVIL, user=EVIL, ext_id=EVIL, seq=0, state=3,
                           status=2, start=0, error=EVIL, error_type=EVIL, tags=value, metadata=value, input=Ext(2, b"\0\0\0\0"),
                           output=Ext(1, b"\0\0\0\0"))],
                steps=[{"run": RUN, "step": 1, "state": 3, "name": EVIL, "type": EVIL, "model": EVIL, "provider": EVIL, "error": EVIL,
                        "error_type": EVIL, "ext_id": EVIL + "2", "parent_ext": EVIL, "in": 2, "out": 0, "reasons": [(EVIL, 2)],
                        "input": Ext(2, b"\0\0\0\0"), "output": Ext(1, b"\0\0\0\0"), "reasoning": EVIL, "params": value,
                        "tags": value, "metadata": value, "attrs": value, "filters": value}],
                details=[dict(run=RUN, step=1, block=1)])
        s.loss([dict(cause=EVIL, what=EVIL, count=(1 << 63) - 1)])
        s.loss([dict(cause=EVIL, what="run", count=(1 << 63) - 1)])
    return segment(build)


def extreme_numbers() -> bytes:
    """Times, durations, counts and costs at both ends."""
    low, high = -(1 << 63), (1 << 63) - 1

    def build(s: Segment) -> None:
        for i, n in enumerate((low + 1, -1, 0, 1, 1 << 53, high)):
            run = bytes([i]) * 16
            s.spine(runs=[dict(run=run, pipeline="good", seq=i, state=3, status=1, start=n, dur=n, end=n, cost=n)],
                    steps=[{"run": run, "step": 1, "state": 3, "name": "n", "type": "filter", "start": n, "dur": n, "in": n, "out": n, "cost": n,
                            "tok_in": n, "tok_out": n, "tok_total": n, "reasons": [("r", n)], "sequence": n}])
    return segment(build)


def chain(count: int) -> Callable[[], bytes]:
    """Steps that stand in one another, a cycle at the end."""
    def build(s: Segment) -> None:
        s.spine(runs=[dict(run=RUN, pipeline="good", seq=0, state=3)])
        for at in range(0, count, 2000):
            s.spine(steps=[{"run": RUN, "step": i + 1, "state": 3, "name": "n", "parent": i if i else count} for i in range(at, min(at + 2000, count))])
    return lambda: segment(build)


def many_names(count: int) -> Callable[[], bytes]:
    """As many pipelines, step names and reasons as there are rows."""
    def build(s: Segment) -> None:
        for at in range(0, count, 1000):
            runs = [(struct.pack(">QQ", i, i), i) for i in range(at, at + 1000)]
            s.spine(runs=[dict(run=r, pipeline=f"p{i % 50}" if i else "good", seq=i, state=3) for r, i in runs],
                    steps=[{"run": r, "step": 1, "state": 3, "name": f"n{i}", "type": f"t{i}", "in": 1, "out": 0, "reasons": [(f"r{i}", 1)]} for r, i in runs])
    return lambda: segment(build)


RECORDS = [
    one("array of 2^32-1 in five bytes", raw_body(b"\xdd\xff\xff\xff\xff"), [3], GOOD),
    one("map of 2^32-1 in five bytes", raw_body(b"\xdf\xff\xff\xff\xff"), [3], GOOD),
    one("text longer than the body", raw_body(b"\x81\xa4kind\xdb\xff\xff\xff\xff"), [3], GOOD),
    one("50,000 arrays in one another", raw_body(b"\x82\xa4kind\xa5spine\xa1x" + b"\x91" * 50000 + b"\xc0"), [0, 3], GOOD),
    one("wide and deep", raw_body(b"\x82\xa4kind\xa5spine\xa1x" + b"\xdc\x75\x30" + b"\x80" * 30000), [0, 3], GOOD),
    one("the byte that is never used", raw_body(b"\x81\xa4kind\xc1"), [3], GOOD),
    one("a body that is no map", raw_body(b"\x93\x01\x02\x03"), [3], GOOD),
    one("an empty body of one byte", raw_body(b"\x80"), [0, 3], GOOD),
    one("bytes behind the body", raw_body(b"\x81\xa4kind\xa5spine\xc0\xc0"), [3], GOOD),
    one("duplicate keys", raw_body(bytes(pack(Pairs([("kind", "spine"), ("strings", ["a"]), ("strings", 5), ("run", {"id": RUN})])))), [0, 3], GOOD),
    one("keys that are no text", raw_body(bytes(pack(Pairs([("kind", "spine"), (5, 5), (None, 1), ([1], 1), ("__proto__", 1)])))), [0, 3], GOOD),
    one("strings that are no array", spine(strings=5), [3], GOOD),
    one("strings that are no texts", spine(strings=[1, None, {}]), [3], GOOD),
    one("run ids of an odd length", spine(run={"id": b"123"}), [3], GOOD),
    one("hostile text everywhere", evil_everywhere, [0]),
    one("extreme numbers", extreme_numbers, [0, 3], GOOD),
    one("a chain of 20,000 steps and a cycle", chain(20000), [0], GOOD, heavy=True),
    one("20,000 names", many_names(20000), [0], GOOD, heavy=True),
]

CASES = FILES + BLOCKS + RECORDS
