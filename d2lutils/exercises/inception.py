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
    hint="Count each of the six convolutions separately: its weights, its "
    "biases, and how many channels it reads.",
    second_hint="The output stacks 128, 192, 96 and 64 channels. The 1×1 "
    "convolutions of all four paths read 256 channels, the 3×3 reads 128 and "
    "the 5×5 reads 32; each output channel has one bias.",
    why="The output of one block decides what the next one costs, since "
    "three of the four paths begin with a 1×1 convolution over all channels, "
    "and the fourth pools them all. A residual block returns as many "
    "channels as it gets, so the hundredth block costs as much as the first. "
    "Read on under `From Inception to Residual Blocks`, `The Second Change`.",
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
            "inside their paths",
            (352, 28, 28): "`shape` takes for paths 2 and 3 the channels of "
            "the reductions",
            (416, 28, 28): "`shape` leaves out a path",
            (256, 28, 28): "`shape` has the channels of the input; the paths "
            "are not added here but stacked",
        },
        ("channels", "height", "width"),
    )
    integer(
        "parameters",
        parameters,
        _parameters(256),
        {
            _parameters(256, bias=0): "`parameters` leaves out the biases",
            _parameters(256, bias=2): "`parameters` counts two numbers per "
            "output channel, as for batch normalisation; here it is one bias",
            _parameters(480): "`parameters` takes the channels of the output "
            "for those of the input",
            _parameters(192): "`parameters` takes the input of block 3a",
            _parameters(256, reduced=False): "`parameters` leaves out the "
            "reductions before the large windows",
            163_696: "`parameters` belongs to block 3a",
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
    hint="Every weight is used once at each of the 28 · 28 positions, and a "
    "bias is not a multiplication.",
    second_hint="Multiply k² · inputs · outputs by 28 · 28 for each "
    "convolution. Without the reductions, the 3×3 and the 5×5 read all 192 "
    "channels, and paths 1 and 4 do not change.",
    why="The reductions cost a little and save more than half. Tables in "
    "papers count operations in different ways, so say which one you use. "
    "The bottleneck block saves in the same way: read on in `The Bottleneck "
    "Block`.",
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
            "at every position",
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
            "their outputs",
        },
    )


@exercise(
    label="ex-inception-merge",
    hint="Write down the matrix for two channels, and what the reshape makes "
    "of it, number by number.",
    second_hint="Row i of the matrix should have a 1 in column i and one in "
    "column `channels` + i. Print the matrix for two channels.",
    why="A reshape never fails if the number of entries is right, so no "
    "shape reveals this bug. Test a layer on inputs for which you know the "
    "answer, such as one channel at a time. With the right matrix, addition "
    "turns out to be a special case of concatenation, which is what `The "
    "Third Change` is about.",
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
    second_hint="Layer i reads `in_channels` + i · `k` channels. In each "
    "pass of the loop compute Y from all of X, then concatenate X and Y "
    "along the channels and call the result X.",
    why="A dense block never overwrites: the output of every layer stays "
    "available to all later layers, at a cost that grows with the square of "
    "the depth. A residual block keeps it in a sum instead. Each gives the "
    "gradient a direct way back to the input. Read on in `Residual Blocks`, "
    "`Function Classes`.",
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
                "the new channels come before the earlier ones, not after",
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
    hint="Write `Inception` first, and then ask of its output: how many "
    "channels does it have, how many should it have, and what comes last?",
    second_hint="Stack the four paths, bring c1 + c2[1] + c3[1] + c4 channels "
    "back to `channels` with a 1×1 convolution that has a bias, add X, and "
    "apply the ReLU to the sum only.",
    why="Inception's authors tried it: with a shortcut the same blocks "
    "trained much faster, and ended only slightly better than without one. "
    "So a shortcut can be put around any kind of block. ResNeXt puts one "
    "around many equal paths; read on in `The Third Change`.",
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
                "the ReLU after the addition is missing",
            ),
            (
                _residual(back_relu=True),
                "there is a ReLU between the additional convolution and the "
                "addition",
            ),
            (
                _residual(back_relu=True, last_relu=False),
                "the last ReLU comes before the addition",
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
