"""Answers to the exercises of the chapter on bottlenecks."""

from answer_code import cut_off, of_the_book, put, replace, replace_each

SHAPES = "[(128, 28, 28), (128, 28, 28), (512, 28, 28)]"

# Written by functions and with other names, the projection first.
BOTTLENECK = {
    "pytorch": """
class Unit(nn.Module):
    expansion = 4

    def __init__(self, c_in, c, s=1):
        super().__init__()
        self.way = None
        if s > 1 or c_in != 4 * c:
            self.way = nn.Conv2d(c_in, 4 * c, 1, s, bias=False)
            self.norm = nn.BatchNorm2d(4 * c)
        self.widen = nn.Conv2d(c, 4 * c, 1, bias=False)
        self.look = nn.Conv2d(c, c, 3, s, 1, bias=False)
        self.narrow = nn.Conv2d(c_in, c, 1, bias=False)
        self.n3 = nn.BatchNorm2d(4 * c)
        self.n1, self.n2 = nn.BatchNorm2d(c), nn.BatchNorm2d(c)

    def forward(self, X):
        Z = X if self.way is None else self.norm(self.way(X))
        Y = self.n1(self.narrow(X)).clamp(min=0)
        Y = self.n2(self.look(Y)).clamp(min=0)
        return torch.relu(Z + self.n3(self.widen(Y)))


check.CHECK(Unit)
""",
    "tensorflow": """
def unit(c_in, c, s=1):
    def norm(Y):
        return layers.BatchNormalization(epsilon=1e-5, momentum=0.9)(Y)

    X = keras.Input((None, None, c_in))
    Z = X
    if s > 1 or c_in != 4 * c:
        Z = norm(layers.Conv2D(4 * c, 1, s, use_bias=False)(X))
    Y = layers.ReLU()(norm(layers.Conv2D(c, 1, use_bias=False)(X)))
    Y = layers.ZeroPadding2D(1)(Y)
    Y = layers.ReLU()(norm(layers.Conv2D(c, 3, s, use_bias=False)(Y)))
    Y = norm(layers.Conv2D(4 * c, 1, use_bias=False)(Y))
    return keras.Model(X, layers.ReLU()(layers.add([Z, Y])))


check.CHECK(unit)
""",
    "mxnet": """
from mxnet import npx


class Unit(nn.Block):
    def __init__(self, c_in, c, s=1):
        super().__init__()
        self.way = None
        if s > 1 or c_in != 4 * c:
            self.way = nn.Conv2D(4 * c, 1, s, use_bias=False)
            self.norm = nn.BatchNorm()
        self.widen = nn.Conv2D(4 * c, 1, use_bias=False)
        self.look = nn.Conv2D(c, 3, s, 1, use_bias=False)
        self.narrow = nn.Conv2D(c, 1, use_bias=False)
        self.n1, self.n2, self.n3 = [nn.BatchNorm() for _ in range(3)]

    def forward(self, X):
        Z = X if self.way is None else self.norm(self.way(X))
        Y = npx.relu(self.n1(self.narrow(X)))
        Y = npx.relu(self.n2(self.look(Y)))
        return npx.relu(Z + self.n3(self.widen(Y)))


check.CHECK(Unit)
""",
}


GROUPED = {
    "pytorch": """
class Groups(nn.Module):
    \"\"\"The paper's other form: a path for each group.\"\"\"

    def __init__(self, before, inside, after, stride, groups):
        super().__init__()
        self.a, self.b = nn.BatchNorm2d(inside), nn.BatchNorm2d(inside)
        self.c = nn.BatchNorm2d(after)
        self.first = nn.Conv2d(before, inside, 1, bias=False)
        self.mid = nn.Conv2d(inside, inside, 3, stride, 1, 1, groups, False)
        self.last = nn.Conv2d(inside, after, 1, bias=False)
        self.skip = nn.Identity()
        if (before, stride) != (after, 1):
            self.skip = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False),
                nn.BatchNorm2d(after))

    def forward(self, X):
        Y = self.mid(self.a(self.first(X)).relu())
        return (self.c(self.last(self.b(Y).relu())) + self.skip(X)).relu()


check.grouped_bottleneck(Groups, channels=96)
""",
    "tensorflow": """
def groups_of(before, inside, after, stride, groups):
    def norm(Y):
        return layers.BatchNormalization(epsilon=1e-5)(Y)

    X = keras.Input((None, None, before))
    Z = X
    if (before, stride) != (after, 1):
        Z = norm(layers.Conv2D(after, 1, stride, use_bias=False)(X))
    Y = layers.ReLU()(norm(layers.Conv2D(inside, 1, use_bias=False)(X)))
    Y = layers.Conv2D(inside, 3, stride, groups=groups, use_bias=False)(
        layers.ZeroPadding2D()(Y))
    Y = norm(layers.Conv2D(after, 1, use_bias=False)(
        layers.ReLU()(norm(Y))))
    return keras.Model(X, layers.ReLU()(layers.add([Y, Z])))


check.grouped_bottleneck(groups_of, channels=96)
""",
    "mxnet": """
from mxnet import npx


class Groups(nn.Block):
    def __init__(self, before, inside, after, stride, groups):
        super().__init__()
        self.a, self.b, self.c = [nn.BatchNorm() for _ in range(3)]
        self.first = nn.Conv2D(inside, 1, use_bias=False)
        self.mid = nn.Conv2D(inside, 3, stride, 1, 1, groups, use_bias=False)
        self.last = nn.Conv2D(after, 1, use_bias=False)
        self.skip = nn.Sequential()
        if (before, stride) != (after, 1):
            self.skip.add(nn.Conv2D(after, 1, stride, use_bias=False),
                          nn.BatchNorm())

    def forward(self, X):
        Y = self.mid(npx.relu(self.a(self.first(X))))
        Y = self.c(self.last(npx.relu(self.b(Y))))
        return npx.relu(Y + self.skip(X))


check.grouped_bottleneck(Groups, channels=96)
""",
}


