"""The quizzes inside a chapter: by hand, by keyboard, without JavaScript."""

import shutil

import pytest
from playwright.sync_api import sync_playwright
from reader import Reader, serve
from selection import unavailable
from small_book import REPOSITORY

from bookbuild.directives import quiz

BODY = "- [ ] a\n  > no\n- [x] b,\n  going on\n  > yes:\n  >\n  > $c$\n"


def test_quiz_is_read():
    asked = quiz.parse("What?", BODY)
    assert asked.question == "What?"
    first, second = asked.choices
    assert (first.text, first.right, first.explanation) == ("a", False, "no")
    assert (second.text, second.right) == ("b,\ngoing on", True)
    assert second.explanation == "yes:\n\n$c$"


def test_question_may_stand_in_the_body():
    assert quiz.parse("", "What is `x`?\n\n" + BODY).question == "What is `x`?"


@pytest.mark.parametrize(
    "argument, body, words",
    [
        ("", BODY, "asks a question"),
        ("What?", "- [x] a\n  > yes\n", "at least two choices"),
        ("What?", "", "at least two choices"),
        ("What?", BODY.replace("[x]", "[ ]"), "one right choice"),
        ("What?", BODY.replace("[ ]", "[x]"), "one right choice"),
        ("What?", BODY.replace("  > no\n", ""), "'a' has no explanation"),
        ("What?", BODY + "  end\n", "lines that begin with >, not 'end'"),
    ],
)
def test_what_is_no_quiz(argument, body, words):
    with pytest.raises(ValueError, match=words):
        quiz.parse(argument, body)


def test_script_is_small():
    assert (REPOSITORY / "_static/quiz.js").stat().st_size < 10_000


@pytest.fixture(scope="module")
def book(exercise_book):
    return exercise_book


def test_quiz_is_a_form_that_needs_no_script(book):
    first, second = book.page("x").select("form.quiz")
    assert first.fieldset.legend.get_text(strip=True).startswith("How many")
    inputs = first.select("fieldset input[type=radio]")
    assert len(inputs) == 3
    assert len({each["name"] for each in inputs}) == 1
    assert inputs[0]["name"] != second.input["name"]
    for each in inputs:
        (label,) = first.select(f"label[for={each['id']}]")
        assert label.get_text(strip=True)
    assert first.button.has_attr("hidden")
    assert first.select_one("[role=status]").get_text() == ""
    answers = first.select("details li")
    assert [li["data-right"] for li in answers] == ["false", "true", "false"]
    assert answers[1].select_one("[role=img]")["aria-label"] == "right"
    assert "Exercise 1.1" in answers[2].get_text()
    assert "Block(256)" in second.legend.code.get_text()


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium")
    if path is None:
        unavailable("there is no browser: run `apt-get install chromium`")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(
            executable_path=path, args=options
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(book):
    with serve(book.root / "_build/html") as address:
        yield address


@pytest.fixture
def read(chromium, site):
    """Open the chapter; at the end nothing may have gone wrong."""
    readers = []

    def begin(page="x.html", **options):
        readers.append(Reader(chromium, site, **options))
        if options.get("java_script_enabled", True):
            return readers[-1].open(page)
        readers[-1].page.goto(f"{site}/chapters/{page}")
        return readers[-1].page

    yield begin
    for reader in readers:
        assert reader.complaints == []
        reader.context.close()


def test_choosing_by_hand(read):
    page = read()
    form = page.locator("form.quiz").first
    reply = form.locator(".quiz-reply")
    form.get_by_role("button", name="Check").click()
    assert reply.inner_text() == "Choose an answer first."
    form.get_by_label("64", exact=True).check()
    assert reply.inner_text() == ""
    form.get_by_role("button", name="Check").click()
    assert "Those are the channels inside" in reply.inner_text()
    assert reply.get_attribute("data-right") == "false"
    form.locator("label", has_text="256, that is").click()
    assert reply.inner_text() == ""
    form.get_by_role("button", name="Check").click()
    assert "A second paragraph" in reply.inner_text()
    assert reply.get_attribute("data-right") == "true"
    assert reply.locator("math").count() == 2
    other = page.locator("form.quiz").nth(1)
    assert other.locator(".quiz-reply").inner_text() == ""
    assert other.locator("input:checked").count() == 0


def test_each_choice_stands_beside_its_button(read):
    page = read()
    for choice in page.locator(".quiz-choice").all():
        button = choice.locator("input").bounding_box()
        label = choice.locator("label").bounding_box()
        gap = label["x"] - button["x"] - button["width"]
        assert 5 < gap < 15
        assert label["y"] < button["y"] + button["height"]
        assert choice.evaluate("x => getComputedStyle(x).display") == "flex"


def test_choosing_by_keyboard(read):
    page = read()
    form = page.locator("form.quiz").first
    form.locator("input").first.focus()
    page.keyboard.press("ArrowDown")
    assert form.locator("input").nth(1).is_checked()
    assert form.locator(".quiz-reply").inner_text() == ""
    page.keyboard.press("Enter")
    assert "A second paragraph" in form.locator(".quiz-reply").inner_text()
    page.keyboard.press("Tab")
    form.get_by_role("button").focus()
    width = "getComputedStyle(document.activeElement).outlineWidth"
    assert page.evaluate(width) == "2px"


def test_what_is_announced(read):
    page = read()
    form = page.locator("form.quiz").first
    assert form.get_by_role("group").count() == 1
    assert form.get_by_role("radio").count() == 3
    assert form.get_by_role("status").count() == 1
    form.get_by_role("radio").first.check()
    form.get_by_role("button").click()
    status = form.get_by_role("status")
    assert status.get_by_role("img", name="wrong").count() == 1


def test_without_javascript(read):
    page = read(java_script_enabled=False)
    form = page.locator("form.quiz").first
    assert form.get_by_text("256, that is").first.is_visible()
    assert not form.locator("input").first.is_visible()
    assert not form.locator("button").is_visible()
    answer = form.get_by_text("A second paragraph")
    assert not answer.is_visible()
    form.locator("summary").click()
    assert answer.is_visible()


def test_solution_unfolds_without_javascript(read):
    page = read("solutions/x.html", java_script_enabled=False)
    solution = page.locator("#sol-x-cost")
    assert not solution.get_by_text("Some prose.").is_visible()
    solution.locator("summary").click()
    assert solution.get_by_text("Some prose.").is_visible()
    assert solution.get_by_text("x = 3").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["x.html", "solutions/x.html"])
def test_nothing_is_wider_than_a_phone(read, name, scheme):
    page = read(
        name, viewport={"width": 360, "height": 740}, color_scheme=scheme
    )
    for summary in page.locator("article details > summary").all():
        if summary.is_visible():
            summary.click()
    wide = "document.documentElement.scrollWidth"
    assert page.evaluate(wide) == 360
