"""Networks of PyTorch as the checks see them: NumPy in, NumPy out, NCHW."""

import numpy as np
import torch
from torch import nn

from .variables import Variable

NAME = "PyTorch"
UNBIASED_VARIANCE = True  # of the running variance


class _Function(nn.Module):
    """A function of X, with the layers that it uses."""

    def __init__(self, function, parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.function = function

    def forward(self, X):
        return self.function(X)


def is_network(value):
    """Whether this is a module of PyTorch."""
    return isinstance(value, nn.Module)


def wrap(function, parts):
    """Return a function of X as a network that has `parts`."""
    return _Function(function, parts)


def to_numpy(value):
    """Return a tensor as an array; what is none, unchanged."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    return value


def shown(shape):
    """Return the shape of images, given as NCHW, in this framework's way."""
    return tuple(shape)


def tensor(array):
    """Return an array as a tensor of float32, on the CPU."""
    return torch.tensor(np.asarray(array, np.float32))


def _tensor(net, X):
    first = next(net.parameters(), torch.empty(0))
    lazy = isinstance(first, nn.parameter.UninitializedParameter)
    device = torch.device("cpu") if lazy else first.device
    return tensor(X).to(device)


class _Mode:
    """Sets the mode of a network, and sets it back."""

    def __init__(self, net, training):
        self.net, self.training = net, training

    def __enter__(self):
        self.before = [(m, m.training) for m in self.net.modules()]
        self.net.train(self.training)

    def __exit__(self, *error):
        for module, mode in self.before:
            module.training = mode


def forward(net, X, training):
    """Return what a network computes, in training or evaluation mode."""
    with _Mode(net, training), torch.no_grad():
        return to_numpy(net(_tensor(net, X)))


def input_gradient(net, X, weight, training):
    """Return the gradient of sum(weight · net(X)) by X."""
    with _Mode(net, training):
        inputs = _tensor(net, X).requires_grad_()
        output = net(inputs)
        factor = torch.tensor(weight, dtype=output.dtype).to(output.device)
        (output * factor).sum().backward()
    net.zero_grad()
    return to_numpy(inputs.grad)


def parameters(net):
    """Return the trained variables of a network that has seen an input."""
    owners = {
        id(parameter): module
        for module in net.modules()
        for parameter in module.parameters(recurse=False)
    }
    norms = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
    return [
        _variable(
            name,
            tensor,
            "bias"
            if name.endswith("bias")
            and not isinstance(owners[id(tensor)], norms)
            else "weight",
        )
        for name, tensor in net.named_parameters()
    ]


def state(net):
    """Return the running statistics of a network."""
    kinds = {"running_mean": "mean", "running_var": "variance"}
    return [
        _variable(name, tensor, kinds[name.split(".")[-1]])
        for name, tensor in net.named_buffers()
        if name.split(".")[-1] in kinds
    ]


def _variable(name, tensor, kind):
    def write(array):
        with torch.no_grad():
            tensor.copy_(torch.tensor(array, dtype=tensor.dtype))

    name = name.removeprefix("parts.")
    return Variable(
        name, tuple(tensor.shape), kind, lambda: to_numpy(tensor).copy(), write
    )
