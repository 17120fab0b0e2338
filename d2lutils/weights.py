"""Weights under one set of names: torchvision's, as NumPy arrays.

A convolution's weight has the shape (out, in, height, width), a fully
connected layer's (out, in). The backends translate between this dictionary
and their own layouts, so that weights move from one framework to another.
What the dictionary has no name for keeps its framework's name and layout.
"""

import collections
import inspect
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as to_bytes

from d2lutils import backends

# Counts batches in PyTorch's state_dict; no framework computes with it.
_COUNTER = "num_batches_tracked"

# What puts a prefix in front of all names.
_WRAPPERS = {
    "module": "DataParallel or DistributedDataParallel",
    "_orig_mod": "torch.compile",
    "model": "a trainer such as Lightning",
}


def canonical(name):
    """Return the dictionary's name of a weight: torchvision's."""
    *path, last = name.split(".")
    path = ["downsample" if part == "shortcut" else part for part in path]
    return ".".join([*path, last])


def listed(texts, what="more", separator=", "):
    """Return texts in a row, of more than ten the first ten and a count."""
    texts = list(texts)
    if len(texts) > 10:
        texts[10:] = [f"and {len(texts) - 10:,} {what}"]
    return separator.join(texts)


def leaves(value):
    """Yield what lists, tuples, sets and dictionaries hold, however deep."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple | set | frozenset):
        yield value
        return
    for each in value:
        yield from leaves(each)


def held(value):
    """Yield what a value holds, and what objects of readers' own in it do.

    Their attributes are looked at, but not those of what they hold.
    """
    for part in leaves(value):
        yield part
        if not hasattr(part, "__dict__") or backends.of(part) is not None:
            continue  # a number, say, or what frameworks keep themselves
        if not inspect.isclass(part) and not inspect.ismodule(part):
            yield from leaves(vars(part))


# Of a network


def named(found, variable=lambda entry: entry):
    """Return canonical name → entry of the weights that a network has.

    Args:
        found: Pairs of a name and an entry.
        variable: Returns the framework's object that an entry is about.

    Raises:
        ValueError: A name stands for two different variables.
    """
    state, own_names = {}, {}
    for own_name, entry in found:
        name = canonical(own_name)
        before = state.setdefault(name, entry)
        if variable(before) is not variable(entry):
            raise ValueError(
                f"two weights of this network would be called {name} "
                f"({own_names[name]} and {own_name}): rename one of them"
            )
        own_names.setdefault(name, own_name)
    return state


def unseen(names, remedy):
    """Refuse a network that holds weights which its framework does not see.

    Args:
        names: Where they are.
        remedy: What to do about it.

    Raises:
        ValueError: There are such weights.
    """
    names = list(dict.fromkeys(names))
    if names:
        raise ValueError(
            f"weights of this network would be lost, those in "
            f"{listed(names)}: {remedy}"
        )


def unmade(names, example="net(X[:1])"):
    """Refuse a network that has not made its weights yet.

    Raises:
        ValueError: There are names.
    """
    names = list(names)
    if names:
        raise ValueError(
            f"this network has not seen an input, so it has not made all its "
            f"weights yet ({listed(names)}): call it once, {example}"
        )


def array(name, value):
    """Return a weight as an array of numbers, with bfloat16 as float32.

    Args:
        name: What the error calls it.
        value: An array, a tensor of any framework on any device, or numbers.

    Raises:
        ValueError: It is none of these.
    """
    backend = backends.of(value)
    try:
        if backend is not None:
            value = backend.numpy(value)
        found = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{name} is no array of numbers: {reason}") from None
    if found.dtype.name == "bfloat16":  # TensorFlow's type for NumPy
        found = found.astype(np.float32)
    if found.dtype.kind not in "biuf":
        held = found.dtype.name
        if held == "object" or found.ndim == 0:
            held = type(value).__name__
        raise ValueError(f"{name} is no array of numbers, but {held}")
    # Not every framework reads the other byte order.
    return found.astype(found.dtype.newbyteorder("="), copy=False)


# Of values


def check(values, state, shapes):
    """Return the arrays that a network takes, after checking all of them.

    Args:
        values: Name → array. PyTorch's own name of a shortcut is allowed.
        state: Name → the framework's variable, which may have two names.
        shapes: Name → shape, of everything that the network has.

    Returns:
        Name → array, without what only PyTorch counts.

    Raises:
        ValueError: It is no dictionary of arrays; entries are missing,
            surplus or of another shape; or one variable would get two
            values. The message names up to ten of each kind.
    """
    arrays = {}
    for own_name, value in _dictionary(values).items():
        name = canonical(own_name)
        if name.endswith(_COUNTER):
            continue
        if name in arrays:
            raise ValueError(f"the weights have two entries called {name}")
        arrays[name] = array(own_name, value)
    names = collections.defaultdict(list)
    for name, variable in state.items():
        names[id(variable)].append(name)
    missing = [
        name
        for name, variable in state.items()
        if not any(each in arrays for each in names[id(variable)])
    ]
    surplus = [name for name in arrays if name not in shapes]
    kinds = {
        "missing": [f"{name} is missing" for name in missing],
        "surplus": [f"{name} is surplus" for name in surplus],
        "of another shape": [
            f"{name} has shape {arrays[name].shape}, not {tuple(shape)}"
            for name, shape in shapes.items()
            if name in arrays and arrays[name].shape != tuple(shape)
        ],
    }
    faults = [
        listed(texts, f"are {kind}", "; ")
        for kind, texts in kinds.items()
        if texts
    ]
    if faults:
        raise ValueError(
            _prefixed(missing, surplus)
            + "the weights do not fit: "
            + "; ".join(faults)
        )
    for first, *others in names.values():
        for other in others:
            if not _agree(arrays, first, other):
                raise ValueError(
                    f"{first} and {other} are one and the same in this "
                    "network, and their values differ"
                )
    return arrays


def _agree(arrays, first, second):
    if first not in arrays or second not in arrays:
        return True
    return np.array_equal(arrays[first], arrays[second], equal_nan=True)


def _dictionary(values):
    """Return name → value, if that is what it is."""
    backend = backends.of(values)
    if isinstance(values, str | os.PathLike):
        what = (
            "a path: load_weights reads a safetensors file, and set_weights "
            "takes a dictionary"
        )
    elif backend is not None and backend.is_network(values):
        what = "a network: set_weights(net, get_weights(network)) copies it"
    elif not hasattr(values, "items"):
        kind = type(values).__name__
        what = (
            f"of the type {kind}, which has no names: set_weights takes a "
            "dictionary, name → array"
        )
    else:
        values = dict(values.items())
        inner = listed(_inner(values, "weights"), separator=" or ")
        if not inner:
            return values
        what = (
            f"a checkpoint with the entries {listed(map(repr, values))}: "
            f"give set_weights what is inside, {inner}"
        )
    raise ValueError(f"the weights are {what}")


def _inner(mapping, path):
    """Yield where in a dictionary the dictionaries of arrays are."""
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            inside = f"{path}[{key!r}]"
            if any(hasattr(each, "shape") for each in value.values()):
                yield inside
            else:
                yield from _inner(value, inside)


def _prefixed(missing, surplus):
    """Say which prefix is in the way, if one is."""
    if prefix := _prefix(surplus, missing):
        parts = prefix.rstrip(".").split(".")
        origins = [_WRAPPERS[part] for part in parts if part in _WRAPPERS]
        origin = f", as {' and '.join(origins)} puts there" if origins else ""
        return (
            f"the names of the weights begin with {prefix!r}{origin}: take "
            f"it away, {{k.removeprefix({prefix!r}): w for k, w in "
            f"weights.items() if k.startswith({prefix!r})}}; now "
        )
    if prefix := _prefix(missing, surplus):
        return (
            f"the names of the network begin with {prefix!r}, and those of "
            "the weights do not: give the weights to that part of it, "
            f"net.{prefix.rstrip('.')}; now "
        )
    return ""


def _prefix(names, wanted):
    """Return what makes most of `wanted` if taken away from `names`."""
    wanted, counts = set(wanted), collections.Counter()
    for name in names:
        parts = name.split(".")
        counts.update(
            ".".join(parts[:i]) + "."
            for i in range(1, len(parts))
            if ".".join(parts[i:]) in wanted
        )
    if not counts:
        return ""
    prefix, count = counts.most_common(1)[0]
    return prefix if 2 * count > len(wanted) else ""


# Of files


def save(weights, path):
    """Write weights to a file in the safetensors format."""
    weights = {k: np.asarray(w, order="C") for k, w in weights.items()}
    Path(path).write_bytes(to_bytes(weights))


def load(path):
    """Read the weights of a safetensors file: name → array.

    Raises:
        OSError: It cannot be read.
        ValueError: It is a file of another kind, or damaged; the message
            says what it is and, where there is one, the way to read it.
    """
    if not isinstance(path, str | os.PathLike):
        raise ValueError(
            f"path is of the type {type(path).__name__}: load_weights reads "
            "a file, and set_weights takes a dictionary"
        )
    content = Path(path).read_bytes()
    try:
        entries = deserialize(content)
    except SafetensorError as error:
        what = _kind(content, path) or f"is no safetensors file ({error})"
        raise ValueError(f"{path} {what}") from None
    return {name: _read(name, entry, path) for name, entry in entries}


_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


def _read(name, entry, path):
    if entry["dtype"] == "BF16":  # the upper half of a float32
        bits = np.frombuffer(entry["data"], "<u2").astype("<u4") << 16
        found = bits.view("<f4")
    elif entry["dtype"] in _TYPES:
        found = np.frombuffer(entry["data"], _TYPES[entry["dtype"]])
    else:
        raise ValueError(
            f"{path} holds {name} as {entry['dtype']}, for which NumPy has "
            "no type"
        )
    return found.reshape(entry["shape"])


def _kind(content, path):
    """Say what a file is that is no safetensors file, if that is known."""
    if not content:
        return "is empty"
    if content[8:9] == b"{":  # after eight bytes of any value
        return _damage(content)
    if content.lstrip()[:1] == b"<":
        return (
            "is a web page (HTML or XML) and holds no weights: open the "
            "address that it came from in a browser"
        )
    if content.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS and holds no weights: git lfs pull"
    if content.startswith(b"PK"):
        return _archive(content, path)
    if content[:1] == b"\x80":  # how a pickle begins
        return _of_pytorch(path)
    if content.startswith(b"\x89HDF"):
        return "is an HDF5 file: Keras's own net.load_weights reads it"
    if content.startswith(b"\x12\x01\0\0"):
        return "is a file of MXNet: Gluon's net.load_parameters reads it"
    return ""


def _of_pytorch(path):
    return (
        "is a file of PyTorch and no safetensors file: set_weights(net, "
        f'torch.load("{os.fspath(path)}", weights_only=True))'
    )


def _archive(content, path):
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return (
            "is the beginning of a ZIP archive, such as torch.save writes: "
            "it is cut off"
        )
    if any(name.endswith("data.pkl") for name in names):
        return _of_pytorch(path)
    if "model.weights.h5" in names:
        return "is a network of Keras: keras.models.load_model reads it"
    if names and all(name.endswith(".npy") for name in names):
        return (
            "is an archive of NumPy arrays: set_weights(net, "
            f'numpy.load("{os.fspath(path)}"))'
        )
    return "is a ZIP archive and no safetensors file"


def _damage(content):
    """Say where a safetensors file ends too early, if it does."""
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 + size:
        # A header takes a hundred bytes or so for each array.
        return "is cut off in its header" if size < 100_000_000 else ""
    try:
        entries = json.loads(content[8 : 8 + size]).values()
        ends = [e["data_offsets"][1] for e in entries if "data_offsets" in e]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return ""
    wanted = 8 + size + max(ends, default=0)
    if len(content) < wanted:
        return (
            f"is cut off: it has {len(content):,} bytes of {wanted:,}; "
            "fetch or write it again"
        )
    return ""
