"""The one table of frameworks, as pure data; no framework is imported.

Whatever has to know which frameworks there are reads this table: the build
of the book, the checks, the benchmarks and the tests.
"""

import functools
from dataclasses import dataclass
from importlib import metadata


@dataclass(frozen=True)
class Framework:
    """What there is to know of a framework without importing it."""

    key: str
    """The tag of its cells and the folder of its notebooks."""

    module: str
    """What it is imported as, and the name of its modules in `d2lutils`."""

    name: str
    """How a page calls it."""

    install: str
    """The command that installs it for a reader."""

    extra: str
    """The extra of `d2lutils` that brings it along."""

    layout: str
    """The axes of a batch of images: NCHW or NHWC."""

    in_colab: bool
    """Whether Colab has it without being asked."""

    distributions: tuple[str, ...]
    """The names under which its versions are found; the first installed is
    the framework's own, the others are parts of it."""

    book_requirement: str
    """What the book's own environment installs: a build without CUDA, if
    there is one under a name of its own."""

    def versions(self) -> dict[str, str]:
        """Return distribution → installed version."""
        return _versions(self.distributions)


@functools.cache  # metadata is read from the disk
def _versions(distributions: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


FRAMEWORKS = {
    row.key: row
    for row in (
        Framework(
            key="pytorch",
            module="torch",
            name="PyTorch",
            install="pip install torch",
            extra="pytorch",
            layout="NCHW",
            in_colab=True,
            distributions=("torch",),
            book_requirement="torch",
        ),
        Framework(
            key="tensorflow",
            module="tensorflow",
            name="TensorFlow",
            install="pip install tensorflow",
            extra="tensorflow",
            layout="NHWC",
            in_colab=True,
            distributions=("tensorflow", "tensorflow-cpu", "keras"),
            book_requirement="tensorflow-cpu",
        ),
        Framework(
            key="mxnet",
            module="mxnet",
            name="MXNet",
            install='pip install --no-deps mxnet==1.9.1 "graphviz<0.9" '
            "requests setuptools",
            extra="mxnet",
            layout="NCHW",
            in_colab=False,
            distributions=("mxnet",),
            book_requirement="mxnet",
        ),
    )
}
"""Key → framework, in the order of the tabs on every page."""
