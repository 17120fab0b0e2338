"""TensorFlow, as `d2lutils.backends.Backend` describes a framework."""

import functools
import os
import re
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import NamedTuple

import numpy as np

from d2lutils import _quiet, backends, data, training, weights
from d2lutils.backends.variable import Variable
from d2lutils.frameworks import FRAMEWORKS

row = FRAMEWORKS["tensorflow"]
# Information and warnings of the C++ code are not for a page.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Two that TensorFlow 2.21 writes before it looks at that variable.
with (
    backends.importing(row),
    _quiet.dropped_lines(
        "All log messages before absl::InitializeLog()",
        "oneDNN custom operations are on.",
    ),
):
    import tensorflow as tf
    from tensorflow import keras
    from tensorflow.python.eager import context

unbiased_variance = False
label_type = "int32"
kernel_layout = "HWIO"
words = {
    "framework": "TensorFlow",
    "network": "A model",
    "try_gpu": "the context `tf.device` of the i-th GPU, else of the CPU",
    "device": "a context such as `try_gpu()` returns",
    "name": ", with the model if it is a GPU",
    "preferred": "where TensorFlow prefers to",
    "batches": "`tf.data.Dataset`s",
    "images": "(N, H, W, 1)",
    "label_type": label_type,
    "place": "on the CPU",
    "prepared": "Variables that it does not have yet are made on the device. "
    "It may be a function without arguments that makes a model; to keep the "
    "trained model, pass a model.",
    "precision": "Compute in bfloat16 where that is safe; the weights stay "
    "float32. A GPU without bfloat16 computes in float32, and a line says so.",
}


# Tensors

_TO_CHANNELS_LAST = (0, 2, 3, 1)
_TO_CHANNELS_FIRST = (0, 3, 1, 2)


def tensor(array, device=None):
    """Return an array as a tensor of the same shape and type."""
    with nullcontext() if device is None else device:
        return tf.constant(np.asarray(array))


def numpy(X):
    """Return a tensor as an array; what is no tensor, unchanged."""
    if isinstance(X, tf.TensorShape):
        return tuple(X)
    return np.asarray(X) if is_tensor(X) else X


def images(array):
    """Return images (N, C, H, W) as a tensor (N, H, W, C)."""
    array = np.asarray(array)
    if array.ndim == 4:
        array = array.transpose(_TO_CHANNELS_LAST)
    return tensor(array)


def _channels_first(value):
    value = numpy(value)
    if isinstance(value, np.ndarray) and value.ndim == 4:
        return value.transpose(_TO_CHANNELS_FIRST)
    return value


def shown(shape):
    """Return the shape of images (N, C, H, W) as (N, H, W, C)."""
    if len(shape) != 4:
        return tuple(shape)
    return tuple(shape[axis] for axis in _TO_CHANNELS_LAST)


def is_tensor(value):
    """Whether this is a tensor of TensorFlow or a variable of Keras."""
    return tf.is_tensor(value) or isinstance(value, keras.Variable)


def set_seed(seed):
    """Seed TensorFlow's generators, and Python's and NumPy's with them.

    Keras draws the seeds of its initialisers from Python's.
    """
    keras.utils.set_random_seed(seed)


# Devices


def num_gpus():
    """Return how many GPUs there are."""
    return len(tf.config.list_physical_devices("GPU"))


def try_gpu(i=0):
    """Return the context `tf.device` of the i-th GPU, else of the CPU."""
    return tf.device(f"/GPU:{i}" if num_gpus() > i else "/CPU:0")


def _short_name(device):
    with device:
        # Not an integer: these stay on the CPU.
        return tf.constant(0.0).device.rpartition("/device:")[2]


def _details(name):
    gpu = tf.config.list_physical_devices("GPU")[int(name.split(":")[1])]
    return tf.config.experimental.get_device_details(gpu)


def device_name(device):
    """Return the name of a device, with the model if it is a GPU."""
    name = _short_name(device)
    if name == "CPU:0":
        return "cpu"
    return f"{name} ({_details(name).get('device_name', 'unknown')})"


