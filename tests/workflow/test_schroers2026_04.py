"""Chapter 04 of schroers2026: a user's folder of line scans, masks and tables that its own generators did not make."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from compendium import paths
from compendium.io.volumes import write_volume
from compendium.registration.grid import Grid

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "schroers2026/04"
PLANTED = {"art": 0.25, "ven": -1.5, "cap": 0.0, "big": 8.0}  # pixels per line


def scan(step, lines=3000, pixels=100, seed=0):
    """Boxes of dark plasma and bright cells that jump by whole pixels when enough lines have passed; 12 bits, noise."""
    rng = np.random.default_rng(seed)
    track = np.repeat(rng.integers(0, 2, 20_000), rng.integers(3, 9, 20_000))[:60_000].astype(float)
    place = 30_000 - np.floor(step * np.arange(lines)[:, None] + 0.5).astype(int) + np.arange(pixels)
    image = 800 + 500 * track[place] + rng.normal(0, 100, (lines, pixels))
    return image.round().astype(np.uint16)


def kymograph_folder(folder):
    folder.mkdir(exist_ok=True)
    rows = []
    for i, (name, step) in enumerate(PLANTED.items()):
        tifffile.imwrite(folder / f"{name}.tif", scan(step, seed=i), photometric="minisblack")
        rows.append((f"{name}.tif", f"M{i % 2}", 0.4 if i < 3 else 0.6, 0.8, name))
    tifffile.imwrite(
        folder / "noise.tif",
        np.random.default_rng(9).normal(500, 30, (2000, 64)).astype(np.float32),
        photometric="minisblack",
    )
    rows.append(("noise.tif", "M1", 0.4, 0.8, "none"))
    columns = ["file", "animal", "pixel_um", "line_ms", "vessel"]
    pd.DataFrame(rows, columns=columns)[["vessel", "line_ms", "file", "pixel_um", "animal"]].to_csv(
        folder / "scales.csv", index=False
    )
    return folder


@pytest.fixture
def run(tmp_path, monkeypatch):
    def start(**parameters):
        small = {"scan_s": 0.08, "resamples": 49}
        return chapter_run.run_chapter(CHAPTER, tmp_path / "out", monkeypatch, **{**small, **parameters})

    return start


def test_a_folder_of_kymographs_becomes_a_table_of_velocities(run, tmp_path):
    folder = kymograph_folder(tmp_path / "scans")
    lines = pd.DataFrame(
        {
            "t2_px": [110, 210],
            "file": ["art.tif", "elsewhere.tif"],
            "x1_px": [10, 0],
            "t1_px": [10, 10],
            "x2_px": [35, 20],
        }
    )
    lines.to_csv(tmp_path / "lines.csv", index=False)
    results = run(kymographs=str(folder), drawn_lines=str(tmp_path / "lines.csv"))
    got = values(results)
    assert (got["scans.moving"], got["scans.stalled"], got["scans.unclear"]) == (3, 1, 1)
    assert results["results"]["scans.median_speed"]["evidence"] == "user"
    table = pd.read_csv(tmp_path / "out" / "figures" / "tab-velocity.csv").set_index("file")
    expected = {
        "art.tif": 0.25 * 0.4 / 0.8e-3,
        "ven.tif": -1.5 * 0.4 / 0.8e-3,
        "cap.tif": 0.0,
        "big.tif": 8 * 0.6 / 0.8e-3,
    }
    for name, velocity in expected.items():
        assert table.loc[name, "velocity_um_s"] == pytest.approx(velocity, rel=0.02, abs=0.1), name
    assert table.loc["noise.tif", "state"] == "unclear" and np.isnan(table.loc["noise.tif", "velocity_um_s"])
    assert (
        table.loc["art.tif", "drawn_speed_um_s"] == pytest.approx(125)
        and table.loc["big.tif", "drawn_n"] == 0
    )
    assert "visibility.animals" not in got and "pse.mean" not in got and "mask.vessels" not in got


def mask_of_tubes():
    """Two vessels side by side, 20 and 50 µm wide, and a dot; MRI in which the wide one is dark."""
    grid = np.indices((40, 80, 120)) * 4.0
    wide = (grid[0] - 80) ** 2 + (grid[1] - 100) ** 2 <= 25.0**2
    thin = (grid[0] - 80) ** 2 + (grid[1] - 240) ** 2 <= 10.0**2
    mask = wide | thin
    mask[2:5, 2:5, 2:5] = True
    image = np.random.default_rng(4).normal(200, 10, mask.shape)
    image[wide] -= 100
    image[thin] -= 12
    return mask, image


def test_a_users_mask_gives_diameters_filter_and_visibility(run, tmp_path):
    mask, image = mask_of_tubes()
    grid = Grid(mask.shape, (4.0, 4.0, 4.0))
    write_volume(tmp_path / "m.nii.gz", mask.astype(np.uint8) * 255, grid)
    write_volume(tmp_path / "i.nrrd", image.astype(np.float32), grid)
    got = values(run(vessel_mask=str(tmp_path / "m.nii.gz"), mri=str(tmp_path / "i.nrrd")))
    assert got["mask.vessels"] == 2 and 72 < got["mask.kept"] < 88  # the wide one, less corners of its voxels
    table = (
        pd.read_csv(tmp_path / "out" / "figures" / "fig-mask.csv")
        if (tmp_path / "out/figures/fig-mask.csv").exists()
        else None
    )
    assert table is None or len(table) == 2
    all_kept = values(run(vessel_mask=str(tmp_path / "m.nii.gz"), filter_um=10.0))
    assert all_kept["mask.kept"] > 95


def vessel_table(n=40):
    """Columns in another order, missing values, a sequence of another name, two sessions."""
    rng = np.random.default_rng(8)
    d = rng.gamma(3, 12, n) + 3
    see = np.array(["not visible", "barely visible", "visible", "strongly visible"])[
        np.digitize(d, [15, 30, 50])
    ]
    t = pd.DataFrame({
        "visibility_swi": see, "session": np.repeat(["pre", "post"], n // 2), "diameter_um": d.round(2), "group": rng.choice(["far", "near"], n),
        "velocity_um_s": rng.gamma(2, 400, n).round(1), "vessel": np.tile(np.arange(n // 2), 2), "animal": np.tile(["A", "B", "C", "A"], n // 4), "remark": "x",
    })  # fmt: skip
    t.loc[3, "velocity_um_s"] = np.nan
    t.loc[5, "visibility_swi"] = None
    t.loc[t["group"] == "near", "velocity_um_s"] *= 0.4
    return t


def test_a_users_table_of_vessels_is_tested_and_drawn(run, tmp_path):
    vessel_table().to_csv(tmp_path / "v.csv", index=False)
    results = run(vessels=str(tmp_path / "v.csv"), figures=True)
    got = values(results)
    assert got["visibility.swi.diameter.p"] < 0.1 < got["visibility.swi.velocity.p"]
    assert got["visibility.animals"] == 3 and got["groups.count.1"] + got["groups.count.2"] == 40
    assert got["sessions.categories"] > 4 and got["groups.p_within"] < 0.2
    assert {"fig-visibility", "fig-groups", "fig-sessions"} <= set(results["figures"])


def test_one_animal_one_session_one_group_still_run(run, tmp_path):
    vessel_table()[["animal", "vessel", "diameter_um", "visibility_swi"]].iloc[:8].assign(
        animal="A", vessel=range(8)
    ).to_csv(tmp_path / "v.csv", index=False)
    got = values(run(vessels=str(tmp_path / "v.csv")))
    assert got["visibility.animals"] == 1 and "groups.p_kruskal" not in got and "sessions.stable" not in got


def test_enhancement_of_a_user(run, tmp_path):
    pd.DataFrame({"after": [300.0, 500, None], "dataset": list("abc"), "before": [100.0, 100, 100]}).to_csv(
        tmp_path / "e.csv", index=False
    )
    got = values(run(enhancement=str(tmp_path / "e.csv")))
    assert (got["pse.n"], got["pse.mean"]) == (2, 300)


@pytest.fixture(scope="module")
def plain_scans(tmp_path_factory):
    """The folder, and what it gives at the defaults of these tests."""
    folder = kymograph_folder(tmp_path_factory.mktemp("scans"))
    with pytest.MonkeyPatch.context() as patch:
        found = chapter_run.run_chapter(
            CHAPTER, tmp_path_factory.mktemp("out"), patch, kymographs=str(folder), scan_s=0.2, resamples=9
        )
    return folder, values(found)


@pytest.mark.parametrize(
    ("changed", "moves"),
    [
        ({"seed": 2}, ["accuracy.largest_error", "hand.fast.scatter"]),
        ({"scan_pixel_um": 0.3}, ["accuracy.largest_error"]),
        ({"snr": 0.4, "click_px": 4.0}, ["accuracy.largest_error", "hand.fast.scatter"]),
        ({"repeats": 2, "fastest_um_s": 4000.0}, ["accuracy.scans", "scans.moving"]),
        ({"scan_s": 0.3, "slowest_um_s": 600.0}, ["accuracy.largest_error", "scans.median_speed"]),
        ({"scan_line_ms": 0.3}, ["hand.fast.scatter"]),
    ],
)
def test_parameters_of_line_scans_move_what_they_should(run, plain_scans, changed, moves):
    folder, base = plain_scans
    got = values(run(**{"kymographs": str(folder), "scan_s": 0.2, **changed}))
    assert all(got[name] != base[name] for name in moves)


@pytest.mark.parametrize(
    ("parameter", "value", "moves"),
    [
        ("margin", 20.0, "sessions.stable"),
        ("diameter_edges", "0, 20, 1000", "sessions.categories"),
        ("resamples", 199, "groups.p_within"),
    ],
)
def test_parameters_of_tables_move_what_they_should(run, tmp_path, parameter, value, moves):
    vessel_table().to_csv(tmp_path / "v.csv", index=False)
    assert (
        values(run(vessels=str(tmp_path / "v.csv"), **{parameter: value}))[moves]
        != values(run(vessels=str(tmp_path / "v.csv")))[moves]
    )


def test_parameters_of_masks_move_what_they_should(run, tmp_path):
    mask, image = mask_of_tubes()
    write_volume(tmp_path / "m.mha", mask.astype(np.uint8), Grid(mask.shape, (4.0, 4.0, 4.0)))
    write_volume(tmp_path / "i.mha", image.astype(np.float32), Grid(mask.shape, (4.0, 4.0, 4.0)))
    given = {"vessel_mask": str(tmp_path / "m.mha"), "mri": str(tmp_path / "i.mha")}
    base = values(run(**given))
    assert base["mask.visible.strongly"] == 1 and base["mask.visible.barely"] == 0
    assert values(run(**given, strongly=30.0, barely=0.5))["mask.visible.barely"] == 2
    assert values(run(**given, least_length_um=5000.0))["mask.vessels"] == 0


def test_parameters_out_of_range_are_refused(run):
    with pytest.raises(ValueError, match="repeats and resamples"):
        run(repeats=0)


def test_accuracy_within_two_percent_and_internal_checks_stand_on_the_page(tmp_path, monkeypatch):
    got = values(chapter_run.run_chapter(CHAPTER, tmp_path, monkeypatch, paper=True, resamples=19))
    assert (
        got["accuracy.scans"] == 8
        and got["accuracy.largest_error"] < 2
        and got["accuracy.stalled_share"] == 1
    )
    assert got["scale.length"] == pytest.approx(128 * 1.1838) and got["finding.scale"] == pytest.approx(
        151.5264 / 10.6066
    )
    assert got["scale.macro"] == pytest.approx(21.2096) and got["scale.printed_over_macro"] == pytest.approx(
        7.144, abs=1e-3
    )
    assert got["enhancement.cv"] == pytest.approx(100 * 44.9 / 244.7) and got["pse.cv"] == pytest.approx(
        100 * 44.9 / 244.7
    )
    assert got["visibility.t2star.strongly"] == got["visibility.t2star.count.strongly"] == 6


def test_one_command_from_folder_to_velocities(tmp_path):
    folder = kymograph_folder(tmp_path / "scans")
    environment = {
        "COMPENDIUM_BUILD": str(tmp_path / "build"),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(paths.root() / "src"),
        "HOME": str(tmp_path),
    }
    command = [sys.executable, "-m", "compendium", "run", CHAPTER, "--name", "mine", "-i"]
    done = subprocess.run(
        [*command, f"kymographs={folder}", "-p", "scan_s=0.08"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=paths.root(),
    )
    assert done.returncode == 0, done.stderr + done.stdout
    found = list((tmp_path / "build" / "runs").rglob("tab-velocity.csv"))
    assert len(found) == 1 and len(pd.read_csv(found[0])) == 5
    result = json.loads(next((tmp_path / "build").rglob("04_vessels_and_flow.json")).read_text())
    assert result.get("results", {}).get("scans.moving", {}).get("value", 3) == 3
    (folder / "scales.csv").write_text("file,pixel_um\nart.tif,0.4\n")
    refused = subprocess.run(
        [*command, f"kymographs={folder}"], capture_output=True, text=True, env=environment, cwd=paths.root()
    )
    assert refused.returncode == 2 and "line_ms must be there" in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr + refused.stdout
