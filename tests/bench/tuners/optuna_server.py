"""Optuna behind the same JSON lines as `hypertop tune`, so that one driver serves both. Runs in a virtual environment of its own.

usage: optuna_server.py [SPACE.json SAMPLER PRUNER SEED]   (SAMPLER: tpe, gp, cmaes, random; PRUNER: none, median, hyperband)

{"op": "study", "space": PATH, "sampler", "pruner", "seed"} begins another study in the same process: importing Optuna costs more
than most studies.

Lists of numbers are given to Optuna as an integer index into the sorted list, that is as ordered values, which is kinder than
suggest_categorical. Samplers run with their defaults.
"""
import json
import sys
import warnings

warnings.filterwarnings("ignore")
import optuna  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.ERROR)


def suggest(trial, space):
    point = {}
    for p in space["params"]:
        if p["parent"] and point.get(p["parent"][0]) not in p["parent"][1]:
            continue
        name = p["name"]
        if p["kind"] == "ordered":
            point[name] = p["values"][trial.suggest_int(name, 0, len(p["values"]) - 1)]
        elif p["kind"] == "choice":
            point[name] = trial.suggest_categorical(name, p["values"])
        elif p["integer"]:
            point[name] = trial.suggest_int(name, p["low"], p["high"], log=p["log"])
        else:
            point[name] = trial.suggest_float(name, p["low"], p["high"], log=p["log"])
    return point


SAMPLERS = {
    "tpe": lambda s: optuna.samplers.TPESampler(seed=s),
    "gp": lambda s: optuna.samplers.GPSampler(seed=s),
    "cmaes": lambda s: optuna.samplers.CmaEsSampler(seed=s),
    "random": lambda s: optuna.samplers.RandomSampler(seed=s),
}


class Study:
    def __init__(self, space_path, sampler, pruner, seed):
        with open(space_path) as f:
            self.space = json.load(f)
        pruners = {
            "none": optuna.pruners.NopPruner,
            "median": optuna.pruners.MedianPruner,
            "hyperband": lambda: optuna.pruners.HyperbandPruner(max_resource=self.space["steps"] or "auto"),
        }
        self.study = optuna.create_study(sampler=SAMPLERS[sampler](int(seed)), pruner=pruners[pruner]())
        self.trials = {}

    def ask(self):
        t = self.study.ask()
        self.trials[t.number] = t
        return {"op": "ask", "trials": [{"id": t.number, "params": suggest(t, self.space)}]}

    def tell(self, op):
        t, action = self.trials[op["id"]], "continue"
        if op.get("state") == "failed":
            self.study.tell(t, state=optuna.trial.TrialState.FAIL)
        elif "step" in op:
            t.report(op["value"], op["step"])
            if t.should_prune():
                self.study.tell(t, state=optuna.trial.TrialState.PRUNED)
                action = "stop"
        else:
            self.study.tell(t, op["value"])
        return {"op": "tell", "id": op["id"], "action": action}


def main():
    study = Study(*sys.argv[1:5]) if len(sys.argv) > 1 else None
    for line in sys.stdin:
        op = json.loads(line)
        if op["op"] == "study":
            study = Study(op["space"], op["sampler"], op["pruner"], op["seed"])
            answer = {"op": "study", "version": optuna.__version__}
        else:
            answer = study.ask() if op["op"] == "ask" else study.tell(op)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
