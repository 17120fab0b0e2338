"""Answers to the exercises of the chapter on the flow of gradients."""

from answer_code import (
    Borrowed,
    Replaced,
    cut,
    cut_off,
    filled,
    in_each,
    put,
    replace,
    replace_each,
)

LOOP = {
    "pytorch": """
def without(net, removed):
    parts = parts_of(net)
    for i in removed:
        del parts[3 + i]
    return nn.Sequential(*parts)


check.lesion(without)
""",
    "tensorflow": """
def without(net, removed):
    parts = parts_of(net)
    for i in removed:
        del parts[3 + i]
    return keras.Sequential(parts)


check.lesion(without)
""",
    "mxnet": """
def without(net, removed):
    parts = parts_of(net)
    for i in removed:
        del parts[3 + i]
    lesioned = nn.HybridSequential()
    lesioned.add(*parts)
    return lesioned


check.lesion(without)
""",
}


def loop(old, new):
    """Return the loop over the removed blocks, with a text replaced."""
    return {fw: code.replace(old, new) for fw, code in LOOP.items()}


EACH = {  # a coin for each example
    "pytorch": """
class Block(BasicBlock):
    def __init__(self, channels, keep):
        super().__init__(channels, channels)
        self.keep = keep

    def forward(self, X):
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        scale = self.keep
        if self.training:
            scale = (torch.rand(len(X), 1, 1, 1) < self.keep).float()
        return F.relu(X + scale * Y)


check.stochastic_depth(Block)
""",
    "tensorflow": """
class Block(BasicBlock):
    def __init__(self, channels, keep):
        super().__init__(channels, channels)
        self.keep = keep

    def call(self, X, training=None):
        Y = tf.nn.relu(self.bn1(self.conv1(X), training=training))
        Y = self.bn2(self.conv2(Y), training=training)
        scale = self.keep
        if training:
            coins = tf.random.uniform((len(X), 1, 1, 1))
            scale = tf.cast(coins < self.keep, Y.dtype)
        return tf.nn.relu(X + scale * Y)


check.stochastic_depth(Block)
""",
    "mxnet": """
class Block(BasicBlock):
    def __init__(self, channels, keep):
        super().__init__(channels, channels)
        self.keep = keep

    def forward(self, X):
        Y = mx.npx.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        scale = self.keep
        if autograd.is_training():
            scale = mx.np.random.uniform(size=(len(X), 1, 1, 1)) < self.keep
        return mx.npx.relu(X + scale * Y)


check.stochastic_depth(Block)
""",
}


def scaled(new, new_tensorflow):
    """Return the solution with another factor of the branch."""
    return replace_each(
        ("(Y if self.training else self.keep * Y)", new),
        ("scale = self.keep", new_tensorflow),
        ("(Y if training else self.keep * Y)", new),
    )


ONE_WAY = filled("""
class Block(BasicBlock):
    {forward}
        Y = {relu}(self.bn1(self.conv1(X){training}))
        Y = self.bn2(self.conv2(Y){training})
        X = self.shortcut(X{training})
        RESULT


check.one_way_shortcut(Block)
""")
RELU_OF_SUM = filled("{relu}(Y + X)")
THROUGH_NUMPY = in_each(
    "torch.tensor(X.detach().numpy())",
    "tf.constant(X.numpy())",
    "mx.np.array(X.asnumpy())",
)


def one_way(result, X="X", Y="Y"):
    """Return the block with another last line, in which X and Y are parts."""
    result = filled(result)
    return put(put(ONE_WAY, RESULT=result), SHORT=X, BRANCH=Y)


LESIONED = """
class Lesioned(PARENT):
    def __init__(self, net, removed):
        super().__init__()
        self.net = without(net, removed)

    def FORWARD(self, X):
        return self.net(CUT)


check.lesion(Lesioned)
"""


BY_LENGTH = """
def by_length(g, pull_backs):
    rows = [g]
    for pull in reversed(pull_backs):
        through = [pull(row) for row in rows]
        rows = [*rows, 0 * g]
        for k, row in enumerate(through):
            rows[k + 1] = rows[k + 1] + row
    return rows


check.gradients_by_length(by_length)
"""


def by_length(old, new):
    """Return the solution alone, without what the page does with it."""
    return BY_LENGTH.replace(old, new)


