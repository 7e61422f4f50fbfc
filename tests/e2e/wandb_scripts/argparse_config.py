"""argparse into config, updates with allow_val_change, setdefaults, membership."""
import argparse

import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--learning_rate", type=float, default=0.05)
parser.add_argument("--batch_size", type=int, default=32)
parser.add_argument("--use_bias", action="store_true")
args = parser.parse_args([])

with wandb.init(project="wandb-scripts", config=args) as run:
    run.config.update({"batch_size": 64}, allow_val_change=True)
    run.config.setdefaults({"batch_size": 128, "momentum": 0.9})
    run.config.seed = 7
    assert "momentum" in run.config and run.config.get("absent", 3) == 3
    try:
        run.config.update({"batch_size": 1})
        raise SystemExit("a changed value was taken")
    except Exception as error:
        assert "allow_val_change" in str(error)
    for step in range(10):
        run.log({"train/loss": 1 / (1 + run.config.learning_rate * step), "train/bs": run.config.batch_size, "bias": args.use_bias})
