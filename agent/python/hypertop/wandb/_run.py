"""Run: what wandb.init returns, over one Trial.

Steps follow W&B: a row of the history is what is logged until a commit; without `step` every call commits, with it
rows end when the step grows, and a step that lies behind is left out. Points go out at once, not at the commit, so
that the console sees them and a killed process loses none. Each log is a safe point: a pause is waited out, and a
stop arrives as W&B's would: SIGTERM where an agent started the program, KeyboardInterrupt where a person did.
"""

import _thread
import glob as globbing
import math
import os
import shutil
import signal
import tempfile
import threading
import time
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .._trial import Trial
from ._config import Config
from ._media import Artifact, Media
from ._quiet import Inert, once, unmapped
from ._summary import AGGREGATES, Metric, Metrics, Summary

MODELS = (".pt", ".pth", ".ckpt", ".h5", ".keras", ".safetensors", ".pkl", ".pickle", ".joblib", ".npz", ".npy", ".bin",
          ".onnx", ".ubj", ".msgpack")  # fmt: skip
TEXTS = 200  # texts of one name that are passed on


class UsageError(Exception):
    """wandb was used in a way that W&B refuses as well."""


def scalar(value: Any) -> Any:
    """A number (True is 1) as W&B's history has it, else None. Arrays and tensors count when they have no dimension."""
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (str, bytes, Mapping, list, tuple, Media)) or value is None:
        return None
    try:
        if getattr(value, "shape", ()) != () and len(value.shape):
            return None
        return value.item() if hasattr(value, "item") else float(value)
    except Exception:
        return None


