"""Chapter 06 of grussu2025 on tables that its own cohort did not make, with other parameters, and with authors' files.

No published table is here: the files in the authors' layout are made by this test, with headers as the paper's symbols.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compendium import paths
from compendium.cohorts.grussu_phenotype import Ages, Targets, illustration_cohort
from compendium.evidence.assess import assess
from compendium.evidence.claims import load_study
from compendium.run.inputs import InputError, validate
from compendium.statistics.combat import combat

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "grussu2025/06"
QUICK = {"resamples": 60, "splits": 2, "repeats": 4}


def users_tumours(n=66, clusters=15):
    """Volume grows with cell size, Ki-67 falls with it; columns out of order, names of their own."""
    rng = np.random.default_rng(21)
    size = rng.uniform(14, 34, n)
    return pd.DataFrame({
        "Ki-67": np.where(np.arange(n) % 4 == 0, np.clip(0.5 - 0.012 * size + 0.01 * rng.standard_normal(n), 0, 1), np.nan),
        "note": "x", "F_MRI": rng.uniform(0.2, 0.7, n), "vCS_MRI": size, "ADC": rng.uniform(0.7, 1.9, n), "K": rng.uniform(0.3, 1.4, n),
        "D0,I": rng.uniform(0.9, 2.8, n), "TV": 10 ** (1 + 0.09 * size + 0.2 * rng.standard_normal(n)),
        "Patient ID": [f"s{i % clusters}" for i in range(n)],
    })  # fmt: skip


def users_patients(n=44):
    """Two groups and a third on two scanners; F_MRI is higher by one SD in melanoma, the scanner adds two to all."""
    rng = np.random.default_rng(22)
    primary = np.array(["Rectal", "Melanoma", "colon cancer", "breast"])[np.arange(n) % 4]
    scanner = np.where(np.arange(n) % 3 == 0, "B", "A")
    shift = 2 * (scanner == "B")
    return pd.DataFrame({
        "Primary cancer": primary, "K": 0.9 + 0.1 * (rng.standard_normal(n) + shift), "MRI scanner": scanner,
        "F_MRI": 0.3 + 0.05 * (rng.standard_normal(n) + shift + (primary == "Melanoma")),
        "ADC": 1.2 + 0.1 * (rng.standard_normal(n) + shift), "patient": [f"q{i}" for i in range(n)],
        "F_histo": np.where(np.arange(n) % 5, rng.uniform(0.4, 0.9, n), np.nan), "immunotherapy": (np.arange(n) < 6).astype(int),
    })  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(tables=None, paper=False, **parameters):
        for name, table in (tables or {}).items():
            path = tmp_path / f"{name}.csv"
            table.to_csv(path, index=False)
            parameters[name] = str(path)
        monkeypatch.setenv("COMPENDIUM_BUILD", str(tmp_path / "build"))
        return chapter_run.run_chapter(
            CHAPTER, tmp_path / "out", monkeypatch, paper=paper, **{**QUICK, **parameters}
        )

    return start


@pytest.fixture(scope="module")
def paper_run(tmp_path_factory):
    """Results of the default run without any file of the authors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPENDIUM_BUILD", str(tmp_path_factory.mktemp("build")))
        return chapter_run.run_chapter(CHAPTER, tmp_path_factory.mktemp("base"), patch, paper=True, **QUICK)


@pytest.fixture(scope="module")
def base(paper_run):
    return values(paper_run)


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory):
    """A user's run with the parameters as they are."""
    folder = tmp_path_factory.mktemp("user")
    users_tumours().to_csv(folder / "t.csv", index=False)
    users_patients().to_csv(folder / "p.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        found = chapter_run.run_chapter(
            CHAPTER,
            folder / "out",
            patch,
            tumours=str(folder / "t.csv"),
            patients=str(folder / "p.csv"),
            **QUICK,
        )
    return values(found)


def test_tumours_alone_show_what_was_planted(run):
    results = run({"tumours": users_tumours()}, folds=3)
    got = values(results)
    assert (got["table.tumours.n"], got["table.tumours.patients"], got["table.ki67.n"]) == (66, 15, 17)
    assert got["table.ki67.vcs_mri.r"] < -0.95 and got["table.volume.vcs_mri.log_r"] > 0.85
    assert got["table.volume.vcs_mri.log_lower"] > 0.7 and got["table.volume.vcs_mri.within"] > 0.8
    assert got["table.folds.d0_vcs.cubic.patients"] > 0.6 > abs(got["table.folds.dki.cubic.patients"])
    assert results["results"]["table.ki67.vcs_mri.r"]["evidence"] == "user"
    assert not any(k.startswith(("ki67.", "groups.", "table.groups", "combat", "clusters")) for k in got)


def test_patients_alone_are_harmonised_and_compared(run):
    got = values(run({"patients": users_patients()}))
    assert (got["table.groups.f_mri.first"], got["table.groups.f_mri.second"]) == (11, 22)
    assert 0.02 < got["table.groups.f_mri.estimate"] < 0.09 and got["table.groups.f_mri.p"] < 0.05
    assert abs(got["table.groups.k.statistic"]) < 2.1 and "table.tumours.n" not in got
    assert got["table.groups.f_histo_all.first"] > got["table.groups.f_histo.first"]


