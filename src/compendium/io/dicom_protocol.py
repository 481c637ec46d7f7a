"""A diffusion protocol from DICOM headers and what a person knows: δ and Δ, which no header holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compendium.io.dicom import Series
from compendium.io.messages import show
from compendium.io.table_text import TableError

__all__ = ["by_b_value", "describe_series", "scheme_text"]

Array = NDArray[np.float64]
MS_RANGE = (0.05, 500.0)


def describe_series(series: Series) -> list[str]:
    """Return what a series is, in lines: one with its facts, one for each thing that is missing."""
    b = sorted({round(volume.b_s_mm2) for volume in series.volumes if not np.isnan(volume.b_s_mm2)})
    te = sorted({round(volume.te_ms, 2) for volume in series.volumes if not np.isnan(volume.te_ms)})
    facts = [f"{series.slices} slices x {len(series.volumes)} volumes"]
    facts += [f"TE {_listed(te)} ms"] if te else []
    facts += [f"TR {series.tr_ms:g} ms"] if not np.isnan(series.tr_ms) else []
    facts += [f"b {_listed(b)} s/mm2"] if series.is_diffusion else []
    facts += (
        [f"a volume every {series.spacing_s:.3g} s"]
        if len(series.volumes) > 1 and series.spacing_s > 0
        else []
    )
    facts += [f"{series.field_t:g} T"] if not np.isnan(series.field_t) else []
    facts += ["computed by the scanner"] if series.derived else []
    head = f"series {series.number} {series.description}: {', '.join(facts)}"
    return [head, *(f"  missing: {line}" for line in series.missing())]


def by_b_value(text: str, b: Array, name: str) -> Array:
    """Read δ or Δ as one number for all b above 0, or as ``b:value`` pairs.

    Parameters
    ----------
    text : "10.2", or "50:3.9,900:15".
    b : b of each volume, s/mm².
    name : for messages.

    Raises
    ------
    ValueError : not of this form, a b without a value, or a value that no sequence has.

    Examples
    --------
    >>> by_b_value("50:3.9,900:15", np.array([0.0, 50.0, 900.0]), "delta")
    array([ 0. ,  3.9, 15. ])
    """
    number = r"\d{1,4}(?:\.\d{1,4})?"
    if re.fullmatch(number, text, flags=re.ASCII):
        values = np.where(b > 0, float(text), 0.0)
    elif re.fullmatch(rf"{number}:{number}(,\s*{number}:{number})*", text, flags=re.ASCII):
        pairs = {round(float(k)): float(v) for k, v in (pair.split(":") for pair in text.split(","))}
        lacking = sorted({round(x) for x in b if x > 0} - set(pairs))
        if lacking:
            raise ValueError(f"{name} must be given for every b above 0. Given none for b = {lacking[0]}.")
        values = np.array([pairs[round(x)] if x > 0 else 0.0 for x in b])
    else:
        raise ValueError(
            f"{name} is one number of ms, or b:ms pairs such as 50:3.9,900:15. Given {show(text)}."
        )
    used = values[b > 0]
    if used.size and not (used.min() >= MS_RANGE[0] and used.max() <= MS_RANGE[1]):
        raise ValueError(f"{name} must lie in [{MS_RANGE[0]:g}, {MS_RANGE[1]:g}] ms. Given {used.min():g}.")
    return values


def scheme_text(
    folder: Path, chosen: Sequence[Series], delta: str, separation: str, te_ms: float | None = None
) -> str:
    """Return the protocol of some series, one after another, as rows of b, δ, Δ and TE (see `compendium.io.protocols`).

    Parameters
    ----------
    folder : for messages.
    chosen : series with b-values, in the order in which their images are put together.
    delta, separation : see `by_b_value`.
    te_ms : echo time where the headers have none.

    Raises
    ------
    TableError : a series that is derived or has no b-values, b or TE missing, or timings that cannot be.
    """
    for series in chosen:
        name = f"series {series.number}"
        if series.derived or not series.is_diffusion:
            what = "computed by the scanner" if series.derived else "without b-values"
            raise TableError(folder, "a protocol is of acquired images with b-values", what, field=name)
    volumes = [volume for series in chosen for volume in series.volumes]
    b = np.array([volume.b_s_mm2 for volume in volumes])
    te = np.array([volume.te_ms for volume in volumes])
    te = np.where(np.isnan(te), np.nan if te_ms is None else te_ms, te)
    for what, values in (("b", b), ("TE", te)):
        if np.isnan(values).any():
            rule = f"{what} must be known for every volume"
            raise TableError(
                folder, rule, f"{int(np.isnan(values).sum())} of {len(values)} without", field=what
            )
    try:
        rows = [b, by_b_value(delta, b, "delta"), by_b_value(separation, b, "separation"), te]
    except ValueError as error:
        rule, _, value = str(error).partition(". Given ")
        raise TableError(folder, rule, value.rstrip(".")) from None
    if (rows[2] < rows[1]).any():
        raise TableError(folder, "the separation must not be shorter than delta", f"{rows[2].max():g} ms")
    names = ", ".join(f"{series.number} {series.description}" for series in chosen)
    plain = names.encode("ascii", "replace").decode()
    lines = [f"# b (s/mm2), delta (ms), separation (ms), TE (ms); DICOM series {plain}"]
    return "\n".join([*lines, *(" ".join(f"{value:g}" for value in row) for row in rows)]) + "\n"


def _listed(values: Sequence[float]) -> str:
    shown = [f"{value:g}" for value in values[:8]]
    return ", ".join(shown) + (", …" if len(values) > 8 else "")
