"""What recording costs a Python program, beside json.dumps and a write to a file, in the same run.

    bench_python.py BUILD [QUICK]

CPU time of the calling thread, medians of several rounds. `one by one`: a rejected candidate with a reason and one number as evidence. `batch`:
the same from lists. `step`: a step with input and output of 2 KB."""

import array
import json
import os
import statistics
import sys
import tempfile
import time

build = os.path.abspath(sys.argv[1])
quick = len(sys.argv) > 2 and sys.argv[2] == "1"
os.environ.setdefault("XRAY_LIB", os.path.join(build, "libxrayfile.so.0"))
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "libxrayfile", "python"))
import xrayfile as xray  # noqa: E402

COUNT = 20000 if quick else 100000
ROUNDS = 5 if quick else 9
IDS = [f"B{i:08d}" for i in range(COUNT)]
PRICES = [i * 0.01 for i in range(COUNT)]
COLUMN = array.array("d", PRICES)
PAYLOAD = {"messages": [{"role": "user", "content": "word " * 40} for _ in range(9)]}


def one_by_one(run, file):
    with run.step("s", type="filter") as st:
        reject = st.reject
        for item, price in zip(IDS, PRICES):
            reject(item, "price_too_high", {"price": price})
    return COUNT


def accepts(run, file):
    with run.step("s", type="filter") as st:
        accept = st.accept
        for item in IDS:
            accept(item)
    return COUNT


def batch(run, file):
    with run.step("s", type="filter") as st:
        st.candidates(IDS, "reject", reason="price_too_high", evidence={"price": COLUMN})
    return COUNT


def batch_of_lists(run, file):
    with run.step("s", type="filter") as st:
        st.candidates(IDS, "reject", reason="price_too_high", evidence={"price": PRICES})
    return COUNT


def steps(run, file):
    for _ in range(COUNT // 100):
        with run.step("s", type="llm") as st:
            st.set_input(PAYLOAD).set_output(PAYLOAD)
    return COUNT // 100


def json_one_by_one(run, file):
    dumps, write = json.dumps, file.write
    for item, price in zip(IDS, PRICES):
        write(dumps({"step": 1, "item": item, "verdict": "reject", "reason": "price_too_high",
                     "evidence": {"price": price}}) + "\n")
    file.flush()
    return COUNT


def json_steps(run, file):
    for _ in range(COUNT // 100):
        file.write(json.dumps({"step": "s", "input": PAYLOAD, "output": PAYLOAD}) + "\n")
    file.flush()
    return COUNT // 100


def off(run, file):
    with xray.Step("s", None, run) as st:
        accept = st.accept
        for item in IDS:
            accept(item)
    return COUNT


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        xray.configure(dir=os.path.join(directory, "store"), on_error="raise")
        times = {}
        work = [one_by_one, accepts, batch_of_lists, batch, json_one_by_one, steps, json_steps]
        with open(os.path.join(directory, "lines"), "w", encoding="utf-8") as file:
            for _ in range(ROUNDS):
                for function in work:
                    with xray.run("bench") as run:
                        before = time.thread_time_ns()
                        count = function(run, file)
                        times.setdefault(function.__name__, []).append((time.thread_time_ns() - before) / count)
                    xray.flush(60)  # the writer's thread is done before the next is measured
            dropped = xray.stats()["dropped"]
            xray.configure(dir=os.path.join(directory, "store"), enabled=False)
            with xray.run("off") as run:
                before = time.thread_time_ns()
                count = off(run, file)
                times["off"] = [(time.thread_time_ns() - before) / count]
    ns = {name: statistics.median(values) for name, values in times.items()}
    peer, peer_step = ns["json_one_by_one"], ns["json_steps"]
    print(f"  {'from Python, per candidate':<44} {'ns':>8}  {'json.dumps + write':>18}")
    for name, label in (("one_by_one", "reject(id, reason, {key: number})"), ("accepts", "accept(id)"),
                        ("batch_of_lists", "candidates(ids, evidence={key: list})"),
                        ("batch", "candidates(ids, evidence={key: array})"), ("off", "tracing off, accept(id)"),
                        ("json_one_by_one", "json.dumps + write")):
        print(f"  {label:<44} {ns[name]:8.0f}  {peer / ns[name]:17.2f}x")
    print(f"  {'a step with input and output of 2 KB':<44} {ns['steps']:8.0f}  {peer_step / ns['steps']:17.2f}x")
    print(f"  dropped: {dropped}")


main()
