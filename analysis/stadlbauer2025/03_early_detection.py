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
#       estimand: "lead time and growth between the find of one method and the later find of another, given that the other finds it later"
#       unit: "the find; finds of a patient are resampled together"
#       analysis: "lead time as an interval between visits (nonparametric maximum likelihood for interval-censored times); medians of log ratios of volumes with intervals over resampled patients"
#       missing: "finds that the other method has not made yet count as censored; volumes that are missing, or below the smallest admitted, leave the pair out of growth and are counted"
#       reporting: "STARD 2015, items 12a, 14, 16 and 22; STROBE, item 12"
#     inputs:
#       detections:
#         kind: table
#         schema: detections
#         required: false
# ---

# %% [markdown]
# # How much earlier, and how much did the tumour grow meanwhile?
#
# ## The question
#
# One method calls a recurrence when another still sees none, and the other follows at a later visit. How much
# time lies between, how much of it is the method's merit and how much the calendar's, and how fast does the
# tumour grow in that time? Months gained would change treatment; months counted from visit to visit may not
# have been gained.

# %% tags=["parameters"]
seed: int = 1  # seed of every resampling and simulation
resamples: int = 2000  # resamples of the patients
confidence: float = 0.95  # confidence level of every interval
visit_least: float = 3.0  # shortest planned time between visits, months
visit_most: float = 6.0  # longest planned time between visits, months
smallest: float = 0.0  # volumes below this (cm3) are left out where growth is computed
cohort_seed: int = 1  # seed of the illustration cohort, used without a table
detections: str = ""  # path of a table of detections (input)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

from compendium.cohorts.stadlbauer_detections import DETECTION_TARGETS, check_detection_cohort, detection_cohort
from compendium.evidence.feasibility.moments import check_extremes
from compendium.evidence.feasibility.roc_bounds import smallest_signed_rank_p
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, GREY, GRID, INK, ORANGE, use_theme
from compendium.statistics.clustered import cluster_bootstrap
from compendium.statistics.detection_times import (
    doubling_time,
    implied_lead,
    pair_volumes,
    simulate_observed_lead,
    sort_finds,
)
from compendium.statistics.interval_censored import interval_censored_curve, quantile_bounds
from compendium.statistics.ranks import mann_whitney, wilcoxon_signed_rank

if not 0 < confidence < 1:
    raise ValueError(f"confidence must lie between 0 and 1. Given {confidence}.")
if not 0 < visit_least <= visit_most:
    raise ValueError(f"visit_least must be above 0 and at most visit_most. Given {visit_least}, {visit_most}.")
if resamples < 1:
    raise ValueError(f"resamples must be at least 1. Given {resamples}.")
use_theme()
chapter = open_chapter("stadlbauer2025/03_early_detection", inputs={"detections": detections})
derive, printed = chapter.derive, chapter.printed
MONTH = 365.25 / 12  # days

# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# In 57 examinations of 55 patients µPerf was positive where conventional MRI (cMRI) was not yet
# {cite}`stadlbauer2025`. cMRI followed at the next visit in 28 cases and at the second one in 7; the other 22
# were treated before it did. Under Early Glioma Recurrence Detection, in the Abstract and in Fig 4 stand:
#
# | | mean ± SD | range |
# |---|---:|---:|
# | time from µPerf to cMRI | 137 ± 77 days | 41–353 |
# | volume when µPerf found it | 13.4 ± 8.8 cm³ | 0.2–100.1 |
# | volume when cMRI found it | 30.6 ± 29.2 cm³ | 1.0–118.0 |
# | increase | 9.1-fold | 38 %–155-fold |
#
# One patient is described: 6.8 to 102.1 cm³ in 67 days, a "14-fold" increase (ratio 15, so folds are
# *increases*). Visits were planned every 3 to 6 months for high-grade tumours (Methods).
#
# ## What can be tested
#
# Mean, SD and extremes of one set of numbers bound each other, and so do extremes of two sets and the growth
# between them: *internal* evidence. What a lead time means can be *simulated*, with the visits as planned.
# The dates and volumes themselves stand in the supplement, which was not read; box plots and growth are drawn
# from an *illustration*, a cohort invented to match the printed moments as far as they are compatible.

# %% [markdown]
# ## The idea
#
# Both methods would turn positive at some moment; a visit only shows which of them already is. If the first is
# ahead by a true lead shorter than the time between visits, then
#
# $$P(\text{a visit falls in between}) = \frac{\text{true lead}}{\text{time between visits}},$$
#
# and whenever one does, the other method follows one visit later: the *observed* lead is the time between
# visits, whatever the true one. The figure plants true leads and lets visits come at the planned times.

# %% tags=["hide-input"]
def planted(lead):
    """Mean observed lead (days) and share (%) of cases that the first method finds a visit earlier."""
    mean, share = simulate_observed_lead(lead, (visit_least * MONTH, visit_most * MONTH), seed=seed + round(lead))
    return mean, 100 * share


