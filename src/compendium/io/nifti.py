"""NIfTI images larger than memory: checked headers, slabs of slices read from disk, maps streamed to disk."""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from compendium.io.messages import show
from compendium.io.table_text import TableError

Array = NDArray[np.float64]

AFFINE_TOLERANCE = 1e-3  # mm: what resampling tools round away
_CHUNK = 1 << 22


@dataclass(frozen=True)
class ImageInfo:
    """What an image's header says.

    Attributes
    ----------
    path : Path
    shape : tuple of int
    affine : ndarray, shape (4, 4)
    fingerprint : str
        Size and time of the file: a changed file is another input.
    """

    path: Path
    shape: tuple[int, ...]
    affine: Array
    fingerprint: str


def inspect_image(path: str | Path, dimensions: int | None = None) -> ImageInfo:
    """Read the header of a NIfTI image and check it.

    Raises
    ------
    TableError
        Not a NIfTI image, or not of the dimensions wanted; one line with file, rule and value.
    """
    path = Path(path)
    if not path.is_file():
        raise TableError(path, "must be an existing NIfTI image", "no file at that path")
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise TableError(path, "must be a NIfTI image (.nii or .nii.gz)", show(path.suffix or path.name))
    try:
        image: Any = nib.load(path)
        shape, affine = tuple(int(n) for n in image.shape), np.asarray(image.affine, dtype=np.float64)
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise TableError(path, "must be a readable NIfTI image", show(error, 100)) from None
    while len(shape) > 3 and shape[-1] == 1 and dimensions == 3:
        shape = shape[:-1]
    if dimensions is not None and len(shape) != dimensions:
        raise TableError(path, f"must have {dimensions} dimensions", f"shape {shape}")
    if min(shape, default=0) < 1:
        raise TableError(path, "must not be empty", f"shape {shape}")
    status = path.stat()
    return ImageInfo(path, shape, affine, f"{status.st_size}:{status.st_mtime_ns}")


def check_same_space(reference: ImageInfo, other: ImageInfo) -> None:
    """Refuse an image on another grid than the reference.

    Raises
    ------
    TableError
    """
    if other.shape[:3] != reference.shape[:3]:
        rule = f"must have the grid of {reference.path.name}, {reference.shape[:3]}"
        raise TableError(other.path, rule, f"{other.shape[:3]}")
    apart = float(np.abs(other.affine - reference.affine).max())
    if not apart <= AFFINE_TOLERANCE:
        rule = f"must have the affine of {reference.path.name} within {AFFINE_TOLERANCE:g} mm"
        raise TableError(other.path, rule, f"a difference of {apart:.3g}")


def unpack(path: Path, folder: Path) -> Path:
    """Uncompressed copy of a ``.nii.gz`` in a folder (slices of a compressed file cannot be reached one by one)."""
    if not path.name.lower().endswith(".gz"):
        return path
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name[:-3]
    if target.exists() and target.stat().st_mtime_ns >= path.stat().st_mtime_ns:
        return target
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with gzip.open(path, "rb") as source, scratch.open("wb") as sink:
            shutil.copyfileobj(source, sink, _CHUNK)
    except (OSError, EOFError, zlib.error) as error:
        scratch.unlink(missing_ok=True)
        raise TableError(path, "must be a complete compressed file", show(error, 100)) from None
    scratch.replace(target)
    return target


def read_slab(path: Path, start: int, stop: int) -> Array:
    """Slices start…stop−1 of the third axis, scaled, as float64: (x, y, z) or (x, y, z, m).

    Raises
    ------
    TableError
        The file ends before the slices it promises.
    """
    image: Any = nib.load(path)
    try:
        data = np.asarray(image.dataobj[:, :, start:stop], dtype=np.float64)
    except (OSError, ValueError, EOFError) as error:
        raise TableError(path, "must hold all voxels that its header promises", show(error, 100)) from None
    return data[..., 0] if data.ndim == 4 and data.shape[3] == 1 else data


def write_map(
    path: Path, slabs: Iterable[NDArray[Any]], shape: tuple[int, ...], affine: Array, dtype: str
) -> None:
    """Write a three-dimensional map from its slabs in order; same values, same bytes.

    Parameters
    ----------
    slabs : iterable of ndarray, shape (x, y, k)
    dtype : str
        ``"float32"`` or ``"int16"``.
    """
    header = nib.Nifti1Header()
    header.set_data_shape(shape)
    header.set_data_dtype(np.dtype(dtype))
    header.set_sform(affine, code=1)
    header.set_qform(affine, code=1)
    header.set_zooms(nib.affines.voxel_sizes(affine))
    header.set_xyzt_units("mm")
    header["vox_offset"] = 352
    header["scl_slope"], header["scl_inter"] = 1, 0
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with scratch.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as sink:
        sink.write(header.structarr.tobytes() + b"\0\0\0\0")
        for slab in slabs:
            sink.write(np.asarray(slab, dtype=np.dtype(dtype).newbyteorder("<")).tobytes(order="F"))
    scratch.replace(path)
