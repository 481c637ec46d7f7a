# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   compendium:
#     methods:
#       estimand: "correlation of each MRI metric with its counterpart on the section, within each group of cases first, common within groups, then pooled; rank of models by the sum of two such correlations"
#       unit: "the case: a specimen or a patient"
#       analysis: "Pearson correlation with Fisher intervals; bootstrap of cases within groups and leave-one-out for scores and ranks; regression on z-scores with and without the groups"
#       missing: "ranks use the cases that are complete in every model, a correlation the pairs that are complete, a regression its complete rows; all are counted"
#       reporting: "STROBE, items 12a, 12c and 16a; the choice among models is exploratory"
#     inputs:
#       whole: {kind: table, schema: mri_histology, required: false}
#       high: {kind: table, schema: mri_histology, required: false}
#     parameters:
#       resamples: {minimum: 1}
#       alpha: {minimum: 0.0001, maximum: 0.5}
# ---

# %% [markdown]
# # How strongly do MRI and histology agree, and how sure is the choice of a model?
#
# ## The question
#
# Several models turn the same diffusion images into a cell size and a fraction of tissue inside cells. Whoever has to choose one asks
# the microscope: which model's numbers rise and fall with what is seen on the section? That needs few cases to be many enough, mice and
# patients to be one population, and the winner to win again with other cases.

# %% tags=["parameters"]
seed: int = 1  # seed of the resampling and of the illustration
resamples: int = 2000  # bootstrap resamples of cases
alpha: float = 0.05  # level of the tests
model: str = ""  # the model that is looked at closely, such as "diff_in"; empty: Diff-in if there, else the highest score
whole: str = ""  # path of a table of cases, fits to all images (input)
high: str = ""  # path of a table of cases, fits to high b-values only (input)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from compendium.cohorts.grussu_cases import NOT_MATCHED, check_cohort, illustration_cohort
from compendium.cohorts.grussu_printed import LIVERS, count_livers, livers_of, printed_targets
from compendium.diffusion.case_pairs import compare_columns, groups_of, list_pairs, regress_counterparts
from compendium.diffusion.case_selection import join_cases, models_of, rank_cases, share_won
from compendium.run.results import format_p, open_chapter
from compendium.run.schemas.tumours import MODELS
from compendium.run.theme import BLUE, GREY, INK, ORANGE
from compendium.statistics.design import power_correlation
from compendium.statistics.printed_correlations import (
    adjust_by_second, admitted_third, correlation_from_p, correlation_p, count_below, difference_error, exact_power, standard_error,
)

chapter = open_chapter("grussu2025/05_mri_vs_histology", inputs={"whole": whole, "high": high})
derive, printed = chapter.derive, chapter.printed
SHADES = dict(zip(MODELS, ("#6a3d9a", "#9a73c2", "#c7afe0", "#e08214", "#fdb863"), strict=True))
FITTED = {"whole": "all images", "high": "high b-values only"}
HISTO, MRI = ("f_histo", "vcs_histo", "cd_histo"), ("f", "vcs", "cd")
SYMBOL = {"f": "F", "vcs": "vCS", "cd": "CD"}
SHOWN = {"f_histo": "F histology", "vcs_histo": "vCS histology", "cd_histo": "CD histology", "adc": "ADC", "k": "K"}


def label_of(name):
    """A model or a metric as figures write it."""
    metric, _, rest = name.partition("_")
    known = SHOWN.get(name) or MODELS.get(name)
    return known or (f"{SYMBOL[metric]} {label_of(rest)}" if metric in MRI and rest else name)


# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Grussu and colleagues {cite}`grussu2025` compare five models under two fitting strategies in 25 cases: 7 fixed mouse livers and 18
# patients with a biopsy. A *total correlation score* (TCS, eq. 13), the correlation with histology of cell size plus that of the
# intra-cellular fraction, is highest for *Diff-in* fitted to high b-values: 0.625 (Abstract, Fig 3). Two further criteria agree: the relative error
# against histology (HFC, eq. 14) and BIC (Fig S2, S3). Table 1 gives nine correlations with p-values; regressions (eq. 16, Table S4)
# ask whether each metric follows its own counterpart. Mice and patients are pooled throughout.
#
# ## What can be tested
#
# Without the cases, only whether the printed numbers belong together (`internal`), and what 25 cases can tell. The cases are
# Supplementary Data S1 and S2, which were not obtained. Put as `grussu2025/supplementary-data-1.csv` and `-2.csv` into `build/data`, they are
# read by this chapter, and every claim that needs them is scored. Until then the figures show 25 **invented** cases.

