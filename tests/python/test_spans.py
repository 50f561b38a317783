"""Spans of OpenTelemetry through the processor: what is recorded is what the importer makes of the same spans."""

import json
import os
import subprocess
import unittest
from collections import namedtuple

import xrayfile as xray
from support import ROOT, TraceTest

HERE = os.path.dirname(os.path.abspath(__file__))
IMPORTER = os.environ["XRAY_IMPORT"]

# Shaped like opentelemetry.sdk.trace.ReadableSpan and what hangs on it.
Context = namedtuple("Context", "trace_id span_id is_remote", defaults=(False,))
Kind = namedtuple("Kind", "value")
Code = namedtuple("Code", "value")
Status = namedtuple("Status", "status_code description", defaults=(None,))
Event = namedtuple("Event", "name timestamp attributes")
Link = namedtuple("Link", "context attributes")
Resource = namedtuple("Resource", "attributes")
Scope = namedtuple("Scope", "name version")


class Span:
    def __init__(self, name, trace, span, parent=None, attributes=None, start=1, end=2, kind=0, status=None, events=(),
                 resource=None, scope=None, links=()):
        self.name, self.context, self.attributes = name, Context(trace, span), attributes
        self.parent = parent if parent is None or isinstance(parent, Context) else Context(trace, parent)
        self.start_time, self.end_time, self.kind, self.status = start, end, Kind(kind), status
        self.events, self.links, self.resource, self.instrumentation_scope = events, links, resource, scope

    def get_span_context(self):
        return self.context


def value_of(v):
    """A value of OTLP JSON as the SDK would have it."""
    (kind, value), = v.items()
    if kind == "arrayValue":
        return tuple(value_of(x) for x in value.get("values", ()))
    if kind == "kvlistValue":
        return attributes_of(value.get("values", ()))
    if kind == "bytesValue":
        import base64
        return base64.b64decode(value)
    return int(value) if kind == "intValue" else value


def attributes_of(pairs):
    return {p["key"]: value_of(p["value"]) for p in pairs or ()}


def number_of(value):
    """Of an enumeration, which OTLP JSON may give by name."""
    names = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2, "SPAN_KIND_INTERNAL": 1,
             "SPAN_KIND_SERVER": 2, "SPAN_KIND_CLIENT": 3}
    return names.get(value, value)


def spans_of(document):
    """The spans of an OTLP JSON document as objects of the SDK."""
    for group in document.get("resourceSpans", ()):
        resource = Resource(attributes_of(group["resource"]["attributes"]))
        for part in group["scopeSpans"]:
            scope = Scope(part["scope"].get("name"), part["scope"].get("version"))
            for s in part["spans"]:
                parent = s.get("parentSpanId")
                status = s.get("status")
                yield Span(s["name"], int(s["traceId"], 16), int(s["spanId"], 16), int(parent, 16) if parent else None,
                           attributes_of(s.get("attributes")), int(s["startTimeUnixNano"]), int(s["endTimeUnixNano"]),
                           number_of(s.get("kind", 1)) - 1, Status(Code(number_of(status.get("code", 0))), status.get("message")) if status else None,
                           [Event(e["name"], int(e["timeUnixNano"]), attributes_of(e.get("attributes")))
                            for e in s.get("events", ())], resource, scope)


def sample(name):
    with open(os.path.join(HERE, "data", name), encoding="utf-8") as file:
        return {k: tuple(v) if isinstance(v, list) else v for k, v in json.load(file).items()}


