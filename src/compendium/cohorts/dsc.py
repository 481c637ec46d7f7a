"""A digital reference object for dual-echo DSC perfusion: voxels whose blood volumes and loops are known.

Agent passes an artery, arterioles, capillaries and venules one after the other; each stage disperses the bolus with its own
transit time. Each compartment of volume fraction ζ, vessel radius R and concentration C adds (randomly oriented cylinders;
δω = γ·B0·Δχ/2, Δχ in SI units)

* ⅔·ζ·δω to R2* (static dephasing: Yablonskiy & Haacke, Magn Reson Med 1994;32:749–763);
* 0.694·ζ·δω^(2/3)·D^(1/3)·R^(−2/3) to R2 (Jensen & Chandra, Magn Reson Med 2000;44:144–156).

Their ratio gives the constant 0.425 of vessel size imaging. One compartment alone has R2* ∝ R2^(3/2): no loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.perfusion.gamma import gamma_variate
from compendium.perfusion.hysteresis import signed_loop_area
from compendium.perfusion.volume import DENSITY_G_ML, KAPPA_H

GYROMAGNETIC_RATIO = 2.675e8
"""Of the proton, rad/s/T."""
STEP_S = 0.02
"""Step of the fine grid on which curves are computed, s."""


@dataclass(frozen=True)
class Physics:
    """What the simulated tissue and scanner are like.

    Attributes
    ----------
    b0_t : field, T.
    chi_per_mm : susceptibility of blood per mM of gadolinium (SI: 0.027e-6 cgs × 4π).
    diffusion_um2_s : diffusivity of water, µm²/s.
    radii_um : of arterioles, capillaries and venules, µm.
    artery_radius_um, artery_fraction : of a pure arterial voxel: the blood fraction that its curve shows.
    transit_s : mean transit time of arterioles, capillaries and venules, s.
    arrival_s, shape, scale_s, peak_mm : the arterial gamma-variate; t0, a, b and its height in mM.
    recirculation : share of the bolus that passes again, spread over a minute.
    r10 : native longitudinal rate, 1/s.
    r1, r2_leaked : relaxivities of leaked agent, 1/s/mM.
    """

    b0_t: float = 3.0
    chi_per_mm: float = 0.34e-6
    diffusion_um2_s: float = 800.0
    radii_um: tuple[float, float, float] = (15.0, 4.0, 15.0)
    artery_radius_um: float = 50.0
    artery_fraction: float = 0.12
    transit_s: tuple[float, float, float] = (0.5, 2.0, 2.0)
    arrival_s: float = 20.0
    shape: float = 3.0
    scale_s: float = 1.5
    peak_mm: float = 5.0
    recirculation: float = 0.0
    r10: float = 0.7
    r1: float = 4.5
    r2_leaked: float = 20.0


class Vessels(NamedTuple):
    """Volume fractions of arterioles, capillaries and venules, and the leakage of a voxel.

    `ktrans` in 1/s (per volume of tissue), `kep` in 1/s.
    """

    arterioles: float
    capillaries: float
    venules: float
    ktrans: float = 0.0
    kep: float = 0.0


CLASSES: dict[str, Vessels] = {
    "white matter": Vessels(0.0040, 0.0075, 0.0075),
    "grey matter": Vessels(0.0080, 0.0150, 0.0150),
    "arteriolar": Vessels(0.0200, 0.0150, 0.0050),
    "balanced": Vessels(0.0080, 0.0150, 0.0150),
    "venular": Vessels(0.0030, 0.0150, 0.0220),
    "tumour": Vessels(0.0050, 0.0250, 0.0300),
    "leaking tumour": Vessels(0.0050, 0.0250, 0.0300, ktrans=0.0015, kep=0.006),
}
"""Vessel classes: dominated by arterioles, with hardly any loop ("balanced"), dominated by venules; and tissues."""


class Truth(NamedTuple):
    """What a voxel's markers are: blood volume (mL/100 g), microvascular blood volume (the same unit) and MTI (s^−2.5)."""

    cbv: float
    ucbv: float
    mti: float


def _grid(stop_s: float) -> NDArray[np.float64]:
    return np.arange(0.0, stop_s + STEP_S / 2, STEP_S)


