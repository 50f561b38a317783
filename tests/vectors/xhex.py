#!/usr/bin/python3
"""The vectors of format-spec/vectors: annotated hexadecimal text, one trace file each.

    # a comment
    %name NAME
    %expect accept|damaged|unsupported|unreadable
    HH HH HH ...  ; what these bytes are, with the section of the specification
    %ndjson
    ...exactly what section 13 makes of the file...

usage: xhex.py bytes FILE.xhex             writes the file to standard output
       xhex.py check DIRECTORY PROGRAM...  runs PROGRAM... FILE for each vector and compares output and exit status
"""
import os
import subprocess
import sys
import tempfile
from typing import Dict, List, NamedTuple

EXIT_STATUS: Dict[str, int] = {"accept": 0, "damaged": 3, "unsupported": 2, "unreadable": 2}
NOTHING_FOUND = 1  # of the tools, where a file is well and holds nothing to print


class Vector(NamedTuple):
    name: str
    expect: str
    data: bytes
    ndjson: bytes


def load(path: str) -> Vector:
    """Reads one vector. A line that is neither comment, directive nor hex is an error."""
    facts: Dict[str, str] = {}
    data = bytearray()
    with open(path, encoding="utf-8", newline="\n") as f:
        head, _, ndjson = f.read().partition("%ndjson\n")
    for line in head.splitlines():
        if line.startswith("%"):
            key, _, value = line[1:].partition(" ")
            facts[key] = value
        elif not line.startswith("#"):
            data += bytes.fromhex(line.partition(";")[0])
    if facts.get("expect") not in EXIT_STATUS or "name" not in facts:
        raise ValueError(f"{path}: %name or %expect is missing or wrong")
    return Vector(facts["name"], facts["expect"], bytes(data), ndjson.encode())


def check(vector: Vector, program: List[str]) -> List[str]:
    """Runs the program over the vector; returns what is wrong with its answer."""
    with tempfile.NamedTemporaryFile(suffix=".xray") as f:
        f.write(vector.data)
        f.flush()
        try:
            got = subprocess.run(program + [f.name], capture_output=True, timeout=60)
        except subprocess.TimeoutExpired:
            return ["no end after 60 seconds"]
    wrong = []
    allowed = {EXIT_STATUS[vector.expect]} | ({NOTHING_FOUND} if vector.expect == "accept" and not vector.ndjson else set())
    if got.returncode not in allowed:
        wrong.append(f"exit status {got.returncode}, not {EXIT_STATUS[vector.expect]} ({vector.expect})")
    if got.stdout != vector.ndjson:
        wanted, found = vector.ndjson.decode().splitlines(), got.stdout.decode(errors="replace").splitlines()
        wrong.append(f"{len(found)} lines, {len(wanted)} wanted")
        for w, g in zip(wanted + [""] * len(found), found + [""] * len(wanted)):
            if w != g:
                wrong += [f"  wanted {w}", f"  got    {g}"]
                break
    if wrong and got.stderr:
        wrong.append("  stderr " + got.stderr.decode(errors="replace").strip().replace("\n", "\n         "))
    return wrong


def check_all(directory: str, program: List[str]) -> int:
    """Prints one line per failure, then `checks: N failed: M`."""
    names = sorted(n for n in os.listdir(directory) if n.endswith(".xhex"))
    failed = 0
    for name in names:
        vector = load(os.path.join(directory, name))
        wrong = check(vector, program)
        if vector.name + ".xhex" != name:
            wrong.append(f"is named {vector.name} inside")
        if wrong:
            failed += 1
            print(f"{os.path.basename(program[-1] if len(program) == 1 else program[-2])}: {name}:", "\n  ".join(wrong))
    print(f"checks: {len(names)} failed: {failed}")
    return 1 if failed else 0


def main(arguments: List[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "bytes":
        sys.stdout.buffer.write(load(arguments[1]).data)
        return 0
    if len(arguments) >= 3 and arguments[0] == "check":
        return check_all(arguments[1], arguments[2:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
