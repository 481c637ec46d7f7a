# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   compendium:
#     methods:
#       estimand: "error of a learned cell density in a subject that the forest has not seen"
#       unit: "the subject; tiles of a subject are never on both sides of a fold"
#       analysis: "bagged regression trees on tiles of normalised contrasts, leave-one-subject-out; root mean square error and skill with intervals over resampled subjects"
#       missing: "rows with a missing value are left out and counted"
#       reporting: "TRIPOD, items 7a, 9, 10a, 10d and 16"
#     inputs:
#       features: {kind: table, schema: roi_features, required: false}
# ---

# %% [markdown]
# # What does a map of cell density know about a patient it has not seen?
#
# ## The question
#
# A forest of decision trees learns cell density from four MRI contrasts where tissue was counted, and then
# paints a map of the whole brain. A surgeon who follows that map needs to know how wrong it is in the *next*
# patient. That error depends on three things that are easily overlooked: who was in the training set, whether
# tissue and image belong together, and what was divided by what.

# %% tags=["parameters"]
seed: int = 1  # seed of forests, folds, resamples and simulated brains
trees: int = 12  # trees of a forest
min_leaf: int = 5  # fewest rows in a leaf
diameter_mm: float = 5.0  # diameter of the spherical region
resamples: int = 300  # resamples of the subjects for the intervals
subjects: int = 10  # simulated brains; no part in a run on your own table
registration_mm: float = 2.0  # SD of the displacement of a slide along an axis, simulated
targeting_mm: float = 8.0  # largest targeting error of a biopsy, root mean square, simulated
tile: int = 5  # voxels along the side of a tile, simulated
normalisation: str = "images"  # "images" or "none": contrasts divided by their SD over the brain, simulated
features: str = ""  # path of a table of regions with what MRI shows there (input)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from compendium import paths
from compendium.cohorts.brain_study import cut_tiles, healthy_flair, make_brains, read_biopsies, sphere_volumes, stack_contrasts
from compendium.io.yaml_lines import load_yaml
from compendium.radiopathomics.folds import LeakageError, leave_one_out, random_folds, random_group_folds
from compendium.radiopathomics.forest import Settings, predict_density, predict_out_of_fold, score_out_of_fold, train_forest
from compendium.radiopathomics.sphere import rasterise_sphere
from compendium.radiopathomics.tiles import tile_features
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, COLOURS, GREY, INK, ORANGE, use_theme
from compendium.statistics.cluster_bootstrap import cluster_bootstrap

if normalisation not in ("images", "none"):
    raise ValueError(f'normalisation is "images" or "none". Given "{normalisation}".')
if min(trees, min_leaf, resamples, subjects - 2) < 1:
    raise ValueError(f"trees, min_leaf, resamples: 1 or more; subjects: 3. Given {trees}, {min_leaf}, {resamples}, {subjects}.")
use_theme()
chapter = open_chapter("nocera2025/03_radiopathomic_map", inputs={"features": features})
derive = chapter.derive
forest = Settings(trees, min_leaf, seed=seed)

# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Nocera and colleagues {cite}`nocera2025` took an existing forest, trained elsewhere on tissue from autopsies,
# and tested it on 66 biopsies from 27 patients. Its inputs are T1, T1 with contrast, FLAIR and ADC; the map was
# divided by its standard deviation over the brain, patient by patient, and read in a sphere of 5 mm (Methods).
# The map had a mean of 1323 ± 324.4 cells/mm² where the microscope counted 2856 ± 1461; the error of its
# raw values was 1974 cells/mm², and 1503 in untreated tumours (Results; Table 2). The abstract of the study that
# made the forest {cite}`bobholz2022` describes tiles of 5 × 5 voxels per contrast, 93 samples of 44 patients, a
# split into two thirds and one third, and an error of 1015 cells/mm².
#
# ## What can be tested
#
# Neither the forest nor the images are public, so none of these numbers can be computed again. What can be
# tested is the *method*: whole brains are simulated in which the density is known everywhere, slides are taken
# a little beside where they are thought to be, and the map is learned and judged. How contrasts depend on cells
# is chosen, not measured, so only statements of the kind "this makes the error larger" carry over, and no
# number of cells. What was expected was written down before the first run (`data/predictions/nocera2025-03.yaml`).
# The supplement was not read.

