#!/usr/bin/env bash
# Trainers that misbehave: one clear line each, nothing lost, the rest goes on.
. "$(dirname "$0")/../e2e/lib.sh"

cat >awkward.yaml <<Y
name: "awk\\e[31mward\\r"
program: $BUILD/tests/tool/awkward
command: ["\${program}"]
method: grid
metric: {name: loss, goal: minimize}
parameters:
  mode: {values: [nan, escape, binary, exit, crash, flood, silent, fine]}
hypertop: {workers: 2}
Y
try hypertop run awkward.yaml --headless
equal sweep-with-some-failures-succeeds 0 $STATUS
equal no-control-byte-on-stdout 0 "$(LC_ALL=C grep -c $'[\x01-\x08\x0b-\x1f\x7f]' <<<"$OUT")"
equal no-control-byte-on-stderr 0 "$(LC_ALL=C grep -c $'[\x01-\x08\x0b-\x1f\x7f]' <<<"$ERR")"
hypertop ls trials --json >trials.json
state_of() { grep "\"mode\":\"$1\"" trials.json | json state; }
for mode in escape binary flood fine; do equal "trial-$mode-is-done" done "$(state_of $mode)"; done
for mode in exit crash; do equal "trial-$mode-failed" failed "$(state_of $mode)"; done
equal best-is-the-fine-one fine "$(hypertop ls trials --sort value --json | head -n 1 | json params.mode)"
matches exit-status-is-told 't[0-9]+ failed: .*(status|exit).* 3' "$OUT"
matches signal-is-told 't[0-9]+ failed: .*(SEGV|signal 11|segmentation)' "$OUT"
equal nan-is-null-in-json null "$(grep '"mode":"nan"' trials.json | json value)"
equal table-has-no-control-byte 0 "$({ hypertop ls sweeps; hypertop ls trials; hypertop ls metrics; } | LC_ALL=C grep -c $'[\x01-\x08\x0b-\x1f\x7f]')"
check json-lines-are-json python3 -c 'import json,sys
for f in ("sweeps", "trials", "runs", "metrics"):
    import subprocess
    for l in subprocess.run(["hypertop", "ls", f, "--json"], capture_output=True, check=True).stdout.splitlines(): json.loads(l)'
equal every-flood-metric-arrived 50 "$(hypertop ls metrics --json | grep -c '"metric":"metric[0-9]')"

cat >missing.yaml <<Y
name: missing
program: $T/there-is-no-such-program
command: ["\${program}"]
method: grid
metric: {name: loss}
parameters: {x: {values: [1, 2]}}
Y
try hypertop run missing.yaml --headless
equal sweep-that-cannot-start-fails 1 $STATUS
matches says-that-nothing-succeeded 'no trial of missing succeeded|the sweep missing failed' "$ERR"
matches says-why-it-could-not-start 'failed: .*there-is-no-such-program|No such file' "$OUT"

printf 'name: x\nmethod: grid\nparameters: {lr: {min: 1, max: 0}}\n' >bad.yaml
refuses wrong-value-in-the-sweep-file 1 'bad.yaml:3' hypertop run bad.yaml --headless
printf 'name: [\n' >broken.yaml
refuses broken-yaml 1 'broken.yaml:' hypertop run broken.yaml --headless
head -c 100000 /dev/zero >zeros.yaml
refuses sweep-file-too-long 1 'zeros.yaml' hypertop run zeros.yaml --headless
check hub-is-still-there hypertop ls sweeps
