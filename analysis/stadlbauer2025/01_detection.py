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
# An examination looks suspicious: has the disease come back, or does the treatment leave its trace? A reading answers
# yes or no. How often is each reading right, and what does one find that another misses? A recurrence that is overlooked
# is treated months later; a false alarm brings surgery or drugs that nobody needed.

# %% tags=["parameters"]
seed: int = 1  # seed of every resampling
resamples: int = 2000  # resamples of the patients
confidence: float = 0.95  # confidence level of every interval
prevalence: float = 0.17  # prevalence at which predictive values are quoted
screened: int = 0  # examinations the table was selected from; 0: the paper's number, on your table none
unconfirmed: int = -1  # finds of one reading alone that nothing confirmed; -1: the paper's number, on your table all
examinations: str = ""  # path of a table of examinations (input)

# %% tags=["hide-input"]
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import FancyBboxPatch
from scipy import stats

from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, COLOURS, GREY, GRID, INK, ORANGE, use_theme
from compendium.statistics.clustered import clustered_mcnemar, design_effect
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

for name, value in (("confidence", confidence), ("prevalence", prevalence)):
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie between 0 and 1. Given {value}.")
use_theme()
chapter = open_chapter("stadlbauer2025/01_detection", inputs={"examinations": examinations})
CONDITION = "condition" if chapter.is_user_run else "recurrence"

# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Stadlbauer and colleagues {cite}`stadlbauer2025` followed 351 patients with glioma over nine years. Of 2003 follow-up
# examinations, 422 looked suspicious on conventional MRI (cMRI) and were analysed in detail: 341 with a recurrence, 81
# without (Results, Patients). Each was judged twice, by a consensus reading of cMRI and by microvascular perfusion
# (µPerf). Where the two differ is printed cell by cell in the Results:
#
# | | both positive | only cMRI | only µPerf | both negative |
# |---|---:|---:|---:|---:|
# | recurrence | 277 | 6 | 57 | 1 |
# | no recurrence | 3 | 2 | 1 | 75 |
#
# | | sensitivity | specificity | precision | accuracy | F1 |
# |---|---:|---:|---:|---:|---:|
# | cMRI | 83.0 % | 93.8 % | 98.3 % | 85.1 % | 90.0 % |
# | µPerf | 97.9 % | 95.1 % | 98.8 % | 97.4 % | 98.4 % |
#
# The abstract calls µPerf superior, finding recurrence earlier in 13.5 % of cases. No test that compares the two readings
# and no interval of these ten metrics is printed.
#
# ## What can be tested
#
# The eight cells are enough to rebuild all 422 pairs of readings, though not which patient each belongs to. So the printed
# matrices, metrics and percentages can be checked against one another: *internal* evidence, which says that the numbers
# belong together and nothing about patients. Intervals, paired tests and sensitivity analyses that the paper does not print
# follow from the same cells. What needs the patients (clustering) is bounded instead of computed. The supplement was not read.

# %% tags=["hide-input"]
LABELS = {"cmri": "cMRI", "uperf": "µPerf", "rule-or": "any positive", "rule-and": "all positive"}
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


def label(read):
    """Name of a reading or rule as it is shown."""
    return LABELS.get(read, read.replace("_", " "))


# %%
if chapter.is_user_run:
    table = chapter.input("examinations")
else:
    table = chapter.derive("examinations", expand_cells, *[chapter.printed(cell) for cell in CELLS])

reads = [c.removeprefix("read_") for c in table.value.columns if c.startswith("read_")]
pairs = list(itertools.combinations(reads, 2))
patients_known = bool(table.value["patient"].notna().all())
colour_of = dict(zip(reads, itertools.cycle(COLOURS)))

# %% tags=["hide-input"]
chapter.derive("table.examinations", len, table, unit="examinations", about="examinations in the table")
for name, code in (("present", 1), ("absent", 0)):
    chapter.derive(f"table.{name}", lambda t, code: int((t["reference"] == code).sum()), table, unit="examinations",
                   about=f"examinations with the condition {name}", code=code)
for read in reads:
    chapter.derive(f"{read}.unread", lambda t, read: int(t[f"read_{read}"].isna().sum()), table, unit="examinations",
                   about="examinations without this reading, left out of its numbers", read=read)
chapter.say("The analysis starts from {table.examinations} examinations: {table.present} with the {what} and "
            "{table.absent} without, by the reference standard.", what=CONDITION)
if patients_known:
    chapter.derive("table.patients", lambda t: t["patient"].nunique(), table, unit="patients")
    chapter.say("They come from {table.patients} patients. Examinations without a reading are left out of that reading's "
                "numbers: " + "; ".join(f"{{read_{i}}} {{{r}.unread}}" for i, r in enumerate(reads)) + ".",
                **{f"read_{i}": label(r) for i, r in enumerate(reads)})
    for note in table.value.attrs.get("notes", ()):
        chapter.say("Reading the table: {note}", note=note)

# %% [markdown]
# ## The idea
#
# With $TP$, $FN$, $TN$, $FP$ the counts of right and missed finds, right and false reassurances and alarms,
#
# $$\text{sensitivity}=\frac{TP}{TP+FN},\qquad \text{specificity}=\frac{TN}{TN+FP}.$$
#
# Both are proportions, and the usual interval of a proportion takes the examinations as independent. Examinations of one
# patient are not: a lesion that is hard to read once is hard to read again. The figure plants a known sensitivity in
# patients with as many examinations as these have, makes examinations of one patient more and more alike, and counts how
# often Wilson's interval {cite}`wilson1927` still contains the truth.

# %% tags=["hide-input"]
def worst_sizes(patients, total):
    """The most uneven split of examinations over patients: everyone has one, the rest fall to a single patient."""
    patients, total = max(round(patients), 1), round(total)
    return np.r_[np.ones(patients - 1), max(total - patients + 1, 1)]


def repeat_sizes(*patients):
    """Examinations per patient from the number of patients with one, two, three, … of them."""
    return np.repeat(np.arange(1, len(patients) + 1), [max(round(p), 0) for p in patients]).astype(float)


def sizes_in(data, code):
    """Examinations per patient with the condition present (1) or absent (0), or all (None)."""
    rows = data if code is None else data[data["reference"] == code]
    return rows.groupby("patient", sort=True).size().to_numpy(dtype=float)


STRATA = {"present": 1, "absent": 0, "all": None}
if patients_known:
    sizes = {s: chapter.derive(f"sizes.{s}", sizes_in, table, code=code) for s, code in STRATA.items()}
else:
    recurrences = [f"patients-{n}" for n in ("one-recurrence", "two-recurrences", "three-recurrences", "four-recurrences")]
    sizes = {"present": chapter.derive("sizes.present", repeat_sizes, *map(chapter.printed, recurrences))}
    few = chapter.printed("no-recurrence-patients")
    sizes["absent"] = chapter.derive("sizes.absent", worst_sizes, few, chapter["table.absent"])
    sizes["all"] = chapter.derive("sizes.all", lambda a, b: np.r_[a, b], sizes["present"], sizes["absent"])
for s, size in sizes.items():
    chapter.derive(f"clustering.{s}.largest", lambda m: int(m.max()), size, unit="examinations")
    chapter.derive(f"clustering.{s}.design_effect", lambda m: design_effect(m, icc=1).factor, size,
                   about="variance inflation if all examinations of a patient gave the same answer")


# %% tags=["hide-input"]
def wilson(p, n):
    """Wilson's limits for a proportion p of n, also for a fractional effective n."""
    z = stats.norm.isf((1 - confidence) / 2)
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.clip((centre - half) / (1 + z**2 / n), 0, 1), np.clip((centre + half) / (1 + z**2 / n), 0, 1)


def simulate_coverage(size, alikeness, truth, repeats=4000):
    """Share of Wilson intervals that contain the planted sensitivity; one beta-distributed sensitivity per patient."""
    size = np.sort(size)[np.linspace(0, size.size - 1, min(size.size, 300)).astype(int)].astype(int)
    covered = []
    for icc in alikeness:
        rng = np.random.default_rng([seed, round(1000 * icc)])
        if icc in (0, 1):
            p = np.full((repeats, size.size), truth) if icc == 0 else rng.random((repeats, size.size)) < truth
        else:
            p = rng.beta(truth * (1 / icc - 1), (1 - truth) * (1 / icc - 1), (repeats, size.size))
        found = rng.binomial(size, p).sum(axis=1) / size.sum()
        low, high = wilson(found, size.sum())
        covered.append(float(np.mean((low <= truth) & (truth <= high))))
    return covered


_ = chapter.derive("coverage.full_correlation", lambda size: 100 * simulate_coverage(size, [1], 0.9)[0], sizes["present"],
               unit="%", probe=False, precision="resampled",
               about="Wilson intervals that contain a planted sensitivity of 0.9 when a patient always gives one answer")


