"""The recorder: what a chapter reads, derives, draws and says, with evidence derived from what it touched.

A notebook opens its chapter once, takes printed numbers and tables from it, derives results, and saves. Everything that
is later checked, quoted in prose or shown on a page comes from here.
"""

import html
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from compendium import paths
from compendium.evidence.assess import Assessment, assess
from compendium.evidence.claims import Claim, Study, load_study
from compendium.evidence.labels import DATA_PREFIX
from compendium.evidence.quantity import Quantity, data_root, derive, is_number, printed_root
from compendium.evidence.references import DEFAULT_TOLERANCES
from compendium.run.display import add_watermark, agreement_frame, frame_to_html, save_figure, show, write_csv
from compendium.run.theme import use_theme

_NAME = re.compile(r"[a-z0-9][A-Za-z0-9_.-]*")
_FIELD = re.compile(r"\{([A-Za-z_][\w.-]*|[a-z0-9][\w.-]*)(?::([^{}]*))?\}")
NOT_ESTIMABLE = "not estimable"


def open_chapter(chapter_id: str, inputs: Mapping[str, str] | None = None) -> "Chapter":
    """Open a chapter for recording.

    Parameters
    ----------
    chapter_id : `study/NN_question`.
    inputs : input name → path as the parameter holds it; an empty path means that nothing was handed in.

    Returns
    -------
    Chapter. Results go to the runner's folder, or to `build/plain/<chapter>` when the notebook runs without it.
    """
    use_theme()
    return Chapter(chapter_id, {k: v for k, v in (inputs or {}).items() if v})


