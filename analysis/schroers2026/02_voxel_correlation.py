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
#       estimand: "difference of normalised signal between bins of density, and its slope over density, within animals; between growth models only as far as the coil is the same"
#       unit: "the animal; voxels are its repeated measurements"
#       analysis: "bin means and least-squares slopes of each animal, their mean with a t interval over animals; ANOVA and Tukey's HSD over voxels beside it; retained share and attenuation for the error of the registration"
#       missing: "voxels without density or signal are left out; bins with fewer than five voxels of an animal give no mean for it"
#       reporting: "no reporting guideline for correlative imaging applies; the items of ARRIVE on units and numbers are answered by the table of animals"
#     inputs:
#       voxels: {kind: table, schema: voxels, required: false}
#       mri: {kind: volume, required: false}
#       microscopy: {kind: volume, required: false}
#       t1: {kind: volume, required: false}
#       t1post: {kind: volume, required: false}
#       mask: {kind: volume, required: false}
#       landmarks_mri: {kind: landmarks, required: false}
#       landmarks_microscopy: {kind: landmarks, required: false}
#       transform: {kind: transform, required: false}
# ---

# %% [markdown]
# # How does signal follow the vessels and the tumour in a voxel, counted by animals?
#
# ## The question
#
# Once the microscopy lies on the MRI, every MRI voxel has a signal and a share of vessel or tumour. How firmly do the two go
# together, when the animals are what is counted and not their many neighbouring voxels? And what else than tissue can make
# them go together: the order of processing, the coil, the scale of the signal?

# %% tags=["parameters"]
seed: int = 1  # seed of every simulation
animals: int = 4  # simulated animals of each kind
days: str = "24, 60, 74"  # days on which simulated animals are scanned
registration_um: float = 71.6  # root mean square error of the registration, µm; landmarks that are handed in replace it
cohorts: int = 60  # simulated cohorts without any relation
structure: str = "tumour"  # what the microscope shows in the input: tumour or vessel
normalise: bool = False  # whether signals of a table are raw and must be normalised by data set, on normal_label
normal_label: int = 3  # label of normal-appearing tissue in the mask
kind: str = "thin-plate"  # transform by landmarks: rigid, similarity, affine, thin-plate
holds: str = "probability"  # what the microscopy holds: probability, or density from 0 to 1
channel: int = 0  # channel of the microscopy, counted from 0
order: str = "macro"  # macro: threshold, then mean over slices; text: mean, then threshold
threshold: float = 10000.0  # on the probability
full_scale: float = 65535.0  # probability of one
group: int = 33  # slices of microscopy in an MRI voxel
last: str = "drop"  # slices that do not fill a group: drop, short, macro
animal: str = "A1"  # name of the animal that volumes are of; it stands in the table
embed: str = "stored"  # embedding of the simulated voxels: stored, or computed again
voxels: str = ""  # table of voxels (input)
mri: str = ""  # T2-weighted volume (input)
microscopy: str = ""  # stack of probability maps, or density (input)
t1: str = ""  # T1-weighted volume before contrast agent (input)
t1post: str = ""  # the same after contrast agent (input)
mask: str = ""  # labels on the MRI grid: 0 outside, normal_label, others (input)
landmarks_mri: str = ""  # landmarks in the MRI (input)
landmarks_microscopy: str = ""  # the same structures in the microscopy (input)
transform: str = ""  # transform from MRI to microscopy, instead of landmarks (input)

# %% tags=["hide-input"]
import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml
from sklearn.manifold import trustworthiness

from compendium import paths
from compendium.cohorts.schroers_embedding import CONTRASTS, SEED, checksum, embed as embed_contrasts, embedding_input
from compendium.cohorts.schroers_illustration import draw_vessel_voxels, draw_voxels
from compendium.cohorts.schroers_study import compare_orders, last_groups, make_probabilities, null_cohorts, registration_cost
from compendium.cohorts.schroers_voxels import BULKY, COOLED, INFILTRATIVE, SURFACE, scan_cohort, scan_vessels
from compendium.io.transforms import write_transform
from compendium.io.volumes import write_volume
from compendium.maps.voxel_table import build_voxels
from compendium.microscopy.animals import animal_means, animal_slopes, compare_bins, mean_interval, voxel_tests
from compendium.microscopy.voxels import GLIOMA_BINS, VESSEL_BINS, bin_density, normalise_on_reference
from compendium.registration.affine import LinearTransform
from compendium.registration.matching import matching_scale
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, GREEN, GREY, GRID, INK, ORANGE, PURPLE, RED

given = {"voxels": voxels, "mri": mri, "microscopy": microscopy, "t1": t1, "t1post": t1post, "mask": mask,
         "landmarks_mri": landmarks_mri, "landmarks_microscopy": landmarks_microscopy, "transform": transform}
chapter = open_chapter("schroers2026/02_voxel_correlation", inputs=given)
mark = "" if chapter.is_user_run else "illustration"
scan_days = [float(d) for d in days.split(",")]
SIGNAL = "normalised T2w (SD)"
EDGES = {"tumour": GLIOMA_BINS, "vessel": VESSEL_BINS}


