"""What the training of every backend must do.

Run for one framework, in a process of its own, by test_fit.py.
"""

import dataclasses
import importlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from selection import FRAMEWORKS

from d2lutils import scale

BATCH = 24  # 128 = 5 * 24 + 8: six steps an epoch


def three_epochs(monkeypatch=None):
    """Let the smallest scale train three epochs."""
    smoke = dataclasses.replace(scale.SCALES["smoke"], epochs=3)
    if monkeypatch is None:
        scale.SCALES["smoke"] = smoke
    else:
        monkeypatch.setitem(scale.SCALES, "smoke", smoke)


def load(module):
    """Return the mirror, its models, and a small untrained network."""
    d2l = importlib.import_module(f"d2lutils.{module}")
    models = importlib.import_module(f"d2lutils.models.{module}")
    d2l.set_seed(0)
    net = models.ResNet(models.BasicBlock, [1, 0, 0, 0])
    # In every framework the same weights at the start.
    weights = models.draw_weights(d2l.get_weights(net))
    d2l.set_weights(net, {k: v.astype("float32") for k, v in weights.items()})
    return d2l, models, net


def train(d2l, net, num_epochs=3, lr=0.05, **options):
    iters = d2l.load_data_fashion_mnist(BATCH)
    return d2l.fit(net, *iters, num_epochs, lr, **options)


def exact_weights(d2l, net):
    """Return the weights as text, to the last bit."""
    weights = d2l.get_weights(net)
    return repr(
        [(name, weights[name].tobytes().hex()) for name in sorted(weights)]
    )


def outcome(d2l, net, history):
    """What must not depend on an interruption, as text."""
    kept = {k: history[k] for k in ("train_loss", "train_acc", "test_acc")}
    return json.dumps(kept) + exact_weights(d2l, net)


OPTIONS = {
    "optimizer": "momentum",
    "weight_decay": 1e-4,
    "schedule": "cosine",
    "seed": 7,
}


def main(module, path, killed_at):
    """Train with a checkpoint, and die in the middle of a step."""
    import signal

    three_epochs()
    d2l, _, net = load(module)
    engine = importlib.import_module(f"d2lutils.backends.{module}").Engine
    step, calls = engine.step, []

    def dying_step(self, *arguments):
        calls.append(1)
        if len(calls) == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *arguments)

    engine.step = dying_step
    history = train(d2l, net, checkpoint=path, **OPTIONS)
    print("OUTCOME" + outcome(d2l, net, history))


@pytest.fixture(scope="module")
def module(pytestconfig):
    return FRAMEWORKS[pytestconfig.getoption("framework")]


@pytest.fixture
def loaded(module, monkeypatch):
    three_epochs(monkeypatch)
    return load(module)


