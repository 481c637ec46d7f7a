"""Diffusion protocols as people have them: a 3×M scheme, FSL files with gradient timings, or JSON.

==============================  ==============================================================================
file                            content
==============================  ==============================================================================
``*.scheme``, ``*.txt``         3 rows of M numbers: b (s/mm²), δ (ms), Δ (ms); a fourth row is TE (ms)
``*.bval``                      b (s/mm²); beside it ``.gdur`` and ``.gsep`` (ms), ``.te`` (ms) if known,
                                or a ``.json`` with SmallDelta, LargeDelta and EchoTime in seconds
``*.json``                      ``{"b_s_mm2": […], "te_ms": …, "delta_ms": …, "separation_ms": …}`` (numbers or
                                lists), or ``"shapes": [{"trse_ms": [δ1, δ2, δ3, δ4], "onsets_ms": [Δ12, Δ14]}]``
                                or ``"shapes": [{"gradient": […], "step_ms": 0.1}]`` with ``"shape": […]``;
                                ``"gradient": […]`` (mT/m per measurement) lets b be recomputed
==============================  ==============================================================================
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compendium.diffusion.protocols import Protocol, compare_b, pgse_protocol, shaped_protocol
from compendium.diffusion.waveforms import Waveform, pgse_waveform, sampled_waveform, trse_waveform
from compendium.io.messages import show
from compendium.io.table_text import TableError

Array = NDArray[np.float64]

MAX_BYTES = 5_000_000
B_TOLERANCE = 0.05
"""Relative difference between stated and recomputed b above which a protocol with gradients is refused."""
SECONDS_PER_MS = 1e-3
MS_RANGE = (0.05, 500.0)


def read_protocol(path: str | Path, te_ms: float | None = None) -> Protocol:
    """Read a diffusion protocol; the form is found from the name.

    Parameters
    ----------
    path : str or Path
    te_ms : float, optional
        Echo time of all measurements where the file gives none.

    Raises
    ------
    TableError
        In one line: file, row or field, rule and value.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".json":
            protocol = _from_json(path, te_ms)
        elif path.suffix.lower() == ".bval":
            protocol = _from_fsl(path, te_ms)
        else:
            protocol = _from_scheme(path, te_ms)
    except TableError:
        raise
    except ValueError as error:
        raise TableError(path, "must be a protocol that a sequence can have", show(error, 200)) from None
    _check_te(path, protocol)
    return protocol


def read_b_values(path: str | Path) -> tuple[Array, Array]:
    """b (ms/µm²) and TE (ms, NaN where unknown) of the measurements: all that ADC and kurtosis need.

    A ``.bval`` needs no timings beside it here.
    """
    path = Path(path)
    if path.suffix.lower() == ".bval":
        b = _to_ms_um2(path, _one_row(path))
        te = path.with_suffix(".te")
        echo = (
            np.broadcast_to(_one_row(te), b.shape).astype(float) if te.exists() else np.full(b.shape, np.nan)
        )
        return b, echo
    protocol = read_protocol(path)
    return protocol.b_ms_um2, protocol.te_ms


def _from_scheme(path: Path, te_ms: float | None) -> Protocol:
    rows = _number_rows(path)
    if len(rows) not in (3, 4):
        raise TableError(path, "must have 3 rows (b, δ, Δ) or 4 (and TE)", f"{len(rows)} rows")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise TableError(
                path, f"must have {len(rows[0])} numbers, like the first row", str(len(row)), row=number
            )
    te = rows[3] if len(rows) == 4 else te_ms
    return _pgse(path, rows[0], rows[1], rows[2], te)


def _from_fsl(path: Path, te_ms: float | None) -> Protocol:
    b = _one_row(path)
    sidecar, names = path.with_suffix(".json"), (".gdur", ".gsep", ".te")
    found = {name: path.with_suffix(name) for name in names if path.with_suffix(name).exists()}
    values: dict[str, Any] = {name: _one_row(file) for name, file in found.items()}
    for name, row in values.items():
        if len(row) not in (1, len(b)):
            raise TableError(found[name], f"must have 1 or {len(b)} numbers, as {path.name}", str(len(row)))
    if sidecar.exists():
        entries = _load_json(sidecar)
        for field, name in (("SmallDelta", ".gdur"), ("LargeDelta", ".gsep"), ("EchoTime", ".te")):
            if field in entries and name not in values:
                values[name] = _seconds(sidecar, field, entries[field])
    for name, what in ((".gdur", "δ"), (".gsep", "Δ")):
        if name not in values:
            rule = (
                f"needs {what}: {path.with_suffix(name).name} (ms) or SmallDelta/LargeDelta in {sidecar.name}"
            )
            raise TableError(path, f"{rule}; if unknown, bracket_timings gives the range", "neither")
    return _pgse(path, b, values[".gdur"], values[".gsep"], values.get(".te", te_ms))


def _from_json(path: Path, te_ms: float | None) -> Protocol:
    entries = _load_json(path)
    b = _vector(path, entries, "b_s_mm2")
    te = _vector(path, entries, "te_ms", len(b)) if "te_ms" in entries else te_ms
    if "shapes" not in entries:
        delta, separation = (_vector(path, entries, name, len(b)) for name in ("delta_ms", "separation_ms"))
        protocol = _pgse(path, b, delta, separation, te)
    else:
        shapes = [_shape(path, entry) for entry in _list(path, entries, "shapes")]
        index = _vector(path, entries, "shape", len(b)) if "shape" in entries else np.zeros(len(b))
        if (index != np.round(index)).any():
            raise TableError(path, "must hold whole numbers from 0", show(index.tolist()), field="shape")
        protocol = shaped_protocol(_to_ms_um2(path, b), shapes, index.astype(int), te, path.stem)
    if "gradient" in entries:
        worst = compare_b(protocol, _vector(path, entries, "gradient", len(b))).worst
        if worst > B_TOLERANCE:
            rule = f"b recomputed from the gradients (mT/m) must agree within {100 * B_TOLERANCE:g} %"
            raise TableError(path, rule, f"a difference of {100 * worst:.3g} %", field="gradient")
    return protocol


