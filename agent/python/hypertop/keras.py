"""A callback for Keras (3, or the one in tensorflow)::

    model.fit(..., callbacks=[hypertop.keras.HypertopCallback(monitor="val_loss")])
"""

from typing import Any, Optional

from ._callback import Steering
from ._trial import Trial, log

try:
    from keras.callbacks import Callback  # type: ignore[import-not-found,import-untyped,unused-ignore]
except ImportError:
    try:
        from tensorflow.keras.callbacks import Callback  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise ImportError("hypertop.keras needs keras: pip install keras") from None


class HypertopCallback(Callback):  # type: ignore[misc,unused-ignore]
    """Logs the logs of each epoch, reports `monitor`, makes the learning rate the live parameter `lr` (live=False: not; a
    schedule cannot be), saves the model when people ask for a checkpoint and ends the fit when the run should stop.
    Safe points are the ends of batches."""

    def __init__(
        self,
        monitor: Optional[str] = "val_loss",
        trial: Optional[Trial] = None,
        *,
        live: bool = True,
        checkpoints: str = "hypertop-checkpoints",
    ) -> None:
        super().__init__()
        self._ht = Steering(trial, monitor, checkpoints)
        self._live = live
        self._bound: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._ht.saves(self.model.save, ".keras")
        optimizer = self.model.optimizer
        if not self._live or optimizer is None or self._bound is optimizer:
            return
        try:
            start = _as_number(optimizer.learning_rate)
        except (TypeError, ValueError):
            log.warning("hypertop: the learning rate follows a schedule; it is not made live")
            return
        self._bound = optimizer
        trial = self._ht.trial
        if "lr" in trial.params:
            value = trial["lr"]
        else:
            value = trial.float("lr", start / 1e3, start * 1e3, default=start, log=True, live=True)
        self._set_rate(value)
        trial.on_change("lr")(self._set_rate)

    def _set_rate(self, value: float, _old: Any = None) -> None:
        self.model.optimizer.learning_rate = value

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._end_if(self._ht.trial.should_stop)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        metrics = self._ht.numbers(logs)
        self._ht.trial.log(metrics, step=epoch)
        self._end_if(self._ht.report(metrics, epoch))

    def _end_if(self, stop: bool) -> None:
        if stop:
            self.model.stop_training = True


def _as_number(rate: Any) -> float:
    """A variable's value; raises TypeError for a schedule."""
    return float(rate.numpy() if hasattr(rate, "numpy") else rate)
