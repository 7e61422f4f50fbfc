#!/usr/bin/env bash
# Several objectives, constraints and the steering of a sweep under way, through the real programs: what a sweep file declares, a tuner
# held and stepped by hand, the space edited, the tuner switched, and a hub that goes on after a kill with the same tuner.
. "$(dirname "$0")/lib.sh"

cat >trainer.c <<'C'
#include <stdlib.h>
#include <string.h>
#include "hypertop.h"
int main(int argc, char **argv)
{
    double lr = 0, layers = 1;
    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "--lr=", 5))
            lr = strtod(argv[i] + 5, NULL);
        if (!strncmp(argv[i], "--layers=", 9))
            layers = strtod(argv[i] + 9, NULL);
    }
    ht_agent *ht = ht_open(NULL);
    ht_log(ht, "cost", 1, layers);
    ht_log(ht, "loss", 1, (lr - 0.3) * (lr - 0.3) + 1 / layers);
    ht_close(ht);
    return 0;
}
C
cc -I"$ROOT/agent" trainer.c -o trainer "$BUILD/libhypertop.a" -lm -pthread || not_ok the-trainer-compiles
cat >sweep.yaml <<Y
name: reshape
command: ["$T/trainer", "\${args}"]
method: random
parameters:
  lr: {min: 0.0, max: 1.0}
  layers: {min: 1, max: 8}
run_cap: 12
hypertop:
  workers: 1
  objectives: [{name: loss, goal: minimize}, {name: cost, goal: minimize, reference: 10}]
  constraints: ["lr < 0.9 or layers == 1"]
  choose: {blocks: {from: [a, b, c, d], k: 2, sorted: true}}
Y
try hypertop run sweep.yaml --dry-run
equal dry-run-works 0 $STATUS
matches objectives-are-declared '"objectives":\[\{"name":"loss","goal":"minimize","reference":null\},\{"name":"cost"' "$OUT"
matches infinite-space-has-no-size '"space_size":null' "$OUT"
sed 's/lr < 0.9 or layers/lr < 0.9 or lajers/' sweep.yaml >wrong.yaml
refuses mistake-in-a-constraint-has-its-place 1 'wrong.yaml:11:30: constraints: no parameter is called lajers; did you mean layers' \
    hypertop run wrong.yaml --dry-run
sed 's/lr: {min: 0.0, max: 1.0}/lr: {values: [0.1, 0.2]}/; s/"lr < 0.9 or layers == 1"/"layers > 6"/' sweep.yaml >finite.yaml
try hypertop run finite.yaml --dry-run
matches finite-space-is-counted '"space_size":24[,}]' "$OUT"

try hypertop run sweep.yaml -j 1 --detach
equal sweep-starts 0 $STATUS
try hypertop send hold
equal hold-is-applied 0 $STATUS
quiet() { [ "$(trials_in running)" = 0 ] && [ "$(trials_in waiting)" = 0 ]; }
wait_for 20 quiet && ok running-trials-end || not_ok running-trials-end "$(hypertop ls trials)"
had=$(hypertop ls trials --json | wc -l)
try hypertop send step 2
equal step-is-applied 0 $STATUS
two_more() { [ "$(hypertop ls trials --json | wc -l)" = $((had + 2)) ] && quiet; }
wait_for 20 two_more && ok two-trials-were-stepped || not_ok two-trials-were-stepped "$(hypertop ls trials)"

try hypertop send space 'lr=0.1..0.5'
equal space-is-edited 0 $STATUS
matches space-edit-says-the-version 'space version 2' "$OUT"
try hypertop send tuner tpe startup=2
equal tuner-is-switched 0 $STATUS
refuses unknown-tuner-is-refused 1 'no tuner is called "nobody"' hypertop send tuner nobody
try hypertop send freeze layers=3
equal layers-are-frozen 0 $STATUS
try hypertop send focus 'lr=0.2..0.4' 3 --reason 'it looks good there'
equal focus-is-applied 0 $STATUS

# ---- the hub dies; the next one drives the tuner to the same place ----
kill -9 "$(hub_pid)"
gone() { ! hub_alive; }
wait_for 10 gone
try hypertop hub start
try hypertop ls sweeps --json
matches space-version-is-remembered '"space_version":3' "$OUT"
try hypertop send go
equal go-is-applied 0 $STATUS
wait_for 40 sweep_over && ok sweep-ends || not_ok sweep-ends "$(hypertop ls trials)"
hypertop ls trials --json >trials.json
python3 - >verdict 2>&1 <<'P'
import json
t = [json.loads(l) for l in open("trials.json")]
late = [x for x in t if x["space_version"] == 3]
assert len(t) == 12 and len(late) >= 5, (len(t), len(late))
assert all(0.1 <= x["params"]["lr"] <= 0.5 and x["params"]["layers"] == 3 for x in late)
assert all(x["params"]["lr"] < 0.9 or x["params"]["layers"] == 1 for x in t)
assert all(x["params"]["blocks.0"] < x["params"]["blocks.1"] for x in t)
done = [x for x in t if x["state"] == "done"]
assert done and all(abs(x["values"][0] - x["value"]) < 1e-9 and x["values"][1] == x["params"]["layers"] for x in done)
print("ok")
P
equal trials-are-as-steered ok "$(cat verdict)"
equal nothing-dominates-the-front 0 "$(hypertop ls pareto --filter front=0 --json | json front | sort -u)"
equal a-front-has-every-objective 2 "$(hypertop ls pareto --sort front --json | head -1 | json values | grep -o '[0-9.e-]\+' | wc -l)"
try hypertop dump "$(hypertop ls sweeps --json | json recording)" --records
matches new-spaces-are-recorded '/space' "$OUT"
equal tuner-repeated-itself 0 "$(grep -c 'did not repeat itself' <<<"$OUT")"

# ---- a focus on the wrong place is given up, and the log says so ----
sed 's/name: reshape/name: wrong_place/; s/run_cap: 12/run_cap: 70\nmetric: {name: loss, goal: minimize}/; /objectives:/d; /constraints:/d; /choose:/d' sweep.yaml >focus.yaml
try hypertop run focus.yaml -j 2 --detach
try hypertop send focus 'lr=0.9..1.0' 6 --sweep wrong_place
equal focus-on-a-bad-place-is-applied 0 $STATUS
ended() { hypertop ls interventions --sweep wrong_place --filter verb=focus --json | json state | grep -qx expired; }
wait_for 20 ended && ok contradicted-focus-expires || not_ok contradicted-focus-expires "$(hypertop ls interventions)"
matches and-says-why 'is given up: [0-9]+ trials there, and what lies outside is better' \
    "$(hypertop ls interventions --sweep wrong_place --json | json message)"
