# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   compendium:
#     methods:
#       estimand: "area under the ROC curve for an outcome of subjects who were not in the training set, by the way in which two modalities are joined"
#       unit: "the subject; regions of a subject are averaged and never divided between training and test"
#       analysis: "ridge regression on the values of one modality, of both side by side, on principal components of each, or the mean of one score of each; folds of whole subjects; DeLong intervals over subjects"
#       missing: "gaps are filled from the other modality inside the training folds and flagged; p values use measured values only and say how many subjects they leave out"
#       reporting: "TRIPOD items on handling of predictors, missing data and internal validation, for the table handed in"
#     inputs:
#       regions: {kind: table, schema: two_modalities, required: false}
# ---

# %% [markdown]
# # Where should two imaging methods meet, and what makes the result look better than it is?
#
# ## The question
#
# Two methods look at the same tissue: an MRI scan and a microscope, or two scans. Does their combination tell more
# about a patient than the better one alone? The answer depends on where they are joined (pixels, summaries of
# pixels, measured features, final scores), on whether each knows something the other does not, and on two mistakes
# that make almost any combination look good: testing on patients who were trained on, and counting invented values
# as measured.

# %% tags=["parameters"]
seed: int = 1  # seed of folds and of every simulation
folds: int = 5  # folds of subjects
penalty: float = 1.0  # ridge penalty of a standardised column, times the number of columns
components: int = 4  # principal components kept of each modality
subjects: int = 60  # simulated subjects
regions_each: int = 3  # simulated regions of a subject
lost: float = 0.3  # share of simulated subjects without the second modality
cohorts: int = 24  # simulated cohorts of every comparison; no part in a run on your own table
repeats: int = 1000  # simulated tests of unrelated modalities
shift_px: float = 2.0  # displacement of the second image that is tried, SD along each axis, pixels
regions: str = ""  # path of a table of regions with values of two modalities (input)

# %% tags=["hide-input"]
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from compendium import paths
from compendium.cohorts.two_modalities import Truth, lose_second, pixel_table, simulate_two_modalities
from compendium.cohorts.two_modalities_study import (
    area_of, false_relations, imputation_study, joining_study, leakage_study, out_of_fold, shift_study, split_columns,
)
from compendium.io.yaml_lines import load_yaml
from compendium.radiopathomics.folds import LeakageError, random_folds
from compendium.radiopathomics.fusion import WAYS, Joining, leave_group_out, predict_joined, subject_scores
from compendium.radiopathomics.imputation import ImputedValuesError, fill_from, rank_test_measured
from compendium.run.results import open_chapter
from compendium.run.theme import BLUE, GREY, INK, ORANGE, use_theme
from compendium.statistics.auc import delong_interval, delong_test

use_theme()
chapter = open_chapter("bischof2024/02_fusion_and_imputation", inputs={"regions": regions})
derive, how, truth = chapter.derive, Joining("embedding", penalty, components), Truth()
mark = "" if chapter.is_user_run else "simulated"
labels = {"first": "first alone", "second": "second alone", "values": "values side by side",
          "embedding": "embeddings", "scores": "scores"}

# %% [markdown] tags=["paper"]
# ## What the paper reports
#
# Bischof and colleagues {cite}`bischof2024` write a perspective: it has no data, no figures and no tables. Its
# section on data analysis makes statements of method. Joining can take place at different stages: raw images,
# embeddings of images, or features derived from them. The size of matched regions should follow the registration
# error. Observations that are independent are few, and a smaller registration error gives more of them. Missing values of one modality can be
# imputed from another, with great care. Two boxes give practical advice.
#
# ## What can be tested
#
# No number is printed that could be computed again, so nothing of the paper is scored here. The statements are about
# *methods*, and a method can be tried where the truth is known. The cohort below is simulated: small images, three
# hidden factors, a fingerprint of every subject. How strong each is was chosen. So directions carry over ("this
# inflates the area"), sizes do not. What was expected was written down before the first run
# (`data/predictions/bischof2024-02.yaml`).

