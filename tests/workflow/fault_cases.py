"""What may be handed in and cannot be used: each case makes its files in a folder and returns the command line.

The cases are run by `test_faults.py`; what came out is the table of the page "Broken input".
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

Make = Callable[[Path], list[str]]
HEADER = "patient,examination,reference,read_a\n"
ROWS = "P1,E1,1,1\nP1,E2,0,0\nP2,E3,1,0\n"


@dataclass(frozen=True)
class Fault:
    """One case: `message` is a regular expression of the one line that must be said, `code` the exit code."""

    topic: str
    given: str
    make: Make
    message: str
    code: int = 2


FAULTS: list[Fault] = []


def fault(topic: str, given: str, message: str, code: int = 2) -> Callable[[Make], Make]:
    """Register a case."""

    def register(make: Make) -> Make:
        FAULTS.append(Fault(topic, given, make, message, code))
        return make

    return register


# Tables


def table(path: Path, content: bytes | str, name: str = "t.csv") -> list[str]:
    """Hand in a table of examinations."""
    file = path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return ["run", "stadlbauer2025/01", "-i", f"examinations={file}", "--name", "x"]


TABLES = {
    "an empty file": ("", "empty|no header|at least one"),
    "a header and no rows": (HEADER, "must hold at least one row"),
    "the same column twice": (HEADER.strip() + ",read_a\n" + "P1,E1,1,1,0\nP1,E2,0,0,1\n", "read_a"),
    "a required column missing": ("patient,examination,read_a\nP1,E1,1\n", "the column reference must be there"),
    "a misspelt column": (HEADER.replace("reference", "referense") + ROWS, "did you mean"),
    "no reading at all": ("patient,examination,reference\nP1,E1,1\nP1,E2,0\n", "at least one column read_<name>"),
    "an examination twice": (HEADER + "P1,E1,1,1\nP1,E1,0,0\n", "must be unique"),
    "a flag that is a word": (HEADER + "P1,E1,1,positive\nP1,E2,0,0\n", "positive"),
    "a flag of 2": (HEADER + "P1,E1,2,1\nP1,E2,0,0\n", "reference"),
    "only one condition": (HEADER + "P1,E1,1,1\nP1,E2,1,0\n", "must be 1 in at least one"),
    "a missing identifier": (HEADER + ",E1,1,1\nP1,E2,0,0\n", "patient"),
    "a missing reference": (HEADER + "P1,E1,,1\nP1,E2,0,0\n", "reference"),
    "a row with too many cells": (HEADER + ROWS + "P3,E4,1,1,9,9\n", "cells|fields|columns"),
    "a row with too few cells": (HEADER + ROWS + "P3,E4\n", "cells|fields|columns"),
    "a quote that never closes": (HEADER + 'P1,"E1,1,1\nP1,E2,0,0\n', "quote|quoted"),
    "NUL characters": (HEADER + "P1,E\x001,1,1\n", "NUL|null|control"),
    "a binary file": (bytes(range(256)) * 8, "text|encod|NUL|null|UTF"),
    "bytes of no encoding": (HEADER.encode() + b"P\x81\x8d1,E1,1,1\nP1,E2,0,0\n", "UTF-8|encod"),
    "a spreadsheet's error value": (HEADER + "P1,E1,#REF!,1\nP1,E2,0,0\n", "#REF!"),
    "a date in another order": (HEADER.strip() + ",date\nP1,E1,1,1,03.09.2021\nP1,E2,0,0,2021-03-09\n", "date|YYYY"),
    "a date that does not exist": (HEADER.strip() + ",date\nP1,E1,1,1,2021-02-30\nP1,E2,0,0,2021-03-09\n", "2021-02-30"),
    "an identifier of a million characters": (HEADER + "P" * 1_000_000 + ",E1,1,1\nP1,E2,0,0\n", "characters|long"),
    "twenty thousand columns": (",".join(f"c{i}" for i in range(20_000)) + "\n", "must be there|columns|row"),
    "a web page": ("<!DOCTYPE html><html><body>Sign in</body></html>\n", "web page"),
    "a zip archive under the name of a table": (b"PK\x03\x04" + bytes(200), "zip|Excel|text|NUL|archive"),
}  # fmt: skip
for _given, (_content, _message) in TABLES.items():
    FAULTS.append(Fault("Tables", _given, lambda p, c=_content: table(p, c), _message))


@fault("Tables", "a file that is not there", "must be an existing file")
def _(path: Path) -> list[str]:
    return ["run", "stadlbauer2025/01", "-i", f"examinations={path / 'none.csv'}", "--name", "x"]


@fault("Tables", "a folder in place of a table", "folder|directory")
def _(path: Path) -> list[str]:
    return ["run", "stadlbauer2025/01", "-i", f"examinations={path}", "--name", "x"]


@fault("Tables", "a pipe that nobody writes to", "file|pipe|regular")
def _(path: Path) -> list[str]:
    os.mkfifo(path / "pipe.csv")
    return ["run", "stadlbauer2025/01", "-i", f"examinations={path / 'pipe.csv'}", "--name", "x"]


@fault("Tables", "a link to an endless device", "file|regular|device")
def _(path: Path) -> list[str]:
    (path / "zero.csv").symlink_to("/dev/zero")
    return ["run", "stadlbauer2025/01", "-i", f"examinations={path / 'zero.csv'}", "--name", "x"]


@fault("Tables", "a link that leads nowhere", "must be an existing file")
def _(path: Path) -> list[str]:
    (path / "gone.csv").symlink_to(path / "nothing.csv")
    return ["run", "stadlbauer2025/01", "-i", f"examinations={path / 'gone.csv'}", "--name", "x"]


@fault(
    "Tables",
    "an Excel file that unpacks to a thousand times its size",
    "unpack|large|size|times|bomb|limit|MB|GB|bytes",
)
def _(path: Path) -> list[str]:
    with zipfile.ZipFile(path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(600_000_000))
    return ["run", "stadlbauer2025/01", "-i", f"examinations={path / 't.xlsx'}", "--name", "x"]


@fault("Tables", "a Parquet file cut in the middle", "Parquet|parquet")
def _(path: Path) -> list[str]:
    return table(path, b"PAR1" + bytes(50), "t.parquet")


# Images


def write_nifti(path: Path, shape: tuple[int, ...] = (6, 6, 4, 6), name: str = "dwi.nii") -> Path:
    """Write a sound image."""
    b = np.array([0, 100, 500, 1000, 1500, 2000])[: shape[3]] / 1000 if len(shape) == 4 else np.zeros(1)
    data = np.broadcast_to(1000 * np.exp(-b), shape) if len(shape) == 4 else np.ones(shape)
    nib.save(
        nib.Nifti1Image(np.ascontiguousarray(data, dtype=np.float32), np.diag([2.0, 2, 2, 1])), path / name
    )
    return path / name


def maps(path: Path, dwi: Path, *more: str, b_values: str = "0 100 500 1000 1500 2000") -> list[str]:
    """Ask for kurtosis maps."""
    (path / "p.bval").write_text(b_values)
    return [
        "maps",
        "kurtosis",
        "--dwi",
        str(dwi),
        "--protocol",
        str(path / "p.bval"),
        "-o",
        str(path / "out"),
        "-j",
        "1",
        *more,
    ]


def patched(path: Path, *patches: tuple[int, str, object]) -> Path:
    """Write an image and overwrite fields of its header: (offset, format, value)."""
    file = write_nifti(path)
    content = bytearray(file.read_bytes())
    for offset, form, value in patches:
        struct.pack_into("<" + form, content, offset, *(value if isinstance(value, tuple) else (value,)))
    file.write_bytes(content)
    return file


HEADERS = {
    "a header of another size": ((0, "i", 999), "NIfTI|header"),
    "a wrong magic word": ((344, "4s", b"nope"), "NIfTI|magic|header"),
    "a dimension of zero": ((40, "8h", (4, 6, 0, 4, 6, 1, 1, 1)), "dimension|shape|size|empty|positive"),
    "a negative dimension": ((40, "8h", (4, 6, -6, 4, 6, 1, 1, 1)), "dimension|shape|size|positive|negative"),
    "nine dimensions": ((40, "8h", (9, 6, 6, 4, 6, 1, 1, 1)), "readable NIfTI"),
    "dimensions of 32 767 each": ((40, "8h", (4, 32767, 32767, 32767, 6, 1, 1, 1)), "shorter|bytes|size|truncated|large"),
    "colours in place of numbers": ((70, "2h", (128, 24)), "type|RGB|real|number|colour"),
    "complex numbers": ((70, "2h", (32, 64)), "complex|real|type"),
    "an unknown type of number": ((70, "2h", (3333, 8)), "type|code|header"),
    "voxels of no size": ((76, "8f", (1, 0, 2, 2, 1, 1, 1, 1)), "size|spacing|affine|voxel|zoom|header"),
    "an affine of NaN": ((280, "12f", (float("nan"),) * 12), "affine|finite|orientation"),
    "an affine without volume": ((280, "12f", (1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0)), "affine|singular|volume|orientation"),
    "data that begin beyond the file": ((108, "f", 1e9), "shorter|offset|bytes|truncated|size|begin"),
}  # fmt: skip
for _given, (_patch, _message) in HEADERS.items():
    FAULTS.append(Fault("Images", _given, lambda p, c=_patch: maps(p, patched(p, c)), _message))


@fault("Images", "an empty file", "empty|NIfTI|image")
def _(path: Path) -> list[str]:
    (path / "dwi.nii").write_bytes(b"")
    return maps(path, path / "dwi.nii")


@fault("Images", "a text file", "NIfTI|image|header")
def _(path: Path) -> list[str]:
    (path / "dwi.nii").write_text("not an image " * 100)
    return maps(path, path / "dwi.nii")


@fault("Images", "an image that ends early", "shorter|truncated|bytes|ends|size")
def _(path: Path) -> list[str]:
    file = write_nifti(path)
    file.write_bytes(file.read_bytes()[:-500])
    return maps(path, file)


@fault("Images", "a compressed image cut in the middle", "complete compressed file")
def _(path: Path) -> list[str]:
    noise = np.random.default_rng(1).normal(1000, 10, size=(16, 16, 8, 6)).astype(np.float32)
    nib.save(nib.Nifti1Image(noise, np.eye(4)), path / "dwi.nii.gz")
    content = (path / "dwi.nii.gz").read_bytes()
    (path / "dwi.nii.gz").write_bytes(content[: len(content) // 2])
    return maps(path, path / "dwi.nii.gz")


@fault("Images", "the name of a compressed image on something else", "gzip|compressed|NIfTI")
def _(path: Path) -> list[str]:
    (path / "dwi.nii.gz").write_bytes(b"hello" * 100)
    return maps(path, path / "dwi.nii.gz")


@fault(
    "Images", "a small file that unpacks to far more than its header says", "unpack|larger|more|bytes|size"
)
def _(path: Path) -> list[str]:
    small = write_nifti(path).read_bytes()
    with gzip.open(path / "dwi.nii.gz", "wb", compresslevel=9) as file:
        file.write(small)
        for _ in range(40):
            file.write(bytes(10_000_000))
    return maps(path, path / "dwi.nii.gz")


@fault("Images", "an image of three dimensions where four are needed", "four|4|dimension")
def _(path: Path) -> list[str]:
    return maps(path, write_nifti(path, (6, 6, 4)))


@fault("Images", "a mask of another size", "shape|size|grid|same")
def _(path: Path) -> list[str]:
    return maps(path, write_nifti(path), "--mask", str(write_nifti(path, (5, 6, 4), "mask.nii")))


@fault("Images", "a mask of another place", "affine|space|place|position|grid")
def _(path: Path) -> list[str]:
    nib.save(nib.Nifti1Image(np.ones((6, 6, 4), np.uint8), np.diag([2.0, 2, 3, 1])), path / "mask.nii")
    return maps(path, write_nifti(path), "--mask", str(path / "mask.nii"))


@fault("Images", "a mask of nothing", "mask|voxel|empty|none")
def _(path: Path) -> list[str]:
    nib.save(nib.Nifti1Image(np.zeros((6, 6, 4), np.uint8), np.diag([2.0, 2, 2, 1])), path / "mask.nii")
    return maps(path, write_nifti(path), "--mask", str(path / "mask.nii"))


@fault("Images", "a folder in place of an image", "folder|directory|file")
def _(path: Path) -> list[str]:
    return maps(path, path)


@fault("Images", "an image that is not there", "must be an existing")
def _(path: Path) -> list[str]:
    return maps(path, path / "none.nii")


@fault("Images", "a link to an endless device", "file|regular|device|NIfTI|image")
def _(path: Path) -> list[str]:
    (path / "dwi.nii").symlink_to("/dev/zero")
    return maps(path, path / "dwi.nii")


PROTOCOLS = {
    "fewer b-values than volumes": ("0 100 500", "6 measurements"),
    "b-values that are words": ("zero one two three four five", "number|b-value"),
    "a negative b-value": ("0 100 -500 1000 1500 2000", "negative|at least 0|below|-500"),
    "a b-value of NaN": ("0 100 nan 1000 1500 2000", "finite|nan|number"),
    "one b-value only": ("500 500 500 500 500 500", "three different b-values"),
    "an empty protocol": ("", "empty|b-value|number|measurement"),
}
for _given, (_content, _message) in PROTOCOLS.items():
    FAULTS.append(
        Fault("Protocols", _given, lambda p, c=_content: maps(p, write_nifti(p), b_values=c), _message)
    )


# Names and values on the command line

SECRET = "__import__('os').system('touch stolen')"
REQUESTS = {
    "a parameter that is code": (["-p", f"resamples={SECRET}", "--name", "x"], "whole number|int"),
    "a parameter that is not a number": (["-p", "confidence=high", "--name", "x"], "number|float"),
    "a parameter of NaN": (["-p", "confidence=nan", "--name", "x"], "finite"),
    "a parameter beyond its range": (["-p", "confidence=1.5", "--name", "x"], "at most|0.999|between"),
    "a parameter that does not exist": (["-p", "confidense=0.9", "--name", "x"], "no parameter"),
    "a parameter twice": (["-p", "seed=1", "-p", "seed=2", "--name", "x"], "twice"),
    "a parameter without a value": (["-p", "seed", "--name", "x"], "NAME=VALUE"),
    "a run named like a path": (["-p", "seed=2", "--name", "../../etc"], "A run is named"),
    "a run with an absolute name": (["-p", "seed=2", "--name", "/tmp/x"], "A run is named"),
    "the name of the book's own run": (["-p", "seed=2", "--name", "published"], "choose another"),
    "a name of a thousand characters": (["-p", "seed=2", "--name", "x" * 1000], "A run is named"),
    "an input that does not exist": (["-i", "table=t.csv", "--name", "x"], "no input"),
    "an input without a run's name": (["-i", "examinations=t.csv"], "--name"),
}
for _given, (_arguments, _message) in REQUESTS.items():
    FAULTS.append(
        Fault("Requests", _given, lambda p, a=_arguments: ["run", "stadlbauer2025/01", *a], _message)
    )


@fault("Requests", "a chapter that does not exist", "names no chapter")
def _(path: Path) -> list[str]:
    return ["run", "stadlbauer2025/99"]


@fault("Requests", "a chapter named like a path", "names no chapter")
def _(path: Path) -> list[str]:
    return ["run", "../../secret"]


@fault("Requests", "a cluster that does not answer", "scheduler")
def _(path: Path) -> list[str]:
    return ["run", "stadlbauer2025/01", "--cluster", str(path / "scheduler.json")]


# Files of YAML


def audit(path: Path, content: bytes | str) -> list[str]:
    """Hand a file to the audit."""
    (path / "a.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    return ["audit", str(path / "a.yaml")]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)
YAML = {
    "anchors that multiply (a billion laughs)": (BOMB, "anchor|alias"),
    "an object of Python": ("!!python/object/apply:os.system ['touch stolen']\n", "tag"),
    "a key twice": ("study: a\nstudy: b\n", "unique|twice"),
    "brackets nested a thousand deep": ("[" * 1000 + "]" * 1000, "deep|nest|level"),
    "two documents": ("a: 1\n---\nb: 2\n", "document"),
    "text that is not UTF-8": (b"a: \xff\xfe\n", "UTF-8|encod"),
    "a list in place of a mapping": ("- 1\n- 2\n", "object|mapping|must|list"),
    "an empty file": ("", "empty|must|statement|mapping"),
}
for _given, (_content, _message) in YAML.items():
    FAULTS.append(Fault("YAML", _given, lambda p, c=_content: audit(p, c), _message))


# Landmarks


def landmarks(path: Path, name: str, content: str) -> list[str]:
    """Hand landmarks to a chapter."""
    (path / name).write_text(content)
    return ["run", "schroers2026/01", "-i", f"LANDMARKS={path / name}", "--name", "x"]


MARKUP = {"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": []}]}
LANDMARKS = {
    "a markup file without points": ("f.mrk.json", json.dumps(MARKUP), "point|landmark"),
    "a markup file that is not JSON": ("f.mrk.json", "{not json", "JSON"),
    "JSON nested a hundred thousand deep": ("f.mrk.json", "[" * 100_000 + "]" * 100_000, "JSON|deep|nest"),
    "a place that is not finite": (
        "f.mrk.json",
        json.dumps(MARKUP).replace(
            '"controlPoints": []', '"controlPoints": [{"id": "1", "label": "a", "position": [NaN, 1, 2]}]'
        ),
        "finite|NaN|number|JSON",
    ),
}
for _given, (_name, _content, _message) in LANDMARKS.items():
    FAULTS.append(Fault("Landmarks", _given, lambda p, n=_name, c=_content: landmarks(p, n, c), _message))


# Volumes, transforms and folders of images


def hand_in(chapter: str, name: str, path: Path) -> list[str]:
    """Hand something in to a chapter."""
    return ["run", chapter, "-i", f"{name}={path}", "--name", "x"]


def volume(path: Path, name: str) -> Path:
    """Write a sound volume of noise."""
    from compendium.io.volumes import write_volume
    from compendium.registration.grid import Grid

    noise = np.random.default_rng(3).integers(0, 60_000, size=(6, 20, 20)).astype(np.uint16)
    write_volume(path / name, noise, Grid.of(noise.shape, (100.0, 100.0, 200.0), (0, 0, 0)))
    return path / name


def cut(file: Path) -> Path:
    """Keep the first half of a file."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    return file


