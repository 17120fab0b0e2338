"""References as "He et al., 2016a", in the text and in the list alike."""

from dataclasses import dataclass, field

import pybtex.plugin
import sphinxcontrib.bibtex.plugin
from pybtex.richtext import Text
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.template import Node, node
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.style.referencing import (
    BracketStyle,
    GroupReferenceStyle,
)
from sphinxcontrib.bibtex.style.referencing.basic_label import (
    BasicLabelParentheticalReferenceStyle,
    BasicLabelTextualReferenceStyle,
)
from sphinxcontrib.bibtex.style.template import join, reference

from ..markdown.references import cited_as, with_distinct_years


class Labels(BaseLabelStyle):
    """An entry's label is its authors and its year."""

    def format_labels(self, sorted_entries):
        """Yield the label of each entry."""
        entries = {entry.key: entry for entry in sorted_entries}
        distinct = with_distinct_years(entries)
        for key in entries:
            who, year, _ = cited_as(distinct[key])
            yield f"{who}, {year}"


class Bibliography(Style):
    """The list of references, by author, year and title."""

    default_sorting_style = "author_year_title"
    default_label_style = Labels


@node
def _part(children, data: dict, number: int) -> Text:
    return Text(data["formatted_entry"].label.rpartition(", ")[number])


@dataclass
class _Textual(BasicLabelTextualReferenceStyle):
    def inner(self, role_name: str) -> Node:
        who, year = _part(number=0), _part(number=2)
        return reference[join[who, " (", year, ")"]]


@dataclass
class Citations(GroupReferenceStyle):
    """The roles `cite:p`, (He et al., 2016a), and `cite:t`, He (2016a)."""

    bracket: BracketStyle = field(
        default_factory=lambda: BracketStyle("(", ")", sep="; ")
    )

    def __post_init__(self) -> None:
        """Compose the style of its two roles."""
        self.styles.extend(
            [
                BasicLabelParentheticalReferenceStyle(self.bracket),
                _Textual(BracketStyle(sep=", ")),
            ]
        )
        super().__post_init__()


def setup(app: Sphinx) -> None:
    """Register the styles under the name that `_config.yml` gives."""
    pybtex.plugin.register_plugin(
        "pybtex.style.formatting", "book", Bibliography
    )
    sphinxcontrib.bibtex.plugin.register_plugin(
        "sphinxcontrib.bibtex.style.referencing", "book", Citations
    )