@lru_cache(maxsize=32)
def concentrations(
    physics: Physics, stop_s: float = 140.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times (s) and concentrations (mM) in artery, arterioles, capillaries and venules, (4, t), on the fine grid."""
    t = _grid(stop_s)
    width = physics.scale_s * np.sqrt(physics.shape)
    artery = gamma_variate(
        t, physics.peak_mm, physics.arrival_s + physics.shape * physics.scale_s, width, physics.shape
    )
    if physics.recirculation:
        later = _disperse(artery, 60.0)
        artery = artery + physics.recirculation * np.interp(t - 12.0, t, later, left=0.0)
    stages = [artery]
    for transit in physics.transit_s:
        stages.append(_disperse(stages[-1], transit))
    return t, np.stack(stages)


def _disperse(curve: NDArray[np.float64], transit_s: float) -> NDArray[np.float64]:
    """Convolve with (1/τ)·e^(−t/τ), exactly for a curve that is linear between its points; keeps the area."""
    x = STEP_S / transit_s
    decay = np.exp(-x)
    new = 1 - (1 - decay) / x
    old = (1 - decay) - new
    out = np.zeros_like(curve)
    for k in range(1, len(curve)):
        out[k] = decay * out[k - 1] + old * curve[k - 1] + new * curve[k]
    return out


def relaxation_changes(
    concentration: ArrayLike, fraction: float, radius_um: float, physics: Physics
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Changes in R2* and R2 (1/s) from one vessel compartment."""
    omega = (
        0.5
        * GYROMAGNETIC_RATIO
        * physics.b0_t
        * physics.chi_per_mm
        * np.asarray(concentration, dtype=np.float64)
    )
    spin = 0.694 * fraction * omega ** (2 / 3) * (physics.diffusion_um2_s / radius_um**2) ** (1 / 3)
    return 2 / 3 * fraction * omega, spin


@lru_cache(maxsize=128)
def voxel_curves(vessels: Vessels, physics: Physics) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ΔR2* and ΔR2 of the vessels of a voxel on the fine grid, without leakage."""
    _, stages = concentrations(physics)
    parts = [
        relaxation_changes(c, f, r, physics)
        for c, f, r in zip(stages[1:], vessels[:3], physics.radii_um, strict=True)
    ]
    return sum(p[0] for p in parts), sum(p[1] for p in parts)  # type: ignore[return-value]


def artery_curves(
    physics: Physics, fraction: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ΔR2* and ΔR2 of an arterial voxel on the fine grid."""
    _, stages = concentrations(physics)
    share = physics.artery_fraction if fraction is None else fraction
    return relaxation_changes(stages[0], share, physics.artery_radius_um, physics)


def true_markers(vessels: Vessels, physics: Physics) -> Truth:
    """Markers of a voxel from its vessels: fine grid, first pass, no noise, arteries of both injections together.

    CBV follows from the volume fractions alone. µCBV and MTI have no meaning beyond their definition: they are what the
    definition gives on the continuous curves.
    """
    first = Physics(**{**physics.__dict__, "recirculation": 0.0})
    ge, se = voxel_curves(Vessels(*vessels[:3]), first)
    artery = artery_curves(first)[1]
    scale = 100 * KAPPA_H / DENSITY_G_ML
    return Truth(
        scale * sum(vessels[:3]),
        scale * first.artery_fraction * se.sum() / artery.sum(),
        float(signed_loop_area(se**1.5, ge)),
    )


def leaked_amount(vessels: Vessels, physics: Physics) -> NDArray[np.float64]:
    """Agent outside the vessels, mM per volume of tissue, on the fine grid (plasma share left out)."""
    t, stages = concentrations(physics)
    decay = np.exp(-vessels.kep * STEP_S)
    out = np.zeros_like(t)
    for k in range(1, len(t)):
        out[k] = decay * out[k - 1] + vessels.ktrans * STEP_S * 0.5 * (stages[2, k] + stages[2, k - 1])
    return out


def signal_ratio(
    vessels: Vessels | None,
    physics: Physics,
    te_ms: float,
    tr_s: float,
    spin: bool,
    arterial: float | None = None,
) -> NDArray[np.float64]:
    """S/S_BL on the fine grid for a flip angle of 90°: T1 saturation times transverse decay.

    `vessels` None with `arterial` gives an arterial voxel of that fraction; both give a partial-volume voxel.
    """
    which = 1 if spin else 0
    rate = np.zeros(len(concentrations(physics)[0]))
    saturation: NDArray[np.float64] | float = 1.0
    if vessels is not None:
        rate = rate + voxel_curves(Vessels(*vessels[:3]), physics)[which]
        if vessels.ktrans:
            leaked = leaked_amount(vessels, physics)
            rate = rate + physics.r2_leaked * leaked
            saturation = np.expm1(-tr_s * (physics.r10 + physics.r1 * leaked)) / np.expm1(-tr_s * physics.r10)
    if arterial is not None:
        rate = rate + artery_curves(physics, arterial)[which]
    return saturation * np.exp(-te_ms / 1000 * rate)


@dataclass(frozen=True)
class Protocol:
    """How the object is scanned: echo times, TR, volumes, SNR before the bolus, and the second injection's lateness.

    `late_se_s` : the bolus of the spin-echo injection arrives so much later in its series than that of the gradient
    echo; the shift that aligns them is its negative.
    """

    te_ge_ms: float = 22.0
    te_se_ms: float = 33.0
    tr_s: float = 1.74
    volumes: int = 60
    snr_ge: float = 100.0
    snr_se: float = 100.0
    late_se_s: float = 0.0


@dataclass(frozen=True)
class ReferenceObject:
    """Simulated voxels and their truth.

    Attributes
    ----------
    ge, se : (n, t) signals.
    label : (n,) names of the classes; "artery" and "partial artery" besides.
    truth : by class.
    protocol, physics : as simulated.
    """

    ge: NDArray[np.float64]
    se: NDArray[np.float64]
    label: NDArray[np.str_]
    truth: dict[str, Truth]
    protocol: Protocol
    physics: Physics
    classes: dict[str, Vessels] = field(default_factory=lambda: dict(CLASSES))


def simulate_object(
    counts: dict[str, int],
    protocol: Protocol = Protocol(),
    physics: Physics = Physics(),
    seed: int = 1,
    classes: dict[str, Vessels] | None = None,
    shift_ge_s: float = 0.0,
) -> ReferenceObject:
    """Simulate voxels of given classes with Rician noise.

    Parameters
    ----------
    counts : voxels by class; "artery" (pure) and "partial artery" (20 to 70 % of it, in grey matter) are known too.
    protocol, physics : see there. An SNR of infinity leaves the noise out.
    seed : of noise and partial volumes.
    classes : vessel classes; by default `CLASSES`.
    shift_ge_s : delay of both boluses, s.

    Raises
    ------
    ValueError : an unknown class.
    """
    known = dict(CLASSES) if classes is None else classes
    for name in counts:
        if name not in known and name not in ("artery", "partial artery"):
            raise ValueError(
                f"A vessel class must be one of {', '.join(known)}, artery, partial artery. Given {name!r}."
            )
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0.2, 0.7, counts.get("partial artery", 0))
    times = protocol.tr_s * np.arange(protocol.volumes, dtype=np.float64)
    series = []
    for spin, late in ((False, 0.0), (True, protocol.late_se_s)):
        te = protocol.te_se_ms if spin else protocol.te_ge_ms
        rows = [
            _sampled(name, k, known, shares, physics, te, protocol.tr_s, spin, times - late - shift_ge_s)
            for name, number in counts.items()
            for k in range(number if name == "partial artery" else 1)
        ]
        repeats = [
            n
            for name, number in counts.items()
            for n in ([1] * number if name == "partial artery" else [number])
        ]
        clean = np.repeat(np.stack(rows), repeats, axis=0)
        series.append(add_noise(clean, protocol.snr_se if spin else protocol.snr_ge, rng))
    label = np.repeat(list(counts), list(counts.values()))
    truth = {name: true_markers(known[name], physics) for name in counts if name in known}
    return ReferenceObject(series[0], series[1], label, truth, protocol, physics, known)


def _sampled(
    name: str, k: int, known: dict[str, Vessels], shares: NDArray[np.float64], physics: Physics,
    te: float, tr: float, spin: bool, times: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Clean signal (1000 before the bolus) of a class at the times of the volumes."""
    fine = concentrations(physics)[0]
    if name == "artery":
        curve = signal_ratio(None, physics, te, tr, spin, physics.artery_fraction)
    elif name == "partial artery":
        curve = signal_ratio(known["grey matter"], physics, te, tr, spin, shares[k] * physics.artery_fraction)
    else:
        curve = signal_ratio(known[name], physics, te, tr, spin)
    return 1000 * np.interp(times, fine, curve, left=1.0)


def add_noise(
    signal: NDArray[np.float64], snr: float, rng: np.random.Generator, level: float = 1000.0
) -> NDArray[np.float64]:
    """Magnitude of a signal with complex Gaussian noise of standard deviation level/SNR (Rician)."""
    if not np.isfinite(snr):
        return signal.copy()
    sigma = level / snr
    real = signal + sigma * rng.standard_normal(signal.shape)
    return np.hypot(real, sigma * rng.standard_normal(signal.shape))
