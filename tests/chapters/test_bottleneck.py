"""What `chapters/bottleneck.md` says about its block, in each framework."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

CHAPTER = Path(__file__).parents[2] / "chapters/bottleneck.md"

# Name → class, input channels, channels inside, stride.
BLOCKS = {
    "basic": ("BasicBlock", 64, 64, 1),
    "wide": ("BasicBlock", 256, 256, 1),
    "bottleneck": ("Bottleneck", 256, 64, 1),
    "first": ("Bottleneck", 64, 64, 1),
    "strided": ("Bottleneck", 256, 128, 2),
}
KERNELS = (3, 12, 1, 1), (3, 3, 3, 3), (12, 3, 1, 1)


@pytest.fixture(scope="module")
def specifics(backend):
    return importlib.import_module(f"specifics.{backend.row.module}")


@pytest.fixture(scope="module")
def blocks(backend, models):
    """Name → what a block is, and computes of zeros."""
    found = {}
    for name, (kind, before, channels, stride) in BLOCKS.items():
        block = getattr(models, kind)(before, channels, stride)
        Y = backend.forward(block, np.zeros((2, before, 56, 56)))
        shapes = [backend.shown((n, before, 56, 56)) for n in (1, 8)]
        found[name] = {
            "shape": Y.shape,
            "macs": [models.num_macs(block, shape) for shape in shapes],
            "params": models.num_parameters(block),
            "projects": "downsample.0.weight" in backend.get_weights(block),
        }
    return found


def each(blocks, key):
    return {name: found[key] for name, found in blocks.items()}


def seen(backend, block, shape):
    """Return a block that has made its weights for such an input."""
    backend.forward(block, np.zeros(shape))
    return block


def drawn_kernels():
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.2, shape).astype("float32") for shape in KERNELS]


@pytest.fixture
def small(backend, models):
    """A block with an identity shortcut whose kernels are those drawn."""
    block = seen(backend, models.Bottleneck(12, 3), (1, 12, 4, 4))
    weights = backend.get_weights(block)
    for i, kernel in enumerate(drawn_kernels(), start=1):
        weights[f"conv{i}.weight"] = kernel
    backend.set_weights(block, weights)
    return block


def image(low=0.0):
    rng = np.random.default_rng(1)
    return rng.uniform(low, 1, size=(2, 12, 6, 8)).astype("float32")


def test_parameters_are_those_of_the_formulas(blocks):
    assert each(blocks, "params") == {
        "basic": 18 * 64**2 + 4 * 64,
        "wide": 18 * 256**2 + 4 * 256,
        "bottleneck": 17 * 64**2 + 12 * 64,
        "first": 18 * 64**2 + 20 * 64,
        "strided": (2 + 9 + 4 + 8) * 128**2 + 20 * 128,
    }


def test_macs_are_those_of_the_formulas(blocks):
    one = {
        "basic": 18 * 64**2 * 56**2,
        "wide": 18 * 256**2 * 56**2,
        "bottleneck": 17 * 64**2 * 56**2,
        "first": 18 * 64**2 * 56**2,
        "strided": 29 * 128**2 * 28**2,
    }
    # For one image, however many there are in the batch.
    expected = {name: [macs, macs] for name, macs in one.items()}
    assert each(blocks, "macs") == expected


def test_macs_with_the_stride_on_the_first_convolution(backend, models):
    early = models.Bottleneck(256, 128, 2)
    early.conv1 = models.conv(256, 128, 1, 2)
    early.conv2 = models.conv(128, 128, 3)
    seen(backend, early, (1, 256, 8, 8))
    macs = models.num_macs(early, backend.shown((1, 256, 56, 56)))
    assert macs == 23 * 128**2 * 28**2


def test_shapes(blocks):
    assert each(blocks, "shape") == {
        "basic": (2, 64, 56, 56),
        "wide": (2, 256, 56, 56),
        "bottleneck": (2, 256, 56, 56),
        "first": (2, 256, 56, 56),
        "strided": (2, 512, 28, 28),
    }


def test_stage_and_network_take_the_block_as_it_is(backend, models):
    stage = models.stage(models.Bottleneck, 64, 32, 3, 2)
    assert backend.forward(stage, np.zeros((1, 64, 8, 8))).shape == (
        (1, 128, 4, 4)
    )
    net = models.ResNet(models.Bottleneck, (1, 1, 1, 1), 7, 3)
    assert backend.forward(net, np.zeros((2, 3, 32, 32))).shape == (2, 7)
    kinds = models.Bottleneck, models.BasicBlock
    assert [kind.expansion for kind in kinds] == [4, 1]


def test_the_shortcut_projects_only_where_the_shape_changes(blocks):
    assert each(blocks, "projects") == {
        "basic": False,
        "wide": False,
        "bottleneck": False,
        "first": True,
        "strided": True,
    }


def test_the_stride_is_on_the_3x3_and_on_the_projection(backend, models):
    block = seen(backend, models.Bottleneck(32, 16, 2), (1, 32, 8, 8))
    X, sides = np.ones((1, 32, 8, 8)), []
    for layer in block.conv1, block.conv2, block.conv3:
        X = backend.forward(layer, X)
        sides.append(X.shape[2])
    assert sides == [8, 4, 4]
    assert backend.forward(block.shortcut, np.ones((1, 32, 8, 8))).shape == (
        (1, 64, 4, 4)
    )
    weights = backend.get_weights(block)
    kernels = {name: W.shape[2:] for name, W in weights.items() if W.ndim == 4}
    assert kernels == {
        "conv1.weight": (1, 1),
        "conv2.weight": (3, 3),
        "conv3.weight": (1, 1),
        "downsample.0.weight": (1, 1),
    }


def test_a_block_that_is_switched_off_is_the_identity(backend, small):
    weights = backend.get_weights(small)
    weights["bn3.weight"] = np.zeros_like(weights["bn3.weight"])
    backend.set_weights(small, weights)
    X = image()
    np.testing.assert_array_equal(backend.forward(small, X), X)
    # On negative input the last ReLU returns zeros.
    assert not backend.forward(small, -X).any()


def test_a_strided_1x1_convolution_skips_three_quarters(backend, models):
    X = image(low=0.1)
    X[:, :, ::2, ::2] = 0
    shares = [
        (backend.forward(models.conv(12, 8, k, 2), X) != 0).mean()
        for k in (1, 3)
    ]
    assert shares == [0, 1]


def test_a_strided_3x3_convolution_uses_its_whole_input(backend, models):
    used = []
    for k in 1, 3:
        layer = seen(backend, models.conv(12, 8, k, 2), (1, 12, 4, 4))
        _, gradient, _ = backend.gradients(
            layer, image(), np.ones((2, 8, 3, 4)), training=False
        )
        used.append((gradient != 0).mean())
    assert used == [0.25, 1]


def test_counting_leaves_the_network_as_it_was(backend, models):
    block = seen(backend, models.Bottleneck(32, 16, 2), (1, 32, 8, 8))
    before = backend.get_weights(block)
    mode = getattr(block, "training", None)  # where a network has one
    shape = backend.shown((1, 32, 9, 7))
    macs = models.num_macs(block, shape)
    backend.forward(block, np.zeros((1, 32, 9, 7)))
    assert models.num_macs(block, shape) == macs > 0
    assert getattr(block, "training", None) == mode
    assert not getattr(block.conv1, "_forward_hooks", None)
    after = backend.get_weights(block)
    for name, W in before.items():
        np.testing.assert_array_equal(after[name], W)


def test_grouped_convolutions_are_counted(backend, models, specifics, request):
    if backend.row.key == "tensorflow" and backend.num_gpus() == 0:
        reason = "on a CPU Keras hides them in a function, which none looks in"
        request.applymarker(pytest.mark.xfail(reason=reason))
    layer = seen(backend, specifics.grouped(32, 4), (1, 32, 5, 5))
    macs = models.num_macs(layer, backend.shown((1, 32, 5, 5)))
    assert macs == 9 * 32 * 8 * 25


@pytest.mark.frameworks("pytorch")  # the others have no such counter
def test_flops_are_twice_the_macs(models, specifics):
    block, shape = models.Bottleneck(32, 16, 2), (1, 32, 9, 7)
    flops = specifics.num_flops(block, shape)
    assert flops == 2 * models.num_macs(block, shape)


# PyTorch's networks, which are torchvision's, have the stride where ours do.
other_zoos = pytest.mark.frameworks("tensorflow", "mxnet")


@other_zoos
def test_the_zoos_have_the_stride_on_the_first_1x1(specifics):
    assert specifics.zoo()["strides"] == [(2, 2), (1, 1)]


@other_zoos
def test_the_zoos_have_biases_and_keras_another_epsilon(backend, specifics):
    text, zoo = " ".join(CHAPTER.read_text("utf-8").split()), specifics.zoo()
    assert "Both have biases in convolutions where ours has none" in text
    assert any(zoo["biases"])
    if backend.row.key == "tensorflow":
        assert "1.001 \\cdot 10^{-5}$ instead of $10^{-5}$" in text
        assert zoo["epsilon"] == 1.001e-5


def test_the_block_computes_its_equation(backend, small):
    def conv(W, X):
        k = W.shape[-1]
        P = np.pad(X, [(0, 0), (0, 0)] + 2 * [(k // 2, k // 2)])
        views = np.lib.stride_tricks.sliding_window_view(P, (k, k), (2, 3))
        return np.einsum("nihwkl,oikl->nohw", views, W)

    weights, X = [W.astype("float64") for W in drawn_kernels()], image()
    scale = 1 / np.sqrt(1 + 1e-5)  # of batch normalisation, as initialised
    Y = np.maximum(scale * conv(weights[0], X), 0)
    Y = np.maximum(scale * conv(weights[1], Y), 0)
    residual = scale * conv(weights[2], Y)
    assert residual.min() < 0 < residual.max()
    np.testing.assert_allclose(
        backend.forward(small, X),
        np.maximum(X + residual, 0),
        rtol=1e-4,
        atol=1e-6,
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
