"""Decision traces in files: libxrayfile from Python.

A *run* of a pipeline has *steps*; a step takes candidates in, accepts some and
rejects others with a reason and evidence. This module records that in a
directory of trace files, which ``xray-ls``, ``xray-cat``, ``xray-grep`` and
``xray-funnel`` read. There is no server, and nothing but the standard library
and ``libxrayfile.so`` is needed.

>>> import xrayfile as xray
>>> _ = xray.configure(dir=traces, project="shop")
>>> with xray.run("competitor_selection", version="1.4", input={"product": "mug"}) as run:
...     with run.step("filter_price", type="filter") as st:
...         kept = st.filter([{"id": "A", "price": 20}, {"id": "B", "price": 120}],
...                          lambda p: p["price"] <= 100, reason="price_too_high",
...                          evidence=lambda p: {"price": p["price"]})
...     with run.step("pick", type="select") as st:
...         _ = st.decide("select_competitor", selected=kept[0]["id"], reason="only_one_left")
...     _ = run.set_output({"selected": kept[0]["id"]})
>>> for record in xray.read(traces, unit="step", where="step.type = filter"):
...     print(record["name"], record["candidates_in"], record["candidates_out"], record["reasons"])
filter_price 2 1 {'price_too_high': 1}

Functions become steps with a decorator; arguments are its input, what is
returned its output, an exception its error. The step that runs is the parent
of those begun inside it, also across ``await`` and in generators:

>>> @xray.step(type="filter")
... def in_stock(products):
...     return [p for p in products if p["stock"]]
>>> in_stock([{"stock": 3}, {"stock": 0}])
[{'stock': 3}]

In tests, ``testing.capture`` gives what was recorded:

>>> with xray.testing.capture() as trace:
...     _ = in_stock([{"stock": 3}, {"stock": 0}])
>>> trace.steps["in_stock"].candidates_in, trace.steps["in_stock"].candidates_out
(2, 1)

What it promises. Tracing never stops the program it watches: what cannot be
recorded is counted, and raised only with ``strict`` (or ``on_error="raise"``).
Without the library everything is a no-op, with one warning. No thread is
started here. What was recorded survives the death of the process after
`flush`, and loss of power after `sync`; candidates are gathered in Python for
at most ``_GATHER`` of them or until their step ends, a decision is recorded, or
one comes more than a second later.

Threads: everything may be called from any thread. Context (the current run and
step) follows ``asyncio`` by itself, and threads through `bind` and
`ThreadPoolExecutor`. After ``fork`` the child writes a segment of its own; runs
begun in the parent can be used there: what the child adds joins them.

Configuration, in order: `configure`, the environment, the `sdk:` section of the
first ``xray.config.yaml`` in the current directory and above it, defaults. The
library reads the last three, and names their keys and variables (README,
"Configuring"). ``XRAY_LIB`` names the library; else it is looked for beside this file, in the build directory it
lies in, and where the system looks.
"""

from __future__ import annotations

import array
import atexit
import base64
import codecs
import concurrent.futures
import contextvars
import ctypes
import ctypes.util
import dataclasses
import datetime
import decimal
import enum
import functools
import hashlib
import inspect
import itertools
import json
import logging
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import types
import uuid
import warnings
import weakref
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple, TypeVar, Union, cast

__version__ = "0.1.0"
__all__ = [
    "Config", "FallbackMode", "Rate", "Reader", "Reason", "Run", "RunStatus", "Smart", "SpanProcessor", "Step", "StepType",
    "ThreadPoolExecutor", "XRay", "XRayClient", "XRayConfig", "XRayError", "XRayWarning", "bind", "configure",
    "current_run", "current_step", "flush", "get_client", "get_config", "get_current_run", "get_current_step",
    "process_candidates", "read", "reset_client", "reset_config", "run", "shutdown", "start_run", "stats", "step",
    "sync", "testing",
]

_log = logging.getLogger("xrayfile")
_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])
_S = TypeVar("_S", bound="_Scope")

_ABI_VERSIONS = (0,)  # what xray_abi_version() may say; the structs below are of these
_GATHER = 256  # candidates gathered before they are handed to the library in one call
_CHUNK = 16384  # candidates in one call at most
_MISSING = -(2**63)

# Numbers of xrayfile.h.
_INPUT, _OUTPUT, _REASONING, _FILTERS, _PARAMS, _SAMPLING, _ERROR, _TAGS, _METADATA, _ATTRS = range(10)
_PIPELINE, _PIPELINE_VERSION, _PROJECT, _SESSION, _USER, _NAME, _TYPE, _MODEL, _PROVIDER = range(10, 19)
_START, _END, _DURATION, _COST, _FLAGS, _IN, _OUT, _KEPT, _SEQUENCE = range(9)
_TOKENS = {"input": 9, "output": 10, "cache_read": 11, "cache_write": 12, "reasoning": 13, "total": 14}
_AS_TEXT, _AS_JSON = 5, 7
_ACCEPT, _REJECT, _DEFER, _MODIFY = 1, 2, 3, 4
_BY = {None: 0, "agent": 1, "rule": 2, "verifier": 3, "human": 4}
_FLAG_TRUNCATED, _FLAG_IMPLICIT, _FLAG_SAMPLED = 1, 2, 4
_RESUME, _NO_CLOCK = 1, 2
_ECLOSED, _ESYNTAX = -10, -9
_UNITS = {None: 0, "auto": 0, "run": 1, "step": 2, "cand": 3, "candidate": 3}


class XRayError(RuntimeError):
    """Recording or reading failed, and the configuration says to raise."""


class XRayWarning(UserWarning):
    """Tracing does less than was asked for; the program goes on."""


class RunStatus(str, enum.Enum):
    """How a run or step ended. RUNNING: it has not."""

    SUCCESS = "success"
    FAILURE = "failure"
    PARTIAL = "partial"
    RUNNING = "running"


_OUTCOMES = {"running": 0, "success": 1, "failure": 2, "partial": 3, "completed": 1, "ok": 1, "failed": 2, "error": 2}


class StepType(str, enum.Enum):
    """Types that the tools know; any other text will do as well."""

    LLM = "llm"
    SEARCH = "search"
    FILTER = "filter"
    RANK = "rank"
    SELECT = "select"
    TRANSFORM = "transform"
    CUSTOM = "custom"
    GENERATE = "generate"
    RETRIEVAL = "retrieval"
    LOGIC = "logic"
    TOOL = "tool"
    AGENT = "agent"
    EMBED = "embed"
    EVALUATE = "evaluate"


# Steps that take a list and give one: a decorator counts both.
_LIST_TYPES = frozenset({"filter", "rank", "select", "search", "retrieval", "dedupe", "transform", "logic"})


class Reason(NamedTuple):
    """A reason with the rule that gave it, wherever a reason's code can be given."""

    code: str
    rule: Optional[str] = None
    version: Optional[str] = None  #: of the rule

    def __str__(self) -> str:
        return self.code


class FallbackMode(str, enum.Enum):
    """What to do when recording fails: count, log once, or raise."""

    SILENT = "silent"
    LOG = "log"
    RAISE = "raise"


# ---- configuration ---------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Smart:
    """Of many candidates in one step: the first `keep` whole, then the first `per_reason` of each reason, and of
    the others each with a probability that falls as they go on. Totals and reasons stay exact."""

    keep: int = 50
    per_reason: int = 10


@dataclasses.dataclass(frozen=True)
class Rate:
    """Each candidate with this probability. Totals and reasons stay exact."""

    rate: float = 0.01


# Options of SDKs that talked to a server: taken, so that code written for them runs, and without effect.
_SERVER_KEYS = ("api_url", "base_url", "api_key", "timeout", "max_retries", "retry_backoff",
                "buffer_size", "database_url", "debug")


def _in_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, not {value}")


@dataclasses.dataclass
class Config:
    """What `configure` sets. Values out of range raise ValueError."""

    dir: str = ".xray"  #: store directory; made when first written to
    project: Optional[str] = None  #: project of every run that names none
    detail: str = "full"  #: "full", or "summary": counts, reasons and times, but no values and no candidates
    sample: Union[Smart, Rate, float, None] = None  #: which candidates are recorded; None: all
    #: names: values under them are not recorded; /patterns/flags (PCRE2): nor is a text they are found in. Both whatever
    #: the depth. What is neither (``api[_-]?key``) is a regular expression for names.
    redact: Tuple[str, ...] = ()
    enabled: bool = True
    on_error: FallbackMode = FallbackMode.SILENT
    strict: bool = False  #: raise on failure to record, on a missing library, on a step outside a run
    app: Optional[str] = None  #: name of the program in the trace; None: from sys.argv
    level: int = 0  #: zstd level 1 to 19; 0: the library's
    segment_bytes: int = 0  #: size at which a new file is begun; 0: the library's
    flush: str = "interval"  #: "interval"; "run": also when a run ends; "sync": then to stable storage; "step": each step
    flush_interval: float = 1.0  #: seconds after which what was recorded is flushed
    max_value: int = 1 << 20  #: JSON bytes of one value; what is longer is cut and flagged
    fixed: Optional[Mapping[str, Any]] = None  #: id, time_ns, tick_ns: reproducible files, for tests
    # of the server age
    api_url: str = "http://localhost:8000"
    base_url: Optional[str] = None
    api_key: Optional[str] = None
    timeout: float = 5.0
    fallback_mode: FallbackMode = FallbackMode.SILENT  #: alias of on_error
    async_mode: bool = False
    log_file_path: str = ".xray/failed_traces"  #: alias of dir, where it is given
    max_retries: int = 3
    retry_backoff: float = 1.0
    buffer_size: int = 1000
    default_detail: Optional[str] = None  #: alias of detail
    database_url: Optional[str] = None
    debug: bool = False

    def __post_init__(self) -> None:
        self.fallback_mode = FallbackMode(self.fallback_mode)
        self.on_error = FallbackMode(self.on_error)
        if self.on_error is FallbackMode.SILENT:
            self.on_error = self.fallback_mode
        if self.strict:
            self.on_error = FallbackMode.RAISE
        if self.log_file_path != Config.log_file_path and self.dir == Config.dir:
            self.dir = self.log_file_path
        self.dir = os.fspath(self.dir)
        self.detail = self.default_detail or self.detail
        if self.detail not in ("full", "summary"):
            raise ValueError(f"detail is full or summary, not {self.detail!r}")
        if isinstance(self.sample, (int, float)):
            self.sample = Rate(float(self.sample)) if self.sample < 1 else None
        if isinstance(self.sample, Rate):
            _in_range("sample", self.sample.rate, 0, 1)
        given: Any = self.redact  # also one text, as in files
        self.redact = tuple(_split_rules(given) if isinstance(given, str) else given)
        for_keys = [rule for rule in self.redact if not _IS_RULE.fullmatch(rule)]
        self._redact = re.compile("|".join(f"(?:{p})" for p in for_keys), re.IGNORECASE) if for_keys else None
        self._rules = ", ".join(rule for rule in self.redact if rule not in for_keys)  # that the library applies
        self._patterns = any(rule.startswith("/") for rule in self.redact)
        self._loaded: Optional[_Loaded] = None
        _in_range("timeout", self.timeout, 0.1, 60)
        _in_range("max_retries", self.max_retries, 0, 10)
        _in_range("retry_backoff", self.retry_backoff, 0.1, 10)
        _in_range("level", self.level, 0, 19)
        _in_range("max_value", self.max_value, 256, 1 << 26)

    @classmethod
    def from_env(cls, **values: Any) -> "Config":
        """From the environment and xray.config.yaml; `values` go before both. What makes no sense there is left out,
        with a warning; what makes none in `values` raises ValueError."""
        return _from_env(cls, values)


XRayConfig = Config

# A name, or a /pattern/ with flags, for the library.
_RULE = r"/(?:[^/\\]|\\.)*/[imsx]*|[\w .:@-]+"
_IS_RULE = re.compile(_RULE, re.DOTALL)
_NEXT_RULE = re.compile(r"[ ,\n]*(/(?:[^/\\]|\\.)*/[^,\n]*|[^,\n]+)", re.DOTALL)


def _split_rules(text: str) -> List[str]:
    """The rules of a list, as the library parts them."""
    return [found.strip() for found in _NEXT_RULE.findall(text) if found.strip()]


def _flag(text: str) -> bool:
    return text.strip().lower() in ("1", "true", "yes", "on")


def _measure(text: str) -> float:
    """Seconds, bytes or a share, from a text that the library has checked."""
    units = {"ms": 1e-3, "m": 60, "h": 3600, "d": 86400, "%": 0.01}
    number = text.rstrip("smhd%")
    return float(number) * units.get(text[len(number) :], 1)


def _decimal(value: float) -> str:
    return f"{value:.9f}"


# Of `Config`, of the library, from its text.
_SHARED: Tuple[Tuple[str, str, Callable[[str], Any]], ...] = (
    ("enabled", "enabled", _flag), ("dir", "dir", str), ("app", "app", str), ("project", "project", str), ("detail", "detail", str),
    ("flush", "flush", str), ("flush_interval", "flush_interval", _measure), ("on_error", "on_error", FallbackMode),
    ("strict", "strict", _flag), ("sample", "sample_rate", _measure), ("redact", "redact", str),
    ("level", "compression", int),
)

# What the library has no key for, or takes without an effect.
_ENVIRONMENT: Tuple[Tuple[str, str, Callable[[str], Any]], ...] = (
    ("XRAY_API_URL", "api_url", str), ("XRAY_API_KEY", "api_key", str), ("XRAY_TIMEOUT", "timeout", float), ("XRAY_MAX_RETRIES", "max_retries", int),
    ("XRAY_RETRY_BACKOFF", "retry_backoff", float),
)

_ALIASES = (("fallback_mode", "on_error"), ("log_file_path", "dir"), ("default_detail", "detail"),
            ("sample_rate", "sample"))


