"""The weights of readers' own networks: all of them, or a sentence."""

import importlib

import numpy as np
import pytest
from small_runs import models, network

from d2lutils.models.common import draw_weights


@pytest.fixture
def own(backend):
    return importlib.import_module(f"own_networks.{backend.row.module}")


@pytest.fixture
def X():
    return np.random.default_rng(0).random((2, 3, 8, 8), np.float32)


def everything(own):
    """Return a name and a function for each of the networks."""
    assert {"sequential", "subclassed", "nested", "shared"} <= set(
        own.NETWORKS
    )
    return own.NETWORKS.items()


def made(backend, build, X):
    net = build()
    backend.forward(net, X)
    return net


def test_every_variable_comes_back(backend, d2l, own, X, tmp_path):
    path = tmp_path / "net.safetensors"
    for style, build in everything(own):
        net, other = (made(backend, build, X) for _ in range(2))
        own.fill(net, np.random.default_rng(1))
        before, wanted = own.values(other), own.values(net)
        assert not any(map(np.array_equal, before, wanted)), style
        d2l.save_weights(net, path)
        d2l.load_weights(other, path)
        found = own.values(other)
        assert len(found) == len(wanted) > 0, style
        assert all(map(np.array_equal, found, wanted)), style
        Y, Y_hat = (backend.forward(each, X) for each in (net, other))
        assert np.array_equal(Y, Y_hat), style


def test_no_variable_is_left_out(backend, d2l, own, X):
    for style, build in everything(own):
        net = made(backend, build, X)
        own.fill(net, np.random.default_rng(1))  # each number is there once
        found = np.concatenate(
            [w.ravel() for w in d2l.get_weights(net).values()]
        )
        wanted = np.concatenate([w.ravel() for w in own.values(net)])
        assert set(found) == set(wanted), style


def test_names_do_not_depend_on_what_was_made_before(backend, d2l, own, X):
    for style, build in everything(own):
        first, second = (
            list(d2l.get_weights(made(backend, build, X))) for _ in range(2)
        )
        assert first == second, style


def test_weights_move_to_any_framework(backend, d2l, own):
    X = np.random.default_rng(0).random((2, 3, 12, 12), np.float32)
    net = made(backend, own.NETWORKS["subclassed"], X)
    weights = dict(sorted(d2l.get_weights(net).items()))
    shapes = {name: w.shape for name, w in weights.items()}
    assert len(shapes) == 26
    assert shapes["stem.weight"] == (6, 3, 3, 3)
    assert shapes["stem.bias"] == shapes["blocks.1.bn.running_var"] == (6,)
    assert shapes["blocks.0.scale"] == (1,)
    assert shapes["depthwise.weight"] == (6, 1, 3, 3)
    assert shapes["grouped.weight"] == (4, 3, 1, 1)
    assert shapes["up.weight"] == (4, 5, 2, 2)
    assert shapes["norm.weight"] == (5,)
    assert shapes["hidden.weight"] == (7, 5)
    assert "hidden.bias" not in shapes
    d2l.set_weights(net, draw_weights(weights))
    Y = backend.forward(net, X)
    assert Y[0] == pytest.approx([-0.11425, 0.13907, -0.02119], abs=5e-5)


def test_shared_weights_have_each_of_their_names(backend, d2l, own, X):
    net = made(backend, own.NETWORKS["shared"], X)
    weights = d2l.get_weights(net)
    assert np.array_equal(
        weights["first.conv.weight"], weights["second.conv.weight"]
    )
    weights["first.conv.weight"] = weights["first.conv.weight"] + 1
    before = own.values(net)
    with pytest.raises(ValueError, match="one and the same"):
        d2l.set_weights(net, weights)
    assert all(map(np.array_equal, own.values(net), before))
    del weights["second.conv.weight"]  # the other name is enough
    d2l.set_weights(net, weights)
    found = d2l.get_weights(net)["second.conv.weight"]
    assert np.array_equal(found, weights["first.conv.weight"])


def test_what_would_be_lost_is_refused(d2l, own, tmp_path):
    assert len(own.HIDING) > 1
    for name, build in own.HIDING.items():
        net = build()
        for act in (
            d2l.get_weights,
            lambda net: d2l.set_weights(net, {}),
            lambda net: d2l.save_weights(net, tmp_path / "net.safetensors"),
        ):
            with pytest.raises(ValueError, match=name) as caught:
                act(net)
            assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_made_yet(backend, d2l, own, X):
    net = own.unmade()
    for act in d2l.get_weights, lambda net: d2l.set_weights(net, {}):
        with pytest.raises(ValueError, match=r"has not seen an input.*net\(X"):
            act(net)
    backend.forward(net, X)
    assert len(d2l.get_weights(net)) == 4


def test_tensors_of_any_kind_are_taken(backend, d2l, own):
    net = network(backend)
    values = {name: w + 1 for name, w in d2l.get_weights(net).items()}
    assert len(own.TENSORS) > 3
    for kind, tensor in own.TENSORS.items():
        d2l.set_weights(net, {k: w * 0 for k, w in values.items()})
        d2l.set_weights(net, {k: tensor(w) for k, w in values.items()})
        bits = 3 if kind == "eight bits" else 7
        for name, w in d2l.get_weights(net).items():
            assert w == pytest.approx(values[name], rel=2**-bits), kind


def test_weights_for_other_channels_and_classes(backend, d2l):
    net = network(backend)
    other = models(backend).QuickResNet(5, in_channels=3, channels=4)
    weights, own = (d2l.get_weights(each) for each in (net, other))
    stem = weights["conv1.weight"]
    adapted = {k: own[k] if k[:3] == "fc." else w for k, w in weights.items()}
    adapted["conv1.weight"] = np.repeat(stem, 3, axis=1) / 3
    d2l.set_weights(other, adapted)
    X = np.random.default_rng(0).random((2, 1, 16, 16), np.float32)
    scores = backend.forward(other, np.repeat(X, 3, axis=1))
    # Back, with the new head.
    back = models(backend).QuickResNet(5, channels=4)
    stem = adapted["conv1.weight"].sum(axis=1, keepdims=True)
    d2l.set_weights(back, adapted | {"conv1.weight": stem})
    assert backend.forward(back, X) == pytest.approx(scores, abs=1e-4)
    assert abs(scores).max() > 0.1


def test_what_is_no_network(d2l):
    for net in None, "net", dict, [1, 2]:
        with pytest.raises(ValueError, match="net is no network of"):
            d2l.get_weights(net)
