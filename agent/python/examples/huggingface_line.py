"""The Trainer of Hugging Face transformers with a live learning rate: one callback. Data and model are made up here.

    python huggingface_line.py [STEPS]
"""

import sys

import torch
from transformers import Trainer, TrainingArguments

import hypertop.huggingface


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x=None, labels=None):  # type: ignore[no-untyped-def]
        out = self.layer(x)
        return {"loss": torch.nn.functional.mse_loss(out, labels), "logits": out}


class Rows(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return 256

    def __getitem__(self, i: int) -> "dict[str, torch.Tensor]":
        x = torch.randn(4, generator=torch.Generator().manual_seed(i))
        return {"x": x, "labels": x.sum().reshape(1)}


if __name__ == "__main__":
    arguments = TrainingArguments(
        output_dir="huggingface-line", max_steps=int(sys.argv[1]) if len(sys.argv) > 1 else 300, learning_rate=0.01,
        per_device_train_batch_size=16, logging_steps=1, eval_strategy="steps", eval_steps=50, save_strategy="no",
        report_to=[], use_cpu=True, disable_tqdm=True, dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = Trainer(model=Net(), args=arguments, train_dataset=Rows(), eval_dataset=Rows(),
                      callbacks=[hypertop.huggingface.HypertopCallback()])  # fmt: skip
    trainer.train()
