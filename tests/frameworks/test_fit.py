"""What training does, in every framework."""

import importlib
import os
import random

import numpy as np
import pytest
from selection import selected_frameworks
from small_runs import (
    BATCH,
    OPTIONS,
    exact_weights,
    face,
    models,
    network,
    outcome,
    program,
    train,
)

from d2lutils import checkpoint, scale, training


@pytest.fixture
def net(backend, three_epochs):
    return network(backend)


@pytest.fixture(scope="module")
def own(backend):
    """What readers of the framework bring."""
    return importlib.import_module(f"own_data.{backend.row.module}")


@pytest.fixture
def three_epochs(monkeypatch):
    smoke = scale.SCALES["smoke"]
    epochs = scale.Scale("smoke", smoke.train_images, smoke.test_images, 3)
    monkeypatch.setitem(scale.SCALES, "smoke", epochs)


def test_killed_training_ends_as_if_it_had_not_been(backend, net, tmp_path):
    path = tmp_path / "run.safetensors"
    key = backend.row.key
    # Twice: in the second epoch, and in the last step of the third.
    for killed_at in 9, 12:
        result = program("killed_run", key, path, killed_at)
        assert result.returncode == -9, result.stderr
        assert path.exists()
    result = program("killed_run", key, path, 0)
    assert result.returncode == 0, result.stderr
    assert f"{path}: 2 of 3 epochs were done before" in result.stdout
    expected = outcome(backend, net, train(backend, net, **OPTIONS))
    assert result.stdout.split("OUTCOME")[1].strip() == expected


@pytest.mark.parametrize("schedule", ["cosine", "step", "one_cycle"])
def test_run_goes_on_in_the_middle_of_a_schedule(
    backend, net, tmp_path, monkeypatch, schedule
):
    path = tmp_path / "run.safetensors"
    options = OPTIONS | {"schedule": schedule}
    expected = outcome(backend, net, train(backend, net, **options))
    steps, step = [], backend.Engine.step

    def failing_step(self, *arguments):
        steps.append(1)
        if len(steps) == 15:
            raise KeyboardInterrupt
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(backend.Engine, "step", failing_step)
        with pytest.raises(KeyboardInterrupt):
            train(backend, network(backend), checkpoint=path, **options)
    other = network(backend)
    history = train(backend, other, checkpoint=path, **options)
    assert outcome(backend, other, history) == expected


def test_finished_training_is_only_read(backend, net, tmp_path):
    path = tmp_path / "run.safetensors"
    history = train(backend, net, checkpoint=path, **OPTIONS)
    # Often, since MXNet numbers the layers of all networks in a process.
    for _ in range(5):
        other = network(backend)
        again = train(backend, other, checkpoint=path, **OPTIONS)
        assert again == history
        assert outcome(backend, other, again) == outcome(backend, net, history)


def test_damaged_checkpoint_gives_way_to_the_one_before(
    backend, net, tmp_path, capsys
):
    path = tmp_path / "run.safetensors"
    history = train(backend, net, checkpoint=path, **OPTIONS)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    other = network(backend)
    again = train(backend, other, checkpoint=path, **OPTIONS)
    assert f"checkpoint {path} is damaged" in capsys.readouterr().out
    assert outcome(backend, other, again) == outcome(backend, net, history)
    assert (tmp_path / "run.safetensors.damaged").read_bytes() == content


def test_checkpoint_of_another_network(backend, net, tmp_path):
    path = tmp_path / "run.safetensors"
    train(backend, net, 1, checkpoint=path)
    content = path.read_bytes()
    other = models(backend).QuickResNet(channels=6)
    backend.get_weights(other)
    with pytest.raises(ValueError, match="is of another network"):
        train(backend, other, 1, checkpoint=path)
    assert path.read_bytes() == content


def test_checkpoint_of_another_training(backend, net, tmp_path):
    path = tmp_path / "run.safetensors"
    train(backend, net, 1, checkpoint=path)
    other = network(backend)
    before = exact_weights(backend, other)
    with pytest.raises(ValueError, match=r"lr was 0\.05 and is 0\.1"):
        train(backend, other, 1, lr=0.1, checkpoint=path)
    assert exact_weights(backend, other) == before


