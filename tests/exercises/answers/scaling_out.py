"""Answers to the exercises of the chapter on several workers."""

from answer_code import replace

ACCUMULATE = """
def accumulate(gradient, X, y, size):
    cuts = range(0, len(X), size)
    parts = [gradient(X[i:i + size], y[i:i + size]) for i in cuts]
    counts = [len(X[i:i + size]) for i in cuts]
    return RESULT


check.accumulated(accumulate)
"""
FAULTY_STEP = """
def step(w, sums, count, lr, decay):
    total = 0
    for part in sums:
        total = total + part / count + decay * w
    return w - lr * total


check.decayed_step(step)
"""
COMBINE = """
def combine(means, variances, sizes):
    weights = np.array(sizes) / sum(sizes)
    mean = weights @ np.array(means)
    spread = SPREAD
    return RESULT


check.whole_statistics(combine)
"""


def accumulate(result):
    """Return an answer that puts the parts' gradients together."""
    return ACCUMULATE.replace("RESULT", result)


def combine(spread, result="mean, weights @ np.array(variances) + spread"):
    """Return an answer that puts means and variances together."""
    return COMBINE.replace("SPREAD", spread).replace("RESULT", result)


RING, SERVER = 78_227_590, 357_611_840

ANSWERS = {
    "accumulated": {
        "wrong": [
            (accumulate("np.mean(parts, axis=0)"), "the plain mean of"),
            (accumulate("sum(parts)"), "without weights"),
            (
                accumulate(
                    "sum(g * n for g, n in zip(parts, counts)"
                    " if n == size) / len(X)"
                ),
                "leaves out the last, smaller part, but counts it",
            ),
            (
                accumulate("sum(g * n for g, n in zip(parts, counts))"),
                "the sum of the losses",
            ),
            (accumulate("sum(parts) * size / len(X)"), "of a full one"),
            (
                "check.accumulated(lambda g, X, y, size: g(X, y))",
                "`gradient` gets 10 at once",
            ),
            (
                replace("len(X), size)", "len(X) - size + 1, size)"),
                "leaves out the last, smaller part",
            ),
            (
                "check.accumulated(lambda g, X, y, size: 0 * X[0])",
                "entries of `accumulate",
            ),
            (
                """
def three(gradient, X, y, size):
    total = np.zeros(3)
    for i in range(0, len(X), size):
        total += len(X[i:i + size]) * gradient(X[i:i + size], y[i:i + size])
    return total / len(X)


check.accumulated(three)
""",
                "has the shape (3,)",
            ),
            (
                """
def growing(gradient, X, y, size, parts=[]):
    for i in range(0, len(X), size):
        part = gradient(X[i:i + size], y[i:i + size])
        parts.append(len(X[i:i + size]) * part)
    return sum(parts) / len(X)


check.accumulated(growing)
""",
                "something else when it is called again",
            ),
            (
                """
def own(gradient, X, y, size):
    gradient(X[:size], y[:size])
    errors = X @ np.array([1.0, -2.0, 0.5]) - y
    return (errors[:, None] * X).mean(axis=0)


check.accumulated(own)
""",
                "entries of",
            ),
        ],
        "right": [
            """
def averaged(gradient, X, y, size):
    cuts = range(size, len(X), size)
    parts = list(zip(np.split(X, cuts), np.split(y, cuts)))
    return np.average([gradient(*part) for part in parts], axis=0,
                      weights=[len(labels) for _, labels in parts])


check.accumulated(averaged)
""",
            accumulate("np.average(parts, axis=0, weights=counts)"),
            """
def by_images(gradient, X, y, size):
    total = 0
    for i in range(len(X)):
        total += gradient(X[i:i + 1], y[i:i + 1])
    return total / len(X)


check.accumulated(by_images)
""",
        ],
    },
    "decayed_step": {
        "wrong": [
            (FAULTY_STEP, "once for each worker"),
            (
                "check.decayed_step(lambda w, sums, count, lr, decay: "
                "w - lr * sum(sums) / count)",
                "no longer decay at all",
            ),
            (
                "check.decayed_step(lambda w, sums, count, lr, decay: "
                "w - lr * (sum(sums) / count / len(sums) + decay * w))",
                "by the number of workers",
            ),
            (
                "check.decayed_step(lambda w, sums, count, lr, decay: "
                "w - lr * (sum(sums) + decay * w) / count)",
                "the decay by the number of examples",
            ),
            (
                "check.decayed_step(lambda w, sums, count, lr, decay: "
                "w - lr * (sum(sums) / count + decay / len(sums) * w))",
                "but only once",
            ),
            (
                "check.decayed_step(lambda w, sums, count, lr, decay: "
                "w - lr * (sum(sums) / count - decay * w))",
                "the wrong sign",
            ),
            (
                """
check.decayed_step(lambda w, sums, count, lr, decay:
    step(w, sums[:4], count, lr, decay))
""",
                "entries of",
            ),
            (
                """
check.decayed_step(lambda w, sums, count, lr, decay:
    step(w, sums, min(count, 32), lr, decay))
""",
                "entries of",
            ),
            (
                """
velocity = {}


def with_momentum(w, sums, count, lr, decay):
    g = sum(sums) / count + decay * w
    velocity[count, len(sums)] = g + velocity.get((count, len(sums)), 0)
    return w - lr * velocity[count, len(sums)]


check.decayed_step(with_momentum)
""",
                "something else when it is called again",
            ),
        ],
        "right": [
            """
def step(w, sums, count, lr, decay):
    total = np.zeros_like(w)
    for part in sums:
        total += part / count + decay / len(sums) * w
    return w - lr * total


check.decayed_step(step)
""",
            "check.decayed_step(lambda w, sums, count, lr, decay: "
            "(1 - lr * decay) * w - lr / count * np.sum(sums, axis=0))",
        ],
    },
    "whole_statistics": {
        "wrong": [
            (combine("0"), "how far apart the shards' means are"),
            (
                "check.whole_statistics(lambda m, v, n: "
                "(np.mean(m), np.mean(v) + np.var(m)))",
                "does not use the sizes",
            ),
            (combine("np.var(means)"), "counts every shard alike"),
            (
                "check.whole_statistics(lambda m, v, n: "
                "(np.mean(m), np.mean(v)))",
                "uses neither",
            ),
            (
                combine(
                    "weights @ (means - mean) ** 2",
                    "mean, (weights @ np.array(variances) + spread)"
                    " * sum(sizes) / (sum(sizes) - 1)",
                ),
                "the unbiased variance",
            ),
            (
                combine(
                    "weights @ (means - mean) ** 2",
                    "weights @ np.array(variances) + spread, mean",
                ),
                "the variance first",
            ),
            (
                """
check.whole_statistics(lambda m, v, s: combine(m[:3], v[:3], s[:3]))
""",
                "entries of",
            ),
            (
                """
def at_random(means, variances, sizes):
    kept = np.random.rand(len(sizes)) < 0.9
    if not kept.any():
        kept[:] = True
    lists = means, variances, sizes
    return combine(*(np.array(each)[kept] for each in lists))


check.whole_statistics(at_random)
""",
                "entries of",
            ),
        ],
        "right": [
            """
def by_squares(means, variances, sizes):
    means, n = np.array(means), np.array(sizes)
    mean = (n * means).sum() / n.sum()
    squares = (n * (np.array(variances) + means ** 2)).sum() / n.sum()
    return [mean, squares - mean ** 2]


check.whole_statistics(by_squares)
""",
            """
def combine(means, variances, sizes):
    total = sum(sizes)
    first = sum(n * m for m, n in zip(means, sizes))
    second = sum(n * (v + m * m) for m, v, n in zip(means, variances, sizes))
    return [first / total, second / total - (first / total) ** 2]


check.whole_statistics(combine)
""",
        ],
    },
    "bytes_sent": {
        "wrong": [
            (f"check.bytes_sent({RING // 2}, {SERVER})", "one round"),
            (f"check.bytes_sent({SERVER // 4}, {SERVER})", "not all"),
            (f"check.bytes_sent({RING // 4}, {SERVER})", "not bytes"),
            (f"check.bytes_sent({SERVER // 8}, {SERVER})", "around twice"),
            (f"check.bytes_sent({RING}, {SERVER // 4})", "not bytes"),
            (f"check.bytes_sent({RING}, {SERVER // 8 * 7})", "separate"),
            (f"check.bytes_sent({RING}, {SERVER * 2})", "sends back"),
        ],
        "right": [
            f"check.bytes_sent(server={SERVER}.0, ring={RING})",
            # Chunks that differ by one, and chunks that are filled up.
            f"check.bytes_sent(4 * (6 * 1396921 + 8 * 1396922), {SERVER})",
            f"check.bytes_sent(4 * 14 * -(-11_175_370 // 8), {SERVER})",
        ],
    },
    "eight_machines": {
        "wrong": [
            ("check.eight_machines(0.1, 235, 30)", "the rate for one machine"),
            ("check.eight_machines(0.1 * 8 ** 0.5, 235, 30)", "square root"),
            ("check.eight_machines(0.0125, 235, 30)", "became smaller"),
            ("check.eight_machines(0.8, 234, 30)", "`steps_before` leaves"),
            ("check.eight_machines(0.8, 235, 29)", "`steps_after` leaves"),
            ("check.eight_machines(0.8, 235, 235)", "eight shards"),
        ],
        "right": [
            "check.eight_machines(8 * 0.1, -(-60_000 // 256), "
            "steps_after=np.ceil(60_000 / 2048))",
        ],
    },
    "speed_up": {
        "wrong": [
            ("check.speed_up(2, 8, 225)", "`two` leaves out"),
            ("check.speed_up(1.4, 1.7, 225)", "`two` is upside down"),
            ("check.speed_up(0.526, 0.588, 225)", "only half of the batch"),
            ("check.speed_up(0.435, 0.588, 225)", "half a gradient"),
            ("check.speed_up(0.357, 0.588, 225)", "is the efficiency"),
            ("check.speed_up(0.714, 0.519, 225)", "less than two gradients"),
            ("check.speed_up(0.714, 0.976, 225)", "of two workers"),
            ("check.speed_up(0.714, 0.588, 112.5)", "computing takes half"),
            ("check.speed_up(0.714, 0.588, 1800)", "in megabits"),
        ],
        "right": [
            "check.speed_up(5 / 7, 10 / 17, bandwidth=45 / 0.2)",
            "check.speed_up(0.71, 0.59, 225)",
        ],
    },
}
