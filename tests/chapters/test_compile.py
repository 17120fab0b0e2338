"""PyTorch compiles each of the book's networks once, and as a whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from selection import ENVIRONMENT, selected_frameworks

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests/lib/programs/count_compilations.py"


@pytest.mark.skipif(
    "pytorch" not in selected_frameworks(), reason="PyTorch's compiler"
)
def test_each_network_is_compiled_once():
    result = subprocess.run(
        [sys.executable, PROGRAM],
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert len(found) == 9
    # one frame, and no break in its graph
    assert found == {name: [1, 0] for name in found}
