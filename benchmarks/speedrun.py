"""Time the recipe of the chapter `speedrun`, and what each idea is worth.

    python -m benchmarks.speedrun --framework pytorch --seeds 0 1 2
    python -m benchmarks.speedrun --framework pytorch --variant float32

Each call trains on all of Fashion-MNIST and writes a record below
`results/speedrun/`, which the chapter shows.
"""

import argparse
import contextlib
import importlib
import os
import sys
from unittest import mock

from d2lutils import data, record
from d2lutils.frameworks import FRAMEWORKS

VARIANTS = {
    "recipe": {},
    "long": {"num_epochs": 20, "channels": 48},
    "one_by_one": {"loader": "one_by_one"},
    "whole_stem": {"stride": 1},
    "plain_blocks": {"shortcuts": False},
    "float32": {"mixed_precision": False},
    "channels_first": {"channels_last": False},
    "constant_rate": {"schedule": "constant", "lr": 0.05},
    "no_momentum": {"optimizer": "sgd", "lr": 2.0},
    "no_smoothing": {"label_smoothing": 0.0},
    # A mirror image is something else to a network that never saw any.
    "no_augmentation": {"augment": False, "flip_average": False},
    "no_flip_average": {"flip_average": False},
}
"""Name → what differs from the recipe."""

TORCH_ONLY = ("one_by_one", "channels_first")


def settings(models, variant):
    """Return all settings of a training by name."""
    return {
        "num_epochs": 6,
        "lr": 0.2,
        "loader": "batches",
        "batch_size": 256,
        "channels": 32,
        "stride": 2,
        "augment": True,
        "shortcuts": True,
        "channels_last": True,
        "flip_average": True,
        **models.RECIPE,
        **VARIANTS[variant],
    }


def network(models, config):
    """Return a new network as the settings ask for it."""
    block = "BasicBlock" if config["shortcuts"] else "PlainBlock"
    # The class has no option for this: nobody would want it but to compare.
    with mock.patch.object(models, "BasicBlock", getattr(models, block)):
        net = models.QuickResNet(
            channels=config["channels"], stride=config["stride"]
        )
    return models.FlipAverage(net) if config["flip_average"] else net


def one_by_one(batch_size):
    """Return batches whose images PyTorch fetches one at a time."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    class Images(Dataset):
        def __init__(self, images, labels, flip):
            self.images, self.labels, self.flip = images, labels, flip

        def __len__(self):
            return len(self.labels)

        def __getitem__(self, i):
            X = torch.from_numpy(self.images[i]).float() / 255
            if self.flip and torch.rand(()) < 0.5:
                X = X.flip(1)
            return X[None], int(self.labels[i])

    *train, test_images, test_labels = data.load_for_batches(
        batch_size, None, has_gpu=False
    )
    return (
        DataLoader(Images(*train, flip=True), batch_size, shuffle=True),
        DataLoader(Images(test_images, test_labels, flip=False), batch_size),
    )


def train(module, config, seed, checkpoint=None):
    """Train once, or go on from a checkpoint; return the history."""
    d2l = importlib.import_module(f"d2lutils.{module}")
    models = importlib.import_module(f"d2lutils.models.{module}")
    options = {name: config[name] for name in models.RECIPE}
    with contextlib.ExitStack() as stack:
        if not config["channels_last"]:
            import torch

            other = mock.patch.object(
                torch, "channels_last", torch.contiguous_format
            )
            stack.enter_context(other)
        d2l.set_seed(seed)
        if config["loader"] == "one_by_one":
            iters = one_by_one(config["batch_size"])
        else:
            iters = d2l.load_data_fashion_mnist(
                config["batch_size"], augment=config["augment"]
            )
        return d2l.fit(
            network(models, config),
            *iters,
            config["num_epochs"],
            config["lr"],
            seed=seed,
            checkpoint=checkpoint and f"{checkpoint}-{seed}",
            **options,
        )


def main():
    """Train as the command line says and write the record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speedrun")
    parser.add_argument("--framework", choices=FRAMEWORKS, required=True)
    parser.add_argument("--variant", choices=VARIANTS, default="recipe")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--checkpoint", help="files to go on from: this name and the seed"
    )
    args = parser.parse_args()
    os.environ["D2L_SCALE"] = "full"
    module = FRAMEWORKS[args.framework].module
    if args.variant in TORCH_ONLY and module != "torch":
        parser.error(f"{args.variant} is a variant of PyTorch's only")
    d2l = importlib.import_module(f"d2lutils.{module}")
    models = importlib.import_module(f"d2lutils.models.{module}")
    config = settings(models, args.variant)
    runs = [
        {
            "seed": seed,
            "history": train(module, config, seed, args.checkpoint),
        }
        for seed in args.seeds
    ]
    done = {
        "framework": args.framework,
        "model": "QuickResNet",
        "data": "fashion_mnist",
        "resize": 28,
        "num_train": data.FULL_SIZE[0],
        "num_test": data.FULL_SIZE[1],
        "variant": args.variant,
        **config,
    }
    result = record.new(d2l, done, 1, runs)
    name = f"{args.framework}_{args.variant}"
    record.write(f"results/speedrun/{name}.json", result)
    print(record.summary(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