# %% [markdown]
# ## The idea
#
# A correlation over a mixture has two sources: cases that differ within a group, and groups that differ in their means,
#
# $$r_\mathrm{pooled} = \eta_x\eta_y\,r_\mathrm{within} + \sqrt{1-\eta_x^2}\,\sqrt{1-\eta_y^2}\;r_\mathrm{between},$$
#
# where $\eta^2$ is the share of a metric's variation that lies within groups. With two groups the second source is always perfect, plus or minus one: if animals have smaller cells than patients on both rulers, that alone
# makes a correlation. So each group comes first here, then what is common within both, and the pooled number last.

# %% [markdown] tags=["paper"]
# ## The printed numbers
#
# ### Who was counted

# %% tags=["paper", "hide-input"]
def total(name, unit, *parts, label=""):
    """A sum of printed counts; a second way to the same sum is a route."""
    made = (lambda *counts: float(sum(counts)), *(printed(p) for p in parts))
    return chapter.route(name, label, *made) if name in chapter else derive(name, *made, unit=unit)


total("count.implanted", "mice", "mice-normal-appearing", "mice-necrosis", "mice-infiltrated")
total("count.mice", "mice", "mice-implanted", "mice-control")
total("count.patients", "patients", "hcc", "with-metastases")
total("count.patients", "patients", "men", "women", label="by sex")
total("count.patients", "patients", "scanner-15t-patients", "scanner-3t-patients", label="by scanner")
total("count.metastases", "patients", *(f"primary-{p}" for p in ("colon", "melanoma", "breast", "gastric", "rectal", "ovarian", "renal", "endometrial", "ureteral", "thyroid")))
total("count.biopsied", "patients", "biopsied-hcc", "biopsied-metastases")
total("count.biopsied", "patients", "biopsied-men", "biopsied-women", label="by sex")
total("count.biopsied_metastases", "patients", *(f"biopsied-{p}" for p in ("colon", "melanoma", "rectal", "ovarian", "breast", "endometrial")))
total("count.cases", "cases", "mice", "biopsied")
n, level = printed("cases"), printed("power-alpha")
chapter.say("Groups add up: {count.mice} livers, {count.patients} patients, {count.biopsied} of them with a biopsy, {count.cases} cases.")

# %% [markdown] tags=["paper"]
# ### Every r with its N and p
#
# A printed r is an interval, and with N it admits an interval of p (Student's t). The paper says two-sided and N = 25. The table also
# holds what a one-sided test would give, and N = 23: the Methods leave out two patients who had begun immunotherapy from other analyses.

# %% tags=["paper", "hide-input"]
KEYS = {"f": "Diff-in F, F", "vcs": "Diff-in vCS, vCS", "cd": "Diff-in CD, CD", "adc.f": "ADC, F", "adc.vcs": "ADC, vCS", "adc.cd": "ADC, CD",
        "k.f": "K, F", "k.vcs": "K, vCS", "k.cd": "K, CD"}
rows = []
for key, words in KEYS.items():
    r, p = (printed(f"t1-{key.replace('.', '-')}-{which}") for which in "rp")
    made = derive(f"t1.{key}.p", correlation_p, r, n, about=f"two-sided p of {words}")
    row = {"correlation": words, "r": r.value, "p printed": p.value, "two-sided, N 25": made.interval}
    for name, number, sides in (("one-sided, N 25", 25, 1), ("two-sided, N 23", 23, 2)):
        row[name] = tuple(sorted(correlation_p(x, number, sides) for x in r.interval))
    rows.append({**row, **{f"{c}: meets": row[c][0] <= p.interval[1] and p.interval[0] <= row[c][1] for c in list(row)[3:]}})
triples = pd.DataFrame(rows)
meets = [c for c in triples if c.endswith("meets")]
counts = triples[meets].sum()
shown = triples.drop(columns=meets)
for column in list(shown)[3:]:
    shown[column] = [f"{format_p(a)} to {format_p(b)}" + ("" if ok else " ✗") for (a, b), ok in zip(shown[column], triples[f"{column}: meets"], strict=True)]
chapter.table(shown, "tab-triples", "Nine correlations of Table 1: p as printed, and the range that the rounded r admits under three readings; ✗: does not meet the printed p.",
              formats={"r": ".2f", "p printed": ".2g"})

# %% tags=["paper", "hide-input"]
derive("t1.critical", lambda a, m: correlation_from_p(a, m), printed("t1-alpha"), n, about="smallest r that is significant")
p_values = [printed(f"t1-{key.replace('.', '-')}-p") for key in KEYS]
for method in ("none", "holm", "benjamini-hochberg"):
    derive(f"t1.below.{method.replace('-', '_')}", lambda *p, m, a: count_below(p, a, m), *p_values, unit="tests", m=method, a=alpha)
