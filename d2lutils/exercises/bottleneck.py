"""The checks of the chapter on bottlenecks."""

from collections.abc import Callable, Sequence

from d2lutils.check.answer import Wrong, exercise
from d2lutils.check.blocks import bottleneck_block
from d2lutils.check.compare import (
    function,
    integer,
    number,
    same_function,
    same_results,
    shape,
)
from d2lutils.check.reference import relu

AXES = ("channels", "height", "width")


@exercise(
    label="ex-bottleneck-cost",
    hint="Write down what each of the three convolutions gets and returns; "
    "the cost of each is its weights, times the positions for the MACs.",
    why="Twice the channels make a position four times as expensive, half the "
    "sides leave a quarter of the positions: along a ResNet every block "
    "costs the same, and the depth of a stage alone decides what it "
    "costs. Read on in the chapter The ResNet Family, where whole "
    "networks are counted so, and in He et al. (2016), Table 1.",
)
def bottleneck_cost(
    shapes: Sequence[Sequence[int]], parameters: int, macs: int, ratio: float
) -> None:
    """Check shapes, parameters and MACs of a bottleneck, and their ratio."""
    c, positions = 128, 28**2
    if not isinstance(shapes, list | tuple):
        raise Wrong("`shapes` has to be a list of three shapes")
    if len(shapes) != 3:
        raise Wrong(
            f"`shapes` has {len(shapes)} entries, but the block has three "
            "convolutions on its main path"
        )
    for i, channels in enumerate((c, c, 4 * c)):
        shape(
            f"shapes[{i}]",
            shapes[i],
            (channels, 28, 28),
            {
                (28, 28, channels): f"`shapes[{i}]` has its axes in another "
                "order: channels, height, width are asked for",
                (channels, 26, 26): f"`shapes[{i}]` is that of a convolution "
                "without padding; ours keep height and width",
            },
            axes=AXES,
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
            weights + 6 * c: "`parameters` has one number a channel too few: "
            "each batch normalisation learns a scale and a shift",
            weights + 18 * c: "`parameters` has one vector too many for each "
            "convolution: those before batch normalisation have no bias",
            weights + 24 * c: "`parameters` counts the running statistics, "
            "which are stored, but not learned",
            weights + projection + 20 * c: "`parameters` counts a projection, "
            "but the shortcut is the identity",
            18 * c**2 + 4 * c: "`parameters` is that of a basic block with "
            "128 channels",
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
            4: "`ratio` compares the weights; there are also fewer positions",
            0.25: "`ratio` compares the positions; there are also more "
            "weights",
        },
    )


def _weights(C, r):
    return 2 * C * (C // r) + 9 * (C // r) ** 2


@exercise(
    label="ex-bottleneck-reduction",
    hint="Inside there are C / r channels; each 1×1 convolution connects "
    "them with the C outside, the 3×3 with themselves.",
    why="Narrowing makes the 3×3 convolution cheap very soon, and then what "
    "is left is the price of the 1×1 convolutions on the wide side. That "
    "is why later networks group the 3×3 and widen it again: read on in "
    "the exercise on the grouped bottleneck, and in Xie et al. (2017).",
)
def reduction(weights: Callable, smallest: int) -> None:
    """Check the weights of a bottleneck as a function of its reduction."""
    cases = [(256, 4), (256, 8), (512, 4), (64, 2), (96, 3), (32, 1)]
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
                "`weights` takes the 3×3 convolution to have C channels; it "
                "works between the 1×1 convolutions",
            ),
            (
                lambda C, r: 2 * C * (C // r) + (C // r) ** 2,
                "`weights` takes the kernel in the middle to be 1×1",
            ),
            (
                lambda C, r: 17 * (C // 4) ** 2,
                "`weights` is right for r = 4 only",
            ),
        ],
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
    hint="Go through the block from the input to the last ReLU and name, for "
    "each layer, its channels in and out, its stride and what follows it.",
    why="This block is all of what makes ResNet-50, 101 and 152: with it, and "
    "with the class ResNet, they are one line each. Read on in the "
    "chapter The ResNet Family, and in He et al. (2016), Section 4.1.",
)
def bottleneck(Bottleneck: Callable) -> None:
    """Check a bottleneck for three shapes (tolerance 1e-3)."""
    _same_block(Bottleneck, CASES)


@exercise(
    label="ex-bottleneck-stride",
    hint="Follow one number of the input that is neither in an even row nor "
    "in an even column. Which convolution drops it?",
    why="You have turned ResNet v1 into v1.5. Both are networks that work, "
    "and they share all names and shapes, so that weights of one load "
    "into the other without a word: before you exchange weights, ask "
    "where the stride is. Read on in The Same Numbers in Three "
    "Frameworks, and in He et al. (2019), who measured what the place of "
    "the stride is worth.",
)
def skipping_bottleneck(Bottleneck: Callable) -> None:
    """Check the mended bottleneck, with stride 2 first (tolerance 1e-3)."""
    _same_block(Bottleneck, reversed(CASES))


@exercise(
    label="ex-bottleneck-grouped",
    hint="A grouped convolution with g groups connects each output with one "
    "g-th of the inputs; all three frameworks have an argument for it.",
    why="With groups, channels inside cost hardly anything in the 3×3, and "
    "the 1×1 convolutions mix what the groups keep apart. At equal cost, "
    "Xie et al. (2017) found more groups to be worth more than more depth "
    "or width; one channel a group is the depthwise convolution of "
    "MobileNet.",
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
            "than ours, not the same: count again, to the last MAC",
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
            "without groups",
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
            "the last ReLU stands before the addition, not after it",
        ),
        (
            variant(last="both"),
            "there is a ReLU before the addition as well as after it",
        ),
        (variant(last="none"), "no ReLU follows the addition"),
        (
            variant(inner=False),
            "no ReLU stands between the convolutions",
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
