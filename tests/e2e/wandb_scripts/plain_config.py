"""A dict as config, attribute and item access, one log a step."""
import math

import wandb

run = wandb.init(project="wandb-scripts", name="plain", config={"lr": 0.1, "epochs": 12, "optimizer": "sgd"}, tags=["a", "b"])
config = wandb.config
loss = 1.0
for epoch in range(config.epochs):
    loss *= 1 - config["lr"]
    wandb.log({"epoch": epoch, "loss": loss, "log_loss": math.log(loss)})
wandb.finish()
