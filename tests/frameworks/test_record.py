"""The command that records experiments: what it misses, keeps and resumes."""

import importlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from d2lutils import data, training
from d2lutils.scale import SCALES

pytestmark = pytest.mark.frameworks("pytorch")

NAME = "degradation/plain_20"


@pytest.fixture(scope="module")
def experiments(backend):
    return importlib.import_module("benchmarks.experiments")


@pytest.fixture(scope="module")
def graph(backend):
    return importlib.import_module("benchmarks.graph")


@pytest.fixture(scope="module")
def record(backend):
    return importlib.import_module("benchmarks.record")


def command(out, *options):
    """Run it in a process of its own; return what it prints."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.record"),
            *("--only", NAME, "--out", str(out), *options),
        ],
        env=os.environ | {"D2L_SCALE": "smoke"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_missing_runs_are_listed_recorded_and_then_no_longer_missing(
    tmp_path, backend
):
    assert f"{NAME:36} 0/3" in command(tmp_path, "--list")
    assert not (tmp_path / f"{NAME}.json").exists()
    assert "3 runs are missing" in command(tmp_path, "--jobs", "2")
    found = json.loads((tmp_path / f"{NAME}.json").read_text())
    assert [run["seed"] for run in found["runs"]] == [0, 1, 2]
    assert found["failed"] == [] and found["jobs"] == 2
    assert found["settings"]["num_train"] == 128  # what was done
    assert f"{NAME:36} 3/3" in command(tmp_path, "--list")
    assert "are missing" not in command(tmp_path)


def test_stopped_run_ends_as_if_it_had_never_stopped(
    tmp_path, monkeypatch, experiments, record
):
    settings = experiments._small("BasicBlock", 8, num_epochs=2)
    experiment = experiments.Experiment("small", settings)
    monkeypatch.setattr(experiments, "limit_epochs", lambda n, has_gpu: n)
    arrays = data.load_fashion_mnist(SCALES["smoke"])

    def run(folder):
        monkeypatch.setattr(record, "CHECKPOINTS", tmp_path / folder)
        return record.train(experiment, 1, arrays)["history"]

    def results(history):
        names = "train_loss", "train_acc", "test_acc"
        return [history[name] for name in names]

    whole = run("whole")
    train_epoch, epochs = training.train_epoch, []

    def stopped(*arguments):
        epochs.append(None)
        if len(epochs) == 2:
            raise KeyboardInterrupt
        return train_epoch(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(training, "train_epoch", stopped)
        with pytest.raises(KeyboardInterrupt):
            run("stopped")
    assert results(run("stopped")) == results(whole)


def test_crops_are_windows_of_the_padded_images(experiments):
    images = np.random.default_rng(0).integers(0, 256, (50, 28, 28), np.uint8)
    settings = {
        "batch_size": 50,
        "resize": 28,
        "flips": False,
        "crop_padding": 4,
    }
    labels = np.arange(50)
    batches = experiments.Batches(images, labels, settings, "cpu", True)
    ((X, y),) = batches
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4)))
    corners = set()
    for image, label in zip(X[:, 0].mul(255).round().byte(), y, strict=True):
        corners |= {
            (i, j)
            for i in range(9)
            for j in range(9)
            if np.array_equal(image, padded[label, i : i + 28, j : j + 28])
        }
    assert sorted(y.tolist()) == list(range(50))
    assert len(corners) > 20


def test_graph_engine_computes_what_the_plain_one_does(
    backend, d2l, experiments, graph
):
    torch = importlib.import_module("torch")
    # In double precision: in float32 twenty steps make 1e-6 to 0.3.
    options = training.Options(
        num_epochs=1, lr=0.1, optimizer="momentum", weight_decay=1e-2
    )
    weights = []
    for kind in graph.PlainEngine, graph.GraphEngine:
        settings = experiments._small("BasicBlock", 8)
        d2l.set_seed(0)
        net = experiments.small_resnet(settings).double()
        engine = kind(net, torch.device("cpu"), options, lambda seed: None)
        engine.start()
        rng = np.random.default_rng(0)
        for i, count in enumerate((16, 16, 12, 16, 12)):
            X = torch.from_numpy(rng.random((count, 1, 28, 28)))
            y = torch.from_numpy(rng.integers(0, 10, count))
            if kind is graph.PlainEngine:
                engine.step(X, y, 0.1)
                continue
            engine._tensors()  # a capture does so, which needs a GPU
            X = X.to(memory_format=torch.channels_last)
            if i in (0, 2):
                engine._align(X, y)
            engine.lr.fill_(0.1)
            engine._whole_step(X, y)
        weights.append(d2l.get_weights(net))
    for name, expected in weights[0].items():
        np.testing.assert_allclose(
            weights[1][name], expected, rtol=1e-6, atol=1e-7, err_msg=name
        )
