#!/usr/bin/python3
"""Writes format-spec/vectors/*.xhex anew: small trace files that are right, damaged or too new, each with
what a reader must make of it. The expected lines stand here by hand; no reader had a part in them.

usage: make_vectors.py [DIRECTORY]

Vectors are committed; run this when the draft of the format changes, and read the difference."""
import os
import struct
import subprocess
import sys
from typing import Any, Callable, Dict, List, Tuple

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from writer import Ext, Pairs, Raw, Segment, Tape, dict_of, pack, planes, raw_frame  # noqa: E402

T = 1700000000000000000
RUN, RUN2 = bytes(range(0x10, 0x20)), bytes(range(0x20, 0x30))
R, R2 = RUN.hex(), RUN2.hex()
LONG = "a text of more than 128 bytes, which the writer of the project would make a part: " + "0123456789" * 6
NOTHING = '["lost",0,"00000000000000000000000000000000"]'
NAN = float("nan")
VECTORS: List[Tuple[str, str, str, str, Callable[[Tape], None]]] = []


def vector(name: str, expect: str, ndjson: str, about: str) -> Callable[[Callable[[Tape], None]], None]:
    """Registers the function below it as the builder of a vector."""
    def keep(build: Callable[[Tape], None]) -> None:
        VECTORS.append((name, expect, ndjson, about, build))
    return keep


def line(text: str) -> str:
    """Lines of the expected output: RUN stands for the run's id."""
    return "".join(part.strip().replace("RUN2", R2).replace("RUN", R) + "\n" for part in text.strip().split("\n") if part.strip())


def part(number: int, count: int = 0) -> Ext:
    return Ext(1, struct.pack(">I", number) + (struct.pack(">I", count) if count else b""))


def value(number: int) -> Ext:
    return Ext(2, struct.pack(">I", number))


def a_run(**more: Any) -> Dict[str, Any]:
    return {"run": RUN, "seq": 0, "state": 3, **more}


def a_step(number: int = 1, **more: Any) -> Dict[str, Any]:
    return {"run": RUN, "step": number, "state": 3, **more}


def simple(seg: Segment, **more: Any) -> None:
    """One run of one step in one block."""
    seg.spine([a_run(pipeline="p", start=T, dur=5, status=1)], [a_step(name="s", type="llm", status=1)], t0=T, **more)


SIMPLE = """{"kind":"run","run":"RUN","pipeline":"p","status":"success","start":"1700000000000000000","end":"1700000000000000005","duration":"5"}
{"kind":"step","run":"RUN","step":1,"name":"s","type":"llm","status":"success"}"""
ONLY_RUN = '{"kind":"run","run":"RUN","status":"success"}\n'
SECOND = '{"kind":"run","run":"RUN2","status":"failure"}\n'


# ---- segments (2, 3) -----------------------------------------------------------------------------
@vector("segment-minimal", "accept", SIMPLE, "The smallest segment that says something: hello, spine, seal.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    simple(seg)
    seg.seal()


@vector("segment-empty", "accept", "", "A hello alone: a writer that has written nothing yet.")
def _(tape: Tape) -> None:
    Segment(tape)


@vector("segment-hello-full", "accept", "", "A hello with everything in it, and with keys of a later version (3.2).")
def _(tape: Tape) -> None:
    seg = Segment(tape, n=3, ignorable=["fast-index"], version=2, later={"key": [1, 2]},
                  writer={"id": b"writer  00000001", "host": "h\u00e9", "pid": 4242, "start": 77, "boot": "b-o-o-t", "app": "vectors 1"},
                  schema={"runs": ["run", "seq"], "steps": ["run", "step"]}, read="unzstd -c FILE prints MessagePack.\nline 2\n")
    seg.seal()


@vector("segment-unsealed", "accept", SIMPLE, "No seal: open, or its writer crashed; not an error (9.2).")
def _(tape: Tape) -> None:
    simple(Segment(tape))


def torn(cut: int, name: str, about: str) -> None:
    @vector(name, "accept", SIMPLE, about)
    def _(tape: Tape) -> None:
        seg = Segment(tape)
        simple(seg)
        other, keep = Tape(), len(tape.rows)
        seg.spine([a_run(user="never seen")])
        tail = b"".join(row for row, _ in tape.rows[keep:])
        del tape.rows[keep:]
        other.put(tail[:cut], "2.2 the torn tail: the beginning of a block")
        tape.rows += other.rows


torn(1, "torn-one-byte", "A torn tail of one byte.")
torn(60, "torn-in-header", "A torn tail that ends within a block header.")
torn(120, "torn-after-header", "A torn tail: a header whose body is not there at all (stored_len lies behind the end).")
torn(150, "torn-in-body", "A torn tail that ends within a body.")


@vector("torn-zeros", "accept", SIMPLE, "A torn tail of zeros, as some file systems leave behind (2.2).")
def _(tape: Tape) -> None:
    simple(Segment(tape))
    tape.put(bytes(48), "2.2 zeros")


@vector("torn-last-body-wrong", "accept", SIMPLE,
        "A last block whose body does not fit its checksum is no whole block: a torn tail (2.2).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    simple(seg)
    seg.spine([a_run(user="never seen")], head={"body": 1})


@vector("concatenated", "accept", line(SIMPLE) + SECOND, "Two segments of one writer, one behind the other (2.3); the second sorts by `n`.")
def _(tape: Tape) -> None:
    seg = Segment(tape, 1, n=0)
    simple(seg)
    seg.seal()
    seg = Segment(tape, 2, by=1, n=1)
    seg.spine([{"run": RUN2, "seq": 1, "state": 3, "status": 2}])
    seg.seal()


@vector("concatenated-by-clock", "accept", SECOND + line(ONLY_RUN), "Runs come in the order of the creation clocks of their segments, not of the file (7.2).")
def _(tape: Tape) -> None:
    Segment(tape, 1, real=T + 10).spine([a_run(status=1)])
    Segment(tape, 2, real=T).spine([{"run": RUN2, "seq": 0, "state": 3, "status": 2}])


@vector("concatenated-torn", "accept", line(ONLY_RUN) + SECOND, "A segment with a torn tail, and another one behind it: the tail is no damage (2.2, 2.3).")
def _(tape: Tape) -> None:
    seg = Segment(tape, 1)
    seg.spine([a_run(status=1)])
    tape.put(b"\x58\x2A\x4D\x18\x70\0\0\0XR", "2.2 torn tail")
    Segment(tape, 2, real=T + 1).spine([{"run": RUN2, "seq": 0, "state": 3, "status": 2}])


@vector("concatenated-cut", "accept", line(ONLY_RUN) + SECOND,
        "A segment that was cut off within a body, and another one behind it: stored_len speaks of bytes that are not its own (2.2, 2.3).")
def _(tape: Tape) -> None:
    Segment(tape, 1).spine([a_run(status=1)])
    other = Tape()
    cut = Segment(other, 1)
    cut.spine([a_run(status=1)])
    start = len(other.data)
    cut.payload(["x" * 150])
    tape.put(other.data[start:start + 180], "2.2 the first 180 bytes of a block of 300")
    Segment(tape, 2, real=T + 1).spine([{"run": RUN2, "seq": 0, "state": 3, "status": 2}])


@vector("concatenated-hello-damaged", "damaged", line('{"kind":"run","run":"RUN2","status":"failure"}') + ONLY_RUN,
        "The hello of the second of two segments is damaged: its place is known, its blocks vouch for its id (3.4). Without a clock it comes first.")
def _(tape: Tape) -> None:
    seg = Segment(tape, 1)
    seg.spine([a_run(status=1)])
    seg.seal()
    start = len(tape.data)
    seg = Segment(tape, 2, real=T + 1)
    flip(tape, start + 40)
    seg.spine([{"run": RUN2, "seq": 0, "state": 1}])
    seg.spine([{"run": RUN2, "seq": 0, "state": 2, "status": 2}])


@vector("compressed-body", "accept", line(SIMPLE), "A body in a zstd frame that really is compressed (4.4).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    simple(seg, frame=zstd)
    seg.seal(frame=zstd)


@vector("frame-over-window", "accept", line('{"kind":"run","run":"RUN","status":"running","input":"p0"}'),
        "A body of 9 MiB in a zstd frame with a window of 8 MiB: the most that a window may be, not a frame (4.4).")
def _(tape: Tape) -> None:
    def windowed(raw: bytes) -> bytes:
        frame_ = run_frame(raw)  # its descriptor says: one piece, content size of 4 bytes
        return frame_[:4] + b"\x80\x68" + frame_[5:]
    seg = Segment(tape)
    seg.payload(["p0", bytes(9 << 20)], frame=windowed)
    seg.spine([a_run(input=part(0))])
    seg.seal()


def zstd(raw: bytes) -> bytes:
    """What the program makes of it. Only for the vector that is about real compression: other versions write other bytes."""
    return subprocess.run(["zstd", "-3cq", "--no-check", f"--stream-size={len(raw)}"], input=raw, check=True, capture_output=True).stdout


def frame(raw: bytes) -> bytes:
    """A frame of one raw block, by hand."""
    return b"".join(row for row, _ in raw_frame(raw)) + raw


def run_frame(raw: bytes) -> bytes:
    """A frame that says a run of at least 9 equal bytes shortly: raw blocks with a run-length block between, by hand."""
    start = next(i for i in range(len(raw)) if raw[i:i + 9] == raw[i:i + 1] * 9)
    head, tail = raw[:start], raw[start:].lstrip(raw[start:start + 1])
    blocks = [(head, len(head) << 3)]
    left = len(raw) - len(head) - len(tail)
    while left:
        blocks.append((raw[start:start + 1], min(left, 128 << 10) << 3 | 2))
        left -= min(left, 128 << 10)
    blocks.append((tail, len(tail) << 3 | 1))
    return b"\x28\xB5\x2F\xFD\xA0" + struct.pack("<I", len(raw)) + b"".join(struct.pack("<I", h)[:3] + data for data, h in blocks)


# ---- runs and steps (7) --------------------------------------------------------------------------
@vector("run-begun-only", "accept", '{"kind":"run","run":"RUN","pipeline":"p","status":"running","start":"1700000000000000000"}',
        "A run that has begun: one row with state 1, no status.")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(state=1, pipeline="p", start=T)], t0=T)


@vector("run-every-column", "accept", """{"kind":"run","run":"RUN","ext_id":"order-1","pipeline":"p","version":"1.2","project":"pr","session":"se","user":"us","parent_run":"202122232425262728292a2b2c2d2e2f","status":"partial","start":"1700000000000000000","end":"1700000000000000100","duration":"7","cost":0.0000015,"flags":7,"error":{"type":"E","message":"m","stack":"s"},"tags":{"a":"b"},"metadata":{"k":1},"input":"in","output":[1,2.5],"attrs":{"x":null}}""",
        "Each column of `runs` (7.3), in the order of section 13; error_type is derived and not printed.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(ext_id="order-1", pipeline="p", version="1.2", project="pr", session="se", user="us", parent_run=RUN2, start=T,
                     dur=7, end=T + 100, status=3, error_type="E", cost=1500, flags=7, error={"type": "E", "message": "m", "stack": "s"},
                     tags={"a": "b"}, metadata={"k": 1}, input="in", output=[1, 2.5], attrs={"x": None})], t0=T)
    seg.seal()


