# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   compendium:
#     methods:
#       estimand: "bias, scatter and coverage of fitted parameters of restricted diffusion, against the simulated truth"
#       unit: "the simulated voxel, or the voxel of the image handed in"
#       analysis: "maximum likelihood with noise of magnitude images, beside the published objective with its pull and bound; posterior mean, SD and interval on a grid; the share of voxels in which the prior decides is reported"
#       missing: "voxels outside the mask are not fitted; without signal above the noise floor there is no posterior, and such voxels are counted"
#       reporting: "method validation on simulated data; no item of STARD or TRIPOD is answered by it"
#     inputs:
#       dwi: {kind: image, required: false}
#       protocol: {kind: protocol, required: false}
#       mask: {kind: image, required: false}
# ---

# %% [markdown]
# # What can a fit of cell size recover, how surely, and what do its bounds decide?
#
# ## The question
#
# A handful of signals per voxel, three to six unknowns: a fit always returns a cell size. This chapter asks when
# that size comes from the tissue, and when it comes from the limits that the fit was given.

# %% tags=["parameters"]
seed: int = 1  # seed of tissues and noise
voxels: int = 300  # simulated voxels of each experiment
snr: float = 30.0  # S0 over the SD of the noise, simulated
scan: str = "3T"  # published protocol looked at closely: exvivo, 3T or 1.5T; a protocol of your own replaces it
preset: str = "invivo"  # bounds of the parameters for a protocol or image of your own: invivo or exvivo
b_whole: float = 100.0  # s/mm², whole set: b above this (in vivo and your own)
b_high: float = 900.0  # s/mm², high b-values: b above this (in vivo and your own)
model: str = "Diff-in-ex"  # model of the comparison of estimators and of the maps
pull: float = 0.001  # weight of the pull to the middle of the bounds
s0_most: float = 1.4  # upper bound of S0 over the largest signal, in the published procedure
share: float = 0.8  # posterior SD of size over that of the prior beyond which the prior rules
sample: int = 250  # voxels of the image that are fitted with every model
slice_index: int = -1  # slice of the maps, counted from zero; negative: the one with the most voxels
dwi: str = ""  # path of a diffusion image, four dimensions (input)
protocol: str = ""  # path of its protocol (input)
mask: str = ""  # path of a mask (input)

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from compendium import paths
from compendium.cohorts.grussu_fits import (
    ESTIMATORS, STRATEGIES, Scan, bic_shares, by_size, compare_estimators, fit_models, fit_part, recovery_table, rmse, summarise_estimates,
)
from compendium.cohorts.grussu_voxels import TISSUE, draw_tissues, measure_tissues, two_region_slice
from compendium.diffusion.fitting import intracellular_fraction, residuals
from compendium.diffusion.models import MODELS, find_model, model_bounds, predict
from compendium.diffusion.posterior import posterior_cell_size, prior_dominated
from compendium.diffusion.protocols import published_protocols
from compendium.io.protocols import read_protocol
from compendium.io.yaml_lines import load_yaml
from compendium.maps.cell_size import PUBLISHED_B
from compendium.maps.sample import normalise_signals, read_voxels, residual_noise
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, GREEN, GREY, INK, ORANGE, PURPLE

if dwi and not protocol:
    raise ValueError("An image needs its protocol. Given an image alone.")
if voxels < 20 or sample < 1 or not snr > 0:
    raise ValueError(f"voxels: 20 or more; sample: 1 or more; snr above 0. Given {voxels}, {sample}, {snr:g}.")
chapter = open_chapter("grussu2025/02_fitting", inputs={"dwi": dwi, "protocol": protocol, "mask": mask})
model = find_model(model).name
COLOUR = dict(zip(MODELS, (BLUE, ORANGE, GREEN, PURPLE, GREY), strict=True))
sigma = 1 / snr


def number(name, value, root, unit="1", about="", precision="iterative"):
    """Record a number that was computed from a root."""
    return chapter.derive(name, lambda _: value, root, unit=unit, about=about, probe=False, precision=precision)


# %% tags=["hide-input"]
if protocol:
    scans = {"yours": Scan(read_protocol(chapter.input("protocol").value), preset, (b_whole, b_high))}
else:
    scans = {k: Scan(p, "invivo", (b_whole, b_high)) for k, p in published_protocols().items()}
    scans["exvivo"] = Scan(scans["exvivo"].protocol, "exvivo", PUBLISHED_B["exvivo"])
main = "yours" if protocol else scan
if main not in scans:
    raise ValueError(f"scan is one of {', '.join(scans)}. Given {scan}.")
