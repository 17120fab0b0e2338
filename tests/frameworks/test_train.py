import json
import subprocess
import sys

import pytest
from selection import selected_frameworks

from d2lutils import record


def train(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "d2lutils.train", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("framework", selected_frameworks())
def test_recorded_training(framework, tmp_path):
    path = tmp_path / "results" / "x.json"
    arguments = ["--framework", framework, "--resize", 32, "--lr", 0.01]
    arguments += ["--batch-size", 64, "--seeds", 3, 4, "--record", path]
    arguments += ["--checkpoint", tmp_path / "run"]
    result = train(*arguments)
    assert result.returncode == 0, result.stderr
    found = json.loads(path.read_text())
    assert [run["seed"] for run in found["runs"]] == [3, 4]
    settings = found["settings"]
    assert settings["framework"] == framework
    assert (settings["num_epochs"], settings["num_train"]) == (1, 128)
    assert set(found["versions"]) > {"python", "numpy"}
    for run in found["runs"]:
        assert all(len(values) == 1 for values in run["history"].values())
    accuracies = [run["history"]["test_acc"][0] for run in found["runs"]]
    assert f"test accuracy {record.spread(accuracies)}" in result.stdout
    assert record.summary(found) in result.stdout
    assert (tmp_path / "run-3").exists()
    assert (tmp_path / "run-4").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", 0], "error: num_epochs must be a positive integer"),
        (["--lr", -1], "error: lr must be a positive number, not -1.0"),
        (["--model", "resnet19"], "invalid choice: 'resnet19'"),
        (["--schedule", "none"], "invalid choice: 'none'"),
        (["--label-smoothing", 1], "error: label_smoothing must be"),
    ],
)
def test_bad_arguments(arguments, message, tmp_path):
    framework = selected_frameworks()[0]
    path = tmp_path / "x.json"
    result = train("--framework", framework, "--record", path, *arguments)
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not path.exists()


def test_spread():
    assert record.spread([0.5]) == "0.5000"
    assert record.spread([0.25, 0.75]) == "0.5000 ± 0.3536"
