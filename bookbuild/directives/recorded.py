"""The directive `recorded`: a table of the runs that `results/` records.

Its body names one record per line, with the words for its row after a colon:

    speedrun/pytorch_recipe: the recipe
    speedrun/pytorch_constant_rate: with a constant learning rate

The option `last` adds the mean over that many last epochs. A record is a
JSON file, as `d2lutils.record` describes it. No figure is typed: the page
and the notebook show what the files hold.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ..chapter import Chapter
from ..markdown.myst import Directive
from ..project import Project
from .kind import Kind

if TYPE_CHECKING:
    from ..markdown.plain import Converter


def rows(body: str) -> list[tuple[str, str]]:
    """Return the names of the records and the words for their rows."""
    lines = (line.partition(":") for line in body.splitlines() if line.strip())
    return [(name.strip(), words.strip()) for name, _, words in lines]


def markdown(root: Path, body: str, last: int | str | None = None) -> str:
    """Return the table, and below it where the runs were made.

    It has the accuracy on the test images and on the training images, both
    of the last epoch, the time of all epochs and the speed. Accuracies are
    means over the seeds, with the standard deviation if there are several;
    times and speeds are medians. Runs that shared a device have no times.

    Args:
        root: The folder that has `results/`.
        body: The directive's body.
        last: How many epochs the mean of the test accuracy is taken over; by
            default there is no such column.

    Raises:
        ValueError: A record is missing or is not one, or has fewer epochs.
    """
    named = [(words, _read(root, name)) for name, words in rows(body)]
    if not named:
        raise ValueError("recorded: no record is named")
    timed = not any(_shared(record) for _, record in named)
    epochs = None if last is None else _number(last)
    table = [
        _row(words, record["runs"], epochs, timed) for words, record in named
    ]
    table = [list(table[0]), ["---"] * len(table[0])] + [
        list(row.values()) for row in table
    ]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([*lines, "", " ".join(_places(r for _, r in named))])


def _number(last: int | str) -> int:
    if not str(last).isdecimal() or int(last) < 2:
        raise ValueError(f"recorded: :last: {last} is no number of epochs")
    return int(last)


def _read(root: Path, name: str) -> dict:
    path = f"results/{name}.json"
    try:
        record = json.loads((root / path).read_text("utf-8"))
        record["runs"][0]["history"], record["machine"], record["versions"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"recorded: {path} is not a record: {error}"
        ) from None
    return record


def _shared(record: dict) -> bool:
    """Return whether other runs took a share of the device's time."""
    return record.get("jobs", 1) > 1


def _row(
    words: str, runs: list[dict], last: int | None, timed: bool
) -> dict[str, str]:
    """Return a row: the head of each column → what stands below it."""
    histories = [run["history"] for run in runs]
    row = {"run": words, "test accuracy": _percent(histories, "test_acc", 1)}
    if last:
        mean = _percent(histories, "test_acc", last)
        row[f"mean of the last {last} epochs"] = mean
    row["training accuracy"] = _percent(histories, "train_acc", 1)
    row["seeds"] = str(len(histories))
    if timed:
        minutes = statistics.median(sum(h["seconds"]) for h in histories) / 60
        rates = [rate for h in histories for rate in h["examples_per_sec"]]
        row["minutes"] = f"{minutes:.1f}"
        row["images/s"] = f"{statistics.median(rates):,.0f}"
    return row


def _percent(histories: list[dict], name: str, last: int) -> str:
    if any(len(history[name]) < last for history in histories):
        raise ValueError(f"recorded: a run has fewer than {last} epochs")
    accuracies = [
        100 * statistics.mean(history[name][-last:]) for history in histories
    ]
    shown = f"{statistics.mean(accuracies):.2f} %"
    if len(accuracies) > 1:
        shown += f" ± {statistics.stdev(accuracies):.2f}"
    return shown


def _places(records: Iterator[dict]) -> Iterator[str]:
    """Yield a sentence for each place, and all versions used there."""
    places: dict[str, dict[str, str]] = {}
    for record in records:
        place = f"{record['machine']}, on {record['device']}"
        if _shared(record):
            place += f", {record['jobs']} runs at a time"
        places.setdefault(place, {}).update(record["versions"])
    for place, versions in places.items():
        names = ", ".join(f"{k} {v}" for k, v in sorted(versions.items()))
        yield f"Recorded with {place} ({names})."


def _faults(
    project: Project, chapter: Chapter, block: Directive
) -> Iterator[str]:
    try:
        markdown(project.root, block.body, block.options.get("last"))
    except ValueError as error:
        yield str(error)


def _plain(converter: Converter, block: Directive) -> str:
    last = block.options.get("last")
    return markdown(converter.project.root, block.body, last)


KINDS = (Kind("recorded", _plain, frozenset({"last"}), _faults),)


class RecordedDirective(SphinxDirective):
    """A table of the runs that were recorded."""

    has_content = True
    option_spec = {"last": directives.unchanged}  # noqa: RUF012 - docutils

    def run(self) -> list[nodes.Node]:
        """Return the table and where the runs were made."""
        root, body = Path(self.env.srcdir), "\n".join(self.content)
        for name, _ in rows(body):
            self.env.note_dependency(f"results/{name}.json")
        try:
            text = markdown(root, body, self.options.get("last"))
        except ValueError as error:
            raise self.error(str(error)) from None
        parsed = nodes.container(classes=["recorded"])
        lines = StringList(text.splitlines(), self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, parsed)
        return [parsed]


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("recorded", RecordedDirective)
