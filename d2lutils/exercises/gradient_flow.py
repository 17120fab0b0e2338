"""Checks for the exercises of the chapter on the flow of gradients."""

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable

import numpy as np

from d2lutils.backends.variable import canonical
from d2lutils.check.answer import Wrong, exercise, in_case
from d2lutils.check.blocks import basic, residual_branch
from d2lutils.check.compare import (
    array,
    function,
    integer,
    number,
    same_again,
    same_function,
    same_results,
)
from d2lutils.check.gradients import (
    backward_raises,
    by_shape,
    compare_sums,
    compare_with,
    weight_of,
)
from d2lutils.check.models import book, filled
from d2lutils.check.recognise import backend_of
from d2lutils.check.reference import Weights, relu


@exercise(
    label="ex-gradient-flow-paths",
    hint="At each block a path goes either through the layers or along the "
    "shortcut; in a plain stack there is no choice.",
    second_hint="There are nine choices between two ways; four of the nine "
    "blocks can be chosen in “9 over 4” ways. A removed residual block still "
    "has its shortcut; a plain stack has nothing in its place.",
    why="Removing two of nine blocks leaves a quarter of the paths, and "
    "cutting a plain stack leaves none. Veit et al. (2016) saw this "
    "difference when they removed layers from trained networks. The "
    "chapter's lesion study repeats it.",
    read="gradient_flow#a-lesion-study",
)
def paths(
    all_paths: int, through_four: int, left: int, left_plain: int
) -> None:
    """Check the numbers of paths through nine blocks."""
    integer(
        "all_paths",
        all_paths,
        512,
        {
            511: "`all_paths` lacks one: the path through no block is one, "
            "too",
            81: "`all_paths` is 9², but each of nine blocks gives two choices",
            9: "`all_paths` counts the paths through exactly one block",
        },
    )
    integer(
        "through_four",
        through_four,
        math.comb(9, 4),
        {
            math.perm(9, 4): "`through_four` counts the orders in which four "
            "blocks can be named; a path meets them in one order only",
            16: "`through_four` counts the paths through four blocks alone",
        },
    )
    integer(
        "left",
        left,
        128,
        {
            510: "`left` is smaller by two; each removal does more than that",
            384: "`left` is three quarters, but how many paths have seven "
            "blocks?",
            256: "`left` is right for one removed block; two are removed",
        },
    )
    integer(
        "left_plain",
        left_plain,
        0,
        {
            1: "`left_plain`: a plain stack has one path, and the missing "
            "block was on it",
        },
    )


@exercise(
    label="ex-gradient-flow-scaled",
    hint="Unroll two blocks and see how often the first input is multiplied "
    "by λ.",
    second_hint="The direct path goes through no branch, only through the "
    "shortcuts. Each of the 50 multiplies the gradient by λ.",
    why="If a factor is a little off one, its fiftieth power is far off one: "
    "the direct path is open only if the shortcut is the identity. He et "
    "al., Identity Mappings in Deep Residual Networks (2016), Sections 2 and "
    "3, derive it and test many other shortcuts.",
    read="gradient_flow#from-one-block-to-many",
)
def scaled_shortcut(less: float, more: float) -> None:
    """Check what 50 scaled shortcuts do to the direct gradient."""
    for name, value, scale in ("less", less, 0.9), ("more", more, 1.1):
        number(
            name,
            value,
            scale**50,
            {
                scale: f"`{name}` is the factor of one block",
                scale * 50: f"`{name}` adds up what is to be multiplied",
                (1 + scale) ** 50: f"`{name}` includes the branches; the "
                "direct path goes through none",
                1 / scale**50: f"`{name}` is the reciprocal",
                1 + 50 * (scale - 1): f"`{name}` adds up what is to be "
                "multiplied",
            },
            tolerance=0.01,
        )


def _product(g, jacobians, identity=1.0):
    for J in reversed(jacobians):
        g = g @ (identity * np.eye(len(J)) + J)
    return g


def _forwards(g, jacobians):
    return _product(g, jacobians[::-1])


def _column(g, jacobians):
    for J in jacobians:
        g = g + J @ g
    return g


def _columns_back(g, jacobians):
    return _column(g, jacobians[::-1])


def _one_more(g, jacobians):
    return _product(g, jacobians) + g


