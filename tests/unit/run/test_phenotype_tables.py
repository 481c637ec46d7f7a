"""Tables of liver tumours and patients are read under the paper's symbols; what describes them is counted as it stands."""

import math

import numpy as np
import pandas as pd
import pytest

from compendium.io.tables import same_name
from compendium.run.inputs import validate
from compendium.run.phenotype_numbers import CANCERS, describe_patients, describe_tumours
from compendium.run.phenotype_tests import (
    compare_groups,
    correlate,
    fold_correlation,
    harmonise,
    join_tables,
    line_band,
    list_metrics,
    predict_volume,
    replace_mri,
    scanner_against_group,
    select_groups,
    split_tables,
    try_harmonisations,
    with_ki67,
    with_log_volume,
)
from compendium.run.schemas import SCHEMAS
from compendium.run.schemas.phenotype import METRIC, METRICS, MRI, broad_group, name_primary


@pytest.mark.parametrize("schema", ["liver_tumours", "liver_patients"])
def test_every_metric_is_read_under_each_of_its_names(tmp_path, schema):
    for metric in METRICS:
        for alias in (metric.name, *metric.aliases, metric.aliases[0].upper()):
            path = tmp_path / "t.csv"
            pd.DataFrame({"patient": ["a", "b"], alias: [metric.example, ""]}).to_csv(path, index=False)
            got = validate(path, schema)
            assert got[metric.name].tolist()[0] == float(metric.example) and math.isnan(got[metric.name][1])


def test_no_name_means_two_columns():
    for schema in ("liver_tumours", "liver_patients"):
        names = [n for f in SCHEMAS[schema].fields for n in {same_name(m) for m in (f.name, *f.aliases)}]
        assert len(names) == len(set(names))


def test_metrics_of_mri_are_those_that_are_harmonised():
    assert set(MRI) == {m for m in METRIC if not m.endswith(("histo", "ki67")) and "histo" not in m}


def test_primaries_are_told_apart_and_joined():
    assert [name_primary(t) for t in ("colorectal", "Colon and rectum", "CRC", "stomach", "other")] == [
        "colorectal", "colorectal", "colorectal", "gastric", "other",
    ]  # fmt: skip
    assert {broad_group(t) for t in ("colon", "Rectal cancer", "CRC")} == {"colorectal"}


def test_description_of_patients_counts_what_is_there_and_only_that():
    table = pd.DataFrame({
        "patient": list("abcd"), "primary": ["colon", "HCC", "melanoma", None], "age": [40.0, 60, 70, None],
        "sex": ["F", "male", "M", None], "scanner": ["1.5 T", "3T GE", "3T", None], "f_histo": [None, 0.5, 0.6, None],
        "after_treatment": pd.array([0, 1, None, None], dtype="Int64"),
    })  # fmt: skip
    got = describe_patients(table)
    assert (got["patients.colon"], got["patients.colon.biopsied"], got["patients.hcc.biopsied"]) == (1, 0, 1)
    assert (got["sex.m"], got["sex.f"], got["sex.m.biopsied"]) == (2, 1, 2)
    assert (got["scanner.low"], got["scanner.high"], got["treated"]) == (1, 2, 1)
    assert got["age.median"] == 60 and got["age.iqr"] == 15 and got["age.mean.biopsied"] == 65
    bare = describe_patients(table[["patient"]])
    assert bare.keys() == got.keys() and math.isnan(bare["age.mean"]) and math.isnan(bare["treated"])
    assert len([k for k in got if k.startswith("patients.")]) == 2 * len(CANCERS)


def test_shown_tumours_are_those_with_most_and_least_ki67():
    tumours = pd.DataFrame(
        {"patient": ["a", "a", "b", "c"], "f_ki67": [0.1, 0.2, 0.03, 0.01], "volume_mm3": [1.0, 2, 3, 4]}
    )
    patients = pd.DataFrame({"patient": ["a", "b", "c"], "primary": ["Ovarian", "HCC", "HCC"]})
    got = describe_tumours(tumours, patients)
    assert (got["ovarian.volume"], got["hcc.volume"], got["primary"], got["metastases"]) == (2, 4, 2, 2)
    unknown = describe_tumours(tumours)
    assert (
        unknown.keys() == got.keys()
        and math.isnan(unknown["primary"])
        and math.isnan(unknown["ovarian.ki67"])
    )