whole = [c.removesuffix(": meets") for c in meets if counts[c] == len(triples)]
chapter.say("As two-sided tests of {n:.0f} cases {two} of nine triples hold together, one-sided {one}, with two cases fewer {fewer}. Of these three readings, all nine fit under: "
            "{whole}. Correlations above {t1.critical:.3f} are significant. {t1.below.none} of the nine p-values lie below {alpha:g}; "
            "{t1.below.holm} does when nine tests are allowed for (Holm), and {t1.below.benjamini_hochberg} at the same false discovery rate (up to {most:.0f} within the printed digits). The paper says that p-values are unadjusted.",
            n=n.value, whole=", ".join(whole) or "none", two=int(counts.iloc[0]), one=int(counts.iloc[1]), fewer=int(counts.iloc[2]), alpha=alpha, most=chapter["t1.below.benjamini_hochberg"].interval[1])

# %% [markdown] tags=["paper"]
# ### What 25 cases can tell
#
# The paper states a power of about 50 % for a correlation of 0.4. The score is a sum of two correlations, each with an error of its own; how
# the two errors go together is not printed, so the interval of the sum is given for independent errors and for the worst case. Models that are
# compared share the histology and most of their signal, which helps: the more alike two models are, the smaller the difference that shows.

# %% tags=["paper", "hide-input"]
target = printed("power-r")
derive("power", lambda r, m, a: 100 * exact_power(r, int(m), a), target, n, level, unit="%", precision="iterative", about="exact, bivariate normal")
chapter.route("power", "Fisher's z", lambda r, m, a: 100 * power_correlation(r, m, alpha=a), target, n, level)
derive("power.ratio", lambda w, a: (100 - w) / (100 * a), chapter["power"], level, unit="fold", about="missed over falsely found")
r_size, r_fraction = printed("t1-vcs-r"), printed("t1-f-r")
derive("tcs", lambda a, b: a + b, r_size, r_fraction, about="sum of two correlations of Table 1")
chapter.route("tcs", "from the p-values", lambda a, b, m: correlation_from_p(a, m) + correlation_from_p(b, m), printed("t1-vcs-p"), printed("t1-f-p"), n)
for key, join in (("independent", np.hypot), ("worst", np.add)):
    derive(f"tcs.se.{key}", lambda a, b, m, join: float(join(standard_error(a, m), standard_error(b, m))), r_size, r_fraction, n, join=join)
alike = np.round(np.linspace(0, 0.98, 50), 2)


def gap(a, b, m, rho):
    """Difference of two scores that is 1.96 of its standard errors, for models whose metrics correlate by rho."""
    return float(1.96 * np.hypot(difference_error(a, a, rho, m), difference_error(b, b, rho, m)))


curve = pd.DataFrame([{"alike": x, "cases": m, "difference": gap(r_size.value, r_fraction.value, m, x)} for m in (25, 100, 400) for x in alike])
for x in (0.5, 0.9):
    derive(f"tcs.gap.at{10 * x:.0f}", gap, r_size, r_fraction, n, rho=x, about=f"smallest difference of two scores that shows, models correlated {x:g}")
fig, ax = plt.subplots(figsize=(6.0, 3.6))
for (m, part), colour in zip(curve.groupby("cases"), (ORANGE, BLUE, GREY), strict=True):
    ax.plot(part["alike"], part["difference"], color=colour, label=f"{m} cases")
ax.set(xlabel="Correlation between the two models' metrics", ylabel="Difference of TCS that shows (95 %)", ylim=(0, None), xlim=(0, 1))
ax.legend()
chapter.figure(fig, "fig-resolution", curve, caption="The smallest difference between the scores of two models that stands out at the two-sided 5 % level, over how alike the models are.",
               alt="Three falling curves. With {n:.0f} cases a difference of {tcs.gap.at5:.2f} is needed for models correlated one half and {tcs.gap.at9:.2f} at nine tenths.", n=n.value)

# %% tags=["paper", "hide-input"]
chapter.say("Power is {power:.0f} %, and a true correlation of that size is {power.ratio:.1f} times as likely to be missed as a false one to be found, as the paper has it. The score of "
            "{tcs:.2f} has a standard error of {tcs.se.independent:.2f} (independent errors) to {tcs.se.worst:.2f}: an interval from about {low:.1f} to {high:.1f}. Two models whose metrics "
            "correlate by 0.9 need scores {tcs.gap.at9:.2f} apart to be told apart, by 0.5 {tcs.gap.at5:.2f}. Only the highest of ten scores is printed, so the leads cannot be judged here.",
            low=chapter["tcs"].value - 1.96 * chapter["tcs.se.independent"].value, high=chapter["tcs"].value + 1.96 * chapter["tcs.se.independent"].value)

