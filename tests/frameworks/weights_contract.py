"""What the weights of every backend must do.

Run for one framework, in a process of its own, by test_weights.py.
"""

import importlib
import os

import numpy as np
import pytest
from selection import FRAMEWORKS


@pytest.fixture(scope="module")
def module(request):
    return FRAMEWORKS[request.config.getoption("--framework")]


@pytest.fixture(scope="module")
def d2l(module):
    return importlib.import_module(f"d2lutils.{module}")


@pytest.fixture(scope="module")
def models(d2l, module):
    return importlib.import_module(f"d2lutils.models.{module}")


@pytest.fixture
def net(d2l, models):
    d2l.set_seed(0)
    return models.resnet18()


@pytest.fixture
def drawn(d2l, models, net):
    drawn = models.draw_weights(d2l.get_weights(net))
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


def test_file_round_trip(d2l, models, net, drawn, tmp_path):
    d2l.set_weights(net, drawn)
    d2l.save_weights(net, tmp_path / "net.safetensors")
    other = models.resnet18()
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


def test_logits(d2l, net, drawn, module):
    rng = np.random.default_rng(1)
    X = rng.random((2, 1, 224, 224), dtype=np.float32)
    d2l.set_weights(net, drawn)
    if module == "torch":
        import torch

        net.eval()
        logits = net(torch.from_numpy(X))
    elif module == "tensorflow":
        logits = net(X.transpose(0, 2, 3, 1), training=False)
    else:
        from mxnet import np as mxnp

        logits = net(mxnp.array(X))
    logits = d2l.numpy(logits)
    assert logits.shape == (2, 10)
    assert np.abs(logits[0] - logits[1]).max() > 0
    np.save(os.environ["LOGITS"], logits)
