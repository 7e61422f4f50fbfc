#!/usr/bin/env bash
# replicates: auto on a noisy objective with four workers and a hub that is killed twice: the runs that the budget allows and not one
# more, a tuner that repeats its decisions, and tests of the trials that it trusts most.
. "$(dirname "$0")/lib.sh"

cat >trainer.c <<'C'
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "hypertop.h"
int main(int argc, char **argv)
{
    double x = 0;
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], "--x=", 4))
            x = strtod(argv[i] + 4, NULL);
    ht_agent *a = ht_open(NULL);
    srand48(strtol(getenv("HYPERTOP_SEED"), NULL, 10) * 7919 + (long)(x * 1e6));
    poll(NULL, 0, 50 + (int)(drand48() * 100)); /* a training run takes its time */
    ht_log(a, "value", 1, x + 100);
    ht_log(a, "value", 2, (x - 0.3) * (x - 0.3) + 0.2 * (drand48() - 0.5));
    ht_close(a);
    return 0;
}
C
cc -I"$ROOT/agent" trainer.c -o trainer "$BUILD/libhypertop.a" -lm -pthread || not_ok the-trainer-compiles
cat >sweep.yaml <<Y
name: noisy
command: ["$T/trainer", "\${args}"]
method: bayes
metric: {name: value, goal: minimize}
parameters: {x: {min: 0.0, max: 1.0}}
hypertop: {workers: 4, seeds: 5, replicates: auto, test_seeds: 3, budget: 60, test: {incumbents: 2}}
Y
try hypertop run sweep.yaml --detach
equal the-sweep-starts 0 $STATUS
gone() { ! hub_alive; }
begun() { [ "$(hypertop ls runs --json | wc -l)" -ge "$1" ]; }
for runs in 15 30; do
    wait_for 30 begun $runs
    kill -9 "$(hub_pid)"
    wait_for 10 gone
    try hypertop hub start
done
wait_for 60 sweep_over && ok the-sweep-ends || not_ok the-sweep-ends "$(hypertop ls sweeps)"
hypertop ls runs --json >runs.json
equal the-budget-counts-runs 60 "$(grep -c '"phase": *"tuning"' runs.json)"
equal the-best-two-are-tested 6 "$(grep -c '"phase": *"test"' runs.json)"
leader=$(hypertop ls sweeps --json | json best_trial)
check finished-trials-ran-again test "$(json seed <runs.json | grep -c '^[1-4]$')" -ge 3
equal the-winner-is-the-first-to-be-tested "$leader" "$(hypertop ls trials --json | grep '"origin": *"test"' | json parent | head -1)"
hypertop hub stop >/dev/null
hypertop dump "$HYPERTOP_DATA_DIR"/*.mcap --json >dump.json
equal the-tuner-repeated-itself 0 "$(grep -c 'did not repeat itself' dump.json)"
