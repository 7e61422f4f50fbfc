#!/usr/bin/env bash
# A hub that is missing, foreign, in the way or already there: one clear line each.
. "$(dirname "$0")/../e2e/lib.sh"

refuses ls-without-a-hub 3 "no hub named '$TEST' runs.*hypertop hub start" hypertop ls
refuses send-without-a-hub 3 'hypertop hub start' hypertop send pause 1
refuses address-where-nobody-listens 3 'no hub' hypertop -L "ipc://$HYPERTOP_RUNTIME_DIR/other.sock" ls
refuses tcp-without-a-port 3 'tcp://HOST:PORT' hypertop -L tcp://localhost ls

touch "$HYPERTOP_RUNTIME_DIR/$TEST.sock"
refuses foreign-file-in-the-sockets-place 3 'not a socket.*move it away' hypertop ls
refuses hub-does-not-start-over-a-foreign-file 3 'not a socket' hypertop attach --plain
rm "$HYPERTOP_RUNTIME_DIR/$TEST.sock"

# Something that holds a socket there but is no hub: it never answers.
python3 - "$HYPERTOP_RUNTIME_DIR/$TEST.sock" <<'P' &
import fcntl, os, socket, sys, time
path = sys.argv[1]
lock = open(path[:-5] + ".lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen()
while True:
    c, _ = s.accept()
    c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
P
wait_for 5 test -S "$HYPERTOP_RUNTIME_DIR/$TEST.sock"
refuses foreign-program-on-the-socket 3 'did not answer within 5 s' hypertop ls
kill %1
wait %1 2>/dev/null
rm -f "$HYPERTOP_RUNTIME_DIR/$TEST.sock" "$HYPERTOP_RUNTIME_DIR/$TEST.lock"

mv "$HYPERTOP_RUNTIME_DIR" real
ln -s real "$HYPERTOP_RUNTIME_DIR"
refuses runtime-directory-that-is-a-link 3 'symbolic link' hypertop ls
rm "$HYPERTOP_RUNTIME_DIR"
mv real "$HYPERTOP_RUNTIME_DIR"
chmod 750 "$HYPERTOP_RUNTIME_DIR"
refuses runtime-directory-that-others-may-enter 3 'chmod 0700' hypertop ls
chmod 700 "$HYPERTOP_RUNTIME_DIR"

try hypertop hub start
equal hub-starts 0 $STATUS
pid=$(hub_pid)
refuses second-hub-on-the-same-name 1 "already running.*$pid" hypertop hub run
check first-hub-is-not-disturbed hypertop ls
equal same-hub $pid "$(hub_pid)"
refuses unknown-sweep 1 'nosuch|no sweep yet' hypertop ls trials --sweep nosuch
refuses trials-without-a-sweep 1 'sweep' hypertop ls trials
refuses send-without-a-sweep 1 'sweep' hypertop send budget +1
equal no-sweeps-is-an-empty-list "" "$(hypertop ls sweeps --json)"
kill -9 "$pid"
try hypertop hub start
equal hub-starts-after-a-kill 0 $STATUS
try hypertop hub stop
equal hub-stops 0 $STATUS
refuses stopped-hub-is-gone 3 'no hub' hypertop ls

# The hub's own program missing: said with what to do.
mkdir alone && cp "$BUILD/hypertop" alone/
refuses hub-program-missing 3 'hypertop-hub was found neither' env PATH=/usr/bin:/bin alone/hypertop attach --plain
