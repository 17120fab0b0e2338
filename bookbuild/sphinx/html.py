"""A node that becomes one element of HTML, with the attributes it is given."""

from docutils import nodes
from sphinx.application import Sphinx


class HtmlElement(nodes.General, nodes.Element):
    """An element such as `details`; other builders show what it holds."""


def element(tag: str, *children: nodes.Node, **attributes) -> HtmlElement:
    """Return an element; `class_` and `id_` are its class and id.

    An underscore in an attribute's name stands for a hyphen.
    """
    classes = attributes.pop("class_", "").split()
    ids = [attributes.pop("id_")] if "id_" in attributes else []
    named = {
        name.rstrip("_").replace("_", "-"): value
        for name, value in attributes.items()
    }
    return HtmlElement(
        "", *children, tag=tag, html=named, classes=classes, ids=ids
    )


def _visit(translator, node: HtmlElement) -> None:
    start = translator.starttag(node, node["tag"], "", **node["html"])
    translator.body.append(start)


def _depart(translator, node: HtmlElement) -> None:
    if node["tag"] != "input":
        translator.body.append(f"</{node['tag']}>")


def _pass(translator, node: HtmlElement) -> None:
    pass


def setup(app: Sphinx) -> None:
    """Register the node."""
    other = (_pass, _pass)
    app.add_node(HtmlElement, html=(_visit, _depart), latex=other, text=other)
