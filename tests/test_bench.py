"""The table of `make bench`: its arithmetic, and that it is whole."""

import itertools

import pytest
from conftest import selected_frameworks

from benchmarks import bench, compare, machine, peers
from benchmarks.compare import Row


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


def test_a_peer_that_cannot_be_run_is_named(monkeypatch, capsys):
    modules = {"absent": (selected_frameworks()[0], "some peer")}
    monkeypatch.setattr(bench, "MODULES", modules)
    monkeypatch.setattr(bench, "write", pytest.fail)
    monkeypatch.setattr(peers, "install", lambda: None)
    monkeypatch.setattr(peers, "lay_out_data", lambda: None)
    assert bench.main() == 1
    assert "absent: some peer could not be run: " in capsys.readouterr().err
