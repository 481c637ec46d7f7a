"""The five two-compartment models of Grussu et al. 2025, their parameters and published bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.base.validation import check_choice
from compendium.diffusion.protocols import Protocol
from compendium.diffusion.spheres import restricted_signal

Array = NDArray[np.float64]

SPHERE, SPHERE_EX, SPHERE_EXTD, KURTOSIS, TWO_POOL = range(5)
"""Kinds of signal that the compiled kernels know."""

UNITS = {"L": "µm", "D0": "µm²/ms", "DEinf": "µm²/ms", "beta": "µm²", "F": "1", "S0": "signal"}
FAST_BOUND = 1.75
"""Lower bound of D_E∞ (µm²/ms) that keeps ADC_E above ADC_I for any cell; the largest ADC_I is 1.745."""

PUBLISHED_BOUNDS: dict[str, dict[str, tuple[float, float]]] = {
    "exvivo": {"L": (8, 40), "D0": (0.8, 2.6), "DEinf": (0.8, 2.6), "beta": (0, 10), "F": (0, 1)},
    "invivo": {"L": (8, 40), "D0": (0.8, 3.0), "DEinf": (0.8, 3.0), "beta": (0, 10), "F": (0, 1)},
}
"""Bounds printed in Methods; the bound of S0 is the public fitter's (`PUBLISHED_S0`)."""
PUBLISHED_S0 = {"two": (0.6, 1.4), "one": (0.01, 1.4)}
"""S0 over the largest measured signal, for models with two compartments and with one."""


@dataclass(frozen=True)
class Model:
    """A signal model.

    Attributes
    ----------
    name : str
    parameters : tuple of str
        In the order of every parameter array: L, D0[, DEinf[, beta]][, F], S0.
    kind : int
        Signal of the compiled kernels.
    fast : bool
        Whether D_E∞ starts at `FAST_BOUND`.
    """

    name: str
    parameters: tuple[str, ...]
    kind: int
    fast: bool = False

    @property
    def has_extra(self) -> bool:
        """Whether there is an extra-cellular compartment."""
        return self.kind != SPHERE


_EX = ("L", "D0", "DEinf", "F", "S0")
_TD = ("L", "D0", "DEinf", "beta", "F", "S0")
MODELS = {
    m.name: m
    for m in (
        Model("Diff-in", ("L", "D0", "S0"), SPHERE),
        Model("Diff-in-ex", _EX, SPHERE_EX),
        Model("Diff-in-exFast", _EX, SPHERE_EX, fast=True),
        Model("Diff-in-exTD", _TD, SPHERE_EXTD),
        Model("Diff-in-exTDFast", _TD, SPHERE_EXTD, fast=True),
    )
}


def find_model(name: str) -> Model:
    """Model by name; case and hyphens make no difference.

    Examples
    --------
    >>> find_model("diff-in-extd").parameters
    ('L', 'D0', 'DEinf', 'beta', 'F', 'S0')
    >>> find_model("Diff-in-exTDFast").fast
    True
    """
    plain = {key.replace("-", "").casefold(): key for key in MODELS}
    key = plain.get(name.replace("-", "").casefold())
    if key is None:
        check_choice(name, list(MODELS), "model")
    return MODELS[str(key)]


def model_bounds(
    model: Model,
    preset: str = "invivo",
    s0: tuple[float, float] | None = None,
    change: Mapping[str, tuple[float, float]] | None = None,
) -> Array:
    """Lower and upper bounds, shape (p, 2), in the order of the model's parameters.

    Parameters
    ----------
    preset : {"exvivo", "invivo"}
        `PUBLISHED_BOUNDS`.
    s0 : tuple of float, optional
        Bounds of S0 over the voxel's largest signal; by default the public fitter's.
    change : mapping, optional
        Other bounds by parameter.

    Examples
    --------
    >>> model_bounds(find_model("Diff-in-exFast"), "exvivo")[2]
    array([1.75, 2.6 ])
    """
    check_choice(preset, list(PUBLISHED_BOUNDS), "preset")
    known: dict[str, tuple[float, float]] = {**PUBLISHED_BOUNDS[preset]}
    if model.fast:
        known["DEinf"] = (FAST_BOUND, known["DEinf"][1])
    known["S0"] = s0 or PUBLISHED_S0["two" if model.has_extra else "one"]
    for name, pair in (change or {}).items():
        check_choice(name, model.parameters, "bounds")
        known[name] = pair
    out = np.array([known[name] for name in model.parameters], dtype=np.float64)
    for name, (low, high) in zip(model.parameters, out, strict=True):
        if not (np.isfinite([low, high]).all() and 0 <= low < high):
            raise ValueError(f"Bounds of {name} must be 0 ≤ lower < upper. Given {low:g} and {high:g}.")
        if name in ("L", "D0") and low <= 0:
            raise ValueError(f"The lower bound of {name} must be above 0. Given {low:g}.")
    return out


def wide_s0(b_ms_um2: ArrayLike, model: Model, highest_adc: float = 3.0) -> tuple[float, float]:
    """Bounds of S0 over the largest signal that no tissue exceeds: 1.4·exp(b_min·ADC_max) from above.

    With b > 900 s/mm² only, the published bound of 1.4 forbids most signals their true S0.

    Examples
    --------
    >>> wide_s0([1.0, 2.0], find_model("Diff-in"))
    (0.01, 28.12)
    """
    lowest = float(np.min(b_ms_um2))
    low = 0.01 if lowest > 0 or not model.has_extra else 0.6
    return (low, round(1.4 * float(np.exp(lowest * highest_adc)), 2))


def hindered_signal(de_inf: ArrayLike, beta: ArrayLike, protocol: Protocol) -> Array:
    """Extra-cellular signal exp(−b(D_E∞ + β/Δ)) (eqs. 5 and 6), shape (..., m)."""
    de, extra = np.asarray(de_inf)[..., None], np.asarray(beta)[..., None]
    return np.exp(-protocol.b_ms_um2 * (de + extra / protocol.time_ms))


def predict(model: Model, parameters: ArrayLike, protocol: Protocol) -> Array:
    """Signal of a model (eqs. 2, 3, 5–7 with equal relaxation, removed), shape (..., m).

    Parameters
    ----------
    parameters : array-like, shape (..., p)
        In the order of ``model.parameters``; DEinf and β in µm²/ms and µm².

    Examples
    --------
    >>> from compendium.diffusion.protocols import pgse_protocol
    >>> predict(find_model("Diff-in-ex"), [16, 2, 2.5, 0.7, 1.0], pgse_protocol([0, 1.5], 20, 30)).round(3)
    array([1.   , 0.491])
    """
    values = np.asarray(parameters, dtype=np.float64)
    if values.shape[-1] != len(model.parameters):
        raise ValueError(
            f"{model.name} has parameters {', '.join(model.parameters)}. Given {values.shape[-1]} values."
        )
    p = {name: values[..., i] for i, name in enumerate(model.parameters)}
    inside = restricted_signal(p["L"], p["D0"], protocol)
    if not model.has_extra:
        return p["S0"][..., None] * inside
    outside = hindered_signal(p["DEinf"], p.get("beta", np.zeros_like(p["L"])), protocol)
    fraction = p["F"][..., None]
    return p["S0"][..., None] * (fraction * inside + (1 - fraction) * outside)
