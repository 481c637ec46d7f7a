"""Volumes: NIfTI, NRRD and MetaImage through SimpleITK, OME-TIFF through tifffile; arrays [z, y, x] with their grid in µm.

SimpleITK brings every format to one world (LPS, mm). A TIFF says its pixel size in its OME header or not at all: then
the caller must say it, and nothing is guessed.
"""

from __future__ import annotations

import gzip
import logging
import math
import os
import re
import tempfile
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its users call it so
from numpy.typing import ArrayLike, NDArray

from compendium.io.messages import show, show_name, silenced
from compendium.io.nifti import UNREADABLE, file_bytes
from compendium.registration.grid import Grid
from compendium.registration.resample import to_image

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
TIFF_SUFFIXES = (".ome.tif", ".ome.tiff", ".tif", ".tiff")
_DATA_FILE = re.compile(rb"^\s*(?:ElementDataFile\s*=|data ?file:)([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_TO_UM = {"µm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "pm": 1e-6, "Å": 1e-4}


LARGEST_RATIO = 1032  # what deflate can gain at most
SPARE_BYTES = 1 << 26
HEADER_BYTES = 1 << 16


class VolumeFileError(ValueError):
    """A file that holds no usable volume; the message names the file."""


@dataclass(frozen=True, eq=False)
class Volume:
    """An array [z, y, x] and where its voxels lie.

    Attributes
    ----------
    array : ndarray, shape (z, y, x)
    grid : Grid
    """

    array: NDArray[Any]
    grid: Grid


def read_volume(
    path: str | Path, *, channel: int | None = None, spacing_um: ArrayLike | None = None
) -> Volume:
    """Read a volume.

    Parameters
    ----------
    path : str or Path
        NIfTI, NRRD, MetaImage or (OME-)TIFF, by suffix.
    channel : int, optional
        Which channel (from 0) or, in NIfTI and NRRD, which volume of a fourth axis; needed when there are several.
    spacing_um : array-like, shape (3,), optional
        Voxel along x, y, z of a TIFF that does not say it.

    Raises
    ------
    VolumeFileError
        Not readable, wrong number of axes, more than one channel or time point, no pixel size.
    """
    where = Path(path)
    name = where.name.lower()
    if not where.is_file():
        raise VolumeFileError(f"{_name(where)}: must be a file. Given none of that name.")
    if name.endswith(TIFF_SUFFIXES):
        return _read_tiff(where, channel, spacing_um)
    if not name.endswith(SUFFIXES):
        known = ", ".join((*SUFFIXES, *TIFF_SUFFIXES))
        raise VolumeFileError(f"{_name(where)}: must be one of {known}. Given {show(where.suffix)}.")
    if spacing_um is not None:
        raise VolumeFileError(f"{_name(where)}: states its own voxel size; spacing_um must not be given.")
    return _read_itk(where, channel)


def count_channels(path: str | Path) -> int:
    """Channels of a TIFF, components of a voxel, or volumes of a fourth axis: what `channel` counts; from the header.

    Raises
    ------
    VolumeFileError
        Not a file, not a volume, or not readable.
    """
    where = Path(path)
    name = where.name.lower()
    if not where.is_file() or not name.endswith((*SUFFIXES, *TIFF_SUFFIXES)):
        read_volume(where)  # says which
    if name.endswith(TIFF_SUFFIXES):
        with _tiff(where) as file:
            series = file.series[0]
            sizes = dict(zip(series.axes, series.shape, strict=True))
        return int(sizes.get("C", 1) * sizes.get("S", 1))
    reader = itk_header(where)
    return int(reader.GetSize()[3]) if reader.GetDimension() == 4 else int(reader.GetNumberOfComponents())


