"""XGBoost with a learning rate that people may change between rounds.

    python xgboost_trees.py [ROUNDS]
"""

import sys

import numpy as np
import xgboost

import hypertop.xgboost

if __name__ == "__main__":
    rng = np.random.RandomState(0)
    x = rng.randn(600, 6)
    y = x[:, 0] * 2 + np.sin(3 * x[:, 1]) + 0.1 * rng.randn(600)
    train, valid = xgboost.DMatrix(x[:450], y[:450]), xgboost.DMatrix(x[450:], y[450:])
    callback = hypertop.xgboost.HypertopCallback(live={"learning_rate": (0.001, 1.0, 0.1)})
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    xgboost.train({"max_depth": 3}, train, rounds, evals=[(valid, "valid")], callbacks=[callback], verbose_eval=False)