for _suffix in ("nii.gz", "nrrd", "mha", "ome.tif"):
    FAULTS.append(
        Fault(
            "Volumes and transforms", f"a volume (.{_suffix}) copied by half",
            lambda p, s=_suffix: hand_in("schroers2026/02", "mri", cut(volume(p, f"v.{s}"))), "must be a readable",
        )
    )  # fmt: skip

NRRD = "NRRD0004\ntype: float\ndimension: 3\nsizes: {}\nspace: left-posterior-superior\nendian: little\nencoding: raw\n{}\n"
HEADS = {
    "a header that promises four petabytes": ("v.nrrd", NRRD.format("100000 100000 100000", ""), "header promises"),
    "a header whose voxels lie in another folder": (
        "v.nrrd", NRRD.format("2 2 2", "data file: ../secret.raw\n"), "one file of its own folder"),
    "a MetaImage header without its file of voxels": (
        "v.mhd", "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = v.raw\n",
        "one file of its own folder"),
}  # fmt: skip
for _given, (_name, _content, _message) in HEADS.items():
    FAULTS.append(
        Fault(
            "Volumes and transforms", _given,
            lambda p, n=_name, c=_content: hand_in("schroers2026/02", "mri", text(p / n, c)), _message,
        )
    )  # fmt: skip


