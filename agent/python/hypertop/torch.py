"""Live hyperparameters of torch optimizers, by one line::

    hypertop.torch.live(optimizer)

Written against the optimizers' protocol (`param_groups`), so torch itself is imported by `sync` alone.
"""

from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from . import current
from ._trial import Trial, log

Range = Union[bool, Tuple[float, float]]

REACH = 1e3  # a range that nobody gave: from value / REACH to value * REACH
ZERO_TOP = 1.0  # and of a value that starts at 0: up to this


def _number(value: Any) -> Optional[float]:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


class _Bound:
    """One key of the parameter groups, tied to a live parameter of the same name. Groups that differ keep their
    proportions; groups where the key is 0 stay at 0 while another one has a value."""

    def __init__(self, optimizer: Any, key: str, scheduler: Any) -> None:
        self.groups: List[Dict[str, Any]] = optimizer.param_groups
        self.key = key
        while scheduler is not None and not hasattr(scheduler, "base_lrs") and hasattr(scheduler, "scheduler"):
            scheduler = scheduler.scheduler  # as accelerate wraps it
        self.scheduler = scheduler
        base = [_number(g.get(key)) or 0.0 for g in self.groups]
        self.lead = next((i for i, v in enumerate(base) if v), 0)
        self.start = base[self.lead]
        self.share = [v / self.start if self.start else 1.0 for v in base]

    def now(self) -> float:
        return _number(self.groups[self.lead][self.key]) or 0.0

    def apply(self, value: float, _old: Any = None) -> None:
        now = self.now()
        factor = value / now if now else None
        for group, share in zip(self.groups, self.share):
            if self.key in group:
                _store(group, self.key, value * share)
            if self.key == "lr" and factor is not None and "initial_lr" in group:
                _store(group, "initial_lr", group["initial_lr"] * factor)
        bases = getattr(self.scheduler, "base_lrs", None)
        if self.key == "lr" and factor is not None and bases is not None:
            self.scheduler.base_lrs = [b * factor for b in bases]
            if hasattr(self.scheduler, "_last_lr"):  # what get_last_lr and so the Trainer's log say of the next step
                self.scheduler._last_lr = [b * factor for b in self.scheduler._last_lr]


def _store(group: Dict[str, Any], key: str, value: Any) -> None:
    """In place where the value is a tensor, which a compiled or captured step reads."""
    if hasattr(group.get(key), "fill_"):
        group[key].fill_(value)
    else:
        group[key] = value


def _declare(trial: Trial, key: str, start: float, span: Range) -> float:
    if key in trial.params:
        if not trial._params[key].live:
            log.warning("hypertop: %s was declared without live=True: it cannot change while the program runs", key)
        return float(trial[key])
    if isinstance(span, tuple):
        low, high = span
        return trial.float(key, low, high, default=min(max(start, low), high), log=low > 0, live=True)
    if start == 0:
        return trial.float(key, 0.0, ZERO_TOP, default=0.0, live=True)
    return trial.float(key, start / REACH, start * REACH, default=start, log=True, live=True)


def live(
    optimizer: Any,
    trial: Optional[Trial] = None,
    *,
    lr: Range = True,
    weight_decay: Range = True,
    scheduler: Any = None,
    poll: bool = True,
    **more: Range,
) -> Trial:
    """Makes learning rate and weight decay of `optimizer` live parameters `lr` and `weight_decay` of the trial (None: the
    current one) and returns the trial.

    True: a range of three decades on either side of the present value; (low, high): this one; False: not live. Other
    keys of the parameter groups by name: momentum=(0.5, 0.99). A leased value replaces the optimizer's. scheduler: its
    base rates are scaled along, so that the schedule goes on from the new rate. poll: every `optimizer.step()` begins
    with a safe point (torch 2 and later); else call `trial.poll()` or look at `trial.should_stop` yourself."""
    trial = trial if trial is not None else current()
    for key, span in {"lr": lr, "weight_decay": weight_decay, **more}.items():
        if span is False or not any(_number(g.get(key)) is not None for g in optimizer.param_groups):
            continue
        bound = _Bound(optimizer, key, scheduler)
        value = _declare(trial, key, bound.start, span)
        if value != bound.start:
            bound.apply(value)
        trial.on_change(key)(bound.apply)
    if poll and hasattr(optimizer, "register_step_pre_hook"):
        optimizer.register_step_pre_hook(_safe_point_of(trial))
    return trial


def _safe_point_of(trial: Trial) -> Callable[..., None]:
    def before_step(*_: Any) -> None:
        trial.should_stop

    return before_step


def sync(trial: Optional[Trial] = None) -> bool:
    """A safe point for all ranks of a distributed run: every rank gets rank 0's parameter values and its stop. All ranks
    have to call it at the same step. Returns True when the run should end. Without torch.distributed it is
    `trial.should_stop`."""
    trial = trial if trial is not None else current()
    import torch.distributed as dist

    if not dist.is_available() or not dist.is_initialized():
        return trial.should_stop

    def broadcast(thing: Any) -> Any:
        box = [thing]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    return trial.sync(broadcast)
