# SPDX-License-Identifier: GPL-2.0
"""Runs the tests beside it: `ok - ...` or `not ok - ...` for each, and why.

Arguments are names of tests, if not all are wanted.
"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


class Lines(unittest.TestResult):
    def line(self, status, test, details=""):
        print(f"{status} - {test.shortDescription() or test.id()}")
        for line in details.splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line("ok", test)

    def addError(self, test, err):
        super().addError(test, err)
        self.line("not ok", test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line("not ok", test, self.failures[-1][1])


def main():
    sys.path[:0] = [HERE, os.path.join(HERE, "../../tools")]
    loader = unittest.TestLoader()
    if sys.argv[1:]:
        tests = loader.loadTestsFromNames(sys.argv[1:])
    else:
        tests = loader.discover(HERE)
    result = Lines()
    tests.run(result)
    if not result.testsRun:
        print("not ok - there are tests")
    return not (result.wasSuccessful() and result.testsRun)


sys.exit(main())
