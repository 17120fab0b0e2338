"""What four workers have at the start, in the middle and at the end."""

from shapes import Box, Figure

WIDTH, HEIGHT = 476, 210
WORKERS, SIDE, LEFT, TOP = 4, 30, 76, 64
GRIDS = [("at first", 0), ("after 3 steps", 3), ("after 6 steps", 6)]
FILLS = {1: "dense", 2: "conv", 3: "norm", 4: "act"}


def after(steps: int) -> list[list[int]]:
    """How many gradients each worker's chunks add up, after some steps."""
    counts = [[1] * WORKERS for _ in range(WORKERS)]
    for step in range(steps):
        sent = [row[(i - step) % WORKERS] for i, row in enumerate(counts)]
        for i, count in enumerate(sent):
            row = counts[(i + 1) % WORKERS]
            adds = row[(i - step) % WORKERS] if step < WORKERS - 1 else 0
            row[(i - step) % WORKERS] = count + adds
    return counts


def draw() -> Figure:
    """Draw the figure."""
    figure = Figure(
        "ring_all_reduce",
        "An all-reduce around a ring of four workers",
        "Three tables with a column for each of four workers and a row for "
        "each of four chunks. Each entry says how many gradients are added "
        "up in it. At first all are 1. After three steps each worker has "
        "one chunk with a 4, another one for each worker, and chunks with "
        "1, 2 and 3. After six steps all are 4.",
        WIDTH,
        HEIGHT,
    )
    figure.paper()
    figure.label((LEFT - 12, TOP - 14), "worker", "small muted end")
    for chunk in range(WORKERS):
        y = TOP + SIDE * (chunk + 0.5)
        figure.label((LEFT - 12, y), f"chunk {chunk}", "small muted end")
    for index, (title, steps) in enumerate(GRIDS):
        left = LEFT + index * (WORKERS * SIDE + 12)
        middle = left + WORKERS * SIDE / 2
        figure.label((middle, 22), title, "strong")
        for i, row in enumerate(after(steps)):
            x = left + SIDE * (i + 0.5)
            figure.label((x, TOP - 14), str(i), "small muted")
            for chunk, count in enumerate(row):
                cell = Box(left + SIDE * i, TOP + SIDE * chunk, SIDE, SIDE)
                figure.rect(cell, f"box {FILLS[count]}", 0)
                figure.label(cell.centre, str(count))
    return figure
