"""The book's utilities for PyTorch: `from d2lutils import torch as d2l`."""

from d2lutils import face
from d2lutils.backends import torch as backend
from d2lutils.data import get_fashion_mnist_labels
from d2lutils.fetch import read_idx
from d2lutils.plot import (
    plot,
    plt,
    set_figsize,
    show_images,
    use_svg_display,
)

__all__ = [
    "device_name",
    "evaluate_accuracy",
    "fit",
    "get_fashion_mnist_labels",
    "get_weights",
    "load_array",
    "load_data_fashion_mnist",
    "load_weights",
    "numpy",
    "plot",
    "plt",
    "read_idx",
    "save_weights",
    "set_figsize",
    "set_seed",
    "set_weights",
    "show_images",
    "train_ch6",
    "try_all_gpus",
    "try_gpu",
    "use_svg_display",
]

__getattr__ = face.bind(face.refuse, backend, __name__)

device_name = face.bind(face.device_name, backend, __name__)
evaluate_accuracy = face.bind(face.evaluate_accuracy, backend, __name__)
fit = face.bind(face.fit, backend, __name__)
get_weights = face.bind(face.get_weights, backend, __name__)
load_array = face.bind(face.load_array, backend, __name__)
load_data_fashion_mnist = face.bind(
    face.load_data_fashion_mnist, backend, __name__
)
load_weights = face.bind(face.load_weights, backend, __name__)
numpy = face.bind(face.numpy, backend, __name__)
save_weights = face.bind(face.save_weights, backend, __name__)
set_seed = face.bind(face.set_seed, backend, __name__)
set_weights = face.bind(face.set_weights, backend, __name__)
train_ch6 = face.bind(face.train_ch6, backend, __name__)
try_all_gpus = face.bind(face.try_all_gpus, backend, __name__)
try_gpu = face.bind(face.try_gpu, backend, __name__)