NAMES = {"exvivo": "ex vivo, 9.4 T", "3T": "in vivo, 3 T", "1.5T": "in vivo, 1.5 T", "yours": "your protocol"}

for key, this in scans.items():
    if this.kept("high").sum() < (len(find_model(model).parameters) if key == main else 3):
        raise ValueError(f"{model} needs a measurement per parameter above b_high. {NAMES[key]} has {this.kept('high').sum()}.")
here, kind, name = scans[main], scans[main].preset, model.lower()

# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Grussu and colleagues {cite}`grussu2025` fit five models, voxel by voxel, with two strategies: to all images with
# $b$ above 100 s/mm² (1000 ex vivo), and to those above 900 (1800) alone. Cell size may lie between 8 and 40 µm, the
# diffusivities between 0.8 and 3.0 µm²/ms (2.6 ex vivo). They minimise the negative logarithm of an offset-Gaussian
# likelihood from a grid search, choose models by eq. 15, $\mathrm{BIC}=P\ln N-\ln\lambda$, among others, and select
# *Diff-in* fitted to high b-values. The code that the authors publish does two things that the paper does not mention:
# it adds a small pull of every parameter to the middle of its bounds, with weight 0.001 by default, and it bounds S0 by
# 1.4 times the largest signal. Whether both were active for the article is not known.
#
# ## What can be tested
#
# The images are not public, so no fitted value can be computed again. The *method* can be tested on simulated voxels
# whose tissue is known: evidence `simulated`. Predictions were written down before this chapter was first run
# (`data/predictions/grussu2025-02.yaml`) and are judged below. The supplement was not read.

# %% [markdown]
# ## The idea
#
# Water in a sphere of diameter $L$ cannot leave it, so it keeps signal at high $b$; water outside loses it. With
# relaxation and blood removed, and with a fraction $F$ of the water in cells,
#
# $$ s = s_0\big(F\,e^{-b\,\mathrm{ADC}_I(L, D_0)} + (1-F)\,e^{-b\,(D_{E,\infty}+\beta/\Delta)}\big). $$
#
# *Diff-in* drops the second term, *Diff-in-ex* keeps it without $\beta$, *Diff-in-exTD* is the whole; the two *Fast*
# models forbid slow water outside. The public fitter minimises, over parameters scaled to $u\in[0,1]$,
#
# $$ (1-\lambda)\,\big\langle (s-\sqrt{\hat s^2+f^2})^2\big\rangle + \lambda\,\big\langle(u-\tfrac12)^2\big\rangle $$
#
# with a noise floor $f$. For $\lambda=0$ this is maximum likelihood. The alternative is not to maximise at all: the
# *posterior mean* averages over everything that the signals allow within the bounds, and its standard deviation says
# how much that is.
#
# ## The analysis
#
# ### How many measurements are there?

# %% tags=["hide-input"]
counts = pd.DataFrame([{"key": k, "scan": NAMES[k], "strategy": s, "measurements": int(scans[k].kept(s).sum())}
                       for k in scans for s in STRATEGIES])
source = chapter.input("protocol") if protocol else chapter.simulated("published protocols", counts)
for row in counts.itertuples():
    number(f"count.{row.key.lower()}.{row.strategy}", row.measurements, source, "measurements", "strictly above the threshold")
number("count.parameters.least", min(len(m.parameters) for m in MODELS.values()), source, "parameters", "with S0")
number("count.parameters.most", max(len(m.parameters) for m in MODELS.values()), source, "parameters", "with S0")
number("count.spare", int(here.kept("high").sum()) - chapter["count.parameters.most"].value, source,
       about="measurements at high b less parameters of the largest model")
chapter.say("For *{scan}* the high b-value strategy has {n} measurements, the whole set {all}. The models have "
            "{count.parameters.least} to {count.parameters.most} parameters with S0, so at high b the largest of them has "
            "{count.spare} measurements to spare. Repeated timings count as measurements, but tell less than new ones.",
            scan=NAMES[main], n=int(here.kept("high").sum()), all=int(here.kept("whole").sum()))

# %% [markdown] tags=["paper"]
# In vivo the thresholds are strict: b = 900 itself is not above 900, so two b-values at three echo times remain. The
# paper speaks of "3–5 parameters" (Results). That holds when S0 is fixed by the fit that precedes; the public code fits S0.

# %% [markdown]
# ### One voxel, five answers
#
# Tissue is drawn with sizes, diffusivities and fractions across the range of interest; its water outside the cells is of
# the most general kind. Noise is Rician. All models often pass through the same points while they disagree about the size.

