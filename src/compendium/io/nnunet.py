"""Training pairs in the raw format of nnU-Net v2, as one archive: same pairs, same bytes.

The rules are those of nnU-Net's `documentation/dataset_format.md` and `manual_data_splits.md`: a folder
`DatasetXXX_Name` with `dataset.json`, `imagesTr/CASE_0000.nii.gz` and `labelsTr/CASE.nii.gz`; labels from names to
consecutive integers with background 0. `splits_final.json` keeps animals together; nnU-Net splits cases at random
unless this file lies in its folder of *preprocessed* data before training.
"""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from compendium.io.nifti import write_map
from compendium.io.pairs import Pair, load_pair

ENDING = ".nii.gz"
FIRST_FREE_ID = 11  # 1–10 belong to the Medical Segmentation Decathlon
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FOLDER = re.compile(r"^Dataset\d{3}_[A-Za-z0-9]+$")
_README = """\
Unpack this archive into the folder nnUNet_raw, then

    nnUNetv2_plan_and_preprocess -d {number} -c 2d --verify_dataset_integrity
    copy {folder}/splits_final.json to nnUNet_preprocessed/{folder}/
    nnUNetv2_train {number} 2d 0        (and 1, 2, ... for the other folds)

The copied file keeps all slices of an animal in one fold; without it nnU-Net splits cases at random.
"""


