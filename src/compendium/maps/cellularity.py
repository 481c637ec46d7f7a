"""Maps of cell density learned from a user's own samples: the work behind ``compendium maps cellularity``.

Nothing here brings a model along. A forest is trained on the regions that were handed in, its error is measured on
subjects that were left out, and a subject with regions of its own is mapped by a forest that did not see them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.base.validation import check_choice
from compendium.io.nifti import inspect_image, read_slab, write_map
from compendium.maps.blocks import Output, Progress, Slab, map_blocks
from compendium.maps.cellularity_page import write_page
from compendium.maps.cellularity_samples import (
    Rows,
    Subject,
    check_adc_unit,
    collect_rows,
    one_origin,
    open_subject,
)
from compendium.maps.output import add_bids_name, describe_dataset
from compendium.radiopathomics.folds import LEAST_SUBJECTS
from compendium.radiopathomics.forest import (
    OutOfFoldError,
    Settings,
    TrainedForest,
    check_origin,
    predict_density,
    predict_out_of_fold,
    score_out_of_fold,
    train_forest,
)
from compendium.radiopathomics.normalise import NORMALISATIONS, WITH_UNIT, normalise_map
from compendium.radiopathomics.sphere import RULES
from compendium.radiopathomics.tiles import CONTRASTS, SIDE, check_side, feature_names, tile_features

WELL_COVERED = 0.9
"""A region of which less lies in the image and the mask is reported."""


@dataclass(frozen=True)
class CellularityRun:
    """What a run wrote.

    Attributes
    ----------
    output : folder.
    maps : subject → NIfTI.
    table : one row per region: roi, subject, histology, predicted (left out), coverage.
    error : of the predictions for subjects that were left out, over regions.
    notes : what a reader should know.
    page : quality control.
    """

    output: Path
    maps: dict[str, Path]
    table: pd.DataFrame
    error: OutOfFoldError
    notes: tuple[str, ...]
    page: Path


def run_cellularity(
    t1: str, t1ce: str, flair: str, adc: str, mask: str, rois: pd.DataFrame | None, out: str | Path, *,
    subjects: Sequence[str] = (), diameter_mm: float = 5.0, side: int = SIDE, normalisation: str = "images",
    rule: str = "partial", trees: int = 100, min_leaf: int = 5, seed: int = 1, slices: int = 4, jobs: int = 1,
    cluster: str | None = None, progress: Progress | None = None,
) -> CellularityRun:  # fmt: skip
    """Train on regions with histology, report the error on subjects left out, write a map for every subject.

    Parameters
    ----------
    t1, t1ce, flair, adc, mask : str
        Paths of NIfTI images with ``{subject}`` where the subject's name stands; all of a subject on one grid. The
        mask is the brain. ADC in the same unit for all.
    rois : DataFrame
        A validated table of kind `rois`: roi, subject, histology, x_mm, y_mm, z_mm, diameter_mm where not `diameter_mm`.
    out : folder
    subjects : further subjects without regions to map, by the forest of all regions.
    diameter_mm : of spheres without one of their own.
    side : voxels along a tile's side, in the plane of the first two axes.
    normalisation : {"images", "none", "map"}; see `compendium.radiopathomics.normalise`. With "map" the maps have no unit.
    rule : {"partial", "centre"}; see `compendium.radiopathomics.sphere`.
    trees, min_leaf, seed : of the forest.
    slices, jobs, cluster, progress : see `compendium.maps.blocks.map_blocks`.

    Returns
    -------
    CellularityRun
        Beside the maps: ``leave_one_out.csv``, ``roi_features.csv`` (an input of nocera2025/03) and the page.

    Raises
    ------
    ValueError
        No samples; fewer than three subjects; samples simulated and images not; settings out of range.
    TableError
        An image or a place that cannot be used.
    """
    table = _check_request(rois, normalisation, rule, side, {"t1": t1, "mask": mask})
    patterns = {"t1": t1, "t1ce": t1ce, "flair": flair, "adc": adc, "mask": mask}
    trained_on = sorted(table["subject"].unique())
    further = [s for s in dict.fromkeys(subjects) if s not in trained_on]
    opened = {s: open_subject(s, patterns) for s in [*trained_on, *further]}
    origin = one_origin([opened[s] for s in trained_on], [opened[s] for s in further])
    check_adc_unit(list(opened.values()))
    settings = Settings(trees, min_leaf, seed=seed)
    rows, coverage = collect_rows(table, opened, diameter_mm, side, normalisation, rule)
    predicted = _by_roi(rows, predict_out_of_fold(
        rows.features, rows.target, rows.subject, settings, weight=rows.weight
    ))  # fmt: skip
    result = table[["roi", "subject", "histology"]].assign(
        predicted=table["roi"].map(predicted), coverage=table["roi"].map(coverage)
    )
    error = score_out_of_fold(result["predicted"], result["histology"], result["subject"])
    notes = _notes(rois, table, result, error, normalisation)
    if origin == "simulation":
        notes = ("The samples are simulated brains: these maps say nothing about patients.", *notes)
    described = {
        "Settings": {**asdict(settings), "tile": side, "diameter_mm": diameter_mm, "normalisation": normalisation,
                     "rule": rule}, "Origin": origin, "LeaveOneSubjectOut": asdict(error), "Notes": list(notes),
    }  # fmt: skip
    target = Path(out)
    target.mkdir(parents=True, exist_ok=True)
    maps = {}
    for name in opened:
        model = _forest_for(name, rows, settings, origin)
        how = (side, normalisation, slices, jobs, cluster, progress)
        maps[name] = _write_map(opened[name], model, described, target, how)
    result.to_csv(target / "leave_one_out.csv", index=False, float_format="%.6g", lineterminator="\n")
    _feature_table(table, rows, side).to_csv(
        target / "roi_features.csv", index=False, float_format="%.6g", lineterminator="\n"
    )
    shown = {s: (opened[s].paths, maps[s], s in trained_on) for s in opened}
    unit = "" if normalisation == "map" else "unit of the histology"
    page = write_page(target / "cellularity_qc.html", result, error, notes, shown, described, unit)
    return CellularityRun(target, maps, result, error, notes, page)


# What is asked for


def _check_request(
    rois: pd.DataFrame | None, normalisation: str, rule: str, side: int, patterns: Mapping[str, str]
) -> pd.DataFrame:
    check_choice(normalisation, NORMALISATIONS, "normalisation")
    check_choice(rule, RULES, "rule")
    check_side(side)
    if rois is None or not len(rois):
        raise ValueError(
            "A map needs a forest trained on samples of your own: hand in a table of regions with histology. "
            "Given none; a forest trained on simulation is never applied to images."
        )
    for name, pattern in patterns.items():
        if "{subject}" not in pattern:
            raise ValueError(
                f"A path must hold {{subject}} where the subject's name stands. Given {name} = {pattern}."
            )
    table = rois[rois["histology"].notna()].reset_index(drop=True)
    if (count := table["subject"].nunique()) < LEAST_SUBJECTS:
        raise ValueError(
            f"One subject is left out at a time: at least {LEAST_SUBJECTS} with histology. Given {count}."
        )
    return table


# Training and writing


def _by_roi(rows: Rows, values: NDArray[np.float64]) -> pd.Series:
    weighted = pd.DataFrame({"roi": rows.roi, "value": values * rows.weight})
    return weighted.groupby("roi")["value"].sum()


def _forest_for(name: str, rows: Rows, settings: Settings, origin: str) -> TrainedForest:
    """Grow the forest for a subject: it saw every region except the subject's own."""
    kept = rows.subject != name
    return train_forest(
        rows.features[kept], rows.target[kept], rows.subject[kept], settings, rows.weight[kept], origin
    )