@vector("step-every-column", "accept", line(ONLY_RUN) + line("""
{"kind":"step","run":"RUN","step":1,"name":"outer","status":"running"}
{"kind":"step","run":"RUN","step":2,"ext_id":"s-2","parent":1,"sequence":40,"name":"n","type":"rank","status":"failure","start":"1700000000000000001","end":"1700000000000000009","duration":"3","candidates_in":100,"candidates_out":10,"kept":50,"reasons":{"too_old":80,"too_dear":10},"model":"m","provider":"pv","tokens":{"input":1,"output":2,"cache_read":3,"cache_write":4,"reasoning":5,"total":6},"cost":2,"flags":1,"error":"E: m","filters":{"f":1},"params":{"t":0.5},"sampling":{"mode":"all"},"tags":{"a":"b"},"metadata":{"k":[]},"attrs":{"x":{}},"input":"i","output":"o","reasoning":"r"}"""),
        "Each column of `steps` (7.4), in the order of section 13.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    full = a_step(2, ext_id="s-2", parent=1, parent_ext="ignored", sequence=40, name="n", type="rank", start=T + 1, dur=3, end=T + 9, status=2,
                  out=10, kept=50, reasons=[("too_old", 80), ("too_dear", 10)], error_type="E", model="m", provider="pv", tok_in=1,
                  tok_out=2, tok_cache_read=3, tok_cache_write=4, tok_reasoning=5, tok_total=6, cost=2 * 10**9, flags=1, error="E: m",
                  input="i", output="o", reasoning="r", filters={"f": 1}, params={"t": 0.5}, sampling={"mode": "all"},
                  tags={"a": "b"}, metadata={"k": []}, attrs={"x": {}})
    full["in"] = 100
    seg.spine([a_run(status=1)], [a_step(1, state=1, name="outer"), full], t0=T)
    seg.seal()


@vector("delta-times", "accept", line("""
{"kind":"run","run":"RUN","status":"running","start":"1000"}
{"kind":"step","run":"RUN","step":1,"status":"running","start":"900"}
{"kind":"step","run":"RUN","step":2,"status":"running"}
{"kind":"step","run":"RUN","step":3,"status":"running","start":"-5","end":"-2","duration":"3"}
{"kind":"run","run":"RUN2","status":"running","start":"0"}"""),
        "Delta columns start at t0 in each table, and nil does not count (5.2). Times may be zero and negative; a missing one is missing (1.4).")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(start=1000), {"run": RUN2, "seq": 1, "state": 1, "start": 0}],
                        [a_step(1, start=900), a_step(2), a_step(3, start=-5, dur=3)], t0=990)


@vector("ids-of-applications", "accept", line("""
{"kind":"run","run":"RUN","ext_id":"00112233-4455-6677-8899-aabbccddeeff","status":"running"}
{"kind":"step","run":"RUN","step":1,"ext_id":"00f067aa0ba902b7","status":"running"}
{"kind":"step","run":"RUN","step":2,"ext_id":"text","parent":1,"status":"running"}"""),
        "ext_id as bin 16 (a UUID), bin 8 (hex digits) and str (7.3); parent_ext finds its step in either form (7.4).")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(ext_id=bytes.fromhex("00112233445566778899aabbccddeeff"))],
                        [a_step(1, ext_id=bytes.fromhex("00f067aa0ba902b7")), a_step(2, ext_id="text", parent_ext="00f067aa0ba902b7")])


@vector("costs", "accept", line('{"kind":"run","run":"RUN","status":"running","cost":0}') + "".join(
    line('{"kind":"step","run":"RUN","step":%d,"status":"running","cost":%s}' % x) for x in
    ((1, "0.000000001"), (2, "-0.25"), (3, "12"), (4, "9223372036.854775807"), (5, "1000000.5"))),
        "Costs: exact decimal numbers of units, without zeros at the end (13).")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(cost=0)], [a_step(i, cost=c) for i, c in
                        enumerate((1, -250000000, 12 * 10**9, (1 << 63) - 1, 1000000500000000), 1)])


@vector("joined-in-two-blocks", "accept", line("""
{"kind":"run","run":"RUN","pipeline":"p","version":"2","status":"success","start":"1700000000000000000","end":"1700000000000000009","duration":"9","tags":{"a":"new","b":2,"c":3},"output":"out"}
{"kind":"step","run":"RUN","step":1,"name":"later name","type":"llm","status":"success","candidates_out":2,"reasons":{"x":5},"metadata":{"m":2},"input":"first","output":"second"}"""),
        "A run and a step of two rows in two blocks: the last row that has a value wins, maps are merged, histograms replaced (7.2).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(state=1, pipeline="p", start=T, tags={"a": "old", "b": 2})],
              [a_step(state=1, name="name", type="llm", input="first", reasons=[("x", 1), ("y", 2)], metadata={"m": 1})], t0=T)
    last = a_step(state=2, name="later name", status=1, output="second", reasons=[("x", 5)], metadata={"m": 2})
    last["out"] = 2
    seg.spine([a_run(seq=None, state=2, version="2", dur=9, status=1, tags={"c": 3, "a": "new"}, output="out")], [last])
    seg.seal()


@vector("joined-over-segments", "accept", line("""
{"kind":"run","run":"RUN","pipeline":"p","status":"success","start":"5"}
{"kind":"step","run":"RUN","step":1,"name":"s","type":"llm","status":"success"}
{"kind":"step","run":"RUN","step":2,"name":"t","status":"running"}"""),
        "A run over a rotation: the second segment of the same writer repeats what identifies it (7.2).")
def _(tape: Tape) -> None:
    Segment(tape, 1, n=0).spine([a_run(state=1, pipeline="p", start=5)], [a_step(1, state=1, name="s", type="llm")])
    Segment(tape, 2, by=1, n=1).spine([a_run(state=2, start=5, status=1)], [a_step(1, state=2, name="s", type="llm", status=1),
                                                                                 a_step(2, state=1, name="t")])


@vector("two-writers", "accept", line("""
{"kind":"run","run":"RUN","status":"success"}
{"kind":"step","run":"RUN","step":1,"ext_id":"a","name":"first of one","status":"running"}
{"kind":"step","run":"RUN","step":2,"parent":1,"name":"second of one","status":"running"}
{"kind":"step","run":"RUN","step":3,"parent":1,"name":"first of two","status":"running"}
{"kind":"cand","run":"RUN","step":3,"item":"i","verdict":"accept"}
{"kind":"step","run":"RUN","step":4,"parent":3,"name":"second of two","status":"running"}"""),
        "Two processes write one run: step numbers are those of the writer, readers number anew (7.2); parents across writers go by ext_id (7.4).")
def _(tape: Tape) -> None:
    Segment(tape, 1, real=T).spine([a_run(status=1)], [a_step(1, ext_id="a", name="first of one"), a_step(2, parent=1, name="second of one")])
    seg = Segment(tape, 2, real=T + 1)
    at = seg.candidates([{"run": RUN, "step": 1, "cands": [{"item": "i", "verdict": "accept"}]}])
    seg.spine([], [a_step(2, parent=1, name="second of two"), a_step(1, parent_ext="a", name="first of two")],
              [{"run": RUN, "step": 1, "block": at}])


@vector("order-by-seq", "accept", line('{"kind":"run","run":"RUN2","status":"running"}\n{"kind":"run","run":"RUN","status":"running"}'),
        "Within a segment runs come by `seq` (7.2), whatever the order of the rows.")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(seq=7), {"run": RUN2, "seq": 2, "state": 1}])


@vector("order-seq-missing", "accept", line("""
{"kind":"run","run":"RUN2","status":"running"}
{"kind":"run","run":"RUN","status":"running"}"""), "A run without a `seq` comes behind those of its segment that have one (7.2).")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(seq=None), {"run": RUN2, "seq": 9, "state": 1}])


@vector("order-by-first-row", "accept", line("""
{"kind":"run","run":"RUN","status":"running"}
{"kind":"step","run":"RUN","step":1,"name":"early","status":"running"}
{"kind":"step","run":"RUN","step":2,"name":"late","status":"running"}
{"kind":"run","run":"RUN2","status":"running"}"""),
        "A run stands where the first row that speaks of it stands, be it of a step (7.2).")
def _(tape: Tape) -> None:
    Segment(tape, 1, real=T + 5).spine([a_run(seq=3)], [a_step(1, name="late")])
    Segment(tape, 2, real=T).spine([], [a_step(1, name="early")])
    Segment(tape, 3, real=T + 2).spine([{"run": RUN2, "seq": 0, "state": 1}])


@vector("order-of-writers", "accept", line("""
{"kind":"run","run":"RUN2","status":"running"}
{"kind":"run","run":"RUN","status":"running"}
{"kind":"step","run":"RUN","step":1,"name":"of two","status":"running"}
{"kind":"step","run":"RUN","step":2,"name":"of one","status":"running"}"""),
        "Writers of a run are ordered by their first rows in this run (7.2), so that other segments do not change its numbers.")
def _(tape: Tape) -> None:
    Segment(tape, 1, by=1, n=0, real=T).spine([{"run": RUN2, "seq": 0, "state": 1}])
    Segment(tape, 2, by=2, real=T + 3).spine([a_run()], [a_step(1, name="of two")])
    Segment(tape, 3, by=1, n=1, real=T + 5).spine([], [a_step(1, name="of one")])


@vector("segment-twice", "accept", line(SIMPLE.replace('"pipeline":"p",', '"pipeline":"p","user":"u",')), "A copy of a segment behind it, one block shorter: it counts once, in its longer form.")
def _(tape: Tape) -> None:
    for longer in (True, False):
        seg = Segment(tape)
        simple(seg)
        if longer:
            seg.spine([a_run(seq=None, state=0, user="u")])