# %% [markdown] tags=["paper"]
# ### Regressions whose predictors are nearly one
#
# Equation 16 explains the density from MRI by density, size and fraction on the section. Density and size on the section are printed to
# correlate by −0.88. How MRI density goes with size on the section is not printed, but only some values leave a valid correlation matrix. Over
# those, the coefficient of density beside size can be computed (without the fraction, which could widen it further).

# %% tags=["paper", "hide-input"]
r_cd, r_both = printed("t1-cd-r"), printed("cd-vcs-histo-r")
derive("eq16.vif", lambda z: 1 / (1 - z**2), r_both, about="variance inflation, at least")
ends = [lambda y, z, i=i: admitted_third(y, z)[i] for i in (0, 1)]
for i, key in enumerate(("lower", "upper")):
    third = derive(f"eq16.third.{key}", ends[i], r_cd, r_both, about="correlation of MRI density with size on the section that is possible")
    derive(f"eq16.beta.{key}", lambda y, x, z: adjust_by_second(y, x, z).beta, r_cd, third, r_both)
grid = np.linspace(chapter["eq16.third.lower"].value + 1e-3, chapter["eq16.third.upper"].value - 1e-3, 80)
fits = [adjust_by_second(r_cd.value, x, r_both.value, n.value) for x in grid]
band = pd.DataFrame({"third": grid, "beta": [f.beta for f in fits], "error": [f.standard_error for f in fits], "p": [f.p for f in fits]})
derive("eq16.unclear", lambda z, y: float((band["p"] >= alpha).mean()), r_both, r_cd, probe=False, about="share of the possible values at which density is not significant")
fig, ax = plt.subplots(figsize=(6.0, 3.6))
ax.fill_between(band["third"], band["beta"] - 2.07 * band["error"], band["beta"] + 2.07 * band["error"], color=BLUE, alpha=0.2, lw=0)
ax.plot(band["third"], band["beta"], color=BLUE)
for y in (0, 1):
    ax.axhline(y, color=GREY, lw=0.8, ls="--" if y else "-")
ax.set(xlabel="Correlation of MRI density with cell size on the section (not printed)", ylabel="Coefficient of density (SD per SD)")
chapter.figure(fig, "fig-adjusted", band, caption="Coefficient of histological density for MRI density, adjusted for size, over what the printed correlations leave open; band: 95 % with 25 cases; dashed: one.",
               alt="A line rising from {eq16.beta.lower:.1f} to {eq16.beta.upper:.1f} with a band that covers zero on part of its way.")

# %% tags=["paper", "hide-input"]
chapter.say("The variance of the coefficient is inflated at least {eq16.vif:.1f} times. It lies between {eq16.beta.lower:.1f} and {eq16.beta.upper:.1f}, so that a value above one, which the paper explains by "
            "collinearity, is possible; over {unclear:.0f} % of the possible values it is not significant. Whether density is the main correlate of density stands in Supplementary Table S4, which was not read; the main text prints no number for it. "
            "The words \"also seen between DKI metrics and F\" rest on one of two: p is {t1.k.f.p:.3f} for K and {t1.adc.f.p:.2f} for ADC.", unclear=100 * chapter["eq16.unclear"].value)

# %% [markdown]
# ## The analysis of cases
#
# ### The cases
#
# A table has a row per case: histology, and for each model a size and a fraction. Tables for both strategies are best; one is enough.

# %% tags=["hide-input"]
found = {name: chapter.input(name) for name in FITTED if name in chapter.inputs}
if not chapter.is_user_run:
    found = {name: q for name, i in (("whole", 1), ("high", 2)) if (q := chapter.author_table(f"grussu2025-s{i}", "mri_histology")) is not None}
if not chapter.is_user_run and len(found) < 2:
    keep, two = printed_targets(lambda name: chapter.claim(name).interval.centre)
    cohort = illustration_cohort(keep, two, seed)
    found = {name: found.get(name) or chapter.illustration(f"cases, {FITTED[name]}", getattr(cohort, name)) for name in FITTED}
mark = "illustration" if any(q.evidence == "illustration" for q in found.values()) else ""
main = "high" if "high" in found else "whole"
blocks = {e: [k for k, q in found.items() if q.evidence == e] for e in dict.fromkeys(q.evidence for q in found.values())}
joined = {e: derive(f"cases.joined{i}", lambda *t, own: join_cases(dict(zip(own, t, strict=True))), *(found[k] for k in own), own=own) for i, (e, own) in enumerate(blocks.items())}
cases = joined[found[main].evidence]
groups = list(dict.fromkeys(cases.value.group))
derive("cases.n", lambda c: len(c.group), cases, unit="cases")
derive("cases.dropped", lambda c: c.dropped, cases, unit="cases", about="incomplete")
kind = {"illustration": "**invented cases**, which show the analysis and are no evidence", "user": "the table that was handed in", "author-data": "the authors' tables"}
weakest = min((q.evidence for q in found.values()), key=list(kind).index)
chapter.say("What follows uses " + kind[weakest] + ": {cases.n} cases complete in every model ({groups}); {cases.dropped} left out.",
            groups=", ".join(f"{g}: {int((cases.value.group == g).sum())}" for g in groups))

