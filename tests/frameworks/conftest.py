"""One framework a process: which one the tests of this folder are for."""

import sys

import pytest
from selection import FRAMEWORKS, selected_frameworks

from d2lutils import backends


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "frameworks(*keys): concerns these frameworks alone"
    )


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("framework")
        mark = metafunc.definition.get_closest_marker("frameworks")
        concerned = mark.args if mark else FRAMEWORKS
        metafunc.parametrize(
            "framework",
            [
                pytest.param(key, marks=pytest.mark.xdist_group(key))
                for key in selected_frameworks()
                if chosen in (None, key) and key in concerned
            ],
            scope="session",
        )


@pytest.fixture(scope="session")
def backend(framework, pytestconfig):
    """The backend of the framework under test."""
    if pytestconfig.getoption("framework") is None:
        pytest.skip("test_processes.py runs this in a process of its own")
    others = set(FRAMEWORKS.values()) - {FRAMEWORKS[framework]}
    if others & set(sys.modules):
        pytest.fail("two frameworks never share a process")
    return backends.get(framework)
