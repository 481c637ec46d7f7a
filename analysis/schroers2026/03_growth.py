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
#       estimand: "slope of growth (percent of a voxel per day) over signal at the beginning of an interval, at like density at the beginning, within animals"
#       unit: "the animal; voxels and intervals are its repeated measurements"
#       analysis: "least squares within each animal with density at the beginning, its square and the length of the interval as covariates; mean of the slopes with a t interval over animals; Kruskal-Wallis and Dunn over voxels beside it"
#       missing: "a voxel counts for an interval when it has density and signal at both ends; others are left out"
#       reporting: "no reporting guideline for correlative imaging applies; the items of ARRIVE on units and numbers are answered by the table of animals"
#     inputs:
#       series: {kind: table, schema: voxel_series, required: false}
#       mri_1: {kind: volume, required: false}
#       density_1: {kind: volume, required: false}
#       mask_1: {kind: volume, required: false}
#       landmarks_1: {kind: landmarks, required: false}
#       mri_2: {kind: volume, required: false}
#       density_2: {kind: volume, required: false}
#       mask_2: {kind: volume, required: false}
#       landmarks_2: {kind: landmarks, required: false}
# ---

# %% [markdown]
# # Does signal tell how fast a tumour grows, once its density is accounted for?
#
# ## The question
#
# If a bright voxel is a voxel that will soon hold more tumour, MRI could see growth before it happens. But a bright voxel is
# also one that holds tumour already, and where a tumour is, it grows. So the question is what signal adds to density.

# %% tags=["parameters"]
seed: int = 1  # seed of every simulation
animals: int = 6  # simulated animals
days: str = "42, 60, 74"  # days on which simulated animals are scanned
registration_um: float = 71.6  # root mean square error of the registration of microscopy to MRI, µm
lead_um: float = 150.0  # how far the signal runs ahead of the cells in the second model, µm
bins: str = "-2, 1, 4, 7"  # edges of growth, percent of the voxel per day
landmarks: int = 6  # simulated landmarks for the alignment of time points
clicks_um: float = 30.0  # error of each click along each axis, µm
alignment: str = "subvoxel"  # alignment of volumes that are handed in: subvoxel, or integer as the published macros do
day_1: float = 0.0  # day of the first volumes
day_2: float = 14.0  # day of the second volumes
animal: str = "A1"  # name of the animal that volumes are of; it stands in the table
normal_label: int = 3  # label of normal-appearing tissue in the masks
series: str = ""  # table of voxels over time (input)
mri_1: str = ""  # T2-weighted volume, first time point (input)
density_1: str = ""  # tumour density, first time point (input)
mask_1: str = ""  # labels, first time point (input)
landmarks_1: str = ""  # structures in the first MRI (input)
mri_2: str = ""  # T2-weighted volume, second time point (input)
density_2: str = ""  # tumour density, second time point (input)
mask_2: str = ""  # labels, second time point (input)
landmarks_2: str = ""  # the same structures in the second MRI (input)

# %% tags=["hide-input"]
from dataclasses import replace
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml

from compendium import paths
from compendium.cohorts.schroers_illustration import draw_growth
from compendium.cohorts.schroers_study import alignment_study
from compendium.cohorts.schroers_voxels import BULKY, COOLED, scan_cohort
from compendium.io.transforms import write_transform
from compendium.io.volumes import read_volume, write_volume
from compendium.maps.voxel_table import align_landmarks, pair_time_points
from compendium.microscopy.animals import animal_means, animal_slopes, compare_bins, mean_interval
from compendium.microscopy.voxels import growth_table
from compendium.registration.matching import matching_scale
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, GREEN, GREY, GRID, INK, ORANGE
from compendium.statistics.posthoc import dunn_test
from compendium.statistics.ranks import kruskal_wallis

given = {"series": series, "mri_1": mri_1, "density_1": density_1, "mask_1": mask_1, "landmarks_1": landmarks_1,
         "mri_2": mri_2, "density_2": density_2, "mask_2": mask_2, "landmarks_2": landmarks_2}
