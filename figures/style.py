"""The figures' look: the palette and the style sheets made from it.

Every colour is a CSS variable with a fallback. A page that inlines a
figure sets the variables, as `figures.css` does for light and dark mode;
a stand-alone image has the fallbacks, which are the light palette.
"""

# name: (light, dark). The hues are those of Okabe and Ito, which readers
# with any colour vision can tell apart; the fills are tints of them.
PALETTE = {
    "paper": ("#ffffff", "transparent"),
    "ink": ("#1b222b", "#e9edf2"),
    "muted": ("#4c5763", "#b3bdc8"),
    "line": ("#46515e", "#b9c3ce"),
    "outline": ("#7c8794", "#7c8794"),
    "shortcut": ("#0072b2", "#56b4e9"),
    "projection": ("#d55e00", "#e69f00"),
    "learned": ("#008a64", "#2fbf95"),
    "badge": ("#0072b2", "#0072b2"),
    "mark": ("#ffffff", "#ffffff"),
    "conv": ("#dcecf7", "#17394f"),
    "norm": ("#fdf1d7", "#483a18"),
    "act": ("#daf1e8", "#174436"),
    "pool": ("#f6e4ee", "#4a2a3e"),
    "dense": ("#e9edf1", "#2c3540"),
}
LINES = [
    "line",
    "outline",
    "shortcut",
    "projection",
    "learned",
    "badge",
    "mark",
]
FILLS = ["paper", "conv", "norm", "act", "pool", "dense"]

# Sizes of text. The smallest stays legible when a figure 480 wide is
# shrunk to the 330 pixels of a phone.
SIZES = {"text": 15, "small": 13.5, "strong": 16, "math": 17, "sub": 13.5}
SANS = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
SERIF = "'STIX Two Text', Cambria, Georgia, 'Times New Roman', serif"


def colour(name: str) -> str:
    """The CSS value of a palette entry: a variable with a fallback."""
    return f"var(--fig-{name}, {PALETTE[name][0]})"


def style_sheet() -> str:
    """The rules that every figure carries; harmless when repeated."""
    rules = {
        "text": f"font: {SIZES['text']}px {SANS}; text-anchor: middle; "
        f"fill: {colour('ink')}",
        ".small": f"font-size: {SIZES['small']}px",
        ".strong": f"font-size: {SIZES['strong']}px; font-weight: 600",
        ".muted": f"fill: {colour('muted')}",
        ".start": "text-anchor: start",
        ".end": "text-anchor: end",
        ".math": f"font-family: {SERIF}; font-size: {SIZES['math']}px",
        ".var": "font-style: italic",
        ".sub": f"font-size: {SIZES['sub']}px",
        ".group": "fill: none",
        ".box": f"stroke: {colour('line')}; stroke-width: 1.5",
        ".frame": "fill: none; stroke-width: 2.5; stroke-linecap: round; "
        "stroke-dasharray: 0.1 6",
        ".mesh": f"fill: {colour('conv')}; fill-opacity: 0.5",
        ".path": "fill: none; stroke-width: 2",
        ".round": "fill: none; stroke-linecap: round",
        ".thick": "stroke-width: 2.5",
        ".bold": "stroke-width: 4",
        ".dashed": "stroke-dasharray: 7 4",
        ".dotted": "stroke-width: 1.5; stroke-dasharray: 2 3",
    }
    rules |= {f".{name}": f"fill: {colour(name)}" for name in FILLS}
    rules |= {f".{name}": f"stroke: {colour(name)}" for name in LINES}
    rules |= {f".{name}-fill": f"fill: {colour(name)}" for name in LINES}
    return "\n".join(f".bookfig {k} {{ {v}; }}" for k, v in rules.items())


def page_css() -> str:
    """What a page adds so that inlined figures follow its theme."""

    def block(selector: str, column: int, indent: str) -> str:
        values = {name: pair[column] for name, pair in PALETTE.items()}
        values["paper"] = "transparent"  # the page itself is the paper
        lines = [f"  --fig-{name}: {v};" for name, v in values.items()]
        rows = [f"{selector} {{", *lines, "}"]
        return "".join(f"{indent}{row}\n" for row in rows)

    return (
        "/* Written by figures/draw.py from its palette. */\n"
        ".bookfig {\n  max-width: 100%;\n  height: auto;\n}\n"
        + block('body,\nbody[data-theme="light"]', 0, "")
        + "/* A printed page is light. */\n@media screen {\n"
        + block('body[data-theme="dark"]', 1, "  ")
        + "  @media (prefers-color-scheme: dark) {\n"
        + block('body:not([data-theme="light"])', 1, "    ")
        + "  }\n}\n"
    )
