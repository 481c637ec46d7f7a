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
#       estimand: "area under the ROC curve of each marker, with the direction fixed beforehand, and the difference of two areas in the same examinations"
#       unit: "the examination within the patient"
#       analysis: "areas, intervals and tests that know of patients first, DeLong's that take examinations as independent beside them; thresholds by Youden's index with their spread over resampled patients; tests between subgroups that a reading defines are shown and marked as circular"
#       missing: "a marker's missing values leave the examination out of that marker and of its pairs, and are counted"
#       reporting: "STARD 2015, items 10a, 12a, 14, 16, 17 and 24"
#     inputs:
#       markers:
#         kind: table
#         schema: markers
#         required: false
# ---

# %% [markdown]
# # Which marker tells a recurrence from the trace of treatment?
#
# ## The question
#
# A perfusion map gives a number for each suspicious lesion. How well does that number separate a recurrence
# from the trace of treatment, does one marker do it better than another, and at which value should a clinic
# draw the line? A line that moves with every new patient is no line to act on.

# %% tags=["parameters"]
seed: int = 1  # seed of every resampling and simulation
resamples: int = 400  # resamples of the patients for the thresholds
confidence: float = 0.95  # confidence level of every interval
direction: str = "higher"  # values that speak for the condition; exceptions by marker: "higher, adc lower"
grouping: str = "cbv cmri, ucbv uperf, mti uperf"  # marker and the read that makes its subgroups; else all pairs
cohort_seed: int = 3  # seed of the illustration cohort, used without a table
markers: str = ""  # path of a table of markers (input)

# %% tags=["hide-input"]
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

from compendium.cohorts.stadlbauer import check_marker_cohort, marker_cohort
from compendium.evidence.feasibility.conversions import standard_error_from_interval
from compendium.evidence.feasibility.roc import largest_auc_error, rank_sum_p_from_auc
from compendium.evidence.feasibility.roc_bounds import (
    binormal_error,
    hanley_mcneil_error,
    largest_auc_if_part_is_like_negatives,
    largest_undecided_auc,
    least_auc_against_false_positives,
    least_auc_against_part,
    least_auc_of_part,
    smallest_signed_rank_p,
    z_of_correlated_areas,
)
from compendium.run.results import open_chapter
from compendium.run.theme import COLOURS, GREY, GRID, INK, ORANGE, use_theme
from compendium.statistics.auc import (
    clustered_auc_interval,
    clustered_auc_test,
    delong_interval,
    delong_test,
)
from compendium.statistics.clustered import design_effect
from compendium.statistics.groups import anova, levene_test
from compendium.statistics.ranks import mann_whitney, wilcoxon_signed_rank
from compendium.statistics.roc import roc_curve
from compendium.statistics.subgroups import compare_subgroups, diagnostic_subgroups, group_values
from compendium.statistics.thresholds import threshold_stability, youden_threshold

if not 0 < confidence < 1:
    raise ValueError(f"confidence must lie between 0 and 1. Given {confidence}.")
if resamples < 1:
    raise ValueError(f"resamples must be at least 1. Given {resamples}.")
use_theme()
chapter = open_chapter("stadlbauer2025/02_markers", inputs={"markers": markers})
derive, printed = chapter.derive, chapter.printed

# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Stadlbauer and colleagues {cite}`stadlbauer2025` measured three markers in the suspicious lesions and print
# their areas under the ROC curve for recurrence (Results, Diagnostic Performance; Fig 5; Abstract):
#
# | | AUROC | 95 % CI | P |
# |---|---:|---:|---:|
# | MTI, microvascular type indicator | 0.987 | 0.976–0.999 | < .001 |
# | µCBV, microvascular blood volume | 0.982 | 0.965–0.998 | < .001 |
# | CBV, from the conventional sequence | 0.941 | 0.918–0.965 | < .001 |
#
# The abstract says that µPerf significantly surpasses conventional MRI. No test between two areas is named.
# The numbers of examinations behind the curves are not printed; 341 with and 81 without recurrence are
# assumed, as in the matrices. Values by diagnostic subgroup stand in the supplement, which was not read. The
# text compares subgroups in words: CBV of recurrences that the conventional reading missed is "not
# significantly different" from true negatives; so are MTI and µCBV of those that µPerf missed; and the four
# false positives of µPerf do not differ from true positives.
#
# ## What can be tested
#
# An area and its interval imply a standard error, and with the numbers of examinations they bound what any
# subgroup can look like: *internal* evidence. What a test between MTI and CBV would have given depends on
# one number that is not printed, how alike the two rank the same examinations; it is drawn over all its
# values. The curves need values, so Fig 5 and the subgroups are drawn from an *illustration*: a cohort that
# is invented and matched to what is printed as far as that is compatible. It shows what the methods do and
# proves nothing about these patients.

# %% [markdown]
# ## The idea
#
# The area under the ROC curve is the probability that a lesion with the condition has a higher value than
# one without,
#
# $$A = P(X > Y) + \tfrac{1}{2}\,P(X = Y),$$
#
# and its uncertainty comes from both groups and from patients who contribute to either. The groups must be
# made by the reference standard. Groups made by a *read* are another matter: whoever reads the map sorts the
# lesions by it. The figure plants a marker that says nothing about the condition, lets a reader call high
# values positive, and then compares subgroups of the read, as is often done.

