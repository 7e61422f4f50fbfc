#!/usr/bin/env python3
"""What one logged value costs the training process in Python: ours beside csv.writer and, where they can be imported by this
interpreter, TensorBoard, wandb (offline), MLflow (file store), trackio and DVCLive. One JSON object a line.

    HYPERTOP_LIB=build/libhypertop.so tests/bench/python/bench_python.py [--values N] [--repeat R]

Processor time of the logging process (us_cpu, all its threads) and elapsed time (us_wall) for each value; of several
repetitions the best, so that a busy machine weighs less. Ours is measured with nobody draining the ring (relay False,
a new ring for each repetition, at most as many values as it holds), so nothing but the call itself is in it.
"""

import argparse
import csv
import importlib.util
import json
import os
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "agent", "python"))
sys.dont_write_bytecode = True

NAMES = [f"metric_{i}" for i in range(10)]
RING = 100_000  # values that surely fit one lane of a ring


class Ours:
    name, package, most = "hypertop", None, RING

    def __init__(self, folder):
        import hypertop

        os.environ["HYPERTOP_RUNTIME_DIR"] = folder
        self.trial = hypertop.init("bench", relay=False)
        if not self.trial.live:
            raise RuntimeError("hypertop is inert: set HYPERTOP_LIB and build the library")
        self.one, self.ten = self.trial.log, self.trial.log

    def log_one(self, step, value):
        self.one("loss", value, step=step)

    def log_ten(self, step, values):
        self.ten(values, step=step)

    def close(self):
        if self.trial.dropped:
            raise RuntimeError("the ring was full: the figure would be that of dropping")
        self.trial.close()


class Csv:
    name, package, most = "csv", None, 10**6

    def __init__(self, folder):
        self.file = open(os.path.join(folder, "log.csv"), "w", newline="")
        self.row = csv.writer(self.file).writerow

    def log_one(self, step, value):
        self.row((step, value))

    def log_ten(self, step, values):
        self.row((step, *values.values()))

    def close(self):
        self.file.close()


class CsvFlushed(Csv):
    """Every row handed to the kernel: like ours, it outlives a killed process."""

    name, most = "csv-flushed", 100_000

    def log_one(self, step, value):
        self.row((step, value))
        self.file.flush()

    def log_ten(self, step, values):
        self.row((step, *values.values()))
        self.file.flush()


class TensorBoard:
    name, package, most = "tensorboard", "tensorboard", 20_000

    def __init__(self, folder):
        if importlib.util.find_spec("torch"):
            from torch.utils.tensorboard import SummaryWriter
        else:
            from tensorboardX import SummaryWriter
        self.writer = SummaryWriter(folder)

    def log_one(self, step, value):
        self.writer.add_scalar("loss", value, step)

    def log_ten(self, step, values):
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self):
        self.writer.close()


class Wandb:
    name, package, most = "wandb-offline", "wandb", 20_000

    def __init__(self, folder):
        import wandb

        self.run = wandb.init(mode="offline", dir=folder, settings=wandb.Settings(silent=True, console="off"))

    def log_one(self, step, value):
        self.run.log({"loss": value}, step=step)

    def log_ten(self, step, values):
        self.run.log(values, step=step)

    def close(self):
        self.run.finish()


class Mlflow:
    name, package, most = "mlflow", "mlflow", 2_000

    def __init__(self, folder):
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # what it says about its maintenance is no error
        import mlflow

        self.mlflow = mlflow
        mlflow.set_tracking_uri("file://" + folder)
        mlflow.set_experiment("bench")
        mlflow.start_run()

    def log_one(self, step, value):
        self.mlflow.log_metric("loss", value, step=step)

    def log_ten(self, step, values):
        self.mlflow.log_metrics(values, step=step)

    def close(self):
        self.mlflow.end_run()


class Trackio:
    name, package, most = "trackio", "trackio", 5_000

    def __init__(self, folder):
        os.environ["TRACKIO_DIR"] = folder
        import trackio

        self.trackio = trackio
        trackio.init(project="bench")

    def log_one(self, step, value):
        self.trackio.log({"loss": value}, step=step)

    def log_ten(self, step, values):
        self.trackio.log(values, step=step)

    def close(self):
        self.trackio.finish()


class Dvclive:
    name, package, most = "dvclive", "dvclive", 2_000

    def __init__(self, folder):
        from dvclive import Live

        self.live = Live(folder, report=None, save_dvc_exp=False)

    def log_one(self, step, value):
        self.live.step = step
        self.live.log_metric("loss", value)

    def log_ten(self, step, values):
        self.live.step = step
        for name, value in values.items():
            self.live.log_metric(name, value)

    def close(self):
        self.live.end()


def measure(tool, calls, ten):
    """Microseconds a call: processor, elapsed."""
    with tempfile.TemporaryDirectory(prefix="ht-") as folder:
        os.chmod(folder, 0o700)
        logger = tool(folder)
        values = {name: 0.1 + i for i, name in enumerate(NAMES)}
        log = logger.log_ten if ten else logger.log_one
        what = values if ten else 0.5
        log(0, what)  # what is paid once
        cpu, wall = time.process_time(), time.perf_counter()
        for step in range(1, calls + 1):
            log(step, what)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        logger.close()
    return cpu / calls * 1e6, wall / calls * 1e6


def bench(tool, values, repeat):
    for shape, width in (("single", 1), ("dict-of-10", 10)):
        calls = max(1, min(values, tool.most) // width)
        runs = [measure(tool, calls, width == 10) for _ in range(repeat)]
        yield {
            "bench": "python-log", "tool": tool.name, "shape": shape, "values": calls * width,
            "us_cpu_per_value": round(min(r[0] for r in runs) / width, 3),
            "us_wall_per_value": round(min(r[1] for r in runs) / width, 3),
            "python": ".".join(map(str, sys.version_info[:3])),
        }  # fmt: skip


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--values", type=int, default=RING)
    p.add_argument("--repeat", type=int, default=5)
    options = p.parse_args()
    for tool in (Ours, Csv, CsvFlushed, TensorBoard, Wandb, Mlflow, Trackio, Dvclive):
        if tool.package and not importlib.util.find_spec(tool.package):
            print(json.dumps({"bench": "python-log", "tool": tool.name, "skip": "not installed"}), flush=True)
            continue
        try:
            for line in bench(tool, options.values, options.repeat):
                print(json.dumps(line), flush=True)
        except Exception as error:
            print(json.dumps({"bench": "python-log", "tool": tool.name, "skip": f"{type(error).__name__}: {error}"}))
            if tool is Ours:
                sys.exit(1)


if __name__ == "__main__":
    main()
