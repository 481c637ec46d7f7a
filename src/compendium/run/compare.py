"""Runs of one chapter side by side: numbers with their intervals, differences, what the runs were told and given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from compendium.run.chapters import RequestError
from compendium.run.store import PUBLISHED, RunStore, named_runs

__all__ = [
    "Compared",
    "Number",
    "Row",
    "as_dict",
    "as_lines",
    "chapters_in_common",
    "compare_numbers",
    "differing_parameters",
    "read_run",
]

ENDS = (".lower", ".upper")
"""What the names of the ends of an interval end with."""
P_VALUE = ".p"


@dataclass(frozen=True)
class Compared:
    """One run of a chapter: its name, results and provenance."""

    run: str
    results: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def of_book(self) -> bool:
        """True for the published run, which no user made."""
        return self.run == PUBLISHED


@dataclass(frozen=True)
class Number:
    """A result of one run: value (None: not estimable), interval if it has one, evidence."""

    value: float | str | None
    interval: tuple[Any, Any] | None
    evidence: str


@dataclass(frozen=True)
class Row:
    """One result over the runs.

    Attributes
    ----------
    name, about, unit : of the result.
    numbers : one per run; None where a run has no such result.
    difference : between two runs of a user, second minus first; the largest one between more; None where fewer than
        two have a finite number, or their units differ.
    """

    name: str
    about: str
    unit: str
    numbers: tuple[Number | None, ...]
    difference: float | None


def read_run(run: str, chapter_id: str) -> Compared:
    """Read what a finished run of a chapter left.

    Raises
    ------
    RequestError : there is none.
    """
    store = RunStore(run)
    results, provenance = store.read_results(chapter_id), store.read_provenance(chapter_id)
    if results is None or provenance is None:
        raise RequestError(f'The run "{run}" has no finished results of {chapter_id}.')
    return Compared(run, results, provenance)


def chapters_in_common(runs: Sequence[str]) -> list[str]:
    """Return the ids of the chapters that all of some runs have finished.

    Raises
    ------
    RequestError : a run does not exist.
    """
    common: set[str] | None = None
    for run in runs:
        if run != PUBLISHED and run not in named_runs():
            known = ", ".join(named_runs()) or "none"
            raise RequestError(f'There is no run "{run[:60]}". There are: {known}.')
        folder = RunStore(run).folder / "provenance"
        found = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.glob("*/*.json")}
        common = found if common is None else common & found
    return sorted(common or set())


def compare_numbers(runs: Sequence[Compared]) -> list[Row]:
    """Lay the numbers of some runs beside each other, in the order of the first run that has them.

    The ends of an interval that are results of their own (``….lower``, ``….upper``) stand with their number.
    """
    names = list(dict.fromkeys(name for run in runs for name in run.results["results"]))
    rows = []
    for name in names:
        base = next((name.removesuffix(end) for end in ENDS if name.endswith(end)), None)
        if base in names and all(f"{base}{end}" in names for end in ENDS):
            continue
        numbers = tuple(_number(run, name) for run in runs)
        units = {run.results["results"][name]["unit"] for run in runs if name in run.results["results"]}
        first = next(run.results["results"][name] for run in runs if name in run.results["results"])
        own = [number for run, number in zip(runs, numbers, strict=True) if not run.of_book]
        comparable = len(units) == 1 and not name.endswith(P_VALUE)  # a difference of p-values says nothing
        difference = _difference(own) if comparable else None
        rows.append(Row(name, first.get("about", ""), " / ".join(sorted(units)), numbers, difference))
    return rows


def differing_parameters(runs: Sequence[Compared]) -> dict[str, tuple[Any, ...]]:
    """Return the parameters that are not the same in all runs, with their values; None where a run has none."""
    names = dict.fromkeys(name for run in runs for name in run.provenance.get("parameters", {}))
    found = {name: tuple(run.provenance.get("parameters", {}).get(name) for run in runs) for name in names}
    return {name: values for name, values in found.items() if len({repr(value) for value in values}) > 1}


def as_dict(runs: Sequence[Compared], chapter_id: str) -> dict[str, Any]:
    """Return a comparison in plain values, for machines."""
    return {
        "chapter": chapter_id,
        "runs": [{"run": run.run, "inputs": run.provenance.get("inputs", {})} for run in runs],
        "parameters": {name: list(values) for name, values in differing_parameters(runs).items()},
        "numbers": [
            {
                "name": row.name,
                "unit": row.unit,
                "difference": row.difference,
                "values": [None if n is None else asdict(n) for n in row.numbers],
            }
            for row in compare_numbers(runs)
        ],
    }


def as_lines(runs: Sequence[Compared], chapter_id: str) -> list[str]:
    """Return a comparison as lines of text: a header, parameters that differ, a line per result."""
    names = [run.run for run in runs]
    table = [["", *names, "difference"]]
    for name, values in differing_parameters(runs).items():
        table.append([f"-p {name}", *(str(value) for value in values), ""])
    for row in compare_numbers(runs):
        difference = "" if row.difference is None else f"{row.difference:.4g}"
        table.append([row.name, *(_words(number) for number in row.numbers), difference])
    widths = [max(len(line[i]) for line in table) for i in range(len(names) + 2)]
    return [
        chapter_id,
        *("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in table),
    ]


def _words(number: Number | None) -> str:
    if number is None:
        return "-"
    value = "not estimable" if number.value is None else _short(number.value)
    return value + (
        f" ({_short(number.interval[0])} to {_short(number.interval[1])})" if number.interval else ""
    )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(run: Compared, name: str) -> Number | None:
    known = run.results["results"]
    if name not in known:
        return None
    ends = [known.get(f"{name}{end}", {}).get("value") for end in ENDS]
    interval = (ends[0], ends[1]) if None not in ends else known[name].get("interval")
    return Number(
        known[name]["value"], tuple(interval) if interval else None, known[name].get("evidence", "none")
    )


def _difference(numbers: Sequence[Number | None]) -> float | None:
    values = [n.value for n in numbers if n is not None and isinstance(n.value, int | float)]
    if len(values) < 2 or len(values) < len(numbers):
        return None
    return values[1] - values[0] if len(values) == 2 else max(values) - min(values)
