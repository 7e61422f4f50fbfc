# lib.sh: what every end-to-end script starts with:  . "$(dirname "$0")/../e2e/lib.sh"
#
# Gives the script a world of its own under mktemp -d (runtime and data directory, hub name, HOME), facts in the form that
# tests/run counts, and an end that leaves no process and no file behind, whatever happened. Poll with wait_for, never
# sleep for a condition. bash, no set -e: facts report failures. See tests/README.md.

ROOT=${HYPERTOP_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
BUILD=${HYPERTOP_BUILD:-${BUILD:-$ROOT/build}}
SHARED=${HYPERTOP_SHARED:-$ROOT/../shared}
TEST=$(basename "$0" .sh)
T=$(mktemp -d "/tmp/ht-XXXXXX") || exit 1 # short: a socket's path has 107 bytes
FAILED=0
export PATH="$BUILD:$PATH" HOME="$T/home" LC_ALL=C.UTF-8 TERM=dumb TZ=UTC
export HYPERTOP_RUNTIME_DIR="$T/run" HYPERTOP_DATA_DIR="$T/data" HYPERTOP_HUB="$TEST"
export HYPERTOP_MONITOR=0 # tests count every point; one that wants sys.* unsets it
unset XDG_RUNTIME_DIR XDG_DATA_HOME HYPERTOP_DISABLE NO_COLOR
mkdir -p "$HOME" && mkdir -m 700 "$HYPERTOP_RUNTIME_DIR" "$HYPERTOP_DATA_DIR"
cd "$T" || exit 1

# ---- facts ----
ok() { echo "ok $*"; }
not_ok() { # NAME WHY...
    FAILED=1
    echo "not ok $1 ${*:2}"
}
skip() { echo "skip $*"; }
# NAME COMMAND...: a fact that holds when the command succeeds.
check() {
    local name=$1
    shift
    if "$@" >"$T/check.out" 2>&1; then ok "$name"; else
        not_ok "$name" "'$*' said: $(head -c 400 "$T/check.out" | tr '\n' ' ')"
    fi
}
# NAME WANT GOT
equal() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted '$2', got '$3'"; fi; }
# NAME PATTERN TEXT: an extended regular expression
matches() { if grep -qE -- "$2" <<<"$3"; then ok "$1"; else not_ok "$1" "/$2/ is not in '$3'"; fi; }
# COMMAND...: runs it; leaves STATUS, OUT and ERR (texts).
try() {
    "$@" >"$T/try.out" 2>"$T/try.err" </dev/null
    STATUS=$?
    OUT=$(<"$T/try.out") ERR=$(<"$T/try.err")
}
# NAME STATUS PATTERN COMMAND...: the command fails with this status and says one line on stderr that matches.
refuses() {
    local name=$1 want=$2 pattern=$3
    shift 3
    try "$@"
    if [ $STATUS != "$want" ]; then
        not_ok "$name" "status $STATUS instead of $want; stderr: $ERR"
    elif [ "$(wc -l <"$T/try.err")" != 1 ]; then
        not_ok "$name" "stderr is not one line: $ERR"
    elif LC_ALL=C grep -q '[[:cntrl:]]' <<<"$ERR"; then
        not_ok "$name" "stderr holds a control character: $(cat -v "$T/try.err")"
    elif ! grep -qE -- "$pattern" <<<"$ERR"; then
        not_ok "$name" "stderr does not match /$pattern/: $ERR"
    else
        ok "$name"
    fi
}

# ---- waiting ----
# SECONDS COMMAND...: until the command succeeds; 1 when time is up.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.05
    done
}

# ---- hubs and sweeps ----
hub_pid() { cat "$HYPERTOP_RUNTIME_DIR/${1:-$HYPERTOP_HUB}.lock" 2>/dev/null; }
hub_alive() { hypertop hub status >/dev/null 2>&1; }
# KEY [FILE]: the key's value in every JSON line, strings bare, null as "null"
json() {
    python3 -c '
import json, sys
for line in sys.stdin:
    if line.strip():
        v = json.loads(line)
        for k in sys.argv[1].split("."):
            v = v.get(k) if isinstance(v, dict) else None
        print(v if isinstance(v, str) else json.dumps(v))' "$1"
}
# [SWEEP]: running, done, failed, ...; of the newest sweep without a name
sweep_state() { hypertop ls sweeps --json | { [ $# = 0 ] && tail -n 1 || grep -F "\"$1\""; } | json state | tail -n 1; }
sweep_is() { [ "$(sweep_state)" = "$1" ]; }
sweep_over() { case $(sweep_state) in done | failed) ;; *) false ;; esac; }
# STATE: how many trials are in it
trials_in() { hypertop ls trials --json | json state | grep -cx "$1"; }

# ---- the end ----
# Processes that live in this script's world: their environment names its runtime directory.
own_processes() {
    local all=(/proc/[0-9]*/environ)
    grep -lzxF "HYPERTOP_RUNTIME_DIR=$T/run" "${all[@]}" 2>/dev/null | sed -E "s|/proc/([0-9]+)/environ|\\1|" | grep -vx $$
}
none_left() { [ -z "$(own_processes)" ]; }
finish() {
    local status=$?
    trap - EXIT INT TERM HUP
    local p
    for p in $(own_processes); do kill -TERM "$p" 2>/dev/null; kill -CONT "$p" 2>/dev/null; done
    wait_for 3 none_left || for p in $(own_processes); do kill -KILL "$p" 2>/dev/null; done
    cd / && rm -rf "$T"
    [ $status = 0 ] && [ $FAILED != 0 ] && status=1
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
