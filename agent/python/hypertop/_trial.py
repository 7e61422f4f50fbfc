"""The training process's end of a run.

A `Trial` is a thin layer over one agent of the C library. It never raises in the middle of training (wrong
arguments of a declaration excepted), never blocks but for a pause and at most half a second at the end, and
is inert where it must not talk: with HYPERTOP_DISABLE=1, without the library, in forked children, and in
ranks above 0. An inert trial has values all the same: those of the lease, else the same defaults.
"""

import atexit
import builtins  # within Trial, float and int are its methods
import ctypes
import logging
import math
import operator
import os
import struct
import threading
import time
import weakref
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar, Union

from . import _lease, _library
from ._bandit import Bandit
from ._commands import KINDS, Command, as_call
from ._params import Choice, Float, Int, Parameter, name_bytes, utf8
from ._probe import Probe

log = logging.getLogger("hypertop")
F = TypeVar("F", bound=Callable[..., Any])

PAUSE_TURN = 0.02  # seconds between two looks during a pause; signals are served in between
CACHED = 2048  # names and shapes kept; the library has room for 1024 names

_open_trials: "weakref.WeakSet[Trial]" = weakref.WeakSet()
_warned_missing = False


def _library_or_warning() -> Any:
    global _warned_missing
    lib = _library.load()
    if lib is None and not _warned_missing:
        _warned_missing = True
        log.warning("hypertop is inert: %s", _library.problem)
    return lib


def _open(lib: Any, program: Optional[str], hub: Optional[str], ring: Optional[str], relay: bool, alone: bool) -> Any:
    """An agent, or None when it would be inert. alone: not through the ring that a worker made."""
    options = _library.Options(size=ctypes.sizeof(_library.Options), no_relay=0 if relay else 1)
    options.program = program.encode("utf-8", "replace") if program else None
    options.hub = os.fsencode(hub) if hub else None
    options.ring = os.fsencode(ring) if ring else None
    leased = os.environ.pop("HYPERTOP_RING", None) if alone else None
    try:
        handle = lib.ht_open(ctypes.byref(options))
    finally:
        if leased is not None:
            os.environ["HYPERTOP_RING"] = leased
    if lib.ht_status(handle) == 0:
        return handle
    lib.ht_close(handle)
    return None


class _Names(Dict[str, bytes]):
    """Metric names as bytes; the same object each time, which the library recognises by its address."""

    def __missing__(self, name: str) -> bytes:
        if len(self) >= CACHED:
            self.clear()
        raw = self[name] = name_bytes(name)
        return raw


class _Shape:
    """The names of a dict of metrics, packed once: how many, an array of them, a packer for the values."""

    def __init__(self, names: Sequence[bytes]) -> None:
        self.array = (ctypes.c_char_p * len(names))(*names)
        self.parts = (len(names), ctypes.addressof(self.array), struct.Struct(f"{len(names)}d").pack)


