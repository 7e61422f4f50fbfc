"""mode="disabled": runs, logs nothing."""
import wandb

run = wandb.init(project="wandb-scripts", mode="disabled", config={"lr": 1})
for i in range(3):
    wandb.log({"loss": i})
assert run.config.lr == 1
wandb.finish()
