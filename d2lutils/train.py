"""Train a network from the command line: `python -m d2lutils.train --help`.

For example:

    D2L_SCALE=full python -m d2lutils.train --framework pytorch \
        --model resnet18 --resize 32 --epochs 10 --lr 0.05 --seeds 0 1 2 \
        --checkpoint run --record results/resnet18_32px_pytorch.json

Started in several processes, it trains on all of them: PyTorch's by
`torchrun`, TensorFlow's with the variable TF_CONFIG, MXNet's with DMLC_ROLE
and what belongs to it. The chapter "Scaling Out" shows the commands.
"""

import argparse
import contextlib
import importlib
import os
import sys

from d2lutils import backends, record, training
from d2lutils.frameworks import FRAMEWORKS
from d2lutils.schedules import SCHEDULES

MODELS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


def parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m d2lutils.train",
        description="Train a ResNet on Fashion-MNIST.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--framework", choices=FRAMEWORKS, required=True)
    add("--model", choices=MODELS, default="resnet18")
    add("--data", choices=["fashion_mnist"], default="fashion_mnist")
    add("--resize", type=int, default=96, help="height and width in pixels")
    add("--batch-size", type=int, default=256)
    add("--epochs", type=int, default=10)
    add("--lr", type=float, default=0.05, help="largest learning rate")
    add("--optimizer", choices=training.MOMENTUM, default="sgd")
    add("--weight-decay", type=float, default=0.0)
    add("--schedule", choices=SCHEDULES, default="constant")
    add("--label-smoothing", type=float, default=0.0)
    add("--augment", action="store_true", help="flip images at random")
    add("--mixed-precision", action="store_true", help="bfloat16")
    add("--compile", action="store_true", help="torch.compile; PyTorch only")
    add(
        "--seeds",
        type=int,
        nargs="+",
        default=[0],
        help="one training for each of them",
    )
    add("--checkpoint", help="files to go on from: this name and the seed")
    add("--record", help="JSON file to write the trainings to")
    return parser


def main(arguments=None):
    """Train as the command line says; return the exit status."""
    args = parser().parse_args(arguments)
    if args.compile and args.framework != "pytorch":
        print("error: --compile is for PyTorch only", file=sys.stderr)
        return 2
    backend = backends.get(args.framework)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(backend.group())
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        if backend.rank_and_size()[0] > 0:  # only the first one speaks
            silence = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stdout(silence))
            args.record = None
        return _train(args, backend)


def _train(args, backend):
    module = backend.row.module
    d2l = importlib.import_module(f"d2lutils.{module}")
    models = importlib.import_module(f"d2lutils.models.{module}")
    options = {
        "optimizer": args.optimizer,
        "weight_decay": args.weight_decay,
        "schedule": args.schedule,
        "label_smoothing": args.label_smoothing,
        "mixed_precision": args.mixed_precision,
    }
    runs = []
    try:
        for seed in args.seeds:
            d2l.set_seed(seed)
            iters = d2l.load_data_fashion_mnist(
                args.batch_size, args.resize, args.augment
            )
            net = getattr(models, args.model)()
            if args.compile:
                net.compile()
            checkpoint = args.checkpoint and f"{args.checkpoint}-{seed}"
            history = d2l.fit(
                net,
                *iters,
                args.epochs,
                args.lr,
                seed=seed,
                checkpoint=checkpoint,
                **options,
            )
            runs.append({"seed": seed, "history": history})
    except (ValueError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    counts = [sum(len(y) for _, y in batches) for batches in iters]
    settings = {
        "framework": args.framework,
        "model": args.model,
        "data": args.data,
        "resize": args.resize,
        "batch_size": args.batch_size,
        # What was done, which the scale may have made less than was asked.
        "num_epochs": len(history["train_loss"]),
        "num_train": counts[0],
        "num_test": counts[1],
        "lr": args.lr,
        "augment": args.augment,
        "compile": args.compile,
        **options,
    }
    result = record.new(d2l, settings, backend.rank_and_size()[1], runs)
    print(record.summary(result))
    if args.record:
        record.write(args.record, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
