"""The checks of networks of the ResNet family, and of what counts in them."""

import importlib
import inspect
import math

import numpy as np

from ._answer import Wrong, exercise
from ._compare import function, integer, same_function
from ._frameworks import adapter, network
from ._resnet_reference import (
    NOT_RESNET26,
    compare_calls,
    resnet,
    spy,
    stage_of,
)


def _models(answer):
    """Return the book's models in the framework of an answer."""
    module = {"PyTorch": "torch"}.get(
        adapter(answer).NAME, adapter(answer).NAME.lower()
    )
    return importlib.import_module(f"d2lutils.models.{module}")


@exercise(
    label="ex-resnet-family-26",
    hint="The previous exercise tells how many blocks there are; the class "
    "ResNet takes a block and four numbers.",
    why="A depth between the published ones costs one line, because the "
    "family is one class with two arguments. ResNet-26 has fewer "
    "parameters than ResNet-34 and does about two thirds of its "
    "arithmetic. Read on in the chapter ResNet-18, where the class is "
    "written.",
)
def resnet26(resnet26):
    """Check ResNet-26, with 7 classes and 3 channels (tolerance 1e-3)."""
    options = {"num_classes": 7, "in_channels": 3}
    net, fw = network(resnet26, (), options)
    fw.forward(net, np.zeros((1, 3, 24, 24), np.float32), False)
    size = sum(math.prod(v.shape) for v in fw.parameters(net))
    for body, words in NOT_RESNET26:
        width = 512 if "basic" in words else 2048
        if size == body + 7 * (width + 1):
            raise Wrong(words)
    same_function(
        net,
        resnet((2, 2, 2, 2)),
        (1, 3, 24, 24),
        modes=(False,),
        statistics=False,
        mistakes=[
            (
                resnet((2, 2, 2, 2), early=True),
                "the parameters fit, but the strides are on the first 1×1 "
                "convolutions",
            )
        ],
    )
    # A second network would take too long: look at the defaults only.
    for name, default in ("num_classes", 10), ("in_channels", 1):
        given = inspect.signature(resnet26).parameters.get(name)
        if given is None or given.default is given.empty:
            raise Wrong(f"`{name}` has no default, so `resnet26()` fails")
        integer(f"the default of {name}", given.default, default)


@exercise(
    label="ex-resnet-family-stage",
    hint="Compare what leaves the first block with what the second block is "
    "told to expect.",
    why="A mistake that shows with one kind of block only is one that a test "
    "with the other kind never finds. The number of channels inside a "
    "block and that between blocks are two different things, and they "
    "happen to be equal in ResNet-18. Read on in the chapter ResNet-18, "
    "where `stage` is written.",
)
def stage_of_bottlenecks(stage):
    """Check a stage of bottlenecks, basic and other blocks."""
    function("stage", stage)
    models = _models(stage)
    for name, block, expansion in [
        ("basic blocks", models.BasicBlock, 1),
        ("bottlenecks", models.Bottleneck, 4),
        ("blocks of expansion 2", models.Bottleneck, 2),
    ]:
        calls = []
        stage(spy(block, expansion, calls), 16, 8, 3, 2)
        if calls:  # else the blocks are not made as the book makes them
            compare_calls(f"three {name}", calls, expansion)
    same_function(
        stage,
        stage_of(8, 32, 2, 2),
        (2, 16, 7, 7),
        arguments=(models.Bottleneck, 16, 8, 2, 2),
        modes=(False,),
        statistics=False,
        case="two bottlenecks",
    )


@exercise(
    label="ex-resnet-family-activations",
    hint="Take `num_macs` and change the rule by which a layer is counted: "
    "its output has a shape, of which one axis is the batch.",
    why="Arithmetic, parameters and activations are three different costs, "
    "and a network can be cheap in one and expensive in another. The "
    "third decides how large a batch can be. Read on in the exercise On a "
    "budget.",
)
def num_activations(num_activations):
    """Check the count of activations, for a block and a small network."""
    function("num_activations", num_activations)
    models, fw = _models(num_activations), adapter(num_activations)
    for name, net, batch, image, right, dense, whole in [
        (
            "Bottleneck(16, 8, stride=2)",
            models.Bottleneck(16, 8, 2),
            3,
            (16, 6, 6),
            8 * 36 + (8 + 32 + 32) * 9,
            0,
            16 * 36 + 8 * 36 + 8 * 9 + 16 * 36,
        ),
        (
            "ResNet(BasicBlock, (1, 1, 1, 1), 10, 3)",
            models.ResNet(models.BasicBlock, (1, 1, 1, 1), 10, 3),
            1,
            (3, 32, 32),
            64 * 256 + 2 * 64 * 64 + 3 * (128 * 16 + 256 * 4 + 512),
            10,
            0,
        ),
    ]:
        sizes = fw.shown((batch, *image))
        integer(
            f"num_activations({name}, {sizes})",
            num_activations(_ready(net), sizes),
            right,
            {
                batch * right: "the count grows with the batch; it should be "
                f"that of one image ({name}, shape {sizes})",
                right + dense: f"{name}: the output of the fully connected "
                "layer is counted as well",
                2 * right: f"{name}: the outputs of batch normalisation are "
                "counted as well",
                whole: f"{name}: the inputs of the convolutions are counted",
            },
        )


def _ready(net):
    """Give a block of MXNet its weights."""
    if hasattr(net, "initialize"):
        net.initialize()
    return net
