"""Train every variant of the speedrun for an epoch; tell how it went.

`python speedrun_variants.py pytorch`
"""

import importlib
import json
import sys

from benchmarks import speedrun
from d2lutils.frameworks import FRAMEWORKS


def main(key):
    """Print variant → its settings and the first epoch's loss."""
    module = FRAMEWORKS[key].module
    models = importlib.import_module(f"d2lutils.models.{module}")
    seen = {}
    for name in speedrun.VARIANTS:
        if module != "torch" and name in speedrun.TORCH_ONLY:
            continue
        config = speedrun.settings(models, name)
        history = speedrun.train(module, config, 0)
        seen[name] = config, history["train_loss"][0]
    print("SEEN", json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
