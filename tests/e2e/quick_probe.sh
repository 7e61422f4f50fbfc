#!/usr/bin/env bash
# A loss surface of the digits example while it trains: every cell comes, the middle is the current loss, replay and the past agree, and
# training ends with exactly the numbers of a run that nobody probed.
. "$(dirname "$0")/lib.sh"

sweep() { # NAME EPOCHS
    cat >"$1.yaml" <<Y
name: $1
program: $BUILD/examples/digits
command: ["\${program}"]
method: grid
metric: {name: val_error, goal: minimize}
parameters:
  lr: {value: 0.05}
  weight_decay: {value: 0.0001}
  hidden: {value: 24}
  batch_size: {value: 64}
  dropout: {value: 0.2}
  optimizer: {value: momentum}
  epochs: {value: $2}
hypertop: {workers: 1, live: [lr]}
Y
}
running() { [ "$(trials_in running)" = 1 ]; }
state() { hypertop ls surfaces --json | json state | tail -n 1; }
is() { [ "$(state)" = "$1" ]; }
points() { # FILE OUT: what was logged, without the times
    hypertop export "$1" --to csv -o "$2.all" >/dev/null 2>&1
    python3 -c 'import csv, sys
print(sorted((r["metric"], r["step"], r["value"]) for r in csv.DictReader(open(sys.argv[1]))))' "$2.all" >"$2"
}

# ---- a run that is probed ----
sweep probed 300
try hypertop run probed.yaml -j 1 --detach
equal starts 0 $STATUS
wait_for 30 running || not_ok trial-runs "$(hypertop ls trials)"
try hypertop send pause 0 # the machine may be slow: it must not be over before it is probed
equal held 0 $STATUS
refuses no-grid 2 '30x31.*31x31' hypertop send probe 0 --grid 30x31
refuses no-trial 1 't?9' hypertop send probe 9
refuses nothing-to-end 1 'no probe is on' hypertop send probe 0 --off
refuses no-checkpoint 1 'checkpoint' hypertop send probe 0 --towards 0
try hypertop send probe 0 --grid 31x31
equal probe-is-taken 0 $STATUS
matches answer-says-where '31x31 cells from step [0-9]+, loss [0-9.]+' "$OUT"
try hypertop send resume 0 # the rest comes between steps
equal goes-on 0 $STATUS
wait_for 60 is done && ok surface-is-whole || not_ok surface-is-whole "$(hypertop ls surfaces)"
hypertop ls surfaces --json | tail -n 1 >surface.json
python3 - surface.json >verdict 2>&1 <<'P'
import json, math, sys
s = json.load(open(sys.argv[1]))
z = s["z"]
assert (s["columns"], s["rows"], s["done"], len(z)) == (31, 31, 1.0, 961), s
assert all(isinstance(v, float) and math.isfinite(v) for v in z), "holes"
assert len(set(z)) > 900, "a surface is not flat"
assert z[480] == s["centre"] and abs(s["centre"] - s["loss"]) <= 1e-6, (z[480], s["loss"])
assert (s["x0"], s["x1"], s["y0"], s["y1"], s["norm"]) == (-1, 1, -1, 1, "filter"), s
print("holds")
P
equal surface holds "$(cat verdict)"
file=$(hypertop ls sweeps --json | tail -n 1 | json recording)
wait_for 60 sweep_over && ok ends || not_ok ends "$(sweep_state)"
equal list-of-the-recording "$(cat surface.json)" "$(hypertop ls surfaces --sweep "$file" --json)"
equal before-there-is-none '' "$(hypertop ls surfaces --sweep "$file" --as-of 1% --json)"

# ---- the same run, left alone ----
sweep alone 300
try hypertop run alone.yaml -j 1 --headless
equal alone-ends 0 $STATUS
points "$file" probed.points
points "$(hypertop ls sweeps --json | tail -n 1 | json recording)" alone.points
check something-was-logged [ "$(wc -c <alone.points)" -gt 10000 ]
check training-is-bit-for-bit-the-same cmp probed.points alone.points