def text(path: Path, content: str) -> Path:
    """Write a text."""
    path.write_text(content)
    return path


@fault(
    "Volumes and transforms", "a TIFF that does not say how large a voxel is", "does not state its voxel size"
)
def _(path: Path) -> list[str]:
    import tifffile

    tifffile.imwrite(path / "v.tif", np.zeros((4, 8, 8), np.uint8), photometric="minisblack")
    return hand_in("schroers2026/02", "mri", path / "v.tif")


TFM = "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
MATRIX = "Parameters: 1 0 0 0 1 0 0 0 1 5 6 7\n"
TRANSFORMS = {
    "a transform that ends before its numbers (its reader would take the identity)": TFM,
    "a transform that ends within a number": TFM + MATRIX + "FixedParameters: 0 0 1",
    "a transform of infinite numbers": TFM + MATRIX.replace("5", "inf") + "FixedParameters: 0 0 0\n",
    "two transforms in one file": 2 * (TFM + MATRIX + "FixedParameters: 0 0 0\n"),
}
for _given, _content in TRANSFORMS.items():
    FAULTS.append(
        Fault(
            "Volumes and transforms", _given,
            lambda p, c=_content: hand_in("schroers2026/02", "transform", text(p / "t.tfm", c)),
            "all its parameters|readable transform",
        )
    )  # fmt: skip


