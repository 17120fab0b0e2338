"""One backend a framework: an object with the verbs that everything needs.

The library, the checks and the tests talk to a framework through it. A
backend is a module, `d2lutils.backends.torch` for one, which keeps the
protocol `Backend`. No framework is imported here.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from d2lutils.frameworks import FRAMEWORKS, Framework

if TYPE_CHECKING:
    from d2lutils.backends.variable import Variable
    from d2lutils.training import Engine, Options

Tensor = Any
"""An array of the framework."""

Network = Any
"""A network of the framework: a module, a layer or a block."""

Device = Any
"""Where a framework computes: its own kind of object."""


class Backend(Protocol):
    """What every framework's backend can do.

    Arrays are NumPy's, and images in them have the axes (N, C, H, W),
    whatever the framework's own layout is.
    """

    row: Framework
    """Its row of the table of frameworks."""

    words: Mapping[str, str]
    """What `d2lutils.face` writes into the docstrings for this framework."""

    unbiased_variance: bool
    """Whether the running variance is the unbiased one, over n - 1."""

    label_type: str
    """The type of class numbers: int32 or int64."""

    kernel_layout: str
    """The axes of a convolution's weights, such as OIHW: outputs, inputs,
    height, width. Those of a dense layer stand in the same order."""

    def tensor(self, array: Any, device: Device | None = None) -> Tensor:
        """Return an array as a tensor of the same shape and type."""

    def numpy(self, X: Any) -> Any:
        """Return a tensor as an array; what is no tensor, unchanged."""

    def images(self, array: Any) -> Tensor:
        """Return images (N, C, H, W) as a tensor in the framework's layout.

        What has not four axes keeps them as they are.
        """

    def shown(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of images (N, C, H, W) as the framework has it."""

    def set_seed(self, seed: int) -> None:
        """Seed what the framework draws from."""

    def num_gpus(self) -> int:
        """Return how many GPUs there are."""

    def try_gpu(self, i: int = 0) -> Device:
        """Return the i-th GPU, else the CPU."""

    def device_name(self, device: Device) -> str:
        """Return a device's name, with the GPU's model if it tells that."""

    def is_cpu(self, device: Device) -> bool:
        """Whether a device is the CPU."""

    def is_tensor(self, value: object) -> bool:
        """Whether this is a tensor of the framework."""

    def is_network(self, value: object) -> bool:
        """Whether this is a network of the framework."""

    def wrap(
        self, function: Callable[[Tensor], Tensor], parts: Iterable[Network]
    ) -> Network:
        """Return a function of X as a network that has `parts`."""

    def sequential(self, *layers: Network) -> Network:
        """Return layers in a row."""

    def dense(self, inputs: int, outputs: int) -> Network:
        """Return a fully connected layer, with its weights."""

    def batch_norm(self, channels: int) -> Network:
        """Return a batch normalisation of images, with its weights.

        Its ε is 1e-5; a batch's statistics enter the running ones by 0.1.
        """

    def global_avg_pool(self) -> Network:
        """Return a layer that averages each channel: (N, C, H, W) → (N, C)."""

    def forward(self, net: Network, X: Any, training: bool = False) -> Any:
        """Return what a network computes of an array, in either mode.

        The network is left in the mode it was in. In evaluation mode no
        running statistic moves. What the network returns besides tensors
        is returned as it is.

        Args:
            net: A network. Parameters that it lacks are made.
            X: Images (N, C, H, W), or features (N, …). They are computed
                with in the network's own floating-point type.
            training: Whether in training mode.

        Returns:
            An array; channels are in axis 1.
        """

    def gradients(
        self, net: Network, X: Any, weight: Any, training: bool
    ) -> tuple[Any, np.ndarray | None, list[np.ndarray | None]]:
        """Return what a network computes, and the gradients of a sum of it.

        The gradients that the network keeps for an optimiser stay as they
        are. Whatever the backward pass raises is raised here.

        Args:
            net: A network.
            X: As for `forward`.
            weight: Factors of the outputs, of their shape; the sum is
                sum(weight · net(X)).
            training: Whether in training mode.

        Returns:
            What `forward` returns; the gradient by X; and the gradients by
            the parameters, in the order, layout and shape of `parameters`.
            Where no gradient arrives it is `None`, or zero.
        """

    def kept(self, net: Network) -> AbstractContextManager[None]:
        """Give a network back all its values at the end.

        These are its parameters, its statistics and whatever else a pass
        counts or keeps. What is made within the block stays.
        """

    def kept_globals(self) -> AbstractContextManager[None]:
        """Give the framework back its defaults, modes and random numbers.

        MXNet does not tell the state of its generator. It goes on from a
        number that is drawn first, whatever is drawn within the block.
        """

    def parameters(self, net: Network) -> "list[Variable]":
        """Return the trained variables of a network that has seen an input."""

    def statistics(self, net: Network) -> "list[Variable]":
        """Return the running statistics of a network."""

    def others(self, net: Network) -> "list[Variable]":
        """Return a network's other vectors and arrays of real numbers.

        They are neither trained nor running statistics of the framework's
        own layers, but whatever else its layers hold: statistics that a
        reader's layer keeps, for one. Those that a layer replaces are read
        from it anew each time.
        """

    def get_weights(self, net: Network) -> dict[str, np.ndarray]:
        """Return a network's weights: torchvision's names → arrays.

        Every variable is there, or the `ValueError` names those that cannot
        be. Layers of kinds that are not translated keep the framework's own
        names and layouts.
        """

    def set_weights(self, net: Network, values: Mapping[str, Any]) -> None:
        """Give a network weights under torchvision's names, in its layouts.

        Raises:
            ValueError: Entries are missing, surplus or misshapen, and up
                to ten of each kind are named; or it is no dictionary of
                arrays. The network is as it was.
        """

    def batches(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        resize: int | None,
        shuffle: bool = False,
        augment: bool = False,
    ) -> Iterable[tuple[Tensor, Tensor]]:
        """Return mini-batches, as often as one likes to go through them.

        Args:
            images: Bytes, which are divided by 255, or float32, of shape
                (N, C, H, W).
            labels: Class numbers of shape (N,).
            batch_size: Examples in a batch; the last may have fewer.
            resize: Height and width to resize to; `None` leaves them.
            shuffle: Whether each pass draws a new order.
            augment: Whether each pass flips every image, or not, at random.
        """

    def evaluate_accuracy(
        self, net: Network, data_iter: Iterable, device: Device | None = None
    ) -> float:
        """Return the fraction of examples that are classified correctly."""

    def engine(
        self,
        net: Network,
        device: Device | None,
        train_iter: Iterable,
        test_iter: Iterable,
        options: "Options",
    ) -> "AbstractContextManager[Engine]":
        """Return what trains a network on a device, for a `with` block.

        On entry the network is brought to the device; parameters that it
        lacks are made. At the end of the block it is in evaluation mode, if
        the framework's networks have one.

        Args:
            net: A network.
            device: Where to train; `try_gpu()` with `None`.
            train_iter: Batches `X, y` such as it will be trained on.
            test_iter: Batches `X, y` such as it will be tested on.
            options: What to train like.

        Raises:
            ValueError: The framework cannot do what an option asks for, or
                the network does not fit the batches.
        """

    def group(self) -> AbstractContextManager[None]:
        """Join the processes that are to train together, if there are any."""

    def rank_and_size(self) -> tuple[int, int]:
        """Return this process's number and how many train together."""

    def explained(self, error: Exception) -> Exception | None:
        """Return what says what to do, if there is such for an error."""

    def full_precision(self) -> AbstractContextManager[None]:
        """Keep a GPU from rounding factors to ten bits (TensorFloat-32)."""


