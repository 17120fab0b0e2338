"""The checks of the chapter on convolutional blocks."""

from collections.abc import Callable, Sequence

import numpy as np

from d2lutils.check.answer import exercise
from d2lutils.check.compare import (
    function,
    number,
    same_function,
    same_results,
    sequence,
)
from d2lutils.check.reference import conv2d, relu
from d2lutils.check.training_step import compare_steps


@exercise(
    label="ex-convolutional-blocks-sizes",
    hint="Write the formula for the size of the output as two inequalities "
    "for n; the remainder of the division is the number of unseen rows.",
    second_hint="The output is ⌊(n + 6 − 7) / 2⌋ + 1. For which n is the "
    "rounded fraction one less than the output, and what is the remainder of "
    "the division?",
    why="A stride of 2 loses one bit of the size: two sizes give the same "
    "shape, and the shape alone does not tell which one it was. A decoder, "
    "which goes back to the larger size, has to be told this bit. The layer "
    "is the first of every ResNet; see `ResNet-18`.",
    read="resnet18#the-stem",
)
def sizes_to_112(sizes: Sequence[int], unseen: Sequence[int]) -> None:
    """Check the sizes of input that give 112 outputs, and the rows lost."""
    sequence(
        "sizes",
        sizes,
        [223, 224],
        {
            (224,): "`sizes` holds a right size, but not all: the formula "
            "rounds down",
            (223,): "`sizes` holds a right size, but not all: the formula "
            "rounds down",
            (224, 223): "`sizes` has to be in ascending order",
            (224, 225): "`sizes` is not right: one of them gives 113 outputs",
            (222, 223): "`sizes` is not right: one of them gives 111 outputs",
            (222, 223, 224): "`sizes` holds one size too many",
            (223, 224, 225): "`sizes` holds one size too many",
        },
    )
    sequence(
        "unseen",
        unseen,
        [0, 1],
        {
            (1, 0): "`unseen` exchanges the two sizes",
            (0, 0): "`unseen` says that every window fits exactly; look at "
            "what the division by the stride leaves over",
            (0, -1): "`unseen` counts rows of the image; the row in question "
            "is part of the padded input",
        },
    )


@exercise(
    label="ex-convolutional-blocks-constant",
    hint="Ask in each mode: which mean is subtracted, and does it include "
    "the constant?",
    second_hint="Write the layer as γ · (x − mean) / √variance + β, once "
    "with the batch's statistics and once with the stored ones, and replace "
    "x by x + 5. The batch's mean shifts, too.",
    why="So the bias of a convolution is superfluous before batch "
    "normalisation, and the book's convolutions have none. In evaluation mode "
    "the layer is one multiplication and one addition, which can be merged "
    "into the convolution before it, and often is, to make a trained network "
    "faster. Read on in `Residual Blocks`, `Anatomy of a Block`.",
    read="residual_block#anatomy-of-a-block",
)
def constant_before_batch_norm(training: float, evaluation: float) -> None:
    """Check by how much a constant changes the outputs, to 0.1 %."""
    number(
        "training",
        training,
        0,
        {
            5: "`training` is the constant itself: the mean of the batch "
            "has not been subtracted",
            7.5: "`training` takes the running statistics; in training mode "
            "they are not used",
            15: "`training` ignores the normalisation",
            1: "`training` is the output of a channel of zeros, not its "
            "change",
        },
    )
    number(
        "evaluation",
        evaluation,
        7.5,
        {
            0: "`evaluation` is zero, but the running mean does not include "
            "the constant",
            3.75: "`evaluation` divides by the variance instead of its root",
            2.5: "`evaluation` leaves out the scale",
            15: "`evaluation` leaves out the division",
            8.5: "`evaluation` adds the shift, which cancels in a difference",
            4.5: "`evaluation` subtracts the mean from the constant; it "
            "cancels in a difference",
            5: "`evaluation` ignores the normalisation",
        },
    )


