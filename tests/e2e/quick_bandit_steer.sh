#!/usr/bin/env bash
# Bans and pins reach a bandit that decides inside a running program within one poll: the very next pull obeys, `undo` lifts it, and every
# pull is on record with its propensity, so that the log alone proves all of it.
. "$(dirname "$0")/lib.sh"

cat >sweep.yaml <<Y
name: arms
program: $BUILD/examples/relax
command: ["\${program}"]
method: grid
metric: {name: mean_iterations, goal: minimize}
parameters:
  experiment: {values: [sor-low]}
  algorithm: {values: [tsallis-inf]}
  rounds: {value: 1000000}
hypertop: {workers: 1}
Y
try hypertop run sweep.yaml -j 1 --detach
equal sweep-starts-detached 0 $STATUS
arm() { hypertop ls arms --json | grep "\"arm\": *$1," | json "$2"; } # ARM KEY
all_pulls() { hypertop ls arms --json | json pulls | awk '{s += $1} END {print s + 0}'; }
pulls_over() { [ "$(all_pulls)" -gt "$1" ]; }
more_pulls() { # N: so many pulls later
    local until=$(($(all_pulls) + $1))
    wait_for 30 pulls_over $until
}
wait_for 30 pulls_over 2000 && ok bandit-is-on-its-way || not_ok bandit-is-on-its-way "$(hypertop ls arms)"
favourite=$(hypertop ls arms --json | python3 -c '
import json, sys
print(max((json.loads(l) for l in sys.stdin), key=lambda a: a["pulls"])["arm"])')

# ---- ban the favourite ----
try hypertop send ban "$favourite" --bandit omega --reason 'not you'
equal ban-is-applied 0 $STATUS
matches ban-says-so 'ban .*applied' "$OUT"
more_pulls 1000
equal banned-arm-is-marked true "$(arm "$favourite" banned)"
# What was pulled before the poll may still have been on its way when the list was asked for.
had=$(arm "$favourite" pulls)
more_pulls 1000
equal banned-arm-is-pulled-no-more "$had" "$(arm "$favourite" pulls)"
equal banned-arm-has-no-chance 0 "$(arm "$favourite" p_next | awk '{print $1 + 0}')"

# ---- pin another: only it is pulled ----
try hypertop send pin 2 --bandit omega
equal pin-is-applied 0 $STATUS
more_pulls 200
hypertop ls arms --json >a.json
more_pulls 1000
hypertop ls arms --json >b.json
python3 - >verdict 2>&1 <<'P'
import json
a, b = ({r["arm"]: r["pulls"] for r in map(json.loads, open(f))} for f in ("a.json", "b.json"))
grew = sorted(k for k in a if b[k] > a[k])
print(grew)
P
equal only-the-pinned-arm-grows '[2]' "$(cat verdict)"
equal pinned-arm-is-certain 1 "$(arm 2 p_next | awk '{print $1 + 0}')"
equal chances-add-up yes "$(hypertop ls arms --json | json p_next | awk '$1 != "null" {s += $1} END {print s < 1.001 ? "yes" : s}')"

# ---- undo lifts the pin; then the ban ----
try hypertop send undo
equal undo-of-the-pin-is-applied 0 $STATUS
equal pin-is-lifted false "$(arm 2 pinned)"
others() { hypertop ls arms --json | grep -v '"arm": *2,' | json pulls | awk '{s += $1} END {print s}'; }
had=$(others)
others_grow() { [ "$(others)" -gt "$had" ]; }
wait_for 30 others_grow && ok the-others-are-pulled-again || not_ok the-others-are-pulled-again "$(hypertop ls arms)"
try hypertop send unban "$favourite" --bandit omega
equal unban-is-applied 0 $STATUS
had=$(arm "$favourite" pulls)
favourite_grows() { [ "$(arm "$favourite" pulls)" -gt "$had" ]; }
wait_for 30 favourite_grows && ok the-favourite-is-pulled-again || not_ok the-favourite-is-pulled-again "$(hypertop ls arms)"

# ---- refused ----
refuses unknown-arm 1 '99' hypertop send ban 99 --bandit omega
refuses unknown-bandit 1 'nobody' hypertop send ban 1 --bandit nobody
try hypertop send ban "$(hypertop ls arms --json | json label | paste -sd,)" --bandit omega
equal all-arms-cannot-be-banned 1 $STATUS
matches the-last-arm-is-refused 'would leave no arm' "$OUT$ERR"
equal one-arm-is-left 19 "$(hypertop ls arms --json | json banned | grep -c true)"
check undo-of-what-was-too-much hypertop send unban "$(hypertop ls arms --json | json label | paste -sd,)" --bandit omega
refuses a-ban-needs-an-arm 2 'ban' hypertop send ban
equal refusals-banned-nothing 0 "$(hypertop ls arms --json | json banned | grep -c true)"

# ---- the record ----
hypertop ls interventions --json >iv.json
file=$(hypertop ls sweeps --json | tail -n 1 | json recording)
try hypertop send kill all
hypertop dump "$file" --json | grep '"kind":"pulls"' >pulls.json
python3 - "$favourite" >verdict 2>&1 <<'P'
import json, sys
favourite = int(sys.argv[1])
pulls = {}
for line in open("pulls.json"):
    for p in json.loads(line)["pulls"]:
        if p["t"] in pulls:
            sys.exit(f"pull {p['t']} is there twice")
        pulls[p["t"]] = p
if sorted(pulls) != list(range(1, len(pulls) + 1)):
    sys.exit("pulls are missing")
bad = [p for p in pulls.values() if not 0 < p["propensity"] <= 1]
if bad:
    sys.exit(f"no propensity: {bad[:2]}")
at = {}
for iv in map(json.loads, open("iv.json")):
    if iv["applied_step"] is not None and iv["state"] in ("applied", "undone"):
        at[iv["verb"]] = iv["applied_step"]
# applied_step counts the pulls that were made before the poll: the pulls behind it obey, all of them.
wrong = [p["t"] for p in pulls.values() if at["ban"] < p["t"] <= at["pin"] and p["arm"] == favourite]
if wrong:
    sys.exit(f"banned at {at['ban']}, pulled at {wrong[:5]}")
pinned = [p for p in pulls.values() if at["pin"] < p["t"] <= at["undo"]]
if len(pinned) < 1000 or any(p["arm"] != 2 or p["propensity"] != 1 for p in pinned):
    sys.exit(f"pinned at {at['pin']} until {at['undo']}: {[p for p in pinned if p['arm'] != 2][:3]}")
before = [p["arm"] for p in pulls.values() if p["t"] <= at["ban"]]
if before.count(favourite) < len(before) / 4:
    sys.exit("the favourite was none")
print("obeyed")
P
equal every-pull-on-record-obeys obeyed "$(cat verdict)"
