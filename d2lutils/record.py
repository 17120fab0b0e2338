"""Recorded trainings: JSON files that say what was run, where, and how.

A record holds the settings, the versions, the device and every epoch of
each seed. `python -m d2lutils.train --record` writes one.
"""

import json
import os
import platform
import statistics
from pathlib import Path

import numpy as np

from d2lutils.frameworks import FRAMEWORKS


def versions(framework: str) -> dict[str, str]:
    """Return the versions of Python, NumPy and a framework's packages."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        **FRAMEWORKS[framework].versions(),
    }


def machine():
    """Return the processor's name and how many of them there are."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [x.partition(":")[2] for x in lines if "model name" in x]
        name = names[0].strip() if names else name
    return f"{os.cpu_count()} × {name}"


def new(d2l, settings, processes, runs):
    """Return a record of trainings on this machine.

    Args:
        d2l: The module of d2lutils that they were done with.
        settings: Name → value; `framework` is one of the names.
        processes: How many trained together.
        runs: One dictionary a training, with `seed` and `history`.
    """
    return {
        "settings": settings,
        "device": d2l.device_name(d2l.try_gpu()),
        "machine": machine(),
        "processes": processes,
        "versions": versions(settings["framework"]),
        "runs": runs,
    }


def write(path, record):
    """Write a record; it takes its place only when it is complete."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    partial.replace(path)


def summary(record):
    """Return one paragraph about a record: result, device and versions.

    Accuracies are means over the seeds with the standard deviation.
    """
    runs = [run["history"] for run in record["runs"]]
    accuracy = spread([history["test_acc"][-1] for history in runs])
    rate = statistics.median(
        rate for history in runs for rate in history["examples_per_sec"]
    )
    names = ", ".join(f"{k} {v}" for k, v in record["versions"].items())
    settings = record["settings"]
    return (
        f"{settings['model']}, {settings['num_train']:,} images of "
        f"{settings['resize']} pixels, epochs: {settings['num_epochs']}, "
        f"seeds: {len(runs)}; test accuracy {accuracy}, "
        f"{rate:.0f} examples/sec on {record['device']} "
        f"({record['machine']}; {names})"
    )


def spread(values):
    """Return the mean and the standard deviation of values, as text."""
    mean = statistics.mean(values)
    if len(values) == 1:
        return f"{mean:.4f}"
    return f"{mean:.4f} ± {statistics.stdev(values):.4f}"