@exercise(
    label="ex-convolutional-blocks-receptive",
    hint="Keep two numbers while you go through the layers: the side so far, "
    "and how many pixels of the input lie between two neighbouring outputs.",
    second_hint="Start with side 1 and distance 1. A layer with kernel k adds "
    "(k − 1) · distance to the side; only then does its stride multiply the "
    "distance.",
    why="The receptive field says which pixels can affect a layer at all. "
    "Strides make it grow geometrically, plain 3×3 convolutions only by two "
    "pixels each, which is one reason why networks halve their images again "
    "and again. Read on in `ResNet-18`.",
    read="resnet18#the-stem",
)
def receptive_field(receptive_field: Callable) -> None:
    """Check a function that computes receptive fields."""
    block = [(3, 1), (3, 1), (2, 2)]
    rng = np.random.default_rng(1)
    drawn = [
        ([tuple(part) for part in rng.integers(1, (12, 5), (n, 2)).tolist()],)
        for n in (1, 2, 4, 6, 10, 13)
    ]
    same_results(
        "receptive_field",
        receptive_field,
        _receptive_field,
        cases=[
            ([(3, 1)],),
            ([(3, 1)] * 4,),
            ([(3, 2), (3, 1)],),
            ([(3, 1), (5, 2), (1, 2), (3, 1)],),
            ([(7, 2), (3, 2), (3, 1)],),
            (block * 3,),
            ([],),
        ],
        mistakes=_FIELD_MISTAKES,
        more=drawn,
    )


def _dilated(X, W, b, stride=1, padding=0, dilation=1):
    Y = conv2d(X, W, stride, padding, dilation=dilation)
    return Y + b.reshape(-1, 1, 1)


def _cases():
    """Yield arguments of `convolve`."""
    rng = np.random.default_rng(0)
    for size, k, stride, padding, dilation in (
        (7, 3, 1, 1, 1),
        (9, 3, 1, 0, 2),
        (11, 3, 2, 2, 2),
        (13, 2, 1, 1, 3),
        (10, 1, 2, 0, 4),
    ):
        X = rng.standard_normal((2, 3, size, size)).astype(np.float32)
        W = rng.standard_normal((4, 3, k, k)).astype(np.float32)
        b = rng.standard_normal(4).astype(np.float32)
        yield X, W, b, stride, padding, dilation


def _drawn_cases():
    """Yield arguments of `convolve`; those that are left out have defaults."""
    rng = np.random.default_rng(1)
    for index, left_out in enumerate((0, 0, 0, 0, 0, 0, 1, 2, 3)):
        N, C, out = 1 + index % 4, 1 + index % 5, 1 + index % 7
        k, dilation = (int(n) for n in rng.integers(1, (5, 4)))
        span = dilation * (k - 1) + 1
        H, W = rng.integers(span, span + 7, 2)
        numbers = int(rng.integers(1, 5)), int(rng.integers(4)), dilation
        yield (
            rng.standard_normal((N, C, H, W)).astype(np.float32),
            rng.standard_normal((out, C, k, k)).astype(np.float32),
            rng.standard_normal(out).astype(np.float32),
            *numbers[: 3 - left_out],
        )


@exercise(
    label="ex-convolutional-blocks-dilation",
    hint="How many pixels are there from the first to the last pixel that a "
    "window reads, both included? That number replaces the kernel's side.",
    second_hint="With dilation d the window spans d · (k − 1) + 1 pixels. Use "
    "this span in the formula for the size, and a slice with step d where you "
    "read the window.",
    why="Dilation widens the receptive field without more weights and "
    "without giving up resolution, so networks that must answer for every "
    "pixel use it instead of a ResNet's last strides. Its drawback is that "
    "neighbouring outputs read different pixels. Strides widen the receptive "
    "field, too: read on in `ResNet-18`.",
    read="resnet18#stages",
)
def dilated_convolve(convolve: Callable) -> None:
    """Check a convolution with dilation in NumPy, to 0.1 %."""

    def without(X, W, b, s, p, d):
        return _dilated(X, W, b, s, p)

    def wider(X, W, b, s, p, d):
        return _dilated(X, W, b, s, p, d + 1)

    def without_bias(X, W, b, s, p, d):
        return _dilated(X, W, 0 * b, s, p, d)

    def padded_by_span(X, W, b, s, p, d):
        return _dilated(X, W, b, s, p * d, d)

    def flipped(X, W, b, s, p, d):
        return _dilated(X, W[:, :, ::-1, ::-1], b, s, p, d)

    same_results(
        "convolve",
        convolve,
        _dilated,
        list(_cases()),
        mistakes=[
            (without, "`dilation` makes no difference in it"),
            (
                wider,
                "the window skips d pixels between any two; it should skip "
                "one fewer, and none for d = 1",
            ),
            (without_bias, "the bias is left out"),
            (
                padded_by_span,
                "the padding is multiplied by the dilation; it stays what "
                "the caller asked for",
            ),
            (flipped, "the kernel is flipped"),
        ],
        more=list(_drawn_cases()),
    )


def _half_size(X, weights, training):
    Y = weights.conv(X, 6, 3, stride=2, padding=1)
    return relu(weights.batch_norm(Y, training))


def _at_the_end(X, weights, training):
    even = 1 - X.shape[2] % 2
    X = np.pad(X, ((0, 0), (0, 0), (1 - even, 1), (1 - even, 1)))
    Y = weights.conv(X, 6, 3, stride=2)
    return relu(weights.batch_norm(Y, training))


