"""Runs the tests of this directory and ends as the harness wants: "python: N checks, M failed"."""

import os
import sys
import unittest


def main() -> int:
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    suite = loader.loadTestsFromNames(names) if names else loader.discover(os.path.dirname(os.path.abspath(__file__)))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    sys.stdout.flush()
    print(f"python: {result.testsRun} checks, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
