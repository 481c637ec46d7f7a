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
#       estimand: "differences between groups in what the microscope counts and in what imaging shows, and how alike samples of one patient are"
#       unit: "the patient; samples of a patient are permuted together where groups are of patients, and within patients where groups are of samples"
#       analysis: "permutation tests over patients first; Mann-Whitney tests on samples as printed beside them; intraclass correlation (one-way) and design effect"
#       missing: "a sample without a value is left out of the comparison that needs it, and counted"
#       reporting: "STROBE, items 12a, 12c, 13 and 14"
#     inputs:
#       samples:
#         kind: table
#         schema: samples
#         required: false
# ---

# %% [markdown]
# # Who was sampled, and do groups of samples differ?
#
# ## The question
#
# A surgeon takes several pieces of tissue from one patient, and many patients are put side by side: with and
# without contrast enhancement, high and low grade, before and after treatment. Do cell density and its
# prediction from MRI differ between such groups, and how many independent observations stand behind the
# answer: the samples, or the patients?

# %% tags=["parameters"]
seed: int = 1  # seed of permutations and simulations
permutations: int = 4999  # random permutations for every test
confidence: float = 0.95  # confidence level of every interval
high_grade: int = 3  # lowest WHO grade that counts as high
predictor: str = ""  # imaging column that the figure shows, without "imaging_"; empty: the first one
cohort_seed: int = 3  # seed of the illustration cohort; no part in a run on your own table
samples: str = ""  # path of a table of tissue samples (input)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

from compendium.cohorts.nocera_illustration import TARGET_CLAIMS, check_cohort, illustration_cohort
from compendium.evidence.feasibility.counts import (
    check_percentages,
    counts_for_percent,
    enumerate_group_sizes,
    split_clusters,
)
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, GREEN, GREY, GRID, INK, ORANGE, use_theme
from compendium.statistics.clustered import (
    cluster_permutation_test,
    design_effect,
    within_cluster_permutation_test,
)
from compendium.statistics.mixed import fit_random_intercept
from compendium.statistics.ranks import mann_whitney
from compendium.statistics.reliability import icc_oneway

if not 0 < confidence < 1:
    raise ValueError(f"confidence must lie between 0 and 1. Given {confidence}.")
if permutations < 1:
    raise ValueError(f"permutations must be at least 1. Given {permutations}.")
use_theme()
chapter = open_chapter("nocera2025/01_cohort", inputs={"samples": samples})
MARK = "" if chapter.is_user_run else "illustration"
printed_rows = []  # the printed table of the cohort; stays empty in a named run

# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Nocera and colleagues {cite}`nocera2025` took 66 samples from 27 patients with a diffuse glioma, 13
# untreated and 14 recurrent, at sites planned on MRI. A map of cell density computed from MRI ("CPM") was
# read in a sphere of 5 mm at each site, and all cells of the stained sample were counted. Table 1 gives sex,
# histology in two editions of the WHO classification, location, and how many samples each patient gave (1, 2,
# 3 or 4 in 7, 6, 9 and 5 patients).
#
# | cells/mm² | mean | against | p (Mann–Whitney) |
# |---|---:|---:|---:|
# | histology, all samples | 2856 (SD 1461) | | |
# | CPM, all samples | 1323 (SD 324.4) | | |
# | CPM, enhancing against not | 1415 | 1206 | 0.007 |
# | CPM, high against low grade | 1358 | 1195 | not significant |
# | CPM, IDH wild type against mutant | 1432 | 1243 | 0.01 |
# | CPM, untreated against recurrent | 1290 | 1358 | no difference |
#
# ## What can be tested
#
# Totals and percentages against each other, and the sizes of groups that are not printed: three printed means
# leave few sizes for two groups. That is *internal* evidence: it says that numbers belong together. The
# values of single samples are with the authors, so the figure is drawn from an illustration cohort that was
# made to have the printed statistics; it carries a watermark and nothing is scored by it. The supplement was
# not read.

# %% tags=["hide-input"]
CASES = ("3a", "3b", "4a", "4b")


def printed_targets():
    """Printed statistic → (value with its sign, half a unit of the last digit)."""
    claims = {k: (chapter.claim(c).interval, sign) for k, (c, sign) in TARGET_CLAIMS.items()}
    return {k: (sign * i.centre, i.width / 2) for k, (i, sign) in claims.items()}


def printed_cases():
    """The four printed samples: CPM, histology, ADC."""
    return {c: tuple(chapter.printed(f"case-{c}-{v}").value for v in ("cpm", "he", "adc")) for c in CASES}


# %%
if chapter.is_user_run:
    table = chapter.input("samples")
