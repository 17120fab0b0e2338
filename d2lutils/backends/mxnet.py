"""MXNet, as `d2lutils.backends.Backend` describes a framework.

MXNet is retired. Its last release, 1.9.1, cannot be imported beside today's
NumPy by itself: import this module first, then `mxnet`.
"""

import os
from contextlib import contextmanager, nullcontext
from functools import partial

import numpy as onp

from d2lutils import _mxnet_compat, backends, data, training, weights
from d2lutils.backends.variable import Variable
from d2lutils.frameworks import FRAMEWORKS

row = FRAMEWORKS["mxnet"]
# MXNet takes one thread for every two processors, for it counts on each core
# having two. Where it has not, half of the machine would be idle.
os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count()))
with (
    backends.importing(row, "requests", "setuptools"),
    _mxnet_compat.importable(),
):
    import mxnet
    from mxnet import autograd, gluon, init, kv, nd, np, npx, util
    from mxnet.gluon import nn

npx.set_np()

unbiased_variance = False
label_type = "int32"
kernel_layout = "OIHW"
words = {
    "framework": "MXNet",
    "network": "A block",
    "try_gpu": "the i-th GPU, else the CPU",
    "device": "a context such as `try_gpu()` returns",
    "name": "",
    "preferred": "where the parameters are",
    "batches": "iterables",
    "images": "(N, 1, H, W)",
    "label_type": label_type,
    "place": "on the CPU",
    "prepared": "Only parameters that have not been initialised yet are (by "
    "Xavier's method). The network is moved to the device and stays there; a "
    "hybrid block is hybridized.",
    "precision": "Not to be had with MXNet 1.9: it must be `False`.",
}


# Tensors


def tensor(array, device=None):
    """Return an array as a tensor of the same shape and type."""
    array = onp.asarray(array)
    return np.array(array, dtype=array.dtype, ctx=device)


def numpy(X):
    """Return a tensor as an array; what is no tensor, unchanged."""
    return X.asnumpy() if is_tensor(X) else X


def images(array):
    """Return images (N, C, H, W) as a tensor."""
    return tensor(array)


def shown(shape):
    """Return the shape of images, as it is."""
    return tuple(shape)


def is_tensor(value):
    """Whether this is an array of MXNet."""
    return isinstance(value, nd.NDArray)


def set_seed(seed):
    """Seed MXNet's generators, of all devices."""
    mxnet.random.seed(seed)


# Devices


def num_gpus():
    """Return how many GPUs there are."""
    return npx.num_gpus()


def try_gpu(i=0):
    """Return the i-th GPU, else the CPU."""
    return npx.gpu(i) if npx.num_gpus() > i else npx.cpu()


def device_name(device):
    """Return the name of a device."""
    # str(cpu) would be "cpu(0)".
    return "cpu" if is_cpu(device) else str(device)


def is_cpu(device):
    """Whether a device is the CPU."""
    return device.device_type == "cpu"


def full_precision():
    """Do nothing: MXNet 1.9 does not round factors."""
    return nullcontext()


# Networks


class _Function(nn.Block):
    """A function of X, with the layers that it uses."""

    def __init__(self, function, parts):
        super().__init__()
        for part in parts:
            self.register_child(part)
        self.function = function

    def forward(self, X):
        return self.function(X)


def is_network(value):
    """Whether this is a block of Gluon."""
    return isinstance(value, nn.Block)


def wrap(function, parts):
    """Return a function of X as a network that has `parts`."""
    return _Function(function, parts)


def sequential(*layers):
    """Return layers in a row."""
    hybrid = all(isinstance(layer, gluon.HybridBlock) for layer in layers)
    net = nn.HybridSequential() if hybrid else nn.Sequential()
    net.add(*layers)
    return net


def dense(inputs, outputs):
    """Return a fully connected layer, with its weights."""
    layer = nn.Dense(outputs, in_units=inputs)
    layer.initialize()
    return layer


def batch_norm(channels):
    """Return a batch normalisation of images, with its weights."""
    layer = nn.BatchNorm(momentum=0.9, epsilon=1e-5, in_channels=channels)
    layer.initialize()
    return layer


def global_avg_pool():
    """Return a layer that averages each channel."""
    return sequential(nn.GlobalAvgPool2D(), nn.Flatten())


