"""XGBoost with HypertopCallback and a live learning rate."""
import sys

import numpy as np
import xgboost

import hypertop
import hypertop.xgboost

folder, rounds = sys.argv[1], int(sys.argv[2])
trial = hypertop.init("xgboost-train")
rng = np.random.RandomState(0)
x = rng.randn(400, 5)
y = x[:, 0] * 2 + rng.randn(400) * 0.1
train, valid = xgboost.DMatrix(x[:300], y[:300]), xgboost.DMatrix(x[300:], y[300:])
callback = hypertop.xgboost.HypertopCallback(live={"learning_rate": (0.001, 1.0, 0.3)}, checkpoints=folder)
seen = []
trial.on_change("learning_rate")(lambda value, old: seen.append((old, value)))
history = {}
booster = xgboost.train({"max_depth": 2, "nthread": 1}, train, rounds, evals=[(valid, "valid")], callbacks=[callback],
                        verbose_eval=False, evals_result=history)
print("rates", seen, "rounds", booster.num_boosted_rounds(), flush=True)
