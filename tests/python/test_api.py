"""The module's own API: what is said is what is read back."""

import array
import asyncio
import doctest
import os
import subprocess
import sys
import tempfile
import unittest
import uuid

import xrayfile as xray
from support import ROOT, TraceTest, run_script


class Product:
    def __init__(self, asin, price, score):
        self.asin, self.price, self.score = asin, price, score


HITS = [Product("B1", 20.0, 0.9), Product("B2", 129.0, 0.7), Product("B3", 99.0, 0.8)]


class Docstrings(unittest.TestCase):
    def test_examples(self):
        with tempfile.TemporaryDirectory() as traces:
            result = doctest.testmod(xray, extraglobs={"xray": xray, "traces": traces})
            xray.reset_config()
        self.assertGreater(result.attempted, 8)
        self.assertEqual(result.failed, 0)


class Writing(TraceTest):
    def test_pipeline(self):
        """The sketch that the module was designed by, with asserts."""
        with xray.run("competitor_selection", version="1.4", input={"product": "mug"}, tags=["ab:b"], project="shop",
                      session="s1", user="ada") as run:
            self.assertIs(xray.current_run(), run)
            with run.step("search", type="search") as st:
                st.candidates(HITS, id=lambda h: h.asin, score=lambda h: h.score)
            with run.step("filter_price", type="filter") as st:
                kept = st.filter(HITS, lambda h: h.price <= 100, id="asin", reason="price_too_high",
                                 evidence=lambda h: {"price": h.price}, threshold=100, value="price")
            with run.step("rank", type="rank") as st:
                ranked = st.sort(kept, key="score", id="asin", top=1)
            with run.step("pick", type="select") as st:
                st.decide("select_competitor", selected=ranked[0].asin, score=0.92, reason="highest_score",
                          alternatives=kept[1:])
            run.set_output({"selected": ranked[0].asin})
        self.assertIsNone(xray.current_run())
        self.assertEqual([h.asin for h in kept], ["B1", "B3"])
        (run_record,) = self.runs()
        self.assertEqual(run_record["run"], run.id)
        self.assertEqual(run_record["pipeline"], "competitor_selection")
        self.assertEqual([run_record[k] for k in ("version", "project", "session", "user", "status")],
                         ["1.4", "shop", "s1", "ada", "success"])
        self.assertEqual(run_record["tags"], {"ab": "b"})
        self.assertEqual(run_record["input"], {"product": "mug"})
        self.assertEqual(run_record["output"], {"selected": "B1"})
        self.assertGreaterEqual(run_record["end"], run_record["start"])
        steps = self.steps()
        self.assertEqual(steps["filter_price"]["reasons"], {"price_too_high": 1})
        self.assertEqual([(s["candidates_in"], s["candidates_out"]) for s in steps.values()
                          if "candidates_in" in s], [(3, 3), (3, 2), (2, 1)])
        self.assertEqual(self.cands(1)[2], {"kind": "cand", "run": run.id, "step": 1, "item": "B3", "verdict": "accept",
                                            "score": 0.8})
        self.assertEqual(self.cands(2)[1], {"kind": "cand", "run": run.id, "step": 2, "item": "B2", "verdict": "reject",
                                            "reasons": [{"code": "price_too_high"}], "score": 129.0,
                                            "threshold": 100.0, "evidence": {"price": 129.0}})
        self.assertEqual([(c["item"], c["rank_in"], c["rank_out"], c["verdict"]) for c in self.cands(3)],
                         [("B1", 1, 1, "accept"), ("B3", 2, 2, "reject")])
        (decision,) = [r for r in self.records() if r["kind"] == "decision"]
        self.assertEqual(decision["body"], {"selected": ["B1"], "alternatives": [{"id": "B3", "score": 0.8}],
                                            "reason": "highest_score", "score": 0.92})

    def test_one_by_one_keeps_order_and_evidence(self):
        evidence = {"price": 1}
        with xray.run("p") as run, run.step("s") as st:
            for i in range(1000):
                evidence["price"] = i  # the same map each time: it is taken as it is now
                if i % 2:
                    st.reject(f"i{i}", "odd" if i % 3 else "third", evidence)
                else:
                    st.accept(f"i{i}")
            st.defer("later", "unsure", {"p": [1, {"q": 2}]}).modify("changed", score=0.5)
            st.reject("x", "mixed", {"a": 1, "b": "t", "c": None, "d": 2.5, "e": True, "n": float("nan")})
        cands = self.cands()
        self.assertEqual([c["item"] for c in cands[:1000]], [f"i{i}" for i in range(1000)])
        self.assertEqual(cands[7]["evidence"], {"price": 7})
        self.assertNotIn("evidence", cands[8])
        self.assertEqual(cands[1000]["evidence"], {"p": [1, {"q": 2}]})
        self.assertEqual((cands[1001]["verdict"], cands[1001]["score"]), ("modify", 0.5))
        self.assertEqual(cands[1002]["evidence"], {"a": 1, "b": "t", "c": None, "d": 2.5, "e": True, "n": {"$f": "nan"}})
        step = self.steps()["s"]
        self.assertEqual(step["candidates_in"], 1003)
        self.assertEqual(sum(step["reasons"].values()), 501)

    def test_batches(self):
        ids = [f"id{i}" for i in range(20000)]
        prices = array.array("d", range(20000))
        with xray.run("p") as run, run.step("s") as st:
            st.candidates(ids, "reject", reason="r", score=prices, evidence={"price": prices, "n": list(range(20000))})
            st.candidates(["ä", "b\udc80", ""], evidence={"t": ["x", "y", "ü"]})
            st.candidates(["u", "v"], "reject", reason=["one", "two"], evidence=[{"a": 1}, None])
            st.candidates(["m"], evidence={"a": [None]})
        cands = self.cands()
        self.assertEqual(len(cands), 20006)
        self.assertEqual(cands[19999]["item"], "id19999")
        self.assertEqual(cands[19999]["evidence"], {"price": 19999.0, "n": 19999})
        self.assertEqual(cands[16384]["score"], 16384.0)
        self.assertEqual(cands[20000]["item"], "ä")
        self.assertEqual(cands[20001]["item"], "b<U+DC80>")
        self.assertEqual(cands[20002]["evidence"], {"t": "ü"})
        self.assertEqual([c["reasons"][0]["code"] for c in cands[20003:20005]], ["one", "two"])
        self.assertEqual(cands[20005]["evidence"], {"a": None})
        self.assertEqual(self.steps()["s"]["reasons"], {"r": 20000, "one": 1, "two": 1})

    def test_lists(self):
        with xray.run("p") as run:
            with run.step("dedupe") as st:
                self.assertEqual(st.dedupe(["a", "b", "a"]), ["a", "b"])
            with run.step("top") as st:
                self.assertEqual(st.top_k([3, 1, 2], 2), [3, 1])
            with run.step("best") as st:
                self.assertEqual(st.top_k([3, 1, 2], 2, key=lambda v: v), [3, 2])
            with run.step("ascending") as st:
                self.assertEqual(st.sort([3, 1, 2], reverse=False), [1, 2, 3])
            with run.step("why") as st:
                st.filter([1, 2, 3], lambda v: v == 2, reason=lambda v: "low" if v < 2 else "high")
            with run.step("none") as st:
                self.assertEqual(st.filter([], lambda v: True), [])
            with run.step("raises") as st, self.assertRaises(ZeroDivisionError):
                st.filter([0], lambda v: 1 / v)
        self.assertEqual(self.cands(1)[2]["evidence"], {"of": "a"})
        self.assertEqual([c["verdict"] for c in self.cands(2)], ["accept", "accept", "reject"])
        self.assertEqual([(c["item"], c["rank_in"], c["rank_out"]) for c in self.cands(3)],
                         [("3", 1, 1), ("2", 3, 2), ("1", 2, 3)])
        self.assertEqual([c["item"] for c in self.cands(4)], ["1", "2", "3"])
        steps = self.steps()
        self.assertEqual(steps["why"]["reasons"], {"low": 1, "high": 1})
        self.assertEqual((steps["none"]["candidates_in"], steps["none"]["candidates_out"]), (0, 0))

    def test_usage_and_fields(self):
        class Response:
            model = "claude"
            usage = {"input_tokens": 12, "output_tokens": 40, "cache_read_input_tokens": 600}

        with xray.run("p", metadata={"a": 1}) as run:
            with run.step("llm", type=xray.StepType.LLM) as st:
                self.assertIs(st.usage(model="gpt-4o", input=812, cache_read=600, output=40, cost=0.0123, provider="openai",
                                       params={"t": 0.2}), st)
                st.set_reasoning("because").set_filters_applied({"max": 1}).add_metadata("k", [1]).add_tag("t", "v")
                st.note("retry", attempt=2).set_status("partial")
            with run.step("other") as st:
                st.usage(Response())
        step = self.steps()["llm"]
        self.assertEqual(step["tokens"], {"input": 812, "output": 40, "cache_read": 600})
        self.assertEqual((step["model"], step["provider"], step["params"]), ("gpt-4o", "openai", {"t": 0.2}))
        self.assertEqual(step["cost"], 0.0123)
        self.assertEqual((step["reasoning"], step["filters"], step["metadata"], step["tags"], step["status"]),
                         ("because", {"max": 1}, {"k": [1]}, {"t": "v"}, "partial"))
        self.assertEqual(self.steps()["other"]["tokens"], {"input": 612, "output": 40, "cache_read": 600})
        note = [r for r in self.records() if r["kind"] == "note"][0]
        self.assertEqual((note["name"], note["body"]), ("retry", {"attempt": 2}))

    def test_errors_and_nesting(self):
        with self.assertRaises(KeyError), xray.run("p") as run:
            with run.step("outer") as outer, run.step("inner"):
                with xray.step("innermost", type="tool"):
                    pass
                self.assertEqual(outer.number, 1)
                raise KeyError("gone")
        steps = self.steps()
        self.assertEqual((steps["inner"]["parent"], steps["innermost"]["parent"]), (1, 2))
        self.assertEqual(steps["inner"]["error"], "KeyError: 'gone'")
        self.assertEqual([steps[n]["status"] for n in ("outer", "inner", "innermost")], ["failure", "failure", "success"])
        (record,) = self.runs()
        self.assertEqual((record["status"], record["error"]), ("failure", "KeyError: 'gone'"))

    def test_implicit_run_and_explicit_parent(self):
        with xray.step("alone", type="tool") as st:
            pass
        self.assertEqual([r["pipeline"] for r in self.runs()], ["alone"])
        self.assertEqual(self.runs()[0]["flags"], 2)
        with xray.run("p") as run:
            first = run.step("first")
            second = run.step("second")
            child = run.step("child", parent=first)
            for st in (child, second, first):
                st.end()
            first.end()  # a second time does nothing
        self.assertEqual(self.steps()["child"]["parent"], 1)
        self.assertNotIn("parent", self.steps()["second"])
        self.assertEqual(st.accept("late"), st)

    def test_ids(self):
        with xray.run("p", id="run_abc123") as run, xray.run("child", parent=run):
            pass
        by_name = {r["pipeline"]: r for r in self.runs()}
        self.assertEqual(by_name["p"]["ext_id"], "run_abc123")
        self.assertEqual(by_name["child"]["parent_run"], run.id)
        given = uuid.uuid4()
        with xray.run("q", id=str(given)) as run:
            self.assertEqual(run.id, given.hex)

    def test_async_with(self):
        async def main():
            async with xray.run("p") as run:
                async with run.step("a"):
                    await asyncio.sleep(0)
                    async with xray.step("b"):
                        await asyncio.sleep(0)

        asyncio.run(main())
        self.assertEqual(self.steps()["b"]["parent"], 1)


