"""The page for quality control of cellularity maps: error on subjects left out, the maps, what was set."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from compendium.io.nifti import inspect_image, read_slab
from compendium.maps.qc import STYLE
from compendium.radiopathomics.forest import OutOfFoldError
from compendium.radiopathomics.tiles import CONTRASTS

SHOWN = 8
"""Subjects whose maps are drawn."""
TITLES = {"t1": "T1", "t1ce": "T1 with contrast", "flair": "FLAIR", "adc": "ADC"}
Shown = Mapping[str, tuple[Mapping[str, str], Path, bool]]


def write_page(
    path: Path, table: pd.DataFrame, error: OutOfFoldError, notes: Sequence[str], maps: Shown,
    settings: Mapping[str, Any], unit: str,
) -> Path:  # fmt: skip
    """Write one self-contained page; return its path.

    Parameters
    ----------
    table : roi, subject, histology, predicted.
    error : on subjects left out.
    notes : sentences.
    maps : subject → paths of its images, of its map, whether it has regions of its own.
    settings : printed as JSON.
    unit : of the maps; empty when they have none.
    """
    rows = {
        "Regions, subjects": f"{error.n}, {error.subjects}",
        "RMSE on subjects left out": f"{error.rmse:.4g}",
        "RMSE of the mean of the other subjects": f"{error.constant:.4g}",
        "Skill (1 − ratio of squares)": f"{error.skill:.2f}",
        "Pearson's r, all regions": f"{error.correlation:.2f}",
        "Mean of prediction − histology": f"{error.bias:+.4g}",
    }
    cells = "".join(
        f"<tr><th scope=row>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in rows.items()
    )
    said = "".join(f"<li>{html.escape(n)}</li>" for n in notes) or "<li>none</li>"
    alt = f"Scatter of predicted over counted values; r {error.correlation:.2f}, RMSE {error.rmse:.4g}."
    body = [_image(_draw_scatter(table), alt)]
    for name in list(maps)[:SHOWN]:
        paths, file, own = maps[name]
        figure, low, high = _draw_subject(paths, file, unit)
        how = "by a forest that saw none of its regions" if own else "by the forest of all regions"
        body += [f"<h3>{html.escape(name)}</h3>",
                 _image(figure, f"Four contrasts and the map of {name}; the map spans {low:.3g} to {high:.3g}."),
                 f"<p>Mapped {how}. Slice with most brain; colours from the 2nd to the 98th percentile.</p>"]  # fmt: skip
    if len(maps) > SHOWN:
        body.append(f"<p>{len(maps) - SHOWN} further subjects are not drawn.</p>")
    text = html.escape(json.dumps(dict(settings), indent=1, ensure_ascii=False, default=str))
    path.write_text(
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>Cellularity maps</title>"
        f"<style>{STYLE}</style></head>"
        f"<body><main><h1>Cellularity maps</h1><table>{cells}</table><h2>Notes</h2>"
        f"<ul>{said}</ul><h2>Left out, and predicted</h2>"
        f"{body[0]}<h2>Maps</h2>{''.join(body[1:])}<h2>Settings</h2><pre>{text}</pre></main></body></html>\n",
        encoding="utf-8",
    )
    return path


def _image(figure: Figure, alt: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, bbox_inches="tight", metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{data}">'


def _draw_scatter(table: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(5, 4.2))
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    ends = [table[["histology", "predicted"]].min().min(), table[["histology", "predicted"]].max().max()]
    ax.plot(ends, ends, color="#6b7280", lw=1, ls="--")
    for _, group in table.groupby("subject"):
        ax.plot(group["histology"], group["predicted"], "o", ms=5, alpha=0.8)
    ax.set(xlabel="Counted", ylabel="Predicted, subject left out")
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_subject(paths: Mapping[str, str], file: Path, unit: str) -> tuple[Figure, float, float]:
    """Contrasts and map in the slice with most brain; the figure and the span of the map's colours."""
    shape = inspect_image(file, 3).shape
    brain = read_slab(Path(paths["mask"]), 0, shape[2]) > 0
    z = int(np.argmax(brain.sum(axis=(0, 1))))
    figure = Figure(figsize=(13, 3.2))
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 5)
    inside = brain[:, :, z]
    for ax, key in zip(axes, CONTRASTS, strict=False):
        _show(ax, read_slab(Path(paths[key]), z, z + 1)[:, :, 0], inside, "gray", TITLES[key])
    shown, low, high = _show(axes[4], read_slab(file, z, z + 1)[:, :, 0], inside, "viridis", "Predicted")
    figure.colorbar(shown, ax=axes[4], label=unit)
    return figure, low, high


def _show(
    ax: Any, values: NDArray[np.float64], inside: NDArray[np.bool_], colours: str, title: str
) -> tuple[Any, float, float]:
    low, high = np.percentile(values[inside], [2, 98]) if inside.any() else (0.0, 1.0)
    shown = ax.imshow(np.where(inside, values, np.nan).T, origin="lower", cmap=colours, vmin=low, vmax=high)
    ax.set_title(title, fontsize=10)
    ax.axis("off")
    return shown, float(low), float(high)