class _Loaded:
    """A configuration in the library: what it found, what it warns of, and what a writer is opened from."""

    def __init__(self, lib: Any) -> None:
        self.lib = lib
        self.pointer: Optional[int] = lib.xray_config_new()
        if self.pointer is None:
            raise MemoryError
        weakref.finalize(self, lib.xray_config_free, self.pointer)
        lib.xray_config_load(self.pointer, None)

    def found(self) -> Dict[str, Any]:
        """What is not the default, as values of `Config`; the directory in any case."""
        out: Dict[str, Any] = {}
        for ours, key, convert in _SHARED:
            text = self.lib.xray_config_get(self.pointer, key.encode())
            if text is not None and (ours == "dir" or self.lib.xray_config_origin(self.pointer, key.encode()) != b"default"):
                out[ours] = convert(os.fsdecode(text))
        return out

    def set(self, key: str, text: str) -> None:
        """ValueError: it is not taken."""
        error = _Error()
        if self.lib.xray_config_set(self.pointer, key.encode(), os.fsencode(text), ctypes.byref(error)) < 0:
            raise ValueError(error.text())

    def tell(self, config: Config) -> None:
        """The values in force, into the library."""
        for key, text in (("flush", config.flush), ("flush_interval", _decimal(config.flush_interval)),
                          ("detail", config.detail), ("redact", config._rules),
                          ("app", config.app or os.path.basename(sys.argv[0] or "python") or "python"),
                          ("sample_rate", _decimal(config.sample.rate) if isinstance(config.sample, Rate) else "1"),
                          ("on_error", "raise" if config.on_error is FallbackMode.RAISE else "silent")):
            self.set(key, text)  # "log" is said here, through logging
        if config.level:
            self.set("compression", str(config.level))
        if config.segment_bytes:
            self.set("segment_size", str(config.segment_bytes))

    def warn(self) -> None:
        for i in itertools.count():
            text = self.lib.xray_config_warning(self.pointer, i)
            if text is None:
                return
            _warn_once(text.decode("utf-8", "replace"), about="server" if text.startswith(b"without effect") else None)


def _from_env(cls: Callable[..., Config], values: Dict[str, Any]) -> Config:
    for alias, key in _ALIASES:  # code is code, by whatever name
        if alias in values and key not in values:
            values[key] = values[alias]
    values.pop("sample_rate", None)
    if "async_mode" in values and "flush" not in values:
        values["flush"] = "interval" if values["async_mode"] else "run"
    lib, _ = _find_library()
    loaded = _Loaded(lib) if lib is not None else None
    found = loaded.found() if loaded is not None else {"strict": _flag(os.environ.get("XRAY_STRICT", ""))}
    for variable, key, convert in _ENVIRONMENT:
        text = os.environ.get(variable, "")
        if text == "":
            continue
        try:
            cls(**{key: convert(text)})
            found[key] = convert(text)
        except ValueError as error:
            _warn_once(f"{variable}={text}: {error}; the default is used")
    if "on_error" in found:
        found["fallback_mode"] = found["on_error"]
    merged = {**found, **values}
    if "on_error" in values:
        merged["fallback_mode"] = values["on_error"]
    config = cls(**merged)
    if loaded is not None:
        for key in sorted(set(values) & set(_SERVER_KEYS)):
            loaded.set(key, "")
        loaded.tell(config)
        loaded.warn()
        config._loaded = loaded
    return config


_config: Optional[Config] = None
_warned: Set[str] = set()


def _warn_once(text: str, about: Optional[str] = None) -> None:
    if (about or text) not in _warned:
        _warned.add(about or text)
        warnings.warn(text, XRayWarning, stacklevel=3)


def configure(**values: Any) -> Config:
    """Sets the configuration for what begins from now on, and returns it. See `Config`.

    >>> xray.configure(dir=traces, detail="summary", sample=xray.Smart(200), redact=["api[_-]?key"]).detail
    'summary'
    """
    global _config
    new = Config.from_env(**values)
    with _lock:
        _config = new
        _retire_writer()
    return new


def get_config() -> Config:
    """The configuration; made from the environment if there is none yet."""
    global _config
    if _config is None:
        with _lock:
            if _config is None:
                _config = Config.from_env()
    return _config


def reset_config() -> None:
    """Forgets the configuration: the environment is looked at again."""
    global _config
    with _lock:
        _config = None
        _retire_writer()


# ---- the library -----------------------------------------------------------------


class _Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("sys_errno", ctypes.c_int), ("pos", ctypes.c_uint64),
                ("message", ctypes.c_char * 256)]

    def text(self) -> str:
        return cast(bytes, self.message).decode("utf-8", "replace")


class _Column(ctypes.Structure):
    _fields_ = [("key", ctypes.c_char_p), ("key_len", ctypes.c_size_t), ("doubles", ctypes.c_void_p),
                ("ints", ctypes.c_void_p), ("texts", ctypes.c_char_p), ("text_ends", ctypes.c_void_p)]


class _Batch(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("count", ctypes.c_size_t), ("items", ctypes.c_char_p),
                ("item_ends", ctypes.c_void_p), ("verdicts", ctypes.c_char_p), ("reasons", ctypes.c_void_p),
                ("codes", ctypes.c_char_p), ("code_ends", ctypes.c_void_p), ("code_count", ctypes.c_size_t),
                ("scores", ctypes.c_void_p), ("thresholds", ctypes.c_void_p), ("ranks_in", ctypes.c_void_p),
                ("ranks_out", ctypes.c_void_p), ("columns", ctypes.POINTER(_Column)),
                ("column_count", ctypes.c_size_t), ("evidence", ctypes.c_char_p), ("evidence_ends", ctypes.c_void_p),
                ("weights", ctypes.c_void_p), ("rules", ctypes.c_char_p), ("rule_ends", ctypes.c_void_p),
                ("versions", ctypes.c_char_p), ("version_ends", ctypes.c_void_p), ("by", ctypes.c_char_p)]


class _SelectOptions(ctypes.Structure):
    _fields_ = [("where", ctypes.c_char_p), ("where_len", ctypes.c_size_t), ("unit", ctypes.c_int),
                ("limit", ctypes.c_uint64), ("reverse", ctypes.c_bool)]


class _Problem(ctypes.Structure):
    _fields_ = [("path", ctypes.c_char_p), ("block", ctypes.c_int64), ("pos", ctypes.c_uint64),
                ("status", ctypes.c_int), ("message", ctypes.c_char_p)]


_STATS = ("accepted", "written", "dropped", "refused", "raw_bytes", "stored_bytes", "segments", "part_bytes",
          "deduped_bytes")


class _Stats(ctypes.Structure):
    # Room for counters that later libraries add behind these.
    _fields_ = [(name, ctypes.c_uint64) for name in _STATS] + [("more", ctypes.c_uint64 * 32)]


def _signatures() -> Dict[str, Tuple[Any, List[Any]]]:
    handle, pointer, text, size, number = (ctypes.c_uint64, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t,
                                           ctypes.c_int)
    error, wide, flags = ctypes.POINTER(_Error), ctypes.c_int64, ctypes.c_uint
    return {
        "xray_abi_version": (number, []),
        "xray_json_check": (number, [text, size, error]),
        "xray_config_new": (pointer, []),
        "xray_config_free": (None, [pointer]),
        "xray_config_load": (number, [pointer, text]),
        "xray_config_set": (number, [pointer, text, text, error]),
        "xray_config_get": (text, [pointer, text]),
        "xray_config_origin": (text, [pointer, text]),
        "xray_config_warning": (text, [pointer, size]),
        "xray_writer_open_config": (number, [ctypes.POINTER(pointer), pointer, error]),
        "xray_writer_open_json": (number, [ctypes.POINTER(pointer), text, text, size, error]),
        "xray_writer_flush": (number, [pointer, number, error]),
        "xray_writer_sync": (number, [pointer, number, error]),
        "xray_writer_close": (number, [pointer, number, error]),
        "xray_writer_get_stats": (None, [pointer, ctypes.POINTER(_Stats)]),
        "xray_run_begin_plain": (handle, [pointer, text, size, text, size, text, size, text, text, flags]),
        "xray_step_begin_plain": (handle, [handle, handle, text, size, text, size, text, size, flags]),
        "xray_run_id": (number, [handle, text]),
        "xray_step_number": (wide, [handle]),
        "xray_run_end": (number, [handle, number]),
        "xray_step_end": (number, [handle, number]),
        "xray_run_set_bytes": (number, [handle, number, number, text, size]),
        "xray_step_set_bytes": (number, [handle, number, number, text, size]),
        "xray_run_add_bytes": (number, [handle, number, text, size, number, text, size]),
        "xray_step_add_bytes": (number, [handle, number, text, size, number, text, size]),
        "xray_run_set_int": (number, [handle, number, wide]),
        "xray_step_set_int": (number, [handle, number, wide]),
        "xray_step_count_reason": (number, [handle, text, size, wide]),
        "xray_step_candidates": (wide, [handle, ctypes.POINTER(_Batch), error]),
        "xray_run_decide_json": (number, [handle, text, size, text, size]),
        "xray_step_decide_json": (number, [handle, text, size, text, size]),
        "xray_run_note_json": (number, [handle, text, size, text, size]),
        "xray_step_note_json": (number, [handle, text, size, text, size]),
        "xray_select_open": (number, [ctypes.POINTER(pointer), ctypes.POINTER(text), size,
                                      ctypes.POINTER(_SelectOptions), error]),
        "xray_select_next": (number, [pointer, ctypes.POINTER(pointer), ctypes.POINTER(size), error]),
        "xray_select_store": (pointer, [pointer]),
        "xray_select_close": (None, [pointer]),
        "xray_store_problem_count": (size, [pointer]),
        "xray_store_problem": (number, [pointer, size, ctypes.POINTER(_Problem)]),
    }


_SLOW_CALLS = ("xray_writer_open", "xray_writer_flush", "xray_writer_sync", "xray_writer_close", "xray_select",
               "xray_store", "xray_json_check")


def _library_paths() -> Iterator[str]:
    """Where the library may be, best first. $XRAY_LIB is the only place if it is set."""
    chosen = os.environ.get("XRAY_LIB")
    if chosen:
        yield chosen
        return
    here = Path(__file__).resolve().parent
    yield str(here / "libxrayfile.so.0")
    if here.parent.name == "libxrayfile":  # in the source tree
        yield from sorted(map(str, here.parents[1].glob("build/*-release/libxrayfile.so.0")), reverse=True)
    elif len(here.parents) > 1:
        yield str(here.parents[1] / "libxrayfile.so.0")  # we are PREFIX/lib/python3.x/dist-packages
    found = ctypes.util.find_library("xrayfile")
    if found:
        yield found


def _bind_library(path: str) -> Any:
    """The library's functions. OSError or AttributeError if it is not one that fits.

    Calls that only append to memory keep the interpreter's lock, which is cheaper than giving it up; those that may
    wait for a disk, or run long, release it.
    """
    lib = types.SimpleNamespace()
    quick, slow = ctypes.PyDLL(path), ctypes.CDLL(path)
    for name, (result, arguments) in _signatures().items():
        function = getattr(slow if name.startswith(_SLOW_CALLS) else quick, name)
        function.restype, function.argtypes = result, arguments
        setattr(lib, name, function)
    version = lib.xray_abi_version()
    if version not in _ABI_VERSIONS:
        raise OSError(f"{path} has ABI version {version}, not {_ABI_VERSIONS[0]}")
    lib.path = path
    lib.set_bytes = {"run": lib.xray_run_set_bytes, "step": lib.xray_step_set_bytes}
    return lib


_UNSET: Any = object()
_library: Any = _UNSET
_library_problem = ""


def _find_library() -> Tuple[Any, str]:
    """The library, or None and why."""
    global _library, _library_problem
    if _library is not _UNSET:
        return _library, _library_problem
    with _lock:
        if _library is _UNSET:
            problems = []
            loaded = None
            for path in _library_paths():
                if os.sep in path and not os.path.exists(path):
                    continue
                try:
                    loaded = _bind_library(path)
                    break
                except (OSError, AttributeError) as error:
                    problems.append(str(error))
            if loaded is None:
                _library_problem = "; ".join(problems) or "libxrayfile.so.0 was not found; XRAY_LIB can name it"
            _library = loaded
        return _library, _library_problem


def _load() -> Any:
    """The library, or None: then everything is a no-op, with one warning."""
    lib, reason = _find_library()
    if lib is None:
        if get_config().on_error is FallbackMode.RAISE:
            raise XRayError(f"tracing is not possible: {reason}")
        _warn_once(f"tracing is off: {reason}", about="library")
    return lib


def _need_library() -> Any:
    lib = _load()
    if lib is None:
        raise XRayError("reading needs libxrayfile, which was not found; XRAY_LIB can name it")
    return lib


# ---- failing open ----------------------------------------------------------------


_failures = 0  # calls that could not record


def _problem(what: str, status: int = 0, error: Optional[BaseException] = None) -> None:
    """Recording failed: counted, and logged or raised as configured."""
    global _failures
    _failures += 1
    mode = get_config().on_error
    if mode is FallbackMode.RAISE:
        raise XRayError(f"Failed to send X-Ray trace: {what}" + (f" (status {status})" if status else "")) from error
    if mode is FallbackMode.LOG and what not in _warned:
        _warned.add(what)
        _log.warning("not recorded: %s%s", what, f" (status {status})" if status else "")


def _safe(method: _F) -> _F:
    """A recording method that never raises into the application, except when told to."""

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except XRayError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an object of the application does when looked at
            _problem(f"{method.__name__}: {type(error).__name__}: {error}", error=error)
            return self

    return cast(_F, wrapper)


# ---- values ----------------------------------------------------------------------


def _escape_surrogates(error: UnicodeError) -> Tuple[str, int]:
    """A lone surrogate is no text; what is recorded says which it was: <U+DC80>."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(f"<U+{ord(c):04X}>" for c in bad), error.end


codecs.register_error("xrayfile", _escape_surrogates)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "xrayfile")


def _brief(value: Any, whole: bool = False) -> str:
    """repr(), whatever it does, in at most 1000 characters. `whole`: a longer one is not cut: patterns will be looked for
    in it, and must not be left with the half of a secret."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001
        text = f"<{type(value).__name__}: repr raised {type(error).__name__}>"
    if len(text) <= 1000:
        return text
    return f"<{type(value).__name__}: {len(text)} characters>" if whole else text[:997] + "..."


def _fallback(value: Any, whole: bool) -> Any:
    """What JSON has no word for, as something it has. `whole` as for `_brief`."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (uuid.UUID, Path)):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        number = float(value)
        return number if math.isfinite(number) and decimal.Decimal(repr(number)) == value else str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=lambda v: (type(v).__name__, repr(v)))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bin": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):  # pydantic 2
        return value.model_dump()
    if hasattr(value, "__fields__") and hasattr(value, "dict"):  # pydantic 1
        return value.dict()
    if hasattr(value, "dtype") and hasattr(value, "item"):  # numpy
        if getattr(value, "ndim", 0) == 0:
            return value.item()
        return value.tolist() if value.size <= 10000 else {"shape": list(value.shape), "dtype": str(value.dtype)}
    if isinstance(value, Mapping):
        return dict(value)
    return _brief(value, whole)


def _fallback_safe(value: Any, whole: bool = False) -> Any:
    try:
        return _fallback(value, whole)
    except Exception:  # noqa: BLE001
        return _brief(value, whole)


def _fallback_whole(value: Any) -> Any:
    return _fallback_safe(value, True)


def _make_encoder(default: Callable[[Any], Any]) -> Callable[[Any], str]:
    """json's encoder. Its part in C is made once where there is one, not for each value; a cycle is a RecursionError."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return json.JSONEncoder(ensure_ascii=False, default=default, separators=(",", ":")).encode
    text = getattr(json.encoder, "encode_basestring")
    pieces = make(None, default, text, None, ":", ",", False, False, True)
    join = "".join
    return lambda value: join(pieces(value, 0))