def leaves(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[Tuple[str, Any]]:
    """Names with dots and what they stand for."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


class Run:
    """One run. Also a context manager."""

    def __init__(self, trial: Trial, leased: Mapping[str, Any], about: Mapping[str, Any], disabled: bool) -> None:
        self._trial = trial
        self._turn = threading.RLock()
        self._about = dict(about)
        self._disabled = disabled
        self._agent = bool(os.environ.get("WANDB_SWEEP_ID") or os.environ.get("HYPERTOP_TRIAL"))
        self._keeps_trial = bool(os.environ.get("HYPERTOP_RING"))  # the ring is the run: it ends with the process
        self._step = 0
        self._at = 0  # step of the newest points
        self._row: Dict[str, Any] = {}  # of the step that is under way
        self._last: Dict[str, Any] = {}  # newest value of every metric, for step metrics
        self._texts: Dict[str, int] = {}
        self._left_out: Dict[str, int] = {}
        self._metrics = Metrics()
        self._started = time.time()
        self._folder: Optional[str] = None
        self._ended = False
        self._told_stop = False
        self.summary = Summary(self._summary_set)
        self.__dict__["config"] = Config(self._config_set)
        if leased:
            self.config._lock(leased)

    # ---- what it is ----

    @property
    def id(self) -> str:
        return str(self._about["id"])

    @property
    def name(self) -> str:
        return str(self._about.get("name") or f"run-{self.id}")

    @name.setter
    def name(self, name: str) -> None:
        self._about["name"] = name
        self._trial.text(f"name: {name}")

    @property
    def notes(self) -> Optional[str]:
        return self._about.get("notes")

    @notes.setter
    def notes(self, notes: str) -> None:
        self._about["notes"] = notes
        self._trial.text(f"notes: {notes}")

    @property
    def tags(self) -> Tuple[str, ...]:
        return tuple(self._about.get("tags") or ())

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self._about["tags"] = tuple(tags)
        self._trial.text("tags: " + ", ".join(map(str, tags)))

    @property
    def project(self) -> str:
        return str(self._about.get("project") or "uncategorized")

    @property
    def entity(self) -> str:
        return str(self._about.get("entity") or "")

    @property
    def group(self) -> str:
        return str(self._about.get("group") or "")

    @property
    def job_type(self) -> str:
        return str(self._about.get("job_type") or "")

    @property
    def sweep_id(self) -> Optional[str]:
        return os.environ.get("WANDB_SWEEP_ID") or os.environ.get("HYPERTOP_SWEEP") or None

    @property
    def path(self) -> str:
        return "/".join(p for p in (self.entity, self.project, self.id) if p)

    @property
    def settings(self) -> Any:
        return self._about["settings"]

    @property
    def step(self) -> int:
        return self._step

    @property
    def starting_step(self) -> int:
        return 0

    @property
    def start_time(self) -> float:
        return self._started

    @property
    def offline(self) -> bool:
        return True

    @property
    def disabled(self) -> bool:
        return self._disabled

    @property
    def resumed(self) -> bool:
        return False

    @property
    def mode(self) -> str:
        return "disabled" if self._disabled else "offline"

    url = project_url = sweep_url = None

    def get_url(self) -> None:
        return None

    get_project_url = get_sweep_url = get_url

    def project_name(self) -> str:
        return self.project

    @property
    def dir(self) -> str:
        """A folder for the run's files, made when somebody asks."""
        with self._turn:
            if self._folder is None:
                self._folder = self._make_folder()
            return self._folder

    @property
    def sync_dir(self) -> str:
        return os.path.dirname(self.dir)

    def _make_folder(self) -> str:
        base = self._about.get("dir") or os.environ.get("WANDB_DIR") or "."
        stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(self._started))
        folder = os.path.abspath(os.path.join(base, "wandb", f"offline-run-{stamp}-{self.id}", "files"))
        try:
            if self._disabled:
                raise OSError("disabled")
            os.makedirs(folder, exist_ok=True)
        except OSError:
            folder = tempfile.mkdtemp(prefix="wandb-")
        return folder

    # ---- configuration ----

    @property
    def config(self) -> Config:
        found: Config = self.__dict__["config"]
        return found

    @config.setter
    def config(self, config: Any) -> None:
        self.config.update(config, allow_val_change=True)

    @property
    def config_static(self) -> Any:
        return self.config

    def _config_set(self, key: str, value: Any) -> None:
        """Scalars are parameters of the run; what is none, or changes one, is text."""
        for name, leaf in leaves({key: value}):
            if name in self._trial.params:
                if self._trial.params[name] != leaf:
                    self._trial.text(f"config {name}: now {leaf!r}")
            elif not self._declare(name, leaf):
                self._trial.text(f"config {name}: {leaf!r}")

    def _declare(self, name: str, value: Any) -> bool:
        try:
            if isinstance(value, bool) or (isinstance(value, str) and value):
                self._trial.choice(name, [value])
            elif isinstance(value, int):
                self._trial.int(name, value, value)
            elif isinstance(value, float) and math.isfinite(value):
                self._trial.float(name, value, value)
            else:
                return False
        except ValueError:
            return False
        return True

    # ---- history ----

    def log(self, data: Any, step: Optional[int] = None, commit: Optional[bool] = None, sync: Optional[bool] = None) -> None:
        """Logs a dict of metrics; see the head of this file for steps."""
        if not isinstance(data, Mapping):
            raise ValueError("Data must be a dictionary") if self._disabled else TypeError(
                "wandb.log must be passed a dictionary"
            )
        if any(not isinstance(key, str) for key in data):
            raise TypeError("Key values passed to `wandb.log` must be strings.")
        if self._ended:
            raise UsageError(f"Run ({self.id}) is finished. The call to `log` will be ignored. Please make sure that "
                             "you are using an active run.")  # fmt: skip
        with self._turn:
            if step is not None:
                step = int(step)
                if step < self._step:
                    once(f"a step that lies behind (first: {step}, after {self._step}) is left out, as W&B does")
                    return
                if step > self._step:
                    if self._row:
                        self._end_row()
                    self._step = step
            self._put(data)
            if commit if commit is not None else step is None:
                self._end_row()
                self._step += 1
        if self._trial.should_stop and not self._told_stop:
            self._told_stop = True
            self._stop()

    def _put(self, data: Mapping[str, Any]) -> None:
        good: Dict[str, Any] = {}
        for name, value in leaves(data):
            number = scalar(value)
            if number is None:
                self._no_number(name, value)
            else:
                good[name] = number
        if good:
            self._trial.log(good, step=self._step)
            self._at = self._step
            self._row.update(good)
            self._last.update(good)

    def _end_row(self) -> None:
        """Step metrics that the row lacks get their last value, and the summary follows."""
        if self._metrics:
            for name in list(self._row):
                metric = self._metrics.of(name)
                axis = metric.step_metric if metric is not None and metric.step_sync else None
                if axis and axis not in self._row and axis in self._last:
                    self._trial.log({axis: self._last[axis]}, step=self._step)
                    self._row[axis] = self._last[axis]
        for name, value in self._row.items():
            self.summary._logged(name, value, self._metrics.of(name))
        self._row = {}

    def _no_number(self, name: str, value: Any) -> None:
        """Text goes to the run's text, a few words of the rest as well; all is counted."""
        if value is None:
            return
        kind = type(value).__name__
        self._left_out[kind] = self._left_out.get(kind, 0) + 1
        self.summary._logged(name, value, None)
        seen = self._texts[name] = self._texts.get(name, 0) + 1
        if seen > TEXTS:
            return
        if isinstance(value, (str, bytes)):
            words = str(value)
        else:
            once(f"{name}: {kind} is not kept, only numbers and text are")
            words = value.words() if isinstance(value, Media) else _size(value)
        self._trial.text(f"{name}: {words}", step=self._step)

    def _summary_set(self, name: str, value: Any) -> None:
        """What only the summary has is a metric; what the history has too is text, so that the history stays."""
        for leaf, what in leaves({name: value}):
            number = scalar(what)
            if number is not None and leaf not in self._last:
                self._trial.log({leaf: number}, step=self._at)
            else:
                self._trial.text(f"summary {leaf}: {what!r}" if not isinstance(what, Media) else f"summary {leaf}")

    def define_metric(
        self, name: Any, step_metric: Any = None, step_sync: Optional[bool] = None, hidden: Optional[bool] = None,
        summary: Optional[str] = None, goal: Optional[str] = None, overwrite: Optional[bool] = None,
    ) -> Metric:  # fmt: skip
        """A summary (min, max, mean, best, last, first, none), a goal, a metric that is the x axis."""
        kinds = tuple(s.strip() for s in (summary or "").split(",") if s.strip())
        for kind in kinds:
            if kind not in AGGREGATES:
                raise UsageError(f"define_metric() summary must be one of {', '.join(AGGREGATES)}, not {kind}")
        axis = getattr(step_metric, "name", step_metric)
        metric = Metric(str(name), axis, kinds, goal, bool(axis) if step_sync is None else step_sync)
        with self._turn:
            self._metrics.define(metric)
        return metric

    # ---- steering ----

    def _stop(self) -> None:
        if self._agent:
            os.kill(os.getpid(), signal.SIGTERM)
            if threading.current_thread() is threading.main_thread():
                signal.pthread_sigmask(signal.SIG_BLOCK, [])  # a point at which handlers run
        else:
            _thread.interrupt_main()

    # ---- files and words ----

    def save(
        self, glob_str: Any = None, base_path: Any = None, policy: str = "live", **_: Any
    ) -> List[str]:
        """Files stay where they are; models among them are the run's checkpoints."""
        if glob_str is None:
            return []
        found = sorted(globbing.glob(os.fspath(glob_str)))
        for path in found:
            self._model(path)
        if not found:
            once(f"save: there is no {os.fspath(glob_str)}")
        return [os.path.abspath(p) for p in found]

    def _model(self, path: str) -> None:
        if path.endswith(MODELS) and os.path.exists(path):
            self._trial.checkpoint(os.path.abspath(path), step=self._step)

    def log_artifact(self, artifact_or_path: Any, name: Optional[str] = None, type: Optional[str] = None, **_: Any) -> Artifact:
        artifact = artifact_or_path
        if not isinstance(artifact, Artifact):
            path = os.fspath(artifact)
            artifact = Artifact(name or os.path.basename(path), type or "unspecified")
            (artifact.add_dir if os.path.isdir(path) else artifact.add_file)(path)
        once("artifacts are not kept: their files stay where they are")
        self._trial.text(f"artifact {artifact.name} ({artifact.type}): {len(artifact.files)} files", step=self._step)
        for path in artifact.files:
            self._model(path)
        return artifact

    upsert_artifact = finish_artifact = log_artifact

    def log_model(self, path: Any, name: Optional[str] = None, **_: Any) -> Artifact:
        return self.log_artifact(path, name, "model")

    def use_artifact(self, artifact_or_name: Any, *_: Any, **__: Any) -> Any:
        if isinstance(artifact_or_name, Artifact):
            return artifact_or_name
        unmapped("use_artifact")
        return Inert()

    def use_model(self, name: str) -> str:
        unmapped("use_model")
        return name

    def restore(self, name: str, *_: Any, **__: Any) -> Any:
        path = os.path.join(self.dir, name)
        if not os.path.isfile(path):
            unmapped("restore")
            return None
        return open(path, "r+")

    def alert(self, title: str, text: str = "", level: Any = None, wait_duration: Any = None) -> None:
        self._trial.text(f"alert {getattr(level, 'value', level) or 'INFO'}: {title}: {text}", step=self._step)

    def watch(self, models: Any = None, *_: Any, **__: Any) -> None:
        """W&B logs histograms of gradients and parameters; they are not kept."""
        once("watch: histograms of gradients and parameters are not kept")

    def unwatch(self, models: Any = None) -> None:
        pass

    def log_code(self, *_: Any, **__: Any) -> None:
        unmapped("log_code")

    def link_artifact(self, *_: Any, **__: Any) -> None:
        unmapped("link_artifact")

    def link_model(self, *_: Any, **__: Any) -> None:
        unmapped("link_model")

    def mark_preempting(self) -> None:
        self._trial.text("preempting", step=self._step)

    def status(self) -> Any:
        return Inert()

    def display(self, *_: Any, **__: Any) -> bool:
        return False

    def to_html(self, *_: Any, **__: Any) -> str:
        return f"<p>run {self.name}: hypertop attach</p>"

    def write_logs(self, text: str) -> None:
        self._trial.text(text)

    def pin_config_keys(self, *_: Any, **__: Any) -> None:
        pass

    # ---- the end ----

    def finish(self, exit_code: Optional[int] = None, quiet: Optional[bool] = None) -> None:
        """The end of the run; the process goes on."""
        from . import _finished

        if self._ended:
            return
        with self._turn:
            self._end_row()
            self._ended = True
        if self._left_out:
            counts = ", ".join(f"{n} {kind}" for kind, n in sorted(self._left_out.items()))
            self._trial.text(f"not numbers: {counts}")
        if exit_code:
            self._trial.text(f"finished with exit code {exit_code}")
        if self._keeps_trial:
            self._trial.flush()
        else:
            self._trial.close()
        _finished(self)

    join = finish

    def _remove_folder(self) -> None:
        """A folder that nobody wrote into goes again."""
        if self._folder and os.path.isdir(self._folder) and not os.listdir(self._folder):
            shutil.rmtree(os.path.dirname(self._folder) if self._folder.endswith("files") else self._folder, True)

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None and not issubclass(kind, (SystemExit, KeyboardInterrupt)):
            self._trial.text(f"ended by {kind.__name__}: {error}")
        self.finish(1 if kind is not None else 0)

    def __repr__(self) -> str:
        return f"<hypertop.wandb run {self.id}>"


def _size(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{type(value).__name__} of shape {tuple(shape)}"
    try:
        return f"{type(value).__name__} of {len(value)}"
    except TypeError:
        return type(value).__name__
