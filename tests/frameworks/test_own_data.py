"""Data that readers bring: arrays, pictures, and the files of other sets."""

import ast
import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_runs import face, models

from bookbuild.chapter import read
from d2lutils import data, fetch

ROOT = Path(__file__).parents[2]


@pytest.fixture
def d2l(backend):
    face(backend).set_seed(0)
    return face(backend)


def colour(count=6, height=32, width=32):
    rng = np.random.default_rng(0)
    size = (count, 3, height, width)
    return rng.integers(256, size=size, dtype=np.uint8)


def channels_first(backend, X):
    return np.moveaxis(backend.numpy(X), backend.row.layout.index("C"), 1)


def whole(backend, batches):
    """All images (N, C, H, W) and labels of some batches."""
    pairs = [
        (channels_first(backend, X), backend.numpy(y)) for X, y in batches
    ]
    images, labels = zip(*pairs, strict=True)
    return np.concatenate(images), np.concatenate(labels)


# Arrays


FORMS = {
    "bytes, channels first": lambda x: x,
    "bytes, channels last": lambda x: x.transpose(0, 2, 3, 1),
    "float64": lambda x: x / 255,
    "float16": lambda x: (x / 255).astype(np.float16),
    "a list": lambda x: (x / 255).tolist(),
    "reversed": lambda x: x[..., ::-1][..., ::-1],
    "big-endian": lambda x: (x / 255).astype(">f8"),
    "fixed": lambda x: np.frombuffer(x.tobytes(), np.uint8).reshape(x.shape),
}


@pytest.mark.parametrize("form", FORMS)
def test_arrays_become_batches(backend, d2l, form):
    images, labels = colour(), np.array([0, 1, 2, 3, 4, 1])
    arrays = FORMS[form](images), labels
    batches = d2l.load_array(arrays, 4, is_train=False)
    assert len(batches) == 2
    sizes = [len(y) for _, y in batches]
    assert sizes == [4, 2]
    for _ in range(2):  # as often as one likes
        X, y = whole(backend, batches)
        assert X.dtype == np.float32
        assert y.dtype == backend.label_type
        rtol = 1e-3 if form == "float16" else 1e-6
        np.testing.assert_allclose(X, images / 255, rtol=rtol)
        np.testing.assert_array_equal(y, labels)


def test_grey_images_have_one_channel(backend, d2l):
    images = colour()[:, 0]
    X, _ = next(iter(d2l.load_array((images, np.zeros(6, int)), 6, False)))
    assert tuple(X.shape) == backend.shown((6, 1, 32, 32))
    np.testing.assert_allclose(
        channels_first(backend, X)[:, 0], images / 255, rtol=1e-6
    )


@pytest.mark.parametrize("kind", ["int8", "int32", "uint8", "uint64"])
def test_labels_of_any_integers(backend, d2l, kind):
    labels = np.array([[0], [1], [2]], kind)  # as keras.datasets has them
    for y in labels, labels[:, 0], labels[:, 0].tolist():
        (batch,) = d2l.load_array((colour(3), y), 3, is_train=False)
        assert backend.numpy(batch[1]).tolist() == [0, 1, 2]


def test_tensors_of_the_framework_are_arrays_too(backend, d2l):
    images, labels = backend.tensor(colour()), backend.tensor(np.arange(6))
    X, y = whole(backend, d2l.load_array((images, labels), 4, is_train=False))
    np.testing.assert_allclose(X, colour() / 255, rtol=1e-6)
    assert y.tolist() == [*range(6)]


def test_training_draws_the_order_of_fashion_mnist(backend, d2l):
    batches = d2l.load_array((colour(), np.arange(6)), 4)
    d2l.set_seed(3)
    first, second = (whole(backend, batches) for _ in range(2))
    data.set_seed(3)
    order = np.random.default_rng(3).permutation(6)
    assert first[1].tolist() == order.tolist() != second[1].tolist()
    for X, y in first, second:
        np.testing.assert_allclose(X, colour()[y] / 255, rtol=1e-6)


@pytest.mark.parametrize("form", ["bytes, channels first", "float64"])
def test_images_are_resized_and_flipped(backend, d2l, form):
    images = colour(40, 20, 30)
    batches = d2l.load_array(
        (FORMS[form](images), np.arange(40)), 16, True, resize=24, augment=True
    )
    X, y = whole(backend, batches)
    assert X.shape == (40, 3, 24, 24)
    A, B = (data.bilinear_matrix(side, 24) for side in (20, 30))
    expected = A @ (images[y] / 255) @ B.T
    same = np.isclose(X, expected, atol=1e-5).all(axis=(1, 2, 3))
    turned = np.isclose(X[..., ::-1], expected, atol=1e-5).all(axis=(1, 2, 3))
    assert (same ^ turned).all()
    assert 5 < turned.sum() < 35