def is_cpu(device):
    """Whether a device is the CPU."""
    return _short_name(device) == "CPU:0"


def has_bfloat16(device):
    """Whether a device computes in bfloat16 by itself."""
    name = _short_name(device)
    if name == "CPU:0":
        return True
    # NVIDIA's do from Ampere on; others do not tell a capability.
    return _details(name).get("compute_capability", (8, 0)) >= (8, 0)


@contextmanager
def full_precision():
    """Keep a GPU from rounding factors to ten bits (TensorFloat-32)."""
    config = tf.config.experimental
    before = config.tensor_float_32_execution_enabled()
    config.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        config.enable_tensor_float_32_execution(before)


# Networks


class _Function(keras.layers.Layer):
    """A function of X, with the layers that it uses.

    As a layer, it tells them by itself whether they are being trained.
    """

    def __init__(self, function, parts):
        super().__init__()
        self.parts = list(parts)
        self.function = function

    def build(self, input_shape):
        """Leave it to the parts, of which some may not be called."""

    def call(self, X):
        return self.function(X)


def is_network(value):
    """Whether this is a layer or model of Keras."""
    return isinstance(value, keras.layers.Layer)


def wrap(function, parts):
    """Return a function of X as a network that has `parts`."""
    return _Function(function, parts)


def sequential(*layers):
    """Return layers in a row."""
    return keras.Sequential(list(layers))


def dense(inputs, outputs):
    """Return a fully connected layer, with its weights."""
    layer = keras.layers.Dense(outputs)
    layer.build((None, inputs))
    return layer


def batch_norm(channels):
    """Return a batch normalisation of images, with its weights."""
    layer = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
    layer.build((None, None, None, channels))
    return layer


def global_avg_pool():
    """Return a layer that averages each channel."""
    return keras.layers.GlobalAveragePooling2D()


def _input(net, X):
    return images(np.asarray(X, net.variable_dtype))


def _is_no_retracing(record):
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def _exactly():
    """Compute with all digits, and without a warning of each tracing.

    On a CPU, Keras traces a grouped convolution whenever it is called.
    """
    logger = tf.get_logger()
    logger.addFilter(_is_no_retracing)
    try:
        with full_precision():
            yield
    finally:
        logger.removeFilter(_is_no_retracing)


def forward(net, X, training=False):
    """Return what a network computes of an array, in either mode."""
    with _exactly():
        return _channels_first(net(_input(net, X), training=training))


def gradients(net, X, weight, training):
    """Return what a network computes, and the gradients of a sum of it."""
    inputs = _input(net, X)
    with _exactly():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = net(inputs, training=training)
        variables = parameters(net)
        if not tf.is_tensor(output):
            return output, None, [None] * len(variables)
        factor = tf.cast(images(weight), output.dtype)
        by_input, *found = tape.gradient(
            output, [inputs, *_trained(net)], factor
        )
    arrays = [
        None if X is None else variable.arrange(X)
        for X, variable in zip(found, variables, strict=True)
    ]
    return _channels_first(output), _channels_first(by_input), arrays


@contextmanager
def kept(net):
    """Give a network back all its values at the end."""
    own = [*net.variables, *_loose(net, True), *_loose(net, False)]
    before = [(variable, variable.numpy()) for variable in own]
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


@contextmanager
def kept_globals():
    """Give TensorFlow back its defaults and random numbers."""
    # Here: Sphinx reads this module with a stand-in for TensorFlow, which the
    # real Keras does not bear.
    from keras.src.backend.common import global_state

    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    layout = keras.config.image_data_format()
    # What `keras.random` draws from; layers have generators of their own,
    # whose seeds come from Python's.
    generator = global_state.get_global_attribute("global_seed_generator")
    place = generator and generator.state.numpy()
    # What draws the seeds of operations, if there is a global seed.
    own = context.context()
    seed, draws = own._seed, getattr(own, "_rng", None)
    state = draws and draws.getstate()
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(layout)
        global_state.set_global_attribute("global_seed_generator", generator)
        if generator:
            generator.state.assign(place)
        if seed is None:
            own._seed = None
        elif own._rng is not draws or draws.getstate() != state:
            tf.random.set_seed(seed)  # it forgets operations with their seeds
            own._rng.setstate(state)


