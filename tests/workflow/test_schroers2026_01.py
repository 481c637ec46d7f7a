"""Chapter 01 of schroers2026 on landmarks and volumes that its own generator did not make, and its parameters."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its users call it so

from compendium.io.landmarks import write_landmarks
from compendium.io.transforms import read_transform
from compendium.io.volumes import read_volume, write_volume
from compendium.registration import Grid, UnusableLandmarksError

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "schroers2026/01"
SMALL = {"landmarks": 12, "datasets": 2}
CORNERS = np.array([[x, y, z] for x in (300.0, 1300, 2200) for y in (400.0, 1500) for z in (100.0, 600)])
TURN = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1.0]])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    patch = pytest.MonkeyPatch()

    def start(**parameters):
        folder = tmp_path_factory.mktemp("out")
        return chapter_run.run_chapter(CHAPTER, folder, patch, **(SMALL | parameters)) | {"folder": folder}

    yield start
    patch.undo()


@pytest.fixture(scope="module")
def default(run):
    return run()


def clicked(n=12, noise=8.0, seed=4):
    """A turned and shifted set of corners; no vessels, no waves."""
    rng = np.random.default_rng(seed)
    fixed = CORNERS[:n] + rng.uniform(-90, 90, (n, 3))
    return fixed, fixed @ TURN.T + [700, 250, 60] + rng.normal(0, noise, (n, 3))


def write_csv(path, points, labels, unit="um", header="label,x_{0},y_{0},z_{0}"):
    scale = {"um": 1, "mm": 1e-3}[unit]
    rows = [f"{a},{','.join(repr(float(v)) for v in p * scale)}" for a, p in zip(labels, points, strict=True)]
    path.write_text("\n".join([header.format(unit), *rows]) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Landmarks in two formats and orders, volumes in two formats, a mask, and a second rater."""
    folder = tmp_path_factory.mktemp("in")
    fixed, moving = clicked()
    labels = [f"fork {chr(97 + i)}" for i in range(len(fixed))]
    write_landmarks(folder / "fixed.fcsv", fixed, labels, system="RAS")
    order = np.random.default_rng(1).permutation(len(fixed))
    names = {"fixed_landmarks": str(folder / "fixed.fcsv"),
             "moving_landmarks": write_csv(folder / "moving.csv", [*moving[order], np.ones(3)], [*(labels[i] for i in order), "only here"], "mm")}  # fmt: skip
    grid, frame = Grid((8, 25, 28), (100, 100, 100)), Grid((20, 80, 110), (40, 40, 60))
    rng = np.random.default_rng(2)
    write_volume(folder / "mri.nrrd", rng.random(grid.shape).astype(np.float32), grid)
    write_volume(folder / "blood.ome.tif", rng.integers(0, 200, frame.shape).astype(np.uint8), frame)
    inside = np.zeros(grid.shape, np.uint8)
    inside[:, 5:15, 5:20] = 1
    write_volume(folder / "mask.nii.gz", inside, grid)
    write_landmarks(folder / "fixed2.mrk.json", fixed + rng.normal(0, 15, fixed.shape), labels)
    write_landmarks(folder / "moving2.mrk.json", moving + rng.normal(0, 15, fixed.shape), labels)
    names |= {"fixed_volume": str(folder / "mri.nrrd"), "moving_volume": str(folder / "blood.ome.tif"), "mask": str(folder / "mask.nii.gz"),
              "fixed_landmarks_2": str(folder / "fixed2.mrk.json"), "moving_landmarks_2": str(folder / "moving2.mrk.json")}  # fmt: skip
    return names


def test_everything_at_once_finds_the_planted_turn_and_writes_its_files(run, files):
    made = run(transform="rigid", figures=True, **files)
    got = values(made)
    assert got["pairs.n"] == 12  # the landmark in one file only is left out
    assert 5 < got["pairs.rigid.residual"] < 16 < got["user.disagreement"] < 60
    assert (
        made["results"]["pairs.n"]["evidence"] == made["results"]["user.disagreement"]["evidence"] == "user"
    )
    assert set(made["files"]) == {"residual_map.nii.gz", "transform.tfm", "registered.nii.gz"}
    out = made["folder"] / "figures"
    assert np.allclose(read_transform(out / "transform.tfm").matrix, TURN, atol=0.02)
    assert read_volume(out / "registered.nii.gz").array.shape == (8, 25, 28)
    inside = read_volume(files["mask"]).array > 0
    residual = read_volume(out / "residual_map.nii.gz").array
    assert got["map.worst"] == pytest.approx(residual[inside].max(), rel=1e-5)


def test_registered_volume_equals_resampling_by_another_library(run, files):
    made = run(
        transform="affine", **{k: v for k, v in files.items() if "volume" in k or k.endswith("landmarks")}
    )
    out = made["folder"] / "figures"
    fixed, moving = (read_volume(files[n]) for n in ("fixed_volume", "moving_volume"))
    fine = sitk.GetImageFromArray(moving.array.astype(np.float32))
    fine.SetSpacing([s / 1000 for s in moving.grid.spacing_um])
    total = np.zeros(fixed.grid.shape)
    for dx, dy, dz in ((a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-0.5, 0.5)):
        frame = sitk.GetImageFromArray(np.zeros(fixed.grid.shape, np.float32))
        frame.SetSpacing([0.1] * 3)
        frame.SetOrigin([dx / 30, dy / 30, dz / 20])
        total += sitk.GetArrayFromImage(
            sitk.Resample(
                fine, frame, sitk.ReadTransform(str(out / "transform.tfm")), sitk.sitkLinear, float("nan")
            )
        )
    got = read_volume(out / "registered.nii.gz").array
    both = np.isfinite(total) & np.isfinite(got)
    assert both.sum() > 1000 and np.allclose(got[both], total[both] / 18, atol=1e-3)


