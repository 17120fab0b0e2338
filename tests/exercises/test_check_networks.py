"""What `same_function` accepts and refuses, in every framework."""

import importlib

import numpy as np
import pytest

from d2lutils.backends.variable import values
from d2lutils.check import recognise
from d2lutils.check.answer import Wrong, exercise
from d2lutils.check.gradients import trainable
from d2lutils.check.networks import same_function
from d2lutils.check.reference import relu

SHAPE = (2, 8, 6, 6)


def reference(X, weights, training):
    Y = relu(weights.batch_norm(weights.conv(X, 4, 1), training))
    Y = weights.batch_norm(weights.conv(Y, 8, 3, padding=1), training)
    return relu(Y + X)


def early(X, weights, training):
    Y = relu(weights.batch_norm(weights.conv(X, 4, 1), training))
    Y = weights.batch_norm(weights.conv(Y, 8, 3, padding=1), training)
    return relu(Y) + X


@pytest.fixture(scope="module")
def styles(backend):
    """The block as readers write it, in the framework under test."""
    return importlib.import_module(f"network_styles.{backend.row.module}")


def fault(make, **options):
    with pytest.raises(Wrong) as wrong:
        same_function(make, reference, SHAPE, **options)
    return wrong.value.what


def test_class_factory_network_and_function(styles):
    body = styles.sequence(*styles.layers())

    def block(X):
        return styles.relu(body(X) + X)

    makes = styles.Block, styles.Block(), block, lambda: block
    for make in (*makes, *styles.STYLES):
        same_function(make, reference, SHAPE)


def test_network_keeps_its_values(styles):
    net = styles.Block()
    same_function(net, reference, SHAPE)
    before = styles.first_kernel(net)
    assert not np.allclose(before, values((4, 8)).reshape(before.shape))
    same_function(net, reference, SHAPE)
    assert np.array_equal(styles.first_kernel(net), before)


def test_mistake_is_recognised(styles):
    said = fault(
        styles.Block,
        options={"last": False},
        mistakes=[(reference, "no"), (early, "early")],
        case="here",
    )
    assert said == "here: early"


def test_difference_of_values(styles):
    said = fault(styles.Block, options={"last": False})
    assert said.startswith("the parameters fit, but in evaluation mode")


def test_padding(styles):
    said = fault(styles.Block(padding=2).body)
    assert "its height is too large and its width is too large" in said


def test_surplus_and_missing_parameters(styles):
    said = fault(styles.Block, options={"bias": True})
    assert "too many: a vector of shape (4,)" in said
    assert "a bias where none is needed" in said
    said = fault(styles.Block, options={"width": 5})
    assert "too many: a 1×1 convolution or dense layer with 5 outputs" in said
    assert "missing: a 1×1 convolution or dense layer with 4 outputs" in said


def test_bias_that_is_allowed(styles):
    same_function(
        styles.Block,
        reference,
        SHAPE,
        options={"bias": True},
        allow_bias=True,
    )


@pytest.mark.frameworks("pytorch", "mxnet")  # Keras finds those of a list
def test_layers_in_a_plain_list(styles):
    said = fault(styles.Hidden)
    assert "the layers in `body` are no part of the network" in said


def test_layers_that_are_made_while_the_network_is_called(styles):
    for kind in styles.INSIDE:
        assert "layers in `__init__`" in fault(kind) or (
            "all of them in `__init__`" in fault(kind)
        )


def test_batch_normalisation_of_a_readers_own(styles):
    for norm in styles.NORMS:
        same_function(
            styles.Block,
            reference,
            SHAPE,
            options={"norm": norm},
            momentum=0.1,
        )


def test_batch_normalisation_of_ones_own_that_keeps_the_wrong_thing(styles):
    class Odd(styles.NORMS[0]):
        def normalise(self, X, mean, var):
            return super().normalise(X, mean, var + mean * 0.1)

    said = fault(styles.Block, options={"norm": Odd})
    assert "the parameters fit, but in evaluation mode" in said


def test_batch_normalisation_without_statistics(styles):
    said = fault(styles.Block, options={"norm": styles.Unkept})
    assert said.startswith("2 of 2 batch normalisations keep no running mean")


def twice(X, weights, training):
    Y = relu(weights.batch_norm(weights.conv(X, 8, 1), training))
    return weights.batch_norm(weights.conv(Y, 8, 3, padding=1), training)


def test_one_layer_in_two_places(styles):
    with pytest.raises(Wrong, match="is one layer used in two places"):
        same_function(styles.Twice, twice, SHAPE)


def test_layer_in_place_of_its_class(styles):
    with pytest.raises(Wrong) as wrong:
        same_function(styles.Block(), reference, SHAPE, arguments=(True,))
    assert "hand in the class itself, `Block`" in wrong.value.what


def test_batch_normalisation_that_is_not_trained(styles):
    said = fault(styles.Still())
    assert "does not know that it is being trained" in said


@pytest.mark.frameworks("pytorch", "tensorflow")  # MXNet never does
def test_no_gpu_rounds_factors_to_ten_bits(styles):
    before, seen = styles.rounds_factors(), []
    block = styles.Block()

    def observed(X):
        seen.append(styles.rounds_factors())
        return block(X)

    assert before
    same_function(observed, reference, SHAPE)
    assert seen and not any(seen)
    assert styles.rounds_factors() == before


def test_momentum(styles):
    right = styles.DEFAULT_MOMENTUM
    same_function(styles.Block, reference, SHAPE, momentum=right)
    assert "moves too far" in fault(styles.Block, momentum=right / 2)