# %% tags=["hide-input"]
alikeness = np.linspace(0, 1, 11)
shown = {"these patients": sizes["present"].value, "three examinations each": np.full(100, 3.0)}
planted = pd.DataFrame({"correlation within patients": alikeness}
                       | {k: simulate_coverage(v, alikeness, 0.9) for k, v in shown.items()})
fig, ax = plt.subplots(figsize=(6.4, 3.2))
ax.axhline(100 * confidence, color=GREY, lw=1, ls=(0, (4, 3)))
ax.text(1, 100 * confidence + 0.8, "promised", color=GREY, fontsize=9, ha="right")
for (name, _), colour in zip(shown.items(), (BLUE, ORANGE), strict=True):
    ax.plot(alikeness, 100 * planted[name], color=colour, marker="o", ms=4)
    ax.annotate(name, (1, 100 * planted[name].iloc[-1]), (8, 0), textcoords="offset points", color=colour, va="center")
ax.set(xlabel="Correlation between examinations of one patient", ylabel="Intervals that contain\nthe truth (%)",
       xlim=(-0.02, 1.02), ylim=(60, 102))
chapter.figure(fig, "fig-coverage", data=planted,
    caption="How often Wilson's interval contains a planted sensitivity, by how alike the examinations of one patient are. "
            "Simulated, with the numbers of examinations per patient with the condition of this chapter and with three each.",
    alt="Two falling lines. Without correlation {first:.0f} % and {start:.0f} % of the intervals contain the truth; at full "
        "correlation {ours:.0f} % with the examinations per patient of this chapter, {three:.0f} % with three each.",
    first=100 * planted["these patients"].iloc[0], start=100 * planted["three examinations each"].iloc[0],
    ours=100 * planted["these patients"].iloc[-1], three=100 * planted["three examinations each"].iloc[-1])

# %% tags=["hide-input"]
chapter.say("If every patient always gave the same answer, {coverage.full_correlation:.0f} % of the intervals would contain the truth "
            "where {level:.0f} % are promised. How much is at stake depends on the patients with many examinations: here the "
            "largest number with the {what} is {clustering.present.largest}.", level=100 * confidence, what=CONDITION)

# %% [markdown]
# ## The analysis
#
# ### From patients to readings

# %% tags=["hide-input"]
def count_patterns(data, reads):
    """Examinations (and patients, where known) by reference and by what every reading says; complete rows only."""
    columns = [f"read_{r}" for r in reads]
    complete = data.dropna(subset=columns)
    grouped = complete.groupby(["reference", *columns], sort=False)
    counts = grouped.agg(examinations=("reference", "size"), patients=("patient", "nunique")).reset_index()
    return counts.sort_values(["reference", "examinations"], ascending=False, ignore_index=True)


def describe_pattern(row, shown_reads):
    """A pattern in words: whether each reading is a true or false positive or negative."""
    present = row["reference"] == 1
    kind = {(True, 1): "TP", (True, 0): "FN", (False, 1): "FP", (False, 0): "TN"}
    return "   ".join(f"{label(r)} {kind[present, int(row[f'read_{r}'])]}" for r in shown_reads)


def count_text(n, patients):
    """Examinations and, where known, patients."""
    parts = [f"{n:,} examination" + "s" * (n != 1)]
    return ", ".join(parts + ([f"{patients:,} patient" + "s" * (patients != 1)] if patients else []))


flow_reads = reads[:3]
patterns = chapter.derive("flow.patterns", count_patterns, table, reads=flow_reads)
flow_patients = {"start": 0, 1: 0, 0: 0}
if patients_known:
    by_reference = table.value.groupby("reference")["patient"].nunique()
    flow_patients = {"start": chapter["table.patients"].value, 1: int(by_reference[1]), 0: int(by_reference[0])}
else:
    flow_patients = {"start": int(chapter.printed("n-patients").value), 1: int(sizes["present"].value.size),
                     0: int(sizes["absent"].value.size)}

# %% tags=["hide-input"]
start = screened or (0 if chapter.is_user_run else int(chapter.printed("n-examinations").value))
analysed = chapter["table.examinations"].value
incomplete = analysed - int(patterns.value["examinations"].sum())
leaf_patients = {} if chapter.is_user_run else {
    (1, 1, 1): int(chapter.printed("both-positive-patients").value), (1, 0, 1): int(chapter.printed("early-patients").value)}


def box(ax, x, y, w, h, text, face):
    """A rounded box with centred text."""
    shape = FancyBboxPatch((x - w / 2, y - h / 2), w, h, boxstyle="round,pad=0,rounding_size=0.1", fc=face, ec=INK, lw=0.8)
    ax.add_patch(shape)
    ax.text(x, y, text, ha="center", va="center", fontsize=9, linespacing=1.35)


def connect(ax, *points):
    """A thin line through points, with an arrow head at the last."""
    xs, ys = zip(*points, strict=True)
    ax.plot(xs[:-1], ys[:-1], color=INK, lw=0.8, solid_joinstyle="miter")
    ax.annotate("", points[-1], points[-2], arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 0.8, "shrinkA": 0, "shrinkB": 0})


def draw_trunk(ax, selected, left_out):
    """From all examinations to those analysed; what is left out stands in a gray box."""
    top = "Follow-up examinations" if selected else "Examinations in the table"
    box(ax, 5, 9.4, 4.2, 0.95, top + "\n" + count_text(start if selected else analysed, flow_patients["start"]), "#e4edf6")
    connect(ax, (5, 8.92), (5, 7.42))
    if left_out:
        why = "Not analysed" if selected else "Without every reading"
        connect(ax, (5, 8.2), (7.0, 8.2))
        box(ax, 8.5, 8.2, 3.0, 0.9, why + "\n" + count_text(left_out, 0), "#d9dce1")
    kept = analysed - (0 if selected else incomplete)
    box(ax, 5, 6.95, 4.2, 0.95, "Analysed\n" + count_text(kept, 0), "#e4edf6")


def draw_branch(ax, rows, x, title, patients):
    """One reference class and its diagnostic subgroups in green."""
    connect(ax, (5, 6.47), (5, 6.1), (x, 6.1), (x, 5.68))
    box(ax, x, 5.2, 3.9, 0.95, title + "\n" + count_text(int(rows["examinations"].sum()), patients), "#e4edf6")
    for i, (_, row) in enumerate(rows.iterrows()):
        y = 4.05 - 1.0 * i
        connect(ax, (x - 1.75, 4.72), (x - 1.75, y), (x - 1.4, y))
        seen = int(row["patients"]) or leaf_patients.get((int(row["reference"]), *(int(row[f"read_{r}"]) for r in flow_reads)), 0)
        box(ax, x + 0.28, y, 3.36, 0.8, describe_pattern(row, flow_reads) + "\n" + count_text(int(row["examinations"]), seen), "#cfe9dd")


# %% tags=["hide-input"]
most = max([1, *patterns.value.groupby("reference").size()])
fig, ax = plt.subplots(figsize=(7.4, 3.4 + 0.62 * most))
draw_trunk(ax, start > analysed, start - analysed if start > analysed else incomplete)
for code, x, title in ((1, 2.4, CONDITION.capitalize()), (0, 7.6, f"No {CONDITION}")):
    draw_branch(ax, patterns.value[patterns.value["reference"] == code], x, title, flow_patients[code])
ax.set(xlim=(0.3, 10.05), ylim=(4.6 - 1.0 * most, 9.9))
ax.axis("off")
chapter.figure(fig, "fig-flow", data=patterns.value,
    caption="Flow of the examinations. Gray: left out; green: diagnostic subgroups, by whether each reading is a true or false "
            "positive (TP, FP) or negative (TN, FN). A patient counts in every box that holds an examination of theirs.",
    alt="Flow diagram. Of {from} examinations {kept} are analysed; the table has {table.present} with the {cond} and "
        "{table.absent} without; the largest subgroup holds {largest} examinations ({what}).", cond=CONDITION, **{"from": max(start, analysed), "kept": analysed - (0 if start > analysed else incomplete)},
    largest=int(patterns.value["examinations"].max()) if len(patterns.value) else 0,
    what=describe_pattern(patterns.value.loc[patterns.value["examinations"].idxmax()], flow_reads) if len(patterns.value)
    else "no examination has every reading")

# %% [markdown]
# ### One reading at a time

# %% tags=["hide-input"]
def counts_of(data, read):
    """Confusion counts of one reading; rows without it are left out."""
    return confusion_counts(data["reference"], data[f"read_{read}"])


def metric(counts, field):
    """One metric of a 2 × 2 table in percent."""
    return 100 * getattr(diagnostic_metrics(counts), field)