def test_before_and_after_find_the_variant_that_was_used(run):
    before = users_patients()
    columns = ["K", "F_MRI", "ADC"]
    after = before.copy()
    keep = {
        "m": (before["Primary cancer"] == "Melanoma").astype(float),
        "c": before["Primary cancer"].isin(["Rectal", "colon cancer"]).astype(float),
    }
    after[columns] = combat(before[columns], before["MRI scanner"], reference="A", covariates=keep).values
    got = values(run({"patients": before, "harmonised": after.sample(frac=1, random_state=1)}))
    assert (
        got["table.combat.exact"] == 1
        and got["table.combat.largest"] < 1e-9
        and got["table.combat.reference"] == 0
    )
    got = values(
        run(
            {
                "patients": before,
                "harmonised": after.assign(K=after["K"] + 0.02 * (before["MRI scanner"] == "B")),
            }
        )
    )
    assert got["table.combat.exact"] == 0 and got["table.combat.largest"] > 0.05


def test_scanner_that_follows_the_group_is_not_harmonised(run):
    table = users_patients()
    table["MRI scanner"] = np.where(table["Primary cancer"] == "Melanoma", "B", "A")
    got = values(run({"patients": table}))
    assert got["table.scanner.v"] == pytest.approx(1) and got["table.groups.f_mri.p"] is None


def test_sparse_tables_still_run(run):
    few = users_tumours(12, 4)[["Patient ID", "vCS_MRI", "TV"]]
    got = values(run({"tumours": few}))
    assert got["table.tumours.n"] == 12 and "table.ki67.n" not in got
    single = users_tumours(9, 1)
    assert values(run({"tumours": single}))["table.tumours.patients"] == 1
    gaps = users_tumours()
    gaps.loc[[1, 2], "vCS_MRI"] = np.nan
    gaps.loc[3, "TV"] = np.nan
    assert values(run({"tumours": gaps}))["table.tumours.n"] == 65
    other = users_patients().assign(**{"Primary cancer": "breast"})
    assert not any(k.startswith("table.groups") for k in values(run({"patients": other})))
    bare = users_patients().drop(columns=["MRI scanner", "immunotherapy", "F_histo"])
    assert values(run({"patients": bare}))["table.groups.f_mri.first"] == 11


@pytest.mark.parametrize(("schema", "change", "message"), [
    ("liver_tumours", lambda t: t.assign(TV=t["TV"] / 1e6), "millilitres"),
    ("liver_tumours", lambda t: t.assign(**{"Ki-67": 19.7}), "between 0 and 1"),
    ("liver_tumours", lambda t: t.drop(columns="Patient ID"), "patient"),
    ("liver_tumours", lambda t: t[["Patient ID", "TV"]], "at least one of"),
    ("liver_tumours", lambda t: t.assign(vCS_MRI="large"), "number"),
    ("liver_patients", lambda t: t.assign(patient="one"), "unique"),
])  # fmt: skip
def test_tables_that_cannot_be_used_are_refused_in_one_line(tmp_path, schema, change, message):
    path = tmp_path / "bad.csv"
    table = users_patients() if schema == "liver_patients" else users_tumours()
    change(table).to_csv(path, index=False)
    with pytest.raises(InputError, match=message) as caught:
        validate(path, schema)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("parameter", "value", "moves"), [
    ("seed", 2, "table.volume.vcs_mri.log_lower"), ("folds", 4, "table.folds.d0_vcs.eq17.tumours"), ("splits", 20, "table.folds.d0_vcs.most"),
    ("resamples", 150, "table.volume.vcs_mri.log_lower"), ("first_group", "breast", "table.groups.f_mri.p"),
    ("second_group", "breast", "table.groups.f_mri.p"), ("exclude_treated", False, "table.groups.f_histo.p"),
    ("reference_scanner", "B", "table.groups.f_mri.estimate"),
])  # fmt: skip
def test_each_parameter_moves_what_it_should(run, unchanged, parameter, value, moves):
    tables = {"tumours": users_tumours(), "patients": users_patients()}
    after = values(run(tables, **{parameter: value}))[moves]
    assert None not in (unchanged[moves], after) and unchanged[moves] != after


@pytest.mark.parametrize(("parameter", "value", "moves"), [
    ("cohort_seed", 3, "table.volume.f_mri.log_r"), ("repeats", 6, "combat.seen.none"),
])  # fmt: skip
def test_parameters_of_the_paper_run_move_what_they_should_and_no_more(run, base, parameter, value, moves):
    got = values(run(paper=True, **{parameter: value}))
    assert got[moves] != base[moves]
    assert {k: v for k, v in got.items() if k.startswith(("ki67.", "volume.", "eq17."))} == {
        k: v for k, v in base.items() if k.startswith(("ki67.", "volume.", "eq17."))
    }


