"""The experiments that the book's claims rest on: a table of runs.

Each is a name below `results/`, settings and seeds. Networks are those of the
chapters, in PyTorch; what only an experiment needs is built here from their
parts.
"""

import dataclasses
import math

import numpy as np
import torch
from torch import nn

from benchmarks import speedrun
from d2lutils import data
from d2lutils import torch as d2l
from d2lutils.models import torch as models
from d2lutils.scale import current_scale, limit_epochs

SEEDS = (0, 1, 2)

PLAIN = {
    "optimizer": "sgd",
    "weight_decay": 0.0,
    "schedule": "constant",
    "label_smoothing": 0.0,
    "mixed_precision": False,
    "flips": False,
    "crop_padding": 0,
}
"""Plain gradient descent on the images as they are."""

HE = PLAIN | {
    "resize": 28,
    "batch_size": 128,
    "num_epochs": 24,
    "lr": 0.1,
    "optimizer": "momentum",
    "weight_decay": 1e-4,
    "schedule": "step",
    "flips": True,
    "crop_padding": 4,
    "stem_stride": 2,
    "feature_sizes": [14, 7, 4],
}
"""As He et al. (2016), section 4.2, but shorter, and with a stem of stride 2.

The features of the three stages have 14, 7 and 4 positions a side.
"""

SEED = PLAIN | {"resize": 96, "batch_size": 256, "num_epochs": 10, "lr": 0.05}
"""As *Dive into Deep Learning* trains its ResNet-18."""

LESION = PLAIN | {"resize": 8, "batch_size": 32, "num_epochs": 10, "lr": 0.1}
"""As the chapter on gradients trains its networks, on all images."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One record: what to build, how to train it, from which seeds."""

    name: str
    settings: dict
    seeds: tuple[int, ...] = SEEDS

    def full_settings(self):
        """Return the settings with all that a record says of them."""
        scale = current_scale(has_gpu=True)
        counts = [
            limit if limit is not None else full
            for limit, full in zip(
                (scale.train_images, scale.test_images),
                data.FULL_SIZE,
                strict=True,
            )
        ]
        return {
            "framework": "pytorch",
            "data": "fashion_mnist",
            "num_train": counts[0],
            "num_test": counts[1],
            **self.settings,
            "num_epochs": limit_epochs(self.settings["num_epochs"], True),
        }

    def build(self):
        """Return a new network."""
        return NETWORKS[self.settings["model"]](self.settings)

    def after(self, net, train_iter, test_iter):
        """Return what is measured of a trained network, name → values."""
        measure = MEASURED.get(self.settings.get("measured"))
        return measure(net, train_iter, test_iter) if measure else {}


# Networks


def small_resnet(settings):
    """Return a network of three stages, of plain or of basic blocks."""
    num_blocks = (settings["num_layers"] - 2) // 6
    block = getattr(models, settings["block"])
    if settings["block"] == "PreActBlock":
        net = models.PreActResNet(num_blocks)
    else:
        net = models.SmallResNet(block, num_blocks)
    if settings.get("stem_stride", 1) != 1:
        channels = net.conv1.out_channels
        net.conv1 = models.conv(1, channels, 3, settings["stem_stride"])
    if settings.get("zero_gamma"):
        for module in net.modules():
            if isinstance(module, block):
                nn.init.zeros_(module.bn2.weight)
    return _normalised(net, settings["last_norm"])


def _normalised(net, wanted):
    """Return the network with, or without, its last normalisation."""
    parts = dict(net.named_children())
    if wanted == ("bn" in parts):
        return net
    last = nn.Sequential()
    for name, part in parts.items():
        if name == "avgpool" and wanted:
            last.add_module("bn", models.batch_norm(net.fc.in_features))
        if name != "bn":
            last.add_module(name, part)
    return last


def plain18(settings):
    """Return ResNet-18 without its shortcuts."""
    return models.ResNet(models.PlainBlock, (2, 2, 2, 2))


