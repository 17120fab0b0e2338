"""Checks for the exercises on lost blocks, of the same chapter."""

import functools
import itertools

import numpy as np

from ._answer import Wrong, exercise
from ._compare import function, same_function
from ._function_classes import book, filled
from ._reference import Weights, relu
from ._residual_block import residual_branch


@exercise(
    label="ex-gradient-flow-lesion",
    hint="Flatten the stages into one list of parts, and mind that taking "
    "one out changes the numbers of the others.",
    why="With several blocks removed at once you can draw the curve of Veit "
    "et al. (2016), Figure 5: the error of a residual network grows smoothly "
    "with the number of blocks removed. The next exercises ask what that "
    "shows.",
)
def lesion(without):
    """Check a function that removes blocks from a network."""
    function("without", without)
    fw, d2l, models = book(without)
    X = np.random.default_rng(1).standard_normal((3, 1, 12, 12))
    net = models.SmallResNet(models.BasicBlock, 2)
    filled(fw, d2l, net, X)
    before = d2l.get_weights(net)
    whole = fw.forward(net, X, False)
    given = {}
    for removed in ([], [5], [0, 1]):
        lesioned = without(net, removed)
        if lesioned is None:
            raise Wrong("`without` returns None: `return` is missing")
        if not fw.is_network(lesioned):
            raise Wrong(
                f"`without` returns a {type(lesioned).__name__}, not a network"
            )
        given[tuple(removed)] = fw.forward(lesioned, X, False)
        if not np.allclose(fw.forward(net, X, False), whole, atol=1e-5):
            raise Wrong(
                f"`without(net, {removed})` changes `net` itself; the next "
                "lesion starts from a damaged network"
            )
    names = [f"layer{i + 1}.{j}" for i in range(3) for j in range(2)]
    for removed, scores in given.items():
        right = whole
        if removed:
            silent = [names[i] for i in removed]
            right = _silenced(fw, d2l, net, before, X, silent)
        if scores.shape != right.shape:
            raise Wrong(
                f"`without(net, {list(removed)})` puts out the shape "
                f"{scores.shape}, `net` itself {right.shape}"
            )
        if not np.allclose(scores, right, atol=1e-3 * np.abs(right).max()):
            _blame(fw, d2l, net, before, X, names, removed, scores)


def _silenced(fw, d2l, net, weights, X, names):
    """Return the scores of a network, some blocks of which do nothing."""
    weights = dict(weights)
    for name in names:
        for part in ("weight", "bias"):
            key = f"{name}.bn2.{part}"
            weights[key] = 0 * weights[key]
    kept = d2l.get_weights(net)
    d2l.set_weights(net, weights)
    scores = fw.forward(net, X, False)
    d2l.set_weights(net, kept)
    return scores


def _blame(fw, d2l, net, weights, X, names, removed, scores):
    """Say which blocks are missing instead of the right ones."""
    call = f"`without(net, {list(removed)})`"
    for count in range(4):
        for others in itertools.combinations((0, 1, 3, 5), count):
            wrong = _silenced(
                fw, d2l, net, weights, X, [names[i] for i in others]
            )
            if np.allclose(scores, wrong, atol=1e-3 * np.abs(wrong).max()):
                lost = ", ".join(map(str, others)) or "none"
                raise Wrong(f"{call} removes other blocks: {lost}")
    raise Wrong(
        f"{call} computes something else than the network without these blocks"
    )


KEEP = 0.8


def _dropped(X, weights, training, factor=KEEP):
    Y = residual_branch(X, weights, training, X.shape[1])
    return relu(X + factor * Y)


@exercise(
    label="ex-gradient-flow-stochastic",
    hint="One random number a call decides in training; in evaluation "
    "nothing is random.",
    why="Trained so, a network is used to losing blocks, and a step costs "
    "less. Huang et al., Deep Networks with Stochastic Depth (2016, "
    "arXiv:1603.09382), trained 1,202 layers with it, letting the "
    "probability fall with the depth of the block. The lesion study shows "
    "why the network bears it.",
)
def stochastic_depth(block):
    """Check a block whose branch is dropped at random in training."""
    X = np.abs(np.random.default_rng(0).standard_normal((4, 4, 6, 6)))
    net = same_function(
        block,
        _dropped,
        X.shape,
        arguments=(4, KEEP),
        modes=(False,),
        inputs=X,
        mistakes=[
            (
                functools.partial(_dropped, factor=1),
                "in evaluation mode the branch is not multiplied by `keep`",
            ),
            (
                functools.partial(_dropped, factor=1 - KEEP),
                "in evaluation mode the branch is multiplied by the "
                "probability of its loss",
            ),
            (
                functools.partial(_dropped, factor=0),
                "in evaluation mode the branch is missing",
            ),
        ],
    )
    fw = book(net)[0]
    kept = _dropped(X, Weights(), True, factor=1)
    scaled = _dropped(X, Weights(), True, factor=1 / KEEP)
    count = 0
    for _ in range(60):
        for variable in [*fw.parameters(net), *fw.state(net)]:
            variable.fill()
        Y = fw.forward(net, X, True)
        if _like(Y, kept):
            count += 1
        elif not _like(Y, X):
            _blame_step(Y, X, kept, scaled)
    if count in (0, 60):
        words = "always" if count else "never"
        raise Wrong(f"in training mode the branch is {words} there")
    if count < 36:
        raise Wrong(
            f"with `keep` = {KEEP} the branch was there in only {count} of 60 "
            "training steps"
        )


def _like(Y, right):
    return np.allclose(Y, right, atol=2e-3 * np.abs(right).max())


def _blame_step(Y, X, kept, scaled):
    if _like(Y, scaled):
        raise Wrong(
            "in training mode the branch is divided by `keep`: another "
            "convention than the one asked for"
        )
    if all(
        _like(y, x) or _like(y, k) for y, x, k in zip(Y, X, kept, strict=True)
    ):
        raise Wrong(
            "the coin is thrown for each example; it is one for the whole "
            "mini-batch"
        )
    if _like(Y, _dropped(X, Weights(), True)):
        raise Wrong("the branch is multiplied by `keep` in training, too")
    raise Wrong(
        "in training mode the output is neither the input nor that of the "
        "whole block"
    )
