# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   compendium:
#     methods:
#       estimand: "factor by which a correlation between two images is lowered because they do not average the same tissue"
#       unit: "a block of tissue; nothing is estimated from subjects"
#       analysis: "closed forms for stationary contrasts with Gaussian autocorrelation: displaced blocks, a section in a slice, a part of a whole; a simulated field beside them; leave-one-out errors of a user's landmarks and correlation lengths of a user's volume"
#       missing: "landmarks without a partner are left out; voxels that are not finite do not count"
#       reporting: "no reporting guideline applies"
#     inputs:
#       fixed_landmarks: {kind: landmarks, required: false}
#       moving_landmarks: {kind: landmarks, required: false}
#       volume: {kind: volume, required: false}
# ---

# %% [markdown]
# # At which scale may two registered images be compared?
#
# ## The question
#
# Two images of the same tissue, one coarse, one fine, are laid on each other and compared block by block. How large should a block be?
# As large as the coarser voxel, or as large as the error of the registration? And when one measurement is a thin section or a small
# biopsy and the other a thick slice or a whole tumour, how far can the two agree at all, even if both are perfect?

# %% tags=["parameters"]
seed: int = 1  # seed of the simulated field
error_um: float = 71.6  # root mean square error of your registration, all axes together (µm); landmarks that are handed in replace it
disagreement: bool = False  # whether that number is the distance between two raters: then it is divided by the root of two
voxel_x_um: float = 100.0  # voxel of the coarser image (µm)
voxel_y_um: float = 100.0  # the same along y
voxel_z_um: float = 100.0  # the same along z; a volume that is handed in replaces all three
correlation_um: float = 100.0  # correlation length of the contrast (µm); a volume that is handed in replaces it
keep: float = 0.9  # share of a correlation that should be left
part_um: float = 1000.0  # diameter of a biopsy (µm)
part_length_um: float = 15000.0  # its length (µm)
whole_um: float = 30000.0  # diameter of the tumour that it is to represent (µm)
between: float = 0.5  # share of the variance that lies between tumours
channel: int = 0  # channel of the volume, from 0
fixed_landmarks: str = ""  # landmarks in the coarser image (input)
moving_landmarks: str = ""  # the same structures in the finer one (input)
volume: str = ""  # the coarser image: gives voxel and correlation length (input)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from scipy.optimize import brentq

from compendium.io.landmarks import read_landmark_pairs
from compendium.io.volumes import count_channels, read_volume
from compendium.registration import matching_scale
from compendium.registration.matching import retained_fraction
from compendium.registration.screening import compare_transforms
from compendium.registration.support import displaced_blocks, part_of_whole, smoothness
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, GREEN, GREY, INK, PURPLE, RED

chapter = open_chapter("bischof2024/01_matching_scale",
                       inputs={"fixed_landmarks": fixed_landmarks, "moving_landmarks": moving_landmarks, "volume": volume})
if bool(fixed_landmarks) != bool(moving_landmarks):
    raise ValueError("Landmarks come in pairs: fixed_landmarks and moving_landmarks must both be given. Given one of them.")
if not 0 < keep < 1 or min(error_um, correlation_um) < 0 or not 0 <= between <= 1:
    raise ValueError(f"keep lies between 0 and 1, between in 0 to 1, error_um and correlation_um are 0 or more. Given {keep:g}, {between:g}, {error_um:g}, {correlation_um:g}.")
LENGTHS = (0.0, 50.0, 100.0, 300.0)
SHADES = (INK, PURPLE, BLUE, GREEN)


def number(name, function, *sources, unit="1", about="", **constants):
    """Record a number; without a source it follows from the parameters alone."""
    roots = sources or (chapter.illustration(f"parameters of {name}", 0.0),)
    return chapter.derive(name, function if sources else lambda _: function(), *roots, unit=unit, about=about, probe=False, precision="iterative", **constants)


# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Bischof and colleagues {cite}`bischof2024` write a perspective and measure nothing; the one number that they print in passing, more than 190 facilities,
# is context. On matching they state two rules (section on data analysis): the optimal scale is set by the resolution of the coarser modality, while in practice the size
# of matched regions "should be determined by the estimated registration error". That error, they say, can be estimated globally or locally, from fiducials.
#
# ## What can be tested
#
# A rule without a number cannot agree or disagree with one. What can be computed is what each rule costs. The chapter does so for the two studies of
# this book that match microscopy to MRI, with their printed sizes: evidence `internal` where only those enter. None of it is scored.

# %% [markdown]
# ## The idea
#
# Let a contrast vary over a length $\ell$, with autocorrelation $\exp(-h^2/2\ell^2)$, and let a block with edge $L$ be displaced by a normal error with standard deviation
# $\sigma$ along each axis. With $s^2=\ell^2+\sigma^2$ the correlation between the means of the right and of the displaced block is, along each axis,
#
# $$ a=\frac{\ell}{s}\,\frac{G(s)}{G(\ell)},\qquad G(s)=\int_{-L}^{L}\Bigl(1-\frac{|h|}{L}\Bigr)e^{-h^2/2s^2}\,\mathrm dh, $$
#
# and the product over the axes is the factor by which any correlation with the other image is lowered. For $\ell\to 0$ it is the share of points that stay in their block.
# A line of simulated tissue shows that the formula says what a displacement does.

# %%
rng = np.random.default_rng(seed)
rows = []
for length in (0.0, 20.0, 60.0):
    line = rng.normal(size=400_000)
    line = gaussian_filter(line, length / np.sqrt(2), mode="wrap") if length else line
    total = np.concatenate([[0], np.cumsum(np.tile(line, 2))])
    for edge in (25, 50, 100, 200):
        start = np.arange(400, len(line) - 400, edge)
        moved = start + np.rint(rng.normal(0, 30, start.size)).astype(int)
        here, there = (total[k + edge] - total[k] for k in (start, moved))
        exact = matching_scale((30, 0, 0), (edge, 1, 1), multiples=(1,), correlation_length_um=length).attenuation[0]
        rows.append((length, edge, np.corrcoef(here, there)[0, 1], exact))
field = pd.DataFrame(rows, columns=["length_um", "edge_um", "simulated", "formula"])
largest = chapter.derive("idea.largest_difference", lambda t: float((t["simulated"] - t["formula"]).abs().max()), chapter.simulated("line", field),
                         probe=False, precision="resampled", about="simulated correlation against the closed form")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.0, 3.2))
for (length, part), colour in zip(field.groupby("length_um"), (INK, PURPLE, GREEN), strict=True):
    ax.plot(part["edge_um"], part["formula"], "-", color=colour, label=f"ℓ = {length:g} µm" if length else "finer than the block")
    ax.plot(part["edge_um"], part["simulated"], "o", color=colour, mfc="none")
ax.set(xlabel="edge of the block (µm)", ylabel="correlation of means", ylim=(0, 1.02), xscale="log")
ax.set_xticks([25, 50, 100, 200], ["25", "50", "100", "200"])
ax.minorticks_off()
ax.legend(fontsize=9)
chapter.figure(fig, "fig-idea", field, watermark="simulated", caption="Blocks of a simulated line, displaced along it by an error of fixed size: correlation of their means (circles) and closed form (lines).",
               alt="Three rising lines with circles on them; the largest distance between circle and line is {idea.largest_difference:.3f}.")

# %% [markdown]
# ## The analysis
#
# ### Your error, your voxels
#
# Error, voxel and correlation length are parameters. Landmarks of both images, handed in, give the error by leaving each out (the transform with the smallest such error is taken, and
# the clicks are part of it); a volume gives its voxels and the correlation length of its own contrast, with noise left out.

# %% tags=["hide-input"]
voxel, axes_error, length, source, basis = np.array([voxel_x_um, voxel_y_um, voxel_z_um]), np.full(3, error_um / np.sqrt(3)), np.full(3, correlation_um), (), "as given"
if fixed_landmarks:
    source = (chapter.input("fixed_landmarks"), chapter.input("moving_landmarks"))
    names, fixed, moving = read_landmark_pairs(*(s.value for s in source))
    made = compare_transforms(fixed, moving)[0].dropna(subset=["left_out"])
    if made.empty:
        raise ValueError(f"Landmarks must allow a transform and leaving one out. Given {len(fixed)} pairs.")
    best = made.loc[made["left_out"].idxmin()]
    axes_error, basis = best[["left_out_x", "left_out_y", "left_out_z"]].to_numpy(float), f"{best['mode']} transform of {len(fixed)} landmarks"