ANSWERS = {
    "paths": {
        "wrong": [
            ("check.paths(511, 126, 128, 0)", "the path through no block"),
            ("check.paths(512, 3024, 128, 0)", "the orders in which"),
            ("check.paths(512, 126, 510, 0)", "smaller by two"),
            ("check.paths(512, 126, 384, 0)", "three quarters"),
            ("check.paths(512, 126, 128, 1)", "the missing block was on it"),
        ],
        "right": ["check.paths(512, 126.0, 128, left_plain=0)"],
    },
    "scaled_shortcut": {
        "wrong": [
            ("check.scaled_shortcut(45, 55)", "adds up"),
            ("check.scaled_shortcut(0.9, 1.1)", "the factor of one block"),
            (
                "check.scaled_shortcut(1.9**50, 2.1**50)",
                "includes the branches",
            ),
            ("check.scaled_shortcut(0.9**50, 1.1**51)", "`more` is not right"),
            ("check.scaled_shortcut(0.9**-50, 1.1**50)", "the reciprocal"),
        ],
        "right": [
            "check.scaled_shortcut(0.00515, 117)",
            "check.scaled_shortcut(np.exp(50 * np.log(0.9)), 117.39)",
        ],
    },
    "product_order": {
        "wrong": [
            (
                replace("reversed(jacobians)", "jacobians"),
                "in the order of the forward pass",
            ),
            (
                replace("(np.eye(len(J)) + J)", "J"),
                "the identities are missing",
            ),
            (
                replace(
                    "row @ (np.eye(len(J)) + J)", "(np.eye(len(J)) + J) @ row"
                ),
                "a column, not as a row",
            ),
            (
                replace("return row", "return row + g"),
                "the direct path is counted twice",
            ),
            (
                replace("    return row\n", ""),
                "None",
            ),
            (
                """
def five(g, jacobians):
    for J in reversed(jacobians):
        g = g @ (np.eye(5) + J)
    return g


check.product_order(five)
""",
                "ValueError",
            ),
            (
                """
check.product_order(lambda g, J: gradient_at_input(g, J[-4:]))
""",
                "entries of",
            ),
            (
                """
def noisy(g, jacobians):
    return gradient_at_input(g, jacobians) + 1e-3 * np.random.randn(len(g))


check.product_order(noisy)
""",
                "entries of",
            ),
        ],
        "right": [
            """
def gradient(g, jacobians):
    J = np.eye(len(g))
    for J_l in jacobians:
        J = J + J_l @ J
    return J.T @ g


check.product_order(gradient)
""",
        ],
    },
    "one_way_shortcut": {
        "wrong": [
            (
                one_way("return {relu}(BRANCH + SHORT)", cut("X")),
                "the gradient by the input is not the slope",
            ),
            (
                one_way("return {relu}(BRANCH + SHORT)", "X", cut("Y")),
                "no gradient arrives at any of its parameters",
            ),
            (
                one_way("return {relu}(BRANCH + SHORT)", THROUGH_NUMPY),
                "the gradient by the input is not the slope",
            ),
            (
                put(one_way("return SHORT", cut("ALL")), ALL=RELU_OF_SUM),
                "no gradient arrives at its input or at any",
            ),
            (
                one_way("X += BRANCH\n        return {relu}(X)")
                | {"tensorflow": one_way("return X")["tensorflow"]},
                {"pytorch": "raises", "tensorflow": "diff", "mxnet": "raises"},
            ),
            (one_way("return BRANCH + SHORT"), "differ"),
        ],
        "right": [
            Borrowed("check.one_way_shortcut(BasicBlock)"),
            one_way("return {relu}(0.5 * (2 * SHORT + BRANCH + BRANCH))"),
        ],
    },
    "gradient_bounds": {
        "wrong": [
            ("check.gradient_bounds(0, 1.02**50)", "nearly zero"),
            ("check.gradient_bounds(0.98**50, 2)", "the factors multiply"),
            (
                "check.gradient_bounds(0.02**50, 1.02**50)",
                "as in a plain network",
            ),
            ("check.gradient_bounds(1.02**50, 0.98**50)", "are exchanged"),
            (
                "check.gradient_bounds(math.exp(-1), math.e)",
                "the limit for ever more blocks",
            ),
        ],
        "right": ["check.gradient_bounds(0.36417, 2.6916)"],
    },
    "lesion": {
        "wrong": [
            (
                {
                    fw: Replaced("check.lesion(without)", text)
                    for fw, text in put(
                        in_each(LESIONED, LESIONED, LESIONED),
                        PARENT=in_each("nn.Module", "keras.Model", "nn.Block"),
                        FORWARD=in_each("forward", "call", "forward"),
                        CUT=cut("X"),
                    ).items()
                },
                "no gradient arrives at its input",
            ),
            (LOOP, "Flatten the stages"),
            (loop("3 + i", "4 + i"), "Flatten the stages"),
            (
                loop("del parts[3 + i]", "pass"),
                "`without(net, [5])` removes other blocks: none",
            ),
            (
                loop("for i in removed:", "for i in removed[:1]:"),
                "`without(net, [0, 1])` removes other blocks: 0",
            ),
            (
                loop("for i in removed:", "for i in removed[1:]:"),
                "removes other blocks: none",
            ),
            (replace("    return ", "    "), "None"),
        ],
        "right": [
            loop("in removed:", "in sorted(removed, reverse=True):"),
            {
                "pytorch": """
def without(net, removed):
    def lesioned(X):
        for i, part in enumerate(parts_of(net)):
            X = X if i - 3 in removed else part(X)
        return X

    class Lesioned(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, X):
            return lesioned(X)

    return Lesioned()


check.lesion(without)
""",
                "tensorflow": """
def without(net, removed):
    X = Y = keras.Input((None, None, 1))
    for i, part in enumerate(parts_of(net)):
        if i - 3 not in set(removed):
            Y = part(Y)
    return keras.Model(X, Y)


check.lesion(without)
""",
                "mxnet": """
class Lesioned(nn.Block):
    def __init__(self, net, removed):
        super().__init__()
        self.net, self.removed = net, removed

    def forward(self, X):
        for i, part in enumerate(parts_of(self.net)):
            X = X if i - 3 in self.removed else part(X)
        return X


check.lesion(Lesioned)
""",
            },
        ],
    },
    "stochastic_depth": {
        "wrong": [
            *cut_off("stochastic_depth", "Block"),
            (
                scaled("Y", "scale = 1.0"),
                "the branch is not multiplied by `keep`",
            ),
            (
                scaled("self.keep * Y", "scale = 1 - self.keep"),
                "the branch is multiplied by",
            ),
            (EACH, "a coin is tossed for each example"),
            (
                replace_each(
                    ("torch.rand(()) >=", "torch.rand(()) <"),
                    ("tf.random.uniform(()) <", "tf.random.uniform(()) >="),
                    (
                        "float(mx.np.random.uniform()) >=",
                        "float(mx.np.random.uniform()) <",
                    ),
                ),
                "of 60 training steps",
            ),
            (
                "check.stochastic_depth(lambda c, keep: BasicBlock(c, c))",
                "not multiplied by `keep`",
            ),
        ],
        "right": [
            {
                "pytorch": """
class Other(nn.Module):
    def __init__(self, channels, keep):
        super().__init__()
        self.keep = keep
        self.body = nn.Sequential(
            conv(channels, channels, 3), batch_norm(channels), nn.ReLU(),
            conv(channels, channels, 3), batch_norm(channels))

    def forward(self, X):
        scale = self.keep
        if self.training:
            scale = int(np.random.rand() < self.keep)
        return torch.relu(scale * self.body(X) + X)


check.stochastic_depth(Other)
""",
                "tensorflow": """
class Other(layers.Layer):
    def __init__(self, channels, keep):
        super().__init__()
        self.keep = keep
        self.body = keras.Sequential([
            conv(channels, channels, 3), batch_norm(channels), layers.ReLU(),
            conv(channels, channels, 3), batch_norm(channels)])

    def call(self, X, training=None):
        if training and np.random.rand() >= self.keep:
            return tf.identity(X)
        Y = self.body(X, training=training)
        return tf.nn.relu(X + (Y if training else self.keep * Y))


check.stochastic_depth(Other)
""",
                "mxnet": """
class Other(nn.Block):
    def __init__(self, channels, keep):
        super().__init__()
        self.keep = keep
        self.body = nn.Sequential()
        self.body.add(
            conv(channels, channels, 3), batch_norm(channels),
            nn.Activation("relu"),
            conv(channels, channels, 3), batch_norm(channels))

    def forward(self, X):
        scale = self.keep
        if autograd.is_training():
            scale = int(np.random.rand() < self.keep)
        return mx.npx.relu(scale * self.body(X) + X)


check.stochastic_depth(Other)
""",
            }
        ],
    },
    "gradients_by_length": {
        "wrong": [
            (
                by_length("reversed(pull_backs)", "pull_backs"),
                "the gradient meets the last one first",
            ),
            (by_length("return rows", "return rows[::-1]"), "falling order"),
            (by_length("return rows", "return rows[:-1]"), "from 0 to L"),
            (by_length("rows[k + 1] + row", "row"), "entries of"),
            (by_length("return rows", "return sum(rows)"), "entries; k runs"),
            (
                """
sums = {}


def adding_up(g, pull_backs):
    L, rows = len(pull_backs), by_length(g, pull_backs)
    sums[L] = [a + b for a, b in zip(rows, sums.get(L, [0] * (L + 1)))]
    return sums[L]


check.gradients_by_length(adding_up)
""",
                "something else when it is called again",
            ),
            (
                """
def up_to_four(g, pull_backs):
    rows = by_length(g, pull_backs[-4:])
    return rows + [0 * g] * (len(pull_backs) - 4)


check.gradients_by_length(up_to_four)
""",
                "entries of",
            ),
        ],
        "right": [
            """
def by_length(g, pull_backs):
    if not pull_backs:
        return [g]
    *below, last = pull_backs
    around, through = by_length(g, below), by_length(last(g), below)
    return [a + b for a, b in zip([*around, 0], [0, *through])]


check.gradients_by_length(by_length)
""",
        ],
    },
}
