#!/usr/bin/env python3
"""What the tools' own packages write today is read as they read it themselves, and a running Optuna study is steered. The
packages come from PyPI into a virtual environment under $BUILD; where they cannot be had this skips."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", "build"))
BUILD = BUILD if BUILD.is_absolute() else ROOT / BUILD
VENV = BUILD / "venv-tools"
PACKAGES = ["optuna", "tensorboard", "tensorboardX", "wandb"]
failed = 0

WRITE_TB = """
import sys
from tensorboardX import SummaryWriter
w = SummaryWriter(sys.argv[1] + "/run")
for i in range(200):
    w.add_scalar("loss/train", 1 / (i + 1), i)
    w.add_scalar("acc", i / 7, i * 10)
w.add_text("note", "words")
w.add_hparams({"lr": 0.1, "opt": "adam"}, {"final": 0.5})
w.close()
"""
READ_TB = """
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
a = EventAccumulator(sys.argv[1] + "/run", size_guidance={"scalars": 0})
a.Reload()
print(json.dumps({t: [(e.step, e.value) for e in a.Scalars(t)] for t in a.Tags()["scalars"]}))
"""
WRITE_WANDB = """
import os, sys, wandb
run = wandb.init(project="p", mode="offline", dir=sys.argv[1], config={"lr": 0.01, "net": {"depth": 3}}, settings=wandb.Settings(silent=True))
wandb.define_metric("val.acc", summary="max")
for i in range(50):
    run.log({"loss": 1 / (i + 1), "val": {"acc": i / 50}, "flag": True})
run.summary["best"] = 0.98
run.finish()
"""
WORKER = """
import os, sys, time, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
study = optuna.create_study(study_name="steered", direction="maximize", storage=JournalStorage(JournalFileBackend(sys.argv[1])))
def objective(t):
    x = t.suggest_float("x", 0, 1)
    for i in range(3000):
        if x == 0.123:
            break
        t.report(x, i)
        time.sleep(0.01)
    return x
while sum(t.state.is_finished() for t in study.get_trials(deepcopy=False)) < 2:
    try:
        study.optimize(objective, n_trials=1)
    except Exception as e:
        print("raised", type(e).__name__, flush=True)
print([(t.number, t.state.name, t.params.get("x")) for t in study.get_trials()])
"""


def fact(name, good, why=""):
    global failed
    failed += not good
    print(("ok" if good else "not ok"), name, "" if good else str(why).replace("\n", " ")[:500], flush=True)


def have_packages():
    python = VENV / "bin/python"
    probe = [python, "-c", "import optuna, tensorboard, tensorboardX, wandb"]
    if python.exists() and subprocess.run(probe, capture_output=True).returncode == 0:
        return True
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True).returncode == 0
    return made and subprocess.run([python, "-m", "pip", "install", "-q", "--retries", "1", *PACKAGES],
                                   capture_output=True).returncode == 0


def python(code, *args, **more):
    return subprocess.run([VENV / "bin/python", "-c", code, *args], capture_output=True, text=True, timeout=200, **more)


def hypertop(*args, **more):
    return subprocess.run([BUILD / "hypertop", *args], capture_output=True, text=True, timeout=60, **more)


def ls(what, sweep):
    out = hypertop("ls", what, "--sweep", sweep, "--json").stdout
    return [json.loads(line) for line in out.splitlines()]


def points(recording, to):
    hypertop("export", recording, "--to", "jsonl", "-o", to, "-f")
    return {s["metric"]: list(zip(s["steps"], s["values"])) for s in map(json.loads, open(to))}


def tensorboard(tmp):
    wrote = python(WRITE_TB, tmp)
    want = json.loads(python(READ_TB, tmp).stdout or "{}")
    said = hypertop("import", f"{tmp}/run", "-o", f"{tmp}/tb.mcap")
    if wrote.returncode or said.returncode:
        fact("tensorboard-imports", False, wrote.stderr + said.stderr)
        return
    have = points(f"{tmp}/tb.mcap", f"{tmp}/tb.jsonl")
    want = {k: [tuple(p) for p in v] for k, v in want.items()}
    fact("scalars-are-as-tensorboard-reads-them", all(have.get(k) == v for k, v in want.items()) and len(want) >= 2,
         {k: (have.get(k, [])[:3], v[:3]) for k, v in want.items()})
    params = [t["params"] for t in ls("trials", f"{tmp}/tb.mcap") if t["params"]]
    fact("hparams-are-parameters", params and params[0].get("lr") == 0.1 and params[0].get("opt") == "adam", params)


def wandb(tmp):
    wrote = python(WRITE_WANDB, tmp, env=dict(os.environ, WANDB_MODE="offline", HOME=tmp))
    said = hypertop("import", f"{tmp}/wandb", "-o", f"{tmp}/w.mcap", "--from", "wandb", "--json")
    if wrote.returncode or said.returncode:
        fact("wandb-imports", False, wrote.stderr + said.stderr)
        return
    have = points(f"{tmp}/w.mcap", f"{tmp}/w.jsonl")
    fact("history-of-wandb-is-whole", have.get("loss") == [(i, 1 / (i + 1)) for i in range(50)] and
         have.get("val.acc") == [(i, i / 50) for i in range(50)], {k: v[:3] for k, v in have.items()})
    trial = ls("trials", f"{tmp}/w.mcap")[0]
    fact("configuration-of-wandb-is-parameters", trial["params"].get("lr") == 0.01 and trial["params"].get("net.depth") == 3, trial)
    fact("a-finished-run-is-done", trial["state"] == "done", trial)
    fact("summary-only-values-are-there", "best" in have, list(have))


READ_EXPORTS = """
import json, sys, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
s = optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(sys.argv[1])))
a = EventAccumulator(sys.argv[2] + "/t0")
a.Reload()
print(json.dumps([s.direction.name, s.best_value, s.best_params, [t.state.name for t in s.trials],
                  [(e.step, e.value) for e in a.Scalars("value")]]))
