#!/usr/bin/env bash
# The Python package: its unit tests, then the example as a sweep, steered; forks, kills and exits with the real hub.
. "$(dirname "$0")/../e2e/lib.sh"

command -v python3 >/dev/null || { skip python-agent 'python3 is not installed'; exit 0; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || { skip python-agent 'python3 is older than 3.9'; exit 0; }
export HYPERTOP_LIB="$BUILD/libhypertop.so" PYTHONPATH="$ROOT/agent/python" PYTHONDONTWRITEBYTECODE=1
PY=$(command -v python3)

HYPERTOP_RUNTIME_DIR="$T/run" python3 "$ROOT/tests/unit/python/facts.py" || FAILED=1

# ---- the example as a sweep ----
example() { # NAME EPOCHS LRS [EXTRA]
    cat >"$1.yaml" <<Y
name: $1
program: $ROOT/agent/python/examples/digits_sgd.py
command: ["$PY", "\${program}"]
method: grid
metric: {name: val_error, goal: minimize}
parameters:
  lr: {values: [$3]}
  batch_size: {value: 64}
  epochs: {value: $2}
hypertop: {workers: 1, live: [lr], seeds: [7]}
Y
}
example short 2 '0.05, 0.5'
try hypertop run short.yaml --headless
equal sweep-of-the-example-succeeds 0 $STATUS
equal both-trials-are-done 2 "$(trials_in done)"
best=$(hypertop ls trials --sort value --json | head -n 1 | json value)
check it-has-learned python3 -c "import sys; sys.exit(not 0 < $best < 0.25)"
equal metrics-arrive 'loss,lr,val_error' "$(hypertop ls metrics --json | json metric | sort -u | paste -sd,)"

# ---- steering ----
example long 1000 '0.05'
try hypertop run long.yaml --detach
started() { hypertop ls metrics --json 2>/dev/null | grep -q '"loss"'; }
wait_for 30 started && ok trial-runs || not_ok trial-runs "$(hypertop ls trials 2>&1)"
id=$(hypertop ls trials --json | grep '"running"' | json trial)
try hypertop send set lr=0.25 "$id"
matches live-value-is-applied-with-old-and-new 'applied: .*lr 0\.05 .*0\.25.* step [0-9]+' "$OUT$ERR"
try hypertop send checkpoint "$id"
matches checkpoint-is-written 'applied.*digits-t[0-9]+-s[0-9]+\.json' "$OUT$ERR"
file=$(grep -oE '/[^ ]*digits-t[0-9]+-s[0-9]+\.json' <<<"$OUT" | head -n 1)
check checkpoint-holds-the-weights python3 -c 'import json, sys; assert len(json.load(open(sys.argv[1]))["w"]) == 64' "${file:-none}"
try hypertop send pause "$id"
equal pause-is-applied 0 $STATUS
try hypertop send resume "$id"
equal resume-is-applied 0 $STATUS
try hypertop send stop "$id"
equal stop-is-applied 0 $STATUS
wait_for 20 sweep_over && ok stopped-trial-ends-its-sweep || not_ok stopped-trial-ends-its-sweep "$(hypertop ls trials)"

# ---- programs that nobody leased: forks, ends of every kind ----
run_state() { hypertop ls runs --sweep "$1" --json 2>/dev/null | json state | tail -n 1; }
cat >fork.py <<'P'
import os, sys, hypertop
trial = hypertop.init("fork")
trial.float("lr", 0, 1, default=0.5, live=True)
children = []
for k in range(16):
    pid = os.fork()
    if pid == 0:
        for step in range(2000):
            trial.log({"loss": -1.0, "child": k}, step=step)
            if trial.should_stop or trial.lr != 0.5:
                os._exit(1)
        sys.exit(0)  # through atexit, like a child that returns
    children.append(pid)
    trial.log({"loss": float(k)}, step=k)
bad = sum(os.waitpid(pid, 0)[1] != 0 for pid in children)
flushed = trial.flush(20)
print(bad, trial.live, flushed, trial.dropped)
P
HYPERTOP_HUB=forks && export HYPERTOP_HUB
try hypertop hub start
try python3 fork.py
equal sixteen-forked-children-are-inert '0 True True 0' "$OUT$ERR"
arrived() { [ "$(hypertop ls metrics --json 2>/dev/null | grep '"loss"' | json count)" = 16 ]; }
if wait_for 20 arrived; then ok every-point-of-the-parent-and-none-of-a-child-arrives
else not_ok every-point-of-the-parent-and-none-of-a-child-arrives "$(hypertop ls metrics --json 2>&1 | head -n 5)"; fi

cat >end.py <<'P'
import os, sys, time, hypertop
trial = hypertop.init("end-" + sys.argv[1])
for step in range(1000):
    trial.log({"loss": float(step), "acc": 0.5}, step=step)
if sys.argv[1] == "kill":
    os.kill(os.getpid(), 9)
if sys.argv[1] == "closefrom":
    os.closerange(3, 1024)
    trial.log({"late": 1.0}, step=1001)
if sys.argv[1] == "_exit":
    os._exit(5)
if sys.argv[1] == "raise":
    raise ValueError("on purpose")
open(sys.argv[2], "w").write(repr(time.time()))
P
for how in kill _exit raise closefrom return; do
    { timeout 20 python3 end.py $how "$T/left"; } >/dev/null 2>"$T/$how.err"
    got=$?
    case $how in kill) want=137 ;; _exit) want=5 ;; raise) want=1 ;; *) want=0 ;; esac
    equal "exit-status-of-$how-is-the-programs-own" $want $got