# %% tags=["hide-input"]
def circular(follows, n=150, repeats=300):
    """Percent of studies with p < .05 between found and missed cases, for a marker that says nothing."""
    rng = np.random.default_rng([seed, round(100 * follows)])
    marker = rng.standard_normal((repeats, n))  # cases with the condition only: the truth is the same for all
    said = follows * marker + np.sqrt(1 - follows**2) * rng.standard_normal((repeats, n)) > -0.8
    return 100 * float(np.mean([mann_whitney(m[s], m[~s], method="asymptotic").p < 0.05
                                for m, s in zip(marker, said, strict=True)]))


follows = np.array([0.0, 0.15, 0.3, 0.45, 0.6, 0.8])
idea = pd.DataFrame({"follows": follows, "significant": [circular(f) for f in follows]})
simulation = chapter.simulated("a marker without information", idea)
for name, row in (("independent", 0), ("weak", 2)):
    derive(f"circular.{name}", lambda t, row: float(t["significant"].iloc[row]), simulation, unit="%", row=row,
           precision="resampled", about="planted studies in which missed and found cases differ")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.2, 3.1))
ax.axhline(5, color=GREY, lw=1, ls=(0, (4, 3)))
ax.annotate("promised", (0.8, 5), (0, 5), textcoords="offset points", color=GREY, ha="right", fontsize=9)
ax.plot(idea["follows"], idea["significant"], "o-", color=ORANGE, ms=5)
ax.set(xlabel="Correlation between the marker and the reader's impression",
       ylabel="Studies in which missed and\nfound cases differ (%)", ylim=(0, 103))
chapter.figure(
    fig, "fig-circular", data=idea, watermark="simulated",
    caption="A marker without any information about the condition, compared between found and missed cases. "
            "Simulated. Dashed: what a test promises when nothing differs.",
    alt="A line that rises steeply: {circular.independent:.0f} % of studies find a difference when the reader "
        "ignores the marker, {circular.weak:.0f} % when the reader follows it a little.")

# %% tags=["hide-input"]
chapter.say("When the reader ignores the marker, {circular.independent:.0f} % of the studies find a difference "
            "between found and missed cases; when the reader follows it a little, {circular.weak:.0f} % do. The "
            "marker is as empty as before. Such tests describe how the read was made.")

# %% [markdown]
# ## The analysis

# %% [markdown] tags=["paper"]
# ### What the printed intervals imply
#
# All three intervals are symmetric about their area within rounding, which is how SPSS and Wald write them.
# Width over twice the normal quantile gives the standard error. Beside it stand the error that Hanley and
# McNeil's formula gives from area and numbers alone {cite}`hanley1982`, the one that DeLong's method
# {cite}`delong1988` gives on average for two normal distributions of equal variance, and the largest that any
# data with that area can have.

# %% tags=["paper", "hide-input"]
NAMES = {"mti": "MTI", "ucbv": "µCBV", "cbv": "CBV"}
PRINTED = {m: [printed(f"auroc-{m}"), printed(f"auroc-{m}-lower"), printed(f"auroc-{m}-upper")] for m in NAMES}
n1, n0 = printed("recurrence-examinations"), printed("no-recurrence-examinations")


def wald_error(lower, upper):
    """Standard error of a symmetric interval."""
    return standard_error_from_interval((lower, lower), (upper, upper))[0]


def rank_p(auc, m, n):
    """Rank-sum p of an area against one half."""
    return rank_sum_p_from_auc(auc, round(m), round(n))


ERRORS = {"wald": "from the interval", "hanley_mcneil": "Hanley–McNeil", "binormal": "DeLong, normal data",
          "largest": "largest possible"}
for m, (auc, low, high) in PRINTED.items():
    derive(f"{m}.printed.midpoint", lambda a, b: (a + b) / 2, low, high)
    derive(f"{m}.printed.lower_by_symmetry", lambda a, b: 2 * a - b, auc, high)
    derive(f"{m}.printed.upper_by_symmetry", lambda a, b: 2 * a - b, auc, low)
    derive(f"{m}.printed.p", rank_p, auc, n1, n0, about="rank-sum test against an area of one half")
    derive(f"{m}.error.wald", wald_error, low, high)
    derive(f"{m}.error.hanley_mcneil", hanley_mcneil_error, auc, n1, n0)
    derive(f"{m}.error.binormal", binormal_error, auc, n1, n0)
    derive(f"{m}.error.largest", lambda a, m, n: largest_auc_error(a, round(m), round(n)), auc, n1, n0)
_ = derive("uperf.least_auc", min, PRINTED["mti"][0], PRINTED["ucbv"][0], about="the smaller of the two areas")

# %% tags=["paper", "hide-input"]
errors = pd.DataFrame([{"marker": NAMES[m]} | {label: chapter[f"{m}.error.{e}"].value for e, label in ERRORS.items()}
                       | {f"Wald, {side}": chapter[f"{m}.error.wald"].interval[i] for i, side in
                          enumerate(("least", "most"))} for m in NAMES])
chapter.table(errors, "tab-errors", "Standard errors of the areas. Least and most: over the rounding of the "
              "printed limits.", formats=dict.fromkeys(errors.columns[1:], ".4f"))

# %% tags=["paper", "hide-input"]
chapter.say("The printed intervals are "
            + ", ".join(f"{{ratio_{m}:.2f}}" for m in NAMES)
            + " times as wide as Hanley and McNeil's for " + ", ".join(NAMES.values())
            + ", and inside what data with such areas can have. So they were not computed from area and numbers; "
            "a nonparametric error on markers with a heavy tail of missed cases would look like this.",
            **{f"ratio_{m}": chapter[f"{m}.error.wald"].value / chapter[f"{m}.error.hanley_mcneil"].value
               for m in NAMES})

