"""A user's samples to maps: trained on them alone, left out, written, the same bits; and what is refused."""

import json

import nibabel
import numpy as np
import pandas as pd
import pytest

from compendium.io.table_text import TableError
from compendium.maps.cellularity import run_cellularity
from compendium.radiopathomics.tiles import CONTRASTS

SHAPE = (22, 24, 8)
FEW = {"trees": 8, "side": 3, "min_leaf": 2, "slices": 8}


def write_subject(folder, name, seed, gain=1.0, adc_scale=1.0, simulated=False):
    """Four contrasts of noise in which ADC follows a ramp of density along x; returns the density at a voxel."""
    rng = np.random.default_rng(seed)
    density = np.broadcast_to(1000 + 150.0 * np.arange(SHAPE[0])[:, None, None], SHAPE)
    affine = np.diag([-2.0, 2.0, 2.5, 1.0])
    affine[:3, 3] = (20, -24, 7)
    volumes = {k: gain * (100 + 5 * rng.standard_normal(SHAPE)) for k in CONTRASTS}
    volumes["adc"] = adc_scale * (1600 - 0.2 * density + 10 * rng.standard_normal(SHAPE))
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[2:-2, 2:-2, 1:-1] = 1
    for key, volume in {**volumes, "mask": mask}.items():
        image = nibabel.Nifti1Image(
            np.asarray(volume, dtype=np.uint8 if key == "mask" else np.float32), affine
        )
        image.header["descrip"] = "simulated by compendium" if simulated else "scanner"
        nibabel.save(image, folder / f"{name}_{key}.nii.gz")
    return affine, density


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(1)
    rows = []
    for i, name in enumerate(["pat-A", "B2", "C", "D"]):
        affine, density = write_subject(folder, name, i, gain=(1, 3, 0.4, 8)[i])
        for k in range(5):
            voxel = rng.integers([5, 5, 3], [17, 19, 5])
            x, y, z = (affine @ [*voxel, 1])[:3]
            rows.append((f"{name}/{k}", name, density[tuple(voxel)] * 1.01, x, y, z, (6.0, np.nan)[k % 2]))
    write_subject(folder, "new", 9, gain=2)
    write_subject(folder, "fake", 10, simulated=True)
    write_subject(folder, "other-unit", 11, adc_scale=1e-3)
    names = ["roi", "subject", "histology", "x_mm", "y_mm", "z_mm", "diameter_mm"]
    return folder, pd.DataFrame(rows, columns=names).sample(frac=1, random_state=3).reset_index(drop=True)


@pytest.fixture(scope="module")
def base(study, tmp_path_factory):
    """A plain run, made once."""
    paths = {k: str(study[0] / ("{subject}_" + k + ".nii.gz")) for k in (*CONTRASTS, "mask")}
    return run_cellularity(**paths, **FEW, rois=study[1], out=tmp_path_factory.mktemp("base"))


@pytest.fixture
def run(study, tmp_path):
    folder, table = study
    paths = {k: str(folder / ("{subject}_" + k + ".nii.gz")) for k in (*CONTRASTS, "mask")}

    def start(rois=table, out="out", **settings):
        return run_cellularity(**{**paths, **FEW, "rois": rois, "out": tmp_path / out, **settings})

    return start


def test_planted_density_comes_back_on_subjects_left_out_and_in_the_maps(run, study):
    made = run(subjects=["new"], trees=40)
    assert made.error.skill > 0.8 and made.error.n == 20 and made.error.subjects == 4 and made.notes == ()
    assert set(made.maps) == {"pat-A", "B2", "C", "D", "new"}
    image = nibabel.load(made.maps["new"])
    values = np.asarray(image.dataobj)
    assert values.shape == SHAPE and np.allclose(
        image.affine, nibabel.load(study[0] / "new_t1.nii.gz").affine
    )
    inside = np.isfinite(values)
    assert inside.sum() == 18 * 20 * 6
    ramp = np.broadcast_to(1000 + 150.0 * np.arange(SHAPE[0])[:, None, None], SHAPE)
    assert np.corrcoef(values[inside], ramp[inside])[0, 1] > 0.9