def test_killed_training_ends_as_if_it_had_not_been(loaded, module, tmp_path):
    d2l, _, net = loaded
    path = tmp_path / "run.safetensors"
    # Twice: in the second epoch, and in the last step of the third.
    for killed_at in 9, 12:
        command = [sys.executable, __file__, module, path, str(killed_at)]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == -9, result.stderr
        assert path.exists()
    result = subprocess.run(
        [sys.executable, __file__, module, path, "0"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert f"{path}: 2 of 3 epochs were done before" in result.stdout
    expected = outcome(d2l, net, train(d2l, net, **OPTIONS))
    assert result.stdout.split("OUTCOME")[1].strip() == expected


def test_finished_training_is_only_read(loaded, module, tmp_path):
    d2l, _, net = loaded
    path = tmp_path / "run.safetensors"
    history = train(d2l, net, checkpoint=path, **OPTIONS)
    # Often, since MXNet numbers the layers of all networks in a process.
    for _ in range(5):
        _, _, other = load(module)
        again = train(d2l, other, checkpoint=path, **OPTIONS)
        assert again == history
        assert outcome(d2l, other, again) == outcome(d2l, net, history)


def test_damaged_checkpoint_gives_way_to_the_one_before(
    loaded, module, tmp_path, capsys
):
    d2l, _, net = loaded
    path = tmp_path / "run.safetensors"
    history = train(d2l, net, checkpoint=path, **OPTIONS)
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    _, _, other = load(module)
    again = train(d2l, other, checkpoint=path, **OPTIONS)
    assert f"checkpoint {path} is damaged" in capsys.readouterr().out
    assert outcome(d2l, other, again) == outcome(d2l, net, history)
    assert (tmp_path / "run.safetensors.damaged").read_bytes() == data


def test_checkpoint_of_another_network(loaded, tmp_path):
    d2l, models, net = loaded
    path = tmp_path / "run.safetensors"
    train(d2l, net, 1, checkpoint=path)
    content = path.read_bytes()
    other = models.ResNet(models.BasicBlock, [2, 0, 0, 0])
    d2l.get_weights(other)
    with pytest.raises(ValueError, match="is of another network"):
        train(d2l, other, 1, checkpoint=path)
    assert path.read_bytes() == content


def test_checkpoint_of_another_training(loaded, module, tmp_path):
    d2l, _, net = loaded
    path = tmp_path / "run.safetensors"
    train(d2l, net, 1, checkpoint=path)
    _, _, other = load(module)
    before = exact_weights(d2l, other)
    with pytest.raises(ValueError, match=r"lr was 0\.05 and is 0\.1"):
        train(d2l, other, 1, lr=0.1, checkpoint=path)
    assert exact_weights(d2l, other) == before


def test_seed_determines_the_training(loaded, module):
    d2l, _, net = loaded
    first = outcome(d2l, net, train(d2l, net, 2, seed=3))
    _, _, net = load(module)
    d2l.set_seed(99)
    assert outcome(d2l, net, train(d2l, net, 2, seed=3)) == first
    _, _, net = load(module)
    assert outcome(d2l, net, train(d2l, net, 2, seed=4)) != first


def test_loss_that_is_not_finite_stops_the_training(loaded, tmp_path):
    d2l, _, net = loaded
    path = tmp_path / "run.safetensors"
    iters = d2l.load_data_fashion_mnist(BATCH)
    batches = list(iters[0])
    X, y = batches[3]
    batches[3] = (X * float("nan"), y)

    class Batches:
        """Good in the first epoch; a NaN in the fourth step after that."""

        def __init__(self):
            self.passes = -1  # the first pass only looks at one batch

        def __len__(self):
            return len(batches)

        def __iter__(self):
            self.passes += 1
            return iter(batches if self.passes > 1 else list(iters[0]))

    class Signed(Batches):
        element_spec = getattr(iters[0], "element_spec", None)

    kind = Signed if Signed.element_spec is not None else Batches
    with pytest.raises(
        FloatingPointError,
        match=r"epoch 2: .* step 4 of 6, learning rate 0\.05",
    ):
        d2l.fit(net, kind(), iters[1], 3, 0.05, checkpoint=path)
    from d2lutils import checkpoint

    _, record = checkpoint.load(path)
    assert len(record["history"]["train_loss"]) == 1


def test_losses_for_comparison(loaded):
    d2l, _, net = loaded
    # Small steps: large ones make chaos of the rounding.
    options = {
        "optimizer": "momentum",
        "weight_decay": 1.0,
        "label_smoothing": 0.3,
        "seed": 1,
    }
    history = train(d2l, net, 2, lr=1e-5, **options)
    np.save(os.environ["LOSSES"], history["train_loss"])


@pytest.mark.parametrize("schedule", ["cosine", "step", "one_cycle"])
def test_learning_rate_follows_the_schedule(loaded, schedule, monkeypatch):
    d2l, _, net = loaded
    d2l_engine = importlib.import_module(
        d2l.__name__.replace("d2lutils.", "d2lutils.backends.")
    ).Engine
    rates, step = [], d2l_engine.step

    def noting_step(self, X, y, lr):
        rates.append(lr)
        return step(self, X, y, lr)

    monkeypatch.setattr(d2l_engine, "step", noting_step)
    train(d2l, net, 3, lr=0.1, schedule=schedule)
    assert len(rates) == 18
    assert 0 < min(rates) < 0.02
    assert 0.09 < max(rates) <= 0.1


def test_mixed_precision(loaded, module):
    d2l, _, net = loaded
    if module == "mxnet":
        with pytest.raises(ValueError, match="mixed_precision"):
            train(d2l, net, 3, mixed_precision=True)
        return
    history = train(d2l, net, 1, lr=1e-3, mixed_precision=True, seed=1)
    assert {w.dtype for w in d2l.get_weights(net).values()} == {
        np.dtype("float32")
    }
    _, _, other = load(module)
    exact = train(d2l, other, 1, lr=1e-3, seed=1)
    a, b = history["train_loss"], exact["train_loss"]
    assert a != b
    np.testing.assert_allclose(a, b, rtol=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "magic"}, "optimizer is 'magic', not one of sgd"),
        ({"schedule": "magic"}, "schedule is 'magic', not one of constant"),
        ({"weight_decay": -1}, "weight_decay must be a number, at least 0"),
        ({"label_smoothing": 1}, "at least 0 and below 1, not 1"),
        ({"label_smoothing": -0.1}, "label_smoothing must be a number"),
        ({"seed": -1}, "seed must be"),
        ({"seed": 1.5}, "seed must be"),
    ],
)
def test_bad_options(loaded, options, message):
    d2l, _, net = loaded
    with pytest.raises(ValueError, match=message):
        train(d2l, net, 1, **options)


def test_label_out_of_range(loaded):
    d2l, models, _ = loaded
    net = models.ResNet(models.BasicBlock, [1, 0, 0, 0], num_classes=5)
    with pytest.raises(
        ValueError, match=r"train_iter: the label [5-9] is out of range"
    ):
        train(d2l, net, 1)


def test_schedule_needs_a_length(loaded):
    d2l, _, net = loaded
    iters = d2l.load_data_fashion_mnist(BATCH)

    class Endless:
        def __iter__(self):
            return iter(iters[0])

    with pytest.raises(ValueError, match="train_iter has no len"):
        d2l.fit(net, Endless(), iters[1], 1, 0.1, schedule="cosine")


if __name__ == "__main__":
    os.environ["D2L_SCALE"] = "smoke"
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
