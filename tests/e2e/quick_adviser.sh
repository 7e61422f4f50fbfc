#!/usr/bin/env bash
# An adviser's candidates become trials of their own origin beside the tuner's; one that answers nonsense, never, or dies at once is
# said to be so and the sweep ends as it would have without it.
. "$(dirname "$0")/lib.sh"

cat >trainer.sh <<'S'
#!/bin/sh
echo "$@" >/dev/null
exit 0
S
cat >good.py <<'P'
import json, sys
for line in sys.stdin:
    q = json.loads(line)
    print(json.dumps({"id": q["id"], "candidates": [{"params": {"x": 0.125}, "why": "an eighth"}, {"params": {"x": 5}}]}), flush=True)
P
sweep() { # NAME COMMAND [KEY...]
    cat >"$1.yaml" <<Y
name: $1
program: $BUILD/examples/digits
command: ["\${program}", "\${args}"]
method: random
metric: {name: val_loss, goal: minimize}
parameters:
  x: {min: 0.0, max: 1.0}
  epochs: {value: 1}
hypertop: {workers: 2, budget: 8, adviser: {command: $2, $3}}
Y
}
sweep good '["python3", "good.py"]' 'share: 1, timeout: 20'
try hypertop run good.yaml --headless
equal a-sweep-with-an-adviser-ends 0 $STATUS
origins=$(hypertop ls trials --sweep good --json | json origin)
equal every-trial-counts-against-the-budget 8 "$(wc -l <<<"$origins")"
matches candidates-have-their-origin adviser "$origins"
matches a-candidate-is-tried-as-given '0\.125' "$(hypertop ls trials --sweep good --filter origin=adviser --json)"
matches what-cannot-be-tried-is-said 'candidates that cannot be tried' "$(hypertop dump "$HYPERTOP_DATA_DIR"/good-*.mcap --json | grep candidates)"

n=0
for command in '["false"]' '["no-such-program-here"]' '"echo nonsense; cat >/dev/null"' '"cat >/dev/null"'; do
    n=$((n + 1))
    sweep "bad$n" "$command" 'share: 1, timeout: 0.3'
    try hypertop run "bad$n.yaml" --headless
    equal "a-bad-adviser-never-stops-the-sweep-$n" 0 $STATUS
    equal "all-trials-come-from-the-tuner-$n" 8 "$(hypertop ls trials --sweep "bad$n" --json | json origin | grep -c tuner)"
done
sweep wrong '{}' 'share: 2'
refuses a-wrong-adviser-is-an-error-with-its-place 1 'wrong.yaml:9:[0-9]+: adviser' hypertop run wrong.yaml --headless
