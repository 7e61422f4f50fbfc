"""Runs the unittest modules of this folder and prints one line a fact, as tests/run reads them."""

import os
import sys
import unittest

sys.dont_write_bytecode = True


class Facts(unittest.TestResult):
    def _name(self, test):
        return test.id().split(".")[-1].replace("test_", "", 1).replace("_", "-")

    def addSuccess(self, test):
        print("ok", self._name(test))

    def addSkip(self, test, reason):
        print("skip", self._name(test), reason)

    def _bad(self, test, error):
        super().addFailure(test, error)
        name = self._name(test) if hasattr(test, "_testMethodName") else str(test)
        print("not ok", name, f"{error[0].__name__}: {error[1]}".replace("\n", " "))
        print(self._exc_info_to_string(error, test))

    addError = addFailure = _bad


here = os.path.dirname(os.path.abspath(__file__))
os.chdir(here)
sys.path.insert(0, here)
result = Facts()
unittest.defaultTestLoader.discover(here).run(result)
sys.exit(0 if result.wasSuccessful() else 1)
