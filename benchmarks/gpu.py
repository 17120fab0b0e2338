"""What a GPU makes of the book's library, and what it records on one.

    python -m benchmarks.gpu

It needs a machine with PyTorch and takes less than eight minutes there: it
checks that a GPU computes what the CPU does, that no step waits for the
device, times steps, and records what `benchmarks.record` misses. Each part is
written to `results/gpu.json` when it is done.
"""

import argparse
import contextlib
import os
import queue
import sys
import threading
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks import experiments, graph
from benchmarks import record as recording
from d2lutils import record, training
from d2lutils import torch as d2l
from d2lutils.backends import torch as backend
from d2lutils.models import torch as models

OPTIONS = training.Options(
    num_epochs=1, lr=0.1, optimizer="momentum", weight_decay=1e-4
)
DEPTHS = "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"


def _wait():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _small(num_layers, seed=0):
    found = experiments.Experiment(
        "small", experiments._small("BasicBlock", num_layers)
    )
    d2l.set_seed(seed)
    return found.build()


def _batch(batch_size, side, device):
    rng = np.random.default_rng(0)
    X = rng.random((batch_size, 1, side, side), np.float32)
    y = rng.integers(0, 10, batch_size)
    return torch.from_numpy(X).to(device), torch.from_numpy(y).to(device)


def _engine(net, options=OPTIONS, graphs=True):
    device = d2l.try_gpu()
    graphs = graphs and device.type == "cuda"
    kind = graph.GraphEngine if graphs else graph.PlainEngine
    engine = kind(net, device, options, lambda seed: None)
    engine.start()
    return engine


def equality(num_steps=20):
    """Return relative differences of the engines and of the devices."""
    device, found = d2l.try_gpu(), {}
    with backend.full_precision():
        weights, losses = [], []
        for graphs in False, True:
            # In float32 so many steps make 0.3 of a difference of 1e-6.
            engine = _engine(_small(20).double(), graphs=graphs)
            for i in range(num_steps):
                X, y = _batch(96 if i % 5 == 4 else 128, 28, device)
                engine.step(X.double(), y, 0.01)
            losses.append(engine.sums())
            weights.append(d2l.get_weights(engine.net))
    found["steps with and without a graph"] = max(
        _difference(weights[1][k], weights[0][k]) for k in weights[0]
    )
    found["their sums"] = losses
    net = models.resnet18().eval()
    X, _ = _batch(8, 96, torch.device("cpu"))
    with torch.no_grad():
        expected = d2l.numpy(net(X))
        net.to(device)
        found["GPU and CPU, TF32"] = _difference(
            d2l.numpy(net(X.to(device))), expected
        )
        with backend.full_precision():
            found["GPU and CPU"] = _difference(
                d2l.numpy(net(X.to(device))), expected
            )
    return found


def _difference(found, expected):
    return float(
        np.linalg.norm(found - expected) / (np.linalg.norm(expected) + 1e-30)
    )


def no_waiting():
    """Return whether a step waits for the device, in either engine."""
    if not torch.cuda.is_available():
        return "no GPU"
    found = {}
    for name, graphs in ("steps", False), ("graphs", True):
        engine = _engine(_small(20), graphs=graphs)
        X, y = _batch(128, 28, d2l.try_gpu())
        engine.step(X, y, 0.01)
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(3):
                engine.step(X, y, 0.01)
            found[name] = "none waits"
        except RuntimeError as error:
            found[name] = str(error)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return found


def side_by_side(all_jobs=(1, 8, 16), num_steps=200):
    """Return jobs → steps a second of a network of 56 layers, all jobs'."""
    found = {}
    ready = queue.SimpleQueue()
    device = d2l.try_gpu()

    def steps(count, gate):
        stream = contextlib.nullcontext()
        if device.type == "cuda":
            stream = torch.cuda.stream(torch.cuda.Stream())
        with stream:
            with graph.lock:
                engine = _engine(_small(56))
            X, y = _batch(128, 28, device)
            engine.step(X, y, 0.01)
            ready.put(1)
            gate.wait()
            for _ in range(count):
                engine.step(X, y, 0.01)
            engine.sums()

    for jobs in all_jobs:
        gate = threading.Event()
        threads = [
            threading.Thread(target=steps, args=(num_steps, gate))
            for _ in range(jobs)
        ]
        for thread in threads:
            thread.start()
        for _ in threads:
            ready.get()
        _wait()
        start = time.perf_counter()
        gate.set()
        for thread in threads:
            thread.join()
        rate = jobs * num_steps / (time.perf_counter() - start)
        found[str(jobs)] = round(rate, 1)
    engine = _engine(_small(56), graphs=False)
    found["1, without graphs"] = round(
        1 / _seconds(engine, _batch(128, 28, device)), 1
    )
    return found


def _seconds(engine, batch, num_steps=20):
    """Return the seconds of a step, the median of five times."""
    for _ in range(3):
        engine.step(*batch, 0.01)
    times = []
    for _ in range(5):
        _wait()
        start = time.perf_counter()
        for _ in range(num_steps):
            engine.step(*batch, 0.01)
        _wait()
        times.append((time.perf_counter() - start) / num_steps)
    return sorted(times)[2]


def depths(names=DEPTHS, batch_size=256, side=96, num_steps=10):
    """Return images a second of a step at each depth, by engine."""
    found, batch = {}, _batch(batch_size, side, d2l.try_gpu())
    for name in names:
        rates = found[name] = {}
        for kind, graphs, mixed in (
            ("float32", False, False),
            ("bfloat16", False, True),
            ("float32, graph", True, False),
            ("bfloat16, graph", True, True),
        ):
            options = training.Options(
                num_epochs=1, lr=0.05, mixed_precision=mixed
            )
            engine = _engine(getattr(models, name)(), options, graphs)
            seconds = _seconds(engine, batch, num_steps)
            rates[kind] = round(batch_size / seconds)
        with contextlib.suppress(ModuleNotFoundError):
            import torchvision

            net = getattr(torchvision.models, name)(num_classes=10)
            net.conv1 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
            engine = _engine(net, training.Options(1, 0.05), False)
            seconds = _seconds(engine, batch, num_steps)
            rates["torchvision, float32"] = round(batch_size / seconds)
    return found


PARTS = {
    "equality": equality,
    "no_waiting": no_waiting,
    "side_by_side": side_by_side,
    "depths": depths,
}


def main(arguments=None):
    """Do the parts and record what is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    add = parser.add_argument
    add("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    add("--jobs", type=int, default=12, help="runs that share the device")
    add("--out", default="results", metavar="DIR")
    args = parser.parse_args(arguments)
    os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")
    found = {
        "device": d2l.device_name(d2l.try_gpu()),
        "machine": record.machine(),
        "versions": record.versions("pytorch"),
    }
    if torch.cuda.is_available():  # graphs want a stream of their own
        torch.cuda.set_stream(torch.cuda.Stream())
    for name in args.parts:
        found[name] = PARTS[name]()
        print(name, found[name], flush=True)
        record.write(Path(args.out) / "gpu.json", found)
    return recording.main(["--jobs", str(args.jobs), "--out", args.out])


if __name__ == "__main__":
    sys.exit(main())
