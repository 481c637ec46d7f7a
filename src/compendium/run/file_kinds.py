"""Kinds of inputs that are files, or folders of files, rather than tables: what each is, and a first look at it.

The look comes before a kernel starts. It raises `TableError` (one line: file, rule, value) for what no chapter could
use, and returns sentences on how the file was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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


FILE_KINDS: dict[str, FileKind] = {
    "image": FileKind("a NIfTI image, three- or four-dimensional", _look_at_image),
    "protocol": FileKind(
        "a diffusion protocol: 3 × M text, .bval with .gdur/.gsep, or FSL files with JSON", _look_at_protocol
    ),
}
