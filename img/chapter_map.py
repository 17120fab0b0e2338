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
    (2, "Inception", "a relative", "pool"),
    (3, "Function classes", "why depth can hurt", "norm"),
    (4, "The same numbers", "the proof", "act"),
    (5, "Gradient flow", "why shortcuts help", "norm"),
    (6, "Pre-activation", "clearing the path", "norm"),
]


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
        "from ResNet-18 to function classes, why depth can hurt, and to the "
        "same numbers, the proof; from the family to gradient flow, why "
        "shortcuts help, and from there to pre-activation, clearing the "
        "path.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()

    def box(x: float, row: int, name: str, topic: str, kind: str) -> Box:
        return figure.box((x, 40 + STEP * row), SIZE, (name, topic), kind)

    figure.label((ROAD, 20), "Main road", "strong")
    figure.label((SIDE, 40 + 2 * STEP - 20), "Side trips", "strong")
    road = [box(ROAD, i, *station) for i, station in enumerate(STATIONS)]
    figure.chain(road)
    trips = {name: box(SIDE, row, name, *rest) for row, name, *rest in TRIPS}
    for start, name in [
        (road[2], "Inception"),
        (road[3], "Function classes"),
        (road[5], "Gradient flow"),
    ]:
        figure.arrow([start.right, trips[name].left], "shortcut dashed")
    # Both begin at ResNet-18; the lower one leaves below the arrow above.
    start, end = road[3], trips["The same numbers"].left
    middle = (start.right[0] + end[0]) / 2
    y = start.right[1] + 16
    figure.arrow(
        [(start.right[0], y), (middle, y), (middle, end[1]), end],
        "shortcut dashed",
    )
    figure.arrow(
        [trips["Gradient flow"].bottom, trips["Pre-activation"].top],
        "shortcut dashed",
    )
    return figure
