"""Loss surfaces in Python: what the library is lent, and what is put back."""

import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "agent", "python"))
sys.dont_write_bytecode = True

import hypertop  # noqa: E402
from hypertop import _library  # noqa: E402
from hypertop._probe import Probe  # noqa: E402

try:
    import numpy
except ImportError:
    numpy = None
try:
    import torch
except ImportError:
    torch = None


class Silent:
    def __init__(self):
        self.said = []

    def text(self, message, step=None):
        self.said.append(message)


def number():
    import ctypes

    return ctypes.pointer(ctypes.c_double())


@unittest.skipIf(numpy is None, "numpy is not installed")
class Arrays(unittest.TestCase):
    def test_a_probe_sees_the_arrays_themselves_and_keeps_random_states(self):
        w = numpy.arange(6.0).reshape(2, 3)
        probe = Probe(Silent(), [w], lambda: (w**2).sum() + 0 * random.random() * numpy.random.rand(), None, 0)
        row = probe.options.tensors[0]
        self.assertEqual((row.data, row.dims, row.dtype, row.shape[0], row.shape[1]), (w.ctypes.data, 2, 0, 2, 3))
        random.seed(1), numpy.random.seed(2)
        want = random.random(), numpy.random.rand()
        random.seed(1), numpy.random.seed(2)
        out = number()
        self.assertEqual((probe.options.enter(None), probe.options.eval(None, out), probe.options.leave(None)), (0, 0, 0))
        self.assertEqual(out[0], 55.0)
        self.assertEqual((random.random(), numpy.random.rand()), want)

    def test_a_loss_that_raises_is_said_and_not_raised(self):
        said = Silent()
        probe = Probe(said, [numpy.zeros(3)], lambda: 1 / 0, None, 0)
        with self.assertLogs("hypertop", "ERROR"):
            self.assertEqual(probe.options.eval(None, number()), 1)
        self.assertIn("ZeroDivisionError", said.said[0])

    def test_weights_that_cannot_be_lent_are_refused(self):
        for bad in ([numpy.zeros((4, 4))[:, ::2]], [numpy.zeros(3, dtype="int32")], []):
            with self.assertRaises((TypeError, ValueError)):
                Probe(Silent(), bad, lambda: 0, None, 0)

    @unittest.skipIf(_library.load() is None, "libhypertop.so is not built")
    def test_a_trial_takes_the_offer(self):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["HYPERTOP_RUNTIME_DIR"] = folder
            os.chmod(folder, 0o700)
            try:
                with hypertop.init(relay=False) as trial:
                    trial.probe({"w": numpy.ones((2, 2), dtype="float32")}, lambda: 1.0)
                    self.assertFalse(trial.probing)
            finally:
                del os.environ["HYPERTOP_RUNTIME_DIR"]


@unittest.skipIf(torch is None, "torch is not installed")
class Modules(unittest.TestCase):
    def test_a_module_is_evaluated_in_its_mode_and_comes_back(self):
        model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Dropout(0.5)).train()
        x = torch.ones(4, 3)
        before = [p.detach().clone() for p in model.state_dict().values()]
        probe = Probe(Silent(), model, lambda: float(model(x).sum()) + 0 * torch.rand(1).item(), None, 0)
        state, out = torch.get_rng_state(), number()
        self.assertEqual((probe.options.enter(None), probe.options.eval(None, out), probe.options.leave(None)), (0, 0, 0))
        self.assertTrue(torch.equal(state, torch.get_rng_state()))
        self.assertTrue(all(torch.equal(a, b) for a, b in zip(before, model.state_dict().values())))
        self.assertTrue(all(m.training for m in model.modules()))


if __name__ == "__main__":
    unittest.main()
