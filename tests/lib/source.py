"""What stands in the book's own source: names, imports, texts of programs."""

import ast
import re
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

from d2lutils.frameworks import FRAMEWORKS

ROOT = Path(__file__).parents[2]

_OWNER = {
    word: key for key, row in FRAMEWORKS.items() for word in (key, row.module)
}
_WORD = re.compile(rf"(?<![\w-])(?:{'|'.join(_OWNER)})(?![\w-])")
_SHOWN = {row.name: key for key, row in FRAMEWORKS.items()}

ROOTS = {
    root: key
    for key, row in FRAMEWORKS.items()
    for root in (row.module, *row.distributions)
}
"""Modules at the root → the framework that they are of."""


def files(*patterns: str) -> list[str]:
    """Return the files of the repository, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = {path for path in listed.split("\0") if path}
    return sorted(path for path in found if (ROOT / path).is_file())


def read(path: str) -> str:
    """Return the text of a file, named from the repository's root."""
    return (ROOT / path).read_text("utf-8")


def named_in(text: str) -> set[str]:
    """Return the keys of the frameworks that a text names as code does.

    By their keys or modules among other words, or by the names that a page
    shows, where there is nothing else: prose may speak of a framework.
    """
    found = {_OWNER[word] for word in _WORD.findall(text)}
    return found | {_SHOWN[text]} if text in _SHOWN else found


def docstrings(tree: ast.AST) -> set[int]:
    """Return the identities of the nodes that are docstrings."""
    owners = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


def frameworks_of(tree: ast.AST, left_out: set[int] = frozenset()) -> set[str]:
    """Return the frameworks that a piece of Python names, imports apart."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in left_out:
                found |= named_in(text)
            case ast.keyword(arg=str(text)):
                found |= named_in(text)
            case ast.FunctionDef(name=text) | ast.ClassDef(name=text):
                found |= named_in(text)
    return found


def expressions(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield every expression, the inner ones as well."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.expr))


def imports(tree: ast.AST) -> set[str]:
    """Return what is imported, in functions too, by the full names."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=module, names=names, level=level):
                start = "." * level + (module or "")
                found |= {f"{start}.{alias.name}" for alias in names}
            case ast.Call(
                func=ast.Attribute(attr="import_module")
                | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                found.add(name)
    return found


def framework_of_import(name: str) -> str | None:
    """Return the framework that an import brings in, if it does."""
    root, *parts = name.split(".")
    if root == "d2lutils":  # a module of ours named as a framework's
        names = {row.module: key for key, row in FRAMEWORKS.items()}
        return next((names[part] for part in parts if part in names), None)
    return ROOTS.get(root)


def statements(text: str) -> int:
    """Return how many statements a text has if it is Python, else 0.

    `{name}` may stand for what is filled in later.
    """
    filled = re.sub(r"\{(\w+)\}", r"\1", text.replace("{{", "{"))
    for code in text, filled.replace("}}", "}"):
        try:
            tree = ast.parse(textwrap.dedent(code))
        except (SyntaxError, ValueError):
            continue
        return sum(isinstance(node, ast.stmt) for node in ast.walk(tree))
    return 0


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the value of every string but docstrings.

    What an f-string fills in is a name there.
    """
    inside, left_out = set(), docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [
                part.value if isinstance(part, ast.Constant) else "name"
                for part in node.values
            ]
            inside |= {id(part) for part in node.values}
            yield node.lineno, "".join(parts)
        elif id(node) in inside | left_out:
            continue
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
