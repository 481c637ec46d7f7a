"""ADC and kurtosis maps: `run_kurtosis`, the work behind ``compendium maps kurtosis``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compendium.diffusion.engine import noise_floor
from compendium.diffusion.kurtosis import fit_kurtosis, kurtosis_signal
from compendium.diffusion.scores import score_residuals
from compendium.io.nifti import inspect_image
from compendium.io.protocols import read_b_values
from compendium.io.table_text import TableError
from compendium.maps.blocks import Output, Progress, Slab, map_blocks
from compendium.maps.output import MapKind, describe_dataset, stem_of, write_names
from compendium.maps.qc import write_qc

KINDS = {
    "ADC": MapKind("_ADC", "ADC", "um^2/ms", "Apparent diffusion coefficient"),
    "K": MapKind("_AKC", "AKC", "1", "Apparent excess kurtosis"),
    "S0": MapKind("_S0", "S0", "signal", "Signal without diffusion weighting"),
    "exit": MapKind("_exit", "exit", "1", "1 converged, -1 not, 0 background", "int16", 0),
    "objective": MapKind("_fobj", "objective", "1", "Mean squared residual on signals over their maximum"),
    "logL": MapKind("_logL", "logL", "1", "Log-likelihood, offset Gaussian"),
    "AIC": MapKind("_AIC", "AIC", "1", "Akaike information criterion"),
    "BIC": MapKind("_BIC", "BIC", "1", "Bayesian information criterion, -2 ln L + P ln N"),
}


@dataclass(frozen=True)
class KurtosisSettings:
    """What a tile is fitted with, beside the images."""

    b_ms_um2: tuple[float, ...]
    keep: tuple[int, ...]
    floor: str
    nex: float
    outputs: tuple[str, ...]


def run_kurtosis(
    dwi: str | Path,
    protocol: str | Path,
    out: str | Path,
    *,
    mask: str | Path | None = None,
    noise: str | Path | None = None,
    b_min: float | None = None,
    te_ms: float | None = None,
    floor: str = "published",
    nex: float = 1.0,
    naming: str = "both",
    slices: int = 4,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Fit s = s₀·exp(−b·ADC + K(b·ADC)²/6) to a NIfTI image and write maps, sidecars and a QC page.

    Parameters
    ----------
    protocol : path
        A ``.bval`` alone is enough here; other protocol files are read too.
    b_min : float, optional
        Only measurements strictly above this b (s/mm²): 100 in the published in vivo fits.
    te_ms : float, optional
        Only measurements at this echo time (45 ex vivo, the shortest in vivo).

    Returns
    -------
    dict of Path
        Maps by key (`KINDS`), and ``"qc"``.
    """
    info = inspect_image(dwi, 4)
    b, te = read_b_values(protocol)
    if len(b) != info.shape[3]:
        raise TableError(
            protocol, f"must have {info.shape[3]} measurements, like {Path(dwi).name}", str(len(b))
        )
    noise_floor(1.0, floor, nex)
    wanted = np.ones(len(b), dtype=bool) if b_min is None else b > b_min / 1000 * (1 + 1e-9)
    if te_ms is not None:
        wanted &= np.abs(te - te_ms) < 1e-6
    if len(np.unique(np.round(b[wanted], 6))) < 3:
        got = len(np.unique(np.round(b[wanted], 6)))
        raise TableError(
            protocol, "kurtosis needs three different b-values among the measurements fitted", str(got)
        )
    keys = ("ADC", "K", "S0", "exit", "objective", *(("logL", "AIC", "BIC") if noise is not None else ()))
    settings = KurtosisSettings(
        tuple(map(float, b)), tuple(map(int, np.flatnonzero(wanted))), floor, nex, keys
    )
    images = {"dwi": dwi, "mask": mask, "noise": noise}
    given = {name: path for name, path in images.items() if path is not None}
    outputs = tuple(Output(k, f".map-{k}", KINDS[k].dtype, KINDS[k].background) for k in keys)
    described = vars(settings)
    written = map_blocks(
        given, partial(kurtosis_tile, settings), outputs, out, settings=described,
        slices=slices, jobs=jobs, cluster=cluster, progress=progress,
    )  # fmt: skip
    stem = stem_of(dwi)
    about = {"Method": described, "Sources": [Path(p).name for p in given.values()]}
    final = write_names(written, KINDS, stem, "kurtosis", naming, about)
    describe_dataset(Path(out), "kurtosis")
    final["qc"] = write_qc(
        Path(out) / f"{stem}_kurtosis_qc.html", f"Kurtosis: {stem}", final, KINDS, described
    )
    return final


def kurtosis_tile(settings: KurtosisSettings, slab: Slab, mask: NDArray[np.bool_], centre: int) -> Slab:
    """Fit the voxels of one slice; (x, y) arrays by output key."""
    keep = list(settings.keep)
    signals = slab["dwi"][:, :, centre][mask][:, keep]
    sigma = slab["noise"][:, :, centre][mask] if "noise" in slab else None
    b = np.array(settings.b_ms_um2)[keep]
    fit = fit_kurtosis(signals, b, sigma=sigma, floor_convention=settings.floor, nex=settings.nex)
    found = {
        "ADC": fit.adc,
        "K": fit.kurtosis,
        "S0": fit.s0,
        "exit": fit.exit_code,
        "objective": fit.objective,
    }
    if sigma is not None:
        expected = np.sqrt(kurtosis_signal(fit.adc, fit.kurtosis, fit.s0, b) ** 2 + fit.floor[:, None] ** 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = score_residuals(expected - signals, sigma, 3)
        found |= {"logL": scores.log_likelihood, "AIC": scores.aic, "BIC": scores.bic}
    out = {}
    for key in settings.outputs:
        out[key] = np.zeros(mask.shape)
        out[key][mask] = found[key]
    return out
