"""Checks for the exercises on blocks in the chapter on pre-activation."""

import functools

from ._answer import exercise
from ._compare import same_function
from ._reference import relu
from ._residual_block import told


def preact(
    X, weights, training, channels, stride=1, activated=False, raw=False
):
    """Return the pre-activation block, or one of its distortions."""
    A = relu(weights.batch_norm(X, training))
    Y = weights.conv(A, channels, 3, stride, padding=1)
    Y = relu(weights.batch_norm(Y, training))
    Y = weights.conv(Y, channels, 3, padding=1)
    if stride != 1 or channels != X.shape[1]:
        return weights.conv(X if raw else A, channels, 1, stride) + Y
    return (A if activated else X) + Y


def _rectified(X, weights, training, make):
    return relu(make(X, weights, training))


def _off_the_path(right, changes, raw):
    """Return how a block may spoil its direct path, and what is said of it.

    Args:
        right: The block, with the options `raw` and `activated`.
        changes: Whether it changes the shape, and has a projection.
        raw: What is said of a projection that reads the input.
    """
    mistakes = [
        (
            functools.partial(_rectified, make=right),
            "there is a ReLU behind the addition",
        )
    ]
    if changes:
        return [*mistakes, (functools.partial(right, raw=True), raw)]
    activated = (
        functools.partial(right, activated=True),
        "what is added is the input after batch normalisation and ReLU",
    )
    return [*mistakes, activated]


def _same_block(block, right, arguments, case, mistakes):
    with told(case):
        same_function(
            block,
            right,
            (2, arguments[0], 8, 8),
            arguments=arguments,
            mistakes=mistakes,
            case=case,
        )


@exercise(
    label="ex-preactivation-clean",
    hint="What does the name X stand for when it is added?",
    why="One overwritten name puts batch normalisation and ReLU back on the "
    "path of every block, and the network trains all the same, only not as "
    "well when it is deep. Whether a block with a silent branch returns its "
    "input is a test that finds such faults at once.",
)
def clean_path(block):
    """Check the block whose shortcut read the wrong features."""
    for arguments in (4, 4, 1), (4, 6, 2):
        in_channels, channels, stride = arguments
        right = functools.partial(preact, channels=channels, stride=stride)
        mistakes = _off_the_path(
            right,
            in_channels != channels,
            "the projection reads the input, and no longer what has been "
            "normalised and activated",
        )
        case = f"{in_channels} to {channels} channels, stride {stride}"
        _same_block(block, right, arguments, case, mistakes)


def _bottleneck(
    X,
    weights,
    training,
    channels,
    stride=1,
    first=False,
    raw=False,
    activated=False,
):
    """Return the pre-activation bottleneck.

    `first` puts the stride on the first convolution; `raw` lets the
    projection read the input, `activated` the identity what is activated.
    """
    A = relu(weights.batch_norm(X, training))
    Y = weights.conv(A, channels, 1, stride if first else 1)
    Y = relu(weights.batch_norm(Y, training))
    Y = weights.conv(Y, channels, 3, 1 if first else stride, padding=1)
    Y = relu(weights.batch_norm(Y, training))
    Y = weights.conv(Y, 4 * channels, 1)
    if stride != 1 or 4 * channels != X.shape[1]:
        X = weights.conv(X if raw else A, 4 * channels, 1, stride)
    elif activated:
        X = A
    return X + Y


def _post(X, weights, training, channels, stride=1):
    """Return the bottleneck with post-activation."""
    Y = relu(weights.batch_norm(weights.conv(X, channels, 1), training))
    Y = weights.conv(Y, channels, 3, stride, padding=1)
    Y = relu(weights.batch_norm(Y, training))
    Y = weights.batch_norm(weights.conv(Y, 4 * channels, 1), training)
    if stride != 1 or 4 * channels != X.shape[1]:
        X = weights.conv(X, 4 * channels, 1, stride)
        X = weights.batch_norm(X, training)
    return relu(X + Y)


@exercise(
    label="ex-preactivation-bottleneck",
    hint="Three times batch normalisation, ReLU, convolution; what is left "
    "for behind the addition?",
    why="Of such blocks He et al. (2016) built the network of 1,001 layers "
    "that had 4.92 % test error on CIFAR-10, better than its shallower "
    "relatives. The same order, normalise, transform, add, is that of most "
    "of today's transformers.",
)
def preact_bottleneck(block):
    """Check a bottleneck with pre-activation."""
    for arguments in (16, 4, 1), (8, 4, 1), (16, 8, 2):
        in_channels, channels, stride = arguments
        right = functools.partial(
            _bottleneck, channels=channels, stride=stride
        )
        mistakes = [
            (
                functools.partial(_post, channels=channels, stride=stride),
                "this is the bottleneck with post-activation",
            ),
            *_off_the_path(
                right,
                in_channels != 4 * channels or stride != 1,
                "the projection reads the input; it should read what has "
                "been normalised and activated",
            ),
        ]
        if stride == 2:
            mistakes.append(
                (
                    functools.partial(right, first=True),
                    "the stride stands on the first convolution",
                )
            )
        case = f"{in_channels} channels to 4 · {channels}, stride {stride}"
        _same_block(block, right, arguments, case, mistakes)
