"""PyTorch, as `d2lutils.backends.Backend` describes a framework."""

import os
from contextlib import contextmanager, nullcontext
from functools import partial

import numpy as np

from d2lutils import backends, data, training, weights
from d2lutils.backends.variable import Variable
from d2lutils.frameworks import FRAMEWORKS

row = FRAMEWORKS["pytorch"]
with backends.importing(row):
    import torch
    from torch import distributed, nn
    from torch.nn.parallel import DistributedDataParallel

unbiased_variance = True
label_type = "int64"
kernel_layout = "OIHW"
words = {
    "framework": "PyTorch",
    "network": "A module",
    "try_gpu": "the i-th GPU: of CUDA, else of Apple (MPS), else the CPU",
    "device": "a `torch.device`",
    "name": ", with the model if it is of CUDA",
    "preferred": "where the parameters are",
    "batches": "iterables",
    "images": "(N, 1, H, W)",
    "label_type": label_type,
    "place": "on the device of `try_gpu`",
    "prepared": "It is moved to the device, trained, and left there in "
    "evaluation mode.",
    "precision": "Compute in bfloat16 where that is safe; the weights stay "
    "float32. A GPU without bfloat16 computes in float32, and a line says so.",
}


# Tensors


def tensor(array, device=None):
    """Return an array as a tensor of the same shape and type."""
    # PyTorch takes no reversed axes.
    return torch.tensor(np.asarray(array, order="C"), device=device)


def numpy(X):
    """Return a tensor as an array; what is no tensor, unchanged.

    What NumPy has no type for, bfloat16 and float8, becomes float32.
    """
    if not is_tensor(X):
        return X
    X = X.detach().cpu()
    shared = X.dtype in (torch.float16, torch.float32, torch.float64)
    return (X.float() if X.is_floating_point() and not shared else X).numpy()


def images(array):
    """Return images (N, C, H, W) as a tensor."""
    return tensor(array)


def shown(shape):
    """Return the shape of images, as it is."""
    return tuple(shape)


def is_tensor(value):
    """Whether this is a tensor of PyTorch."""
    return isinstance(value, torch.Tensor)


def set_seed(seed):
    """Seed PyTorch's generators, of all devices."""
    torch.manual_seed(seed)


# Devices


def num_gpus():
    """Return how many GPUs there are."""
    count = torch.cuda.device_count()
    return count or int(torch.backends.mps.is_available())


def try_gpu(i=0):
    """Return the i-th GPU: of CUDA, else of Apple (MPS), else the CPU."""
    if torch.cuda.device_count() > i:
        return torch.device("cuda", i)
    if i == 0 and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def device_name(device):
    """Return the name of a device, with the model if it is of CUDA."""
    device = torch.device(device)
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def is_cpu(device):
    """Whether a device is the CPU."""
    return torch.device(device).type == "cpu"


@contextmanager
def full_precision():
    """Keep a GPU from rounding factors to ten bits (TensorFloat-32)."""
    places = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [place.allow_tf32 for place in places]
    try:
        for place in places:
            place.allow_tf32 = False
        yield
    finally:
        for place, allowed in zip(places, before, strict=True):
            place.allow_tf32 = allowed


# Networks


