"""Answers to the exercises of the chapter on the ResNet family."""

from answer_code import cut_off, of_the_book, replace, replace_each

SHAPES = "[(256, 80, 80), (512, 40, 40), (1024, 20, 20), (2048, 10, 10)]"

# ResNet-26 from layers alone.
RESNET26 = {
    "pytorch": """
def resnet26(num_classes=10, in_channels=1):
    def step(a, b, k, s=1):
        return [nn.Conv2d(a, b, k, s, k // 2, bias=False), nn.BatchNorm2d(b)]

    class Sum(nn.Module):
        def __init__(self, a, c, s):
            super().__init__()
            self.way = nn.Sequential(
                *step(a, c, 1), nn.ReLU(), *step(c, c, 3, s), nn.ReLU(),
                *step(c, 4 * c, 1))
            self.skip = nn.Sequential(
                *(step(a, 4 * c, 1, s) if a != 4 * c else []))

        def forward(self, X):
            return (self.way(X) + self.skip(X)).relu()

    parts, a = [*step(in_channels, 64, 7, 2), nn.ReLU(),
                nn.MaxPool2d(3, 2, 1)], 64
    for c in 64, 128, 256, 512:
        parts += [Sum(a, c, 2 if c > 64 else 1), Sum(4 * c, c, 1)]
        a = 4 * c
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(2048, num_classes))


check.resnet26(resnet26)
""",
    "tensorflow": """
def resnet26(num_classes=10, in_channels=1):
    L = keras.layers

    def step(X, c, k, s=1):
        X = L.ZeroPadding2D(k // 2)(X) if k > 1 else X
        X = L.Conv2D(c, k, s, use_bias=False)(X)
        return L.BatchNormalization(epsilon=1e-5, momentum=0.9)(X)

    image = keras.Input((None, None, in_channels))
    X = L.ReLU()(step(image, 64, 7, 2))
    X = L.MaxPool2D(3, 2)(L.ZeroPadding2D(1)(X))
    for c in 64, 128, 256, 512:
        for s in (2 if c > 64 else 1), 0:
            Y = L.ReLU()(step(X, c, 1))
            Y = step(L.ReLU()(step(Y, c, 3, s or 1)), 4 * c, 1)
            X = L.ReLU()(L.add([Y, step(X, 4 * c, 1, s) if s else X]))
    X = L.GlobalAveragePooling2D()(X)
    return keras.Model(image, L.Dense(num_classes)(X))


check.resnet26(resnet26)
""",
    "mxnet": """
from mxnet import npx


class Sum(nn.Block):
    def __init__(self, c, s):
        super().__init__()
        self.way, self.skip = nn.Sequential(), nn.Sequential()
        self.way.add(
            nn.Conv2D(c, 1, use_bias=False), nn.BatchNorm(),
            nn.Activation("relu"),
            nn.Conv2D(c, 3, s or 1, 1, use_bias=False), nn.BatchNorm(),
            nn.Activation("relu"),
            nn.Conv2D(4 * c, 1, use_bias=False), nn.BatchNorm())
        if s:
            self.skip.add(nn.Conv2D(4 * c, 1, s, use_bias=False),
                          nn.BatchNorm())

    def forward(self, X):
        return npx.relu(self.way(X) + self.skip(X))


def resnet26(num_classes=10, in_channels=1):
    net = nn.Sequential()
    net.add(nn.Conv2D(64, 7, 2, 3, use_bias=False), nn.BatchNorm(),
            nn.Activation("relu"), nn.MaxPool2D(3, 2, 1))
    for c in 64, 128, 256, 512:
        net.add(Sum(c, 2 if c > 64 else 1), Sum(c, 0))
    net.add(nn.GlobalAvgPool2D(), nn.Dense(num_classes))
    return net


check.resnet26(resnet26)
""",
}

# The first block apart from the others, in another kind of container.
STAGE = {
    "pytorch": """
class Stage(nn.Module):
    def __init__(self, block, before, inside, count, stride):
        super().__init__()
        self.head = block(before, inside, stride)
        self.tail = nn.ModuleList(
            block(block.expansion * inside, inside)
            for _ in range(1, count))

    def forward(self, X):
        X = self.head(X)
        for each in self.tail:
            X = each(X)
        return X


check.stage_of_bottlenecks(Stage)
""",
    "tensorflow": """
class Stage(keras.layers.Layer):
    def __init__(self, block, before, inside, count, stride):
        super().__init__()
        self.head = block(before, inside, stride)
        self.tail = [block(block.expansion * inside, inside)
                     for _ in range(1, count)]

    def call(self, X, training=None):
        X = self.head(X, training=training)
        for each in self.tail:
            X = each(X, training=training)
        return X


check.stage_of_bottlenecks(Stage)
""",
    "mxnet": """
class Stage(nn.Block):
    def __init__(self, block, before, inside, count, stride):
        super().__init__()
        self.head = block(before, inside, stride)
        self.tail = nn.Sequential()
        self.tail.add(*(block(block.expansion * inside, inside)
                        for _ in range(1, count)))

    def forward(self, X):
        return self.tail(self.head(X))


check.stage_of_bottlenecks(Stage)
""",
}