@exercise(
    label="ex-gradient-flow-order",
    hint="Which block does the gradient meet first on its way down?",
    second_hint="The gradient comes from the top, so it meets the Jacobian of "
    "the last block first. Follow a row `g` through two blocks on paper.",
    why="A row from the top, multiplied from the right by one factor after "
    "the other, is reverse-mode differentiation: it never forms a product of "
    "two Jacobians, which would cost d³ instead of d². The chapter's "
    "`pull_back` is one such step.",
    read="gradient_flow#checking-the-formulas",
)
def product_order(gradient_at_input: Callable) -> None:
    """Check the product of a stack's factors."""
    rng = np.random.default_rng(0)
    cases, drawn = [], []
    for L, d in (1, 5), (3, 5), (4, 5), (2, 3), (6, 2), (9, 7), (5, 4):
        J = rng.standard_normal((L, d, d)) / 3
        case = rng.standard_normal(d), list(J)
        (cases if d == 5 else drawn).append(case)
    same_results(
        "gradient_at_input",
        gradient_at_input,
        _product,
        cases,
        [
            (
                _forwards,
                "the factors are in the order of the forward pass",
            ),
            (_column, "`g` is treated as a column, not as a row"),
            (_columns_back, "`g` is treated as a column, not as a row"),
            (
                functools.partial(_product, identity=0.0),
                "the identities are missing: this is a plain stack",
            ),
            (_one_more, "the direct path is counted twice"),
        ],
        tolerance=1e-6,
        more=drawn,
    )


@exercise(
    label="ex-gradient-flow-one-way",
    hint="Which of the two terms of the sum depends on the input, as far as "
    "automatic differentiation knows?",
    second_hint="Follow `inputs` from the line that makes it to the addition. "
    "What does the function around `X` do to a derivative?",
    why="A network can have the right outputs and still not learn properly. "
    "A falling loss shows little, because the parameters after the cut are "
    "trained. To test gradients, compare them with difference quotients, as "
    "this check does: the change of an output divided by the step that "
    "caused it. The chapter The Same Numbers in Three Frameworks compares "
    "gradients between frameworks.",
    read="same_numbers#four-things-to-compare",
)
def one_way_shortcut(block: Callable) -> None:
    """Check the block whose shortcut passed no gradient."""
    for arguments in (4, 4, 1), (4, 6, 2):
        in_channels, channels, stride = arguments
        case = f"{in_channels} to {channels} channels, stride {stride}"
        with in_case(case):
            same_function(
                block,
                functools.partial(basic, channels=channels, stride=stride),
                (2, in_channels, 8, 8),
                arguments=arguments,
                case=case,
            )


@exercise(
    label="ex-gradient-flow-bounds",
    hint="How much shorter, at most, can one factor I + J make a row? How "
    "much longer?",
    second_hint="By the triangle inequality, g + gJ is at most (1 + ε) and at "
    "least (1 − ε) times as long as g. What do 50 such factors make?",
    why="The bounds stay where they are as the network grows if ε shrinks "
    "like 1/L. In a plain network the same ε would only give ε^L: nearly "
    "zero. A shortcut guarantees no more than this. The chapter measures "
    "what branches do to it in practice.",
    read="gradient_flow#the-gradient-before-training",
)
def gradient_bounds(lower: float, upper: float) -> None:
    """Check bounds for the norm of a gradient pulled through 50 blocks."""
    number(
        "lower",
        lower,
        0.98**50,
        {
            math.exp(-1): "`lower` is the limit for ever more blocks; here "
            "there are 50",
            0: "`lower` is nearly zero, as in a plain network; here every "
            "factor contains an identity",
            1.02**50: "`lower` and `upper` are exchanged",
        },
        tolerance=2e-3,
    )
    number(
        "upper",
        upper,
        1.02**50,
        {
            math.e: "`upper` is the limit for ever more blocks; here there "
            "are 50",
            2: "`upper` adds up 50 times ε; the factors multiply",
        },
        tolerance=2e-3,
    )


def _by_length(g, pull_backs):
    rows = [g]
    for pull in reversed(pull_backs):
        through = [pull(row) for row in rows]
        rows = [
            (rows[k] if k < len(rows) else 0 * g)
            + (through[k - 1] if k else 0)
            for k in range(len(rows) + 1)
        ]
    return rows


