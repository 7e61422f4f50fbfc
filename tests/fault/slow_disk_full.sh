#!/usr/bin/env bash
# The disk of the recordings fills up under a running sweep: the trainers go on, lists and console say so in one line, and when there is
# space again everything that was held back is recorded. Needs to mount a small tmpfs; without that right it is skipped.
. "$(dirname "$0")/../e2e/lib.sh"
disk=$T/disk
mkdir "$disk"
mount -t tmpfs -o size=3m,mode=700 tmpfs "$disk" 2>/dev/null || { skip disk-full "no right to mount a tmpfs"; exit 0; }
trap 'finish_disk' EXIT
finish_disk() {
    local status=$? p
    for p in $(own_processes); do kill -KILL "$p" 2>/dev/null; done
    wait_for 5 none_left
    cd / && umount "$disk" 2>/dev/null || umount -l "$disk"
    (exit $status)
    finish
}
export HYPERTOP_DATA_DIR=$disk

cat >sweep.yaml <<Y
name: full
program: $BUILD/tests/tool/steady
command: ["\${program}"]
method: grid
metric: {name: objective, goal: minimize}
parameters:
  lr: {values: [0.01, 0.02]}
  steps: {value: 3000}
  rate: {value: 200}
hypertop: {workers: 2, live: [lr]}
Y
try hypertop run sweep.yaml -j 2 --detach
equal sweep-starts-detached 0 $STATUS
last_step() { hypertop ls metrics --json | grep '"ramp"' | json last_step | sort -n | sed -n 1p; }
step_over() { [ "$(last_step)" -gt "$1" ]; }
wait_for 20 step_over 200 && ok trials-are-on-their-way || not_ok trials-are-on-their-way "$(hypertop ls trials)"
file=$(hypertop ls sweeps --json | json recording)

# ---- full ----
dd if=/dev/zero of="$disk/ballast" bs=4k 2>/dev/null
warning() { hypertop ls sweeps --json | json warning; }
warned() { [ "$(warning)" != null ]; }
wait_for 20 warned && ok the-list-warns || not_ok the-list-warns "$(hypertop ls sweeps --json)"
matches the-warning-names-the-disk 'disk|space' "$(warning)"
equal the-warning-is-one-line 1 "$(warning | wc -l)"
tmux -L "$TEST" -f /dev/null new-session -d -s c -x 80 -y 24 "env TERM=tmux-256color hypertop attach"
sees() { tmux -L "$TEST" capture-pane -p -t c | grep -qiE "$1"; }
wait_for 20 sees 'disk|no space' && ok the-console-warns || not_ok the-console-warns "$(tmux -L "$TEST" capture-pane -p -t c)"
equal the-trainers-go-on 2 "$(trials_in running)"
check hub-is-alive hub_alive
sleep 2 # the disk stays full for a while, with points coming

# ---- space again ----
rm "$disk/ballast"
calm() { ! warned; }
wait_for 60 calm && ok the-warning-goes-away || not_ok the-warning-goes-away "$(warning)"
wait_for 90 sweep_over && ok sweep-ends || not_ok sweep-ends "$(hypertop ls trials)"
check recording-is-sound hypertop fsck "$file"
hypertop dump "$file" --json >events.json
matches the-log-says-when-it-was-full '"disk_full"' "$(grep '"kind":"hub"' events.json)"
matches the-log-says-when-it-was-over '"disk_ok"' "$(grep '"kind":"hub"' events.json)"
hypertop export "$file" --to csv -o "$T/points.csv" >/dev/null
python3 - "$T/points.csv" >"$T/verdict" 2>&1 <<'P'
import collections, csv, sys
seen = collections.defaultdict(list)
for r in csv.DictReader(open(sys.argv[1])):
    if r["metric"] == "ramp":
        seen[r["run"]].append(int(r["step"]))
bad = {k: len(v) for k, v in seen.items() if sorted(v) != list(range(1, 3001))}
print(f"incomplete: {bad}" if bad or len(seen) != 2 else "complete")
P
equal every-point-is-there-once complete "$(cat "$T/verdict")"
tmux -L "$TEST" kill-server 2>/dev/null
