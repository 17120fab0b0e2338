"""The table of recorded runs."""

import json

import pytest

from bookbuild.directives import recorded


def record(*accuracies, machine="2 × CPU"):
    history = {
        "seconds": [60.0, 120.0],
        "examples_per_sec": [10.0, 1000.0],
        "train_acc": [0.2, 0.75],
    }
    return {
        "device": "cpu",
        "machine": machine,
        "versions": {"python": "3.11.2", "torch": "2.13.0"},
        "runs": [
            {"seed": i, "history": {**history, "test_acc": [0.1, accuracy]}}
            for i, accuracy in enumerate(accuracies)
        ],
    }


@pytest.fixture
def root(tmp_path):
    (tmp_path / "results/more").mkdir(parents=True)
    for name, content in {
        "one": record(0.5),
        "more/three": record(0.90, 0.91, 0.92),
        "elsewhere": record(0.25, machine="8 × CPU"),
        "shared": {**record(0.25), "jobs": 8},
        "none": {"runs": []},
    }.items():
        path = tmp_path / f"results/{name}.json"
        path.write_text(json.dumps(content), "utf-8")
    return tmp_path


def test_table(root):
    assert recorded.markdown(root, "one: first\nmore/three: three").split(
        "\n"
    ) == [
        "| run | test accuracy | training accuracy | seeds | minutes | "
        "images/s |",
        "| --- | --- | --- | --- | --- | --- |",
        "| first | 50.00 % | 75.00 % | 1 | 3.0 | 505 |",
        "| three | 91.00 % ± 1.00 | 75.00 % ± 0.00 | 3 | 3.0 | 505 |",
        "",
        "Recorded with 2 × CPU, on cpu (python 3.11.2, torch 2.13.0).",
    ]


def test_mean_of_the_last_epochs(root):
    head, _, row, *_ = recorded.markdown(root, "more/three: x", "2").split(
        "\n"
    )
    assert head.split(" | ")[2] == "mean of the last 2 epochs"
    assert row.split(" | ")[2] == "50.50 % ± 0.50"


@pytest.mark.parametrize("last", ["x", "0", "1"])
def test_last_epochs_must_be_several(root, last):
    with pytest.raises(ValueError, match="no number of epochs"):
        recorded.markdown(root, "one: x", last)


def test_too_few_epochs(root):
    with pytest.raises(ValueError, match="fewer than 3 epochs"):
        recorded.markdown(root, "one: x", "3")


def test_runs_that_shared_a_device_have_no_times(root):
    text = recorded.markdown(root, "shared: x\none: y")
    assert "minutes" not in text and "images/s" not in text
    assert "8 runs at a time" in text


def test_places_are_told_apart(root):
    text = recorded.markdown(root, "one: a\nelsewhere: b")
    assert "2 × CPU" in text and "8 × CPU" in text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("absent: x", "results/absent.json is not a record"),
        ("none: x", "results/none.json is not a record"),
        ("", "no record is named"),
    ],
)
def test_faults(root, body, message):
    with pytest.raises(ValueError, match=message):
        recorded.markdown(root, body)
