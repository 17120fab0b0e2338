"""The book in a browser: tabs, keyboard, narrow screens, dark mode."""

import pytest
from reader import Reader
from selection import FRAMEWORKS
from small_book import REPOSITORY

from bookbuild.project import Project
from d2lutils.frameworks import FRAMEWORKS as TABLE

FIRST, SECOND, *_, LAST = FRAMEWORKS

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 360, "height": 740}
SIZES = {"wide": WIDE, "narrow": NARROW}
PAGES = list(Project(REPOSITORY).toc)
# Behind a fold there are more.
CHECKED = """() => [...document.querySelectorAll(
  '.framework-tabs:not(details *) > input:checked + label')]
  .map(e => e.dataset.syncId)"""
VISIBLE = """() => [...document.querySelectorAll(
  '.framework-tabs:not(details *) > .sd-tab-content')]
  .map(e => e.checkVisibility())"""


@pytest.fixture
def read(chromium, site):
    """Return a new reader; at the end nothing may have gone wrong."""
    readers = []

    def begin(**options):
        readers.append(Reader(chromium, site, **options))
        return readers[-1]

    yield begin
    for reader in readers:
        assert_content(reader)
        reader.context.close()


def assert_content(reader):
    """Nothing may have gone wrong, nor been asked of another site."""
    assert reader.complaints == []
    strangers = [
        url
        for url in reader.requests
        if not url.startswith((reader.site, "data:", "blob:"))
    ]
    assert reader.requests and strangers == []


def chosen(page):
    """Return the one framework that all tab sets show."""
    names = page.evaluate(CHECKED)
    assert len(names) >= 2 and len(set(names)) == 1, names
    visible = page.evaluate(VISIBLE)
    assert sum(visible) == len(names)
    return names[0]


def choose(page, name, number):
    """Click a tab of one tab set."""
    page.locator(f".framework-tabs > label[data-sync-id={name}]").nth(
        number
    ).click()


def test_the_first_framework_is_shown_first(read):
    assert chosen(read().open("residual_block.html")) == FIRST


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_all_tabs_of_a_page_follow_one_click(read, name):
    page = read().open("residual_block.html")
    choose(page, FIRST if name == LAST else LAST, 0)
    choose(page, name, 1)
    assert chosen(page) == name


def test_the_choice_is_kept_on_reload_on_other_pages_and_in_new_windows(read):
    reader = read()
    page = reader.open("residual_block.html")
    choose(page, SECOND, 0)
    page.reload()
    assert chosen(page) == SECOND
    assert chosen(reader.open("resnet18.html")) == SECOND
    other = reader.open("residual_block.html", reader.new_window())
    assert chosen(other) == SECOND


def test_an_address_can_name_the_framework(read):
    reader = read()
    page = reader.open(f"residual_block.html?fw={LAST}")
    assert chosen(page) == LAST
    assert chosen(reader.open("resnet18.html")) == LAST
    assert chosen(reader.open(f"resnet18.html?fw={FIRST}")) == FIRST


def test_arrow_keys_choose_a_tab(read):
    page = read().open("residual_block.html")
    page.locator(".framework-tabs > input").first.focus()
    for key, name in (
        ("ArrowRight", SECOND),
        ("ArrowLeft", FIRST),
        ("ArrowLeft", LAST),
    ):
        page.keyboard.press(key)
        assert chosen(page) == name
    outline = page.evaluate(
        "() => getComputedStyle(document.querySelector("
        "'.framework-tabs > input:checked + label')).outlineStyle"
    )
    assert outline == "solid"


def test_tabs_are_reached_with_the_tab_key(read):
    page = read().open("residual_block.html")
    page.locator(".launch-links a").last.focus()
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate(
            "() => document.activeElement.matches('.framework-tabs > input')"
        ):
            return
    pytest.fail("no tab was reached")


# What is too wide must scroll; some pixels are the slant of a formula.
CUT_OFF = """() => [...document.querySelectorAll('article *')].filter(e =>
  e.checkVisibility() && e.scrollWidth > e.clientWidth + 8
  && e.clientWidth && getComputedStyle(e).overflowX === 'hidden'
  ).map(e => e.textContent)"""


@pytest.fixture(scope="module")
def windows(chromium, site):
    """Windows of two sizes that keep what they have loaded."""
    made = {
        size: Reader(chromium, site, viewport=viewport)
        for size, viewport in SIZES.items()
    }
    yield made
    for reader in made.values():
        reader.context.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", SIZES)
def test_a_page_opens_without_complaints_and_fits(windows, name, size):
    """One load for all that is asked of every page: it takes seconds."""
    reader = windows[size]
    reader.complaints.clear()
    reader.requests.clear()
    page = reader.open(f"{name}.html", until="networkidle")
    assert page.locator("h1:visible").count() == 1
    if size == "narrow":
        assert page.evaluate(CUT_OFF) == []
    for framework in FRAMEWORKS:
        if page.locator(".framework-tabs").count():
            choose(page, framework, 0)
        width = page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= SIZES[size]["width"], framework
    assert_content(reader)


