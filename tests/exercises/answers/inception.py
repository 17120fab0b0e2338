"""Answers to the exercises of the chapter on Inception."""

from answer_code import cut_off, replace, replace_each, replace_words

MERGE = {
    "pytorch": """
def by_sparse_weights(channels):
    layer = nn.LazyConv2d(channels, 1, bias=False)
    layer(torch.zeros(1, 2 * channels, 1, 1))
    layer.weight.data.zero_()
    for i in range(channels):
        layer.weight.data[i, [i, channels + i]] = 1
    return layer


check.merging_convolution(by_sparse_weights)
""",
    "tensorflow": """
def by_initializer(channels):
    def ones(shape, dtype=None):
        i = tf.range(shape[2])[:, None] % channels
        match = tf.equal(i, tf.range(channels))
        return tf.cast(match, tf.float32)[None, None]

    return keras.Sequential([
        keras.Input((None, None, 2 * channels)),
        layers.Conv2D(channels, 1, use_bias=False,
                      kernel_initializer=ones)])


check.merging_convolution(by_initializer)
""",
    "mxnet": """
def by_data(channels):
    layer = nn.Conv2D(channels, 1, use_bias=False, in_channels=2 * channels)
    layer.initialize()
    weight = np.tile(np.eye(channels), (1, 2))
    layer.weight.set_data(weight.reshape(channels, -1, 1, 1))
    return layer


check.merging_convolution(by_data)
""",
}

DENSE = {
    "pytorch": """
class Dense(nn.Module):
    def __init__(self, c, k, n):
        super().__init__()
        self.norms = nn.ModuleList(nn.LazyBatchNorm2d() for _ in range(n))
        self.convs = nn.ModuleList(
            nn.LazyConv2d(k, 3, padding="same", bias=False)
            for _ in range(n))

    def forward(self, X):
        found = [X]
        for norm, conv in zip(self.norms, self.convs):
            found.append(conv(norm(torch.hstack(found)).clamp(min=0)))
        return torch.hstack(found)


check.dense_block(Dense)
""",
    "tensorflow": """
def dense(c, k, n):
    X = Y = keras.Input((None, None, c))
    for _ in range(n):
        new = layers.ReLU()(layers.BatchNormalization()(Y))
        new = layers.Conv2D(k, 3, padding="same", use_bias=False)(new)
        Y = layers.Concatenate()([Y, new])
    return keras.Model(X, Y)


check.dense_block(dense)
""",
    "mxnet": """
class Dense(nn.Block):
    def __init__(self, c, k, n):
        super().__init__()
        self.norms, self.convs = nn.Sequential(), nn.Sequential()
        for _ in range(n):
            self.convs.add(nn.Conv2D(k, 3, padding=1, use_bias=False))
            self.norms.add(nn.BatchNorm())

    def forward(self, X):
        found = [X]
        for norm, conv in zip(self.norms, self.convs):
            Y = norm(np.concatenate(found, axis=1))
            found.append(conv(np.maximum(Y, 0)))
        return np.concatenate(found, axis=1)


check.dense_block(Dense)
""",
}

ONLY_NEWEST = {
    "pytorch": """
class Chain(DenseBlock):
    def __init__(self, c, k, n):
        super().__init__(c, k, 0)
        self.parts = nn.ModuleList(
            nn.Sequential(batch_norm(i), nn.ReLU(), conv(i, k, 3))
            for i in [c] + [k] * (n - 1))

    def forward(self, X):
        found = [X]
        for part in self.parts:
            found.append(part(found[-1]))
        return torch.cat(found, dim=1)


check.dense_block(Chain)
""",
    "tensorflow": """
class Chain(layers.Layer):
    def __init__(self, c, k, n):
        super().__init__()
        self.parts = [
            keras.Sequential([batch_norm(i), layers.ReLU(), conv(i, k, 3)])
            for i in [c] + [k] * (n - 1)]

    def call(self, X, training=None):
        found = [X]
        for part in self.parts:
            found.append(part(found[-1], training=training))
        return tf.concat(found, axis=-1)


check.dense_block(Chain)
""",
    "mxnet": """
class Chain(nn.Block):
    def __init__(self, c, k, n):
        super().__init__()
        self.parts = nn.Sequential()
        for i in [c] + [k] * (n - 1):
            part = nn.Sequential()
            part.add(batch_norm(i), nn.Activation("relu"), conv(i, k, 3))
            self.parts.add(part)

    def forward(self, X):
        found = [X]
        for part in self.parts:
            found.append(part(found[-1]))
        return np.concatenate(found, axis=1)


check.dense_block(Chain)
""",
}

