"""What only MXNet has."""

from mxnet import autograd, np
from mxnet.gluon import model_zoo, nn


def parts(net):
    """Return the parts of a network, with their names."""
    return list(net._children.items())


def grouped(channels, groups):
    """Return a 3×3 convolution in groups, without biases."""
    layer = nn.Conv2D(
        channels, 3, padding=1, groups=groups, in_channels=channels,
        use_bias=False,
    )  # fmt: skip
    layer.initialize()
    return layer


def zoo():
    """Describe the first block of the second stage in Gluon's ResNet-50."""
    block = model_zoo.vision.resnet50_v1().features[5][0]
    parts = [block.downsample[0], *(block.body[i] for i in (0, 3, 6))]
    return {
        "strides": [part._kwargs["stride"] for part in parts[1:3]],
        "biases": [part.bias is not None for part in parts],
    }


def defaults(convolve):
    """Measure what layers are like unless one says otherwise."""
    norm, layer = nn.BatchNorm(), nn.Conv2D(16, 3, in_channels=16)
    layer.initialize()
    moved = nn.BatchNorm(in_channels=1)
    moved.initialize()
    with autograd.record():
        Y = moved(np.ones((2, 1, 3, 3)))
    forward = float(moved.running_mean.data())
    Y.backward()
    return {
        "batch norm": [norm._kwargs["eps"], norm._kwargs["momentum"], False],
        "largest weight": abs(layer.weight.data().asnumpy()).max(),
        "bound": 0.07,
        "largest bias": abs(layer.bias.data().asnumpy()).max(),
        "same": None,
        "forward": forward,
        "backward": float(moved.running_mean.data()),
    }