@exercise(
    label="ex-gradient-flow-lengths",
    hint="At each block, every gradient in the list splits in two: one keeps "
    "its number of branches, one gets one more.",
    second_hint="Start with the list `[g]` and go through the blocks from the "
    "last to the first. The new entry k is the old entry k plus the old entry "
    "k − 1 pulled through the branch.",
    why="The sum over 2^L paths takes only L(L+1)/2 steps of "
    "backpropagation, because paths of equal length can be summed as you go. "
    "Veit et al. (2016), Section 4.3, asked the same question about lengths, "
    "but drew paths at random.",
    read="gradient_flow#two-to-the-power-of-n-paths",
)
def gradients_by_length(by_length: Callable) -> None:
    """Check the sums of the paths of each length."""
    function("by_length", by_length)
    rng = np.random.default_rng(0)
    for L, d in (1, 5), (2, 5), (4, 5), (3, 2), (6, 3), (7, 4):
        J = rng.standard_normal((L, d, d)) / 2
        pulls = [functools.partial(_pull, A) for A in J]
        g = rng.standard_normal(d)
        rows, again = (by_length(g.copy(), [*pulls]) for _ in range(2))
        if not isinstance(rows, list | tuple | np.ndarray):
            raise Wrong(
                f"`by_length` returns a {type(rows).__name__}, not a list of "
                "arrays"
            )
        if len(rows) != L + 1:
            raise Wrong(
                f"for L = {L} the list has {len(rows)} entries; k runs from 0 "
                "to L"
            )
        right = _by_length(g, pulls)
        if np.allclose(np.stack(rows), right[::-1]):
            raise Wrong("the list is in falling order of length")
        if L > 1 and np.allclose(np.stack(rows), _by_length(g, pulls[::-1])):
            raise Wrong(
                "the loop goes through the blocks from the first to the "
                "last; the gradient meets the last one first"
            )
        for k, (row, correct) in enumerate(zip(rows, right, strict=True)):
            array(f"by_length(…)[{k}], for L = {L}", row, correct, 1e-6)
        same_again(f"by_length(…), for L = {L}", rows, again, 1e-6)


def _pull(A, row):
    return row @ A


@exercise(
    label="ex-gradient-flow-lesion",
    hint="Flatten the stages into one list of parts, and remember that "
    "removing one changes the numbers of the others.",
    second_hint="Put the blocks of all three stages into one list, keep those "
    "whose index is not in `removed`, and build a new network around them "
    "with the same stem and head. Do not delete anything from `net`.",
    why="With several blocks removed at once you can draw the curve of Veit "
    "et al. (2016), Figure 5: the error of a residual network grows smoothly "
    "with the number of blocks removed. The next exercises ask what that "
    "shows.",
    read="gradient_flow#a-lesion-study",
)
def lesion(without: Callable) -> None:
    """Check a function that removes blocks from a network."""
    function("without", without)
    backend, models = book(without)
    trial = _Lesions(without, backend, models, 2)
    trial.compare([], [5], [0, 1])
    trial.compare([5, 0, 3])
    _Lesions(without, backend, models, 3).compare([7, 4, 5, 2, 0])


class _Lesions:
    """A network, and what a function makes of it that removes blocks."""

    def __init__(self, without, backend, models, num_blocks):
        self.X = np.random.default_rng(1).standard_normal((3, 1, 12, 12))
        self.without, self.backend = without, backend
        self.num_blocks = num_blocks
        self.net = models.SmallResNet(models.BasicBlock, num_blocks)
        filled(backend, self.net, self.X)
        self.weights = backend.get_weights(self.net)
        self.whole = backend.forward(self.net, self.X)

    def compare(self, *lesions):
        """Compare the scores without some blocks, at last in training."""
        given = [(removed, self.scores(removed)) for removed in lesions]
        for removed, (_, scores) in given:
            right = self.right(removed)
            if scores.shape != right.shape:
                raise Wrong(
                    f"`without(net, {removed})` returns the shape "
                    f"{scores.shape}, `net` itself {right.shape}"
                )
            if not _alike(scores, right):
                self.blame(removed, scores)
        self.compare_training(removed, given[-1][1][0])

    def scores(self, removed):
        """Return the network without blocks, and its scores."""
        part = self.without(self.net, list(removed))
        if part is None:
            raise Wrong("`without` returns None: `return` is missing")
        if not self.backend.is_network(part):
            raise Wrong(
                f"`without` returns a {type(part).__name__}, not a network"
            )
        scores = self.backend.forward(part, self.X)
        whole = self.backend.forward(self.net, self.X)
        if not np.allclose(whole, self.whole, atol=1e-5):
            raise Wrong(
                f"`without(net, {removed})` changes `net` itself; the next "
                "lesion starts from a damaged network"
            )
        return part, scores

    def right(self, removed, training=False):
        """Return the scores of the network, where blocks do nothing."""
        self.backend.set_weights(self.net, self.weights_without(removed))
        scores = self.backend.forward(self.net, self.X, training)
        self.backend.set_weights(self.net, self.weights)
        return scores

    def weights_without(self, removed):
        """Return the weights with which blocks do nothing."""
        weights = dict(self.weights)
        for block in map(self.block, removed):
            for name in (f"{block}bn2.weight", f"{block}bn2.bias"):
                weights[name] = 0 * weights[name]
        return weights

    def block(self, index):
        """Return how the names of a block's weights begin."""
        stage, block = divmod(index, self.num_blocks)
        return f"layer{stage + 1}.{block}."

    def compare_training(self, removed, part):
        """Compare the parameters that are left, and scores in training."""
        call = f"`without(net, {removed})`"
        gone = tuple(map(self.block, removed))
        wanted = Counter(
            canonical(W.shape)
            for name, W in self.weights.items()
            if "running" not in name and not (gone and name.startswith(gone))
        )
        if wanted - Counter(v.key for v in self.backend.parameters(part)):
            raise Wrong(
                f"{call} computes what it should, but its layers are no part "
                "of it: an optimiser does not find their parameters"
            )
        scores = self.backend.forward(part, self.X, True)
        if not _alike(scores, self.right(removed, True)):
            raise Wrong(
                f"{call} is right in evaluation mode, and computes something "
                "else in training mode"
            )
        self.compare_gradients(removed, part)

    def compare_gradients(self, removed, part):
        """Compare the gradients with those where blocks do nothing."""
        weight = weight_of((len(self.X), 10))
        found = by_shape(self.backend, part, self.X, weight, False)
        self.backend.set_weights(self.net, self.weights_without(removed))
        right = by_shape(self.backend, self.net, self.X, weight, False)
        self.backend.set_weights(self.net, self.weights)
        # Of the blocks that do nothing, the last scale and shift have one.
        right = {s: gradient for s, gradient in right.items() if len(s) != 1}
        compare_sums(found, right, f"of `without(net, {removed})`")

    def blame(self, removed, scores):
        """Say which blocks are missing instead of the right ones."""
        call = f"`without(net, {removed})`"
        # The first blocks of the later stages change the shape.
        n = self.num_blocks
        free = [i for i in range(3 * n) if i < n or i % n]
        for count in range(4):
            for others in itertools.combinations(free, count):
                if _alike(scores, self.right(others)):
                    lost = ", ".join(map(str, others)) or "none"
                    raise Wrong(f"{call} removes other blocks: {lost}")
        raise Wrong(
            f"{call} computes something else than the network without these "
            "blocks"
        )


