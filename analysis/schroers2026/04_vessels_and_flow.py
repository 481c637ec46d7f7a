# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   compendium:
#     methods:
#       estimand: "the velocity of blood along a scanned line and whether it stands; the diameter of each vessel of a mask; how visibility goes with diameter and velocity within animals; shifts of shares between sessions"
#       unit: "the line scan; the vessel within the animal"
#       analysis: "shear of the kymograph with the highest share of variance between columns, standing blood tested first, median over windows; diameters from two exact distance transforms; ranks shuffled within animals, beside Kruskal–Wallis and Dunn–Bonferroni over all vessels; largest shift against the margin, beside two one-sided tests over animals"
#       missing: "scans without a clear slope are reported as unclear and left out of medians; standing blood counts as zero, and medians without it stand beside"
#       reporting: "ARRIVE 2.0, items 1b, 7 and 10"
#     inputs:
#       kymographs: {kind: kymographs, required: false}
#       drawn_lines: {kind: table, schema: drawn_lines, required: false}
#       vessels: {kind: table, schema: vessels, required: false}
#       vessel_mask: {kind: volume, required: false}
#       mri: {kind: volume, required: false}
#       enhancement: {kind: table, schema: enhancement, required: false}
# ---

# %% [markdown]
# # Which vessels does MRI see, and how fast does blood flow in them?
#
# ## The question
#
# A vessel darkens an MR image because it is wide, or because blood moves in it, or because blood stands still. To tell these
# apart, each vessel needs two numbers from the microscope: how wide it is, and how fast its blood flows. How well can both
# be measured without drawing by hand, and which assumptions decide the result?

# %% tags=["parameters"]
seed: int = 1  # seed of every simulation
scan_pixel_um: float = 0.1657  # pixel of the simulated line scans, µm (your own scans bring theirs)
scan_line_ms: float = 0.15  # time from line to line of the simulated scans, ms
scan_s: float = 1.0  # duration of a simulated scan, s
snr: float = 5.0  # SD of the streaks over SD of the noise
repeats: int = 1  # simulated scans per velocity
click_px: float = 2.0  # SD of a click when lines are drawn by hand, pixels
slowest_um_s: float = 100.0  # slowest speed that is searched in your scans
fastest_um_s: float = 20_000.0  # fastest speed
filter_um: float = 30.0  # vessels narrower than this are removed from a mask
least_length_um: float = 50.0  # shorter pieces of a mask are no vessels
barely: float = 2.0  # contrast-to-noise from which a vessel counts as barely visible
strongly: float = 4.0  # and as strongly visible
diameter_edges: str = "0, 15, 30, 60, 1000"  # categories of diameter, µm
margin: float = 5.0  # equivalence margin, percentage points
resamples: int = 999  # permutations within animals
kymographs: str = ""  # folder of line scans with a CSV of their scales (input)
drawn_lines: str = ""  # path of a table of lines drawn by hand (input)
vessels: str = ""  # path of a table of vessels (input)
vessel_mask: str = ""  # path of a mask of vessels with its voxel size (input)
mri: str = ""  # path of an MR image on the grid of the mask (input)
enhancement: str = ""  # path of a table of signals before and after contrast agent (input)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from compendium import paths
from compendium.cohorts.line_scans import draw_kymograph, draw_lines, measure_by_hand, measure_planted
from compendium.cohorts.schroers_flow import (
    CLASSES, illustrate_capillaries, illustrate_enhancement, illustrate_sessions, illustrate_vessels, rule_characteristics,
)
from compendium.cohorts.vessels import grow_vessels, paint_vessels
from compendium.io.kymographs import read_kymographs
from compendium.io.volumes import read_volume
from compendium.io.yaml_lines import load_yaml
from compendium.microscopy.diameters import keep_wide_vessels
from compendium.microscopy.lesions import percent_signal_enhancement, proportions_stable
from compendium.microscopy.scan_table import measure_scans
from compendium.microscopy.segments import contrast_by_vessel, split_vessels
from compendium.microscopy.vessel_tables import (
    as_binary, block_means, compare_groups, coarse_mask, kept_by_diameter, shares_by_session, tost_by_animal, visibility_tests,
)
from compendium.microscopy.visibility import classify_visibility
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, COLOURS, GREY, INK, ORANGE

if min(repeats, resamples) < 1 or min(scan_pixel_um, scan_line_ms, scan_s, snr, filter_um, click_px) <= 0:
    raise ValueError("repeats and resamples: 1 or more; scales, scan_s, snr, filter_um and click_px: above 0.")
chapter = open_chapter("schroers2026/04_vessels_and_flow", inputs={
    "kymographs": kymographs, "drawn_lines": drawn_lines, "vessels": vessels, "vessel_mask": vessel_mask, "mri": mri,
    "enhancement": enhancement})
derive, given = chapter.derive, chapter.inputs
scan = {"pixel_um": scan_pixel_um, "line_ms": scan_line_ms, "lines": round(1000 * scan_s / scan_line_ms)}


def choose(name, published, schema, invent):
    """What was handed in, else the authors' table, else an illustration; None in a named run without it."""
    if name in given:
        return chapter.input(name), ""
    if chapter.is_user_run:
        return None, ""
    found = chapter.author_table(published, schema=schema)
    return (chapter.illustration(published, invent()), "illustration") if found is None else (found, "")


def printed(*names):
    """Printed counts."""
    return [int(chapter.printed(n).value) for n in names]


