"""Run the weights' contract of each backend, and compare their logits."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from selection import selected_frameworks

CONTRACT = Path(__file__).with_name("weights_contract.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("logits")


@pytest.mark.parametrize("framework", selected_frameworks())
def test_contract(framework, folder):
    command = [sys.executable, "-m", "pytest", str(CONTRACT)]
    command += ["--framework", framework, "-p", "no:cacheprovider"]
    environment = {**os.environ, "LOGITS": str(folder / f"{framework}.npy")}
    result = subprocess.run(
        command, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, f"\n{result.stdout}\n{result.stderr}"
    assert "7 passed" in result.stdout


def test_logits_agree_in_single_precision(folder):
    logits = [np.load(folder / f"{x}.npy") for x in selected_frameworks()]
    for a, b in itertools.combinations(logits, 2):
        assert np.abs(a - b).max() <= 1e-4 * np.abs(a).max()
