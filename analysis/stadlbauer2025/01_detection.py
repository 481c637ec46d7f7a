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
#       estimand: "sensitivity, specificity and accuracy of each reading among examinations that were already suspicious, and the paired differences between two readings of the same examinations"
#       unit: "the examination; a patient may give several, so patients are resampled whole, with all their examinations"
#       analysis: "percentile intervals over resampled patients, beside Wilson intervals that take examinations as independent; McNemar test for clustered pairs first, exact McNemar test beside it; predictive values at the prevalence that is asked for"
#       missing: "an examination without a reading is left out of that reading and counted; a pair needs both readings"
#       reporting: "STARD 2015, items 10a, 10b, 12a, 14, 16, 17, 23 and 24"
#     parameters:
#       resamples: {minimum: 1, maximum: 100000}
#       confidence: {minimum: 0.5, maximum: 0.999}
#       prevalence: {minimum: 0, maximum: 0.999}
#       screened: {minimum: 0}
#       unconfirmed: {minimum: -1}
#     inputs:
#       examinations:
#         kind: table
#         schema: examinations
#         required: false
# ---

# %% [markdown]
# # How well does a reading detect a recurrence?
#
# ## The question
#
# An examination looks suspicious: has the disease come back, or does the treatment leave its trace? A
# reading answers yes or no. How often is each reading right, and what does one find that another misses? A
# recurrence that is overlooked is treated months later; a false alarm brings surgery or drugs that nobody
# needed.

# %% tags=["parameters"]
seed: int = 1  # seed of every resampling and simulation
resamples: int = 2000  # resamples of the patients
confidence: float = 0.95  # confidence level of every interval
prevalence: float = 0.0  # where predictive values are quoted; 0: among all follow-ups of the paper, or in your table
screened: int = 0  # examinations the table was selected from; 0: the paper's number, none for your table
unconfirmed: int = -1  # finds of one reading that nothing confirmed; -1: the paper's, all of yours
examinations: str = ""  # path of a table of examinations (input)

# %% tags=["hide-input"]
import itertools
from dataclasses import asdict

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import FancyBboxPatch
from scipy import stats

from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, COLOURS, GREY, GRID, INK, ORANGE, use_theme
from compendium.statistics.clustered import clustered_mcnemar, design_effect
from compendium.statistics.paired_study import (
    count_pair,
    mcnemar_at_design_effect,
    mcnemar_with_fewest_clusters,
    most_uneven_sizes,
    recount,
    recounted_accuracies,
    resample_readings,
    stretch_limit,
    tipping_point,
    wilson_coverage,
    wilson_limits,
    with_unread_rest,
)
from compendium.statistics.diagnosis import (
    ConfusionCounts,
    cohen_kappa,
    confusion_counts,
    diagnostic_metrics,
    diagnostic_odds_ratio_interval,
    likelihood_ratio_interval,
    mcnemar_exact,
    paired_difference_interval,
    predictive_values,
    prevalence_curve,
    proportion_interval,
    reading_rules,
)

use_theme()
chapter = open_chapter("stadlbauer2025/01_detection", inputs={"examinations": examinations})

# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Stadlbauer and colleagues {cite}`stadlbauer2025` followed 351 patients with glioma over nine years. Of
# 2003 follow-up examinations, 422 were analysed in detail because conventional MRI (cMRI) data looked suspicious:
# 341 with a recurrence, 81 without (Results, Patients). Each was judged twice, by a consensus reading of
# cMRI and by microvascular perfusion (µPerf). Where the two differ is printed cell by cell in the Results:
#
# | | both positive | only cMRI | only µPerf | both negative |
# |---|---:|---:|---:|---:|
# | recurrence | 277 | 6 | 57 | 1 |
# | no recurrence | 3 | 2 | 1 | 75 |
#
# The ten metrics stand under Diagnostic Performance:
#
# | | sensitivity | specificity | precision | accuracy | F1 |
# |---|---:|---:|---:|---:|---:|
# | cMRI | 83.0 % | 93.8 % | 98.3 % | 85.1 % | 90.0 % |
# | µPerf | 97.9 % | 95.1 % | 98.8 % | 97.4 % | 98.4 % |
#
# The abstract calls µPerf superior, finding recurrence earlier in 13.5 % of cases. No test that compares
# the two readings and no interval of these ten metrics is printed.
#
# ## What can be tested
#
# The eight cells are enough to rebuild all 422 pairs of readings, though not which patient each belongs to.
# So the printed matrices, metrics and percentages can be checked against one another: *internal* evidence,
# which says that the numbers belong together and nothing about patients. Intervals, paired tests and
# sensitivity analyses that the paper does not print follow from the same cells. What needs the patients is
# bounded instead of computed. The supplement was not read.

# %% tags=["hide-input"]
CELLS = {
    "paired-present-both": (1, 1, 1), "paired-present-cmri-only": (1, 1, 0),
    "paired-present-uperf-only": (1, 0, 1), "paired-present-neither": (1, 0, 0),
    "paired-absent-both": (0, 1, 1), "paired-absent-cmri-only": (0, 1, 0),
    "paired-absent-uperf-only": (0, 0, 1), "paired-absent-neither": (0, 0, 0),
}


def expand_cells(*cells):
    """One row per examination from the eight cells; the patients are not printed."""
    rows = np.repeat(list(CELLS.values()), [max(round(c), 0) for c in cells], axis=0)
    return pd.DataFrame(rows, columns=["reference", "read_cmri", "read_uperf"]).assign(patient=None)


# %%
if chapter.is_user_run:
    table = chapter.input("examinations")
else:
    table = chapter.derive("examinations", expand_cells, *[chapter.printed(cell) for cell in CELLS])

reads = [c.removeprefix("read_") for c in table.value.columns if c.startswith("read_")]
pairs = list(itertools.combinations(reads, 2))
patients_known = bool(table.value["patient"].notna().all())

# %% tags=["hide-input"]
LABELS = {"cmri": "cMRI", "uperf": "µPerf", "rule-or": "any positive", "rule-and": "all positive"}
CONDITION = "condition" if chapter.is_user_run else "recurrence"
UNIT = "patients resampled" if patients_known else "worst case of clustering"
TEST = "clustered McNemar test" if patients_known else "worst case of clustering"
colour_of = dict(zip(reads, itertools.cycle(COLOURS), strict=False))


def label(read):
    """Name of a reading or rule as it is shown."""
    return LABELS.get(read, read.replace("_", " "))


WORDS = {f"name.{r}": label(r) for r in reads} | {"unit": UNIT, "test": TEST, "level": 100 * confidence}
WORDS["what"] = "the condition" if chapter.is_user_run else "a recurrence"
for a, b in pairs:
    WORDS |= {f"first.{a}-vs-{b}": label(a), f"second.{a}-vs-{b}": label(b)}
PAIR_KEYS = [f"{a}-vs-{b}" for a, b in pairs]


def each(template, keys, separator="; "):
    """A template once per reading or pair, with its key for every @."""
    return separator.join(template.replace("@", key) for key in keys)


def value_of(name):
    """A recorded number, or not-a-number where none is recorded."""
    return float(chapter[name].value) if name in chapter else float("nan")


# %% tags=["hide-input"]
chapter.derive("table.examinations", len, table, unit="examinations")
if 0 < screened < len(table.value):
    raise ValueError(f"screened must be at least the {len(table.value)} examinations analysed. Given {screened}.")
for name, code in (("present", 1), ("absent", 0)):
    chapter.derive(f"table.{name}", lambda t, code: int((t["reference"] == code).sum()), table,
                   unit="examinations", code=code)
for read in reads:
    chapter.derive(f"{read}.unread", lambda t, read: int(t[f"read_{read}"].isna().sum()), table,
                   unit="examinations", about="without this reading, left out of its numbers", read=read)
chapter.say("The analysis starts from {table.examinations} examinations: {table.present} with {what} and "
            "{table.absent} without, by the reference standard.", **WORDS)
if patients_known:
    chapter.derive("table.patients", lambda t: t["patient"].nunique(), table, unit="patients")
    chapter.say("They come from {table.patients} patients. Examinations without a reading are left out of "
                "that reading's numbers: " + each("{name.@} {@.unread}", reads) + ".", **WORDS)
    for note in table.value.attrs.get("notes", ()):
        chapter.say("Reading the table: {note}", note=note)