def dots(ax, groups, values, order, colour=BLUE):
    """Values by group as points, with median and quartiles, as the paper draws them."""
    for i, name in enumerate(order):
        v = values[groups == name].dropna().to_numpy()
        ax.plot(i + np.linspace(-0.2, 0.2, len(v)) if len(v) > 1 else [i] * len(v), np.sort(v), "o", ms=3.5, color=colour, alpha=0.6)
        if len(v):
            low, middle, high = np.percentile(v, [25, 50, 75])
            ax.errorbar(i, middle, [[middle - low], [high - middle]], fmt="_", ms=22, color=INK, capsize=5, lw=1.4)
    ax.set_xticks(range(len(order)), [f"{n}\nn = {int((groups == n).sum())}" for n in order], fontsize=8)


# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Schroers and colleagues {cite}`schroers2026` scanned a line of 128 pixels along a vessel, again and again for one second, every
# 0.15 ms. In the image that results, time down and distance across, passing cells leave streaks; ten lines were drawn along
# them by hand and gave a mean velocity (Methods). In 25 vessels of two mice, T2*-weighted visibility went with diameter and
# time-of-flight (TOF) visibility with velocity (Fig 2F–G). In capillaries under 12 µm around metastases, blood was slower by trend where
# the T2* map was dark (Fig 3C; 22, 36 and 8 capillaries). Vessels kept their visibility and their diameters over weeks, within ±5
# percentage points (Figures S2 and S3), and contrast agent raised the signal by 244.7 ± 44.9 %, a coefficient of variation of 18.3 %.
#
# ## What can be tested
#
# Three things follow from print: the length of the scanned line, a count, and a coefficient of variation (*internal* evidence). The
# method is tried on scans and vessels made by computer, where the truth is known (*simulated*; expectations were written
# down before, in `data/predictions/schroers2026-04.yaml`). The values behind the figures are in Table S8, which was not obtained: the figures
# are drawn from illustrations with the printed counts, and nothing is scored by those. The supplement was not read.

# %% [markdown]
# ## The idea
#
# A line scan repeats one line: rows of the image are time, columns are distance. A cell that moves at velocity $v$ leaves a streak
# of slope
#
# $$\frac{\Delta x\,[\text{pixels}]}{\Delta t\,[\text{lines}]} = v\cdot\frac{\text{line period}}{\text{pixel size}} .$$
#
# Shear the image by the right velocity and every column becomes constant {cite}`drew2010`; the score of a shear is the share of the variance that then
# lies between columns, beyond what noise gives. Blood that stands leaves columns without any shear, so that is tested first.

# %% tags=["hide-input"]
planted = (1000.0, -3000.0, 0.0)
fig, axes = plt.subplots(1, 3, figsize=(8.2, 3.3), layout="constrained", sharey=True)
shown = min(scan["lines"], 600)
for ax, v, text in zip(axes, planted, ("forwards", "backwards, faster", "standing"), strict=True):
    image = draw_kymograph(v, snr=snr, seed=seed, **scan | {"lines": shown})
    ax.imshow(image, aspect="auto", cmap="gray", extent=(0, 128 * scan_pixel_um, shown * scan_line_ms, 0), interpolation="nearest")
    ax.set(title=f"{text}: {abs(v):g} µm/s", xlabel="Distance (µm)")
axes[0].set_ylabel("Time (ms)")
chapter.figure(fig, "fig-idea", pd.DataFrame({"velocity_um_s": planted}), watermark="simulated",
               caption="Simulated line scans. The slope of the streaks is the velocity; standing blood leaves upright ones.",
               alt="Three grey images with time downwards: streaks that lean to the right, streaks that lean to the left and flatter, upright streaks.")

# %% [markdown]
# ## The analysis
#
# ### How exact is a line scan?
#
# Velocities of both directions are planted and measured. Beside them stand lines as a hand would draw them: along the longest piece of
# a streak that can be seen, with clicks that miss by a little.

# %% tags=["hide-input"]
SPEEDS = [300.0, 1000.0, 3000.0, 10_000.0]
trials = chapter.simulated("planted velocities", measure_planted([*SPEEDS, *(-v for v in SPEEDS)], **scan, snr=[snr], repeats=repeats, seed=seed))
still = chapter.simulated("standing blood", measure_planted([0.0], **scan, snr=[snr], repeats=max(3, repeats), seed=seed + 1))
noisy = chapter.simulated("planted velocities in noise", measure_planted([1000.0, -1000.0], **scan, snr=[0.5], repeats=repeats, seed=seed + 2))
hand = chapter.simulated("lines drawn by hand", measure_by_hand(SPEEDS, **scan, click_px=click_px, repeats=100, seed=seed))


def error(t):
    """Error of every scan in percent of the planted velocity; a scan without an answer counts as all of it."""
    return (100 * (t["measured"] / t["velocity"] - 1)).abs().where(t["state"] == "moving", 100.0)


derive("accuracy.largest_error", lambda t: float(error(t).max()), trials, unit="%", precision="resampled", about="300 to 10 000 µm/s, both directions")
derive("accuracy.scans", len, trials, unit="scans")
derive("accuracy.stalled_share", lambda t: float(((t["state"] == "stalled") & (t["measured"] == 0)).mean()), still, precision="resampled")
derive("accuracy.snr_half.error", lambda t: float(error(t).max()), noisy, unit="%", precision="resampled", about="1000 µm/s at SNR 0.5")
derive("hand.slow.error", lambda t: float(abs(t["bias"].iloc[0])), hand, unit="%", precision="resampled", about="median of the mean of ten lines, 300 µm/s")
derive("hand.fast.bias", lambda t: float(t["bias"].iloc[-1]), hand, unit="%", precision="resampled", about="the same at 10 000 µm/s")
_ = derive("hand.fast.scatter", lambda t: float(t["scatter"].iloc[-1]), hand, unit="%", precision="resampled", about="SD of single lines at 10 000 µm/s")

