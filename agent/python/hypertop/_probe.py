"""Loss surfaces: how the library gets at a model's weights, and at the loss with other ones in their place.

NumPy arrays are lent as they are. Torch tensors, wherever they live, are copied to the CPU and back: their memory may
move while training goes on. Around every slice the random states of `random`, NumPy and torch, and the training
mode of the model's modules, are put back to what they were, and so are the weights, bit for bit.
"""

import _thread
import ctypes
import logging
import random
import sys
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple

from . import _library

if TYPE_CHECKING:
    from ._trial import Trial

log = logging.getLogger("hypertop")
DTYPES = ("float64", "float32", "float16", "bfloat16")  # enum ht_dtype


def _dtype(weight: Any) -> int:
    name = str(weight.dtype).rsplit(".", 1)[-1]
    if name not in DTYPES:
        raise TypeError(f"probe: weights of type {weight.dtype}; there are {', '.join(DTYPES)}")
    return DTYPES.index(name)


def _weights(model: Any) -> List[Any]:
    """A module's parameters, a dict's values, a list's items, or the one array."""
    if hasattr(model, "parameters"):
        model = model.parameters()
    elif hasattr(model, "values"):
        model = model.values()
    elif hasattr(model, "dtype"):
        model = [model]
    found = [w for w in model if hasattr(w, "dtype") and hasattr(w, "shape")]
    if not found:
        raise ValueError("probe: there are no weights")
    return found


class _Tensor:
    """One weight and the memory that the library sees."""

    def __init__(self, weight: Any) -> None:
        self.weight = weight
        self.dtype = _dtype(weight)
        self.shape = (ctypes.c_int64 * max(len(weight.shape), 1))(*weight.shape)
        self.staging: Any = None
        if hasattr(weight, "data_ptr"):
            torch = sys.modules["torch"]
            self.staging = torch.empty(tuple(weight.shape), dtype=weight.dtype, device="cpu")
            self.address = self.staging.data_ptr()
        else:
            if not (weight.flags["C_CONTIGUOUS"] and weight.flags["WRITEABLE"]):
                raise ValueError("probe: arrays have to be contiguous and writeable")
            self.address = weight.ctypes.data

    def download(self) -> None:
        if self.staging is not None:
            self.staging.copy_(self.weight.detach())

    def upload(self) -> None:
        if self.staging is not None:
            self.weight.data.copy_(self.staging)


def _random_states() -> List[Tuple[Callable[[Any], Any], Any]]:
    """Pairs of a function and what gives it back."""
    states: List[Tuple[Callable[[Any], Any], Any]] = [(random.setstate, random.getstate())]
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and hasattr(numpy, "random"):
        states.append((numpy.random.set_state, numpy.random.get_state()))
    if torch is not None and hasattr(torch, "get_rng_state"):
        states.append((torch.set_rng_state, torch.get_rng_state()))
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            states.append((torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all()))
    return states


class Probe:
    """What `Trial.probe` offers. Lives as long as the offer."""

    def __init__(
        self, trial: "Trial", model: Any, loss: Callable[[], Any], load: Optional[Callable[[str], Any]], slice_ms: float
    ) -> None:
        self.trial = trial
        self.model = model
        self.loss = loss
        self.reader = load
        self.tensors = [_Tensor(w) for w in _weights(model)]
        self._states: List[Tuple[Callable[[Any], Any], Any]] = []
        self._modes: List[Tuple[Any, bool]] = []
        table = (_library.Tensor * len(self.tensors))()
        for row, t in zip(table, self.tensors):
            row.data, row.shape, row.dims, row.dtype = t.address, t.shape, len(t.weight.shape), t.dtype
        self.options = _library.ProbeOptions(
            size=ctypes.sizeof(_library.ProbeOptions),
            eval=_library.PROBE_EVAL(self._eval),
            load=_library.PROBE_LOAD(self._load) if load is not None else _library.PROBE_LOAD(),
            enter=_library.PROBE_TURN(self._enter),
            leave=_library.PROBE_TURN(self._leave),
            tensors=table,
            n=len(self.tensors),
            slice_ms=slice_ms,
        )
        self._table = table

    def _guard(self, what: str, f: Callable[[], None]) -> int:
        """Nothing may be raised through C."""
        try:
            f()
            return 0
        except KeyboardInterrupt:
            _thread.interrupt_main()
        except BaseException as error:
            log.exception("hypertop: %s failed", what)
            self.trial.text(f"{what} failed: {type(error).__name__}: {error}")
        return 1

    def _eval(self, _: Any, out: Any) -> int:
        def evaluate() -> None:
            for t in self.tensors:
                t.upload()
            torch = sys.modules.get("torch")
            if torch is None or not hasattr(torch, "no_grad"):
                out[0] = float(self.loss())
                return
            with torch.no_grad():
                out[0] = float(self.loss())

        return self._guard("the loss for a probe", evaluate)

    def _load(self, _: Any, path: bytes) -> int:
        def read() -> None:
            assert self.reader is not None
            self.reader(path.decode("utf-8", "surrogateescape"))
            for t in self.tensors:
                t.download()

        return self._guard("reading a checkpoint for a probe", read)

    def _enter(self, _: Any) -> int:
        def save() -> None:
            self._states = _random_states()
            modules = self.model.modules() if hasattr(self.model, "modules") else []
            self._modes = [(m, m.training) for m in modules if hasattr(m, "training")]
            for module, _mode in self._modes:
                module.training = False
            for t in self.tensors:
                t.download()

        return self._guard("making ready for a probe", save)

    def _leave(self, _: Any) -> int:
        def back() -> None:
            for t in self.tensors:
                t.upload()
            for module, mode in self._modes:
                module.training = mode
            for give, state in self._states:
                give(state)
            self._modes, self._states = [], []

        return self._guard("going on after a probe", back)
