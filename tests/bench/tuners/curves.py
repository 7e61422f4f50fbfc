"""Samplers with stoppers on the measured learning curves: normalised regret against epochs trained.

usage: curves.py --hub HYPERTOP-HUB --data FOLDER --out FOLDER [--optuna PYTHON] [--pairs A/B,...] [--seeds N] [--runs N] [-j N]

A pair is SIDE:SAMPLER/STOPPER, as ours:auto/asha, ours:random/hyperband@max_resource=0, optuna:tpe/hyperband, optuna:gp/median; ours:bohb/none
stands for samplers that schedule by themselves. A sweep may train --runs full runs' worth of epochs; each trial is reported epoch by
epoch, ends when it is told to stop, and goes on where it was when it is resumed. What counts is the final loss of the best trial that was
trained to the end. Every sweep is a JSON line in OUT/curves.jsonl (kept, never repeated); the table and the report line go to stdout.

The report: the best Optuna pair by mean regret at the end, and the share of its epochs that each of ours needs to get as low.
"""
import argparse
import concurrent.futures
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench_tuners  # noqa: E402
import tables  # noqa: E402

POINTS = 100  # of the trace of a sweep


def command(pair, problem, seed, args):
    side, _, rest = pair.partition(":")
    sampler, _, stopper = rest.partition("/")
    steps = len(problem.curves[0])
    stem = os.path.join(args.spaces, (problem.name + "-" + pair).replace("/", "_").replace(" ", "_").replace(":", "_"))
    if side == "optuna":
        with bench_tuners.LOCK:
            if not os.path.exists(stem + ".json"):
                bench_tuners.optuna_space(problem, stem + ".json")
        return [args.optuna, os.path.join(os.path.dirname(os.path.abspath(__file__)), "optuna_server.py"), stem + ".json", sampler, stopper,
                str(seed)]
    with bench_tuners.LOCK:
        if not os.path.exists(stem + ".yaml"):
            bench_tuners.sweep_file(problem, stem + ".yaml", False, sampler)
            with open(stem + ".yaml") as f:
                sweep = json.load(f)
            name, *options = stopper.split("@")
            if name != "none":
                sweep["hypertop"]["stopper"] = {"name": name, **{k: float(v) for k, v in (o.split("=") for o in options)}}
            sweep["hypertop"]["fidelity"] = {"max": steps}
            with open(stem + ".yaml", "w") as f:
                json.dump(sweep, f)
    return [args.hub, "tune", "--space", stem + ".yaml", "--seed", str(seed), "--budget", str(args.runs * 20)]


def run(pair, problem, seed, args):
    steps = len(problem.curves[0])
    budget, used, best, trials, finished = args.runs * steps, 0, problem.worst, 0, 0
    talk, trace, at = bench_tuners.Talk(command(pair, problem, seed, args)), [], {}
    rows = {}
    while used < budget:
        answer = talk.say(op="ask", n=1)
        if not answer["trials"]:
            break
        trial = answer["trials"][0]
        if not trial.get("resume"):
            rows[trial["id"]], at[trial["id"]] = problem.row_of(trial["params"]), 0
            trials += 1
        curve, i = problem.curves[rows[trial["id"]]], at[trial["id"]]
        while i < steps and used < budget:
            value = curve[i]
            i, used = i + 1, used + 1
            if value is None:
                talk.say(op="tell", id=trial["id"], state="failed")
                break
            if i == steps:
                talk.say(op="tell", id=trial["id"], value=value)
                best, finished = min(best, value), finished + 1
            elif talk.say(op="tell", id=trial["id"], value=value, step=i)["action"] in ("stop", "pause"):
                break
            while len(trace) < used * POINTS // budget:
                trace.append(min(1.0, problem.regret(best)))
        at[trial["id"]] = i
        while len(trace) < used * POINTS // budget:
            trace.append(min(1.0, problem.regret(best)))
    talk.end()
    trace += [trace[-1] if trace else 1.0] * (POINTS - len(trace))
    return {"pair": pair, "group": problem.group, "problem": problem.name, "seed": seed, "runs": args.runs, "trials": trials,
            "finished": finished, "trace": [round(x, 5) for x in trace]}


