"""Find the directives, roles and labels of a piece of MyST Markdown."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it.renderer import RendererHTML
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.directives import parse_directive_text
from myst_parser.parsers.mdit import create_md_parser

from .chapter import MYST_EXTENSIONS

ROLE = re.compile(r"(?<!`)\{([\w:-]+)\}`([^`]+)`")
TARGET = re.compile(r"^\(([\w:.-]+)\)=\s*$")
MATH_END = re.compile(r"^\$\$\s*\(([\w:.-]+)\)\s*$")
HEADING = re.compile(r"^(#+)\s+(.*?)\s*$")


@dataclass(frozen=True)
class Directive:
    """A fenced directive; its lines are `first` up to, not with, `end`."""

    name: str
    argument: str
    options: dict
    body: str
    first: int
    end: int


class _AnyDirective:
    """Tells MyST's parser to take whatever options there are."""

    option_spec = {"options": True}  # noqa: RUF012 - the parser's protocol
    required_arguments = 0
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True


_PARSER = create_md_parser(
    MdParserConfig(
        enable_extensions=set(MYST_EXTENSIONS), disable_syntax=["inline"]
    ),
    RendererHTML,
)


def fences(source: str) -> Iterator[tuple[str, str, int, int, int]]:
    """Yield every fence's info, content, nesting level and line range."""
    for token in _PARSER.parse(source + "\n"):
        if token.type in ("fence", "colon_fence"):
            first, end = token.map
            yield token.info.strip(), token.content, token.level, first, end


def directives(source: str) -> Iterator[Directive]:
    """Yield the directives that are not inside another one."""
    for info, content, _, first, end in fences(source):
        match = re.match(r"\{([\w:-]+)\}\s*(.*)", info)
        if not match:
            continue
        name, argument = match.groups()
        parsed = parse_directive_text(
            _AnyDirective, argument, content, validate_options=False
        )
        yield Directive(
            name,
            argument,
            dict(parsed.options),
            "\n".join(parsed.body),
            first,
            end,
        )


def text_lines(source: str) -> Iterator[tuple[int, str]]:
    """Yield (index, line) of all lines that are not code or mathematics.

    The bodies of directives that hold prose (figure captions, notes) count
    as text; code blocks and `$$` blocks do not.
    """
    hidden: set[int] = set()
    for info, _, _, first, end in fences(source):
        if not info.startswith("{") or info.startswith(("{math", "{code")):
            hidden.update(range(first, end))
    in_math = False
    for index, line in enumerate(source.splitlines()):
        if index in hidden:
            continue
        fence = line.startswith("$$")
        if not in_math and not fence:
            yield index, line
        if fence and not (len(line) > 2 and line.rstrip().endswith("$$")):
            in_math = not in_math


def roles(source: str) -> Iterator[tuple[str, str, int]]:
    """Yield every role's name, content and line index."""
    for index, line in text_lines(source):
        for match in ROLE.finditer(line):
            yield match[1], match[2], index


def role_target(content: str) -> tuple[str | None, str]:
    """Split `Text <target>` into text and target; plain: (None, target)."""
    match = re.fullmatch(r"(.+?)\s*<([^>]+)>", content, re.DOTALL)
    return (match[1], match[2]) if match else (None, content)
