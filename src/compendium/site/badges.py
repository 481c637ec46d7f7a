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
BASIS_MEANING = {
    "setting": "a setting: used, not tested",
    "not-obtained": "the data are public, but not available here",
    "unavailable": "needs data that nobody has published",
    "cited": "other people's number, cited for context",
    "waits": "waits for a chapter that is not written yet",
    "input": "an input: no other printed number tests it",
    "no value": "its chapter gives no value, or has not been executed",
}
"""Why a printed number has none of ours beside it; typed with the claim, not computed."""
NAMED_BEFORE = {"year", "grade", "version", "patient number", "time point"}
UNIT_SIGNS = (
    (r"\b1e-(\d)\b", lambda match: "10⁻" + "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(match[1])]),
    (r"\bdegrees C\b", "°C"), (r"\bdegrees\b", "°"), (r"\bu(m|L|M|s)", r"µ\1"),
    (r"([mµck]?m)2\b", r"\1²"), (r"([mµck]?m)3\b", r"\1³"),
)  # fmt: skip
TEX_SIGNS = {
    "pm": "±", "leq": "≤", "geq": "≥", "le": "≤", "ge": "≥", "times": "×", "cdot": "·", "sim": "~", "approx": "≈",
    "infty": "∞", "circ": "°", "mu": "µ", "rho": "ρ", "delta": "δ", "Delta": "Δ", "alpha": "α", "beta": "β", "kappa": "κ",
    "exp": "exp", "text": "", "mathrm": "", "rm": "", "left": "", "right": "",
}  # fmt: skip
RAISED = str.maketrans("0123456789-+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")
IRREGULAR = {"mice": "mouse", "indices": "index", "metastases": "metastasis"}
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


def quotation(text: str) -> str:
    """Return a quote as HTML, in quotation marks; formulas typed as TeX are shown as a reader of the paper sees them.

    >>> quotation("$R^2=0.22$, $p\\\\le0.007$")
    '“R²=0.22, p≤0.007”'
    """
    plain = re.sub(r"\$([^$]*)\$", lambda match: _without_tex(match[1]), text)
    plain = re.sub(r"_\{(\w+)\}", r"_\1", plain)
    return f"“{escape(plain)}”"


def _without_tex(formula: str) -> str:
    signs = re.sub(r"\\([A-Za-z]+)", lambda match: TEX_SIGNS.get(match[1], match[1]), formula)
    raised = re.sub(r"\^\{?([-+]?\d+)\}?", lambda match: match[1].translate(RAISED), signs)
    spaced = re.sub(r"\\[,;: ]", " ", raised.replace("^{°}", "°").replace("^°", "°"))
    bare = re.sub(r"(?<!\\)[{}]", "", spaced).replace("\\", "")
    return re.sub(r" {2,}", " ", bare)


def evidence_badge(label: str, count: int | None = None, titled: bool = True) -> str:
    """Return the badge of an evidence label; `titled` adds its meaning for those who point at it."""
    return _badge("evidence", label, MEANING.get(label, "") if titled else "", count)


def status_badge(status: str, count: int | None = None, titled: bool = True) -> str:
    """Return the badge of a status; `titled` adds its meaning for those who point at it."""
    return _badge("status", status, STATUS_MEANING.get(status, "") if titled else "", count)


def _badge(kind: str, word: str, meaning: str, count: int | None) -> str:
    name = re.sub(r"[^a-z]+", "-", word.lower())
    number = "" if count is None else f'<span class="badge-count">{count}</span> '
    title = f' title="{escape(meaning)}"' if meaning else ""
    return f'<span class="c-badge {kind}-{name}"{title}>{number}{escape(word)}</span>'


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
    """Put a unit beside a number as one reads it; pure numbers stay bare.

    >>> with_unit("97.4", "%"), with_unit("3", "patients"), with_unit("1", "mice"), with_unit("0.9", "1")
    ('97.4 %', '3 patients', '1 mouse', '0.9')
    >>> with_unit("13", "um2/ms"), with_unit("2", "fold"), with_unit("2015", "year")
    ('13 µm²/ms', '2-fold', 'year 2015')
    """
    if not unit or unit in ("1", "none"):
        return text
    if unit in NAMED_BEFORE:
        return f"{escape(unit)} {text}"
    if unit == "fold":
        return f"{text}-fold"
    return f"{text} {escape(_singular(unit) if text == '1' else spell_unit(unit))}"


def spell_unit(unit: str) -> str:
    """Write a unit with its signs instead of the letters that data files use.

    >>> spell_unit("1e-6 mm2/s"), spell_unit("uL"), spell_unit("degrees C"), spell_unit("samples")
    ('10⁻⁶ mm²/s', 'µL', '°C', 'samples')
    """
    for pattern, written in UNIT_SIGNS:
        unit = re.sub(pattern, written, unit)
    return unit


def _singular(unit: str) -> str:
    if unit in IRREGULAR:
        return IRREGULAR[unit]
    plain = re.fullmatch(r"[a-z -]{4,}", unit) and unit.endswith("s")
    return re.sub(r"ies$", "y", unit) if unit.endswith("ies") else unit[:-1] if plain else spell_unit(unit)


def _minus(text: str) -> str:
    return text.replace("-", "−")


def raw(markup: str) -> str:
    """Wrap HTML for a MyST page so that nothing in it is read as Markdown."""
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", markup)), default=0) + 1)
    return f"\n{fence}{{raw}} html\n{markup.strip()}\n{fence}\n"


def page_link(page: str, text: str, depth: int, anchor: str = "") -> str:
    """Return a link to a page of the site from a page `depth` folders deep."""
    return f'<a href="{"../" * depth}{page}.html{"#" + anchor if anchor else ""}">{text}</a>'
