"""A plain torch loop with hypertop.torch.live and a checkpoint function."""
import sys

import torch

import hypertop
import hypertop.torch

folder, steps = sys.argv[1], int(sys.argv[2])
torch.manual_seed(0)
torch.set_num_threads(1)
trial = hypertop.init("torch-loop")
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.001)
hypertop.torch.live(optimizer)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
saved, rates = [], {}


@trial.on_checkpoint
def save(step):
    path = f"{folder}/step-{step}.pt"
    torch.save(model.state_dict(), path)
    saved.append((step, optimizer.param_groups[0]["lr"]))
    return path


for step in range(steps):
    loss = torch.nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    trial.step = step
    optimizer.step()
    group = optimizer.param_groups[0]
    trial.log({"loss": loss, "lr": group["lr"], "weight_decay": group["weight_decay"]}, step=step)
    rates.setdefault((group["lr"], group["weight_decay"]), step)
    if trial.stopped:
        break
print("rates", rates, "saved", saved, "stopped", trial.stopped, flush=True)