UNPADDED = {
    "pytorch": """
class Unpadded(DenseBlock):
    def __init__(self, c, k, n):
        super().__init__(c, k, n)
        for part in self.parts:
            part[2].padding = (0, 0)


check.dense_block(Unpadded)
""",
    "tensorflow": """
class Unpadded(DenseBlock):
    def __init__(self, c, k, n):
        super().__init__(c, k, n)
        self.parts = [
            keras.Sequential([batch_norm(i), layers.ReLU(),
                              layers.Conv2D(k, 3, use_bias=False)])
            for i in range(c, c + n * k, k)]


check.dense_block(Unpadded)
""",
    "mxnet": """
class Unpadded(nn.Block):
    def __init__(self, c, k, n):
        super().__init__()
        self.parts = nn.Sequential()
        for i in range(c, c + n * k, k):
            part = nn.Sequential()
            part.add(batch_norm(i), nn.Activation("relu"),
                     nn.Conv2D(k, 3, use_bias=False))
            self.parts.add(part)

    def forward(self, X):
        for part in self.parts:
            X = np.concatenate([X, part(X)], axis=1)
        return X


check.dense_block(Unpadded)
""",
}

TOO_FEW = "check.dense_block(lambda c, k, n: DenseBlock(c, k, n - 1))"

RESIDUAL = {
    "pytorch": """
def residual(c, c1, c2, c3, c4):
    def unit(n, k):
        return nn.Sequential(nn.LazyConv2d(n, k, padding="same"), nn.ReLU())

    last = nn.LazyConv2d(c, 1)
    paths = [unit(c1, 1), nn.Sequential(unit(c2[0], 1), unit(c2[1], 3)),
             nn.Sequential(unit(c3[0], 1), unit(c3[1], 5)),
             nn.Sequential(nn.MaxPool2d(3, 1, 1), unit(c4, 1))]
    return lambda X: (last(torch.cat([p(X) for p in paths], 1)) + X).relu()


check.residual_inception(residual)
""",
    "tensorflow": """
def residual(c, c1, c2, c3, c4):
    def unit(X, n, k):
        return layers.Conv2D(n, k, padding="same", activation="relu")(X)

    X = keras.Input((None, None, c))
    paths = [unit(X, c1, 1), unit(unit(X, c2[0], 1), c2[1], 3),
             unit(unit(X, c3[0], 1), c3[1], 5),
             unit(layers.MaxPool2D(3, 1, "same")(X), c4, 1)]
    Y = layers.Conv2D(c, 1)(layers.Concatenate()(paths))
    return keras.Model(X, layers.ReLU()(layers.Add()([X, Y])))


check.residual_inception(residual)
""",
    "mxnet": """
class Residual(nn.Block):
    def __init__(self, c, c1, c2, c3, c4):
        super().__init__()
        self.convs = nn.Sequential()
        for n, k in ((c1, 1), (c2[0], 1), (c2[1], 3), (c3[0], 1),
                     (c3[1], 5), (c4, 1), (c, 1)):
            self.convs.add(nn.Conv2D(n, k, padding=k // 2))
        self.pool = nn.MaxPool2D(3, 1, 1)

    def forward(self, X):
        def unit(i, X):
            return np.maximum(self.convs[i](X), 0)

        Y = np.concatenate([unit(0, X), unit(2, unit(1, X)),
                            unit(4, unit(3, X)), unit(5, self.pool(X))], 1)
        return np.maximum(X + self.convs[6](Y), 0)


check.residual_inception(Residual)
""",
}

