"""What the callbacks of the training frameworks share: the trial, the objective, and where checkpoints go."""

import os
from typing import Any, Callable, Dict, Mapping, Optional

from . import current
from ._trial import Trial


class Steering:
    """A trial as a callback sees it. `monitor` names the metric to report as the objective."""

    def __init__(self, trial: Optional[Trial], monitor: Optional[str], folder: str) -> None:
        self._given = trial
        self.monitor = monitor
        self.folder = folder

    @property
    def trial(self) -> Trial:
        return self._given if self._given is not None else current()

    def numbers(self, metrics: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
        """The entries that are single numbers."""
        good = {}
        for name, value in (metrics or {}).items():
            try:
                if not isinstance(value, (str, bytes)):
                    good[str(name)] = float(value.detach() if hasattr(value, "detach") else value)
            except (TypeError, ValueError):
                continue
        return good

    def report(self, metrics: Mapping[str, Any], step: int) -> bool:
        """Reports the monitored metric if it is there; True when the run should end."""
        if self.monitor is None or self.monitor not in metrics:
            return False
        return self.trial.report(metrics[self.monitor], step)

    def saves(self, write: Callable[[str], Any], suffix: str) -> None:
        """Lets people ask for checkpoints: `write(path)` writes one."""

        def save(step: int) -> str:
            os.makedirs(self.folder, exist_ok=True)
            path = os.path.join(self.folder, f"step-{step}{suffix}")
            write(path)
            return path

        self.trial.on_checkpoint(save)