def _alike(scores, right):
    return np.allclose(scores, right, atol=1e-3 * np.abs(right).max())


KEEP = 0.8


def _dropped(X, weights, training, factor=KEEP):
    Y = residual_branch(X, weights, training, X.shape[1])
    return relu(X + factor * Y)


@exercise(
    label="ex-gradient-flow-stochastic",
    hint="In training, one random number per call decides; in evaluation "
    "nothing is random.",
    second_hint="In training, draw one number between 0 and 1 and return the "
    "activated input if it is at least `keep`, else the whole block. In "
    "evaluation, multiply the branch by `keep` before you add it.",
    why="A network trained in this way is used to losing blocks, and a step "
    "costs less. Huang et al., Deep Networks with Stochastic Depth (2016, "
    "arXiv:1603.09382), trained 1,202 layers with it; their `keep` falls "
    "with the depth of the block. The chapter's lesion study removes blocks "
    "after training instead.",
    read="gradient_flow#a-lesion-study",
)
def stochastic_depth(block: Callable) -> None:
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
    backend = backend_of(net)
    kept = _dropped(X, Weights(), True, factor=1)
    scaled = _dropped(X, Weights(), True, factor=1 / KEEP)
    count = 0
    for _ in range(60):
        for variable in [*backend.parameters(net), *backend.statistics(net)]:
            variable.fill()
        Y = backend.forward(net, X, True)
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
    _compare_trained(backend, net, X, kept)


def _compare_trained(backend, net, X, kept):
    """Compare the gradients of a training step that has the branch."""
    weight = weight_of(X.shape)
    for _ in range(60):
        for variable in [*backend.parameters(net), *backend.statistics(net)]:
            variable.fill()
        try:
            Y, *found = backend.gradients(net, X, weight, True)
        except Exception as error:
            raise backward_raises(error) from None
        if _like(Y, kept):
            whole = functools.partial(_dropped, factor=1)
            compare_with(whole, X, True, backend.parameters(net), *found)
            return


def _like(Y, right):
    return np.allclose(Y, right, atol=2e-3 * np.abs(right).max())


def _blame_step(Y, X, kept, scaled):
    if _like(Y, scaled):
        raise Wrong(
            "in training mode the branch is divided by `keep`: the exercise "
            "asks for another convention"
        )
    if all(
        _like(y, x) or _like(y, k) for y, x, k in zip(Y, X, kept, strict=True)
    ):
        raise Wrong(
            "a coin is tossed for each example; it should be one for the "
            "whole mini-batch"
        )
    if _like(Y, _dropped(X, Weights(), True)):
        raise Wrong("the branch is multiplied by `keep` in training, too")
    raise Wrong(
        "in training mode the output is neither the input nor the output of "
        "the whole block"
    )