# %% [markdown]
# ## The idea
#
# Let each subject $s$ have factors that only one modality shows ($u_s$, $v_s$) and one that both show ($z_s$). The images
# of its regions $r$ hold patterns of these factors, a fingerprint $f_s$ that has nothing to do with the outcome, and noise:
#
# $$x_{sr} = z_s A + u_s B + f_s + \varepsilon_{sr}, \qquad y_{sr} = z_s C + v_s D + g_s + \eta_{sr}.$$
#
# Joining can only add what is private. And a model that has met $f_s$ in one region recognises the subject in the next.

# %% tags=["paper", "hide-input"]
small = simulate_two_modalities(12, 2, seed, truth)
shown = pd.DataFrame([{"subject": small.rows["subject"][i], "region": i % 2, "modality": m, "pixel": k, "value": v}
                      for i in (0, 1, 4, 5) for m, block in (("first", small.first), ("second", small.second))
                      for k, v in enumerate(block[i].ravel())])
pictures = chapter.simulated("images of two subjects", shown)
fig, axes = plt.subplots(2, 4, figsize=(7.6, 4.2), layout="constrained")
for ax, ((subject, modality, _), part) in zip(axes.flat, shown.groupby(["subject", "modality", "region"]), strict=True):
    side = int(np.sqrt(len(part)))
    image = ax.imshow(part["value"].to_numpy().reshape(side, side), cmap="gray", vmin=-4, vmax=14)
    ax.set_title(f"{subject}, {modality}", fontsize=9)
    ax.axis("off")
fig.colorbar(image, ax=axes, label="signal (arbitrary)", shrink=0.7)
chapter.figure(
    fig, "fig-images", watermark="simulated", data=shown,
    caption="Two regions of each of two simulated subjects, seen by both modalities. Regions of one subject resemble each "
            "other: that is the fingerprint.",
    alt="Eight small noisy images in two rows, one row for each subject; pairs of one subject and modality look alike.")

# %% [markdown]
# ## The analysis
#
# ### The table
#
# A row is a region. Subjects are the independent unit; whatever is reported below counts each of them once.

# %%
made = lose_second(pixel_table(simulate_two_modalities(subjects, regions_each, seed, truth)), lost, seed)
table = chapter.input("regions") if chapter.is_user_run else chapter.simulated("regions", made)
data = table.value.reset_index(drop=True)
first, second = split_columns(data)
names = [*first.columns, *second.columns]
per_subject = data.groupby("subject")["outcome"].first()
count = min(folds, int(per_subject.value_counts().min()))

# %% tags=["hide-input"]
gaps = {"table.rows": len, "table.subjects": lambda t: t["subject"].nunique(), "table.groups": lambda t: t["group"].nunique(),
        "table.with_outcome": lambda t: int(t.groupby("subject")["outcome"].first().sum()),
        "table.imputed": lambda t: int(t[names].isna().sum().sum()),
        "table.gap_rows": lambda t: int(t[names].isna().any(axis=1).sum()),
        "table.gap_subjects": lambda t: int(t[names].isna().any(axis=1).groupby(t["subject"]).any().sum())}
for name, f in gaps.items():
    derive(name, f, table, unit=name.split("_")[-1].split(".")[-1])
chapter.say("The table has {table.rows} rows from {table.subjects} subjects, of whom {table.with_outcome} have the outcome, in "
            "{table.groups} groups; {p} columns of the first modality and {q} of the second. {table.gap_rows} rows of "
            "{table.gap_subjects} subjects have gaps; {table.imputed} values are filled in for prediction, flagged, and in "
            "no p value below.", p=first.shape[1], q=second.shape[1])

# %% [markdown]
# ### Who may be tested?
#
# Whole subjects are left out. The package refuses anything else unless told to let it pass.

# %%
loose = list(random_folds(len(data), count, seed))
try:
    predict_joined(first, second, data["outcome"], data["subject"], loose, how)
    chapter.say("With one row per subject there is nothing that could leak between rows.")
except LeakageError as refusal:
    chapter.say("Rows at random are refused: “{words}”", words=str(refusal))

