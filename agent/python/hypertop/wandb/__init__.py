"""Scripts written for W&B, unchanged: the functions of `wandb` over a hypertop run, offline.

    hypertop-agent exec --wandb -- python train.py      puts this in front of (or in place of) the real package
    import hypertop.wandb as wandb                      says so in the script itself

init, config, log, summary, define_metric, finish, save, alert, Settings and the variables of a sweep's environment
mean what they mean there; nothing is sent to W&B and nothing needs an account. What has no counterpart is named
once on standard error and does nothing. `hypertop.current()` is the trial behind the run, for live parameters and
checkpoints.
"""

import atexit
import os
import secrets
import string
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional

from .. import _lease
from .. import init as _open_trial
from . import _modules
from ._config import Config, ConfigError, as_mapping, read_file
from ._media import (Artifact, Audio, Classes, Graph, Histogram, Html, Image, JoinedTable, Molecule, Object3D, Plotly,
                     Table, Video)  # fmt: skip
from ._quiet import Inert, inert_class, once, unmapped
from ._run import Run, UsageError
from ._settings import AlertLevel, Settings

__version__ = "0.21.0"  # of the interface; the scripts' checks for a version ask for less

__all__ = [
    "AlertLevel", "Artifact", "Audio", "Classes", "CommError", "Config", "ConfigError", "Error", "Graph", "Histogram",
    "Html", "Image", "JoinedTable", "Molecule", "Object3D", "Plotly", "Run", "Settings", "Table", "UsageError", "Video",
    "agent", "alert", "config", "define_metric", "finish", "init", "log", "log_artifact", "log_model", "login", "restore",
    "run", "save", "setup", "summary", "sweep", "teardown", "termerror", "termlog", "termwarn", "unwatch", "watch",
]  # fmt: skip


class Error(Exception):
    """Of wandb: used before init, for example."""


class CommError(Error):
    """Never raised here: nothing is communicated."""


class _BeforeInit:
    """wandb.config, wandb.summary before init."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        raise Error(f"You must call wandb.init() before wandb.{self.__dict__['_name']}.{key}")

    def __setattr__(self, key: str, value: Any) -> None:
        raise Error(f"You must call wandb.init() before wandb.{self.__dict__['_name']}.{key}")

    def __getitem__(self, key: str) -> Any:
        raise Error(f"You must call wandb.init() before wandb.{self.__dict__['_name']}[{key!r}]")

    def __setitem__(self, key: str, value: Any) -> None:
        raise Error(f"You must call wandb.init() before wandb.{self.__dict__['_name']}[{key!r}]")


run: Optional[Run] = None
config: Any = _BeforeInit("config")
summary: Any = _BeforeInit("summary")
_count = 0
_leases_used = False


def _new_id() -> str:
    """Eight characters; the interpreter's random numbers, which a script may have seeded, are left alone."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))


def _leased() -> Dict[str, Any]:
    """The sweep's values: the file that the agent wrote, nested as the sweep file nests; else the lease itself."""
    path = os.environ.get("WANDB_SWEEP_PARAM_PATH")
    if path and os.path.isfile(path):
        return read_file(path)
    return _lease.params()


def _defaults() -> Dict[str, Any]:
    """config-defaults.yaml of the working directory, which W&B reads."""
    path = "config-defaults.yaml"
    return read_file(path) if os.path.isfile(path) else {}


def init(
    entity: Optional[str] = None,
    project: Optional[str] = None,
    dir: Any = None,
    id: Optional[str] = None,
    name: Optional[str] = None,
    notes: Optional[str] = None,
    tags: Any = None,
    config: Any = None,
    config_exclude_keys: Optional[List[str]] = None,
    config_include_keys: Optional[List[str]] = None,
    allow_val_change: Optional[bool] = None,
    group: Optional[str] = None,
    job_type: Optional[str] = None,
    mode: Optional[str] = None,
    reinit: Any = None,
    settings: Any = None,
    **unused: Any,
) -> Run:
    """Opens the run; while one is open, that one is returned (unless reinit says otherwise)."""
    global _count
    given = Settings(**dict(settings)) if isinstance(settings, Mapping) else settings or Settings()
    if run is not None and not run._ended:
        if not reinit or reinit in ("default", "return_previous"):
            run.config.update(config, allow_val_change=True)
            return run
        run.finish()
    disabled = (mode or given.get("mode") or os.environ.get("WANDB_MODE")) == "disabled" or os.environ.get(
        "WANDB_DISABLED", ""
    ).lower() in ("true", "1", "yes")
    sync = unused.pop("sync_tensorboard", None) or given.get("sync_tensorboard")
    if sync:
        once("sync_tensorboard: use hypertop-agent exec --watch FOLDER, which follows TensorBoard's files")
    about = {
        "entity": entity or os.environ.get("WANDB_ENTITY"),
        "project": project or given.get("project") or os.environ.get("WANDB_PROJECT"),
        "dir": dir,
        "id": id or (os.environ.get("WANDB_RUN_ID") if _count == 0 else None) or _new_id(),
        "name": name or given.get("run_name") or os.environ.get("WANDB_NAME"),
        "notes": notes or os.environ.get("WANDB_NOTES"),
        "tags": [tags] if isinstance(tags, str) else tags or _words(os.environ.get("WANDB_TAGS")),
        "group": group or given.get("run_group") or os.environ.get("WANDB_RUN_GROUP"),
        "job_type": job_type or os.environ.get("WANDB_JOB_TYPE"),
        "settings": given,
    }
    values = as_mapping(config)
    if config_include_keys:
        values = {k: v for k, v in values.items() if k in config_include_keys}
    if config_exclude_keys:
        values = {k: v for k, v in values.items() if k not in config_exclude_keys}
    opened = Run(_trial_for(about, disabled), {} if disabled else _leased(), about, disabled)
    opened.config.setdefaults(values)
    for key, value in values.items():
        opened.config._put(key, value, True)  # says once what the sweep keeps
    opened.config.setdefaults(_defaults())
    _count += 1
    _set(opened)
    _tell(opened)
    return opened