_encode_json = _make_encoder(_fallback_safe)
_encode_whole = _make_encoder(_fallback_whole)
_decode_json = json.JSONDecoder().decode
_SCALARS = frozenset({str, int, float, bool, type(None)})
_MAX_DEPTH = 28  # the library takes 32 levels


_tombstone_key = os.urandom(16)


def _tombstone(value: Any) -> Dict[str, Any]:
    """In place of what is redacted: its length, and a hash by which equal values of this process can be told to be
    equal, but not guessed."""
    text = _utf8(value if isinstance(value, str) else _brief(value))
    return {"$missing": ["redacted", len(text), hashlib.blake2b(text, digest_size=16, key=_tombstone_key).hexdigest()]}


class _Plain:
    """Any object as a tree of what JSON has: with a bound on depth and size, without cycles, with what is to be
    redacted taken out."""

    def __init__(self, room: int, redact: Optional["re.Pattern[str]"], whole: bool = False) -> None:
        self.room = room
        self.redact = redact
        self.whole = whole
        self.cut = False
        self.above: List[int] = []

    def of(self, value: Any) -> Any:
        self.room -= 8
        if isinstance(value, str):
            return self._text(str(value))
        if value is None or isinstance(value, (bool, float)):
            return value
        if isinstance(value, int):
            return int(value) if -(2**63) <= value < 2**64 else str(value)
        if id(value) in self.above or len(self.above) >= _MAX_DEPTH:
            return self._text(f"<{type(value).__name__}: {'cycle' if id(value) in self.above else 'too deep'}>")
        self.above.append(id(value))
        try:
            if isinstance(value, Mapping):
                return self._map(value)
            if isinstance(value, (list, tuple)):
                return self._list(value)
            return self.of(_fallback_safe(value, self.whole))
        finally:
            self.above.pop()

    def _text(self, text: str) -> str:
        if len(text) > max(self.room, 64):
            # Where patterns are to be redacted, no part of a text: it may be the half of a secret.
            text = f"<{len(text)} characters>" if self.whole else text[: max(self.room, 64)] + "..."
            self.cut = True
        self.room -= len(text)
        return text

    def _list(self, values: Sequence[Any]) -> List[Any]:
        out: List[Any] = []
        for value in values:
            if self.room <= 0:
                self.cut = True
                break
            out.append(self.of(value))
        return out

    def _map(self, values: Mapping[Any, Any]) -> Dict[str, Any]:
        out: Dict[str, Any] = {}
        for key, value in values.items():
            if self.room <= 0:
                self.cut = True
                break
            name = self._text(key if isinstance(key, str) else str(_fallback_safe(key, self.whole)))
            if name in out:
                name = f"{name} ({type(key).__name__})"
            if self.redact is not None and self.redact.search(name):
                out[name] = _tombstone(value)
            else:
                out[name] = self.of(value)
        return out


def _is_simple(value: Any, levels: int = _MAX_DEPTH) -> bool:
    """Is it, all through, what JSON and the library take as it is? No key that is no text (1 and "1" would be the
    same), no integer beyond 64 bits, not too deep."""
    kind = value.__class__
    if kind is str or kind is float or kind is bool or value is None:
        return True
    if kind is int:
        return bool(-(2**63) <= value < 2**64)
    if levels == 0:
        return False
    if kind is dict:
        for key in value:
            if key.__class__ is not str:
                return False
        value = value.values()
    elif kind is not list and kind is not tuple:
        return False
    for member in value:
        kind = member.__class__
        if kind is not str and kind is not float and not _is_simple(member, levels - 1):
            return False
    return True


def _is_taken(value: Any, data: bytes) -> bool:
    """Does the library take this JSON of the value?"""
    return _is_simple(value) or _library is None or _library.xray_json_check(data, len(data), None) == 0


def _encode(value: Any, config: Config) -> Tuple[bytes, bool]:
    """The value as JSON, and whether it was cut."""
    room = config.max_value
    if config._redact is None and not (hasattr(value, "__len__") and len(value) > room):
        try:
            data = _utf8((_encode_whole if config._patterns else _encode_json)(value))
            if len(data) <= room and _is_taken(value, data):
                return data, False
        except (TypeError, ValueError, RuntimeError, OverflowError):
            pass  # a cycle, a key that is no text, too deep, changed by another thread: done with care
    plain = _Plain(room // 2, config._redact, config._patterns)
    data = _utf8(_encode_json(plain.of(value)))
    if len(data) > room:  # escapes made it grow
        plain.cut = True
        data = _utf8(_encode_json(f"<{type(value).__name__}>" if config._patterns else _brief(value)))
    return data, plain.cut


# ---- the writer ------------------------------------------------------------------


class _Writer:
    """An open writer of the library, and how many runs use it."""

    def __init__(self, lib: Any, config: Config, directory: str) -> None:
        error, pointer = _Error(), ctypes.c_void_p()
        if config.fixed:
            rate = {"sample_rate": config.sample.rate or -1.0} if isinstance(config.sample, Rate) else {}
            encoded = _utf8(_encode_json({"app": config.app or os.path.basename(sys.argv[0] or "python"),
                                          "level": config.level, "segment_bytes": config.segment_bytes,
                                          "redact": config._rules, **rate, **config.fixed, "no_host": True,
                                          "sync": True}))
            status = lib.xray_writer_open_json(ctypes.byref(pointer), os.fsencode(directory), encoded, len(encoded),
                                               ctypes.byref(error))
        else:
            assert config._loaded is not None
            with _lock:  # a configuration is for one thread at a time
                config._loaded.set("dir", directory)
                config._loaded.set("enabled", "true")
                status = lib.xray_writer_open_config(ctypes.byref(pointer), config._loaded.pointer, ctypes.byref(error))
        if status < 0:
            raise XRayError(error.text() or f"status {status}")
        self.lib = lib
        self.pointer: Optional[int] = pointer.value
        self.directory = directory
        self.users = 0
        self.retired = False
        if "multiprocessing.util" in sys.modules:  # its children end without atexit
            sys.modules["multiprocessing.util"].Finalize(None, shutdown, exitpriority=-100)

    def level(self, call: str, timeout: float) -> int:
        """flush, sync or close; what it reached, or a negative status."""
        if self.pointer is None:
            return _ECLOSED
        error = _Error()
        status = getattr(self.lib, call)(self.pointer, int(timeout * 1000), ctypes.byref(error))
        if status < 0:
            _problem(f"{self.directory}: {error.text()}", status)
        return cast(int, status)

    def close(self, timeout: float) -> int:
        with _io_lock:
            status = self.level("xray_writer_close", timeout)
            self.pointer = None
            return status

    def release(self) -> None:
        """A run that used it has ended."""
        self.users -= 1
        if self.retired and self.users <= 0:
            self.close(5)


_lock = threading.RLock()  # of this module's state
_io_lock = threading.RLock()  # of flushing and closing: a writer that is flushed is not closed under it
_writer: Optional[_Writer] = None
_writer_failed = False  # opening was tried in vain; not tried again until configured anew
_captures: List["_Capture"] = []
_open_runs: "weakref.WeakSet[Run]" = weakref.WeakSet()
_open_steps: "weakref.WeakSet[Step]" = weakref.WeakSet()
_waiting: Dict[int, "Step"] = {}  # steps with rows gathered: kept, though nobody else may know them any more


def _get_writer() -> Optional[_Writer]:
    """The writer that new runs go to, opened when first needed. None: nothing is recorded."""
    global _writer, _writer_failed
    if _captures:
        return _captures[-1].writer
    writer = _writer
    if writer is not None:
        return writer
    config = get_config()
    if not config.enabled:
        return None
    lib = _load()
    if lib is None:
        return None
    with _lock:
        if _writer is None and not (_writer_failed and config.on_error is not FallbackMode.RAISE):
            try:
                _writer = _Writer(lib, config, config.dir)
            except XRayError as error:
                _writer_failed = True
                _problem(f"{config.dir}: {error}", error=error)
        return _writer


def _retire_writer() -> None:
    """Runs that have begun go on in it; it is closed with the last of them."""
    global _writer, _writer_failed
    writer, _writer, _writer_failed = _writer, None, False
    if writer is not None:
        writer.retired = True
        if writer.users <= 0:
            writer.close(5)


def _hand_over() -> None:
    """What is gathered in Python goes to the library."""
    for st in list(_waiting.values()):
        st._hand_over()


def _at_level(call: str, timeout: float) -> int:
    _hand_over()
    writer = _captures[-1].writer if _captures else _writer
    if writer is None:
        return 0
    with _io_lock:
        return writer.level(call, timeout)


def flush(timeout: float = 5.0) -> int:
    """What was recorded so far survives the death of the process. Waits at most `timeout` seconds. Returns the level
    reached: 0 accepted, 1 flushed, 2 synced, or a negative status of the library."""
    return _at_level("xray_writer_flush", timeout)


def sync(timeout: float = 5.0) -> int:
    """What was recorded so far survives the loss of power. As `flush`."""
    return _at_level("xray_writer_sync", timeout)


def shutdown(timeout: float = 5.0) -> int:
    """Seals the trace. Called at the end of the interpreter; what begins later opens a new file. Runs that are open
    show as abandoned. Returns the level reached: 3, sealed."""
    global _writer
    try:
        _hand_over()
        with _lock:
            writer, _writer = _writer, None
        return 0 if writer is None else writer.close(timeout)
    except XRayError:
        if get_config().strict:
            raise
        return -1


def stats() -> Dict[str, int]:
    """Counts of the writer: accepted, written, dropped, refused, ... and `failures`, calls that could not record."""
    counts = {"failures": _failures}
    writer = _captures[-1].writer if _captures else _writer
    if writer is not None and writer.pointer is not None:
        found = _Stats()
        writer.lib.xray_writer_get_stats(writer.pointer, ctypes.byref(found))
        counts.update((name, getattr(found, name)) for name in _STATS)
    return counts


def _after_fork_in_child() -> None:
    """The parent's writer, and what is buffered for it, is the parent's alone."""
    global _writer, _lock, _io_lock
    _lock, _io_lock = threading.RLock(), threading.RLock()
    _writer = None
    for run_ in list(_open_runs):
        run_._forget()
    for st in list(_open_steps):
        st._forget()
    _open_steps.clear()
    _waiting.clear()
    for captured in _captures:
        captured.writer = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(shutdown)


# ---- runs and steps --------------------------------------------------------------


_run_var: "contextvars.ContextVar[Optional[Run]]" = contextvars.ContextVar("xrayfile_run", default=None)
_step_var: "contextvars.ContextVar[Optional[Step]]" = contextvars.ContextVar("xrayfile_step", default=None)


def _time_of(seconds: Optional[float]) -> Any:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def _error_text(kind: type, value: Optional[BaseException]) -> str:
    try:
        return f"{kind.__name__}: {value}"
    except Exception:  # noqa: BLE001 - __str__ of the application
        return f"{kind.__name__}"


def _wrap(value: Any) -> Any:
    """Outputs are maps: what is none becomes the "result" of one."""
    return value if value.__class__ is dict or isinstance(value, Mapping) else {"result": value}


def _outcome(status: Union[str, RunStatus, int]) -> int:
    if isinstance(status, enum.Enum):
        status = status.value
    return status if isinstance(status, int) else _OUTCOMES.get(str(status).lower(), 1)


class _Scope:
    """What runs and steps share: a handle of the library, fields, an end."""

    _kind = "run"
    _handle = 0
    _lib: Any = None

    def __init__(self, config: Config) -> None:
        self._config = config
        self._done = False
        self._status: Optional[int] = None
        self._error: Optional[str] = None
        self._token: Any = None
        self._before: Any = None
        self._started = time.time()
        self._ended: Optional[float] = None
        self._fields: Dict[str, Any] = {}  # what was set, for the models of the source documents

    # -- fields --

    def _call(self, name: str, *arguments: Any) -> int:
        """A call of the library on this handle; its failure is dealt with as configured. After its end, or that of
        the writer, the library counts the call, and that is all."""
        if not self._handle:
            return 0
        status = cast(int, getattr(self._lib, f"xray_{self._kind}_{name}")(self._handle, *arguments))
        if status < 0 and status != _ECLOSED:
            _problem(f"xray_{self._kind}_{name}", status)
        return status

    def _put(self, field: int, value: Any) -> None:
        """A field that holds a value."""
        if not self._handle:
            return
        function = self._lib.set_bytes[self._kind]
        if isinstance(value, str) and len(value) <= self._config.max_value and self._config._redact is None:
            data = _utf8(value)
            if function(self._handle, field, _AS_TEXT, data, len(data)) == 0:
                return
        data, cut = _encode(value, self._config)
        status = function(self._handle, field, _AS_JSON, data, len(data))
        if status < 0 and status != _ECLOSED:
            _problem(f"xray_{self._kind}_set_bytes", status)
        if cut:
            self._call("set_int", _FLAGS, _FLAG_TRUNCATED)

    def _add(self, field: int, key: str, value: Any) -> None:
        """One entry of a field that is a map."""
        if not self._handle:
            return
        name = _utf8(str(key))
        if self._config._redact is not None and self._config._redact.search(str(key)):
            data, cut = _utf8(_encode_json(_tombstone(value))), False
        else:
            data, cut = _encode(value, self._config)
        self._call("add_bytes", field, name, len(name), _AS_JSON, data, len(data))
        if cut:
            self._call("set_int", _FLAGS, _FLAG_TRUNCATED)

    @property
    def _values(self) -> bool:
        """Are values recorded, beside counts?"""
        return self._config.detail == "full"

    @_safe
    def set_input(self: _S, value: Any) -> _S:
        """What it works on."""
        self._fields["inputs"] = value
        if self._values:
            self._put(_INPUT, value)
        return self

    @_safe
    def set_output(self: _S, value: Any) -> _S:
        """What came out. What is no map is recorded as {"result": value}."""
        self._fields["outputs"] = _wrap(value)
        if self._values:
            self._put(_OUTPUT, _wrap(value))
        return self

    set_inputs = set_input
    set_outputs = set_output

    @_safe
    def add_metadata(self: _S, key: str, value: Any) -> _S:
        """One entry of what is worth knowing beside."""
        self._fields.setdefault("metadata", {})[key] = value
        self._add(_METADATA, key, value)
        return self

    @_safe
    def add_tag(self: _S, key: str, value: Any = True) -> _S:
        """A tag, for choosing runs by it: ``tags.KEY = VALUE``."""
        self._add(_TAGS, key, value)
        return self

    def _set_tags(self, tags: Any) -> None:
        if isinstance(tags, Mapping):
            for key, value in tags.items():
                self.add_tag(str(key), value)
        elif isinstance(tags, str):
            self._set_tags([tags])
        else:  # "key:value", or a bare word
            for tag in tags or ():
                key, colon, value = str(tag).partition(":")
                self.add_tag(key, value if colon else True)

    @_safe
    def set_cost(self: _S, amount: float) -> _S:
        """In units of your currency; stored exactly to the billionth."""
        self._call("set_int", _COST, round(decimal.Decimal(str(amount)) * 1000000000))
        return self

    @_safe
    def set_error(self: _S, error: Union[BaseException, str]) -> _S:
        """An error; the status becomes failure."""
        text = _error_text(type(error), error) if isinstance(error, BaseException) else str(error)
        self._error = text
        self._status = 2
        self._put(_ERROR, text)
        return self

    @_safe
    def set_status(self: _S, status: Union[str, RunStatus]) -> _S:
        """How it ends: success, failure, partial. Left unsaid: failure after an exception, else success."""
        self._status = _outcome(status)
        return self

    @_safe
    def decide(self: _S, decision: str, selected: Any = None, reason: Optional[str] = None,
               score: Optional[float] = None, *, confidence: Optional[float] = None,
               alternatives: Iterable[Any] = (), by: Optional[str] = None, **more: Any) -> _S:
        """A decision: what was selected (one, several, or None), why, and between what. Alternatives are ids or
        objects with one, or maps {id, score, why_not}."""
        body: Dict[str, Any] = {"selected": _ids_of(selected)}
        others = [_alternative(a) for a in alternatives or ()]
        for key, value in (("alternatives", others or None), ("reason", reason), ("score", score),
                           ("confidence", confidence), ("by", by), *more.items()):
            if value is not None:
                body[key] = value
        self._event("decide_json", decision, body)
        return self

    @_safe
    def note(self: _S, name: str, **body: Any) -> _S:
        """Any other event, with its time."""
        self._event("note_json", name, body)
        return self

    def _event(self, call: str, name: str, body: Dict[str, Any]) -> None:
        if not self._handle:
            return
        called = _utf8(str(name))
        data, _ = _encode(body, self._config)
        self._call(call, called, len(called), data, len(data))

    # -- with --

    def _variable(self) -> Any:
        raise NotImplementedError

    def _leave(self) -> None:
        """Makes what was current before current again, also where that is not possible with the token: in another
        context than it was made in (a generator closed by another task)."""
        try:
            self._variable().reset(self._token)
        except ValueError:
            if self._variable().get() is self:
                self._variable().set(self._before)
        self._token = None

    def __enter__(self: _S) -> _S:
        self._before = self._variable().get()
        self._token = self._variable().set(self)
        return self

    def __exit__(self, kind: Any, value: Optional[BaseException], trace: Any) -> None:
        if self._token is not None:
            self._leave()
        self._finish(kind, value)

    async def __aenter__(self: _S) -> _S:
        return self.__enter__()

    async def __aexit__(self, kind: Any, value: Optional[BaseException], trace: Any) -> None:
        self.__exit__(kind, value, trace)

    def _finish(self, kind: Any, value: Optional[BaseException]) -> None:
        if kind is not None and self._error is None and not _is_quiet(kind, value):
            self.set_error(_error_text(kind, value))
        elif kind is GeneratorExit and self._status is None:
            self._status = 3
        self.end()

    def end(self, status: Union[str, RunStatus, None] = None) -> None:
        """Ends it; a second time does nothing. `with` does so by itself."""
        raise NotImplementedError

    @property
    def status(self) -> RunStatus:
        """As it would end now, or has ended."""
        if not self._done:
            return RunStatus.RUNNING
        return (RunStatus.RUNNING, RunStatus.SUCCESS, RunStatus.FAILURE, RunStatus.PARTIAL)[self._status or 1]

    @property
    def error(self) -> Optional[str]:
        """"Type: message" of what went wrong, or None."""
        return self._error


def _is_quiet(kind: Any, value: Optional[BaseException]) -> bool:
    """Is this the end of something rather than a failure?"""
    if kind is GeneratorExit:
        return True
    return kind is SystemExit and getattr(value, "code", None) in (None, 0)


class Run(_Scope):
    """One execution of a pipeline. Made by `run`; use with ``with`` or ``async with``, or call `end`."""

    def __init__(self, pipeline: str, version: Optional[str] = None, *, input: Any = None, tags: Any = None,
                 metadata: Optional[Mapping[str, Any]] = None, id: Optional[str] = None,
                 project: Optional[str] = None, session: Optional[str] = None, user: Optional[str] = None,
                 parent: Optional["Run"] = None, _flags: int = 0) -> None:
        super().__init__(get_config())
        self.pipeline = str(pipeline) or "unnamed"
        self.version = version
        self.id = ""  #: 32 hex digits
        self._writer: Optional[_Writer] = None
        self._forked = False
        self._steps_begun = 0
        self._steps_lock = threading.Lock()
        try:
            self._begin(id, parent, _flags)
            project = project if project is not None else self._config.project
            for field, text in ((_PROJECT, project), (_SESSION, session), (_USER, user)):
                if text is not None:
                    self._put(field, str(text))
        except XRayError:
            raise
        except Exception as error:  # noqa: BLE001
            _problem(f"run: {type(error).__name__}: {error}", error=error)
        if not self.id:
            self.id = uuid.uuid4().hex
        if input is not None:
            self.set_input(input)
        self._set_tags(tags)
        for key, value in (metadata or {}).items():
            self.add_metadata(key, value)

    def _variable(self) -> Any:
        return _run_var

    def _begin(self, given: Optional[str], parent: Optional["Run"], flags: int, resumed: bool = False) -> None:
        writer = _get_writer()
        if writer is None:
            return
        name, version = _utf8(self.pipeline), None if self.version is None else _utf8(str(self.version))
        ext_id = None if given is None else _utf8(str(given))
        fixed = self._config.fixed is not None
        raw = bytes.fromhex(self.id) if resumed else None if ext_id or fixed else uuid.uuid4().bytes
        self._lib = writer.lib
        self._handle = writer.lib.xray_run_begin_plain(
            writer.pointer, name, len(name), version, len(version or b""), ext_id, len(ext_id or b""), raw,
            bytes.fromhex(parent.id) if parent is not None else None, flags | (_RESUME if resumed else 0))
        if not self._handle:
            _problem(f"run {self.pipeline} could not begin")
            return
        if raw is None:
            out = ctypes.create_string_buffer(16)
            writer.lib.xray_run_id(self._handle, out)
            raw = out.raw
        self.id = raw.hex()
        self._writer = writer
        with _lock:
            writer.users += 1
        _open_runs.add(self)

    def _forget(self) -> None:
        """In the child of a fork: the run goes on in the parent; what the child adds joins it."""
        self._handle = 0
        self._writer = None
        self._forked = True

    def _usable(self) -> int:
        """The handle; in the child of a fork, one of the child's own."""
        if self._forked and not self._handle and not self._done:
            self._begin(None, None, 0, resumed=True)
        return self._handle

    def step(self, name: str, step_type: Any = None, *, type: Any = None, parent: Optional["Step"] = None,
             input: Any = None) -> "Step":
        """Begins a step: inside `parent`; left unsaid, inside the current step if that is of this run."""
        return Step(name, type if type is not None else step_type, self, parent=parent, input=input)

    def sync_offline(self) -> int:
        """Alias of `sync`, from SDKs that buffered for a server."""
        return sync()

    def end(self, status: Union[str, RunStatus, None] = None) -> None:
        if self._done:
            return
        self._done = True
        self._ended = time.time()
        if status is not None:
            self._status = _outcome(status)
        writer, handle = self._writer, self._handle
        _open_runs.discard(self)
        if writer is None or not handle:
            return
        if self._forked:  # its end is the parent's
            _at_level("xray_writer_flush", 5)
            writer.release()
            return
        self._call("end", self._status or 1)
        self._handle = 0
        writer.release()


def _ids_of(selected: Any) -> List[str]:
    if selected is None:
        return []
    if type(selected) in (list, tuple, set, frozenset):  # a named tuple is a candidate
        return [_item_id(s, i) for i, s in enumerate(selected)]
    return [_item_id(selected, 0)]


def _alternative(value: Any) -> Dict[str, Any]:
    if isinstance(value, Mapping) and "id" in value and set(value) <= {"id", "score", "why_not"}:
        return {**value, "id": str(value["id"])}
    out: Dict[str, Any] = {"id": _item_id(value, 0)}
    score = _get(value, "score")
    if isinstance(score, (int, float)):
        out["score"] = score
    return out


_ID_NAMES = ("id", "_id", "asin", "key", "item_id", "doc_id", "uid", "url", "name", "title")


def _get(item: Any, name: str) -> Any:
    """A member of a map, or an attribute; None if there is none."""
    return item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)


