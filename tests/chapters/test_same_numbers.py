"""The frameworks compute the same numbers from the same weights."""

import itertools
import re

import numpy as np
import pytest
from chapter_code import run_chapter

from benchmarks import same_numbers
from bookbuild.project import chosen_frameworks
from d2lutils import assets
from d2lutils.frameworks import FRAMEWORKS

# Of float64; but MXNet keeps BatchNorm's momentum and epsilon in float32,
# whose rounding is 6e-8.
BOUNDS = {
    "logits": 1e-7,
    "loss": 1e-7,
    "gradient": 1e-6,
    "weights after the step": 1e-6,
    "running mean": 1e-6,
    "same, unbiased": 1e-6,
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    modules = [FRAMEWORKS[name].module for name in chosen_frameworks()]
    return same_numbers.run_all(tmp_path_factory.mktemp("found"), modules)


def worst(found, expected):
    errors = {}
    for key, digits in found.items():
        kind = key.partition("/")[0]
        wanted = expected[key]
        error = np.abs(digits - wanted).max() / np.abs(wanted).max()
        errors[kind] = max(errors.get(kind, 0.0), error)
    return errors


def test_every_pair_of_frameworks_agrees(found):
    for a, b in itertools.combinations(found, 2):
        errors = worst(found[b], found[a])
        for kind, bound in BOUNDS.items():
            assert errors[kind] < bound, f"{kind} of {a} and {b}"


def test_running_variance_differs_where_it_is_biased(found):
    if {"torch", "mxnet"} <= set(found):
        errors = worst(found["mxnet"], found["torch"])
        # 32 / 31 - 1 of the tenth that is new, in the last stage.
        assert 1e-3 < errors["running variance"] < 1e-2


def test_everything_is_compared(found):
    for digests in found.values():
        kinds = {key.partition("/")[0] for key in digests}
        assert kinds == {*BOUNDS, "running variance"}
        gradients = [key for key in digests if key.startswith("gradient/")]
        assert len(gradients) == 62


def test_packaged_reference_is_what_pytorch_computes(found):
    if "torch" in found:
        errors = worst(found["torch"], assets.same_numbers())
        assert max(errors.values()) < 1e-9


@pytest.fixture(scope="module")
def pages():
    names = chosen_frameworks()
    return {name: run_chapter("same_numbers", name) for name in names}


def test_table_of_the_chapter(pages):
    # The cells as a reader runs them: earlier ones have built networks.
    for name, text in pages.items():
        for kind, bound in BOUNDS.items():
            (row,) = re.findall(rf"^{kind} +(\S+)$", text, re.MULTILINE)
            limit = bound if name == "mxnet" else 1e-12
            assert float(row) < limit, f"{kind} in {name}"


def test_training_goes_on_in_every_framework(pages):
    pattern = r"as PyTorch left it: (\S+)\n[^$]*training loss (\S+)\n"
    results = {re.search(pattern, text).groups() for text in pages.values()}
    accuracies, losses = zip(*results, strict=True)
    assert len(set(accuracies)) == 1
    losses = [float(loss) for loss in losses]
    assert max(losses) - min(losses) < 1e-2
    assert max(losses) < 0.5  # untrained: ln 10, and more
