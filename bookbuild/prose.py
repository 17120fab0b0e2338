"""Find turns that the book does not use: `turns.toml` lists them.

They are looked for in what readers read: the chapters, the other Markdown
files at the root and what the checks of the exercises say.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .errors import BookError
from .markdown import myst

_LIST = Path(__file__).with_name("turns.toml")
_SPACE = r"(?:[ \t]+|[ \t]*\n[ \t>]*)"
_LITERAL = re.compile(
    r"(`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)\1(?!`)"  # code, and roles' targets
    r"|\$(?:(?!\n\s*\n)[^$])+\$"
    r'|"(?:(?!\n\s*\n)[^"])+"'
    r"|“[^”]+”"
    r"|https?://\S+",
    re.DOTALL,
)
_FENCE = re.compile(r"^\s*(`{3,}|~{3,}|:{3,})", re.MULTILINE)
_CELL = re.compile(r"\{(code|raw)-cell\}")


def faults(root: Path) -> Iterator[str]:
    """Yield the turns in the texts of the book that lies in a folder."""
    for path in sorted([*root.glob("*.md"), *root.glob("chapters/**/*.md")]):
        text = path.read_text("utf-8")
        for line, found, instead in turns(markdown_prose(text)):
            yield _told(path.relative_to(root), line, found, instead)
    for path in sorted(root.glob("d2lutils/exercises/*.py")):
        for first, end, text in _strings(path.read_text("utf-8")):
            for line, found, instead in turns(_without_literals(text)):
                place = min(first + line - 1, end)
                yield _told(path.relative_to(root), place, found, instead)


def _told(path: Path, line: int, found: str, instead: str) -> str:
    return f"{path.as_posix()}:{line}: {found!r}: write instead: {instead}"


def turns(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line from 1, the turn as it stands, what to write instead)."""
    for pattern, instead in _turns():
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield line, re.sub(r"\s[\s>]*", " ", match[0]), instead


@cache
def _turns() -> list[tuple[re.Pattern, str]]:
    listed = tomllib.loads(_LIST.read_text("utf-8"))["turns"]
    return [(_pattern(turn), instead) for turn, instead in listed.items()]


def _pattern(turn: str) -> re.Pattern:
    """Compile a turn.

    Raises:
        BookError: It is no regular expression.
    """
    spaced = turn.replace(" ", _SPACE)
    try:
        return re.compile(rf"(?<![\w-])(?:{spaced})(?![\w-])", re.IGNORECASE)
    except re.error as error:
        raise BookError(f"{_LIST.name}: {turn!r}: {error}") from None


def markdown_prose(text: str) -> str:
    """Return a Markdown text with blanks in place of all that is no prose.

    What remains stands where it stood. The options of code cells hold
    alternative texts, which are prose.
    """
    lines = [""] * len(text.splitlines())
    for index, line in myst.text_lines(text):
        lines[index] = line
    for info, content, _, first, _ in myst.fences(text):
        parts = content.split("\n---\n")
        if _CELL.match(info) and content.startswith("---\n") and parts[1:]:
            options = parts[0].split("\n")
            lines[first + 1 : first + 1 + len(options)] = options
    return _without_literals(_FENCE.sub(_blank, "\n".join(lines)))


def _without_literals(text: str) -> str:
    return _LITERAL.sub(_blank, text)


def _blank(found: re.Match) -> str:
    return re.sub(r"[^\n]", "\0", found[0])


def _strings(source: str) -> Iterator[tuple[int, int, str]]:
    """Yield (first line, last line, text) of the strings of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.end_lineno or node.lineno, node.value
