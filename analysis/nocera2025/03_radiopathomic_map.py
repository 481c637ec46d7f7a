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
#       features:
#         kind: table
#         schema: roi_features
#         required: false
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
trees: int = 20  # trees of a forest
min_leaf: int = 5  # fewest tiles in a leaf
diameter_mm: float = 5.0  # diameter of the spherical region
resamples: int = 400  # resamples of the subjects for the intervals
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
from compendium.cohorts.brain import simulate_brain, take_biopsies, take_slides
from compendium.io.yaml_lines import load_yaml
from compendium.radiopathomics.folds import LeakageError, leave_one_out, random_folds, random_group_folds
from compendium.radiopathomics.forest import (
    Settings,
    predict_density,
    predict_out_of_fold,
    score_out_of_fold,
    train_forest,
)
from compendium.radiopathomics.normalise import brain_sd, normalise_contrasts, normalise_map
from compendium.radiopathomics.sphere import rasterise_sphere
from compendium.radiopathomics.tiles import feature_names, tile_features
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, COLOURS, GREY, GRID, INK, ORANGE, use_theme
from compendium.statistics.cluster_bootstrap import cluster_bootstrap

if normalisation not in ("images", "none"):
    raise ValueError(f'normalisation is "images" or "none". Given "{normalisation}".')
if min(trees, min_leaf, resamples) < 1 or subjects < 3:
    raise ValueError(f"trees, min_leaf and resamples are 1 or more, subjects 3 or more. Given {trees}, {min_leaf}, "
                     f"{resamples}, {subjects}.")
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
# number of cells. What was expected was written down before the first run (`data/predictions/nocera2025-03.yaml`)
# and stands beside what came out. The supplement was not read.

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
def sphere_volumes():
    """Volumes of one sphere at random positions on two grids, by both rules, in percent of the true volume."""
    rng = np.random.default_rng([seed, 1])
    reach = 2 * int(np.ceil(diameter_mm)) + 4
    rows = []
    for grid, spacing in (("fine", 1.0), ("coarse", 2.0)):
        for offset in rng.uniform(0, spacing, (200, 3)):
            for rule in ("centre", "partial"):
                made = rasterise_sphere((reach,) * 3, (spacing,) * 3, reach * spacing / 2 + offset, diameter_mm, rule)
                rows.append((grid, spacing, rule, len(made.index),
                             100 * made.volume_mm3 / (np.pi / 6 * diameter_mm**3)))
    return pd.DataFrame(rows, columns=["grid", "spacing", "rule", "voxels", "volume"])


spheres = chapter.simulated("spheres at random positions", sphere_volumes())
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
one = rasterise_sphere((9, 9, 9), (2, 2, 2), (8.6, 8.3, 8.0), diameter_mm, subdivisions=12)
plane = np.full((9, 9), np.nan)
middle = one.index[:, 2] == 4
plane[tuple(one.index[middle, :2].T)] = one.weight[middle]
shown = left.imshow(plane.T, origin="lower", extent=(-1, 17, -1, 17), cmap="Blues", vmin=0, vmax=1.3)
left.add_patch(plt.Circle((8.6, 8.3), diameter_mm / 2, fill=False, color=ORANGE, lw=2))
left.set_xticks(np.arange(-1, 18, 2), [])
left.set_yticks(np.arange(-1, 18, 2), [])
left.grid(True)
span = diameter_mm / 2 + 2.4
left.set(xlim=(8.6 - span, 8.6 + span), ylim=(8.3 - span, 8.3 + span), title="Shares of voxels")
order = [("fine", "centre"), ("fine", "partial"), ("coarse", "centre"), ("coarse", "partial")]
for i, (grid, rule) in enumerate(order):
    t = spheres.value
    v = t.loc[(t["grid"] == grid) & (t["rule"] == rule), "volume"].to_numpy()
    right.plot(v, 3 - i + np.random.default_rng(i).uniform(-0.25, 0.25, len(v)), ".", ms=3,
               color=ORANGE if rule == "centre" else BLUE, alpha=0.6)
