"""A training that takes no time, for what is shown of one."""

from d2lutils import training

OPTIONS = {"schedule": "constant", "checkpoint": None, "seed": None}
BATCHES = [("XX", "yy")] * 5


class Engine:
    rank, size = 0, 1

    def start(self):
        pass

    def step(self, X, y, lr):
        pass

    def sums(self):
        return 20.0, 3, 5


def run(num_epochs=2, batches=BATCHES):
    return training.run(
        Engine(),
        lambda seed: None,
        batches,
        lambda: 0.25,
        num_epochs,
        0.1,
        False,
        OPTIONS,
    )


if __name__ == "__main__":
    training.report(run(), "cpu")
