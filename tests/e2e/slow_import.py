#!/usr/bin/env python3
"""Other tools' real files (../shared/data, or $HYPERTOP_SHARED) import with the counts that an independent reader stated
beside them; cut anywhere, each imports its whole prefix and says where it stops. `--full` cuts every file at 100 places
(many minutes); without it a sample is cut."""
import csv
import json
import math
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD", "build"))
BUILD = BUILD if BUILD.is_absolute() else ROOT / BUILD
HUB = BUILD / "hypertop-hub"
SHARED = Path(os.environ.get("HYPERTOP_SHARED", ROOT.parent / "shared")) / "data"
FULL = "--full" in sys.argv
failed = 0


def ok(name):
    print("ok", name, flush=True)


def not_ok(name, why):
    global failed
    failed += 1
    print("not ok", name, str(why).replace("\n", " ")[:600], flush=True)


def fact(name, wrong):
    not_ok(name, f"{len(wrong)} of them: " + "; ".join(wrong[:6])) if wrong else ok(name)


def run_import(path, out, *more):
    p = subprocess.run([HUB, "import", str(path), "-o", out, "-f", "--json", *more], capture_output=True, text=True)
    if p.returncode != 0:
        return None, p.stderr.strip() + f" (status {p.returncode})"
    return json.loads(p.stdout), p.stderr


def ls(what, recording):
    p = subprocess.run([HUB, "ls", what, "--sweep", recording, "--json"], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in p.stdout.splitlines()]


def short(name):
    """Metric names have at most 63 bytes in a recording."""
    return name if len(name.encode()) < 64 else None


def same(a, b):
    """expected_scalars.csv states 8 digits."""
    if isinstance(b, str):
        b = float(b)
    if a is None:
        return not math.isfinite(b)
    return a == b or abs(a - b) <= 2e-6 * max(abs(a), abs(b), 1e-30)


def rows(path):
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f))


# ---- the counts ----

def tensorboard(tmp):
    folder = SHARED / "tensorboard"
    expected = {}
    for r in rows(folder / "expected_scalars.csv"):
        expected.setdefault(r["file"], []).append(r)
    wrong, points = [], 0
    for r in rows(folder / "index.csv"):
        out = f"{tmp}/tb.mcap"
        said, err = run_import(folder / r["file"], out)
        if said is None:
            wrong.append(f"{r['file']}: {err}")
            continue
        points += said["points"]
        records = {k: int(v) for k, v in (x.split(":") for x in r["record_kinds"].split())}
        # the file's first record has no value
        if said["points"] != int(r["scalar_points"]) or said["metrics"] != int(r["scalar_tags"]):
            wrong.append(f"{r['file']}: {said['points']} points of {said['metrics']} tags, not {r['scalar_points']} of {r['scalar_tags']}")
        if said["records"].get("event") != int(r["records"]):
            wrong.append(f"{r['file']}: {said['records'].get('event')} records, not {r['records']}")
        for kind, n in records.items():
            have = said["records"].get(kind, 0)
            if kind == "tensor":  # the index has scalar tensors of no plugin with them
                have += said["records"].get("tensor_scalar", 0)
            if kind != "other" and have != n:
                wrong.append(f"{r['file']}: {have} of {kind}, not {n}")
        if said["stopped"]:
            wrong.append(f"{r['file']}: stopped {said['stopped']}")
        have = {m["metric"]: m for m in ls("metrics", out)}
        for e in expected.get(r["file"], []):
            m = have.get(short(e["tag"]))
            if m is None and short(e["tag"]) is None:
                m = next((v for k, v in have.items() if "~" in k and e["tag"].startswith(k.rsplit("~", 1)[0])), None)
            if m is None or m["count"] != int(e["n"]) or m["first_step"] != int(e["first_step"]) or \
                    m["last_step"] != int(e["last_step"]) or not same(m["first"], e["first_value"]) or \
                    not same(m["last"], e["last_value"]):
                wrong.append(f"{r['file']} {e['tag']}: {m} is not {e}")
    fact("tensorboard-files-have-the-expected-scalars", wrong)
    print(f"# {points} scalar points", flush=True)


