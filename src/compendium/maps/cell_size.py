"""Cell-size maps from a diffusion image: `run_cell_size`, the work behind ``compendium maps cell-size``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compendium.diffusion.engine import noise_floor
from compendium.diffusion.fitting import (
    PUBLISHED_PULL,
    CellSizeFit,
    cell_density,
    fit_cell_size,
    intracellular_fraction,
    residuals,
)
from compendium.diffusion.models import MODELS, find_model, model_bounds, wide_s0
from compendium.diffusion.posterior import posterior_cell_size
from compendium.diffusion.protocols import Protocol
from compendium.diffusion.relaxation import fit_two_pool, remove_relaxation
from compendium.diffusion.scores import score_residuals
from compendium.io.nifti import inspect_image
from compendium.io.protocols import read_protocol
from compendium.io.table_text import TableError
from compendium.maps.blocks import Output, Progress, Slab, map_blocks
from compendium.maps.output import MapKind, describe_dataset, stem_of, write_names
from compendium.maps.qc import write_qc

Array = NDArray[np.float64]

PUBLISHED_B = {"invivo": (100.0, 900.0), "exvivo": (1000.0, 1800.0)}
"""Thresholds of b (s/mm², strictly above) of the published strategies: whole image set, high b."""

KINDS = {
    "L": MapKind("_Lum", "vCS", "um", "Volume-weighted cell size (diameter)"),
    "D0": MapKind("_D0um2ms-1", "D0", "um^2/ms", "Intrinsic intra-cellular diffusivity"),
    "DEinf": MapKind("_Dexinfum2ms-1", "DEinf", "um^2/ms", "Extra-cellular ADC at long times"),
    "beta": MapKind("_Betaum2", "beta", "um^2", "Time dependence of the extra-cellular ADC"),
    "F": MapKind("_fin", "fin", "1", "Intra-cellular signal fraction"),
    "S0": MapKind("_S0", "S0", "signal", "Signal without diffusion weighting"),
    "cells2": MapKind("_cellsmm-2", "cellsmm2", "1/mm^2", "Cells per area, F/vCS^2"),
    "cells3": MapKind("_cellsmm-3", "cellsmm3", "1/mm^3", "Cells per volume, F/vCS^3"),
    "exit": MapKind("_exit", "exit", "1", "1 converged, -1 not, 0 background", "int16", 0),
    "bounds": MapKind("_bounds", "bounds", "1", "Number of parameters at a bound", "int16", 0),
    "objective": MapKind("_fobj", "objective", "1", "Objective on signals over their maximum"),
    "logL": MapKind("_logL", "logL", "1", "Log-likelihood, offset Gaussian"),
    "AIC": MapKind("_AIC", "AIC", "1", "Akaike information criterion"),
    "BIC": MapKind("_BIC", "BIC", "1", "Bayesian information criterion, -2 ln L + P ln N"),
    "BICpaper": MapKind("_BICpaper", "BICpaper", "1", "Eq. 15 as printed, P ln N - ln L"),
    "fV": MapKind("_fV", "fV", "1", "Vascular signal fraction of the two-pool pre-fit"),
    "T2T": MapKind("_T2T", "T2T", "ms", "Tissue T2 of the two-pool pre-fit"),
    "Lmean": MapKind("_Lum_mean", "vCSmean", "um", "Posterior mean of cell size"),
    "Lsd": MapKind("_Lum_sd", "vCSsd", "um", "Posterior standard deviation of cell size"),
    "Llow": MapKind("_Lum_lower", "vCSlower", "um", "Lower end of the 95 % interval of cell size"),
    "Lhigh": MapKind("_Lum_upper", "vCSupper", "um", "Upper end of the 95 % interval of cell size"),
    "Fmean": MapKind("_fin_mean", "finmean", "1", "Posterior mean of the intra-cellular fraction"),
    "Fsd": MapKind("_fin_sd", "finsd", "1", "Posterior standard deviation of the intra-cellular fraction"),
}


@dataclass(frozen=True)
class CellSizeSettings:
    """Everything a tile is fitted with, beside the images."""

    model: str
    protocol: Protocol
    keep: tuple[int, ...]
    bounds: tuple[tuple[float, float], ...]
    pull: float
    floor: str
    nex: float
    starts: int
    posterior: bool
    prefit: bool
    preset: str
    outputs: tuple[str, ...]


def run_cell_size(
    dwi: str | Path,
    protocol: str | Path,
    out: str | Path,
    *,
    mask: str | Path | None = None,
    noise: str | Path | None = None,
    s0ref: str | Path | None = None,
    model: str = "Diff-in",
    high_b: bool = False,
    b_min: float | None = None,
    posterior: bool = False,
    prefit: bool = False,
    preset: str = "invivo",
    published: bool = False,
    floor: str = "published",
    nex: float = 1.0,
    te_ms: float | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    starts: int = 3,
    naming: str = "both",
    slices: int = 4,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Fit a cell-size model to a NIfTI image and write maps, sidecars and a QC page.

    Parameters
    ----------
    dwi, protocol : path
        Four-dimensional image; `compendium.io.protocols.read_protocol` says which protocol files are read.
    mask, noise, s0ref : path, optional
        Voxels to fit (> 0); noise standard deviation (needed for scores and the posterior); reference S0 for F
        of Diff-in.
    high_b, b_min : bool, float
        The published high-b threshold instead of the whole-set one, or another (s/mm², strictly above).
    posterior : bool
        Also posterior mean, SD and interval.
    prefit : bool
        Two-pool pre-fit of f_V and T2 over all measurements, then relaxation and vascular weighting removed.
    published : bool
        The public fitter's pull and bound of S0 instead of maximum likelihood with a bound that cannot bind.
    jobs, cluster, slices, progress
        `compendium.maps.blocks.map_blocks`.

    Returns
    -------
    dict of Path
        Maps by key (`KINDS`), and ``"qc"``.

    Raises
    ------
    TableError
        An input cannot be used; nothing is left half-written.
    """
    info = inspect_image(dwi, 4)
    scan = read_protocol(protocol, te_ms)
    if len(scan) != info.shape[3]:
        raise TableError(
            protocol, f"must have {info.shape[3]} measurements, like {Path(dwi).name}", str(len(scan))
        )
    if posterior and noise is None:
        raise TableError(dwi, "a posterior needs the noise map: --noise IMAGE", "none")
    settings = _settings(
        scan, protocol, model, high_b, b_min, posterior, prefit, preset, published, floor, nex, starts, bounds,
        noise is not None, s0ref is not None,
    )  # fmt: skip
    images = {"dwi": dwi, "mask": mask, "noise": noise, "s0ref": s0ref}
    given = {name: path for name, path in images.items() if path is not None}
    outputs = tuple(Output(k, f".map-{k}", KINDS[k].dtype, KINDS[k].background) for k in settings.outputs)
    described = _describe(settings)
    written = map_blocks(
        given, partial(cell_size_tile, settings), outputs, out, settings=described,
        slices=slices, jobs=jobs, cluster=cluster, progress=progress,
    )  # fmt: skip
    stem = stem_of(dwi)
    about = {"Method": described, "Sources": [Path(p).name for p in given.values()]}
    final = write_names(written, KINDS, stem, settings.model, naming, about)
    describe_dataset(Path(out), "cell-size")
    final["qc"] = write_qc(
        Path(out) / f"{stem}_qc.html", f"{settings.model}: {stem}", final, KINDS, described
    )
    return final


