#!/usr/bin/python3
"""The console through a pseudo-terminal: what every kind of TERM shows, and that the terminal is left as it was found on every way
to end. Drives fake_console (the real console on a sweep that is always the same)."""

import fcntl
import os
import pty
import re
import resource
import select
import signal
import struct
import sys
import termios
import time

try:
    from lib import terminal
except ImportError:
    print("skip console-in-a-terminal python3-pyte is not installed")
    sys.exit(0)

ROOT = os.environ.get("HYPERTOP_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("HYPERTOP_BUILD") or os.path.join(ROOT, "build")
PROGRAM = os.path.join(BUILD, "tests/tool/fake_console")
failed = 0


def fact(name, holds, why=""):
    global failed
    if holds:
        print("ok " + name, flush=True)
    else:
        failed += 1
        print("not ok %s %s" % (name, " ".join(str(why).split())[:400]), flush=True)


class Terminal:
    """A child on a pty with a virtual screen; self.raw is every byte it wrote."""

    def __init__(self, cols=80, rows=24, term="xterm-256color", lang="C.UTF-8", args=(), env=(), shell=False):
        self.cols, self.rows = cols, rows
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.screen, self.stream = terminal(cols, rows)
        self.raw = b""
        self.status = None
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            os.closerange(3, 256)
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            e = {"PATH": os.environ["PATH"], "TERM": term, "LC_ALL": lang, "TZ": "UTC", "HOME": "/", "ASAN_OPTIONS": "handle_segv=0:detect_leaks=0"}
            e.update(dict(env))
            if shell:
                e["PS1"] = "$ "
                os.execve("/bin/bash", ["bash", "--noediting", "--norc", "--noprofile", "-i"], e)
            os.execve(PROGRAM, [PROGRAM] + list(args), e)
        fcntl.fcntl(self.master, fcntl.F_SETFL, os.O_NONBLOCK)
        if shell:
            self.until(lambda: b"$ " in self.raw)
            self.send(PROGRAM + "\r")

    def pump(self, seconds):
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            ready = select.select([self.master], [], [], max(0, left))[0]
            if not ready:
                return
            try:
                b = os.read(self.master, 65536)
            except OSError:
                return
            if not b:
                return
            self.raw += b
            self.stream.feed(b)
            if left <= 0:
                return

    def until(self, test, seconds=8):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if test():
                return True
            self.pump(0.02)
        return test()

    def shows(self, text):
        return any(text in line for line in self.screen.display)

    def send(self, s):
        data = s if isinstance(s, bytes) else s.encode()
        while data:
            try:
                data = data[os.write(self.master, data):]
            except BlockingIOError:
                self.pump(0.02)

    def keys(self, s):
        """One key at a time, as a person types: a burst would be taken for a paste."""
        for ch in s:
            self.send(ch)
            self.pump(0.045)

    def resize(self, cols, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.screen.resize(rows, cols)
        os.kill(self.pid, signal.SIGWINCH)

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
        return self.status is not None

    def wait_end(self, seconds=8):
        done = self.until(self.ended, seconds)
        self.pump(0.05)  # its last words
        return done

    def restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def modes(self):
        """Private modes that were switched on and not off again."""
        on = set()
        for params, which in re.findall(rb"\x1b\[\?([0-9;]+)([hl])", self.raw):
            for m in params.split(b";"):
                (on.add if which == b"h" else on.discard)(int(m))
        return on - {7, 12, 25, 1034, 3, 4} | ({25} if self.raw.rfind(b"\x1b[?25l") > self.raw.rfind(b"\x1b[?25h") else set())

    def close(self):
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for fd in (self.master, self.slave):
            try:
                os.close(fd)
            except OSError:
                pass


def golden(name):
    with open(os.path.join(ROOT, "tests/golden/screens", name), encoding="utf-8") as f:
        return [line.rstrip("\n") for line in f]


def first_frame(t):
    return t.until(lambda: t.shows("t17") and (t.shows("help") or t.rows < 5))


def every_term():
    t = Terminal(term="dumb")  # the command line takes --plain by itself there
    t.wait_end()
    line = t.raw.decode().strip()
    told = t.status is not None and os.WEXITSTATUS(t.status) == 1 and "--plain" in line and "\n" not in line
    fact("a-dumb-terminal-is-told-in-one-line", told and t.restored(), t.raw)
    t.close()
    for term in ("xterm-256color", "tmux-256color", "screen", "linux", "vt100", "xterm-kitty", "nonsense"):
        t = Terminal(term=term)
        good = first_frame(t)
        fact("starts-under-TERM-" + term, good, repr(t.raw[-300:]))
        if good:
            t.until(lambda: [l.rstrip() for l in t.screen.display] == golden("overview-80x24-utf8.txt"), 2)
            shown = [l.rstrip() for l in t.screen.display]
            want = golden("overview-80x24-utf8.txt")
            bad = [(a, b) for a, b in zip(shown, want) if a != b]
            fact("shows-the-golden-screen-under-TERM-" + term, not bad, bad[:1])
        t.keys("q")
        fact("quits-under-TERM-" + term, t.wait_end() and t.status == 0 and t.restored(), "%s %s" % (t.status, t.restored()))
        fact("leaves-no-mode-on-under-TERM-" + term, not t.modes(), t.modes())
        t.close()


def new_screens():
    """Curves, landscape and insight through a terminal: what is on it is the golden text, in both charsets, with and without
    colour, and a moving crosshair costs few bytes."""
    for cols, rows in ((80, 24), (100, 30), (160, 48)):
        for charset, args in (("utf8", ()), ("ascii", ("--ascii",))):
            for colour in ("256", "never"):
                if cols > 80 and (charset == "utf8") != (colour == "256"):
                    continue  # every pair at 80x24 is enough
                t = Terminal(cols=cols, rows=rows, args=args + ("--color", colour))
                first_frame(t)
                for key, name in (("2", "curves"), ("3", "landscape"), ("6", "insight")):
                    mono = "-mono" if colour == "never" and name == "landscape" else ""
                    want = golden("%s-%dx%d-%s%s.txt" % (name, cols, rows, charset, mono))[:rows]
                    t.keys(key)
                    t.until(lambda: [l.rstrip() for l in t.screen.display] == want, 4)
                    bad = [(a, b) for a, b in zip((l.rstrip() for l in t.screen.display), want) if a != b]
                    fact("%s-%dx%d-%s-%s-is-the-golden-screen" % (name, cols, rows, charset, colour), not bad, bad[:1])
                if colour == "256":
                    t.keys("3")
                    t.pump(0.3)
                    levels = set(re.findall(rb"48;5;(\d+)", t.raw))
                    fact("eight-levels-of-colour-%dx%d-%s" % (cols, rows, charset),
                         levels >= {b"17", b"53", b"24", b"30", b"36", b"78", b"155", b"227"}, levels)
                    n = len(t.raw)
                    t.keys("l")
                    t.pump(0.3)
                    fact("a-step-of-the-crosshair-costs-few-bytes-%dx%d-%s" % (cols, rows, charset), 0 < len(t.raw) - n < 600, len(t.raw) - n)
                t.close()


def charsets():
    for name, lang, args in (("C-locale", "C", ()), ("option", "C.UTF-8", ("--ascii",))):
        t = Terminal(lang=lang, args=args)
        first_frame(t)
        fact("ascii-only-by-" + name, t.shows("t17 > run") and all(b < 128 for b in t.raw), [hex(b) for b in t.raw if b > 127][:8])
        t.close()
    t = Terminal(lang="en_US.UTF-8")  # not installed: what ssh forwards
    first_frame(t)
    fact("utf8-in-a-locale-that-is-not-installed", t.shows("\u25b6 run"))
    t.close()
    t = Terminal(env=(("NO_COLOR", "1"),))
    first_frame(t)
    colours = re.findall(rb"\x1b\[[0-9;]*3[0-9][0-9;]*m|\x1b\[[0-9;]*38;5", t.raw)
    fact("no-color-means-no-colour", not colours and t.shows("t17 \u25b6 run"), colours[:3])
    t.close()


def ends(name, action, status=0):
    t = Terminal()
    first_frame(t)
    action(t)
    ended = t.wait_end(3)
    right = os.WIFEXITED(t.status) and os.WEXITSTATUS(t.status) == status if ended and status is not None else ended
    fact("restores-the-terminal-after-" + name, right and t.restored() and not t.modes(), "%s %s %s" % (t.status, t.restored(), t.modes()))
    t.close()


def every_end():
    ends("q", lambda t: t.keys("q"))
    ends("quit-command", lambda t: t.keys(":quit\r"))
    ends("ctrl-c", lambda t: t.send("\x03"))
    ends("sigint", lambda t: os.kill(t.pid, signal.SIGINT))
    ends("sigterm", lambda t: os.kill(t.pid, signal.SIGTERM))
    ends("sighup", lambda t: os.kill(t.pid, signal.SIGHUP))
    ends("a-crash", lambda t: os.kill(t.pid, signal.SIGSEGV), None)
    ends("abort", lambda t: os.kill(t.pid, signal.SIGABRT), None)


def terminal_gone():
    t = Terminal()
    first_frame(t)
    os.close(t.slave)
    t.slave = os.open(os.devnull, os.O_RDONLY)
    os.close(t.master)
    t.master = os.open(os.devnull, os.O_RDONLY)
    began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    child = os.pidfd_open(t.pid)
    select.select([child], [], [], 3)
    os.close(child)
    took = time.monotonic() - began
    fact("ends-within-a-second-when-the-terminal-is-gone", t.ended() and took < 1 and t.status == 0, "%s after %.2f s" % (t.status, took))
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used
    fact("a-terminal-that-is-gone-costs-no-cpu", used < 0.5, "%.3f s of its whole life" % used)
    t.close()


def suspend():
    t = Terminal()
    first_frame(t)
    # its own session leader would be an orphaned group, which the kernel does not stop: then it must simply go on
    t.send("\x1a")
    t.pump(0.3)
    fact("an-orphaned-console-survives-ctrl-z", not t.ended())
    t.until(lambda: t.shows("t17"))
    fact("draws-again-after-ctrl-z", t.shows("t17") and 1006 in t.modes(), t.modes())
    t.keys("q")
    fact("ends-clean-after-ctrl-z", t.wait_end() and t.restored() and not t.modes(), t.modes())
    t.close()


def job_control():
    """Ctrl-Z under a shell with job control: the shell finds the terminal as it was, fg finds the screen again."""
    t = Terminal(shell=True)
    if not first_frame(t):
        fact("job-control", False, t.raw[-200:])
        t.close()
        return
    t.send("\x1a")
    t.until(lambda: b"Stopped" in t.raw[-400:], 4)
    stopped = t.modes()
    t.send("stty -a | tr ';' '\\n' | grep -cE -- '-echo( |$)|-icanon'; echo over\r")
    t.until(lambda: b"\nover" in t.raw.replace(b"\r", b""), 4)
    sane = re.search(rb"\n0\n+over", t.raw.replace(b"\r", b"")) is not None
    fact("ctrl-z-leaves-the-terminal-as-the-shell-had-it", not stopped and sane, "%s %s" % (stopped, t.raw[-200:]))
    t.send("fg\r")
    fact("fg-draws-the-screen-again", t.until(lambda: 1006 in t.modes() and t.shows("t17"), 4), t.modes())
    t.keys("q")
    t.until(lambda: not t.modes(), 4)
    fact("nothing-is-left-on-after-fg-and-q", not t.modes(), t.modes())
    t.close()


class Slow:
    """What stands between the terminal and the console when the line is bad: 40 ms to either side and 20 kB/s towards the screen. The
    pty's own buffer fills up, as a socket's does: what the console may not write it must not queue."""

    DELAY, RATE = 0.04, 20000

    def __init__(self, t):
        self.t, self.down, self.budget, self.then = t, [], 0.0, time.monotonic()

    def pump(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now = time.monotonic()
            self.budget = min(self.budget + (now - self.then) * self.RATE, 2000)
            self.then = now
            if self.budget >= 1:
                ready = select.select([self.t.master], [], [], 0.002)[0]
                if ready:
                    try:
                        b = os.read(self.t.master, int(self.budget))
                    except OSError:
                        return
                    self.budget -= len(b)
                    self.t.raw += b
                    self.down.append((time.monotonic() + self.DELAY, b))
            else:
                select.select([], [], [], 0.002)
            while self.down and self.down[0][0] <= time.monotonic():
                self.t.stream.feed(self.down.pop(0)[1])

    def until(self, test, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not test():
            self.pump(0.01)
        return test()

    def key(self, k):
        self.pump(self.DELAY)
        self.t.send(k)


def slow_line():
    t = Terminal(cols=160, rows=48, args=("--tick",))
    line = Slow(t)
    fact("a-slow-line-gets-its-first-screen", line.until(lambda: t.shows("t17") and t.shows("help"), 8))
    line.pump(2.0)  # what the first screens left over
    # 60 screens asked for faster than the line can carry them: the last one must be there soon, not after all the others
    for i in range(60):
        t.send("12"[i % 2])
        line.pump(0.034)
    t.send("7")
    asked, sent = time.monotonic(), len(t.raw)
    came = line.until(lambda: any("[7 Audit]" in l for l in t.screen.display), 12)
    late, carried = time.monotonic() - asked, len(t.raw) - sent
    fact("frames-that-are-stale-are-dropped-not-queued", came and carried < 60000, "after %.2f s and %d bytes" % (late, carried))
    line.pump(1.5)
    sent = len(t.raw)
    line.key("1")
    line.until(lambda: any("[1 Over" in l for l in t.screen.display), 8)
    line.pump(1.5)
    line.key("j")
    moved = line.until(lambda: any(l.startswith("\u2502> t23 ") for l in t.screen.display), 8)
    fact("a-key-moves-the-pointer-over-a-slow-line", moved, t.screen.display[3:7])
    t.close()


def reset_tty():
    t = Terminal()
    first_frame(t)
    os.kill(t.pid, signal.SIGKILL)
    t.wait_end()
    dirty = t.modes()
    pid = os.fork()
    if pid == 0:
        for fd in (0, 1):
            os.dup2(t.slave, fd)
        os.execve(PROGRAM, [PROGRAM, "--reset-tty"], {"TERM": "xterm-256color", "PATH": "/bin"})
    os.waitpid(pid, 0)
    t.pump(0.2)
    mode = termios.tcgetattr(t.slave)
    sane = mode[3] & termios.ECHO and mode[3] & termios.ICANON
    fact("reset-tty-repairs-what-kill-9-left", dirty and not t.modes() and sane, "%s %s" % (dirty, t.modes()))
    t.close()


def quiet():
    t = Terminal()
    first_frame(t)
    t.pump(0.5)
    n = len(t.raw)
    t.pump(1.5)
    fact("writes-nothing-while-nothing-changes", len(t.raw) == n, "%d bytes" % (len(t.raw) - n))
    ticks = open("/proc/%d/stat" % t.pid).read().rsplit(")", 1)[1].split()
    used = int(ticks[11]) + int(ticks[12])
    t.pump(1.0)
    ticks = open("/proc/%d/stat" % t.pid).read().rsplit(")", 1)[1].split()
    fact("uses-no-cpu-while-nothing-changes", int(ticks[11]) + int(ticks[12]) - used <= 1)
    t.close()


def bandwidth():
    t = Terminal(cols=160, rows=48, args=("--tick",))
    first_frame(t)
    t.pump(1.0)
    n = len(t.raw)
    t.pump(4.0)
    rate = (len(t.raw) - n) / 4.0
    fact("four-points-a-second-cost-under-2-kB-a-second", 0 < rate < 2048, "%d B/s" % rate)
    t.close()


def keys_and_paste():
    t = Terminal()
    first_frame(t)
    t.send(b"\x1b[200~" + b"aksy:kill 17\rt17\ry" * 60000 + b"\x1b[201~")
    fact("a-megabyte-of-paste-is-no-command", t.until(lambda: t.shows("pasted text is not a command"), 15))
    t.send("aksy:kill 17\rt17\r")  # no brackets: a burst
    fact("a-burst-of-keys-is-dropped-with-a-notice", t.until(lambda: t.shows("looks like a paste")))
    t.pump(0.3)
    t.send(b"\x1b[<0;5;6M\x1b[<0;5;6m")  # a click on the third row
    fact("a-click-selects-a-row", t.until(lambda: any(l.startswith("> t9 ") for l in t.screen.display)), t.screen.display[3:8])
    t.send(b"\x1b[<0;4;2M")
    t.pump(0.2)
    t.send(b"\x1b]52;c;eA==\x07\x1b[99;99R\x1bOZ\x1b[?62;22c")
    t.pump(0.3)
    fact("unknown-sequences-do-nothing", not t.ended() and not t.shows("Kill"), t.screen.display[:3])
    t.keys("gp")
    fact("a-reversible-action-counts-down", t.until(lambda: t.shows("in 4s") or t.shows("in 5s")))
    t.keys("u")
    fact("u-takes-it-back", t.until(lambda: t.shows("not sent: pause")))
    t.keys("pq")
    t.wait_end()
    fact("leaving-says-what-was-not-sent", b"not sent, it was still on hold: pause t17" in t.raw, t.raw[-200:])
    t.close()


def hostile_resize():
    import random

    rng = random.Random(7)
    t = Terminal()
    first_frame(t)
    for i in range(400):
        t.resize(rng.randint(1, 250), rng.randint(1, 80))
        if i % 5 == 0:
            t.send(rng.choice("jk1457 8zmwy/\x1b"))
        t.pump(0.003)
    t.send("\x1b")
    t.pump(0.3)
    t.send("\x1b")
    t.resize(80, 24)
    fact("survives-four-hundred-sizes", not t.ended() and t.until(lambda: t.shows("cifar-lr-wd")), t.status)
    t.close()


def allowed_bytes():
    t = Terminal(args=("--hostile",))
    t.until(lambda: t.shows("x1b]52"))
    for key in "2345678":
        t.keys(key)
        t.pump(0.15)
    rest = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][AB012]|\x1b[=>78M]|\x1b\[[0-9;]*\\", b"", t.raw)
    bad = [b for b in rest if (b < 0x20 and b not in (8, 9, 10, 13, 14, 15)) or b == 0x7f]
    fact("no-control-of-a-name-reaches-the-terminal", not bad and b"\xe2\x80\xae" not in t.raw, bad[:5])
    t.close()


if not os.access(PROGRAM, os.X_OK):
    print("skip console-in-a-terminal %s is not built" % PROGRAM)
    sys.exit(0)
if __name__ == "__main__":
    for part in (every_term, new_screens, charsets, every_end, terminal_gone, suspend, job_control, slow_line, reset_tty, quiet, bandwidth, keys_and_paste, hostile_resize,
                 allowed_bytes):
        part()
    sys.exit(1 if failed else 0)