# %% tags=["hide-input"]
rng = np.random.default_rng(seed)
truth = draw_tissues(voxels, rng)
measured = {k: measure_tissues(truth, scans[k].protocol, rng, sigma) for k in scans}
fits = {k: fit_models(scans[k], measured[k], sigma) for k in scans}
example = int(np.argmin(np.abs(truth[["L", "F"]] - [18, 0.6]).div([10, 0.3]).sum(axis=1)))

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, len(scans), figsize=(8.4, 3.6), sharey=True, squeeze=False, layout="constrained")
rows = []
for ax, k in zip(axes[0], scans, strict=True):
    sub = scans[k].part("whole")
    b = sub.b_ms_um2 * 1000
    ax.plot(b, measured[k][example, scans[k].kept("whole")], "o", ms=4, color=INK, label="measured")
    for i, (m, fit) in enumerate((m, f) for (s, m), f in fits[k].items() if s == "whole"):
        s = predict(fit.model, fit.parameters[example], sub)
        ax.plot(b + (i - 2) * np.ptp(b) * len(scans) / 100, s, "_", ms=4, mew=1.8, color=COLOUR[m], label=m)
        rows += [{"scan": NAMES[k], "model": m, "b": x, "signal": y, "size": fit["L"][example]} for x, y in zip(b, s, strict=True)]
    ax.set(xlabel="b (s/mm²)", title=NAMES[k])
axes[0, 0].set_ylabel("Signal over S0")
axes[0, -1].legend(fontsize=7.5)
drawn = pd.DataFrame(rows)
sizes = drawn[drawn["scan"] == NAMES[main]].groupby("model", sort=False)["size"].first()
chapter.figure(
    fig, "fig-fits", data=drawn, watermark="simulated",
    caption="The signal of one simulated voxel (a cell size of {l:.0f} µm, a fraction of {f:.2f}) and what five models make of it, "
            "fitted to the whole set. Marks are set apart for legibility.",
    alt="Points of a decaying signal with five models beside each. For {scan} their sizes are {sizes} µm; the truth is {l:.0f}.",
    l=truth["L"][example], f=truth["F"][example], scan=NAMES[main], sizes=", ".join(f"{v:.0f}" for v in sizes))

# %% [markdown]
# ### What comes back?
#
# Maximum likelihood without a pull, S0 free. *Bias* is the mean error; *r* the correlation with the truth over tissues;
# *at a bound* the share of voxels in which some parameter ended on a limit. The *Cramér–Rao bound* is the least SD that any
# unbiased estimate of size can have at this SNR, median over tissues; it may be infinite, and then the signals do not
# determine the size at all. *Ruled by the prior* are voxels whose posterior for size is hardly narrower than the bounds alone.

# %% tags=["hide-input"]
recovery = pd.concat([recovery_table(scans[k], measured[k], fits[k], truth, sigma, share).assign(scan=NAMES[k]) for k in scans])
recovery.insert(0, "scan", recovery.pop("scan"))
study = chapter.simulated("recovery", recovery)
for s, words in STRATEGIES.items():
    for row in recovery[(recovery["scan"] == NAMES[main]) & (recovery["strategy"] == words)].to_dict("records"):
        for field, column in {"bias": "size bias", "rmse": "size RMSE", "r": "size r", "bounds": "at a bound"}.items():
            number(f"recovery.{s}.{row['model'].lower()}.{field}", float(row[column]), study, "um" if field in ("bias", "rmse") else "1")
        number(f"dominated.{s}.{row['model'].lower()}", float(row["ruled by the prior"]), study, about="share of voxels")
chapter.table(recovery, "tab-recovery", "Recovery of size (µm) and fraction by five models, two strategies and each protocol; simulated.",
              formats=dict.fromkeys(recovery.columns[5:], ".2f"),
              columns=[c for c in recovery.columns if c not in ("parameters", "size r", "fraction bias", "posterior RMSE")])

# %% tags=["hide-input"]
fig, axes = plt.subplots(2, len(scans), figsize=(8.4, 5.2), sharey=True, sharex="row", squeeze=False, layout="constrained")
for column, k in enumerate(scans):
    for row, (field, label) in enumerate({"size RMSE": "Error of size, RMSE (µm)", "ruled by the prior": "Share ruled by the prior"}.items()):
        ax = axes[row, column]
        for s, face in (("whole set", "white"), ("high b", None)):
            part = recovery[(recovery["scan"] == NAMES[k]) & (recovery["strategy"] == s)]
            for m, value in zip(part["model"], part[field], strict=True):
                ax.plot(value, list(MODELS).index(m), "o", ms=7, mew=1.6, color=COLOUR[m], mfc=face or COLOUR[m])
        ax.set(xlabel=label, title=NAMES[k] if row == 0 else "", yticks=range(len(MODELS)), yticklabels=list(MODELS))
        ax.grid(True, axis="x")
