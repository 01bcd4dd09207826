"""The common style of the figures drawn with matplotlib (the extra `plot`). No pyplot, so no global state."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from multibox.errors import UsageError
from multibox.system.atomic import write_atomically
from multibox.words import pip_install

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, GRID = "#1d1d22", "#63636b", "#e6e6e6"  # text, secondary text and axes, grid lines
_DOTS_PER_INCH = 130


def new_figure(width: float, height: float) -> "Figure":
    """An empty white figure, its size in inches. Its parts are laid out without overlap.

    Raises UsageError if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(f"figures need matplotlib, which is not installed: {pip_install('matplotlib')}") from error
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write the figure as PNG."""
    content = BytesIO()
    figure.savefig(content, format="png", dpi=_DOTS_PER_INCH, pil_kwargs={"compress_level": 4})
    write_atomically(path, content.getvalue())


def plain(axes: "Axes", *, grid: Literal["x", "y"] = "y") -> None:
    """Remove the frame except for the two axes, and add small soft ticks and a light grid along "x" or "y"."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SOFT)
    axes.tick_params(colors=SOFT, labelsize=8, length=3)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def doubling_axis(axes: "Axes", values: Sequence[float], *, labels: Sequence[str]) -> None:
    """Make the horizontal axis logarithmic, from the first to the last of the values, with a tick at each."""
    axes.set_xscale("log", base=2)
    axes.set_xlim(values[0], values[-1])
    axes.set_xticks(values, labels)
    axes.minorticks_off()
