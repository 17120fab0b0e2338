import contextlib
import errno
import functools
import gzip
import hashlib
import http.server
import itertools
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selection import unavailable

from d2lutils import assets, data, fetch
from d2lutils.assets.__main__ import make
from d2lutils.scale import SCALES

NAME = "train-labels-idx1-ubyte"
CONTENT = b"\0\0\x08\1\0\0\0\5" + bytes(range(5))
BAD = CONTENT[:-1] + b"\xff"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Empty folders in place of all sources; a small file as the data."""
    folders = {}
    for name in ("own", "cache", "system", "mirror"):
        folders[name] = tmp_path / name
        folders[name].mkdir()
    monkeypatch.setenv("D2L_DATA", str(folders["own"]))
    monkeypatch.setattr(fetch, "cache_folder", lambda: folders["cache"])
    monkeypatch.setattr(fetch, "SYSTEM_FOLDER", str(folders["system"]))
    monkeypatch.setattr(fetch, "MIRRORS", [])
    digest = hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setattr(fetch, "CONTENTS", {NAME: (len(CONTENT), digest)})
    return folders


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass


@pytest.fixture
def mirror(places, monkeypatch):
    """A server of the folder `mirror`, the only one in `MIRRORS`."""
    handler = functools.partial(_Handler, directory=str(places["mirror"]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serve = functools.partial(server.serve_forever, poll_interval=0.01)
    threading.Thread(target=serve, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(fetch, "MIRRORS", [url])
    yield url
    server.shutdown()
    server.server_close()


def write(folder, content, zipped=True):
    path = folder / (NAME + ".gz" if zipped else NAME)
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["own", "cache", "system"])
def test_file_is_found(places, place, zipped):
    write(places[place], CONTENT, zipped)
    assert fetch.read_content(NAME) == CONTENT


@pytest.mark.parametrize("zipped", [True, False])
def test_named_pipe_is_passed_over(places, zipped):
    """Nobody writes into it: to read it would last for ever."""
    path = places["own"] / (NAME + ".gz" if zipped else NAME)
    os.mkfifo(path)
    write(places["system"], CONTENT)
    with (
        no_longer_than(seconds=10),
        pytest.warns(UserWarning, match=f"{path} is not used: .* regular"),
    ):
        assert fetch.read_content(NAME) == CONTENT


@contextlib.contextmanager
def no_longer_than(seconds):
    """Let a test fail in what takes longer, whatever that catches."""

    def stop(*_):
        pytest.fail(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_order_of_search(places, recwarn):
    write(places["own"], CONTENT)
    write(places["cache"], BAD)
    write(places["system"], BAD)
    assert fetch.read_content(NAME) == CONTENT
    assert not recwarn.list  # the damaged ones were not looked at


DAMAGED = {
    "wrong content": gzip.compress(BAD),
    "cut content": gzip.compress(CONTENT[:-1]),
    "too long": gzip.compress(CONTENT + b"x"),
    "cut archive": gzip.compress(CONTENT)[:-9],
    "wrong checksum": gzip.compress(CONTENT)[:-8] + bytes(8),
    "no archive": b"<html>not found</html>",
    "empty": b"",
}


OTHERS = {
    "as many labels": BAD,
    "fewer labels": b"\0\0\x08\1\0\0\0\3" + bytes(3),
    "more labels": b"\0\0\x08\1\0\0\0\11" + bytes(9),
    "other numbers": b"\0\0\x0c\1\0\0\0\2" + bytes(8),
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("what", OTHERS)
def test_another_data_set_of_ones_own_is_no_fashion_mnist(
    places, mirror, what, zipped
):
    """KMNIST's files have the names of Fashion-MNIST's."""
    path = write(places["own"], OTHERS[what], zipped)
    for place in "cache", "system", "mirror":
        write(places[place], CONTENT)
    with pytest.raises(
        fetch.DataNotFoundError, match=r"d2l\.read_idx"
    ) as info:
        fetch.read_content(NAME)
    assert f"{path}: this idx file is of another data set" in str(info.value)


@pytest.mark.parametrize("what", OTHERS)
def test_another_data_set_elsewhere_is_passed_over(places, what):
    path = write(places["cache"], OTHERS[what])
    write(places["system"], CONTENT)
    with pytest.warns(UserWarning, match="of another data set") as record:
        assert fetch.read_content(NAME) == CONTENT
    assert str(path) in str(record[0].message)


@pytest.mark.parametrize(
    ("place", "what"),
    [
        *(("own", what) for what in DAMAGED if what != "wrong content"),
        *(("cache", what) for what in DAMAGED),
    ],
)
def test_damaged_file_is_refused_and_kept(places, place, what):
    path = places[place] / f"{NAME}.gz"
    path.write_bytes(DAMAGED[what])
    write(places["system"], CONTENT)
    with pytest.warns(UserWarning, match="is not used") as record:
        assert fetch.read_content(NAME) == CONTENT
    assert str(path) in str(record[0].message)
    assert path.read_bytes() == DAMAGED[what]


def test_missing_own_folder_is_named(places, monkeypatch, tmp_path):
    monkeypatch.setenv("D2L_DATA", str(tmp_path / "typo"))
    write(places["system"], CONTENT)
    with pytest.warns(UserWarning, match=r"D2L_DATA: no folder .*typo"):
        assert fetch.read_content(NAME) == CONTENT


def test_download_is_cached(places, mirror, monkeypatch, capsys):
    write(places["mirror"], CONTENT)
    assert fetch.read_content(NAME) == CONTENT
    assert capsys.readouterr().out == f"Downloading {mirror}{NAME}.gz\n"
    assert [x.name for x in places["cache"].iterdir()] == [f"{NAME}.gz"]
    monkeypatch.setattr(fetch, "MIRRORS", [])
    assert fetch.read_content(NAME) == CONTENT
    assert capsys.readouterr().out == ""


def test_download_replaces_damaged_file_in_cache(places, mirror):
    path = write(places["cache"], BAD)
    own = write(places["own"], CONTENT[:-1])
    write(places["mirror"], CONTENT)
    with pytest.warns(UserWarning, match="SHA-256"):
        assert fetch.read_content(NAME) == CONTENT
    assert gzip.decompress(path.read_bytes()) == CONTENT
    assert gzip.decompress(own.read_bytes()) == CONTENT[:-1]


@pytest.mark.parametrize("what", DAMAGED)
def test_bad_download_is_not_kept(places, mirror, what):
    (places["mirror"] / f"{NAME}.gz").write_bytes(DAMAGED[what])
    with pytest.raises(fetch.DataNotFoundError):
        fetch.read_content(NAME)
    assert not list(places["cache"].iterdir())


def test_next_mirror_is_tried(places, mirror, monkeypatch):
    (places["mirror"] / "good").mkdir()
    write(places["mirror"] / "good", CONTENT)
    write(places["mirror"], BAD)
    closed = "http://127.0.0.1:9/"
    monkeypatch.setattr(fetch, "MIRRORS", [closed, mirror, mirror + "good/"])
    assert fetch.read_content(NAME) == CONTENT


def test_cache_that_cannot_be_written(places, mirror, monkeypatch):
    """A file in the folder's place stops even root."""
    write(places["mirror"], CONTENT)
    (places["cache"] / "file").write_text("")
    for place in "file", "file/below":
        folder = places["cache"] / place
        monkeypatch.setattr(fetch, "cache_folder", lambda x=folder: x)
        with pytest.warns(UserWarning, match="is used but not kept") as found:
            assert fetch.read_content(NAME) == CONTENT
        assert f"{folder} cannot be written" in str(found[-1].message)


