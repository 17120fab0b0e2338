"""Run the tests that need a framework, each framework in its own process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from selection import selected_frameworks

FILES = sorted(
    str(path)
    for path in Path(__file__).parent.glob("test_*.py")
    if "(backend" in path.read_text("utf-8") and path != Path(__file__)
)


@pytest.mark.parametrize("key", selected_frameworks())
def test_framework(key):
    command = [sys.executable, "-m", "pytest", *FILES]
    command += ["--framework", key, "-p", "no:cacheprovider"]
    result = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, f"\n{result.stdout}\n{result.stderr}"
