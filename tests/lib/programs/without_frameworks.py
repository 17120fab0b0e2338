"""Import what is the same in every framework; print which it has imported."""

import sys

from d2lutils import (  # noqa: F401
    assets,
    backends,
    data,
    face,
    fetch,
    plot,
    progress,
    record,
    scale,
    train,
    training,
    weights,
)
from d2lutils.frameworks import FRAMEWORKS

modules = {row.module for row in FRAMEWORKS.values()}
print(sorted((modules | {"keras", "IPython"}) & set(sys.modules)))