def _shape(path: Path, entry: Any) -> Waveform:
    if not isinstance(entry, dict):
        raise TableError(path, "must hold objects", show(entry), field="shapes")
    if "trse_ms" in entry:
        lobes, onsets = _vector(path, entry, "trse_ms", 4), _vector(path, entry, "onsets_ms", 2)
        return trse_waveform(lobes, float(onsets[0]), float(onsets[1]))
    if "gradient" in entry:
        return sampled_waveform(
            _vector(path, entry, "gradient"), float(_vector(path, entry, "step_ms", 1)[0])
        )[0]
    delta, separation = (float(_vector(path, entry, name, 1)[0]) for name in ("delta_ms", "separation_ms"))
    return pgse_waveform(delta, separation)


def _pgse(path: Path, b: Array, delta: Any, separation: Any, te: Any) -> Protocol:
    for name, values in (("δ", delta), ("Δ", separation)):
        used = np.broadcast_to(values, b.shape)[b > 0]
        if used.size and not (used.min() > 0 and used.max() < MS_RANGE[1]):
            raise TableError(
                path, f"{name} must lie in (0, {MS_RANGE[1]:g}) ms where b > 0", f"{used.min():g}"
            )
        if used.size and used.max() < MS_RANGE[0] * 10:
            raise TableError(
                path, f"{name} must be in ms (these look like seconds)", f"at most {used.max():g}"
            )
    return pgse_protocol(_to_ms_um2(path, b), delta, separation, te, path.stem)


def _to_ms_um2(path: Path, b: Array) -> Array:
    if b.size and 0 < b.max() < 20:
        rule = "b-values must be in s/mm² (1 ms/µm² = 1000 s/mm²)"
        raise TableError(path, rule, f"a largest b of {b.max():g}", field="b")
    if (b < 0).any() or (b > 100_000).any():
        raise TableError(
            path, "b-values must lie in [0, 100000] s/mm²", f"{b.min():g} to {b.max():g}", field="b"
        )
    return b / 1000


def _check_te(path: Path, protocol: Protocol) -> None:
    te = protocol.te_ms[np.isfinite(protocol.te_ms)]
    if te.size and not (te.min() >= 1 and te.max() <= 1000):
        raise TableError(path, "TE must lie in [1, 1000] ms", f"{te.min():g} to {te.max():g}", field="TE")


def _number_rows(path: Path) -> list[Array]:
    rows = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        words = line.replace(",", " ").replace("\t", " ").split()
        if not words or words[0].startswith("#"):
            continue
        try:
            values = np.array([float(word) for word in words])
        except ValueError:
            bad = next(w for w in words if not _is_number(w))
            raise TableError(path, "must hold numbers only", show(bad), row=number) from None
        if not np.isfinite(values).all():
            raise TableError(path, "must hold finite numbers", show(line), row=number)
        rows.append(values)
    if not rows:
        raise TableError(path, "must hold numbers", "no number")
    return rows


def _one_row(path: Path) -> Array:
    rows = _number_rows(path)
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise TableError(path, "must be an existing file", "none at that path")
        if path.stat().st_size > MAX_BYTES:
            raise TableError(path, f"must have at most {MAX_BYTES:,} bytes", f"{path.stat().st_size:,}")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TableError(path, "must be readable", error.strerror or type(error).__name__) from None
    except UnicodeDecodeError:
        raise TableError(path, "must be text (UTF-8)", "other bytes") from None


def _load_json(path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise TableError(path, "must be valid JSON", show(error)) from None
    if not isinstance(entries, dict):
        raise TableError(path, "must be a JSON object", show(type(entries).__name__))
    return entries


def _list(path: Path, entries: dict[str, Any], field: str) -> list[Any]:
    value = entries.get(field)
    if not isinstance(value, list) or not value:
        raise TableError(path, "must be a list with entries", show(value), field=field)
    return value


def _vector(path: Path, entries: dict[str, Any], field: str, length: int | None = None) -> Array:
    """Numbers of a field; a single one is repeated to `length`."""
    if field not in entries:
        raise TableError(path, "must be given", "nothing", field=field)
    try:
        values = np.atleast_1d(np.asarray(entries[field], dtype=np.float64))
    except (TypeError, ValueError, OverflowError):
        raise TableError(path, "must hold numbers", show(entries[field]), field=field) from None
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise TableError(path, "must be a list of finite numbers", show(entries[field]), field=field)
    if length is not None and values.size == 1:
        return np.full(length, values[0])
    if length is not None and values.size != length:
        raise TableError(path, f"must have {length} numbers (or one)", str(values.size), field=field)
    return values


def _seconds(path: Path, field: str, value: Any) -> Array:
    """A BIDS time in seconds, as ms; a value that can only be ms is refused."""
    seconds = _vector(path, {field: value}, field)
    if seconds.max() > 1:
        raise TableError(path, "must be in seconds (this looks like ms)", f"{seconds.max():g}", field=field)
    return seconds / SECONDS_PER_MS