def number(name, value, unit="1", about="", root=None):
    """Record a number that follows from the data at hand, or from a simulation."""
    return chapter.derive(name, lambda _: value, root or chapter.simulated(name, value), unit=unit, about=about, probe=False,
                          precision="resampled")


def with_bins(frame, what="tumour"):
    """Add the bin of each voxel's density."""
    return frame.assign(bin=bin_density(frame["density"].clip(0, 1), EDGES[what], none="w/o"))


def draw_boxes(ax, frame, value="t2w", colour=BLUE):
    """Boxes over the bins: quartiles, whiskers to the extremes, as the paper draws them; n below."""
    names = list(frame["bin"].cat.categories)
    sets = [frame.loc[frame["bin"] == n, value].dropna().to_numpy() for n in names]
    boxes = ax.boxplot([s if len(s) else [np.nan] for s in sets], whis=(0, 100), patch_artist=True, widths=0.6,
                       medianprops={"color": INK})
    for box in boxes["boxes"]:
        box.set(facecolor=colour, alpha=0.55)
    ax.set_xticks(range(1, len(names) + 1), [f"{n}\n{len(s)}" for n, s in zip(names, sets, strict=True)], fontsize=8)
    return pd.DataFrame({"bin": names, "n": [len(s) for s in sets],
                         **{k: [np.percentile(s, q) if len(s) else np.nan for s in sets]
                            for k, q in (("min", 0), ("q1", 25), ("median", 50), ("q3", 75), ("max", 100))}})


def draw_tiles(frame, low, high, side=4):
    """A tile of voxels drawn at random from each bin."""
    names, rng, parts = list(frame["bin"].cat.categories), np.random.default_rng(seed), []
    fig, axes = plt.subplots(1, len(names), figsize=(7.6, 2.0))
    for ax, name in zip(axes, names, strict=True):
        own = frame[frame["bin"] == name]
        pick = own.iloc[rng.choice(len(own), min(side**2, len(own)), replace=False)]
        image = np.pad(pick["t2w"].to_numpy(dtype=float), (0, side**2 - len(pick)), constant_values=np.nan).reshape(side, side)
        shown = ax.imshow(image, cmap="gray", vmin=low, vmax=high)
        ax.set(title=f"{name} %" if name[0].isdigit() else name, xticks=[], yticks=[])
        ax.title.set_fontsize(9)
        parts.append(pick[["animal", "density", "t2w"]].assign(bin=name))
    fig.colorbar(shown, ax=axes, label="T2w (SD)", shrink=0.8)
    return fig, pd.concat(parts)


# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Schroers and colleagues {cite}`schroers2026` group MRI voxels by what two-photon microscopy finds in them. Signal falls over
# five bins of vessel fraction (Fig 2C), and rises over six bins of glioma density in two models (Fig 4J, K); the bulky model,
# GG16, has "significantly higher normalized T2w signal" than the infiltrative one, S24, at like density (Fig 4L). The captions
# print numbers of voxels, mice and data sets. Tests are named (ANOVA with Tukey's HSD, Welch's t-tests) and shown as stars:
# no mean, SD, F or p is printed. GG16 is 4 mice, S24 is 17.
#
# ## What can be tested
#
# The printed counts can be added up (evidence `internal`). The *method* can be tried on simulated tissue whose truth is known
# (`simulated`); what was expected is in `data/predictions/schroers2026-02.yaml`, written before the first run. The figures are
# drawn with the printed counts and invented signal (`illustration`, never scored), until somebody hands in a table: the source
# data (Table S8) could not be obtained.

# %% tags=["paper"]
def add(*counts):
    return int(sum(counts))


for name, panel, bins in (("gg16", "fig4d", "fig4j"), ("s24", "fig4f", "fig4k")):
    by_day, by_bin, sets = ([chapter.printed(f"{stem}-{k}") for k in numbers] for stem, numbers in (
        (f"{panel}-n", range(1, 6)), (f"{bins}-n", range(6)), (f"{panel}-datasets", range(1, 6))))
    chapter.derive(f"counts.{name}.voxels", add, *by_bin, unit="voxels", about="sum over the bins of density")
    chapter.route(f"counts.{name}.voxels", "sum over the days", add, *by_day)
    chapter.derive(f"counts.{name}.days", add, *by_day, unit="voxels", about="sum over the days")
    chapter.derive(f"counts.{name}.datasets", add, *sets, unit="datasets", about="sum over the days")
    chapter.derive(f"counts.{name}.volume", lambda n, d, side: n / d * (side / 1000) ** 3, chapter[f"counts.{name}.voxels"],
                   chapter[f"counts.{name}.datasets"], chapter.printed("t2w-voxel"), unit="mm3", about="analysed per data set")
    chapter.derive(f"counts.{name}.sign_p", lambda mice: 2.0 / 2**mice, chapter.printed(f"{name}-mice"),
                   about="smallest two-sided p of a sign test over the mice")
chapter.derive("finding.s24", lambda a, b: a - b, chapter["counts.s24.days"], chapter["counts.s24.voxels"], unit="voxels",
               about="voxels by day less voxels by density, S24")
chapter.derive("finding.crossref", lambda a, b: int(a - b), chapter.printed("fig4k-n-0"), chapter.printed("fig4f-n-1"), unit="voxels",
               about="first bin of Fig 4K less the first count of Fig 4F: n of Fig 4L by one reading and by the other")
