"""Networks in MXNet, as readers write them."""

from mxnet import autograd, gluon, np, npx
from mxnet.gluon import nn


class Block(nn.HybridBlock):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2D(6, 3, padding=1)
        self.bn = nn.BatchNorm()
        self.scale = self.params.get("scale", shape=(1,), init="ones")

    def hybrid_forward(self, F, X, scale):
        return F.npx.relu(X + scale * self.bn(self.conv(X)))


class Subclassed(nn.Block):
    """Every kind of layer with weights that the three have in common."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2D(6, 3, strides=2)
        self.blocks = nn.Sequential()
        self.blocks.add(Block(), Block())
        self.depthwise = nn.Conv2D(6, 3, groups=6)
        self.grouped = nn.Conv2D(4, 1, groups=2, use_bias=False)
        self.up = nn.Conv2DTranspose(5, 2, strides=2)
        self.norm = nn.LayerNorm()
        self.hidden = nn.Dense(7, use_bias=False)
        self.head = nn.Dense(3)

    def forward(self, X):
        X = self.blocks(self.stem(X))
        X = self.up(self.grouped(self.depthwise(X)))
        X = self.norm(X.mean((2, 3)))
        return self.head(npx.relu(self.hidden(X)))


def row(*parts):
    net = nn.Sequential()
    net.add(*parts)
    return net


class Nested(nn.Block):
    def __init__(self):
        super().__init__()
        self.body = row(
            row(nn.Conv2D(6, 1), nn.Activation("relu")),
            row(Block(), row(Block())),
        )
        self.heads = {"a": nn.Dense(2), "b": nn.Dense(2, use_bias=False)}
        for name, head in self.heads.items():
            self.register_child(head, f"heads.{name}")

    def forward(self, X):
        X = self.body(X).mean((2, 3))
        return self.heads["a"](X) + self.heads["b"](X)


class Shared(nn.Block):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2D(6, 3)
        self.first = self.second = Block()

    def forward(self, X):
        return self.second(self.first(self.stem(X)))


class Tied(nn.Block):
    def __init__(self):
        super().__init__()
        self.one = nn.Dense(3, in_units=3)
        self.other = nn.Dense(3, in_units=3, params=self.one.params)

    def forward(self, X):
        return self.other(self.one(X.mean((2, 3))))


class OwnNames(nn.Block):
    """`gamma` and `weight` side by side, in a layer of one's own."""

    def __init__(self):
        super().__init__()
        self.gamma = self.params.get("gamma", shape=(3, 1, 1))
        self.weight = self.params.get("weight", shape=(3, 1, 1))

    def forward(self, X):
        return X * self.gamma.data() * self.weight.data()


def sequential():
    return row(
        nn.Conv2D(6, 3),
        nn.BatchNorm(),
        nn.Activation("relu"),
        nn.Conv2D(4, 1, use_bias=False),
        nn.Flatten(),
        nn.Dense(5),
        nn.Dense(2, use_bias=False),
    )


def hybrid():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(6, 3), Block(), nn.Dense(2))
    net.hybridize()
    return net


NETWORKS = {
    "sequential": sequential,
    "subclassed": Subclassed,
    "nested": Nested,
    "shared": Shared,
    "tied": Tied,
    "own names": OwnNames,
    "hybrid": hybrid,
}


def values(net):
    """Return all that the network has learned, as the framework tells it."""
    return [p.data().asnumpy() for p in net.collect_params().values()]


def fill(net, rng):
    """Give every variable new numbers, by the framework's own means."""
    for parameter in net.collect_params().values():
        parameter.set_data(np.array(rng.uniform(0.5, 1, parameter.shape)))


class InList(nn.Block):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2D(6, 1)
        self.blocks = [[nn.Activation("relu")], [Block()]]

    def forward(self, X):
        return self.blocks[1][0](self.stem(X))


class NoAttribute(nn.Block):
    def __init__(self):
        super().__init__()
        self.params.get("scale", shape=(3, 1, 1))

    def forward(self, X):
        return X * self.params.get("scale").data()


class LooseParameter(nn.Block):
    def __init__(self):
        super().__init__()
        self.kept = [gluon.Parameter("loose", shape=(3, 1, 1))]

    def forward(self, X):
        return X * self.kept[0].data()


class TwoOfAName(nn.Block):
    def __init__(self):
        super().__init__()
        self.shortcut = nn.Conv2D(6, 1)
        self.downsample = nn.Conv2D(6, 1)

    def forward(self, X):
        return self.shortcut(X) + self.downsample(X)


class InObject(nn.Block):
    class Parts:
        def __init__(self):
            self.stem = nn.Conv2D(6, 1)

    def __init__(self):
        super().__init__()
        self.parts = self.Parts()

    def forward(self, X):
        return self.parts.stem(X)


HIDING = {
    "parts": InObject,
    "blocks": InList,
    "scale": NoAttribute,
    "kept": LooseParameter,
    "downsample.weight": TwoOfAName,
}


def unmade():
    """Return a network that has not seen an input."""
    return row(nn.Conv2D(4, 1), nn.Dense(2))


def in_graph(w):
    X = np.array(w)
    X.attach_grad()
    with autograd.record():
        return X * 1


TENSORS = {
    "of a graph": in_graph,
    "older": lambda w: np.array(w).as_nd_ndarray(),
    "half": lambda w: np.array(w, dtype="float16"),
    "double": lambda w: np.array(w, dtype="float64"),
}
