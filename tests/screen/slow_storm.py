#!/usr/bin/python3
"""20,000 terminal sizes from 1x1 to 300x100 with random keys, escape sequences cut anywhere and clicks: the console on a pty survives and its
memory stays where it was. With SANITIZER=address,undefined builds the sanitizers watch too."""

import os
import random
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import slow_console_terminal as ct
except SystemExit:
    sys.exit(0)

SIZES = int(os.environ.get("HYPERTOP_STORM", "20000"))
rng = random.Random(11)


def resident(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def noise():
    kind = rng.random()
    if kind < 0.6:
        return rng.choice("jkhlgGm12345678zwyxXfFcIv*U<>[]+-_?/\\:nN()^& \t\r")
    if kind < 0.75:
        return rng.choice(["\x1b[A", "\x1b[B", "\x1b[5~", "\x1b[<0;%d;%dM" % (rng.randint(1, 300), rng.randint(1, 100)), "\x1b[<64;3;3M"])
    if kind < 0.9:  # cut anywhere
        whole = rng.choice(["\x1b[<0;5;6M", "\x1b[200~kill t17\r\x1b[201~", "\x1b]52;c;eA==\x07", "\x1bP1$r0m\x1b\\"])
        return whole[:rng.randint(1, len(whole))]
    return bytes(rng.randrange(128, 256) for _ in range(rng.randint(1, 6)))


t = ct.Terminal()
ct.first_frame(t)
before = None
for i in range(SIZES):
    t.resize(rng.randint(1, 300), rng.randint(1, 100))
    if i % 3 == 0:
        t.send(noise())
    if i % 50 == 0:
        t.send("\x1b")  # out of whatever was opened; never answers a question with yes
    t.pump(0.0005)
    t.raw = t.raw[-65536:]
    if i == SIZES // 4:
        before = resident(t.pid)
    if i % 500 == 0 and t.ended():
        break
ct.fact("survives-%d-sizes" % SIZES, not t.ended(), t.status)
if not t.ended():
    after = resident(t.pid)
    with open("/proc/%d/maps" % t.pid) as f:
        room = (128 if "libasan" in f.read() else 8) << 20  # freed memory stays in AddressSanitizer's quarantine for a while
    ct.fact("its-memory-stays-where-it-was", after < before + room, "%d then, %d at the end" % (before, after))
    for _ in range(6):
        t.send("\x1b")
        t.pump(0.15)
    t.resize(80, 24)
    t.send("1")
    ct.fact("and-still-draws", t.until(lambda: t.shows("cifar-lr-wd"), 8), t.screen.display[:3])
    os.kill(t.pid, signal.SIGTERM)
    ct.fact("and-still-leaves-the-terminal-as-it-was", t.wait_end() and t.restored() and not t.modes(), "%s %s" % (t.status, t.modes()))
t.close()
sys.exit(1 if ct.failed else 0)