axes[0, 0].invert_yaxis()
axes[0, 0].set_xlim(0, 1.1 * recovery["size RMSE"].max())
axes[1, 0].set_xlim(-0.02, 1.05 * max(0.1, recovery["ruled by the prior"].max()))
chapter.figure(
    fig, "fig-recovery", data=recovery, watermark="simulated",
    caption="Error of the maximum-likelihood size, and the share of voxels whose size the prior rules. Open: whole set; full: high b.",
    alt="Dots by model and protocol. Under {scan} at high b the error is {recovery.high.diff-in.rmse:.1f} µm with Diff-in; "
        "the prior rules {part:.0%} of its voxels.", scan=NAMES[main], part=chapter["dominated.high.diff-in"].value)

# %% tags=["hide-input"]
high, at_high = here.part("high"), here.kept("high")
quiet = measure_tissues(truth, here.protocol, np.random.default_rng(seed + 1), sigma / 3)[:, at_high]
better = posterior_cell_size(quiet, high, fit_part(quiet, high, model, kind, sigma / 3), sigma / 3)
before, after = chapter[f"dominated.high.{name}"].value, float(prior_dominated(better, share=share).mean())
number("dominated.snr_ratio", after / before if before else float("nan"), study, about="prior-dominated share at three times the SNR, relative")
widest = recovery[(recovery["scan"] == NAMES[main])].sort_values("size RMSE")
chapter.say("For *{scan}*, the size comes back with an error of {recovery.whole.diff-in.rmse:.1f} µm (whole set) or "
            "{recovery.high.diff-in.rmse:.1f} µm (high b) from *Diff-in*, and its bias is {recovery.whole.diff-in.bias:+.1f} and "
            "{recovery.high.diff-in.bias:+.1f} µm: the water outside, which this model takes for a part of the cells. The "
            "smallest error is that of *{best}* ({strategy}, {error:.1f} µm). The prior rules {dominated:.0%} of the voxels of "
            "*{model}* at high b, and {after:.0%} at three times the SNR.", scan=NAMES[main], best=widest["model"].iloc[0],
            strategy=widest["strategy"].iloc[0], error=widest["size RMSE"].iloc[0], dominated=before, after=after, model=model)

# %% [markdown]
# ### Which weight has a parameter?
#
# Schwarz's criterion approximates minus twice the logarithm of the evidence, so a likelihood counts twice. Without the
# two, a parameter costs twice as much. For Gaussian data and a prior that is worth one measurement the evidence has a closed
# form, which gives the factor back.

# %% tags=["hide-input"]
many = chapter.simulated("measurements", 1e12)
_ = chapter.derive("bic.factor", lambda n: float(np.log(n) / (0.5 * np.log1p(n))), many, precision="exact",
                   about="weight of ln λ beside P ln N that follows from the evidence")

# %% tags=["hide-input"]
ballot = bic_shares(here, measured[main], fits[main], sigma)
voting = chapter.simulated("votes", ballot)
for s, words in STRATEGIES.items():
    part = ballot[ballot["strategy"] == words].set_index("model")
    usual, printed = part["usual"], part["printed"]
    number(f"bic.standard.{s}.share", float(usual["Diff-in"]), voting, about="voxels that Diff-in wins")
    number(f"bic.paper.{s}.share", float(printed["Diff-in"]), voting, about="voxels that Diff-in wins, eq. 15")
    number(f"bic.paper.{s}.rank", 1 + int((printed > printed["Diff-in"]).sum()), voting, "rank")
    number(f"bic.gain.{s}", float(printed["Diff-in"] - usual["Diff-in"]), voting, about="eq. 15 less the usual BIC")
    number(f"bic.price.{s}", 0.5 * float(np.log(here.kept(s).sum())), voting, about="ln λ that a parameter must bring, usual BIC")
number("bic.gain.whole_less_high", chapter["bic.gain.whole"].value - chapter["bic.gain.high"].value, voting)
def high_residual(s, fit):
    """Residual at the measurements at high b of a fit with either strategy."""
    return rmse(residuals(fit, measured[main][:, here.kept(s)], here.part(s))[:, at_high[here.kept(s)]], 0)


number("residual.high_over_whole", max(high_residual("high", f) / high_residual("whole", fits[main]["whole", m])
                                       for (s, m), f in fits[main].items() if s == "high"), voting,
       about="residual at high b, fit to high b over fit to all; largest of the models")
chapter.table(ballot, "tab-bic", "Share of voxels in which a model has the lowest criterion, in its usual form and as printed; simulated.",
              formats=dict.fromkeys(("usual", "printed"), ".2f"))

