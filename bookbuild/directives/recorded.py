"""The directive `recorded`: a table of trainings that `results/` records.

Its body names a record a line, with the words for its row behind a colon:

    speedrun/pytorch_recipe: the recipe
    speedrun/pytorch_constant_rate: with a constant learning rate

A record is a JSON file, as `d2lutils.record` describes it. No figure is
typed: the page and the notebook show what the files hold.
"""

import json
import statistics
from collections.abc import Iterator
from pathlib import Path

HEAD = (
    "trained",
    "test accuracy",
    "in training",
    "runs",
    "minutes",
    "images/s",
)


def rows(body: str) -> list[tuple[str, str]]:
    """Return the names of the records and the words for their rows."""
    lines = (line.partition(":") for line in body.splitlines() if line.strip())
    return [(name.strip(), words.strip()) for name, _, words in lines]


def markdown(root: Path, body: str) -> str:
    """Return the table, and below it where the trainings were done.

    It has the accuracy on the test images, that of the last epoch's training,
    the time of all epochs and the speed.

    Accuracies are means over the runs, with the standard deviation if there
    are several; times and speeds are medians.

    Raises:
        ValueError: A record is missing or is not one.
    """
    named = [(words, _read(root, name)) for name, words in rows(body)]
    if not named:
        raise ValueError("recorded: no record is named")
    table = [HEAD, ["---"] * len(HEAD)]
    table += [_row(words, record) for words, record in named]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([*lines, "", " ".join(_places(r for _, r in named))])


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


def _row(words: str, record: dict) -> list[str]:
    histories = [run["history"] for run in record["runs"]]
    minutes = statistics.median(sum(h["seconds"]) for h in histories) / 60
    rates = [rate for h in histories for rate in h["examples_per_sec"]]
    return [
        words,
        *(_percent(histories, name) for name in ("test_acc", "train_acc")),
        str(len(histories)),
        f"{minutes:.1f}",
        f"{statistics.median(rates):,.0f}",
    ]


def _percent(histories: list[dict], name: str) -> str:
    accuracies = [100 * history[name][-1] for history in histories]
    shown = f"{statistics.mean(accuracies):.2f} %"
    if len(accuracies) > 1:
        shown += f" ± {statistics.stdev(accuracies):.2f}"
    return shown


def _places(records: Iterator[dict]) -> Iterator[str]:
    """Yield a sentence for each place, and all versions used there."""
    places: dict[str, dict[str, str]] = {}
    for record in records:
        place = f"{record['machine']}, on {record['device']}"
        places.setdefault(place, {}).update(record["versions"])
    for place, versions in places.items():
        names = ", ".join(f"{k} {v}" for k, v in sorted(versions.items()))
        yield f"Recorded with {place} ({names})."