def write_volume(path: str | Path, array: ArrayLike, grid: Grid) -> None:
    """Write an array [z, y, x]; the suffix decides (.nii, .nii.gz, .nrrd, .mha, .ome.tif).

    Masks are stored as 8-bit. NIfTI keeps positions as 32-bit floats. OME-TIFF keeps pixel sizes, neither origin nor
    direction. The file appears only when complete.
    """
    where, values = Path(path), np.asarray(array)
    if values.shape != grid.shape:
        raise ValueError(f"The array must have its grid's shape. Given {values.shape} and {grid.shape}.")
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    name = where.name.lower()
    if name.endswith((".ome.tif", ".ome.tiff")):
        with _beside(where, ".ome.tif") as part:
            _write_tiff(part, values, grid)
    elif name.endswith(SUFFIXES) and not name.endswith(".mhd"):  # .mhd is two files that name each other
        suffix = next(s for s in sorted(SUFFIXES, key=len, reverse=True) if name.endswith(s))
        with _beside(where, suffix) as part:
            image = to_image(values, grid)
            image.SetSpacing([s / 1000 for s in grid.spacing_um])
            image.SetOrigin([o / 1000 for o in grid.origin_um])
            sitk.WriteImage(image, str(part), useCompression=name.endswith((".gz", ".nrrd", ".mha")))
    else:
        raise ValueError(
            f"Volumes are written as .nii, .nii.gz, .nrrd, .mha or .ome.tif. Given {where.name!r}."
        )


def itk_header(path: Path) -> Any:
    """Read the header of an image, and refuse one that promises more than its file can hold.

    The reader would believe it, and fill the memory with nothing.

    Raises
    ------
    VolumeFileError
        No header, voxels outside the folder, or fewer than promised.
    """
    there = path.stat().st_size + _other_file(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with silenced():
            reader.ReadImageInformation()
        pixel = sitk.Image([1] * reader.GetDimension(), reader.GetPixelID(), reader.GetNumberOfComponents())
    except (RuntimeError, MemoryError, ValueError, TypeError, OverflowError):
        raise _unreadable(path) from None
    voxel = pixel.GetSizeOfPixelComponent() * pixel.GetNumberOfComponentsPerPixel()
    needed = math.prod(reader.GetSize()) * voxel
    if needed > LARGEST_RATIO * there + SPARE_BYTES:
        rule = "must hold all voxels that its header promises"
        raise VolumeFileError(f"{_name(path)}: {rule}. Given {there:,} bytes for {needed:,}.")
    return reader


def _other_file(path: Path) -> int:
    """Bytes of the file that a header of NRRD or MetaImage names for its voxels: one beside it, or nothing is read."""
    if path.name.lower().endswith((".nii", ".nii.gz")):
        return 0
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES).split(b"\n\n" if path.suffix.lower() == ".nrrd" else b"\0")[0]
    found = _DATA_FILE.search(head)
    given = found[1].decode("utf-8", "replace").strip() if found else "LOCAL"
    if given.upper() == "LOCAL":
        return 0
    other = path.with_name(Path(given).name or "none")
    if Path(given).name != given or not other.is_file():
        rule = "must name one file of its own folder that holds the voxels"
        raise VolumeFileError(f"{_name(path)}: {rule}. Given {show(given)}.")
    return other.stat().st_size


def _unreadable(path: Path, what: str = "volume") -> VolumeFileError:
    given = "a file that its reader refuses: damaged, half-copied, or of another kind"
    return VolumeFileError(f"{_name(path)}: must be a readable {what}. Given {given}.")


def check_whole(path: Path) -> None:
    """Refuse a NIfTI image that ends early: ITK's reader fills what is missing with 0 and says nothing.

    Raises
    ------
    VolumeFileError
    """
    import nibabel

    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        return
    try:
        with nibabel.imageglobals.LoggingOutputSuppressor():
            needed = file_bytes(nibabel.load(path))  # type: ignore[attr-defined]
        there = path.stat().st_size
        if name.endswith(".gz"):
            with gzip.open(path) as file:
                there = sum(map(len, iter(lambda: file.read(1 << 22), b"")))
    except (*UNREADABLE, OSError, EOFError, ValueError, zlib.error):
        raise _unreadable(path) from None
    if there < needed:
        rule = "must hold all voxels that its header promises"
        raise VolumeFileError(f"{_name(path)}: {rule}. Given {there:,} bytes for {needed:,}.")