# %% [markdown]
# ### Which model?

# %% tags=["hide-input"]
parts = [derive(f"ranks{i}", rank_cases, own, resamples=resamples, seed=seed, probe=False) for i, own in enumerate(joined.values())]
for part in parts:
    for i, row in part.value.iterrows():
        for column, unit in {"tcs": "1", "tcs_lower": "1", "tcs_upper": "1", "within": "1", "first": "%", "loo_worst": "places"}.items():
            derive(f"{row['strategy']}.{row['model']}.{column}", lambda t, i, c: float(t.loc[i, c]), part, i=i, c=column, unit=unit,
                   precision="resampled" if column in ("tcs_lower", "tcs_upper", "first") else "exact")
ranks = pd.concat([part.value for part in parts], ignore_index=True)
best = ranks.loc[ranks["rank"].idxmin()]
fig, axes = plt.subplots(1, len(found), figsize=(4.1 * len(found), 3.9), sharey=True, squeeze=False, layout="constrained")
for ax, (strategy, part) in zip(axes[0], ranks.groupby("strategy", sort=False), strict=True):
    known = [m for m in MODELS if m in set(part["model"])]
    part = part.set_index("model").loc[[*known, *(m for m in part["model"] if m not in known)]]
    ax.bar(range(len(part)), part["tcs"], color=[SHADES.get(m, GREY) for m in part.index], width=0.7)
    ax.vlines(range(len(part)), part["tcs_lower"], part["tcs_upper"], color=INK, lw=1)
    ax.plot(range(len(part)), part["within"], "D", mfc="white", mec=INK, ms=5)
    ax.set(title=f"Fitted to {FITTED[strategy]}", xticks=range(len(part)))
    ax.set_xticklabels([label_of(m) for m in part.index], rotation=35, ha="right", rotation_mode="anchor")
    ax.axhline(0, color=INK, lw=0.8)
axes[0, 0].set_ylabel("Total correlation score")
chapter.figure(fig, "fig-tcs", ranks, watermark=mark,
               caption="Total correlation score by model and fitting strategy (the layout of the paper's figure). Violet: models whose extra-cellular water is faster; orange: no assumption. Bars: pooled; lines: central "
                       "interval over resamples of cases within groups; diamonds: from deviations within groups only.",
               alt="Bars for each model. Highest: {best}, {tcs:.2f}, first in {first:.0f} % of resamples; its diamond stands at {within:.2f}.", best=label_of(best["model"]), tcs=best["tcs"], first=best["first"], within=best["within"])

# %% tags=["hide-input"]
table = ranks.assign(model=ranks["model"].map(label_of), strategy=ranks["strategy"].map(FITTED)).sort_values("rank")
chapter.table(table, "tab-ranks", "Scores and how stable their ranks are: without any one case, and over resamples.", columns=["model", "strategy", "r_vcs", "r_f", "tcs", "tcs_lower", "tcs_upper", "within", "rank", "loo_best", "loo_worst", "first", "rank_low", "rank_high"],
              ranges={"95 %": ("tcs_lower", "tcs_upper"), "rank without one": ("loo_best", "loo_worst"), "95 % of ranks": ("rank_low", "rank_high")},
              formats={**dict.fromkeys(("r_vcs", "r_f", "tcs", "tcs_lower", "tcs_upper", "within"), ".2f"), "first": ".0f"})

# %% tags=["hide-input"]
chapter.say("{name} fitted to {strategy} has the highest score, {tcs:.2f} ({low:.2f} to {high:.2f}). Without any one case its rank is at worst {loo}; over resamples of cases it comes first in {first:.0f} %. "
            "From deviations within groups alone its score is {within:.2f}.", name=label_of(best["model"]), strategy=FITTED[best["strategy"]], tcs=best["tcs"], low=best["tcs_lower"], high=best["tcs_upper"],
            loo=int(best["loo_worst"]), first=best["first"], within=best["within"])

# %% [markdown]
# ### Accuracy and goodness of fit
#
# HFC adds the relative errors of size and fraction; a case is won by the model with the lowest. It punishes a constant factor, which correlation
# does not see. BIC counts in which share of a case's voxels a model fits best for its parameters (columns `votes_<model>`).

