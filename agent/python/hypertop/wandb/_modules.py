"""Submodules of wandb that scripts and frameworks import: wandb.sdk.wandb_run.Run, wandb.errors, wandb.util and so on.

Every name below the package can be imported. Those with a counterpart get it; the others are inert, and say so once.
"""

import importlib.abc
import importlib.machinery
import secrets
import string
import sys
import types
from typing import Any, Dict, List, Optional, Sequence

from ._quiet import Inert, inert_class, once

KNOWN = ("wandb", "hypertop.wandb")  # what the package may be imported as
ROOTS = (  # below wandb; other names are attributes
    "agents", "analytics", "apis", "beta", "catboost", "cli", "data_types", "docker", "env", "errors", "fastai", "filesync",
    "integration", "jupyter", "keras", "lightgbm", "old", "plot", "plots", "proto", "sacred", "sdk", "sklearn",
    "sync", "tensorboard", "tensorflow", "trigger", "util", "vendor", "viz", "wandb_run", "xgboost", "wandb_torch",
)  # fmt: skip

_module: Any = None


def _generate_id(length: int = 8) -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))


def _counterparts(tail: str) -> Dict[str, Any]:
    """What the submodule `tail` really has."""
    package = _module
    if tail in ("errors", "errors.errors", "sdk.lib.config_util"):
        return {n: getattr(package, n) for n in ("Error", "CommError", "UsageError", "ConfigError")}
    if tail in ("sdk.wandb_run", "wandb_run", "sdk"):
        return {"Run": package.Run, "Config": package.Config, "Settings": package.Settings}
    if tail in ("sdk.wandb_config",):
        return {"Config": package.Config}
    if tail in ("sdk.wandb_settings",):
        return {"Settings": package.Settings}
    if tail in ("sdk.lib",):
        return {"RunDisabled": inert_class("RunDisabled")}
    if tail in ("util", "sdk.lib.runid"):
        return {"generate_id": _generate_id}
    if tail in ("data_types", "sdk.data_types", "sdk.artifacts.artifact"):
        return {n: getattr(package, n) for n in ("Artifact", "Audio", "Classes", "Graph", "Histogram", "Html", "Image", "Molecule",
                                                 "Object3D", "Plotly", "Table", "Video")}  # fmt: skip
    if tail in ("xgboost", "integration.xgboost"):
        from . import _boosting

        return {"WandbCallback": _boosting.xgboost_callback, "wandb_callback": _boosting.xgboost_callback}
    if tail in ("keras", "integration.keras"):
        from . import _keras

        return _keras.classes()
    return {}


class _Inert(types.ModuleType):
    """A module whose unknown names are inert."""

    __path__: List[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        path = f"{self.__name__}.{name}".replace("hypertop.wandb", "wandb", 1)
        once(f"{path} has no counterpart in hypertop: it does nothing")
        thing = inert_class(name) if name[:1].isupper() else Inert()
        setattr(self, name, thing)
        return thing


class _Loader(importlib.abc.Loader):
    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Inert(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        tail = module.__name__.replace("hypertop.wandb.", "", 1).replace("wandb.", "", 1)
        module.__path__ = []
        module.__dict__.update(_counterparts(tail))


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[types.ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        for known in KNOWN:
            if name.startswith(known + ".") and name[len(known) + 1 :].split(".")[0] in ROOTS:
                if sys.modules.get(known) is _module:
                    return importlib.machinery.ModuleSpec(name, _Loader(), is_package=True)
        return None


def attribute(name: str) -> Any:
    """wandb.NAME of what is no name of the package: a submodule, else an inert thing."""
    if name in ROOTS:
        return importlib.import_module(f"{_module.__name__}.{name}")
    once(f"wandb.{name} has no counterpart in hypertop: it does nothing")
    return inert_class(name) if name[:1].isupper() else Inert()


def install(module: Any) -> None:
    """From here on the submodules of `module` can be imported."""
    global _module
    _module = module
    sys.meta_path.insert(0, _Finder())
