"""What `chapters/bottleneck.md` says about its block, in each framework.

Each framework computes its facts in a process of its own; the tests
compare them with the chapter's formulas and with one another.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from selection import FRAMEWORKS, selected_frameworks

CHAPTER = Path(__file__).parents[2] / "chapters/bottleneck.md"

COMMON = """
import json, sys
import numpy as onp
from d2lutils import {module} as d2l
from d2lutils.models.{module} import (
    BasicBlock, Bottleneck, ResNet, batch_norm, conv, num_macs,
    num_parameters, stage)

BLOCKS = dict(basic=(BasicBlock, 64, 64, 1), wide=(BasicBlock, 256, 256, 1),
              bottleneck=(Bottleneck, 256, 64, 1),
              first=(Bottleneck, 64, 64, 1),
              strided=(Bottleneck, 256, 128, 2))


def weights(*shapes):
    rng = onp.random.default_rng(0)
    return [rng.normal(0, 0.2, shape).astype("float32") for shape in shapes]


def facts():
    for name, (block, before, channels, stride) in BLOCKS.items():
        blk = ready(block(before, channels, stride))
        macs = [num_macs(blk, image(n, before, 56)) for n in (1, 8)]
        yield name, dict(
            macs=macs, shape=run(blk, onp.zeros((2, before, 56, 56))).shape,
            params=num_parameters(blk), projects=projects(blk))
    blk = ready(Bottleneck(32, 16, 2))
    yield "strides", [stride_of(layer) for layer in convolutions(blk)]
    yield "kernels", [kernel_of(layer) for layer in convolutions(blk)]
    yield "names", [hasattr(blk, name) for name in (
        "conv1", "bn1", "conv2", "bn2", "conv3", "bn3", "shortcut")]
    yield "expansion", [Bottleneck.expansion, BasicBlock.expansion]
    early = Bottleneck(256, 128, 2)
    early.conv1, early.conv2 = conv(256, 128, 1, 2), conv(128, 128, 3)
    yield "early", num_macs(early, image(1, 256, 56))
    rng = onp.random.default_rng(1)
    X = rng.uniform(size=(2, 12, 6, 8)).astype("float32")
    blk = ready(Bottleneck(12, 3))
    fill(blk, weights(*[(3, 12, 1, 1), (3, 3, 3, 3), (12, 3, 1, 1)]))
    yield "output", run(blk, X).tolist()
    switch_off(blk)
    yield "identity", float(abs(run(blk, X) - X).max())
    yield "relu", float(abs(run(blk, -X)).max())
    X = rng.uniform(0.1, 1, size=(1, 8, 8, 8)).astype("float32")
    X[:, :, ::2, ::2] = 0
    yield "seen", [float((run(ready(conv(8, 8, k, 2)), X) != 0).mean())
                   for k in (1, 3)]
    blocks = ready(stage(Bottleneck, 64, 32, 3, 2))
    yield "stage", run(blocks, onp.zeros((1, 64, 8, 8))).shape
    net = ready(ResNet(Bottleneck, (1, 1, 1, 1), 7, 3))
    yield "net", run(net, onp.zeros((2, 3, 32, 32))).shape
    yield from extra()


if __name__ == "__main__":
    print(json.dumps(dict(facts())))
"""

ADAPTERS = {
    "pytorch": """
import torch
from torch import nn


def ready(net):
    return net.eval()


def image(n, channels, side):
    return n, channels, side, side


def run(net, X):
    return d2l.numpy(net(torch.tensor(X, dtype=torch.float32)))


def convolutions(blk):
    return [blk.conv1, blk.conv2, blk.conv3, blk.shortcut[0]]


def stride_of(layer):
    return layer.stride


def kernel_of(layer):
    return layer.kernel_size


def projects(blk):
    return len(blk.shortcut) > 0


def fill(blk, arrays):
    for layer, array in zip(convolutions_on_path(blk), arrays):
        layer.weight.data = torch.tensor(array)


def convolutions_on_path(blk):
    return [blk.conv1, blk.conv2, blk.conv3]


