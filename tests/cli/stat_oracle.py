"""The slow and obvious answer to xray-stat: groups, sums and percentiles from the records of `xray-cat -j`.
usage: stat_oracle.py RECORDS.ndjson UNIT BY[,BY...] OF [EVERY_NS] <GOT.ndjson      exits 1 and shows what differs"""
import json
import math
import sys
from fractions import Fraction

records, unit, by, of = sys.argv[1:5]
every = int(sys.argv[5]) if len(sys.argv) > 5 else 0

runs, steps, cands = {}, [], []
for line in open(records):
    r = json.loads(line, parse_float=Fraction)
    if r["kind"] == "run":
        runs[r["run"]] = r
    elif r["kind"] == "step":
        steps.append(r)
    elif r["kind"] == "cand":
        cands.append(r)
step_of = {(s["run"], s["step"]): s for s in steps}


def field(name, run, step, cand):
    scope, _, rest = name.partition(".")
    at = {"run": run, "step": step, "cand": cand}[scope]
    if rest == "reason" and scope == "cand":
        return at.get("reason") or ",".join(x.get("code", "") for x in at.get("reasons", [])) or None
    for part in rest.split("."):
        at = at.get(part) if isinstance(at, dict) else None
    return int(at) if rest in ("duration", "start") and at is not None else at


groups = {}
rows = {"run": [(r, {}, {}) for r in runs.values()],
        "step": [(runs[s["run"]], s, {}) for s in steps],
        "cand": [(runs[c["run"]], step_of[c["run"], c["step"]], c) for c in cands]}[unit]
for run, step, cand in rows:
    time = cand.get("time") or step.get("start") or run.get("start")
    key = tuple(field(f, run, step, cand) for f in by.split(","))
    if every:
        key = (int(time) // every * every,) + key
    g = groups.setdefault(key, {"n": 0, "failures": 0, "runs": set(), "items": set(), "in": 0, "out": 0, "counted": False,
                                "of": [], "tok_in": [], "tok_out": [], "cost": [], "times": []})
    what = {"run": run, "step": step, "cand": {}}[unit]
    g["n"] += 1
    g["failures"] += what.get("status") == "failure"
    g["runs"].add(run["run"])
    g["items"].add(cand.get("item"))
    g["times"].append(int(time))
    if unit == "step" and "candidates_in" in step and "candidates_out" in step:
        g["in"] += step["candidates_in"]
        g["out"] += step["candidates_out"]
        g["counted"] = True
    value = field(of, run, step, cand)
    if value is not None:
        g["of"].append(value)
    if unit == "step":
        for name, key_ in (("tok_in", "input"), ("tok_out", "output")):
            if key_ in step.get("tokens", {}):
                g[name].append(step["tokens"][key_])
    if "cost" in what:
        g["cost"].append(what["cost"])


def rank(values, p):
    return sorted(values)[math.ceil(p * len(values)) - 1]


wanted = []
for key, g in groups.items():
    row = {"n": g["n"], "runs": len(g["runs"]), "first": min(g["times"]), "last": max(g["times"])}
    names = (["time"] if every else []) + by.split(",")
    row.update({n: v for n, v in zip(names, key) if v is not None})
    if unit == "cand":
        row["items"] = len(g["items"])
    else:
        row["failures"] = g["failures"]
    if g["counted"]:
        row["rejected"] = g["in"] - g["out"]
        row["rejection_rate"] = 1 - Fraction(g["out"], g["in"]) if g["in"] else Fraction(0)
    if g["of"]:
        row.update(sum=sum(g["of"]), min=min(g["of"]), max=max(g["of"]), mean=Fraction(sum(g["of"])) / len(g["of"]),
                   p50=rank(g["of"], 0.5), p90=rank(g["of"], 0.9), p95=rank(g["of"], 0.95), p99=rank(g["of"], 0.99))
    for name in ("tok_in", "tok_out", "cost"):
        if g[name]:
            row[name] = sum(g[name])
    wanted.append(row)


def close(a, b):
    """Integers are exact; what is a mean, a rate or a decimal number agrees to what is printed of it."""
    if isinstance(a, Fraction) or isinstance(b, Fraction):
        return abs(Fraction(a) - Fraction(b)) <= max(abs(Fraction(a)) / 10**9, Fraction(1, 10**8) if abs(a) < 10**6 else 1)
    return a == b


def number(x):
    if isinstance(x, list):  # a set of reasons
        return ",".join(x)
    try:
        return int(x) if isinstance(x, str) else x
    except ValueError:
        return x


got = [{k: number(v) for k, v in json.loads(line, parse_float=Fraction).items()} for line in sys.stdin]
names = (["time"] if every else []) + by.split(",")
order = lambda row: tuple(str(row.get(n, "")) for n in names)
wanted.sort(key=order)
got.sort(key=order)
bad = 0
if len(got) != len(wanted):
    print(f"{len(got)} groups, expected {len(wanted)}")
    bad += 1
for w, g in zip(wanted, got):
    if w.keys() != g.keys() or not all(close(w[k], g[k]) for k in w):
        print("expected", {k: str(v) for k, v in sorted(w.items()) if k not in g or not close(v, g[k])}, "of", order(w))
        print("got     ", {k: str(v) for k, v in sorted(g.items()) if k not in w or not close(v, w[k])})
        bad += 1
print(f"{len(wanted)} groups")
sys.exit(bad > 0 or len(wanted) == 0)
