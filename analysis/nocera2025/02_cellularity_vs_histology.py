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
#       estimand: "the slope of what the microscope counts on what imaging shows, within patients, between patients and pooled, kept apart"
#       unit: "the tissue sample within the patient"
#       analysis: "mixed model with the patients' means and the deviations from them (random intercept, Satterthwaite degrees of freedom), group interaction first; permutation over patients; rank correlation with intervals over resampled patients; outliers stay in unless it is asked otherwise"
#       missing: "samples with a missing value are left out of the pair of variables that needs it, and counted"
#       reporting: "STROBE, items 12a, 12c and 16a; TRIPOD, items 10d and 16 where a predictor is read as a prediction"
#     inputs:
#       samples:
#         kind: table
#         schema: samples
#         required: false
# ---

# %% [markdown]
# # Does imaging tell how many cells the microscope will count?
#
# ## The question
#
# A map that shows where cells are dense would tell the surgeon where to take tissue and where to stop. To
# trust it, someone must take samples at known sites, count cells, and compare. Two questions hide in that
# comparison: does the map tell dense from sparse *sites of one patient*, which targeting needs, or only
# patients with dense tumours from others?

# %% tags=["parameters"]
seed: int = 1  # seed of every resampling and simulation
resamples: int = 2000  # resamples of the patients
draws: int = 1000  # draws of one sample per patient
confidence: float = 0.95  # confidence level of every interval
rout_q: float = 0.01  # Q of ROUT in the part that follows the paper; zero: nothing is left out
comparable: str = "cpm"  # imaging columns in the unit of histology, separated by commas; others get no error
falling: str = "adc"  # imaging columns expected to fall where cells are dense, separated by commas
icc: float = 0.6  # share of variance between patients for which the grid of simulations is shown
expected_r: float = 0.45  # correlation without targeting error that a study is planned for
targeting_mm: float = 4.0  # distance (root mean square) between planned and actual site, for planning
length_mm: float = 5.0  # distance over which the tissue stays alike, for planning
cohort_seed: int = 3  # seed of the illustration cohort; no part in a run on your own table
samples: str = ""  # path of a table of tissue samples (input)

# %% tags=["hide-input"]
import hashlib
import io
import itertools
import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import optimize, stats

from compendium import paths
from compendium.cohorts.nocera import simulate_biopsies
from compendium.cohorts.nocera_grid import ICCS, METHODS, SLOPES, run_grid
from compendium.cohorts.nocera_illustration import SIZES, TARGET_CLAIMS, illustration_cohort
from compendium.cohorts.nocera_signs import SHAPES, simulate_iterated_given_rho, simulate_rho_given_r
from compendium.evidence.feasibility.conversions import sizes_for_p
from compendium.evidence.feasibility.moments import largest_subset_rms
from compendium.radiopathomics.biopsies import (
    attempt,
    compare_two_groups,
    judge_closeness,
    pooled_line,
    relate_samples,
)
from compendium.run.results import format_p, open_chapter
from compendium.run.theme import BLUE, COLOURS, GREEN, GREY, GRID, INK, ORANGE, PURPLE, use_theme
from compendium.statistics.agreement import rmse
from compendium.statistics.clustered import design_effect, one_per_cluster_null
from compendium.statistics.correlation import compare_dependent_correlations, fisher_comparison, meng_test, pearson
from compendium.statistics.design import plan_correlation, power_correlation, targeting_attenuation
from compendium.statistics.mixed import fit_within_between
from compendium.statistics.multiplicity import adjust_p
from compendium.statistics.outliers import rout
from compendium.statistics.reliability import icc_oneway

for name, value in (("confidence", confidence), ("expected_r", expected_r)):
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie between 0 and 1. Given {value}.")
if min(resamples, draws) < 1 or not 0 <= rout_q < 1:
    raise ValueError(f"resamples and draws must be at least 1, rout_q in [0, 1). Given {resamples}, {draws}, {rout_q}.")
use_theme()
chapter = open_chapter("nocera2025/02_cellularity_vs_histology", inputs={"samples": samples})
MARK = "" if chapter.is_user_run else "illustration"

# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Nocera and colleagues {cite}`nocera2025` compared the cells counted in 66 samples with a map predicted by a
# random forest ("CPM") and with the apparent diffusion coefficient (ADC). Table 2, with p in parentheses:
#
# | | whole cohort | untreated | recurrent |
# |---|---|---|---|
# | CPM: slope b | 0.7 (>0.05) | 1.4 (0.009) | −0.66 (>0.05) |
# | CPM: R² | 0.028 | 0.20 | 0.014 |
# | CPM: Spearman's ρ | 0.17 (>0.05) | 0.41 (0.016) | −0.12 (>0.05) |
# | CPM: RMSE, cells/mm² | 1974 | 1503 | 3156 |
# | ADC: slope b | −0.78 (>0.05) | −1.3 (0.007) | 0.78 (>0.05) |
# | ADC: R² | 0.032 | 0.22 | 0.031 |
# | ADC: Spearman's ρ | −0.18 (>0.05) | −0.37 (0.03) | −0.18 (>0.05) |
#
# Slopes and R² leave out outliers found by ROUT {cite}`motulsky2006`, how many is not printed. Two analyses
# mind the patients: a mixed model (untreated: CPM b = 1.41, p = 0.013; ADC b = −1.21, p = 0.01), and the mean
# ρ of 1000 draws of one sample per patient (CPM 0.25, 0.51, 0.22; ADC −0.22, −0.37, −0.08). The abstract
# concludes that CPM predicts cellularity in untreated patients and does not clearly outperform ADC.
#
# ## What can be tested
#
# A p value follows from a correlation and the number of samples, an error from means, SDs and a correlation,
# a slope's sign from that of the rank correlation: *internal* evidence. The samples are with the authors, so
# tables and figures in the paper's layout are drawn from an illustration cohort (watermarked, never scored),
# made in [chapter one](01_cohort) to have the printed statistics as far as they are compatible. The
# supplement was not read.

# %% tags=["hide-input"]
def printed_targets():
    """Printed statistic → (value with its sign, half a unit of the last digit)."""
    claims = {k: (chapter.claim(c).interval, sign) for k, (c, sign) in TARGET_CLAIMS.items()}
    return {k: (sign * i.centre, i.width / 2) for k, (i, sign) in claims.items()}


CASES = ("3a", "3b", "4a", "4b")
if chapter.is_user_run:
    table = chapter.input("samples")
else:
    cases = {c: tuple(chapter.printed(f"case-{c}-{v}").value for v in ("cpm", "he", "adc")) for c in CASES}
    table = chapter.illustration("cohort", illustration_cohort(printed_targets(), cases, seed=cohort_seed))
data = table.value
predictors = [c.removeprefix("imaging_") for c in data.columns if c.startswith("imaging_")]
names = sorted(set(data["group"])) if chapter.is_user_run else list(dict.fromkeys(data["group"]))  # two runs are compared by position
cohorts = {"whole": "whole cohort"} | ({f"g{i}": n for i, n in enumerate(names, 1)} if len(names) > 1 else {})
pairs = list(itertools.product(predictors, cohorts))
same_unit = [p for p in predictors if p in {w.strip() for w in comparable.split(",")}]
turn = {p: -1 if p in {w.strip() for w in falling.split(",")} else 1 for p in predictors}
LABEL = {p: p.upper() if len(p) <= 4 else p.replace("_", " ") for p in predictors}
LEVEL = {"level": 100 * confidence}


BRIEF = ".3g" if chapter.is_user_run else ".2f"


def number(value, short="not estimable"):
    """A number for a title or a description."""
    return format(value, BRIEF).replace("-", "−") if np.isfinite(value) else short


def rows_of(frame, predictor, cohort):
    """Complete samples of one cohort, with `x` and `y`."""
    kept = frame if cohort == "whole" else frame[frame["group"] == cohorts[cohort]]
    kept = kept.assign(x=kept[f"imaging_{predictor}"], y=kept["histology"])
    return kept.dropna(subset=["x", "y"])


chapter.derive("table.samples", len, table, unit="samples")
chapter.derive("table.patients", lambda t: t["patient"].nunique(), table, unit="patients")
chapter.say("The table has {table.samples} samples of {table.patients} patients: {list}.", list="; ".join(
    f"{cohorts[g]}, {LABEL[p]}: {len(r := rows_of(data, p, g))} complete of {r['patient'].nunique()} patients"
    for p, g in pairs))
for note in data.attrs.get("notes", ()):
    chapter.say("Reading the table: {note}", note=note)