def vgg(settings):
    """Return VGG-11 (Simonyan and Zisserman, 2015) with half the channels.

    It starts as the ResNets do, and has two hidden layers of 512 features
    behind the convolutions. At 96 pixels that costs about as many
    multiply–accumulates as ResNet-18.
    """
    channels, parts = 1, []
    for num_convs, width in (1, 32), (1, 64), (2, 128), (2, 256), (2, 256):
        for _ in range(num_convs):
            parts.append(models.conv(channels, width, 3))
            if settings["block"] == "normalised":
                parts.append(models.batch_norm(width))
            parts.append(nn.ReLU())
            channels = width
        parts.append(nn.MaxPool2d(2))
    side = settings["resize"] // 32
    head = [nn.Flatten(), nn.Linear(channels * side**2, 512), nn.ReLU()]
    head += [nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)]
    for layer in head:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*parts, *head)


NETWORKS = {
    "SmallResNet": small_resnet,
    "ResNet-18": lambda settings: models.resnet18(),
    "plain-18": plain18,
    "VGG-11/2": vgg,
    "QuickResNet": lambda settings: speedrun.network(models, settings),
}


# Batches


class Batches:
    """The batches of `d2l.load_data_fashion_mnist`, seeded by themselves.

    Several can be gone through at the same time, each with a generator of its
    own. With padding, an image is also cropped at random from the padded one
    (He et al., 2016, section 4.2).

    Args:
        images: uint8 of shape (N, H, W).
        labels: int64 of shape (N,).
        settings: `batch_size`, `resize`, `flips` and `crop_padding`.
        device: Where all images lie, and the batches.
        shuffle: Whether each pass draws a new order, and flips and crops.
    """

    def __init__(self, images, labels, settings, device, shuffle):
        self.images = torch.from_numpy(images).to(device)
        self.labels = torch.from_numpy(labels).to(device)
        self.batch_size = settings["batch_size"]
        self.flips = shuffle and settings["flips"]
        self.padding = settings["crop_padding"] if shuffle else 0
        self.shuffle, self.resize = shuffle, None
        if settings["resize"] != images.shape[1]:
            A = data.bilinear_matrix(images.shape[1], settings["resize"])
            self.resize = torch.from_numpy(A).to(device)
        self.seed(0)

    def seed(self, seed):
        """Seed the next pass."""
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return math.ceil(len(self.labels) / self.batch_size)

    def __iter__(self):
        images, labels = self._draw()
        for i in range(0, len(labels), self.batch_size):
            X = images[i : i + self.batch_size].to(torch.float32) / 255
            if self.resize is not None:
                X = self.resize @ (X @ self.resize.T)
            yield X.unsqueeze(1), labels[i : i + self.batch_size]

    def _draw(self):
        """Return all images and labels as this pass has them."""
        if not self.shuffle:
            return self.images, self.labels
        # All at once: one step of a small network takes less than a copy.
        count, device = len(self.labels), self.labels.device
        order = self.rng.permutation(np.arange(count))
        order = torch.from_numpy(order).to(device)
        images, labels = self.images[order], self.labels[order]
        if self.flips:
            flipped = torch.from_numpy(self.rng.random(count) < 0.5)
            flipped = flipped.to(device)[:, None, None]
            images = torch.where(flipped, images.flip(2), images)
        if self.padding:
            images = self._crop(images)
        return images, labels

    def _crop(self, images):
        count, side, pad = len(images), images.shape[1], self.padding
        corners = self.rng.integers(0, 2 * pad + 1, (2, count))
        dy, dx = torch.from_numpy(corners).to(images.device)
        windows = nn.functional.pad(images, (pad,) * 4).unfold(1, side, 1)
        windows = windows.unfold(2, side, 1)  # (N, dy, dx, H, W), a view
        rows = torch.arange(count, device=images.device)
        return windows[rows, dy, dx]


# What is measured of a trained network


def without(net, i):
    """Return the network without its i-th block, sharing all others."""
    parts = []
    for name, part in net.named_children():
        parts += part if name.startswith("layer") else [part]
    del parts[3 + i]  # after the stem's convolution, batch norm and ReLU
    return nn.Sequential(*parts)


