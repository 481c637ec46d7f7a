"""Chapter 03 of grussu2025 on exports that its own generator did not make, and with other parameters."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compendium.cohorts.sections import draw_section
from compendium.diffusion.patches import nested_patches, slide_patches
from compendium.diffusion.populations import lognormal_diameters, match_population, seen_through
from compendium.diffusion.sectioning import DetectionRule, cut_cells
from compendium.run.inputs import InputError, validate

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "grussu2025/03"
AREA = "Cell: Area µm^2"


def export(n=900, slides=2, nuclei=True):
    """Columns as QuPath writes them, in an order of their own: two slides far from the corner, areas from a gamma."""
    rng = np.random.default_rng(5)
    area = rng.gamma(9.0, 25.0, n) + 5
    table = pd.DataFrame({
        "Object ID": [f"{i:08x}" for i in range(n)], AREA: area.round(4), "Classification": "Tumor",
        "Centroid Y µm": (7000 + rng.uniform(0, 900, n)).round(2),
        "Image": [f"slide {i % slides}.ndpi" for i in range(n)],
        "Parent": np.where(np.arange(n) % 3 == 0, "Annotation", "PathAnnotationObject"),
        "Nucleus: Area µm^2": (0.2 * area).round(4), "Cell: Circularity": 0.8, "Area µm^2": area * 3,
        "Centroid X µm": (12000 + rng.uniform(0, 1100, n)).round(2),
    })  # fmt: skip
    return table if nuclei else table.drop(columns="Nucleus: Area µm^2")


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(table=None, **parameters):
        path = tmp_path / "measurements.tsv"
        (export() if table is None else table).to_csv(path, index=False, sep="\t")
        return chapter_run.run_chapter(
            CHAPTER, tmp_path / "out", monkeypatch, **{"cells": str(path), "resamples": 20, "cuts": 4000, **parameters}
        )  # fmt: skip

    return start


def plain_size(diameter):
    """Equation 11, written out."""
    return (np.mean(diameter**7) / np.mean(diameter**3)) ** 0.25


def test_an_export_is_read_as_it_comes(run):
    table = export()
    got = values(run(table))
    diameter = np.sqrt(4 * table[AREA].to_numpy() / np.pi)
    assert (got["table.n"], got["table.slides"], got["table.dropped"], got["table.large"]) == (900, 2, 0, 0)
    assert got["seen.size"] == pytest.approx(plain_size(diameter), rel=1e-9)
    assert got["seen.mean"] == pytest.approx(diameter.mean())
    assert got["table.nucleus_ratio"] == pytest.approx(math.sqrt(0.2), rel=1e-4)
    assert got["seen.size.lower"] < got["seen.size"] < got["seen.size.upper"]


def test_patches_are_those_of_the_slide_they_lie_on(run):
    table = export()
    got = values(run(table, patch_um=400.0, min_cells=40))
    place = [table["Image"], table["Centroid X µm"] // 400, table["Centroid Y µm"] // 400]
    groups = table.groupby(place)[AREA]
    full = groups.size() >= 40
    assert got["patches.n"] == full.sum() > 0
    assert got["seen.fraction"] == pytest.approx((groups.sum() / 400**2)[full].median())
    assert got["seen.density"] == pytest.approx((groups.size() / 0.16)[full].median())


def test_without_a_rule_there_is_no_factor(run):
    results = run()
    assert not any(
        name.startswith(("rule.", "corrected.", "matched.", "factor.")) for name in results["results"]
    )
    assert results["results"]["seen.size"]["evidence"] == "user"


def test_a_rule_gives_a_factor_for_size_fraction_and_number(run):
    got = values(run(rule="any profile", thickness_um=0.0, cuts=40_000))
    assert got["corrected.fraction"] == pytest.approx(got["seen.fraction"], rel=0.03)  # Delesse
    mean, spread = got["matched.mean"], got["matched.spread"]
    again = cut_cells(lognormal_diameters(mean, spread), DetectionRule("any profile"), 60_000, 9)[0]
    assert again.mean() == pytest.approx(got["seen.mean"], rel=0.02)
    assert 100 * again.std() / again.mean() == pytest.approx(got["seen.cv"], rel=0.05) or spread == 0
    assert got["corrected.density"] == pytest.approx(1000 * got["seen.density"] / mean, rel=0.02)
    assert got["corrected.size"] == pytest.approx(got["seen.size"] * got["rule.size"])


def test_shrinkage_acts_on_lengths_areas_and_volumes(run):
    before, after = (values(run(rule="nucleus", shrinkage=s)) for s in (0.0, 0.2))
    assert after["unshrunken.size"] == pytest.approx(before["seen.size"] / 0.8)
    assert after["unshrunken.density"] == pytest.approx(before["seen.density"] * 0.64)
    assert after["corrected.density"] == pytest.approx(before["corrected.density"] * 0.512)
    assert after["corrected.fraction"] == before["corrected.fraction"]


def test_plain_columns_one_slide_and_missing_values(run):
    table = pd.DataFrame(
        {"area_um2": [200.0, 150, None, 320, 90], "y_um": [5.0, 8, 9, 20, None], "x_um": [1.0, 2, 3, 4, 5]}
    )
    got = values(run(table, rule="nucleus", min_cells=2))
    assert (got["table.n"], got["table.dropped"], got["table.slides"]) == (3, 2, 1)
    assert got["seen.size.lower"] is None and "table.nucleus_ratio" not in got  # one patch has no spread


def test_too_few_cells_per_patch_still_runs(run):
    got = values(run(min_cells=5000, rule="nucleus"))
    assert got["patches.n"] == 0 and got["seen.fraction"] is None and got["corrected.size"] > 0


def test_figures_are_drawn_for_a_users_table(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    export(200, 1, nuclei=False).to_csv(path, index=False)
    found = chapter_run.run_chapter(
        CHAPTER, tmp_path, monkeypatch, figures=True, cells=str(path), resamples=5, cuts=2000
    )
    assert set(found["figures"]) == {"fig-outlines", "fig-patches"}


@pytest.mark.parametrize(
    ("parameter", "value", "moves"),
    [
        ("rule", "any profile", "corrected.size"),
        ("nucleus_ratio", 0.8, "rule.fraction"),
        ("smallest_um", 14.0, "matched.spread"),
        ("thickness_um", 9.0, "rule.fraction"),
        ("shrinkage", 0.153, "corrected.size"),
        ("patch_um", 500.0, "seen.patch_size"),
        ("largest_um", 17.0, "seen.size"),
        ("min_cells", 120, "patches.n"),
        ("resamples", 40, "seen.size.lower"),
        ("cuts", 6000, "rule.size"),
        ("seed", 2, "rule.size"),
    ],
)
def test_each_parameter_moves_what_it_should(run, parameter, value, moves):
    base = values(run(rule="nucleus"))
    assert values(run(**{"rule": "nucleus", parameter: value}))[moves] != base[moves]


def test_the_illustration_recovers_its_truth_and_the_printed_factors_follow(tmp_path, monkeypatch):
    got = values(chapter_run.run_chapter(CHAPTER, tmp_path, monkeypatch, paper=True, cuts=8000, resamples=10))
    caps = {
        k: math.gamma(k / 2 + 1) / math.gamma(k / 2 + 1.5) for k in (1, 3, 7)
    }  # moments of caps, up to a constant
    assert got["factor.any.size"] == pytest.approx((caps[3] / caps[7]) ** 0.25, abs=0.006)
    assert got["factor.any.mean"] == pytest.approx(2 / (math.sqrt(math.pi) * caps[1]), abs=0.01)
    assert got["factor.lowest"] < 1 < got["factor.highest"] < 1.1
    assert 0.9 < got["recovered.ratio"] < 1.1 < got["recovered.printed"]
    assert got["vcs.mouse.factor"] == pytest.approx(1.4616, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.rename(columns={"Centroid X µm": "Centroid X px"}), "x_um"),
        (lambda t: t.assign(**{AREA: 0.001}), "between 1"),
        (lambda t: t.assign(**{"Centroid Y µm": -4}), "between 0"),
        (lambda t: t.assign(**{AREA: "large"}), "number"),
    ],
)
def test_exports_that_cannot_be_used_are_refused_in_one_line(tmp_path, change, message):
    path = tmp_path / "bad.tsv"
    change(export(20)).to_csv(path, index=False, sep="\t")
    with pytest.raises(InputError, match=message) as caught:
        validate(path, "cells")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("header", ["Cell: Area", "Cell: Area um^2", "Area µm^2", "area_um2"])
def test_an_area_is_found_under_the_names_of_several_versions(tmp_path, header):
    path = tmp_path / "one.csv"
    pd.DataFrame({"Centroid X um": [1.0] * 2, header: [200.0] * 2, "y_um": [2.0] * 2}).to_csv(
        path, index=False
    )
    got = validate(path, "cells")
    assert got[["x_um", "y_um", "area_um2"]].to_numpy().tolist() == [[1, 2, 200]] * 2


def test_the_declared_name_wins_over_an_alias_and_the_cell_over_the_shape(tmp_path):
    path = tmp_path / "two.csv"
    pd.DataFrame({"Area µm^2": [9.0] * 2, AREA: [50.0] * 2, "x_um": [1.0] * 2, "y_um": [2.0] * 2}).to_csv(
        path, index=False
    )
    assert validate(path, "cells")["area_um2"].tolist() == [50, 50]
    pd.DataFrame({AREA: [50.0] * 2, "area_um2": [70.0] * 2, "x_um": [1.0] * 2, "y_um": [2.0] * 2}).to_csv(
        path, index=False
    )
    assert validate(path, "cells")["area_um2"].tolist() == [70, 70]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": "cells"}, 'rule is empty, "any profile"'),
        ({"shrinkage": 0.95}, "shrinkage: 0 to 0.9"),
        ({"patch_um": 0.0}, "patch_um: above 0"),
        ({"rule": "nucleus", "nucleus_ratio": 1.5}, "nucleus_ratio"),
        ({"rule": "any profile", "smallest_um": 90.0}, "smallest_um must lie below"),
        ({"largest_um": 1.0}, "At least two outlines"),
    ],
)
def test_parameters_out_of_range_are_refused(run, change, message):
    with pytest.raises(ValueError, match=message):
        run(**change)


def test_a_population_is_found_again_from_its_outlines():
    for rule in (DetectionRule("any profile"), DetectionRule("nucleus", 0.5, thickness_um=4.0)):
        seen = cut_cells(lognormal_diameters(19.0, 0.25), rule, 60_000, 3)[0]
        mean, spread = match_population(seen.mean(), seen.std() / seen.mean(), rule, 20_000)
        assert mean == pytest.approx(19, rel=0.03) and spread == pytest.approx(0.25, abs=0.03)


def test_outlines_without_any_spread_give_a_spread_of_zero():
    assert match_population(15.0, 0.0, DetectionRule("any profile"), 2000)[1] == 0
    with pytest.raises(ValueError, match="must detect some"):
        seen_through([4.0], DetectionRule("any profile", smallest_um=5.0))


def test_a_thin_drawn_section_keeps_the_volume_fraction_and_shrinks_like_tissue():
    rule = DetectionRule("any profile")
    for shrinkage in (0.0, 0.15):
        slide, fresh = draw_section(rule, shrinkage, width_um=3000.0, seed=4)
        volume = float((fresh["weight"] * np.pi / 6 * fresh["diameter"] ** 3).sum())
        assert slide["area_um2"].sum() / 3000**2 == pytest.approx(volume, rel=0.06)
    assert len(draw_section(DetectionRule("nucleus", 0.3))[0]) < len(draw_section(rule)[0])


def test_patches_of_other_widths_lie_within_one_another():
    cells = draw_section(DetectionRule("any profile"))[0]
    got = nested_patches(cells, [100.0, 200, 400])
    assert (got.groupby("side_um")["n"].sum() == len(cells)).all()
    assert (got.loc[got["side_um"] == 400, "ratio"] == 1).all()
    with pytest.raises(ValueError, match="whole patches"):
        nested_patches(cells, [150.0, 400])
    with pytest.raises(ValueError, match="positive side"):
        slide_patches(cells, 0)