# %% tags=["hide-input"]
scores = {way: derive(f"scores.{way}", lambda t, w: out_of_fold(t, replace(how, way=w), seed, count=count), table, w=way)
          for way in WAYS}


def limits(s, t):
    """Area with DeLong's interval, one mean score per subject."""
    found, outcome = subject_scores(s, t["outcome"], t["subject"])
    return delong_interval(outcome, found)


for way, s in scores.items():
    derive(f"auc.{way}", lambda s, t: limits(s, t).estimate, s, table, about=f"AUROC, {labels[way]}", precision="iterative")
    for end in ("lower", "upper"):
        derive(f"auc.{way}.{end}", lambda s, t, e: getattr(limits(s, t), e), s, table, e=end, precision="iterative",
               about="95 % limit over subjects, folds taken as given")
found = pd.DataFrame([{"way": labels[w], "AUROC": chapter[f"auc.{w}"].value, "lower": chapter[f"auc.{w}.lower"].value,
                       "upper": chapter[f"auc.{w}.upper"].value} for w in WAYS])

# %% [markdown]
# ### Where do they meet?
#
# *Values side by side* gives everything to one model. *Embeddings* first reduce each modality to a few principal
# components, learned on the training subjects. *Scores* let each modality answer by itself and average the answers.
# Gaps are filled inside the folds.

# %% tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.4, 2.9))
place = np.arange(len(found))[::-1]
ax.hlines(place, found["lower"], found["upper"], color=BLUE, lw=2)
ax.plot(found["AUROC"], place, "o", color=BLUE, ms=7)
ax.axvline(0.5, color=GREY, lw=1)
ax.set_yticks(place, found["way"])
ax.set(xlabel="AUROC, subjects left out", xlim=(min(0.4, found["lower"].min() - 0.02), 1.01), ylim=(-0.6, len(found) - 0.4))
fig.tight_layout()
chapter.figure(
    fig, "fig-ways", watermark=mark, data=found,
    caption="Area under the ROC curve by the way of joining, on subjects who were left out; lines are intervals of "
            "confidence over subjects, with the folds as they are.",
    alt="Points with intervals: first alone {auc.first:.2f}, second alone {auc.second:.2f}, side by side {auc.values:.2f}, "
        "embeddings {auc.embedding:.2f}, scores {auc.scores:.2f}.")

# %% tags=["hide-input"]
complete = derive("complete.rows", lambda t: t[~t[names].isna().any(axis=1)].reset_index(drop=True), table)
few = int(complete.value.groupby("subject")["outcome"].first().value_counts().min())
strict = {w: derive(f"complete.scores.{w}", lambda t, w: out_of_fold(t, replace(how, way=w), seed, count=min(count, few)),
                    complete, w=w) for w in ("first", "embedding")}
derive("complete.subjects", lambda t: t["subject"].nunique(), complete, unit="subjects")


def paired(a, b, t):
    """Embeddings against the first modality alone, one mean score per subject."""
    (x, outcome), (y, _) = (subject_scores(s, t["outcome"], t["subject"]) for s in (a, b))
    return delong_test(outcome, x, y)


for key, field in (("gain", "estimate"), ("p", "p")):
    derive(f"complete.{key}", lambda a, b, t, f: getattr(paired(a, b, t), f), strict["embedding"], strict["first"], complete,
           f=field, precision="iterative", about="embeddings minus the first alone, complete cases")
chapter.say("On the {complete.subjects} subjects with both modalities, trained on them only, embeddings exceed the first "
            "modality alone by {complete.gain:.2f} (*p* = {p}, DeLong, folds taken as given).",
            p=f"{chapter['complete.p'].value:.2g}")

# %% [markdown]
# ### Would it hold at another site?
#
# A model that recognises the site can predict an outcome that is more frequent there. Beside each other: the area within
# groups when subjects are left out, and when whole groups are.


# %% tags=["hide-input"]
def within(s, t):
    """Areas within groups that hold both outcomes, weighted by subjects; not-a-number if there is none."""
    held = [(area_of(s, t, (t["group"] == g).to_numpy()), t.loc[t["group"] == g, "subject"].nunique())
            for g, part in t.groupby("group") if part["outcome"].nunique() == 2]
    return float(np.average([a for a, _ in held], weights=[n for _, n in held])) if held else float("nan")


