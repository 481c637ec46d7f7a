"""Transforms as ITK and 3D Slicer keep them: linear ones as .tfm, .txt or .h5, any other as a displacement field.

The stored map is fixed → moving in LPS, in mm. Slicer calls such a file a transform "from parent" and shows its inverse
matrix in RAS: the numbers in its window are not those in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its users call it so
from numpy.typing import ArrayLike, NDArray

from compendium.io.messages import show, show_name, silenced
from compendium.io.volumes import VolumeFileError, check_whole, itk_header
from compendium.registration.affine import LinearTransform
from compendium.registration.estimate import Transform
from compendium.registration.grid import Grid, as_points
from compendium.registration.resample import sample_displacements, to_image

Array = NDArray[np.floating[Any]]
TRANSFORM_SUFFIXES = (".tfm", ".txt", ".h5", ".hdf5", ".mat")
TEXT_SUFFIXES = (".tfm", ".txt")
FIELD_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")


class TransformFileError(ValueError):
    """A file that holds no usable transform; the message names the file."""


@dataclass(frozen=True, eq=False)
class ItkTransform:
    """Any transform that SimpleITK can read, in µm.

    Attributes
    ----------
    transform : SimpleITK.Transform
        In mm.
    method : str
    """

    transform: sitk.Transform
    method: str

    def apply(self, points: ArrayLike) -> Array:
        """Mapped points, shape (n, 3), µm."""
        mapped = [self.transform.TransformPoint(p) for p in (as_points(points) / 1000).tolist()]
        return 1000 * np.array(mapped).reshape(-1, 3)

    def jacobian(self, points: ArrayLike) -> Array:
        """Derivative by central differences of 1 µm, shape (n, 3, 3)."""
        x = as_points(points)
        return np.stack([(self.apply(x + s) - self.apply(x - s)) / 2 for s in np.eye(3)], axis=2)


def write_transform(
    path: str | Path, transform: Transform, grid: Grid | None = None, *, node_um: float = 50.0
) -> float:
    """Write a transform; returns the rms error in µm of what was written against the map.

    Parameters
    ----------
    path : str or Path
        .tfm, .txt, .h5 for linear transforms. Others are sampled on nodes that cover `grid` (see `sample_displacements`)
        and kept as .h5, or as an image of displacement vectors with .nii, .nii.gz, .nrrd, .mha.
    transform : Transform
        Fixed → moving.
    grid : Grid, optional
        The fixed volume; needed unless the transform is linear.
    """
    where = Path(path)
    name = where.name.lower()
    if isinstance(transform, LinearTransform) and name.endswith(TRANSFORM_SUFFIXES):
        made = sitk.AffineTransform(3)
        made.SetMatrix(transform.matrix.ravel().tolist())
        made.SetTranslation((transform.offset_um / 1000).tolist())
        sitk.WriteTransform(made, str(where))
        return 0.0
    if grid is None:
        raise ValueError(
            "A transform that is not linear is written on a grid; grid must be given. Given None."
        )
    if not name.endswith((".h5", *FIELD_SUFFIXES)):
        given = f"Given {where.name!r}."
        raise ValueError(f"Sampled transforms are written as .h5, .nii, .nii.gz, .nrrd or .mha. {given}")
    field = sample_displacements(transform, grid, node_um=node_um)
    image = to_image(field.vectors_um / 1000, field.grid, vector=True)
    image.SetSpacing([s / 1000 for s in field.grid.spacing_um])
    image.SetOrigin([o / 1000 for o in field.grid.origin_um])
    if name.endswith(".h5"):
        sitk.WriteTransform(sitk.DisplacementFieldTransform(image), str(where))
    else:
        sitk.WriteImage(image, str(where))
    return field.rms_um


def read_transform(path: str | Path) -> LinearTransform | ItkTransform:
    """Read an ITK transform or a displacement field.

    Returns
    -------
    LinearTransform or ItkTransform
        Fixed → moving, µm, LPS; linear ones (also composites of linear ones) as `LinearTransform`.

    Raises
    ------
    TransformFileError
        Not readable, or not in three dimensions.
    """
    where = Path(path)
    name, shown = where.name.lower(), show_name(where.name)
    if not where.is_file():
        raise TransformFileError(f"{shown}: must be a file. Given none of that name.")
    if not name.endswith((*TRANSFORM_SUFFIXES, *FIELD_SUFFIXES)):
        known = ", ".join((*TRANSFORM_SUFFIXES, *FIELD_SUFFIXES))
        raise TransformFileError(f"{shown}: must be one of {known}. Given {show(where.suffix)}.")
    try:
        made = _read(where)
    except TransformFileError:
        raise
    except VolumeFileError as problem:
        raise TransformFileError(str(problem)) from None
    except (RuntimeError, MemoryError, ValueError):  # also of messages that are no text
        given = "a file that its reader refuses: damaged, half-copied, or of another kind"
        raise TransformFileError(f"{shown}: must be a readable transform. Given {given}.") from None
    if made.GetDimension() != 3:
        raise TransformFileError(f"{shown}: must have three dimensions. Given {made.GetDimension()}.")
    if not made.IsLinear():
        return ItkTransform(made, f"{made.GetName()} from {shown}")
    offset = np.array(made.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.column_stack([np.array(made.TransformPoint(e)) - offset for e in np.eye(3).tolist()])
    if not (np.isfinite(matrix).all() and np.isfinite(offset).all()):
        raise TransformFileError(f"{shown}: must hold finite numbers. Given NaN, infinity or beyond.")
    return LinearTransform(matrix, 1000 * offset, f"{made.GetName()} from {shown}")


def _read(path: Path) -> sitk.Transform:
    with silenced():
        if path.name.lower().endswith(FIELD_SUFFIXES):
            itk_header(path)
            check_whole(path)
            return sitk.DisplacementFieldTransform(sitk.ReadImage(str(path), sitk.sitkVectorFloat64))
        made = sitk.ReadTransform(str(path))
    if path.suffix.lower() in TEXT_SUFFIXES:
        _check_text(path, made)
    return made


def _check_text(path: Path, made: sitk.Transform) -> None:
    """Refuse a text that ends early: its reader would take what is missing as 0, or everything as the identity."""
    text = path.read_text(encoding="utf-8", errors="replace")
    blocks = [
        b
        for b in re.split(r"^Transform:", text, flags=re.MULTILINE)[1:]
        if "CompositeTransform" not in b[:40]
    ]
    written = []
    for block in blocks:
        rows = [re.search(rf"^{key}:(.*)$", block, re.MULTILINE) for key in ("Parameters", "FixedParameters")]
        written.append(tuple(tuple(float(w) for w in row[1].split()) if row else None for row in rows))
    single = made.GetName() != "CompositeTransform"
    whole: Any = made if single else made.Downcast()
    parts = [made] if single else [whole.GetNthTransform(i) for i in range(whole.GetNumberOfTransforms())]
    read = [(tuple(part.GetParameters()), tuple(part.GetFixedParameters())) for part in parts]
    if sorted(map(repr, read)) != sorted(map(repr, written)) or not text.endswith("\n"):
        rule = "must hold one transform, or a composite one, with all its parameters and the end of the last line"
        raise TransformFileError(f"{show_name(path.name)}: {rule}. Given fewer, or several transforms.")