def parameters(net):
    """Return the trained variables of a network that has seen an input."""
    depthwise = {
        id(layer.kernel)
        for layer in net._flatten_layers()
        if isinstance(layer, keras.layers.DepthwiseConv2D)
    }
    return [
        _variable(
            variable,
            "bias" if variable.name == "bias" else "weight",
            id(variable) in depthwise,
        )
        for variable in _trained(net)
    ]


def statistics(net):
    """Return the running statistics of a network."""
    kinds = {"moving_mean": "mean", "moving_variance": "variance"}
    return [
        _variable(variable, kinds[variable.name])
        for variable in net.non_trainable_weights
        if variable.name in kinds
    ]


def others(net):
    """Return a network's other arrays of real numbers, in its attributes."""
    known = {variable.name for variable in statistics(net)}
    found = [*net.non_trainable_weights, *_loose(net, False)]
    found = [_variable(v, "other") for v in found if "float" in str(v.dtype)]
    found += [
        _attribute(layer, name)
        for layer in net._flatten_layers()
        for name, X in vars(layer).items()
        if isinstance(X, tf.Tensor) and X.dtype.is_floating
    ]
    return [variable for variable in found if variable.name not in known]


def _trained(net):
    return [*net.trainable_weights, *_loose(net, True)]


def _loose(net, trained):
    """Return variables of TensorFlow's in attributes: Keras sees them not."""
    return [
        X
        for layer in net._flatten_layers()
        for X in vars(layer).values()
        if isinstance(X, tf.Variable) and X.trainable == trained
    ]


def _attribute(layer, name):
    def write(array):
        old = getattr(layer, name)
        setattr(layer, name, tf.cast(array, old.dtype))

    def read():
        return np.array(getattr(layer, name))

    full = f"{layer.name}/{name}".removeprefix("_function/")
    return Variable(full, read().shape, "other", read, write)


_KERNELS = {  # dimensions → the axes that make it (out, in, height, width)
    2: (1, 0),
    3: (2, 1, 0),
    4: (3, 2, 0, 1),
}


def _variable(variable, kind, depthwise=False):
    rank = len(variable.shape)
    axes = (2, 3, 0, 1) if depthwise else _KERNELS.get(rank, range(rank))
    if "kernel" not in variable.name:
        axes = range(rank)
    axes = tuple(axes)
    shape = tuple(variable.shape[axis] for axis in axes)
    # (channels, multiplier, …) is one filter on each channel.
    own = (shape[0] * shape[1], 1, *shape[2:]) if depthwise else shape

    def arrange(array):
        return np.asarray(array).transpose(axes).reshape(own)

    return Variable(
        getattr(variable, "path", variable.name).removeprefix("_function/"),
        own,
        kind,
        lambda: arrange(variable),
        lambda array: variable.assign(
            array.reshape(shape).transpose(np.argsort(axes))
        ),
        arrange,
    )


# Weights

