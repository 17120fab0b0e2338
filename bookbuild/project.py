"""Where the book's parts lie and what it is called: read once, from files."""

import functools
import os
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from packaging.version import Version
from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

from d2lutils.frameworks import FRAMEWORKS

from .errors import BookError

REPOSITORY = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
BRANCH = re.compile(r"[^\s~^:?#%*\[\]\\]+")


@dataclass(frozen=True)
class Project:
    """A book: the folder that holds `_config.yml` and `_toc.yml`.

    What is committed is derived from these files alone, whatever the
    environment says. `published` is the same book as a fork publishes it.
    """

    root: Path
    fork: str = ""
    """`owner/name` of the repository that publishes it, if not its own."""
    fork_branch: str = ""
    """The branch that it is published from, if not its own."""

    def published(self) -> "Project":
        """Return the book as REPOSITORY and BRANCH have it published.

        The links on the site lead to that repository and branch. Those to
        Colab open its committed notebooks, which install `d2lutils` from the
        repository in `_config.yml`.

        Raises:
            BookError: A variable names no repository or branch.
        """
        fork = _variable("REPOSITORY", REPOSITORY, "owner/name on GitHub")
        branch = _variable("BRANCH", BRANCH, "the name of a branch")
        return replace(
            self,
            fork="" if fork == self.repository else fork,
            fork_branch="" if branch == self.branch else branch,
        )

    @property
    def chapters(self) -> Path:
        """The folder of the sources."""
        return self.root / "chapters"

    def notebook(self, framework: str, chapter: str) -> Path:
        """The derived notebook of a chapter, committed without outputs."""
        return self.root / "notebooks" / framework / f"{chapter}.ipynb"

    def exercises(self, framework: str, chapter: str) -> Path:
        """The notebook in which a chapter's exercises are done."""
        return self.notebook(framework, f"exercises/{chapter}")

    def executed(self, framework: str, chapter: str) -> Path:
        """The same notebook with its outputs, never committed."""
        return self.root / "_build/executed" / framework / f"{chapter}.ipynb"

    def export(self, framework: str | None) -> Path:
        """The module that holds the saved cells of one framework.

        Those without a framework's tag (None) are in a module of their own.
        """
        name = FRAMEWORKS[framework].module if framework else "common"
        return self.root / "d2lutils/models" / f"{name}.py"

    @property
    def explained(self) -> Path:
        """What the chapters ask to explain, for those who mark it."""
        return self.root / "d2lutils/explained.json"

    @functools.cached_property
    def config(self) -> dict:
        """The content of `_config.yml`.

        Raises:
            BookError: It cannot be read.
        """
        try:
            text = (self.root / "_config.yml").read_text("utf-8")
            return yaml.safe_load(text)
        except (OSError, yaml.YAMLError) as error:
            brief = " ".join(str(error).split())
            raise BookError(f"_config.yml: {brief}") from None

    @functools.cached_property
    def toc(self) -> dict[str, int | None]:
        """Chapter name → its number (None if unnumbered), in reading order.

        Raises:
            BookError: `_toc.yml` cannot be read.
        """
        try:
            site = parse_toc_yaml(self.root / "_toc.yml")
        except (OSError, yaml.YAMLError, MalformedError) as error:
            brief = " ".join(str(error).split())
            raise BookError(f"_toc.yml: {brief}") from None
        order: dict[str, int | None] = {_name(site.root.docname): None}
        number = 0
        for subtree in site.root.subtrees:
            for docname in subtree.files():
                if subtree.numbered:
                    number += 1
                order[_name(docname)] = number if subtree.numbered else None
        return order

    @property
    def repository(self) -> str:
        """`owner/name` on GitHub."""
        if self.fork:
            return self.fork
        path = self._place("url").removeprefix("https://github.com/")
        if not REPOSITORY.fullmatch(path):
            raise BookError(
                "_config.yml: the repository's url is "
                "https://github.com/owner/name"
            )
        return path

    @property
    def branch(self) -> str:
        """The branch that links lead to."""
        return self.fork_branch or self._place("branch")

    def _place(self, name: str) -> str:
        """Return a value that `_config.yml` has under `repository`.

        Raises:
            BookError: It has none.
        """
        try:
            return str(self.config["repository"][name])
        except (KeyError, TypeError):
            raise BookError(f"_config.yml: repository has no {name}") from None

    @property
    def site(self) -> str:
        """The address the book is published at, without a final slash."""
        owner, name = self.repository.split("/")
        return f"https://{owner.lower()}.github.io/{name}"

    def colab(self, framework: str, chapter: str) -> str:
        """The address that opens a derived notebook in Colab."""
        path = f"notebooks/{framework}/{chapter}.ipynb"
        return (
            "https://colab.research.google.com/github/"
            f"{self.repository}/blob/{self.branch}/{path}"
        )

    @functools.cached_property
    def version(self) -> Version:
        """The version of the book and of `d2lutils`, in `pyproject.toml`."""
        text = (self.root / "pyproject.toml").read_text("utf-8")
        return Version(tomllib.loads(text)["project"]["version"])

    @property
    def package_source(self) -> str:
        """What pip installs `d2lutils` from: the tag of this version.

        A version in development has no tag, and a fork none unless it was
        asked for them: there it is the branch.
        """
        point = f"v{self.version}"
        if self.version.is_devrelease or self.fork or self.fork_branch:
            point = self.branch
        address = f"https://github.com/{self.repository}"
        return f"d2lutils @ git+{address}@{point}"


def _variable(name: str, form: re.Pattern, wanted: str) -> str:
    """Return an environment variable's value, "" if it has none.

    Raises:
        BookError: It has not the form.
    """
    value = os.environ.get(name, "").strip()
    if value and not form.fullmatch(value):
        raise BookError(f"{name}: {value!r} is not {wanted}")
    return value


def _name(docname: str) -> str:
    return docname.removeprefix("chapters/")


def chosen_frameworks(text: str | None = None) -> list[str]:
    """Parse the variable FRAMEWORKS, in the order of the tabs.

    Raises:
        BookError: A name is unknown or none is left.
    """
    text = os.environ.get("FRAMEWORKS") if text is None else text
    names = (text or " ".join(FRAMEWORKS)).replace(",", " ").split()
    unknown = [name for name in names if name not in FRAMEWORKS]
    if unknown or not names:
        fault = f"{unknown[0]!r} is unknown" if unknown else "names none"
        raise BookError(
            f"FRAMEWORKS: {fault}; choose from {', '.join(FRAMEWORKS)}"
        )
    return [name for name in FRAMEWORKS if name in names]


SCALES = "smoke", "demo", "full"
"""The names in `d2lutils.scale`."""


def chosen_scale() -> str:
    """Return the scale that D2L_SCALE names, `demo` if it names none.

    Raises:
        BookError: It is unknown.
    """
    name = os.environ.get("D2L_SCALE", "").strip() or "demo"
    if name not in SCALES:
        raise BookError(
            f"D2L_SCALE: {name!r} is unknown; choose from {', '.join(SCALES)}"
        )
    return name
