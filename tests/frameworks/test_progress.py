import inspect
import io
import sys

import nbformat
import pytest
import quick_training
from nbclient import NotebookClient
from quick_training import run
from small_runs import program

from d2lutils import training

# What other processes run, too.
SCRIPT = inspect.getsource(quick_training)


@pytest.fixture(autouse=True)
def full_scale(monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "full")


def test_history():
    history = run(num_epochs=3)
    assert list(history) == list(training.HISTORY)
    assert history["train_loss"] == [2.0] * 3
    assert history["train_acc"] == [0.3] * 3
    assert history["test_acc"] == [0.25] * 3
    for seconds, rate in zip(
        history["seconds"], history["examples_per_sec"], strict=True
    ):
        assert rate == pytest.approx(10 / seconds)


def test_one_line_an_epoch(capsys):
    run()
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "epoch 1/2: loss 2.000, train acc 0.300, test acc 0.250",
        "epoch 2/2: loss 2.000, train acc 0.300, test acc 0.250",
    ]
    assert captured.err == ""


def test_report(capsys):
    history = {
        "train_loss": [2.0, 1.0],
        "train_acc": [0.1, 0.2],
        "test_acc": [0.3, 0.4],
        "seconds": [1.0, 3.0],
        "examples_per_sec": [300.0, 100.0],
    }
    training.report(history, "cpu")
    assert capsys.readouterr().out.splitlines() == [
        "loss 1.000, train acc 0.200, test acc 0.400",
        "150.0 examples/sec on cpu",
    ]


def test_bar_in_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    run()
    text = sys.stdout.getvalue()
    assert "epoch 1/2:   0%" in text
    assert "0/5" in text
    assert "epoch 2/2: loss 2.000, train acc 0.300, test acc 0.250\n" in text


def test_epoch_without_examples():
    with pytest.raises(ValueError, match="train_iter is empty"):
        run(1, batches=[])


def test_one_picture_in_a_notebook():
    cell = nbformat.v4.new_code_cell(SCRIPT)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    kinds = [output.output_type for output in cell.outputs]
    assert kinds == ["display_data", "stream"]
    picture, lines = cell.outputs
    assert "image/svg+xml" in picture.data
    assert "image/png" not in picture.data
    # The last picture, not the empty one displayed first.
    svg = picture.data["image/svg+xml"]
    assert svg.count('<use xlink:href="#m') > 6
    assert lines.name == "stdout"
    assert lines.text.startswith("loss 2.000, train acc 0.300")


def test_ipython_is_not_imported():
    result = program("without_ipython")
    assert result.stdout.splitlines()[-1] == "set()", result.stderr
