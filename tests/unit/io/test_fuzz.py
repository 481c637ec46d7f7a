"""Whatever bytes are handed in: a value, or the one documented error in one line, within bounded time and memory.

Valid files are damaged (bytes flipped, overwritten, cut out, doubled; cut at every length where a file is small), and
texts are drawn from the words of a format. Tables, workbooks, dates, units, REDCap, DICOM and plain YAML have
tests of this sort beside their other tests.
"""

import gzip
import json
import resource
import time
import zipfile
from functools import cache

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its users call it so
from hypothesis import given, settings
from hypothesis import strategies as st

from compendium.evidence.audit import audit
from compendium.evidence.audit_file import read_statements as read_audit
from compendium.evidence.claims import load_study
from compendium.evidence.findings import load_findings, load_inventory
from compendium.evidence.yardstick import parse_printed
from compendium.io.kymographs import read_kymographs
from compendium.io.landmarks import LandmarkFileError, read_landmarks, write_landmarks
from compendium.io.manifest import is_safe_name, load_manifest
from compendium.io.nifti import inspect_image, read_slab, unpack
from compendium.io.nnunet import case_names, nnunet_problems, write_nnunet
from compendium.io.pairs import inspect_pairs, read_pairs
from compendium.io.practice import ITEMS, read_statements, standing_of
from compendium.io.protocols import read_b_values, read_protocol
from compendium.io.qupath import read_detections
from compendium.io.tables import TableError
from compendium.io.transforms import TransformFileError, read_transform, write_transform
from compendium.io.volumes import VolumeFileError, count_channels, read_volume, write_volume
from compendium.io.yaml_lines import StructureError
from compendium.maps.perfusion_input import open_labels, open_series, read_values
from compendium.registration.affine import LinearTransform
from compendium.registration.grid import Grid
from compendium.run.chapters import Parameter, RequestError
from compendium.run.file_kinds import FILE_KINDS
from compendium.run.store import check_run_name

SPARE_BYTES = 1 << 31
"""Address space that a reader may ask for beside what the process has; the files here hold a few kB."""
SECONDS = 5
LONGEST = 1200


@pytest.fixture(autouse=True)
def little_memory():
    """Let a reader that believes a header fail instead of filling the machine."""
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + SPARE_BYTES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def allowed(read, *errors):
    """Return what a reader returns, or None when it refuses in one line and in time."""
    began = time.process_time()
    value = None
    try:
        value = read()
    except errors as error:
        said = str(error)
        assert said.strip()
        assert "\n" not in said
        assert len(said) < LONGEST
        assert type(error) in errors or issubclass(type(error), errors)
    assert time.process_time() - began < SECONDS
    return value


BYTES = st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 0x20, 0x2D, 0x39, 0x7F, 0x80, 0xFF]))
DAMAGE = st.lists(
    st.tuples(st.sampled_from("oooobcd"), st.floats(0, 1, exclude_max=True), BYTES, st.integers(1, 12)),
    min_size=1,
    max_size=6,
)


def damage(raw: bytes, changes, first: int | None = None) -> bytes:
    """Change bytes: overwrite one, overwrite several, cut some out, double some; `first` limits where."""
    data = bytearray(raw)
    for kind, where, value, count in changes:
        place = int(where * min(first or len(data), len(data)))
        if kind == "o" and data:
            data[place] = value
        elif kind == "b":
            data[place : place + count] = bytes([value]) * count
        elif kind == "c":
            del data[place : place + count]
        else:
            data[place:place] = data[place : place + count]
    return bytes(data)


def written(tmp_path_factory, name, raw):
    """A file of this name, below a folder that all examples of a name share."""
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return path


# Images

SHAPE = (5, 4, 3)


def voxels(dtype="int16"):
    return np.random.default_rng(1).integers(0, 90, size=SHAPE).astype(dtype)


@cache
def nifti(name="image.nii", dimensions=3):
    image = nib.Nifti1Image(
        np.stack([voxels()] * 4, -1) if dimensions == 4 else voxels(), np.diag([2, 2, 3, 1.0])
    )
    image.header.set_xyzt_units("mm", "sec")
    return (image.to_bytes(), gzip.compress(image.to_bytes(), mtime=0))[name.endswith(".gz")]


