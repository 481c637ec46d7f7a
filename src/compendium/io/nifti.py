"""NIfTI images larger than memory: checked headers, slabs of slices read from disk, maps streamed to disk."""

from __future__ import annotations

import gzip
import math
import os
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

LEAST_VOLUME = 1e-3
"""Volume between the axes of an affine over that of axes at right angles: 1 for scans, a little less when sheared."""
SPARE_BYTES = 1 << 20
"""What may follow the voxels of a compressed image before it counts as something else."""
LARGEST_RATIO = 1032
"""What deflate can gain at most: a compressed image whose header promises more ends early."""
AFFINE_TOLERANCE = 1e-3  # mm: what resampling tools round away
_CHUNK = 1 << 22
UNREADABLE = (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError, np.linalg.LinAlgError)


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
        with nib.imageglobals.LoggingOutputSuppressor():  # what nibabel mends is refused below
            image: Any = nib.load(path)
        shape = tuple(int(n) for n in image.shape)
        _check_header(path, image, shape)
        affine = np.asarray(image.affine, dtype=np.float64)
    except TableError:
        raise
    except nib.filebasedimages.ImageFileError:
        raise TableError(path, "must be a readable NIfTI image", "no NIfTI header in it") from None
    except (*UNREADABLE, OSError, EOFError, ValueError, zlib.error) as error:
        raise TableError(path, "must be a readable NIfTI image", show(error, 100)) from None
    _check_affine(path, affine)
    while len(shape) > 3 and shape[-1] == 1 and dimensions == 3:
        shape = shape[:-1]
    if dimensions is not None and len(shape) != dimensions:
        raise TableError(path, f"must have {dimensions} dimensions", f"shape {shape}")
    status = path.stat()
    return ImageInfo(path, shape, affine, f"{status.st_size}:{status.st_mtime_ns}")


def _check_header(path: Path, image: Any, shape: tuple[int, ...]) -> None:
    """Refuse what nibabel mends without a word, and what no method here can use."""
    raw = _raw_header(path)
    size = int(raw["sizeof_hdr"])
    if size not in (348, 540):
        raise TableError(path, "must have a NIfTI header of 348 or 540 bytes", f"{size} bytes")
    if min(shape, default=0) < 1:
        raise TableError(path, "must not be empty: every dimension is at least 1", f"shape {shape}")
    kind = image.header.get_data_dtype()
    if kind.kind not in "iuf":
        what = "colours" if kind.names else "complex numbers" if kind.kind == "c" else str(kind)
        raise TableError(path, "must hold real numbers", what)
    sizes = np.asarray(raw["pixdim"][1:4], dtype=np.float64)
    if not (np.isfinite(sizes).all() and (sizes > 0).all()):
        raise TableError(
            path, "must have voxels of a positive size", " × ".join(f"{s:g}" for s in sizes) + " mm"
        )
    needed, there = file_bytes(image), path.stat().st_size
    if there * (LARGEST_RATIO if _is_compressed(path) else 1) < needed:
        rule = "must hold all voxels that its header promises"
        given = "a compressed file too small" if _is_compressed(path) else f"{there:,} bytes"
        raise TableError(path, rule, f"{given} where the header needs {needed:,} bytes")


def _raw_header(path: Path) -> Any:
    """Return the header as it stands in the file, before nibabel's repairs."""
    with (gzip.open if _is_compressed(path) else open)(path, "rb") as file:
        block = file.read(540)
    two = block[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c")
    kind = nib.Nifti2Header if two else nib.Nifti1Header
    return kind(block[: kind.sizeof_hdr], check=False)


def _is_compressed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def file_bytes(image: Any) -> int:
    """Return the bytes of the whole uncompressed file, as the header says."""
    return int(image.dataobj.offset) + math.prod(image.shape) * int(image.header.get_data_dtype().itemsize)


def _check_affine(path: Path, affine: Array) -> None:
    if not np.isfinite(affine).all():
        raise TableError(path, "must have an affine of finite numbers", "NaN or infinity in it")
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    volume = abs(np.linalg.det(affine[:3, :3] / np.where(sizes > 0, sizes, 1)))
    if volume < LEAST_VOLUME:
        rule = "must have an affine whose axes span a volume"
        raise TableError(path, rule, f"{volume:.2g} of that of axes at right angles")


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
    if not _is_compressed(path):
        return path
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / path.name[:-3]
    if target.exists() and target.stat().st_mtime_ns >= path.stat().st_mtime_ns:
        return target
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        limit = file_bytes(nib.load(path)) + SPARE_BYTES
        with gzip.open(path, "rb") as source, scratch.open("wb") as sink:
            while piece := source.read(_CHUNK):
                limit -= sink.write(piece)
                if limit < 0:
                    rule = "must not unpack to more than its header promises"
                    raise TableError(path, rule, f"over {sink.tell():,} bytes")
        scratch.replace(target)
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(path, "must be a complete compressed file", show(error, 100)) from None
    finally:
        scratch.unlink(missing_ok=True)
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
    try:
        with scratch.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as sink:
            sink.write(header.structarr.tobytes() + b"\0\0\0\0")
            for slab in slabs:
                sink.write(np.asarray(slab, dtype=np.dtype(dtype).newbyteorder("<")).tobytes(order="F"))
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
