"""wandb.Settings: what scripts set; the few entries that mean something here are read by init."""

import enum
from typing import Any, Dict


class AlertLevel(enum.Enum):
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class Settings:
    """Takes any name."""

    def __init__(self, *_: Any, **named: Any) -> None:
        self.__dict__.update(named)

    def get(self, name: str) -> Any:
        return self.__dict__.get(name)

    def update(self, *sources: Any, **named: Any) -> None:
        for source in sources:
            named.update(source if isinstance(source, dict) else vars(source))
        self.__dict__.update(named)

    def to_dict(self) -> Dict[str, Any]:
        return dict(self.__dict__)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None
