"""A small book with exercises, solutions and quizzes, built once a run."""

from pathlib import Path

from small_book import SmallBook, cell, step

QUIZ = """\
```{quiz} How many channels leave the block, where $c = 64$?
- [ ] 64
  > Those are the channels *inside*, $c$. The last convolution restores the
  > number with which the block began.
- [x] 256, that is $4c$
  > Right: $4c = 256$.
  >
  > A second paragraph cites {cite:t}`he2016deep`.
- [ ] A long choice that goes on so that it has to be broken into lines
  on a phone, with `code(64, 256)` in it
  > No, says {numref}`ex-x-cost`.
```
"""

SECOND_QUIZ = """\
```{quiz}
What does `Block(256)` compute?

- [x] the identity of {numref}`sec-x`
  > Right.
- [ ] zero
  > No.
```
"""

EXERCISES = """\
(sec-x-exercises)=
## Exercises

```{exercise} The cost of a $3 \\times 3$ convolution
:label: ex-x-cost
*Predict.* How much? Use `check.cost(x)`, and {eq}`eq-x-a`.

1. first
2. second

$$
a = b
$$ (eq-x-a)
```

```{exercise} Another one
:label: ex-x-other
*Explain.* Why? Compare {numref}`ex-x-cost`.
```

```{exercise} A bug
:label: ex-x-bug
*Find the bug.* Mend it for
`check.a_name_that_is_too_long(for_a_phone_as_it_is)`.
```

```{exercise} The same bug everywhere
:label: ex-x-same
*Find the bug.* Mend this, too.
```
"""

SOLUTION = """\
## The cost

```{solution-start} ex-x-cost
:label: sol-x-cost
:class: dropdown
```
"""

END = "```{solution-end}\n```\n"

OTHER = """\
## Another one

```{solution-start} ex-x-other
:label: sol-x-other
:class: dropdown
```

Because of {numref}`ex-x-cost`.

"""


def solution(word):
    """Return how a solution begins."""
    return (
        f"## {word}\n\n```{{solution-start}} ex-x-{word}\n"
        f":label: sol-x-{word}\n:class: dropdown\n```\n"
    )


TOC = """\
format: jb-book
root: chapters/intro
parts:
  - numbered: 2
    chapters:
      - file: chapters/x
  - caption: Solutions
    chapters:
      - file: chapters/solutions/x
  - caption: Reference
    chapters:
      - file: chapters/references
"""

CHECK = """\
def cost(x):
    print("cost: right" if x else "cost: not answered")
"""


def write(book: SmallBook) -> SmallBook:
    """Fill a small book with a chapter, its exercises and solutions."""
    book.write("d2lutils/check.py", CHECK)
    book.write(
        "chapters/references.md", "# References\n\n```{bibliography}\n```\n"
    )
    book.chapter("intro", "Hello.\n")
    book.chapter(
        "x",
        "(sec-x)=\n## Text\n\nSee {numref}`ex-x-cost`.\n",
        QUIZ,
        "Text between.\n",
        SECOND_QUIZ,
        step("print('{fw}')"),
        EXERCISES,
        title="The Chapter X",
    )
    book.chapter(
        "solutions/x",
        "(sec-solutions-x)=\nOf {ref}`sec-x` and {doc}`../x`.\n",
        cell("from d2lutils import check"),
        SOLUTION,
        step("def count():\n    ...  # {fw}\n\n\ncheck.cost(...)", "stub"),
        "Some prose.\n",
        step("x = 3  # {fw}"),
        "And then.\n",
        cell("check.cost(x)"),
        END,
        OTHER,
        END,
        solution("bug"),
        step("broken = '{fw}'", "stub"),
        END,
        solution("same"),
        cell("broken = 'everywhere'", "stub"),
        END,
        title="Solutions: The Chapter X",
    )
    book.write("_toc.yml", TOC)
    return book


def build(root: Path) -> SmallBook:
    """Fill, execute and build the book in a new folder."""
    root.mkdir()
    book = write(SmallBook(root))
    assert len(book.executed()) == 6
    book.build()
    return book
