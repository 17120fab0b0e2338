"""Batches and networks as readers of PyTorch bring them."""

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

TYPES = ("bfloat16", "int16")


def of_type(array, name):
    return torch.tensor(array).to(getattr(torch, name))


def tensors(X, y):
    return TensorDataset(torch.tensor(X), torch.tensor(y))


class Stream(IterableDataset):
    def __init__(self, X, y):
        self.examples = list(zip(X, y, strict=True))

    def __iter__(self):
        return iter(self.examples)


LOADERS = {
    "DataLoader": lambda X, y, size: DataLoader(tensors(X, y), size),
    "stream": lambda X, y, size: DataLoader(Stream(X, y), size),
}


def single(X, y):
    """Return a data set of single examples, not of batches."""
    return tensors(X, y)


def exhausted():
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate …")


class LeNet(nn.Module):
    """A network that flattens by `view`, as many tutorials do."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 6, 5, padding=2)
        self.second = nn.Conv2d(6, 16, 5)
        self.last = nn.Linear(400, 10)

    def forward(self, X):
        X = nn.functional.max_pool2d(torch.relu(self.first(X)), 2)
        X = nn.functional.max_pool2d(torch.relu(self.second(X)), 2)
        return self.last(X.view(-1, 400))


class Reshaped(LeNet):
    """The same network, which flattens by `reshape`."""

    def forward(self, X):
        X = nn.functional.max_pool2d(torch.relu(self.first(X)), 2)
        X = nn.functional.max_pool2d(torch.relu(self.second(X)), 2)
        return self.last(X.reshape(-1, 400))


def without_space():
    """Return a network that normalises one value per channel and image."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 8), nn.BatchNorm1d(8), nn.Linear(8, 10)
    )


def is_channels_last(W):
    return W.is_contiguous(memory_format=torch.channels_last)


def random_state():
    return torch.get_rng_state().tolist()
