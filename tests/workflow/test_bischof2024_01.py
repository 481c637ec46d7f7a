"""Chapter 01 of bischof2024 on landmarks and a volume that nothing in the package generated, and its parameters."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from compendium.io.volumes import write_volume
from compendium.registration import Grid

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "bischof2024/01"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    patch = pytest.MonkeyPatch()

    def start(**parameters):
        return chapter_run.run_chapter(CHAPTER, tmp_path_factory.mktemp("out"), patch, **parameters)

    yield start
    patch.undo()


@pytest.fixture(scope="module")
def default(run):
    return run()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("in"), np.random.default_rng(11)
    fixed = rng.uniform(0, 2000, (40, 3)) * [1, 1, 0.4]
    moving = fixed + [10, 20, 30] + rng.normal(0, [10, 20, 40], (40, 3))
    for name, points in (("fixed", fixed), ("moving", moving[::-1])):
        labels = range(40) if name == "fixed" else range(39, -1, -1)
        rows = [f"p{i};{x:.4f};{y:.4f};{z:.4f}" for i, (x, y, z) in zip(labels, points, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["name;x_um;y_um;z_um", *rows]) + "\n")
    smooth = gaussian_filter(rng.normal(size=(20, 50, 50)), [2, 3, 3] / np.sqrt(2), mode="wrap")
    noisy = smooth / smooth.std() + rng.normal(0, 0.3, smooth.shape)
    write_volume(folder / "t2.nrrd", noisy.astype(np.float32), Grid((20, 50, 50), (80, 80, 150)))
    return {
        "fixed_landmarks": str(folder / "fixed.csv"),
        "moving_landmarks": str(folder / "moving.csv"),
    }, str(folder / "t2.nrrd")


def test_landmarks_and_volume_replace_error_voxel_and_correlation_length(run, files):
    made = run(**files[0], volume=files[1])
    got = values(made)
    assert [got[f"yours.error.{a}"] for a in "xyz"] == pytest.approx([10, 20, 40], rel=0.35)
    assert [got[f"yours.voxel.{a}"] for a in "xyz"] == pytest.approx([80, 80, 150])
    assert [got[f"yours.length.{a}"] for a in "xyz"] == pytest.approx([240, 240, 300], rel=0.2)
    assert got["yours.voxel.retained"] < got["yours.voxel.attenuation"] < 1
    assert {e["evidence"] for n, e in made["results"].items() if n.startswith("yours.")} == {"user"}


def test_landmarks_alone_keep_the_stated_voxel(run, files):
    got = values(run(**files[0], voxel_x_um=55.0))
    assert (got["yours.voxel.x"], got["yours.voxel.y"]) == (55, 100)


@pytest.mark.parametrize(
    ("parameter", "value", "moves"),
    [
        ("seed", 2, "idea.largest_difference"),
        ("error_um", 30.0, "yours.voxel.retained"),
        ("disagreement", True, "yours.voxel.retained"),
        ("voxel_x_um", 200.0, "yours.voxel.retained"),
        ("voxel_y_um", 200.0, "yours.voxel.retained"),
        ("voxel_z_um", 200.0, "yours.voxel.retained"),
        ("correlation_um", 30.0, "yours.voxel.attenuation"),
        ("keep", 0.8, "yours.multiple"),
        ("part_um", 3000.0, "biopsy.medium"),
        ("part_length_um", 2000.0, "biopsy.medium"),
        ("whole_um", 60000.0, "biopsy.medium"),
        ("between", 0.2, "biopsy.medium"),
    ],
)
def test_a_parameter_moves_its_result(run, default, parameter, value, moves):
    assert values(run(**{parameter: value}))[moves] != values(default)[moves]


@pytest.mark.parametrize("error, length", [(0.0, 100.0), (5000.0, 0.0), (71.6, 0.0), (1.0, 1e6)])
def test_extreme_errors_and_lengths_have_answers(run, error, length):
    got = values(run(error_um=error, correlation_um=length))
    assert 0 <= got["yours.voxel.retained"] <= 1 + 1e-9
    assert (got["yours.multiple"] == 0) == (error < 2)


@pytest.mark.parametrize(
    "wrong, message",
    [({"keep": 1.0}, "keep lies between"), ({"between": 2.0}, "between in 0 to 1"), ({"error_um": -1.0}, "are 0 or more"),
     ({"fixed_landmarks": "a.csv"}, "must both be given")],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(run, wrong, message):
    with pytest.raises(ValueError, match=message):
        run(**wrong)


def test_two_landmarks_are_too_few(run, tmp_path):
    for name in ("f", "m"):
        (tmp_path / f"{name}.csv").write_text("label,x_um,y_um,z_um\na,0,0,0\nb,100,0,0\n")
    with pytest.raises(ValueError, match="must allow a transform"):
        run(fixed_landmarks=str(tmp_path / "f.csv"), moving_landmarks=str(tmp_path / "m.csv"))
