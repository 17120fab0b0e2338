"""Group normalisation in NumPy, and the ways to get it wrong."""

import numpy as np


def _standardise(X, groups, eps=1e-5, ddof=0, axes=2):
    G = X.reshape(len(X), groups, -1)
    mean = G.mean(axis=axes, keepdims=True)
    var = G.var(axis=axes, keepdims=True, ddof=ddof)
    return ((G - mean) / np.sqrt(var + eps)).reshape(X.shape)


def _affine(Y, weights):
    channels = Y.shape[1]
    gamma, beta = weights.array(channels), weights.array(channels)
    return gamma.reshape(-1, 1, 1) * Y + beta.reshape(-1, 1, 1)


def reference(groups, **options):
    """Return the reference with so many groups."""

    def group_norm(X, weights, training):
        return _affine(_standardise(X, groups, **options), weights)

    return group_norm


def _of_channels(X, weights, training):
    return _affine(_standardise(X, X.shape[1]), weights)


def _of_images(X, weights, training):
    return _affine(_standardise(X, 1), weights)


def _batch_norm(X, weights, training):
    return weights.batch_norm(X, training)


def _exchanged(groups):
    def group_norm(X, weights, training):
        return _affine(_standardise(X, X.shape[1] // groups), weights)

    return group_norm


def _every_nth(groups):
    def group_norm(X, weights, training):
        # The channels of group 0, then those of group 1, ...
        order = np.arange(X.shape[1]).reshape(-1, groups).T.ravel()
        Y = _standardise(X[:, order], groups)
        return _affine(Y[:, np.argsort(order)], weights)

    return group_norm


def _of_pixels(groups):
    def group_norm(X, weights, training):
        Y = _standardise(X.transpose(0, 2, 3, 1), groups)
        return _affine(Y.transpose(0, 3, 1, 2), weights)

    return group_norm


def _scale_of_groups(groups):
    def group_norm(X, weights, training):
        G = _standardise(X, groups).reshape(len(X), groups, -1)
        gamma, beta = weights.array(groups), weights.array(groups)
        Y = gamma.reshape(-1, 1) * G + beta.reshape(-1, 1)
        return Y.reshape(X.shape)

    return group_norm


def _not_applied(groups):
    def group_norm(X, weights, training):
        _affine(X, weights)
        return _standardise(X, groups)

    return group_norm


def _without_scale(groups):
    def group_norm(X, weights, training):
        return _standardise(X, groups)

    return group_norm


def mistakes(groups):
    """Return pairs of a wrong reference and what to say of it."""
    return [
        (_of_channels, "each channel is standardised by itself"),
        (_of_images, "all channels of an image are standardised together"),
        (
            _batch_norm,
            "this is batch normalisation: in training an image's output "
            "depends on the other images, in evaluation on what was seen "
            "before",
        ),
        (
            reference(groups, axes=(0, 2)),
            "mean and variance run over all images of the batch",
        ),
        (
            _exchanged(groups),
            "the number of groups and the number of channels in each are "
            "exchanged",
        ),
        (
            _every_nth(groups),
            "a group consists of every so many-th channel; channels that "
            "follow one another belong together",
        ),
        (
            _of_pixels(groups),
            "a group consists of pixels, not of channels: the reshape takes "
            "the axes in another order",
        ),
        (
            reference(groups, eps=1e-3),
            "the ε under the root is 1e-3, not 1e-5",
        ),
        (
            reference(groups, ddof=1),
            "the variance is divided by one less than the number of values",
        ),
        (
            _scale_of_groups(groups),
            "scale and shift are learned for each group, not for each channel",
        ),
        (_not_applied(groups), "scale and shift exist, but are not applied"),
        (_without_scale(groups), "scale and shift are missing"),
    ]
