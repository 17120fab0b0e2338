import pytest
from selection import FRAMEWORKS


def pytest_addoption(parser):
    parser.addoption("--framework", choices=FRAMEWORKS)


@pytest.fixture(autouse=True)
def smoke(monkeypatch):
    monkeypatch.setenv("D2L_SCALE", "smoke")
