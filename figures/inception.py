"""An Inception block: four parallel paths, joined along the channels."""

from shapes import Box, Figure

WIDTH, HEIGHT = 480, 396
COLUMNS = 66, 182, 298, 414
BOX = 104, 46
BRANCH, UPPER, LOWER, JOIN = 76, 104, 190, 296
LEFT, LENGTH, TALL = 32, 416, 30  # of the bar of channels
CHANNELS = 64, 128, 32, 32
UPPER_ROW = (
    None,
    (("1×1 conv", "96"), "conv"),
    (("1×1 conv", "16"), "conv"),
    (("3×3 max", "pooling"), "pool"),
)
LOWER_ROW = ("1×1 conv", "3×3 conv", "5×5 conv", "1×1 conv")


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "inception",
        "An Inception block",
        "Read from top to bottom. The input of shape 192×28×28 goes into "
        "four parallel paths. The first is a 1×1 convolution with 64 "
        "channels. The second is a 1×1 convolution with 96 channels and a "
        "3×3 convolution with 128. The third is a 1×1 convolution with 16 "
        "channels and a 5×5 convolution with 32. The fourth is a 3×3 "
        "maximum pooling with stride 1 and a 1×1 convolution with 32 "
        "channels. A bar below, divided in proportion into 64, 128, 32 and "
        "32 channels, is the concatenation of the four results, of shape "
        "256×28×28.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    middle = WIDTH / 2
    figure.label((middle, 24), "192×28×28")
    figure.line([(middle, 38), (middle, BRANCH)])
    figure.dot((middle, BRANCH))

    x = LEFT
    for column, above, below, channels in zip(
        COLUMNS, UPPER_ROW, LOWER_ROW, CHANNELS, strict=True
    ):
        lower = figure.box(
            (column, LOWER), BOX, (below, str(channels)), "conv"
        )
        first = lower
        if above:
            first = figure.box((column, UPPER), BOX, *above)
            figure.chain([first, lower])
        figure.arrow([(middle, BRANCH), (column, BRANCH), first.top])

        width = LENGTH * channels / sum(CHANNELS)
        part = Box(x, JOIN, width, TALL)
        figure.rect(part, "box dense", 0)
        figure.label(part.centre, str(channels))
        figure.arrow([lower.bottom, part.top])
        x += width

    bottom = JOIN + TALL
    figure.arrow([(middle, bottom), (middle, bottom + 36)])
    figure.label(
        (middle + 12, bottom + 16), "channels, concatenated", "small start"
    )
    figure.label((middle, bottom + 52), "256×28×28")
    return figure
