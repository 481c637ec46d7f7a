"""What the chapters need from DICOM headers: b-values, echo and repetition times, the order and number of volumes.

=====================  =====================================================================================
quantity               where it stands
=====================  =====================================================================================
b (s/mm²)              (0018,9087), also inside (0018,9117); else privately: Siemens (0019,xx0C), GE
                       (0043,xx39) first value, Philips (2001,xx03), UIH (0065,xx09)
TE, TR (ms)            (0018,0081) or, in enhanced files, (0018,9082); (0018,0080)
time of a volume (s)   (0008,0032) acquisition time; (0020,0100) temporal position
δ and Δ                **nowhere**: DICOM has no attribute for them, and no vendor documents a private one.
                       They come from the sequence's protocol sheet, from the vendor, or, of Bruker, from the
                       file `method` (PVM_DwGradDur, PVM_DwGradSep).
=====================  =====================================================================================

Images and directions are converted by dcm2niix, which turns directions into the axes of the image; nothing here reads
pixels.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from compendium.io.dicom_headers import Image, deep_number, known, number_of, read_image
from compendium.io.messages import show_name
from compendium.io.table_text import TableError

__all__ = ["Series", "Volume", "read_bruker_timings", "read_series"]

MAX_FILES = 200_000
MAX_FRAMES = 200_000
MAX_METHOD_BYTES = 5_000_000
_DEFLATED = "1.2.840.10008.1.2.1.99"
_POSITION_MM = 1e-2  # slices closer than this are one slice


@dataclass(frozen=True)
class Volume:
    """One volume of a series: b (s/mm², NaN unknown), TE (ms, NaN unknown), time of day of its first slice (s)."""

    b_s_mm2: float
    te_ms: float
    time_s: float


@dataclass(frozen=True)
class Series:
    """What the headers of a series say.

    Attributes
    ----------
    number, description, vendor : of the series.
    slices : int
    volumes : tuple of Volume, in the order in which they were acquired
    tr_ms, field_t : float
        NaN where unknown or not the same in all files.
    derived : bool
        Computed by the scanner (an ADC map, a trace image), not acquired.
    """

    number: int
    description: str
    vendor: str
    slices: int
    volumes: tuple[Volume, ...]
    tr_ms: float
    field_t: float
    derived: bool

    @property
    def is_diffusion(self) -> bool:
        """Whether volumes have b-values, one of them above 0."""
        return any(volume.b_s_mm2 > 0 for volume in self.volumes)

    @property
    def spacing_s(self) -> float:
        """Time between volumes, the median; NaN with one volume or no times."""
        times = np.array([volume.time_s for volume in self.volumes])
        steps = np.diff(times[np.isfinite(times)])
        return float(np.median(steps)) if steps.size and (steps > 0).any() else float("nan")

    def missing(self) -> list[str]:
        """Return what a person must supply before the chapters can use the series, each with where to find it."""
        found = []
        if any(np.isnan(volume.te_ms) for volume in self.volumes):
            found.append("TE: not in the headers; see the scan protocol (--te MS)")
        if self.is_diffusion:
            if any(np.isnan(volume.b_s_mm2) for volume in self.volumes):
                found.append(
                    "b of some volumes: neither standard nor in a private element known here; use dcm2niix"
                )
            found.append(
                "delta and separation (δ, Δ): never in DICOM; see the sequence's protocol sheet or the vendor"
            )
        elif len(self.volumes) > 1 and np.isnan(self.tr_ms) and np.isnan(self.spacing_s):
            found.append("TR: not in the headers; see the scan protocol")
        return found


@dataclass
class _Pile:
    """The images of one series while they are read."""

    number: int
    description: str
    vendor: str
    derived: bool
    images: list[Image] = field(default_factory=list)
    tr: set[float] = field(default_factory=set)
    strength: set[float] = field(default_factory=set)


def read_series(folder: str | Path) -> tuple[list[Series], list[str]]:
    """Read the headers of all DICOM files below a folder.

    Returns
    -------
    series : list of Series, by number
    notes : list of str
        Files that are no DICOM or not MR, and other things to know.

    Raises
    ------
    TableError
        No folder, no MR image in it, too many files, or a series of which slices are missing; one line.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise TableError(folder, "must be a folder of DICOM files", "no folder at that path")
    piles: dict[str, _Pile] = {}
    other = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that break the standard: they are read or left out
        for count, path in enumerate(_files(folder), start=1):
            if count > MAX_FILES:
                raise TableError(folder, f"must hold at most {MAX_FILES:,} files", "more")
            other += not _add_file(path, piles)
    if not piles:
        raise TableError(folder, "must hold DICOM files of MR images", f"{other} other files")
    notes = [f"{other} files are no readable MR image in DICOM and were left out."] if other else []
    series = [_finish(folder, pile) for pile in piles.values()]
    return sorted(series, key=lambda s: (s.number, s.description)), notes