# %% tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.5), layout="constrained")
left.axhspan(-2, 2, color=GREY, alpha=0.15, lw=0)
for way, marker, colour in ((1, "o", BLUE), (-1, "s", ORANGE)):
    t = trials.value[(way * trials.value["velocity"] > 0) & (trials.value["state"] == "moving")]
    left.plot(t["velocity"].abs(), 100 * (t["measured"] / t["velocity"] - 1), marker, color=colour, ms=6, alpha=0.8,
              label="towards the end of the line" if way > 0 else "towards its start")
left.set(xscale="log", ylim=(-4, 4), xlabel="Planted speed (µm/s)", ylabel="Error (%)", title="Shear")
left.legend(fontsize=8, loc="upper left")
right.plot(hand.value["velocity"], hand.value["scatter"], "o-", color=ORANGE, label="SD of a single line")
right.plot(hand.value["velocity"], hand.value["bias"], "s--", color=INK, label="bias of the mean of ten")
right.set(xscale="log", xlabel="Planted speed (µm/s)", ylabel="Percent of the speed", title="Lines by hand")
right.legend(fontsize=8, loc="upper left")
chapter.figure(fig, "fig-accuracy", pd.concat([trials.value, hand.value]), watermark="simulated",
               caption="Error of the shear (band: two percent either way) and of simulated hand-drawn lines, by speed.",
               alt="Left, errors of the shear stay within {accuracy.largest_error:.1f} % at all speeds. Right, the scatter of hand-drawn lines rises to "
                   "{hand.fast.scatter:.0f} % at the highest speed.")

# %% tags=["hide-input"]
chapter.say("At a signal-to-noise ratio of {snr:g} the largest error of {accuracy.scans} scans from {low:,.0f} to {high:,.0f} µm/s, both directions, is "
            "{accuracy.largest_error:.2f} %; {accuracy.stalled_share:.0%} of the scans of standing blood are called stalled, with velocity {zero}. "
            "With twice as much noise as signal the error at {middle:,.0f} µm/s is {accuracy.snr_half.error:.1f} %. Ten lines drawn by hand are off by {hand.slow.error:.1f} % "
            "for slow blood; for fast blood, whose streaks cross the line in a few rows, single lines scatter by {hand.fast.scatter:.0f} % and "
            "their mean is off by {hand.fast.bias:+.1f} %.", snr=snr, low=SPEEDS[0], high=SPEEDS[-1], middle=SPEEDS[1], zero=0)

# %% [markdown]
# ### Line scans to velocities
#
# Every scan brings its own pixel size and line period; neither is guessed. A scan is *moving*, *stalled* or *unclear*, window by window, and
# the table gives the median of its moving windows. Lines drawn by hand can stand beside it: the published macro averages *signed*
# velocities and then drops the sign, so lines of opposite slope cancel; the mean of the sizes is given too.

# %% tags=["hide-input"]
if "kymographs" in given:
    scans, images = read_kymographs(chapter.input("kymographs").value)
    source = chapter.input("kymographs")
    for note in scans.attrs["notes"]:
        chapter.say("Reading the table of scans: {note}", note=note)
    lines = chapter.input("drawn_lines").value if "drawn_lines" in given else None
elif not chapter.is_user_run:
    truth = {"A.tif": 820.0, "B.tif": -2600.0, "C.tif": 0.0, "D.tif": 7400.0, "E.tif": -410.0}
    scans = pd.DataFrame({"file": list(truth), "pixel_um": scan_pixel_um, "line_ms": scan_line_ms, "planted_um_s": list(truth.values())})
    images = [draw_kymograph(v, snr=snr, seed=seed + k, **scan) for k, v in enumerate(truth.values(), 50)]
    lines = pd.concat([pd.DataFrame(draw_lines(v, click_px=click_px, seed=seed + k, **scan), columns=["x1_px", "t1_px", "x2_px", "t2_px"]).assign(file=f)
                       for k, (f, v) in enumerate(truth.items())])
    source = chapter.simulated("a folder of line scans", "five scans")
else:
    scans, images = None, []

# %% tags=["hide-input"]
if scans is None:
    chapter.say("No folder of line scans was handed in (`-i kymographs=FOLDER`)."
                + (" Lines drawn by hand are read with their scans, and are not used here." if drawn_lines else ""))
else:
    measured = derive("scans.table", lambda _: measure_scans(scans, images, lines, range_um_s=(slowest_um_s, fastest_um_s))[0], source, probe=False)
    for state in ("moving", "stalled", "unclear"):
        derive(f"scans.{state}", lambda t, s: int((t["state"] == s).sum()), measured, s=state, unit="scans", precision="iterative")
    derive("scans.median_speed", lambda t: float(t.loc[t["state"] == "moving", "speed_um_s"].median()), measured, unit="um/s", precision="iterative")
    derive("scans.median_with_standing", lambda t: float(t.loc[t["state"] != "unclear", "speed_um_s"].median()), measured, unit="um/s", precision="iterative")
    if "drawn_n" in measured.value:
        both = measured.value["speed_um_s"].gt(0) & measured.value["drawn_n"].gt(0)
        derive("scans.hand_over_shear", lambda t, b: float((t.loc[b, "drawn_speed_um_s"] / t.loc[b, "speed_um_s"]).median()), measured, b=both, precision="iterative")
        unknown = sorted(set(lines["file"]) - set(scans["file"]))
        if unknown:
            chapter.say("Lines are drawn on files that are not among the scans: {list}.", list=", ".join(map(str, unknown[:5])))

