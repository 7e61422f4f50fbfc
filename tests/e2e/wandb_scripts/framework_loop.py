"""The layout of a larger script: helper functions, wandb only on rank 0, imports of submodules."""
import os

import wandb
from wandb.sdk.wandb_run import Run
from wandb.errors import CommError


def is_main():
    return int(os.environ.get("RANK", "0")) == 0


def setup(config) -> Run:
    try:
        return wandb.init(project="wandb-scripts", config=config, mode=os.environ.get("WANDB_MODE", "offline"))
    except CommError:
        raise SystemExit("no connection")


class Meter:
    def __init__(self):
        self.n, self.total = 0, 0.0

    def add(self, value):
        self.n, self.total = self.n + 1, self.total + value

    @property
    def mean(self):
        return self.total / max(self.n, 1)


config = {"steps": 40, "log_every": 10}
run = setup(config) if is_main() else None
assert isinstance(run, Run)
meter, step = Meter(), 0
for step in range(1, config["steps"] + 1):
    meter.add(1 / step)
    if step % run.config["log_every"] == 0 and is_main():
        wandb.log({"train/mean": meter.mean, "train/step": step}, step=step)
wandb.log({"test/score": meter.mean}, step=step)
wandb.join() if hasattr(wandb, "join") else wandb.finish()
