"""What the text of grussu2025 says of single cases and pairs: targets for the invented cases, and where to find them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from compendium.cohorts.grussu_cases import Pair
from compendium.statistics.printed_correlations import correlation_from_p

LIVERS = {"control": "control", "normal": r"pat_?na", "necrosis": r"nec", "infiltrated": r"infl"}
"""Kind of liver → what its printed name holds."""
PATIENTS = ("ovarian", "hcc")
"""The two patients whose values are printed, by their primary cancer."""


def printed_targets(printed: Callable[[str], float]) -> tuple[dict[Pair, float], dict[str, dict[str, float]]]:
    """Correlations and patients that the illustration keeps, from a function that gives the value of a claim.

    The two correlations of the score are taken so that they give its printed p and their sum the printed score.
    """
    histology = ("f", "vcs", "cd")
    keep: dict[Pair, float] = {("cd", "cd_histo"): printed("t1-cd-r")}
    keep[("f", "f_histo")] = correlation_from_p(printed("t1-f-p"), printed("cases"))
    keep[("vcs", "vcs_histo")] = printed("tcs") - keep[("f", "f_histo")]
    keep |= {(x, f"{m}_histo"): printed(f"t1-{x}-{m}-r") for x in ("adc", "k") for m in histology}
    keep |= {("cd", "vcs"): printed("cd-vcs-mri-r"), ("cd_histo", "vcs_histo"): printed("cd-vcs-histo-r")}
    columns = {"vcs_histo": "vcs-histo", "cd_histo": "cd-histo", "vcs": "vcs-mri", "cd": "cd-mri"}
    patients = {
        who: {column: printed(f"{who}-{name}") for column, name in columns.items()} for who in PATIENTS
    }
    return keep, patients


def livers_of(table: pd.DataFrame) -> pd.DataFrame:
    """Rows whose group says mouse."""
    if "group" not in table:
        return table.iloc[:0]
    return table[table["group"].astype(str).str.contains("mouse|mice", case=False)]


def count_livers(table: pd.DataFrame, kind: str) -> float:
    """Livers whose name or phenotype is of a kind of `LIVERS`; not-a-number where no row is a liver.

    Examples
    --------
    >>> count_livers(pd.DataFrame({"case": ["Control", "Pat_nec"], "group": ["mouse", "mouse"]}), "necrosis")
    1.0
    """
    own = livers_of(table)
    if own.empty:
        return float("nan")
    words = own["case"].astype(str)
    if "phenotype" in own:
        words = words + " " + own["phenotype"].fillna("").astype(str)
    return float(words.str.contains(LIVERS[kind], case=False).sum())
