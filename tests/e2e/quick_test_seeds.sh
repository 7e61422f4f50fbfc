#!/usr/bin/env bash
# Seeds for tuning and for testing are apart: at the end the best trials are scored on the test seeds alone, on the test task when there
# is one, by trials that the tuner never hears of; a score on a seed that was tuned on is refused.
. "$(dirname "$0")/lib.sh"

export PHASES="$T/phases"
cat >trainer.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hypertop.h"
int main(int argc, char **argv)
{
    double x = 0, task = 0;
    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "--x=", 4))
            x = strtod(argv[i] + 4, NULL);
        task += strcmp(argv[i], "--task-b") ? 0 : 100;
    }
    ht_agent *a = ht_open(NULL);
    FILE *f = fopen(getenv("PHASES"), "a");
    fprintf(f, "%s %s %g\n", getenv("HYPERTOP_PHASE"), getenv("HYPERTOP_SEED"), task);
    fclose(f);
    ht_report(a, 1, x + strtod(getenv("HYPERTOP_SEED"), NULL) + task);
    ht_close(a);
    return 0;
}
C
cc -I"$ROOT/agent" trainer.c -o trainer "$BUILD/libhypertop.a" -lm -pthread || not_ok the-trainer-compiles
cat >sweep.yaml <<Y
name: phases
command: ["$T/trainer", "\${args}"]
method: grid
metric: {name: value, goal: minimize}
parameters: {x: {values: [0.5, 0.25, 0.75]}}
hypertop: {workers: 2, seeds: [0, 1], test_seeds: [5, 6, 7], test: {incumbents: 2, command: ["$T/trainer", "\${args}", "--task-b"]}}
Y
try hypertop run sweep.yaml --headless
equal the-sweep-ends 0 $STATUS
matches the-summary-names-the-score 'tested +t1 value 106\.25 ' "$OUT"
equal every-tuning-run-has-a-tuning-seed "tuning 0 0 tuning 1 0" "$(grep tuning "$PHASES" | sort -u | xargs)"
equal every-test-run-has-a-test-seed-and-task-b "test 5 100 test 6 100 test 7 100" "$(grep test "$PHASES" | sort -u | xargs)"
equal two-incumbents-are-tested 6 "$(grep -c test "$PHASES")"
trials=$(hypertop ls trials --json)
equal tests-name-what-they-test "0 1" "$(grep '"origin": *"test"' <<<"$trials" | json parent | sort | xargs)"
equal a-test-is-never-the-best "0.75" "$(hypertop ls sweeps --json | json best)"
equal phases-are-on-record "6 test 6 tuning" "$(hypertop ls runs --json | json phase | sort | uniq -c | xargs)"
try hypertop send test 2
equal any-finished-trial-can-be-scored 0 $STATUS
scored() { [ "$(hypertop ls trials --json | grep '"origin": *"test"' | grep '"parent": *2' | json state)" = done ]; }
wait_for 20 scored && ok it-is-scored || not_ok it-is-scored "$(hypertop ls trials)"
refuses a-test-is-not-tested 1 'is a test itself' hypertop send test 3
hypertop hub stop >/dev/null
recording=$(ls "$HYPERTOP_DATA_DIR"/*.mcap)
equal a-replay-knows-the-phases "9 test 6 tuning" "$(hypertop ls runs --sweep "$recording" --json | json phase | sort | uniq -c | xargs)"

sed 's/test_seeds: \[5, 6, 7\]/test_seeds: [5, 1]/' sweep.yaml >overlap.yaml
refuses a-tuning-seed-is-no-test-seed 1 'overlap.yaml:6:[0-9]+: test_seeds: 1 is a tuning seed' hypertop run overlap.yaml --headless
