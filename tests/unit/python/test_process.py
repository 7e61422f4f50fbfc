"""A trial on the real library, with rings of its own and no relay: what happens to processes and threads. Needs
HYPERTOP_LIB."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

from fake_library import _library, _trial, hypertop

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = "from fake_library import hypertop\ntrial = hypertop.init(relay=False)\n"


def python(script, head=HEAD, **env):
    """Runs a script in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-B", "-c", head + script], cwd=HERE, env={**os.environ, **env}, timeout=30,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
    )  # fmt: skip


@unittest.skipUnless(os.environ.get("HYPERTOP_LIB"), "HYPERTOP_LIB is not set")
class Process(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ht-")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o700)
        patch = mock.patch.dict(os.environ, {"HYPERTOP_RUNTIME_DIR": folder.name})
        patch.start()
        self.addCleanup(patch.stop)

    def open(self, **options):
        trial = _trial.Trial(relay=False, **options)
        self.addCleanup(trial.close)
        self.assertTrue(trial.live)
        return trial

    def test_unleased_run_has_its_defaults(self):
        trial = self.open(seed=5)
        self.assertEqual((trial.id, trial.seed, trial.dropped), (None, 5, 0))
        self.assertAlmostEqual(trial.float("lr", 1e-4, 1e-2, log=True), 1e-3)
        self.assertEqual(trial.float("wd", 1e-6, 1, default=0.25, live=True), 0.25)
        self.assertEqual(trial.int("n", 1, 100, log=True), 10)
        self.assertEqual(trial.int("m", 1, 9, default=200), 9)
        self.assertEqual(trial.choice("opt", ["sgd", 3, None], default=3), 3)
        self.assertEqual((trial.poll(), trial.report(0.5, step=3), trial.should_stop), ([], False, False))

    def test_full_ring_drops_and_counts(self):
        trial = self.open()
        for step in range(20_000):
            trial.log({k: 1.0 for k in "abcdefgh"}, step=step)
        self.assertGreater(trial.dropped, 20_000)

    def test_threads_log_together(self):
        trial = self.open()
        gate = threading.Barrier(8)

        def work(k):
            gate.wait()
            for step in range(500):
                trial.log({f"t{k}": step, "all": k}, step=step)
                trial.log("one", 1.0, step=step)
                trial.should_stop

        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(trial.dropped, 0)

    def test_forked_children_are_inert_and_keep_their_values(self):
        trial = self.open()
        trial.float("lr", 0, 1, default=0.25, live=True)
        bandit = trial.bandit("b", 3)
        trial._turn.acquire()  # as if another thread were at a safe point
        pid = os.fork()
        if pid == 0:
            good = not trial.live and trial.lr == 0.25 and not trial.should_stop and bandit.choose() in range(3)
            trial.log({"loss": 1.0}, step=1)
            bandit.reward(1.0)
            trial.close()
            os._exit(0 if good else 1)
        trial._turn.release()
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertTrue(trial.live)
        trial.log({"loss": 1.0}, step=2)

    def test_bandit_learns_the_cheaper_arm(self):
        for algorithm in _library.ALGORITHMS:
            trial = self.open()
            bandit = trial.bandit("omega", [1.0, 1.5], algorithm=algorithm, seed=3, scale=2.0)
            pulls = [0, 0]
            for _ in range(1500):
                arm = bandit.choose()
                self.assertTrue(0 < bandit.propensity <= 1)
                pulls[arm] += 1
                bandit.reward(bandit.arms[arm] - 0.9)
            self.assertGreater(pulls[0], pulls[1], algorithm)
            trial.close()
            self.assertIn(bandit.choose(), (0, 1))  # the library has closed it; it goes on evenly

    def test_bandits_that_make_no_sense_are_refused(self):
        trial = self.open()
        for what, options in {"2 to 1024": {"arms": 1}, "no algorithm": {"arms": 2, "algorithm": "x"},
                              "labels": {"arms": 2, "labels": ["a"]}, "finite": {"arms": 2, "scale": -1.0}}.items():
            with self.assertRaisesRegex(ValueError, what):
                trial.bandit("b", **options)
        words = trial.bandit("words", ["a", "b", "c"], labels=None)
        self.assertIn(words.arms[words.choose()], "abc")

    def test_module_opens_its_trial_at_first_use_and_one_at_a_time(self):
        out = python(
            "print(hypertop.current() is trial); second = hypertop.init(relay=False)\n"
            "print(trial.live, second.live, hypertop.current() is second)\nhypertop.close()\nprint(second.live)"
        )
        self.assertEqual(out.stdout.split(), ["True", "False", "True", "True", "False"], out.stderr)

    def test_disabled_is_silent_and_inert(self):
        out = python("print(trial.live, trial.float('lr', 0, 1, default=0.5), trial.lr, trial.should_stop)",
                     HYPERTOP_DISABLE="1")
        self.assertEqual((out.stdout.split(), out.stderr), (["False", "0.5", "0.5", "False"], ""))

    def test_missing_library_is_said_once_and_nothing_fails(self):
        script = (
            "again = hypertop.init()\nprint(again.live, again.choice('o', 'ab'), again.bandit('x', 2).choose() in (0, 1))\n"
            "again.log({'a': 1}, step=1); again.text('x'); again.checkpoint('p'); print(again.flush(), again.poll())"
        )
        out = python(script, HYPERTOP_LIB="/nowhere/libhypertop.so")
        self.assertEqual(out.stdout.split(), ["False", "a", "True", "True", "[]"], out.stderr)
        self.assertEqual(out.stderr, "hypertop is inert: HYPERTOP_LIB names /nowhere/libhypertop.so, which is no file\n")
        out = python("", HYPERTOP_LIB=__file__)
        self.assertEqual((out.returncode, out.stderr.count("\n")), (0, 1), out.stderr)
        self.assertIn("hypertop is inert", out.stderr)

    def test_library_is_looked_for_only_when_a_trial_opens(self):
        out = python("import hypertop", head="import sys; sys.path.insert(0, '../../../agent/python')\n",
                     HYPERTOP_LIB="/nowhere")
        self.assertEqual((out.returncode, out.stderr), (0, ""))

    def test_exit_without_close_is_quick_and_keeps_the_status(self):
        for end, status in (("sys.exit(7)", 7), ("os._exit(8)", 8), ("1 / 0", 1), ("os.kill(os.getpid(), 9)", -9)):
            began = time.monotonic()
            out = python(f"import os, sys\ntrial.log('a', 1.0, step=1)\n{end}")
            self.assertEqual(out.returncode, status, out.stderr)
            self.assertLess(time.monotonic() - began, 20)

    def test_logging_in_a_signal_handler(self):
        trial = self.open()
        hits = []

        def handler(*_):
            hits.append(1)
            trial.log({"handler": len(hits)}, step=len(hits))

        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        try:
            step = 0
            while len(hits) < 50:
                step += 1
                trial.log({"loop": step, "b": 1.0}, step=step)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        self.assertGreaterEqual(len(hits), 50)


if __name__ == "__main__":
    unittest.main()
