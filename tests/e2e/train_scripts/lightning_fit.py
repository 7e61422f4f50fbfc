"""A Lightning fit of a small regression with HypertopCallback; runs until it is stopped or has done its steps."""
import csv
import sys
import warnings

import lightning
import torch
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger

import hypertop
import hypertop.lightning

warnings.filterwarnings("ignore")
folder, steps = sys.argv[1], int(sys.argv[2])


class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _):
        x, y = batch
        loss = torch.nn.functional.mse_loss(self.layer(x), y)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, _):
        x, y = batch
        self.log("val_loss", torch.nn.functional.mse_loss(self.layer(x), y))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


torch.manual_seed(0)
torch.set_num_threads(1)
x = torch.randn(64, 4)
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8)
trial = hypertop.init("lightning-fit")
trainer = lightning.Trainer(
    max_steps=steps, logger=CSVLogger(folder), log_every_n_steps=1, enable_progress_bar=False, accelerator="cpu",
    enable_model_summary=False, enable_checkpointing=False,
    callbacks=[hypertop.lightning.HypertopCallback(checkpoints=folder + "/checkpoints"), LearningRateMonitor("step")],
)  # fmt: skip
trainer.fit(Line(), data, data)
rates = [(int(r["step"]), float(r["lr-SGD"])) for r in csv.DictReader(open(trainer.logger.log_dir + "/metrics.csv")) if r.get("lr-SGD")]
print("rates", {rate: step for step, rate in reversed(rates)}, "stopped", trainer.should_stop, flush=True)
