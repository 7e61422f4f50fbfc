#!/usr/bin/env bash
# A sweep from the command line: run, list, steer, follow, replay.
. "$(dirname "$0")/../e2e/lib.sh"

sweep() { # NAME STEPS RATE
    cat >"$1.yaml" <<Y
name: $1
program: $BUILD/tests/tool/steady
command: ["\${program}"]
method: grid
metric: {name: objective, goal: minimize}
parameters:
  lr: {values: [0.001, 0.01, 0.1]}
  steps: {value: $2}
  rate: {value: $3}
hypertop: {workers: 2, live: [lr]}
Y
}

# ---- headless, to the end ----
sweep short 100 1000
try hypertop run short.yaml --headless
equal headless-run-succeeds 0 $STATUS
matches says-what-was-started '^sweep short runs on hub .*, recording /.*\.mcap$' "$(head -n 1 <<<"$OUT")"
equal one-line-for-each-trial 3 "$(grep -cE '^[0-9:]{8} t[0-2] done objective ' <<<"$OUT")"
matches new-best-is-told '^[0-9:]{8} t[0-2] objective [0-9.e-]+ new best$' "$OUT"
matches summary-names-the-best '^  best +t1 objective 0\.01' "$OUT"
matches summary-has-the-parameters '^  with +.*lr=0\.01' "$OUT"
matches summary-says-how-to-replay '^  replay +hypertop replay /.*\.mcap$' "$OUT"
recording=$(sed -n 's/^  recording *//p' <<<"$OUT")
check recording-is-there test -s "$recording"

# ---- lists: a live hub and its recording say the same ----
hypertop ls trials --json >live.json
equal three-trials 3 "$(wc -l <live.json)"
equal trial-keys-are-stable "trial,state,value,step,params,origin,space_version,runs,started,seconds,energy_j,tags" \
    "$(head -n 1 live.json | python3 -c 'import json,sys
k=list(json.load(sys.stdin)); want="trial,state,value,step,params,origin,space_version,runs,started,seconds,energy_j,tags".split(",")
print(",".join(w for w in want if w in k))')"
for list in sweeps trials runs metrics interventions; do
    hypertop ls $list --sweep short --json >live.json
    hypertop ls $list --sweep "$recording" --json >file.json
    check "recording-lists-the-same-$list" diff live.json file.json
done
equal sorted-best-first 1 "$(hypertop ls trials --sort value --json | head -n 1 | json trial)"
equal filter-selects 2 "$(hypertop ls trials --filter 'lr<0.05' --json | wc -l)"
refuses bad-filter 1 'filter' hypertop ls trials --filter 'lr<<'
equal as-of-the-start-nothing-is-done 0 "$(hypertop ls trials --as-of 0% --json | grep -c '"done"')"
matches table-has-headings '^ *trial +state +value' "$(hypertop ls trials | head -n 1)"

# ---- steering ----
sweep long 100000 100
try hypertop run long.yaml --detach --seed 7 -j 1
equal detached-run-returns 0 $STATUS
equal detached-run-says-one-line 1 "$(wc -l <<<"$OUT")"
going() { [ "$(trials_in running)" = 1 ]; }
wait_for 20 going && ok sweep-goes-on-detached || not_ok sweep-goes-on-detached "$(hypertop ls trials)"
id=$(hypertop ls trials --json | grep '"running"' | json trial)
try hypertop send set lr=0.05 "$id" --reason 'a test'
equal set-is-applied 0 $STATUS
matches set-names-old-new-and-step "applied: .*lr 0\.001 .*0\.05.* step [0-9]+" "$OUT"
try hypertop send --json set lr=0.02 "t$id"
equal json-has-its-keys 'id message state target verb' "$(python3 -c 'import json,sys; print(*sorted(json.loads(sys.argv[1])))' "$OUT")"
equal json-state-is-applied applied "$(json state <<<"$OUT")"
matches intervention-is-recorded 'a test' "$(hypertop ls interventions --json | head -n 1 | json reason)"
refuses unknown-trial 1 '99' hypertop send pause 99
refuses unknown-parameter 1 'nolr' hypertop send set nolr=1 "$id"
refuses parameter-that-is-not-live 1 'steps' hypertop send set steps=5 "$id"
refuses value-of-wrong-type 1 'lr' hypertop send set lr=fast "$id"
refuses verb-that-does-not-fit 2 'ban' hypertop send ban
refuses readonly-cannot-steer 1 'viewer|readonly|read-only' hypertop --readonly send pause "$id"
try hypertop send no-wait 2>/dev/null
equal unknown-verb-is-usage 2 $STATUS
try hypertop send pause "$id" --no-wait
equal no-wait-accepts 0 $STATUS
paused() { [ "$(trials_in paused)" = 1 ]; }
wait_for 20 paused && ok trial-pauses || not_ok trial-pauses "$(hypertop ls trials)"
check resume hypertop send resume "$id"

# ---- plain mode on a pipe ----
printf 'ls trials\ndescribe %s\npause 99\nnonsense\n' "$id" | hypertop --plain >plain.txt 2>plain.err
equal plain-fails-with-its-last-command 1 $?
matches plain-lists '^ *trial +state' "$(<plain.txt)"
matches plain-describes "^Trial $id is (running|paused)" "$(<plain.txt)"
matches plain-says-what-is-wrong 'unknown verb' "$(<plain.txt)"
equal plain-writes-no-escape 0 "$(LC_ALL=C grep -c $'\e' plain.txt)"

# ---- the end ----
check sweep-is-stopped hypertop send concurrency 1
try hypertop send kill all
matches kill-all-answers 'kill' "$OUT$ERR"
timeout 20 hypertop replay "$recording" --plain </dev/null >replay.txt 2>&1
equal replay-ends-when-told 0 $?
matches replay-tells-the-story 't1 done objective' "$(<replay.txt)"
unfinished=$(hypertop ls sweeps --json | tail -n 1 | json recording)
timeout 20 hypertop replay "$unfinished" --plain </dev/null >replay.txt 2>&1
equal replay-of-an-unfinished-sweep-ends-too 0 $?
equal replay-hub-ends-with-its-client "" "$(ls "$HYPERTOP_RUNTIME_DIR" | grep 'replay-.*sock')"