def write_nnunet(
    path: Path, pairs: Sequence[Pair], folds: Sequence[Sequence[int]], *, channel: str = "T2w",
    label: str = "vessel", number: int = 501, name: str = "Vessels",
) -> None:  # fmt: skip
    """Write pairs as an nnU-Net v2 data set.

    Parameters
    ----------
    path : Path
        Of the archive (.zip).
    pairs : sequence of Pair
    folds : sequence of sequences of int
        Pairs to validate on, fold by fold.
    channel, label : str
        What the image is called ("CT" would change nnU-Net's normalisation), and what the mask is.
    number, name : int, str
        Of the data set: 11–999, letters and digits.

    Raises
    ------
    ValueError
        A number or a name that nnU-Net does not take, cases whose names become alike, a pair in no fold or in two,
        an animal on both sides of a fold.
    """
    folder = f"Dataset{number:03d}_{name}"
    if not FIRST_FREE_ID <= number <= 999 or not _FOLDER.match(folder):
        raise ValueError(
            f"A data set has a number of {FIRST_FREE_ID} to 999 and a name of letters and digits. Given {folder!r}."
        )
    cases = case_names([p.case for p in pairs])
    splits = _splits(cases, [p.animal for p in pairs], folds)
    about = {
        "channel_names": {"0": channel}, "labels": {"background": 0, label: 1}, "numTraining": len(cases),
        "file_ending": ENDING,
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        _put(archive, f"{folder}/dataset.json", _json(about))
        _put(archive, f"{folder}/splits_final.json", _json(splits))
        _put(archive, f"{folder}/HOW_TO.txt", _README.format(number=number, folder=folder).encode())
        for pair, case in zip(pairs, cases, strict=True):
            image, mask = load_pair(pair)
            scratch = Path(path).with_name(f".{Path(path).name}.nii.gz")
            for target, values, kind in (
                (f"imagesTr/{case}_0000{ENDING}", image, "float32"),
                (f"labelsTr/{case}{ENDING}", mask, "uint8"),
            ):
                _put(archive, f"{folder}/{target}", nifti_bytes(scratch, values, pair.affine, kind))


def write_predictions(path: Path, pairs: Sequence[Pair], volumes: Sequence[NDArray[Any]], kind: str) -> None:
    """Write one NIfTI per pair, such as predicted masks or probabilities [z, y, x], as an archive.

    Parameters
    ----------
    kind : {"uint8", "float32"}
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        scratch = Path(path).with_name(f".{Path(path).name}.nii.gz")
        for pair, case, values in zip(pairs, case_names([p.case for p in pairs]), volumes, strict=True):
            _put(archive, f"{case}{ENDING}", nifti_bytes(scratch, values, pair.affine, kind))


def case_names(names: Sequence[str]) -> list[str]:
    """Identifiers of letters, digits, hyphens and underscores.

    Examples
    --------
    >>> case_names(["m1 week 2", "m2"])
    ['m1_week_2', 'm2']
    """
    made = [re.sub(r"[^A-Za-z0-9_-]+", "_", n).strip("_") or "case" for n in names]
    twice = sorted({c for c in made if made.count(c) > 1})
    if twice:
        raise ValueError(
            f"Cases must differ in letters, digits, hyphens and underscores. Given {twice[0]!r} twice."
        )
    return made


def nnunet_problems(path: str | Path) -> list[str]:
    """What in an archive breaks nnU-Net's documented rules; empty when nothing does.

    Checked: the folder's name, the required fields, labels from 0 without a gap, one image per channel and one mask
    for every case and nothing else, equal shape and affine, integer masks of known labels, and splits whose cases exist.
    """
    with zipfile.ZipFile(path) as archive:
        names = [n for n in archive.namelist() if not n.endswith("/")]
        folders = {n.split("/")[0] for n in names}
        if len(folders) != 1 or not _FOLDER.match(folder := folders.pop()):
            return [f"one folder DatasetXXX_Name is needed, given {sorted({n.split('/')[0] for n in names})}"]
        if f"{folder}/dataset.json" not in names:
            return ["dataset.json is missing"]
        about = json.loads(archive.read(f"{folder}/dataset.json"))
        found = _field_problems(about)
        if found:
            return found
        cases = _cases(names, folder, about)
        found += _case_problems(names, folder, about, cases)
        found += [p for case in cases if not found for p in _grid_problems(archive, folder, about, case)]
        if f"{folder}/splits_final.json" in names:
            for i, split in enumerate(json.loads(archive.read(f"{folder}/splits_final.json"))):
                if set(split) != {"train", "val"} or set(split["train"]) & set(split["val"]):
                    found.append(f"split {i} must hold train and val without a common case")
                elif set(split["train"]) | set(split["val"]) != set(cases):
                    found.append(f"split {i} must name every case")
    return found


def nifti_bytes(scratch: Path, values: NDArray[Any], affine: NDArray[np.float64], kind: str) -> bytes:
    """Compressed NIfTI of an array [z, y, x], without a time stamp."""
    volume = np.asarray(values).T
    try:
        write_map(scratch, [volume.astype(kind)], volume.shape, affine, kind)
        return scratch.read_bytes()
    finally:
        scratch.unlink(missing_ok=True)


def _splits(
    cases: Sequence[str], animals: Sequence[str], folds: Sequence[Sequence[int]]
) -> list[dict[str, list[str]]]:
    tested = sorted(int(i) for rows in folds for i in rows)
    if tested != list(range(len(cases))):
        raise ValueError(
            f"Folds must validate every pair once. Given {len(tested)} places for {len(cases)} pairs."
        )
    out = []
    for rows in folds:
        held = {int(i) for i in rows}
        both = {animals[i] for i in held} & {animals[i] for i in range(len(cases)) if i not in held}
        if both:
            raise ValueError(f"An animal must stay in one fold. Given {sorted(both)[0]!r} in two.")
        kept = [c for i, c in enumerate(cases) if i not in held]
        out.append({"train": kept, "val": [cases[i] for i in sorted(held)]})
    return out


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def _field_problems(about: Mapping[str, Any]) -> list[str]:
    missing = [k for k in ("channel_names", "labels", "numTraining", "file_ending") if k not in about]
    if missing:
        return [f"dataset.json must hold {missing[0]}"]
    values = sorted(v for v in about["labels"].values() if isinstance(v, int))
    found = []
    if about["labels"].get("background") != 0 or values != list(range(len(values))):
        found.append(f"labels must count from background 0 without a gap, given {about['labels']}")
    if sorted(about["channel_names"]) != [str(i) for i in range(len(about["channel_names"]))]:
        found.append(f"channel_names must count from '0', given {sorted(about['channel_names'])}")
    return found


def _cases(names: Sequence[str], folder: str, about: Mapping[str, Any]) -> list[str]:
    head, end = f"{folder}/labelsTr/", about["file_ending"]
    return [n[len(head) : -len(end)] for n in names if n.startswith(head) and n.endswith(end)]


def _case_problems(
    names: Sequence[str], folder: str, about: Mapping[str, Any], cases: Sequence[str]
) -> list[str]:
    wanted = {
        f"{folder}/imagesTr/{case}_{int(c):04d}{about['file_ending']}"
        for case in cases
        for c in about["channel_names"]
    }
    given = {n for n in names if n.startswith(f"{folder}/imagesTr/")}
    found = [f"{n} is missing" for n in sorted(wanted - given)] + [
        f"{n} has no mask" for n in sorted(given - wanted)
    ]
    if about["numTraining"] != len(cases):
        found.append(f"numTraining must be {len(cases)}, given {about['numTraining']}")
    return found


def _grid_problems(archive: zipfile.ZipFile, folder: str, about: Mapping[str, Any], case: str) -> list[str]:
    read = [
        nib.Nifti1Image.from_bytes(gzip.decompress(archive.read(f"{folder}/{n}{about['file_ending']}")))
        for n in (f"labelsTr/{case}", *(f"imagesTr/{case}_{int(c):04d}" for c in about["channel_names"]))
    ]
    mask = read[0]
    found = [
        f"{case}: image and mask must share shape and affine"
        for image in read[1:]
        if image.shape != mask.shape or not np.allclose(image.affine, mask.affine, rtol=1e-4, atol=1e-6)
    ]
    values = np.asarray(mask.dataobj)
    if values.dtype.kind not in "iu" or not np.isin(values, list(about["labels"].values())).all():
        found.append(f"{case}: a mask must hold known labels as integers")
    return found