def limit(counts, parts, side, method):
    """A limit of a proportion in percent: the first cell of all the cells named."""
    n = sum(getattr(counts, c) for c in parts)
    right = getattr(counts, parts[0]) + (counts.tn if len(parts) == 4 else 0)
    return 100 * getattr(proportion_interval(right, n, confidence, method), side) if n else float("nan")


METRICS = {"sensitivity": "sensitivity", "specificity": "specificity", "precision": "ppv", "npv": "npv",
           "accuracy": "accuracy", "f1": "f1"}
PARTS = {"sensitivity": ("tp", "fn"), "specificity": ("tn", "fp"), "precision": ("tp", "fp"), "npv": ("tn", "fn"),
         "accuracy": ("tp", "fp", "fn", "tn")}
NAMES = {"sensitivity": "Sensitivity", "specificity": "Specificity", "precision": "Precision (PPV)", "npv": "NPV",
         "accuracy": "Accuracy", "f1": "F1"}


def record_reading(name, counts):
    """Record counts, metrics and their limits of a reading or of a rule that combines readings."""
    for cell in ("tp", "fp", "fn", "tn"):
        chapter.derive(f"{name}.{cell}", lambda c, cell: getattr(c, cell), counts, unit="examinations", cell=cell)
    for metric_name, field in METRICS.items():
        chapter.derive(f"{name}.{metric_name}", metric, counts, unit="%", field=field)
    for metric_name, parts in PARTS.items():
        for method, mark in (("wilson", ""), ("clopper-pearson", "exact_")):
            for side in ("lower", "upper"):
                chapter.derive(f"{name}.{metric_name}.{mark}{side}", limit, counts, unit="%", parts=parts, side=side,
                               method=method, about=f"{method} interval, examinations taken as independent")


# %%
counts = {}
for read in reads:
    counts[read] = chapter.derive(f"{read}.counts", counts_of, table, read=read)
    record_reading(read, counts[read])

# %% tags=["hide-input"]
confusion = pd.DataFrame([{"reading": label(r), "true positive": chapter[f"{r}.tp"].value, "false positive": chapter[f"{r}.fp"].value,
                           "false negative": chapter[f"{r}.fn"].value, "true negative": chapter[f"{r}.tn"].value,
                           "unread": chapter[f"{r}.unread"].value} for r in reads])
chapter.table(confusion, "tab-confusion", "Confusion matrices, in examinations.")

# %% [markdown]
# The intervals come first with the patient as the unit, because examinations of one patient share their patient. Where
# patients are known, they are drawn again with replacement, each with all examinations, with and without the condition;
# where they are not, Wilson's interval is widened to the most that clustering could do, as if all examinations of a patient
# gave one answer. Beside it stand Wilson's interval and the exact one of Clopper and Pearson {cite}`clopper1934`, which take
# examinations as independent.

# %% tags=["hide-input"]
def sum_by_patient(data):
    """Sums per patient of the cells that all metrics and differences are made of; one column each."""
    present = data["reference"].to_numpy() == 1
    value = {r: data[f"read_{r}"].to_numpy(dtype=float, na_value=np.nan) for r in reads}
    cells = {}
    for r, x in value.items():
        cells |= {(r, "tp"): present & (x == 1), (r, "fn"): present & (x == 0),
                  (r, "fp"): ~present & (x == 1), (r, "tn"): ~present & (x == 0)}
    for a, b in pairs:
        for name, stratum in (("present", present), ("absent", ~present)):
            x, y = value[a], value[b]
            cells |= {(a, b, name, "first"): stratum & (x == 1) & (y == 0), (a, b, name, "second"): stratum & (x == 0) & (y == 1),
                      (a, b, name, "n"): stratum & ~np.isnan(x) & ~np.isnan(y)}
    codes, _ = pd.factorize(data["patient"])
    sums = np.stack([np.bincount(codes, c) for c in cells.values()], axis=1)
    return list(cells), sums


def resample_patients(sums, block=100):
    """Totals of the cells over patients drawn with replacement: one row per resample."""
    rng, patients, totals = np.random.default_rng(seed), len(sums), []
    for first in range(0, resamples, block):
        rows = min(block, resamples - first)
        drawn = rng.integers(0, patients, (rows, patients)) + patients * np.arange(rows)[:, None]
        totals.append(np.bincount(drawn.ravel(), minlength=rows * patients).reshape(rows, patients) @ sums)
    return np.concatenate(totals)


def metrics_of(totals):
    """Metrics and paired differences in percent from resampled totals, by result name."""
    out = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for r in reads:
            tp, fp, fn, tn = (totals[r, c] for c in ("tp", "fp", "fn", "tn"))
            out |= {f"{r}.sensitivity": tp / (tp + fn), f"{r}.specificity": tn / (tn + fp), f"{r}.precision": tp / (tp + fp),
                    f"{r}.npv": tn / (tn + fn), f"{r}.accuracy": (tp + tn) / (tp + fp + fn + tn),
                    f"{r}.f1": 2 * tp / (2 * tp + fp + fn)}
        for a, b in pairs:
            gain, n = {}, {}
            for s, sign in (("present", 1), ("absent", -1)):
                gain[s] = sign * (totals[a, b, s, "second"] - totals[a, b, s, "first"])
                n[s] = totals[a, b, s, "n"]
            out |= {f"{a}-vs-{b}.sensitivity": gain["present"] / n["present"],
                    f"{a}-vs-{b}.specificity": gain["absent"] / n["absent"],
                    f"{a}-vs-{b}.accuracy": (gain["present"] + gain["absent"]) / (n["present"] + n["absent"])}
    return {k: 100 * v for k, v in out.items()}


def resampled_limits(data):
    """Percentile limits of all metrics and differences when patients are resampled."""
    keys, sums = sum_by_patient(data)
    drawn = metrics_of(dict(zip(keys, resample_patients(sums).T, strict=True)))
    tail = 50 * (1 - confidence)
    return {k: tuple(np.nanpercentile(v, [tail, 100 - tail])) if np.isfinite(v).any() else (np.nan, np.nan)
            for k, v in drawn.items()}


# %% tags=["hide-input"]
STRATUM_OF = {"sensitivity": "present", "specificity": "absent", "accuracy": "all"}


def widened(counts, design_effect, parts, side):
    """Limit of Wilson's interval in percent at the smallest effective number of examinations."""
    n = sum(getattr(counts, c) for c in parts)
    right = getattr(counts, parts[0]) + (counts.tn if len(parts) == 4 else 0)
    return float(100 * wilson(right / n, n / design_effect)[side == "upper"])


drawn = chapter.derive("resampled.limits", resampled_limits, table, probe=False, precision="resampled") if patients_known else None
for read, metric_name in itertools.product(reads, METRICS):
    for i, side in enumerate(("lower", "upper")):
        name = f"{read}.{metric_name}.patients_{side}"
        if drawn is not None:
            chapter.derive(name, lambda d, key, i: float(d[key][i]), drawn, unit="%", precision="resampled", probe=False,
                           key=f"{read}.{metric_name}", i=i, about="percentile limit, patients resampled")
        elif metric_name in STRATUM_OF:
            effect = chapter[f"clustering.{STRATUM_OF[metric_name]}.design_effect"]
            chapter.derive(name, widened, counts[read], effect, unit="%", parts=PARTS[metric_name], side=side,
                           about="Wilson interval widened by the largest possible design effect")

# %% tags=["hide-input"]
UNIT_NAME = "patients resampled" if patients_known else "the most clustering could do"


def value_of(name):
    """A recorded number, or not-a-number where it is not recorded."""
    return float(chapter[name].value) if name in chapter else float("nan")


metrics = pd.DataFrame([{"reading": label(r), "metric": NAMES[m], "percent": value_of(f"{r}.{m}")}
    | {f"{kind}{side}": value_of(f"{r}.{m}.{kind}{side}") for kind in ("patients_", "", "exact_") for side in ("lower", "upper")}
    for m in METRICS for r in reads])
shown = metrics.rename(columns={"patients_lower": f"lower, {UNIT_NAME}", "patients_upper": f"upper, {UNIT_NAME}",
    "lower": "lower, Wilson", "upper": "upper, Wilson", "exact_lower": "lower, exact", "exact_upper": "upper, exact"})
chapter.table(shown, "tab-metrics", "Metrics with their intervals, in percent; intervals at {level:.0f} % confidence.",
              formats={c: ".1f" for c in shown.columns[2:]}, level=100 * confidence)