def braces(text):
    """'op_code counts {0: 1, 4: 3} bad_lines 0' -> {0: 1, 4: 3}"""
    import ast
    return ast.literal_eval(text[text.index("{"):text.index("}") + 1])


def optuna_journal(r, said, out):
    want = {f"op_code {k}": v for k, v in braces(r["expected"]).items()}
    if said["records"] != want or said["skipped"] != int(r["expected"].rsplit(" ", 1)[1]):
        return f"{said['records']} is not {want}"
    return None


def optuna_sqlite(r, said, out):
    e, rec = r["expected"], said["records"]
    if rec.get("study", 0) != int(e.split()[0]):
        return f"{rec.get('study', 0)} studies"
    want = braces(e[e.index("trials"):])
    names = {"COMPLETE": "done", "FAIL": "failed", "PRUNED": "pruned"}
    if said["states"] != {names[k]: v for k, v in want.items()}:
        return f"states {said['states']}"
    steps = e.rsplit(" ", 1)[1]
    if steps != "?" and rec.get("intermediate value", 0) != int(steps):
        return f"{rec.get('intermediate value', 0)} intermediate values"
    if "best" in e and " best " in e and want:
        low, high = (float(x) for x in e[e.index("best ") + 5:].split()[0].split(".."))
        import sqlite3  # the stated best is over all objectives: ask for the same
        values = [t["value"] for t in ls("trials", out) if t["value"] is not None]
        db = sqlite3.connect(f"file:{SHARED / 'tool_stores' / r['file']}?immutable=1", uri=True)
        objective = "objective" in [c[1] for c in db.execute("pragma table_info(trial_values)")]
        if objective:
            first = [v for (v,) in db.execute("select value from trial_values where objective = 0")]
            low, high = min(first), max(first)
        else:  # before 2.4 the table of that name had the intermediate values
            first = next(m for m in ls("metrics", out) if m["metric"] == "value")
            values = [first["min"], first["max"]]
        if not values or not same(min(values), low) and not same(max(values), high):
            return f"values {min(values)}..{max(values)}, not {low}..{high}"
    return None


def wandb(r, said, out):
    e = r["expected"]
    want = {f"field {k}": v for k, v in braces(e[e.index("record_fields"):]).items()}
    have = {k: v for k, v in said["records"].items() if k.startswith("field")}
    if have != want:
        return f"records {have}, not {want}"
    history = said["records"].get("history", 0)
    if history != int(e.split()[1]):
        return f"{history} history rows"
    if e.endswith("truncated") != bool(said["stopped"]):
        return f"stopped {said['stopped']}"
    have = {m["metric"]: m for m in ls("metrics", out)}
    for key, value in re.findall(r"\('([^']+)', '([^']*)'\)", e[e.index("last ["):]):
        try:
            number = float(value)
        except ValueError:
            continue
        if key not in have or not same(have[key]["last"], number):
            return f"{key}: {have.get(key)} is not {value}"
    return None


def hf(r, said, out):
    want = int(r["expected"].split()[1])
    return None if said["records"].get("row") == want else f"{said['records']} rows, not {want}"


def lightning(r, said, out):
    want = int(r["expected"].split()[0]) - 1 if r["expected"] else None  # the first line names the columns
    return None if want is None or said["records"].get("row") == want else f"{said['records']}, not {want}"


CHECKS = {"optuna_journal": optuna_journal, "optuna_sqlite": optuna_sqlite, "wandb_offline": wandb,
          "hf_trainer_state": hf, "lightning": lightning}
