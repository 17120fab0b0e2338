"""A residual block in PyTorch."""

import torch
from torch import nn

relu = torch.relu
DEFAULT_MOMENTUM = 0.1
STYLES = ()


def layers(padding=1, bias=False, width=4, norm=nn.BatchNorm2d):
    return [
        nn.Conv2d(8, width, 1, bias=bias),
        norm(width),
        nn.ReLU(),
        nn.Conv2d(width, 8, 3, padding=padding, bias=False),
        norm(8),
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


class Normalisation(nn.Module):
    """As in d2l: the mode is told by the gradients."""

    def __init__(self, channels):
        super().__init__()
        shape = (1, channels, 1, 1)
        self.gamma = nn.Parameter(torch.ones(shape))
        self.beta = nn.Parameter(torch.zeros(shape))
        self.moving_mean = torch.zeros(shape)
        self.moving_var = torch.ones(shape)

    def forward(self, X):
        if not torch.is_grad_enabled():
            return self.normalise(X, self.moving_mean, self.moving_var)
        mean, var = self.of_batch(X)
        self.moving_mean = 0.9 * self.moving_mean + 0.1 * mean.detach()
        self.moving_var = 0.9 * self.moving_var + 0.1 * var.detach()
        return self.normalise(X, mean, var)

    def of_batch(self, X):
        axes = (0, 2, 3)
        return X.mean(axes, True), X.var(axes, unbiased=False, keepdim=True)

    def normalise(self, X, mean, var):
        return self.gamma * (X - mean) / torch.sqrt(var + 1e-5) + self.beta


class InBuffers(Normalisation):
    """The same with buffers, changed in place; the mode is the module's."""

    def __init__(self, channels):
        super().__init__(channels)
        del self.moving_mean, self.moving_var
        self.register_buffer("mu", torch.zeros(1, channels, 1, 1))
        self.register_buffer("s", torch.ones(1, channels, 1, 1))
        self.register_buffer("count", torch.tensor(0))

    def forward(self, X):
        if not self.training:
            return self.normalise(X, self.mu, self.s)
        mean, var = self.of_batch(X)
        with torch.no_grad():
            self.mu += 0.1 * (mean - self.mu)
            self.s += 0.1 * (X.var((0, 2, 3), keepdim=True) - self.s)
            self.count += 1
        return self.normalise(X, mean, var)


NORMS = Normalisation, InBuffers


class Unkept(nn.BatchNorm2d):
    def __init__(self, channels):
        super().__init__(channels, track_running_stats=False)


class Inside(nn.Module):
    def forward(self, X):
        return relu(sequence(*layers())(X) + X)


class Kept(nn.Module):
    def forward(self, X):
        self.body = sequence(*layers())
        return relu(self.body(X) + X)


INSIDE = Inside, Kept


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(8)
        self.convs = sequence(nn.Conv2d(8, 8, 1, bias=False), self.norm)
        self.last = nn.Conv2d(8, 8, 3, padding=1, bias=False)

    def forward(self, X):
        return self.norm(self.last(relu(self.convs(X))))


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


def settings():
    return (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
    )


def disturb():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)


def in_double():
    return Block().double()


def rounds_factors():
    return torch.backends.cudnn.allow_tf32
