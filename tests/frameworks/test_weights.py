"""Weights under torchvision's names, in every framework."""

import numpy as np
import pytest
from small_runs import face, models

from d2lutils.models.common import draw_weights


@pytest.fixture
def d2l(backend):
    return face(backend)


@pytest.fixture
def net(backend, d2l):
    d2l.set_seed(0)
    return models(backend).resnet18()


@pytest.fixture
def drawn(backend, d2l, net):
    drawn = draw_weights(d2l.get_weights(net))
    return {name: w.astype(np.float32) for name, w in drawn.items()}


def equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_names_and_shapes_are_torchvisions(d2l, net):
    weights = d2l.get_weights(net)
    assert len(weights) == 102
    shapes = {name: w.shape for name, w in weights.items()}
    assert shapes["conv1.weight"] == (64, 1, 7, 7)
    assert shapes["bn1.running_var"] == (64,)
    assert shapes["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert shapes["layer2.0.downsample.1.running_mean"] == (128,)
    assert shapes["layer4.1.conv2.weight"] == (512, 512, 3, 3)
    assert shapes["fc.weight"] == (10, 512)
    assert not any("shortcut" in name for name in shapes)


def test_set_weights_are_got_back(d2l, net, drawn):
    d2l.set_weights(net, drawn)
    assert equal(d2l.get_weights(net), drawn)


def test_got_weights_are_a_copy(d2l, net):
    before = d2l.get_weights(net)
    kept = {name: w.copy() for name, w in before.items()}
    d2l.set_weights(net, {name: w + 1 for name, w in before.items()})
    assert equal(before, kept)


def test_file_round_trip(backend, d2l, net, drawn, tmp_path):
    d2l.set_weights(net, drawn)
    d2l.save_weights(net, tmp_path / "net.safetensors")
    other = models(backend).resnet18()
    d2l.load_weights(other, tmp_path / "net.safetensors")
    assert equal(d2l.get_weights(other), drawn)


def test_pytorchs_counters_are_passed_over(d2l, net, drawn):
    d2l.set_weights(net, drawn | {"bn1.num_batches_tracked": np.array(7)})
    assert equal(d2l.get_weights(net), drawn)


def test_all_faults_are_named_and_nothing_is_changed(d2l, net, drawn):
    before = d2l.get_weights(net)
    wrong = dict(drawn)
    del wrong["conv1.weight"], wrong["layer3.1.bn2.running_var"]
    wrong["extra.weight"] = np.zeros(3)
    wrong["fc.weight"] = wrong["fc.weight"].T
    with pytest.raises(ValueError) as caught:
        d2l.set_weights(net, wrong)
    message = str(caught.value)
    assert "conv1.weight is missing" in message
    assert "layer3.1.bn2.running_var is missing" in message
    assert "extra.weight is surplus" in message
    assert "fc.weight has shape (512, 10), not (10, 512)" in message
    assert message.count(";") == 3
    assert equal(d2l.get_weights(net), before)
