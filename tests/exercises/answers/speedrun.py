"""Answers to the exercises of the chapter on a fast recipe."""

from answer_code import (
    Replaced,
    cut,
    cut_off,
    of_the_book,
    replace,
    replace_each,
)

# Not a replacement in the solution, which trains.
WRAPPER = {
    "pytorch": """
class Wrapper(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, X):
        if CONDITION:
            return self.net(X)
        return (self.net(X) + self.net(X.flip(AXIS))) / HALF


check.lying_mirror(Wrapper)
""",
    "tensorflow": """
class Wrapper(keras.Model):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def call(self, X, training=None):
        if CONDITION:
            return self.net(X, training=True)
        mirror = tf.reverse(X, AXIS)
        return (self.net(X, training=training)
                + self.net(mirror, training=training)) / HALF


check.lying_mirror(Wrapper)
""",
    "mxnet": """
class Wrapper(gluon.Block):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, X):
        if CONDITION:
            return self.net(X)
        return (self.net(X) + self.net(mx.np.flip(X, AXIS))) / HALF


check.lying_mirror(Wrapper)
""",
}
IN_TRAINING = {
    "pytorch": "self.training",
    "tensorflow": "training",
    "mxnet": "autograd.is_training()",
}
NCHW, NHWC = {"N": 0, "C": 1, "H": 2, "W": 3}, {"N": 0, "H": 1, "W": 2, "C": 3}


def wrapper(axes="W", condition="{}", half=2):
    """Return a wrapper that reverses axes, for each framework."""
    found = {}
    for fw, code in WRAPPER.items():
        numbers = NHWC if fw == "tensorflow" else NCHW
        code = code.replace("AXIS", str(tuple(numbers[axis] for axis in axes)))
        code = code.replace("CONDITION", condition.format(IN_TRAINING[fw]))
        found[fw] = code.replace("HALF", str(half))
    return found


# One pass for both images, and other ways to mirror.
STACKED = {
    "pytorch": """
class Both(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, images):
        if not self.training:
            both = torch.cat([images, images.flip(-1)])
            first, second = self.body(both).chunk(2)
            return first.lerp(second, 0.5)
        return self.body(images)


check.lying_mirror(Both)
""",
    "tensorflow": """
class Both(keras.layers.Layer):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def call(self, images, training=False):
        if training:
            return self.body(images, training=training)
        both = tf.concat([images, tf.image.flip_left_right(images)], 0)
        return tf.add_n(tf.split(self.body(both), 2)) * 0.5


check.lying_mirror(Both)
""",
    "mxnet": """
class Both(gluon.nn.Sequential):
    def __init__(self, body):
        super().__init__()
        self.add(body)

    def forward(self, images):
        if autograd.is_training():
            return super().forward(images)
        both = mx.np.concatenate([images, images[:, :, :, ::-1]])
        return super().forward(both).reshape(2, len(images), -1).mean(axis=0)


check.lying_mirror(Both)
""",
}

