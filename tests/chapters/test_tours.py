"""Looking at a network's shapes leaves its running statistics alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from selection import ENVIRONMENT, selected_frameworks

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests/lib/programs/tours.py"


@pytest.mark.parametrize("framework", selected_frameworks())
def test_tour_moves_no_running_statistics(framework, tmp_path):
    result = subprocess.run(
        [sys.executable, PROGRAM, framework],
        cwd=tmp_path,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    tours = json.loads(result.stdout.rpartition("FACTS ")[2])
    for chapter, seen in tours.items():
        for words, looked_at in seen.items():
            assert looked_at, (chapter, words)
            assert not any(looked_at.values()), (chapter, words, looked_at)
