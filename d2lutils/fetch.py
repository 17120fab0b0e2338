"""Find, verify, download and decode idx files: Fashion-MNIST's, and others."""

import gzip
import hashlib
import io
import math
import os
import stat
import tempfile
import warnings
import zlib
from pathlib import Path

import numpy as np
from tqdm import TqdmWarning

with warnings.catch_warnings():
    # In Jupyter pooch looks for a widget as a progress bar; none is used.
    warnings.simplefilter("ignore", TqdmWarning)
    import pooch

# Packagers compress differently: what is known is the size in bytes and the
# SHA-256 of each file's *uncompressed* content.
CONTENTS = {
    "train-images-idx3-ubyte": (
        47_040_016,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train-labels-idx1-ubyte": (
        60_008,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "t10k-images-idx3-ubyte": (
        7_840_016,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "t10k-labels-idx1-ubyte": (
        10_008,
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

SYSTEM_FOLDER = "/usr/share/datasets/fashion-mnist"

# Each holds `<name>.gz`; tried in this order.
MIRRORS = [
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/"
    "master/data/fashion/",
    "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
]

WHAT_TO_DO = """\
What you can do:
  - set D2L_DATA to a folder that holds the four files, or
  - install the Debian package dataset-fashion-mnist, or
  - set D2L_SCALE=demo: the sample that it uses needs no download"""


OTHER_DATA = """\
this idx file is of another data set, or damaged.
For your own data, d2l.load_array((images, labels), batch_size) makes batches
of what d2l.read_idx(path) reads. For Fashion-MNIST, remove the file or unset
D2L_DATA."""

WRONG_SHA = "damaged: its SHA-256 is not the known one"

GZIP = b"\x1f\x8b"

IDX_TYPES = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
"""The third byte of an idx file → the type of its numbers."""


class DataNotFoundError(OSError):
    """No intact copy of a data file was found, nor could one be fetched."""


class OtherDataError(ValueError):
    """A file under the name of one of Fashion-MNIST's holds other data."""


def _check(name, content):
    """Raise a ValueError unless `content` is that of the file `name`.

    Of a file that is longer, `content` has one byte too many.

    Raises:
        OtherDataError: It is an idx file, and of the length it states.
    """
    size, sha256 = CONTENTS[name]
    if hashlib.sha256(content).hexdigest() == sha256:
        return
    stated = _stated_size(content)
    if stated is not None and min(stated, size + 1) == len(content):
        raise OtherDataError(f"of another data set, or {WRONG_SHA}")
    if len(content) < size:
        raise ValueError(f"truncated: {len(content):,} of {size:,} bytes")
    raise ValueError(WRONG_SHA)


def _read(path, name):
    """Return the verified uncompressed content of the file at `path`.

    Raises:
        OSError: It cannot be read, or is no regular file.
        ValueError: It is not the file `name`, intact.
    """
    # From a named pipe, or a terminal, one would wait for ever.
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is not a regular file")
    with open(path, "rb") as file:
        return _content(file, name, zipped=path.suffix == ".gz")


def _content(file, name, zipped):
    """Return the verified uncompressed content of an open file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not the file `name`, intact.
    """
    # One byte too many is enough to see that a file is too long.
    limit = CONTENTS[name][0] + 1
    try:
        content = (gzip.GzipFile(fileobj=file) if zipped else file).read(limit)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"damaged: {error}") from error
    _check(name, content)
    return content


def _own_folder():
    """Return the folder that `D2L_DATA` names, if it names one."""
    if not os.environ.get("D2L_DATA"):
        return None
    folder = Path(os.environ["D2L_DATA"]).expanduser()
    if not folder.is_dir():
        warnings.warn(f"D2L_DATA: no folder {folder}", stacklevel=3)
    return folder


def cache_folder():
    """Return the folder where downloads are kept; it need not exist."""
    return Path(pooch.os_cache("d2lutils"))


def _download(url, name):
    """Fetch `url`, keep it in the cache and return the verified content.

    If the cache cannot be written, a warning says so.

    Raises:
        OSError: It cannot be fetched.
        ValueError: What came is not the file `name`.
    """
    print(f"Downloading {url}")
    fetch = pooch.HTTPDownloader(chunk_size=1 << 16, timeout=30)
    with io.BytesIO() as file:
        fetch(url, file, None)
        file.seek(0)
        content = _content(file, name, zipped=True)
        try:
            _store(file.getvalue(), f"{name}.gz")
        except OSError as error:
            warnings.warn(
                f"{name} is used but not kept, and will be downloaded again "
                f"next time: {cache_folder()} cannot be written ({error})",
                stacklevel=3,
            )
    return content


def _store(content, name):
    """Write a file into the cache.

    Raises:
        OSError: It cannot be written.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    # In the cache's own file system, so that the move at the end is atomic:
    # a file under its final name is always whole.
    with tempfile.TemporaryDirectory(dir=cache, prefix=".part-") as folder:
        part = Path(folder, name)
        part.write_bytes(content)
        os.replace(part, cache / name)


def read_content(name):
    """Return the content, verified and uncompressed, of one file.

    Looked for, as `<name>` and `<name>.gz`, in `$D2L_DATA`, the user's
    cache and the system's copy, and then downloaded into the cache; if that
    cannot be written, a warning says so and the file is not kept. A damaged
    file is named in a warning and left as it is, except that a download
    replaces one in the cache. Another data set in `$D2L_DATA` is an error,
    since nobody puts it there to train on Fashion-MNIST.

    Args:
        name: A key of `CONTENTS`.

    Raises:
        DataNotFoundError: No source has it, and the message says why, for
            each; or `$D2L_DATA` has another data set.
    """
    tried, own = [], _own_folder()
    for folder in filter(None, (own, cache_folder(), Path(SYSTEM_FOLDER))):
        for path in (folder / name, folder / f"{name}.gz"):
            try:
                return _read(path, name)
            except FileNotFoundError:
                tried.append(f"{path}: not there")
            except (OSError, ValueError) as error:
                if isinstance(error, OtherDataError) and folder == own:
                    raise DataNotFoundError(f"{path}: {OTHER_DATA}") from None
                warnings.warn(f"{path} is not used: {error}", stacklevel=2)
                tried.append(f"{path}: {error}")
    for mirror in MIRRORS:
        url = f"{mirror}{name}.gz"
        try:
            return _download(url, name)
        except (OSError, ValueError) as error:
            tried.append(f"{url}: {error}")
    raise DataNotFoundError(
        f"Found no intact copy of {name}. Tried:\n  - "
        + "\n  - ".join(tried)
        + "\n"
        + WHAT_TO_DO
    )


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """Return the array of an idx file: MNIST's format, KMNIST's and others'.

    Args:
        path: The file, as it is or compressed by gzip.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no idx file, or not all of one.
    """
    content = Path(path).read_bytes()
    try:
        if content.startswith(GZIP):
            content = gzip.decompress(content)
        return decode_idx(content)
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None


def decode_idx(content):
    """Return the array that an idx file holds.

    Args:
        content: The bytes of the file: two zero bytes, one for the type, the
            number of dimensions, their sizes as big-endian 32-bit integers,
            and the values, big-endian as well.

    Raises:
        ValueError: It is no such file, or not of the length it states.
    """
    size = _stated_size(content)
    if size is None:
        raise ValueError("this is no idx file")
    if size != len(content):
        raise ValueError(
            f"this idx file should have {size:,} bytes and has "
            f"{len(content):,}"
        )
    type_, start = IDX_TYPES[content[2]], 4 + 4 * content[3]
    values = np.frombuffer(content, type_, offset=start)
    shape = np.frombuffer(content[4:start], ">u4").tolist()
    # A copy in the machine's own order is writable, which PyTorch wants of
    # an array that it shares.
    return values.reshape(shape).astype(type_.newbyteorder("="))


def _stated_size(content):
    """Return the bytes that an idx file says it has; `None` if it is none."""
    if content[:2] != b"\0\0" or len(content) < 4:
        return None
    start = 4 + 4 * content[3]
    if content[2] not in IDX_TYPES or len(content) < start:
        return None
    shape = np.frombuffer(content[4:start], ">u4").tolist()
    return start + IDX_TYPES[content[2]].itemsize * math.prod(shape)