# %% tags=["hide-input"]
chapter.say("The evidence gives ln λ the weight {bic.factor:.3g}. With it, a further parameter must raise ln λ by "
            "{bic.price.high:.2f} at high b ({bic.price.whole:.2f} in the whole set); without it, by twice that. *Diff-in* wins "
            "{a:.0%} of the voxels at high b by the usual form and {b:.0%} without the factor; in the whole set {c:.0%} and {d:.0%}. "
            "Every one of these voxels has water outside the cells. Residuals at the same measurements shrink when high b is fitted "
            "alone: at most {residual.high_over_whole:.2f} of what they were. Fewer points with as many parameters leave smaller "
            "residuals in any case.", a=chapter["bic.standard.high.share"].value, b=chapter["bic.paper.high.share"].value,
            c=chapter["bic.standard.whole.share"].value, d=chapter["bic.paper.whole.share"].value)

# %% [markdown]
# ### What do the pull and the bound on S0 decide?
#
# With strongly weighted images alone, nobody has seen the signal without weighting: S0 is an extrapolation. A bound
# relative to the largest *measured* signal then forbids many tissues their true S0. The same voxels, *Diff-in* at high b:
# free; with the bound; with the pull; with both, as the public fitter does by default.

# %% tags=["hide-input"]
ways = {"free": (0.0, None), "bounded S0": (0.0, s0_most), "pull": (pull, None), "both": (pull, s0_most)}
seen = measured[main][:, at_high]
made = {w: fit_part(seen, high, "Diff-in", kind, sigma, *arguments) for w, arguments in ways.items()}
bounds_table = pd.DataFrame({"true size": truth["L"], **{w: f["L"] for w, f in made.items()}})
experiment = chapter.simulated("pull and bound", bounds_table)
at_top = made["bounded S0"]["S0"] > 0.999 * s0_most * seen.max(axis=1)
alone = measure_tissues(truth, high, np.random.default_rng(seed + 2), sigma, "Diff-in")
only_cells = {w: fit_part(alone, high, "Diff-in", kind, sigma, 0.0, b)["L"] - truth["L"] for w, b in (("free", None), ("bounded", s0_most))}
for w, error in only_cells.items():
    number(f"bound.only_cells.{w}", float(error.mean()), experiment, "um", "bias without water outside the cells")
slope = {w: float(np.polyfit(truth["L"], f["L"], 1)[0]) for w, f in made.items()}
number("bound.share", float(at_top.mean()), experiment, about="voxels whose S0 ends on the bound")
number("bound.shift", float(np.mean(made["bounded S0"]["L"] - made["free"]["L"])), experiment, "um")
number("pull.rmse_ratio", rmse(made["pull"]["L"], truth["L"]) / rmse(made["free"]["L"], truth["L"]), experiment)
number("bound.slope", slope["bounded S0"], experiment, about="slope of fitted over true size")
number("bound.free_slope", slope["free"], experiment)
number("pull.slope_ratio", slope["pull"] / slope["free"], experiment, about="slope of estimate over truth, relative to free")
for w, key in zip(ways, ("free", "bounded", "pull", "both"), strict=True):
    number(f"pull.{key}.rmse", rmse(made[w]["L"], truth["L"]), experiment, "um")
    number(f"pull.{key}.bias", float(np.mean(made[w]["L"] - truth["L"])), experiment, "um")

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(9.2, 2.9), sharex=True, sharey=True, layout="constrained")
limits = model_bounds(find_model("Diff-in"), kind)[0]
for ax, w in zip(axes, ways, strict=True):
    ax.plot(truth["L"], made[w]["L"], ".", ms=4, alpha=0.7, color=BLUE)
    if w == "bounded S0":
        ax.plot(truth["L"][at_top], made[w]["L"][at_top], ".", ms=4, color=ORANGE)
    ax.plot(limits, limits, color=GREY, lw=1)
    ax.set(title=w, xlabel="True size (µm)", xlim=(TISSUE["L"][0] - 2, TISSUE["L"][1] + 2))
axes[0].set_ylabel("Fitted size (µm)")
chapter.figure(
    fig, "fig-bounds", data=bounds_table, watermark="simulated",
    caption="Fitted over true size with *Diff-in* at high b. Orange: S0 on its bound.",
    alt="Four scatter plots of fitted over true size. The slope is {bound.free_slope:.2f} when S0 is free and {bound.slope:.2f} when it is "
        "bounded; {part:.0%} of voxels have S0 on its bound.", part=chapter["bound.share"].value)