chapter.derive("finding.days", lambda a, b: int(a - b), chapter.printed("fig4f-day-2"), chapter.printed("fig4g-day-1"), unit="days",
               about="first day after implantation of S24 in Fig 4F less that of Fig 4G")
_ = chapter.derive("finding.share", lambda n, top: n * 1e9 / top, chapter["counts.gg16.volume"], chapter.printed("imaged-volume-low"),
                   about="analysed volume of a GG16 data set over the smallest imaged volume")

# %% tags=["paper", "hide-input"]
chapter.say("GG16: both ways of counting give {counts.gg16.voxels} voxels in {counts.gg16.datasets} data sets. S24: {counts.s24.voxels} by density, "
            "{counts.s24.days} by day, {finding.s24} apart; {counts.s24.datasets} data sets. A data set has {counts.gg16.volume:.1f} mm³ (GG16) or "
            "{counts.s24.volume:.1f} mm³ (S24) of analysed voxels, {finding.share:.2f} of the smallest imaged volume or more. With the four mice of "
            "GG16 no sign test over animals can give a p below {counts.gg16.sign_p:.3f}.")

# %% [markdown]
# ## The idea
#
# A registration error moves some tissue of each voxel into its neighbours. For a normal error with SD $\sigma$ along an axis and
# a block of edge $L$, a share
#
# $$ \operatorname{erf}\frac{t}{\sqrt 2}-\sqrt{\tfrac{2}{\pi}}\,\frac{1-e^{-t^2/2}}{t},\qquad t=L/\sigma, $$
#
# of its points stays in it along that axis. That is also the factor by which the correlation of two images falls, if what they
# show varies from voxel to voxel; what varies over longer distances suffers less.

# %% tags=["hide-input"]
built = None
if chapter.is_user_run and mri and microscopy:
    files = {k: chapter.input(k) for k, v in given.items() if v and k != "voxels"}
    grouping = {"holds": holds, "order": order, "threshold": threshold, "full_scale": full_scale, "size": group, "last": last}
    made = chapter.derive("input.built", lambda *values: build_voxels(dict(zip(files, values, strict=True)), animal=animal, kind=kind,
                          channel=channel, normal_label=normal_label, **grouping), *files.values(), probe=False)
    built = made.value
elif bool(mri) != bool(microscopy):
    raise ValueError("MRI and microscopy are needed together. Given one of them.")
error = built.registration.error if built else None
error_um, voxel_um = (error.axis_rmse_um if error else registration_um), (built.grid.spacing_um if built else (100.0,) * 3)
lengths = (0.0, float(max(voxel_um)), 3 * float(max(voxel_um)))
scales = [matching_scale(error_um, voxel_um, correlation_length_um=length) for length in lengths]
number("scale.error", float(np.sqrt(3) * np.mean(np.square(scales[0].axis_error_um)) ** 0.5), "um", "error that the analysis assumes",
       made if built else None)
number("scale.retained", scales[0].retained[0], "1", "share of the points of an MRI voxel that stay in it")
_ = number("scale.attenuation", scales[2].attenuation[0], "1", "factor on a correlation, contrasts over three voxels")

# %% tags=["hide-input"]
table = scales[0].table().rename(columns={"attenuation": "factor, finest contrasts"})
table["factor, over one voxel"], table["factor, over three voxels"] = scales[1].attenuation, scales[2].attenuation
chapter.table(table, "tab-matching", "Matching scale for an error of {scale.error:.1f} µm: retained share of the points of a block, and the factor "
              "on a correlation of block means by how far the contrast reaches (correlation length).",
              formats={c: ".0f" if c.startswith("block") else ".2f" for c in table})

# %% [markdown]
# No correlation in this chapter is divided by such a factor: the error is not known well enough, and dividing would hide it.
#
# ## The analysis
#
# ### What the order of processing decides
#
# A stack of thin slices becomes one density per MRI voxel by a threshold and a mean over slices. Threshold first gives a volume
# fraction. Mean first lets each pixel count as full or empty over the whole depth. Here the truth is known.

# %%
truth, probability = make_probabilities(seed)
orders = compare_orders(truth, probability, threshold=threshold if full_scale == 65535 else 10000.0, size=group)
for key, row in (("macro", 1), ("text", 2), ("half", 3), ("bilinear", 4)):
    for column in ("bias", "moved", "empty_excess"):
        number(f"order.{key}.{column}", float(orders[column].iloc[row]))