def _input(net, X):
    """Return an array as a tensor of the network's type and device.

    Parameters that are not initialised are.
    """
    dtype, device = onp.float32, None
    for parameter in net.collect_params().values():
        if parameter._data is None and not parameter._deferred_init:
            parameter.initialize()
        dtype, device = parameter.dtype, parameter.list_ctx()[0]
    return tensor(onp.asarray(X, dtype), device)


def forward(net, X, training=False):
    """Return what a network computes of an array, in either mode."""
    inputs = _input(net, X)
    if not training:
        with autograd.predict_mode():
            return numpy(net(inputs))
    inputs.attach_grad()
    with autograd.record():
        output = net(inputs)
        if is_tensor(output):
            # What does not depend on the input could not be differentiated.
            total = output.sum() + (0 * inputs).sum()
    if is_tensor(output):
        total.backward()  # it moves the running statistics, not the forward
    return numpy(output)


@contextmanager
def _gradient_mode(net, training):
    """Yield the mode in which the gradients of a mode are right.

    Outside of training MXNet 1.9 does not remember the largest entries of
    max-pooling, and returns gradients of others. So a network that has such a
    layer is run in training mode, with its running statistics.
    """
    layers = []
    net.apply(layers.append)
    norms = [each for each in layers if isinstance(each, nn.BatchNorm)]
    if training or not any(isinstance(each, nn.MaxPool2D) for each in layers):
        yield training
        return
    before = [norm._kwargs["use_global_stats"] for norm in norms]
    try:
        for norm in norms:
            norm._kwargs["use_global_stats"] = True
        yield True
    finally:
        for norm, value in zip(norms, before, strict=True):
            norm._kwargs["use_global_stats"] = value


def gradients(net, X, weight, training):
    """Return what a network computes, and the gradients of a sum of it."""
    with _gradient_mode(net, training) as training:
        return _gradients(net, X, weight, training)


def _gradients(net, X, weight, training):
    inputs = _input(net, X)
    inputs.attach_grad()
    with autograd.record(train_mode=training):
        output = net(inputs)
    wanted = [p for p in _named(net).values() if p.grad_req != "null"]
    if not is_tensor(output):
        return output, None, [None] * len(wanted)
    before = [parameter.grad().copy() for parameter in wanted]
    for parameter in wanted:
        parameter.grad()[:] = 0
    factor = tensor(onp.asarray(weight, output.dtype), output.ctx)
    with autograd.record(train_mode=training):
        total = (output * factor).sum() + (0 * inputs).sum()
    total.backward(train_mode=training)
    found = [numpy(parameter.grad()) for parameter in wanted]
    for parameter, gradient in zip(wanted, before, strict=True):
        parameter.grad()[:] = gradient
    return numpy(output), numpy(inputs.grad), found


@contextmanager
def kept(net):
    """Give a network back all its values at the end."""
    made = [p for p in net.collect_params().values() if p._data is not None]
    before = [(p, p.data().copy()) for p in made]
    # A pass in training mode goes back, too.
    gradients = [(p, p.grad().copy()) for p in made if p.grad_req != "null"]
    try:
        yield
    finally:
        for parameter, value in before:
            parameter.set_data(value)
        for parameter, value in gradients:
            parameter.grad()[:] = value


@contextmanager
def kept_globals():
    """Give MXNet back its modes, and go on from a number drawn before."""
    arrays, shapes = util.is_np_array(), util.is_np_shape()
    recording, training = autograd.is_recording(), autograd.is_training()
    seed = int(np.random.randint(0, 2**31 - 1, size=(1,)).item())
    try:
        yield
    finally:
        util.set_np(shapes, arrays)
        autograd.set_recording(recording)
        autograd.set_training(training)
        set_seed(seed)


def parameters(net):
    """Return the trained variables of a network that has seen an input."""
    return [
        _variable(name, p, "bias" if _is_bias(p) else "weight")
        for name, p in _named(net).items()
        if p.grad_req != "null"
    ]


def statistics(net):
    """Return the running statistics of a network."""
    kinds = {"running_mean": "mean", "running_var": "variance"}
    return [
        _variable(name, parameter, kinds[name.split(".")[-1]])
        for name, parameter in _named(net).items()
        if name.split(".")[-1] in kinds
    ]