chapter = open_chapter("schroers2026/03_growth", inputs=given)
mark = "" if chapter.is_user_run else "illustration"
scan_days, edges = ([float(v) for v in text.split(",")] for text in (days, bins))
BASELINE = ("density", "density2", "days")


def number(name, value, unit="1", about="", root=None):
    """Record a number that follows from the data at hand, or from a simulation."""
    return chapter.derive(name, lambda _: value, root or chapter.simulated(name, value), unit=unit, about=about, probe=False,
                          precision="resampled")


def to_growth(frame):
    """Intervals of voxels with the covariates."""
    table = growth_table(frame, values=["t2w", *(c for c in ("truth",) if c in frame)]) if "growth" not in frame else frame.copy()
    return table.assign(density2=table["density"] ** 2, stratum=pd.cut(table["density"], np.arange(-0.05, 1.01, 0.05)).astype(str), bin=pd.cut(table["growth"], edges, include_lowest=True,
                        labels=[f"{a:g} to {b:g}".replace("-", "−") for a, b in pairwise(edges)]))


def slopes_of(table, x="t2w", y="growth", adjust=()):
    """Mean over animals of the slope of y on x, with covariates that vary."""
    return mean_interval(animal_slopes(table, y, x, adjust=[c for c in adjust if table[c].nunique() > 1]))


# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Schroers and colleagues {cite}`schroers2026` align the time points of three GG16 mice (nine data sets) and sort voxels by
# growth rate: from −2 to 1, 1 to 4, and 4 to 7 % per day, with 2414, 688 and 197 voxels (Fig 4P). Signal "significantly
# correlated with glioma growth rate" (Fig 4P), and so did its increase (Fig 4Q). Kruskal–Wallis and Dunn–Bonferroni tests are
# named; no statistic is printed. Density at the beginning of an interval is not mentioned as a covariate.
#
# ## What can be tested
#
# What an interval of given length can show follows from the printed days (`internal`). Whether signal can go with growth
# without knowing anything of it is a question for simulated tissue (`simulated`; expectations in
# `data/predictions/schroers2026-03.yaml`, written before the first run). Fig 4P and 4Q are drawn with the printed counts and
# invented signal (`illustration`).

# %% [markdown]
# ## The idea
#
# Let $d_0$ be the density at the beginning, $g$ the growth per day over $T$ days, $s$ the signal at the beginning. Because signal
# follows density, and density decides how much can still be gained,
#
# $$ g\le\frac{1-d_0}{T},\qquad g=\alpha+\beta s+\gamma_1 d_0+\gamma_2 d_0^2+\delta T . $$
#
# Without the terms in $d_0$ the slope $\beta$ mostly says where the tumour is. With them it says what signal adds. An interval cannot
# show more growth than fills the voxel.

# %% tags=["hide-input"]
lengths = np.unique(np.diff(scan_days))
base = np.linspace(0, 1, 51)
fig, ax = plt.subplots(figsize=(6.4, 3.3))
for length, colour in zip(lengths, (BLUE, ORANGE, GREEN, GREY) * len(lengths), strict=False):
    ax.plot(100 * base, 100 * (1 - base) / length, color=colour, label=f"{length:g} days")
    ax.plot(100 * base, -100 * base / length, color=colour, lw=1, ls=(0, (4, 3)))
    number(f"ceiling.{length:g}", 100 / length, "%/day", "fastest growth that an interval of so many days can show")
for edge in edges:
    ax.axhline(edge, color=GRID, zorder=0)
ax.set(xlabel="density at the beginning (%)", ylabel="growth (% per day)", ylim=(min(edges) - 1, max(max(edges), 100 / lengths.min()) + 1))
ax.legend(title="interval")
data = pd.DataFrame([{"days": n, "density": d, "ceiling": 100 * (1 - d) / n, "floor": -100 * d / n} for n in lengths for d in base[::5]])
chapter.figure(fig, "fig-ceiling", data, caption="Fastest growth (solid) and fastest shrinking (dashed) that intervals can show, over the density at "
               "their beginning. Grey lines: edges of the bins of growth.",
               alt="Falling lines, one per length of interval, from {c:.2f} percent per day at zero density for the shortest.", c=100 / float(lengths.min()))