if data["group"].nunique() > 1:
    away = derive("away.scores", lambda t: out_of_fold(t, how, seed, leave_group_out(t["group"])), table)
    derive("within.known", within, scores["embedding"], table, precision="iterative", about="within groups, groups known")
    derive("within.new", within, away, table, precision="iterative", about="within groups, whole groups left out")
    chapter.say("Within groups the embeddings reach {within.known:.2f} when other subjects of the group were trained on, and "
                "{within.new:.2f} in a group that the model has never met.")
else:
    chapter.say("There is one group, so nothing is known about another.")

# %% [markdown]
# ### Which columns go with the outcome?
#
# A subject counts once, by the mean of its measured values. Filled values cannot come here: the test refuses them.

# %%
filled = fill_from(first, second, np.arange(len(data)))
try:
    rank_test_measured(filled.values[:, 0], data["outcome"], data["subject"], imputed=filled.imputed[:, 0])
except ImputedValuesError as refusal:
    chapter.say("The package says: “{words}”", words=str(refusal))

# %% tags=["hide-input"]
rows = []
for name in names:
    t = rank_test_measured(data[name], data["outcome"], data["subject"])
    rows.append({"column": name, "with": t.with_outcome, "without": t.without, "left out": t.left_out, "AUROC": t.auc, "p": t.p})
tests = pd.DataFrame(rows)
tests["p, adjusted"] = multipletests(tests["p"], method="fdr_bh")[1]
derive("tests.least_p", lambda t: min(rank_test_measured(t[n], t["outcome"], t["subject"]).p for n in names), table,
       precision="iterative", about="smallest p of a column, before adjustment")
chapter.table(tests.sort_values("p", kind="stable").head(12), "tab-tests",
              "Columns against the outcome, on measured values only: subjects with and without the outcome, subjects left out "
              "because the modality is missing, area, p of the rank-sum test, and p adjusted for all columns "
              "(Benjamini and Hochberg).", formats={"AUROC": ".2f", "p": ".2g", "p, adjusted": ".2g"})

# %% [markdown] tags=["paper"]
# ### Many cohorts: what does joining add?
#
# One cohort says little. The same comparison over many simulated cohorts, once with factors that only one modality
# shows, once with both seeing the same. *Raw* is all pixels side by side; *features* are six summaries of each image.

# %% tags=["paper", "hide-input"]
joined = chapter.simulated("joining", joining_study(cohorts, subjects, regions_each, seed, truth, how))


def average(t, **where):
    """Mean area of the rows that fit."""
    return float(t.loc[(t[list(where)] == pd.Series(where)).all(axis=1), "auc"].mean())


for knowledge in ("private", "shared"):
    for way in joined.value["way"].unique():
        derive(f"study.{knowledge}.{way}", lambda t, k, w: average(t, knowledge=k, way=w), joined, k=knowledge, w=way,
               precision="iterative", about="mean AUROC over cohorts")
    derive(f"gain.{knowledge}", lambda t, k: average(t, knowledge=k, way="embedding")
           - max(average(t, knowledge=k, way=w) for w in ("first", "second")), joined, k=knowledge, precision="iterative",
           about="embeddings minus the better modality alone")
derive("join.raw_minus_embedding", lambda t: average(t, knowledge="private", way="raw")
       - average(t, knowledge="private", way="embedding"), joined, precision="iterative")
fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.3), sharex=True, sharey=True)
ways = list(joined.value["way"].unique())
for ax, knowledge in zip(axes, ("private", "shared"), strict=True):
    part = joined.value[joined.value["knowledge"] == knowledge]
    for i, way in enumerate(ways[::-1]):
        v = part.loc[part["way"] == way, "auc"].to_numpy()
        ax.plot(v, i + np.linspace(-0.22, 0.22, len(v)), ".", color=ORANGE if way in ("first", "second") else BLUE, alpha=0.5)
        ax.plot(v.mean(), i, "|", color=INK, ms=18, mew=2)
    ax.set(title="each knows something of its own" if knowledge == "private" else "both see the same", xlabel="AUROC")
    ax.axvline(0.5, color=GREY, lw=1)
