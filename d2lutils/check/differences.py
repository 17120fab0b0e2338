"""Say in a sentence how a network differs from what is right, if it does.

Each function returns the sentence, or None where nothing differs.
"""

from collections import Counter

import numpy as np

from d2lutils.backends.variable import canonical, describe


def of_shapes(backend, X, given, right):
    """Compare the shape of an output, NCHW, with the right output."""
    right = right.shape
    if given == right:
        return None
    shown = backend.shown(given)
    what = (
        f"for an input of shape {backend.shown(X.shape)} the output has the "
        f"shape {shown}"
    )
    if len(given) != len(right):
        return f"{what}, with {len(given)} axes instead of {len(right)}"
    names = ("examples", "channels", "height", "width")
    wrong = [
        f"its {name} is too {'large' if a > b else 'small'}"
        if name in ("height", "width")
        else f"it has too {'many' if a > b else 'few'} {name}"
        for name, a, b in zip(names, given, right, strict=False)
        if a != b
    ]
    return f"{what}: {' and '.join(wrong)}"


def of_parameters(variables, shapes, allow_bias):
    """Compare parameters with the right shapes, whatever their order."""
    wanted = Counter(map(canonical, shapes))
    given = Counter(v.key for v in variables)
    surplus, missing = given - wanted, wanted - given
    if allow_bias:
        surplus -= Counter(v.key for v in variables if v.kind == "bias")
    parts = []
    if surplus:
        first = next(v for v in variables if surplus[v.key])
        words = f"too many: {describe(first.shape)}"
        biases = [v for v in variables if v.kind == "bias" and surplus[v.key]]
        if biases and len(first.key) == 1:
            words += (
                f" (`{biases[0].name}`: a bias where none is needed, as "
                "before batch normalisation?)"
            )
        elif not wanted[first.key]:
            words += f" (`{first.name}`)"
        parts.append(words + _others(surplus))
    if missing:
        first = next(shape for shape in shapes if missing[canonical(shape)])
        parts.append(f"missing: {describe(first)}" + _others(missing))
    if not parts:
        return None
    return (
        "the output has the right shape, but the parameters do not fit; "
        + "; ".join(parts)
    )


def _others(counter):
    count = counter.total() - 1
    return f", and {count} more" if count else ""


def of_outputs(given, right, mode, evaluated, tolerance):
    """Compare outputs, entry by entry.

    Args:
        given: The network's output.
        right: The right one.
        mode: The words for the mode that it ran in.
        evaluated: Its output in evaluation mode; None: that it has not been
            in training cannot be the fault, or is not known.
        tolerance: Relative to the largest entry.
    """
    if given.shape != right.shape:
        return f"in {mode} the output has the shape {given.shape}"
    if not np.isfinite(given).all():
        return f"in {mode} the output is not finite"
    largest = max(np.abs(right).max(), 1e-12)
    wrong = np.abs(given - right) > tolerance * largest
    if not wrong.any():
        return None
    error = np.abs(given - right).max() / largest
    what = (
        f"the parameters fit, but in {mode} {wrong.mean():.0%} of the outputs "
        f"differ, by up to {error:.2g} times the largest"
    )
    if evaluated is not None and np.allclose(
        given, evaluated, atol=tolerance * largest
    ):
        return what + (
            ": the network computes the same as in evaluation mode, so batch "
            "normalisation does not know that it is being trained"
        )
    if (right >= 0).all() and (given < 0).any():
        return what + "; some are negative, and none should be"
    images = wrong.ndim == 4 and min(wrong.shape[2:]) > 4
    if images and not wrong[:, :, 2:-2, 2:-2].any():
        return what + ", all of them at the edges of the image"
    names = ("example", "channel", "row", "column")
    if wrong.ndim == 2:
        names = ("example", "entry")
    place = zip(names, np.argwhere(wrong)[0], strict=False)
    first = ", ".join(f"{name} {index}" for name, index in place)
    return what + f"; the first is {first}"


def of_statistics(variable, statistics, momentum, tolerance):
    """Compare a running statistic after one pass in training mode.

    Frameworks differ in whether the running variance is the unbiased one,
    over n - 1. Either is right, as are both in a layer of a reader's own.

    Args:
        variable: The running mean or variance; of a reader's own statistic
            it is not known which it is.
        statistics: As `Weights` has collected them.
        momentum: The right weight of the batch's statistic; None: any.
        tolerance: Relative to the largest step.
    """
    now = variable.read().astype(np.float64).ravel()
    best, moved = np.inf, None
    for before, batch in _steps(variable, statistics):
        if before.shape != now.shape:
            continue
        step = batch - before
        weight = float((now - before) @ step / (step @ step))
        error = np.abs(now - before - weight * step).max()
        error /= np.abs(step).max()
        if error < best:
            best, moved = error, weight
    known = variable.kind in ("mean", "variance")
    kind = variable.kind if known else "statistic"
    name = f"the running {kind} `{variable.name}`"
    if moved is not None and abs(moved) < 1e-6:
        return f"{name} does not move in training"
    if best > 10 * tolerance:
        return (
            f"the outputs are right, but after a training pass {name} is not "
            "what it should be"
        )
    if momentum is not None and not np.isclose(moved, momentum, rtol=0.05):
        side = "far" if moved > momentum else "little"
        return f"{name} moves too {side} in one step: compare the momentum"
    return None


def _steps(variable, statistics):
    """Yield where a statistic may have been, and what it may have seen."""
    for each in statistics:
        unbiased = each["variance"] * each["count"] / max(each["count"] - 1, 1)
        for kind, batch in (
            ("mean", each["mean"]),
            ("variance", each["variance"]),
            ("variance", unbiased),
        ):
            if variable.kind in (kind, "other"):
                yield each["running"], batch