# %% tags=["hide-input"]
if scans is not None:
    chapter.table(measured.value, "tab-velocity", "Velocity of every scan; positive towards higher columns. The CSV holds all columns.",
                  columns=[c for c in measured.value if c in ("file", "vessel", "animal", "planted_um_s", "state", "velocity_um_s", "spread_um_s", "windows",
                                                              "drawn_speed_um_s", "drawn_sd_um_s")],
                  formats=dict.fromkeys(("planted_um_s", "velocity_um_s", "spread_um_s", "drawn_speed_um_s", "drawn_sd_um_s"), ",.0f"))

# %% tags=["hide-input"]
if scans is not None:
    chapter.say("{scans.moving} scans move, {scans.stalled} stand, {scans.unclear} are unclear. The median speed is {scans.median_speed:,.0f} µm/s where blood moves and "
                "{scans.median_with_standing:,.0f} µm/s when standing blood counts as none."
                + (" Lines drawn by hand give {scans.hand_over_shear:.2f} of the shear's speed, in the median." if "scans.hand_over_shear" in chapter else ""))

# %% [markdown]
# ### Standing blood
#
# Which speeds can be told from standing? A window carries a slope only if cells cross it, so slow creeping is reported as *unclear* and
# neither as standing nor as a number.

# %% tags=["hide-input"]
creep = [0.0, 5.0, 20.0, 100.0, 200.0]
slow = measure_planted(creep, **scan, snr=[snr], repeats=1, seed=seed + 5)
chapter.table(slow[["velocity", "state", "measured", "score"]], "tab-states", "What slow and standing blood is called in simulated scans of {s:g} s.", s=scan_s,
              formats={"velocity": "g", "measured": ".0f", "score": ".2f"})

# %% [markdown] tags=["paper"]
# ### Three scales for one line
#
# The text has 128 pixels of 1.1838 µm and a line of 10.6066 µm. The authors' public macro (`BloodFlowAnalysis.ijm` of
# `venkataramani-lab/2P-MRI-coregistration`, commit `ab875d4`) computes with 0.1657 µm per pixel and 0.146 ms per line. A velocity is
# proportional to the pixel, so the choice multiplies every one.

# %% tags=["paper", "hide-input"]
MACRO_UM, MACRO_MS = 0.1657, 0.146  # as the macro sets them
count, pixel, length, period = (chapter.printed(f"line-{k}") for k in ("pixels", "pixel", "length", "interval"))
derive("scale.length", lambda n, p: n * p, count, pixel, unit="um", about="pixels times printed pixel size")
derive("scale.macro", lambda n: n * MACRO_UM, count, unit="um", about="pixels times the macro's pixel size")
derive("scale.half_macro", lambda n: n / 2 * MACRO_UM, count, unit="um", about="half as many pixels")
derive("scale.pixel_from_length", lambda n, s: s / n, count, length, unit="um", about="pixel that gives the printed length")
derive("finding.scale", lambda a, b: a / b, chapter["scale.length"], length, unit="fold", about="printed pixels over printed length")
derive("scale.macro_over_length", lambda a, b: a / b, chapter["scale.macro"], length, unit="fold")
derive("scale.printed_over_macro", lambda a, b: a / b, chapter["scale.length"], chapter["scale.macro"], unit="fold")
derive("scale.period", lambda t: 100 * (t / MACRO_MS - 1), period, unit="%", about="printed line period over the macro's")
cell = derive("scale.erythrocyte", lambda d, k: d / k, chapter.printed("capillary-diameter"), chapter.printed("erythrocytes-per-capillary"), unit="um")
rows = []
for name, um in (("128 × 1.1838 µm", pixel.value), ("macro, 0.1657 µm", MACRO_UM), ("10.6066 µm / 128", chapter["scale.pixel_from_length"].value)):
    rows.append({"scale": name, "pixel (µm)": um, "line (µm)": count.value * um, "pixels per erythrocyte": cell.value / um,
                 "one pixel per line (µm/s)": 1000 * um / period.value, "slowest that crosses in 1 s (µm/s)": count.value * um,
                 "a streak of 1000 µm/s by the macro (µm/s)": 1000 * um / MACRO_UM * MACRO_MS / period.value})
chapter.table(pd.DataFrame(rows), "tab-scales", "What follows from each of the three scales.",
              formats={"pixel (µm)": ".4f", "line (µm)": ".2f", "pixels per erythrocyte": ".0f", "one pixel per line (µm/s)": ",.0f",
                       "slowest that crosses in 1 s (µm/s)": ".0f", "a streak of 1000 µm/s by the macro (µm/s)": ",.0f"})

# %% tags=["paper", "hide-input"]
chapter.say("The printed pixels make a line of {scale.length:.1f} µm, {finding.scale:.1f} times the printed length; the macro's make {scale.macro:.2f} µm, "
            "{scale.macro_over_length:.2f} times it. Half as many pixels of the macro's size are {scale.half_macro:.3f} µm, which is the printed length within the rounding of that pixel size, and 1.1838 µm is "
            "also the pixel of the tile scans. So the simplest reading is that velocities were computed with the macro's scale and that the sentence mixes others; "
            "then the results are consistent with one another and the printed pixel is a slip. Whether that version was used is not known. "
            "Line periods differ by {scale.period:.1f} %. Ratios between groups, and with them the tests, do not change with any of this; "
            "absolute velocities do, by up to {finding.scale:.0f}-fold, and so does the comparison with other work.")