axes[0].set_yticks(range(len(ways)), [w if w not in ("first", "second") else f"{w} alone" for w in ways[::-1]])
fig.tight_layout()
chapter.figure(
    fig, "fig-joining", watermark="simulated", data=joined.value,
    caption="Areas on subjects left out, a point for each of {n} simulated cohorts of {m} subjects; bars are means.", n=cohorts,
    m=subjects, alt="With private factors the best modality alone averages {study.private.second:.2f} or "
    "{study.private.first:.2f}, embeddings {study.private.embedding:.2f}, raw values {study.private.raw:.2f}; with shared "
    "factors embeddings gain {gain.shared:.3f}.")

# %% tags=["paper", "hide-input"]
chapter.say("Where each modality knows something of its own, embeddings gain {gain.private:.3f} over the better one alone; "
            "where both see the same, {gain.shared:.3f}. Raw values side by side stand {join.raw_minus_embedding:+.3f} from "
            "embeddings ({study.private.embedding:.2f}); scores average {study.private.scores:.2f}. Features average "
            "{study.private.features:.2f} here and {study.shared.features:.2f} where both see the same: six summaries that were "
            "fixed without regard to the patterns measure the shared factor and miss the private ones. Joining cannot bring "
            "back what a feature does not measure.")

# %% [markdown] tags=["paper"]
# ### Results from nothing
#
# The outcome is dealt again among the subjects by lot. Whatever is above one half is then a mistake of the analysis. Two
# are shown: regions of one subject on both sides of the split, and columns chosen on all rows before the folds were made.

# %% tags=["paper", "hide-input"]
leaks = chapter.simulated("leaks", leakage_study(cohorts, subjects, regions_each, seed, truth, how))
for outcome, key in (("true", "leak"), ("by lot", "null")):
    for split in ("subjects", "rows", "selected"):
        derive(f"{key}.{split}", lambda t, o, s: average(t, outcome=o, split=s), leaks, o=outcome, s=split,
               precision="iterative", about=f"mean AUROC, outcome {outcome}")
derive("leak.rows_minus_subjects", lambda a, b: a - b, chapter["leak.rows"], chapter["leak.subjects"], precision="iterative")
fig, ax = plt.subplots(figsize=(6.6, 3.2))
words = {"subjects": "subjects left out", "rows": "rows at random", "selected": "columns chosen before"}
for i, split in enumerate(list(words)[::-1]):
    for outcome, colour, dy in (("true", BLUE, 0.16), ("by lot", ORANGE, -0.16)):
        rows = (leaks.value["split"] == split) & (leaks.value["outcome"] == outcome)
        v = leaks.value.loc[rows, "auc"].to_numpy()
        ax.plot(v, i + dy + np.linspace(-0.1, 0.1, len(v)), ".", color=colour, alpha=0.6)
        ax.plot(v.mean(), i + dy, "|", color=INK, ms=12, mew=2)
        if i == 0:
            ax.plot([], [], ".", color=colour, label="outcome as it is" if outcome == "true" else "outcome by lot")
ax.axvline(0.5, color=GREY, lw=1)
ax.set_yticks(range(3), list(words.values())[::-1])
ax.set(xlabel="AUROC that is reported")
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
fig.tight_layout()
chapter.figure(
    fig, "fig-leakage", watermark="simulated", data=leaks.value,
    caption="The area that is reported under three splits, with the outcome as it is and dealt by lot. Points are cohorts.",
    alt="By lot: subjects left out {null.subjects:.2f}, rows at random {null.rows:.2f}, columns chosen before "
        "{null.selected:.2f}. As it is: {leak.subjects:.2f}, {leak.rows:.2f} and {leak.selected:.2f}.")

# %% [markdown] tags=["paper"]
# ### When the images do not lie on each other
#
# The paper asks that the size of matched regions follow the registration error. Here the second image of every subject is
# displaced; raw values feel it pixel by pixel, features only where they depend on place.

