"""Answers to the exercises of the chapter on residual blocks."""

from answer_code import (
    Borrowed,
    Replaced,
    cut,
    cut_off,
    filled,
    put,
    replace,
    replace_each,
    replace_words,
)

PROJECTED = """conv(in_channels, out_channels, 1, stride),
                batch_norm(out_channels)"""
SUM = "Y + self.shortcut(X{training})"
RECTIFIED_SUM = f"{{relu}}({SUM})"
SECOND = "self.bn2(self.conv2(Y){training})"
RECTIFIED = f"{{relu}}({SECOND})"


def subclass(second, last):
    """Return a basic block with other last lines, for each framework."""
    return filled(f"""class Block(BasicBlock):
    {{forward}}
        Y = {{relu}}(self.bn1(self.conv1(X){{training}}))
        Y = {second}
        return {last}


check.early_relu(Block)
""")


FACTORY = {
    "pytorch": """
def make(c_in, c_out, s=1):
    first, second = nn.LazyConv2d, nn.LazyConv2d
    main = nn.Sequential(
        first(c_out, 3, stride=s, padding=1, bias=False),
        nn.LazyBatchNorm2d(), nn.ReLU(inplace=True),
        second(c_out, 3, padding="same", bias=False), nn.LazyBatchNorm2d())
    side = nn.Sequential()
    if s > 1 or c_in != c_out:
        side = nn.Sequential(nn.Conv2d(c_in, c_out, 1, s, bias=False),
                             nn.BatchNorm2d(c_out))
    return lambda X: torch.clamp(side(X).add(main(X)), min=0)


check.CHECK(make)
""",
    "tensorflow": """
def make(c_in, c_out, s=1):
    X = keras.Input((8, 8, c_in))
    Y = layers.ZeroPadding2D(1)(X)
    Y = layers.Conv2D(c_out, 3, s, use_bias=False)(Y)
    Y = layers.ReLU()(layers.BatchNormalization()(Y))
    Y = layers.Conv2D(c_out, 3, padding="same", use_bias=False)(Y)
    Y = layers.BatchNormalization()(Y)
    side = X
    if s > 1 or c_in != c_out:
        side = layers.Conv2D(c_out, 1, s, use_bias=False)(X)
        side = layers.BatchNormalization()(side)
    return keras.Model(X, layers.ReLU()(layers.Add()([side, Y])))


check.CHECK(make)
""",
    "mxnet": """
class Other(nn.Block):
    def __init__(self, c_in, c_out, s=1):
        super().__init__()
        self.side = None
        if s > 1 or c_in != c_out:
            self.side = nn.Sequential()
            self.side.add(nn.Conv2D(c_out, 1, s, use_bias=False),
                          nn.BatchNorm())
        self.main = nn.Sequential()
        self.main.add(nn.Conv2D(c_out, 3, s, 1, use_bias=False),
                      nn.BatchNorm(), nn.Activation("relu"),
                      nn.Conv2D(c_out, 3, 1, 1, use_bias=False),
                      nn.BatchNorm())

    def forward(self, X):
        side = X if self.side is None else self.side(X)
        return np.maximum(self.main(X) + side, 0)


check.CHECK(Other)
""",
}


OWN = [
    ("BasicBlock", ""),
    ("lambda *shape: BasicBlock(*shape)", ""),
    ("functools.partial(BasicBlock)", "import functools\n"),
    (
        "Mine",
        """
class Mine(BasicBlock):
    def name(self):
        return "mine"


""",
    ),
]
"""The book's block in several guises."""


def right(check):
    """Return the block, and one in another style, handed in to a check."""
    own = [Borrowed(f"{code}check.{check}({name})") for name, code in OWN]
    return [*own, put(FACTORY, CHECK=check)]


