"""Numbers that describe a table of liver patients or tumours: who they are, and the two tumours a text shows.

The tables are those of `compendium.run.schemas.phenotype`; what a table does not hold is NaN.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from compendium.run.schemas.phenotype import name_primary

HISTOLOGY = ("f_histo", "vcs_histo_um", "cd_histo_per_mm2")
CANCERS = (
    "colon", "rectal", "melanoma", "breast", "gastric", "ovarian", "HCC", "renal", "endometrial", "ureteral",
    "thyroid",
)  # fmt: skip
NAN = float("nan")


def describe_patients(patients: pd.DataFrame) -> dict[str, float]:
    """Counts and ages of all patients, and of those with histology (names that end in ``.biopsied``).

    Returns
    -------
    dict
        ``patients.<cancer>``, ``age.mean``, ``age.sd``, ``age.median``, ``age.iqr``, ``sex.m``, ``sex.f``,
        ``scanner.low`` (1.5 T), ``scanner.high`` (3 T), ``treated``.

    Examples
    --------
    >>> table = pd.DataFrame({"patient": ["a", "b"], "primary": ["Colon", "HCC"], "age": [50, 70], "f_histo": [0.5, None]})
    >>> found = describe_patients(table)
    >>> found["patients.colon"], found["age.mean"], found["age.mean.biopsied"]
    (1, 60.0, 50.0)
    """
    present = [name for name in HISTOLOGY if name in patients]
    histology = patients[present].notna().any(axis=1)
    found: dict[str, float] = {}
    for end, rows in (("", patients), (".biopsied", patients[histology])):
        names = (
            rows["primary"].map(name_primary, na_action="ignore")
            if "primary" in rows
            else pd.Series(dtype=str)
        )
        found |= {f"patients.{c.lower()}{end}": int((names == c).sum()) for c in CANCERS}
        found |= {f"age.{key}{end}": value for key, value in _ages(rows).items()}
        for sex, letters in {"m": ("m", "h"), "f": ("f", "w")}.items():
            named = rows["sex"].str.strip().str.lower() if "sex" in rows else None
            found[f"sex.{sex}{end}"] = NAN if named is None else int(named.str.startswith(letters).sum())
    for key, start in {"low": "1.5", "high": "3"}.items():
        found[f"scanner.{key}"] = (
            int(patients["scanner"].str.strip().str.startswith(start).sum()) if "scanner" in patients else NAN
        )
    treated = patients["after_treatment"] == 1 if "after_treatment" in patients else None
    found["treated"] = NAN if treated is None else int(treated.sum())
    return found


def _ages(rows: pd.DataFrame) -> dict[str, float]:
    if "age" not in rows or not rows["age"].notna().any():
        return dict.fromkeys(("mean", "sd", "median", "iqr"), NAN)
    low, middle, high = np.nanquantile(rows["age"].to_numpy(dtype=float), [0.25, 0.5, 0.75])
    return {
        "mean": float(rows["age"].mean()), "sd": float(rows["age"].std(ddof=1)), "median": float(middle),
        "iqr": float(high - low),
    }  # fmt: skip


SHOWN = {
    "ki67": "f_ki67", "vcs_histo": "vcs_histo_um", "cd_histo": "cd_histo_per_mm2", "vcs_mri": "vcs_mri_um",
    "cd_mri": "cd_mri_per_mm3", "volume": "volume_mm3",
}  # fmt: skip


def describe_tumours(tumours: pd.DataFrame, patients: pd.DataFrame | None = None) -> dict[str, float]:
    """Primary cancers of the liver and metastases, and the two tumours that grussu2025 shows.

    Parameters
    ----------
    tumours : a table of tumours.
    patients : names the primary cancer where the tumours' table does not.

    Returns
    -------
    dict
        ``primary``, ``metastases``; ``ovarian.<metric>``, of the ovarian metastasis with most Ki-67, and
        ``hcc.<metric>``, of the hepatocellular carcinoma with least.

    Examples
    --------
    >>> table = pd.DataFrame({"patient": ["a", "b"], "primary": ["ovarian", "HCC"], "f_ki67": [0.2, 0.01]})
    >>> table["volume_mm3"] = [5, 9]
    >>> found = describe_tumours(table)
    >>> found["primary"], found["ovarian.volume"], found["hcc.ki67"]
    (1, 5.0, 0.01)
    """
    if "primary" in tumours:
        primary = tumours["primary"]
    elif patients is not None and "primary" in patients:
        primary = tumours["patient"].map(patients.set_index("patient")["primary"])
    else:
        primary = pd.Series(np.nan, index=tumours.index, dtype=object)
    name = primary.map(name_primary, na_action="ignore")
    known = bool(name.notna().any())
    found: dict[str, float] = {"primary": int((name == "HCC").sum()) if known else NAN}
    found["metastases"] = int(((name != "HCC") & name.notna()).sum()) if known else NAN
    for key, cancer, sign in (("ovarian", "ovarian", -1), ("hcc", "HCC", 1)):
        rows = tumours[(name == cancer) & tumours["f_ki67"].notna()] if "f_ki67" in tumours else tumours[:0]
        rows = (
            rows.iloc[np.argsort(sign * rows["f_ki67"].to_numpy(dtype=float), kind="stable")]
            if len(rows)
            else rows
        )
        for short, column in SHOWN.items():
            found[f"{key}.{short}"] = float(rows[column].iloc[0]) if len(rows) and column in rows else NAN
    return found
