"""The function `fit`, against a bare loop, in PyTorch."""

import torch

from benchmarks import compare
from d2lutils import torch as d2l
from d2lutils.models.torch import resnet18

PEERS = ()


def rows():
    """Measure; return the rows."""
    our_net, their_net = resnet18(), resnet18()
    return compare.fit_rows(
        d2l, our_net, their_net, "a bare loop, channels last", bare_loop
    )


def bare_loop(net, train_iter, test_iter, lr):
    """Train for one epoch, count what is right, and do nothing else."""
    net.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(net.parameters(), lr)
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