# %% [markdown]
# ## The idea
#
# Each of $B$ trees is grown on a bootstrap of the tiles and the map is their mean,
# $\hat d(v) = B^{-1}\sum_b T_b(\text{tile}(v))$. Its error is only meaningful on subjects that no tree has seen:
#
# $$\mathrm{RMSE} = \sqrt{\frac{1}{n}\sum_{s}\sum_{i \in s}\big(\hat d_{-s}(v_i) - d_i\big)^2},$$
#
# where $\hat d_{-s}$ was grown without subject $s$. A map is then read in a small sphere. On a coarse grid a
# sphere is a handful of voxels, and if each counts wholly or not at all, the sphere changes its size with its
# position. Counting shares of voxels avoids that.

# %% tags=["hide-input"]
spheres = chapter.simulated("spheres at random positions", sphere_volumes(diameter_mm, seed))
for grid in ("fine", "coarse"):
    for key, column, what in (("volume_cv", "volume", lambda v: 100 * v.std() / v.mean()),
                              ("voxels_least", "voxels", min), ("voxels_most", "voxels", max)):
        derive(f"sphere.{grid}.{key}", lambda t, g, c, f: float(f(t[(t["grid"] == g) & (t["rule"] == "centre")][c])),
               spheres, g=grid, c=column, f=what, unit="%" if "cv" in key else "1", precision="resampled",
               about="spheres by voxel centres")
    derive(f"sphere.{grid}.shares_cv", lambda t, g: float(t[(t["grid"] == g) & (t["rule"] == "partial")]["volume"].std()),
           spheres, g=grid, unit="%", precision="resampled", about="SD of the volume by shares of voxels")

# %% tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.2), gridspec_kw={"width_ratios": [1, 1.5]})
middle = np.array([8.6, 8.3, 8.0])
one = rasterise_sphere((9, 9, 9), (2, 2, 2), middle, diameter_mm, subdivisions=12)
plane = np.full((9, 9), np.nan)
plane[tuple(one.index[one.index[:, 2] == 4, :2].T)] = one.weight[one.index[:, 2] == 4]
left.imshow(plane.T, origin="lower", extent=(-1, 17, -1, 17), cmap="Blues", vmin=0, vmax=1.3)
left.add_patch(plt.Circle(middle[:2], diameter_mm / 2, fill=False, color=ORANGE, lw=2))
left.set(xticks=np.arange(-1, 18, 2), yticks=np.arange(-1, 18, 2), xticklabels=[], yticklabels=[], title="Shares of voxels")
left.grid(True)
span = diameter_mm / 2 + 2.4
left.set(xlim=(middle[0] - span, middle[0] + span), ylim=(middle[1] - span, middle[1] + span))
order = {("fine", "centre"): "1 mm, whole voxels", ("fine", "partial"): "1 mm, shares",
         ("coarse", "centre"): "2 mm, whole voxels", ("coarse", "partial"): "2 mm, shares"}
for i, (grid, rule) in enumerate(order):
    v = spheres.value.set_index(["grid", "rule"]).loc[(grid, rule), "volume"].to_numpy()
    height = 3 - i + np.random.default_rng(i).uniform(-0.25, 0.25, len(v))
    right.plot(v, height, ".", ms=3, color=ORANGE if rule == "centre" else BLUE, alpha=0.6)
right.axvline(100, color=GREY, lw=1)
right.set_yticks([3, 2, 1, 0], order.values())
right.set(xlabel="Volume of the region (% of the sphere)")
fig.tight_layout()
chapter.figure(
    fig, "fig-sphere", data=spheres.value, watermark="simulated",
    caption="A sphere of {d:g} mm on a grid. Left: a slice through it, with the share of each voxel that lies inside. "
            "Right: the volume of the region at random positions. Simulated.",
    alt="Points of volume for four ways to draw a sphere. Whole voxels scatter by {sphere.coarse.volume_cv:.0f} % on the "
        "coarse grid and {sphere.fine.volume_cv:.0f} % on the fine one; shares do not scatter.", d=diameter_mm)

