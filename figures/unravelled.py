"""Three residual blocks, and the eight paths through them."""

from itertools import combinations

from shapes import Box, Figure

WIDTH, HEIGHT = 480, 544
COLUMNS = [114, 216, 318]  # centres of the three blocks
BOX = 48, 28
LEFT, RIGHT = 50, 378  # where the paths end
NETWORK, FIRST = 112, 204  # heights of the network and the first path
ROW, GROUP = 36, 14  # distances between paths, and more between lengths


def network(figure: Figure) -> None:
    """Draw the three blocks in a row, read from left to right."""
    figure.label((26, NETWORK), "$x_0$")
    end = LEFT - 10, NETWORK
    for i, x in enumerate(COLUMNS):
        box = figure.box((x, NETWORK - BOX[1] / 2), BOX, f"$F_{i}$", "conv")
        add = figure.plus((x + 46, NETWORK), 11)
        start, over = (x - 40, NETWORK), NETWORK - 42
        figure.arrow([end, box.left])
        figure.arrow([box.right, add.left])
        figure.arrow(
            [start, (start[0], over), (add.centre[0], over), add.top],
            "shortcut thick",
        )
        figure.dot(start, "shortcut")
        end = add.right
    figure.arrow([end, (RIGHT + 24, NETWORK)])
    figure.label((RIGHT + 40, NETWORK), "$x_3$")


def path(figure: Figure, y: float, chosen: tuple[int, ...]) -> None:
    """Draw one path, read from right to left."""
    end = RIGHT, y
    for i in reversed(chosen):
        box = Box(COLUMNS[i] - BOX[0] / 2, y - BOX[1] / 2, *BOX)
        figure.arrow([end, box.right], "shortcut thick")
        figure.box(box.top, BOX, f"$J_{i}$", "conv")
        end = box.left
    style = "shortcut thick" if chosen else "shortcut bold"
    figure.arrow([end, (LEFT, y)], style)


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "unravelled",
        "Three residual blocks and the eight paths through them",
        "Above, read from left to right: the input x0 passes three "
        "residual blocks with layers F0, F1 and F2, each with a shortcut "
        "around the layers to a plus sign, and becomes x3. Below, read from "
        "right to left, the gradient's eight parallel paths from x3 back to "
        "x0, in groups by length: one path through no block, three through "
        "one of the Jacobians J0, J1 and J2, three through two of them, and "
        "one through all three. Their sum is the gradient at x0.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    figure.label((216, 28), "The network, forward", "strong")
    network(figure)

    figure.label((216, 168), "Its gradient, backward", "strong")
    y, rows = FIRST, []
    for length, name in enumerate(
        ["no block", "1 block", "2 blocks", "3 blocks"]
    ):
        group = list(combinations(range(3), length))
        middle = y + (len(group) - 1) * ROW / 2
        number = "1 path" if len(group) == 1 else f"{len(group)} paths"
        figure.label((RIGHT + 16, middle - 9), number, "start")
        figure.label((RIGHT + 16, middle + 9), name, "small start muted")
        for chosen in group:
            path(figure, y, chosen)
            rows.append(y)
            y += ROW
        y += GROUP
    for x, name in (LEFT, "$x_0$"), (RIGHT, "$x_3$"):
        figure.line([(x, rows[0]), (x, rows[-1])], "line")
        figure.label((x, rows[-1] + 24), name)
    return figure