done
# What the program logged before its end arrives, however it ended.
points() { hypertop ls metrics --sweep "end-$1" --json 2>/dev/null | grep "\"$2\"" | json count; }
has() { [ "$(points "$1" "$2")" = "$3" ]; }
for how in kill _exit raise closefrom return; do
    wait_for 10 has $how loss 1000
    equal "points-before-$how-arrive" 1000 "$(points $how loss)"
done
equal logging-goes-on-without-descriptors 1 "$(points closefrom late)"

# The delay between the program's last line and its end, with the hub in three states.
delay() { python3 end.py return "$T/left" && python3 -c 'import sys, time; print(time.time() - float(open(sys.argv[1]).read()))' "$T/left"; }
# What starting a second interpreter costs is in the delay, too; it is measured beside it and taken off.
empty() { python3 -c 'import time; print(time.time())' >"$T/left" && python3 -c 'import sys, time; print(time.time() - float(open(sys.argv[1]).read()))' "$T/left"; }
quick_exit() { # NAME
    local d base
    d=$(delay) base=$(empty)
    if python3 -c "import sys; sys.exit(not $d - $base < 0.6)"; then ok "$1"; else not_ok "$1" "$d s, of which $base s without us"; fi
}
quick_exit exit-is-quick-with-a-hub
kill -STOP "$(hub_pid)"
quick_exit exit-is-quick-with-a-stopped-hub
kill -CONT "$(hub_pid)"
try hypertop hub stop
quick_exit exit-is-quick-without-a-hub
HYPERTOP_DISABLE=1 quick_exit exit-is-quick-when-disabled

# ---- pip ----
if python3 -m venv "$T/venv" >/dev/null 2>&1 && "$T/venv/bin/python" -c '
import setuptools
try: import wheel
except ImportError: import setuptools.command.bdist_wheel' 2>/dev/null; then
    cp -r "$ROOT/agent/python" "$T/source"
    check pip-installs-it "$T/venv/bin/python" -m pip install -q --no-index --no-build-isolation --disable-pip-version-check "$T/source"
    try env -u PYTHONPATH "$T/venv/bin/python" -c 'import hypertop, os; print(os.path.exists(os.path.join(os.path.dirname(hypertop.__file__), "py.typed")), hypertop.init().live)'
    equal installed-package-works 'True True' "$OUT"
else
    skip pip-installs-it 'a new venv here cannot build wheels'
fi