else:
    targets = printed_targets()
    made = illustration_cohort(targets, printed_cases(), seed=cohort_seed)
    table = chapter.illustration("cohort", made)
data = table.value
predictors = [c.removeprefix("imaging_") for c in data.columns if c.startswith("imaging_")]
if predictor and predictor not in predictors:
    raise ValueError(f"predictor must be one of {', '.join(predictors)}. Given {predictor}.")
shown = predictor or predictors[0]
chapter.derive("table.samples", len, table, unit="samples")
chapter.derive("table.patients", lambda t: t["patient"].nunique(), table, unit="patients")
for note in data.attrs.get("notes", ()):
    chapter.say("Reading the table: {note}", note=note)

# %% [markdown]
# ## The idea
#
# Samples of one patient resemble each other. If the groups are groups of *patients*, a test that counts
# samples takes copies for observations. With $m$ samples in a patient and a share ICC of the variance between
# patients, $n$ samples are worth
#
# $$n_\text{eff} = \frac{n}{1 + (\tilde m - 1)\,\text{ICC}},\qquad \tilde m=\frac{\sum m^2}{\sum m}.$$
#
# The figure draws cohorts without any difference, with as many samples per patient as here, and counts how
# often a test finds one. Mann–Whitney exchanges samples; the test that exchanges whole patients keeps its
# word.


# %% tags=["hide-input"]
def null_cohorts(code, first, icc, cohorts, rng):
    """p values of Mann–Whitney on samples and of a permutation of patients, without any difference."""
    k, n = len(first), len(code)
    level = rng.standard_normal((cohorts, k))[:, code]
    values = np.sqrt(icc) * level + np.sqrt(1 - icc) * rng.standard_normal((cohorts, n))
    flag = first[code]
    by_sample = stats.mannwhitneyu(values[:, flag], values[:, ~flag], axis=1, method="asymptotic").pvalue
    member = np.eye(k)[code]
    sums, size = values @ member, member.sum(axis=0)
    flags = np.vstack([first, [rng.permutation(first) for _ in range(399)]]).astype(float)
    top, count = sums @ flags.T, flags @ size
    gap = np.abs(top / count - (sums.sum(axis=1, keepdims=True) - top) / (n - count))
    by_patient = (gap >= gap[:, :1] - 1e-12).mean(axis=1)
    return by_sample, by_patient


def false_alarms(frame, levels=(0, 0.25, 0.5, 0.75, 0.95), cohorts=1500):
    """Percent of cohorts without a difference in which each test finds one at five in a hundred."""
    code = pd.factorize(frame["patient"])[0]
    k = code.max() + 1
    owner = frame.groupby("patient", sort=False)["group"].first().to_numpy()
    first = owner == owner[0] if len(set(owner)) > 1 else np.arange(k) < k // 2
    rng = np.random.default_rng([seed, 7])
    rows = []
    for icc in levels:
        found = null_cohorts(code, first, icc, cohorts, rng)
        rows.append({"icc": icc} | {name: 100 * np.mean(p < 0.05) for name, p in
                                    zip(("samples", "patients"), found, strict=True)})
    return pd.DataFrame(rows)


alarms = false_alarms(data)
fig, ax = plt.subplots(figsize=(6.2, 3.1))
ax.plot(alarms["icc"].iloc[[0, -1]], [5, 5], color=GREY, lw=1, ls=(0, (4, 3)))
for column, colour, words in (("samples", ORANGE, "samples exchanged\n(Mann–Whitney)"),
                              ("patients", BLUE, "patients exchanged")):
    ax.plot(alarms["icc"], alarms[column], color=colour, marker="o", ms=4)
    ax.annotate(words, (alarms["icc"].iloc[-1], alarms[column].iloc[-1]), (8, 0), textcoords="offset points",
                color=colour, va="center")
ax.set(xlabel="Share of the variance between patients (ICC)", ylabel="False alarms (%)", ylim=(0, None))
chapter.figure(
    fig, "fig-false-alarms", data=alarms, watermark="simulated",
    caption="How often two tests find a difference where there is none, at a level of five percent (dashed). "
            "Simulated, with the patients and numbers of samples of this chapter.",
    alt="The line for samples goes from {low:.0f} to {high:.0f} % of cohorts as patients become unlike each "
        "other; the line for patients stays between {least:.0f} and {most:.0f} %.",
    low=alarms["samples"].iloc[0], high=alarms["samples"].iloc[-1], least=alarms["patients"].min(),
    most=alarms["patients"].max())

# %% [markdown]
# ## The analysis
#
# ### The cohort