groups = last_groups((7 * group, 7 * group + group // 3, 7 * group + group // 2 + 1), group)
_ = number("order.threshold", 10000 / 65535, about="threshold as a probability")

# %% tags=["hide-input"]
chapter.table(orders, "tab-orders", "Density of simulated voxels by each way, against the truth. Moved: share of voxels in another bin than the true "
              "density puts them. Empty: share without any.", formats={c: ".3f" for c in orders if c != "way"})

# %% tags=["hide-input"]
chapter.table(groups, "tab-last", "What becomes of slices that do not fill a group: groups, and slices in the last one, by rule; padded: slices after "
              "empty ones were appended, which adds a whole group where none is missing.")

# %% tags=["hide-input"]
chapter.say("Mean first puts {order.text.moved:.0%} of the voxels into another bin and raises the mean density by {order.text.bias:+.3f}; threshold first moves "
            "{order.macro.moved:.0%} ({order.macro.bias:+.3f}), because a probability of {order.threshold:.2f} reaches beyond the border. A threshold of one "
            "half moves {order.half.moved:.0%}. Bilinear scaling without averaging moves {order.bilinear.moved:.0%} and makes "
            "a share of {order.bilinear.empty_excess:.2f} more of the voxels empty.")

# %% [markdown]
# ### Vessels: a forward model
#
# Simulated vessel trees of known radii, blood with the shorter T2, MRI voxels of a tenth of a millimetre. The voxels with the
# least vessel give the scale of the signal. Each line is an animal.

# %%
vessel = with_bins(pd.concat([scan_vessels([seed, k], animal=f"V{k + 1}", registration_um=registration_um) for k in range(animals)]),
                   "vessel")
vessel_means = animal_means(vessel, "t2w", "bin")
slopes = mean_interval(animal_slopes(vessel, "t2w", "density") / 10)
for key, value in (("slope", slopes.estimate), ("slope.lower", slopes.lower), ("slope.upper", slopes.upper)):
    number(f"vessels.{key}", value, "SD/10 %", "within animals, mean over animals")
_ = number("vessels.steps_down", int((np.diff(vessel_means.mean()) < 0).sum()), about="bins darker than the one before")

# %% tags=["hide-input"]
fig, tiles = draw_tiles(vessel, -8, 2)
chapter.figure(fig, "fig-vessel-tiles", tiles, watermark="simulated", caption="Simulated MRI voxels drawn at random from each bin of vessel fraction; "
               "their order in a tile means nothing.",
               alt="Five tiles of sixteen grey voxels each, from little to much vessel; the mean falls in {vessels.steps_down} of {k} steps.", k=len(vessel_means.columns) - 1)

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.4, 3.4))
for _, row in vessel_means.iterrows():
    ax.plot(range(1, len(row) + 1), row, "o-", color=GREY, lw=1, ms=4)
ax.plot(range(1, len(vessel_means.columns) + 1), vessel_means.mean(), color=RED, lw=2.5)
ax.set(xlabel="vessel volume per voxel (%)", ylabel=SIGNAL)
ax.set_xticks(range(1, len(vessel_means.columns) + 1), [str(c) for c in vessel_means.columns])
ax.axhline(0, color=GRID, zorder=0)
chapter.figure(fig, "fig-vessel-model", vessel_means.reset_index(), watermark="simulated", caption="Mean signal of the simulated animals by bin of vessel "
               "fraction (at least five voxels); red: their mean. The first bin defines zero.",
               alt="One falling line per animal. Slope {vessels.slope:.2f} SD per tenth of the voxel, from {vessels.slope.lower:.2f} to {vessels.slope.upper:.2f}.")

# %% tags=["hide-input"]
chapter.say("In the model signal falls by {vessels.slope:.2f} SD for every tenth of the voxel that is vessel (over {n} animals from {vessels.slope.lower:.2f} to "
            "{vessels.slope.upper:.2f}), in {vessels.steps_down} of {steps} steps between bins.", n=animals, steps=len(vessel_means.columns) - 1)

# %% [markdown]
# ### Tumour: the same tissue in two coils, two models in one coil
#
# The scale of the signal is the SD of normal tissue *in that image*, noise included. So the same tumour has a larger value in a
# quieter coil. Below, two growth patterns share one T2: at like density there is nothing to find between them.

# %%
bulky = with_bins(scan_cohort(BULKY, COOLED, animals, scan_days, seed, registration_um=registration_um))
loud = with_bins(scan_cohort(BULKY, SURFACE, animals, scan_days, seed, registration_um=registration_um))
spread = with_bins(scan_cohort(INFILTRATIVE, SURFACE, animals, scan_days, seed, registration_um=registration_um))
spread_same = with_bins(scan_cohort(INFILTRATIVE, COOLED, animals, scan_days, seed, registration_um=registration_um))
DENSE = ["25–50", "50–75", "75–100"]


def dense_mean(frame, value="t2w"):
    """Mean over animals of the mean over the three densest bins that an animal has."""
    return animal_means(frame, value, "bin")[DENSE].mean(axis=1)


def relative_change(frame):
    """Raw signal of dense voxels over that of voxels without tumour, minus one."""
    return dense_mean(frame, "t2w_raw") / animal_means(frame, "t2w_raw", "bin")["w/o"] - 1


slopes = mean_interval(animal_slopes(bulky, "t2w", "density"))
for key, value in (("slope", slopes.estimate), ("slope.lower", slopes.lower), ("slope.upper", slopes.upper)):
    number(f"tumour.{key}", value, "SD", "from none to all, within animals, mean over animals")
number("coil.ratio", float(dense_mean(bulky).mean() / dense_mean(loud).mean()), about="z of the same tissue, cooled over surface coil")
number("coil.signal_ratio", float(relative_change(bulky).mean() / relative_change(loud).mean()), about="the same for the relative change of raw signal")
number("coil.spurious", float((animal_means(bulky, "t2w", "bin").mean() - animal_means(spread, "t2w", "bin").mean())[DENSE[:2]].mean()), "SD",
       "between models of one T2, each in its own coil")
