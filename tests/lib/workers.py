"""Which process runs which test: two frameworks never share one.

Each framework has a worker of its own, which runs the tests that use it in
the worker's process. All other tests start processes for what needs a
framework; three further workers share them.
"""

import json
import sys
from pathlib import Path

import pytest
from selection import selected_frameworks
from xdist.scheduler import LoadScopeScheduling

from d2lutils.frameworks import FRAMEWORKS

FREE = 3
"""Workers that belong to no framework."""

COSTLY = "real_book", "exercise_book"
"""Fixtures that are made once: all of their tests run in one worker."""

LONGEST_FIRST = (
    "real_book",
    "tests/exercises/test_exercises.py",
    "tests/frameworks/test_cuda.py",
    "tests/bookbuild/test_execute.py",
    "tests/frameworks/test_distributed.py",
    "exercise_book",
)
"""Groups and files to begin with, so that no long one is left for the end."""


def number_of_workers() -> int:
    """Return how many workers the selected frameworks need."""
    return len(selected_frameworks()) + FREE


def framework_of(item: pytest.Item) -> str | None:
    """Return the framework that a test uses in its own process, if any."""
    if "backend" not in getattr(item, "fixturenames", ()):
        return None
    key = item.callspec.params["framework"]
    return key if key in FRAMEWORKS else None  # none is left: it is skipped


def group(item: pytest.Item) -> str:
    """Return what a test has to stay together with."""
    costly = [name for name in COSTLY if name in item.fixturenames]
    file = item.nodeid.partition("::")[0]
    return framework_of(item) or next(iter(costly), file)


def groups_file(config: pytest.Config) -> Path:
    """Return the file by which a worker tells the scheduler the groups."""
    folder = config._tmp_path_factory.getbasetemp()
    return (folder.parent if is_worker(config) else folder) / "groups.json"


def read_groups(config: pytest.Config) -> dict[str, str]:
    """Return the group of each test, as the workers have written it."""
    return json.loads(groups_file(config).read_text())


def is_worker(config: pytest.Config) -> bool:
    """Whether this process gets its tests from another one."""
    return hasattr(config, "workerinput")


def imported() -> set[str]:
    """Return the keys of the frameworks that this process has imported."""
    return {
        key for key, row in FRAMEWORKS.items() if row.module in sys.modules
    }


class OneFrameworkAWorker(LoadScopeScheduling):
    """Gives each framework's tests to one worker, the others to the rest."""

    def __init__(self, config, log=None):
        super().__init__(config, log)
        if self.numnodes != number_of_workers():
            raise pytest.UsageError(
                f"the tests need {number_of_workers()} workers, of which each "
                "framework has one: say -n auto, or -n 0 for a single process"
            )
        self.owners = {}

    def add_node(self, node):
        """Give a new worker to the first framework that needs one."""
        super().add_node(node)
        taken = self.owners.values()
        # Once all tests have been given out, only a crashed worker's are left.
        begun = self.collection is not None
        left = self.workqueue if begun else selected_frameworks()
        free = (key for key in left if key in FRAMEWORKS and key not in taken)
        self.owners[node] = next(free, None)

    def remove_node(self, node):
        """Forget a worker; another one will take its place."""
        del self.owners[node]
        return super().remove_node(node)

    def schedule(self):
        """Begin when all workers have found the same tests."""
        if self.collection is None:
            if not self._check_nodes_have_same_collection():
                return
            self.collection = next(iter(self.registered_collections.values()))
            self.groups = read_groups(self.config)
            units = {}
            for name in self.collection:
                units.setdefault(self._split_scope(name), {})[name] = False
            self.workqueue.update(sorted(units.items(), key=_rank))
        for node in self.nodes:
            self._reschedule(node)

    def _split_scope(self, nodeid):
        return self.groups[nodeid]

    def _reschedule(self, node):
        # A worker begins a test when it knows what follows, if anything does.
        while (
            not node.shutting_down
            and self._pending_of(self.assigned_work[node]) < 2
        ):
            owner = self.owners[node]
            fitting = (
                scope
                for scope in self.workqueue
                if scope == owner or not (owner or scope in FRAMEWORKS)
            )
            scope = next(fitting, None)
            if scope is None:
                node.shutdown()
                continue
            self.workqueue.move_to_end(scope, last=False)
            self._assign_work_unit(node)


def _rank(unit):
    """Say where in the queue a unit stands."""
    scope, tests = unit
    if scope in LONGEST_FIRST:
        return LONGEST_FIRST.index(scope), 0
    return len(LONGEST_FIRST), -len(tests)
