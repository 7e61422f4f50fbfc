#!/usr/bin/env bash
# Rules: the sweep file's and those that are set while it runs; a pause in their name; what they say of a recording; the command.
. "$(dirname "$0")/../e2e/lib.sh"

cat >sweep.yaml <<EOF
program: steady
command: ["$BUILD/tests/tool/steady"]
method: random
metric: {name: ramp, goal: maximize}
parameters:
  steps: {value: 4000}
  rate: {value: 40}
  lr: {min: 0.001, max: 0.01}
run_cap: 1
hypertop: {rules: ["ramp > 30 then pause"]}
EOF
sed 's/ramp > 30 then pause/ramp is big/' sweep.yaml >wrong.yaml
refuses a-wrong-rule-is-refused-with-its-place 1 'wrong.yaml:10:.*`nan` is expected at column 9' hypertop run wrong.yaml --detach
try hypertop run sweep.yaml --detach
equal run 0 $STATUS
paused() { [ "$(hypertop ls trials --json | json state)" = paused ]; }
if wait_for 15 paused; then ok a-rule-pauses-a-trial; else not_ok a-rule-pauses-a-trial "$(hypertop ls trials --json)"; fi
equal in-the-name-of-the-rule rule "$(hypertop ls interventions --json | json who)"
equal with-the-rule-as-reason 'ramp > 30 then pause' "$(hypertop ls interventions --json | json reason)"

try hypertop send rule ramp is nan
equal a-rule-is-set-while-it-runs 0 $STATUS
refuses a-rule-that-is-none-is-rejected 1 'a name alone is no rule' hypertop send rule ramp
refuses no-rule-nine 1 'there is no rule 9, there are 2' hypertop send rule off 9
try hypertop send rule off 1
equal a-rule-is-taken-away 0 $STATUS

# The command runs with the alert in its environment, and nothing of an alert is a part of its text.
mkdir -p "$HOME/.config/hypertop" && echo 'rule ramp > 200' >"$HOME/.config/hypertop/hypertop.conf"
{ sleep infinity | hypertop --plain attach --exec 'printf "%s|%s\n" "$HYPERTOP_ALERT_TRIAL" "$HYPERTOP_ALERT_RULE" >>'"$T/told" >plain.out 2>&1; } &
told() { grep -q '^0|ramp > 200$' told; }
wait_for 5 test -s plain.out
try hypertop send resume 0
if wait_for 15 told; then ok the-command-finds-the-alert-in-its-environment; else not_ok the-command-finds-the-alert-in-its-environment "$(cat told plain.out)"; fi
matches and-a-line-is-printed 'alert t0 ramp 2[0-9.]* > 200' "$(cat plain.out)"

try hypertop send stop 0
wait_for 10 sweep_over
file=$(hypertop ls sweeps --json | json recording)
try hypertop rules --dry-run "$file" --rule 'ramp > 20' --rule 'lr > 1' --json
equal dry-run 0 $STATUS
matches what-would-have-fired '"rule":"ramp > 20","trial":0' "$OUT"
matches what-did-fire '"rule":"ramp > 30 then pause","trial":0.*"then":"pause"' "$OUT"
refuses a-rule-of-the-command-line-is-checked-first 2 'rule: a number is expected at column 8' hypertop rules --dry-run "$file" --rule 'ramp > x'
refuses no-recording 2 'which recording' hypertop rules