_NAMES = {
    "kernel": "weight",
    "embeddings": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_TRANSLATED = (  # the layers that have these names elsewhere
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    *_DEPTHWISE,
    keras.layers.Dense,
    keras.layers.Embedding,
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)


class _Entry(NamedTuple):
    """A variable, and how it looks in the dictionary."""

    variable: object
    axes: tuple[int, ...]  # in the dictionary's order
    shape: tuple[int, ...]  # what the variable has after that

    def read(self):
        return self.variable.numpy().transpose(self.axes).reshape(self.shape)

    def write(self, array):
        shape = [self.variable.shape[axis] for axis in self.axes]
        array = array.reshape(shape).transpose(np.argsort(self.axes))
        self.variable.assign(tf.cast(array, self.variable.dtype))


def _entry(layer, name, variable):
    """Return a variable of a layer as an entry, with its name."""
    rank = len(variable.shape)
    axes = tuple(range(rank))
    if isinstance(layer, _TRANSLATED):
        if name == "kernel":  # its last two axes are (in, out)
            swapped = not isinstance(layer, _DEPTHWISE)
            axes = axes[-2:][:: -1 if swapped else 1] + axes[:-2]
        name = _NAMES.get(name, name)
    shape = tuple(variable.shape[axis] for axis in axes)
    if name == "weight" and isinstance(layer, _DEPTHWISE):
        # (channels, multiplier, …) is one filter on each channel.
        shape = (shape[0] * shape[1], 1, *shape[2:])
    return name, _Entry(variable, axes, shape)


def _has_graph(layer):
    """Whether a network is one of those that Keras calls functional."""
    return isinstance(layer, keras.Model) and hasattr(layer, "operations")


def _is_convolution(net):
    """Whether these are padding and convolution, one layer elsewhere."""
    kinds = [keras.layers.ZeroPadding2D, keras.layers.Conv2D]
    return isinstance(net, keras.Sequential) and (
        [type(part) for part in net.layers] == kinds
    )


def _is_automatic(layer):
    """Whether Keras has made up a layer's name, which counts instances."""
    kind = type(layer).__name__.lower().replace("_", "")
    given = layer.name, re.sub(r"_\d+$", "", layer.name)
    return any(name.replace("_", "") == kind for name in given)


@functools.cache
def _internal():
    """Return the attributes that Keras gives its layers."""
    examples = keras.layers.Layer, keras.Model, keras.Sequential
    return {name for kind in examples for name in vars(kind(name="example"))}


def _attributes(layer):
    """Yield what is kept in a layer's attributes, but for Keras's own."""
    # Those of a functional network are of its graph, TensorFlow's are
    # for its own files.
    private = "_" if _has_graph(layer) else "_self_"
    for name, value in vars(layer).items():
        if name not in _internal() and not name.startswith(private):
            yield from _named_parts(name, value)


def _children(layer):
    """Yield the variables and the parts of a layer, with their names."""
    if _is_convolution(layer):
        yield "", layer.layers[1]
        return
    attributes = list(_attributes(layer))
    yield from attributes
    if _has_graph(layer) or isinstance(layer, keras.Sequential):
        known = {id(part) for _, part in attributes}
        for index, part in enumerate(layer.layers):
            if id(part) not in known:
                # The automatic names of two equal networks differ.
                yield str(index) if _is_automatic(part) else part.name, part


def _named_parts(name, value):
    """Yield what is in a value, with names such as blocks.0."""
    if isinstance(value, keras.layers.Layer | keras.Variable | tf.Variable):
        yield name, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _named_parts(f"{name}.{key}", part)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _named_parts(f"{name}.{index}", part)


def _entries(layer, prefix=""):
    """Yield name and entry of all weights that can be reached."""
    for name, part in _children(layer):
        if isinstance(part, keras.layers.Layer):
            yield from _entries(part, f"{prefix}{name}." if name else prefix)
        else:
            # Keras keeps some under a private name.
            name, entry = _entry(layer, name.lstrip("_"), part)
            yield prefix + name, entry


def _unregistered(net, known):
    """Yield where weights are that are none of the `known` variables."""
    for layer in net._flatten_layers():
        for name, value in vars(layer).items():
            if name in _internal():
                continue
            for part in weights.held(value):
                found = [part]
                if isinstance(part, keras.layers.Layer):
                    found = part.weights
                elif isinstance(part, tf.Module):
                    found = part.variables
                for each in found:
                    is_weight = isinstance(each, keras.Variable | tf.Variable)
                    if is_weight and id(each) not in known:
                        yield f"{type(layer).__name__}.{name}"


def _build(net):
    """Make the weights of a network that has not seen an input, if it can.

    Raises:
        ValueError: What the input's shape is cannot be told.
    """
    layers = list(net._flatten_layers())
    unbuilt = [x.name for x in layers if not (x.built or x._layers)]
    if net.built or not unbuilt:
        return
    # After `Flatten`, the shape of the weights is one of the image's.
    sized = any(isinstance(x, keras.layers.Flatten) for x in layers)
    first = [x for x in layers if isinstance(x, keras.layers.Conv2D)][:1]
    if sized or not first or not first[0].built:
        weights.unmade(unbuilt)
    net(tf.zeros((1, 32, 32, first[0].kernel.shape[2])))


def _state(net):
    """Return canonical name → entry of a network's weights.

    A network of the book that has not seen an input is given one, of zeros.

    Raises:
        ValueError: Some of them have no name, or are not made yet.
    """
    _build(net)
    first = {}  # a wrapper may show a layer's variable in another layout
    entries = (
        (name, entry)
        for name, entry in _entries(net)
        if first.setdefault(id(entry.variable), entry)[1:] == entry[1:]
    )
    state = weights.named(entries, lambda entry: entry.variable)
    named = {id(entry.variable) for entry in state.values()}
    weights.unseen(
        [
            *(x.path for x in net.weights if id(x) not in named),
            *_unregistered(net, named | {id(x) for x in net.variables}),
        ],
        "keep layers and variables as attributes, or in lists, tuples and "
        "dictionaries that are",
    )
    return state


def get_weights(net):
    """Return a network's weights: torchvision's names → arrays."""
    return {
        name: weights.array(name, entry.read())
        for name, entry in _state(net).items()
    }


def set_weights(net, values):
    """Give a network weights under torchvision's names, in its layouts."""
    state = _state(net)
    variables = {name: entry.variable for name, entry in state.items()}
    shapes = {name: entry.shape for name, entry in state.items()}
    for name, array in weights.check(values, variables, shapes).items():
        state[name].write(array)


# Data


def batches(images, labels, batch_size, resize, shuffle=False, augment=False):
    """Return mini-batches, as often as one likes to go through them."""
    # tf.data works on the CPU: there it wants the arrays too.
    with tf.device("/CPU:0"):
        images = tf.constant(images)
        labels = tf.constant(labels, tf.int32)
        if resize is not None:
            A, B = (
                tf.constant(data.bilinear_matrix(side, resize))
                for side in images.shape[2:]
            )

    def make_batch(index, flipped):
        X = tf.gather(images, index)
        if augment:
            flips = flipped[:, None, None, None]
            X = tf.where(flips, tf.reverse(X, [3]), X)
        if X.dtype == tf.uint8:
            X = tf.cast(X, tf.float32) / 255
        if resize is not None:
            # TensorFlow 2.21 crashes on a CPU where one matrix multiplies
            # those of an array of four axes.
            X = tf.reshape(X, (-1, *images.shape[2:]))
            X = A @ (X @ tf.transpose(B))
            X = tf.reshape(X, (-1, images.shape[1], resize, resize))
        X = tf.transpose(X, _TO_CHANNELS_LAST)
        return X, tf.gather(labels, index)

    batches = data.Batches(
        len(labels), batch_size, make_batch, shuffle, augment
    )

    def one_pass(order, flipped):
        starts = tf.data.Dataset.range(0, len(labels), batch_size)
        return starts.map(
            lambda start: make_batch(
                order[start : start + batch_size],
                flipped[start : start + batch_size],
            ),
            num_parallel_calls=os.cpu_count(),
        )

    # Python is asked once in a pass, not for every batch.
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([batches.draw()]),
        output_signature=(
            tf.TensorSpec((len(labels),), tf.int64),
            tf.TensorSpec((len(labels),), tf.bool),
        ),
    ).flat_map(one_pass)
    dataset = dataset.apply(
        tf.data.experimental.assert_cardinality(len(batches))
    )
    # To find better numbers takes longer than a pass.
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(2).with_options(options)