leads = np.array([5, 10, 20, 40, 60, 80, 100, 120, 160, 200])
idea = pd.DataFrame([(lead, *planted(lead)) for lead in leads], columns=["true lead", "observed lead", "share"])
simulation = chapter.simulated("planted leads", idea)
for name, row in (("short", 1), ("long", 6)):
    for part, unit in (("observed lead", "days"), ("share", "%")):
        derive(f"planted.{name}.{part.split()[0]}", lambda t, row, part: float(t[part].iloc[row]), simulation, unit=unit,
               row=row, part=part, precision="resampled")
WORDS = {f"planted.{name}.true": float(leads[row]) for name, row in (("short", 1), ("long", 6))}
WORDS |= {"level": 100 * confidence, "from": visit_least, "to": visit_most}

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.2))
axes[0].plot(leads, leads, color=GREY, lw=1, ls=(0, (4, 3)))
axes[0].annotate("if it were true", (70, 70), (8, -12), textcoords="offset points", color=GREY, fontsize=9)
axes[0].plot(leads, idea["observed lead"], "o-", color=ORANGE, ms=4)
axes[0].set(xlabel="True lead (days)", ylabel="Observed lead of early finds (days)",
            ylim=(0, 1.1 * max(leads[-1], idea["observed lead"].max())))
axes[1].plot(leads, idea["share"], "o-", color=BLUE, ms=4)
axes[1].set(xlabel="True lead (days)", ylabel="Found a visit earlier (%)", ylim=(0, 102))
fig.tight_layout()
chapter.figure(
    fig, "fig-planted", data=idea, watermark="simulated",
    caption="Left: the observed lead of recurrences that the first method finds a visit earlier, over the true lead "
            "that was planted. Right: their share. Simulated, visits every {from:g} to {to:g} months.",
    alt="Left, a nearly flat line: observed leads of {planted.short.observed:.0f} and {planted.long.observed:.0f} days "
        "for true leads of {planted.short.true:.0f} and {planted.long.true:.0f}. Right, a rising line: "
        "{planted.short.share:.0f} and {planted.long.share:.0f} % found earlier.", **WORDS)

# %% tags=["hide-input"]
chapter.say("With visits every {from:g} to {to:g} months, a true lead of {planted.short.true:.0f} days shows as "
            "{planted.short.observed:.0f} days and one of {planted.long.true:.0f} days as "
            "{planted.long.observed:.0f}. What tells them apart is how often a visit falls in between: "
            "{planted.short.share:.0f} % against {planted.long.share:.0f} %.", **WORDS)

# %% [markdown]
# ## The analysis

# %% [markdown] tags=["paper"]
# ### A mean, an SD and a maximum
#
# One value far from the mean of $n$ values forces their SD to be at least $(x_{\max} - \bar x)\sqrt n/(n-1)$
# (Samuelson's inequality {cite}`samuelson1968`). A larger $n$ forces less, so the largest number of examinations
# that can be meant, 57, is the most lenient choice.

# %% tags=["paper", "hide-input"]
def least_sd(mean, maximum, n):
    """Smallest SD of n values with this mean and maximum."""
    return (maximum - mean) * np.sqrt(n) / (n - 1)


def largest_value(mean, sd, n):
    """Largest of n values with this mean and SD."""
    return mean + sd * (n - 1) / np.sqrt(n)


def largest_sd(mean, low, high, n):
    """Largest SD of n values between two limits (Bhatia and Davis)."""
    return np.sqrt((high - mean) * (mean - low) * n / (n - 1))


def smallest_n(mean, sd, maximum):
    """Smallest n for which mean, SD and maximum fit."""
    n = np.arange(2, 1000)
    return int(n[np.argmax(least_sd(mean, maximum, n) <= sd)])


first = {part: printed(f"volume-early-{part}") for part in ("mean", "sd", "min", "max")}
later = {part: printed(f"volume-late-{part}") for part in ("mean", "sd", "min", "max")}
lead = {part: printed(f"lead-time-{part}") for part in ("mean", "sd", "min", "max")}
found_first, patients_first = printed("paired-present-uperf-only"), printed("early-patients")
derive("pairs.confirmed", lambda a, b: a + b, printed("early-confirmed-next"), printed("early-confirmed-second"),
       unit="patients", about="at most: cases that conventional MRI confirmed at a later visit")
for name, n in (("", found_first), ("_patients", patients_first), ("_pairs", chapter["pairs.confirmed"])):
    derive(f"volumes.first.least_sd{name}", least_sd, first["mean"], first["max"], n, unit="cm3")
derive("volumes.first.largest", largest_value, first["mean"], first["sd"], found_first, unit="cm3",
       about="largest volume that the printed mean and SD admit")
derive("volumes.first.sd_if_standard_error", lambda sd, n: sd * np.sqrt(n), first["sd"], found_first, unit="cm3",
       about="SD if the printed one were a standard error")
derive("volumes.first.largest_sd", largest_sd, first["mean"], first["min"], first["max"], found_first, unit="cm3",
       about="largest SD between the printed extremes")