class Decorators(TraceTest):
    def test_kinds_of_functions(self):
        @xray.step
        def plain(a, b=2):
            return a + b

        @xray.step(type="filter", name="named")
        def keep(items):
            return items[:1]

        @xray.step(type="llm")
        async def ask(prompt):
            xray.current_step().usage(model="m", input=3)
            return {"answer": prompt}

        class Thing:
            @xray.step
            def method(self, x):
                return x

            @xray.step
            @classmethod
            def of_class(cls, x):
                return x

            @xray.step
            @staticmethod
            def of_none(x):
                return x

        with xray.run("p"):
            self.assertEqual(plain(1), 3)
            self.assertEqual(keep([1, 2, 3]), [1])
            self.assertEqual(asyncio.run(ask("q")), {"answer": "q"})
            self.assertEqual([Thing().method(1), Thing.of_class(2), Thing.of_none(3)], [1, 2, 3])
            with self.assertRaises(TypeError):
                plain()
        steps = self.steps()
        self.assertEqual((steps["plain"]["status"], steps["plain"]["error"][:9]), ("failure", "TypeError"))
        self.assertEqual([s["input"] for s in self.records("step") if s["name"] == "plain"][0], {"a": 1})
        self.assertEqual((steps["named"]["candidates_in"], steps["named"]["candidates_out"]), (3, 1))
        self.assertEqual(steps["named"]["output"], {"result": [1]})
        self.assertEqual((steps["ask"]["type"], steps["ask"]["model"], steps["ask"]["output"]),
                         ("llm", "m", {"answer": "q"}))
        self.assertEqual(steps["method"]["input"], {"x": 1})
        self.assertEqual(steps["of_class"]["input"], {"x": 2})
        self.assertEqual(plain.__name__, "plain")
        self.assertTrue(asyncio.iscoroutinefunction(ask))

    def test_usage_of_common_responses(self):
        class Usage:
            prompt_tokens, completion_tokens = 10, 5

        class Response:
            model, usage = "gpt-4o", Usage()

        @xray.step(type="llm")
        def ask():
            return Response()

        ask()
        self.assertEqual(self.steps()["ask"]["tokens"], {"input": 10, "output": 5})
        self.assertEqual(self.steps()["ask"]["model"], "gpt-4o")