# %% [markdown]
# ## The idea
#
# With $TP$, $FN$, $TN$, $FP$ the counts of right and missed finds, right reassurances and false alarms,
#
# $$\text{sensitivity}=\frac{TP}{TP+FN},\qquad \text{specificity}=\frac{TN}{TN+FP}.$$
#
# Both are proportions, and the usual interval of a proportion takes the examinations as independent.
# Examinations of one patient are not: a lesion that is hard to read once is hard to read again. The figure
# plants a known sensitivity in patients with as many examinations as these have, makes examinations of one
# patient more and more alike, and counts how often Wilson's interval {cite}`wilson1927` contains the truth.

# %% tags=["hide-input"]
STRATA = {"present": 1, "absent": 0, "all": None}
RECURRENCES = [f"patients-{n}" for n in
               ("one-recurrence", "two-recurrences", "three-recurrences", "four-recurrences")]


def sizes_in(data, code):
    """Examinations per patient with the condition present (1) or absent (0), or all (None)."""
    rows = data if code is None else data[data["reference"] == code]
    return rows.groupby("patient", sort=True).size().to_numpy(dtype=float)


def repeat_sizes(*patients):
    """Examinations per patient from the numbers of patients with one, two, three, … of them."""
    return np.repeat(np.arange(1, len(patients) + 1), [max(round(p), 0) for p in patients]).astype(float)


if patients_known:
    sizes = {s: chapter.derive(f"sizes.{s}", sizes_in, table, code=code) for s, code in STRATA.items()}
else:
    few = chapter.printed("no-recurrence-patients")
    sizes = {"present": chapter.derive("sizes.present", repeat_sizes, *map(chapter.printed, RECURRENCES)),
             "absent": chapter.derive("sizes.absent", most_uneven_sizes, few, chapter["table.absent"])}
    sizes["all"] = chapter.derive("sizes.all", lambda a, b: np.r_[a, b], sizes["present"], sizes["absent"])
for s, size in sizes.items():
    chapter.derive(f"clustering.{s}.largest", lambda m: int(m.max()), size, unit="examinations")
    chapter.derive(f"clustering.{s}.design_effect", lambda m: design_effect(m, icc=1).factor, size,
                   about="variance inflation if all examinations of a patient gave the same answer")


# %% tags=["hide-input"]
def coverage(size, alike):
    """Percent of Wilson intervals that contain a planted sensitivity of nine in ten."""
    return 100 * wilson_coverage(size, alike, 0.9, confidence, seed)


_ = chapter.derive("coverage.full_correlation", coverage, sizes["present"], unit="%", probe=False, alike=1,
                   precision="resampled",
                   about="Wilson intervals with the planted truth when a patient always gives one answer")

# %% tags=["hide-input"]
alikeness = np.linspace(0, 1, 11)
shown = {"these patients": sizes["present"].value, "three examinations each": np.full(100, 3.0)}
planted = pd.DataFrame({"correlation": alikeness}
                       | {name: [coverage(size, x) for x in alikeness] for name, size in shown.items()})
fig, ax = plt.subplots(figsize=(6.4, 3.2))
ax.axhline(100 * confidence, color=GREY, lw=1, ls=(0, (4, 3)))
ax.text(1, 100 * confidence + 0.8, "promised", color=GREY, fontsize=9, ha="right")
for name, colour in zip(shown, (BLUE, ORANGE), strict=True):
    ax.plot(alikeness, planted[name], color=colour, marker="o", ms=4)
    ax.annotate(name, (1, planted[name].iloc[-1]), (8, 0), textcoords="offset points", color=colour,
                va="center")
ax.set(xlabel="Correlation between examinations of one patient",
       ylabel="Intervals that contain\nthe truth (%)",
       xlim=(-0.02, 1.02), ylim=(min(60, planted[list(shown)].to_numpy().min() - 3), 102))
ends = {f"{k}{i}": planted[name].iloc[j] for i, name in enumerate(shown) for k,
        j in (("from", 0), ("to", -1))}
chapter.figure(
    fig, "fig-coverage", data=planted, watermark="simulated",
    caption="How often Wilson's interval contains a planted sensitivity, by how alike the examinations of "
            "one patient are. Simulated, with the numbers of examinations with {what} per patient of this "
            "chapter and with three each.",
    alt="Two lines that fall as examinations of one patient become alike: from {from0:.0f} to {to0:.0f} % "
        "of intervals with the patients of this chapter, from {from1:.0f} to {to1:.0f} % with three "
        "examinations each.",
    **ends, **WORDS)

# %% tags=["hide-input"]
chapter.say("If every patient always gave the same answer, {coverage.full_correlation:.0f} % of the "
            "intervals would contain the truth where {level:.0f} % are promised. What is at stake depends "
            "on the patients with many examinations: here the largest number with {what} is "
            "{clustering.present.largest}.",
            **WORDS)

# %% [markdown]
# ## The analysis
#
# ### From patients to readings

# %% tags=["hide-input"]
flow_reads = reads[:3]


def count_patterns(data, reads):
    """Examinations (patients, where known) by reference and what every reading says; complete rows only."""
    columns = [f"read_{r}" for r in reads]
    grouped = data.dropna(subset=columns).groupby(["reference", *columns], sort=False)
    counts = grouped.agg(examinations=("reference", "size"), patients=("patient", "nunique")).reset_index()
    return counts.sort_values(["reference", "examinations"], ascending=False, ignore_index=True)


def describe_pattern(row):
    """A pattern in words: whether each reading is a true or false positive or negative."""
    kind = {(1, 1): "TP", (1, 0): "FN", (0, 1): "FP", (0, 0): "TN"}
    return "   ".join(f"{label(r)} {kind[int(row['reference']), int(row[f'read_{r}'])]}" for r in flow_reads)


def count_text(n, patients=0):
    """Examinations and, where known, patients."""
    words = [f"{k:,} {what}{'s' if k != 1 else ''}" for k, what in ((n, "examination"),
                                                                    (patients, "patient"))]
    return ", ".join(words if patients else words[:1])


patterns = chapter.derive("flow.patterns", count_patterns, table, reads=flow_reads)
analysed = chapter["table.examinations"].value
incomplete = analysed - int(patterns.value["examinations"].sum())
if chapter.is_user_run:
    start, leaf_patients = max(screened, analysed), {}
    complete = table.value.dropna(subset=[f"read_{r}" for r in flow_reads])
    people = {None: 0 if start > analysed else chapter["table.patients"].value}
    people |= {code: complete.loc[complete["reference"] == code, "patient"].nunique() for code in (1, 0)}
else:
    start = max(screened or int(chapter.printed("n-examinations").value), analysed)
    people = {None: int(chapter.printed("n-patients").value), 1: sizes["present"].value.size,
              0: sizes["absent"].value.size}
    leaf_patients = {(1, 1, 1): int(chapter.printed("both-positive-patients").value),
                     (1, 0, 1): int(chapter.printed("early-patients").value)}
left_out = {"Not analysed": start - analysed, "Some reading missing": incomplete}
left_out = {why: n for why, n in left_out.items() if n}
kept = start - sum(left_out.values())


# %% tags=["hide-input"]
def box(ax, x, y, w, h, text, face):
    """A rounded box with centred text, smaller where it is long."""
    size = min(9, 9 * 8.6 * w / max(map(len, text.split("\n"))))
    style = "round,pad=0,rounding_size=0.1"
    ax.add_patch(FancyBboxPatch((x - w / 2, y - h / 2), w, h, boxstyle=style, fc=face, ec=INK, lw=0.8))
    ax.text(x, y, text, ha="center", va="center", fontsize=size, linespacing=1.35)


def connect(ax, *points):
    """A thin line through points, with an arrow head at the last."""
    ax.plot(*zip(*points[:-1], strict=True), color=INK, lw=0.8)
    head = {"arrowstyle": "-|>", "color": INK, "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", points[-1], points[-2], arrowprops=head)


def draw_trunk(ax):
    """From all examinations to those analysed; what is left out stands in a gray box."""
    top = "Follow-up examinations" if start > analysed else "Examinations in the table"
    box(ax, 5, 9.4, 4.2, 0.95, f"{top}\n{count_text(start, people[None])}", "#e4edf6")
    connect(ax, (5, 8.92), (5, 7.42))
    if left_out:
        connect(ax, (5, 8.2), (7.35, 8.2))
        text = "\n".join(f"{why}\n{count_text(n)}" for why, n in left_out.items())
        box(ax, 8.7, 8.2, 2.7, 0.1 + 0.8 * len(left_out), text, "#d9dce1")
    box(ax, 5, 6.95, 4.2, 0.95, f"{'With every reading' if incomplete else 'Analysed'}\n{count_text(kept)}", "#e4edf6")


