"""The checks of the chapter on bottlenecks."""

from collections.abc import Callable, Sequence

import numpy as np

from d2lutils.check.answer import exercise
from d2lutils.check.blocks import bottleneck_block
from d2lutils.check.compare import (
    function,
    integer,
    number,
    same_function,
    same_results,
)
from d2lutils.check.compare import shapes as same_shapes
from d2lutils.check.reference import relu

AXES = ("channels", "height", "width")


@exercise(
    label="ex-bottleneck-cost",
    hint="Write down the input and output shape of each of the three "
    "convolutions; its MACs are its weights times the positions of its "
    "output.",
    second_hint="The convolutions are 1×1 from 512 to 128, 3×3 from 128 to "
    "128 and 1×1 from 128 to 512 channels, and all keep 28 × 28 positions; "
    "each batch normalisation adds two parameters per channel. For the ratio, "
    "divide before you multiply out.",
    why="With twice the channels each position costs four times as much, "
    "and with half the sides a quarter of the positions is left: every "
    "block with an identity shortcut costs the same in all stages. Read "
    "on in the chapter The ResNet Family, where we count whole networks "
    "in this way, and in He et al. (2016), Table 1.",
    read="resnet_family#what-the-family-costs",
)
def bottleneck_cost(
    shapes: Sequence[Sequence[int]], parameters: int, macs: int, ratio: float
) -> None:
    """Check shapes, parameters and MACs of a bottleneck, and their ratio."""
    c, positions = 128, 28**2
    outputs = c, c, 4 * c
    same_shapes(
        "shapes",
        shapes,
        [(channels, 28, 28) for channels in outputs],
        [
            {
                (28, 28, channels): f"`shapes[{i}]` has its axes in another "
                "order: it should be channels, height, width",
                (channels, 26, 26): f"`shapes[{i}]` is the shape after a "
                "convolution without padding; ours keep height and width",
            }
            for i, channels in enumerate(outputs)
        ],
        AXES,
    )
    weights = 17 * c**2
    projection = 16 * c**2
    integer(
        "parameters",
        parameters,
        weights + 12 * c,
        {
            weights: "`parameters` counts the convolutions only; batch "
            "normalisation has parameters as well",
            weights + 6 * c: "`parameters` has one number per channel too "
            "few: each batch normalisation learns a scale and a shift",
            weights + 18 * c: "`parameters` has one vector too many for each "
            "convolution: those before batch normalisation have no bias",
            weights + 24 * c: "`parameters` counts the running statistics, "
            "which are stored but not learned",
            weights + projection + 20 * c: "`parameters` counts a projection, "
            "but the shortcut is the identity",
            18 * c**2 + 4 * c: "`parameters` is the number for a basic "
            "block with 128 channels",
        },
    )
    integer(
        "macs",
        macs,
        weights * positions,
        {
            2 * weights * positions: "`macs` counts FLOPs: a multiplication "
            "and an addition are one MAC",
            (weights + 12 * c) * positions: "`macs` counts batch "
            "normalisation; only the convolutions are counted",
            (weights + projection) * positions: "`macs` counts a projection, "
            "but the shortcut is the identity",
            weights: "`macs` is the number of weights; each is used at every "
            "position",
        },
    )
    number(
        "ratio",
        ratio,
        1,
        {
            4: "`ratio` compares the weights, but there are also fewer "
            "positions",
            0.25: "`ratio` compares the positions, but there are also more "
            "weights",
        },
    )