# %% tags=["paper"]
def per_day(first, second):
    return 100 / (second - first)


visits = [chapter.printed(f"fig4d-day-{k}") for k in (3, 4, 5)]
chapter.derive("limit.early", per_day, visits[0], visits[1], unit="%/day", about="from day 42 to day 60")
chapter.derive("limit.late", per_day, visits[1], visits[2], unit="%/day", about="from day 60 to day 74")
chapter.derive("limit.whole", per_day, visits[0], visits[2], unit="%/day", about="from day 42 to day 74")
chapter.derive("limit.start", lambda a, b, g: 100 - g * (b - a), visits[1], visits[2], chapter.printed("fig4p-edge-3"), unit="%",
               about="most tumour at the beginning with which the late interval reaches the highest edge")
chapter.derive("growth.voxels", lambda a, b, c: int(a + b + c), *[chapter.printed(f"fig4p-n-{k}") for k in (1, 2, 3)], unit="voxels")
chapter.derive("growth.intervals", lambda sets, mice: sets - mice, chapter.printed("fig4p-datasets"), chapter.printed("fig4p-mice"),
               about="intervals between consecutive data sets")
_ = chapter.derive("growth.odd", lambda n: n % 2, chapter["growth.voxels"], about="1 when the voxels are an odd number")

# %% tags=["paper", "hide-input"]
chapter.say("From day 42 to 60 an empty voxel can gain at most {limit.early:.2f} % per day, from 60 to 74 {limit.late:.2f}, over both {limit.whole:.2f}. So the bin from 4 to 7 "
            "holds consecutive intervals, and its upper end only late ones that began with {limit.start:.0f} % or less. Nine data sets of three mice give "
            "{growth.intervals} intervals with {growth.voxels} voxels together, an odd number: were every merged mask used for two intervals, some voxels must "
            "have fallen outside the bins or been left out.")

# %% [markdown]
# ## The analysis
#
# ### Two models of signal
#
# In the first, signal follows density and knows nothing else. In the second it runs ahead of the cells. Microscopy is registered
# with an error; both models are analysed in the same way.

# %%
worlds = {"follows": BULKY, "early": replace(BULKY, lead_um=lead_um)}
made = {name: to_growth(scan_cohort(model, COOLED, animals, scan_days, seed, registration_um=registration_um))
        for name, model in worlds.items()}
rows = []
for name, table in made.items():
    for key, x, y, adjust in (("level_alone", "t2w", "growth", ()), ("adjusted", "t2w", "growth", BASELINE),
                              ("change", "growth", "t2w_per_day", ())):
        found = slopes_of(table, x, y, adjust)
        unit = "SD/%" if key == "change" else "%/day/SD"
        number(f"{name}.{key}", found.estimate, unit, "mean of the slopes of animals")
        rows.append({"signal": name, "slope": {"level_alone": "growth over signal", "adjusted": "growth over signal, density as covariate",
                     "change": "change of signal over growth"}[key], "mean": found.estimate, "lower": found.lower, "upper": found.upper})
_ = number("follows.left", chapter["follows.adjusted"].value / chapter["follows.level_alone"].value, about="share of the slope that a covariate leaves")

# %% tags=["hide-input"]
chapter.table(pd.DataFrame(rows), "tab-worlds", "Slopes within simulated animals, mean and interval over {n} animals. In the row 'follows' signal knows nothing "
              "beyond density.", formats={"mean": ".3f", "lower": ".3f", "upper": ".3f"}, n=animals)

# %% tags=["hide-input"]
fig, axes = plt.subplots(2, len(scan_days), figsize=(2.1 * len(scan_days), 4.4), squeeze=False)
one = scan_cohort(BULKY, COOLED, 1, scan_days, seed, registration_um=registration_um)
middle = one[one["z"] == 3]
for column, day in enumerate(scan_days):
    own = middle[middle["day"] == day]
    for ax, name, colours, low, high in zip(axes[:, column], ("density", "t2w"), ("viridis", "gray"), (0, -2), (1, 6), strict=True):
        image = np.full((int(middle["y"].max()) + 1, int(middle["x"].max()) + 1), np.nan)
        image[own["y"], own["x"]] = own[name]
        ax.imshow(image, cmap=colours, vmin=low, vmax=high)
        ax.set(xticks=[], yticks=[])
    axes[0, column].set_title(f"day {day:g}")