def _item_id(item: Any, index: int) -> str:
    """What a candidate is called: itself if it is a text or number, its id, or "#" and its place."""
    if isinstance(item, str):
        return item
    if isinstance(item, (int, float, uuid.UUID)):
        return str(item)
    for name in _ID_NAMES:
        value = _get(item, name)
        if value is not None and not callable(value):
            return str(value)
    return f"#{index}"


def _getter(spec: Any) -> Callable[[Any, int], Any]:
    """From the name of a member, a function, or a constant: a function of an item and its place. What raises gives
    None: recording must not stop the loop."""
    if spec is None:
        return lambda item, i: None
    if isinstance(spec, str):
        return lambda item, i: _get(item, spec)
    if not callable(spec):
        return lambda item, i: spec

    def get(item: Any, i: int) -> Any:
        try:
            return spec(item)
        except Exception as error:  # noqa: BLE001
            _problem(f"{getattr(spec, '__name__', 'function')}: {type(error).__name__}: {error}", error=error)
            return None

    return get


def _keys_of(items: Sequence[Any], key: Any) -> List[Any]:
    """By a function, or the name of a member. What the function raises is the application's to see."""
    return [_get(item, key) for item in items] if isinstance(key, str) else [key(item) for item in items]


def _id_getter(spec: Any) -> Callable[[Any, int], str]:
    if spec is None:
        return _item_id
    get = _getter(spec)

    def named(item: Any, i: int) -> str:
        value = get(item, i)
        return _item_id(item, i) if value is None else str(value)

    return named


# A candidate on its way: item, verdict, reason, score, threshold, rank_in, rank_out, evidence (a map of scalars, JSON
# bytes, or None), weight, by.
_Row = Tuple[str, int, Any, Optional[float], Optional[float], Optional[int], Optional[int], Any,
             Optional[float], Optional[str]]
_Code = Union[str, Reason, None]


_TOP: Any = object()  # as the parent of a step: none, whatever step is current


