"""Checks the text exposition format 0.0.4 of Prometheus on standard input: its grammar, one HELP and TYPE before the
samples of a family, families in one piece, no series twice, counters named _total, summaries with sum and count."""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (-?[0-9.]+(?:[eE][-+]?[0-9]+)?|NaN|[+-]Inf)$")
HELP = re.compile(rf"# HELP ({NAME}) (?:[^\\\n]|\\\\|\\n)*$")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram|summary|untyped)$")

text = sys.stdin.buffer.read().decode("utf-8")
assert text == "" or text.endswith("\n"), "no newline at the end"
types, helps, series, family, closed, suffixes = {}, set(), set(), None, set(), {}
for at, line in enumerate(text.split("\n")[:-1], 1):
    where = f"line {at}: {line[:100]}"
    if line.startswith("# HELP"):
        m = HELP.match(line)
        assert m and m[1] not in helps, where
        helps.add(m[1])
    elif line.startswith("# TYPE"):
        m = TYPE.match(line)
        assert m and m[1] not in types and m[1] in helps, where
        types[m[1]] = m[2]
        if family:
            closed.add(family)
        family = m[1]
        assert (m[2] == "counter") == m[1].endswith("_total"), where
    else:
        m = SAMPLE.match(line)
        assert m, where
        labels = re.findall(LABEL, m[2] or "")
        names = [x.split("=")[0] for x in labels]
        assert len(names) == len(set(names)) and not any(n.startswith("__") for n in names), where
        base = m[1]
        if types.get(family) == "summary":
            assert base in (family, family + "_sum", family + "_count"), where
            assert (base == family) == ("quantile" in names), where
            key = tuple(sorted(x for x in labels if not x.startswith("quantile=")))
            suffixes.setdefault((family, key), set()).add(base[len(family):])
        else:
            assert base == family and "quantile" not in names, where
        assert family not in closed, where
        key = (base, tuple(sorted(labels)))
        assert key not in series, "twice: " + where
        series.add(key)
for key, have in suffixes.items():
    assert {"_sum", "_count"} <= have, f"summary without sum or count: {key}"
assert series, "no samples"
print(len(series), "samples")
