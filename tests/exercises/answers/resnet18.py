"""Answers to the exercises of the chapter on ResNet-18."""

from answer_code import (
    cut_off,
    filled,
    of_the_book,
    put,
    replace,
    replace_each,
    replace_words,
)


def small_image(*shapes):
    return f"check.small_image([{', '.join(map(str, shapes))}])"


RIGHT_SHAPES = [(64, 8, 8), (64, 8, 8), (128, 4, 4), (256, 2, 2), (512, 1, 1)]

ASYMMETRIC = {
    "pytorch": """
def make_stem(in_channels):
    return nn.Sequential(
        nn.ZeroPad2d((PADS)),
        nn.Conv2d(in_channels, 64, 7, stride=2, bias=False),
        batch_norm(64), nn.ReLU(), nn.ZeroPad2d((POOL)),
        nn.MaxPool2d(3, stride=2))


check.stem(make_stem)
""",
    "tensorflow": """
def make_stem(in_channels):
    left, right, top, bottom = PADS
    before, after, above, below = POOL
    return keras.Sequential([
        layers.ZeroPadding2D(((top, bottom), (left, right))),
        layers.Conv2D(64, 7, strides=2, use_bias=False),
        batch_norm(64), layers.ReLU(),
        layers.ZeroPadding2D(((above, below), (before, after))),
        layers.MaxPool2D(3, strides=2)])


check.stem(make_stem)
""",
    "mxnet": """
class Pad(nn.HybridBlock):
    def __init__(self, left, right, top, bottom):
        super().__init__()
        self.pads = (0, 0), (0, 0), (top, bottom), (left, right)

    def hybrid_forward(self, F, X):
        return F.np.pad(X, self.pads)


def make_stem(in_channels):
    stem = nn.HybridSequential()
    stem.add(Pad(PADS),
             nn.Conv2D(64, 7, strides=2, use_bias=False),
             batch_norm(64), nn.Activation("relu"),
             Pad(POOL), nn.MaxPool2D(3, strides=2))
    return stem


check.stem(make_stem)
""",
}


def padded(pads, pool):
    return put(ASYMMETRIC, PADS=pads, POOL=pool)


NO_STEM_BIAS = replace_each(
    (", padding=3, bias=False", ", padding=3"),
    (", use_bias=False", ""),
    (" use_bias=False,", ""),
)

# The stub's faulty block, with `normalise` as given.
FROZEN = {
    "pytorch": """
def normalise(bn, Y, training=False):
    return F.batch_norm(Y, bn.running_mean, bn.running_var, bn.weight,
                        bn.bias, TRAINING, bn.momentum, bn.eps)


class Block(BasicBlock):
    def forward(self, X):
        Y = F.relu(normalise(self.bn1, self.conv1(X)))
        Y = normalise(self.bn2, self.conv2(Y))
        return F.relu(Y + self.shortcut(X))


check.frozen_norm(Block)
""",
    "tensorflow": """
class Block(BasicBlock):
    def call(self, X, training=None):
        Y = tf.nn.relu(self.bn1(self.conv1(X), training=TRAINING))
        Y = self.bn2(self.conv2(Y), training=TRAINING)
        return tf.nn.relu(Y + self.shortcut(X))


check.frozen_norm(Block)
""",
    "mxnet": """
class Block(BasicBlock):
    def forward(self, X):
        def normalise(bn, Y):
            if not TRAINING:
                bn._kwargs["use_global_stats"] = True
                return bn(Y)
            with autograd.train_mode():
                return bn(Y)

        Y = npx.relu(normalise(self.bn1, self.conv1(X)))
        Y = normalise(self.bn2, self.conv2(Y))
        return npx.relu(Y + self.shortcut(X))


from mxnet import autograd
check.frozen_norm(Block)
""",
}


def frozen(training):
    return put(FROZEN, TRAINING=training)