axes[0, 0].set_ylabel("density")
axes[1, 0].set_ylabel("T2w")
fig.tight_layout()
chapter.figure(fig, "fig-crops", middle[["day", "y", "x", "density", "t2w"]], watermark="simulated", caption="One slice of a simulated animal over time: density in the microscope "
               "(yellow: dense) and T2-weighted signal (bright: high). White: voxels that are not analysed.", alt="Two rows of small images, density above and signal below, over {n} days: a bright spot grows in both.",
               n=len(scan_days))

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.2), sharey=True)
pieces = []
for ax, (name, table) in zip(axes, made.items(), strict=True):
    strata = pd.cut(table["density"], [0, 0.05, 0.25, 0.5, 1], include_lowest=True, labels=["0–5", "5–25", "25–50", "50–100"])
    for (label, own), colour in zip(table.groupby(strata, observed=True), (GREY, BLUE, GREEN, ORANGE), strict=False):
        steps = own.assign(step=pd.qcut(own["t2w"], 6, duplicates="drop")).groupby("step", observed=True)[["t2w", "growth"]].mean()
        ax.plot(steps["t2w"], steps["growth"], "o-", color=colour, ms=4, label=f"{label} %")
        pieces.append(steps.assign(signal=name, density=label))
    ax.set(title={"follows": "signal follows density", "early": "signal runs ahead"}[name], xlabel="T2w at the beginning (SD)")