# %% tags=["hide-input"]
chapter.say("The bound holds S0 in {part:.0%} of the voxels and changes their mean size by {bound.shift:+.1f} µm. The bias goes from "
            "{pull.free.bias:+.1f} to {pull.bounded.bias:+.1f} µm, but the slope of fitted over true size from {bound.free_slope:.2f} to "
            "{bound.slope:.2f}: the nearer to zero, the more the size follows the bound and not the cells. Water outside and the bound "
            "can push in opposite directions, and whether they cancel is up to the tissue; with no water outside the bias is "
            "{bound.only_cells.free:+.1f} µm free and {bound.only_cells.bounded:+.1f} µm bounded. The pull alone takes the error "
            "from {pull.free.rmse:.1f} to {pull.pull.rmse:.1f} µm, with both to {pull.both.rmse:.1f} µm.", part=chapter["bound.share"].value)

# %% [markdown]
# ### Maximum or posterior, and what if the prior is off?
#
# The posterior mean is the best estimate by construction when tissues are spread as its flat prior assumes. That is the
# first row below. The others break the assumption: only small cells, few cells, water outside as slow as inside.

# %% tags=["hide-input"]
low, upper = (dict(zip(find_model(model).parameters, limits, strict=True)) for limits in model_bounds(find_model(model), kind).T)
flat = {k: (low[k], upper[k]) for k in TISSUE if k in low}
beliefs = {"matched": flat, "small": {**flat, "L": (8.0, 14.0)}, "sparse": {**flat, "F": (0.05, 0.25)},
           "slow": {**flat, "DEinf": (0.8, 1.2)}}
LABELS = {"matched": "as the prior", "small": "only small cells", "sparse": "few cells", "slow": "slow water outside"}
estimates = compare_estimators(beliefs, here, model, sigma, 3 * voxels, seed, pull, s0_most)
dark = int(estimates["posterior mean"].isna().sum())
estimates = estimates.dropna(subset=["posterior mean"])
comparison = chapter.simulated("estimators", estimates)
number("prior.dark", dark, comparison, "voxels", "voxels without signal above the noise floor: no posterior")
for belief, part in estimates.groupby("tissues", sort=False):
    found = summarise_estimates(part)
    for w, key in zip(ESTIMATORS, ("ml", "published", "posterior"), strict=True):
        number(f"prior.{belief}.{key}", float(found[w]), comparison, "um", "RMSE of size")
    number(f"prior.{belief}.ratio", float(found["posterior mean"] / found["published"]), comparison, about="posterior mean over published")
    number(f"prior.{belief}.ratio_ml", float(found["posterior mean"] / found["maximum likelihood"]), comparison)
    number(f"prior.{belief}.bias", float(found["bias"]), comparison, "um", "of the posterior mean")
    number(f"prior.{belief}.coverage", float(found["coverage"]), comparison, about="of the nominal 95 % interval")
number("prior.slow.coverage_change", chapter["prior.slow.coverage"].value - chapter["prior.matched.coverage"].value, comparison)
strata = by_size(estimates[estimates["tissues"] == "matched"], np.linspace(low["L"], upper["L"], 5))
gain = (strata["posterior mean"] / strata["maximum likelihood"]).to_numpy()
number("strata.small_less_middle", float(gain[0] - gain[1]), comparison, about="ratio of errors, smallest stratum less the next")
number("strata.small.coverage", float(strata["coverage"].iloc[0]), comparison)
number("strata.small.bias", float(strata["bias"].iloc[0]), comparison, "um")
number("strata.large.bias", float(strata["bias"].iloc[-1]), comparison, "um")

# %% tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.6), sharey=True, layout="constrained")
tones = dict(zip(ESTIMATORS, (GREY, ORANGE, BLUE), strict=True))
for i, w in enumerate(ESTIMATORS):
    left.bar(np.arange(4) + (i - 1) * 0.26, [rmse(p[w], p["size"]) for _, p in estimates.groupby("tissues", sort=False)], 0.24,
             color=tones[w], label=w)
    right.bar(np.arange(len(strata)) + (i - 1) * 0.26, strata[w], 0.24, color=tones[w])
left.set_xticks(range(4), [v.replace(" ", "\n", 1) for v in LABELS.values()])
right.set_xticks(range(len(strata)), [f"{v.left:.0f}–{v.right:.0f}" for v in strata.index])
left.set(ylabel="RMSE of size (µm)", title="By what the tissues are", xlabel="Tissues")
right.set(xlabel="True size (µm)", title="By true size, tissues as the prior")
left.legend(fontsize=8)
chapter.figure(
    fig, "fig-priors", data=estimates, watermark="simulated",
    caption="Error of size of three estimates with *{model}*, for tissues that do and do not follow the prior, and by true size.",
    alt="Bars. As the prior: {prior.matched.ml:.1f}, {prior.matched.published:.1f} and {prior.matched.posterior:.1f} µm for maximum "
        "likelihood, published procedure and posterior mean; only small cells: {prior.small.ml:.1f}, {prior.small.published:.1f} "
        "and {prior.small.posterior:.1f} µm.", model=model)