def _notes(
    given: pd.DataFrame | None, table: pd.DataFrame, result: pd.DataFrame, error: OutOfFoldError, normalisation: str
) -> tuple[str, ...]:  # fmt: skip
    notes = []
    if given is not None and (missing := len(given) - len(table)):
        notes.append(f"{missing} of {len(given)} regions have no histology and were left out.")
    if cut := [str(r) for r in result.loc[result["coverage"] < WELL_COVERED, "roi"]]:
        notes.append(f"Regions that reach out of the image or mask: {', '.join(cut[:10])}.")
    if not error.skill > 0:
        notes.append(
            "On subjects left out the forest is no better than the mean of the others: the maps carry no information."
        )
    if normalisation == "map":
        notes.append(
            "Maps are divided by their SD over the brain: they have no unit and are not cell densities."
        )
    return tuple(notes)


def cellularity_tile(
    model: TrainedForest,
    scale: tuple[float, ...],
    side: int,
    slab: Slab,
    mask: NDArray[np.bool_],
    centre: int,
) -> Slab:
    """Predict the voxels of one slice; an (x, y) array under "density"."""
    stack = np.stack(
        [(slab[k][:, :, centre] / s).astype(np.float32) for k, s in zip(CONTRASTS, scale, strict=True)]
    )
    at = np.argwhere(mask)
    index = np.column_stack([at, np.zeros(len(at), dtype=int)])
    out = np.zeros(mask.shape)
    out[mask] = predict_density(model, tile_features(np.nan_to_num(stack)[..., None], index, side))
    return {"density": out}