"""
STUDY = [
    {"op_code": 0, "study_name": "net", "directions": [2]},
    {"op_code": 4, "study_id": 0, "datetime_start": "2024-05-06T07:08:09.000000+00:00", "params": {"lr": 0.25, "opt": 1},
     "distributions": {"lr": '{"name": "FloatDistribution", "attributes": {"low": 0, "high": 1}}',
                       "opt": '{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}'}},
    {"op_code": 7, "trial_id": 0, "step": 3, "intermediate_value": 0.5},
    {"op_code": 6, "trial_id": 0, "state": 1, "values": [0.75], "datetime_complete": "2024-05-06T07:08:19.000000+00:00"},
    {"op_code": 4, "study_id": 0, "datetime_start": "2024-05-06T07:08:20.000000+00:00"},
    {"op_code": 6, "trial_id": 1, "state": 3, "values": None, "datetime_complete": "2024-05-06T07:08:29.000000+00:00"},
]


def exports(tmp):
    with open(f"{tmp}/net.log", "w") as f:
        f.writelines(json.dumps({"worker_id": "w", **e}) + "\n" for e in STUDY)
    hypertop("import", f"{tmp}/net.log", "-o", f"{tmp}/net.mcap")
    hypertop("export", f"{tmp}/net.mcap", "--to", "optuna", "-o", f"{tmp}/back.log")
    hypertop("export", f"{tmp}/net.mcap", "--to", "tfevents", "-o", f"{tmp}/tb")
    p = python(READ_EXPORTS, f"{tmp}/back.log", f"{tmp}/tb")
    want = ["MAXIMIZE", 0.75, {"lr": 0.25, "opt": "adam"}, ["COMPLETE", "FAIL"], [[3, 0.5], [3, 0.75]]]
    fact("optuna-and-tensorboard-read-what-we-export", p.returncode == 0 and json.loads(p.stdout) == want, p.stdout + p.stderr[-300:])


def wait_for(seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.1)
    return None


def steer(tmp):
    log = f"{tmp}/study.log"
    env = dict(os.environ)
    worker = subprocess.Popen([VENV / "bin/python", "-c", WORKER, log], stdout=subprocess.PIPE, text=True)
    wait_for(60, lambda: os.path.exists(log) and os.path.getsize(log) > 300)
    watcher = subprocess.Popen([BUILD / "hypertop", "watch", log, "--steer", "--name", "steered"], env=env, stderr=subprocess.PIPE)
    seen = wait_for(20, lambda: any(t["state"] == "running" and t["step"] for t in ls("trials", "steered")))
    fact("a-running-trial-of-optuna-is-seen", seen, hypertop("ls", "trials").stderr)
    put = hypertop("send", "enqueue", "x=0.123", "--sweep", "steered")
    fact("enqueue-reaches-the-journal", put.returncode == 0 and "applied" in put.stdout, put.stdout + put.stderr)
    killed = hypertop("send", "kill", "0", "--sweep", "steered")
    fact("kill-reaches-the-journal", killed.returncode == 0 and "applied" in killed.stdout, killed.stdout + killed.stderr)
    try:
        out, _ = worker.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        worker.kill()
        out = worker.communicate()[0] + " (the worker went on)"
    fact("the-worker-of-a-killed-trial-stops", "raised" in out and "(0, 'FAIL'" in out, out)
    fact("the-enqueued-configuration-runs", "'COMPLETE', 0.123" in out, out)
    done = wait_for(15, lambda: any(t["params"].get("x") == 0.123 and t["state"] == "done" for t in ls("trials", "steered")))
    fact("what-became-of-it-is-seen", done, ls("trials", "steered"))
    fact("the-lock-was-given-back", not os.path.lexists(log + ".lock"))
    refused = hypertop("send", "pause", "0", "--sweep", "steered")
    fact("what-the-journal-has-no-word-for-is-refused", refused.returncode != 0, refused.stdout)
    watcher.send_signal(signal.SIGTERM)
    fact("the-watcher-ends-when-told", watcher.wait(timeout=20) == 0, watcher.stderr.read())


def main():
    if not have_packages():
        print("skip real-tools pip cannot install", *PACKAGES)
        return 0
    with tempfile.TemporaryDirectory(prefix="ht-") as tmp:
        for d in ("run", "data"):
            os.mkdir(f"{tmp}/.{d}", 0o700)
        os.environ.update(HYPERTOP_RUNTIME_DIR=f"{tmp}/.run", HYPERTOP_DATA_DIR=f"{tmp}/.data", HYPERTOP_HUB="real-tools")
        tensorboard(tmp)
        wandb(tmp)
        exports(tmp)
        steer(tmp)
        hypertop("hub", "stop")
    return 1 if failed else 0


sys.exit(main())