def test_order_and_format_of_the_files_change_nothing(run, files, tmp_path):
    pair = {k: files[k] for k in ("fixed_landmarks", "moving_landmarks")}
    fixed, moving = clicked()
    labels = [f"fork {chr(97 + i)}" for i in range(12)]
    other = {"fixed_landmarks": write_csv(tmp_path / "f.csv", fixed[::-1], labels[::-1]),
             "moving_landmarks": write_csv(tmp_path / "m.csv", moving[::-1], labels[::-1], "mm")}  # fmt: skip
    one, two = values(run(**pair)), values(run(**other))
    for name in ("pairs.n", "chosen.left_out", "pairs.elastic.left_out", "map.mean"):
        assert one[name] == pytest.approx(two[name], rel=1e-6)


@pytest.mark.parametrize(
    "n, transform, made",
    [(6, "thin-plate", True), (4, "rigid", True), (4, "thin-plate", False), (3, "rigid", False)],
)
def test_few_landmarks_give_what_they_allow(run, tmp_path, n, transform, made):
    pick = [0, 3, 5, 8, 10, 11][:n]
    fixed, moving = clicked()
    files = {"fixed_landmarks": write_csv(tmp_path / "f.csv", fixed[pick], "abcdef"[:n]),
             "moving_landmarks": write_csv(tmp_path / "m.csv", moving[pick], "abcdef"[:n])}  # fmt: skip
    if made:
        got = values(run(transform=transform, **files))
        assert got["pairs.n"] == n and got["chosen.left_out"] > 0
        assert (got["pairs.elastic.residual"] is None) == (n < 5)
    else:
        with pytest.raises(UnusableLandmarksError, match="landmark pairs are needed"):
            run(transform=transform, **files)


def test_exchanged_labels_are_named(run, tmp_path):
    fixed, moving = clicked()
    moving[[2, 9]] = moving[[9, 2]]
    files = {
        "fixed_landmarks": write_csv(tmp_path / "f.csv", fixed, "abcdefghijkl"),
        "moving_landmarks": write_csv(tmp_path / "m.csv", moving, "abcdefghijkl"),
    }
    got = values(run(transform="rigid", **files))
    assert got["pairs.suspects"] >= 2 and got["chosen.left_out"] > 300


@pytest.mark.parametrize(
    "change, message",
    [
        ({"moving_landmarks": ""}, "must both be given"),
        ({"fixed_landmarks": "", "moving_landmarks": ""}, "need landmarks"),
        ({"mask": "moving_volume"}, "mask must have the grid"),
        ({"fixed_landmarks": "fixed_landmarks_far", "mask": "", "fixed_landmarks_2": "", "moving_landmarks_2": ""}, "must lie in their image"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_together_are_refused(run, files, tmp_path, change, message):
    far = write_csv(tmp_path / "far.csv", clicked()[0] + 9000, [f"fork {chr(97 + i)}" for i in range(12)])
    names = files | {"fixed_landmarks_far": far}
    given = {k: names.get(change.get(k, k), "") if change.get(k, k) else "" for k in files}
    with pytest.raises(ValueError, match=message):
        run(**given)


def test_default_evidence_is_simulated_or_illustration(default):
    assert {e["evidence"] for e in default["results"].values()} == {"simulated", "illustration"}


@pytest.mark.parametrize(
    ("parameter", "value", "moves"),
    [
        ("seed", 2, "judge.elastic.true"),
        ("transform", "affine", "chosen.left_out"),
        ("smoothing", "0", "chosen.residual"),
        ("direction", "slicer", "chosen.residual"),
        ("voxel_um", 150.0, "map.mean"),
        ("bandwidth_um", 300.0, "map.worst"),
        ("landmarks", 14, "judge.affine.residual"),
        ("click_um", 5.0, "judge.elastic.true"),
        ("depth_um", 60.0, "raters.s0.disagreement"),
        ("warp_um", 40.0, "judge.affine.true"),
        ("datasets", 3, "raters.s0.disagreement"),
    ],
)
def test_a_parameter_moves_its_result(run, default, parameter, value, moves):
    assert values(run(**{parameter: value}))[moves] != values(default)[moves]


def test_node_distance_and_correlation_length_move_file_and_table(run, default, files):
    pair = {k: files[k] for k in ("fixed_landmarks", "moving_landmarks")}
    coarse, fine = (
        run(node_um=n, correlation_um=c, figures=True, **pair) for n, c in ((300.0, 0.0), (100.0, 500.0))
    )
    sizes = [(r["folder"] / "figures" / "transform.nii.gz").stat().st_size for r in (coarse, fine)]
    assert sizes[0] < sizes[1]
    tables = [(r["folder"] / "figures" / "tab-scale.csv").read_text() for r in (coarse, fine)]
    assert tables[0] != tables[1]
