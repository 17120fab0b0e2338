"""Answers to the exercises of the chapter on convolutional blocks."""

from answer_code import cut_off, put, replace, replace_each

CONVOLVE = """
def convolve(X, W, b, stride=1, padding=0, dilation=1):
    p, d = {p}, {d}
    span = {span}
    X = np.pad(X, ((0, 0), (0, 0), (p, p), (p, p)))
    rows = range(0, X.shape[2] - span + 1, stride)
    Y = np.empty((len(X), len(W), len(rows), len(rows)), X.dtype)
    for i, top in enumerate(rows):
        for j, left in enumerate(rows):
            window = X[:, :, top:top + span:d, left:left + span:d]
            Y[:, :, i, j] = np.tensordot(window, W, ((1, 2, 3), (1, 2, 3)))
    return Y + {bias}


check.dilated_convolve(convolve)
"""


def convolve(
    p="padding",
    d="dilation",
    span="d * (W.shape[-1] - 1) + 1",
    bias="b.reshape(-1, 1, 1)",
):
    """Return the convolution with one of its expressions replaced."""
    return CONVOLVE.format(p=p, d=d, span=span, bias=bias)


HALF_SIZE = {
    "pytorch": """
class HalfSize(nn.Module):
    def __init__(self, a, c):
        super().__init__()
        self.body = nn.Sequential(
            PAD, nn.Conv2d(a, c, 3, stride=2, bias=False),
            nn.BatchNorm2d(c), nn.ReLU())

    def forward(self, X):
        return self.body(X)


check.half_size(HalfSize)
""",
    "tensorflow": """
class HalfSize(layers.Layer):
    def __init__(self, a, c):
        super().__init__()
        self.body = keras.Sequential([
            PAD, layers.Conv2D(c, 3, strides=2, use_bias=False),
            layers.BatchNormalization(), layers.ReLU()])

    def call(self, X, training=None):
        return self.body(X, training=training)


check.half_size(HalfSize)
""",
    "mxnet": """
class HalfSize(nn.Block):
    def __init__(self, a, c):
        super().__init__()
        self.conv = nn.Conv2D(c, 3, strides=2, use_bias=False)
        self.bn = nn.BatchNorm()

    def forward(self, X):
        X = mx.np.pad(X, PAD)
        return mx.npx.relu(self.bn(self.conv(X)))


check.half_size(HalfSize)
""",
}


def half_size(*pads):
    """Return the class with a padding of its own, for each framework."""
    return put(HALF_SIZE, PAD=dict(zip(HALF_SIZE, pads, strict=True)))


FACTORY = {
    "pytorch": """
def half(c_in, c_out):
    return nn.Sequential(
        nn.ZeroPad2d(1), nn.LazyConv2d(c_out, 3, 2, bias=False),
        nn.LazyBatchNorm2d(), nn.ReLU(inplace=True))


check.half_size(half)
""",
    "tensorflow": """
def half(c_in, c_out):
    X = keras.Input((None, None, c_in))
    Y = layers.ZeroPadding2D(((1, 1), (1, 1)))(X)
    Y = layers.Conv2D(c_out, 3, 2, use_bias=False)(Y)
    return keras.Model(X, layers.ReLU()(layers.BatchNormalization()(Y)))


check.half_size(half)
""",
    "mxnet": """
def half(c_in, c_out):
    net = nn.Sequential()
    net.add(nn.Conv2D(c_out, 3, 2, 1, use_bias=False), nn.BatchNorm(),
            nn.Activation("relu"))
    return net


check.half_size(half)
""",
}