def no_step(*_):
    pytest.fail("a step was taken")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("there/run", "there is no folder .*there; make it first"),
        ("", "is a folder; name a file in it"),
        ("pipe", "is not a regular file"),
        ("/proc/run", "the folder /proc cannot be written"),
    ],
)
def test_checkpoint_that_cannot_be_written(
    backend, net, tmp_path, monkeypatch, place, message
):
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / place
    monkeypatch.setattr(backend.Engine, "step", no_step)
    with pytest.raises(ValueError, match=f"checkpoint {path}:? {message}"):
        train(backend, net, 1, checkpoint=path)
    assert [x.name for x in tmp_path.iterdir()] == ["pipe"]


def test_checkpoint_beside_the_program(backend, net, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(backend, net, 1, checkpoint="run")
    assert [x.name for x in tmp_path.iterdir()] == ["run"]


def test_seed_determines_the_training(backend, net):
    first = outcome(backend, net, train(backend, net, 2, seed=3))
    net = network(backend)
    face(backend).set_seed(99)
    assert outcome(backend, net, train(backend, net, 2, seed=3)) == first
    net = network(backend)
    assert outcome(backend, net, train(backend, net, 2, seed=4)) != first


def test_generators_of_the_reader_are_left_alone(backend, net):
    """Python's and NumPy's global ones: they go on as if without `fit`."""
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), np.random.random()
    random.seed(3)
    np.random.seed(3)
    train(backend, net, 2, **OPTIONS)
    assert (random.random(), np.random.random()) == expected


def test_loss_that_is_not_finite_stops_the_training(backend, net, tmp_path):
    path = tmp_path / "run.safetensors"
    iters = face(backend).load_data_fashion_mnist(BATCH)
    batches = list(iters[0])
    X, y = batches[3]
    batches[3] = (X * float("nan"), y)

    class Batches:
        """Good in the first epoch; a NaN in the fourth step after that."""

        def __init__(self):
            self.passes = -1  # the first pass only looks at one batch
            # TensorFlow asks for the types; else it would look once more.
            if hasattr(iters[0], "element_spec"):
                self.element_spec = iters[0].element_spec

        def __len__(self):
            return len(batches)

        def __iter__(self):
            self.passes += 1
            return iter(batches if self.passes > 1 else list(iters[0]))

    with pytest.raises(
        FloatingPointError,
        match=r"epoch 2: .* step 4 of 6, learning rate 0\.05",
    ):
        face(backend).fit(net, Batches(), iters[1], 3, 0.05, checkpoint=path)
    _, record = checkpoint.load(path)
    assert len(record["history"]["train_loss"]) == 1


@pytest.mark.parametrize("schedule", ["cosine", "step", "one_cycle"])
def test_learning_rate_follows_the_schedule(
    backend, net, schedule, monkeypatch
):
    rates, step = [], backend.Engine.step

    def noting_step(self, X, y, lr):
        rates.append(lr)
        return step(self, X, y, lr)

    monkeypatch.setattr(backend.Engine, "step", noting_step)
    train(backend, net, 3, lr=0.1, schedule=schedule)
    assert len(rates) == 18
    assert 0 < min(rates) < 0.02
    assert 0.09 < max(rates) <= 0.1


@pytest.mark.frameworks("mxnet")
def test_mixed_precision_is_refused(backend, net):
    with pytest.raises(ValueError, match=r"mixed_precision: MXNet 1\.9"):
        train(backend, net, 3, mixed_precision=True)


@pytest.mark.frameworks("pytorch", "tensorflow")
def test_mixed_precision(backend, net, capsys):
    history = train(backend, net, 1, lr=1e-3, mixed_precision=True, seed=1)
    assert "bfloat16" not in capsys.readouterr().out
    types = {w.dtype for w in backend.get_weights(net).values()}
    assert types == {np.dtype("float32")}
    exact = train(backend, network(backend), 1, lr=1e-3, seed=1)
    a, b = history["train_loss"], exact["train_loss"]
    assert a != b
    np.testing.assert_allclose(a, b, rtol=0.05)


@pytest.mark.frameworks("pytorch", "tensorflow")
def test_device_without_bfloat16_computes_in_float32(
    backend, net, capsys, monkeypatch
):
    monkeypatch.setattr(backend, "has_bfloat16", lambda device: False)
    options = {"num_epochs": 1, "lr": 1e-3, "seed": 1}
    history = train(backend, net, mixed_precision=True, **options)
    lines = capsys.readouterr().out.splitlines()
    name = backend.device_name(backend.try_gpu())
    said = [line for line in lines if "bfloat16" in line]
    assert said == [
        f"mixed_precision: {name} has no bfloat16; float32 is used"
    ]
    other = network(backend)
    exact = train(backend, other, **options)
    assert outcome(backend, net, history) == outcome(backend, other, exact)