def switch_off(blk):
    nn.init.zeros_(blk.bn3.weight)


def extra():
    from torch.utils.flop_counter import FlopCounterMode

    blk = Bottleneck(32, 16, 2)
    before = [x.clone() for x in blk.state_dict().values()]
    macs = num_macs(blk, (1, 32, 9, 7))
    after = blk.state_dict().values()
    yield "untouched", bool(
        blk.training and not blk.conv1._forward_hooks
        and all(torch.equal(a, b) for a, b in zip(before, after)))
    with FlopCounterMode(display=False) as counter:
        blk(torch.zeros(1, 32, 9, 7))
    yield "flops over macs", counter.get_total_flops() / macs
    used = []
    for k in 1, 3:
        X = torch.zeros(1, 8, 8, 8, requires_grad=True)
        conv(8, 8, k, 2)(X).sum().backward()
        used.append((X.grad != 0).float().mean().item())
    yield "used", used
    grouped = nn.Conv2d(32, 32, 3, padding=1, groups=4)
    yield "grouped", num_macs(grouped, (1, 32, 5, 5))
""",
    "tensorflow": """
import tensorflow as tf
from tensorflow.keras import layers


def ready(net):
    return net


def image(n, channels, side):
    return n, side, side, channels


def run(net, X):
    X = tf.constant(X.transpose(0, 2, 3, 1), "float32")
    Y = net(X).numpy()
    return Y.transpose(0, 3, 1, 2) if Y.ndim == 4 else Y


def conv_of(part):
    # The convolution itself, without the padding that it may have.
    return part.layers[-1] if isinstance(part, tf.keras.Sequential) else part


def convolutions(blk):
    run(blk, onp.zeros((1, 32, 4, 4)))
    parts = blk.conv1, blk.conv2, blk.conv3, blk.shortcut.layers[0]
    return [conv_of(x) for x in parts]


def stride_of(layer):
    return layer.strides


def kernel_of(layer):
    return layer.kernel_size


def projects(blk):
    return not isinstance(blk.shortcut, layers.Identity)


def fill(blk, arrays):
    run(blk, onp.zeros((1, 12, 4, 4)))
    for layer, array in zip((blk.conv1, blk.conv2, blk.conv3), arrays):
        conv_of(layer).kernel.assign(array.transpose(2, 3, 1, 0))


def switch_off(blk):
    blk.bn3.gamma.assign(tf.zeros_like(blk.bn3.gamma))


def extra():
    blk = Bottleneck(32, 16, 2)
    num_macs(blk, (1, 9, 7, 32))
    mean = [x.numpy() for x in blk.non_trainable_variables]
    num_macs(blk, (1, 9, 7, 32))
    yield "untouched", bool(all(
        (a == b.numpy()).all()
        for a, b in zip(mean, blk.non_trainable_variables)))
    from tensorflow.keras.applications import ResNet50

    net = ResNet50(weights=None)
    yield "zoo", [net.get_layer(f"conv3_block1_{i}_conv").strides
                  for i in (1, 2)]
    parts = [net.get_layer(f"conv3_block1_{i}_conv") for i in range(4)]
    yield "zoo's biases", [part.use_bias for part in parts]
    yield "zoo's epsilon", net.get_layer("conv3_block1_1_bn").epsilon
""",
    "mxnet": """
from mxnet import np
from mxnet.gluon import nn


def ready(net):
    net.initialize()
    return net


def image(n, channels, side):
    return n, channels, side, side


def run(net, X):
    return d2l.numpy(net(np.array(X, dtype="float32")))


def convolutions(blk):
    return [blk.conv1, blk.conv2, blk.conv3, blk.shortcut[0]]


def stride_of(layer):
    return layer._kwargs["stride"]


def kernel_of(layer):
    return layer._kwargs["kernel"]


def projects(blk):
    return len(blk.shortcut) > 0


def fill(blk, arrays):
    for layer, array in zip((blk.conv1, blk.conv2, blk.conv3), arrays):
        layer.weight.set_data(np.array(array))


def switch_off(blk):
    blk.bn3.gamma.set_data(np.zeros(12))


