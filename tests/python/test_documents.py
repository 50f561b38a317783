"""The uses that were published for SDKs of this kind: each sample, in our own words where it called a server,
runs on this module under the names it used, and what it recorded is checked."""

import asyncio
import datetime
import os
import sys
import time
import unittest
import warnings

import xrayfile as xray
from support import TraceTest

# The packages the samples import from.
for _name in ("sdk", "xray_sdk", "xray", "xray.models", "xray.context", "xray.config", "xray.client"):
    sys.modules[_name] = xray

UTC = datetime.timezone.utc


class Item:
    def __init__(self, id, price, score):
        self.id, self.price, self.score = id, price, score


ITEMS = [Item("a", 20, 0.4), Item("b", 150, 0.9), Item("c", 80, 0.7)]


class PhasedGuide(TraceTest):
    """Document A: models, contexts, configuration, client."""

    def test_models(self):
        from xray.models import IngestPayload, RunModel, RunStatus, StepModel, StepType

        start = datetime.datetime(2026, 1, 1)
        run = RunModel(pipeline_name="test_pipeline", start_time=start, status=RunStatus.SUCCESS)
        self.assertIsNotNone(run.id)
        self.assertEqual((run.pipeline_name, run.status), ("test_pipeline", RunStatus.SUCCESS))
        self.assertIsNone(run.duration_ms)
        run = RunModel(pipeline_name="test", start_time=start, end_time=start + datetime.timedelta(seconds=5))
        self.assertEqual(run.duration_ms, 5000)
        step = StepModel(step_name="test_step", step_type=StepType.LLM, sequence=0, start_time=start)
        self.assertEqual((step.step_name, step.step_type), ("test_step", StepType.LLM))
        self.assertIsNone(step.reduction_rate)
        step = StepModel(step_name="filter", sequence=0, start_time=start, candidates_in=1000, candidates_out=100)
        self.assertEqual(step.reduction_rate, 0.9)
        step.candidates_in = step.candidates_out = 0
        self.assertEqual(step.reduction_rate, 0.0)
        payload = IngestPayload(run=run, steps=[step])
        self.assertIs(payload.run, run)
        self.assertEqual(len(payload.steps), 1)

    def test_run_context(self):
        from xray.context import RunContext, RunStatus, get_current_run, get_current_step

        with RunContext("test_pipeline", "1.0", {"team": "x"}) as run:
            self.assertEqual(get_current_run(), run)
            self.assertEqual(run.run.pipeline_name, "test_pipeline")
            self.assertIsNotNone(run.run.start_time)
            self.assertIsNone(run.run.end_time)
            self.assertEqual(run.run.status, RunStatus.RUNNING)
            with run.step("test_step") as step:
                self.assertEqual(get_current_step(), step)
                self.assertEqual((step.step.step_name, step.step.sequence), ("test_step", 0))
            self.assertIs(run.add_metadata("k", "v"), run)
            self.assertIs(run.set_output(["x"]), run)
        self.assertIsNotNone(run.run.end_time)
        self.assertEqual(run.run.status, RunStatus.SUCCESS)
        self.assertEqual([s.step_name for s in run._steps], ["test_step"])
        (record,) = self.runs()
        self.assertEqual((record["version"], record["metadata"], record["output"]),
                         ("1.0", {"team": "x", "k": "v"}, {"result": ["x"]}))

    def test_error(self):
        from xray.context import RunContext, RunStatus

        with self.assertRaises(ValueError):
            with RunContext("test_pipeline") as run:
                raise ValueError("Test error")
        self.assertEqual(run.run.status, RunStatus.FAILURE)
        self.assertIn("ValueError", run.run.error)
        self.assertEqual(self.runs()[0]["error"], "ValueError: Test error")

    def test_timing_and_setters(self):
        from xray.context import RunContext

        with RunContext("test_pipeline") as run:
            with run.step("slow_step") as step:
                time.sleep(0.1)
            self.assertGreaterEqual(step.step.duration_ms, 100)
            with run.step("test_step", step_type="llm") as step:
                step.set_inputs({"query": "test"})
                step.set_outputs({"result": "answer"})
                step.set_reasoning("Used GPT-4").set_filters_applied({"max": 1})
                step.add_metadata("model", "gpt-4")
                step.set_candidates_in(9).set_candidates_out(3)
            with run.step("step3") as step:
                step.set_outputs("result3")
            with run.step("sampled") as step:
                step.set_candidates([{"id": i} for i in range(100)], capture_mode="sampled", sample_size=5)
        s = run._steps[1]
        self.assertEqual((s.inputs, s.outputs, s.reasoning), ({"query": "test"}, {"result": "answer"}, "Used GPT-4"))
        self.assertEqual(s.metadata["model"], "gpt-4")
        self.assertEqual([s.sequence for s in run._steps], [0, 1, 2, 3])
        self.assertEqual(run._steps[2].outputs, {"result": "result3"})
        steps = self.steps()
        self.assertGreaterEqual(steps["slow_step"]["duration"], 100_000_000)
        recorded = steps["test_step"]
        self.assertEqual((recorded["type"], recorded["input"], recorded["output"], recorded["reasoning"],
                          recorded["filters"], recorded["metadata"], recorded["candidates_in"],
                          recorded["candidates_out"]),
                         ("llm", {"query": "test"}, {"result": "answer"}, "Used GPT-4", {"max": 1},
                          {"model": "gpt-4"}, 9, 3))
        self.assertEqual(steps["step3"]["output"], {"result": "result3"})
        self.assertEqual((steps["sampled"]["candidates_out"], len(self.cands(4))), (100, 5))

    def test_step_needs_a_run(self):
        from xray.context import StepContext

        with self.assertRaisesRegex(RuntimeError, "must be used within a RunContext"):
            with StepContext("orphan_step"):
                pass

    def test_config(self):
        from xray.config import FallbackMode, XRayConfig, configure, get_config, reset_config

        reset_config()
        config = get_config()
        self.assertEqual((config.api_url, config.timeout, config.fallback_mode, config.enabled),
                         ("http://localhost:8000", 5.0, FallbackMode.SILENT, True))
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            config = configure(api_url="http://api.example.com", timeout=10.0, fallback_mode=FallbackMode.RAISE)
        self.assertEqual((config.api_url, config.timeout, config.fallback_mode),
                         ("http://api.example.com", 10.0, FallbackMode.RAISE))
        self.assertIs(get_config(), config)
        environment = {"XRAY_API_URL": "http://env.example.com", "XRAY_TIMEOUT": "15.0", "XRAY_FALLBACK_MODE": "log",
                       "XRAY_ENABLED": "false", "XRAY_LOG_FILE_PATH": "/elsewhere"}
        os.environ.update(environment)
        self.addCleanup(lambda: [os.environ.pop(k) for k in environment])
        config = XRayConfig.from_env()
        self.assertEqual((config.api_url, config.timeout, config.fallback_mode, config.enabled, config.dir),
                         ("http://env.example.com", 15.0, FallbackMode.LOG, False, "/elsewhere"))
        for wrong in ({"timeout": -1}, {"max_retries": 100}, {"retry_backoff": 11.0}, {"fallback_mode": "loud"}):
            with self.assertRaises(ValueError):
                XRayConfig(**wrong)

    def test_server_options_warn_once(self):
        xray._warned.clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(3):
                xray.configure(dir=self.store, api_url="http://x", max_retries=1)
        self.assertEqual([w.category for w in caught], [xray.XRayWarning])

    def test_client(self):
        from xray.client import XRayClient, get_client, reset_client
        from xray.models import RunModel, RunStatus, StepModel

        self.addCleanup(reset_client)
        self.assertIsNotNone(get_client())
        self.assertIs(get_client(), get_client())
        start = datetime.datetime(2026, 1, 1, tzinfo=UTC)
        end = start + datetime.timedelta(milliseconds=1500)
        run = RunModel(pipeline_name="test", start_time=start, end_time=end, status=RunStatus.PARTIAL,
                       final_output={"r": 1}, metadata={"m": 2})
        step = StepModel(step_name="test_step", sequence=0, start_time=start, end_time=end, candidates_in=10,
                         candidates_out=1, inputs={"i": 1}, metadata={"model": "x"}, error="ValueError: e")
        self.assertIs(XRayClient().send_run(run, [step]), True)
        (record,) = self.runs()
        self.assertEqual((record["run"], record["start"], record["duration"], record["status"], record["output"]),
                         (run.id.hex, 1767225600 * 10**9, 1_500_000_000, "partial", {"r": 1}))
        recorded = self.steps()["test_step"]
        self.assertEqual((recorded["candidates_in"], recorded["candidates_out"], recorded["error"],
                          recorded["input"], recorded["end"]),
                         (10, 1, "ValueError: e", {"i": 1}, 1767225600 * 10**9 + 1_500_000_000))
        xray.configure(dir=self.store, enabled=False)
        self.assertIsNone(get_client())
        self.assertIs(XRayClient().send_run(run, []), False)

    def test_fallback(self):
        from xray.client import XRayClient
        from xray.models import RunModel

        blocked = os.path.join(self._directory.name, "file")
        with open(blocked, "w", encoding="ascii"):
            pass
        run = RunModel(pipeline_name="test", start_time=datetime.datetime(2026, 1, 1))
        xray.configure(dir=blocked, fallback_mode="silent", max_retries=0, timeout=0.1)
        self.assertIs(XRayClient().send_run(run, []), False)
        xray.configure(dir=blocked, fallback_mode="log")
        with self.assertLogs("xrayfile", "WARNING"):
            self.assertIs(XRayClient().send_run(run, []), False)
        xray.configure(dir=blocked, fallback_mode="raise")
        with self.assertRaisesRegex(RuntimeError, "Failed to send X-Ray trace"):
            XRayClient().send_run(run, [])