# %% tags=["hide-input"]
drawn_metrics = [m for m in PARTS]
height = 0.42 * len(reads) * len(drawn_metrics) + 0.9
fig, ax = plt.subplots(figsize=(7, max(height, 3)))
for i, m in enumerate(drawn_metrics):
    for j, r in enumerate(reads):
        y = -(i * (len(reads) + 0.6) + j)
        row = metrics[(metrics["metric"] == NAMES[m]) & (metrics["reading"] == label(r))].iloc[0]
        ax.plot([row["patients_lower"], row["patients_upper"]], [y, y], color=colour_of[r], lw=1.1, solid_capstyle="butt")
        ax.plot([row["lower"], row["upper"]], [y, y], color=colour_of[r], lw=4.2, alpha=0.45, solid_capstyle="butt")
        ax.plot(row["percent"], y, "o", color=colour_of[r], ms=6)
        if i == 0:
            ax.annotate(label(r), (row["percent"], y), (0, 7), textcoords="offset points", color=colour_of[r],
                        ha="center", fontsize=9)
ax.set_yticks([-(i * (len(reads) + 0.6) + (len(reads) - 1) / 2) for i in range(len(drawn_metrics))], [NAMES[m] for m in drawn_metrics])
ax.tick_params(axis="y", length=0)
ax.spines["left"].set_visible(False)
ax.grid(axis="x", color=GRID)
ax.set(xlabel="Percent", xlim=(None, 100.8), ylim=(None, 0.9))
chapter.figure(fig, "fig-metrics", data=metrics,
    caption="Metrics of each reading. Thick bars: Wilson's interval, examinations taken as independent. Thin lines: {unit}{none}.",
    alt="Dots with intervals for sensitivity, specificity, precision, negative predictive value and accuracy. Sensitivity is "
        + ", ".join(f"{{{r}.sensitivity:.1f}} % for {{n{i}}}" for i, r in enumerate(reads)) + "; specificity is "
        + ", ".join(f"{{{r}.specificity:.1f}} % for {{n{i}}}" for i, r in enumerate(reads)) + ".",
    unit=UNIT_NAME, none="" if patients_known else "; predictive values have none",
    **{f"n{i}": label(r) for i, r in enumerate(reads)})

# %% tags=["hide-input"]
for i, r in enumerate(reads):
    chapter.say("**{who}** finds {" + r + ".tp} of {n} examinations with the {what}, a sensitivity of {" + r + ".sensitivity:.1f} % "
        "({" + r + ".sensitivity.patients_lower:.1f}–{" + r + ".sensitivity.patients_upper:.1f}), and calls {" + r + ".fp} of {m} "
        "without it positive, a specificity of {" + r + ".specificity:.1f} % ({" + r + ".specificity.patients_lower:.1f}–{"
        + r + ".specificity.patients_upper:.1f}); in parentheses: {unit}.", who=label(r), unit=UNIT_NAME, what=CONDITION,
        n=chapter[f"{r}.tp"].value + chapter[f"{r}.fn"].value, m=chapter[f"{r}.fp"].value + chapter[f"{r}.tn"].value)

# %% [markdown]
# Ratios say what a reading does to a suspicion: a positive likelihood ratio multiplies the odds of the condition after a
# positive reading, a negative one after a negative reading. Matthews' correlation and the diagnostic odds ratio sum up the
# whole matrix in one number each.

# %% tags=["hide-input"]
RATIOS = {"lr_positive": "LR+", "lr_negative": "LR−", "dor": "DOR", "mcc": "MCC", "youden": "Youden"}


def ratio_limit(counts, which, side):
    """A limit of a likelihood ratio or of the odds ratio, on the log scale."""
    if which == "dor":
        return getattr(diagnostic_odds_ratio_interval(counts, confidence), side)
    return getattr(likelihood_ratio_interval(counts, which.removeprefix("lr_"), confidence), side)


rows = []
for read, which in itertools.product(reads, RATIOS):
    chapter.derive(f"{read}.{which}", lambda c, which: getattr(diagnostic_metrics(c), which), counts[read], which=which)
    row = {"reading": label(read), "ratio": RATIOS[which], "estimate": chapter[f"{read}.{which}"].value}
    for side in ("lower", "upper"):
        if which in ("lr_positive", "lr_negative", "dor"):
            made = chapter.derive(f"{read}.{which}.{side}", ratio_limit, counts[read], which=which, side=side)
            row[side] = made.value
    rows.append(row)
ratios = pd.DataFrame(rows)
chapter.table(ratios, "tab-ratios", "Likelihood ratios and single-number summaries; intervals on the log scale, examinations taken "
              "as independent.", formats={c: ".3g" for c in ("estimate", "lower", "upper")})

# %% [markdown]
# ### Two readings of the same examinations
#
# Readings of the same examinations are compared where they differ; the pairs on which they agree say nothing about which
# is better. McNemar's exact test {cite}`mcnemar1947` counts those, as if every pair came from another patient.

# %% tags=["hide-input"]
def paired_cells(data, first, second, code):
    """Cells of two readings where the condition is present (1) or absent (0); rows without one of them are left out."""
    rows = data.loc[data["reference"] == code, [f"read_{first}", f"read_{second}"]].dropna().to_numpy(dtype=int)
    x, y = rows[:, 0], rows[:, 1]
    return {"both": int((x & y).sum()), "first_only": int((x & ~y & 1).sum()), "second_only": int((~x & y & 1).sum()),
            "neither": int((~x & ~y & 1).sum())}


def right_only(present, absent, what):
    """Examinations that only the first and only the second reading judges rightly, and all pairs."""
    first = {"sensitivity": present["first_only"], "specificity": absent["second_only"]}
    second = {"sensitivity": present["second_only"], "specificity": absent["first_only"]}
    n = {"sensitivity": sum(present.values()), "specificity": sum(absent.values())}
    parts = ["sensitivity", "specificity"] if what == "accuracy" else [what]
    return tuple(sum(d[p] for p in parts) for d in (first, second, n))


def difference(present, absent, what, side):
    """Second minus first reading in percentage points, with Tango's score interval."""
    first, second, n = right_only(present, absent, what)
    return 100 * getattr(paired_difference_interval(second, first, n, confidence), side) if n else float("nan")


def bounded_p(present, absent, design_effect, what):
    """McNemar's p from the normal approximation when the variance is inflated by a design effect."""
    first, second, _ = right_only(present, absent, what)
    z = abs(second - first) / np.sqrt((first + second) * design_effect) if first + second else 0.0
    return float(2 * stats.norm.sf(z))


def clustered_p(data, first, second, what):
    """Clustered McNemar test of who is right more often, patients as clusters."""
    rows = data.dropna(subset=[f"read_{first}", f"read_{second}"])
    rows = rows if what == "accuracy" else rows[rows["reference"] == (1 if what == "sensitivity" else 0)]
    if rows["patient"].nunique() < 2:
        return float("nan")
    right = [(rows[f"read_{r}"] == rows["reference"]).to_numpy(dtype=int) for r in (first, second)]
    return clustered_mcnemar(*right, rows["patient"].to_numpy()).p


def kappa(data, first, second):
    """Cohen's kappa of two readings; not-a-number where no examination has both."""
    both = data[[f"read_{first}", f"read_{second}"]].dropna()
    return cohen_kappa(*both.to_numpy(dtype=float).T).estimate if len(both) else float("nan")


# %%
paired = {}
for a, b in pairs:
    key = f"{a}-vs-{b}"
    paired[key] = [chapter.derive(f"{key}.{s}", paired_cells, table, first=a, second=b, code=code)
                   for s, code in (("present", 1), ("absent", 0))]
    for what in ("sensitivity", "specificity", "accuracy"):
        for side in ("estimate", "lower", "upper"):
            chapter.derive(f"{key}.{what}.difference" + (f".{side}" if side != "estimate" else ""), difference, *paired[key],
                           unit="percentage points", precision="iterative", what=what, side=side)
        chapter.derive(f"{key}.{what}.p_exact", lambda x, y, what: mcnemar_exact(*right_only(x, y, what)[:2]).p, *paired[key],
                       what=what, about="exact McNemar test, pairs taken as independent")

# %% tags=["hide-input"]
for a, b in pairs:
    key = f"{a}-vs-{b}"
    for what, stratum in STRATUM_OF.items():
        if patients_known:
            chapter.derive(f"{key}.{what}.p_patients", clustered_p, table, first=a, second=b, what=what,
                           about="clustered McNemar test, patients as clusters")
        else:
            chapter.derive(f"{key}.{what}.p_patients", bounded_p, *paired[key], chapter[f"clustering.{stratum}.design_effect"],
                           what=what, about="McNemar test at the largest possible design effect")
        for i, side in enumerate(("lower", "upper")):
            name = f"{key}.{what}.difference.patients_{side}"
            if patients_known:
                chapter.derive(name, lambda d, key, i: float(d[key][i]), drawn, unit="percentage points", probe=False,
                               precision="resampled", key=f"{key}.{what}", i=i)
            else:
                chapter.derive(name, lambda d, end, effect: max(-100.0, min(100.0, d + (end - d) * np.sqrt(effect))),
                    chapter[f"{key}.{what}.difference"], chapter[f"{key}.{what}.difference.{side}"],
                    chapter[f"clustering.{stratum}.design_effect"], unit="percentage points", precision="iterative",
                    about="Tango limit, stretched by the root of the largest possible design effect")
    chapter.derive(f"{key}.kappa", kappa, table, first=a, second=b)
    chapter.derive(f"{key}.agreement", lambda x, y: 100 * (x["both"] + x["neither"] + y["both"] + y["neither"])
                   / max(sum(x.values()) + sum(y.values()), 1), *paired[key], unit="%")

