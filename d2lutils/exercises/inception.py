"""The checks of the chapter on Inception."""

from collections.abc import Callable, Sequence

import numpy as np

from d2lutils.backends.variable import describe
from d2lutils.check.answer import Wrong, exercise
from d2lutils.check.compare import (
    function,
    integer,
    same_function,
    trainable,
)
from d2lutils.check.compare import shape as same_shape
from d2lutils.check.recognise import network
from d2lutils.check.reference import max_pool, relu


def _parameters(channels, reduced=True, bias=1):
    """Count the parameters of block 3b with some number of inputs."""
    kernels = [(channels, 128, 1), (channels, 64, 1)]
    if reduced:
        kernels += [(channels, 128, 1), (128, 192, 3)]
        kernels += [(channels, 32, 1), (32, 96, 5)]
    else:
        kernels += [(channels, 192, 3), (channels, 96, 5)]
    return sum(k * k * a * b + bias * b for a, b, k in kernels)


@exercise(
    label="ex-inception-second",
    hint="Count each of the six convolutions by itself: its weights, its "
    "biases, and how many channels it reads.",
    second_hint="The output stacks 128, 192, 96 and 64 channels. The 1×1 "
    "convolutions of all four paths read 256 channels, the 3×3 reads 128 and "
    "the 5×5 reads 32; each output channel has one bias.",
    why="The output of one block decides what the next one costs, since three "
    "of the four paths begin with a 1×1 convolution over all channels, and "
    "the fourth pools them all. A residual block hands on as many channels as "
    "it was given, so that the hundredth costs what the first did. Read on "
    "under `From Inception to Residual Blocks`, `The Second Change`.",
    read="inception#the-second-change-add-instead",
)
def inception_3b(shape: Sequence[int], parameters: int) -> None:
    """Check the shape and the parameters of block 3b."""
    same_shape(
        "shape",
        shape,
        (480, 28, 28),
        {
            (28, 28, 480): "`shape` has the channels last; the exercise asks "
            "for them first",
            (640, 28, 28): "`shape` counts the reductions, too; they stay "
            "inside of their paths",
            (352, 28, 28): "`shape` takes for paths 2 and 3 the channels of "
            "the reductions",
            (416, 28, 28): "`shape` leaves out a path",
            (256, 28, 28): "`shape` has the channels of the input; here "
            "nothing is added, it is stacked",
        },
        ("channels", "height", "width"),
    )
    integer(
        "parameters",
        parameters,
        _parameters(256),
        {
            _parameters(256, bias=0): "`parameters` leaves out the biases",
            _parameters(256, bias=2): "`parameters` counts two numbers an "
            "output channel, as for batch normalisation; here it is one bias",
            _parameters(480): "`parameters` takes the channels of the output "
            "for those of the input",
            _parameters(192): "`parameters` takes the input of block 3a",
            _parameters(256, reduced=False): "`parameters` leaves out the "
            "reductions in front of the large windows",
            163_696: "`parameters` is that of block 3a",
        },
    )


def _macs(*kernels):
    return 28 * 28 * sum(k * k * a * b for a, b, k in kernels)


_ONES = (192, 64, 1), (192, 32, 1)
_PATH2, _PATH3 = ((192, 96, 1), (96, 128, 3)), ((192, 16, 1), (16, 32, 5))
_WIDE2, _WIDE3 = ((192, 128, 3),), ((192, 32, 5),)
_REDUCED = _macs(*_ONES, *_PATH2, *_PATH3)
_DIRECT = _macs(*_ONES, *_WIDE2, *_WIDE3)