# %% [markdown]
# ### Diameters from a mask, and the narrow vessels that a filter removes
#
# The diameter of a vessel is twice the distance from its middle to its wall. A filter that keeps vessels of a given width is an opening by
# a ball, computed exactly from two distance transforms in µm. The mask is thinned to its middle lines, these are cut where they
# branch, and each piece is a vessel.

# %% tags=["hide-input"]
if "vessel_mask" in given:
    volume = read_volume(chapter.input("vessel_mask").value)
    mask, spacing = as_binary(volume.array), tuple(float(s) for s in volume.grid.spacing_um)
    image = read_volume(chapter.input("mri").value).array if "mri" in given else None
    where = chapter.input("vessel_mask")
elif not chapter.is_user_run:
    voxel = 4.0
    tree = grow_vessels(seed + 2, (768.0, 768.0, 400.0), arteries=3, veins=4, least_radius_um=4.0)
    painted = paint_vessels(tree, (100, 192, 192), voxel)
    mask, spacing = painted.mask, (voxel,) * 3
    image = 100 - 45 * block_means(painted.fraction(), 10) + np.kron(np.random.default_rng(seed).normal(0, 4, (10, 20, 20)), np.ones((10, 10, 10)))[:, :192, :192]
    where = chapter.simulated("a tree of vessels with known radii", "phantom")
else:
    mask = None
if mask is not None:
    wide = keep_wide_vessels(mask, spacing, filter_um)
    labels, found = split_vessels(mask, spacing, least_length_um=least_length_um)
    if image is not None and len(found):
        found["contrast"] = contrast_by_vessel(image, labels, spacing, gap_um=40, width_um=100)["contrast_to_noise"].to_numpy()
        found["visibility"] = classify_visibility(found["contrast"], barely=barely, strongly=strongly)
    pieces = derive("mask.vessels.table", lambda _: found, where, probe=False)
    derive("mask.vessels", len, pieces, unit="vessels")
    derive("mask.median_diameter", lambda t: float(t["diameter_um"].median()), pieces, unit="um")
    for key in ("not", "barely", "strongly") if "visibility" in found else ():
        derive(f"mask.visible.{key}", lambda t, k: int((t["visibility"] == f"{k} visible").sum()), pieces, k=key, unit="vessels")
    derive("mask.kept", lambda _: 100 * float(wide.sum() / max(mask.sum(), 1)), where, unit="%", probe=False, about="of the voxels of the mask")

# %% tags=["hide-input"]
if mask is None:
    chapter.say("No mask of vessels was handed in (`-i vessel_mask=FILE`, and `-i mri=FILE` for visibility).")
else:
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.8), layout="constrained")
    flat = np.where(wide.any(axis=0), 2, mask.any(axis=0).astype(int))
    left.imshow(flat, cmap=plt.matplotlib.colors.ListedColormap(["white", ORANGE, BLUE]), vmin=0, vmax=2, interpolation="nearest",
                extent=(0, mask.shape[2] * spacing[0], mask.shape[1] * spacing[1], 0))
    left.set(title="Kept (blue) and removed (orange)", xlabel="x (µm)", ylabel="y (µm)")
    if "contrast" in found:
        for k, name in enumerate(found["visibility"].cat.categories):
            t = found[found["visibility"] == name]
            right.plot(t["diameter_um"], t["contrast"], "o", color=COLOURS[k], ms=5, label=name)
        right.set(ylabel="Contrast to noise", title="Visibility in MRI by diameter")
        right.legend(fontsize=8)
    else:
        right.hist(found["diameter_um"], bins=20, color=BLUE)
        right.set(ylabel="Vessels", title="Diameters")
    right.axvline(filter_um, color=GREY, lw=1, ls="--")
    right.set(xlabel="Diameter (µm)")
    chapter.figure(fig, "fig-mask", found, watermark="" if chapter.is_user_run else "simulated",
                   caption="A mask of vessels seen along z, and its vessels by diameter; dashed: the width of the filter.",
                   alt="Left, a projection of a vessel mask with narrow vessels marked as removed. Right, {mask.vessels} vessels by diameter, median {mask.median_diameter:.0f} µm.")

# %% tags=["hide-input"]
if mask is not None:
    seen = " Of them {list}." if "visibility" in found else ""
    chapter.say("The mask holds {mask.vessels} vessels with a median diameter of {mask.median_diameter:.1f} µm; the filter at {f:g} µm keeps {mask.kept:.0f} % of its voxels." + seen,
                f=filter_um, list=", ".join(f"{n} are {c}" for c, n in found["visibility"].value_counts(sort=False).items()) if "visibility" in found else "")

# %% tags=["paper", "hide-input"]
true_diameter = 2 * painted.radius_um
phantom = chapter.simulated("filter on the phantom", kept_by_diameter({
    "fine": wide, "coarse": coarse_mask(mask, 6, 25, spacing, filter_um)}, true_diameter, [8, 15, 20, 30, 40, 60, 120]))
truth_by_vessel = np.array([np.median(true_diameter[labels == k]) for k in found["vessel"]])
derive("filter.fine.precision", lambda _: float((wide & (true_diameter >= filter_um)).sum() / wide.sum()), phantom, probe=False)
derive("filter.fine.recall", lambda _: float((wide & (true_diameter >= filter_um)).sum() / (true_diameter >= filter_um).sum()), phantom, probe=False)
derive("filter.coarse.contrast", lambda t: float(np.subtract(*t.set_index("diameter")["coarse"].loc[["30–40", "20–30"]])), phantom,
       about="share kept, vessels of 30–40 µm minus vessels of 20–30 µm, pixels of 24 µm")
