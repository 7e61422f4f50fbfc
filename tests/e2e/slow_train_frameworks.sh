#!/usr/bin/env bash
# The real packages on the CPU: a torch loop, a Lightning fit, a Trainer of transformers, Keras and XGBoost are steered
# with `hypertop send` while they train: the new learning rate is applied at the next step, acknowledged, seen in the
# framework's own log; checkpoints are written; a stop ends them.
. "$(dirname "$0")/../e2e/lib.sh"

export BUILD
python_with() { python3 -c '
import sys; sys.path.insert(0, sys.argv[1]); import environments
print(environments.python_with(*sys.argv[2:]) or "")' "$ROOT/tests/bench/python" "$@"; }
export HYPERTOP_LIB="$BUILD/libhypertop.so" PYTHONPATH="$ROOT/agent/python" PYTHONDONTWRITEBYTECODE=1 KERAS_BACKEND=torch
try hypertop hub start

logs() { hypertop ls metrics --sweep "$1" --json 2>/dev/null | grep -q '"count":[0-9]*[0-9]'; }
steered() { # SCRIPT SWEEP PARAMETER FIRST SECOND PACKAGES...
    local script=$1 sweep=$2 key=$3 first=$4 second=$5 name=${1%%_*} python
    shift 5
    python=$(python_with "$@")
    [ -n "$python" ] || { skip "$name-is-steered" "needs $*: make python-train"; return; }
    mkdir "$T/$name"
    "$python" "$ROOT/tests/e2e/train_scripts/$script.py" "$T/$name" 1000000 >"$T/$name.out" 2>"$T/$name.err" &
    local pid=$!
    if ! wait_for 60 logs "$sweep"; then
        not_ok "$name-trains" "$(tail -c 300 "$T/$name.err")"
        kill -9 $pid
        return
    fi
    try hypertop send set "$key=$second" 0 --sweep "$sweep"
    matches "$name-takes-the-new-rate-and-says-from-where" "applied: .*$key $first .*$second.* step [0-9]+" "$OUT$ERR"
    local step
    step=$(grep -oE 'step [0-9]+' <<<"$OUT$ERR" | head -n 1 | cut -d' ' -f2)
    try hypertop send checkpoint 0 --sweep "$sweep"
    equal "$name-writes-a-checkpoint" 0 $STATUS
    try hypertop send stop 0 --sweep "$sweep"
    equal "$name-takes-a-stop" 0 $STATUS
    gone() { ! kill -0 $pid; }
    wait_for 30 gone || kill -9 $pid
    wait $pid
    equal "$name-ends-by-itself" 0 $?
    matches "$name-shows-the-new-rate-in-its-own-log" "rates .*$second" "$(grep -a '^rates' "$T/$name.out")"
    LAST_STEP=$step
}
# Of a dict {rate: first step} in the program's own log: the change is there at the step that was acknowledged or the next.
at_next_step() { # NAME SECOND
    local seen
    seen=$(grep -a '^rates' "$T/$1.out" | grep -oE "\\(?$2(, [0-9.e-]+\\))?: [0-9]+" | head -n 1 | grep -oE '[0-9]+$')
    if [ -n "$seen" ] && [ "$seen" -ge "${LAST_STEP:-0}" ] && [ "$seen" -le $((${LAST_STEP:-0} + 1)) ]; then ok "$1-changes-at-the-next-step"
    else not_ok "$1-changes-at-the-next-step" "acknowledged at step $LAST_STEP, in its log from $seen on"; fi
}

steered torch_loop torch-loop lr 0.01 0.002 torch && [ -s "$T/torch.out" ] && at_next_step torch 0.002
steered lightning_fit lightning-fit lr 0.01 0.002 lightning && [ -s "$T/lightning.out" ] && at_next_step lightning 0.002
steered hf_train hf-train lr 0.01 0.002 transformers accelerate && [ -s "$T/hf.out" ] && at_next_step hf 0.002
steered keras_fit keras-fit lr 0.01 0.002 keras torch
steered xgboost_train xgboost-train learning_rate 0.3 0.05 xgboost

# ---- forked data loaders, ranks ----
PY=$(python_with torch)
if [ -n "$PY" ]; then
    points() { hypertop ls metrics --sweep "$1" --json 2>/dev/null | grep '"loss"' | json count; }
    has() { [ "$(points "$1")" = "$2" ]; }
    try timeout 120 "$PY" -W ignore "$ROOT/tests/e2e/train_scripts/data_loaders.py"
    equal 64-data-loader-workers-are-inert 'inert batches 64 of 64, live True flushed True dropped 0' "$OUT"
    wait_for 10 has loaders 64
    equal only-the-parents-points-arrive 64 "$(points loaders)"
    try timeout 120 "$PY" -W ignore -m torch.distributed.run --nproc-per-node 3 "$ROOT/tests/e2e/train_scripts/ranks.py"
    equal torchrun-is-one-trial 'rank 0 True 0.25 False,rank 1 False 0.25 False,rank 2 False 0.25 False' \
        "$(grep '^rank' <<<"$OUT" | sort | paste -sd,)"
    wait_for 10 has ranks 5
    equal only-rank-0-logs 5 "$(points ranks)"
fi
exit $FAILED
