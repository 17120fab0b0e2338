"""The checks of layers that move from one framework to another."""

import numpy as np

from ._answer import Wrong, exercise
from ._compare import array, function, same_function
from ._frameworks import adapter, network


@exercise(
    label="ex-same-numbers-layout",
    hint="`transpose` takes, for each axis of the result, the number of the "
    "axis that it comes from; write the names of the axes above each other.",
    why="The four axes of a kernel are the same in all frameworks, and only "
    "their order differs, so moving a convolution is one transposition. "
    "It is also all that d2l.get_weights and d2l.set_weights do for it. "
    "Read on in One Dictionary of Weights.",
)
def kernel_layout(to_keras, from_keras):
    """Check the conversion of a kernel, in both directions, exactly."""
    weight = np.arange(2.0 * 3 * 5 * 7).reshape(2, 3, 5, 7)
    kernel = weight.transpose(2, 3, 1, 0)
    square = np.arange(4.0 * 4 * 3 * 3).reshape(4, 4, 3, 3)
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
                    "is the same permutation as on the way there; the way "
                    "back is another",
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


def _dense_layer(fw, inputs, outputs):
    """Return a fully connected layer of a framework, with its weights."""
    if fw.NAME == "PyTorch":
        return fw.nn.Linear(inputs, outputs)
    if fw.NAME == "MXNet":
        layer = fw.nn.Dense(outputs, in_units=inputs)
        layer.initialize()
        return layer
    layer = fw.keras.layers.Dense(outputs)
    layer.build((None, inputs))
    return layer


@exercise(
    label="ex-same-numbers-dense",
    hint="Write down a small matrix, say of 2 rows and 3 columns; then its "
    "transposed, and what a reshape to 3 rows makes of it.",
    why="A reshape makes any array fit and says nothing. Of all ways to lose "
    "a network on the way from one framework to another, this is the "
    "quietest: shapes are right, the layer learns again if it is trained, "
    "and only the accuracy is gone. Read on in Moving a Network.",
)
def load_dense(load_dense):
    """Check weights of a dense layer that come from another framework."""
    function("load_dense", load_dense)
    fw = adapter(load_dense)
    rng = np.random.default_rng(0)
    for inputs, outputs in (5, 3), (4, 4):
        W = rng.standard_normal((outputs, inputs)).astype(np.float32)
        bias = rng.standard_normal(outputs).astype(np.float32)
        X = rng.standard_normal((6, inputs)).astype(np.float32)
        # TensorFlow gets PyTorch's layout, the others Keras's.
        theirs = W if fw.NAME == "TensorFlow" else W.T
        layer = _dense_layer(fw, inputs, outputs)
        load_dense(layer, theirs.copy(), bias.copy())
        own = (inputs, outputs) if fw.NAME == "TensorFlow" else W.shape
        shuffled = np.ascontiguousarray(theirs).reshape(own)
        shuffled = shuffled.T if fw.NAME == "TensorFlow" else shuffled
        case = f"with {inputs} inputs and {outputs} outputs"
        found = fw.forward(layer, X, False)
        mistakes = [
            (
                X @ W.T,
                f"{case}: the weights have arrived, but not the bias",
            ),
            (
                X @ shuffled.T + bias,
                f"{case}: the weights fit and are in the wrong places; "
                + (
                    "a square array fits without being transposed, too"
                    if inputs == outputs
                    else "a reshape changes no order"
                ),
            ),
        ]
        array(f"layer(X), {case},", found, X @ W.T + bias, mistakes=mistakes)


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
    hint="Write down, for a row of 8 pixels and stride 2, which of them the "
    "first position of the kernel covers.",
    why="Padding is a convention, and frameworks have different ones for the "
    "same word. With stride 2 the two networks look at their image with "
    "an offset of a pixel. Write padding out as numbers wherever you can. "
    "Read on in Residual Blocks, where `conv` is written so.",
)
def moved_conv(conv):
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
    why="Half a thousandth in one layer becomes the third digit of the logits "
    "after twenty, and where a variance is small it becomes much more. "
    "Defaults are a part of a network that no file of weights contains. "
    "Read on in the exercise Which rows change?",
)
def moved_batch_norm(batch_norm):
    """Check a batch normalisation; its epsilon to 10 %."""
    net, fw = network(batch_norm, (3,))
    variance = 1e-3
    X = np.random.default_rng(0).uniform(1, 2, (2, 3, 4, 4))
    fw.forward(net, X, False)
    for variable in [*fw.parameters(net), *fw.state(net)]:
        # γ = 1, β = 0, mean 0: the output is X / √(variance + ε).
        last = variable.name.rpartition("/")[2].rpartition(".")[2]
        value = 1.0 if last in ("gamma", "weight") else 0.0
        value = variance if variable.kind == "variance" else value
        variable.write(np.full(variable.shape, value, np.float32))
    Y = fw.forward(net, X, False)
    if Y.shape != X.shape or not np.isfinite(Y).all() or (Y == 0).any():
        raise Wrong("this is no batch normalisation of three channels")
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