ACTIVATIONS = {
    "pytorch": """
def outputs(net, shape):
    total = 0

    def add(layer, inputs, Y):
        nonlocal total
        total += Y[0].numel()

    handles = [layer.register_forward_hook(add) for layer in net.modules()
               if type(layer) is nn.Conv2d]
    with torch.no_grad():
        net.eval()(torch.zeros(shape))
    for handle in handles:
        handle.remove()
    return total


check.num_activations(outputs)
""",
    "tensorflow": """
def outputs(net, shape):
    net(tf.zeros(shape))
    total = 0
    call = keras.layers.Conv2D.call

    def counted(self, X):
        nonlocal total
        Y = call(self, X)
        total += math.prod(Y.shape[1:])
        return Y

    keras.layers.Conv2D.call = counted
    try:
        net(tf.zeros(shape), training=False)
    finally:
        keras.layers.Conv2D.call = call
    return total


check.num_activations(outputs)
""",
    "mxnet": """
from mxnet import np as mxnp


def outputs(net, shape):
    total = []

    def watch(layer):
        if type(layer) is nn.Conv2D:
            layer.register_forward_hook(
                lambda layer, X, Y: total.append(Y[0].size))

    net.apply(watch)
    net(mxnp.zeros(shape))
    return sum(total)


check.num_activations(outputs)
""",
}


