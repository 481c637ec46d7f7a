"""Tables that authors published: found below `build/data/`, held against hash and schema, never committed.

A chapter asks for one through `Chapter.author_table`. What it found is remembered with its results, so that a table
that arrives, changes or goes makes the chapter stale.
"""

from pathlib import Path

import pandas as pd

from compendium import paths
from compendium.io.fetch import find_dataset
from compendium.io.manifest import Dataset, load_manifest
from compendium.io.tables import TableError
from compendium.run.inputs import validate
from compendium.run.staleness import hash_file


class AuthorDataError(ValueError):
    """A published table cannot be used as it lies in the data folder; one line."""


def find_entry(dataset: str) -> Dataset:
    """Return a data set of the manifest.

    Raises
    ------
    KeyError : the manifest has none of this id.
    """
    known = {entry.id: entry for entry in load_manifest(paths.root() / "data" / "manifest.yaml")}
    if dataset not in known:
        raise KeyError(f'A published table is a data set of data/manifest.yaml. It has no "{dataset}".')
    return known[dataset]


def data_file(dataset: str) -> Path:
    """Return where the file of a data set belongs: below `build/data/`, whether it is there or not."""
    return paths.build() / "data" / find_entry(dataset).file


def data_stamp(dataset: str) -> str | None:
    """Return the sha256 of a data set's file, None while it is absent or the manifest does not know it any more."""
    try:
        path = data_file(dataset)
    except KeyError:
        return None
    return hash_file(path) if path.is_file() else None


def describe_changes(read: dict[str, str | None]) -> str | None:
    """Return in words how published tables differ from those that a chapter read, or None.

    Parameters
    ----------
    read : data set → sha256 that the chapter found, None where there was no file.
    """
    words = []
    for dataset, old in read.items():
        new = data_stamp(dataset)
        if new != old:
            words.append(f"{dataset} {'is here now' if not old else 'changed' if new else 'is gone'}")
    return f"{', '.join(words)}: run it again" if words else None


def read_table(dataset: str, schema: str) -> tuple[pd.DataFrame | None, str | None]:
    """Return a published table as its schema reads it, and its sha256; (None, None) while its file is absent.

    Raises
    ------
    AuthorDataError : another sha256 than the manifest's, or a table that the schema refuses.
    KeyError : the manifest has no such data set.
    """
    entry = find_entry(dataset)
    found = find_dataset(entry, paths.build() / "data")
    if found is None:
        return None, None
    if not found.ok or found.path is None or found.sha256 is None:
        raise AuthorDataError(found.message)
    try:
        return validate(found.path, schema), found.sha256
    except TableError as error:
        where = f'the table "{schema}" in src/compendium/run/schemas'
        raise AuthorDataError(
            f"{error} (the published headers were not seen when this was written: {where} maps them)"
        ) from None