def test_batch_too_small_to_be_shared_is_named(backend, net):
    iters = face(backend).load_data_fashion_mnist(2)
    options = training.Options(num_epochs=1, lr=0.1)
    with backend.engine(net, None, *iters, options) as engine:
        engine.size = 3
        engine.start()
        with pytest.raises(
            ValueError, match=r"a batch of 2 cannot .* 3 processes"
        ):
            engine.step(*next(iter(iters[0])), 0.1)


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
        ({"checkpoint": 5}, "checkpoint must be a path, not 5"),
    ],
)
def test_bad_options(backend, net, options, message):
    with pytest.raises(ValueError, match=message):
        train(backend, net, 1, **options)


def test_label_out_of_range(backend, three_epochs):
    net = models(backend).QuickResNet(num_classes=5, channels=4)
    with pytest.raises(
        ValueError, match=r"train_iter: the label [5-9] is out of range"
    ):
        train(backend, net, 1)


def test_schedule_needs_a_length(backend, net):
    iters = face(backend).load_data_fashion_mnist(BATCH)

    class Endless:
        def __iter__(self):
            return iter(iters[0])

    with pytest.raises(ValueError, match="train_iter has no len"):
        face(backend).fit(net, Endless(), iters[1], 1, 0.1, schedule="cosine")


@pytest.mark.parametrize("place", ["step", "evaluate", "__init__"])
def test_device_without_memory(backend, net, own, monkeypatch, place):
    def exhausted(*_):
        raise own.exhausted()

    monkeypatch.setattr(backend.Engine, place, exhausted)
    with pytest.raises(MemoryError) as info:
        train(backend, net, 1)
    for word in "batch_size", "resize", "mixed_precision":
        assert word in str(info.value)
    assert isinstance(info.value.__cause__, type(own.exhausted()))


def test_other_errors_say_nothing_of_memory(backend, net, monkeypatch):
    def wrong(*_):
        raise RuntimeError("something else")

    monkeypatch.setattr(backend.Engine, "step", wrong)
    with pytest.raises(RuntimeError, match="something else"):
        train(backend, net, 1)


@pytest.mark.frameworks("pytorch")
def test_network_that_flattens_by_view(backend, own, capsys):
    """It cannot be trained with the channels last, and is not."""
    d2l = face(backend)
    iters = d2l.load_data_fashion_mnist(BATCH)
    nets = own.LeNet(), own.Reshaped()
    nets[1].load_state_dict(nets[0].state_dict())
    losses = [
        d2l.fit(net, *iters, 1, 0.1, seed=0)["train_loss"] for net in nets
    ]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    layouts = [own.is_channels_last(net.second.weight) for net in nets]
    assert layouts == [False, True]
    d2l.evaluate_accuracy(nets[0], iters[1])


@pytest.mark.frameworks("pytorch")
def test_to_choose_a_layout_changes_nothing(backend, own):
    """Neither the statistics nor the mode nor what is drawn next."""
    net = network(backend)
    net.eval()
    before, state = exact_weights(backend, net), own.random_state()
    X, _ = next(iter(face(backend).load_data_fashion_mnist(BATCH)[0]))
    backend._layout(net, backend.try_gpu(), X)
    assert exact_weights(backend, net) == before
    assert own.random_state() == state
    assert not any(module.training for module in net.modules())


def with_last_batch_of_one(backend):
    iters = face(backend).load_data_fashion_mnist(BATCH)
    batches = list(iters[0])
    X, y = batches[-1]
    return [*batches[:-1], (X[:1], y[:1])], iters[1]


@pytest.mark.frameworks("pytorch")
def test_last_batch_of_one_and_a_norm_without_space(backend, own):
    iters = with_last_batch_of_one(backend)
    with pytest.raises(ValueError, match=r"drop_last=True .* batch size"):
        face(backend).fit(own.without_space(), *iters, 1, 0.1)


def test_last_batch_of_one(backend):
    # With 8 channels or fewer, oneDNN in TensorFlow 2.21 writes beyond its
    # memory in the gradient of a convolution of one image, on AVX-512.
    net = models(backend).QuickResNet(channels=16)
    face(backend).fit(net, *with_last_batch_of_one(backend), 1, 0.1)


@pytest.mark.skipif(
    "tensorflow" not in selected_frameworks(), reason="TensorFlow's compiler"
)
def test_training_does_not_lean_on_autograph():
    result = program("without_autograph")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().endswith("]")
