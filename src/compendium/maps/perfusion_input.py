"""Images of a perfusion examination: opened, checked against each other, read."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from compendium.io.nifti import inspect_image
from compendium.io.table_text import TableError

_LARGEST = 2.0**53  # of a label: whole numbers beyond are not told apart


class ImageError(TableError):
    """Something handed in that cannot be used; one line that names the file, the rule and the value."""

    def __init__(self, message: str) -> None:
        ValueError.__init__(self, message)


def as_list(value: Any) -> list[Any]:
    """Return a single value as a list of one."""
    return [value] if isinstance(value, str | Path | int | float) else list(value)


def _open(path: str | Path, what: str) -> Any:
    if not Path(path).is_file():
        raise ImageError(f"{path}: {what} must exist. Given no such file.")
    inspect_image(path)
    return nib.load(path)


def _read(image: Any, kind: type[np.floating[Any]]) -> NDArray[Any]:
    """Return all values of an image, scaled."""
    try:
        with np.errstate(over="ignore"):  # what does not fit is infinite, and refused or empty
            return np.asarray(image.dataobj, dtype=kind)
    except (OSError, EOFError, ValueError, zlib.error):
        rule = "must hold all voxels that its header promises"
        raise ImageError(
            f"{image.get_filename()}: {rule}. Given a file that ends early or is damaged."
        ) from None


def open_series(path: str | Path) -> Any:
    """Open a four-dimensional image.

    Raises
    ------
    ImageError : missing, unreadable, or not four-dimensional.
    """
    image = _open(path, "a series")
    if len(image.shape) != 4:
        raise ImageError(f"{path}: a series must be four-dimensional. Given shape {image.shape}.")
    return image


def check_fit(image: Any, first: Any, tr_s: float) -> list[str]:
    """Notes about the header's TR; an error for a series that does not fit the first one."""
    name, other = image.get_filename(), first.get_filename()
    if image.shape[3] != first.shape[3]:
        raise ImageError(
            f"{name}: all series must have as many volumes as {other} ({first.shape[3]}). Given {image.shape[3]}."
        )
    _check_grid(image, first)
    unit = {"msec": 1e-3, "usec": 1e-6}.get(image.header.get_xyzt_units()[1], 1.0)
    header = float(image.header.get_zooms()[3]) * unit
    if header > 0 and abs(header / tr_s - 1) > 0.02:
        return [f"{Path(name).name}: the header's TR is {header:g} s; {tr_s:g} s was given and is used"]
    return []


def _check_grid(image: Any, first: Any) -> None:
    name, other = image.get_filename(), first.get_filename()
    if image.shape[:3] != first.shape[:3]:
        raise ImageError(
            f"{name}: must have the grid of {other}, {first.shape[:3]}. Given {image.shape[:3]}."
        )
    if not np.allclose(image.affine, first.affine, atol=1e-2):
        off = float(np.abs(image.affine - first.affine).max())
        raise ImageError(
            f"{name}: must lie where {other} lies (affine). Given a difference of {off:.3g} mm: resample first."
        )


def open_labels(path: str | Path, first: Any) -> NDArray[np.int64]:
    """Read a three-dimensional image of whole numbers on the grid of the first series.

    Raises
    ------
    ImageError : missing, unreadable, not three-dimensional, or on another grid.
    """
    image = _open(path, "a mask")
    if len(image.shape) == 4 and image.shape[3] == 1:
        image = image.slicer[..., 0]
    if len(image.shape) != 3:
        raise ImageError(f"{path}: a mask must be three-dimensional. Given shape {image.shape}.")
    _check_grid(image, first)
    return np.rint(np.nan_to_num(_read(image, np.float64)).clip(-_LARGEST, _LARGEST)).astype(np.int64)


def open_mask(path: str | Path, first: Any) -> NDArray[np.bool_]:
    """Read a mask: where a label image is positive."""
    return open_labels(path, first) > 0


def read_values(image: Any) -> NDArray[np.float32]:
    """Read a series.

    Raises
    ------
    ImageError : a value is not finite.
    """
    values = _read(image, np.float32)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise ImageError(f"{image.get_filename()}: all values must be finite. Given {bad} that are not.")
    return values


def find_brain(series: dict[str, list[NDArray[np.float32]]]) -> NDArray[np.bool_]:
    """Where both mean signals exceed a tenth of their 98th percentile."""
    inside = np.ones(series["ge"][0].shape[:3], dtype=bool)
    for group in series.values():
        mean = group[0].mean(axis=3)
        inside &= mean > max(0.1 * float(np.percentile(mean, 98)), 0.0)
    return inside
