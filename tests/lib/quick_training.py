"""A training that takes no time, for what is shown of one."""

from d2lutils import training

BATCHES = [("XX", "yy")] * 5


class Engine:
    rank, size = 0, 1

    def seed(self, seed):
        pass

    def evaluate(self, data_iter):
        return 0.25

    def start(self):
        pass

    def step(self, X, y, lr):
        pass

    def sums(self):
        return 20.0, 3, 5


def run(num_epochs=2, batches=BATCHES):
    options = training.Options(num_epochs, lr=0.1)
    return training.fit(Engine(), batches, [], options)


if __name__ == "__main__":
    training.report(run(), "cpu")
