"""Tissue of identical spheres on a lattice, and the time step that a random walk in it needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compendium.base.validation import check_between, check_choice

Array = NDArray[np.float64]

LATTICES = {"cubic": np.pi / 6, "fcc": np.pi / (3 * np.sqrt(2))}
"""Largest volume fraction of spheres by lattice, where they touch: 0.5236 and 0.7405."""
ACCURACY = 0.2
"""Default step length over the radius (or three times the pore's V/S, if smaller): see `largest_step`."""
LONGEST_MS = 0.25  # steps stay short against gradient lobes of a few ms
MOST_CROSSINGS = 0.05  # crossing probability at a membrane up to which its first-order correction is enough


@dataclass(frozen=True)
class Tissue:
    """Identical spheres on a lattice, water inside and outside with equal density, a membrane in between.

    Attributes
    ----------
    diameter_um : float
    fraction : float
        Volume (and water) inside spheres over all.
    d_in, d_ex : float
        Diffusivities in µm²/ms.
    permeability_um_s : float
        κ in µm/s: flux = κ·(difference of concentrations).
    lattice : {"cubic", "fcc"}
        Spheres at the points of a simple cubic or a face-centred cubic lattice.

    Raises
    ------
    ValueError
        For sizes or diffusivities that are not positive, or a fraction beyond touching spheres.

    Examples
    --------
    >>> Tissue(16, 0.6, 2.0, 2.0)
    Traceback (most recent call last):
        ...
    ValueError: Spheres on a cubic lattice fill at most 0.5236 of space. Given fraction 0.6.
    >>> round(Tissue(16, 0.6, 2.0, 2.0, lattice="fcc").spacing_um, 2)
    17.16
    """

    diameter_um: float
    fraction: float
    d_in: float
    d_ex: float
    permeability_um_s: float = 0.0
    lattice: str = "cubic"

    def __post_init__(self) -> None:
        check_choice(self.lattice, list(LATTICES), "lattice")
        for name in ("diameter_um", "d_in", "d_ex"):
            check_between(getattr(self, name), 0, 1e4, name, open_ends=True)
        check_between(self.permeability_um_s, 0, 1e5, "permeability_um_s")
        limit = LATTICES[self.lattice]
        if not 0 < self.fraction <= limit + 5e-4:  # 0.524 may stand for π/6
            raise ValueError(
                f"Spheres on a {self.lattice} lattice fill at most {limit:.4f} of space. "
                f"Given fraction {self.fraction:g}."
            )

    @property
    def radius_um(self) -> float:
        """Radius of a sphere."""
        return self.diameter_um / 2

    @property
    def permeability(self) -> float:
        """κ in µm/ms."""
        return self.permeability_um_s / 1000

    @property
    def spacing_um(self) -> float:
        """Distance of the centres of neighbouring spheres."""
        return float(self.diameter_um * max(LATTICES[self.lattice] / self.fraction, 1.0) ** (1 / 3))

    @property
    def gap_um(self) -> float:
        """Distance of the surfaces of neighbouring spheres."""
        return self.spacing_um - self.diameter_um

    @property
    def exchange_time_ms(self) -> float:
        """Mean residence time inside when the membrane limits exchange: V/(κS) = R/(3κ); infinite at κ = 0.

        Examples
        --------
        >>> round(Tissue(8, 0.4, 2.0, 2.0, permeability_um_s=50).exchange_time_ms, 2)
        26.67
        """
        return self.radius_um / (3 * self.permeability) if self.permeability else float("inf")

    @property
    def cell_half(self) -> float:
        """Half the cell: |x| ≤ this (cubic); |x| + |y| ≤ this for every pair of coordinates (fcc)."""
        return self.spacing_um / (2.0 if self.lattice == "cubic" else 2.0**0.5)


def largest_step(tissue: Tissue, accuracy: float = ACCURACY) -> float:
    """Longest time step (ms) under the accuracy rule.

    A walker's step has the fixed length √(6·D·dt). The rule asks it to be at most `accuracy` times the radius
    inside, and at most `accuracy` times the smaller of the radius and 3·V/S of the pores outside (V/S is R/3
    for a sphere); crossing probabilities stay below 0.05 and steps below 0.25 ms. At the default of 0.2 the
    signals of impermeable spheres differ from the matrix formalism by less than 0.002 (measured, in the tests).

    Examples
    --------
    >>> round(largest_step(Tissue(8, 0.5, 3.0, 3.0)), 4)
    0.0356
    """
    check_between(accuracy, 0, 1, "accuracy", open_ends=True)
    radius = tissue.radius_um
    pore = radius * (1 - tissue.fraction) / tissue.fraction  # 3·V/S outside
    steps = [
        (accuracy * radius) ** 2 / (6 * tissue.d_in),
        (accuracy * min(radius, pore)) ** 2 / (6 * tissue.d_ex),
        LONGEST_MS,
    ]
    if tissue.permeability:
        slow = min(tissue.d_in, tissue.d_ex)
        steps.append(6 * slow * (MOST_CROSSINGS / (4 * tissue.permeability)) ** 2)  # p = 4κ·dt/√(6·D·dt)
    return min(steps)


def crossing_probabilities(tissue: Tissue, dt_ms: Array) -> tuple[Array, Array]:
    """Probability to cross the membrane at a hit, from inside and from outside, for time steps.

    The flux of hits from a side with speed v = √(6·D/dt) is c·v/4, so p = 4κ/v gives the flux κ·c, and
    p_in·v_in = p_ex·v_ex keeps equal concentrations in equilibrium whatever the two diffusivities (detailed
    balance). A net flux raises the hits on one side by half of itself; p is lowered accordingly.

    Examples
    --------
    >>> p_in, p_ex = crossing_probabilities(Tissue(8, 0.5, 1.0, 3.0, 50), np.array([0.02]))
    >>> round(float(p_ex[0] / p_in[0]) ** 2, 6)  # as the diffusivities, inverted
    0.333333
    """
    v_in, v_ex = (np.sqrt(6 * d / dt_ms) for d in (tissue.d_in, tissue.d_ex))
    effective = tissue.permeability / (1 + 2 * tissue.permeability * (1 / v_in + 1 / v_ex))
    return 4 * effective / v_in, 4 * effective / v_ex