# Training


def _type_name(value):
    """Return the type of an array's numbers; `None` if it is no array."""
    if isinstance(value, np.ndarray):
        return value.dtype.name
    is_array = isinstance(value, (tf.Tensor, tf.Variable))
    return value.dtype.name if is_array else None


def _taken(net, name, X, y):
    """Return a batch as tensors of the types that a network is to take.

    Args:
        net: The network.
        name: What a reader calls the batches.
        X: An array or tensor.
        y: Class numbers.

    Raises:
        ValueError: It is no such batch.
    """
    training.check_pair(name, X, y, _type_name)
    types = _types(net, X, y)
    return _cast(X, types[0]), _cast(y, types[1])


def _types(net, X, y):
    """Return the types that a network is to take `X` and `y` in."""
    kind = tf.as_dtype(X.dtype)
    if training.is_numbers(kind.name, len(X.shape)):
        kind = tf.as_dtype(net.variable_dtype)
    is_usual = y.dtype in (tf.int32, tf.int64)
    return kind, tf.as_dtype(y.dtype) if is_usual else tf.int64


def _cast(value, dtype):
    if isinstance(value, np.ndarray):
        value = training.plain(value)
    elif value.dtype == dtype:
        return value
    return tf.cast(value, dtype)


def check_end(name, batches):
    """Raise a ValueError if a `tf.data.Dataset` has no end."""
    endless = tf.data.INFINITE_CARDINALITY
    is_dataset = isinstance(batches, tf.data.Dataset)
    if is_dataset and batches.cardinality() == endless:
        raise ValueError(
            f"{name} never ends; {name}.take(n) holds n batches of it"
        )


