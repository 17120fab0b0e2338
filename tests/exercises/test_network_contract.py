"""What `same_function` accepts and refuses, in every framework."""

import numpy as np
import pytest

from d2lutils.check import recognise
from d2lutils.check.answer import Wrong
from d2lutils.check.networks import same_function
from d2lutils.check.reference import relu
from d2lutils.check.variables import values

SHAPE = (2, 8, 6, 6)


def reference(X, weights, training):
    Y = relu(weights.batch_norm(weights.conv(X, 4, 1), training))
    Y = weights.batch_norm(weights.conv(Y, 8, 3, padding=1), training)
    return relu(Y + X)


def early(X, weights, training):
    Y = relu(weights.batch_norm(weights.conv(X, 4, 1), training))
    Y = weights.batch_norm(weights.conv(Y, 8, 3, padding=1), training)
    return relu(Y) + X


PYTORCH = """
import torch
from torch import nn

relu = torch.relu

def layers(padding=1, bias=False, width=4):
    return [nn.Conv2d(8, width, 1, bias=bias), nn.BatchNorm2d(width),
            nn.ReLU(), nn.Conv2d(width, 8, 3, padding=padding, bias=False),
            nn.BatchNorm2d(8)]

def sequence(*parts):
    return nn.Sequential(*parts)

class Block(nn.Module):
    def __init__(self, last=True, **options):
        super().__init__()
        self.body = sequence(*layers(**options))
        self.last = last

    def forward(self, X):
        Y = self.body(X)
        return relu(Y + X) if self.last else relu(Y) + X

class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = layers()

    def forward(self, X):
        Y = X
        for layer in self.body:
            Y = layer(Y)
        return relu(Y + X)

def still(net):
    train = net.train
    net.train = lambda mode=True: train(False)
    return net

def first(net):
    return net.body[0].weight.detach().numpy().copy()

def lazy():
    return sequence(nn.LazyConv2d(4, 1))
"""

TENSORFLOW = """
import tensorflow as tf
from tensorflow import keras

relu = tf.nn.relu

def layers(padding=1, bias=False, width=4):
    L = keras.layers
    return [L.Conv2D(width, 1, use_bias=bias), L.BatchNormalization(),
            L.ReLU(), L.ZeroPadding2D(padding),
            L.Conv2D(8, 3, use_bias=False), L.BatchNormalization()]

def sequence(*parts):
    return keras.Sequential(list(parts))

class Block(keras.layers.Layer):
    def __init__(self, last=True, **options):
        super().__init__()
        self.body = sequence(*layers(**options))
        self.last = last

    def call(self, X):
        Y = self.body(X)
        return relu(Y + X) if self.last else relu(Y) + X

class Still(Block):
    def call(self, X):
        return relu(self.body(X, training=False) + X)

def still(net):
    return Still()

def functional():
    X = Y = keras.Input((None, None, 8))
    for layer in layers():
        Y = layer(Y)
    return keras.Model(X, keras.layers.ReLU()(keras.layers.add([Y, X])))

def first(net):
    return net.body.layers[0].kernel.numpy()

def lazy():
    return sequence(keras.layers.Conv2D(4, 1))
"""

MXNET = """
from d2lutils import mxnet as d2l
from mxnet import autograd, npx
from mxnet.gluon import nn

relu = npx.relu

def layers(padding=1, bias=False, width=4):
    return [nn.Conv2D(width, 1, use_bias=bias), nn.BatchNorm(),
            nn.Activation("relu"),
            nn.Conv2D(8, 3, padding=padding, use_bias=False), nn.BatchNorm()]

def sequence(*parts):
    net = nn.Sequential()
    net.add(*parts)
    return net

class Block(nn.Block):
    def __init__(self, last=True, **options):
        super().__init__()
        self.body = sequence(*layers(**options))
        self.last = last

    def forward(self, X):
        Y = self.body(X)
        return relu(Y + X) if self.last else relu(Y) + X

class Still(Block):
    def forward(self, X):
        with autograd.predict_mode():
            return super().forward(X)

def still(net):
    return Still()

def first(net):
    return net.body[0].weight.data().asnumpy()

def lazy():
    return sequence(nn.Conv2D(4, 1))
"""

CODE = {"pytorch": PYTORCH, "tensorflow": TENSORFLOW, "mxnet": MXNET}


