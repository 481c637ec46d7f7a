"""Samples for cellularity maps: images of every subject, and the tiles of the regions with histology."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.io.nifti import ImageInfo, check_same_space, inspect_image, read_slab
from compendium.io.table_text import TableError
from compendium.radiopathomics.forest import check_origin
from compendium.radiopathomics.normalise import brain_sd, normalise_contrasts
from compendium.radiopathomics.sphere import Sphere, rasterise_sphere
from compendium.radiopathomics.tiles import CONTRASTS, tile_features

SIMULATED = b"simulated by compendium"
"""What the headers of this project's simulated images say (`descrip`)."""
UNIT_RATIO = 30.0
"""ADC of two subjects further apart than this is in two units."""


@dataclass(frozen=True)
class Subject:
    """Images of a subject, their scale, and whether they are real."""

    name: str
    paths: dict[str, str]
    reference: ImageInfo
    scale: tuple[float, ...]
    adc: float
    origin: str


@dataclass(frozen=True)
class Rows:
    """Voxels of all regions: tiles, what was counted, whose they are, how much they count."""

    features: NDArray[np.float32]
    target: NDArray[np.float64]
    subject: NDArray[Any]
    roi: NDArray[Any]
    weight: NDArray[np.float64]


def open_subject(name: str, patterns: Mapping[str, str]) -> Subject:
    """Inspect the headers of a subject's images and measure their scale over the brain."""
    if not name or any(c in name for c in "/\\\0") or name.startswith("."):
        raise ValueError(f"A subject's name must be usable in a file name. Given {name!r}.")
    paths = {key: pattern.replace("{subject}", name) for key, pattern in patterns.items()}
    infos = {key: inspect_image(path, 3) for key, path in paths.items()}
    for info in infos.values():
        check_same_space(infos["t1"], info)
    brain = _read(paths["mask"]) > 0
    if not brain.any():
        raise TableError(paths["mask"], "a mask must hold at least one voxel", "none")
    scale, adc = [], 0.0
    for key in CONTRASTS:
        volume = _read(paths[key])
        if not np.isfinite(volume[brain]).all():
            count = int((~np.isfinite(volume[brain])).sum())
            raise TableError(paths[key], "must be finite inside the mask", f"{count:,} voxels that are not")
        try:
            scale.append(brain_sd(volume, brain))
        except ValueError as error:
            raise TableError(paths[key], "must vary inside the mask", str(error)) from None
        adc = float(np.median(volume[brain])) if key == "adc" else adc
    marked = [_is_simulated(paths[key]) for key in CONTRASTS]
    return Subject(name, paths, infos["t1"], tuple(scale), adc, "simulation" if any(marked) else "samples")


def _read(path: str) -> NDArray[np.float64]:
    return read_slab(Path(path), 0, inspect_image(path, 3).shape[2])


def _is_simulated(path: str) -> bool:
    header: Any = nib.load(path).header
    return bytes(header["descrip"]).rstrip(b"\0").startswith(SIMULATED) if "descrip" in header else False


def one_origin(trained_on: list[Subject], further: list[Subject]) -> str:
    """Origin of the samples; refuse to mix, and to carry a forest from simulation to images of patients."""
    origins = {s.origin for s in trained_on}
    if len(origins) > 1:
        odd = next(s.name for s in trained_on if s.origin == "simulation")
        raise ValueError(
            f"Samples must not mix patients and simulated brains. Given simulated images of {odd}."
        )
    origin = origins.pop()
    for subject in further:
        check_origin(origin, subject.origin)
    return origin


def check_adc_unit(subjects: list[Subject]) -> None:
    """Refuse ADC in two units."""
    low, high = min(subjects, key=lambda s: s.adc), max(subjects, key=lambda s: s.adc)
    if low.adc <= 0 or high.adc / low.adc > UNIT_RATIO:
        given = f"medians of {low.adc:.3g} ({low.name}) and {high.adc:.3g} ({high.name})"
        raise ValueError(f"ADC must be positive and in one unit for all subjects. Given {given}.")


def collect_rows(
    table: pd.DataFrame, opened: Mapping[str, Subject], diameter_mm: float, side: int, normalisation: str, rule: str
) -> tuple[Rows, dict[str, float]]:  # fmt: skip
    """Tiles of all voxels of all regions, and how much of each region lies in its image and mask."""
    parts: list[tuple[Any, ...]] = []
    coverage: dict[str, float] = {}
    for name, group in table.groupby("subject", sort=True):
        subject = opened[str(name)]
        brain = _read(subject.paths["mask"]) > 0
        contrasts = {k: _read(subject.paths[k]) for k in CONTRASTS}
        stack = np.nan_to_num(normalise_contrasts(contrasts, brain, normalisation))
        for row in group.itertuples():
            sphere = _place(row, subject, brain, diameter_mm, rule)
            coverage[str(row.roi)] = sphere.coverage
            n = len(sphere.index)
            parts.append((
                tile_features(stack, sphere.index, side), np.full(n, float(row.histology)), np.full(n, str(name)),
                np.full(n, str(row.roi)), sphere.weight / sphere.weight.sum(),
            ))  # fmt: skip
    return Rows(*(np.concatenate([p[i] for p in parts]) for i in range(5))), coverage


def _place(row: Any, subject: Subject, brain: NDArray[np.bool_], diameter_mm: float, rule: str) -> Sphere:
    """Put a region onto the grid of its subject; the header's axes must be at right angles."""
    affine, shape = subject.reference.affine, subject.reference.shape
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    turned = affine[:3, :3] / spacing
    if not np.allclose(turned.T @ turned, np.eye(3), atol=1e-3):
        raise TableError(subject.reference.path, "must have axes at right angles", "a sheared affine")
    place = np.array([row.x_mm, row.y_mm, row.z_mm, 1.0])
    centre = (np.linalg.inv(affine) @ place)[:3] * spacing
    own = getattr(row, "diameter_mm", np.nan)
    diameter = diameter_mm if own is None or np.isnan(own) else float(own)
    try:
        return rasterise_sphere((shape[0], shape[1], shape[2]), spacing, centre, diameter, rule, mask=brain)
    except ValueError as error:
        given = f"region {row.roi} at {place[:3].tolist()} mm ({error})"
        raise TableError(subject.reference.path, "must hold every region of its subject", given) from None
