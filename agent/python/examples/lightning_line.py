"""A PyTorch Lightning fit with a live learning rate: one callback.

    python lightning_line.py [STEPS]
"""

import sys

import lightning
import torch

import hypertop.lightning


class Line(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def _loss(self, batch: "tuple[torch.Tensor, torch.Tensor]") -> torch.Tensor:
        x, y = batch
        return torch.nn.functional.mse_loss(self.layer(x), y)

    def training_step(self, batch, _):  # type: ignore[no-untyped-def]
        loss = self._loss(batch)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, _):  # type: ignore[no-untyped-def]
        self.log("val_loss", self._loss(batch))

    def configure_optimizers(self):  # type: ignore[no-untyped-def]
        return torch.optim.SGD(self.parameters(), lr=0.01)


if __name__ == "__main__":
    torch.manual_seed(0)
    x = torch.randn(256, 4)
    rows = torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True))
    data = torch.utils.data.DataLoader(rows, batch_size=16)
    trainer = lightning.Trainer(
        max_steps=int(sys.argv[1]) if len(sys.argv) > 1 else 500, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, log_every_n_steps=1, callbacks=[hypertop.lightning.HypertopCallback(monitor="val_loss")],
    )  # fmt: skip
    trainer.fit(Line(), data, data)