class Sampling(TraceTest):
    def write(self, **config):
        xray.configure(dir=self.store, on_error="raise", **config)
        with xray.run("p") as run, run.step("s") as st:
            for i in range(5000):
                st.accept(f"a{i}") if i % 10 == 0 else st.reject(f"r{i}", "rare" if i == 4999 else "often")
            st.candidates(["x", "y"], evidence={"n": [1, 2]})
        return self.steps()["s"], self.cands()

    def check_totals(self, step):
        self.assertEqual((step["candidates_in"], step["candidates_out"]), (5002, 502))
        self.assertEqual(step["reasons"], {"often": 4499, "rare": 1})

    def test_smart(self):
        step, cands = self.write(sample=xray.Smart(100))
        self.check_totals(step)
        self.assertEqual(step["kept"], len(cands))
        self.assertTrue(200 < len(cands) < 1000, len(cands))
        self.assertEqual([c["item"] for c in cands[:3]], ["a0", "r1", "r2"])
        self.assertIn("r4999", [c["item"] for c in cands])
        self.assertEqual((step["sampling"]["mode"], step["sampling"]["seen"], step["flags"]), ("smart", 5002, 4))

    def test_rate(self):
        step, cands = self.write(sample=0.01)
        self.check_totals(step)
        self.assertTrue(20 <= len(cands) <= 100, len(cands))

    def test_summary(self):
        step, cands = self.write(detail="summary")
        self.check_totals(step)
        self.assertEqual(cands, [])

    def test_set_candidates(self):
        with xray.run("p") as run:
            for mode in ("all", "summary", "sampled", "smart"):
                with run.step(mode) as st:
                    st.set_candidates([{"id": f"c{i}"} for i in range(200)], capture_mode=mode, sample_size=20)
        steps = self.steps()
        self.assertEqual({n: (s["candidates_in"], s["candidates_out"]) for n, s in steps.items()},
                         dict.fromkeys(steps, (200, 200)))
        counts = [len(self.cands(i)) for i in (1, 2, 3, 4)]
        self.assertEqual(counts, [200, 0, 20, 20])
        self.assertEqual([c["item"] for c in self.cands(4)[:10]], [f"c{i}" for i in range(10)])
        self.assertEqual(steps["sampled"]["sampling"]["kept"], 20)
        weights = [[float(c.get("weight", 1)) for c in self.cands(i)] for i in (1, 3, 4)]
        self.assertEqual([sum(w) for w in weights], [200, 200, 200])  # what is kept stands for all
        self.assertEqual(weights[1:], [[10.0] * 20, [1.0] * 10 + [19.0] * 10])


