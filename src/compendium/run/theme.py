"""The look of every figure: quiet axes, colours that colour-blind readers can tell apart, nothing of the user's."""

import matplotlib as mpl
from cycler import cycler

BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, GREY = (
    "#0072b2", "#d55e00", "#009e73", "#b3334c", "#8a5bb5", "#8c6d3f", "#6b7280",
)  # fmt: skip
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, BROWN, GREY)
INK, PAPER, GRID = "#22262b", "#ffffff", "#e3e6ea"


def use_theme() -> None:
    """Set matplotlib to its defaults and then to this project's theme."""
    mpl.rcdefaults()
    mpl.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.edgecolor": INK,
            "axes.grid": False,
            "axes.labelcolor": INK,
            "axes.prop_cycle": cycler(color=COLOURS),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "figure.dpi": 100,
            "figure.facecolor": PAPER,
            "figure.figsize": (7.0, 4.2),
            "font.family": "DejaVu Sans",
            "font.size": 10,
            "grid.color": GRID,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "savefig.facecolor": PAPER,
            "svg.fonttype": "path",
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
        }
    )