# Folders that are one search, with what must come of them: counted by hand with jq, wc and find.
SEARCHES = {
    "ray_tune/automl__DeepCAVE/logs/RayTune/run_1": {"format": "ray", "trials": 81},
    "mlflow/AlsonYang__study-pytorch/mlruns": {"format": "mlflow"},
    "smac/automl__DeepCAVE/logs/SMAC3v1/mlp/run_2": {"format": "smac", "trials": 60, "reports": 60},
    "deepcave/automl__DeepCAVE/logs/DeepCAVE/digits_sklearn/run_1": {"format": "deepcave"},
    "deepcave/automl__DeepCAVE/logs/DeepCAVE/mnist_pytorch/run_1": {"format": "deepcave", "trials": 1000},
    "hpbandster/automl__DeepCAVE/logs/BOHB/run_1": {"format": "bohb"},
    "dataframe/automl__DeepCAVE/logs/DataFrame/run_1": {"format": "dataframe"},
    "dvclive/Brycenvn__dvc-yolov8/dvclive": {"format": "dvclive", "trials": 1, "points": 65, "metrics": 13},
}


def count_lines(path):
    return sum(1 for _ in open(path, "rb"))


def searches(tmp):
    wrong = []
    store = SHARED / "tool_stores"
    for name, want in SEARCHES.items():
        said, err = run_import(store / name, f"{tmp}/search.mcap")
        if said is None:
            wrong.append(f"{name}: {err}")
            continue
        for k, v in want.items():
            if said[k] != v:
                wrong.append(f"{name}: {k} is {said[k]}, not {v}")
        if said["stopped"] or said["skipped"]:
            wrong.append(f"{name}: stopped {said['stopped']} skipped {said['skipped']}")
    ray, _ = run_import(store / "ray_tune/automl__DeepCAVE/logs/RayTune/run_1", f"{tmp}/s.mcap")
    results = sum(count_lines(p) for p in store.glob("ray_tune/**/result.json"))
    if ray["records"]["row"] != results:
        wrong.append(f"ray: {ray['records']} rows, not {results}")
    mlflow, _ = run_import(store / "mlflow", f"{tmp}/s.mcap")
    for kind, pattern in (("metric", "mlflow/**/metrics/**/*"), ("param", "mlflow/**/params/**/*"), ("tag", "mlflow/**/tags/**/*")):
        files = [p for p in store.glob(pattern) if p.is_file()]
        want = sum(count_lines(p) for p in files) if kind == "metric" else len(files)
        if mlflow["records"].get(kind, 0) != want:
            wrong.append(f"mlflow: {mlflow['records'].get(kind)} of {kind}, not {want}")
    for f in store.glob("smac/**/runhistory.json"):
        data = json.load(open(f))
        said, err = run_import(f, f"{tmp}/s.mcap")
        if said is None or said["records"].get("evaluation") != len(data["data"]) or said["records"].get("config") != len(data["configs"]):
            wrong.append(f"{f.parent.name}: {said and said['records']} {err}, not {len(data['data'])} and {len(data['configs'])}")
    fact("searches-in-folders-are-whole", wrong)


def stores(tmp):
    by_kind = {}
    for r in rows(SHARED / "tool_stores" / "index.csv"):
        check = CHECKS.get(r["kind"])
        if not check or not r["expected"] or r["expected"].startswith("same run"):
            continue
        said, err = run_import(SHARED / "tool_stores" / r["file"], f"{tmp}/s.mcap")
        why = err if said is None else check(r, said, f"{tmp}/s.mcap")
        by_kind.setdefault(r["kind"], []).append(f"{r['file']}: {why}" if why else None)
    for kind, results in by_kind.items():
        fact(f"{kind.replace('_', '-')}-files-have-the-expected-counts", [x for x in results if x])


# ---- cuts ----

