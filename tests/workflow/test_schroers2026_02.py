"""Chapter 02 of schroers2026: a table and volumes of a user, made by other means than the chapter's generators; every parameter
moves what it should."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.manifold import trustworthiness

from compendium import paths
from compendium.cohorts.schroers_embedding import CONTRASTS, SEED, embed, embedding_input
from compendium.io.landmarks import write_landmarks
from compendium.io.transforms import write_transform
from compendium.io.volumes import read_volume, write_volume
from compendium.maps.voxel_table import build_voxels
from compendium.registration.affine import LinearTransform
from compendium.registration.grid import Grid

_spec = importlib.util.spec_from_file_location("chapter_run", Path(__file__).with_name("chapter_run.py"))
chapter_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chapter_run)
values = chapter_run.values
CHAPTER = "schroers2026/02"
SMALL = {"animals": 2, "days": "60", "cohorts": 4}


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


def user_table(path, groups=1, raw=False):
    """Other n, other order of columns, missing values; slope 2 per full density in every animal."""
    rng = np.random.default_rng(11)
    parts = []
    for k, animal in enumerate(("mouse-7", "mouse-2", "mouse-9")):
        n = 150 + 40 * k
        density = np.where(rng.random(n) < 0.4, 0.0, rng.beta(1, 2, n))
        z = 2 * density + rng.normal(0, 1, n)
        z[density == 0] = (z[density == 0] - z[density == 0].mean()) / z[density == 0].std()
        parts.append(pd.DataFrame({"t2w": 300 + 20 * z if raw else z, "animal": animal, "density": density,
                                   "model": ["x", "y", "x"][k] if groups == 2 else "x", "note": "free"}))  # fmt: skip
    frame = pd.concat(parts).sample(frac=1, random_state=1)
    frame.iloc[3, 0] = np.nan
    frame.to_csv(path, index=False)
    return str(path)


def test_default_numbers_are_simulated_or_invented_and_never_the_user_s(default):
    assert {e["evidence"] for e in default["results"].values()} == {"simulated", "illustration"}


def test_a_table_of_a_user_is_analysed_by_animals(run, tmp_path):
    made = run(voxels=user_table(tmp_path / "t.csv"))
    got = values(made)
    assert got["data.voxels"] == 150 + 190 + 230 - 1 and got["data.animals"] == 3
    assert got["data.m1.slope"] == pytest.approx(2, abs=0.5)
    assert got["data.m1.slope.lower"] < 2 < got["data.m1.slope.upper"]
    assert made["results"]["data.m1.slope"]["evidence"] == "user"
    assert "fig-models" not in made["figures"] and "fig-heat" not in made["figures"]


def test_two_groups_one_of_them_a_single_animal(run, tmp_path):
    got = values(run(voxels=user_table(tmp_path / "t.csv", groups=2)))
    assert {got["data.m1.animals"], got["data.m2.animals"]} == {1, 2}
    single = "data.m1" if got["data.m1.animals"] == 1 else "data.m2"
    assert got[f"{single}.slope.lower"] is None


def test_raw_signals_are_normalised_on_request_and_vessel_bins_are_others(run, tmp_path):
    raw = user_table(tmp_path / "t.csv", raw=True)
    made = run(voxels=raw, normalise=True, structure="vessel")
    assert values(made)["data.m1.slope"] == pytest.approx(2, abs=0.5)
    assert values(run(voxels=raw))["data.m1.slope"] > 20


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    """An ellipsoid in MRI and in microscopy, other voxels than the chapter's phantom, turned and shifted."""
    folder, rng = tmp_path_factory.mktemp("volumes"), np.random.default_rng(4)
    mri, micro = Grid((8, 26, 24), (90, 90, 120), (-200, -100, -150)), Grid((200, 150, 160), (15, 15, 4))
    angle = np.deg2rad(5)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    move = LinearTransform(turn, np.array([90.0, -40.0, 20.0]), "known")

    def density(points):
        return (np.linalg.norm((points - [1150, 1100, 400]) / [1, 0.8, 0.5], axis=1) < 520).astype(float)

    seen = density(move.apply(mri.voxel_centres())).reshape(mri.shape)
    paths = {k: folder / n for k, n in (("mri", "a.nii.gz"), ("microscopy", "b.ome.tif"), ("t1", "c.nrrd"), ("t1post", "d.nii"),
             ("mask", "m.nii.gz"), ("landmarks_mri", "f.fcsv"), ("landmarks_microscopy", "g.mrk.json"), ("transform", "h.tfm"))}  # fmt: skip
    for name, gain in (("mri", 0.5), ("t1", -0.2), ("t1post", 0.3)):
        write_volume(
            paths[name], (400 * (1 + gain * seen) + rng.normal(0, 12, mri.shape)).astype(np.float32), mri
        )
    stack = density(micro.voxel_centres()).reshape(micro.shape) * 50000 + rng.integers(0, 5000, micro.shape)
    write_volume(paths["microscopy"], stack.astype(np.uint16), micro)
    write_volume(paths["mask"], np.ones(mri.shape, np.uint8), mri)
    points = mri.to_points(rng.uniform(2, 6, (12, 3)) * [3, 3, 1]) + rng.normal(0, 5, (12, 3))
    write_landmarks(paths["landmarks_mri"], points)
    write_landmarks(paths["landmarks_microscopy"], move.apply(points) + rng.normal(0, 5, (12, 3)))
    write_transform(paths["transform"], move)
    return {k: str(v) for k, v in paths.items()}, seen


