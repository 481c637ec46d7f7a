"""How a chapter's figures and tables reach the page: files without dates, one display per cell, cells escaped."""

import html
import io
import math
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
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
PNG_DPI = 160
MISSING = "–"


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
    write_csv(data, folder / f"{name}.csv")
    plt.close(figure)
    return buffer.getvalue()


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table: the same bytes for the same values, and no text that a spreadsheet would run."""
    safe = frame.copy()
    for column in safe.select_dtypes(exclude=["number", "bool", "datetime"]):
        safe[column] = safe[column].map(plain_text)
    safe.columns = [plain_text(name) for name in safe.columns]
    safe.to_csv(path, index=False, float_format="%.10g", lineterminator="\n")


def plain_text(value: Any) -> Any:
    """Return a value that no spreadsheet runs: text that starts like a formula, and is no number, with "'" in front.

    >>> plain_text("=1+1"), plain_text("@SUM(A1)"), plain_text("-2.5"), plain_text("+0.1"), plain_text("a=b"), plain_text(3)
    ("'=1+1", "'@SUM(A1)", '-2.5', '+0.1', 'a=b', 3)
    """
    if not isinstance(value, str) or not value.startswith(_FORMULA_STARTS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def add_watermark(figure: Any, text: str) -> None:
    """Write a pale word across a figure, so that a picture of synthetic data says so wherever it is copied to."""
    style = {"rotation": 24, "ha": "center", "va": "center", "fontsize": 44, "weight": "bold"}
    figure.text(0.5, 0.5, text, color="#6b7280", alpha=0.15, zorder=10, **style)


def frame_to_html(
    frame: pd.DataFrame,
    formats: Mapping[str, str],
    caption: str,
    ranges: Mapping[str, tuple[str, str]] | None = None,
) -> str:
    """Return a table as HTML with header scopes and a caption; every cell is escaped.

    `formats` gives a format by column ("3s" shows three significant digits without powers of ten); `ranges` shows two
    columns as one, "lower–upper", under a new name.
    """
    shown = _shown_columns(list(map(str, frame.columns)), ranges or {})
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name, _ in shown)
    rows = []
    for row in frame.rename(columns=str).to_dict("records"):
        cells = [
            _cells([row[c] for c in columns], [formats.get(c, "") for c in columns]) for _, columns in shown
        ]
        rows.append("<tr>" + "".join(cells) + "</tr>")
    return (
        f'<table class="compendium-table"><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _shown_columns(columns: list[str], ranges: Mapping[str, tuple[str, str]]) -> list[tuple[str, list[str]]]:
    starts = {lower: (name, [lower, upper]) for name, (lower, upper) in ranges.items()}
    hidden = {upper for _, upper in ranges.values()}
    return [starts.get(column, (column, [column])) for column in columns if column not in hidden]


def _cells(values: list[Any], specs: list[str]) -> str:
    if len(values) == 1 and isinstance(values[0], str):
        return f"<td>{html.escape(values[0])}</td>"
    texts = [_number_text(value, spec) for value, spec in zip(values, specs, strict=True)]
    if all(text == MISSING for text in texts):
        return f"<td>{MISSING}</td>"
    joint = " to " if any(text.startswith(("−", "+")) for text in texts) else "–"
    return f'<td class="number">{html.escape(joint.join(texts))}</td>'


def _number_text(value: Any, spec: str) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return MISSING
    if isinstance(value, str):
        return value
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return (significant(float(value), int(spec[:-1])) if spec.endswith("s") else format(value, spec)).replace(
        "-", "−"
    )


def significant(value: float, digits: int) -> str:
    """Return a number with so many significant digits and no power of ten.

    >>> significant(3217.4, 3), significant(0.65, 3), significant(0.0216, 3), significant(0.0, 3)
    ('3,217', '0.650', '0.0216', '0')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:,.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


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