def _write_map(
    subject: Subject, model: TrainedForest, described: dict[str, Any], out: Path, how: tuple[Any, ...]
) -> Path:
    side, normalisation, slices, jobs, cluster, progress = how
    divide = normalisation == "images"
    scale = tuple(
        s if divide and k not in WITH_UNIT else 1.0 for k, s in zip(CONTRASTS, subject.scale, strict=True)
    )
    check_origin(model.origin, subject.origin)
    left_out = subject.name not in model.subjects
    written = map_blocks(
        subject.paths, partial(cellularity_tile, model, scale, side),
        (Output("density", f"{subject.name}_cellularity"),), out,
        settings={**described, "scale": scale, "subject": subject.name, "trained on": sorted(model.subjects)},
        slices=slices, jobs=jobs, cluster=cluster, progress=progress,
    )["density"]  # fmt: skip
    if normalisation == "map":
        _divide_by_sd(written)
    sidecar = {
        "Description": "Cell density predicted by a bagged forest from tiles of T1, T1 with contrast, FLAIR and ADC",
        "Units": "1 (divided by the SD over the brain)" if normalisation == "map" else "unit of the histology handed in",
        "TrainedOnSubjects": sorted(model.subjects), "SubjectWasLeftOut": left_out,
        "Sources": {k: Path(p).name for k, p in subject.paths.items()},
        "DividedBy": dict(zip(CONTRASTS, scale, strict=True)),
        **described,
    }  # fmt: skip
    text = json.dumps(_finite(sidecar), indent=1, ensure_ascii=False, allow_nan=False)
    written.with_name(f"{subject.name}_cellularity.json").write_text(text + "\n", encoding="utf-8")
    add_bids_name(written, subject.name, "radiopathomic", "density", "cellmap")
    describe_dataset(out, "cellularity")
    return written


def _divide_by_sd(path: Path) -> None:
    info = inspect_image(path, 3)
    values = read_slab(path, 0, info.shape[2])
    write_map(path, [normalise_map(values, values[np.isfinite(values)])], info.shape, info.affine, "float32")


def _finite(value: Any) -> Any:
    """Copy with null for numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _feature_table(table: pd.DataFrame, rows: Rows, side: int) -> pd.DataFrame:
    """Weighted mean tile of each region, in the columns that nocera2025/03 takes."""
    names = [f"feature_{n}" for n in feature_names(CONTRASTS, side)]
    weighted = pd.DataFrame(rows.features * rows.weight[:, None], columns=names)
    means = weighted.groupby(rows.roi).sum()
    return table[["roi", "subject", "histology"]].join(means, on="roi")