class Rules(TraceTest):
    def test_rules_and_who_decided(self):
        low = xray.Reason("rating_too_low", rule="min_rating", version="2")
        with xray.run("p") as run:
            with run.step("one") as st:
                st.reject("a", low, {"rating": 3}, by="rule").reject("b", "plain").accept("c", by="human")
                st.reject("d", xray.Reason("dup", version="7"), by="agent").reject("e", low, by="rule")
            with run.step("two") as st:
                kept = st.filter([1, 5, 2], lambda r: r > 3, reason=low, by="rule")
                st.candidates(["x", "y"], "defer", reason=low, by="verifier")
        self.assertEqual(kept, [5])
        rule = [{"code": "rating_too_low", "rule": "min_rating", "version": "2"}]
        self.assertEqual([(c["item"], c.get("reasons"), c.get("by")) for c in self.cands(1)],
                         [("a", rule, "rule"), ("b", [{"code": "plain"}], None), ("c", None, "human"),
                          ("d", [{"code": "dup", "version": "7"}], "agent"), ("e", rule, "rule")])
        self.assertEqual([(c["item"], c.get("reasons"), c.get("by")) for c in self.cands(2)],
                         [("1", rule, "rule"), ("5", None, "rule"), ("2", rule, "rule"),
                          ("x", rule, "verifier"), ("y", rule, "verifier")])
        self.assertEqual(self.steps()["one"]["reasons"], {"rating_too_low": 2, "plain": 1, "dup": 1})

    def test_sampled(self):
        xray.configure(dir=self.store, on_error="raise", sample=xray.Smart(keep=5, per_reason=2))
        with xray.run("p") as run, run.step("s") as st:
            for i in range(50):
                st.reject(f"i{i}", xray.Reason("low", rule="r", version=str(i % 2)), by="rule")
        self.assertEqual(self.steps()["s"]["reasons"], {"low": 50})
        self.assertEqual({c["by"] for c in self.cands()}, {"rule"})

    def test_unknown_by(self):
        with xray.run("p") as run, run.step("s") as st:
            with self.assertRaises(xray.XRayError):
                st.reject("a", "r", by="nobody")._hand_over()