# %% [markdown]
# ## The idea
#
# Sample $j$ of patient $i$ has imaging $x_{ij}$ and histology $y_{ij}$. Two slopes answer two questions:
#
# $$y_{ij} = \alpha + \beta_W\,(x_{ij}-\bar x_i) + \beta_B\,\bar x_i + b_i + e_{ij}.$$
#
# $\beta_W$ compares sites of one patient; $\beta_B$ compares patients. A pooled regression, and a mixed model with
# a random intercept alone, blend them. In the figure the truth is planted: in both panels the pooled line
# rises.

# %% tags=["hide-input"]
planted = {"sites differ": (0.9, 0.0), "only patients differ": (0.0, 1.2)}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.1), sharey=True, layout="constrained")
idea = []
for ax, (title, (within, between)) in zip(axes, planted.items(), strict=True):
    drawn = simulate_biopsies([4] * 12, slope_within=within, slope_between=between, icc_x=0.6, icc_y=0.2,
                              residual_sd=0.35, seed=[seed, 11])
    for i, (_, one) in enumerate(drawn.groupby("patient")):
        fit = np.polyfit(one["truth"], one["histology"], 1)
        ends = np.array([one["truth"].min(), one["truth"].max()])
        ax.plot(one["truth"], one["histology"], "o", ms=3.5, color=COLOURS[i % 7], alpha=0.8, mew=0)
        ax.plot(ends, np.polyval(fit, ends), color=COLOURS[i % 7], lw=1)
    ends = np.array([drawn["truth"].min(), drawn["truth"].max()])
    ax.plot(ends, np.polyval(np.polyfit(drawn["truth"], drawn["histology"], 1), ends), color=INK, lw=2, ls=(0, (4, 3)))
    ax.set(xlabel="Imaging", title=title)
    fitted = fit_within_between(drawn["histology"], drawn["truth"], drawn["patient"])[0]
    idea.append({"panel": title, "planted_within": within, "planted_between": between,
                 "within": fitted.coefficients[1], "between": fitted.coefficients[2]})
axes[0].set_ylabel("Histology")
chapter.figure(
    fig, "fig-idea", data=pd.DataFrame(idea), watermark="simulated",
    caption="Simulated samples, a colour and a line per patient, the pooled line dashed. Left, sites of a patient differ as "
            "imaging says; right, only patients do.",
    alt="Two scatters with rising dashed lines. Left, lines of single patients rise (slope within {a:.2f}); right, they "
        "are flat on average ({b:.2f}).", a=idea[0]["within"], b=idea[1]["within"])

# %% [markdown]
# ## The analysis
#
# ### Within patients, between patients, pooled


# %% tags=["hide-input"]
def relate(frame, predictor, cohort):
    """Slopes and correlations of one predictor in one cohort."""
    rows = rows_of(frame, predictor, cohort)
    return relate_samples(rows["x"], rows["y"], rows["patient"], resamples=resamples, draws=draws,
                          confidence=confidence, seed=seed)


# %%
KINDS = {"within": "within patients", "between": "between patients", "mixed": "random intercept alone",
         "pooled": "pooled, samples as if independent"}
PARTS = {"": "estimate", ".lower": "lower", ".upper": "upper", ".p": "p"}
fits = {}
for p, g in pairs:
    fits[p, g] = chapter.derive(f"fit.{p}.{g}", relate, table, probe=False, predictor=p, cohort=g)
    for what, (end, part) in itertools.product(fits[p, g].value.estimates, PARTS.items()):
        if part == "p" and what in ("rho", "iterated"):  # limits by resampling, no test
            continue
        chapter.derive(f"{p}.{g}.table.{what}{end}", lambda f, what, part: getattr(f.estimates[what], part),
                       fits[p, g], probe=False, precision="resampled", what=what, part=part)

# %% [markdown]
# The slope within patients stands first, because it is what targeting needs; it rests on patients with two
# samples or more. Limits come from a mixed model with Satterthwaite's degrees of freedom
# {cite}`satterthwaite1946`.

# %% tags=["hide-input"]
slopes = pd.DataFrame([
    {"predictor": LABEL[p], "cohort": cohorts[g], "samples": f.value.n, "patients": f.value.patients,
     "slope": words} | f.value.estimates[k]._asdict() for (p, g), f in fits.items() for k, words in KINDS.items()])
chapter.table(slopes, "tab-slopes", "Change of histology per unit of imaging, with {level:.0f} % limits."
              + (" Illustration cohort." if MARK else ""),
              formats=dict.fromkeys(("estimate", "lower", "upper"), ".4g") | {"p": ".2g"}, **LEVEL)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, len(predictors), figsize=(1.6 + 3.0 * len(predictors), 1.0 + 1.15 * len(cohorts)),
                         squeeze=False, sharey=True, layout="constrained")
for ax, p in zip(axes[0], predictors, strict=True):
    ticks = {}
    for i, g in enumerate(cohorts):
        ticks[-(5 * i + 1.5)] = cohorts[g]
        for j, k in enumerate(KINDS):
            estimate, low, high, _ = fits[p, g].value.estimates[k]
            y = -(5 * i + j)
            ax.plot([low, high], [y, y], color=(BLUE, ORANGE, GREEN, GREY)[j], lw=2)
            ax.plot(estimate, y, "o", color=(BLUE, ORANGE, GREEN, GREY)[j], ms=5.5,
                    label=KINDS[k] if i == 0 else None)
    ax.axvline(0, color=INK, lw=0.8)
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.tick_params(axis="y", length=0)
    ax.set(title=LABEL[p], xlabel="Slope")
    ax.set_facecolor("none")
    ax.grid(axis="x", color=GRID)
fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=9)
chapter.figure(
    fig, "fig-slopes", data=slopes, watermark=MARK,
    caption="Slopes of histology on imaging, with {level:.0f} % limits.",
    alt="Dots with bars around zero. Within patients: {said}.", **LEVEL, said="; ".join(
        f"{LABEL[p]}, {cohorts[g]} {number(w.estimate)} ({number(w.lower)} to {number(w.upper)})"
        for (p, g), f in fits.items() for w in [f.value.estimates["within"]]))

# %% tags=["hide-input"]
LINE = ("- **{label}, {cohort}**: slope within patients {@.within:.4g} ({@.within.lower:.4g} to {@.within.upper:.4g}), "
        "between {@.between:.4g} ({@.between.lower:.4g} to {@.between.upper:.4g}), test of their difference "
        "p = {@.gap.p:p}; ρ {@.rho:.2f} ({@.rho.lower:.2f} to {@.rho.upper:.2f}, patients resampled); "
        "correlation within patients {@.r_within:.2f} ({@.r_within.lower:.2f} to {@.r_within.upper:.2f}).")
chapter.say("\n".join(chapter.text(LINE.replace("@", f"{p}.{g}.table"), label=LABEL[p], cohort=cohorts[g])
                      for p, g in pairs)
            + ("\n\nThese are numbers of the illustration cohort." if MARK else ""))

# %% [markdown]
# ### Do groups differ?
#
# That an association is significant in one group and not in another does not show that the groups differ. The
# interaction asks directly: first the slopes with a level per patient, then the slopes within patients, then
# the rank correlations with whole patients exchanged between the groups.


# %% tags=["hide-input"]
def compare_groups(frame, predictor, first, second):
    """Differences between two groups in slope, slope within patients and rank correlation."""
    rows = rows_of(frame, predictor, "whole")
    rows = rows[rows["group"].isin([first, second])]
    return compare_two_groups(rows["x"], rows["y"], rows["patient"], rows["group"] == second,
                              confidence=confidence, seed=seed)


contrasts = list(itertools.combinations(names, 2))[:3]
rows = []
for p, (i, (a, b)) in itertools.product(predictors, enumerate(contrasts, 1)):
    made = chapter.derive(f"interaction.{p}.{i}", compare_groups, table, probe=False, predictor=p, first=a, second=b)
    for what, found in made.value.items():
        for part in ("estimate", "p"):
            chapter.derive(f"interaction.{p}.{i}.{what.replace(' ', '_')}.{part}", lambda m, what, part: getattr(
                m[what], part), made, probe=False, what=what, part=part, precision="resampled")
        rows.append({"predictor": LABEL[p], "groups": f"{b} − {a}", "of": what} | found._asdict())
if rows:
    chapter.table(pd.DataFrame(rows), "tab-interaction", "Differences between groups, with {level:.0f} % limits where the "
                  "method has them." + (" Illustration cohort." if MARK else ""),
                  formats=dict.fromkeys(("estimate", "lower", "upper"), ".4g") | {"p": ".2g"}, **LEVEL)
else:
    chapter.say("The table has one group, so there is no interaction to test.")

# %% [markdown]
# ### The analysis as printed
#
# For comparison the layout of the paper: samples as if independent, slopes and R² after outliers are left
# out, rank correlations of all samples. Leaving out the samples that fit least makes the rest fit better.