def draw_branch(ax, rows, x, title, patients):
    """One reference class and its diagnostic subgroups in green."""
    connect(ax, (5, 6.47), (5, 6.1), (x, 6.1), (x, 5.68))
    box(ax, x, 5.2, 3.9, 0.95, f"{title}\n{count_text(int(rows['examinations'].sum()), patients)}", "#e4edf6")
    for i, (_, row) in enumerate(rows.iterrows()):
        y, said = 4.05 - i, (int(row["reference"]), *(int(row[f"read_{r}"]) for r in flow_reads))
        connect(ax, (x - 1.85, 4.72), (x - 1.85, y), (x - 1.6, y))
        seen = int(row["patients"]) or leaf_patients.get(said, 0)
        text = f"{describe_pattern(row)}\n{count_text(int(row['examinations']), seen)}"
        box(ax, x + 0.35, y, 3.9, 0.8, text, "#cfe9dd")


# %% tags=["hide-input"]
groups = dict(iter(patterns.value.groupby("reference")))
most = max([1, *map(len, groups.values())])
fig, ax = plt.subplots(figsize=(7.4, 3.4 + 0.62 * most))
draw_trunk(ax)
for code, x, title in ((1, 2.4, CONDITION.capitalize()), (0, 7.6, f"No {CONDITION}")):
    draw_branch(ax, groups.get(code, patterns.value.iloc[:0]), x, title, people[code])
ax.set(xlim=(0.3, 10.1), ylim=(4.6 - most, 9.9))
ax.axis("off")
leaves = "; ".join(f"{describe_pattern(row)} {row['examinations']:,}" for _, row in patterns.value.iterrows())
chapter.figure(
    fig, "fig-flow", data=patterns.value,
    caption="Flow of the examinations. Gray: left out; green: diagnostic subgroups, by whether each reading "
            "is a true or false positive (TP, FP) or negative (TN, FN). A patient counts wherever an "
            "examination of theirs does."
            + (" The numbers of one reading also use examinations where another is missing." if incomplete else ""),
    alt="Flow diagram. Of {start} examinations {kept} {done}; the table has {table.present} with "
        "{what} and {table.absent} without. Subgroups in examinations: {leaves}.", start=start, kept=kept,
        done="have every reading" if incomplete else "are analysed", leaves=leaves or "none", **WORDS)

# %% [markdown]
# ### One reading at a time

# %% tags=["hide-input"]
METRICS = {"sensitivity": "sensitivity", "specificity": "specificity", "precision": "ppv", "npv": "npv",
           "accuracy": "accuracy", "f1": "f1"}
PARTS = {"sensitivity": ("tp", "positives"), "specificity": ("tn", "negatives"), "precision": ("tp", "fp"),
         "npv": ("tn", "fn"), "accuracy": ("tp", "n")}
NAMES = {"sensitivity": "Sensitivity", "specificity": "Specificity", "precision": "Precision (PPV)",
         "npv": "NPV", "accuracy": "Accuracy", "f1": "F1"}


def counts_of(data, read):
    """Confusion counts of one reading; rows without it are left out."""
    return confusion_counts(data["reference"], data[f"read_{read}"])


def metric(counts, field):
    """One metric of a 2 × 2 table in percent."""
    return 100 * getattr(diagnostic_metrics(counts), field)


def right_of(counts, metric_name):
    """Numerator and denominator of a metric that is a proportion."""
    top, whole = (getattr(counts, part) for part in PARTS[metric_name])
    if metric_name == "accuracy":
        return top + counts.tn, whole
    return top, top + whole if metric_name in ("precision", "npv") else whole


def limit(counts, metric_name, side, method):
    """A limit of a metric in percent, examinations taken as independent."""
    right, n = right_of(counts, metric_name)
    return 100 * getattr(proportion_interval(right, n, confidence, method), side) if n else float("nan")


def record_reading(name, counts):
    """Record counts, metrics and their limits of a reading or of a rule that combines readings."""
    for cell in ("tp", "fp", "fn", "tn", "positives", "negatives"):
        chapter.derive(f"{name}.{cell}", lambda c, cell: getattr(c, cell), counts, unit="examinations",
                       cell=cell)
    for metric_name, field in METRICS.items():
        chapter.derive(f"{name}.{metric_name}", metric, counts, unit="%", field=field)
    for metric_name, side in itertools.product(PARTS, ("lower", "upper")):
        for method, mark in (("wilson", ""), ("clopper-pearson", "exact_")):
            chapter.derive(f"{name}.{metric_name}.{mark}{side}", limit, counts, unit="%",
                           metric_name=metric_name,
                           side=side, method=method, about=f"{method}, examinations taken as independent")


# %%
counts = {}
for read in reads:
    counts[read] = chapter.derive(f"{read}.counts", counts_of, table, read=read)
    record_reading(read, counts[read])

# %% tags=["hide-input"]
cells = {"true positive": "tp", "false positive": "fp", "false negative": "fn", "true negative": "tn",
         "unread": "unread"}
confusion = pd.DataFrame([{"reading": label(r)} | {k: chapter[f"{r}.{c}"].value for k, c in cells.items()}
                          for r in reads])
chapter.table(confusion, "tab-confusion", "Confusion matrices, in examinations.")

# %% [markdown]
# The intervals come first with the patient as the unit, because examinations of one patient share their
# patient. Where patients are known, they are drawn again with replacement, each with all examinations, with
# and without the condition; where they are not, Wilson's interval is widened to the most that clustering
# could do, as if all examinations of a patient gave one answer. Beside it stand Wilson's interval and the
# exact one of Clopper and Pearson {cite}`clopper1934`, which take examinations as independent.


# %% tags=["hide-input"]
def resampled_limits(data):
    """Percentile limits of all metrics and differences when patients are resampled."""
    said = {r: data[f"read_{r}"].to_numpy(dtype=float, na_value=np.nan) for r in reads}
    return resample_readings(data["reference"], said, data["patient"], resamples, seed, confidence)


def widened(counts, effect, metric_name, side):
    """Limit of Wilson's interval in percent at the smallest effective number of examinations."""
    right, n = right_of(counts, metric_name)
    return float(100 * wilson_limits(right / n, n / effect, confidence)[side == "upper"])


# %% tags=["hide-input"]
STRATUM_OF = {"sensitivity": "present", "specificity": "absent", "accuracy": "all"}
drawn = None
if patients_known:
    drawn = chapter.derive("resampled.limits", resampled_limits, table, probe=False, precision="resampled")
for read, metric_name, (i, side) in itertools.product(reads, METRICS, enumerate(("lower", "upper"))):
    name = f"{read}.{metric_name}.patients_{side}"
    if drawn is not None:
        chapter.derive(name, lambda d, key, i: float(d[key][i]), drawn, unit="%", precision="resampled",
                       probe=False, key=f"{read}.{metric_name}", i=i, about="percentile, patients resampled")
    elif metric_name in STRATUM_OF:
        effect = chapter[f"clustering.{STRATUM_OF[metric_name]}.design_effect"]
        chapter.derive(name, widened, counts[read], effect, unit="%", metric_name=metric_name, side=side,
                       about="Wilson interval widened by the largest possible design effect")

# %% tags=["hide-input"]
KINDS = {"patients_": UNIT, "": "Wilson", "exact_": "exact"}
metrics = pd.DataFrame(
    [{"reading": label(r), "metric": NAMES[m], "percent": value_of(f"{r}.{m}")}
     | {f"{side}, {kind}": value_of(f"{r}.{m}.{mark}{side}") for mark, kind in KINDS.items()
        for side in ("lower", "upper")} for m in METRICS for r in reads])
spans = {kind: (f"lower, {kind}", f"upper, {kind}") for kind in KINDS.values()}
chapter.table(metrics, "tab-metrics", "Metrics in percent, with intervals at {level:.0f} % confidence.",
              formats=dict.fromkeys(metrics.columns[2:], ".1f"), ranges=spans, **WORDS)


# %% tags=["hide-input"]
def draw_interval(ax, y, name, colour):
    """A recorded estimate as a dot, its interval as a bar, the one that minds patients as a line."""
    outer = [value_of(f"{name}.patients_{side}") for side in ("lower", "upper")]
    ax.plot(outer, [y - 0.17, y - 0.17], color=colour, lw=1.1, solid_capstyle="butt")
    inner = [value_of(f"{name}.{side}") for side in ("lower", "upper")]
    ax.plot(inner, [y, y], color=colour, lw=4.2, alpha=0.45, solid_capstyle="butt")
    ax.plot(value_of(name), y, "o", color=colour, ms=6)