STEP = {
    "pytorch": """
def make(net, lr):
    def step(X, y):
        net.train()
        gradients = torch.autograd.grad(
            -F.log_softmax(net(X), 1)[range(len(y)), y].mean(),
            list(net.parameters()))
        with torch.no_grad():
            for p, g in zip(net.parameters(), gradients):
                p -= lr * g
        return (net.eval()(X).argmax(1) == y).double().mean()

    return step


check.step_and_test(make)
""",
    "tensorflow": """
def make(net, lr):
    @tf.function
    def step(X, y):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                y, net(X, training=True))
            loss = tf.reduce_mean(losses)
        for w, g in zip(net.trainable_weights,
                        tape.gradient(loss, net.trainable_weights)):
            w.assign_sub(lr * g)
        right = tf.argmax(net(X), 1) == tf.cast(y, tf.int64)
        return tf.reduce_mean(tf.cast(right, tf.float32))

    return step


check.step_and_test(make)
""",
    "mxnet": """
def make(net, lr):
    loss_fn = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), mx.optimizer.SGD(
        learning_rate=lr))

    def step(X, y):
        with autograd.record(train_mode=True):
            loss = loss_fn(net(X), y).mean()
        loss.backward()
        trainer.step(1)
        with autograd.predict_mode():
            right = net(X).argmax(1).astype("int32") == y
        return right.astype("float32").mean()

    return step


check.step_and_test(make)
""",
}

FAULTY_STEP = replace_each(
    (
        "        net.train()  # in each step, for the last one has ended in "
        "eval mode\n",
        "",
    ),
    ("net(X, training=True)", "net(X)"),
    ("autograd.record()", "autograd.record(train_mode=False)"),
)

OTHER_GROUPS = {
    "pytorch": """
def make(channels, groups):
    return nn.GroupNorm(groups, channels)


check.group_norm(make)
""",
    "tensorflow": """
def make(channels, groups):
    return layers.GroupNormalization(groups, epsilon=1e-5)


check.group_norm(make)
""",
    "mxnet": """
class Other(nn.Block):
    def __init__(self, channels, groups):
        super().__init__()
        self.norms, self.groups = nn.Sequential(), groups
        self.scale = nn.BatchNorm(use_global_stats=True)
        self.a = self.params.get("a", shape=(channels,), init="ones")
        self.c = self.params.get("c", shape=(channels,), init="zeros")

    def forward(self, X):
        size = X.shape[1] // self.groups
        parts = []
        for i in range(0, X.shape[1], size):
            part = X[:, i:i + size]
            part = part - part.mean(axis=(1, 2, 3), keepdims=True)
            square = (part * part).mean(axis=(1, 2, 3), keepdims=True)
            parts.append(part / (square + 1e-5) ** 0.5)
        Y = mx.np.concatenate(parts, axis=1).transpose(0, 2, 3, 1)
        Y = self.a.data() * Y + self.c.data()
        return Y.transpose(0, 3, 1, 2)


check.group_norm(Other)
""".replace("        self.scale = nn.BatchNorm(use_global_stats=True)\n", ""),
}