def test_figures_fit_a_narrow_screen_and_can_be_read_there(read):
    page = read(viewport=NARROW).open("residual_block.html")
    boxes = page.evaluate(
        "() => [...document.querySelectorAll('article figure > svg')]"
        ".map(e => e.getBoundingClientRect()).map(b => [b.left, b.right])"
    )
    assert len(boxes) >= 2
    for left, right in boxes:
        assert left >= 0 and right <= NARROW["width"] and right - left > 200


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("name", ["residual_block", "resnet18"])
def test_mathematics_is_set_without_scripts(read, name, scripts):
    page = read(java_script_enabled=scripts).open(f"{name}.html")
    assert page.locator("article math").count() > 5
    assert page.locator("article merror").count() == 0
    text = page.locator("article").inner_text()
    assert "\\mathbf" not in text and "\\(" not in text


PLACE = "id => document.getElementById(id).getBoundingClientRect().top"


@pytest.mark.parametrize("size", SIZES)
def test_a_link_leads_to_its_place(read, size):
    page = read(viewport=SIZES[size]).open("gradient_flow.html#exercises")
    assert 0 <= page.evaluate(PLACE, "exercises") < 120
    page.evaluate("() => location.hash = 'a-lesion-study'")
    page.wait_for_timeout(300)
    assert 0 <= page.evaluate(PLACE, "a-lesion-study") < 120
    page.wait_for_timeout(300)  # and it stays there
    assert 0 <= page.evaluate(PLACE, "a-lesion-study") < 120


def test_a_number_is_not_broken(read):
    page = read().open("resnet18.html")
    cells = page.locator("td.number")
    assert cells.count() > 5
    for cell in cells.all():
        style = cell.evaluate(
            "e => [getComputedStyle(e).textAlign,"
            " e.firstElementChild.getClientRects().length,"
            " e.firstElementChild.clientHeight]"
        )
        assert style[:2] == ["right", 1] and style[2] < 35


def test_a_line_of_79_columns_fits_beside_the_contents(read):
    page = read(viewport={"width": 1440, "height": 900}).open("resnet18.html")
    room = page.evaluate(
        """() => {
          const pre = document.querySelector('article .cell_input pre');
          const style = getComputedStyle(pre);
          const line = document.createElement('span');
          line.textContent = 'm'.repeat(79);
          pre.append(line);
          const inner = pre.clientWidth - parseFloat(style.paddingLeft)
            - parseFloat(style.paddingRight);
          return [inner - line.getBoundingClientRect().width, style.fontSize];
        }"""
    )
    assert room[0] >= 0 and room[1] == "14px"


def colours(page):
    """Return the colours that figures and their page are drawn in."""
    return page.evaluate(
        """() => {
          const of = (e, name) => getComputedStyle(e)[name];
          const figure = document.querySelector('article figure > svg');
          return {
            page: of(document.body, 'backgroundColor'),
            ink: of(figure.querySelector('text'), 'fill'),
            shapes: [...figure.querySelectorAll('rect, path, ellipse')]
              .map(e => of(e, 'fill') + of(e, 'stroke')).join(),
          };
        }"""
    )


def luminance(colour):
    """Return a colour's relative luminance (WCAG 2)."""
    numbers = colour[colour.index("(") + 1 : -1].split(",")[:3]
    parts = [float(number) / 255 for number in numbers]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_figures_take_the_colours_of_dark_mode(read):
    light = colours(read(color_scheme="light").open("residual_block.html"))
    dark = colours(read(color_scheme="dark").open("residual_block.html"))
    for part in ("page", "ink", "shapes"):
        assert light[part] != dark[part]
    for mode in (light, dark):
        low, high = sorted((luminance(mode["ink"]), luminance(mode["page"])))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_pictures_of_outputs_can_be_read_in_dark_mode(read):
    page = read(color_scheme="dark").open("fashion_mnist.html")
    pictures = page.locator(
        "article .cell_output :is(img, svg:not(button svg)):visible"
    )
    assert pictures.count() >= 2
    boxes = [each.bounding_box() for each in pictures.all()]
    assert all(box["width"] > 100 and box["height"] > 40 for box in boxes)


def test_the_site_begins_with_a_front_page(read, real_book):
    reader = read()
    page = reader.page
    page.goto(f"{reader.site}/?fw={SECOND}")
    labels = page.locator(".front-code label").all_inner_texts()
    assert labels == [row.name for row in TABLE.values()]
    code = page.locator(".front-code pre:visible")
    assert code.count() == 1 and "class BasicBlock" in code.inner_text()
    cards = page.locator(".front-cards a")
    numbered = [name for name, n in real_book.project.toc.items() if n]
    assert [
        card.get_attribute("href").split("/")[-1] for card in cards.all()
    ] == [f"{name}.html" for name in numbered]
    assert all(" min" in card.inner_text() for card in cards.all())
    page.get_by_role("link", name="Start reading").click()
    page.wait_for_url("**/chapters/intro.html")
    assert chosen(reader.open("residual_block.html")) == SECOND


def test_the_search_finds_a_word_of_a_chapter(read):
    reader = read()
    reader.page.goto(f"{reader.site}/search.html?q=degradation")
    found = reader.page.locator("#search-results li a")
    found.first.wait_for()
    assert any(
        "residual_block" in a.get_attribute("href") for a in found.all()
    )
