#!/usr/bin/env python3
"""Steps a second of a real torch loop with and without the agent: one process, blocks of steps in turn (with, without,
without, with), so that what else the machine does meets both. One JSON object: the median of the pairs' ratios, by
processor time of the training thread and by elapsed time, and the quartiles.

With the agent a step is hypertop.torch.live's safe point and a log of four values; both kinds read the loss back.

    HYPERTOP_LIB=build/libhypertop.so tests/bench/python/bench_train.py [--pairs N] [--steps N]
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "agent", "python"))
sys.dont_write_bytecode = True


def loop(torch, trial, optimizer, model, data, first, steps):
    """Trains; returns the processor and elapsed seconds."""
    x, y = data
    cpu, wall = time.thread_time(), time.perf_counter()
    for step in range(first, first + steps):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        if trial is not None:
            if trial.should_stop:
                break
        optimizer.step()
        value = loss.item()
        if trial is not None:
            group = optimizer.param_groups[0]
            trial.log({"loss": value, "lr": group["lr"], "weight_decay": group["weight_decay"], "epoch": step / 100}, step=step)
    return time.thread_time() - cpu, time.perf_counter() - wall


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--pairs", type=int, default=200)
    p.add_argument("--steps", type=int, default=2)
    p.add_argument("--width", type=int, default=512, help="of the network: how long a step takes")
    options = p.parse_args()
    try:
        import torch
    except ImportError:
        print(json.dumps({"bench": "python-train", "skip": "torch is not installed: make python-train"}))
        return
    import hypertop
    import hypertop.torch

    with tempfile.TemporaryDirectory(prefix="ht-") as folder:
        os.chmod(folder, 0o700)
        os.environ["HYPERTOP_RUNTIME_DIR"] = folder
        torch.manual_seed(0)
        torch.set_num_threads(1)
        model = torch.nn.Sequential(torch.nn.Linear(64, options.width), torch.nn.ReLU(),
                                    torch.nn.Linear(options.width, options.width), torch.nn.ReLU(),
                                    torch.nn.Linear(options.width, 10))  # fmt: skip
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, weight_decay=1e-4)
        data = torch.randn(512, 64), torch.randint(0, 10, (512,))
        trial = hypertop.init("bench-train", relay=False)
        if not trial.live:
            raise SystemExit("hypertop is inert: set HYPERTOP_LIB and build the library")
        hypertop.torch.live(optimizer, trial, poll=False)
        loop(torch, trial, optimizer, model, data, 0, options.steps)  # what is paid once
        cpu, wall, slow = [], [], []
        for i in range(options.pairs):
            times = {}
            for with_agent in (True, False) if i % 2 else (False, True):
                times[with_agent] = loop(torch, trial if with_agent else None, optimizer, model, data,
                                         (i + 1) * options.steps, options.steps)  # fmt: skip
            cpu.append(times[True][0] / times[False][0] - 1)
            wall.append(times[True][1] / times[False][1] - 1)
            slow.append(times[False][1] / options.steps)
        if trial.dropped:
            raise SystemExit("the ring was full: the figure would be that of dropping")
        trial.close()
    low, _, high = statistics.quantiles(cpu, n=4)
    print(json.dumps({
        "bench": "python-train", "width": options.width, "pairs": options.pairs, "steps_per_block": options.steps,
        "steps_per_s": round(1 / statistics.median(slow), 1),
        "slower_pct_cpu": round(100 * statistics.median(cpu), 2), "quartiles_pct_cpu": [round(100 * low, 2), round(100 * high, 2)],
        "slower_pct_wall": round(100 * statistics.median(wall), 2),
        "torch": torch.__version__, "python": ".".join(map(str, sys.version_info[:3])),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
