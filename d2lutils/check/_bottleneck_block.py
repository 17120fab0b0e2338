"""Bottlenecks in NumPy, right ones and wrong ones."""

from ._reference import relu


def bottleneck_block(channels, out_channels, stride=1, early=False, groups=1):
    """Return a reference; `early`: the stride is on the first 1×1."""
    first, second = (stride, 1) if early else (1, stride)

    def block(X, weights, training):
        Y = relu(
            weights.batch_norm(weights.conv(X, channels, 1, first), training)
        )
        Y = weights.conv(Y, channels, 3, second, padding=1, groups=groups)
        Y = relu(weights.batch_norm(Y, training))
        Y = weights.batch_norm(weights.conv(Y, out_channels, 1), training)
        if stride != 1 or X.shape[1] != out_channels:
            X = weights.conv(X, out_channels, 1, stride)
            X = weights.batch_norm(X, training)
        return relu(Y + X)

    return block


def variants(channels, out_channels, stride, groups=1):
    """Return wrong references and what to say of each."""

    def block(
        X,
        weights,
        training,
        last="after",
        inner=True,
        project=True,
        normalise=True,
    ):
        act = relu if inner else (lambda Y: Y)
        Y = act(weights.batch_norm(weights.conv(X, channels, 1), training))
        Y = weights.conv(Y, channels, 3, stride, padding=1, groups=groups)
        Y = act(weights.batch_norm(Y, training))
        Y = weights.batch_norm(weights.conv(Y, out_channels, 1), training)
        if stride != 1 or X.shape[1] != out_channels or not project:
            X = weights.conv(X, out_channels, 1, stride)
            if normalise:
                X = weights.batch_norm(X, training)
        if last == "before":
            return relu(Y) + X
        if last == "both":
            return relu(relu(Y) + X)
        return Y + X if last == "none" else relu(Y + X)

    def variant(**options):
        return lambda X, weights, training: block(
            X, weights, training, **options
        )

    return [
        (
            bottleneck_block(channels, out_channels, stride, True, groups),
            "the shapes and the parameters are right, but the stride is on "
            "the first 1×1 convolution",
        ),
        (
            variant(last="before"),
            "the last ReLU stands before the addition, not after it",
        ),
        (
            variant(last="both"),
            "there is a ReLU before the addition as well as after it",
        ),
        (variant(last="none"), "no ReLU follows the addition"),
        (
            variant(inner=False),
            "no ReLU stands between the convolutions",
        ),
        (
            variant(project=False),
            "the shortcut has a projection where the shape does not change",
        ),
        (
            variant(normalise=False),
            "no batch normalisation follows the projection on the shortcut",
        ),
    ]
