"""The built book: tabs, outputs, numbers, links and alternative texts."""

import copy
import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from pages import cells_outside_tabs, colab_links, output, source, tab_sets

from bookbuild.book import read_book
from bookbuild.markdown.references import FIGURE_NAMES
from d2lutils.frameworks import FRAMEWORKS

ORDER = list(FRAMEWORKS)


@pytest.fixture(scope="module")
def book(real_book):
    return real_book


@pytest.fixture(scope="module")
def chapters(book):
    """Chapter's name → chapter, of the chapters with code."""
    chapters = read_book(book.project).chapters
    return {c.name: c for c in chapters if c.code("mxnet")}


@pytest.fixture(scope="module")
def executed(book, chapters):
    """(Framework, chapter) → executed code cells but for the set-up cell."""
    found = {}
    for framework in book.frameworks:
        for name in chapters:
            path = book.project.executed(framework, name)
            notebook = nbformat.read(path, as_version=4)
            code = [c for c in notebook.cells if c.cell_type == "code"]
            found[framework, name] = code[1:]
    return found


def all_pages(book):
    """Return path → page, of every HTML file of the site."""
    return {
        str(path.relative_to(book.html)): book.page(
            str(path.relative_to(book.html))
        )
        for path in book.html.rglob("*.html")
        if "_static" not in path.relative_to(book.html).parts
    }


def printed(cell):
    """Return what a cell prints, as far as it is text."""
    text = ""
    for each in cell.outputs:
        if each.output_type == "stream":
            text += each.text
        elif set(each.get("data", {})) == {"text/plain"}:
            text += each.data["text/plain"]
    return text


def test_every_notebook_was_executed_to_its_end(executed):
    assert executed
    for place, cells in executed.items():
        counts = [cell.execution_count for cell in cells]
        assert counts == list(range(2, len(cells) + 2)), place


def test_every_group_of_framework_cells_is_three_tabs_in_order(book, chapters):
    assert len(chapters) >= 4
    for name, chapter in chapters.items():
        sets = tab_sets(book.pages[name])
        for tabs in sets:
            assert [tab.framework for tab in tabs] == ORDER, name
            assert [tab.label for tab in tabs] == [
                row.name for row in FRAMEWORKS.values()
            ]
        shown = {
            framework: [
                text
                for tabs in sets
                for tab in tabs
                if tab.framework == framework
                for text in tab.sources
            ]
            for framework in ORDER
        }
        for framework in ORDER:
            own = [c.source for c in chapter.code(framework) if c.framework]
            remaining = iter(shown[framework])
            assert all(text in remaining for text in own), (name, framework)


def test_a_chapters_code_stands_on_its_page_in_order(book, chapters):
    for name, chapter in chapters.items():
        for framework in ORDER:
            code = [
                source(cell)
                for cell in book.pages[name].select("article .cell")
                if not cell.find_parent(class_="framework-tabs")
                or f"tag_{framework}" in cell["class"]
            ]
            assert code == [c.source for c in chapter.code(framework)]


def test_every_output_stands_in_its_own_tab(book, executed):
    compared = 0
    for (framework, name), cells in executed.items():
        shown = [
            output(cell)
            for cell in book.pages[name].select("article .cell")
            if not cell.find_parent(class_="framework-tabs")
            or f"tag_{framework}" in cell["class"]
        ]
        for text, cell in zip(shown, cells, strict=True):
            wanted = "".join(printed(cell).split())
            assert wanted in "".join(text.split()), (framework, name)
            compared += bool(wanted)
    assert compared >= 10 * len(book.frameworks)


def test_a_framework_that_was_deselected_shows_code_without_outputs(book):
    for name, page in book.pages.items():
        for tabs in tab_sets(page):
            for tab in tabs:
                if tab.framework not in book.frameworks:
                    assert not any(tab.outputs), name


def test_shared_cells_stand_outside_the_tabs(book, chapters):
    for name, chapter in chapters.items():
        known = {c.source for c in chapter.cells if c.kind == "code"}
        for code, _ in cells_outside_tabs(book.pages[name]):
            assert code in known


