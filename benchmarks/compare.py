"""Time two ways of doing the same thing in turn, and show what came out."""

import os
import statistics
import time
from dataclasses import dataclass

from d2lutils import scale

FIT_BATCH, FIT_LR = 128, 0.01
FIT_WORK = "fit: ResNet-18, 28 px, 4,000 images, and the accuracy on 1,000"

HEADER = (
    "| Framework | What | Peer | Unit | Ours | Peer's | Ratio | Promised "
    "| Kept | Runs |",
    "| --- | --- | --- | --- | ---: | ---: | ---: | --- | --- | ---: |",
)


@dataclass(frozen=True)
class Row:
    """One comparison; what `table` shows of it is computed from its runs.

    Attributes:
        what: What is done.
        peer: Who else does it.
        unit: `images/s`, `s`, or that of a value that is not timed.
        bound: What is promised: of the ratio, or of ours if there is none.
        ours: Each run's value; ours and the peer's were run in turn.
        theirs: The peer's; empty if it is what ours is a distance to.
    """

    what: str
    peer: str
    unit: str
    bound: str | None
    ours: list[float]
    theirs: list[float]

    @property
    def ratio(self):
        """The median of the runs' ratios, ours to the peer's, or `None`."""
        if not self.theirs:
            return None
        pairs = zip(self.ours, self.theirs, strict=True)
        return statistics.median(a / b for a, b in pairs)

    @property
    def kept(self):
        """Whether the bound is kept; `None` if nothing is promised."""
        if self.bound is None:
            return None
        sign, limit = self.bound.split()
        value = max(self.ours) if self.ratio is None else self.ratio
        return value >= float(limit) if sign == "≥" else value <= float(limit)


def interleave(ours, theirs, runs):
    """Run two functions in turn and return the seconds of their runs.

    Each is run once before, which does not count. Which one begins
    alternates, so that a machine that changes its speed favours neither.

    Args:
        ours: Does the work, to its end, and returns `None`, or the seconds
            that the work has taken if they are not the call's.
        theirs: The same of the peer.
        runs: How often each is run.
    """
    seconds = {ours: [], theirs: []}
    for run in range(-1, runs):
        for function in (ours, theirs) if run % 2 else (theirs, ours):
            start = time.perf_counter()
            reported = function()
            elapsed = time.perf_counter() - start
            if run >= 0:
                seconds[function].append(
                    elapsed if reported is None else reported
                )
    return seconds[ours], seconds[theirs]


def speed(what, peer, bound, images, ours, theirs, runs):
    """Return the row of the speeds at which `images` images are worked on.

    See `Row` and `interleave` for the arguments.
    """
    pair = interleave(ours, theirs, runs)
    rates = ([images / seconds for seconds in side] for side in pair)
    return Row(what, peer, "images/s", bound, *rates)


def duration(what, peer, bound, ours, theirs, runs):
    """Return the row of the seconds that something takes."""
    return Row(what, peer, "s", bound, *interleave(ours, theirs, runs))


def fit_rows(d2l, our_net, their_net, peer, bare_loop):
    """Return the row of `fit` against a bare loop, on the sample.

    Args:
        d2l: The module of d2lutils.
        our_net: A network for `fit`.
        their_net: An equal one for the loop.
        peer: What the loop is, in words.
        bare_loop: Called with a network, the batches to train on, those to
            test on, and the learning rate.
    """
    os.environ[scale.VARIABLE] = "demo"
    batches = d2l.load_data_fashion_mnist(FIT_BATCH)
    return [
        duration(
            FIT_WORK,
            peer,
            "≤ 1.02",
            lambda: d2l.fit(our_net, *batches, 1, FIT_LR) and None,
            lambda: bare_loop(their_net, *batches, FIT_LR),
            runs=21,
        )
    ]


def table(rows):
    """Return a table in Markdown.

    Args:
        rows: Pairs of a framework's name and a `Row`.
    """
    return "\n".join([*HEADER, *(_line(*pair) for pair in rows)]) + "\n"


def _line(framework, row):
    digits = ",.0f" if row.unit == "images/s" else ".2f"
    ours, theirs = (
        format(statistics.median(x), digits) if x else "–"
        for x in (row.ours, row.theirs)
    )
    ratio = "–" if row.ratio is None else f"{row.ratio:.3f}×"
    kept = {True: "yes", False: "**missed**", None: "–"}[row.kept]
    cells = [framework, row.what, row.peer, row.unit, ours, theirs, ratio]
    cells += [row.bound or "–", kept, str(len(row.ours))]
    return f"| {' | '.join(cells)} |"
