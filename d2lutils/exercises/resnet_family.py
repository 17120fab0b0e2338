"""The checks of the chapter on the ResNet family."""

import inspect
import math
from collections.abc import Callable, Sequence

import numpy as np

from d2lutils.check.answer import Wrong, exercise
from d2lutils.check.blocks import bottleneck_block
from d2lutils.check.compare import (
    by_how_much,
    choice,
    function,
    integer,
    same_again,
    same_function,
    sequence,
)
from d2lutils.check.compare import number as real
from d2lutils.check.compare import shapes as same_shapes
from d2lutils.check.models import book
from d2lutils.check.recognise import network
from d2lutils.check.reference import global_avg_pool, max_pool, relu

_CHANNELS = (64, 128, 256, 512)


def _resnet(num_blocks, early=False):
    """Return a reference: a ResNet of bottlenecks with 7 classes."""

    def net(X, weights, training):
        Y = weights.conv(X, 64, 7, 2, padding=3)
        Y = relu(weights.batch_norm(Y, training))
        Y = max_pool(Y, 3, 2, padding=1)
        for i, n in enumerate(num_blocks):
            for j in range(n):
                stride = 2 if i and not j else 1
                c = _CHANNELS[i]
                block = bottleneck_block(c, 4 * c, stride, early)
                Y = block(Y, weights, training)
        return weights.dense(global_avg_pool(Y), 7)

    return net


def _size(num_blocks, basic=False):
    """Return the parameters of a ResNet, 3 channels in, without its head."""
    wide = 1 if basic else 4
    total, before = 3 * 64 * 49 + 2 * 64, 64
    for c, n in zip(_CHANNELS, num_blocks, strict=True):
        inner = 9 * c * c + 2 * c
        for _ in range(n):
            after = wide * c
            if basic:
                total += 9 * before * c + 2 * c + inner
            else:
                total += before * c + 2 * c + inner + c * after + 2 * after
            if before != after:
                total += before * after + 2 * after
            before = after
    return total


_NOT_RESNET26 = [
    (_size((2, 2, 2, 2), basic=True), "this is ResNet-18, of basic blocks"),
    (_size((3, 4, 6, 3)), "this is ResNet-50: it has too many blocks"),
    (_size((1, 2, 4, 1)), "the blocks are not distributed equally"),
    (_size((1, 1, 1, 1)), "there is one block per stage, which is ResNet-14"),
]


def _spy(block, expansion, calls):
    """Return a kind of block that notes what each block is told."""

    def note(self, in_channels, channels, stride=1):
        calls.append((in_channels, channels, stride))
        block.__init__(self, in_channels, channels, stride)

    return type(
        block.__name__,
        (block,),
        {
            "__init__": note,
            "expansion": expansion,
        },
    )


def _compare_calls(case, calls, expansion):
    """Compare what the blocks of a stage are told when they are made."""
    if len(calls) != 3:
        few = "few" if len(calls) < 3 else "many"
        raise Wrong(f"{case}: there are too {few} blocks: {len(calls)}")
    expected, count = 16, ("first", "second", "third")
    for which, (arrive, inside, stride) in zip(count, calls, strict=True):
        if arrive != expected:
            raise Wrong(
                f"{case}: the {which} block is told that {arrive} channels "
                "arrive, and it is another number that does"
            )
        if inside != 8:
            raise Wrong(
                f"{case}: the {which} block is told to have {inside} "
                "channels inside"
            )
        if stride != (2 if which == "first" else 1):
            raise Wrong(f"{case}: the {which} block has stride {stride}")
        expected = 8 * expansion


def _stage_of(channels, out_channels, stride, num_blocks):
    def net(X, weights, training):
        for i in range(num_blocks):
            block = bottleneck_block(
                channels, out_channels, 1 if i else stride
            )
            X = block(X, weights, training)
        return X

    return net


AXES = ("channels", "height", "width")