NOISE = re.compile(
    r"/job:|0x[0-9a-f]{6,}|Warning|Traceback|site-packages|\x1b\[|/tmp/"
)
COUNTED = re.compile(r"([\d,]+) parameters, by the formula ([\d,]+)")


def test_outputs_have_no_noise_and_counts_are_those_of_the_formulas(executed):
    counted = 0
    for place, cells in executed.items():
        for cell in cells:
            text = " ".join(printed(cell).split())
            found = NOISE.search(text)
            assert not found, (place, text[max(0, found.start() - 40) :][:99])
            for number, formula in COUNTED.findall(text):
                assert number == formula, (place, text)
                counted += 1
    assert counted >= len({framework for framework, _ in executed})


def test_no_page_shows_what_was_written_to_stderr(book, executed):
    for place, cells in executed.items():
        for cell in cells:
            for each in cell.outputs:
                assert each.get("name") != "stderr", (place, each.text)
                assert each.output_type != "error", place
    for path, page in all_pages(book).items():
        assert not page.select(".stderr, .traceback"), path


def test_pages_with_code_have_three_links_to_colab(book, chapters):
    for name, page in book.pages.items():
        links = colab_links(page)
        if name not in chapters:
            assert links == []
            continue
        notebooks = [name]
        if page.select("article .exercise"):
            notebooks.append(f"exercises/{name}")
        assert links == [
            (
                FRAMEWORKS[framework].name,
                book.project.colab(framework, notebook),
            )
            for notebook in notebooks
            for framework in ORDER
        ]
        for _, address in links:
            path = re.search(r"/blob/[^/]+/(.*)", address)[1]
            assert (book.root / path).exists()


def test_no_link_within_the_site_is_broken(book):
    checked = 0
    pages = all_pages(book)
    for path, page in pages.items():
        ends = [
            (tag, tag[name])
            for name in ("href", "src")
            for tag in page.select(f"[{name}]")
        ]
        for tag, address in ends:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or tag.name == "base":
                continue
            target = PurePosixPath(path)
            if parts.path:
                target = target.parent / unquote(parts.path)
            file = (book.html / target).resolve()
            assert file.exists(), f"{path}: {address}"
            if parts.fragment and file.suffix == ".html":
                other = pages[str(file.relative_to(book.html.resolve()))]
                found = other.find(id=unquote(parts.fragment))
                assert found, f"{path}: {address}"
            checked += 1
    assert checked > 100


def test_every_picture_has_a_text(book):
    for path, page in all_pages(book).items():
        for image in page.select("article img"):
            text = image.get("alt", "").strip()
            # Sphinx falls back to the file's name, which says nothing.
            assert text and text not in image["src"], f"{path}: {image}"
        for figure in page.select("article figure"):
            drawing = figure.find("svg")
            assert drawing is not None, f"{path}: {figure.get('id')}"
            title = drawing.find("title", recursive=False)
            assert title.get_text(strip=True), f"{path}: {figure['id']}"
            named = drawing["aria-labelledby"].split()
            assert title["id"] in named and drawing["role"] == "img"
            for each in named:
                assert len(page.find_all(id=each)) == 1, f"{path}: {each}"


def test_ids_are_unique_on_a_page(book):
    for path, page in all_pages(book).items():
        ids = [tag["id"] for tag in page.select("[id]")]
        doubled = {each for each in ids if ids.count(each) > 1}
        assert not doubled, path


def test_every_page_has_one_title(book):
    for path, page in all_pages(book).items():
        if page.select_one("meta[http-equiv=refresh]"):
            continue
        assert len(page.select("h1")) == 1, path
        assert page.html["lang"] and page.title.get_text(strip=True), path


def test_every_figure_and_labelled_equation_has_its_number(book, chapters):
    references = read_book(book.project).references
    numbered = 0
    for name, label in references.labels.items():
        page = book.pages[label.chapter]
        if label.kind == "equation":
            place = page.find(id=f"equation-{name}")
            number = place.select_one(".eqno").get_text()
            assert number.startswith(f"({label.number})"), name
            numbered += 1
        elif label.kind != "section":
            place = page.find(id=name)
            number = place.select_one(".caption-number").get_text(strip=True)
            assert number == FIGURE_NAMES[label.kind] % label.number, name
            numbered += 1
    assert numbered >= 8
    for page in book.pages.values():
        for figure in page.select("article figure"):
            assert figure.select_one(".caption-number")


