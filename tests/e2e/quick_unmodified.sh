#!/usr/bin/env bash
# Programs that know nothing of hypertop: their output is read, signals stand for verbs, parameters come in files, JSON lines carry
# points and commands; what the machine uses is seen from outside.
. "$(dirname "$0")/../e2e/lib.sh"
unset HYPERTOP_MONITOR

# ---- a sweep over a shell script that only prints ----
cat >train.sh <<'S'
#!/bin/sh
# value of a parabola, step by step; the parameter comes as --x=V
x=${1#--x=}
for s in 1 2 3 4 5; do
    awk -v x="$x" -v s="$s" 'BEGIN { printf "epoch %d/5 - Val Loss: %.6f\r\n", s, (x - 0.3) ^ 2 + 1 / s }'
done
cp "$HYPERTOP_PARAMS_FILE" "params-$HYPERTOP_RUN.yaml"
S
chmod +x train.sh
cat >sweep.yaml <<'S'
method: random
metric: {name: val_loss, goal: minimize}
parameters:
  x: {min: 0.0, max: 1.0}
command: [./train.sh, "${args}"]
hypertop:
  budget: 4
  parse: auto
  params_file: "in-${run}.yaml"
S
try hypertop run sweep.yaml -j 2 --headless
equal sweep-over-a-printing-program-ends 0 $STATUS
equal all-trials-are-done 4 "$(trials_in done)"
check objective-is-what-was-printed python3 - <<P
import json, subprocess
rows = [json.loads(l) for l in subprocess.check_output(["hypertop", "ls", "trials", "--json"]).splitlines()]
assert len(rows) == 4
for r in rows:
    assert r["step"] == 5 and abs(r["value"] - ((r["params"]["x"] - 0.3) ** 2 + 0.2)) < 1e-5, r
P
check parameters-came-as-a-yaml-file sh -c 'grep -h "^\"x\": 0\.[0-9]*" params-*.yaml | wc -l | grep -qx 4'
cat >bad.yaml <<'S'
method: random
metric: {name: loss, goal: minimize}
parameters: {x: {min: 0.0, max: 1.0}}
command: [./train.sh]
hypertop:
  parse: "loss=([0-9]+)"
S
refuses expression-without-a-named-group 1 'bad.yaml:6:[0-9]+.*no named group' hypertop run bad.yaml --dry-run

# ---- exec: expressions, parameters, exit state ----
cat >noisy.sh <<'S'
echo "J<1>=0.5"; printf '\033[1mJ<2>=0.25\033[0m\n'; echo "$HYPERTOP_PARAM_LR"
exit 7
S
try hypertop-agent exec --name noisy --parse 'J<(?<step>\d+)>=(?<cost>[0-9.]+)' --param lr=0.125 -- sh noisy.sh
equal exit-status-is-the-programs 7 $STATUS
matches parameter-is-in-the-environment '^0.125$' "$OUT"
refuses exec-refuses-a-bad-expression 2 'no regular expression' hypertop-agent exec --parse '(' -- true
refuses exec-refuses-an-unknown-signal 2 'no signal is called' hypertop-agent exec --checkpoint NOPE -- true

# ---- signals as verbs ----
cat >loop.sh <<'S'
trap 'echo saved >checkpoint' USR1
echo "step=1 loss=2"
: >started
while :; do sleep 0.05; done
S
hypertop-agent exec --name loop --checkpoint USR1 --grace 1 -- sh loop.sh >/dev/null 2>&1 &
loop=$!
wait_for 10 test -e started
in_run() { hypertop ls trials --sweep loop --json 2>/dev/null | json state | grep -qx "$1"; }
wait_for 10 in_run running
sleeper() { pgrep -f 'sh loop.sh' | grep -vx "$loop" | tail -n 1; }
try hypertop send checkpoint 0 --sweep loop
if wait_for 10 test -e checkpoint; then ok checkpoint-is-a-signal; else not_ok checkpoint-is-a-signal "$OUT $ERR"; fi
try hypertop send pause 0 --sweep loop
held() { grep -q '^State:.T' /proc/"$(sleeper)"/status; }
if wait_for 10 held; then ok pause-is-sigstop; else not_ok pause-is-sigstop "$OUT $ERR"; fi
try hypertop send resume 0 --sweep loop
goes() { ! held; }
if wait_for 10 goes; then ok resume-is-sigcont; else not_ok resume-is-sigcont "$OUT $ERR"; fi
try hypertop send stop 0 --sweep loop
gone() { ! kill -0 $loop 2>/dev/null; }
if wait_for 10 gone; then ok stop-is-sigterm-then-sigkill; else not_ok stop-is-sigterm-then-sigkill "$OUT $ERR"; fi

# ---- JSON lines both ways ----
cat >lines.sh <<'S'
echo '{"commands": true}' >>"$HYPERTOP_JSONL"
echo '{"param": "lr", "value": 0.125, "live": true}' >>"$HYPERTOP_JSONL"
echo '{"step": 3, "loss": 0.75, "val": {"acc": 0.5}}' >>"$HYPERTOP_JSONL"
: >ready
read -r line <"$HYPERTOP_COMMANDS"
echo "$line" >got
id=$(echo "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
echo "{\"answer\": $id, \"state\": \"applied\", \"message\": \"done as told\"}" >>"$HYPERTOP_JSONL"
echo '{"step": 4, "report": 0.25}' >>"$HYPERTOP_JSONL"
S
hypertop-agent exec --name lines --jsonl -- sh lines.sh &
lines=$!
wait_for 10 test -e ready
ready() { hypertop ls trials --sweep lines --json 2>/dev/null | json state | grep -qx running; }
wait_for 10 ready
try hypertop send --sweep lines --timeout 10 set lr=0.5 0
equal command-over-json-lines-is-answered 0 $STATUS
wait_for 10 sh -c "! kill -0 $lines" || kill $lines
wait $lines
equal json-lines-program-ends 0 $?
check command-came-as-a-line grep -q '"verb":"set"' got
value() { hypertop ls trials --sweep lines --json | json value; }
if wait_for 5 test "$(value)" = 0.25; then ok report-over-json-lines; else not_ok report-over-json-lines "$(value)"; fi

# ---- the machine, seen from outside: a made-up /sys with a package counter ----
mkdir -p sys/class/powercap/intel-rapl:0
echo package-0 >sys/class/powercap/intel-rapl:0/name
echo 262143328850 >sys/class/powercap/intel-rapl:0/max_energy_range_uj
echo 5000000 >sys/class/powercap/intel-rapl:0/energy_uj
cat >busy.sh <<'S'
end=$(($(date +%s) + 3))
while [ "$(date +%s)" -lt $end ]; do :; done
echo 25000000 >sys/class/powercap/intel-rapl:0/energy_uj
S
HYPERTOP_SYSFS=$PWD/sys try hypertop-agent exec --name busy --intensity 500 --pue 2 -- sh busy.sh
joules() { hypertop ls trials --sweep busy --json | json energy_j; }
check energy-of-a-run-is-its-share sh -c "awk -v j='$(joules)' 'BEGIN { exit !(j > 0 && j <= 20) }'"
