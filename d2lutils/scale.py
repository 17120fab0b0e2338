"""How much of the work is done: the environment variable `D2L_SCALE`.

`smoke` takes seconds and serves tests, `demo` takes minutes on a laptop,
`full` is everything as asked. Whatever a scale takes away is printed.
"""

import os
from dataclasses import dataclass, replace

VARIABLE = "D2L_SCALE"

LARGE = 64  # pixels per side: such images take a multiple of the time


@dataclass(frozen=True)
class Scale:
    """The limits of one scale; `None` is no limit."""

    name: str
    train_images: int | None
    test_images: int | None
    epochs: int | None
    thins_large: bool = False
    """Whether an eighth of the images must do if they are large."""

    def for_side(self, pixels):
        """Return the limits for images with so many pixels per side."""
        if pixels < LARGE or not self.thins_large:
            return self
        return replace(
            self,
            train_images=self.train_images // 8,
            test_images=self.test_images // 8,
        )


SCALES = {
    "smoke": Scale("smoke", train_images=128, test_images=64, epochs=1),
    "demo": Scale(
        "demo",
        train_images=4_000,
        test_images=1_000,
        epochs=2,
        thins_large=True,
    ),
    "full": Scale("full", train_images=None, test_images=None, epochs=None),
}


def current_scale(has_gpu):
    """Return the scale that `D2L_SCALE` names.

    Args:
        has_gpu: Whether a GPU was found: then `full` is the default, which
            is `demo` otherwise.

    Raises:
        ValueError: `D2L_SCALE` is none of smoke, demo and full.
    """
    # An empty variable counts as unset, as is usual in a shell.
    name = os.environ.get(VARIABLE) or ("full" if has_gpu else "demo")
    if name not in SCALES:
        raise ValueError(
            f"{VARIABLE} is {name!r}; it must be smoke, demo or full"
        )
    return SCALES[name]


def limit_epochs(num_epochs, has_gpu):
    """Return the number of epochs to train, at most the scale's limit.

    Prints one line if that is fewer than asked for.
    """
    scale = current_scale(has_gpu)
    if scale.epochs is None or num_epochs <= scale.epochs:
        return num_epochs
    print(f"{VARIABLE}={scale.name}: {scale.epochs} of {num_epochs} epochs")
    return scale.epochs