# %% tags=["hide-input"]
chapter.say("With *{model}*, and tissues spread as the prior, the posterior mean has {prior.matched.ratio:.2f} times the error of the "
            "published procedure and {prior.matched.ratio_ml:.2f} times that of maximum likelihood; the interval of level {level} "
            "covers {a:.1%}. With few cells the ratio to the published procedure is {prior.sparse.ratio:.2f}, with slow water "
            "outside {prior.slow.ratio:.2f}, and with small cells only {prior.small.ratio:.2f}: small cells are read as "
            "{prior.small.bias:.1f} µm too large, and covered in {b:.0%} (voxels without signal above the noise floor have no posterior and are left out: {dark}). The same shows by stratum even where the prior is right on "
            "the whole: bias {strata.small.bias:+.1f} µm in the smallest cells, {strata.large.bias:+.1f} µm in the largest, coverage "
            "{c:.0%} in the smallest.", model=model, level="0.95", a=chapter["prior.matched.coverage"].value,
            b=chapter["prior.small.coverage"].value, dark=dark, c=chapter["strata.small.coverage"].value)

# %% [markdown]
# ### An image
#
# The same on an image: yours, or a simulated slice with relaxation, blood and two regions that differ in cell size. With two
# or more echo times the relaxation and the blood are fitted first and removed; otherwise S0 comes from the least weighted
# images. The noise is estimated from what *Diff-in-ex* leaves in the whole set, or *Diff-in* where that has too many
# parameters. Without a mask, dark voxels are left out.

# %% tags=["hide-input"]
if dwi:
    image = chapter.input("dwi")
    places, raw, grid = read_voxels(image.value, len(here.protocol), chapter.input("mask").value if mask else None)
else:
    places, raw, grid = two_region_slice(here.protocol, snr, seed, 35.0 if kind == "exvivo" else 70.0)
    image = chapter.simulated("slice", raw)

# %% tags=["hide-input"]
level = int(np.bincount(places[:, 2]).argmax()) if slice_index < 0 else slice_index
shown = np.flatnonzero(places[:, 2] == level)
if not shown.size:
    raise ValueError(f"slice_index must be a slice with voxels. Given {slice_index}.")
shown = shown[:: max(1, round(shown.size / 4000))]
chosen = np.sort(np.random.default_rng(seed).permutation(len(raw))[:sample])
clean, blood = normalise_signals(raw[chosen], here.protocol, here.kept("whole"), kind)
noise = residual_noise(clean[:, here.kept("whole")], here.part("whole"), kind)
number("image.voxels", len(raw), image, "voxels")
number("image.fitted", len(chosen), image, "voxels")
number("image.snr", 1 / noise, image, about="S0 over the noise that the fits leave")
mine = fit_models(here, clean, noise)
won = bic_shares(here, clean, mine, noise).set_index(["strategy", "model"])["usual"]
rows = []
for (s, m), fit in mine.items():
    post = posterior_cell_size(clean[:, here.kept(s)], here.part(s), fit, noise)
    fraction = (1 - blood) * intracellular_fraction(fit, np.ones(len(clean)))
    rows.append({"strategy": STRATEGIES[s], "model": m, "size": pd.Series(fit["L"]).median(), "fraction": pd.Series(fraction).median(),
                 "posterior mean size": pd.Series(post.mean["L"]).median(), "at a bound": fit.at_bound.any(axis=1).mean(),
                 "ruled by the prior": prior_dominated(post, share=share).mean(), "lowest BIC": won[STRATEGIES[s], m]})
    for field, column in {"size": "size", "fraction": "fraction", "dominated": "ruled by the prior", "bic": "lowest BIC"}.items():
        number(f"image.{s}.{m.lower()}.{field}", float(rows[-1][column]), image, "um" if field == "size" else "1")
chapter.table(pd.DataFrame(rows), "tab-image", "Five models on a sample of voxels: medians of size (µm) and fraction, and shares of voxels.",
              formats=dict.fromkeys(list(rows[0])[2:], ".2f"))

# %% tags=["hide-input"]
clean_slice, _ = normalise_signals(raw[shown], here.protocol, here.kept("whole"), kind)
y = clean_slice[:, at_high]
best = fit_part(y, high, model, kind, noise)
post = posterior_cell_size(y, high, best, noise)
maps = pd.DataFrame(places[shown], columns=["x", "y", "z"]).assign(**{
    "signal": raw[shown].mean(axis=1), "published procedure": fit_part(y, high, model, kind, noise, pull, s0_most)["L"],
    "maximum likelihood": best["L"], "posterior mean": post.mean["L"], "posterior SD over prior SD": post.sd["L"] / post.prior_sd["L"]})
