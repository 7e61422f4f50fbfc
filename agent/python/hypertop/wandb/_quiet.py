"""What has no counterpart here: said once, then nothing.

An `Inert` answers every attribute, call, item and iteration, so that a script which uses some corner of W&B
runs on; it is false, empty and equal to itself only.
"""

import logging
import sys
import threading
from typing import Any, Iterator, Set

log = logging.getLogger("hypertop.wandb")
_told: Set[str] = set()
_lock = threading.Lock()
_MOST = 500  # different sentences


def once(sentence: str) -> None:
    """A warning on standard error (or wherever logging goes), once in the life of the process."""
    with _lock:
        if sentence in _told or len(_told) >= _MOST:
            return
        _told.add(sentence)
    if log.hasHandlers():
        log.warning("%s", sentence)
    else:
        print(f"hypertop.wandb: {sentence}", file=sys.stderr)


def unmapped(name: str) -> None:
    once(f"wandb.{name} has no counterpart in hypertop: it does nothing")


class Inert:
    """Stands for anything, does nothing."""

    def __init__(self, *args: Any, **named: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Inert()

    def __call__(self, *args: Any, **named: Any) -> Any:
        # as a decorator it gives back what it decorates
        if len(args) == 1 and not named and callable(args[0]) and not isinstance(args[0], Inert):
            return args[0]
        return Inert()

    def __getitem__(self, key: Any) -> Any:
        return Inert()

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False

    def __contains__(self, key: object) -> bool:
        return False

    def __enter__(self) -> "Inert":
        return self

    def __exit__(self, *what: Any) -> None:
        pass

    def __repr__(self) -> str:
        return "<not kept by hypertop>"


def inert_class(name: str) -> Any:
    """A class of that name whose instances are inert; it may be derived from and asked about with isinstance."""
    return type(name, (Inert,), {})
