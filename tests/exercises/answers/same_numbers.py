"""Answers to the exercises of the chapter on the same numbers."""

from answer_code import cut_off, replace, replace_each

ALL = '["projection", "padding", "epsilon"]'
ROWS = (
    '["logits", "loss", "gradient", "weights after the step", '
    '"running mean", "running variance", "same, unbiased"]'
)
RUNNING = '["running mean", "running variance", "same, unbiased"]'

CONV = {
    "pytorch": """
class Padded(nn.Module):
    def __init__(self, c_in, c_out, k, s=1):
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(c_out, c_in, k, k))
        self.step, self.border = s, (k - 1) // 2

    def forward(self, X):
        X = F.pad(X, [self.border] * 4)
        return F.conv2d(X, self.kernel, stride=self.step)


check.moved_conv(Padded)
""",
    "tensorflow": """
class Padded(layers.Layer):
    def __init__(self, c_in, c_out, k, s=1):
        super().__init__()
        self.kernel = self.add_weight(shape=(k, k, c_in, c_out),
                                      name="kernel")
        self.step, self.border = s, (k - 1) // 2

    def call(self, X):
        edge = [self.border] * 2
        X = tf.pad(X, [[0, 0], edge, edge, [0, 0]])
        return tf.nn.conv2d(X, self.kernel, self.step, "VALID")


check.moved_conv(Padded)
""",
    "mxnet": """
class Padded(nn.Block):
    def __init__(self, c_in, c_out, k, s=1):
        super().__init__()
        self.border = (k - 1) // 2
        self.inner = nn.Conv2D(c_out, k, s, use_bias=False)

    def forward(self, X):
        edge = (self.border, self.border)
        return self.inner(np.pad(X, ((0, 0), (0, 0), edge, edge)))


check.moved_conv(Padded)
""",
}

NORM = {
    "pytorch": """
class Norm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(c))
        self.shift = nn.Parameter(torch.zeros(c))
        self.register_buffer("running_mean", torch.zeros(c))
        self.register_buffer("running_var", torch.ones(c))

    def forward(self, X):
        return F.batch_norm(X, self.running_mean, self.running_var,
                            self.weight, self.shift, self.training)


check.moved_batch_norm(Norm)
""",
    "tensorflow": """
def norm(c):
    image = keras.Input((None, None, c))
    layer = layers.BatchNormalization(3, 0.9, 1e-5)
    return keras.Model(image, layer(image))


check.moved_batch_norm(norm)
""",
    "mxnet": """
def norm(c):
    net = nn.HybridSequential()
    net.add(nn.BatchNorm(1, 0.9))  # Gluon's default epsilon is 1e-5
    return net


check.moved_batch_norm(norm)
""",
}

DENSE = {
    "pytorch": """
def load_dense(layer, kernel, bias):
    layer.load_state_dict({
        "weight": torch.from_numpy(numpy.swapaxes(kernel, 0, 1).copy()),
        "bias": torch.from_numpy(bias)})


check.load_dense(load_dense)
""",
    "tensorflow": """
def load_dense(layer, weight, bias):
    layer.set_weights([numpy.swapaxes(weight, 0, 1), bias])


check.load_dense(load_dense)
""",
    "mxnet": """
def load_dense(layer, kernel, bias):
    layer.weight.set_data(np.array(numpy.swapaxes(kernel, 0, 1)))
    layer.bias.set_data(np.array(bias))


check.load_dense(load_dense)
""",
}


