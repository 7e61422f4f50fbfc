"""The measured look-up tables of the shared data folder as optimisation problems.

A Problem has parameters (declared for a sweep file), rows (one value a parameter), a loss a row (None: the configuration fails),
and the numbers that normalised regret is made of: best and median loss of the configurations that do not fail. Losses are
minimised; `maximise` columns are negated on reading. Nothing here is random.
"""
import csv
import math
import os
import statistics

try:
    import numpy  # only makes the look-up of nearest rows faster
except ImportError:
    numpy = None

# A numeric column with more distinct values than this is a range, one with fewer a list of values.
RANGE_ABOVE = 32


class Param:
    """kind: 'ordered' (a list of numbers), 'range' (low, high, log, integer) or 'choice' (labels). parent: (name, [values]) or None."""

    def __init__(self, name, kind, values=None, low=None, high=None, log=False, integer=False, parent=None):
        self.name, self.kind, self.values, self.parent = name, kind, values, parent
        self.low, self.high, self.log, self.integer = low, high, log, integer
        self.logs = False
        if kind == "ordered":
            self.logs = values[0] > 0 and len(values) > 2 and _uneven([math.log(v) for v in values]) < _uneven(values)

    def place(self, value):
        """Coordinate in [0,1] for the distance between a proposed point and the rows; a label stays as it is."""
        if self.kind == "choice" or value is None:
            return value
        if self.kind == "ordered":
            low, high, logs = self.values[0], self.values[-1], self.logs
        else:
            low, high, logs = self.low, self.high, self.log
        if high == low:
            return 0.0
        if logs:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)


def _uneven(x):
    gaps = [b - a for a, b in zip(x, x[1:])]
    total = sum(gaps)
    return sum(g * g for g in gaps) * len(gaps) / (total * total) if total > 0 else math.inf


class Problem:
    """A table. loss(params) -> float or None; a point that is no row counts as the nearest one."""

    def __init__(self, group, name, params, rows, losses, curves=None):
        self.group, self.name, self.params = group, name, params
        self.losses, self.curves = losses, curves
        good = [v for v in losses if v is not None]
        self.best, self.median, self.worst = min(good), statistics.median(good), max(good)
        self.rows = rows
        self.places = [tuple(p.place(v) for p, v in zip(params, row)) for row in rows]
        self.exact = {tuple(row): i for i, row in reversed(list(enumerate(rows)))}
        self.seen = {}
        self.order = list(range(len(rows)))
        self.columns = None
        if numpy is not None:
            self.columns = [numpy.array([math.nan if v is None else v for v in c]) if p.kind != "choice" else numpy.array(c, dtype=object)
                            for p, c in zip(params, zip(*self.places))]

    def row_of(self, point):
        key = tuple(point.get(p.name) for p in self.params)
        if key in self.exact:
            return self.exact[key]
        if key not in self.seen:
            self.seen[key] = self._nearest([p.place(v) for p, v in zip(self.params, key)])
        return self.seen[key]

    def _nearest(self, at):
        """Least sum of squared differences; a label that differs counts 1. The first of equals."""
        if self.columns:
            d = sum((c - a) ** 2 if p.kind != "choice" else (c != a).astype(float)
                    for p, c, a in zip(self.params, self.columns, at))
            return int(d.argmin())
        best, least = 0, math.inf
        for row in self.order:
            d = 0.0
            for p, a, b in zip(self.params, at, self.places[row]):
                d += (a - b) * (a - b) if p.kind != "choice" else a != b
                if d >= least:
                    break
            else:
                best, least = row, d
        return best

    def loss(self, point):
        return self.losses[self.row_of(point)]

    def regret(self, loss):
        if self.median == self.best:  # more than half of the table is as good as the best
            return float(loss > self.best)
        return abs(loss - self.best) / abs(self.median - self.best)


def _number(text):
    try:
        x = float(text)
    except ValueError:
        return None
    return int(x) if x.is_integer() and abs(x) < 1e15 else x


def _column(name, cells, log=None):
    """A parameter from the column's cells (texts), and the cells as values."""
    numbers = [_number(c) for c in cells]
    if any(n is None or not math.isfinite(n) for n in numbers):
        return Param(name, "choice", values=sorted(set(cells))), cells
    distinct = sorted(set(numbers))
    if len(distinct) <= RANGE_ABOVE and log is None:
        return Param(name, "ordered", values=distinct), numbers
    low, high = distinct[0], distinct[-1]
    if log is None:
        log = low > 0 and high / low >= 100
    return Param(name, "range", low=low, high=high, log=log, integer=all(isinstance(n, int) for n in distinct)), numbers