LOSS = {
    "pytorch": """
def other(z, y, eps):
    target = torch.full_like(z, eps / z.shape[1])
    target[torch.arange(len(y)), y] += 1 - eps
    log_sum = torch.logsumexp(z, 1, keepdim=True)
    return torch.einsum("nk,nk->", target, log_sum - z) / len(y)


check.smoothed_loss(other)
""",
    "tensorflow": """
def other(z, y, eps):
    target = tf.one_hot(y, z.shape[1]) * (1 - eps) + eps / z.shape[1]
    losses = keras.losses.categorical_crossentropy(target, z,
                                                   from_logits=True)
    return tf.reduce_mean(losses)


check.smoothed_loss(other)
""",
    "mxnet": """
def other(z, y, eps):
    target = npx.one_hot(y, z.shape[1]) * (1 - eps) + eps / z.shape[1]
    loss = gluon.loss.SoftmaxCrossEntropyLoss(sparse_label=False)
    return loss(z, target).mean()


check.smoothed_loss(other)
""",
}
UNSTABLE = {
    "pytorch": """
def naive(scores, labels, epsilon):
    powers = scores.exp()
    log_p = (powers / powers.sum(1, keepdim=True)).log()
    right = log_p[torch.arange(len(labels)), labels]
    return -((1 - epsilon) * right + epsilon * log_p.mean(1)).mean()


check.smoothed_loss(naive)
""",
    "tensorflow": """
def naive(scores, labels, epsilon):
    log_p = tf.math.log(tf.nn.softmax(scores))
    right = tf.gather(log_p, labels, axis=1, batch_dims=1)
    over_classes = tf.reduce_mean(log_p, axis=1)
    return -tf.reduce_mean((1 - epsilon) * right + epsilon * over_classes)


check.smoothed_loss(naive)
""",
    "mxnet": """
def naive(scores, labels, epsilon):
    log_p = mx.np.log(npx.softmax(scores))
    right = npx.pick(log_p, labels)
    return -((1 - epsilon) * right + epsilon * log_p.mean(axis=1)).mean()


check.smoothed_loss(naive)
""",
}
TWICE = replace_each(
    ("log_softmax(scores", "log_softmax(scores.softmax(1)"),
    ("log_softmax(scores)", "log_softmax(tf.nn.softmax(scores))"),
    ("log_softmax(scores)", "log_softmax(npx.softmax(scores))"),
)
ONE_EACH = replace_each(
    ("over_classes).mean()", "over_classes)"),
    (
        "-tf.reduce_mean((1 - epsilon) * right + epsilon * over_classes)",
        "-((1 - epsilon) * right + epsilon * over_classes)",
    ),
    ("over_classes).mean()", "over_classes)"),
)
SUMMED = replace_each(
    ("log_p.mean(dim=1)", "log_p.sum(dim=1)"),
    ("tf.reduce_mean(log_p", "tf.reduce_sum(log_p"),
    ("log_p.mean(axis=1)", "log_p.sum(axis=1)"),
)
ADDED_UP = replace_each(
    ("over_classes).mean()", "over_classes).sum()"),
    ("-tf.reduce_mean(", "-tf.reduce_sum("),
    ("over_classes).mean()", "over_classes).sum()"),
)

LIMPING = """
def one_cycle(index, num_steps, lr):
    done = (index + 0.5) / num_steps
    if done < 0.25:
        return lr * 4 * done
    return lr * (1 - 4 * (done - 0.25))


check.limping_cycle(one_cycle)
"""


def warm_cosine(
    rest="(done - 0.1) / 0.9", fall="1 + math", rise="10 * done", start=0.1
):
    """Return a schedule of which one part is another."""
    return f"""
def schedule(done):
    if done < {start}:
        return {rise}
    return ({fall}.cos(math.pi * {rest})) / 2


check.warm_cosine(schedule)
"""


