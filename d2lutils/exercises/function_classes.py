"""Checks for the exercises of the chapter on function classes."""

import functools
from collections import Counter
from collections.abc import Callable

import numpy as np

from d2lutils.check.answer import Wrong, exercise, in_case
from d2lutils.check.blocks import basic, plain, residual_branch
from d2lutils.check.compare import (
    boolean,
    function,
    integer,
    same_function,
    together,
)
from d2lutils.check.gradients import by_shape, compare_sums, weight_of
from d2lutils.check.models import book, filled
from d2lutils.check.recognise import network
from d2lutils.check.reference import relu


@exercise(
    label="ex-function-classes-count",
    hint="Two formulas of the chapter answer both questions, with 16 "
    "channels in the first stage.",
    second_hint="The depth is 6n + 2. The stages have 16, 32 and 64 channels; "
    "the first convolution of stages 2 and 3 has half as many channels going "
    "in. Add two parameters per channel for each batch normalisation, and the "
    "last layer with its bias.",
    why="He et al. (2016), Section 4.2, trained the residual network of this "
    "depth to 6.43 % test error on CIFAR-10. It has far fewer parameters "
    "than ResNet-18: a deep network need not be large.",
    read="function_classes#the-recorded-result",
)
def plain_110(num_blocks: int, parameters: int) -> None:
    """Check the size of the plain network of 110 layers."""
    integer(
        "num_blocks",
        num_blocks,
        18,
        {
            54: "`num_blocks` counts the blocks of all three stages; how "
            "many are there in one stage?",
            36: "`num_blocks` counts convolutions; a block has two",
        },
    )
    n, c = 18, 16
    right = n * (378 * c**2 + 28 * c) - 90 * c**2 + 51 * c + 10
    norms = 2 * c + n * 28 * c
    integer(
        "parameters",
        parameters,
        right,
        {
            right + 10 * c**2 + 12 * c: "`parameters` is that of the "
            "residual network, with its two projections",
            right - norms: "`parameters` lacks those of batch normalisation",
            right - 10: "`parameters` lacks the biases of the last layer",
            right + 18 * c: "`parameters` is that of a network for images of "
            "three channels",
        },
    )


@exercise(
    label="ex-function-classes-certain",
    hint="A statement is certain if it compares a class with one that it "
    "contains, and is about the training loss.",
    second_hint="For each statement, look for one set of points that "
    "contradicts it. You will find none exactly where the smaller class lies "
    "inside the larger one and the statement speaks of the points it was "
    "fitted to.",
    why="Nesting orders the best training losses and nothing else: not "
    "classes of equal size, not the loss on unseen points, and not what an "
    "optimiser finds. Read on in "
    "`Function Classes and the Degradation Problem`, "
    "`What Nesting Guarantees, and What It Does Not`.",
    read="function_classes#what-nesting-guarantees-and-what-it-does-not",
)
def certain(a: bool, b: bool, c: bool, d: bool, e: bool) -> None:
    """Check which statements on least squares always hold."""
    given = {"a": a, "b": b, "c": c, "d": d, "e": e}
    together(
        "not all five are right",
        *(
            functools.partial(boolean, name, value, name in "ae", name)
            for name, value in given.items()
        ),
    )


def _embedding(embed, residual, modes):
    """Check that `embed` makes a deep network compute what a shallow does."""
    function("embed", embed)
    backend, models = book(embed)
    X = np.random.default_rng(1).standard_normal((4, 1, 8, 8))

    def make(num_blocks):
        block = models.BasicBlock if residual else models.PlainBlock
        net = models.SmallResNet(block, num_blocks)
        backend.forward(net, X)
        return net

    shallow, deep = filled(backend, make(1), X), make(2)
    _compare_embedded(embed, backend, X, shallow, deep, modes)
    _train_on(backend, X, shallow, deep, make(2), modes[-1])
    _compare_embedded(embed, backend, X, shallow, make(3), modes)