def strip_axis(ax, ticks):
    """Words instead of a vertical axis, and a quiet grid."""
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color=GRID)


step = len(reads) + 0.6
fig, ax = plt.subplots(figsize=(7, max(0.42 * len(reads) * len(PARTS) + 0.9, 3)))
for (i, m), (j, r) in itertools.product(enumerate(PARTS), enumerate(reads)):
    draw_interval(ax, -(i * step + j), f"{r}.{m}", colour_of[r])
    if i == 0:
        ax.annotate(label(r), (value_of(f"{r}.{m}"), -j), (0, 7), textcoords="offset points", ha="center",
                    color=colour_of[r], fontsize=9)
strip_axis(ax, {-(i * step + (len(reads) - 1) / 2): NAMES[m] for i, m in enumerate(PARTS)})
ax.set(xlabel="Percent", xlim=(None, 100.8), ylim=(None, 0.9))
chapter.figure(
    fig, "fig-metrics", data=metrics,
    caption="Metrics of each reading. Thick bars: Wilson's interval, examinations taken as independent. "
            "Thin lines: {unit}"
            + ("." if patients_known else "; predictive values have none."),
    alt="Dots with intervals for five metrics. Sensitivity: " + each("{name.@} {@.sensitivity:.1f} %", reads)
        + ". Specificity: " + each("{name.@} {@.specificity:.1f} %", reads) + ".", **WORDS)

# %% tags=["hide-input"]
chapter.say(each(
    "**{name.@}** finds {@.tp} of {@.positives} examinations with {what}, a sensitivity of "
    "{@.sensitivity:.1f} % ({@.sensitivity.patients_lower:.1f}–{@.sensitivity.patients_upper:.1f}), and "
    "calls {@.fp} of {@.negatives} without it positive, a specificity of {@.specificity:.1f} % "
    "({@.specificity.patients_lower:.1f}–{@.specificity.patients_upper:.1f}).",
    reads, "\n\n") + "\n\nThe intervals in parentheses: {unit}."
    + (" Where all redrawn patients give the same value, as with a reading that is never wrong, there is no such "
       "interval; Wilson's is in the table." if patients_known else ""), **WORDS)

# %% [markdown]
# Ratios say what a reading does to a suspicion: a positive likelihood ratio multiplies the odds of the
# condition after a positive reading, a negative one after a negative reading. Matthews' correlation and the
# diagnostic odds ratio sum up the whole matrix in one number each.

# %% tags=["hide-input"]
RATIOS = {"lr_positive": "LR+", "lr_negative": "LR−", "dor": "odds ratio", "mcc": "Matthews",
          "youden": "Youden"}


def ratio_limit(counts, which, side):
    """A limit of a likelihood ratio or of the odds ratio, on the log scale."""
    if which == "dor":
        return getattr(diagnostic_odds_ratio_interval(counts, confidence), side)
    return getattr(likelihood_ratio_interval(counts, which.removeprefix("lr_"), confidence), side)


for read, which in itertools.product(reads, RATIOS):
    chapter.derive(f"{read}.{which}", lambda c, which: getattr(diagnostic_metrics(c), which), counts[read],
                   which=which)
    for side in ("lower", "upper") if which in ("lr_positive", "lr_negative", "dor") else ():
        chapter.derive(f"{read}.{which}.{side}", ratio_limit, counts[read], which=which, side=side)
ratios = pd.DataFrame(
    [{"reading": label(r), "ratio": name, "estimate": value_of(f"{r}.{w}"),
      "lower": value_of(f"{r}.{w}.lower"),
      "upper": value_of(f"{r}.{w}.upper")} for r in reads for w, name in RATIOS.items()])
chapter.table(ratios, "tab-ratios",
              "Ratios and single-number summaries; intervals on the log scale, examinations taken as independent.",
              formats=dict.fromkeys(("estimate", "lower", "upper"), "3s"), ranges={"interval": ("lower", "upper")})

# %% [markdown]
# ### Two readings of the same examinations
#
# Readings of the same examinations are compared where they differ; the pairs on which they agree say
# nothing about which is better. McNemar's exact test {cite}`mcnemar1947` counts those, as if every pair
# came from another patient; clustered, it takes the patients as the units that vary {cite}`obuchowski1998`.


# %% tags=["hide-input"]
def pair_of(data, first, second):
    """Paired cells of two readings, with the condition and without; incomplete rows are left out."""
    said = [data[f"read_{r}"].to_numpy(dtype=float, na_value=np.nan) for r in (first, second)]
    return count_pair(data["reference"], *said)


def difference(pair, what, side):
    """Second minus first reading in percentage points, with Tango's score interval."""
    first, second, n = pair.right_only(what)
    return 100 * getattr(paired_difference_interval(second, first, n, confidence), side) if n else float("nan")


def exact_p(pair, what):
    """McNemar's exact p, pairs taken as independent; not-a-number without any pair."""
    *right_only, n = pair.right_only(what)
    return mcnemar_exact(*right_only).p if n else float("nan")


def bounded_p(pair, effect, what):
    """McNemar's p when the variance is inflated by a design effect; not-a-number without any pair."""
    *right_only, n = pair.right_only(what)
    return mcnemar_at_design_effect(*right_only, effect) if n else float("nan")


def clustered_p(data, first, second, what):
    """Clustered McNemar test of which reading is right more often."""
    rows = data.dropna(subset=[f"read_{first}", f"read_{second}"])
    code = {"sensitivity": 1, "specificity": 0}.get(what)
    rows = rows if code is None else rows[rows["reference"] == code]
    if rows["patient"].nunique() < 2:
        return float("nan")
    right = [(rows[f"read_{r}"] == rows["reference"]).to_numpy(dtype=int) for r in (first, second)]
    return clustered_mcnemar(*right, rows["patient"].to_numpy()).p


def kappa(data, first, second):
    """Cohen's kappa of two readings; not-a-number where no examination has both."""
    both = data[[f"read_{first}", f"read_{second}"]].dropna()
    return cohen_kappa(*both.to_numpy(dtype=float).T).estimate if len(both) else float("nan")


# %%
POINTS = {"unit": "percentage points", "precision": "iterative"}
paired = {}
for (a, b), key in zip(pairs, PAIR_KEYS, strict=True):
    paired[key] = chapter.derive(f"{key}.cells", pair_of, table, first=a, second=b)
    chapter.derive(f"{key}.kappa", kappa, table, first=a, second=b)
    chapter.derive(f"{key}.agreement", lambda p: 100 * p.agreement, paired[key], unit="%")
    for what in STRATUM_OF:
        name = f"{key}.{what}.difference"
        chapter.derive(name, difference, paired[key], what=what, side="estimate", **POINTS)
        for side in ("lower", "upper"):
            chapter.derive(f"{name}.{side}", difference, paired[key], what=what, side=side, **POINTS)
        chapter.derive(f"{key}.{what}.p_exact", exact_p, paired[key], what=what)

# %% tags=["hide-input"]
for ((a, b), key), what in itertools.product(zip(pairs, PAIR_KEYS, strict=True), STRATUM_OF):
    name, effect = f"{key}.{what}", chapter[f"clustering.{STRATUM_OF[what]}.design_effect"]
    if patients_known:
        chapter.derive(f"{name}.p_patients", clustered_p, table, first=a, second=b, what=what,
                       about="clustered McNemar test (Obuchowski), patients as clusters")
    else:
        chapter.derive(f"{name}.p_patients", bounded_p, paired[key], effect, what=what,
                       about="McNemar test at the largest possible design effect")
    for i, side in enumerate(("lower", "upper")):
        if drawn is not None:
            chapter.derive(f"{name}.difference.patients_{side}", lambda d, key, i: float(d[key][i]), drawn,
                           key=name,
                           i=i, unit="percentage points", precision="resampled", probe=False)
        else:
            ends = chapter[f"{name}.difference"], chapter[f"{name}.difference.{side}"]
            chapter.derive(f"{name}.difference.patients_{side}", stretch_limit, *ends, effect, bound=100, **POINTS,
                           about="Tango limit, stretched by the root of the largest possible design effect")

