"""wandb.integration.xgboost.WandbCallback: evaluations as DATA-METRIC in the rows and order that W&B's has."""

from typing import Any

from ._media import Media
from ._quiet import once

LOWER = ("rmse", "rmsle", "mae", "mape", "mphe", "logloss", "error", "merror")
HIGHER = ("auc", "aucpr", "ndcg", "map", "ndcg@n", "map@n")


class _Importance(Media):
    def __init__(self, score: Any) -> None:
        self.score = score

    def words(self) -> str:
        best = sorted(self.score, key=lambda f: -float(self.score[f]))[:10]
        return ", ".join(f"{f} {self.score[f]:.4g}" for f in best)


def xgboost_callback(
    log_model: bool = False, log_feature_importance: bool = True, importance_type: str = "gain", define_metric: bool = True
) -> Any:
    """A callback for xgboost.train. The booster's own configuration is not recorded."""
    import xgboost  # type: ignore[import-not-found,import-untyped,unused-ignore]

    import hypertop.wandb as wandb

    if wandb.run is None:
        raise wandb.Error("You must call wandb.init() before WandbCallback()")
    if log_model:
        once("xgboost.WandbCallback: log_model is not kept")

    class WandbCallback(xgboost.callback.TrainingCallback):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self._define = define_metric

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            for data, metrics in evals_log.items():
                for name, values in metrics.items():
                    low = name.lower()
                    summary = "min" if "loss" in low or low in LOWER else "max" if low in HIGHER else None
                    if self._define and summary:
                        wandb.define_metric(f"{data}-{name}", summary=summary)
                    wandb.log({f"{data}-{name}": values[-1]}, commit=False)
            self._define = False
            wandb.log({"epoch": epoch})
            return False

        def after_training(self, model: Any) -> Any:
            if log_feature_importance:
                wandb.log({"Feature Importance": _Importance(model.get_score(importance_type=importance_type))})
            if model.attr("best_score") is not None:
                score, at = float(model.attr("best_score")), int(model.attr("best_iteration"))
                wandb.log({"best_score": score, "best_iteration": at})
            return model

    return WandbCallback()
