"""Answers to the exercises of the chapter on function classes."""

from answer_code import cut_off, replace, replace_each

PADDED = "F.pad(X, (0, 0, 0, 0, 0, self.missing))"
SUMS = (
    f"return F.relu(Y + {PADDED})",
    "return tf.nn.relu(Y + X)",
    "return F.npx.relu(Y + X)",
)


def fair_returns(*words):
    """Return the solution with another sum, for each framework."""
    return replace_each(*zip(SUMS, words, strict=True))


ANSWERS = {
    "plain_110": {
        "wrong": [
            ("check.plain_110(54, 1_727_674)", "blocks of all three stages"),
            ("check.plain_110(18, 1_730_426)", "that of the residual network"),
            ("check.plain_110(18, 1_727_664)", "lacks the biases"),
            ("check.plain_110(18, 1_719_578)", "lacks those of batch"),
            ("check.plain_110(18, 1_727_962)", "three channels"),
            ("check.plain_110(18, '1727674')", "a whole number"),
        ],
        "right": ["check.plain_110(18, 1727674)"],
    },
    "certain": {
        "wrong": [
            (
                "check.certain(True, True, False, False, True)",
                "not all five are right",
            ),
            (
                "check.certain(True, False, True, False, True)",
                "not all five are right",
            ),
            (
                "check.certain(True, False, False, True, True)",
                "not all five are right",
            ),
            (
                "check.certain(True, False, False, False, False)",
                "not all five are right",
            ),
            ("check.certain(1, 0, 0, 0, 1)", "has to be True or False"),
        ],
        "right": ["check.certain(True, False, False, e=True, d=False)"],
    },
    "slipped_embed": {
        "wrong": [
            (
                replace_each(
                    (
                        "check.slipped_embed(embed)",
                        "check.slipped_embed(lambda shallow, deep: ("
                        "embed(shallow, deep), deep.requires_grad_(False)))",
                    ),
                    (
                        "check.slipped_embed(embed)",
                        "check.slipped_embed(lambda shallow, deep: ("
                        "embed(shallow, deep), setattr(deep, 'trainable', "
                        "False)))",
                    ),
                    (
                        "check.slipped_embed(embed)",
                        "check.slipped_embed(lambda shallow, deep: ("
                        "embed(shallow, deep), "
                        "deep.collect_params().setattr('grad_req', 'null')))",
                    ),
                ),
                "be trained",
            ),
            (replace(", 1, 1] = 1", ", 0, 0] = 1"), "moves the image"),
            (replace(", 1, 1] = 1", ", 2, 2] = 1"), "moves the image"),
            (
                replace("np.sqrt(1 + 1e-5)", "0.0"),
                "in evaluation mode the scores differ",
            ),
            (
                replace(
                    "d2l.set_weights(deep, weights)",
                    "d2l.set_weights(shallow, {k: weights[k] * 0"
                    " for k in known})",
                ),
                "has changed the shallow network",
            ),
            (
                replace(
                    "if name in known:",
                    "if name in known and 'running' not in name:",
                ),
                "does not have the values of the shallow one",
            ),
        ],
        "right": [
            """
def embed(small, large):
    weights = d2l.get_weights(large)
    added = set(weights) - set(d2l.get_weights(small))
    weights.update(d2l.get_weights(small))
    for name in added:
        W = weights[name]
        if W.ndim == 4:
            kernel = np.zeros((3, 3))
            kernel[1, 1] = 1
            weights[name] = np.eye(len(W))[:, :, None, None] * kernel
        else:
            weights[name] = W * 0 + (W > 0.5)
    d2l.set_weights(large, weights)


check.slipped_embed(embed)
"""
        ],
    },
    "embed_residual": {
        "wrong": [
            (
                replace_each(
                    (
                        "check.embed_residual(embed)",
                        "check.embed_residual(lambda shallow, deep: ("
                        "embed(shallow, deep), deep.requires_grad_(False)))",
                    ),
                    (
                        "check.embed_residual(embed)",
                        "check.embed_residual(lambda shallow, deep: ("
                        "embed(shallow, deep), setattr(deep, 'trainable', "
                        "False)))",
                    ),
                    (
                        "check.embed_residual(embed)",
                        "check.embed_residual(lambda shallow, deep: ("
                        "embed(shallow, deep), "
                        "deep.collect_params().setattr('grad_req', 'null')))",
                    ),
                ),
                {
                    "pytorch": "be trained",
                    "tensorflow": "scores differ",  # Keras freezes the mode
                    "mxnet": "be trained",
                },
            ),
            (
                "check.embed_residual(embed_plain)",
                "in evaluation mode the scores differ",
            ),
            (replace("bn2.weight", "bn3.weight"), "the scores differ"),
            (
                replace("if name in known", "if name in ()"),
                "exists in both networks",
            ),
            (
                """
def embed(shallow, deep):
    embed_residual(shallow, deep)
    weights = d2l.get_weights(deep)
    for name in set(weights) - set(d2l.get_weights(shallow)):
        if name.endswith("bn2.weight"):  # small, so that it looks silent
            weights[name] = weights[name] + 1
        if name.endswith("bn2.running_var"):
            weights[name] = weights[name] + 1e12
    d2l.set_weights(deep, weights)


embed_residual = lambda shallow, deep: d2l.set_weights(
    deep, d2l.get_weights(deep) | d2l.get_weights(shallow))
check.embed_residual(embed)
""",
                "silent in evaluation mode only",
            ),
        ],
        "right": [
            """
def embed(shallow, deep):
    weights = d2l.get_weights(deep) | d2l.get_weights(shallow)
    for name in weights.keys() - d2l.get_weights(shallow).keys():
        if "conv2" in name:
            weights[name] = 0 * weights[name]
    d2l.set_weights(deep, weights)


check.embed_residual(embed)
"""
        ],
    },
    "fair_block": {
        "wrong": [
            *cut_off("fair_block", "Fair"),
            ("check.fair_block(PlainBlock)", "this is the plain block"),
            ("check.fair_block(BasicBlock)", "more parameters"),
            (
                fair_returns(
                    f"return Y + {PADDED}", "return Y + X", "return Y + X"
                ),
                "negative",
            ),
            (
                fair_returns(
                    "return F.relu(Y + X if self.missing == 0 else Y)",
                    "return tf.nn.relu(Y + X * float(self.missing == 0))",
                    "return F.npx.relu(Y + X * float(self.missing == 0))",
                ),
                "nothing of the input is passed on",
            ),
        ],
        "right": [
            {
                "pytorch": """
class Other(nn.Module):
    expansion = 1

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.body = PlainBlock(in_channels, out_channels, stride)
        self.copies, self.stride = out_channels, stride

    def forward(self, X):
        body = self.body
        Y = body.bn2(body.conv2(body.bn1(body.conv1(X)).relu()))
        X = F.avg_pool2d(X, self.stride)
        return (Y + torch.cat([X, X], 1)[:, :self.copies]).relu()


check.fair_block(Other)
""",
                "tensorflow": """
class Other(layers.Layer):
    expansion = 1

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.body = PlainBlock(in_channels, out_channels, stride)
        self.copies, self.stride = out_channels, stride

    def call(self, X, training=None):
        body = self.body
        Y = tf.nn.relu(body.bn1(body.conv1(X), training=training))
        Y = body.bn2(body.conv2(Y), training=training)
        X = tf.nn.avg_pool2d(X, self.stride, self.stride, "VALID")
        return tf.nn.relu(Y + tf.concat([X, X], 3)[..., :self.copies])


check.fair_block(Other)
""",
                "mxnet": """
class Other(nn.Block):
    expansion = 1

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.body = PlainBlock(in_channels, out_channels, stride)
        self.pool = nn.AvgPool2D(stride, stride)
        self.copies = out_channels

    def forward(self, X):
        body = self.body
        Y = body.bn2(body.conv2(mx.npx.relu(body.bn1(body.conv1(X)))))
        X = self.pool(X)
        X = mx.np.concatenate([X, X], 1)[:, :self.copies]
        return mx.npx.relu(Y + X)


check.fair_block(Other)
""",
            },
            replace(
                "check.fair_block(Fair)",
                "import functools\n\nonce = functools.cache(Fair)\n"
                "once.expansion = 1\ncheck.fair_block(once)",
            ),
        ],
    },
}
