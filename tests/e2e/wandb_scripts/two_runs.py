"""One process, several runs one after the other."""
import wandb

for lr in (0.1, 0.2, 0.3):
    run = wandb.init(project="wandb-scripts", config={"lr": lr}, reinit=True)
    for i in range(5):
        run.log({"value": lr * i})
    run.finish()
