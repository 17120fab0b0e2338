import os

import pytest

FRAMEWORKS = {
    "pytorch": "torch",
    "tensorflow": "tensorflow",
    "mxnet": "mxnet",
}


def selected_frameworks():
    """The frameworks to test: all, unless `FRAMEWORKS` names fewer."""
    names = os.environ.get("FRAMEWORKS", " ".join(FRAMEWORKS)).split()
    unknown = set(names) - set(FRAMEWORKS)
    if unknown or not names:
        raise pytest.UsageError(
            f"FRAMEWORKS={os.environ['FRAMEWORKS']!r}: "
            f"choose from {' '.join(FRAMEWORKS)}"
        )
    return names


def pytest_addoption(parser):
    parser.addoption("--framework", choices=FRAMEWORKS)


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "full_data: needs a copy of the full Fashion-MNIST"
    )


@pytest.fixture(autouse=True)
def smoke(monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "smoke")