def test_full_disk_while_storing(places, mirror, monkeypatch):
    write(places["mirror"], CONTENT)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.warns(UserWarning, match="cannot be written .*No space left"):
        assert fetch.read_content(NAME) == CONTENT
    assert not list(places["cache"].iterdir())


def test_error_lists_everything_tried(places, mirror):
    write(places["system"], BAD)
    with (
        pytest.warns(UserWarning, match="is not used"),
        pytest.raises(fetch.DataNotFoundError) as info,
    ):
        fetch.read_content(NAME)
    message = str(info.value)
    for place in ("own", "cache"):
        for name in (NAME, f"{NAME}.gz"):
            assert f"{places[place] / name}: not there" in message
    said = f"{places['system'] / NAME}.gz: of another data set, or damaged"
    assert said in message
    assert f"{mirror}{NAME}.gz: 404" in message
    for hint in ("D2L_DATA", "dataset-fashion-mnist", "D2L_SCALE=demo"):
        assert hint in message


def test_mirrors_are_https():
    assert all(url.startswith("https://") for url in fetch.MIRRORS)
    assert all(url.endswith("/") for url in fetch.MIRRORS)


def test_decode_idx():
    array = fetch.decode_idx(CONTENT)
    np.testing.assert_array_equal(array, np.arange(5, dtype=np.uint8))
    assert array.dtype == np.uint8
    assert array.flags.writeable
    header = b"\0\0\x08\3" + bytes([0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3])
    assert fetch.decode_idx(header + bytes(6)).shape == (2, 1, 3)


