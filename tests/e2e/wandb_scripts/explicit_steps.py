"""step=, commit=False, rows put together from several calls, steps that lie behind."""
import wandb

wandb.init(project="wandb-scripts")
for step in range(0, 50, 5):
    wandb.log({"loss": 50 - step}, step=step)
    wandb.log({"grad_norm": step * 0.5}, step=step)
    if step % 20 == 0:
        wandb.log({"eval/acc": step / 50}, step=step)
wandb.log({"late": 1}, step=3)
wandb.log({"a": 1}, commit=False)
wandb.log({"b": 2}, commit=False)
wandb.log({"c": 3})
wandb.log({"c": 4})
wandb.log({"d": 5}, step=100)
wandb.log({"d": 6}, step=100)
wandb.log({"e": 7}, step=100, commit=True)
wandb.log({"e": 8})
assert wandb.run.step == 102, wandb.run.step
wandb.finish()
