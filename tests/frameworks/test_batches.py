"""What people bring as batches: it is trained on, or a sentence refuses it.

Whatever is trained on gives the result that float32 and the usual class
numbers give, to the last bit.
"""

import importlib

import numpy as np
import pytest

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 2, (20, 1, 28, 28))  # every type can hold 0 and 1
LABELS = RNG.integers(0, 10, 20)
SIZE = 8  # the last batch is smaller

IMAGE_TYPES = (
    "bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64",
)  # fmt: skip
LABEL_TYPES = "uint8", "int8", "int32", "int64"
NUMPY_TYPES = "int16", "uint16", "uint32", ">i4"


@pytest.fixture(scope="module")
def own(backend):
    """What readers of the framework bring."""
    return importlib.import_module(f"own_data.{backend.row.module}")


def network(backend):
    """Return a small network whose weights are always the same."""
    net = backend.sequential(
        backend.batch_norm(1), backend.global_avg_pool(), backend.dense(1, 10)
    )
    backend.forward(net, IMAGES[:1])
    rng = np.random.default_rng(1)
    for variable in backend.parameters(net):
        variable.write(rng.normal(size=variable.shape).astype("float32"))
    return net


def channels(backend, images):
    """Return images in the layout of the framework."""
    axes = range(images.ndim)
    return np.ascontiguousarray(images.transpose(backend.shown(axes)))


def batches(backend, X=IMAGES, y=LABELS, kind=None):
    """Return a list of batches of arrays, or of what `kind` makes of them."""
    X = channels(backend, X)
    kind = kind or (lambda array: array)
    return [
        (kind(X[i : i + SIZE]), kind(y[i : i + SIZE]))
        for i in range(0, len(X), SIZE)
    ]


def usual(backend):
    return batches(
        backend,
        IMAGES.astype("float32"),
        LABELS.astype(backend.label_type),
        backend.tensor,
    )


def outcome(backend, d2l, data, net=None):
    """Train for an epoch; return the history and what the network became."""
    net = net or network(backend)
    history = d2l.fit(net, data, data, 1, 0.1, seed=0)
    assert d2l.evaluate_accuracy(net, data) == history["test_acc"][0]
    variables = backend.parameters(net) + backend.statistics(net)
    return (
        history["train_loss"],
        history["train_acc"],
        history["test_acc"],
        [variable.read().tobytes() for variable in variables],
    )


@pytest.fixture(scope="module")
def expected(backend, d2l):
    """What training on the usual types comes to."""
    return outcome(backend, d2l, usual(backend))


def refused(backend, d2l, data, message):
    """Assert that each iterator is refused, by its name."""
    for name in "train_iter", "test_iter":
        iters = {"train_iter": usual(backend), "test_iter": usual(backend)}
        iters[name] = data
        with pytest.raises(ValueError, match=f"^{name}.*{message}"):
            d2l.fit(network(backend), num_epochs=1, lr=0.1, **iters)
    with pytest.raises(ValueError, match=f"^data_iter.*{message}"):
        d2l.evaluate_accuracy(network(backend), data)


# What is trained on


def test_training_is_seen(backend, d2l, expected):
    net = network(backend)
    other = outcome(backend, d2l, usual(backend)[:1], net)
    assert other[3] != expected[3]


@pytest.mark.parametrize("kind", IMAGE_TYPES)
def test_images_of_numpy(backend, d2l, expected, kind):
    data = batches(backend, IMAGES.astype(kind))
    assert outcome(backend, d2l, data) == expected


@pytest.mark.parametrize("kind", IMAGE_TYPES)
def test_images_in_tensors(backend, d2l, expected, kind):
    data = [(backend.tensor(X.astype(kind)), y) for X, y in batches(backend)]
    assert outcome(backend, d2l, data) == expected


@pytest.mark.parametrize("kind", LABEL_TYPES)
def test_labels_of_numpy(backend, d2l, expected, kind):
    data = batches(backend, IMAGES, LABELS.astype(kind))
    assert outcome(backend, d2l, data) == expected


@pytest.mark.parametrize("kind", LABEL_TYPES)
def test_labels_in_tensors(backend, d2l, expected, kind):
    data = [(X, backend.tensor(y.astype(kind))) for X, y in batches(backend)]
    assert outcome(backend, d2l, data) == expected


@pytest.mark.parametrize("kind", NUMPY_TYPES)
def test_types_that_only_numpy_has(backend, d2l, expected, kind):
    data = batches(backend, IMAGES.astype(kind), LABELS.astype(kind))
    assert outcome(backend, d2l, data) == expected