def _leaves(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[Tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value


class Trial:
    """One run. `hypertop.init()` makes it; use it as a context manager, or `close()` it, or let the
    interpreter's end do so.

    Declared parameters are attributes (`trial.lr`), items (`trial["lr"]`) and in `trial.params`. Those that are
    live change at safe points only: `poll()`, and looking at `should_stop`."""

    def __init__(
        self,
        program: Optional[str] = None,
        hub: Optional[str] = None,
        *,
        ring: Optional[str] = None,
        seed: int = 0,
        relay: bool = True,
        all_ranks: bool = False,
    ) -> None:
        self.rank = _lease.rank()
        self._h: Any = None
        self._lib: Any = None
        self._params: Dict[str, Parameter] = {}
        self._values: Dict[str, Any] = {}
        self._bandits: List[Bandit] = []
        self._probe: Optional[Probe] = None
        self._changed: Dict[str, List[Callable[[Any, Any], None]]] = {}
        self._verbs: Dict[str, Callable[..., Any]] = {}
        self._save: Optional[Callable[[builtins.int], Any]] = None
        self._load: Optional[Callable[[str], Any]] = None
        self._waiting: List[Command] = []
        self._told: "set[str]" = set()
        self._names = _Names()
        self._shapes: Dict[Tuple[Any, ...], Tuple[int, int, Callable[..., bytes]]] = {}
        self._keep: List[_Shape] = []
        self._step: Optional[int] = None  # as the program said
        self._count = -1  # of the calls without one
        self._stop = False
        self._turn = threading.Lock()
        self._seed = seed
        self._leased = _lease.params()
        self._id: Optional[int] = _lease.number("HYPERTOP_TRIAL")
        if os.environ.get("HYPERTOP_DISABLE", "0") in ("", "0"):
            self._lib = _library_or_warning()
        if self._lib is not None and (self.rank == 0 or all_ranks):
            if self.rank:
                program = f"{program or 'python'} rank {self.rank}"
            self._h = _open(self._lib, program, hub, ring, relay, alone=self.rank > 0 and ring is None)
        self._connect(seed)

    def _connect(self, seed: int) -> None:
        lib = self._lib
        self._command = _library.CommandRecord()
        self._command_ref = ctypes.addressof(self._command)
        if self._h is None:
            leased = _lease.number("HYPERTOP_SEED")
            self._seed = seed if leased is None else leased
            self._log_one: Callable[..., Any] = _nothing
            self._log_many: Callable[..., Any] = _nothing
            return
        self._opener = threading.get_ident()
        self._log_one, self._log_many, self._poll_for = lib.ht_log, lib.ht_log_many, lib.ht_poll_for
        self._seed = lib.ht_seed(self._h, seed)
        trial = lib.ht_trial(self._h)
        self._id = None if trial < 0 else trial
        _open_trials.add(self)

    # ---- what it is ----

    @property
    def live(self) -> bool:
        """True while what is logged goes somewhere; False: everything is an inert no-op."""
        return self._h is not None

    @property
    def id(self) -> Optional[int]:
        """The trial's number in its sweep; None when nobody leased this run."""
        return self._id

    @property
    def seed(self) -> builtins.int:
        """The seed of this run, as leased; else what `init(seed=)` was given."""
        return self._seed

    @property
    def step(self) -> builtins.int:
        """Where training stands: the last step given, or the number of `log` calls without one."""
        return max(self._count, 0) if self._step is None else self._step

    @step.setter
    def step(self, step: int) -> None:
        self._step = _integer(step, self.step)
        if self._h is not None:
            self._lib.ht_step(self._h, self._step)

    @property
    def dropped(self) -> builtins.int:
        """Points that found no room so far."""
        return int(self._lib.ht_dropped(self._h)) if self._h is not None else 0

    @property
    def params(self) -> Dict[str, Any]:
        """A copy of every declared parameter's value."""
        return dict(self._values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no parameter {name!r} was declared: trial.float({name!r}, low, high) does")

    def __repr__(self) -> str:
        return f"<hypertop.Trial {'live' if self.live else 'inert'} id={self._id} {self._values}>"

    # ---- parameters ----

    def float(
        self,
        name: str,
        low: builtins.float,
        high: builtins.float,
        *,
        default: Optional[builtins.float] = None,
        log: bool = False,
        live: bool = False,
    ) -> builtins.float:
        """Declares a number in [low, high] and returns its value: the leased one, else `default`, else the middle of
        the range. log: on a logarithmic scale. live: people may change it while the program runs."""
        value: builtins.float = self._declare(Float(name, low, high, default, log, live))
        return value

    def int(
        self,
        name: str,
        low: builtins.int,
        high: builtins.int,
        *,
        default: Optional[builtins.int] = None,
        log: bool = False,
        live: bool = False,
    ) -> builtins.int:
        """The same for an integer; both ends belong to the range."""
        value: builtins.int = self._declare(Int(name, low, high, default, log, live))
        return value

    def choice(self, name: str, choices: Sequence[Any], *, default: Any = None, live: bool = False) -> Any:
        """Declares one of several values of any kind; the default is the first."""
        return self._declare(Choice(name, choices, default, live))

    def _declare(self, new: Parameter) -> Any:
        known = self._params.get(new.name)
        if known is not None:
            if known.kind != new.kind:
                raise ValueError(f"parameter {new.name} was declared as {known.kind}, now as {new.kind}")
            return self._values[new.name]
        self._params[new.name] = new
        value = new.ask(self._lib, self._h) if self._h is not None else new.alone(self._leased)
        self._put(new.name, value)
        return value

    def _put(self, name: str, value: Any) -> None:
        self._values[name] = value
        if name.isidentifier() and not name.startswith("_") and not hasattr(type(self), name):
            self.__dict__[name] = value

    def on_change(self, name: str) -> Callable[[F], F]:
        """Decorator: call `f(value, old)` when people change the live parameter `name`, within the safe point."""

        def register(f: F) -> F:
            self._changed.setdefault(name, []).append(f)
            return f

        return register

    # ---- logging ----

    def log(
        self, metrics: Union[str, Mapping[str, Any]], value: Any = None, step: Optional[builtins.int] = None
    ) -> None:
        """Logs one value, `log("loss", 0.3, step=7)`, or several, `log({"loss": 0.3, "acc": 0.9}, step=7)`.

        Values are whatever makes a float: numbers, numpy scalars, tensors of one element; NaN and infinities are
        kept. Nested dicts get names with slashes. Without a step it is the last one given, or, when none ever was,
        one more for each call. What is no number is left out, with one warning for its name. Any thread may log."""
        if step is None:
            step = self._next_step(metrics, value)
        else:
            self._step = step
        try:
            if metrics.__class__ is str:
                self._log_one(self._h, self._names[metrics], step, value)
            else:
                n, names, pack = self._shapes[tuple(metrics)]
                self._log_many(self._h, n, names, step, pack(*metrics.values()))  # type: ignore[union-attr]
        except Exception:
            self._log_slowly(metrics, value, step)

    def _next_step(self, metrics: Any, value: Any) -> Any:
        if value is not None and not isinstance(metrics, str):
            self._step = value  # log({...}, 7)
        if self._step is not None:
            return self._step
        self._count += 1
        return self._count

    def _log_slowly(self, metrics: Any, value: Any, step: Any) -> None:
        """Shapes seen for the first time, and whatever is not plainly names and floats."""
        step = _integer(step, max(self._count, 0))
        if self._step is not None:
            self._step = step
        try:
            pairs = [(metrics, value)] if isinstance(metrics, str) else list(_leaves(metrics))
        except Exception:
            self._tell(f"log() takes a name and a value or a dict, not {type(metrics).__name__}")
            return
        good = [(k, v) for k, v in ((k, self._number(k, v)) for k, v in pairs) if v is not None]
        if not good:
            return
        shape = _Shape([self._names[k] for k, _ in good])
        n, names, pack = shape.parts
        self._log_many(self._h, n, names, step, pack(*[v for _, v in good]))
        plain = not isinstance(metrics, str) and len(good) == len(metrics) and all(type(k) is str for k in metrics)
        if plain and not any(hasattr(v, "detach") for v in metrics.values()):  # torch warns when __float__ meets a gradient
            if len(self._keep) >= CACHED:
                self._shapes.clear()
                self._keep.clear()
            self._shapes[tuple(metrics)] = shape.parts
            self._keep.append(shape)

    def _number(self, name: str, value: Any) -> Optional[Any]:
        try:
            if not isinstance(value, (str, bytes)):
                return float(value.detach() if hasattr(value, "detach") else value)
        except Exception:
            pass
        self._tell(f"metric {name} is left out: {type(value).__name__} is not a number")
        return None

    def _tell(self, sentence: str) -> None:
        """A warning, once."""
        if sentence not in self._told and len(self._told) < CACHED:
            self._told.add(sentence)
            log.warning("hypertop: %s", sentence)

    def text(self, message: Any, step: Optional[builtins.int] = None) -> None:
        """A remark for the run's log; at most 4000 bytes of it are kept."""
        if self._h is not None:
            self._lib.ht_text(self._h, _integer(step, self.step), utf8(str(message), 4000))

    def report(self, value: Any, step: Optional[builtins.int] = None) -> bool:
        """The objective at a step (the fidelity). Returns True when the run should end."""
        number = self._number("report()", value)
        if step is not None:
            self._step = _integer(step, self.step)
        if self._h is not None and number is not None:
            if self._lib.ht_report(self._h, self.step, number) == _library.STOP:
                self._stop = True
        return self._stop

    # ---- safe points ----

    @property
    def should_stop(self) -> bool:
        """A safe point, then: True when the run should end, because a tuner or a person says so."""
        self._safe_point(None)
        return self._stop

    @property
    def stopped(self) -> bool:
        """What `should_stop` said last, without a safe point; any thread may look."""
        return self._stop

    def poll(self) -> List[Command]:
        """A safe point: live parameters change, a pause is waited out, handlers run. Returns the commands that no handler
        took; those that need an answer are to be answered before the next safe point."""
        out: List[Command] = []
        self._safe_point(out)
        return out

    def command(self, verb: str) -> Callable[[F], F]:
        """Decorator: the handler of a command of the program's own, a verb that hypertop itself does not know. It gets the
        arguments, and what it returns is the answer; an exception rejects the command and goes no further."""

        def register(f: F) -> F:
            self._verbs[verb] = f
            return f

        return register

    def on_checkpoint(self, f: F) -> F:
        """Decorator: `f(step)` writes a checkpoint when people ask for one and returns its path."""
        self._save = f
        return f

    def on_restore(self, f: F) -> F:
        """Decorator: `f(path)` takes over a checkpoint while the program runs, another trial's perhaps. Without it the program
        is ended and started again with `restore_path`."""
        self._load = f
        if self._h is not None:
            self._lib.ht_restores(self._h)
        return f

    @property
    def restore_path(self) -> Optional[str]:
        """The checkpoint that this run should begin from: it was held, or takes over another trial's. None: from scratch."""
        path = self._lib.ht_restore(self._h) if self._h is not None else None
        return os.fsdecode(path) if path else None

    def checkpoint(self, path: Any, step: Optional[builtins.int] = None) -> None:
        """Says that a checkpoint was written; answers a request for one."""
        if self._h is not None:
            self._lib.ht_checkpoint(self._h, os.fsencode(path), _integer(step, self.step))
        for c in self._waiting:
            c.answered = c.answered or c.kind == "checkpoint"

    def sync(self, broadcast: Callable[[Any], Any]) -> bool:
        """Gives every rank the values and the stop of rank 0. `broadcast` is called in every rank with an object and
        returns that of rank 0. Returns True when the run should end. See `hypertop.torch.sync`."""
        self._safe_point(None)
        values, stop = broadcast((self._values, self._stop))
        self._stop = self._stop or bool(stop)
        if self.rank:
            for name, value in values.items():
                if name in self._values and self._values[name] != value:
                    self._change(name, value)
        return self._stop

    def _safe_point(self, out: Optional[List[Command]]) -> None:
        if self._h is None or not self._turn.acquire(False):  # a handler, or another thread, is at it
            return
        try:
            if self._waiting:
                self._reject_waiting()
            if self._step is not None and threading.get_ident() != self._opener:
                self._lib.ht_step(self._h, _integer(self._step, 0))
            while self._h is not None:
                action = self._poll_for(self._h, self._command_ref, 0)
                if action == _library.PAUSED:
                    time.sleep(PAUSE_TURN)
                    continue
                if action == _library.STOP:
                    self._stop = True
                    return
                if self._command.kind == _library.CMD_NONE:
                    return
                self._take(self._command, out)
        finally:
            self._turn.release()

    def _take(self, c: _library.CommandRecord, out: Optional[List[Command]]) -> None:
        name, text = (raw.decode("utf-8", "replace") for raw in (c.name, c.text))
        command = Command(self, KINDS[c.kind], c.id, name, text, c.value)
        if command.kind == "set" and name in self._params:
            self._change(name, self._params[name].ask(self._lib, self._h))
        elif command.kind == "checkpoint" and self._save is not None:
            self._run(command, self._save_now)
        elif command.kind == "restore" and self._load is not None:
            self._run(command, self._load_now)
        elif command.kind == "custom" and name in self._verbs:
            self._run(command, self._obey)
        elif out is None and not command.answered:
            command.answer(False, "the program takes no such requests" if not name else f"the program knows no {name}")
        if out is not None and (command.answered is False or command.kind in ("set", "resume")):
            out.append(command)
            if not command.answered:
                self._waiting.append(command)

    def _change(self, name: str, value: Any) -> None:
        old = self._values.get(name)
        self._put(name, value)
        for f in self._changed.get(name, ()):
            try:
                f(value, old)
            except Exception as error:
                log.exception("hypertop: what should follow a change of %s failed", name)
                self.text(f"what should follow a change of {name} failed: {type(error).__name__}: {error}")

    def _run(self, command: Command, f: Callable[[Command], None]) -> None:
        try:
            f(command)
        except Exception as error:
            log.exception("hypertop: command %s failed", command.name or command.kind)
            command.answer(False, f"{type(error).__name__}: {error}")

    def _save_now(self, command: Command) -> None:
        path = self._save(self.step) if self._save is not None else None
        if path:
            self.checkpoint(path)
            command.answered = True
        command.answer(False, "the program wrote no checkpoint")

    def _load_now(self, command: Command) -> None:
        if self._load is not None:
            self._load(command.text)
        command.answer(True)

    def _obey(self, command: Command) -> None:
        args, named = as_call(command.args)
        result = self._verbs[command.name](*args, **named)
        command.answer(True, "" if result is None else str(result))

    def _answer(self, command: Command, ok: bool, message: str) -> None:
        if command.answered:
            return
        command.answered = True
        if self._h is not None:
            self._lib.ht_answer(self._h, command.id, 1 if ok else 0, utf8(str(message), 255))

    def _reject_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            command.answer(False, "the program did not answer")

    # ---- bandits ----

    def bandit(
        self,
        name: str,
        arms: Union[builtins.int, Sequence[Any]],
        *,
        algorithm: str = "tsallis_inf",
        labels: Optional[Sequence[str]] = None,
        seed: Optional[builtins.int] = None,
        low: builtins.float = 0.0,
        scale: builtins.float = 0.0,
        **more: builtins.float,
    ) -> Bandit:
        """An in-process bandit over so many arms, or over the values in `arms`. Algorithms: tsallis_inf,
        tsallis_inf_rv, ucb1, ucb_tuned, kl_ucb, thompson, exp3, exp3_ix, elimination; for costs that drift
        ucb_discounted, ucb_sliding (window=); by the context given to choose() tsallis_cb (bins=), chebcb
        (features=), linucb (alpha=), between context_low= and context_high=. With scale 0 any positive cost
        will do; else (cost - low) / scale should lie in [0, 1]."""
        chosen = self._seed if seed is None else seed
        b = Bandit(self._lib, self._h, name, arms, algorithm, labels, chosen, low, scale, **more)
        self._bandits.append(b)
        return b

    # ---- loss surfaces ----

    def probe(
        self,
        model: Any,
        loss: Callable[[], Any],
        *,
        load: Optional[Callable[[str], Any]] = None,
        slice_ms: builtins.float = 0.0,
    ) -> None:
        """Offers the loss on planes through the model's weights, for `hypertop send probe`. model: a torch module,
        or arrays or tensors in a list or dict. loss(): the loss with the weights that the model has then, as a number;
        torch modules are in evaluation mode, and nothing is recorded for gradients. load(path): puts the weights of
        a checkpoint into the model. It is called at safe points, slice_ms (20) at a time; weights and random
        states are then what they were."""
        if self._h is None:
            return
        offer = Probe(self, model, loss, load, slice_ms)
        code = self._lib.ht_probe(self._h, ctypes.byref(offer.options))
        if code != 0:
            raise ValueError(f"probe: {self._lib.ht_strerror(code).decode()}")
        self._probe = offer  # the library calls into it

    @property
    def probing(self) -> bool:
        """True while a loss surface is being evaluated: a program that has finished may go on polling until it is done."""
        return self._h is not None and bool(self._lib.ht_probing(self._h))

    # ---- the end ----

    def flush(self, timeout: builtins.float = 0.5) -> bool:
        """Waits at most `timeout` seconds until everything was taken from the ring; True when it was."""
        return self._h is None or self._lib.ht_flush(self._h, int(timeout * 1000)) == 0

    def close(self) -> None:
        """The end of the run: waits at most half a second for what was logged to be taken. Later calls do nothing."""
        handle = self._h
        if handle is None:
            return
        self._reject_waiting()
        self._leave()
        for b in self._bandits:
            b._lost()
        self._lib.ht_close(handle)

    def _leave(self) -> None:
        """From here on inert."""
        self._h = None
        self._log_one = self._log_many = _nothing
        _open_trials.discard(self)

    def _forked(self) -> None:
        """In a child: the ring is not mapped here, and another thread of the parent may have been at a safe point."""
        self._turn = threading.Lock()
        self._leave()

    def __enter__(self) -> "Trial":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if kind is not None and not issubclass(kind, (SystemExit, KeyboardInterrupt)):
            self.text(f"ended by {kind.__name__}: {error}")
        self.close()


def _nothing(*_: Any) -> None:
    """Logging on an inert trial."""


def _integer(value: Any, absent: int) -> int:
    """A step as 64 bits: what is none becomes `absent`."""
    try:
        number = operator.index(value)
    except TypeError:
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            return absent
    return number if -(2**63) <= number < 2**63 else absent


def _forked() -> None:
    for trial in list(_open_trials):
        trial._forked()


@atexit.register
def _close_all() -> None:
    for trial in list(_open_trials):
        trial.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