axes[0].set_ylabel("growth (% per day)")
axes[1].legend(title="density at\nthe beginning", fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
fig.tight_layout()
chapter.figure(fig, "fig-worlds", pd.concat(pieces), watermark="simulated", caption="Growth over signal in strata of the density at the beginning.",
               alt="Two panels of lines, one line per stratum of density. Slope with density as covariate: {follows.adjusted:.2f} percent per day and SD left, "
                   "{early.adjusted:.2f} right.")

# %% tags=["hide-input"]
chapter.say("Signal that only follows density has a slope of {follows.level_alone:.2f} % per day and SD when density is left out; with it as a covariate a share of "
            "{follows.left:.2f} is left. Signal that runs {lead:g} µm ahead keeps {early.adjusted:.2f} % per day and SD. The change of signal goes with growth in both "
            "({follows.change:.3f} and {early.change:.3f} SD per percent): change with change cannot tell the two apart.", lead=lead_um)

# %% [markdown]
# ### Time points, aligned
#
# Growth is a difference between two images of one place. Whole-voxel shifts leave up to half a voxel along each axis; landmarks
# averaged below a voxel leave the error of the clicks.

# %%
moves = alignment_study(120, clicks_um, landmarks, seed)
for how in ("integer", "subvoxel"):
    number(f"alignment.{how}_rmse", float(np.sqrt((moves[f"{how}_um"] ** 2).mean())), "um", "root mean square displacement that is left")
number("alignment.false_growth_ratio", float(moves["integer_sd"].mean() / moves["subvoxel_sd"].mean()), about="SD of false change, whole voxels over below a voxel")
number("alignment.false_growth", float(100 * moves["integer_sd"].mean() / lengths.min()), "%/day", "SD of growth out of nothing, whole voxels, shortest interval")
still = replace(BULKY, speed_um_day=0.0, radius_um=450.0)
frozen = to_growth(scan_cohort(still, COOLED, animals, scan_days[:2], seed, registration_um=registration_um, microscope_noise=0.05))
_ = number("noise.slope_on_baseline", slopes_of(frozen, "density", "growth").estimate, "%/day", "growth over density where nothing grows, from none to all")

# %% tags=["hide-input"]
scale = matching_scale(registration_um, (100.0, 100.0, 100.0), correlation_length_um=300.0)
number("scale.retained", scale.retained[0], about="share of the points of an MRI voxel that stay in it")
chapter.table(scale.table(), "tab-matching", "Matching scale for an error of {um:.1f} µm between microscopy and MRI: retained share of the points of a block, and the factor on a "
              "correlation (contrasts that reach over three voxels).", um=registration_um, formats={"retained": ".2f", "attenuation": ".2f"})

# %% tags=["hide-input"]
chapter.say("Whole voxels leave {alignment.integer_rmse:.0f} µm, alignment below a voxel {alignment.subvoxel_rmse:.0f} µm. At the edge of a tumour that does not grow the first makes growth "
            "with an SD of {alignment.false_growth:.2f} % per day, {alignment.false_growth_ratio:.1f} times the second. Errors of density alone make dense voxels shrink and empty ones "
            "grow, by {noise.slope_on_baseline:.2f} % per day from none to all: another reason to keep density in the model. A share of {scale.retained:.2f} of each voxel stays in place.")

# %% [markdown]
# ### The voxels at hand
#
# Without input, an invented table with the printed counts; with a table or with volumes, those.

# %% tags=["hide-input"]
pair = None
if series:
    source = chapter.derive("input.growth", to_growth, chapter.input("series"), probe=False)
elif chapter.is_user_run:
    needed = ("mri_1", "density_1", "mri_2", "density_2", "landmarks_1", "landmarks_2")
    if not all(given[k] for k in needed):
        raise ValueError(f"Two time points need {', '.join(needed)}. Given {', '.join(k for k, v in given.items() if v)}.")
    names = [k for k, v in given.items() if v]

    def build(*files):
        """Align the second time point to the first and tabulate."""
        at = dict(zip(names, files, strict=True))
        read = {k: read_volume(v) for k, v in at.items() if not k.startswith("landmarks")}
        for k in ("density_1", "density_2"):
            low, high = float(np.nanmin(read[k].array)), float(np.nanmax(read[k].array))
            if not -0.01 <= low <= high <= 1.01:
                raise ValueError(f"{k} must hold densities between zero and one, as the chapter on voxels writes them. Given {low:g} to {high:g}.")
        move = align_landmarks(at["landmarks_1"], at["landmarks_2"], read["mri_1"].grid, alignment)
        return pair_time_points((read["mri_1"], read["mri_2"]), (read["density_1"], read["density_2"]), (read.get("mask_1"), read.get("mask_2")),
                                move, (day_1, day_2), animal=animal, normal_label=normal_label), read["mri_1"].grid

    built = chapter.derive("input.pair", build, *[chapter.input(k) for k in names], probe=False)
    pair, grid = built.value
    source = chapter.derive("input.growth", lambda b: to_growth(b[0].frame), built, probe=False)
else:
    source = chapter.illustration("growth", to_growth(draw_growth((2414, 688, 197), seed)))
table = source.value
inside = table.dropna(subset=["bin"])
number("data.voxels", len(table), "voxels", "intervals of voxels", source)
number("data.outside", len(table) - len(inside), "voxels", "beyond the bins of growth", source)
number("data.animals", table["animal"].nunique(), "animals", root=source)
for key, x, y, adjust in (("level_alone", "t2w", "growth", ()), ("adjusted", "t2w", "growth", BASELINE), ("change", "growth", "t2w_per_day", ())):
    found = slopes_of(table, x, y, adjust)
    for end in ("estimate", "lower", "upper"):
        number(f"data.{key}" + ("" if end == "estimate" else f".{end}"), getattr(found, end), "SD/%" if key == "change" else "%/day/SD", root=source)
_ = number("data.near_ceiling", float((table["growth"] > 0.9 * table["ceiling"]).mean()) if "ceiling" in table else float("nan"), root=source,
           about="share of voxels that grew nine tenths of what their interval allows, or more")

# %% tags=["hide-input"]
chapter.say("{who}: {data.voxels} intervals in {data.animals} animals, {data.outside} of them beyond the bins. Growth over signal within animals: "
            "{data.level_alone:.3f} % per day and SD (from {data.level_alone.lower:.3f} to {data.level_alone.upper:.3f}); with density at the beginning "
            "{data.adjusted:.3f} (from {data.adjusted.lower:.3f} to {data.adjusted.upper:.3f}).", who="Your voxels" if chapter.is_user_run else "Invented voxels")

# %% tags=["hide-input"]
parts = []
for value, text in (("t2w", "signal at the beginning"), ("t2w_per_day", "change of signal per day")):
    means = animal_means(inside, value, "bin")
    if len(means.columns):
        parts.append(compare_bins(means, means.columns[0]).assign(value=text))
parts = parts or [pd.DataFrame(columns=["value", "bin", "animals", "difference", "lower", "upper"])]
chapter.table(pd.concat(parts)[["value", "bin", "animals", "difference", "lower", "upper"]], "tab-animals", "Bins of growth (% per day) less the lowest one, within animals: "
              "mean and interval over animals.", formats=dict.fromkeys(("difference", "lower", "upper"), ".3f"))

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.4))
boxes = []
for ax, value, label in zip(axes, ("t2w", "t2w_per_day"), ("normalised T2w (SD)", "change of T2w (SD per day)"), strict=True):
    names = list(inside["bin"].cat.categories)
    sets = [inside.loc[inside["bin"] == n, value].to_numpy() for n in names]
    drawn = ax.boxplot([s if len(s) else [np.nan] for s in sets], whis=(0, 100), patch_artist=True, widths=0.6, medianprops={"color": INK})
    for box in drawn["boxes"]:
        box.set(facecolor=BLUE, alpha=0.5)
    for _, row in animal_means(inside, value, "bin").iterrows():
        ax.plot(range(1, len(row) + 1), row, "-", color=INK, lw=0.6)
    ax.set_xticks(range(1, len(names) + 1), [f"{n}\n{len(s)}" for n, s in zip(names, sets, strict=True)])
    ax.set(xlabel="growth (% per day)", ylabel=label)
    boxes.append(pd.DataFrame({"value": value, "bin": names, "n": [len(s) for s in sets], "median": [np.median(s) if len(s) else np.nan for s in sets]}))
