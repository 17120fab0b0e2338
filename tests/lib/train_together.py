"""Train a small network and print the losses; test_distributed.py runs it.

`python tests/lib/train_together.py torch`, once for each process.
"""

import dataclasses
import importlib
import json
import sys

from d2lutils import scale


def network(backend, models):
    """Return a network without batch normalisation.

    That would see a part of the batch only, and so make a difference.
    """
    return backend.sequential(
        models.conv(1, 4, 3, stride=2),
        models.conv(4, 8, 3, stride=2),
        backend.global_avg_pool(),
        backend.dense(8, 10),
    )


def main(module):
    d2l = importlib.import_module(f"d2lutils.{module}")
    backend = importlib.import_module(f"d2lutils.backends.{module}")
    models = importlib.import_module(f"d2lutils.models.{module}")
    smoke = scale.SCALES["smoke"]
    scale.SCALES["smoke"] = dataclasses.replace(smoke, epochs=3)
    with backend.group():
        d2l.set_seed(0)
        history = d2l.fit(
            network(backend, models),
            *d2l.load_data_fashion_mnist(24),
            3,
            0.1,
            optimizer="momentum",
            weight_decay=0.001,
            seed=1,
        )
        rank, size = backend.rank_and_size()
        net = models.ResNet(models.BasicBlock, [1, 0, 0, 0])
        d2l.fit(net, *d2l.load_data_fashion_mnist(64), 1, 0.01, seed=1)
        running = {
            name: X.tolist()
            for name, X in d2l.get_weights(net).items()
            if "running" in name
        }
    losses = history["train_loss"], history["train_acc"], history["test_acc"]
    print("RESULT", json.dumps([rank, size, losses, running]))


if __name__ == "__main__":
    main(sys.argv[1])