def test_types_of_the_framework(backend, d2l, expected, own):
    for kind in own.TYPES:
        data = [(own.of_type(X, kind), y) for X, y in batches(backend)]
        assert outcome(backend, d2l, data) == expected, kind


def test_types_that_change(backend, d2l, expected):
    """A loader's last batch may be of another type, or of NumPy's."""
    kinds = ("float32", "uint8", "float64"), ("int64", "int32", "uint8")
    data = [
        (X.astype(kind), y.astype(label_kind))
        for (X, y), kind, label_kind in zip(
            batches(backend), *kinds, strict=True
        )
    ]
    data[1] = tuple(map(backend.tensor, data[1]))
    assert outcome(backend, d2l, data) == expected


def test_read_only_and_reversed_arrays(backend, d2l, expected):
    data = []
    for X, y in batches(backend):
        X = np.ascontiguousarray(X[::-1])[::-1]
        X.flags.writeable = y.flags.writeable = False
        data.append((X, y))
    assert outcome(backend, d2l, data) == expected


def test_batches_in_lists(backend, d2l, expected):
    assert outcome(backend, d2l, list(map(list, usual(backend)))) == expected
    assert outcome(backend, d2l, tuple(usual(backend))) == expected


class BatchesByNumber:
    """What may be gone through by number alone, without an end."""

    def __init__(self, batches):
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, i):
        return self.batches[i % len(self.batches)]


def test_batches_by_number(backend, d2l, expected):
    data = BatchesByNumber(usual(backend))
    assert outcome(backend, d2l, data) == expected


@pytest.mark.parametrize("kinds", [("float32", "int64"), ("uint8", "uint8")])
def test_loaders_of_the_framework(backend, d2l, expected, own, kinds):
    X = channels(backend, IMAGES).astype(kinds[0])
    for name, load in own.LOADERS.items():
        data = load(X, LABELS.astype(kinds[1]), SIZE)
        assert outcome(backend, d2l, data) == expected, name


def test_bytes_are_remarked_on(backend, d2l, capsys):
    outcome(backend, d2l, batches(backend, (255 * IMAGES).astype("uint8")))
    line = "train_iter: the images are uint8 and are taken as they are"
    assert capsys.readouterr().out.count(line) == 1


def test_features_without_axes_of_images(backend, d2l):
    """A table of numbers is as good as images; its bytes are numbers, too."""
    X = IMAGES.reshape(20, -1)
    found = []
    for kind in "float32", "float64", "uint8":
        net = backend.dense(784, 10)
        for i, variable in enumerate(backend.parameters(net)):
            rng = np.random.default_rng(i)
            W = rng.normal(size=variable.shape) / 28
            variable.write(W.astype("float32"))
        data = batches(backend, X.astype(kind))
        found.append(outcome(backend, d2l, data, net))
    assert found[0] == found[1] == found[2]


# What is refused


@pytest.mark.parametrize("kind", ["float32", "float64", "bool"])
def test_labels_that_are_no_integers(backend, d2l, kind):
    data = batches(backend, y=LABELS.astype(kind))
    refused(backend, d2l, data, f"labels must be integers, not {kind}")
    data = [(X, backend.tensor(y)) for X, y in data]
    refused(backend, d2l, data, f"labels must be integers, not {kind}")


@pytest.mark.parametrize("kind", ["float32", "int64"])
def test_one_hot_labels(backend, d2l, kind):
    data = batches(backend, y=np.eye(10, dtype=kind)[LABELS])
    message = r"labels have the shape \(8, 10\).*argmax"
    refused(backend, d2l, data, message)
    data = [(X, backend.tensor(y)) for X, y in data]
    refused(backend, d2l, data, message)


def test_labels_of_other_shapes(backend, d2l):
    data = batches(backend, y=LABELS[:, None])
    refused(backend, d2l, data, r"the shape \(8, 1\); they must be \(N, …\)")
    data = [(X, y[:-1]) for X, y in usual(backend)]
    refused(backend, d2l, data, r"the labels have the shape \(7,\)")


def as_dictionaries(data):
    return [{"image": X, "label": y} for X, y in data]