# %% tags=["paper", "hide-input"]
LAYOUT = {
    "Sex": ("patients", {"male": "M", "female": "F"}),
    "Prior treatments": ("patients", {"naive": "Treatment-naïve", "recurrent": "Recurrent"}),
    "Histology, WHO 2016": ("patients", {
        "who2016-oligoastrocytoma-2": "Oligoastrocytoma Grade II", "who2016-astrocytoma-2": "Astrocytoma Grade II",
        "who2016-oligoastrocytoma-3": "Anaplastic Oligoastrocytoma Grade III",
        "who2016-oligodendroglioma-3": "Anaplastic Oligodendroglioma Grade III",
        "who2016-astrocytoma-3": "Anaplastic Astrocytoma Grade III",
        "who2016-glioblastoma-4": "Glioblastoma Grade IV", "who2016-high-grade-4": "High-grade glioma Grade IV"}),
    "Histology, WHO 2021": ("patients", {
        "who2021-astrocytoma-2": "Astrocytoma Grade 2", "who2021-astrocytoma-3": "Astrocytoma Grade 3",
        "who2021-oligodendroglioma-3": "Oligodendroglioma Grade 3", "who2021-astrocytoma-4": "Astrocytoma Grade 4",
        "who2021-glioblastoma-4": "Glioblastoma Grade 4", "who2021-nos": "NOS"}),
    "Location": ("samples", {f"location-{x}": x.capitalize() for x in (
        "frontal", "parietal", "fronto-parietal", "temporal", "occipital", "fronto-temporo-insular", "multifocal")}),
    "Radiologic appearance": ("samples", {"cet": "Enhancing", "ncet": "Non enhancing"}),
}
COUNT_CLAIM = {"naive": "n-naive", "recurrent": "n-recurrent", "cet": "n-cet", "ncet": "n-ncet"}
whole = {"patients": chapter.printed("n-patients"), "samples": chapter.printed("n-samples")}
for block, (unit, levels) in LAYOUT.items():
    for key, words in levels.items():
        count = chapter.printed(COUNT_CLAIM.get(key, key))
        share = chapter.derive(f"pct.{key.replace('-', '_')}", lambda k, n: 100 * k / n, count, whole[unit], unit="%")
        printed_rows.append({"characteristic": block, "level": words, "value": str(int(count.value)), "of": unit,
                             "percent": share.value, "printed": chapter.claim(f"pct-{key}").printed + " %"})
for k in (1, 2, 3, 4):
    printed_rows.append({"characteristic": "Samples per patient", "level": str(k), "of": "patients",
                         "value": str(int(chapter.printed(f"patients-with-{k}").value))})
for words, mean, sd in (("Age (years)", "age-mean", "age-sd"), ("Histology (cells/mm²)", "he-mean", "he-sd"),
                        ("CPM (cells/mm²)", "cpm-mean", "cpm-sd-table")):
    both = " ± ".join(chapter.claim(c).printed for c in (mean, sd))
    printed_rows.append({"characteristic": words, "level": "mean ± SD", "value": both, "printed": both,
                         "of": "patients" if mean == "age-mean" else "samples"})


# %% tags=["hide-input"]
def mean_and_sd(values):
    """Mean and standard deviation in words."""
    return f"{values.mean():.4g} ± {values.std():.4g}"


def describe_cohort(frame):
    """Rows of the table of the cohort, as far as the columns are there."""
    people = frame.groupby("patient", sort=False).first()
    rows = []
    for column, words in (("sex", "Sex"), ("group", "Group"), ("diagnosis", "Diagnosis"), ("grade", "Grade")):
        if column in people:
            for level, n in people[column].value_counts(sort=False).items():
                rows.append((words, str(level), str(n), "patients", 100 * n / people[column].notna().sum()))
    if "age" in people and people["age"].notna().any():
        rows.append(("Age (years)", "mean ± SD", mean_and_sd(people["age"]), "patients", np.nan))
    for n, patients in frame.groupby("patient").size().value_counts().sort_index().items():
        rows.append(("Samples per patient", str(n), str(patients), "patients", 100 * patients / len(people)))
    for column, words in (("location", "Location"), ("enhancement", "Enhancing"), ("idh", "IDH mutated")):
        if column in frame:
            for level, n in frame[column].value_counts(sort=False).items():
                named = {0: "no", 1: "yes"}.get(level, str(level)) if column != "location" else str(level)
                rows.append((words, named, str(n), "samples", 100 * n / frame[column].notna().sum()))
    for column in ["histology", *[c for c in frame if c.startswith("imaging_")]]:
        rows.append((column.removeprefix("imaging_"), "mean ± SD", mean_and_sd(frame[column]), "samples", np.nan))
    return pd.DataFrame(rows, columns=["characteristic", "level", "value", "of", "percent"])


