"""Checks for the exercises on blocks in the chapter on ResNet-18."""

import functools
import inspect

from ._answer import Wrong, exercise
from ._compare import integer, same_function
from ._reference import relu
from ._residual_block import basic, told


def _always_training(X, weights, training):
    return basic(X, weights, True)


@exercise(
    label="ex-resnet18-frozen",
    hint="Who tells each batch normalisation whether it is being trained?",
    why="A batch normalisation that never learns of training keeps its first "
    "statistics for ever. It happens without an error: with F.batch_norm in "
    "PyTorch, with a forgotten `training` in TensorFlow, with "
    "use_global_stats in MXNet. Comparing the running statistics before and "
    "after a step finds it. Ioffe and Szegedy (2015) describe the two modes.",
)
def frozen_norm(block):
    """Check the block whose batch normalisation did not train."""
    same_function(
        block,
        basic,
        (4, 4, 6, 6),
        arguments=(4, 4),
        mistakes=[
            (
                _always_training,
                "now the statistics of the batch are used in evaluation mode, "
                "too",
            )
        ],
    )


def _bottleneck(X, weights, training, last=True, before=False, inner=True):
    sizes = ((64, 1), (64, 3), (256, 1))
    Y = X
    for i, (channels, size) in enumerate(sizes):
        Y = weights.conv(Y, channels, size, padding=size // 2)
        Y = weights.batch_norm(Y, training)
        Y = relu(Y) if (before if i == 2 else inner) else Y
    return relu(X + Y) if last else X + Y


@exercise(
    label="ex-resnet18-bottleneck",
    hint="A convolution has k² · in · out weights, and batch normalisation "
    "two numbers a channel; the second convolution alone looks at "
    "neighbours.",
    why="The weights of a convolution grow with the product of its channels "
    "in and out; so the expensive one, 3×3, works where the channels are "
    "few. ResNet-50, 101 and 152 are made of such blocks: see the chapter "
    "The Bottleneck Block, and He et al. (2016), Figure 5.",
)
def narrow_block(block, parameters, basic_parameters):
    """Check a bottleneck of 256 and 64 channels, and two counts."""
    same_function(
        block,
        _bottleneck,
        (2, 256, 4, 4),
        mistakes=[
            (
                functools.partial(_bottleneck, last=False),
                "the ReLU behind the addition is missing",
            ),
            (
                functools.partial(_bottleneck, last=False, before=True),
                "the last ReLU stands in front of the addition",
            ),
            (
                functools.partial(_bottleneck, before=True),
                "there is a ReLU behind the last convolution, too",
            ),
            (
                functools.partial(_bottleneck, inner=False),
                "the ReLUs between the convolutions are missing",
            ),
        ],
    )
    weights, norms = 2 * 64 * 256 + 9 * 64**2, 2 * (64 + 64 + 256)
    integer(
        "parameters",
        parameters,
        weights + norms,
        {
            weights: "`parameters` lacks those of batch normalisation",
            weights + norms // 2: "`parameters` counts one number a channel "
            "for batch normalisation, which learns two",
            weights + 2 * norms: "`parameters` counts running means and "
            "variances, which are not learned",
        },
    )
    weights, norms = 18 * 256**2, 4 * 256
    integer(
        "basic_parameters",
        basic_parameters,
        weights + norms,
        {
            weights: "`basic_parameters` lacks those of batch normalisation",
            (weights + norms) // 16 + 192: "`basic_parameters` is that of a "
            "block for 64 channels; 256 are asked for",
        },
    )


def plain(X, weights, training, channels, stride, last=True, inner=True):
    """Return the basic block without its shortcut."""
    Y = weights.conv(X, channels, 3, stride, padding=1)
    Y = weights.batch_norm(Y, training)
    Y = weights.conv(relu(Y) if inner else Y, channels, 3, padding=1)
    Y = weights.batch_norm(Y, training)
    return relu(Y) if last else Y


@exercise(
    label="ex-resnet18-plain",
    hint="Take away the shortcut and what only the shortcut needed; leave "
    "all else as it was.",
    why="The plain network is the control of the experiment: the same "
    "layers, the same initialisation, no shortcuts. At 18 layers the two are "
    "about equal; deeper, they part. The chapter Function Classes and the "
    "Degradation Problem runs the experiment.",
)
def plain_block(block):
    """Check the basic block without its shortcut."""
    if inspect.isclass(block) and getattr(block, "expansion", None) != 1:
        raise Wrong(
            "the class has no attribute `expansion`, or it is not 1, so that "
            "`ResNet` cannot use it"
        )
    for arguments in (4, 4, 1), (4, 6, 2):
        in_channels, channels, stride = arguments
        right = functools.partial(plain, channels=channels, stride=stride)
        case = f"{in_channels} to {channels} channels, stride {stride}"
        mistakes = [
            (
                functools.partial(right, last=False),
                "the second ReLU is missing",
            ),
            (
                functools.partial(right, inner=False),
                "the ReLU between the convolutions is missing",
            ),
            (
                functools.partial(basic, channels=channels, stride=stride),
                "the input is still added",
            ),
        ]
        with told(case):
            same_function(
                block,
                right,
                (2, in_channels, 8, 8),
                arguments=arguments,
                mistakes=mistakes,
                case=case,
            )
