"""Formulas as MathML, made when the page is: no page needs a script for them.

A formula's TeX goes along as an annotation, so that it can be copied.
"""

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

_logger = logging.getLogger(__name__)
_CONVERTER = LatexToMathML(annotation=True, fancy_error=False)


def mathml(node: nodes.math | nodes.math_block) -> str:
    """Return the formula of a node; what is no formula is warned of."""
    tex = node.astext().strip()
    block = isinstance(node, nodes.math_block)
    try:
        return _CONVERTER.convert_with_local_state(tex, displaystyle=block)
    except LatexError as error:
        _logger.warning("formula %r: %s", tex, error, location=node)
        return ""


def _visit_inline(translator, node: nodes.math) -> None:
    start = translator.starttag(node, "span", "", CLASS="math")
    translator.body.append(f"{start}{mathml(node)}</span>")
    raise nodes.SkipNode


def _visit_block(translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(mathml(node))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the renderer."""
    app.add_html_math_renderer(
        "mathml", (_visit_inline, None), (_visit_block, None)
    )