# %% tags=["paper", "hide-input"]
moved = chapter.simulated("displaced", shift_study(cohorts, subjects, regions_each, seed, truth, how,
                                                   (0.0, shift_px / 2, shift_px)))
for way in ("raw", "features"):
    derive(f"shift.{way}_loss", lambda t, w, s: average(t, shift=0.0, way=w) - average(t, shift=s, way=w), moved, w=way,
           s=shift_px, precision="iterative", about="mean AUROC lost by the displacement")
derive("shift.raw_minus_features", lambda a, b: a - b, chapter["shift.raw_loss"], chapter["shift.features_loss"],
       precision="iterative")
chapter.table(moved.value.groupby(["way", "shift"], as_index=False)["auc"].mean(), "tab-shift",
              "Mean area on subjects left out, by displacement of the second image (SD along each axis, pixels). Simulated.",
              formats={"auc": ".3f", "shift": "g"})

# %% [markdown] tags=["paper"]
# ### Values that were never measured
#
# Filling gaps may help a model to use incomplete subjects. In a test it does harm: below, the two modalities have
# nothing to do with each other, yet what was filled in from one of course agrees with it.

# %% tags=["paper", "hide-input"]
filled_study = chapter.simulated("filling", imputation_study(cohorts, subjects, regions_each, seed, truth, how, lost))
derive("imputation.gain", lambda t: average(t, missing="impute") - average(t, missing="drop"), filled_study,
       precision="iterative", about="filled rows train too, minus dropped; area on complete subjects")
false = chapter.simulated("unrelated modalities", false_relations(repeats, subjects, lost, seed))
for kind in ("imputed", "complete"):
    derive(f"{kind}.rejected", lambda t, k: float((t.loc[t["values"] == k, "p"] < 0.05).mean()), false, k=kind,
           precision="resampled", about="share of p below .05, modalities unrelated")
fig, ax = plt.subplots(figsize=(5.4, 3.4))
for kind, colour in (("imputed", ORANGE), ("complete", BLUE)):
    p = np.sort(false.value.loc[false.value["values"] == kind, "p"])
    ax.plot(p, np.arange(1, len(p) + 1) / len(p), color=colour, lw=2,
            label="filled values counted" if kind == "imputed" else "complete cases")
ax.plot([0, 1], [0, 1], color=GREY, lw=1, label="what p should do")
ax.set(xlabel="p of the correlation", ylabel="share of tests with a smaller p", xlim=(0, 1), ylim=(0, 1))
ax.legend(loc="lower right", frameon=False)
fig.tight_layout()
chapter.figure(
    fig, "fig-imputed", watermark="simulated", data=false.value,
    caption="Tests of two unrelated modalities, {share:.0f} % of the second filled in from the first.", share=100 * lost,
    alt="With complete cases the share of small p follows the diagonal, {complete.rejected:.3f} below one in twenty; with "
        "filled values {imputed.rejected:.2f} are.")

# %% tags=["paper", "hide-input"]
chapter.say("At a level of {level} %, tests of complete cases reject in {complete.rejected:.3f} of simulations and tests that "
            "count filled values in {imputed.rejected:.2f}. For prediction, letting filled rows train changes the area by "
            "{imputation.gain:+.3f}. A displacement of {shift:g} pixels costs raw values {shift.raw_loss:.3f} and features "
            "{shift.features_loss:.3f}, which had {study.private.features:.2f} to begin with.", level=5, shift=shift_px)

# %% [markdown] tags=["paper"]
# ## Does it agree?
#
# No printed number is scored. Expectations of the method, written down before the first run, are judged.

# %% tags=["paper", "hide-input"]
expected = load_yaml(paths.root() / "data" / "predictions" / "bischof2024-02.yaml")["predictions"]
judged = pd.DataFrame([{"expected": p["statement"], "from": p["range"][0], "to": p["range"][1],
                        "came out": chapter[p["result"]].value} for p in expected])
