"""Record the experiments of the book: those that are missing.

    python -m benchmarks.record --list
    python -m benchmarks.record --only degradation/plain_56
    python -m benchmarks.record --jobs 8

It needs PyTorch, NumPy, Matplotlib, tqdm, safetensors and pooch, and takes a
GPU where there is one. Stop it whenever you like: the next call goes on after
the last epoch that was completed, and ends as if it had never been stopped.

Several jobs share the device, which keeps it busy with small networks. The
seconds in such a record are those of a shared device.
"""

import argparse
import contextlib
import json
import os
import queue
import statistics
import sys
import threading
import time
import traceback
from pathlib import Path

import torch

from benchmarks import graph
from benchmarks.experiments import EXPERIMENTS, Batches
from d2lutils import data, record, training
from d2lutils import torch as d2l
from d2lutils.scale import VARIABLE, current_scale

CHECKPOINTS = Path("_build/record")
TEST_BATCH = 1000  # images; of no influence on a result

_writing = threading.Lock()


def missing(experiments, out):
    """Return experiment and seed of all runs that no record holds yet."""
    return [
        (experiment, seed)
        for experiment in experiments
        for seed in experiment.seeds
        if seed not in _seeds(_read(experiment, out))
    ]


def _path(experiment, out):
    return Path(out) / f"{experiment.name}.json"


def _read(experiment, out):
    """Return the record so far; `None` if there is none of these settings."""
    path = _path(experiment, out)
    if not path.exists():
        return None
    found = json.loads(path.read_text("utf-8"))
    settings = json.loads(json.dumps(experiment.full_settings()))
    return found if found["settings"] == settings else None


def _seeds(found):
    runs = [] if found is None else found["runs"] + found["failed"]
    return {run["seed"] for run in runs}


def train(experiment, seed, arrays):
    """Train once, or go on from a checkpoint; return the run's entry.

    Args:
        experiment: One of the table.
        seed: Of the weights, and of the order of the examples.
        arrays: `d2lutils.data.FashionMNIST`.
    """
    settings, device = experiment.full_settings(), d2l.try_gpu()
    train_iter = Batches(*arrays[:2], settings, device, shuffle=True)
    testing = settings | {"batch_size": TEST_BATCH}
    test_iter = Batches(*arrays[2:], testing, device, shuffle=False)
    checkpoint = _checkpoint(experiment, seed)
    options = training.Options(
        **{
            field: settings[field]
            for field in (
                "num_epochs",
                "lr",
                "optimizer",
                "weight_decay",
                "schedule",
                "label_smoothing",
                "mixed_precision",
            )
        },
        checkpoint=checkpoint,
        seed=seed,
    )
    with graph.lock:
        d2l.set_seed(seed)  # the weights are drawn from one generator
        net = experiment.build()
        kind = graph.GraphEngine if device.type == "cuda" else None
        engine = (kind or graph.PlainEngine)(
            net, device, options, train_iter.seed
        )
    history = training.fit(engine, train_iter, test_iter, options)
    net.eval()
    measured = experiment.after(net, train_iter, test_iter)
    return {"seed": seed, **measured, "history": history}


def _checkpoint(experiment, seed):
    CHECKPOINTS.mkdir(parents=True, exist_ok=True)
    return CHECKPOINTS / f"{experiment.name.replace('/', '-')}-{seed}"


def keep(experiment, run, jobs, out):
    """Write a run into the experiment's record.

    A run that was done elsewhere than the record's first says so itself.
    """
    with _writing:
        new = record.new(d2l, experiment.full_settings(), 1, [])
        new["jobs"] = jobs
        new["tf32"] = torch.backends.cudnn.allow_tf32
        found = _read(experiment, out) or {**new, "failed": []}
        place = ("device", "machine", "versions", "jobs", "tf32")
        run |= {k: new[k] for k in place if new[k] != found[k]}
        runs = found["runs" if "history" in run else "failed"]
        runs.append(run)
        runs.sort(key=lambda run: run["seed"])
        record.write(_path(experiment, out), found)
    for file in CHECKPOINTS.glob(
        f"{_checkpoint(experiment, run['seed']).name}*"
    ):
        file.unlink()


