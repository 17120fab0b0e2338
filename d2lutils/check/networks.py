"""Compare a network with a reference in NumPy, whoever wrote it and how.

Names of attributes, the order in which layers are made, and the style
(subclass, sequence, functional model, function of X) make no difference:
every variable is filled with values that depend on its shape alone, so that
networks that compute the same function give the same numbers.
"""

import functools
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from d2lutils.backends import Backend, Network
from d2lutils.backends.variable import Variable, canonical

from . import differences, recognise
from .answer import Unanswered, Wrong
from .gradients import backward_raises, compare_with, weight_of
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
    mode, the gradients by the input and by every parameter, the running
    statistics after a training pass. The first that differs is told. A
    network that has been there before gets its own values back.

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
    try:
        answer = _Answer(net, backend, X, modes[-1], allow_bias, tolerance)
    except Unanswered:
        raise
    except Exception as error:
        if reason := _reason_of(error, net, backend):
            raise Wrong(prefix + reason, "") from error
        raise
    # The first pass may have made variables. A class makes a new network.
    new = inspect.isclass(make)
    with nullcontext() if new else backend.kept(net):
        try:
            weights = answer.compare(reference, modes)
        except Wrong as wrong:
            for mistake, words in mistakes:
                if answer.is_like(mistake, modes):
                    raise Wrong(prefix + words) from None
            if reason := answer.reason(reference):
                raise Wrong(prefix + reason, "") from None
            raise Wrong(prefix + wrong.what, wrong.hint) from None
        try:
            answer.compare_gradients(reference)
            if statistics and modes[-1]:  # a training pass was the last
                answer.compare_statistics(weights.statistics, momentum)
        except Wrong as wrong:
            raise Wrong(prefix + wrong.what, wrong.hint) from None
    return net