def _compare_embedded(embed, backend, X, shallow, deep, modes):
    before, fresh = backend.get_weights(shallow), backend.get_weights(deep)
    trained = Counter(v.key for v in backend.parameters(deep))
    wanted = backend.forward(shallow, X)
    embed(shallow, deep)
    after = backend.get_weights(shallow)
    changed = [k for k in before if not np.array_equal(before[k], after[k])]
    if changed:
        raise Wrong(
            f"`embed` has changed the shallow network, first `{changed[0]}`"
        )
    given = backend.get_weights(deep)
    for name, W in fresh.items():
        if name not in given or given[name].shape != W.shape:
            raise Wrong(
                f"`{name}` of the deep network is gone: `embed` should give "
                "all of its blocks weights, not replace or remove some"
            )
    for name, W in before.items():
        if not np.allclose(W, given[name], atol=1e-6):
            raise Wrong(
                f"`{name}` exists in both networks, but the deep one does "
                "not have the values of the shallow one"
            )
    for training in modes:
        if training:
            wanted = backend.forward(shallow, X, True)
        _compare(wanted, backend.forward(deep, X, training), training, given)
    if Counter(v.key for v in backend.parameters(deep)) != trained:
        raise Wrong(
            "`embed` changes which parameters of `deep` can be trained"
        )


def _train_on(backend, X, shallow, deep, other, training):
    """Give the deep network other weights, as if it were trained on."""
    before = backend.get_weights(shallow)
    for net in deep, other:
        filled(backend, net, X, 7)
    for name, W in backend.get_weights(shallow).items():
        if not np.array_equal(W, before[name]):
            raise Wrong(
                f"the networks share `{name}`: if the deep one is trained on, "
                "the shallow one changes, too",
                "Copy the values, not the layers or the arrays.",
            )
    wanted, found = (backend.forward(net, X) for net in (other, deep))
    if not np.allclose(found, wanted, atol=1e-3 * np.abs(wanted).max()):
        raise Wrong(
            "with new weights `deep` does not compute what such a network "
            "does, so `embed` has changed more than its weights"
        )
    weight = weight_of(wanted.shape)
    found, right = (
        by_shape(backend, net, X, weight, training) for net in (deep, other)
    )
    compare_sums(found, right, "after `embed`")


def _compare(wanted, scores, training, weights):
    error = np.abs(scores - wanted).max() / np.abs(wanted).max()
    if error <= 1e-3:
        return
    mode = "training" if training else "evaluation"
    what = (
        f"in {mode} mode the scores differ, by up to {error:.2g} times the "
        "largest score"
    )
    kernel = weights["layer1.1.conv1.weight"]
    places = {tuple(place[2:]) for place in np.argwhere(kernel)}
    if len(places) == 1 and places != {(1, 1)}:
        row, column = (int(i) for i in places.pop())
        what += (
            "; the kernels of the added blocks are nonzero only at row "
            f"{row}, column {column}, which moves the image"
        )
    elif training:
        what += ": the added blocks are silent in evaluation mode only"
    raise Wrong(what)


@exercise(
    label="ex-function-classes-slip",
    hint="What does a convolution do if its kernel is 1 in one place and 0 "
    "elsewhere?",
    second_hint="A 3×3 kernel that passes a channel on unchanged has its 1 in "
    "the middle. Where does the 1 of this kernel stand?",
    why="The deeper plain network can compute the shallower one's function, "
    "up to rounding. To find it, an optimiser must come close to every one "
    "of the weights that you wrote. He et al. (2016), Section 1, argue with "
    "this construction.",
    read="function_classes#the-better-solution-exists",
)
def slipped_embed(embed: Callable) -> None:
    """Check the embedding of a plain network in a deeper one."""
    _embedding(embed, False, (False,))


@exercise(
    label="ex-function-classes-embed",
    hint="The branches of the added blocks have to be silent, whatever the "
    "weights of their convolutions and whatever the batch.",
    second_hint="Copy what exists in both networks, and set the scale γ and "
    "the shift β of the last batch normalisation of each added block to zero.",
    why="One number per channel is enough to add a block to a trained "
    "residual network without changing what it computes, in both modes. "
    "Goyal et al. (2017) start training with these γ at zero. Networks that "
    "grow during training use the same idea.",
    read="function_classes#the-better-solution-exists",
)
def embed_residual(embed: Callable) -> None:
    """Check the embedding of a residual network in a deeper one."""
    _embedding(embed, True, (False, True))


