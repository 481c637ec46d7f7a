"""The ledger: every printed number with what came out here, for reading, filtering and taking away."""

import math
import re
from typing import Any

from compendium.evidence.labels import STATUSES, STRENGTH
from compendium.site.badges import (
    BASIS_MEANING,
    decimals_of,
    escape,
    evidence_badge,
    format_interval,
    format_number,
    inline_markdown,
    quotation,
    raw,
    status_badge,
    with_unit,
)
from compendium.site.content import Content, StudyEntry
from compendium.site.pointers import claim_anchor, claim_link, finding_link, result_link
from compendium.site.standing import (
    APART,
    DESCRIPTIVE,
    RESULTS,
    apart_words,
    kind_of,
    standing_badges,
    standing_of,
    words_of,
)
from compendium.site.tables import html_table

SCRIPT = "files/scripts/ledger.js"
FILL = '<div class="ledger-rows" data-fill="{name}"></div>'
SECTIONS = (
    ("Supplement", r"Supp|(Fig(ure)?|Table) S\d"),
    ("Figures", r"Fig"),
    ("Tables", r"Table"),
)


def sections_of(where: str) -> list[str]:
    """Return the parts of a paper that a claim's place names.

    >>> sections_of("Results, Patients; Table 1; Fig 4D"), sections_of("Supplemental Fig 1")
    (['Results', 'Tables', 'Figures'], ['Supplement'])
    """
    found: list[str] = []
    for place in where.split(";"):
        first = re.split(r"[,:(]", place.strip())[0].strip()
        name = next((name for name, pattern in SECTIONS if re.match(pattern, first)), first)
        if name and name not in found:
            found.append(name)
    return found


def ledger_page(content: Content) -> str:
    """Return the page around the rows: totals, filters, and a place for the rows of each study."""
    text = [
        "# Printed numbers\n\nEvery number that was read from a paper: what is printed, what comes out here, and what "
        "follows. A number opens to its quote, the values that its digits admit, how ours was computed, and from what. "
        "The badges are explained in [How to read this book](how-to-read.md).\n"
    ]
    if not content.claims:
        return text[0] + "\nNo check has been run yet: `python3 run.py` runs it.\n"
    text.append(raw(_totals_table(content) + _by_finding(content)))
    text.append(
        raw(
            '<p class="page-links">Take it away: <a href="files/claims.csv" download>CSV</a> · '
            '<a href="files/claims.json" download>JSON</a></p>' + _controls(content)
        )
    )
    for study in content.studies.values():
        if any(claim["study"] == study.slug for claim in content.claims):
            text.append(f"({study.slug}-numbers)=\n## {study.short}\n{raw(FILL.format(name=study.slug))}")
    return "\n".join([*text, raw(f'<script src="{SCRIPT}" defer></script>')])


def ledger_rows(content: Content) -> dict[str, str]:
    """Return the rows of each study as HTML, to be filled in once the page is rendered."""
    return {slug: _rows_of(study, content) for slug, study in content.studies.items()}


def fill_rows(page: str, rows: dict[str, str]) -> str:
    """Put the rows into their places on a rendered page."""
    for name, markup in rows.items():
        page = page.replace(
            FILL.format(name=name), f'<div class="ledger-rows" id="rows-{name}">{markup}</div>'
        )
    return page


def _rows_of(study: StudyEntry, content: Content) -> str:
    claims = [claim for claim in content.claims if claim["study"] == study.slug]
    worst_first = list(dict.fromkeys(("inconsistent", "tension", *STATUSES)))
    counted = [claim for claim in claims if kind_of(claim) not in APART]
    counted.sort(key=lambda claim: (kind_of(claim) != RESULTS, worst_first.index(claim["status"])))
    apart = [claim for claim in claims if kind_of(claim) in APART]
    apart.sort(key=lambda claim: list(APART).index(kind_of(claim)))
    markup = "".join(_row(claim, content) for claim in counted)
    if apart:
        words = apart_words(standing_of(apart).apart)
        markup += (
            f'<details class="apart"><summary>Listed, never counted: {words}</summary>'
            + "".join(_row(claim, content) for claim in apart)
            + "</details>"
        )
    return markup