# %% tags=["hide-input"]
chapter.say("By voxel centres a sphere of {d:g} mm holds {sphere.coarse.voxels_least:.0f} to "
            "{sphere.coarse.voxels_most:.0f} voxels of {coarse} mm and {sphere.fine.voxels_least:.0f} to "
            "{sphere.fine.voxels_most:.0f} of {fine} mm, depending on where its middle lies; its volume has a coefficient of "
            "variation of {sphere.coarse.volume_cv:.1f} and {sphere.fine.volume_cv:.1f} %. By shares the volume stays "
            "within {sphere.coarse.shares_cv:.1f} and {sphere.fine.shares_cv:.2f} %.", d=diameter_mm, coarse=2, fine=1)

# %% [markdown] tags=["paper"]
# ## The analysis
#
# ### Brains of which everything is known
#
# Tumours with core, necrosis, infiltration beyond the core and oedema without cells; scanners whose gain differs.
# From every brain three slides are taken and cut into tiles. MRI is read where the tissue is thought to be, cells
# are counted where it was.

# %% tags=["paper", "hide-input"]
brains = make_brains(subjects, seed)
stacks = {how: stack_contrasts(brains, how) for how in ("images", "none")}
simulated_tiles = cut_tiles(brains, stacks[normalisation], registration_mm, seed, tile)

# %%
table = chapter.input("features") if chapter.is_user_run else chapter.simulated("tiles", simulated_tiles)
columns = list(table.value.filter(regex="^feature_"))
used = derive("table.used", lambda t: t.dropna(subset=["histology", *columns]).reset_index(drop=True), table)
data = used.value
if data["subject"].nunique() < 3:
    raise ValueError(f"At least three subjects need complete rows. Given {data['subject'].nunique()}.")
for name, count in {"rows": len, "regions": lambda t: t["roi"].nunique(), "subjects": lambda t: t["subject"].nunique()}.items():
    derive(f"table.{name}", count, used, unit=name)
derive("table.dropped", lambda t, u: len(t) - len(u), table, used, unit="rows", about="rows with a missing value")
chapter.say("The table has {table.rows} complete rows from {table.regions} regions of {table.subjects} subjects; "
            "{table.dropped} rows with a missing value were left out. Each row holds {n} values from MRI.", n=len(columns))

# %% tags=["paper", "hide-input"]
def grow_without(t, subject):
    """Forest of all other brains."""
    kept = t[t["subject"] != subject]
    return train_forest(kept[columns], kept["histology"], kept["subject"], forest, origin="simulation")


def predict_at(b, index):
    """Density at some voxels, by the forest that did not see this brain."""
    stack = stacks[normalisation][b.subject]
    return predict_density(models[b.subject], tile_features(stack, index, tile), origin="simulation")


models = {b.subject: grow_without(data, b.subject) for b in brains}
shown, level = brains[0], brains[0].density.shape[2] // 2
inside = shown.mask[:, :, level]
where, learned = np.argwhere(inside), np.full(inside.shape, np.nan)
learned[inside] = predict_at(shown, np.column_stack([where, np.full(len(where), level)]))
pair = chapter.simulated("one slice of the map", pd.DataFrame(
    {"x": where[:, 0], "y": where[:, 1], "truth": shown.density[:, :, level][inside], "learned": learned[inside]}))
_ = derive("map.correlation", lambda t: float(t["truth"].corr(t["learned"])), pair, precision="iterative",
           about="map and truth over one slice")

# %% tags=["paper", "hide-input"]
fig, axes = plt.subplots(2, 3, figsize=(8.4, 6.4), layout="constrained")
grays = {"T1": "t1", "T1 with contrast": "t1ce", "FLAIR": "flair", "ADC": "adc"}
panels = {title: np.where(inside, shown.contrasts[name][:, :, level], np.nan) for title, name in grays.items()}
panels |= {"Cells, truth": np.where(inside, shown.density[:, :, level], np.nan), "Cells, learned": learned}
for ax, (title, values) in zip(axes.flat, panels.items(), strict=True):
    scale = {"cmap": "gray"} if title in grays else {"vmin": 500, "vmax": np.percentile(pair.value["truth"], 99.5)}
    image = ax.imshow(values.T, origin="lower", **scale)
    ax.set_title(title)
    ax.axis("off")
fig.colorbar(image, ax=axes[1, :], label="cells/mm²", shrink=0.8)
chapter.figure(
    fig, "fig-map", watermark="simulated", data=pair.value,
    caption="A simulated brain: four contrasts, the true density, and the map of a forest that was grown on the other "
            "brains. One slice.",
    alt="Six panels of a slice with a tumour: four contrasts, the true and the learned density. Over the slice the two "
        "densities correlate by {map.correlation:.2f}.")