class SdkReadme(TraceTest):
    """Document B."""

    def test_minimal(self):
        from sdk import XRay

        with XRay("my_pipeline").run(input={"product": "iPhone Case"}) as run:
            result = "whatever the pipeline gives"
            run.set_output(result)
        (record,) = self.runs()
        self.assertEqual((record["pipeline"], record["input"], record["output"], record["status"]),
                         ("my_pipeline", {"product": "iPhone Case"}, {"result": result}, "success"))

    def test_full(self):
        from sdk import XRay

        pipeline = XRay("competitor_selection", api_url="http://localhost:8000")
        with pipeline.run(input={"product": "iPhone Case"}) as run:
            with run.step("generate_keywords", step_type="generate") as step:
                step.set_input({"title": "case"})
                step.set_output({"keywords": ["a", "b"]})
            with run.step("filter_candidates", step_type="filter") as step:
                step.set_input_count(len(ITEMS))
                filtered = []
                for item in ITEMS:
                    if item.price > 100:
                        step.reject(item.id, "price_too_high", {"price": item.price})
                    else:
                        step.accept(item.id)
                        filtered.append(item)
                step.set_output_count(len(filtered))
            with run.step("select_best", step_type="select") as step:
                best = max(filtered, key=lambda i: i.score)
                step.decide(decision="select_competitor", selected=best.id, reason="highest_score", score=best.score)
            run.set_output({"selected": best.id})
        steps = self.steps()
        self.assertEqual([s["type"] for s in steps.values()], ["generate", "filter", "select"])
        self.assertEqual((steps["filter_candidates"]["candidates_in"], steps["filter_candidates"]["candidates_out"],
                          steps["filter_candidates"]["reasons"]), (3, 2, {"price_too_high": 1}))
        self.assertEqual([(c["item"], c["verdict"]) for c in self.cands(2)],
                         [("a", "accept"), ("b", "reject"), ("c", "accept")])
        self.assertEqual(self.cands(2)[1]["evidence"], {"price": 150})
        decision = [r for r in self.records() if r["kind"] == "decision"][0]
        self.assertEqual((decision["name"], decision["body"]),
                         ("select_competitor", {"selected": ["c"], "reason": "highest_score", "score": 0.7}))
        # "Get all runs of a pipeline", "steps that rejected more than 30 %".
        self.assertEqual(len(self.records("run", "pipeline = competitor_selection and run.status = success")), 1)
        found = self.records("step", "step.type = filter and rejection_rate > 30%")
        self.assertEqual([s["name"] for s in found], ["filter_candidates"])

    def test_offline_modes(self):
        from sdk import XRay

        pipeline = XRay("pipeline", offline_mode="buffer")
        with pipeline.run():
            pass
        self.assertGreater(pipeline.sync_offline(), 0)
        XRay("pipeline", offline_mode="drop")
        with self.assertRaises(ValueError):
            XRay("pipeline", offline_mode="sometimes")
        blocked = os.path.join(self._directory.name, "file")
        with open(blocked, "w", encoding="ascii"):
            pass
        with self.assertRaises(RuntimeError):
            XRay("pipeline", offline_mode="strict", dir=blocked).run()


