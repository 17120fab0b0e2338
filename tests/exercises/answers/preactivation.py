"""Answers to the exercises of the chapter on pre-activation."""

from answer_code import (
    cut_off,
    filled,
    of_the_book,
    put,
    replace,
    replace_words,
)

FAULTY = filled("""
class Block(PreActBlock):
    {forward}
        X = {relu}(self.bn1(X{training}))
        Y = {relu}(self.bn2(self.conv1(X){training}))
        if self.projection is not None:
            X = self.projection(X)
        return X + self.conv2(Y)


check.clean_path(Block)
""")

STRIDE_FIRST = {
    "pytorch": """
class Early(Block):
    def __init__(self, in_channels, channels, stride=1):
        super().__init__(in_channels, channels, stride)
        self.branch[0].stride = stride, stride
        self.branch[3].stride = 1, 1


check.preact_bottleneck(Early)
""",
    "tensorflow": """
class Early(Block):
    def __init__(self, in_channels, channels, stride=1):
        super().__init__(in_channels, channels, stride)
        first, second = self.branch.layers[0], self.branch.layers[3]
        first.strides = stride, stride
        if stride != 1:  # then the padding is a layer before it
            second.layers[-1].strides = 1, 1


check.preact_bottleneck(Early)
""",
    "mxnet": """
class Early(Block):
    def __init__(self, in_channels, channels, stride=1):
        super().__init__(in_channels, channels, stride)
        self.branch = nn.HybridSequential()
        self.branch.add(
            conv(in_channels, channels, 1, stride), batch_norm(channels),
            nn.Activation("relu"), conv(channels, channels, 3),
            batch_norm(channels), nn.Activation("relu"),
            conv(channels, 4 * channels, 1))


check.preact_bottleneck(Early)
""",
}
POST = filled("""from d2lutils.models.{module} import Bottleneck
check.preact_bottleneck(Bottleneck)
""")

NETWORK = {
    "pytorch": """
def Activated(num_blocks):
    return nn.Sequential(
        conv(1, 16, 3), PAIR FIRST
        *[PreActBlock(16, 16) for _ in range(num_blocks - 1)],
        stage(PreActBlock, 16, 32, num_blocks, 2),
        stage(PreActBlock, 32, 64, num_blocks, 2), END
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


check.activated_stem(Activated)
""",
    "tensorflow": """
def Activated(num_blocks):
    return keras.Sequential([
        conv(1, 16, 3), PAIR FIRST
        *[PreActBlock(16, 16) for _ in range(num_blocks - 1)],
        stage(PreActBlock, 16, 32, num_blocks, 2),
        stage(PreActBlock, 32, 64, num_blocks, 2), END
        layers.GlobalAveragePooling2D(), layers.Dense(10)])


check.activated_stem(Activated)
""",
    "mxnet": """
def Activated(num_blocks):
    net = nn.HybridSequential()
    net.add(
        conv(1, 16, 3), PAIR FIRST
        *[PreActBlock(16, 16) for _ in range(num_blocks - 1)],
        stage(PreActBlock, 16, 32, num_blocks, 2),
        stage(PreActBlock, 32, 64, num_blocks, 2), END
        nn.GlobalAvgPool2D(), nn.Dense(10))
    return net


check.activated_stem(Activated)
""",
}


def variant(pair=True, first="FirstBlock(16),", end=True):
    """Return a network with other parts, for each framework."""
    return put(
        NETWORK,
        PAIR=filled("batch_norm(16), {layer}," if pair else ""),
        FIRST=first,
        END=filled("batch_norm(64), {layer}," if end else ""),
    )


