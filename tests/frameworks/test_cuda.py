"""What a GPU changes; some of it can be shown on one only."""

import pytest
from chapter_code import ROOT, run_chapter
from selection import selected_frameworks
from small_runs import program

ABSENT = 77

NOTEBOOKS = sorted(
    str(path.relative_to(ROOT / "notebooks" / "pytorch").with_suffix(""))
    for folder in ("", "solutions")
    for path in ROOT.joinpath("notebooks", "pytorch", folder).glob("*.ipynb")
)


@pytest.fixture(autouse=True)
def pytorch():
    if "pytorch" not in selected_frameworks():
        pytest.skip("this is PyTorch's only")


def test_no_step_waits_for_the_gpu():
    result = program("no_step_waits")
    if result.returncode == ABSENT:
        pytest.skip("PyTorch finds no CUDA here")
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("a waiting step would have been seen\n")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_chapters_bring_all_to_the_device(name):
    # The loader's batches are on the GPU; is the rest?
    run_chapter(name, "pytorch", on_gpu=True)


def test_utilities_take_what_is_on_the_gpu(tmp_path):
    result = program("utilities_on_gpu", cwd=tmp_path)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("add", "on the GPU and the processor"),
        ("layer", "on the GPU and the processor"),
        ("index", "on the GPU and the processor"),
        ("numpy", "no NumPy array"),
    ],
)
def test_pretended_gpu_refuses_what_a_gpu_does(what, words):
    result = program("refused_on_gpu", what)
    assert result.stderr.count("Traceback") == 1
    assert words in result.stderr.splitlines()[-1]
