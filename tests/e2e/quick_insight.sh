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
