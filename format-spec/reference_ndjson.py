"""Joins the rows that reference_reader.py finds (7.2) and makes the lines of NDJSON of them (13): its second half,
and like it written from trace-file.md alone. Numbers in comments are sections of it."""
import base64, json, re, struct
from decimal import Decimal
import msgpack

# Members of the lines in their order, as `key` or, where they differ, `key=column`.
RUN = ("ext_id pipeline version project session user parent_run status start end duration=dur cost flags error tags "
       "metadata input output attrs")
STEP = ("ext_id parent=up parent_ext sequence name type status start end duration=dur candidates_in=in "
        "candidates_out=out kept reasons model provider tokens cost flags error filters params sampling tags metadata "
        "attrs input output reasoning")
CAND = "item verdict reasons score threshold rank_in rank_out weight time by provenance evidence"
EVENT, LOSS = "after name time body", "cause what count from to"
TOKENS = ("input=tok_in output=tok_out cache_read=tok_cache_read cache_write=tok_cache_write reasoning=tok_reasoning "
          "total=tok_total")
TIMES = set("start end duration time from to".split())  # printed as strings
STATUS = {1: "success", 2: "failure", 3: "partial"}
I64 = 1 << 63

class Store:
    """Runs with their steps, what happened in them, and losses."""
    def __init__(self):
        self.runs, self.events, self.losses = {}, {"cands": {}, "decisions": {}, "notes": {}}, []

    def take(self, index, writer, rows):
        """`rows` of a block: (table, map). `index`: place of the segment in the order of 7.2."""
        for table, row in rows:
            if table in ("runs", "steps"):
                run = self.runs.setdefault(row["run"], {"segment": index, "row": {}, "steps": {}, "writers": []})
                run["writers"].append(writer)
                join(run["steps"].setdefault((writer, row["step"]), {}) if table == "steps" else run["row"], row)
            elif table == "names" and row["run"] in self.runs:
                join(self.runs[row["run"]]["row"], row)
            elif table == "losses":
                self.losses.append(row)
            elif table in self.events:
                step = row.get("step")
                self.events[table].setdefault((row["run"], step and writer, step), []).append(row)

    def lines(self):
        for run_id, run in sorted(self.runs.items(), key=lambda r: (r[1]["segment"], r[1]["row"].get("seq", I64))):
            yield line("run", run_id, None, complete(run["row"]), RUN)
            yield from self.event_lines((run_id, None, None), None)
            for step in steps_of(run):
                yield line("step", run_id, step["number"], complete(step), STEP)
                yield from self.event_lines((run_id, step["writer"], step["step"]), step["number"])
        for row in self.losses:
            yield line("loss", None, None, row, LOSS)

    def event_lines(self, key, number):
        for kind, table, keys in ("cand", "cands", CAND), ("decision", "decisions", EVENT), ("note", "notes", EVENT):
            for row in self.events[table].get(key, ()):
                yield line(kind, key[0], number, dict(row, reasons=row.get("reasons") or None), keys)

def join(joined, row):
    """The last row that has a value wins; the maps of three columns are merged."""
    for key, v in row.items():
        if key in ("tags", "metadata", "attrs") and type(v) is type(joined.get(key)) is tuple:
            v = tuple({text(k): (k, x) for k, x in joined[key] + v}.values())
        joined[key] = v

def steps_of(run):
    """The steps of a run in order, numbered, with the numbers of their parents (7.2, 7.4)."""
    keys = sorted(run["steps"], key=lambda key: (run["writers"].index(key[0]), key[1]))
    steps = [dict(run["steps"][key], number=number, writer=key[0]) for number, key in enumerate(keys, 1)]
    numbers = {s["ext_id"]: s["number"] for s in reversed(steps) if "ext_id" in s}
    numbers.update((key, number) for number, key in enumerate(keys, 1))
    for s in steps:
        s["up"] = numbers.get((s["writer"], s.get("parent")), numbers.get(s.get("parent_ext")))
    for s in steps:
        at, seen = s["up"], {None, s["number"]}
        while at not in seen:
            seen.add(at)
            at = steps[at - 1]["up"]
        if at == s["number"]:  # the lowest of a cycle
            s["up"] = None
        s["parent_ext"] = None if s["up"] else s.get("parent_ext")
    return steps

def chosen(row, keys):
    """The members that the row has, under their names of section 13."""
    pairs = (word.split("=") for word in keys.split())
    return {pair[0]: row[pair[-1]] for pair in pairs if row.get(pair[-1]) is not None}

def complete(row):
    """A run or step with what follows from its columns."""
    end = row["start"] + row["dur"] if "start" in row and "dur" in row else I64
    cost = f"{Decimal(row.get('cost', 0)).scaleb(-9).normalize():f}"
    return {"end": end if end < I64 else None, **row, "status": STATUS.get(row.get("status"), "running"),
            "cost": Json(cost) if "cost" in row else None, "tokens": chosen(row, TOKENS) or None,
            "flags": row.get("flags") or None, "reasons": row.get("reasons") or None}

def line(kind, run, step, row, keys):
    members = {"kind": kind, **chosen(dict(run=run, step=step), "run step"), **chosen(row, keys)}
    return text({key: str(v) if key in TIMES else v for key, v in members.items()})

# ---- JSON
ESCAPE = re.compile("[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
                    "\U000e0000-\U000e007f]")
NUMBER = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")

class Json(str):
    """Text that is JSON already."""

def b64(data):
    return base64.b64encode(data).decode()

def is_text(v):
    return isinstance(v, str) and not re.search("[\ud800-\udfff]", v)

def extension(code, data):
    """What JSON has of an ext value (6.3)."""
    if code == 3 and len(data) == 25 and 1 <= data[0] <= 3:
        state = ("not captured", "redacted", "lost")[data[0] - 1]
        return {"$missing": [state, int.from_bytes(data[1:9], "big"), data[9:].hex()]}
    if code == 4 and NUMBER.fullmatch(data):
        return Json(data.decode())
    if code == 6:
        return {"$bstr": b64(data)}
    if code == 5 and data:
        code, data = struct.unpack("b", data[:1])[0], data[1:]
    return {"$ext": [code, b64(data)]}

def text(v):
    """A value as JSON. A dict is an object of the format, a tuple of pairs is a map of an application."""
    if isinstance(v, msgpack.Timestamp):
        v = extension(-1, v.to_bytes())
    elif hasattr(v, "code"):
        v = extension(*v)
    elif isinstance(v, tuple):
        odd = not all(is_text(k) for k, _ in v) or len(dict(v)) < len(v) or len(v) == 1 and v[0][0][:1] == "$"
        v = {"$map": [list(pair) for pair in v]} if odd else dict(v)
    elif isinstance(v, bytes):
        v = {"$bin": b64(v)}
    elif isinstance(v, str) and not is_text(v):
        v = {"$bstr": b64(v.encode("utf-8", "surrogateescape"))}
    elif isinstance(v, float) and v - v != 0:
        v = {"$f": str(v)}
    if isinstance(v, dict):
        return "{" + ",".join(f"{text(k)}:{text(x)}" for k, x in v.items()) + "}"
    if isinstance(v, list):
        return "[" + ",".join(map(text, v)) + "]"
    if isinstance(v, Json):
        return v
    return ESCAPE.sub(lambda m: json.dumps(m.group())[1:-1], json.dumps(v, ensure_ascii=False))
