#!/usr/bin/python3
"""The overview of a recording at time T is the one that a live console showed at T. A real sweep runs, is paused so that the live
screen stands still, is photographed, ended, and replayed at that moment."""

import datetime
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

try:
    from lib import terminal
except ImportError:
    print("skip replay-equals-live python3-pyte is not installed")
    sys.exit(0)

ROOT = os.environ.get("HYPERTOP_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("HYPERTOP_BUILD") or os.path.join(ROOT, "build"))
WORK = tempfile.mkdtemp()
ENV = {
    "PATH": BUILD + ":" + os.environ["PATH"],
    "HOME": WORK,
    "TERM": "xterm-256color",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "HYPERTOP_RUNTIME_DIR": os.path.join(WORK, "run"),
    "HYPERTOP_DATA_DIR": os.path.join(WORK, "data"),
    "HYPERTOP_HUB": "replay-equals-live",
}
failed = 0


def fact(name, holds, why=""):
    global failed
    print(("ok %s" % name) if holds else "not ok %s %s" % (name, " ".join(str(why).split())[:600]), flush=True)
    failed += not holds
    return holds


def hypertop(*args):
    return subprocess.run([os.path.join(BUILD, "hypertop")] + list(args), env=ENV, cwd=ROOT, capture_output=True, text=True, timeout=60)


class Console:
    def __init__(self, args, cols, rows):
        self.screen, self.stream = terminal(cols, rows)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
            os.execve(os.path.join(BUILD, "hypertop"), ["hypertop"] + args, ENV)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.last = time.monotonic()

    def pump(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                b = os.read(self.fd, 65536)
            except OSError:
                return
            before = list(self.screen.display)
            self.stream.feed(b)
            if before != list(self.screen.display):
                self.last = time.monotonic()

    def until(self, test, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not test():
            self.pump(0.05)
        return test()

    def still(self, seconds):
        """Unchanged for so long, counted from now: what it wrote meanwhile has yet to be read."""
        self.last = time.monotonic()
        return self.until(lambda: time.monotonic() - self.last > seconds, 30)

    def body(self):
        """Without the header, the tabs and the footer: they say how live the picture is. And without the curve under "best so far":
        its columns are cut from the time up to now, which goes on while nothing happens; its time axis is compared."""
        lines = list(self.screen.display[2:-1])
        rule = next((i for i, line in enumerate(lines) if "best so far" in line), len(lines))
        for i in range(rule + 1, len(lines) - 1):
            right = lines[rule].find("\u253c")
            right = right if right >= 0 else lines[0].find("\u2510\u250c")
            if right > 8 and "\u2514" not in lines[i][:8]:
                lines[i] = " " * right + lines[i][right:]
        return [line.rstrip() for line in lines]

    def key(self, k):
        os.write(self.fd, k.encode())

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


SWEEP = """name: still
program: %s/examples/digits
command: ["${program}"]
method: custom
metric: {name: val_error, goal: minimize}
parameters:
  optimizer: {values: [sgd, adam]}
  lr: {distribution: log_uniform_values, min: 0.0001, max: 0.1}
  epochs: {value: 4000}
run_cap: 2
hypertop:
  tuner: {name: random}
  fidelity: {max: 4000}
  live: [lr]
  seeds: [1]
  workers: 2
"""


def main():
    sweep = os.path.join(WORK, "sweep.yaml")
    with open(sweep, "w") as f:
        f.write(SWEEP % BUILD)
    r = hypertop("run", sweep, "-j", "2", "--detach", "--seed", "3")
    if not fact("a-sweep-starts", r.returncode == 0, r.stderr):
        return
    sizes = ((80, 24), (160, 48))
    live = [Console(["attach"], *size) for size in sizes]
    for c in live:
        c.until(lambda: sum(" run " in line for line in c.body()) >= 2, 30)
    end = time.monotonic() + 30
    while time.monotonic() < end:  # both have reported
        rows = [json.loads(x) for x in hypertop("ls", "trials", "--json").stdout.splitlines()]
        if len(rows) == 2 and all((row["step"] or 0) > 30 for row in rows):
            break
        live[0].pump(0.1)
    hypertop("send", "set", "lr=0.01", "0", "--reason", "a mark")
    hypertop("send", "pause", "all")
    ready = all(c.until(lambda c=c: sum("paus" in line for line in c.body()) >= 2, 30) for c in live)
    for c in live:
        ready = c.still(2.5) and ready
    moment = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    pictures = [c.body() for c in live]
    if not fact("a-paused-sweep-stands-still-on-the-screen", ready, "\n".join(pictures[0])):
        return
    for c in live:
        c.close()
    hypertop("send", "resume", "all")
    path = json.loads(hypertop("ls", "sweeps", "--json").stdout.splitlines()[0])["recording"]
    end = time.monotonic() + 30
    while time.monotonic() < end:
        rows = [json.loads(x) for x in hypertop("ls", "trials", "--json").stdout.splitlines()]
        if all(row["state"] == "running" for row in rows):
            break
    hypertop("send", "stop", "all")
    hypertop("hub", "stop")
    for size, picture in zip(sizes, pictures):
        c = Console(["replay", path, "--at", moment], *size)
        c.until(lambda: any("As of" in x or "as of" in x for x in c.screen.display), 20)
        c.key("1")
        same = c.until(lambda: c.body() == picture, 10)
        bad = [(a, b) for a, b in zip(c.body(), picture) if a != b]
        fact("the-overview-at-T-is-what-was-live-at-T-%dx%d" % size, same, bad[:2])
        c.close()


try:
    for needed in ("hypertop", "hypertop-hub", "hypertop-agent", "examples/digits"):
        if not os.access(os.path.join(BUILD, needed), os.X_OK):
            print("skip replay-equals-live %s is not built" % needed)
            sys.exit(0)
    main()
finally:
    hypertop("hub", "stop")
    shutil.rmtree(WORK, ignore_errors=True)
sys.exit(1 if failed else 0)
