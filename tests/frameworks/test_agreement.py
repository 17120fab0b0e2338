"""All frameworks compute the same: logits, losses and whole runs."""

import itertools

import numpy as np
import pytest
from selection import selected_frameworks
from small_runs import program


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Framework → what the program computes, each in its own process."""
    if len(selected_frameworks()) < 2:
        pytest.skip("one framework has nothing to agree with")
    arrays = {}
    for key in selected_frameworks():
        path = tmp_path_factory.mktemp("agreement") / f"{key}.npz"
        result = program("agreement", key, path)
        assert result.returncode == 0, result.stderr
        with np.load(path) as file:
            arrays[key] = dict(file)
    return arrays


@pytest.mark.parametrize(
    ("what", "tolerance"),
    [
        ("logits", 1e-4),
        ("losses", 1e-4),
        # In double precision, which MXNet's optimizer takes its rates in
        # single from. A velocity that does not follow the rate is a tenth
        # and more away.
        ("one_cycle", 2e-6),
        ("step", 2e-6),
        ("cosine", 2e-6),
    ],
)
def test_they_agree(found, what, tolerance):
    for a, b in itertools.combinations(found.values(), 2):
        names = [name for name in a if name.partition("/")[0] == what]
        assert names
        assert a.keys() == b.keys()
        for name in names:
            error = np.abs(a[name] - b[name]).max()
            assert error <= tolerance * np.abs(a[name]).max(), name


def test_runs_in_double_precision_are_long_and_have_moved(found):
    for arrays in found.values():
        runs = [arrays[f"{x}/conv1.weight"] for x in ("one_cycle", "step")]
        assert all(run.dtype == np.float64 for run in runs)
        assert np.abs(runs[0] - runs[1]).max() > 1e-3
