#!/usr/bin/env python3
"""Scripts written for W&B run unchanged under the real wandb (offline) and under `hypertop-agent exec --wandb`, and log the
same history: of every metric the same steps and values (of a step that was logged twice, the last). What the real one
wrote is read back from its .wandb file by `hypertop import`.

Needs a virtual environment with wandb; $BUILD/python-wandb is made once from PyPI, and everything is skipped when that
cannot be done. Scripts that need a package it lacks (torch) run where `make python-train` made the larger one."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "bench" / "python"))
import environments  # noqa: E402

BUILD = environments.BUILD
SCRIPTS = ROOT / "tests" / "e2e" / "wandb_scripts"
MEDIA = (".size", ".ncols", ".nrows", ".width", ".height")  # what W&B writes down about a table or a picture
SECONDS = 120  # for one script
failed = 0


def ok(name):
    print("ok", name, flush=True)


def not_ok(name, why):
    global failed
    failed += 1
    print("not ok", name, str(why).replace("\n", " ")[:700], flush=True)


def tool(*words, env=None, cwd=None):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=SECONDS, env=env, cwd=cwd)


def series(recording, folder):
    """{metric: [(step, value)...]} of a recording; of steps in a row the last value."""
    out = folder / (Path(recording).stem + ".jsonl")
    p = tool(BUILD / "hypertop-hub", "export", recording, "--to", "jsonl", "-o", out, "-f")
    if p.returncode:
        raise RuntimeError(p.stderr)
    found = {}
    for line in out.read_text().splitlines():
        one = json.loads(line)
        if one["metric"].startswith(("system/", "sys.")):
            continue
        to = found.setdefault(one["metric"], [])
        for step, value in zip(one["steps"], one["values"]):
            if to and to[-1][0] == step:
                to.pop()
            to.append((step, value))
    return found


def real(script, python, folder):
    """What the real wandb wrote, all runs of the script one after the other."""
    env = {**os.environ, "WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": str(folder), "HOME": str(folder)}
    p = tool(python, script, env=env, cwd=folder)
    if p.returncode:
        raise RuntimeError(f"under the real wandb: {p.stderr[-400:]}")
    files = sorted(folder.glob("wandb/offline-run-*/run-*.wandb"), key=lambda f: f.stat().st_mtime_ns)
    together = {}
    for i, file in enumerate(files):
        out = folder / f"real-{i}.mcap"
        p = tool(BUILD / "hypertop-hub", "import", file, "-o", out, "-f")
        if p.returncode:
            raise RuntimeError(p.stderr)
        for name, points in series(out, folder).items():
            together.setdefault(name, []).extend(points)
    return together


def ours(script, python, folder, world):
    """What hypertop recorded of the same script."""
    name = script.stem
    p = tool(BUILD / "hypertop-agent", "exec", "--wandb", "--name", name, "--", python, script, env=world, cwd=folder)
    if p.returncode:
        raise RuntimeError(f"under hypertop: {p.stderr[-400:]}")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if '"done"' in tool(BUILD / "hypertop", "ls", "runs", "--sweep", name, "--json", env=world).stdout:
            break
        time.sleep(0.05)
    recordings = sorted(Path(world["HYPERTOP_DATA_DIR"]).glob(f"**/{name}*.mcap"))
    if not recordings:
        raise RuntimeError("no recording was made")
    return series(recordings[0], folder)


def differ(a, b):
    for name in sorted(set(a) | set(b)):
        if name not in b and name.endswith(MEDIA):
            continue
        if name not in a or name not in b:
            return f"{name} is only {'with wandb' if name in a else 'with hypertop'}"
        if len(a[name]) != len(b[name]):
            return f"{name}: {len(a[name])} points with wandb, {len(b[name])} with hypertop"
        for (sa, va), (sb, vb) in zip(a[name], b[name]):
            if sa != sb or not (va == vb or (isinstance(va, float) and isinstance(vb, float) and abs(va - vb) <= 1e-12 * abs(va))):
                return f"{name}: ({sa}, {va}) with wandb, ({sb}, {vb}) with hypertop"
    return None


def needs(script):
    """Packages beyond wandb that a script imports."""
    words = re.findall(r"^(?:import|from) (\w+)", script.read_text(), re.M)
    return [w for w in words if w in ("torch", "xgboost", "numpy", "sklearn")]


def compare(script, world, top):
    name = script.stem.replace("_", "-")
    python = environments.python_with("wandb", *needs(script))
    if python is None:
        print("skip", f"{name}-logs-the-same-history", f"needs {', '.join(needs(script))}: make python-train", flush=True)
        return
    folder = top / script.stem
    folder.mkdir()
    try:
        a, b = real(script, python, folder), ours(script, python, folder, world)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        not_ok(f"{name}-logs-the-same-history", error)
        return
    points = sum(map(len, a.values()))
    wrong = differ(a, b)
    if wrong or (points == 0) != (script.stem == "disabled"):
        not_ok(f"{name}-logs-the-same-history", wrong or f"{points} points")
    else:
        ok(f"{name}-logs-the-same-history")


def main():
    if environments.python_with("wandb") is None and environments.make("wandb") is not None:
        print("skip wandb-scripts", environments.problem)
        return 0
    top = Path(tempfile.mkdtemp(prefix="ht-"))
    world = {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}", "HYPERTOP_RUNTIME_DIR": str(top / "run"),
             "HYPERTOP_DATA_DIR": str(top / "data"), "HYPERTOP_HUB": "wandb-scripts", "HOME": str(top)}  # fmt: skip
    for key in [k for k in world if k.startswith("WANDB_")] + ["HYPERTOP_DISABLE"]:
        world.pop(key, None)
    (top / "run").mkdir(mode=0o700)
    (top / "data").mkdir(mode=0o700)
    try:
        tool(BUILD / "hypertop", "hub", "start", env=world)
        for script in sorted(SCRIPTS.glob("*.py")):
            if len(sys.argv) < 2 or any(w in script.stem for w in sys.argv[1:]):
                compare(script, world, top)
    finally:
        tool(BUILD / "hypertop", "hub", "stop", env=world)
        shutil.rmtree(top, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