class Step(_Scope):
    """One step of a run. Made by `Run.step` or `step`."""

    _kind = "step"

    def __init__(self, name: str, type: Any = None, run: Optional[Run] = None, *, parent: Optional["Step"] = None,
                 input: Any = None) -> None:
        super().__init__(get_config())
        self.name = str(name) or "unnamed"
        self.type = type.value if isinstance(type, enum.Enum) else None if type is None else str(type)
        self._own_run: Optional[Run] = None
        self._rows: List[_Row] = []
        self._due = math.inf
        self._seen = 0
        self._kept = 0
        self._accepted = 0
        self._reasons: Dict[str, int] = {}
        self._random: Optional[random.Random] = None
        self._given: Dict[int, int] = {}
        current = _step_var.get()
        if parent is _TOP:
            parent = None
        elif parent is None and current is not None and not current._done and (run is None or current.run is run):
            parent = current
        if run is None:
            run = parent.run if parent is not None else _run_var.get()
        if run is not None and run._done and self._config.enabled and parent is None:
            run = None  # a run that has ended has no more steps
        if run is None:
            if self._config.strict:
                raise XRayError(f"step {self.name} must be used within a run")
            run = self._own_run = Run(self.name)
            run._call("set_int", _FLAGS, _FLAG_IMPLICIT)
        self.run: Run = run
        with run._steps_lock:
            self.sequence = run._steps_begun
            run._steps_begun += 1
        keep = getattr(run, "_steps", None)
        if keep is not None:
            keep.append(self)
        self._sampled = isinstance(self._config.sample, Smart) or self._config.detail == "summary"
        try:
            self._begin(parent)
        except XRayError:
            raise
        except Exception as error:  # noqa: BLE001
            _problem(f"step: {_type_name(error)}: {error}", error=error)
        if input is not None:
            self.set_input(input)

    def _variable(self) -> Any:
        return _step_var

    def _begin(self, parent: Optional["Step"]) -> None:
        handle = self.run._usable()
        if not handle:
            return
        name, kind = _utf8(self.name), None if self.type is None else _utf8(self.type)
        self._lib = self.run._lib
        self._handle = self._lib.xray_step_begin_plain(
            handle, parent._handle if parent is not None and parent.run is self.run else 0, name, len(name), kind,
            len(kind or b""), None, 0, 0)
        if self._handle:
            _open_steps.add(self)
        else:
            _problem(f"step {self.name} could not begin")

    def _forget(self) -> None:
        self._handle = 0
        self._rows = []

    @property
    def number(self) -> int:
        """Its number in the run, from 1; 0 if it is not recorded or has ended."""
        return cast(int, self._lib.xray_step_number(self._handle)) if self._handle else 0

    # -- fields of steps --

    @_safe
    def set_reasoning(self, reasoning: Any) -> "Step":
        """Why it does what it does, in prose."""
        self._fields["reasoning"] = reasoning
        if self._values:
            self._put(_REASONING, reasoning)
        return self

    @_safe
    def set_filters_applied(self, filters: Any) -> "Step":
        """The filters' settings."""
        self._fields["filters_applied"] = filters
        self._put(_FILTERS, filters)
        return self

    @_safe
    def set_candidates_in(self, count: int) -> "Step":
        """How many came in; instead of what is counted."""
        self._fields["candidates_in"] = self._given[_IN] = int(count)
        self._call("set_int", _IN, int(count))
        return self

    @_safe
    def set_candidates_out(self, count: int) -> "Step":
        """How many went out; instead of what is counted."""
        self._fields["candidates_out"] = self._given[_OUT] = int(count)
        self._call("set_int", _OUT, int(count))
        return self

    set_input_count = set_candidates_in
    set_output_count = set_candidates_out

    @_safe
    def usage(self, response: Any = None, *, model: Optional[str] = None, provider: Optional[str] = None,
              input: Optional[int] = None, output: Optional[int] = None, cache_read: Optional[int] = None,
              cache_write: Optional[int] = None, reasoning: Optional[int] = None, total: Optional[int] = None,
              cost: Optional[float] = None, params: Optional[Mapping[str, Any]] = None) -> "Step":
        """Model, tokens (input and output with their cached and reasoning parts), cost, parameters. What common
        clients return as `response` says them too."""
        said = {"input": input, "output": output, "cache_read": cache_read, "cache_write": cache_write,
                "reasoning": reasoning, "total": total}
        if response is not None:
            found_model, found = _usage_of(response)
            model = model or found_model
            said = {key: value if value is not None else found.get(key) for key, value in said.items()}
        for field, text in ((_MODEL, model), (_PROVIDER, provider)):
            if text is not None:
                self._put(field, str(text))
        for key, value in said.items():
            if value is not None:
                self._call("set_int", _TOKENS[key], int(value))
        if cost is not None:
            self.set_cost(cost)
        if params is not None:
            self._put(_PARAMS, params)
        return self

    def _event(self, call: str, name: str, body: Dict[str, Any]) -> None:
        self._hand_over()  # events stand after the candidates before them
        super()._event(call, name, body)

    # -- candidates --

    def accept(self, item: Any, reason: _Code = None, evidence: Any = None, *, score: Optional[float] = None,
               threshold: Optional[float] = None, by: Optional[str] = None) -> "Step":
        """A candidate that goes on. `item` is its id, or something that has one."""
        if self._handle:
            self._gather(item, _ACCEPT, reason, evidence, score, threshold, by)
        return self

    def reject(self, item: Any, reason: _Code = None, evidence: Any = None, *, score: Optional[float] = None,
               threshold: Optional[float] = None, by: Optional[str] = None) -> "Step":
        """A candidate that falls, for a reason (one of few codes, or a `Reason`), on evidence (a map); `by` whom: agent,
        rule, verifier, human."""
        if self._handle:
            self._gather(item, _REJECT, reason, evidence, score, threshold, by)
        return self

    def defer(self, item: Any, reason: _Code = None, evidence: Any = None, *, score: Optional[float] = None,
              threshold: Optional[float] = None, by: Optional[str] = None) -> "Step":
        """A candidate that is decided on later."""
        if self._handle:
            self._gather(item, _DEFER, reason, evidence, score, threshold, by)
        return self

    def modify(self, item: Any, reason: _Code = None, evidence: Any = None, *, score: Optional[float] = None,
               threshold: Optional[float] = None, by: Optional[str] = None) -> "Step":
        """A candidate that goes on changed."""
        if self._handle:
            self._gather(item, _MODIFY, reason, evidence, score, threshold, by)
        return self

    def _gather(self, item: Any, verdict: int, reason: Any, evidence: Any, score: Any, threshold: Any,
                by: Any) -> None:
        """The hot path: a row for the next batch."""
        try:
            if item.__class__ is not str:
                item = _item_id(item, self._seen)
            if evidence is not None:
                evidence = self._snapshot(evidence)
            rows = self._rows
            weight = None
            if self._sampled:
                weight = self._weight(verdict, reason)
                if weight == 0:
                    return
            rows.append((item, verdict, reason, score, threshold, None, None, evidence, weight, by))
            count = len(rows)
            if count == 1:
                self._due = time.monotonic() + 1.0
                _waiting[id(self)] = self
            elif count >= _GATHER or (not count & 15 and time.monotonic() > self._due):
                self._hand_over()
        except XRayError:
            raise
        except Exception as error:  # noqa: BLE001
            _problem(f"candidate: {_type_name(error)}: {error}", error=error)

    def _snapshot(self, evidence: Any) -> Any:
        """Evidence as it is now: the application may change the map afterwards."""
        if evidence.__class__ is dict and self._config._redact is None:
            for value in evidence.values():
                if value.__class__ not in _SCALARS:
                    break
            else:
                return evidence.copy()
        return _encode(evidence if isinstance(evidence, Mapping) else {"value": evidence}, self._config)[0]

    def _weight(self, verdict: int, reason: Optional[str]) -> float:
        """Counts, and says for how many this one stands: the inverse of its chance to be kept, so that sums of
        weights estimate totals without bias (Horvitz and Thompson, 1952); 0: it is not kept."""
        self._seen += 1
        self._accepted += verdict in (_ACCEPT, _MODIFY)
        count = 0
        if reason is not None and verdict == _REJECT:
            code = str(reason)
            count = self._reasons[code] = self._reasons.get(code, 0) + 1
        sample = self._config.sample
        if self._config.detail == "summary" or not isinstance(sample, Smart):
            return 0.0
        weight = 1.0
        if self._seen > sample.keep and not 0 < count <= sample.per_reason:
            if self._random is None:
                self._random = random.Random(f"{self.run.id}/{self.sequence}")
            weight = self._seen / sample.keep if self._random.random() * self._seen < sample.keep else 0.0
        self._kept += weight > 0
        return weight

    def _settle_sample(self) -> None:
        """Exact totals beside the candidates that were kept."""
        if not self._sampled or self._seen == 0:
            return
        for field, count in ((_IN, self._seen), (_OUT, self._accepted), (_KEPT, self._kept)):
            if field not in self._given:
                self._call("set_int", field, count)
        for code, count in self._reasons.items():
            encoded = _utf8(code)
            self._call("count_reason", encoded, len(encoded), count)
        if self._kept < self._seen:
            self._call("set_int", _FLAGS, _FLAG_SAMPLED)
            self._put(_SAMPLING, {"mode": "summary" if self._config.detail == "summary" else "smart",
                                  "seen": self._seen, "kept": self._kept, "seed": f"{self.run.id}/{self.sequence}"})

    def _hand_over(self) -> None:
        """The rows gathered go to the library."""
        rows = self._rows
        count = len(rows)
        if count == 0:
            return
        _waiting.pop(id(self), None)
        taken = rows[:count]
        del rows[:count]
        if rows:  # another thread has appended some since
            _waiting[id(self)] = self
        try:
            self._send(taken)
        except XRayError:
            raise
        except Exception as error:  # noqa: BLE001
            _problem(f"candidates: {_type_name(error)}: {error}", error=error)

    def _send(self, rows: List[_Row]) -> None:
        items, verdicts, reasons, scores, thresholds, ranks_in, ranks_out, evidence, weights, by = zip(*rows)
        self._send_columns(items, bytes(verdicts), reasons, _present(scores), _present(thresholds),
                           _present(ranks_in), _present(ranks_out), _present(evidence), _present(weights),
                           None if _present(by) is None else bytes(_BY[who] for who in by))

    def _send_columns(self, items: Sequence[str], verdicts: Optional[bytes], reasons: Optional[Sequence[Any]],
                      scores: Any, thresholds: Any, ranks_in: Any, ranks_out: Any, evidence: Any,
                      weights: Any = None, by: Optional[bytes] = None) -> None:
        """One call for all of them. What the pointers point to is held by locals until it returns."""
        batch = _Batch(size=ctypes.sizeof(_Batch), count=len(items))
        batch.items, item_ends = _texts(items)
        batch.item_ends = _address(item_ends)
        if verdicts is not None:
            batch.verdicts = verdicts
        if by is not None:
            batch.by = by
        if reasons is not None:
            codes = dict.fromkeys(reasons)
            codes.pop(None, None)
            if codes:
                batch.codes, code_ends = _texts([str(c) for c in codes])
                batch.code_ends, batch.code_count = _address(code_ends), len(codes)
                if any(isinstance(c, Reason) for c in codes):
                    batch.rules, rule_ends = _texts([getattr(c, "rule", None) or "" for c in codes])
                    batch.versions, version_ends = _texts([getattr(c, "version", None) or "" for c in codes])
                    batch.rule_ends, batch.version_ends = _address(rule_ends), _address(version_ends)
                if len(codes) == 1 and None not in reasons:
                    places = array.array("H", b"\x01\x00" if sys.byteorder == "little" else b"\x00\x01") * len(items)
                else:
                    numbers: Dict[Any, int] = {code: i for i, code in enumerate(codes, 1)}
                    numbers[None] = 0
                    places = array.array("H", [numbers[r] for r in reasons])
                batch.reasons = _address(places)
        kept = [(name, _doubles(values)) for name, values in (("scores", scores), ("thresholds", thresholds), ("weights", weights))
                if values is not None]
        kept += [(name, array.array("q", [_MISSING if v is None else v for v in values]))
                 for name, values in (("ranks_in", ranks_in), ("ranks_out", ranks_out)) if values is not None]
        for name, column in kept:
            setattr(batch, name, _address(column))
        columns: Any = None
        if evidence is not None:
            columns = evidence if isinstance(evidence, _Columns) else _columns_of(evidence)
            if columns is not None:
                batch.columns = ctypes.cast(columns.structs, ctypes.POINTER(_Column))
                batch.column_count = len(columns.structs)
            else:
                parts = [e if e.__class__ is bytes else b"" if e is None else _encode(e, self._config)[0]
                         for e in evidence]
                evidence_ends = array.array("I", itertools.accumulate(map(len, parts)))
                batch.evidence, batch.evidence_ends = b"".join(parts), _address(evidence_ends)
        error = _Error()
        status = self._lib.xray_step_candidates(self._handle, ctypes.byref(batch), ctypes.byref(error))
        if status < 0 and status != _ECLOSED:
            _problem(f"xray_step_candidates: {error.text()}", status)

    def candidates(self, items: Iterable[Any], verdict: str = "accept", *, id: Any = None, score: Any = None,
                   reason: Any = None, evidence: Any = None, threshold: Any = None, by: Optional[str] = None) -> "Step":
        """All candidates of a list in one call. `id`, `score`, `reason`, `evidence`, `threshold` are names of
        members, functions of an item, or constants; score, threshold and reason may also be a list or array beside the
        items, evidence a map of such by key. A reason is a code or a `Reason`."""
        if not self._handle:
            return self
        try:
            self._candidates(items if isinstance(items, (list, tuple)) else list(items), verdict, id, score, reason,
                             evidence, threshold, by)
        except XRayError:
            raise
        except Exception as error:  # noqa: BLE001
            _problem(f"candidates: {_type_name(error)}: {error}", error=error)
        return self

    def _candidates(self, items: Sequence[Any], verdict: str, id: Any, score: Any, reason: Any, evidence: Any,
                    threshold: Any, by: Optional[str], weights: Optional[Sequence[float]] = None) -> None:
        number = {"accept": _ACCEPT, "reject": _REJECT, "defer": _DEFER, "modify": _MODIFY}[verdict]
        names = _names_of(items, id)
        count = len(names)
        scores, thresholds = _aligned(score, items), _aligned(threshold, items)
        constant = reason is None or isinstance(reason, (str, Reason))
        reasons: Sequence[Any] = [reason] * count if constant else _aligned(reason, items) or ()
        rows = evidence if evidence is None or _is_columns(evidence, count) else _aligned(evidence, items)
        if self._sampled:
            if isinstance(rows, dict):
                rows = [dict(zip(rows, values)) for values in zip(*rows.values())]
            for i, name in enumerate(names):
                self._gather(name, number, reasons[i], rows[i] if rows else None,
                             None if scores is None else scores[i], None if thresholds is None else thresholds[i], by)
            return
        self._hand_over()
        for at in range(0, count, _CHUNK):
            part = slice(at, at + _CHUNK)
            n = min(_CHUNK, count - at)
            own: Any = None
            if isinstance(rows, dict):
                own = _Columns.of({key: values[part] for key, values in rows.items()}, n)
                if own is None:
                    own = [dict(zip(rows, values)) for values in zip(*(v[part] for v in rows.values()))]
            elif rows is not None:
                own = [None if e is None else self._snapshot(e) for e in rows[part]]
            self._send_columns(names[part], None if number == _ACCEPT else bytes((number,)) * n,
                               None if reason is None else reasons[part],
                               None if scores is None else scores[part],
                               None if thresholds is None else thresholds[part], None, None, own,
                               None if weights is None else weights[part],
                               None if by is None else bytes((_BY[by],)) * n)

    @_safe
    def set_candidates(self, candidates: Sequence[Any], capture_mode: str = "smart", sample_size: Optional[int] = None,
                       *, id: Any = None, score: Any = None) -> "Step":
        """The candidates that leave the step. `capture_mode`: all; summary (their number alone); sampled
        (`sample_size` of them at random); smart (all up to 50, else the first 10 and some at random). What is recorded
        has its weight, the number of candidates that it stands for."""
        total = len(candidates)
        size = 50 if sample_size is None else max(0, int(sample_size))
        seed = f"{self.run.id}/{self.sequence}"
        if capture_mode not in ("all", "summary", "sampled", "smart"):
            raise ValueError(f"capture_mode {capture_mode!r}")
        first = total  # that are kept for certain
        if capture_mode == "summary":
            first = size = 0
        elif capture_mode == "sampled" and total > size:
            first = 0
        elif capture_mode == "smart" and total > 50:
            first, size = 10, max(size - 10, 0)
        rest = sorted(random.Random(seed).sample(range(first, total), min(size, total - first)))
        chosen = [*range(first), *rest]
        weights = [1.0] * first + [(total - first) / max(len(rest), 1)] * len(rest) if len(chosen) < total else None
        sampled, self._sampled = self._sampled, False  # this is the sample
        try:
            if self._values and self._handle and chosen:
                self._candidates([candidates[i] for i in chosen], "accept", id, score, None, None, None, None, weights)
        finally:
            self._sampled = sampled
        self.set_candidates_out(total)
        if _IN not in self._given:
            self._call("set_int", _IN, total)
        if len(chosen) < total:
            self._call("set_int", _KEPT, len(chosen))
            self._call("set_int", _FLAGS, _FLAG_SAMPLED)
            self._put(_SAMPLING, {"mode": capture_mode, "seen": total, "kept": len(chosen), "seed": seed})
        return self

    # -- lists: the line that does the work records it --

    def filter(self, items: Iterable[_T], keep: Callable[[_T], Any], *, id: Any = None, reason: Any = "rejected",
               evidence: Any = None, value: Any = None, score: Any = None, threshold: Optional[float] = None,
               by: Optional[str] = None) -> List[_T]:
        """``[i for i in items if keep(i)]``, with all of them recorded: accepted, or rejected for `reason` (a code, a
        `Reason`, or a function of the item). `value` (or `score`) is what was compared with `threshold`; `by` is who
        decides: agent, rule, verifier, human."""
        every = list(items)
        held = [bool(keep(item)) for item in every]
        self._record(every, held, id, reason, evidence, value if value is not None else score, threshold, by=by)
        return [item for item, good in zip(every, held) if good]

    def sort(self, items: Iterable[_T], key: Any = None, *, id: Any = None, top: Optional[int] = None,
             reverse: bool = True, reason: str = "below_top", evidence: Any = None) -> List[_T]:
        """The items by `key` (a function or the name of a member), the greatest first unless ``reverse=False``, and of
        these the first `top`. Recorded with their places before and after, from 1, and the key as score; what is
        cut is rejected for `reason`."""
        every = list(items)
        keys = _keys_of(every, key) if key is not None else every
        order = sorted(range(len(every)), key=cast(Any, keys).__getitem__, reverse=reverse)
        limit = len(every) if top is None else max(0, top)
        self._record([every[i] for i in order], [place < limit for place in range(len(order))], id, reason, evidence,
                     None, None, scores=[keys[i] for i in order], ranks_in=[i + 1 for i in order])
        return [every[i] for i in order[:limit]]

    def top_k(self, items: Iterable[_T], k: int, key: Any = None, *, id: Any = None, reason: str = "below_top",
              evidence: Any = None) -> List[_T]:
        """The first `k`, by `key` if there is one (see `sort`), else as they stand."""
        if key is not None:
            return self.sort(items, key, id=id, top=k, reason=reason, evidence=evidence)
        every = list(items)
        self._record(every, [i < k for i in range(len(every))], id, reason, evidence, None, None,
                     ranks_in=list(range(1, len(every) + 1)))
        return every[: max(0, k)]

    def dedupe(self, items: Iterable[_T], key: Any = None, *, id: Any = None, reason: str = "duplicate") -> List[_T]:
        """The first item of each `key` (a function, the name of a member; left unsaid, the item or its id). Others
        are rejected with the id of the first as evidence."""
        every = list(items)
        keys = _keys_of(every, key) if key is not None else [_item_id(item, 0) for item in every]
        name = _id_getter(id)
        first: Dict[Any, int] = {}
        held, of = [], []
        for i, itself in enumerate(keys):
            place = first.setdefault(itself, i)
            held.append(place == i)
            of.append(None if place == i else {"of": name(every[place], place)})
        self._record(every, held, id, reason, of, None, None)
        return [item for item, good in zip(every, held) if good]

    def _record(self, items: Sequence[Any], held: Sequence[bool], id: Any, reason: Any, evidence: Any, value: Any,
                threshold: Optional[float], scores: Optional[Sequence[Any]] = None,
                ranks_in: Optional[Sequence[int]] = None, by: Optional[str] = None) -> None:
        """Both sides of what was done to a list."""
        if not self._handle:
            return
        try:
            names, count = _names_of(items, id), len(items)
            values = scores if scores is not None else _aligned(value, items)
            codes: Sequence[Any] = (_aligned(reason, items) or ()) if callable(reason) else [reason] * count
            rows = _aligned(evidence, items)
            place = 0
            gathered: List[_Row] = []
            for i in range(count):
                verdict, code = (_ACCEPT, None) if held[i] else (_REJECT, codes[i])
                weight = self._weight(verdict, code) if self._sampled else None
                if weight == 0:
                    continue
                place += 1
                gathered.append((names[i], verdict, code, _number(values[i]) if values is not None else None, threshold,
                                 ranks_in[i] if ranks_in is not None else None,
                                 i + 1 if ranks_in is not None else None,
                                 None if rows is None or rows[i] is None else self._snapshot(rows[i]), weight, by))
            self._hand_over()
            for at in range(0, len(gathered), _CHUNK):
                self._send(gathered[at : at + _CHUNK])
            if count == 0 and not self._seen and not self._given:  # that there were none is worth knowing
                self._call("set_int", _IN, 0)
                self._call("set_int", _OUT, 0)
        except XRayError:
            raise
        except Exception as error:  # noqa: BLE001
            _problem(f"candidates: {_type_name(error)}: {error}", error=error)

    def end(self, status: Union[str, RunStatus, None] = None) -> None:
        if self._done:
            return
        self._hand_over()
        self._done = True
        self._ended = time.time()
        if status is not None:
            self._status = _outcome(status)
        _open_steps.discard(self)
        if self._handle:
            self._settle_sample()
            self._call("end", self._status or 1)
            self._handle = 0
        if self._own_run is not None:
            self._own_run._status = self._own_run._status or self._status
            if self._error is not None:
                self._own_run.set_error(self._error)
            self._own_run.end()