def _always_at_the_end(X, weights, training):
    if X.shape[2] % 2:
        return _half_size(X, weights, training)
    return _at_the_end(X, weights, training)


def _at_the_beginning(X, weights, training):
    X = np.pad(X, ((0, 0), (0, 0), (1, 0), (1, 0)))
    Y = weights.conv(X, 6, 3, stride=2)
    return relu(weights.batch_norm(Y, training))


@exercise(
    label="ex-convolutional-blocks-padding",
    hint="Draw one row of 8 pixels. Where does the first window begin, and "
    "where does the equation want it to begin?",
    second_hint="The equation wants one row and one column of zeros on every "
    "side, whatever the size of the image. Pad in a separate step, and let "
    "the convolution pad nothing.",
    why="Equal shapes show little. If you train from scratch, the weights "
    "adapt to such a shift by one pixel; if the weights come from elsewhere, "
    "the outputs are wrong. Compare outputs, not shapes; `The Same Numbers "
    "in Three Frameworks` does so for a whole ResNet.",
    read="same_numbers#moving-a-network",
)
def half_size(HalfSize: Callable) -> None:
    """Check a convolution that halves the size, to 0.1 %."""
    mistakes = [
        (
            _always_at_the_end,
            "for an even number of pixels the zeros are on the right and at "
            "the bottom only, so every window is shifted by a pixel",
        ),
        (
            _at_the_beginning,
            "the zeros are on the left and at the top only",
        ),
    ]
    for size in 8, 7:
        same_function(
            HalfSize,
            _half_size,
            (2, 3, size, size),
            arguments=(3, 6),
            mistakes=mistakes,
            case=f"on {size}×{size} pixels",
        )


@exercise(
    label="ex-convolutional-blocks-mode",
    hint="Go through two steps in a row and note at each line which mode the "
    "network is in.",
    second_hint="After the first call the network is still in the mode in "
    "which the accuracy was measured. Which line should change it back, and "
    "when?",
    why="A network that is left in evaluation mode still learns something, "
    "so this bug is easily overlooked. To find it, look at a running mean "
    "before and after a step: in training it moves, in evaluation it does "
    "not. Read on under `Convolutional Blocks`, `Where the Frameworks "
    "Differ`.",
    read="convolutional_blocks#where-the-frameworks-differ",
)
def step_and_test(make_step_and_test: Callable) -> None:
    """Check a training step that measures the accuracy, to 0.1 %."""
    function("make_step_and_test", make_step_and_test)
    compare_steps(make_step_and_test)


@exercise(
    label="ex-convolutional-blocks-groups",
    hint="Use a reshape to put the values that share a mean next to each "
    "other, and check in which order your framework stores the channels.",
    second_hint="Reshape X to (N, groups, channels of a group · pixels), "
    "take mean and variance over the last axis, and reshape back. With "
    "channels last, first split the last axis and move the pixels after it.",
    why="With one group this is layer normalisation over an image, with as "
    "many groups as channels it is instance normalisation. In each of them "
    "the answer for an image does not depend on the rest of the batch, so "
    "there is one mode and nothing to forget. That is why detectors, with "
    "few images per device, and transformers prefer them. The next exercise "
    "compares.",
    read="convolutional_blocks#batch-normalisation",
)
def group_norm(GroupNorm: Callable) -> None:
    """Check a group normalisation, to 0.1 %."""
    scale = 0.1 + np.arange(8).reshape(-1, 1, 1)  # channels unlike
    X = np.random.default_rng(1).standard_normal((3, 8, 3, 4)) * scale / 20
    X += np.arange(3).reshape(-1, 1, 1, 1) / 20  # images unlike
    for groups in 4, 2:
        same_function(
            GroupNorm,
            _group_norm(groups),
            X.shape,
            arguments=(8, groups),
            inputs=X,
            case=f"with 8 channels in {groups} groups",
            mistakes=_group_norm_mistakes(groups),
        )


def _receptive_field(parts):
    """Return the side of the window that an output sees."""
    side, distance = 1, 1
    for kernel, stride in parts:
        side += (kernel - 1) * distance
        distance *= stride
    return side


def _without_strides(parts):
    return 1 + sum(kernel - 1 for kernel, _ in parts)


def _own_stride(parts):
    side, distance = 1, 1
    for kernel, stride in parts:
        distance *= stride
        side += (kernel - 1) * distance
    return side


def _only_last_stride(parts):
    side, before = 1, 1
    for kernel, stride in parts:
        side += (kernel - 1) * before
        before = stride
    return side


