"""Let PyTorch take the processor for a GPU as well.

A tensor that is moved to "cuda" stays where it is and gets a mark. What CUDA
refuses is refused: an operation on tensors here and there, and a NumPy array
of a tensor there. So a program that mixes them is found without a GPU.
"""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

GPU = torch.device("cuda", 0)
# These copy between devices, or look at neither's values.
ANYWHERE = {
    "copy_",
    "__setitem__",
    "_has_compatible_shallow_copy_type",
    "backward",
}


def is_marked(value):
    return isinstance(value, torch.Tensor) and "marked" in vars(value)


def mark(tensor, marked=True):
    if marked:
        vars(tensor)["marked"] = True
    else:
        vars(tensor).pop("marked", None)
    return tensor


def is_gpu(device):
    return device is not None and torch.device(device).type == "cuda"


class PretendedGPU(TorchFunctionMode):
    """While it is active there is one GPU."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function.__name__
        if name in ("__get__", "__set__"):
            return self.attribute(function, *args)
        if name in ("to", "cpu", "cuda"):
            return self.move(name, *args, **kwargs)
        if name == "pin_memory":
            return args[0]
        if name == "__deepcopy__":  # its memo holds all that is copied
            return mark(function(*args), is_marked(args[0]))
        if name in ("numpy", "__array__") and is_marked(args[0]):
            raise TypeError("a tensor on the GPU has no NumPy array")
        device = kwargs.get("device")
        if is_gpu(device):
            kwargs = kwargs | {"device": None}
        self.check(name, args, kwargs)
        result = function(*args, **kwargs)
        marked = is_gpu(device)
        if device is None:
            first = args[0] if name == "__getitem__" else (args, kwargs)
            marked = any(map(is_marked, tree_leaves(first)))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor) and name not in ANYWHERE:
                mark(leaf, marked)
        return result

    def check(self, name, args, kwargs):
        """Raise an error if tensors here and there are mixed."""
        tensors = [
            leaf
            for leaf in tree_leaves((args, kwargs))
            if isinstance(leaf, torch.Tensor)
        ]
        there = any(map(is_marked, tensors))
        # A single number may come from anywhere.
        here = any(X.dim() > 0 and not is_marked(X) for X in tensors)
        if name == "__getitem__":  # so may the positions
            here = not is_marked(args[0])
        if there and here and name not in ANYWHERE:
            raise RuntimeError(f"{name}: tensors on the GPU and the processor")

    def attribute(self, function, tensor, *value):
        attribute = function.__self__.__name__
        marked = is_marked(tensor)
        if attribute == "device" and marked:
            return GPU
        if attribute == "is_cuda":
            return marked
        result = function(tensor, *value)
        if attribute == "data" and function.__name__ == "__set__":
            mark(tensor, is_marked(*value))
        if isinstance(result, torch.Tensor):
            mark(result, marked)
        return result

    def move(self, name, tensor, *args, device=None, **kwargs):
        kwargs.pop("non_blocking", None)
        kinds = (torch.dtype, torch.memory_format)
        for argument in args:
            if isinstance(argument, torch.Tensor):
                raise NotImplementedError("to: name the device, not a tensor")
            if isinstance(argument, (str, torch.device)):
                device = argument
        args = [argument for argument in args if isinstance(argument, kinds)]
        if name != "to":
            device = name
        there = is_marked(tensor) if device is None else is_gpu(device)
        place = tensor.device if there or device is None else device
        result = tensor.to(place, *args, **kwargs)
        if there != is_marked(tensor) and result is tensor:
            result = tensor.clone()
        return mark(result, there)


def start():
    """Have a GPU from here on until the process ends."""
    torch.cuda.device_count = lambda: 1
    torch.cuda.is_available = lambda: True
    torch.cuda.get_device_name = lambda device=None: "pretended"
    torch.cuda.is_bf16_supported = lambda including_emulation=True: True
    autocast = torch.autocast
    torch.autocast = lambda kind, *args, **kwargs: autocast(
        "cpu", *args, **kwargs
    )
    PretendedGPU().__enter__()