class Architecture(TraceTest):
    """Document C."""

    def test_decorator_and_client(self):
        from sdk import XRayClient, step

        client = XRayClient()
        self.assertIs(client.config, xray.get_config())

        @step(type="filter")
        def my_filter(items):
            return [x for x in items if x.score > 0.5]

        @step(type="llm")
        def call_openai(prompt):
            return {"text": prompt.upper()}

        self.assertEqual([i.id for i in my_filter(ITEMS)], ["b", "c"])
        self.assertEqual(call_openai("hello"), {"text": "HELLO"})
        steps = self.steps()
        self.assertEqual((steps["my_filter"]["type"], steps["my_filter"]["candidates_in"],
                          steps["my_filter"]["candidates_out"]), ("filter", 3, 2))
        self.assertGreaterEqual(steps["my_filter"]["duration"], 0)
        self.assertEqual(steps["call_openai"]["input"], {"prompt": "hello"})
        self.assertNotIn("candidates_in", steps["call_openai"])

    def test_default_detail(self):
        xray.configure(dir=self.store, on_error="raise", buffer_size=1000, flush_interval=5.0,
                       default_detail="summary", base_url="https://xray.example.com", api_key="k")

        @xray.step(type="filter")
        def keep(items):
            return items[1:]

        keep(["a", "b"])
        step = self.steps()["keep"]
        self.assertEqual((step["candidates_in"], step["candidates_out"]), (2, 1))
        self.assertNotIn("input", step)

    def test_works_when_nothing_can_be_written(self):
        xray.configure(dir="/proc/nowhere/traces")

        @xray.step(type="llm")
        def call(prompt):
            return prompt

        self.assertEqual(call("p"), "p")