derive("diameter.median_error_voxels", lambda t: float(np.median(t["diameter_um"] - truth_by_vessel) / voxel), pieces, unit="voxels")
for name, v in (("t2w", "t2w-voxel"), ("t2star", "t2star-voxel")):
    derive(f"threshold.fill.{name}", lambda d, v: 100 * np.pi * d**2 / 4 / v**2, chapter.printed("vessel-filter"), chapter.printed(v), unit="%",
           about="share of a voxel that a straight vessel through its middle fills")
chapter.table(phantom.value, "tab-filter", "Share of the vessel voxels of the phantom that the filter keeps, by true diameter (µm): on voxels of 4 µm, and on "
              "projections of 100 µm with pixels of 24 µm.", formats={"fine": ".2f", "coarse": ".2f", "voxels": ",.0f"})

# %% [markdown] tags=["paper"]
# The Methods give 30 µm as the width that is about visible in T2-weighted images and point to Fig 2F, whose caption names T2*-weighted and
# TOF images only. Neither at which step nor at which pixel size the filter ran is stated.

# %% tags=["paper", "hide-input"]
chapter.say("On fine voxels the filter's precision is {filter.fine.precision:.2f} and its recall {filter.fine.recall:.2f}. On pixels near the printed 25 µm it keeps {filter.coarse.contrast:+.2f} "
            "more of vessels of 30–40 µm than of those of 20–30 µm: two such pixels are wider than the filter, and in a projection narrow vessels also hide behind wide ones. There the same words mean another filter. A vessel of 30 µm fills {threshold.fill.t2w:.0f} % of a T2-weighted "
            "voxel of 100 µm and {threshold.fill.t2star:.0f} % of a T2*-weighted one of 40 µm: what is visible in one sequence says little about the other. "
            "Table S8 may hold T2-weighted visibilities.")

# %% [markdown]
# ### Visibility, diameter and velocity
#
# Each vessel has a class of visibility in each sequence. The printed test ranks all vessels together; vessels of one animal share an examination,
# so the test here shuffles within animals, and with few animals it speaks of these animals only.

# %% tags=["hide-input"]
CLAIMED = ("not", "barely", "visible", "strongly")
table, mark = choose("vessels", "schroers2026-s8-vessels", "vessels", lambda: illustrate_vessels(
    {s: printed(*(f"fig2f-{s}-{c}" for c in CLAIMED)) for s in ("t2star", "tof")}, seed=seed))
sequences = [] if table is None else [c.removeprefix("visibility_") for c in table.value if c.startswith("visibility_")]
traits = {k: v for k, v in {"diameter_um": "Diameter (µm)", "velocity_um_s": "Blood flow velocity (µm/s)"}.items() if table is not None and k in table.value}
if sequences:
    derive("visibility.animals", lambda t: int(t["animal"].nunique()), table, unit="mice")
    for name in sequences:
        for key, c in zip(CLAIMED, CLASSES, strict=True):
            derive(f"visibility.{name}.count.{key}", lambda t, s, c: int((t[f"visibility_{s}"] == c).sum()), table, s=name, c=c, unit="vessels")
    tests = derive("visibility.tests", lambda t: visibility_tests(t, sequences, list(traits), CLASSES, resamples, seed), table, probe=False)
    for row in tests.value.itertuples():
        name = f"visibility.{row.sequence}.{row.trait.split('_')[0]}"
        derive(f"{name}.rho", lambda _, v: v, tests, v=float(row.rho), precision="resampled", about="rank correlation")
        derive(f"{name}.p", lambda _, v: v, tests, v=float(row.p_within), precision="resampled", about="shuffled within animals")
    fig, axes = plt.subplots(len(traits), len(sequences), figsize=(4.4 * len(sequences), 3.4 * len(traits)), layout="constrained", squeeze=False)
    for (k, text), line in zip(traits.items(), axes, strict=True):
        for name, ax in zip(sequences, line, strict=True):
            dots(ax, table.value[f"visibility_{name}"], table.value[k], CLASSES)
            ax.set(ylabel=text, title={"t2star": "T2*w", "t2w": "T2w", "tof": "TOF"}.get(name, name), ylim=(0, None))
    chapter.figure(fig, "fig-visibility", table.value, watermark=mark, caption="Diameter and velocity of vessels by their visibility; median and quartiles.",
                   alt="Panels of points by class of visibility, one column per sequence: {names}.", names=", ".join(sequences))
else:
    chapter.say("No table of vessels with a column `visibility_<sequence>` was handed in (`-i vessels=FILE`).")

# %% tags=["hide-input"]
if sequences:
    chapter.table(tests.value, "tab-visibility", "Visibility against diameter and velocity: rank correlation with the class, p when shuffled within animals, and the printed "
                  "test (Kruskal–Wallis over all vessels; smallest pair by Dunn–Bonferroni).", formats={"rho": "+.2f", "p_within": ".3f", "p_kruskal": ".2g", "p_dunn": ".2g"})

# %% [markdown]
# ### Velocity by group, and what standing blood does to a median
#
# Capillaries are compared by group. Where blood stands, a velocity is missing for one person and zero for another.

# %% tags=["hide-input"]
caps, mark = choose("vessels", "schroers2026-s8-capillaries", "vessels", lambda: illustrate_capillaries(
    dict(zip(("control", "T2* negative", "T2* positive"), printed("fig3c-control", "fig3c-negative", "fig3c-positive"), strict=True)), seed=seed))
if caps is not None and ({"group", "velocity_um_s"} - set(caps.value) or caps.value["group"].nunique() < 2):
    caps = None
