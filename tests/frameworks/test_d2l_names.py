"""Coming from the package `d2l`: its names, and its code with ours."""

import ast
import contextlib
import importlib.util
import inspect
import io
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import small_runs
from selection import unavailable
from small_runs import BATCH, face, models

from benchmarks import peers
from bookbuild.chapter import read
from d2lutils import d2l_names
from d2lutils.frameworks import FRAMEWORKS

ROOT = Path(__file__).parents[2]
VERSIONS = "0.17.6", "1.0.3"
INLINE = re.compile(r"`(\w+)`")
CHAPTER = read(ROOT / "chapters/coming_from_d2l.md")
PAGE = "\n".join(cell.source for cell in CHAPTER.cells)

# What follows `d2l.` in the files resnet.md and multiple-gpus-concise.md of
# both editions, and what they save.
IN_CHAPTERS = {
    "Animator",
    "Accumulator",
    "Classifier",
    "FashionMNIST",
    "Residual",
    "ResNeXtBlock",
    "Timer",
    "Trainer",
    "accuracy",
    "add_to_class",
    "evaluate_accuracy_gpu",
    "evaluate_accuracy_gpus",
    "init_cnn",
    "load_data_fashion_mnist",
    "normal",
    "randn",
    "resnet18",
    "split_batch",
    "train_ch6",
    "try_all_gpus",
    "try_gpu",
}
# What they define for themselves, or call as a method.
WITHIN = {
    "ResNet",
    "ResNet18",
    "apply_init",
    "layer_summary",
    "max_epochs",
    "resnet_block",
    "save_hyperparameters",
    "strides",
    "use_1x1conv",
}


@pytest.fixture
def d2l(backend):
    face(backend).set_seed(0)
    return face(backend)


@pytest.fixture(scope="session")
def sites(tmp_path_factory):
    """Version of d2l → the folder in which it is."""
    folders = {}
    for version in VERSIONS:
        folders[version] = tmp_path_factory.mktemp(f"d2l-{version}")
        try:
            peers.install([f"d2l=={version}"], folders[version])
        except subprocess.CalledProcessError:
            unavailable(f"d2l {version} cannot be installed")
    return folders


@pytest.fixture
def their(backend, sites, monkeypatch):
    """Their module for the framework, of the version that is measured."""
    site = sites[peers.D2L.partition("==")[2]]
    monkeypatch.syspath_prepend(site)
    module = peers.d2l(backend.row.module)
    assert Path(module.__file__).is_relative_to(site)
    return module


# Names


@pytest.mark.parametrize("name", d2l_names.INSTEAD)
def test_a_name_of_d2l_says_what_to_use(backend, d2l, name):
    with pytest.raises(AttributeError) as info:
        getattr(d2l, name)
    said = str(info.value)
    assert f"module '{d2l.__name__}' has no attribute '{name}'" in said
    assert "{" not in said
    for code in re.findall("`([^`]+)`", said):
        assert resolves(code, d2l, models(backend)), code


def resolves(code, d2l, models):
    """Whether a piece of code in a message names something that there is."""
    name = code.removeprefix("python -m ").partition("(")[0]
    if name.startswith("d2lutils."):
        return importlib.util.find_spec(name)
    others = "__init__", "optimizer", "time.perf_counter"
    return name in (*d2l.__all__, *others) or hasattr(models, name)


def test_an_argument_that_a_message_names_is_there(d2l):
    assert "optimizer" in d2l.fit.__doc__


def test_any_other_name_points_to_the_page(d2l):
    assert CHAPTER.cells[0].source.startswith("# Coming from d2l\n")
    with pytest.raises(AttributeError, match='the page "Coming from d2l"'):
        d2l.Vocab  # noqa: B018
    with pytest.raises(AttributeError, match=r"'__path__'\Z"):
        d2l.__path__  # noqa: B018
    assert not hasattr(d2l, "fitt")


