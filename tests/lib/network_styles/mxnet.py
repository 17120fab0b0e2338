"""A residual block in MXNet."""

from mxnet import autograd, np, npx
from mxnet.gluon import nn

relu = npx.relu
DEFAULT_MOMENTUM = 0.1
STYLES = ()


def layers(padding=1, bias=False, width=4):
    return [
        nn.Conv2D(width, 1, use_bias=bias),
        nn.BatchNorm(),
        nn.Activation("relu"),
        nn.Conv2D(8, 3, padding=padding, use_bias=False),
        nn.BatchNorm(),
    ]


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


def lazy():
    return sequence(nn.Conv2D(4, 1))


def first_kernel(net):
    return net.body[0].weight.data().asnumpy()


def cut(X):
    return X.detach()


def through_numpy(X):
    return np.array(X.asnumpy())


def without_gradients(net):
    def function(X):
        with autograd.pause():
            return net(X)

    return function


def halves(body):
    return sequence(*body[:3]), sequence(*body[3:])


def state(net):
    found = net._collect_params_with_prefix().items()
    return {name: p.data().asnumpy() for name, p in found} | {
        "gradient": net.body[0].weight.grad().asnumpy()
    }


def in_double():
    net = Block()
    net.initialize()
    net(np.zeros((1, 8, 6, 6)))  # MXNet draws no weights in float64
    net.cast("float64")
    return net
