"""Under torchrun: rank 0 is the run, the others read its values and its stop."""
import torch.distributed as dist

import hypertop
import hypertop.torch

dist.init_process_group("gloo")
trial = hypertop.init("ranks")
trial.float("lr", 0, 1, default=0.25, live=True)
for step in range(5):
    trial.log({"loss": float(step)}, step=step)
    stop = hypertop.torch.sync(trial)
print("rank", trial.rank, trial.live, trial.lr, stop, flush=True)
dist.destroy_process_group()
