"""Our tuners and Optuna's on measured tables and analytic functions: simple regret, normalised, at several numbers of evaluations.

Standard library only (Optuna lives in a virtual environment that `make bench-tuners` makes; without it its entrants are left out
with one line). Every finished run is one JSON line in OUT/runs.jsonl; runs that are there already are not repeated (--fresh
forgets ours, --fresh-all everything), so an interrupted run goes on. At the end one table goes to OUT/table.txt and to stdout.

Rules, the same for every entrant: one evaluation at a time; a table is declared by its columns (lists of numbers are ordered values;
columns of more than 32 numbers are ranges), a proposed point that is no row of the table counts as the nearest row, and the tuner is told
that row's value; a failing configuration is told as failed and costs an evaluation. With --candidates our side gets the rows themselves
(`hypertop: {candidates: FILE.csv}`), as a user with a list of allowed settings would; the entrant is then called NAME+rows.
Regret before the first success counts as that of the worst configuration; all regrets are capped at 1 (the median).
"""
import argparse
import concurrent.futures
import csv
import json
import math
import os
import random
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import functions  # noqa: E402
import tables  # noqa: E402

MARKS = (10, 25, 50, 100)


# --- the two kinds of entrants -------------------------------------------------------------------------------------

def sweep_file(problem, path, candidates, tuner):
    parameters, conditions = {}, {}
    for p in problem.params:
        if p.kind == "range":
            kind = ("log_uniform_values" if p.log else "uniform") if not p.integer else None
            if p.integer:
                kind = "q_log_uniform_values" if p.log else "int_uniform"
            parameters[p.name] = {"distribution": kind, "min": p.low, "max": p.high}
            if kind.startswith("q_"):
                parameters[p.name]["q"] = 1
        else:
            parameters[p.name] = {"values": p.values}
        if p.parent:
            conditions[p.name] = {p.parent[0]: p.parent[1]}
    name, *options = tuner.split("@")  # gp@start=5: an entrant with options
    own = {"tuner": {"name": name, **{k: float(v) for k, v in (o.split("=") for o in options)}}}
    if conditions:
        own["conditions"] = conditions
    if candidates:
        rows = path.replace(".yaml", ".csv")
        with open(rows, "w", newline="") as f:
            w = csv.writer(f)
            w.writerow([p.name for p in problem.params])
            w.writerows(dict.fromkeys(problem.rows))
        own["candidates"] = rows
    with open(path, "w") as f:  # JSON is YAML
        json.dump({"method": "bayes", "metric": {"name": "loss", "goal": "minimize"}, "parameters": parameters,
                   "hypertop": own}, f)


def optuna_space(problem, path):
    params = [{"name": p.name, "kind": p.kind, "values": p.values, "low": p.low, "high": p.high, "log": p.log, "integer": p.integer,
               "parent": p.parent} for p in problem.params]
    with open(path, "w") as f:
        json.dump({"params": params, "steps": len(problem.curves[0]) if problem.curves else 0}, f)


class Entrant:
    """'ours:NAME', 'ours:NAME@OPTION=VALUE@...', 'optuna:NAME'. Starts the process that answers ask and tell."""

    def __init__(self, name, args):
        self.name = name
        self.side, _, self.tuner = name.partition(":")
        self.args = args

    def begin(self, problem, folder, seed):
        """A process that is ready to be asked."""
        command = self.command(problem, folder, seed)
        if isinstance(command, list):
            return Talk(command)
        with LOCK:
            talk = IDLE.pop() if IDLE else None
        talk = talk or Talk([self.args.optuna, os.path.join(os.path.dirname(__file__), "optuna_server.py")])
        talk.say(**command)
        talk.reusable = True
        return talk

    def command(self, problem, folder, seed):
        """The command line of our side, or what makes an Optuna process begin another study."""
        stem = os.path.join(folder, problem.name.replace("/", "_").replace(" ", "_"))
        if self.side == "optuna":
            with LOCK:
                if not os.path.exists(stem + ".json"):
                    optuna_space(problem, stem + ".json")
            return {"op": "study", "space": stem + ".json", "sampler": self.tuner, "pruner": "none", "seed": seed}
        tuner = self.tuner.removesuffix("+rows")
        stem += "-" + self.tuner
        with LOCK:
            if not os.path.exists(stem + ".yaml"):
                sweep_file(problem, stem + ".yaml", tuner != self.tuner and hasattr(problem, "rows"), tuner)
        return [self.args.hub, "tune", "--space", stem + ".yaml", "--seed", str(seed), "--budget", str(self.args.evals)]


