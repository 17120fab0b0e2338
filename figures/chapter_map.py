"""The path through the chapters: a main road and its side trips."""

from shapes import Box, Figure

WIDTH, HEIGHT = 476, 590
ROAD, SIDE = 126, 362  # the middles of the two columns
SIZE = 206, 54
STEP = 80

# The main road, from top to bottom: name, what it is about, colour.
STATIONS = [
    ("Fashion-MNIST", "the data", "dense"),
    ("Convolutional blocks", "the parts", "dense"),
    ("Residual blocks", "the idea", "conv"),
    ("ResNet-18", "the network", "conv"),
    ("Bottleneck", "depth at a low price", "conv"),
    ("The ResNet family", "18 to 152 layers", "conv"),
]
# Side trips: the row they stand in, name, topic, colour.
TRIPS = [
    (1, "Inception", "a relative", "pool"),
    (2, "A fast recipe", "92 % in minutes", "act"),
    (3, "Function classes", "why depth can hurt", "norm"),
    (4, "The same numbers", "the proof", "act"),
    (5, "Gradient flow", "why shortcuts help", "norm"),
    (6, "Pre-activation", "clearing the path", "norm"),
]
# A side trip that goes on where the main road ends.
LAST = "Scaling out", "several machines", "act"


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "chapter_map",
        "The path through the chapters",
        "A map of the chapters. The main road runs from top to bottom: "
        "Fashion-MNIST, the data; convolutional blocks, the parts; residual "
        "blocks, the idea; ResNet-18, the network; the bottleneck, depth at "
        "a low price; the ResNet family, 18 to 152 layers. Dashed arrows "
        "lead to side trips: from residual blocks to Inception, a relative; "
        "from ResNet-18 to a fast recipe, 92 % in minutes, to function "
        "classes, why depth can hurt, and to the same numbers, the proof; "
        "from the family to gradient flow, why shortcuts help, and from "
        "there to pre-activation, clearing the path; and from the family "
        "also down to scaling out, several machines.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()

    def box(x: float, row: int, name: str, topic: str, kind: str) -> Box:
        return figure.box((x, 40 + STEP * row), SIZE, (name, topic), kind)

    figure.label((ROAD, 20), "Main road", "strong")
    figure.label((SIDE, 40 + STEP - 20), "Side trips", "strong")
    road = [box(ROAD, i, *station) for i, station in enumerate(STATIONS)]
    figure.chain(road)
    trips = {name: box(SIDE, row, name, *rest) for row, name, *rest in TRIPS}
    for start, name in [
        (road[3], "Function classes"),
        (road[5], "Gradient flow"),
    ]:
        figure.arrow([start.right, trips[name].left], "shortcut dashed")
    # The others leave above or below the middle, and bend.
    for start, offset, name in [
        (road[2], -16, "Inception"),
        (road[3], -16, "A fast recipe"),
        (road[3], 16, "The same numbers"),
    ]:
        (x, y), end = start.right, trips[name].left
        middle, y = (x + end[0]) / 2, y + offset
        figure.arrow(
            [(x, y), (middle, y), (middle, end[1]), end], "shortcut dashed"
        )
    figure.arrow(
        [trips["Gradient flow"].bottom, trips["Pre-activation"].top],
        "shortcut dashed",
    )
    last = box(ROAD, len(STATIONS), *LAST)
    figure.arrow([road[-1].bottom, last.top], "shortcut dashed")
    return figure
