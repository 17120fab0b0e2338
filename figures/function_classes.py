"""Function classes that are not nested, and classes that are."""

from math import cos, hypot, pi, sin

from shapes import Figure, Point, pair, towards

WIDTH, HEIGHT = 480, 436
LEFT, RIGHT, PANEL = 12, 248, 222
TARGET = 206, 99  # the true function, within a panel
BASE, SCALE = 394, 0.36  # of the bars
STYLES = {3: "shortcut thick", 6: "projection thick"}  # those compared

# Centre, radius, and where the name stands.
SCATTERED = [
    ((30, 120), 18, (30, 120)),
    ((76, 134), 25, (74, 129)),
    ((133, 124), 33, (129, 117)),
    ((164, 186), 42, (180, 186)),
    ((122, 218), 52, (149, 238)),
    ((74, 210), 64, (44, 222)),
]
# The nested ones lie along a ray towards the true function: where each
# starts and ends on it, and its name's place along and across it.
NESTED = [
    ((27, 60), (42, -1)),
    ((24, 88), (67, 14)),
    ((21, 116), (96, 18)),
    ((18, 144), (125, 20)),
    ((-8, 144), (5, 0)),
    ((-12, 180), (148, 46)),
]


def on_ray(along: float, across: float = 0) -> Point:
    """A point given by its place relative to the ray of nested classes."""
    along -= 221  # the true function's place on the ray
    return (
        TARGET[0] + 0.8 * along + 0.6 * across,
        TARGET[1] - 0.6 * along + 0.8 * across,
    )


def distance(centre: Point, radius: float) -> float:
    """How far the best function of a class is from the true one."""
    return hypot(TARGET[0] - centre[0], TARGET[1] - centre[1]) - radius


def star(figure: Figure, at: Point) -> None:
    """Mark the true function."""
    points = []
    for i in range(10):
        angle, radius = pi * (i / 5 - 0.5), 3.8 if i % 2 else 9
        x, y = at[0] + radius * cos(angle), at[1] + radius * sin(angle)
        points.append(pair((x, y)))
    figure.add("polygon", cls="learned-fill", points=" ".join(points))


def panel(figure: Figure, left: float, classes: list) -> None:
    """Draw six classes, the true function, and the distances between."""
    circles = [
        {"cx": left + centre[0], "cy": centre[1], "r": radius}
        for centre, radius, _ in classes
    ]
    for circle in circles:
        figure.add("circle", cls="mesh", **circle)
    target = left + TARGET[0], TARGET[1]
    for number, (centre, radius, name) in enumerate(classes, start=1):
        style = STYLES.get(number, "line")
        figure.add("circle", cls=f"path {style}", **circles[number - 1])
        gap = distance(centre, radius)
        best = towards(target, (left + centre[0], centre[1]), gap)
        if number in STYLES:
            figure.line([target, best], f"{style} dotted")
        figure.dot(best, style.split()[0])
        figure.label((left + name[0], name[1]), f"$F_{number}$")

        height, x = SCALE * gap, left + 14 + 35 * (number - 1)
        shape = {"x": x, "y": BASE - height, "width": 20, "height": height}
        figure.add("rect", cls=f"path conv {style}", **shape)
        figure.label((x + 10, BASE + 17), f"$F_{number}$")
    star(figure, target)
    figure.label((target[0] + 2, target[1] - 20), "$f*$")
    figure.line([(left, BASE), (left + PANEL, BASE)])
    figure.label((left + PANEL / 2, 306), "distance to $f*$", "small muted")


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "function_classes",
        "Function classes that are not nested, and nested ones",
        "Two pictures of six growing function classes, F1 to F6, drawn as "
        "circles, and of the true function f*, a star outside them. Left, "
        "the circles overlap and wander: F3 comes close to the star, and "
        "the larger F6 lies farther away. Right, each circle contains the "
        "one before. Bars below show the distance of each class to f*: on "
        "the left they fall until F3 and rise again, on the right they "
        "never rise, though F5 is no closer than F4.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    nested = []
    for (start, end), name in NESTED:
        centre = on_ray((start + end) / 2)
        nested.append((centre, (end - start) / 2, on_ray(*name)))
    for left, title, note, classes in [
        (LEFT, "Not nested", "larger, but not always closer", SCATTERED),
        (RIGHT, "Nested", "larger, and never farther", nested),
    ]:
        figure.label((left + PANEL / 2, 28), title, "strong")
        figure.label((left + PANEL / 2, 51), note, "small muted")
        panel(figure, left, classes)
    return figure