judged["held"] = judged["came out"].between(judged["from"], judged["to"]).map({True: "yes", False: "no"})
verdicts = chapter.simulated("judged predictions", judged)
for name, word in (("held", "yes"), ("failed", "no")):
    derive(f"predictions.{name}", lambda t, w: int((t["held"] == w).sum()), verdicts, w=word, unit="predictions")
chapter.table(judged, "tab-predictions", "What was written down before the first run, and what came out.",
              formats=dict.fromkeys(("from", "to", "came out"), ".3g"))

# %% tags=["paper", "hide-input"]
wrong = [f"{p.expected} (came out {p.came:.2f}, expected {p.low:g} to {p.high:g})" for p in judged.rename(columns={"came out": "came", "from": "low", "to": "high"}).itertuples() if p.held == "no"]
chapter.say("{predictions.held} of the expectations came out within their range and {predictions.failed} did not" + (": {list}." if wrong else ".")
            + " For size: rows at random report {null.rows:.2f} from an outcome by lot, where one half is right, and tests that count "
            "filled values find a false relation in {imputed.rejected:.3f} of simulations, where {level} are right.",
            list="; ".join(wrong), level=0.05)

# %% [markdown] tags=["paper"]
# ## The two boxes, as a checklist
#
# Box 1 advises those who plan an experiment, Box 2 addresses the field. In own words, with the item that a data set or a
# run would have to state, and where this project follows. What is not stated is listed as missing, never filled in.

# %% tags=["paper", "hide-input"]
advice = [
    ("Box 1, 1", "plan with experts of every modality: preparation, markers, transfer, controls", "modality; scale",
     "every data set is asked for both, and the page of data sets lists what is missing"),
    ("Box 1, 2", "choose the order of acquisition so that one method does not spoil the sample for the next",
     "acquisition order", "asked of every data set; it can only be stated, never computed"),
    ("Box 1, 3", "agree with those who compute, before acquisition, on what comes out and how",
     "independence unit; units", "templates of every table, before acquisition; the subject is the unit here"),
    ("Box 1, 4", "know where instruments stand, and how samples travel and are kept", "contact",
     "not a matter of computation"),
    ("Box 1, 5", "settle names, formats, storage and metadata while acquiring", "units; scale; licence",
     "formats are read as they are and refused with a reason; units are declared and converted"),
    ("Box 1, 6", "pilot a new workflow at small scale", "registration method and error",
     "every chapter runs on a few rows; design pages say what a sample size can show"),
    ("Box 2, 1–3", "forums, open infrastructure and training across domains", "contact", "not a matter of computation"),
    ("Box 2, 4", "share data sets and software so that they are found and used again", "licence; contact",
     "code is open; data sets carry licence, source and checksum, and are fetched, not copied"),
    ("Box 2, 5–6", "work with industry and with funders", "none", "not a matter of computation"),
    ("Data analysis", "match regions no finer than the registration error; estimate it", "registration method and error",
     "schroers2026/01 measures it; this chapter displaces images by it"),
    ("Data analysis", "observations that are independent are few; take care with imputed values", "independence unit",
     "folds of subjects are enforced; filled values are flagged and refused in tests"),
]
checklist = pd.DataFrame(advice, columns=["where", "advice", "states", "here"])
chapter.table(checklist, "tab-checklist", "Recommendations of the perspective, what a data set or run would state, and where "
              "the project follows.")

# %% [markdown]
# ## What would change the conclusion
#
# Joining pays where the modalities know different things, and that is a property of the disease, not of the method: look
# at each modality alone first. With few subjects a strong penalty or few components matter more than the way of joining;
# both are parameters above. Outcomes that differ between sites need whole sites left out. Missing values that depend on
# the outcome (the sickest are not scanned) bias every line of this page, filled or not.
#
# ## Not shown
#
# Networks that learn from images, and fusion inside them: the subjects of such cohorts are too few to compare them
# honestly here. Multiple imputation, which carries the uncertainty of filled values into intervals, is not offered; until
# it is, tests use measured values. The methods are in `compendium.radiopathomics.fusion` and
# `compendium.radiopathomics.imputation`, the cohort in `compendium.cohorts.two_modalities`.

# %%
chapter.save()