# %% tags=["hide-input"]
def left_out(rows, predictor, cohort):
    """Samples that the regression leaves out: by ROUT in a table, as designated in the illustration."""
    if chapter.is_user_run:
        found = attempt(rout, rows["y"], rows["x"], q=rout_q or None)
        return found.outlier if found else np.zeros(len(rows), dtype=bool)
    kept = rows["case"] == "4a" if cohort == "whole" and predictor == "cpm" else cohort != "whole"
    return (rows[f"left_out_{predictor}"] & kept).to_numpy()


def as_printed(frame, predictor, cohort):
    """b, p, R², ρ, p and RMSE in the manner of the paper, and what ROUT flags at Q."""
    rows = rows_of(frame, predictor, cohort)
    out = left_out(rows, predictor, cohort)
    x, y = rows["x"].to_numpy(float), rows["y"].to_numpy(float)
    flagged = attempt(rout, y, x, q=rout_q or None)
    line, rank = pooled_line(x[~out], y[~out]), fits[predictor, cohort].value.estimates["rho_samples"]
    linear = attempt(pearson, x[~out], y[~out])
    return {"b": line.estimate, "b_p": line.p, "r2": linear.r**2 if linear else np.nan, "rho": rank.estimate,
            "rho_p": rank.p,
            "rmse": rmse(x[~out], y[~out]) if predictor in same_unit else np.nan,
            "left_out": int(out.sum()), "flagged": int(flagged.outlier.sum()) if flagged else 0}


METRICS = {"b": "b", "r2": "R²", "rho": "ρ (Spearman)", "rmse": "RMSE", "left_out": "left out", "flagged": "flagged by ROUT"}
printed_way = {(p, g): chapter.derive(f"printed.{p}.{g}", as_printed, table, probe=False, predictor=p, cohort=g)
               for p, g in pairs}
for (p, g), made in printed_way.items():
    for what in made.value:
        if what == "rmse" and p not in same_unit:
            continue
        chapter.derive(f"{p}.{g}.printed_way.{what}", lambda m, what: float(m[what]), made, probe=False, what=what)


def cell(values, what):
    """A cell of the table in the paper's layout."""
    if not np.isfinite(values[what]):
        return "–"
    digits = {"b": BRIEF, "r2": ".3f", "rho": ".2f", "rmse": ".0f"}.get(what, ".0f")
    words = format(values[what], digits).replace("-", "−")
    return words + (f" ({format_p(p)})" if np.isfinite(p := values.get(f"{what}_p", np.nan)) else "")


layout = pd.DataFrame([
    {"predictor": LABEL[p], "metric": words} | {cohorts[g]: cell(printed_way[p, g].value, what) for g in cohorts}
    for p in predictors for what, words in METRICS.items() if what != "rmse" or p in same_unit])
chapter.table(layout, "tab-printed-way", "Slope and R² after samples were left out, rank correlation of all, p in "
              "parentheses, samples as if independent. RMSE: difference of imaging and histology as they are."
              + (" Illustration cohort." if MARK else ""))

# %% tags=["hide-input"]
drawn = list(cohorts)[:6]
ONLY = " Only the first cohorts are drawn." if len(drawn) < len(cohorts) else ""
panels = list(itertools.product(predictors, drawn))
fig, axes = plt.subplots(len(predictors), len(drawn), figsize=(2.9 * len(drawn) + 0.5, 2.7 * len(predictors) + 0.2),
                         squeeze=False, sharey=True, sharex="row", layout="constrained")
