#!/usr/bin/env bash
# A sweep over the rows of a CSV file tries each once, also when the hub is killed and the file is gone in between; its recording and a
# CSV file warm the next sweep up; wrong files are one clear error.
. "$(dirname "$0")/lib.sh"

export GATE="$T/gate"
cat >trainer.c <<'C'
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hypertop.h"
int main(int argc, char **argv)
{
    double lr = 0, bs = 0;
    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "--lr=", 5))
            lr = strtod(argv[i] + 5, NULL);
        if (!strncmp(argv[i], "--bs=", 5))
            bs = strtod(argv[i] + 5, NULL);
    }
    while (access(getenv("GATE"), F_OK) != 0)
        poll(NULL, 0, 10);
    ht_agent *a = ht_open(NULL);
    ht_report(a, 1, (lr - 0.01) * (lr - 0.01) * 1e4 + bs / 64);
    ht_close(a);
    return 0;
}
C
cc -I"$ROOT/agent" trainer.c -o trainer "$BUILD/libhypertop.a" -lm -pthread || not_ok the-trainer-compiles
printf 'lr,bs\n0.001,16\n0.01,32\n0.1,16\n0.002,64\n0.02,16\n' >rows.csv
sweep() { # NAME LINE...: a sweep file
    printf '%s\n' "name: $1" "command: [\"$T/trainer\", \"\${args}\"]" 'method: bayes' 'metric: {name: loss, goal: minimize}' \
        'parameters: {lr: {min: 0.0001, max: 1.0, distribution: log_uniform_values}, bs: {values: [16, 32, 64]}}' \
        'hypertop:' "  workers: 1" "${@:2}" >"$1.yaml"
}
sweep rows '  candidates: rows.csv'
rows_tried() { hypertop ls trials --sweep rows --json | python3 -c '
import json, sys
print(*sorted("%g/%g" % (t["params"]["lr"], t["params"]["bs"]) for t in map(json.loads, sys.stdin)))'; }

equal dry-run-counts-rows 5 "$(hypertop run rows.yaml --dry-run | json candidates.rows)"
try hypertop run rows.yaml --detach
equal a-list-starts 0 $STATUS
first_trial() { [ "$(hypertop ls trials --sweep rows --json | json state)" = running ]; }
wait_for 10 first_trial && ok the-first-row-runs || not_ok the-first-row-runs "$(hypertop ls trials)"
kill -9 "$(hub_pid)"
rm rows.csv
touch "$GATE"
hypertop hub start
wait_for 30 sweep_over && ok goes-on-without-the-file || not_ok goes-on-without-the-file "$(hypertop ls trials)"
equal every-row-once '0.001/16 0.002/64 0.01/32 0.02/16 0.1/16' "$(rows_tried)"

# ---- warm starts ----
recording=$(hypertop ls sweeps --json | json recording)
sweep warm
try hypertop run warm.yaml --warm-start "$recording" --budget 2 --headless
equal a-warm-start-runs 0 $STATUS
warm_line() { hypertop ls sweeps --json | grep '"sweep": *"warm"'; }
matches the-recording-says-what-it-knew 'warm start.*5 trials of' "$(hypertop dump "$(warm_line | json recording)" --json)"
equal earlier-trials-do-not-count 2 "$(hypertop ls trials --sweep warm --json | wc -l)"
printf 'lr,bs,loss,comment\n0.01,16,3,fine\n5,16,1,"far, away"\n' >old.csv
ask='{"op":"ask"}'
try bash -c "echo '$ask' | hypertop tune --space warm.yaml --warm-start old.csv"
matches a-csv-warms-tune '1 trials of old.csv \(1 outside the space, 0 without a value\)' "$ERR"
sweep law '  prior: {name: steplaw, N: 1.0e9, D: 1.0e11, batch_size: bs}'
try bash -c "echo '$ask' | hypertop tune --space law.yaml"
matches the-step-law-is-asked-first '"lr":0.0016[0-9]*,"bs":64' "$OUT"

# ---- wrong files ----
sweep gone '  candidates: gone.csv'
refuses no-such-list 1 'gone.yaml:8:15: candidates: .*gone.csv: No such file' hypertop run gone.yaml --dry-run
printf 'lr,bs\n0.01,17\n' >gone.csv
refuses no-such-value 1 'gone.csv:2:6: bs: 17 is not one of its values' hypertop run gone.yaml --detach
printf 'lr,batch\n0.01,16\n' >gone.csv
refuses no-such-parameter 1 'gone.csv:1:4: no parameter is called "batch"' hypertop run gone.yaml --detach
refuses no-such-metric 1 'gone.csv:1:1: there is no column for the metric loss' hypertop run warm.yaml --detach --warm-start gone.csv
refuses no-such-recording 1 'gone.mcap: cannot open: No such file' hypertop run warm.yaml --detach --warm-start gone.mcap