def others(net):
    """Return a network's other arrays of real numbers, in its attributes."""
    known = {variable.name for variable in statistics(net)}
    found = [
        _variable(name, parameter, "other")
        for name, parameter in _named(net).items()
        if parameter.grad_req == "null" and name not in known
    ]
    todo = [net]
    for block in todo:
        todo += block._children.values()
        found += [
            _attribute(block, name)
            for name, X in vars(block).items()
            if is_tensor(X) and onp.dtype(X.dtype).kind == "f"
        ]
    return found


def _attribute(block, name):
    def write(array):
        old = getattr(block, name)
        setattr(block, name, np.array(array, dtype=old.dtype, ctx=old.ctx))

    def read():
        return numpy(getattr(block, name))

    return Variable(f"{block.name}.{name}", read().shape, "other", read, write)


def _named(net):
    """Return name → parameter, each once."""
    found = {}
    for name, parameter in net._collect_params_with_prefix().items():
        if not any(parameter is other for other in found.values()):
            found[name] = parameter
    return found


def _is_bias(parameter):
    return parameter.name.endswith("bias")


def _variable(name, parameter, kind):
    return Variable(
        name,
        tuple(parameter.shape),
        kind,
        lambda: numpy(parameter.data()),
        lambda array: parameter.set_data(
            np.array(array, dtype=parameter.dtype)
        ),
    )


# Weights

_NAMES = {"gamma": "weight", "beta": "bias"}
_NORMALISATIONS = (
    nn.BatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.InstanceNorm,
    nn.BatchNormReLU,
)


def _prepare(net, device):
    """Initialise the parameters that are not, and move all to `device`.

    With the device `None`, those that are initialised stay where they are.
    """
    for parameter in net.collect_params().values():
        try:
            devices = parameter.list_ctx()
        except RuntimeError:  # not initialised
            parameter.initialize(default_init=init.Xavier(), ctx=device)
        else:
            if device is not None and devices != [device]:
                parameter.reset_ctx(device)
    if isinstance(net, gluon.HybridBlock):
        net.hybridize()  # faster


def _entries(block, prefix=""):
    """Yield name and parameter of all weights that can be reached."""
    names = _NAMES if isinstance(block, _NORMALISATIONS) else {}
    for name, parameter in block._reg_params.items():
        layout = getattr(block, "_kwargs", {}).get("layout", "NCHW")
        if name == "weight" and layout[1] != "C":
            raise ValueError(
                f"{prefix}weight has the layout {layout}: only layers with "
                "the channels in axis 1 can be translated"
            )
        yield prefix + names.get(name, name), parameter
    for name, child in block._children.items():
        yield from _entries(child, f"{prefix}{name}.")


def _unregistered(net, known):
    """Yield the names of weights that are none of the `known` parameters."""
    blocks = []
    net.apply(blocks.append)
    for block in blocks:
        for name, value in vars(block).items():
            for part in weights.held(value):
                found = [part]
                if isinstance(part, nn.Block):
                    found = part.collect_params().values()
                for each in found:
                    is_weight = isinstance(each, gluon.Parameter)
                    if is_weight and id(each) not in known:
                        yield f"{type(block).__name__}.{name}"
        for name, parameter in block.params.items():
            if id(parameter) not in known:
                yield name


def _state(net):
    """Return canonical name → parameter of a network's weights.

    Raises:
        ValueError: Some of them have no name, or are not made yet.
    """
    state = weights.named(_entries(net))
    weights.unseen(
        _unregistered(net, {id(p) for p in state.values()}),
        "Gluon sees blocks and parameters only as attributes, in "
        "nn.Sequential or after register_child",
    )
    _prepare(net, None)
    weights.unmade(n for n, p in state.items() if p._data is None)
    return state


def get_weights(net):
    """Return a network's weights: torchvision's names → arrays."""
    return {
        name: weights.array(name, p.list_data()[0])
        for name, p in _state(net).items()
    }


def set_weights(net, values):
    """Give a network weights under torchvision's names, in its layouts."""
    state = _state(net)
    shapes = {name: parameter.shape for name, parameter in state.items()}
    for name, array in weights.check(values, state, shapes).items():
        parameter = state[name]
        parameter.set_data(np.array(array, dtype=parameter.dtype))


