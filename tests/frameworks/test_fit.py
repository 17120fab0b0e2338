"""Run the training's contract of each backend, and compare the losses."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from selection import selected_frameworks

CONTRACT = Path(__file__).with_name("fit_contract.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("losses")


@pytest.mark.parametrize("framework", selected_frameworks())
def test_contract(framework, folder):
    command = [sys.executable, "-m", "pytest", str(CONTRACT)]
    command += ["--framework", framework, "-p", "no:cacheprovider"]
    environment = {
        **os.environ,
        "LOSSES": str(folder / f"{framework}.npy"),
        "OMP_NUM_THREADS": "1",
    }
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, f"\n{result.stdout}\n{result.stderr}"
    assert "21 passed" in result.stdout


def test_optimizer_and_loss_are_the_same_everywhere(folder):
    losses = [np.load(folder / f"{x}.npy") for x in selected_frameworks()]
    for a, b in itertools.combinations(losses, 2):
        np.testing.assert_allclose(a, b, rtol=1e-4)


WITHOUT_AUTOGRAPH = """
import fit_contract
from tensorflow.python.autograph.pyct import inspect_utils

# AutoGraph takes for a builtin what lies where one lay when TensorFlow was
# imported, in a notebook a method now and then: here everything.
inspect_utils.isbuiltin = lambda function: True
d2l, _, net = fit_contract.load("tensorflow")
print(fit_contract.train(d2l, net, 1)["test_acc"])
"""


@pytest.mark.skipif(
    "tensorflow" not in selected_frameworks(), reason="TensorFlow's compiler"
)
def test_training_does_not_lean_on_autograph():
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_AUTOGRAPH],
        env={**os.environ, "PYTHONPATH": str(CONTRACT.parent)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().endswith("]")