ANSWERS = {
    "direct_path": {
        "wrong": [
            ("check.direct_path(27, 3, 3, 3)", "the stem ends with a ReLU"),
            ("check.direct_path(55, 3, 3, 3)", "on the branches"),
            ("check.direct_path(28, 1, 3, 3)", "on the shortcuts"),
            ("check.direct_path(28, 3, 1, 1)", "the projection of a block"),
            ("check.direct_path(28, 3, 3, 4)", "the stem is bare"),
            ("check.direct_path(28, 3, 0, 0)", "is not zero"),
        ],
        "right": ["check.direct_path(28, 3, pre_norms=3, pre_relus=3)"],
    },
    "norm_difference": {
        "wrong": [
            ("check.norm_difference(96)", "one number per channel"),
            ("check.norm_difference(-192)", "the wrong sign"),
            ("check.norm_difference(288)", "lacks the stem"),
            ("check.norm_difference(0)", "is not zero"),
        ],
        "right": ["check.norm_difference(192.0)"],
    },
    "clean_path": {
        "wrong": [
            *cut_off("clean_path", "Block"),
            (FAULTY, "the input after batch normalisation and ReLU"),
            (
                replace("self.projection(A)", "self.projection(X)"),
                "the projection reads the input",
            ),
            (
                replace_words(
                    "return X + self.conv2(Y)",
                    "return {relu}(X + self.conv2(Y))",
                ),
                "a ReLU after the addition",
            ),
            (
                replace("return X + self.conv2(Y)", "return self.conv2(Y)"),
                "outputs differ",
            ),
        ],
        "right": [of_the_book("PreActBlock", "check.clean_path(PreActBlock)")],
    },
    "preact_bottleneck": {
        "wrong": [
            *cut_off("preact_bottleneck", "Block"),
            (POST, "post-activation"),
            (
                replace_words(
                    "X + self.branch(A{training})",
                    "{relu}(X + self.branch(A{training}))",
                ),
                "a ReLU after the addition",
            ),
            (
                replace("self.projection(A)", "self.projection(X)"),
                "the projection reads the input",
            ),
            (
                replace(
                    "X if self.projection is None",
                    "A if self.projection is None",
                ),
                "the input after batch normalisation and ReLU",
            ),
            (STRIDE_FIRST, "the stride is on the first convolution"),
        ],
        "right": [
            {
                "pytorch": """
class Other(nn.Module):
    def __init__(self, c_in, c, stride=1):
        super().__init__()
        sizes = [(c_in, c, 1, 1), (c, c, 3, stride), (c, 4 * c, 1, 1)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(s[0]) for s in sizes)
        self.convs = nn.ModuleList(
            nn.Conv2d(*s, padding=s[2] // 2, bias=False) for s in sizes)
        self.side = nn.Identity()
        if stride > 1 or c_in != 4 * c:
            self.side = nn.Conv2d(c_in, 4 * c, 1, stride, bias=False)

    def forward(self, X):
        Y, side = X, X
        for norm, layer in zip(self.norms, self.convs):
            Y = norm(Y).relu()
            if layer is self.convs[0] and isinstance(self.side, nn.Conv2d):
                side = self.side(Y)
            Y = layer(Y)
        return side + Y


check.preact_bottleneck(Other)
""",
                "tensorflow": """
def block(c_in, c, stride=1):
    X = side = keras.Input((8, 8, c_in))
    Y = layers.ReLU()(layers.BatchNormalization()(X))
    if stride > 1 or c_in != 4 * c:
        side = layers.Conv2D(4 * c, 1, stride, use_bias=False)(Y)
    Y = layers.Conv2D(c, 1, use_bias=False)(Y)
    Y = layers.ReLU()(layers.BatchNormalization()(Y))
    Y = layers.ZeroPadding2D(1)(Y)
    Y = layers.Conv2D(c, 3, stride, use_bias=False)(Y)
    Y = layers.ReLU()(layers.BatchNormalization()(Y))
    Y = layers.Conv2D(4 * c, 1, use_bias=False)(Y)
    return keras.Model(X, layers.Add()([Y, side]))


check.preact_bottleneck(block)
""",
                "mxnet": """
class Other(nn.Block):
    def __init__(self, c_in, c, stride=1):
        super().__init__()
        self.a, self.b, self.c = (nn.BatchNorm() for _ in range(3))
        self.f = nn.Conv2D(4 * c, 1, use_bias=False)
        self.e = nn.Conv2D(c, 3, stride, 1, use_bias=False)
        self.d = nn.Conv2D(c, 1, use_bias=False)
        self.side = None
        if stride > 1 or c_in != 4 * c:
            self.side = nn.Conv2D(4 * c, 1, stride, use_bias=False)

    def forward(self, X):
        A = npx.relu(self.a(X))
        Y = npx.relu(self.c(self.e(npx.relu(self.b(self.d(A))))))
        return self.f(Y) + (self.side(A) if self.side else X)


check.preact_bottleneck(Other)
""",
            }
        ],
    },
    "open_entries": {
        "wrong": [
            ("check.open_entries(0.5, 'smaller')", "not both are right"),
            ("check.open_entries(1, 'larger')", "not both are right"),
            ("check.open_entries(0, 'smaller')", "not both are right"),
            ("check.open_entries(1, 'as large')", "not both are right"),
            ("check.open_entries(1, 'equal')", "has to be one of"),
        ],
        "right": ["check.open_entries(1.0, 'Smaller')"],
    },
    "activated_stem": {
        "wrong": [
            *cut_off("activated_stem", "Activated"),
            ("check.activated_stem(PreActResNet)", "with its bare stem"),
            (
                variant(first="PreActBlock(16, 16),"),
                "its own activation",
            ),
            (variant(end=False), "before the pooling are missing"),
            (variant(pair=False), "the parameters do not fit"),
        ],
        "right": [
            {
                "pytorch": """
class First(PreActBlock):
    def __init__(self):
        super().__init__(16, 16)
        self.bn1 = nn.Identity()

    def forward(self, X):
        return X + self.conv2(self.bn2(self.conv1(X)).relu())


class Activated(PreActResNet):
    def __init__(self, num_blocks):
        super().__init__(num_blocks)
        self.conv1 = nn.Sequential(self.conv1, batch_norm(16), nn.ReLU())
        self.layer1[0] = First()


check.activated_stem(Activated)
""",
                "tensorflow": """
def activated(n):
    X = keras.Input((None, None, 1))
    Y = layers.ReLU()(batch_norm(16)(conv(1, 16, 3)(X)))
    A = layers.ReLU()(batch_norm(16)(conv(16, 16, 3)(Y)))
    Y = layers.Add()([Y, conv(16, 16, 3)(A)])
    widths = [16] * n + [32] * n + [64] * n
    for before, width in zip(widths, widths[1:]):
        Y = PreActBlock(before, width, width // before)(Y)
    Y = layers.ReLU()(batch_norm(64)(Y))
    Y = layers.Dense(10)(layers.GlobalAveragePooling2D()(Y))
    return keras.Model(X, Y)


check.activated_stem(activated)
""",
                "mxnet": """
class Activated(nn.Block):
    def __init__(self, n):
        super().__init__()
        self.stem, self.body = nn.Sequential(), nn.Sequential()
        self.stem.add(nn.Conv2D(16, 3, padding=1, use_bias=False),
                      nn.BatchNorm(), nn.Activation("relu"))
        self.body.add(nn.Conv2D(16, 3, padding=1, use_bias=False),
                      nn.BatchNorm(), nn.Activation("relu"),
                      nn.Conv2D(16, 3, padding=1, use_bias=False))
        self.rest = nn.Sequential()
        widths = [16] * n + [32] * n + [64] * n
        for before, width in zip(widths, widths[1:]):
            self.rest.add(PreActBlock(before, width, width // before))
        self.rest.add(nn.BatchNorm(), nn.Activation("relu"),
                      nn.GlobalAvgPool2D(), nn.Dense(10))

    def forward(self, X):
        X = self.stem(X)
        return self.rest(X + self.body(X))


check.activated_stem(Activated)
""",
            }
        ],
    },
}