UNTRAINABLE = {
    "shortcut cut off": (
        lambda styles, net: lambda X: styles.relu(net.body(X) + styles.cut(X)),
        "the gradient by the input is not the slope",
    ),
    "branch reads what is cut off": (
        lambda styles, net: lambda X: styles.relu(net.body(styles.cut(X)) + X),
        "the gradient by the input is not the slope",
    ),
    "branch cut off": (
        lambda styles, net: lambda X: styles.relu(styles.cut(net.body(X)) + X),
        "no gradient arrives at any of its parameters",
    ),
    "all cut off": (
        lambda styles, net: lambda X: styles.cut(net(X)),
        "no gradient arrives at its input or at any of its parameters",
    ),
    "input cut off": (
        lambda styles, net: lambda X: net(styles.cut(X)),
        "no gradient arrives at its input, so no layer before it",
    ),
    "through NumPy": (
        lambda styles, net: (
            lambda X: styles.relu(net.body(X) + styles.through_numpy(X))
        ),
        "the gradient by the input is not the slope",
    ),
}


@pytest.mark.parametrize("kind", UNTRAINABLE)
def test_network_that_cannot_be_trained(styles, kind):
    make, words = UNTRAINABLE[kind]
    for modes in (False,), (False, True):
        net = styles.Block()
        said = fault(make(styles, net), modes=modes)
        assert said.startswith("the outputs are right, but the network cannot")
        assert words in said


def test_layers_of_which_some_are_cut_off(styles):
    net = styles.Block()
    first, last = styles.halves(net.body)

    def block(X):
        return styles.relu(last(styles.cut(first(X))) + X)

    said = fault(block)
    assert "no gradient arrives at 3 of its 6 parameters" in said


@pytest.mark.frameworks("pytorch", "mxnet")  # TensorFlow changes nothing
def test_change_in_place(styles):
    body = styles.sequence(*styles.layers())

    def block(X):
        X += body(X)
        return styles.relu(X)

    assert "its backward pass raises" in fault(block, modes=(False,))


def test_code_without_gradients(styles):
    said = fault(styles.without_gradients(styles.Block()), modes=(False,))
    assert "no gradient arrives at its input or at any" in said


def test_gradients_against_the_slopes_of_a_network(styles, backend):
    X = np.random.default_rng(0).standard_normal(SHAPE)
    net = styles.Block()
    for training in False, True:
        trainable(backend, net, X, training)
        for make, _ in UNTRAINABLE.values():
            cut = backend.wrap(make(styles, net), [net])
            with pytest.raises(Wrong, match=r"here: .* cannot be trained"):
                trainable(backend, cut, X, training, "here")
    # A layer that is not used need not learn.
    spare = backend.wrap(lambda X: net(X), [net, backend.dense(3, 4)])
    trainable(backend, spare, X)


def test_check_leaves_a_network_as_it_was(styles, backend):
    X = np.random.default_rng(1).standard_normal(SHAPE)
    net = styles.Block()
    backend.forward(net, X, True)
    body, before = net.body, styles.state(net)
    for make in net, lambda: net, lambda X: styles.relu(body(X) + X):
        same_function(make, reference, SHAPE)
        fault(make, mistakes=[(early, "early")], momentum=0.5)
        trainable(backend, net, X, True)
        after = styles.state(net)
        assert before.keys() == after.keys()
        for name, value in before.items():
            assert np.array_equal(value, after[name]), name


def quiet(styles):
    """Return a check that draws as any check does."""

    def body(answer):
        same_function(styles.Block, reference, SHAPE)

    return exercise(label="ex", hint="Look.", why="So.")(body)


def disturbed(styles):
    """Return a check of an answer that seeds, draws and sets what it can."""

    def body(answer):
        same_function(styles.Block, reference, SHAPE)
        styles.disturb()

    return exercise(label="ex", hint="Look.", why="So.")(body)


def drawn_after(styles, backend, check):
    """Return what a reader draws before and after a check, from one seed."""
    backend.set_seed(7)
    styles.draw()
    if check:
        assert check(0)
    return [styles.draw() for _ in range(3)]


def test_check_leaves_defaults_and_modes_as_they_were(styles, backend):
    before = styles.settings()
    disturbed(styles)(0)
    assert styles.settings() == before


def test_answers_draws_and_seeds_are_forgotten(styles, backend):
    checks = quiet(styles), disturbed(styles)
    first, second = (drawn_after(styles, backend, each) for each in checks)
    assert np.array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.frameworks("pytorch", "tensorflow")  # MXNet hides its generator
def test_who_draws_after_a_check_draws_as_without_it(styles, backend):
    checks = None, disturbed(styles)
    without, after = (drawn_after(styles, backend, each) for each in checks)
    assert np.array_equal(without, after)
    assert without[0].dtype == after[0].dtype


def test_network_of_double_precision(styles):
    same_function(styles.in_double, reference, SHAPE)
    net = styles.in_double()
    same_function(net, reference, SHAPE)
    body = net.body
    same_function(lambda X: styles.relu(body(X) + X), reference, SHAPE)


def test_layers_that_wait_for_an_input(styles):
    def one(X, weights, training):
        return weights.conv(X, 4, 1, bias=True)

    same_function(styles.lazy, one, SHAPE)


@pytest.mark.parametrize(
    "make, words",
    [
        (3, "a class, a network or a function is wanted, not the int `3`"),
        (lambda: None, "returns `None`, which is no network"),
        (lambda X: None, "the network returns NoneType, not a tensor"),
        (lambda a, b: None, "cannot be called: missing a required argument"),
    ],
)
def test_what_is_no_network(styles, make, words):
    assert words in fault(make)


def test_framework_is_told_by_the_answer(styles, backend):
    net = styles.Block()
    for answer in (styles.Block, net, lambda X: net(X), lambda X: X, 3):
        assert recognise.backend_of(answer) is backend