def defined(site, module):
    """Return the names that a module of d2l defines."""
    tree = ast.parse((site / f"d2l/{module}.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (x.id for x in node.targets if isinstance(x, ast.Name))


def test_the_names_are_those_of_d2l(sites):
    found = {
        name
        for site in sites.values()
        for row in FRAMEWORKS.values()
        for name in defined(site, row.module)
    }
    assert found >= d2l_names.INSTEAD.keys()
    assert found >= IN_CHAPTERS


def arguments(site, module):
    """Return the functions of a module of d2l, and their arguments."""
    tree = ast.parse((site / f"d2l/{module}.py").read_text("utf-8"))
    return {
        node.name: [each.arg for each in node.args.args]
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def test_what_both_have_takes_the_same_arguments_first(backend, d2l, sites):
    compared = set()
    for site in sites.values():
        for name, theirs in arguments(site, backend.row.module).items():
            if name in d2l.__all__:
                ours = list(inspect.signature(getattr(d2l, name)).parameters)
                # TensorFlow's train_ch6 takes a function that makes one.
                theirs = ["net" if x == "net_fn" else x for x in theirs]
                assert ours[: len(theirs)] == theirs, name
                compared.add(name)
    named = set(INLINE.findall(PAGE.partition("## ")[0]))
    assert compared | {"numpy"} >= named & set(d2l.__all__) > {"load_array"}


def test_every_name_of_its_chapters_on_resnet_is_mapped(d2l):
    for name in IN_CHAPTERS:
        assert name in d2l.__all__ or name in d2l_names.INSTEAD, name


# The page


def rows(label):
    """Return the rows of a table of the page, as pairs of texts."""
    table = PAGE.partition(f":name: {label}\n")[2].partition("```")[0]
    for row in table.split("\n* - ")[2:]:
        yield [" ".join(part.split()) for part in row.split("\n  - ")]


def shown(text):
    text = text.replace("d2lutils.models.{module}", "d2lutils.models")
    return text.replace("{framework}", "the framework")


def test_the_page_shows_what_the_messages_say():
    expected = [
        [", ".join(f"`{name}`" for name in names.split()), shown(text)]
        for names, text in d2l_names.ROWS
    ]
    assert list(rows("tab-d2l-names")) == expected


def test_the_page_maps_the_names_within_the_chapters(backend):
    found = dict(rows("tab-d2l-chapter-names"))
    words = set(re.findall(r"\w+", " ".join(found)))
    assert words >= WITHIN
    for name in "resnet18", "ResNet", "stage":
        assert any(f"`{name}`" in text for text in found.values())
        assert hasattr(models(backend), name)


@pytest.mark.frameworks("pytorch")
def test_the_run_on_the_page_runs(backend, d2l, capsys):
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[-1]
    assert "resnet18" in code
    space = {}
    exec(code.replace("resize=96", "resize=32"), space)
    assert len(space["history"]["train_loss"]) == 1  # at the scale `smoke`


# Code of both


def their_network(backend, their):
    """A network made of d2l's block, as its chapter makes one."""
    inputs = [[1], [4], [4]]
    if "input_channels" not in inspect.signature(their.Residual).parameters:
        inputs = [[], [], []]  # found by the first batch
    return backend.sequential(
        their.Residual(*inputs[0], 4, use_1x1conv=True),
        their.Residual(*inputs[1], 4),
        their.Residual(*inputs[2], 8, use_1x1conv=True, strides=2),
        backend.global_avg_pool(),
        backend.dense(8, 10),
    )


def their_run(backend, d2l, their, net, num_epochs, lr):
    """Let their function train; return the test accuracy that it prints."""
    # In TensorFlow it takes a function that makes the network.
    takes_net = "net" in inspect.signature(their.train_ch6).parameters
    given = net if takes_net else lambda: net
    train_iter, test_iter = d2l.load_data_fashion_mnist(BATCH)
    with contextlib.redirect_stdout(io.StringIO()) as text:
        their.train_ch6(
            given, train_iter, test_iter, num_epochs, lr, d2l.try_gpu()
        )
    their.plt.close("all")
    said = re.search(r"loss ([\d.]+), .* test acc ([\d.]+)", text.getvalue())
    assert np.isfinite(float(said[1]))
    return float(said[2]), d2l.evaluate_accuracy(net, test_iter)


def test_their_train_ch6_trains_our_network_on_our_batches(
    backend, d2l, their
):
    net = small_runs.network(backend)
    before = backend.get_weights(net)
    said, measured = their_run(backend, d2l, their, net, 2, 0.05)
    after = backend.get_weights(net)
    assert all((before[name] != after[name]).any() for name in before)
    assert said == pytest.approx(measured, abs=1e-3)  # three decimals


def test_their_train_ch6_draws_new_weights_except_in_tensorflow(
    backend, d2l, their
):
    net = small_runs.network(backend)
    before = backend.get_weights(net)["conv1.weight"]
    their_run(backend, d2l, their, net, 1, 0.0)
    same = (before == backend.get_weights(net)["conv1.weight"]).all()
    assert same == (backend.row.key == "tensorflow")


def test_our_functions_train_a_network_of_their_blocks(backend, d2l, their):
    net = their_network(backend, their)
    iters = d2l.load_data_fashion_mnist(BATCH)
    losses = [
        d2l.fit(net, *iters, 1, 0.1, seed=seed)["train_loss"][0]
        for seed in range(3)
    ]
    assert losses[2] < losses[0]
    d2l.train_ch6(net, *iters, 1, 0.1, d2l.try_gpu())
