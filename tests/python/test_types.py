"""The module's annotations hold: mypy --strict, where mypy is installed."""

import os
import shutil
import subprocess
import unittest

from support import MODULE


class Types(unittest.TestCase):
    def test_strict(self):
        mypy = shutil.which("mypy")
        if mypy is None:
            self.skipTest("mypy is not installed")
        environment = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONMALLOC")}
        done = subprocess.run([mypy, "--strict", "--python-version", "3.9", "--cache-dir", os.devnull,
                               os.path.join(MODULE, "xrayfile.py")], capture_output=True, text=True, check=False,
                              env=environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
