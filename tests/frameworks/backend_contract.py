"""What every backend must do.

Run for one framework, in a process of its own, by test_backends.py:
`pytest tests/backend_contract.py --framework pytorch`.
"""

import importlib
import math
import random

import numpy as np
import pytest
from selection import FRAMEWORKS

from d2lutils import assets, data

BATCH = 24  # 128 = 5 * 24 + 8: the last batch is smaller


class PyTorch:
    """How the tests speak PyTorch."""

    label_type = np.int64
    axis = 1  # of the channels

    def net(self):
        from torch import nn

        return nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1),
            nn.BatchNorm2d(4),
            nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)),
            nn.AdaptiveAvgPool2d((1, 1)),
            nn.Flatten(),
            nn.Linear(4, 10),
        )

    builder = net

    def running(self, net):
        return [
            buffer.numpy().copy()
            for name, buffer in net.named_buffers()
            if "running" in name
        ]

    def weights(self, net):
        return [x.detach().numpy().copy() for x in net.parameters()]

    def numpy(self, x):
        return x.detach().numpy()

    def array(self, x):
        import torch

        return torch.from_numpy(x)

    def random(self):
        import torch

        return torch.rand(3)

    def is_cpu(self, device):
        import torch

        return device == torch.device("cpu")


class TensorFlow:
    """How the tests speak TensorFlow."""

    label_type = np.int32
    axis = 3

    def builder(self):
        """A function that makes a model, as *Dive into Deep Learning*'s."""
        import tensorflow as tf

        class Part(tf.keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = tf.keras.layers.Conv2D(4, 3)
                self.bn = tf.keras.layers.BatchNormalization(momentum=0.9)

            # Without a `training` argument: Keras has to hand it on.
            def call(self, X):
                return self.bn(self.conv(tf.keras.activations.relu(X)))

        def net():
            return tf.keras.models.Sequential(
                [
                    tf.keras.layers.Conv2D(
                        4, kernel_size=3, strides=2, padding="same"
                    ),
                    tf.keras.layers.BatchNormalization(momentum=0.9),
                    Part(),
                    tf.keras.layers.GlobalAvgPool2D(),
                    tf.keras.layers.Dense(units=10),
                ]
            )

        return net

    def net(self):
        return self.builder()()

    def running(self, net):
        return [x.numpy() for x in net.weights if "moving" in x.path]

    def weights(self, net):
        return [x.numpy() for x in net.trainable_variables]

    def numpy(self, x):
        return x.numpy()

    def array(self, x):
        import tensorflow as tf

        return tf.constant(x)

    def random(self):
        import tensorflow as tf

        return tf.random.uniform((3,))

    def is_cpu(self, device):
        import tensorflow as tf

        with device:
            return tf.constant(0.0).device.endswith("CPU:0")


class MXNet:
    """How the tests speak MXNet."""

    label_type = np.int32
    axis = 1

    def net(self):
        from mxnet.gluon import nn

        part = nn.Sequential()
        part.add(nn.Activation("relu"), nn.Conv2D(4, 3), nn.BatchNorm())
        net = nn.Sequential()
        net.add(
            nn.Conv2D(4, kernel_size=3, strides=2, padding=1),
            nn.BatchNorm(),
            part,
            nn.GlobalAvgPool2D(),
            nn.Dense(10),
        )
        net.initialize()
        return net

    builder = net

    def running(self, net):
        return [
            x.data().asnumpy()
            for name, x in net.collect_params().items()
            if "running" in name
        ]

    def weights(self, net):
        return [
            x.data().asnumpy()
            for x in net.collect_params().values()
            if x.grad_req != "null"
        ]

    def numpy(self, x):
        return x.asnumpy()

    def array(self, x):
        from mxnet import np as mx_np

        return mx_np.array(x, dtype=x.dtype)

    def random(self):
        from mxnet import np as mx_np

        return mx_np.random.uniform(size=(3,))

    def is_cpu(self, device):
        return device.device_type == "cpu"


SPEAKERS = {"pytorch": PyTorch, "tensorflow": TensorFlow, "mxnet": MXNet}


@pytest.fixture(scope="session")
def d2l(pytestconfig):
    module = FRAMEWORKS[pytestconfig.getoption("framework")]
    return importlib.import_module(f"d2lutils.{module}")


@pytest.fixture
def fw(pytestconfig, d2l):
    d2l.set_seed(0)
    return SPEAKERS[pytestconfig.getoption("framework")]()


@pytest.fixture
def iters(d2l):
    return d2l.load_data_fashion_mnist(BATCH)


def epoch(fw, batches):
    """One pass, as a list of NumPy pairs with the channels in axis 1."""
    return [
        (np.moveaxis(fw.numpy(X), fw.axis, 1), fw.numpy(y)) for X, y in batches
    ]


def first_batch(iters):
    """The first test batch: to ask for it draws no order."""
    return next(iter(iters[1]))


def scores(fw, net, X):
    """The scores in evaluation mode."""
    if isinstance(fw, TensorFlow):
        return fw.numpy(net(X, training=False))
    if isinstance(fw, PyTorch):
        net.eval()
    return fw.numpy(net(X))


def test_public_names(d2l):
    for name in d2l.__all__:
        assert getattr(d2l, name) is not None
    assert d2l.plot is importlib.import_module("d2lutils.plot").plot
    assert d2l.get_fashion_mnist_labels([3]) == ["dress"]


@pytest.mark.parametrize("resize", [None, 20, 33])
def test_batches_are_those_of_numpy(d2l, fw, resize):
    """And so the same in all frameworks, in every epoch."""
    train_iter, test_iter = d2l.load_data_fashion_mnist(BATCH, resize)
    assert (len(train_iter), len(test_iter)) == (6, 3)
    d2l.set_seed(7)
    orders = np.random.default_rng(7)
    arrays = assets.load_sample()
    A = np.eye(28) if resize is None else data.bilinear_matrix(28, resize)
    for batches, images, labels, order in [
        (train_iter, *arrays[:2], orders.permutation(128)),
        (train_iter, *arrays[:2], orders.permutation(128)),
        (test_iter, *arrays[2:], np.arange(64)),
        (test_iter, *arrays[2:], np.arange(64)),
        (train_iter, *arrays[:2], orders.permutation(128)),
    ]:
        batches = epoch(fw, batches)
        sizes = [len(y) for _, y in batches]
        assert sizes[:-1] == [BATCH] * (len(sizes) - 1)
        X, y = (np.concatenate(part) for part in zip(*batches, strict=True))
        assert (X.dtype, y.dtype) == (np.float32, fw.label_type)
        np.testing.assert_array_equal(y, labels[order])
        expected = (A @ images[order] @ A.T)[:, np.newaxis] / 255
        np.testing.assert_allclose(X, expected, atol=1e-6)
        assert X.shape == (len(order), 1, len(A), len(A))
        assert X.min() >= 0
        assert X.max() <= 1 + 1e-6


def test_augmented_images_are_flipped_at_random(d2l, fw):
    train_iter, test_iter = d2l.load_data_fashion_mnist(128, augment=True)
    images, labels, *test = assets.load_sample()
    images, labels = images[:128], labels[:128]
    views = {}  # every possible view → number of the image
    for number, image in enumerate(images):
        views[image.tobytes()] = number, False
        views[image[:, ::-1].tobytes()] = number, True
    d2l.set_seed(7)
    found = []
    for _ in range(2):
        [(X, y)] = epoch(fw, train_iter)
        pixels = np.round(X[:, 0] * 255).astype(np.uint8)
        seen = [views[image.tobytes()] for image in pixels]
        numbers, flipped = zip(*seen, strict=True)
        assert sorted(numbers) == list(range(128))
        np.testing.assert_array_equal(y, labels[list(numbers)])
        assert 0.3 < np.mean(flipped) < 0.7
        found.append(sorted(seen))
    assert found[0] != found[1]
    X, y = (np.concatenate(x) for x in zip(*epoch(fw, test_iter), strict=True))
    np.testing.assert_array_equal(np.round(X[:, 0] * 255), test[0][:64])
    # The same seed brings the same views, in every framework.
    d2l.set_seed(7)
    rng = np.random.default_rng(7)
    expected = images[rng.permutation(128)]
    flips = rng.random(128) < 0.5
    expected[flips] = expected[flips, :, ::-1]
    [(X, _)] = epoch(fw, train_iter)
    np.testing.assert_allclose(X[:, 0], expected / 255, atol=1e-6)


def test_order_is_new_without_a_seed_of_ones_own(fw, iters):
    first, second = (
        np.concatenate([y for _, y in epoch(fw, iters[0])]) for _ in range(2)
    )
    assert (first != second).any()
    np.testing.assert_array_equal(np.sort(first), np.sort(second))


def test_leaving_an_epoch_early_does_no_harm(fw, iters):
    for _ in range(3):
        next(iter(iters[0]))
    assert sum(len(y) for _, y in epoch(fw, iters[0])) == 128


def test_batch_larger_than_the_data(d2l, fw):
    batches = epoch(fw, d2l.load_data_fashion_mnist(1000)[0])
    assert [X.shape for X, _ in batches] == [(128, 1, 28, 28)]


def test_lines_about_the_scale(d2l, fw, capfd):
    iters = d2l.load_data_fashion_mnist(BATCH)
    line = "D2L_SCALE=smoke, not full: 128 of 60,000 training and 64 of"
    assert capfd.readouterr().out.startswith(line)
    d2l.fit(fw.builder(), *iters, 10, 0.1)
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[0] == "D2L_SCALE=smoke: 1 of 10 epochs"
    assert lines[1].startswith("epoch 1/1: loss ")
    assert len(lines) == 2
    assert err == ""


def test_train_ch6(d2l, fw, iters, capfd):
    capfd.readouterr()
    num_epochs, lr = 1, 0.05
    result = d2l.train_ch6(fw.builder(), *iters, num_epochs, lr, d2l.try_gpu())
    out, err = capfd.readouterr()
    assert result is None
    assert err == ""
    loss, speed = out.splitlines()[-2:]
    words = loss.replace(",", "").split()
    assert [words[i] for i in (0, 2, 3, 5, 6)] == [
        "loss",
        "train",
        "acc",
        "test",
        "acc",
    ]
    assert float(speed.split()[0].replace(",", "")) > 0
    assert speed.split()[1:3] == ["examples/sec", "on"]
    if fw.is_cpu(d2l.try_gpu()):
        assert speed.endswith(" on cpu")


def test_history(d2l, fw, iters, monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "full")
    net = fw.net()
    history = d2l.fit(net, *iters, num_epochs=2, lr=0.1)
    assert type(history) is dict
    assert list(history) == [
        "train_loss",
        "train_acc",
        "test_acc",
        "seconds",
        "examples_per_sec",
    ]
    for values in history.values():
        assert [type(value) for value in values] == [float, float]
        assert all(math.isfinite(value) for value in values)
    assert history["test_acc"][-1] == d2l.evaluate_accuracy(net, iters[1])
    products = np.multiply(history["seconds"], history["examples_per_sec"])
    np.testing.assert_allclose(products, 128)


def test_first_loss_and_accuracy_are_those_of_the_untrained(d2l, fw):
    """Counted by hand: one step on a batch that is the whole epoch."""
    iters = d2l.load_data_fashion_mnist(1000)
    net = fw.net()
    X, y = next(iter(iters[0]))
    if isinstance(fw, TensorFlow):
        y_hat = fw.numpy(net(X, training=True))
    elif isinstance(fw, PyTorch):
        y_hat = fw.numpy(net(X))
    else:
        from mxnet import autograd

        with autograd.train_mode():
            y_hat = fw.numpy(net(X))
    y = fw.numpy(y)
    rows = np.arange(len(y))
    logsumexp = np.log(np.exp(y_hat).sum(axis=1))
    history = d2l.fit(net, *iters, 1, 0.1)
    assert history["train_loss"][0] == pytest.approx(
        np.mean(logsumexp - y_hat[rows, y]), rel=1e-4
    )
    assert history["train_acc"] == [np.mean(y_hat.argmax(axis=1) == y)]


def test_every_weight_and_every_running_statistic_moves(d2l, fw, iters):
    net = fw.net()
    scores(fw, net, first_batch(iters)[0])  # make the parameters
    before = fw.running(net), fw.weights(net)
    d2l.fit(net, *iters, 1, 0.1)
    after = fw.running(net), fw.weights(net)
    assert len(before[0]) == 4  # of two layers, mean and variance each
    for old, new in zip(before[0], after[0], strict=True):
        assert (old != new).all()
    for old, new in zip(before[1], after[1], strict=True):
        assert (old != new).any()


def test_it_learns(d2l, fw, monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "demo")
    iters = d2l.load_data_fashion_mnist(64)
    net = fw.net()
    history = d2l.fit(net, *iters, 2, 0.3)  # as many as a demo has
    first = history["train_loss"]
    history = d2l.fit(net, *iters, 1, 0.3)
    losses = first + history["train_loss"]
    assert losses[0] > losses[1] > losses[2]
    assert losses[-1] < 1.9  # about 2.3 is chance
    assert history["train_acc"][-1] > 0.25
    assert history["test_acc"][-1] > 0.2


def test_training_goes_on_where_it_stopped(d2l, fw, iters, monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "full")
    net = fw.net()
    losses = d2l.fit(net, *iters, 12, 0.2)["train_loss"]
    losses += d2l.fit(net, *iters, 1, 0.2)["train_loss"]
    assert losses[-1] < losses[0] - 0.15


def test_same_seed_same_training(d2l, fw, iters):
    losses = []
    for _ in range(2):
        d2l.set_seed(3)
        losses += d2l.fit(fw.net(), *iters, 1, 0.1)["train_loss"]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_seed_reaches_all_generators(d2l, fw):
    draws = []
    for _ in range(2):
        d2l.set_seed(5)
        own = fw.numpy(fw.random()).tolist()
        draws.append([*own, random.random(), np.random.random()])
    assert draws[0] == draws[1]


def test_evaluate_accuracy_is_a_count(d2l, fw, iters):
    net = fw.net()
    d2l.fit(net, *iters, 1, 0.3)
    before = fw.running(net)
    accuracy = d2l.evaluate_accuracy(net, iters[1])
    for old, new in zip(before, fw.running(net), strict=True):
        np.testing.assert_array_equal(old, new)
    right = sum(
        (scores(fw, net, X).argmax(axis=1) == fw.numpy(y)).sum()
        for X, y in iters[1]
    )
    assert accuracy == right / 64
    device = d2l.try_gpu()
    assert d2l.evaluate_accuracy(net, iters[1], device) == accuracy


def test_evaluate_accuracy_of_a_network_never_used(d2l, fw, iters):
    assert 0 <= d2l.evaluate_accuracy(fw.net(), iters[1]) <= 1


def test_evaluate_accuracy_leaves_the_mode(d2l, fw, iters):
    if not isinstance(fw, PyTorch):
        return  # only PyTorch's networks have one
    net = fw.net()
    net[1].eval()
    modes = [module.training for module in net.modules()]
    d2l.evaluate_accuracy(net, iters[1])
    assert [module.training for module in net.modules()] == modes
    assert True in modes and False in modes


def test_any_list_of_batches_will_do(d2l, fw, iters):
    X, y = first_batch(iters)
    net = fw.net()
    accuracy = d2l.fit(net, [(X, y)] * 2, [(X, y)], 1, 0.1)["test_acc"][0]
    assert accuracy == d2l.evaluate_accuracy(net, [(X, y)])


@pytest.mark.parametrize(
    "name, value",
    [
        ("num_epochs", 0),
        ("num_epochs", 2.0),
        ("num_epochs", True),
        ("lr", 0),
        ("lr", -0.1),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("lr", "0.1"),
        ("lr", True),
        ("train_iter", []),
        ("test_iter", []),
        ("train_iter", iter([1])),
    ],
)
@pytest.mark.parametrize("function", ["fit", "train_ch6"])
def test_bad_arguments(d2l, iters, name, value, function):
    arguments = {
        "net": None,  # to touch it would be another error
        "train_iter": iters[0],
        "test_iter": iters[1],
        "num_epochs": 1,
        "lr": 0.1,
        "device": d2l.try_gpu(),
        name: value,
    }
    with pytest.raises(ValueError, match=name):
        getattr(d2l, function)(**arguments)


@pytest.mark.parametrize("name", ["batch_size", "resize"])
def test_bad_arguments_of_the_loader(d2l, name):
    with pytest.raises(ValueError, match=name):
        d2l.load_data_fashion_mnist(**{"batch_size": 8, name: 0})


def test_evaluate_accuracy_of_nothing(d2l, fw):
    with pytest.raises(ValueError, match="data_iter is empty"):
        d2l.evaluate_accuracy(fw.net(), [])


def test_unknown_scale(d2l, monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "tiny")
    with pytest.raises(ValueError, match="D2L_SCALE is 'tiny'"):
        d2l.load_data_fashion_mnist(8)


def test_devices(d2l, fw):
    devices = d2l.try_all_gpus()
    assert len(devices) >= 1
    assert fw.is_cpu(d2l.try_gpu(99))
    assert fw.is_cpu(devices[0]) == fw.is_cpu(d2l.try_gpu())


def test_images_are_shown(d2l, fw, iters):
    X, y = first_batch(iters)
    titles = d2l.get_fashion_mnist_labels(y)
    axes = d2l.show_images(X[:4], 2, 2, titles=titles)
    shown = axes[3].get_images()[0].get_array()
    expected = np.moveaxis(fw.numpy(X), fw.axis, 1)[3, 0]
    np.testing.assert_array_equal(shown, expected)
    assert axes[3].get_title() == titles[3]
    d2l.plt.close("all")


def test_curves_of_the_frameworks_own_arrays(d2l, fw):
    values = np.array([1.0, 3.0, 2.0], dtype=np.float32)
    d2l.plot(fw.array(values))
    (line,) = d2l.plt.gca().get_lines()
    np.testing.assert_array_equal(line.get_ydata(), values)
    d2l.plt.close("all")