def _settings(
    scan: Protocol, path: str | Path, model: str, high_b: bool, b_min: float | None, posterior: bool, prefit: bool,
    preset: str, published: bool, floor: str, nex: float, starts: int,
    bounds: Mapping[str, tuple[float, float]] | None, has_noise: bool, has_s0: bool,
) -> CellSizeSettings:  # fmt: skip
    found = find_model(model)
    noise_floor(1.0, floor, nex)  # refuses what it does not know before anything is read
    model_bounds(found, preset, change=bounds)
    threshold = PUBLISHED_B[preset][int(high_b)] if b_min is None else b_min
    keep = np.flatnonzero(scan.above(threshold / 1000))
    if len(keep) < len(found.parameters):
        rule = (
            f"{found.name} has {len(found.parameters)} parameters and needs as many measurements above b = "
        )
        raise TableError(path, f"{rule}{threshold:g} s/mm²", str(len(keep)))
    if prefit and len(np.unique(scan.te_ms[np.isfinite(scan.te_ms)])) < 2:
        raise TableError(
            path, "the two-pool pre-fit needs TE for all measurements, two different ones", "fewer"
        )
    s0 = None if published else wide_s0(scan.b_ms_um2[keep], found)
    limits = model_bounds(found, preset, s0, bounds)
    keys = [*found.parameters, "exit", "bounds", "objective"]
    if found.has_extra or has_s0 or prefit:
        keys += [k for k in ("F", "cells2", "cells3") if k not in keys]
    keys += ["logL", "AIC", "BIC", "BICpaper"] if has_noise else []
    keys += ["fV", "T2T"] if prefit else []
    if posterior:
        keys += ["Lmean", "Lsd", "Llow", "Lhigh"] + (["Fmean", "Fsd"] if found.has_extra else [])
    return CellSizeSettings(
        found.name, scan, tuple(map(int, keep)), tuple((float(a), float(z)) for a, z in limits),
        PUBLISHED_PULL if published else 0.0, floor, nex, starts, posterior, prefit, preset, tuple(keys),
    )  # fmt: skip


