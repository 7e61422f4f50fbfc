"""In-process bandits: a parameter that is chosen thousands of times within one run."""

import ctypes
import math
import random
from typing import Any, List, Mapping, Optional, Sequence, Union

from . import _library
from ._params import name_bytes


def _values(arms: Sequence[Any]) -> Optional[List[float]]:
    try:
        return [float(a) for a in arms if not isinstance(a, str)] if not any(isinstance(a, str) for a in arms) else None
    except (TypeError, ValueError):
        return None


class Bandit:
    """Chooses among `arms` and learns from what each choice cost (lower is better)::

        bandit = trial.bandit("omega", [1.0, 1.2, 1.4, 1.6, 1.8])
        arm = bandit.choose()
        bandit.reward(solve(bandit.arms[arm]))

    Every choice is streamed with its probability, and people ban, pin and boost arms (from the next safe point
    on). Without a hub and in forked children it decides and learns all the same. When the library is missing, or
    the trial is closed, it chooses evenly and learns nothing."""

    def __init__(
        self,
        lib: Any,
        handle: Any,
        name: str,
        arms: Union[int, Sequence[Any]],
        algorithm: str,
        labels: Optional[Sequence[str]],
        seed: int,
        low: float,
        scale: float,
        **more: float,
    ) -> None:
        self.name = name
        self.arms: List[Any] = list(range(arms)) if isinstance(arms, int) else list(arms)
        self.propensity = math.nan
        self._rng = random.Random(seed)
        self._lib = lib
        self._h: Any = None
        if not 2 <= len(self.arms) <= 1024:
            raise ValueError(f"bandit {name}: it has {len(self.arms)} arms; 2 to 1024 can be")
        if algorithm not in _library.ALGORITHMS:
            raise ValueError(f"bandit {name}: no algorithm {algorithm!r}; there are {', '.join(_library.ALGORITHMS)}")
        if labels is not None and len(labels) != len(self.arms):
            raise ValueError(f"bandit {name}: {len(labels)} labels for {len(self.arms)} arms")
        if not (math.isfinite(low) and math.isfinite(scale) and scale >= 0):
            raise ValueError(f"bandit {name}: low and scale must be finite, scale not below 0")
        unknown = sorted(set(more) - set(_library.BANDIT_MORE))
        if unknown:
            raise TypeError(f"bandit {name}: no option {unknown[0]!r}; there are {', '.join(_library.BANDIT_MORE)}")
        if lib is not None:
            self._open(handle, algorithm, labels, seed, low, scale, more)

    def _open(
        self,
        handle: Any,
        algorithm: str,
        labels: Optional[Sequence[str]],
        seed: int,
        low: float,
        scale: float,
        more: Mapping[str, float],
    ) -> None:
        n = len(self.arms)
        values = _values(self.arms)
        texts = labels if labels is not None else None if values else [str(a) for a in self.arms]
        options = _library.BanditOptions(
            size=ctypes.sizeof(_library.BanditOptions),
            name=name_bytes(self.name),
            algorithm=_library.ALGORITHMS.index(algorithm),
            arms=n,
            seed=seed & (2**64 - 1),
            low=low,
            scale=scale,
            **more,
        )
        if texts is not None:
            options.labels = (ctypes.c_char_p * n)(*[name_bytes(t) for t in texts])
        if values is not None:
            options.values = (ctypes.c_double * n)(*values)
        self._h = self._lib.ht_bandit_open(handle, ctypes.byref(options))
        if self._h is None and more:
            raise ValueError(f"bandit {self.name}: options that make no sense: {dict(more)}")
        self._p = ctypes.c_double(math.nan)
        self._p_ref = ctypes.pointer(self._p)

    def choose(self, context: Optional[float] = None) -> int:
        """The number of the arm to play; its probability is then in `propensity`."""
        if self._h is None:
            self.propensity = 1 / len(self.arms)
            return self._rng.randrange(len(self.arms))
        arm: int = self._lib.ht_bandit_choose_in(self._h, math.nan if context is None else context, self._p_ref)
        self.propensity = self._p.value
        return arm

    def reward(self, cost: float) -> None:
        """What the arm chosen last has cost; lower is better. Streams the pull."""
        if self._h is not None:
            self._lib.ht_bandit_reward(self._h, cost)

    def close(self) -> None:
        """Ends it; the trial's end does the same."""
        handle, self._h = self._h, None
        if handle is not None:
            self._lib.ht_bandit_close(handle)

    def _lost(self) -> None:
        """The library has closed it together with its agent."""
        self._h = None
