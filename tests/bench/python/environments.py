"""Virtual environments with the packages that training code uses, made once under $BUILD from PyPI.

python-wandb is small and made when a test asks for it; python-train holds torch and the frameworks (some GB) and is
made by `make python-train` alone. Run as a program it makes the ones that are named.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("HYPERTOP_BUILD") or os.environ.get("BUILD") or "build")
BUILD = BUILD if BUILD.is_absolute() else ROOT / BUILD

PACKAGES = {
    "wandb": ["wandb", "numpy"],
    "train": ["wandb", "numpy", "torch", "lightning", "transformers", "accelerate", "keras", "xgboost-cpu", "scikit-learn",
              "tensorboard", "mlflow-skinny", "trackio", "mypy"],
}  # fmt: skip
problem = ""


def _python(name):
    return BUILD / f"python-{name}" / "bin" / "python"


def python_with(*modules):
    """An interpreter that can import all of these; None when there is none."""
    probe = "import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in sys.argv[1:]))"
    for path in (_python("wandb"), _python("train"), Path(sys.executable)):
        if path.exists() and subprocess.run([path, "-c", probe, *modules], capture_output=True).returncode == 0:
            return path
    return None


def make(name):
    """None when it is there; else what went wrong (also in `problem`). What is half made goes away again."""
    global problem
    folder = BUILD / f"python-{name}"
    if (folder / "made").exists():
        return None
    said = BUILD / f"python-{name}.log"
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(said, "w") as log:
        for words in ([sys.executable, "-m", "venv", folder], [_python(name), "-m", "pip", "install", "-q", *PACKAGES[name]]):
            try:
                rc = subprocess.run(words, stdout=log, stderr=log, timeout=1500).returncode
            except (OSError, subprocess.TimeoutExpired) as error:
                rc = str(error)
            if rc:
                shutil.rmtree(folder, ignore_errors=True)
                problem = f"the environment python-{name} cannot be made from PyPI ({rc}): see {said}"
                return problem
    (folder / "made").touch()
    return None


if __name__ == "__main__":
    wrong = [w for w in map(make, sys.argv[1:] or ["train"]) if w]
    print("\n".join(wrong or ["ready"]))
    sys.exit(bool(wrong))
