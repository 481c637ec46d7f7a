"""Compiled loops: numba's `njit` with its cache in the project's folder of generated files.

The cache outlives the process, so that only the very first call on a machine compiles. Its folder is
`NUMBA_CACHE_DIR` when set, else `<build>/home/numba`, the same as in executed chapters. Below it stands a folder
per package and state of its compiled sources: numba looks at the file of a function only, not at those of the functions it
calls, and would go on using their old code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from compendium.paths import build

Function = TypeVar("Function", bound=Callable[..., Any])

os.environ.setdefault("NUMBA_CACHE_DIR", str(build() / "home" / "numba"))
import numba  # noqa: E402 - reads NUMBA_CACHE_DIR when it is imported

_settings: Any = numba.config


@cache
def source_state(folder: Path) -> str:
    """Digest of the modules of a folder that hold compiled functions, and of this one."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(folder.glob("*.py")):
        source = path.read_bytes()
        if b"\n@compiled" in source:
            digest.update(path.name.encode() + source)
    return digest.hexdigest()[:12]


def compiled(function: Function) -> Function:
    """Compile a function for scalar loops: cached, without the interpreter lock, with IEEE arithmetic.

    Fused multiply-add is allowed (``contract``), nothing that would change what NaN or infinity mean; the
    same input gives the same bits on one type of CPU. A function may call compiled functions of its own package.
    """
    folder = Path(function.__code__.co_filename).parent
    _settings.CACHE_DIR = str(Path(os.environ["NUMBA_CACHE_DIR"]) / f"{folder.name}-{source_state(folder)}")
    make: Any = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
    return make(function)
