"""Compiled loops: numba's `njit` with its cache in the project's folder of generated files.

The cache outlives the process, so that only the very first call on a machine compiles. Its folder is
`NUMBA_CACHE_DIR` when set, else `<build>/home/numba`, the same as in executed chapters.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from compendium.paths import build

Function = TypeVar("Function", bound=Callable[..., Any])

os.environ.setdefault("NUMBA_CACHE_DIR", str(build() / "home" / "numba"))
import numba  # noqa: E402 - reads NUMBA_CACHE_DIR when it is imported

if not numba.config.CACHE_DIR:
    numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]


def compiled(function: Function) -> Function:
    """Compile a function for scalar loops: cached, without the interpreter lock, with IEEE arithmetic.

    Fused multiply-add is allowed (``contract``), nothing that would change what NaN or infinity mean; the
    same input gives the same bits on one type of CPU.
    """
    return numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function)
