import pytest

from d2lutils import scale


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("has_gpu, name", [(True, "full"), (False, "demo")])
def test_default_depends_on_gpu(monkeypatch, value, has_gpu, name):
    if value is None:
        monkeypatch.delenv("D2L_SCALE")
    else:
        monkeypatch.setenv("D2L_SCALE", value)
    assert scale.current_scale(has_gpu).name == name


@pytest.mark.parametrize("name", ["smoke", "demo", "full"])
@pytest.mark.parametrize("has_gpu", [True, False])
def test_variable_overrules_default(monkeypatch, name, has_gpu):
    monkeypatch.setenv("D2L_SCALE", name)
    assert scale.current_scale(has_gpu).name == name


def test_unknown_value(monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "huge")
    with pytest.raises(ValueError, match="D2L_SCALE is 'huge'") as info:
        scale.current_scale(False)
    assert "smoke, demo or full" in str(info.value)


@pytest.mark.parametrize(
    "name, asked, given, line",
    [
        ("smoke", 10, 1, "D2L_SCALE=smoke: 1 of 10 epochs\n"),
        ("demo", 10, 2, "D2L_SCALE=demo: 2 of 10 epochs\n"),
        ("demo", 2, 2, ""),
        ("full", 10, 10, ""),
    ],
)
def test_epochs(monkeypatch, capsys, name, asked, given, line):
    monkeypatch.setenv("D2L_SCALE", name)
    assert scale.limit_epochs(asked, has_gpu=False) == given
    assert capsys.readouterr().out == line
