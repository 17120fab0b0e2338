"""Train the small network that the chapter `same_numbers` hands over.

`python -m benchmarks.hand_over` trains it in PyTorch on all of Fashion-MNIST
and writes the weights into the package.
"""

import os

from d2lutils import assets


def main():
    """Train, and write the weights."""
    os.environ["D2L_SCALE"] = "full"
    from d2lutils import torch as d2l
    from d2lutils.models.torch import BasicBlock, SmallResNet

    d2l.set_seed(0)
    net = SmallResNet(BasicBlock, 1)
    iters = d2l.load_data_fashion_mnist(batch_size=128, resize=14)
    d2l.fit(
        net,
        *iters,
        num_epochs=2,
        lr=0.1,
        optimizer="momentum",
        schedule="one_cycle",
        seed=0,
    )
    d2l.save_weights(net, assets.TRAINED)


if __name__ == "__main__":
    main()
