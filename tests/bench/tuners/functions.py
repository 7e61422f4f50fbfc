"""Analytic test functions with the shape of tables.Problem: params, loss(point), best, median, regret(loss).

median: of 4,001 draws from the prior with a fixed seed, so that regret 1 is again "no better than the median".
"""
import math
import random
import statistics

from tables import Param


class Function:
    group = "functions"
    curves = None

    def __init__(self, name, params, f, best):
        self.name, self.params, self.loss, self.best = name, params, f, best
        rng = random.Random(0)
        draws = [f(self.draw(rng)) for _ in range(4001)]
        self.median, self.worst = statistics.median(draws), max(draws)

    def draw(self, rng):
        point = {}
        for p in self.params:
            if p.parent and point.get(p.parent[0]) not in p.parent[1]:
                continue
            if p.kind != "range":
                point[p.name] = rng.choice(p.values)
            elif p.log:
                point[p.name] = p.low * (p.high / p.low) ** rng.random()
            else:
                point[p.name] = p.low + (p.high - p.low) * rng.random()
            if p.integer:
                point[p.name] = round(point[p.name])
        return point

    def regret(self, loss):
        return max(0.0, loss - self.best) / (self.median - self.best)


def _range(name, low, high, **more):
    return Param(name, "range", low=low, high=high, **more)


def _branin(p):
    x, y = p["x"], p["y"]
    return (y - 5.1 / (4 * math.pi ** 2) * x * x + 5 / math.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


_H_A = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14), (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
_H_P = ((1312, 1696, 5569, 124, 8283, 5886), (2329, 4135, 8307, 3736, 1004, 9991), (2348, 1451, 3522, 2883, 3047, 6650),
        (4047, 8828, 8732, 5743, 1091, 381))


def _hartmann6(p):
    x = [p[f"x{i}"] for i in range(6)]
    return -sum(c * math.exp(-sum(a * (v - q * 1e-4) ** 2 for a, v, q in zip(row, x, at)))
                for c, row, at in zip((1, 1.2, 3, 3.2), _H_A, _H_P))


def _rosenbrock_log(p):
    """Rosenbrock in log10 of the parameters, shifted so that its minimum lies at 1e-2 in each; as log1p, because losses that span
    seven orders of magnitude are not what trainers report."""
    x = [math.log10(p[f"s{i}"]) + 3 for i in range(4)]
    return math.log1p(sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:])))


def _mixed(p):
    """A training run in miniature: the best learning rate depends on the optimizer and the width, momentum exists for one
    optimizer only, and too high a rate diverges."""
    opt = p["optimizer"]
    lr = math.log10(p["lr"])
    width = math.log2(p["width"])
    base, at = {"adam": (0.12, -3.0), "sgd": (0.10, -0.7), "momentum": (0.0, -1.6)}[opt]
    at -= 0.15 * (width - 7)
    loss = base + 0.12 * (lr - at) ** 2 + 0.02 * (width - 8.3) ** 2 + 0.05 * (p["layers"] - 3) ** 2 + 0.6 * (p["dropout"] - 0.25) ** 2
    if opt == "momentum":
        loss += 0.8 * (p["momentum"] - 0.85 - 0.1 * (lr - at)) ** 2
    return loss + 2 * max(0.0, lr - at - 1.2)


def all_functions():
    mixed = [Param("optimizer", "choice", values=["adam", "momentum", "sgd"]), _range("lr", 1e-5, 1.0, log=True),
             _range("momentum", 0.0, 0.99, parent=("optimizer", ["momentum"])), _range("width", 16, 2048, log=True, integer=True),
             _range("layers", 1, 6, integer=True), _range("dropout", 0.0, 0.8)]
    best = min(_mixed({"optimizer": "momentum", "lr": 10 ** (-1.6 - 0.15 * (math.log2(w) - 7)), "momentum": 0.85, "width": w,
                       "layers": 3, "dropout": 0.25}) for w in range(16, 2049))
    return [
        Function("branin", [_range("x", -5.0, 10.0), _range("y", 0.0, 15.0)], _branin, 0.39788735772973816),
        Function("hartmann6", [_range(f"x{i}", 0.0, 1.0) for i in range(6)], _hartmann6, -3.3223680114155156),
        Function("rosenbrock4_log", [_range(f"s{i}", 1e-5, 1e-1, log=True) for i in range(4)], _rosenbrock_log, 0.0),
        Function("mixed6_conditional", mixed, _mixed, best),
    ]