def cut_candidates():
    for r in rows(SHARED / "tensorboard" / "index.csv"):
        yield SHARED / "tensorboard" / r["file"]
    skip = ("plain_logs", "amltk")
    names = ("scenario.txt", "train_insts.txt", "configspace.pcs", "configspace.json", "origins.json", "configspace.csv", "stats.json",
             "traj.json", "traj_aclib2.json", "traj_old.csv", "meta.yaml")
    for r in rows(SHARED / "tool_stores" / "index.csv"):
        p = SHARED / "tool_stores" / r["file"]
        if r["kind"] in skip or p.name in names or p.name.startswith(("incumbent", "basic-variant")) or "/tags/" in r["file"] \
                or "/params/" in r["file"] or "same run" in r["expected"]:
            continue
        yield p


def facts_of(said):
    return (said["points"], said["reports"], sum(said["records"].values()))


def cut_one(path, places, tmp, wrong):
    """The more bytes there are, the more is imported; less than all is said to be so, and where lies within the file."""
    data = path.read_bytes()
    folder = Path(tmp) / "cut" / path.parent.name
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    if path.name in ("result.json", "progress.csv", "history.jsonl", "configs.json"):
        for other in path.parent.iterdir():  # these are known by what stands beside them
            if other.is_file() and other.name != path.name:
                shutil.copy(other, folder)
    target = folder / path.name
    whole, err = run_import(path, f"{tmp}/c.mcap")
    if whole is None:
        return  # nothing to import in it, alone
    last, complete = (0, 0, 0), facts_of(whole)
    for at in sorted(places):
        target.write_bytes(data[:at])
        said, err = run_import(target, f"{tmp}/c.mcap", "--from", whole["format"])
        if said is None:
            # where nothing is left that tells what it is, that is said; a SQLite file says so in any case
            if "at byte" not in err and (path.suffix == ".db" and at > 100 or at > 4096):
                wrong.append(f"{path} cut at {at}: {err}")
            continue
        now = facts_of(said)
        if any(a < b for a, b in zip(now, last)) or any(a > b for a, b in zip(now, complete)):
            wrong.append(f"{path} cut at {at}: {now} after {last}, whole {complete}")
        last = now
        stopped = said["stopped"]
        if stopped and not 0 <= stopped[0]["offset"] <= at:
            wrong.append(f"{path} cut at {at}: stops at {stopped[0]['offset']}")
        if not stopped and now < complete and data[at - 1:at] != b"\n" and not boundary(path, data, at):
            wrong.append(f"{path} cut at {at}: {now} of {complete} and no word of it")


def boundary(path, data, at):
    """A cut exactly between two records of a binary file looks like its end."""
    if "tfevents" in path.name:
        pos = 0
        while pos < at:
            pos += 16 + struct.unpack_from("<Q", data, pos)[0]
        return pos == at
    if path.suffix == ".wandb":
        pos = 7
        while pos < at:
            left = 32768 - pos % 32768
            pos += left if left < 7 else 7 + struct.unpack_from("<H", data, pos + 4)[0]
        return pos == at
    return at == 0 or data[at - 1:at] in (b"}", b"]")


def cuts(tmp):
    rng = random.Random(20260)
    files = [p for p in cut_candidates() if p.stat().st_size > 0]
    if not FULL:  # the smallest, the largest, and a spread between, of each kind of name
        by = {}
        for p in files:
            by.setdefault(p.suffix if not p.name.count("tfevents") else "tfevents", []).append(p)
        files = [q for v in by.values() for q in sorted(v, key=lambda p: p.stat().st_size)[::max(1, len(v) // 3)]]
    wrong, n = [], 0
    for p in files:
        size = p.stat().st_size
        count = min(100 if FULL else 6, size)
        cut_one(p, rng.sample(range(size), count), tmp, wrong)
        n += count
    fact("cut-files-import-their-prefix-and-say-where-they-stop", wrong)
    print(f"# {len(files)} files, {n} cuts", flush=True)


def main():
    if not (SHARED / "tensorboard").is_dir():
        print("skip import-of-real-files no data at", SHARED)
        return 0
    with tempfile.TemporaryDirectory() as tmp:
        tensorboard(tmp)
        stores(tmp)
        searches(tmp)
        cuts(tmp)
    return 1 if failed else 0


sys.exit(main())
