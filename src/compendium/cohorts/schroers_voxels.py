"""Simulated animals seen by MRI and by a microscope, as tables of voxels: a forward model, seeded, like no mouse.

A vessel tree and a tumour on a fine grid give an MRI signal (see `compendium.cohorts.tumour`); the microscope sees the same
tissue, displaced by a registration error. Every constant is an assumption of the caller: signs and sizes follow from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from compendium.cohorts.tumour import Tissue, block_mean, grow_tumour
from compendium.cohorts.vessels import VesselVolume, grow_vessels, paint_vessels
from compendium.microscopy.voxels import extract_voxels, normalise_on_reference

Array = NDArray[np.floating[Any]]
MRI_UM = 100.0
BOX_UM = (1600.0, 1600.0, 700.0)
FINE_UM = {"tumour": 20.0, "vessels": 10.0}
NORMAL, TUMOUR = 3, 1
SMOOTH_UM = 500.0  # over which a registration error varies


@dataclass(frozen=True)
class TumourModel:
    """How a tumour grows.

    Attributes
    ----------
    name : str
    radius_um, speed_um_day : float
        Radius of half density on day 0 (may be negative: not there yet), and how fast it moves outward.
    edge_um : float
        Width of the fall of density.
    leak : float
        Share of full enhancement on T1 after contrast agent.
    lead_um : float
        How far the signal runs ahead of the cells; 0 for a signal that follows density.
    """

    name: str
    radius_um: float
    speed_um_day: float
    edge_um: float
    leak: float = 1.0
    lead_um: float = 0.0


@dataclass(frozen=True)
class Coil:
    """A receive coil: its name, and signal to noise of tissue at echo time zero."""

    name: str
    snr: float


BULKY = TumourModel("bulky", -60.0, 8.0, 260.0)
INFILTRATIVE = TumourModel("infiltrative", -150.0, 4.5, 500.0, leak=0.1)
COOLED, SURFACE = Coil("cooled", 60.0), Coil("surface", 20.0)


def displace(volume: NDArray[Any], voxel_um: float, rmse_um: float, seed: int | list[int]) -> Array:
    """The volume with a smooth random displacement: normal along each axis, rmse_um/√3 there, varying over 500 µm.

    Examples
    --------
    >>> bool((displace(np.eye(3)[None], 100.0, 0.0, 1) == np.eye(3)[None]).all())
    True
    """
    if rmse_um == 0:
        return np.asarray(volume, dtype=float)
    rng = np.random.default_rng(seed)
    step = SMOOTH_UM / 4 / voxel_um  # of the nodes on which the displacement is drawn
    shape = np.array(volume.shape)
    index = np.array(np.meshgrid(*[np.arange(n, dtype=np.float32) for n in shape], indexing="ij"))
    weights = [
        _between(n, n_nodes, step)
        for n, n_nodes in zip(shape, np.ceil(shape / step).astype(int) + 10, strict=True)
    ]
    for axis in range(3):
        noise = ndimage.gaussian_filter(rng.standard_normal(np.ceil(shape / step).astype(int) + 10), 2.0)
        field = noise * (2 * np.sqrt(np.pi) * 2.0) ** 1.5  # SD 1 per axis away from the rim
        fine = np.einsum("ai,bj,ck,ijk->abc", *weights, field, optimize=True)
        index[axis] += (fine * rmse_um / np.sqrt(3) / voxel_um).astype(np.float32)
    return ndimage.map_coordinates(np.asarray(volume, dtype=np.float32), index, order=1, mode="nearest")


def _between(count: int, nodes: int, step: float) -> Array:
    """Weights of linear interpolation from nodes to voxels, shape (count, nodes); the voxels begin at the fifth node."""
    place = np.arange(count) / step + 4
    return np.maximum(1 - np.abs(place[:, None] - np.arange(nodes)[None, :]), 0)


def spin_echo(
    density: NDArray[Any], blood: NDArray[Any], voxel_um: float, *, snr: float, seed: int,
    tissue: Tissue | None = None, te_ms: float = 40.0,
) -> Array:  # fmt: skip
    """T2-weighted magnitude on MRI voxels, as `compendium.cohorts.tumour.simulate_mri` has it, without the gradient echo.

    Examples
    --------
    >>> quiet = spin_echo(np.zeros((10, 10, 10)), np.zeros((10, 10, 10)), 10.0, snr=np.inf, seed=1)
    >>> round(float(quiet.item()), 4) == round(float(np.exp(-40 / 38)), 4)
    True
    """
    model = tissue or Tissue()
    decay = np.exp(
        np.float32(-te_ms)
        * ((1 - density) / np.float32(model.t2_ms) + density / np.float32(model.t2_tumour_ms))
    )
    signal = block_mean(
        (1 - blood) * decay + blood * np.float32(np.exp(-te_ms / model.t2_blood_ms)), round(MRI_UM / voxel_um)
    )
    if not np.isfinite(snr):
        return signal
    noise = np.random.default_rng(seed).standard_normal((2, *signal.shape)) / snr
    return np.hypot(signal + noise[0], noise[1])


@lru_cache(maxsize=8)
def make_vessels(seed: tuple[int, ...], voxel_um: float) -> VesselVolume:
    """A vessel tree in the box of an animal; vessels thinner than a voxel are left out."""
    start = int(np.random.default_rng(seed).integers(2**31))
    tree = grow_vessels(
        start, BOX_UM, arteries=3, veins=4, root_radius_um=(25.0, 60.0), least_radius_um=voxel_um / 2
    )
    shape = tuple(round(size / voxel_um) for size in BOX_UM[::-1])
    return paint_vessels(tree, (shape[0], shape[1], shape[2]), voxel_um)


def _texture(shape: tuple[int, ...], amount: float, seed: int | list[int]) -> Array:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5, mode="wrap")
    return 1 + amount * field / field.std()


def scan_vessels(
    seed: int | list[int], *, animal: str = "A1", snr: float = COOLED.snr, texture: float = 0.03,
    registration_um: float = 0.0,
) -> pd.DataFrame:  # fmt: skip
    """Voxels of an animal without tumour: vessel fraction in the microscope, T2-weighted signal.

    Parameters
    ----------
    snr : of tissue at echo time zero.
    texture : SD of smooth variation of the signal, as a share of it.
    registration_um : root mean square of the displacement of the microscopy.

    Returns
    -------
    DataFrame
        animal, dataset, z, y, x, label, density (vessel fraction), t2w (SDs of the voxels with up to 5 % vessel), t2w_raw.
    """
    base = [seed] if isinstance(seed, int) else list(seed)
    voxel = FINE_UM["vessels"]
    tree = make_vessels((*base, 1), voxel)
    blood = tree.fraction()
    none = np.zeros_like(blood)
    raw = spin_echo(none, blood, voxel, snr=snr, seed=base[-1] + 7919)
    raw = raw * _texture(raw.shape, texture, [*base, 2])
    fraction = np.clip(
        block_mean(displace(blood, voxel, registration_um, [*base, 3]), round(MRI_UM / voxel)), 0, 1
    )
    label = np.where(fraction <= 0.05, NORMAL, TUMOUR)
    scaled = normalise_on_reference(raw, label, NORMAL).volume
    frame = extract_voxels({"density": fraction, "t2w": scaled, "t2w_raw": raw}, label, dataset=animal)
    return frame.assign(animal=animal)


def scan_tumour(
    seed: int | list[int], model: TumourModel, day: float, coil: Coil, *, animal: str = "A1", tissue: Tissue | None = None,
    texture: float = 0.03, registration_um: float = 0.0, microscope_noise: float = 0.0,
) -> pd.DataFrame:  # fmt: skip
    """Voxels of an animal on a day: tumour density in the microscope, three contrasts.

    Parameters
    ----------
    seed : of the animal; its vessels, patches and texture are the same on every day, noise and displacement are not.
    microscope_noise : SD of an error of the density, shared by nothing.

    Returns
    -------
    DataFrame
        animal, dataset, model, coil, day, z, y, x, label (3 without tumour in the microscope), density, truth (density
        where MRI looks), t2w, t1, t1post (SDs of the voxels without tumour), t2w_raw. Voxels with a third of vessel are
        left out, as masks do.
    """
    base = [seed] if isinstance(seed, int) else list(seed)
    voxel, block = FINE_UM["tumour"], round(MRI_UM / FINE_UM["tumour"])
    tree = make_vessels((*base, 1), voxel)
    blood, start = tree.fraction(), int(np.random.default_rng([*base, 4]).integers(2**31))

    def density(ahead: float) -> NDArray[np.float32]:
        radius = model.radius_um + model.speed_um_day * day + ahead
        if radius <= -model.edge_um or day <= 0:
            return np.zeros(blood.shape, np.float32)
        made = grow_tumour(start, blood.shape, voxel, radius_um=max(radius, 1.0), edge_um=model.edge_um,
                           vessel_distance_um=tree.distance_um)  # fmt: skip
        return np.where(made < 0.005, 0, made).astype(np.float32)

    cells = density(0.0)
    seen = density(model.lead_um) if model.lead_um else cells
    moment = [*base, 5, round(day * 10)]
    noise = int(np.random.default_rng([*moment, round(coil.snr * 10)]).integers(2**31))
    raw = spin_echo(seen, blood, voxel, snr=coil.snr, seed=noise, tissue=tissue)
    raw = raw * _texture(raw.shape, texture, [*base, 2])
    truth, vessel = block_mean(cells, block), block_mean(blood, block)
    rng = np.random.default_rng(moment)
    present = rng.random(cells.shape) < displace(cells, voxel, registration_um, [*moment, 6])
    fraction = block_mean(present, block)
    if microscope_noise:
        fraction = np.clip(fraction + microscope_noise * rng.standard_normal(fraction.shape), 0, 1)
    signal = block_mean(seen, block)
    t1 = (1 - 0.15 * signal) * _texture(signal.shape, texture, [*base, 8])
    post = t1 + 0.5 * model.leak * signal**2
    t1, post = (v + rng.standard_normal(v.shape) / coil.snr for v in (t1, post))
    label = np.where(vessel > 1 / 3, 0, np.where(fraction > 0, TUMOUR, NORMAL))
    channels = {"density": fraction, "truth": truth, "t2w_raw": raw}
    for name, volume in (("t2w", raw), ("t1", t1), ("t1post", post)):
        channels[name] = normalise_on_reference(volume, label, NORMAL).volume
    frame = extract_voxels(channels, label, dataset=f"{animal}-{day:g}")
    return frame.assign(animal=animal, model=model.name, coil=coil.name, day=day)


def scan_cohort(
    model: TumourModel, coil: Coil, animals: int, days: Sequence[float], seed: int, **choices: Any
) -> pd.DataFrame:
    """Several animals on several days; T2 of the tumour differs between animals by 10 %.

    Examples
    --------
    >>> frame = scan_cohort(BULKY, COOLED, 2, (40,), seed=1)
    >>> frame["animal"].nunique(), bool(frame["density"].between(0, 1).all())
    (2, True)
    """
    parts = []
    for number in range(animals):
        spread = float(np.random.default_rng([seed, number, 9]).normal(1, 0.1))
        tissue = Tissue(t2_tumour_ms=Tissue().t2_tumour_ms * spread)
        name = f"{model.name[0].upper()}{number + 1}"
        parts += [
            scan_tumour([seed, number], model, day, coil, animal=name, tissue=tissue, **choices)
            for day in days
        ]
    return pd.concat(parts, ignore_index=True)