# %% [markdown] tags=["paper"]
# ### Is MTI better than CBV?
#
# Two areas on the same examinations differ by
# $z = (A_1 - A_2)/\sqrt{s_1^2 + s_2^2 - 2\,r\,s_1 s_2}$. Areas and errors are printed, the correlation $r$ of
# the two is not. Markers of one lesion rank examinations alike, so $r$ is hardly negative.

# %% tags=["paper", "hide-input"]
PAIRS = {"mti-vs-cbv": ("mti", "cbv"), "ucbv-vs-cbv": ("ucbv", "cbv"), "mti-vs-ucbv": ("mti", "ucbv")}
CORRELATIONS = {"none": 0.0, "weak": 0.3, "strong": 0.6}
for key, (a, b) in PAIRS.items():
    four = PRINTED[a][0], PRINTED[b][0], chapter[f"{a}.error.wald"], chapter[f"{b}.error.wald"]
    for word, r in CORRELATIONS.items():
        derive(f"{key}.z.{word}", z_of_correlated_areas, *four, correlation=r)
    derive(f"{key}.p.none", lambda z: float(2 * stats.norm.sf(abs(z))), chapter[f"{key}.z.none"])
returning = [printed(f"patients-{n}-recurrence{s}") for n, s in
             (("one", ""), ("two", "s"), ("three", "s"), ("four", "s"))]


def evenly(*patients):
    """Design effect of whole agreement within patients who have one, two, three, … examinations."""
    return design_effect(np.repeat(np.arange(1, len(patients) + 1), np.round(patients).astype(int)), icc=1).factor


def unevenly(n, patients):
    """The same if one patient has all examinations that the others cannot have."""
    return design_effect([1] * (round(patients) - 1) + [round(n - patients + 1)], icc=1).factor


derive("clustering.recurrences", evenly, *returning, about="variance inflation, patients wholly alike")
derive("clustering.others", unevenly, n0, printed("no-recurrence-patients"), about="the same, worst split")
for effect in ("recurrences", "others"):
    derive(f"mti-vs-cbv.z.{effect}", lambda z, e: z / np.sqrt(e), chapter["mti-vs-cbv.z.none"],
           chapter[f"clustering.{effect}"])

# %% tags=["paper", "hide-input"]
grid = np.linspace(-0.3, 0.9, 61)
curves = pd.DataFrame({"correlation": grid})
fig, ax = plt.subplots(figsize=(6.6, 3.6))
for (key, (a, b)), colour in zip(PAIRS.items(), COLOURS, strict=False):
    one, two = chapter[f"{a}.error.wald"], chapter[f"{b}.error.wald"]
    areas = PRINTED[a][0].value, PRINTED[b][0].value
    curves[key] = z_of_correlated_areas(*areas, one.value, two.value, grid)
    low = z_of_correlated_areas(areas[0] - 5e-4, areas[1] + 5e-4, one.interval[1], two.interval[1], grid)
    high = z_of_correlated_areas(areas[0] + 5e-4, areas[1] - 5e-4, one.interval[0], two.interval[0], grid)
    ax.fill_between(grid, low, high, color=colour, alpha=0.15, lw=0)
    ax.plot(grid, curves[key], color=colour)
    at = {"mti-vs-cbv": (0.35, 7), "ucbv-vs-cbv": (0.5, -17), "mti-vs-ucbv": (0.35, 7)}[key]
    ax.annotate(f"{NAMES[a]} − {NAMES[b]}", (at[0], np.interp(at[0], grid, curves[key])), (0, at[1]),
                textcoords="offset points", color=colour, ha="right" if at[1] > 0 else "left")
ax.axhline(stats.norm.isf(0.025), color=GREY, lw=1, ls=(0, (4, 3)))
ax.text(-0.29, 2.05, "p = .05", color=GREY, fontsize=9)
ax.set(xlabel="Correlation of the two areas (not printed)", ylabel="z of the difference", xlim=(-0.3, 0.9),
       ylim=(0, 9))
chapter.figure(
    fig, "fig-correlation", data=curves,
    caption="What a paired test between two printed areas would give, over the correlation that is not printed. "
            "Bands: rounding of the printed digits. Examinations taken as independent.",
    alt="Three rising curves of z over correlation. MTI against CBV starts above the line of p = .05 and is "
        "{mti-vs-cbv.z.none:.1f} without correlation; MTI against µCBV is {mti-vs-ucbv.z.none:.1f}.")

# %% tags=["paper", "hide-input"]
chapter.say("Without any correlation, MTI against CBV gives z = {mti-vs-cbv.z.none:.2f} (p = {mti-vs-cbv.p.none:p}); "
            "with {weak:.1f} and {strong:.1f} it would be {mti-vs-cbv.z.weak:.2f} and {mti-vs-cbv.z.strong:.2f}. So "
            "the advantage over CBV holds for every correlation that is not negative, if examinations were "
            "independent. MTI and µCBV cannot be told apart (z = {mti-vs-ucbv.z.none:.2f} to "
            "{mti-vs-ucbv.z.strong:.2f}). If all recurrences of a patient were alike, the variance would grow by at "
            "most {clustering.recurrences:.2f} and z fall to {mti-vs-cbv.z.recurrences:.2f}. For the examinations "
            "without recurrence the split over patients is not printed; the most uneven one would multiply the "
            "variance by {clustering.others:.2f} and leave z = {mti-vs-cbv.z.others:.2f}.", **CORRELATIONS)