_ = number("coil.unconfounded", float((animal_means(bulky, "t2w", "bin").mean() - animal_means(spread_same, "t2w", "bin").mean())[DENSE[:2]].mean()), "SD",
           "the same in one coil")

# %% tags=["hide-input"]
fig, tiles = draw_tiles(bulky, -2, 8)
chapter.figure(fig, "fig-tumour-tiles", tiles, watermark="simulated", caption="Simulated MRI voxels drawn at random from each bin of tumour density.",
               alt="Six tiles of sixteen grey voxels each, from no tumour to much; slope {tumour.slope:.1f} SD from none to all.")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.3), sharey=True)
data = []
for ax, title, pair in ((axes[0], "each model in its own coil", ((bulky, BLUE, "bulky, cooled"), (spread, ORANGE, "infiltrative, surface"))),
                        (axes[1], "both in the cooled coil", ((bulky, BLUE, "bulky"), (spread_same, ORANGE, "infiltrative")))):
    for shift, (frame, colour, label) in zip((-0.1, 0.1), pair, strict=True):
        means = animal_means(frame, "t2w", "bin")
        for column, name in enumerate(means.columns):
            ax.plot(np.full(len(means), column + shift), means[name], "o", color=colour, ms=4, label=label if column == 0 else None)
        data.append(means.reset_index().assign(series=f"{title}: {label}"))
    ax.set(title=title, xlabel="tumour density (%)")
    ax.set_xticks(range(len(means.columns)), [str(c) for c in means.columns], fontsize=8)
    ax.legend(loc="upper left")
axes[0].set_ylabel(SIGNAL)
fig.tight_layout()
chapter.figure(fig, "fig-coil", pd.concat(data), watermark="simulated", caption="Simulated animals of two models that share one T2. A dot is an animal.",
               alt="Left, with different coils: the bulky model lies {coil.spurious:.1f} SD higher at middle densities. Right, in one coil: {coil.unconfounded:+.1f} SD.")

# %% tags=["hide-input"]
chapter.say("The same tissue has {coil.ratio:.2f} times the z-value in the cooled coil, while the relative change of its signal differs by a factor of "
            "{coil.signal_ratio:.2f} only. Two models with one T2 come out {coil.spurious:+.1f} SD apart when each has its own coil, and "
            "{coil.unconfounded:+.1f} SD in one coil. A comparison of models across "
            "coils needs the raw contrast, or the noise of each image.")

# %% [markdown]
# ### The voxels at hand
#
# From here on the figures have the paper's layout. Without input they show an invented cohort with the printed counts; with a
# table or with volumes they show that.

# %% [markdown] tags=["paper"]
# The invented cohort has the printed counts by day and by bin. Those of S24 differ by one voxel; it is taken from the fullest day.

# %% tags=["hide-input"]
counts = {"GG16": ((5408, 4636, 7691, 4930, 4890), (14173, 2224, 2313, 2192, 2566, 4087), (1, 3, 3, 3, 3)),
          "S24": ((11752, 20541, 17593, 27689, 18025), (69490, 12333, 8881, 3292, 1156, 447), (3, 8, 8, 11, 7))}


def prepare(frame):
    """Fill optional columns, drop voxels without density or signal, normalise raw signals by data set."""
    full = frame.copy()
    if "dataset" not in full:
        full["dataset"] = full["animal"] + (("-" + full["day"].astype(str)) if "day" in full else "")
    full["model"] = full["model"].fillna("all").astype(str) if "model" in full else "all"
    signals = [c for c in ("t2w", "t1", "t1post") if c in full]
    if normalise:
        for _, own in full.groupby("dataset"):
            normal = np.full(len(own), normal_label)
            labels = own["label"].fillna(-1).to_numpy() if "label" in own else np.where(own["density"] == 0, normal, -1)
            for signal in signals:
                full.loc[own.index, signal] = normalise_on_reference(own[signal].to_numpy(float), labels, normal_label).volume
    return full.dropna(subset=["density", "t2w"]).reset_index(drop=True)


if built:
    source = chapter.derive("input.voxels", lambda b: prepare(b.frame), made, probe=False)
elif voxels:
    source = chapter.derive("input.voxels", prepare, chapter.input("voxels"), probe=False)
else:
    source = chapter.illustration("voxels", prepare(pd.concat([draw_voxels(m, *c, seed) for m, c in counts.items()], ignore_index=True)))