# %% [markdown]
# ### Who may be in the training set?
#
# Three ways to split the same rows. *Rows at random* is what a careless split does: neighbouring tiles of one
# sample stand on both sides. *Samples at random* keeps tiles together, but not patients. *Subjects left out* is
# the only one that speaks of a new patient; the package refuses the others unless it is told to let them pass, as
# here, to show what they do. The gray line is the error of a constant, the mean of the other subjects.


# %% tags=["hide-input"]
def out_of_fold(t, split, keep=None):
    """Predictions of rows by forests grown on the other folds of a split."""
    count = t["subject"].nunique()
    folds = {"subject": lambda: leave_one_out(t["subject"]), "rows": lambda: random_folds(len(t), count, seed),
             "samples": lambda: random_group_folds(t["roi"], count, seed)}[split]()
    return predict_out_of_fold(t[columns if keep is None else keep], t["histology"], t["subject"], forest, folds,
                               allow_leakage=split != "subject")


def error(a, b):
    """Root mean square difference."""
    return float(np.sqrt(np.mean((np.asarray(a) - np.asarray(b)) ** 2)))


def ratio(a, b):
    """Quotient; not-a-number over zero."""
    return a / b if b else float("nan")


splits = {"rows": "Rows at random", "samples": "Samples at random", "subject": "Subjects left out"}
if chapter["table.regions"].value in (len(data), chapter["table.subjects"].value):  # the same split twice
    del splits["samples"]
folded = {s: derive(f"split.{s}", out_of_fold, used, split=s) for s in splits}
for s in splits:
    derive(f"split.{s}.rmse", lambda p, t: error(p, t["histology"]), folded[s], used, unit="cells/mm2",
           precision="iterative", about=f"error, {splits[s].lower()}")
for s in [s for s in splits if s != "subject"]:
    derive(f"split.{s}_over_subject", ratio, chapter[f"split.{s}.rmse"], chapter["split.subject.rmse"],
           precision="iterative", about="error of this split over that of subjects left out")
for field, unit in {"constant": "cells/mm2", "skill": "1", "correlation": "1", "bias": "cells/mm2"}.items():
    derive(f"loso.{field}", lambda p, t, f: getattr(score_out_of_fold(p, t["histology"], t["subject"]), f),
           folded["subject"], used, f=field, unit=unit, precision="iterative", about="subjects left out")
for i, end in enumerate(("lower", "upper")):
    derive(f"split.subject.rmse.{end}", lambda p, t, i: (lambda e: (e.lower, e.upper)[i])(cluster_bootstrap(
        error, p, t["histology"], cluster=t["subject"], n_resamples=resamples, seed=seed).interval), folded["subject"],
        used, i=i, unit="cells/mm2", probe=False, precision="resampled", about="95 % interval, subjects resampled")

# %% tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.8), gridspec_kw={"width_ratios": [1, 1.25]})
counted, predicted = data["histology"].to_numpy(), folded["subject"].value
ends = [min(counted.min(), predicted.min()), max(counted.max(), predicted.max())]
left.plot(ends, ends, color=GREY, lw=1, ls=(0, (4, 3)))
left.plot(counted, predicted, ".", ms=3 if len(data) > 200 else 7, color=BLUE, alpha=0.4)
left.set(xlabel="Counted (cells/mm²)", ylabel="Predicted, subject left out (cells/mm²)")
sizes = [chapter[f"split.{s}.rmse"].value for s in splits]
right.barh(range(len(splits)), sizes, color=[ORANGE, ORANGE, BLUE][-len(splits):], height=0.55)
low, high = (chapter[f"split.subject.rmse.{e}"].value for e in ("lower", "upper"))
right.plot([low, high], [len(splits) - 1] * 2, color=INK, lw=1.4)
right.axvline(chapter["loso.constant"].value, color=GREY, lw=1.4)
right.text(chapter["loso.constant"].value, -0.6, "a constant ", color=GREY, fontsize=9, ha="right")
right.set_yticks(range(len(splits)), [splits[s] for s in splits])
right.set(xlabel="Error, RMSE (cells/mm²)", ylim=(len(splits) - 0.4, -0.85))
fig.tight_layout()
chapter.figure(
    fig, "fig-splits", watermark="" if chapter.is_user_run else "simulated",
    data=pd.DataFrame({"subject": data["subject"], "region": data["roi"], "counted": counted, "predicted": predicted}),
    caption="Left: predictions for subjects that were left out. Right: the error that each split reports; line: interval "
            "from resampled subjects.",
    alt="Scatter of predicted over counted values, correlation {loso.correlation:.2f}, and bars of error: rows at random "
        "{split.rows.rmse:.0f}, subjects left out {split.subject.rmse:.0f}, a constant {loso.constant:.0f}.")

