"""The module that programs get for `import wandb` when this folder stands in front in PYTHONPATH: hypertop.wandb."""

import os
import sys

try:
    import hypertop.wandb as _wandb
except ImportError:  # not installed with pip: the package lies two folders up
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))
    import hypertop.wandb as _wandb

sys.modules[__name__] = _wandb
