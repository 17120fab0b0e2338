"""Tell which module holds the check of an exercise, and load none of them."""

import ast
from pathlib import Path

EXERCISES = Path(__file__).parents[1] / "exercises"


def catalogue(folder: Path = EXERCISES) -> dict[str, str]:
    """Return check → the module that defines it, as read from the sources.

    A check is a function at the top level that is decorated with
    `exercise(...)`.

    Raises:
        ValueError: Two exercises have the same name, or one has the name of
            a module of this package, which would hide it.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.py")):
        for name in _checks(path.read_text("utf-8")):
            if name in found:
                raise ValueError(f"two exercises are named {name!r}")
            if Path(__file__).with_name(f"{name}.py").exists():
                raise ValueError(f"d2lutils.check.{name} is no exercise")
            found[name] = path.stem
    return found


def _checks(source: str) -> list[str]:
    return [
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
        and any(
            isinstance(decorator, ast.Call)
            and isinstance(decorator.func, ast.Name)
            and decorator.func.id == "exercise"
            for decorator in node.decorator_list
        )
    ]
