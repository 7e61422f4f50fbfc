"""What bench-tuners measured, as a page: RUNS.jsonl in, Markdown out. No number in the page is written by hand.

usage: report.py RUNS.jsonl OUT.md HYPERTOP_VERSION [PYTHON_WITH_OPTUNA]

Losses are given the same room as wins: every problem on which one of Optuna's samplers is ahead of ours by more than MARGIN is named,
with both numbers, at every mark. Means are over problems of the mean over seeds; errors are standard errors from the spread over
seeds. Two entrants are compared on the problems that both have finished.
"""
import collections
import datetime
import json
import math
import platform
import statistics
import subprocess
import sys

MARKS = ("10", "25", "50", "100")
MARGIN = 0.02  # of normalised regret
PAIRS = (("auto", "optuna:tpe"), ("auto", "optuna:gp"), ("auto", "optuna:cmaes"), ("gp", "optuna:gp"), ("tpe", "optuna:tpe"),
         ("cmaes", "optuna:cmaes"), ("random", "optuna:random"))


class Runs:
    def __init__(self, path):
        self.by = collections.defaultdict(lambda: collections.defaultdict(dict))  # tuner, problem, seed
        with open(path) as f:
            for line in f:
                r = json.loads(line)
                self.by[r["tuner"].removeprefix("ours:")][r["group"], r["problem"]][r["seed"]] = r
        self.problems = sorted({p for t in self.by.values() for p in t})
        self.tuners = [t for t in self.by if len(self.by[t]) == len(self.problems)]
        self.tuners.sort(key=lambda t: self.mean(t, "100"))
        self.partial = [t for t in self.by if t not in self.tuners]

    def at(self, tuner, problem, mark):
        return statistics.fmean(r["regret"][mark] for r in self.by[tuner][problem].values())

    def mean(self, tuner, mark, group=None, problems=None):
        return statistics.fmean(self.at(tuner, p, mark) for p in problems or self.by[tuner] if group in (None, p[0]))

    def error(self, tuner, mark, problems=None):
        spread = [statistics.variance([r["regret"][mark] for r in runs.values()]) / len(runs)
                  for p, runs in self.by[tuner].items() if len(runs) > 1 and (problems is None or p in problems)]
        return math.sqrt(sum(spread)) / len(spread) if spread else math.nan

    def seeds(self, tuner):
        n = sorted(len(runs) for runs in self.by[tuner].values())
        return str(n[0]) if n[0] == n[-1] else f"{n[0]}-{n[-1]}"

    def ms(self, tuner):
        return statistics.median(r["ms_per_eval"] for p in self.by[tuner].values() for r in p.values())


def x(v):
    return "-" if math.isnan(v) else f"{1000 * v:.0f}"


def row(cells):
    return "| " + " | ".join(str(c) for c in cells) + " |"


def header(cells):
    return [row(cells), "|" + " --- |" * len(cells)]


def name(problem):
    return f"{problem[0]}: {problem[1]}"


def overall(runs):
    groups = sorted({g for g, _ in runs.problems})
    yield from header(["tuner", *(f"at {m}" for m in MARKS), "seeds", "ms per trial", *(f"{g}, at 100" for g in groups)])
    for t in runs.tuners:
        yield row([f"**{t}**" if ":" not in t else t, *(f"{x(runs.mean(t, m))} ± {x(runs.error(t, m))}" for m in MARKS), runs.seeds(t),
                   f"{runs.ms(t):.2g}", *(x(runs.mean(t, "100", g)) for g in groups)])


def pairs(runs):
    yield from header(["ours", "Optuna's", "at", "ours", "Optuna's", f"ahead by > {x(MARGIN)}", f"behind by > {x(MARGIN)}", "as good"])
    for ours, theirs in PAIRS:
        both = [p for p in runs.problems if p in runs.by.get(ours, {}) and p in runs.by.get(theirs, {})]
        for m in MARKS[1:] if both else ():
            d = [runs.at(theirs, p, m) - runs.at(ours, p, m) for p in both]
            ahead, behind = sum(v > MARGIN for v in d), sum(v < -MARGIN for v in d)
            yield row([ours, theirs, m, x(runs.mean(ours, m, problems=both)), x(runs.mean(theirs, m, problems=both)), ahead, behind,
                       len(both) - ahead - behind])


def losses(runs):
    for ours, theirs in PAIRS:
        found = []
        for m in MARKS[1:]:
            for p in runs.problems:
                if p in runs.by.get(ours, {}) and p in runs.by.get(theirs, {}):
                    a, b = runs.at(ours, p, m), runs.at(theirs, p, m)
                    if a - b > MARGIN:
                        found.append((int(m), b - a, p, a, b))
        yield f"### {ours} behind {theirs}: {len(found)} of {len(MARKS[1:]) * len(runs.problems)}"
        yield ""
        if found:
            yield from header(["at", "problem", ours, theirs])
            for m, _, p, a, b in sorted(found):
                yield row([m, name(p), x(a), x(b)])
            yield ""


def every(runs):
    yield from header(["problem", *runs.tuners])
    for p in runs.problems:
        values = [runs.at(t, p, "100") for t in runs.tuners]
        yield row([name(p), *(f"**{x(v)}**" if v <= min(values) + 5e-4 else x(v) for v in values)])


def optuna_version(python):
    if not python:
        return "unknown"
    said = subprocess.run([python, "-c", "import optuna, cmaes; print(optuna.__version__, 'with cmaes', cmaes.__version__)"],
                          capture_output=True, text=True)
    return said.stdout.strip() or "unknown"


def page(runs, version, python):
    yield "# Our tuners beside Optuna's"
    yield ""
    yield "Written by `make bench-tuners-report` from the runs that `make bench-tuners` has kept; not a number is typed in."
    yield ""
    yield (f"{datetime.date.today().isoformat()}, hypertop {version}, Optuna {optuna_version(python)}, Python {platform.python_version()}, "
           f"{platform.machine()}; {len(runs.problems)} problems ({len([p for p in runs.problems if p[0] != 'functions'])} measured tables, "
           "the others analytic functions), 100 trials a sweep, one at a time, every sampler with its defaults.")
    yield ""
    yield ("Numbers are normalised simple regret x 1000: 0 is the best configuration of the table, 1000 the median one (capped there); mean "
           "over problems of the mean over seeds, ± its standard error. Smaller is better. Where entrants have different numbers of seeds, "
           "the column says so.")
    yield ""
    yield "## All"
    yield ""
    yield from overall(runs)
    if runs.partial:
        yield ""
        yield "Not on every problem yet, and left out above: " + ", ".join(
            f"{t} ({len(runs.by[t])} problems)" for t in runs.partial) + "."
    yield ""
    yield "## Side by side"
    yield ""
    yield f"Problems on which one is ahead of the other by more than {x(MARGIN)}."
    yield ""
    yield from pairs(runs)
    yield ""
    yield "## Where we lose"
    yield ""
    yield f"Every problem and mark at which Optuna's sampler is ahead by more than {x(MARGIN)}."
    yield ""
    yield from losses(runs)
    yield "## Every problem at 100 trials"
    yield ""
    yield from every(runs)


def main():
    source, out, version = sys.argv[1:4]
    runs = Runs(source)
    if not runs.tuners:
        raise SystemExit(f"report: {source} has no entrant with every problem yet")
    with open(out, "w") as f:
        f.write("\n".join(page(runs, version, sys.argv[4] if len(sys.argv) > 4 else "")) + "\n")


if __name__ == "__main__":
    main()