# %% tags=["hide-input"]
chapter.say("On subjects left out the error is {split.subject.rmse:.0f} ({split.subject.rmse.lower:.0f} to "
            "{split.subject.rmse.upper:.0f}), against {loso.constant:.0f} for a constant: a skill of {loso.skill:.2f}, where "
            "nothing gained is zero. Splitting rows at random reports {split.rows.rmse:.0f}, a factor of "
            "{split.rows_over_subject:.2f}, from the same rows and the same forest."
            + (" Splitting samples at random reports {split.samples.rmse:.0f} (factor {split.samples_over_subject:.2f})."
               if "samples" in splits else ""))

# %%
try:
    predict_out_of_fold(data[columns], data["histology"], data["subject"], forest, random_folds(len(data), 3, seed))
except LeakageError as refusal:
    chapter.say("The package refuses such a split unless told otherwise: “{words}”", words=str(refusal))

# %% [markdown]
# ### Which contrast carries it?
#
# The same forest on one contrast at a time. Where one does as well as all, nothing was learned beyond it.

# %% tags=["hide-input"]
groups = {}
for c in columns:
    groups.setdefault(c.removeprefix("feature_").split("_")[0], []).append(c)
groups = dict(list(groups.items())[:8])
for g, kept in groups.items():
    derive(f"contrasts.{g}.rmse", lambda t, k: error(out_of_fold(t, "subject", k), t["histology"]), used, k=kept,
           unit="cells/mm2", precision="iterative", about=f"error with {g} alone, subjects left out")
    derive(f"contrasts.all_over_{g}", ratio, chapter["split.subject.rmse"], chapter[f"contrasts.{g}.rmse"],
           precision="iterative", about=f"error with everything over error with {g} alone")
alone = pd.DataFrame({"values": ["all", *groups], "RMSE": [chapter["split.subject.rmse"].value, *[
    chapter[f"contrasts.{g}.rmse"].value for g in groups]]})
alone["skill"] = 1 - (alone["RMSE"] / chapter["loso.constant"].value) ** 2
chapter.table(alone, "tab-contrasts", "Error and skill on subjects left out, with all values and with those of one "
              "contrast.", formats={"RMSE": ".0f", "skill": ".2f"})

# %% [markdown] tags=["paper"]
# ### When tissue and image do not belong together
#
# The same tiles once more, their tissue displaced further along the same directions. The *apparent* error compares
# the prediction with what was counted; the *true* one with the density where MRI was read.

# %% tags=["paper", "hide-input"]
displacements = sorted({0.0, float(registration_mm), max(6.0, 3 * registration_mm)})
rows = []
for d in displacements:
    t = data if d == registration_mm else cut_tiles(brains, stacks[normalisation], d, seed, tile)
    p = folded["subject"].value if d == registration_mm else out_of_fold(t, "subject")
    rows.append((d, error(p, t["histology"]), error(p, t["truth"])))
moved = chapter.simulated("displaced slides", pd.DataFrame(rows, columns=["displacement", "measured", "true"]))
for kind in ("measured", "true"):
    derive(f"registration.worst.{kind}_ratio", lambda t, k: float(t[k].iloc[-1] / t[k].iloc[0]), moved, k=kind,
           precision="iterative", about=f"{kind} error at the largest displacement over that without")
derive("registration.worst.true_over_measured", ratio, chapter["registration.worst.true_ratio"],
       chapter["registration.worst.measured_ratio"], precision="iterative")
