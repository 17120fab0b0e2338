"""Training steps, against torchvision's network and d2l's, in PyTorch."""

import contextlib
import io
import re

import torch
from torch import nn

from benchmarks import compare, peers
from d2lutils import torch as d2l
from d2lutils.backends.torch import Engine
from d2lutils.models.torch import resnet18
from d2lutils.training import Options

BATCH, SIZE, LR = 64, 96, 0.01
CPU = torch.device("cpu")
PEERS = ("d2l", "torchvision")


def rows():
    """Measure; return the rows."""
    networks = peers.torchvision().models
    found = [
        compare.speed(
            f"training step of ResNet-18, {SIZE} px, batch {BATCH}, {kind}",
            "torchvision's network, bare loop, channels last",
            "≥ 0.97",
            BATCH,
            engine_step(resnet18(in_channels=3), *batch(3), mixed),
            bare_step(networks.resnet18(num_classes=10), *batch(3), mixed),
            runs=31,
        )
        for kind, mixed in (("float32", False), ("bfloat16", True))
    ]
    return [*found, against_d2l()]


def batch(channels):
    """Return one batch, drawn at random."""
    X = torch.rand(BATCH, channels, SIZE, SIZE)
    return X, torch.randint(10, (BATCH,))


def engine_step(net, X, y, mixed):
    """Return a function that takes one step as `fit` does."""
    options = Options(num_epochs=1, lr=LR, mixed_precision=mixed)
    engine = Engine(net, CPU, options)
    engine.start()
    return lambda: engine.step(X, y, LR)


def bare_step(net, X, y, mixed):
    """Return a function that takes one step and does nothing else."""
    net.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(net.parameters(), LR)
    loss_fn = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            y_hat = net(X.to(memory_format=torch.channels_last))
            loss = loss_fn(y_hat, y)
        loss.backward()
        optimizer.step()

    return step


def against_d2l():
    """Return the row of `fit` in bfloat16 against d2l's `train_ch6`.

    Both say how long their steps took.
    """
    steps = 5
    peer = peers.d2l("torch")
    X, y = batch(1)
    batches, test = [(X, y)] * steps, [(X[:8], y[:8])]
    our_net, their_net = resnet18(), d2l_resnet18(peer)

    def ours():
        history = d2l.fit(
            our_net, batches, test, 1, LR, device=CPU, mixed_precision=True
        )
        return history["seconds"][0]

    def theirs():
        with contextlib.redirect_stdout(io.StringIO()) as text:
            peer.train_ch6(their_net, batches, test, 1, LR, CPU)
        peer.plt.close("all")
        rate = re.search(r"([\d.]+) examples/sec", text.getvalue())[1]
        return steps * BATCH / float(rate)

    return compare.speed(
        f"training step of ResNet-18, {SIZE} px, batch {BATCH}, bfloat16",
        "d2l's network and train_ch6, float32",
        "≥ 1.8",
        steps * BATCH,
        ours,
        theirs,
        runs=5,
    )


def d2l_resnet18(peer):
    """Return the ResNet-18 of d2l's chapter, from the package's blocks."""
    block = peer.Residual
    parts = [
        nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        block(64, 64),
        block(64, 64),
    ]
    for channels in (128, 256, 512):
        first = block(channels // 2, channels, use_1x1conv=True, strides=2)
        parts += [first, block(channels, channels)]
    head = [nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(512, 10)]
    return nn.Sequential(*parts, *head)