@vector("names-empty", "accept", line("""
{"kind":"run","run":"RUN","status":"running"}
{"kind":"step","run":"RUN","step":1,"status":"running"}"""), "An empty name or id is none.")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(ext_id="", project="", pipeline="")], [a_step(1, name="", reasons=[])])


@vector("steps-nested", "accept", line('{"kind":"run","run":"RUN","status":"running"}') + line("""
{"kind":"step","run":"RUN","step":1,"name":"a","status":"running"}
{"kind":"step","run":"RUN","step":2,"parent":1,"name":"b","status":"running"}
{"kind":"step","run":"RUN","step":3,"parent":2,"name":"c","status":"running"}
{"kind":"step","run":"RUN","step":4,"parent":1,"name":"d","status":"running"}"""),
        "Nested steps. The writer's numbers 1, 2, 5, 9 become 1, 2, 3, 4, parents included (7.2).")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run()], [a_step(1, name="a"), a_step(2, name="b", parent=1), a_step(5, name="c", parent=2), a_step(9, name="d", parent=1)])


@vector("steps-orphans", "accept", line('{"kind":"run","run":"RUN","status":"running"}') + line("""
{"kind":"step","run":"RUN","step":1,"name":"number not there","status":"running"}
{"kind":"step","run":"RUN","step":2,"parent_ext":"nobody","name":"ext not there","status":"running"}
{"kind":"step","run":"RUN","step":3,"parent":4,"name":"found by ext","status":"running"}
{"kind":"step","run":"RUN","step":4,"ext_id":"x","name":"x","status":"running"}"""),
        "Parents that are not found: parent_ext is printed only then (7.4, 13). A parent may come later.")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run()], [a_step(1, name="number not there", parent=77), a_step(2, name="ext not there", parent_ext="nobody"),
                                    a_step(3, name="found by ext", parent=78, parent_ext="x"), a_step(4, name="x", ext_id="x")])


@vector("steps-same-ext-id", "accept", line('{"kind":"run","run":"RUN","status":"running"}') + line("""
{"kind":"step","run":"RUN","step":1,"parent":2,"name":"child","status":"running"}
{"kind":"step","run":"RUN","step":2,"ext_id":"x","name":"first x","status":"running"}
{"kind":"step","run":"RUN","step":3,"ext_id":"x","name":"second x","status":"running"}"""),
        "Of several steps with the ext_id of a parent the first in order is meant (7.4), whatever the order of their rows.")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run()], [a_step(3, name="second x", ext_id="x"), a_step(2, name="first x", ext_id="x"), a_step(1, name="child", parent_ext="x")])


@vector("steps-cycles", "accept", line('{"kind":"run","run":"RUN","status":"running"}') + line("""
{"kind":"step","run":"RUN","step":1,"name":"its own parent","status":"running"}
{"kind":"step","run":"RUN","step":2,"parent":4,"name":"hangs on the cycle","status":"running"}
{"kind":"step","run":"RUN","step":3,"name":"lowest of the cycle","status":"running"}
{"kind":"step","run":"RUN","step":4,"parent":3,"name":"second","status":"running"}
{"kind":"step","run":"RUN","step":5,"parent":4,"name":"third","status":"running"}"""),
        "Cycles of parents: the member with the lowest number has no parent, the others keep theirs (7.4).")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run()], [a_step(1, name="its own parent", parent=1), a_step(2, name="hangs on the cycle", parent=4),
                                    a_step(3, name="lowest of the cycle", parent=5), a_step(4, name="second", parent=3),
                                    a_step(5, name="third", parent=4)])


@vector("steps-without-run", "accept", line("""
{"kind":"run","run":"RUN","pipeline":"p","status":"running"}
{"kind":"step","run":"RUN","step":1,"name":"s","status":"running"}"""),
        "Steps whose run has no row (its block was lost, or its writer has not got so far): the run is what the `run` table knows (5.3).")
def _(tape: Tape) -> None:
    Segment(tape).spine([], [a_step(1, name="s")], edit=lambda body: body["run"].update(pipeline=[len(body["strings"])])
                        or body["strings"].append("p"))


# ---- values (6) and their NDJSON (13) --------------------------------------------------------------
def run_line(fields: str) -> str:
    return line('{"kind":"run","run":"RUN","status":"running",' + fields + "}")


@vector("value-kinds", "accept", run_line(
    '"input":[null,true,false,0,-1,127,128,-32,-33,65535,-32769,4294967296,9223372036854775807,-9223372036854775808,18446744073709551615,"",[],{}],'
    '"output":[0.0,-0.0,1.0,0.1,100.0,123456.789,1e-05,0.0001,1e+16,9999999999999998.0,1e+22,5e-324,1.7976931348623157e+308,0.30000000000000004,'
    '{"$f":"nan"},{"$f":"inf"},{"$f":"-inf"}]'),
        "Integers of every size, and doubles in the layout of section 13.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(input=[None, True, False, 0, -1, 127, 128, -32, -33, 65535, -32769, 1 << 32, (1 << 63) - 1, -(1 << 63), (1 << 64) - 1, "", [], {}],
                     output=[0.0, -0.0, 1.0, 0.1, 100.0, 123456.789, 1e-5, 1e-4, 1e16, 9999999999999998.0, 1e22, 5e-324, 1.7976931348623157e308,
                             0.1 + 0.2, float("nan"), float("inf"), float("-inf")])])
    seg.seal()


@vector("value-not-canonical", "accept", run_line('"input":[1,1,1,-1,0.5,"a","a",[2],{"k":3},{"$bin":"eA=="},{"$ext":[40,"eA=="]}]'),
        "Legal MessagePack that is not the shortest, and a float32: readers must take it (1.2).")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(input=[Raw(b"\xcc\x01"), Raw(b"\xcf" + bytes(7) + b"\x01"), Raw(b"\xd3" + bytes(7) + b"\x01"), Raw(b"\xd1\xff\xff"),
                                      Raw(b"\xca\x3f\0\0\0"), Raw(b"\xd9\x01a"), Raw(b"\xdb\0\0\0\x01a"), Raw(b"\xdd\0\0\0\x01\x02"), Raw(b"\xdf\0\0\0\x01\xa1k\x03"),
                                      Raw(b"\xc6\0\0\0\x01x"), Raw(b"\xc9\0\0\0\x01\x28x")])])


@vector("value-text", "accept", run_line(
    '"input":["\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u000b\\u001b\\u001f \\u007f\\u0080\\u009f\u00a0\u00ac\\u00ad\u00ae",'
    '"\u061b\\u061c\u061d|\u180d\\u180e\u180f|\u200a\\u200b\\u200f\u2010|\u2027\\u2028\\u202e\u202f|\u205f\\u2060\\u2065\\u206f\u2070",'
    '"\ufefe\\ufeff\uff00|\ufff8\\ufff9\\ufffb\ufffc|\U0001F600\U000dffff\\udb40\\udc00\\udb40\\udc7f\U000e0080"],"output":{"\\n":1}'),
        "Text: what is escaped and what is not (13), by both ends of each range. Keys are escaped like values.")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(input=[
        '"\\/\b\f\n\r\t\0\x0b\x1b\x1f \x7f\x80\x9f\u00a0\u00ac\u00ad\u00ae',
        "\u061b\u061c\u061d|\u180d\u180e\u180f|\u200a\u200b\u200f\u2010|\u2027\u2028\u202e\u202f|\u205f\u2060\u2065\u206f\u2070",
        "\ufefe\ufeff\uff00|\ufff8\ufff9\ufffb\ufffc|\U0001F600\U000dffff\U000e0000\U000e007f\U000e0080"], output={"\n": 1})])


@vector("value-ext", "accept", run_line(
    '"input":[{"$missing":["not captured",0,"00000000000000000000000000000000"]},{"$missing":["redacted",5000000000,"000102030405060708090a0b0c0d0e0f"]},'
    '{"$missing":["lost",0,"00000000000000000000000000000000"]},123456789012345678901234567890,-0.1e+400,{"$ext":[7,"YWI="]},{"$ext":[0,""]},{"$bstr":"//5h"},'
    '{"$ext":[-1,"AAAAAQ=="]},{"$ext":[-128,"eA=="]},{"$ext":[32,"eA=="]},{"$ext":[127,"AAECAwQFBgcICQoLDA0ODxA="]},{"$bin":""},{"$bin":"AP8="}]'),
        "Ext 3 in its three states, ext 4, 5, 6, ext of the application's own, bin (6.3, 13).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(input=[Ext(3, b"\x01" + bytes(24)), Ext(3, b"\x02" + struct.pack(">Q", 5000000000) + bytes(range(16))), Ext(3, b"\x03" + bytes(24)),
                            Ext(4, b"123456789012345678901234567890"), Ext(4, b"-0.1e+400"), Ext(5, b"\x07ab"), Ext(5, b"\0"), Ext(6, b"\xff\xfea"),
                            Ext(-1, b"\0\0\0\x01"), Ext(-128, b"x"), Ext(32, b"x"), Ext(127, bytes(range(17))), b"", b"\0\xff"])])
    seg.seal()


@vector("value-ext-odd", "accept", run_line(
    '"input":[{"$ext":[3,"BA=="]},{"$ext":[3,"BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="]},{"$ext":[4,"MDE="]},{"$ext":[4,"IiI="]},{"$ext":[5,""]},{"$ext":[9,"eA=="]},{"$ext":[0,"eA=="]}]'),
        "Ext types of the format whose data is not what 6.3 says, or that 6.3 does not name: shown as what they are, never as broken JSON.")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(input=[Ext(3, b"\x04"), Ext(3, b"\x04" + bytes(24)), Ext(4, b"01"), Ext(4, b'""'), Ext(5, b""), Ext(9, b"x"), Ext(0, b"x")])])


@vector("value-maps", "accept", run_line(
    '"input":[{"$map":[[1,"int"],["k","text"]]},{"$map":[["k",1],["k",2]]},{"$map":[["$bin","x"]]},{"$a":1,"b":2},{"$a":1,"$b":2},{"$map":[[null,0]]},'
    '{"$map":[[[1],{"x":[]}]]},{"$map":[[{"$bstr":"/w=="},0]]},{"b":1,"a":2},{"":0}]'),
        "Maps that JSON cannot say (13): keys that are no text, keys twice, exactly one key and that with `$`. The order of keys is kept.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(input=[Pairs([(1, "int"), ("k", "text")]), Pairs([("k", 1), ("k", 2)]), {"$bin": "x"}, {"$a": 1, "b": 2}, {"$a": 1, "$b": 2}, {None: 0},
                            Pairs([([1], {"x": []})]), Pairs([(Ext(6, b"\xff"), 0)]), {"b": 1, "a": 2}, {"": 0}])])
    seg.seal()


