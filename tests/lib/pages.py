"""Read the cells and tabs of a built page."""

from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag


@dataclass(frozen=True)
class Tab:
    """One tab: its framework, what its label says, its code and outputs."""

    framework: str
    label: str
    sources: list[str]
    outputs: list[str]


def source(cell: Tag) -> str:
    """Return the code that a cell shows."""
    return cell.select_one(".cell_input pre").get_text().strip("\n")


def output(cell: Tag) -> str:
    """Return the text of what a cell put out; nothing: an empty text."""
    return "".join(
        part.get_text() for part in cell.select(":scope > .cell_output")
    ).strip()


def tab_sets(page: BeautifulSoup) -> list[list[Tab]]:
    """Return the framework tabs of a page."""
    found = []
    for tabs in page.select(".framework-tabs"):
        labels = tabs.select(":scope > label")
        contents = tabs.select(":scope > .sd-tab-content")
        found.append(
            [
                Tab(
                    label["data-sync-id"],
                    label.get_text(strip=True),
                    [source(cell) for cell in content.select(".cell")],
                    [output(cell) for cell in content.select(".cell")],
                )
                for label, content in zip(labels, contents, strict=True)
            ]
        )
    return found


def cells_outside_tabs(page: BeautifulSoup) -> list[tuple[str, str]]:
    """Return (code, output) of the cells that all frameworks share."""
    return [
        (source(cell), output(cell))
        for cell in page.select("article .cell")
        if not cell.find_parent(class_="framework-tabs")
    ]


def colab_links(page: BeautifulSoup) -> list[tuple[str, str]]:
    """Return (text, address) of the links that open notebooks in Colab."""
    return [
        (link.get_text(strip=True), link["href"])
        for link in page.select("article a[href*='colab.research']")
    ]
