"""How maps are called and described: the public fitter's names, BIDS-derivative names, sidecars."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compendium import __version__
from compendium.base.validation import check_choice

BIDS_VERSION = "1.10.0"
NAMINGS = ("fitter", "bids", "both")


@dataclass(frozen=True)
class MapKind:
    """A map: suffix of the public fitter, BIDS ``param`` label, unit and description."""

    suffix: str
    label: str
    unit: str
    description: str
    dtype: str = "float32"
    background: float = float("nan")


def stem_of(path: str | Path) -> str:
    """Name of an image without its extensions and its BIDS suffix.

    Examples
    --------
    >>> stem_of("sub-01_ses-2_dwi.nii.gz"), stem_of("liver.nii")
    ('sub-01_ses-2', 'liver')
    """
    name = re.sub(r"\.nii(\.gz)?$", "", Path(path).name, flags=re.IGNORECASE)
    return re.sub(r"_dwi$", "", name) if name.startswith("sub-") else name


def bids_name(stem: str, model: str, label: str, suffix: str = "dwimap") -> str:
    """Derivative name after BEP 016: ``<entities>_model-<model>_param-<label>_<suffix>``.

    BEP 016 is about diffusion; for perfusion and cellularity, which have no such proposal, the same pattern is used with
    the suffixes `perfmap` and `cellmap`.

    Examples
    --------
    >>> bids_name("sub-01", "Diff-in-ex", "vCS")
    'sub-01_model-diffinex_param-vCS_dwimap'
    >>> bids_name("liver scan", "kurtosis", "ADC")
    'sub-liverscan_model-kurtosis_param-ADC_dwimap'
    """
    plain = re.sub(r"[^0-9a-z]", "", model.casefold())
    start = stem if stem.startswith("sub-") else "sub-" + (re.sub(r"[^0-9A-Za-z]", "", stem) or "01")
    return f"{start}_model-{plain}_param-{re.sub(r'[^0-9A-Za-z]', '', label)}_{suffix}"


def write_names(
    written: Mapping[str, Path],
    kinds: Mapping[str, MapKind],
    stem: str,
    model: str,
    naming: str,
    about: Mapping[str, Any],
) -> dict[str, Path]:
    """Give the written maps their final names with a JSON sidecar each; return the main name by key."""
    check_choice(naming, NAMINGS, "naming")
    final = {}
    for key, path in written.items():
        kind = kinds[key]
        fitter = path.with_name(f"{stem}{kind.suffix}.nii.gz")
        bids = path.with_name(f"{bids_name(stem, model, kind.label)}.nii.gz")
        names = {"fitter": [fitter], "bids": [bids], "both": [fitter, bids]}[naming]
        text = json.dumps(
            {"Description": kind.description, "Units": kind.unit, **about}, indent=1, ensure_ascii=False
        )
        for name in names:  # before the map: a map of this name is never without its description
            sidecar = name.with_name(name.name.removesuffix(".nii.gz") + ".json")
            sidecar.write_text(text + "\n", encoding="utf-8")
        path.replace(names[0])
        for extra in names[1:]:
            _link(names[0], extra)
        final[key] = names[0]
    return final


def add_bids_name(path: Path, stem: str, model: str, label: str, suffix: str) -> Path:
    """Give a written map and its sidecar a second, BIDS-derivative name; no copy where the disk can link."""
    target = path.with_name(f"{bids_name(stem, model, label, suffix)}.nii.gz")
    for extension in (".nii.gz", ".json"):
        _link(
            path.with_name(path.name.removesuffix(".nii.gz") + extension),
            target.with_name(target.name.removesuffix(".nii.gz") + extension),
        )
    return target


def describe_dataset(folder: Path, method: str) -> None:
    """Write `dataset_description.json`: the folder is a BIDS derivative, made by the methods it lists.

    A description that somebody else wrote is left alone.
    """
    path = folder / "dataset_description.json"
    own = {"Name": "compendium", "Version": __version__, "Description": f"compendium maps {method}"}
    content: dict[str, Any] = {
        "Name": "Maps made by the compendium",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [],
    }
    if path.is_file():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["Name"] != content["Name"]:
                return
            content["GeneratedBy"] = [
                g for g in found["GeneratedBy"] if g.get("Description") != own["Description"]
            ]
        except (ValueError, LookupError, TypeError, AttributeError):
            return
    content["GeneratedBy"].append(own)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