def extra():
    blk = ready(Bottleneck(32, 16, 2))
    macs = num_macs(blk, (1, 32, 9, 7))
    blk.hybridize()
    run(blk, onp.zeros((1, 32, 9, 7)))
    again = num_macs(blk, (1, 32, 9, 7))
    yield "untouched", macs == again and not blk.conv1._forward_hooks
    from mxnet.gluon.model_zoo.vision import resnet50_v1

    body = resnet50_v1().features[5][0].body
    yield "zoo", [body[i]._kwargs["stride"] for i in (0, 3)]
    parts = [resnet50_v1().features[5][0].downsample[0]]
    parts += [body[i] for i in (0, 3, 6)]
    yield "zoo's biases", [part.bias is not None for part in parts]
""",
}


@pytest.fixture(scope="module")
def facts():
    """Framework → what its blocks are and do."""
    results = {}
    for framework in selected_frameworks():
        code = COMMON.replace("{module}", FRAMEWORKS[framework])
        head, main = code.split("\n\nif __name__")
        code = f"{head}\n{ADAPTERS[framework]}\n\nif __name__{main}"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{framework}: {done.stderr}"
        assert done.stderr == "", f"{framework}: {done.stderr}"
        results[framework] = json.loads(done.stdout)
    return results


each = pytest.mark.parametrize("framework", selected_frameworks())


@each
def test_parameters_are_those_of_the_formulas(facts, framework):
    found = {
        name: facts[framework][name]["params"]
        for name in ("basic", "wide", "bottleneck", "first", "strided")
    }
    assert found == {
        "basic": 18 * 64**2 + 4 * 64,
        "wide": 18 * 256**2 + 4 * 256,
        "bottleneck": 17 * 64**2 + 12 * 64,
        "first": 18 * 64**2 + 20 * 64,
        "strided": (2 + 9 + 4 + 8) * 128**2 + 20 * 128,
    }


@each
def test_macs_are_those_of_the_formulas(facts, framework):
    found = {
        name: facts[framework][name]["macs"]
        for name in ("basic", "wide", "bottleneck", "first", "strided")
    }
    one = {
        "basic": 18 * 64**2 * 56**2,
        "wide": 18 * 256**2 * 56**2,
        "bottleneck": 17 * 64**2 * 56**2,
        "first": 18 * 64**2 * 56**2,
        "strided": 29 * 128**2 * 28**2,
    }
    # For one image, however many there are in the batch.
    assert found == {name: [macs, macs] for name, macs in one.items()}
    assert facts[framework]["early"] == 23 * 128**2 * 28**2


@each
def test_shapes(facts, framework):
    shapes = {
        name: facts[framework][name]["shape"]
        for name in ("basic", "wide", "bottleneck", "first", "strided")
    }
    assert shapes == {
        "basic": [2, 64, 56, 56],
        "wide": [2, 256, 56, 56],
        "bottleneck": [2, 256, 56, 56],
        "first": [2, 256, 56, 56],
        "strided": [2, 512, 28, 28],
    }


@each
def test_stage_and_network_take_the_block_as_it_is(facts, framework):
    assert facts[framework]["stage"] == [1, 128, 4, 4]
    assert facts[framework]["net"] == [2, 7]
    assert facts[framework]["expansion"] == [4, 1]
    assert all(facts[framework]["names"])


@each
def test_the_shortcut_projects_only_where_the_shape_changes(facts, framework):
    found = {
        name: facts[framework][name]["projects"]
        for name in ("basic", "bottleneck", "first", "strided")
    }
    assert found == {
        "basic": False,
        "bottleneck": False,
        "first": True,
        "strided": True,
    }


@each
def test_the_stride_is_on_the_3x3_and_on_the_projection(facts, framework):
    one, two = [1, 1], [2, 2]
    assert facts[framework]["strides"] == [one, two, one, two]
    assert facts[framework]["kernels"] == [one, [3, 3], one, one]


@each
def test_a_block_that_is_switched_off_is_the_identity(facts, framework):
    assert facts[framework]["identity"] == 0
    # On negative input the last ReLU returns zeros.
    assert facts[framework]["relu"] == 0


@each
def test_a_strided_1x1_convolution_skips_three_quarters(facts, framework):
    assert facts[framework]["seen"] == [0, 1]


@each
def test_counting_leaves_the_network_as_it_was(facts, framework):
    assert facts[framework]["untouched"]


def test_flops_are_twice_the_macs(facts):
    if "pytorch" not in facts:
        pytest.skip("deselected: pytorch")
    assert facts["pytorch"]["flops over macs"] == 2


def test_a_strided_3x3_convolution_uses_its_whole_input(facts):
    if "pytorch" not in facts:
        pytest.skip("deselected: pytorch")
    assert facts["pytorch"]["used"] == [0.25, 1]


def test_grouped_convolutions_are_counted(facts):
    if "pytorch" not in facts:
        pytest.skip("deselected: pytorch")
    assert facts["pytorch"]["grouped"] == 9 * 32 * 8 * 25


@pytest.mark.parametrize("framework", ["tensorflow", "mxnet"])
def test_the_zoos_have_the_stride_on_the_first_1x1(facts, framework):
    if framework not in facts:
        pytest.skip(f"deselected: {framework}")
    assert facts[framework]["zoo"] == [[2, 2], [1, 1]]


@pytest.mark.parametrize("framework", ["tensorflow", "mxnet"])
def test_the_zoos_have_biases_and_keras_another_epsilon(facts, framework):
    if framework not in facts:
        pytest.skip(f"deselected: {framework}")
    text = " ".join(CHAPTER.read_text().split())
    assert "Both have biases in convolutions where ours has none" in text
    assert any(facts[framework]["zoo's biases"])
    if framework == "tensorflow":
        assert "1.001 \\cdot 10^{-5}$ instead of $10^{-5}$" in text
        assert facts[framework]["zoo's epsilon"] == 1.001e-5


@each
def test_the_block_computes_its_equation(facts, framework):
    def conv(W, X):
        k = W.shape[-1]
        P = np.pad(X, [(0, 0), (0, 0)] + 2 * [(k // 2, k // 2)])
        views = np.lib.stride_tricks.sliding_window_view(P, (k, k), (2, 3))
        return np.einsum("nihwkl,oikl->nohw", views, W)

    rng = np.random.default_rng(0)
    shapes = (3, 12, 1, 1), (3, 3, 3, 3), (12, 3, 1, 1)
    weights = [rng.normal(0, 0.2, shape) for shape in shapes]
    X = np.random.default_rng(1).uniform(size=(2, 12, 6, 8))
    scale = 1 / np.sqrt(1 + 1e-5)  # of batch normalisation, as initialised
    Y = np.maximum(scale * conv(weights[0], X), 0)
    Y = np.maximum(scale * conv(weights[1], Y), 0)
    residual = scale * conv(weights[2], Y)
    assert residual.min() < 0 < residual.max()
    found = np.array(facts[framework]["output"])
    np.testing.assert_allclose(
        found, np.maximum(X + residual, 0), rtol=1e-4, atol=1e-6
    )


def test_numbers_in_the_text_are_right():
    """Every number of more than three digits is one that we count here."""
    prose = re.sub(
        r"```\{code-cell\}.*?```", "", CHAPTER.read_text(), flags=re.S
    )
    text = prose.replace("{,}", ",")
    found = set(re.findall(r"\d+(?:,\d{3})+", text))
    right = {
        18 * 64**2 + 4 * 64,
        17 * 64**2 + 12 * 64,
        18 * 256**2 + 4 * 256,
        18 * 64**2,  # weights of the convolutions, in the figure
        17 * 64**2,
    }
    assert found == {f"{number:,}" for number in right}
    assert round(288 / 17) == 17  # "about seventeen times"
    assert round(6 / 29, 1) == 0.2  # "a fifth of such a block"
    figure = CHAPTER.parents[1] / "img/bottleneck.svg"
    drawn = set(re.findall(r">(\d+,\d{3})<", figure.read_text()))
    assert drawn == {"73,728", "69,632"}
