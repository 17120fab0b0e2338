"""Compare the gradients of a network with the slopes of what it computes.

A network may compute what is right and still not be trainable: something in
it is computed without gradients, cut off from them, or changed in place.
"""

import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from d2lutils.backends import Backend, Network
from d2lutils.backends.variable import Variable

from . import guard
from .answer import Wrong
from .reference import Weights

HINT = (
    "Look for what cuts a gradient off: code that runs without gradients, a "
    "detached value, NumPy, a change in place."
)
_DIRECTIONS = 3

Total = Callable[[Sequence[np.ndarray]], float]
"""The sum that is differentiated, where each value has moved by an array."""


@functools.cache
def weight_of(shape: Sequence[int]) -> np.ndarray:
    """Return the factors of the outputs in the sum that is differentiated."""
    weight = np.random.default_rng(1).standard_normal(shape)
    weight = weight.astype(np.float32).astype(np.float64)
    weight.setflags(write=False)
    return weight


def backward_raises(error: Exception) -> Wrong:
    """Return what to raise where going back through a network fails."""
    return _cannot(f"its backward pass raises {guard.told(error)}")


def _cannot(what):
    return Wrong(
        f"the outputs are right, but the network cannot be trained: {what}",
        HINT,
    )


def without(gradients: Sequence[np.ndarray | None]) -> list[int]:
    """Return which gradients have not arrived, or are rounding alone."""
    sizes = [_size(gradient) for gradient in gradients]
    return [i for i, size in enumerate(sizes) if size <= 1e-5 * max(sizes)]


def _size(gradient):
    return 0.0 if gradient is None else float(np.linalg.norm(gradient))


def compare_arrival(names: Sequence[str], missing: Collection[int]) -> None:
    """Raise `Wrong` if a gradient is missing.

    Args:
        names: The names of the parameters.
        missing: The numbers of the gradients that have not arrived: 0 is
            that by the input, the others follow as the parameters do.
    """
    parameters = [names[i - 1] for i in missing if i]
    if 0 in missing and len(parameters) == len(names):
        also = " or at any of its parameters" if names else ""
        raise _cannot(f"no gradient arrives at its input{also}")
    if parameters:
        which = f"`{parameters[0]}`"
        if len(parameters) == len(names):
            which = "any of its parameters"
        elif len(parameters) > 1:
            which = (
                f"{len(parameters)} of its {len(names)} parameters, the "
                f"first of which is {which}"
            )
        raise _cannot(f"no gradient arrives at {which}")
    if missing:
        raise _cannot(
            "no gradient arrives at its input, so no layer before it learns"
        )


def compare_slopes(
    names: Sequence[str],
    gradients: Sequence[np.ndarray],
    total: Total,
    step: float,
    tolerance: float,
) -> None:
    """Raise `Wrong` unless gradients are slopes, in random directions.

    Args:
        names: What each value is called in a sentence.
        gradients: By each of the values; none of them is zero.
        total: The sum that they are gradients of.
        step: How far to go: about by how much the sum changes.
        tolerance: Largest error, relative to the gradient.
    """
    rng = np.random.default_rng(2)
    sizes = [_size(gradient) for gradient in gradients]

    def right(chosen):
        for _ in range(_DIRECTIONS):
            ways = [np.zeros_like(gradient) for gradient in gradients]
            for i in chosen:
                ways[i] = rng.standard_normal(ways[i].shape) / sizes[i]
            given = sum(
                float((gradient * way).sum())
                for gradient, way in zip(gradients, ways, strict=True)
            )
            ahead, behind = (
                total([side * step * way for way in ways]) for side in (1, -1)
            )
            error = abs(given - (ahead - behind) / (2 * step))
            if not error <= tolerance * math.sqrt(len(chosen)):
                return False
        return True

    if right(range(len(names))):
        return
    wrong = [name for i, name in enumerate(names) if not right([i])]
    shown = " and by ".join(wrong[:2]) or "all values together"
    more = f" and by {len(wrong) - 2} more" if len(wrong) > 2 else ""
    raise _cannot(
        f"the gradient by {shown}{more} is not the slope of what it "
        "computes, so a part of the way back is cut off, such as a shortcut "
        "or a branch"
    )


def compare_with(
    reference: Callable,
    X: np.ndarray,
    training: bool,
    variables: Sequence[Variable],
    by_input: np.ndarray | None,
    by_parameters: Sequence[np.ndarray | None],
    eps: float = 1e-5,
    tolerance: float = 0.01,
) -> None:
    """Raise `Wrong` unless gradients are the slopes of a reference.

    It does not tell parameters of one shape apart: what is compared is the
    sum of their gradients.

    Args:
        reference: As for `same_function`.
        X: An input.
        training: Whether in training mode.
        variables: The parameters, filled with their values.
        by_input: The gradient of sum(weight · outputs) by X, with the factors
            that `weight_of` returns.
        by_parameters: Those by the parameters.
        eps: Of batch normalisation.
        tolerance: Largest error, relative to the gradient.
    """
    names = [variable.name for variable in variables]
    compare_arrival(names, without([by_input, *by_parameters]))
    names, sums = {}, {}
    for variable, gradient in zip(variables, by_parameters, strict=True):
        key = variable.key
        names[key] = f"`{variable.name}`"
        sums[key] = sums.get(key, 0) + gradient.reshape(key).astype(float)

    def total(moves):
        weights = Weights(eps, dict(zip(sums, moves[1:], strict=True)))
        output = reference(X + moves[0], weights, training)
        return float((output * weight_of(output.shape)).sum())

    compare_slopes(
        ["the input", *names.values()],
        [by_input.astype(float), *sums.values()],
        total,
        step=1e-6 * min(1, _size(by_input)),
        tolerance=tolerance,
    )


