"""Chapter 05 of grussu2025 on other tables, with other parameters, and with tables laid where the authors' belong."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compendium import paths
from compendium.cohorts.grussu_cases import illustration_cohort
from compendium.cohorts.grussu_printed import printed_targets
from compendium.evidence.assess import assess
from compendium.evidence.claims import load_study

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
CHAPTER = "grussu2025/05_mri_vs_histology"
LABEL = "# made for a test in the layout that is expected of the authors' table; no measured value\n"
HEADERS = {"case": "Sample ID", "group": "Species", "f_histo": "F_histo", "vcs_histo": "vCS_histo", "cd_histo": "CD histology",
           "adc": "DKI ADC", "k": "DKI K", "scanner": "MRI scanner", "f_diff_in": "F_MRI_Diff-in", "vcs_diff_in": "Diff-in_vCS"}  # fmt: skip


def claims():
    return load_study(paths.root() / "data" / "claims" / "grussu2025.yaml").claims


def judged(results: dict) -> dict:
    """Assessments of the claims that point to this chapter, by name."""
    own = {n.split("/")[1]: c for n, c in claims().items() if c.result and c.result.startswith(f"{CHAPTER}#")}
    return {name: assess(c, results["results"][c.result.split("#")[1]]) for name, c in own.items()}


def run(folder, patch, **parameters):
    return chapter_run.run_chapter(CHAPTER, folder, patch, **{"resamples": 60, **parameters})


@pytest.fixture(scope="module")
def invented():
    return illustration_cohort(*printed_targets(lambda name: claims()[f"grussu2025/{name}"].interval.centre))


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPENDIUM_BUILD", str(tmp_path_factory.mktemp("empty")))
        return run(tmp_path_factory.mktemp("usual"), patch, paper=True)


def lay(build: Path, number: int, table: pd.DataFrame) -> None:
    """Put a table where the authors' one belongs, under headers that they may have used."""
    path = build / "data" / "grussu2025" / f"supplementary-data-{number}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(LABEL + table.rename(columns=HEADERS).to_csv(index=False), encoding="utf-8")


def test_without_tables_the_printed_numbers_are_judged_and_the_others_are_not_obtained(usual):
    found = judged(usual)
    waiting = {n for n, a in found.items() if a.evidence == "not-obtained"}
    assert len(waiting) == 18 and {"t1-vcs-r", "cd-vcs-mri-r", "mice-control"} <= waiting
    assert {a.status for n, a in found.items() if n in waiting} == {"not scored"}
    assert {a.status for n, a in found.items() if n not in waiting} == {"consistent"}
    assert usual["data_read"] == {"grussu2025-s1": None, "grussu2025-s2": None}


def test_both_tables_turn_every_claim_that_needs_them_to_scored(tmp_path, monkeypatch, invented, usual):
    monkeypatch.setenv("COMPENDIUM_BUILD", str(tmp_path / "build"))
    lay(tmp_path / "build", 1, invented.whole)
    lay(tmp_path / "build", 2, invented.high)
    results = run(tmp_path / "out", monkeypatch, paper=True)
    found, before = judged(results), judged(usual)
    assert set(results["results"]) == set(usual["results"]) and set(results["figures"]) == set(
        usual["figures"]
    )
    turned = {n for n in found if before[n].evidence == "not-obtained"}
    assert {found[n].evidence for n in turned} == {"author-data"}
    assert {found[n].status for n in turned} == {
        "reproduced"
    }  # the table was made to have the printed values
    assert found["tcs"].status == "consistent" and "the authors' table" in str(
        results["results"]["tcs"]["routes"]
    )
    assert results["results"]["high.diff_in.tcs"]["uses"] == ["data:grussu2025-s1", "data:grussu2025-s2"]


