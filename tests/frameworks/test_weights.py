"""Weights under torchvision's names, in every framework."""

import collections
import hashlib
import io
import json
import re
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save
from small_runs import face, models, network

from d2lutils.models.common import draw_weights


@pytest.fixture
def d2l(backend):
    return face(backend)


@pytest.fixture
def net(backend, d2l):
    d2l.set_seed(0)
    return models(backend).resnet18()


@pytest.fixture
def drawn(backend, d2l, net):
    drawn = draw_weights(d2l.get_weights(net))
    return {name: w.astype(np.float32) for name, w in drawn.items()}


def equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def test_names_and_shapes_are_torchvisions(d2l, net):
    weights = d2l.get_weights(net)
    assert len(weights) == 102
    shapes = {name: w.shape for name, w in weights.items()}
    assert shapes["conv1.weight"] == (64, 1, 7, 7)
    assert shapes["bn1.running_var"] == (64,)
    assert shapes["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert shapes["layer2.0.downsample.1.running_mean"] == (128,)
    assert shapes["layer4.1.conv2.weight"] == (512, 512, 3, 3)
    assert shapes["fc.weight"] == (10, 512)
    assert not any("shortcut" in name for name in shapes)


def test_set_weights_are_got_back(d2l, net, drawn):
    d2l.set_weights(net, drawn)
    assert equal(d2l.get_weights(net), drawn)


def test_got_weights_are_a_copy(d2l, net):
    before = d2l.get_weights(net)
    kept = {name: w.copy() for name, w in before.items()}
    d2l.set_weights(net, {name: w + 1 for name, w in before.items()})
    assert equal(before, kept)


def test_file_round_trip(backend, d2l, net, drawn, tmp_path):
    d2l.set_weights(net, drawn)
    d2l.save_weights(net, tmp_path / "net.safetensors")
    other = models(backend).resnet18()
    d2l.load_weights(other, tmp_path / "net.safetensors")
    assert equal(d2l.get_weights(other), drawn)


def test_pytorchs_counters_are_passed_over(d2l, net, drawn):
    d2l.set_weights(net, drawn | {"bn1.num_batches_tracked": np.array(7)})
    assert equal(d2l.get_weights(net), drawn)


def test_all_faults_are_named_and_nothing_is_changed(d2l, net, drawn):
    before = d2l.get_weights(net)
    wrong = dict(drawn)
    del wrong["conv1.weight"], wrong["layer3.1.bn2.running_var"]
    wrong["extra.weight"] = np.zeros(3)
    wrong["fc.weight"] = wrong["fc.weight"].T
    with pytest.raises(ValueError) as caught:
        d2l.set_weights(net, wrong)
    message = str(caught.value)
    assert "conv1.weight is missing" in message
    assert "layer3.1.bn2.running_var is missing" in message
    assert "extra.weight is surplus" in message
    assert "fc.weight has shape (512, 10), not (10, 512)" in message
    assert message.count(";") == 3
    assert equal(d2l.get_weights(net), before)


def test_files_are_the_same_in_every_framework(backend, d2l, tmp_path):
    path = tmp_path / "net.safetensors"
    d2l.save_weights(network(backend), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest[:16] == "9f9916292f53cccc"


# What else may be given


@pytest.fixture
def small(backend):
    return network(backend)


@pytest.fixture
def values(d2l, small):
    """Weights for the small network, which are not its own."""
    return {name: w + 1 for name, w in d2l.get_weights(small).items()}


def refusal(d2l, net, values):
    """Return why values are refused; the network is as it was."""
    before = d2l.get_weights(net)
    with pytest.raises(ValueError) as caught:
        d2l.set_weights(net, values)
    assert equal(d2l.get_weights(net), before)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 2500
    return message


def test_tensors_and_lists_are_taken(backend, d2l, small, values):
    given = {name: backend.tensor(w) for name, w in values.items()}
    d2l.set_weights(small, given)
    assert equal(d2l.get_weights(small), values)
    d2l.set_weights(small, {k: (w + 1).tolist() for k, w in values.items()})
    assert equal(d2l.get_weights(small), {k: w + 1 for k, w in values.items()})


@pytest.mark.parametrize(
    "view",
    [
        lambda w: np.asfortranarray(w),
        lambda w: w[::-1].copy()[::-1],
        lambda w: w.astype(">f4"),
        lambda w: np.frombuffer(w.tobytes(), "f4").reshape(w.shape),
        lambda w: w.astype(np.float64),
    ],
)
def test_any_array_is_taken(d2l, small, values, view):
    d2l.set_weights(small, {name: view(w) for name, w in values.items()})
    assert equal(d2l.get_weights(small), values)


def test_pytorchs_own_names_are_taken(d2l, net, drawn):
    own = {k.replace("downsample", "shortcut"): w for k, w in drawn.items()}
    assert own.keys() != drawn.keys()
    d2l.set_weights(net, own)
    assert equal(d2l.get_weights(net), drawn)


@pytest.mark.frameworks("pytorch")
def test_pytorch_itself_takes_all_but_the_shortcuts(backend, d2l, net, drawn):
    given = {name: backend.tensor(w) for name, w in drawn.items()}
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(given)
    _, missing, unexpected = str(caught.value).split("key(s) in state_dict")
    missing, unexpected = (
        set(re.findall('"(.+?)"', names)) for names in (missing, unexpected)
    )
    assert unexpected == {name for name in given if "downsample" in name}
    assert missing == {
        name.replace("downsample", "shortcut") for name in unexpected
    }
    d2l.set_weights(net, given)
    assert equal(d2l.get_weights(net), drawn)


def test_one_weight_under_both_names(d2l, net, drawn):
    name = "layer2.0.downsample.0.weight"
    twice = drawn | {name.replace("downsample", "shortcut"): drawn[name]}
    assert f"two entries called {name}" in refusal(d2l, net, twice)


def test_what_is_no_dictionary_of_arrays(d2l, small, values, tmp_path):
    path = tmp_path / "net.safetensors"
    for wrong, words in [
        (list(values.values()), "list, which has no names"),
        (None, "NoneType, which has no names"),
        (str(path), "a path: load_weights reads"),
        (path, "a path: load_weights reads"),
        (small, r"a network: set_weights\(net, get_weights\(network\)\)"),
        (values | {"fc.bias": "ten"}, "fc.bias is no array of numbers"),
        (values | {"fc.bias": None}, "fc.bias is no array of numbers"),
        (values | {"fc.bias": [[1], [1, 2]]}, "fc.bias is no array of"),
        (values | {"fc.bias": values["fc.bias"] * 1j}, "but complex"),
        (values | {"arch": "resnet18"}, "arch is no array of numbers"),
        (values | {"epoch": 3}, "epoch is surplus"),
    ]:
        assert re.search(words, refusal(d2l, small, wrong)), words


def test_a_checkpoint_is_opened_by_its_name(d2l, small, values):
    wrapped = {"epoch": 3, "state_dict": values, "optimizer": {"lr": 0.1}}
    message = refusal(d2l, small, wrapped)
    assert "'epoch', 'state_dict', 'optimizer'" in message
    assert "weights['state_dict']" in message
    assert "weights['optimizer']" not in message
    assert len(message) < 200
    message = refusal(d2l, small, {"run": {"epoch": 3, "net": values}})
    assert "weights['run']['net']" in message
    both = collections.OrderedDict(model=values, model_ema=values)
    message = refusal(d2l, small, both)
    assert "weights['model'] or weights['model_ema']" in message


@pytest.mark.parametrize(
    ("prefix", "source"),
    [
        ("module.", "DataParallel or DistributedDataParallel"),
        ("_orig_mod.", "torch.compile"),
        ("module._orig_mod.", "DistributedDataParallel and torch.compile"),
        ("model.", "a trainer"),
        ("encoder.resnet.", ""),
    ],
)
def test_a_prefix_is_named_first(d2l, small, values, prefix, source):
    given = {f"{prefix}{name}": w for name, w in values.items()}
    given["loss.weight"] = np.ones(10)
    message = refusal(d2l, small, given)
    start = f"the names of the weights begin with {prefix!r}"
    assert message.startswith(start + (", as" if source else ":"))
    assert source in message
    remedy = re.search("{k.*?}", message)[0]
    weights = eval(remedy, {"weights": given})
    d2l.set_weights(small, weights)
    assert equal(d2l.get_weights(small), values)


def test_a_prefix_of_the_network_is_named_first(backend, d2l, small, values):
    net = models(backend).FlipAverage(small)
    message = refusal(d2l, net, values)
    assert message.startswith("the names of the network begin with 'net.'")
    d2l.set_weights(net.net, values)
    names = {f"net.{name}" for name in values}
    assert d2l.get_weights(net).keys() == names


def test_long_lists_are_cut_after_ten_names(d2l, net, drawn):
    given = {f"x{i}.weight": np.zeros(1) for i in range(102)}
    message = refusal(d2l, net, given)
    assert message.count("is missing") == message.count("is surplus") == 10
    assert "and 92 are missing" in message
    assert "and 92 are surplus" in message
    wrong = {name: w[..., None] for name, w in drawn.items()}
    message = refusal(d2l, net, wrong)
    assert message.count("has shape") == 10
    assert "and 92" in message


# Files


def bfloat16(array):
    """Return the bytes of an array in bfloat16, cut off and not rounded."""
    return (np.asarray(array, "<f4").view("<u4") >> 16).astype("<u2")


def test_bfloat16_files_are_read(d2l, small, values, tmp_path):
    path, header, data = tmp_path / "net.safetensors", {}, b""
    for name, w in values.items():
        offsets = [len(data), len(data) + 2 * w.size]
        data += bfloat16(w).tobytes()
        header[name] = {
            "dtype": "BF16",
            "shape": w.shape,
            "data_offsets": offsets,
        }
    header = json.dumps(header).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    d2l.load_weights(small, path)
    found = d2l.get_weights(small)
    for name, w in values.items():
        assert found[name].dtype == np.float32
        assert np.array_equal(bfloat16(found[name]), bfloat16(w))
        assert found[name] == pytest.approx(w, rel=2**-7)


def zipped(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            # Not the clock's date: each worker would see other bytes.
            archive.writestr(zipfile.ZipInfo(name), "x")
    return file.getvalue()


LONG = save({"a": np.zeros(100, np.float32), "b": np.zeros(100, np.float32)})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped("resnet18/data.pkl", "resnet18/data/0"), "torch.load"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "torch.load"),
        (zipped("config.json", "model.weights.h5"), "keras.models.load_model"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "net.load_weights"),
        (b"\x12\x01\0\0\0\0\0\0" + bytes(99), "net.load_parameters"),
        (zipped("a.npy", "b.npy"), "numpy.load"),
        (zipped("a.txt"), "a ZIP archive"),
        (zipped("a/data.pkl")[:-30], "it is cut off"),
        (b"<!DOCTYPE html><html>Not found</html>", "a web page"),
        (b"\n  <html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"", "is empty"),
        (LONG[:-1], f"has {len(LONG) - 1:,} bytes of {len(LONG):,}"),
        (LONG[:300], "is cut off: it has 300 bytes"),
        (LONG[:40], "is cut off in its header"),
        (LONG[:3], "is no safetensors file"),
        (b"weights are here", "is no safetensors file"),
        (bytes(1000), "is no safetensors file"),
        (LONG.replace(b"[400,800]", b"[400,8 0]"), "is no safetensors file"),
        (LONG.replace(b'"F32"', b'"F99"'), "is no safetensors file"),
    ],
    ids=lambda value: (
        f"{len(value)} bytes" if isinstance(value, bytes) else value
    ),
)
def test_files_of_another_kind(d2l, small, tmp_path, content, words):
    path = tmp_path / "resnet18.pth"
    path.write_bytes(content)
    before = d2l.get_weights(small)
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        d2l.load_weights(small, path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert equal(d2l.get_weights(small), before)


def test_what_cannot_be_opened(d2l, small, values, tmp_path):
    nowhere = tmp_path / "nowhere" / "net.safetensors"
    for act in d2l.load_weights, d2l.save_weights:
        with pytest.raises(FileNotFoundError, match="nowhere"):
            act(small, nowhere)
        with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
            act(small, tmp_path)
    with pytest.raises(ValueError, match="set_weights takes a dictionary"):
        d2l.load_weights(small, values)
