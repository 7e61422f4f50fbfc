"""Nested config, nested metrics."""
import wandb

config = {"model": {"layers": 3, "width": 128, "act": {"name": "relu", "slope": 0.1}}, "data": {"aug": ["flip", "crop"]}}
run = wandb.init(project="wandb-scripts", config=config)
assert wandb.config["model"]["act"]["slope"] == 0.1
for i in range(8):
    run.log({"train": {"loss": 1.0 / (i + 1), "acc": {"top1": i / 10, "top5": i / 8}}, "depth": wandb.config.model["layers"]})
run.finish()