# %% tags=["hide-input"]
paired_rows = [{"readings": f"{label(a)} and {label(b)}", "condition": s} | chapter[f"{a}-vs-{b}.{s}"].value
               for a, b in pairs for s in ("present", "absent")]
if pairs:
    frame = pd.DataFrame(paired_rows).rename(columns={"both": "both positive", "first_only": "only the first",
                                                      "second_only": "only the second", "neither": "both negative"})
    chapter.table(frame, "tab-paired", "Pairs of readings, with the condition and without, in examinations.")
else:
    chapter.say("The table has one reading, so nothing can be paired.")

# %% tags=["hide-input"]
rows = []
for (a, b), what in itertools.product(pairs, STRATUM_OF):
    key, name = f"{a}-vs-{b}", f"{a}-vs-{b}.{what}"
    first, second, n = right_only(*[q.value for q in paired[key]], what)
    rows.append({"second minus first": f"{label(b)} − {label(a)}", "metric": NAMES[what], "pairs": n, "only second right": second,
        "only first right": first, "difference": value_of(f"{name}.difference"), "lower": value_of(f"{name}.difference.lower"),
        "upper": value_of(f"{name}.difference.upper"), "patients_lower": value_of(f"{name}.difference.patients_lower"),
        "patients_upper": value_of(f"{name}.difference.patients_upper"), "p_patients": value_of(f"{name}.p_patients"),
        "p_exact": value_of(f"{name}.p_exact")})
differences = pd.DataFrame(rows)
if pairs:
    shown = differences.rename(columns={"patients_lower": f"lower, {UNIT_NAME}", "patients_upper": f"upper, {UNIT_NAME}",
        "p_patients": f"p, {'patients as clusters' if patients_known else UNIT_NAME}", "p_exact": "p, exact"})
    chapter.table(shown, "tab-differences", "Paired differences in percentage points, with Tango's interval and McNemar's test.",
                  formats={c: ".1f" for c in shown.columns[5:10]} | {c: ".2g" for c in shown.columns[10:]})

# %% tags=["hide-input"]
order = sorted(pairs, key=lambda p: -abs(value_of(f"{p[0]}-vs-{p[1]}.accuracy.difference")))[:12]
if pairs:
    fig, ax = plt.subplots(figsize=(7, 1.0 + 0.95 * len(order)))
    ticks = {}
    for i, (a, b) in enumerate(order):
        for j, what in enumerate(STRATUM_OF):
            y, name, c = -(3.8 * i + j), f"{a}-vs-{b}.{what}.difference", (BLUE, ORANGE, INK)[j]
            ax.plot([value_of(f"{name}.patients_lower"), value_of(f"{name}.patients_upper")], [y, y], color=c, lw=1.1)
            ax.plot([value_of(f"{name}.lower"), value_of(f"{name}.upper")], [y, y], color=c, lw=4.2, alpha=0.45, solid_capstyle="butt")
            ax.plot(value_of(name), y, "o", color=c, ms=6)
            ticks[y] = (f"{label(b)} − {label(a)}: " if len(order) > 1 else "") + NAMES[what].lower()
    ax.axvline(0, color=GREY, lw=1)
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color=GRID)
    ax.set(xlabel="Percentage points" + (f", {label(order[0][1])} minus {label(order[0][0])}" if len(order) == 1 else ""),
           ylim=(min(ticks) - 0.8, 0.8))
    a, b = order[0]
    chapter.figure(fig, "fig-differences", data=differences,
        caption="Paired differences. Thick bars: Tango's interval, pairs taken as independent. Thin lines: {unit}.",
        alt="Dots with intervals around zero. {second} minus {first}: sensitivity {" + f"{a}-vs-{b}.sensitivity.difference:+.1f" + "}, "
            "specificity {" + f"{a}-vs-{b}.specificity.difference:+.1f" + "}, accuracy {" + f"{a}-vs-{b}.accuracy.difference:+.1f"
            + "} percentage points.", unit=UNIT_NAME, first=label(a), second=label(b))

# %% tags=["hide-input"]
for a, b in pairs:
    k = f"{a}-vs-{b}"
    chapter.say("**{second} against {first}**: sensitivity {" + k + ".sensitivity.difference:+.1f} points ({" + k
        + ".sensitivity.difference.patients_lower:+.1f} to {" + k + ".sensitivity.difference.patients_upper:+.1f}), p = {" + k
        + ".sensitivity.p_patients:p}; specificity {" + k + ".specificity.difference:+.1f} points ({" + k
        + ".specificity.difference.patients_lower:+.1f} to {" + k + ".specificity.difference.patients_upper:+.1f}), p = {" + k
        + ".specificity.p_patients:p} ({unit}). If all pairs were independent, the exact p values would be {" + k
        + ".sensitivity.p_exact:p} and {" + k + ".specificity.p_exact:p}. The two readings agree in {" + k
        + ".agreement:.1f} % of examinations, kappa {" + k + ".kappa:.2f}.", first=label(a), second=label(b), unit=UNIT_NAME)

# %% [markdown]
# ### Reading both
#
# In practice readings are combined. Acting when *any* is positive gains sensitivity and pays in false alarms; acting only
# when *all* are positive does the reverse.

# %% tags=["hide-input"]
def combined_counts(data, rule):
    """Confusion counts when all readings of an examination are combined by a rule; complete rows only."""
    return confusion_counts(data["reference"], reading_rules(data[[f"read_{r}" for r in reads]].to_numpy(dtype=object), rule))


rules = {"rule-or": "or", "rule-and": "and"} if len(reads) > 1 else {}
for k in range(2, len(reads)):
    rules[f"rule-{k}"] = k
    LABELS[f"rule-{k}"] = f"at least {k} positive"
for name, rule in rules.items():
    counts[name] = chapter.derive(f"{name}.counts", combined_counts, table, rule=rule)
    record_reading(name, counts[name])
    chapter.say("**{what}**: sensitivity {" + name + ".sensitivity:.1f} %, specificity {" + name + ".specificity:.1f} %.",
                what=label(name).capitalize())

# %% tags=["hide-input"]
points = pd.DataFrame([{"what": label(n), "false alarms": 100 - value_of(f"{n}.specificity"), "sensitivity": value_of(f"{n}.sensitivity"),
    "low_x": 100 - value_of(f"{n}.specificity.upper"), "high_x": 100 - value_of(f"{n}.specificity.lower"),
    "low_y": value_of(f"{n}.sensitivity.lower"), "high_y": value_of(f"{n}.sensitivity.upper")} for n in [*reads, *rules]])
fig, ax = plt.subplots(figsize=(5.6, 4.6))
for i, row in points.iterrows():
    c = colour_of[reads[i]] if i < len(reads) else INK
    ax.plot([row["low_x"], row["high_x"]], [row["sensitivity"]] * 2, color=c, lw=0.8, alpha=0.5)
    ax.plot([row["false alarms"]] * 2, [row["low_y"], row["high_y"]], color=c, lw=0.8, alpha=0.5)
    ax.plot(row["false alarms"], row["sensitivity"], "o" if i < len(reads) else "D", color=c, ms=7 if i < len(reads) else 5.5)
    ax.annotate(row["what"], (row["false alarms"], row["sensitivity"]), (-8, -14) if row["what"] == label("rule-and") else (8, -14 if i == 1 else 7), ha="right" if row["what"] == label("rule-and") else "left",
                textcoords="offset points", color=c)
ax.grid(color=GRID)
ax.set(xlabel=f"Positive without the {CONDITION} (%)", ylabel=f"Positive with the {CONDITION} (%)",
       xlim=(max(points["low_x"].min() - 1, -0.5), points["high_x"].max() + 2), ylim=(points["low_y"].min() - 2, 101))
chapter.figure(fig, "fig-rules", data=points,
    caption="Readings (dots) and rules that combine them (diamonds), with Wilson's intervals in both directions, examinations taken "
            "as independent.",
    alt="Scatter of sensitivity over false alarms. " + "; ".join(f"{{w{i}}}: {{y{i}:.1f}} % found, {{x{i}:.1f}} % false alarms" for i in points.index) + ".",
    **{f"w{i}": r["what"] for i, r in points.iterrows()}, **{f"x{i}": r["false alarms"] for i, r in points.iterrows()},
    **{f"y{i}": r["sensitivity"] for i, r in points.iterrows()})