def evaluate_accuracy(net, data_iter, device=None):
    """Return the fraction of examples that are classified correctly."""
    with nullcontext() if device is None else device:
        check_end("data_iter", data_iter)
        count = _counter(net, "data_iter", data_iter)
        return _accuracy(net, count, "data_iter", data_iter)


def _num_correct(y_hat, y):
    predictions = tf.argmax(y_hat, axis=1, output_type=y.dtype)
    return tf.math.count_nonzero(predictions == y)


def _counter(net, name, batches):
    """Return a function that looks at the answers to a batch.

    It returns how many are right, the lowest and the highest label, and the
    number of classes.
    """

    def count(X, y):
        y_hat, labels = net(X, training=False), tf.cast(y, tf.int64)
        return tf.stack(
            [
                _num_correct(y_hat, y),
                tf.reduce_min(labels),
                tf.reduce_max(labels),
                tf.shape(y_hat, tf.int64)[1],
            ]
        )

    return compiled(count, *_signature(net, name, batches))


def _accuracy(net, count_correct, name, batches):
    found, count = [], 0
    for X, y in training.pairs(name, batches):
        X, y = _taken(net, name, X, y)
        if len(y):
            found.append(count_correct(X, y))
            count += len(y)
    if not found:
        return training.accuracy(0, 0, name)
    correct, low, high, num_classes = np.transpose([x.numpy() for x in found])
    training.check_labels(name, low.min(), high.max(), num_classes[0])
    return training.accuracy(int(correct.sum()), count, name)


def compiled(function, *signature):
    """Compile a function of `X, y`: once, for batches of any size.

    Compiled only when called, it would be so twice if the last batch is
    smaller, and TensorFlow would complain about that now and then.

    AutoGraph is left out. It knows Python's builtins by their addresses when
    TensorFlow was imported, and `input` is a passing method in a notebook's
    cell: a method that comes to lie at its address is not converted.
    """
    concrete = tf.function(
        function, input_signature=signature, autograph=False
    ).get_concrete_function()
    types = [spec.dtype for spec in signature]
    # A list may hold batches of several types.
    return lambda *pair: concrete(*map(_cast, pair, types))


def _signature(net, name, batches):
    """Return the types and shapes of `X, y`, for any number of examples."""
    specs = getattr(batches, "element_spec", None)
    if specs is not None:
        X, y = training.first_pair(name, [specs])
        are_arrays = all(isinstance(x, tf.TensorSpec) for x in (X, y))
        if are_arrays and X.shape.rank and y.shape.rank == 1:
            types = _types(net, X, y)
            shapes = X.shape, y.shape
            return list(map(tf.TensorSpec, shapes, types))
    pair = _taken(net, name, *training.first_pair(name, batches))
    return [tf.TensorSpec((None, *x.shape[1:]), x.dtype) for x in pair]


