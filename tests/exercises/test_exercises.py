"""Every exercise is solved, checked, and its check is proved."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import exercise_answers
import pytest
from docutils.nodes import make_id
from selection import ENVIRONMENT, selected_frameworks
from small_book import REPOSITORY

from bookbuild import chapter
from bookbuild.directives import exercise as exercises
from bookbuild.markdown import myst
from bookbuild.project import Project
from d2lutils import check
from d2lutils.check import guard

KINDS = ("*Code.*", "*Find the bug.*", "*Predict.*", "*Explain.*")


def read(name):
    return chapter.read(REPOSITORY / f"chapters/{name}.md", name)


CHAPTERS = {
    name: exercises.statements(read(name))
    for name in Project(REPOSITORY).toc
    if not name.startswith(exercises.SOLUTIONS)
}
ASKED = {name: asked for name, asked in CHAPTERS.items() if asked}
STATEMENTS = {
    label: block for asked in ASKED.values() for label, block in asked.items()
}


@pytest.fixture(scope="module", params=selected_frameworks())
def entries(request, tmp_path_factory):
    """What the checks say of all answers, in one framework."""
    report = tmp_path_factory.mktemp("report") / "report.json"
    command = [sys.executable, exercise_answers.__file__]
    done = subprocess.run(
        [*command, request.param, report, *ASKED],
        cwd=REPOSITORY,
        env={
            **ENVIRONMENT,
            "PYTHONPATH": str(REPOSITORY),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(report.read_text())


def test_every_answer_is_told_what_it_should_be(entries):
    faults = [
        f"{x['chapter']}: check.{x['check']}, {x['kind']} "
        f"{x['wanted']!r}: {x['fault']}\n{x['code']}"
        for x in entries
        if x["fault"]
    ]
    assert faults == []


def test_every_check_needs_less_than_its_time(entries, monkeypatch):
    monkeypatch.delenv(guard.VARIABLE, raising=False)
    assert max(entry["seconds"] for entry in entries) < guard.seconds()


def test_nobody_sees_a_traceback_of_ours(entries):
    for entry in entries:
        assert "Traceback" not in entry["said"], entry["said"]
        assert not re.search("d2lutils.(check|exercises)", entry["said"])


def test_a_solution_is_told_why_it_matters(entries):
    told = {x["check"]: x["said"] for x in entries if x["kind"] == "solution"}
    told.pop("", None)
    assert set(told) == set(check.__all__)
    for name, said in told.items():
        _, _, why = said.partition(f"✓ {name}: right.")
        assert len(why.split()) > 20, said


def test_there_are_forty_exercises_and_three_in_each_chapter():
    assert len(STATEMENTS) >= 40
    for name in Project(REPOSITORY).toc:
        if name in CHAPTERS and any(
            cell.kind == "code" for cell in read(name).cells
        ):
            assert len(CHAPTERS[name]) >= 3, name


@pytest.mark.parametrize("name", ASKED)
def test_exercises_are_of_one_kind_and_name_their_check(name):
    kinds = [
        next((kind for kind in KINDS if block.body.startswith(kind)), None)
        for block in ASKED[name].values()
    ]
    assert None not in kinds, dict(zip(ASKED[name], kinds, strict=True))
    assert len(kinds) - kinds.count("*Explain.*") >= 2
    checks = {getattr(check, each).label: each for each in check.__all__}
    for (label, block), kind in zip(ASKED[name].items(), kinds, strict=True):
        called = set(
            re.findall(r"`check\.(\w+)\(", " ".join(block.body.split()))
        )
        wanted = set() if kind == "*Explain.*" else {checks.get(label)}
        assert called == wanted, label


@pytest.mark.parametrize("label", STATEMENTS)
def test_every_exercise_tells_how_hard_and_long_it_is(label):
    first = STATEMENTS[label].body.splitlines()[0]
    assert re.search(r"\*\s\((Easy|Medium|Hard), \d+ minutes\.\)$", first)


@pytest.mark.parametrize("name", ASKED)
def test_every_checked_exercise_has_a_stub_and_explained_ones_have_none(name):
    page = read(exercises.SOLUTIONS + name)
    for label, solution in exercises.solutions(page).items():
        explain = STATEMENTS[label].body.startswith("*Explain.*")
        assert bool(solution.stubs) != explain, label
        for stub in solution.stubs:
            last = ast.unparse(ast.parse(stub.source).body[-1])
            assert last.startswith("check."), label


@pytest.mark.parametrize("name", ASKED)
def test_what_is_explained_has_a_rubric(name):
    solved = exercises.solutions(read(exercises.SOLUTIONS + name))
    for label, solution in solved.items():
        explain = STATEMENTS[label].body.startswith("*Explain.*")
        assert bool(solution.rubric) == explain, label
        head, *items = re.split(r"^\* ", solution.rubric, flags=re.MULTILINE)
        assert not items or head.strip() == "*Rubric.*", label
        assert len(items) >= 3 or not explain, label
        for item in items:
            assert re.match(r"(1 point|[2-9] points): \S", item), item


def test_every_check_has_wrong_and_right_answers():
    answers = {}
    for name in ASKED:
        if Path(exercise_answers.ANSWERS, f"{name}.py").exists():
            answers |= exercise_answers.load(name)
    assert set(answers) == set(check.__all__)
    for name, given in answers.items():
        assert len(given["wrong"]) >= 3, name
        assert len(given["right"]) >= 1, name
        for _, wanted in given["wrong"]:
            texts = wanted.values() if isinstance(wanted, dict) else [wanted]
            assert all(text.strip() for text in texts), name


def test_every_check_is_documented():
    for name in check.__all__:
        body = getattr(check, name)
        assert body.__doc__.startswith("Check "), name
        assert body.hint.endswith((".", "?")), name
        assert body.second_hint.endswith((".", "?")), name
        assert body.why.rstrip().endswith((".", "?")), name


def test_every_check_leads_to_a_place_in_the_book():
    for name in check.__all__:
        chapter, _, place = getattr(check, name).read.partition("#")
        assert chapter in CHAPTERS, name
        headings = {
            make_id(match[2])
            for cell in read(chapter).cells
            if cell.kind == "markdown"
            for line in cell.source.splitlines()
            if (match := myst.HEADING.match(line))
        }
        assert not place or place in headings, name