# %% [markdown]
# ### What a result means for the patient in front of you
#
# Predictive values depend on how common the condition is among those who are read. The share in an analysed sample is a
# choice of its design; put your own into the parameter `prevalence`.

# %% tags=["hide-input"]
def predictive(counts, which, at):
    """Positive (0) or negative (1) predictive value in percent at a prevalence."""
    m = diagnostic_metrics(counts)
    return float(100 * predictive_values(m.sensitivity, m.specificity, at)[which])


chapter.derive("table.prevalence", lambda p, n: 100 * p / n, chapter["table.present"], chapter["table.examinations"], unit="%")
for read, (which, name) in itertools.product(reads, enumerate(("ppv_at", "npv_at"))):
    chapter.derive(f"{read}.{name}", predictive, counts[read], unit="%", which=which, at=prevalence,
                   about="predictive value at the prevalence given as parameter")
grid = np.linspace(0.005, 0.995, 199)
curves = pd.concat([prevalence_curve(counts[r].value, grid, confidence).assign(reading=label(r)) for r in reads])
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.5), sharey=True)
for ax, which, title in zip(axes, ("ppv", "npv"), (f"After a positive reading:\n{CONDITION} present", f"After a negative reading:\n{CONDITION} absent"), strict=True):
    for r in reads:
        c = curves[curves["reading"] == label(r)]
        ax.fill_between(100 * grid, 100 * c[f"{which}_lower"], 100 * c[f"{which}_upper"], color=colour_of[r], alpha=0.15, lw=0)
        ax.plot(100 * grid, 100 * c[which], color=colour_of[r])
    for x, style in ((100 * prevalence, "-"), (chapter["table.prevalence"].value, (0, (4, 3)))):
        ax.axvline(x, color=GREY, lw=0.9, ls=style, zorder=0)
    ax.set_title(title, fontsize=10)
    ax.set(xlabel="Prevalence (%)", xlim=(0, 100), ylim=(0, 101))
    ax.grid(color=GRID)
axes[0].set_ylabel("Predictive value (%)")
axes[0].text(chapter["table.prevalence"].value - 1.5, 4, "in this table", color=GREY, fontsize=8.5, rotation=90, ha="right")
axes[0].text(100 * prevalence - 1.5, 4, "parameter", color=GREY, fontsize=8.5, rotation=90, ha="right")
for i, r in enumerate(reads):
    axes[1].text(26, 6 + 8 * (len(reads) - 1 - i), label(r), color=colour_of[r])
chapter.figure(fig, "fig-prevalence", data=curves,
    caption="Predictive values over prevalence, with logit intervals. Gray lines: the prevalence given as parameter ({at:.0f} %) "
            "and that of the table ({table.prevalence:.1f} %, dashed).",
    alt="Two panels of rising and falling curves. At a prevalence of {at:.0f} % a positive reading is right in "
        + ", ".join(f"{{{r}.ppv_at:.1f}} % ({{n{i}}})" for i, r in enumerate(reads)) + ", a negative one in "
        + ", ".join(f"{{{r}.npv_at:.1f}} % ({{n{i}}})" for i, r in enumerate(reads)) + ".",
    at=100 * prevalence, **{f"n{i}": label(r) for i, r in enumerate(reads)})

# %% tags=["hide-input"]
chapter.say("At a prevalence of {at:.0f} %: " + "; ".join(f"{{n{i}}} positive, {{what}} present in {{{r}.ppv_at:.1f}} %, negative, absent in "
            f"{{{r}.npv_at:.1f}} %" for i, r in enumerate(reads)) + ". The table's own prevalence is {table.prevalence:.1f} %.",
            at=100 * prevalence, what=CONDITION, **{f"n{i}": label(r) for i, r in enumerate(reads)})

# %% [markdown]
# ### Treatment and histology

# %% tags=["hide-input"]
def record_composition(kind, groups, unit, labels):
    """Record a total and the share of each group, and return them as a table; `groups` are counts by result name."""
    total = chapter.derive(f"{kind}.{unit}", lambda *n: sum(n), *groups.values(), unit=unit)
    rows = []
    for name, count in groups.items():
        share = chapter.derive(f"{kind}.{name}.share", lambda n, t: 100 * n / t if t else float("nan"), count, total, unit="%")
        rows.append({"group": labels.get(name, name), unit: int(count.value), "percent": share.value})
    return pd.DataFrame(rows)


def group_sizes(data, kind, most=15):
    """Sizes of the largest groups of a text column among examinations with the condition; the rest together."""
    sizes = data.loc[data["reference"] == 1, kind].fillna("not given").value_counts()
    head, tail = sizes.iloc[:most], sizes.iloc[most:]
    return pd.concat([head, pd.Series({"all others": tail.sum()})]) if len(tail) else head


def groups_in(kind):
    """Counts of the groups of a text column, recorded under neutral names, with the texts by these names."""
    group = chapter.derive(f"{kind}.groups", group_sizes, table, kind=kind)
    names = {f"group{i + 1}": str(text) for i, text in enumerate(group.value.index)}
    counts = {name: chapter.derive(f"{kind}.{name}.count", lambda g, i: int(g.iloc[i]), group, unit="examinations", i=i)
              for i, name in enumerate(names)}
    return counts, "examinations", names


# %% tags=["hide-input"]
TREATMENTS = {
    "bevacizumab": "bevacizumab", "craniotomy": "repeat craniotomy", "radiotherapy": "repeat radiotherapy or radiochemotherapy",
    "temozolomide": "temozolomide again", "palliative": "palliative care", "lomustine": "lomustine", "experimental": "experimental drugs",
}
TYPES = {
    "glioblastoma": "glioblastoma, IDH-wild-type, WHO 4", "oligodendroglioma_3": "oligodendroglioma, WHO 3",
    "astrocytoma_nos": "diffuse astrocytoma, IDH-wild-type, NOS", "astrocytoma_4": "astrocytoma, IDH-mutant, WHO 4",
    "astrocytoma_3": "astrocytoma, IDH-mutant, WHO 3", "astrocytoma_2": "astrocytoma, IDH-mutant, WHO 2",
    "oligodendroglioma_2": "oligodendroglioma, WHO 2",
}
if chapter.is_user_run:
    sources = {k: groups_in(k) for k in ("treatment", "histology") if k in table.value.columns}
else:
    treated = {t: chapter.printed(f"treated-{t}") for t in TREATMENTS}
    early_types = {t: chapter.printed("early-" + t.replace("_", "-")) for t in TYPES}
    sources = {"treatment": (treated, "recurrences", TREATMENTS), "histology": (early_types, "patients", TYPES)}
composition = {kind: record_composition(kind, groups, unit, labels) for kind, (groups, unit, labels) in sources.items()}
if not composition:
    chapter.say("The table has no column `treatment` or `histology`.")

# %% tags=["hide-input"]
if "treatment" in composition:
    chapter.table(composition["treatment"], "tab-treatment", "Treatment in examinations with the condition." if chapter.is_user_run else
                  "Treatment of the recurrences.", formats={"percent": ".1f"})

# %% tags=["hide-input"]
if "histology" in composition:
    chapter.table(composition["histology"], "tab-histology", "Histology in examinations with the condition." if chapter.is_user_run else
                  "Initial histology of the patients whose recurrence µPerf found first.", formats={"percent": ".1f"})

# %% tags=["paper", "hide-input"]
oligo, share, of = (chapter.printed(n) for n in ("early-oligodendroglioma-3", "cohort-oligodendroglioma-3-share", "early-patients"))
chapter.derive("histology.oligodendroglioma_3.binomial_p", lambda k, p, n: float(stats.binomtest(round(k), round(n), p / 100).pvalue),
               oligo, share, of, about="as many among the early finds by chance, at the cohort's share")
low, high = chapter["histology.oligodendroglioma_3.binomial_p"].interval
chapter.say("The paper calls the share of WHO grade 3 oligodendrogliomas among early finds noteworthy: {histology.oligodendroglioma_3.share:.1f} % "
            "against {share:.1f} % of the cohort. Drawing that many patients at the cohort's share gives a number as unusual with "
            "probability {histology.oligodendroglioma_3.binomial_p:.2f} ({low:.3f}–{high:.3f} over the rounding of the share).",
            share=share.value, low=low, high=high)

# %% [markdown] tags=["paper"]
# ## Does it agree?
#
# Before the table is drawn, every number that the paper prints twice, or that two sets of printed numbers give, is computed
# by each way: matrices from the paired cells and metrics from both, 341 recurrences from cells, matrices, recurrences per
# patient and treatments, percentages from their counts, the study's length from its first and last month, and the added time
# from repetition time and number of volumes.

