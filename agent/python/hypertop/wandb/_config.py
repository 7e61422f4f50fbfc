"""Config: the configuration of a run as W&B's scripts use it: items, attributes, defaults, and a lock on values.

A value that is set stays what it is unless somebody says allow_val_change; what the sweep leased stays in any
case. Values become plain Python (numbers, text, lists, dicts) when they enter.
"""

import json
import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from ._quiet import once


class ConfigError(Exception):
    """A value was to change, and nobody said allow_val_change."""


def plain(value: Any) -> Any:
    """Numpy scalars and arrays, tensors, paths and sets as what JSON knows; text for everything else."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return [plain(v) for v in value]
    try:
        return plain(value.tolist())  # numpy and torch
    except Exception:
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def as_mapping(source: Any) -> Dict[str, Any]:
    """What init(config=) and update() take: a mapping, another Config, an argparse.Namespace or any object with
    attributes, the path of a YAML file, or nothing."""
    if source is None:
        return {}
    if isinstance(source, Config):
        return source.as_dict()
    if isinstance(source, (str, os.PathLike)):
        return read_file(os.fspath(source))
    if hasattr(source, "items"):
        return {str(k): v for k, v in source.items()}
    if hasattr(source, "__dict__"):
        return {k: v for k, v in vars(source).items() if not k.startswith("_")}
    raise TypeError(f"config: a dict, a namespace or the path of a YAML file is expected, not {type(source).__name__}")


def _lines(text: str) -> Dict[str, Any]:
    """The form that an agent writes: KEY: then `value: JSON`, one line each. Raises ValueError for any other."""
    found: Dict[str, Any] = {}
    key = None
    for line in text.splitlines():
        if not line.strip() or line.startswith("#") or line.startswith("wandb_version:"):
            continue
        if not line.startswith(" ") and line.endswith(":"):
            key = line[:-1]
            key = json.loads(key) if key.startswith('"') else key
        elif line.startswith("  value: ") and key is not None:
            found[key] = json.loads(line[len("  value: ") :])
        else:
            raise ValueError(line)
    return found


def read_file(path: str) -> Dict[str, Any]:
    """A YAML file of W&B's form (KEY: {value: V}) or of plain keys. What cannot be read is said once and is empty."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        once(f"config file {path}: {error.strerror}")
        return {}
    try:
        return _lines(text)
    except ValueError:
        pass
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]

        tree = yaml.safe_load(text)
    except ImportError:
        once(f"config file {path}: PyYAML is not installed")
        return {}
    except Exception as error:
        once(f"config file {path}: {error}")
        return {}
    if not isinstance(tree, dict):
        return {}
    tree.pop("wandb_version", None)
    return {str(k): v["value"] if isinstance(v, dict) and "value" in v else v for k, v in tree.items()}


class Config:
    """A mapping that is also attributes. `changed` is called with a key and its value when one was set."""

    def __init__(self, changed: Optional[Callable[[str, Any], None]] = None) -> None:
        self.__dict__["_items"] = {}
        self.__dict__["_locked"] = set()
        self.__dict__["_changed"] = changed

    def _lock(self, items: Mapping[str, Any]) -> None:
        """Values of the sweep: nothing overrides them."""
        locked: Set[str] = self.__dict__["_locked"]
        for key, value in items.items():
            self._put(str(key), value, True)
            locked.add(str(key))

    def _put(self, key: str, value: Any, allow: Optional[bool]) -> None:
        items: Dict[str, Any] = self.__dict__["_items"]
        if key in self.__dict__["_locked"]:
            if plain(value) != items[key]:
                once(f'config item "{key}" is the sweep\'s: it stays {items[key]!r}')
            return
        value = plain(value)
        if key in items and items[key] != value and not allow:
            raise ConfigError(
                f'Attempted to change value of key "{key}" from {items[key]} to {value}\n'
                "If you really want to do this, pass allow_val_change=True to config.update()"
            )
        if key in items and items[key] == value:
            return
        items[key] = value
        if self.__dict__["_changed"] is not None:
            self.__dict__["_changed"](key, value)

    def update(self, d: Any, allow_val_change: Optional[bool] = None) -> None:
        """Sets every entry of a mapping (a namespace, a YAML file)."""
        for key, value in as_mapping(d).items():
            self._put(key, value, allow_val_change)

    def setdefaults(self, d: Any) -> None:
        """Sets the entries that are not there yet."""
        for key, value in as_mapping(d).items():
            if key not in self.__dict__["_items"]:
                self._put(key, value, None)

    def get(self, *args: Any) -> Any:
        return self.__dict__["_items"].get(*args)

    def keys(self) -> List[str]:
        return list(self.__dict__["_items"])

    def values(self) -> List[Any]:
        return list(self.__dict__["_items"].values())

    def items(self) -> List[Tuple[str, Any]]:
        return list(self.__dict__["_items"].items())

    def as_dict(self) -> Dict[str, Any]:
        return dict(self.__dict__["_items"])

    def persist(self) -> None:
        """There is nothing to do: a value is recorded when it is set."""

    def update_locked(self, d: Any, user: Optional[str] = None, _allow_val_change: Optional[bool] = None) -> None:
        self._lock(as_mapping(d))

    def __getitem__(self, key: str) -> Any:
        return self.__dict__["_items"][key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._put(str(key), value, None)

    def __getattr__(self, key: str) -> Any:
        try:
            return self.__dict__["_items"][key]
        except KeyError:
            raise AttributeError(f"{type(self)!r} object has no attribute {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self._put(key, value, None)

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__["_items"]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.__dict__["_items"])

    def __repr__(self) -> str:
        return str(self.__dict__["_items"])

    def __reduce__(self) -> Any:
        return _restored, (self.as_dict(),)


def _restored(items: Dict[str, Any]) -> Config:
    """A Config in another process: a copy, tied to no run."""
    config = Config()
    config.update(items)
    return config
