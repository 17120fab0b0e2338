"""Checks for the exercises of the chapter on pre-activation."""

import functools
from collections.abc import Callable

from d2lutils.check.answer import exercise, in_case
from d2lutils.check.compare import (
    choice,
    integer,
    number,
    same_function,
    together,
)
from d2lutils.check.reference import global_avg_pool, relu


def _preact(
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
            "there is a ReLU after the addition",
        )
    ]
    if changes:
        return [*mistakes, (functools.partial(right, raw=True), raw)]
    activated = (
        functools.partial(right, activated=True),
        "the block adds the input after batch normalisation and ReLU",
    )
    return [*mistakes, activated]


def _same_block(block, right, arguments, case, mistakes):
    with in_case(case):
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
    hint="What does the name X refer to when it is added?",
    second_hint="The normalised and activated features overwrite the name X, "
    "which is added later. Keep the input under a separate name.",
    why="One overwritten name puts batch normalisation and ReLU back on the "
    "direct path of every block. The network still trains, only not as well "
    "when it is deep. To find such bugs at once, test whether a block with a "
    "silent branch returns its input.",
    read="preactivation#exactly-the-identity",
)
def clean_path(block: Callable) -> None:
    """Check the block whose shortcut read the wrong features."""
    for arguments in (4, 4, 1), (4, 6, 2):
        in_channels, channels, stride = arguments
        right = functools.partial(_preact, channels=channels, stride=stride)
        mistakes = _off_the_path(
            right,
            in_channels != channels,
            "the projection reads the input, and no longer the normalised "
            "and activated features",
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
    hint="Batch normalisation, ReLU, convolution, three times; does anything "
    "come after the addition?",
    second_hint="Batch normalisation and ReLU come first; what they return "
    "goes to the first convolution and, if the shape changes, to the "
    "projection. After the addition nothing follows.",
    why="He et al. (2016) built their network of 1,001 layers from such "
    "blocks. It had 4.92 % test error on CIFAR-10, less than their shallower "
    "networks. Most of today's transformers use the same order: normalise, "
    "transform, add.",
    read="preactivation#moving-the-activation",
)
def preact_bottleneck(block: Callable) -> None:
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
                "the projection reads the input; it should read the "
                "normalised and activated features",
            ),
        ]
        if stride == 2:
            mistakes.append(
                (
                    functools.partial(right, first=True),
                    "the stride is on the first convolution",
                )
            )
        case = f"{in_channels} channels to 4 · {channels}, stride {stride}"
        _same_block(block, right, arguments, case, mistakes)


@exercise(
    label="ex-preactivation-path",
    hint="Count the stem, what follows each addition, each projection, and "
    "what comes before the pooling; count nothing that is on a branch.",
    second_hint="In the first network every block ends with a ReLU on the "
    "path, and a projection has a batch normalisation. In the second, only "
    "the projections and the pooling come after a normalisation and a ReLU.",
    why="Only the number of ReLUs in the original network grows with its "
    "depth. In the other network, depth adds nothing but additions to the "
    "path. He et al., Identity Mappings in Deep Residual Networks (2016), "
    "trained a thousand layers of it.",
    read="preactivation#moving-the-activation",
)
def direct_path(
    post_relus: int, post_norms: int, pre_relus: int, pre_norms: int
) -> None:
    """Check the numbers of layers on the direct paths of two networks."""
    integer(
        "post_relus",
        post_relus,
        28,
        {
            27: "`post_relus` lacks one: the stem ends with a ReLU",
            55: "`post_relus` counts the ReLUs on the branches, too",
            10: "`post_relus` counts the blocks of one stage; there are "
            "three stages",
            7: "`post_relus` belongs to the chapter's network, with two "
            "blocks per stage; the exercise asks for nine",
        },
    )
    integer(
        "post_norms",
        post_norms,
        3,
        {
            1: "`post_norms` lacks those on the shortcuts that change the "
            "shape",
            2: "`post_norms` lacks the one in the stem",
            57: "`post_norms` counts those on the branches, too",
        },
    )
    for name, value, kind in (
        ("pre_relus", pre_relus, "a ReLU"),
        ("pre_norms", pre_norms, "a batch normalisation"),
    ):
        integer(
            name,
            value,
            3,
            {
                1: f"`{name}` lacks some: the projection of a block that "
                f"changes the shape comes after {kind}",
                2: f"`{name}` lacks one: {kind} comes before the pooling",
                0: f"`{name}` is not zero: look at the end of the network, "
                "and at the projections",
                4: f"`{name}` is too large: the stem is bare",
            },
        )