# %% [markdown] tags=["paper"]
# The printed CBV is one map, not the conventional *reading*, which also saw anatomy and diffusion: that
# reading's sensitivity and specificity lie in `stadlbauer2025/01_detection`.
#
# ### What the areas force upon the subgroups
#
# The area of all recurrences is the mean over those found and those missed, weighted by their number. If the
# 283 found ones beat every examination without recurrence, which is the most they can do, the missed 58 must
# make up the rest. "Under stated n" means: the curve rests on 341 and 81 examinations.

# %% tags=["paper", "hide-input"]
matrix = {r: {c: printed(f"{r}-{c}") for c in ("tp", "fp", "fn", "tn")} for r in ("cmri", "uperf")}
c, u = matrix["cmri"], matrix["uperf"]
derive("cbv.missed.least_auc", least_auc_of_part, PRINTED["cbv"][0], c["tp"], c["fn"])
least = derive("cbv.missed.least_auc_true_negatives", least_auc_against_part, chapter["cbv.missed.least_auc"],
               c["tn"], c["fp"])
derive("cbv.missed.largest_p", rank_p, least, c["fn"], c["tn"], about="rank-sum p at the least area")
derive("cbv.missed.auroc_if_same", largest_auc_if_part_is_like_negatives, c["tp"], c["fn"])
undecided = derive("mti.missed.undecided_auc", largest_undecided_auc, u["fn"], u["tn"])
false = derive("mti.fp.least_auc", least_auc_against_false_positives, PRINTED["mti"][0],
               *[u[cell] for cell in ("tp", "fn", "fp", "tn")], undecided)
derive("mti.fp.largest_p", rank_p, false, u["tp"], u["fp"], about="rank-sum p at the least area")
derive("mti.reversed_auc", lambda a: 1 - a, PRINTED["mti"][0], about="area if low MTI spoke for recurrence")
for kind, exact in (("exact", True), ("normal", False)):
    derive(f"white_matter.{kind}_p", smallest_signed_rank_p, u["fp"], exact=exact, about="smallest signed-rank p")
    derive(f"white_matter.one_sided_{kind}_p", lambda n, e: smallest_signed_rank_p(n, exact=e) / 2, u["fp"], e=exact,
           about="the same, one-sided")
missed_patients = derive("cbv.missed.patients", lambda a, b: a + b, printed("early-patients"),
                         printed("paired-present-neither"), unit="patients")
_ = derive("cbv.missed.least_auc_patients", lambda a, k, fn: least_auc_of_part(a, k - fn, fn), PRINTED["cbv"][0],
           printed("recurrence-patients"), missed_patients, about="if one examination per patient entered the curve")

# %% tags=["paper", "hide-input"]
missed = np.arange(4, 121)
total = n1.value
forced = pd.DataFrame({"missed": missed, "largest undecided": largest_undecided_auc(missed, n0.value)} | {
    NAMES[m]: least_auc_of_part(PRINTED[m][0].value, total - missed, missed) for m in NAMES})
fig, ax = plt.subplots(figsize=(6.6, 3.6))
ax.fill_between(missed, 0.5, forced["largest undecided"], color=GRID)
ax.text(118, 0.505, "a rank-sum test would not tell them apart", color=GREY, fontsize=9, ha="right", va="bottom")
for (m, name), colour in zip(NAMES.items(), COLOURS, strict=False):
    ax.plot(missed, forced[name], color=colour)
    ax.annotate(name, (120, forced[name].iloc[-1]), (5, 4 if m == "mti" else -5 if m == "ucbv" else 0),
                textcoords="offset points", color=colour, va="center")
ax.plot(c["fn"].value, chapter["cbv.missed.least_auc"].value, "o", color=COLOURS[2], ms=7)
ax.annotate("the conventional reading missed 58", (58, chapter["cbv.missed.least_auc"].value), (8, -4),
            textcoords="offset points", va="center", fontsize=9, color=COLOURS[2])
ax.set(xlabel="Recurrences that are missed, of 341", ylabel="Least area, missed against\nno recurrence",
       ylim=(0.4, 1), xlim=(0, 120))
chapter.figure(
    fig, "fig-forced", data=forced,
    caption="What each printed area forces upon the missed recurrences if the found ones are separated perfectly. "
            "Below the curve the area of all cannot be reached. Gray: areas that a rank-sum test against the 81 "
            "examinations without recurrence would not call significant.",
    alt="Three rising curves. With 58 missed, CBV of the missed must exceed that of an examination without "
        "recurrence with a probability of at least {cbv.missed.least_auc:.2f}, above the gray band.")

# %% tags=["paper", "hide-input"]
chapter.say("With {fn:.0f} missed, an area of {area:.3f} needs the missed to exceed the negatives with a "
            "probability of at least {cbv.missed.least_auc:.3f} (against the true negatives alone "
            "{cbv.missed.least_auc_true_negatives:.3f}, p at most {cbv.missed.largest_p:p} by ranks). If they ranked "
            "like negatives, the area could be at most {cbv.missed.auroc_if_same:.3f}. With one examination per "
            "patient the bound is {cbv.missed.least_auc_patients:.3f}. For MTI the area of {mti:.3f} with "
            "{few:.0f} missed and {false:.0f} false positives leaves P(TP > FP) at least {mti.fp.least_auc:.2f}, "
            "p at most {mti.fp.largest_p:p}, if the missed are not told from true negatives.",
            fn=c["fn"].value, area=PRINTED["cbv"][0].value, mti=PRINTED["mti"][0].value, few=u["fn"].value,
            false=u["fp"].value)

# %% [markdown] tags=["paper"]
# These are statements about ranks. The paper compared *means* with a linear model and Dunnett's T3, whose
# outcome can differ: two skewed groups can have equal means while one has the larger values more often. So
# "not significant" and the printed areas can both be right, and then the text says little about overlap.

