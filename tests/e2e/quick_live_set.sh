#!/usr/bin/env bash
# `hypertop send set lr=1e-3 T` reaches the running trainer at its next safe point; answer, list, recording and the past agree on what
# happened. And everything that a change can be refused for is refused in one line, changing nothing.
. "$(dirname "$0")/lib.sh"

cat >sweep.yaml <<Y
name: wheel
program: $BUILD/tests/tool/steady
command: ["\${program}"]
method: grid
metric: {name: objective, goal: minimize}
parameters:
  lr: {values: [0.01, 0.02]}
  steps: {value: 100000}
  rate: {value: 100}
hypertop: {workers: 1, live: [lr]}
Y
try hypertop run sweep.yaml -j 1 --detach
equal sweep-starts-detached 0 $STATUS
lr_at() { hypertop ls metrics --sweep "$file" --as-of "$1" --json | grep '"metric": *"lr"' | json last; } # TIME
ivs_at() { hypertop ls interventions --sweep "$file" --as-of "$1" --json | json state | tr '\n' ' '; }       # TIME
on_its_way() { [ "$(hypertop ls metrics --json | grep '"ramp"' | json last_step)" -gt 30 ]; }
wait_for 30 on_its_way && ok trial-is-on-its-way || not_ok trial-is-on-its-way "$(hypertop ls trials)"
file=$(hypertop ls sweeps --json | tail -n 1 | json recording)

# ---- the change ----
before=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
try hypertop send set lr=1e-3 0 --reason 'too hot'
equal set-succeeds 0 $STATUS
matches answer-names-old-new-and-step '^set 0 applied: lr 0\.01 -> 0\.001 at step [0-9]+' "$OUT"
step=$(grep -oE 'step [0-9]+' <<<"$OUT" | grep -oE '[0-9]+')
id=$(hypertop ls interventions --json | json id)
row=$(hypertop ls interventions --json)
equal list-has-who "$(id -un)" "$(json who <<<"$row")"
equal list-has-why 'too hot' "$(json reason <<<"$row")"
equal list-has-what set "$(json verb <<<"$row")"
equal list-has-the-value 0.001 "$(json args.params.lr <<<"$row")"
equal list-has-the-final-state applied "$(json state <<<"$row")"
equal list-has-the-step "$step" "$(json applied_step <<<"$row")"
equal list-has-the-target 0 "$(json target <<<"$row" | tr -d t)"

# ---- the trainer's own word: its points have the new value from that step on ----
told() { [ "$(hypertop ls metrics --json | grep '"metric": *"lr"' | json last)" = 0.001 ]; }
wait_for 20 told && ok trainer-uses-the-new-value || not_ok trainer-uses-the-new-value "$(hypertop ls metrics)"
past() { [ "$(hypertop ls metrics --json | grep '"metric": *"lr"' | json last_step)" -gt $((step + 20)) ]; }
wait_for 20 past
after=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
hypertop export "$file" --to csv -o points.csv >/dev/null 2>&1
python3 - "$step" points.csv >verdict 2>&1 <<'P'
import csv, sys
step = int(sys.argv[1])
rows = {int(r["step"]): float(r["value"]) for r in csv.DictReader(open(sys.argv[2])) if r["metric"] == "lr"}
first = min((s for s, v in rows.items() if v == 0.001), default=None)
later = [s for s, v in rows.items() if first is not None and s > first and v != 0.001]
# The trainer polls after it has logged a step: the value holds from the poll's own step or the one behind it.
print("holds" if first in (step, step + 1) and not later else f"first {first}, step {step}, later {later[:3]}")
P
equal new-value-holds-from-that-step holds "$(cat verdict)"

# ---- the recording ----
hypertop dump "$file" --json | grep '"kind":"intervention"' | grep "\"id\":$id[,}]" >mark.json
states=$(json state <mark.json | tr '\n' ' ')
matches recording-has-the-whole-way '^(recorded|accepted|queued|pending|sent)( [a-z]+)* applied $' "$states"
matches recorded-mark-has-the-old-value '0\.01[^0-9]' "$(tail -n 1 mark.json)"
equal recorded-before-it-was-sent yes "$(head -n 1 mark.json | grep -q applied || echo yes)"
equal as-of-before-there-is-no-mark '' "$(ivs_at "$before")"
equal as-of-after-there-is-one 'applied ' "$(ivs_at "$after")"
equal as-of-before-shows-the-old-value 0.01 "$(lr_at "$before")"
equal as-of-after-shows-the-new-value 0.001 "$(lr_at "$after")"

# ---- refused: one line, nothing changes ----
refuses out-of-range 1 'lr.*(between|range|at most|1)' hypertop send set lr=5 0
refuses not-a-number 1 'lr' hypertop send set lr=nan 0
refuses wrong-type 1 'lr' hypertop send set lr=fast 0
refuses not-live 1 'steps' hypertop send set steps=7 0
refuses unknown-parameter 1 'momentum' hypertop send set momentum=0.9 0
refuses unknown-trial 1 't?77' hypertop send set lr=0.01 77
refuses nobody-to-tell 1 't?1' hypertop send set lr=0.01 1
refuses no-value 2 'lr' hypertop send set lr 0
refuses names-nothing 2 'set' hypertop send set
equal refusals-changed-nothing 0.001 "$(hypertop ls metrics --json | grep '"metric": *"lr"' | json last)"

# ---- undo brings the old value back, and is recorded as what it is ----
try hypertop send undo
equal undo-succeeds 0 $STATUS
back() { [ "$(hypertop ls metrics --json | grep '"metric": *"lr"' | json last)" = 0.01 ]; }
wait_for 20 back && ok undo-reaches-the-trainer || not_ok undo-reaches-the-trainer "$(hypertop ls metrics)"
equal undo-names-what-it-undid "$id" "$(hypertop ls interventions --json | grep '"undo"\|"undo_of": *[0-9]' | json undo_of | grep -m 1 -v null)"
try hypertop send kill 0,1