def lesions(net, train_iter, test_iter):
    """Return the test accuracy without each block that keeps its shape."""
    blocks = [
        block
        for name, part in net.named_children()
        if name.startswith("layer")
        for block in part
    ]
    kept = [
        i
        for i, block in enumerate(blocks)
        if block.conv1.in_channels == block.conv2.out_channels
    ]
    return {
        "test_acc_without_block": {
            str(i): d2l.evaluate_accuracy(without(net, i), test_iter)
            for i in kept
        }
    }


def statistics(net, train_iter, test_iter, num_batches=200):
    """Return test accuracies with other running statistics, weights fixed.

    The moving average is run on, as in training; then it is replaced by the
    mean over as many batches (Wu and Johnson, 2021).
    """
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    found = {}
    for name, momentum in (("moving", 0.1), ("mean", None)):
        for norm in norms:
            if momentum is None:
                norm.reset_running_stats()
            norm.momentum = momentum
        net.train()
        with torch.no_grad():
            batches = iter(train_iter)
            for _ in range(min(num_batches, len(train_iter))):
                net(next(batches)[0])
        found[name] = d2l.evaluate_accuracy(net, test_iter)
        net.eval()
    for norm in norms:
        norm.momentum = 0.1
    return {"test_acc_by_statistics": found}


MEASURED = {"lesions": lesions, "statistics": statistics}


# The table


def _small(block, num_layers, base=HE, **settings):
    return {
        "model": "SmallResNet",
        "block": block,
        "num_layers": num_layers,
        "last_norm": block == "PreActBlock",
        **base,
        **settings,
    }


def _table():
    kinds = {"plain": "PlainBlock", "residual": "BasicBlock"}
    for num_layers in 56, 20, 44, 32:
        for kind, block in kinds.items():
            yield (
                f"degradation/{kind}_{num_layers}",
                _small(block, num_layers),
            )
    for name, changes in {
        "float32": {},
        "bfloat16": {"mixed_precision": True},
        "cosine": {"schedule": "cosine"},
    }.items():
        measured = {} if "cosine" in name else {"measured": "statistics"}
        yield (
            f"resnet18_96px/{name}",
            {"model": "ResNet-18", **SEED, **changes, **measured},
        )
    # The fourth, post-activation as it is, is degradation/residual_44.
    for name, block, last_norm in (
        ("post_normalised", "BasicBlock", True),
        ("pre_normalised", "PreActBlock", True),
        ("pre", "PreActBlock", False),
    ):
        yield (
            f"preactivation/{name}",
            _small(block, 44, last_norm=last_norm),
        )
    yield (
        "degradation/residual_56_zero_gamma",
        _small("BasicBlock", 56, zero_gamma=True),
    )
    for kind, block in kinds.items():
        yield (
            f"lesions/{kind}",
            _small(block, 20, LESION, measured="lesions"),
        )
    for variant in speedrun.VARIANTS:
        if variant in speedrun.TORCH_ONLY:  # those change the time alone
            continue
        config = speedrun.settings(models, variant)
        yield (
            f"speedrun_accuracy/{variant}",
            {
                "model": "QuickResNet",
                "resize": 28,
                "variant": variant,
                **config,
                "flips": config["augment"],
                "crop_padding": 0,
            },
        )
    yield _vgg("normalised", "cosine")
    yield _vgg("normalised", "constant")
    yield (
        "resnet18_96px/cosine_bfloat16",
        {
            "model": "ResNet-18",
            **SEED,
            "schedule": "cosine",
            "mixed_precision": True,
        },
    )
    for num_layers in 56, 20:
        for lr in 0.02, 0.5:
            for kind, block in kinds.items():
                yield (
                    f"degradation/{kind}_{num_layers}_lr_{lr}",
                    _small(block, num_layers, lr=lr),
                )
    for schedule in "cosine", "constant":
        yield (
            f"resnet18_96px/plain18_{schedule}",
            {"model": "plain-18", **SEED, "schedule": schedule},
        )
        yield _vgg("original", schedule)


def _vgg(norm, schedule):
    name = "vgg" if norm == "original" else "vgg_normalised"
    return (
        f"resnet18_96px/{name}_{schedule}",
        {"model": "VGG-11/2", "block": norm, **SEED, "schedule": schedule},
    )


EXPERIMENTS = [Experiment(*row) for row in _table()]
"""All of them, those that matter most first."""