def read_bruker_timings(path: str | Path) -> tuple[float, float]:
    """Return δ and Δ in ms from the file `method` that ParaVision writes beside its images.

    Raises
    ------
    TableError
        Not such a file, or it has not one value of each.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_METHOD_BYTES:
            raise TableError(
                path, f"must have at most {MAX_METHOD_BYTES:,} bytes", f"{path.stat().st_size:,}"
            )
        text = path.read_text(encoding="latin-1")
    except OSError as error:
        raise TableError(path, "must be readable", error.strerror or type(error).__name__) from None
    return _method_value(path, text, "PVM_DwGradDur"), _method_value(path, text, "PVM_DwGradSep")


def _method_value(path: Path, text: str, name: str) -> float:
    found = re.search(
        rf"^##\${name}=(?:\(\s*(\d+)\s*\)\s*\n)?\s*([-+.\deE \t\n]{{1,400}})", text, re.MULTILINE
    )
    try:
        values = {float(word) for word in found[2].split()} if found else set()
    except ValueError:
        values = set()
    if len(values) != 1 or not 0 < min(values) < 1000:
        raise TableError(path, "must hold one duration in ms", f"{len(values)} values", field=name)
    return values.pop()


def _files(folder: Path) -> Iterator[Path]:
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.resolve().is_relative_to(root) and path.name != "DICOMDIR":
            yield path


def _add_file(path: Path, piles: dict[str, _Pile]) -> bool:
    """Add one file to its series; False when it is no MR image that can be read."""
    from pydicom import dcmread
    from pydicom.filereader import read_file_meta_info

    try:
        if str(read_file_meta_info(path).get("TransferSyntaxUID", "")) == _DEFLATED:
            return False  # unpacks without bounds; nobody archives MR so
        data = dcmread(path, stop_before_pixels=True, defer_size=1 << 20)
        if str(data.get("Modality", "")) != "MR":
            return False
        pile = piles.setdefault(str(data.get("SeriesInstanceUID", "")), _new_pile(data))
        _add_images(data, pile)
    except Exception:  # whatever a broken file does to a parser
        return False
    return True


def _new_pile(data: Any) -> _Pile:
    number = number_of(data.get("SeriesNumber"))
    kind = [str(word).upper() for word in data.get("ImageType") or []]
    return _Pile(
        0 if np.isnan(number) else int(number),
        show_name(str(data.get("SeriesDescription", "") or data.get("ProtocolName", "")), 60),
        show_name(str(data.get("Manufacturer", "")), 40),
        "DERIVED" in kind,
    )


def _add_images(data: Any, pile: _Pile) -> None:
    frames = data.get("PerFrameFunctionalGroupsSequence")
    shared = (data.get("SharedFunctionalGroupsSequence") or [None])[0]
    pile.tr |= known(number_of(data.get("RepetitionTime")), deep_number(shared, "RepetitionTime"))
    pile.strength |= known(number_of(data.get("MagneticFieldStrength")))
    instance = number_of(data.get("InstanceNumber"))
    first = 0 if np.isnan(instance) else int(instance)
    if frames is None:
        pile.images.append(read_image(data, data, None, (first, 0)))
        return
    if len(frames) > MAX_FRAMES:
        raise ValueError(f"An image must have at most {MAX_FRAMES} frames. Given {len(frames)}.")
    for place, frame in enumerate(frames):
        pile.tr |= known(deep_number(frame, "RepetitionTime"))
        pile.images.append(read_image(data, frame, shared, (first, place)))


def _finish(folder: Path, pile: _Pile) -> Series:
    """Sort the images of a series into volumes: the k-th image at each slice position belongs to volume k."""
    stacks: dict[int, list[Image]] = {}
    for image in sorted(pile.images, key=lambda i: i.order):
        place = 0 if np.isnan(image.position) else round(image.position / _POSITION_MM)
        stacks.setdefault(place, []).append(image)
    counts = {len(stack) for stack in stacks.values()}
    name = f"series {pile.number} ({pile.description})"
    if len(counts) > 1:
        rule = "every slice must have as many images as the others: copy the series again"
        raise TableError(folder, rule, f"{min(counts)} to {max(counts)} images", field=name)
    volumes = [_volume(folder, name, images) for images in zip(*stacks.values(), strict=True)]
    tr, strength = (next(iter(v)) if len(v) == 1 else float("nan") for v in (pile.tr, pile.strength))
    return Series(
        pile.number, pile.description, pile.vendor, len(stacks), tuple(volumes), tr, strength, pile.derived
    )


def _volume(folder: Path, name: str, images: Sequence[Image]) -> Volume:
    for what in ("b", "te"):
        values = {round(getattr(image, what), 3) for image in images if not np.isnan(getattr(image, what))}
        if len(values) > 1:
            rule = "the slices of a volume must have one b and one TE: their numbers do not tell the volumes apart"
            raise TableError(folder, rule, f"{what} of {min(values):g} and {max(values):g}", field=name)
    times = [image.time for image in images if not np.isnan(image.time)]
    return Volume(images[0].b, images[0].te, min(times) if times else float("nan"))
