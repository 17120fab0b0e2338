"""Trained networks, tested again with running statistics measured anew."""

import json

import pytest
from conftest import selected_frameworks

from d2lutils import train

if "pytorch" not in selected_frameworks():
    pytest.skip("PyTorch's networks", allow_module_level=True)
from benchmarks import fresh_statistics


@pytest.fixture
def run(tmp_path):
    """Train for one epoch of six steps; return record and checkpoint."""
    record, checkpoint = tmp_path / "run.json", tmp_path / "run"
    options = ["--framework", "pytorch", "--resize", "32"]
    options += ["--batch-size", "24", "--seeds", "3", "4"]
    options += ["--record", str(record), "--checkpoint", str(checkpoint)]
    assert train.main(options) == 0
    return record, checkpoint


def test_last_test_accuracy_is_measured_anew(run):
    path, checkpoint = run
    options = ["--checkpoint", str(checkpoint), "--record", str(path)]
    assert fresh_statistics.main(options) == 0
    old = json.loads(path.read_text())
    new = json.loads(path.with_name("run_fresh.json").read_text())
    assert new["settings"].pop("running_statistics")
    before, after = (
        [run["history"].pop("test_acc")[-1] for run in record["runs"]]
        for record in (old, new)
    )
    # After six steps the moving averages are mostly where they began.
    assert after != before
    assert new == old


def test_checkpoint_of_another_training_is_refused(run, capsys):
    path, checkpoint = run
    record = json.loads(path.read_text())
    record["runs"][1]["history"]["test_acc"][-1] += 0.5
    path.write_text(json.dumps(record))
    options = ["--checkpoint", str(checkpoint), "--record", str(path)]
    assert fresh_statistics.main(options) == 1
    assert f"error: {checkpoint}-4 is not of {path}" in capsys.readouterr().err
    assert not path.with_name("run_fresh.json").exists()


def test_missing_checkpoint_is_named(run, capsys):
    path, checkpoint = run
    options = ["--checkpoint", f"{checkpoint}s", "--record", str(path)]
    assert fresh_statistics.main(options) == 1
    error = capsys.readouterr().err
    assert error == f"error: there is no checkpoint {checkpoint}s-3\n"
