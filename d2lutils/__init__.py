"""Data loading and training, the same in PyTorch, TensorFlow and MXNet.

Import one framework's face of it::

    from d2lutils import torch as d2l  # or tensorflow, or mxnet

Importing the package itself imports no framework. `__version__` is the version
that is installed.
"""

from importlib import metadata


def __getattr__(name: str) -> str:
    if name == "__version__":
        try:
            return metadata.version(__name__)
        except metadata.PackageNotFoundError:
            fault = "d2lutils has no version: it is used without installation"
            raise AttributeError(fault) from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
