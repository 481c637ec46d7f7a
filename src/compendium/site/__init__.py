"""The book: assembled from prose, executed notebooks and generated pages, rendered once, served offline."""

from typing import Any

from compendium.site.errors import SiteError

__all__ = ["SiteError", "build_site", "serve"]


def __getattr__(name: str) -> Any:
    """Load the builder and the server when they are first asked for."""
    if name == "build_site":
        from compendium.site.build import build_site

        return build_site
    if name == "serve":
        from compendium.site.serve import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