def work(todo, jobs, out, arrays, say):
    """Take runs from a queue and record them until it is empty."""
    cuda = d2l.try_gpu().type == "cuda"
    stream = torch.cuda.stream(torch.cuda.Stream()) if cuda else None
    with stream or contextlib.nullcontext():
        while True:
            try:
                experiment, seed = todo.get_nowait()
            except queue.Empty:
                return
            name, start = f"{experiment.name}, seed {seed}", time.time()
            try:
                run = train(experiment, seed, arrays)
            except FloatingPointError as error:
                run = {"seed": seed, "error": str(error)}
            except Exception:
                say(f"{name}: {traceback.format_exc()}")
                continue
            keep(experiment, run, jobs, out)
            say(f"{name}: {_last(run)} ({time.time() - start:.0f} s)")


def _last(run):
    if "history" not in run:
        return run["error"]
    history = run["history"]
    return (
        f"training {history['train_acc'][-1]:.4f}, "
        f"test {history['test_acc'][-1]:.4f}"
    )


def spread(values):
    """Return mean and standard deviation in per cent, as text."""
    if len(values) < 2:
        return f"{100 * statistics.mean(values):6.2f}       "
    mean, deviation = statistics.mean(values), statistics.stdev(values)
    return f"{100 * mean:6.2f} ± {100 * deviation:4.2f}"


def table(experiments, out):
    """Return lines: each experiment's runs and accuracies."""
    head = "test, last    test, last 5   training, last"
    yield f"{'record':36} {'runs':5} {head}"
    for experiment in experiments:
        found = _read(experiment, out)
        count = f"{len(_seeds(found))}/{len(experiment.seeds)}"
        line = f"{experiment.name:36} {count:5}"
        if found and found["runs"]:
            histories = [run["history"] for run in found["runs"]]
            line += "".join(
                f" {spread([statistics.mean(h[k][-n:]) for h in histories])} "
                for k, n in (
                    ("test_acc", 1),
                    ("test_acc", 5),
                    ("train_acc", 1),
                )
            )
        if found and found["failed"]:
            line += f" {len(found['failed'])} diverged"
        yield line.rstrip()


def main(arguments=None):
    """List, or record, what the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.record",
        description="Record the book's experiments, those that are missing.",
    )
    add = parser.add_argument
    add("--list", action="store_true", help="list the records, do nothing")
    add("--only", nargs="+", metavar="NAME", help="a record or a folder")
    add("--jobs", type=int, default=1, help="runs that share the device")
    add("--out", default="results", metavar="DIR", help="where records lie")
    args = parser.parse_args(arguments)
    os.environ.setdefault(VARIABLE, "full")
    # So many streams of CUDA run side by side; by itself it takes eight.
    os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")
    chosen = [
        experiment
        for experiment in EXPERIMENTS
        if not args.only
        or any(
            name in (experiment.name, experiment.name.split("/")[0])
            for name in args.only
        )
    ]
    if not chosen:
        parser.error(f"no record is called {' or '.join(args.only)}")
    with contextlib.redirect_stdout(sys.stderr):
        runs = missing(chosen, args.out)
    if not args.list and runs:
        print(f"{len(runs)} runs are missing", flush=True)
        _run(runs, args.jobs, args.out)
    with contextlib.redirect_stdout(sys.stderr):
        lines = list(table(chosen, args.out))
    print("\n".join(lines))
    return 0


def _run(runs, jobs, out):
    arrays = data.load_fashion_mnist(
        current_scale(d2l.try_gpu().type != "cpu")
    )
    todo = queue.SimpleQueue()
    for run in runs:
        todo.put(run)
    speak = threading.Lock()
    stdout = sys.stdout

    def say(text):
        with speak:
            print(text, file=stdout, flush=True)

    workers = [
        # They end with the process, wherever they are: all is on the disk.
        threading.Thread(
            target=work, args=(todo, jobs, out, arrays, say), daemon=True
        )
        for _ in range(jobs)
    ]
    # The epochs of several runs at once would be no use to anybody.
    with (
        open(os.devnull, "w") as silence,
        contextlib.redirect_stdout(silence),
    ):
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


if __name__ == "__main__":
    sys.exit(main())
