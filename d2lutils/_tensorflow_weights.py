"""Find the variables of a Keras network under torchvision's names."""

import tensorflow as tf

from d2lutils import weights

_CONVOLUTION = (3, 2, 0, 1)  # (height, width, in, out) to (out, in, …)
_DENSE = (1, 0)


def _children(layer):
    """Yield the parts of a layer that have weights, with their names."""
    if not isinstance(layer, tf.keras.Sequential):
        parts = vars(layer).items()
        kind = tf.keras.layers.Layer
        yield from ((k, v) for k, v in parts if isinstance(v, kind))
    elif isinstance(layer.layers[0], tf.keras.layers.ZeroPadding2D):
        # Padding and convolution, which are one layer elsewhere.
        yield from (("", part) for part in layer.layers)
    else:
        # A plain sequence counts its parts, a network names them.
        named = type(layer) is not tf.keras.Sequential
        for index, part in enumerate(layer.layers):
            yield (part.name if named else str(index)), part


def _entries(layer, prefix=""):
    """Return name → (variable, the axes that make it canonical)."""
    if isinstance(layer, tf.keras.layers.Conv2D):
        return {prefix + "weight": (layer.kernel, _CONVOLUTION)}
    if isinstance(layer, tf.keras.layers.Dense):
        return {
            prefix + "weight": (layer.kernel, _DENSE),
            prefix + "bias": (layer.bias, (0,)),
        }
    if isinstance(layer, tf.keras.layers.BatchNormalization):
        return {
            prefix + "weight": (layer.gamma, (0,)),
            prefix + "bias": (layer.beta, (0,)),
            prefix + "running_mean": (layer.moving_mean, (0,)),
            prefix + "running_var": (layer.moving_variance, (0,)),
        }
    state = {}
    for name, part in _children(layer):
        state |= _entries(part, f"{prefix}{name}." if name else prefix)
    return state


def state(net):
    """Return canonical name → (variable, axes) of a network's weights.

    A network that has not seen an input is given one, of zeros, first.

    Args:
        net: A model of this book.
    """
    if not net.built:
        convolutions = (
            layer
            for layer in net._flatten_layers()
            if isinstance(layer, tf.keras.layers.Conv2D)
        )
        channels = next(convolutions).kernel.shape[2]
        net(tf.zeros((1, 32, 32, channels)))
    return {weights.canonical(k): v for k, v in _entries(net).items()}