cohort = pd.DataFrame(printed_rows) if printed_rows else describe_cohort(data)
chapter.table(cohort, "tab-cohort", "Patients and samples: counts and percentages of those with a value"
              + (", recomputed from the printed counts." if printed_rows else "."), formats={"percent": ".1f"})

# %% tags=["hide-input"]
variables = {"histology": "Histology", **{f"imaging_{p}": p.upper() for p in predictors}}
for column in variables:
    key = column.removeprefix("imaging_")
    present = data[[column, "patient"]].dropna()
    chapter.derive(f"describe.{key}.mean", lambda t, column: float(t[column].mean()), table, column=column)
    chapter.derive(f"describe.{key}.sd", lambda t, column: float(t[column].std()), table, column=column)
    if present["patient"].nunique() < len(present):
        chapter.derive(f"describe.{key}.icc", lambda t, column: icc_oneway(
            *(t[[column, "patient"]].dropna()[c] for c in (column, "patient"))).estimate, table, column=column,
            about="share of the variance between patients, one-way analysis of variance; may be negative")
KEYS = [c.removeprefix("imaging_") for c in variables]
chapter.say("The table has {table.samples} samples of {table.patients} patients. Mean (SD) over samples: "
            + "; ".join(f"{{word.{k}}} {{describe.{k}.mean:.4g}} ({{describe.{k}.sd:.4g}})"
                        + (f", ICC {{describe.{k}.icc:.2f}}" if f"describe.{k}.icc" in chapter else "")
                        for k in KEYS) + ".",
            **{f"word.{k}": w for k, w in zip(KEYS, variables.values(), strict=True)})

# %% [markdown]
# ### Groups side by side


# %% tags=["hide-input"]
def groupings(frame):
    """Key → (flag per sample, name of 1, name of 0) for every division that the columns admit."""
    found = {}
    if "enhancement" in frame:
        found["enhancement"] = (frame["enhancement"].astype("Float64"), "enhancing", "not enhancing")
    if "grade" in frame:
        high = (frame["grade"] >= high_grade).astype("Float64").mask(frame["grade"].isna())
        found["grade"] = (high, "high grade", "low grade")
    if "idh" in frame:
        found["idh"] = (frame["idh"].astype("Float64"), "IDH mutant", "IDH wild type")
    names = list(dict.fromkeys(frame["group"]))
    for i, name in enumerate(names if len(names) > 2 else names[:1]):
        if len(names) > 1:
            rest = names[1] if len(names) == 2 else "others"
            found["group" if len(names) == 2 else f"group{i + 1}"] = (
                (frame["group"] == name).astype("Float64"), name, rest)
    return {k: v for k, v in found.items() if v[0].dropna().nunique() == 2}


def rows_of(frame, column, key):
    """Values, flags and patients of the samples that have both."""
    flag = groupings(frame)[key][0]
    kept = frame[column].notna() & flag.notna()
    return frame.loc[kept, column].to_numpy(float), flag[kept].to_numpy(float), frame.loc[kept, "patient"].to_numpy()


def gap(values, flag):
    """Mean of group 1 less mean of group 0."""
    chosen = np.asarray(flag, dtype=bool)
    return float(values[chosen].mean() - values[~chosen].mean())


def compare(frame, column, key):
    """Difference of a variable between two groups: by patients first, by samples beside it."""
    values, flag, patient = rows_of(frame, column, key)
    inside = pd.Series(flag).groupby(patient).nunique().max() > 1
    if inside:
        test = within_cluster_permutation_test(lambda x, y: gap(y, x), flag, values, patient, permutations, seed)
    else:
        test = cluster_permutation_test(gap, values, group=flag, cluster=patient, n_resamples=permutations, seed=seed)
    out = {"n1": int(flag.sum()), "n0": int((1 - flag).sum()), "p_patients": test.p,
           "p_samples": mann_whitney(values[flag == 1], values[flag == 0], method="asymptotic").p,
           "mean1": values[flag == 1].mean(), "mean0": values[flag == 0].mean(), "inside": inside}
    try:
        model = fit_random_intercept(values, {"flag": flag}, patient).test("flag", confidence=confidence)
        out |= {"difference": model.estimate, "lower": model.interval.lower, "upper": model.interval.upper}
    except ValueError:
        out |= {"difference": gap(values, flag), "lower": np.nan, "upper": np.nan}
    return out


