"""Find out which framework an answer is written in, and make it a network.

Nothing here imports a framework: only the backend of one that the reader has
imported already is ever asked.
"""

import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from d2lutils import backends
from d2lutils.backends import Backend, Network
from d2lutils.frameworks import FRAMEWORKS

from .answer import Unanswered, Wrong, brief, until_the_end


def backend_of(answer: object = None) -> Backend:
    """Return the backend of the framework that an answer is written in.

    Args:
        answer: A class, a network, a tensor or a function. A function tells
            it by the layers and modules that it uses. What tells nothing
            belongs to the framework that is imported.

    Raises:
        Wrong: None of the frameworks is imported.
    """
    if found := backends.of(answer):
        return found
    for value in reachable(answer):
        if found := backends.of(value):
            return found
    for key in backends.imported():
        return backends.get(key)
    names = ", ".join(row.name for row in FRAMEWORKS.values())
    raise Wrong(
        f"no framework is imported, none of {names}",
        "Run the first cells of the notebook.",
    )


def reachable(answer: object) -> Iterator[object]:
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
    return kind.__module__ == "__main__" and backends.of(value) is None


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


def network(
    make: Any,
    arguments: Sequence = (),
    options: Mapping[str, Any] | None = None,
) -> tuple[Network, Backend]:
    """Return the network that an answer is, or makes, with its backend.

    At the end of the check it has its values back.

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
    backend = backend_of(make)
    net = _network(backend, make, arguments, options or {})
    if not inspect.isclass(make):  # a class makes a new one
        until_the_end(backend.kept(net))
    return net, backend


def _network(backend, make, arguments, options):
    if backend.is_network(make):
        if arguments or options:
            raise Wrong(
                "this is a layer that is made already; hand in the class "
                f"itself, `{type(make).__name__}`, or a function that makes "
                "one: the check makes its own, in several sizes",
                "",
            )
        return make
    name = getattr(make, "__name__", type(make).__name__)
    if not callable(make):
        raise Wrong(
            f"a class, a network or a function is wanted, not the "
            f"{type(make).__name__} {brief(make)}"
        )
    built = make
    if inspect.isclass(make) or not _takes_input(make, arguments):
        built = _call(make, name, arguments, options)
    if built is ...:
        raise Unanswered
    if backend.is_network(built):
        return built
    if inspect.isclass(built) or not callable(built):
        raise Wrong(
            f"`{name}` returns {brief(built)}, which is no network and "
            "cannot be called"
        )
    parts = []
    for value in reachable(built):
        if backend.is_network(value) and not any(value is p for p in parts):
            parts.append(value)
    return backend.wrap(built, parts)


def unregistered(net: Network, backend: Backend) -> list[str]:
    """Return the attributes that hold layers which are no part of a network.

    These are plain lists and the like. What a framework has registered, its
    base class keeps under names that begin with an underscore.
    """
    parts, found = [net], []
    for part in parts:
        for name, value in vars(part).items():
            if backend.is_network(value) or name.startswith("_"):
                parts += [
                    each
                    for each in _networks(value, backend)
                    if not any(each is part for part in parts)
                ]
    for part in parts:
        for name, value in vars(part).items():
            for each in _networks(value, backend):
                if not any(each is part for part in parts):
                    found.append(name)
                    break
    return found


def _networks(value, backend):
    """Return the networks in an attribute."""
    if backend.is_network(value):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple | set):
        return [net for each in value for net in _networks(each, backend)]
    return []


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
