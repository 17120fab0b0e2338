"""Compute in one framework what all have to agree on, and write it down.

`python agreement.py pytorch results.npz`
"""

import sys

import numpy as np
import small_runs
from small_runs import allow_epochs, face

from d2lutils import backends
from d2lutils.models.common import draw_weights

RUNS = {
    "one_cycle": {"schedule": "one_cycle"},
    "step": {"schedule": "step"},
    "cosine": {"schedule": "cosine"},
}
OPTIONS = {
    "optimizer": "momentum",
    "weight_decay": 1e-3,
    "label_smoothing": 0.1,
    "seed": 1,
}
NUM_BATCHES, NUM_EPOCHS = 16, 8


def drawn(backend, net):
    """Give a network weights that are the same in every framework."""
    weights = draw_weights(backend.get_weights(net))
    dtype = next(iter(backend.get_weights(net).values())).dtype
    backend.set_weights(net, {k: w.astype(dtype) for k, w in weights.items()})
    return net


def logits(backend, models):
    """The logits of ResNet-18 for two large images, in float32."""
    X = np.random.default_rng(1).random((2, 1, 224, 224), np.float32)
    return backend.forward(drawn(backend, models.resnet18()), X)


def losses(backend, models):
    """The losses of a run on the sample, in float32.

    With small steps: large ones make chaos of the rounding.
    """
    d2l = face(backend)
    net = models.ResNet(models.BasicBlock, [1, 0, 0, 0])
    history = d2l.fit(
        drawn(backend, net),
        *d2l.load_data_fashion_mnist(24),
        2,
        1e-5,
        optimizer="momentum",
        weight_decay=1.0,
        label_smoothing=0.3,
        seed=1,
    )
    return history["train_loss"]


def trained(backend, models, options):
    """The weights after a hundred steps and more, in float64."""
    d2l = face(backend)
    rng = np.random.default_rng(2)
    arrays = rng.random((NUM_BATCHES, 8, 1, 12, 12))
    labels = rng.integers(10, size=(NUM_BATCHES, 8)).astype("int32")
    device = backend.try_gpu(99)  # the CPU: none has so many GPUs
    net, _ = models.in_double(
        lambda: models.SmallResNet(models.BasicBlock, 1),
        backend.images(arrays[0]),
    )
    batches = [
        (backend.images(X), backend.tensor(y.astype(label_type(backend))))
        for X, y in zip(arrays, labels, strict=True)
    ]
    # The statistics may be of another kind; training does not look at them.
    names = {name for name in backend.get_weights(net) if "run" not in name}
    d2l.fit(
        drawn(backend, net),
        batches,
        batches[:1],
        NUM_EPOCHS,
        0.02,
        device=device,
        **OPTIONS,
        **options,
    )
    weights = backend.get_weights(net)
    return {name: weights[name] for name in names}


def label_type(backend):
    """The integers that the framework's loss wants labels to be."""
    zeros = np.zeros(1, np.int64)
    images = np.zeros((1, 1, 2, 2), np.uint8)
    batches = backend.batches(images, zeros, 1, None)
    return backend.numpy(next(iter(batches))[1]).dtype


def main(key, path):
    """Compute everything."""
    allow_epochs(NUM_EPOCHS)
    backend = backends.get(key)
    models = small_runs.models(backend)
    found = {
        "logits": logits(backend, models),
        "losses": losses(backend, models),
    }
    # Last, since Keras makes every later network of that type, too.
    for run, options in RUNS.items():
        for name, array in trained(backend, models, options).items():
            found[f"{run}/{name}"] = array
    np.savez(path, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
