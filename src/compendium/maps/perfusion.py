"""Perfusion maps of an examination: NIfTI in, maps with sidecars and a page for quality control out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.base.parallel import parallel_map
from compendium.maps.perfusion_page import write_page
from compendium.perfusion.echoes import equivalent_signals
from compendium.perfusion.hysteresis import CONVENTION
from compendium.perfusion.lexicon import MAPS, describe_map
from compendium.perfusion.markers import Examination, Settings, estimate_markers, prepare_examination
from compendium.perfusion.motion import Motion, check_motion
from compendium.perfusion.regions import region_mean
from compendium.perfusion.signals import check_timing, find_baseline
from compendium.perfusion.volume import normalise_to_reference

TILE = 8192
"""Voxels per block, whatever the number of processes: the same bits for any of them."""
RELATIVE = ("cbv", "ucbv", "cbf")
Paths = str | Path | Sequence[str | Path]
Times = float | Sequence[float]


class ImageError(ValueError):
    """An image that cannot be used; the message names the file, the rule and the value."""


@dataclass(frozen=True)
class PerfusionRun:
    """What a run wrote.

    Attributes
    ----------
    output : folder.
    maps : (n,) values by name, in the order of the mask's voxels.
    mask : (x, y, z) bool
    examination : what the voxels share.
    motion : by sequence.
    """

    output: Path
    maps: dict[str, NDArray[np.float64]]
    mask: NDArray[np.bool_]
    examination: Examination
    motion: dict[str, Motion]


def run_perfusion(
    ge: Paths,
    se: Paths,
    te_ge_ms: Times,
    te_se_ms: Times,
    tr_s: float,
    output: str | Path,
    mask: str | Path | None = None,
    aif_ge: str | Path | None = None,
    aif_se: str | Path | None = None,
    white_matter: str | Path | None = None,
    regions: str | Path | None = None,
    one_injection: bool = False,
    jobs: int = 1,
    cluster: str | None = None,
    **choices: Any,
) -> PerfusionRun:
    """Compute perfusion maps from gradient- and spin-echo series.

    Parameters
    ----------
    ge, se : 4-D NIfTI of each sequence; a list for several echoes.
    te_ge_ms, te_se_ms : echo times, ms; a list beside a list of files. The last of `te_se_ms` is the spin echo.
    tr_s : repetition time, s.
    output : folder; made, and filled only when everything is done.
    mask : 3-D NIfTI of the brain; by default where the mean signal of both sequences exceeds a tenth of its 98th percentile.
    aif_ge, aif_se : 3-D masks of arterial voxels; they win over the search.
    white_matter : 3-D mask of normal-appearing white matter: adds relative maps.
    regions : 3-D label image: adds `regions.csv` with a row per label and marker.
    one_injection : all echoes belong to one injection (combined sequence): no alignment in time.
    jobs, cluster : processes, or a Dask scheduler.
    **choices : fields of `compendium.perfusion.markers.Settings`, such as ``leakage="none"``.

    Returns
    -------
    PerfusionRun

    Raises
    ------
    ImageError : a file that is missing or does not fit the others; the message names it.
    ValueError : settings or signals that cannot be processed.
    """
    paths = {"ge": _as_list(ge), "se": _as_list(se)}
    times = {"ge": _as_list(te_ge_ms), "se": _as_list(te_se_ms)}
    for name in ("ge", "se"):
        if len(paths[name]) != len(times[name]):
            raise ImageError(
                f"{name}: each file needs an echo time. Given {len(paths[name])} and {len(times[name])}."
            )
    check_timing(tr_s, *times["ge"], *times["se"])
    if one_injection:
        choices = {"zero": "given", "shift_s": 0.0, **choices}
    if choices.get("zero") == "reference" and white_matter is None:
        raise ImageError("The zero 'reference' needs a mask of white matter. Given none.")
    settings = Settings(float(times["ge"][-1]), float(times["se"][-1]), tr_s, **choices)
    images = {name: [_open_series(p, tr_s) for p in files] for name, files in paths.items()}
    first = images["ge"][0]
    notes = [n for name in images for image in images[name] for n in _check_fit(image, first, tr_s)]
    series = {name: [_read(image) for image in group] for name, group in images.items()}
    inside = _brain(series) if mask is None else _open_mask(mask, first)
    if not inside.any():
        raise ImageError(f"A mask must hold at least one voxel. Given {mask or 'no mask, and no signal'}.")
    masks = {k: None if p is None else _open_mask(p, first)[inside]
             for k, p in (("aif_ge", aif_ge), ("aif_se", aif_se), ("white", white_matter))}  # fmt: skip
    labels = None if regions is None else _open_labels(regions, first)[inside]
    zooms = tuple(float(z) for z in first.header.get_zooms()[:3])
    motion = {name: _motion(group[0], inside, zooms, settings) for name, group in series.items()}
    signals = _signals(series, inside, times, settings, one_injection)
    del series
    examination = prepare_examination(*signals, settings, masks["aif_ge"], masks["aif_se"], masks["white"])
    examination = replace(examination, notes=(*notes, *_motion_notes(motion), *examination.notes))
    maps = estimate_maps(*signals, examination, jobs, cluster)
    levels = _add_relative(maps, masks["white"])
    run = PerfusionRun(Path(output), maps, inside, examination, motion)
    _write(run, first, paths, levels, labels, signals)
    return run


def estimate_maps(
    ge: NDArray[Any], se: NDArray[Any], examination: Examination, jobs: int = 1, cluster: str | None = None
) -> dict[str, NDArray[np.float64]]:
    """Estimate the markers of all voxels, block by block."""
    blocks = ((ge[i : i + TILE], se[i : i + TILE]) for i in range(0, len(ge), TILE))
    found: Iterator[dict[str, NDArray[np.float64]]] = parallel_map(
        partial(_estimate_block, examination=examination), blocks, jobs, cluster
    )
    parts = list(found)
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def _estimate_block(
    block: tuple[NDArray[Any], NDArray[Any]], examination: Examination
) -> dict[str, NDArray[np.float64]]:
    return estimate_markers(block[0], block[1], examination)


# Reading


def _as_list(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | Path | int | float) else list(value)


def _open(path: str | Path, what: str) -> Any:
    if not Path(path).is_file():
        raise ImageError(f"{path}: {what} must exist. Given no such file.")
    try:
        return nib.load(path)
    except (nib.filebasedimages.ImageFileError, OSError, EOFError) as error:
        raise ImageError(
            f"{path}: {what} must be NIfTI. Given a file that cannot be read ({error})."
        ) from None


def _open_series(path: str | Path, tr_s: float) -> Any:
    image = _open(path, "a series")
    if len(image.shape) != 4:
        raise ImageError(f"{path}: a series must be four-dimensional. Given shape {image.shape}.")
    return image


def _check_fit(image: Any, first: Any, tr_s: float) -> list[str]:
    """Notes about the header's TR; an error for a series that does not fit the first one."""
    name, other = image.get_filename(), first.get_filename()
    if image.shape[3] != first.shape[3]:
        raise ImageError(
            f"{name}: all series must have as many volumes as {other} ({first.shape[3]}). Given {image.shape[3]}."
        )
    _check_grid(image, first)
    unit = {"msec": 1e-3, "usec": 1e-6}.get(image.header.get_xyzt_units()[1], 1.0)
    header = float(image.header.get_zooms()[3]) * unit
    if header > 0 and abs(header / tr_s - 1) > 0.02:
        return [f"{Path(name).name}: the header's TR is {header:g} s; {tr_s:g} s was given and is used"]
    return []