def _read_itk(path: Path, channel: int | None) -> Volume:
    itk_header(path)
    check_whole(path)
    try:
        with silenced():
            image = sitk.ReadImage(str(path))
    except (RuntimeError, MemoryError):
        raise _unreadable(path) from None
    if image.GetDimension() == 4:
        count = image.GetSize()[3]
        image = image[..., _chosen(path, channel, count, "volumes")]
    elif image.GetNumberOfComponentsPerPixel() > 1:
        count = image.GetNumberOfComponentsPerPixel()
        image = sitk.VectorIndexSelectionCast(image, _chosen(path, channel, count, "components"))
    elif channel not in (None, 0):
        raise VolumeFileError(f"{_name(path)}: has one channel. Given channel {channel}.")
    if image.GetDimension() != 3:
        raise VolumeFileError(f"{_name(path)}: must have three axes. Given {image.GetDimension()}.")
    array = sitk.GetArrayFromImage(image)
    if array.dtype.kind not in "biuf":
        raise VolumeFileError(f"{_name(path)}: must hold real numbers. Given {array.dtype}.")
    if array.dtype.kind == "f" and path.name.lower().endswith((".nii", ".nii.gz")):
        _restore_not_finite(path, array, channel or 0)
    spacing, origin = 1000 * np.array(image.GetSpacing()), 1000 * np.array(image.GetOrigin())
    try:
        return Volume(array, Grid.of(array.shape, spacing, origin, image.GetDirection()))
    except ValueError as problem:
        raise VolumeFileError(f"{_name(path)}: {problem}") from None


def _restore_not_finite(path: Path, array: NDArray[Any], channel: int) -> None:
    """Put back NaN and infinities, in place: ITK's reader of NIfTI turns them into 0 without a word."""
    import nibabel

    try:
        with nibabel.imageglobals.LoggingOutputSuppressor():
            stored: Any = nibabel.load(path).dataobj  # type: ignore[attr-defined]
        values = np.asarray(stored[..., channel] if len(stored.shape) == 4 else stored).T
    except (*UNREADABLE, OSError, EOFError, ValueError, zlib.error):
        raise _unreadable(path) from None
    if values.shape == array.shape:
        bad = ~np.isfinite(values)
        array[bad] = values[bad]


def read_plane(path: str | Path, *, channel: int | None = None) -> NDArray[Any]:
    """Read one image from a TIFF, such as a kymograph, shape (y, x); its pixel size is not asked for.

    Raises
    ------
    VolumeFileError
        Not readable, or a stack.
    """
    where = Path(path)
    if not where.is_file() or not where.name.lower().endswith(TIFF_SUFFIXES):
        raise VolumeFileError(f"{_name(where)}: must be a TIFF. Given none of that name.")
    stack, _ = _open_tiff(where, channel)
    if len(stack) != 1:
        raise VolumeFileError(f"{_name(where)}: must be one image. Given {len(stack)} slices.")
    plane: NDArray[Any] = stack[0]
    return plane


@contextmanager
def _tiff(path: Path) -> Iterator[Any]:
    """An open TIFF; whatever the reader stumbles over is one error."""
    import tifffile  # comes with scikit-image

    log = logging.getLogger("tifffile")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with tifffile.TiffFile(path) as file:
            yield file
    except VolumeFileError:
        raise
    except Exception:  # damaged tags end in errors of nearly any type
        raise _unreadable(path, "TIFF") from None
    finally:
        log.setLevel(level)


def _open_tiff(path: Path, channel: int | None) -> tuple[NDArray[Any], str | None]:
    """The stack [z, y, x] and the OME header."""
    with _tiff(path) as file:
        series = file.series[0]
        needed, there = math.prod(series.shape) * series.dtype.itemsize, path.stat().st_size
        if needed > LARGEST_RATIO * there + SPARE_BYTES:
            rule = "must hold all voxels that its header promises"
            raise VolumeFileError(f"{_name(path)}: {rule}. Given {there:,} bytes for {needed:,}.")
        array, axes, header = series.asarray(), series.axes, file.ome_metadata
    if not array.size or array.dtype.kind not in "biuf":
        raise VolumeFileError(
            f"{_name(path)}: must hold real numbers. Given {array.dtype}, shape {array.shape}."
        )
    return _select(path, array, axes, channel), header


