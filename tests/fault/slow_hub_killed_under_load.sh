#!/usr/bin/env bash
# kill -9 of the hub, again and again, while two trainers pour 200,000 points a second into it: every point that the trainers logged
# is in the recording afterwards, once, with its value.
. "$(dirname "$0")/../e2e/lib.sh"
KILLS=5 POINTS=500000

cat >sweep.yaml <<Y
name: torrent
program: $BUILD/tests/tool/torrent
command: ["\${program}"]
method: grid
metric: {name: objective, goal: minimize}
parameters:
  x: {values: [1, 2]}
  points: {value: $POINTS}
  rate: {value: 100000}
hypertop: {workers: 2}
Y
export TORRENT_BOOK=$T/book
try hypertop run sweep.yaml -j 2 --detach
equal sweep-starts-detached 0 $STATUS
file=$(hypertop ls sweeps --json | json recording)
recorded() { stat -c %s "$file"; }
grows() { [ "$(recorded)" -gt "$size" ]; }
gone() { ! [ -e "/proc/$1/status" ] || grep -q '^State:.Z' "/proc/$1/status"; }
killed=0
for ((i = 1; i <= KILLS; i++)); do
    size=$(($(recorded) + 200000)) # not while it is still opening its books
    wait_for 30 grows || break
    sweep_over && break
    pid=$(hub_pid)
    kill -9 "$pid" && killed=$((killed + 1))
    wait_for 10 gone "$pid"
    sleep "0.$((RANDOM % 9))"
    hypertop hub start || not_ok hub-starts-again "$(hypertop hub start 2>&1)"
done
check hub-was-killed-while-points-came test "$killed" -ge 3
wait_for 200 sweep_over && ok sweep-ends || not_ok sweep-ends "$(hypertop ls trials)"
equal both-trials-are-done 2 "$(trials_in 'done')"
check recording-is-sound hypertop fsck "$file"
equal trainers-dropped-nothing "$POINTS 0 $POINTS 0" "$(cat book.* | tr '\n' ' ' | sed 's/ $//')"
hypertop export "$file" --to csv -o points.csv >/dev/null
python3 - "$POINTS" >verdict 2>&1 <<'P'
import csv, sys
want = int(sys.argv[1])
seen = {}
with open("points.csv") as f:
    rows = csv.reader(f)
    head = next(rows)
    run, metric, step, value = (head.index(k) for k in ("run", "metric", "step", "value"))
    for r in rows:
        if r[metric][0] != "m":
            continue
        key, i = (r[run], r[metric]), int(r[step])
        marks = seen.setdefault(key, bytearray(want))
        if marks[i]:
            sys.exit(f"{key} step {i} is there twice")
        if float(r[value]) != i + int(r[metric][1]) / 4:
            sys.exit(f"{key} step {i} has the value {r[value]}")
        marks[i] = 1
if len(seen) != 8:
    sys.exit(f"curves: {sorted(seen)}")
missing = {k: v.count(0) for k, v in seen.items() if v.count(0)}
print(f"missing {missing}" if missing else "complete")
P
equal every-point-is-there-once complete "$(cat verdict)"
matches the-log-has-the-recoveries '"recovered"' "$(hypertop dump "$file" --json | grep -m 3 '"kind":"hub","sent".*recovered')"