# %% tags=["hide-input"]
def draw_won(table, name, caption):
    """Stacked shares: a panel per scanner, a bar per strategy and criterion."""
    panels = list(table.groupby("part"))
    fig, axes = plt.subplots(1, len(panels), figsize=(max(5.6, 2.9 * len(panels)), 3.9), sharey=True, squeeze=False, layout="constrained")
    shades = {m: SHADES.get(m, GREY) for m in table["model"].unique()}
    for ax, (name_of, part) in zip(axes[0], panels, strict=True):
        bars = list(part.groupby(["strategy", "criterion"], sort=False))
        for x, (_, bar) in enumerate(bars):
            ax.bar(x, bar["won"], bottom=bar["won"].cumsum() - bar["won"], color=[shades[m] for m in bar["model"]], width=0.75, edgecolor="white", lw=0.5)
        ax.set(title=f"{'' if name_of == 'all' else f'{name_of}, '}{part['cases'].max()} cases", xticks=range(len(bars)))
        ax.set_xticklabels([f"{k[1]}, {'all b' if k[0] == 'whole' else 'high b'}" for k, _ in bars], rotation=35, ha="right", rotation_mode="anchor")
    axes[0, 0].set_ylabel("Cases in which the model is best (%)")
    fig.legend(handles=[plt.Rectangle((0, 0), 1, 1, color=c, label=label_of(m)) for m, c in shades.items()], loc="outside right upper", fontsize=9)
    top = table.loc[table.groupby(["part", "strategy", "criterion"], sort=False)["won"].idxmax()]
    chapter.figure(fig, name, table, watermark=mark, caption=caption, alt="Stacked bars of cases won. Most won: " + "; ".join(
        f"{r.part}, {r.criterion}, {FITTED[r.strategy]}: {label_of(r.model)}" for r in top.itertuples()) + ".")


won = {k: derive(f"won.{k}", lambda t, k: share_won({k: t}), q, k=k) for k, q in found.items()}
for k, part in won.items():
    for r in part.value.itertuples():
        derive(f"won.{k}.{r.criterion.lower()}.{r.model}", lambda t, i: float(t.loc[i, "won"]), part, i=r.Index, unit="%")
won = pd.concat([part.value for part in won.values()], ignore_index=True)
draw_won(won, "fig-criteria", "Share of cases in which a model has the lowest HFC, or the majority of votes by BIC (Supplementary Fig S2; layout from the text).")

# %% tags=["hide-input"]
has_scanner = all("scanner" in q.value and (q.value["scanner"].fillna("") != "").any() for q in found.values())
draw_won(share_won({k: q.value for k, q in found.items()}, "scanner") if has_scanner else won, "fig-criteria-scanner", "The same by scanner (Supplementary Fig S3; layout from the text)." if has_scanner else "No scanner is given: all cases.")

# %% [markdown]
# ### One model, group by group
#
# The metrics of one model beside their counterparts: each group alone, common within groups, and pooled.

# %% tags=["hide-input"]
frame = found[main].value
fallback = "diff_in" if "diff_in" in models_of(frame) else ranks[ranks["strategy"] == main].sort_values("rank")["model"].iloc[0]
chosen = model or fallback
if chosen not in models_of(frame):
    raise ValueError(f"model must be one of {', '.join(models_of(frame))}. Given {chosen!r}.")
PAIRS = {m: (f"{m}_{chosen}", f"{m}_histo") for m in MRI} | {f"{x}.{m}": (x, f"{m}_histo") for x in ("adc", "k") for m in MRI}
PAIRS |= {"cd_vcs.mri": (f"cd_{chosen}", f"vcs_{chosen}"), "cd_vcs.histo": ("cd_histo", "vcs_histo")}


for key, (a, b) in PAIRS.items():
    got = derive(f"pair.{key}", compare_columns, found[main], first=a, second=b)
    for name, part in (("pooled", "r"), ("p", "p")):
        derive(f"pair.{key}.{name}", lambda g, part: float("nan") if g is None else float(getattr(g.pooled, part)), got, part=part)
    derive(f"pair.{key}.within", lambda g: float("nan") if g is None or g.within is None else float(g.within.r), got)
pairs = list_pairs(frame, PAIRS)
pairs = pairs.assign(MRI=pairs["first"].map(label_of), beside=pairs["second"].map(label_of))
chapter.table(pairs, "tab-pairs", "Correlations within each group, common within groups, and pooled; the share of the pooled covariance that the means of the groups make, and r without any one case.",
              columns=["MRI", "beside", "cases", "n", "r", "lower", "upper", "p", "between_share", "loo_lowest", "loo_highest"],
              formats={**dict.fromkeys(("r", "lower", "upper", "between_share", "loo_lowest", "loo_highest"), ".2f"), "p": ".2g"},
              ranges={"95 %": ("lower", "upper"), "r without one": ("loo_lowest", "loo_highest")})