# %% tags=["hide-input"]
if pairs:
    frame = pd.DataFrame([{"readings": f"{label(a)} and {label(b)}",
                           CONDITION: s} | asdict(getattr(chapter[f"{a}-vs-{b}.cells"].value, s))
                          for a, b in pairs for s in ("present", "absent")])
    frame.columns = [*frame.columns[:2], "both positive", "only the first", "only the second",
                     "both negative"]
    chapter.table(frame, "tab-paired", "Pairs of readings, with {what} and without, in examinations.",
                  **WORDS)
else:
    chapter.say("The table has one reading, so nothing can be paired.")


# %% tags=["hide-input"]
def difference_row(key, what):
    """A row of the table of paired differences."""
    first, second, n = paired[key].value.right_only(what)
    name = f"{key}.{what}"
    row = {"second − first": f"{WORDS[f'second.{key}']} − {WORDS[f'first.{key}']}", "metric": NAMES[what],
           "pairs": n,
           "only second right": second, "only first right": first,
           "difference": value_of(f"{name}.difference")}
    for mark, kind in (("patients_", UNIT), ("", "Tango")):
        row |= {f"{side}, {kind}": value_of(f"{name}.difference.{mark}{side}") for side in ("lower", "upper")}
    return row | {"p, patients": value_of(f"{name}.p_patients"), "p, exact": value_of(f"{name}.p_exact")}


differences = pd.DataFrame([difference_row(key, what) for key in PAIR_KEYS for what in STRATUM_OF])
if pairs:
    spans = {kind: (f"lower, {kind}", f"upper, {kind}") for kind in (UNIT, "Tango")}
    chapter.table(differences, "tab-differences",
                  "Paired differences in percentage points. p, patients: {how}; p, exact: McNemar's test, pairs "
                  "taken as independent.", ranges=spans,
                  formats=dict.fromkeys(differences.columns[5:10], ".1f")
                  | dict.fromkeys(("p, patients", "p, exact"), ".2g"), how=TEST)

# %% tags=["hide-input"]
order = sorted(PAIR_KEYS, key=lambda k: -abs(value_of(f"{k}.accuracy.difference")))[:12]
if pairs:
    fig, ax = plt.subplots(figsize=(7, 1.0 + 0.95 * len(order)))
    ticks = {}
    for (i, key), (j, what) in itertools.product(enumerate(order), enumerate(STRATUM_OF)):
        y = -(3.8 * i + j)
        draw_interval(ax, y, f"{key}.{what}.difference", (BLUE, ORANGE, INK)[j])
        who = f"{WORDS[f'second.{key}']} − {WORDS[f'first.{key}']}: " if len(order) > 1 else ""
        ticks[y] = who + NAMES[what].lower()
    ax.axvline(0, color=GREY, lw=1)
    strip_axis(ax, ticks)
    whose = f", {label(pairs[0][1])} minus {label(pairs[0][0])}" if len(order) == 1 else ""
    ax.set(xlabel="Percentage points" + whose, ylim=(min(ticks) - 0.8, 0.8))
    chapter.figure(
        fig, "fig-differences", data=differences,
        caption="Paired differences, those of the largest size first. Thick bars: Tango's interval, pairs "
                "taken as independent. Thin lines: {unit}.",
        alt="Dots with intervals around zero. " + each(
            "{second.@} minus {first.@}: sensitivity {@.sensitivity.difference:+.1f}, specificity "
            "{@.specificity.difference:+.1f}, accuracy {@.accuracy.difference:+.1f} percentage points",
            order[:3]) + ".",
        **WORDS)

# %% tags=["hide-input"]
if pairs:
    chapter.say(each(
        "**{second.@} against {first.@}**: sensitivity {@.sensitivity.difference:+.1f} points "
        "({@.sensitivity.difference.patients_lower:+.1f} to "
        "{@.sensitivity.difference.patients_upper:+.1f}), p = {@.sensitivity.p_patients:p}; specificity "
        "{@.specificity.difference:+.1f} points ({@.specificity.difference.patients_lower:+.1f} to "
        "{@.specificity.difference.patients_upper:+.1f}), p = {@.specificity.p_patients:p} (intervals: {unit}; p: {test}). For "
        "independent pairs the exact p values would be {@.sensitivity.p_exact:p} and "
        "{@.specificity.p_exact:p}. The two agree in {@.agreement:.1f} % of examinations, kappa "
        "{@.kappa:.2f}.", PAIR_KEYS, "\n\n"), **WORDS)

# %% [markdown]
# ### Reading both
#
# In practice readings are combined. Acting when *any* is positive gains sensitivity and pays in false
# alarms; acting only when *all* are positive does the reverse.


# %% tags=["hide-input"]
def combined_counts(data, rule):
    """Confusion counts when all readings of an examination are combined by a rule; complete rows only."""
    said = data[[f"read_{r}" for r in reads]].to_numpy(dtype=object)
    return confusion_counts(data["reference"], reading_rules(said, rule))


rules = {"rule-or": "or", "rule-and": "and"} if len(reads) > 1 else {}
rules |= {f"rule-{k}": k for k in range(2, len(reads))}
LABELS |= {f"rule-{k}": f"at least {k} positive" for k in range(2, len(reads))}
WORDS |= {f"name.{rule}": label(rule) for rule in rules}
for name, rule in rules.items():
    counts[name] = chapter.derive(f"{name}.counts", combined_counts, table, rule=rule)
    record_reading(name, counts[name])
if not rules:
    chapter.say("This needs two readings; the table has one.")
else:
    chapter.say("Combined: " + each("**{name.@}**: sensitivity {@.sensitivity:.1f} %, specificity "
                                    "{@.specificity:.1f} %", rules) + ".", **WORDS)

# %% tags=["hide-input"]
points = pd.DataFrame([{"what": label(n), "false alarms": 100 - value_of(f"{n}.specificity"),
                        "lower x": 100 - value_of(f"{n}.specificity.upper"),
                        "upper x": 100 - value_of(f"{n}.specificity.lower"),
                        "found": value_of(f"{n}.sensitivity"),
                        "lower y": value_of(f"{n}.sensitivity.lower"),
                        "upper y": value_of(f"{n}.sensitivity.upper")}
                       for n in [*reads, *rules]])
fig, ax = plt.subplots(figsize=(5.6, 4.6))
for i, row in points.iterrows():
    x, y, single = row["false alarms"], row["found"], i < len(reads)
    colour = colour_of[reads[i]] if single else INK
    ax.plot([row["lower x"], row["upper x"]], [y, y], color=colour, lw=0.8, alpha=0.5)
    ax.plot([x, x], [row["lower y"], row["upper y"]], color=colour, lw=0.8, alpha=0.5)
    ax.plot(x, y, "o" if single else "D", color=colour, ms=7 if single else 5.5)
ax.grid(color=GRID)
bottom, right = points["lower y"].min() - 2, points["upper x"].max() + 2
left = min(points["lower x"].min(), points["false alarms"].min() - 2)
ax.set(xlabel=f"Positive without {WORDS['what']} (%)", ylabel=f"Positive with {WORDS['what']} (%)",
       xlim=(left, right), ylim=(bottom, 101))
free = bottom
for i, row in points.sort_values("found").iterrows():  # labels upwards, none on top of another
    free = max(row["found"] + (101 - bottom) * 0.012, free + (101 - bottom) * 0.055)
    ax.annotate(row["what"], (row["false alarms"] + (right - left) * 0.02, free),
                color=colour_of[reads[i]] if i < len(reads) else INK)
chapter.figure(
    fig, "fig-rules", data=points,
    caption="Readings (dots) and rules that combine them (diamonds), with Wilson's intervals in both "
            "directions, examinations taken as independent.",
    alt="Scatter of finds over false alarms. " + each("{name.@}: sensitivity {@.sensitivity:.1f} %, "
                                                      "specificity {@.specificity:.1f} %", [*reads, *rules]) + ".", **WORDS)

# %% [markdown]
# ### What a result means for the patient in front of you
#
# Predictive values depend on how common the condition is among those who are read. The share in an analysed
# sample is a choice of its design; put your own into the parameter `prevalence`.


# %% tags=["hide-input"]
def predictive(counts, at, which):
    """Positive (0) or negative (1) predictive value in percent at a prevalence in percent."""
    m = diagnostic_metrics(counts)
    return float(100 * predictive_values(m.sensitivity, m.specificity, at / 100)[which])


chapter.derive("table.prevalence", lambda p, n: 100 * p / n, chapter["table.present"],
               chapter["table.examinations"],
               unit="%")
if prevalence:
    at = chapter.derive("prevalence.used", lambda: 100 * prevalence, unit="%", about="given as parameter")
elif chapter.is_user_run:
    at = chapter.derive("prevalence.used", lambda p: p, chapter["table.prevalence"], unit="%", about="of the table")
