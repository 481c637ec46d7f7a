"""Where things are: the project's root and the folder of everything generated."""

import os
from pathlib import Path


def root() -> Path:
    """Return the project's root folder; `COMPENDIUM_ROOT` overrides the package's own location."""
    return Path(os.environ.get("COMPENDIUM_ROOT") or Path(__file__).resolve().parents[2])


def build() -> Path:
    """Return the folder of generated files; `COMPENDIUM_BUILD` overrides `<root>/build`."""
    return Path(os.environ.get("COMPENDIUM_BUILD") or root() / "build")
