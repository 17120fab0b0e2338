"""Measure this book's code side by side with its peers.

`python -m benchmarks.bench` runs every comparison, each module in a process
of its own, and writes `results/bench.md` and `results/bench.json`. The
variable FRAMEWORKS may name fewer frameworks.
"""

import ast
import dataclasses
import datetime
import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import compare, peers
from benchmarks.machine import Others
from bookbuild import project
from bookbuild.errors import BookError
from d2lutils import backends, record
from d2lutils.fetch import DataNotFoundError
from d2lutils.frameworks import FRAMEWORKS

FOLDER = Path(__file__).parent
RESULTS = FOLDER.parent / "results"

KINDS = ("loaders", "steps", "fit")
"""What is measured. `steps_torch` has the training steps of PyTorch; its
first line says against what, and `PEERS` names the packages of that."""

TEXT = """\
# Side by side

Written by `make bench`, which measures anew. {day}, {machine}; other programs
took {others:.1%} of the processors' time meanwhile.

{versions}

{table}
Ours and the peer's are run in turn in one process, the first run of each is
not counted, and which one begins alternates. Both have the same threads, the
same batches, and the precision that is named. The columns show medians over
the runs, and the ratio is the median of the runs' ratios, ours to the peer's:
speeds (images/s) promise at least so much, times (s) at most. A loader goes
through all 60,000 images; a training step is of one batch that is at hand;
`fit` trains for one epoch on the sample in the package. ResNet-50 of
keras.applications has its stride on another convolution of a block, which is
less work, and biases, which are more: of it nothing is promised. Nor is it of
28 px in TensorFlow, where d2l's loader keeps the images as floats, four times
the memory, and shuffles whole batches, so that it has nothing to do but copy.
"""


def main():
    """Run the command line; return the exit status."""
    try:
        names = project.chosen_frameworks()
        peers.install()
        peers.lay_out_data()
    except subprocess.CalledProcessError:
        packages = " and ".join(peers.PACKAGES)
        return fail(f"the peers {packages} could not be installed")
    except (BookError, DataNotFoundError) as error:
        return fail(error)
    found = {
        "day": datetime.date.today().isoformat(),
        "machine": record.machine(),
        "versions": {},
        "rows": [],
    }
    faults, others = [], Others()
    for framework, module in modules(names):
        work = about(module)
        print(f"{module}: {work}", flush=True)
        try:
            result = in_a_process(framework, module)
        except RuntimeError as error:
            faults.append(f"{module} ({work}) could not be run: {error}")
            continue
        found["versions"].setdefault(framework, {}).update(result["versions"])
        found["rows"] += result["rows"]
        print(table(result), flush=True)
    if faults:
        return fail("; ".join(faults))
    found["others"] = others.share()
    write(found)
    return 0


def fail(sentence):
    """Print an error and return the exit status."""
    print(f"error: {sentence}", file=sys.stderr)
    return 1


def modules(frameworks):
    """Yield a framework's key and the name of a module that measures it."""
    for key in frameworks:
        for kind in KINDS:
            name = f"{kind}_{FRAMEWORKS[key].module}"
            if (FOLDER / f"{name}.py").exists():
                yield key, name


def about(module):
    """Return what a module measures, and against what, without running it."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text("utf-8"))
    return ast.get_docstring(tree).splitlines()[0]


def in_a_process(framework, module):
    """Return the rows and versions of a module, run by another Python.

    Raises:
        RuntimeError: It fails; the last line says how.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        arguments = framework, module, path
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.bench", *arguments],
            env=peers.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise RuntimeError(lines[-1] if lines else done.returncode)
        return json.loads(path.read_text("utf-8"))


def measure(framework, module, path):
    """Measure the rows of one module in this process and write them."""
    sys.path.append(str(peers.SITE))
    # First, because it makes MXNet importable.
    backends.get(framework)
    measured = importlib.import_module(f"benchmarks.{module}")
    found = {
        "versions": record.versions(framework)
        | peers.versions(measured.PEERS),
        "rows": [
            {
                "framework": framework,
                **dataclasses.asdict(row),
                "ratio": row.ratio,
                "kept": row.kept,
            }
            for row in measured.rows()
        ],
    }
    Path(path).write_text(json.dumps(found), "utf-8")


def table(found):
    """Return the table of what was found, in Markdown."""
    names = [field.name for field in dataclasses.fields(compare.Row)]
    return compare.table(
        (
            FRAMEWORKS[row["framework"]].name,
            compare.Row(**{name: row[name] for name in names}),
        )
        for row in found["rows"]
    )


def markdown(found):
    """Return the page that `results/bench.md` is."""
    lines = [
        f"- {FRAMEWORKS[framework].name}: "
        + ", ".join(f"{name} {version}" for name, version in pairs.items())
        for framework, pairs in found["versions"].items()
    ]
    return TEXT.format(
        **found | {"versions": "\n".join(lines), "table": table(found)}
    )


def write(found):
    """Write both files of results."""
    record.write(RESULTS / "bench.json", found)
    (RESULTS / "bench.md").write_text(markdown(found), "utf-8")
    print(f"wrote {RESULTS / 'bench.md'} and bench.json")


if __name__ == "__main__":
    if sys.argv[1:]:
        measure(*sys.argv[1:])
    else:
        sys.exit(main())