@pytest.mark.parametrize(
    "content", [b"", b"\0\0\x08", b"\0\0\x0d" + CONTENT[3:], CONTENT[:-1]]
)
def test_decode_idx_refuses(content):
    with pytest.raises(ValueError):
        fetch.decode_idx(content)


def test_sample_is_balanced():
    images, labels, test_images, test_labels = assets.load_sample()
    assert images.shape == (4000, 28, 28)
    assert test_images.shape == (1000, 28, 28)
    assert images.dtype == test_images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [400] * 10
    assert np.bincount(test_labels).tolist() == [100] * 10


def test_sample_is_cut_from_the_full_data(monkeypatch):
    monkeypatch.setattr(fetch, "MIRRORS", [])  # no network
    try:
        arrays = make()
    except fetch.DataNotFoundError as error:
        unavailable(str(error))
    for name, array in zip(assets.NAMES, assets.load_sample(), strict=True):
        np.testing.assert_array_equal(array, arrays[name])


def test_select_takes_the_first_of_each_class_in_order():
    labels = np.array([2, 0, 0, 1, 2, 0, 1, 2])
    assert assets.select(labels, 2).tolist() == [0, 1, 2, 3, 4, 6]


@pytest.mark.parametrize(
    "name, sizes", [("smoke", (128, 64)), ("demo", (4000, 1000))]
)
def test_load_at_a_scale(name, sizes):
    arrays = data.load_fashion_mnist(SCALES[name])
    for array, whole, size in zip(
        arrays, assets.load_sample(), np.repeat(sizes, 2), strict=True
    ):
        np.testing.assert_array_equal(array, whole[:size])
    assert arrays.train_labels.dtype == np.int64


def test_full_scale_decodes_the_four_files(places, monkeypatch):
    digest = hashlib.sha256(CONTENT).hexdigest()
    names = [f"file-{i}" for i in range(4)]
    entry = (len(CONTENT), digest)
    monkeypatch.setattr(fetch, "CONTENTS", dict.fromkeys(names, entry))
    for name in names:
        (places["own"] / name).write_bytes(CONTENT)
    arrays = data.load_fashion_mnist(SCALES["full"])
    assert [array.tolist() for array in arrays] == [list(range(5))] * 4


def test_labels_as_text():
    assert data.get_fashion_mnist_labels(np.array([9, 0])) == [
        "ankle boot",
        "t-shirt",
    ]


@pytest.mark.parametrize("size", [14, 20, 28, 32, 96, 224])
def test_bilinear_matrix_resizes_like_pillow(size):
    A = data.bilinear_matrix(28, size)
    assert A.shape == (size, 28)
    assert A.dtype == np.float32
    np.testing.assert_allclose(A.sum(axis=1), 1, rtol=1e-6)
    for image in assets.load_sample()[2][:20]:
        pillow = Image.fromarray(image).resize(
            (size, size), Image.Resampling.BILINEAR
        )
        ours = A @ image.astype(np.float32) @ A.T
        assert np.abs(ours - np.asarray(pillow)).max() <= 1


