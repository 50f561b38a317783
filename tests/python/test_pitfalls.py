"""What goes wrong in tracers: contexts, threads, processes, ends, objects. Each has a test here."""

import asyncio
import concurrent.futures
import contextvars
import dataclasses
import datetime
import decimal
import enum
import gc
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest
import uuid

import xrayfile as xray
from support import MODULE, TraceTest, run_script


@xray.step(type="llm")
def stream(count):
    for i in range(count):
        with xray.step(f"child{i}", type="tool"):
            pass
        yield f"chunk{i} "


@xray.step(type="llm")
async def astream(count):
    for i in range(count):
        await asyncio.sleep(0.001)
        async with xray.step(f"child{i}", type="tool"):
            pass
        yield f"chunk{i} "


class Generators(TraceTest):
    def test_step_ends_at_exhaustion_with_children_inside(self):
        with xray.run("p") as run:
            made = stream(3)
            with run.step("between"):  # begins before the stream's first item is asked for
                text = ""
                for chunk in made:
                    self.assertEqual(xray.current_step().name, "between")  # not the stream's
                    time.sleep(0.002)
                    text += chunk
        self.assertEqual(text, "chunk0 chunk1 chunk2 ")
        steps = self.steps()
        self.assertEqual({steps[f"child{i}"]["parent"] for i in range(3)}, {steps["stream"]["step"]})
        self.assertNotIn("parent", steps["stream"])  # where it was called, there was none
        self.assertGreaterEqual(steps["stream"]["duration"], 6_000_000)
        self.assertEqual(steps["stream"]["metadata"]["chunks"], 3)
        self.assertIn("first_chunk_ms", steps["stream"]["metadata"])
        self.assertEqual(steps["stream"]["output"], {"result": text})
        self.assertEqual(steps["stream"]["input"], {"count": 3})

    def test_send_throw_return(self):
        @xray.step
        def echo():
            got = yield 1
            try:
                yield got
            except ValueError:
                yield "caught"
            return "end"

        def outer():
            self.result = yield from echo()

        with xray.run("p"):
            g = outer()
            self.assertEqual([next(g), g.send("x"), g.throw(ValueError()), next(g, "over")], [1, "x", "caught", "over"])
        self.assertEqual(self.result, "end")
        self.assertEqual(self.steps()["echo"]["status"], "success")

    def test_error_inside(self):
        @xray.step
        def fails():
            yield 1
            raise RuntimeError("inside")

        with xray.run("p") as run, self.assertRaisesRegex(RuntimeError, "inside"):
            list(fails())
        self.assertEqual(self.steps()["fails"]["error"], "RuntimeError: inside")
        self.assertEqual(self.runs()[0]["status"], "success")  # the program went on

    def test_closed_in_another_context(self):
        with xray.run("p"):
            g = stream(5)
            contextvars.copy_context().run(next, g)
            contextvars.copy_context().run(g.close)
            thread = stream(5)
            next(thread)
            worker = threading.Thread(target=thread.close)
            worker.start()
            worker.join()
            dropped = stream(5)
            next(dropped)
            del dropped
            gc.collect()
        streams = [s for s in self.records("step") if s["name"] == "stream"]
        self.assertEqual([s["status"] for s in streams], ["partial"] * 3)
        self.assertEqual([s["metadata"]["chunks"] for s in streams], [1, 1, 1])

    def test_with_block_held_over_a_yield_and_closed_elsewhere(self):
        def holds(run):
            with run.step("held"):
                yield 1

        with xray.run("p") as run:
            g = holds(run)
            contextvars.copy_context().run(next, g)
            contextvars.copy_context().run(g.close)  # "Token was created in a different Context"
            self.assertIsNone(xray.current_step())
        self.assertEqual(self.steps()["held"]["status"], "partial")

    def test_async_closed_by_another_task(self):
        async def main():
            with xray.run("p"):
                g = astream(5)
                await asyncio.ensure_future(g.__anext__())
                await asyncio.ensure_future(g.aclose())
                text = [chunk async for chunk in astream(3)]
                abandoned = astream(5)
                await abandoned.__anext__()
            return text

        self.assertEqual(len(asyncio.run(main())), 3)
        first, second, third = [s for s in self.records("step") if s["name"] == "astream"]
        self.assertEqual((first["status"], first["metadata"]["chunks"]), ("partial", 1))
        self.assertEqual((second["status"], second["metadata"]["chunks"]), ("success", 3))
        children = [s for s in self.records("step") if s.get("parent") == second["step"]]
        self.assertEqual([c["name"] for c in children], ["child0", "child1", "child2"])
        self.assertGreaterEqual(second["duration"], 3_000_000)
        self.assertEqual(third["name"], "astream")

    def test_interleaved(self):
        with xray.run("p"):
            for _ in zip(stream(3), stream(3)):
                self.assertIsNone(xray.current_step())
        a, b = [s["step"] for s in self.records("step") if s["name"] == "stream"]
        parents = [s["parent"] for s in self.records("step") if s["name"].startswith("child")]
        self.assertEqual((parents.count(a), parents.count(b)), (3, 3))