_ = derive("volumes.first.smallest_n", smallest_n, first["mean"], first["sd"], first["max"], unit="examinations",
           about="examinations that mean, SD and maximum need")

# %% tags=["paper", "hide-input"]
n = np.arange(20, 131)
samuelson = pd.DataFrame({"n": n, "least SD": least_sd(first["mean"].value, first["max"].value, n)})
fig, ax = plt.subplots(figsize=(6.6, 3.3))
ax.fill_between(n, 0, samuelson["least SD"], color=GRID)
ax.plot(n, samuelson["least SD"], color=INK)
ax.text(33, 4, "no set of volumes lies here", color=GREY)
ax.plot([20, 130], [first["sd"].value] * 2, color=ORANGE, lw=1.2)
ax.annotate("printed SD", (130, first["sd"].value), (0, 5), textcoords="offset points", color=ORANGE, ha="right")
marked = [(chapter["pairs.confirmed"], "pairs"), (patients_first, "patients"), (found_first, "examinations")]
for i, (q, what) in enumerate(marked):
    at = least_sd(first["mean"].value, first["max"].value, q.value)
    ax.plot(q.value, at, "o", color=BLUE, ms=6)
    ax.annotate(f"{q.value:.0f} {what}", (q.value, at), (9, (8, 20, 2)[i]), textcoords="offset points", color=BLUE,
                arrowprops={"arrowstyle": "-", "color": BLUE, "lw": 0.6} if i == 1 else None)
ax.set(xlabel="Number of tumours", ylabel="SD of the volumes (cm³)", xlim=(20, 130), ylim=(0, 22))
chapter.figure(
    fig, "fig-samuelson", data=samuelson,
    caption="Smallest SD of n volumes with mean {mean:.1f} and maximum {max:.1f} cm³ (line), and the printed SD.",
    alt="A falling curve of the smallest possible SD over the number of tumours. At {n:.0f} examinations it is "
        "{volumes.first.least_sd:.1f} cm³, above the printed {sd:.1f}; it reaches that only near {low:.0f}.",
    mean=first["mean"].value, max=first["max"].value, sd=first["sd"].value, n=found_first.value,
    low=chapter["volumes.first.smallest_n"].interval[0])

# %% tags=["paper", "hide-input"]
chapter.say("The printed maximum needs an SD of at least {volumes.first.least_sd:.1f} cm³ with {n:.0f} examinations, "
            "{volumes.first.least_sd_patients:.1f} with {k:.0f} patients and {volumes.first.least_sd_pairs:.1f} with "
            "{pairs.confirmed:.0f} pairs; {sd:.1f} is printed. The three numbers fit together from n = {low:.0f} on, "
            "rounding included. With the printed mean and SD the largest volume would be {volumes.first.largest:.1f} "
            "cm³. Were the printed SD a standard error, the SD would be {volumes.first.sd_if_standard_error:.0f} cm³, and "
            "between the printed extremes it is at most {volumes.first.largest_sd:.0f}.", n=found_first.value, k=patients_first.value, sd=first["sd"].value,
            low=chapter["volumes.first.smallest_n"].interval[0])

# %% [markdown] tags=["paper"]
# ### The largest tumour and the least growth
#
# Every tumour grew by at least 38 %, and the largest later volume is 118.0 cm³. If the tumour of 100.1 cm³ was
# measured again, it had to become larger than that.

# %% tags=["paper", "hide-input"]
def verdict(name, mean, sd, low, high, n):
    """Whether mean, SD and extremes of n values fit, as a row of a table."""
    found = check_extremes(*[q.interval for q in (mean, sd)], n, minimum=low.interval, maximum=high.interval)
    return {"numbers": name, "n": n, "least SD": found.implied[0], "printed SD": sd.value,
            "compatible": "yes" if found.compatible else "no"}


grown = {part: printed(f"growth-{part}") for part in ("min", "mean", "max")}
derive("volumes.later.least_max", lambda v, g: v * (1 + g / 100), first["max"], grown["min"], unit="cm3",
       about="the largest first volume after the least growth")
derive("growth.of_the_largest", lambda a, b: 100 * (b / a - 1), first["max"], later["max"], unit="%",
       about="most that the largest first volume can have grown")
derive("volumes.first.admitted_max", lambda v, g: v / (1 + g / 100), later["max"], grown["min"], unit="cm3",
       about="the largest first volume that the largest later one and the least growth admit")
chapter.route("volumes.first.largest", "largest later volume and least growth", lambda v, g: v / (1 + g / 100),
              later["max"], grown["min"])
bounds = pd.DataFrame([verdict(name, *[d[p] for p in ("mean", "sd", "min", "max")], k)
                       for name, d in (("first volume", first), ("later volume", later), ("lead time", lead))
                       for k in (35, 55, 57)])
chapter.table(bounds, "tab-bounds", "The smallest SD that mean and both extremes admit, rounding included.",
              formats={"least SD": ".1f", "printed SD": ".1f"})

