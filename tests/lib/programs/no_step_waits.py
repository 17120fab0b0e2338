"""Train on a GPU and fail if a step waits for it; 77 where there is none."""

import sys

import torch

from d2lutils import backends, training
from d2lutils import torch as d2l
from d2lutils.models.torch import resnet18

if not torch.cuda.is_available():
    sys.exit(77)
options = training.Options(
    num_epochs=1,
    lr=0.01,
    optimizer="momentum",
    weight_decay=1e-4,
    label_smoothing=0.1,
    mixed_precision=True,
)
iters = d2l.load_data_fashion_mnist(32, resize=32, augment=True)
backend = backends.get("pytorch")
with backend.engine(resnet18(), None, *iters, options) as engine:
    for mode in "default", "error":  # the first epoch chooses algorithms
        engine.start()
        torch.cuda.set_sync_debug_mode(mode)
        for X, y in iters[0]:
            engine.step(X, y, 0.01)
        torch.cuda.set_sync_debug_mode("default")
    loss, correct, finite = engine.sums()
    assert finite == len(iters[0]), finite
    torch.cuda.set_sync_debug_mode("error")
    try:
        engine.sums()
    except RuntimeError:
        print("a waiting step would have been seen")