class _Answer:
    """A reader's network, an input, and the ways to compare it."""

    def __init__(self, net, backend, X, last, allow_bias, tolerance):
        self.net, self.backend, self.X, self.last = net, backend, X, last
        self.allow_bias, self.tolerance = allow_bias, tolerance
        self.outputs = {}
        self.gradients = None  # or the error of the backward pass
        # Makes the variables of layers that wait for an input.
        self.shape = self.run(False).shape
        self.trained = backend.parameters(net)
        self.running = statistics(net, backend, X)

    def run(self, training):
        """Return the output, as an array NCHW."""
        return self.checked(self.backend.forward(self.net, self.X, training))

    def checked(self, output):
        """Return an output, if it is one, in double precision."""
        if output is ...:
            raise Unanswered
        if not isinstance(output, np.ndarray):
            raise Wrong(
                f"the network returns {type(output).__name__}, not a tensor"
            )
        return np.asarray(output, np.float64)

    def filled_run(self, surplus, training):
        """Return the output of the network with all variables filled.

        It is computed once, for all that it is compared with, and in the
        last mode together with the gradients.
        """
        key = training, *sorted(surplus.elements())
        if key not in self.outputs:
            self.fill(surplus)
            if training is self.last:
                self.outputs[key] = self._run_there_and_back(surplus)
            else:
                self.outputs[key] = self.run(training)
        return self.outputs[key]

    def _run_there_and_back(self, surplus):
        weight = weight_of(self.shape)
        try:
            output, *self.gradients = self.backend.gradients(
                self.net, self.X, weight, self.last
            )
        except Exception as error:
            # If it is the way there, that says so by itself.
            self.gradients = error
            self.fill(surplus)
            return self.run(self.last)
        return self.checked(output)

    def fill(self, surplus):
        """Fill all variables, surplus biases with zeros."""
        surplus = Counter(surplus)
        self.silent = []
        for variable in [*self.trained, *self.running]:
            if surplus[variable.key] > 0 and variable.kind == "bias":
                surplus[variable.key] -= 1
                variable.write(np.zeros(variable.shape, np.float32))
                self.silent.append(variable)
            else:
                variable.fill()

    def _surplus(self, weights):
        wanted = Counter(canonical(shape) for shape in weights.trained)
        surplus = Counter(v.key for v in self.trained) - wanted
        return surplus if self.allow_bias else Counter()

    def compare(self, reference, modes):
        """Compare all but gradients and statistics; return the weights.

        Raises:
            Wrong: The first thing that differs.
        """

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
        return weights

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

    def compare_statistics(self, statistics, momentum):
        """Compare running statistics after one pass in training mode."""
        if not statistics:
            return
        off = len(self.running) - 2 * len(statistics)
        if off:
            raise Wrong(
                f"{len(self.running)} running means and variances are kept, "
                f"{'too many' if off > 0 else 'too few'}"
            )
        for variable in self.running:
            _raise(
                differences.of_statistics(
                    variable, statistics, momentum, self.tolerance
                )
            )

    def compare_gradients(self, reference):
        """Compare the gradients with the slopes of the reference."""
        if isinstance(self.gradients, Exception):
            raise backward_raises(self.gradients)
        by_input, by_parameters = self.gradients
        silent = {id(variable) for variable in self.silent}
        learning = [
            (variable, gradient)
            for variable, gradient in zip(
                self.trained, by_parameters, strict=True
            )
            if id(variable) not in silent
        ]
        compare_with(
            reference,
            self.X,
            self.last,
            [variable for variable, _ in learning],
            by_input,
            [gradient for _, gradient in learning],
            self.eps,
            10 * self.tolerance,
        )

    def reason(self, reference):
        """Return what explains that the network differs, if it is seen."""
        if names := recognise.unregistered(self.net, self.backend):
            return _in_a_list(names[0])
        self.fill(())
        try:
            first, second = self.run(False), self.run(False)
        except Exception:
            return None
        if not np.allclose(first, second, atol=self.tolerance):
            return (
                "two calls in evaluation mode give different outputs for the "
                "same input: a layer that is made anew at each call has new "
                "weights (make all of them in `__init__`), and chance has no "
                "place here"
            )
        weights = Weights()
        right = reference(self.X, weights, False)
        if fault := self._shared(first, right, weights):
            return fault
        return self._without_statistics(weights)

    def _shared(self, given, right, weights):
        """Say that a layer is used twice, if it is."""
        wanted = Counter(canonical(shape) for shape in weights.trained)
        found = Counter(v.key for v in self.trained)
        if found - wanted or not wanted - found:
            return None
        # Variables of one shape hold the same numbers, whosever they are.
        if differences.of_outputs(given, right, "", None, self.tolerance):
            return None
        fault = differences.of_parameters(
            self.trained, weights.trained, self.allow_bias
        )
        return (
            f"{fault}: is one layer used in two places? Each place needs a "
            "layer of its own, a batch normalisation above all, whose "
            "statistics are those of one place"
        )

    def _without_statistics(self, weights):
        """Say that batch normalisations keep none, if their number tells."""
        count, kept = len(weights.statistics), len(self.running) // 2
        if kept >= count:
            return None
        wanted = Counter(canonical(shape) for shape in weights.trained)
        if Counter(v.key for v in self.trained) != wanted:
            return None
        return (
            f"{count - kept} of {count} batch normalisations keep no running "
            "mean and variance, and use those of the batch in evaluation as "
            "well; is there a `track_running_stats=False`, or a layer of your "
            "own without them?"
        )

    def is_like(self, reference, modes):
        """Whether the network computes what another reference does."""
        try:
            self.compare(reference, modes)
        except Exception:
            return False
        return True


def _raise(fault):
    if fault:
        raise Wrong(fault)


def statistics(net: Network, backend: Backend, X: Any) -> list[Variable]:
    """Return the running statistics of a network, a reader's own included.

    The latter are what a pass in training mode moves beside those that the
    framework's layers keep, whatever they are called: vectors of the kind
    "other". All have the same values afterwards.

    Args:
        net: A network that has seen an input.
        backend: Its backend.
        X: An input.
    """
    known, others = backend.statistics(net), backend.others(net)
    others = [each for each in others if len(each.key) == 1]
    if not others:
        return known
    before = [(each, each.read()) for each in [*known, *others]]
    backend.forward(net, X, True)
    moved = [
        each
        for each, value in before[len(known) :]
        if not np.array_equal(each.read(), value)
    ]
    for each, value in before:
        each.write(value)
    return known + moved


def _in_a_list(name):
    return (
        f"the layers in `{name}` are no part of the network, which does not "
        "look into a plain list: use the framework's list or sequence of "
        "layers"
    )


def _reason_of(error, net, backend):
    """Return what explains that a network cannot be run, if it is seen."""
    if names := recognise.unregistered(net, backend):
        return _in_a_list(names[0])
    if _NEW_LAYER.search(str(error)):
        return (
            "a layer is made while the network is called, where its weights "
            "cannot be made; make all layers in `__init__`"
        )
    return None


_NEW_LAYER = re.compile("has not been initialized|new elements of state")
