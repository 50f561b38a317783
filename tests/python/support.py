"""What the tests of the Python module share: a store of its own for each test, and reading it back."""

import os
import subprocess
import sys
import tempfile
import unittest
import warnings

import xrayfile as xray

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODULE = os.path.join(ROOT, "libxrayfile", "python")


class TraceTest(unittest.TestCase):
    """self.store is configured; self.records() is what is in it."""

    config = {}

    def setUp(self):
        self._directory = tempfile.TemporaryDirectory(prefix="xrayfile-test-")
        self.addCleanup(self._directory.cleanup)
        self.addCleanup(xray.reset_config)
        self.store = os.path.join(self._directory.name, "store")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", xray.XRayWarning)
            xray.configure(**{"dir": self.store, "on_error": "raise", **self.config})

    def records(self, unit=None, where=None):
        return list(xray.read(self.store, where=where, unit=unit))

    def runs(self):
        return self.records("run")

    def steps(self):
        """By name; the last of each."""
        return {s["name"]: s for s in self.records("step")}

    def cands(self, step=None):
        return [c for c in self.records("cand") if step is None or c["step"] == step]


def run_script(text, store, *, timeout=60, expect=0, env=None):
    """Another interpreter that runs `text` with the module imported as xray and configured for the store."""
    head = (f"import sys, os\nsys.path.insert(0, {MODULE!r})\nimport xrayfile as xray\n"
            f"xray.configure(dir={store!r}, on_error='raise')\n")
    done = subprocess.run([sys.executable, "-c", head + text], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(env or {})}, check=False)
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done