fig.tight_layout()
chapter.figure(fig, "fig-growth", pd.concat(boxes), watermark=mark, caption="Signal at the beginning (left) and its change per day (right) over growth. Boxes: voxels, "
               "with quartiles and extremes, and their number; lines: means of animals.", alt="Boxes over {k} bins of growth for {data.voxels} intervals of voxels, signal left, change right.", k=len(names))

# %% tags=["hide-input"]
rows = []
for value in ("t2w", "t2w_per_day"):
    groups = {str(k): v[value].to_numpy() for k, v in inside.groupby("bin", observed=True) if len(v) > 1}
    if len(groups) > 1:
        whole = kruskal_wallis(groups)
        rows += [{"value": value, "pair": f"{c.first} – {c.second}", "z": c.statistic, "p, Bonferroni": c.p_adjusted, "H of all": whole.statistic}
                 for c in dunn_test(groups, adjust="bonferroni")]
chapter.table(pd.DataFrame(rows, columns=["value", "pair", "z", "p, Bonferroni", "H of all"]), "tab-dunn", "Kruskal–Wallis and Dunn–Bonferroni over voxels, each taken as independent.",
              formats={"z": ".2f", "p, Bonferroni": ".2g", "H of all": ".1f"})

# %% [markdown]
# ## Files of a run with volumes
#
# The second time point on the grid of the first, the growth of each voxel, the transform, and the table, which together with those of other
# animals is the input for an analysis over animals.

# %% tags=["hide-input"]
if pair:
    chapter.write("series.csv", lambda p: pair.frame.drop(columns=["dataset"]).to_csv(p, index=False, float_format="%.6g", lineterminator="\n"),
                  "voxels at both time points, of kind `voxel_series`")

# %% tags=["hide-input"]
if pair:
    chapter.write("growth.nii.gz", lambda p: write_volume(p, pair.growth.astype(np.float32), grid), "growth, percent of the voxel per day; not a number outside the merged mask")

# %% tags=["hide-input"]
if pair:
    chapter.write("signal_2.nii.gz", lambda p: write_volume(p, pair.mri.astype(np.float32), grid), "second signal on the grid of the first, in SDs of its own normal-appearing tissue")

# %% tags=["hide-input"]
if pair:
    chapter.write("first_to_second.tfm", lambda p: write_transform(p, pair.alignment.transform), "transform from the first to the second time point, as ITK and 3D Slicer read it")

