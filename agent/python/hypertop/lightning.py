"""A callback for PyTorch Lightning (2.x, as `lightning` or `pytorch_lightning`)::

    Trainer(callbacks=[hypertop.lightning.HypertopCallback(monitor="val_loss")])
"""

from typing import Any, Optional

from . import torch as _torch
from ._callback import Steering
from ._trial import Trial

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    try:
        from pytorch_lightning.callbacks import Callback  # type: ignore[assignment,import-not-found,unused-ignore]
    except ImportError:
        raise ImportError("hypertop.lightning needs lightning or pytorch_lightning: pip install lightning") from None


class HypertopCallback(Callback):  # type: ignore[misc,unused-ignore]
    """Logs what the module logs, reports `monitor` after each validation, makes lr and weight decay of the
    first optimizer live (live=False: not), takes requests for checkpoints and ends the fit when the run should stop."""

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

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._ht.saves(trainer.save_checkpoint, ".ckpt")
        if self._live:
            schedulers = {id(c.scheduler.optimizer): c.scheduler for c in getattr(trainer, "lr_scheduler_configs", [])}
            for optimizer in trainer.optimizers[:1]:
                _torch.live(optimizer, self._ht.trial, scheduler=schedulers.get(id(optimizer)), poll=False)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        trial = self._ht.trial
        every = getattr(trainer, "log_every_n_steps", 1) or 1
        if trainer.global_step % every == 0:
            trial.log(self._ht.numbers(trainer.callback_metrics), step=trainer.global_step)
        trial.step = trainer.global_step
        self._end_if(trainer, trial.should_stop)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if getattr(trainer, "sanity_checking", False):
            return
        metrics = self._ht.numbers(trainer.callback_metrics)
        self._ht.trial.log(metrics, step=trainer.global_step)
        self._end_if(trainer, self._ht.report(metrics, trainer.global_step))

    def _end_if(self, trainer: Any, stop: bool) -> None:
        if stop:
            trainer.should_stop = True