def _check_grid(image: Any, first: Any) -> None:
    name, other = image.get_filename(), first.get_filename()
    if image.shape[:3] != first.shape[:3]:
        raise ImageError(
            f"{name}: must have the grid of {other}, {first.shape[:3]}. Given {image.shape[:3]}."
        )
    if not np.allclose(image.affine, first.affine, atol=1e-2):
        off = float(np.abs(image.affine - first.affine).max())
        raise ImageError(
            f"{name}: must lie where {other} lies (affine). Given a difference of {off:.3g} mm: resample first."
        )


def _open_labels(path: str | Path, first: Any) -> NDArray[np.int64]:
    image = _open(path, "a mask")
    if len(image.shape) == 4 and image.shape[3] == 1:
        image = image.slicer[..., 0]
    if len(image.shape) != 3:
        raise ImageError(f"{path}: a mask must be three-dimensional. Given shape {image.shape}.")
    _check_grid(image, first)
    return np.rint(np.nan_to_num(np.asarray(image.dataobj, dtype=np.float64))).astype(np.int64)


def _open_mask(path: str | Path, first: Any) -> NDArray[np.bool_]:
    return _open_labels(path, first) > 0


def _read(image: Any) -> NDArray[np.float32]:
    values = np.asarray(image.dataobj, dtype=np.float32)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise ImageError(f"{image.get_filename()}: all values must be finite. Given {bad} that are not.")
    return values


def _brain(series: dict[str, list[NDArray[np.float32]]]) -> NDArray[np.bool_]:
    inside = np.ones(series["ge"][0].shape[:3], dtype=bool)
    for group in series.values():
        mean = group[0].mean(axis=3)
        inside &= mean > max(0.1 * float(np.percentile(mean, 98)), 0.0)
    return inside


