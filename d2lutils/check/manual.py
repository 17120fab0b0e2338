"""Collect answers in prose in one page, to be marked by a teacher."""

import html
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from markdown_it import MarkdownIt
from nbformat import NotebookNode

EXPLAINED = Path(__file__).parents[1] / "explained.json"
"""Chapter → exercises that ask to explain, as `make derive` writes them.

Each has the keys title, question and rubric.
"""

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>Answers to mark</title>
<style>
body { font: 1rem/1.5 sans-serif; max-width: 50rem; margin: auto; }
article { border-top: 1px solid; break-inside: avoid; margin: 1rem 0; }
pre { overflow-x: auto; white-space: pre-wrap; }
.rubric { border-left: 0.25rem solid; padding-left: 1rem; }
img { max-width: 100%; }
</style>
<h1>Answers to mark</h1>
"""

# Without HTML, so that an answer shows what it holds and does nothing.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_MARKDOWN.disable("image")


def write(
    target: Path,
    submissions: Mapping[str, NotebookNode],
    chapters: Collection[str] = (),
) -> int:
    """Write a page with all answers; return how many there are.

    The page has a section for each exercise, which begins with its rubric.

    Args:
        target: The file to write.
        submissions: Name → notebook, as handed in.
        chapters: Whose exercises to collect; by default all.

    Raises:
        LookupError: There is nothing to collect.
    """
    parts, count = [_HEAD], 0
    for chapter, questions in json.loads(EXPLAINED.read_text("utf-8")).items():
        if chapters and chapter not in chapters:
            continue
        for question in questions:
            found = {
                name: cells
                for name, notebook in submissions.items()
                if (cells := _answer(notebook, question)) is not None
            }
            if found:
                parts += _section(question, submissions, found)
            count += sum(map(bool, found.values()))
    if len(parts) == 1:
        raise LookupError(
            "no submission holds the text of an exercise to explain, as the "
            "notebooks in notebooks/*/exercises do"
        )
    target.write_text("".join(parts), "utf-8")
    return count


def _answer(notebook, question):
    """Return the cells of an answer, or None where nothing is asked."""
    cells = iter(notebook.cells)
    asked = next((c for c in cells if _asks(c, question["title"])), None)
    if asked is None:
        return None
    found = []
    _, _, after = asked.source.partition(question["question"])
    if after.strip():  # the answer stands in the cell of the question
        found.append({"cell_type": "markdown", "source": after})
    for cell in cells:
        if cell.source.startswith("**Exercise ") or "check." in cell.source:
            break
        if cell.source.strip():
            found.append(cell)
    return found


def _asks(cell, title):
    return cell.cell_type == "markdown" and f"({title}).**" in cell.source


def _section(question, submissions, answers) -> Iterator[str]:
    yield f"<section>\n{_MARKDOWN.render(question['question'])}"
    yield f'<div class="rubric">\n{_MARKDOWN.render(question["rubric"])}</div>'
    for name, cells in answers.items():
        if cells:
            yield f"\n<article>\n<h3>{html.escape(name)}</h3>\n"
            yield "".join(map(_shown, cells))
            yield "<p><label>Points: <input size=4></label></p>\n</article>"
    if missing := [name for name in submissions if not answers.get(name)]:
        yield f"\n<p>No answer: {html.escape(', '.join(missing))}</p>"
    yield "\n</section>\n"


def _shown(cell):
    if cell["cell_type"] != "code":
        return _MARKDOWN.render(cell["source"])
    shown = [_text(cell["source"])]
    for output in cell["outputs"]:
        data = output.get("data", {})
        if picture := data.get("image/png"):
            source = html.escape("".join(picture.split()))
            shown.append(
                f'<img alt="output" src="data:image/png;base64,{source}">\n'
            )
        else:
            text = output.get("text") or data.get("text/plain", "")
            shown.append(_text(text or output.get("evalue", "")))
    return "".join(shown)


def _text(text):
    return f"<pre>{html.escape(text)}</pre>\n"