number("image.map.dominated", float((maps["posterior SD over prior SD"] > share).mean()), image, about="share of the slice")
number("image.map.size", float(maps["posterior mean"].median()), image, "um")
number("image.map.ml_spread", float(maps["maximum likelihood"].std() / maps["posterior mean"].std()) if len(maps) > 1 else float("nan"), image)
fig, axes = plt.subplots(1, 5, figsize=(11.0, 2.7), layout="constrained")
for ax, title in zip(axes, maps.columns[3:], strict=True):
    canvas = np.full(grid[:2], np.nan)
    canvas[maps["x"], maps["y"]] = maps[title]
    size = title not in ("signal", "posterior SD over prior SD")
    limits = {"vmin": low["L"], "vmax": upper["L"], "cmap": "viridis"} if size else {"cmap": "gray"} if title == "signal" else {"vmin": 0, "vmax": 1.1, "cmap": "magma"}
    panel = ax.imshow(canvas.T, origin="lower", **limits)
    ax.set_title(title.replace(" over", "\nover"), fontsize=9)
    ax.axis("off")
    fig.colorbar(panel, ax=ax, shrink=0.7)
chapter.figure(
    fig, "fig-maps", data=maps, watermark="" if dwi else "simulated",
    caption="One slice with *{model}*, {strategy}: mean signal, cell size (µm) three ways, and what the data add to the prior (near one: "
            "nothing).", alt="Five maps of a slice. The median posterior mean size is {image.map.size:.1f} µm; in {part:.0%} of voxels "
                             "the posterior is hardly narrower than the prior.", model=model, strategy="high b",
    part=chapter["image.map.dominated"].value)

# %% tags=["hide-input"]
chapter.say("The image has {image.voxels} voxels to fit, {image.fitted} of which were fitted with every model; S0 is {image.snr:.0f} times "
            "the noise that the fits leave. *Diff-in* at high b gives a median size of {image.high.diff-in.size:.1f} µm, in the whole set "
            "{image.whole.diff-in.size:.1f} µm. In the slice, *{model}* is ruled by its prior in {part:.0%} of the voxels, and sizes by "
            "maximum likelihood spread {image.map.ml_spread:.1f} times as widely as posterior means.", model=model,
            part=chapter["image.map.dominated"].value)

# %% [markdown] tags=["paper"]
# ## Does it agree?
#
# One statement of the paper can be set against a number: the weight of the likelihood in eq. 15. The rest are
# statements about the method, judged as they were written down before the first run.

# %% tags=["paper", "hide-input"]
chapter.agreement()

# %% tags=["paper", "hide-input"]
expected = load_yaml(paths.root() / "data" / "predictions" / "grussu2025-02.yaml")["predictions"]
judged = pd.DataFrame([{"expected": p["statement"], "basis": p["basis"], "from": p["range"][0], "to": p["range"][1],
                        "came out": chapter[p["result"]].value} for p in expected])
judged["held"] = judged["came out"].between(judged["from"], judged["to"]).map({True: "yes", False: "no"})
verdicts = chapter.simulated("judged predictions", judged)
for name, word in (("held", "yes"), ("failed", "no")):
    number(f"predictions.{name}", int((judged["held"] == word).sum()), verdicts, "predictions")
chapter.table(judged, "tab-predictions", "What was written down before the first run, and what came out.",
              formats=dict.fromkeys(("from", "to", "came out"), ".3g"))

# %% tags=["paper", "hide-input"]
failed = judged.loc[judged["held"] == "no", "expected"]
chapter.say("{predictions.held} held and {predictions.failed} did not" + (": {list}." if len(failed) else "."), list="; ".join(failed))

# %% [markdown]
# ## What would change the conclusion
#
# More measurements of different timing, or more averages: both shrink the share that the prior rules. A known S0 from
# the preceding fit takes a parameter away. And if cell sizes of a tissue are known roughly beforehand, narrower bounds
# are a better prior; they then decide the answer openly.
#
# ## Not shown
#
# Exchange through membranes, distributions of size and the exact signal of spheres are not simulated here. Noise is the
# same in all voxels. Whole maps with every estimate come from `compendium maps cell-size`; what a protocol can give before
# anyone is scanned from `compendium.diffusion.design.assess_protocol`. Hand in a protocol alone, and this chapter
# simulates with it; hand in an image too, and the last part fits it.

# %%
chapter.save()
