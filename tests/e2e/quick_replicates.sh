#!/usr/bin/env bash
# replicates: auto, through the real programs: new trials run with the first seed, the leader runs again with the next ones, values are
# means, a replicate that fails or is killed costs its trial nothing, a hub that was killed goes on where it was, tests rank by what is
# certain; and what makes no sense is refused.
. "$(dirname "$0")/lib.sh"

cat >trainer.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <poll.h>
#include "hypertop.h"
int main(int argc, char **argv)
{
    double x = 0, seed = strtod(getenv("HYPERTOP_SEED"), NULL);
    char slow[300];
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], "--x=", 4))
            x = strtod(argv[i] + 4, NULL);
    ht_agent *a = ht_open(NULL);
    ht_report(a, 1, 1000); /* on the way: counts for nothing in a replicate */
    snprintf(slow, sizeof slow, "%s/slow", getenv("GATES"));
    for (int i = 0; i < 2000 && seed > 0 && access(slow, F_OK) == 0; i++) {
        struct ht_command c;
        while (ht_poll(a, &c) > 0)
            ;
        poll(NULL, 0, 10); /* until the script opens the gate, or it is told to end */
    }
    if (seed == 3)
        return 1;
    ht_report(a, 2, x + 0.5 * seed);
    ht_close(a);
    return 0;
}
C
cc -I"$ROOT/agent" trainer.c -o trainer "$BUILD/libhypertop.a" -lm -pthread || not_ok the-trainer-compiles
export GATES=$T
touch slow
cat >sweep.yaml <<Y
name: again
command: ["$T/trainer", "\${args}"]
method: grid
metric: {name: value, goal: minimize}
parameters: {x: {values: [0.5, 0.25, 0.75, 9, 8]}}
hypertop: {workers: 1, seeds: 5, replicates: auto, test_seeds: 2}
Y
try hypertop run sweep.yaml --detach
equal the-sweep-starts 0 $STATUS
under_way() { hypertop ls runs --json | grep '"seed": *1' | json state | grep -q running; }
wait_for 20 under_way && ok the-leader-runs-again || not_ok the-leader-runs-again "$(hypertop ls runs)"
equal it-is-the-leader 0.25 "$(hypertop ls trials --json | grep '"state": *"running"' | json params.x)"
equal new-trials-have-the-first-seed 4 "$(hypertop ls runs --json | grep -c '"seed": *0')"
equal the-best-stays-meanwhile 0.25 "$(hypertop ls sweeps --json | json best)"
leader=$(hypertop ls trials --json | grep '"state": *"running"' | json trial)

# ---- the hub dies under it ----
kill -9 "$(hub_pid)"
gone() { ! hub_alive; }
wait_for 10 gone
try hypertop hub start
equal the-best-is-remembered 0.25 "$(hypertop ls sweeps --json | json best)"
wait_for 20 under_way && ok the-replicate-goes-on || not_ok the-replicate-goes-on "$(hypertop ls runs)"
try hypertop send kill "$leader"
ended() { hypertop ls runs --json | grep '"seed": *1' | json state | grep -q killed; }
wait_for 20 ended && ok a-replicate-can-be-killed || not_ok a-replicate-can-be-killed "$(hypertop ls runs)"
equal its-value-is-what-it-was 0.25 "$(hypertop ls trials --json | grep "\"trial\": *$leader," | json value)"
rm slow
wait_for 40 sweep_over && ok the-sweep-ends || not_ok the-sweep-ends "$(hypertop ls trials)"
hypertop ls trials --json >trials.json
hypertop ls runs --json >runs.json
hypertop ls seeds --json >seeds.json
python3 - >verdict 2>&1 <<'P'
import json
read = lambda f: [json.loads(l) for l in open(f)]
trials, runs, seeds = read("trials.json"), read("runs.json"), read("seeds.json")
tuning = [t for t in trials if t["origin"] != "test"]
assert len(tuning) == 5 and all(t["state"] == "done" for t in tuning), tuning
again = 0
for t in tuning:
    mine = [r for r in runs if r["trial"] == t["trial"]]
    order = [r["seed"] for r in mine]
    assert order == list(range(len(order))), order  # the next seed each time
    values = [t["params"]["x"] + 0.5 * r["seed"] for r in mine if r["state"] == "done"]
    assert abs(t["value"] - sum(values) / len(values)) < 1e-9, (t, values)
    spread = [s for s in seeds if s["trial"] == t["trial"]]
    assert (len(values) > 1) == bool(spread and spread[0]["n"] > 1), (values, spread)
    again += len(mine) - 1
assert 3 <= again <= 20, again
assert [r["state"] for r in runs if r["seed"] == 1].count("killed") == 1
assert sum(t["origin"] == "test" for t in trials) == 1
P
equal values-are-means-of-seeds-in-order "" "$(cat verdict)"
hypertop hub stop >/dev/null
recording=$(ls "$HYPERTOP_DATA_DIR"/*.mcap)
best=$(hypertop ls sweeps --sweep "$recording" --json | json best_trial)
equal a-replay-has-the-same-incumbent "$best" "$(grep '"origin": *"test"' trials.json | json parent)"
hypertop dump "$recording" --json >dump.json
equal the-tuner-repeated-itself 0 "$(grep -c 'did not repeat itself' dump.json)"
check replicates-are-in-the-recording grep -q '"replicate": *[1-4]' dump.json

sed 's/seeds: 5, //' sweep.yaml >one.yaml
refuses one-seed-is-no-choice 1 'one.yaml:6:[0-9]+: replicates: auto needs two or more seeds' hypertop run one.yaml --dry-run
sed 's/auto/some/' sweep.yaml >some.yaml
refuses a-word-that-is-none 1 'some.yaml:6:[0-9]+: replicates: auto .* or all' hypertop run some.yaml --dry-run
sed 's/test_seeds: 2/test_seeds: [4, 5]/' sweep.yaml >overlap.yaml
refuses a-tuning-seed-is-no-test-seed 1 'test_seeds: 4 is a tuning seed' hypertop run overlap.yaml --dry-run
