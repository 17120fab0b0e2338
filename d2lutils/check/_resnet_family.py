"""The checks of the chapter on the ResNet family."""

from ._answer import Wrong, exercise
from ._compare import choice, function, integer, sequence, shape
from ._compare import number as real
from ._resnet_networks import num_activations, resnet26, stage_of_bottlenecks
from ._resnet_reference import CHANNELS

__all__ = [
    "batch_norm_share",
    "larger_images",
    "moved_blocks",
    "num_activations",
    "num_blocks",
    "resnet26",
    "stage_of_bottlenecks",
]

AXES = ("channels", "height", "width")


@exercise(
    label="ex-resnet-family-larger",
    hint="Count how often each side is halved on the way, and ask of each "
    "part at how many positions it works.",
    why="A convolutional network with global average pooling takes images of "
    "any size, and its cost grows with their area. Testing on larger "
    "images than those of training is a cheap way to a better accuracy, "
    "and the parameters do not even notice. Read on in the table of "
    "ResNet-50 in this chapter.",
)
def larger_images(shapes, factor, part):
    """Check what larger images do to ResNet-101 (factor: 1 %)."""
    if not isinstance(shapes, list | tuple) or len(shapes) != 4:
        raise Wrong("`shapes` has to be a list of four shapes, one a stage")
    for i, (channels, side) in enumerate(
        zip(CHANNELS, (80, 40, 20, 10), strict=True)
    ):
        right = 4 * channels, side, side
        shape(
            f"shapes[{i}]",
            shapes[i],
            right,
            {
                (channels, side, side): f"`shapes[{i}]` has the channels "
                "inside the blocks; a bottleneck puts out more",
                (side, side, 4 * channels): f"`shapes[{i}]` has its axes in "
                "another order: channels, height, width are asked for",
            },
            axes=AXES,
        )
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
    hint="Write the depth as a sum: what is there always, and what one more "
    "block adds.",
    why="The name of a ResNet fixes the number of its blocks and nothing "
    "about where they stand. Bottlenecks allow every third depth, basic "
    "blocks every second. Read on in the exercise on blocks that move.",
)
def num_blocks(num_blocks):
    """Check the number of bottlenecks that make a depth."""
    function("num_blocks", num_blocks)
    for depth in (50, 101, 152, 26, 38, 40, *range(200, 0, -1)):
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
        6 * c * n + 4 * c for c, n in zip(CHANNELS, (3, 8, 36, 3), strict=True)
    )
)
_ALL = 60_192_808


@exercise(
    label="ex-resnet-family-share",
    hint="Add the output channels of all convolutions, four projections "
    "included, and ask what a batch normalisation learns for each channel.",
    why="Half of the layers and hardly any parameters: counts of parameters "
    "say little about where the time of a network goes. Batch "
    "normalisation goes through all numbers of its input and does next to "
    "nothing with each, so memory is what it waits for; in evaluation it "
    "can be merged into the convolution before it. Read on in What a "
    "Layer Costs.",
)
def batch_norm_share(number, of_parameters, of_layers):
    """Check the share of batch normalisation in ResNet-152 (1 %)."""
    right = 2 * _CONVOLVED
    integer(
        "number",
        number,
        right,
        {
            _CONVOLVED: "`number` counts one number a channel; batch "
            "normalisation learns a scale and a shift",
            2 * right: "`number` counts the running statistics, which are "
            "not learned",
            right - 2 * 4 * sum(CHANNELS): "`number` leaves out the batch "
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
            100 * right / _ALL: "`of_parameters` is a percentage; a fraction "
            "is asked for",
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
            100 * 155 / 311: "`of_layers` is a percentage; a fraction is "
            "asked for",
        },
        tolerance=0.01,
    )


def _parameters(c):
    return 17 * c**2 + 12 * c


@exercise(
    label="ex-resnet-family-moved",
    hint="The blocks that move have identity shortcuts: write down the "
    "parameters and the MACs of one of them in each of the three stages.",
    why="A weight is stored once and used at every position. So fifty blocks "
    "cost the same arithmetic in any distribution, but many parameters at "
    "the end and many activations at the beginning. Read on in ResNet-50, "
    "Stage by Stage, where the two columns tell these two stories.",
)
def moved_blocks(to_stage_1, to_stage_4):
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
