"""What a section shows of spherical cells, simulated from a declared detection rule. No factor is a default.

A random plane cuts large cells more often and most cells off centre. Which of the two wins depends on what the
detector needs to see: any profile, the nucleus, or a profile above some size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_between, check_choice
from compendium.diffusion.histology import volume_weighted_size

Array = NDArray[np.float64]

RULES = ("any profile", "nucleus")


@dataclass(frozen=True)
class DetectionRule:
    """When a detector counts a cut cell.

    Attributes
    ----------
    needs : {"any profile", "nucleus"}
        Whether the nucleus (a concentric sphere) must be cut too.
    nucleus_ratio : float
        Diameter of the nucleus over the cell's; used by ``"nucleus"`` only.
    smallest_um : float
        Profiles below this diameter are not counted.
    thickness_um : float
        Thickness of the section: the largest profile within it is seen.
    """

    needs: str
    nucleus_ratio: float = 0.5
    smallest_um: float = 0.0
    thickness_um: float = 0.0

    def __post_init__(self) -> None:
        check_choice(self.needs, RULES, "needs")
        check_between(self.nucleus_ratio, 0, 1, "nucleus_ratio")
        for name in ("smallest_um", "thickness_um"):
            check_between(getattr(self, name), 0, 1e3, name)


@dataclass(frozen=True)
class SectioningFactor:
    """True over apparent size of a population under a rule.

    Attributes
    ----------
    size, mean_size : float
        Factors for the volume-weighted size (eq. 11) and for the arithmetic mean.
    size_se : float
        Monte Carlo standard error of `size`, from ten batches.
    detected_share : float
        Detected among cut cells.
    rule : DetectionRule
    """

    size: float
    mean_size: float
    size_se: float
    detected_share: float
    rule: DetectionRule


def cut_cells(diameter_um: ArrayLike, rule: DetectionRule, n: int, seed: int = 1) -> tuple[Array, float]:
    """Profile diameters of `n` cut cells that the rule detects, and the detected share of cut cells.

    Parameters
    ----------
    diameter_um : array-like
        Diameters of the cells in space (each stands for equally many).
    n : int
        Cells that are cut; fewer are detected.
    """
    size = np.asarray(diameter_um, dtype=np.float64).ravel()
    if not size.size or not (size > 0).all():
        raise ValueError(f"Diameters must be positive. Given {size.min(initial=0):g}.")
    rng = np.random.default_rng(seed)
    reach = size + rule.thickness_um
    cut = rng.choice(size, size=n, p=reach / reach.sum())
    centre = rng.uniform(-0.5, 0.5, n) * (cut + rule.thickness_um)
    distance = np.maximum(np.abs(centre) - rule.thickness_um / 2, 0.0)  # of the widest plane in the section
    profile = np.sqrt(np.maximum(cut**2 - 4 * distance**2, 0.0))
    seen = (profile >= rule.smallest_um) & (profile > 0)
    if rule.needs == "nucleus":
        seen &= distance < rule.nucleus_ratio * cut / 2
    return profile[seen], float(seen.mean())


def sectioning_factor(
    diameter_um: ArrayLike, rule: DetectionRule, n: int = 200_000, seed: int = 1
) -> SectioningFactor:
    """Factor that turns the apparent size of a section into the true one, for a population and a rule.

    Examples
    --------
    >>> round(sectioning_factor([20.0], DetectionRule("any profile")).size, 2)
    1.08
    >>> round(sectioning_factor([20.0], DetectionRule("any profile")).mean_size, 2)  # 4/π
    1.27
    """
    size = np.asarray(diameter_um, dtype=np.float64).ravel()
    seen, share = cut_cells(size, rule, n, seed)
    if len(seen) < 100:
        raise ValueError(f"The rule must detect at least 100 of the cut cells. Given {len(seen)} of {n}.")
    true = volume_weighted_size(size)
    batches = [true / volume_weighted_size(part) for part in np.array_split(seen, 10)]
    return SectioningFactor(
        true / volume_weighted_size(seen), float(size.mean() / seen.mean()),
        float(np.std(batches, ddof=1) / np.sqrt(10)), share, rule,
    )  # fmt: skip
