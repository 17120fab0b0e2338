"""Tell what a notebook's outputs depend on, from the sources alone.

A notebook is executed anew when its key changes. The key is a digest of

- its cells, its framework, the scale and the versions of Python, NumPy,
  Matplotlib and the framework's distributions;
- the files of `d2lutils` that its cells import, those that these import, and
  so on, with the data in a package's folder. Imports inside functions count;
- of a module of `d2lutils.models`, only the definitions that are taken from
  it, what these need in the module, and the imports among that;
- of `d2lutils.exercises`, only the modules that hold the checks called.

Where it cannot be told what is taken, all of it counts: a module of models as
a whole if it is used other than by `models.NAME`, all exercises if `check` is
used other than by `check.NAME`, the whole package where a cell, or a module
that is not named in `DYNAMIC`, imports what its text does not say. A module
that calls `d2lutils.check.models.book` takes the models that have the name of
any attribute in it. What a library's module imports for another framework
does not count, since two frameworks never share a process.

Not seen: other installed packages, environment variables, the machine and
its devices, files outside `d2lutils`; what a definition does to others as it
is made (a decorator that registers it, say); and the line on which a
definition of `d2lutils.models` stands.
"""

import ast
import functools
import hashlib
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from d2lutils.frameworks import FRAMEWORKS, Framework

from .errors import BookError

PACKAGE = "d2lutils"
CHECK = f"{PACKAGE}.check"
EXERCISES = f"{PACKAGE}.exercises"
MODELS = f"{PACKAGE}.models"
BOOK = f"{CHECK}.models.book"
"""The function that returns a module of models, for use where it is called."""

DYNAMIC = {
    f"{PACKAGE}.backends": ["{package}.backends.{module}"],
    f"{PACKAGE}.train": [
        "{package}.{module}",
        "{package}.models.{module}",
    ],
    CHECK: [],  # the exercises: by the names of the checks that are called
    f"{CHECK}.models": [],  # the models: by the attributes beside BOOK
    f"{PACKAGE}._mxnet_compat": [],  # modules of MXNet's
}
"""Modules that import what their text does not say → what that is."""

IMPORTERS = {"import_module", "__import__", "run_module", "run_path"}
EVALUATORS = {"eval", "exec", "globals"}


def versions(framework: str) -> dict[str, str]:
    """Return what outputs depend on → its version; import none of it.

    Raises:
        BookError: The framework, NumPy or Matplotlib is not installed.
    """
    row = FRAMEWORKS[framework]
    found = row.versions()
    # Keras alone is no TensorFlow.
    if not any(name.startswith(row.module) for name in found):
        raise BookError(
            f"{row.name} is not installed: run `{row.install}`, or leave it "
            "out with `make html FRAMEWORKS=...`"
        )
    python = platform.python_version()
    return {**found, **_versions("numpy", "matplotlib"), "python": python}


@functools.cache  # metadata is read from the disk
def _versions(*distributions: str) -> dict[str, str]:
    try:
        return {name: metadata.version(name) for name in distributions}
    except metadata.PackageNotFoundError as error:
        raise BookError(
            f"{error.name} is not installed: run `make env`"
        ) from None


def key(code: Iterable[str], framework: str, scale: str, root: Path) -> str:
    """Return the digest of all that a notebook's outputs depend on.

    Args:
        code: The text of its code cells.
        framework: The framework's tag.
        scale: The value of D2L_SCALE.
        root: The folder of the book.
    """
    code = list(code)
    digest = hashlib.sha256()
    parts = [framework, scale, *code]
    for name, version in sorted(versions(framework).items()):
        parts.append(f"{name}=={version}")
    for part in parts:
        digest.update(part.encode() + b"\0")
    for name, content in dependencies(code, framework, root).items():
        digest.update(f"{name}\0".encode() + content + b"\0")
    return digest.hexdigest()


def dependencies(
    code: Iterable[str], framework: str, root: Path
) -> dict[str, bytes]:
    """Return what code needs of `d2lutils` → the content, in order of names.

    A name is a file's path from the root, with `:name` behind it where a
    definition counts and not the whole file.
    """
    search = _Search(root, FRAMEWORKS[framework])
    search.cells("\n".join(code))
    return dict(sorted(search.found.items()))