class Backend(TraceTest):
    """Document D."""

    def test_start_run(self):
        from xray_sdk import process_candidates, start_run, step

        def operation():
            with start_run(name="backend_operation", tags={"source": "backend"}):
                with step(name="process_data", step_type="logic"):
                    return process_candidates(ITEMS, lambda i: i.price <= 100, reason="too_dear")

        self.assertEqual([i.id for i in operation()], ["a", "c"])
        (record,) = self.runs()
        self.assertEqual((record["pipeline"], record["tags"], record["status"]),
                         ("backend_operation", {"source": "backend"}, "success"))
        recorded = self.steps()["process_data"]
        self.assertEqual((recorded["type"], recorded["reasons"]), ("logic", {"too_dear": 1}))
        self.assertEqual(process_candidates([1, 2]), [1, 2])  # outside a step only the filter

    def test_analysis_of_a_run(self):
        """What GET /analyze gave: counts per step, rejections by reason, the output."""
        from xray_sdk import start_run, step

        async def pipeline():
            async with start_run("analysed") as run:
                async with step("filter", "filter") as st:
                    kept = st.filter(ITEMS, lambda i: i.price < 100, reason="dear")
                run.set_output([i.id for i in kept])

        asyncio.run(pipeline())
        (run,) = list(xray.read(self.store, unit="run"))
        records = list(xray.read(self.store, where=f"run.id = '{run['run']}'"))
        funnel = [(r["name"], r["candidates_in"], r["candidates_out"], r["reasons"]) for r in records
                  if r["kind"] == "step"]
        self.assertEqual(funnel, [("filter", 3, 2, {"dear": 1})])
        self.assertEqual(records[0]["output"], {"result": ["a", "c"]})


if __name__ == "__main__":
    unittest.main()