# %% [markdown]
# ### From values to curves
#
# From here on the same cells run on any table of markers; without one they run on an invented cohort.

# %% tags=["hide-input"]
def illustrate():
    """The invented cohort, matched to the printed areas and to the range of CBV of the false positives."""
    targets = {m: tuple(printed(f"auroc-{m}{end}").value for end in ("", "-lower", "-upper"))
               for m in ("cbv", "ucbv", "mti")}
    extremes = printed("cbv-fp-min").value, printed("cbv-fp-max").value
    return marker_cohort(targets, extremes, cohort_seed), targets, extremes


if chapter.is_user_run:
    table, targets = chapter.input("markers"), {}
else:
    cohort, targets, extremes = illustrate()
    table = chapter.illustration("marker cohort", cohort)
MARK = "" if chapter.is_user_run else "illustration"
plt.rcParams["axes.facecolor"] = "none"  # so that the word across a synthetic figure shows through
names = [c.removeprefix("marker_") for c in table.value.columns if c.startswith("marker_")]
reads = [c.removeprefix("read_") for c in table.value.columns if c.startswith("read_")]
LABELS = {"mti": "MTI", "ucbv": "µCBV", "cbv": "CBV", "cmri": "cMRI", "uperf": "µPerf"} if MARK else {}
colour_of = dict(zip(names, itertools.cycle((COLOURS[2], COLOURS[1], COLOURS[0], *COLOURS[3:])), strict=False))


def label(name):
    """Name of a marker or read as it is shown."""
    return LABELS.get(name, name.replace("_", " "))


def read_directions(text):
    """Direction by marker from the parameter: a default and exceptions."""
    default, *exceptions = [part.split() for part in text.split(",")]
    chosen = dict.fromkeys(names, default[-1]) | {e[0]: e[-1] for e in exceptions}
    unknown = [n for n in chosen if n not in names]
    if unknown or not set(chosen.values()) <= {"higher", "lower"}:
        raise ValueError(f'direction is "higher" or "lower", then exceptions by marker. Given "{text}".')
    return chosen


way = read_directions(direction)
WORDS = {f"name.{n}": label(n) for n in [*names, *reads]} | {f"way.{n}": way[n] for n in names}
WORDS |= {"level": 100 * confidence, "source": "the table that was handed in" if not MARK else
          "the illustration cohort, which is invented"}


def each(template, keys, separator="; "):
    """A template once per name, with the name for every @."""
    return separator.join(template.replace("@", str(key)) for key in keys)

# %% tags=["hide-input"]
counts = {"examinations": lambda t: len(t), "patients": lambda t: t["patient"].nunique(),
          "present": lambda t: int((t["reference"] == 1).sum()), "absent": lambda t: int((t["reference"] == 0).sum())}
for name, count in counts.items():
    derive(f"table.{name}", count, table, unit="patients" if name == "patients" else "examinations")
for n in names:
    derive(f"{n}.missing", lambda t, n: int(t[f"marker_{n}"].isna().sum()), table, unit="examinations", n=n)
chapter.say("These results come from {source}: {table.examinations} examinations of {table.patients} patients, "
            "{table.present} with the condition and {table.absent} without. Values missing: "
            + each("{name.@} {@.missing}", names) + ". Direction, fixed beforehand: "
            + each("{way.@} {name.@} speaks for the condition", names) + ".\n\n"
            + "\n\n".join(f"Reading the table: {{note{i}}}" for i, _ in enumerate(table.value.attrs.get("notes", ()))),
            **WORDS, **{f"note{i}": note for i, note in enumerate(table.value.attrs.get("notes", ()))})

# %%
def enough(data, *markers):
    """Whether examinations with these markers come from two patients at least, with the condition and without."""
    kept = data.dropna(subset=[f"marker_{n}" for n in markers])
    return all(kept.loc[kept["reference"] == code, "patient"].nunique() > 1 for code in (0, 1))


def area(data, n, kind, part):
    """Area of a marker with its interval: patients as clusters (Obuchowski), or DeLong; none where nothing varies."""
    given = data["reference"], data[f"marker_{n}"]
    if not enough(data, n) and part != "estimate":
        return float("nan")
    if kind == "clustered" and enough(data, n):
        got = clustered_auc_interval(*given, data["patient"], way[n], confidence)
    else:
        got = delong_interval(*given, way[n], confidence)
    return getattr(got, part) if part == "estimate" or got.upper > got.lower else float("nan")


for n, (kind, mark) in itertools.product(names, (("clustered", ""), ("delong", "delong_"))):
    for part in ("estimate", "lower", "upper"):
        end = "" if part == "estimate" else f".{mark}{part}"
        if end or kind == "clustered":
            derive(f"{n}.auc{end}", area, table, n=n, kind=kind, part=part, precision="iterative")

# %% tags=["hide-input"]
points = {n: roc_curve(table.value["reference"], table.value[f"marker_{n}"], way[n]) for n in names}
fig, ax = plt.subplots(figsize=(5.2, 5.0))
ax.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=(0, (4, 3)))
for i, n in enumerate(names):
    ax.plot(1 - points[n]["specificity"], points[n]["sensitivity"], color=colour_of[n])
    ax.text(0.98, 0.05 + 0.065 * (len(names) - 1 - i), f"{label(n)}  {chapter[f'{n}.auc'].value:.3f}",
            color=colour_of[n], ha="right")