ANSWERS = {
    "inception_3b": {
        "wrong": [
            ("check.inception_3b((640, 28, 28), 388_736)", "the reductions"),
            ("check.inception_3b((28, 28, 480), 388_736)", "channels last"),
            (
                "check.inception_3b((256, 28, 28), 388_736)",
                "not added here but stacked",
            ),
            (
                "check.inception_3b((480, 28, 28), 388_736 - 640)",
                "leaves out the biases",
            ),
            (
                "check.inception_3b((480, 28, 28), "
                "inception_parameters(192, 128, (128, 192), (32, 96), 64))",
                "takes the input of block 3a",
            ),
            (
                "check.inception_3b((480, 28, 28), "
                "inception_parameters(480, 128, (128, 192), (32, 96), 64))",
                "the channels of the output",
            ),
            ("check.inception_3b(480, 388_736)", "has to be a tuple"),
        ],
        "right": [
            "check.inception_3b([128 + 192 + 96 + 64, 28, 28], "
            "256 * 128 + 128 + 256 * 128 + 128 + 9 * 128 * 192 + 192 "
            "+ 256 * 32 + 32 + 25 * 32 * 96 + 96 + 256 * 64 + 64)"
        ],
    },
    "inception_macs": {
        "wrong": [
            (
                "check.inception_macs(163_696 * 784, without)",
                "`block` counts the biases",
            ),
            ("check.inception_macs(2 * block, 2 * without)", "as two"),
            ("check.inception_macs(128_000_000, without)", "rounded"),
            ("check.inception_macs(163_328, without)", "number of weights"),
            (
                "check.inception_macs(block, 784 * (path1 + path2 "
                "+ 25 * 192 * 32 + path4))",
                "still has the reduction of path 2",
            ),
            (
                "check.inception_macs(block, 784 * (path1 + 9 * 192 * 128 "
                "+ 25 * 192 * 32))",
                "of path 4, too",
            ),
            ("check.inception_macs(without, block)", "without reductions"),
        ],
        "right": [
            "check.inception_macs(784 * 163_328, "
            "without_reductions=28 ** 2 * 393_216.0)"
        ],
    },
    "merging_convolution": {
        "wrong": [
            *cut_off("merging_convolution", "merging_convolution"),
            (
                replace_each(
                    ("identity], dim=1)", "identity])"),
                    ("identity], axis=0)", "identity], axis=1)"),
                    ("identity], axis=1)", "identity])"),
                ),
                "channel 0 of the output is made of channel 0 of x and "
                "channel 1 of",
            ),
            (
                replace_each(
                    ("torch.eye(channels)", "torch.eye(channels) / 2"),
                    ("tf.eye(channels)", "tf.eye(channels) / 2"),
                    ("np.eye(channels)", "np.eye(channels) / 2"),
                ),
                "averages the two halves",
            ),
            (
                replace("[identity, identity]", "[identity, 0 * identity]"),
                "leaves out g(x)",
            ),
            (
                replace_each(
                    (", bias=False", ""),
                    (", use_bias=False", ""),
                    (", use_bias=False", ""),
                ),
                "nothing but one matrix",
            ),
            (
                replace_each(
                    ("torch.eye(channels)", "torch.eye(channels).flip(0)"),
                    ("tf.eye(channels)", "tf.eye(channels)[::-1]"),
                    ("np.eye(channels)", "np.eye(channels)[::-1]"),
                ),
                "channel 0 of the output is made of channel 3 of x",
            ),
            (
                replace_each(
                    ("torch.eye(channels)", "torch.ones(channels, channels)"),
                    ("tf.eye(channels)", "tf.ones((channels, channels))"),
                    ("np.eye(channels)", "np.ones((channels, channels))"),
                ),
                "too many of them",
            ),
        ],
        "right": [MERGE],
    },
    "dense_block": {
        "wrong": [
            *cut_off("dense_block", "DenseBlock"),
            (
                replace_each(
                    ("[X, part(X)]", "[part(X), X]"),
                    (
                        "[X, part(X, training=training)]",
                        "[part(X, training=training), X]",
                    ),
                    ("[X, part(X)]", "[part(X), X]"),
                ),
                "before the earlier ones",
            ),
            (ONLY_NEWEST, "only the newest channels"),
            (
                replace_words(
                    "batch_norm(c), {layer}, conv(c, k, 3)",
                    "conv(c, k, 3), batch_norm(k), {layer}",
                ),
                "the convolution comes first",
            ),
            (
                replace_words(
                    "batch_norm(c), {layer}", "{layer}, batch_norm(c)"
                ),
                "the ReLU comes before batch normalisation",
            ),
            (
                replace_each(
                    ("conv(c, k, 3)", "nn.Conv2d(c, k, 3, padding=1)"),
                    ("conv(c, k, 3)", "layers.Conv2D(k, 3, padding='same')"),
                    ("conv(c, k, 3)", "nn.Conv2D(k, 3, padding=1)"),
                ),
                "a bias where none is needed",
            ),
            (UNPADDED, "your code raises"),
            (TOO_FEW, "too few channels"),
        ],
        "right": [DENSE],
    },
    "residual_inception": {
        "wrong": [
            *cut_off("residual_inception", "ResidualInception"),
            (
                replace_words("{relu}(X + self.back(Y))", "X + self.back(Y)"),
                "the ReLU after the addition is missing",
            ),
            (
                replace_words("X + self.back(Y)", "X + {relu}(self.back(Y))"),
                "between the additional convolution and the addition",
            ),
            (
                replace_words(
                    "{relu}(X + self.back(Y))", "X + {relu}(self.back(Y))"
                ),
                "comes before the addition",
            ),
            (
                replace_each(
                    (
                        "channels, kernel_size=1)",
                        "channels, kernel_size=1, bias=False)",
                    ),
                    (
                        "channels, kernel_size=1)",
                        "channels, kernel_size=1, use_bias=False)",
                    ),
                    (
                        "channels, kernel_size=1)",
                        "channels, kernel_size=1, use_bias=False)",
                    ),
                ),
                "the additional convolution has no bias",
            ),
            (
                replace("X + self.back(Y)", "self.back(Y)"),
                "the input is not added",
            ),
            (replace("self.back(Y)", "Y"), "your code raises"),
        ],
        "right": [RESIDUAL],
    },
}
