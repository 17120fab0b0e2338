"""Trained networks, tested again with running statistics measured anew."""

import importlib
import json

import pytest

from d2lutils import train

pytestmark = pytest.mark.frameworks("pytorch")


@pytest.fixture
def precise_batch_norm(backend):
    return importlib.import_module("benchmarks.precise_batch_norm")


@pytest.fixture
def run(tmp_path, backend):
    """Train for one epoch of four steps; return record and checkpoint."""
    record, checkpoint = tmp_path / "run.json", tmp_path / "run"
    options = ["--framework", "pytorch", "--resize", "32"]
    options += ["--batch-size", "32", "--seeds", "3", "4"]
    options += ["--record", str(record), "--checkpoint", str(checkpoint)]
    assert train.main(options) == 0
    return record, checkpoint


@pytest.fixture
def evaluated(monkeypatch, precise_batch_norm):
    """What is evaluated: each time network, first mean and accuracy."""
    seen, evaluate = [], precise_batch_norm.d2l.evaluate_accuracy

    def watched(net, data_iter):
        mean = net.bn1.running_mean.clone()
        seen.append((net, mean, evaluate(net, data_iter)))
        return seen[-1][2]

    monkeypatch.setattr(precise_batch_norm.d2l, "evaluate_accuracy", watched)
    return seen


def test_last_test_accuracy_is_measured_anew(
    run, evaluated, precise_batch_norm
):
    path, checkpoint = run
    evaluated.clear()  # what the training did
    options = ["--checkpoint", str(checkpoint), "--record", str(path)]
    assert precise_batch_norm.main(options) == 0
    old = json.loads(path.read_text())
    new = json.loads(path.with_name("run_precise_batch_norm.json").read_text())
    assert new["settings"].pop("running_statistics")
    for record, each in (old, evaluated[::2]), (new, evaluated[1::2]):
        last = [run["history"].pop("test_acc")[-1] for run in record["runs"]]
        assert last == [accuracy for _, _, accuracy in each]
    assert new == old
    train_iter, _ = precise_batch_norm.d2l.load_data_fashion_mnist(32, 32)
    import torch

    X = torch.cat([X for X, _ in train_iter])
    for (net, moving, _), (_, anew, _) in zip(
        evaluated[::2], evaluated[1::2], strict=True
    ):
        with torch.no_grad():
            mean = net.conv1(X).mean(dim=(0, 2, 3))
        assert torch.allclose(anew, mean, atol=1e-5)
        # After four steps the moving averages are far from it.
        assert not torch.allclose(moving, mean, atol=1e-2)


def test_checkpoint_of_another_training_is_refused(
    run, capsys, precise_batch_norm
):
    path, checkpoint = run
    record = json.loads(path.read_text())
    record["runs"][1]["history"]["test_acc"][-1] += 0.5
    path.write_text(json.dumps(record))
    options = ["--checkpoint", str(checkpoint), "--record", str(path)]
    assert precise_batch_norm.main(options) == 1
    assert f"error: {checkpoint}-4 is not of {path}" in capsys.readouterr().err
    assert not path.with_name("run_precise_batch_norm.json").exists()


def test_missing_checkpoint_is_named(run, capsys, precise_batch_norm):
    path, checkpoint = run
    options = ["--checkpoint", f"{checkpoint}s", "--record", str(path)]
    assert precise_batch_norm.main(options) == 1
    error = capsys.readouterr().err
    assert error == f"error: there is no checkpoint {checkpoint}s-3\n"