ANSWERS = {
    "bottleneck_cost": {
        "wrong": [
            (
                f"check.bottleneck_cost({SHAPES}, 278_528, 218_365_952, 1)",
                "batch normalisation has parameters as well",
            ),
            (
                f"check.bottleneck_cost({SHAPES}, 280_064, 436_731_904, 1)",
                "counts FLOPs",
            ),
            (
                f"check.bottleneck_cost({SHAPES}, 280_064, 218_365_952, 4)",
                "there are also fewer positions",
            ),
            (
                f"check.bottleneck_cost({SHAPES}, 543_232, 218_365_952, 1)",
                "counts a projection",
            ),
            (
                "check.bottleneck_cost([(128, 28, 28), (128, 26, 26), "
                "(512, 26, 26)], 280_064, 218_365_952, 1)",
                "without padding",
            ),
            (
                "check.bottleneck_cost([(128, 28, 28), (128, 28, 28), "
                "(128, 28, 28)], 280_064, 218_365_952, 1)",
                "`shapes[2][0]` is not right",
            ),
        ],
        "right": [
            "check.bottleneck_cost(shapes=[[128, 28, 28]] * 2 "
            "+ [[512, 28, 28]], parameters=2 * 512 * 128 + 9 * 128**2 "
            "+ 2 * (128 + 128 + 512), macs=278_528 * 784, ratio=1.0)",
        ],
    },
    "reduction": {
        "wrong": [
            (
                replace("2 * C * inside + 9", "C * inside + 9"),
                "there are two",
            ),
            (
                replace("+ 9 * inside**2\n", "+ 9 * C**2\n"),
                "it works between",
            ),
            (
                replace("+ 9 * inside**2\n", "+ inside**2\n"),
                "the kernel in the middle as 1×1",
            ),
            (replace("smallest = 5", "smallest = 4"), "if only a few"),
            (replace("smallest = 5", "smallest = 9"), "a single 1×1"),
            ("check.reduction(weights=70_000, smallest=5)", "a function"),
            (
                """
known = {(C, r): weights(C, r) for C, r in [
    (256, 4), (256, 8), (512, 4), (64, 2), (96, 3), (32, 1)]}
check.reduction(lambda C, r: known[C, r], 5)
""",
                "KeyError",
            ),
            (
                "check.reduction(lambda C, r: weights(C, min(r, 8)), 5)",
                "too large",
            ),
            (
                """
import random

check.reduction(lambda C, r: weights(C, r) + random.randint(0, 1), 5)
""",
                "too large",
            ),
        ],
        "right": [
            "check.reduction(lambda C, r: C**2 * (2 * r + 9) // r**2, 5)",
        ],
    },
    "bottleneck": {
        "wrong": [
            *cut_off("bottleneck", "Bottleneck"),
            (
                replace_each(
                    (
                        "conv_bn(channels, wide, 1))\n        fits",
                        "conv_bn(channels, wide, 1), nn.ReLU())\n        fits",
                    ),
                    (
                        "*conv_bn(wide, 1)])\n",
                        "*conv_bn(wide, 1), layers.ReLU()])\n",
                    ),
                    (
                        "*conv_bn(wide, 1))\n",
                        '*conv_bn(wide, 1), nn.Activation("relu"))\n',
                    ),
                ),
                "a ReLU before the addition as well",
            ),
            (
                replace_each(
                    ("bias=False),", "bias=True),"),
                    (", use_bias=False),", "),"),
                    (", use_bias=False),", "),"),
                ),
                "a bias where none is needed",
            ),
            (
                replace_each(
                    (
                        "conv_bn(in_channels, channels, 1), nn.ReLU(),\n"
                        "            conv_bn(channels, channels, 3, stride)",
                        "conv_bn(in_channels, channels, 1, stride), "
                        "nn.ReLU(),\n"
                        "            conv_bn(channels, channels, 3)",
                    ),
                    (
                        "*conv_bn(channels, 1), layers.ReLU(),\n"
                        "            *conv_bn(channels, 3, stride)",
                        "*conv_bn(channels, 1, stride), layers.ReLU(),\n"
                        "            *conv_bn(channels, 3)",
                    ),
                    (
                        '*conv_bn(channels, 1), nn.Activation("relu"),\n'
                        "            *conv_bn(channels, 3, stride)",
                        "*conv_bn(channels, 1, stride), "
                        'nn.Activation("relu"),\n'
                        "            *conv_bn(channels, 3)",
                    ),
                ),
                "with stride 2: the shapes and the parameters are right, but "
                "the stride is on the first 1×1",
            ),
            (
                replace_each(
                    (
                        "F.relu(self.residual(X) + self.shortcut(X))",
                        "F.relu(self.residual(X)) + self.shortcut(X)",
                    ),
                    (
                        "tf.nn.relu(Y + self.shortcut(X, training=training))",
                        "tf.nn.relu(Y) + self.shortcut(X, training=training)",
                    ),
                    (
                        "F.npx.relu(self.residual(X) + self.shortcut(X))",
                        "F.npx.relu(self.residual(X)) + self.shortcut(X)",
                    ),
                ),
                "before the addition, not after it",
            ),
            (
                replace_each(
                    (
                        "fits = stride == 1 and in_channels == wide",
                        "fits = stride == 1",
                    ),
                    (
                        "fits = stride == 1 and in_channels == wide",
                        "fits = stride == 1",
                    ),
                    (
                        "if stride != 1 or in_channels != wide",
                        "if stride != 1",
                    ),
                ),
                "your code raises",
            ),
            (
                replace("expansion = 4", "expansion = 2"),
                "`Bottleneck.expansion` is not right",
            ),
        ],
        "right": [
            of_the_book("Bottleneck", "check.bottleneck(Bottleneck)"),
            put(BOTTLENECK, CHECK="bottleneck"),
        ],
    },
    "skipping_bottleneck": {
        "wrong": [
            *cut_off("skipping_bottleneck", "Bottleneck"),
            (
                replace(
                    "conv(in_channels, channels, 1),",
                    "conv(in_channels, channels, 1, stride),",
                ),
                "your code raises",
            ),
            (
                replace_each(
                    (
                        "conv(channels, wide, 1), batch_norm(wide))\n"
                        "        self.shortcut",
                        "conv(channels, wide, 1))\n        self.shortcut",
                    ),
                    (
                        "conv(channels, wide, 1), batch_norm(wide)])\n"
                        "        self.shortcut",
                        "conv(channels, wide, 1)])\n        self.shortcut",
                    ),
                    (
                        "conv(channels, wide, 1), batch_norm(wide))\n"
                        "        self.shortcut",
                        "conv(channels, wide, 1))\n        self.shortcut",
                    ),
                ),
                "the parameters do not fit",
            ),
            (
                replace(
                    "conv(channels, channels, 3, stride),",
                    "conv(channels, channels, 3),",
                ),
                "your code raises",
            ),
        ],
        "right": [
            of_the_book("Bottleneck", "check.skipping_bottleneck(Bottleneck)"),
            put(BOTTLENECK, CHECK="skipping_bottleneck"),
        ],
    },
    "grouped_bottleneck": {
        "wrong": [
            *cut_off("grouped_bottleneck", "GroupedBottleneck"),
            (
                replace_each(
                    ("groups=groups, bias=False", "bias=False"),
                    ("3, stride, groups=groups,", "3, stride,"),
                    ("padding=1, groups=groups,", "padding=1,"),
                ),
                "with four groups: the 3×3 convolution is not grouped",
            ),
            (replace("channels = 96", "channels = 128"), "a little more"),
            (replace("channels = 96", "channels = 64"), "about half"),
            (
                replace_each(
                    ("groups=groups, bias=False", "groups=2, bias=False"),
                    ("3, stride, groups=groups,", "3, stride, groups=2,"),
                    ("padding=1, groups=groups,", "padding=1, groups=2,"),
                ),
                "with one group: the output has the right shape, but the "
                "parameters do not fit",
            ),
        ],
        "right": [GROUPED],
    },
}
