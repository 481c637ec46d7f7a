"""Kinds of inputs that are files, or folders of files, rather than tables: what each is, and a first look at it.

The look comes before a kernel starts. It raises `TableError` (one line: file, rule, value) for what no chapter could
use, and returns sentences on how the file was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from compendium.io.messages import show_name
from compendium.io.table_text import TableError

__all__ = ["FILE_KINDS", "FileKind"]


@dataclass(frozen=True)
class FileKind:
    """A kind of input that is a file or a folder.

    Attributes
    ----------
    about : what it is, for the command line.
    inspect : looks at one; returns notes, raises TableError.
    folder : whether it is a folder of files.
    """

    about: str
    inspect: Callable[[Path], tuple[str, ...]]
    folder: bool = False


def _look_at_image(path: Path) -> tuple[str, ...]:
    from compendium.io.nifti import inspect_image

    inspect_image(path)
    return ()


def _look_at_protocol(path: Path) -> tuple[str, ...]:
    from compendium.io.protocols import read_protocol

    read_protocol(path)
    return ()


def _look_at_landmarks(path: Path) -> tuple[str, ...]:
    from compendium.io.landmarks import LandmarkFileError, read_landmarks

    try:
        found = read_landmarks(path)
    except LandmarkFileError as problem:
        raise _as_table_error(path, problem) from None
    if not found.labels:
        raise _as_table_error(
            path, f"must hold at least one landmark. Given {found.skipped} without a place."
        )
    notes = [f"{len(found.labels)} landmarks, read as {found.source_system}."]
    if found.skipped:
        notes.append(f"{found.skipped} landmarks without a place are left out.")
    return tuple(notes)


def _look_at_volume(path: Path) -> tuple[str, ...]:
    import numpy as np

    from compendium.io.volumes import VolumeFileError, count_channels, read_volume

    try:
        channels = count_channels(path)
        volume = read_volume(path, channel=0 if channels > 1 else None)
    except VolumeFileError as problem:
        raise _as_table_error(path, problem) from None
    if not np.isfinite(volume.array).any():
        raise _as_table_error(path, "must hold numbers. Given no finite voxel.")
    sizes = " × ".join(f"{s:.6g}" for s in volume.grid.spacing_um)
    notes = [f"{' × '.join(str(n) for n in volume.grid.shape[::-1])} voxels of {sizes} µm (x, y, z)."]
    if channels > 1:
        notes.append(f"{channels} channels, counted from 0.")
    return tuple(notes)


def _look_at_kymographs(path: Path) -> tuple[str, ...]:
    from compendium.io.kymographs import read_kymographs

    frame, images = read_kymographs(path)
    shapes = sorted({f"{i.shape[0]} lines of {i.shape[1]} pixels" for i in images})
    return (
        *frame.attrs["notes"],
        f"{len(images)} kymographs: {'; '.join(shapes[:3])}{'; …' * (len(shapes) > 3)}.",
    )


def _look_at_pairs(path: Path) -> tuple[str, ...]:
    from compendium.io.pairs import inspect_pairs

    return inspect_pairs(path)


def _look_at_transform(path: Path) -> tuple[str, ...]:
    from compendium.io.transforms import TransformFileError, read_transform

    try:
        made = read_transform(path)
    except TransformFileError as problem:
        raise _as_table_error(path, problem) from None
    return (f"{made.method.split(' from ')[0]}, taken as fixed to moving.",)


def _as_table_error(path: Path, problem: object) -> TableError:
    """One line "file: rule. Given value." as the error that the command line shows."""
    text = str(problem).removeprefix(f"{show_name(path.name)}: ").removeprefix(f"{show_name(path.name)}, ")
    rule, _, value = text.partition(". Given ")
    return TableError(path, rule.rstrip("."), value.rstrip(".") or "another")


FILE_KINDS: dict[str, FileKind] = {
    "image": FileKind("a NIfTI image, three- or four-dimensional", _look_at_image),
    "protocol": FileKind(
        "a diffusion protocol: 3 × M text, .bval with .gdur/.gsep, or FSL files with JSON", _look_at_protocol
    ),
    "landmarks": FileKind(
        "landmarks: .mrk.json or .fcsv of 3D Slicer, or CSV with label and x_um, y_um, z_um (or x_mm, …)",
        _look_at_landmarks,
    ),
    "transform": FileKind(
        "a transform from the fixed to the moving image: .tfm, .txt, .h5, .mat, or a displacement field",
        _look_at_transform,
    ),
    "volume": FileKind("a volume with its voxel size: NIfTI, NRRD, MetaImage or OME-TIFF", _look_at_volume),
    "pairs": FileKind(
        "a folder of NIfTI pairs to train on: CASE.nii.gz with CASE_mask.nii.gz (the animal stands before the first _), "
        "or pairs.csv with animal, image, mask",
        _look_at_pairs,
        folder=True,
    ),
    "kymographs": FileKind(
        "a folder of line scans (TIFF, a row per repeat of the line) with one CSV: file, pixel_um, line_ms and more",
        _look_at_kymographs,
        folder=True,
    ),
}