@vector("value-parts", "accept", run_line(
    '"metadata":{"k":"%s","n":1},"input":"%s","output":["first",[2],"%s","second"]' % (LONG, LONG, LONG)),
        "Ext 1 as a whole value, in a map, and in an array (6.3).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload([LONG, [2]])
    seg.spine([a_run(input=part(0), metadata={"k": part(0), "n": 1}, output=["first", part(1), part(0), "second"])])
    seg.seal()


@vector("value-part-ranges", "accept", run_line('"input":["p0",1,"p1",{"p":2},"p3","z"],"output":[["p1",{"p":2}],"p0"]'),
        "Ext 1 with a count: that many elements of the array it stands in (6.3), over two payload blocks.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload(["p0", "p1"])
    seg.payload([{"p": 2}, "p3"])
    seg.spine([a_run(input=[part(0), 1, part(1, 3), "z"], output=[[part(1, 2)], part(0)])])
    seg.seal()


@vector("value-skeletons", "accept", run_line('"input":{"messages":["p0","p1","p2"],"k":1},"output":["p0"],"attrs":{"messages":["p0","p1","p2"],"k":1}'),
        "Ext 2: skeletons in `values`, with ext 1 inside, also to parts of their own block (6.2).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload(["p0"], [[part(0)]])
    seg.payload(["p1", "p2"], [{"messages": [part(0), part(1, 2)], "k": 1}])
    seg.spine([a_run(input=value(1), output=value(0), attrs=value(1))])
    seg.seal()


@vector("value-dangling", "accept", run_line(
    '"error":{"$missing":@},"tags":{"t":{"$missing":@}},"metadata":{"$missing":@},"input":["p0",{"$missing":@},{"$missing":@}],"output":{"$missing":@},"attrs":{"k":{"$missing":@}}'.replace("@", NOTHING)),
        "References to nothing, ext 2 within a value, a count outside an array: each reads as ext 3, state 3 (6.6).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload(["p0"])
    seg.spine([a_run(error=part(0, 2), tags={"t": part(0, 2)}, metadata=value(0), input=[part(0, 3)], output=part(9), attrs={"k": value(0)})])


@vector("value-from-the-future", "accept", run_line('"input":["p0",{"$missing":%s}],"output":{"$missing":%s}' % (NOTHING, NOTHING)),
        "References to a part and a value of a block that comes later: not there yet, so lost (4.6, 6.6).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload(["p0"])
    seg.spine([a_run(input=[part(0), part(1)], output=value(0))])
    seg.payload(["p1"], ["v0"])


@vector("value-part-with-reference", "accept", run_line('"input":["p0",{"$missing":%s}]' % NOTHING),
        "Parts contain no references (6.2): one that does is not followed.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload(["p0", part(0)])
    seg.spine([a_run(input=[part(0), part(1)])])


@vector("value-reference-malformed", "accept", run_line('"tags":{"k":{"$missing":@}},"input":[{"$missing":@},{"$missing":@},"p0"],"output":{"$missing":@},"attrs":{"$missing":@}'.replace("@", NOTHING)),
        "References of a wrong length lead nowhere: ext 1 of 5 bytes and of none, ext 2 of 8 (6.3, 6.6).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload(["p0"], ["v0"])
    seg.spine([a_run(tags={"k": Ext(1, bytes(3))}, input=[Ext(1, bytes(5)), Ext(1, b""), part(0)], output=Ext(2, bytes(8)), attrs=Ext(1, bytes(12)))])


@vector("value-range-of-none", "accept", run_line('"input":[{"$missing":@},"p0"]'.replace("@", NOTHING)),
        "Ext 1 with a count of 0 says nothing that could be followed; a count of 1 is one part (6.3).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload(["p0"])
    seg.spine([a_run(input=[Ext(1, bytes(8)), part(0, 1)])])


@vector("value-over-limit", "damaged", line('{"kind":"run","run":"RUN","user":"u","status":"running","input":{"$missing":@},"output":{"$missing":@},"attrs":{"x":1}}'.replace("@", NOTHING)),
        "Values that would be more than 64 MiB with their references resolved: left out and reported, everything else stays (6.6, 11).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload([bytes(1 << 20)], frame=run_frame)
    seg.payload([], [[part(0)] * 64])
    seg.spine([a_run(user="u", input=value(0), output=[part(7, 0xFFFFFFFF)], attrs={"x": 1})])
    seg.seal()


@vector("value-not-utf8", "accept", run_line('"input":[{"$bstr":"//4="},{"$bstr":"7aCA"},{"$map":[[{"$bstr":"/w=="},1]]}]'),
        "A str that is not UTF-8, or has surrogates in it, against 1.5: shown like ext 6.")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(input=[Raw(b"\xa2\xff\xfe"), Raw(b"\xa3\xed\xa0\x80"), Raw(b"\x81\xa1\xff\x01")])])


@vector("value-null", "accept", run_line('"tags":{},"input":"","output":[null]'), "nil in a column is a value that is missing (5.1); empty values are values.")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(input="", output=[None], tags={}), {"run": RUN, "state": 0, "metadata": None}])


@vector("value-depth-with-parts", "damaged", line('{"kind":"run","run":"RUN","status":"running","input":%s1%s,"output":{"$missing":%s}}' % ("[" * 64, "]" * 64, NOTHING)),
        "A part of depth 40 within a value of depth 24 is 64 deep: the limit. Within one of 25 the value is over it, and lost (6.6, 11).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload([Raw(b"\x91" * 40 + b"\x01")])
    seg.payload([], [Raw(b"\x91" * 23 + pack([part(0)])), Raw(b"\x91" * 24 + pack([part(0)]))])
    seg.spine([a_run(input=value(0), output=value(1))])


@vector("value-depth-in-place", "accept", run_line('"input":' + "[" * 64 + "]" * 64 + ',"output":' + '{"k":' * 63 + "{}" + "}" * 63),
        "Values nested 64 deep in their column: the depth counts from the value itself, not from the body (11).")
def _(tape: Tape) -> None:
    Segment(tape).spine([a_run(input=Raw(b"\x91" * 63 + b"\x90"), output=Raw(b"\x81\xa1k" * 63 + b"\x80"))])


# ---- candidates (8) ------------------------------------------------------------------------------
def spine_for(seg: Segment, *blocks: int) -> None:
    seg.spine([a_run()], [a_step(1, name="s")], [{"run": RUN, "step": 1, "block": b} for b in blocks])


STEP = '{"kind":"run","run":"RUN","status":"running"}\n{"kind":"step","run":"RUN","step":1,"name":"s","status":"running"}\n'


def cand(fields: str) -> str:
    return '{"kind":"cand","run":"RUN","step":1,' + fields + "}\n"


@vector("cands-every-field", "accept", line(STEP
        + cand('"item":"a","verdict":"accept"')
        + cand('"item":"b","verdict":"reject","reasons":[{"code":"c","rule":"r","version":"v","params":"p"},{"rule":"r"},{"code":"d"}],"score":0.5,"threshold":1.0,"rank_in":9,"rank_out":-1,"weight":2.25,"time":"1700000000000000003","by":"agent","provenance":"observed","evidence":{"k":1,"l":"x"}')
        + cand('"item":"c","verdict":"defer","by":"rule","provenance":"inferred","evidence":[1,"whole"]')
        + cand('"item":"a","verdict":"modify","score":-1.5,"by":"verifier","evidence":{"l":null}')
        + cand('"item":"d","verdict":"accept","time":"1700000000000000001","by":"human","evidence":{"$map":[["k",1],["k",2.5]]}')
        + cand('"item":"d","verdict":"accept","evidence":{"$map":[["$k",true]]}')),
        "Each field, verdict, author and provenance of a candidate (8.2, 8.5); evidence as a list and as a whole; an item twice.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    b = seg.candidates([{"run": RUN, "step": 1, "time": T, "cands": [
        {"item": "a", "verdict": "accept"},
        {"item": "b", "verdict": "reject", "reasons": [["c", "r", "v", "p"], [None, "r"], ["d"]], "score": 0.5, "threshold": 1.0, "rank_in": 9,
         "rank_out": -1, "weight": 2.25, "time": T + 3, "by": 1, "prov": 1, "evidence": [("k", 1), ("l", "x")]},
        {"item": "c", "verdict": "defer", "by": 2, "prov": 2, "whole": [1, "whole"]},
        {"item": "a", "verdict": "modify", "score": -1.5, "by": 3, "evidence": [("l", None)]},
        {"item": "d", "verdict": "accept", "time": T + 1, "by": 4, "evidence": [("k", 1), ("k", 2.5)]},
        {"item": "d", "verdict": "accept", "evidence": [("$k", True)]}]}])
    spine_for(seg, b)
    seg.seal()


@vector("cands-depth-in-place", "accept", line(STEP + cand('"item":"a","verdict":"accept","evidence":{"k":' + "[" * 64 + "]" * 64 + "}")
                                               + cand('"item":"b","verdict":"accept","evidence":{"k":1}')),
        "The same in evidence, and out of a dictionary, which is a map around it (5.2, 11).")
def _(tape: Tape) -> None:
    deep = Raw(b"\x91" * 63 + b"\x90")
    seg = Segment(tape)
    spine_for(seg, seg.candidates([{"run": RUN, "step": 1, "cands": [
        {"item": "a", "verdict": "accept", "evidence": [("k", deep)]}, {"item": "b", "verdict": "accept", "evidence": [("k", 1)]}]}],
        nums={"k": dict_of(deep, 1)}))


@vector("value-depth-64", "accept", run_line('"input":' + "[" * 64 + "]" * 64), "A part nested 64 deep: the limit (11).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload([Raw(b"\x91" * 63 + b"\x90")])
    seg.spine([a_run(input=part(0))])


def single_field(bit: int, name: str, given: Any, shown: str) -> None:
    @vector(f"cands-field-{name.replace('_', '-')}", "accept", line(STEP + cand('"item":"a","verdict":"accept"') + cand(f'"item":"b","verdict":"accept",{shown}')),
            f"A shape with bit {bit} of `fields` alone (8.2): the column has one element, for the second candidate.")
    def _(tape: Tape) -> None:
        seg = Segment(tape)
        spine_for(seg, seg.candidates([{"run": RUN, "step": 1, "cands": [{"item": "a", "verdict": "accept"}, {"item": "b", "verdict": "accept", name: given}]}]))
        seg.seal()


for number, field in enumerate((("score", 0.1, '"score":0.1'), ("threshold", 3.0, '"threshold":3.0'), ("rank_in", 0, '"rank_in":0'), ("rank_out", 7, '"rank_out":7'),
                                ("weight", 1e-7, '"weight":1e-07'), ("time", 42, '"time":"42"'), ("whole", {"w": 1}, '"evidence":{"w":1}'))):
    single_field(number, *field)


def num_columns(name: str, about: str, shown: List[str], cands: List[Dict[str, Any]], **nums: Any) -> None:
    """Candidates a, b, c, ... of one step, with columns that are not plain."""
    @vector(f"cands-num-{name}", "accept", line(STEP + "".join(cand(f'"item":"{chr(97 + i)}","verdict":"accept"{x}') for i, x in enumerate(shown))), about)
    def _(tape: Tape) -> None:
        seg = Segment(tape)
        rows = [{"item": chr(97 + i), "verdict": "accept", **c} for i, c in enumerate(cands)]
        spine_for(seg, seg.candidates([{"run": RUN, "step": 1, "cands": rows}], nums=nums))
        seg.seal()


num_columns("planes", "num columns as planes with a scale, with differences and without, beside a plain one (5.2).",
            [',"score":0.5,"evidence":{"price":129.99,"n":1}', ',"score":0.123,"evidence":{"price":-0.01,"n":2}',
             ',"score":123456789.012,"evidence":{"price":130.0,"n":3.0}', ',"score":-7.0,"evidence":{"price":0.0,"n":null}'],
            [{"score": 0.5, "evidence": [("price", 129.99), ("n", 1)]}, {"score": 0.123, "evidence": [("price", -0.01), ("n", 2)]},
             {"score": 123456789.012, "evidence": [("price", 130.0), ("n", 3.0)]}, {"score": -7.0, "evidence": [("price", 0.0), ("n", None)]}],
            score=planes(5, scale=3, base=-7000), price=planes(3, scale=2, delta=1, base=-100))

num_columns("widths", "Planes of each width from 1 to 8 bytes: the least and the greatest number that they can say from their base (5.2).",
            [',"evidence":{"1":-128,"2":0,"3":5,"4":-1,"5":0,"6":-281474976710656,"7":0,"8":-9223372036854775808}',
             ',"evidence":{"1":127,"2":65535,"3":16777220,"4":4294967294,"5":1099511627775,"6":-1,"7":72057594037927935,"8":9223372036854775807}'],
            [{"evidence": [(str(w), base) for w, base in enumerate((-128, 0, 5, -1, 0, -(1 << 48), 0, -(1 << 63)), 1)]},
             {"evidence": [(str(w), base + (1 << 8 * w) - 1) for w, base in enumerate((-128, 0, 5, -1, 0, -(1 << 48), 0, -(1 << 63)), 1)]}],
            **{str(w): planes(w, base=base) for w, base in enumerate((-128, 0, 5, -1, 0, -(1 << 48), 0, -(1 << 63)), 1)})

num_columns("differences", "Planes of differences: up and down from a negative base, the same number again, and sums that wrap at 64 bits (5.2).",
            [',"evidence":{"k":-1000,"w":9223372036854775807}', ',"evidence":{"k":-1127,"w":-9223372036854775808}',
             ',"evidence":{"k":-1127,"w":0}', ',"evidence":{"k":-1000,"w":-1}'],
            [{"evidence": [("k", k), ("w", w)]} for k, w in ((-1000, (1 << 63) - 1), (-1127, -(1 << 63)), (-1127, 0), (-1000, -1))],
            k=planes(1, delta=1, base=-1001), w=planes(8, delta=1, base=-2))

num_columns("wrap", "Planes without differences whose sum wraps at 64 bits: from the greatest number to the least (5.2).",
            [',"evidence":{"k":9223372036854775807}', ',"evidence":{"k":-9223372036854775808}'],
            [{"evidence": [("k", (1 << 63) - 1)]}, {"evidence": [("k", -(1 << 63))]}], k=planes(1, base=(1 << 63) - 1))

num_columns("scales", "Every scale from 1 to 9 (5.2): quotients rounded once, which is not what multiplying by 0.001 gives; integers as doubles.",
            [',"evidence":{"1":-0.1,"2":1.15,"3":0.003,"4":2.0,"5":0.00035,"6":1e-06,"7":1.4e-06,"8":-9e-08,"9":1e-09}',
             ',"evidence":{"1":900719925474099.1,"2":0.0,"3":9007199254740.99,"4":-900719925474.0991,"5":2.3,"6":1.1,"7":1.0,"8":0.07,"9":9007199.25474099}'],
            [{"evidence": list(zip("123456789", (-0.1, 1.15, 0.003, 2.0, 0.00035, 1e-6, 1.4e-6, -9e-8, 1e-9)))},
             {"evidence": list(zip("123456789", (900719925474099.1, 0.0, 9007199254740.99, -900719925474.0991, 2.3, 1.1, 1.0, 0.07, 9007199.25474099)))}],
            **{str(k): planes(8, scale=k, delta=k % 2, base=-3 * k) for k in range(1, 10)})

num_columns("integers", "Planes without a scale are integers (5.2): in evidence they stay so, a score is the double of it.",
            [',"score":2.0,"weight":-3.0,"evidence":{"k":2}', ',"score":0.0,"weight":9007199254740992.0,"evidence":{"k":0}'],
            [{"score": 2, "weight": -3, "evidence": [("k", 2)]}, {"score": 0, "weight": 1 << 53, "evidence": [("k", 0)]}],
            score=planes(1), weight=planes(8, base=-3), k=planes(2, base=-1))

num_columns("dict", "num columns as dictionaries (5.2): of numbers, texts, nil and anything that is a value; nil is no score.",
            [',"score":0.25,"evidence":{"k":"x","v":[1]}', ',"evidence":{"k":null,"v":{"a":"b"}}', ',"score":3.0,"evidence":{"k":2.5,"v":true}',
             ',"score":0.25,"evidence":{"k":7,"v":[1]}', ',"score":{"$f":"nan"},"evidence":{"k":"x","v":{"$bin":"AA=="}}'],
            [{"score": s, "evidence": [("k", k), ("v", v)]} for s, k, v in
             ((0.25, "x", [1]), (None, None, {"a": "b"}), (3, 2.5, True), (0.25, 7, [1]), (NAN, "x", b"\0"))],
            score=dict_of(0.25, None, 3, NAN), k=dict_of("x", "not used", None, 2.5, 7), v=dict_of({"a": "b"}, [1], True, b"\0"))

num_columns("dict-256", "A dictionary of 256 values, the most that there may be (5.2).", [',"evidence":{"k":255}', ',"evidence":{"k":0}'],
            [{"evidence": [("k", 255)]}, {"evidence": [("k", 0)]}], k=dict_of(*range(256)))

@vector("cands-num-dict-parts", "accept", line(STEP + cand('"item":"a","verdict":"accept","evidence":{"k":"p0"}')
                                               + cand('"item":"b","verdict":"accept","evidence":{"k":["p1","p0"]}')),
        "A dictionary of references (5.2, 6.3): elements are values.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload(["p0", "p1"], [[part(1), part(0)]])
    spine_for(seg, seg.candidates([{"run": RUN, "step": 1, "cands": [
        {"item": "a", "verdict": "accept", "evidence": [("k", part(0))]}, {"item": "b", "verdict": "accept", "evidence": [("k", value(0))]}]}],
        nums={"k": dict_of(part(0), value(0))}))
    seg.seal()


@vector("cands-num-of-none", "accept", line(STEP + cand('"item":"a","verdict":"accept"')),
        "Keys that no shape names have columns of no elements, in each of the forms (5.2, 8.5).")
def _(tape: Tape) -> None:
    def edit(body: Dict[str, Any]) -> None:
        body["keys"] = ["plain", "planes", "dict"]
        body["evidence"] = [[], planes(1)([]), dict_of(1)([])]
        body["cands"]["score"] = planes(8, scale=9, delta=1)([])
    seg = Segment(tape)
    spine_for(seg, seg.candidates([{"run": RUN, "step": 1, "cands": [{"item": "a", "verdict": "accept"}]}], edit=edit))


@vector("cands-evidence-nil", "accept", line(STEP + cand('"item":"a","verdict":"accept"') + cand('"item":"b","verdict":"accept","evidence":{"k":null}')
                                             + cand('"item":"c","verdict":"accept","evidence":{"k":1}')),
        "Evidence as a whole value that is nil is missing (5.1): then a list counts. In a list nil is a value.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    spine_for(seg, seg.candidates([{"run": RUN, "step": 1, "cands": [
        {"item": "a", "verdict": "accept", "whole": None}, {"item": "b", "verdict": "accept", "evidence": [("k", None)]},
        {"item": "c", "verdict": "accept", "whole": None, "evidence": [("k", 1)]}]}]))


@vector("cands-num-odd", "accept", line(STEP + "".join(cand(f'"item":"a","verdict":"accept"{x}') for x in ("", ',"score":2.0', ',"score":{"$f":"nan"}'))),
        "A score that is nil is missing; an integer is the double of it; NaN is a value.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    spine_for(seg, seg.candidates([{"run": RUN, "step": 1, "cands": [{"item": "a", "verdict": "accept", "score": s} for s in (None, 2, float("nan"))]}]))


def id_column(name: str, items: List[str], column: Any, about: str) -> None:
    @vector(f"cands-ids-{name}", "accept", line(STEP + "".join(cand(f'"item":"{i}","verdict":"accept"') for i in items)), about)
    def _(tape: Tape) -> None:
        seg = Segment(tape)
        spine_for(seg, seg.candidates([{"run": RUN, "step": 1, "cands": [{"item": i, "verdict": "accept"} for i in items]}], items=(items, column)))
        seg.seal()


id_column("text", ["x", "", "long one"], ["x", "", "long one"], "An id column as an array of str (8.3).")
id_column("hex-even", ["B0a1f", "B0000"], {"prefix": "B", "hex": 4, "data": b"\x0a\x1f\0\0"}, "An id column of hexadecimal digits (8.3).")
id_column("hex-odd", ["a1f", "00e"], {"prefix": "", "hex": 3, "data": b"\x0a\x1f\0\x0e"}, "An id column of an odd number of digits: the first half-byte is 0 (8.3).")
id_column("dec", ["doc-007", "doc-1000", "doc-003"], {"prefix": "doc-", "dec": 3, "data": [7, 993, -997]}, "An id column of decimal numbers (8.3); one is longer than the width.")
id_column("uuid", ["u:00112233-4455-6677-8899-aabbccddeeff"], {"prefix": "u:", "uuid": bytes.fromhex("00112233445566778899aabbccddeeff")}, "An id column of UUIDs (8.3).")


@vector("cands-batches", "accept", line("""
{"kind":"run","run":"RUN","status":"running"}
{"kind":"cand","run":"RUN","item":"of the run","verdict":"accept"}
{"kind":"step","run":"RUN","step":1,"name":"one","status":"running"}
{"kind":"cand","run":"RUN","step":1,"item":"x","verdict":"accept","time":"105"}
{"kind":"cand","run":"RUN","step":1,"item":"y","verdict":"reject"}
{"kind":"cand","run":"RUN","step":1,"item":"x","verdict":"reject"}
{"kind":"step","run":"RUN","step":2,"name":"two","status":"running"}
{"kind":"cand","run":"RUN","step":2,"item":"y","verdict":"accept","time":"7"}"""),
        "Batches of two steps and of the run itself in one block, more of a step in the next (8.4); item deltas go on over batches.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    a = seg.candidates([{"run": RUN, "step": 1, "time": 100, "cands": [{"item": "x", "verdict": "accept", "time": 105}, {"item": "y", "verdict": "reject"}]},
                        {"run": RUN, "step": 2, "cands": [{"item": "y", "verdict": "accept", "time": 7}]},
                        {"run": RUN, "step": None, "cands": [{"item": "of the run", "verdict": "accept"}]}])
    b = seg.candidates([{"run": RUN, "step": 1, "cands": [{"item": "x", "verdict": "reject"}]}])
    seg.spine([a_run()], [a_step(1, name="one"), a_step(2, name="two")],
              [{"run": RUN, "step": 1, "block": a}, {"run": RUN, "step": 2, "block": a}, {"run": RUN, "step": None, "block": a}, {"run": RUN, "step": 1, "block": b}])
    seg.seal()


@vector("cands-evidence-parts", "accept", line(STEP + cand('"item":"a","verdict":"reject","evidence":{"doc":"%s","list":["p1","p2"]}' % LONG)
                                               + cand('"item":"b","verdict":"reject","evidence":{"whole":["p1","p2"]}')),
        "Evidence that refers to parts and values (8.5).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload([LONG, "p1", "p2"], [{"whole": [part(1, 2)]}])
    spine_for(seg, seg.candidates([{"run": RUN, "step": 1, "cands": [{"item": "a", "verdict": "reject", "evidence": [("doc", part(0)), ("list", [part(1, 2)])]},
                                                                     {"item": "b", "verdict": "reject", "whole": value(0)}]}]))
    seg.seal()


@vector("decisions-and-notes", "accept", line("""
{"kind":"run","run":"RUN","status":"running"}
{"kind":"decision","run":"RUN","name":"of the run","body":{"reason":"r"}}
{"kind":"note","run":"RUN","name":"note of the run","time":"6"}
{"kind":"step","run":"RUN","step":1,"name":"s","status":"running"}
{"kind":"cand","run":"RUN","step":1,"item":"a","verdict":"accept"}
{"kind":"decision","run":"RUN","step":1,"after":1,"name":"d","time":"5","body":{"selected":["a"],"alternatives":[{"id":"b","score":0.5,"why_not":"late"}],"reason":"r","score":1,"confidence":0.9,"by":"human"}}
{"kind":"decision","run":"RUN","step":1,"after":0,"body":{}}
{"kind":"note","run":"RUN","step":1,"after":1,"name":"n","body":{"k":"v"}}"""),
        "Decisions and notes of a step and of the run itself (8.6). Candidates come first, then decisions, then notes.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    full = {"selected": ["a"], "alternatives": [{"id": "b", "score": 0.5, "why_not": "late"}], "reason": "r", "score": 1, "confidence": 0.9, "by": "human"}
    b = seg.candidates([{"run": RUN, "step": 1, "cands": [{"item": "a", "verdict": "accept"}]}],
                       [{"run": RUN, "step": 1, "after": 1, "name": "d", "time": 5, "body": full}, {"run": RUN, "name": "of the run", "body": {"reason": "r"}},
                        {"run": RUN, "step": 1, "after": 0, "body": {}}],
                       [{"run": RUN, "step": 1, "after": 1, "name": "n", "body": {"k": "v"}}, {"run": RUN, "name": "note of the run", "time": 6}])
    seg.spine([a_run()], [a_step(1, name="s")], [{"run": RUN, "step": 1, "block": b}, {"run": RUN, "step": None, "block": b}])
    seg.seal()


@vector("loss", "accept", line(SIMPLE) + line("""
{"kind":"loss","cause":"memory","what":"candidate","count":12,"from":"5","to":"9"}
{"kind":"loss","cause":"reported","what":"step","count":1}"""), "Loss rows; they come last in NDJSON (9.1, 13).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.loss([{"cause": "memory", "what": "candidate", "count": 12, "from": 5, "to": 9}, {"cause": "reported", "what": "step", "count": 1}])
    simple(seg)
    seg.seal()


# ---- what a reader need not know (4.5, 5.1) --------------------------------------------------------
@vector("unknown-columns", "accept", SIMPLE, "Unknown tables, columns, keys of a body and of a hello are ignored (3.2, 5.1).")
def _(tape: Tape) -> None:
    def edit(body: Dict[str, Any]) -> None:
        body["runs"]["mood"] = ["happy"]
        body["steps"]["mood"] = "not even an array"
        body["tables_of_tomorrow"] = {"x": [1, 2, 3]}
        body["run"]["colour"] = [7]
    seg = Segment(tape, mood="happy")
    simple(seg, edit=edit)


@vector("duplicate-keys", "accept", SIMPLE, "Keys twice in maps of the format: the first one counts (12).")
def _(tape: Tape) -> None:
    def edit(body: Dict[str, Any]) -> Pairs:
        body["runs"] = Pairs([*body["runs"].items(), ("status", [2])])
        return Pairs([*body.items(), ("strings", ["other", "strings", "than", "before"]), ("kind", "loss")])
    simple(Segment(tape), edit=edit)


@vector("unknown-kind", "accept", SIMPLE, "Blocks of unknown kinds, reserved and private, without bit 0 of flags: skipped (4.5).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.block(17, {"kind": "index of tomorrow"}, 5, 6)
    seg.block(200, b"anything at all", 0, 0)
    simple(seg)
    seg.seal()


# ---- from a newer format -------------------------------------------------------------------------
@vector("new-critical-kind", "unsupported", ONLY_RUN, "A critical block of an unknown kind: the rest of the segment is refused (4.5).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(status=1)])
    seg.block(9, {"kind": "of tomorrow"}, 0, 0, flags=1)
    seg.spine([a_run(user="refused")])


@vector("new-flag-bit", "unsupported", ONLY_RUN, "A flag bit that is not known: from a newer format, the rest is refused (4.2).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(status=1)])
    seg.spine([a_run(user="refused")], flags=3)
    seg.spine([a_run(user="refused")])


@vector("new-zero-field", "unsupported", ONLY_RUN, "Something in the zero field: the same (4.1, 4.2).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(status=1)])
    seg.spine([a_run(user="refused")], head={"zero": 1})
    seg.spine([a_run(user="refused")])


@vector("new-then-segment", "unsupported", ONLY_RUN + SECOND, "A segment behind one whose rest is refused is read (2.3, 4.5).")
def _(tape: Tape) -> None:
    seg = Segment(tape, 1)
    seg.spine([a_run(status=1)])
    seg.block(9, {"kind": "of tomorrow"}, 0, 0, flags=1)
    seg.spine([a_run(user="refused")])
    seg.seal()
    Segment(tape, 2, real=T + 1).spine([{"run": RUN2, "seq": 0, "state": 3, "status": 2}])


@vector("new-min-reader", "unsupported", "", "A segment for readers of version 2 (3.3).")
def _(tape: Tape) -> None:
    simple(Segment(tape, version=2, min_reader=2))


@vector("new-critical-feature", "unsupported", "", "A segment with a critical feature (3.3).")
def _(tape: Tape) -> None:
    simple(Segment(tape, critical=["encryption"]))


# ---- damage (4.2, 4.7) ----------------------------------------------------------------------------
def in_the_middle(name: str, about: str, expected: str = line(ONLY_RUN), **more: Any) -> None:
    """A run, a damaged block that would change it, and a block behind so that the damage is no torn tail."""
    @vector(name, "damaged", expected, about)
    def _(tape: Tape) -> None:
        seg = Segment(tape)
        seg.spine([a_run(state=1)])
        seg.spine([a_run(user="lost")], [a_step(1, name="lost")], **more)
        seg.spine([a_run(state=2, status=1)])
        seg.seal()


in_the_middle("damaged-check", "A header whose checksum is wrong: its block is lost, the next one is found (4.7).", head={"check": 1})
in_the_middle("damaged-flag-bit", "A flag bit that is not known, by damage: the checksum is wrong, so nothing is refused (4.2).", xor={13: 0x02})
in_the_middle("damaged-zero-field", "The same in the zero field.", xor={14: 0x80})
in_the_middle("damaged-magic", "A header whose magic is damaged.", xor={0: 0x01})
in_the_middle("damaged-body", "A body whose checksum is wrong; it would decode (4.2).", head={"body": 1})
in_the_middle("damaged-pos", "A block that says it stands elsewhere (4.2).", head={"pos": 1000})
in_the_middle("damaged-foreign", "A block of another segment (4.2).", head={"segment": b"segment 00000099"})
in_the_middle("damaged-ordinal-repeated", "A block with the ordinal of the one before (4.2).", head={"ordinal": 0})
in_the_middle("damaged-stored-len", "A header, right in itself, whose body lies behind the end of the file (4.2).", head={"stored_len": 1 << 20})
in_the_middle("damaged-stored-len-limit", "A stored_len over the limit of 64 MiB (11).", head={"stored_len": 0xFFFFFFFF})
in_the_middle("damaged-raw-len", "raw_len is not the length of the body (4.4).", head={"raw_len": 9})
in_the_middle("damaged-raw-len-limit", "raw_len is over the limit of 64 MiB (11).", head={"raw_len": 0xFFFFFFFF})
in_the_middle("damaged-rows", "More rows in the header than in the table (4.5).", head={"rows": 2})
in_the_middle("damaged-rows-limit", "rows over the limit (11).", head={"rows": 0xFFFFFFFF})
in_the_middle("damaged-frame-trailing", "Bytes behind the zstd frame (4.4).", frame=lambda raw: frame(raw) + b"\0")
in_the_middle("damaged-frame-two", "Two zstd frames in one body (4.4).", frame=lambda raw: frame(raw[:9]) + frame(raw[9:]))
in_the_middle("damaged-frame-skippable", "A skippable frame behind the zstd frame (4.4).", frame=lambda raw: frame(raw) + b"\x50\x2A\x4D\x18\0\0\0\0")
in_the_middle("damaged-frame-no-size", "A zstd frame that does not declare its content size (4.4).",
              frame=lambda raw: b"\x28\xB5\x2F\xFD\x00\x58" + struct.pack("<I", len(raw) << 3 | 1)[:3] + raw)
in_the_middle("damaged-frame-dictionary", "A zstd frame that needs a dictionary (4.4).",
              frame=lambda raw: b"\x28\xB5\x2F\xFD\x21\x07" + bytes([len(raw)]) + struct.pack("<I", len(raw) << 3 | 1)[:3] + raw)
in_the_middle("damaged-frame-window", "A zstd frame with a window of 16 MiB (4.4).",
              frame=lambda raw: b"\x28\xB5\x2F\xFD\x80\x70" + struct.pack("<I", len(raw)) + struct.pack("<I", len(raw) << 3 | 1)[:3] + raw)
in_the_middle("damaged-frame-window-single", "A zstd frame in one piece of more than 8 MiB, which is its window (4.4).", frame=run_frame,
              edit=lambda body: {**body, "more": bytes(9 << 20)})
in_the_middle("damaged-frame-none", "Stored bytes that are no zstd frame.", frame=lambda raw: raw)


def body_key(key: str, value_: Any, inner: str = "") -> Dict[str, Any]:
    def edit(body: Dict[str, Any]) -> None:
        (body[inner] if inner else body)[key] = value_
    return {"edit": edit}


in_the_middle("malformed-count-bomb", "An array that says it has 2^32 - 1 elements, in 5 bytes (11).", edit=lambda body: Raw(b"\xdd\xff\xff\xff\xff"))
in_the_middle("malformed-count-bomb-strings", "The same as the table of strings.", edit=lambda body: Raw(b"\x82\xa4kind\xa5spine\xa7strings\xdd\xff\xff\xff\xff"))
in_the_middle("malformed-map-bomb", "A map that says it has 2^32 - 1 members.", edit=lambda body: Raw(b"\xdf\xff\xff\xff\xff\xa4kind\xa5spine"))
in_the_middle("malformed-deep", "A body nested 100,000 deep; no reader may recurse without a limit (11).",
              frame=run_frame, edit=lambda body: Raw(b"\x82\xa4kind\xa5spine\xa1x" + b"\x91" * 100000 + b"\xc0"))
in_the_middle("malformed-not-msgpack", "The byte C1, which MessagePack never uses.", edit=lambda body: Raw(b"\xc1"))
in_the_middle("malformed-truncated", "A body that stops within a string.", edit=lambda body: Raw(pack(body)[:-3]))
in_the_middle("malformed-trailing", "A body with a second value behind it (1.2).", edit=lambda body: Raw(pack(body) + b"\xc0"))
in_the_middle("malformed-not-a-map", "A body that is an array.", edit=lambda body: ["spine"])
in_the_middle("malformed-column-length", "A column that is longer than its table.", **body_key("name", [0, 0], "steps"))
in_the_middle("malformed-column-type", "A column of integers with a text in it.", **body_key("state", ["1"], "steps"))
in_the_middle("malformed-column-float", "A column of integers with a double in it.", **body_key("state", [1.0], "steps"))
in_the_middle("malformed-column-not-array", "A column that is no array.", **body_key("state", 3, "steps"))
in_the_middle("malformed-string-index", "An index behind the end of `strings` (5.2).", **body_key("name", [7], "steps"))
in_the_middle("malformed-string-index-negative", "An index below 0.", **body_key("name", [-1], "steps"))
in_the_middle("malformed-run-index", "An index behind the end of the `run` table (5.2).", **body_key("run", [1], "steps"))
in_the_middle("malformed-run-table", "A run id of 15 bytes (5.3).", **body_key("id", bytes(15), "run"))
in_the_middle("malformed-reasons", "A histogram with an index and no count (7.4).", **body_key("reasons", [[0]], "steps"))
in_the_middle("malformed-step-zero", "A step with the number 0: they are counted from 1 (7.4).", **body_key("step", [0], "steps"))
in_the_middle("malformed-parent-run", "A parent_run of 15 bytes (7.3).", edit=lambda body: body["runs"].update(parent_run=[bytes(15)]))
in_the_middle("malformed-ext-id", "An ext_id of 7 bytes (7.3).", **body_key("ext_id", [bytes(7)], "steps"))
in_the_middle("malformed-int-range", "An integer that no signed 64-bit integer holds (5.2).", **body_key("sequence", [1 << 63], "steps"))


@vector("damaged-ordinal-skipped", "damaged", line(ONLY_RUN), "A block is missing by ordinal and nothing by position; what stands there is read, the gap reported (4.7).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(state=1)])
    seg.spine([a_run(state=2, status=1)], head={"ordinal": 3})


@vector("damaged-chain", "damaged", SIMPLE, "A block whose `prev` is not the digest of what stands before it is read, and reported (4.3).")
def _(tape: Tape) -> None:
    simple(Segment(tape), head={"prev": 1})


@vector("damaged-last-malformed", "damaged", line(ONLY_RUN), "A last block that is whole by all checksums and malformed inside is damage, not a torn tail.")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(status=1)])
    seg.spine([a_run(user="lost")], edit=lambda body: Raw(b"\xc1"))


@vector("damaged-forged", "damaged", line(ONLY_RUN), "The outer header is damaged, and its body holds the perfect image of a block of another segment: not taken (4.7).")
def _(tape: Tape) -> None:
    other = Tape()
    fake = Segment(other, 66)
    start = len(other.data)
    fake.spine([{"run": RUN2, "seq": 0, "state": 3, "status": 2}])
    image = other.data[start:]
    seg = Segment(tape)
    seg.spine([a_run(state=1)])
    seg.payload([image], xor={100: 0xFF})
    seg.spine([a_run(state=2, status=1)])
    seg.seal()


@vector("damaged-forged-replay", "damaged", line(ONLY_RUN), "The same with the image of a block of this very segment, which stands in another place (4.7).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(state=1)])
    keep = len(tape.data)
    seg.spine([a_run(state=2, status=1)])
    seg.payload([tape.data[keep:]], xor={100: 0xFF})
    seg.seal()


@vector("damaged-forged-segment", "damaged", line(ONLY_RUN), "The same with the image of a whole segment, hello and all: a block of the present segment behind it disproves it (4.7).")
def _(tape: Tape) -> None:
    other = Tape()
    fake = Segment(other, 66)
    fake.spine([{"run": RUN2, "seq": 0, "state": 1}])
    fake.spine([{"run": RUN2, "seq": 0, "state": 2, "status": 2}])
    seg = Segment(tape)
    seg.spine([a_run(state=1)])
    seg.payload([other.data], xor={100: 0xFF})
    seg.spine([a_run(state=2, status=1)])
    seg.seal()


@vector("damaged-payload", "damaged", line('{"kind":"run","run":"RUN","status":"running","input":["p0",{"$missing":@},{"$missing":@},"p3"],"output":{"$missing":@}}'.replace("@", NOTHING)),
        "A payload block is lost: what referred to it is lost, what stands in later blocks keeps its number (6.2, 6.6).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.payload(["p0"])
    seg.payload(["p1", "p2"], ["v0"], head={"body": 1})
    seg.payload(["p3"])
    seg.spine([a_run(input=[part(0, 4)], output=value(0))])


def malformed_payload(name: str, about: str, parts: List[Any], values: List[Any] = (), **more: Any) -> None:
    @vector(name, "damaged", line('{"kind":"run","run":"RUN","status":"running","input":{"$missing":@}}'.replace("@", NOTHING)), about)
    def _(tape: Tape) -> None:
        seg = Segment(tape)
        seg.payload(parts, values, **more)
        seg.spine([a_run(input=part(0))])


malformed_payload("payload-depth-65", "A part nested 65 deep: over the limit, its block is skipped (11).", [Raw(b"\x91" * 64 + b"\x90")])
malformed_payload("payload-part-len", "part_len that does not fit the parts (6.2).", ["abc", "de"], **body_key("part_len", [4, 4]))
malformed_payload("payload-part-len-sum", "part_len with the right sum and wrong members.", ["abc", "de"], **body_key("part_len", [3, 4]))
malformed_payload("payload-part-len-short", "part_len with one member too few.", ["abc", "de"], **body_key("part_len", [4]))
malformed_payload("payload-value-len", "value_len that does not fit the values.", ["abc"], ["v"], **body_key("value_len", [1]))
malformed_payload("payload-bomb", "A part that says it has 2^32 - 1 elements.", [Raw(b"\xdd\xff\xff\xff\xff")])


def malformed_candidates(name: str, about: str, **more: Any) -> None:
    @vector(name, "damaged", line(STEP), about)
    def _(tape: Tape) -> None:
        seg = Segment(tape)
        b = seg.candidates([{"run": RUN, "step": 1, "cands": [{"item": "a", "verdict": "reject", "reasons": [["c"]], "score": 0.5, "evidence": [("k", 1)]}]}],
                           [{"run": RUN, "step": 1, "name": "d"}], **more)
        spine_for(seg, b)


malformed_candidates("cands-batches-n", "The sum of `n` is not the number of candidates (8.4).", **body_key("n", [2], "batches"))
malformed_candidates("cands-shape-index", "A shape that is not there (8.5).", **body_key("shape", [1], "cands"))
malformed_candidates("cands-item-index", "An item that is not there (8.5).", **body_key("item", [2], "cands"))
malformed_candidates("cands-item-negative", "An item before the first (8.5).", **body_key("item", [0], "cands"))
malformed_candidates("cands-score-missing", "A column with fewer elements than shapes have the field (8.5).", **body_key("score", [], "cands"))
malformed_candidates("cands-score-many", "A column with more elements than shapes have the field.", **body_key("score", [0.5, 0.5], "cands"))
malformed_candidates("cands-score-text", "A score that is a text.", **body_key("score", ["high"], "cands"))
def malformed_planes(name: str, about: str, **change: Any) -> None:
    """Planes that would be right, were it not for one member: None leaves it out."""
    column = {"scale": 1, "delta": 0, "base": 5, "width": 1, "n": 1, "planes": b"\0", **change}
    malformed_candidates(f"cands-num-{name}", about, **body_key("score", {k: v for k, v in column.items() if v is not None}, "cands"))


malformed_planes("planes-short", "Planes of a byte too few (5.2).", planes=b"")
malformed_planes("planes-long", "Planes of a byte too many.", planes=b"\0\0")
malformed_planes("planes-text", "Planes that are a text.", planes="\0")
malformed_planes("planes-none", "Planes that are missing, and no dictionary either.", planes=None)
malformed_planes("n", "Planes of two elements for one candidate.", n=2, planes=b"\0\0")
malformed_planes("n-bomb", "Planes of 2^32 elements of 8 bytes each, in 1 byte (11).", n=1 << 32, width=8)
malformed_planes("width-0", "Planes of width 0.", width=0, planes=b"")
malformed_planes("width-9", "Planes of width 9.", width=9, planes=bytes(9))
malformed_planes("scale-10", "A scale of 10.", scale=10)
malformed_planes("scale-negative", "A scale below 0.", scale=-1)
malformed_planes("delta-2", "A delta that is neither 0 nor 1.", delta=2)
malformed_planes("base-none", "Planes without a base.", base=None)
malformed_planes("base-double", "A base that is a double.", base=5.0)
malformed_planes("base-wide", "A base that no signed 64-bit integer holds.", base=1 << 63)
malformed_planes("scaled-wide", "A scaled number of 2^53: no double holds all of these exactly.", base=1 << 53)
malformed_planes("scaled-wide-negative", "A scaled number of -2^53.", base=-(1 << 53))
malformed_planes("scaled-wide-sum", "The same, where base and difference are small enough for themselves.", base=(1 << 53) - 1, delta=1, planes=b"\x02")
malformed_candidates("cands-num-dict-index", "An index behind the end of the dictionary (5.2).", **body_key("score", {"dict": [0.5], "at": b"\1"}, "cands"))
malformed_candidates("cands-num-dict-257", "A dictionary of 257 values.", **body_key("score", {"dict": [i / 2 for i in range(257)], "at": b"\0"}, "cands"))
malformed_candidates("cands-num-dict-short", "A dictionary column with fewer elements than shapes have the field.", **body_key("score", {"dict": [0.5], "at": b""}, "cands"))
malformed_candidates("cands-num-dict-long", "A dictionary column with more of them.", **body_key("score", {"dict": [0.5], "at": b"\0\0"}, "cands"))
malformed_candidates("cands-num-dict-at", "Indexes that are an array.", **body_key("score", {"dict": [0.5], "at": [0]}, "cands"))
malformed_candidates("cands-num-dict-text", "A score that is a text, out of a dictionary.", **body_key("score", {"dict": ["high"], "at": b"\0"}, "cands"))
malformed_candidates("cands-num-unknown", "A num column in none of its forms.", **body_key("score", {"scale": 1, "v": [5]}, "cands"))
malformed_candidates("cands-rank-planes", "Planes where a column is plain (8.5).", **body_key("rank_in", planes(1)([]), "cands"))
malformed_candidates("cands-evidence-many", "An evidence column with too many elements (8.5).", **body_key("evidence", [[1, 2]]))
malformed_candidates("cands-evidence-columns", "Fewer evidence columns than keys (8.5).", **body_key("evidence", []))
malformed_candidates("cands-verdict", "A verdict that is not known (8.2).", **body_key("shapes", [[9, [[0]], 1, 0, 0, [0]]]))
malformed_candidates("cands-verdict-zero", "A verdict of 0.", **body_key("shapes", [[0, [[0]], 1, 0, 0, [0]]]))
malformed_candidates("cands-by", "An author that is not known (7.2).", **body_key("shapes", [[2, [[0]], 1, 5, 0, [0]]]))
malformed_candidates("cands-provenance", "A provenance that is not known.", **body_key("shapes", [[2, [[0]], 1, 0, 3, [0]]]))
malformed_candidates("cands-fields", "A bit of `fields` that is not known (8.2).", **body_key("shapes", [[2, [[0]], 129, 0, 0, [0]]]))
malformed_candidates("cands-key-index", "A shape that names a key which is not there (8.2).", **body_key("shapes", [[2, [[0]], 1, 0, 0, [5]]]))
malformed_candidates("cands-reason-index", "A reason whose string is not there (8.2).", **body_key("shapes", [[2, [[9]], 1, 0, 0, [0]]]))
malformed_candidates("cands-id-hex-length", "An id column whose data is no multiple of its digits (8.3).", **body_key("items", {"prefix": "", "hex": 4, "data": b"\x01"}))
malformed_candidates("cands-id-hex-zero", "An id column of no digits (8.3).", **body_key("items", {"prefix": "", "hex": 0, "data": b""}))
malformed_candidates("cands-rows2", "More decisions in the header than in the body (4.5).", head={"rows2": 3})


@vector("cands-spine-lost", "damaged", line(STEP + cand('"item":"a","verdict":"accept"')),
        "The spine block that pointed to a candidates block (7.5) is damaged; the candidates are whole and their step is known, so they are shown (4.7, 12).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(state=1)], [a_step(1, state=1, name="s")])
    at = seg.candidates([{"run": RUN, "step": 1, "cands": [{"item": "a", "verdict": "accept"}]}])
    seg.spine([], [a_step(1, state=2, status=1)], [{"run": RUN, "step": 1, "block": at}], head={"body": 1})
    seg.spine([a_run(seq=None, state=2)])


@vector("cands-torn-before-spine", "accept", line(STEP), "A tail that is torn between a candidates block and the spine that points to it: the candidates were never committed to (4.6, 7.5).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    seg.spine([a_run(state=1)], [a_step(1, state=1, name="s")])
    seg.candidates([{"run": RUN, "step": 2, "cands": [{"item": "a", "verdict": "accept"}]}])


# ---- damaged hello, seal (3.4, 9.2) ----------------------------------------------------------------
@vector("hello-truncated", "unreadable", "", "A file that ends within its hello.")
def _(tape: Tape) -> None:
    Segment(tape)
    del tape.rows[-3:]


@vector("hello-none", "unreadable", "", "A file that is something else.")
def _(tape: Tape) -> None:
    tape.put(b"Decision traces are not written like this.\n", "not a segment")


def without_hello(name: str, expect: str, blocks: int, about: str) -> None:
    expected = {1: "", 2: '{"kind":"run","run":"RUN","status":"success"}', 3: line(ONLY_RUN)}[blocks]

    @vector(name, expect, line(expected) if expect == "damaged" else "", about)
    def _(tape: Tape) -> None:
        seg = Segment(tape)
        flip(tape, 40)
        seg.spine([a_run(state=1)])
        if blocks > 1:
            seg.spine([a_run(state=2, status=1)])


def flip(tape: Tape, pos: int) -> None:
    """Flips a bit of the byte at `pos`."""
    at = 0
    for i, (data, note) in enumerate(tape.rows):
        if at <= pos < at + len(data):
            changed = bytearray(data)
            changed[pos - at] ^= 4
            tape.rows[i] = (bytes(changed), note + " (a bit flipped)")
            return
        at += len(data)


without_hello("hello-damaged-two-blocks", "damaged", 2, "A bit of the hello is flipped; two good blocks behind it give the segment id (3.4).")
without_hello("hello-damaged-one-block", "unreadable", 1, "A bit of the hello is flipped, and only one block stands behind it: unreadable (3.4).")


@vector("hello-damaged-later", "damaged", line('{"kind":"run","run":"RUN","user":"first","status":"success"}'),
        "Hello damaged, the second block too: the third and fourth give the segment id, and the first is read as well (3.4, 4.7).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    flip(tape, 40)
    seg.spine([a_run(state=1, user="first")])
    seg.spine([a_run(seq=None, state=0, user="lost")], head={"check": 1})
    seg.spine([a_run(seq=None, state=0, status=1)])
    seg.spine([a_run(seq=None, state=2)])


@vector("hello-damaged-no-chain", "unreadable", "", "Two blocks behind a damaged hello whose chain does not hold: not enough (3.4).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    flip(tape, 40)
    seg.spine([a_run(state=1)])
    seg.spine([a_run(state=2, status=1)], head={"prev": 1})


@vector("seal-and-garbage", "damaged", SIMPLE, "Bytes after a seal that are not a hello are reported (9.2).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    simple(seg)
    seg.seal()
    tape.put(b"garbage", "9.2 after the seal")


@vector("seal-and-block", "damaged", SIMPLE, "A block after the seal is not read: the seal is the last one (9.2).")
def _(tape: Tape) -> None:
    seg = Segment(tape)
    simple(seg)
    seg.seal()
    seg.spine([a_run(user="after the seal")])


@vector("seal-garbage-hello", "damaged", line(ONLY_RUN) + SECOND, "Garbage after a seal, then another segment, which is read (4.7, 9.2).")
def _(tape: Tape) -> None:
    seg = Segment(tape, 1)
    seg.spine([a_run(status=1)])
    seg.seal()
    tape.put(b"garbage", "9.2 after the seal")
    Segment(tape, 2, real=T + 1).spine([{"run": RUN2, "seq": 0, "state": 3, "status": 2}])


def main(directory: str) -> None:
    names = [v[0] for v in VECTORS]
    assert len(set(names)) == len(names)
    for name in os.listdir(directory):
        if name.endswith(".xhex") and name[:-5] not in names:
            os.remove(os.path.join(directory, name))
    for name, expect, ndjson, about, build in VECTORS:
        tape = Tape()
        build(tape)
        with open(os.path.join(directory, name + ".xhex"), "w", encoding="utf-8", newline="\n") as f:
            f.write(f"# {about}\n%name {name}\n%expect {expect}\n{tape.text()}%ndjson\n{line(ndjson)}")
    print(f"{len(VECTORS)} vectors")


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "..", "format-spec", "vectors"))