# Data


def batches(images, labels, batch_size, resize, shuffle=False, augment=False):
    """Return mini-batches, as often as one likes to go through them."""
    if resize is not None:
        A, B = (
            np.array(data.bilinear_matrix(side, resize))
            for side in images.shape[2:]
        )

    def make_batch(index, flipped):
        # NumPy indexes bytes faster than MXNet does.
        X = images[index]
        X[flipped] = X[flipped, ..., ::-1]
        X = np.array(X, dtype="float32", ctx=npx.cpu())
        if images.dtype == onp.uint8:
            X = X / 255
        if resize is not None:
            X = np.matmul(A, np.dot(X, B.T))
        return X, np.array(labels[index], dtype="int32", ctx=npx.cpu())

    return data.Batches(len(labels), batch_size, make_batch, shuffle, augment)


# Training


def _type_name(value):
    """Return the type of an array's numbers; `None` if it is no array."""
    is_array = isinstance(value, onp.ndarray) or is_tensor(value)
    return onp.dtype(value.dtype).name if is_array else None


def _float_type(net):
    """Return the type that a network computes in."""
    types = (onp.dtype(p.dtype) for p in net.collect_params().values())
    return next((t for t in types if t.kind == "f"), onp.dtype("float32"))


def _taken(dtype, name, X, y):
    """Return a batch as tensors of the types to train on, where they are.

    Args:
        dtype: The network's floating-point type.
        name: What a reader calls the batches.
        X: An array or tensor.
        y: Class numbers.

    Raises:
        ValueError: It is no such batch.
    """
    training.check_pair(name, X, y, _type_name)
    kind = _type_name(X)
    if training.is_numbers(kind, X.ndim):
        kind = dtype
    return _cast(X, kind), _cast(y, onp.dtype("int32"))


def _cast(value, dtype):
    if isinstance(value, onp.ndarray):
        array = training.plain(value).astype(dtype, copy=False)
        return tensor(array, npx.cpu())
    # Gluon's older arrays know nothing of `np`.
    value = value.as_np_ndarray()
    return value if value.dtype == dtype else value.astype(dtype)


def evaluate_accuracy(net, data_iter, device=None):
    """Return the fraction of examples that are classified correctly."""
    if device is None:
        parameters = list(net.collect_params().values())
        device = parameters[0].list_ctx()[0] if parameters else npx.cpu()
    return _accuracy(net, data_iter, device, "data_iter")


def _accuracy(net, batches, device, name):
    dtype = _float_type(net)
    correct, count = np.zeros((), ctx=device), 0
    extremes, num_classes = (), 1
    with autograd.predict_mode():
        for X, y in training.pairs(name, batches):
            X, y = _taken(dtype, name, X, y)
            X, y = X.as_in_ctx(device), y.as_in_ctx(device)
            y_hat = net(X)
            correct += _num_correct(y_hat, y)
            extremes = _extremes(extremes, y)
            num_classes, count = y_hat.shape[1], count + len(y)
    _check_extremes(name, extremes, num_classes)
    return training.accuracy(float(correct), count, name)


def _extremes(extremes, y):
    """Return the lowest and the highest number so far, on the device.

    Args:
        extremes: Those before; nothing at first.
        y: Numbers.
    """
    if not len(y):
        return extremes
    low, high = y.min(), y.max()
    if not extremes:
        return low, high
    return np.minimum(extremes[0], low), np.maximum(extremes[1], high)


def _check_extremes(name, extremes, num_classes):
    if extremes:
        training.check_labels(name, *map(int, extremes), num_classes)


def _num_correct(y_hat, y):
    return (y_hat.argmax(axis=1).astype(y.dtype) == y).sum()