ANSWERS = {
    "smoothed_lead": {
        "wrong": [
            ("check.smoothed_lead(math.log(4), 1.88)", "one other class"),
            ("check.smoothed_lead(3.6, 1.88)", "to the base 10"),
            ("check.smoothed_lead(4001, 1.88)", "the ratio of two"),
            ("check.smoothed_lead(8.3, 0)", "without smoothing"),
            ("check.smoothed_lead(8.3, 0.223)", "the right class alone"),
            ("check.smoothed_lead(8.3, 0.178)", "lacks the second term"),
            ("check.smoothed_lead(8.3, 0.5)", "for a single one"),
            ("check.smoothed_lead(8.0, 1.88)", "`lead` is not right"),
        ],
        "right": [
            "check.smoothed_lead(loss=1.88, lead=8.29)",
            "check.smoothed_lead(np.log(4000), np.float32(1.88))",
        ],
    },
    "smoothed_loss": {
        "wrong": [
            (
                {
                    fw: Replaced(
                        "check.smoothed_loss(smoothed_loss)",
                        "check.smoothed_loss(lambda S, y, epsilon: "
                        f"smoothed_loss({text}, y, epsilon))",
                    )
                    for fw, text in cut("S").items()
                },
                "no gradient arrives at its input",
            ),
            (
                replace(
                    "(1 - epsilon) * right + epsilon * over_classes", "right"
                ),
                "without smoothing",
            ),
            (replace("epsilon * over_classes", "0"), "lacks the second term"),
            (replace("(1 - epsilon) * right", "right"), "its full share"),
            (ADDED_UP, "the sum over the batch"),
            (SUMMED, "without the 1 / K"),
            (TWICE, "through the softmax twice"),
            (ONE_EACH, "a loss for each image"),
            (UNSTABLE, "with scores of 1,000"),
            (
                replace(
                    "(1 - epsilon) * right + epsilon * over_classes",
                    "epsilon * right + (1 - epsilon) * over_classes",
                ),
                "exchanges ε and 1 − ε",
            ),
            (
                replace(
                    "epsilon * over_classes",
                    "epsilon * (scores.shape[1] * over_classes - right)"
                    " / (scores.shape[1] - 1)",
                ),
                "over the other classes only",
            ),
            (
                "check.smoothed_loss(lambda s, y, e: "
                "float(smoothed_loss(s, y, e)))",
                "what it returns is no tensor, but of type float",
            ),
            ("check.smoothed_loss(0.5)", "has to be a function"),
            (
                """
check.smoothed_loss(lambda s, y, e: smoothed_loss(s[:6], y[:6], e))
""",
                "too",
            ),
            (
                """
check.smoothed_loss(lambda s, y, e: smoothed_loss(s, y, min(e, 0.2)))
""",
                "too",
            ),
            (
                """
def at_random(scores, labels, epsilon):
    return smoothed_loss(scores, labels, epsilon * np.random.rand())


check.smoothed_loss(at_random)
""",
                "too",
            ),
        ],
        "right": [LOSS],
    },
    "limping_cycle": {
        "wrong": [
            (LIMPING, "the learning rate is negative"),
            (
                replace("lr * (1 - done) / 0.75", "lr * (1.25 - done)"),
                "of the largest learning rate",
            ),
            (replace("/ 0.75", "* 4 / 5"), "the learning rate is too small"),
            (
                replace(
                    "done = (index + 0.5) / num_steps",
                    "done = (index + 0.5) * 10 / num_steps % 1",
                ),
                "the learning rate is largest at step",
            ),
            (
                """
def one_cycle(index, num_steps, lr):
    done = (index + 0.5) / num_steps
    return lr * (2 * done if done < 0.5 else 2 - 2 * done)


check.limping_cycle(one_cycle)
""",
                "the learning rate is largest at step",
            ),
            (replace("lr *", "0.1 *"), "times `lr`"),
            ("check.limping_cycle(lambda i, n, lr: None)", "a number"),
            (
                """
calls = {}


def counted(index, num_steps, lr):
    calls[num_steps] = calls.get(num_steps, -1) + 1
    return one_cycle(calls[num_steps], num_steps, lr)


check.limping_cycle(counted)
""",
                "something else when it is called again",
            ),
            (
                """
check.limping_cycle(lambda i, n, lr: one_cycle(min(i, 999), n, lr))
""",
                "the last step of 1357",
            ),
            (
                """
check.limping_cycle(lambda i, n, lr: one_cycle(i, n, min(lr, 3.0)))
""",
                "the largest learning rate is",
            ),
        ],
        "right": [
            """
def rate(step, steps, largest):
    return float(np.interp(step, [0, steps / 4, steps], [0, largest, 0]))


check.limping_cycle(rate)
""",
            """
from d2lutils.schedules import learning_rate

check.limping_cycle(lambda i, n, lr: learning_rate("one_cycle", lr, i, n))
""",
            """
def one_cycle(index, num_steps, lr):
    done = (index + 1) / num_steps
    return lr * min(4 * done, (1 - done) / 0.75)


check.limping_cycle(one_cycle)
""",
        ],
    },
    "whole_stem": {
        "wrong": [
            ("check.whole_stem(10_150_272, 3.66)", "that of `QuickResNet()`"),
            ("check.whole_stem(40_601_088, 4)", "do all sides double"),
            ("check.whole_stem(37_156_608, 4)", "if every side doubled"),
            ("check.whole_stem(74_313_216, 3.66)", "as two"),
            ("check.whole_stem(37_155_328, 3.66)", "fully connected"),
            ("check.whole_stem(36_353_792, 3.66)", "lacks the projections"),
            ("check.whole_stem(37_156_608, 0.2732)", "upside down"),
        ],
        "right": ["check.whole_stem(ratio=3.66, macs=37156608.0)"],
    },
    "next_bfloat16": {
        "wrong": [
            ("check.next_bfloat16(1 + 1 / 256, 1)", "one bit too many"),
            ("check.next_bfloat16(1.01, 1)", "a round decimal number"),
            ("check.next_bfloat16(1 + 2**-23, 1)", "seven bits allow"),
            ("check.next_bfloat16(1.0078125, 2)", "without any rounding"),
            ("check.next_bfloat16(1.0078125, 8.8125)", "rounds each sum up"),
        ],
        "right": [
            "check.next_bfloat16(1 + 2**-7, 1)",
            {
                "pytorch": """
w = torch.tensor(1.0, dtype=torch.bfloat16)
for _ in range(1000):
    w += 1e-3
check.next_bfloat16(129 / 128, float(w))
""",
                "tensorflow": """
w = tf.constant(1, tf.bfloat16)
for _ in range(1000):
    w = w + tf.constant(1e-3, tf.bfloat16)
check.next_bfloat16(129 / 128, float(w))
""",
                "mxnet": "check.next_bfloat16(np.float32(129 / 128), 1.0)",
            },
        ],
    },
    "lying_mirror": {
        "wrong": [
            *cut_off("lying_mirror", "FlipAverage")[:1],
            (wrapper("H"), "it is upside down"),
            (wrapper(condition="False"), "in training mode the scores are"),
            (wrapper("N"), "another image of the batch"),
            (wrapper("C"), "those of the image alone"),
            (wrapper("HW"), "by half a turn"),
            (wrapper(half=1), "added and not halved"),
            (
                wrapper(condition="not {}"),
                {
                    "pytorch": "those of the image alone",
                    "tensorflow": "as if it were being trained",
                    "mxnet": "those of the image alone",
                },
            ),
            ("check.lying_mirror(3)", "a class, a network or a function"),
        ],
        "right": [
            of_the_book("FlipAverage", "check.lying_mirror(FlipAverage)"),
            STACKED,
        ],
    },
    "warm_cosine": {
        "wrong": [
            (warm_cosine(rest="done"), "jumps after the first tenth"),
            (warm_cosine(rest="(done - 0.1)"), "does not reach 0"),
            (warm_cosine(fall="1 - math"), "rises where it should fall"),
            (warm_cosine(rise="done"), "does not reach 1"),
            (warm_cosine(start=0), "`warm_cosine(0.0)` is too"),
            (warm_cosine(start=-1, rest="done"), "no warm-up"),
            (
                "check.warm_cosine(lambda done: min(10 * done, "
                "(1 - done) / 0.9))",
                "in a straight line",
            ),
            ("check.warm_cosine(math.cos(0.5))", "has to be a function"),
            (
                """
table = [0.0, 0.03, 0.07, 0.1, 0.25, 0.4, 0.55, 0.8, 1.0]
values = [warm_cosine(done) for done in table]
check.warm_cosine(lambda done: np.interp(done, table, values))
""",
                "is too",
            ),
            (
                """
furthest = [0.0]


def only_on(done):
    furthest[0] = max(furthest[0], done)
    return warm_cosine(furthest[0])


check.warm_cosine(only_on)
""",
                "is too",
            ),
            (
                "check.warm_cosine(lambda done: warm_cosine(round(done, 2)))",
                "is too",
            ),
        ],
        "right": [
            """
check.warm_cosine(lambda t: t / 0.1 if t <= 0.1 else
                  np.cos(np.pi / 2 * (t - 0.1) / 0.9) ** 2)
""",
        ],
    },
}