# %%
divisions = groupings(data)
compared = {}
for column in variables:
    for key in divisions:
        try:
            found = compare(data, column, key)
        except ValueError:
            continue
        name = f"test.{column.removeprefix('imaging_')}.{key}"
        compared[column, key] = chapter.derive(f"{name}.all", lambda t, f: f, table, probe=False, f=found)
        for part in ("difference", "lower", "upper", "p_patients", "p_samples"):
            chapter.derive(f"{name}.{part}", lambda f, part: float(f[part]), compared[column, key], probe=False,
                           part=part, precision="resampled")

# %% [markdown]
# The first comparison that counts is the one by patients. Where a division separates patients, whole patients
# exchange their labels; where samples of one patient fall on both sides, labels are exchanged within
# patients, which asks whether the *sites* differ. The difference and its interval come from a mixed model
# with a level for every patient; Mann–Whitney on samples, as printed in the paper, stands last.

# %% tags=["hide-input"]
rows = [
    {"variable": variables[column], "group": divisions[key][1], "n": found.value["n1"],
     "mean": found.value["mean1"], "against": divisions[key][2], "n ": found.value["n0"],
     "mean ": found.value["mean0"], "exchanged": "sites within patients" if found.value["inside"] else "patients",
     "difference": found.value["difference"], "lower": found.value["lower"], "upper": found.value["upper"],
     "p, patients": found.value["p_patients"], "p, samples": found.value["p_samples"]}
    for (column, key), found in compared.items()]
if rows:
    tests = pd.DataFrame(rows)
    numbers = dict.fromkeys(("mean", "mean ", "difference", "lower", "upper"), ".4g")
    chapter.table(tests, "tab-groups", "Groups of samples compared. Difference and interval ({level:.0f} %): mixed "
                  "model, or difference of means where it cannot be fitted. p, patients: permutation; p, samples: Mann–Whitney, samples as if independent."
                  + (" Illustration cohort." if MARK else ""),
                  formats=numbers | {"p, patients": ".2g", "p, samples": ".2g"}, level=100 * confidence)
else:
    chapter.say("The table has no division into two groups, so nothing is compared.")


# %% tags=["hide-input"]
def violin(ax, parts, names, letter, ylabel):
    """Violins with the samples as dots, one per group."""
    rng = np.random.default_rng(5)
    for i, (values, colour) in enumerate(zip(parts, (BLUE, ORANGE, GREEN), strict=False)):
        if len(values) > 2 and np.ptp(values) > 0:
            body = ax.violinplot([values], [i], widths=0.8, showextrema=False)["bodies"][0]
            body.set(facecolor=colour, alpha=0.25, edgecolor=colour)
        ax.plot(i + rng.uniform(-0.12, 0.12, len(values)), values, "o", ms=2.6, color=colour, alpha=0.75, mew=0)
        ax.plot([i - 0.22, i + 0.22], [np.mean(values)] * 2, color=INK, lw=1.6)
    ax.set_xticks(range(len(names)), names, fontsize=8.5)
    ax.set_title(letter, fontweight="bold", fontsize=10)
    ax.set_ylabel(ylabel, fontsize=9)
    ax.tick_params(axis="y", labelsize=8.5)
    ax.grid(axis="y", color=GRID)
    ax.set_facecolor("none")


pair = [f"imaging_{shown}", "histology"]
unit_of = {"histology": "Histology", pair[0]: shown.upper()}
UNITS = " (cells/mm²)" if not chapter.is_user_run else ""
drawn = list(divisions)[:8]
across = max(len(drawn), 1)
fig, axes = plt.subplots(2, across + 1, figsize=(2.25 * (across + 1) + 0.6, 5.4), squeeze=False, layout="constrained")
violin(axes[0, 0], [data["histology"].dropna()], ["all samples"], "A", "Histology" + UNITS)
violin(axes[1, 0], [data[pair[0]].dropna()], ["all samples"], "B", shown.upper() + UNITS)
for j, key in enumerate(drawn):
    for i, column in enumerate(pair):
        values, flag, _ = rows_of(data, column, key)
        names = [name.replace(" ", "\n", 1) for name in divisions[key][1:]]
        violin(axes[i, j + 1], [values[flag == 1], values[flag == 0]], names, "CDEFGHIJKLMNOPQRST"[i * across + j],
               unit_of[column] if j == 0 else "")
for ax in axes[:, len(drawn) + 1:].flat:
    ax.axis("off")
long = data[["sample", "patient", "group", *pair, *[c for c in ("enhancement", "grade", "idh") if c in data]]]
said = "; ".join(f"{unit_of[c]}, {divisions[k][1]} {v.value['mean1']:.4g} against {divisions[k][2]} {v.value['mean0']:.4g}"
                 for (c, k), v in compared.items() if c in pair and k in drawn)