@dataclass(frozen=True)
class _Import:
    """One name that code imports."""

    module: str
    level: int  # of a relative import
    name: str | None  # what is taken from the module, if not itself
    alias: str  # what the code calls it

    def base(self, package: str) -> str:
        """Return the full name of the module."""
        if not self.level:
            return self.module
        parents = package.split(".")
        parts = parents[: len(parents) - self.level + 1]
        return ".".join([*parts, *filter(None, [self.module])])


@dataclass(frozen=True)
class _Code:
    """What a text imports, and what it does with the names."""

    imports: tuple[_Import, ...]
    uses: Mapping[str, frozenset[str] | None]
    """Name → the attributes that are taken; None: it is used otherwise."""
    attributes: frozenset[str] | None
    """All attributes that are taken of anything; None: it cannot be told."""
    is_dynamic: bool
    """Whether it imports what its text does not say."""
    words: frozenset[str]
    """The strings in it."""


@functools.cache  # notebooks import the same files
def _code(text: str) -> _Code:
    nodes = list(ast.walk(ast.parse(text)))
    imports = [each for node in nodes for each in _imports(node)]
    words, is_dynamic = set(), False
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
        elif isinstance(node, ast.Call) and _name(node.func) in IMPORTERS:
            named = node.args and isinstance(node.args[0], ast.Constant)
            if named and isinstance(node.args[0].value, str):
                imports.append(_Import(node.args[0].value, 0, None, ""))
            else:
                is_dynamic = True
    taken: set[int] = set()
    attributes = {word for word in words if word.isidentifier()}
    uses: dict[str, set[str] | None] = {}
    for node in nodes:
        if isinstance(node, ast.Attribute):
            attributes.add(node.attr)
            if isinstance(node.value, ast.Name):
                taken.add(id(node.value))
                known = uses.setdefault(node.value.id, set())
                if known is not None:
                    known.add(node.attr)
        elif isinstance(node, ast.Name) and id(node) not in taken:
            uses[node.id] = None
    is_open = any(_takes_any(node) for node in nodes)
    return _Code(
        tuple(imports),
        {k: v if v is None else frozenset(v) for k, v in uses.items()},
        None if is_open else frozenset(attributes),
        is_dynamic,
        frozenset(words),
    )