@fault("Volumes and transforms", "a folder of pairs with an image that ends early", "header promises")
def _(path: Path) -> list[str]:
    folder = path / "pairs"
    folder.mkdir()
    for name in ("m1.nii", "m1_mask.nii", "m2.nii", "m2_mask.nii"):
        nib.save(nib.Nifti1Image(np.ones((16, 16, 2), np.float32), np.eye(4)), folder / name)
    cut(folder / "m2.nii")
    return hand_in("schroers2026/05", "pairs", folder)


@fault("Volumes and transforms", "a folder of line scans with a TIFF copied by half", "readable TIFF")
def _(path: Path) -> list[str]:
    import tifffile

    folder = path / "scans"
    folder.mkdir()
    noise = np.random.default_rng(4).integers(0, 255, size=(64, 64)).astype(np.uint8)
    tifffile.imwrite(folder / "a.tif", noise, photometric="minisblack")
    cut(folder / "a.tif")
    text(folder / "scans.csv", "file,pixel_um,line_ms\na.tif,0.5,1.2\n")
    return hand_in("schroers2026/04", "kymographs", folder)


@fault("Images", "a perfusion series that ends early", "header promises")
def _(path: Path) -> list[str]:
    write_nifti(path, (8, 8, 4, 6), "ge.nii")
    cut(write_nifti(path, (8, 8, 4, 6), "se.nii"))
    series = ["--ge", str(path / "ge.nii"), "--se", str(path / "se.nii"), "--te-ge", "22", "--te-se", "33"]
    return ["maps", "perfusion", *series, "--tr", "1.74", "-o", str(path / "out")]