# %% tags=["paper", "hide-input"]
chapter.say("It could have grown by {growth.of_the_largest:.1f} % at most, or would have reached "
            "{volumes.later.least_max:.1f} cm³. Without the maximum of the first volumes everything else that is "
            "printed fits together: the illustration cohort below meets all of it. Later volumes and lead times are "
            "compatible with their extremes for every n in the table.")

# %% [markdown] tags=["paper"]
# ### What the growth numbers say together

# %% tags=["paper", "hide-input"]
def increase(a, b):
    """Increase as a multiple of the first volume."""
    return b / a - 1


def largest_median(mean, most, case, least, n):
    """Largest median of n increases with this mean, two known ones and a minimum."""
    below = (round(n) - 1) // 2
    return (mean * round(n) - most - case - below * least) / (round(n) - below - 2)


case = {part: printed(f"case-3-{part}") for part in ("lead-time", "volume-early", "volume-late", "growth")}
v0, v1 = case["volume-early"], case["volume-late"]
derive("case.increase", increase, v0, v1, unit="fold")
derive("case.later_volume", lambda v, g: v * (1 + g), v0, case["growth"], unit="cm3")
derive("case.first_volume", lambda v, g: v / (1 + g), v1, case["growth"], unit="cm3")
derive("case.doubling", lambda d, a, b: doubling_time(np.log(b / a) / d), case["lead-time"], v0, v1, unit="days")
derive("means.ratio", lambda a, b: b / a, first["mean"], later["mean"])
derive("means.doubling", lambda d, ratio: doubling_time(np.log(ratio) / d), lead["mean"], chapter["means.ratio"],
       unit="days")
derive("growth.share_of_one", lambda most, mean, n: 100 * most / (mean * n), grown["max"], grown["mean"],
       chapter["pairs.confirmed"], unit="%", about="of the mean increase that one tumour makes up")
derive("growth.largest_median", lambda mean, most, c, least, n: largest_median(mean, most, c, least / 100, n),
       grown["mean"], grown["max"], case["growth"], grown["min"], chapter["pairs.confirmed"], unit="fold")
derive("growth.signed_rank_p", lambda n, least: smallest_signed_rank_p(n, exact=False) if least > 0 else float("nan"),
       chapter["pairs.confirmed"], grown["min"], about="signed-rank p (normal) if every tumour grew")
for end, sign in (("lower", -1), ("upper", 1)):
    derive(f"lead.mean.{end}", lambda m, s, n, sign: m + sign * stats.t.isf(0.025, n - 1) * s / np.sqrt(n),
           lead["mean"], lead["sd"], chapter["pairs.confirmed"], unit="days", sign=sign)

# %% tags=["paper", "hide-input"]
chapter.say("All {pairs.confirmed:.0f} possible pairs grew, so the signed-rank p is {growth.signed_rank_p:p}. The "
            "described tumour grew {case.increase:.1f}-fold and doubled in {case.doubling:.0f} days. The mean volume "
            "grew by a factor of {means.ratio:.2f}, a doubling in {means.doubling:.0f} days, while the mean *increase* "
            "is {mean:.1f}-fold: one tumour, {most:.0f}-fold, makes up {growth.share_of_one:.0f} % of it. With the same "
            "mean the median increase can be anything from {least:.2f} to {growth.largest_median:.1f}-fold. A mean "
            "of ratios says how the smallest early volume was measured; a median, or a mean of logarithms, says how "
            "tumours grew.", mean=grown["mean"].value, most=grown["max"].value, least=grown["min"].value / 100)

# %% [markdown] tags=["paper"]
# ### What the lead time is a time of
#
# 137 days are given "for all 55 patients", and a time to the later find exists only where there was one. It is
# therefore conditional on confirmation: patients treated at once, perhaps those who grew fastest, are not in it.
# And it runs from visit to visit.

# %% tags=["paper", "hide-input"]
recurrences = printed("recurrence-examinations")
for grade in ("high", "low"):
    derive(f"schedule.{grade}", lambda a, b: (a + b) / 2 * MONTH, printed(f"interval-{grade}-grade-min"),
           printed(f"interval-{grade}-grade-max"), unit="days", about="middle of the planned time between visits")
derive("lead.implied", implied_lead, found_first, recurrences, chapter["schedule.high"], unit="days")
derive("lead.implied_low_grade", implied_lead, found_first, recurrences, chapter["schedule.low"], unit="days")
derive("lead.implied_confirmed", lambda k, n, f, days: implied_lead(k, n - f + k, days), chapter["pairs.confirmed"],
       recurrences, found_first, chapter["schedule.high"], unit="days", about="without those treated at once")
_ = derive("pairs.unconfirmed", lambda n, k: n - k, patients_first, chapter["pairs.confirmed"], unit="patients")