def whole_image(path, scratch):
    info = inspect_image(path)
    return read_slab(unpack(path, scratch), 0, info.shape[2])


@settings(max_examples=300)
@given(DAMAGE, st.sampled_from(["image.nii", "image.nii.gz"]))
def test_any_damage_of_a_nifti_image_is_refused_in_one_line(tmp_path_factory, changes, name):
    path = written(tmp_path_factory, name, damage(nifti(name), changes, 352))
    (path.parent / "unpacked" / "image.nii").unlink(missing_ok=True)
    allowed(lambda: whole_image(path, path.parent / "unpacked"), TableError)
    allowed(lambda: FILE_KINDS["image"].inspect(path), TableError)


@settings(max_examples=200)
@given(DAMAGE, st.sampled_from(["image.nii", "image.nii.gz"]), st.booleans())
def test_any_damage_of_a_perfusion_series_is_refused_in_one_line(tmp_path_factory, changes, name, whole):
    path = written(
        tmp_path_factory, f"series-{name}", damage(nifti(name, 4), changes, None if whole else 352)
    )
    allowed(lambda: read_values(open_series(path)), TableError)
    first = nib.Nifti1Image(np.zeros((*SHAPE, 4)), np.diag([2, 2, 3, 1.0]))
    labels = written(tmp_path_factory, f"labels-{name}", damage(nifti(name), changes, 352))
    allowed(lambda: open_labels(labels, first), TableError)


@cache
def volume(suffix, folder, dtype="float32"):
    path = folder / f"volume{suffix}"
    grid = Grid.of((3, 4, 5), (500.0, 500.0, 700.0), (10.0, 0, 0))
    write_volume(path, voxels(dtype).T, grid)
    return path.read_bytes()


def header_of(raw, suffix):
    if suffix in (".nii", ".ome.tif"):
        return 352
    end = raw.find(b"\n\n") if suffix == ".nrrd" else raw.find(b"LOCAL")
    return end + 8 if end > 0 else len(raw)


VOLUMES = [".nii", ".nii.gz", ".nrrd", ".mha", ".ome.tif"]


