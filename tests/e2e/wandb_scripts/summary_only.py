"""Values that only the summary gets."""
import wandb

run = wandb.init(project="wandb-scripts", config=dict(lr=0.5))
best = 0
for i in range(10):
    acc = (i * 7 % 10) / 10
    best = max(best, acc)
    wandb.log({"acc": acc})
wandb.run.summary["best_acc"] = best
wandb.summary["n_params"] = 1234
run.summary.update({"final": {"acc": acc}})
assert run.summary["best_acc"] == 0.9 and run.summary["acc"] == acc
