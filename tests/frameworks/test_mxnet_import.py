"""What importing MXNet leaves behind: nothing in NumPy."""

import os
import subprocess
import sys

import numpy as np
import pytest
from selection import selected_frameworks

from d2lutils import _mxnet_compat

needs_mxnet = pytest.mark.skipif(
    "mxnet" not in selected_frameworks(), reason="deselected: mxnet"
)

COMPARE = """
import numpy
from d2lutils._mxnet_compat import STAND_INS
def look():
    return {name: vars(numpy).get(name) for name in STAND_INS}
before = look()
%s
assert look() == before, look()
"""


def python(code, **environment):
    """Run code with all warnings shown, also those usually hidden."""
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
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
    result = python(COMPARE % "import d2lutils.mxnet")
    assert (result.returncode, result.stderr) == (0, "")


@needs_mxnet
def test_numpy_is_as_before_an_import_that_fails(tmp_path):
    (tmp_path / "mxnet.py").write_text("import numpy; numpy.mirr; 1 / 0")
    failing = (
        "try:\n    import d2lutils.mxnet\n"
        "except ZeroDivisionError:\n    pass\n"
        "else:\n    raise AssertionError"
    )
    result = python(COMPARE % failing, PYTHONPATH=str(tmp_path))
    assert (result.returncode, result.stderr) == (0, "")


@needs_mxnet
def test_masks_work():
    """To assign to one MXNet looks up `numpy.bool`, long after import."""
    result = python(
        "import d2lutils.mxnet\n"
        "from mxnet import np\n"
        "X = np.array([1.0, -1.0])\n"
        "X[X < 0] = 5\n"
        "X[np.array([0])] = 7\n"
        "assert X.tolist() == [7, 5]\n"
        "assert np.full((1,), True).dtype == bool\n"
    )
    assert result.returncode == 0, result.stderr
    assert "np.bool" not in result.stderr