# %% tags=["paper", "hide-input"]
chapter.say("At most {pairs.confirmed:.0f} patients can have a lead time, so at least {pairs.unconfirmed:.0f} of the "
            "{k:.0f} have none. Over {pairs.confirmed:.0f} the mean is {mean:.0f} days "
            "({lead.mean.lower:.0f}–{lead.mean.upper:.0f}). The middle of the planned time between visits of "
            "high-grade tumours is {schedule.high:.0f} days: by the figure above that is the lead time which any "
            "method that is ahead at all would show. How far ahead follows from the *share*: {n:.0f} of {all:.0f} "
            "recurrences a visit earlier fit a true lead of about {lead.implied:.0f} days "
            "({lead.implied_confirmed:.0f} from the confirmed ones alone, {lead.implied_low_grade:.0f} at the visits "
            "of low-grade tumours), if visits come by plan, every recurrence is found at a visit, and µPerf is never "
            "behind. Six recurrences where it was would shorten it.", k=patients_first.value, mean=lead["mean"].value,
            n=found_first.value, all=recurrences.value)

# %% [markdown]
# ### Volumes at the first and at the later find

# %% tags=["hide-input"]
if chapter.is_user_run:
    table = chapter.input("detections")
else:
    following, second, treated, together = (round(printed(n).value) for n in (
        "early-confirmed-next", "early-confirmed-second", "early-treated", "paired-present-both"))
    table = chapter.illustration("detections", detection_cohort(
        pairs=following + second, second=second, treated=treated, together=together, seed=cohort_seed))
MARK = "" if chapter.is_user_run else "illustration"
plt.rcParams["axes.facecolor"] = "none"  # so that the word across a synthetic figure shows through
FIRST, LATER = ("the first method", "the later method") if chapter.is_user_run else ("µPerf", "cMRI")
WORDS |= {"first": FIRST, "other": LATER, "source": "the table that was handed in" if not MARK else
          "the illustration cohort, which is invented"}


rows = derive("rows", sort_finds, table)
for kind in ("confirmed", "unconfirmed", "together"):
    derive(f"table.{kind}", lambda r, kind: int((r["kind"] == kind).sum()), rows, unit="finds", kind=kind)
derive("table.patients", lambda r: r["patient"].nunique(), rows, unit="patients")
notes = table.value.attrs.get("notes", ())
chapter.say("These results come from {source}: {table.confirmed} finds of {first} that {other} confirmed later, "
            "{table.unconfirmed} that it never did, {table.together} that both made at one visit; {table.patients} "
            "patients." + "".join(f"\n\nReading the table: {{note{i}}}" for i in range(len(notes))), **WORDS,
            **{f"note{i}": note for i, note in enumerate(notes)})

# %%
growth = derive("growth.rows", pair_volumes, rows, smallest=smallest)
volumes = {
    f"{FIRST}\npositive,\n{LATER} not yet": growth.value["volume_first"],
    f"same tumours,\n{LATER} positive": growth.value["volume_later"],
    "found by both\nat one visit": rows.value.loc[rows.value["kind"] == "together", "volume_first"].dropna(),
}

# %% tags=["hide-input"]
derive("growth.pairs", len, growth, unit="finds")
for part in ("first", "later"):
    for name, f in (("mean", np.mean), ("median", np.median)):
        derive(f"volume.{part}.{name}", lambda g, part, f: float(f(g[f"volume_{part}"])) if len(g) else float("nan"),
               growth, unit="cm3", part=part, f=f)


def grew_p(g):
    """Signed-rank p of later against first volume, as R prints it."""
    if not len(g):
        return float("nan")
    return wilcoxon_signed_rank(g["volume_later"], g["volume_first"], method="r", zeros="wilcoxon").p


def smaller_p(r, g):
    """Rank-sum p of first volumes against those found by both at one visit."""
    both = r.loc[r["kind"] == "together", "volume_first"].dropna()
    return mann_whitney(g["volume_first"], both, method="r").p if len(g) and len(both) else float("nan")


derive("volume.grew_p", grew_p, growth, about="Wilcoxon signed rank")
_ = derive("volume.first_against_together_p", smaller_p, rows, growth, about="Mann–Whitney")

# %% tags=["hide-input"]
shown = {k: v for k, v in volumes.items() if len(v)}
if shown:
    fig, ax = plt.subplots(figsize=(6.4, 4.4))
    boxes = ax.boxplot(list(shown.values()), widths=0.55, patch_artist=True, medianprops={"color": INK},
                       flierprops={"marker": "o", "ms": 3, "mec": GREY, "mfc": "none"})
    for box, face in zip(boxes["boxes"], [c for c, v in zip(("#6b7280", "#e3e6ea", "#b3b8c0"), volumes.values(),
                                                            strict=True) if len(v)], strict=True):
        box.set_facecolor(face)
    ax.set_xticks(range(1, len(shown) + 1), list(shown))
    ax.set(ylabel="Tumour volume (cm³)", ylim=(0, None))
    chapter.figure(
        fig, "fig-volumes", watermark=MARK, data=pd.concat(
            [pd.DataFrame({"group": k.replace("\n", " "), "volume": v}) for k, v in volumes.items()]),
        caption="Tumour volumes in {source}. Dark: found by {first} alone; light: the same tumours when {other} found them; "
                "gray, right: found by both at one visit. Boxes: quartiles; whiskers: the farthest value within one and a "
                "half box lengths.",
        alt="Box plots of volume. Medians: {volume.first.median:.1f} cm³ at the first find, {volume.later.median:.1f} cm³ at "
            "the later one.", **WORDS)
