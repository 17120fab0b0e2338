"""One SGD step of ResNet-18 in each framework: do the numbers agree?

`python -m benchmarks.same_numbers` prints the largest relative difference of
each pair of frameworks; with `--write` it also stores what PyTorch computes
as the reference that comes with the package.
"""

import argparse
import importlib
import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from d2lutils import assets, backends
from d2lutils.frameworks import FRAMEWORKS
from d2lutils.models.common import differences, draw_weights, fingerprint

MODULES = tuple(row.module for row in FRAMEWORKS.values())


def run(module):
    """Do the chapter's experiment in this process.

    Args:
        module: The name of a framework's module.

    Returns:
        Kind and name of a quantity → digest of its array.
    """
    (key,) = (k for k, row in FRAMEWORKS.items() if row.module == module)
    backend = backends.get(key)
    d2l = importlib.import_module(f"d2lutils.{module}")
    models = importlib.import_module(f"d2lutils.models.{module}")
    _, test_iter = d2l.load_data_fashion_mnist(batch_size=8, resize=64)
    X, y = next(iter(test_iter))
    net, X = models.in_double(models.resnet18, X)
    d2l.set_weights(net, draw_weights(d2l.get_weights(net)))
    before = d2l.get_weights(net)
    logits, loss = models.one_step(net, X, y)
    after, biased = d2l.get_weights(net), not backend.unbiased_variance
    return fingerprint(logits, loss, before, after, biased)


def run_all(folder, modules=MODULES):
    """Do the experiment in each framework, each in a process of its own.

    Args:
        folder: Where the results are passed on.
        modules: The frameworks' modules.

    Returns:
        Module → what `run` returns.
    """
    found = {}
    for module in modules:
        path = Path(folder) / f"{module}.npz"
        command = [sys.executable, "-m", "benchmarks.same_numbers"]
        command += ["--one", module, path]
        environment = {**os.environ, "D2L_SCALE": "smoke"}
        subprocess.run(
            command, check=True, env=environment, stdout=subprocess.DEVNULL
        )
        with np.load(path) as file:
            found[module] = dict(file)
    return found


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        module, path = args.one
        np.savez_compressed(path, **run(module))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = run_all(folder)
    for a, b in itertools.combinations(MODULES, 2):
        print(f"{a} and {b}:")
        for kind, error in differences(found[b], found[a]).items():
            print(f"  {kind:24} {error:.0e}")
    if args.write:
        path = assets.PATH.with_name("same_numbers.npz")
        np.savez_compressed(path, **found["torch"])
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