if disagreement:
    axes_error = axes_error / np.sqrt(2)
if volume:
    path = chapter.input("volume")
    image = read_volume(path.value, channel=channel if count_channels(path.value) > 1 else None)
    voxel, found = np.array(image.grid.spacing_um), np.array(smoothness(image.array, image.grid.spacing_um))
    known = np.isfinite(found)
    length = np.where(known, found, np.nanmean(found) if known.any() else correlation_um)
    source = (*source, path)
for axis, v, e, c in zip("xyz", voxel, axes_error, length, strict=True):
    number(f"yours.voxel.{axis}", lambda *_, v=v: float(v), *source, unit="um")
    number(f"yours.error.{axis}", lambda *_, e=e: float(e), *source, unit="um")
    number(f"yours.length.{axis}", lambda *_, c=c: float(c), *source, unit="um")
number("yours.rmse", lambda *_: float(np.sqrt(np.sum(axes_error**2))), *source, unit="um", about="root mean square error, all axes")
chapter.say("Error along x, y and z: {yours.error.x:.1f}, {yours.error.y:.1f} and {yours.error.z:.1f} µm ({basis}); voxel {yours.voxel.x:g} × {yours.voxel.y:g} × {yours.voxel.z:g} µm; "
            "correlation length {yours.length.x:.0f}, {yours.length.y:.0f} and {yours.length.z:.0f} µm.", basis=basis)


# %%
def attenuation(box, lengths):
    """Factor on a correlation of means over a box; the worst case for lengths of 0."""
    if not np.any(lengths):
        return float(retained_fraction(axes_error, [box])[0])
    return float(np.prod([displaced_blocks([b, 0, 0], [b, 0, 0], max(c, 1e-6), error_um=[e, 0, 0]).attenuation
                          for b, c, e in zip(box, lengths, axes_error, strict=True)]))


def smallest_multiple(lengths):
    """Edge in voxels from which blocks keep the wanted share; NaN beyond a thousand."""
    lack = lambda m: attenuation(m * voxel, lengths) - keep  # noqa: E731
    if lack(0.01) >= 0:
        return 0.0
    return float(brentq(lack, 0.01, 1000)) if lack(1000) > 0 else float("nan")


multiples = np.geomspace(0.25, 16, 40)
lines = {f"ℓ = {c:g} µm" if c else "finer than the block": [attenuation(m * voxel, np.full(3, c)) for m in multiples] for c in LENGTHS}
lines["yours"] = [attenuation(m * voxel, length) for m in multiples]
number("yours.voxel.retained", lambda *_: attenuation(voxel, np.zeros(3)), *source, about="share of the points that stay in a voxel")
number("yours.voxel.attenuation", lambda *_: attenuation(voxel, length), *source, about="factor on a correlation in single voxels")
number("yours.error_block.retained", lambda *_: attenuation(np.full(3, max(chapter["yours.rmse"].value, 1e-6)), np.zeros(3)), *source, about="in a cube as large as the error")
number("yours.error_block.attenuation", lambda *_: attenuation(np.full(3, max(chapter["yours.rmse"].value, 1e-6)), length), *source)
number("yours.multiple.worst", lambda *_: smallest_multiple(np.zeros(3)), *source, about="edge in voxels that keeps the wanted share, worst case")
_ = number("yours.multiple", lambda *_: smallest_multiple(length), *source, about="edge in voxels that keeps the wanted share; 0: any block does")

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.6, 3.6))
for (name, values), colour in zip(lines.items(), (*SHADES, RED), strict=True):
    ax.plot(multiples, values, color=colour, label=name, lw=4 if name == "yours" else 1.5, alpha=0.5 if name == "yours" else 1, zorder=1 if name == "yours" else 2)
