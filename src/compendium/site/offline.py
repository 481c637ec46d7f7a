"""What makes the site work without a network: MathJax beside the pages, and a search for other addresses."""

import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

from compendium.site.errors import SiteError

MATHJAX_FILES = ("tex-chtml.js", "output/chtml/fonts/woff-v2")
EXTERNAL = re.compile(
    r"""<(?:script|img|iframe|audio|video|source|embed)\b[^>]*?\bsrc\s*=\s*["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b(?=[^>]*\brel\s*=\s*["']?(?:stylesheet|preload|icon|shortcut|modulepreload|preconnect))[^>]*?\bhref\s*=\s*["']?((?:https?:)?//[^"'\s>]+)""",
    re.IGNORECASE,
)


def copy_mathjax(html: Path) -> None:
    """Copy the part of MathJax that the pages use (1.6 of 24 MB) to `_static/mathjax`.

    Raises
    ------
    SiteError : the package sphinx-mathjax-offline is not installed.
    """
    source = mathjax_folder()
    target = html / "_static" / "mathjax"
    for name in MATHJAX_FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / name, target / name)


def mathjax_folder() -> Path:
    """Return the folder of MathJax inside the installed package sphinx-mathjax-offline."""
    try:
        files = metadata.files("sphinx-mathjax-offline") or []
    except metadata.PackageNotFoundError:
        raise SiteError(
            f"Formulas need the package sphinx-mathjax-offline. It is not installed in {sys.prefix}."
        ) from None
    script = next((file for file in files if str(file).endswith("/mathjax/tex-chtml.js")), None)
    if script is None:
        raise SiteError("sphinx-mathjax-offline holds mathjax/tex-chtml.js. This version does not.")
    return Path(str(script.locate())).parent


def external_requests(page: str) -> list[str]:
    """Return the addresses that a page would load from elsewhere (links that a reader may click are not).

    >>> external_requests('<script src="https://x.org/a.js"></script><a href="https://x.org">x</a>')
    ['https://x.org/a.js']
    """
    return [first or second for first, second in EXTERNAL.findall(page)]
