#!/usr/bin/env bash
# However a training process ends, what it logged arrives and its state is told: killed, crashed, left by os._exit, out of memory, with
# its files closed under it, with 64 forked children, and with a hub that does not answer.
. "$(dirname "$0")/../e2e/lib.sh"
export PYTHONPATH="$ROOT/agent/python" HYPERTOP_LIB="$BUILD/libhypertop.so" PYTHONDONTWRITEBYTECODE=1
python3 -c 'import hypertop' 2>/dev/null || { skip deaths "the Python package cannot be loaded"; exit 0; }

cat >die.py <<'P'
import ctypes, os, resource, signal, sys, time
import hypertop
how = sys.argv[1]
t = hypertop.init()
if how == "children":
    for _ in range(64):
        if os.fork() == 0:
            t.log({"loss": 99.0}, step=0)
            os._exit(0)
    for _ in range(64):
        os.wait()
if how == "closed":
    os.closerange(3, 1024)
for i in range(100):
    t.log({"loss": 1.0 / (i + 1)}, step=i)
if how == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if how == "crashed":
    ctypes.string_at(0)
if how == "left":
    os._exit(5)
if how == "memory":
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    x = [bytearray(1 << 24) for _ in range(1000)]
P
points() { hypertop ls runs --sweep "$1" --json 2>/dev/null | json points; }
has_points() { [ "$(points "$1")" = 100 ]; }
try hypertop hub start
for case in killed:137 crashed:139 left:5 memory:1 closed:0 children:0; do
    how=${case%:*} want=${case#*:}
    ulimit -c 0
    try hypertop-agent exec --name "$how" --parse none -- python3 die.py "$how"
    equal "$how-exit-status-is-kept" "$want" $STATUS
    if wait_for 5 has_points "$how"; then ok "$how-nothing-is-lost-nothing-doubled"; else
        not_ok "$how-nothing-is-lost-nothing-doubled" "points: $(points "$how")"
    fi
done

# A hub that is stopped: the program's own end is not delayed.
kill -STOP "$(hub_pid)"
cat >quick.py <<'P'
import time, hypertop
t = hypertop.init()
t.log({"loss": 1.0}, step=0)
start = time.monotonic()
t.finish() if hasattr(t, "finish") else t.close()
print(time.monotonic() - start)
P
try timeout 20 python3 quick.py
check end-is-not-delayed-by-a-stopped-hub sh -c "[ $STATUS = 0 ] && awk -v s='$OUT' 'BEGIN { exit !(s < 0.6) }'"
kill -CONT "$(hub_pid)"
