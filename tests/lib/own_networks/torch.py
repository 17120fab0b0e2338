"""Networks in PyTorch, as readers write them."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(6, 6, 3, padding=1)
        self.bn = nn.BatchNorm2d(6)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, X):
        return torch.relu(X + self.scale * self.bn(self.conv(X)))


class Subclassed(nn.Module):
    """Every kind of layer with weights that the three have in common."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.depthwise = nn.Conv2d(6, 6, 3, groups=6)
        self.grouped = nn.Conv2d(6, 4, 1, groups=2, bias=False)
        self.up = nn.ConvTranspose2d(4, 5, 2, stride=2)
        self.norm = nn.LayerNorm(5)
        self.hidden = nn.Linear(5, 7, bias=False)
        self.head = nn.Linear(7, 3)

    def forward(self, X):
        X = self.stem(X)
        for block in self.blocks:
            X = block(X)
        X = self.up(self.grouped(self.depthwise(X)))
        X = self.norm(X.mean((2, 3)))
        return self.head(torch.relu(self.hidden(X)))


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 6, 1), nn.ReLU()),
            nn.Sequential(Block(), nn.Sequential(Block())),
        )
        self.heads = nn.ModuleDict(
            {"a": nn.Linear(6, 2), "b": nn.Linear(6, 2, bias=False)}
        )

    def forward(self, X):
        X = self.body(X).mean((2, 3))
        return self.heads["a"](X) + self.heads["b"](X)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        self.first = self.second = Block()

    def forward(self, X):
        return self.second(self.first(self.stem(X)))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 1)
        self.one, self.other = nn.Linear(6, 6), nn.Linear(6, 6)
        self.other.weight = self.one.weight

    def forward(self, X):
        return self.other(self.one(self.stem(X).mean((2, 3))))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(3, 4, batch_first=True)
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, X):
        return self.one * self.rnn(X.flatten(2).transpose(1, 2))[0]


def sequential():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 4, 1, bias=False),
        nn.Flatten(),
        nn.Linear(4 * 6 * 6, 5),
        nn.Linear(5, 2, bias=False),
    )


def bfloat16():
    return Subclassed().bfloat16()


NETWORKS = {
    "sequential": sequential,
    "subclassed": Subclassed,
    "nested": Nested,
    "shared": Shared,
    "tied": Tied,
    "recurrent": Recurrent,
    "bfloat16": bfloat16,
    "double": lambda: Subclassed().double(),
}


def values(net):
    """Return all that the network has learned, as the framework tells it."""
    kept = net.state_dict(keep_vars=True).items()
    kept = [X for name, X in kept if not name.endswith("_tracked")]
    unique = {id(X): X for X in kept}.values()
    return [X.detach().double().numpy().copy() for X in unique]


def fill(net, rng):
    """Give every variable new numbers, by the framework's own means."""
    with torch.no_grad():
        for X in net.state_dict().values():
            if X.is_floating_point():
                X.copy_(torch.tensor(rng.uniform(0.5, 1, X.shape)))


class InList(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 1)
        self.blocks = [[nn.ReLU()], [Block()]]

    def forward(self, X):
        return self.blocks[1][0](self.stem(X))


class PlainTensor(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 1)
        self.scale = torch.ones(6, 1, 1, requires_grad=True)

    def forward(self, X):
        return self.scale * self.stem(X)


class TwoOfAName(nn.Module):
    def __init__(self):
        super().__init__()
        self.shortcut = nn.Conv2d(3, 6, 1)
        self.downsample = nn.Conv2d(3, 6, 1)

    def forward(self, X):
        return self.shortcut(X) + self.downsample(X)


class InObject(nn.Module):
    class Parts:
        def __init__(self):
            self.stem = nn.Conv2d(3, 6, 1)

    def __init__(self):
        super().__init__()
        self.parts = self.Parts()

    def forward(self, X):
        return self.parts.stem(X)


HIDING = {
    "parts": InObject,
    "blocks": InList,
    "scale": PlainTensor,
    "downsample.weight": TwoOfAName,
}


def unmade():
    """Return a network that has not seen an input."""
    return nn.Sequential(nn.LazyConv2d(4, 1), nn.Flatten(), nn.LazyLinear(2))


TENSORS = {
    "parameter": lambda w: nn.Parameter(torch.tensor(w)),
    "of a graph": lambda w: torch.tensor(w, requires_grad=True) * 1,
    "bfloat16": lambda w: torch.tensor(w).bfloat16(),
    "half": lambda w: torch.tensor(w).half(),
    "double": lambda w: torch.tensor(w).double(),
    "eight bits": lambda w: torch.tensor(w).to(torch.float8_e5m2),
    "transposed": lambda w: torch.tensor(w.T.copy()).permute(
        *reversed(range(w.ndim))
    ),
}