class Chapter:
    """A chapter while it runs. `chapter[name]` is a recorded result."""

    def __init__(self, chapter_id: str, inputs: dict[str, str]) -> None:
        self.id = chapter_id
        self.study_id = chapter_id.split("/")[0]
        self.inputs = inputs
        self._studies: dict[str, Study] = {}
        self._quantities: dict[str, Quantity] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        self._claims_read: dict[str, list[Any]] = {}
        self._data_read: dict[str, str | None] = {}
        self._figures: dict[str, dict[str, Any]] = {}
        self._tables: dict[str, dict[str, Any]] = {}
        self._files: dict[str, str] = {}

    @property
    def is_user_run(self) -> bool:
        """True when a table or volume was handed in."""
        return bool(self.inputs)

    @property
    def folder(self) -> Path:
        """Where results and figures are written."""
        return Path(os.environ.get("COMPENDIUM_RESULTS") or paths.build() / "plain" / self.id)

    def __getitem__(self, name: str) -> Quantity:
        return self._quantities[name]

    def __contains__(self, name: str) -> bool:
        return name in self._quantities

    # What a chapter reads

    def claim(self, name: str) -> Claim:
        """Return a claim of this chapter's study, or of another one by `study/name`.

        Raises
        ------
        KeyError : no such claim.
        """
        claim_id = name if "/" in name else f"{self.study_id}/{name}"
        study_id = claim_id.split("/")[0]
        if study_id not in self._studies:
            self._studies[study_id] = load_study(paths.root() / "data" / "claims" / f"{study_id}.yaml")
        if claim_id not in self._studies[study_id].claims:
            raise KeyError(
                f'A printed number must be a claim. Given "{name}"; data/claims/{study_id}.yaml has none.'
            )
        return self._studies[study_id].claims[claim_id]

    def printed(self, name: str) -> Quantity:
        """Return a printed number with the interval that its digits admit, and remember that it was read."""
        claim = self.claim(name)
        self._claims_read[claim.id] = claim.content
        return printed_root(claim.id, claim.interval.centre, claim.interval.bounds(), claim.unit)

    def input(self, name: str) -> Quantity:
        """Return what was handed in, evidence "user": a validated table, or the path of a file of another kind."""
        from compendium.run.chapters import find_chapter
        from compendium.run.inputs import validate
        from compendium.run.readings import load_readings

        declared = find_chapter(self.id).inputs[name]
        path = self.inputs[name]
        if declared.kind != "table":
            return data_root(f"input:{name}", Path(path), "user")
        reading = load_readings(self.folder / "figures").get(name)
        value = validate(path, declared.schema, reading, name)
        return data_root(f"input:{name}", value, "user")

    def author_table(self, dataset: str, schema: str) -> Quantity | None:
        """Return a table that the authors published, or None while its file is not below `build/data/`.

        Parameters
        ----------
        dataset : id in `data/manifest.yaml`, which names the file and the evidence that it carries.
        schema : the declaration in `compendium.run.schemas` that maps its columns.

        Raises
        ------
        AuthorDataError : its sha256 is not the manifest's, or the schema refuses it; one line.

        Notes
        -----
        What was found, or not, is remembered: a file that arrives, changes or goes makes the chapter stale. Record the
        same result names with and without the file: claims that are `not-obtained` and point to a result are scored as
        soon as that result uses the authors' table.
        """
        from compendium.run.author_data import find_entry, read_table

        table, self._data_read[dataset] = read_table(dataset, schema)
        if table is None:
            return None
        return data_root(f"{DATA_PREFIX}{dataset}", table, find_entry(dataset).evidence)

    def simulated(self, name: str, value: Any) -> Quantity:
        """Return the outcome of an independent simulation as a source; only claims about methods are scored by it."""
        return data_root(f"simulated:{name}", value, "simulated")

    def illustration(self, name: str, value: Any) -> Quantity:
        """Return a synthetic cohort as a source; nothing that follows from it is ever scored."""
        return data_root(f"illustration:{name}", value, "illustration")

    # What it derives

    def derive(
        self,
        name: str,
        function: Callable[..., Any],
        *sources: Quantity,
        unit: str = "1",
        about: str = "",
        probe: bool = True,
        precision: str = "exact",
        **constants: Any,
    ) -> Quantity:
        """Compute `function(*values, **constants)` and record it; see `compendium.evidence.quantity.derive`.

        Parameters
        ----------
        name : dotted lower-case name, unique in the chapter.
        function : pure function of the sources' values.
        sources : the quantities it is computed from.
        unit : unit of the result; "1" for a pure number.
        about : one line of words for readers of the results file.
        probe : check that the value depends on its printed sources; False for costly functions.
        precision : "exact", "iterative" or "resampled": the class of tolerance its stored reference starts with.
        constants : further arguments, which are no evidence.

        Returns
        -------
        Quantity. Numbers are recorded as results; tables and arrays are intermediates, kept by name only.

        Raises
        ------
        ValueError : the name is taken or malformed, or the precision is not one of the three.
        """
        self._check_new(name, precision)
        made = derive(name, _with_constants(function, constants), sources, unit, probe)
        self._quantities[name] = made
        if is_number(made.value):
            self._entries[name] = {**_entry(made), "about": about, "precision": precision}
        return made

    def _check_new(self, name: str, precision: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f'A result name is dotted lower case. Given "{name}".')
        if name in self._quantities:
            raise ValueError(f'A result is recorded once. Given "{name}" again.')
        if precision not in DEFAULT_TOLERANCES:
            raise ValueError(f'Precision is one of {", ".join(DEFAULT_TOLERANCES)}. Given "{precision}".')

    def route(
        self, name: str, label: str, function: Callable[..., Any], *sources: Quantity, **constants: Any
    ) -> Quantity:
        """Add a second way to a recorded result: a claim that points to it is judged by every route."""
        made = derive(name, _with_constants(function, constants), sources, self._quantities[name].unit)
        self._entries[name].setdefault("routes", []).append({"label": label, **_entry(made)})
        return made

    def tension(self, name: str, probability: tuple[float, float], assumptions: str) -> None:
        """State how probable a printed value is, as a range over stated assumptions."""
        self._entries[name]["tension"] = {"probability": list(probability), "assumptions": assumptions}

    # What it says and shows

    def text(self, template: str, markup: bool = True, **words: Any) -> str:
        """Fill `{name:format}` fields from results, then from keyword arguments.

        Text arguments are escaped for Markdown, unless `markup` is False.
        """

        def fill(match: re.Match[str]) -> str:
            name, spec = match[1], match[2] or ""
            if name in self._quantities:
                return _format(self._quantities[name].value, spec)
            if name in words:
                plain = isinstance(words[name], str) and not markup
                return words[name] if plain else _format(words[name], spec)
            raise KeyError(f'Text quotes results by name. "{name}" is neither a result nor an argument.')

        return _FIELD.sub(fill, template)

    def say(self, template: str, **words: Any) -> None:
        """Show a paragraph of Markdown whose numbers come from results."""
        text = self.text(template, **words)
        show({"text/markdown": text, "text/plain": text}, {})

    def figure(
        self,
        figure: Any,
        name: str,
        data: pd.DataFrame,
        caption: str,
        alt: str,
        watermark: str = "",
        **words: Any,
    ) -> None:
        """Save a matplotlib figure (SVG, PNG, PDF) with the table it shows (CSV) and display it; one per cell.

        `watermark` is written across figures of synthetic cohorts.

        Raises
        ------
        ValueError : the name is taken, or the alternative text is empty.
        """
        caption, alt = self.text(caption, **words), self.text(alt, markup=False, **words)
        if name in self._figures or not alt.strip():
            raise ValueError(f'A figure has a new name and an alternative text. Given "{name}", "{alt}".')
        if watermark:
            add_watermark(figure, watermark)
        svg = save_figure(figure, data, self.folder / "figures", name)
        self._figures[name] = {
            "caption": caption, "alt": alt, "files": {k: f"{name}.{k}" for k in ("svg", "png", "pdf", "csv")},
        }  # fmt: skip
        meta = {"name": name, "caption": caption, "alt": alt, "csv": f"{name}.csv"}
        show({"image/svg+xml": svg, "text/plain": alt}, {"compendium": {"figure": meta}})

    def table(
        self,
        frame: pd.DataFrame,
        name: str,
        caption: str,
        formats: Mapping[str, str] | None = None,
        ranges: Mapping[str, tuple[str, str]] | None = None,
        columns: Sequence[str] | None = None,
        **words: Any,
    ) -> None:
        """Show a table and save it as CSV; one per cell.

        `columns` shows some of the columns; the CSV keeps all.

        `formats` gives a format by column ("3s": three significant digits); `ranges` shows two columns as one,
        "lower–upper", under a new name; the CSV keeps both.
        """
        if name in self._tables:
            raise ValueError(f'A table is shown once. Given "{name}" again.')
        caption = self.text(caption, **words)
        (self.folder / "figures").mkdir(parents=True, exist_ok=True)
        write_csv(frame, self.folder / "figures" / f"{name}.csv")
        self._tables[name] = {"caption": caption, "csv": f"{name}.csv"}
        meta = {"name": name, "caption": caption, "csv": f"{name}.csv"}
        shown = frame_to_html(frame[list(columns or frame.columns)], formats or {}, caption, ranges)
        show(
            {"text/html": shown, "text/plain": frame.to_string(index=False)}, {"compendium": {"table": meta}}
        )

    def write(self, file: str, writer: Callable[[Path], object], about: str, **words: Any) -> Path:
        """Write a file that leaves with the results (NIfTI, a transform, a table) and say what it is; one per cell.

        Parameters
        ----------
        file : its name, without a folder.
        writer : called with the path to write to; must write the same bytes for the same content.
        about : what it holds, one line of Markdown; fields are filled as in `text`.

        Raises
        ------
        ValueError : the name holds a folder, is hidden or is taken.
        """
        if Path(file).name != file or file.startswith(".") or file in self._files:
            raise ValueError(f'A written file has a new name without a folder. Given "{file}".')
        about = self.text(about, **words)
        target = self.folder / "figures" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        writer(target)
        self._files[file] = about
        meta = {"name": file, "about": about, "bytes": target.stat().st_size}
        show({"text/plain": f"{file}: {about}"}, {"compendium": {"file": meta}})
        return target

    def assessments(self) -> list[Assessment]:
        """Judge every claim that points to a recorded result of this chapter, in the order of the claims file."""
        prefix = f"{self.id}#"
        claims = [c for c in self._load_claims().values() if c.result and c.result.startswith(prefix)]
        return [assess(c, self._entries.get(str(c.result).removeprefix(prefix))) for c in claims]

    def _load_claims(self) -> dict[str, Claim]:
        if self.study_id not in self._studies:
            self._studies[self.study_id] = load_study(
                paths.root() / "data" / "claims" / f"{self.study_id}.yaml"
            )
        return self._studies[self.study_id].claims

    def agreement(self, name: str = "tab-agreement") -> None:
        """Show the table of printed and computed numbers with yardstick, evidence and status."""
        frame = agreement_frame(self.assessments())
        self.table(
            frame, name, "Printed and computed numbers, the interval they are compared by, and the status."
        )

    def save(self) -> None:
        """Write the results file; the last thing a chapter does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {
            "chapter": self.id,
            "inputs": sorted(self.inputs),
            "claims_read": dict(sorted(self._claims_read.items())),
            "data_read": dict(sorted(self._data_read.items())),
            "results": self._entries,
            "figures": self._figures,
            "tables": self._tables,
            "files": self._files,
        }
        target = self.folder / "results.json"
        scratch = target.with_suffix(".tmp")
        scratch.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        scratch.replace(target)


def _with_constants(function: Callable[..., Any], constants: dict[str, Any]) -> Callable[..., Any]:
    return (lambda *values: function(*values, **constants)) if constants else function


def _plain(value: Any) -> float | int | str | None:
    """Return a number as JSON can hold it: integers stay integers, infinities become words, not-a-number null."""
    number = float(value)
    if math.isnan(number):
        return None
    if math.isinf(number):
        return "infinity" if number > 0 else "-infinity"
    return int(value) if isinstance(value, int) else number


def _entry(made: Quantity) -> dict[str, Any]:
    interval = None if made.interval is None else [_plain(v) for v in made.interval]
    if interval is not None and None in interval:
        interval = None
    return {
        "value": _plain(made.value), "interval": interval, "unit": made.unit,
        "evidence": made.evidence, "uses": made.uses,
    }  # fmt: skip


def _format(value: Any, spec: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOT_ESTIMABLE
    if isinstance(value, str):
        return re.sub(r"([\\`*_{}\[\]$|])", r"\\\1", html.escape(value, quote=False))
    if spec and spec[-1] == "p":
        return format_p(float(value))
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return format(value, spec).replace("-", "−") if spec else _shortest(value)


def _shortest(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text.replace("-", "−")


def format_p(p: float) -> str:
    """Return a p-value for prose: two significant digits, powers of ten for tiny ones.

    >>> format_p(0.0312), format_p(1.6e-11), format_p(1.0)
    ('0.031', '1.6 × 10⁻¹¹', '1')
    """
    if p == 0 or p >= 0.0001:
        return f"{p:.2g}"
    mantissa, exponent = f"{p:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
