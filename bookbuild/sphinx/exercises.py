"""How exercises and solutions look: links between them, and the folds.

sphinx-exercise numbers them and knows which belong together. Here each
exercise gets a link to its solution, and the code to mend where there is a
bug to find; each solution gets a fold of plain HTML.
"""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import exercise_enumerable_node, solution_node

from ..chapter import read
from ..directives import exercise as exercises
from ..project import Project
from .html import element
from .tabs import tab, tab_set


class ShowCodeToMend(SphinxTransform):
    """Show the stub of each exercise that asks to find a bug, folded."""

    default_priority = 500

    def apply(self, **kwargs) -> None:
        """Rewrite the document in place."""
        name = self.env.docname.removeprefix("chapters/")
        project = Project(Path(self.app.srcdir))
        path = project.chapters / f"{exercises.SOLUTIONS}{name}.md"
        if not path.exists():
            return
        self.env.note_dependency(str(path))
        solved = exercises.solutions(read(path))
        for exercise in self.document.findall(exercise_enumerable_node):
            content, solution = exercise[-1], solved.get(exercise["label"])
            if solution and content.astext().startswith("Find the bug."):
                content += _code_to_mend(solution)


def _code_to_mend(solution: exercises.Solution) -> nodes.Element:
    """Return a fold with the stubs, in tabs if there is one a framework."""
    summary = element("summary", nodes.Text("Show the code to mend"))
    fold, tabs = element("details", summary), tab_set()
    for stub in solution.stubs:
        code = nodes.literal_block(stub.source, stub.source, language="python")
        cell = nodes.container("", code, classes=["code-to-mend"])
        if stub.framework is None:
            fold += cell
        else:
            tab(tabs, stub.framework).append(cell)
    if len(tabs):
        fold += tabs
    return fold


class LinkExercises(SphinxPostTransform):
    """Put a link to its solution under each exercise."""

    default_priority = 30  # sphinx-exercise has made the titles

    def run(self, **kwargs) -> None:
        """Rewrite the document in place."""
        registry = getattr(self.env, "sphinx_exercise_registry", {})
        labels = {
            entry["node"].get("target_label"): label
            for label, entry in registry.items()
        }
        for exercise in self.document.findall(exercise_enumerable_node):
            _unwrap(exercise)
            if label := labels.get(exercise["label"]):
                address = self.app.builder.get_relative_uri(
                    self.env.docname, registry[label]["docname"]
                )
                link = nodes.reference(
                    "", "Solution", refuri=f"{address}#{label}", internal=True
                )
                exercise += nodes.paragraph(
                    "", "", link, classes=["exercise-solution"]
                )


class FoldSolutions(SphinxPostTransform):
    """Fold each solution, under a line that leads back to the exercise."""

    default_priority = 30

    def run(self, **kwargs) -> None:
        """Rewrite the document in place."""
        for solution in list(self.document.findall(solution_node)):
            _unwrap(solution)
            title, *content = solution.children
            _tidy(title)
            fold = element(
                "details",
                element("summary", nodes.Text("Show the solution")),
                *content,
            )
            line = nodes.paragraph(
                "", "", *title.children, classes=["solution-title"]
            )
            folded = element("div", line, fold)
            solution.replace_self(folded)
            folded["classes"] = ["solution"]


def _tidy(title: nodes.title) -> None:
    """Move the blank between the words and the link out of the link."""
    words, link = title.children
    title.replace(words, nodes.Text(f"{words.astext()} "))
    first = link.children[0]
    link.replace(first, nodes.Text(first.astext().lstrip()))


def _unwrap(node: nodes.Element) -> None:
    """Take out the section around the content: its id is on every one."""
    for section in [c for c in node.children if isinstance(c, nodes.section)]:
        node.remove(section)
        node += section.children


def setup(app: Sphinx) -> None:
    """Register the transforms."""
    app.setup_extension("sphinx_exercise")
    app.add_transform(ShowCodeToMend)
    app.add_post_transform(LinkExercises)
    app.add_post_transform(FoldSolutions)