@exercise(
    label="ex-inception-macs",
    hint="At each of the 28 · 28 places every weight is used once, and a bias "
    "is no multiplication.",
    second_hint="Multiply k² · inputs · outputs by 28 · 28 for each "
    "convolution. Without the reductions, the 3×3 and the 5×5 read all 192 "
    "channels, and paths 1 and 4 stay as they are.",
    why="The reductions cost a little and save more than half, and with them "
    "came the habit of asking what a layer costs before asking what it can "
    "do. Tables in papers count in different ways, so say which one you use. "
    "The bottleneck block is built on the same saving: read on in "
    "`The Bottleneck Block`.",
    read="bottleneck#what-a-layer-costs",
)
def inception_macs(block: int, without_reductions: int) -> None:
    """Check the MACs of block 3a, with its reductions and without."""
    biases = 28 * 28 * (64 + 96 + 128 + 16 + 32 + 32)
    integer(
        "block",
        block,
        _REDUCED,
        {
            _REDUCED + biases: "`block` counts the biases; they are added, "
            "nothing is multiplied",
            2 * _REDUCED: "`block` counts a multiplication and its addition "
            "as two",
            _REDUCED // 784: "`block` is the number of weights; each is used "
            "at every place",
            128_000_000: "`block` is rounded; hand in the exact number",
            _DIRECT: "`block` is the number without reductions",
            _macs(*_ONES, *_PATH2, *_PATH3, (192, 192, 3)): "`block` counts "
            "the pooling like a convolution",
        },
    )
    integer(
        "without_reductions",
        without_reductions,
        _DIRECT,
        {
            _DIRECT + 784 * 256: "`without_reductions` counts the biases",
            2 * _DIRECT: "`without_reductions` counts a multiplication and "
            "its addition as two",
            _macs(*_ONES, *_WIDE2, *_PATH3): "`without_reductions` still has "
            "the reduction of path 3",
            _macs(*_ONES, *_PATH2, *_WIDE3): "`without_reductions` still has "
            "the reduction of path 2",
            _macs((192, 64, 1), *_WIDE2, *_WIDE3): "`without_reductions` "
            "leaves out the convolution of path 4, too",
            _macs(*_ONES, (96, 128, 3), (16, 32, 5)): "`without_reductions` "
            "leaves out the reductions, but the large windows still read "
            "what they put out",
        },
    )


@exercise(
    label="ex-inception-merge",
    hint="Write down the matrix for two channels, and what the reshape makes "
    "of it, number by number.",
    second_hint="Row i of the matrix should have a 1 in column i and one in "
    "column `channels` + i. Print the matrix for two channels.",
    why="A reshape never fails as long as the numbers suffice, which makes it "
    "the quietest of all faults: no shape shows it. Test a layer on inputs "
    "for which you know the answer, such as one channel at a time. With the "
    "right matrix, addition turns out to be a special case of concatenation, "
    "which is what `The Third Change` is about.",
    read="inception#the-third-change-make-it-a-block",
)
def merging_convolution(merging_convolution: Callable) -> None:
    """Check a convolution that adds two halves, to 0.1 %."""
    function("merging_convolution", merging_convolution)
    for c in 4, 3:
        net, backend = network(merging_convolution, (c,))
        units = np.vstack([np.eye(2 * c), np.zeros((1, 2 * c))])
        Y = backend.forward(net, units.reshape(-1, 2 * c, 1, 1))
        if np.shape(Y) != (2 * c + 1, c, 1, 1):
            raise Wrong(
                f"with `channels = {c}`, for an input of shape "
                f"{backend.shown((1, 2 * c, 1, 1))} the output has the shape "
                f"{backend.shown((1, *np.shape(Y)[1:]))}"
            )
        surplus = [v for v in backend.parameters(net) if v.key != (c, 2 * c)]
        if surplus:
            raise Wrong(
                f"with `channels = {c}` the layer has "
                f"{describe(surplus[0].shape)} (`{surplus[0].name}`), and "
                "should have nothing but one matrix"
            )
        _compare_merging(c, Y[:-1, :, 0, 0].T)
        trainable(backend, net, units[:, :, None, None])


def _dense(first_new=False, relu_first=False):
    def block(X, weights, training):
        for _ in range(3):
            Y = relu(X) if relu_first else X
            Y = weights.batch_norm(Y, training)
            Y = Y if relu_first else relu(Y)
            Y = weights.conv(Y, 4, 3, padding=1)
            X = np.concatenate([Y, X] if first_new else [X, Y], axis=1)
        return X

    return block


def _only_newest(X, weights, training):
    everything, Y = [X], X
    for _ in range(3):
        Y = relu(weights.batch_norm(Y, training))
        Y = weights.conv(Y, 4, 3, padding=1)
        everything.append(Y)
    return np.concatenate(everything, axis=1)


def _convolution_first(X, weights, training):
    for _ in range(3):
        Y = weights.conv(X, 4, 3, padding=1)
        Y = relu(weights.batch_norm(Y, training))
        X = np.concatenate([X, Y], axis=1)
    return X


def _without_input(X, weights, training):
    return _dense()(X, weights, training)[:, X.shape[1] :]


