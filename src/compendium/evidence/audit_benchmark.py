"""The audit measured on simulated papers: how often it finds planted errors, and how often it speaks up without one.

The unit of a false alarm is the paper: a reader who audits thirty sound statements wants to know how often one of them is
called into question. Errors are counted one by one.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from statsmodels.stats.proportion import proportion_confint

from compendium.cohorts.simulated_errors import make_paper_with_errors
from compendium.cohorts.simulated_papers import UNUSUAL, Item, Paper, make_paper, write_apa
from compendium.evidence.audit import KINDS, Statement, audit_statement

Marks = dict[str, list[str]]
"""Paper id → one mark per statement: "not compatible", "tension", "consistent", "information", or "unread"."""
ALARM, DOUBT = "not compatible", "tension"
RANK = (ALARM, DOUBT, "consistent", "information")
TESTS = ("correlation", "t", "z", "F", "chi2")
"""Kinds of statements that text in the form of the American Psychological Association carries."""


def make_series(seed: int, usual: int, unusual: int, with_errors: int) -> Iterator[Paper]:
    """Papers without errors, papers of each unusual convention, and papers with errors, in this order.

    The error-free papers and those with errors are different papers: numbers of the second go on after the first.
    """
    yield from (make_paper(seed, i) for i in range(usual))
    yield from (make_paper(seed, i, c) for c in UNUSUAL for i in range(unusual))
    yield from (make_paper_with_errors(seed, usual + i) for i in range(with_errors))


def mark_item(item: Item, hints: bool = True) -> str:
    """Audit one statement and return its worst outcome; `hints` adds what the paper says about its conventions."""
    kind = KINDS[item.kind]
    told = {k: v for k, v in item.hints.items() if hints and k in {**kind.required, **kind.optional}}
    try:
        outcomes = audit_statement(Statement(item.id, item.kind, {**item.values, **told}))
    except ValueError:
        return ALARM  # a statement that cannot be, such as more cases than patients
    return min((o.status for o in outcomes), key=RANK.index)


def mark_papers(papers: Iterable[Paper], hints: bool = True, known: Marks | None = None) -> Marks:
    """Audit every statement of every paper; `known` are marks without hints, kept where there is no hint."""
    marks = {}
    for paper in papers:
        before = known[paper.id] if known else [""] * len(paper.items)
        pairs = zip(paper.items, before, strict=True)
        marks[paper.id] = [
            mark if mark and not item.hints else mark_item(item, hints) for item, mark in pairs
        ]
    return marks


def mark_found(papers: Iterable[Paper], found: Iterable[Mapping[str, str]], column: str = "error") -> Marks:
    """Turn rows of statcheck (paper, raw, and a column of errors) into marks; what it did not read is "unread".

    Raises
    ------
    ValueError : a row belongs to no statement.
    """
    rows: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for row in found:
        rows[row["paper"]].append(row)
    marks = {}
    for paper in papers:
        sentences, left = write_apa(paper), ["unread"] * len(paper.items)
        for row in rows[paper.id]:
            fits = [i for i, s in enumerate(sentences) if _same(row["raw"], s) and left[i] == "unread"]
            if not fits:
                raise ValueError(
                    f'Every test found belongs to a statement. "{row["raw"]}" of {paper.id} does not.'
                )
            left[fits[0]] = ALARM if row[column] == "1" else "consistent"
        marks[paper.id] = left
    return marks


def _same(raw: str, sentence: str) -> bool:
    """Tell whether a sentence ends with this test, apart from spaces and the final point."""
    return "".join(sentence.split()).rstrip(".").endswith("".join(raw.split()).lstrip(",;").rstrip("."))


def digest_papers(papers: Iterable[Paper]) -> str:
    """SHA-256 of all sentences and values of a series: the same papers, the same digest."""
    digest = hashlib.sha256()
    for paper in papers:
        for item, sentence in zip(paper.items, write_apa(paper), strict=True):
            digest.update(
                repr((paper.id, item.id, sorted(item.values.items()), item.error, sentence)).encode()
            )
    return digest.hexdigest()


def rate(count: int, total: int) -> list[int]:
    """A share as it is stored: a count and what it is a part of."""
    return [count, total]


def share_interval(stored: Sequence[int]) -> tuple[float, float, float]:
    """A stored share with its 95 % Wilson interval; not-a-number of nothing.

    Examples
    --------
    >>> [round(v, 4) for v in share_interval([0, 600])]
    [0.0, 0.0, 0.0064]
    """
    count, total = stored
    if not total:
        return float("nan"), 0.0, 1.0
    low, high = proportion_confint(count, total, method="wilson")
    return count / total, max(0.0, float(low)), min(1.0, float(high))


def summarise(papers: Sequence[Paper], marks: Marks, only: Marks | None = None) -> dict[str, Any]:
    """Rates of a measurement: false alarms per paper by convention, and errors found by kind, size and statement.

    Parameters
    ----------
    only : marks of another reader; statements that it did not read ("unread") are left out here too.
    """
    kept = [
        (paper, [(item, mark) for i, (item, mark) in enumerate(zip(paper.items, marks[paper.id], strict=True))
                 if only is None or only[paper.id][i] != "unread"])
        for paper in papers
    ]  # fmt: skip
    clean = [(p, pairs) for p, pairs in kept if not p.id.startswith("with errors")]
    planted = [(i, m) for p, pairs in kept if p.id.startswith("with errors") for i, m in pairs if i.error]
    return {
        "false_alarms": {
            convention: _alarms([pairs for p, pairs in clean if p.convention == convention])
            for convention in dict.fromkeys(p.convention for p, _ in clean)
        },
        "false_alarms_by_statement": _by_statement([pairs for p, pairs in clean if p.convention == "usual"]),
        "sound_beside_errors": _alarms(
            [[(i, m) for i, m in pairs if not i.error] for p, pairs in kept if p.id.startswith("with errors")]
        ),
        "found": _found(planted, lambda item: (item.error, item.size)),
        "found_by_statement": _found(planted, lambda item: (item.error, item.kind)),
        "found_in_all": _found(planted, lambda item: ("all", 0))[:1],
    }


def _alarms(papers: list[list[tuple[Item, str]]]) -> dict[str, Any]:
    worst = [{mark for _, mark in pairs} for pairs in papers]
    statements = sum(len(pairs) for pairs in papers)
    return {
        "papers": rate(sum(ALARM in marks for marks in worst), len(papers)),
        "papers_in_doubt": rate(sum(bool({ALARM, DOUBT} & marks) for marks in worst), len(papers)),
        "statements": rate(sum(m == ALARM for pairs in papers for _, m in pairs), statements),
    }


def _by_statement(papers: list[list[tuple[Item, str]]]) -> dict[str, Any]:
    groups: dict[str, list[str]] = defaultdict(list)
    for pairs in papers:
        for item, mark in pairs:
            groups[item.id.rpartition(" ")[0]].append(mark)
    return {
        name: {
            "alarms": rate(sum(m == ALARM for m in marks), len(marks)),
            "doubts": rate(sum(m == DOUBT for m in marks), len(marks)),
        }
        for name, marks in groups.items()
    }


def _found(planted: list[tuple[Item, str]], key: Any) -> list[dict[str, Any]]:
    groups: dict[tuple[str, Any], list[str]] = defaultdict(list)
    for item, mark in planted:
        groups[key(item)].append(mark)
    return [
        {
            "error": error,
            ("size" if isinstance(second, int) else "statement"): second,
            "excluded": rate(sum(m == ALARM for m in marks), len(marks)),
            "questioned": rate(sum(m in (ALARM, DOUBT) for m in marks), len(marks)),
            "read": rate(sum(m != "unread" for m in marks), len(marks)),
        }
        for (error, second), marks in groups.items()
    ]