CAPTION = r"^\*\*(?:Fig\.|Table) [\d.]+\*\*"
NUMBER = re.compile(
    r"(?:Fig\.|Section|Table) \d+(?:\.\d+)*|\(\d{1,2}(?:\.\d+)?\)"
)


def test_notebooks_and_pages_refer_by_the_same_numbers(book, chapters):
    compared = 0
    for name in chapters:
        article = copy.copy(book.pages[name].select_one("article"))
        for part in article.select(
            ".cell, .code-to-mend, svg, .math, .caption-number"
        ):
            part.decompose()
        shown = NUMBER.findall(re.sub(r"\s+", " ", article.get_text()))
        for framework in ORDER:
            path = book.project.notebook(framework, name)
            notebook = nbformat.read(path, as_version=4)
            prose = "\n\n".join(
                re.sub(CAPTION, "", cell.source, flags=re.M)
                for cell in notebook.cells
                if cell.cell_type == "markdown"
            )
            prose = re.sub(r"\$\$.*?\$\$|\$[^$]*\$", "", prose, flags=re.S)
            prose = re.sub(r"\s+", " ", prose)
            assert NUMBER.findall(prose) == shown, (framework, name)
            compared += len(shown)
    assert compared > 10


def test_notebooks_tag_equations_with_the_numbers_of_the_page(book, chapters):
    compared = 0
    for name in chapters:
        shown = [
            re.search(r"\(([\d.]+)\)", tag.get_text())[1]
            for tag in book.pages[name].select("article .eqno")
        ]
        path = book.project.notebook("pytorch", name)
        tags = re.findall(r"\\\\tag\{([\d.]+)\}", path.read_text("utf-8"))
        assert tags == shown
        compared += len(tags)
    assert compared >= 5


@pytest.mark.parametrize("row", FRAMEWORKS.values(), ids=ORDER)
def test_the_functions_of_every_framework_are_described(book, row):
    page = book.page("chapters/api.html")
    for name in "fit", "train_ch6", "load_data_fashion_mnist":
        assert page.find(id=f"d2lutils.{row.module}.{name}")


def test_a_source_is_cited_as_the_list_of_references_calls_it(book):
    listed = {
        entry["id"]: entry.select_one(".label").get_text().strip("[]")
        for entry in book.page("chapters/references.html").select(".citation")
    }
    assert {"He et al., 2016a", "He et al., 2016b"} <= set(listed.values())
    assert len(set(listed.values())) == len(listed) > 20
    cited = set()
    for page in book.pages.values():
        for link in page.select(".bibtex-citation a"):
            label = listed[link["href"].split("#")[1]]
            who, _, year = label.rpartition(", ")
            words = " ".join(link.get_text().split())
            assert words in (label, f"{who} ({year})")
            cited.add(label)
    assert cited == set(listed.values())


def test_notebooks_cite_as_the_page_does(book, chapters):
    compared = 0
    for name in chapters:
        path = book.project.notebook("pytorch", name)
        notebook = nbformat.read(path, as_version=4)
        prose = " ".join(
            " ".join(cell.source.split())
            for cell in notebook.cells
            if cell.cell_type == "markdown"
        )
        for link in book.pages[name].select("article .bibtex-citation a"):
            assert " ".join(link.get_text().split()) in prose, name
            compared += 1
    assert compared > 20


def test_figures_of_tables_stand_below_each_other(book):
    cells = [
        cell
        for page in book.pages.values()
        for cell in page.select(".recorded td")
        if "±" in cell.get_text()
    ]
    assert len(cells) > 10
    for cell in cells:
        assert "number" in cell["class"], cell


def test_every_formula_is_mathml_with_its_tex(book):
    formulas = 0
    for name, page in book.pages.items():
        for place in page.select("article :is(span, div).math"):
            source = place.select_one("math annotation")
            assert source["encoding"] == "application/x-tex", name
            assert source.get_text().strip(), name
            formulas += 1
        assert not page.select("article merror"), name
    assert formulas > 500
