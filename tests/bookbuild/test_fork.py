"""What is committed is the same everywhere; a fork's site leads to it."""

import nbformat
import pytest
from small_book import REPOSITORY, SmallBook, cell, step

from bookbuild.errors import BookError
from bookbuild.project import SCALES, Project, chosen_scale
from d2lutils import scale
from d2lutils.frameworks import FRAMEWORKS

FORK = {"REPOSITORY": "someone/a-fork", "BRANCH": "dev"}


@pytest.fixture
def book(tmp_path):
    """A book with a picture, an exercise and what is derived from them."""
    made = SmallBook(tmp_path)
    made.toc("intro", "waves", "solutions/waves")
    made.chapter("intro", "Words.")
    made.chapter(
        "waves",
        step("x = '{fw}'"),
        cell("shared = 1"),
        "A ![square](../img/square.svg).",
        "(sec-exercises)=\n## Exercises\n",
        "```{exercise}\n:label: ex-waves\n\nCount.\n```",
    )
    made.chapter(
        "solutions/waves",
        "```{solution-start} ex-waves\n:label: sol-waves\n```",
        "One.",
        "```{solution-end}\n```",
        title="Solutions",
    )
    made.succeed("derive")
    return made


def tracked(book):
    """Return path → content of what a repository would hold."""
    return {
        path.relative_to(book.root): path.read_bytes()
        for path in book.root.rglob("*")
        if path.is_file() and "_build" not in path.parts
    }


@pytest.mark.parametrize(
    "variables",
    [
        FORK,
        {"REPOSITORY": "someone/a-fork"},
        {"BRANCH": "dev"},
        {"FRAMEWORKS": next(iter(FRAMEWORKS)), "D2L_SCALE": "full"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
        {"SOURCE_DATE_EPOCH": "0", "COLUMNS": "20", "HOME": "/nowhere"},
    ],
)
def test_the_environment_reaches_nothing_that_is_committed(book, variables):
    before = tracked(book)
    assert before
    book.succeed("check", **variables)
    book.succeed("derive", **variables)
    assert tracked(book) == before


def test_a_fork_gets_copies_that_lead_to_it(book):
    assert not (book.root / "_build/notebooks").exists()
    assert book.succeed("derive", **FORK) == []
    names = {"waves.ipynb", "exercises/waves.ipynb"}
    for framework in FRAMEWORKS:
        folder = book.root / "_build/notebooks" / framework
        paths = {
            str(p.relative_to(folder)): p for p in folder.rglob("*.ipynb")
        }
        assert paths.keys() == names
        for path in paths.values():
            text = "\n".join(c.source for c in nbformat.read(path, 4).cells)
            assert "https://someone.github.io/a-fork/chapters/" in text
            assert "git+https://github.com/someone/a-fork@dev" in text
            assert "resnet-book" not in text
    own = book.project.notebook(next(iter(FRAMEWORKS)), "waves")
    assert "a-fork" not in own.read_text("utf-8")
    book.succeed("derive")
    assert not (book.root / "_build/notebooks").exists()


@pytest.mark.parametrize(
    "value",
    ["fork", "a/b/c", "https://github.com/a/b", "a/b c", "/b", "a/", "a/b?"],
)
def test_what_names_no_repository_is_refused(book, value):
    (message,) = book.faults("derive", REPOSITORY=value)
    assert message == f"REPOSITORY: {value!r} is not owner/name on GitHub"
    book.succeed("check", REPOSITORY=value)  # it has no say there


@pytest.mark.parametrize("value", ["a branch", "a?b", "a#b", "100%"])
def test_what_names_no_branch_is_refused(book, value):
    (message,) = book.faults("derive", BRANCH=value)
    assert message == f"BRANCH: {value!r} is not the name of a branch"


def test_the_books_own_repository_is_no_fork(book):
    own = {"REPOSITORY": "resnet-book/resnet-book", "BRANCH": "main"}
    assert book.succeed("derive", **own) == []
    assert not (book.root / "_build/notebooks").exists()


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_counts_as_none(book, value):
    project = Project(book.root)
    before = tracked(book)
    book.succeed("derive", REPOSITORY=value, BRANCH=value)
    assert tracked(book) == before
    assert not (book.root / "_build/notebooks").exists()
    assert project.repository == "resnet-book/resnet-book"


def test_blanks_around_a_variable_do_not_count(monkeypatch):
    monkeypatch.setenv("REPOSITORY", " someone/a-fork\n")
    monkeypatch.setenv("BRANCH", " feature/x ")
    published = Project(REPOSITORY).published()
    assert published.repository == "someone/a-fork"
    assert published.branch == "feature/x"


def test_the_site_refuses_what_names_no_repository(book):
    done = book.jupyter_book(REPOSITORY="fork")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "REPOSITORY: 'fork' is not owner/name on GitHub" in said


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("repository:", "place:", "repository has no url"),
        (
            "url: https://github.com/resnet-book/resnet-book",
            "url: https://example.org/book",
            "the repository's url is https://github.com/owner/name",
        ),
        ("  branch: main", "  name: main", "repository has no branch"),
    ],
)
def test_settings_that_name_no_place_are_refused(book, old, new, fault):
    config = (book.root / "_config.yml").read_text("utf-8")
    assert old in config
    book.write("_config.yml", config.replace(old, new, 1))
    assert book.faults("derive") == [f"_config.yml: {fault}"]


def test_an_unknown_scale_is_refused_before_anything_runs(book):
    (message,) = book.faults("execute", D2L_SCALE="huge")
    assert message == (
        f"D2L_SCALE: 'huge' is unknown; choose from {', '.join(SCALES)}"
    )


def test_the_scales_are_those_of_the_library(monkeypatch):
    assert list(SCALES) == list(scale.SCALES)
    monkeypatch.setenv("D2L_SCALE", "")
    assert chosen_scale() == "demo"
    monkeypatch.setenv("D2L_SCALE", "huge")
    with pytest.raises(BookError):
        chosen_scale()