@fault(
    "Images", "a compressed image whose header promises more than could be packed into it", "header promises"
)
def _(path: Path) -> list[str]:
    file = patched(path, (40, "8h", (4, 32767, 32767, 32767, 6, 1, 1, 1)))
    (path / "dwi.nii.gz").write_bytes(gzip.compress(file.read_bytes()))
    return maps(path, path / "dwi.nii.gz")


@fault("Tables", "an Excel file copied by half", "whole Excel workbook")
def _(path: Path) -> list[str]:
    import openpyxl

    book = openpyxl.Workbook()
    for row in [HEADER, *ROWS.splitlines()]:
        book.active.append(row.strip().split(","))
    book.save(path / "t.xlsx")
    return hand_in("stadlbauer2025/01", "examinations", cut(path / "t.xlsx"))


# Downloads: SERVER is replaced by the address of a server on this machine

TABLE_BYTES = b"patient,size\nP1,3\n" * 2000
ENTRY = """\
datasets:
  - {{id: s1, study: toy2025, kind: table, evidence: author-data, source: "a table", url: {url}, file: {file},
      sha256: {sha}, licence: "CC0", how: "by hand"}}
"""
ZEROS = "0" * 64


def manifest(
    path: Path, url: str = "SERVER/table", file: str = "s1.csv", sha: str = ZEROS, more: str = ""
) -> list[str]:
    """Make the folder a project whose manifest has one data set, and fetch it."""
    (path / "data").mkdir()
    text = ENTRY.format(url=url, file=file, sha=sha) + more
    (path / "data" / "manifest.yaml").write_text(text)
    return ["fetch", "s1"]