class Store:
    """Adds up arrays over the processes of a group."""

    def __init__(self):
        self.kv = kv.create("dist_sync")
        self.keys = {}  # length → the key under which the servers add

    def add(self, arrays):
        """Replace arrays by their sums over all processes.

        All processes have to add the same shapes in the same order.
        """
        flat = np.concatenate([X.reshape(-1) for X in arrays])
        if flat.size not in self.keys:
            self.keys[flat.size] = len(self.keys)
            self.kv.init(self.keys[flat.size], np.zeros_like(flat))
        key, total = self.keys[flat.size], np.zeros_like(flat)
        # One thing at a time: a push is done when all processes' are.
        npx.waitall()
        self.kv.push(key, flat)
        npx.waitall()
        self.kv.pull(key, out=total)
        npx.waitall()
        start = 0
        for X in arrays:
            X[:] = total[start : start + X.size].reshape(X.shape)
            start += X.size


_stores = []  # that of the group which this process has joined, if it has


@contextmanager
def group():
    """Join the processes that the variables DMLC_… name, if they do.

    The scheduler and the servers never come here. They serve while MXNet is
    being imported, and exit when all workers have left. If one worker fails
    the others wait for it.
    """
    if os.environ.get("DMLC_ROLE") != "worker":
        yield
        return
    _stores.append(Store())
    yield
    # Nothing else refers to the store, so MXNet closes it: it waits for the
    # other workers, then the servers exit. After an error nobody waits.
    _stores.pop()


def rank_and_size():
    """Return this process's number and how many train together."""
    if not _stores:
        return 0, 1
    return _stores[-1].kv.rank, _stores[-1].kv.num_workers


def explained(error):
    """Return what says what to do, if there is such for an error."""
    if isinstance(error, mxnet.MXNetError) and "out of memory" in str(error):
        return training.out_of_memory()
    return None


@contextmanager
def engine(net, device, train_iter, test_iter, options):
    """Return what trains a network on a device, for a `with` block."""
    if options.mixed_precision:
        raise ValueError(
            "mixed_precision: MXNet 1.9 cannot train these networks in "
            "16 bits; leave it False"
        )
    device = try_gpu() if device is None else device
    _prepare(net, device)
    # This makes the parameters that the network does not have yet.
    training.check_batches(
        lambda X: net(X[:1].as_in_ctx(device)),
        partial(_taken, _float_type(net)),
        _type_name,
        numpy,
        train_iter,
        test_iter,
    )
    yield Engine(net, device, options)


class _Loss:
    """The cross-entropy of each example."""

    def __init__(self, label_smoothing):
        self.label_smoothing = label_smoothing
        self.cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()

    def __call__(self, y_hat, y):
        loss, share = self.cross_entropy(y_hat, y), self.label_smoothing
        if share:
            over_classes = npx.log_softmax(y_hat).mean(axis=1)
            loss = (1 - share) * loss - share * over_classes
        return loss


class _Trainer(gluon.Trainer):
    """Gradient descent, for a group of processes and changing rates."""

    def __init__(self, parameters, momentum, weight_decay):
        options = {
            "learning_rate": 0.0,
            "momentum": momentum,
            "wd": weight_decay,
        }
        # Without a store of its own, which would keep the momenta to itself.
        super().__init__(parameters, "sgd", options, kvstore=None)
        self.momentum = momentum

    def set_learning_rate(self, lr):
        """Set the rate of the next step, and correct the momentum by it.

        MXNet puts the rate into the velocity, so that a step of another rate
        would still move by the old one for a while. What is in there has to
        be scaled by the ratio of the rates (Goyal et al., 2017, section 3);
        to scale the momentum, by which it will be multiplied, does so.
        """
        before = self.learning_rate
        if self.momentum and before:
            self.optimizer.momentum = self.momentum * lr / before
        super().set_learning_rate(lr)

    def _allreduce_grads(self):
        if rank_and_size()[1] > 1:
            learned = (p for p in self._params if p.grad_req != "null")
            _stores[-1].add([p.list_grad()[0] for p in learned])

    def velocities(self):
        """Return parameter → velocity."""
        found, updater = {}, self._updaters[0]
        for i, parameter in enumerate(self._params):
            if not self.momentum or parameter.grad_req == "null":
                continue
            if i not in updater.states:
                updater.states[i] = (
                    self.optimizer.create_state_multi_precision(
                        i, parameter.data()
                    )
                )
                updater.states_synced[i] = True
            found[parameter] = updater.states[i]
        return found


