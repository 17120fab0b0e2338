"""Count how often PyTorch compiles the book's networks in training."""

import json
import sys

import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters

from d2lutils.models import torch as models

NETWORKS = {
    "ResNet-18": models.resnet18,
    "ResNet-50": models.resnet50,
    "SmallResNet": lambda: models.SmallResNet(models.BasicBlock, 2),
    "SmallResNet, bottlenecks": lambda: models.SmallResNet(
        models.Bottleneck, 1
    ),
    "plain": lambda: models.SmallResNet(models.PlainBlock, 2),
    "PreActResNet": lambda: models.PreActResNet(2),
    "QuickResNet": models.QuickResNet,
    "FlipAverage": lambda: models.FlipAverage(models.QuickResNet()),
}


def in_place(net, compiler):
    """Compile as `python -m d2lutils.train --compile` does."""
    net.compile(backend=compiler)
    return net


def wrapped(net, compiler):
    return torch.compile(net, backend=compiler)


def compilations(build, way):
    torch.compiler.reset()
    counters.clear()
    compiler = CompileCounter()
    net = build().train()
    compiled = way(net, compiler)
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    for _ in range(4):
        X, y = torch.rand(2, 1, 28, 28), torch.tensor([3, 1])
        loss = nn.functional.cross_entropy(compiled(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [compiler.frame_count, sum(counters["graph_break"].values())]


found = {name: compilations(net, in_place) for name, net in NETWORKS.items()}
# The other way reads the same code; the smallest network stands for all.
found["wrapped"] = compilations(models.QuickResNet, wrapped)
json.dump(found, sys.stdout)
