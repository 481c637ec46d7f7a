# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   compendium:
#     methods:
#       estimand: "bias and scatter of perfusion markers, and the share of regions whose sign of the hysteresis is right, against the truth of a reference object"
#       unit: "the simulated voxel, region or examination, as each figure says"
#       analysis: "two injections turned into concentration, arterial input chosen automatically, leakage correction, deconvolution, one alignment in time per examination with its uncertainty"
#       missing: "voxels whose fit does not hold are flagged, counted and left out of the maps"
#       reporting: "method validation on simulated data; no item of STARD or TRIPOD is answered by it"
# ---

# %% [markdown]
# # How do two perfusion signals become markers, and when does the sign hold?
#
# ## The question
#
# A contrast agent darkens the image while it passes through the brain. From two such passages, one seen with a gradient
# echo and one with a spin echo, three maps are computed: blood volume of all vessels (CBV), blood volume of the smallest
# ones (µCBV), and a number whose *sign* tells feeding vessels from draining ones (MTI). How exact are they, and how
# often is the sign right?

# %% tags=["parameters"]
seed: int = 1  # seed of every simulation
voxels: int = 800  # simulated voxels of each vessel class
tr_s: float = 1.74  # repetition time, s
te_ge_ms: float = 22.0  # echo time of the gradient echo, ms
te_se_ms: float = 33.0  # echo time of the spin echo, ms
volumes: int = 60  # volumes of each series
snr_ge: float = 100.0  # signal to noise before the bolus, gradient echo
snr_se: float = 60.0  # the same, spin echo
late_se_s: float = 0.6  # how much later the second bolus arrives in its series, s; the analysis must find it
snr_levels: str = "30, 50, 100, 200"  # levels at which recovery is tested, both sequences alike
sizes: str = "1, 10, 100"  # voxels of a region whose sign is asked
examinations: int = 40  # simulated examinations for the error of the alignment
leakage: str = "unidirectional"  # correction in use: none, unidirectional, bidirectional

# %% tags=["hide-input"]
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml

from compendium import paths
from compendium.cohorts.dsc import CLASSES, Physics, Protocol, concentrations, true_markers, voxel_curves
from compendium.cohorts.dsc_brain import simulate_brain
from compendium.cohorts.dsc_study import (
    examination_errors, recover_markers, sign_accuracy, summarise_recovery, timing_bias, turning_point,
)
from compendium.perfusion.markers import Settings, estimate_markers, prepare_examination
from compendium.perfusion.regions import examination_row
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, GREEN, GREY, GRID, INK, ORANGE, PURPLE, RED

chapter = open_chapter("stadlbauer2025/04_signals_to_markers")
protocol = Protocol(te_ge_ms, te_se_ms, tr_s, volumes, snr_ge, snr_se, late_se_s)
physics = Physics()
MTI_UNIT = "s^−2.5"
SHOWN = ("arteriolar", "balanced", "venular")
COLOUR = {"arteriolar": RED, "balanced": GREEN, "venular": BLUE, "white matter": GREY, "tumour": PURPLE}
COUNTS = dict.fromkeys(("white matter", "grey matter", *SHOWN, "tumour", "leaking tumour"), voxels)
levels = [float(v) for v in snr_levels.split(",")]
region_sizes = [int(v) for v in sizes.split(",")]


def number(name, value, unit="1", about="", root=None):
    """Record a number of a simulation."""
    return chapter.derive(name, lambda v: value if root is not None else v, root or chapter.simulated(name, value),
                          unit=unit, about=about, probe=False, precision="resampled")


def median_of(frame, marker, column, **where):
    """Median of a column over the classes that do not leak, or the value of one class."""
    rows = frame[(frame["marker"] == marker) & (frame["class"] != "leaking tumour")]
    for key, value in where.items():
        rows = frame[(frame["marker"] == marker) & (frame[key.replace("_", "")] == value)]
    return float(rows[column].median())


# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Stadlbauer and colleagues {cite}`stadlbauer2025` inject twice and measure 60 volumes each time, first with a spin echo
# (TR 1740 ms, TE 33 ms), then with a gradient echo (TR 1740 ms, TE 22 ms). The first injection serves as preload for
# the second (Methods, MRI Data Acquisition). Arterial inputs are found automatically for each sequence; first passes
# are fitted with a gamma-variate; ΔR2 of the gradient echo is drawn over the 3/2 power of ΔR2 of the spin echo; MTI is
# the area of that loop, clockwise positive (Methods, MRI Data Analysis). The processing is custom Matlab software.
#
# Its Discussion names what was left open: the spin echo has the lower SNR, and how noise affects the markers
# "was not considered in this study".
#
# ## What can be tested
#
# Not one of the paper's numbers: its signals and maps are not public. The *method* can be tested, on simulated tissue
# whose markers are known: evidence `simulated`. Predictions were written down before this chapter was first run (file
# `data/predictions/stadlbauer2025-04.yaml`); some had been glimpsed while the package was written, and say so. They
# stand beside the outcome below.

# %% [markdown]
# ## The idea
#
# The gradient echo sees all vessels alike; the spin echo sees small ones best. In voxels with many arterioles the
# gradient-echo change comes first, with many venules last. Plotted against each other over time,
#
# $$ x=\Delta R_{2,\mathrm{SE}}^{3/2},\qquad y=\Delta R_{2,\mathrm{GE}}^{*},\qquad \mathrm{MTI}=\oint y\,\mathrm{d}x, $$
#
# the two open a loop: clockwise and positive for arterioles, counter-clockwise and negative for venules. With one kind of
# vessel alone, $y$ is proportional to $x$ and there is no loop. The figure shows the loops of the reference object
# without noise: agent passes artery, arterioles, capillaries and venules in turn; randomly oriented cylinders relax the
# signal.

# %% tags=["hide-input"]
times = concentrations(physics)[0]
early = (times > 18) & (times < 45)
fig, axes = plt.subplots(1, 3, figsize=(7.6, 2.9))
rows = []
for ax, name in zip(axes, SHOWN, strict=True):
    ge, se = voxel_curves(CLASSES[name], physics)
    x, y = se[early] ** 1.5, ge[early]
    ax.plot(x, y, color=COLOUR[name])
    rise = int(np.argmax(y > 0.6 * y.max()))
    ax.annotate("", (x[rise + 15], y[rise + 15]), (x[rise - 15], y[rise - 15]), arrowprops={"arrowstyle": "-|>", "color": INK})
    ax.set(title=f"{name}: {true_markers(CLASSES[name], physics).mti:+.1f}", xlabel="ΔR2 SE to the 3/2")
    rows.append(pd.DataFrame({"class": name, "time_s": times[early][::5], "x": x[::5], "y": y[::5]}))
    number(f"truth.{name}", true_markers(CLASSES[name], physics).mti, "s^-2.5", "loop area on continuous curves")
axes[0].set_ylabel("ΔR2* GE (1/s)")
fig.tight_layout()
chapter.figure(fig, "fig-loops", pd.concat(rows), watermark="simulated", caption="Hysteresis loops of three vessel classes with their areas, "
               "without noise. Arrows: direction of time on the rise.",
               alt="Three closed loops. Areas: arteriole-dominated {truth.arteriolar:+.1f}, balanced {truth.balanced:+.1f}, venule-dominated "
                   "{truth.venular:+.1f}.")

# %% [markdown]
# ## The analysis
#
# ### Are the markers recovered?
#
# Each voxel of the object passes through the same steps as a user's image: baseline, arterial inputs, shift between the
# injections, leakage correction, fit, area. The truth of CBV follows from the vessels' volumes. µCBV and MTI have no
# meaning beyond their definition; their truth is what the definition gives on the continuous curves.

# %%
found = recover_markers(COUNTS, protocol, physics, seed, leakage=leakage)
recovery = chapter.simulated("recovery", summarise_recovery(found))
number("alignment.shift", found.examination.alignment.shift_s, "s", "added to the times of the spin-echo injection")
number("alignment.sd", found.examination.alignment.sd_s, "s", "its stated standard deviation")
number("alignment.error", found.examination.alignment.shift_s + late_se_s, "s", "against the simulated lateness")
for key, marker in (("cbv", "cbv"), ("ucbv", "ucbv")):
    chapter.derive(f"recovery.{key}_error", median_of, recovery, unit="%", marker=marker, column="error", probe=False,
                   precision="resampled")

