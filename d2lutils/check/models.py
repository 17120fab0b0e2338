"""The book's own models, in the framework of an answer."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from d2lutils.backends import Backend, Network

from .recognise import backend_of


def book(answer: object) -> tuple[Backend, ModuleType]:
    """Return an answer's backend, and the book's models for it.

    The module is used in the file that calls this, and nowhere else: the
    build sees there which models a check depends on.
    """
    backend = backend_of(answer)
    name = f"d2lutils.models.{backend.row.module}"
    return backend, importlib.import_module(name)


def filled(backend: Backend, net: Network, X: Any, seed: int = 0) -> Network:
    """Make a network's weights, and give them random values."""
    backend.forward(net, X)
    rng, weights = np.random.default_rng(seed), backend.get_weights(net)
    for name, W in weights.items():
        if W.ndim > 1:
            size = W.size / W.shape[0]
            weights[name] = rng.normal(0, np.sqrt(2 / size), W.shape)
        else:
            weights[name] = rng.uniform(0.5, 1.5, W.shape)
    backend.set_weights(net, weights)
    return net