@contextmanager
def group():
    """Join the processes that the variable TF_CONFIG names, if it does."""
    if "TF_CONFIG" not in os.environ:
        yield
        return
    with tf.distribute.MultiWorkerMirroredStrategy().scope():
        yield


def rank_and_size():
    """Return this process's number and how many train together."""
    strategy = tf.distribute.get_strategy()
    resolver = strategy.cluster_resolver
    rank = resolver.task_id if resolver else 0
    return rank, strategy.num_replicas_in_sync


@contextmanager
def _mixed_precision(net, mixed):
    """Let a network compute in bfloat16 for a while, if `mixed`."""
    layers = net._flatten_layers() if mixed else []
    policies = [(layer, layer.dtype_policy) for layer in layers]
    try:
        for layer, _ in policies:
            layer.dtype_policy = "mixed_bfloat16"
        yield
    finally:
        for layer, policy in policies:
            layer.dtype_policy = policy


def explained(error):
    """Return what says what to do, if there is such for an error."""
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return training.out_of_memory()
    return None


@contextmanager
def engine(net, device, train_iter, test_iter, options):
    """Return what trains a network on a device, for a `with` block."""
    device = try_gpu() if device is None else device
    if options.mixed_precision and not has_bfloat16(device):
        options = training.in_float32(options, device_name(device))
    check_end("train_iter", train_iter)
    check_end("test_iter", test_iter)
    with device:
        if not is_network(net):
            net = net()
        # This makes the variables that the network does not have yet.
        training.check_batches(
            lambda X: net(X[:1], training=False),
            partial(_taken, net),
            _type_name,
            numpy,
            train_iter,
            test_iter,
        )
        with _mixed_precision(net, options.mixed_precision):
            yield Engine(net, train_iter, options)


def _loss(y_hat, y, label_smoothing):
    """Return the cross-entropy of each example."""
    if y_hat.dtype == tf.bfloat16:
        y_hat = tf.cast(y_hat, tf.float32)
    # Where a label is out of range, TensorFlow would stop, or go on with NaN.
    y = tf.clip_by_value(tf.cast(y, tf.int64), 0, y_hat.shape[1] - 1)
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, y_hat)
    if label_smoothing:  # Keras has it only for labels that are not numbers
        over_classes = tf.reduce_mean(tf.nn.log_softmax(y_hat), axis=1)
        loss = (1 - label_smoothing) * loss - label_smoothing * over_classes
    return loss


class _SGD(keras.optimizers.SGD):
    """Gradient descent that multiplies the velocity by the learning rate.

    Keras puts the rate into the velocity instead, so that a step of another
    rate still moves by the old one for a while. The two agree as long as the
    rate stays; where it changes, this is what momentum correction comes to
    (Goyal et al., 2017, section 3).
    """

    def __init__(self, momentum, weight_decay):
        super().__init__(0.0, momentum=momentum, name="sgd")
        # Into the gradient, as He et al.; Keras's own is a step apart.
        self.decay = weight_decay
        self.rate = tf.Variable(0.0, dtype=tf.float64)

    def update_step(self, gradient, variable, learning_rate):
        rate = tf.cast(self.rate, variable.dtype)
        if self.decay:
            gradient = gradient + self.decay * variable
        if self.momentum:
            velocity = self.momentums[self._get_variable_index(variable)]
            self.assign(velocity, self.momentum * velocity + gradient)
            gradient = velocity
        self.assign_sub(variable, rate * gradient)


