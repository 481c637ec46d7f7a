"""The words of the evidence rule: how strong a source is, and what may be concluded from it."""

from collections.abc import Iterable

STRENGTH = (
    "author-data",
    "author-code",
    "independent-data",
    "internal",
    "simulated",
    "illustration",
    "user",
    "none",
)
"""Where a computed number can come from, strongest first."""

NEVER_COMPUTED = ("setting", "not-obtained", "unavailable")
"""Labels of claims for which no number of ours exists."""

SCORED = frozenset({"author-data", "author-code", "independent-data", "internal", "simulated"})
REPRODUCES = frozenset({"author-data", "independent-data"})
STATUSES = ("reproduced", "consistent", "tension", "inconsistent", "not testable", "not scored")

MEANING = {
    "author-data": "recomputed from tables that the authors published",
    "author-code": "computed by the authors' public code at a stated commit, which need not be the version they used",
    "independent-data": "computed from other people's open data",
    "internal": "follows from other numbers that the paper prints: internal consistency, not reproduction",
    "simulated": "an independent simulation of physics or method; says nothing about a cohort's number",
    "illustration": "a synthetic cohort made to look like the printed statistics: shows a method, proves nothing",
    "user": "computed from a table that was handed in for this run",
    "none": "does not depend on any source",
    "setting": "a printed constant that is used, not tested",
    "not-obtained": "public, but not available here",
    "unavailable": "needs data that nobody has published",
}

DATA_PREFIX = "data:"
"""Names of published data sets among what a result uses: `data:<id in the manifest>`."""


def uses_published_data(uses: Iterable[str]) -> bool:
    """Tell whether a result was computed from a data set that is fetched or handed in, and never committed.

    >>> uses_published_data(["toy2025/tp", "data:toy2025-s1"]), uses_published_data(["toy2025/tp"])
    (True, False)
    """
    return any(use.startswith(DATA_PREFIX) for use in uses)


def weakest(labels: list[str]) -> str:
    """Return the weakest of some evidence labels; "none" for an empty list.

    >>> weakest(["author-data", "internal"]), weakest([])
    ('internal', 'none')
    """
    return max(labels, key=STRENGTH.index, default="none")


def is_stronger(stated: str, derived: str) -> bool:
    """Tell whether a stated label claims more than the derived one.

    >>> is_stronger("author-data", "internal"), is_stronger("internal", "internal")
    (True, False)
    """
    return STRENGTH.index(stated) < STRENGTH.index(derived)
