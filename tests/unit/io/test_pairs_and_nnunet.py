"""Folders of training pairs, and nnU-Net's raw format by its documented rules."""

import io
import json
import zipfile

import nibabel as nib
import numpy as np
import pytest

from compendium.io.nnunet import case_names, nnunet_problems, write_nnunet, write_predictions
from compendium.io.pairs import inspect_pairs, load_pair, read_pairs
from compendium.io.table_text import TableError

AFFINE = np.array([[-0.025, 0, 0, 3], [0, 0.03, 0, -2], [0, 0, 0.1, 1], [0, 0, 0, 1.0]])


def save(path, values, affine=AFFINE):
    nib.save(nib.Nifti1Image(values, affine), path)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(1)
    made = tmp_path / "pairs"
    made.mkdir()
    for case in ("m1_week1", "m1_week2", "m2_week1", "m3_a b"):
        save(made / f"{case}.nii.gz", rng.normal(100, 5, (20, 18, 3)).astype(np.float32))
        save(made / f"{case}_mask.nii.gz", (rng.uniform(size=(20, 18, 3)) < 0.2).astype(np.uint8))
    return made


def test_names_give_animals_and_headers_give_micrometres(folder):
    pairs = read_pairs(folder)
    assert [(p.case, p.animal) for p in pairs] == [
        ("m1_week1", "m1"),
        ("m1_week2", "m1"),
        ("m2_week1", "m2"),
        ("m3_a b", "m3"),
    ]
    assert pairs[0].spacing_um == pytest.approx((25, 30, 100)) and pairs[0].shape == (20, 18, 3)
    image, mask = load_pair(pairs[0])
    raw = nib.load(folder / "m1_week1.nii.gz").get_fdata()
    assert image.shape == (3, 18, 20) and np.array_equal(image[2, 5], raw[:, 5, 2]) and mask.dtype == bool
    assert inspect_pairs(folder) == ("4 pairs of 3 animals, by file names.",)


def test_a_table_may_name_the_animals(folder):
    rows = [
        "animal,image,mask",
        "A,m1_week1.nii.gz,m1_week1_mask.nii.gz",
        "B,m2_week1.nii.gz,m2_week1_mask.nii.gz",
    ]
    (folder / "pairs.csv").write_text("\n".join(rows) + "\n")
    assert [(p.animal, p.case) for p in read_pairs(folder)] == [("A", "m1_week1"), ("B", "m2_week1")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "m1_week1_mask.nii.gz").unlink(), "'m1_week1' alone"),
        (lambda f: [p.unlink() for p in f.glob("m[23]*")], "at least two animals"),
        (lambda f: save(f / "m2_week1_mask.nii.gz", np.zeros((20, 18, 2), np.uint8)), "grid of m2_week1.nii.gz"),
        (lambda f: save(f / "m2_week1_mask.nii.gz", np.zeros((20, 18, 3), np.uint8), np.eye(4)), "affine of m2_week1.nii.gz"),
        (lambda f: save(f / "m2_week1_mask.nii.gz", np.full((20, 18, 3), 3, np.uint8)), "0 and 1 only.*3"),
        (lambda f: save(f / "m2_week1.nii.gz", np.full((20, 18, 3), np.nan, np.float32)), "finite"),
        (lambda f: [save(f / f"m1_week1{s}.nii.gz", np.zeros((9, 18, 3), np.uint8)) for s in ("", "_mask")], "at least 16 pixels"),
        (lambda f: [save(p, np.zeros((20, 18, 3), np.uint8)) for p in f.glob("*_mask.nii.gz")], "at least one voxel"),
        (lambda f: (f / "m2_week1.nii.gz").write_bytes(b"no"), "readable NIfTI"),
        (lambda f: (f / "pairs.csv").write_text("animal,image\na,b\n"), "column mask"),
        (lambda f: (f / "pairs.csv").write_text("animal,image,mask\nA,../m1.nii.gz,m.nii.gz\n"), "file's name in this folder"),
        (lambda f: (f / "pairs.csv").write_text("animal,image,mask\n,m1_week1.nii.gz,m1_week1_mask.nii.gz\n"), "filled"),
    ],
)  # fmt: skip
def test_folders_that_cannot_be_used_are_refused_in_one_line(folder, change, message):
    change(folder)
    with pytest.raises(TableError, match=message) as caught:
        inspect_pairs(folder)
    assert "\n" not in str(caught.value)


def test_a_file_instead_of_a_folder_is_refused(tmp_path):
    with pytest.raises(TableError, match="must be a folder"):
        inspect_pairs(tmp_path / "none")


@pytest.fixture
def archive(folder, tmp_path):
    path = tmp_path / "nnunet.zip"
    write_nnunet(path, read_pairs(folder), [[0, 1], [2], [3]])
    return path


def test_the_archive_keeps_the_documented_rules(archive):
    assert nnunet_problems(archive) == []
    with zipfile.ZipFile(archive) as z:
        about = json.loads(z.read("Dataset501_Vessels/dataset.json"))
        names = set(z.namelist())
        splits = json.loads(z.read("Dataset501_Vessels/splits_final.json"))
    assert about == {
        "channel_names": {"0": "T2w"},
        "labels": {"background": 0, "vessel": 1},
        "numTraining": 4,
        "file_ending": ".nii.gz",
    }
    assert {
        "Dataset501_Vessels/imagesTr/m1_week1_0000.nii.gz",
        "Dataset501_Vessels/labelsTr/m1_week1.nii.gz",
        "Dataset501_Vessels/imagesTr/m3_a_b_0000.nii.gz",
    } <= names
    assert (
        splits[0] == {"train": ["m2_week1", "m3_a_b"], "val": ["m1_week1", "m1_week2"]} and len(splits) == 3
    )


