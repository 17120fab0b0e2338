"""Figures, tables, equations and sections are numbered as on the pages."""

import re

import pytest
from small_book import FIGURE, SmallBook, step

from bookbuild.derive import derive
from bookbuild.markdown.references import FIGURE_NAMES

PARTS = [
    FIGURE.replace(":name: fig-square\n", ""),
    FIGURE.replace("fig-square", "fig-{name}"),
    ":::{note}\nA note.\n\n```{math}\n:label: eq-{name}-note\na\n```\n:::\n",
    "```{math}\nno = label\n```\n",
    "```{math}\n:label: eq-{name}-long\n\nb\n= 1\n```\n",
    "$$\nc\n$$ (eq-{name}-block)\n",
    "$$ d $$ (eq-{name}-line)\n",
    "```{list-table} Nothing\n* - a\n  - b\n```\n",
    "```{list-table} Numbers\n:name: tab-{name}\n\n* - a\n  - b\n```\n",
    "```python\n# no section\n## none either\n```\n",
    "## First\n\nWords.\n",
    "(sec-{name})=\n## Second\n\nWords.\n",
    "### Inner\n\n(sec-{name}-inner)=\n### Inner again\n\nWords.\n",
]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Three chapters with everything that has a number; the first has none."""
    made = SmallBook(tmp_path_factory.mktemp("book"))
    made.toc("intro", "atoms", "waves")
    for name in ("intro", "atoms", "waves"):
        parts = [part.replace("{name}", name) for part in PARTS]
        made.chapter(name, *parts, step("x = 1"), title=f"On {name}")
    path = made.root / "chapters/waves.md"
    text = path.read_text("utf-8") + "\n(sec-last)=\n## The Last One\n\n"
    for name in ("atoms", "waves"):
        text += (
            f"{{numref}}`sec-{name}`, {{ref}}`sec-{name}-inner`,\n"
            f"{{numref}}`fig-{name}`, {{numref}}`tab-{name}`,\n"
            f"{{eq}}`eq-{name}-note`, {{eq}}`eq-{name}-long`,\n"
            f"{{eq}}`eq-{name}-block`, {{eq}}`eq-{name}-line`.\n"
        )
    text += "{numref}`fig-intro`, {numref}`tab-intro`, {eq}`eq-intro-line`.\n"
    path.write_text(text, "utf-8")
    made.build()
    return made


def test_labels_have_the_numbers_of_the_pages(book):
    labels = book.load().references.labels
    compared = 0
    for name, label in labels.items():
        page = book.page(label.chapter)
        if label.kind == "equation":
            place = page.find(id=f"equation-{name}").select_one(".eqno")
            words = f"({label.number})"
        elif label.kind == "section":
            continue  # the references below say their numbers
        else:
            place = page.find(id=name).select_one(".caption-number")
            words = FIGURE_NAMES[label.kind] % label.number
        shown = place.get_text().strip().rstrip("#¶").strip()
        assert shown == words, name
        compared += 1
    assert compared == 3 * 6


def test_references_have_the_numbers_of_the_page(book):
    loaded = book.load()
    waves = loaded.named["waves"]
    notebook = derive(loaded, waves, "pytorch")
    last = notebook.cells[-1].source.split("## The Last One")[1]
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", last)
    section = book.page("waves").find(id="the-last-one")
    section.find("h2").decompose()
    assert " ".join(plain.split()) == " ".join(section.get_text().split())
    assert "Section 1.2, Inner again,\nFig. 1.2, Table 1.2,\n(1.1)" in plain


def test_equations_of_a_notebook_carry_the_numbers_of_the_page(book):
    loaded = book.load()
    for chapter in loaded.chapters[:3]:
        notebook = derive(loaded, chapter, "mxnet")
        text = "\n".join(cell.source for cell in notebook.cells)
        tags = re.findall(r"\\tag\{([\d.]+)\}", text)
        shown = [
            re.search(r"\(([\d.]+)\)", number.get_text())[1]
            for number in book.page(chapter.name).select("article .eqno")
        ]
        assert tags == shown and len(tags) == 4


def test_links_of_a_notebook_lead_to_places_on_the_pages(book):
    loaded, found = book.load(), set()
    for chapter in loaded.chapters[:3]:
        for cell in derive(loaded, chapter, "mxnet").cells:
            found |= set(re.findall(r"/(\w+)\.html#([^)]+)", cell.source))
    for name, place in found:
        assert book.page(name).find(id=place), (name, place)
    kinds = {place.partition("-")[0] for _, place in found}
    assert kinds >= {"equation", "fig", "sec", "tab"}
