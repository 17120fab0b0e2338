"""What importing MXNet leaves behind: nothing in NumPy."""

import numpy as np
import pytest
from selection import selected_frameworks
from small_runs import program

from d2lutils import _mxnet_compat

needs_mxnet = pytest.mark.skipif(
    "mxnet" not in selected_frameworks(), reason="deselected: mxnet"
)


def absent_names():
    return _mxnet_compat.STAND_INS.keys() - vars(np).keys()


def test_stand_ins_are_there_for_a_while():
    absent = absent_names()
    assert "PZERO" in absent or "mirr" in absent
    untouched = vars(np)["isnan"], vars(np).get("inf")
    with _mxnet_compat.stand_ins():
        assert not absent_names()
    assert absent_names() == absent
    assert untouched == (np.isnan, np.inf)


def test_stand_ins_go_when_the_import_fails():
    absent = absent_names()
    with pytest.raises(KeyError), _mxnet_compat.stand_ins():
        raise KeyError
    assert absent_names() == absent


def test_a_name_of_numpys_own_is_left_alone(monkeypatch):
    own = object()
    monkeypatch.setattr(np, "PZERO", own, raising=False)
    with _mxnet_compat.stand_ins():
        assert vars(np)["PZERO"] is own
    assert vars(np)["PZERO"] is own


def test_a_removed_function_says_so():
    with pytest.raises(NotImplementedError, match="NumPy"):
        _mxnet_compat.STAND_INS["mirr"](1, 2, 3)


@needs_mxnet
def test_numpy_is_as_before_the_import():
    result = program("numpy_as_before", warnings=True)
    assert (result.returncode, result.stderr) == (0, "")


@needs_mxnet
def test_numpy_is_as_before_an_import_that_fails(tmp_path):
    (tmp_path / "mxnet.py").write_text("import numpy; numpy.mirr; 1 / 0")
    result = program(
        "numpy_as_before", "ZeroDivisionError", warnings=True, first=[tmp_path]
    )
    assert (result.returncode, result.stderr) == (0, "")


@needs_mxnet
def test_masks_work():
    """To assign to one MXNet looks up `numpy.bool`, long after import."""
    result = program("mxnet_masks", warnings=True)
    assert result.returncode == 0, result.stderr
    assert "np.bool" not in result.stderr