def test_images_and_masks_survive_the_way(archive, folder):
    with zipfile.ZipFile(archive) as z:
        for kind, source in (("imagesTr/m2_week1_0000", "m2_week1"), ("labelsTr/m2_week1", "m2_week1_mask")):
            import gzip

            got = nib.Nifti1Image.from_bytes(gzip.decompress(z.read(f"Dataset501_Vessels/{kind}.nii.gz")))
            given = nib.load(folder / f"{source}.nii.gz")
            assert np.array_equal(np.asarray(got.dataobj), np.asarray(given.dataobj))
            assert np.allclose(got.affine, given.affine, atol=1e-6)
    assert np.asarray(got.dataobj).dtype == np.uint8


def test_same_pairs_same_bytes(archive, folder, tmp_path):
    again = tmp_path / "again.zip"
    write_nnunet(again, read_pairs(folder), [[0, 1], [2], [3]])
    assert again.read_bytes() == archive.read_bytes()
    assert not list(tmp_path.glob(".*"))


def rewrite(archive, change):
    """The archive with some members changed, added or left out."""
    with zipfile.ZipFile(archive) as z:
        members = {n: z.read(n) for n in z.namelist()}
    members = change(members) or members
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for n, content in members.items():
            z.writestr(n, content)
    archive.write_bytes(out.getvalue())


def edit_json(members, **changes):
    key = "Dataset501_Vessels/dataset.json"
    members[key] = json.dumps({**json.loads(members[key]), **changes}).encode()


HEAD = "Dataset501_Vessels/"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop(HEAD + "dataset.json") and None, "dataset.json is missing"),
        (lambda m: edit_json(m, numTraining=3), "numTraining must be 4"),
        (lambda m: edit_json(m, labels={"0": "background", "1": "vessel"}), "labels must count"),  # the form of version 1
        (lambda m: edit_json(m, labels={"background": 0, "vessel": 2}), "labels must count"),
        (lambda m: edit_json(m, channel_names={"1": "T2w"}), "channel_names must count"),
        (lambda m: m.pop(HEAD + "imagesTr/m1_week1_0000.nii.gz") and None, "m1_week1_0000.nii.gz is missing"),
        (lambda m: m.pop(HEAD + "labelsTr/m1_week1.nii.gz") and None, "has no mask"),
        (lambda m: m.update({HEAD + "labelsTr/m1_week1.nii.gz": m[HEAD + "imagesTr/m1_week1_0000.nii.gz"]}), "known labels"),
        (lambda m: {n.replace("Dataset501_", "Task501-"): c for n, c in m.items()}, "DatasetXXX_Name"),
        (lambda m: m.update({HEAD + "splits_final.json": b'[{"train": ["m2_week1"], "val": ["m2_week1"]}]'}), "without a common case"),
        (lambda m: m.update({HEAD + "splits_final.json": b'[{"train": ["m2_week1"], "val": ["x"]}]'}), "name every case"),
    ],
)  # fmt: skip
def test_what_breaks_the_rules_is_found(archive, change, message):
    rewrite(archive, change)
    assert any(message in problem for problem in nnunet_problems(archive)), nnunet_problems(archive)


@pytest.mark.parametrize(
    ("options", "folds", "message"),
    [
        ({"number": 5}, [[0, 1], [2], [3]], "number of 11 to 999"),
        ({"name": "my vessels"}, [[0, 1], [2], [3]], "letters and digits"),
        ({}, [[0], [1, 2], [3]], "An animal must stay in one fold. Given 'm1'"),
        ({}, [[0, 1], [2]], "validate every pair once"),
    ],
)
def test_what_nnunet_would_not_take_is_not_written(folder, tmp_path, options, folds, message):
    with pytest.raises(ValueError, match=message):
        write_nnunet(tmp_path / "x.zip", read_pairs(folder), folds, **options)


def test_cases_that_become_alike_are_refused():
    with pytest.raises(ValueError, match="twice"):
        case_names(["a b", "a_b"])


def test_predictions_carry_the_grid_of_their_image(folder, tmp_path):
    pairs = read_pairs(folder)
    volumes = [load_pair(p)[1] for p in pairs]
    write_predictions(tmp_path / "p.zip", pairs, volumes, "uint8")
    with zipfile.ZipFile(tmp_path / "p.zip") as z:
        z.extractall(tmp_path / "out")
        assert sorted(z.namelist()) == [
            "m1_week1.nii.gz",
            "m1_week2.nii.gz",
            "m2_week1.nii.gz",
            "m3_a_b.nii.gz",
        ]
    got = nib.load(tmp_path / "out" / "m2_week1.nii.gz")
    assert np.array_equal(got.get_fdata(), nib.load(folder / "m2_week1_mask.nii.gz").get_fdata())
    assert np.allclose(got.affine, AFFINE, atol=1e-6)