def _weights(C, r):
    return 2 * C * (C // r) + 9 * (C // r) ** 2


@exercise(
    label="ex-bottleneck-reduction",
    hint="Inside there are C / r channels; each 1×1 convolution connects "
    "them with the C channels outside, and the 3×3 connects them with "
    "each other.",
    second_hint="Write both numbers with the width w = C / r: the 1×1 "
    "convolutions have 2 · C · w weights, the 3×3 has 9 · w². Divide one by "
    "the other.",
    why="A larger reduction soon makes the 3×3 convolution cheap, and what "
    "is left is the cost of the 1×1 convolutions, which have all C "
    "channels on one side. Later networks take another way: they group "
    "the 3×3 convolution and widen it again. Read on in the exercise on "
    "the grouped bottleneck, and in Xie et al. (2017).",
    read="bottleneck#reduce-convolve-restore",
)
def reduction(weights: Callable, smallest: int) -> None:
    """Check the weights of a bottleneck as a function of its reduction."""
    cases = [(256, 4), (256, 8), (512, 4), (64, 2), (96, 3), (32, 1)]
    rng = np.random.default_rng(1)
    drawn = [
        (r * int(rng.integers(1, 99)), r)
        for r in [5, 7, 16, *rng.integers(1, 33, 9).tolist()]
    ]
    same_results(
        "weights",
        weights,
        _weights,
        cases,
        mistakes=[
            (
                lambda C, r: C * (C // r) + 9 * (C // r) ** 2,
                "`weights` counts one 1×1 convolution; there are two",
            ),
            (
                lambda C, r: _weights(C, r) + 4 * (C // r) + 2 * C,
                "`weights` counts the parameters of batch normalisation, too",
            ),
            (
                lambda C, r: 2 * C * (C // r) + 9 * C**2,
                "`weights` gives the 3×3 convolution C channels, but it "
                "works between the 1×1 convolutions",
            ),
            (
                lambda C, r: 2 * C * (C // r) + (C // r) ** 2,
                "`weights` counts the kernel in the middle as 1×1",
            ),
            (
                lambda C, r: 17 * (C // 4) ** 2,
                "`weights` is right for r = 4 only",
            ),
        ],
        more=drawn,
    )
    integer(
        "smallest",
        smallest,
        5,
        {
            4: "`smallest` is the reduction for which the 3×3 convolution "
            "still has more weights, if only a few",
            9: "`smallest` compares the 3×3 with a single 1×1 convolution, or "
            "both of them with one",
            10: "`smallest` compares the 3×3 with a single 1×1 convolution, "
            "or both of them with one",
        },
    )


CASES = [  # what is said, input, channels inside, stride
    ("with an identity shortcut", (2, 32, 6, 6), 8, 1),
    ("with a projection of stride 1", (2, 8, 6, 6), 8, 1),
    ("with stride 2", (2, 16, 7, 7), 8, 2),
]


def _same_block(Bottleneck, cases):
    """Compare an answer, and its expansion if it is a class, in each case."""
    if isinstance(Bottleneck, type):
        expansion = getattr(Bottleneck, "expansion", 4)
        integer("Bottleneck.expansion", expansion, 4)
    for case, inputs, channels, stride in cases:
        same_function(
            Bottleneck,
            bottleneck_block(channels, 4 * channels, stride),
            inputs,
            arguments=(inputs[1], channels, stride),
            case=case,
            mistakes=_variants(channels, 4 * channels, stride),
        )


@exercise(
    label="ex-bottleneck-block",
    hint="Go through the block from the input to the last ReLU and write "
    "down, for each layer, its input and output channels, its stride "
    "and what follows it.",
    second_hint="In order: 1×1 to `channels`, 3×3 with the stride, 1×1 to 4 · "
    "`channels`, each with batch normalisation, the first two with a ReLU; "
    "then the addition, then a ReLU. The shortcut has a 1×1 convolution with "
    "the stride and batch normalisation if the stride is not 1 or the number "
    "of channels changes.",
    why="With this block and the class ResNet, the networks ResNet-50, 101 "
    "and 152 are one line of code each. Read on in the chapter The "
    "ResNet Family, and in He et al. (2016), Section 4.1.",
    read="resnet_family#one-blueprint",
)
def bottleneck(Bottleneck: Callable) -> None:
    """Check a bottleneck for three shapes (tolerance 1e-3)."""
    _same_block(Bottleneck, CASES)


@exercise(
    label="ex-bottleneck-stride",
    hint="Follow one number of the input that is neither in an even row nor "
    "in an even column. Which convolution drops it?",
    second_hint="A 1×1 convolution with stride 2 reads one position in four "
    "and throws the others away. Which convolution of the block sees all "
    "positions even with stride 2?",
    why="You have turned ResNet v1 into v1.5. Both networks work, and they "
    "have the same names and shapes, so weights of one load into the "
    "other without a warning: before you exchange weights, ask where "
    "the stride is. Read on in The Same Numbers in Three Frameworks, "
    "and in He et al. (2019), who measured what the position of the "
    "stride is worth.",
    read="same_numbers#moving-a-network",
)
def skipping_bottleneck(Bottleneck: Callable) -> None:
    """Check the mended bottleneck, with stride 2 first (tolerance 1e-3)."""
    _same_block(Bottleneck, reversed(CASES))


@exercise(
    label="ex-bottleneck-grouped",
    hint="A grouped convolution with g groups connects each output channel "
    "with one g-th of the input channels; all three frameworks have an "
    "argument for it.",
    second_hint="Only the 3×3 convolution is grouped, and it has 9 · c² / "
    "groups weights for c channels inside. Compute the weights of all three "
    "convolutions for c = 32, 64, 96 and so on.",
    why="With groups, more channels inside add little to the cost of the "
    "3×3 convolution, and the 1×1 convolutions mix what the groups keep "
    "apart. At equal cost, Xie et al. (2017) gained more from more "
    "groups than from more depth or width; with one channel per group "
    "you have the depthwise convolution of MobileNet.",
    read="bottleneck#two-blocks-one-budget",
)
def grouped_bottleneck(GroupedBottleneck: Callable, channels: int) -> None:
    """Check a grouped bottleneck and its width (tolerance 1e-3)."""
    function("GroupedBottleneck", GroupedBottleneck)
    _compare_grouped(GroupedBottleneck)
    integer(
        "channels",
        channels,
        96,
        {
            128: "with 128 channels inside, the block costs a little more "
            "than ours: count exactly, to the last MAC",
            127: "`channels` is not divisible by the 32 groups",
            64: "with 64 channels inside, the block costs about half of ours",
        },
    )


def _compare_grouped(block):
    for case, inputs, inside, outside, stride, groups in [
        ("with one group", (2, 32, 5, 5), 16, 32, 1, 1),
        ("with four groups", (2, 32, 5, 5), 16, 32, 1, 4),
        ("with eight groups and stride 2", (2, 24, 7, 7), 16, 32, 2, 8),
    ]:
        mistakes = _variants(inside, outside, stride, groups)
        same_function(
            block,
            bottleneck_block(inside, outside, stride, groups=groups),
            inputs,
            arguments=(inputs[1], inside, outside, stride, groups),
            case=case,
            mistakes=[*_ungrouped(inside, outside, stride), *mistakes]
            if groups > 1
            else mistakes,
        )


def _ungrouped(inside, outside, stride):
    """Return the block whose 3×3 is not grouped, and what to say of it."""
    return [
        (
            bottleneck_block(inside, outside, stride),
            "the 3×3 convolution is not grouped: it has as many weights as "
            "one without groups",
        )
    ]


def _variants(channels, out_channels, stride, groups=1):
    """Return wrong references and what to say of each."""

    def block(
        X,
        weights,
        training,
        last="after",
        inner=True,
        project=True,
        normalise=True,
    ):
        act = relu if inner else (lambda Y: Y)
        Y = act(weights.batch_norm(weights.conv(X, channels, 1), training))
        Y = weights.conv(Y, channels, 3, stride, padding=1, groups=groups)
        Y = act(weights.batch_norm(Y, training))
        Y = weights.batch_norm(weights.conv(Y, out_channels, 1), training)
        if stride != 1 or X.shape[1] != out_channels or not project:
            X = weights.conv(X, out_channels, 1, stride)
            if normalise:
                X = weights.batch_norm(X, training)
        if last == "before":
            return relu(Y) + X
        if last == "both":
            return relu(relu(Y) + X)
        return Y + X if last == "none" else relu(Y + X)

    def variant(**options):
        return lambda X, weights, training: block(
            X, weights, training, **options
        )

    return [
        (
            bottleneck_block(channels, out_channels, stride, True, groups),
            "the shapes and the parameters are right, but the stride is on "
            "the first 1×1 convolution",
        ),
        (
            variant(last="before"),
            "the last ReLU comes before the addition, not after it",
        ),
        (
            variant(last="both"),
            "there is a ReLU before the addition as well as after it",
        ),
        (variant(last="none"), "no ReLU follows the addition"),
        (
            variant(inner=False),
            "there is no ReLU between the convolutions",
        ),
        (
            variant(project=False),
            "the shortcut has a projection where the shape does not change",
        ),
        (
            variant(normalise=False),
            "no batch normalisation follows the projection on the shortcut",
        ),
    ]
