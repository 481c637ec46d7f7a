"""Maps by blocks of slices: larger than memory, in parallel, resumable, the same bits whatever the blocks.

The tile is one slice (with a halo of neighbours where a method needs it), fixed: blocks only say how many
tiles travel together. A finished block is a file with its checksum; a run that was killed continues with what is
missing. Blocks of other inputs, settings or code are never taken.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compendium.base.parallel import parallel_map
from compendium.io.nifti import ImageInfo, check_same_space, inspect_image, read_slab, unpack, write_map
from compendium.io.table_text import TableError
from compendium.paths import root

Slab = dict[str, NDArray[Any]]
TileFunction = Callable[[Slab, NDArray[np.bool_], int], Slab]
Progress = Callable[[int, int], None]

SCRATCH = ".blocks"
CODE = ("base", "diffusion")
"""Packages whose source is part of a block's identity, beside the tile function's own module."""


@dataclass(frozen=True)
class Output:
    """A map that a method writes: key in the tile's result, file name stem suffix, type, what background is."""

    key: str
    suffix: str
    dtype: str = "float32"
    background: float = np.nan


@dataclass(frozen=True)
class Plan:
    """All that a worker needs to compute a block: files, slices, tile function, outputs, where it goes."""

    images: tuple[tuple[str, str], ...]
    shape: tuple[int, int, int]
    outputs: tuple[Output, ...]
    function: TileFunction
    halo: int
    slices: int
    folder: str

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return -(-self.shape[2] // self.slices)


def map_blocks(
    images: Mapping[str, str | Path],
    function: TileFunction,
    outputs: tuple[Output, ...],
    folder: str | Path,
    *,
    settings: Mapping[str, Any],
    slices: int = 4,
    halo: int = 0,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Compute maps of an image by blocks and write them.

    Parameters
    ----------
    images : mapping of name to path
        The first is the reference grid (three or four dimensions), the others three-dimensional on the same
        grid. ``"mask"``, if given, selects the voxels (> 0); otherwise those of the first image with a
        positive first volume.
    function : callable
        ``function(slab, mask, centre)``: slab holds (x, y, k[, m]) arrays with the halo, mask is (x, y) for
        the slice at index `centre`; it returns an (x, y) array per output key. Importable.
    outputs : tuple of Output
    folder : str or Path
        Where maps go as ``<suffix>``; scratch goes below it and is removed at the end.
    settings : mapping
        What the result depends on beside images and code: part of the identity of a block.
    slices, halo : int
        Slices per block; neighbours on either side that a tile needs.

    Returns
    -------
    dict of Path
        Written maps by output key.

    Raises
    ------
    TableError
        An image cannot be used.
    """
    infos = _inspect(images)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with _lock(target):
        key = _identity(infos, function, outputs, settings, halo, slices)
        scratch = target / SCRATCH / key
        _forget_others(target / SCRATCH, key)
        scratch.mkdir(parents=True, exist_ok=True)
        reference = next(iter(infos.values()))
        unpacked = tuple((n, str(unpack(i.path, scratch / "inputs" / n).resolve())) for n, i in infos.items())
        shape = (reference.shape[0], reference.shape[1], reference.shape[2])
        _check_mask(dict(unpacked), infos, shape[2], slices)
        plan = Plan(unpacked, shape, outputs, function, halo, slices, str(scratch.resolve()))
        done = [k for k in range(plan.n_blocks) if _sound(plan, k)]
        missing = [k for k in range(plan.n_blocks) if k not in set(done)]
        tell = progress or (lambda finished, total: None)
        tell(len(done), plan.n_blocks)
        for count, _ in enumerate(parallel_map(partial(_compute, plan), missing, jobs, cluster), start=1):
            tell(len(done) + count, plan.n_blocks)
        written = {}
        for output in outputs:
            written[output.key] = target / f"{output.suffix}.nii.gz"
            slabs = (_load(plan, k)[output.key] for k in range(plan.n_blocks))
            write_map(written[output.key], slabs, shape, reference.affine, output.dtype)
        shutil.rmtree(target / SCRATCH)
    return written


def _check_mask(paths: Mapping[str, str], infos: Mapping[str, ImageInfo], depth: int, slices: int) -> None:
    """Refuse a mask that selects nothing: maps of it would be empty, which looks like a result."""
    if "mask" not in paths:
        return
    slabs = (read_slab(Path(paths["mask"]), z, min(z + slices, depth)) for z in range(0, depth, slices))
    if not any((np.nan_to_num(slab) > 0).any() for slab in slabs):
        raise TableError(infos["mask"].path, "must select at least one voxel (> 0)", "none")


def _inspect(images: Mapping[str, str | Path]) -> dict[str, ImageInfo]:
    infos = {name: inspect_image(p, None if k == 0 else 3) for k, (name, p) in enumerate(images.items())}
    reference = next(iter(infos.values()))
    if len(reference.shape) not in (3, 4):
        raise TableError(reference.path, "must have three or four dimensions", f"shape {reference.shape}")
    for info in infos.values():
        check_same_space(reference, info)
    return infos


def _identity(
    infos: dict[str, ImageInfo], function: TileFunction, outputs: tuple[Output, ...], settings: Mapping[str, Any],
    halo: int, slices: int,
) -> str:  # fmt: skip
    code = hashlib.sha256()
    package = root() / "src" / "compendium"
    own = package.joinpath(*_name_of(function).split(".")[1:3]).with_suffix(".py")
    for path in [own, Path(__file__), *(p for part in CODE for p in sorted((package / part).glob("*.py")))]:
        code.update(path.name.encode() + (path.read_bytes() if path.exists() else b""))
    what = {
        "images": {n: [str(i.path.resolve()), i.fingerprint] for n, i in infos.items()},
        "function": _name_of(function), "outputs": [vars(o) for o in outputs], "settings": dict(settings),
        "halo": halo, "slices": slices, "code": code.hexdigest(),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=repr).encode()).hexdigest()[:16]


def _name_of(function: Any) -> str:
    inner = function.func if isinstance(function, partial) else function
    return f"{inner.__module__}.{inner.__qualname__}"


def _forget_others(folder: Path, key: str) -> None:
    for other in folder.glob("*") if folder.exists() else ():
        if other.name != key:
            shutil.rmtree(other)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """One run per folder of maps at a time."""
    path = folder / ".lock"
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            current = path.exists() and os.path.samestat(os.fstat(handle.fileno()), path.stat())
        except OSError:
            current = False
        if not current:  # also when the other run has just removed the file that was opened here
            raise TableError(folder, "must not be written by two runs at once", "a folder in use")
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _compute(plan: Plan, block: int) -> int:
    """Compute a block slice by slice and store it with its checksum."""
    first, last = block * plan.slices, min((block + 1) * plan.slices, plan.shape[2])
    low, high = max(first - plan.halo, 0), min(last + plan.halo, plan.shape[2])
    data = {name: read_slab(Path(path), low, high) for name, path in plan.images}
    result = {
        o.key: np.full((*plan.shape[:2], last - first), o.background, dtype=np.float64) for o in plan.outputs
    }
    for z in range(first, last):
        near, far = max(z - plan.halo, 0) - low, min(z + plan.halo + 1, plan.shape[2]) - low
        slab = {name: values[:, :, near:far] for name, values in data.items()}
        centre = z - low - near
        mask = _mask_of(slab, centre)
        if not mask.any():
            continue
        got = plan.function(slab, mask, centre)
        for output in plan.outputs:
            result[output.key][:, :, z - first][mask] = got[output.key][mask]
    _store(plan, block, {o.key: result[o.key].astype(o.dtype) for o in plan.outputs})
    return block


def _mask_of(slab: Slab, centre: int) -> NDArray[np.bool_]:
    if "mask" in slab:
        return np.nan_to_num(slab["mask"][:, :, centre]) > 0
    first = next(iter(slab.values()))[:, :, centre]
    return np.nan_to_num(first[..., 0] if first.ndim == 3 else first) > 0


def _files(plan: Plan, block: int) -> tuple[Path, Path]:
    stem = Path(plan.folder) / f"block-{block:05d}"
    return stem.with_suffix(".npz"), stem.with_suffix(".sha256")


def _store(plan: Plan, block: int, arrays: Slab) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    raw = buffer.getvalue()
    for path, content in zip(
        _files(plan, block), (raw, hashlib.sha256(raw).hexdigest().encode()), strict=True
    ):
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with scratch.open("wb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)


def _sound(plan: Plan, block: int) -> bool:
    """Whether a block is there and its bytes are those that were written."""
    data, checksum = _files(plan, block)
    try:
        return hashlib.sha256(data.read_bytes()).hexdigest() == checksum.read_text()
    except (OSError, UnicodeDecodeError):
        return False


def _load(plan: Plan, block: int) -> Slab:
    with np.load(_files(plan, block)[0]) as stored:
        return {name: stored[name] for name in stored.files}
