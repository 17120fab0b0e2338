"""Checks for the exercises of the chapter on pre-activation."""

import functools

from ._answer import exercise
from ._compare import choice, integer, number, same_function
from ._preactivation_blocks import preact
from ._reference import global_avg_pool, relu
from ._residual_block import told


@exercise(
    label="ex-preactivation-path",
    hint="Count the stem, each addition, each projection, and what stands in "
    "front of the pooling; count nothing that is on a branch.",
    why="Only the number of ReLUs of the original network grows with its "
    "depth. In the other network depth adds nothing but additions to the "
    "path, which is why a thousand layers of it can be trained: He et al., "
    "Identity Mappings in Deep Residual Networks (2016).",
)
def direct_path(post_relus, post_norms, pre_relus, pre_norms):
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
            7: "`post_relus` is that of the chapter's network, with two "
            "blocks a stage; nine are asked for",
        },
    )
    integer(
        "post_norms",
        post_norms,
        3,
        {
            1: "`post_norms` lacks those on the shortcuts that change the "
            "shape",
            2: "`post_norms` lacks that of the stem",
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
                f"changes the shape reads behind {kind}",
                2: f"`{name}` lacks one: {kind} stands in front of the "
                "pooling",
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
    why="The convolutions of the two networks are the same; all that moved "
    "are normalisations. A comparison of the two is therefore fair, and a "
    "count to the last number would show a layer that is too many.",
)
def norm_difference(difference):
    """Check the difference between the numbers of parameters."""
    integer(
        "difference",
        difference,
        192,
        {
            96: "`difference` counts one number a channel; batch "
            "normalisation learns two",
            -192: "`difference` has the wrong sign: which network has more?",
            288: "`difference` lacks the stem and what stands in front of "
            "the pooling",
            0: "`difference` is not zero: the blocks that change the shape "
            "normalise different numbers of channels",
            160: "`difference` lacks the stem",
            320: "`difference` lacks what stands in front of the pooling",
        },
    )


@exercise(
    label="ex-preactivation-open",
    hint="Which of the two blocks still has a ReLU on the direct path? And "
    "what does batch normalisation do to a channel whose entries are mostly "
    "positive?",
    why="An open path is not all: with the ReLU in front of the addition it "
    "is open, and the branches can only add. He et al., Identity Mappings in "
    "Deep Residual Networks (2016), Table 2, found both variants worse than "
    "the original.",
)
def open_entries(relu_before, norm_after):
    """Check predictions on the open entries of two blocks."""
    number(
        "relu_before",
        relu_before,
        1,
        {
            0: "`relu_before` would mean that a ReLU on the path closes all "
            "entries; is there one?",
            0.5: "`relu_before` would mean that a ReLU on the path cuts "
            "half; is there one?",
        },
        tolerance=0.01,
    )
    choice(
        "norm_after",
        norm_after,
        "smaller",
        {
            "larger": "`norm_after`: batch normalisation centres each channel "
            "of the sum, right in front of the ReLU; how much does that "
            "ReLU cut?"
        },
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
                Y = preact(Y, weights, training, channels, stride)
    if ending:
        Y = relu(weights.batch_norm(Y, training))
    return weights.dense(global_avg_pool(Y), 10)


@exercise(
    label="ex-preactivation-stem",
    hint="Batch normalisation and ReLU move out of the first block into the "
    "stem: there is one pair, not two, and both shortcut and branch begin "
    "behind it.",
    why="This is the network that the authors published. The shortcut of its "
    "first block begins behind the activation, so that the first branch and "
    "the first shortcut read the same features. The appendix of He et al., "
    "Identity Mappings in Deep Residual Networks (2016), tells why the first "
    "and the last unit need such attention.",
)
def activated_stem(make):
    """Check the pre-activation network with an activated stem."""
    for num_blocks in 1, 2:
        right = functools.partial(_network, num_blocks=num_blocks)
        case = f"with {num_blocks} block{'s' * (num_blocks > 1)} a stage"
        with told(case):
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
                        "the first block still begins with an activation of "
                        "its own",
                    ),
                    (
                        functools.partial(right, ending=False),
                        "the batch normalisation and ReLU in front of the "
                        "pooling are missing",
                    ),
                ],
                case=case,
            )