right.axvline(100, color=GREY, lw=1)
words = {"fine": "1 mm", "coarse": "2 mm", "centre": "whole voxels", "partial": "shares"}
right.set_yticks([3, 2, 1, 0], [f"{words[g]}, {words[r]}" for g, r in order])
right.set(xlabel="Volume of the region (% of the sphere)")
fig.tight_layout()
chapter.figure(
    fig, "fig-sphere", data=spheres.value,
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
# Tumours with a core, a necrotic middle, infiltration beyond the core and oedema without cells; contrasts that
# see them in different ways; scanners whose gain differs. From every brain three slides are taken and cut into
# tiles. A slide is displaced: MRI is read where the tissue is thought to be, cells are counted where it was.


# %% tags=["paper", "hide-input"]
def make_brains():
    """Brains, their normalised contrasts, and the biopsies planned on them at several targeting errors."""
    brains = [simulate_brain(f"S{i:02d}", [seed, i]) for i in range(subjects)]
    stacks = {how: {b.subject: normalise_contrasts(b.contrasts, b.mask, how) for b in brains}
              for how in ("images", "none")}
    return brains, stacks


def cut_tiles(displaced, how):
    """Table of tiles of all slides at one displacement: the layout of an input table, and the true density."""
    parts = []
    for i, b in enumerate(brains):
        index, table = take_slides(b, 3, displaced, [seed, i, 1], side_mm=16)
        read = pd.DataFrame(tile_features(stacks[how][b.subject], index, tile),
                            columns=[f"feature_{n}" for n in feature_names(side=tile)])
        parts.append(table.rename(columns={"sample": "roi"}).assign(subject=b.subject).join(read))
    return pd.concat(parts, ignore_index=True)


brains, stacks = make_brains()
simulated_tiles = cut_tiles(registration_mm, normalisation)

# %%
table = chapter.input("features") if chapter.is_user_run else chapter.simulated("tiles", simulated_tiles)
columns = [c for c in table.value.columns if c.startswith("feature_")]
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
index0 = [train_forest(data[columns], data["histology"], data["subject"], forest, origin="simulation")
          for data in [data[data["subject"] != b.subject] for b in brains]]
models = dict(zip([b.subject for b in brains], index0, strict=True))


def predict_at(b, index):
    """Density at some voxels, by the forest that did not see this brain."""
    stack = stacks[normalisation][b.subject]
    return predict_density(models[b.subject], tile_features(stack, index, tile), origin="simulation")


first, level = brains[0], brains[0].density.shape[2] // 2
where = np.argwhere(first.mask[:, :, level])
learned = np.full(first.mask.shape[:2], np.nan)
learned[tuple(where.T)] = predict_at(first, np.column_stack([where, np.full(len(where), level)]))
fig, axes = plt.subplots(2, 3, figsize=(8.6, 6.6))
for ax, (name, volume) in zip(axes.flat, [*first.contrasts.items(), ("density", first.density)], strict=False):
    ax.imshow(np.where(first.mask[:, :, level], volume[:, :, level], np.nan).T, origin="lower", cmap="gray")
    ax.set_title({"t1": "T1", "t1ce": "T1 with contrast", "flair": "FLAIR", "adc": "ADC", "density": "Cells, truth"}[name])
top = float(np.percentile(first.density[:, :, level][first.mask[:, :, level]], 99.5))
for ax, values in ((axes[1, 1], np.where(first.mask, first.density, np.nan)[:, :, level]), (axes[1, 2], learned)):
    ax.images[0].remove() if ax.images else None
    image = ax.imshow(values.T, origin="lower", cmap="viridis", vmin=500, vmax=top)
axes[1, 2].set_title("Cells, learned from the others")
fig.colorbar(image, ax=axes[1, 2], label="cells/mm²", shrink=0.8)
for ax in axes.flat:
    ax.axis("off")
inside = first.mask[:, :, level]
map_result = chapter.simulated("map", np.corrcoef(learned[inside], first.density[:, :, level][inside])[0, 1])
derive("map.correlation", float, map_result, precision="iterative", about="map and truth over one slice")
chapter.figure(
    fig, "fig-map", watermark="simulated",
    data=pd.DataFrame({"x": where[:, 0], "y": where[:, 1], "truth": first.density[:, :, level][inside],
                       "learned": learned[inside]}),
    caption="A simulated brain: four contrasts, the true density, and the map of a forest that was grown on the other "
            "brains. One slice.",
    alt="Six panels of a slice with a tumour. The learned map shows the ring of dense tumour and a fainter halo; over the "
        "slice it correlates with the truth by {map.correlation:.2f}.")

# %% [markdown]
# ### Who may be in the training set?
#
# Three ways to split the same rows. *Rows at random* is what a careless split does: neighbouring tiles of one
# sample stand on both sides. *Samples at random* keeps tiles together, but not patients. *Subjects left out* is
# the only one that speaks of a new patient. The package refuses the first two unless it is told to let them
# pass; here it is, to show what they do. The gray line is the error of a constant, the mean of the other subjects.


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


splits = {"rows": "Rows at random", "samples": "Samples at random", "subject": "Subjects left out"}
if chapter["table.regions"].value in (len(data), chapter["table.subjects"].value):
    del splits["samples"]
folded = {s: derive(f"split.{s}", out_of_fold, used, split=s) for s in splits}
for s in splits:
    derive(f"split.{s}.rmse", lambda p, t: error(p, t["histology"]), folded[s], used, unit="cells/mm2",
           precision="iterative", about=f"error, {splits[s].lower()}")
    derive(f"split.{s}_over_subject", lambda a, b: a / b, chapter[f"split.{s}.rmse"],
           chapter["split.subject.rmse"] if "split.subject.rmse" in chapter else derive(
               "split.subject.first", lambda t: error(out_of_fold(t, "subject"), t["histology"]), used),
           precision="iterative") if s == "unused" else None
