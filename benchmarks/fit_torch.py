"""The function `fit`, against a bare loop, in PyTorch."""

import os

import torch

from benchmarks import compare
from d2lutils import scale
from d2lutils import torch as d2l
from d2lutils.models.torch import resnet18

LR = 0.01


def rows():
    """Measure; return the rows."""
    os.environ[scale.VARIABLE] = "demo"
    batches = d2l.load_data_fashion_mnist(compare.FIT_BATCH)
    our_net, their_net = resnet18(), resnet18()
    return [
        compare.duration(
            compare.FIT_WORK,
            "a bare loop, channels last",
            "≤ 1.02",
            lambda: d2l.fit(our_net, *batches, 1, LR) and None,
            lambda: bare_loop(their_net, *batches),
            runs=5,
        )
    ]


def bare_loop(net, train_iter, test_iter):
    """Train for one epoch, count what is right, and do nothing else."""
    net.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(net.parameters(), LR)
    loss_fn = torch.nn.CrossEntropyLoss()
    for X, y in train_iter:
        optimizer.zero_grad()
        y_hat = net(X.to(memory_format=torch.channels_last))
        loss_fn(y_hat, y).backward()
        optimizer.step()
    net.eval()
    correct = 0
    with torch.no_grad():
        for X, y in test_iter:
            correct += (net(X).argmax(dim=1) == y).sum().item()
