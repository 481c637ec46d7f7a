"""Perfusion maps of an examination: NIfTI in, maps with sidecars and a page for quality control out."""

from __future__ import annotations

import json
import re
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
from compendium.maps.output import add_bids_name, describe_dataset, stem_of
from compendium.maps.perfusion_input import (
    ImageError,
    as_list,
    check_fit,
    find_brain,
    open_labels,
    open_mask,
    open_series,
    read_values,
)
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
    mask : 3-D NIfTI of the brain; by default where both mean signals exceed a tenth of their 98th percentile.
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
    ImageError : a file that is missing or does not fit the others, a setting or a signal that cannot be used. One
        line; nothing is written.
    """
    try:
        return _run(
            {"ge": as_list(ge), "se": as_list(se)}, {"ge": as_list(te_ge_ms), "se": as_list(te_se_ms)}, tr_s, Path(output),
            {"mask": mask, "aif_ge": aif_ge, "aif_se": aif_se, "white": white_matter, "regions": regions},
            one_injection, jobs, cluster, choices,
        )  # fmt: skip
    except ImageError:
        raise
    except (ValueError, TypeError) as error:
        raise ImageError(f"Perfusion maps: {error}") from None


def _run(
    paths: dict[str, list[Any]], times: dict[str, list[float]], tr_s: float, output: Path, extra: dict[str, Any],
    one_injection: bool, jobs: int, cluster: str | None, choices: dict[str, Any],
) -> PerfusionRun:  # fmt: skip
    for name in ("ge", "se"):
        if len(paths[name]) != len(times[name]):
            raise ImageError(
                f"{name}: each file needs an echo time. Given {len(paths[name])} and {len(times[name])}."
            )
    check_timing(tr_s, *times["ge"], *times["se"])
    if one_injection:
        choices = {"zero": "given", "shift_s": 0.0, **choices}
    if choices.get("zero") == "reference" and extra["white"] is None:
        raise ImageError("The zero 'reference' needs a mask of white matter. Given none.")
    settings = Settings(float(times["ge"][-1]), float(times["se"][-1]), tr_s, **choices)
    images = {name: [open_series(p) for p in files] for name, files in paths.items()}
    first = images["ge"][0]
    notes = [n for group in images.values() for image in group for n in check_fit(image, first, tr_s)]
    series = {name: [read_values(image) for image in group] for name, group in images.items()}
    inside = find_brain(series) if extra["mask"] is None else open_mask(extra["mask"], first)
    if not inside.any():
        raise ImageError(
            f"A mask must hold at least one voxel. Given {extra['mask'] or 'no mask, and no signal'}."
        )
    masks = {
        k: None if extra[k] is None else open_mask(extra[k], first)[inside]
        for k in ("aif_ge", "aif_se", "white")
    }
    labels = None if extra["regions"] is None else open_labels(extra["regions"], first)[inside]
    zooms = tuple(float(z) for z in first.header.get_zooms()[:3])
    motion = {name: _motion(group[0], inside, zooms, settings) for name, group in series.items()}
    signals = _signals(series, inside, times, settings, one_injection)
    del series
    examination = prepare_examination(*signals, settings, masks["aif_ge"], masks["aif_se"], masks["white"])
    examination = replace(examination, notes=(*notes, *_motion_notes(motion), *examination.notes))
    maps = estimate_maps(*signals, examination, jobs, cluster)
    levels = _add_relative(maps, masks["white"])
    run = PerfusionRun(output, maps, inside, examination, motion)
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
    stem = re.sub(r"_(asl|perf|dsc|bold|epi)$", "", stem_of(next(iter(paths.values()))[0]))
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
        add_bids_name(scratch / f"{name}.nii.gz", stem, "dsc", name, "perfmap")
    if labels is not None:
        _region_table(run, labels).to_csv(
            scratch / "regions.csv", index=False, float_format="%.6g", lineterminator="\n"
        )
    write_page(scratch / "index.html", run.maps, run.mask, run.examination, run.motion, signals, common)
    run.output.mkdir(parents=True, exist_ok=True)
    for path in sorted(scratch.iterdir()):
        path.replace(run.output / path.name)
    scratch.rmdir()
    describe_dataset(run.output, "perfusion")


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