else:
    at = chapter.derive("prevalence.used", lambda k, n: 100 * k / n, chapter["table.present"],
                        chapter.printed("n-examinations"), unit="%", about="among all follow-up examinations")
for read, (which, name) in itertools.product(reads, enumerate(("ppv_at", "npv_at"))):
    chapter.derive(f"{read}.{name}", predictive, counts[read], at, unit="%", which=which,
                   about="predictive value at prevalence.used")
grid = np.linspace(0.005, 0.995, 199)
curves = pd.concat([prevalence_curve(counts[r].value, grid, confidence).assign(reading=label(r))
                    for r in reads])

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.5), sharey=True)
for ax, which, title in zip(axes, ("ppv", "npv"), ("a positive reading:\n{} present",
                                                   "a negative reading:\n{} absent"),
                            strict=True):
    for r in reads:
        c = curves[curves["reading"] == label(r)]
        ax.fill_between(100 * grid, 100 * c[f"{which}_lower"], 100 * c[f"{which}_upper"], color=colour_of[r],
                        alpha=0.15, lw=0)
        ax.plot(100 * grid, 100 * c[which], color=colour_of[r])
    for x, style in ((at.value, "-"), (value_of("table.prevalence"), (0, (4, 3)))):
        ax.axvline(x, color=GREY, lw=0.9, ls=style, zorder=0)
    ax.set_title("After " + title.format(CONDITION), fontsize=10)
    ax.set(xlabel="Prevalence (%)", xlim=(0, 100), ylim=(0, 101))
    ax.grid(color=GRID)
axes[0].set_ylabel("Predictive value (%)")
for x, text in ((value_of("table.prevalence"), "in this table"), (at.value, "quoted below")):
    axes[0].text(x + 1.2, 4, text, color=GREY, fontsize=8.5, rotation=90)
for i, r in enumerate(reads):
    axes[1].text(26, 6 + 8 * (len(reads) - 1 - i), label(r), color=colour_of[r])
chapter.figure(
    fig, "fig-prevalence", data=curves,
    caption="Predictive values over prevalence, with logit intervals. Gray lines: the prevalence quoted "
            "below ({prevalence.used:.1f} %) and that of the table ({table.prevalence:.1f} %, dashed).",
    alt="Two panels of curves over prevalence. At {prevalence.used:.1f} % {what} is present after a positive reading in "
        + each("{@.ppv_at:.1f} % ({name.@})", reads, ", ") + ", absent after a negative one in "
        + each("{@.npv_at:.1f} % ({name.@})", reads, ", ") + ".", **WORDS)

# %% tags=["hide-input"]
chapter.say("At a prevalence of {prevalence.used:.1f} %, {what} is present after a positive reading in "
            + each("{@.ppv_at:.1f} % ({name.@})", reads, ", ") + " and absent after a negative one in "
            + each("{@.npv_at:.1f} % ({name.@})", reads, ", ")
            + ". The prevalence of the table itself is {table.prevalence:.1f} %.", **WORDS)

# %% [markdown]
# ### Treatment and histology

# %% tags=["hide-input"]
TREATMENTS = {"bevacizumab": "bevacizumab", "craniotomy": "repeat craniotomy",
              "temozolomide": "temozolomide again",
              "radiotherapy": "repeat radiotherapy or radiochemotherapy", "palliative": "palliative care",
              "lomustine": "lomustine", "experimental": "experimental drugs"}
TYPES = {"glioblastoma": "glioblastoma, IDH-wild-type, WHO 4",
         "oligodendroglioma_3": "oligodendroglioma, WHO 3",
         "astrocytoma_nos": "diffuse astrocytoma, IDH-wild-type, NOS",
         "astrocytoma_4": "astrocytoma, IDH-mutant, WHO 4", "astrocytoma_3": "astrocytoma, IDH-mutant, WHO 3",
         "astrocytoma_2": "astrocytoma, IDH-mutant, WHO 2", "oligodendroglioma_2": "oligodendroglioma, WHO 2"}


def group_sizes(data, kind, most=15):
    """Sizes of the largest groups of a text column where the condition is present; the rest together."""
    sizes = data.loc[data["reference"] == 1, kind].fillna("not given").value_counts()
    head, tail = sizes.iloc[:most], sizes.iloc[most:]
    return pd.concat([head, pd.Series({"all others": tail.sum()})]) if len(tail) else head


def groups_in(kind):
    """Counts of the groups of a text column, recorded under neutral names, with the texts by these names."""
    group = chapter.derive(f"{kind}.groups", group_sizes, table, kind=kind)
    names = {f"group{i + 1}": str(text) for i, text in enumerate(group.value.index)}
    counts = {name: chapter.derive(f"{kind}.{name}.count", lambda g, i: int(g.iloc[i]), group,
                                   unit="examinations",
                                   i=i) for i, name in enumerate(names)}
    return counts, "examinations", names


def record_composition(kind, groups, unit, labels):
    """Record a total and the share of each group, and return them as a table, largest first."""
    total = chapter.derive(f"{kind}.{unit}", lambda *n: sum(n), *groups.values(), unit=unit)
    shares = {g: chapter.derive(f"{kind}.{g}.share", lambda n, t: 100 * n / t, n, total, unit="%")
              for g, n in groups.items()}
    rows = [{"group": labels[g], unit: int(n.value), "percent": shares[g].value} for g, n in groups.items()]
    return pd.DataFrame(rows).sort_values(unit, ascending=False, kind="stable", ignore_index=True)


# %% tags=["hide-input"]
if chapter.is_user_run:
    sources = {k: groups_in(k) for k in ("treatment", "histology") if k in table.value.columns}
else:
    treated = {t: chapter.printed(f"treated-{t}") for t in TREATMENTS}
    found_early = {t: chapter.printed("early-" + t.replace("_", "-")) for t in TYPES}
    sources = {"treatment": (treated, "recurrences", TREATMENTS), "histology": (found_early, "patients",
                                                                                TYPES)}
composition = {kind: record_composition(kind, *source) for kind, source in sources.items()}
if not composition:
    chapter.say("The table has no column `treatment` or `histology`.")

# %% tags=["hide-input"]
if "treatment" in composition:
    chapter.table(composition["treatment"], "tab-treatment", "Treatment in examinations with the condition."
                  if chapter.is_user_run else "Treatment of the recurrences.", formats={"percent": ".1f"})

# %% tags=["hide-input"]
if "histology" in composition:
    chapter.table(composition["histology"], "tab-histology", "Histology in examinations with the condition."
                  if chapter.is_user_run else "Initial histology of the patients whose recurrence µPerf "
                                              "found first.",
                  formats={"percent": ".1f"})


# %% tags=["paper", "hide-input"]
def as_unusual(k, percent, n):
    """Two-sided binomial p of k among n at a given share."""
    return float(stats.binomtest(round(k), round(n), percent / 100).pvalue)


cohort_share = chapter.printed("cohort-oligodendroglioma-3-share")
oligo = chapter.derive("histology.oligodendroglioma_3.binomial_p", as_unusual,
                       chapter.printed("early-oligodendroglioma-3"), cohort_share,
                       chapter.printed("early-patients"))
chapter.say("The paper calls the share of WHO grade 3 oligodendrogliomas among early finds noteworthy: "
            "{histology.oligodendroglioma_3.share:.1f} % against {share:.1f} % of the cohort. Drawing that "
            "many patients at the cohort's share gives a number as unusual with probability "
            "{histology.oligodendroglioma_3.binomial_p:.2f} ({low:.3f}–{high:.3f} over the rounding of the "
            "share).",
            share=cohort_share.value, low=oligo.interval[0], high=oligo.interval[1])

# %% [markdown] tags=["paper"]
# ## Does it agree?
#
# Before the table is drawn, every number that the paper prints twice, or that two sets of printed numbers
# give, is computed by each way: matrices from the paired cells and metrics from both, 341 recurrences from
# cells, matrices, recurrences per patient and treatments, percentages from their counts, the study's length
# from its first and last month, and the added time from repetition time and number of volumes.


# %% tags=["paper", "hide-input"]
def total(*n):
    """Sum of some numbers."""
    return sum(n)


def metric_of_cells(*cells, field):
    """A metric in percent from the four cells of a printed matrix."""
    return metric(ConfusionCounts(*[max(round(c), 0) for c in cells]), field)


