"""Show how a training goes: curves in Jupyter, a bar in a terminal."""

import sys

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from tqdm import tqdm

from d2lutils import plot

CURVES = {
    "train_loss": "train loss",
    "train_acc": "train acc",
    "test_acc": "test acc",
}


def in_jupyter():
    """Return whether this process is the kernel of a notebook."""
    # By name: ipykernel need not be there. Colab's shell is a subclass.
    classes = type(plot.running_ipython()).__mro__
    return "ZMQInteractiveShell" in [cls.__name__ for cls in classes]


class Progress:
    """Show the epochs of one training, in whatever place it runs.

    In Jupyter that is one picture, drawn anew after each epoch; in a
    terminal a bar over the steps and a line for each epoch; elsewhere just
    the lines.

    Args:
        num_epochs: How many epochs there will be.
        num_steps: Steps in an epoch; `None` if that is not known.
    """

    def __init__(self, num_epochs, num_steps):
        self.num_epochs = num_epochs
        self.num_steps = num_steps
        self.jupyter = in_jupyter()
        self.bar = None
        if self.jupyter:
            self._start_picture()
        elif sys.stdout.isatty():
            self.bar = tqdm(file=sys.stdout, leave=False)
            self._start_bar(1)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        if self.bar is not None:
            self.bar.close()

    def step(self):
        """Count one step of an epoch."""
        if self.bar is not None:
            self.bar.update()

    def epoch(self, history):
        """Show an epoch that has ended.

        Args:
            history: Lists, one entry an epoch so far, under the keys of
                `CURVES`.
        """
        if self.jupyter:
            self._draw(history)
            self.handle.update(self.figure)
            return
        count = len(history["train_loss"])
        line = f"epoch {count}/{self.num_epochs}: {summary(history)}"
        if self.bar is None:
            print(line, flush=True)
        else:
            self.bar.write(line, file=sys.stdout)
            self._start_bar(count + 1)

    def _start_bar(self, epoch):
        self.bar.reset(total=self.num_steps)
        self.bar.set_description(f"epoch {epoch}/{self.num_epochs}")

    def _start_picture(self):
        from IPython.display import display

        plot.use_svg_display()
        # Not made by pyplot, which would show it a second time.
        self.figure = Figure(figsize=(3.5, 2.5))
        self._draw({name: [] for name in CURVES})
        # Later pictures replace this one, also in the saved notebook.
        self.handle = display(self.figure, display_id=True)

    def _draw(self, history):
        axes = self.figure.gca()
        plot.prepare_axes(axes)
        for name, fmt in zip(CURVES, plot.LINE_STYLES, strict=False):
            values = history[name]
            # Markers, since a line needs two epochs to be seen.
            axes.plot(
                range(1, len(values) + 1),
                values,
                fmt,
                marker="o",
                markersize=4,
            )
        xlim = (0.5, self.num_epochs + 0.5)
        plot.set_axes(
            axes,
            "epoch",
            None,
            xlim,
            None,
            "linear",
            "linear",
            list(CURVES.values()),
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def summary(history):
    """Return a history's last epoch as text: loss and accuracies."""
    values = [f"{CURVES[name]} {history[name][-1]:.3f}" for name in CURVES]
    return ", ".join(values).removeprefix("train ")