def report(runs, args):
    by = {}
    for r in runs:
        by.setdefault(r["pair"], []).append(r)
    mean = {p: [statistics.fmean(r["trace"][k] for r in rs) for k in range(POINTS)] for p, rs in by.items()}
    full = max(len(rs) for rs in by.values())
    print(f"{'pair':<34}" + "".join(f"{m:>8}%" for m in (10, 25, 50, 75, 100)) + f"{'trials':>8}{'whole':>7}")
    for p in sorted(mean, key=lambda p: mean[p][-1]):
        print(f"{p:<34}" + "".join(f"{1000 * mean[p][m - 1]:9.1f}" for m in (10, 25, 50, 75, 100)) +
              f"{statistics.fmean(r['trials'] for r in by[p]):8.0f}{statistics.fmean(r['finished'] for r in by[p]):7.0f}" +
              ("" if len(by[p]) == full else f"  (only {len(by[p])} of {full} sweeps)"))
    theirs = [p for p in mean if p.startswith("optuna:") and len(by[p]) == full]
    if not theirs:
        return
    champion = min(theirs, key=lambda p: mean[p][-1])
    want = mean[champion][-1]
    need = next(k for k in range(POINTS) if mean[champion][k] <= want) + 1
    for p in sorted(mean):
        if p.startswith("ours:"):
            k = next((k + 1 for k in range(POINTS) if mean[p][k] <= want), None)
            print(json.dumps({"bench": "curves", "best_optuna": champion, "regret": round(want, 5), "its_epochs_percent": need, "pair": p,
                              "epochs_percent": k, "share": round(k / need, 3) if k else None, "target": 0.7}))


def main():
    a = argparse.ArgumentParser(description="samplers with stoppers on learning curves")
    a.add_argument("--hub", required=True)
    a.add_argument("--data", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--optuna", default="")
    a.add_argument("--pairs", default="ours:auto/asha,ours:auto/hyperband,ours:auto/lcurve,ours:auto/none,ours:bohb/none,"
                   "optuna:tpe/hyperband,optuna:tpe/median,optuna:gp/hyperband,optuna:gp/median,optuna:random/hyperband")
    a.add_argument("--seeds", type=int, default=3)
    a.add_argument("--runs", type=int, default=30, help="full runs' worth of epochs a sweep may train")
    a.add_argument("--every", type=int, default=1, help="only every so manyth table")
    a.add_argument("-j", type=int, default=2)
    args = a.parse_args()
    args.spaces = os.path.join(args.out, "curve-spaces")
    args.evals = args.runs
    os.makedirs(args.spaces, exist_ok=True)
    pairs = [p for p in args.pairs.split(",") if args.optuna or not p.startswith("optuna:")]
    rows = [r for r in tables.listing(args.data) if r["set"] in ("deepobs", "lcbench_surrogate", "hpo_rl_bench")][::args.every]
    problems = [p for p in (tables.load(args.data, r) for r in rows) if p.curves and len(p.curves[0]) > 1]
    store = os.path.join(args.out, "curves.jsonl")
    have = {}
    if os.path.exists(store):
        with open(store) as f:
            have = {(r["pair"], r["problem"], r["seed"], r["runs"]): r for r in map(json.loads, f)}
    jobs = [(p, q, s) for s in range(args.seeds) for q in problems for p in pairs]
    todo = [j for j in jobs if (j[0], j[1].name, j[2], args.runs) not in have]
    with open(store, "a") as f, concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        for r in pool.map(lambda j: run(*j, args), todo):
            f.write(json.dumps(r) + "\n")
            f.flush()
            have[r["pair"], r["problem"], r["seed"], r["runs"]] = r
    report([have[p, q.name, s, args.runs] for p, q, s in jobs], args)


if __name__ == "__main__":
    main()
