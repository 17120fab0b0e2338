"""Test trained networks again, with running statistics measured anew.

    python -m benchmarks.precise_batch_norm --checkpoint run \
        --record results/resnet18_32px_pytorch.json

The running statistics of batch normalisation come from the last steps of a
training, in which the weights were other ones. Here the weights of finished
trainings stay as they are, and the statistics become means over all training
images (Wu and Johnson, 2021, section 3). A second record, whose name ends in
`_precise_batch_norm`, differs from the given one in nothing but the last test
accuracies.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import torch
from torch.optim.swa_utils import update_bn

from d2lutils import checkpoint, record
from d2lutils import torch as d2l
from d2lutils.models import torch as models


def trained(model, path):
    """Return the network whose training ended with a checkpoint.

    Raises:
        ValueError: There is none, or it is damaged.
    """
    saved = checkpoint.load(path)
    if saved is None:
        raise ValueError(f"there is no checkpoint {path}")
    arrays, _ = saved
    net = getattr(models, model)()
    state = {
        name: torch.from_numpy(arrays[f"net.{name}"])
        for name in net.state_dict()
    }
    net.load_state_dict(state)
    return net.to(d2l.try_gpu(), memory_format=torch.channels_last)


def main(arguments=None):
    """Test as the command line says, write the record and say what it is."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.precise_batch_norm"
    )
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--record", type=Path, required=True)
    args = parser.parse_args(arguments)
    os.environ.setdefault("D2L_SCALE", "full")
    result = json.loads(args.record.read_text("utf-8"))
    settings = result["settings"]
    train_iter, test_iter = d2l.load_data_fashion_mnist(
        settings["batch_size"], settings["resize"]
    )
    for run in result["runs"]:
        path = f"{args.checkpoint}-{run['seed']}"
        try:
            net = trained(settings["model"], path)
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        accuracies = run["history"]["test_acc"]
        if d2l.evaluate_accuracy(net, test_iter) != accuracies[-1]:
            print(f"error: {path} is not of {args.record}", file=sys.stderr)
            return 1
        update_bn(train_iter, net)
        accuracies[-1] = d2l.evaluate_accuracy(net, test_iter)
    settings["running_statistics"] = "of all training images"
    name = f"{args.record.stem}_precise_batch_norm.json"
    record.write(args.record.with_name(name), result)
    print(record.summary(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