if caps is not None:
    groups = list(dict.fromkeys(caps.value["group"].dropna()))
    compared = derive("groups.tests", lambda t: compare_groups(t, "group", "velocity_um_s", resamples, seed), caps, probe=False)
    for key in ("p_kruskal", "p_within", "p_moving"):
        derive(f"groups.{key}", lambda t, k: float(t[k].iloc[0]), compared, k=key, precision="resampled")
    for i, g in enumerate(groups, 1):
        derive(f"groups.count.{i}", lambda t, g: int((t["group"] == g).sum()), caps, g=g, unit="capillaries", about=str(g))
    derive("groups.standing", lambda t: int((t["velocity_um_s"] == 0).sum()), caps, unit="vessels")
    fig, ax = plt.subplots(figsize=(6.2, 3.8), layout="constrained")
    dots(ax, caps.value["group"], caps.value["velocity_um_s"], groups)
    ax.set(ylabel="Blood flow velocity (µm/s)", ylim=(-40, None))
    chapter.figure(fig, "fig-groups", caps.value, watermark=mark, caption="Blood flow velocity by group; median and quartiles; zero is standing blood.",
                   alt="Points by group with medians; {groups.standing} vessels stand at zero.")
else:
    chapter.say("No table of vessels with `velocity_um_s` in two groups or more (`group`) was handed in.")

# %% tags=["hide-input"]
if caps is not None:
    medians = caps.value.groupby("group", sort=False)["velocity_um_s"].median()
    moving = caps.value[caps.value["velocity_um_s"] > 0].groupby("group", sort=False)["velocity_um_s"].median()
    chapter.say("Medians are {with} µm/s with standing blood as zero, and {without} µm/s without it. The printed kind of test gives p = {groups.p_kruskal:.3p}; groups shuffled within animals, "
                "p = {groups.p_within:.3p}, and without standing blood p = {groups.p_moving:.3p}.".replace(":.3p", ":p"),
                **{"with": ", ".join(f"{v:,.0f} ({g})" for g, v in medians.items()), "without": ", ".join(f"{v:,.0f} ({g})" for g, v in moving.items()) or "none"})

# %% [markdown]
# ### Does visibility stay the same over weeks?
#
# The printed rule calls a distribution stable when no share moves by more than the margin. It has no error rate: with few vessels
# chance alone breaks it, and with few sessions a real shift may pass. Two one-sided tests over animals ask the other question, whether
# the mean shift lies inside the margin.

# %% tags=["hide-input"]
visits, mark = choose("vessels", "schroers2026-s8-sessions", "vessels", lambda: illustrate_sessions(seed=seed))
if visits is not None and ("session" not in visits.value or visits.value["session"].nunique() < 2):
    visits = None
edges = [float(v) for v in diameter_edges.split(",")]
if visits is not None:
    parts = derive("sessions.shares", lambda t: shares_by_session(t, edges, CLASSES), visits, probe=False)
    counts = {k: g.pivot(index="session", columns="category", values="n") for k, g in parts.value.groupby("what", sort=False)}
    fig, axes = plt.subplots(1, len(counts), figsize=(4.4 * len(counts), 3.6), layout="constrained", squeeze=False)
    for ax, (what, c) in zip(axes[0], counts.items(), strict=True):
        share = 100 * c.div(c.sum(axis=1), axis=0)
        for k, category in enumerate(share):
            ax.bar(share.index.astype(str), share[category], bottom=share.iloc[:, :k].sum(axis=1), color=COLOURS[k], label=category, width=0.6)
        ax.set(xlabel="Session", ylabel="Share of vessels (%)", title=what, ylim=(0, 100))
        ax.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    chapter.figure(fig, "fig-sessions", parts.value, watermark=mark, caption="Vessels by visibility and by diameter at each session.",
                   alt="Stacked bars of the shares of vessels at each session: {names}.", names=", ".join(counts))
else:
    chapter.say("No table of vessels with several sessions was handed in.")

# %% tags=["hide-input"]
if visits is not None:
    stable = pd.concat([proportions_stable(c, margin=margin).assign(what=what) for what, c in counts.items()])
    result = derive("sessions.stable.table", lambda _: stable.merge(tost_by_animal(visits.value, edges, CLASSES, margin), on=["what", "category"], how="left"), parts, probe=False)
    derive("sessions.stable", lambda t: int(t["stable"].sum()), result, unit="categories")
    derive("sessions.equivalent", lambda t: int((t["p_tost"] < 0.05).sum()), result, unit="categories")
    derive("sessions.categories", len, result, unit="categories")
    chapter.table(result.value[["what", "category", "reference", "largest", "stable", "chance", "p_tost"]], "tab-stable",
                  "Largest shift of each share (percentage points) against the margin of {m:g}; how often chance alone breaks the rule for this category; p of two one-sided tests over "
                  "animals, first against last session.", m=margin, formats={"reference": ".1f", "largest": ".1f", "chance": ".2f", "p_tost": ".3f"})

# %% tags=["hide-input"]
if visits is not None:
    chapter.say("{sessions.stable} of {sessions.categories} categories pass the rule; {sessions.equivalent} are equivalent by two one-sided tests over animals.")

# %% tags=["paper", "hide-input"]
law = chapter.simulated("the rule on counted vessels", rule_characteristics([30, 51, 100, 300, 1000, 3000], [0, 5, 10], [25] * 4, margin=5, sessions=3, draws=2000, seed=seed))
for k in (100, 1000):
    derive(f"rule.unchanged.n{k}", lambda t, k: float(t.loc[(t["n"] == k) & (t["shift"] == 0), "unstable"].iloc[0]), law, k=k, precision="resampled")