chapter.figure(
    fig, "fig-groups", data=long, watermark=MARK,
    caption="{tissue} (A) and {image} (B), over all samples and by group: above the imaging, below the tissue. Bars: "
            "means over samples." + (" Only the first groups are drawn." if len(drawn) < len(divisions) else "")
            + (" Drawn from an illustration cohort." if MARK else ""),
    alt="Violins with dots for {table.samples} samples. Means: {said}.", said=said or "no groups",
    tissue="Histology" if chapter.is_user_run else "Cell density in the tissue",
    image=f"the imaging column {shown}" if chapter.is_user_run else "its prediction from imaging")

# %% tags=["hide-input"]
order = [f"test.{c.removeprefix('imaging_')}.{k}" for c, k in compared if c in pair]
LINE = ("**{{v.{n}}}, {{a.{n}}} against {{b.{n}}}**: difference {{{n}.difference:.4g}} ({{{n}.lower:.4g}} to "
        "{{{n}.upper:.4g}}), p = {{{n}.p_patients:p}} with {{e.{n}}} exchanged and {{{n}.p_samples:p}} with "
        "samples.")
words = {}
for (c, k), found in compared.items():
    n = f"test.{c.removeprefix('imaging_')}.{k}"
    words |= {f"v.{n}": variables[c], f"a.{n}": divisions[k][1], f"b.{n}": divisions[k][2],
              f"e.{n}": "sites" if found.value["inside"] else "patients"}
if order:
    chapter.say("\n".join("- " + LINE.format(n=n) for n in order)
                + ("\n\nThese are numbers of the illustration cohort." if MARK else ""), **words)

# %% [markdown] tags=["paper"]
# ### Sizes that are not printed
#
# The paper prints the mean of all samples and the means of two groups, but often not how many samples each
# group has. If all 66 samples belong to one of the two, the size of the first is
# $n_1 = 66\,(\bar x - \bar x_2)/(\bar x_1 - \bar x_2)$, with an interval that follows from the rounded digits.

# %% tags=["paper", "hide-input"]
MEANS = {"enhancing": ("cpm-cet", "cpm-ncet"), "high_grade": ("cpm-hgg", "cpm-lgg"),
         "wild": ("cpm-idh-wild", "cpm-idh-mutant"), "naive": ("cpm-naive", "cpm-recurrent")}
mean_all = chapter.printed("cpm-mean")


def size_from_means(mean, first, second, n):
    """Samples in the first group, as a real number."""
    return n * (mean - second) / (first - second)


recovered = []
for key, names in MEANS.items():
    first, second = map(chapter.printed, names)
    size = chapter.derive(f"groups.{key}.samples", size_from_means, mean_all, first, second, whole["samples"],
                          unit="samples", about="size of the first group that the three printed means imply")
    fits = enumerate_group_sizes([first.interval, second.interval], mean_all.interval, 66)
    recovered.append({"first group": key.replace("_", " "), "implied": size.value, "from": size.interval[0],
                      "to": size.interval[1], "whole numbers that fit": "; ".join(f"{a}/{b}" for a, b in fits.solutions),
                      "note": fits.note})
chapter.derive("groups.non_enhancing.samples", lambda m, a, b, n: n - size_from_means(m, a, b, n), mean_all,
               *map(chapter.printed, MEANS["enhancing"]), whole["samples"], unit="samples")
chapter.table(pd.DataFrame(recovered), "tab-sizes", "Sizes of groups that the printed means imply.",
              formats={"implied": ".2f", "from": ".1f", "to": ".1f"})

# %% tags=["paper", "hide-input"]
wild = [chapter.printed(name) for name in MEANS["wild"]]
for unlabelled in (0, 2, 4):
    fits = enumerate_group_sizes([q.interval for q in wild], mean_all.interval, 66, unlabelled=unlabelled,
                                 unlabelled_mean=(1000, 1700) if unlabelled else None)
    chapter.derive(f"groups.wild.splits_{unlabelled}", lambda *_, k: k, *wild, mean_all, probe=False,
                   k=len(fits.solutions), about="splits by IDH that fit, with so many samples without a label")
per_patient = {k: chapter.printed(f"patients-with-{k}") for k in (1, 2, 3, 4)}
chapter.derive("groups.cluster_splits", lambda *counts: len(split_clusters(
    dict(enumerate(map(round, counts), 1)), clusters=13, samples=34)), *per_patient.values(),
    about="ways to give 34 samples to 13 of the patients")
