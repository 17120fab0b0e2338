"""Compare a network with a reference in NumPy, whoever wrote it and how.

Names of attributes, the order in which layers are made, and the style
(subclass, sequence, functional model, function of X) make no difference:
every variable is filled with values that depend on its shape alone, so that
networks that compute the same function give the same numbers.
"""

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from d2lutils.backends import Network
from d2lutils.backends.variable import canonical

from . import differences, recognise
from .answer import Unanswered, Wrong
from .reference import Weights

MODES = {True: "training mode", False: "evaluation mode"}
_EPSILONS = (1e-5, 1e-3)  # of batch normalisation: PyTorch's, Keras' default

Reference = Callable[[np.ndarray, Weights, bool], np.ndarray]
"""Computes an output of X, with weights, in training or evaluation mode."""


def same_function(
    make: Any,
    reference: Reference,
    input_shape: Sequence[int],
    *,
    arguments: Sequence = (),
    options: Mapping[str, Any] | None = None,
    modes: Sequence[bool] = (False, True),
    statistics: bool = True,
    gradient: bool = False,
    allow_bias: bool = False,
    momentum: float | None = None,
    mistakes: Iterable[tuple[Reference, str]] = (),
    case: str = "",
    inputs: Any = None,
    tolerance: float = 1e-3,
) -> Network:
    """Compare a network with a reference; return the network.

    In this order: that it runs on an input, the shape of its output, the
    shapes of its parameters, the outputs in evaluation mode and in training
    mode, the running statistics after a training pass, the gradient by the
    input. The first that differs is told. A network that was handed over
    ready-made gets its own values back.

    Args:
        make: The answer: a class or a factory (called with `arguments` and
            `options`), a network, or a function of X.
        reference: `reference(X, weights, training)` computes in NumPy, with
            a `reference.Weights`, what is right.
        input_shape: (N, C, H, W), in all frameworks, or (N, features).
        arguments: Positional arguments for `make`.
        options: Keyword arguments for `make`.
        modes: Which to compare in: False is evaluation, True training.
        statistics: Whether to compare the running statistics, too.
        gradient: Whether to compare the gradient by the input, too.
        allow_bias: Whether convolutions may have a bias that the reference
            has not (it is zero then).
        momentum: Weight of a batch's statistics in the running ones, to be
            compared; None: any will do.
        mistakes: Pairs of a wrong reference and what to say of a network
            that is like it. Tried in order, where the answer is wrong.
        case: What this call looks at, put before the message: "with stride
            2".
        inputs: An array to run on, instead of random numbers around 0.
        tolerance: Largest error, relative to the largest entry.

    Raises:
        Wrong: Something differs.
    """
    prefix = f"{case}: " if case else ""
    net, backend = recognise.network(make, arguments, options)
    if inputs is None:
        inputs = np.random.default_rng(0).standard_normal(input_shape)
    X = np.asarray(inputs, np.float32).astype(np.float64)
    answer = _Answer(net, backend, X, allow_bias, tolerance)
    with answer.kept() if net is make else nullcontext():
        try:
            answer.compare(reference, modes, statistics, momentum)
            if gradient:
                answer.compare_gradient(reference, modes[-1])
        except Wrong as wrong:
            for mistake, words in mistakes:
                if answer.is_like(mistake, modes):
                    raise Wrong(prefix + words) from None
            raise Wrong(prefix + wrong.what, wrong.hint) from None
    return net


