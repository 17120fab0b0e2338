"""The tabs of the frameworks, synchronised on all pages."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx_design.shared import create_component, is_component

from d2lutils.frameworks import FRAMEWORKS


class FrameworkTabs(SphinxTransform):
    """Turn neighbouring framework cells into a set of synchronised tabs.

    A run of cells becomes one tab set with code and outputs inside: one tab
    a framework, which holds that framework's cells in their order.
    """

    default_priority = 400

    def apply(self, **kwargs) -> None:
        """Rewrite the document in place."""
        cells = [
            node
            for node in self.document.findall(nodes.container)
            if node.get("nb_element") == "cell_code" and _framework(node)
        ]
        for cell in cells:
            parent, place = cell.parent, cell.parent.index(cell)
            tabs = parent[place - 1] if place else None
            if not _is_framework_tabs(tabs):
                tabs = tab_set()
                parent.insert(place, tabs)
            parent.remove(cell)
            tab(tabs, _framework(cell)).append(cell)


def _framework(cell: nodes.container) -> str | None:
    tags = cell["cell_metadata"].get("tags", [])
    return next((tag for tag in tags if tag in FRAMEWORKS), None)


def _is_framework_tabs(node: nodes.Node | None) -> bool:
    return is_component(node, "tab-set") and (
        "framework-tabs" in node["classes"]
    )


def tab_set() -> nodes.Element:
    """Return an empty set of tabs."""
    return create_component(
        "tab-set", classes=["sd-tab-set", "framework-tabs"]
    )


def tab(tabs: nodes.Element, framework: str) -> nodes.Element:
    """Return the content of a framework's tab, made if it is not there."""
    for item in tabs:
        if item[0]["sync_id"] == framework:
            return item[1]
    label = nodes.rubric(
        "",
        FRAMEWORKS[framework].name,
        classes=["sd-tab-label"],
        sync_group="fw",
        sync_id=framework,
    )
    content = create_component("tab-content", classes=["sd-tab-content"])
    tabs += create_component(
        "tab-item", classes=["sd-tab-item"], children=[label, content]
    )
    return content


def setup(app: Sphinx) -> None:
    """Register the transform."""
    app.add_transform(FrameworkTabs)