def test_bilinear_matrix_of_the_same_size_changes_nothing():
    np.testing.assert_array_equal(data.bilinear_matrix(28, 28), np.eye(28))


@pytest.mark.parametrize("value", [0, -1, 1.0, "8", True, None])
def test_batch_size_is_checked(value):
    with pytest.raises(ValueError, match="batch_size") as info:
        data.load_for_batches(value, None, has_gpu=False)
    assert repr(value) in str(info.value)


@pytest.mark.parametrize("value", [0, -1, 9.5, "8", False, (96, 96)])
def test_resize_is_checked(value):
    with pytest.raises(ValueError, match="resize") as info:
        data.load_for_batches(8, value, has_gpu=False)
    assert repr(value) in str(info.value)


def test_numpy_integers_are_integers():
    data.load_for_batches(np.int64(8), np.int32(9), has_gpu=False)


def test_line_about_the_scale(monkeypatch, capsys):
    monkeypatch.setenv("D2L_SCALE", "demo")
    data.load_for_batches(8, None, has_gpu=True)
    assert capsys.readouterr().out == (
        "D2L_SCALE=demo, not full: 4,000 of 60,000 training and 1,000 of "
        "10,000 test images\n"
    )


@pytest.mark.parametrize(
    "name, resize, size, test_size",
    [
        ("demo", None, 4000, 1000),
        ("demo", 63, 4000, 1000),
        ("demo", 64, 500, 125),
        ("demo", 96, 500, 125),
        ("smoke", 96, 128, 64),
    ],
)
def test_demo_takes_an_eighth_of_the_large_images(
    monkeypatch, capsys, name, resize, size, test_size
):
    monkeypatch.setenv("D2L_SCALE", name)
    arrays = data.load_for_batches(8, resize, has_gpu=True)
    assert len(arrays.train_images) == len(arrays.train_labels) == size
    assert len(arrays.test_images) == len(arrays.test_labels) == test_size
    assert f": {size:,} of 60,000 training and" in capsys.readouterr().out
    counts = np.bincount(arrays.train_labels, minlength=10)
    assert counts.min() > 0.05 * size  # every class is there


def test_full_scale_takes_all_of_the_large_images():
    assert SCALES["full"].for_side(96) == SCALES["full"]


def test_no_line_about_all_the_data(monkeypatch, capsys):
    everything = [np.empty(60_000)] * 2 + [np.empty(10_000)] * 2
    monkeypatch.setenv("D2L_SCALE", "full")
    monkeypatch.setattr(
        data, "load_fashion_mnist", lambda _: data.FashionMNIST(*everything)
    )
    data.load_for_batches(8, None, has_gpu=False)
    assert capsys.readouterr().out == ""


def numbers(index, flipped):
    """Make a batch of the numbers alone; the images that are flipped: -1."""
    return np.where(flipped, -1, index).tolist()


def test_batches_hold_every_example_once_in_a_new_order():
    batches = data.Batches(10, 4, numbers, shuffle=True)
    assert len(batches) == 3
    data.set_seed(0)
    first, second = list(batches), list(batches)
    for epoch in first, second:
        assert [len(batch) for batch in epoch] == [4, 4, 2]
        assert sorted(itertools.chain(*epoch)) == [*range(10)]
    assert first != second
    data.set_seed(0)
    assert list(batches) == first


def test_order_depends_on_nothing_but_the_seed():
    batches = data.Batches(10, 4, numbers, shuffle=True)
    data.set_seed(1)
    first = list(batches)
    data.set_seed(1)
    np.random.random(3)
    assert list(batches) == first


def test_batches_without_shuffling():
    batches = data.Batches(5, 2, numbers)
    assert list(batches) == list(batches) == [[0, 1], [2, 3], [4]]


def test_half_of_the_examples_are_flipped_anew_in_each_pass():
    batches = data.Batches(200, 30, numbers, augment=True)
    data.set_seed(2)
    first, second = ([*itertools.chain(*batches)] for _ in range(2))
    for epoch in first, second:
        assert 70 < epoch.count(-1) < 130
        assert all(x in (-1, i) for i, x in enumerate(epoch))
    assert first != second
