"""Relaxation rates from several echoes of one injection: dual gradient echo, and combined gradient and spin echo.

Both are free of the T1 effect of leaked agent, which scales all echoes alike, and two rates from one injection need no
alignment in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from compendium.perfusion.signals import CLIP_RATIO, Baseline


class CombinedRates(NamedTuple):
    """Changes in R2* and R2 against the baseline, (n, t), 1/s."""

    delta_r2star: NDArray[np.float64]
    delta_r2: NDArray[np.float64]


def dual_echo_rate(
    first: ArrayLike, second: ArrayLike, te_ms: Sequence[float], baseline: Baseline
) -> NDArray[np.float64]:
    """Change in R2* from two gradient echoes: R2*(t) = ln(S1/S2)/(TE2 − TE1).

    Parameters
    ----------
    first, second : (n, t) signals of the two echoes.
    te_ms : (TE1, TE2), ms, rising.
    baseline : volumes before the bolus.

    Returns
    -------
    (n, t) array, 1/s; NaN without signal.

    Raises
    ------
    ValueError : the shapes differ, or the echo times do not rise.

    Examples
    --------
    >>> r = np.array([[20.0, 20, 20, 20, 20, 20, 30, 25, 20, 20]])
    >>> s = [100 * np.exp(-r * te) for te in (0.01, 0.03)]
    >>> dual_echo_rate(*s, (10, 30), Baseline(0, 6))[0, 6:8].round(9)
    array([10.,  5.])
    """
    a, b = _signals([first, second])
    if te_ms[1] <= te_ms[0]:
        raise ValueError(f"Echo times must rise. Given {te_ms[0]:g} and {te_ms[1]:g} ms.")
    rate = (_log(a) - _log(b)) / ((te_ms[1] - te_ms[0]) / 1000)
    return rate - _level(rate, baseline)


def combined_rates(
    echoes: Sequence[ArrayLike], te_ms: Sequence[float], te_spin_ms: float, baseline: Baseline
) -> CombinedRates:
    """Changes in R2* and R2 from a combined gradient- and spin-echo train (SAGE).

    The logarithm of the signal is linear in four unknowns: R2*, R2, the scale S0, and the ratio δ of the scale after the
    refocusing pulse to that before it. With τ = TE_spin: ln S = ln S0 − TE·R2* up to τ/2, and
    ln S = ln S0 − ln δ − τ(R2* − R2) − TE(2R2 − R2*) after it. One pseudo-inverse serves all voxels and volumes.

    Parameters
    ----------
    echoes : signals of four or more echoes, each (n, t).
    te_ms : their echo times, ms; at least two up to half of `te_spin_ms` and two after it.
    te_spin_ms : time of the spin echo, ms.
    baseline : volumes before the bolus.

    Raises
    ------
    ValueError : shapes differ, or the echoes cannot tell the four unknowns apart.

    Source: Schmiedeskamp et al., Magn Reson Med 2012;68:30–40, eqs. 1 and 2.
    """
    signals = _signals(echoes)
    te = np.asarray(te_ms, dtype=float) / 1000
    tau = te_spin_ms / 1000
    early = te <= tau / 2 + 1e-9
    if len(te) != len(signals) or early.sum() < 2 or (~early).sum() < 2:
        raise ValueError(
            "A combined train needs an echo time per echo, two up to half of the spin echo time and two after it. "
            f"Given {int(early.sum())} and {int((~early).sum())} for {len(signals)} echoes."
        )
    design = np.zeros((len(te), 4))
    design[:, 0] = 1
    design[~early, 1] = -1
    design[:, 2] = np.where(early, -te, te - tau)
    design[:, 3] = np.where(early, 0, tau - 2 * te)
    if np.linalg.matrix_rank(design) < 4:
        raise ValueError(
            f"The echo times must tell R2* and R2 apart. Given {', '.join(f'{t:g}' for t in te_ms)} ms."
        )
    inverse = np.linalg.pinv(design)[2:]
    logs = np.stack([_log(s) for s in signals])
    star, spin = np.tensordot(inverse, logs, axes=1)
    return CombinedRates(star - _level(star, baseline), spin - _level(spin, baseline))


def _signals(echoes: Sequence[ArrayLike]) -> list[NDArray[np.float64]]:
    arrays = [np.asarray(e, dtype=np.float64) for e in echoes]
    shapes = {a.shape for a in arrays}
    if len(shapes) > 1 or arrays[0].ndim != 2:
        raise ValueError(
            f"Echoes must share a shape, voxels × volumes. Given {', '.join(map(str, sorted(shapes)))}."
        )
    return arrays


def _log(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    highest = np.nanmax(signal, axis=1, keepdims=True, initial=0.0)
    floor = np.where(highest > 0, CLIP_RATIO * highest, np.nan)
    return np.log(np.maximum(signal, floor))


def _level(rate: NDArray[np.float64], baseline: Baseline) -> NDArray[np.float64]:
    return rate[:, baseline.first : baseline.stop].mean(axis=1, keepdims=True)


def equivalent_signals(
    ge: Sequence[ArrayLike],
    te_ge_ms: Sequence[float],
    se: Sequence[ArrayLike],
    te_se_ms: Sequence[float],
    baseline: Baseline,
    one_injection: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Reduce several echoes to one signal per sequence, with the decay that a single echo at the last TE would show.

    Parameters
    ----------
    ge, se : signals of the echoes of each kind, (n, t).
    te_ge_ms, te_se_ms : their echo times, ms. The last of `te_se_ms` is the spin echo.
    baseline : volumes before the bolus.
    one_injection : True when all echoes belong to one train; two or more of each kind are then solved together.

    Returns
    -------
    (ge, se) signals, 1 at the baseline: e^(−TE·ΔR2*) at the last gradient echo, e^(−TE·ΔR2) at the spin echo. A single
    echo of a kind is returned as it is.

    Raises
    ------
    ValueError : echoes that cannot be combined.
    """
    if one_injection and len(ge) >= 2 and len(se) >= 2:
        rates = combined_rates([*ge, *se], [*te_ge_ms, *te_se_ms], te_se_ms[-1], baseline)
        return np.exp(-te_ge_ms[-1] / 1000 * rates.delta_r2star), np.exp(
            -te_se_ms[-1] / 1000 * rates.delta_r2
        )
    if len(ge) > 2 or len(se) > 1:
        raise ValueError(
            "Echoes of two injections may be one or two gradient echoes and one spin echo. "
            f"Given {len(ge)} and {len(se)}."
        )
    second = np.asarray(se[0], dtype=np.float64)
    if len(ge) == 1:
        return np.asarray(ge[0], dtype=np.float64), second
    rate = dual_echo_rate(ge[0], ge[1], te_ge_ms, baseline)
    return np.exp(-te_ge_ms[-1] / 1000 * rate), second
