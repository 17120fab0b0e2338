"""Checks for the exercises of the chapter on residual blocks."""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from d2lutils.check.answer import exercise, in_case
from d2lutils.check.blocks import basic
from d2lutils.check.compare import (
    function,
    same_function,
    sequence,
    together,
)
from d2lutils.check.reference import relu


def _same(X):
    return X


_MISTAKES = [
    ({"after": _same}, "the ReLU after the addition is missing"),
    (
        {"before": relu, "after": _same},
        "the last ReLU comes before the addition, not after it",
    ),
    (
        {"before": relu},
        "there is a ReLU between the branch and the addition: the branch "
        "ends with its batch normalisation",
    ),
    ({"inner": _same}, "the ReLU between the two convolutions is missing"),
]
_OF_IDENTITIES = (
    {"projected": True},
    "there is a projection although the shape does not change",
)
_OF_PROJECTIONS = (
    {"normalised": False},
    "the projection has no batch normalisation",
)
_OF_STRIDES = (
    {"same": True},
    "the strided convolution does not pad by one on each side: all of its "
    "windows are one pixel off",
)


def _check_basic(block, settings):
    """Compare a block with the basic block, in several settings.

    Args:
        block: The answer.
        settings: Triples of channels in, channels out and stride.
    """
    for arguments in settings:
        in_channels, out_channels, stride = arguments
        make = functools.partial(basic, channels=out_channels, stride=stride)
        mistakes = [*_MISTAKES]
        if in_channels == out_channels and stride == 1:
            mistakes.append(_OF_IDENTITIES)
        else:
            mistakes.append(_OF_PROJECTIONS)
        if stride == 2:
            mistakes.append(_OF_STRIDES)
        case = f"{in_channels} to {out_channels} channels, stride {stride}"
        with in_case(case):
            same_function(
                block,
                make,
                (2, in_channels, 8, 8),
                arguments=arguments,
                mistakes=[
                    (functools.partial(make, **change), words)
                    for change, words in mistakes
                ],
                case=case,
            )


@exercise(
    label="ex-residual-block-silent",
    hint="Only the shortcut and whatever follows the addition are left.",
    second_hint="Write each block as a formula with F(x) = 0. Is a ReLU "
    "applied to the sum? If so, −2 cannot leave the block.",
    why="Whether a silent block is exactly the identity depends on what "
    "follows the addition, not on the branch. Inside a ResNet the difference "
    "hardly shows, because the input of a block comes from a ReLU. The "
    "chapter on pre-activation returns to it, with He et al., Identity "
    "Mappings in Deep Residual Networks (2016).",
    read="preactivation#exactly-the-identity",
)
def silent_branch(
    a: Sequence[float], b: Sequence[float], c: Sequence[float]
) -> None:
    """Check what happens to −2 and 3 in three blocks with a zero branch."""
    together(
        "not all three pairs are right",
        functools.partial(sequence, "a", a, (0, 3)),
        functools.partial(sequence, "b", b, (-2, 3)),
        functools.partial(sequence, "c", c, (-2, 3)),
    )


@exercise(
    label="ex-residual-block-from-memory",
    hint="Compare with the figure of the two shortcuts, layer by layer.",
    second_hint="The branch is: 3×3 convolution with the stride, batch "
    "normalisation, ReLU, 3×3 convolution, batch normalisation. Add the "
    "shortcut, then apply the ReLU. The projection is a 1×1 convolution with "
    "the same stride, and batch normalisation.",
    why="You have written the block that ResNet-18 and ResNet-34 consist of. "
    "Everything else in them is a stem, a head, and repetition: see the "
    "chapter on ResNet-18. The common implementations have these layers in "
    "this order, so they can exchange weights.",
    read="resnet18#stages",
)
def residual_block(block: Callable) -> None:
    """Check a basic residual block."""
    _check_basic(block, [(4, 4, 1), (4, 6, 1), (4, 4, 2), (4, 6, 2)])


@exercise(
    label="ex-residual-block-projection",
    hint="Where does the stride have to appear, if the two terms of the sum "
    "should have the same shape?",
    second_hint="The projection is needed if the channels change *or* the "
    "stride is not 1, and it has to take steps of the same stride.",
    why="A stride changes the shape just as a new number of channels does. "
    "Here you get an error; with an input of 2×2 the addition would have "
    "broadcast, and the bug would have gone unnoticed. In the chapter on "
    "ResNet-18, three stages begin with such a block.",
    read="resnet18#stages",
)
def strided_shortcut(block: Callable) -> None:
    """Check the block whose shortcut ignored the stride."""
    _check_basic(block, [(4, 4, 1), (4, 6, 1), (4, 6, 2), (4, 4, 2)])


def _free(X, weights, training, channels, stride, first=0, side=1):
    """Return every `stride`-th row and column, and channels of zeros."""
    X = X[:, :, first::stride, first::stride]
    missing = [(0, 0)] * 4
    missing[1] = (0, channels - X.shape[1])[::side]
    return np.pad(X, missing)


