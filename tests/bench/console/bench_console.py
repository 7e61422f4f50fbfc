#!/usr/bin/python3
"""The console on a pseudo-terminal of 160x48, beside htop and btop on the same machine: bytes a second and processor time, idle and busy;
and the time from a key to the first changed cell with 10,000 trials while every view is answered four times a second. JSON lines.

Idle is a sweep whose points have stopped; busy is 4 trials that each log 200 values a second on a real hub (idle and busy alike for htop and
btop, which show the machine)."""

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

BUILD = os.environ.get("HYPERTOP_BUILD") or sys.exit("HYPERTOP_BUILD is not set")
COLS, ROWS, SECONDS = 160, 48, float(os.environ.get("BENCH_SECONDS", "8"))


class Program:
    def __init__(self, argv, env=()):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLS, 0, 0))
        e = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8", **dict(env))
        self.p = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=e, start_new_session=True)
        os.close(slave)
        self.bytes = 0

    def pump(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                try:
                    self.bytes += len(os.read(self.master, 65536))
                except OSError:
                    return

    def cpu(self):
        with open("/proc/%d/stat" % self.p.pid) as f:
            v = f.read().rsplit(")", 1)[1].split()
        return (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")

    def key(self, k):
        """Seconds from the key to the first byte of the frame that answers it."""
        self.pump(0.01)
        began = time.monotonic()
        os.write(self.master, k)
        if not select.select([self.master], [], [], 2)[0]:
            return None
        took = time.monotonic() - began
        self.pump(0.05)
        return took

    def end(self):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(3)
            except subprocess.TimeoutExpired:
                self.p.kill()
        os.close(self.master)


def measure(bench, name, program):
    program.pump(3)  # the first screen
    n, cpu = program.bytes, program.cpu()
    program.pump(SECONDS)
    row = {"bench": bench, "program": name, "cols": COLS, "rows": ROWS, "bytes_per_s": round((program.bytes - n) / SECONDS, 1),
           "cpu_percent": round(100 * (program.cpu() - cpu) / SECONDS, 2)}
    print(json.dumps(row), flush=True)


def others(bench):
    for name in ("htop", "btop"):
        if shutil.which(name):
            p = Program([name])
            measure(bench, name, p)
            p.end()


def latency():
    p = Program([BUILD + "/tests/tool/fake_console", "--trials", "10000", "--tick"])
    p.pump(2)
    times = []
    for i in range(400):
        t = p.key(b"j" if i % 100 < 50 else b"k")
        if t is not None:
            times.append(t * 1000)
        p.pump(0.013 * (i % 5))
    p.end()
    times.sort()
    print(json.dumps({"bench": "console_key_to_cell", "trials": 10000, "keys": len(times), "p50_ms": round(times[len(times) // 2], 2),
                      "p99_ms": round(times[int(len(times) * 0.99)], 2), "max_ms": round(times[-1], 2)}), flush=True)


SWEEP = """program: %s/tests/tool/steady
command: ["${program}"]
method: random
metric: {name: ramp, goal: maximize}
parameters:
  steps: {value: 100000}
  rate: {value: 100}
  lr: {distribution: log_uniform_values, min: 0.0001, max: 0.1}
run_cap: 4
hypertop: {live: [lr]}
"""


def on_a_hub():
    with tempfile.TemporaryDirectory() as t:
        os.mkdir(t + "/run", 0o700)
        env = {"HYPERTOP_RUNTIME_DIR": t + "/run", "HYPERTOP_DATA_DIR": t + "/data", "HOME": t, "XDG_CONFIG_HOME": t + "/cfg"}
        with open(t + "/sweep.yaml", "w") as f:
            f.write(SWEEP % BUILD)
        run = lambda *a: subprocess.run([BUILD + "/hypertop", *a], env=dict(os.environ, **env), stdout=subprocess.DEVNULL, check=False)
        run("run", t + "/sweep.yaml", "-j", "4", "--detach")
        p = Program([BUILD + "/hypertop", "attach"], env.items())
        measure("console_busy", "hypertop", p)
        run("send", "stop", "all")
        p.pump(2)
        measure("console_idle", "hypertop", p)
        p.end()
        run("hub", "stop")


latency()
on_a_hub()
others("console_idle")
