"""A two-dimensional embedding of three contrasts of simulated voxels, computed once and stored.

    python -m compendium.cohorts.schroers_embedding data/derived/schroers2026

UMAP costs some twenty seconds of compilation and is imported only where it is used; its result is kept as coordinates
with a checksum of what went in.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from compendium.cohorts.schroers_voxels import BULKY, COOLED, scan_cohort

Array = NDArray[np.floating[Any]]
CONTRASTS = ("t2w", "t1", "t1post")
SEED, VOXELS, NEIGHBOURS, LEAST_DISTANCE = 20260317, 1500, 15, 0.1


def embedding_input() -> pd.DataFrame:
    """The simulated voxels that the stored embedding belongs to: four animals, four days, 1500 voxels drawn from them."""
    frame = scan_cohort(BULKY, COOLED, 4, (24, 42, 60, 74), SEED, registration_um=71.6)
    rows = np.sort(np.random.default_rng(SEED).choice(len(frame), VOXELS, replace=False))
    return frame.iloc[rows].reset_index(drop=True)


def embed(
    contrasts: ArrayLike, seed: int, *, neighbours: int = NEIGHBOURS, least_distance: float = LEAST_DISTANCE
) -> Array:
    """Two coordinates per voxel by UMAP (McInnes et al. 2018).

    Parameters
    ----------
    contrasts : array-like, shape (n, k)
        Finite; at least `neighbours` + 2 rows.
    """
    values = np.asarray(contrasts, dtype=float)
    if values.ndim != 2 or len(values) < neighbours + 2 or not np.isfinite(values).all():
        raise ValueError(
            f"contrasts must be finite with at least {neighbours + 2} rows. Given shape {values.shape}."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says that a seed forbids threads
        import umap

        made = umap.UMAP(n_neighbors=neighbours, min_dist=least_distance, random_state=seed, n_epochs=200)
        return np.asarray(made.fit_transform(values), dtype=float)


def checksum(frame: pd.DataFrame) -> str:
    """Of the contrasts to two decimals, so that it is the same on other processors."""
    text = (frame[list(CONTRASTS)].round(2) + 0.0).to_csv(
        index=False, float_format="%.2f", lineterminator="\n"
    )
    return hashlib.sha256(text.encode()).hexdigest()


def write(folder: Path) -> None:
    """Compute the embedding and store it with its recipe."""
    frame = embedding_input()
    folder.mkdir(parents=True, exist_ok=True)
    made = pd.DataFrame(embed(frame[list(CONTRASTS)], SEED), columns=["first", "second"])
    made.to_csv(folder / "embedding.csv", index=False, float_format="%.4f", lineterminator="\n")
    about = {
        "recipe": "python -m compendium.cohorts.schroers_embedding data/derived/schroers2026",
        "seed": SEED, "voxels": VOXELS, "neighbours": NEIGHBOURS, "least distance": LEAST_DISTANCE,
        "umap-learn": version("umap-learn"), "contrasts": list(CONTRASTS), "sha256 of the contrasts": checksum(frame),
        "sha256 of the coordinates": hashlib.sha256((folder / "embedding.csv").read_bytes()).hexdigest(),
    }  # fmt: skip
    (folder / "embedding.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