# %% tags=["hide-input"]
direct = [m for m in MRI if PAIRS[m][0] in frame]
fig, axes = plt.subplots(1, len(direct), figsize=(2.95 * len(direct), 3.3), squeeze=False, layout="constrained")
units = {"f": "", "vcs": " (µm)", "cd": " (per volume)"}
label = groups_of(frame)
for ax, m in zip(axes[0], direct, strict=True):
    a, b = PAIRS[m]
    for (name, own), colour, shape in zip(frame.groupby(label, sort=False), (ORANGE, BLUE, GREY, INK) * 9, "sovD" * 9, strict=False):
        own = own[[a, b]].dropna()
        ax.plot(own[b], own[a], shape, color=colour, ms=5, alpha=0.85, mec="white", label=f"{name}")
        if len(own) > 2:
            line = np.polyfit(own[b], own[a], 1)
            ends = np.array([own[b].min(), own[b].max()])
            ax.plot(ends, np.polyval(line, ends), color=colour, lw=1.2)
    ax.set(xlabel=f"{label_of(b)}{' (µm)' if m == 'vcs' else ' (per area)' if m == 'cd' else ''}", ylabel=f"{label_of(m + '_' + chosen)}{units[m]}")
    if m == "cd":
        ax.ticklabel_format(style="sci", scilimits=(0, 0), axis="y")
axes[0, 0].legend(fontsize=9)
wide = frame[["case", *[c for m in direct for c in PAIRS[m]]]].assign(group=label)
chapter.figure(fig, "fig-pairs", wide, watermark=mark, caption="The model's metrics over their counterparts on the section, with a line per group.",
               alt="Scatter plots with a line per group: " + "; ".join(f"{label_of(PAIRS[m][1])}: pooled r {{pair.{m}.pooled:.2f}}, common within groups {{pair.{m}.within:.2f}}" for m in direct) + ".")

# %% tags=["hide-input"]
chapter.say("Common within groups, cell size correlates with its counterpart by {pair.vcs.within:.2f}, the fraction by {pair.f.within:.2f} and density by {pair.cd.within:.2f}; pooled it is {pair.vcs.pooled:.2f}, "
            "{pair.f.pooled:.2f} and {pair.cd.pooled:.2f}. Where the two differ, the means of the groups make the difference." if len(groups) > 1 else
            "Cell size correlates with its counterpart by {pair.vcs.pooled:.2f}, the fraction by {pair.f.pooled:.2f} and density by {pair.cd.pooled:.2f}. There is one group only.")

# %% tags=["hide-input"]
layout = {key: "–" if key not in set(pairs["pair"]) else f"r = {chapter[f'pair.{key}.pooled'].value:.2f}; p = {format_p(chapter[f'pair.{key}.p'].value)}".replace("-", "−")
          for key in PAIRS}
rows = [{"": label_of(chosen), **{SHOWN[f"{m}_histo"]: layout[m] for m in MRI}}]
rows += [{"": f"DKI {x.upper()}", **{SHOWN[f"{m}_histo"]: layout[f"{x}.{m}"] for m in MRI}} for x in ("adc", "k")]
chapter.table(pd.DataFrame(rows), "tab-table1", "Pooled correlations of each metric with its counterpart, and of ADC and K (layout of Table `1`)" + ("; illustration." if mark else "."))

# %% [markdown]
# ### All pairs

# %% tags=["hide-input"]
def draw_matrix(strategy, name, caption):
    """Correlation matrix of all metrics, histology first."""
    t = found[strategy].value
    columns = [c for c in (*HISTO, "adc", "k") if c in t] + [f"{m}_{x}" for x in models_of(t) for m in MRI if f"{m}_{x}" in t]
    matrix = t[columns].corr(min_periods=4)
    fig, ax = plt.subplots(figsize=(7.4, 6.4), layout="constrained")
    image = ax.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    for i, j in np.ndindex(matrix.shape):
        v = matrix.iat[i, j]
        if np.isfinite(v):
            ax.text(j, i, f"{round(v, 1) + 0.0:.1f}".replace("-", "−"), ha="center", va="center", fontsize=6.5, color="white" if abs(v) > 0.6 else INK)
    names = [label_of(c) for c in columns]
    ax.set(xticks=range(len(names)), yticks=range(len(names)), yticklabels=names)
    ax.set_xticklabels(names, rotation=60, ha="right", rotation_mode="anchor")
    ax.spines[:].set_visible(False)
    fig.colorbar(image, ax=ax, shrink=0.7).ax.set_title("r", fontsize=9)
    lowest = matrix.where(np.triu(np.ones(matrix.shape, bool), 1)).stack().idxmin()
    chapter.figure(fig, name, matrix.reset_index(names="metric"), watermark=mark, caption=caption,
                   alt="A square of correlations in blue and red. The lowest is between {a} and {b}, {v:.2f}.", a=label_of(lowest[0]), b=label_of(lowest[1]), v=matrix.loc[lowest])