ANSWERS = {
    "sizes_to_112": {
        "wrong": [
            ("check.sizes_to_112([224], [1])", "but not all"),
            ("check.sizes_to_112([224, 225], [1, 0])", "gives 113 outputs"),
            ("check.sizes_to_112([222, 223], [1, 0])", "gives 111 outputs"),
            (
                "check.sizes_to_112([223, 224], [1, 0])",
                "exchanges the two sizes",
            ),
            ("check.sizes_to_112([223, 224], [0, 0])", "leaves over"),
            ("check.sizes_to_112(224, 1)", "has to be a list"),
        ],
        "right": [
            "check.sizes_to_112(range(223, 225), unseen=np.array([0, 1]))"
        ],
    },
    "constant_before_batch_norm": {
        "wrong": [
            (
                "check.constant_before_batch_norm(7.5, 7.5)",
                "takes the running statistics",
            ),
            (
                "check.constant_before_batch_norm(0, 0)",
                "the running mean does not include the constant",
            ),
            (
                "check.constant_before_batch_norm(0, 3 * 5 / 4)",
                "the variance instead of its root",
            ),
            ("check.constant_before_batch_norm(0, 2.5)", "out the scale"),
            (
                "check.constant_before_batch_norm(0, 3 * (5 - 2) / 2 + 0)",
                "subtracts the mean from the constant",
            ),
            ("check.constant_before_batch_norm(5, 7.5)", "itself"),
            ("check.constant_before_batch_norm(0, -7.5)", "wrong sign"),
        ],
        "right": ["check.constant_before_batch_norm(0.0, 3 * 5 / 4 ** 0.5)"],
    },
    "receptive_field": {
        "wrong": [
            (
                replace("distance *= stride", "distance = distance"),
                "the strides make no difference",
            ),
            (
                """
def field(parts):
    side, distance = 1, 1
    for kernel, stride in parts:
        distance *= stride
        side += (kernel - 1) * distance
    return side


check.receptive_field(field)
""",
                "enlarges the layer's own window",
            ),
            (
                replace("distance *= stride", "distance = stride"),
                "the distances of all earlier strides multiply",
            ),
            (
                replace("side, distance = 1, 1", "side, distance = 0, 1"),
                "too small by the same number",
            ),
            (
                replace("in parts:", "in reversed(parts):"),
                "in the wrong order",
            ),
            (
                "check.receptive_field(lambda parts: "
                "sum(kernel for kernel, _ in parts))",
                "windows overlap",
            ),
            (replace("return side", "return distance"), "too small"),
            (
                """
check.receptive_field(lambda parts: receptive_field(
    [(kernel, min(stride, 2)) for kernel, stride in parts]))
""",
                "too small",
            ),
            (
                """
check.receptive_field(lambda parts: receptive_field(parts[:9]))
""",
                "too small",
            ),
            (
                """
found = {}


def remembered(parts):
    return found.setdefault(len(parts), receptive_field(parts))


check.receptive_field(remembered)
""",
                "too",
            ),
        ],
        "right": [
            """
def from_the_output(parts):
    side = 1
    for kernel, stride in parts[::-1]:
        side = (side - 1) * stride + kernel
    return side


check.receptive_field(from_the_output)
"""
        ],
    },
    "dilated_convolve": {
        "wrong": [
            (convolve(d="1"), "makes no difference"),
            (convolve(d="dilation + 1"), "it should skip one fewer"),
            (
                convolve(span="d * W.shape[-1]"),
                "`convolve(…, …, …, 1, 0, 2)` has the shape",
            ),
            (convolve(span="W.shape[-1]"), "your code raises ValueError"),
            (convolve(bias="0"), "the bias is left out"),
            (convolve(p="padding * dilation"), "multiplied by the dilation"),
            ("check.dilated_convolve(by_hand)", "has to be a function"),
            (
                """
def square(X, W, b, stride=1, padding=0, dilation=1):
    side = min(X.shape[2:])
    return convolve(X[:, :, :side, :side], W, b, stride, padding, dilation)


check.dilated_convolve(square)
""",
                "has the shape",
            ),
            (
                """
def three_channels(X, W, b, stride=1, padding=0, dilation=1):
    return convolve(X[:, :3], W[:, :3], b, stride, padding, dilation)


check.dilated_convolve(three_channels)
""",
                "entries of",
            ),
            (
                """
check.dilated_convolve(lambda X, W, b, stride, padding, dilation:
    convolve(X, W, b, stride, padding, dilation))
""",
                "missing 1 required positional argument",
            ),
            (
                """
def small_steps(X, W, b, stride=1, padding=0, dilation=1):
    return convolve(X, W, b, min(stride, 2), padding, dilation)


check.dilated_convolve(small_steps)
""",
                "has the shape",
            ),
        ],
        "right": [
            """
def with_holes(X, W, b, stride=1, padding=0, dilation=1):
    k = W.shape[-1]
    wide = np.zeros((*W.shape[:2], dilation * (k - 1) + 1,
                     dilation * (k - 1) + 1))
    wide[:, :, ::dilation, ::dilation] = W
    X = np.pad(X, ((0, 0), (0, 0)) + 2 * ((padding, padding),))
    windows = np.lib.stride_tricks.sliding_window_view(
        X, wide.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    Y = np.einsum("nchwij,ocij->nohw", windows, wide)
    return Y + np.reshape(b, (1, -1, 1, 1))


check.dilated_convolve(with_holes)
"""
        ],
    },
    "half_size": {
        "wrong": [
            *cut_off("half_size", "HalfSize"),
            (
                half_size(
                    "nn.ZeroPad2d((0, 1, 0, 1))",
                    "layers.ZeroPadding2D(((0, 1), (0, 1)))",
                    "((0, 0), (0, 0), (0, 1), (0, 1))",
                ),
                "on the right and at the bottom only",
            ),
            (
                half_size(
                    "nn.ZeroPad2d((1, 0, 1, 0))",
                    "layers.ZeroPadding2D(((1, 0), (1, 0)))",
                    "((0, 0), (0, 0), (1, 0), (1, 0))",
                ),
                "on the left and at the top only",
            ),
            (
                half_size(
                    "nn.Identity()",
                    "layers.Identity()",
                    "((0, 0), (0, 0), (0, 0), (0, 0))",
                ),
                "its height is too small",
            ),
            (
                half_size(
                    "nn.ReflectionPad2d(1)",
                    "layers.Lambda(lambda X: tf.pad(X, ((0, 0), (1, 1), "
                    "(1, 1), (0, 0)), 'REFLECT'))",
                    "((0, 0), (0, 0), (1, 1), (1, 1)), mode='reflect'",
                ),
                "differ",
            ),
            (
                replace_each(
                    (
                        "padding=1,\n                              bias=False",
                        "padding=1",
                    ),
                    ("3, 2, use_bias=False", "3, 2"),
                    ("padding=1, use_bias=False", "padding=1"),
                ),
                "a bias where none is needed",
            ),
            (
                replace_each(
                    (
                        "F.relu(self.bn(self.conv(X)))",
                        "self.bn(F.relu(self.conv(X)))",
                    ),
                    (
                        "tf.nn.relu(self.bn(Y, training=training))",
                        "self.bn(tf.nn.relu(Y), training=training)",
                    ),
                    (
                        "F.npx.relu(self.bn(self.conv(X)))",
                        "self.bn(F.npx.relu(self.conv(X)))",
                    ),
                ),
                "differ",
            ),
        ],
        "right": [
            FACTORY,
            half_size(
                "nn.ZeroPad2d(1)",
                "layers.ZeroPadding2D(1)",
                "((0, 0), (0, 0), (1, 1), (1, 1))",
            ),
        ],
    },
    "step_and_test": {
        "wrong": [
            (
                FAULTY_STEP,
                {
                    "pytorch": "in step 2 the running mean does not move",
                    "tensorflow": "in step 1 the running mean does not move",
                    "mxnet": "in step 1 the running mean does not move",
                },
            ),
            (
                replace_each(
                    ("        net.eval()\n", ""),
                    ("training=False", "training=True"),
                    (
                        "y_hat = net(X).argmax(axis=1)",
                        "with autograd.train_mode():\n"
                        "            y_hat = net(X).argmax(axis=1)",
                    ),
                ),
                {
                    "pytorch": "moves twice",
                    "tensorflow": "moves twice",
                    "mxnet": "is that of training mode",
                },
            ),
            (
                replace_each(
                    (
                        "F.cross_entropy(net(X), y)",
                        "F.cross_entropy(net(X), y, reduction='sum')",
                    ),
                    ("from_logits=True", "from_logits=True, reduction='sum'"),
                    ("trainer.step(len(y))", "trainer.step(1)"),
                ),
                "the sum of the losses, not their mean",
            ),
            (
                replace_each(
                    ("net.parameters(), lr)", "net.parameters(), 0.01)"),
                    ("optimizers.SGD(lr)", "optimizers.SGD()"),
                    ('{"learning_rate": lr}', '{"learning_rate": 0.01}'),
                ),
                "does it use `lr`?",
            ),
            (
                replace_each(
                    ("        optimizer.zero_grad()\n", ""),
                    (
                        "optimizer.apply(gradients, net.trainable_weights)",
                        "pass",
                    ),
                    ("        trainer.step(len(y))\n", ""),
                ),
                {
                    "pytorch": "the gradients of the steps before",
                    "tensorflow": "the parameters do not move",
                    "mxnet": "the parameters do not move",
                },
            ),
            (
                replace_each(
                    ("        return (net(X)", "        (net(X)"),
                    ("        return float(np.mean", "        float(np.mean"),
                    ("        return float(np.mean", "        float(np.mean"),
                ),
                "has to return a number",
            ),
            (
                replace_each(
                    (".float().mean().item()", ".sum().item()"),
                    ("np.mean(", "np.sum("),
                    ("np.mean(", "np.sum("),
                ),
                "the number of right answers",
            ),
        ],
        "right": [STEP],
    },
    "group_norm": {
        "wrong": [
            *cut_off("group_norm", "GroupNorm"),
            (
                replace_each(
                    ("self.groups, -1)", "X.shape[1], -1)"),
                    (
                        "(N, H * W, self.groups, C // self.groups)",
                        "(N, H * W, C, 1)",
                    ),
                    ("self.groups, -1)", "X.shape[1], -1)"),
                ),
                "each channel is standardised by itself",
            ),
            (
                replace_each(
                    ("self.groups, -1)", "1, -1)"),
                    (
                        "(N, H * W, self.groups, C // self.groups)",
                        "(N, H * W, 1, C)",
                    ),
                    ("self.groups, -1)", "1, -1)"),
                ),
                "all channels of an image are standardised together",
            ),
            (
                replace_each(
                    ("dim=2", "dim=(0, 2)"),
                    ("axes=(1, 3)", "axes=(0, 1, 3)"),
                    ("axis=2", "axis=(0, 2)"),
                ),
                "over all images of the batch",
            ),
            (replace("1e-5", "1e-3"), "the ε under the root is 1e-3"),
            (
                replace_each(
                    ("self.gamma * Y + self.beta", "Y"),
                    ("self.gamma * Y + self.beta", "Y"),
                    ("gamma * Y + beta", "Y"),
                ),
                "exist, but are not applied",
            ),
            (
                "check.group_norm(lambda channels, groups: "
                "batch_norm(channels))",
                "this is batch normalisation",
            ),
            (
                replace_each(
                    (
                        "((G - mean) ** 2).mean(dim=2, keepdim=True)",
                        "G.var(dim=2, keepdim=True)",
                    ),
                    (
                        "(N, H * W, self.groups, C // self.groups))",
                        "(N, H * W, C // self.groups, self.groups))",
                    ),
                    ("(channels, 1, 1)", "(groups, 1, 1)"),
                ),
                {
                    "pytorch": "one less than the number",
                    "tensorflow": "in each are exchanged",
                    "mxnet": "your code raises",
                },
            ),
            (
                {
                    "pytorch": """
check.group_norm(lambda channels, groups: nn.GroupNorm(
    groups, channels, affine=False))
""",
                    "tensorflow": replace(
                        "C // self.groups))\n        mean, var = "
                        "tf.nn.moments(G, axes=(1, 3)",
                        "C // self.groups))\n        G = tf.reshape(X, (N, "
                        "H * W, C // self.groups, self.groups))\n"
                        "        mean, var = tf.nn.moments(G, axes=(1, 2)",
                    ),
                    "mxnet": replace(
                        "G = F.np.reshape(X,",
                        "G = F.np.reshape(X.transpose(0, 2, 3, 1),",
                    ),
                },
                {
                    "pytorch": "scale and shift are missing",
                    "tensorflow": "every so many-th channel",
                    "mxnet": "differ",
                },
            ),
        ],
        "right": [OTHER_GROUPS],
    },
}