def _words(text: Optional[str]) -> List[str]:
    return [w.strip() for w in (text or "").split(",") if w.strip()]


def _trial_for(about: Mapping[str, Any], disabled: bool) -> Any:
    """A trial of its own, or, where the ring belongs to the process, the one it has."""
    from .. import _trial as trials
    from .. import current

    if disabled:
        before = os.environ.get("HYPERTOP_DISABLE")
        os.environ["HYPERTOP_DISABLE"] = "1"
        try:
            return trials.Trial()
        finally:
            if before is None:
                del os.environ["HYPERTOP_DISABLE"]
            else:
                os.environ["HYPERTOP_DISABLE"] = before
    if os.environ.get("HYPERTOP_RING"):
        if _count:
            once("init again: everything this process logs is one run of hypertop, and goes on in it")
        return current()
    return _open_trial(str(about.get("name") or about.get("project") or os.path.basename(sys.argv[0] or "python")))


def _tell(opened: Run) -> None:
    trial = opened._trial
    for key in ("project", "name", "group", "job_type", "notes"):
        if opened._about.get(key):
            trial.text(f"{key}: {opened._about[key]}")
    if opened.tags:
        trial.text("tags: " + ", ".join(map(str, opened.tags)))
    if not opened.disabled and trial.live and not opened.settings.get("silent"):
        once("this run goes to hypertop; nothing is sent to W&B")


def _set(opened: Optional[Run]) -> None:
    """The names of the module that follow the run."""
    global run, config, summary
    run = opened
    if opened is not None:
        config, summary = opened.config, opened.summary
    else:
        config, summary = _BeforeInit("config"), _BeforeInit("summary")


def _finished(ended: Run) -> None:
    if run is ended:
        _set(None)
    ended._remove_folder()


@atexit.register
def _at_exit() -> None:
    if run is not None:
        run.finish()


def _method(name: str) -> Callable[..., Any]:
    def call(*args: Any, **named: Any) -> Any:
        if run is None:
            raise Error(f"You must call wandb.init() before wandb.{name}()")
        return getattr(run, name)(*args, **named)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`Run.{name}` of the run that is open."
    return call


log = _method("log")
save = _method("save")
define_metric = _method("define_metric")
alert = _method("alert")
watch = _method("watch")
unwatch = _method("unwatch")
log_artifact = _method("log_artifact")
log_model = _method("log_model")
use_artifact = _method("use_artifact")
use_model = _method("use_model")
link_model = _method("link_model")
restore = _method("restore")
mark_preempting = _method("mark_preempting")


def finish(exit_code: Optional[int] = None, quiet: Optional[bool] = None) -> None:
    """Ends the run that is open, if one is."""
    if run is not None:
        run.finish(exit_code)


join = finish


def login(*_: Any, **__: Any) -> bool:
    """There is nobody to log in to."""
    return True


def setup(*_: Any, **__: Any) -> Any:
    return Inert()


def teardown(exit_code: Optional[int] = None) -> None:
    finish(exit_code)


def ensure_configured() -> None:
    pass


def require(*_: Any, **__: Any) -> None:
    pass


def sweep(sweep: Any, *_: Any, **__: Any) -> str:
    """Inside a run of a sweep its id; else a name that stands for nothing."""
    found = os.environ.get("WANDB_SWEEP_ID") or os.environ.get("HYPERTOP_SWEEP")
    if not found:
        once("sweep: write the dict as a sweep file and start it with: hypertop run sweep.yaml")
    return found or _new_id()


def agent(sweep_id: Any, function: Optional[Callable[[], Any]] = None, *_: Any, **__: Any) -> None:
    """Calls the function once: with the sweep's values where hypertop started this program, else with its own."""
    if not os.environ.get("HYPERTOP_TRIAL"):
        once("agent: the function is called once; hypertop run sweep.yaml runs the sweep")
    if function is not None:
        function()
        finish()


def termlog(string: str = "", *_: Any, **__: Any) -> None:
    print(f"wandb: {string}", file=sys.stderr)


def termwarn(string: str = "", *_: Any, **__: Any) -> None:
    termlog(f"WARNING {string}")


def termerror(string: str = "", *_: Any, **__: Any) -> None:
    termlog(f"ERROR {string}")


def __getattr__(name: str) -> Any:
    """What is not above: submodules that scripts use, else something inert."""
    if name.startswith("_"):
        raise AttributeError(name)
    return _modules.attribute(name)


_modules.install(sys.modules[__name__])
