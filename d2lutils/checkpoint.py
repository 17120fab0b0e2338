"""Checkpoints: files from which a training goes on exactly where it was.

A checkpoint is a safetensors file: arrays, and a record in JSON. It is
written beside the last one and takes its place only when it is complete on
the disk; the last one is kept under the name `….previous`.
"""

import hashlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes


def check(path):
    """Raise a ValueError unless a checkpoint can be written there."""
    file = Path(path)
    if file.is_dir():
        raise ValueError(
            f"checkpoint {path} is a folder; name a file in it, such as "
            f"{file / 'run.safetensors'}"
        )
    if file.exists() and not file.is_file():
        raise ValueError(f"checkpoint {path} is not a regular file")
    if not file.parent.is_dir():
        raise ValueError(
            f"checkpoint {path}: there is no folder {file.parent}; make it "
            "first"
        )
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise ValueError(
            f"checkpoint {path}: the folder {file.parent} cannot be written "
            f"({error.strerror}); name a file elsewhere"
        ) from None


def save(path, arrays, record):
    """Write a checkpoint; at any moment, a complete one is on the disk.

    Args:
        path: Where to; what is there becomes the previous checkpoint.
        arrays: Name → NumPy array.
        record: What JSON can hold.
    """
    path = Path(path)
    arrays = {k: np.asarray(v, order="C") for k, v in arrays.items()}
    text = json.dumps(record)
    metadata = {"record": text, "sha256": _digest(arrays, text)}
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        file.write(to_bytes(arrays, metadata))
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        path.replace(_previous(path))
    partial.replace(path)


def load(path):
    """Return the arrays and the record of the last good checkpoint.

    If the newest is damaged that is said, it is set aside as `….damaged`,
    and the previous one is taken. Without any, returns `None`.

    Raises:
        ValueError: There are checkpoints, and all of them are damaged.
    """
    path = Path(path)
    faults = []
    for candidate in (path, _previous(path)):
        if not candidate.exists():
            continue
        try:
            content = _read(candidate)
        except (SafetensorError, KeyError, ValueError) as error:
            faults.append((candidate, error))
            continue
        for bad, fault in faults:
            aside = bad.with_name(f"{bad.name}.damaged")
            bad.replace(aside)
            print(
                f"checkpoint {bad} is damaged ({fault}); it is now {aside}, "
                f"and {candidate} is used"
            )
        return content
    if faults:
        texts = [f"{bad} is damaged ({fault})" for bad, fault in faults]
        raise ValueError(f"checkpoint: {'; '.join(texts)}; remove or replace")
    return None


def _previous(path):
    return path.with_name(f"{path.name}.previous")


def _read(path):
    with safe_open(path, framework="np") as file:
        metadata = file.metadata() or {}
        names = file.keys()
        arrays = {name: file.get_tensor(name) for name in names}
    if not {"record", "sha256"} <= set(metadata):
        raise ValueError("it was not written by fit")
    if _digest(arrays, metadata["record"]) != metadata["sha256"]:
        raise ValueError("its content does not have the checksum it names")
    return arrays, json.loads(metadata["record"])


def _digest(arrays, text):
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