else:
    chapter.say("The table has no volume to draw.")

# %% tags=["hide-input"]
confirmed = rows.value[rows.value["kind"] == "confirmed"]
unused = len(confirmed[["volume_first", "volume_later"]].dropna()) - len(growth.value)
LEFT = f" Left out with a volume of zero or below `smallest`: {unused}." if unused else ""
NO_GROWTH = "No tumour has two volumes that can be compared, so growth is not shown." + LEFT
if len(growth.value):
    chapter.say("{growth.pairs} tumours have both volumes." + LEFT + " Means: {volume.first.mean:.1f} and "
                "{volume.later.mean:.1f} cm³, medians {volume.first.median:.1f} and {volume.later.median:.1f} cm³ "
                "(signed-rank p {volume.grew_p:p}). First volumes against those found by both at one visit: rank-sum p "
                "{volume.first_against_together_p:p}. A tumour that both find is one that nobody found earlier, so the "
                "last comparison follows from the schedule as much as from the method.", **WORDS)
else:
    chapter.say(NO_GROWTH)

# %% [markdown]
# ### Lead time, seen as an interval
#
# That a method was negative at one visit and positive at the next says that it turned somewhere between. So the
# wait is known only to lie between the last negative and the first positive visit; finds that were never
# confirmed waited longer than they were watched. Turnbull's estimate {cite}`turnbull1976` uses exactly this.

# %% tags=["hide-input"]
def centre(r, f, part):
    """Mean or median lead of confirmed finds with its limits, patients resampled."""
    kept = r[r["kind"] == "confirmed"]
    if part == "estimate" or kept["patient"].nunique() < 2:
        return float(f(kept["days"])) if part == "estimate" and len(kept) else float("nan")
    got = cluster_bootstrap(f, kept["days"], cluster=kept["patient"], n_resamples=resamples, seed=seed,
                            confidence=confidence)
    return getattr(got.interval, part)


def wait_curve(r):
    """Turnbull's estimate of the wait from the first find to the moment the other method turned."""
    kept = r[r["kind"] != "together"]
    return interval_censored_curve(kept["least"], kept["most"]) if len(kept) else pd.DataFrame()


for name, f in (("mean", np.mean), ("median", np.median)):
    for part in ("estimate", "lower", "upper"):
        derive(f"wait.{name}" + ("" if part == "estimate" else f".{part}"), centre, rows, f=f, part=part, unit="days",
               probe=False, precision="resampled", about="from visit to visit, confirmed finds only")
curve = derive("wait.curve", wait_curve, rows)
for i, end in enumerate(("least", "most")):
    derive(f"wait.turned_median.{end}", lambda c, i: quantile_bounds(c)[i] if len(c) else float("nan"), curve, i=i,
           unit="days", precision="iterative", about="end of the interval in which half had turned (Turnbull)")
derive("wait.mean_least", lambda r: float(r.loc[r["kind"] == "confirmed", "least"].mean()), rows, unit="days",
       about="mean wait if every one had turned right after its last negative visit")
_ = derive("share.early", lambda a, b, c: 100 * (a + b) / (a + b + c) if a + b + c else float("nan"),
           *[chapter[f"table.{k}"] for k in ("confirmed", "unconfirmed", "together")], unit="%")

# %% tags=["hide-input"]
soonest, latest = (chapter[f"wait.turned_median.{end}"].value for end in ("least", "most"))
TURNED = ("at a day that is not estimable" if np.isnan(soonest) else f"after {soonest:.0f} days, if at all"
          if np.isinf(latest) else f"between {soonest:.0f} and {latest:.0f} days")
waits = rows.value[rows.value["kind"] != "together"].sort_values(["most", "least"])
bars = waits.iloc[np.linspace(0, len(waits) - 1, min(len(waits), 80)).round().astype(int)]
edge = 1.08 * max([30.0, *waits["days"].dropna(), *waits["least"]])
fig, axes = plt.subplots(1, 2, figsize=(7.6, 4.2), width_ratios=(1.15, 1))
for y, row in enumerate(bars.itertuples()):
    axes[0].plot([0, row.least], [y, y], color=GREY, lw=1)
    axes[0].plot([row.least, min(row.most, edge)], [y, y], color=ORANGE if row.most < np.inf else GRID, lw=2.2)
axes[0].set(xlabel="Days since the first find", ylabel="Finds", xlim=(0, edge), yticks=[])
for color, text, y in ((GREY, f"{LATER} negative", 0.16), (ORANGE, f"{LATER} turned here", 0.10),
                       ("#9aa1ab", "never confirmed", 0.04)):
    axes[0].text(0.98, y, text, color=color, transform=axes[0].transAxes, ha="right", fontsize=9)