ax.set(xlabel="1 − Specificity", ylabel="Sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
chapter.figure(
    fig, "fig-roc", data=pd.concat([p.assign(marker=n) for n, p in points.items()]), watermark=MARK,
    caption="ROC curves of {source}, with the areas under them.",
    alt="ROC curves. Areas: " + each("{name.@} {@.auc:.3f}", names) + ".", **WORDS)

# %% tags=["hide-input"]
areas = pd.DataFrame([{"marker": label(n), "area": chapter[f"{n}.auc"].value}
                      | {f"{side}, {kind}": chapter[f"{n}.auc.{mark}{side}"].value for mark, kind in
                         (("", "patients"), ("delong_", "DeLong")) for side in ("lower", "upper")} for n in names])
chapter.table(areas, "tab-areas", "Areas with intervals at {level:.0f} % confidence: patients as clusters "
              "(Obuchowski), and DeLong, examinations taken as independent.",
              formats=dict.fromkeys(areas.columns[1:], ".3f"), **WORDS)

# %% [markdown]
# With the patient as the unit, the interval minds that examinations of one patient share their patient
# {cite}`obuchowski1997`; with one examination per patient it equals DeLong's. Where a marker separates the groups
# wholly, or never varies, neither has an interval: nothing in the table says how far off the area may be. An area
# below one half is left as it is: the direction was fixed beforehand.
#
# ### One marker against another

# %% tags=["hide-input"]
def difference(data, a, b, kind, part):
    """Difference of two areas on the same examinations, first − second; not-a-number without enough patients."""
    if not enough(data, a, b):
        return float("nan")
    given = data["reference"], data[f"marker_{a}"], data[f"marker_{b}"]
    if kind == "clustered":
        test = clustered_auc_test(*given, data["patient"], (way[a], way[b]), confidence)
    else:
        test = delong_test(*given, (way[a], way[b]), confidence)
    return getattr(test, part) if part in ("estimate", "p") else getattr(test.interval, part)


pairs = [tuple(reversed(p)) for p in itertools.combinations(names, 2)][:15]
for (a, b), (part, kind) in itertools.product(pairs, (("estimate", "clustered"), ("lower", "clustered"),
                                                      ("upper", "clustered"), ("p", "clustered"), ("p", "delong"))):
    end = part if kind == "clustered" else "p_delong"
    derive(f"{a}-minus-{b}.{end}", difference, table, a=a, b=b, kind=kind, part=part, precision="iterative")
tests = pd.DataFrame([{"first": label(a), "second": label(b)} | {part: chapter[f"{a}-minus-{b}.{part}"].value for part in
                      ("estimate", "lower", "upper", "p", "p_delong")} for a, b in pairs])
if pairs:
    chapter.table(tests.rename(columns={"estimate": "difference", "p": "p, patients", "p_delong": "p, DeLong"}),
                  "tab-pairs", "Differences of areas, first minus second, on examinations that have both markers.",
                  formats=dict.fromkeys(("difference", "lower", "upper"), ".3f")
                  | dict.fromkeys(("p, patients", "p, DeLong"), ".2g"))
else:
    chapter.say("The table has one marker, so none can be compared with another.")

# %% [markdown]
# ### Where to draw the line
#
# The threshold with the largest sum of sensitivity and specificity (Youden) is chosen on the data that then
# judge it. So patients are drawn again, a threshold is chosen each time, and the patients left out judge it.

# %% tags=["hide-input"]
def best(data, n, i):
    """Youden threshold, sensitivity or specificity (%) of a marker."""
    rows = data.dropna(subset=[f"marker_{n}"])
    sign = 1 if way[n] == "higher" else -1
    x = [sign * rows.loc[rows["reference"] == code, f"marker_{n}"].to_numpy() for code in (1, 0)]
    found = youden_threshold(*x)
    return sign * found[0] if i == 0 else 100 * found[i]


def redrawn(data, n):
    """Thresholds chosen on patients drawn again, and how they judge the patients left out; none without enough."""
    if not enough(data, n):
        return pd.DataFrame(columns=["threshold", "left_out_sensitivity", "left_out_specificity"], dtype=float)
    return threshold_stability(data["reference"], data[f"marker_{n}"], data["patient"], way[n], resamples, seed)


drawn = {}
for n in names:
    for i, (part, unit) in enumerate((("threshold", "1"), ("sensitivity", "%"), ("specificity", "%"))):
        derive(f"{n}.best.{part}", best, table, n=n, i=i, unit=unit)
    drawn[n] = derive(f"{n}.resampled", redrawn, table, probe=False, n=n)
    for part, q in (("lower", (1 - confidence) / 2), ("upper", (1 + confidence) / 2)):
        derive(f"{n}.best.threshold.{part}", lambda d, q: float(d["threshold"].quantile(q)), drawn[n], q=q,
               probe=False, precision="resampled")
    for part in ("sensitivity", "specificity"):
        derive(f"{n}.left_out.{part}", lambda d, part: float(100 * d[f"left_out_{part}"].mean()), drawn[n], unit="%",
               part=part, probe=False, precision="resampled", about="on patients left out when it was chosen")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, len(names), figsize=(max(2.6 * len(names), 5), 3.0), squeeze=False)
for ax, n in zip(axes[0], names, strict=True):
    for code, face in ((0, GREY), (1, colour_of[n])):
        values = np.sort(table.value.loc[table.value["reference"] == code, f"marker_{n}"].dropna())
        ax.plot(values, np.linspace(0, 100, values.size), color=face, lw=1.4, ls="-" if code else (0, (4, 2)))
    low, cut, high = (chapter[f"{n}.best.threshold{end}"].value for end in (".lower", "", ".upper"))
    ax.axvspan(low, high, color=GRID)
    ax.axvline(cut, color=INK, lw=1)
    ax.set(title=label(n), xlabel="value", ylim=(0, 101))
