#!/usr/bin/env bash
# A script written for W&B under `exec --wandb` and in a sweep, with nothing but Python: configuration as W&B's agent hands
# it over, command macros, environment, stop signals; what the script has no counterpart for is said once.
. "$(dirname "$0")/../e2e/lib.sh"

command -v python3 >/dev/null || { skip wandb 'python3 is not installed'; exit 0; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || { skip wandb 'python3 is older than 3.9'; exit 0; }
export PYTHONDONTWRITEBYTECODE=1
PY=$(command -v python3)
while IFS= read -r v; do unset "$v"; done < <(compgen -v WANDB_)

cat >train.py <<'P'
import argparse, ast, json, os, sys
import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--optimizer", type=ast.literal_eval)
args = parser.parse_args()
run = wandb.init(config={"lr": 99.0, "epochs": 3, "extra": "kept"})
config = wandb.config
assert config.lr == args.lr and config.optimizer == args.optimizer, (config, args)
with open(f"seen-{run.id}.json", "w") as file:
    json.dump({"lr": config.lr, "optimizer": config["optimizer"], "extra": config.extra, "sweep": run.sweep_id,
               "file": os.environ.get("WANDB_SWEEP_PARAM_PATH"), "mode": os.environ.get("WANDB_MODE"), "cwd": os.getcwd()}, file)
for epoch in range(config.epochs):
    wandb.log({"val": {"loss": config.lr / (epoch + 1)}, "epoch": epoch, "picture": wandb.Image(None)})
wandb.sklearn.plot_roc(1, 2)
P
cat >sweep.yaml <<'Y'
name: fronted
program: train.py
method: grid
metric: {name: val.loss, goal: minimize}
command: ["${env}", "${interpreter}", "${program}", "${args}"]
parameters:
  lr: {values: [0.25, 1.0e-05]}
  optimizer: {parameters: {name: {value: adam}, betas: {parameters: {b1: {value: 0.9}}}}}
hypertop: {workers: 2}
Y
try hypertop run sweep.yaml --headless
equal sweep-of-a-wandb-script-succeeds 0 $STATUS
equal its-trials-are-done 2 "$(trials_in done)"
equal objective-is-the-logged-metric '0.08333,3.333e-06' \
    "$(hypertop ls trials --json | json value | python3 -c 'import sys; print(",".join("%.4g" % float(v) for v in sorted(map(float, sys.stdin), reverse=True)))')"
equal nested-metrics-have-dots 'epoch,val.loss' "$(hypertop ls metrics --json | json metric | sort -u | grep -v '^sys\.' | paste -sd,)"
equal configuration-is-nested-and-the-sweeps "{'name': 'adam', 'betas': {'b1': 0.9}} kept fronted offline" "$(python3 -c '
import glob, json
seen = [json.load(open(f)) for f in sorted(glob.glob("seen-*.json"))]
assert len(seen) == 2 and {s["lr"] for s in seen} == {0.25, 1e-05}
print(seen[0]["optimizer"], seen[0]["extra"], seen[0]["sweep"], seen[0]["mode"])')"
file=$(ls wandb/sweep-fronted/config-*.yaml 2>/dev/null | head -n 1)
matches parameter-file-is-where-wandb-puts-it 'wandb_version: 1' "$(cat "${file:-/dev/null}")"
check numbers-in-it-are-numbers-in-yaml-too grep -qE 'value: (0\.25|1\.0e-05)$' "${file:-/dev/null}"
said=$(hypertop ls text --json 2>/dev/null || hypertop dump "$(hypertop ls sweeps --json | tail -n 1 | json recording)" 2>/dev/null)
matches worker-says-that-it-fronts 'imports wandb' "$said"
matches what-is-not-mapped-is-named 'wandb.sklearn has no counterpart|sklearn.plot_roc has no counterpart' "$said"

# ---- turned off, and not wanted ----
sed -e 's/^name: fronted/name: plain/' -e 's/workers: 2/workers: 2, wandb: false/' sweep.yaml >off.yaml
mkdir -p real/wandb && echo 'raise SystemExit("the real one")' >real/wandb/__init__.py
PYTHONPATH="$T/real" HYPERTOP_HUB=off hypertop run off.yaml --headless >off.txt 2>&1
equal wandb-false-leaves-the-real-one-alone 2 "$(HYPERTOP_HUB=off trials_in failed)"
sed -i 's/wandb: false/wandb: maybe/' off.yaml
refuses wandb-takes-true-false-or-auto 1 'off.yaml:[0-9]+:[0-9]+: wandb: true, false or auto' hypertop run off.yaml --dry-run

# ---- exec; a stop as W&B's agent and as a person sends it ----
cat >loop.py <<'P'
import signal, sys, time, wandb
def ended(*_):
    print("asked to end", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, ended)
wandb.init(project="loop")
step = 0
try:
    while True:
        wandb.log({"loss": 1 / (1 + step)})
        step += 1
        time.sleep(0.005)  # of work
except KeyboardInterrupt:
    print("interrupted", flush=True)
P
hypertop-agent exec --wandb --name looping -- "$PY" loop.py >loop.out 2>loop.err &
pid=$!
logging() { hypertop ls metrics --sweep looping --json 2>/dev/null | grep -q '"loss"'; }
wait_for 15 logging && ok exec-with-wandb-logs || not_ok exec-with-wandb-logs "$(tail -n 3 loop.err)"
try hypertop send stop 0 --sweep looping
wait $pid
matches stop-of-a-person-is-an-interrupt '^interrupted$' "$(<loop.out)"
cat >loop.yaml <<Y
name: stopped
program: loop.py
method: grid
command: ["$PY", "\${program}"]
metric: {name: loss}
parameters: {x: {value: 1}}
Y
try hypertop run loop.yaml --detach
begun() { hypertop ls metrics --sweep stopped --json 2>/dev/null | grep -q '"loss"'; }
wait_for 15 begun && ok sweep-of-a-loop-logs || not_ok sweep-of-a-loop-logs "$(hypertop ls trials 2>&1)"
try hypertop send stop 0 --sweep stopped
wait_for 10 sweep_over
matches stop-in-a-sweep-is-sigterm 'asked to end' "$(hypertop dump "$(hypertop ls sweeps --json | tail -n 1 | json recording)" 2>/dev/null)"

refuses exec-still-names-what-it-does-not-know 2 "'--wandbx' is not an argument" hypertop-agent exec --wandbx -- true
exit $FAILED