ax.axhline(keep, color=GREY, lw=1, ls=(0, (4, 3)))
ax.axvline(1, color=GREY, lw=1)
ax.set(xscale="log", xlabel="edge of the block (voxels)", ylabel="factor on a correlation", ylim=(0, 1.02))
ax.set_xticks([0.25, 0.5, 1, 2, 4, 8, 16], ["¼", "½", "1", "2", "4", "8", "16"])
ax.minorticks_off()
ax.legend(fontsize=9, loc="lower right")
chapter.figure(fig, "fig-yours", pd.DataFrame({"voxels": multiples, **lines}), caption="What the stated error leaves of a correlation, over the size of the block and for contrasts of several smoothnesses. Dashed: the share that should be left.",
               alt="Rising curves; in single voxels {yours.voxel.attenuation:.2f} for the stated correlation length and {yours.voxel.retained:.2f} for the finest contrasts.")

# %% tags=["hide-input"]
multiple = chapter["yours.multiple"].value
need = ("any block keeps it" if multiple == 0 else "no block up to a thousand voxels keeps it" if np.isnan(multiple) else chapter.text("blocks of {yours.multiple:.2f} voxels keep it"))
worst = chapter["yours.multiple.worst"].value
chapter.say("In single voxels {yours.voxel.retained:.0%} of the points stay, and a correlation keeps {yours.voxel.attenuation:.0%} at the stated correlation length. A cube as large as the error ({yours.rmse:.0f} µm) keeps "
            "{yours.error_block.retained:.0%} of its points and {yours.error_block.attenuation:.0%} of a correlation. To keep {keep:.0%}: {need}; for contrasts finer than the block {worst}.", keep=keep, need=need,
            worst="none does" if np.isnan(worst) else f"blocks of {worst:.1f} voxels")

# %% [markdown] tags=["paper"]
# So neither rule is enough by itself. A block as large as the error keeps 17 % of its points whatever the error is (equal along the axes); a voxel larger than the error may lose most of a fine
# contrast, and one far smaller than the error loses nothing of a smooth one. The error, the block *and* the smoothness of the contrast belong on the same line.
#
# ### schroers2026: 71.6 µm and voxels of 100 µm
#
# Two raters differ by 71.6 µm on average {cite}`schroers2026`; whether that is closer to the error of one, to √2 times it, or misses what both share, the number does not tell. Both readings are shown.

# %% tags=["paper", "hide-input"]
rmse, mri = chapter.printed("schroers2026/interrater-rmse"), chapter.printed("schroers2026/t2w-voxel")


def matched(r, v, multiple, scale, length):
    """Factor on a correlation for an even error and cubic blocks."""
    return matching_scale(scale * r, (v, v, v), multiples=(multiple,), correlation_length_um=length).attenuation[0]


rows = []
for reading, scale in (("error", 1.0), ("disagreement", 0.5**0.5)):
    for m in (1, 2, 4):
        for c in LENGTHS:
            chapter.derive(f"schroers.{reading}.b{m}.l{c:g}", matched, rmse, mri, multiple=m, scale=scale, length=c, about=f"blocks of {m} voxels, correlation length {c:g} µm")
        rows.append({"71.6 µm is": "the error of one" if reading == "error" else "disagreement, nothing shared", "block (µm)": 100 * m}
                    | {f"ℓ = {c:g} µm" if c else "finest": chapter[f"schroers.{reading}.b{m}.l{c:g}"].value for c in LENGTHS})
chapter.table(pd.DataFrame(rows), "tab-schroers", "Factor on a correlation between microscopy and MRI in blocks of 100, 200 and 400 µm, by the smoothness of the contrast (finest: the share of points that stay).",
              formats={"block (µm)": ".0f"} | {f"ℓ = {c:g} µm" if c else "finest": ".2f" for c in LENGTHS})

# %% tags=["paper", "hide-input"]
chapter.say("In single voxels 71.6 µm as an error leave {schroers.error.b1.l0:.1%} of the points, in blocks of 200 µm {schroers.error.b2.l0:.1%}, in blocks of 400 µm {schroers.error.b4.l0:.1%}. Vessels vary over tens of µm, and a correlation with "
            "the vessel fraction of a voxel keeps {schroers.error.b1.l50:.0%} if they vary over 50 µm. Tumour density that varies over 300 µm keeps {schroers.error.b1.l300:.0%}: "
            "the same registration is poor for one question and good for the other.")