def _signals(
    series: dict[str, list[NDArray[np.float32]]],
    inside: NDArray[np.bool_],
    times: dict[str, list[float]],
    settings: Settings,
    one_injection: bool,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """One signal per sequence, voxels × volumes; several echoes are reduced block by block."""
    picked = {name: [echo[inside] for echo in group] for name, group in series.items()}
    if len(picked["ge"]) == 1 and len(picked["se"]) == 1:
        return picked["ge"][0], picked["se"][0]
    baseline = find_baseline(picked["ge"][0].mean(axis=0, dtype=np.float64), settings.skip)
    parts = [
        equivalent_signals(
            [e[i : i + TILE] for e in picked["ge"]], times["ge"], [e[i : i + TILE] for e in picked["se"]], times["se"],
            baseline, one_injection,
        )
        for i in range(0, len(picked["ge"][0]), TILE)
    ]  # fmt: skip
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _motion(
    values: NDArray[np.float32], inside: NDArray[np.bool_], zooms: tuple[float, ...], settings: Settings
) -> Motion:
    mean = values[inside].mean(axis=0, dtype=np.float64)
    try:
        baseline = find_baseline(mean, settings.skip)
        window = (baseline.first, baseline.stop)
    except ValueError:
        window = (settings.skip, settings.skip + 4)
    return check_motion(values, (zooms[0], zooms[1], zooms[2]), window, inside)


def _motion_notes(motion: dict[str, Motion]) -> list[str]:
    return [
        f"{name.upper()}: {len(m.suspicious)} volumes moved by more than {m.limit_mm:.2g} mm (first: {m.suspicious[0]})"
        for name, m in motion.items()
        if m.suspicious
    ]


def _add_relative(maps: dict[str, NDArray[np.float64]], white: NDArray[np.bool_] | None) -> dict[str, float]:
    """Add maps relative to white matter; return its levels."""
    levels: dict[str, float] = {}
    if white is not None:
        for name in RELATIVE:
            relative, levels[name], _ = normalise_to_reference(maps[name], maps[f"{name}_sd"], white)
            maps[f"{name}_relative"], maps[f"{name}_relative_sd"] = relative
    return levels


# Writing


def _write(
    run: PerfusionRun, first: Any, paths: dict[str, list[Any]], levels: dict[str, float],
    labels: NDArray[np.int64] | None, signals: tuple[NDArray[Any], NDArray[Any]],
) -> None:  # fmt: skip
    """Fill a scratch folder and move its files into place at the end."""
    scratch = run.output.with_name(f".{run.output.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    common = _describe_examination(run, paths, levels)
    for name, values in run.maps.items():
        volume = np.full(run.mask.shape, np.nan if name != "flags" else 0, dtype=np.float32)
        volume[run.mask] = values
        image = nib.Nifti1Image(volume, first.affine)
        image.header.set_xyzt_units("mm", "sec")
        image.header["descrip"] = describe_map(name).unit.encode()[:79]
        nib.save(image, scratch / f"{name}.nii.gz")
        entry = describe_map(name)
        side = {"Name": entry.name, "Units": entry.unit, "OSIPI": entry.code, "Description": entry.about}
        if name.startswith("mti"):
            side["Convention"] = CONVENTION
        _write_json(scratch / f"{name}.json", {**side, **common})
    if labels is not None:
        _region_table(run, labels).to_csv(
            scratch / "regions.csv", index=False, float_format="%.6g", lineterminator="\n"
        )
    write_page(scratch / "index.html", run.maps, run.mask, run.examination, run.motion, signals, common)
    run.output.mkdir(parents=True, exist_ok=True)
    for path in sorted(scratch.iterdir()):
        path.replace(run.output / path.name)
    scratch.rmdir()


def _describe_examination(
    run: PerfusionRun, paths: dict[str, list[Any]], levels: dict[str, float]
) -> dict[str, Any]:
    examination = run.examination
    found: dict[str, Any] = {
        "Sources": {name: [Path(p).name for p in files] for name, files in paths.items()},
        "Settings": asdict(examination.settings),
        "Alignment": {
            "ShiftOfSpinEcho_s": examination.alignment.shift_s,
            "Shift_sd_s": examination.alignment.sd_s,
            "Zero": examination.alignment.zero,
            "ZeroMeans": examination.alignment.meaning,
        },
        "WhiteMatterLevel": levels,
        "Notes": list(examination.notes),
    }
    for name, part in (("GE", examination.ge), ("SE", examination.se)):
        found[name] = {
            "BaselineVolumes": [part.baseline.first, part.baseline.stop - 1],
            "LeftOutVolumes": list(part.dropped),
            "FirstPassEndsBeforeVolume": part.stop,
            "ArterialInput": {
                "Method": part.artery.method,
                "Voxels": len(part.artery.voxels),
                "Area_1": part.artery_area,
            },
        }
    return _finite(found)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(
        json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def _region_table(run: PerfusionRun, labels: NDArray[np.int64]) -> pd.DataFrame:
    rows = []
    for label in np.unique(labels[labels > 0]):
        for name in [n for n in run.maps if n in MAPS and n != "flags"]:
            found = region_mean(run.maps, name, labels == label, run.examination.alignment.sd_s)
            rows.append({"region": int(label), "map": name, "unit": MAPS[name].unit, **asdict(found)})
    return pd.DataFrame(rows)
