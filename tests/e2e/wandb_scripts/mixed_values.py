"""Numpy scalars, booleans, NaN, text, histograms, tables, images, arrays."""
import numpy as np

import wandb

run = wandb.init(project="wandb-scripts")
table = wandb.Table(columns=["id", "score"])
for i in range(6):
    table.add_data(i, i * 0.5)
    run.log({
        "f32": np.float32(0.1 * i), "i64": np.int64(i), "zero_dim": np.array(i / 3), "flag": i % 2 == 0,
        "bad": float("nan") if i == 2 else 1.0, "huge": float("inf") if i == 3 else 2.0, "note": f"step {i}",
        "weights": wandb.Histogram(np.random.RandomState(i).randn(100)),
    })
run.log({"scores": table, "last": 1})
assert len(table.data) == 6
run.finish()