# %% [markdown] tags=["paper"]
# ### grussu2025: patches of 386 µm, thin sections, whole tumours
#
# In mouse livers histology is averaged in patches of 386 µm, as wide as the MRI voxel, and co-registered {cite}`grussu2025`. No registration error is printed, so it stays a variable. Something else is fixed: a section of 4 µm lies somewhere in an
# MRI slice of 2.216 mm. With perfect registration in the plane, patch and voxel still average unlike tissue, by the factor of a part in a whole. What the paper correlates are not patches but
# means over a whole liver section or tumour, one per case (N = 25): there the section and the biopsy stand for a whole.

# %% tags=["paper", "hide-input"]
patch, slab = chapter.printed("grussu2025/patch-size"), chapter.printed("grussu2025/mouse-dmri-thickness")


def section_in_slice(p, s, length):
    """A patch of a thin section against the voxel of the slice that it was cut from."""
    return part_of_whole([p, p, 0.0], [p, p, 1000 * s], length).attenuation


def tolerated(p, s, length, share):
    """Error along each axis of the plane at which displaced patches keep a share of their correlation."""
    lack = lambda e: displaced_blocks([p, p, 0], [p, p, 0], length, error_um=[e, e, 0]).attenuation - share  # noqa: E731
    return float(brentq(lack, 0, 20 * (p + length)))


rows = []
for c in (100.0, 300.0, 1000.0, 3000.0):
    chapter.derive(f"grussu.section.l{c:g}", section_in_slice, patch, slab, length=c, about=f"patch of a section against its voxel, correlation length {c:g} µm")
    chapter.derive(f"grussu.tolerated.l{c:g}", tolerated, patch, slab, length=c, share=keep, unit="um", probe=False, precision="iterative", about="error along each axis of the plane that keeps the wanted share")
    rows.append({"ℓ (µm)": c, "section in its slice": chapter[f"grussu.section.l{c:g}"].value, "error that costs a tenth (µm)": chapter[f"grussu.tolerated.l{c:g}"].value})
chapter.table(pd.DataFrame(rows).rename(columns={"error that costs a tenth (µm)": f"error that leaves {keep:.0%} (µm)"}), "tab-grussu",
              "Patches of 386 µm: factor on a correlation because the section is thin and the slice is 2.216 mm thick, and, apart from that, the error along each axis of the plane that leaves the stated share; by correlation length of the tissue.",
              formats={"ℓ (µm)": ".0f", "section in its slice": ".2f", f"error that leaves {keep:.0%} (µm)": ".0f"})

# %% tags=["paper", "hide-input"]
chapter.say("Tissue that varies over 100 µm leaves {grussu.section.l100:.0%} of a correlation between patch and voxel, tissue that varies over 1 mm {grussu.section.l1000:.0%}, with perfect registration: the thickness of the slice costs more than an error in the plane of "
            "{grussu.tolerated.l100:.0f} µm would. It is a reason to correlate means over whole sections, as the paper does.")

# %% [markdown]
# ### A biopsy for a tumour
#
# The mean of a part that lies anywhere in a whole correlates with the mean of the whole by the root of the ratio of their variances. Variance between tumours is shared by both; variance within them is averaged away in the whole and less so in a thin core.

# %% tags=["hide-input"]
core, ball = [part_um, part_um, min(part_length_um, whole_um)], [whole_um * (np.pi / 6) ** (1 / 3)] * 3  # a cube of the tumour's volume
core = np.minimum(core, ball)
shares, lengths = (0.1, 0.3, 0.5, 0.7, 0.9), np.geomspace(100, 30000, 40)
curves = {s: [part_of_whole(core, ball, c, between=s).attenuation for c in lengths] for s in sorted({*shares, between})}
for label, c in (("fine", 300.0), ("medium", 3000.0), ("coarse", 30000.0)):
    number(f"biopsy.{label}", lambda c=c: part_of_whole(core, ball, c, between=between).attenuation, about=f"factor on a correlation, contrast within tumours over {c:g} µm")
