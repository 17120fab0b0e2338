"""Checks for the book's exercises: `from d2lutils import check`.

Each exercise of the book that can be checked names its check, and what to
hand over::

    check.bottleneck(Bottleneck)

It says whether the answer is right; if not, what differs, and a hint. It
never shows the solution. The call is the same in all frameworks, and
importing this imports none of them.
"""

import difflib

from . import (
    _bottleneck,
    _convolutional_blocks,
    _fashion_mnist,
    _function_classes,
    _gradient_flow,
    _gradient_flow_lesions,
    _inception,
    _intro,
    _preactivation,
    _preactivation_blocks,
    _residual_block,
    _resnet18,
    _resnet18_blocks,
    _resnet_family,
    _same_numbers,
    _scaling_out,
    _scaling_out_sums,
    _speedrun,
    _speedrun_mirror,
    _speedrun_schedules,
)
from ._answer import CHECKS

globals().update(CHECKS)
__all__ = sorted(CHECKS)


def __dir__():
    return __all__


def __getattr__(name):
    close = difflib.get_close_matches(name, __all__, 1)
    more = f"; did you mean {close[0]!r}?" if close else ""
    raise AttributeError(f"no exercise is called {name!r}{more}")
