"""Chapter 06 of schroers2026 on tables and masks that its own generators did not make, and with the authors' tables in place."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from compendium.io.volumes import write_volume
from compendium.registration.grid import Grid
from compendium.run.inputs import InputError, validate

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "schroers2026/06"


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(**parameters):
        for name, given in parameters.items():
            if isinstance(given, pd.DataFrame):
                given.to_csv(tmp_path / f"{name}.csv", index=False)
                parameters[name] = str(tmp_path / f"{name}.csv")
        small = {"draws": 20, "resamples": 99}
        return chapter_run.run_chapter(CHAPTER, tmp_path / "out", monkeypatch, **{**small, **parameters})

    return start


def lesion_table(n=45):
    """Six animals, one group column, missing values; counts rise where the lesion is dark."""
    rng = np.random.default_rng(12)
    dark = rng.integers(0, 2, n)
    return pd.DataFrame({
        "erythrocyte_clusters": rng.poisson(2 + 6 * dark), "group": "rat", "dark": dark, "note": "x",
        "cell_volume_um3": np.where(np.arange(n) == 4, np.nan, rng.gamma(2, 5000, n).round(1)),
        "lesion": np.arange(n), "subject": [f"R{i % 6}" for i in range(n)],
    })  # fmt: skip


def test_a_users_lesions_are_counted_and_compared(run):
    table = lesion_table()
    results = run(lesions=table, figures=True)
    got = values(results)
    assert (got["appearance.1.subjects"], got["appearance.1.lesions"]) == (6, 45)
    assert got["appearance.1.isointense"] == pytest.approx(100 * (table["dark"] == 0).mean())
    assert got["lesions.erythrocyte_clusters.p_within"] < 0.05 < got["lesions.cell_volume_um3.p_within"]
    groups = [g["erythrocyte_clusters"] for _, g in table.groupby("dark")]
    assert got["lesions.erythrocyte_clusters.p_lesions"] == pytest.approx(
        stats.mannwhitneyu(*groups, method="asymptotic").pvalue, rel=1e-6
    )
    assert {"fig-appearance", "fig-lesions"} <= set(results["figures"]) and "fig-zones" not in results[
        "figures"
    ]
    assert results["results"]["appearance.1.isointense"]["evidence"] == "user"


def test_one_subject_one_kind_and_no_groups_still_run(run):
    table = pd.DataFrame({"subject": "A", "lesion": range(5), "dark": [1] * 5})
    got = values(run(lesions=table))
    assert got["appearance.1.isointense"] == 0 and got["appearance.1.subjects"] == 1
    assert not any(name.startswith("lesions.") for name in got)


def test_cells_and_zones_of_a_user(run):
    cells = pd.DataFrame(
        {
            "reference": [1, 1, 0, 1, 1, None, 0, 1],
            "section": list("uuvvwwww"),
            "marker": [1, 0, 1, 1, 1, 1, 0, 1],
        }
    )
    zones = pd.DataFrame(
        {
            "fraction": [0.4, 0.1, 0.3, 0.35, 0.2],
            "zone": ["core", "infiltration", "core", "infiltration", "core"],
            "subject": list("aabbc"),
        }
    )
    got = values(run(cells=cells, zones=zones))
    assert got["colocalisation.cells.sensitivity.value"] == pytest.approx(80) and got[
        "colocalisation.cells.predictive.value"
    ] == pytest.approx(80)
    assert got["colocalisation.cells.sensitivity.lower"] <= 80
    assert (got["zones.patients"], got["zones.more_in_core"], got["zones.p"]) == (2, 1, 1.0)
    alone = values(run(cells=cells.assign(section="u")))
    assert (
        alone["colocalisation.cells.sensitivity.value"] == pytest.approx(80)
        and alone["colocalisation.cells.sensitivity.lower"] is None
    )


def masks(folder):
    """Two lesions; three dots that touch at corners, one ball across the border."""
    mask, region = np.zeros((6, 20, 40), np.uint8), np.zeros((6, 20, 40), np.int16)
    region[:, :, :20], region[:, :, 20:] = 3, 8
    for i in range(3):
        mask[2, 5 + i, 5 + i] = 1
    mask[1:4, 10:14, 18:23] = 1
    grid = Grid(mask.shape, (2.0, 2.0, 5.0))
    write_volume(folder / "mask.nii.gz", mask, grid)
    write_volume(folder / "labels.nii.gz", region, grid)
    return {"cluster_mask": str(folder / "mask.nii.gz"), "lesion_labels": str(folder / "labels.nii.gz")}, int(
        mask.sum()
    ) * 20.0


def test_masks_become_clusters_per_lesion(run, tmp_path):
    given, volume = masks(tmp_path)
    got = values(run(**given))
    assert (got["clusters.lesions"], got["clusters.count"], got["clusters.volume"]) == (
        2,
        3,
        pytest.approx(volume),
    )
    assert values(run(**given, connectivity="faces"))["clusters.count"] == 5
    assert values(run(**given, cut="whole"))["clusters.count"] == 2
    assert values(run(**given, min_cluster_um3=100.0))["clusters.count"] == 2
    with pytest.raises(ValueError, match="belong together"):
        run(cluster_mask=given["cluster_mask"])


@pytest.mark.parametrize(
    ("changed", "moves"),
    [
        ({"seed": 2}, "lesions.cell_volume_um3.p_within"),
        ({"resamples": 222}, "lesions.cell_volume_um3.p_within"),
    ],
)
def test_parameters_move_what_they_should(run, changed, moves):
    table = lesion_table()
    assert values(run(lesions=table, **changed))[moves] != values(run(lesions=table))[moves]


def test_correlations_and_draws_move_the_simulation(tmp_path, monkeypatch):
    found = [
        values(chapter_run.run_chapter(CHAPTER, tmp_path, monkeypatch, paper=True, resamples=19, **changed))
        for changed in ({"draws": 40}, {"draws": 60}, {"draws": 40, "iccs": "0, 0.3, 0.9"})
    ]
    assert found[0]["coverage.exact.icc30"] != found[1]["coverage.exact.icc30"]
    assert found[0]["interval.widest.upper"] != found[2]["interval.widest.upper"]
    got = found[0]
    assert got["vessel_like.of_all"] == pytest.approx(500 / 27) and got[
        "finding.vessel_like"
    ] == pytest.approx(0.25)
    assert got["exvivo.isointense"] == pytest.approx(2000 / 36) and got["finding.fisher"] == pytest.approx(
        0.0875, abs=1e-3
    )
    assert (got["smallest.gfp"], got["smallest.sensitivity"], got["zones.least_p"]) == (50, 17, 0.25)
    assert (got["lesions.subjects"], got["lesions.other"], got["lesions.dark"]) == (3, 20, 16)


def test_an_authors_table_takes_the_place_of_the_illustration(tmp_path, monkeypatch):
    """A table made here, in the layout of the input: the result then carries the evidence of the authors' data."""
    folder = tmp_path / "build" / "data" / "schroers2026"
    folder.mkdir(parents=True)
    zones = pd.DataFrame(
        {"subject": list("aabb"), "zone": ["core", "infiltration"] * 2, "fraction": [0.3, 0.1, 0.2, 0.25]}
    )
    zones.to_csv(folder / "table-s8-zones.csv", index=False)
    monkeypatch.setenv("COMPENDIUM_BUILD", str(tmp_path / "build"))
    results = chapter_run.run_chapter(
        CHAPTER, tmp_path / "out", monkeypatch, paper=True, draws=20, resamples=19
    )
    entry = results["results"]["zones.patients"]
    assert (
        entry["value"] == 2
        and entry["evidence"] == "author-data"
        and "data:schroers2026-s8-zones" in entry["uses"]
    )
    assert results["results"]["lesions.dark"]["evidence"] == "illustration"


