"""The signals that the simulated model selection of Grussu et al. 2025 rests on, from our own random walks.

Four volume fractions, four diameters, ten by ten diffusivities and three permeabilities, for the ex vivo and for
the two in vivo protocols (which share their walks). The stored library in `data/derived/grussu2025` is made by

    python -m compendium.cohorts.grussu_library data/derived/grussu2025 --recompute

with ``--walkers`` and ``--accuracy`` for more walkers and shorter steps than the stored one has. Every tissue has
its own seed, so any of them can be computed again alone. A second, smaller set has spheres on a face-centred
lattice, which leaves less space outside.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from compendium.base.parallel import parallel_map
from compendium.diffusion.engine import merge_repeats
from compendium.diffusion.exact import exact_signal
from compendium.diffusion.montecarlo import simulate_signals
from compendium.diffusion.montecarlo_tissue import Tissue
from compendium.diffusion.protocols import Protocol, published_protocols

Array = NDArray[np.float64]

SEED, WALKERS = 20251107, 2000
STEP_RULE = 0.3  # step length over pore size: signals of closed spheres move by less than 0.003 (measured)
FRACTIONS = (0.197, 0.323, 0.406, 0.523)
SIZES_UM = (8.0, 16.0, 22.0, 30.0)
PERMEABILITIES = (10.0, 25.0, 50.0)  # µm/s
DIFFUSIVITIES = {"exvivo": (0.8, 2.6), "invivo": (0.8, 3.0)}  # µm²/ms
PROTOCOLS = {"exvivo": ("exvivo",), "invivo": ("3T", "1.5T")}
DENSE_FRACTIONS = (0.55, 0.60, 0.65, 0.70)
SETS = ("exvivo", "invivo", "exvivo_dense", "invivo_dense")
UNIT = 5e-5  # of the stored signals (16-bit integers): rounding of at most 2.5e-5
ERROR_UNIT = 2e-4  # of the stored standard errors (8-bit)
EXACT_SIZES = np.linspace(8, 40, 33)
EXACT_D0 = np.linspace(0.8, 3.0, 12)
SAMPLE = 50  # every 50th tissue, two percent, is computed again by a test


@cache
def list_tissues(name: str) -> tuple[Tissue, ...]:
    """Tissues of a set: permeability slowest, then fraction, diameter, D_in, D_ex.

    Examples
    --------
    >>> len(list_tissues("exvivo")), len(list_tissues("invivo_dense"))
    (4800, 800)
    """
    base, dense = name.split("_")[0], name.endswith("_dense")
    low, high = DIFFUSIVITIES[base]
    d = np.linspace(low, high, 5 if dense else 10)
    fractions, lattice = (DENSE_FRACTIONS, "fcc") if dense else (FRACTIONS, "cubic")
    levels = (PERMEABILITIES[0], PERMEABILITIES[-1]) if dense else PERMEABILITIES
    grid = product(levels, fractions, SIZES_UM, d, d)
    return tuple(Tissue(s, f, float(i), float(e), k, lattice) for k, f, s, i, e in grid)


@cache
def unique_protocols(name: str) -> tuple[Protocol, ...]:
    """Protocols of a set without repeats (other echo times) and without b = 0: what is stored."""
    out = []
    for key in PROTOCOLS[name.split("_")[0]]:
        full = published_protocols()[key]
        first = merge_repeats(full, with_te=False).first
        out.append(full.select(first[full.b_ms_um2[first] > 0]))
    return tuple(out)


def simulate_tissue(
    number: int, name: str, walkers: int = WALKERS, seed: int = SEED, accuracy: float = STEP_RULE
) -> tuple[Array, Array]:
    """Signals and standard errors of one tissue of a set, the protocols of the set one after the other."""
    dense = name.endswith("_dense")
    own = (seed << 20) + (SETS.index(name) << 16) + number
    got = simulate_signals(
        list_tissues(name)[number],
        unique_protocols(name),
        walkers // 2 if dense else walkers,
        own,
        accuracy=accuracy,
    )
    return np.concatenate([g.signal for g in got]), np.concatenate([g.error for g in got])


def simulate_set(
    name: str,
    walkers: int = WALKERS,
    only: Iterable[int] | None = None,
    jobs: int = 1,
    seed: int = SEED,
    accuracy: float = STEP_RULE,
) -> tuple[Array, Array]:
    """Signals and standard errors of a set, or of some of its tissues, shape (tissues, measurements)."""
    chosen = range(len(list_tissues(name))) if only is None else only
    one = partial(simulate_tissue, name=name, walkers=walkers, seed=seed, accuracy=accuracy)
    pairs = list(parallel_map(one, chosen, jobs))
    return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])


@dataclass(frozen=True)
class Library:
    """Stored signals of one protocol.

    Attributes
    ----------
    tissues : DataFrame
        size, fraction, d_in, d_ex, permeability, lattice; a row per tissue.
    protocol : Protocol
        With its repeats and b = 0.
    signals, errors : ndarray, shape (tissues, m)
        Noise-free signals of all measurements of the protocol, and their standard errors.
    """

    tissues: pd.DataFrame
    protocol: Protocol
    signals: Array
    errors: Array


def tissue_table(tissues: Sequence[Tissue]) -> pd.DataFrame:
    """Tissues as a table."""
    return pd.DataFrame({
        "size": [t.diameter_um for t in tissues], "fraction": [t.fraction for t in tissues],
        "d_in": [t.d_in for t in tissues], "d_ex": [t.d_ex for t in tissues],
        "permeability": [t.permeability_um_s for t in tissues], "lattice": [t.lattice for t in tissues],
    })  # fmt: skip


def read_library(folder: Path, protocol: str, dense: bool = False) -> Library:
    """Read the stored signals of a published protocol ("exvivo", "3T", "1.5T").

    Raises
    ------
    ValueError
        If the file does not have the checksum of the recipe.
    """
    base = "exvivo" if protocol == "exvivo" else "invivo"
    name = f"{base}_dense" if dense else base
    with np.load(_checked(folder, f"signals_{name}.npz")) as stored:
        signals, errors = stored["signals"] * UNIT, stored["errors"] * ERROR_UNIT
    start = 0
    for key, short in zip(PROTOCOLS[base], unique_protocols(name), strict=True):
        if key == protocol:
            break
        start += len(short)
    columns = slice(start, start + len(short))
    full = published_protocols()[protocol]
    expanded = [expand(a[:, columns], short, full, v) for a, v in ((signals, 1.0), (errors, 0.0))]
    return Library(tissue_table(list_tissues(name)), full, *expanded)


def expand(values: Array, short: Protocol, full: Protocol, unweighted: float) -> Array:
    """Repeat the columns of a protocol without repeats for all measurements of the full one."""
    out = np.full((len(values), len(full)), unweighted)
    for i in np.flatnonzero(full.b_ms_um2 > 0):
        shape = full.shapes[full.shape[i]]
        column = [
            j for j in range(len(short))
            if abs(short.b_ms_um2[j] - full.b_ms_um2[i]) < 1e-9 and short.shapes[short.shape[j]] == shape
        ]  # fmt: skip
        out[:, i] = values[:, column[0]]
    return out


def read_exact(folder: Path, protocol: str) -> Array:
    """Exact signals of spheres for a protocol, shape (diameters, diffusivities, measurements)."""
    base = "exvivo" if protocol == "exvivo" else "invivo"
    with np.load(_checked(folder, "exact.npz")) as stored:
        values = stored[protocol] * UNIT
    short = unique_protocols(base)[PROTOCOLS[base].index(protocol)]
    flat = expand(values.reshape(-1, len(short)), short, published_protocols()[protocol], 1.0)
    return flat.reshape(*values.shape[:2], -1)


def exact_table(protocol: Protocol) -> Array:
    """Exact signals on the grid of `EXACT_SIZES` and `EXACT_D0`."""
    return np.array([[exact_signal(s, d, protocol) for d in EXACT_D0] for s in EXACT_SIZES])


def _checked(folder: Path, name: str) -> Path:
    path = folder / name
    stated = json.loads((folder / "library.json").read_text(encoding="utf-8"))["sha256"][name]
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != stated:
        raise ValueError(
            f"{name} must have the checksum of library.json. Given {found[:12]}…, not {stated[:12]}…."
        )
    return path


def write_set(folder: Path, name: str, walkers: int, accuracy: float, jobs: int) -> dict[str, float]:
    """Compute and store a set; the summary that goes into the recipe."""
    begin = time.process_time()
    signals, errors = simulate_set(name, walkers, jobs=jobs, accuracy=accuracy)
    np.savez_compressed(
        folder / f"signals_{name}.npz", signals=np.round(signals / UNIT).astype(np.int16),
        errors=np.clip(np.ceil(errors / ERROR_UNIT), 0, 255).astype(np.uint8),
    )  # fmt: skip
    return {
        "walkers": walkers // 2 if name.endswith("_dense") else walkers, "tissues": len(signals),
        "median standard error": round(float(np.median(errors)), 5),
        "largest standard error": round(float(errors.max()), 5),
        "cpu_s": round(time.process_time() - begin),
    }  # fmt: skip


def write_exact(folder: Path) -> None:
    """Store the exact signals of impermeable spheres; with one BLAS thread (OPENBLAS_NUM_THREADS=1) in two minutes."""
    pairs = [
        (key, p)
        for base, keys in PROTOCOLS.items()
        for key, p in zip(keys, unique_protocols(base), strict=True)
    ]
    tables = {key: np.round(exact_table(p) / UNIT).astype(np.int16) for key, p in pairs}
    np.savez_compressed(folder / "exact.npz", **tables)  # type: ignore[arg-type]


def write_recipe(folder: Path, summaries: dict[str, dict[str, float]], walkers: int, accuracy: float) -> None:
    """Write the recipe with seeds and checksums."""
    files = sorted([*(f"signals_{name}.npz" for name in SETS), "exact.npz"])
    recipe = {
        "recipe": "python -m compendium.cohorts.grussu_library data/derived/grussu2025 --recompute "
        f"--walkers {walkers} --accuracy {accuracy:g}",
        "seed": SEED, "walkers": walkers, "accuracy": accuracy, "unit": UNIT, "error unit": ERROR_UNIT,
        "rounding error": UNIT / 2, "sets": summaries, "sample": f"every {SAMPLE}th tissue of the two large sets",
        "sha256": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
    }  # fmt: skip
    (folder / "library.json").write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Command line: compute the library, or compare the sample with what is stored."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recompute", action="store_true", help="compute and store everything")
    parser.add_argument("--walkers", type=int, default=WALKERS, help="walkers per tissue")
    parser.add_argument("--accuracy", type=float, default=STEP_RULE, help="step length over pore size")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    given = parser.parse_args()
    if not given.recompute:
        for name in SETS[:2]:
            print(name, compare_sample(given.folder, name))
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    summaries = {}
    for name in SETS:
        summaries[name] = write_set(given.folder, name, given.walkers, given.accuracy, given.jobs)
        print(name, summaries[name], flush=True)
    write_exact(given.folder)
    write_recipe(given.folder, summaries, given.walkers, given.accuracy)


def compare_sample(
    folder: Path, name: str, walkers: int | None = None, seed: int = SEED, every: int = SAMPLE
) -> dict[str, float]:
    """Compute every 50th tissue again and compare with the library, in combined standard errors.

    Returns
    -------
    dict
        ``largest`` |difference|, ``largest_z`` and ``rms_z``. With the library's own seed and walkers the
        difference is the rounding of the stored values, on one type of CPU.
    """
    recipe = json.loads((folder / "library.json").read_text(encoding="utf-8"))
    chosen = range(0, len(list_tissues(name)), every)
    signals, errors = simulate_set(
        name, walkers or recipe["walkers"], chosen, seed=seed, accuracy=recipe["accuracy"]
    )
    with np.load(_checked(folder, f"signals_{name}.npz")) as stored:
        old, old_errors = stored["signals"][chosen] * UNIT, stored["errors"][chosen] * ERROR_UNIT
    difference = np.abs(signals - old)
    z = difference / np.hypot(errors, old_errors)
    return {
        "largest": float(difference.max()),
        "largest_z": float(z.max()),
        "rms_z": float(np.sqrt((z**2).mean())),
    }


if __name__ == "__main__":
    main()