def without(given, *names):
    return {k: v for k, v in given.items() if k not in names}


@pytest.fixture(scope="module")
def registered(run, volumes):
    return run(**without(volumes[0], "transform", "t1", "t1post"))


def test_volumes_landmarks_and_mask_become_voxels_and_files(registered):
    got = values(registered)
    assert got["data.animals"] == 1 and got["data.voxels"] > 500
    assert got["registration.landmarks"] == 12 and 0 < got["registration.leave_one_out"] < 60
    assert got["scale.error"] == pytest.approx(got["registration.leave_one_out"], rel=1e-6)
    assert got["data.m1.slope"] > 5
    assert set(registered["files"]) == {"voxels.csv", "density.nii.gz", "signal.nii.gz", "transform.nii.gz"}


def test_four_volumes_with_a_transform_embed_the_contrasts_and_find_the_tumour(volumes, tmp_path_factory):
    patch, folder = pytest.MonkeyPatch(), tmp_path_factory.mktemp("out")
    patch.setattr(
        "compendium.cohorts.schroers_embedding.embed", lambda contrasts, seed: np.asarray(contrasts)[:, :2]
    )  # UMAP: below
    made = chapter_run.run_chapter(
        CHAPTER, folder, patch, **SMALL, **without(volumes[0], "landmarks_mri", "landmarks_microscopy")
    )
    patch.undo()
    assert made["results"]["embedding.trustworthiness"]["evidence"] == "user"
    density = read_volume(folder / "figures" / "density.nii.gz").array
    known = np.isfinite(density)
    assert known.any() and np.corrcoef(density[known], volumes[1][known])[0, 1] > 0.9
    assert "transform.tfm" in made["files"]
    table = pd.read_csv(folder / "figures" / "voxels.csv")
    assert {"animal", "density", "t2w", "t1", "t1post", "x", "y", "z"} <= set(table)


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        ({"kind": "affine", "threshold": 52000.0}, ("registration.leave_one_out", "data.m1.slope")),
        ({"order": "text"}, ("data.m1.slope",)),
        ({"group": 60, "last": "short"}, ("data.m1.slope",)),
        ({"normal_label": 1}, ("data.m1.slope",)),  # then all of the mask is normal tissue, and zero its mean
    ],
)
def test_parameters_of_the_volumes_move_their_results(run, volumes, registered, change, moves):
    one, two = values(registered), values(run(**without(volumes[0], "transform", "t1", "t1post"), **change))
    assert all(one[name] != two[name] for name in moves)


def test_rules_of_the_stack_reach_the_reader(volumes):
    given = {k: volumes[0][k] for k in ("mri", "microscopy", "transform")}
    drop, short = (build_voxels(given, animal="X", size=60, last=last).frame for last in ("drop", "short"))
    assert len(short) > len(drop)
    with pytest.raises(ValueError, match="Probabilities must lie in"):
        build_voxels(given, animal="X", full_scale=20000.0)
    with pytest.raises(ValueError, match="Densities must lie in"):
        build_voxels(given, animal="X", holds="density")
    assert build_voxels(given, animal="X", channel=0).frame.shape[0] > 0


def test_mri_without_microscopy_is_refused(run, volumes):
    with pytest.raises(ValueError, match="needed together"):
        run(mri=volumes[0]["mri"])


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        ({"seed": 2}, ("order.text.bias", "vessels.slope", "tumour.slope")),
        (
            {"registration_um": 150.0, "cohorts": 9, "threshold": 30000.0},
            ("registration.ratio", "reference.sd_ratio", "order.macro.bias"),
        ),
        ({"animals": 3, "group": 20}, ("vessels.slope", "order.half.moved")),
        ({"days": "40"}, ("tumour.slope",)),
    ],
)
def test_parameters_move_their_results(run, default, change, moves):
    got = values(run(**change))
    assert all(got[name] != values(default)[name] for name in moves)


def test_the_stored_embedding_is_what_its_recipe_gives():
    """UMAP again, some twenty seconds of it compilation: neighbours are the same, whatever a processor rounds."""
    frame = embedding_input()[list(CONTRASTS)]
    stored = pd.read_csv(paths.root() / "data/derived/schroers2026/embedding.csv").to_numpy()
    again = embed(frame, SEED)
    assert trustworthiness(frame, again, n_neighbors=15) == pytest.approx(
        trustworthiness(frame, stored, n_neighbors=15), abs=0.01
    )