@pytest.mark.parametrize(
    ("schema", "table", "message"),
    [
        (
            "lesions",
            {"subject": ["a", "a"], "lesion": [1, 1], "dark": [0, 1]},
            "lesion: must be unique within a subject",
        ),
        (
            "lesions",
            {"subject": ["a", "a"], "lesion": [1, 2], "dark": [0, 1], "group": ["x", "y"]},
            "same in all lesions",
        ),
        ("lesions", {"subject": ["a"], "lesion": [1], "dark": [2]}, "field dark"),
        ("zones", {"subject": ["a"], "zone": ["rim"], "fraction": [0.1]}, "field zone"),
        ("zones", {"subject": ["a"], "zone": ["core"], "fraction": [31]}, "between 0 and 1"),
        ("marker_cells", {"section": ["a"], "marker": ["yes"], "reference": [1]}, "field marker"),
        ("vessels", {"animal": ["a", "a"], "vessel": [1, 1], "diameter_um": [5, 6]}, "must be unique"),
        (
            "vessels",
            {"animal": ["a"], "vessel": [1], "diameter_um": [5], "visibility_t2": ["good"]},
            "visibility_t2",
        ),
        (
            "drawn_lines",
            {"file": ["a"], "x1_px": [1], "t1_px": [2], "x2_px": [1], "t2_px": [2]},
            "two different ends",
        ),
    ],
)
def test_tables_that_cannot_be_used_are_refused_in_one_line(tmp_path, schema, table, message):
    path = tmp_path / "bad.csv"
    pd.DataFrame(table).to_csv(path, index=False)
    with pytest.raises(InputError, match=message) as caught:
        validate(path, schema)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"iccs": "0, 1"}, {"draws": 0}])
def test_parameters_out_of_range_are_refused(run, change):
    with pytest.raises(ValueError, match="resamples and draws"):
        run(**change)
