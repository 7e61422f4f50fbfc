#!/usr/bin/env bash
# dump and fsck on whole, unfinished, cut, damaged and foreign files.
. "$(dirname "$0")/lib.sh"

MAKE=$BUILD/tests/tool/make_recording
if [ ! -x "$MAKE" ]; then
    skip recording-tools "no make_recording in the build folder: make tests"
    exit 0
fi
sizes() { stat -c %s "$1"; }
field() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

"$MAKE" whole.mcap 20 12 >whole.jsonl
"$MAKE" live.mcap 20 12 --unfinished >/dev/null

# ---- dump ----
try hypertop-hub dump whole.mcap
equal dump-exits-0 0 $STATUS
equal dump-prints-a-line-per-event 240 "$(wc -l <try.out)"
matches dump-names-the-kind '^2023-11-14T22:13:20.001000Z points ' "$OUT"
try hypertop-hub dump whole.mcap --json
equal dump-json-is-an-object-per-line 240 "$(python3 -c 'import json,sys
print(sum(json.loads(l)["kind"] in ("trial", "points", "text") for l in sys.stdin))' <try.out)"
equal dump-json-keeps-the-payload "$(seq 1 240 | tr '\n' ' ')" "$(python3 -c 'import json,sys
print(*(json.loads(l)["n"] for l in sys.stdin), end=" ")' <try.out)"
try hypertop-hub dump whole.mcap --records --json
cp try.out records.json
equal dump-records-json-is-one-document 1 "$(wc -l <records.json)"
equal dump-records-json-holds-every-message same "$(python3 - <<'PY'
import json
records = [(r["type"], dict(r["fields"])) for r in json.load(open("records.json"))["records"]]
topics = {f["id"]: f["topic"] for t, f in records if t == "Channel"}
got = [(topics[f["channel_id"]], int(f["sequence"]), int(f["log_time"]), bytes(map(int, f["data"])).hex())
       for t, f in records if t == "Message"]
want = [(w["topic"], w["sequence"], w["log_time"], w["data"]) for w in map(json.loads, open("whole.jsonl"))]
print("same" if got == want else f"{len(got)} messages, {len(want)} wanted")
PY
)"
try hypertop-hub dump whole.mcap --records
equal dump-records-lists-20-chunks 20 "$(grep -c ' Chunk ' try.out)"
try hypertop-hub dump live.mcap
equal dump-reads-an-unfinished-recording 240 "$(wc -l <try.out)"
equal dump-of-an-unfinished-recording-exits-0 0 $STATUS

# ---- fsck ----
try hypertop-hub fsck whole.mcap --json
equal fsck-json-of-a-whole-file '{"file":"whole.mcap","ok":true,"finished":true,"chunks":20,"messages":240,"damaged":[],"truncated_at":null}' "$OUT"
try hypertop-hub fsck live.mcap
equal fsck-accepts-an-unfinished-recording 0 $STATUS

head -c $(($(sizes live.mcap) - 40)) live.mcap >cut.mcap
try hypertop-hub fsck cut.mcap --json
equal fsck-of-a-cut-file-exits-1 1 $STATUS
matches fsck-says-where-it-was-cut '^[0-9]+$' "$(field truncated_at <try.out)"
try hypertop-hub dump cut.mcap
equal dump-of-a-cut-file-exits-1 1 $STATUS
matches dump-of-a-cut-file-says-so 'could not be read .*torn end' "$ERR"

cp whole.mcap bad.mcap
printf '\x5a' | dd of=bad.mcap bs=1 seek=$(($(sizes bad.mcap) / 3)) conv=notrunc status=none
try hypertop-hub fsck bad.mcap --repair good.mcap --json
equal fsck-of-a-damaged-file-exits-1 1 $STATUS
equal fsck-names-one-damage 1 "$(python3 -c 'import json,sys
print(sum(d["bytes"] > 0 for d in json.load(sys.stdin)["damaged"]))' <try.out)"
try hypertop-hub fsck good.mcap --json
equal repaired-file-is-ok True "$(field ok <try.out)"
equal repaired-file-lost-one-chunk 228 "$(field messages <try.out)"
cp whole.mcap before.mcap
hypertop-hub fsck whole.mcap >/dev/null
check fsck-changes-nothing cmp whole.mcap before.mcap

# ---- wrong input ----
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >lfs.mcap
printf 'a: 1\n' >text.mcap
: >empty.mcap
evil=$'x\e[2J.mcap'
cp text.mcap "$evil"
refuses dump-without-a-file 2 'which file.*usage' hypertop-hub dump
refuses dump-with-an-unknown-option 2 'unknown option --foo' hypertop-hub dump --foo whole.mcap
refuses dump-of-nothing 1 'nothing.mcap: cannot open: No such file' hypertop-hub dump nothing.mcap
refuses dump-of-an-lfs-pointer 1 'git lfs pull' hypertop-hub dump lfs.mcap
refuses dump-of-a-text-file 1 'not an MCAP file' hypertop-hub dump text.mcap
refuses dump-of-an-empty-file 1 'it is empty' hypertop-hub dump empty.mcap
refuses dump-of-a-folder 1 'not a regular file' hypertop-hub dump .
refuses dump-of-a-name-with-escapes 1 'not an MCAP file' hypertop-hub dump "$evil"
refuses fsck-without-a-file 2 'which file.*usage' hypertop-hub fsck
refuses fsck-repair-without-a-name 2 'needs a file' hypertop-hub fsck whole.mcap --repair
refuses fsck-never-writes-over-a-file 1 'File exists' hypertop-hub fsck bad.mcap --repair good.mcap
refuses dump-to-a-full-device 1 'cannot write to stdout' bash -c 'hypertop-hub dump whole.mcap >/dev/full'
exit $FAILED
