#!/usr/bin/env bash
# The overview of a replay at T is what a live console showed at T, also when T is in the middle of things: rows whose trial had not
# changed in the second before T are the same to the last cell, running trials are running, and what was done to a trial is marked
# on its curve live and in the replay. (tests/screen/slow_replay_equals_live.py compares whole screens at a moment when nothing moves.)
. "$(dirname "$0")/../e2e/lib.sh"
command -v tmux >/dev/null || { skip replay-while-running "tmux is not installed"; exit 0; }

cat >sweep.yaml <<Y
name: mirror
program: $BUILD/tests/tool/steady
command: ["\${program}"]
method: grid
metric: {name: objective, goal: minimize}
parameters:
  lr: {values: [0.001, 0.01]}
  steps: {values: [150, 100000]}
  rate: {value: 100}
hypertop: {workers: 2, live: [lr]}
Y

screen() { tmux -L "$TEST" capture-pane -p -t "$1"; } # SESSION
console() { # SESSION WORD...: a console of 80x24 in a session of its own
    tmux -L "$TEST" -f /dev/null new-session -d -s "$1" -x 80 -y 24 "env TERM=tmux-256color $(printf '%q ' "${@:2}")"
}
sees() { screen "$1" | grep -qE -- "$2"; } # SESSION PATTERN
# SESSION TEXT: as a person types; a burst would be taken for a paste
type_keys() {
    local i
    for ((i = 0; i < ${#2}; i++)); do
        tmux -L "$TEST" send-keys -t "$1" -l -- "${2:i:1}"
        sleep 0.05
    done
    tmux -L "$TEST" send-keys -t "$1" Enter
}
# SESSION TRIAL [STATE]: the trial's row in the table, without the cursor
row() { screen "$1" | sed -nE "s/^[> ] *(t$2 .*)│.*/\1/p" | grep -E -- "${3:-.}"; }

# ---- live ----
try hypertop run sweep.yaml -j 2 --detach
equal sweep-starts-detached 0 $STATUS
console live hypertop attach
ids() { hypertop ls trials --filter "$1" --json | json trial; } # FILTER
both_long_run() { [ "$(ids 'state=running step>200' | wc -l)" = 2 ]; }
wait_for 60 both_long_run && ok two-are-over-and-two-run || not_ok two-are-over-and-two-run "$(hypertop ls trials)"
read -r id other <<<"$(ids state=running | tr '\n' ' ')"
over=$(ids state=done | sed -n 1p)
try hypertop send set lr=0.03 "$id" --reason 'seen from both sides'
equal set-is-applied 0 $STATUS
try hypertop send pause "$id"
equal pause-is-applied 0 $STATUS
# "Older than a second": the paused trial's row stands still while the other one's goes on.
wait_for 20 row live "$id" paus || not_ok the-pause-is-on-the-screen "$(screen live)"
old=$(row live "$other")
goes_on() { [ "$(row live "$other")" != "$old" ]; }
sleep 1
wait_for 20 goes_on && ok the-other-goes-on || not_ok the-other-goes-on "$(screen live)"
screen live >live.txt
at=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
done_row=$(row live "$over") paused_row=$(row live "$id")
matches live-screen-says-live 'LIVE' "$(head -n 1 live.txt)"
tmux -L "$TEST" send-keys -t live Escape
type_keys live ":trial $id"
wait_for 20 sees live '[①②③]' && ok marks-are-on-the-live-curve || not_ok marks-are-on-the-live-curve "$(screen live)"
file=$(hypertop ls sweeps --json | tail -n 1 | json recording)
try hypertop send stop all
wait_for 60 sweep_over && ok sweep-ends || not_ok sweep-ends "$(hypertop ls trials)"

# ---- replay ----
console replay hypertop replay "$file" --at "$at"
wait_for 30 sees replay REPLAY && ok replay-says-that-it-is-one || not_ok replay-says-that-it-is-one "$(screen replay)"
tmux -L "$TEST" send-keys -t replay 1
as_live() { [ "$(row replay "$over")" = "$done_row" ] && [ "$(row replay "$id")" = "$paused_row" ]; }
wait_for 20 as_live
equal a-trial-that-was-over-looks-the-same "$done_row" "$(row replay "$over")"
equal a-paused-trial-looks-the-same "$paused_row" "$(row replay "$id")"
matches a-running-trial-is-running ' run ' "$(row replay "$other")"
counts() { head -n 1 | grep -oE '[0-9]+[✓‖▶…]( [0-9]+[✓‖▶…])*'; }
equal the-header-counts-the-same "$(counts <live.txt)" "$(screen replay | counts)"
type_keys replay ":trial $id"
wait_for 20 sees replay '[①②③]' && ok marks-are-on-the-replayed-curve || not_ok marks-are-on-the-replayed-curve "$(screen replay)"

# Before the sweep gave birth to a trial there is nothing to see of it.
type_keys replay ':goto start'
unborn() { ! sees replay "t$id .*(done|run|paus|step)"; }
wait_for 10 unborn && ok a-trial-is-unknown-before-its-birth || not_ok a-trial-is-unknown-before-its-birth "$(screen replay)"
tmux -L "$TEST" kill-server 2>/dev/null
