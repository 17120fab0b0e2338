"""The table of recorded trainings."""

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
        "none": {"runs": []},
    }.items():
        path = tmp_path / f"results/{name}.json"
        path.write_text(json.dumps(content), "utf-8")
    return tmp_path


def test_table(root):
    assert recorded.markdown(root, "one: first\nmore/three: three").split(
        "\n"
    ) == [
        "| trained | test accuracy | in training | runs | minutes | images/s "
        "|",
        "| --- | --- | --- | --- | --- | --- |",
        "| first | 50.00 % | 75.00 % | 1 | 3.0 | 505 |",
        "| three | 91.00 % ± 1.00 | 75.00 % ± 0.00 | 3 | 3.0 | 505 |",
        "",
        "Recorded with 2 × CPU, on cpu (python 3.11.2, torch 2.13.0).",
    ]


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
