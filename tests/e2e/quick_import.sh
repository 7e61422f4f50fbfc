#!/usr/bin/env bash
# Other tools' files become recordings, recordings become other tools' files and come back the same; a file that is being
# written is followed.
. "$(dirname "$0")/../e2e/lib.sh"

journal() { # two trials, one pruned
    cat <<'J'
{"op_code":0,"worker_id":"w-1","study_name":"net","directions":[2]}
{"op_code":4,"worker_id":"w-1","study_id":0,"datetime_start":"2024-05-06T07:08:09.000000+00:00"}
{"op_code":5,"worker_id":"w-1","trial_id":0,"param_name":"lr","param_value_internal":0.01,"distribution":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.001, \"high\": 1, \"log\": true}}"}
{"op_code":5,"worker_id":"w-1","trial_id":0,"param_name":"opt","param_value_internal":1,"distribution":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"sgd\", \"adam\"]}}"}
{"op_code":7,"worker_id":"w-1","trial_id":0,"step":1,"intermediate_value":0.5}
{"op_code":7,"worker_id":"w-1","trial_id":0,"step":2,"intermediate_value":0.75}
{"op_code":6,"worker_id":"w-1","trial_id":0,"state":1,"values":[0.75],"datetime_complete":"2024-05-06T07:08:19.000000+00:00"}
{"op_code":4,"worker_id":"w-1","study_id":0,"datetime_start":"2024-05-06T07:08:20.000000+00:00"}
{"op_code":5,"worker_id":"w-1","trial_id":1,"param_name":"lr","param_value_internal":0.5,"distribution":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 0.001, \"high\": 1, \"log\": true}}"}
{"op_code":7,"worker_id":"w-1","trial_id":1,"step":1,"intermediate_value":0.25}
{"op_code":6,"worker_id":"w-1","trial_id":1,"state":2,"values":null,"datetime_complete":"2024-05-06T07:08:22.000000+00:00"}
J
}
trial() { hypertop ls trials --sweep "$1" --json | sed -n "$(($2 + 1))p" | json "$3"; }

journal >study.log
try hypertop import study.log -o study.mcap --json
equal import-of-a-journal 0 $STATUS
equal states-are-counted '1 1' "$(json states.done <<<"$OUT") $(json states.pruned <<<"$OUT")"
equal a-value-is-the-last-report 0.75 "$(trial study.mcap 0 value)"
equal a-choice-is-what-its-index-means adam "$(trial study.mcap 0 params.opt)"
equal a-pruned-trial-keeps-its-state pruned "$(trial study.mcap 1 state)"
equal the-goal-is-the-studys maximize "$(hypertop ls sweeps --sweep study.mcap --json | json goal)"
equal times-are-the-files 2024-05-06T07:08:09.000000Z "$(trial study.mcap 0 started)"
check the-recording-is-whole hypertop fsck study.mcap

for to in optuna tfevents jsonl; do
    out=back.$to
    [ $to = optuna ] && out=back.log
    try hypertop export study.mcap --to $to -o "$out"
    equal "export-to-$to" 0 "$STATUS$ERR"
    try hypertop import "$out" -o "$to.mcap" --metric value --goal maximize
    equal "$to-comes-back" 0 "$STATUS$ERR"
    equal "$to-keeps-parameters-and-value" 'adam 0.75' "$(trial $to.mcap 0 params.opt) $(trial $to.mcap 0 value)"
done
equal optuna-keeps-states pruned "$(trial optuna.mcap 1 state)"
check export-to-a-sweep-file hypertop export study.mcap --to wandb-sweep -o sweep.yaml
printf 'program: t.py\n' >>sweep.yaml
try hypertop run sweep.yaml --dry-run
equal a-made-sweep-file-is-one '0 0.5' "$STATUS $(json parameters.lr.max <<<"$OUT")"

head -c 900 study.log >cut.log
try hypertop import cut.log -o cut.mcap
equal a-cut-file-imports 0 $STATUS
matches and-says-where 'cut.log: is cut off at byte [0-9]+: the last line has no end' "$ERR"
refuses import-of-nothing-known 1 'none is of a format that is known' hypertop import "$ROOT/Makefile" -o no.mcap
refuses import-of-what-is-not-there 1 'nowhere: No such file' hypertop import nowhere -o no.mcap
refuses import-over-a-file 1 'exists: choose another path' hypertop import study.log -o study.mcap
refuses import-of-a-wrong-metric 1 "no metric 'nix'" hypertop import study.log -o no.mcap --metric nix
refuses import-of-a-wrong-format 2 'does not take excel' hypertop import study.log -o no.mcap --from excel

# ---- followed while it is written ----
mkdir live && head -n 5 <(journal) >live/study.log
hypertop watch live/study.log --name live 2>watch.err &
watcher=$!
seen() { [ "$(hypertop ls trials --sweep live --json 2>/dev/null | sed -n "$1p" | json "$2")" = "$3" ]; }
wait_for 15 seen 1 value 0.5 && ok a-trial-is-seen-while-it-runs || not_ok a-trial-is-seen-while-it-runs "$(<watch.err)"
refuses a-watched-trial-is-not-ours 1 'only watched' hypertop send kill 0 --sweep live
tail -n +6 <(journal) >>live/study.log
wait_for 15 seen 1 state done && ok its-end-is-seen || not_ok its-end-is-seen "$(hypertop ls trials --sweep live)"
wait_for 15 seen 2 state pruned && ok the-next-one-is-seen || not_ok the-next-one-is-seen "$(hypertop ls trials --sweep live)"
kill $watcher
wait $watcher
equal the-watcher-ends-well 0 $?
equal nothing-was-written-to-the-file "$(journal | cksum)" "$(cksum <live/study.log)"
hypertop hub stop >/dev/null

# ---- files of a wrapped program ----
hypertop hub start >/dev/null
hypertop-agent exec --name wrapped --watch logs -- sh -c 'mkdir logs; printf "step,loss\n1,0.5\n2,0.25\n" >logs/metrics.csv'
wrapped() { [ "$(hypertop ls metrics --sweep wrapped --json 2>/dev/null | json last)" = 0.25 ]; }
wait_for 10 wrapped && ok files-of-a-program-are-its-runs || not_ok files-of-a-program-are-its-runs "$(hypertop ls metrics --sweep wrapped 2>&1)"
hypertop hub stop >/dev/null
exit $FAILED