class Configuration(TraceTest):
    def test_environment(self):
        done = run_script("xray.reset_config(); c = xray.get_config(); print(c.dir, c.project, c.detail, c.sample, "
                          "c.redact, c.enabled, c.on_error.value, c.flush_interval)", self.store,
                          env={"XRAY_DIR": "/x", "XRAY_PROJECT": "shop", "XRAY_DETAIL": "summary", "XRAY_SAMPLE": "0.5",
                               "XRAY_REDACT": "key,token", "XRAY_ENABLED": "false", "XRAY_ON_ERROR": "log",
                               "XRAY_FLUSH": "nonsense"})
        self.assertEqual(done.stdout.strip(), "/x shop summary Rate(rate=0.5) ('key', 'token') False log 1.0")
        self.assertIn("XRAY_FLUSH: flush takes", done.stderr)

    def test_disabled(self):
        xray.configure(dir=self.store, enabled=False)

        @xray.step
        def work(x):
            return x

        with xray.run("p") as run, run.step("s") as st:
            st.accept("a").set_input({1: 2})
            self.assertEqual(st.filter([1, 2], lambda v: v > 1), [2])
            self.assertEqual(st.sort([1, 2]), [2, 1])
            self.assertEqual(work(5), 5)
        self.assertFalse(os.path.exists(self.store))

    def test_failing_open(self):
        blocked = os.path.join(self._directory.name, "file")
        with open(blocked, "w", encoding="ascii"):
            pass
        xray.configure(dir=os.path.join(blocked, "store"))
        with xray.run("p") as run, run.step("s") as st:
            st.accept("a")
        self.assertGreater(xray.stats()["failures"], 0)
        xray.configure(dir=os.path.join(blocked, "store"), strict=True)
        with self.assertRaises(xray.XRayError):
            xray.run("p")

    def test_no_library(self):
        script = ("with xray.run('p') as run, run.step('s') as st:\n    st.accept('a')\n"
                  "with xray.run('p'): pass\nprint('done')")
        head = f"import sys\nsys.path.insert(0, {os.path.join(ROOT, 'libxrayfile', 'python')!r})\nimport xrayfile as xray\n"
        for library in ("/nonexistent.so", sys.executable):
            env = {**os.environ, "XRAY_LIB": library, "XRAY_DIR": self.store}
            done = subprocess.run([sys.executable, "-c", head + script], capture_output=True, text=True, env=env, check=False)
            self.assertEqual((done.returncode, done.stdout), (0, "done\n"), done.stderr)
            self.assertEqual(done.stderr.count("tracing is off"), 1, done.stderr)
            done = subprocess.run([sys.executable, "-c", head + script], capture_output=True, text=True, check=False,
                                  env={**env, "XRAY_STRICT": "1"})
            self.assertEqual(done.returncode, 1)
            self.assertIn("XRayError: tracing is not possible", done.stderr)

    def test_strict_needs_a_run(self):
        xray.configure(dir=self.store, strict=True)
        with self.assertRaises(RuntimeError):
            xray.step("s").__enter__()

    def test_redaction(self):
        xray.configure(dir=self.store, on_error="raise", redact=[r"api[_-]?key", "token"])
        with xray.run("p", input={"api_key": "sk-secret", "deep": [{"Token": "t-secret", "q": 1}]}) as run:
            with run.step("s") as st:
                st.reject("a", "r", {"API-KEY": "e-secret", "price": 1}).add_metadata("token", "m-secret")
        (record,) = self.runs()
        self.assertEqual(record["input"]["api_key"]["$missing"][:2], ["redacted", 9])
        self.assertEqual(record["input"]["deep"][0]["q"], 1)
        self.assertNotIn("secret", str(self.records()))
        self.assertEqual(self.cands()[0]["evidence"]["price"], 1)

    def test_reconfiguring_lets_runs_go_on(self):
        other = os.path.join(self._directory.name, "other")
        with xray.run("first") as run:
            xray.configure(dir=other, on_error="raise")
            with run.step("s"), xray.run("second"):
                pass
        self.assertEqual([r["status"] for r in self.runs()], ["success"])
        self.assertEqual([r["pipeline"] for r in xray.read(other, unit="run")], ["second"])


