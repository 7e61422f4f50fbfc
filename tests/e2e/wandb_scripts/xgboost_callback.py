"""W&B's callback for XGBoost."""
import numpy as np
import xgboost
from wandb.integration.xgboost import WandbCallback

import wandb

run = wandb.init(project="wandb-scripts", config={"eta": 0.3, "max_depth": 3})
rng = np.random.RandomState(0)
x = rng.randn(200, 5)
y = (x[:, 0] + 0.1 * rng.randn(200) > 0).astype(int)
train, valid = xgboost.DMatrix(x[:150], y[:150]), xgboost.DMatrix(x[150:], y[150:])
params = {"objective": "binary:logistic", "eta": run.config.eta, "max_depth": run.config.max_depth, "nthread": 1,
          "eval_metric": ["logloss", "error"]}
xgboost.train(params, train, 8, evals=[(train, "train"), (valid, "valid")], verbose_eval=False, early_stopping_rounds=5,
              callbacks=[WandbCallback()])
run.finish()