LOCK = threading.Lock()
IDLE = []  # Optuna processes between studies


class Talk:
    def __init__(self, command):
        env = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        self.command = command
        self.reusable = False

    def say(self, **op):
        try:
            self.p.stdin.write(json.dumps(op) + "\n")
            self.p.stdin.flush()
            answer = json.loads(self.p.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            raise SystemExit(f"{' '.join(self.command)}: ended; it said: {self.p.stderr.read().strip()[-500:]}")
        if answer["op"] == "error":
            raise SystemExit(f"{' '.join(self.command)}: {answer['message']}")
        return answer

    def done(self):
        if self.reusable:
            with LOCK:
                IDLE.append(self)
        else:
            self.end()

    def end(self):
        self.p.stdin.close()
        self.p.stdout.close()
        self.p.wait()
        self.p.stderr.close()


def run(entrant, problem, seed, args):
    """One sweep: best regret so far after each evaluation, and seconds spent waiting for proposals."""
    talk = entrant.begin(problem, args.spaces, seed)
    best, trace, waited = problem.worst, [], 0.0
    for _ in range(args.evals):
        t0 = time.perf_counter()
        trials = talk.say(op="ask", n=1)["trials"]
        waited += time.perf_counter() - t0
        if not trials:
            break  # a grid that is done
        loss = problem.loss(trials[0]["params"])
        t0 = time.perf_counter()
        if loss is None:
            talk.say(op="tell", id=trials[0]["id"], state="failed")
        else:
            talk.say(op="tell", id=trials[0]["id"], value=loss)
            best = min(best, loss)
        waited += time.perf_counter() - t0
        trace.append(min(1.0, problem.regret(best)))
    talk.done()
    trace += [trace[-1]] * (args.evals - len(trace))
    return {"tuner": entrant.name, "group": problem.group, "problem": problem.name, "seed": seed, "evals": args.evals,
            "regret": {str(m): round(trace[m - 1], 6) for m in MARKS if m <= args.evals}, "ms_per_eval": round(1e3 * waited / args.evals, 3)}


# --- the report ----------------------------------------------------------------------------------------------------

def mean_se(values):
    return statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def table(runs, args):
    """Mean over problems of the mean over seeds; one line an entrant, best at the last mark first."""
    marks = [m for m in MARKS if m <= args.evals]
    problems = sorted({(r["group"], r["problem"]) for r in runs})
    by = {}
    for r in runs:
        by.setdefault(r["tuner"], {}).setdefault((r["group"], r["problem"]), []).append(r)
    whole = [t for t in by if len(by[t]) == len(problems)]
    lines = [f"{len(problems)} problems, {args.seeds} seeds; mean normalised regret x 1000 at N evaluations (0 best, 1000 median)",
             f"{'tuner':<18}" + "".join(f"{m:>9}" for m in marks) + f"{'ms/eval':>9}  by group at {marks[-1]}"]
    groups = sorted({g for g, _ in problems})

    def score(t, mark, group=None):
        return statistics.fmean(statistics.fmean(r["regret"][str(mark)] for r in by[t][p]) for p in by[t] if group in (None, p[0]))

    for t in sorted(by, key=lambda t: (t not in whole, score(t, marks[-1]))):
        ms = statistics.fmean(r["ms_per_eval"] for p in by[t] for r in by[t][p])
        lines.append(f"{t:<18}" + "".join(f"{1000 * score(t, m):9.1f}" for m in marks) + f"{ms:9.2f}  " +
                     " ".join(f"{g[:8]} {1000 * score(t, marks[-1], g):.1f}" for g in groups if any(p[0] == g for p in by[t])) +
                     ("" if t in whole else f"  (only {len(by[t])} problems)"))
    if args.by_problem:
        m = marks[-1] if args.by_problem is True else args.by_problem
        order = sorted(by, key=lambda t: score(t, marks[-1]))
        lines += ["", f"by problem at {m}, mean x 1000", f"{'':<34}" + "".join(f"{t[-12:]:>13}" for t in order)]
        for p in problems:
            lines.append(f"{(p[0][:8] + ' ' + p[1])[:33]:<34}" + "".join(
                f"{1000 * statistics.fmean(r['regret'][str(m)] for r in by[t][p]):13.1f}" if p in by[t] else f"{'-':>13}" for t in order))
    return "\n".join(lines)


def problems_of(args):
    found = []
    for row in tables.listing(args.data) if args.data else []:
        if args.only and not any(w in row["set"] + " " + row["table"] for w in args.only.split(",")):
            continue
        found.append(("table", row))
    if args.tables and args.tables < len(found):
        # every k-th, so that each set is there
        found = [found[i * len(found) // args.tables] for i in range(args.tables)]
    out = [tables.load(args.data, row) for _, row in found]
    if not args.no_functions:
        out += [f for f in functions.all_functions() if not args.only or any(w in "functions " + f.name for w in args.only.split(","))]
    return out


def arguments():
    a = argparse.ArgumentParser(description="compare tuners by normalised regret")
    a.add_argument("--hub", required=True, help="the hypertop-hub program")
    a.add_argument("--out", required=True, help="folder for runs.jsonl, table.txt and the sweep files")
    a.add_argument("--data", default="", help="folder of the measured tables; without it only the functions")
    a.add_argument("--optuna", default="", help="python of a virtual environment with Optuna; without it ours only")
    a.add_argument("--tuners", default="auto,gp,tpe,cmaes,random,optuna:tpe,optuna:gp,optuna:cmaes,optuna:random")
    a.add_argument("--tables", type=int, default=0, help="only this many tables, spread over the sets; 0 all")
    a.add_argument("--only", default="", help="only problems whose set or name contains one of these words")
    a.add_argument("--no-functions", action="store_true")
    a.add_argument("--seeds", type=int, default=3)
    a.add_argument("--evals", type=int, default=100)
    a.add_argument("--fresh", action="store_true", help="run ours again")
    a.add_argument("--fresh-all", action="store_true", help="run everything again")
    a.add_argument("--by-problem", nargs="?", const=True, type=int, default=None, help="also a line a problem [at N evaluations]")
    a.add_argument("-j", type=int, default=2, help="sweeps at a time")
    return a.parse_args()


def main():
    args = arguments()
    args.spaces = os.path.join(args.out, "spaces")
    os.makedirs(args.spaces, exist_ok=True)
    if args.fresh or args.fresh_all:
        for f in os.listdir(args.spaces):
            os.unlink(os.path.join(args.spaces, f))
    entrants = [Entrant(t if ":" in t else "ours:" + t, args) for t in args.tuners.split(",")]
    if not args.optuna:
        print("bench-tuners: no Optuna here, its entrants are left out", file=sys.stderr)
        entrants = [e for e in entrants if e.side != "optuna"]
    store = os.path.join(args.out, "runs.jsonl")
    kept = []
    if os.path.exists(store) and not args.fresh_all:
        with open(store) as f:
            kept = [json.loads(line) for line in f]
        if args.fresh:
            again = {e.name for e in entrants if e.side == "ours"}
            kept = [r for r in kept if r["tuner"] not in again]
            with open(store, "w") as f:
                f.writelines(json.dumps(r) + "\n" for r in kept)
    elif args.fresh_all and os.path.exists(store):
        os.unlink(store)
    have = {(r["tuner"], r["problem"], r["seed"]): r for r in kept if r["evals"] >= args.evals}
    problems = problems_of(args)
    jobs = [(e, p, s) for e in entrants for p in problems for s in range(args.seeds)]
    runs = [have[e.name, p.name, s] for e, p, s in jobs if (e.name, p.name, s) in have]
    todo = [(e, p, s) for e, p, s in jobs if (e.name, p.name, s) not in have]
    random.Random(0).shuffle(todo)  # an interrupted run has a bit of everything,
    todo.sort(key=lambda job: job[2])  # and all of the first seeds
    with open(store, "a") as f, concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        for r in pool.map(lambda job: run(*job, args), todo):
            f.write(json.dumps(r) + "\n")
            f.flush()
            runs.append(r)
    for talk in IDLE:
        talk.end()
    text = table(runs, args)
    with open(os.path.join(args.out, "table.txt"), "w") as f:
        f.write(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