@exercise(
    label="ex-inception-dense",
    hint="How many channels does the second layer read? Start a loop with the "
    "input, and let each layer lengthen what the next one sees.",
    second_hint="Layer i reads `in_channels` + i · `k` channels. In each turn "
    "of the loop compute Y from all of X, then let X be X and Y put one "
    "behind the other along the channels.",
    why="A dense block never overwrites: what any layer has found is there "
    "for all that follow, at a price that grows with the square of the depth. "
    "A residual block keeps it in a sum instead. Both give the gradient a "
    "direct way back to the input, and both are nested function classes. Read "
    "on in `Residual Blocks`, `Function Classes`.",
    read="residual_block#room-for-doing-nothing",
)
def dense_block(DenseBlock: Callable) -> None:
    """Check a block of three layers of DenseNet, to 0.1 %."""
    same_function(
        DenseBlock,
        _dense(),
        (2, 6, 5, 5),
        arguments=(6, 4, 3),
        case="with 6 channels, k = 4 and 3 layers",
        mistakes=[
            (
                _dense(first_new=True),
                "the new channels stand in front of those so far, not behind",
            ),
            (
                _only_newest,
                "each layer reads only the newest channels, not all so far",
            ),
            (
                _convolution_first,
                "the convolution comes first, before batch normalisation and "
                "ReLU",
            ),
            (
                _dense(relu_first=True),
                "the ReLU comes before batch normalisation",
            ),
            (
                _without_input,
                "the block returns the new channels only, without its input",
            ),
        ],
    )


def _residual(last_relu=True, back_relu=False, bias=True, shortcut=True):
    def block(X, weights, training):
        def conv(X, channels, k):
            Y = weights.conv(X, channels, k, padding=k // 2, bias=True)
            return relu(Y)

        paths = [
            conv(X, 5, 1),
            conv(conv(X, 3, 1), 6, 3),
            conv(conv(X, 2, 1), 4, 5),
            conv(max_pool(X, 3, 1, 1), 7, 1),
        ]
        Y = np.concatenate(paths, axis=1)
        Y = weights.conv(Y, X.shape[1], 1, bias=bias)
        Y = relu(Y) if back_relu else Y
        Y = X + Y if shortcut else Y
        return relu(Y) if last_relu else Y

    return block


@exercise(
    label="ex-inception-shortcut",
    hint="Write `Inception` as it stands, and then ask of its output: how "
    "many channels has it, how many should it have, and what comes last?",
    second_hint="Stack the four paths, bring c1 + c2[1] + c3[1] + c4 channels "
    "back to `channels` with a 1×1 convolution that has a bias, add X, and "
    "apply the ReLU to the sum only.",
    why="Inception's authors met residual networks with an experiment: the "
    "same blocks with a shortcut trained much faster, and ended better than "
    "without one by a thin margin only. So the shortcut is not a kind of "
    "block but something that can be put around any. ResNeXt puts one around "
    "many equal paths; read on in `The Third Change`.",
    read="inception#the-third-change-make-it-a-block",
)
def residual_inception(ResidualInception: Callable) -> None:
    """Check an Inception block with a shortcut, to 0.1 %."""
    same_function(
        ResidualInception,
        _residual(),
        (2, 12, 6, 6),
        arguments=(12, 5, (3, 6), (2, 4), 7),
        case="with 12 channels and paths of 5, (3, 6), (2, 4) and 7",
        mistakes=[
            (
                _residual(last_relu=False),
                "the ReLU behind the addition is missing",
            ),
            (
                _residual(back_relu=True),
                "there is a ReLU between the additional convolution and the "
                "addition",
            ),
            (
                _residual(back_relu=True, last_relu=False),
                "the last ReLU stands in front of the addition",
            ),
            (
                _residual(bias=False),
                "the additional convolution has no bias",
            ),
            (_residual(shortcut=False), "the input is not added"),
        ],
    )


def _compare_merging(c, matrix):
    """Raise `Wrong` unless the matrix is that of x + g(x), to 0.1 %.

    Args:
        c: The number of channels of x.
        matrix: An array (c, 2c).
    """
    right = np.hstack([np.eye(c), np.eye(c)])
    if np.allclose(matrix, right, atol=1e-3):
        return
    if np.allclose(matrix, right / 2, atol=1e-3):
        raise Wrong("the layer averages the two halves instead of adding them")
    for part, name in ((slice(c), "g(x)"), (slice(c, None), "x")):
        if np.allclose(matrix[:, part], np.eye(c), atol=1e-3) and not np.any(
            np.delete(matrix, np.arange(2 * c)[part], axis=1)
        ):
            raise Wrong(f"the layer leaves out {name}")
    row = int((abs(matrix - right) > 1e-3).any(axis=1).argmax())
    used = np.flatnonzero(abs(matrix[row]) > 1e-3)
    if len(used) > 4 or not np.allclose(matrix[row, used], 1, atol=1e-3):
        raise Wrong(
            f"with `channels = {c}`, row {row} of the layer's matrix has "
            "entries other than 0 and 1, or too many of them"
        )
    words = [
        f"channel {i % c} of {'x' if i < c else 'g(x)'}" for i in used.tolist()
    ]
    raise Wrong(
        f"with `channels = {c}`, channel {row} of the output is made of "
        + (" and ".join(words) or "nothing")
    )
