"""Turn MyST Markdown into the plain Markdown that Jupyter and Colab show."""

import posixpath
import re
from dataclasses import dataclass

from ..chapter import Chapter
from ..directives import quiz, recorded
from ..project import Project
from . import myst
from .references import FIGURE_NAMES, References, cited_as

NOTES = {"note", "tip", "warning", "important", "seealso", "admonition"}
EXERCISES = {"exercise", "solution-start", "solution-end", "quiz"}
KNOWN_DIRECTIVES = (
    NOTES | EXERCISES | {"figure", "math", "list-table", "recorded"}
)
# On pages without code, of which no notebook is derived.
PAGE_DIRECTIVES = {"bibliography", "eval-rst", "glossary"}
KNOWN_ROLES = {"numref", "ref", "eq", "doc", "cite:t", "cite:p"}


_PICTURE = re.compile(r"(!\[[^\]]*\]\()(?![a-z]+:)([^)\s]+)")


@dataclass(frozen=True)
class Converter:
    """Converts the Markdown of one chapter, resolving its references."""

    project: Project
    chapter: Chapter
    references: References

    def convert(self, source: str) -> str:
        """Return `source` with roles, labels and directives made plain."""
        text = {index for index, _ in myst.text_lines(source)}

        def plain(match: re.Match) -> str:
            if match.string.count("\n", 0, match.start()) not in text:
                return match[0]
            words = self._role(match)
            # Every line keeps its number.
            return words + "\n" * (match[0].count("\n") - words.count("\n"))

        lines = myst.ROLE.sub(plain, source).splitlines()
        for index in text:
            lines[index] = _PICTURE.sub(
                lambda match: match[1] + self._picture(match[2]), lines[index]
            )
            if myst.TARGET.match(lines[index]) or lines[index][:1] == "%":
                lines[index] = None
        for index, line in enumerate(lines):
            if line and (match := myst.MATH_END.match(line)):
                number = self.references.labels[match[2]].number
                lines[index] = f"{match[1]}\\tag{{{number}}}\n$$"
        for block in myst.directives(source):
            lines[block.first : block.end] = [
                self._directive(block),
                *[None] * (block.end - block.first - 1),
            ]
        kept = "\n".join(line for line in lines if line is not None)
        return re.sub(r"\n{3,}", "\n\n", kept).strip("\n")

    def _page(self, chapter: str, anchor: str = "") -> str:
        return f"{self.project.site}/chapters/{chapter}.html{anchor}"

    def _role(self, match: re.Match) -> str:
        role, content = match[1], match[2]
        if role.startswith("cite:"):
            return self._citation(role, content)
        text, target = myst.role_target(content)
        if role == "doc":
            name = self.chapter.resolve(target)
            return (
                f"[{text or self.references.titles[name]}]({self._page(name)})"
            )
        label = self.references.labels[target]
        if role == "eq":
            words = f"({label.number})"
        elif role == "ref" and label.kind != "exercise":
            words = text or label.title
        else:
            words = (text or FIGURE_NAMES[label.kind]) % label.number
        if label.chapter == self.chapter.name:
            return words
        return f"[{words}]({self._page(label.chapter, '#' + target)})"

    def _citation(self, role: str, content: str) -> str:
        parts = []
        for key in content.split(","):
            who, year, link = cited_as(self.references.citations[key.strip()])
            words = f"{who} ({year})" if role == "cite:t" else f"{who}, {year}"
            parts.append(f"[{words}]({link})" if link else words)
        joined = ("; " if role == "cite:p" else ", ").join(parts)
        return f"({joined})" if role == "cite:p" else joined

    def _directive(self, block: myst.Directive) -> str:
        if block.name == "math":
            label = block.options.get("label")
            tag = ""
            if label:
                tag = f"\n\\tag{{{self.references.labels[label].number}}}"
            return f"$$\n{block.body}{tag}\n$$"
        if block.name == "exercise":
            return self.exercise(block)
        if block.name == "quiz":
            return self._quiz(quiz.parse(block.argument, block.body))
        if block.name == "recorded":
            last = block.options.get("last")
            return recorded.markdown(self.project.root, block.body, last)
        if block.name == "solution-start":
            return self._solution(block)
        if block.name == "solution-end":
            return ""
        body = self.convert(block.body)
        if block.name == "figure":
            return self._figure(block, body)
        if block.name in NOTES:
            title = block.argument or block.name
            title = title[0].upper() + title[1:]
            return "\n".join(
                f"> {line}".rstrip()
                for line in f"**{title}.** {body}".splitlines()
            )
        if block.name == "list-table":
            return self._table(block)
        return body

    def exercise(self, block: myst.Directive) -> str:
        """Return an exercise: its number, its title and its text."""
        number = self.references.labels[block.options["label"]].number
        title = f" ({self.convert(block.argument)})" if block.argument else ""
        return f"**Exercise {number}{title}.** {self.convert(block.body)}"

    def _solution(self, block: myst.Directive) -> str:
        target = block.argument.strip()
        label = self.references.labels[target]
        title = f" ({self.convert(label.title)})" if label.title else ""
        address = self._page(label.chapter, f"#{target}")
        return f"**Solution to [Exercise {label.number}{title}]({address}).**"

    def _quiz(self, asked: quiz.Quiz) -> str:
        """Return a quiz: the question, the choices and a folded answer."""
        texts = [self.convert(choice.text) for choice in asked.choices]
        answers = [
            f"- {'✓' if choice.right else '✗'} **{text}** "
            + " ".join(self.convert(choice.explanation).split())
            for choice, text in zip(asked.choices, texts, strict=True)
        ]
        return "\n".join(
            [
                f"**Question.** {self.convert(asked.question)}\n",
                *(f"- {text}" for text in texts),
                "\n<details><summary>Answer</summary>\n",
                *answers,
                "\n</details>",
            ]
        )

    def _picture(self, source: str) -> str:
        """Return where notebooks find a picture, wherever they are opened."""
        folder = posixpath.dirname(self.chapter.path)
        path = posixpath.normpath(f"{folder}/{source}")
        return (
            f"https://raw.githubusercontent.com/{self.project.repository}/"
            f"{self.project.branch}/{path}?sanitize=true"
        )

    def _figure(self, block: myst.Directive, caption: str) -> str:
        address = self._picture(block.argument)
        number = self._number(block)
        return f"![{block.options['alt']}]({address})\n\n{number}{caption}"

    def _number(self, block: myst.Directive) -> str:
        name = block.options.get("name")
        if not name:
            return ""
        number = self.references.labels[name].number
        return f"**{FIGURE_NAMES[block.name] % number}** "

    def _table(self, block: myst.Directive) -> str:
        rows: list[list[str]] = []
        for line in block.body.splitlines():
            if line.startswith("* - "):
                rows.append([line[4:]])
            elif line.startswith("  - "):
                rows[-1].append(line[4:])
            elif line.strip():
                rows[-1][-1] += " " + line.strip()
        text = [
            "| " + " | ".join(self.convert(cell) for cell in row) + " |"
            for row in rows
        ]
        text.insert(1, "|" + " --- |" * len(rows[0]))
        title = self._number(block) + self.convert(block.argument)
        return f"{title}\n\n".lstrip() + "\n".join(text)
