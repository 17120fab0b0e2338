"""Function classes that are not nested, and classes that are."""

from math import cos, hypot, pi, sin

from style import Box, Figure, Point, towards

WIDTH, HEIGHT = 480, 412
PANEL = 224
TARGET = 196, 84  # the true function, within a panel
BASE, SCALE = 372, 0.36  # of the bars
STYLES = {3: "shortcut", 6: "projection"}  # the classes compared

# Centre, radius and the place of the label of each class.
SCATTERED = [
    ((36, 92), 18, (36, 92)),
    ((76, 112), 25, (76, 112)),
    ((132, 112), 33, (132, 106)),
    ((160, 160), 42, (178, 164)),
    ((122, 190), 52, (140, 214)),
    ((76, 182), 64, (46, 200)),
]
NESTED = [
    ((46, 196), 17, (46, 196)),
    ((53, 191), 29, (69, 178)),
    ((61, 185), 41, (87, 163)),
    ((70, 179), 53, (105, 148)),
    ((62.2, 184.8), 62.7, (22, 215)),
    ((84, 170), 90, (138, 122)),
]


def distance(centre: Point, radius: float) -> float:
    """How far the best function of a class is from the true one."""
    return hypot(TARGET[0] - centre[0], TARGET[1] - centre[1]) - radius


def star(figure: Figure, at: Point) -> None:
    """Mark the true function."""
    points = []
    for i in range(10):
        angle, radius = pi * (i / 5 - 0.5), 9 if i % 2 == 0 else 3.8
        x, y = at[0] + radius * cos(angle), at[1] + radius * sin(angle)
        points.append(f"{x:.2f},{y:.2f}")
    figure.add("polygon", cls="learned-fill", points=" ".join(points))


def panel(figure: Figure, left: float, title: str, classes: list) -> None:
    """Draw six classes, the true function, and the distances between."""
    figure.label((left + PANEL / 2, 28), title, "strong")
    for number, ((x, y), radius, _) in reversed([*enumerate(classes, 1)]):
        style = STYLES.get(number, "line")
        figure.add(
            "circle", cls=f"class {style}", cx=left + x, cy=y, r=radius
        )
    target = left + TARGET[0], TARGET[1]
    for number, ((x, y), radius, name) in enumerate(classes, 1):
        centre, style = (left + x, y), STYLES.get(number, "line")
        gap = distance((x, y), radius)
        best = towards(target, centre, gap)
        if number in STYLES:
            figure.line([target, best], f"{style} dotted")
        figure.dot(best, style)
        figure.label((left + name[0], name[1]), f"$F_{number}$")
        bar = Box(left + 6 + 36 * (number - 1), BASE - SCALE * gap, 22, 0)
        height = BASE - bar.y
        shape = {"x": bar.x, "y": bar.y, "width": 22, "height": height}
        figure.add("rect", cls=f"bar {style}", **shape)
        figure.label((bar.x + 11, BASE + 18), f"$F_{number}$")
    star(figure, target)
    figure.label((target[0] + 4, target[1] - 22), "$f*$")
    figure.line([(left, BASE), (left + PANEL, BASE)])


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "function_classes",
        "Non-nested and nested function classes",
        "d",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    panel(figure, 8, "Not nested", SCATTERED)
    panel(figure, 248, "Nested", NESTED)
    return figure
