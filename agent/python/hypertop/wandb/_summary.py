"""Summary and definitions of metrics: what stands for a run at its end.

A metric's summary is its last value, or what define_metric asked for; what a program sets itself stays.
"""

import fnmatch
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

AGGREGATES = ("min", "max", "mean", "last", "first", "best", "copy", "none")


class Metric:
    """One definition: a name or a pattern (with *), what to summarise by, the metric that is its x axis."""

    def __init__(
        self, name: str, step_metric: Optional[str], summary: Tuple[str, ...], goal: Optional[str], sync: bool
    ) -> None:
        self.name = name
        self.step_metric = step_metric
        self.summary = summary
        self.goal = goal
        self.step_sync = sync


class Metrics:
    """All definitions; an exact name wins over a pattern, a later pattern over an earlier one."""

    def __init__(self) -> None:
        self._exact: Dict[str, Metric] = {}
        self._patterns: List[Metric] = []
        self._found: Dict[str, Optional[Metric]] = {}

    def define(self, metric: Metric) -> None:
        self._found.clear()
        if "*" in metric.name:
            self._patterns.append(metric)
        else:
            self._exact[metric.name] = metric

    def __bool__(self) -> bool:
        return bool(self._exact or self._patterns)

    def of(self, name: str) -> Optional[Metric]:
        if name not in self._found:
            match = (m for m in reversed(self._patterns) if fnmatch.fnmatchcase(name, m.name))
            self._found[name] = self._exact.get(name) or next(match, None)
        return self._found[name]


class Summary:
    """A mapping that is also attributes. `told` is called when the program itself sets a value."""

    def __init__(self, told: Callable[[str, Any], None]) -> None:
        self.__dict__.update(_items={}, _told=told, _set=set(), _sums={})

    def _logged(self, name: str, value: Any, metric: Optional[Metric]) -> None:
        """A value of the history."""
        items: Dict[str, Any] = self.__dict__["_items"]
        if name in self.__dict__["_set"]:
            return
        if metric is None or not metric.summary:
            items[name] = value
            return
        before = items.get(name)
        kept: Dict[str, Any] = before if isinstance(before, dict) else {}
        for kind in metric.summary:
            if kind in ("last", "copy"):
                kept["last"] = value
            elif kind == "first":
                kept.setdefault("first", value)
            elif kind == "mean":
                count, total = self.__dict__["_sums"].get(name, (0, 0.0))
                self.__dict__["_sums"][name] = (count + 1, total + value)
                kept["mean"] = (total + value) / (count + 1)
            elif kind in ("min", "max", "best"):
                lowest = kind == "min" or (kind == "best" and (metric.goal or "minimize").startswith("min"))
                old = kept.get(kind)
                if old is None or old != old or (value < old if lowest else value > old):
                    kept[kind] = value
        if "none" not in metric.summary:
            items[name] = kept

    def _put(self, name: str, value: Any) -> None:
        self.__dict__["_items"][name] = value
        self.__dict__["_set"].add(name)
        self.__dict__["_told"](name, value)

    def update(self, d: Optional[Any] = None, **more: Any) -> None:
        for name, value in {**dict(d or {}), **more}.items():
            self._put(str(name), value)

    def get(self, name: str, default: Any = None) -> Any:
        return self.__dict__["_items"].get(name, default)

    def keys(self) -> List[str]:
        return list(self.__dict__["_items"])

    def items(self) -> List[Tuple[str, Any]]:
        return list(self.__dict__["_items"].items())

    def values(self) -> List[Any]:
        return list(self.__dict__["_items"].values())

    def _as_dict(self) -> Dict[str, Any]:
        return dict(self.__dict__["_items"])

    def __getitem__(self, name: str) -> Any:
        return self.__dict__["_items"][name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._put(str(name), value)

    def __delitem__(self, name: str) -> None:
        del self.__dict__["_items"][name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_items"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._put(name, value)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__["_items"]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.__dict__["_items"])

    def __repr__(self) -> str:
        return str(self.__dict__["_items"])