def _read_tiff(path: Path, channel: int | None, spacing_um: ArrayLike | None) -> Volume:
    stack, header = _open_tiff(path, channel)
    found = _ome_spacing(header, path) if header else None  # resolutions of plain TIFFs mean too many things
    if spacing_um is None and found is None:
        raise VolumeFileError(
            f"{_name(path)}: does not state its voxel size in µm; give spacing_um (x, y, z)."
        )
    if spacing_um is not None and found is not None and not np.allclose(spacing_um, found, rtol=1e-3):
        raise VolumeFileError(
            f"{_name(path)}: states voxels of {found} µm. Given spacing_um {show(spacing_um)}."
        )
    spacing = np.asarray(found if spacing_um is None else spacing_um, dtype=float)
    try:
        return Volume(stack, Grid.of(stack.shape, spacing, (0, 0, 0)))
    except ValueError as problem:
        raise VolumeFileError(f"{_name(path)}: {problem}") from None


def _select(path: Path, array: NDArray[Any], axes: str, channel: int | None) -> NDArray[Any]:
    """One [z, y, x] stack of the named axes; pages without a meaning (I, Q) are slices."""
    kept, chosen = [], False
    for axis, size in zip(axes, array.shape, strict=True):
        if axis in "YX" or axis in "ZIQ":
            kept.append(slice(None))
        elif axis in "CS" and (size > 1 or channel):
            kept.append(_chosen(path, channel, size, "channels"))  # type: ignore[arg-type]
            chosen = True
        elif size == 1:
            kept.append(0)  # type: ignore[arg-type]
        else:
            raise VolumeFileError(f"{_name(path)}: must be one stack. Given {size} along axis {axis}.")
    if channel and not chosen:
        raise VolumeFileError(f"{_name(path)}: has one channel. Given channel {channel}.")
    stack = array[tuple(kept)]
    if stack.ndim == 2:
        stack = stack[None]
    if stack.ndim != 3:
        raise VolumeFileError(f"{_name(path)}: must have axes z, y, x. Given {axes}, shape {array.shape}.")
    return stack


def _ome_spacing(header: str, path: Path) -> tuple[float, float, float] | None:
    if "<!" in header.replace("<!--", "").upper():
        raise VolumeFileError(f"{_name(path)}: its OME header must not define entities.")
    try:
        root = ElementTree.fromstring(header)  # noqa: S314 - declarations are refused above
    except ElementTree.ParseError as problem:
        raise VolumeFileError(f"{_name(path)}: its OME header must be XML. Given {show(problem)}.") from None
    pixels = next((e for e in root.iter() if e.tag.endswith("Pixels")), None)
    if pixels is None:
        return None
    sizes = []
    for axis in "XYZ":
        text = pixels.get(f"PhysicalSize{axis}")
        if text is None and axis == "Z" and pixels.get("SizeZ") == "1":
            text = pixels.get("PhysicalSizeX")  # a single slice has no spacing of its own
        unit = _TO_UM.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        if text is None or unit is None:
            return None
        try:
            sizes.append(float(text) * unit)
        except ValueError:
            rule = "the sizes in its OME header must be numbers"
            raise VolumeFileError(f"{_name(path)}: {rule}. Given {show(text)}.") from None
    return sizes[0], sizes[1], sizes[2]


def _write_tiff(path: Path, array: NDArray[Any], grid: Grid) -> None:
    import tifffile

    x, y, z = grid.spacing_um
    sizes = {"PhysicalSizeX": x, "PhysicalSizeY": y, "PhysicalSizeZ": z}
    units = {f"PhysicalSize{axis}Unit": "µm" for axis in "XYZ"}
    tifffile.imwrite(path, array, ome=True, metadata={"axes": "ZYX", **sizes, **units}, compression="zlib")


def _chosen(path: Path, channel: int | None, count: int, what: str) -> int:
    if channel is None and count > 1:
        raise VolumeFileError(f"{_name(path)}: has {count} {what}; channel must say which (from 0).")
    index = channel or 0
    if not 0 <= index < count:
        raise VolumeFileError(f"{_name(path)}: has {count} {what}. Given channel {index}.")
    return index


@contextmanager
def _beside(path: Path, suffix: str) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix=suffix)
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o644)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _name(path: Path) -> str:
    return show_name(path.name)
