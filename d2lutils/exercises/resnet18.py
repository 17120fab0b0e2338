"""Checks for the exercises of the chapter on ResNet-18."""

import functools
import inspect
from collections.abc import Callable, Sequence

import numpy as np

from d2lutils.check.answer import Wrong, exercise, in_case
from d2lutils.check.blocks import basic, plain
from d2lutils.check.compare import integer, same_function, shape, trainable
from d2lutils.check.compare import shapes as same_shapes
from d2lutils.check.recognise import network
from d2lutils.check.reference import global_avg_pool, max_pool, relu

AXES = ("channels", "height", "width")


@exercise(
    label="ex-resnet18-small-image",
    hint="The stem halves the sides twice; which of the stages halve them "
    "again?",
    second_hint="The convolution and the pooling of the stem each have stride "
    "2; stage 1 keeps the sides, and stages 2, 3 and 4 halve them and double "
    "the channels.",
    why="A network designed for 224×224 reduces a 32×32 image to a single "
    "position in its last stage, where most of the parameters are. In "
    "another exercise of this chapter you write a separate stem for "
    "such images, as He et al. (2016), Section 4.2, did for CIFAR-10.",
    read="resnet18#the-shape-of-every-stage",
)
def small_image(shapes: Sequence[Sequence[int]]) -> None:
    """Check the shapes of a 32×32 image on its way through ResNet-18."""
    sides, channels = (8, 8, 4, 2, 1), (64, 64, 128, 256, 512)
    right = [(c, side, side) for c, side in zip(channels, sides, strict=True)]
    mistakes = [
        {
            (side, side, c): f"`shapes[{i}]` is in another order: channels, "
            "height, width are asked for"
        }
        for i, (c, side, _) in enumerate(right)
    ]
    mistakes[0][64, 16, 16] = (
        "`shapes[0]` is the shape after the convolution; the max-pooling "
        "belongs to the stem, too"
    )
    mistakes[1][64, 4, 4] = (
        "`shapes[1]` is halved, but the first stage leaves the sides unchanged"
    )
    same_shapes("shapes", shapes, right, mistakes, AXES)


def _stem(X, weights, training, pads=((3, 3), (1, 1))):
    """Return the stem, with other paddings of convolution and pooling."""
    first, second = ([(0, 0), (0, 0), pad, pad] for pad in pads)
    Y = weights.conv(np.pad(X, first), 64, 7, 2)
    Y = relu(weights.batch_norm(Y, training))
    return max_pool(np.pad(Y, second), 3, 2)


def _resnet(X, weights, training, num_blocks):
    Y = _stem(X, weights, training)
    for stage, count in enumerate(num_blocks):
        for block in range(count):
            stride = 2 if stage and not block else 1
            Y = basic(Y, weights, training, 64 * 2**stage, stride)
    return weights.dense(global_avg_pool(Y), 10)


@exercise(
    label="ex-resnet18-deeper",
    hint="The additional blocks all keep the shape: how many are there in "
    "each stage, and with how many channels?",
    second_hint="ResNet-34 has 3, 4, 6 and 3 blocks where ResNet-18 has 2 "
    "each. One additional block with c channels has two 3×3 convolutions of c "
    "· c · 9 weights and two batch normalisations.",
    why="ResNet-34 has nearly twice the parameters, and all additional ones "
    "are in blocks with an identity shortcut. On ImageNet the sixteen "
    "layers lower the top-1 error from 27.88 to 25.03 %, while the "
    "plain network of 34 layers is worse than the one of 18 (He et al., "
    "2016, Table 2). The chapter The ResNet Family goes on to 152 "
    "layers.",
    read="resnet_family#one-blueprint",
)
def deeper(resnet34: Callable, added: int) -> None:
    """Check ResNet-34 and the number of parameters that it adds."""
    counts = {64: 1, 128: 2, 256: 4, 512: 1}
    right = sum(n * (18 * c**2 + 4 * c) for c, n in counts.items())
    weights = sum(n * 18 * c**2 for c, n in counts.items())
    eighteen = 11_175_370
    integer(
        "added",
        added,
        right,
        {
            eighteen + right: "`added` counts all parameters of ResNet-34, "
            "not those that it has in addition to ResNet-18",
            weights: "`added` counts convolutions only: batch normalisation "
            "learns two numbers per channel",
            weights + (right - weights) // 2: "`added` counts one number per "
            "channel for batch normalisation, which learns two",
        },
    )
    same_function(
        resnet34,
        functools.partial(_resnet, num_blocks=(3, 4, 6, 3)),
        (1, 1, 33, 33),
        modes=(False,),
        mistakes=[
            (
                functools.partial(_resnet, num_blocks=(2, 2, 2, 2)),
                "this is ResNet-18",
            ),
            (
                functools.partial(_resnet, num_blocks=(3, 6, 4, 3)),
                "stages 2 and 3 are exchanged",
            ),
        ],
    )


