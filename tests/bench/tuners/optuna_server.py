"""Optuna behind the same JSON lines as `hypertop tune`, so that one driver serves both. Runs in a virtual environment of its own.

usage: optuna_server.py SPACE.json SAMPLER PRUNER SEED   (SAMPLER: tpe, gp, cmaes, random; PRUNER: none, median, hyperband)

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


def main():
    space_path, sampler, pruner, seed = sys.argv[1:5]
    with open(space_path) as f:
        space = json.load(f)
    samplers = {
        "tpe": lambda s: optuna.samplers.TPESampler(seed=s),
        "gp": lambda s: optuna.samplers.GPSampler(seed=s),
        "cmaes": lambda s: optuna.samplers.CmaEsSampler(seed=s),
        "random": lambda s: optuna.samplers.RandomSampler(seed=s),
    }
    pruners = {
        "none": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "hyperband": lambda: optuna.pruners.HyperbandPruner(max_resource=space["steps"] or "auto"),
    }
    study = optuna.create_study(sampler=samplers[sampler](int(seed)), pruner=pruners[pruner]())
    trials = {}
    for line in sys.stdin:
        op = json.loads(line)
        if op["op"] == "ask":
            t = study.ask()
            trials[t.number] = t
            print(json.dumps({"op": "ask", "trials": [{"id": t.number, "params": suggest(t, space)}]}), flush=True)
            continue
        t, action = trials[op["id"]], "continue"
        if op.get("state") == "failed":
            study.tell(t, state=optuna.trial.TrialState.FAIL)
        elif "step" in op:
            t.report(op["value"], op["step"])
            if t.should_prune():
                study.tell(t, state=optuna.trial.TrialState.PRUNED)
                action = "stop"
        else:
            study.tell(t, op["value"])
        print(json.dumps({"op": "tell", "id": op["id"], "action": action}), flush=True)


if __name__ == "__main__":
    main()
