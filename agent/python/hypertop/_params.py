"""Declared parameters: what they may be, and what they are.

A `Parameter` knows how to ask the library for its value and, without the library, how to find the same value
by itself: the leased one clamped to the range, else the start, else the middle of the range on its scale.
"""

import ctypes
import json
import math
from typing import Any, Dict, List, Optional, Sequence

from . import _library


def utf8(text: str, room: int) -> bytes:
    """At most `room` bytes, cut between characters, up to the first NUL."""
    raw = text.encode("utf-8", "replace").split(b"\0", 1)[0]
    return raw if len(raw) <= room else raw[:room].decode("utf-8", "ignore").encode()


def name_bytes(name: str) -> bytes:
    """A name as the library keeps it: at most 63 bytes."""
    return utf8(name, 63)


def _middle(low: float, high: float, log: bool) -> float:
    if log and low > 0:
        return math.exp(math.log(low) + (math.log(high) - math.log(low)) / 2)
    return low + (high - low) / 2


def _clamp(value: Any, low: Any, high: Any) -> Any:
    return low if value < low else high if value > high else value


class Parameter:
    """One declared parameter. `kind` is "float", "int" or "choice"."""

    kind = ""

    def __init__(self, name: str, live: bool) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError("a parameter needs a name")
        self.name = name
        self.raw = name_bytes(name)
        self.live = live

    def ask(self, lib: Any, handle: Any) -> Any:
        """The value according to the library; the first call declares it there."""
        raise NotImplementedError

    def alone(self, leased: Dict[str, Any]) -> Any:
        """The value without the library."""
        raise NotImplementedError


class Number(Parameter):
    """A float or integer range."""

    def __init__(self, name: str, low: Any, high: Any, default: Any, log: bool, live: bool) -> None:
        super().__init__(name, live)
        if not low <= high:
            raise ValueError(f"parameter {name}: the range [{low}, {high}] is empty")
        if log and low <= 0:
            raise ValueError(f"parameter {name}: a logarithmic range must lie above 0, this one starts at {low}")
        self.low, self.high, self.default, self.log = low, high, default, log
        self.flags = (_library.LOG if log else 0) | (_library.LIVE if live else 0)

    def read(self, value: Any) -> Any:
        """A leased value as this type; None when it is none."""
        raise NotImplementedError

    def middle(self) -> Any:
        """Of the range, on its scale."""
        return _middle(self.low, self.high, self.log)

    def alone(self, leased: Dict[str, Any]) -> Any:
        value = self.read(leased.get(self.name))
        if value is None:
            value = self.middle() if self.default is None else self.default
        return _clamp(value, self.low, self.high)


class Float(Number):
    """A range of floating-point numbers."""

    kind = "float"

    def __init__(self, name: str, low: Any, high: Any, default: Any, log: bool, live: bool) -> None:
        super().__init__(name, float(low), float(high), None if default is None else float(default), log, live)

    def read(self, value: Any) -> Optional[float]:
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return None if math.isnan(number) else number

    def ask(self, lib: Any, handle: Any) -> float:
        start = math.nan if self.default is None else self.default
        return float(lib.ht_float_from(handle, self.raw, self.low, self.high, start, self.flags))


class Int(Number):
    """A range of integers, both ends in it."""

    kind = "int"

    def __init__(self, name: str, low: Any, high: Any, default: Any, log: bool, live: bool) -> None:
        super().__init__(name, int(low), int(high), None if default is None else int(default), log, live)
        if self.low < -(2**63) or self.high >= 2**63:
            raise ValueError(f"parameter {name}: the range does not fit 64 bits")

    def read(self, value: Any) -> Optional[int]:
        try:
            number = value if isinstance(value, int) else float(value)
            return int(number) if int(number) == number else None
        except (TypeError, ValueError, OverflowError):
            return None

    def middle(self) -> int:
        return math.floor(float(super().middle()) + 0.5)

    def ask(self, lib: Any, handle: Any) -> int:
        if self.default is None:
            return int(lib.ht_int(handle, self.raw, self.low, self.high, self.flags))
        start = _clamp(self.default, self.low, self.high)
        return int(lib.ht_int_from(handle, self.raw, self.low, self.high, start, self.flags))


def _label(choice: Any) -> str:
    """A choice as the values of a sweep file arrive: text bare, floats with as many digits as they need, the rest
    as JSON."""
    if isinstance(choice, str):
        return choice
    if isinstance(choice, float) and math.isfinite(choice):
        return next(s for s in (f"{choice:.{digits}g}" for digits in (15, 16, 17)) if float(s) == choice)
    return json.dumps(choice, default=str, separators=(",", ":"))


class Choice(Parameter):
    """One of several values of any kind."""

    kind = "choice"

    def __init__(self, name: str, choices: Sequence[Any], default: Any, live: bool) -> None:
        super().__init__(name, live)
        values = list(choices)
        if not values:
            raise ValueError(f"parameter {name}: there is nothing to choose from")
        if default is not None:
            if default not in values:
                raise ValueError(f"parameter {name}: the default {default!r} is none of the choices")
            values.insert(0, values.pop(values.index(default)))  # the first is what nobody leased
        labels: List[str] = [_label(v) for v in values]
        if len(set(labels)) < len(labels) or "" in labels:
            raise ValueError(f"parameter {name}: its choices need texts that differ and are not empty")
        self.by_label: Dict[bytes, Any] = {utf8(s, 4000): v for s, v in zip(labels, values)}
        self.first = values[0]
        self.flags = _library.LIVE if live else 0
        self.array = (ctypes.c_char_p * len(labels))(*self.by_label)

    def ask(self, lib: Any, handle: Any) -> Any:
        text = lib.ht_choice(handle, self.raw, self.array, len(self.array), self.flags)
        return self.by_label.get(text, self.first)

    def alone(self, leased: Dict[str, Any]) -> Any:
        if self.name not in leased:
            return self.first
        return self.by_label.get(utf8(_label(leased[self.name]), 4000), self.first)
