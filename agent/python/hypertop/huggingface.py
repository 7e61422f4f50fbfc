"""A callback for the Trainer of Hugging Face transformers::

    Trainer(..., callbacks=[hypertop.huggingface.HypertopCallback()])
"""

import os
from typing import Any, Optional

from . import torch as _torch
from ._callback import Steering
from ._trial import Trial

try:
    from transformers import TrainerCallback
except ImportError:
    raise ImportError("hypertop.huggingface needs transformers: pip install transformers") from None


class HypertopCallback(TrainerCallback):  # type: ignore[misc,unused-ignore]
    """Logs what the Trainer logs, reports `monitor` (None: the Trainer's metric_for_best_model, else eval_loss) after each
    evaluation, makes lr and weight decay live (live=False: not), has the Trainer save when people ask for a
    checkpoint and ends training when the run should stop."""

    def __init__(self, monitor: Optional[str] = None, trial: Optional[Trial] = None, *, live: bool = True) -> None:
        self._ht = Steering(trial, monitor, "")
        self._live = live

    def on_train_begin(self, args: Any, state: Any, control: Any, **kw: Any) -> None:
        if self._ht.monitor is None:
            best = getattr(args, "metric_for_best_model", None) or "loss"
            self._ht.monitor = best if best.startswith("eval_") else f"eval_{best}"
        optimizer = kw.get("optimizer")
        if self._live and optimizer is not None:
            _torch.live(optimizer, self._ht.trial, scheduler=kw.get("lr_scheduler"), poll=False)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kw: Any) -> None:
        self._ht.trial.log(self._ht.numbers(logs), step=state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kw: Any) -> None:
        trial = self._ht.trial
        trial.step = state.global_step
        for command in trial.poll():
            if command.kind == "checkpoint":
                control.should_save = True  # on_save answers
            elif command.kind == "custom":
                command.answer(False, f"the program knows no {command.name}")
        if trial.stopped:
            control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **kw: Any) -> None:
        path = os.path.join(args.output_dir, f"checkpoint-{state.global_step}")
        self._ht.trial.checkpoint(path, state.global_step)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kw: Any) -> None:
        if self._ht.report(self._ht.numbers(metrics), state.global_step):
            control.should_training_stop = True
