"""examples/competitor_selection.py: records what the C program records, and its bug is found in the same way."""

import json
import os
import subprocess
import sys
import unittest

import xrayfile as xray
from support import ROOT, TraceTest

BIN = os.path.join(os.environ["XRAY_BUILD"], "bin")
EXAMPLE = os.path.join(ROOT, "examples", "competitor_selection.py")


def comparable(record):
    """With outputs that are no maps as the C program writes them."""
    output = record.pop("output", None)
    record["output"] = output["result"] if isinstance(output, dict) else output
    return json.dumps(record, sort_keys=True)


class Example(TraceTest):
    maxDiff = None

    def test_same_as_in_c(self):
        other = os.path.join(self._directory.name, "c")
        subprocess.run([sys.executable, EXAMPLE, self.store, "fixed"], check=True)
        subprocess.run([os.path.join(BIN, "competitor_selection"), other, "fixed"], check=True,
                       env={**os.environ, "LD_PRELOAD": ""})
        mine = [comparable(r) for r in self.records()]
        theirs = [comparable(r) for r in xray.read(other)]
        self.assertEqual(len(theirs), 83)
        self.assertEqual(mine, theirs)

    def test_bug_is_found(self):
        if os.environ.get("LD_PRELOAD"):
            self.skipTest("tools with a sanitizer cannot run under that of the interpreter")
        done = subprocess.run(["sh", os.path.join(ROOT, "examples", "debug.sh"), BIN, EXAMPLE], capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("Found: filter_category", done.stdout)
        self.assertIn('B0BOT1  category_mismatch  category="Water bottles" wanted="Water Bottles"', done.stdout)

    def test_usage(self):
        done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage:", done.stderr)


if __name__ == "__main__":
    unittest.main()