chapter.say("Thirty-four untreated and thirty-two recurrent samples, and 52 of high grade, are the only whole numbers "
            "(33 and 33 touches a rounding limit). The split by IDH is unique ({groups.wild.splits_0}) only "
            "if all samples have a label; two patients are classed as NOS for want of molecular data, and "
            "with two samples unlabelled {groups.wild.splits_2} splits fit, with four "
            "{groups.wild.splits_4}. How many samples each of the 13 untreated patients gave stays open: "
            "{groups.cluster_splits} ways.")

# %% [markdown] tags=["paper"]
# ### The printed tests, from moments
#
# Mann–Whitney needs the samples. A pooled *t* test needs only the means, the sizes above and the SD of all
# samples, from which the variance within groups follows. Where both exist they tell the same story.


# %% tags=["paper", "hide-input"]
def t_from_moments(mean1, mean2, sd, n1, n):
    """p of the pooled t test from two means and the SD of all values."""
    n2, delta = n - n1, mean1 - mean2
    within = ((n - 1) * sd**2 - n1 * n2 / n * delta**2) / (n - 2)
    return float(2 * stats.t.sf(abs(delta) / np.sqrt(within * (1 / n1 + 1 / n2)), n - 2))


sd_all = chapter.printed("cpm-sd")
SIZES = {"enhancing": 37, "high_grade": 52, "wild": 28, "naive": 34}
for key, names in MEANS.items():
    chapter.derive(f"moments.{key}.p", t_from_moments, *map(chapter.printed, names), sd_all, n1=SIZES[key], n=66,
                   about="pooled t test from printed means and SD, samples taken as independent")
chapter.say("By *t* from moments: enhancing against not p = {moments.enhancing.p:p} (printed for Mann–Whitney: 0.007), "
            "IDH p = {moments.wild.p:p} (0.01), grade p = {moments.high_grade.p:p}, treatment p = "
            "{moments.naive.p:p} (both printed as not significant). All of them take samples as independent.")

# %% [markdown] tags=["paper"]
# ## Does it agree?

# %% tags=["paper", "hide-input"]
add = lambda *parts: sum(parts)  # noqa: E731
naive, recurrent = chapter.printed("n-naive"), chapter.printed("n-recurrent")
chapter.derive("cohort.patients", add, naive, recurrent, unit="patients")
chapter.route("cohort.patients", "by sex", add, chapter.printed("male"), chapter.printed("female"))
for edition in ("2016", "2021"):
    keys = LAYOUT[f"Histology, WHO {edition}"][1]
    chapter.route("cohort.patients", f"histology {edition}", add, *map(chapter.printed, keys))
chapter.route("cohort.patients", "by number of samples", add, *per_patient.values())
chapter.derive("cohort.samples", add, chapter.printed("n-cet"), chapter.printed("n-ncet"), unit="samples")
chapter.route("cohort.samples", "by location", add, *map(chapter.printed, LAYOUT["Location"][1]))
chapter.route("cohort.samples", "samples per patient", lambda *n: sum(k * v for k, v in enumerate(n, 1)),
              *per_patient.values())
chapter.derive("cohort.cpm_mean", lambda a, b, n, m: (n * a + m * b) / (n + m), chapter.printed("cpm-cet"),
               chapter.printed("cpm-ncet"), chapter.printed("n-cet"), chapter.printed("n-ncet"), unit="cells/mm2")
_ = chapter.derive("cohort.cpm_sd", lambda sd: sd, sd_all, unit="cells/mm2")

# %% tags=["paper", "hide-input"]
WHO = {e: list(LAYOUT[f"Histology, WHO {e}"][1]) for e in ("2016", "2021")}


def rules_for(*counts, keys):
    """Number of rules that print all percentages of a column of Table 1; 1 where only 'adjusted to 100' does."""
    words = [chapter.claim(f"pct-{k}").printed for k in keys]
    return check_percentages(list(map(round, counts)), 27, words).solutions


for edition, keys in WHO.items():
    rule = chapter.derive(f"rules.{edition}", rules_for, *map(chapter.printed, keys), keys=keys)
    chapter.derive(f"finding.rounding_rules_{edition}", lambda s: sum(r != "forced to 100" for r in s), rule,
                   about="rules of rounding, without adjustment, that print every percentage of the column")
    chapter.derive(f"finding.adjusted_{edition}", lambda s: int("forced to 100" in s), rule,
                   about="1 where the printed percentages add to 100 and each is the next lower or higher one")
_ = chapter.derive("finding.counts_printed_as_34", lambda n: sum(
    "half up" in r or "half even" in r for r in counts_for_percent("34", round(n)).values()),
    chapter.derive("groups.high_grade.whole", lambda x: float(round(x)), chapter["groups.high_grade.samples"],
                   unit="samples"), about="counts of 52 samples that rounding prints as 34 %")