number("biopsy.lowest", lambda: float(min(curves[between])), about="over all correlation lengths")
fig, ax = plt.subplots(figsize=(6.4, 3.5))
for (s, values), colour in zip(curves.items(), plt.get_cmap("viridis")(np.linspace(0, 0.9, len(curves))), strict=True):
    ax.plot(lengths / 1000, values, color=colour, lw=3 if s == between else 1.4, label=f"{s:.0%} between tumours")
ax.set(xscale="log", xlabel="correlation length within a tumour (mm)", ylabel="factor on a correlation", ylim=(0, 1.02))
ax.legend(fontsize=8, loc="lower right")
chapter.figure(fig, "fig-biopsy", pd.DataFrame({"length_um": lengths, **{f"between_{s:g}": v for s, v in curves.items()}}),
               caption="How far a core anywhere in a tumour can correlate with the whole, over the scale on which the tumour varies and by the share of variance between tumours. Thick: the stated share.",
               alt="Curves that dip where tumours vary over about the size of the core to the size of the tumour; the stated share falls to {biopsy.lowest:.2f} at the lowest.")

# %% tags=["hide-input"]
chapter.say("With {between:.0%} of the variance between tumours, a core of {part:g} µm by {long:g} mm in a tumour of {whole:g} mm keeps {biopsy.fine:.0%} of a correlation if tumours vary over {a:g} mm, {biopsy.medium:.0%} at {b:g} mm and {biopsy.coarse:.0%} at {c:g} mm.",
            between=between, part=part_um, long=part_length_um / 1000, whole=whole_um / 1000, a=0.3, b=3.0, c=30.0)

# %% [markdown] tags=["paper"]
# Printed correlations with biopsies stand beside this ceiling, and no correction is made: dividing a correlation by a factor that rests on an assumed smoothness would give any number that one likes. Read the other way round it is
# safe: a printed correlation $r$ says that the factor is at least $r$, if the cases differ by nothing but what is measured.

# %% tags=["paper", "hide-input"]
def least_between(r, length, part, whole):
    """Share of variance between tumours at which the factor reaches r; 0 if it does without any."""
    lack = lambda s: part_of_whole(part, whole, length, between=s).attenuation - r  # noqa: E731
    return 0.0 if lack(0.0) >= 0 else float(brentq(lack, 0, 1))


rows = []
for key, words in (("cd", "cell density"), ("vcs", "cell size"), ("f", "intra-cellular fraction")):
    printed = chapter.printed(f"grussu2025/t1-{key}-r")
    for c in (300.0, 3000.0):
        chapter.derive(f"grussu.between.{key}.l{c:g}", least_between, printed, length=c, part=core, whole=ball, probe=False, precision="iterative", about=f"least share of variance between tumours for the printed correlation of {words}")
    rows.append({"measure": words, "printed r": printed.value} | {f"least share between, ℓ = {c / 1000:g} mm": chapter[f"grussu.between.{key}.l{c:g}"].value for c in (300.0, 3000.0)})
chapter.table(pd.DataFrame(rows), "tab-ceiling", "Least share of the variance that must lie between cases for a core to reach the printed correlation with the whole, if MRI and histology measured the same thing without error.",
              formats={k: ".2f" for k in rows[0] if k != "measure"})

# %% [markdown] tags=["paper"]
# ## Does it agree?
#
# Nothing is scored: the perspective prints rules, not results, and the numbers of the two studies enter as sources.

# %% [markdown]
# ## What would change the conclusion
#
# Errors that are not normal, or that differ from place to place (they do: see the map of `schroers2026/01_registration_error`), contrasts with edges instead of smooth variation, and noise. Noise that a larger block averages away is not in
# these factors; it favours larger blocks still. Set `error_um`, the voxel and `correlation_um`, or hand in landmarks and a volume.

# %% [markdown]
# ## Not shown
#
# Folds, tears and shrinkage of sections change sizes as well as places. A contrast that is shared only in part by the two images lowers a correlation before any of this. The functions are `compendium.registration.matching` and
# `compendium.registration.support`; their tests compare them with thrown points and simulated fields (`tests/unit/registration`).

# %%
chapter.save()
