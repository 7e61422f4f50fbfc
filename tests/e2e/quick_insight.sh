#!/usr/bin/env bash
# What a recording says of its parameters, without a hub: importance, and words where there is too little.
. "$(dirname "$0")/../e2e/lib.sh"

check makes-a-recording "$BUILD/tests/tool/make_sweep" "$T/made.mcap" 120
try hypertop ls importance --sweep "$T/made.mcap" --json
equal importance-of-a-recording 0 "$STATUS"
matches what-matters-comes-first '^(lr|weight_decay)$' "$(json param <<<"$OUT" | head -1)"
matches pairs-are-named weight_decay "$(json pair <<<"$OUT")"
try hypertop ls importance --sweep "$T/made.mcap" --as-of 5%
matches too-few-trials-in-words 'not enough data: [0-9]+ of at least 12 trials' "$OUT"
equal too-few-trials-are-no-error 0 "$STATUS"
try hypertop ls importance --sweep "$T/made.mcap" --as-of 5% --json
equal no-row-no-line '' "$OUT"
try hypertop ls seeds --sweep "$T/made.mcap"
matches one-seed-in-words 'no trial has a value from more than one seed' "$OUT"

try hypertop ls landscape --x lr --y weight_decay --sort value --sweep "$T/made.mcap" --json
equal a-cell-a-row 256 "$(json value <<<"$OUT" | grep -cv null)"
matches the-row-says-where '^\{"params": ?\{"lr": ?[0-9.e-]+, ?"weight_decay": ?[0-9.e-]+\}, ?"value"' "$OUT"
try hypertop ls landscape --x lr --sweep "$T/made.mcap"
equal a-slice-is-a-short-table 17 "$(wc -l <<<"$OUT")"
matches a-slice-says-how-sure 'deviation' "$(head -1 <<<"$OUT")"
try hypertop ls edf --by origin --sweep "$T/made.mcap" --json
equal a-share-of-all-in-the-end 1 "$(json share <<<"$OUT" | sort -g | awk '$1 > 1 { bad = 1 } END { print !bad }')"
equal eleven-values-a-group 0 $(($(wc -l <<<"$OUT") % 11))
try hypertop ls pareto --sweep "$T/made.mcap"
matches one-objective-in-words 'this sweep has one objective' "$OUT"
refuses option-of-another-list 2 '--by belongs to ls edf' hypertop ls trials --by origin --sweep "$T/made.mcap"
refuses a-layer-there-is-not 2 'layer' hypertop ls landscape --layer depth --sweep "$T/made.mcap"
refuses a-parameter-there-is-not 1 "no parameter 'speed'" hypertop ls landscape --x speed --sweep "$T/made.mcap"

# A hub says the same as the recording.
hypertop-hub serve --replay "$T/made.mcap" -L "$HYPERTOP_HUB" --parent $$ >"$T/serve.log" 2>&1 &
wait_for 10 hypertop ls --json
for list in 'landscape --x lr --layer partial' 'edf --by lr' pareto; do
    equal "hub-lists-${list%% *}" "$(hypertop ls $list --sweep "$T/made.mcap")" "$(hypertop ls $list)"
done