# %% tags=["paper", "hide-input"]
chapter.agreement()

# %% tags=["paper", "hide-input"]
statuses = pd.Series([a.status for a in chapter.assessments()]).value_counts()
chapter.say("Of {n} printed numbers with a result here: {list}.", n=int(statuses.sum()),
            list=", ".join(f"{v} {k}" for k, v in statuses.items()))

# %% [markdown] tags=["paper"]
# ### Where the paper disagrees with itself

# %% tags=["paper", "hide-input"]
chapter.say("""- **Percentages that add to 100.** In Table 1, 5 of 27 is printed as 18 % and as 19 %, 14 of 27 as 51 % and
  52 %, 1 of 27 as 4 % and 3 %. No rule of rounding prints either column of histology
  ({finding.rounding_rules_2016} and {finding.rounding_rules_2021} rules do); adjusted so that they add to 100, both
  fit. Nothing follows from it.
- **34 % of high-grade samples.** With 52 such samples {finding.counts_printed_as_34} counts round to 34 %; 18 of 52 is
  34.6 %, which truncation prints as 34, and 18 of 53 is 34.0 %, if one more sample counts as high grade in the other
  edition of the classification.""")

# %% [markdown]
# ## What would change the conclusion
#
# How much the samples of a patient resemble each other decides what the cohort can show. The share is an
# estimate with few patients, so the whole range is shown.

# %% tags=["hide-input"]
sizes = data.groupby("patient").size().to_numpy()
worth = pd.DataFrame([{"icc": icc, "design_effect": (d := design_effect(sizes, icc)).factor,
                       "effective_samples": d.n_effective} for icc in np.linspace(0, 1, 21)])
for icc in (0.1, 0.3, 0.5, 1.0):
    chapter.derive(f"worth.icc_{icc:g}", lambda t, icc: design_effect(t.groupby("patient").size().to_numpy(), icc)
                   .n_effective, table, unit="samples", icc=icc, about="independent samples of the same information")
fig, ax = plt.subplots(figsize=(5.8, 2.9))
ax.plot(worth["icc"], worth["effective_samples"], color=BLUE)
ax.axhline(len(sizes), color=GREY, lw=1, ls=(0, (4, 3)))
ax.text(0, len(sizes), "one per patient", color=GREY, va="bottom", fontsize=9)
ax.set(xlabel="Share of the variance between patients (ICC)", ylabel="Independent samples", ylim=(0, None))
chapter.figure(
    fig, "fig-worth", data=worth,
    caption="What the samples of this chapter are worth in a comparison of patients' groups.",
    alt="A line over the ICC: {table.samples} samples are worth {worth.icc_0.3:.0f} independent ones at an ICC of three "
        "tenths, {worth.icc_0.5:.0f} at one half and {worth.icc_1:.0f} when a patient always gives the same "
        "value.")

# %% [markdown] tags=["paper"]
# ### How close the illustration comes

# %% tags=["paper", "hide-input"]
close = check_cohort(made, targets)
for name, function in (("targets", len), ("missed", lambda c: int((c["half_units_away"] > 1).sum())),
                       ("worst", lambda c: float(c["half_units_away"].max()))):
    chapter.derive(f"illustration.{name}", lambda t, f: f(check_cohort(t, targets)), table, f=function)
chapter.table(close[close["half_units_away"] > 1], "tab-illustration",
              "Printed statistics that the illustration cohort does not round to; all others it meets.",
              formats={"printed": ".4g", "cohort": ".4g", "half_unit": ".4g", "half_units_away": ".2f"})

# %% tags=["paper", "hide-input"]
chapter.say("Of {illustration.targets} printed statistics it was made for, {illustration.missed} are missed, by at most "
            "{illustration.worst:.1f} half units of the last printed digit. Not asked of it, because the "
            "next chapter finds them not compatible with the rest or improbable: the error of 3156 in "
            "recurrent samples and the iterated correlation of 0.22. The printed p values were no targets "
            "either: here Mann–Whitney gives {test.cpm.enhancement.p_samples:p} by enhancement, "
            "{test.cpm.idh.p_samples:p} by IDH, {test.cpm.grade.p_samples:p} by grade (printed as not "
            "significant). Free choices: which patients gave how many samples, every value but four.")

# %% [markdown]
# ## Not shown
#
# How the sites were chosen, and whether a site that is easy to reach differs from one that is not, cannot be
# seen in a table. A division that separates patients (grade, treatment) is compared between patients only, so
# whatever else differs between them is part of the difference. The methods are those of
# `compendium.statistics.clustered`, `mixed` and `ranks`, whose tests compare with R and with planted truth.

# %%
chapter.save()
