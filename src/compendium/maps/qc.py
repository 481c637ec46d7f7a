"""A page that says whether maps can be trusted: middle slice, histogram and counts of every map, settings."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from compendium.maps.output import MapKind

COUNTED = ("exit", "bounds")
PRIOR_SHARE = 0.8
SHOWN = 12  # maps that are drawn; every map has a row in the table
STYLE = (
    "body{font-family:sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#22262b}"
    "table{border-collapse:collapse}td,th{padding:.2rem .7rem;border-bottom:1px solid #e3e6ea;text-align:left}"
    "img{max-width:100%}pre{background:#f5f6f7;padding:1rem;overflow:auto;white-space:pre-wrap}"
)


def write_qc(
    path: Path,
    title: str,
    maps: Mapping[str, Path],
    kinds: Mapping[str, MapKind],
    settings: Mapping[str, Any],
) -> Path:
    """Write one self-contained HTML page for a set of maps; return its path.

    Parameters
    ----------
    maps : mapping of key to path
    kinds : mapping of key to MapKind
    settings : mapping
        Printed as JSON.
    """
    code = _read(maps["exit"])
    fitted = code != 0
    rows, panels = _counts(maps, code, settings), []
    for key, file in maps.items():
        if key in COUNTED:
            continue
        values = _read(file)
        inside = values[fitted & np.isfinite(values)]
        rows.append((f"{kinds[key].description} ({kinds[key].unit})", _quartiles(inside)))
        panels.append((key, kinds[key], values, inside))
    middle = int(np.argmax(fitted.sum(axis=(0, 1)))) if fitted.any() else 0
    table = "".join(f"<tr><th scope=row>{html.escape(a)}</th><td>{html.escape(b)}</td></tr>" for a, b in rows)
    picture = _picture(panels, middle)
    text = json.dumps(dict(settings), indent=1, ensure_ascii=False, default=str)
    page = (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{html.escape(title)}</title>"
        f"<style>{STYLE}</style></head><body><h1>{html.escape(title)}</h1><table>{table}</table>"
        f'<h2>Slice {middle}</h2><img alt="Maps and histograms, slice {middle}" src="data:image/png;base64,{picture}">'
        f"<h2>Settings</h2><pre>{html.escape(text)}</pre></body></html>\n"
    )
    path.write_text(page, encoding="utf-8")
    return path


def _read(path: Path) -> NDArray[np.float64]:
    image: Any = nib.load(path)
    return np.asarray(image.dataobj, dtype=np.float64)


def _counts(
    maps: Mapping[str, Path], code: NDArray[np.float64], settings: Mapping[str, Any]
) -> list[tuple[str, str]]:
    fitted = code != 0
    n = int(fitted.sum())
    rows = [("Voxels", f"{n:,}"), ("Not converged or not usable", _share(int((code == -1).sum()), n))]
    if "bounds" in maps:
        rows.append(
            ("With a parameter at a bound", _share(int((_read(maps["bounds"])[fitted] > 0).sum()), n))
        )
    if "fitted_measurements" in settings:
        ratio = f"{len(settings['fitted_measurements'])} for {len(settings['parameters'])} parameters"
        rows.append(("Measurements", ratio))
    if "Lsd" in maps:
        low, high = settings["parameters"]["L"]
        wide = _read(maps["Lsd"])[fitted] > PRIOR_SHARE * (high - low) / np.sqrt(12)
        rows.append(
            (f"Prior-dominated cell size (SD > {PRIOR_SHARE:g} of the prior's)", _share(int(wide.sum()), n))
        )
    return rows


def _share(count: int, n: int) -> str:
    return f"{count:,} ({100 * count / n:.1f} %)" if n else "0"


def _quartiles(values: NDArray[np.float64]) -> str:
    if not values.size:
        return "no value"
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"median {middle:.4g}, quartiles {low:.4g} to {high:.4g}"


def _picture(panels: list[tuple[str, MapKind, NDArray[np.float64], NDArray[np.float64]]], middle: int) -> str:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = 4
    panels = panels[:SHOWN]
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3 * columns, 4.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for i, (key, kind, values, inside) in enumerate(panels):
        row, column = divmod(i, columns)
        image = figure.add_subplot(2 * rows, columns, 2 * row * columns + column + 1)
        bars = figure.add_subplot(2 * rows, columns, (2 * row + 1) * columns + column + 1)
        image.set_title(f"{key} ({kind.unit})", fontsize=9, loc="left")
        image.axis("off")
        if inside.size:
            low, high = np.quantile(inside, [0.02, 0.98])
            shown = image.imshow(
                values[:, ::-1, middle].T, vmin=low, vmax=max(high, low + 1e-12), cmap="viridis"
            )
            figure.colorbar(shown, ax=image, fraction=0.046)
            bars.hist(np.clip(inside, low, high), bins=40, color="#0072b2")
        bars.tick_params(labelsize=7)
        bars.set_yticks([])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80, metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode()