# %% tags=["hide-input"]
table = recovery.value.rename(columns={"bias": "bias (%)", "error": "median error (%)", "sd": "SD", "stated_sd": "stated SD"})
table.loc[table["marker"] == "mti", ["bias (%)", "median error (%)"]] = np.nan  # its truth is near zero in some classes
chapter.table(table.drop(columns=["mean", "missing"]), "tab-recovery",
              "Markers of single voxels with the protocol of this chapter. Bias: of the median. Median error: half of the "
              "voxels lie closer to the truth. CBV and µCBV in mL per hundred grams, MTI in {unit}.", unit=MTI_UNIT,
              formats={"true": ".2f", "median": ".2f", "bias (%)": "+.1f", "median error (%)": ".1f", "SD": ".2f",
                       "stated SD": ".2f"})

# %% tags=["hide-input"]
arteriolar = recovery.value.query("marker == 'mti' and `class` == 'arteriolar'").iloc[0]
chapter.say("The shift was found as {alignment.shift:+.2f} s with a stated standard deviation of {alignment.sd:.2f} s; its "
            "error is {alignment.error:+.2f} s. Half of the voxels that do not leak have CBV within {recovery.cbv_error:.1f} % and "
            "µCBV within {recovery.ucbv_error:.1f} %. The scatter of MTI in one arteriole-dominated voxel is "
            "{scatter:.1f} times its true value. The absolute scale rests on the arterial fraction, which is known here and never in a patient.",
            scatter=arteriolar["sd"] / abs(arteriolar["true"]))

# %% tags=["hide-input"]
by_snr = []
for level in levels:
    one = summarise_recovery(recover_markers(COUNTS, replace(protocol, snr_ge=level, snr_se=level), physics, seed,
                                             leakage=leakage, aligned=False))
    by_snr.append(one.assign(snr=level))
    number(f"recovery.snr{level:g}.cbv_error", median_of(one, "cbv", "error"), "%")
    number(f"recovery.snr{level:g}.cbv_bias", median_of(one, "cbv", "bias"), "%")
    number(f"recovery.snr{level:g}.ucbv_error", median_of(one, "ucbv", "error"), "%")
    rows = one[(one["class"] == "arteriolar") & (one["marker"] == "mti")]
    number(f"recovery.snr{level:g}.mti_ratio", float((rows["median"] / rows["true"]).iloc[0]))
by_snr = pd.concat(by_snr, ignore_index=True)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.1))
for marker, text, colour in (("cbv", "CBV", BLUE), ("ucbv", "µCBV", ORANGE)):
    values = [median_of(by_snr[by_snr["snr"] == level], marker, "error") for level in levels]
    axes[0].plot(levels, values, "o-", color=colour, label=text)
axes[0].set(xscale="log", xlabel="SNR of both sequences", ylabel="median error (%)", ylim=(0, None))
axes[0].legend()
for name in ("arteriolar", "venular"):
    rows = by_snr[(by_snr["class"] == name) & (by_snr["marker"] == "mti")]
    axes[1].errorbar(rows["snr"], rows["median"], rows["sd"], marker="o", color=COLOUR[name], capsize=3, label=name)
    axes[1].axhline(rows["true"].iloc[0], color=COLOUR[name], lw=1, ls=(0, (4, 3)))
axes[1].set(xscale="log", xlabel="SNR of both sequences", ylabel="MTI (s$^{-2.5}$)")
axes[1].legend()
for ax in axes:
    ax.set_xticks(levels, [f"{v:g}" for v in levels])
    ax.minorticks_off()
fig.tight_layout()
chapter.figure(fig, "fig-recovery", by_snr, watermark="simulated", caption="Recovery over SNR, shift known. Left: median error of blood volumes over the "
               "classes that do not leak. Right: median and standard deviation of MTI of single voxels; dashed: truth.",
               alt="Left: median errors of CBV and µCBV over SNR, CBV from {a:.1f} to {b:.1f} percent. Right: MTI of two vessel classes with "
                   "bars of one standard deviation, and dashed lines at the truth.",
               a=chapter[f"recovery.snr{levels[0]:g}.cbv_error"].value, b=chapter[f"recovery.snr{levels[-1]:g}.cbv_error"].value)