def test_one_table_scores_its_own_claims_and_values_that_differ_are_inconsistent(
    tmp_path, monkeypatch, invented
):
    monkeypatch.setenv("COMPENDIUM_BUILD", str(tmp_path / "build"))
    other = invented.high.assign(
        vcs_diff_in=invented.high["vcs_diff_in"].sample(frac=1, random_state=3).to_numpy()
    )
    lay(tmp_path / "build", 2, other.assign(case=[f"K{i}" for i in range(25)]).drop(columns="cd_diff_in"))
    results = run(tmp_path / "out", monkeypatch, paper=True)
    found = judged(results)
    assert (found["t1-vcs-r"].status, found["t1-f-r"].status) == ("inconsistent", "reproduced")
    assert found["t1-cd-r"].status == "not testable"  # no such column
    assert results["results"]["whole.diff_in.tcs"]["evidence"] == "illustration"
    assert found["tcs"].status == "inconsistent" and found["tcs"].evidence == "author-data"


def user_table(seed: int = 2, n: int = 14) -> pd.DataFrame:
    """One group, two models of other names, other order of columns, missing values, no density and no votes."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(12, 30, n)
    table = pd.DataFrame({
        "vcs_mine": size + rng.normal(0, 2, n), "f_mine": rng.uniform(0.3, 0.6, n), "k": rng.uniform(0.5, 1.5, n),
        "vcs_theirs": rng.uniform(10, 30, n), "f_theirs": rng.uniform(0.3, 0.6, n), "vcs_histo": size,
        "case": [f"c{i}" for i in range(n)], "f_histo": rng.uniform(0.5, 0.9, n),
    })  # fmt: skip
    table.loc[3, "f_theirs"] = np.nan
    return table


def test_a_users_table_with_one_group_other_models_and_gaps(tmp_path, monkeypatch):
    path = tmp_path / "mine.csv"
    user_table().to_csv(path, index=False)
    results = run(tmp_path / "out", monkeypatch, whole=str(path))
    value = chapter_run.values(results)
    table = user_table()
    assert (value["cases.n"], value["cases.dropped"]) == (13, 1)
    assert value["pair.vcs.pooled"] == pytest.approx(np.corrcoef(table["vcs_mine"], table["vcs_histo"])[0, 1])
    assert (
        value["pair.vcs.within"] is None
        and value["pair.cd.pooled"] is None
        and value["pair.k.f.pooled"] is not None
    )
    assert {e["evidence"] for e in results["results"].values()} == {"user"}
    assert "mice.control" not in value and not any("high." in name for name in value)
    other = chapter_run.values(run(tmp_path / "again", monkeypatch, whole=str(path), model="theirs"))
    assert other["pair.vcs.pooled"] == pytest.approx(table["vcs_theirs"].corr(table["vcs_histo"]))
    with pytest.raises(ValueError, match="model must be one of mine, theirs. Given 'none'"):
        run(tmp_path / "no", monkeypatch, whole=str(path), model="none")


def test_seed_and_resamples_move_what_is_resampled_and_alpha_what_is_called_significant(
    tmp_path, monkeypatch, usual
):
    monkeypatch.setenv("COMPENDIUM_BUILD", str(tmp_path / "build"))
    base = chapter_run.values(usual)
    other = chapter_run.values(run(tmp_path / "seed", monkeypatch, seed=2))
    assert other["pair.vcs.within"] != base["pair.vcs.within"]  # other invented cases
    assert other["pair.vcs.pooled"] == pytest.approx(base["pair.vcs.pooled"], abs=1e-9)  # with the printed r
    more = chapter_run.values(run(tmp_path / "more", monkeypatch, resamples=200))
    assert more["high.diff_in.tcs_lower"] != base["high.diff_in.tcs_lower"]
    assert more["high.diff_in.tcs"] == base["high.diff_in.tcs"]
    strict = chapter_run.values(run(tmp_path / "alpha", monkeypatch, paper=True, alpha=0.01))
    assert strict["t1.below.none"] < base["t1.below.none"] and strict["eq16.unclear"] > base["eq16.unclear"]
