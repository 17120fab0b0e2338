import os

import pytest

FRAMEWORKS = {
    "pytorch": "torch",
    "tensorflow": "tensorflow",
    "mxnet": "mxnet",
}


def selected_frameworks():
    """The frameworks to test: all, unless `FRAMEWORKS` names fewer."""
    text = os.environ.get("FRAMEWORKS", " ".join(FRAMEWORKS))
    names = text.replace(",", " ").split()
    unknown = set(names) - set(FRAMEWORKS)
    if unknown or not names:
        raise pytest.UsageError(
            f"FRAMEWORKS={os.environ['FRAMEWORKS']!r}: "
            f"choose from {' '.join(FRAMEWORKS)}"
        )
    return names


def unavailable(reason):
    """Skip a test for want of a system package; where all are, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_addoption(parser):
    parser.addoption("--framework", choices=FRAMEWORKS)


@pytest.fixture(autouse=True)
def smoke(monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "smoke")