fig, ax = plt.subplots(figsize=(6.2, 3.3))
for kind, word, colour in (("measured", "apparent: against the count", ORANGE), ("true", "true: where MRI was read", BLUE)):
    ax.plot(moved.value["displacement"], moved.value[kind], "o-", color=colour)
    ax.annotate(word, moved.value[["displacement", kind]].iloc[-1], (-4, 9 if kind == "measured" else -36),
                textcoords="offset points", color=colour, ha="right")
ax.set(xlabel="SD of the displacement along an axis (mm)", ylabel="RMSE (cells/mm²)")
ax.set_ylim(0, 1.25 * moved.value[["measured", "true"]].to_numpy().max())
chapter.figure(
    fig, "fig-registration", watermark="simulated", data=moved.value,
    caption="Error on subjects left out when slides are displaced. Simulated.",
    alt="Two lines over displacement. The apparent error grows by a factor of {registration.worst.measured_ratio:.2f}, the "
        "true one by {registration.worst.true_ratio:.2f}.")

# %% [markdown] tags=["paper"]
# ### When the needle misses
#
# The finished map is read in a sphere where a biopsy was planned; the tissue comes from somewhere near.

# %% tags=["paper", "hide-input"]
misses = [share * targeting_mm for share in (0.0, 0.25, 0.5, 1.0)]
biopsies = chapter.simulated("planned biopsies", read_biopsies(brains, predict_at, misses, seed, diameter_mm))
for name, k in (("none", 0), ("worst", -1)):
    derive(f"targeting.{name}.correlation", lambda t, m: float(t[t["miss"] == m]["map"].corr(t[t["miss"] == m]["histology"])),
           biopsies, m=misses[k], precision="iterative", about="map in the sphere and histology")
derive("targeting.worst.correlation_ratio", ratio, chapter["targeting.worst.correlation"],
       chapter["targeting.none.correlation"], precision="iterative")
curve = pd.DataFrame([{"miss": m, "correlation": g["map"].corr(g["histology"])} for m, g in biopsies.value.groupby("miss")])
fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.3), gridspec_kw={"width_ratios": [1.2, 1]})
for m, colour in ((misses[0], BLUE), (misses[-1], ORANGE)):
    g = biopsies.value[biopsies.value["miss"] == m]
    left.plot(g["map"], g["histology"], "o", ms=4, color=colour, alpha=0.7, label=f"missed by {m:g} mm")
left.legend(fontsize=9)
left.set(xlabel="Map in the planned sphere (cells/mm²)", ylabel="Histology (cells/mm²)")
right.plot(curve["miss"], curve["correlation"], "o-", color=COLOURS[2])
right.set(xlabel="Targeting error, root mean square (mm)", ylabel="Correlation", ylim=(0, 1))
fig.tight_layout()
chapter.figure(
    fig, "fig-targeting", watermark="simulated", data=biopsies.value,
    caption="Planned biopsies: the map in the sphere against the tissue that was taken. Simulated.",
    alt="Scatter of histology over map, and correlation over targeting error: {targeting.none.correlation:.2f} without error, "
        "{targeting.worst.correlation:.2f} at {m:g} mm.", m=misses[-1])

# %% tags=["paper", "hide-input"]
chapter.say("A displacement of {d:g} mm in training makes the apparent error {registration.worst.measured_ratio:.2f} times "
            "as large and the true one {registration.worst.true_ratio:.2f} times; what one exceeds the other by lies in the "
            "comparison, not in the map. A needle that misses by {m:g} mm takes the correlation from "
            "{targeting.none.correlation:.2f} to {targeting.worst.correlation:.2f}.", d=displacements[-1], m=misses[-1])

# %% [markdown] tags=["paper"]
# ### Divided by what?
#
# Scanners scale T1 and FLAIR at will, so something must be divided by something. Dividing the *contrasts* by
# their SD over the brain before the forest sees them keeps the unit of the map. Dividing the *finished map* by
# its own SD, which is what the Methods say, leaves a number without unit, which no longer compares with cells/mm²;
# results in cells/mm² imply the first, or that the division was undone. Either way the lesion is part of the ruler.

