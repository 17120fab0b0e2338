"""Make the sample from the full data: `python -m d2lutils.assets`."""

import numpy as np

from d2lutils import assets
from d2lutils.data import load_fashion_mnist
from d2lutils.scale import SCALES


def make():
    """Return the sample's arrays, by name, cut from the full data."""
    full = load_fashion_mnist(SCALES["full"])._asdict()
    arrays = {}
    for part, per_class in assets.PER_CLASS.items():
        labels = full[f"{part}_labels"]
        chosen = assets.select(labels, per_class)
        arrays[f"{part}_images"] = full[f"{part}_images"][chosen]
        arrays[f"{part}_labels"] = labels[chosen]
    return arrays


if __name__ == "__main__":
    np.savez_compressed(assets.PATH, **make())
    print(f"{assets.PATH}: {assets.PATH.stat().st_size:,} bytes")