def test_maps_have_bids_names_and_sidecars(run):
    made = run(subjects=["new"])
    assert set(made.maps) >= {"pat-A", "new"}
    for subject, path in made.maps.items():
        folder, start = path.parent, f"sub-{subject.replace('-', '')}"
        named = folder / f"{start}_model-radiopathomic_param-density_cellmap.nii.gz"
        assert named.read_bytes() == path.read_bytes()
        assert named.with_name(named.name.replace(".nii.gz", ".json")).is_file()


def test_a_subject_with_samples_is_mapped_by_a_forest_that_did_not_see_them(run):
    made = run(subjects=["new"])
    own, new = (json.loads(made.maps[s].with_name(f"{s}_cellularity.json").read_text()) for s in ("C", "new"))
    assert own["TrainedOnSubjects"] == ["B2", "D", "pat-A"] and own["SubjectWasLeftOut"]
    assert new["TrainedOnSubjects"] == ["B2", "C", "D", "pat-A"]
    assert own["Origin"] == "samples" and own["LeaveOneSubjectOut"]["rmse"] == pytest.approx(made.error.rmse)
    assert own["DividedBy"]["adc"] == 1 and own["DividedBy"]["t1"] > 0


def test_the_map_does_not_change_with_the_subjects_own_histology(run, study, base):
    """What leaving out means: other counts in C leave the map of C as it is, and change that of D."""
    table = study[1]
    other = table.assign(histology=table["histology"].where(table["subject"] != "C", 9000.0))
    first, second = base, run(other)
    assert np.array_equal(*(np.nan_to_num(nibabel.load(r.maps["C"]).get_fdata()) for r in (first, second)))
    assert not np.array_equal(
        *(np.nan_to_num(nibabel.load(r.maps["D"]).get_fdata()) for r in (first, second))
    )


def test_the_written_tables_serve_as_input_and_agree_with_the_error(base):
    from compendium.run.inputs import validate

    made = base
    left_out = pd.read_csv(made.output / "leave_one_out.csv")
    assert np.sqrt(((left_out["predicted"] - left_out["histology"]) ** 2).mean()) == pytest.approx(
        made.error.rmse, rel=1e-4
    )
    features = validate(made.output / "roi_features.csv", "roi_features")
    assert len(features) == 20 and sum(c.startswith("feature_adc_") for c in features) == 9


def test_blocks_of_other_sizes_give_the_same_bytes(run, base):
    one, two = base, run(slices=3)
    assert all(one.maps[s].read_bytes() == two.maps[s].read_bytes() for s in one.maps)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("trees", 20),
        ("min_leaf", 8),
        ("side", 5),
        ("seed", 2),
        ("normalisation", "none"),
        ("rule", "centre"),
        ("diameter_mm", 9.0),
    ],
)
def test_each_setting_moves_the_error(run, base, setting, value):
    assert run(**{setting: value}).error.rmse != base.error.rmse


def test_a_map_over_its_sd_has_no_unit_and_says_so(run):
    made = run(normalisation="map")
    values = nibabel.load(made.maps["C"]).get_fdata()
    assert np.nanstd(values, ddof=1) == pytest.approx(1, abs=1e-5)
    assert "no unit" in made.notes[0]
    assert json.loads(made.maps["C"].with_name("C_cellularity.json").read_text())["Units"].startswith("1 ")


def test_the_page_stands_alone_and_says_the_error(base):
    page = base.page.read_text(encoding="utf-8")
    assert page.count("<img alt=") == 5 and "data:image/png;base64" in page and "http" not in page
    assert "RMSE on subjects left out" in page and "pat-A" in page