ANSWERS = {
    "larger_images": {
        "wrong": [
            (
                f'check.larger_images({SHAPES}, 1.43, "fc")',
                "that of the sides",
            ),
            (
                f'check.larger_images({SHAPES}, 2.04, "conv1")',
                '"conv1" works at more positions',
            ),
            (
                f'check.larger_images({SHAPES}, 2.04, "avgpool")',
                "no MACs that are counted",
            ),
            (
                "check.larger_images([(64, 80, 80), (128, 40, 40), "
                '(256, 20, 20), (512, 10, 10)], 2.04, "fc")',
                "the channels inside the blocks",
            ),
            (
                "check.larger_images([(256, 160, 160), (512, 80, 80), "
                '(1024, 40, 40), (2048, 20, 20)], 2.04, "fc")',
                "`shapes[0][1]` is too large: it has another power of ten",
            ),
        ],
        "right": [
            "check.larger_images([[256 * 2**i, 80 // 2**i, 80 // 2**i] "
            'for i in range(4)], factor=100 / 49, part="FC")',
        ],
    },
    "num_blocks": {
        "wrong": [
            (
                replace(" if rest == 0 and blocks >= 4 else None", ""),
                "do not make a network of 40 layers",
            ),
            (
                replace("rest == 0 and blocks >= 4", "rest == 0"),
                "some stage would be left without a block",
            ),
            (
                replace("divmod(depth - 2, 3)", "divmod(depth - 2, 2)"),
                "that of basic blocks",
            ),
            (
                replace("rest == 0 and blocks >= 4", "blocks > 12"),
                "`num_blocks(26)` returns None",
            ),
            (
                """
check.num_blocks(lambda d: num_blocks(d) if d <= 200 else None)
""",
                "returns None, but there is one",
            ),
            (
                """
calls = []


def tired(depth):
    calls.append(depth)
    return num_blocks(depth) if len(calls) < 300 else 16


check.num_blocks(tired)
""",
                "num_blocks(",
            ),
        ],
        "right": [
            "check.num_blocks(lambda depth: next((n for n in range(4, 99) "
            "if 1 + 3 * n + 1 == depth), None))",
        ],
    },
    "resnet26": {
        "wrong": [
            *cut_off("resnet26", "resnet26"),
            (replace("(2, 2, 2, 2), num", "(1, 1, 1, 1), num"), "ResNet-14"),
            (
                replace("(2, 2, 2, 2), num", "(1, 2, 4, 1), num"),
                "not distributed equally",
            ),
            ("check.resnet26(resnet18)", "this is ResNet-18"),
            (
                replace(
                    "(2, 2, 2, 2), num_classes, in", "(2, 2, 2, 2), 10, in"
                ),
                "the output has the shape (1, 10)",
            ),
            (
                replace(
                    "num_classes=10, in_channels=1):",
                    "num_classes, in_channels):",
                ),
                "no default",
            ),
        ],
        "right": [RESNET26],
    },
    "batch_norm_share": {
        "wrong": [
            (
                "check.batch_norm_share(75_712, 0.002516, 0.4984)",
                "a scale and a shift",
            ),
            (
                "check.batch_norm_share(143_744, 0.002516, 0.4984)",
                "of the projections",
            ),
            (
                "check.batch_norm_share(151_424, 0.2516, 0.4984)",
                "a percentage",
            ),
            (
                "check.batch_norm_share(151_424, 0.002516, 0.9936)",
                "with the other layers",
            ),
        ],
        "right": [
            "check.batch_norm_share(number=2 * (64 + 71_808 + 3_840), "
            "of_parameters=151_424 / 60_192_808, of_layers=155 / 311)",
        ],
    },
    "stage_of_bottlenecks": {
        "wrong": [
            *cut_off("stage_of_bottlenecks", "stage"),
            (
                replace("channels * block.expansion, 1", "channels, 1"),
                "three bottlenecks: the second block is told that 8 channels",
            ),
            (
                replace(
                    "channels * block.expansion, 1",
                    "channels * block.expansion, stride",
                ),
                "the second block has stride 2",
            ),
            (
                replace("range(num_blocks)", "range(num_blocks - 1)"),
                "too few blocks: 2",
            ),
            (
                replace("channels * block.expansion, 1", "channels * 4, 1"),
                "three basic blocks: the second block is told that 32",
            ),
        ],
        "right": [
            of_the_book("stage", "check.stage_of_bottlenecks(stage)"),
            STAGE,
        ],
    },
    "num_activations": {
        "wrong": [
            (
                replace_each(
                    ("Y.shape[1:].numel()", "Y.shape.numel()"),
                    ("shape[1:])  # (N", "shape)  # (N"),
                    ("math.prod(Y_shape[1:])", "math.prod(Y_shape)"),
                ),
                "the count grows with the batch",
            ),
            (
                replace_each(
                    (
                        "isinstance(layer, nn.Conv2d)",
                        "isinstance(layer, (nn.Conv2d, nn.Linear))",
                    ),
                    ('== "Conv2D")', 'in ("Conv2D", "MatMul"))'),
                    (
                        "isinstance(layer, nn.Conv2D)",
                        "isinstance(layer, (nn.Conv2D, nn.Dense))",
                    ),
                ),
                "of the fully connected layer is counted",
            ),
            (
                replace_each(
                    (
                        "isinstance(layer, nn.Conv2d)",
                        "isinstance(layer, (nn.Conv2d, nn.BatchNorm2d))",
                    ),
                    (
                        "sum(math.prod",
                        "sum(2 * math.prod",
                    ),
                    (
                        "isinstance(layer, nn.Conv2D)",
                        "isinstance(layer, (nn.Conv2D, nn.BatchNorm))",
                    ),
                ),
                "of batch normalisation are counted",
            ),
            (
                replace_each(
                    ("Y.shape[1:].numel()", "inputs[0].shape[1:].numel()"),
                    (
                        "layer.outputs[0].shape[1:]",
                        "layer.inputs[0].shape[1:]",
                    ),
                    (
                        "_, (Y_shape,), _ = Y.infer_shape(data=shape)",
                        "_, (Y_shape,), _ = inputs[0].infer_shape(data=shape)",
                    ),
                ),
                {
                    "pytorch": "the inputs of the convolutions are counted",
                    "tensorflow": "`num_activations(",  # of padded inputs
                    "mxnet": "the inputs of the convolutions are counted",
                },
            ),
        ],
        "right": [ACTIVATIONS],
    },
    "moved_blocks": {
        "wrong": [
            (
                "check.moved_blocks((10_467_840, 0), (33_454_080, 0))",
                "`to_stage_1` has the wrong sign",
            ),
            (
                "check.moved_blocks((-10_444_800, 0), (33_454_080, 0))",
                "batch normalisation has parameters",
            ),
            (
                "check.moved_blocks((-10_467_840, 0), (3_345_408, 0))",
                "`to_stage_4` is that of one block",
            ),
            (
                "check.moved_blocks((-10_467_840, 1), (33_454_080, 0))",
                "`to_stage_1[1]` is not right (MACs)",
            ),
        ],
        "right": [
            "check.moved_blocks(to_stage_1=[170 * (64**2 - 256**2) "
            "- 120 * 192, 0], to_stage_4=(170 * (512**2 - 256**2) "
            "+ 120 * 256, 0.0))",
        ],
    },
}