@exercise(
    label="ex-resnet18-stem",
    hint="How many zeros are to the left of the image, and how many to the "
    "right? Count them for each layer with stride 2.",
    second_hint="The 7×7 convolution needs three zeros on each side, the 3×3 "
    "pooling one. Write them as numbers.",
    why='Equal shapes do not make equal functions. Padding "same" puts the '
    "odd zero on the right and at the bottom, and nothing warns you: "
    "the weights load and the shapes fit, but the outputs differ. The "
    "chapter The Same Numbers in Three Frameworks compares whole "
    "networks number by number, which is how such faults are found.",
    read="same_numbers#moving-a-network",
)
def stem(make_stem: Callable) -> None:
    """Check a ResNet's stem."""
    for channels, side in (1, 32), (3, 31):
        case = f"for {channels} channel{'s' * (channels > 1)}"
        with in_case(case):
            same_function(
                make_stem,
                _stem,
                (2, channels, side, side),
                arguments=(channels,),
                mistakes=[
                    (
                        functools.partial(_stem, pads=((2, 3), (1, 1))),
                        "the convolution has one zero less on the left and "
                        "at the top than on the right and at the "
                        'bottom, as with padding="same"',
                    ),
                    (
                        functools.partial(_stem, pads=((3, 2), (1, 1))),
                        "the convolution has one zero less on the right and "
                        "at the bottom than on the left and at the top",
                    ),
                    (
                        functools.partial(_stem, pads=((3, 3), (0, 1))),
                        "the convolution is right now; the pooling pads on "
                        "one side only",
                    ),
                    (
                        functools.partial(_stem, pads=((2, 3), (0, 1))),
                        "convolution and pooling both pad more on the right "
                        "and at the bottom than on the left and at the "
                        "top",
                    ),
                ],
                case=case,
            )


@exercise(
    label="ex-resnet18-small-stem",
    hint="What makes the image smaller? What else is in the stem only "
    "because ImageNet's images are large?",
    second_hint="A 3×3 convolution with stride 1 and padding 1 from 1 to 64 "
    "channels has 576 weights; follow it by batch normalisation and a ReLU, "
    "and leave the pooling out.",
    why="ResNets for images of 32×32 usually have such a stem: a 3×3 "
    "convolution of stride 1 and no pooling. He et al. (2016), Section "
    "4.2, used one with 16 channels. The price is sixteen times the "
    "arithmetic in every convolution after it.",
    read="function_classes#a-residual-network-for-small-images",
)
def small_stem(make_stem: Callable) -> None:
    """Check a stem for images of 32×32."""
    net, backend = network(make_stem)
    X = np.random.default_rng(0).standard_normal((4, 1, 32, 32))
    Y = backend.forward(net, X, True)
    if not isinstance(Y, np.ndarray) or Y.ndim != 4:
        raise Wrong("the stem does not return images")
    shape(
        "the output's shape",
        Y.shape[1:],
        (64, 32, 32),
        {
            (64, 8, 8): "the image is still halved twice",
            (64, 16, 16): "the image is still halved once",
            (64, 31, 31): "one row and one column are lost to an even kernel",
            (64, 30, 30): "two rows and two columns are lost: the padding is "
            "missing",
        },
        AXES,
    )
    count = sum(int(np.prod(each.shape)) for each in backend.parameters(net))
    if count > 1000:
        raise Wrong(
            f"the stem has {count:,} parameters, more than 1,000",
            "Which kernel size does a small image need?",
        )
    if (Y < 0).any():
        raise Wrong(
            "some entries are negative", "What follows the batch norm?"
        )
    if not Y.any():
        raise Wrong("all entries are zero")
    # Large enough for ε not to matter.
    large, larger = (backend.forward(net, s * X, True) for s in (1e4, 1e5))
    if np.abs(larger - large).max() > 0.1 * np.abs(large).max():
        raise Wrong(
            "an input that is ten times as large changes the output, so "
            "nothing normalises it",
            "Is there a batch normalisation, and is it in training mode?",
        )
    other = X.copy()
    other[0] *= 3
    if np.allclose(backend.forward(net, other, True)[1], Y[1], atol=1e-4):
        raise Wrong("each image is normalised separately, not over the batch")
    other = X.copy()
    other[:, :, 16, 16] += 1
    changed = backend.forward(net, other) - backend.forward(net, X)
    if np.any(np.abs(changed) > 1e-6, axis=(0, 1)).sum() <= 1:
        raise Wrong("each output depends on a single pixel")
    trainable(backend, net, X, training=True)