frame = with_bins(source.value, structure)
models = list(frame["model"].unique())
slug = {m: f"data.m{k + 1}" for k, m in enumerate(models)}
number("data.voxels", len(frame), "voxels", "with density and signal", source)
number("data.animals", frame["animal"].nunique(), "animals", root=source)
_ = number("data.datasets", frame["dataset"].nunique(), "data sets", root=source)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, len(models), figsize=(3.9 * max(len(models), 1.4), 3.4), squeeze=False)
shares = []
for ax, model in zip(axes[0], models, strict=True):
    own = frame[frame["model"] == model]
    by = own.groupby(["day" if "day" in own and own["day"].notna().any() else "dataset", "bin"], observed=False).size().unstack("bin")
    percent = 100 * by.div(by.sum(axis=1), axis=0)
    bottom = np.zeros(len(by))
    for k, name in enumerate(by.columns):
        ax.bar(range(len(by)), percent[name], bottom=bottom, color=plt.cm.viridis(k / (len(by.columns) - 1)), label=str(name))
        bottom += percent[name].to_numpy()
    ax.set(title=model, ylabel="voxels (%)", xlabel=str(by.index.name))
    ax.set_xticks(range(len(by)), [f"{d:g}\n{n}" if not isinstance(d, str) else f"{d}\n{n}" for d, n in by.sum(axis=1).items()], fontsize=8)
    shares.append(by.reset_index().assign(model=model))
axes[0, -1].legend(title="density (%)", loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
fig.tight_layout()
chapter.figure(fig, "fig-distribution", pd.concat(shares), watermark=mark, caption="Distribution of density over time by model; voxels below each bar.",
               alt="Stacked bars of voxels by density and day, for {n} model or models, {data.voxels} voxels in all.", n=len(models))

# %% [markdown]
# ### Animals first
#
# Bin means of each animal, against its own voxels in the first bin. The interval is over animals. There are no stars: with so
# few animals a sign test cannot reach the usual level.

# %% tags=["hide-input"]
rows = []
for model in models:
    own = frame[frame["model"] == model]
    means = animal_means(own, "t2w", "bin")
    rows.append(compare_bins(means, means.columns[0]).assign(model=model))
    slope = mean_interval(animal_slopes(own, "t2w", "density"))
    for key, value in (("slope", slope.estimate), ("slope.lower", slope.lower), ("slope.upper", slope.upper)):
        number(f"{slug[model]}.{key}", value, "SD", f"{key}, signal over density within animals", source)
    number(f"{slug[model]}.animals", own["animal"].nunique(), "animals", root=source)
differences = pd.concat(rows, ignore_index=True)[["model", "bin", "animals", "difference", "lower", "upper"]]
chapter.table(differences, "tab-animals", "Signal of each bin less that of the first, within animals: mean and interval over animals. One animal has no interval.",
              formats=dict.fromkeys(("difference", "lower", "upper"), ".2f"))

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, len(models), figsize=(3.9 * max(len(models), 1.4), 3.4), sharey=True, squeeze=False)
boxes = []
for ax, model, colour in zip(axes[0], models, (BLUE, ORANGE, GREEN, PURPLE, RED) * len(models), strict=False):
    own = frame[frame["model"] == model]
    boxes.append(draw_boxes(ax, own, colour=colour).assign(model=model))
    for _, row in animal_means(own, "t2w", "bin").iterrows():
        ax.plot(range(1, len(row) + 1), row, "-", color=INK, lw=0.6)
    ax.set(title=model, xlabel=f"{structure} density (%)")
axes[0, 0].set_ylabel(SIGNAL)
fig.tight_layout()
chapter.figure(fig, "fig-density", pd.concat(boxes), watermark=mark, caption="Signal over density by model. Boxes: voxels, with quartiles and extremes, "
               "and their number. Lines: means of animals.", alt="Boxes of signal by bin of density. Slope from none to all over animals: {s:.1f} SD in {first}.",
               s=chapter[f"{slug[models[0]]}.slope"].value, first=models[0])

# %% tags=["hide-input"]
for model in models:
    tests = voxel_tests(frame[frame["model"] == model], "t2w", "bin")
    number(f"{slug[model]}.f", tests.f, about="ANOVA over voxels, F", root=source)
    number(f"{slug[model]}.p", tests.p, about="ANOVA over voxels, p", root=source)
    if model == models[0]:
        pairs, degrees = tests.pairs.assign(model=model), tests.df
chapter.table(pairs, "tab-tukey", "Tukey's HSD over voxels, for {model}; ANOVA: F = {f:.4g} on {a:.0f} and {b:.0f} degrees of freedom. Every voxel is taken as independent.",
              formats={"difference": ".2f", "lower": ".2f", "upper": ".2f", "p": ".2g"}, model=models[0],
              f=chapter[f"{slug[models[0]]}.f"].value, a=degrees[0], b=degrees[1])

# %% tags=["hide-input"]
first = slug[models[0]]
chapter.say(f"{{who}}, {{model}}: {{{first}.slope:+.1f}} SD from none to all over {{{first}.animals}} animals (from {{{first}.slope.lower:.1f}} to {{{first}.slope.upper:.1f}}). Taking voxels as "
            f"independent gives F = {{{first}.f:.4g}}. The error of the registration assumed here leaves a share of {{scale.retained:.2f}} of each voxel in place.", model=models[0],
            who="Your voxels" if chapter.is_user_run else "Invented voxels")

# %% [markdown]
# ### Two models at like density
#
# Drawn when the data hold more than one model. Welch's test over voxels answers whether voxels differ; over animals, whether
# animals do. If the models were scanned with different coils, neither says which of the two it was.