@exercise(
    label="ex-resnet-family-larger",
    hint="Count how often each side is halved, and ask of each part at how "
    "many positions it works.",
    second_hint="The stem divides the sides by 4, each later stage by 2 once "
    "more. A convolution works once per position, so its cost grows like (320 "
    "/ 224)². Which layer comes after the average over all positions?",
    why="A convolutional network with global average pooling takes images of "
    "any size, and its cost grows with their area. Its parameters do not "
    "change, so you can test on larger images than you trained on. Read on "
    "in the table of ResNet-50 in this chapter.",
    read="resnet_family#resnet-50-stage-by-stage",
)
def larger_images(
    shapes: Sequence[Sequence[int]], factor: float, part: str
) -> None:
    """Check what larger images do to ResNet-101 (factor: 1 %)."""
    sides = 80, 40, 20, 10
    right = [
        (4 * channels, side, side)
        for channels, side in zip(_CHANNELS, sides, strict=True)
    ]
    mistakes = [
        {
            (c // 4, side, side): f"`shapes[{i}]` has the channels inside "
            "the blocks; a bottleneck outputs more",
            (side, side, c): f"`shapes[{i}]` has its axes in another order: "
            "channels, height, width are asked for",
        }
        for i, (c, side, _) in enumerate(right)
    ]
    same_shapes("shapes", shapes, right, mistakes, AXES)
    ratio = 320 / 224
    real(
        "factor",
        factor,
        ratio**2,
        {
            ratio: "`factor` is that of the sides; a convolution works on "
            "an area",
            ratio**4: "`factor` squares the ratio of the areas",
        },
        tolerance=0.01,
    )
    grows = "works at more positions if the image is larger"
    free = "does no MACs that are counted, for any image"
    choice(
        "part",
        part,
        "fc",
        {name: f'"{name}" {grows}' for name in ("conv1", *_STAGES)}
        | {
            name: f'"{name}" {free}'
            for name in ("bn1", "relu", "pad", "maxpool", "avgpool", "flatten")
        },
    )


_STAGES = ("layer1", "layer2", "layer3", "layer4")


@exercise(
    label="ex-resnet-family-depths",
    hint="Write the depth as a sum: the layers that are always there, and "
    "those that each block adds.",
    second_hint="The first convolution and the last layer are always there, "
    "and each bottleneck adds three layers: depth = 3 · blocks + 2. At least "
    "four blocks are needed.",
    why="The name of a ResNet fixes the number of its blocks but not their "
    "stages. Bottlenecks allow every third depth, basic blocks every second. "
    "Read on in the exercise on blocks that move.",
    read="resnet_family#what-the-numbers-count",
)
def num_blocks(num_blocks: Callable) -> None:
    """Check the number of bottlenecks that make a depth."""
    function("num_blocks", num_blocks)
    for depth in (50, 101, 152, 26, 38, 40, *range(290, 0, -1), *range(60)):
        found = num_blocks(depth)
        blocks, rest = divmod(depth - 2, 3)
        call = f"`num_blocks({depth})`"
        if found is None:
            if rest == 0 and blocks >= 4:
                raise Wrong(f"{call} returns None, but there is one")
            continue
        integer(f"num_blocks({depth})", found, int(found))
        if rest:
            raise Wrong(
                f"{call} returns a number, but so many blocks do not make a "
                f"network of {depth} layers"
            )
        if blocks < 4:
            raise Wrong(
                f"{call} returns a number, but some stage would be left "
                "without a block"
            )
        integer(
            f"num_blocks({depth})",
            found,
            blocks,
            {
                (depth - 2) // 2: f"{call} is that of basic blocks; a "
                "bottleneck has more layers",
                depth // 3: f"{call} counts blocks in the layers that are "
                "in none",
            },
        )


_CONVOLVED = (  # channels that leave the convolutions of ResNet-152
    64
    + sum(
        6 * c * n + 4 * c
        for c, n in zip(_CHANNELS, (3, 8, 36, 3), strict=True)
    )
)
_ALL = 60_192_808


@exercise(
    label="ex-resnet-family-share",
    hint="Add the output channels of all convolutions, four projections "
    "included, and ask what a batch normalisation learns for each channel.",
    second_hint="In a stage of n blocks with c channels inside, each block "
    "has c, c and 4c channels after its convolutions, and the first has 4c "
    "more for the projection. Do not forget the 64 of the stem; each channel "
    "has two parameters.",
    why="Batch normalisation has half of the layers and hardly any "
    "parameters: counts of parameters say little about where a network "
    "spends its time. Batch normalisation reads all numbers of its input and "
    "does very little with each, so it mostly waits for memory; in "
    "evaluation it can be merged into the convolution before it. Read on in "
    "What a Layer Costs.",
    read="bottleneck#what-a-layer-costs",
)
def batch_norm_share(
    number: int, of_parameters: float, of_layers: float
) -> None:
    """Check the share of batch normalisation in ResNet-152 (1 %)."""
    right = 2 * _CONVOLVED
    integer(
        "number",
        number,
        right,
        {
            _CONVOLVED: "`number` counts one number per channel; batch "
            "normalisation learns a scale and a shift",
            2 * right: "`number` counts the running statistics, which are "
            "not learned",
            right - 2 * 4 * sum(_CHANNELS): "`number` leaves out the batch "
            "normalisations of the projections",
            right - 2 * 64: "`number` leaves out the batch normalisation of "
            "the stem",
        },
    )
    real(
        "of_parameters",
        of_parameters,
        right / _ALL,
        {
            100 * right / _ALL: "`of_parameters` is a percentage; hand in a "
            "fraction",
            right / (_ALL - right): "`of_parameters` compares with the other "
            "parameters, not with all",
        },
        tolerance=0.002,
    )
    real(
        "of_layers",
        of_layers,
        155 / 311,
        {
            155 / 156: "`of_layers` compares with the other layers, not with "
            "all",
            155 / 152: "`of_layers` compares with the layers that the name "
            "counts; batch normalisation is not among them",
            100 * 155 / 311: "`of_layers` is a percentage; hand in a fraction",
        },
        tolerance=0.01,
    )


def _parameters(c):
    return 17 * c**2 + 12 * c


@exercise(
    label="ex-resnet-family-moved",
    hint="The blocks that move have identity shortcuts: write down the "
    "parameters and the MACs of one of them in each of the three stages.",
    second_hint="A block with an identity shortcut and c channels inside has "
    "17c² + 12c parameters. Subtract those of c = 256 from those of c = 64 or "
    "512, ten times. Its MACs are 17c² times the positions of its stage.",
    why="A weight is stored once and used at every position. So fifty blocks "
    "cost the same arithmetic in any distribution, but they have many "
    "parameters at the end and many activations at the beginning. Read on in "
    "ResNet-50, Stage by Stage, where two columns show this.",
    read="resnet_family#resnet-50-stage-by-stage",
)
def moved_blocks(to_stage_1: Sequence[int], to_stage_4: Sequence[int]) -> None:
    """Check what moving ten blocks of ResNet-152 changes."""
    for name, value, c in [
        ("to_stage_1", to_stage_1, 64),
        ("to_stage_4", to_stage_4, 512),
    ]:
        right = 10 * (_parameters(c) - _parameters(256))
        plain = 170 * (c**2 - 256**2)
        sequence(
            name,
            value,
            (right, 0),
            {
                (-right, 0): f"`{name}` has the wrong sign: compare the "
                "parameters of a block there with those in stage 3",
                (right // 10, 0): f"`{name}` is that of one block; ten move",
                (plain, 0): f"`{name}` counts the convolutions only; batch "
                "normalisation has parameters as well",
                (10 * _parameters(c), 0): f"`{name}` counts what is added; "
                "something is also taken away",
                (right, plain * 14**2): f"`{name}` takes all blocks to work "
                "on images of one size",
            },
            entry=("parameters", "MACs"),
        )


@exercise(
    label="ex-resnet-family-26",
    hint="From the previous exercise you know how many blocks there are; the "
    "class ResNet takes a block and four numbers.",
    second_hint="26 = 3 · 8 + 2, so eight bottlenecks have to be spread over "
    "four stages; hand `Bottleneck` and the four numbers to `ResNet`.",
    why="A depth between the published ones costs one line, because the "
    "family is one class with two arguments. ResNet-26 has fewer "
    "parameters than ResNet-34 and does about two thirds of its "
    "arithmetic. Read on in the chapter ResNet-18, where the class is "
    "written.",
    read="resnet18#the-whole-network",
)
def resnet26(resnet26: Callable) -> None:
    """Check ResNet-26, with 7 classes and 3 channels (tolerance 1e-3)."""
    options = {"num_classes": 7, "in_channels": 3}
    net, backend = network(resnet26, (), options)
    backend.forward(net, np.zeros((1, 3, 24, 24), np.float32), False)
    size = sum(math.prod(v.shape) for v in backend.parameters(net))
    for body, words in _NOT_RESNET26:
        width = 512 if "basic" in words else 2048
        if size == body + 7 * (width + 1):
            raise Wrong(words)
    same_function(
        net,
        _resnet((2, 2, 2, 2)),
        (1, 3, 24, 24),
        modes=(False,),
        statistics=False,
        mistakes=[
            (
                _resnet((2, 2, 2, 2), early=True),
                "the parameters fit, but the strides are on the first 1×1 "
                "convolutions",
            )
        ],
    )
    # A second network would take too long: look at the defaults only.
    for name, default in ("num_classes", 10), ("in_channels", 1):
        given = inspect.signature(resnet26).parameters.get(name)
        if given is None or given.default is given.empty:
            raise Wrong(f"`{name}` has no default, so `resnet26()` fails")
        integer(f"the default of {name}", given.default, default)


@exercise(
    label="ex-resnet-family-stage",
    hint="Compare what leaves the first block with what the second block is "
    "told to expect.",
    second_hint="After the first block, `channels` times the block's "
    "`expansion` channels arrive at the next one.",
    why="A mistake that affects only one kind of block is never found by a "
    "test with the other kind. The number of channels inside a block and the "
    "number between blocks are different things that happen to be equal in "
    "ResNet-18. Read on in the chapter ResNet-18, where `stage` is written.",
    read="resnet18#stages",
)
def stage_of_bottlenecks(stage: Callable) -> None:
    """Check a stage of bottlenecks, basic and other blocks."""
    function("stage", stage)
    _, models = book(stage)
    for name, block, expansion in [
        ("basic blocks", models.BasicBlock, 1),
        ("bottlenecks", models.Bottleneck, 4),
        ("blocks of expansion 2", models.Bottleneck, 2),
    ]:
        calls = []
        stage(_spy(block, expansion, calls), 16, 8, 3, 2)
        if calls:  # else the blocks are not made as the book makes them
            _compare_calls(f"three {name}", calls, expansion)
    same_function(
        stage,
        _stage_of(8, 32, 2, 2),
        (2, 16, 7, 7),
        arguments=(models.Bottleneck, 16, 8, 2, 2),
        modes=(False,),
        statistics=False,
        case="two bottlenecks",
    )


@exercise(
    label="ex-resnet-family-activations",
    hint="Take `num_macs` and change the rule by which a layer is counted: "
    "its output has a shape, of which one axis is the batch.",
    second_hint="For each convolution, multiply the channels, the height and "
    "the width of the output. Leave out the batch axis and the last layer.",
    why="Arithmetic, parameters and activations are three different costs, "
    "and a network can be cheap in one and expensive in another. The "
    "third decides how large a batch can be. Read on in the exercise On a "
    "budget.",
    read="resnet_family#what-the-family-costs",
)
def num_activations(num_activations: Callable) -> None:
    """Check the count of activations, for a block and a small network."""
    function("num_activations", num_activations)
    backend, models = book(num_activations)
    for name, net, batch, image, right, dense, whole in [
        (
            "Bottleneck(16, 8, stride=2)",
            models.Bottleneck(16, 8, 2),
            3,
            (16, 6, 6),
            8 * 36 + (8 + 32 + 32) * 9,
            0,
            16 * 36 + 8 * 36 + 8 * 9 + 16 * 36,
        ),
        (
            "ResNet(BasicBlock, (1, 1, 1, 1), 10, 3)",
            models.ResNet(models.BasicBlock, (1, 1, 1, 1), 10, 3),
            1,
            (3, 32, 32),
            64 * 256 + 2 * 64 * 64 + 3 * (128 * 16 + 256 * 4 + 512),
            10,
            0,
        ),
        (
            "SmallResNet(PlainBlock, 1)",
            models.SmallResNet(models.PlainBlock, 1),
            6,
            (1, 12, 20),
            3 * 16 * 240 + 2 * 32 * 60 + 2 * 64 * 15,
            10,
            0,
        ),
    ]:
        sizes = backend.shown((batch, *image))
        X = np.random.default_rng(0).standard_normal((batch, *image))
        before = backend.forward(net, X)
        found, again = (num_activations(net, sizes) for _ in range(2))
        integer(
            f"num_activations({name}, {sizes})",
            found,
            right,
            {
                batch * right: "the count grows with the batch; it should be "
                f"that of one image ({name}, shape {sizes})",
                right + dense: f"{name}: the output of the fully connected "
                "layer is counted as well",
                2 * right: f"{name}: the outputs of batch normalisation are "
                "counted as well",
                whole: f"{name}: the inputs of the convolutions are counted",
            },
            by_how_much,
        )
        same_again(f"num_activations({name}, {sizes})", found, again, 0)
        if not np.allclose(backend.forward(net, X), before, atol=1e-5):
            raise Wrong(
                f"`num_activations` has changed the network ({name}): it "
                "does not compute what it did before",
                "In training mode, running statistics move.",
            )