class Spans(TraceTest):
    maxDiff = None

    def test_same_as_import(self):
        """Our own OTLP test data through both ways."""
        source = os.path.join(ROOT, "tests", "cli", "data", "import", "otlp.jsonl")
        with open(source, encoding="utf-8") as file:
            documents = [json.loads(line) for line in file]
        processor = xray.SpanProcessor(self.store)
        count = 0
        for document in documents:
            for span in spans_of(document):
                processor.on_start(span)
                processor.on_end(span)
                count += 1
        self.assertGreaterEqual(count, 2)
        self.assertTrue(processor.force_flush())
        processor.shutdown()
        other = os.path.join(self._directory.name, "imported")
        without = []
        for document in documents:
            for group in document.get("resourceSpans", ()):
                for part in group["scopeSpans"]:
                    for s in part["spans"]:
                        s.pop("droppedEventsCount", None)
                        s.pop("droppedAttributesCount", None)
                        s.setdefault("kind", 1)
                        for key in ("flags", "traceState"):
                            s.pop(key, None)
            without.append(json.dumps(document))
        subprocess.run([IMPORTER, "--from=otlp", "-o", other, "-"], input="\n".join(without), text=True, check=False,
                       capture_output=True)
        mine, theirs = self.records(), list(xray.read(other))
        self.assertGreater(len(theirs), 2)
        self.assertEqual(self.comparable(mine), self.comparable(theirs))

    @staticmethod
    def comparable(records):
        """Without what a file's name gave."""
        return sorted(json.dumps({k: v for k, v in r.items() if k != "links"}, sort_keys=True) for r in records)

    def test_generative_spans(self):
        """Attributes as OpenInference publishes them for its own tests; see data/README.md."""
        trace = 0x5B8EFFF798038103D269B633813FC60C
        resource = Resource({"service.name": "weather"})
        processor = xray.SpanProcessor(self.store)
        processor.on_end(Span("chat gpt-4", trace, 2, 1, sample("otel_genai_client_span_tool_calls.json"), 1000, 2000,
                              resource=resource))
        processor.on_end(Span("execute_tool", trace, 3, 1, sample("otel_genai_tool_execution_span.json"), 2000, 3000,
                              resource=resource))
        processor.on_end(Span("llm", trace, 4, 1, sample("openinference_client_span_input_output_only.json"), 3000,
                              4000, resource=resource))
        processor.on_end(Span("agent", trace, 1, None, {"openinference.span.kind": "AGENT"}, 500, 5000,
                              status=Status(Code(2), "it rained"), resource=resource))
        processor.shutdown()
        (run,) = self.runs()
        self.assertEqual((run["pipeline"], run["status"], run["run"]), ("weather", "failure", f"{trace:032x}"))
        steps = self.steps()
        self.assertEqual({s.get("parent") for n, s in steps.items() if n != "agent"}, {steps["agent"]["step"]})
        chat = steps["chat gpt-4"]
        self.assertEqual((chat["provider"], chat["tokens"]["input"], chat["tokens"]["output"]), ("openai", 97, 52))
        self.assertIn("gpt-4", chat["model"])
        self.assertEqual((steps["llm"]["type"], steps["llm"]["tokens"]["input"]), ("llm", 97))
        self.assertEqual(steps["execute_tool"]["type"], "tool")
        self.assertEqual((chat["start"], chat["duration"]), (1000, 1000))

    def test_handing_over(self):
        """Batches do not wait for the importer; what comes after the end is counted."""
        processor = xray.SpanProcessor(self.store, batch_bytes=20000)
        for i in range(1, 201):
            processor.on_end(Span("s", i, 1, None, {"n": i}))
        remote = Span("remote", 999, 7, Context(999, 6, True), {})
        processor.on_end(remote)
        self.assertEqual(processor._traces, {})
        self.assertTrue(processor.force_flush())
        self.assertEqual(len(self.runs()), 201)
        self.assertGreater(len(os.listdir(self.store)), 1)
        processor.shutdown()
        processor.on_end(Span("late", 5, 5))
        self.assertEqual(processor.dropped, 1)

    def test_redaction(self):
        xray.configure(dir=self.store, on_error="raise", redact=["password", "/sk-[a-z]+/", "tok[e3]n"])
        processor = xray.SpanProcessor(self.store)
        processor.on_end(Span("s", 1, 1, None, {"password": "hush1", "my.t0k3n": "fine", "api.token": "hush2",
                                                "input.value": "key sk-hush", "n": 7}, events=[
                                                    Event("e", 5, {"password": "hush3", "why": "sk-hush"})]))
        processor.shutdown()
        text = json.dumps(self.records())
        self.assertNotIn("hush", text)
        self.assertIn("fine", text)

    def test_called_as_the_sdk_calls(self):
        """The calls that TracerProvider makes (opentelemetry-sdk 1.20 to 1.44), with their arguments by name as there."""
        processor = xray.SpanProcessor(self.store)
        span = Span("s", 1, 1, None, {"n": 1})
        processor.on_start(span, parent_context=None)
        processor._on_ending(span)
        processor.on_end(span)
        self.assertTrue(processor.force_flush(timeout_millis=30000))
        processor.shutdown()
        self.assertEqual(len(self.steps()), 1)

    def test_with_the_sdk_itself(self):
        try:
            from opentelemetry.sdk.resources import Resource as SdkResource
            from opentelemetry.sdk.trace import TracerProvider
        except ImportError:
            self.skipTest("opentelemetry-sdk is not installed")
        provider = TracerProvider(resource=SdkResource.create({"service.name": "shop"}))
        provider.add_span_processor(xray.SpanProcessor(self.store))
        tracer = provider.get_tracer("test", "1")
        with self.assertRaises(ValueError):
            with tracer.start_as_current_span("outer") as outer:
                outer.set_attribute("openinference.span.kind", "AGENT")
                with tracer.start_as_current_span("inner", attributes={"gen_ai.request.model": "m"}) as inner:
                    inner.add_event("note", {"k": [1, 2]})
                    raise ValueError("no")
        self.assertTrue(provider.force_flush())
        provider.shutdown()
        steps = self.steps()
        self.assertEqual(steps["inner"]["parent"], steps["outer"]["step"])
        self.assertEqual(steps["inner"]["status"], "failure")
        self.assertEqual(self.runs()[0]["pipeline"], "shop")

    def test_no_importer(self):
        xray.configure(dir=self.store)
        processor = xray.SpanProcessor(self.store, importer="/nonexistent/xray-import")
        processor.on_end(Span("s", 1, 1))
        self.assertFalse(processor.force_flush() and processor.dropped == 0)
        self.assertEqual(processor.dropped, 1)
        broken = Span("s", 1, 1)
        broken.attributes = {"x": object()}
        broken.name = object()
        processor.on_end(broken)  # nothing is raised into the application


if __name__ == "__main__":
    unittest.main()
