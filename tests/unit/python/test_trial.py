"""A trial against a fake library: declarations, logging, safe points, commands."""

import json
import logging
import math
import os
import threading
import unittest
from unittest import mock

from fake_library import _library, _trial, fake_trial, hypertop


class Number:
    """What numpy scalars and tensors are: something with __float__."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value)


class Index:
    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Logging(unittest.TestCase):
    def setUp(self):
        self.trial, self.lib = fake_trial()
        logging.getLogger("hypertop").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("hypertop").setLevel, logging.NOTSET)

    def test_dict_logs_every_entry_at_one_step(self):
        for _ in range(2):  # the second time through the cache
            self.lib.said.clear()
            self.trial.log({"loss": 0.5, "acc": 1}, step=7)
            self.assertEqual(self.lib.of("log"), [["loss", 7, 0.5], ["acc", 7, 1.0]])

    def test_what_makes_a_float_is_a_number(self):
        self.trial.log({"a": Number(2), "b": True, "c": math.inf}, step=Index(3))
        self.trial.log("d", Number(4), step=4)
        self.trial.log("e", math.nan, step=4)
        self.assertEqual(self.lib.of("log")[:4], [["a", 3, 2.0], ["b", 3, 1.0], ["c", 3, math.inf], ["d", 4, 4.0]])
        self.assertTrue(math.isnan(self.lib.of("log")[4][2]))

    def test_what_is_no_number_is_left_out_with_one_warning(self):
        logging.getLogger("hypertop").setLevel(logging.NOTSET)
        with self.assertLogs("hypertop", "WARNING") as seen:
            for step in range(3):
                self.trial.log({"loss": 0.5, "name": "run", "none": None, "list": [1]}, step=step)
                self.trial.log("huge", 10**400, step=step)
        self.assertEqual(self.lib.of("log"), [["loss", s, 0.5] for s in range(3)])
        self.assertEqual(len(seen.output), 4)

    def test_nonsense_never_raises(self):
        for metrics in (None, 5, [1, 2], {}, {1: 2}, {"a": {}}, {"": 1}):
            self.trial.log(metrics, step="x")
            self.trial.report(metrics)
        self.trial.log("a", 1, step=2**80)
        self.trial.text(None)
        self.assertEqual(self.lib.of("report"), [[0, 5.0]])  # the one number among them

    def test_nested_dicts_get_slashes(self):
        self.trial.log({"val": {"loss": 1, "deep": {"x": 2}}, "lr": 3}, step=1)
        self.assertEqual(self.lib.of("log"), [["val/loss", 1, 1.0], ["val/deep/x", 1, 2.0], ["lr", 1, 3.0]])

    def test_without_steps_each_call_is_one(self):
        for value in (1.0, 2.0, 3.0):
            self.trial.log({"loss": value})
        self.assertEqual([step for _, step, _ in self.lib.of("log")], [0, 1, 2])
        self.assertEqual(self.trial.step, 2)

    def test_step_given_once_holds_for_what_follows(self):
        self.trial.log({"loss": 1.0}, step=40)
        self.trial.log("acc", 0.5)
        self.trial.log({"loss": 2.0}, 41)
        self.trial.report(0.5)
        self.trial.step = 50
        self.trial.log("acc", 0.6)
        self.assertEqual([step for _, step, _ in self.lib.of("log")], [40, 40, 41, 50])
        self.assertEqual(self.lib.of("report"), [[41, 0.5]])
        self.assertEqual(self.lib.of("step"), [[50]])

    def test_long_names_are_cut_between_characters(self):
        self.trial.log("x" * 62 + "é", 1.0, step=0)
        self.assertEqual(self.lib.of("log")[0][0], "x" * 62)

    def test_many_names_do_not_fill_the_memory(self):
        with mock.patch.object(_trial, "CACHED", 8):
            for i in range(50):
                self.trial.log({f"m{i}": 1.0}, step=i)
                self.trial.log({f"m{i}": 2.0}, step=i)
        self.assertLessEqual(len(self.trial._shapes), 8)
        self.assertLessEqual(len(self.trial._names), 8)
        self.assertEqual(len(self.lib.of("log")), 100)

    def test_report_says_when_to_end(self):
        self.assertFalse(self.trial.report(0.5, step=1))
        self.lib.stop = True
        self.assertTrue(self.trial.report(Number(0.4), step=2))
        self.assertTrue(self.trial.stopped)


class Parameters(unittest.TestCase):
    def setUp(self):
        self.trial, self.lib = fake_trial()

    def test_values_are_attributes_items_and_params(self):
        self.assertEqual(self.trial.float("lr", 0, 1, default=0.25), 0.25)
        self.assertEqual(self.trial.int("n", 0, 10), 5)
        self.assertEqual(self.trial.choice("opt", ["sgd", "adam"], default="adam"), "adam")
        self.assertEqual((self.trial.lr, self.trial["n"], self.trial.params["opt"]), (0.25, 5, "adam"))
        with self.assertRaisesRegex(AttributeError, "no parameter 'nothing'"):
            self.trial.nothing

    def test_choices_keep_their_types(self):
        self.assertIs(self.trial.choice("flag", [True, False, None, 0.1, 3]), True)
        self.lib.values[b"other"] = b"0.1"
        self.assertEqual(self.trial.choice("other", [1, 0.1]), 0.1)
        self.lib.values[b"whole"] = b"2"
        self.assertEqual(self.trial.choice("whole", [1.0, 2.0]), 2.0)  # as the hub writes it

    def test_names_of_methods_stay_methods(self):
        self.trial.float("log", 0, 1, default=0.5)
        self.assertTrue(callable(self.trial.log))
        self.assertEqual(self.trial["log"], 0.5)

    def test_wrong_declarations_say_what_is_wrong(self):
        for what, call in {
            "is empty": lambda: self.trial.float("a", 2, 1),
            "must lie above 0": lambda: self.trial.int("b", 0, 9, log=True),
            "nothing to choose": lambda: self.trial.choice("c", []),
            "none of the choices": lambda: self.trial.choice("d", [1], default=2),
            "texts that differ": lambda: self.trial.choice("e", [1, "1"]),
            "64 bits": lambda: self.trial.int("f", 0, 2**64),
            "a name": lambda: self.trial.float("", 0, 1),
        }.items():
            with self.assertRaisesRegex(ValueError, what):
                call()
        self.trial.float("g", 0, 1)
        with self.assertRaisesRegex(ValueError, "declared as float, now as int"):
            self.trial.int("g", 0, 1)

    def test_inert_trials_take_the_lease_from_the_environment(self):
        lease = {"lr": 7, "n": 3.0, "opt": {"name": "adam"}, "flag": False, "bad": "x", "half": 2.5}
        env = {"RANK": "2", "HYPERTOP_PARAMS": json.dumps(lease), "HYPERTOP_SEED": "9", "HYPERTOP_TRIAL": "12"}
        with mock.patch.dict(os.environ, env):
            trial = _trial.Trial(seed=1)
        self.assertFalse(trial.live)
        self.assertEqual((trial.rank, trial.id, trial.seed), (2, 12, 9))
        self.assertEqual(trial.float("lr", 0, 1), 1.0)  # clamped
        self.assertEqual(trial.int("n", 1, 10), 3)
        self.assertEqual(trial.choice("opt.name", ["sgd", "adam"]), "adam")
        self.assertIs(trial.choice("flag", [True, False]), False)
        self.assertAlmostEqual(trial.float("bad", 1e-4, 1e-2, log=True), 1e-3)
        self.assertEqual(trial.int("half", 1, 10), 6)
        self.assertEqual(trial.float("absent", 0, 1, default=0.2), 0.2)
        trial.log({"a": 1.0}, step=3)
        self.assertEqual((trial.poll(), trial.should_stop, trial.report(1.0), trial.dropped), ([], False, False, 0))

    def test_ranks_above_0_open_a_run_only_when_asked(self):
        with mock.patch.dict(os.environ, {"RANK": "3", "HYPERTOP_RING": "/nowhere"}):
            trial, _ = fake_trial(all_ranks=True)
            self.assertTrue(trial.live)
            self.assertEqual(os.environ["HYPERTOP_RING"], "/nowhere")
        with mock.patch.dict(os.environ, {"LOCAL_RANK": "1"}):
            self.assertFalse(_trial.Trial().live)


class SafePoints(unittest.TestCase):
    def setUp(self):
        self.trial, self.lib = fake_trial()
        self.trial.float("lr", 0, 1, default=0.5, live=True)
        logging.getLogger("hypertop").setLevel(logging.CRITICAL)
        self.addCleanup(logging.getLogger("hypertop").setLevel, logging.NOTSET)

    def test_live_values_follow(self):
        seen = []
        self.trial.on_change("lr")(lambda new, old: seen.append((new, old)))
        self.lib.give(_library.CMD_SET, "lr", "0.125")
        self.assertEqual(self.trial.lr, 0.5)
        self.assertEqual([c.kind for c in self.trial.poll()], ["set"])
        self.assertEqual((self.trial.lr, self.trial["lr"], seen), (0.125, 0.125, [(0.125, 0.5)]))

    def test_failing_observer_is_told_and_goes_no_further(self):
        self.trial.on_change("lr")(lambda new, old: 1 / 0)
        self.lib.give(_library.CMD_SET, "lr", "0.25")
        self.assertFalse(self.trial.should_stop)
        self.assertEqual(self.trial.lr, 0.25)
        self.assertIn("ZeroDivisionError", self.lib.of("text")[0][0])

    def test_stop_is_seen_and_stays(self):
        self.lib.stop = True
        self.assertTrue(self.trial.should_stop)
        self.lib.stop = False
        self.assertTrue(self.trial.stopped and self.trial.should_stop)

    def test_pause_is_waited_out_and_changes_arrive_meanwhile(self):
        self.lib.paused = 3
        naps = []
        with mock.patch.object(_trial.time, "sleep", lambda s: (naps.append(s), self.lib.give(
                _library.CMD_SET, "lr", "0.75") if len(naps) == 1 else None)):
            self.assertFalse(self.trial.should_stop)
        self.assertEqual(len(naps), 3)
        self.assertEqual(self.trial.lr, 0.75)

    def test_interrupt_ends_a_pause(self):
        self.lib.paused = 10**6
        with mock.patch.object(_trial.time, "sleep", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                self.trial.poll()
        self.lib.paused = 0
        self.assertEqual(self.trial.poll(), [])

    def test_handler_obeys_and_answers(self):
        calls = []

        @self.trial.command("reset")
        def reset(*args, **named):
            calls.append((args, named))
            return "done" if calls[1:] else None

        for i, text in enumerate(['{"a": 1}', "[1, 2]", "word", ""]):
            self.lib.give(_library.CMD_CUSTOM, "reset", text, id=i)
        self.assertEqual(self.trial.poll(), [])
        self.assertEqual(calls, [((), {"a": 1}), ((1, 2), {}), (("word",), {}), ((), {})])
        self.assertEqual(self.lib.of("answer"), [[0, 1, ""], [1, 1, "done"], [2, 1, "done"], [3, 1, "done"]])

    def test_failing_handler_rejects(self):
        @self.trial.command("fail")
        def fail():
            raise RuntimeError("no")

        self.lib.give(_library.CMD_CUSTOM, "fail", "", id=8)
        self.assertFalse(self.trial.should_stop)
        self.assertEqual(self.lib.of("answer"), [[8, 0, "RuntimeError: no"]])

    def test_every_command_is_answered_once(self):
        self.lib.give(_library.CMD_CUSTOM, "a", "5", id=1)
        self.lib.give(_library.CMD_CUSTOM, "b", "", id=2)
        first, second = self.trial.poll()
        self.assertEqual((first.name, first.args, second.args), ("a", 5, None))
        first.answer(True, "yes")
        first.answer(False, "no")
        self.trial.poll()  # b was not answered
        self.lib.give(_library.CMD_CUSTOM, "c", "", id=3)
        self.assertFalse(self.trial.should_stop)  # nobody could take it
        self.assertEqual(
            self.lib.of("answer"),
            [[1, 1, "yes"], [2, 0, "the program did not answer"], [3, 0, "the program knows no c"]],
        )

    def test_checkpoints_by_handler_by_hand_and_not_at_all(self):
        self.trial.step = 6
        self.lib.give(_library.CMD_CHECKPOINT, id=1)
        (command,) = self.trial.poll()
        self.trial.checkpoint("by-hand")
        command.answer(False, "late")
        self.lib.give(_library.CMD_CHECKPOINT, id=2)
        self.assertFalse(self.trial.should_stop)
        path = None
        self.trial.on_checkpoint(lambda step: path and f"{path}-{step}")
        self.lib.give(_library.CMD_CHECKPOINT, id=3)
        self.trial.poll()
        path = "file"
        self.lib.give(_library.CMD_CHECKPOINT, id=4)
        self.trial.poll()
        self.assertEqual(self.lib.of("checkpoint"), [["by-hand", 6], ["file-6", 6]])
        self.assertEqual([a[:2] for a in self.lib.of("answer")], [[2, 0], [3, 0]])

    def test_safe_point_within_a_safe_point_does_nothing(self):
        @self.trial.command("again")
        def again():
            return len(self.trial.poll())

        self.lib.give(_library.CMD_CUSTOM, "again", "", id=1)
        self.lib.give(_library.CMD_CUSTOM, "rest", "", id=2)
        self.assertEqual([c.name for c in self.trial.poll()], ["rest"])
        self.assertEqual(self.lib.of("answer"), [[1, 1, "0"]])

    def test_other_threads_say_where_they_stand(self):
        self.trial.log("loss", 1.0, step=30)
        t = threading.Thread(target=self.trial.poll)
        t.start()
        t.join()
        self.assertEqual(self.lib.of("step"), [[30]])

    def test_ranks_follow_rank_0(self):
        with mock.patch.dict(os.environ, {"RANK": "1"}):
            other = _trial.Trial()
        other.float("lr", 0, 1, default=0.5, live=True)
        seen = []
        other.on_change("lr")(lambda new, old: seen.append(new))
        self.lib.give(_library.CMD_SET, "lr", "0.1")
        box = []
        self.assertFalse(self.trial.sync(lambda thing: box.append(thing) or thing))
        self.assertFalse(other.sync(lambda thing: box[0]))
        self.assertEqual((other.lr, seen), (0.1, [0.1]))
        self.assertTrue(other.sync(lambda thing: ({}, True)))

    def test_the_end(self):
        with self.assertRaises(ValueError):
            with self.trial as t:
                self.assertTrue(t.live)
                raise ValueError("out of luck")
        self.assertEqual(self.lib.of("text"), [["ended by ValueError: out of luck", 0]])
        self.assertTrue(self.lib.closed)
        self.lib.said.clear()
        self.trial.log({"a": 1.0}, step=1)
        self.trial.text("late")
        self.trial.close()
        self.assertEqual((self.lib.said, self.trial.lr), ([], 0.5))


class Mirrors(unittest.TestCase):
    def test_module_functions_act_on_the_current_trial(self):
        trial, lib = fake_trial()
        with mock.patch.object(hypertop, "_current", trial):
            self.assertEqual(hypertop.float("lr", 0, 1, default=0.5, live=True), 0.5)
            self.assertEqual(hypertop.int("n", 1, 3), 2)
            self.assertEqual(hypertop.choice("c", ["x"]), "x")
            hypertop.log({"loss": 1.0}, step=2)
            hypertop.text("hello")
            self.assertFalse(hypertop.report(0.5))
            hypertop.command("v")(lambda: "ok")
            lib.give(_library.CMD_CUSTOM, "v", id=5)
            self.assertFalse(hypertop.should_stop())
            self.assertEqual(lib.of("answer"), [[5, 1, "ok"]])
            hypertop.checkpoint("p")
            hypertop.close()
        self.assertTrue(lib.closed)
        self.assertEqual(lib.of("report"), [[2, 0.5]])


if __name__ == "__main__":
    unittest.main()
