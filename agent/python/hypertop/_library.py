"""Finding libhypertop.so and declaring its functions.

The one place that knows ctypes signatures. Loading never raises: `load()` gives the library, or None and the
sentence in `problem`. Calls that cannot block are made with the interpreter's lock held (PyDLL): that is
cheaper, and it serialises callers, which is what the library asks for. Calls that may wait (open, close,
flush) let other threads run (CDLL).
"""

import ctypes
import ctypes.util
import os
import shutil
from typing import Any, Iterator, Optional, Tuple

FILE = "libhypertop.so"

LOG, LIVE = 1, 2  # enum ht_flags
STOP, PAUSED = 1, 2  # enum ht_action
CMD_NONE, CMD_SET, CMD_PAUSE, CMD_RESUME, CMD_STOP, CMD_CHECKPOINT, CMD_CUSTOM, CMD_RESTORE = range(8)
ALGORITHMS = (  # enum ht_algorithm
    "tsallis_inf",
    "tsallis_inf_rv",
    "ucb1",
    "kl_ucb",
    "thompson",
    "exp3",
    "exp3_ix",
    "ucb_tuned",
    "ucb_discounted",
    "ucb_sliding",
    "elimination",
    "tsallis_cb",
    "chebcb",
    "linucb",
)

# options of bandits that only some algorithms have
BANDIT_MORE = ("context_low", "context_high", "bins", "features", "alpha", "window")


class Options(ctypes.Structure):
    """struct ht_options"""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("program", ctypes.c_char_p),
        ("hub", ctypes.c_char_p),
        ("ring", ctypes.c_char_p),
        ("no_relay", ctypes.c_int),
    ]


class CommandRecord(ctypes.Structure):
    """struct ht_command"""

    _fields_ = [
        ("kind", ctypes.c_int),
        ("id", ctypes.c_int64),
        ("name", ctypes.c_char * 64),
        ("text", ctypes.c_char * 256),
        ("value", ctypes.c_double),
    ]


class BanditOptions(ctypes.Structure):
    """struct ht_bandit_options"""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("name", ctypes.c_char_p),
        ("algorithm", ctypes.c_int),
        ("arms", ctypes.c_int),
        ("labels", ctypes.POINTER(ctypes.c_char_p)),
        ("values", ctypes.POINTER(ctypes.c_double)),
        ("seed", ctypes.c_uint64),
        ("low", ctypes.c_double),
        ("scale", ctypes.c_double),
        ("context_low", ctypes.c_double),
        ("context_high", ctypes.c_double),
        ("bins", ctypes.c_int),
        ("features", ctypes.c_int),
        ("alpha", ctypes.c_double),
        ("window", ctypes.c_int),
    ]


PROBE_EVAL = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_double))
PROBE_LOAD = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)
PROBE_TURN = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class Tensor(ctypes.Structure):
    """struct ht_tensor"""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("dims", ctypes.c_int),
        ("dtype", ctypes.c_int),
    ]


class ProbeOptions(ctypes.Structure):
    """struct ht_probe_options"""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("eval", PROBE_EVAL),
        ("arg", ctypes.c_void_p),
        ("tensors", ctypes.POINTER(Tensor)),
        ("n", ctypes.c_size_t),
        ("load", PROBE_LOAD),
        ("enter", PROBE_TURN),
        ("leave", PROBE_TURN),
        ("slice_ms", ctypes.c_double),
    ]


_P, _S, _I, _U = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint
_L, _D, _N = ctypes.c_int64, ctypes.c_double, ctypes.c_size_t

# name: (result, arguments...); those that may wait are listed in _WAITS
_SIGNATURES: "dict[str, Tuple[Any, ...]]" = {
    "ht_open": (_P, ctypes.POINTER(Options)),
    "ht_close": (None, _P),
    "ht_flush": (_I, _P, _I),
    "ht_status": (_I, _P),
    "ht_dropped": (ctypes.c_uint64, _P),
    "ht_strerror": (_S, _I),
    "ht_version": (_S,),
    "ht_seed": (_L, _P, _L),
    "ht_trial": (_L, _P),
    "ht_float": (_D, _P, _S, _D, _D, _U),
    "ht_float_from": (_D, _P, _S, _D, _D, _D, _U),
    "ht_int": (_L, _P, _S, _L, _L, _U),
    "ht_int_from": (_L, _P, _S, _L, _L, _L, _U),
    "ht_choice": (_S, _P, _S, ctypes.POINTER(_S), _N, _U),
    "ht_log": (_I, _P, _S, _L, _D),
    "ht_log_many": (_I, _P, _N, _P, _L, _S),  # names by address, values as packed bytes
    "ht_text": (_I, _P, _L, _S),
    "ht_report": (_I, _P, _L, _D),
    "ht_poll_for": (_I, _P, _P, _I),
    "ht_step": (None, _P, _L),
    "ht_checkpoint": (_I, _P, _S, _L),
    "ht_answer": (_I, _P, _L, _I, _S),
    "ht_restore": (_S, _P),
    "ht_restores": (None, _P),
    "ht_probe": (_I, _P, ctypes.POINTER(ProbeOptions)),
    "ht_probing": (_I, _P),
    "ht_pq_index": (_D, _P, _N, _D, _D),
    "ht_bandit_open": (_P, _P, ctypes.POINTER(BanditOptions)),
    "ht_bandit_choose_in": (_I, _P, _D, ctypes.POINTER(_D)),
    "ht_bandit_reward": (_I, _P, _D),
    "ht_bandit_close": (None, _P),
}
_WAITS = ("ht_open", "ht_close", "ht_flush")


class Library:
    """libhypertop with its functions as attributes."""

    def __init__(self, path: str) -> None:
        held, free = ctypes.PyDLL(path), ctypes.CDLL(path)
        self.path = path
        for name, (result, *arguments) in _SIGNATURES.items():
            function = getattr(free if name in _WAITS else held, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:  # for type checkers: the attributes are set above
        raise AttributeError(name)


def _candidates() -> Iterator[str]:
    """Where the library may be: the package, the build tree, beside the programs."""
    package = os.path.dirname(os.path.abspath(__file__))
    yield os.path.join(package, FILE)
    yield os.path.join(package, os.pardir, os.pardir, os.pardir, "build", FILE)
    agent = os.environ.get("HYPERTOP_AGENT") or shutil.which("hypertop-agent")
    if agent:
        folder = os.path.dirname(os.path.realpath(agent))
        yield os.path.join(folder, FILE)
        yield os.path.join(folder, os.pardir, "lib", FILE)


def _find() -> str:
    """A path or name to load; raises OSError with the sentence for the user."""
    told = os.environ.get("HYPERTOP_LIB")
    if told:
        if os.path.isfile(told):
            return told
        raise OSError(f"HYPERTOP_LIB names {told}, which is no file")
    for path in _candidates():
        if os.path.isfile(path):
            return path
    found = ctypes.util.find_library("hypertop")
    if found:
        return found
    raise OSError(f"{FILE} was not found: set HYPERTOP_LIB to its path, or install hypertop (make install)")


problem: Optional[str] = None
_loaded: Optional[Library] = None


def load() -> Optional[Library]:
    """The library; None when it cannot be had, with the reason in `problem`. Looks once."""
    global _loaded, problem
    if _loaded is None and problem is None:
        try:
            path = _find()
            _loaded = Library(path)
        except AttributeError as missing:
            problem = f"{path} is older than this package (it lacks {missing}): install both from one version"
        except OSError as error:
            problem = str(error)
    return _loaded
