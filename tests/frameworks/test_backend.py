"""What a backend and its face do, in every framework."""

import math
import random
import sys
from itertools import chain

import numpy as np
import pytest
import small_runs
from small_runs import BATCH, face, models

from d2lutils import assets, backends, data
from d2lutils.backends import variable


@pytest.fixture
def d2l(backend):
    face(backend).set_seed(0)
    return face(backend)


@pytest.fixture
def iters(d2l):
    return d2l.load_data_fashion_mnist(BATCH)


def network(backend):
    return models(backend).QuickResNet(channels=4)


def arrays(backend, X, y):
    """A batch as NumPy arrays, the images as (N, C, H, W)."""
    axis = backend.row.layout.index("C")
    return np.moveaxis(backend.numpy(X), axis, 1), backend.numpy(y)


def epoch(backend, batches):
    return [arrays(backend, X, y) for X, y in batches]


def first_batch(iters):
    """The first test batch: to ask for it draws no order."""
    return next(iter(iters[1]))


def values(variables):
    return [each.read().copy() for each in variables]


# The verbs


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8"])
def test_tensors_are_the_arrays(backend, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    X = backend.tensor(array)
    assert backend.is_tensor(X)
    assert not backend.is_tensor(array)
    found = backend.numpy(X)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_reversed_arrays_become_tensors(backend):
    array = np.arange(6.0).reshape(1, 1, 2, 3)[..., ::-1]
    np.testing.assert_array_equal(backend.numpy(backend.tensor(array)), array)
    net = backend.wrap(lambda X: 2 * X, [])
    np.testing.assert_array_equal(backend.forward(net, array), 2 * array)


def test_labels_have_the_type_of_the_loader(backend, iters):
    _, y = first_batch(iters)
    assert backend.numpy(y).dtype == backend.label_type


def test_what_is_no_tensor_is_left_as_it_is(backend):
    for value in (None, 3, "text", np.ones(2)):
        assert backend.numpy(value) is value


def test_images_are_in_the_layout_of_the_framework(backend):
    array = np.random.default_rng(0).random((2, 3, 4, 5), np.float32)
    X = backend.images(array)
    assert tuple(X.shape) == backend.shown(array.shape)
    axis = backend.row.layout.index("C")
    np.testing.assert_array_equal(
        np.moveaxis(backend.numpy(X), axis, 1), array
    )
    assert backend.shown((2, 7)) == (2, 7)


def test_a_value_tells_its_backend(backend):
    net = network(backend)
    tensor = backend.tensor(np.ones(2))
    for value in (net, type(net), tensor, sys.modules[backend.row.module]):
        assert backends.of(value) is backend
    for value in (None, np.ones(2), object, np, "torch"):
        assert backends.of(value) is None
    assert backend.is_network(net)
    assert not backend.is_network(type(net))


@pytest.mark.parametrize("training", [False, True])
def test_only_training_moves_the_statistics(backend, training):
    net = network(backend)
    X = np.random.default_rng(0).random((4, 1, 28, 28), np.float32)
    first = backend.forward(net, X)
    before = values(backend.statistics(net))
    backend.forward(net, X, training)
    after = values(backend.statistics(net))
    assert len(before) > 4
    for old, new in zip(before, after, strict=True):
        assert (old != new).any() == training
    if not training:
        np.testing.assert_array_equal(backend.forward(net, X), first)


def test_variables_are_read_and_written(backend):
    net = network(backend)
    X = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    before = backend.forward(net, X)
    found = backend.parameters(net) + backend.statistics(net)
    shapes = {name: w.shape for name, w in backend.get_weights(net).items()}
    keys = sorted(each.key for each in found)
    assert keys == sorted(map(variable.canonical, shapes.values()))
    for each in found:
        each.fill()
        np.testing.assert_array_equal(
            each.read(), variable.values(each.shape).reshape(each.shape)
        )
    assert not np.allclose(backend.forward(net, X), before)


def test_gradients_are_slopes(backend):
    net = small_runs.network(backend)
    rng = np.random.default_rng(0)
    X = rng.random((2, 1, 28, 28), np.float32)
    weight = rng.standard_normal((2, 10)).astype(np.float32)
    right = backend.forward(net, X)
    Y, by_input, by_parameters = backend.gradients(net, X, weight, False)
    np.testing.assert_allclose(Y, right, rtol=1e-5)

    def slope(move, shape):
        step = 1e-3 * rng.standard_normal(shape).astype(np.float32)
        ahead, behind = move(step), move(-step)
        return step, (weight * (ahead - behind)).sum() / 2

    step, rise = slope(lambda step: backend.forward(net, X + step), X.shape)
    assert by_input.shape == X.shape
    assert (by_input * step).sum() == pytest.approx(rise, rel=0.05)
    variables = backend.parameters(net)
    for each, gradient in zip(variables, by_parameters, strict=True):
        value = each.read()

        def moved(step, each=each, value=value):
            each.write(value + step)
            Y = backend.forward(net, X)
            each.write(value)
            return Y

        step, rise = slope(moved, each.shape)
        assert gradient.shape == each.shape
        found = (gradient * step).sum()
        assert found == pytest.approx(rise, rel=0.05, abs=1e-4), each.name


def test_network_gets_back_what_passes_change(backend):
    net = network(backend)
    X = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    backend.forward(net, X)
    before = backend.get_weights(net)
    with backend.kept(net):
        for each in backend.parameters(net):
            each.fill()
        backend.forward(net, X, training=True)
        moved = backend.get_weights(net)
    assert all(not np.array_equal(moved[k], before[k]) for k in before)
    after = backend.get_weights(net)
    assert all(np.array_equal(after[k], before[k]) for k in before)


def test_wrapped_function_is_a_network(backend):
    net = network(backend)
    X = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    doubled = backend.wrap(lambda X: 2 * net(X), [net])
    assert backend.is_network(doubled)
    np.testing.assert_allclose(
        backend.forward(doubled, X), 2 * backend.forward(net, X), rtol=1e-5
    )
    assert len(backend.parameters(doubled)) == len(backend.parameters(net))


@pytest.mark.parametrize("training", [False, True])
def test_layers_compute_what_they_are_called(backend, training):
    X = np.random.default_rng(0).normal(3, 2, (4, 3, 5, 6))
    norm, dense = backend.batch_norm(3), backend.dense(3, 2)
    net = backend.sequential(norm, backend.global_avg_pool(), dense)
    backend.forward(net, X)
    mean, var = np.zeros(3), np.ones(3)
    if training:
        mean, var = X.mean((0, 2, 3)), X.var((0, 2, 3))
    Y = (X.mean((2, 3)) - mean) / np.sqrt(var + 1e-5)
    W, b = (each.read() for each in backend.parameters(dense))
    found = backend.forward(net, X, training)
    np.testing.assert_allclose(found, Y @ W.T + b, atol=1e-4)
    if training:
        (moved,) = (
            each.read()
            for each in backend.statistics(net)
            if each.kind == "mean"
        )
        np.testing.assert_allclose(moved, 0.1 * mean, rtol=1e-4)


def test_full_precision_is_a_context(backend):
    net = network(backend)
    X = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    before = backend.forward(net, X)
    with backend.full_precision():
        np.testing.assert_allclose(backend.forward(net, X), before, rtol=1e-5)


# Data


@pytest.mark.parametrize("resize", [None, 20, 33])
def test_batches_are_those_of_numpy(backend, d2l, resize):
    """And so the same in all frameworks, in every epoch."""
    train_iter, test_iter = d2l.load_data_fashion_mnist(BATCH, resize)
    assert (len(train_iter), len(test_iter)) == (6, 3)
    d2l.set_seed(7)
    orders = np.random.default_rng(7)
    sample = assets.load_sample()
    A = np.eye(28) if resize is None else data.bilinear_matrix(28, resize)
    for batches, images, labels, order in [
        (train_iter, *sample[:2], orders.permutation(128)),
        (train_iter, *sample[:2], orders.permutation(128)),
        (test_iter, *sample[2:], np.arange(64)),
        (test_iter, *sample[2:], np.arange(64)),
        (train_iter, *sample[:2], orders.permutation(128)),
    ]:
        batches = epoch(backend, batches)
        sizes = [len(y) for _, y in batches]
        assert sizes[:-1] == [BATCH] * (len(sizes) - 1)
        X, y = (np.concatenate(part) for part in zip(*batches, strict=True))
        assert X.dtype == np.float32
        assert str(y.dtype) in (d2l.load_data_fashion_mnist.__doc__)
        np.testing.assert_array_equal(y, labels[order])
        expected = (A @ images[order] @ A.T)[:, np.newaxis] / 255
        np.testing.assert_allclose(X, expected, atol=1e-6)
        assert X.shape == (len(order), 1, len(A), len(A))
        assert X.min() >= 0
        assert X.max() <= 1 + 1e-6


def test_augmented_images_are_flipped_at_random(backend, d2l):
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
        [(X, y)] = epoch(backend, train_iter)
        pixels = np.round(X[:, 0] * 255).astype(np.uint8)
        seen = [views[image.tobytes()] for image in pixels]
        numbers, flipped = zip(*seen, strict=True)
        assert sorted(numbers) == list(range(128))
        np.testing.assert_array_equal(y, labels[list(numbers)])
        assert 0.3 < np.mean(flipped) < 0.7
        found.append(sorted(seen))
    assert found[0] != found[1]
    X = np.concatenate([X for X, _ in epoch(backend, test_iter)])
    np.testing.assert_array_equal(np.round(X[:, 0] * 255), test[0][:64])
    # The same seed brings the same views, in every framework.
    d2l.set_seed(7)
    rng = np.random.default_rng(7)
    expected = images[rng.permutation(128)]
    flips = rng.random(128) < 0.5
    expected[flips] = expected[flips, :, ::-1]
    [(X, _)] = epoch(backend, train_iter)
    np.testing.assert_allclose(X[:, 0], expected / 255, atol=1e-6)


def test_order_is_new_without_a_seed_of_ones_own(backend, iters):
    first, second = (
        np.concatenate([y for _, y in epoch(backend, iters[0])])
        for _ in range(2)
    )
    assert (first != second).any()
    np.testing.assert_array_equal(np.sort(first), np.sort(second))


def test_leaving_an_epoch_early_does_no_harm(backend, iters):
    for _ in range(3):
        next(iter(iters[0]))
    assert sum(len(y) for _, y in epoch(backend, iters[0])) == 128


def test_batch_larger_than_the_data(backend, d2l):
    batches = epoch(backend, d2l.load_data_fashion_mnist(1000)[0])
    assert [X.shape for X, _ in batches] == [(128, 1, 28, 28)]


# What is printed and returned


def test_lines_about_the_scale(backend, d2l, capfd):
    iters = d2l.load_data_fashion_mnist(BATCH)
    line = "D2L_SCALE=smoke, not full: 128 of 60,000 training and 64 of"
    assert capfd.readouterr().out.startswith(line)
    d2l.fit(network(backend), *iters, 10, 0.1)
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[0] == "D2L_SCALE=smoke: 1 of 10 epochs"
    assert lines[1].startswith("epoch 1/1: loss ")
    assert len(lines) == 2
    assert err == ""


def test_train_ch6(backend, d2l, iters, capfd):
    capfd.readouterr()
    num_epochs, lr = 1, 0.05
    net = network(backend)
    result = d2l.train_ch6(net, *iters, num_epochs, lr, d2l.try_gpu())
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
    assert speed.endswith(f" on {d2l.device_name(d2l.try_gpu())}")


@pytest.mark.frameworks("tensorflow")
def test_a_function_may_make_the_model(backend, d2l, iters):
    """As in *Dive into Deep Learning*, whose TensorFlow tabs pass one."""
    history = d2l.fit(lambda: network(backend), *iters, 1, 0.1)
    assert len(history["train_loss"]) == 1


def test_history(backend, d2l, iters, monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "full")
    net = network(backend)
    history = d2l.fit(net, *iters, num_epochs=2, lr=0.1)
    assert type(history) is dict
    assert list(history) == [
        "train_loss",
        "train_acc",
        "test_acc",
        "seconds",
        "examples_per_sec",
    ]
    for found in history.values():
        assert [type(value) for value in found] == [float, float]
        assert all(math.isfinite(value) for value in found)
    assert history["test_acc"][-1] == d2l.evaluate_accuracy(net, iters[1])
    products = np.multiply(history["seconds"], history["examples_per_sec"])
    np.testing.assert_allclose(products, 128)


def test_first_loss_and_accuracy_are_those_of_the_untrained(backend, d2l):
    """Counted by hand: one step on a batch that is the whole epoch."""
    iters = d2l.load_data_fashion_mnist(1000)
    net = network(backend)
    X, y = arrays(backend, *next(iter(iters[0])))
    y_hat = backend.forward(net, X, training=True)
    rows = np.arange(len(y))
    logsumexp = np.log(np.exp(y_hat).sum(axis=1))
    history = d2l.fit(net, *iters, 1, 0.1)
    assert history["train_loss"][0] == pytest.approx(
        np.mean(logsumexp - y_hat[rows, y]), rel=1e-4
    )
    assert history["train_acc"] == [np.mean(y_hat.argmax(axis=1) == y)]


def test_every_weight_and_every_running_statistic_moves(backend, d2l, iters):
    net = network(backend)
    X, _ = arrays(backend, *first_batch(iters))
    backend.forward(net, X)  # make the parameters
    before = [values(f(net)) for f in (backend.statistics, backend.parameters)]
    d2l.fit(net, *iters, 1, 0.1)
    after = [values(f(net)) for f in (backend.statistics, backend.parameters)]
    assert len(before[0]) > 4
    for old, new in zip(chain(*before), chain(*after), strict=True):
        assert (old != new).any()


def test_it_learns(backend, d2l, monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "demo")
    iters = d2l.load_data_fashion_mnist(64, resize=14)
    net = network(backend)
    history = d2l.fit(net, *iters, 2, 0.1)  # as many as a demo has
    first = history["train_loss"]
    history = d2l.fit(net, *iters, 1, 0.1)
    losses = first + history["train_loss"]
    assert losses[0] > losses[1] > losses[2]
    assert losses[-1] < 1.2  # about 2.3 is chance
    assert history["train_acc"][-1] > 0.5
    assert history["test_acc"][-1] > 0.3


def test_training_goes_on_where_it_stopped(backend, d2l, iters, monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "full")
    net = network(backend)
    losses = d2l.fit(net, *iters, 12, 0.05)["train_loss"]
    losses += d2l.fit(net, *iters, 1, 0.05)["train_loss"]
    assert losses[-1] < losses[0] - 0.15


def test_same_seed_same_training(backend, d2l, iters):
    losses = []
    for _ in range(2):
        d2l.set_seed(3)
        losses += d2l.fit(network(backend), *iters, 1, 0.1)["train_loss"]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_seed_reaches_all_generators(backend, d2l):
    def draw():
        return [
            *backend.get_weights(network(backend))["fc.weight"].ravel(),
            random.random(),
            np.random.random(),
            data.draw_seed(),
        ]

    d2l.set_seed(5)
    first, other = draw(), draw()
    d2l.set_seed(5)
    assert draw() == first
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_evaluate_accuracy_is_a_count(backend, d2l, iters):
    net = network(backend)
    d2l.fit(net, *iters, 1, 0.3)
    before = values(backend.statistics(net))
    accuracy = d2l.evaluate_accuracy(net, iters[1])
    for old, new in zip(before, values(backend.statistics(net)), strict=True):
        np.testing.assert_array_equal(old, new)
    right = sum(
        (backend.forward(net, X).argmax(axis=1) == y).sum()
        for X, y in epoch(backend, iters[1])
    )
    assert accuracy == right / 64
    device = d2l.try_gpu()
    assert d2l.evaluate_accuracy(net, iters[1], device) == accuracy


def test_evaluate_accuracy_of_a_network_never_used(backend, d2l, iters):
    net = network(backend)
    if backend.row.key == "mxnet":
        net.initialize()  # Gluon's networks ask for it
    assert 0 <= d2l.evaluate_accuracy(net, iters[1]) <= 1


@pytest.mark.frameworks("pytorch")  # only its networks have one
def test_evaluation_leaves_the_mode(backend, d2l, iters):
    net = network(backend)
    net[1].eval()
    modes = [module.training for module in net.modules()]
    d2l.evaluate_accuracy(net, iters[1])
    backend.forward(net, arrays(backend, *first_batch(iters))[0])
    assert [module.training for module in net.modules()] == modes
    assert True in modes and False in modes


def test_any_list_of_batches_will_do(backend, d2l, iters):
    X, y = first_batch(iters)
    net = network(backend)
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


def test_evaluate_accuracy_of_nothing(backend, d2l):
    with pytest.raises(ValueError, match="data_iter is empty"):
        d2l.evaluate_accuracy(small_runs.network(backend), [])


def test_unknown_scale(d2l, monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "tiny")
    with pytest.raises(ValueError, match="D2L_SCALE is 'tiny'"):
        d2l.load_data_fashion_mnist(8)


def test_devices(backend, d2l):
    devices = d2l.try_all_gpus()
    assert len(devices) == max(backend.num_gpus(), 1)
    assert backend.is_cpu(d2l.try_gpu(99))
    assert backend.is_cpu(devices[0]) == (backend.num_gpus() == 0)
    assert d2l.device_name(d2l.try_gpu(99)) == "cpu"


def test_images_are_shown(backend, d2l, iters):
    X, y = first_batch(iters)
    titles = d2l.get_fashion_mnist_labels(y)
    axes = d2l.show_images(X[:4], 2, 2, titles=titles)
    shown = axes[3].get_images()[0].get_array()
    np.testing.assert_array_equal(shown, arrays(backend, X, y)[0][3, 0])
    assert axes[3].get_title() == titles[3]
    d2l.plt.close("all")


def test_curves_of_the_frameworks_own_arrays(backend, d2l):
    array = np.array([1.0, 3.0, 2.0], dtype=np.float32)
    d2l.plot(backend.tensor(array))
    (line,) = d2l.plt.gca().get_lines()
    np.testing.assert_array_equal(line.get_ydata(), array)
    d2l.plt.close("all")