# %% tags=["hide-input"]
if len(models) > 1:
    pair, rows = models[:2], []
    means = {m: animal_means(frame[frame["model"] == m], "t2w", "bin") for m in pair}
    fig, ax = plt.subplots(figsize=(6.8, 3.4))
    for k, (m, colour) in enumerate(zip(pair, (BLUE, ORANGE), strict=True)):
        sets = [frame.loc[(frame["model"] == m) & (frame["bin"] == b), "t2w"] for b in means[m].columns]
        shape = ax.boxplot([s if len(s) else [np.nan] for s in sets], positions=np.arange(len(sets)) + 0.36 * k - 0.18, widths=0.3, whis=(0, 100),
                           patch_artist=True, medianprops={"color": INK}, manage_ticks=False)
        for box in shape["boxes"]:
            box.set(facecolor=colour, alpha=0.6)
        ax.plot([], [], "s", color=colour, label=m)
    ax.set_xticks(range(len(sets)), [str(b) for b in means[pair[0]].columns])
    ax.set(xlabel=f"{structure} density (%)", ylabel=SIGNAL)
    ax.legend(loc="upper left")
    for b in means[pair[0]].columns:
        one, two = (means[m][b].dropna() for m in pair)
        spread_se = float(np.sqrt(one.var() / len(one) + two.var() / len(two))) if min(len(one), len(two)) > 1 else np.nan
        rows.append({"bin": b, "difference over animals": one.mean() - two.mean(), "standard error": spread_se, "animals": f"{len(one)} and {len(two)}"})
    chapter.figure(fig, "fig-models", pd.DataFrame(rows), watermark=mark, caption="Signal of two models by density.",
                   alt="Pairs of boxes by bin of density for {a} and {b}.", a=pair[0], b=pair[1])

# %% [markdown]
# ### Density, time and signal
#
# Medians by day and density. The paper's caption leaves the axes of its heat maps open; its text speaks of density and time.

# %% tags=["hide-input"]
if "day" in frame and frame["day"].notna().any():
    fig, axes = plt.subplots(1, len(models), figsize=(3.9 * max(len(models), 1.4), 3.0), squeeze=False)
    maps = []
    for ax, model in zip(axes[0], models, strict=True):
        own = frame[frame["model"] == model].groupby(["bin", "day"], observed=False)["t2w"].median().unstack("day")
        shown = ax.imshow(own.to_numpy(), origin="lower", cmap="viridis", aspect="auto", vmin=-0.5, vmax=max(1.0, float(np.nanmax(own.to_numpy()))))
        ax.set(title=model, xlabel="day", ylabel="density (%)")
        ax.set_xticks(range(own.shape[1]), [f"{d:g}" for d in own.columns])
        ax.set_yticks(range(own.shape[0]), [str(b) for b in own.index])
        fig.colorbar(shown, ax=ax, label="median T2w (SD)")
        maps.append(own.reset_index().assign(model=model))
    fig.tight_layout()
    chapter.figure(fig, "fig-heat", pd.concat(maps), watermark=mark, caption="Median signal by day and density.",
                   alt="Heat maps of the median signal over day and density, brighter with more of both where the data are so.")

# %% [markdown]
# ### Three contrasts in two dimensions
#
# An embedding (UMAP {cite}`mcinnes2018`) of T2-weighted signal and T1-weighted signal before and after contrast agent, coloured by density. It is
# a picture: distances in it have no unit, and a seed decides its shape. Trustworthiness says whether neighbours in the picture
# are neighbours in the data.

# %% tags=["hide-input"]
user_contrasts = chapter.is_user_run and set(CONTRASTS) <= set(frame)
stored, shown = paths.root() / "data" / "derived" / "schroers2026", None
if user_contrasts:
    full = frame.dropna(subset=list(CONTRASTS))
    shown = full.iloc[np.sort(np.random.default_rng(seed).choice(len(full), min(len(full), 3000), replace=False))]
    places = embed_contrasts(shown[list(CONTRASTS)], seed)
elif not chapter.is_user_run:
    shown = embedding_input()
    places = embed_contrasts(shown[list(CONTRASTS)], SEED) if embed == "computed" else pd.read_csv(stored / "embedding.csv").to_numpy()
    number("embedding.same_input", int(checksum(shown) == json.loads((stored / "embedding.json").read_text())["sha256 of the contrasts"]))
if shown is None:
    chapter.say("The input has no `t1` and `t1post`: nothing is embedded.")
else:
    number("embedding.trustworthiness", float(trustworthiness(shown[list(CONTRASTS)], places, n_neighbors=15)), root=source if user_contrasts else None)
    fig, ax = plt.subplots(figsize=(5.4, 4.0))
    dots = ax.scatter(places[:, 0], places[:, 1], c=100 * shown["density"], s=5, cmap="viridis", linewidths=0)
    ax.set(xlabel="UMAP 1", ylabel="UMAP 2")
    fig.colorbar(dots, ax=ax, label="density (%)")
    chapter.figure(fig, "fig-embedding", pd.DataFrame({"first": places[:, 0], "second": places[:, 1], "density": shown["density"].to_numpy()}),
                   watermark="" if user_contrasts else "simulated", caption="Embedding of three contrasts, coloured by density; {n} voxels.",
                   alt="A cloud of {n} dots coloured by density; trustworthiness {embedding.trustworthiness:.2f}.", n=len(shown))

