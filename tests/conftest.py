"""Tests in a framework's own process, and the costly things they share."""

import gc
import importlib
import json
import os

import exercise_book as small
import pytest
import real_book as whole
import workers
from selection import FRAMEWORKS, OWN, selected_frameworks

from d2lutils import backends

os.environ.update(OWN)  # a framework reads them when it is imported
# Pytest and Keras keep so many objects that counting them takes long.
gc.set_threshold(100_000, 50, 100)


def pytest_addoption(parser):
    parser.addoption(
        "--framework", choices=FRAMEWORKS, help="the only one to test"
    )


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "frameworks(*keys): concerns these frameworks alone"
    )
    if only := config.getoption("framework"):
        os.environ["FRAMEWORKS"] = only


def pytest_xdist_auto_num_workers():
    return workers.number_of_workers()


def pytest_xdist_make_scheduler(config, log):
    return workers.OneFrameworkAWorker(config, log)


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("frameworks")
        concerned = mark.args if mark else FRAMEWORKS
        chosen = [key for key in selected_frameworks() if key in concerned]
        if not chosen:
            reason = f"deselected: {', '.join(concerned)}"
            skip = pytest.mark.skip(reason=reason)
            chosen = [pytest.param(None, marks=skip)]
        metafunc.parametrize("framework", chosen, scope="session")


@pytest.hookimpl(tryfirst=True)  # before xdist reports the tests
def pytest_collection_finish(session):
    config, items = session.config, session.items
    used = {workers.framework_of(item) for item in items} - {None}
    if workers.is_worker(config):
        groups = {item.nodeid: workers.group(item) for item in items}
        text = json.dumps(groups)
        workers.groups_file(config).write_text(text)
    elif len(used) > 1 and not config.option.collectonly:
        raise pytest.UsageError(
            f"two frameworks never share a process, and these tests use "
            f"{', '.join(sorted(used))}: say -n auto, or choose one with "
            "--framework"
        )


@pytest.fixture(autouse=True)
def own_framework_only(request):
    """Fail a test when a framework is imported that it is not for."""
    worker = workers.is_worker(request.config)
    # A process for all tests may have imported one for an earlier test.
    before = set() if worker else workers.imported()
    yield
    strange = workers.imported() - before
    strange -= {workers.framework_of(request.node)}
    assert not strange, (
        f"this test, or the import of some test module, imports "
        f"{' and '.join(sorted(strange))}, which it is not for"
    )


@pytest.fixture(scope="session")
def backend(framework):
    """The backend of the framework under test, which is imported."""
    return backends.get(framework)


@pytest.fixture(scope="session")
def d2l(backend):
    """What readers import for the framework under test."""
    return importlib.import_module(f"d2lutils.{backend.row.module}")


@pytest.fixture(scope="session")
def models(backend):
    """The chapters' models for the framework under test."""
    return importlib.import_module(f"d2lutils.models.{backend.row.module}")


@pytest.fixture(scope="session")
def real_book(tmp_path_factory):
    """The book itself, executed and built."""
    return whole.build(tmp_path_factory.getbasetemp() / "real_book")


@pytest.fixture(scope="session")
def exercise_book(tmp_path_factory):
    """A small book with exercises and quizzes, built."""
    return small.build(tmp_path_factory.getbasetemp() / "exercise_book")