class Threads(TraceTest):
    def work(self, i):
        with xray.step(f"work{i}") as st:
            for k in range(300):
                st.reject(f"{i}-{k}", "r", {"k": k})
        return xray.current_run()

    def check(self, count, run_count=1):
        self.assertEqual(len(self.runs()), run_count)
        steps = self.steps()
        self.assertEqual([steps[f"work{i}"]["parent"] for i in range(count)], [steps["outer"]["step"]] * count)
        self.assertEqual(len(self.cands()), 300 * count)

    def test_bind(self):
        with xray.run("p") as run, run.step("outer"):
            bound = xray.bind(self.work)
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                self.assertEqual(set(pool.map(bound, range(8))), {run})
        self.check(8)

    def test_executor(self):
        with xray.run("p") as run, run.step("outer"), xray.ThreadPoolExecutor(4) as pool:
            self.assertEqual(set(pool.map(self.work, range(8))), {run})
        self.check(8)

    def test_without_either_nothing_breaks(self):
        with xray.run("p") as run, run.step("outer"), concurrent.futures.ThreadPoolExecutor(1) as pool:
            self.assertIsNone(pool.submit(self.work, 0).result())
        self.assertEqual(sorted(r["pipeline"] for r in self.runs()), ["p", "work0"])

    def test_run_in_executor_and_to_thread(self):
        async def main():
            loop = asyncio.get_running_loop()
            with xray.run("p") as run, run.step("outer"):
                await asyncio.gather(loop.run_in_executor(None, xray.bind(self.work), 0),
                                     asyncio.to_thread(self.work, 1))

        asyncio.run(main())
        self.check(2)

    def test_asyncio_run_inside_a_step(self):
        async def main():
            await asyncio.gather(*(asyncio.sleep(0, self.work(i)) for i in range(3)))

        with xray.run("p") as run, run.step("outer"):
            asyncio.run(main())
        self.check(3)

    def test_tasks_have_their_own_current_step(self):
        async def one(i):
            with xray.step(f"task{i}"):
                await asyncio.sleep(0.002 * (3 - i))
                with xray.step(f"inner{i}"):
                    await asyncio.sleep(0.001)

        async def main():
            with xray.run("p"):
                await asyncio.gather(*map(one, range(3)))

        asyncio.run(main())
        steps = self.steps()
        for i in range(3):
            self.assertEqual(steps[f"inner{i}"]["parent"], steps[f"task{i}"]["step"])

    def test_one_step_from_many_threads(self):
        with xray.run("p") as run, run.step("s") as st:
            def add(i):
                for k in range(1000):
                    st.accept(f"{i}-{k}")

            threads = [threading.Thread(target=add, args=(i,)) for i in range(4)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        self.assertEqual(len({c["item"] for c in self.cands()}), 4000)
        self.assertEqual(self.steps()["s"]["candidates_in"], 4000)


class Processes(TraceTest):
    def test_fork_joins_the_run(self):
        with xray.run("p") as run, run.step("outer") as outer:
            outer.accept("before")
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    outer.accept("lost")  # the parent's step: nothing happens
                    with run.step("in_child") as st:
                        st.accept("c")
                    xray.flush()
                    code = 0
                finally:
                    os._exit(code)
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            outer.accept("after")
        (record,) = self.runs()
        self.assertEqual((record["run"], record["status"]), (run.id, "success"))
        self.assertEqual(sorted(c["item"] for c in self.cands()), ["after", "before", "c"])
        self.assertEqual(sorted(self.steps()), ["in_child", "outer"])
        self.assertEqual(len(os.listdir(self.store)), 2)

    def test_multiprocessing(self):
        script = """
import multiprocessing
def work(i):
    with xray.run(f"child{i}") as run, run.step("s") as st:
        for k in range(100):
            st.accept(f"{i}-{k}")
if __name__ == "__main__":
    with xray.run("parent") as run, run.step("s") as st:
        st.accept("p")
        with multiprocessing.get_context("fork").Pool(2) as pool:
            pool.map(work, range(6))
            pool.close()
            pool.join()
        p = multiprocessing.get_context("fork").Process(target=work, args=(6,))
        p.start(); p.join()
    print(xray.stats()["dropped"])
"""
        run_script(script, self.store)
        self.assertEqual(sorted(r["pipeline"] for r in self.runs()), [f"child{i}" for i in range(7)] + ["parent"])
        self.assertEqual({r["status"] for r in self.runs()}, {"success"})
        self.assertEqual(len(self.cands()), 701)

    def test_fork_while_other_threads_record(self):
        script = """
import threading
stop = False
def busy():
    while not stop:
        with xray.run("busy") as run, run.step("s") as st:
            for k in range(400):
                st.accept("x")
threads = [threading.Thread(target=busy) for _ in range(3)]
for t in threads: t.start()
for i in range(15):
    pid = os.fork()
    if pid == 0:
        with xray.run(f"child{i}"):
            pass
        xray.flush()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
stop = True
for t in threads: t.join()
"""
        run_script(script, self.store, timeout=50)
        self.assertEqual(sum(r["pipeline"].startswith("child") for r in self.runs()), 15)
        ids = [r["run"] for r in self.runs()]
        self.assertEqual(len(ids), len(set(ids)))

    def test_end_of_the_interpreter_seals(self):
        run_script("with xray.run('p') as run, run.step('s') as st: st.accept('a')\n"
                   "xray.run('open').step('held').accept('b')\n", self.store)
        self.assertEqual({r["pipeline"]: r["status"] for r in self.runs()}, {"p": "success", "open": "running"})
        self.assertEqual([c["item"] for c in self.cands()], ["a", "b"])
        done = subprocess.run([os.environ["XRAY_BUILD"] + "/bin/xray-ls", "--status", "abandoned", self.store],
                              capture_output=True, text=True, check=False, env={**os.environ, "LD_PRELOAD": ""})
        self.assertIn("open", done.stdout)

    def test_end_by_an_exception_or_sys_exit(self):
        run_script("with xray.run('a') as run, run.step('s'): raise SystemExit(3)", self.store, expect=3)
        run_script("with xray.run('b') as run, run.step('s'): sys.exit(0)", self.store)
        self.assertEqual({r["pipeline"]: (r["status"], r.get("error")) for r in self.runs()},
                         {"a": ("failure", "SystemExit: 3"), "b": ("success", None)})

    def test_interrupt_does_not_hang(self):
        script = ("import time\nwith xray.run('p') as run, run.step('s') as st:\n    st.accept('a')\n"
                  "    print('ready', flush=True)\n    time.sleep(60)\n")
        head = f"import sys\nsys.path.insert(0, {MODULE!r})\nimport xrayfile as xray\nxray.configure(dir={self.store!r})\n"
        child = subprocess.Popen([sys.executable, "-c", head + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(child.stdout.readline(), b"ready\n")
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=30)
        self.assertIn(child.returncode, (1, -signal.SIGINT))
        self.assertEqual([(r["status"], r["error"]) for r in self.runs()], [("failure", "KeyboardInterrupt: ")])
        self.assertEqual([c["item"] for c in self.cands()], ["a"])

    def test_flushed_survives_kill_9(self):
        script = ("run = xray.run('p'); st = run.step('s')\nfor i in range(10): st.reject(f'i{i}', 'r')\n"
                  "assert xray.flush() >= 1\nst.accept('late')\nos.kill(os.getpid(), 9)\n")
        run_script(script, self.store, expect=-9)
        self.assertEqual([c["item"] for c in self.cands()], [f"i{i}" for i in range(10)])

    def test_late_rows_are_handed_over_after_a_second(self):
        with xray.run("p") as run, run.step("s") as st:
            st.accept("first")
            st._due = 0.0  # as if a second had gone by
            for i in range(20):
                st.accept(f"i{i}")
            self.assertLess(len(st._rows), 16)


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    inner: object


class Model:
    def model_dump(self):
        return {"field": decimal.Decimal("1.25")}


class Hostile:
    def __repr__(self):
        raise RuntimeError("no repr")

    def __getattr__(self, name):
        raise RuntimeError(name)


class Scalar:
    """Like a number of numpy."""

    dtype, ndim = "int64", 0

    def item(self):
        return 7


class Objects(TraceTest):
    def record(self, value):
        with xray.run("p") as run:
            run.set_input(value)
        return self.runs()[-1]["input"]

    def test_what_json_does_not_have(self):
        when = datetime.datetime(2026, 1, 2, 3, 4, 5)
        given = {"e": Colour.RED, "p": Point(1, Point(2, None)), "m": Model(), "u": uuid.UUID(int=1), "t": when,
                 "d": decimal.Decimal("0.1"), "long": decimal.Decimal("0.1234567890123456789"), "s": {3, 1, 2},
                 "b": b"\x00\xff", "n": Scalar(), "path": pathlib.Path("/a"), "x": ValueError("v"), "f": float("inf"),
                 "td": datetime.timedelta(seconds=2), 5: "int key", (1, 2): "tuple key", "tuple": (1, 2),
                 "big": 2**70, "text": "a\ud800b\u0000"}
        self.assertEqual(self.record(given), {
            "e": "red", "p": {"x": 1, "inner": {"x": 2, "inner": None}}, "m": {"field": 1.25},
            "u": "00000000-0000-0000-0000-000000000001", "t": "2026-01-02T03:04:05", "d": 0.1,
            "long": "0.1234567890123456789", "s": [1, 2, 3], "b": {"$bin": "AP8="}, "n": 7, "path": "/a",
            "x": "ValueError: v", "f": {"$f": "inf"}, "td": 2.0, "5": "int key", "(1, 2)": "tuple key",
            "tuple": [1, 2], "big": str(2**70), "text": "a<U+D800>b\u0000"})

    def test_cycles_depth_and_hostile_objects(self):
        cycle = {"a": 1}
        cycle["self"] = cycle
        self.assertEqual(self.record(cycle)["a"], 1)
        deep = []
        for _ in range(5000):
            deep = [deep]
        self.assertIn("too deep", str(self.record(deep)))
        self.assertIn("repr raised RuntimeError", str(self.record({"h": Hostile()})))
        self.assertEqual(self.record({1: "a", "1": "b"}), {"1": "a", "1 (str)": "b"})
        self.assertIn("object at", self.record({"o": object()})["o"])
        self.assertIn("generator", self.record({"g": (i for i in range(3))})["g"])

    def test_hostile_candidates(self):
        with xray.run("p") as run, run.step("s") as st:
            xray.configure(dir=self.store)  # silent
            silent = run.step("silent")
            silent.accept(Hostile()).reject("x", "r", Hostile()).set_output(Hostile()).candidates([Hostile()])
            self.assertEqual(len(silent.filter([Hostile()], lambda h: True, evidence=lambda h: h.x)), 1)
            silent.end()
        self.assertEqual(self.steps()["silent"]["status"], "success")

    def test_huge(self):
        for value in ("x" * (64 << 20), ["y" * 100] * 500000, {str(i): i for i in range(300000)}):
            got = self.record(value)
            self.assertLessEqual(len(str(got)), 3 << 20)
            self.assertEqual(self.runs()[-1]["flags"] & 1, 1)

    def test_an_exception_whose_text_raises(self):
        class Bad(Exception):
            def __str__(self):
                raise RuntimeError("no text")

        with self.assertRaises(Bad), xray.run("p"):
            raise Bad
        self.assertEqual(self.runs()[0]["error"], "Bad")


if __name__ == "__main__":
    unittest.main()