def _type_name(error: BaseException) -> str:
    """The name of an exception's type."""
    return error.__class__.__name__


# ---- columns for one call --------------------------------------------------------


def _address(column: "array.array[Any]") -> Optional[int]:
    return column.buffer_info()[0] if len(column) else None


def _present(column: Sequence[Any]) -> Optional[Sequence[Any]]:
    return None if column.count(None) == len(column) else column


def _texts(texts: Sequence[str]) -> Tuple[bytes, "array.array[int]"]:
    """One blob, and where each ends in it."""
    joined = "".join(texts)
    if joined.isascii():
        return joined.encode(), array.array("I", itertools.accumulate(map(len, texts)))
    parts = [_utf8(t) for t in texts]
    return b"".join(parts), array.array("I", itertools.accumulate(map(len, parts)))


def _number(value: Any) -> Optional[float]:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _doubles(values: Any) -> "array.array[float]":
    """Numbers; NaN for what is none."""
    if isinstance(values, array.array) and values.typecode == "d":
        return cast("array.array[float]", values)
    try:
        return array.array("d", values)
    except (TypeError, ValueError, OverflowError):
        numbers = (None if v is None else _number(v) for v in values)
        return array.array("d", [math.nan if n is None else n for n in numbers])


class _Columns:
    """Evidence by key, as the library takes it, and what its pointers point to."""

    def __init__(self) -> None:
        self.structs: Any = None
        self.held: List[Any] = []

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[Any]], count: int, missing: bool = False) -> Optional["_Columns"]:
        """None if the values are not of one kind in each column (`missing`: None among them is none there)."""
        out = cls()
        if not 0 < len(columns) <= 64:
            return None
        out.structs = (_Column * len(columns))()
        for struct, (key, values) in zip(out.structs, columns.items()):
            if len(values) != count or not isinstance(key, str):
                return None
            name = _utf8(key)
            struct.key, struct.key_len = name, len(name)
            if not out._put(struct, values, missing):
                return None
        return out

    def _put(self, struct: Any, values: Sequence[Any], missing: bool) -> bool:
        if isinstance(values, array.array) and values.typecode in "dq":
            column: Any = values
        else:
            kinds = set(map(type, values))
            absent = type(None) in kinds
            kinds.discard(type(None))
            if len(kinds) != 1 or (absent and not missing):
                return False
            kind = kinds.pop()
            if kind is str and not absent:
                struct.texts, ends = _texts(values)
                struct.text_ends = _address(ends)
                self.held.append(ends)
                return True
            if kind not in (int, float):
                return False
            none = math.nan if kind is float else _MISSING
            try:
                column = array.array("d" if kind is float else "q", values if not absent else
                                     [none if v is None else v for v in values])
            except OverflowError:
                return False
            if kind is float and not absent and not all(map(math.isfinite, values)):
                return False  # a NaN would read as "none"
        self.held.append(column)
        if column.typecode == "d":
            struct.doubles = _address(column)
        else:
            struct.ints = _address(column)
        return True


def _columns_of(rows: Sequence[Any]) -> Optional[_Columns]:
    """Columns of maps that all have the same keys; None if they are not like that."""
    first = next((r for r in rows if r is not None), None)
    if first.__class__ is not dict or not first:
        return None
    width = len(first)
    missing = None in rows
    columns: Dict[str, List[Any]] = {}
    try:
        if any(r is not None and (r.__class__ is not dict or len(r) != width) for r in rows):
            return None
        for key in first:
            columns[key] = [None if r is None else r[key] for r in rows]
            if missing and any(r is not None and r[key] is None for r in rows):
                return None
    except KeyError:
        return None
    return _Columns.of(columns, len(rows), missing)


def _names_of(items: Sequence[Any], id: Any) -> List[str]:
    if id is None and set(map(type, items)) == {str}:
        return list(items)
    name = _id_getter(id)
    return [name(item, i) for i, item in enumerate(items)]


def _aligned(spec: Any, items: Sequence[Any]) -> Optional[Sequence[Any]]:
    """A value for each item: a list beside them as it is, a name or function applied, a constant repeated."""
    if spec is None:
        return None
    if isinstance(spec, (list, tuple, array.array)) or (hasattr(spec, "__len__") and hasattr(spec, "dtype")):
        if len(spec) != len(items):
            raise ValueError(f"{len(spec)} values for {len(items)} candidates")
        return cast(Sequence[Any], spec.tolist() if hasattr(spec, "dtype") else spec)
    if isinstance(spec, Mapping):
        return [spec] * len(items)
    get = _getter(spec)
    return [get(item, i) for i, item in enumerate(items)]


def _is_columns(evidence: Any, count: int) -> bool:
    """A map from key to as many values as there are candidates."""
    return (evidence.__class__ is dict and bool(evidence) and
            all(isinstance(v, (list, tuple, array.array)) and len(v) == count for v in evidence.values()))