# %% tags=["paper", "hide-input"]
p = chapter.printed
total = lambda *n: sum(n)  # noqa: E731
matrix = {r: [p(f"{r}-{c}") for c in ("tp", "fp", "fn", "tn")] for r in ("cmri", "uperf")}
for r, (tp, fp, fn, tn) in matrix.items():
    chapter.route("table.present", f"matrix {label(r)}", total, tp, fn)
    chapter.route("table.absent", f"matrix {label(r)}", total, fp, tn)
    for name, field in METRICS.items():
        if name != "npv":
            chapter.route(f"{r}.{name}", "printed matrix", lambda *n, field: metric(ConfusionCounts(*[max(round(i), 0) for i in n]), field),
                          tp, fp, fn, tn, field=field)
chapter.route("table.present", "recurrences per patient", lambda *n: sum((i + 1) * k for i, k in enumerate(n)), *map(p, recurrences))
chapter.route("table.present", "treatments", total, *treated.values())
chapter.route("table.examinations", "with and without recurrence", total, p("recurrence-examinations"), p("no-recurrence-examinations"))
_ = chapter.route("uperf.fp", "histology of the false positives", total, p("uperf-fp-glioblastoma"), p("uperf-fp-oligodendroglioma"))

# %% tags=["paper", "hide-input"]
def months_between(first_year, last_year, first_month, last_month):
    """Months from the first month to the last one, both included."""
    return 12 * (last_year - first_year) + last_month - first_month + 1


years = p("period-first-year"), p("period-last-year")
july_to_june = {"first_month": 7, "last_month": 6}
chapter.derive("cohort.months", months_between, *years, unit="months", **july_to_june)
chapter.derive("cohort.years", lambda m: m / 12, chapter["cohort.months"], unit="years")
chapter.derive("cohort.patients", total, p("n-women"), p("n-men"), unit="patients")
chapter.derive("cohort.examinations_rounded", lambda n: 100 * round(n / 100), p("n-examinations"), unit="examinations")
chapter.derive("cohort.examinations_per_patient", lambda n, k: n / k, p("n-examinations"), p("n-patients"), unit="examinations")
chapter.derive("cohort.recurrence_patients", total, *map(p, recurrences), unit="patients")
chapter.derive("cohort.no_recurrence_patients", lambda n, k: n - k, p("n-patients"), p("recurrence-patients"), unit="patients")
chapter.derive("selection.share", lambda n, k: 100 * n / k, p("n-suspicious"), p("n-examinations"), unit="%")
chapter.derive("protocol.extra_minutes", lambda n, tr: n * tr / 60000, p("dynamics"), p("se-tr"), unit="minutes")
early = p("paired-present-uperf-only")
chapter.derive("early.share", lambda n, k: 100 * n / k, early, p("n-suspicious"), unit="%")
chapter.derive("early.confirmed", total, p("early-confirmed-next"), p("early-confirmed-second"), unit="examinations")
_ = chapter.derive("early.treated", lambda n, k: n - k, early, chapter["early.confirmed"], unit="examinations")

# %% tags=["paper", "hide-input"]
chapter.agreement()

# %% tags=["paper", "hide-input"]
status = pd.Series([a.status for a in chapter.assessments()]).value_counts()
chapter.say("Of {n} printed numbers with a result here: " + ", ".join(f"{{k{i}}} {{s{i}}}" for i in range(len(status))) + ".",
            n=int(status.sum()), **{f"k{i}": int(k) for i, k in enumerate(status)}, **{f"s{i}": s for i, s in enumerate(status.index)})

# %% [markdown] tags=["paper"]
# ### Where the paper disagrees with itself
#
# Each sentence below is a computation; assumptions and benign explanations stand on the findings page.

# %% tags=["paper", "hide-input"]
chapter.derive("finding.fp_sum", total, p("paired-absent-both"), p("paired-absent-cmri-only"), unit="examinations")
chapter.derive("finding.specificity_if_six", lambda tn, fp: 100 * tn / (tn + fp), p("cmri-tn"), p("cmri-fp-text"), unit="%")
chapter.derive("finding.early_share_of_recurrences", lambda n, k: 100 * n / k, early, p("recurrence-examinations"), unit="%")
chapter.derive("finding.early_share_of_patients", lambda n, k: 100 * n / k, p("early-patients"), p("recurrence-patients"), unit="%")
listed = [p(f"uperf-missed-{n}") for n in ("astrocytoma", "nos", "glioblastoma")]
chapter.derive("finding.uperf_missed_listed", total, *listed, unit="examinations")
chapter.derive("finding.palliative_share_of_patients", lambda n, k: 100 * n / k, p("treated-palliative"), p("recurrence-patients"), unit="%")
cited = [p(f"meta-{m}-sensitivity") for m in ("perfusion", "diffusion")]
chapter.derive("finding.literature_gap", lambda low, *others: min(abs(low - o) for o in others), p("literature-sensitivity-low"), *cited,
               unit="percentage points", about="from the summary's lowest sensitivity to the nearest pooled value cited")
chapter.say("""- **False positives of cMRI.** The cells give {finding.fp_sum}; one sentence prints {six:.0f}. With that number the specificity
would be {finding.specificity_if_six:.1f} %, not the printed one.
- **Share of what.** The {early.share:.1f} % are of all analysed examinations. Of those with a recurrence they are
{finding.early_share_of_recurrences:.1f} %, of patients with a recurrence {finding.early_share_of_patients:.1f} %.
- **Missed by µPerf.** The matrix has {uperf.fn}, the descriptions list {finding.uperf_missed_listed:.0f}: those that cMRI found.
- **Palliative care.** The printed percentage is of recurrences; of patients with a recurrence it would be {finding.palliative_share_of_patients:.1f} %.
- **Range of the literature.** The summary's lowest sensitivity lies {finding.literature_gap:.0f} points from the nearest pooled value that the
discussion cites; this study's own is {cmri.sensitivity:.1f} %.""", six=p("cmri-fp-text").value)

# %% [markdown]
# ## What would change the conclusion
#
# ### Patients who come back
#
# If all examinations of a patient gave the same answer, every patient would count once. That is the most that clustering can
# do: it multiplies the variance by $\sum_i m_i m_i / \sum_i m_i$ over patients with $m_i$ examinations.

# %% tags=["hide-input"]
chapter.say("Here that is a factor of at most {clustering.present.design_effect:.2f} with the {what} and {clustering.absent.design_effect:.2f} "
            "without{how}.", what=CONDITION, how="" if patients_known else ", where only the number of patients is printed and the most uneven split is assumed")
for a, b in pairs:
    k = f"{a}-vs-{b}"
    chapter.derive(f"{k}.worst_p", bounded_p, *paired[k], chapter["clustering.present.design_effect"], what="sensitivity",
                   about="McNemar test of sensitivity at the largest possible design effect")
    chapter.say("The test of sensitivity, {second} against {first}, would then still give p = {" + k + ".worst_p:p}, against {" + k
                + ".sensitivity.p_exact:p} for independent pairs.", first=label(a), second=label(b))

# %% [markdown]
# ### Finds that nothing confirmed
#
# If a reading's own result decides that the condition is present, because treatment started on it and nothing was seen later,
# it cannot be false: incorporation bias {cite}`whiting2011`. So the finds of one reading alone are recounted one by one as
# false alarms, and as true negatives of the other reading.

# %% tags=["hide-input"]
def recount(present, absent, k):
    """Pairs after k finds of the better reading alone are recounted as examinations without the condition."""
    gainer, other = ("second_only", "first_only") if present["second_only"] >= present["first_only"] else ("first_only", "second_only")
    moved = min(k, present[gainer])
    return {**present, gainer: present[gainer] - moved}, {**absent, gainer: absent[gainer] + moved}


def recounted(present, absent, k):
    """Accuracy of both readings in percent and McNemar's exact p after k finds are recounted."""
    x, y = recount(present, absent, k)
    first, second, n = right_only(x, y, "accuracy")
    both, n = x["both"] + y["neither"], n or float("nan")
    return {"k": k, "first": 100 * (both + first) / n, "second": 100 * (both + second) / n, "p": mcnemar_exact(first, second).p}


def tipping_point(present, absent, most):
    """Fewest recounted finds at which the readings are no longer told apart; not-a-number if none suffices."""
    for k in range(round(most) + 1):
        if recounted(present, absent, k)["p"] >= 1 - confidence:
            return k
    return float("nan")


def tipping_words(at):
    """The tipping point in words."""
    if at != at:
        return "the readings stay told apart"
    return f"from {at:.0f} on the readings are not told apart" if at else "the readings are not told apart to begin with"


def p_without(present, absent, k):
    """McNemar's exact p of sensitivity when k finds of the better reading alone are left out."""
    x, _ = recount(present, absent, round(k))
    return mcnemar_exact(x["first_only"], x["second_only"]).p


