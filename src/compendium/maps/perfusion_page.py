"""The page for quality control of perfusion maps: arterial inputs, alignment, example loops, motion, maps."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from compendium.perfusion.gamma import GammaFit, fit_gamma_variates, gamma_variate
from compendium.perfusion.hysteresis import spin_echo_power
from compendium.perfusion.lexicon import describe_map
from compendium.perfusion.markers import Examination
from compendium.perfusion.motion import Motion
from compendium.perfusion.signals import to_relaxation

GE_COLOUR, SE_COLOUR = "#0072b2", "#d55e00"
SHOWN = ("cbv", "ucbv", "mti", "cbf", "mtt", "tmax", "mti_sd", "flags")
STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#22262b}"
    "img{max-width:100%}table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left;"
    "border-bottom:1px solid #e3e6ea}figure{margin:1.5rem 0}figcaption{color:#4b5563}"
)


def write_page(
    path: Path,
    maps: Mapping[str, NDArray[np.float64]],
    mask: NDArray[np.bool_],
    examination: Examination,
    motion: Mapping[str, Motion],
    signals: tuple[NDArray[Any], NDArray[Any]],
    common: Mapping[str, Any],
) -> None:
    """Write the page; everything is inside one file."""
    align = examination.alignment
    band = "" if align.zero == "given" else f" ± {align.sd_s:.2f} s (standard deviation)"
    rows = {
        "Files": ", ".join(f for files in common["Sources"].values() for f in files),
        "Voxels": f"{int(mask.sum()):,}; without a fit: {int(np.isnan(maps['mti']).sum()):,}",
        "Shift of the spin-echo injection": f"{align.shift_s:+.2f} s{band}",
        "Zero of the loop area": align.meaning,
        "Leakage correction": examination.settings.leakage,
        "Deconvolution": examination.settings.deconvolution,
        "Area": examination.settings.area,
    }
    voxels = f"GE {len(examination.ge.artery.voxels)} voxels, SE {len(examination.se.artery.voxels)} voxels."
    drawn = "Hysteresis loops of groups of voxels: mean curves, fitted; arrows show time."
    figures = [
        (_draw_arteries(examination), "Arterial input functions and their first pass.", voxels),
        (
            _draw_alignment(examination),
            "Arterial boluses scaled to one, as measured and shifted.",
            f"Zero: {align.meaning}.",
        ),
        (_draw_loops(maps, examination, signals), drawn, "Clockwise is positive."),
        (
            _draw_maps(maps, mask),
            "The fullest slice of the maps.",
            "Warm MTI: clockwise; cool: counter-clockwise.",
        ),
        (
            _draw_motion(motion),
            "Displacement of the volumes against the baseline.",
            "A check, not a correction.",
        ),
    ]
    notes = "".join(f"<li>{html.escape(n)}</li>" for n in examination.notes) or "<li>none</li>"
    table = "".join(
        f"<tr><th scope='row'>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in rows.items()
    )
    body = "".join(
        f"<figure><img alt='{html.escape(f'{title} {text}', quote=True)}' src='data:image/png;base64,{_encode(figure)}'>"
        f"<figcaption>{html.escape(title)} {html.escape(text)}</figcaption></figure>"
        for figure, title, text in figures
    )
    head = f"<meta charset='utf-8'><title>Perfusion maps</title><style>{STYLE}</style>"
    main = (
        f"<h1>Perfusion maps</h1><table>{table}</table><h2>Notes</h2><ul>{notes}</ul><h2>Figures</h2>{body}"
    )
    page = f"<!doctype html><html lang='en'><head>{head}</head><body><main>{main}</main></body></html>\n"
    path.write_text(page, encoding="utf-8")


def _encode(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode()


def _figure(width: float, height: float, rows: int, columns: int) -> tuple[Figure, NDArray[Any]]:
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, np.atleast_1d(figure.subplots(rows, columns))


def _draw_arteries(examination: Examination) -> Figure:
    figure, axes = _figure(8.5, 2.8, 1, 2)
    for ax, part, name, colour in zip(
        axes,
        (examination.ge, examination.se),
        ("gradient echo", "spin echo"),
        (GE_COLOUR, SE_COLOUR),
        strict=True,
    ):
        ax.plot(examination.times_s, part.artery.curve, ".-", color=colour, lw=1, label="artery")
        ax.plot(examination.times_s, part.mean, color="#6b7280", lw=1, label="mean of the brain")
        ax.axvspan(
            *examination.times_s[[part.baseline.first, part.baseline.stop - 1]], color="#e3e6ea", zorder=0
        )
        ax.axvline(examination.times_s[part.stop - 1], color="#6b7280", lw=0.8, ls=":")
        ax.set(title=name, xlabel="time (s)", ylabel="ΔR2 (1/s)")
        ax.legend(frameon=False, fontsize=8)
    return figure


def _draw_alignment(examination: Examination) -> Figure:
    figure, axes = _figure(8.5, 2.8, 1, 2)
    t, ge, se = examination.times_s, examination.ge.artery.curve, examination.se.artery.curve
    peak = t[int(np.argmax(ge))]
    for ax, shift, title in zip(
        axes, (0.0, examination.alignment.shift_s), ("as measured", "shifted"), strict=True
    ):
        ax.plot(t, ge / ge.max(), ".-", color=GE_COLOUR, lw=1, label="GE")
        ax.plot(t + shift, se / se.max(), ".-", color=SE_COLOUR, lw=1, label="SE")
        ax.set(title=title, xlabel="time (s)", ylabel="share of the peak", xlim=(peak - 12, peak + 16))
        ax.legend(frameon=False, fontsize=8)
    return figure


def _groups(maps: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.intp]]:
    """Voxels with the most positive, the middle and the most negative area in units of its standard deviation."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score = maps["mti"] / maps["mti_sd"]
    order = np.argsort(score, kind="stable")[: int(np.isfinite(score).sum())]
    size = max(min(50, len(order) // 5), 1)
    middle = len(order) // 2
    return {"negative": order[:size], "middle": order[middle : middle + size], "positive": order[-size:]}


def _draw_loops(
    maps: Mapping[str, NDArray[np.float64]],
    examination: Examination,
    signals: tuple[NDArray[Any], NDArray[Any]],
) -> Figure:
    figure, axes = _figure(8.5, 3.0, 1, 3)
    for ax, (name, voxels) in zip(axes, _groups(maps).items(), strict=True):
        ax.set(title=name, xlabel="ΔR2 SE to the 3/2", ylabel="ΔR2* GE (1/s)")
        if not len(voxels):
            continue
        fits = [
            _fit_mean(signal[voxels], part, examination)
            for signal, part in zip(signals, (examination.ge, examination.se), strict=True)
        ]
        t = np.linspace(examination.times_s[0], examination.times_s[-1], 600)
        y, x = _curve(t, fits[0], 0.0), spin_echo_power(_curve(t, fits[1], examination.alignment.shift_s))
        ax.plot(x, y, color="#22262b", lw=1.2)
        for k in (int(np.argmax(y > 0.5 * y.max())), len(y) - 1 - int(np.argmax(y[::-1] > 0.5 * y.max()))):
            ax.annotate("", (x[k + 1], y[k + 1]), (x[k - 1], y[k - 1]), arrowprops={"arrowstyle": "-|>"})
        ax.set_title(f"{name}: mean area {np.nanmean(maps['mti'][voxels]):.1f}", fontsize=9)
    figure.tight_layout()
    return figure


def _fit_mean(signal: NDArray[Any], part: Any, examination: Examination) -> GammaFit:
    relaxation = to_relaxation(
        signal.astype(np.float64).mean(axis=0)[None], part.te_ms, part.baseline, part.dropped
    )
    window = (examination.settings.skip, part.stop)
    return fit_gamma_variates(examination.times_s, relaxation.curves, window, relaxation.used)


def _curve(t: NDArray[np.float64], fit: GammaFit, shift: float) -> NDArray[np.float64]:
    y, peak, log_w, log_a = np.nan_to_num(fit.parameters[0])
    return gamma_variate(t, y, peak + shift, float(np.exp(log_w)), float(np.exp(log_a)))


def _draw_maps(maps: Mapping[str, NDArray[np.float64]], mask: NDArray[np.bool_]) -> Figure:
    figure, axes = _figure(10, 5.4, 2, 4)
    level = int(np.argmax(mask.sum(axis=(0, 1))))
    for ax, name in zip(axes.ravel(), SHOWN, strict=True):
        volume = np.full(mask.shape, np.nan)
        volume[mask] = maps[name]
        values = maps[name][np.isfinite(maps[name])]
        top = float(np.percentile(np.abs(values), 98)) if len(values) else 1.0
        options = (
            {"cmap": "RdBu_r", "vmin": -top, "vmax": top}
            if name == "mti"
            else {"cmap": "viridis", "vmin": 0, "vmax": top}
        )
        shown = ax.imshow(np.rot90(volume[:, :, level]), interpolation="nearest", **options)
        ax.set_axis_off()
        ax.set_title(f"{name} ({describe_map(name).unit})", fontsize=9)
        figure.colorbar(shown, ax=ax, shrink=0.75)
    return figure


def _draw_motion(motion: Mapping[str, Motion]) -> Figure:
    figure, axes = _figure(8.5, 2.2, 1, 1)
    for (name, found), colour in zip(motion.items(), (GE_COLOUR, SE_COLOUR), strict=True):
        axes[0].plot(found.displacement_mm, color=colour, lw=1, label=name.upper())
        axes[0].axhline(found.limit_mm, color="#6b7280", lw=0.8, ls=":")
    axes[0].set(xlabel="volume", ylabel="displacement (mm)")
    axes[0].legend(frameon=False, fontsize=8)
    return figure
