#!/usr/bin/env bash
# The promise in one script: detach, kill -9 a console, the hub (twice) and a worker, start the hub again: the sweep ends
# with every acknowledged point present once, the same best trial as without the kills, and each failure in the log.
. "$(dirname "$0")/lib.sh"

cat >sweep.yaml <<Y
name: survive
program: $BUILD/tests/tool/steady
command: ["\${program}"]
method: grid
metric: {name: objective, goal: minimize}
parameters:
  lr: {values: [0.001, 0.005, 0.01, 0.02, 0.05, 0.1]}
  steps: {value: 400}
  rate: {value: 100}
hypertop: {workers: 2}
Y

points() { hypertop ls metrics --sweep survive --json | grep '"ramp"' | json count | awk '{s += $1} END {print s + 0}'; }
points_over() { [ "$(points)" -gt "$1" ]; }
running() { [ "$(trials_in running)" -ge "$1" ]; }
worker_pids() { hypertop ls workers --json | grep '"joined"' | json pid; }

try hypertop run sweep.yaml -j 2 --detach
equal sweep-starts-detached 0 $STATUS
wait_for 20 running 2 && ok two-trials-run || not_ok two-trials-run "$(hypertop ls trials)"

# A console comes and is killed; nothing notices.
tmux -L "$TEST" -f /dev/null new-session -d -x 80 -y 24 "exec hypertop attach"
sees() { tmux -L "$TEST" capture-pane -p | grep -q survive; }
wait_for 10 sees && ok console-attaches || not_ok console-attaches "$(tmux -L "$TEST" capture-pane -p | head -5)"
kill -9 "$(tmux -L "$TEST" list-panes -F '#{pane_pid}')"
tmux -L "$TEST" kill-server 2>/dev/null
wait_for 10 points_over 150 && ok killed-console-changes-nothing || not_ok killed-console-changes-nothing "$(points) points"

# The hub is killed while the trainers train on.
before=$(points)
kill -9 "$(hub_pid)"
try hypertop hub start
equal hub-starts-again 0 $STATUS
wait_for 20 points_over "$before" && ok points-go-on-after-hub-kill || not_ok points-go-on-after-hub-kill "$(points), $before before"

# A worker is killed: its trials are lost, then run again.
kill -9 "$(worker_pids | head -n 1)"
lost_seen() { hypertop dump "$(recording)" --json | grep -q '"lost"'; }
recording() { hypertop ls sweeps --json | tail -n 1 | json recording; }
wait_for 30 lost_seen && ok lost-runs-are-in-the-log || not_ok lost-runs-are-in-the-log "$(hypertop ls runs)"

# And the hub once more, later.
before=$(points)
wait_for 30 points_over $((before + 100))
kill -9 "$(hub_pid)"
try hypertop hub start
wait_for 90 sweep_over && ok sweep-ends || not_ok sweep-ends "$(hypertop ls trials)"

hypertop ls trials --json >trials.json
equal all-trials-are-done 6 "$(json state <trials.json | grep -cx done)"
best=$(hypertop ls sweeps --json | tail -n 1 | json best_trial)
equal best-trial-is-the-same 2 "$best"

file=$(recording)
check recording-is-sound hypertop fsck "$file"
hypertop dump "$file" --json >events.json
matches recoveries-are-in-the-log '"recovered"' "$(grep '"hub"' events.json | head -20)"
# Every run's last attempt holds steps 1..400 once, with the values that its trainer computed.
hypertop export "$file" --to csv -o points.csv >/dev/null 2>&1
python3 - points.csv trials.json >verdict 2>&1 <<'P'
import csv, json, sys, collections
lr = {t["trial"]: t["params"]["lr"] for t in map(json.loads, open(sys.argv[2]))}
seen = collections.defaultdict(list)
for row in csv.DictReader(open(sys.argv[1])):
    if row["metric"] == "ramp":
        seen[int(row["trial"])].append((int(row["step"]), float(row["value"])))
for t, rows in sorted(seen.items()):
    if [s for s, _ in rows] != list(range(1, 401)):
        sys.exit(f"trial {t}: {len(rows)} rows, first {rows[:2]}, last {rows[-2:]}")
    wrong = [r for r in rows if abs(r[1] - r[0] - lr[t] * 1000) > 1e-9]
    if wrong:
        sys.exit(f"trial {t}: wrong values {wrong[:3]}")
print("complete" if len(seen) == 6 else f"only {len(seen)} trials")
P
equal every-point-is-there-once complete "$(cat verdict)"