def by_shape(
    backend: Backend, net: Network, X: Any, weight: Any, training: bool
) -> dict[Any, np.ndarray]:
    """Return the gradients of a network, those of one shape added up.

    Args:
        backend: The network's backend.
        net: A network whose outputs are known to be right.
        X: An input.
        weight: As for `Backend.gradients`.
        training: Whether in training mode.

    Returns:
        The parameters' shapes → their gradients' sum; "" → that by the input.

    Raises:
        Wrong: The backward pass raises.
    """
    try:
        _, by_input, found = backend.gradients(net, X, weight, training)
    except Exception as error:
        raise backward_raises(error) from None
    sums = {"": np.zeros(X.shape) if by_input is None else by_input}
    for variable, gradient in zip(backend.parameters(net), found, strict=True):
        shape = variable.key
        sums.setdefault(shape, np.zeros(shape))
        if gradient is not None:
            sums[shape] = sums[shape] + gradient.reshape(shape)
    return sums


def compare_sums(
    found: Mapping[Any, np.ndarray],
    right: Mapping[Any, np.ndarray],
    case: str,
) -> None:
    """Raise `Wrong` unless gradients are right, as `by_shape` returns them."""
    for shape, gradient in right.items():
        name = f"its parameters of shape {shape}" if shape else "its input"
        given = found.get(shape, np.zeros_like(gradient))
        if np.any(gradient) and not np.any(given):
            raise _cannot(f"{case} no gradient arrives at {name}")
        error = np.linalg.norm(given - gradient)
        if not error <= 0.01 * np.linalg.norm(gradient) + 1e-6:
            raise _cannot(f"{case} the gradient by {name} is not right")


def trainable(
    backend: Backend,
    net: Network,
    X: Any,
    training: bool = False,
    case: str = "",
) -> None:
    """Raise `Wrong` unless a network can be trained as what it computes.

    Its gradients, by its input and by every parameter, are compared with the
    slopes of its own outputs. The network gets its values back.

    Args:
        backend: The network's backend.
        net: A network whose outputs are known to be right.
        X: An input, of which the network makes nothing random.
        training: Whether to run it in training mode.
        case: What this call looks at, put before the message.
    """
    with backend.kept(net):
        try:
            _compare(backend, net, np.float64(np.float32(X)), training)
        except Wrong as wrong:
            prefix = f"{case}: " if case else ""
            raise Wrong(prefix + wrong.what, wrong.hint) from None


def _compare(backend, net, X, training):
    Y = backend.forward(net, X, training)
    if not isinstance(Y, np.ndarray):
        raise _cannot(
            f"what it returns is no tensor, but of type {type(Y).__name__}"
        )
    weight = weight_of(Y.shape)
    for variable in [*backend.parameters(net), *backend.statistics(net)]:
        variable.fill()  # else a part may be too small to matter
    try:
        Y, *found = backend.gradients(net, X, weight, training)
    except Exception as error:
        raise backward_raises(error) from None
    gradients = [found[0], *found[1]]
    variables = backend.parameters(net)
    values = [X, *(variable.read().astype(float) for variable in variables)]
    still = [np.zeros_like(value) for value in values]

    def total(moves):
        moved = [v + move for v, move in zip(values, moves, strict=True)]
        for variable, value in zip(variables, moved[1:], strict=True):
            variable.write(value.astype(np.float32))
        return float((weight * backend.forward(net, moved[0], training)).sum())

    def moves_of(chosen, moves):
        """Return moves of all values, of which some stay where they are."""
        moves = dict(zip(chosen, moves, strict=True))
        return [moves.get(i, zeros) for i, zeros in enumerate(still)]

    def matters(i):
        way = 0.1 * np.random.default_rng(3).standard_normal(still[i].shape)
        change = total(moves_of([i], [way])) - total(still)
        return abs(change) > 1e-4 * np.linalg.norm(weight)

    missing = without(gradients)
    # What the outputs do not depend on cannot have a gradient.
    names = [variable.name for variable in variables]
    compare_arrival(names, [i for i in missing if matters(i)])
    names = ["the input", *(f"`{name}`" for name in names)]
    used = [i for i in range(len(names)) if i not in missing]
    compare_slopes(
        [names[i] for i in used],
        [gradients[i].astype(float) for i in used],
        lambda moves: total(moves_of(used, moves)),
        # So far that the rounding of float32 does not matter.
        step=4e-5 * np.linalg.norm(weight * Y),
        tolerance=0.05,
    )