# %% [markdown]
# ## What would change the conclusion
#
# ### Counting voxels
#
# Simulated cohorts in which signal and density vary smoothly and have nothing to do with each other. How often does each
# analysis find a relation at the five-percent level? And the reference bin: its voxels made the scale, so their mean is zero in
# every animal by construction.

# %%
nothing = null_cohorts(cohorts, animals, seed)
number("null.voxel_rate", float((nothing["voxel_p"] < 0.05).mean()), about="ANOVA over voxels, share of cohorts below 0.05")
number("null.animal_rate", float((nothing["animal_p"] < 0.05).mean()), about="t test of the animals' slopes")
_ = number("reference.sd_ratio", float(np.sqrt((nothing["scatter_half"] ** 2).mean() / (nothing["scatter_defining"] ** 2).mean())),
           about="scatter between animals against a held-out half over scatter against the defining voxels")

# %%
costs = registration_cost(BULKY, (0.0, registration_um, 2 * registration_um), max(animals // 2, 2), scan_days[-2:], seed)
_ = number("registration.ratio", float(costs["ratio"].iloc[1]), about="correlation with density, of that without registration error")

# %% tags=["hide-input"]
chapter.table(costs, "tab-registration", "Correlation of simulated density and signal within data sets, and the slope within animals, over the registration error.",
              formats={"error_um": ".1f", "r": ".3f", "ratio": ".3f", "slope": ".2f"})

# %% tags=["hide-input"]
chapter.say("Without any relation, ANOVA over voxels finds one in {null.voxel_rate:.0%} of {n} cohorts, the test over animals in {null.animal_rate:.0%}. Against a half of the "
            "reference voxels that had no part in the scale, dense bins scatter {reference.sd_ratio:.2f} times as much between animals: the defining bin hides "
            "its own uncertainty. A registration error of {um:.1f} µm leaves {registration.ratio:.2f} of the correlation with this smooth density; the factor for "
            "contrasts over three voxels is {scale.attenuation:.2f}, for the finest {scale.retained:.2f}.", n=cohorts, um=registration_um)

# %% [markdown]
# ## Files of a run with volumes
#
# A run with MRI and microscopy leaves the density on the MRI grid, the normalised signal, the transform and the table of voxels.
# Tables of several animals, put under each other, are the input of the analysis over animals.

# %% tags=["hide-input"]
if built:
    chapter.write("voxels.csv", lambda p: built.frame.to_csv(p, index=False, float_format="%.6g", lineterminator="\n"), "table of voxels, of kind `voxels`")

# %% tags=["hide-input"]
if built:
    chapter.write("density.nii.gz", lambda p: write_volume(p, built.density.astype(np.float32), built.grid), "density on the MRI grid; not a number outside the microscopy")

# %% tags=["hide-input"]
if built:
    chapter.write("signal.nii.gz", lambda p: write_volume(p, built.signals["t2w"].astype(np.float32), built.grid), "signal in SDs of normal-appearing tissue")

# %% tags=["hide-input"]
if built:
    chapter.write("transform.tfm" if isinstance(built.registration.transform, LinearTransform) else "transform.nii.gz", lambda p: write_transform(p, built.registration.transform, built.grid),
                  "transform from MRI to microscopy, as ITK and 3D Slicer read it")

# %% tags=["hide-input"]
if built and built.registration.landmarks:
    number("registration.landmarks", built.registration.landmarks, root=made)
    number("registration.leave_one_out", error.rmse_um if error else float("nan"), "um", root=made)
    chapter.say("Registered with {registration.landmarks} landmarks ({kind}); leave-one-out error {registration.leave_one_out:.1f} µm. That is what the matching scale above uses.", kind=kind)

# %% [markdown] tags=["paper"]
# ### Figures with the printed counts
#
# Fig 2C with the printed numbers of voxels per bin.

# %% tags=["paper", "hide-input"]
printed = [int(chapter.printed(f"fig2c-n-{k}").value) for k in range(5)]
drawn = with_bins(draw_vessel_voxels(printed, VESSEL_BINS, seed), "vessel")
fig, ax = plt.subplots(figsize=(6.0, 3.4))
boxes = draw_boxes(ax, drawn, colour=RED)
ax.set(xlabel="vessel volume per voxel (%)", ylabel=SIGNAL)
chapter.figure(fig, "fig-vessels", boxes, watermark="illustration", caption="Invented signal over vessel fraction with the printed counts.",
               alt="Five boxes with {n} voxels in all.", n=sum(printed))

# %% [markdown] tags=["paper"]
# ## Does it agree?

# %% tags=["paper"]
chapter.agreement()

# %% tags=["paper", "hide-input"]
stated = yaml.safe_load((paths.root() / "data" / "predictions" / "schroers2026-02.yaml").read_text(encoding="utf-8"))["predictions"]
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
# The forward model has no diffusion around vessels, no oedema and no window artefact; its slopes are assumptions made visible.
# The mask decides which voxels are normal, and is drawn on the same microscopy that gives the density. Registration itself is
# the subject of `01_registration_error`, growth of `03_growth`. Code: `compendium.microscopy`, `compendium.maps.voxel_table`,
# `compendium.cohorts.schroers_voxels`; tests beside them in `tests/unit`.

# %%
chapter.save()
