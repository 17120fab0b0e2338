"""A residual block in PyTorch."""

import torch
from torch import nn

relu = torch.relu
DEFAULT_MOMENTUM = 0.1
STYLES = ()


def layers(padding=1, bias=False, width=4):
    return [
        nn.Conv2d(8, width, 1, bias=bias),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 8, 3, padding=padding, bias=False),
        nn.BatchNorm2d(8),
    ]


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


class Still(Block):
    def train(self, mode=True):
        return super().train(False)


class Hidden(nn.Module):
    """A block with its layers in a list, where PyTorch misses them."""

    def __init__(self):
        super().__init__()
        self.body = layers()

    def forward(self, X):
        Y = X
        for layer in self.body:
            Y = layer(Y)
        return relu(Y + X)


def lazy():
    return sequence(nn.LazyConv2d(4, 1))


def first_kernel(net):
    return net.body[0].weight.detach().numpy().copy()


def cut(X):
    return X.detach()


def through_numpy(X):
    return torch.tensor(X.detach().numpy())


def without_gradients(net):
    return torch.no_grad()(lambda X: net(X))


def halves(body):
    return body[:3], body[3:]


def state(net):
    found = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    return found | {"mode": net.training, "gradient": net.body[0].weight.grad}


def draw():
    return torch.rand(3).numpy()


def disturb():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)


def in_double():
    return Block().double()


def rounds_factors():
    return torch.backends.cudnn.allow_tf32