# The stem with one more or one less part.
SMALL_STEM = {
    "pytorch": """def make_stem():
    return nn.Sequential(PARTS)


check.small_stem(make_stem)
""",
    "tensorflow": """def make_stem():
    return keras.Sequential([PARTS])


check.small_stem(make_stem)
""",
    "mxnet": """def make_stem():
    stem = nn.HybridSequential()
    stem.add(PARTS)
    return stem


check.small_stem(make_stem)
""",
}
POOL = {
    "pytorch": "nn.MaxPool2d(3, stride=2, padding=1)",
    "tensorflow": 'layers.MaxPool2D(3, strides=2, padding="same")',
    "mxnet": "nn.MaxPool2D(3, strides=2, padding=1)",
}


def small_stem(parts):
    return put(SMALL_STEM, PARTS=parts, RELU=filled("{layer}"), POOL=POOL)


ANSWERS = {
    "small_image": {
        "wrong": [
            (
                small_image((64, 16, 16), *RIGHT_SHAPES[1:]),
                "the max-pooling belongs to the stem",
            ),
            (
                small_image(
                    (64, 8, 8),
                    (64, 4, 4),
                    (128, 2, 2),
                    (256, 1, 1),
                    (512, 1, 1),
                ),
                "the first stage leaves the sides",
            ),
            (
                small_image(*[(side, side, c) for c, _, side in RIGHT_SHAPES]),
                "in another order",
            ),
            (
                small_image(*RIGHT_SHAPES[:4], (512, 7, 7)),
                "`shapes[4][1]` is not right",
            ),
            ("check.small_image([(64, 8, 8)])", "a list of 5 shapes"),
        ],
        "right": [
            "check.small_image([[64, 8, 8], [64, 8, 8], [128, 4, 4], "
            "[256, 2, 2], [512, 1, 1]])",
            {
                "pytorch": """
net, X, shapes = resnet18().eval(), torch.zeros(1, 1, 32, 32), []
for name, layer in net.named_children():
    X = layer(X)
    if name == "maxpool" or name.startswith("layer"):
        shapes.append(X.shape[1:])
check.small_image(shapes)
""",
                "tensorflow": """
net, X, shapes = resnet18(), tf.zeros((1, 32, 32, 1)), []
for layer in net.layers:
    X = layer(X)
    if layer.name == "maxpool" or layer.name.startswith("layer"):
        shapes.append((X.shape[3], X.shape[1], X.shape[2]))
check.small_image(shapes)
""",
                "mxnet": """
net, X, shapes = resnet18(), np.zeros((1, 1, 32, 32)), []
net.initialize()
for name, layer in net._children.items():
    X = layer(X)
    if name == "maxpool" or name.startswith("layer"):
        shapes.append(X.shape[1:])
check.small_image(tuple(shapes))
""",
            },
        ],
    },
    "deeper": {
        "wrong": [
            *cut_off("deeper", "resnet34"),
            (
                "check.deeper(resnet18, 10_108_160)",
                "this is ResNet-18",
            ),
            (
                replace("(3, 4, 6, 3)", "(3, 6, 4, 3)"),
                "stages 2 and 3 are exchanged",
            ),
            (
                replace(
                    "check.deeper(resnet34, added)",
                    "check.deeper(resnet34, 21_283_530)",
                ),
                "counts all parameters of ResNet-34",
            ),
            (
                replace("18 * c**2 + 4 * c", "18 * c**2"),
                "convolutions only",
            ),
            (
                replace("ResNet(BasicBlock", "(BasicBlock"),
                "which is no network",
            ),
        ],
        "right": [
            {
                "pytorch": """
sizes = [num_parameters(ResNet(BasicBlock, blocks))
         for blocks in ((2,) * 4, (3, 4, 6, 3))]
check.deeper(ResNet(BasicBlock, [3, 4, 6, 3], 10, 1), sizes[1] - sizes[0])
""",
                "tensorflow": """
net = ResNet(BasicBlock, [3, 4, 6, 3], 10, 1)
check.deeper(net, 10_108_160)
""",
                "mxnet": """
sizes = [num_parameters(ResNet(BasicBlock, blocks))
         for blocks in ((2,) * 4, (3, 4, 6, 3))]
check.deeper(ResNet(BasicBlock, [3, 4, 6, 3], 10, 1), sizes[1] - sizes[0])
""",
            }
        ],
    },
    "stem": {
        "wrong": [
            *cut_off("stem", "make_stem"),
            (
                padded("2, 3, 2, 3", "1, 1, 1, 1"),
                "the convolution has one zero less on the left",
            ),
            (
                padded("3, 2, 3, 2", "1, 1, 1, 1"),
                "the convolution has one zero less on the right",
            ),
            (padded("3, 3, 3, 3", "0, 1, 0, 1"), "the pooling pads on one"),
            (padded("2, 3, 2, 3", "0, 1, 0, 1"), "convolution and pooling"),
            (NO_STEM_BIAS, "a bias where none is needed"),
        ],
        "right": [padded("3, 3, 3, 3", "1, 1, 1, 1")],
    },
    "frozen_norm": {
        "wrong": [
            *cut_off("frozen_norm", "Block"),
            (frozen("False"), "does not know that it is being trained"),
            (frozen("True"), "in evaluation mode as well"),
            (
                {
                    "pytorch": replace(
                        "bn.running_mean, bn.running_var,",
                        "bn.running_mean.clone(), bn.running_var.clone(),",
                    ),
                    "tensorflow": """
class Block(BasicBlock):
    def normalise(self, bn, Y, training):
        if not training:
            return bn(Y, training=False)
        mean, variance = tf.nn.moments(Y, [0, 1, 2])
        return tf.nn.batch_normalization(Y, mean, variance, bn.beta,
                                         bn.gamma, 1e-5)

    def call(self, X, training=None):
        Y = self.normalise(self.bn1, self.conv1(X), training)
        Y = self.conv2(tf.nn.relu(Y))
        return tf.nn.relu(X + self.normalise(self.bn2, Y, training))


check.frozen_norm(Block)
""",
                    "mxnet": """
from mxnet import autograd


class Block(BasicBlock):
    def normalise(self, bn, Y):
        if not autograd.is_training():
            return bn(Y)
        mean = Y.mean((0, 2, 3), keepdims=True)
        scale = bn.gamma.data().reshape(1, -1, 1, 1)
        shift = bn.beta.data().reshape(1, -1, 1, 1)
        variance = ((Y - mean)**2).mean((0, 2, 3), keepdims=True)
        return (Y - mean) / np.sqrt(variance + 1e-5) * scale + shift

    def forward(self, X):
        Y = npx.relu(self.normalise(self.bn1, self.conv1(X)))
        return npx.relu(X + self.normalise(self.bn2, self.conv2(Y)))


check.frozen_norm(Block)
""",
                },
                "does not move in training",
            ),
        ],
        "right": [of_the_book("BasicBlock", "check.frozen_norm(BasicBlock)")],
    },
    "narrow_block": {
        "wrong": [
            *cut_off("narrow_block", "Block"),
            (
                replace_words(
                    "{relu}(X + self.branch(X{training}))",
                    "X + self.branch(X{training})",
                ),
                "the ReLU after the addition is missing",
            ),
            (
                replace_words(
                    "{relu}(X + self.branch(X{training}))",
                    "X + {relu}(self.branch(X{training}))",
                ),
                "before the addition",
            ),
            (
                replace_words("batch_norm(64), {layer}", "batch_norm(64)"),
                "the ReLUs between the convolutions are missing",
            ),
            (
                replace(" + 2 * (64 + 64 + 256)", ""),
                "`parameters` lacks those of batch normalisation",
            ),
            (
                replace("18 * 256**2 + 4 * 256", "18 * 64**2 + 4 * 64"),
                "block with 64 channels",
            ),
            (
                replace("conv(64, 64, 3)", "conv(64, 64, 1)"),
                "the parameters do not fit",
            ),
        ],
        "right": [
            {
                "pytorch": """
from d2lutils.models.torch import Bottleneck
net = Bottleneck(256, 64)
check.narrow_block(net, num_parameters(net), 1_180_672.0)
""",
                "tensorflow": """
from d2lutils.models.tensorflow import Bottleneck
check.narrow_block(lambda: Bottleneck(256, 64), 70_400, 1_180_672)
""",
                "mxnet": """
from d2lutils.models.mxnet import Bottleneck
net = Bottleneck(256, 64)
check.narrow_block(net, num_parameters(net), 1_180_672.0)
""",
            }
        ],
    },
    "small_stem": {
        "wrong": [
            *cut_off("small_stem", "make_stem"),
            (
                small_stem("conv(1, 64, 3, stride=2), batch_norm(64), RELU"),
                "is still halved once",
            ),
            (
                small_stem("conv(1, 64, 7, 2), batch_norm(64), RELU, POOL"),
                "is still halved twice",
            ),
            (
                small_stem("conv(1, 64, 7), batch_norm(64), RELU"),
                "more than 1,000",
            ),
            (
                small_stem("conv(1, 64, 1), batch_norm(64), RELU"),
                "depends on a single pixel",
            ),
            (
                small_stem("conv(1, 64, 3), batch_norm(64)"),
                "some entries are negative",
            ),
            (small_stem("conv(1, 64, 3), RELU"), "nothing normalises it"),
        ],
        "right": [
            {
                "pytorch": """
class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.b = nn.Conv2d(8, 64, 1, bias=False)
        self.c = nn.BatchNorm2d(64)

    def forward(self, X):
        return self.c(self.b(self.a(X))).relu()


check.small_stem(Stem)
""",
                "tensorflow": """
def make():
    X = keras.Input((32, 32, 1))
    Y = layers.Conv2D(64, 3, padding="same")(X)
    return keras.Model(X, layers.ReLU()(layers.BatchNormalization()(Y)))


check.small_stem(make)
""",
                "mxnet": """
class Stem(nn.Block):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2D(64, 3, padding=1)
        self.c = nn.BatchNorm()

    def forward(self, X):
        return npx.relu(self.c(self.a(X)))


check.small_stem(Stem)
""",
            }
        ],
    },
    "plain_block": {
        "wrong": [
            *cut_off("plain_block", "Plain"),
            ("check.plain_block(BasicBlock)", "the input is still added"),
            (replace("    expansion = 1\n", ""), "no attribute `expansion`"),
            (
                replace_each(
                    (", nn.ReLU())", ")"),
                    (", layers.ReLU()])", "])"),
                    (', nn.Activation("relu"))', ")"),
                ),
                "the second ReLU is missing",
            ),
            (
                replace_words(
                    "batch_norm(out_channels), {layer},",
                    "batch_norm(out_channels),",
                ),
                "the ReLU between the convolutions is missing",
            ),
            (
                replace(
                    "conv(in_channels, out_channels, 3, stride)",
                    "conv(in_channels, out_channels, 3)",
                ),
                "4 to 6 channels, stride 2",
            ),
        ],
        "right": [
            of_the_book("PlainBlock", "check.plain_block(PlainBlock)"),
            {
                "pytorch": """
class Other(BasicBlock):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__(in_channels, out_channels, stride)
        del self.shortcut

    def forward(self, X):
        Y = torch.relu(self.bn1(self.conv1(X)))
        return torch.relu(self.bn2(self.conv2(Y)))


check.plain_block(Other)
""",
                "tensorflow": """
def plain(in_channels, out_channels, stride=1):
    X = Y = keras.Input((None, None, in_channels))
    for s in stride, 1:
        Y = layers.ZeroPadding2D()(Y)
        Y = layers.Conv2D(out_channels, 3, s, use_bias=False)(Y)
        Y = layers.BatchNormalization(momentum=0.9)(Y)
        Y = layers.ReLU()(Y)
    return keras.Model(X, Y)


check.plain_block(plain)
""",
                "mxnet": """
class Other(nn.Block):
    expansion = 1

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.b = nn.Conv2D(out_channels, 3, padding=1, use_bias=False)
        self.a = nn.Conv2D(out_channels, 3, stride, 1, use_bias=False)
        self.c, self.d = nn.BatchNorm(), nn.BatchNorm()

    def forward(self, X):
        return npx.relu(self.d(self.b(npx.relu(self.c(self.a(X))))))


check.plain_block(Other)
""",
            },
        ],
    },
}
