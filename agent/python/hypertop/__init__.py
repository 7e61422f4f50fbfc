"""hypertop: report from a training run, and be steered by people and tuners while it runs.

    import hypertop

    with hypertop.init() as trial:
        trial.float("lr", 1e-4, 1.0, log=True, live=True)
        for step in range(10_000):
            loss = train(lr=trial.lr)
            trial.log({"loss": loss}, step=step)
            if trial.report(loss, step=step) or trial.should_stop:
                break

Importing never fails and starts nothing. The functions of this module mirror the methods of `Trial` for the
current trial: that of the last `init()`, or one that the first use opens.
"""

import builtins
from typing import Any, Callable, List, Mapping, Optional, Sequence, TypeVar, Union

from ._bandit import Bandit
from ._commands import Command
from ._trial import Trial

__version__ = "0.1.0"
__all__ = [
    "Bandit", "Command", "Trial", "bandit", "checkpoint", "choice", "close", "command", "current", "float", "init",
    "int", "log", "on_change", "on_checkpoint", "on_restore", "poll", "probe", "report", "should_stop", "text",
]  # fmt: skip

_F = TypeVar("_F", bound=Callable[..., Any])
_current: Optional[Trial] = None


def init(
    program: Optional[str] = None,
    hub: Optional[str] = None,
    *,
    ring: Optional[str] = None,
    seed: builtins.int = 0,
    relay: bool = True,
    all_ranks: bool = False,
) -> Trial:
    """Opens the run of this process. A trial that the last `init()` opened is closed first.

    program: the name shown when nobody leased this run. hub: the hub to report to (HYPERTOP_HUB, else the default).
    seed: the seed when nobody leased one. ring, relay: for embedding, see ht_options in hypertop.h. all_ranks:
    under torchrun, ranks above 0 open a run of their own instead of none."""
    global _current
    close()
    _current = Trial(program, hub, ring=ring, seed=seed, relay=relay, all_ranks=all_ranks)
    return _current


def current() -> Trial:
    """The current trial; opened when there is none yet."""
    return _current if _current is not None else init()


def close() -> None:
    """Ends the current trial, if there is one."""
    global _current
    trial, _current = _current, None
    if trial is not None:
        trial.close()


def float(
    name: str,
    low: builtins.float,
    high: builtins.float,
    *,
    default: Optional[builtins.float] = None,
    log: bool = False,
    live: bool = False,
) -> builtins.float:
    """`Trial.float` of the current trial."""
    return current().float(name, low, high, default=default, log=log, live=live)


def int(
    name: str,
    low: builtins.int,
    high: builtins.int,
    *,
    default: Optional[builtins.int] = None,
    log: bool = False,
    live: bool = False,
) -> builtins.int:
    """`Trial.int` of the current trial."""
    return current().int(name, low, high, default=default, log=log, live=live)


def choice(name: str, choices: Sequence[Any], *, default: Any = None, live: bool = False) -> Any:
    """`Trial.choice` of the current trial."""
    return current().choice(name, choices, default=default, live=live)


def log(metrics: Union[str, Mapping[str, Any]], value: Any = None, step: Optional[builtins.int] = None) -> None:
    """`Trial.log` of the current trial."""
    current().log(metrics, value, step)


def report(value: Any, step: Optional[builtins.int] = None) -> bool:
    """`Trial.report` of the current trial."""
    return current().report(value, step)


def text(message: Any, step: Optional[builtins.int] = None) -> None:
    """`Trial.text` of the current trial."""
    current().text(message, step)


def checkpoint(path: Any, step: Optional[builtins.int] = None) -> None:
    """`Trial.checkpoint` of the current trial."""
    current().checkpoint(path, step)


def poll() -> List[Command]:
    """`Trial.poll` of the current trial."""
    return current().poll()


def should_stop() -> bool:
    """`Trial.should_stop` of the current trial: a safe point."""
    return current().should_stop


def command(verb: str) -> Callable[[_F], _F]:
    """`Trial.command` of the current trial."""
    return current().command(verb)


def on_checkpoint(f: _F) -> _F:
    """`Trial.on_checkpoint` of the current trial."""
    return current().on_checkpoint(f)


def on_restore(f: _F) -> _F:
    """`Trial.on_restore` of the current trial."""
    return current().on_restore(f)


def on_change(name: str) -> Callable[[_F], _F]:
    """`Trial.on_change` of the current trial."""
    return current().on_change(name)


def probe(model: Any, loss: Callable[[], Any], **options: Any) -> None:
    """`Trial.probe` of the current trial."""
    current().probe(model, loss, **options)


def bandit(name: str, arms: Union[builtins.int, Sequence[Any]], **options: Any) -> Bandit:
    """`Trial.bandit` of the current trial."""
    return current().bandit(name, arms, **options)