def _row(claim: dict[str, Any], content: Content) -> str:
    """Return one claim: closed it shows quote, both numbers and status; open everything that is known of it."""
    decimals = decimals_of(claim["printed"])
    printed = with_unit(escape(claim["printed"]), claim["unit"])
    ours = f'<span class="quiet">none: {escape(claim["basis"])}</span>'
    if claim.get("ours") is not None:
        ours = with_unit(format_number(claim["ours"], decimals), claim["unit"])
    kind = kind_of(claim)
    data = {
        "study": claim["study"], "section": "|".join(sections_of(claim["where"])), "evidence": claim["basis"],
        "status": claim["status"], "role": f"{kind}|{claim['role']}",
    }  # fmt: skip
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    status = status_badge(claim["status"], titled=False) if kind not in APART else f"<i>{APART[kind][0]}</i>"
    return (
        f'<details class="claim" id="{escape(claim_anchor(claim["id"]))}"{attributes}><summary>'
        f'<span class="q">{quotation(claim["quote"])}</span><span class="n"><i>printed</i> {printed}</span>'
        f'<span class="n"><i>ours</i> {ours}</span><span class="s">{status}</span></summary>'
        f"<dl>{_facts(claim, content, decimals)}</dl></details>\n"
    )


def _facts(claim: dict[str, Any], content: Content, decimals: int | None) -> str:
    rows = [
        ("Where", escape(claim["where"])),
        ("Admits", _admitted(claim)),
        ("Ours", _ours(claim, decimals)),
        ("Computed", _computation(claim, content)),
        ("From", _uses(claim)),
        ("Finding", _finding(claim, content)),
        ("Repeats", claim_link(f"{claim['study']}/{claim['repeats']}") if claim["repeats"] else ""),
        ("Waits for", f"<code>{escape(claim['waits_for'])}</code>" if claim["waits_for"] else ""),
        ("Needs", escape(claim["needs"] or "")),
        ("Note", inline_markdown(claim["note"] or "")),
        ("Counts as", f"{escape(kind_of(claim))} (role: {escape(claim['role'])})"),
        ("Name", f"<code>{escape(claim['id'])}</code>"),
    ]
    return "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value)


def _admitted(claim: dict[str, Any]) -> str:
    if not claim["admitted"]:
        return ""
    low, high = claim["admitted"]
    if math.isinf(low) or math.isinf(high):
        bound, sign = (high, "up to") if math.isinf(low) else (low, "from")
        return f"{sign} {with_unit(f'{bound:.15g}', claim['unit'])}"
    ends = f"{low:.15g}" if low == high else f"{low:.15g} to {high:.15g}"
    return with_unit(ends.replace("-", "−"), claim["unit"]) + (" exactly" if low == high else "")


def _ours(claim: dict[str, Any], decimals: int | None) -> str:
    if claim.get("ours") is None:
        return f'<span class="quiet">none: {escape(BASIS_MEANING.get(claim["basis"], claim["basis"]))}</span>'
    value = with_unit(format_number(claim["ours"], decimals), claim["unit"])
    interval = claim.get("interval")
    span = ""
    if interval and interval[0] != interval[1]:
        span = f" (rounding of the inputs admits {format_interval(interval, decimals)})"
    return f"{value}{span} {evidence_badge(claim['evidence'], titled=False) if claim['evidence'] else ''}"


def _computation(claim: dict[str, Any], content: Content) -> str:
    pointer = claim.get("result")
    if not pointer:
        return ""
    about = (content.result(pointer) or {}).get("about")
    words = f"{inline_markdown(about)}, " if about else ""
    return f"{words}{result_link(pointer, content)}"


def _uses(claim: dict[str, Any]) -> str:
    return ", ".join(claim_link(use) if "/" in use else escape(use) for use in claim.get("uses") or ())


def _finding(claim: dict[str, Any], content: Content) -> str:
    finding = content.finding(claim["study"], claim.get("finding"))
    if not finding:
        return escape(claim["finding"]) if claim.get("finding") else ""
    return finding_link(finding)