def _problem(group, name, columns, losses, curves=None, logs=None):
    """columns: {name: [texts]}. Columns with a single value are left out."""
    params, values = [], []
    for column, cells in columns.items():
        if len(set(cells)) < 2:
            continue
        p, v = _column(column, cells, (logs or {}).get(column))
        params.append(p)
        values.append(v)
    return Problem(group, name, params, [tuple(row) for row in zip(*values)], losses, curves)


def _read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def _loss(text, sign):
    x = float(text) if text not in ("", None) else math.nan
    return sign * x if math.isfinite(x) else None


def _steplaw(root, table):
    kind, _, group = table.partition(" ")
    want = {k: float(v) for k, v in (part.split("=") for part in group.split())}
    rows = [r for r in _read(f"{root}/steplaw/{kind}_lr_bs_loss.csv") if all(abs(float(r[k]) / v - 1) < 2e-3 for k, v in want.items())]
    return _problem("steplaw", table, {"lr": [r["lr"] for r in rows], "bs": [r["bs"] for r in rows]},
                    [_loss(r["smooth loss"], 1) for r in rows])


def _deepobs(root, table):
    by = {}
    for r in _read(f"{root}/deepobs/{table}.csv"):
        if r["seed"] == "42":
            by.setdefault((r["optimizer"], r["lr"]), []).append((int(r["epoch"]), r))
    column, sign = ("test_loss", 1) if table in ("mnist_vae", "quadratic_deep") else ("test_acc", -1)
    configs = sorted(by)
    curves = [[_loss(r[column], sign) for _, r in sorted(by[c], key=lambda e: e[0])] for c in configs]
    return _problem("deepobs", table, {"optimizer": [c[0] for c in configs], "lr": [c[1] for c in configs]},
                    [c[-1] for c in curves], curves, {"lr": True})


def _hpo_rl(root, table):
    by = {}
    for r in _read(f"{root}/hpo_rl_bench/{table}.csv"):
        by.setdefault((r["lr_log10"], r["gamma"], r["clip"]), {}).setdefault(int(r["eval_index"]), []).append(float(r["return_eval"]))
    configs = sorted(by)
    curves = [[-statistics.fmean(by[c][e]) for e in sorted(by[c])] for c in configs]
    columns = {k: [c[i] for c in configs] for i, k in enumerate(("lr_log10", "gamma", "clip"))}
    return _problem("hpo_rl_bench", table, columns, [c[-1] for c in curves], curves)


def _kernel(root, table):
    rows = _read(f"{root}/kernel_tuning/{table}.csv")
    names = [c for c in rows[0] if c not in ("time_ms", "status", "compile_ms")]
    return _problem("kernel_tuning", table, {n: [r[n] for r in rows] for n in names}, [_loss(r["time_ms"], 1) for r in rows])


def _lcbench(root, table):
    rows = _read(f"{root}/lcbench_surrogate/{table}.csv")
    logs = {"batch_size": True, "learning_rate": True, "weight_decay": False, "momentum": False, "max_dropout": False,
            "max_units": True, "num_layers": None}
    curves = [[-float(r[f"val_acc_{e}"]) for e in range(1, 53)] for r in rows]
    return _problem("lcbench_surrogate", table, {n: [r[n] for r in rows] for n in logs}, [c[-1] for c in curves], curves, logs)


def _moot(root, table, goal):
    """Configurations that were measured several times keep their first row, as a tuner would see it."""
    rows = _read(f"{root}/moot/{table}.csv")
    sign = 1 if goal.startswith("min") else -1
    target = goal.split()[1]
    names = [c for c in rows[0] if c[-1] not in "+-X"]
    return _problem("moot", table, {n: [r[n] for r in rows] for n in names}, [_loss(r[target], sign) for r in rows])


def load(root, row):
    """The problem of one row of tables.csv."""
    name = row["table"]
    if row["set"] == "moot":
        return _moot(root, name, row["goal"])
    return {"steplaw": _steplaw, "deepobs": _deepobs, "hpo_rl_bench": _hpo_rl, "kernel_tuning": _kernel,
            "lcbench_surrogate": _lcbench}[row["set"]](root, name)


def listing(root):
    return _read(os.path.join(root, "tables.csv")) if os.path.exists(os.path.join(root, "tables.csv")) else []
