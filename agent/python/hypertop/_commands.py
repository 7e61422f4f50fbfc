"""What people send to a running program: commands as `Trial.poll` hands them out."""

import json
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

if TYPE_CHECKING:
    from ._trial import Trial

KINDS = ("none", "set", "pause", "resume", "stop", "checkpoint", "custom", "restore")  # enum ht_command_kind


class Command:
    """One command. `kind` is "set" or "resume" (already carried out, told for information), "checkpoint" (write
    one, then `trial.checkpoint(path)` or `answer(False, why)`), "restore" (take over the checkpoint at `text`) or "custom" (`name` is the verb, `args` its
    arguments; `answer` it before the next poll, or it is rejected then)."""

    __slots__ = ("kind", "id", "name", "text", "value", "_trial", "answered")

    def __init__(self, trial: "Trial", kind: str, id: int, name: str, text: str, value: float) -> None:
        self._trial = trial
        self.kind = kind
        self.id = id
        self.name = name
        self.text = text
        self.value = value
        self.answered = kind not in ("checkpoint", "custom", "restore")

    @property
    def args(self) -> Any:
        """The arguments: JSON where the text is JSON, else the text itself; None when there are none."""
        try:
            return json.loads(self.text) if self.text else None
        except ValueError:
            return self.text

    def answer(self, ok: bool = True, message: str = "") -> None:
        """Says whether it was carried out, once; later answers are not sent."""
        self._trial._answer(self, ok, message)

    def __repr__(self) -> str:
        return f"Command({self.kind!r}, name={self.name!r}, text={self.text!r})"


def as_call(args: Any) -> Tuple[List[Any], Dict[str, Any]]:
    """A command's arguments as those of a handler: an object by name, a list by position, else one or none."""
    if args is None:
        return [], {}
    if isinstance(args, dict):
        return [], args
    return (args, {}) if isinstance(args, list) else ([args], {})
