"""A torch model: wandb.watch, tensors, a learning-rate schedule, a saved model."""
import os

import torch
import wandb

torch.manual_seed(0)
hyper = dict(epochs=5, lr=0.1, gamma=0.5)
run = wandb.init(project="wandb-scripts", config=hyper, job_type="train", notes="watch")
model = torch.nn.Linear(4, 1)
wandb.watch(model, torch.nn.functional.mse_loss, log="all", log_freq=1000)
optimizer = torch.optim.SGD(model.parameters(), lr=wandb.config.lr)
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, wandb.config.gamma)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
for epoch in range(wandb.config.epochs):
    loss = torch.nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    wandb.log({"epoch": epoch, "loss": loss, "lr": schedule.get_last_lr()[0], "w0": model.weight[0, 0]})
    schedule.step()
path = os.path.join(run.dir, "model.pt")
torch.save(model.state_dict(), path)
wandb.save(path)
wandb.unwatch(model)
wandb.finish()
