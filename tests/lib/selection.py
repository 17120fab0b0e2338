"""Which frameworks are tested, and in which surroundings."""

import os

import pytest

from d2lutils.frameworks import FRAMEWORKS as TABLE

FRAMEWORKS = {key: row.module for key, row in TABLE.items()}

# Small networks on one thread: two would wait for each other.
OWN = {"D2L_SCALE": "smoke", "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
"""What the tests set for themselves, and no book that they build."""

ENVIRONMENT = {**os.environ, **OWN}


def without_own(*names):
    """The variables of those who run the tests, less some by name."""
    left_out = {*OWN, *names}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in left_out
    }


def selected_frameworks():
    """The frameworks to test: all, unless `FRAMEWORKS` names fewer."""
    text = os.environ.get("FRAMEWORKS") or " ".join(FRAMEWORKS)
    names = text.replace(",", " ").split()
    unknown = set(names) - set(FRAMEWORKS)
    if unknown or not names:
        raise pytest.UsageError(
            f"FRAMEWORKS={os.environ['FRAMEWORKS']!r}: "
            f"choose from {' '.join(FRAMEWORKS)}"
        )
    return names


def unavailable(reason):
    """Skip a test for want of a system package; where all are, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
