"""Slices of the book's networks, and Keras's files and copies of them."""

import importlib

import numpy as np
import pytest
from small_runs import models

X = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)


def every_network(backend):
    """Return a small network of each class that chapters save."""
    m = models(backend)
    return [
        m.resnet18(),
        m.SmallResNet(m.PlainBlock, 1),
        m.SmallResNet(m.Bottleneck, 1),
        m.PreActResNet(1),
        m.QuickResNet(channels=4),
    ]


@pytest.mark.frameworks("pytorch", "mxnet")
def test_a_slice_is_a_plain_sequence(backend):
    for net in every_network(backend):
        Y = backend.forward(net, X)
        body = net[:-1]
        assert "Sequential" in type(body).__name__
        assert type(body) in type(net).__mro__[2:]  # no network of the book
        assert len(body) == len(net) - 1
        assert body[0] is net[0]
        assert body[-1] is net[-2]
        assert len(net[-3:-1]) == 2
        features = backend.forward(body, X)
        head = backend.forward(net[-1:], features)
        assert head == pytest.approx(Y, abs=1e-6)
        names = backend.get_weights(net).keys() - {"fc.weight", "fc.bias"}
        assert backend.get_weights(body).keys() == names


@pytest.mark.frameworks("tensorflow")
def test_files_and_copies_of_keras(backend, tmp_path):
    specifics = importlib.import_module(f"specifics.{backend.row.module}")
    networks = every_network(backend)
    flips = models(backend).FlipAverage(models(backend).QuickResNet())
    for net in [*networks, flips]:
        Y, weights = backend.forward(net, X), backend.get_weights(net)
        for kind, copy in specifics.copies(net, tmp_path).items():
            assert np.array_equal(backend.forward(copy, X), Y), kind
            found = backend.get_weights(copy)
            assert list(found) == list(weights), kind
            assert all(map(np.array_equal, found.values(), weights.values()))
            if kind != "clone_model":
                assert type(copy) is type(net)


@pytest.mark.frameworks("tensorflow")
def test_checkpoints_of_keras(backend, tmp_path):
    specifics = importlib.import_module(f"specifics.{backend.row.module}")
    net = models(backend).QuickResNet(channels=4)
    copy = specifics.checkpointed(net, tmp_path, X)
    Y = backend.forward(net, X)
    assert np.array_equal(backend.forward(copy, X), Y)
