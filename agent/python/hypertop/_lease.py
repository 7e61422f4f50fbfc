"""The lease as the worker wrote it into the environment (HYPERTOP_PARAMS, HYPERTOP_SEED, HYPERTOP_TRIAL).

Processes that may not open the run themselves (ranks above 0, a missing library) read it, so that every
process of a run trains with the same values. Never raises: what makes no sense is as if it were not there.
"""

import json
import os
from typing import Any, Dict, Mapping, Optional


def _flat(tree: Mapping[str, Any], prefix: str, out: Dict[str, Any]) -> Dict[str, Any]:
    for name, value in tree.items():
        if isinstance(value, dict):
            _flat(value, f"{prefix}{name}.", out)
        else:
            out[prefix + name] = value
    return out


def params() -> Dict[str, Any]:
    """The leased parameters by name, nested ones with dots; empty when nobody leased this run."""
    try:
        tree = json.loads(os.environ.get("HYPERTOP_PARAMS") or "{}")
    except ValueError:
        return {}
    return _flat(tree, "", {}) if isinstance(tree, dict) else {}


def number(name: str) -> Optional[int]:
    """An integer of the environment, None when absent or none."""
    try:
        return int(os.environ.get(name, ""))
    except ValueError:
        return None


def rank() -> int:
    """Of this process among those that train together: RANK (torchrun), else LOCAL_RANK (Lightning's own
    launcher), else 0."""
    for name in ("RANK", "LOCAL_RANK"):
        found = number(name)
        if found is not None:
            return found
    return 0