DOWNLOADS = {
    "other bytes than the checksum says": (("SERVER/table",), "sha256|checksum", 1),
    "a page in place of the file": (("SERVER/page",), "page|HTML|sha256|checksum", 1),
    "an address that is not there": (("SERVER/missing",), "404", 1),
    "a download that stops in the middle": (("SERVER/short",), "bytes|ended|incomplete|broken", 1),
    "an address that leads to itself": (("SERVER/loop",), "edirect", 1),
    "a server that is not there": (("http://127.0.0.1:9/s1.csv",), "refused|connect|reach", 1),
    "an address of a file of this machine": (("file:///etc/hostname",), "url", 2),
    "a file name that leaves the folder": (("SERVER/table", "../../s1.csv"), "stays in the data folder", 2),
    "an absolute file name": (("SERVER/table", "/tmp/s1.csv"), "stays in the data folder", 2),
    "a checksum that is none": (("SERVER/table", "s1.csv", "12345"), "sha256", 2),
}
for _given, (_arguments, _message, _code) in DOWNLOADS.items():
    FAULTS.append(Fault("Downloads", _given, lambda p, a=_arguments: manifest(p, *a), _message, _code))


@fault("Downloads", "a data set that nobody listed", "data set|manifest|s9")
def _(path: Path) -> list[str]:
    manifest(path)
    return ["fetch", "s9"]


