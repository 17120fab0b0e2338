"""Find the directives, roles and labels of a piece of MyST Markdown."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.directives import parse_directive_text
from myst_parser.parsers.mdit import create_md_parser

EXTENSIONS = ("colon_fence", "dollarmath", "amsmath")
"""Block syntax of the chapters; the same list stands in `_config.yml`."""

# A role may go on in the next line, but not beyond its paragraph.
ROLE = re.compile(r"(?<!`)\{([\w:-]+)\}`((?:[^`\n]|\n(?!\s*\n))+)`")
TARGET = re.compile(r"^\(([\w:.-]+)\)=\s*$")
MATH_END = re.compile(r"^(.*)\$\$\s*\(([\w:.-]+)\)\s*$")
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
    body_first: int


class _AnyDirective:
    """Tells MyST's parser to take whatever options there are."""

    option_spec = {"options": True}  # noqa: RUF012 - the parser's protocol
    required_arguments = 0
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True


_PARSER = create_md_parser(
    MdParserConfig(
        enable_extensions=set(EXTENSIONS), disable_syntax=["inline"]
    ),
    RendererHTML,
)
_INLINE_PARSER = create_md_parser(
    MdParserConfig(
        enable_extensions=set(EXTENSIONS),
        dmath_double_inline=True,
        disable_syntax=["text_join"],  # keeps \\$ apart from $
    ),
    RendererHTML,
)
_NO_MARKDOWN = {"math", "bibliography", "eval-rst"}
"""Directives whose body is something else."""


@functools.cache  # one text is asked for its fences, lines, directives …
def _blocks(source: str) -> list[Token]:
    return _PARSER.parse(source + "\n")


def fences(source: str) -> Iterator[tuple[str, str, int, int, int]]:
    """Yield every fence's info, content, nesting level and line range."""
    for token in _blocks(source):
        if token.type in ("fence", "colon_fence"):
            first, end = token.map
            yield token.info.strip(), token.content, token.level, first, end


@functools.cache  # in each framework's notebook the same
def directives(source: str) -> tuple[Directive, ...]:
    """Return the directives that are not inside another one."""
    return tuple(_directives(source))


def _directives(source: str) -> Iterator[Directive]:
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
            first + 1 + parsed.body_offset,
        )


def unclosed(source: str) -> Iterator[int]:
    """Yield the line of each fence that goes on to the end of the text."""
    lines = source.splitlines()
    for _, content, level, first, end in fences(source):
        mark = re.search(r"([`~:])\1{2,}", lines[first])[0]
        last = lines[min(end, len(lines)) - 1].strip()
        if level == 0 and not (
            end - 1 > first and set(last) == {mark[0]} and last >= mark
        ):
            yield first
        for index in unclosed(content):
            yield first + 1 + index


def headings(source: str) -> Iterator[tuple[int, int]]:
    """Yield (line, depth) of the headings at the top level."""
    for token in _blocks(source):
        if token.type == "heading_open" and token.level == 0:
            yield token.map[0], int(token.tag[1:])


def inlines(source: str) -> Iterator[tuple[int, Token]]:
    """Yield (line, token) of text, links, pictures, roles and raw HTML.

    Also of those inside directives, which come after the others.
    """
    for token in _INLINE_PARSER.parse(source + "\n"):
        if token.type == "html_block":
            yield token.map[0], token
        elif token.type == "inline":
            line = token.map[0]
            for child in token.children or ():
                yield line, child
                line += child.type in ("softbreak", "hardbreak")
                line += child.content.count("\n")
    for block in directives(source):
        if block.name in _NO_MARKDOWN:
            continue
        for _, token in inlines(block.argument):
            yield block.first, token
        for line, token in inlines(block.body):
            yield block.body_first + line, token


def nested_directives(source: str) -> Iterator[Directive]:
    """Yield all directives, also those inside another, from first to last."""
    for block in directives(source):
        yield block
        if block.name == "math":
            continue
        for inner in nested_directives(block.body):
            yield replace(
                inner,
                first=inner.first + block.body_first,
                end=inner.end + block.body_first,
                body_first=inner.body_first + block.body_first,
            )


def text_lines(source: str) -> Iterator[tuple[int, str]]:
    """Yield (index, line) of all lines that are not code or mathematics.

    The bodies of directives that hold prose (figure captions, notes) count
    as text; code blocks and `$$` blocks do not.
    """
    hidden: set[int] = set()
    for token in _blocks(source):
        if token.type in ("fence", "colon_fence"):
            info = token.info.strip()
            literal = not info.startswith("{") or info.startswith(
                ("{math", "{code")
            )
        else:
            literal = token.type in (
                "math_block",
                "math_block_label",
                "amsmath",
            )
        if literal:
            hidden.update(range(*token.map))
    for index, line in enumerate(source.splitlines()):
        if index not in hidden:
            yield index, line


def roles(source: str) -> Iterator[tuple[str, str, int]]:
    """Yield every role's name, content and line index."""
    lines = [""] * len(source.splitlines())
    for index, line in text_lines(source):
        lines[index] = line
    text = "\n".join(lines)
    for match in ROLE.finditer(text):
        yield match[1], match[2], text.count("\n", 0, match.start())


def role_target(content: str) -> tuple[str | None, str]:
    """Split `Text <target>` into text and target; plain: (None, target)."""
    match = re.fullmatch(r"(.+?)\s*<([^>]+)>", content, re.DOTALL)
    return (match[1], match[2]) if match else (None, content)
