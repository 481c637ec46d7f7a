"""The voxels of the DSC reference object laid out as a brain, so that maps can be looked at and files written."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compendium.cohorts.dsc import Physics, Protocol, ReferenceObject, simulate_object

OUTSIDE = ""


class Brain(NamedTuple):
    """A simulated examination.

    Attributes
    ----------
    ge, se : (x, y, z, t) signals; noise alone outside the head.
    label : (x, y, z) names of the classes, "" outside.
    source : the voxels inside, in the order of ``label != ""``.
    """

    ge: NDArray[np.float32]
    se: NDArray[np.float32]
    label: NDArray[np.str_]
    source: ReferenceObject


def brain_layout(shape: tuple[int, int, int]) -> NDArray[np.str_]:
    """Lay classes out: a rim of grey matter, white matter, arteries, and a lesion with arterioles around venules.

    Parameters
    ----------
    shape : voxels along x (left to right), y and z.

    Returns
    -------
    (x, y, z) names; the lesion lies at low x, so that white matter of the other side is normal.

    Raises
    ------
    ValueError : fewer than 24 voxels along x or y.

    Examples
    --------
    >>> sorted(set(brain_layout((32, 32, 1)).ravel().tolist()))[1:4]
    ['arteriolar', 'artery', 'grey matter']
    """
    if min(shape[:2]) < 24:
        raise ValueError(f"A brain needs at least 24 voxels along x and y. Given {shape}.")
    x, y, _ = np.meshgrid(*[(np.arange(n) + 0.5) / n * 2 - 1 for n in shape], indexing="ij")
    head = np.hypot(x / 0.86, y / 0.95)
    label = np.full(shape, OUTSIDE, dtype="<U16")
    label[head < 1] = "grey matter"
    label[head < 0.74] = "white matter"
    lesion = np.hypot(x + 0.36, y - 0.22)
    label[lesion < 0.27] = "arteriolar"
    label[lesion < 0.20] = "venular"
    label[lesion < 0.12] = "leaking tumour"
    for centre in ((0.0, -0.62), (0.45, -0.1), (-0.45, -0.25)):
        distance = np.hypot(x - centre[0], y - centre[1])
        reach = max(1.6 * 2 / min(shape[:2]), 0.03)
        label[(distance < 1.7 * reach) & (head < 1)] = "partial artery"
        label[(distance < reach) & (head < 1)] = "artery"
    return label


def simulate_brain(
    shape: tuple[int, int, int] = (48, 56, 3),
    protocol: Protocol = Protocol(),  # noqa: B008 - frozen
    physics: Physics = Physics(),  # noqa: B008 - frozen
    seed: int = 1,
) -> Brain:
    """Simulate an examination of a brain with a lesion, with Rician noise everywhere.

    Parameters
    ----------
    shape : voxels along x, y and z.
    protocol, physics : see `compendium.cohorts.dsc`.
    seed : of the noise.
    """
    label = brain_layout(shape)
    inside = label != OUTSIDE
    names, counts = np.unique(label[inside], return_counts=True)
    source = simulate_object(
        {str(n): int(c) for n, c in zip(names, counts, strict=True)}, protocol, physics, seed
    )
    order = np.argsort(label[inside], kind="stable")
    rng = np.random.default_rng([seed, 1])
    series = []
    for values, snr in ((source.ge, protocol.snr_ge), (source.se, protocol.snr_se)):
        sigma = 1000 / snr if np.isfinite(snr) else 0.0
        volume = (sigma * rng.rayleigh(1.0, (*shape, protocol.volumes))).astype(np.float32)
        ordered = np.empty_like(values)
        ordered[order] = values
        volume[inside] = ordered
        series.append(volume)
    return Brain(series[0], series[1], label, source)
