import matplotlib
import numpy as np
import pytest

from d2lutils import plot

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plot.plt.close("all")


def lines(axes):
    return [line.get_xydata().T.tolist() for line in axes.get_lines()]


@pytest.mark.parametrize(
    "X, Y, expected",
    [
        ([1, 2], None, [[[0, 1], [1, 2]]]),
        ([5, 6], [1, 2], [[[5, 6], [1, 2]]]),
        (
            [[1, 2], [3, 4, 5]],
            None,
            [[[0, 1], [1, 2]], [[0, 1, 2], [3, 4, 5]]],
        ),
        (range(2), [[1, 2], [3, 4]], [[[0, 1], [1, 2]], [[0, 1], [3, 4]]]),
        ([[5, 6], [7]], [[1, 2], [3]], [[[5, 6], [1, 2]], [[7], [3]]]),
        (np.arange(2), np.eye(2), [[[0, 1], [1, 0]], [[0, 1], [0, 1]]]),
    ],
)
def test_curves(X, Y, expected):
    plot.plot(X, Y)
    assert lines(plot.plt.gca()) == expected


def test_different_numbers_of_curves():
    with pytest.raises(ValueError, match="2 curves in X, but 3 in Y"):
        plot.plot([[1], [2]], [[1], [2], [3]])


def test_axes_are_set():
    _, axes = plot.plt.subplots()
    axes.plot([7], [7])
    plot.plot(
        [1, 10],
        [1, 2],
        "x",
        "y",
        ["a"],
        [1, 10],
        [0, 3],
        "log",
        "linear",
        ("r:",),
        (3.5, 2.5),
        axes,
    )
    assert len(axes.get_lines()) == 1
    assert axes.get_lines()[0].get_linestyle() == ":"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    assert (axes.get_xlim(), axes.get_ylim()) == ((1, 10), (0, 3))
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert axes.get_legend().get_texts()[0].get_text() == "a"


def test_curves_differ_in_colour_and_style():
    plot.plot(np.eye(4), figsize=(4, 3))
    drawn = plot.plt.gca().get_lines()
    assert len({line.get_color() for line in drawn}) == 4
    assert len({line.get_linestyle() for line in drawn}) == 4
    figure = plot.plt.gcf()
    assert figure.get_facecolor() == (1, 1, 1, 1)
    assert figure.get_size_inches().tolist() == [4, 3]


def contrast_with_white(colour):
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(
        rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
    )
    return 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05)


def test_colours_are_seen_on_white():
    # 3:1 is what WCAG 2 (1.4.11) asks of graphics.
    assert min(map(contrast_with_white, plot.COLOURS)) >= 3


@pytest.mark.parametrize(
    "shape", [(5, 8, 9), (5, 1, 8, 9), (5, 8, 9, 1), (5, 8, 9, 3)]
)
def test_show_images(shape):
    images = np.random.default_rng(0).random(shape)
    axes = plot.show_images(images, 2, 3, titles=list("abcde"), scale=2)
    assert len(axes) == 6
    shown = [len(ax.get_images()) for ax in axes]
    assert shown == [1, 1, 1, 1, 1, 0]
    assert axes[0].get_images()[0].get_array().shape[:2] == (8, 9)
    assert [ax.get_title() for ax in axes] == [*"abcde", ""]
    figure = axes[0].figure
    assert figure.get_size_inches().tolist() == [6, 4]
    assert figure.get_facecolor() == (1, 1, 1, 1)


def test_arrays_of_mxnet():
    class Array:  # np.asarray would make an array of objects of it
        def asnumpy(self):
            return np.zeros((1, 2, 2))

    (axes,) = plot.show_images(Array(), 1, 1)
    assert axes.get_images()[0].get_array().dtype == float


def test_nothing_happens_outside_of_ipython():
    plot.use_svg_display()
    plot.set_figsize((1, 2))
    assert plot.plt.rcParams["figure.figsize"] == [1, 2]
    plot.set_figsize()
    assert plot.plt.rcParams["figure.figsize"] == [3.5, 2.5]