printed = chapter.printed
for r in ("cmri", "uperf"):
    tp, fp, fn, tn = matrix = [printed(f"{r}-{c}") for c in ("tp", "fp", "fn", "tn")]
    chapter.route("table.present", f"matrix of {label(r)}", total, tp, fn)
    chapter.route("table.absent", f"matrix of {label(r)}", total, fp, tn)
    chapter.route("table.examinations", f"matrix of {label(r)}", total, *matrix)
    for name in ("sensitivity", "specificity", "precision", "accuracy", "f1"):
        chapter.route(f"{r}.{name}", "printed matrix", metric_of_cells, *matrix, field=METRICS[name])
by_patient = [printed(n) for n in RECURRENCES]
chapter.route("table.present", "recurrences per patient", lambda *n: sum((i + 1) * k for i,
                                                                         k in enumerate(n)), *by_patient)
chapter.route("table.present", "treatments", total, *treated.values())
chapter.route("table.examinations", "with and without recurrence", total, printed("recurrence-examinations"),
              printed("no-recurrence-examinations"))
_ = chapter.route("uperf.fp", "histology of the false positives", total, printed("uperf-fp-glioblastoma"),
                  printed("uperf-fp-oligodendroglioma"))


# %% tags=["paper", "hide-input"]
def months_between(first_year, last_year, first_month, last_month):
    """Months from the first month to the last one, both included."""
    return 12 * (last_year - first_year) + last_month - first_month + 1


def percent(n, k):
    """n of k in percent."""
    return 100 * n / k


derive = chapter.derive
years = printed("period-first-year"), printed("period-last-year")
months = printed("period-first-month"), printed("period-last-month")
derive("cohort.months", months_between, *years, *months, unit="months")
derive("cohort.years", lambda m: m / 12, chapter["cohort.months"], unit="years")
followed, patients = printed("n-examinations"), printed("n-patients")
derive("cohort.patients", total, printed("n-women"), printed("n-men"), unit="patients")
derive("cohort.examinations_rounded", lambda n: 100 * round(n / 100), followed, unit="examinations")
derive("cohort.examinations_per_patient", lambda n, k: n / k, followed, patients, unit="examinations")
derive("cohort.recurrence_patients", total, *by_patient, unit="patients")
derive("cohort.no_recurrence_patients", lambda n, k: n - k, patients, printed("recurrence-patients"),
       unit="patients")
derive("selection.share", percent, printed("n-suspicious"), followed, unit="%")
derive("protocol.extra_minutes", lambda n, tr: n * tr / 60000, printed("dynamics"), printed("se-tr"),
       unit="minutes")
early = printed("paired-present-uperf-only")
derive("early.share", percent, early, printed("n-suspicious"), unit="%")
confirmed = derive("early.confirmed", total, printed("early-confirmed-next"),
                   printed("early-confirmed-second"),
                   unit="examinations")
_ = derive("early.treated", lambda n, k: n - k, early, confirmed, unit="examinations")

# %% tags=["paper", "hide-input"]
chapter.agreement()

# %% tags=["paper", "hide-input"]
statuses = pd.Series([a.status for a in chapter.assessments()]).value_counts()
chapter.say("Of {n} printed numbers with a result here: {list}.", n=int(statuses.sum()),
            list=", ".join(f"{k} {status}" for status, k in statuses.items()))

# %% [markdown] tags=["paper"]
# ### Where the paper disagrees with itself
#
# Each line is a computation; assumptions and benign explanations stand on the findings page.

# %% tags=["paper", "hide-input"]
with_recurrence, forty = printed("recurrence-patients"), printed("treated-palliative")
derive("finding.fp_sum", total, printed("paired-absent-both"), printed("paired-absent-cmri-only"),
       unit="examinations")
derive("finding.specificity_if_six", lambda tn, fp: percent(tn, tn + fp), printed("cmri-tn"),
       printed("cmri-fp-text"),
       unit="%")
derive("finding.early_share_of_recurrences", percent, early, printed("recurrence-examinations"), unit="%")
derive("finding.early_share_of_patients", percent, printed("early-patients"), with_recurrence, unit="%")
missed_by_uperf = [printed(f"uperf-missed-{n}") for n in ("astrocytoma", "nos", "glioblastoma")]
derive("finding.uperf_missed_listed", total, *missed_by_uperf, unit="examinations")
derive("finding.palliative_share_of_patients", percent, forty, with_recurrence, unit="%")
derive("finding.literature_gap", lambda low, *cited: min(abs(low - c) for c in cited),
       printed("literature-sensitivity-low"), printed("meta-perfusion-sensitivity"),
       printed("meta-diffusion-sensitivity"),
       unit="percentage points", about="from the summary's lowest sensitivity to the nearest pooled value "
                                       "cited")
chapter.say("""- **False positives of cMRI.** The cells give {finding.fp_sum:.0f}; one sentence prints
  {six:.0f}. With that number the specificity would be {finding.specificity_if_six:.1f} %, which is not printed.
- **Share of what.** The {early.share:.1f} % are of all analysed examinations. Of those with a recurrence they
  are {finding.early_share_of_recurrences:.1f} %, of patients with a recurrence
  {finding.early_share_of_patients:.1f} %.
- **Missed by µPerf.** The matrix has {uperf.fn}, the descriptions list {finding.uperf_missed_listed:.0f}:
  those that cMRI found.
- **Palliative care.** The printed percentage is of recurrences; of patients with a recurrence it would be
  {finding.palliative_share_of_patients:.1f} %.
- **Range of the literature.** The summary's lowest sensitivity lies {finding.literature_gap:.0f} points from
  the nearest pooled value that the discussion cites; this study's own is {cmri.sensitivity:.1f} %.""",
            six=printed("cmri-fp-text").value)

# %% [markdown]
# ## What would change the conclusion
#
# ### Patients who come back
#
# If all examinations of a patient gave the same answer, a patient with many of them would be one observation
# repeated. That is the most that clustering can do: it multiplies the variance by $\sum m_i^2 / \sum m_i$,
# the sums running over patients with $m_i$ examinations.

# %% tags=["hide-input"]
for key in PAIR_KEYS:
    chapter.derive(f"{key}.worst_p", bounded_p, paired[key], chapter["clustering.present.design_effect"],
                   what="sensitivity", about="McNemar test of sensitivity at the largest possible design "
                                             "effect")
guess = "" if patients_known else ", where only the number of patients is known and the worst split assumed"
chapter.say("Here that is a factor of at most {clustering.present.design_effect:.2f} with {what} and "
            "{clustering.absent.design_effect:.2f} without{guess}. "
            + each("The test of sensitivity, {second.@} against {first.@}, would then give p = "
                   "{@.worst_p:p}, and gives {@.sensitivity.p_exact:p} for independent pairs.",
                   PAIR_KEYS, " "), guess=guess, **WORDS)

# %% tags=["paper", "hide-input"]
alone_by = [printed("paired-present-cmri-only"), printed("paired-present-uperf-only")]
patients_of = [chapter.derive("clustering.discordant.cmri_patients", total, *missed_by_uperf, unit="patients"),
               printed("early-patients")]
chapter.derive("clustering.discordant.p", mcnemar_with_fewest_clusters, *alone_by, *patients_of,
               about="McNemar test of sensitivity with the patients that the paper gives for discordant finds")
chapter.say("The paper says more about the examinations that decide this test: the finds of µPerf alone come from "
            "{early:.0f} patients, those of cMRI alone from {clustering.discordant.cmri_patients:.0f}. Split among "
            "them as unevenly as possible, they give p = {clustering.discordant.p:p}.", early=patients_of[1].value)

# %% [markdown]
# ### Finds that nothing confirmed
#
# If a reading's own result decides that the condition is present, because treatment started on it and
# nothing was seen later, it cannot be false: incorporation bias {cite}`whiting2011`. So the finds of one
# reading alone are recounted one by one as false alarms, and as true negatives of the other reading.


# %% tags=["hide-input"]
def alone(pair, given):
    """Finds of the better reading alone, at most as many as given (all if that is negative)."""
    most = max(pair.present.first_only, pair.present.second_only)
    return min(given, most) if given >= 0 else most


def recounted(pair, k, field):
    """Accuracy of either reading in percent, or McNemar's exact p, after k finds are recounted."""
    first, second, p = recounted_accuracies(pair, k)
    return {"first": 100 * first, "second": 100 * second, "p": p if first == first else float("nan")}[field]


def p_without(pair, k):
    """McNemar's exact p of sensitivity when k finds of the better reading alone are left out."""
    return exact_p(recount(pair, k), "sensitivity")


