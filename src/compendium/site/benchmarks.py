"""The page "Speed": what the package costs beside other software, one section for each stored benchmark.

A benchmark puts one JSON file into ``data/derived/benchmarks/`` and needs nothing else to be shown:

=================  ================================================================================================
key                what it holds
=================  ================================================================================================
`title`, `about`   heading and one sentence
`recipe`           the command that makes the file again
`peers`            names of the columns, in order: ``["R", "plain Python"]``
`ratios`           rows ``{task, title, slower: {peer: times our time, or null}}``: what travels between machines
`times`            rows ``{task, title, ours_ms, limit_ms or null, peers_ms: {peer: ms, or null}, note}``: one machine only
`date`, `machine`  day and processor type of the run; also `threads`
`versions`         of Python and of everything that was timed
=================  ================================================================================================

`limit_ms` is a limit that the project sets itself; the page says which are met. A file with the suffix ``.json`` that
lacks one of these keys stops the build.
"""

import json
from pathlib import Path
from typing import Any

from compendium import paths
from compendium.site.badges import escape, format_number, inline_markdown, raw
from compendium.site.errors import SiteError
from compendium.site.tables import html_table

FOLDER = ("data", "derived", "benchmarks")
KEYS = {"title", "about", "recipe", "peers", "ratios", "times", "date", "machine", "threads", "versions"}
INTRODUCTION = """# Speed

What the package costs, beside other software for the same task on the same data. All times of a section come from one
run on one machine. How many times slower the others are says something about any machine; the times themselves only
about that one.
"""


def benchmarks_page() -> str:
    """Return the page of all stored benchmarks."""
    files = sorted(paths.root().joinpath(*FOLDER).glob("*.json"))
    sections = [_section(read_benchmark(path)) for path in files]
    return "\n".join([INTRODUCTION, *(sections or ["No benchmark is stored here.\n"])])


def read_benchmark(path: Path) -> dict[str, Any]:
    """Read one stored benchmark.

    Raises
    ------
    SiteError : the file is not JSON, lacks a key, or its two tables list different tasks.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf8"))
    except ValueError as error:
        raise SiteError(f"{path.name}: a benchmark must be valid JSON. {error}") from None
    missing = sorted(KEYS - set(stored)) if isinstance(stored, dict) else sorted(KEYS)
    if missing:
        raise SiteError(f"{path.name}: a benchmark must have all keys. Missing: {', '.join(missing)}.")
    first, second = ([row["task"] for row in stored[name]] for name in ("ratios", "times"))
    if first != second:
        raise SiteError(
            f"{path.name}: ratios and times must list the same tasks. Given {first} and {second}."
        )
    return stored


def _section(stored: dict[str, Any]) -> str:
    peers = stored["peers"]
    ratios = [
        [escape(row["title"]), *(_ratio(row["slower"].get(peer)) for peer in peers)]
        for row in stored["ratios"]
    ]
    times = [_times(row, peers) for row in stored["times"]]
    versions = ", ".join(f"{escape(name)} {escape(version)}" for name, version in stored["versions"].items())
    slower = html_table(["Task", *(f"{peer} takes" for peer in peers)], ratios, name="inventory speed")
    spent = html_table(["Task", "Here", "Limit", *peers, "Note"], times, name="inventory speed")
    made = (
        f'<p class="quiet">{escape(stored["date"])}, {escape(stored["machine"])}, '
        f"{stored['threads']} {'thread' if stored['threads'] == 1 else 'threads'}; {versions}. "
        f"Made again by <code>{escape(stored['recipe'])}</code>.</p>"
    )
    about = f"<p>{inline_markdown(stored['about'])} {_limits(stored['times'])}</p>"
    return f"## {stored['title']}\n{raw(about + slower)}\nMilliseconds on that machine:\n{raw(spent + made)}"


def _ratio(value: float | None) -> str:
    """How many times our time.

    >>> _ratio(21.7), _ratio(0.5), _ratio(None)
    ('22 times as long', '0.5 times as long', '–')
    """
    return "–" if value is None else f"{format_number(float(f'{value:.2g}'))} times as long"


def _times(row: dict[str, Any], peers: list[str]) -> list[str]:
    limit = row["limit_ms"]
    met = "" if limit is None else f" {'met' if row['ours_ms'] < limit else '<b>not met</b>'}"
    return [
        escape(row["title"]),
        f'<span class="num">{_ms(row["ours_ms"])}</span>',
        "–" if limit is None else f"{_ms(limit)},{met}",
        *(_ms(row["peers_ms"].get(peer)) for peer in peers),
        escape(row.get("note", "")) or "–",
    ]


def _ms(value: float | None) -> str:
    return "–" if value is None else format_number(float(f"{value:.3g}"))


def _limits(times: list[dict[str, Any]]) -> str:
    limited = [row for row in times if row["limit_ms"] is not None]
    if not limited:
        return ""
    met = sum(row["ours_ms"] < row["limit_ms"] for row in limited)
    return f"{met} of {len(limited)} limits are met."