class _Answer:
    """A reader's network, an input, and the ways to compare it."""

    def __init__(self, net, backend, X, allow_bias, tolerance):
        self.net, self.backend, self.X = net, backend, X
        self.allow_bias, self.tolerance = allow_bias, tolerance
        self.outputs = {}
        # Makes the variables of layers that wait for an input.
        self.shape = self.run(False).shape
        self.trained = backend.parameters(net)
        self.running = backend.statistics(net)

    @contextmanager
    def kept(self):
        """Give the network its values back at the end."""
        values = [(v, v.read()) for v in [*self.trained, *self.running]]
        try:
            yield
        finally:
            for variable, value in values:
                variable.write(value)

    def run(self, training):
        """Return the output, as an array NCHW."""
        output = self.backend.forward(self.net, self.X, training)
        if output is ...:
            raise Unanswered
        if not isinstance(output, np.ndarray):
            raise Wrong(
                f"the network returns {type(output).__name__}, not a tensor"
            )
        return np.asarray(output, np.float64)

    def filled_run(self, surplus, training):
        """Return the output of the network with all variables filled.

        It is computed once, for all that it is compared with.
        """
        key = training, *sorted(surplus.elements())
        if key not in self.outputs:
            self.fill(surplus)
            self.outputs[key] = self.run(training)
        return self.outputs[key]

    def fill(self, surplus):
        """Fill all variables, surplus biases with zeros."""
        surplus = Counter(surplus)
        for variable in [*self.trained, *self.running]:
            if surplus[variable.key] > 0 and variable.kind == "bias":
                surplus[variable.key] -= 1
                variable.write(np.zeros(variable.shape, np.float32))
            else:
                variable.fill()

    def _surplus(self, weights):
        wanted = Counter(canonical(shape) for shape in weights.trained)
        surplus = Counter(v.key for v in self.trained) - wanted
        return surplus if self.allow_bias else Counter()

    def compare(self, reference, modes, statistics, momentum):
        """Raise `Wrong` for the first thing that differs."""

        @functools.cache
        def computed(eps, training):
            weights = Weights(eps)
            return reference(self.X, weights, training), weights

        right, weights = computed(_EPSILONS[0], False)
        _raise(differences.of_shapes(self.backend, self.X, self.shape, right))
        _raise(
            differences.of_parameters(
                self.trained, weights.trained, self.allow_bias
            )
        )
        surplus = self._surplus(weights)
        faults = []
        # Either usual ε of batch normalisation is right.
        for self.eps in _EPSILONS if weights.statistics else _EPSILONS[:1]:
            for training in modes:
                right, weights = computed(self.eps, training)
                norms = training and weights.statistics
                if fault := self._compare_outputs(
                    right, training, surplus, norms
                ):
                    faults.append(fault)
                    break
            else:
                break
        else:
            raise Wrong(faults[0])
        if statistics and modes[-1]:  # a training pass was the last
            self._compare_statistics(weights.statistics, momentum)

    def _compare_outputs(self, right, training, surplus, norms):
        given = self.filled_run(surplus, training)
        evaluated = self.outputs.get((False, *sorted(surplus.elements())))
        return differences.of_outputs(
            given,
            right,
            MODES[training],
            evaluated if norms else None,
            self.tolerance,
        )

    def _compare_statistics(self, statistics, momentum):
        """Compare running statistics after one pass in training mode."""
        for kind in ("mean", "variance") if statistics else ():
            given = [v for v in self.running if v.kind == kind]
            off = len(given) - len(statistics)
            if off:
                raise Wrong(
                    f"{len(given)} running {kind}s are kept, "
                    f"{'too many' if off > 0 else 'too few'}"
                )
            for variable in given:
                _raise(
                    differences.of_statistics(
                        variable,
                        statistics,
                        self.backend.unbiased_variance,
                        momentum,
                        self.tolerance,
                    )
                )

    def compare_gradient(self, reference, training):
        """Compare the gradient by the input with difference quotients."""
        rng = np.random.default_rng(1)
        weights = Weights(self.eps)
        output = reference(self.X, weights, training)
        weight = rng.standard_normal(output.shape)
        weight = weight.astype(np.float32).astype(np.float64)
        self.fill(self._surplus(weights))
        given = self.backend.input_gradient(self.net, self.X, weight, training)
        if given is None:
            raise Wrong("no gradient reaches the input")

        def total(X):
            fresh = Weights(self.eps)
            return float((reference(X, fresh, training) * weight).sum())

        size = np.linalg.norm(given)
        # The gradient's own direction shows most; others, what it lacks.
        ways = [given, *rng.standard_normal((3, *self.X.shape))]
        for way in ways:
            step = 1e-6 * way / max(np.linalg.norm(way), 1e-12)
            right = total(self.X + step) - total(self.X - step)
            error = abs(2 * float((given * step).sum()) - right)
            bound = 1 if way is given else math.sqrt(given.size)
            if not error <= 20e-6 * self.tolerance * size / bound:
                raise Wrong(
                    "the outputs are right, but the gradient that reaches "
                    "the input is not"
                )

    def is_like(self, reference, modes):
        """Whether the network computes what another reference does."""
        try:
            self.compare(reference, modes, False, None)
        except Exception:
            return False
        return True


def _raise(fault):
    if fault:
        raise Wrong(fault)