# %% tags=["hide-input"]
low = f"recovery.snr{levels[0]:g}"
chapter.say(f"At the lowest SNR, {{level:g}}, CBV is off by {{{low}.cbv_bias:+.1f}} % in the median and half of the voxels lie within "
            f"{{{low}.cbv_error:.1f}} %; µCBV within {{{low}.ucbv_error:.1f}} %. The median MTI of arteriole-dominated voxels is "
            f"{{{low}.mti_ratio:.2f}} of the truth there.", level=levels[0])

# %% [markdown]
# ### What a timing error does
#
# The two passages come from two injections. How they are laid over each other in time decides the loop: an error shared by
# a whole examination, which no averaging removes.

# %%
errors = np.round(np.arange(-1.2, 1.21, 0.05), 2)
bias = timing_bias(("white matter", "tumour", *SHOWN), protocol, physics, errors)
for name in ("tumour", *SHOWN):
    number(f"timing.{name}.turns_at", turning_point(bias, name), "s", "timing error at which the loop turns round")
spread = examination_errors({"white matter": 300, "grey matter": 200, "arteriolar": 60, "tumour": 60}, protocol, physics,
                            examinations, seed)
number("timing.alignment_sd", float(spread["error_s"].std()), "s", "of the estimated shift over simulated examinations")
number("timing.alignment_bias", float(spread["error_s"].mean()), "s")
_ = number("timing.stated_over_true", float(spread["stated_sd_s"].mean() / spread["error_s"].std()))

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.6, 3.4))
half = 2 * chapter["timing.alignment_sd"].value
ax.axvspan(-half, half, color=GRID, zorder=0)
ax.axhline(0, color=INK, lw=0.8)
for name in ("tumour", *SHOWN):
    rows = bias[bias["class"] == name]
    ax.plot(rows["error_s"], rows["mti"], color=COLOUR[name], label=name)
    ax.plot(0, rows["true"].iloc[0], "o", color=COLOUR[name], ms=5)
ax.set(xlabel="spin-echo curve laid too late by (s)", ylabel="MTI (s$^{-2.5}$)", xlim=(errors[0], errors[-1]))
ax.legend()
chapter.figure(fig, "fig-timing", bias, watermark="simulated", caption="MTI without noise over the error of the shift. Dots: truth. Grey: two standard "
               "deviations of the alignment to either side.",
               alt="A curve per class, each crossing zero at its own error: arteriole-dominated at {timing.arteriolar.turns_at:+.2f} s, "
                   "balanced at {timing.balanced.turns_at:+.2f} s, venule-dominated at {timing.venular.turns_at:+.2f} s.")

# %% tags=["hide-input"]
chapter.say("Arteriole-dominated loops turn round when the spin echo is laid {timing.arteriolar.turns_at:+.2f} s off, venule-dominated ones at "
            "{timing.venular.turns_at:+.2f} s; TR is {tr:.2f} s. "
            "Aligning the arteries of both sequences leaves an error with standard deviation {timing.alignment_sd:.2f} s "
            "(mean {timing.alignment_bias:+.3f} s) over {n} simulated examinations; the stated one is {timing.stated_over_true:.2f} times as large.",
            tr=tr_s, n=examinations)

# %% [markdown]
# ### Which voxels are arteries?
#
# Each sequence needs its arterial input, and the search finds it among all voxels. In the spin echo large vessels are faint:
# a voxel of tissue with a piece of artery can look more arterial than an artery.

