"""wandb.integration.keras: the callbacks that log metrics, under W&B's names; checkpoints are said to the run."""

import os
from typing import Any, Dict, Optional, Union

from ._quiet import inert_class, once


def classes() -> Dict[str, Any]:
    """The callbacks; made when they are imported, because Keras has to be there then."""
    try:
        import keras  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        from tensorflow import keras  # type: ignore[import-not-found,import-untyped,no-redef,unused-ignore]

    import hypertop.wandb as wandb

    class WandbMetricsLogger(keras.callbacks.Callback):  # type: ignore[misc,name-defined,unused-ignore]
        """Epochs as epoch/NAME over epoch/epoch; batches as batch/NAME over batch/batch_step."""

        def __init__(self, log_freq: Union[str, int] = "epoch", initial_global_step: int = 0, **_: Any) -> None:
            super().__init__()
            if wandb.run is None:
                raise wandb.Error("You must call `wandb.init()` before WandbMetricsLogger()")
            self._every = 1 if log_freq == "batch" else log_freq if isinstance(log_freq, int) else 0
            self._batch = 0
            kind, axis = ("batch", "batch/batch_step") if self._every else ("epoch", "epoch/epoch")
            wandb.define_metric(axis)
            wandb.define_metric(f"{kind}/*", step_metric=axis)

        def _rate(self) -> Optional[float]:
            rate = self.model.optimizer.learning_rate
            try:
                return float(rate.numpy() if hasattr(rate, "numpy") else rate)
            except (TypeError, ValueError):
                return None

        def _log(self, kind: str, logs: Any, axis: str, at: int) -> None:
            row = {f"{kind}/{k}": v for k, v in (logs or {}).items()}
            row[f"{kind}/{axis}"] = at
            rate = self._rate()
            if rate is not None:
                row[f"{kind}/learning_rate"] = rate
            wandb.log(row)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._log("epoch", logs, "epoch", epoch)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self._every and batch % self._every == 0:
                self._log("batch", logs, "batch_step", self._batch)
                self._batch += self._every

    class WandbModelCheckpoint(keras.callbacks.ModelCheckpoint):  # type: ignore[misc,name-defined,unused-ignore]
        """Keras's own, whose files are the run's checkpoints."""

        def _save_model(self, *args: Any, **named: Any) -> Any:
            out = super()._save_model(*args, **named)
            path = str(self.filepath)
            if wandb.run is not None and os.path.exists(path):
                wandb.run._model(path)
            return out

    class WandbCallback(WandbMetricsLogger):
        """The older callback: every epoch's logs under their own names; everything else it did is left out."""

        def __init__(self, *_: Any, **__: Any) -> None:
            keras.callbacks.Callback.__init__(self)
            once("keras.WandbCallback: the metrics are logged; models, gradients and predictions are not")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            wandb.log({"epoch": epoch, **(logs or {})})

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            pass

    return {
        "WandbMetricsLogger": WandbMetricsLogger,
        "WandbModelCheckpoint": WandbModelCheckpoint,
        "WandbCallback": WandbCallback,
        "WandbEvalCallback": inert_class("WandbEvalCallback"),
    }
