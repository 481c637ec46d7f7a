"""How a chapter's figures and tables reach the page: files without dates, one display per cell, cells escaped."""

import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from compendium.evidence.assess import Assessment

_FIXED_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "compendium"},
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": "compendium", "Producer": None},
    "png": {"Software": None},
}
PNG_DPI = 160


def show(data: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Display a bundle in a notebook; nothing outside one."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return
    if get_ipython() is not None:
        display(data, raw=True, metadata=metadata)


def save_figure(figure: Any, data: pd.DataFrame, folder: Path, name: str) -> str:
    """Write `<name>.svg/.png/.pdf` and the CSV of what the figure shows; return the SVG text and close the figure."""
    import matplotlib
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.hashsalt": name, "savefig.bbox": "tight"}):
        for suffix, metadata in _FIXED_METADATA.items():
            figure.savefig(folder / f"{name}.{suffix}", metadata=metadata, dpi=PNG_DPI)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=_FIXED_METADATA["svg"])
    data.to_csv(folder / f"{name}.csv", index=False, float_format="%.10g", lineterminator="\n")
    plt.close(figure)
    return buffer.getvalue()


def add_watermark(figure: Any, text: str) -> None:
    """Write a pale word across a figure, so that a picture of synthetic data says so wherever it is copied to."""
    style = {"rotation": 24, "ha": "center", "va": "center", "fontsize": 44, "weight": "bold"}
    figure.text(0.5, 0.5, text, color="#6b7280", alpha=0.15, zorder=10, **style)


def frame_to_html(frame: pd.DataFrame, formats: Mapping[str, str], caption: str) -> str:
    """Return a table as HTML with header scopes and a caption; every cell is escaped."""
    head = "".join(f'<th scope="col">{html.escape(str(c))}</th>' for c in frame.columns)
    rows = []
    for row in frame.itertuples(index=False):
        cells = [
            _cell(value, formats.get(str(column), ""))
            for column, value in zip(frame.columns, row, strict=True)
        ]
        rows.append("<tr>" + "".join(cells) + "</tr>")
    return (
        f'<table class="compendium-table"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _cell(value: Any, spec: str) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return "<td>–</td>"
    if isinstance(value, str):
        return f"<td>{html.escape(value)}</td>"
    return f'<td class="number">{format(value, spec).replace("-", "−")}</td>'


def agreement_frame(assessments: list[Assessment]) -> pd.DataFrame:
    """Return the table of printed and computed numbers that a chapter shows under "Does it agree?"."""
    rows = []
    for a in assessments:
        rows.append(
            {
                "claim": a.claim.id.split("/")[1],
                "where": a.claim.where,
                "printed": f"{a.claim.printed} {_unit(a.claim.unit)}".strip(),
                "ours": _number(a.ours),
                "difference": _difference(a),
                "compared with": str(a.claim.interval),
                "evidence": a.evidence,
                "status": a.status + (f" ({a.route})" if a.route else ""),
            }
        )
    columns = ["claim", "where", "printed", "ours", "difference", "compared with", "evidence", "status"]
    return pd.DataFrame(rows, columns=columns)


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def _number(value: float | str | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.6g}".replace("-", "−")


def _difference(a: Assessment) -> str:
    if a.judgement is None or not isinstance(a.ours, (int, float)):
        return "–"
    return f"{a.ours - a.claim.interval.centre:+.2g}".replace("-", "−")