@pytest.mark.parametrize(
    ("parameter", "value"), [("folds", 1), ("repeats", 1), ("resamples", 10), ("first_group", "colorectal")]
)
def test_parameters_out_of_range_are_refused(run, parameter, value):
    with pytest.raises(ValueError, match="2 or more"):
        run({"tumours": users_tumours()}, **{parameter: value})


# Files in the authors' layout, made here

S3 = {"vcs_mri_um": "vCS_MRI", "cd_mri_per_mm3": "CD_MRI", "f_mri": "F_MRI", "d0_um2_ms": "D0_I", "adc_um2_ms": "ADC", "kurtosis": "K",
      "vcs_histo_um": "vCS_histo", "cd_histo_per_mm2": "CD_histo", "f_histo": "F_histo", "f_ki67": "F_Ki67", "volume_mm3": "TV",
      "primary": "Primary cancer", "patient": "Patient ID", "scanner": "Scanner", "after_treatment": "Immunotherapy"}  # fmt: skip


TARGETS = Targets(
    ki67={"vcs_mri_um": -0.53, "vcs_histo_um": -0.68, "cd_mri_per_mm3": 0.80, "cd_histo_per_mm2": 0.66, "adc_um2_ms": 0.17,
          "kurtosis": 0.12, "f_mri": -0.35, "d0_um2_ms": 0.07},
    cases={"f_ki67": (0.197, 0.008), "vcs_histo_um": (23.41, 27.5), "cd_histo_per_mm2": (5240, 2440),
           "vcs_mri_um": (25.15, 29.39), "cd_mri_per_mm3": (2.08e5, 0.58e5)},
    volumes=(21e3, 431e3), volume={"d0_um2_ms": -0.305, "vcs_mri_um": 0.256, "adc_um2_ms": -0.092, "kurtosis": -0.035},
    predicted=(0.396, 0.244), ages=Ages((61.88, 11.90), (61.1, 12.0)),
    groups={"f_mri": 2.82, "adc_um2_ms": -2.23, "f_histo": 2.45},
)  # fmt: skip


@pytest.fixture
def dropped_in(tmp_path):
    """Write the three files where the manifest says, from another draw of the cohort than the chapter's."""
    cohort = illustration_cohort(TARGETS, 5, seed=4)
    folder = tmp_path / "build" / "data" / "grussu2025"
    folder.mkdir(parents=True)
    for i, frame in enumerate((cohort.tumours, cohort.patients, cohort.harmonised), start=3):
        frame.rename(columns=S3).to_csv(folder / f"supplementary-data-{i}.csv", index=False)
    return cohort


def test_files_of_the_authors_turn_claims_from_not_obtained_to_scored(run, base, dropped_in):
    results = run(paper=True)
    assert {k for k, v in results["data_read"].items() if v} == {
        "grussu2025-s3",
        "grussu2025-s4",
        "grussu2025-s5",
    }
    claims = load_study(paths.root() / "data" / "claims" / "grussu2025.yaml").claims
    mine = [
        c
        for c in claims.values()
        if c.result and c.result.startswith("grussu2025/06") and c.evidence == "not-obtained"
    ]
    assert len(mine) > 60
    status = {c.id.split("/")[1]: assess(c, results["results"][c.result.split("#")[1]]) for c in mine}
    assert {a.evidence for a in status.values()} == {"author-data"}
    for name in ("ki67-cd-mri-r", "volume-d0-r", "crc-f-mri-p", "crc-f-histo-p", "age-mean", "primary-colon", "biopsied-melanoma",
                 "scanner-15t-patients", "ovarian-cd-mri", "hcc-volume", "tumours-metastases", "melanoma", "he-melanoma", "ki67-crc"):  # fmt: skip
        assert status[name].status == "reproduced", (name, status[name])
    assert results["results"]["table.combat.exact"]["value"] == 1
    assert set(values(results)) >= {k for k in base if k.startswith("table.")}


def test_without_the_files_the_same_claims_stay_not_obtained(paper_run):
    results = paper_run
    claims = load_study(paths.root() / "data" / "claims" / "grussu2025.yaml").claims
    for claim in claims.values():
        if claim.result and claim.result.startswith("grussu2025/06") and claim.evidence == "not-obtained":
            found = assess(claim, results["results"][claim.result.split("#")[1]])
            assert (found.status, found.evidence) == ("not scored", "not-obtained"), claim.id


def test_a_file_with_another_value_is_scored_as_such(run, dropped_in, tmp_path):
    path = tmp_path / "build" / "data" / "grussu2025" / "supplementary-data-5.csv"
    table = pd.read_csv(path)
    rng = np.random.default_rng(1)
    table["F_MRI"] = rng.permutation(table["F_MRI"])
    table.to_csv(path, index=False)
    claim = load_study(paths.root() / "data" / "claims" / "grussu2025.yaml").claims["grussu2025/crc-f-mri-p"]
    results = run(paper=True)["results"]
    assert assess(claim, results["table.groups.f_mri.p"]).status == "inconsistent"
