"""A Hugging Face Trainer on a made-up regression with HypertopCallback."""
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import Trainer, TrainingArguments

import hypertop
import hypertop.huggingface

folder, steps = sys.argv[1], int(sys.argv[2])


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x=None, labels=None):
        out = self.layer(x)
        return {"loss": torch.nn.functional.mse_loss(out, labels), "logits": out}


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, i):
        x = torch.randn(4, generator=torch.Generator().manual_seed(i))
        return {"x": x, "labels": x.sum().reshape(1)}


torch.set_num_threads(1)
trial = hypertop.init("hf-train")
arguments = TrainingArguments(
    output_dir=folder, max_steps=steps, per_device_train_batch_size=8, learning_rate=0.01, logging_steps=1, report_to=[],
    lr_scheduler_type="constant", use_cpu=True, disable_tqdm=True, eval_strategy="steps", eval_steps=50, save_strategy="no",
    dataloader_pin_memory=False,
)  # fmt: skip
trainer = Trainer(model=Net(), args=arguments, train_dataset=Rows(), eval_dataset=Rows(),
                  callbacks=[hypertop.huggingface.HypertopCallback()])
import transformers  # noqa: E402

trainer.remove_callback(transformers.PrinterCallback)
trainer.train()
rates = {}
for row in trainer.state.log_history:
    if "learning_rate" in row:
        rates.setdefault(row["learning_rate"], row["step"])
print("rates", rates, "stopped", trainer.control.should_training_stop, flush=True)