axes[0, 0].set_ylabel("Examinations at or below (%)")
fig.tight_layout()
chapter.figure(
    fig, "fig-thresholds", data=pd.concat([d.value.assign(marker=n) for n, d in drawn.items()]), watermark=MARK,
    caption="Cumulative values without (dashed) and with the condition, the best threshold (line) and where it "
            "falls when patients are drawn again (band, {level:.0f} %).",
    alt="A panel per marker. Best threshold and its range: "
        + each("{name.@} {@.best.threshold:.3g} ({@.best.threshold.lower:.3g} to {@.best.threshold.upper:.3g})", names)
        + ".", **WORDS)

# %% tags=["hide-input"]
chapter.say(each("**{name.@}**: best threshold {@.best.threshold:.3g}, {level:.0f} % of the redrawn ones between "
                 "{@.best.threshold.lower:.3g} and {@.best.threshold.upper:.3g}. Sensitivity and specificity "
                 "{@.best.sensitivity:.1f} and {@.best.specificity:.1f} % where it was chosen, "
                 "{@.left_out.sensitivity:.1f} and {@.left_out.specificity:.1f} % on patients left out.",
                 names, "\n\n"), **WORDS)

# %% [markdown]
# ### Subgroups of a read
#
# True and false positives and negatives of a read, compared as papers print it: a linear model with one
# factor, Levene's test of equal variances, Dunnett's T3 for each pair {cite}`dunnett1980`, and the signed-rank
# test against normal tissue of the same examination. **These groups are made by the read.** A reader who saw the
# marker, or anything that goes along with it, has sorted the examinations by it, and the tests then find that
# sorting, as in the figure above. They cannot show that a marker detects what another method misses. "TP alone"
# are true positives that every other read missed.

# %% tags=["hide-input"]
def chosen_pairs(text):
    """Marker and read from the parameter where both are in the table; every pair where none is."""
    asked = [tuple(part.split()) for part in text.split(",") if len(part.split()) == 2]
    return [p for p in asked if p[0] in names and p[1] in reads] or list(itertools.product(names, reads))[:12]


def subgroup_of(data, r):
    """Subgroup of every examination by one read."""
    others = data[[f"read_{x}" for x in reads if x != r]]
    return diagnostic_subgroups(data["reference"], data[f"read_{r}"], others)


def values_of(data, n, r):
    """Values of a marker by subgroup of a read; groups of one are left out."""
    return group_values(data[f"marker_{n}"], subgroup_of(data, r))


def tested(groups, test):
    """p of a test over groups; not-a-number where no group varies in what it compares."""
    of = [np.abs(v - v.mean()) for v in groups.values()] if test is levene_test else list(groups.values())
    if all(np.ptp(v) <= 1e-12 * max(1.0, np.abs(v).max()) for v in of):
        return float("nan")
    return (test(groups, center="mean") if test is levene_test else test(groups)).p


def against_normal(data, n, r, group):
    """Signed-rank p of a subgroup against normal tissue of the same examinations; not-a-number without any."""
    rows = data[subgroup_of(data, r) == group]
    both = rows[[f"marker_{n}", f"normal_{n}"]].dropna().to_numpy() if f"normal_{n}" in data else np.empty((0, 2))
    return wilcoxon_signed_rank(*both.T, method="r", zeros="wilcoxon").p if len(both) else float("nan")


sets = {f"{n}-by-{r}": (n, r) for n, r in chosen_pairs(grouping)}
groups = {key: derive(f"{key}.groups", values_of, table, n=n, r=r) for key, (n, r) in sets.items()}
sets = {key: pair for key, pair in sets.items() if len(groups[key].value) > 1}

# %% tags=["hide-input"]
for key in sets:
    derive(f"{key}.model.p", tested, groups[key], test=anova, about="linear model with one factor")
    derive(f"{key}.levene.p", tested, groups[key], test=levene_test, about="Levene, about the mean")
described = pd.DataFrame(
    [{"marker": label(n), "read": label(r), "subgroup": g, "n": len(v), "mean": v.mean(), "SD": v.std(ddof=1),
      "median": np.median(v), "p, normal tissue": against_normal(table.value, n, r, g)}
     for key, (n, r) in sets.items() for g, v in groups[key].value.items()])
if sets:
    chapter.table(described, "tab-subgroups", "Markers by diagnostic subgroup in {source}; p of the signed-rank "
                  "test against normal tissue.", **WORDS,
                  formats=dict.fromkeys(("mean", "SD", "median"), ".3g") | {"p, normal tissue": ".2g"})
else:
    chapter.say("The table has no read with two subgroups, so there is nothing to compare here.")

# %% tags=["hide-input"]
compared = {key: compare_subgroups(groups[key].value) for key in sets}
for key, frame in compared.items():
    for i, row in enumerate(frame.itertuples()):
        name = f"{key}.{row.first}-against-{row.second}".replace(" ", "_")
        derive(f"{name}.p", lambda g, i: float(compare_subgroups(g)["p"].iloc[i]), groups[key], i=i, precision="iterative",
               about="Dunnett T3, all pairs of subgroups")
if sets:
    shown = pd.concat([f.assign(marker=label(sets[k][0]), read=label(sets[k][1])) for k, f in compared.items()])
    shown = shown[["marker", "read", *shown.columns[:-2]]]
    chapter.table(shown, "tab-dunnett", "Pairs of subgroups: difference of means with simultaneous limits and p of "
                  "Dunnett's T3; probability that a value of the first exceeds one of the second.",
                  formats=dict.fromkeys(("difference", "lower", "upper"), ".3g") | {"p": ".2g", "probability": ".2f"})

