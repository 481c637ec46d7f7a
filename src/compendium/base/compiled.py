"""Compiled loops: numba's `njit` with its cache in the project's folder of generated files.

The cache outlives the process, so that only the very first call on a machine compiles. Its folder is
`NUMBA_CACHE_DIR` when set, else `<build>/home/numba`, the same as in executed chapters. Below it stands a folder
per state of the compiled sources: numba looks at the file of a function only, not at those of the functions it
calls, and would go on using their old code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from compendium.paths import build

Function = TypeVar("Function", bound=Callable[..., Any])

os.environ.setdefault("NUMBA_CACHE_DIR", str(build() / "home" / "numba"))
import numba  # noqa: E402 - reads NUMBA_CACHE_DIR when it is imported


def source_state(package: Path) -> str:
    """Digest of the package's modules that hold compiled functions."""
    digest = hashlib.sha256()
    for path in sorted(package.glob("*/*.py")):
        source = path.read_bytes()
        if b"\n@compiled" in source:
            digest.update(path.name.encode() + source)
    return digest.hexdigest()[:12]


_settings: Any = numba.config
_settings.CACHE_DIR = str(
    Path(os.environ["NUMBA_CACHE_DIR"]) / source_state(Path(__file__).resolve().parents[1])
)


def compiled(function: Function) -> Function:
    """Compile a function for scalar loops: cached, without the interpreter lock, with IEEE arithmetic.

    Fused multiply-add is allowed (``contract``), nothing that would change what NaN or infinity mean; the
    same input gives the same bits on one type of CPU.
    """
    make: Any = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
    return make(function)
