"""Small pieces of HTML: badges, numbers, links. Everything that comes from a file is escaped here."""

import html
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from markdown_it import MarkdownIt

from compendium.evidence.labels import MEANING, NEVER_COMPUTED, STATUSES, STRENGTH

STATUS_MEANING = {
    "reproduced": "the authors' own or independent data give the printed number",
    "consistent": "the printed number and the recomputed one overlap within rounding",
    "tension": "not excluded, but improbable under the stated assumptions",
    "inconsistent": "not compatible under the listed assumptions",
    "not testable": "no comparison that could have failed is possible",
    "not scored": "listed, but nothing is concluded from it",
}
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


def escape(text: object) -> str:
    """Escape text for HTML, in content and in attributes.

    >>> escape('<b a="1">')
    '&lt;b a=&quot;1&quot;&gt;'
    """
    return html.escape(str(text), quote=True)


def inline_markdown(text: object) -> str:
    """Render a line of Markdown (emphasis, code, links) as HTML; raw HTML in it is escaped.

    >>> inline_markdown("*n* < 3")
    '<em>n</em> &lt; 3'
    """
    return _MARKDOWN.renderInline(str(text)).strip()


def evidence_badge(label: str, count: int | None = None) -> str:
    """Return the badge of an evidence label."""
    return _badge("evidence", label, MEANING.get(label, ""), count)


def status_badge(status: str, count: int | None = None) -> str:
    """Return the badge of a status."""
    return _badge("status", status, STATUS_MEANING.get(status, ""), count)


def _badge(kind: str, word: str, meaning: str, count: int | None) -> str:
    name = re.sub(r"[^a-z]+", "-", word.lower())
    number = "" if count is None else f'<span class="badge-count">{count}</span> '
    return f'<span class="c-badge {kind}-{name}" title="{escape(meaning)}">{number}{escape(word)}</span>'


def count_badges(words: Iterable[str], kind: str) -> str:
    """Return one badge with its count for each word that occurs, strongest first."""
    order = STATUSES if kind == "status" else (*STRENGTH, *NEVER_COMPUTED)
    badge = status_badge if kind == "status" else evidence_badge
    counts = Counter(words)
    known = [word for word in order if counts[word]] + sorted(set(counts) - set(order))
    return " ".join(badge(word, counts[word]) for word in known)


def format_number(value: Any, decimals: int | None = None) -> str:
    """Write a number for reading: given decimals, or four significant digits; powers of ten if tiny or huge.

    >>> format_number(97.3934, 2), format_number(281.0), format_number(0.00001234), format_number(None)
    ('97.39', '281', '1.234 × 10<sup>−5</sup>', '–')
    """
    if value is None:
        return "–"
    if not isinstance(value, int | float):
        return escape(value)
    if value != value or value in (float("inf"), float("-inf")):
        return "not finite"
    if float(value).is_integer() and abs(value) < 1e7:
        return _minus(f"{int(value)}")
    if abs(value) < 1e-3 or abs(value) >= 1e7:
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{_minus(mantissa)} × 10<sup>{_minus(str(int(exponent)))}</sup>"
    return _minus(f"{value:.4g}" if decimals is None else f"{value:.{decimals}f}")


def format_interval(interval: Any, decimals: int | None = None) -> str:
    """Write an interval; one number where both ends read alike.

    >>> format_interval([97.39, 97.4], 2), format_interval([3, 3]), format_interval(None)
    ('97.39 to 97.40', '3', '–')
    """
    if not interval:
        return "–"
    low, high = (format_number(end, decimals) for end in interval)
    return low if low == high else f"{low} to {high}"


def decimals_of(printed: str) -> int | None:
    """Return how many decimals to show beside a printed number: two more than it has.

    >>> decimals_of("97.4"), decimals_of("284"), decimals_of("<.001")
    (3, 2, None)
    """
    match = re.fullmatch(r"\s*[-−+]?\d*(?:\.(\d+))?\s*", printed)
    return len(match.group(1) or "") + 2 if match else None


def with_unit(text: str, unit: str | None) -> str:
    """Append a unit; pure numbers and things counted are left as they are.

    >>> with_unit("97.4", "%"), with_unit("3", "patients"), with_unit("0.9", "1")
    ('97.4 %', '3', '0.9')
    """
    short = {"", "1", "none"}
    return text if not unit or unit in short or len(unit) > 6 else f"{text} {escape(unit)}"


def _minus(text: str) -> str:
    return text.replace("-", "−")


def raw(markup: str) -> str:
    """Wrap HTML for a MyST page so that nothing in it is read as Markdown."""
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", markup)), default=0) + 1)
    return f"\n{fence}{{raw}} html\n{markup.strip()}\n{fence}\n"


def page_link(page: str, text: str, depth: int, anchor: str = "") -> str:
    """Return a link to a page of the site from a page `depth` folders deep."""
    return f'<a href="{"../" * depth}{page}.html{"#" + anchor if anchor else ""}">{text}</a>'