def test_large_batches_are_resized(backend, d2l):
    """TensorFlow's product with one matrix crashes from some size on."""
    images = colour(64, 28, 28)
    batches = d2l.load_array((images, np.arange(64)), 64, False, resize=96)
    X, _ = whole(backend, batches)
    A = data.bilinear_matrix(28, 96)
    np.testing.assert_allclose(X, A @ (images / 255) @ A.T, atol=1e-5)


def test_later_changes_of_the_arrays_are_not_seen(backend, d2l):
    images, labels = colour(), np.arange(6)
    batches = d2l.load_array((images, labels), 6, is_train=False)
    images[:], labels[:] = 0, 0
    X, y = whole(backend, batches)
    assert X.max() > 0.5
    assert y.tolist() == [*range(6)]


WRONG = {
    "integers": (colour().astype(int), range(6), "images are int64; they"),
    "text": (colour(), list("abcdef"), "labels are <U1; they must be int"),
    "shares": (colour(), np.linspace(0, 1, 6), "labels are float64; they"),
    "one-hot": (colour(), np.eye(6, dtype=int), r"labels \(6, 6\); there"),
    "fewer labels": (colour(), range(5), r"labels \(5,\); there must be"),
    "none": (colour()[:0], np.zeros(0, int), r"shape \(0, 3, 32, 32\)"),
    "features": (np.ones((6, 4)), range(6), r"shape \(6, 4\); it must be"),
    "no channels": (np.ones((6, 5, 8, 8)), range(6), "1, 3 or 4 channels"),
    "both": (np.ones((6, 3, 8, 3)), range(6), "and one of the two only"),
    "sizes": ([np.ones((2, 2)), np.ones((3, 3))], range(2), "different sizes"),
    "objects": ([None, None], range(2), "do not make one array"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_arrays_are_refused_in_a_sentence(backend, d2l, what):
    images, labels, words = WRONG[what]
    with pytest.raises(ValueError, match=words):
        d2l.load_array((images, labels), 4)


def test_wrong_arguments_are_refused(backend, d2l):
    arrays = colour(), np.arange(6)
    with pytest.raises(ValueError, match="batch_size must be a positive"):
        d2l.load_array(arrays, 0)
    with pytest.raises(ValueError, match="resize must be a positive"):
        d2l.load_array(arrays, 4, resize=(8, 8))
    with pytest.raises(ValueError, match="a pair of images and labels, not 3"):
        d2l.load_array((*arrays, None), 4)


@pytest.mark.parametrize("kind", ["arrays", "a list of batches"])
def test_networks_train_on_them(backend, d2l, kind):
    labels = np.arange(24) % 3
    images = np.zeros((24, 3, 28, 28), np.uint8)
    images[np.arange(24), labels] = 200  # red, green and blue
    train, test = (
        d2l.load_array((images, labels), 8, is_train) for is_train in (1, 0)
    )
    if kind == "a list of batches":
        train, test = list(train), list(test)
    net = models(backend).QuickResNet(3, in_channels=3, channels=4)
    history = d2l.fit(net, train, test, 1, 0.05, seed=0)
    first = history["train_loss"][0]
    history = d2l.fit(net, train, test, 1, 0.05, seed=0)
    assert history["train_loss"][0] < first


# Files


CELLS = [
    cell.source
    for cell in read(ROOT / "chapters/fashion_mnist.md").cells
    if cell.kind == "code" and cell.framework is None
]


def from_chapter(name):
    """A function of the chapter, and nothing else of its cells."""
    space = {"np": np}
    for source in CELLS:
        for node in ast.parse(source).body:
            own = isinstance(node, ast.FunctionDef) and node.name == name
            imports = isinstance(node, ast.Import | ast.ImportFrom)
            if own or (imports and "d2lutils" not in ast.unparse(node)):
                exec(ast.unparse(node), space)
    return space[name]


@pytest.fixture
def pictures(tmp_path):
    """Pictures of many kinds in three folders, and what else lies there."""
    for name in ("cats", "dogs", "Birds", ".ipynb_checkpoints"):
        (tmp_path / name).mkdir()
    red = Image.new("RGB", (20, 30), (255, 0, 0))
    red.save(tmp_path / "cats/1.png")
    red.save(tmp_path / "cats/2.JPG", quality=95)
    red.convert("P").save(tmp_path / "cats/3.gif")
    red.convert("RGBA").save(tmp_path / "dogs/1.webp", lossless=True)
    red.convert("L").save(tmp_path / "dogs/2.bmp")
    sides = Image.new("L", (16, 16))
    sides.paste(255, (8, 0, 16, 16))  # the right half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me clockwise": its right half comes below
    sides.save(tmp_path / "Birds/turned.png", exif=exif)
    for name in ("dogs/notes.txt", "cats/.DS_Store", "README", "cats/none"):
        (tmp_path / name).write_text("no picture")
    red.save(tmp_path / ".ipynb_checkpoints/1.png")
    return tmp_path


def test_pictures_in_folders(pictures):
    read_pictures = from_chapter("read_pictures")
    images, labels, names = read_pictures(pictures, 16)
    assert names == ["Birds", "cats", "dogs"]
    assert labels.tolist() == [0, 1, 1, 1, 2, 2]
    assert (images.shape, images.dtype) == ((6, 16, 16), np.uint8)
    assert abs(images[1:].astype(int) - 76).max() <= 2  # the grey of red
    turned = images[0].astype(int)
    assert turned[12:].min() == 255 and turned[:4].max() == 0
    images, *_ = read_pictures(pictures, 16, mode="RGB")
    assert images.shape == (6, 16, 16, 3)
    assert images[1, 0, 0].tolist() == [255, 0, 0]


def test_pictures_become_batches(backend, d2l, pictures):
    read_pictures = from_chapter("read_pictures")
    images, labels, names = read_pictures(pictures, 16, mode="RGB")
    X, y = whole(backend, d2l.load_array((images, labels), 4, is_train=False))
    assert X.shape == (6, 3, 16, 16)
    np.testing.assert_allclose(X[1, :, 0, 0], [1, 0, 0])
    assert [names[i] for i in y] == ["Birds", *3 * ["cats"], *2 * ["dogs"]]


def idx(array):
    """An array in the idx format, written without the book's own code."""
    codes = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    code = codes[array.dtype.str[1:]]
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    values = array.astype(array.dtype.newbyteorder(">")).tobytes()
    return bytes([0, 0, code, array.ndim]) + sizes + values


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_idx_files_of_every_type(tmp_path, kind, zipped):
    array = np.arange(24).reshape(2, 3, 4).astype(kind)
    path = tmp_path / "some-idx3-file"  # of either kind: gzip shows itself
    path.write_bytes(gzip.compress(idx(array)) if zipped else idx(array))
    for name in path, str(path):
        found = fetch.read_idx(name)
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
        assert found.flags.writeable


GOOD = idx(np.arange(5, dtype=np.uint8))
BROKEN = {
    "a page": (b"<!DOCTYPE html>", "this is no idx file"),
    "empty": (b"", "this is no idx file"),
    "its header": (GOOD[:6], "this is no idx file"),
    "cut": (GOOD[:-1], "should have 13 bytes and has 12"),
    "too long": (GOOD + b"x", "should have 13 bytes and has 14"),
    "cut archive": (gzip.compress(GOOD)[:-9], "end-of-stream"),
    "bad archive": (gzip.compress(GOOD)[:-8] + bytes(8), "CRC"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_idx_file_is_named(tmp_path, what):
    content, words = BROKEN[what]
    path = tmp_path / "x-idx1-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as info:
        fetch.read_idx(path)
    assert str(path) in str(info.value)


def test_idx_files_become_batches(backend, d2l, tmp_path):
    images, labels = colour(6, 28, 28)[:, 0], np.arange(6, dtype=np.uint8)
    for name, array in ("x-idx3", images), ("y-idx1", labels):
        (tmp_path / name).write_bytes(gzip.compress(idx(array)))
    arrays = (d2l.read_idx(tmp_path / name) for name in ("x-idx3", "y-idx1"))
    X, y = whole(backend, d2l.load_array(tuple(arrays), 4, is_train=False))
    np.testing.assert_allclose(X[:, 0], images / 255, rtol=1e-6)
    assert y.tolist() == [*range(6)]


def test_binary_files_of_cifar10(backend, d2l, tmp_path):
    images, labels = colour(5), [3, 9, 0, 3, 7]
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(
        b"".join(
            bytes([label]) + image.tobytes()
            for label, image in zip(labels, images, strict=True)
        )
    )
    arrays = from_chapter("read_cifar10")(path)
    X, y = whole(backend, d2l.load_array(arrays, 4, is_train=False))
    np.testing.assert_allclose(X, images / 255, rtol=1e-6)
    assert y.tolist() == labels