# %% tags=["hide-input"]
if pair:
    number("alignment.rmse", pair.alignment.rmse_um, "um", "at the landmarks that made it", built)
    number("alignment.left", float(np.linalg.norm(pair.alignment.left_um)), "um", "shift that whole voxels cannot express", built)
    chapter.say("Time points aligned ({how}): {alignment.rmse:.1f} µm at the landmarks that made the alignment, of which a shift of {alignment.left:.1f} µm is rounding.", how=alignment)

# %% [markdown]
# ## What would change the conclusion
#
# Less error of the registration, another lead of the signal, or other days: the parameters of this chapter. With a covariate measured with error some of the slope
# of density stays with the signal; the first model shows how much, for the error given.

# %% tags=["hide-input"]
rows = []
for error in (0.0, registration_um, 2 * registration_um):
    tried = to_growth(scan_cohort(BULKY, COOLED, max(animals // 2, 2), scan_days, seed, registration_um=error))
    tried["true_stratum"] = pd.cut(tried["truth"], np.arange(-0.05, 1.01, 0.05)).astype(str)
    rows.append({"error (µm)": error, "signal alone": slopes_of(tried).estimate, "with density": slopes_of(tried, adjust=BASELINE).estimate,
                 "with density in twentieths": slopes_of(tried, adjust=("stratum", "days")).estimate,
                 "with true density in twentieths": slopes_of(tried, adjust=("true_stratum", "days")).estimate})
covariates = pd.DataFrame(rows)
for column in covariates.columns[1:]:
    number("error." + column.replace(" ", "_"), float(covariates[column].iloc[1]), "%/day/SD", "signal that only follows density, at the error of this chapter")
chapter.table(covariates, "tab-error", "Slope of growth over signal that only follows density, by the error of the registration and by what stands for density as the covariate (% per day and SD).",
              formats={"error (µm)": ".1f"} | dict.fromkeys(covariates.columns[1:], ".3f"))

# %% tags=["hide-input"]
chapter.say("With signal that knows nothing beyond density, {error.signal_alone:.3f} % per day and SD without a covariate become {error.with_density:.3f} with density and its square, "
            "{error.with_density_in_twentieths:.3f} with density in twentieths, and {error.with_true_density_in_twentieths:.3f} with the true density in twentieths, which nobody has. A positive adjusted slope alone does not show that "
            "signal runs ahead: it has to exceed what the first model gives at the error of the registration at hand.")

# %% [markdown] tags=["paper"]
# ## Does it agree?
#
# No number of these panels can be compared: their counts are inputs, and no statistic is printed. What can be held to account are the predictions.

# %% tags=["paper", "hide-input"]
stated = yaml.safe_load((paths.root() / "data" / "predictions" / "schroers2026-03.yaml").read_text(encoding="utf-8"))["predictions"]
outcome = pd.DataFrame([{"prediction": p["statement"], "basis": p["basis"], "from": p["range"][0], "to": p["range"][1],
                         "outcome": float(chapter[p["result"]].value)} for p in stated])
outcome["met"] = np.where(outcome["outcome"].between(outcome["from"], outcome["to"]), "yes", "no")
chapter.table(outcome, "tab-predictions", "Predictions, written before the first run, and what came out.", formats={"from": "g", "to": "g", "outcome": ".3g"})

# %% tags=["paper", "hide-input"]
number("predictions.met", int((outcome["met"] == "yes").sum()), about="predictions whose range holds the outcome")
chapter.say("Of {n} predictions {predictions.met} were met. Not met: {list}.", n=len(outcome), list="; ".join(outcome.loc[outcome["met"] == "no", "prediction"]) or "none")

# %% [markdown]
# ## Not shown
#
# Oedema, treatment and bleeding change signal without cells. The model grows outward at one speed; real fronts do not. Time points are aligned
# rigidly: tissue that a tumour has pushed aside is compared with its neighbour. Code: `compendium.microscopy.voxels`, `compendium.registration.longitudinal`,
# `compendium.maps.voxel_table`; tests in `tests/unit`.

# %%
chapter.save()