def get(key: str) -> Backend:
    """Return the backend of a framework, which it imports.

    Args:
        key: A key of `d2lutils.frameworks.FRAMEWORKS`.

    Raises:
        ImportError: The framework is not installed; it says what installs it.
    """
    name = f"d2lutils.backends.{FRAMEWORKS[key].module}"
    return cast(Backend, importlib.import_module(name))


def imported() -> list[str]:
    """Return the keys of the frameworks that are imported already."""
    return [
        key for key, row in FRAMEWORKS.items() if sys.modules.get(row.module)
    ]


def of(value: object) -> Backend | None:
    """Return the backend whose module, tensor, network or class it is.

    Only frameworks that have been imported are asked, so this imports none;
    `None` means that it belongs to none of them.
    """
    if inspect.ismodule(value):
        names = [value.__name__]
    else:
        kind = value if inspect.isclass(value) else type(value)
        names = [each.__module__ for each in kind.__mro__]
    roots = {name.partition(".")[0] for name in names}
    for key in imported():
        row = FRAMEWORKS[key]
        # Keras is a distribution, and the root module, of TensorFlow's.
        if roots & {row.module, *row.distributions}:
            return get(key)
    return None


@contextmanager
def importing(row: Framework, *needed: str) -> Iterator[None]:
    """Say what installs a framework where importing it fails for want of it.

    Args:
        row: The framework.
        needed: The modules that its command installs besides its own.

    Raises:
        ImportError: In place of the error that a module is not there.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name == row.module:
            text = f"{row.name} is not installed; this installs it"
        elif error.name in needed:
            text = (
                f"{error.name} is not installed; this installs {row.name} "
                "and what it needs"
            )
        else:
            raise
        raise ImportError(f"{text}: {row.install}") from None