# %% tags=["hide-input"]
if sets:
    across = min(3, len(sets))
    down = -(-len(sets) // across)
    fig, axes = plt.subplots(down, across, figsize=(max(2.6 * across, 5), 3.1 * down), squeeze=False)
    rng = np.random.default_rng(seed)
    for ax, key in itertools.zip_longest(axes.flat, sets):
        if key is None:
            ax.axis("off")
            continue
        n, r = sets[key]
        for i, v in enumerate(groups[key].value.values()):
            ax.plot(i + rng.uniform(-0.22, 0.22, len(v)), v, ".", ms=3.5, color=colour_of[n], alpha=0.45)
            ax.plot([i - 0.32, i + 0.32], [np.median(v)] * 2, color=INK, lw=1.4)
        ax.set_xticks(range(len(groups[key].value)), [g.replace(" ", "\n") for g in groups[key].value], fontsize=8.5)
        ax.set_title(f"{label(n)} by {label(r)}", fontsize=10)
    fig.tight_layout()
    chapter.figure(
        fig, "fig-subgroups", watermark=MARK, data=pd.concat(
            [pd.DataFrame({"set": k, "subgroup": g, "value": v}) for k in sets for g, v in groups[k].value.items()]),
        caption="Markers by subgroup of a read, with medians. The read made the groups.",
        alt="Strips of points by subgroup. p of the linear model: "
            + each("@ {@.model.p:p}", list(sets)[:6]) + ".", **WORDS)

# %% tags=["paper", "hide-input"]
chapter.derive("cohort.statements", lambda t: check_marker_cohort(t, targets, extremes), table, probe=False)
fit = chapter["cohort.statements"].value
for name, met in (("met", True), ("unmet", False)):
    derive(f"cohort.{name}", lambda f, met: int((f["met"] == met).sum()), chapter["cohort.statements"], met=met)
chapter.table(fit.assign(met=np.where(fit["met"], "yes", "no")), "tab-cohort",
              "What the paper prints or states about the markers, and what the illustration cohort has.")

# %% tags=["paper", "hide-input"]
chapter.say("The cohort meets {cohort.met} of these and does not meet {cohort.unmet}: {list}. That CBV of missed "
            "recurrences exceeds that of true negatives is the bound above, carried over to means because the "
            "subgroups are shifted copies of one another. For the false positives of µPerf there is another reason: "
            "{n:.0f} pairs cannot give a signed-rank p below {white_matter.exact_p:.3f} exactly, or "
            "{white_matter.normal_p:.3f} by the normal approximation, whatever their values.",
            list="; ".join(fit.loc[~fit["met"], "statement"]), n=u["fp"].value)

# %% [markdown] tags=["paper"]
# ## Does it agree?

# %% tags=["paper", "hide-input"]
chapter.agreement()

# %% tags=["paper", "hide-input"]
statuses = pd.Series([a.status for a in chapter.assessments()]).value_counts()
chapter.say("Of {n} printed numbers with a result here: {list}. None of these statuses comes from the illustration "
            "cohort.", n=int(statuses.sum()), list=", ".join(f"{k} {status}" for status, k in statuses.items()))

# %% [markdown] tags=["paper"]
# The direction of MTI needs a word. Methods say that more negative values mean more new vessels; Results call
# MTI elevated in recurrences and lower in missed ones. An area of 0.987 fixes the direction of the *ROC
# analysis* only: with the other one it would be 0.013. This chapter takes "higher" from Results.

# %% [markdown]
# ## What would change the conclusion
#
# Patients who come back, first: how much wider is the interval when the patient is the unit? Second, an
# examination that only one reading called positive, and that no later finding confirmed, may be no case at all.

# %% tags=["hide-input"]
def without_alone(data, n, r):
    """Area of a marker without the true positives that only this read found."""
    kept = data[subgroup_of(data, r) != "TP alone"]
    both = kept.loc[kept[f"marker_{n}"].notna(), "reference"].nunique() > 1
    return area(kept, n, "delong", "estimate") if both else float("nan")


def widening(low, high, delong_low, delong_high):
    """Width of the clustered interval over DeLong's; not-a-number where that has none."""
    return (high - low) / (delong_high - delong_low) if delong_high > delong_low else float("nan")


for n in names:
    derive(f"{n}.widening", widening, *[chapter[f"{n}.auc.{e}"] for e in ("lower", "upper", "delong_lower",
                                                                         "delong_upper")], precision="iterative")
for key, (n, r) in sets.items():
    if "TP alone" in groups[key].value:
        derive(f"{key}.auc_without_alone", without_alone, table, n=n, r=r, precision="iterative")
alone = [key for key in sets if f"{key}.auc_without_alone" in chapter]
chapter.say("Width of the interval with patients as units over DeLong's: " + each("{name.@} {@.widening:.2f}", names)
            + "." + (" Areas without the finds of one read alone: "
                     + each("@ {@.auc_without_alone:.3f}", alone) + "." if alone else ""), **WORDS)

# %% [markdown]
# ## Not shown
#
# How a region of interest was placed, and by whom, moves every value and is not in a table. A threshold from
# one scanner and one way of computing maps need not hold on another. Values are compared, not maps. The methods
# are those of `compendium.statistics.auc`, `compendium.statistics.thresholds` and
# `compendium.statistics.subgroups`; the first is compared with R in the tests.

# %%
chapter.save()