draw_matrix("whole" if "whole" in found else main, "fig-matrix-whole", "Correlations of all pairs of metrics, pooled" + (": fits to all images (Supplementary Fig S19; layout from the text)." if "whole" in found else "."))

# %% tags=["hide-input"]
draw_matrix(main, "fig-matrix-high", "Correlations of all pairs of metrics, pooled" + (": fits to high b-values only (Supplementary Fig S20; layout from the text)." if main == "high" else "."))

# %% [markdown]
# ### Each metric and its own counterpart
#
# Regressions on z-scores (eq. `16`), as they are and with the groups as a further predictor. VIF says how much a predictor's variance is
# inflated by the others.

# %% tags=["hide-input"]
EQ16 = {f"vcs_{chosen}": ("vcs_histo", "f_histo"), f"f_{chosen}": ("f_histo", "vcs_histo"), f"cd_{chosen}": ("cd_histo", "f_histo", "vcs_histo")}
regressions = derive("regressions", regress_counterparts, found[main], models=EQ16)
for i, r in regressions.value[regressions.value["counterpart"]].iterrows():
    derive(f"eq16.{r['outcome'].split('_')[0]}.{'grouped' if r['groups'] else 'pooled'}", lambda t, i: float(t.loc[i, "beta"]), regressions, i=i, precision="iterative")
shown = regressions.value.assign(outcome=regressions.value["outcome"].map(label_of), predictor=regressions.value["predictor"].map(label_of), groups=regressions.value["groups"].map({True: "yes", False: "no"}))
chapter.table(shown.rename(columns={"inflation": "VIF"}).drop(columns="counterpart"), "tab-regressions", "Standardized coefficients (Supplementary Table S4; layout from the text), without and with the groups as predictors.",
              formats={"beta": ".2f", "lower": ".2f", "upper": ".2f", "p": ".2g", "VIF": ".1f"}, ranges={"95 %": ("lower", "upper")})

# %% [markdown] tags=["paper"]
# ### Livers that the text singles out

# %% tags=["paper", "hide-input"]
for kind_of in LIVERS:
    derive(f"mice.{kind_of}", count_livers, found[main], kind=kind_of, unit="mice")
derive("mice.phenotypes", lambda *c: float("nan") if np.isnan(c[0]) else float(sum(x > 0 for x in (c[0] + c[1], c[2], c[3]))), *(chapter[f"mice.{k}"] for k in LIVERS), unit="phenotypes")
for m, unit in (("f", "1"), ("vcs", "um")):
    derive(f"mice.{m}_histo", lambda t, c: float(livers_of(t)[c].mean()), found[main], c=f"{m}_histo", unit=unit, about="mean of the livers")
derive("hfc.errors", lambda m, h: abs(m - h), printed("ovarian-vcs-mri"), printed("ovarian-vcs-histo"), unit="um", about="absolute error of size in one printed patient")
if found["high"].evidence == "author-data":
    chapter.route("tcs", "the authors' table", lambda a, b: a + b, chapter["pair.vcs.pooled"], chapter["pair.f.pooled"])
if {q.evidence for q in found.values()} == {"illustration"}:
    checked = check_cohort(cohort, keep, two)
    chapter.say("In the invented cases {met} of {all} printed statistics hold to the last printed digit or the words of the text. Not matched, because not printed: " + "; ".join(NOT_MATCHED) + ".",
                met=int((abs(checked["cohort"] / checked["printed"] - 1) < 0.005).sum() + (checked["statistic"] == "mice vcs_histo").sum()), all=len(checked))

# %% [markdown] tags=["paper"]
# ## Does it agree?

# %% tags=["paper"]
chapter.agreement()

# %% [markdown]
# ## What would change the conclusion
#
# More cases, first of all in each group. A correlation inside one species, with a spread of cell sizes as wide as tumours have. Histology over the region
# that MRI averages rather than a sliver of it, since a sliver weakens every model alike. And a score that is named before the models are fitted: the best of
# many correlations is too high on average, because chance helped it to be best.
#
# ## Not shown
#
# Measured signals and residuals of single voxels (they need the images), and what a model should be if its choice were scored on cases that did not choose it.
# The statistics are in `compendium.diffusion.case_selection`, `compendium.statistics.grouped_correlation` and `compendium.statistics.printed_correlations`.

# %%
chapter.save()
