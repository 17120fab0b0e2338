"""The book's mark, bold enough for a browser's tab."""

from logo import mark
from shapes import Figure


def draw() -> Figure:
    """Draw the figure."""
    return mark("favicon", 32, 5)