@exercise(
    label="ex-residual-block-free",
    hint="Slice with a step, then pad the channel axis, at its end only.",
    second_hint="Slice height and width with `[::stride]`. Then pad the "
    "channel axis with zeros at the end, as many as `out_channels` minus the "
    "existing channels, and none at the start.",
    why="A residual network with such shortcuts has exactly as many "
    "parameters as the plain one. He et al. (2016) compared them in this "
    "way; if the residual network is better, it is not because it has more "
    "weights. They found projections slightly better, and identities good "
    "enough: see their Section 4.1 and Table 3.",
    read="function_classes#a-residual-network-for-small-images",
)
def free_shortcut(shortcut: Callable) -> None:
    """Check the shortcut without weights."""
    function("shortcut", shortcut)
    for in_channels, channels, stride, sides in [
        (3, 3, 2, (6, 6)),
        (3, 5, 1, (6, 6)),
        (3, 6, 2, (6, 6)),
        (2, 7, 3, (7, 10)),
        (5, 5, 1, (4, 3)),
    ]:
        right = functools.partial(_free, channels=channels, stride=stride)

        def tiled(X, weights, training, right=right, channels=channels):
            Y = right(X, weights, training)
            return Y[:, np.arange(channels) % X.shape[1]]

        def averaged(X, weights, training, right=right):
            N, C, H, W = X.shape
            X = X.reshape(N, C, H // 2, 2, W // 2, 2).mean((3, 5))
            return _free(X, weights, training, right.keywords["channels"], 1)

        mistakes = [
            (
                functools.partial(right, side=-1),
                "the zeros come before the existing channels",
            ),
            (tiled, "the new channels are copies, not zeros"),
        ]
        if stride > 1:
            mistakes.append(
                (
                    functools.partial(right, first=1),
                    "the rows and columns that you keep do not begin with "
                    "the first",
                )
            )
        if stride == 2:
            mistakes += [
                (
                    averaged,
                    "rows and columns are averaged; the shortcut keeps some "
                    "unchanged",
                ),
            ]
        same_function(
            lambda X, c=channels, s=stride: shortcut(X, c, s),
            right,
            (2, in_channels, *sides),
            mistakes=mistakes,
            case=f"{in_channels} to {channels} channels, stride {stride}",
        )


@exercise(
    label="ex-residual-block-early-relu",
    hint="What has to be computed before the last ReLU?",
    second_hint="Add first, then apply the ReLU to the sum. There is nothing "
    "between the last batch normalisation and the addition.",
    why="With the ReLU before the addition a block can only add to its "
    "input, so features grow from block to block. He et al., Identity "
    "Mappings in Deep Residual Networks (2016), tried it: see their Table 2 "
    "(c). The chapter on pre-activation shows where the ReLU can go instead.",
    read="preactivation#moving-the-activation",
)
def early_relu(block: Callable) -> None:
    """Check the block whose last ReLU came too early."""
    _check_basic(block, [(4, 4, 1), (4, 6, 2)])


def _preactivation(X, weights, training, after=_same, activated=False):
    Y = A = relu(weights.batch_norm(X, training))
    Y = weights.conv(Y, X.shape[1], 3, padding=1)
    Y = relu(weights.batch_norm(Y, training))
    Y = weights.conv(Y, X.shape[1], 3, padding=1)
    return after((A if activated else X) + Y)


def _convolution_first(X, weights, training):
    Y = X
    for _ in range(2):
        Y = weights.conv(Y, X.shape[1], 3, padding=1)
        Y = relu(weights.batch_norm(Y, training))
    return X + Y


def _relu_first(X, weights, training):
    Y = X
    for _ in range(2):
        Y = weights.batch_norm(relu(Y), training)
        Y = weights.conv(Y, X.shape[1], 3, padding=1)
    return X + Y


@exercise(
    label="ex-residual-block-preactivation",
    hint="Nothing comes after the addition: the branch begins with what used "
    "to end the previous block.",
    second_hint="The order is batch normalisation, ReLU, convolution, and "
    "the same three once more. Then add the input itself, before its "
    "normalisation, and return the sum.",
    why="The direct path holds nothing but additions, so a block with a "
    "silent branch is the identity for every input, and the gradient passes "
    "through it unchanged. He et al. (2016) trained 1,001 layers of this "
    "kind; the chapter on pre-activation shows how.",
    read="preactivation#moving-the-activation",
)
def preactivation_block(block: Callable) -> None:
    """Check a pre-activation block of unchanged shape."""
    same_function(
        block,
        _preactivation,
        (2, 4, 6, 6),
        arguments=(4,),
        mistakes=[
            (
                functools.partial(_preactivation, after=relu),
                "there is a ReLU after the addition",
            ),
            (
                functools.partial(_preactivation, activated=True),
                "the block adds the input after its normalisation and ReLU, "
                "not the input",
            ),
            (
                _convolution_first,
                "the convolutions come first; here they come last",
            ),
            (
                _relu_first,
                "the ReLU comes before the normalisation, not after it",
            ),
            (basic, "this is the block with post-activation"),
        ],
    )
