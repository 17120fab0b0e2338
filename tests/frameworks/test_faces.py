"""The faces: what importing one brings, and that all are alike."""

import json
import os
import subprocess
import sys

import pytest
from selection import FRAMEWORKS, selected_frameworks
from small_runs import ROOT, program

from d2lutils.frameworks import FRAMEWORKS as TABLE


@pytest.fixture(scope="module")
def looks():
    """What each face shows of itself, by the framework's module."""
    found = {}
    for key in selected_frameworks():
        result = program("look", key)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        found[FRAMEWORKS[key]] = json.loads(result.stdout)
    return found


def test_a_face_imports_its_own_framework_only(looks):
    for module, look in looks.items():
        assert look["frameworks"] == [module]


def test_faces_have_the_same_names_and_signatures(looks):
    first, *others = looks.values()
    assert first["all"] == sorted(first["all"])
    assert {
        name: first["signatures"][name]
        for name in (
            "load_array",
            "load_data_fashion_mnist",
            "train_ch6",
            "fit",
            "evaluate_accuracy",
            "try_gpu",
            "try_all_gpus",
            "set_seed",
        )
    } == {
        "load_array": (
            "(data_arrays, batch_size, is_train=True, resize=None, "
            "augment=False)"
        ),
        "load_data_fashion_mnist": (
            "(batch_size, resize=None, augment=False)"
        ),
        "train_ch6": "(net, train_iter, test_iter, num_epochs, lr, device)",
        "fit": (
            "(net, train_iter, test_iter, num_epochs, lr, *, device=None, "
            "optimizer='sgd', weight_decay=0.0, schedule='constant', "
            "label_smoothing=0.0, mixed_precision=False, checkpoint=None, "
            "seed=None)"
        ),
        "evaluate_accuracy": "(net, data_iter, device=None)",
        "try_gpu": "(i=0)",
        "try_all_gpus": "()",
        "set_seed": "(seed)",
    }
    for other in others:
        assert other["all"] == first["all"]
        assert other["signatures"] == first["signatures"]


def test_public_names_are_documented_and_typed(looks):
    for look in looks.values():
        assert look["undocumented"] == []
        assert look["untyped"] == []
        assert len(look["docs"]) >= 13


def test_docstrings_are_complete_and_of_the_framework(looks):
    for look in looks.values():
        for name, text in look["docs"].items():
            assert "{" not in text, name
            assert all(len(line) <= 79 for line in text.splitlines()), name
    texts = {look["docs"]["fit"] for look in looks.values()}
    assert len(texts) == len(looks)
    for module, look in looks.items():
        layout = "(N, H, W, 1)" if module == "tensorflow" else "(N, 1, H, W)"
        assert f"shape {layout}" in " ".join(look["docs"]["fit"].split())


@pytest.mark.parametrize(
    ("key", "absent"),
    [
        *((key, row.module) for key, row in TABLE.items()),
        ("mxnet", "requests"),
    ],
)
def test_missing_framework(key, absent):
    if absent not in FRAMEWORKS.values() and key not in selected_frameworks():
        pytest.skip(f"deselected: {key}")
    result = program("absent", key, absent)
    assert result.returncode == 1
    assert "During handling" not in result.stderr
    assert "direct cause" not in result.stderr
    message = result.stderr.splitlines()[-1]
    assert message.startswith("ImportError: ")
    assert message.endswith(f": {TABLE[key].install}")


@pytest.mark.parametrize("key", TABLE)
def test_framework_that_is_broken_says_so_itself(key, tmp_path):
    module = TABLE[key].module
    (tmp_path / f"{module}.py").write_text("import not_there")
    result = subprocess.run(
        [sys.executable, "-m", f"d2lutils.{module}"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    message = result.stderr.splitlines()[-1]
    assert message == "ModuleNotFoundError: No module named 'not_there'"