# Folders and disks


@fault(
    "Folders and disks",
    "a folder for maps that cannot be made",
    "written|made|folder|directory|permission|file",
)
def _(path: Path) -> list[str]:
    (path / "out").write_text("a file is in the way")
    return maps(path, write_nifti(path))


@fault("Folders and disks", "a template over a file that exists", "exists already")
def _(path: Path) -> list[str]:
    return ["list", "stadlbauer2025/01", "--template", "examinations"]


@fault("Folders and disks", "a build folder below a file", "must be readable and writable|folder")
def _(path: Path) -> list[str]:
    (path / "build").write_text("a file is in the way")
    return ["run", "stadlbauer2025/01"]


@fault(
    "Folders and disks", "a build folder below a file, for the book", "must be readable and writable|folder"
)
def _(path: Path) -> list[str]:
    (path / "build").write_text("a file is in the way")
    return ["book"]


ROOM = 30_000
"""Bytes that a file may have in the process in which `DISKS` are tried."""
DISKS = [
    Fault(
        "Folders and disks", "a disk that is full before the maps are written",
        lambda p: maps(p, write_nifti(p, (40, 40, 20, 6))), "room on the disk",
    ),
    Fault(
        "Folders and disks", "a disk that fills while maps are merged",
        lambda p: maps(p, noisy(p), "--slices", "1"), "room on the disk",
    ),
    Fault(
        "Folders and disks", "a disk that fills while a download is stored",
        lambda p: manifest(p, sha=hashlib.sha256(TABLE_BYTES).hexdigest()), "must be writable", 1,
    ),
]  # fmt: skip


def noisy(path: Path) -> Path:
    """Write an image whose maps do not compress."""
    noise = np.random.default_rng(2).uniform(0.97, 1.03, size=(30, 30, 16, 6))
    signal = 1000 * np.exp(-np.array([0, 100, 500, 1000, 1500, 2000]) / 1000) * noise
    nib.save(nib.Nifti1Image(signal.astype(np.float32), np.diag([2.0, 2, 2, 1])), path / "dwi.nii")
    return path / "dwi.nii"