def _describe(settings: CellSizeSettings) -> dict[str, Any]:
    """Settings in words for sidecars and the identity of blocks."""
    entries = {
        k: v for k, v in asdict(settings).items() if k not in ("protocol", "outputs", "keep", "bounds")
    }
    scan = settings.protocol
    return {
        **entries,
        "parameters": dict(zip(MODELS[settings.model].parameters, settings.bounds, strict=True)),
        "b_s_mm2": [round(float(b) * 1000, 3) for b in scan.b_ms_um2],
        "shapes": [asdict(s) for s in scan.shapes],
        "shape": [int(i) for i in scan.shape],
        "te_ms": [None if np.isnan(t) else float(t) for t in scan.te_ms],
        "fitted_measurements": list(settings.keep),
    }


def cell_size_tile(settings: CellSizeSettings, slab: Slab, mask: NDArray[np.bool_], centre: int) -> Slab:
    """Fit the voxels of one slice; (x, y) arrays by output key."""
    voxels = {name: values[:, :, centre][mask] for name, values in slab.items() if name != "mask"}
    signals, sigma, s0 = voxels["dwi"], voxels.get("noise"), voxels.get("s0ref")
    found: dict[str, Array] = {}
    vascular = np.zeros(len(signals))
    if settings.prefit:
        bounds = {"T2_T": (5.0, 80.0) if settings.preset == "exvivo" else (20.0, 140.0)}
        pools = fit_two_pool(
            signals,
            settings.protocol,
            bounds=bounds,
            sigma=sigma,
            floor_convention=settings.floor,
            nex=settings.nex,
        )
        found["fV"], found["T2T"] = pools.f_v, pools.t2_tissue_ms
        vascular = pools.f_v
        cleaned = remove_relaxation(signals, settings.protocol.te_ms, pools.s0, pools.f_v, pools.t2_tissue_ms)
        if sigma is not None:
            ones = np.ones((len(signals), len(settings.keep)))
            te = settings.protocol.te_ms[list(settings.keep)]
            gain = remove_relaxation(ones, te, pools.s0, pools.f_v, pools.t2_tissue_ms)
            sigma = sigma * np.sqrt(np.mean(gain**2, axis=1))  # one σ for echo times that now differ in noise
        signals, s0 = cleaned, np.ones(len(signals))
    found |= _fit_tile(settings, signals[:, list(settings.keep)], sigma, s0, vascular)
    out = {}
    for key in settings.outputs:
        image = np.zeros(mask.shape)
        image[mask] = found[key]
        out[key] = image
    return out


def _fit_tile(
    settings: CellSizeSettings, signals: Array, sigma: Array | None, s0: Array | None, vascular: Array
) -> dict[str, Array]:
    protocol = settings.protocol.select(list(settings.keep))
    fit = fit_cell_size(
        signals, protocol, settings.model, sigma=sigma, bounds=np.array(settings.bounds), pull=settings.pull,
        floor_convention=settings.floor, nex=settings.nex, starts=settings.starts,
    )  # fmt: skip
    found = {name: fit[name] for name in fit.model.parameters}
    fraction = (1 - vascular) * intracellular_fraction(fit, s0)
    found |= {
        "F": fraction, "cells2": cell_density(fraction, fit["L"], 2), "cells3": cell_density(fraction, fit["L"]),
        "exit": fit.exit_code.astype(np.float64), "bounds": fit.at_bound.sum(axis=1).astype(np.float64),
        "objective": fit.objective,
    }  # fmt: skip
    if sigma is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = score_residuals(residuals(fit, signals, protocol), sigma, len(fit.model.parameters))
        found |= {
            "logL": scores.log_likelihood,
            "AIC": scores.aic,
            "BIC": scores.bic,
            "BICpaper": scores.bic_paper,
        }
    if settings.posterior and sigma is not None:
        found |= _posterior_tile(settings, signals, protocol, fit, sigma, vascular)
    return found


def _posterior_tile(
    settings: CellSizeSettings,
    signals: Array,
    protocol: Protocol,
    fit: CellSizeFit,
    sigma: Array,
    vascular: Array,
) -> dict[str, Array]:
    usable = np.where(sigma > 0, sigma, np.nan)
    got = posterior_cell_size(signals, protocol, fit, usable)
    low, high = got.interval["L"].T
    found = {"Lmean": got.mean["L"], "Lsd": got.sd["L"], "Llow": low, "Lhigh": high}
    if fit.model.has_extra:
        found |= {"Fmean": (1 - vascular) * got.mean["F"], "Fsd": (1 - vascular) * got.sd["F"]}
    return found