def _always_training(X, weights, training):
    return basic(X, weights, True)


@exercise(
    label="ex-resnet18-frozen",
    hint="How does each batch normalisation learn whether it is in training "
    "mode?",
    second_hint="In training the layer has to use the batch's mean and "
    "variance and move its running ones. Find the argument that keeps it from "
    "doing so, or use the layer itself.",
    why="A batch normalisation that is never told that it is being trained "
    "keeps its initial statistics for ever. No error is raised: it "
    "happens with F.batch_norm in PyTorch, with `training=False` in "
    "TensorFlow, with use_global_stats in MXNet. You find it by "
    "comparing the running statistics before and after a step. Ioffe "
    "and Szegedy (2015) describe the two modes.",
    read="convolutional_blocks#where-the-frameworks-differ",
)
def frozen_norm(block: Callable) -> None:
    """Check the block whose batch normalisation did not train."""
    same_function(
        block,
        basic,
        (4, 4, 6, 6),
        arguments=(4, 4),
        mistakes=[
            (
                _always_training,
                "now the statistics of the batch are used in evaluation "
                "mode as well",
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
    "two parameters per channel; only the second convolution looks at "
    "neighbours.",
    second_hint="The convolutions have 256 · 64, 9 · 64 · 64 and 64 · 256 "
    "weights; the batch normalisations have 64, 64 and 256 channels. A basic "
    "block has two 3×3 convolutions of 256 · 256 · 9 weights.",
    why="The number of weights of a convolution grows with the product of "
    "its input and output channels, so the expensive one, 3×3, works "
    "where there are few channels. ResNet-50, 101 and 152 are made of "
    "such blocks: see the chapter The Bottleneck Block, and He et al. "
    "(2016), Figure 5.",
    read="bottleneck",
)
def narrow_block(
    block: Callable, parameters: int, basic_parameters: int
) -> None:
    """Check a bottleneck of 256 and 64 channels, and two counts."""
    same_function(
        block,
        _bottleneck,
        (2, 256, 4, 4),
        mistakes=[
            (
                functools.partial(_bottleneck, last=False),
                "the ReLU after the addition is missing",
            ),
            (
                functools.partial(_bottleneck, last=False, before=True),
                "the last ReLU comes before the addition",
            ),
            (
                functools.partial(_bottleneck, before=True),
                "there is a ReLU after the last convolution, too",
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
            weights + norms // 2: "`parameters` counts one number per "
            "channel for batch normalisation, which learns two",
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
            (weights + norms) // 16 + 192: "`basic_parameters` is the "
            "number for a block with 64 channels; 256 are asked for",
        },
    )


@exercise(
    label="ex-resnet18-plain",
    hint="Remove the shortcut and whatever only the shortcut needed; leave "
    "everything else unchanged.",
    second_hint="Keep convolution, batch normalisation, ReLU, convolution, "
    "batch normalisation and the last ReLU, and the stride in the first "
    "convolution. The projection and the addition go.",
    why="The plain network is the control of the experiment: the same "
    "layers, the same initialisation, no shortcuts. On ImageNet the "
    "errors of the two are about equal at 18 layers and 3.5 points "
    "apart at 34 (He et al., 2016, Table 2). The chapter Function "
    "Classes and the Degradation Problem runs such an experiment.",
    read="function_classes#plain-blocks",
)
def plain_block(block: Callable) -> None:
    """Check the basic block without its shortcut."""
    if inspect.isclass(block) and getattr(block, "expansion", None) != 1:
        raise Wrong(
            "the class has no attribute `expansion`, or it is not 1, so "
            "`ResNet` cannot use the class"
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
        with in_case(case):
            same_function(
                block,
                right,
                (2, in_channels, 8, 8),
                arguments=arguments,
                mistakes=mistakes,
                case=case,
            )