# %% tags=["paper", "hide-input"]
other = "none" if normalisation == "images" else "images"
swapped = cut_tiles(brains, stacks[other], registration_mm, seed, tile)
outcome = {normalisation: folded["subject"].value, other: out_of_fold(swapped, "subject")}
ruler = chapter.simulated("ways to normalise", pd.DataFrame({"counted": data["histology"], **outcome}))
lesion = chapter.simulated("healthy FLAIR by tumour radius", {r: healthy_flair(r, seed) for r in (10.0, 20.0)})
for way in ("images", "none"):
    derive(f"normalisation.{way}.rmse", lambda t, w: error(t[w], t["counted"]), ruler, w=way, unit="cells/mm2",
           precision="iterative", about="error on subjects left out")
derive("normalisation.none_over_images", ratio, chapter["normalisation.none.rmse"],
       chapter["normalisation.images.rmse"], precision="iterative")
derive("normalisation.large_over_small_lesion", lambda v: v[20.0] / v[10.0], lesion,
       about="healthy FLAIR after division: tumour of 20 mm over tumour of 10 mm")
derive("normalisation.map.mean", lambda t: float((t["map"] / t["sd"])[t["miss"] == 0].mean()), biopsies,
       precision="iterative", about="map over its SD, in planned spheres")
derive("normalisation.map_error_over_size", lambda t: error(t["map"] / t["sd"], t["histology"])
       / error(t["histology"], 0), biopsies, precision="iterative", about="error of a map without unit over the size of counts")
for kind, f in (("kept", lambda t: t["map"]), ("divided", lambda t: t["map"] / t["sd"])):
    derive(f"normalisation.{kind}.correlation", lambda t, f: float(f(t[t["miss"] == 0]).corr(t[t["miss"] == 0]["histology"])),
           biopsies, f=f, precision="iterative", about="map in the sphere and histology, no targeting error")
chapter.say("Without any division the error on subjects left out is {normalisation.none.rmse:.0f}, with contrasts divided "
            "{normalisation.images.rmse:.0f} (ratio {normalisation.none_over_images:.2f}). Map values divided by their SD "
            "average {normalisation.map.mean:.1f}; taken as cells/mm² their error is {share:.1f} % of the counts themselves. "
            "Their correlation with the counts goes from {normalisation.kept.correlation:.2f} to "
            "{normalisation.divided.correlation:.2f}. And the ruler moves: in one brain, healthy FLAIR with a tumour of "
            "{large} mm reads {normalisation.large_over_small_lesion:.2f} times what it reads with one of {small} mm.",
            share=100 * chapter["normalisation.map_error_over_size"].value, large=20, small=10)

# %% [markdown] tags=["paper"]
# ## Does it agree?
#
# No printed number is scored here: the simulation knows nothing of that cohort. Expectations of the method are.

# %% tags=["paper", "hide-input"]
expected = load_yaml(paths.root() / "data" / "predictions" / "nocera2025-03.yaml")["predictions"]
judged = pd.DataFrame([{"expected": p["statement"], "from": p["range"][0], "to": p["range"][1],
                        "came out": chapter[p["result"]].value} for p in expected])
judged["held"] = judged["came out"].between(judged["from"], judged["to"]).map({True: "yes", False: "no"})
verdicts = chapter.simulated("judged predictions", judged)
for name, word in (("held", "yes"), ("failed", "no")):
    derive(f"predictions.{name}", lambda t, w: int((t["held"] == w).sum()), verdicts, w=word, unit="predictions")
chapter.table(judged, "tab-predictions", "What was written down before the first run, and what came out.",
              formats=dict.fromkeys(("from", "to", "came out"), ".3g"))

# %% tags=["paper", "hide-input"]
wrong = judged.loc[judged["held"] == "no", "expected"]
chapter.say("{predictions.held} of the expectations held and {predictions.failed} did not" + (": {list}." if len(wrong) else "."),
            list="; ".join(wrong))

# %% [markdown]
# ## What would change the conclusion
#
# An error says little without that of a constant beside it: where densities hardly differ, every map has a small
# one. Subjects from one scanner say nothing about another; leave out scanners then. And where tissue and image are
# displaced, a better registration may do more for the reported error than a better forest.
#
# ## Not shown
#
# Recurrent tumours, in which treatment changes contrasts without changing cells, are not simulated. A map of your own
# images comes from `compendium maps cellularity`: it is trained on your samples, reports this error, never carries a
# forest from simulated brains to images of patients, and writes `roi_features.csv`, which this chapter takes. The
# methods are in `compendium.radiopathomics`, the simulated brains in `compendium.cohorts.brain`.

# %%
chapter.save()
