"""Import a framework's face and print, as JSON, what it shows of itself.

`python look.py pytorch`
"""

import importlib
import inspect
import json
import sys

from d2lutils.frameworks import FRAMEWORKS


def untyped(signature):
    """Return a signature as text, without its annotations."""
    parameters = [
        parameter.replace(annotation=parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return str(inspect.Signature(parameters))


def main(key):
    """Import, look and print."""
    modules = {row.module for row in FRAMEWORKS.values()}
    before = set(sys.modules)
    d2l = importlib.import_module(f"d2lutils.{FRAMEWORKS[key].module}")
    public = {name: getattr(d2l, name) for name in d2l.__all__}
    own = {
        name: value
        for name, value in public.items()
        if inspect.isfunction(value) and value.__module__ == d2l.__name__
    }
    found = {
        "all": d2l.__all__,
        "frameworks": sorted(modules & set(sys.modules) - before),
        "signatures": {
            name: untyped(inspect.signature(value))
            for name, value in public.items()
            if inspect.isfunction(value)
        },
        "docs": {name: inspect.getdoc(value) for name, value in own.items()},
        "untyped": [
            f"{name}: {parameter.name}"
            for name, value in own.items()
            for parameter in inspect.signature(value).parameters.values()
            if parameter.annotation is parameter.empty
        ],
        "undocumented": [
            name for name, value in public.items() if not inspect.getdoc(value)
        ],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
