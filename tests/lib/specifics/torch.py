"""What only PyTorch has."""

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def parts(net):
    """Return the parts of a network, with their names."""
    return list(net.named_children())


def grouped(channels, groups):
    """Return a 3×3 convolution in groups, without biases."""
    return nn.Conv2d(
        channels, channels, 3, padding=1, groups=groups, bias=False
    )


def num_flops(net, shape):
    """Return what PyTorch's own counter counts."""
    with FlopCounterMode(display=False) as counter:
        net(torch.zeros(shape))
    return counter.get_total_flops()


def rounded(x):
    """Return an array as bfloat16 has it."""
    return torch.tensor(x).bfloat16().float().numpy()


def defaults(convolve):
    """Measure what layers are like unless one says otherwise."""
    norm, layer = nn.BatchNorm2d(1), nn.Conv2d(16, 16, 3)
    try:
        nn.Conv2d(1, 1, 3, stride=2, padding="same")
        same = ""
    except ValueError as error:
        same = str(error)
    weight, bias = (p.detach().numpy() for p in layer.parameters())
    in_training = norm.training
    Y = norm(torch.ones(2, 1, 3, 3))
    forward = norm.running_mean.item()
    Y.sum().backward()
    return {
        "batch norm": [norm.eps, norm.momentum, in_training],
        "forward": forward,
        "backward": norm.running_mean.item(),
        "largest weight": abs(weight).max(),
        "bound": 1 / np.sqrt(9 * 16),
        "largest bias": abs(bias).max(),
        "same": same,
    }