ANSWERS = {
    "mistakes_found": {
        "wrong": [
            (
                f'check.mistakes_found(["projection", "padding"], {ALL})',
                "not both lists are right",
            ),
            (f"check.mistakes_found([], {ALL})", "not both lists are right"),
            (
                'check.mistakes_found(["projection"], ["padding"])',
                "not both lists are right",
            ),
            (
                'check.mistakes_found(["projection"], '
                '["projection", "padding"])',
                "not both lists are right",
            ),
            (
                f'check.mistakes_found(["shortcut"], {ALL})',
                "`by_shapes` holds 'shortcut'; the names are",
            ),
        ],
        "right": [
            'check.mistakes_found({"projection"}, '
            'by_logits=("epsilon", "padding", "projection"))',
            'check.mistakes_found(["projection"], ["padding", "epsilon"])',
        ],
    },
    "largest_batch": {
        "wrong": [
            ("check.largest_batch(1001, 20)", "not of images"),
            ("check.largest_batch(251, 20)", "the first batch for which"),
            ("check.largest_batch(250, 21)", "the first batch for which"),
            ("check.largest_batch(62, 20)", "twice as high and wide"),
            ("check.largest_batch(250, 5)", "twice as high and wide"),
        ],
        "right": ["check.largest_batch(at_224=20.0, at_64=1000 // 4)"],
    },
    "kernel_layout": {
        "wrong": [
            (
                "check.kernel_layout(lambda W: W.transpose(2, 3, 0, 1), "
                "lambda K: K.transpose(3, 2, 0, 1))",
                "`to_keras` swaps the axes in and out",
            ),
            (
                "check.kernel_layout(*2 * [lambda W: "
                "W.transpose(2, 3, 1, 0)])",
                "the way back needs another",
            ),
            (
                """
def to_keras(weight):
    out, in_, height, width = weight.shape
    return weight.reshape(height, width, in_, out)


check.kernel_layout(to_keras, lambda K: K.transpose(3, 2, 0, 1))
""",
                "`to_keras` is a reshape",
            ),
            (
                "check.kernel_layout(lambda W: W.T, lambda K: K.T)",
                "`to_keras` swaps height and width",
            ),
            (
                """
check.kernel_layout(lambda w: to_keras(w).astype(int), from_keras)
""",
                "entries of",
            ),
            (
                """
def some(weight):
    if weight.shape[2] == 1:
        return weight.T.reshape(1, 1, *weight.shape[:2])
    return to_keras(weight)


check.kernel_layout(some, from_keras)
""",
                "has the shape",
            ),
            (
                """
def noisy(weight):
    return to_keras(weight) + 1e-3 * numpy.random.rand()


check.kernel_layout(noisy, from_keras)
""",
                "entries of",
            ),
        ],
        "right": [
            """
check.kernel_layout(
    lambda W: numpy.einsum("oihw->hwio", W),
    lambda K: numpy.moveaxis(K, (3, 2), (0, 1)))
""",
        ],
    },
    "load_dense": {
        "wrong": [
            (
                replace_each(
                    (
                        "check.load_dense(load_dense)",
                        "check.load_dense(lambda layer, weight, bias: ("
                        "load_dense(layer, weight, bias), "
                        "layer.requires_grad_(False)))",
                    ),
                    (
                        "check.load_dense(load_dense)",
                        "check.load_dense(lambda layer, weight, bias: ("
                        "load_dense(layer, weight, bias), "
                        "setattr(layer, 'trainable', False)))",
                    ),
                    (
                        "check.load_dense(load_dense)",
                        "check.load_dense(lambda layer, weight, bias: ("
                        "load_dense(layer, weight, bias), "
                        "layer.collect_params().setattr("
                        "'grad_req', 'null')))",
                    ),
                ),
                "be trained",
            ),
            (
                replace_each(
                    (
                        "copy_(kernel.T)",
                        "copy_(kernel.reshape(layer.weight.shape))",
                    ),
                    (
                        "assign(weight.T)",
                        "assign(weight.reshape(layer.kernel.shape))",
                    ),
                    (
                        "set_data(kernel.T)",
                        "set_data(kernel.reshape(layer.weight.shape))",
                    ),
                ),
                "a reshape does not change the order",
            ),
            (
                replace_each(
                    ("copy_(kernel.T)", "copy_(kernel)"),
                    ("assign(weight.T)", "assign(weight)"),
                    ("set_data(kernel.T)", "set_data(kernel)"),
                ),
                {
                    "pytorch": "your code raises RuntimeError",
                    "tensorflow": "your code raises ValueError",
                    "mxnet": "your code raises AssertionError",
                },
            ),
            (
                replace_each(
                    ("copy_(torch.tensor(bias))", "zero_()"),
                    ("bias.assign(bias)", "bias.assign(0 * bias)"),
                    (
                        "bias.set_data(np.array(bias))",
                        "bias.set_data(0 * np.array(bias))",
                    ),
                ),
                "but not the bias",
            ),
            (
                replace_each(
                    *[
                        (
                            f"({name}.T)",
                            f"({name} if {name}.shape == tuple(layer.{own}"
                            f".shape) else {name}.T)",
                        )
                        for name, own in [
                            ("kernel", "weight"),
                            ("weight", "kernel"),
                            ("kernel", "weight"),
                        ]
                    ]
                ),
                "with 4 inputs and 4 outputs: the weights fit but are in the "
                "wrong places",
            ),
        ],
        "right": [DENSE],
    },
    "moved_conv": {
        "wrong": [
            *cut_off("moved_conv", "conv"),
            (
                {
                    "pytorch": """
check.moved_conv(lambda i, o, k, s=1: nn.Sequential(
    nn.ZeroPad2d([(k - s) // 2, (k - s + 1) // 2] * 2 if k > s else 0),
    nn.Conv2d(i, o, k, s, bias=False)))
""",
                    "tensorflow": """
check.moved_conv(lambda i, o, k, s=1: layers.Conv2D(
    o, k, s, padding="same", use_bias=False))
""",
                    "mxnet": """
def conv(i, o, k, s=1):
    inner = nn.Conv2D(o, k, s, use_bias=False, in_channels=i)
    total = max(k - s, 0)
    edge = (total // 2, total - total // 2)
    return lambda X: inner(np.pad(X, ((0, 0), (0, 0), edge, edge)))


check.moved_conv(conv)
""",
                },
                "stride 2 and a side of 8: the shapes are right, but there "
                "are more zeros at the end",
            ),
            (
                replace_each(
                    ("padding=kernel_size // 2, ", ""),
                    ("        layers.ZeroPadding2D(kernel_size // 2),\n", ""),
                    ("padding=kernel_size // 2, ", ""),
                ),
                "its height is too small",
            ),
            (
                replace("kernel_size, stride,", "kernel_size, 1,"),
                "its height is too large",
            ),
            (
                replace_each(
                    (", bias=False", ""),
                    (", use_bias=False", ""),
                    ("use_bias=False,\n", "\n"),
                ),
                "a bias where none is needed",
            ),
        ],
        "right": [CONV],
    },
    "moved_batch_norm": {
        "wrong": [
            *cut_off("moved_batch_norm", "batch_norm"),
            (
                replace_each(
                    ("eps=1e-5", "eps=1e-3"),
                    ("epsilon=1e-5, ", ""),
                    ("epsilon=1e-5", "epsilon=1e-3"),
                ),
                "too large, by a factor of about 100",
            ),
            (
                replace_each(
                    ("eps=1e-5", "eps=1e-6"),
                    ("epsilon=1e-5", "epsilon=1e-6"),
                    ("epsilon=1e-5", "epsilon=1e-6"),
                ),
                "too small, by a factor of about 10",
            ),
            (
                replace_each(
                    ("momentum=0.1", "momentum=0.01"),
                    ("momentum=0.9", "momentum=0.99"),
                    ("momentum=0.9", "momentum=0.99"),
                ),
                "moves too little in one step",
            ),
            (
                replace_each(
                    ("momentum=0.1", "momentum=0.1, affine=False"),
                    ("momentum=0.9", "momentum=0.9, scale=False"),
                    ("momentum=0.9,", "momentum=0.9, scale=False,"),
                ),
                {
                    "pytorch": "the parameters do not fit",
                    "tensorflow": "the parameters do not fit",
                    "mxnet": "the parameters do not fit",
                },
            ),
        ],
        "right": [NORM],
    },
    "changed_rows": {
        "wrong": [
            (
                f'check.changed_rows(["logits"], {RUNNING})',
                "`epsilon` leaves out 6 rows that change",
            ),
            (
                f"check.changed_rows({ROWS}, {ROWS})",
                '`momentum` holds "logits", which does not change',
            ),
            (
                f'check.changed_rows({ROWS}, ["running mean", '
                '"running variance"])',
                "`momentum` leaves out a row that changes",
            ),
            (
                f'check.changed_rows({ROWS}, ["running mean", "gradient"])',
                '"gradient", which does not change',
            ),
            (
                f'check.changed_rows({ROWS}, ["variance"])',
                "`momentum` holds 'variance'; the names are",
            ),
        ],
        "right": [
            f"check.changed_rows(momentum=tuple({RUNNING}), "
            f"epsilon=set({ROWS}))",
        ],
    },
    "unbiased_variance": {
        "wrong": [
            (
                replace(
                    "return kept + (after - kept) * n / (n - 1)",
                    "return after * n / (n - 1)",
                ),
                "corrects the whole running variance",
            ),
            (
                replace("kept = 0.9 * before", "kept = 0.9"),
                "does not use `before`",
            ),
            (
                replace("* n / (n - 1)\n", "* (n - 1) / n\n"),
                "in the wrong direction",
            ),
            (
                replace("kept = 0.9 * before", "kept = 0.1 * before"),
                "their weight is 0.1",
            ),
            (
                """
check.unbiased_variance(lambda a, b, n: unbiased(a, b, min(n, 32)))
""",
                "entries of",
            ),
            (
                """
kept = {}


def first_before(before, after, n):
    return unbiased(kept.setdefault(n, before), after, n)


check.unbiased_variance(first_before)
""",
                "ValueError",
            ),
            (
                """
def five(before, after, n):
    found = unbiased(before, after, n)
    return found + numpy.zeros(5 if numpy.ndim(before) else ())


check.unbiased_variance(five)
""",
                "ValueError",
            ),
        ],
        "right": [
            """
def unbiased(before, after, n):
    batch = (after - 0.9 * before) / 0.1
    return 0.9 * before + 0.1 * batch / (1 - 1 / n)


check.unbiased_variance(unbiased)
""",
        ],
    },
}