class Engine:
    """Trains a Keras network: see `d2lutils.training.Engine`."""

    def __init__(self, net, train_iter, options):
        self.net = net
        self.optimizer = _SGD(options.momentum, options.weight_decay)
        self.optimizer.build(net.trainable_variables)
        self.loss_fn = partial(_loss, label_smoothing=options.label_smoothing)
        self.strategy = tf.distribute.get_strategy()
        self.rank, self.size = rank_and_size()
        self.loss = tf.Variable(0.0)
        self.correct = tf.Variable(0, dtype=tf.int64)
        self.finite = tf.Variable(0, dtype=tf.int64)
        self.tested = self.count_correct = None
        self.lowest = tf.Variable(0, dtype=tf.int64)
        self.highest = tf.Variable(0, dtype=tf.int64)
        self.num_classes = 1
        self.compiled_step = compiled(
            self.distributed_step, *_signature(net, "train_iter", train_iter)
        )
        self.seed = set_seed

    def evaluate(self, data_iter):
        """Return the accuracy on some batches."""
        if self.tested is not data_iter:  # compile once, not each epoch
            self.tested = data_iter
            self.count_correct = _counter(self.net, "test_iter", data_iter)
        return _accuracy(self.net, self.count_correct, "test_iter", data_iter)

    def start(self):
        """Begin an epoch."""
        totals = self.loss, self.correct, self.finite
        for total in *totals, self.lowest, self.highest:
            total.assign(tf.zeros_like(total))

    def step(self, X, y, lr):
        """Train on one batch: on this process's share of its examples."""
        X, y = _taken(self.net, "train_iter", X, y)
        training.check_share(len(y), self.size)
        self.optimizer.rate.assign(lr)
        self.compiled_step(X, y)

    def distributed_step(self, X, y):
        """Train on this process's share of a batch, and add to the sums."""
        batch_size = tf.shape(y)[0]
        self.note_labels(tf.cast(y, tf.int64))
        X, y = X[self.rank :: self.size], y[self.rank :: self.size]
        results = self.strategy.run(self.counted_step, (X, y, batch_size))
        # Each process has results of its own; these are their sums.
        loss, correct = (
            self.strategy.reduce("SUM", x, axis=None) for x in results
        )
        self.loss.assign_add(tf.cast(loss, tf.float32))
        self.correct.assign_add(correct)
        # Once infinite or NaN, a sum stays so: this counts up to there.
        is_finite = tf.math.is_finite(self.loss)
        self.finite.assign_add(tf.cast(is_finite, tf.int64))

    def note_labels(self, y):
        """Note the lowest and the highest label so far."""
        self.lowest.assign(tf.minimum(self.lowest, tf.reduce_min(y)))
        self.highest.assign(tf.maximum(self.highest, tf.reduce_max(y)))

    def counted_step(self, X, y, batch_size):
        """Take one step; return the summed loss and the correct answers."""
        loss, y_hat = self.train_step(X, y, batch_size)
        self.num_classes = y_hat.shape[1]
        return loss, _num_correct(y_hat, y)

    def train_step(self, X, y, batch_size):
        """Take one step; return the summed loss and the scores."""
        with tf.GradientTape() as tape:
            y_hat = self.net(X, training=True)
            loss = tf.reduce_sum(self.loss_fn(y_hat, y))
            mean_loss = loss / tf.cast(batch_size, loss.dtype)
        variables = self.net.trainable_variables
        gradients = tape.gradient(mean_loss, variables)
        self.optimizer.apply(gradients, variables)
        return loss, y_hat

    def sums(self):
        """Wait for the device, and tell how the epoch went."""
        if self.size > 1:
            self.average_statistics()
        extremes = self.lowest.numpy(), self.highest.numpy()
        training.check_labels("train_iter", *extremes, self.num_classes)
        totals = self.loss, self.correct, self.finite
        return tuple(total.numpy().item() for total in totals)

    def average_statistics(self):
        """Give all processes the same running statistics: their means."""
        for variable in self.net.non_trainable_variables:
            if variable.dtype.startswith("float"):  # not a seed
                here = self.strategy.run(tf.identity, (variable.value,))
                mean = self.strategy.reduce("MEAN", here, axis=None)
                variable.assign(mean)

    def _variables(self):
        named = {f"net.{i}": v for i, v in enumerate(self.net.variables)}
        memory = enumerate(self.optimizer.momentums)
        return named | {f"velocity.{i}": v for i, v in memory}

    def state(self):
        """Return all that training changes: name → array."""
        return {name: v.numpy() for name, v in self._variables().items()}

    def restore(self, arrays):
        """Take what `state` returned."""
        for name, variable in self._variables().items():
            variable.assign(arrays[name])
