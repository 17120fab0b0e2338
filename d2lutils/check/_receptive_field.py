"""The receptive field, and the ways to get it wrong."""


def reference(parts):
    """Return the side of the window that an output sees."""
    side, distance = 1, 1
    for kernel, stride in parts:
        side += (kernel - 1) * distance
        distance *= stride
    return side


def _without_strides(parts):
    return 1 + sum(kernel - 1 for kernel, _ in parts)


def _own_stride(parts):
    side, distance = 1, 1
    for kernel, stride in parts:
        distance *= stride
        side += (kernel - 1) * distance
    return side


def _only_last_stride(parts):
    side, before = 1, 1
    for kernel, stride in parts:
        side += (kernel - 1) * before
        before = stride
    return side


def _from_zero(parts):
    return reference(parts) - 1


def _other_order(parts):
    return reference(parts[::-1])


def _sum_of_kernels(parts):
    return sum(kernel for kernel, _ in parts)


MISTAKES = [
    (
        _without_strides,
        "the strides make no difference in it, but behind a stride "
        "neighbouring outputs are farther apart",
    ),
    (
        _own_stride,
        "the stride of a layer enlarges the layer's own window; it "
        "enlarges those of the layers after it",
    ),
    (
        _only_last_stride,
        "only the stride of the layer before is counted, but the "
        "distances of all earlier strides multiply",
    ),
    (
        _from_zero,
        "all results are too small by the same number: one pixel sees itself",
    ),
    (_other_order, "the layers are gone through in the wrong order"),
    (
        _sum_of_kernels,
        "the sides of the kernels are added, but windows overlap",
    ),
]
