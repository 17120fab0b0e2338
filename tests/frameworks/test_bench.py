"""The table of `make bench`: its arithmetic, and that it is whole."""

import dataclasses
import itertools
import json

import pytest
from selection import selected_frameworks

from benchmarks import bench, compare, machine, peers
from benchmarks.compare import Row
from d2lutils.frameworks import FRAMEWORKS

PROMISED = {
    ("pytorch", "load the training set at 96 px", "d2l's"): "≥ 6",
    ("pytorch", "load the training set at 28 px", "d2l's"): "≥ 20",
    ("pytorch", "largest distance of a pixel", "Pillow's"): "≤ 1",
    ("pytorch", "training step of ResNet-18, 96 px", "torchv"): "≥ 0.97",
    ("pytorch", "training step of ResNet-18, 96 px", "d2l's"): "≥ 1.8",
    ("pytorch", "fit", "a bare loop"): "≤ 1.02",
    ("tensorflow", "load the training set at 96 px", "d2l's"): "≥ 1.5",
    ("tensorflow", "load the training set at 28 px", "d2l's"): None,
    ("tensorflow", "largest distance of a pixel", "Pillow's"): "≤ 1",
    ("tensorflow", "training step of ResNet-18", "a plain K"): "≥ 0.95",
    ("tensorflow", "training step of ResNet-50", "keras.app"): None,
    ("tensorflow", "fit", "a bare loop"): "≤ 1.02",
    ("mxnet", "training step of ResNet-18, 96 px", "the netw"): "≥ 0.97",
    ("mxnet", "fit", "a bare loop"): "≤ 1.02",
}


@pytest.fixture(scope="module")
def found():
    return json.loads((bench.RESULTS / "bench.json").read_text("utf-8"))


def row(bound, ours, theirs, unit="images/s"):
    return Row("work", "peer", unit, bound, ours, theirs)


def test_ratio_is_the_median_of_the_runs_ratios():
    # That of the medians would be 1.
    assert row(None, [1.0, 2.0, 9.0], [2.0, 1.0, 3.0]).ratio == 2


@pytest.mark.parametrize(
    ("bound", "ours", "kept"),
    [
        ("≥ 0.97", 0.97, True),
        ("≥ 0.97", 0.9699, False),
        ("≤ 1.02", 1.02, True),
        ("≤ 1.02", 1.0201, False),
        (None, 0.1, None),
    ],
)
def test_bound(bound, ours, kept):
    assert row(bound, [ours], [1.0]).kept is kept


def test_bound_without_a_ratio():
    assert row("≤ 1", [0.6], [], "grey levels").kept is True
    assert row("≤ 1", [1.1], [], "grey levels").kept is False


def test_functions_take_turns():
    calls = []
    pair = [lambda name=name: calls.append(name) for name in ("us", "them")]
    ours, theirs = compare.interleave(*pair, runs=3)
    assert len(ours) == len(theirs) == 3
    assert calls == ["us", "them", "them", "us"] * 2


def test_seconds_that_a_function_reports():
    numbers = itertools.count(10)
    pair = (lambda: next(numbers), lambda: 5)
    assert compare.interleave(*pair, runs=2) == ([11, 12], [5, 5])
    numbers = itertools.count(10)
    found = compare.speed("work", "peer", "≥ 1", 110, *pair, runs=1)
    assert (found.ours, found.theirs, found.kept) == ([10], [22], False)


def test_table_shows_what_is_missed():
    lines = compare.table(
        [
            ("PyTorch", row("≥ 2", [1234.0], [1000.0])),
            ("MXNet", row("≤ 1", [0.5], [], "grey levels")),
        ]
    ).splitlines()
    assert lines[2:] == [
        "| PyTorch | work | peer | images/s | 1,234 | 1,000 | 1.234× | ≥ 2 "
        "| **missed** | 1 |",
        "| MXNet | work | peer | grey levels | 0.50 | – | – | ≤ 1 | yes | 1 |",
    ]
    assert {line.count("|") for line in lines} == {11}


def test_share_of_other_programs(monkeypatch):
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 2)
    readings = iter([(100.0, 50.0, 5.0), (110.0, 62.0, 9.0)])
    monkeypatch.setattr(machine, "_seconds", lambda: next(readings))
    assert machine.Others().share() == pytest.approx((12 - 4) / (10 * 2))


def test_own_work_is_no_other_program():
    _, _, before = machine._seconds()
    sum(range(1_000_000))
    clock, busy, own = machine._seconds()
    assert 0 <= before < own < busy
    assert clock > 0


def test_every_promise_is_measured(found):
    for (framework, what, peer), bound in PROMISED.items():
        rows = [
            x
            for x in found["rows"]
            if x["framework"] == framework
            and x["what"].startswith(what)
            and x["peer"].startswith(peer)
        ]
        assert rows, (framework, what, peer)
        for x in rows:
            assert x["bound"] == bound
            assert len(x["theirs"]) >= 5 or x["peer"] == "Pillow's bilinear"


def test_results_are_what_was_computed(found):
    names = [field.name for field in dataclasses.fields(Row)]
    for x in found["rows"]:
        computed = Row(**{name: x[name] for name in names})
        assert (x["ratio"], x["kept"]) == (computed.ratio, computed.kept)
    page = (bench.RESULTS / "bench.md").read_text("utf-8")
    assert page == bench.markdown(found)


def test_versions_and_machine_are_named(found):
    assert found["machine"]
    assert 0 <= found["others"] <= 1
    assert found["versions"].keys() == FRAMEWORKS.keys()
    for name, packages in (
        ("pytorch", {"torch", "torchvision", "d2l"}),
        ("tensorflow", {"keras", "d2l"}),
        ("mxnet", {"mxnet"}),
    ):
        assert found["versions"][name].keys() >= packages | {"python"}
    assert found["versions"]["pytorch"]["d2l"] == "0.17.6"


def test_a_peer_that_cannot_be_run_is_named(monkeypatch, tmp_path, capsys):
    framework = selected_frameworks()[0]
    monkeypatch.setattr(bench, "KINDS", ["absent"])
    name = f"absent_{FRAMEWORKS[framework].module}"
    text = '"""Absent, against some peer."""\nimport absent'
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setattr(bench, "write", pytest.fail)
    monkeypatch.setattr(peers, "install", lambda: None)
    monkeypatch.setattr(peers, "lay_out_data", lambda: None)
    assert bench.main() == 1
    said = capsys.readouterr().err
    assert f"{name} (Absent, against some peer.) could not be run: " in said


def test_every_framework_and_kind_is_measured():
    pairs = list(bench.modules(FRAMEWORKS))
    assert {key for key, _ in pairs} == set(FRAMEWORKS)
    assert {name.partition("_")[0] for _, name in pairs} == set(bench.KINDS)
    for _, name in pairs:
        assert "against" in bench.about(name)
