"""usage: run.py BUILD [NAME...]

Every tool that reads, over every hostile file (cases.py) and every vector. Checked for each call: it ends
by itself in 5 seconds and 2 more for each MiB, without a signal or a sanitizer's report; with a status that is
right for the case; within 256 MiB (not in instrumented builds); what it prints as text holds no
control character but newline and tab, no C1, nothing that reorders or hides text; what is good elsewhere
is still there. With NAMEs: these cases only, and what the tools print."""
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from typing import Callable, List, Sequence, Tuple

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import CASES, EVIL, Case  # noqa: E402
import xhex  # noqa: E402  (cases.py put its folder on the path)

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "..", "format-spec", "vectors")
MEMORY_MAX = 256 << 20

# Calls of each tool: options, and whether what it prints is text for people. A `{}` stands for the files.
CALLS: List[Tuple[List[str], bool]] = [
    (["xray-cat", "{}"], True), (["xray-cat", "-j", "{}"], True), (["xray-cat", "--full", "--reverse", "{}"], True),
    (["xray-cat", "--format=csv", "--unit=step", "{}"], True),
    (["xray-ls", "{}"], True), (["xray-ls", "-j", "{}"], True),
    (["xray-grep", "e", "{}"], True), (["xray-grep", "-j", "-e", "e", "-C1", "{}"], True),
    (["xray-grep", "--unit=cand", "-W", "cand.score > 0 or exists(cand.score)", "{}"], True),
    (["xray-funnel", "{}"], True), (["xray-funnel", "--format=markdown", "--reasons=9", "{}"], True),
    (["xray-stat", "--by", "pipeline,step.name", "{}"], True), (["xray-stat", "--format=prom", "{}"], True),
    (["xray-why", "item-1", "{}"], True), (["xray-info", "{}"], True), (["xray-info", "-j", "{}"], True),
    (["xray-verify", "{}"], True), (["xray-verify", "--quick", "-j", "{}"], True),
]
HEAVY = ("xray-ls", "xray-funnel", "xray-cat", "xray-stat", "xray-verify")

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
                       "\U000e0000-\U000e007f]")


def harmless(data: bytes) -> str:
    """What is wrong with a text, or nothing."""
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        return f"not UTF-8 at byte {e.start}: {data[max(0, e.start - 9):e.start + 9]!r}"
    found = FORBIDDEN.search(text)
    return f"holds {found.group()!r}: {text[max(0, found.start() - 20):found.end() + 20]!r}" if found else ""


class Suite:
    def __init__(self, build: str, talk: bool) -> None:
        self.build, self.talk = build, talk
        self.instrumented = any(v in os.path.basename(build) for v in ("asan", "tsan", "cov"))
        self.checks = self.failed = 0

    def check(self, holds: bool, what: str) -> None:
        self.checks += 1
        if not holds:
            self.failed += 1
            print("not ok", what)

    def call(self, argv: Sequence[str], size: int) -> Tuple[int, bytes, bytes, int]:
        """Status (negative: a signal; -1000: no end), output, messages, peak memory."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            limit = time.monotonic() + (5 + 2 * size / (1 << 20)) * (10 if self.instrumented else 1)
            while True:
                pid, status, usage = os.wait4(p.pid, os.WNOHANG)
                if pid:
                    break
                if time.monotonic() > limit:
                    p.kill()
                    os.wait4(p.pid, 0)
                    p.returncode = -1000
                    return -1000, b"", b"", 0
                time.sleep(0.001)
            p.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            return p.returncode, out.read(), err.read(), usage.ru_maxrss * 1024

    def run(self, case: Case, call: List[str], is_text: bool, files: Sequence[str], size: int) -> None:
        argv = [os.path.join(self.build, "bin", call[0])]
        for word in call[1:]:
            argv += files if word == "{}" else [word]
        what = f"{case.name}: {' '.join(call)}"
        status, out, err, memory = self.call(argv, size)
        if self.talk:
            print(f"--- {what}: {status}\n{out.decode(errors='replace')[:1500]}{err.decode(errors='replace')[:800]}")
        self.check(status != -1000, f"{what}: ends in time")
        allowed = set(case.statuses) | ({1} if 0 in case.statuses or 3 in case.statuses else set())
        if call[0] == "xray-verify":
            allowed |= {3} # what others may pass over, it reports
        if "--quick" in call or call[0] == "xray-info":
            allowed |= {0} # it reads no bodies
        self.check(status in allowed, f"{what}: status {status} is one of {sorted(allowed)}: {err[-300:]!r}")
        self.check(self.instrumented or memory <= MEMORY_MAX, f"{what}: {memory >> 20} MiB")
        if is_text:
            if "--format=csv" in call:
                out = out.replace(b"\r\n", b"\n") # RFC 4180: only there
            self.check(not harmless(out), f"{what}: output {harmless(out)}")
        self.check(not harmless(err), f"{what}: messages {harmless(err)}")
        self.check(status not in (2, 3) or bool(err) or call[0] == "xray-verify", f"{what}: says what is wrong")
        if call[:2] == ["xray-cat", "-j"] and status in (0, 3):
            for text in case.still:
                self.check(text.encode() in out, f"{what}: still prints {text}")
            for line in out.splitlines():
                json.loads(line)

    def case(self, case: Case, calls: List[Tuple[List[str], bool]]) -> None:
        with tempfile.TemporaryDirectory() as d:
            files = list(case.make(d))
            size = sum(os.path.getsize(f) for f in files if os.path.isfile(f) and os.path.getsize(f) < 1 << 30)
            for call, is_text in calls:
                if os.path.exists(os.path.join(self.build, "bin", call[0])):
                    if not case.heavy or call[0] in HEAVY:
                        self.run(case, call, is_text, files, size)


def vector_cases() -> List[Case]:
    def make(data: bytes) -> Callable[[str], Sequence[str]]:
        def into(d: str) -> Sequence[str]:
            with open(os.path.join(d, "v.xray"), "wb") as out:
                out.write(data)
            return [out.name]
        return into
    # A tool that does not need what is damaged may pass over it. Damage is never an error (2), nor is newer data damage.
    statuses = {"accept": frozenset([0]), "damaged": frozenset([0, 3])}
    vectors = {n[:-5]: xhex.load(os.path.join(VECTORS, n)) for n in sorted(os.listdir(VECTORS)) if n.endswith(".xhex")}
    return [Case(n, make(v.data), statuses.get(v.expect, frozenset([0, 2, 3]))) for n, v in vectors.items()]


def main() -> int:
    build, names = sys.argv[1], sys.argv[2:]
    suite = Suite(build, bool(names))
    # The controls: what these checks are for, they find.
    suite.check(all(harmless(c.encode()) for c in EVIL if FORBIDDEN.match(c)) and not harmless("plain é\t\n".encode()),
                "control: hostile text is recognized")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for case in CASES:
        if not names or case.name in names:
            suite.case(case, CALLS)
    few = [c for c in CALLS if c[0][1] not in ("-j", "--quick")]
    for case in vector_cases():
        if names and case.name not in names:
            continue
        suite.case(case, few if suite.instrumented is False or names else few[::3])
    print(f"hostile: {suite.checks} checks, {suite.failed} failed")
    return suite.failed > 0


if __name__ == "__main__":
    sys.exit(main())