@pytest.fixture
def patients():
    rng = np.random.default_rng(8)
    n = 40
    return pd.DataFrame({
        "patient": [f"p{i}" for i in range(n)], "primary": np.array(["colon", "melanoma", "Rectal", "HCC"])[np.arange(n) % 4],
        "scanner": np.where(np.arange(n) % 3 == 0, "B", "A"), "f_mri": rng.uniform(0.2, 0.6, n), "kurtosis": rng.uniform(0.4, 1.2, n),
        "after_treatment": pd.array([1 if i == 0 else None for i in range(n)], dtype="Int64"),
    })  # fmt: skip


GROUPS = ("melanoma", "colorectal")


def test_groups_are_selected_and_compared_in_the_direction_asked_for(patients):
    assert (
        len(select_groups(patients, GROUPS)) == 30
        and len(select_groups(patients, GROUPS, treated=False)) == 29
    )
    moved = patients.assign(f_mri=patients["f_mri"] + (patients["primary"] == "melanoma"))
    assert (
        compare_groups(moved, "f_mri", GROUPS, "estimate")
        > 0.8
        > -0.8
        > compare_groups(moved, "f_mri", GROUPS[::-1], "estimate")
    )
    assert (
        compare_groups(moved, "f_mri", GROUPS, "first"),
        compare_groups(moved, "f_mri", GROUPS, "second"),
    ) == (10, 20)
    assert math.isnan(compare_groups(moved.assign(f_mri=None), "f_mri", GROUPS, "p"))
    assert scanner_against_group(patients, GROUPS).cramers_v < 0.3


def test_harmonised_tables_are_joined_by_patient_and_the_variant_is_found(patients):
    after = harmonise(patients, "A")
    kept = patients["scanner"] == "A"
    assert after.loc[kept, "f_mri"].equals(patients.loc[kept, "f_mri"]) and not after["f_mri"].equals(
        patients["f_mri"]
    )
    joined = join_tables(patients, after.sample(frac=1, random_state=2))
    assert (
        joined["f_mri"].tolist() == patients["f_mri"].tolist() and len(split_tables(joined)[1].columns) == 2
    )
    assert try_harmonisations(joined, "A", GROUPS)["variant"][0] == "ComBat"
    assert replace_mri(patients, after)["f_mri"].tolist() == after["f_mri"].tolist()


def test_patients_without_a_metric_keep_their_values(patients):
    patients.loc[3, "kurtosis"] = None
    after = harmonise(patients, "A")
    assert after.loc[3, "f_mri"] == patients.loc[3, "f_mri"] and math.isnan(after.loc[3, "kurtosis"])


def test_tumours_are_kept_for_what_they_hold():
    t = pd.DataFrame({"volume_mm3": [10.0, 0, None, 1000], "f_ki67": [0.1, 0.2, None, 0.3], "after_treatment": pd.array([None, 1, None, 0], dtype="Int64"),
                      "f_mri": [0.1, 0.2, 0.3, 0.3], "kurtosis": [1.0, 1, 1, 1]})  # fmt: skip
    assert with_log_volume(t)["log_volume"].tolist() == [1, 3]
    assert (len(with_ki67(t)), len(with_ki67(t, exclude_treated=False))) == (2, 3)
    assert list_metrics(t) == ["f_mri", "f_ki67"]
    assert correlate(t, "f_mri", "f_ki67") > 0.8 and math.isnan(correlate(t, "kurtosis", "f_ki67"))


def test_prediction_finds_a_planted_curve_and_says_nothing_where_it_cannot():
    rng = np.random.default_rng(9)
    t = pd.DataFrame(
        {
            "adc_um2_ms": rng.uniform(1, 2, 80),
            "kurtosis": rng.uniform(0, 1, 80),
            "patient": np.arange(80) % 16,
        }
    )
    t["log_volume"] = 1 + 4 * (t["adc_um2_ms"] - 1.5) ** 2 + 0.02 * rng.standard_normal(80)
    pair = ("adc_um2_ms", "kurtosis")
    for by in ("tumours", "patients"):
        assert fold_correlation(t, pair, "cubic", by, 5, 1) > 0.95
    assert predict_volume(t.head(8), pair, "cubic", "tumours", 5, 1) is None
    assert math.isnan(fold_correlation(t.assign(patient="one"), pair, "eq17", "patients", 5, 1))


def test_band_holds_the_line_and_widens_outwards():
    rng = np.random.default_rng(10)
    x = rng.uniform(0, 1, 200)
    lower, upper = line_band(x, 2 * x + 0.3 * rng.standard_normal(200), np.array([0.0, 0.5, 1.0]), 400, 1)
    assert (lower < [0, 1, 2]).all() and (upper > [0, 1, 2]).all() and (upper - lower)[1] < (upper - lower)[0]