def _imports(node: ast.AST) -> Iterator[_Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield _Import(alias.name, 0, None, bound)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            bound = alias.asname or alias.name
            yield _Import(node.module or "", node.level, alias.name, bound)


def _name(node: ast.AST) -> str | None:
    """Return the last part of a dotted name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _takes_any(node: ast.AST) -> bool:
    """Whether this takes an attribute whose name the text does not tell."""
    if isinstance(node, ast.Attribute):
        return node.attr == "__dict__"
    if not isinstance(node, ast.Call):
        return False
    if _name(node.func) == "getattr":
        return not any(isinstance(n, ast.Constant) for n in node.args[1:2])
    return _name(node.func) in ("vars", "attrgetter")


class _Search:
    """A walk through what is imported, for one framework."""

    def __init__(self, root: Path, row: Framework):
        self.root = root
        self.row = row
        self.others = {other.module for other in FRAMEWORKS.values()}
        self.others -= {row.module}
        self.found: dict[str, bytes] = {}
        self._paths: dict[str, Path | None] = {}
        self._taken: set[tuple[str, str]] = set()

    def cells(self, text: str) -> None:
        """Follow the imports of a notebook's cells."""
        try:
            code = _code(text)
        except SyntaxError:  # a magic, or an error that is the lesson
            self._everything()
            return
        self._follow(code, "", is_cell=True)
        if code.is_dynamic:
            self._everything()
        # What a cell names in a string, it may start as a program.
        for word in code.words:
            for name in re.findall(rf"{PACKAGE}(?:\.\w+)+", word):
                self._module(name)
                self._models(name, None)

    def _follow(
        self, code: _Code, package: str, is_cell: bool = False
    ) -> None:
        for each in code.imports:
            self._import(each, code, package, is_cell)

    def _import(
        self, each: _Import, code: _Code, package: str, is_cell: bool
    ) -> None:
        base = each.base(package)
        if base.partition(".")[0] != PACKAGE:
            return
        full = f"{base}.{each.name}" if each.name else base
        if not is_cell and self._is_anothers(full):
            return
        self._module(full)
        uses = code.uses.get(each.alias, frozenset())
        if not each.name and each.alias == PACKAGE:
            # Without `as`, `import a.b` binds a; a.b.c is not followed.
            self._checks(full, None)
            self._models(full, None)
            if uses is None or "check" in uses:
                self._checks(CHECK, None)
            if uses is None or "models" in uses:
                self._models(MODELS, None)
        elif each.name == "*":
            self._checks(base, None)
            self._models(base, None)
        elif full == BOOK:
            self._models(f"{MODELS}.{self.row.module}", code.attributes)
        elif self._path(full):
            self._checks(full, uses)
            self._models(full, uses)
            if full == f"{CHECK}.models" and uses != frozenset():
                self._models(f"{MODELS}.{self.row.module}", None)
        elif each.name:
            self._checks(base, frozenset([each.name]))
            self._models(base, frozenset([each.name]))

    def _path(self, module: str) -> Path | None:
        """Return the file of a module or package, if there is one."""
        if module not in self._paths:
            base = self.root.joinpath(*module.split("."))
            package = base / "__init__.py"
            path = package if base.is_dir() else Path(f"{base}.py")
            self._paths[module] = path if path.is_file() else None
        return self._paths[module]

    def _is_anothers(self, module: str) -> bool:
        """Whether a module, or one around it, is another framework's."""
        parts = module.split(".")
        return any(
            parts[end - 1].lstrip("_") in self.others
            and self._path(".".join(parts[:end]))
            for end in range(1, len(parts) + 1)
        )

    def _module(self, name: str) -> None:
        """Take a module, and the packages around it, by its full name.

        The last part may be a mere name in the module before it.
        """
        parts = name.split(".")
        # Importing a.b.c runs a, a.b and a.b.c.
        for end in range(1, len(parts) + 1):
            module = ".".join(parts[:end])
            path = self._path(module)
            if path is None:
                return
            if module.rpartition(".")[0] != MODELS:
                self._file(path, module)

    def _file(self, path: Path, module: str) -> None:
        """Take a file as a whole, and follow its imports."""
        label = str(path.relative_to(self.root))
        if label in self.found:
            return
        self.found[label] = path.read_bytes()
        is_package = path.name == "__init__.py"
        if is_package and module != PACKAGE:
            self._data(path.parent)
        try:
            code = _code(self.found[label].decode())
        except SyntaxError as error:
            raise BookError(f"{label}:{error.lineno}: {error.msg}") from None
        package = module if is_package else module.rpartition(".")[0]
        self._follow(code, package)
        if module in DYNAMIC:
            for name in DYNAMIC[module]:
                name = name.format(package=PACKAGE, module=self.row.module)
                self._module(name)
                self._models(name, None)
        elif code.is_dynamic:
            self._everything()

    def _data(self, folder: Path) -> None:
        """Take the files in a package's folder that are no modules."""
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                label = str(path.relative_to(self.root))
                self.found[label] = path.read_bytes()

    def _everything(self) -> None:
        """Take the package, but for what is another framework's."""
        for path in sorted((self.root / PACKAGE).rglob("*.py")):
            parts = path.relative_to(self.root).with_suffix("").parts
            module = ".".join(parts).removesuffix(".__init__")
            if not self._is_anothers(module):
                self._file(path, module)

    def _checks(self, module: str, names: frozenset[str] | None) -> None:
        """Take the exercises whose checks are taken from `check`.

        Args:
            module: Where something is taken from.
            names: What is taken; None: it cannot be told.
        """
        if module != CHECK:
            return
        holders = {
            check: path.stem
            for path in sorted(self.root.glob(f"{PACKAGE}/exercises/*.py"))
            for check in _checks(path.read_text("utf-8"))
        }
        # What is not known may be any.
        if names is None or names - holders.keys():
            names = frozenset(holders)
        for name in names:
            self._module(f"{EXERCISES}.{holders[name]}")

    def _models(self, module: str, names: frozenset[str] | None) -> None:
        """Take definitions from a module of models, and what they need.

        Args:
            module: Where something is taken from.
            names: What is taken; None: it cannot be told.
        """
        if module == MODELS and names != frozenset():
            for path in sorted(self.root.glob(f"{PACKAGE}/models/*.py")):
                if not self._is_anothers(f"{MODELS}.{path.stem}"):
                    self._models(f"{MODELS}.{path.stem}", None)
            return
        path = self._path(module)
        if module.rpartition(".")[0] != MODELS or path is None:
            return
        if str(path.relative_to(self.root)) in self.found:
            return
        text = path.read_text("utf-8")
        table = _statements(text)
        if names is None or table is None:
            self._file(path, module)
            return
        code = _code(text)
        todo = ["", *names]
        while todo:
            name = todo.pop()
            statements = table.get(name, ())
            if (module, name) in self._taken or not statements:
                continue
            self._taken.add((module, name))
            label = f"{path.relative_to(self.root)}:{name}"
            content = dict.fromkeys(each.text for each in statements)
            self.found[label] = "\n".join(content).encode()
            for each in statements:
                todo += each.needs
                for one in each.imports:
                    self._import(one, code, MODELS, is_cell=False)


@functools.cache
def _checks(source: str) -> tuple[str, ...]:
    """Name the checks of a module as `d2lutils.check.catalogue` does."""
    return tuple(
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
        and any(
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Name)
            and each.func.id == "exercise"
            for each in node.decorator_list
        )
    )


