"""ResNet-18 from the input image to the ten class scores."""

from shapes import Box, Figure

WIDTH, HEIGHT = 440, 1768
X = 196  # the main path
BOX = 190, 26
GAP = 14
BETWEEN = 34  # between two parts of the network
ARC = 332
STAGES = [
    (64, 1, "64×56×56"),
    (128, 2, "128×28×28"),
    (256, 2, "256×14×14"),
    (512, 2, "512×7×7"),
]


def basic_block(
    figure: Figure, start: float, channels: int, stride: int
) -> float:
    """Draw a basic block below `start`; return where it ends."""
    branch = X, start + 6
    step = f", stride {stride}" if stride > 1 else ""
    first = figure.box(
        (X, start + 20), BOX, f"3×3 conv, {channels}{step}", "conv"
    )
    second = figure.box(
        (X, first.bottom[1] + GAP), BOX, f"3×3 conv, {channels}", "conv"
    )
    add = figure.plus((X, second.bottom[1] + GAP + 9), 9)
    figure.arrow([(X, start), first.top])
    figure.chain([first, second, add])
    style = "projection thick dashed" if stride > 1 else "shortcut thick"
    radius = (add.right[1] - branch[1]) / 2
    corners = (ARC, branch[1]), (ARC, add.right[1])
    figure.arrow([branch, *corners, add.right], style, radius)
    figure.dot(branch, style.split()[0])
    if stride > 1:
        y = (branch[1] + add.right[1]) / 2
        figure.label((ARC + 10, y - 9), "1×1 conv,", "small start")
        figure.label((ARC + 10, y + 9), "stride 2", "small start")
    return add.bottom[1]


def legend(figure: Figure, y: float) -> None:
    """Explain the two kinds of shortcut, and what the boxes leave out."""
    for style, text in [
        ("shortcut thick", "identity shortcut"),
        ("projection thick dashed", "projection shortcut, to a new shape"),
    ]:
        figure.arrow([(30, y), (72, y)], style)
        figure.label((84, y), text, "small start")
        y += 24
    y += 4
    for text in [
        "Batch norm follows every convolution; ReLU follows",
        "the first one in a block and every addition.",
        "Weight layers: 1 + 4 × 2 × 2 + 1 = 18.",
    ]:
        figure.label((30, y), text, "small muted start")
        y += 20


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "resnet18",
        "The layers of ResNet-18",
        "A column of layers, read from top to bottom, with the shape of the "
        "data after each part. The input is 1×224×224. The stem is a 7×7 "
        "convolution with 64 channels and stride 2, batch normalisation and "
        "ReLU, giving 64×112×112, then 3×3 max pooling with stride 2, "
        "giving 64×56×56. Four stages of two basic blocks follow, each "
        "block two 3×3 convolutions with an arc, its shortcut, around "
        "them. Stage 1 keeps 64×56×56; stages 2, 3 and 4 give 128×28×28, "
        "256×14×14 and 512×7×7. The first block of stages 2 to 4 has "
        "stride 2 and a dashed projection shortcut; all other shortcuts "
        "are solid identities. Global average pooling gives 512 numbers "
        "and a fully connected layer 10.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    figure.label((X, 24), "1×224×224 image")
    stem = [
        figure.box((X, 72), BOX, "7×7 conv, 64, stride 2", "conv"),
        figure.box((X, 112), BOX, "batch norm", "norm"),
        figure.box((X, 152), BOX, "ReLU", "act"),
        figure.box((X, 212), BOX, "3×3 max pool, stride 2", "pool"),
    ]
    figure.arrow([(X, 36), stem[0].top])
    figure.chain(stem)
    part(figure, "Stem", stem[0].y - 16, stem[-1].bottom[1] + 12)
    shape(figure, (stem[2].bottom[1] + stem[3].y) / 2, "64×112×112")

    y, text = stem[-1].bottom[1], "64×56×56"
    for number, (channels, stride, after) in enumerate(STAGES, start=1):
        start = y + BETWEEN + 24
        shape(figure, y + 12 + BETWEEN / 2, text)
        figure.line([(X, y), (X, start)])
        middle = basic_block(figure, start, channels, stride)
        y = basic_block(figure, middle, channels, 1)
        part(figure, f"Stage {number}", start - 12, y + 12)
        text = after
    shape(figure, y + 12 + BETWEEN / 2, text)
    pool = figure.box(
        (X, y + BETWEEN + 24), BOX, "global average pool", "pool"
    )
    dense = figure.box(
        (X, pool.bottom[1] + BETWEEN), BOX, "fully connected", "dense"
    )
    end = X, dense.bottom[1] + 36
    figure.arrow([(X, y), pool.top])
    figure.chain([pool, dense])
    figure.arrow([dense.bottom, end])
    shape(figure, pool.bottom[1] + BETWEEN / 2, "512")
    figure.label((X, end[1] + 14), "10 class scores")
    legend(figure, end[1] + 54)
    return figure


def shape(figure: Figure, y: float, text: str) -> None:
    """Write the shape of the data beside the main path."""
    figure.label((X + 14, y), text, "start")


def part(figure: Figure, name: str, top: float, bottom: float) -> None:
    """Outline and name a part of the network."""
    figure.rect(Box(16, top, WIDTH - 32, bottom - top), "group outline", 8)
    figure.label((28, top + 20), name, "strong start")