@settings(max_examples=500)
@given(DAMAGE, st.sampled_from(VOLUMES), st.booleans())
def test_any_damage_of_a_volume_is_refused_in_one_line(tmp_path_factory, changes, suffix, whole):
    raw = volume(suffix, tmp_path_factory.getbasetemp())
    raw = damage(raw, changes, None if whole else header_of(raw, suffix))
    path = written(tmp_path_factory, f"damaged{suffix}", raw)
    allowed(lambda: count_channels(path), VolumeFileError)
    allowed(lambda: read_volume(path, channel=0), VolumeFileError)
    allowed(lambda: FILE_KINDS["volume"].inspect(path), TableError)


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
@pytest.mark.parametrize("suffix", VOLUMES)
def test_a_volume_cut_at_any_length_is_whole_or_refused(tmp_path, suffix, dtype):
    raw = volume(suffix, tmp_path, dtype)
    whole = read_volume(tmp_path / f"volume{suffix}").array
    path = tmp_path / f"cut{suffix}"
    for length in range(0, len(raw), 1 + len(raw) // 150):
        path.write_bytes(raw[:length])
        found = allowed(lambda: read_volume(path), VolumeFileError)
        assert found is None or (found.array.shape == whole.shape and (found.array == whole).all()), length


@pytest.mark.parametrize("name", ["image.nii", "image.nii.gz"])
def test_an_image_cut_at_any_length_is_whole_or_refused(tmp_path, name):
    raw, path = nifti(name), tmp_path / name
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        found = allowed(lambda: whole_image(path, tmp_path / "unpacked"), TableError)
        (tmp_path / "unpacked" / "image.nii").unlink(missing_ok=True)
        assert found is None or (found == voxels()).all(), length


@pytest.mark.parametrize(
    ("name", "line"),
    [("v.mhd", "ElementDataFile = {}"), ("v.mha", "ElementDataFile={}"), ("v.nrrd", "data file: {}")],
)
def test_a_header_that_points_out_of_its_folder_is_refused(tmp_path, name, line):
    (tmp_path / "secret.raw").write_bytes(bytes(8))
    (tmp_path / "in").mkdir()
    start = (
        "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\nspace: left-posterior-superior\n"
    )
    if not name.endswith(".nrrd"):
        start = "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\n"
    for pointed in ("../secret.raw", str(tmp_path / "secret.raw"), "LIST", "none.raw", "s%02d.raw 1 2 1"):
        path = tmp_path / "in" / name
        path.write_text(start + line.format(pointed) + "\n\n")
        with pytest.raises(VolumeFileError, match="one file of its own folder"):
            read_volume(path)
    (tmp_path / "in" / "own.raw").write_bytes(bytes(range(8)))
    path.write_text(start + line.format("own.raw") + "\n\n")
    assert read_volume(path).array.ravel().tolist() == list(range(8))


# Line scans and pairs

SCANS = "file;pixel_um;line_ms;animal;time_axis\na.tif;0,5;1,2;M1;rows\nb.tif;0,5;1,5;M1;columns\n"


@cache
def tiff(folder):
    import tifffile

    path = folder / "plane.tif"
    tifffile.imwrite(path, np.arange(800, dtype=np.uint16).reshape(40, 20), photometric="minisblack")
    return path.read_bytes()


@settings(max_examples=200)
@given(DAMAGE, st.sampled_from(["scans.csv", "a.tif"]))
def test_any_damage_of_a_folder_of_kymographs_is_refused_in_one_line(tmp_path_factory, changes, name):
    folder = tmp_path_factory.getbasetemp() / "scans"
    folder.mkdir(exist_ok=True)
    plane = tiff(tmp_path_factory.getbasetemp())
    files = {"scans.csv": SCANS.encode(), "a.tif": plane, "b.tif": plane}
    for file, raw in files.items():
        (folder / file).write_bytes(damage(raw, changes) if file == name else raw)
    allowed(lambda: read_kymographs(folder), TableError)


@settings(max_examples=150)
@given(DAMAGE, st.sampled_from(["m1.nii", "m1_mask.nii", "pairs.csv"]))
def test_any_damage_of_a_folder_of_pairs_is_refused_in_one_line(tmp_path_factory, changes, name):
    folder = tmp_path_factory.getbasetemp() / "pairs"
    folder.mkdir(exist_ok=True)
    image = nib.Nifti1Image(np.ones((16, 16, 1), np.float32), np.eye(4)).to_bytes()
    files = dict.fromkeys(["m1.nii", "m1_mask.nii", "m2.nii", "m2_mask.nii"], image)
    files["pairs.csv"] = b"animal,image,mask\nA,m1.nii,m1_mask.nii\nB,m2.nii,m2_mask.nii\n"
    for file, raw in files.items():
        (folder / file).write_bytes(damage(raw, changes, 360) if file == name else raw)
    if name != "pairs.csv":
        (folder / "pairs.csv").unlink()
    allowed(lambda: inspect_pairs(folder), TableError)


@given(st.lists(st.text("aB1-_. /\\\n\x00é", max_size=12), min_size=1, max_size=4))
def test_names_of_cases_are_plain_and_distinct_or_refused(names):
    made = allowed(lambda: case_names(names), ValueError)
    if made is not None:
        assert len(set(made)) == len(names)
        assert all(
            set(n) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") for n in made
        )


@settings(max_examples=30)
@given(st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4), min_size=2, max_size=3))
def test_pairs_written_for_nnunet_keep_its_rules_and_their_values(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("nnunet")
    for i, row in enumerate(values):
        image = np.resize(np.array(row, np.float32), (16, 16, 1))
        nib.save(nib.Nifti1Image(image, np.diag([0.1, 0.1, 0.2, 1])), folder / f"m{i}.nii")
        nib.save(
            nib.Nifti1Image((image > 0).astype(np.uint8), np.diag([0.1, 0.1, 0.2, 1])),
            folder / f"m{i}_mask.nii",
        )
    pairs = read_pairs(folder)
    write_nnunet(folder / "a.zip", pairs, [[i] for i in range(len(pairs))])
    assert nnunet_problems(folder / "a.zip") == []
    with zipfile.ZipFile(folder / "a.zip") as archive:
        for i, row in enumerate(values):
            raw = gzip.decompress(archive.read(f"Dataset501_Vessels/imagesTr/m{i}_0000.nii.gz"))
            back = np.asarray(nib.Nifti1Image.from_bytes(raw).dataobj)
            assert (back[..., 0] == np.resize(np.array(row, np.float32), (16, 16))).all()


# Landmarks and transforms

POINTS = np.array([[1000.0, 2000, 3000], [-1500, 20, 0.25], [0, 0, 1e6]])
SUFFIX = st.sampled_from([".mrk.json", ".fcsv", ".csv"])


@cache
def landmark_file(suffix, folder):
    path = folder / f"valid{suffix}"
    if suffix == ".csv":
        path.write_text("label,x_mm,y_mm,z_mm,system,defined\na,1,2,3,RAS,1\nb,-1.5,0.02,0,RAS,1\n")
    else:
        write_landmarks(path, POINTS, ["a", "ü", "c,d"], system="RAS")
    return path.read_bytes()


@settings(max_examples=400)
@given(DAMAGE, SUFFIX)
def test_any_damage_of_landmarks_is_refused_in_one_line(tmp_path_factory, changes, suffix):
    raw = landmark_file(suffix, tmp_path_factory.getbasetemp())
    path = written(tmp_path_factory, f"marks{suffix}", damage(raw, changes))
    found = allowed(lambda: read_landmarks(path), LandmarkFileError)
    assert found is None or np.isfinite(found.points_um).all()
    allowed(lambda: FILE_KINDS["landmarks"].inspect(path), TableError)


@pytest.mark.parametrize("suffix", [".mrk.json", ".fcsv", ".csv"])
def test_landmarks_cut_at_any_length_are_refused_or_whole_points(tmp_path, suffix):
    raw = landmark_file(suffix, tmp_path)
    path = tmp_path / f"cut{suffix}"
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        allowed(lambda: read_landmarks(path), LandmarkFileError)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**400), 10**400), st.floats(), st.text(max_size=6),
    st.sampled_from(["LPS", "RAS", "mm", "undefined", "1e999", "nan", "IJK", "0"]),
)  # fmt: skip
JSON = st.recursive(SCALARS, lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)), max_leaves=6)  # fmt: skip