ANSWERS = {
    "silent_branch": {
        "wrong": [
            (
                "check.silent_branch((-2, 3), (-2, 3), (-2, 3))",
                "not all three pairs are right",
            ),
            (
                "check.silent_branch((0, 3), (0, 3), (-2, 3))",
                "not all three pairs are right",
            ),
            (
                "check.silent_branch((0, 3), (-2, 3), (0, 0))",
                "not all three pairs are right",
            ),
            ("check.silent_branch((0, 3), (2, 3), (-2, 3))", "not all three"),
            ("check.silent_branch(0, (-2, 3), (-2, 3))", "`a` has to be"),
        ],
        "right": ["check.silent_branch([0, 3], c=(-2.0, 3), b=[-2, 3])"],
    },
    "residual_block": {
        "wrong": [
            *cut_off("residual_block", "Block"),
            (
                replace(
                    PROJECTED, "conv(in_channels, out_channels, 1, stride)"
                ),
                "the projection has no batch normalisation",
            ),
            (
                replace_words(
                    "self.branch(X{training})",
                    "{relu}(self.branch(X{training}))",
                ),
                "a ReLU between the branch and the addition",
            ),
            (
                replace(
                    "(in_channels, 1) != (out_channels, stride)",
                    "in_channels != out_channels",
                ),
                "4 to 4 channels, stride 2",
            ),
            (
                replace(
                    "conv(out_channels, out_channels, 3)",
                    "conv(out_channels, out_channels, 1)",
                ),
                "the parameters do not fit",
            ),
            (
                replace_each(
                    (
                        "conv(in_channels, out_channels, 3, stride)",
                        "nn.Conv2d(in_channels, out_channels, 3, stride, 1)",
                    ),
                    (
                        "conv(in_channels, out_channels, 3, stride)",
                        "layers.Conv2D(out_channels, 3, stride, 'same')",
                    ),
                    (
                        "conv(in_channels, out_channels, 3, stride)",
                        "nn.Conv2D(out_channels, 3, stride, 1)",
                    ),
                ),
                "a bias where none is needed",
            ),
        ],
        "right": right("residual_block"),
    },
    "strided_shortcut": {
        "wrong": [
            *cut_off("strided_shortcut", "Block"),
            (
                replace("stride != 1 or ", ""),
                "4 to 4 channels, stride 2",
            ),
            (
                replace(", 1, stride)", ", 1)"),
                "your code raises",
            ),
            (
                replace(
                    "if stride != 1 or in_channels != out_channels", "if True"
                ),
                "a projection although the shape does not change",
            ),
            (
                replace(
                    "if stride != 1 or in_channels != out_channels",
                    "if stride != 1",
                ),
                "4 to 6 channels, stride 1",
            ),
        ],
        "right": right("strided_shortcut"),
    },
    "free_shortcut": {
        "wrong": [
            (
                {
                    fw: Replaced(
                        "check.free_shortcut(shortcut)",
                        "check.free_shortcut(lambda X, out_channels, stride: "
                        f"shortcut({text}, out_channels, stride))",
                    )
                    for fw, text in cut("X").items()
                },
                "no gradient arrives at its input",
            ),
            (
                replace_each(
                    ("0, missing)", "missing, 0)"),
                    ("(0, missing)", "(missing, 0)"),
                    ("(0, missing)", "(missing, 0)"),
                ),
                "before the existing channels",
            ),
            (
                replace_each(
                    (
                        "[:, :, ::stride, ::stride]",
                        "[:, :, stride - 1::stride, stride - 1::stride]",
                    ),
                    (
                        "[:, ::stride, ::stride]",
                        "[:, stride - 1::stride, stride - 1::stride]",
                    ),
                    (
                        "[:, :, ::stride, ::stride]",
                        "[:, :, stride - 1::stride, stride - 1::stride]",
                    ),
                ),
                "do not begin with the first",
            ),
            (
                {
                    "pytorch": replace(
                        "F.pad(X[:, :, ::stride, ::stride],"
                        " (0, 0, 0, 0, 0, missing))",
                        "torch.cat([X[:, :, ::stride, ::stride],"
                        " X[:, :missing, ::stride, ::stride]], 1)",
                    ),
                    "tensorflow": """
def shortcut(X, out_channels, stride):
    missing = out_channels - X.shape[-1]
    X = X[:, ::stride, ::stride]
    return tf.concat([X, X[..., :missing]], -1)


check.free_shortcut(shortcut)
""",
                    "mxnet": """
def shortcut(X, out_channels, stride):
    missing = out_channels - X.shape[1]
    X = X[:, :, ::stride, ::stride]
    return np.concatenate([X, X[:, :missing]], 1) if missing else X


check.free_shortcut(shortcut)
""",
                },
                "copies, not zeros",
            ),
            (
                replace_each(
                    (
                        "X[:, :, ::stride, ::stride]",
                        "F.avg_pool2d(X, stride)",
                    ),
                    (
                        "X[:, ::stride, ::stride]",
                        "tf.nn.avg_pool2d(X, stride, stride, 'VALID')",
                    ),
                    (
                        "X[:, :, ::stride, ::stride]",
                        "npx.pooling(X, kernel=(stride,) * 2, "
                        "stride=(stride,) * 2, pool_type='avg')",
                    ),
                ),
                "are averaged",
            ),
            (
                replace("::stride, ::stride]", "::stride]"),
                "too large",
            ),
        ],
        "right": [
            {
                "pytorch": """
def shortcut(X, out_channels, stride):
    N, C, H, W = X[:, :, ::stride, ::stride].shape
    Y = torch.zeros(N, out_channels, H, W)
    Y[:, :C] = X[:, :, ::stride, ::stride]
    return Y


check.free_shortcut(shortcut)
""",
                "tensorflow": """
def shortcut(X, out_channels, stride):
    X = tf.nn.max_pool2d(X, 1, stride, "VALID")
    zeros = tf.zeros_like(X[..., :1])
    missing = out_channels - X.shape[-1]
    return tf.concat([X] + missing * [zeros], axis=-1)


check.free_shortcut(shortcut)
""",
                "mxnet": """
def shortcut(X, out_channels, stride):
    X = npx.pooling(X, kernel=(1, 1), stride=(stride, stride))
    zeros = np.zeros_like(X[:, :1])
    missing = out_channels - X.shape[1]
    return np.concatenate([X] + missing * [zeros], axis=1)


check.free_shortcut(shortcut)
""",
            }
        ],
    },
    "early_relu": {
        "wrong": [
            *cut_off("early_relu", "Block"),
            (subclass(RECTIFIED, SUM), "before the addition, not after"),
            (subclass(SECOND, SUM), "after the addition is missing"),
            (
                subclass(RECTIFIED, RECTIFIED_SUM),
                "a ReLU between the branch and the addition",
            ),
            (
                subclass(SECOND.replace("bn2", "bn1"), RECTIFIED_SUM),
                "4 to 4 channels, stride 1",
            ),
        ],
        "right": right("early_relu"),
    },
    "preactivation_block": {
        "wrong": [
            *cut_off("preactivation_block", "Block"),
            (
                replace_words(
                    "return X + self.branch(X{training})",
                    "return {relu}(X + self.branch(X{training}))",
                ),
                "a ReLU after the addition",
            ),
            (
                {
                    "pytorch": replace(
                        "batch_norm(channels), nn.ReLU(), "
                        "conv(channels, channels, 3)",
                        "conv(channels, channels, 3), "
                        "batch_norm(channels), nn.ReLU()",
                    ),
                    "tensorflow": replace(
                        "batch_norm(channels), layers.ReLU(), "
                        "conv(channels, channels, 3)",
                        "conv(channels, channels, 3), "
                        "batch_norm(channels), layers.ReLU()",
                    ),
                    "mxnet": """
class Block(nn.HybridBlock):
    def __init__(self, channels):
        super().__init__()
        self.branch = nn.HybridSequential()
        for _ in range(2):
            self.branch.add(conv(channels, channels, 3),
                            batch_norm(channels), nn.Activation("relu"))

    def hybrid_forward(self, F, X):
        return X + self.branch(X)


check.preactivation_block(Block)
""",
                },
                "the convolutions come first",
            ),
            (
                replace_words(
                    "batch_norm(channels), {layer}",
                    "{layer}, batch_norm(channels)",
                ),
                "the ReLU comes before the normalisation",
            ),
            (
                replace("X + self.branch(X", "self.branch(X"),
                "outputs differ",
            ),
            (
                "check.preactivation_block(lambda c: BasicBlock(c, c))",
                "post-activation",
            ),
        ],
        "right": [
            {
                "pytorch": """
def make(channels):
    bn1, bn2 = batch_norm(channels), batch_norm(channels)
    conv1, conv2 = (nn.Conv2d(channels, channels, 3, padding=1, bias=False)
                    for _ in range(2))
    return lambda X: conv2(bn2(conv1(bn1(X).relu())).relu()) + X


check.preactivation_block(make)
""",
                "tensorflow": """
def make(channels):
    X = Y = keras.Input((None, None, channels))
    for _ in range(2):
        Y = layers.BatchNormalization(epsilon=1e-5)(Y)
        Y = layers.Activation("relu")(Y)
        Y = layers.Conv2D(channels, 3, padding="same", use_bias=False)(Y)
    return keras.Model(X, X + Y)


check.preactivation_block(make)
""",
                "mxnet": """
class Other(nn.Block):
    def __init__(self, channels):
        super().__init__()
        self.b, self.a = batch_norm(channels), batch_norm(channels)
        self.d, self.c = (nn.Conv2D(channels, 3, padding=1, use_bias=False)
                          for _ in range(2))

    def forward(self, X):
        Y = self.c(npx.relu(self.a(X)))
        return self.d(npx.relu(self.b(Y))) + X


check.preactivation_block(Other)
""",
            }
        ],
    },
}