if len(curve.value):
    c, days = curve.value, np.linspace(0, edge, 600)
    most, least = (100 * (c["mass"].to_numpy() * (days[:, None] > ends)).sum(axis=1) for ends in
                   (c["lower"].to_numpy(), c["upper"].to_numpy()))
    axes[1].fill_between(days, least, most, color=BLUE, alpha=0.25, lw=0)
    axes[1].plot(days, least, color=BLUE, lw=1.2)
seen = np.sort(waits["days"].dropna())
axes[1].step(np.r_[0, seen, edge], 100 * np.r_[0, np.arange(1, len(seen) + 1), len(seen)] / max(len(waits), 1),
             where="post", color=ORANGE, lw=1.4)
axes[1].set(xlabel="Days since the first find", ylabel=f"{LATER} positive (%)", xlim=(0, edge), ylim=(0, 102))
fig.tight_layout()
chapter.figure(
    fig, "fig-waits", watermark=MARK, data=waits[["patient", "least", "most", "kind"]],
    caption="Left: when {other} turned, {bars} of {finds} finds. Right: share that had turned; blue, Turnbull's estimate, shaded "
            "where the visits do not say when; orange, the day it was seen.",
    alt="Left, {bars} bars, of which {zero} start at day zero. Right, the share of finds that {other} had turned to: seen "
        "after a mean of {wait.mean:.0f} days; by Turnbull's estimate half had turned {turned}.", bars=len(bars),
    finds=len(waits), zero=int((bars["least"] == 0).sum()), turned=TURNED, **WORDS)

# %% tags=["hide-input"]
derive("share.implied_lead", lambda s: s / 100 * (visit_least + visit_most) / 2 * MONTH if s < 100 else float("nan"),
       chapter["share.early"], unit="days", about="true lead that fits the share of early finds")
early = ("{share.early:.1f} % of all finds came a visit earlier, which at "
         "visits every {from:g} to {to:g} months fits a true lead of about {share.implied_lead:.0f} days, if it is "
         "shorter than the time between visits and {first} never behind.")
if chapter["share.early"].value == 100:
    early = "All finds came a visit earlier, which every true lead fits that is longer than the time between visits."
meaning = ("visits cannot exclude that most turned early" if soonest == 0 else "half of them were still negative so long")
if chapter["table.confirmed"].value == 0:
    chapter.say("No find was confirmed at a later visit, so there is no wait to average. " + early, **WORDS)
else:
    chapter.say("From visit to visit the confirmed finds waited {wait.mean:.0f} days on average "
                "({wait.mean.lower:.0f}–{wait.mean.upper:.0f}), in the median {wait.median:.0f} "
                "({wait.median.lower:.0f}–{wait.median.upper:.0f}; {level:.0f} %, patients resampled). If every one had "
                "turned right after its last negative visit, the mean would be {wait.mean_least:.0f} days. With the "
                "unconfirmed ones counted as longer than watched, the likeliest distribution has half turned "
                "{turned}: {meaning}. " + early, turned=TURNED, meaning=meaning, **WORDS)

# %% [markdown]
# ### How fast they grew
#
# Ratios of volumes are skewed: their mean belongs to the smallest first volume. Logarithms are not, and divided
# by the days they give a rate, whose inverse is the doubling time.

# %% tags=["hide-input"]
def typical(g, column, part):
    """Median of a column with its limits, patients resampled."""
    if len(g) == 0 or (part != "estimate" and g["patient"].nunique() < 2):
        return float("nan")
    if part == "estimate":
        return float(np.median(g[column]))
    got = cluster_bootstrap(np.median, g[column], cluster=g["patient"], n_resamples=resamples, seed=seed,
                            confidence=confidence)
    return getattr(got.interval, part)


for part in ("estimate", "lower", "upper"):
    end = "" if part == "estimate" else f".{part}"
    ratio = derive(f"growth.log_ratio{end}", typical, growth, column="log_ratio", part=part, probe=False,
                   precision="resampled")
    rate = derive(f"growth.rate{end}", typical, growth, column="rate", part=part, probe=False, unit="1/day",
                  precision="resampled")
    derive(f"growth.median_ratio{end}", lambda x: float(np.exp(x)), ratio, precision="resampled", probe=False)
    derive(f"growth.doubling{end}", doubling_time, rate, unit="days", precision="resampled", probe=False)
derive("growth.mean_increase", lambda g: float(np.expm1(g["log_ratio"]).mean()), growth, unit="fold")
derive("growth.geometric_mean", lambda g: float(np.exp(g["log_ratio"].mean())), growth, about="geometric mean")
derive("growth.largest_share", lambda g: float(100 * np.expm1(g["log_ratio"]).max() / np.expm1(g["log_ratio"]).sum())
       if len(g) and np.expm1(g["log_ratio"]).sum() > 0 else float("nan"), growth, unit="%")
_ = derive("growth.shrank", lambda g: int((g["log_ratio"] < 0).sum()), growth, unit="finds")