@exercise(
    label="ex-function-classes-fair",
    hint="Which of the two networks has weights on its shortcuts, and where? "
    "What could replace it that has none?",
    second_hint="Take every second row and column of the input where the "
    "stride is 2, and add channels of zeros until the number fits: that is a "
    "shortcut without weights.",
    why="An experiment shows the effect of one thing only if nothing else "
    "differs. He et al. (2016) used such shortcuts in their comparison of "
    "plain and residual networks (option A, Section 4.1), so that the number "
    "of parameters could not explain the difference.",
    read="residual_block#the-shortcut-must-fit",
)
def fair_block(block: Callable) -> None:
    """Check a residual block with the parameters of the plain one."""
    if getattr(block, "expansion", None) != 1:
        raise Wrong("the class has no attribute `expansion`, or it is not 1")
    with in_case("4 to 4 channels, stride 1"):
        same_function(
            block,
            basic,
            (2, 4, 8, 8),
            arguments=(4, 4, 1),
            mistakes=[
                (
                    functools.partial(plain, channels=4, stride=1),
                    "the input is not added: this is the plain block",
                )
            ],
            case="4 to 4 channels, stride 1",
        )
    for arguments in (4, 8, 2), (4, 6, 1), (3, 3, 2), (5, 10, 2):
        case = f"{arguments[0]} to {arguments[1]} channels, stride " + str(
            arguments[2]
        )
        with in_case(case):
            _fair(block, arguments, case)


def _fair(block, arguments, case):
    in_channels, channels, stride = arguments
    net, backend = network(block, arguments)
    # No two entries alike, for those that choose the largest.
    X = np.random.default_rng(0).permutation(
        np.linspace(-2, 2, 288 * in_channels)
    )
    X = X.reshape(3, in_channels, 8, 12)
    Y = backend.forward(net, X)
    if np.shape(Y) != (3, channels, 8 // stride, 12 // stride):
        raise Wrong(
            f"{case}: for an input of shape {backend.shown(X.shape)} the "
            f"output has the shape {backend.shown(np.shape(Y))}"
        )
    # In order of size, for names and order do not matter.
    shapes = sorted(variable.key for variable in backend.parameters(net))
    plain = [(channels,)] * 4
    plain += [(channels, in_channels, 3, 3), (channels, channels, 3, 3)]
    if shapes != sorted(plain):
        surplus = "more" if len(shapes) > len(plain) else "other"
        raise Wrong(
            f"{case}: the block has {surplus} parameters than `PlainBlock`: "
            f"their shapes are {', '.join(map(str, shapes))}"
        )
    shortcut = _shortcut(net, backend, X, case)

    def right(X, weights, training, act=relu, inner=relu):
        Y = residual_branch(X, weights, training, channels, stride, inner)
        return act(Y + shortcut(X))

    same_function(
        block,
        right,
        X.shape,
        arguments=arguments,
        inputs=X,
        mistakes=[
            (
                functools.partial(right, act=lambda Y: Y),
                "the ReLU after the addition is missing",
            ),
            (
                functools.partial(right, inner=lambda Y: Y),
                "the ReLU between the convolutions is missing",
            ),
        ],
        case=case,
    )


def _shortcut(net, backend, X, case):
    """Return what a block's shortcut adds near X, as a function.

    Raises:
        Wrong: It passes on too little.
    """
    # Kernels of zero make a branch of 4, so that the ReLU cuts nothing off.
    constants = {"mean": 0.0, "variance": 1.0}
    variables = [*backend.parameters(net), *backend.statistics(net)]

    def passed_on(X):
        with backend.kept(net):  # one block may serve for all
            for variable in variables:
                value = 0.0 if len(variable.key) > 1 else 4.0
                value = constants.get(variable.kind, value)
                variable.write(np.full(variable.shape, value, np.float32))
            return np.float64(backend.forward(net, X)) - 4

    passed, again = passed_on(X), passed_on(X)
    if passed.min() < -3:
        raise Wrong(
            f"{case}: the branch of the two convolutions is not added, at "
            "least not where it is positive"
        )
    if not np.allclose(passed, again, atol=1e-4):
        raise Wrong(f"{case}: the shortcut passes on something else each time")
    share = np.abs(passed).mean() / np.abs(X).mean()
    if share < 0.01:
        raise Wrong(
            f"{case}: with a branch that is constant the output hardly "
            "depends on the input, so nothing of the input is passed on"
        )
    if (np.abs(passed).max(axis=1) < 1e-4).any():
        raise Wrong(
            f"{case}: at some positions nothing of the input is passed on"
        )

    def shortcut(near):
        # In single precision, tiny steps show if they are made longer.
        step, size = near - X, np.abs(near - X).max()
        if size == 0:
            return passed
        moved = passed_on(X + 1e-3 / size * step)
        return passed + size / 1e-3 * (moved - passed)

    return shortcut