@dataclass(frozen=True)
class _Statement:
    """A statement at the top level of a module of models."""

    text: str
    needs: frozenset[str]
    imports: tuple[_Import, ...] = ()


@functools.cache
def _statements(text: str) -> Mapping[str, tuple[_Statement, ...]] | None:
    """Return name → the statements that bind it, of a module of models.

    What does more than to bind names always counts: it stands under "".
    None if the names cannot be told.
    """
    tree = ast.parse(text)
    found: dict[str, tuple[_Statement, ...]] = {}

    def put(names: Iterable[str], statement: _Statement) -> None:
        for name in names:
            found[name] = (*found.get(name, ()), statement)

    for node in ast.walk(tree):
        # A network has a method `eval`.
        if isinstance(node, ast.Name) and node.id in EVALUATORS:
            return None
        if _name(node) in IMPORTERS:
            return None
    for index, node in enumerate(tree.body):
        if index == 0 and ast.get_docstring(tree) is not None:
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            for each in _imports(node):
                if each.name == "*":
                    return None
                shown = _Statement(repr(each), frozenset(), (each,))
                put([each.alias], shown)
                if not each.name and each.alias == PACKAGE:
                    put([""], shown)  # imported for what it does
            continue
        names = _bound(node)
        needs = {
            name
            for part in ast.walk(node)
            for name in (getattr(part, "id", None), _string(part))
            if name
        }
        lines = text.splitlines()[_first(node) - 1 : node.end_lineno]
        put(names or {""}, _Statement("\n".join(lines), frozenset(needs)))
    return found


def _first(node: ast.stmt) -> int:
    """Number the first line of a statement, with its decorators."""
    decorators = getattr(node, "decorator_list", [])
    return min(each.lineno for each in [node, *decorators])


def _string(node: ast.AST) -> str | None:
    """Return a string that may name something, as in `getattr`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value if node.value.isidentifier() else None
    return None


def _bound(node: ast.stmt) -> set[str]:
    """Name what a statement binds, if that is all it does."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) and node.value:
        targets = [node.target]
    else:
        return set()
    parts = [
        part
        for target in targets
        for part in ast.walk(target)
        if not isinstance(part, ast.Tuple | ast.expr_context)
    ]
    if all(isinstance(part, ast.Name) for part in parts):
        return {part.id for part in parts}
    return set()
