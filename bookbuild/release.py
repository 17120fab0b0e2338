"""Give the book and its package the next version, wherever one is named."""

import datetime
import re

from packaging.version import InvalidVersion, Version

from .errors import BookError
from .project import Project

_HEADING = re.compile(r"^## (\S+) – (\S+)$", re.MULTILINE)
"""A version in the log of changes, and when it was released."""

_DATE = re.compile(r"^date-released: .*\n", re.MULTILINE)
_UNRELEASED = "unreleased"


def release(project: Project, version: str, today: datetime.date) -> str:
    """Write a version into all files that name it; return what to do next.

    The notebooks follow when they are derived. A version such as 0.3.0.dev0
    begins what becomes 0.3.0: its notebooks install from the branch.

    Args:
        project: The book.
        version: The version, as packages number theirs.
        today: The date of the release.

    Raises:
        BookError: It is no version that can follow, or a file does not name
            the present one. Nothing is written.
    """
    now, new = project.version, _parsed(version)
    if new <= now:
        raise BookError(
            f"VERSION={version}: must be higher than {now}, the present "
            "version in pyproject.toml"
        )
    texts = {
        name: (project.root / name).read_text("utf-8")
        for name in ("pyproject.toml", "CITATION.cff", "CHANGELOG.md")
    }
    texts["CITATION.cff"] = _DATE.sub("", texts["CITATION.cff"])
    for name, before, after in (
        ("pyproject.toml", f'version = "{now}"', f'version = "{new}"'),
        ("CITATION.cff", f"version: {now}", _citation(new, today)),
    ):
        texts[name] = _replace(name, texts[name], before, after)
    texts["CHANGELOG.md"] = _headed(texts["CHANGELOG.md"], new, today)
    for name, text in texts.items():
        (project.root / name).write_text(text, "utf-8")
    if new.is_devrelease:
        return f"{new} is begun: commit it"
    return (
        f"{new} is written: commit it, then say `git tag v{new} && git push "
        f"origin {project.branch} v{new}`; the notebooks install that tag"
    )


def _parsed(version):
    try:
        new = Version(version)
    except InvalidVersion:
        new = None
    # As Git's tag and the files have it, to the letter.
    if new is None or str(new) != version or new.local:
        raise BookError(
            f"VERSION={version!r} is no version such as 0.2.0 or 0.3.0.dev0"
        )
    return new


def _replace(name, text, before, after):
    lines = text.splitlines()
    if lines.count(before) != 1:
        raise BookError(f"{name}: must have one line `{before}`")
    lines[lines.index(before)] = after
    return "\n".join(lines) + "\n"


def _citation(new, today):
    if new.is_devrelease:
        return f"version: {new}"
    return f"version: {new}\ndate-released: {today}"


def _headed(text, new, today):
    """Date the newest heading, or put one for a version that is begun."""
    newest = _HEADING.search(text)
    if newest is None:
        raise BookError(
            f"CHANGELOG.md: must have a heading `## 0.2.0 – {_UNRELEASED}`"
        )
    name, when = new, today
    if new.is_devrelease:
        name, when = new.base_version, _UNRELEASED
    heading, rest = f"## {name} – {when}", text[newest.end() :]
    if newest[2] != _UNRELEASED:  # that version stays
        if not new.is_devrelease:
            raise BookError(
                f"CHANGELOG.md: must say under a heading `## {new} – "
                f"{_UNRELEASED}` what has changed since {newest[1]}"
            )
        rest = "\n\n" + text[newest.start() :]
    return text[: newest.start()] + heading + rest
