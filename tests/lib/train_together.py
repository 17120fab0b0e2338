"""Train a small network and print the losses; test_distributed.py runs it.

`python tests/lib/train_together.py torch`, once for each process.
"""

import dataclasses
import importlib
import json
import sys

from d2lutils import scale


def network(module):
    """Return a network without batch normalisation.

    That would see a part of the batch only, and so make a difference.
    """
    if module == "torch":
        from torch import nn

        return nn.Sequential(
            nn.Conv2d(1, 4, 3, 2), nn.ReLU(), nn.Flatten(),
            nn.Linear(4 * 13 * 13, 10),
        )  # fmt: skip
    if module == "tensorflow":
        from tensorflow.keras import Sequential, layers

        return Sequential(
            [layers.Conv2D(4, 3, 2, activation="relu"), layers.Flatten(),
             layers.Dense(10)]
        )  # fmt: skip
    from mxnet.gluon import nn

    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, 2, activation="relu"), nn.Dense(10))
    return net


def normalised(module):
    """Return a network with batch normalisation."""
    models = importlib.import_module(f"d2lutils.models.{module}")
    return models.ResNet(models.BasicBlock, [1, 0, 0, 0])


def main(module):
    d2l = importlib.import_module(f"d2lutils.{module}")
    backend = importlib.import_module(f"d2lutils.backends.{module}")
    smoke = scale.SCALES["smoke"]
    scale.SCALES["smoke"] = dataclasses.replace(smoke, epochs=3)
    with backend.group():
        d2l.set_seed(0)
        history = d2l.fit(
            network(module),
            *d2l.load_data_fashion_mnist(24),
            3,
            0.1,
            optimizer="momentum",
            weight_decay=0.001,
            seed=1,
        )
        rank, size = backend.rank_and_size()
        net = normalised(module)
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