def _usage_of(response: Any) -> Tuple[Optional[str], Dict[str, int]]:
    """Model and tokens as the clients of OpenAI, Anthropic and those alike them return them."""
    usage = _get(response, "usage")
    model = _get(response, "model")
    out: Dict[str, int] = {}
    if usage is None:
        return None, out

    def number(*path: str) -> Optional[int]:
        value: Any = usage
        for name in path:
            value = None if value is None else _get(value, name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    read, write = number("cache_read_input_tokens"), number("cache_creation_input_tokens")
    found = {
        "input": number("prompt_tokens"), "output": number("completion_tokens"), "cache_read": read,
        "cache_write": write, "reasoning": number("completion_tokens_details", "reasoning_tokens"),
    }
    if found["input"] is None and number("input_tokens") is not None:
        # Anthropic counts what the cache had beside the input, we within it.
        found["input"] = (number("input_tokens") or 0) + (read or 0) + (write or 0)
        found["output"] = number("output_tokens")
        found["reasoning"] = number("output_tokens_details", "reasoning_tokens")
    if found["cache_read"] is None:
        found["cache_read"] = number("prompt_tokens_details", "cached_tokens")
        if found["cache_read"] is None:
            found["cache_read"] = number("input_tokens_details", "cached_tokens")
    out.update({key: value for key, value in found.items() if value is not None})
    return str(model) if isinstance(model, str) else None, out


# ---- what is used ----------------------------------------------------------------


def run(pipeline: str, version: Optional[str] = None, **options: Any) -> Run:
    """Begins a run: ``with xray.run("shop", version="1.4", input=...) as run:``. Options: input, tags (a map, or
    "key:value" texts), metadata, id (the application's own), project, session, user, parent (a run)."""
    return Run(pipeline, version, **options)


def start_run(name: str, tags: Any = None, **options: Any) -> Run:
    """Alias of `run`."""
    return Run(name, tags=tags, **options)


def current_run() -> Optional[Run]:
    """The run whose ``with`` we are in, or None."""
    st = _step_var.get()
    found = _run_var.get()
    return st.run if found is None and st is not None else found


def current_step() -> Optional[Step]:
    """The innermost step we are in, or None."""
    return _step_var.get()


get_current_run = current_run
get_current_step = current_step


class _StepMaker:
    """What `step` returns: used with ``with`` it is a step; called with a function, its decorator."""

    def __init__(self, name: Optional[str], kind: Any, parent: Optional[Step], input: Any) -> None:
        self._name, self._kind, self._parent, self._input = name, kind, parent, input
        self._step: Optional[Step] = None

    def __call__(self, function: _F) -> _F:
        return _decorate(function, self._name, self._kind)

    def __enter__(self) -> Step:
        self._step = Step(self._name or "step", self._kind, parent=self._parent, input=self._input)
        return self._step.__enter__()

    def __exit__(self, kind: Any, value: Optional[BaseException], trace: Any) -> None:
        if self._step is not None:
            self._step.__exit__(kind, value, trace)

    async def __aenter__(self) -> Step:
        return self.__enter__()

    async def __aexit__(self, kind: Any, value: Optional[BaseException], trace: Any) -> None:
        self.__exit__(kind, value, trace)


def step(name: Any = None, step_type: Any = None, *, type: Any = None, parent: Optional[Step] = None,
         input: Any = None) -> Any:
    """A step of the current run: as a decorator (``@step``, ``@step(type="llm", name="keywords")``) on a function,
    method, coroutine, generator or asynchronous generator, or as ``with step("name", type="filter") as st:``. Outside
    a run it gets one of its own.

    A generator's step ends when the generator does; how many it gave and when the first came is in its metadata."""
    kind = type if type is not None else step_type
    if callable(name) or isinstance(name, (staticmethod, classmethod)):
        return _decorate(name, None, kind)
    return _StepMaker(name, kind, parent, input)


class _Traced:
    """What a decorator knows of a function."""

    def __init__(self, function: Callable[..., Any], name: Optional[str], kind: Any) -> None:
        self.name: str = name or str(getattr(function, "__name__", "step"))
        self.kind = kind.value if isinstance(kind, enum.Enum) else kind
        self.counts = self.kind in _LIST_TYPES
        try:
            self.signature: Optional[inspect.Signature] = inspect.signature(function)
        except (TypeError, ValueError):
            self.signature = None

    def begin(self, run_: Optional[Run], parent: Optional[Step], args: Tuple[Any, ...],
              kwargs: Dict[str, Any]) -> Step:
        st = Step(self.name, self.kind, run_, parent=parent)
        if st._handle:
            try:
                self._take_arguments(st, args, kwargs)
            except XRayError:
                raise
            except Exception as error:  # noqa: BLE001
                _problem(f"{self.name}: {_type_name(error)}: {error}", error=error)
        return st

    def _take_arguments(self, st: Step, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        given: Dict[str, Any] = {}
        if self.signature is not None:
            try:
                given = dict(self.signature.bind(*args, **kwargs).arguments)
            except TypeError:  # the call itself will say so
                given = {"args": list(args), **kwargs}
        first = next(iter(given), None)
        if first in ("self", "cls"):
            del given[first]
        st.set_input(given)
        if self.counts:
            for value in given.values():
                if isinstance(value, (list, tuple, set, frozenset)):
                    st.set_candidates_in(len(value))
                    break

    def finish(self, st: Step, result: Any) -> None:
        if not st._handle:
            return
        if "outputs" not in st._fields:
            st.set_output(result)
        if self.counts and isinstance(result, (list, tuple, set, frozenset)) and _OUT not in st._given:
            st.set_candidates_out(len(result))
        if self.kind in ("llm", "generate") and _get(result, "usage") is not None:
            st.usage(result)


def _decorate(function: _F, name: Optional[str], kind: Any) -> _F:
    if isinstance(function, (staticmethod, classmethod)):
        return cast(_F, function.__class__(_decorate(function.__func__, name, kind)))
    traced = _Traced(function, name, kind)
    if inspect.isasyncgenfunction(function):
        return cast(_F, _decorate_async_generator(function, traced))
    if inspect.isgeneratorfunction(function):
        return cast(_F, _decorate_generator(function, traced))
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            if not _is_on():
                return await function(*args, **kwargs)
            with traced.begin(None, None, args, kwargs) as st:
                result = await function(*args, **kwargs)
                traced.finish(st, result)
                return result

        return cast(_F, coroutine)

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        if not _is_on():
            return function(*args, **kwargs)
        with traced.begin(None, None, args, kwargs) as st:
            result = function(*args, **kwargs)
            traced.finish(st, result)
            return result

    return cast(_F, plain)


def _is_on() -> bool:
    return get_config().enabled or bool(_captures)


class _Stream:
    """A generator's step: current while the generator's code runs, and only then, whoever drives it, in whatever
    context. No token is kept over a yield."""

    def __init__(self, traced: _Traced, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> None:
        self.traced, self.args, self.kwargs = traced, args, kwargs
        self.run, self.parent = current_run(), current_step()  # of the call, not of the first item
        self.step: Optional[Step] = None
        self.count = 0
        self.texts: List[str] = []
        self.items: List[Any] = []
        self.room = 65536

    def begin(self) -> Step:
        parent = self.parent if self.parent is not None and not self.parent._done else _TOP
        self.step = self.traced.begin(self.run, parent, self.args, self.kwargs)
        self.started = time.monotonic_ns()
        return self.step

    def __enter__(self) -> None:
        """The generator's own code runs."""
        self.before = _run_var.get(), _step_var.get()
        assert self.step is not None
        _run_var.set(self.step.run)
        _step_var.set(self.step)

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        """It has given an item, or ended."""
        _run_var.set(self.before[0])
        _step_var.set(self.before[1])
        if error is not None:
            self.end(None if kind in (StopIteration, StopAsyncIteration) else error)

    def item(self, value: Any) -> None:
        self.count += 1
        assert self.step is not None
        if self.count == 1:
            self.step.add_metadata("first_chunk_ms", round((time.monotonic_ns() - self.started) / 1e6, 3))
        if self.room > 0:
            self.room -= len(value) if isinstance(value, str) else 256
            (self.texts if isinstance(value, str) else self.items).append(value)

    def end(self, error: Optional[BaseException]) -> None:
        st = self.step
        assert st is not None
        st.add_metadata("chunks", self.count)
        if "outputs" not in st._fields and self.count:
            st.set_output("".join(self.texts) if self.texts and not self.items else self.items or self.texts)
        if self.traced.counts and _OUT not in st._given:
            st.set_candidates_out(self.count)
        st._finish(type(error) if error is not None else None, error)


def _decorate_generator(function: Callable[..., Any], traced: _Traced) -> Callable[..., Any]:
    def drive(stream: _Stream) -> Generator[Any, Any, Any]:
        stream.begin()
        inner = function(*stream.args, **stream.kwargs)
        call: Callable[[], Any] = inner.__next__
        while True:
            try:
                with stream:
                    value = call()
            except StopIteration as stop:
                return stop.value
            stream.item(value)
            try:
                call = functools.partial(inner.send, (yield value))
            except GeneratorExit as closed:
                with stream:
                    inner.close()
                stream.end(closed)
                raise
            except BaseException as thrown:
                call = functools.partial(inner.throw, thrown)

    @functools.wraps(function)
    def generator(*args: Any, **kwargs: Any) -> Any:
        return drive(_Stream(traced, args, kwargs)) if _is_on() else function(*args, **kwargs)

    return generator


def _decorate_async_generator(function: Callable[..., Any], traced: _Traced) -> Callable[..., Any]:
    async def drive(stream: _Stream) -> AsyncGenerator[Any, Any]:
        stream.begin()
        inner = function(*stream.args, **stream.kwargs)
        call: Callable[[], Any] = inner.__anext__
        while True:
            try:
                with stream:
                    value = await call()
            except StopAsyncIteration:
                return
            stream.item(value)
            try:
                call = functools.partial(inner.asend, (yield value))
            except GeneratorExit as closed:
                with stream:
                    await inner.aclose()
                stream.end(closed)
                raise
            except BaseException as thrown:
                call = functools.partial(inner.athrow, thrown)

    @functools.wraps(function)
    def generator(*args: Any, **kwargs: Any) -> Any:
        return drive(_Stream(traced, args, kwargs)) if _is_on() else function(*args, **kwargs)

    return generator


def bind(function: _F) -> _F:
    """The function with the context of now, for another thread: ``pool.submit(xray.bind(f), x)``,
    ``loop.run_in_executor(None, xray.bind(f), x)``. May run in several threads at once."""
    context = contextvars.copy_context()

    @functools.wraps(function)
    def bound(*args: Any, **kwargs: Any) -> Any:
        return context.copy().run(function, *args, **kwargs)

    return cast(_F, bound)


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """The standard one; what is submitted runs in the context of who submits it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "concurrent.futures.Future[Any]":
        return super().submit(bind(fn), *args, **kwargs)


def process_candidates(candidates: Iterable[_T], keep: Optional[Callable[[_T], Any]] = None, *,
                       reason: Any = "rejected", id: Any = None, **options: Any) -> List[_T]:
    """`Step.filter` on the current step; without `keep` all are accepted. Outside a step only the filter."""
    test: Callable[[_T], Any] = keep if keep is not None else lambda item: True
    st = current_step()
    if st is None:
        return [item for item in candidates if test(item)]
    return st.filter(candidates, test, reason=reason, id=id, **options)


# ---- names and models of the source documents ------------------------------------


class XRay:
    """A pipeline by its name: ``XRay("shop").run(input=...)``. Addresses and keys of servers are taken and not used.
    `offline_mode`: buffer (as always), drop (silent on errors), strict (raises)."""

    def __init__(self, pipeline: str = "pipeline", version: Optional[str] = None, *, offline_mode: str = "buffer",
                 dir: Optional[str] = None, **options: Any) -> None:
        if offline_mode not in ("buffer", "drop", "strict"):
            raise ValueError(f"offline_mode is buffer, drop or strict, not {offline_mode!r}")
        self.pipeline, self.version = pipeline, version
        unknown = set(options) - set(_SERVER_KEYS)
        if unknown:
            raise TypeError(f"XRay has no option {sorted(unknown)[0]}")
        if options:
            _warn_once(f"{', '.join(sorted(options))}: there is no server; traces are files, so these have no effect",
                       about="server")
        if offline_mode == "strict" or dir is not None:
            values: Dict[str, Any] = {"strict": True} if offline_mode == "strict" else {}
            configure(**values, **({"dir": dir} if dir is not None else {}))

    def run(self, input: Any = None, **options: Any) -> Run:
        """Begins a run of the pipeline."""
        return Run(self.pipeline, options.pop("version", self.version), input=input, **options)

    def sync_offline(self) -> int:
        """Makes sure that all is on the disk. Returns how many bytes the trace has."""
        sync()
        return stats().get("stored_bytes", 0)

    flush = staticmethod(flush)
    close = staticmethod(shutdown)


class RunContext(Run):
    """A run that keeps what was set as `RunModel` and its steps as `StepModel`, in memory."""

    def __init__(self, pipeline_name: str, pipeline_version: Optional[str] = None,
                 metadata: Optional[Mapping[str, Any]] = None, **options: Any) -> None:
        self._steps: List[Any] = []
        super().__init__(pipeline_name, pipeline_version, metadata=metadata, **options)

    @property
    def run(self) -> "RunModel":
        return RunModel(self.pipeline, _time_of(self._started), _time_of(self._ended), self.status, self.version, uuid.UUID(self.id),
                        self._fields.get("metadata"), self._fields.get("outputs"), self._error)

    def _finish(self, kind: Any, value: Optional[BaseException]) -> None:
        super()._finish(kind, value)
        self._steps = [s.step if isinstance(s, StepContext) else _step_model(s) for s in self._steps]

    def step(self, step_name: str, step_type: Any = None, **options: Any) -> "StepContext":  # type: ignore[override]
        return StepContext(step_name, options.pop("type", step_type), self, **options)


class StepContext(Step):
    """A step that can be looked at as a `StepModel`; only within a run."""

    def __init__(self, step_name: str, step_type: Any = None, run_context: Optional[Run] = None,
                 **options: Any) -> None:
        if run_context is None and current_run() is None:
            raise RuntimeError("StepContext must be used within a RunContext")
        super().__init__(step_name, step_type, run_context or current_run(), **options)

    @property
    def step(self) -> "StepModel":
        return _step_model(self)


def _step_model(st: Step) -> "StepModel":
    f = st._fields
    return StepModel(st.name, st.sequence, _time_of(st._started), _time_of(st._ended), st.type, None, uuid.UUID(st.run.id), f.get("inputs"),
                     f.get("outputs"), f.get("reasoning"), f.get("candidates_in"), f.get("candidates_out"), None,
                     f.get("filters_applied"), f.get("metadata"), st._error)


def _milliseconds(start: Optional[datetime.datetime], end: Optional[datetime.datetime]) -> Optional[int]:
    return None if start is None or end is None else int((end - start).total_seconds() * 1000)


@dataclasses.dataclass
class RunModel:
    """A run as data."""

    pipeline_name: str
    start_time: datetime.datetime
    end_time: Optional[datetime.datetime] = None
    status: RunStatus = RunStatus.RUNNING
    pipeline_version: Optional[str] = None
    id: uuid.UUID = dataclasses.field(default_factory=uuid.uuid4)
    metadata: Optional[Dict[str, Any]] = None
    final_output: Optional[Dict[str, Any]] = None
    error: Optional[str] = None

    @property
    def duration_ms(self) -> Optional[int]:
        return _milliseconds(self.start_time, self.end_time)


@dataclasses.dataclass
class StepModel:
    """A step as data."""

    step_name: str
    sequence: int
    start_time: datetime.datetime
    end_time: Optional[datetime.datetime] = None
    step_type: Optional[str] = None
    id: Optional[uuid.UUID] = dataclasses.field(default_factory=uuid.uuid4)
    run_id: Optional[uuid.UUID] = None
    inputs: Optional[Dict[str, Any]] = None
    outputs: Optional[Dict[str, Any]] = None
    reasoning: Optional[str] = None
    candidates_in: Optional[int] = None
    candidates_out: Optional[int] = None
    candidates_data: Optional[Dict[str, Any]] = None
    filters_applied: Optional[Dict[str, Any]] = None
    metadata: Optional[Dict[str, Any]] = None
    error: Optional[str] = None

    @property
    def duration_ms(self) -> Optional[int]:
        return _milliseconds(self.start_time, self.end_time)

    @property
    def reduction_rate(self) -> Optional[float]:
        """The part that fell: 0.0 where none came in, None where a number is missing."""
        if self.candidates_in is None or self.candidates_out is None:
            return None
        return 1.0 - self.candidates_out / self.candidates_in if self.candidates_in else 0.0


@dataclasses.dataclass
class IngestPayload:
    """A run with its steps."""

    run: RunModel
    steps: List[StepModel] = dataclasses.field(default_factory=list)


def _nanoseconds(time_: datetime.datetime) -> int:
    """A time without a zone is UTC."""
    if time_.tzinfo is None:
        time_ = time_.replace(tzinfo=datetime.timezone.utc)
    since = time_ - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (since.days * 86400 + since.seconds) * 1000000000 + since.microseconds * 1000


class XRayClient:
    """What sent runs to a server: writes them to the trace. ``XRayClient()`` alone makes sure of a configuration."""

    def __init__(self, **options: Any) -> None:
        if options:
            configure(**options)
        self.config = get_config()

    def send_run(self, run: RunModel, steps: Sequence[StepModel]) -> bool:
        """Records a run from data. False if it could not be, or tracing is off."""
        if not self.config.enabled or not _is_on():
            return False
        out = Run(run.pipeline_name, run.pipeline_version, id=run.id.hex, metadata=run.metadata, _flags=_NO_CLOCK)
        if not out._handle:
            return False
        for model in steps:
            st = Step(model.step_name, model.step_type, out)
            fields: Tuple[Tuple[Any, Callable[..., Any]], ...] = (
                (model.inputs, st.set_input), (model.outputs, st.set_output), (model.reasoning, st.set_reasoning),
                (model.filters_applied, st.set_filters_applied), (model.candidates_in, st.set_candidates_in),
                (model.candidates_out, st.set_candidates_out), (model.error, st.set_error))
            for value, put in fields:
                if value is not None:
                    put(value)
            for key, entry in (model.metadata or {}).items():
                st.add_metadata(key, entry)
            self._end(st, model.start_time, model.end_time)
        if run.final_output is not None:
            out.set_output(run.final_output)
        if run.error is not None:
            out.set_error(run.error)
        if run.status is not RunStatus.RUNNING:
            out.set_status(run.status)
        return self._end(out, run.start_time, run.end_time)

    @staticmethod
    def _end(scope: _Scope, start: datetime.datetime, end: Optional[datetime.datetime]) -> bool:
        ok = scope._call("set_int", _START, _nanoseconds(start)) >= 0
        if end is not None:
            ok = scope._call("set_int", _END, _nanoseconds(end)) >= 0 and ok
            ok = scope._call("set_int", _DURATION, _nanoseconds(end) - _nanoseconds(start)) >= 0 and ok
        scope.end()
        return ok

    def close(self) -> None:
        """Makes what was sent survive the process."""
        flush()


_client: Optional[XRayClient] = None


def get_client() -> Optional[XRayClient]:
    """The one client, or None if tracing is off."""
    global _client
    if not get_config().enabled:
        return None
    if _client is None:
        _client = XRayClient()
    return _client


def reset_client() -> None:
    """Forgets the client."""
    global _client
    if _client is not None:
        _client.close()
    _client = None


# ---- reading ---------------------------------------------------------------------


_TIMES = ("start", "end", "duration", "time", "from", "to")


class Reader:
    """The records of a store, one dict each: an iterator, and a context manager. Made by `read`.

    Keys are those of the format's JSON lines; times and durations are integers, in nanoseconds. What is damaged is
    passed over, and told in `problems`."""

    def __init__(self, paths: Sequence[str], where: Optional[str], unit: Optional[str], limit: int,
                 reverse: bool) -> None:
        if unit not in _UNITS:
            raise ValueError(f"unit is run, step or cand, not {unit!r}")
        self._lib = _need_library()
        self._pointer: Optional[int] = None
        self.problems: List[str] = []
        expression = None if where is None else _utf8(where)
        options = _SelectOptions(expression, len(expression or b""), _UNITS[unit], limit, reverse)
        names = (ctypes.c_char_p * max(1, len(paths)))(*map(os.fsencode, paths))
        error, pointer = _Error(), ctypes.c_void_p()
        status = self._lib.xray_select_open(ctypes.byref(pointer), names, len(paths), ctypes.byref(options),
                                            ctypes.byref(error))
        if status == _ESYNTAX:
            raise ValueError(error.text())
        if status == -8:
            raise FileNotFoundError(error.text())
        if status < 0:
            raise XRayError(error.text() or f"status {status}")
        self._pointer = pointer.value
        self._close = weakref.finalize(self, self._lib.xray_select_close, pointer.value)

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        return self

    def __next__(self) -> Dict[str, Any]:
        error, line, size = _Error(), ctypes.c_void_p(), ctypes.c_size_t()
        while self._pointer is not None:
            status = self._lib.xray_select_next(self._pointer, ctypes.byref(line), ctypes.byref(size),
                                                ctypes.byref(error))
            if status == 1:
                assert line.value is not None
                record = _decode_json(ctypes.string_at(line.value, size.value).decode())
                for key in _TIMES:
                    if key in record:
                        record[key] = int(record[key])
                return cast(Dict[str, Any], record)
            if status == 0:
                self.close()
            else:
                self.problems.append(error.text())
        raise StopIteration

    def close(self) -> None:
        """Releases the store; the records given stay."""
        if self._pointer is None:
            return
        store = self._lib.xray_select_store(self._pointer)
        for i in range(self._lib.xray_store_problem_count(store)):
            problem = _Problem()
            self._lib.xray_store_problem(store, i, ctypes.byref(problem))
            path, message = (os.fsdecode(problem.path or b""), (problem.message or b"").decode("utf-8", "replace"))
            self.problems.append(f"{path}: byte {problem.pos}: {message}")
        self._pointer = None
        self._close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()

    def to_pandas(self) -> Any:
        """What is left of the records as a pandas DataFrame; needs pandas."""
        import importlib

        return importlib.import_module("pandas").DataFrame(list(self))


def read(path: Union[str, "os.PathLike[str]", Sequence[Any], None] = None, where: Optional[str] = None,
         unit: Optional[str] = None, *, emit: Optional[str] = None, limit: int = 0, reverse: bool = False) -> Reader:
    """Records of a store (a directory, a file, or several; None: the configured one): dicts, as `xray-cat -j` prints.

    `where` is an expression as for the tools (``man xray-query``). Without `unit` each run that matches comes whole:
    its run record, then its steps, each with its candidates, decisions and notes. With `unit` run, step or cand only
    such records come for which the expression holds. `limit`: at most so many (runs, without a unit). `reverse`: the
    newest run first. What this process recorded in the store is flushed first."""
    if path is None:
        path = get_config().dir
    paths = [os.fspath(path)] if isinstance(path, (str, os.PathLike)) else [os.fspath(p) for p in path]
    if _writer is not None and not _captures and _writer.directory in paths:
        flush()  # what this process has written is to be seen
    return Reader(paths, where, unit if unit is not None else emit, limit, reverse)


# ---- testing ---------------------------------------------------------------------


class StepTrace:
    """A step that was recorded, with what happened in it."""

    def __init__(self, record: Dict[str, Any]) -> None:
        self.record = record
        self.candidates: List[Dict[str, Any]] = []
        self.decisions: List[Dict[str, Any]] = []
        self.notes: List[Dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        """Fields of the record; None for what is not there."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self.record.get(name)

    @property
    def reasons(self) -> Dict[str, int]:
        """Of rejections: how often each."""
        return cast(Dict[str, int], self.record.get("reasons", {}))

    def _with(self, verdict: str) -> List[str]:
        return [c["item"] for c in self.candidates if c["verdict"] == verdict]

    @property
    def accepted(self) -> List[str]:
        return self._with("accept")

    @property
    def rejected(self) -> List[str]:
        return self._with("reject")


class RunTrace(StepTrace):
    """A run that was recorded, with its steps."""

    def __init__(self, record: Dict[str, Any]) -> None:
        super().__init__(record)
        self.steps: List[StepTrace] = []


class _Capture:
    """See `testing.capture`."""

    def __init__(self, **config: Any) -> None:
        self._options = config
        self.writer: Optional[_Writer] = None
        self._runs: Optional[List[RunTrace]] = None

    def __enter__(self) -> "_Capture":
        global _config
        lib = _need_library()
        self._saved = _config
        self._directory = tempfile.TemporaryDirectory(prefix="xrayfile-")
        if self._options or not get_config().enabled:
            _config = Config.from_env(**{"enabled": True, **self._options})
        self.writer = _Writer(lib, get_config(), self._directory.name)
        _captures.append(self)
        return self

    def __exit__(self, *exc: Any) -> None:
        global _config
        self._read()
        _captures.remove(self)
        if self.writer is not None:
            self.writer.close(5)
            self.writer = None
        _config = self._saved
        self._directory.cleanup()

    def _read(self) -> None:
        _hand_over()
        if self.writer is not None:
            self.writer.level("xray_writer_flush", 5)
        found: List[RunTrace] = []
        holder: Any = None
        for record in read(self._directory.name):
            kind = record["kind"]
            if kind == "run":
                holder = RunTrace(record)
                found.append(holder)
            elif kind == "step":
                holder = StepTrace(record)
                found[-1].steps.append(holder)
            else:
                getattr(holder, {"cand": "candidates", "decision": "decisions", "note": "notes"}[kind]).append(record)
        self._runs = found

    @property
    def runs(self) -> List[RunTrace]:
        """The runs recorded so far, in order."""
        if self.writer is not None:
            self._read()
        return self._runs or []

    @property
    def run(self) -> RunTrace:
        """The only run. LookupError if there is not exactly one."""
        runs = self.runs
        if len(runs) != 1:
            raise LookupError(f"{len(runs)} runs were recorded, not one")
        return runs[0]

    @property
    def steps(self) -> Dict[str, StepTrace]:
        """The steps of all runs by name; of several of one name the last."""
        return {st.name: st for r in self.runs for st in r.steps}


class testing:
    """For tests of programs that trace."""

    @staticmethod
    def capture(**config: Any) -> _Capture:
        """``with xray.testing.capture() as trace:`` records what is begun within it, in any thread, in a place of its
        own. `trace` has `runs`, `run` (the only one) and `steps` (by name); they stay when it is over."""
        return _Capture(**config)


# ---- OpenTelemetry ---------------------------------------------------------------


class SpanProcessor:
    """Spans of OpenTelemetry as a trace: ``provider.add_span_processor(xray.SpanProcessor("traces"))``. It has the
    methods of the SDK's class of this name and needs nothing of it.

    A trace becomes a run, a span a step. What attributes mean is said in one place, `xray-import`: finished spans
    are gathered as OTLP JSON, and an importer is started on them when there are `batch_bytes` of them, at `force_flush`
    and at `shutdown`. The program waits for it only there. What was gathered and not handed over dies with the
    process. What the configuration wants redacted is left out of the trace."""

    def __init__(self, dir: Optional[str] = None, *, importer: Optional[str] = None, batch_bytes: int = 4 << 20) -> None:
        self._dir = dir if dir is not None else get_config().dir
        self._importer = importer or _find_importer()
        self._config = get_config()
        self._batch_bytes = batch_bytes
        self._lines: List[bytes] = []
        self._bytes = 0
        self._traces: Dict[int, List[bytes]] = {}  # spans of traces whose root is not finished
        self._running: List[Tuple["subprocess.Popen[bytes]", Any]] = []
        self._guard = threading.Lock()
        self.dropped = 0  #: spans that could not be handed over
        self._closed = False
        if self._importer is None:
            _problem("xray-import was not found; spans are not recorded")

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Nothing: spans are written when they are whole."""

    def _on_ending(self, span: Any) -> None:
        """Nothing. Newer versions of the SDK call it on every processor, whether it is of their class or not."""

    def on_end(self, span: Any) -> None:
        """Takes a finished span."""
        if self._closed or self._importer is None:
            self.dropped += 1
            return
        try:
            context = span.get_span_context() if hasattr(span, "get_span_context") else span.context
            line = _utf8(_encode_json({"resourceSpans": [_otlp(span, context, self._config)]}))
            parent = getattr(span, "parent", None)
            with self._guard:
                waiting = self._traces.setdefault(context.trace_id, [])
                waiting.append(line)
                self._bytes += len(line)
                if parent is None or getattr(parent, "is_remote", False):
                    self._lines += self._traces.pop(context.trace_id)
                full = self._bytes >= self._batch_bytes
            if full:
                self._start()
        except XRayError:
            raise
        except Exception as error:  # noqa: BLE001
            self.dropped += 1
            _problem(f"span: {_type_name(error)}: {error}", error=error)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """All spans that are finished are in the trace when this returns True."""
        return self._finish(timeout_millis / 1000)

    def shutdown(self) -> None:
        """`force_flush`; spans that finish later are counted in `dropped`."""
        self._closed = True
        self._finish(30)

    def _start(self) -> None:
        """An importer on what is gathered; a file between us, so that nobody waits."""
        with self._guard:
            lines = self._lines + [line for waiting in self._traces.values() for line in waiting]
            self._lines, self._traces, self._bytes = [], {}, 0
        if not lines or self._importer is None:
            return
        source = tempfile.TemporaryFile()
        try:
            source.write(b"\n".join(lines) + b"\n")
            source.seek(0)
            redact = [f"--redact={self._config._rules}"] if self._config._rules else []
            child = subprocess.Popen([self._importer, "--from=otlp", *redact, "-o", self._dir, "-"], stdin=source,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            with self._guard:
                self._running.append((child, len(lines)))
        except OSError as error:
            self.dropped += len(lines)
            _problem(f"xray-import: {error}", error=error)
        finally:
            source.close()

    def _finish(self, timeout: float) -> bool:
        self._start()
        deadline = time.monotonic() + timeout
        with self._guard:
            running, self._running = self._running, []
        good = True
        for child, count in running:
            try:
                _, message = child.communicate(timeout=max(0.01, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with self._guard:
                    self._running.append((child, count))
                good = False
                continue
            if child.returncode != 0:
                good = False
                self.dropped += count if child.returncode != 3 else 0
                _problem(f"xray-import: {message.decode('utf-8', 'replace').strip()[:500]}", child.returncode)
        return good


def _find_importer() -> Optional[str]:
    """xray-import: $XRAY_IMPORT, beside the library, on the path."""
    chosen = os.environ.get("XRAY_IMPORT")
    if chosen:
        return chosen
    lib = _load()
    if lib is not None:
        here = Path(lib.path).resolve().parent
        for place in (here / "bin" / "xray-import", here.parent / "bin" / "xray-import"):
            if os.access(place, os.X_OK):
                return str(place)
    return shutil.which("xray-import")


def _otlp_value(value: Any, config: Config) -> Dict[str, Any]:
    """An attribute's value as OTLP JSON has it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [_otlp_value(v, config) for v in value]}}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _otlp_attributes(value, config)}}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    return {"stringValue": value if isinstance(value, str) else _brief(value, config._patterns)}


def _otlp_attributes(attributes: Optional[Mapping[str, Any]], config: Config) -> List[Dict[str, Any]]:
    hidden = config._redact
    return [{"key": str(k), "value": {"stringValue": "(redacted)"} if hidden is not None and hidden.search(str(k)) else
             _otlp_value(v, config)} for k, v in (attributes or {}).items()]


def _otlp(span: Any, context: Any, config: Config) -> Dict[str, Any]:
    """A span of the SDK (its class ReadableSpan, or what is like it) as a member of resourceSpans."""
    parent, status = getattr(span, "parent", None), getattr(span, "status", None)
    kind = getattr(getattr(span, "kind", None), "value", getattr(span, "kind", 0)) or 0
    out: Dict[str, Any] = {
        "traceId": f"{context.trace_id:032x}", "spanId": f"{context.span_id:016x}", "name": span.name,
        "kind": int(kind) + 1,  # the SDK counts from 0, OTLP from 1
        "startTimeUnixNano": str(span.start_time), "attributes": _otlp_attributes(span.attributes, config),
        "events": [{"timeUnixNano": str(e.timestamp), "name": e.name, "attributes": _otlp_attributes(e.attributes, config)}
                   for e in getattr(span, "events", None) or ()],
        "links": [{"traceId": f"{link.context.trace_id:032x}", "spanId": f"{link.context.span_id:016x}",
                   "attributes": _otlp_attributes(link.attributes, config)} for link in getattr(span, "links", None) or ()],
    }
    if span.end_time is not None:
        out["endTimeUnixNano"] = str(span.end_time)
    if parent is not None:
        out["parentSpanId"] = f"{parent.span_id:016x}"
    if status is not None:
        code = getattr(status, "status_code", 0)
        out["status"] = {"code": int(getattr(code, "value", code))}
        if getattr(status, "description", None):
            out["status"]["message"] = status.description
    resource = getattr(span, "resource", None)
    scope = getattr(span, "instrumentation_scope", None)
    return {
        "resource": {"attributes": _otlp_attributes(getattr(resource, "attributes", None), config)},
        "scopeSpans": [{"scope": {"name": getattr(scope, "name", None) or "",
                                  "version": getattr(scope, "version", None) or ""}, "spans": [out]}],
    }
