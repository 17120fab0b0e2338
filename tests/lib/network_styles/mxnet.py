"""A residual block in MXNet."""

from mxnet import autograd, init, np, npx, random, util
from mxnet.gluon import nn

relu = npx.relu
DEFAULT_MOMENTUM = 0.1
STYLES = ()


def batch_norm(channels):
    return nn.BatchNorm()


def layers(padding=1, bias=False, width=4, norm=batch_norm):
    return [
        nn.Conv2D(width, 1, use_bias=bias),
        norm(width),
        nn.Activation("relu"),
        nn.Conv2D(8, 3, padding=padding, use_bias=False),
        norm(8),
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


class Hidden(nn.Block):
    """A block with its layers in a list, where MXNet misses them."""

    def __init__(self):
        super().__init__()
        self.body = layers()

    def forward(self, X):
        Y = X
        for layer in self.body:
            Y = layer(Y)
        return relu(Y + X)


class Normalisation(nn.Block):
    """As in d2l: the statistics are attributes."""

    def __init__(self, channels):
        super().__init__()
        shape = (1, channels, 1, 1)
        self.gamma = self.params.get("gamma", shape=shape, init=init.One())
        self.beta = self.params.get("beta", shape=shape, init=init.Zero())
        self.moving_mean = np.zeros(shape)
        self.moving_var = np.ones(shape)

    def forward(self, X):
        if not autograd.is_training():
            return self.normalise(X, *self.kept())
        mean = X.mean(axis=(0, 2, 3), keepdims=True)
        var = ((X - mean) ** 2).mean(axis=(0, 2, 3), keepdims=True)
        self.keep(mean.detach(), var.detach())
        return self.normalise(X, mean, var)

    def kept(self):
        return self.moving_mean, self.moving_var

    def keep(self, mean, var):
        self.moving_mean = 0.9 * self.moving_mean + 0.1 * mean
        self.moving_var = 0.9 * self.moving_var + 0.1 * var

    def normalise(self, X, mean, var):
        Y = (X - mean) / np.sqrt(var + 1e-5)
        return self.gamma.data() * Y + self.beta.data()


class InParameters(Normalisation):
    """The same with parameters that are not trained."""

    def __init__(self, channels):
        super().__init__(channels)
        shape = (1, channels, 1, 1)
        del self.moving_mean, self.moving_var
        self.mu = self.params.get(
            "mu", shape=shape, init=init.Zero(), grad_req="null"
        )
        self.s = self.params.get(
            "s", shape=shape, init=init.One(), grad_req="null"
        )

    def kept(self):
        return self.mu.data(), self.s.data()

    def keep(self, mean, var):
        with autograd.pause():
            self.mu.set_data(0.9 * self.mu.data() + 0.1 * mean)
            self.s.set_data(0.9 * self.s.data() + 0.1 * var)


NORMS = Normalisation, InParameters


class Unkept(Normalisation):
    def forward(self, X):
        with autograd.train_mode():
            return super().forward(X)

    def keep(self, mean, var):
        pass


class Inside(nn.Block):
    def forward(self, X):
        return relu(sequence(*layers())(X) + X)


class Kept(nn.Block):
    def forward(self, X):
        self.body = sequence(*layers())
        return relu(self.body(X) + X)


INSIDE = Inside, Kept


class Twice(nn.Block):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm()
        self.first = nn.Conv2D(8, 1, use_bias=False)
        self.last = nn.Conv2D(8, 3, padding=1, use_bias=False)

    def forward(self, X):
        return self.norm(self.last(relu(self.norm(self.first(X)))))


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


def draw():
    return np.random.uniform(size=3).asnumpy()


def settings():
    return (
        util.is_np_array(),
        util.is_np_shape(),
        autograd.is_recording(),
        autograd.is_training(),
    )


def disturb():
    random.seed(0)
    npx.reset_np()
    autograd.set_recording(True)
    autograd.set_training(True)


def in_double():
    net = Block()
    net.initialize()
    net(np.zeros((1, 8, 6, 6)))  # MXNet draws no weights in float64
    net.cast("float64")
    return net
