#!/usr/bin/env bash
# Trials that the tuner holds, resumes and changes, with real training: Hyperband through a hub that is killed on the way, and a
# population whose members take over each other's weights while they run.
. "$(dirname "$0")/lib.sh"

sweep_file() { # NAME TUNER-OR-STOPPER-LINE EPOCHS RUN_CAP WORKERS
    cat <<Y
name: $1
program: $BUILD/examples/digits
command: ["\${program}"]
method: random
metric: {name: val_error, goal: minimize}
parameters:
  lr: {distribution: log_uniform_values, min: 0.0005, max: 0.5}
  hidden: {value: 128}
  batch_size: {value: 8}
  optimizer: {values: [momentum]}
  epochs: {value: $3}
run_cap: $4
hypertop:
  $2
  fidelity: {max: $3}
  live: [lr]
  workers: $5
Y
}
trials() { hypertop ls trials --sweep "$1" --json; }
events() { hypertop dump "$recording" --json 2>/dev/null; }

# ---- hyperband, and a hub that is killed in between ----
sweep_file held 'stopper: {name: hyperband}' 9 12 2 >held.yaml
try hypertop run held.yaml --detach --seed 4
equal hyperband-starts 0 $STATUS
some_held() { [ "$(trials held | json state | grep -c paused)" -ge 2 ]; }
wait_for 60 some_held && ok trials-are-held-at-a-rung || not_ok trials-are-held-at-a-rung "$(trials held | json state | sort | uniq -c)"
kill -9 "$(hub_pid)"
gone() { ! hub_alive; }
wait_for 10 gone && ok hub-is-killed || not_ok hub-is-killed "pid $(hub_pid)"
try hypertop hub start
equal hub-starts-again 0 $STATUS
wait_for 120 sweep_over && ok hyperband-ends || not_ok hyperband-ends "$(sweep_state) $(trials held | json state | sort | uniq -c)"
recording=$(ls "$HYPERTOP_DATA_DIR"/held-*.mcap)
equal every-trial-ended 12 "$(trials "$recording" | json state | grep -cxE 'done|pruned')"
check some-trials-went-to-the-end test "$(trials "$recording" | json state | grep -cx done)" -ge 1
check some-trials-were-held-back test "$(trials "$recording" | json state | grep -cx pruned)" -ge 5
check trials-were-resumed test "$(events | grep '"trial_state"' | grep -c '"asked": *true')" -ge 2
equal the-tuner-repeated-itself 0 "$(events | grep -c 'did not repeat itself')"
check checkpoints-were-written test "$(ls digits-t*.bin | wc -l)" -ge 3
hypertop hub stop >/dev/null 2>&1

# ---- a population ----
sweep_file people 'tuner: {name: pbt, interval: 3, resample: 0}' 24 4 4 >people.yaml
try hypertop run people.yaml --headless --seed 2
equal population-ends 0 $STATUS
recording=$(ls "$HYPERTOP_DATA_DIR"/people-*.mcap)
equal all-members-finish 4 "$(trials "$recording" | json state | grep -cx done)"
changes=$(events | grep '"tell"' | grep '"change"')
check members-take-over-others test "$(grep -c . <<<"$changes")" -ge 2
check takeovers-name-their-donor test "$(grep -c '"donor": *[0-9]' <<<"$changes")" -ge 2
check checkpoints-are-restored-in-place test "$(events | grep '"command"' | grep -c 'taken over')" -ge 1
check learning-rates-are-set-live test "$(events | grep '"command"' | grep '"applied"' | grep -c '"param": *"lr"')" -ge 1
check recording-is-sound hypertop fsck "$recording"

# ---- members that take turns: more members than slots ----
sweep_file turns 'tuner: {name: pbt, interval: 3, turns: 1}' 9 4 1 >turns.yaml
try hypertop run turns.yaml --headless --seed 2
equal turns-end 0 $STATUS
recording=$(ls "$HYPERTOP_DATA_DIR"/turns-*.mcap)
equal all-turns-finish 4 "$(trials "$recording" | json state | grep -cxE 'done|pruned')"
check members-were-resumed-in-turn test "$(events | grep '"trial_state"' | grep -c '"asked": *true')" -ge 6