class Engine:
    """Trains a Gluon network: see `d2lutils.training.Engine`."""

    def __init__(self, net, device, options):
        self.net, self.device = net, device
        self.rank, self.size = rank_and_size()
        # In the network's order, which is the same in all processes.
        parameters = list(net.collect_params().values())
        self.trainer = _Trainer(
            parameters, options.momentum, options.weight_decay
        )
        self.first = parameters[0]
        self.dtype = _float_type(net)
        self.loss_fn = _Loss(options.label_smoothing)
        self.seed = set_seed

    def evaluate(self, data_iter):
        """Return the accuracy on some batches."""
        return _accuracy(self.net, data_iter, self.device, "test_iter")

    def start(self):
        """Begin an epoch."""
        self.loss = np.zeros((), ctx=self.device)
        self.correct = np.zeros((), ctx=self.device)
        self.finite = np.zeros((), ctx=self.device)
        self.extremes, self.num_classes = (), 1

    def step(self, X, y, lr):
        """Train on one batch: on this process's share of its examples."""
        X, y = self.checked(X, y)
        batch_size = len(y)
        training.check_share(batch_size, self.size)
        X, y = X[self.rank :: self.size], y[self.rank :: self.size]
        X, y = X.as_in_ctx(self.device), y.as_in_ctx(self.device)
        # MXNet queues work without limit. Waiting until the last step's
        # loss is known, while its gradients are yet to come, keeps the
        # queue filled, but not the memory with an epoch of batches.
        self.loss.wait_to_read()
        self.trainer.set_learning_rate(lr)
        loss, y_hat = self.train_step(X, y, batch_size)
        self._count(loss, y_hat, y)

    def checked(self, X, y):
        """Return a batch as tensors, and note the labels' range."""
        X, y = _taken(self.dtype, "train_iter", X, y)
        self.extremes = _extremes(self.extremes, y)
        return X, y

    def train_step(self, X, y, batch_size):
        """Take one step; return the losses and the scores."""
        with autograd.record():
            y_hat = self.net(X)
            loss = self.loss_fn(y_hat, y)
        loss.backward()
        self.trainer.step(batch_size)
        return loss, y_hat

    def _count(self, loss, y_hat, y):
        """Add to the sums, on the device."""
        self.num_classes = y_hat.shape[1]
        self.loss = self.loss + loss.sum().astype("float32")
        self.correct = self.correct + _num_correct(y_hat, y)
        # Once infinite or NaN, a sum stays so: this counts up to there. Some
        # weights are added, as MXNet's ReLU hides a NaN from the loss.
        total = self.loss + self.first.data().sum().astype("float32")
        self.finite = self.finite + np.isfinite(total)

    def sums(self):
        """Wait for the device, and tell how the epoch went."""
        _check_extremes("train_iter", self.extremes, self.num_classes)
        sums = np.stack([self.loss, self.correct, self.finite])
        if self.size > 1:
            _stores[-1].add([sums])
            self.average_statistics()
        loss, correct, finite = sums.tolist()
        # If one process sees an infinite loss, the others do a step later.
        return loss, correct, int(finite) // self.size

    def average_statistics(self):
        """Give all processes the same running statistics: their means."""
        statistics = [
            parameter.data()
            for parameter in self.net.collect_params().values()
            if parameter.grad_req == "null"
        ]
        if statistics:
            _stores[-1].add(statistics)
            for X in statistics:
                X /= self.size

    def _arrays(self):
        # The trainer's own numbers depend on what else the process has made.
        parameters = self.net._collect_params_with_prefix()
        velocities = self.trainer.velocities()
        named = {f"net.{name}": p.data() for name, p in parameters.items()}
        return named | {
            f"velocity.{name}": velocities[p]
            for name, p in parameters.items()
            if p in velocities
        }

    def state(self):
        """Return all that training changes: name → array."""
        arrays = {name: X.asnumpy() for name, X in self._arrays().items()}
        # It is in the velocity.
        return arrays | {"rate": onp.array(self.trainer.learning_rate)}

    def restore(self, arrays):
        """Take what `state` returned."""
        for name, X in self._arrays().items():
            value = np.array(arrays[name], dtype=X.dtype, ctx=self.device)
            X.as_np_ndarray()[:] = value
        self.trainer.set_learning_rate(float(arrays["rate"]))
