"""A callback for XGBoost::

    xgboost.train(params, data, evals=[(valid, "valid")], callbacks=[
        hypertop.xgboost.HypertopCallback(live={"learning_rate": (0.01, 1.0, params["learning_rate"])})])
"""

from typing import Any, Dict, Mapping, Optional, Tuple

from ._callback import Steering
from ._trial import Trial

try:
    from xgboost.callback import TrainingCallback  # type: ignore[import-not-found,import-untyped,unused-ignore]
except ImportError:
    raise ImportError("hypertop.xgboost needs xgboost: pip install xgboost") from None


def _latest(evals_log: Mapping[str, Mapping[str, Any]]) -> Dict[str, float]:
    """data/metric: the newest value of each."""
    found = {}
    for data, metrics in evals_log.items():
        for name, values in metrics.items():
            last = values[-1]
            found[f"{data}/{name}"] = float(last[0] if isinstance(last, tuple) else last)  # (mean, std) under cv
    return found


class HypertopCallback(TrainingCallback):  # type: ignore[misc,unused-ignore]
    """Logs every evaluation as DATA/METRIC, reports `monitor` (None: the last metric of the last data set, which is also
    what early stopping looks at), saves the model when people ask for a checkpoint and ends training when the run
    should stop. live: parameters of the booster that people may change between rounds, name: (low, high, start)."""

    def __init__(
        self,
        monitor: Optional[str] = None,
        trial: Optional[Trial] = None,
        *,
        live: Optional[Mapping[str, Tuple[float, float, float]]] = None,
        checkpoints: str = "hypertop-checkpoints",
    ) -> None:
        super().__init__()
        self._ht = Steering(trial, monitor, checkpoints)
        self._live = dict(live or {})

    def before_training(self, model: Any) -> Any:
        trial = self._ht.trial
        for name, (low, high, start) in self._live.items():
            value = trial.float(name, low, high, default=start, log=low > 0, live=True)
            model.set_param({name: value})
            trial.on_change(name)(lambda v, _old, key=name: model.set_param({key: v}))
        if hasattr(model, "save_model"):
            self._ht.saves(model.save_model, ".json")
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        metrics = _latest(evals_log)
        trial = self._ht.trial
        trial.step = epoch
        trial.log(metrics, step=epoch)
        if self._ht.monitor is None and metrics:
            self._ht.monitor = list(metrics)[-1]
        stop = self._ht.report(metrics, epoch)
        return trial.should_stop or stop
