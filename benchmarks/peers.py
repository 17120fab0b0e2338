"""Make the peers at hand that are not part of the environment.

`d2l` and `torchvision` are installed without what they ask for, which would
replace the environment's PyTorch and NumPy, into a folder that is on nobody's
path but the benchmark's.
"""

import contextlib
import gzip
import importlib.util
import os
import subprocess
import sys
import types
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.compare import Row
from d2lutils import data, fetch, scale

FOLDER = Path(__file__).resolve().parents[1] / "_build/bench"
SITE = FOLDER / "site"
WORK = FOLDER / "work"  # d2l looks for its data in ../data
KERAS = FOLDER / "keras"

D2L = "d2l==0.17.6"
PACKAGES = (D2L, "torchvision==0.28.0")  # of PyTorch 2.13

IMPORTED = ("pandas", "torchvision")  # by d2l

# torchvision's Python code asks for these of its compiled code, which asks
# for CUDA. Nothing that is measured calls them.
OPERATORS = {
    "torchvision::nms": "(Tensor a, Tensor b, float c) -> Tensor",
    "torchvision::qnms": "(Tensor a, Tensor b, float c) -> Tensor",
}


def install(packages=PACKAGES, site=SITE):
    """Install what is missing of some packages into a folder.

    Raises:
        subprocess.CalledProcessError: pip could not; it has said why.
    """
    found = metadata.distributions(path=[str(site)])
    if {f"{x.name}=={x.version}" for x in found} >= set(packages):
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--upgrade", "--target", site]
    subprocess.run([*command, *packages], check=True)


def lay_out_data():
    """Put the data set where the peers look for it before they download.

    Raises:
        d2lutils.fetch.DataNotFoundError: No copy of it can be had.
    """
    plain = FOLDER / "data/FashionMNIST/raw"
    packed = KERAS / "datasets/fashion-mnist"
    for folder in plain, packed, WORK:
        folder.mkdir(parents=True, exist_ok=True)
    for name in fetch.CONTENTS:
        content = fetch.read_content(name)
        (plain / name).write_bytes(content)
        compressed = gzip.compress(content, compresslevel=1)
        (packed / f"{name}.gz").write_bytes(compressed)


def d2l(module):
    """Return the module of *Dive into Deep Learning* for a framework.

    It imports pandas, and torchvision in PyTorch. Where they are not there,
    nothing uses them: empty modules stand in, during the import only.
    """
    absent = [name for name in IMPORTED if not importlib.util.find_spec(name)]
    for name in absent:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].transforms = None  # of torchvision
    try:
        return importlib.import_module(f"d2l.{module}")
    finally:
        for name in absent:
            del sys.modules[name]


def torchvision():
    """Return torchvision, also beside a PyTorch that is built for CPUs."""
    import torch

    (library,) = SITE.glob("torchvision/_C*.so")
    try:
        torch.ops.load_library(library)
    except OSError:
        for name, schema in OPERATORS.items():
            torch.library.define(name, schema)
    return importlib.import_module("torchvision")


def loaders(d2l, peer, size, batch_size):
    """Return functions that go through the training set, ours and d2l's.

    Args:
        d2l: The book's module.
        peer: The module of *Dive into Deep Learning*.
        size: Height and width of the images.
        batch_size: Examples in a batch.
    """
    resize = None if size == 28 else size
    ours, _ = d2l.load_data_fashion_mnist(batch_size, resize)
    with contextlib.chdir(WORK):
        theirs, _ = peer.load_data_fashion_mnist(batch_size, resize)
    return _one_pass(ours), _one_pass(theirs)


def _one_pass(batches):
    def run():
        count = 0
        for X, y in batches:
            count += min(len(X), len(y))
        assert count == data.FULL_SIZE[0]

    return run


def pixels(d2l, size):
    """Return the row of the distance from Pillow's images.

    Pillow rounds to whole grey levels, so ours are rounded before.

    Args:
        d2l: The book's module.
        size: Height and width of the images.
    """
    _, batches = d2l.load_data_fashion_mnist(256, size)
    X = np.concatenate([d2l.numpy(X) for X, _ in batches])
    images = data.load_fashion_mnist(scale.SCALES["full"]).test_images
    resized = [
        Image.fromarray(x).resize((size, size), Image.Resampling.BILINEAR)
        for x in images
    ]
    levels = np.rint(255 * X.reshape(-1, size, size))
    distances = np.abs(levels - np.array(resized))
    return Row(
        f"largest distance of a pixel, {len(X):,} images at {size} px",
        "Pillow's bilinear",
        "grey levels",
        "≤ 1",
        [float(distances.max())],
        [],
    )


def versions(names):
    """Return the versions of those of the packages that are there."""
    found = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def environment():
    """Return the environment variables of a process that measures."""
    return {
        **os.environ,
        scale.VARIABLE: "full",
        "KERAS_HOME": str(KERAS),
        "MPLBACKEND": "agg",
    }
