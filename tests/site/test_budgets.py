"""What a page may weigh: the limits stand in `budgets.json`."""

import gzip
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from reader import Reader

BUDGETS = json.loads(Path(__file__).with_name("budgets.json").read_text())
COMPRESSED = {".woff2", ".png"}


def weight(path):
    """Return a file's bytes, as a server sends them."""
    data = path.read_bytes()
    return len(data if path.suffix in COMPRESSED else gzip.compress(data))


@pytest.fixture(scope="module")
def reader(chromium, site):
    reader = Reader(chromium, site)
    yield reader
    reader.context.close()


PAGES = "index", "chapters/resnet18", "chapters/gradient_flow", "search"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_within_its_budget(reader, real_book, name):
    reader.requests.clear()
    # What the last page left behind would not be asked for again.
    reader.context.new_cdp_session(reader.page).send(
        "Network.clearBrowserCache"
    )
    reader.page.goto(f"{reader.site}/{name}.html", wait_until="networkidle")
    asked = {urlsplit(url) for url in reader.requests}
    paths = {each.path for each in asked if "/_images/" not in each.path}
    assert all(each.geturl().startswith(reader.site) for each in asked)
    total = sum(weight(real_book.html / path[1:]) for path in paths)
    elements = reader.page.evaluate(
        "() => document.querySelectorAll('*').length"
    )
    measured = [total / 1000, len(paths), elements]
    limits = list(BUDGETS.values())
    assert all(m <= limit for m, limit in zip(measured, limits, strict=False))
    assert f"/{name}.html" in paths and total > 10_000


def test_the_site_keeps_within_its_budget(real_book):
    files = [path for path in real_book.html.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    assert size <= 1e6 * BUDGETS["MB of the site"]


@pytest.mark.parametrize("name", ["resnet18", "speedrun"])
def test_scripts_of_the_search_are_loaded_by_its_page_alone(real_book, name):
    def loaded(path):
        page = real_book.page(path)
        sources = [tag.get("src", "") for tag in page.select("script[src]")]
        styles = page.select("link[rel=stylesheet]")
        return {source.split("/")[-1] for source in sources}, len(styles)

    assert loaded(f"chapters/{name}.html") == ({"page.js"}, 1)
    scripts, _ = loaded("search.html")
    assert {"searchtools.js", "searchindex.js"} <= scripts
