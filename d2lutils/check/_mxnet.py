"""Networks of Gluon as the checks see them: NumPy in, NumPy out, NCHW."""

import numpy as onp
from mxnet import autograd, nd, np
from mxnet.gluon import nn

from .variables import Variable

NAME = "MXNet"
UNBIASED_VARIANCE = False


class _Function(nn.Block):
    """A function of X, with the layers that it uses."""

    def __init__(self, function, parts):
        super().__init__()
        for part in parts:
            self.register_child(part)
        self.function = function

    def forward(self, X):
        return self.function(X)


def is_network(value):
    """Whether this is a block of Gluon."""
    return isinstance(value, nn.Block)


def wrap(function, parts):
    """Return a function of X as a network that has `parts`."""
    return _Function(function, parts)


def to_numpy(value):
    """Return an MXNet array as NumPy's; what is none, unchanged."""
    return value.asnumpy() if isinstance(value, nd.NDArray) else value


def shown(shape):
    """Return the shape of images, given as NCHW, in this framework's way."""
    return tuple(shape)


def _initialised(net):
    for parameter in net.collect_params().values():
        if parameter._data is None and not parameter._deferred_init:
            parameter.initialize()
    return net


def tensor(array):
    """Return an array as MXNet's, of float32."""
    return np.array(onp.asarray(array, onp.float32))


def forward(net, X, training):
    """Return what a network computes, in training or evaluation mode."""
    inputs = tensor(X)
    _initialised(net)
    if not training:
        with autograd.predict_mode():
            return to_numpy(net(inputs))
    inputs.attach_grad()
    with autograd.record():
        output = net(inputs)
    if is_array := isinstance(output, nd.NDArray):
        output.backward()  # it moves the running statistics, not the forward
    return to_numpy(output) if is_array else output


def input_gradient(net, X, weight, training):
    """Return the gradient of sum(weight · net(X)) by X."""
    inputs = tensor(X)
    inputs.attach_grad()
    with autograd.record(train_mode=training):
        output = _initialised(net)(inputs)
    output.backward(tensor(weight), train_mode=training)
    return to_numpy(inputs.grad)


def parameters(net):
    """Return the trained variables of a network that has seen an input."""
    return [
        _variable(name, p, "bias" if _is_bias(p) else "weight")
        for name, p in _named(net).items()
        if p.grad_req != "null"
    ]


def state(net):
    """Return the running statistics of a network."""
    kinds = {"running_mean": "mean", "running_var": "variance"}
    return [
        _variable(name, parameter, kinds[name.split(".")[-1]])
        for name, parameter in _named(net).items()
        if name.split(".")[-1] in kinds
    ]


def _named(net):
    """Return name → parameter, each once."""
    found = {}
    for name, parameter in net._collect_params_with_prefix().items():
        if not any(parameter is other for other in found.values()):
            found[name] = parameter
    return found


def _is_bias(parameter):
    return parameter.name.endswith("bias")


def _variable(name, parameter, kind):
    return Variable(
        name,
        tuple(parameter.shape),
        kind,
        lambda: to_numpy(parameter.data()),
        lambda array: parameter.set_data(
            np.array(array, dtype=parameter.dtype)
        ),
    )
