#!/bin/sh
# A trainer that knows nothing of hypertop: gradient descent on a small least-squares problem in awk, called with --lr=V --momentum=V. It
# prints its loss, and writes what it has when it is told to by SIGUSR1.
lr=0.1 momentum=0
for a in "$@"; do
    case $a in
    --lr=*) lr=${a#*=} ;;
    --momentum=*) momentum=${a#*=} ;;
    esac
done
trap 'echo "$step $lr $momentum" >"checkpoint-${HYPERTOP_RUN:-0}"' USR1
state="4 -3 0 0"
for step in $(seq 1 "${STEPS:-30}"); do
    # f(x, y) = x^2 / 2 + 5 y^2, heavy ball
    state=$(echo "$state" | awk -v lr="$lr" -v m="$momentum" '{
        vx = m * $3 - lr * $1; vy = m * $4 - lr * 10 * $2
        printf "%.10g %.10g %.10g %.10g", $1 + vx, $2 + vy, vx, vy }')
    echo "$state" | awk -v s="$step" '{ printf "step %d loss=%.6g\n", s, $1 * $1 / 2 + 5 * $2 * $2 }'
done
