"""hypertop.torch and the callbacks, driven by the protocol of their frameworks. Where the real package can be imported its
base class is used (and torch's real optimizer); else a small fake of it."""

import importlib
import importlib.util
import os
import sys
import tempfile
import types
import unittest
from unittest import mock

from fake_library import _library, fake_trial, hypertop


def importable(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def provide(test, package, dotted, base):
    """Puts a fake of `dotted`, holding the class `base`, in front when `package` is not installed."""
    if importable(package):
        return
    parts, fakes = dotted.split("."), {}
    for i in range(len(parts)):
        fakes[".".join(parts[: i + 1])] = types.ModuleType(parts[i])
    setattr(fakes[dotted], base, type(base, (), {}))
    patch = mock.patch.dict(sys.modules, fakes)
    patch.start()
    test.addCleanup(patch.stop)


def load(test, name):
    sys.modules.pop(f"hypertop.{name}", None)
    test.addCleanup(sys.modules.pop, f"hypertop.{name}", None)
    return importlib.import_module(f"hypertop.{name}")


class Optimizer:
    """What torch.optim.Optimizer promises to those around it."""

    def __init__(self, *groups):
        self.param_groups = [dict(g) for g in groups]
        self.hooks = []

    def register_step_pre_hook(self, hook):
        self.hooks.append(hook)

    def step(self):
        for hook in self.hooks:
            hook(self, (), {})


class Schedule:
    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.base_lrs = [g["lr"] for g in optimizer.param_groups]
        self._last_lr = list(self.base_lrs)
        for g in optimizer.param_groups:
            g["initial_lr"] = g["lr"]


class Torch(unittest.TestCase):
    def setUp(self):
        self.trial, self.lib = fake_trial()
        self.torch = load(self, "torch")

    def set(self, **values):
        for name, value in values.items():
            self.lib.give(_library.CMD_SET, name, repr(value))

    def test_one_line_makes_rate_and_decay_live(self):
        opt = Optimizer({"lr": 0.1, "weight_decay": 0.01, "params": []})
        self.assertIs(self.torch.live(opt, self.trial), self.trial)
        self.assertEqual((self.trial.lr, self.trial.weight_decay), (0.1, 0.01))
        self.set(lr=0.02, weight_decay=0.05)
        opt.step()
        self.assertEqual((opt.param_groups[0]["lr"], opt.param_groups[0]["weight_decay"]), (0.02, 0.05))

    def test_groups_keep_their_proportions(self):
        opt = Optimizer({"lr": 0.1, "weight_decay": 0.0}, {"lr": 0.01, "weight_decay": 0.5})
        self.torch.live(opt, self.trial)
        self.set(lr=0.2, weight_decay=0.25)
        opt.step()
        first, second = opt.param_groups
        self.assertAlmostEqual(second["lr"], 0.02)
        self.assertEqual((first["lr"], first["weight_decay"], second["weight_decay"]), (0.2, 0.0, 0.25))

    def test_schedule_goes_on_from_the_new_rate(self):
        opt = Optimizer({"lr": 0.1, "weight_decay": 0})
        schedule = Schedule(opt)
        self.torch.live(opt, self.trial, scheduler=schedule)
        opt.param_groups[0]["lr"] = 0.05  # halfway through
        self.set(lr=0.025)
        opt.step()
        self.assertEqual((opt.param_groups[0]["lr"], schedule.base_lrs), (0.025, [0.05]))
        self.assertEqual((opt.param_groups[0]["initial_lr"], schedule._last_lr), (0.05, [0.05]))

    def test_wrapped_schedule_is_found(self):
        opt = Optimizer({"lr": 0.1})
        schedule = Schedule(opt)
        self.torch.live(opt, self.trial, scheduler=types.SimpleNamespace(scheduler=schedule))
        self.set(lr=0.05)
        opt.step()
        self.assertEqual(schedule.base_lrs, [0.05])

    def test_leased_value_replaces_the_optimizers(self):
        self.lib.values[b"lr"] = 0.3
        opt = Optimizer({"lr": 0.1})
        self.torch.live(opt, self.trial, lr=(1e-4, 1.0))
        self.assertAlmostEqual(opt.param_groups[0]["lr"], 0.3)
        self.assertNotIn("weight_decay", self.trial.params)

    def test_decay_that_starts_at_zero_may_grow(self):
        opt = Optimizer({"lr": 0.1, "weight_decay": 0.0}, {"lr": 0.1, "weight_decay": 0.0})
        self.torch.live(opt, self.trial, lr=False)
        self.assertNotIn("lr", self.trial.params)
        self.set(weight_decay=0.125)
        opt.step()
        self.assertEqual([g["weight_decay"] for g in opt.param_groups], [0.125, 0.125])

    def test_rates_in_tensors_are_changed_in_place(self):
        class Tensor(float):
            def fill_(self, v):
                self.filled = v

        rate = Tensor(0.1)
        opt = Optimizer({"lr": rate, "momentum": 0.9})
        self.torch.live(opt, self.trial, momentum=(0.5, 0.99))
        self.set(lr=0.2, momentum=0.75)
        opt.step()
        self.assertIs(opt.param_groups[0]["lr"], rate)
        self.assertEqual((rate.filled, opt.param_groups[0]["momentum"]), (0.2, 0.75))

    def test_parameter_that_is_not_live_is_said(self):
        self.trial.float("lr", 0, 1, default=0.5)
        with self.assertLogs("hypertop", "WARNING") as seen:
            self.torch.live(Optimizer({"lr": 0.1}), self.trial)
        self.assertIn("lr was declared without live=True", seen.output[0])

    @unittest.skipUnless(importable("torch"), "torch is not installed")
    def test_real_optimizer_takes_the_next_step_with_the_new_rate(self):
        import torch

        w = torch.nn.Parameter(torch.tensor([1.0]))
        opt = torch.optim.SGD([w], lr=0.1)
        self.torch.live(opt, self.trial)
        self.set(lr=0.5)
        w.sum().backward()
        opt.step()
        self.assertAlmostEqual(w.item(), 0.5)
        self.trial.log({"loss": w.sum()}, step=1)
        self.assertEqual(self.lib.of("log"), [["loss", 1, 0.5]])

    def test_sync_broadcasts_rank_0(self):
        dist = types.ModuleType("torch.distributed")
        dist.is_available = dist.is_initialized = lambda: True
        sent = []
        dist.broadcast_object_list = lambda box, src: sent.append((box[0], src))
        torch = types.ModuleType("torch")
        torch.distributed = dist
        self.trial.float("lr", 0, 1, default=0.5)
        with mock.patch.dict(sys.modules, {"torch": torch, "torch.distributed": dist}):
            self.assertFalse(self.torch.sync(self.trial))
        self.assertEqual(sent, [(({"lr": 0.5}, False), 0)])


class Lightning(unittest.TestCase):
    def setUp(self):
        if not importable("lightning"):
            provide(self, "pytorch_lightning", "lightning.pytorch.callbacks", "Callback")
        self.trial, self.lib = fake_trial()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.callback = load(self, "lightning").HypertopCallback(trial=self.trial, checkpoints=folder.name + "/c")
        opt = Optimizer({"lr": 0.1, "weight_decay": 0.0})
        config = types.SimpleNamespace(scheduler=Schedule(opt))
        self.trainer = types.SimpleNamespace(
            optimizers=[opt], lr_scheduler_configs=[config], global_step=10, log_every_n_steps=5, should_stop=False,
            callback_metrics={"val_loss": 0.5, "text": "x"}, sanity_checking=True, save_checkpoint=mock.Mock(),
        )  # fmt: skip
        self.callback.on_train_start(self.trainer, None)

    def test_fit_is_logged_steered_and_stopped(self):
        self.lib.give(_library.CMD_SET, "lr", "0.02")
        self.lib.give(_library.CMD_CHECKPOINT, id=5)
        self.callback.on_validation_end(self.trainer, None)  # a sanity check counts for nothing
        self.assertEqual(self.lib.of("log"), [])
        self.trainer.sanity_checking = False
        self.callback.on_train_batch_end(self.trainer, None, None, None, 0)
        self.assertEqual(self.trainer.optimizers[0].param_groups[0]["lr"], 0.02)
        self.assertAlmostEqual(self.trainer.lr_scheduler_configs[0].scheduler.base_lrs[0], 0.02)
        (path, step), = self.lib.of("checkpoint")
        self.trainer.save_checkpoint.assert_called_once_with(path)
        self.assertEqual((os.path.basename(path), step), ("step-10.ckpt", 10))
        self.assertEqual(self.lib.of("log"), [["val_loss", 10, 0.5]])
        self.assertFalse(self.trainer.should_stop)
        self.lib.stop = True
        self.callback.on_validation_end(self.trainer, None)
        self.assertEqual(self.lib.of("report"), [[10, 0.5]])
        self.assertTrue(self.trainer.should_stop)


class HuggingFace(unittest.TestCase):
    def test_training_is_logged_steered_and_stopped(self):
        provide(self, "transformers", "transformers", "TrainerCallback")
        trial, lib = fake_trial()
        callback = load(self, "huggingface").HypertopCallback(trial=trial)
        args = types.SimpleNamespace(metric_for_best_model="accuracy", output_dir="/out")
        state = types.SimpleNamespace(global_step=20)
        control = types.SimpleNamespace(should_training_stop=False, should_save=False)
        opt = Optimizer({"lr": 0.1, "weight_decay": 0.0})
        callback.on_train_begin(args, state, control, optimizer=opt, lr_scheduler=Schedule(opt))
        lib.give(_library.CMD_SET, "lr", "0.02")
        lib.give(_library.CMD_CHECKPOINT, id=5)
        lib.give(_library.CMD_CUSTOM, "dance", id=6)
        callback.on_step_end(args, state, control)
        self.assertEqual((opt.param_groups[0]["lr"], control.should_save), (0.02, True))
        callback.on_save(args, state, control)
        self.assertEqual(lib.of("checkpoint"), [["/out/checkpoint-20", 20]])
        self.assertEqual(lib.of("answer"), [[6, 0, "the program knows no dance"]])
        callback.on_log(args, state, control, logs={"loss": 0.3, "epoch": 1, "who": "me"})
        self.assertEqual(lib.of("log"), [["loss", 20, 0.3], ["epoch", 20, 1.0]])
        callback.on_evaluate(args, state, control, metrics={"eval_accuracy": 0.9, "eval_loss": 1})
        self.assertEqual((lib.of("report"), control.should_training_stop), ([[20, 0.9]], False))
        lib.stop = True
        callback.on_step_end(args, state, control)
        self.assertTrue(control.should_training_stop)


class Keras(unittest.TestCase):
    def setUp(self):
        if not importable("keras"):
            provide(self, "tensorflow", "keras.callbacks", "Callback")
        self.trial, self.lib = fake_trial()
        self.callback = load(self, "keras").HypertopCallback(trial=self.trial)
        self.model = types.SimpleNamespace(
            optimizer=types.SimpleNamespace(learning_rate=0.1), stop_training=False, save=mock.Mock()
        )
        fake = mock.patch.object(type(self.callback), "model", self.model, create=True)
        fake.start()
        self.addCleanup(fake.stop)

    def test_fit_is_logged_steered_and_stopped(self):
        self.callback.on_train_begin()
        self.lib.give(_library.CMD_SET, "lr", "0.02")
        self.callback.on_train_batch_end(0)
        self.assertEqual(self.model.optimizer.learning_rate, 0.02)
        self.callback.on_epoch_end(3, {"loss": 0.5, "val_loss": 0.75})
        self.assertEqual((self.lib.of("log"), self.lib.of("report")),
                         ([["loss", 3, 0.5], ["val_loss", 3, 0.75]], [[3, 0.75]]))
        self.assertFalse(self.model.stop_training)
        self.lib.stop = True
        self.callback.on_train_batch_end(1)
        self.assertTrue(self.model.stop_training)

    def test_schedule_is_left_alone(self):
        self.model.optimizer.learning_rate = object()
        with self.assertLogs("hypertop", "WARNING") as seen:
            self.callback.on_train_begin()
        self.assertIn("follows a schedule", seen.output[0])
        self.assertEqual(self.trial.params, {})


class XGBoost(unittest.TestCase):
    def test_boosting_is_logged_steered_and_stopped(self):
        provide(self, "xgboost", "xgboost.callback", "TrainingCallback")
        trial, lib = fake_trial()
        booster = mock.Mock()
        callback = load(self, "xgboost").HypertopCallback(trial=trial, live={"eta": (0.01, 1.0, 0.3)})
        self.assertIs(callback.before_training(booster), booster)
        booster.set_param.assert_called_with({"eta": 0.3})
        lib.give(_library.CMD_SET, "eta", "0.1")
        log = {"train": {"rmse": [3.0, 2.0]}, "valid": {"mae": [9.0], "rmse": [4.0, (3.5, 0.1)]}}
        self.assertFalse(callback.after_iteration(booster, 1, log))
        booster.set_param.assert_called_with({"eta": 0.1})
        self.assertEqual([p[0] for p in lib.of("log")], ["train/rmse", "valid/mae", "valid/rmse"])
        self.assertEqual(lib.of("report"), [[1, 3.5]])
        lib.stop = True
        self.assertTrue(callback.after_iteration(booster, 2, log))


class Missing(unittest.TestCase):
    def test_framework_that_is_missing_is_named(self):
        self.assertTrue(hypertop.__doc__)
        for module, package in {"lightning": "lightning", "huggingface": "transformers", "keras": "keras",
                                "xgboost": "xgboost"}.items():
            hide = {p: None for p in ("lightning", "pytorch_lightning", "lightning.pytorch.callbacks",
                                      "pytorch_lightning.callbacks", "transformers", "keras", "keras.callbacks",
                                      "tensorflow", "tensorflow.keras.callbacks", "xgboost", "xgboost.callback")}
            with mock.patch.dict(sys.modules, hide):
                with self.assertRaisesRegex(ImportError, f"pip install {package}"):
                    load(self, module)


if __name__ == "__main__":
    unittest.main()
