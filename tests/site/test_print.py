"""A page on paper: light, in the chosen framework, with nothing missing."""

import re

import pytest
from reader import Reader
from selection import FRAMEWORKS

FIRST, *_ = FRAMEWORKS
HIDDEN = """() => [...document.querySelectorAll(
  'button, .sidebar-drawer, .toc-drawer, .launch-links, .related-pages')]
  .filter(e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 80))"""
CLOSED = """() => [...document.querySelectorAll('details > :not(summary)')]
  .filter(e => !e.closest('.sd-tab-content:not(:has(> *))')
    && e.getBoundingClientRect().height === 0 && e.textContent.trim()
    && e.closest('.sd-tab-content')?.checkVisibility() !== false)
  .map(e => e.textContent.trim().slice(0, 80))"""
CUT = """() => [...document.querySelectorAll('article pre, article figure')]
  .filter(e => e.checkVisibility() && e.clientWidth
    && e.scrollWidth > e.clientWidth + 2)
  .map(e => e.textContent.slice(0, 80))"""


@pytest.fixture(scope="module")
def paper(chromium, site):
    """Return a page as it is printed from dark mode."""
    readers = []

    def show(name, framework):
        # The width of A4 between its margins.
        view = {"width": 672, "height": 1000}
        reader = Reader(chromium, site, color_scheme="dark", viewport=view)
        readers.append(reader)
        page = reader.open(f"{name}.html?fw={framework}")
        page.emulate_media(media="print", color_scheme="dark")
        return page

    yield show
    for reader in readers:
        reader.context.close()


def brightness(colour):
    numbers = [float(n) for n in re.findall(r"[\d.]+", colour)]
    opaque = len(numbers) < 4 or numbers[3]
    return sum(numbers[:3]) / 3 if opaque else 255


@pytest.mark.parametrize("name", ["gradient_flow", "solutions/resnet18"])
def test_a_page_is_printed_light_from_dark_mode(paper, name):
    page = paper(name, FIRST)
    colours = page.evaluate(
        """() => ['body', 'article p', 'article pre', 'article pre span']
          .map(s => getComputedStyle(document.querySelector(s)))
          .map(s => [s.color, s.backgroundColor])"""
    )
    for ink, ground in colours:
        assert brightness(ink) < 130 and brightness(ground) > 235


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_only_the_chosen_framework_is_printed(paper, framework):
    page = paper("residual_block", framework)
    for tabs in page.locator(".framework-tabs:not(details *)").all():
        shown = tabs.locator("> label:visible")
        assert shown.count() == 1
        assert shown.get_attribute("data-sync-id") == framework


@pytest.mark.parametrize("name", ["resnet18", "solutions/resnet18"])
def test_answers_are_open_and_nothing_is_cut(paper, name):
    page = paper(name, FIRST)
    assert page.locator("details").count() > 1
    assert page.evaluate(CLOSED) == []
    assert page.evaluate(HIDDEN) == []
    assert page.evaluate(CUT) == []


def test_no_sheet_is_blank(paper):
    page = paper("resnet18", FIRST)
    sheets = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))
    assert 5 <= len(sheets) <= 25
