"""The book's own models and utilities, in the framework of an answer."""

import importlib

import numpy as np

from .recognise import adapter

_MODULES = {"PyTorch": "torch", "TensorFlow": "tensorflow", "MXNet": "mxnet"}


def book(answer):
    """Return an answer's adapter, the book's utilities and its models."""
    fw = adapter(answer)
    name = _MODULES[fw.NAME]
    return fw, *(
        importlib.import_module(f"d2lutils.{module}")
        for module in (name, f"models.{name}")
    )


def filled(fw, d2l, net, X, seed=0):
    """Make a network's weights, and give them random values."""
    fw.forward(net, X, False)
    rng, weights = np.random.default_rng(seed), d2l.get_weights(net)
    for name, W in weights.items():
        if W.ndim > 1:
            size = W.size / W.shape[0]
            weights[name] = rng.normal(0, np.sqrt(2 / size), W.shape)
        else:
            weights[name] = rng.uniform(0.5, 1.5, W.shape)
    d2l.set_weights(net, weights)
    return net
