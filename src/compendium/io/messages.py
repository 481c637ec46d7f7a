"""Values and names in messages: always one line, never longer than needed, without control characters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def silenced() -> Iterator[None]:
    """Keep what compiled libraries write to the error stream by themselves away from the person.

    What they mean is raised as an error, and said in one line.
    """
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def show(value: Any, limit: int = 60) -> str:
    """A value between quotes on one line, shortened, without control characters.

    Examples
    --------
    >>> show("two\\nlines"), show("x" * 100, 5)
    ("'two\\\\nlines'", "'xxxx…' (100 characters)")
    """
    text = str(value)
    line = show_name(text, limit)
    return f"'{line}'" + (f" ({len(text):,} characters)" if len(text) > limit else "")


def show_name(text: str, limit: int = 300) -> str:
    """Text on one line, shortened, without control characters."""
    head = text[:limit] if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in head)


def show_plain(value: Any, limit: int = 60) -> str:
    """A value as it stands in YAML: text in quotes; true, false and null; containers by their size.

    Examples
    --------
    >>> show_plain("a"), show_plain(True), show_plain(None), show_plain([1, 2]), show_plain(1.5)
    ("'a'", 'true', 'null', 'a list of 2', '1.5')
    """
    if isinstance(value, str):
        return f"'{show_name(value, limit)}'"
    if isinstance(value, (dict, list)):
        return f"{'a mapping' if isinstance(value, dict) else 'a list'} of {len(value)}"
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    return repr(value)[:limit]
