"""What `chapters/convolutional_blocks.md` says, in each framework."""

import re

import numpy as np
import pytest
from chapter_code import run_chapter
from selection import selected_frameworks

# The defaults that the chapter's table names, and what they come to.
DEFAULTS = {
    "pytorch": """
layer = nn.BatchNorm2d(1)
print("batch norm:", layer.eps, layer.momentum, layer.training)
d2l.set_seed(0)
layer = nn.Conv2d(16, 16, 3)
W, b = d2l.numpy(layer.weight), d2l.numpy(layer.bias)
print("weights:", abs(W).max(), 1 / np.sqrt(9 * 16), abs(b).max())
try:
    nn.Conv2d(1, 1, 3, stride=2, padding="same")
except ValueError as error:
    print("same:", error)
""",
    "tensorflow": """
layer = layers.BatchNormalization()
print("batch norm:", layer.epsilon, layer.momentum, False)
d2l.set_seed(0)
layer = layers.Conv2D(16, 3)
layer.build((None, 9, 9, 16))
W, b = layer.get_weights()
print("weights:", abs(W).max(), np.sqrt(6 / (9 * 32)), abs(b).max())
X = np.random.rand(2, 8, 8, 3).astype(np.float32)
layer = layers.Conv2D(4, 3, 2, padding="same")
Y = layer(X).numpy()
W, b = layer.get_weights()
padded = np.pad(X, ((0, 0), (0, 1), (0, 1), (0, 0))).transpose(0, 3, 1, 2)
by_hand = convolve(padded, W.transpose(3, 2, 0, 1), b, stride=2)
print("same:", abs(by_hand.transpose(0, 2, 3, 1) - Y).max())
""",
    "mxnet": """
layer = nn.BatchNorm()
print("batch norm:", layer._kwargs["eps"], layer._kwargs["momentum"], False)
d2l.set_seed(0)
layer = nn.Conv2D(16, 3, in_channels=16)
layer.initialize()
W, b = (d2l.numpy(p.data()) for p in (layer.weight, layer.bias))
print("weights:", abs(W).max(), 0.07, abs(b).max())
layer = nn.BatchNorm(in_channels=1)
layer.initialize()
X = mx.np.ones((2, 1, 3, 3))
with autograd.record():
    Y = layer(X)
print("forward:", float(layer.running_mean.data()))
Y.backward()
print("backward:", float(layer.running_mean.data()))
""",
}
EXTRA = """
rng = np.random.default_rng(0)
X, W = rng.normal(size=(2, 3, 9, 9)), rng.normal(size=(4, 3, 3, 3))
bias = rng.normal(size=4)
Y = convolve(X, W, bias, 2, 1)
term = sum(W[1, c, u, v] * X[0, c, 4 + u - 1, 6 + v - 1]
           for c in range(3) for u in range(3) for v in range(3))
print("the sum:", abs(Y[0, 1, 2, 3] - term - bias[1]))
"""


@pytest.fixture(scope="module", params=selected_frameworks())
def output(request):
    extra = EXTRA + DEFAULTS[request.param]
    text = run_chapter("convolutional_blocks", request.param, (), extra)
    return request.param, text


def number(text, words):
    return float(re.search(re.escape(words) + r"\s*(\S+)", text)[1])


def array(text, words):
    found = re.search(re.escape(words) + r"\s*\[([^]]+)\]", text)[1]
    return np.array([float(word) for word in found.split()])


def test_convolution_by_hand_is_the_frameworks(output):
    text = output[1]
    assert "shape (2, 8, 5, 5) with 224 parameters" in text
    by_layer, shifted, pixelwise = map(
        float, re.findall(r"largest difference: (\S+)", text)
    )
    assert by_layer < 1e-5
    assert pixelwise < 1e-5
    assert shifted > 1e-2  # padding (1, 1) and (0, 1)
    assert "shapes (1, 8, 4, 4) (1, 8, 4, 4)" in text
    assert number(text, "the sum:") < 1e-12


def test_size_of_the_output(output):
    pairs = re.findall(r"formula (\d+), layer (\d+)", output[1])
    assert pairs == [(n, n) for n in ["28", "14", "4", "14", "24", "112"]]
    for n in range(1, 300):  # kernel 3, padding 1, stride 2: half, rounded up
        assert (n + 2 - 3) // 2 + 1 == -(-n // 2)


def test_batch_normalisation_by_hand_is_the_frameworks(output):
    framework, text = output
    assert number(text, "in training:") < 1e-5
    assert number(text, "in evaluation:") < 1e-5
    stored = array(text, "running variance:")
    biased = array(text, "from the biased one:")
    unbiased = array(text, "from the unbiased one:")
    right, wrong = biased, unbiased
    if framework == "pytorch":
        right, wrong = unbiased, biased
    np.testing.assert_allclose(stored, right, rtol=1e-5)
    assert (abs(stored - wrong) > 1e-3).all()
    count = 256 * 28 * 28
    assert round(count / (count - 1), 6) == 1.000005


def test_parameters_of_the_vgg_blocks(output):
    framework, text = output
    assert number(text, "parameters:") == 72_666
    assert "[2512, 13952, 55552] and 650 make 72666" in text
    shapes = ["1, 16, 14, 14", "1, 32, 7, 7", "1, 64, 3, 3"]
    if framework == "tensorflow":
        shapes = ["1, 14, 14, 16", "1, 7, 7, 32", "1, 3, 3, 64"]
    for shape in [*shapes, "1, 64", "1, 10"]:
        assert f"({shape})" in text


def test_the_step_trains_as_fit_does(output):
    losses = re.findall(r"mean loss of the first epoch: (\S+)", output[1])
    by_hand, by_fit = map(float, losses)
    assert by_hand == pytest.approx(by_fit, abs=2e-4)


def test_defaults_of_the_table(output):
    framework, text = output
    eps, momentum, training = {
        "pytorch": (1e-5, 0.1, True),
        "tensorflow": (1e-3, 0.99, False),
        "mxnet": (1e-5, 0.9, False),
    }[framework]
    assert f"batch norm: {eps} {momentum} {training}" in text
    found = re.search(r"weights: (\S+) (\S+) (\S+)", text).groups()
    largest, bound, bias = map(float, found)
    assert 0.98 * bound < largest <= bound * (1 + 1e-6)
    if framework == "pytorch":
        assert 0.5 * bound < bias <= bound
        assert "padding='same' is not supported for strided" in text
    else:
        assert bias == 0
    if framework == "tensorflow":
        assert number(text, "same:") < 1e-5
    if framework == "mxnet":
        assert number(text, "forward:") == 0
        assert number(text, "backward:") == pytest.approx(0.1)