@pytest.fixture
def space(framework, backend):
    space = {"__name__": "__main__"}
    exec(CODE[framework], space)
    return space


def fault(make, **options):
    with pytest.raises(Wrong) as wrong:
        same_function(make, reference, SHAPE, **options)
    return wrong.value.what


def test_class_factory_network_and_function(space):
    body = space["sequence"](*space["layers"]())

    def block(X):
        return space["relu"](body(X) + X)

    makes = [space["Block"], space["Block"](), block, lambda: block]
    makes += [space["functional"]] if "functional" in space else []
    for make in makes:
        same_function(make, reference, SHAPE, gradient=True)


def test_network_keeps_its_values(space):
    net = space["Block"]()
    same_function(net, reference, SHAPE)
    before = space["first"](net)
    assert not np.allclose(before, values((4, 8)).reshape(before.shape))
    same_function(net, reference, SHAPE)
    assert np.array_equal(space["first"](net), before)


def test_mistake_is_recognised(space):
    said = fault(
        space["Block"],
        options={"last": False},
        mistakes=[(reference, "no"), (early, "early")],
        case="here",
    )
    assert said == "here: early"


def test_difference_of_values(space):
    said = fault(space["Block"], options={"last": False})
    assert said.startswith("the parameters fit, but in evaluation mode")


def test_padding(space):
    said = fault(space["Block"](padding=2).body)
    assert "its height is too large and its width is too large" in said


def test_surplus_and_missing_parameters(space):
    said = fault(space["Block"], options={"bias": True})
    assert "too many: a vector of shape (4,)" in said
    assert "a bias where none is needed" in said
    said = fault(space["Block"], options={"width": 5})
    assert "too many: a 1×1 convolution or dense layer with 5 outputs" in said
    assert "missing: a 1×1 convolution or dense layer with 4 outputs" in said


def test_bias_that_is_allowed(space):
    same_function(
        space["Block"],
        reference,
        SHAPE,
        options={"bias": True},
        allow_bias=True,
    )


def test_hidden_layers_are_missed(space):
    if "Hidden" in space:  # only PyTorch misses the layers of a list
        assert "missing: a 1×1 convolution" in fault(space["Hidden"])


def test_batch_normalisation_that_is_not_trained(space):
    said = fault(space["still"](space["Block"]()))
    assert "does not know that it is being trained" in said


def test_no_gpu_rounds_factors_to_ten_bits(space, framework):
    if framework != "tensorflow":
        pytest.skip("the others compute on the CPU")
    config, seen = space["tf"].config.experimental, []

    class Block(space["Block"]):
        def call(self, X):
            seen.append(config.tensor_float_32_execution_enabled())
            return super().call(X)

    same_function(Block, reference, SHAPE, gradient=True)
    assert seen and not any(seen)
    assert config.tensor_float_32_execution_enabled()


def test_momentum(space, framework):
    right = 0.01 if framework == "tensorflow" else 0.1
    same_function(space["Block"], reference, SHAPE, momentum=right)
    assert "moves too far" in fault(space["Block"], momentum=right / 2)


def test_gradient_that_is_cut(space, framework):
    def cut(X):
        if framework == "tensorflow":
            return space["tf"].stop_gradient(X)
        return X.detach()

    net = space["Block"]()

    def block(X):
        return space["relu"](net.body(cut(X)) + X)

    same_function(block, reference, SHAPE)
    assert "the gradient" in fault(block, gradient=True)


def test_layers_that_wait_for_an_input(space):
    def one(X, weights, training):
        return weights.conv(X, 4, 1, bias=True)

    same_function(space["lazy"], one, SHAPE)


@pytest.mark.parametrize(
    "make, words",
    [
        (3, "a class, a network or a function is wanted, not the int `3`"),
        (lambda: None, "returns `None`, which is no network"),
        (lambda X: None, "the network returns NoneType, not a tensor"),
        (lambda a, b: None, "cannot be called: missing a required argument"),
    ],
)
def test_what_is_no_network(space, make, words):
    assert words in fault(make)


def test_framework_is_told_by_the_answer(space, framework):
    name = {"pytorch": "PyTorch", "tensorflow": "TensorFlow"}
    for answer in (space["Block"], space["Block"](), lambda X: space, 3):
        found = recognise.adapter(answer).NAME
        assert found == name.get(framework, "MXNet")
