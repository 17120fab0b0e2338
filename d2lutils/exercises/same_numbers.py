"""The checks of the chapter on the same numbers in three frameworks."""

from collections.abc import Callable, Iterable

import numpy as np

from d2lutils.check.answer import Wrong, exercise
from d2lutils.check.compare import (
    array,
    function,
    integer,
    same_again,
    same_function,
    same_results,
    trainable,
)
from d2lutils.check.networks import statistics
from d2lutils.check.recognise import backend_of, network


@exercise(
    label="ex-same-numbers-layout",
    hint="`transpose` takes, for each axis of the result, the number of the "
    "axis that it comes from; write the names of the old and new axes one "
    "below the other.",
    second_hint="(out, in, height, width) becomes (height, width, in, out): "
    "the new axes come from the old axes 2, 3, 1 and 0. For the way back, ask "
    "the same question once more.",
    why="The four axes of a kernel are the same in all frameworks, and only "
    "their order differs, so moving a convolution takes one transposition. "
    "d2l.get_weights and d2l.set_weights do no more than that for a "
    "convolution. Read on in One Dictionary of Weights.",
    read="same_numbers#one-dictionary-of-weights",
)
def kernel_layout(to_keras: Callable, from_keras: Callable) -> None:
    """Check the conversion of a kernel, in both directions, exactly."""
    rng = np.random.default_rng(0)

    def drawn(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    weight = drawn(2, 3, 5, 7)
    kernel = weight.transpose(2, 3, 1, 0)
    square = drawn(4, 4, 3, 3)
    others = [drawn(6, 3, 1, 1), drawn(1, 4, 5, 5)]
    others += [drawn(*rng.integers(1, 9, 4)) for _ in range(6)]
    swapped = "swaps the axes in and out"
    mirrored = "swaps height and width"
    shuffled = "is a reshape, which leaves the numbers in their old order"
    for name, convert, given, right, wrong in [
        (
            "to_keras",
            to_keras,
            weight,
            kernel,
            [
                (weight.transpose(2, 3, 0, 1), swapped),
                (weight.transpose(3, 2, 1, 0), mirrored),
                (weight.reshape(kernel.shape), shuffled),
            ],
        ),
        (
            "from_keras",
            from_keras,
            kernel,
            weight,
            [
                (kernel.transpose(2, 3, 0, 1), swapped),
                (kernel.transpose(3, 2, 1, 0), mirrored),
                (kernel.reshape(weight.shape), shuffled),
                (
                    kernel.transpose(2, 3, 1, 0),
                    "is the same permutation as for the way there; the way "
                    "back needs another",
                ),
            ],
        ),
        (
            "to_keras",
            to_keras,
            square,
            square.transpose(2, 3, 1, 0),
            [(square.transpose(2, 3, 0, 1), swapped)],
        ),
        (
            "from_keras",
            from_keras,
            square.transpose(2, 3, 1, 0),
            square,
            [(square.transpose(1, 0, 2, 3), swapped)],
        ),
        *(
            ("to_keras", to_keras, each, each.transpose(2, 3, 1, 0), [])
            for each in others
        ),
        *(
            ("from_keras", from_keras, each.transpose(2, 3, 1, 0), each, [])
            for each in others
        ),
    ]:
        result = function(name, convert)(given.copy())
        if result is None:
            raise Wrong(f"`{name}` returns None: `return` is missing")
        array(
            f"{name}(…)",
            result,
            right,
            tolerance=0,
            mistakes=[(w, f"`{name}` {words}") for w, words in wrong],
        )
        same_again(f"{name}(…)", result, convert(given.copy()), 0)


@exercise(
    label="ex-same-numbers-dense",
    hint="Write down a small matrix, say with 2 rows and 3 columns; then its "
    "transpose, and the result of a reshape to 3 rows.",
    second_hint="One framework stores (out, in) and the other (in, out). The "
    "array has to be transposed, even if it is square.",
    why="A reshape makes the array fit and gives no warning. The shapes are "
    "right, and the layer can be trained again; only the accuracy is lost. "
    "So compare outputs when you move a network. Read on in Moving a Network.",
    read="same_numbers#moving-a-network",
)
def load_dense(load_dense: Callable) -> None:
    """Check weights of a dense layer that come from another framework."""
    function("load_dense", load_dense)
    backend = backend_of(load_dense)
    layout = backend.kernel_layout
    inputs_first = layout.index("I") < layout.index("O")
    rng = np.random.default_rng(0)
    for inputs, outputs in (5, 3), (4, 4), (13, 2), (2, 6), (17, 20):
        W = rng.standard_normal((outputs, inputs)).astype(np.float32)
        bias = rng.standard_normal(outputs).astype(np.float32)
        X = rng.standard_normal((6, inputs)).astype(np.float32)
        # They come from a framework that has the other layout.
        theirs = W if inputs_first else W.T
        layer = backend.dense(inputs, outputs)
        load_dense(layer, theirs.copy(), bias.copy())
        shuffled = np.ascontiguousarray(theirs).reshape(theirs.T.shape)
        shuffled = shuffled.T if inputs_first else shuffled
        case = f"with {inputs} inputs and {outputs} outputs"
        if len(backend.parameters(layer)) != 2:
            raise Wrong(
                f"{case}: the layer no longer has two parameters that can be "
                "trained"
            )
        found = backend.forward(layer, X)
        mistakes = [
            (
                X @ W.T,
                f"{case}: the weights have arrived, but not the bias",
            ),
            (
                X @ shuffled.T + bias,
                f"{case}: the weights fit but are in the wrong places; "
                + (
                    "a square array fits without being transposed, too"
                    if inputs == outputs
                    else "a reshape does not change the order"
                ),
            ),
        ]
        right = X @ W.T + bias
        array(f"layer(X), {case},", found, right, 1e-5, mistakes)
        trainable(backend, layer, X, case=case)


def _conv(channels, size, stride, same=0):
    """Return a reference; `same` of 1 pads at the end, −1 at the start."""

    def net(X, weights, training):
        if not same:
            return weights.conv(X, channels, size, stride, padding=size // 2)
        total = max(size - stride, 0)
        sides = (total // 2, total - total // 2)[::same]
        X = np.pad(X, ((0, 0), (0, 0), sides, sides))
        return weights.conv(X, channels, size, stride)

    return net


@exercise(
    label="ex-same-numbers-padding",
    hint="For a row of 8 pixels and stride 2, write down which pixels the "
    "kernel covers at its first position.",
    second_hint="With kernel k the zeros on each side are k // 2, whatever "
    "the stride. Pad with this number explicitly.",
    why="Padding is a convention, and frameworks use the same word for "
    "different ones. With stride 2 the two networks look at the image with "
    "an offset of one pixel. Write padding out as numbers wherever you can. "
    "Read on in Residual Blocks, where `conv` does so.",
    read="residual_block#anatomy-of-a-block",
)
def moved_conv(conv: Callable) -> None:
    """Check a convolution for several kernels, strides, sizes (1e-3)."""
    for size, stride, side in [
        (3, 1, 8),
        (3, 2, 8),
        (3, 2, 7),
        (7, 2, 8),
        (1, 2, 8),
    ]:
        same_function(
            conv,
            _conv(6, size, stride),
            (2, 4, side, side),
            arguments=(4, 6, size, stride),
            case=f"with a {size}×{size} kernel, stride {stride} and a side "
            f"of {side}",
            mistakes=[
                (
                    _conv(6, size, stride, same=1),
                    "the shapes are right, but there are more zeros at the "
                    "end of each axis than at its start",
                ),
                (
                    _conv(6, size, stride, same=-1),
                    "the shapes are right, but there are more zeros at the "
                    "start of each axis than at its end",
                ),
            ],
        )


def _batch_norm(X, weights, training):
    return weights.batch_norm(X, training)


@exercise(
    label="ex-same-numbers-epsilon",
    hint="Every argument that you do not give has a default, and each "
    "framework has its own: look them up, one after the other.",
    second_hint="Keras' default ε is 1e-3 and its momentum 0.99; the book's "
    "layers have 1e-5, and the batch's statistics enter with a weight of a "
    "tenth.",
    why="A difference of half a thousandth in one layer becomes one in the "
    "third digit of the logits after twenty layers, and much more where a "
    "variance is small. Defaults are a part of the network that no file of "
    "weights contains. Read on in the exercise Which rows change?",
    read="same_numbers#the-proof",
)
def moved_batch_norm(batch_norm: Callable) -> None:
    """Check a batch normalisation; its epsilon to 10 %."""
    net, backend = network(batch_norm, (3,))
    variance = 1e-3
    X = np.random.default_rng(0).uniform(1, 2, (2, 3, 4, 4))
    backend.forward(net, X)
    wanted = {"mean": 0.0, "variance": variance}
    for variable in [*backend.parameters(net), *statistics(net, backend, X)]:
        kind = variable.kind
        if kind == "other":  # a layer of one's own: a variance begins at 1
            kind = "variance" if variable.read().all() else "mean"
        value = wanted.get(kind, 1.0)
        variable.write(np.full(variable.shape, value, np.float32))
    # Without what is added, β: with γ = 1 it is X / √(variance + ε).
    Y = backend.forward(net, 2 * X) - backend.forward(net, X)
    if Y.shape != X.shape or not np.isfinite(Y).all() or (Y == 0).any():
        raise Wrong("this is not a batch normalisation of three channels")
    epsilon = float(np.mean((X / Y) ** 2)) - variance
    if not np.isclose(epsilon, 1e-5, rtol=0.1):
        side = "large" if epsilon > 1e-5 else "small"
        factor = max(epsilon / 1e-5, 1e-5 / max(epsilon, 1e-12))
        raise Wrong(
            f"the outputs of a channel with a variance of {variance:g} are "
            f"off: what is added to the variance is too {side}, by a factor "
            f"of about {factor:,.0f}"
        )
    same_function(
        batch_norm, _batch_norm, (4, 3, 5, 5), arguments=(3,), momentum=0.1
    )


MISTAKES = ("projection", "padding", "epsilon")
ROWS = (
    "logits",
    "loss",
    "gradient",
    "weights after the step",
    "running mean",
    "running variance",
    "same, unbiased",
)


def _names(name, value, known):
    """Return the names in an answer, each of which has to be a known one."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple | set | frozenset):
        raise Wrong(
            f"`{name}` has to be a list of names, not the "
            f"{type(value).__name__} `{value!r}`",
            "",
        )
    found = set()
    for each in value:
        if each not in known:
            raise Wrong(
                f"`{name}` holds {each!r}; the names are "
                + ", ".join(repr(one) for one in known),
                "",
            )
        found.add(each)
    return found


@exercise(
    label="ex-same-numbers-found",
    hint="Ask of each mistake whether it changes the shape of anything, and "
    "whether it changes a number.",
    second_hint="Without the projection the addition gets two different "
    "shapes. A shifted window and another number under the root change no "
    "shape.",
    why="Most mistakes in moving a network change no shape. Tests of shapes "
    "are cheap and find the gross mistakes; to find the others, compare "
    "numbers. Read on in Four Things to Compare.",
    read="same_numbers#four-things-to-compare",
)
def mistakes_found(by_shapes: Iterable[str], by_logits: Iterable[str]) -> None:
    """Check which mistakes shapes find, and which logits."""
    shapes = _names("by_shapes", by_shapes, MISTAKES)
    logits = _names("by_logits", by_logits, MISTAKES)
    # A network that cannot be run has no logits to compare.
    if shapes != {"projection"} or logits | shapes != set(MISTAKES):
        raise Wrong("not both lists are right")


@exercise(
    label="ex-same-numbers-batch",
    hint="First find the largest n with n / (n − 1) − 1 above one thousandth; "
    "then count the positions that the last stage has for one image.",
    second_hint="n / (n − 1) − 1 = 1 / (n − 1). Count n as images times "
    "positions of the last stage: the network divides each side by 32.",
    why="The larger the batch and the image, the less it matters how a "
    "variance is estimated. It matters where a channel has few values: in "
    "the last stages, with small images, in batches of two. Read on in The "
    "Proof, where eight small images make n = 32.",
    read="same_numbers#the-proof",
)
def largest_batch(at_64: int, at_224: int) -> None:
    """Check the largest batch for which the two variances still differ."""
    for name, value, positions, less, more in [
        ("at_64", at_64, 4, 1, 16),
        ("at_224", at_224, 49, 9, 196),
    ]:
        sides = f"`{name}` takes the last stage to be"
        integer(
            name,
            value,
            1000 // positions,
            {
                1000 // less: f"{sides} half as high and wide as it is",
                1000 // more: f"{sides} twice as high and wide as it is",
                1000 // positions + 1: f"`{name}` is the first batch for "
                "which the difference is smaller",
                1000: f"`{name}` is a number of values in a channel, not of "
                "images",
                1001: f"`{name}` is a number of values in a channel, not of "
                "images",
            },
        )


@exercise(
    label="ex-same-numbers-rows",
    hint="Follow the epsilon, and then the weight of the new statistics, "
    "through evaluation, through training, and through the step.",
    second_hint="In training mode the outputs use the batch's statistics, "
    "and ε is added there, too. The step writes the running statistics but "
    "does not read them.",
    why="An epsilon affects every output and so every row. The weight of the "
    "new statistics affects only the running statistics: a comparison of "
    "outputs and gradients within one step cannot see it, and after an epoch "
    "it looks like overfitting. That is why the chapter compares four things "
    "and not one. Read on in Four Things to Compare.",
    read="same_numbers#four-things-to-compare",
)
def changed_rows(epsilon: Iterable[str], momentum: Iterable[str]) -> None:
    """Check which rows of the table two mistakes change."""
    running = set(ROWS[4:])
    for name, value, right in [
        ("epsilon", epsilon, set(ROWS)),
        ("momentum", momentum, running),
    ]:
        found = _names(name, value, ROWS)
        if surplus := found - right:
            first = next(row for row in ROWS if row in surplus)
            raise Wrong(
                f'`{name}` holds "{first}", which does not change: when are '
                "the running statistics used?"
            )
        if missing := right - found:
            which = (
                "a row that changes"
                if len(missing) == 1
                else f"{len(missing)} rows that change"
            )
            raise Wrong(f"`{name}` leaves out {which}")


def _running(rng, n):
    """Return a running variance before and after a step, and n."""
    before = rng.uniform(0.1, 3, rng.integers(1, 9))
    return before, 0.9 * before + 0.1 * rng.uniform(0.1, 4, before.size), n


def _unbiased(before, after, n):
    return 0.9 * before + (after - 0.9 * before) * n / (n - 1)


@exercise(
    label="ex-same-numbers-unbiased",
    hint="Take the new running variance apart: which part of it has been "
    "estimated from this batch?",
    second_hint="`after` is nine tenths of `before` plus a tenth of the "
    "batch's variance. Multiply only the second part by n / (n − 1).",
    why="A moving average mixes old and new estimates, and the frameworks "
    "differ only in the new one. With this function the last row of the "
    "table agrees at every step of a run, not only at the first. Read on in "
    "The Proof.",
    read="same_numbers#the-proof",
)
def unbiased_variance(unbiased: Callable) -> None:
    """Check the running variance after any step (tolerance 1e-6)."""
    rng = np.random.default_rng(0)
    before = rng.uniform(0.5, 2, 5)
    after = 0.9 * before + 0.1 * rng.uniform(0.1, 4, 5)
    same_results(
        "unbiased",
        unbiased,
        _unbiased,
        [
            (1.0, 1.2, 32),
            (2.0, 2.1, 4),
            (0.5, 0.6, 2),
            (before, after, 8),
        ],
        mistakes=[
            (
                lambda before, after, n: after * n / (n - 1),
                "`unbiased` corrects the whole running variance, including "
                "the part that was there before the batch",
            ),
            (
                lambda before, after, n: 0.9 + (after - 0.9) * n / (n - 1),
                "`unbiased` does not use `before`: it is right only if that "
                "is 1",
            ),
            (
                lambda before, after, n: (
                    0.9 * before + (after - 0.9 * before) * (n - 1) / n
                ),
                "`unbiased` goes in the wrong direction: it turns an "
                "unbiased estimate into a biased one",
            ),
            (
                lambda before, after, n: (
                    0.1 * before + (after - 0.1 * before) * n / (n - 1)
                ),
                "`unbiased` gives the new statistics a weight of 0.9; their "
                "weight is 0.1",
            ),
            (
                lambda before, after, n: (
                    (after - 0.9 * before) / 0.1 * n / (n - 1)
                ),
                "`unbiased` returns the batch's variance, not the running one",
            ),
        ],
        tolerance=1e-6,
        more=[
            _running(rng, n)
            for n in [8, 2, *rng.integers(2, 5000, 9).tolist()]
        ],
    )
