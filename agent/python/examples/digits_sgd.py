#!/usr/bin/env python3
"""Softmax regression on handwritten digits in plain Python, as a trial of a hypertop sweep.

    hypertop run agent/python/examples/sweep.yaml -j 2

Learning rate and weight decay are live: change them and the next minibatch uses the new values. Run by hand it
trains with the defaults below. Trains with no package but hypertop.
"""

import csv
import json
import math
import os
import random
from typing import List, Sequence, Tuple

import hypertop

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, os.pardir, os.pardir, "examples", "digits", "digits.csv")
PIXELS, CLASSES = 64, 10

Sample = Tuple[List[Tuple[int, float]], int]  # the pixels that are not 0, and the digit


def load(path: str) -> List[Sample]:
    with open(path, newline="") as f:
        rows = [[int(v) for v in row] for row in csv.reader(f)]
    samples = [([(i, p / 16) for i, p in enumerate(r[:PIXELS]) if p], r[PIXELS]) for r in rows]
    random.Random(1998).shuffle(samples)
    return samples


class Softmax:
    def __init__(self) -> None:
        self.w = [[0.0] * CLASSES for _ in range(PIXELS)]
        self.b = [0.0] * CLASSES

    def predict(self, pixels: Sequence[Tuple[int, float]]) -> List[float]:
        z = list(self.b)
        for i, p in pixels:
            z = [a + p * w for a, w in zip(z, self.w[i])]
        top = max(z)
        e = [math.exp(a - top) for a in z]
        total = sum(e)
        return [a / total for a in e]

    def step(self, batch: Sequence[Sample], lr: float, weight_decay: float) -> float:
        """One minibatch; returns its mean loss."""
        keep, rate, loss = 1 - lr * weight_decay, lr / len(batch), 0.0
        errors = []
        for pixels, digit in batch:
            p = self.predict(pixels)
            loss -= math.log(max(p[digit], 1e-300))
            p[digit] -= 1
            errors.append([rate * e for e in p])
        self.w = [[keep * a for a in row] for row in self.w]
        for (pixels, _), error in zip(batch, errors):
            self.b = [b - e for b, e in zip(self.b, error)]
            for i, x in pixels:
                self.w[i] = [a - x * e for a, e in zip(self.w[i], error)]
        return loss / len(batch)

    def error(self, samples: Sequence[Sample]) -> float:
        wrong = 0
        for pixels, digit in samples:
            p = self.predict(pixels)
            wrong += p.index(max(p)) != digit
        return wrong / len(samples)


def train(trial: hypertop.Trial) -> float:
    trial.float("lr", 1e-3, 10.0, default=0.3, log=True, live=True)
    trial.float("weight_decay", 1e-6, 1e-1, default=1e-4, log=True, live=True)
    size = trial.choice("batch_size", [16, 8, 32, 64])
    epochs = trial.int("epochs", 1, 1000, default=10)
    samples = load(DATA)
    training, validation = samples[:1197], samples[1197:1497]
    model, shuffle, error = Softmax(), random.Random(trial.seed), math.nan

    @trial.on_checkpoint
    def save(step: int) -> str:
        path = os.path.abspath(f"digits-t{trial.id}-s{step}.json")
        with open(path, "w") as f:
            json.dump({"w": model.w, "b": model.b}, f)
        return path

    @trial.command("reset")
    def reset() -> str:
        model.__init__()  # type: ignore[misc]
        return "weights are 0 again"

    step = 0
    for epoch in range(1, epochs + 1):
        shuffle.shuffle(training)
        for at in range(0, len(training), size):
            loss = model.step(training[at : at + size], trial.lr, trial.weight_decay)
            trial.log({"loss": loss, "lr": trial.lr}, step=step)
            step += 1
            if trial.should_stop:
                return error
        error = model.error(validation)
        trial.log("val_error", error, step=step)
        if trial.report(error, step=epoch):
            break
    return error


if __name__ == "__main__":
    with hypertop.init("digits-sgd", seed=1) as trial:
        print(f"val_error {train(trial):.4f}")