def tipping_words(at, last):
    """The tipping point in words; `last` is p once all are recounted."""
    if last != last:
        return "no examination has both readings"
    if at != at:
        return "they stay told apart"
    again = ", and with all of these they are told apart again" if last < 1 - confidence else ""
    return (f"from {at:.0f} on they are not told apart" if at else "they are not told apart to begin with") + again


# %% tags=["hide-input"]
for key in PAIR_KEYS:
    if chapter.is_user_run or unconfirmed >= 0:
        most = chapter.derive(f"{key}.unconfirmed", alone, paired[key], unit="examinations",
                              given=unconfirmed)
    else:
        most = chapter.derive(f"{key}.unconfirmed", lambda n: n, chapter.printed("early-treated"),
                              unit="examinations")
    chapter.derive(f"{key}.tipping", tipping_point, paired[key], most, unit="examinations", alpha=1 - confidence,
                   about="finds of one reading alone that would have to be false alarms")
    for field in ("first", "second", "p"):
        chapter.derive(f"{key}.recounted.{field}", recounted, paired[key], most, field=field,
                       unit="1" if field == "p" else "%")
    chapter.derive(f"{key}.without.p", p_without, paired[key], most)
    WORDS[f"tip.{key}"] = tipping_words(value_of(f"{key}.tipping"), value_of(f"{key}.recounted.p"))
tipping = pd.DataFrame(
    [{"pair": key, "recounted": k}
     | {f: recounted(paired[key].value, k, f) for f in ("first", "second", "p")}
     for key in order for k in range(round(chapter[f"{key}.unconfirmed"].value) + 1)])


# %% tags=["hide-input"]
def draw_tipping(ax, key, rows):
    """Accuracy of both readings of a pair over the number of recounted finds, and the tipping point."""
    for r, which in zip(key.split("-vs-"), ("first", "second"), strict=True):
        ax.plot(rows["recounted"], rows[which], color=colour_of[r])
        ax.annotate(label(r), (rows["recounted"].iloc[-1], rows[which].iloc[-1]), (4, 0), va="center",
                    textcoords="offset points", color=colour_of[r])
    at = value_of(f"{key}.tipping")
    if at == at:
        ax.axvline(at, color=GREY, lw=1, ls=(0, (4, 3)))
        right = at > rows["recounted"].max() / 2
        ax.annotate(f"from {at:.0f} on\nnot told apart", (at, 0.03), (-5 if right else 5, 0), color=GREY,
                    xycoords=("data", "axes fraction"), textcoords="offset points",
                    ha="right" if right else "left", fontsize=8.5)
    ax.grid(color=GRID)
    ax.margins(y=0.25)


if pairs:
    across = min(3, len(order))
    down = -(-len(order) // across)
    size = max(3.0 * across, 6), 3.2 * down
    fig, axes = plt.subplots(down, across, figsize=size, squeeze=False, sharey=True, layout="constrained")
    for ax, key in itertools.zip_longest(axes.flat, order):
        if key is None:
            ax.axis("off")
        else:
            draw_tipping(ax, key, tipping[tipping["pair"] == key])
    fig.supxlabel("Finds recounted as false alarms", fontsize=10)
    axes[0, 0].set_ylabel("Accuracy (%)")
    chapter.figure(
        fig, "fig-tipping", data=tipping,
        caption="Accuracy of the readings when finds of one of them alone are recounted as false alarms. "
                "Dashed: where McNemar's exact test first does not tell the readings apart.",
        alt="Lines over the number of recounted finds. " + each(
            "At {@.unconfirmed:.0f}: {second.@} {@.recounted.second:.1f} %, {first.@} "
            "{@.recounted.first:.1f} %, {tip.@}",
            order[:3]) + ".", **WORDS)

# %% tags=["hide-input"]
if pairs:
    chapter.say(each(
        "**{second.@} against {first.@}**: if {@.unconfirmed:.0f} finds were false alarms, accuracy would "
        "be {@.recounted.second:.1f} % ({second.@}) and {@.recounted.first:.1f} % ({first.@}), p = "
        "{@.recounted.p:p}; {tip.@}. With these finds left out, the test of sensitivity gives p = "
        "{@.without.p:p}.", PAIR_KEYS,
        "\n\n"),
        **WORDS)

# %% [markdown] tags=["paper"]
# In the paper 28 of the 57 finds of µPerf alone were seen on cMRI at the next follow-up and 7 at the one
# after; in 22 treatment began although cMRI stayed negative (Results, Early Glioma Recurrence Detection). How recurrence was
# established in those 22 is not said.

# %% [markdown]
# ### Examinations that were not analysed
#
# Sensitivity and specificity hold among the examinations in the table. If these were chosen from more,
# because they looked suspicious, the others had no second look. Were all of them free of the condition and
# read as negative, specificity would rise; each case hidden among them lowers sensitivity.


# %% tags=["hide-input"]
def with_rest(counts, rest, hidden, field):
    """A metric in percent when the rest is read negative and a share of it hides the condition."""
    return 100 * with_unread_rest(counts, rest, hidden)[field]


if screened or chapter.is_user_run:
    rest = chapter.derive("selection.rest", lambda n: max(screened - n, 0), chapter["table.examinations"],
                          unit="examinations")
else:
    rest = chapter.derive("selection.rest", lambda n, k: n - k, chapter.printed("n-examinations"),
                          chapter["table.examinations"], unit="examinations")
chapter.derive("selection.prevalence", lambda k, n, m: 100 * k / (n + m), chapter["table.present"],
               chapter["table.examinations"], rest, unit="%")
IF_HIDDEN = {"specificity": 0.0, "accuracy": 0.0, "sensitivity": 0.01}
for r, (field, hidden) in itertools.product(reads, IF_HIDDEN.items()):
    chapter.derive(f"{r}.selection.{field}", with_rest, counts[r], rest, unit="%", hidden=hidden, field=field,
                   about=f"if {100 * hidden:.0f} % of the examinations not analysed hide the condition")

# %% tags=["hide-input"]
if rest.value > 0:
    hidden = np.linspace(0, 0.05, 51)
    selection = pd.DataFrame([{"reading": label(r), "hidden percent": 100 * h,
                               "sensitivity": with_rest(counts[r].value, rest.value, h, "sensitivity")}
                              for r in reads for h in hidden])
    fig, ax = plt.subplots(figsize=(6.2, 3.2))
    for r in reads:
        y = selection.loc[selection["reading"] == label(r), "sensitivity"]
        ax.plot(100 * hidden, y, color=colour_of[r])
        ax.annotate(label(r), (5, y.iloc[-1]), (6, 0), textcoords="offset points", color=colour_of[r],
                    va="center")
    ax.grid(color=GRID)
    ax.set(xlabel=f"Examinations not analysed that hide {WORDS['what']} (%)", ylabel="Sensitivity (%)",
           xlim=(0, 5),
           ylim=(None, 100.5))
    chapter.figure(
        fig, "fig-selection", data=selection,
        caption="Sensitivity among all examinations, if a share of the {selection.rest:.0f} that were not "
                "analysed hides {what}.",
        alt="Falling lines. If one in a hundred hides {what}, sensitivity is "
            + each("{@.selection.sensitivity:.1f} % ({name.@})", reads, ", ") + ".", **WORDS)
else:
    chapter.say("No number of screened examinations was given (parameter `screened`), so this is not shown.")

# %% tags=["hide-input"]
if rest.value > 0:
    chapter.say("Were all {selection.rest:.0f} true negatives, the prevalence would be "
                "{selection.prevalence:.1f} %, "
                + each("specificity {@.selection.specificity:.1f} % and accuracy {@.selection.accuracy:.1f} "
                       "% ({name.@})",
                       reads) + ". If one in a hundred hides {what}, sensitivity would be "
                + each("{@.selection.sensitivity:.1f} % ({name.@})", reads, ", ") + ".", **WORDS)

# %% [markdown]
# ## Not shown
#
# Whether the readings were made blind, whether another reader would say the same, and what an earlier find
# does for a patient cannot be seen in a table of readings. The reference standard is taken as given. The
# methods are those of `compendium.statistics.diagnosis` and `compendium.statistics.clustered`, whose tests
# compare with R and with planted truth.

# %% [markdown] tags=["paper"]
# For this paper: the ROC analysis belongs to `stadlbauer2025/02_markers`, lead times and volumes to
# `stadlbauer2025/03_early_detection`. Which patient an examination belongs to, who read µPerf and by which
# criteria, and how recurrence was established are not printed.

# %%
chapter.save()
