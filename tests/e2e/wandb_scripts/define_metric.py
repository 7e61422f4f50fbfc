"""Own x axes, patterns, summaries."""
import wandb

run = wandb.init(project="wandb-scripts")
wandb.define_metric("epoch")
wandb.define_metric("val/*", step_metric="epoch")
wandb.define_metric("loss", summary="min")
wandb.define_metric("acc", summary="max")
for step in range(30):
    wandb.log({"loss": abs(15 - step) / 10 + 0.5, "acc": 1 - abs(20 - step) / 30})
    if step % 10 == 9:
        wandb.log({"epoch": step // 10})
        wandb.log({"val/loss": step / 100, "val/acc": 0.5})
print("best", run.summary["loss"]["min"], run.summary["acc"]["max"])
assert run.summary["loss"]["min"] == 0.5 and run.summary["acc"]["max"] == 1.0
wandb.finish()