def _totals_table(content: Content) -> str:
    rows = []
    for study in content.studies.values():
        claims = [claim for claim in content.claims if claim["study"] == study.slug]
        if claims:
            rows.append([f'<a href="#rows-{study.slug}">{escape(study.short)}</a>', *_total_cells(claims)])
    rows.append(["All", *_total_cells(content.claims)])
    table = html_table(
        ["Study", "What became of its numbers", "Without a number of ours", "Listed, never counted"],
        rows,
        caption="Results are what a paper concludes from (accuracies, tests, intervals, effects); descriptive numbers "
        "are counts, shares and measures of the cohort.",
        name="totals",
    )
    return f'<details class="note"><summary>{_in_words(content)}</summary>{table}</details>'


def _in_words(content: Content) -> str:
    standing = standing_of(content.claims)
    return (
        f"Totals: results {words_of(standing.results)}; descriptive numbers {words_of(standing.descriptive)}; "
        f"{standing.untested} cannot be tested, or not yet"
    )


def _total_cells(claims: list[dict[str, Any]]) -> list[str]:
    standing = standing_of(claims)
    missing: dict[str, int] = {}
    for claim in claims:
        if kind_of(claim) not in APART and claim["basis"] in BASIS_MEANING:
            missing[claim["basis"]] = missing.get(claim["basis"], 0) + 1
    without = "<br>".join(
        f'{n} <span title="{escape(BASIS_MEANING[b])}">{b}</span>' for b, n in missing.items()
    )
    return [standing_badges(standing), without or "none", escape(apart_words(standing.apart)) or "none"]


def _by_finding(content: Content) -> str:
    rows = []
    for finding in content.findings:
        claims = [
            claim
            for claim in content.claims
            if claim["study"] == finding["study"] and claim.get("finding") == finding["id"]
        ]
        if claims:
            numbers = ", ".join(f"{claim_link(c['id'])} ({c['status']})" for c in claims)
            rows.append([finding_link(finding), escape(finding["weight"]), numbers])
    if not rows:
        return ""
    touched = sum(bool(claim.get("finding")) for claim in content.claims)
    table = html_table(["Finding", "Weight", "Numbers it concerns"], rows, name="by-finding")
    noun = "finding" if len(rows) == 1 else "findings"
    return (
        f'<details class="note"><summary>By finding: {touched} numbers belong to {len(rows)} {noun}, '
        f"each counted once</summary>{table}</details>"
    )


def _controls(content: Content) -> str:
    """Return the filters; they are shown by the script, because without it they would do nothing."""
    claims = content.claims
    sections = sorted({name for claim in claims for name in sections_of(claim["where"])})
    bases = {claim["basis"] for claim in claims}
    evidence = [b for b in (*STRENGTH, *BASIS_MEANING) if b in bases]
    roles = [
        ("counted", "results and descriptive numbers"), (RESULTS, "results"), ("inference", "results: inference"),
        ("method", "results: method"), (DESCRIPTIVE, "descriptive numbers"),
        *((kind, names[1]) for kind, names in APART.items()), ("", "all that is listed"),
    ]  # fmt: skip
    kinds = {kind_of(claim) for claim in claims} | {claim["role"] for claim in claims} | {"counted", ""}
    selects = [
        _select("study", "Study", [(s.slug, s.short) for s in content.studies.values()]),
        _select("section", "Section", [(name, name) for name in sections]),
        _select(
            "evidence",
            "Ours comes from",
            [(b, b if b not in BASIS_MEANING else f"none: {b}") for b in evidence],
        ),
        _select("status", "Status", [(s, s) for s in STATUSES]),
        _select("role", "Counts as", [r for r in roles if r[0] in kinds], any_word=""),
    ]
    return (
        '<form class="ledger-controls" hidden><label class="ledger-search">Search the numbers '
        '<input type="text" name="q" autocomplete="off" placeholder="quote, place, name, value"></label>'
        f'<details class="ledger-filters"><summary>Filters</summary><div>{"".join(selects)}'
        '<button type="reset">Clear</button></div></details>'
        '<p class="ledger-count" role="status"></p></form>'
    )


def _select(name: str, label: str, options: list[tuple[str, str]], any_word: str = "any") -> str:
    listed = f'<option value="">{any_word}</option>' if any_word else ""
    listed += "".join(f'<option value="{escape(value)}">{escape(word)}</option>' for value, word in options)
    return f'<label>{label} <select name="{name}">{listed}</select></label>'
