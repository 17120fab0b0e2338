"""The figures are up to date, accessible, and legible in either theme."""

import re
import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
IMG, SCRIPTS = ROOT / "img", ROOT / "figures"
FIGURES = sorted(IMG.glob("*.svg"))
MARKS = {"logo", "favicon"}  # they carry no text
DIAGRAMS = [path for path in FIGURES if path.stem not in MARKS]
PHONE = 330  # width of a figure on a page 360 wide, in pixels
SVG = "{http://www.w3.org/2000/svg}"
PAPER = {"light": ["#ffffff"], "dark": ["#121212", "#14181e"]}
FILLS = ["conv", "norm", "act", "pool", "dense"]
LINES = ["line", "outline", "shortcut", "projection", "learned"]


def name(path):
    return path.stem


def root(path):
    return ElementTree.parse(path).getroot()


def rules(svg):
    """Selector and declarations of each rule of the style sheet."""
    text = svg.find(f"{SVG}style").text
    return re.findall(r"([^{}]+?)\s*\{([^}]*)\}", text)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("img")
    command = [sys.executable, SCRIPTS / "draw.py", "--to", folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_every_script_is_drawn_and_every_figure_has_a_script():
    helpers = {"draw", "plot", "shapes", "style"}
    scripts = {path.stem for path in SCRIPTS.glob("*.py")} - helpers
    assert scripts == {path.stem for path in FIGURES}
    assert not list(IMG.glob("*.py"))


@pytest.mark.parametrize("path", [*FIGURES, IMG / "figures.css"], ids=name)
def test_figure_is_up_to_date(path, drawn):
    assert path.read_bytes() == (drawn / path.name).read_bytes()


def test_check_names_what_is_out_of_date(drawn, tmp_path):
    for path in drawn.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    command = [
        sys.executable,
        SCRIPTS / "draw.py",
        "--check",
        "--to",
        tmp_path,
    ]
    fresh = subprocess.run(command, capture_output=True, text=True)
    assert (fresh.returncode, fresh.stdout) == (0, "")
    (tmp_path / "logo.svg").write_text("<svg/>")
    (tmp_path / "pipeline.svg").unlink()
    stale = subprocess.run(command, capture_output=True, text=True)
    assert stale.returncode == 1
    assert re.findall(r"(\w+\.\w+) is out", stale.stdout) == [
        "pipeline.svg",
        "logo.svg",
    ]
    assert not (tmp_path / "pipeline.svg").exists()


@pytest.mark.parametrize("path", FIGURES, ids=name)
def test_figure_has_a_name_and_a_description(path):
    svg = root(path)
    assert svg.tag == f"{SVG}svg"
    assert svg.get("role") == "img"
    assert svg.get("class") == "bookfig"
    title, desc = svg[0], svg[1]
    assert (title.tag, desc.tag) == (f"{SVG}title", f"{SVG}desc")
    assert svg.get("aria-labelledby").split() == [
        title.get("id"),
        desc.get("id"),
    ]
    assert len(title.text) > 10
    assert len(desc.text) > 60


@pytest.mark.parametrize("path", FIGURES, ids=name)
def test_colours_are_variables_with_fallbacks(path):
    svg = root(path)
    colour = r"none|var\(--fig-[a-z]+, #[0-9a-f]{6}\)"
    css = (IMG / "figures.css").read_text()
    for _, body in rules(svg):
        for value in re.findall(r"(?:fill|stroke): ([^;]+);", body):
            assert re.fullmatch(colour, value)
    for variable in re.findall(r"var\((--[\w-]+)", path.read_text()):
        # Light, dark by choice and dark by the system's setting.
        assert css.count(f"{variable}:") == 3
    for element in svg.iter():
        assert not element.attrib.keys() & {"fill", "stroke", "style"}


@pytest.mark.parametrize("path", FIGURES, ids=name)
def test_rules_stay_in_figures_and_cover_every_class(path):
    svg = root(path)
    selectors = [selector.strip() for selector, _ in rules(svg)]
    assert all(s.startswith(".bookfig ") for s in selectors)
    assert rules(svg) == rules(root(FIGURES[0]))
    styled = {s.removeprefix(".bookfig .") for s in selectors}
    used = {c for e in svg.iter() for c in e.get("class", "").split()}
    assert used - {"bookfig"} <= styled


def test_every_rule_is_used():
    used = {"text"}
    for path in FIGURES:
        for element in root(path).iter():
            used |= {f".{c}" for c in element.get("class", "").split()}
    styled = {s.split()[-1] for s, _ in rules(root(FIGURES[0]))}
    assert styled <= used


def test_ids_are_unique_across_figures():
    ids = Counter(
        e.get("id") for path in FIGURES for e in root(path).iter("*")
    )
    del ids[None]
    assert set(ids.values()) == {1}
    stems = tuple(f"{path.stem}-" for path in FIGURES)
    assert all(i.startswith(stems) for i in ids)


@pytest.mark.parametrize("path", DIAGRAMS, ids=name)
def test_text_is_text_and_inside_the_figure(path):
    svg = root(path)
    width, height = (float(v) for v in svg.get("viewBox").split()[2:])
    assert (svg.get("width"), svg.get("height")) == tuple(
        svg.get("viewBox").split()[2:]
    )
    texts = list(svg.iter(f"{SVG}text"))
    assert len(texts) > 5
    for text in texts:
        assert "".join(text.itertext()).strip()
        assert 8 <= float(text.get("x")) <= width - 8
        assert 12 <= float(text.get("y")) <= height - 8


@pytest.mark.parametrize("path", DIAGRAMS, ids=name)
def test_text_is_legible_on_a_phone(path):
    svg = root(path)
    scale = PHONE / float(svg.get("viewBox").split()[2])
    sizes = {
        selector.split()[-1]: float(size)
        for selector, body in rules(svg)
        for size in re.findall(r"font(?:-size)?: ([\d.]+)px", body)
    }
    assert {"text", ".small", ".math", ".sub"} <= sizes.keys()
    assert min(sizes.values()) * scale >= 9


@pytest.mark.parametrize("path", DIAGRAMS, ids=name)
def test_paper_lies_under_everything(path):
    svg = root(path)
    paper = svg[3]
    assert paper.get("class") == "paper"
    assert paper.get("width") == svg.get("width")
    assert paper.get("height") == svg.get("height")


def luminance(colour):
    """Relative luminance, after WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in channels
    ]
    return sum(
        w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def palette(mode):
    css = (IMG / "figures.css").read_text()
    body = re.search(rf'\[data-theme="{mode}"\] \{{(.*?)\}}', css, re.S)[1]
    return dict(re.findall(r"--fig-([a-z]+): ([^;]+);", body))


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_palette_has_enough_contrast(mode):
    colours = palette(mode)
    assert colours["paper"] == "transparent"
    fills = [colours[fill] for fill in FILLS]
    for text, ground in product(["ink", "muted"], [*PAPER[mode], *fills]):
        assert contrast(colours[text], ground) >= 4.5, (text, ground)
    for line, ground in product(LINES, PAPER[mode]):
        assert contrast(colours[line], ground) >= 3, (line, ground)
    for line, fill in product(["line", "learned"], fills):
        assert contrast(colours[line], fill) >= 3, (line, fill)
    assert contrast(colours["mark"], colours["badge"]) >= 4.5


@pytest.mark.parametrize("path", FIGURES, ids=name)
def test_fallbacks_are_the_light_palette(path):
    found = dict(
        re.findall(r"var\(--fig-([a-z]+), (#\w+)\)", path.read_text())
    )
    assert found == palette("light") | {"paper": PAPER["light"][0]}