NO_PAIRS = {
    "a tuple of 3": lambda data: [(X, y, y) for X, y in data],
    "a tuple of 1": lambda data: [(X,) for X, _ in data],
    "a list of 3": lambda data: [[X, y, y] for X, y in data],
    "a dictionary with the keys 'image', 'label'": as_dictionaries,
    "of the type ": lambda data: [X for X, _ in data],
    "of the type int": lambda data: [1, 2],
    "of the type str": lambda data: ["ab", "cd"],
    "X must be .* a dictionary with the keys 'a'": lambda data: [
        ({"a": X}, y) for X, y in data
    ],
    "X must be .* a tuple of 2": lambda data: [((X, X), y) for X, y in data],
    "y must be .* a list of 8": lambda data: [
        (X, y.tolist()) for X, y in data
    ],
    "X must be .* of the type NoneType": lambda data: [
        (None, y) for _, y in data
    ],
    "y must be .* of the type NoneType": lambda data: [
        (X, None) for X, _ in data
    ],
    "X must be real numbers, not complex64": lambda data: [
        (X.astype("complex64"), y) for X, y in data
    ],
    "X must be real numbers, not object": lambda data: [
        (X.astype(object), y) for X, y in data
    ],
}


@pytest.mark.parametrize("message", NO_PAIRS)
def test_no_pairs_of_arrays(backend, d2l, message):
    data = NO_PAIRS[message](batches(backend, IMAGES.astype("float32")))
    refused(backend, d2l, data, message)


@pytest.mark.parametrize("message", NO_PAIRS)
def test_no_pairs_of_arrays_later_on(backend, d2l, message):
    good = usual(backend)
    bad = NO_PAIRS[message](batches(backend, IMAGES.astype("float32")))
    data = good[:2] + bad[1:2]
    with pytest.raises(ValueError, match=f"^train_iter.*{message}"):
        d2l.fit(network(backend), data, good, 1, 0.1)
    with pytest.raises(ValueError, match=f"^test_iter.*{message}"):
        d2l.fit(network(backend), good, data, 1, 0.1)


def test_single_examples(backend, d2l, own):
    X, y = channels(backend, IMAGES.astype("float32")), LABELS
    refused(backend, d2l, own.single(X, y), "")
    examples = list(zip(X, y, strict=True))
    refused(backend, d2l, examples, "single examples")


def test_generator_is_gone_through_once(backend, d2l):
    for name in "train_iter", "test_iter":
        iters = {"train_iter": usual(backend), "test_iter": usual(backend)}
        iters[name] = (pair for pair in usual(backend))
        with pytest.raises(ValueError, match=f"{name} can be .* only once; a"):
            d2l.fit(network(backend), num_epochs=1, lr=0.1, **iters)


@pytest.mark.frameworks("pytorch", "mxnet")  # Keras has types promoted
def test_integers_that_a_network_cannot_take(backend, d2l):
    """They may be the numbers of words: they are not made numbers."""
    data = batches(backend, IMAGES.reshape(20, -1))
    with pytest.raises(ValueError, match="train_iter: X is int64, which"):
        d2l.fit(backend.dense(784, 10), data, data, 1, 0.1)


@pytest.mark.frameworks("tensorflow")
@pytest.mark.parametrize("first", ["repeat", "batch"])
def test_set_without_end(backend, d2l, own, first):
    X = channels(backend, IMAGES.astype("float32"))
    data = own.single(X, LABELS)
    if first == "repeat":
        data = data.repeat().shuffle(8).batch(SIZE)
    else:
        data = data.batch(SIZE).repeat()
    refused(backend, d2l, data, "never ends; .*take")


# Labels out of range, in whichever batch


@pytest.mark.parametrize("kind", ["int64", "int32"])
@pytest.mark.parametrize("where", [0, 1, 2])
@pytest.mark.parametrize("label", [10, -1, -100])
def test_label_out_of_range(backend, d2l, label, where, kind):
    y = LABELS.astype(kind)
    y[SIZE * where] = label
    message = (
        f"the label {label} is out of range; the network has 10 classes, 0 to "
        "9$"
    )
    refused(backend, d2l, batches(backend, y=y), message)


def test_label_out_of_range_in_a_later_epoch(backend, d2l, monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "full")
    good = usual(backend)

    class Worse:
        """Good twice: one look at it, and the first epoch."""

        passes = 0

        def __len__(self):
            return len(good)

        def __iter__(self):
            self.passes += 1
            X, y = good[1]
            bad = (X, y + 10)
            return iter(good if self.passes < 5 else [good[0], bad])

    with pytest.raises(ValueError, match=r"train_iter: the label 1. is out"):
        d2l.fit(network(backend), Worse(), good, 9, 0.1)
