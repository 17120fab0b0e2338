import os

import numpy as np
import pytest

from d2lutils import checkpoint

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "n": np.array(3)}


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "x"
    checkpoint.save(path, ARRAYS, {"epoch": 1})
    arrays, record = checkpoint.load(path)
    assert record == {"epoch": 1}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].shape == array.shape
        assert arrays[name].dtype == array.dtype


def test_there_is_none(tmp_path):
    assert checkpoint.load(tmp_path / "x") is None


class Killed(BaseException):
    pass


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("call", [1, 2])
def test_death_while_saving_loses_nothing(
    tmp_path, monkeypatch, function, call
):
    path = tmp_path / "x"
    checkpoint.save(path, ARRAYS, {"epoch": 1})
    owner = os if function == "fsync" else type(path)
    real, calls = getattr(owner, function), []

    def dying(*arguments):
        calls.append(1)
        if len(calls) == call:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(owner, function, dying)
    if (function, call) == ("fsync", 2):
        checkpoint.save(path, ARRAYS, {"epoch": 2})
        with pytest.raises(Killed):
            checkpoint.save(path, ARRAYS, {"epoch": 3})
        assert checkpoint.load(path)[1] == {"epoch": 2}
        return
    with pytest.raises(Killed):
        checkpoint.save(path, ARRAYS, {"epoch": 2})
    monkeypatch.undo()
    assert checkpoint.load(path)[1] == {"epoch": 1}


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign"])
def test_damaged_file_is_named_and_set_aside(tmp_path, capsys, damage):
    path = tmp_path / "x"
    checkpoint.save(path, ARRAYS, {"epoch": 1})
    checkpoint.save(path, ARRAYS, {"epoch": 2})
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-5] ^= 4
    else:
        length = {"cut": len(content) - 9, "empty": 0, "foreign": 0}[damage]
        content = content[:length]
    if damage == "foreign":
        content = bytearray(b"not a checkpoint at all, but some other text")
    path.write_bytes(content)
    assert checkpoint.load(path)[1] == {"epoch": 1}
    assert f"checkpoint {path} is damaged" in capsys.readouterr().out
    assert (tmp_path / "x.damaged").read_bytes() == content
    # The next one does not displace the good one by the damaged one.
    checkpoint.save(path, ARRAYS, {"epoch": 3})
    assert (tmp_path / "x.previous").exists()


def test_all_are_damaged(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"no")
    with pytest.raises(ValueError, match="is damaged"):
        checkpoint.load(path)
    assert path.read_bytes() == b"no"
