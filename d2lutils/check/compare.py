"""What checks compare answers with, under one roof.

Values are compared in `values`, functions of numbers or arrays in
`functions`, networks in `networks`, their gradients in `gradients`.
"""

from .functions import function, same_again, same_results
from .gradients import trainable
from .networks import same_function
from .values import (
    array,
    boolean,
    by_how_much,
    choice,
    integer,
    number,
    sequence,
    shape,
    shapes,
    together,
)

__all__ = [
    "array",
    "boolean",
    "by_how_much",
    "choice",
    "function",
    "integer",
    "number",
    "same_again",
    "same_function",
    "same_results",
    "sequence",
    "shape",
    "shapes",
    "together",
    "trainable",
]
