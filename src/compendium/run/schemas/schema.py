"""What a kind of handed-in table is declared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from compendium.io.tables import Table
from compendium.run.columns import Field, Problem

Check = Callable[[pd.DataFrame, Table], Iterator[Problem]]


@dataclass(frozen=True)
class Schema:
    """What a table must hold.

    Attributes
    ----------
    name, about : str
        Its name, and what a row is.
    fields : tuple of Field
        Columns with a fixed name.
    patterns : tuple of Field
        Columns named by `<prefix>_<name>`; at least one of each is needed when `required`.
    checks : tuple of callables (DataFrame, Table) -> problems
        Rules across rows and columns, tried when every cell is right.
    examples : tuple of dict
        Rows of a valid table, by column name; the first one gives the template its header.
    kind : str
    """

    name: str
    about: str
    fields: tuple[Field, ...]
    patterns: tuple[Field, ...] = ()
    checks: tuple[Check, ...] = ()
    examples: tuple[dict[str, str], ...] = ()
    kind: str = "table"
