"""Which worker runs which test, and who takes over from one that crashes."""

from types import SimpleNamespace

import pytest
import workers
from selection import selected_frameworks

from d2lutils.frameworks import FRAMEWORKS


class Worker:
    """What xdist knows of a worker; it runs nothing."""

    def __init__(self, number):
        self.gateway = SimpleNamespace(id=f"gw{number}")
        self.shutting_down = False
        self.given = []

    def send_runtest_some(self, numbers):
        self.given += numbers

    def shutdown(self):
        self.shutting_down = True


@pytest.fixture
def tests():
    """Two tests a framework, two that any process may run."""
    named = {
        f"{key}{i}": key for key in selected_frameworks() for i in range(2)
    }
    return named | {"free0": "tests/a.py", "free1": "tests/b.py"}


@pytest.fixture
def plan(tests, monkeypatch):
    """Every worker has come, and the tests have been given out."""
    number = workers.number_of_workers()
    monkeypatch.setattr(workers, "read_groups", lambda config: tests)
    config = SimpleNamespace(
        option=SimpleNamespace(debug=False),
        getvalue=lambda name: ["popen"] * number,
    )
    plan = workers.OneFrameworkAWorker(config)
    for i in range(number):
        join(plan, Worker(i), tests)
    plan.schedule()
    return plan


def join(plan, worker, tests):
    plan.add_node(worker)
    plan.add_node_collection(worker, list(tests))
    return worker


def of(plan, key):
    return next(node for node, owner in plan.owners.items() if owner == key)


def run(plan, worker, tests):
    """Finish what the worker was given."""
    done = 0
    while done < len(worker.given):
        plan.mark_test_complete(worker, worker.given[done])
        done += 1
    return [list(tests)[i] for i in worker.given]


@pytest.mark.parametrize("key", FRAMEWORKS)
def test_one_worker_runs_a_frameworks_tests(plan, tests, key):
    assert run(plan, of(plan, key), tests) == [f"{key}0", f"{key}1"]


@pytest.mark.parametrize("key", FRAMEWORKS)
def test_a_crashed_workers_framework_is_taken_over(plan, tests, key):
    crashed = of(plan, key)
    for worker in list(plan.nodes):
        if worker is not crashed:
            run(plan, worker, tests)
            plan.remove_node(worker)  # it has nothing left to do
    assert plan.remove_node(crashed) == f"{key}0"
    other = join(plan, Worker(99), tests)
    plan.schedule()
    assert plan.owners[other] == key
    assert f"{key}1" in run(plan, other, tests)
    assert plan.tests_finished