def structure(**fields):
    """Mappings with some of the fields, each with what belongs there or anything."""
    return st.fixed_dictionaries({}, optional={k: st.one_of(v, v, v, JSON) for k, v in fields.items()})


POINT = structure(
    id=st.text(max_size=3), label=st.text(max_size=5), positionStatus=st.sampled_from(["defined", "undefined"]),
    position=st.lists(st.one_of(st.floats(-10, 10), SCALARS), min_size=3, max_size=3),
)  # fmt: skip
MARKUP = structure(
    coordinateSystem=st.sampled_from(["LPS", "RAS"]), coordinateUnits=st.sampled_from(["mm", "um", ["mm"] * 3]),
    controlPoints=st.lists(POINT, max_size=3),
)  # fmt: skip


@settings(max_examples=300)
@given(structure(markups=st.lists(MARKUP, min_size=1, max_size=2)))
def test_any_json_is_landmarks_or_one_line(tmp_path_factory, content):
    path = written(tmp_path_factory, "any.mrk.json", json.dumps(content))
    found = allowed(lambda: read_landmarks(path), LandmarkFileError)
    assert found is None or np.isfinite(found.points_um).all()


@given(
    st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 3), min_size=1, max_size=5), st.sampled_from(["LPS", "RAS"])
)
def test_written_landmarks_come_back(tmp_path_factory, points, system):
    labels = [f'p "{i}", ü' for i in range(len(points))]
    for suffix in (".mrk.json", ".fcsv"):
        path = written(tmp_path_factory, f"back{suffix}", b"")
        write_landmarks(path, points, labels, system=system)
        found = read_landmarks(path)
        assert found.labels == tuple(labels)
        np.testing.assert_allclose(found.points_um, points, rtol=1e-12, atol=1e-9)


