"""ResNet-50 from the input image to the thousand class scores."""

from itertools import pairwise

from shapes import Box, Figure

WIDTH, HEIGHT = 440, 1812
X = 178  # the main path
BOX, BLOCK, LAYER = (188, 26), (268, 62), 46
GAP = 14
BETWEEN = 34  # between two parts of the network
ARC = 338
STAGES = [(64, 1, 3, 56), (128, 2, 4, 28), (256, 2, 6, 14), (512, 2, 3, 7)]


def block(
    figure: Figure, start: float, channels: int, stride: int, projects: bool
) -> Box:
    """Draw a bottleneck below `start`; return its plus sign."""
    branch = X, start + 6
    frame = Box(X - BLOCK[0] / 2, start + 22, *BLOCK)
    figure.rect(frame, "group outline", 8)
    wide = f"{channels}, stride {stride}" if stride > 1 else f"{channels}"
    boxes, y = [], frame.y + 8
    for x, width, kernel, text in [
        (X - 94, 60, 1, f"{channels}"),
        (X, 100, 3, wide),
        (X + 94, 60, 1, f"{4 * channels}"),
    ]:
        lines = f"{kernel}×{kernel}", text
        boxes.append(figure.box((x, y), (width, LAYER), lines, "conv"))
    for before, after in pairwise(boxes):
        figure.arrow([before.right, after.left])
    add = figure.plus((X, frame.bottom[1] + GAP + 9), 9)
    figure.arrow([(X, start), frame.top])
    figure.arrow([frame.bottom, add.top])
    style = "projection thick dashed" if projects else "shortcut thick"
    corners = (ARC, branch[1]), (ARC, add.right[1])
    figure.arrow([branch, *corners, add.right], style, 20)
    figure.dot(branch, style.split()[0])
    return add


def stage(figure: Figure, y: float, number: int) -> tuple[float, str]:
    """Draw a stage below `y`; return where it ends, and the shape there."""
    channels, stride, blocks, side = STAGES[number - 1]
    top, start = y + BETWEEN, y + BETWEEN + 38
    figure.line([(X, y), (X, start)])
    first = block(figure, start, channels, stride, True)
    middle = (start + 6 + first.right[1]) / 2
    text = f"1×1, {4 * channels}"
    figure.label((ARC + 9, middle - 9), text, "small start")
    figure.label((ARC + 9, middle + 9), f"stride {stride}", "small start")
    last = block(figure, first.bottom[1], channels, 1, False)
    middle = (first.bottom[1] + 6 + last.right[1]) / 2
    figure.label((ARC + 9, middle), f"× {blocks - 1}", "strong start")
    end = last.bottom[1] + 12
    part(figure, f"Stage {number}", top, end)
    figure.label((WIDTH - 28, top + 20), f"{blocks} blocks", "small muted end")
    return end, f"{4 * channels}×{side}×{side}"


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
        "the first two in a block and every addition.",
        "Weight layers: 1 + 3 × (3 + 4 + 6 + 3) + 1 = 50.",
    ]:
        figure.label((30, y), text, "small muted start")
        y += 20


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "resnet50",
        "The stages of ResNet-50",
        "A column, read from top to bottom, with the shape of the data "
        "after each part. The input is 3×224×224. The stem is a 7×7 "
        "convolution with 64 channels and stride 2, batch normalisation and "
        "ReLU, giving 64×112×112, then 3×3 max pooling with stride 2, "
        "giving 64×56×56. Four stages of bottleneck blocks follow, of 3, 4, "
        "6 and 3 blocks. The first block of each stage has a dashed "
        "projection shortcut, a 1×1 convolution; all others have an "
        "identity shortcut. Stage 1 has stride 1 and gives 256×56×56. In "
        "stages 2, 3 and 4 the 3×3 convolution and the projection of the "
        "first block have stride 2, and the stages give 512×28×28, "
        "1024×14×14 and 2048×7×7. Global average pooling gives 2048 "
        "numbers and a fully connected layer 1000.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    figure.label((X, 24), "3×224×224 image")
    stem = [
        figure.box((X, 72), BOX, "7×7 conv, 64, stride 2", "conv"),
        figure.box((X, 112), BOX, "batch norm, ReLU", "norm"),
        figure.box((X, 172), BOX, "3×3 max pool, stride 2", "pool"),
    ]
    figure.arrow([(X, 36), stem[0].top])
    figure.chain(stem)
    part(figure, "Stem", stem[0].y - 16, stem[-1].bottom[1] + 12)
    shape(figure, (stem[1].bottom[1] + stem[2].y) / 2, "64×112×112")

    y, text = stem[-1].bottom[1] + 12, "64×56×56"
    figure.line([stem[-1].bottom, (X, y)])
    for number in range(1, len(STAGES) + 1):
        shape(figure, y + BETWEEN / 2, text)
        y, text = stage(figure, y, number)
    shape(figure, y + BETWEEN / 2, text)
    pool = figure.box(
        (X, y + BETWEEN + 12), BOX, "global average pool", "pool"
    )
    dense = figure.box(
        (X, pool.bottom[1] + BETWEEN), BOX, "fully connected", "dense"
    )
    figure.arrow([(X, y - 12), pool.top])
    figure.arrow([pool.bottom, dense.top])
    end = X, dense.bottom[1] + 36
    figure.arrow([dense.bottom, end])
    shape(figure, pool.bottom[1] + BETWEEN / 2, text.split("×")[0])
    figure.label((X, end[1] + 14), "1000 class scores")
    legend(figure, end[1] + 54)
    return figure


def shape(figure: Figure, y: float, text: str) -> None:
    """Write the shape of the data beside the main path."""
    figure.label((X + 14, y), text, "start")


def part(figure: Figure, name: str, top: float, bottom: float) -> None:
    """Outline and name a part of the network."""
    figure.rect(Box(16, top, WIDTH - 32, bottom - top), "group outline", 8)
    figure.label((28, top + 20), name, "strong start")