class Reading(TraceTest):
    def setUp(self):
        super().setUp()
        for name in ("one", "two", "three"):
            with xray.run(name) as run, run.step("s") as st:
                st.accept("a").reject("b", "r")

    def test_units(self):
        self.assertEqual([r["kind"] for r in xray.read(self.store)], ["run", "step", "cand", "cand"] * 3)
        self.assertEqual(len(list(xray.read(self.store, unit="cand", where="cand.verdict = reject"))), 3)
        self.assertEqual([r["pipeline"] for r in xray.read(self.store, emit="run", reverse=True, limit=2)],
                         ["three", "two"])
        with xray.read([self.store], where="pipeline = two", unit="run") as reader:
            self.assertEqual([r["pipeline"] for r in reader], ["two"])
            self.assertEqual(reader.problems, [])

    def test_wrong(self):
        with self.assertRaisesRegex(ValueError, "where:1:"):
            xray.read(self.store, where="pipeline = = x")
        with self.assertRaises(FileNotFoundError):
            xray.read(self.store + "/none")
        with self.assertRaises(ValueError):
            xray.read(self.store, unit="page")

    def test_damage_is_told(self):
        xray.shutdown()
        (name,) = os.listdir(self.store)
        path = os.path.join(self.store, name)
        with open(path, "r+b") as file:
            data = file.read()
            at = data.index(b"XRB1", data.index(b"XRB1") + 4)
            file.seek(at + 30)
            file.write(b"\xff")
        reader = xray.read(self.store)
        list(reader)
        self.assertTrue(reader.problems and path in reader.problems[0], reader.problems)

    def test_pandas(self):
        try:
            import pandas  # noqa: F401
        except ImportError:
            with self.assertRaises(ImportError):
                xray.read(self.store, unit="run").to_pandas()
        else:
            self.assertEqual(len(xray.read(self.store, unit="run").to_pandas()), 3)


class Capture(TraceTest):
    def test_capture(self):
        with xray.testing.capture() as t:
            with xray.run("p") as run, run.step("filter_price") as st:
                st.reject("a", "price_too_high").accept("b").decide("d", selected="b").note("n", x=1)
                st.end()
                self.assertEqual(t.steps["filter_price"].rejected, ["a"])
        self.assertEqual(t.steps["filter_price"].reasons, {"price_too_high": 1})
        self.assertEqual(t.steps["filter_price"].accepted, ["b"])
        self.assertEqual(t.run.pipeline, "p")
        self.assertEqual(len(t.steps["filter_price"].decisions), 1)
        self.assertEqual(t.run.steps[0].notes[0]["body"], {"x": 1})
        self.assertIsNone(t.run.error)
        with xray.run("after"):
            pass
        self.assertEqual([r["pipeline"] for r in self.runs()], ["after"])
        with xray.testing.capture() as empty:
            pass
        with self.assertRaises(LookupError):
            empty.run

    def test_capture_when_disabled(self):
        xray.configure(dir=self.store, enabled=False)
        with xray.testing.capture() as t, xray.run("p"):
            pass
        self.assertEqual(len(t.runs), 1)
        self.assertFalse(xray.get_config().enabled)


if __name__ == "__main__":
    unittest.main()