@cache
def transform_file(suffix, folder):
    path = folder / f"valid{suffix}"
    matrix = np.array([[0.9, 0.1, 0], [-0.1, 1.1, 0], [0, 0.05, 1]])
    linear = LinearTransform(matrix, np.array([100.0, -50, 7]), "affine")
    if suffix in (".tfm", ".h5", ".mat"):
        write_transform(path, linear)
    else:
        field = sitk.GetImageFromArray(np.zeros((3, 4, 5, 3)), isVector=True)
        sitk.WriteImage(field, str(path), useCompression=False)
    return path.read_bytes()


TRANSFORMS = [".tfm", ".h5", ".mat", ".nii", ".nii.gz", ".nrrd", ".mha"]


@settings(max_examples=500)
@given(DAMAGE, st.sampled_from(TRANSFORMS), st.booleans())
def test_any_damage_of_a_transform_is_refused_in_one_line(tmp_path_factory, changes, suffix, whole):
    raw = transform_file(suffix, tmp_path_factory.getbasetemp())
    path = written(tmp_path_factory, f"damaged{suffix}", damage(raw, changes, None if whole else 400))
    allowed(lambda: read_transform(path), TransformFileError)
    allowed(lambda: FILE_KINDS["transform"].inspect(path), TableError)


@pytest.mark.parametrize("suffix", TRANSFORMS)
def test_a_transform_cut_at_any_length_is_whole_or_refused(tmp_path, suffix):
    raw = transform_file(suffix, tmp_path)
    points = [[1.0, 2, 3], [1000, 0, 500]]
    whole = read_transform(tmp_path / f"valid{suffix}").apply(points)
    path = tmp_path / f"cut{suffix}"
    for length in range(0, len(raw), 1 + len(raw) // 200):
        path.write_bytes(raw[:length])
        found = allowed(lambda: read_transform(path), TransformFileError)
        assert found is None or (found.apply(points) == whole).all(), length


# Protocols

SCHEME = "0 500 1000\n10 10 10\n20 20 20.5\n60 60 60\n"
SIDECAR = '{"SmallDelta": 0.01, "LargeDelta": [0.02, 0.02, 0.03], "EchoTime": 0.06}'
PROTOCOLS = {
    "p.scheme": {"p.scheme": SCHEME},
    "p.json": {
        "p.json": '{"b_s_mm2": [0, 500, 1000], "te_ms": 60, "delta_ms": 10, "separation_ms": [20, 20, 25]}'
    },
    "q.bval": {"q.bval": "0 500 1000\n", "q.json": SIDECAR},
    "r.bval": {"r.bval": "0 500 1000\n", "r.gdur": "10 10 10", "r.gsep": "20", "r.te": "60\n"},
}


@settings(max_examples=400)
@given(DAMAGE, st.sampled_from(sorted(PROTOCOLS)), st.integers(0, 3))
def test_any_damage_of_a_protocol_is_refused_in_one_line(tmp_path_factory, changes, name, which):
    files = PROTOCOLS[name]
    hit = sorted(files)[which % len(files)]
    for file, text in files.items():
        written(tmp_path_factory, file, damage(text.encode(), changes) if file == hit else text)
    path = written(tmp_path_factory, f"_{name}", b"").with_name(name)
    for read in (read_protocol, read_b_values):
        allowed(lambda read=read: read(path), TableError)


NUMBERS = st.one_of(st.floats(0, 5000), st.lists(st.one_of(st.floats(0, 3000), SCALARS), max_size=4))
SHAPES = structure(trse_ms=NUMBERS, onsets_ms=NUMBERS, gradient=NUMBERS, step_ms=NUMBERS, delta_ms=NUMBERS,
                   separation_ms=NUMBERS)  # fmt: skip


@settings(max_examples=400)
@given(
    structure(
        b_s_mm2=NUMBERS, te_ms=NUMBERS, delta_ms=NUMBERS, separation_ms=NUMBERS, gradient=NUMBERS, shape=NUMBERS,
        shapes=st.lists(SHAPES, max_size=2),
    ),
    structure(SmallDelta=NUMBERS, LargeDelta=NUMBERS, EchoTime=NUMBERS),
)  # fmt: skip
def test_any_json_is_a_protocol_or_one_line(tmp_path_factory, content, sidecar):
    path = written(tmp_path_factory, "any.json", json.dumps(content))
    allowed(lambda: read_protocol(path), TableError)
    written(tmp_path_factory, "beside.json", json.dumps(sidecar))
    path = written(tmp_path_factory, "beside.bval", "0 500 1000")
    allowed(lambda: read_protocol(path), TableError)


# Detections of QuPath

QUPATH = (
    "Image\tClassification\tCentroid X µm\tCentroid Y µm\tNucleus: Area µm^2\tCell: Area µm^2\n"
    "s1.svs\tTumor\t10.5\t20.25\t30\t120.5\ns1.svs\tOther\t11\t21\t\tNaN\n"
)


@settings(max_examples=200)
@given(DAMAGE)
def test_any_damage_of_detections_is_refused_in_one_line(tmp_path_factory, changes):
    path = written(tmp_path_factory, "detections.tsv", damage(QUPATH.encode(), changes))
    found = allowed(lambda: read_detections(path), TableError)
    assert found is None or found["area_um2"].between(1, 20_000).all()


# Files of the project: claims, findings, inventory, manifest, statements

CLAIM = (
    "study: toy2025\npaper: {title: A, short: B, journal: C, doi: 10.0/0, supplement_read: false}\nclaims:\n"
    '  - {id: tp, where: R, quote: "TP = 283", printed: "283", unit: "1", exact: true, half_unit: 0.5, role: inference,\n'
    '     range: [0, 400], evidence: internal, result: "toy2025/01_first#tp", repeats: tp, note: n}\n'
)
FINDING = (
    "study: toy2025\nfindings:\n  - id: a-b\n    title: five or six\n    weight: note\n    places: [{where: R, quote: q},\n"
    "      {where: S, quote: r, claim: tp}]\n    assumptions: [x]\n    benign: [{explanation: e, outcome: o}]\n"
    "    changes: nothing\n    supplement_read: false\n    result: toy2025/01_first#tp\n"
)
INVENTORY = (
    "items:\n  - {study: toy2025, item: Fig 1, shows: x, figure: toy2025/01_first#fig-a, drawn_from: y}\n"
    "  - {study: toy2025, item: Fig 2, shows: x, figure: null, reason: waits, waits_for: toy2025/02_second}\n"
)
MANIFEST = (
    "datasets:\n  - {id: a, study: toy2025, kind: table, evidence: author-data, source: s, url: 'https://x.org/a',\n"
    f"     file: in/a.csv, sha256: {'0' * 64}, licence: CC0, how: h, units: null, practice: {{contact: me}}}}\n"
)
AUDIT = 'title: T\nstatements:\n  - {id: a, kind: correlation, where: R, r: "0.41", n: "34", p: ".016"}\n'
ABOUT = "modality: CT\nregistration_error: 'not applicable: one modality'\nunits: not stated\n"


def from_folder(read):
    return lambda path: read(path.parent)


FILES = {
    "toy2025.yaml": (CLAIM, load_study),
    "findings/f.yaml": (FINDING, from_folder(load_findings)),
    "inventory.yaml": (INVENTORY, load_inventory),
    "manifest.yaml": (MANIFEST, load_manifest),
    "audit.yaml": (AUDIT, lambda path: audit(read_audit(path)[1])),
    "about.yaml": (ABOUT, read_statements),
}


@settings(max_examples=600)
@given(DAMAGE, st.sampled_from(sorted(FILES)))
def test_any_damage_of_a_file_of_the_project_is_refused_in_one_line(tmp_path_factory, changes, name):
    text, read = FILES[name]
    (tmp_path_factory.getbasetemp() / "fuzz" / "findings").mkdir(exist_ok=True, parents=True)
    path = written(tmp_path_factory, name, text)
    assert read(path) is not None
    path = written(tmp_path_factory, name, damage(text.encode(), changes))
    errors = (
        (StructureError, ValueError) if name == "audit.yaml" else (StructureError,)
    )  # the command line says both
    allowed(lambda: read(path), *errors)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_of_the_project_cut_at_any_length_is_read_or_refused(tmp_path, name):
    text, read = FILES[name]
    (tmp_path / "findings").mkdir()
    path = tmp_path / name
    for length in range(len(text)):
        path.write_text(text[:length])
        errors = (StructureError, ValueError) if name == "audit.yaml" else (StructureError,)
        allowed(lambda: read(path), *errors)


FIELDS = {
    "toy2025.yaml": structure(
        study=st.just("toy2025"), paper=JSON,
        claims=st.lists(structure(id=st.just("a"), printed=SCALARS, half_unit=SCALARS, range=JSON), max_size=2),
    ),
    "manifest.yaml": structure(datasets=st.lists(structure(id=SCALARS, url=SCALARS, file=SCALARS, practice=JSON))),
    "inventory.yaml": structure(items=st.lists(structure(study=SCALARS, figure=SCALARS, reason=SCALARS))),
    "about.yaml": structure(**{item.key: SCALARS for item in ITEMS}),
    "audit.yaml": structure(statements=st.lists(structure(
        id=st.just("a"), kind=st.sampled_from(["correlation", "percentage", "mean_sd"]), r=SCALARS, n=SCALARS,
        p=SCALARS), min_size=1, max_size=2)),
}  # fmt: skip


@settings(max_examples=300)
@given(st.data(), st.sampled_from(sorted(FIELDS)))
def test_any_structure_of_a_file_of_the_project_is_refused_in_one_line(tmp_path_factory, data, name):
    content = data.draw(FIELDS[name])
    path = written(tmp_path_factory, name, json.dumps(content))
    errors = (StructureError, ValueError) if name == "audit.yaml" else (StructureError,)
    allowed(lambda: FILES[name][1](path), *errors)


@settings(max_examples=200)
@given(DAMAGE)
def test_any_damage_of_a_table_of_statements_is_refused_in_one_line(tmp_path_factory, changes):
    text = "id,kind,where,r,n,p\na,correlation,Results,0.41,34,.016\nb,correlation,Results,-0.2,20,>.05\n"
    path = written(tmp_path_factory, "audit.csv", damage(text.encode(), changes))
    allowed(lambda: audit(read_audit(path)[1]), ValueError)


@settings(max_examples=300)
@given(st.text("0123456789.,-−–<>≥≤=±e% ", max_size=14))
def test_any_printed_string_is_an_interval_or_one_line(text):
    found = allowed(lambda: parse_printed(text), ValueError)
    assert found is None or found.lower <= found.upper


@given(st.dictionaries(st.sampled_from([i.key for i in ITEMS]), st.text(max_size=30), max_size=4))
def test_any_statements_are_sorted_or_refused_in_one_line(statements):
    found = allowed(lambda: standing_of(statements), ValueError)
    if found is not None:
        sorted_keys = [*found.stated, *found.not_applicable, *found.missing]
        assert sorted(sorted_keys) == sorted(i.key for i in ITEMS)


# Names and values


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=70), st.text("aZ0-_./\\ \n", max_size=70)))
def test_a_run_is_a_plain_name_or_refused_in_one_line(name):
    found = allowed(lambda: check_run_name(name), RequestError)
    assert found is None or (
        found == name and found.replace("-", "a").replace("_", "a").isalnum() and found.isascii()
    )


@settings(max_examples=300)
@given(st.text("a./\\~: \x00C*é", max_size=12))
def test_a_safe_name_stays_in_its_folder(name):
    if is_safe_name(name):
        assert not name.startswith(("/", "~"))
        assert ".." not in name.split("/")
        assert not set(name) & set('\\:*?"<>|\x00')


PARAMETERS = [
    Parameter("a", "int", 3, minimum=0, maximum=10**6),
    Parameter("a", "float", 0.5, minimum=-1.0, maximum=1e9),
    Parameter("a", "bool", True),
    Parameter("a", "str", "x"),
]


@settings(max_examples=400)
@given(
    st.sampled_from(PARAMETERS),
    st.one_of(
        st.text(max_size=20), st.text("0123456789.eE+-_naif xtrue", max_size=12), st.integers().map(str),
        st.floats().map(str), st.integers(4000, 6000).map(lambda n: "9" * n),
    ),
)  # fmt: skip
def test_a_parameter_is_a_value_of_its_type_or_one_line(parameter, text):
    found = allowed(lambda: parameter.read(text), RequestError)
    if found is not None:
        assert type(found).__name__ == parameter.type
        assert parameter.type in ("bool", "str") or parameter.minimum <= found <= parameter.maximum