derive("rule.shifted.n51", lambda t: float(t.loc[(t["n"] == 51) & (t["shift"] == 10), "unstable"].iloc[0]), law, precision="resampled")
fig, ax = plt.subplots(figsize=(5.6, 3.5), layout="constrained")
for (shift, t), colour in zip(law.value.groupby("shift"), (BLUE, GREY, ORANGE), strict=True):
    ax.plot(t["n"], 100 * t["unstable"], "o-", color=colour, label=f"true shift {shift:g} points")
ax.set(xscale="log", xlabel="Vessels per session", ylabel="Called unstable (%)", ylim=(0, 103))
ax.legend(fontsize=8)
chapter.figure(fig, "fig-rule", law.value, watermark="simulated", caption="How often the ±5 rule fails for four equal shares at three sessions, by number of vessels.",
               alt="Falling curve for no shift, from nearly all at thirty vessels; curves for real shifts stay high.")

# %% tags=["paper", "hide-input"]
chapter.say("With 100 vessels per session the rule calls {rule.unchanged.n100:.0%} of unchanged distributions unstable, with 1000 {rule.unchanged.n1000:.0%}. That the paper found all categories within "
            "±5 points therefore needs many vessels or vessels that are followed one by one, so that chance does not enter; the text does not say how many there were.")

# %% [markdown]
# ### Contrast agent
#
# Percent signal enhancement is (after − before)/before. It depends on sequence, dose and receiver; its spread between animals is what the
# comparison of angiograms needs.

# %% tags=["hide-input"]
signals, mark = choose("enhancement", "schroers2026-s8-enhancement", "enhancement", lambda: illustrate_enhancement(
    *(chapter.printed(f"enhancement-{k}").value for k in ("mean", "sd")), *printed("enhancement-n"), seed))
if signals is not None:
    derive("pse.n", lambda t: int(t[["before", "after"]].notna().all(axis=1).sum()), signals, unit="datasets")
    pse = derive("pse.values", lambda t: percent_signal_enhancement(t["before"], t["after"]), signals, probe=False)
    for key, f in {"mean": np.nanmean, "sd": lambda x: np.nanstd(x, ddof=1), "cv": lambda x: 100 * np.nanstd(x, ddof=1) / np.nanmean(x)}.items():
        derive(f"pse.{key}", lambda x, f: float(f(x)), pse, f=f, unit="%")
    fig, ax = plt.subplots(figsize=(3.4, 3.4), layout="constrained")
    dots(ax, pd.Series(["data sets"] * len(pse.value)), pd.Series(pse.value), ["data sets"])
    ax.set(ylabel="Percent signal enhancement (%)", ylim=(0, None), xlim=(-1, 1))
    chapter.figure(fig, "fig-enhancement", signals.value.assign(pse=pse.value), watermark=mark, caption="Percent signal enhancement of each data set; median and quartiles.",
                   alt="Points of percent signal enhancement, mean {pse.mean:.1f} %, SD {pse.sd:.1f} %.")
else:
    chapter.say("No table of signals before and after contrast agent was handed in.")

# %% tags=["paper", "hide-input"]
derive("enhancement.cv", lambda m, s: 100 * s / m, chapter.printed("enhancement-mean"), chapter.printed("enhancement-sd"), unit="%", about="printed SD over printed mean")
names = ("t2star-not", "t2star-barely", "t2star-visible")
derive("visibility.t2star.strongly", lambda *v: int(sum(v[:4]) - sum(v[4:])), *(chapter.printed(f"fig2f-tof-{c}") for c in ("not", "barely", "visible", "strongly")),
       *(chapter.printed(f"fig2f-{c}") for c in names), unit="vessels", about="vessels of one sequence less the other classes of the second")
chapter.say("Printed SD over printed mean is {enhancement.cv:.1f} %. The same vessels are classed in both sequences, so seven counts leave {visibility.t2star.strongly} for the eighth.")

# %% [markdown] tags=["paper"]
# ## Does it agree?

# %% tags=["paper"]
chapter.agreement()

# %% tags=["paper", "hide-input"]
stated = pd.DataFrame([{"by": p["basis"], "expected": p["statement"], "from": p["range"][0], "to": p["range"][1], "came out": chapter[p["result"]].value}
                       for p in load_yaml(paths.root() / "data" / "predictions" / "schroers2026-04.yaml")["predictions"]])
stated["held"] = stated["came out"].between(stated["from"], stated["to"]).map({True: "yes", False: "no"})
verdict = chapter.simulated("judged predictions", stated)
derive("predictions.held", lambda t: int((t["held"] == "yes").sum()), verdict, unit="predictions")
chapter.say("{predictions.held} of {n} expectations held. Not held: {list}.", n=len(stated), list="; ".join(stated.loc[stated["held"] == "no", "expected"]) or "none")
chapter.table(stated, "tab-predictions", "What was written down before the first run, and what came out.", formats=dict.fromkeys(("from", "to", "came out"), ".3g"))

# %% [markdown]
# ## What would change the conclusion
#
# The pixel size multiplies every velocity. Whether standing blood is a zero or a gap moves the median of a group that has some. A filter
# by width means different vessels on fine and on coarse pixels. Visibility by eye is replaced here by contrast with two limits, which are
# parameters; move them and vessels change class. And vessels in few animals say how those animals look.
#
# ## Not shown
#
# Cells that are followed one by one, flow profiles across a vessel, pulsation within a scan (the windows would show it) and blooming around
# veins. Scripts: `compendium.microscopy.line_scans`, `compendium.microscopy.segments` and `compendium.microscopy.diameters`; their tests are in
# `tests/unit/microscopy`.

# %%
chapter.save()
