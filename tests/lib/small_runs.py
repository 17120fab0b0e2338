"""A small network and short runs of it, the same in every framework."""

import dataclasses
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

from d2lutils import backends, scale
from d2lutils.models.common import draw_weights

ROOT = Path(__file__).parents[2]
BATCH = 24  # 128 = 5 * 24 + 8: six steps an epoch, and the last is smaller
OPTIONS = {
    "optimizer": "momentum",
    "weight_decay": 1e-4,
    "schedule": "cosine",
    "seed": 7,
}


def face(backend: backends.Backend):
    """Return what readers import for this framework."""
    return importlib.import_module(f"d2lutils.{backend.row.module}")


def models(backend: backends.Backend):
    """Return the models of the chapters for this framework."""
    return importlib.import_module(f"d2lutils.models.{backend.row.module}")


def allow_epochs(number: int) -> None:
    """Let the smallest scale train for as many epochs."""
    smoke = scale.SCALES["smoke"]
    scale.SCALES["smoke"] = dataclasses.replace(smoke, epochs=number)


def network(backend: backends.Backend):
    """Return a network; its weights are the same in every framework."""
    net = models(backend).QuickResNet(channels=4)
    weights = draw_weights(backend.get_weights(net))
    backend.set_weights(
        net, {name: w.astype("float32") for name, w in weights.items()}
    )
    return net


def train(backend, net, num_epochs=3, lr=0.05, **options):
    """Train as a reader does; return the history."""
    d2l = face(backend)
    iters = d2l.load_data_fashion_mnist(BATCH)
    return d2l.fit(net, *iters, num_epochs, lr, **options)


def exact_weights(backend, net) -> str:
    """Return the weights as text, to the last bit."""
    weights = backend.get_weights(net)
    return repr(
        [(name, weights[name].tobytes().hex()) for name in sorted(weights)]
    )


def outcome(backend, net, history) -> str:
    """Return what must not depend on an interruption, as text."""
    kept = {k: history[k] for k in ("train_loss", "train_acc", "test_acc")}
    return json.dumps(kept) + exact_weights(backend, net)


def program(name: str, *arguments, cwd=None, warnings=False, **environment):
    """Run one of tests/lib/programs in a process of its own."""
    first = environment.pop("first", ())  # folders that come first
    paths = [*map(str, first), str(ROOT), str(ROOT / "tests/lib")]
    return subprocess.run(
        [
            sys.executable,
            *(["-W", "always"] if warnings else []),
            ROOT / f"tests/lib/programs/{name}.py",
            *map(str, arguments),
        ],
        env={
            **os.environ,
            "D2L_SCALE": "smoke",
            "MPLBACKEND": "agg",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(paths),
            **environment,
        },
        cwd=cwd,
        capture_output=True,
        text=True,
    )
