"""Find out which framework an answer is written in, and make it a network.

Nothing here imports a framework: the adapters `_torch`, `_tensorflow` and
`_mxnet` do, each its own, and only one that the reader has imported already
is ever used.
"""

import functools
import inspect
import sys
import types
from collections.abc import Mapping

from .answer import Unanswered, Wrong, brief

_ADAPTERS = {"torch": "_torch", "tensorflow": "_tensorflow", "mxnet": "_mxnet"}
_OF_MODULE = {**_ADAPTERS, "keras": "_tensorflow"}


def _load(name):
    # Written out, so that whoever follows the imports finds them.
    if name == "_torch":
        from . import _torch as found
    elif name == "_tensorflow":
        from . import _tensorflow as found
    else:
        from . import _mxnet as found
    return found


def _of_type(answer):
    """Return the adapter's name for a framework's class or instance."""
    kind = answer if inspect.isclass(answer) else type(answer)
    for parent in kind.__mro__:
        if name := _OF_MODULE.get(parent.__module__.split(".")[0]):
            return name
    return None


def adapter(answer=None):
    """Return the adapter of the framework that an answer is written in.

    Args:
        answer: A class, a network, a tensor or a function. A function tells
            it by the layers and modules that it uses. What tells nothing
            belongs to the framework that is imported.

    Raises:
        Wrong: None of the frameworks is imported.
    """
    if name := _of_type(answer):
        return _load(name)
    for value in reachable(answer):
        if isinstance(value, types.ModuleType):
            name = _OF_MODULE.get(value.__name__.split(".")[0])
        else:
            name = _of_type(value)
        if name:
            return _load(name)
    for module, name in _ADAPTERS.items():
        if sys.modules.get(module):
            return _load(name)
    raise Wrong(
        "neither PyTorch nor TensorFlow nor MXNet is imported",
        "Run the first cells of the notebook.",
    )


def reachable(answer):
    """Yield what a function, or an object, can get at by its names.

    That is what it closes over, the globals that it mentions, its defaults
    and its object's attributes, and what functions among these reach.
    """
    seen = set()
    todo = [answer]
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if value is not answer:
            yield value
        if isinstance(value, Mapping):
            todo += value.values()
        elif isinstance(value, list | tuple | set):
            todo += value
        elif isinstance(value, functools.partial):
            todo += [value.func, *value.args, *value.keywords.values()]
        elif inspect.ismethod(value):
            todo += [value.__self__, value.__func__]
        elif inspect.isfunction(value):
            todo += _names(value)
        elif value is answer or _is_plain(value):
            todo += list(getattr(value, "__dict__", {}).values())


def _is_plain(value):
    """Whether this is an object of a class of the reader's own."""
    kind = type(value)
    return kind.__module__ == "__main__" and _of_type(value) is None


def _names(function):
    found = [*(function.__defaults__ or ())]
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not filled yet
            continue
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [c for c in code.co_consts if inspect.iscode(c)]
        found += [
            function.__globals__[name]
            for name in code.co_names
            if name in function.__globals__
        ]
    return found


def network(make, arguments=(), options=None):
    """Return the network that an answer is, or makes, with its adapter.

    Args:
        make: A class or factory, called with `arguments` and `options`; a
            network; or a function of X, that is one which takes one argument
            where `arguments` are not one. What a factory returns may be such
            a function, too. The layers it uses become its parts.
        arguments: Positional arguments.
        options: Keyword arguments.

    Raises:
        Wrong: It is none of these, or cannot be called so.
    """
    fw = adapter(make)
    if fw.is_network(make):
        return make, fw
    name = getattr(make, "__name__", type(make).__name__)
    if not callable(make):
        raise Wrong(
            f"a class, a network or a function is wanted, not the "
            f"{type(make).__name__} {brief(make)}"
        )
    built = make
    if inspect.isclass(make) or not _takes_input(make, arguments):
        built = _call(make, name, arguments, options or {})
    if built is ...:
        raise Unanswered
    if fw.is_network(built):
        return built, fw
    if inspect.isclass(built) or not callable(built):
        raise Wrong(
            f"`{name}` returns {brief(built)}, which is no network and "
            "cannot be called"
        )
    parts = []
    for value in reachable(built):
        if fw.is_network(value) and not any(value is p for p in parts):
            parts.append(value)
    return fw.wrap(built, parts), fw


def _parameters(make):
    function = make.__init__ if inspect.isclass(make) else make
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    return parameters[1:] if inspect.isclass(make) else parameters


def _takes_input(make, arguments):
    parameters = _parameters(make)
    if parameters is None or len(arguments) == 1:
        return False
    required = [
        each
        for each in parameters
        if each.default is each.empty
        and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    return len(required) == 1


def _call(make, name, arguments, options):
    parameters = _parameters(make)
    if parameters is not None:
        try:
            inspect.Signature(parameters).bind(*arguments, **options)
        except TypeError as error:
            given = [repr(value) for value in arguments]
            given += [f"{key}={value!r}" for key, value in options.items()]
            raise Wrong(
                f"`{name}({', '.join(given)})` cannot be called: {error}"
            ) from None
    return make(*arguments, **options)