for a, b in pairs:
    key = f"{a}-vs-{b}"
    if unconfirmed >= 0 or chapter.is_user_run:
        most = chapter.derive(f"{key}.unconfirmed", lambda x, given: min(given, max(x["first_only"], x["second_only"])) if given >= 0
                              else max(x["first_only"], x["second_only"]), paired[key][0], unit="examinations", given=unconfirmed)
    else:
        most = chapter.derive(f"{key}.unconfirmed", lambda n: n, chapter.printed("early-treated"), unit="examinations")
    chapter.derive(f"{key}.tipping", tipping_point, *paired[key], most, unit="examinations",
                   about="finds of one reading alone that would have to be false alarms")
    chapter.derive(f"{key}.recounted.p", lambda x, y, k: recounted(x, y, round(k))["p"], *paired[key], most)
    for who in ("first", "second"):
        chapter.derive(f"{key}.recounted.{who}", lambda x, y, k, who: recounted(x, y, round(k))[who], *paired[key], most, unit="%", who=who)
    chapter.derive(f"{key}.without.p", p_without, *paired[key], most)

# %% tags=["hide-input"]
tipping = pd.concat([pd.DataFrame([recounted(*[q.value for q in paired[f"{a}-vs-{b}"]], k)
                     for k in range(round(chapter[f"{a}-vs-{b}.unconfirmed"].value) + 1)]).assign(first_reading=label(a), second_reading=label(b))
                     for a, b in order]) if pairs else pd.DataFrame()
if pairs:
    columns = min(3, len(order))
    fig, axes = plt.subplots(-(-len(order) // columns), columns, figsize=(max(2.6 * columns, 6), 3.3 * -(-len(order) // columns)),
                             squeeze=False, sharey=True)
    for ax in axes.flat[len(order) :]:
        ax.axis("off")
    for ax, (a, b) in zip(axes.flat, order):
        rows, at = tipping[(tipping["first_reading"] == label(a)) & (tipping["second_reading"] == label(b))], value_of(f"{a}-vs-{b}.tipping")
        for r, which in ((a, "first"), (b, "second")):
            ax.plot(rows["k"], rows[which], color=colour_of[r])
            ax.annotate(label(r), (0, rows[which].iloc[0]), (4, 6), textcoords="offset points", color=colour_of[r])
        if at == at:
            ax.axvline(at, color=GREY, lw=1, ls=(0, (4, 3)))
            ax.annotate(f"from {at:.0f} on not\ntold apart", (at, rows[["first", "second"]].to_numpy().min()), (-5, 2), ha="right",
                        textcoords="offset points", color=GREY, fontsize=8.5)
        ax.set_xlabel("Finds recounted as false alarms")
        ax.grid(color=GRID)
        ax.margins(y=0.15)
    axes[0, 0].set_ylabel("Accuracy (%)")
    fig.tight_layout()
    a, b = order[0]
    chapter.figure(fig, "fig-tipping", data=tipping,
        caption="Accuracy of the readings when finds of one reading alone are recounted as false alarms. Dashed: from here on McNemar's "
                "exact test no longer tells the readings apart.",
        alt="Two lines that approach each other as more finds are recounted: {first} ends at {" + f"{a}-vs-{b}.recounted.first:.1f" + "} %, "
            "{second} at {" + f"{a}-vs-{b}.recounted.second:.1f" + "} %; {tip}.",
        first=label(a), second=label(b), tip=tipping_words(value_of(f"{a}-vs-{b}.tipping")))

# %% tags=["hide-input"]
for a, b in pairs:
    k = f"{a}-vs-{b}"
    chapter.say("**{second} against {first}**: {" + k + ".unconfirmed:.0f} finds are recounted at most. If all were false alarms, accuracy would be {"
        + k + ".recounted.second:.1f} % ({second}) and {" + k + ".recounted.first:.1f} % ({first}), p = {" + k + ".recounted.p:p}; {tip}. Left out altogether, the test of sensitivity gives p = {" + k + ".without.p:p}.",
        first=label(a), second=label(b), tip=tipping_words(value_of(f"{k}.tipping")))

# %% [markdown] tags=["paper"]
# In the paper 28 of the 57 finds of µPerf alone were seen on cMRI at the next follow-up and 7 at the one after; in 22 the
# therapy began without (Results, Early Glioma Recurrence Detection). How recurrence was established in those 22 is not said.

# %% [markdown]
# ### Examinations that were not analysed
#
# Sensitivity and specificity hold among the examinations in the table. If these were chosen from more, because they looked
# suspicious, the others had no second look. Were all of them free of the condition and read as negative, specificity would
# rise; each recurrence hidden among them lowers sensitivity.

# %% tags=["hide-input"]
if screened or chapter.is_user_run:
    rest = chapter.derive("selection.rest", lambda n: max(screened - n, 0), chapter["table.examinations"], unit="examinations")
else:
    rest = chapter.derive("selection.rest", lambda n, k: n - k, chapter.printed("n-examinations"), chapter["table.examinations"], unit="examinations")


def with_rest(counts, rest, hidden, field):
    """A metric in percent when the rest is read negative and a share of it hides the condition."""
    missed = rest * hidden
    tp, fp, fn, tn = counts.tp, counts.fp, counts.fn + missed, counts.tn + rest - missed
    return 100 * {"sensitivity": tp / (tp + fn), "specificity": tn / (tn + fp), "accuracy": (tp + tn) / (tp + fp + fn + tn)}[field]


chapter.derive("selection.prevalence", lambda k, n, m: 100 * k / (n + m), chapter["table.present"], chapter["table.examinations"], rest, unit="%")
for r, field in itertools.product(reads, ("specificity", "accuracy")):
    chapter.derive(f"{r}.selection.{field}", with_rest, counts[r], rest, unit="%", hidden=0.0, field=field,
                   about="if every examination that was not analysed is a true negative")
for r in reads:
    chapter.derive(f"{r}.selection.sensitivity", with_rest, counts[r], rest, unit="%", hidden=0.01, field="sensitivity",
                   about="if one in a hundred of the examinations that were not analysed hides the condition")

# %% tags=["hide-input"]
if rest.value > 0:
    hidden = np.linspace(0, 0.05, 51)
    selection = pd.DataFrame([{"hidden": h, "reading": label(r), "sensitivity": with_rest(counts[r].value, rest.value, h, "sensitivity")}
                              for r in reads for h in hidden])
    fig, ax = plt.subplots(figsize=(6.2, 3.2))
    for r in reads:
        rows = selection[selection["reading"] == label(r)]
        ax.plot(100 * rows["hidden"], rows["sensitivity"], color=colour_of[r])
        ax.annotate(label(r), (5, rows["sensitivity"].iloc[-1]), (6, 0), textcoords="offset points", color=colour_of[r], va="center")
    ax.grid(color=GRID)
    ax.set(xlabel=f"Examinations not analysed that hide a {CONDITION} (%)", ylabel="Sensitivity (%)", xlim=(0, 5), ylim=(None, 100.5))
    chapter.figure(fig, "fig-selection", data=selection,
        caption="Sensitivity among all examinations, if a share of the {selection.rest:.0f} that were not analysed hides the {what}.",
        alt="Falling lines. If one in a hundred hides the {what}, sensitivity is "
            + ", ".join(f"{{{r}.selection.sensitivity:.1f}} % ({{n{i}}})" for i, r in enumerate(reads)) + ".",
        what=CONDITION, **{f"n{i}": label(r) for i, r in enumerate(reads)})
else:
    chapter.say("No number of screened examinations was given (parameter `screened`), so this is not shown.")

# %% tags=["hide-input"]
if rest.value > 0:
    chapter.say("Were all {selection.rest:.0f} true negatives, the prevalence would be {selection.prevalence:.1f} % and "
        + "; ".join(f"specificity {{{r}.selection.specificity:.1f}} %, accuracy {{{r}.selection.accuracy:.1f}} % ({{n{i}}})" for i, r in enumerate(reads))
        + ". If one in a hundred hides a {what}, sensitivity would be "
        + ", ".join(f"{{{r}.selection.sensitivity:.1f}} % ({{n{i}}})" for i, r in enumerate(reads)) + ".",
        what=CONDITION, **{f"n{i}": label(r) for i, r in enumerate(reads)})

# %% [markdown]
# ## Not shown
#
# Whether the readings were made blind, whether another reader would say the same, and what an earlier find does for a patient
# cannot be seen in a table of readings. The reference standard is taken as given. Methods: `compendium.statistics.diagnosis`
# and `compendium.statistics.clustered`; their tests compare with R and with planted truth.

# %% [markdown] tags=["paper"]
# For this paper: the ROC analysis is in chapter two of this study, lead times and volumes in chapter three. Which patient an
# examination belongs to, who read µPerf and by which criteria, and how recurrence was established are not printed.

# %%
_ = chapter.save()
