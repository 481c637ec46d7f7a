"""Chapter 03 of schroers2026: tables and time points of a user with known growth; every parameter moves what it should."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from compendium.io.landmarks import write_landmarks
from compendium.io.volumes import read_volume, write_volume
from compendium.registration.grid import Grid

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "schroers2026/03"
SMALL = {"animals": 2, "days": "42, 60"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    patch = pytest.MonkeyPatch()

    def start(**parameters):
        return chapter_run.run_chapter(CHAPTER, tmp_path_factory.mktemp("out"), patch, **(SMALL | parameters))

    yield start
    patch.undo()


@pytest.fixture(scope="module")
def default(run):
    return run()


def user_table(path, leads, animals=("k3", "k1", "k2"), missing=True):
    """Signal that is density plus a hidden push; growth follows density, and the push where it leads."""
    rng = np.random.default_rng(9)
    parts = []
    for animal in animals:
        n = 400
        start, push = rng.uniform(0, 0.6, n), rng.normal(0, 0.5, n)
        growth = 0.5 + 2 * start + (0.6 * push if leads else 0.0)  # % per day
        place = {"x": np.arange(n) % 20, "y": np.arange(n) // 20, "z": 1}
        for day, density in ((5, start), (15, np.clip(start + growth / 10, 0, 1))):
            parts.append(
                pd.DataFrame(
                    {"t2w": 4 * density + push, "density": density, "day": day, **place, "animal": animal}
                )
            )
    frame = pd.concat(parts).sample(frac=1, random_state=2)
    if missing:
        frame.iloc[:5, 0] = np.nan
    frame.to_csv(path, index=False)
    return str(path)


def test_default_numbers_are_simulated_or_invented(default):
    assert {e["evidence"] for e in default["results"].values()} == {"simulated", "illustration"}


@pytest.mark.parametrize("leads", [True, False])
def test_a_covariate_tells_a_signal_that_leads_from_one_that_follows(run, tmp_path, leads):
    made = run(series=user_table(tmp_path / "t.csv", leads))
    got = values(made)
    assert got["data.animals"] == 3 and got["data.level_alone"] > 0.2
    assert got["data.adjusted"] == pytest.approx(0.6 if leads else 0.0, abs=0.03)
    assert made["results"]["data.adjusted"]["evidence"] == "user"


def test_missing_signal_drops_the_interval(run, tmp_path):
    full = values(run(series=user_table(tmp_path / "a.csv", True, missing=False)))["data.voxels"]
    assert (
        full == 1200
        and 1195 <= values(run(series=user_table(tmp_path / "b.csv", True)))["data.voxels"] < 1200
    )


def test_one_animal_has_no_interval(run, tmp_path):
    got = values(run(series=user_table(tmp_path / "t.csv", True, animals=("solo",))))
    assert got["data.adjusted.lower"] is None and got["data.adjusted"] == pytest.approx(0.6, abs=0.05)


def test_bins_of_growth_decide_what_lies_outside(run, tmp_path):
    path = user_table(tmp_path / "t.csv", True)
    assert (
        values(run(series=path, bins="0, 1, 20"))["data.outside"]
        > values(run(series=path, bins="-50, 5, 50"))["data.outside"]
    )


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    """Two time points of a ball that grows, the second one turned and shifted; voxels unlike those of the simulation."""
    folder, rng = tmp_path_factory.mktemp("volumes"), np.random.default_rng(6)
    grid = Grid((9, 40, 44), (80, 80, 130))
    angle, shift = np.deg2rad(4), np.array([110.0, -60.0, 0.0])
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    where = grid.voxel_centres()

    def ball(points, radius):
        return (
            1
            / (1 + np.exp((np.linalg.norm((points - [1700, 1600, 550]) * [1, 1, 1.4], axis=1) - radius) / 90))
        ).reshape(grid.shape)

    there = (where - shift) @ turn
    paths = {
        f"{k}_{n}": folder / f"{k}{n}.{end}"
        for n in (1, 2)
        for k, end in (("mri", "nii.gz"), ("density", "nrrd"), ("mask", "nii"), ("landmarks", "fcsv"))
    }
    for n, density in ((1, ball(where, 500.0)), (2, ball(there, 650.0))):
        density = np.where(density < 0.01, 0, density)
        write_volume(paths[f"density_{n}"], density.astype(np.float32), grid)
        write_volume(
            paths[f"mri_{n}"], (200 * (1 + density) + rng.normal(0, 8, grid.shape)).astype(np.float32), grid
        )
        write_volume(paths[f"mask_{n}"], np.where(density > 0, 1, 3).astype(np.uint8), grid)
    points = rng.uniform(300, 2900, (8, 3)) * [1, 1, 0.35]
    write_landmarks(paths["landmarks_1"], points)
    write_landmarks(paths["landmarks_2"], points @ turn.T + shift + rng.normal(0, 4, points.shape))
    return {k: str(v) for k, v in paths.items()}, 10 * (ball(where, 650.0) - ball(where, 500.0))


@pytest.mark.parametrize("alignment", ["subvoxel", "integer"])
def test_four_volumes_with_landmarks_and_masks_give_the_growth(volumes, tmp_path_factory, alignment):
    patch, folder = pytest.MonkeyPatch(), tmp_path_factory.mktemp("out")
    given, truth = volumes
    made = chapter_run.run_chapter(
        CHAPTER, folder, patch, **SMALL, **given, day_1=3.0, day_2=13.0, alignment=alignment
    )
    patch.undo()
    growth = read_volume(folder / "figures" / "growth.nii.gz").array
    known = np.isfinite(growth)
    got = values(made)
    assert np.corrcoef(growth[known], truth[known])[0, 1] > (0.97 if alignment == "subvoxel" else 0.85)
    assert (got["alignment.rmse"] < 12) == (alignment == "subvoxel") == (got["alignment.left"] == 0)
    assert set(made["files"]) == {"series.csv", "growth.nii.gz", "signal_2.nii.gz", "first_to_second.tfm"}
    assert pd.read_csv(folder / "figures" / "series.csv")["day"].nunique() == 2


def test_days_and_labels_of_volumes_matter(run, volumes):
    given = volumes[0]
    one = values(run(**given, day_1=3.0, day_2=13.0))
    assert values(run(**given, day_1=3.0, day_2=23.0))["data.level_alone"] == pytest.approx(
        one["data.level_alone"] / 2
    )
    with pytest.raises(ValueError, match="must hold label 7. Given"):
        run(**given, normal_label=7, day_1=3.0, day_2=13.0)


def test_half_of_the_files_is_refused(run, volumes):
    with pytest.raises(ValueError, match="Two time points need"):
        run(mri_1=volumes[0]["mri_1"])


@pytest.mark.parametrize(
    ("parameter", "value", "moves"),
    [
        ("seed", 2, "follows.level_alone"),
        ("animals", 3, "follows.adjusted"),
        ("days", "42, 70", "ceiling.28"),
        ("registration_um", 0.0, "follows.adjusted"),
        ("lead_um", 300.0, "early.adjusted"),
        ("landmarks", 20, "alignment.subvoxel_rmse"),
        ("clicks_um", 5.0, "alignment.subvoxel_rmse"),
    ],
)
def test_a_parameter_moves_its_result(run, default, parameter, value, moves):
    assert values(run(**{parameter: value}))[moves] != values(default).get(moves)
