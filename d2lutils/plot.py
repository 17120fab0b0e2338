"""Plotting as in *Dive into Deep Learning*, on Matplotlib.

Curves differ in line style as well as in colour, the colours can be told
apart by colour-blind readers (Okabe and Ito, 2008), and figures have an
opaque white ground, so that they read on a dark page too.
"""

import sys
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np

# Of Okabe and Ito's palette, those dark enough for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000")
LINE_STYLES = ("-", "--", "-.", ":")

# Equal figures become equal SVG text: their ids are not drawn at random.
plt.rcParams["svg.hashsalt"] = "d2lutils"


def running_ipython():
    """Return the IPython shell in which this runs; `None` outside of one."""
    # Not imported: who does not run in IPython need not wait for it.
    module = sys.modules.get("IPython")
    return module and module.get_ipython()


def use_svg_display():
    """Let figures appear as SVG in Jupyter; elsewhere do nothing."""
    if running_ipython():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")


def set_figsize(figsize=(3.5, 2.5)):
    """Set the size, in inches, of figures to come, and show them as SVG."""
    use_svg_display()
    plt.rcParams["figure.figsize"] = figsize


def set_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, legend):
    """Set the labels, scales, limits and legend of `axes`, and a grid."""
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.set_xscale(xscale)
    axes.set_yscale(yscale)
    axes.set_xlim(xlim)
    axes.set_ylim(ylim)
    if legend:
        axes.legend(legend)
    axes.grid(color="0.85")
    axes.set_axisbelow(True)


def prepare_axes(axes):
    """Empty `axes`, give them the palette and a white ground."""
    axes.clear()
    axes.set_prop_cycle(color=COLOURS)
    axes.figure.patch.set(facecolor="white", alpha=1)
    axes.patch.set(facecolor="white", alpha=1)


def plot(
    X,
    Y=None,
    xlabel=None,
    ylabel=None,
    legend=None,
    xlim=None,
    ylim=None,
    xscale="linear",
    yscale="linear",
    fmts=LINE_STYLES,
    figsize=(3.5, 2.5),
    axes=None,
):
    """Plot one curve or several.

    Args:
        X: The x values: a sequence of numbers, or one such for each curve.
        Y: The y values, likewise. Without it, `X` holds the y values, which
            are plotted over 0, 1, 2, ...
        xlabel: Label of the x axis.
        ylabel: Label of the y axis.
        legend: One name for each curve.
        xlim: Limits of the x axis.
        ylim: Limits of the y axis.
        xscale: Scale of the x axis.
        yscale: Scale of the y axis.
        fmts: Matplotlib's format strings, one for each curve; they repeat.
        figsize: Size in inches.
        axes: The axes to draw on, emptied first; the current ones if `None`.

    Raises:
        ValueError: `X` and `Y` hold different numbers of curves.
    """
    set_figsize(figsize)
    axes = plt.gca() if axes is None else axes
    curves = _curves(X if Y is None else Y)
    if Y is None:
        xs = [np.arange(len(y)) for y in curves]
    else:
        xs = _curves(X)
        if len(xs) == 1:
            xs = xs * len(curves)
    if len(xs) != len(curves):
        raise ValueError(f"{len(xs)} curves in X, but {len(curves)} in Y")
    prepare_axes(axes)
    for x, y, fmt in zip(xs, curves, cycle(fmts), strict=False):
        axes.plot(x, y, fmt)
    set_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, legend)


def _curves(values):
    """Return a list of curves, NumPy arrays, for one curve or several."""
    rows = [_numpy(row) for row in values]
    return rows if rows and rows[0].ndim else [np.asarray(rows)]


def _numpy(values):
    """Return a NumPy array for whatever array it is."""
    # NumPy would make an array of objects of one of MXNet's.
    if hasattr(values, "asnumpy"):
        return values.asnumpy()
    # It cannot read one of PyTorch's on a GPU, or one with a gradient.
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values)


def show_images(imgs, num_rows, num_cols, titles=None, scale=1.5):
    """Show images in a grid.

    Args:
        imgs: An array, of NumPy or a framework, of shape (N, H, W),
            (N, 1, H, W) or (N, H, W, 1), shown in grey, or (N, H, W, 3).
        num_rows: Rows of the grid.
        num_cols: Columns of the grid; cells without an image stay empty.
        titles: A text for each image.
        scale: Size in inches of a cell.

    Returns:
        The axes, a flat NumPy array, row by row.
    """
    imgs = _numpy(imgs)
    if imgs.ndim == 4 and 1 in (imgs.shape[1], imgs.shape[-1]):
        imgs = imgs.squeeze(1 if imgs.shape[1] == 1 else -1)
    figure, axes = plt.subplots(
        num_rows,
        num_cols,
        figsize=(num_cols * scale, num_rows * scale),
        squeeze=False,
    )
    figure.patch.set(facecolor="white", alpha=1)
    axes = axes.ravel()
    for ax in axes:
        ax.axis("off")
    for ax, img in zip(axes, imgs, strict=False):
        ax.imshow(img, cmap="gray")
    for ax, title in zip(axes, titles or (), strict=False):
        ax.set_title(title)
    return axes