def test_names_reach_the_page_escaped(run, study, tmp_path):
    table = study[1].assign(roi=lambda t: "<b>" + t["roi"], diameter_mm=20.0)
    made = run(table)
    page = made.page.read_text(encoding="utf-8")
    assert "<b>" not in page and "reach out of the image or mask: &lt;b&gt;" in page


def test_a_region_without_histology_is_left_out_and_reported(run, study):
    table = study[1].copy()
    table.loc[0, "histology"] = np.nan
    assert run(table).notes == ("1 of 20 regions have no histology and were left out.",)


def test_without_samples_no_map_is_made(run, tmp_path):
    with pytest.raises(
        ValueError, match="trained on samples of your own.*Given none; a forest trained on simulation"
    ):
        run(None)
    assert not (tmp_path / "out").exists()


def test_a_forest_trained_on_simulated_brains_is_not_applied_to_images(study, tmp_path):
    folder, table = study
    paths = {k: str(folder / ("{subject}_" + k + ".nii.gz")) for k in (*CONTRASTS, "mask")}
    for i, name in enumerate(["s1", "s2", "s3"]):
        write_subject(folder, name, 20 + i, simulated=True)
    fakes = table.assign(subject=table["subject"].map({"pat-A": "s1", "B2": "s2", "C": "s3", "D": "s3"}))
    with pytest.raises(ValueError, match="training on simulation, images of samples"):
        run_cellularity(**paths, **FEW, rois=fakes, out=tmp_path / "out", subjects=["new"])
    assert not (tmp_path / "out").exists()
    made = run_cellularity(**paths, **FEW, rois=fakes, out=tmp_path / "out")
    assert made.notes[0].startswith("The samples are simulated brains")
    assert json.loads(made.maps["s1"].with_name("s1_cellularity.json").read_text())["Origin"] == "simulation"


def test_simulated_and_real_samples_do_not_mix(run, study):
    table = study[1].assign(subject=study[1]["subject"].replace("D", "fake"))
    with pytest.raises(
        ValueError, match="must not mix patients and simulated brains. Given simulated images of fake"
    ):
        run(table)


def test_simulated_brains_are_not_mapped_by_a_forest_of_patients(run):
    with pytest.raises(ValueError, match="training on samples, images of simulation"):
        run(subjects=["fake"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"t1": "one.nii.gz"}, r"must hold \{subject\}"),
        ({"normalisation": "z"}, "normalisation must be one of"),
        ({"rule": "z"}, "rule must be one of"),
        ({"side": 4}, "odd number"),
        ({"subjects": ["../etc"]}, "usable in a file name"),
        ({"subjects": ["other-unit"]}, "ADC must be positive and in one unit"),
    ],
)
def test_a_request_that_cannot_be_served_is_refused_before_anything_is_written(
    run, settings, message, tmp_path
):
    with pytest.raises(ValueError, match=message):
        run(**settings)
    assert not (tmp_path / "out").exists()


def test_two_subjects_are_too_few(run, study):
    with pytest.raises(ValueError, match="at least 3 with histology. Given 2"):
        run(study[1][study[1]["subject"].isin(["C", "D"])])


def test_a_region_outside_the_mask_names_file_and_region(run, study):
    table = study[1].copy()
    table.loc[4, "x_mm"] = 400.0
    with pytest.raises(TableError, match="must hold every region of its subject.*" + table.loc[4, "roi"]):
        run(table)


def test_a_missing_image_and_one_on_another_grid_are_named(run, study):
    with pytest.raises(TableError, match="nobody_t1.nii.gz"):
        run(subjects=["nobody"])
    write_subject(study[0], "shifted", 30)
    path = study[0] / "shifted_flair.nii.gz"
    image = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(image.get_fdata()[:-1].astype(np.float32), image.affine), path)
    with pytest.raises(TableError, match="shifted_flair.nii.gz.*must have the grid"):
        run(subjects=["shifted"])
