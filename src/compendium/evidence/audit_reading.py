"""Statements as they are handed in, and outcomes as they come out: what every check of the audit reads and returns."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from compendium.evidence.feasibility.verdict import Verdict
from compendium.evidence.yardstick import PrintedInterval, parse_printed

SHOWN_SOLUTIONS = 12


@dataclass(frozen=True)
class Statement:
    """Printed numbers that belong together: an id, a place in the paper, a kind, and strings by field."""

    id: str
    kind: str
    values: Mapping[str, Any]
    where: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one check of a statement gives.

    `status` is "consistent", "tension" (it fits only under a less usual convention, named in `convention`), "not
    compatible" (under the assumptions listed), or "information" (nothing is tested, but something follows).
    """

    statement: Statement
    check: str
    status: str
    detail: str
    implied: tuple[float, float] | None = None
    printed: tuple[float, float] | None = None
    convention: str = ""
    solutions: tuple[Any, ...] = ()
    assumptions: tuple[str, ...] = ()

    def with_detail(self, words: str) -> "Outcome":
        """The same outcome with more words to its detail."""
        return replace(self, detail="; ".join(filter(None, [self.detail, words])))


class Reader:
    """The fields of a statement as intervals, integers or lists, with errors that name statement and field."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement

    def __contains__(self, name: str) -> bool:
        return name in self.statement.values

    def text(self, name: str) -> str:
        """The field as text."""
        return str(self.statement.values[name]).strip()

    def interval(self, name: str) -> PrintedInterval:
        """The values that the printed field admits."""
        try:
            return parse_printed(self.text(name))
        except ValueError as error:
            raise self.error(name, str(error)) from None

    def whole(self, name: str) -> int:
        """The field as a count."""
        text = self.text(name).replace(",", "")
        if not text.isdigit():
            raise self.error(name, f'A count is a whole number. Given "{self.text(name)}".')
        return int(text)

    def items(self, name: str) -> list[str]:
        """The parts of a field that lists several."""
        value = self.statement.values[name]
        items = value if isinstance(value, list) else str(value).split(";")
        return [str(item).strip() for item in items]

    def error(self, name: str, message: str) -> ValueError:
        """An error that names statement and field."""
        return ValueError(f'statement "{self.statement.id}", {name}: {message}')

    def outcome(
        self, verdict: Verdict, usual: tuple[Any, ...] | None = None, *, convention: str = ""
    ) -> Outcome:
        """Turn a verdict into an outcome; a convention, or solutions outside `usual`, make it a tension under that name."""
        status = "consistent" if verdict.compatible else "not compatible"
        if verdict.compatible and convention:
            status = "tension"
        elif verdict.compatible and usual is not None and not set(usual) & set(verdict.solutions):
            status, convention = "tension", ", ".join(map(str, verdict.solutions))
        detail = "; ".join(
            filter(None, [verdict.note, "meets only at a rounding limit" if verdict.touching else ""])
        )
        return Outcome(
            self.statement,
            verdict.check,
            status,
            detail,
            verdict.implied,
            verdict.printed,
            convention,
            tuple(verdict.solutions[:SHOWN_SOLUTIONS]),
            verdict.assumptions,
        )


def information(read: Reader, check: str, detail: str, solutions: tuple[Any, ...]) -> Outcome:
    """An outcome that tests nothing, but says what follows."""
    return Outcome(read.statement, check, "information", detail, solutions=solutions)