# %% tags=["hide-input"]
if len(growth.value):
    fig, ax = plt.subplots(figsize=(6.6, 3.8))
    for row in growth.value.itertuples():
        ax.plot([0, row.days], [row.volume_first, row.volume_later], color=GREY, lw=0.8, alpha=0.7)
    ax.plot(np.zeros(len(growth.value)), growth.value["volume_first"], ".", color=BLUE, ms=6)
    ax.plot(growth.value["days"], growth.value["volume_later"], ".", color=ORANGE, ms=6)
    ax.set(xlabel="Days since the first find", ylabel="Tumour volume (cm³)", yscale="log")
    ax.grid(axis="y", color=GRID)
    chapter.figure(
        fig, "fig-growth", watermark=MARK,
        data=growth.value[["patient", "days", "volume_first", "volume_later", "log_ratio", "rate"]],
        caption="Growth of each tumour from the first find (blue) to the later one (orange), on a logarithmic axis: "
                "equal slopes are equal doubling times.",
        alt="Lines from first to later volume. Median ratio {growth.median_ratio:.2f}, median doubling time "
            "{growth.doubling:.0f} days.", **WORDS)

# %% tags=["hide-input"]
fastest = ", of which the fastest tumour makes up {growth.largest_share:.0f} %"
if len(growth.value):
    chapter.say("The median tumour grew by a factor of {growth.median_ratio:.2f} "
                "({growth.median_ratio.lower:.2f}–{growth.median_ratio.upper:.2f}), the geometric mean is "
                "{growth.geometric_mean:.2f}; the mean increase is {growth.mean_increase:.1f}-fold"
                + (fastest if 0 <= chapter["growth.largest_share"].value <= 100 else "")
                + ". Doubling time by the median rate: {growth.doubling:.0f} days "
                "({growth.doubling.upper:.0f}–{growth.doubling.lower:.0f}). {growth.shrank} shrank.", **WORDS)

# %% tags=["paper", "hide-input"]
fit = derive("cohort.statements", lambda t: check_detection_cohort(t, DETECTION_TARGETS), table, probe=False).value
for name, met in (("met", True), ("unmet", False)):
    derive(f"cohort.{name}", lambda f, met: int((f["met"] == met).sum()), chapter["cohort.statements"], met=met)
chapter.table(fit.assign(met=np.where(fit["met"], "yes", "no")), "tab-cohort", "What is printed about days, volumes "
              "(cm³) and increases, and what the confirmed finds of the illustration cohort have.",
              formats={"printed": "g", "cohort": ".4g"})

# %% tags=["paper", "hide-input"]
chapter.say("The cohort meets {cohort.met} of these numbers and does not meet {cohort.unmet}: {list}, for the reasons "
            "above. Its volumes found by both methods at one visit are free invention, since the paper's text prints "
            "nothing about them.", list=", ".join(fit.loc[~fit["met"], "statement"]))

# %% [markdown] tags=["paper"]
# ## Does it agree?

# %% tags=["paper", "hide-input"]
chapter.agreement()

# %% tags=["paper", "hide-input"]
statuses = pd.Series([a.status for a in chapter.assessments()]).value_counts()
chapter.say("Of {n} printed numbers with a result here: {list}. The numbers that are not compatible belong to two "
            "statements about volumes and one about patients; assumptions and benign explanations stand on the "
            "findings page.", n=int(statuses.sum()), list=", ".join(f"{k} {status}" for status, k in statuses.items()))

# %% [markdown]
# ## What would change the conclusion
#
# Small volumes are measured with a large relative error, and they carry the largest ratios. The parameter
# `smallest` leaves them out; the table does so step by step.

# %% tags=["hide-input"]
def trimmed(g, least):
    """Growth of the tumours whose first volume is at least so large."""
    kept = g[g["volume_first"] >= least]
    return {"first volume at least (cm³)": least, "tumours": len(kept),
            "median ratio": float(np.exp(kept["log_ratio"].median())) if len(kept) else float("nan"),
            "mean increase": float(np.expm1(kept["log_ratio"]).mean()) if len(kept) else float("nan"),
            "doubling (days)": doubling_time(kept["rate"].median()) if len(kept) else float("nan")}


if len(growth.value):
    steps = pd.DataFrame([trimmed(growth.value, least) for least in (0.0, 0.5, 1.0, 2.0, 5.0)])
    chapter.table(steps, "tab-trimmed", "Growth when the smallest first volumes are left out.",
                  formats={"first volume at least (cm³)": "g", "median ratio": ".2f", "mean increase": ".1f",
                           "doubling (days)": ".0f"})
else:
    chapter.say(NO_GROWTH)

# %% [markdown]
# ## Not shown
#
# An earlier find is not yet a benefit: whether treatment started sooner, and whether that helped, is not in dates
# and volumes. Treatment between the finds changes growth, and is not modelled. Visits that come because of
# symptoms are no plan, and shorten observed leads. The estimate for intervals is
# `compendium.statistics.interval_censored`, the resampling `compendium.statistics.clustered`.

# %%
chapter.save()