UNITS = {"cpm": " (cells/mm²)", "adc": " (10⁻⁶ mm²/s)"} if MARK else {}
for k, (ax, (p, g)) in enumerate(zip(axes.flat, panels, strict=True)):
    rows, made = rows_of(data, p, g), printed_way[p, g].value
    out = left_out(rows, p, g)
    ax.plot(rows["x"][~out], rows["y"][~out], "o", ms=3.6, color=(BLUE, ORANGE, GREEN)[k // len(drawn) % 3], alpha=0.8, mew=0)
    ax.plot(rows["x"][out], rows["y"][out], "o", ms=4.6, mfc="white", mec=INK, mew=0.9)
    if np.isfinite(made["b"]):
        ends = np.array([rows["x"][~out].min(), rows["x"][~out].max()])
        ax.plot(ends, rows["y"][~out].mean() + made["b"] * (ends - rows["x"][~out].mean()), color=INK, lw=1.3)
    said = f"b = {number(made['b'], short='–')}, ρ = {number(made['rho'], short='–')}"
    ax.set_title("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[k % 26] + f"  {cohorts[g]}\n{said}", fontsize=9.5)
    ax.set_xlabel(LABEL[p] + UNITS.get(p, ""), fontsize=9)
    ax.set_facecolor("none")
for ax in axes[:, 0]:
    ax.set_ylabel("Histology" + (" (cells/mm²)" if MARK else ""), fontsize=9)
chapter.figure(
    fig, "fig-scatter", data=data, watermark=MARK,
    caption="Histology over imaging by cohort. Lines: least squares without the samples left out (white dots)." + ONLY,
    alt="Scatter plots. {said}.", said="; ".join(
        f"{LABEL[p]}, {cohorts[g]}: slope {number(m.value['b'])}, rank correlation {number(m.value['rho'])}"
        for (p, g), m in printed_way.items()))

# %% tags=["hide-input"]
mixed = pd.DataFrame([{"predictor": LABEL[p], "cohort": cohorts[g]} | f.value.estimates["mixed"]._asdict()
                      | {"ICC of the rest": f.value.icc} for (p, g), f in fits.items()])
chapter.table(mixed, "tab-mixed", "Mixed model of histology on imaging with a random intercept per patient, all samples, "
              "{level:.0f} % limits." + (" Illustration cohort; the printed mixed models were no targets of it." if MARK else ""),
              formats=dict.fromkeys(("estimate", "lower", "upper", "ICC of the rest"), ".4g") | {"p": ".2g"}, **LEVEL)

# %% tags=["paper", "hide-input"]
chapter.say("In the illustration the mixed model of untreated samples gives b = {cpm.g1.table.mixed:.2f} (p = "
            "{cpm.g1.table.mixed.p:.2g}) for CPM and {adc.g1.table.mixed:.2f} (p = "
            "{adc.g1.table.mixed.p:.2g}) for ADC; printed are 1.41 (0.013) and −1.21 (0.01). The difference "
            "says how much a mixed model depends on what nobody prints: how the samples are spread over "
            "patients.")

# %% tags=["hide-input"]
fig, axes = plt.subplots(len(predictors), len(drawn), figsize=(2.7 * len(drawn) + 0.5, 2.1 * len(predictors) + 0.4),
                         squeeze=False, sharex=True, layout="constrained")
for k, (ax, (p, g)) in enumerate(zip(axes.flat, panels, strict=True)):
    f = fits[p, g].value
    ax.hist(f.draws, bins=np.linspace(-1, 1, 41), color=(BLUE, ORANGE, GREEN)[k // len(drawn) % 3], alpha=0.7)
    ax.axvline(f.estimates["iterated"].estimate, color=INK, lw=1.4)
    ax.axvline(f.estimates["rho"].estimate, color=INK, lw=1.1, ls=(0, (2, 2)))
    ax.set_title(f"{LABEL[p]}, {cohorts[g]}", fontsize=9.5)
    ax.set(yticks=[], xlim=(-1, 1))
    ax.spines["left"].set_visible(False)
    ax.set_facecolor("none")
for ax in axes[-1]:
    ax.set_xlabel("Spearman's ρ", fontsize=9)
counts = [np.histogram(f.value.draws, bins=np.linspace(-1, 1, 41))[0] for f in fits.values()]
chapter.figure(
    fig, "fig-iterated", watermark=MARK,
    data=pd.DataFrame({"from": np.linspace(-1, 0.95, 40)} | {f"{p} {g}": c for (p, g), c in zip(fits, counts, strict=True)}),
    caption="Rank correlations of {n} draws of one sample per patient: mean (line) and ρ of all samples (dotted). The "
            "spread shows how the draw matters, not how sure the mean is." + ONLY,
    alt="Histograms. Means: {said}.", n=draws, said="; ".join(
        f"{LABEL[p]}, {cohorts[g]} "
        f"{number(f.value.estimates['iterated'].estimate)}" for (p, g), f in fits.items()))

# %% tags=["hide-input"]
hard = data[(data["grade"] >= 3) & (data["enhancement"] == 0)] if {"grade", "enhancement"} <= set(data) else data[:0]
if MARK:
    hard = hard[~hard["left_out_cpm"]]
if same_unit and len(hard) > 2:
    fig, ax = plt.subplots(figsize=(3.8, 3.4))
    for p, colour in zip(same_unit, COLOURS, strict=False):
        ax.plot(hard[f"imaging_{p}"], hard["histology"], "o", color=colour, ms=5, alpha=0.85, mew=0, label=LABEL[p])
    both = hard[["histology", *[f"imaging_{p}" for p in same_unit]]]
    top = float(both.max(axis=None)) * 1.05
    ax.plot([0, top], [0, top], color=GREY, lw=1, ls=(0, (4, 3)))
    unit = " (cells/mm²)" if MARK else ""
    ax.set(xlabel=f"Predicted{unit}", ylabel=f"Histology{unit}", xlim=(0, top), ylim=(0, top))
    ax.set_facecolor("none")
    chapter.figure(
        fig, "fig-hard", data=both, watermark=MARK,
        caption="Prediction and histology in samples of high-grade tumours that do not enhance. Dashed: equality.",
        alt="Scatter of {n} samples. Error (RMSE): {said}.", n=len(hard), said="; ".join(
            f"{LABEL[p]} {rmse(hard[f'imaging_{p}'], hard['histology']):.0f}" for p in same_unit))
else:
    chapter.say("No panel of high-grade samples without enhancement: it needs the columns `grade` and `enhancement` and "
                "a predictor in the unit of histology (parameter `comparable`).")

# %% [markdown]
# ### Which predictor is closer, and how close is it?
#
# Two predictors of the same samples are compared by Meng's z {cite}`meng1992`, each turned so that a rise
# speaks for more cells. It takes samples as independent. An error in cells makes sense only where imaging
# claims to be in cells (parameter `comparable`); then it is set against the error of a constant: always
# saying the mean.


# %% tags=["hide-input"]
def meng_of(frame, first, second, cohort):
    """Meng's z and p on ranks, signs turned by expectation."""
    rows = rows_of(frame, first, cohort)
    test = attempt(compare_dependent_correlations, rows["y"], rows["x"], rows[f"imaging_{second}"],
                   (turn[first], turn[second]), "spearman")
    return (test.statistic, test.p) if test else (np.nan, np.nan)


rivals = list(itertools.combinations(predictors, 2))[:6]
meng_rows = []
for (a, b), g in itertools.product(rivals, cohorts):
    made = chapter.derive(f"meng.{a}.{b}.{g}", meng_of, table, probe=False, first=a, second=b, cohort=g)
    z = chapter.derive(f"meng.{a}.{b}.{g}.z", lambda m: float(m[0]), made, probe=False)
    p = chapter.derive(f"meng.{a}.{b}.{g}.p", lambda m: float(m[1]), made, probe=False)
    meng_rows.append({"predictors": f"{LABEL[a]} against {LABEL[b]}", "cohort": cohorts[g], "z": z.value, "p": p.value})
if meng_rows:
    chapter.table(pd.DataFrame(meng_rows), "tab-meng", "Rank correlations with histology compared (Meng's z)."
                  + (" Illustration cohort." if MARK else ""), formats={"z": ".2f", "p": ".2g"})
else:
    chapter.say("The table has one imaging predictor, so none are compared.")


# %% tags=["hide-input"]
def closeness(frame, predictor, cohort):
    """Bias, limits of agreement, concordance, errors and skill of a predictor in the unit of histology."""
    rows = rows_of(frame, predictor, cohort)
    return judge_closeness(rows["x"], rows["y"], rows["patient"], confidence)


CLOSE = {"bias": "bias", "loa_lower": "limits of agreement from", "loa_upper": "to", "concordance": "concordance",
         "rmse": "RMSE", "rmse_calibrated": "RMSE, recalibrated", "rmse_constant": "RMSE of a constant", "skill": "skill"}
rows = []
for p, g in itertools.product(same_unit, cohorts):
    made = chapter.derive(f"agreement.{p}.{g}", closeness, table, probe=False, predictor=p, cohort=g)
    for what in CLOSE:
        chapter.derive(f"agreement.{p}.{g}.{what}", lambda m, what: float(m[what]), made, probe=False, what=what)
    rows.append({"predictor": LABEL[p], "cohort": cohorts[g]} | {words: made.value[w] for w, words in CLOSE.items()})
if rows:
    chapter.table(pd.DataFrame(rows), "tab-agreement-cells", "Prediction against histology in its unit, all samples; "
                  "skill: one less the ratio of squared errors to those of a constant, below zero if the "
                  "constant is closer." + (" Illustration cohort." if MARK else ""),
                  formats=dict.fromkeys(CLOSE.values(), ".0f") | {"concordance": ".3f", "skill": ".2f"})
else:
    chapter.say("No predictor is in the unit of histology (parameter `comparable`), so errors in that unit are not shown.")

# %% [markdown] tags=["paper"]
# ### Printed numbers against each other: p values
#
# With $r$ and $n$, $t = r\sqrt{(n-2)/(1-r^2)}$. The means of [chapter one](01_cohort) imply 34 untreated and
# 32 recurrent samples; all rank correlations fit these. A slope's p fits a smaller n where a sample was left
# out.

# %% tags=["paper", "hide-input"]
N = {"whole": 66, "naive": 34, "recurrent": 32}
LOST = {("cpm", "naive"): 1, ("cpm", "whole"): 1, ("adc", "naive"): 1}  # left out of the line at least


def p_of_r(r, n):
    """Two-sided p of a correlation by Student's t."""
    return float(2 * stats.t.sf(abs(r) * np.sqrt((n - 2) / max(1 - r * r, 1e-12)), n - 2))


claim = {name: chapter.printed(name) for name in
         [f"{p}-{g}-{w}" for p in ("cpm", "adc") for g in N for w in ("b", "r2", "rho")] + ["cpm-naive-r2-table", "adc-naive-b-table"]}
claim["cpm-naive-r2"] = claim["cpm-naive-r2-table"]
implied = []
for (p, g), kind in itertools.product(itertools.product(("cpm", "adc"), N), ("linear", "rank")):
    n = N[g] - (LOST.get((p, g), 0) if kind == "linear" else 0)
    source = claim[f"{p}-{g}-{'r2' if kind == 'linear' else 'rho'}"]
    made = chapter.derive(f"{p}.{g}.p_{kind}", lambda v, n, kind: p_of_r(np.sqrt(v) if kind == "linear" else v, n), source,
                          n=n, kind=kind, about=f"two-sided p, {n} samples as independent")
    implied.append({"predictor": p.upper(), "cohort": g, "of": kind, "n": n, "p": made.value, "from": made.interval[0],
                    "to": made.interval[1]})
chapter.route("cpm.naive.p_linear", "no sample left out", lambda v: p_of_r(np.sqrt(v), 34), claim["cpm-naive-r2"])
chapter.derive("adc.naive.p_linear_all", lambda v: p_of_r(np.sqrt(v), 34), claim["adc-naive-r2"],
               about="p if no sample were left out")
chapter.derive("cpm.naive.r2", lambda v: v, claim["cpm-naive-r2-table"])
chapter.table(pd.DataFrame(implied), "tab-implied-p", "p values that printed correlations imply.",
              formats=dict.fromkeys(("p", "from", "to"), ".2g"))

# %% tags=["paper", "hide-input"]
fit_n = {p: sizes_for_p("r", tuple(np.sqrt(claim[f"{p}-naive-r2"].interval)), chapter.claim(f"{p}-naive-p").interval.bounds(),
                        range(10, 67)).solutions for p in ("cpm", "adc")}
chapter.derive("adc.naive.largest_n", lambda _, n: n, claim["adc-naive-r2"], probe=False, n=max(fit_n["adc"]), unit="samples",
               about="largest number of samples for which R² and p agree")
chapter.say("In untreated patients R² and p of CPM fit n of {cpm}, those of ADC {adc}: at least one of 34 was left out for ADC "
            "(all 34 would give p = {adc.naive.p_linear_all:p}, at most {top:p}; 0.007 is printed), and none "
            "or one for CPM.",
            cpm=", ".join(map(str, fit_n["cpm"])), adc=", ".join(map(str, fit_n["adc"])),
            top=chapter["adc.naive.p_linear_all"].interval[1])

# %% [markdown] tags=["paper"]
# ### The printed errors
#
# An error of 1974 cannot be the spread around a fitted line, which is at most the SD, 1461. It must be the
# difference of CPM and histology as they are, which follows from the printed moments:
#
# $$\text{RMSE}^2 = (\bar y-\bar x)^2 + \frac{S_{xx}+S_{yy}-2r\sqrt{S_{xx}S_{yy}}}{n}.$$
#
# Which sample was left out of the whole cohort? Of the four that are printed, taking away the one of Fig 4A
# gives the printed error; so would one other sample of similar density, or two smaller ones.

# %% tags=["paper", "hide-input"]
moments = [chapter.printed(c) for c in ("he-mean", "he-sd", "cpm-mean", "cpm-sd", "cpm-whole-r2")]
CELLS = "cells/mm2"


def without(my, sy, mx, sx, r2, x=None, y=None):
    """Means, sums of squares, r and n of the whole cohort after one sample is taken away."""
    n = 66
    if x is None:
        return mx, my, (n - 1) * sx**2, (n - 1) * sy**2, np.sqrt(r2), n
    ax, ay = (n * mx - x) / (n - 1), (n * my - y) / (n - 1)
    xx = (n - 1) * sx**2 - n / (n - 1) * (x - mx) ** 2
    yy = (n - 1) * sy**2 - n / (n - 1) * (y - my) ** 2
    return ax, ay, xx, yy, np.sqrt(r2), n - 1


def error_of(*values):
    """RMSE of CPM against histology from moments."""
    mx, my, xx, yy, r, n = without(*values)
    return float(np.sqrt((my - mx) ** 2 + (xx + yy - 2 * r * np.sqrt(xx * yy)) / n))


def slope_from(*values):
    """Slope of histology on CPM from moments."""
    _, _, xx, yy, r, _ = without(*values)
    return float(r * np.sqrt(yy / xx))


case = {c: [chapter.printed(f"case-{c}-{v}") for v in ("cpm", "he")] for c in CASES}
chapter.derive("rmse.whole_all", error_of, *moments, unit=CELLS, about="no sample left out")
chapter.derive("cpm.whole.b_all", slope_from, *moments, about="no sample left out")
chapter.derive("rmse.whole", error_of, *moments, *case["4a"], unit=CELLS, about="the sample of Fig 4A left out")
chapter.derive("cpm.whole.b", slope_from, *moments, *case["4a"], about="the sample of Fig 4A left out")
candidates = [{"left out": "none", "RMSE": chapter["rmse.whole_all"].value, "b": chapter["cpm.whole.b_all"].value}]
for c in CASES:
    if c != "4a":
        chapter.derive(f"rmse.whole_without_{c}", error_of, *moments, *case[c], unit=CELLS)
    values = [q.value for q in (*moments, *case[c])]
    candidates.append({"left out": f"Fig {c.upper()}", "RMSE": error_of(*values), "b": slope_from(*values)})
chapter.table(pd.DataFrame(candidates), "tab-left-out", "Error and slope of the whole cohort by the sample left out; printed "
              "1974 and 0.7.", formats={"RMSE": ".0f", "b": ".3f"})


# %% tags=["paper", "hide-input"]
def density_left_out(*values, goal):
    """Density of a sample with the CPM of Fig 4A whose exclusion gives this error."""
    return float(optimize.brentq(lambda y: error_of(*values, y) - goal, 5500, 9500))


corners = list(itertools.product(*[q.interval for q in (*moments, case["4a"][0])], chapter.claim("rmse-whole").interval.bounds()))
found = [density_left_out(*corner[:-1], goal=corner[-1]) for corner in corners]
for side, f in (("lower", min), ("upper", max)):
    chapter.derive(f"left_out.density.{side}", lambda *_, v: v, *moments, probe=False, v=f(found), unit=CELLS,
                   precision="iterative", about="density of one sample at CPM 1240 whose exclusion gives the printed error")
chapter.derive("rmse.hgg.least_with_4a", lambda *v: float(np.sqrt(sum((a - b) ** 2 for a, b in zip(v[::2], v[1::2],
                      strict=True)) / 18)), *case["3b"], *case["4a"], *case["4b"], unit=CELLS,
                      about="least error of 18 samples that hold the three printed non-enhancing ones of high grade")
chapter.derive("rmse.hgg.least_without_4a", lambda *v: float(np.sqrt(sum((a - b) ** 2 for a, b in zip(v[::2], v[1::2],
               strict=True)) / 17)), *case["3b"], *case["4b"], unit=CELLS, about="least error of the 17 others")
chapter.say("Without exclusion the error would be {rmse.whole_all:.0f}, without the sample of Fig 4A {rmse.whole:.0f}. One sample "
            "with its CPM would have to have a density of {left_out.density.lower:.0f} to "
            "{left_out.density.upper:.0f} by the rounding of the moments; Fig 4A has 7449. The slope hardly "
            "discriminates ({cpm.whole.b_all:.2f} against {cpm.whole.b:.2f}, 0.7 printed). A second number "
            "points the same way: the error of 1777 in non-enhancing samples of high grade. Three of these "
            "are printed; if there are 18, they alone force at least {rmse.hgg.least_with_4a:.0f}, and "
            "without Fig 4A at least {rmse.hgg.least_without_4a:.0f}.")


# %% [markdown] tags=["paper"]
# The recurrent samples are part of the whole. What is left for them, once the untreated have their share,
# bounds their error, whichever samples they are.


# %% tags=["paper", "hide-input"]
def r_of_all(my, sy, mx, sx, r2, x, y):
    """Correlation of all 66 samples when the printed R² holds without one of them."""
    ax, ay, xx, yy, r, n = without(my, sy, mx, sx, r2, x, y)
    sxy = r * np.sqrt(xx * yy) + n / (n + 1) * (x - ax) * (y - ay)
    return float(sxy / (n * sx * sy))


def largest_error(my, sy, mx, sx, r, other):
    """Largest RMSE of 32 samples inside the 66, with 33 others at a known one."""
    spread = np.sqrt(sx**2 + sy**2 - 2 * r * sx * sy)
    return largest_subset_rms(my - mx, spread, 66, subset=32, others=[(33, other)] if other else [])


r_all = chapter.derive("cpm.all.r", r_of_all, *moments, *case["4a"], about="correlation of all samples")
naive_error, whole_error = chapter.printed("rmse-naive"), chapter.printed("rmse-whole")
chapter.derive("rmse.recurrent.largest", largest_error, *moments[:4], r_all, naive_error, unit=CELLS,
               about="largest error of 32 of the 66 samples, 33 untreated ones at the printed error")
chapter.derive("rmse.recurrent.any_r", lambda *v: largest_error(*v[:4], -1.0, v[4]), *moments[:4], naive_error, unit=CELLS,
               about="the same whatever the correlation")
chapter.derive("rmse.recurrent.no_error_elsewhere", lambda *v: largest_error(*v, 0), *moments[:4], r_all, unit=CELLS,
               about="the same with no error at all in the untreated")
chapter.derive("rmse.recurrent.quadratic_mean", lambda w, t: float(np.sqrt((65 * w**2 - 33 * t**2) / 32)), whole_error,
               naive_error, unit=CELLS, about="if the same sample was left out of both")
chapter.route("rmse.recurrent.largest", "any correlation", lambda *v: largest_error(*v[:4], -1.0, v[4]), *moments[:4], naive_error)
chapter.route("rmse.recurrent.largest", "no error in untreated", lambda *v: largest_error(*v, 0), *moments[:4], r_all)
chapter.say("With the printed moments, the error of the recurrent samples is at most {rmse.recurrent.largest:.0f}; at most "
            "{rmse.recurrent.any_r:.0f} whatever the correlation, and "
            "{rmse.recurrent.no_error_elsewhere:.0f} even if every untreated sample were predicted without "
            "error. Printed is 3156. The whole (1974) as the quadratic mean of both groups gives "
            "{rmse.recurrent.quadratic_mean:.0f}, if each exclusion concerns both: larger than the untreated "
            "1503, as the paper says, by less.")

# %% [markdown] tags=["paper"]
# ### Signs
#
# A slope and a rank correlation of the same samples can differ in sign, but rarely do. How rarely is
# simulated: 32 samples with the printed R², several shapes of scatter, up to three outliers outside the line.


# %% tags=["paper", "hide-input"]
goal = chapter.claim("adc-recurrent-rho").interval
r_printed = float(np.sqrt(claim["adc-recurrent-r2"].value))
rho_sets = {(s, d): simulate_rho_given_r(s, d, r_printed, seed=[seed, i, d])
            for i, s in enumerate(SHAPES) for d in (0, 1, 3)}
share = {k: float(np.mean(v <= goal.bounds()[1])) for k, v in rho_sets.items()}
every = np.concatenate(list(rho_sets.values()))
nearest = float(every[np.argmin(np.abs(every - goal.centre))])
signs = [claim["adc-recurrent-b"], claim["adc-recurrent-r2"]]


def share_words(value, cohorts):
    """A share in words that does not call rare impossible."""
    return f"fewer than one in {cohorts}" if value == 0 else f"{value:.2g}"


chapter.derive("adc.recurrent.rho", lambda *_: nearest, *signs, probe=False, precision="resampled",
               about="nearest rank correlation among simulated cohorts with the printed slope's sign and R²")
for side, f in (("lower", min), ("upper", max)):
    chapter.derive(f"adc.recurrent.opposite_sign.{side}", lambda *_, v: v, *signs, probe=False, precision="resampled",
                   v=f(share.values()), about="share of simulated cohorts with a rank correlation as low as printed")
chapter.tension("adc.recurrent.rho", (min(share.values()), max(share.values())),
                "over five shapes of scatter and none to three outliers outside the line, 32 samples")
chapter.derive("adc.naive.b", lambda b: b, claim["adc-naive-b-table"], unit="cells/mm2 per 1e-6 mm2/s",
               about="the slope of Table 2")
chapter.derive("adc.naive.b_by_rank", lambda b, rho: float(np.copysign(b, rho)), claim["adc-naive-b"], claim["adc-naive-rho"],
               unit="cells/mm2 per 1e-6 mm2/s", about="size from the text, sign from the rank correlation")
chapter.say("Untreated, ADC: the slope is +1.3 in the abstract and the text and {adc.naive.b:.1f} in Table 2; the rank "
            "correlation (−0.37) and the mixed model (−1.21) go with the table. Recurrent, ADC: a slope of "
            "+0.78 with R² = 0.031 stands beside ρ = −0.18; among simulated cohorts a rank correlation that "
            "low comes in between {low} and {adc.recurrent.opposite_sign.upper:.2g} of cases, by the shape "
            "of the scatter. Both can be true; with a minus sign the slope would raise no "
            "question.", low=share_words(min(share.values()), 6000))


# %% [markdown] tags=["paper"]
# One sample per patient: of the recurrent samples all together have ρ = −0.12 with CPM, the mean of draws
# +0.22.


# %% tags=["paper", "hide-input"]
window = claim["cpm-recurrent-rho"].interval
goal_it = chapter.claim("cpm-recurrent-iterated").interval
means = {s: simulate_iterated_given_rho(SIZES[13:], window, s, 50_000, 1000, seed=[seed, 22, round(100 * s)])
         for s in (0.3, 0.5, 0.7, 0.9)}
reach = {s: float(np.mean(v >= goal_it.bounds()[0])) for s, v in means.items()}
every = np.concatenate(list(means.values()))
closest = float(every[np.argmin(np.abs(every - goal_it.centre))])
chapter.derive("cpm.recurrent.iterated", lambda *_: closest, claim["cpm-recurrent-rho"], probe=False, precision="resampled",
               about="nearest mean over draws among simulated cohorts with the printed rank correlation")
for s, v in reach.items():
    chapter.derive(f"cpm.recurrent.iterated_reaches.icc_{s:g}", lambda *_, v: v, claim["cpm-recurrent-rho"], probe=False,
                   precision="resampled", v=v, about="share of cohorts whose mean over draws is at least as high as printed")
chapter.tension("cpm.recurrent.iterated", (min(reach.values()), max(reach.values())),
                "over shares of variance between patients from .3 to .9, same association at both levels")
null = {s: one_per_cluster_null(SIZES[:13], s, s, n_simulations=1500, seed=seed) for s in (0.0, 0.3, 0.6, 0.9)}
strong = chapter.printed("cpm-naive-iterated")
for s, v in null.items():
    chapter.derive(f"cpm.naive.iterated_p.icc_{s:g}", lambda m, v: float((np.sum(np.abs(v) >= abs(m)) + 1) / (len(v) + 1)),
                   strong, precision="resampled", v=v, about="two-sided p of the mean over draws, no association")
chapter.say("Among simulated recurrent cohorts with the printed ρ a mean of 0.22 or more occurs in {low} to {high} of cases "
            "({k} cohorts for each of four shares of variance between patients). The mean of 0.51 in "
            "untreated patients is no single draw: without association it would have p = "
            "{cpm.naive.iterated_p.icc_0:.3f}, {cpm.naive.iterated_p.icc_0.3:.3f}, "
            "{cpm.naive.iterated_p.icc_0.6:.3f} or {cpm.naive.iterated_p.icc_0.9:.3f} at shares of 0, 0.3, "
            "0.6 and 0.9.",
            low=share_words(min(reach.values()), min(map(len, means.values()))), high=share_words(max(reach.values()), min(map(len, means.values()))),
            k=min(map(len, means.values())))

# %% [markdown] tags=["paper"]
# ### What the printed correlations say together

# %% tags=["paper", "hide-input"]
chapter.derive("meng.p", lambda z: float(2 * stats.norm.sf(abs(z))), chapter.printed("meng-z"))
z_printed = chapter.claim("meng-z").interval.centre


def needed_correlation(a, b):
    """Correlation of CPM and ADC for which Meng's z of the rank correlations is the printed one."""
    return -float(optimize.brentq(lambda c: meng_test(a, b, -c, 34, (1, -1)).statistic - z_printed, -0.6, 0.99))


chapter.derive("meng.needed_correlation", lambda *_: needed_correlation(
    claim["cpm-naive-rho"].value, claim["adc-naive-rho"].value), claim["cpm-naive-rho"], claim["adc-naive-rho"], probe=False,
    precision="iterative", about="correlation of CPM with ADC that the printed z needs, ranks, 34 samples")
for p in ("cpm", "adc"):
    chapter.derive(f"{p}.printed_interaction.p", lambda a, b: fisher_comparison(a, 34, b, 32, "spearman").p,
                   claim[f"{p}-naive-rho"], claim[f"{p}-recurrent-rho"],
                   about="Fisher z of two rank correlations, variance 1.06/(n − 3), clusters ignored")
exact = {"cpm.naive.p_linear": "cpm-naive-p", "cpm.naive.p_rank": "cpm-naive-rho-p", "adc.naive.p_linear": "adc-naive-p",
         "adc.naive.p_rank": "adc-naive-rho-p", "adc.whole.p_linear": "adc-whole-p"}
twelve = [chapter.printed(exact[k]) if k in exact else chapter[k] for k in (
    f"{p}.{g}.p_{kind}" for p in ("cpm", "adc") for g in N for kind in ("linear", "rank"))]
for method in ("holm", "benjamini-hochberg"):
    smallest = float(adjust_p([q.value for q in twelve], method).p.min())
    chapter.derive(f"adjusted.{method}", lambda *_, v: v, *twelve, probe=False, v=smallest,
                   about="smallest of the twelve p values of Table 2 after adjustment; the tests overlap")
chapter.derive("bias.cells", lambda x, y: x - y, moments[2], moments[0], unit=CELLS, about="CPM less histology, means of all")
spread = chapter.derive("bias.sd", lambda my, sy, mx, sx, r: float(np.sqrt(sx**2 + sy**2 - 2 * r * sx * sy)), *moments[:4], r_all,
                        unit=CELLS)
for side, sign in (("lower", -1), ("upper", 1)):
    chapter.derive(f"bias.limit.{side}", lambda b, s, sign: b + sign * 1.96 * s, chapter["bias.cells"], spread, sign=sign, unit=CELLS)
chapter.derive("bias.concordance", lambda my, sy, mx, sx, r: 2 * r * sx * sy / (sx**2 + sy**2 + (mx - my) ** 2), *moments[:4], r_all)
constant = chapter.derive("skill.constant", lambda *v: float(np.sqrt(without(*v)[3] / 65)), *moments, *case["4a"], unit=CELLS,
                          about="error of always saying the mean, 65 samples")
chapter.derive("skill.recalibrated", lambda c, r2: c * np.sqrt(1 - r2), constant, moments[4], unit=CELLS)
chapter.derive("skill.raw", lambda e, c: 1 - (e / c) ** 2, whole_error, constant, about="one less the ratio of squared errors")
for n in (34, 13):
    chapter.derive(f"power.printed.{n}", lambda r, n: 100 * power_correlation(r, n), claim["cpm-naive-rho"], n=n, unit="%")

# %% tags=["paper", "hide-input"]
chapter.say("""- **CPM against ADC.** z = 0.27 needs a correlation of CPM and ADC of about {meng.needed_correlation:.2f} in untreated
  samples and turned signs; it is not printed.
- **Untreated against recurrent.** The difference was not tested. From the printed ρ: p = {cpm.printed_interaction.p:.3f}
  for CPM and {adc.printed_interaction.p:.2f} for ADC, with samples as independent and the variance 1.06/(n − 3).
- **Twelve tests.** The smallest p of Table 2 after Holm is {adjusted.holm:.3f}, after Benjamini and Hochberg
  {adjusted.benjamini-hochberg:.3f}; the twelve overlap (the whole contains its parts), so this is strict.
- **Agreement.** CPM lies {bias.cells:.0f} below histology on average, limits of agreement {bias.limit.lower:.0f} to
  {bias.limit.upper:.0f}, concordance {bias.concordance:.3f}. Always saying the mean would err by {skill.constant:.0f},
  recalibrated CPM by {skill.recalibrated:.0f}, CPM as it is by 1974: a skill of {skill.raw:.2f}.
- **Power.** For ρ = 0.41 it is {power.printed.34:.0f} % with 34 independent samples, {power.printed.13:.0f} % if only the 13 patients
  counted.""")

# %% [markdown] tags=["paper"]
# ### Four printed samples

# %% tags=["paper", "hide-input"]
SAID = {"3a": "good agreement", "3b": "good agreement", "4a": "poor agreement", "4b": "poor agreement"}
rows = []
for c in CASES:
    x, y = case[c]
    chapter.derive(f"case.{c}.error", lambda a, b: a - b, x, y, unit=CELLS, about="CPM less histology")
    chapter.derive(f"case.{c}.ratio", lambda e, t: abs(e) / t, chapter[f"case.{c}.error"], naive_error,
                   about="size of the error over the printed RMSE of untreated samples")
    rows.append({"sample": f"Fig {c.upper()}", "grade": int(chapter.printed(f"case-{c}-grade").value), "CPM": x.value,
                 "histology": y.value, "ADC": chapter.printed(f"case-{c}-adc").value, "error": chapter[f"case.{c}.error"].value,
                 "over RMSE": chapter[f"case.{c}.ratio"].value, "shown as": SAID[c]})
four = pd.DataFrame(rows)
fig, ax = plt.subplots(figsize=(4.6, 3.4))
for _, row in four.iterrows():
    colour = GREEN if "good" in row["shown as"] else ORANGE
    ax.plot([row["CPM"]] * 2, [row["CPM"], row["histology"]], color=colour, lw=1.2)
    ax.plot(row["CPM"], row["histology"], "o", color=colour, ms=7)
    ax.annotate(row["sample"], (row["CPM"], row["histology"]), (8, 0), textcoords="offset points", va="center", fontsize=9)
ax.plot([500, 2300], [500, 2300], color=GREY, lw=1, ls=(0, (4, 3)))
ax.text(2300, 1950, "equal", color=GREY, fontsize=9, va="top", ha="right")
ax.set(xlabel="CPM (cells/mm²)", ylabel="Histology (cells/mm²)", xlim=(500, 2400), ylim=(0, 8000))
chapter.figure(
    fig, "fig-cases", data=four,
    caption="The four printed samples; bars: error of CPM. Green: shown by the paper as good agreement, orange: as poor.",
    alt="Four dots above the line of equality. Errors: 3A {case.3a.error:.0f}, 3B {case.3b.error:.0f}, 4A {case.4a.error:.0f}, "
        "4B {case.4b.error:.0f} cells/mm².")

# %% tags=["paper", "hide-input"]
chapter.table(four, "tab-cases", "The four printed samples, all untreated; they are cases, not a sample of anything. In Fig 3B, "
              "shown as good agreement, both values are high, and the error is larger than the typical one.",
              formats=dict.fromkeys(("CPM", "histology", "ADC", "error"), ".0f") | {"over RMSE": ".1f"})

# %% [markdown] tags=["paper"]
# ## Does it agree?

# %% tags=["paper", "hide-input"]
chapter.agreement()

# %% tags=["paper", "hide-input"]
statuses = pd.Series([a.status for a in chapter.assessments()]).value_counts()
chapter.say("Of {n} printed numbers with a result here: {list}.", n=int(statuses.sum()),
            list=", ".join(f"{v} {k}" for k, v in statuses.items()))

# %% [markdown] tags=["paper"]
# ### Where the paper disagrees with itself

# %% tags=["paper", "hide-input"]
chapter.derive("finding.rmse_gap", lambda p, *b: p - max(b), chapter.printed("rmse-recurrent"), chapter["rmse.recurrent.largest"],
               chapter["rmse.recurrent.any_r"], chapter["rmse.recurrent.no_error_elsewhere"], unit=CELLS,
               about="printed error less the largest of the three bounds")
chapter.derive("finding.adc_sign_product", lambda a, b: float(np.sign(a) * np.sign(b)), claim["adc-naive-b"],
               claim["adc-naive-b-table"], probe=False, about="−1: the two places print opposite signs")
chapter.say("""- **Error in recurrent samples, 3156.** Not compatible with the printed means, SDs, R² and the error of the untreated:
  {finding.rmse_gap:.0f} above the widest bound, if the error is the plain difference and 2856 ± 1461 covers all samples. That
  recurrent samples are predicted worse stands; "remarkably higher" rests on the number.
- **Slope of ADC in untreated patients.** +1.3 in abstract and text, −1.3 in Table 2; everything else printed goes with minus.
- **Slope of ADC in recurrent patients** and **mean of draws of CPM in recurrent patients** are improbable beside the printed
  rank correlations (above), not excluded. Nothing in the paper's conclusion rests on either.""")

# %% [markdown]
# ## What would change the conclusion
#
# ### Patients that differ, needles that miss
#
# The planned site and the place where the needle was are not the same: navigation errs and the brain shifts.
# What do five analyses see then? For every share of variance between patients and every targeting error,
# cohorts of patients with known slopes were drawn; imaging averages a sphere, histology sees the place of the
# needle. The grid was computed once; its recipe, seed and checksum lie in `data/derived/nocera2025`, and a
# sample is recomputed here.

# %% tags=["hide-input"]
FOLDER = paths.root() / "data" / "derived" / "nocera2025"
recipe = json.loads((FOLDER / "grid.json").read_text(encoding="utf-8"))


def stored(name):
    """A stored table; refused when its checksum is not that of the recipe."""
    content = (FOLDER / name).read_bytes()
    if (digest := hashlib.sha256(content).hexdigest()) != recipe["sha256"][name]:
        raise ValueError(f"{name} must have the checksum of its recipe. Given {digest}.")
    return pd.read_csv(io.BytesIO(content))


grid = chapter.simulated("grid", stored("grid.csv"))
first = stored("grid_first.csv")
again = run_grid([0, 1], only=[6, 27])
match = again.merge(first, on=["cell", "repeat", "method"], suffixes=("", "_stored"))
chapter.derive("grid.recomputed", lambda _: len(match), grid, about="stored analyses that were computed again here")
chapter.derive("grid.largest_difference", lambda _: float(max(
    (match[c] - match[f"{c}_stored"]).abs().max() for c in ("estimate", "lower", "upper"))), grid,
    about="largest difference between recomputed and stored estimates and limits")
if chapter["grid.largest_difference"].value > 1e-4:
    raise ValueError(f"The stored grid must be what its recipe gives. Given a difference of {chapter['grid.largest_difference'].value}.")

# %% tags=["hide-input"]
NAMES = {"samples_rho": "ρ, samples as independent", "bootstrap_rho": "ρ, patients resampled",
         "iterated_rho": "ρ, one sample per patient", "mixed_slope": "slope, random intercept",
         "within_slope": "slope within patients"}
TITLES = ("no association", "same slope within\nand between patients", "only patients differ")
near = min(ICCS, key=lambda v: abs(v - icc))
for (w, b), error, method, what in itertools.product(SLOPES, (0.0, 4.0), METHODS, ("bias", "coverage", "power")):
    chapter.derive(f"grid.{what}.{method}.w{w:g}.b{b:g}.mm{error:g}", lambda t, w, b, error, method, what: float(t[
        (t.icc == near) & (t.targeting_mm == error) & (t.slope_within == w) & (t.slope_between == b) & (t.method == method)
    ][what].iloc[0]), grid, w=w, b=b, error=error, method=method, what=what, unit="1" if what == "bias" else "%")
fig, axes = plt.subplots(3, 3, figsize=(8.6, 6.8), sharex=True, sharey="row", layout="constrained")
for j, (w, b) in enumerate(SLOPES):
    part = grid.value[(grid.value.icc == near) & (grid.value.slope_within == w) & (grid.value.slope_between == b)]
    for i, what in enumerate(("bias", "coverage", "power")):
        ax = axes[i, j]
        for method, colour in zip(METHODS, (GREY, ORANGE, PURPLE, GREEN, BLUE), strict=True):
            one = part[part["method"] == method]
            ax.plot(one["targeting_mm"], one[what], color=colour, marker="o", ms=3.5, lw=1.5, label=NAMES[method])
        ax.axhline({"bias": 0, "coverage": 95, "power": 5}[what], color=INK, lw=0.8, ls=(0, (4, 3)))
        ax.grid(axis="y", color=GRID)
    axes[0, j].set_title(TITLES[j], fontsize=10)
    axes[2, j].set_xlabel("Targeting error (mm)")
for ax, words in zip(axes[:, 0], ("Bias", "Intervals that contain\nthe truth (%)", "Finds an\nassociation (%)"), strict=True):
    ax.set_ylabel(words)
fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
chapter.figure(
    fig, "fig-grid", data=grid.value, watermark="simulated",
    caption="Bias, coverage of intervals at ninety-five percent, and share of cohorts in which an association is found, at a share of "
            "variance between patients of {near:g}. Truth: the tissue itself, for slopes the one within "
            "patients. Simulated cohorts of thirteen patients with {samples} samples, {repeats} cohorts per point.",
    alt="Nine panels of lines over the targeting error. With the same slope at both levels and no error, the slope within "
        "patients is found in {grid.power.within_slope.w0.45.b0.45.mm0:.0f} % of cohorts, at four "
        "millimetres in {grid.power.within_slope.w0.45.b0.45.mm4:.0f} %. Where only patients differ, the "
        "random intercept finds an association in {grid.power.mixed_slope.w0.b0.6.mm0:.0f} "
        "%.", near=near, samples=recipe["samples"],
    repeats=recipe["repeats"])

# %% tags=["hide-input"]
chapter.say(
    "At an ICC of {near:g} and without any association, samples taken as independent report one in "
    "{grid.power.samples_rho.w0.b0.mm0:.0f} % of cohorts, resampled patients in "
    "{grid.power.bootstrap_rho.w0.b0.mm0:.0f} %, the mixed model in {grid.power.mixed_slope.w0.b0.mm0:.0f} "
    "%. With a true slope, an error of four millimetres shifts the slope within patients by "
    "{grid.bias.within_slope.w0.45.b0.45.mm4:+.2f} and lowers the chance to find it from "
    "{grid.power.within_slope.w0.45.b0.45.mm0:.0f} % to {grid.power.within_slope.w0.45.b0.45.mm4:.0f} %. "
    "Where only patients differ, the mixed model with a random intercept reports a slope in "
    "{grid.power.mixed_slope.w0.b0.6.mm0:.0f} % of cohorts although sites of one patient do not differ; the "
    "slope within patients does in {grid.power.within_slope.w0.b0.6.mm0:.0f} %. The central range of draws "
    "of one sample per patient contains the truth in {grid.coverage.iterated_rho.w0.45.b0.45.mm0:.0f} % and "
    "its spread shrinks with the number of samples, not of patients: it is no confidence interval. "
    "Recomputed here: {grid.recomputed} stored analyses, largest difference "
    "{grid.largest_difference:.1g}.", near=near)

# %% [markdown]
# ### How many patients are needed


# %% tags=["hide-input"]
def shares(frame, predictor):
    """Share of the variance between patients of imaging and histology, not below zero."""
    rows = rows_of(frame, predictor, "whole")
    found = [attempt(icc_oneway, rows[c], rows["patient"]) for c in ("x", "y")]
    return tuple(max(f.estimate, 0.0) if f and np.isfinite(f.estimate) else float("nan") for f in found)


main = predictors[0]
sizes = rows_of(data, main, "whole").groupby("patient").size().to_numpy()
for k, what in enumerate(("imaging", "histology")):
    chapter.derive(f"plan.icc_{what}", lambda t, k: float(shares(t, main)[k]), table, k=k,
                   about=f"share of variance between patients, {what}, {main}")
alike = [1.0 if np.isnan(s) else s for s in (chapter["plan.icc_imaging"].value, chapter["plan.icc_histology"].value)]
weaker = targeting_attenuation(targeting_mm, length_mm, error_is="rms distance")
chapter.derive("plan.attenuation", lambda _: weaker, table, about="factor of the correlation at this targeting error")
plan = pd.DataFrame([
    {"patients": k, "samples per patient": m, "power": 100 * plan_correlation(
        expected_r, patients=k, samples=m, icc_x=alike[0], icc_y=alike[1], attenuation=weaker, alpha=1 - confidence).power}
    for m in (1, 2, 4) for k in range(8, 101, 4)])


def power_here(attenuation, icc_x, icc_y):
    """Power with the patients of the table; not-a-number where their samples are worth fewer than four."""
    icc_x, icc_y = (1.0 if np.isnan(icc) else icc for icc in (icc_x, icc_y))
    planned = attempt(plan_correlation, expected_r, patients=len(sizes), samples=float(np.mean(sizes)), icc_x=icc_x, icc_y=icc_y, attenuation=attenuation, alpha=1 - confidence)
    return 100 * planned.power if planned else float("nan")


chapter.derive("plan.power", power_here, chapter["plan.attenuation"], chapter["plan.icc_imaging"], chapter["plan.icc_histology"],
    unit="%", about="power with as many patients as the table has")
fig, ax = plt.subplots(figsize=(5.8, 3.2))
for m, colour in zip((1, 2, 4), (GREY, BLUE, ORANGE), strict=True):
    one = plan[plan["samples per patient"] == m]
    ax.plot(one["patients"], one["power"], color=colour, label=f"{m} per patient")
ax.axhline(80, color=GREY, lw=1, ls=(0, (4, 3)))
ax.set(xlabel="Patients", ylabel="Power (%)", ylim=(0, 102))
ax.legend(frameon=False, fontsize=9, loc="lower right", reverse=True)
chapter.figure(
    fig, "fig-plan", data=plan,
    caption="Power to find a correlation of {r:g} (without targeting error) when the needle misses by {mm:g} mm, with the "
            "shares of variance between patients of this table.",
    alt="Rising lines for one, two and four samples per patient; with as many patients as here power is {plan.power:.0f} %.",
    r=expected_r, mm=targeting_mm)

# %% tags=["hide-input"]
for share in (0.1, 0.3, 0.5, 1.0):
    chapter.derive(f"worth.icc_{share:g}", lambda t, share: design_effect(
        rows_of(t, main, "whole").groupby("patient").size().to_numpy(), share).n_effective, table, unit="samples", share=share)
worst = "" if chapter["plan.icc_imaging"].value + chapter["plan.icc_histology"].value >= 0 else (
    " A share that is not estimable counts as one, the worst case.")
chapter.say("A miss of {mm:g} mm over a tissue that stays alike over {length:g} mm multiplies a correlation by "
            "{plan.attenuation:.2f}. Shares of variance between patients: imaging {plan.icc_imaging:.2f}, "
            "histology {plan.icc_histology:.2f} ({main})." + worst + " With as many patients as here, a correlation of "
            "{r:g} is found with a power of {plan.power:.0f} %. For a correlation the product of both shares "
            "counts: at a product of one, three, five or ten tenths the samples are worth "
            "{worth.icc_0.1:.0f}, {worth.icc_0.3:.0f}, {worth.icc_0.5:.0f} or {worth.icc_1:.0f} independent "
            "ones.", mm=targeting_mm, length=length_mm, r=expected_r, main=LABEL[main])

# %% [markdown]
# ### A paragraph for a methods section

# %% tags=["hide-input"]
chapter.say(
    "> Histology was compared with {predictors} in {table.samples} samples of {table.patients} "
    "patients{groups}. Samples with a missing value were left out pairwise ({missing}). The estimand was the "
    "change of histology per unit of imaging within patients, next to that between patients; both were "
    "estimated in one linear mixed model with the patient's mean and the deviation from it as fixed effects "
    "and a random intercept per patient (REML, Satterthwaite's degrees of freedom, {level:g} % confidence "
    "intervals). {interaction}Rank correlations are Spearman's ρ with percentile intervals from {resamples} "
    "resamples of whole patients (seed {seed}). No outlier was removed in these analyses. "
    "{printed}{error}Tests are two-sided and not adjusted for multiplicity: {tests} slopes were estimated.",
    predictors=" and ".join(LABEL[p] for p in predictors),
    groups=f" ({', '.join(names)})" if len(names) > 1 else "",
    missing="; ".join(f"{LABEL[p]}: {len(data) - len(rows_of(data, p, 'whole'))}" for p in predictors), level=100 * confidence,
    interaction="Groups were compared by the interaction of slope and group, and by permutation of whole patients. "
    if contrasts else "", resamples=resamples, seed=seed,
    printed=f"In a secondary analysis samples flagged by ROUT (Q = {100 * rout_q:g} %) were left out of least-squares lines. "
    if rout_q and not MARK else "",
    error="Errors in the unit of histology are given for " + ", ".join(LABEL[p] for p in same_unit) + ". " if same_unit else "",
    tests=len(pairs) * 2)

# %% [markdown]
# ## Not shown
#
# Whether a sample came from where the plan says cannot be read from a table: targeting error enters here by
# assumption. A slope within patients needs patients with several samples; with few of them its interval is
# wide, and that is the answer. How the map itself is made is the subject of the next chapter. The methods are
# those of `compendium.statistics` (`mixed`, `clustered`, `correlation`, `agreement`, `design`) and
# `compendium.cohorts.nocera`.

# %%
chapter.save()
