"""Simulated brains with a tumour: four contrasts, a known field of cell density, and samples taken at the wrong place.

What the contrasts have to do with cells is set by `Tissue` and is chosen, not measured: density lowers ADC, oedema raises
ADC and FLAIR without cells, necrosis raises ADC where cells are gone, enhancement follows the core and differs between
patients. Gains of scanners differ for every contrast but ADC. So a simulation says what the *method* does when contrasts
are related to cells in some such way; it says nothing about how well they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from compendium.radiopathomics.sphere import rasterise_sphere, sphere_mean
from compendium.radiopathomics.tiles import CONTRASTS

SHAPE = (132, 156, 24)
"""Voxels of a slab as wide and deep as a brain and 24 mm high, at 1 mm."""
MARK = "simulated by compendium"
"""What the NIfTI header of a simulated image says (`descrip`)."""
Volume = NDArray[np.float32]


@dataclass(frozen=True)
class Tissue:
    """What simulated tissue and scanners are like.

    Attributes
    ----------
    normal_density, core_density : cells/mm², of white matter and added by solid tumour.
    infiltration_mm : length over which density falls outside the core.
    adc_per_1000_cells : change of ADC, 1e-6 mm²/s, per 1000 cells/mm².
    patient_spread : SD between patients of that change, of enhancement and of staining (shares).
    gain_spread : SD of the logarithm of a scanner's gain.
    noise : SD of the noise as a share of normal signal.
    """

    normal_density: float = 1200.0
    core_density: float = 2800.0
    infiltration_mm: float = 7.0
    adc_per_1000_cells: float = -130.0
    patient_spread: float = 0.25
    gain_spread: float = 0.25
    noise: float = 0.04


@dataclass(frozen=True)
class Brain:
    """One simulated subject.

    Attributes
    ----------
    subject : name.
    contrasts : t1, t1ce, flair in arbitrary units, adc in 1e-6 mm²/s; arrays (x, y, z).
    density : cells/mm².
    mask, core : brain; solid tumour.
    spacing_mm : between voxel centres, the same along all axes.
    staining : factor by which the count of this subject's slides is off.
    """

    subject: str
    contrasts: dict[str, Volume]
    density: Volume
    mask: NDArray[np.bool_]
    core: NDArray[np.bool_]
    spacing_mm: float
    staining: float

    @property
    def affine(self) -> NDArray[np.float64]:
        """Voxel indices to mm, the middle of the slab at 0."""
        matrix = np.diag([self.spacing_mm] * 3 + [1.0])
        matrix[:3, 3] = -self.spacing_mm * (np.array(self.density.shape) - 1) / 2
        return matrix


def simulate_brain(
    subject: str,
    seed: int | list[int],
    tissue: Tissue | None = None,
    shape: tuple[int, int, int] = SHAPE,
    spacing_mm: float = 1.0,
    tumour_radius_mm: float | None = None,
) -> Brain:
    """Make one brain.

    Parameters
    ----------
    subject : name.
    seed : of everything random; the same seed with another radius moves nothing else.
    tissue : Tissue, optional
    shape, spacing_mm : of the grid; the brain fills it.
    tumour_radius_mm : by default drawn between 11 and 20.

    Examples
    --------
    >>> brain = simulate_brain("S1", 1, shape=(40, 44, 8), spacing_mm=3)
    >>> sorted(brain.contrasts), bool(brain.density[brain.core].mean() > 1.5 * brain.density[brain.mask].mean())
    (['adc', 'flair', 't1', 't1ce'], True)
    """
    tissue = tissue or Tissue()
    rng = np.random.default_rng(seed)
    radius = rng.uniform(11, 20)
    radius = radius if tumour_radius_mm is None else tumour_radius_mm
    mask, x, y, z = _head(shape, spacing_mm)
    half = np.array(shape) * spacing_mm / 2
    at = np.array(
        [rng.choice([-1, 1]) * rng.uniform(0.35, 0.5) * half[0], rng.uniform(-0.3, 0.3) * half[1], 0]
    )
    smooth = {k: _smooth(rng, shape, s / spacing_mm) for k, s in _SCALES_MM.items()}
    distance = np.sqrt((x - at[0]) ** 2 + (y - at[1]) ** 2 + (z - at[2]) ** 2) + 2.5 * smooth["outline"]
    core = _edge(radius - distance, 1.5)
    necrosis = _edge(rng.uniform(0.2, 0.6) * radius - distance + smooth["necrosis"], 1.0)
    rim = np.exp(-np.maximum(distance - radius, 0) / tissue.infiltration_mm) * (1 - core)
    oedema = _edge(radius + rng.uniform(6, 14) - distance + 4 * smooth["oedema"], 3.0) * (1 - core)
    grey = _edge(smooth["grey"], 0.3)
    texture = np.exp(0.3 * smooth["texture"])
    cells = tissue.normal_density * (1 + 0.25 * grey)
    cells = cells + tissue.core_density * texture * (core + 0.45 * rim)
    cells = cells * (1 - 0.8 * necrosis)
    contrasts = _contrasts(rng, tissue, cells, core, necrosis, oedema, grey, mask)
    staining = float(np.exp(0.5 * tissue.patient_spread * rng.standard_normal()))
    density = np.where(mask, cells, 0).astype(np.float32)
    return Brain(subject, contrasts, density, mask, mask & (core > 0.5), spacing_mm, staining)


_SCALES_MM = {"outline": 6.0, "necrosis": 4.0, "oedema": 8.0, "grey": 2.5, "texture": 3.0}


def _head(shape: tuple[int, int, int], spacing: float) -> tuple[NDArray[np.bool_], Volume, Volume, Volume]:
    """Mask of an ellipse that fills the slab, and coordinates in mm from its middle."""
    x, y, z = (
        (np.arange(n, dtype=np.float32) - (n - 1) / 2).reshape([-1 if i == k else 1 for i in range(3)])
        * spacing
        for k, n in enumerate(shape)
    )
    half = np.array(shape) * spacing / 2 - 2 * spacing
    inside = (x / half[0]) ** 2 + (y / half[1]) ** 2 + 0 * z <= 1
    return inside, x, y, z


def _smooth(rng: np.random.Generator, shape: tuple[int, int, int], sigma: float) -> Volume:
    """Smooth Gaussian field with SD 1."""
    field = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma, mode="wrap", truncate=2.5)
    return np.asarray(field / field.std(), dtype=np.float32)


def _edge(value: Volume, width: float) -> Volume:
    """0 where the value is far below 0, 1 where it is far above."""
    return np.asarray(0.5 * (1 + np.tanh(value / width)), dtype=np.float32)


def _contrasts(
    rng: np.random.Generator, tissue: Tissue, cells: Volume, core: Volume, necrosis: Volume, oedema: Volume,
    grey: Volume, mask: NDArray[np.bool_],
) -> dict[str, Volume]:  # fmt: skip
    slope, enhancement, swelling = np.maximum(1 + tissue.patient_spread * rng.standard_normal(3), 0.2)
    adc = 760 + slope * tissue.adc_per_1000_cells * (cells - tissue.normal_density) / 1000
    adc = adc + 90 * grey + 550 * swelling * oedema + 1100 * necrosis + 450 * core
    t1 = 1 - 0.18 * grey - 0.2 * oedema - 0.25 * core - 0.15 * necrosis
    active = core * (1 - necrosis)
    t1ce = t1 + 0.6 * enhancement * active * np.clip(cells / 4000, 0.3, 1.5)
    flair = 1 + 0.12 * grey + 0.7 * swelling * oedema + 0.45 * active - 0.2 * necrosis
    gains = np.exp(tissue.gain_spread * rng.standard_normal(3))
    scale = {"t1": 400 * gains[0], "t1ce": 400 * gains[1], "flair": 300 * gains[2], "adc": 1.0}
    made = {}
    for name, signal in zip(CONTRASTS, (t1, t1ce, flair, adc), strict=True):
        level = 760.0 if name == "adc" else 1.0
        noisy = signal + tissue.noise * level * rng.standard_normal(signal.shape, dtype=np.float32)
        made[name] = np.where(mask, np.maximum(scale[name] * noisy, 0), 0).astype(np.float32)
    return made


def take_slides(
    brain: Brain, count: int, registration_mm: float, seed: int | list[int], side_mm: float = 20.0,
    step: int = 4, counting_cv: float = 0.05,
) -> tuple[NDArray[np.intp], pd.DataFrame]:  # fmt: skip
    """Take square slides of tissue in and around the tumour and cut them into tiles.

    Parameters
    ----------
    brain : Brain
    count : slides.
    registration_mm : SD of the displacement along both axes of a slide, one displacement per slide. The tissue lies
        where it should not; the same seed displaces along the same direction.
    seed : of places, displacements and counting.
    side_mm, step : side of a slide; voxels between neighbouring tiles (tiles that are wider share voxels).
    counting_cv : coefficient of variation of the count in a tile.

    Returns
    -------
    index : array (n, 3)
        Voxels in whose tile MRI is read.
    table : DataFrame
        sample; histology: what is counted in the displaced tissue; truth: density where MRI is read.

    Examples
    --------
    >>> brain = simulate_brain("S1", 1, shape=(40, 44, 8), spacing_mm=3)
    >>> index, table = take_slides(brain, 2, 0.0, seed=1, step=1)
    >>> bool(abs(table["histology"] / table["truth"] / brain.staining - 1).mean() < 0.06)
    True
    """
    rng = np.random.default_rng(seed)
    places = np.argwhere(_near_core(brain))
    local = gaussian_filter(brain.density, (2, 2, 0))
    reach = max(1, round(side_mm / 2 / brain.spacing_mm))
    offset = np.arange(-reach, reach + 1, step)
    rows, tables = [], []
    for i in range(count):
        centre = places[rng.integers(len(places))]
        shift = np.append(registration_mm * rng.standard_normal(2), 0.0) / brain.spacing_mm
        at = np.stack(np.meshgrid(offset, offset, [0], indexing="ij"), axis=-1).reshape(-1, 3) + centre
        noise = 1 + counting_cv * rng.standard_normal(len(at))
        inside = ((at >= 0) & (at < brain.density.shape)).all(axis=1)
        inside[inside] &= brain.mask[tuple(at[inside].T)]
        at, noise = at[inside], noise[inside]
        there = map_coordinates(local, (at + shift).T, order=1, mode="nearest")
        rows.append(at)
        tables.append(
            pd.DataFrame(
                {"sample": f"{brain.subject}-{i + 1}", "histology": brain.staining * noise * there,
                 "truth": local[tuple(at.T)]}
            )
        )  # fmt: skip
    return np.concatenate(rows), pd.concat(tables, ignore_index=True)


def take_biopsies(
    brain: Brain, count: int, targeting_mm: float, seed: int | list[int], diameter_mm: float = 5.0
) -> pd.DataFrame:
    """Plan spheres on MRI and take the tissue elsewhere.

    Parameters
    ----------
    targeting_mm : root mean square of the distance between planned and true place; the same seed goes the same way. A
        place outside the brain is drawn back into it.

    Returns
    -------
    DataFrame
        roi, subject, x_mm, y_mm, z_mm (the planned place, in the space of `brain.affine`), diameter_mm, histology (at the
        true place), truth (at the planned one).
    """
    rng = np.random.default_rng(seed)
    shape, spacing = brain.density.shape, (brain.spacing_mm,) * 3
    margin = int(np.ceil(diameter_mm / 2 / brain.spacing_mm))
    places = np.argwhere(_near_core(brain))
    middle = abs(places[:, 2] - (shape[2] - 1) / 2) <= max(1, shape[2] / 2 - margin - 4)
    places = places[middle]
    rows = []
    for i in range(count):
        planned = places[rng.integers(len(places))] * brain.spacing_mm
        shift = targeting_mm / np.sqrt(3) * rng.standard_normal(3)
        while not _is_brain(brain, planned + shift):
            shift = 0.8 * shift
        here, there = (
            sphere_mean(brain.density, rasterise_sphere(shape, spacing, c, diameter_mm, mask=brain.mask))
            for c in (planned, planned + shift)
        )
        place = planned + brain.affine[:3, 3]
        histology = there * brain.staining * (1 + 0.05 * rng.standard_normal())
        rows.append((f"{brain.subject}-B{i + 1}", brain.subject, *place, diameter_mm, histology, here))
    names = ["roi", "subject", "x_mm", "y_mm", "z_mm", "diameter_mm", "histology", "truth"]
    return pd.DataFrame(rows, columns=names)


def _is_brain(brain: Brain, place_mm: NDArray[np.float64]) -> bool:
    index = np.round(place_mm / brain.spacing_mm).astype(int)
    return bool(((index >= 0) & (index < brain.mask.shape)).all() and brain.mask[tuple(index)])


def _near_core(brain: Brain) -> NDArray[np.bool_]:
    """Brain within some 12 mm of solid tumour."""
    blurred = gaussian_filter(brain.core.astype(np.float32), 6 / brain.spacing_mm, truncate=2)
    return np.asarray((blurred > 0.02) & brain.mask)


def write_brain(brain: Brain, folder: Path) -> dict[str, Path]:
    """Write contrasts and mask of a brain as NIfTI that says it is simulated; return the paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, volume in {**brain.contrasts, "mask": brain.mask.astype(np.uint8)}.items():
        image = nibabel.Nifti1Image(volume, brain.affine)
        image.header["descrip"] = MARK
        image.header.set_xyzt_units("mm")
        paths[name] = folder / f"{brain.subject}_{name}.nii.gz"
        nibabel.save(image, paths[name])
    return paths