def _from_zero(parts):
    return _receptive_field(parts) - 1


def _other_order(parts):
    return _receptive_field(parts[::-1])


def _sum_of_kernels(parts):
    return sum(kernel for kernel, _ in parts)


_FIELD_MISTAKES = [
    (
        _without_strides,
        "the strides make no difference in it, but after a stride "
        "neighbouring outputs are farther apart",
    ),
    (
        _own_stride,
        "the stride of a layer enlarges the layer's own window; it should "
        "enlarge those of the layers after it",
    ),
    (
        _only_last_stride,
        "only the stride of the layer before is counted, but the "
        "distances of all earlier strides multiply",
    ),
    (
        _from_zero,
        "all results are too small by the same number: one pixel sees itself",
    ),
    (_other_order, "the loop goes through the layers in the wrong order"),
    (
        _sum_of_kernels,
        "the sides of the kernels are added, but windows overlap",
    ),
]


def _standardise(X, groups, eps=1e-5, ddof=0, axes=2):
    G = X.reshape(len(X), groups, -1)
    mean = G.mean(axis=axes, keepdims=True)
    var = G.var(axis=axes, keepdims=True, ddof=ddof)
    return ((G - mean) / np.sqrt(var + eps)).reshape(X.shape)


def _affine(Y, weights):
    channels = Y.shape[1]
    gamma, beta = weights.array(channels), weights.array(channels)
    return gamma.reshape(-1, 1, 1) * Y + beta.reshape(-1, 1, 1)


def _group_norm(groups, **options):
    """Return the _group_norm with so many groups."""

    def group_norm(X, weights, training):
        return _affine(_standardise(X, groups, **options), weights)

    return group_norm


def _of_channels(X, weights, training):
    return _affine(_standardise(X, X.shape[1]), weights)


def _of_images(X, weights, training):
    return _affine(_standardise(X, 1), weights)


def _batch_norm(X, weights, training):
    return weights.batch_norm(X, training)


def _exchanged(groups):
    def group_norm(X, weights, training):
        return _affine(_standardise(X, X.shape[1] // groups), weights)

    return group_norm


def _every_nth(groups):
    def group_norm(X, weights, training):
        # The channels of group 0, then those of group 1, ...
        order = np.arange(X.shape[1]).reshape(-1, groups).T.ravel()
        Y = _standardise(X[:, order], groups)
        return _affine(Y[:, np.argsort(order)], weights)

    return group_norm


def _of_pixels(groups):
    def group_norm(X, weights, training):
        Y = _standardise(X.transpose(0, 2, 3, 1), groups)
        return _affine(Y.transpose(0, 3, 1, 2), weights)

    return group_norm


def _scale_of_groups(groups):
    def group_norm(X, weights, training):
        G = _standardise(X, groups).reshape(len(X), groups, -1)
        gamma, beta = weights.array(groups), weights.array(groups)
        Y = gamma.reshape(-1, 1) * G + beta.reshape(-1, 1)
        return Y.reshape(X.shape)

    return group_norm


def _not_applied(groups):
    def group_norm(X, weights, training):
        _affine(X, weights)
        return _standardise(X, groups)

    return group_norm


def _without_scale(groups):
    def group_norm(X, weights, training):
        return _standardise(X, groups)

    return group_norm


def _group_norm_mistakes(groups):
    """Return pairs of a wrong _group_norm and what to say of it."""
    return [
        (_of_channels, "each channel is standardised by itself"),
        (_of_images, "all channels of an image are standardised together"),
        (
            _batch_norm,
            "this is batch normalisation: in training an image's output "
            "depends on the other images, in evaluation on what was seen "
            "before",
        ),
        (
            _group_norm(groups, axes=(0, 2)),
            "mean and variance run over all images of the batch",
        ),
        (
            _exchanged(groups),
            "the number of groups and the number of channels in each are "
            "exchanged",
        ),
        (
            _every_nth(groups),
            "a group consists of every so many-th channel; channels that "
            "follow one another belong together",
        ),
        (
            _of_pixels(groups),
            "a group consists of pixels, not of channels: the reshape takes "
            "the axes in another order",
        ),
        (
            _group_norm(groups, eps=1e-3),
            "the ε under the root is 1e-3, not 1e-5",
        ),
        (
            _group_norm(groups, ddof=1),
            "the variance is divided by one less than the number of values",
        ),
        (
            _scale_of_groups(groups),
            "scale and shift are learned for each group, not for each channel",
        ),
        (_not_applied(groups), "scale and shift exist, but are not applied"),
        (_without_scale(groups), "scale and shift are missing"),
    ]