class _Function(nn.Module):
    """A function of X, with the layers that it uses."""

    def __init__(self, function, parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.function = function

    def forward(self, X):
        return self.function(X)


def is_network(value):
    """Whether this is a module of PyTorch."""
    return isinstance(value, nn.Module)


def wrap(function, parts):
    """Return a function of X as a network that has `parts`."""
    return _Function(function, parts)


def sequential(*layers):
    """Return layers in a row."""
    return nn.Sequential(*layers)


def dense(inputs, outputs):
    """Return a fully connected layer, with its weights."""
    return nn.Linear(inputs, outputs)


def batch_norm(channels):
    """Return a batch normalisation of images, with its weights."""
    return nn.BatchNorm2d(channels)


def global_avg_pool():
    """Return a layer that averages each channel."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


@contextmanager
def mode(net, training):
    """Put a network into training or evaluation mode for a while."""
    # Parts of a network may be in a mode of their own.
    modes = [(module, module.training) for module in net.modules()]
    net.train(training)
    try:
        yield
    finally:
        for module, before in modes:
            module.training = before


@contextmanager
def evaluation(net):
    """Put a network into evaluation mode for a while, without gradients."""
    with mode(net, False), torch.no_grad():
        yield


def _device(net):
    return next(net.parameters(), torch.empty(0)).device


def _input(net, X):
    """Return an array as a tensor of the network's type and device."""
    first = next(net.parameters(), torch.empty(0))
    if isinstance(first, nn.parameter.UninitializedParameter):
        first = torch.empty(0)
    return tensor(X).to(first.device, first.dtype)


def forward(net, X, training=False):
    """Return what a network computes of an array, in either mode."""
    # Layers of a reader's own may tell training by the gradients.
    gradients = torch.set_grad_enabled(training)
    with mode(net, training), gradients, full_precision():
        return numpy(net(_input(net, X)))


def gradients(net, X, weight, training):
    """Return what a network computes, and the gradients of a sum of it."""
    with mode(net, training), torch.enable_grad(), full_precision():
        inputs = _input(net, X).requires_grad_()
        # Not the leaf itself: a layer inside a network may change its input.
        output = net(inputs.clone())
        wanted = [inputs, *net.parameters()]
        found = dict.fromkeys(range(len(wanted)))
        if is_tensor(output) and output.requires_grad:
            factor = torch.tensor(weight, dtype=output.dtype)
            total = (output * factor.to(output.device)).sum()
            able = [i for i, each in enumerate(wanted) if each.requires_grad]
            arrived = torch.autograd.grad(
                total, [wanted[i] for i in able], allow_unused=True
            )
            found |= zip(able, map(numpy, arrived), strict=True)
    by_input, *by_parameters = found.values()
    return numpy(output), by_input, by_parameters


@contextmanager
def kept(net):
    """Give a network back all its values at the end."""
    # Some networks keep their statistics in attributes, not in buffers.
    places = [
        (place, name, tensor, tensor.detach().clone())
        for module in net.modules()
        for place in (vars(module), module._parameters, module._buffers)
        for name, tensor in place.items()
        if is_tensor(tensor)
        and not isinstance(tensor, nn.parameter.UninitializedTensorMixin)
    ]
    try:
        yield
    finally:
        with torch.no_grad():
            for place, name, tensor, values in places:
                tensor.detach().copy_(values)
                place[name] = tensor


@contextmanager
def kept_globals():
    """Give PyTorch back its defaults, mode and random numbers."""
    dtype, able = torch.get_default_dtype(), torch.is_grad_enabled()
    device = torch.get_default_device()
    used = torch.cuda.is_initialized()
    devices = range(torch.cuda.device_count()) if used else ()
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_grad_enabled(able)
            if torch.get_default_device() != device:
                # With none, functions are not looked through for a device.
                torch.set_default_device(None if is_cpu(device) else device)


def parameters(net):
    """Return the trained variables of a network that has seen an input."""
    owners = {
        id(parameter): module
        for module in net.modules()
        for parameter in module.parameters(recurse=False)
    }
    norms = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
    return [
        _variable(
            name,
            tensor,
            "bias"
            if name.endswith("bias")
            and not isinstance(owners[id(tensor)], norms)
            else "weight",
        )
        for name, tensor in net.named_parameters()
    ]


def statistics(net):
    """Return the running statistics of a network."""
    kinds = {"running_mean": "mean", "running_var": "variance"}
    return [
        _variable(name, tensor, kinds[name.split(".")[-1]])
        for name, tensor in net.named_buffers()
        if name.split(".")[-1] in kinds
    ]


def others(net):
    """Return a network's other arrays of real numbers: buffers, attributes."""
    known = {variable.name for variable in statistics(net)}
    found = []
    for path, module in net.named_modules():
        for name, X in {**vars(module), **module._buffers}.items():
            full = f"{path}.{name}".lstrip(".").removeprefix("parts.")
            if is_tensor(X) and X.is_floating_point() and full not in known:
                found.append(_attribute(full, module, name))
    return found


def _attribute(full, module, name):
    def write(array):
        old = getattr(module, name)
        setattr(module, name, tensor(array).to(old.device, old.dtype))

    def read():
        return numpy(getattr(module, name)).copy()

    return Variable(full, read().shape, "other", read, write)


def _variable(name, tensor, kind):
    def write(array):
        with torch.no_grad():
            tensor.copy_(torch.tensor(array, dtype=tensor.dtype))

    name = name.removeprefix("parts.")
    return Variable(
        name, tuple(tensor.shape), kind, lambda: numpy(tensor).copy(), write
    )


# Weights


def _state(net):
    """Return canonical name → tensor of a network's weights.

    The tensors are the network's own; one may have two names.

    Raises:
        ValueError: Some of them have no name, or no numbers yet.
    """
    # What torch.compile and DistributedDataParallel put around a network.
    while inner := getattr(net, "_orig_mod", None) or _parallel(net):
        net = inner
    weights.unseen(
        _unregistered(net),
        "PyTorch sees modules only as attributes, in nn.ModuleList or in "
        "nn.ModuleDict, and tensors only as nn.Parameter or buffer",
    )
    state = weights.named(
        (name, X)
        for name, X in net.state_dict(keep_vars=True).items()
        if not name.endswith("num_batches_tracked")
    )
    if extra := [n for n, X in state.items() if not is_tensor(X)]:
        raise ValueError(
            f"{weights.listed(extra)}: this is no tensor, and a file of "
            "weights holds nothing else"
        )
    lazy = nn.parameter.UninitializedTensorMixin
    weights.unmade(n for n, X in state.items() if isinstance(X, lazy))
    if meta := [n for n, X in state.items() if X.is_meta]:
        raise ValueError(
            f"the device meta keeps no numbers ({weights.listed(meta)}): "
            'bring the network to another, net.to_empty(device="cpu")'
        )
    return state


def _parallel(net):
    kinds = DistributedDataParallel, nn.DataParallel
    return net.module if isinstance(net, kinds) else None


def _unregistered(net):
    """Yield the names of weights that are no part of `net.state_dict()`."""
    known = {id(module) for module in net.modules()}
    known |= {id(X) for X in [*net.parameters(), *net.buffers()]}
    for path, module in net.named_modules():
        for name, value in vars(module).items():
            for part in weights.held(value):
                if id(part) in known:
                    continue
                if isinstance(part, nn.Module):
                    has_weights = any(True for _ in part.state_dict())
                else:  # what is computed of parameters is none
                    has_weights = (
                        is_tensor(part) and part.is_leaf and part.requires_grad
                    )
                if has_weights:
                    yield f"{path}.{name}" if path else name


def get_weights(net):
    """Return a network's weights: torchvision's names → arrays."""
    return {
        name: weights.array(name, X).copy() for name, X in _state(net).items()
    }


def set_weights(net, values):
    """Give a network weights under torchvision's names, in its layouts."""
    state = _state(net)
    shapes = {name: X.shape for name, X in state.items()}
    arrays = weights.check(values, state, shapes)
    with torch.no_grad():
        for name, array in arrays.items():
            state[name].copy_(tensor(array))


# Data


def batches(images, labels, batch_size, resize, shuffle=False, augment=False):
    """Return mini-batches, as often as one likes to go through them."""
    # The bytes of all images fit on any device, and stay there.
    device = try_gpu()
    images = torch.from_numpy(images).to(device)
    labels = torch.from_numpy(labels).to(device)
    if resize is not None:
        A, B = (
            torch.from_numpy(data.bilinear_matrix(side, resize)).to(device)
            for side in images.shape[2:]
        )

    def to_device(array):
        tensor = torch.from_numpy(array)
        if device.type == "cuda":  # from pinned memory a GPU need not wait
            tensor = tensor.pin_memory()
        return tensor.to(device, non_blocking=True)

    def make_batch(index, flipped):
        numbers = to_device(index)
        X = images[numbers]
        if flipped.any():
            flips = to_device(flipped)[:, None, None, None]
            X = torch.where(flips, X.flip(3), X)
        if X.dtype == torch.uint8:
            X = X.to(torch.float32) / 255
        if resize is not None:
            X = A @ (X @ B.T)
        return X, labels[numbers]

    return data.Batches(len(labels), batch_size, make_batch, shuffle, augment)


# Training


def _type_name(value):
    """Return the type of an array's numbers; `None` if it is no array."""
    if isinstance(value, np.ndarray):
        return value.dtype.name
    return str(value.dtype)[6:] if is_tensor(value) else None  # torch.…


def _float_type(net):
    """Return the type that a network computes in."""
    types = (X.dtype for X in net.parameters() if X.is_floating_point())
    return next(types, torch.get_default_dtype())


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
    X, y = (
        tensor(training.plain(part)) if isinstance(part, np.ndarray) else part
        for part in (X, y)
    )
    if training.is_numbers(_type_name(X), X.dim()):
        X = X.to(dtype)
    return X, y.long()


def _extremes(extremes, y):
    """Return the lowest and the highest number so far, on the device."""
    if not len(y):
        return extremes
    low, high = y.aminmax()
    return torch.minimum(extremes[0], low), torch.maximum(extremes[1], high)


def evaluate_accuracy(net, data_iter, device=None):
    """Return the fraction of examples that are classified correctly."""
    device = _device(net) if device is None else torch.device(device)
    return _accuracy(net, data_iter, device, "data_iter")


def _accuracy(net, batches, device, name):
    dtype = _float_type(net)
    correct, count = torch.zeros((), dtype=torch.int64, device=device), 0
    extremes, num_classes = (correct, correct), 1
    with evaluation(net):
        for X, y in training.pairs(name, batches):
            X, y = _taken(dtype, name, X, y)
            X, y = X.to(device), y.to(device)
            y_hat = net(X)
            correct = correct + (y_hat.argmax(dim=1) == y).sum()
            extremes = _extremes(extremes, y)
            num_classes, count = y_hat.shape[1], count + len(y)
    if count:
        training.check_labels(name, *map(int, extremes), num_classes)
    return training.accuracy(int(correct), count, name)


@contextmanager
def group():
    """Join the processes that `torchrun` has started, if it has.

    Where there are several GPUs, each process takes one for itself.

    Raises:
        ValueError: There are several, but fewer than processes.
    """
    if "RANK" not in os.environ:
        yield
        return
    _see_one_gpu(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group()
    try:
        yield
    finally:
        distributed.destroy_process_group()


def _see_one_gpu(number):
    # Nothing has used CUDA yet: only then does it look at the variable.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(i) for i in range(torch.cuda.device_count())]
    if visible is not None:
        names = visible.split(",")
    if len(names) < 2:
        return
    if number >= len(names):
        raise ValueError(
            f"LOCAL_RANK is {number}, but this machine has {len(names)} GPUs; "
            f"start {len(names)} processes on it"
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = names[number]


def rank_and_size():
    """Return this process's number and how many train together."""
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def has_bfloat16(device):
    """Whether a device computes in bfloat16 by itself."""
    if device.type != "cuda":
        return True
    return torch.cuda.is_bf16_supported(including_emulation=False)


def _first_scores(net):
    """Return a function of `X`: the scores of its first example."""
    device = _device(net)

    def scores(X):
        with evaluation(net):
            return net(X[:1].to(device))

    return scores


def _layout(net, device, X):
    """Return the layout to train in, and bring a network there.

    Channels last is the one that convolutions are fastest in. A network that
    flattens by `view` needs the channels first.

    Args:
        net: A network.
        device: Where to train.
        X: Images that it is known to take.
    """
    net.to(device)
    if len(X.shape) == 4:
        net.to(memory_format=torch.channels_last)
        X = X[:1].to(device, memory_format=torch.channels_last)
        try:
            # To compile it for this would take longer than it helps.
            with evaluation(net), _uncompiled():
                net(X)
        except RuntimeError:
            net.to(memory_format=torch.contiguous_format)
        else:
            return torch.channels_last
    return torch.contiguous_format


def _uncompiled():
    """Let compiled networks compute as they were written, for a while."""
    if not hasattr(torch.compiler, "set_stance"):  # it is of PyTorch 2.6
        return nullcontext()
    return torch.compiler.set_stance("force_eager")


def explained(error):
    """Return what says what to do, if there is such for an error."""
    text = str(error)
    words = "out of memory", "can't allocate memory", "ALLOC_FAILED"
    if isinstance(error, RuntimeError) and any(w in text for w in words):
        return training.out_of_memory()
    if isinstance(error, ValueError) and "more than 1 value per chan" in text:
        return ValueError(
            "train_iter: a batch has a single example, and batch "
            "normalisation needs two; leave it out (drop_last=True in a "
            "DataLoader) or choose another batch size"
        )
    return None


@contextmanager
def engine(net, device, train_iter, test_iter, options):
    """Return what trains a network on a device, for a `with` block."""
    device = try_gpu() if device is None else torch.device(device)
    X = training.check_batches(
        _first_scores(net),
        partial(_taken, _float_type(net)),
        _type_name,
        numpy,
        train_iter,
        test_iter,
    )
    if options.mixed_precision and not has_bfloat16(device):
        options = training.in_float32(options, device_name(device))
    yield Engine(net, device, options, _layout(net, device, X))
    net.eval()


class _CrossEntropy(nn.CrossEntropyLoss):
    """The cross-entropy, for labels that may be out of range.

    Where a label is, CUDA would break off, and it would be too late to say
    which it was.
    """

    def forward(self, y_hat, y):
        return super().forward(y_hat, y.clamp(0, y_hat.shape[1] - 1))


class Engine:
    """Trains a PyTorch network: see `d2lutils.training.Engine`."""

    def __init__(self, net, device, options, layout=torch.channels_last):
        self.net, self.device, self.layout = net, device, layout
        self.rank, self.size = rank_and_size()
        net.to(device, memory_format=layout)
        self.dtype = _float_type(net)
        zero = torch.zeros((), dtype=torch.int64, device=device)
        self.extremes, self.num_classes = (zero, zero), 1
        self.model = net if self.size == 1 else DistributedDataParallel(net)
        self.optimizer = torch.optim.SGD(
            net.parameters(),
            lr=0.0,
            momentum=options.momentum,
            weight_decay=options.weight_decay,
        )
        self.loss_fn = _CrossEntropy(
            reduction="sum", label_smoothing=options.label_smoothing
        )
        self.precision = torch.autocast(
            device.type, torch.bfloat16, enabled=options.mixed_precision
        )
        self.seed = set_seed

    def evaluate(self, data_iter):
        """Return the accuracy on some batches."""
        return _accuracy(self.net, data_iter, self.device, "test_iter")

    def start(self):
        """Begin an epoch."""
        self.net.train()
        zero = torch.zeros((), device=self.device)
        self.loss, self.correct, self.finite = zero, zero.long(), zero.long()
        self.extremes = zero.long(), zero.long()

    def step(self, X, y, lr):
        """Train on one batch: on this process's share of its examples."""
        X, y = self.checked(X, y)
        batch_size = len(y)
        training.check_share(batch_size, self.size)
        X, y = X[self.rank :: self.size], y[self.rank :: self.size]
        X = X.to(self.device, memory_format=self.layout)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        # Among several processes the gradients are averaged, not added.
        loss, y_hat = self.train_step(X, y, batch_size / self.size)
        self._count(loss, y_hat, y)

    def checked(self, X, y):
        """Return a batch as tensors, and note the labels' range."""
        X, y = _taken(self.dtype, "train_iter", X, y)
        y = y.to(self.device)
        self.extremes = _extremes(self.extremes, y)
        return X, y

    def train_step(self, X, y, batch_size):
        """Take one step; return the summed loss and the scores."""
        self.optimizer.zero_grad()
        with self.precision:  # float32, or bfloat16 where that is safe
            y_hat = self.model(X)
            loss = self.loss_fn(y_hat, y)
        (loss / batch_size).backward()
        self.optimizer.step()
        return loss, y_hat

    def _count(self, loss, y_hat, y):
        """Add to the sums, on the device."""
        self.num_classes = y_hat.shape[1]
        with torch.no_grad():
            self.loss = self.loss + loss
            self.correct = self.correct + (y_hat.argmax(dim=1) == y).sum()
            # Once infinite or NaN, a sum stays so: this counts up to there.
            self.finite = self.finite + torch.isfinite(self.loss)

    def sums(self):
        """Wait for the device, and tell how the epoch went."""
        if self.size > 1:
            for total in self.loss, self.correct:
                distributed.all_reduce(total)
            distributed.all_reduce(self.finite, distributed.ReduceOp.MIN)
            self.average_statistics()
        training.check_labels(
            "train_iter", *map(int, self.extremes), self.num_classes
        )
        return self.loss.item(), self.correct.item(), self.finite.item()

    def average_statistics(self):
        """Give all processes the same running statistics: their means."""
        for buffer in self.net.buffers():
            if buffer.is_floating_point():  # not a count of batches
                distributed.all_reduce(buffer)
                buffer /= self.size

    def _tensors(self):
        state = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        if self.optimizer.defaults["momentum"]:
            for i, parameter in enumerate(self.net.parameters()):
                memory = self.optimizer.state[parameter]
                if memory.get("momentum_buffer") is None:
                    memory["momentum_buffer"] = torch.zeros_like(parameter)
                state[f"momentum.{i}"] = memory["momentum_buffer"]
        return state

    def state(self):
        """Return all that training changes: name → array."""
        return {name: numpy(X).copy() for name, X in self._tensors().items()}

    def restore(self, arrays):
        """Take what `state` returned."""
        with torch.no_grad():
            for name, X in self._tensors().items():
                X.copy_(torch.from_numpy(arrays[name]))