@exercise(
    label="ex-preactivation-difference",
    hint="Blocks that do not change the shape have two batch normalisations "
    "of the same size in both networks; look at the ends and at the other "
    "blocks.",
    second_hint="Write down how many channels each batch normalisation has, "
    "in pairs of blocks. The first network also normalises the output of the "
    "stem and of its two projections; the second normalises the input of "
    "every block, and the last sum.",
    why="The convolutions of the two networks are the same; only "
    "normalisations have moved. So a comparison of the two is fair, and an "
    "exact count would reveal a layer too many.",
    read="preactivation#what-else-must-change",
)
def norm_difference(difference: int) -> None:
    """Check the difference between the numbers of parameters."""
    integer(
        "difference",
        difference,
        192,
        {
            96: "`difference` counts one number per channel; batch "
            "normalisation learns two",
            -192: "`difference` has the wrong sign: which network has more?",
            288: "`difference` lacks the stem and the normalisation before "
            "the pooling",
            0: "`difference` is not zero: the blocks that change the shape "
            "normalise different numbers of channels",
            160: "`difference` lacks the stem",
            320: "`difference` lacks the normalisation before the pooling",
        },
    )


@exercise(
    label="ex-preactivation-open",
    hint="Which of the two blocks still has a ReLU on the direct path? And "
    "what does batch normalisation do to a channel whose entries are mostly "
    "positive?",
    second_hint="List the layers on the direct path of the first block: is "
    "there a ReLU? In the second, a centred channel has about as many "
    "entries below zero as above it.",
    why="An open path is not enough: with the ReLU before the addition the "
    "path is open, but the branches can only add. He et al., Identity "
    "Mappings in Deep Residual Networks (2016), Table 2, found both variants "
    "worse than the original.",
    read="preactivation#what-the-last-relu-does",
)
def open_entries(relu_before: float, norm_after: str) -> None:
    """Check predictions on the open entries of two blocks."""
    together(
        "not both are right",
        lambda: number("relu_before", relu_before, 1, tolerance=0.01),
        lambda: choice(
            "norm_after",
            norm_after,
            "smaller",
            {"larger": "larger", "as large": "as large"},
        ),
    )


def _network(
    X, weights, training, num_blocks, activated=True, ending=True, bare=True
):
    """Return the network with an activated stem; or one of its relatives."""
    Y = weights.conv(X, 16, 3, padding=1)
    if activated:
        Y = relu(weights.batch_norm(Y, training))
    for stage, channels in enumerate((16, 32, 64)):
        for index in range(num_blocks):
            if activated and bare and stage == index == 0:
                A = weights.conv(Y, 16, 3, padding=1)
                A = relu(weights.batch_norm(A, training))
                Y = Y + weights.conv(A, 16, 3, padding=1)
            else:
                stride = 2 if stage and not index else 1
                Y = _preact(Y, weights, training, channels, stride)
    if ending:
        Y = relu(weights.batch_norm(Y, training))
    return weights.dense(global_avg_pool(Y), 10)


@exercise(
    label="ex-preactivation-stem",
    hint="Batch normalisation and ReLU move from the first block into the "
    "stem: there is one pair, not two, and it comes before both shortcut and "
    "branch.",
    second_hint="The stem has the convolution, batch normalisation and the "
    "ReLU. The first block begins with its first convolution, then has one "
    "batch normalisation, a ReLU and its second convolution; its shortcut is "
    "the identity. All other blocks are `PreActBlock`.",
    why="This is the network that the authors published. The shortcut of its "
    "first block begins after the activation, so the first branch and the "
    "first shortcut read the same features. The appendix of He et al., "
    "Identity Mappings in Deep Residual Networks (2016), says why the first "
    "and the last unit need such attention.",
    read="preactivation#what-the-paper-found",
)
def activated_stem(make: Callable) -> None:
    """Check the pre-activation network with an activated stem."""
    for num_blocks in 1, 2:
        right = functools.partial(_network, num_blocks=num_blocks)
        case = f"with {num_blocks} block{'s' * (num_blocks > 1)} per stage"
        with in_case(case):
            same_function(
                make,
                right,
                (2, 1, 16, 16),
                arguments=(num_blocks,),
                modes=(False,) if num_blocks > 1 else (False, True),
                mistakes=[
                    (
                        functools.partial(right, activated=False),
                        "this is `PreActResNet`, with its bare stem",
                    ),
                    (
                        functools.partial(right, bare=False),
                        "the first block still begins with its own activation",
                    ),
                    (
                        functools.partial(right, ending=False),
                        "the batch normalisation and ReLU before the pooling "
                        "are missing",
                    ),
                ],
                case=case,
            )