# %% tags=["hide-input"]
best = replace(protocol, snr_ge=max(levels), snr_se=max(levels))
finest = examination_errors({"white matter": 300, "grey matter": 200}, best, physics, max(examinations // 4, 2), seed)
for prefix, errors_of in (("arteries", spread), ("arteries.finest", finest)):
    for key in ("pure_ge", "pure_se"):
        number(f"{prefix}.{key}", 100 * float(errors_of[key].mean()), "%", "chosen voxels that are pure arteries, mean over examinations")
    for key in ("area_own", "area_ge"):
        number(f"{prefix}.{key}.low", float(errors_of[key].min()), about="area of the spin-echo input over the true one, least")
        number(f"{prefix}.{key}.high", float(errors_of[key].max()), about="area of the spin-echo input over the true one, most")
chapter.say("Of the voxels chosen in the gradient echo {arteries.pure_ge:.0f} % are pure arteries, of those chosen in the spin echo "
            "{arteries.pure_se:.0f} %; at the highest SNR, {top:g}, {arteries.finest.pure_ge:.0f} and {arteries.finest.pure_se:.0f} %. "
            "µCBV is inversely proportional to the area of the spin-echo input. With voxels chosen in the spin echo that area is "
            "{arteries.area_own.low:.2f} to {arteries.area_own.high:.2f} of the true one over {n} examinations, and "
            "{arteries.finest.area_own.low:.2f} to {arteries.finest.area_own.high:.2f} at the highest SNR; with those of the gradient echo "
            "{arteries.area_ge.low:.2f} to {arteries.area_ge.high:.2f} and {arteries.finest.area_ge.low:.2f} to "
            "{arteries.finest.area_ge.high:.2f}. This chapter uses the latter (setting `se_arteries`). Ratios to white matter of the same "
            "examination are free of the choice.", n=examinations, top=max(levels))

# %% [markdown]
# ### What is the zero?
#
# The zero is a choice. Aligning *arteries* compares a voxel with its arteries. Aligning the *mean of the brain* compares it with
# the mean of the brain, and aligning each voxel would leave no loop at all. A third way takes the loop of a reference
# region as zero.

# %% tags=["hide-input"]
zeros, means = [], {}
for zero in ("arterial", "tissue", "reference"):
    one = recover_markers(COUNTS, protocol, physics, seed, zero=zero, leakage=leakage)
    tissue = np.isin(one.source.label, list(COUNTS))
    means[zero] = float(np.nanmean(one.maps["mti"][tissue]))
    middle = {name: float(np.nanmedian(one.maps["mti"][one.source.label == name])) for name in ("white matter", *SHOWN)}
    align = one.examination.alignment
    zeros.append({"zero": zero, "shift (s)": align.shift_s, "SD (s)": align.sd_s, "mean of all tissue": means[zero], **middle})
number("zero.tissue_over_arterial", abs(means["tissue"] / means["arterial"]), about="mean loop area of all tissue, absolute")
number("zero.largest_shift", float(np.ptp([z["shift (s)"] for z in zeros])), "s", "between the three zeros")
chapter.table(pd.DataFrame(zeros), "tab-zero", "The shift that each zero implies, and the median MTI ({unit}) that follows.", unit=MTI_UNIT,
              formats={"shift (s)": "+.2f", "SD (s)": ".3f", "mean of all tissue": "+.2f", "white matter": "+.2f"} | dict.fromkeys(SHOWN, "+.2f"))

# %% tags=["hide-input"]
chapter.say("The three zeros lie up to {zero.largest_shift:.2f} s apart. The mean loop area of all tissue is {zero.tissue_over_arterial:.2f} "
            "times as large with the brain's mean aligned as with arteries aligned.")

# %% [markdown]
# ### When is the sign right?
#
# A region's mean has the right sign with the probability $\Phi(|\mathrm{MTI}|/\mathrm{SD})$ if its error is normal. The figure puts that
# law beside what happens, for regions of several sizes, with the shift known and with the shift estimated.

# %%
known = recover_markers(COUNTS, protocol, physics, seed, aligned=False, leakage="none")
sd_shift = chapter["timing.alignment_sd"].value
ideal = sign_accuracy(known, region_sizes, 4000, seed).assign(shift="known")
aligned = sign_accuracy(known, region_sizes, 4000, seed, sd_shift).assign(shift="estimated")
signs = pd.concat([ideal, aligned], ignore_index=True)
signs = signs[~signs["class"].isin(["leaking tumour", "grey matter", "white matter"])]

# %% tags=["hide-input"]
for row in signs[signs["class"].isin(("arteriolar", "venular", "tumour"))].itertuples():
    number(f"sign.{row[1]}.{row.voxels}" + (".aligned" if row.shift == "estimated" else ""), row.right, about="share of right signs")
loops = signs[signs["class"] != "balanced"]
number("sign.largest_deviation", float((loops["right"] - loops["expected"]).abs().max()), about="from the normal law")
fig, ax = plt.subplots(figsize=(6.6, 3.4))
law = np.linspace(0, 4, 100)
from scipy.stats import norm

ax.plot(law, 100 * norm.cdf(law), color=GREY, lw=1.2, label="normal law")
for (size, shift), rows in signs.groupby(["voxels", "shift"]):
    colour = (BLUE, ORANGE, GREEN, PURPLE, RED)[region_sizes.index(size) % 5]
    ax.plot(rows["ratio"].clip(upper=4), 100 * rows["right"], "o" if shift == "known" else "s", color=colour,
            mfc=colour if shift == "known" else "none", ls="none", label=f"{size} {'voxel' if size == 1 else 'voxels'}, shift {shift}")
ax.set(xlabel="|true MTI| / SD of the region's mean (at most four shown)", ylabel="right signs (%)", ylim=(45, 101))
ax.legend(fontsize=8)
chapter.figure(fig, "fig-sign", signs, watermark="simulated", caption="Share of regions whose mean MTI has the right sign, over the true MTI in standard deviations. A point "
               "is a vessel class; filled: shift known, open: with the error of the alignment.",
               alt="Points around a curve that rises from a half towards one as the ratio grows: filled circles with the shift known, open squares "
                   "with it estimated. The largest deviation from the curve is {sign.largest_deviation:.2f}.")

# %% tags=["hide-input"]
wide = signs.assign(column=signs["voxels"].astype(str) + " voxels, " + signs["shift"])
wide = wide.pivot_table(index=["class", "true"], columns="column", values="right", sort=False).reset_index()
shares = [c for c in wide.columns if "voxels" in c]
chapter.table(wide.assign(**{c: 100 * wide[c] for c in shares}), "tab-sign", "Regions with the right sign (%), by their size and by "
              "whether the shift is known.", formats={"true": "+.1f"} | dict.fromkeys(shares, ".1f"))

# %% tags=["hide-input"]
words = {f"{key}_{name}": 100 * chapter[f"sign.{name}.{size}{end}"].value for name in ("arteriolar", "venular")
         for key, size, end in (("one", region_sizes[0], ""), ("many", region_sizes[-1], ""), ("aligned", region_sizes[-1], ".aligned"))}
chapter.say("With {small} voxels per region the sign is right in {one_arteriolar:.1f} % of arteriole-dominated and {one_venular:.1f} % of "
            "venule-dominated regions, with {large} in {many_arteriolar:.1f} and {many_venular:.1f} %. The error of the alignment "
            "does not average out: with it the large regions are right in {aligned_arteriolar:.1f} and {aligned_venular:.1f} %.",
            small=region_sizes[0], large=region_sizes[-1], **words)

# %% [markdown]
# ### Leakage
#
# Where agent leaves the vessels, shorter T1 raises the signal and hides blood volume. Two corrections exist; both compare a
# voxel with the mean of tissue that does not leak.

# %% tags=["hide-input"]
rows = []
for model in ("none", "unidirectional", "bidirectional"):
    full = summarise_recovery(recover_markers(COUNTS, protocol, physics, seed, aligned=False, leakage=model)).set_index(["class", "marker"])
    one = full["bias"]
    number(f"leakage.{model}.mti", float(full.loc[("leaking tumour", "mti"), "median"]), "s^-2.5", "median of the tumour that leaks")
    number(f"leakage.{model}.cbv_bias", float(one["leaking tumour", "cbv"]), "%", "in a tumour that leaks")
    number(f"leakage.{model}.arteriolar_bias", float(one["arteriolar", "cbv"]), "%", "where nothing leaks and blood passes fast")
    rows.append({"correction": model, "leaking tumour MTI": chapter[f"leakage.{model}.mti"].value, **{f"{k} {m}": float(one[k, m]) for k in ("leaking tumour", "arteriolar", "venular") for m in ("cbv", "ucbv")}})
chapter.table(pd.DataFrame(rows), "tab-leakage", "Bias (%) of the median blood volume, and the median MTI ({unit}) of the "
              "tumour that leaks, by leakage correction.", unit=MTI_UNIT, formats={k: "+.1f" for k in rows[0] if k != "correction"})

# %% tags=["hide-input"]
chapter.say("In the leaking tumour CBV is off by {leakage.none.cbv_bias:+.0f} % without correction, {leakage.unidirectional.cbv_bias:+.0f} % with the "
            "unidirectional one and {leakage.bidirectional.cbv_bias:+.0f} % with the bidirectional one. Where nothing leaks but "
            "blood passes faster than the mean, they change CBV by {leakage.unidirectional.arteriolar_bias:+.1f} and "
            "{leakage.bidirectional.arteriolar_bias:+.1f} %, because a difference in transit time looks like leakage. Of the "
            "loop: without leakage the tumour's median MTI would be near {truth:.1f}; with it, it is {leakage.none.mti:.1f} uncorrected, "
            "{leakage.unidirectional.mti:.1f} and {leakage.bidirectional.mti:.1f} corrected.", truth=true_markers(CLASSES["leaking tumour"], physics).mti)

# %% [markdown]
# ### Maps
#
# The object laid out as a brain: a rim of arterioles around venules, and a core that leaks. White is no loop; warm is clockwise,
# cool counter-clockwise.

# %% tags=["hide-input"]
brain = simulate_brain((44, 52, 1), protocol, physics, seed)
inside = brain.label != ""
label = brain.label[inside]
settings = Settings(te_ge_ms, te_se_ms, tr_s, arterial_fraction=physics.artery_fraction, leakage=leakage)
shared = prepare_examination(brain.ge[inside], brain.se[inside], settings)
maps = estimate_markers(brain.ge[inside], brain.se[inside], shared)
fig, axes = plt.subplots(1, 3, figsize=(7.6, 3.2))
for ax, name, text, top, colours in zip(axes, ("cbv", "ucbv", "mti"), ("CBV (mL/100 g)", "µCBV (mL/100 g)", "MTI (s$^{-2.5}$)"),
                                        (5, 20, 50), ("turbo", "turbo", "RdBu_r"), strict=True):
    image = np.full(inside.shape, np.nan)
    image[inside] = maps[name]
    shown = ax.imshow(np.rot90(image[:, :, 0]), cmap=colours, vmin=-top if name == "mti" else 0, vmax=top, interpolation="nearest")
    ax.set_title(text)
    ax.set_axis_off()
    fig.colorbar(shown, ax=ax, shrink=0.7)
data = pd.DataFrame({"x": np.nonzero(inside)[0], "y": np.nonzero(inside)[1], "class": label, **{n: maps[n] for n in ("cbv", "ucbv", "mti")}})
lesion = label == "venular"
number("maps.lesion_mti", float(np.nanmean(maps["mti"][lesion])), "s^-2.5", "mean of the venule-dominated part")
chapter.figure(fig, "fig-maps", data, watermark="simulated", caption="Maps of the simulated brain, single voxels, nothing smoothed.",
               alt="Three maps of a simulated brain with a round lesion at upper left: CBV, µCBV and MTI. The mean MTI of the part with "
                   "venules is {maps.lesion_mti:+.1f}.")

# %% [markdown]
# Regions of such maps become the rows of a table of kind `markers`, which the chapter on markers reads. The command
# `compendium maps perfusion` writes the maps of an examination, and a table of its regions.

# %% tags=["hide-input"]
normal = (label == "white matter") & (np.nonzero(inside)[0] > inside.shape[0] // 2)
rows = [examination_row(maps, label == name, normal, "S1", f"S1-{k}", int(name != "arteriolar"))
        for k, name in enumerate(("arteriolar", "venular", "leaking tumour"), 1)]
chapter.table(pd.DataFrame(rows), "tab-regions", "Regions of the simulated brain in the layout of a table of markers; the column "
              "`reference` is arbitrary here.", formats={k: ".2f" for k in rows[0] if k.startswith(("marker", "normal"))})

# %% [markdown] tags=["paper"]
# ## Does it agree?
#
# No printed number is scored here: a simulation tests a method, not a cohort's numbers. What can be held to account are the
# predictions.

# %% tags=["paper", "hide-input"]
fast, slow = (summarise_recovery(recover_markers(COUNTS, replace(protocol, tr_s=tr, volumes=round(104 / tr)), physics, seed, aligned=False,
                                                 leakage="none")) for tr in (1.0, 2.5))
scatter = [float(f.query("marker == 'mti' and `class` == 'arteriolar'")["sd"].iloc[0]) for f in (slow, fast)]
number("protocol.tr_sd_ratio", scatter[0] / scatter[1], about="scatter of MTI at TR 2.5 s over TR 1.0 s, the same scan time")
again = summarise_recovery(recover_markers(COUNTS, protocol, replace(physics, recirculation=0.1), seed, aligned=False, leakage="none"))
number("recirculation.cbv_bias", median_of(again, "cbv", "bias"), "%", "with a tenth of the bolus passing again")
stated = yaml.safe_load((paths.root() / "data" / "predictions" / "stadlbauer2025-04.yaml").read_text(encoding="utf-8"))["predictions"]
outcome = pd.DataFrame([{"prediction": p["statement"], "basis": p["basis"], "from": p["range"][0], "to": p["range"][1],
                         "outcome": float(chapter[p["result"]].value)} for p in stated])
outcome["met"] = np.where(outcome["outcome"].between(outcome["from"], outcome["to"]), "yes", "no")
chapter.table(outcome, "tab-predictions", "Predictions, written before the first run of this chapter, and what came out.",
              formats={"from": "g", "to": "g", "outcome": ".3g"})

# %% tags=["paper", "hide-input"]
number("predictions.met", int((outcome["met"] == "yes").sum()), about="predictions whose range holds the outcome")
number("predictions.reasoned_met", int(((outcome["met"] == "yes") & (outcome["basis"] == "reasoned")).sum()))
chapter.say("Of {n} predictions {predictions.met} were met; of the {reasoned} that had not been glimpsed before, {predictions.reasoned_met}. "
            "Not met: {list}.", n=len(outcome), reasoned=int((outcome["basis"] == "reasoned").sum()),
            list="; ".join(outcome.loc[outcome["met"] == "no", "prediction"]) or "none")

# %% [markdown]
# ## What would change the conclusion
#
# Protocol and noise are parameters: the chapter answers for your own scanner with `-p tr_s=… -p snr_se=…` and a name for the run.
# Vessel radii and transit times set the size of the loops and thereby every sign in this chapter.

# %% tags=["hide-input"]
rows = []
for text, changed in (("as above", physics), ("all vessels smaller by a third", replace(physics, radii_um=(10.0, 2.7, 10.0))),
                      ("transit times doubled", replace(physics, transit_s=tuple(2 * v for v in physics.transit_s)))):
    one = timing_bias(SHOWN, protocol, changed, errors)
    rows.append({"object": text} | {f"{n} MTI": true_markers(CLASSES[n], changed).mti for n in SHOWN}
                | {f"{n} turns at (s)": turning_point(one, n) for n in ("arteriolar", "venular")})
chapter.table(pd.DataFrame(rows), "tab-object", "True loop areas ({unit}) and the timing errors that turn them, for other objects.", unit=MTI_UNIT,
              formats={k: "+.2f" for k in rows[0] if k != "object"})

# %% [markdown]
# ## Not shown
#
# Real arteries saturate, bend the signal of their neighbours and answer to agent in another way than tissue; the object's arteries do
# not. Its vessels have no blood flow in a common unit, so flow is tested elsewhere (`tests/unit/perfusion`). Slices are taken at one
# instant, the first injection leaves nothing behind, and nobody moves. The steps are in `compendium.perfusion`, the object
# in `compendium.cohorts.dsc`, their tests in `tests/unit/perfusion`.

# %%
chapter.save()
