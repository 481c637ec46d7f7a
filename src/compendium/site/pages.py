"""Pages written from the check report, the results, the findings and the inventory."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from compendium.evidence.labels import MEANING, NEVER_COMPUTED, STATUSES
from compendium.site.badges import (
    STATUS_MEANING,
    count_badges,
    decimals_of,
    escape,
    evidence_badge,
    format_interval,
    format_number,
    inline_markdown,
    page_link,
    raw,
    status_badge,
    with_unit,
)
from compendium.site.content import Content, StudyEntry
from compendium.site.findings import finding_anchor
from compendium.site.tables import html_table

UNCOUNTED = {"setting", "context"}
UNTESTED = {"not testable", "not scored"}
REASON = {
    "image-only": "shows images, no data to draw",
    "instrument": "shows an instrument or a workflow",
    "not-obtained": "the data are public but not available here",
    "waits": "waits for a later chapter",
}


def fill_markers(text: str, content: Content) -> str:
    """Replace each `<!-- compendium:NAME -->` of a prose page by the generated part of that name."""
    parts: dict[str, Callable[[Content], str]] = {
        "verdict-table": verdict_table,
        "totals": totals,
        "evidence-key": evidence_key,
        "status-key": status_key,
    }
    return re.sub(r"<!-- compendium:([a-z-]+) -->", lambda match: raw(parts[match.group(1)](content)), text)


def counted(claims: list[dict[str, Any]], inference: bool) -> list[dict[str, Any]]:
    """Return the claims that totals count: those that carry an inference or those that describe."""
    kept = [claim for claim in claims if claim["role"] not in UNCOUNTED and claim["evidence"] != "setting"]
    return [claim for claim in kept if (claim["role"] != "description") == inference]


def verdict_table(content: Content) -> str:
    """Return the table of studies: question and chapters, what became of the printed numbers, findings."""
    rows = []
    for study in content.studies.values():
        chapters = "".join(
            f"<li>{page_link(c.page, escape(c.title), 0)}</li>" for c in content.of_study(study.slug)
        )
        listed = (
            f'<ul class="chapters">{chapters}</ul>'
            if chapters
            else '<span class="quiet">No chapter yet.</span>'
        )
        name = page_link(study.slug, escape(study.short), 0)
        rows.append(
            [
                f'{name}<span class="topic">{escape(study.topic)}</span>',
                f"{escape(study.question)}{listed}",
                _verdicts(content, study),
                _finding_counts(content, study),
            ]
        )
    return html_table(
        ["Study", "Question and chapters", "Printed numbers, computed again", "Findings"],
        rows,
        name="verdict",
    )


def _verdicts(content: Content, study: StudyEntry) -> str:
    claims = [claim for claim in content.claims if claim["study"] == study.slug]
    if not claims:
        return '<span class="quiet">not examined yet</span>'
    lines, untested = [], 0
    for words, inference in (("results", True), ("descriptive numbers", False)):
        statuses = [claim["status"] for claim in counted(claims, inference)]
        tested = [status for status in statuses if status not in UNTESTED]
        untested += len(statuses) - len(tested)
        if tested:
            badges = count_badges(tested, "status")
            lines.append(f'<span class="quiet">{words}</span><span class="badge-row">{badges}</span>')
    if untested:
        lines.append(f'<span class="quiet">{untested} more cannot be tested, or not yet</span>')
    return "".join(lines)


def _in_order(counts: Counter[str]) -> list[tuple[str, int]]:
    return [(status, counts[status]) for status in STATUSES if counts[status]]


def _finding_counts(content: Content, study: StudyEntry) -> str:
    counts = Counter(finding["weight"] for finding in content.findings if finding["study"] == study.slug)
    if not counts:
        return '<span class="quiet empty">–</span>'
    words = [f"{counts['substantive']} substantive"] if counts["substantive"] else []
    words += [f"{counts['note']} {'note' if counts['note'] == 1 else 'notes'}"] if counts["note"] else []
    return f'<a href="findings.html#{study.slug}">{"<br>".join(words)}</a>'


def totals(content: Content) -> str:
    """Return one sentence that counts inference-bearing claims by status, and findings."""
    claims = counted(content.claims, True)
    if not claims:
        return "<p>No check has been run yet: <code>python3 run.py</code> runs it.</p>"
    said = ", ".join(f"{n} {status}" for status, n in _in_order(Counter(claim["status"] for claim in claims)))
    weighty = sum(finding["weight"] == "substantive" for finding in content.findings)
    references = [reference for reference in content.references if "#" in reference.get("id", "")]
    holding = sum(reference.get("status") == "holds" for reference in references)
    kept = f"{holding} of {len(references)} stored reference values hold." if references else ""
    noun = "finding" if weighty == 1 else "findings"
    return (
        f'<p class="totals">Of {len(claims)} printed results listed so far: {escape(said)}. '
        f'<a href="findings.html">{weighty} substantive {noun}</a>. {kept}</p>'
    )


def evidence_key(content: Content) -> str:
    """Return the table that explains the evidence badges."""
    labels = [
        "author-data",
        "author-code",
        "independent-data",
        "internal",
        "simulated",
        "illustration",
        "user",
        *NEVER_COMPUTED,
    ]
    scored = {"illustration": "never", "user": "never", **dict.fromkeys(NEVER_COMPUTED, "never")}
    scored["simulated"] = "for physics and methods only"
    rows = [[evidence_badge(label), escape(MEANING[label]), scored.get(label, "yes")] for label in labels]
    return html_table(["Badge", "Where our number comes from", "Compared with the paper"], rows, name="key")


def status_key(content: Content) -> str:
    """Return the table that explains the statuses."""
    rows = [[status_badge(status), escape(STATUS_MEANING[status])] for status in STATUSES]
    return html_table(["Badge", "What it says"], rows, name="key")


def claims_page(content: Content) -> str:
    """Return the page that lists every claim, study by study."""
    text = [
        "# Printed numbers\n\nEvery number that was read from a paper: what the paper prints, what comes "
        "out here, "
        "and what follows."
    ]
    text.append(
        "Below our value stands the range that rounding of the printed inputs admits, where there is one. "
        "The badges are explained in [How to read this book](how-to-read.md).\n"
    )
    for study in content.studies.values():
        claims = [claim for claim in content.claims if claim["study"] == study.slug]
        if claims:
            rows = [_claim_row(claim, content) for claim in claims]
            head = ["Number", "Place", "Printed", "Ours", "Status", "Evidence", "Chapter"]
            ids = [claim["id"].replace("/", "-") for claim in claims]
            text.append(f"## {study.short}\n{raw(html_table(head, rows, name='claims', row_ids=ids))}")
    if not content.claims:
        text.append("No check has been run yet: `python3 run.py` runs it.\n")
    return "\n".join(text)


def _claim_row(claim: dict[str, Any], content: Content) -> list[str]:
    decimals = decimals_of(claim["printed"])
    ours = claim.get("ours")
    name = claim["id"].split("/", 1)[1]
    pointer = claim.get("result")
    chapter = content.chapter(pointer.split("#")[0]) if pointer else None
    linked = page_link(chapter.page, escape(chapter.id.split("/")[1]), 0) if chapter else "–"
    finding = claim.get("finding")
    if finding:
        linked += f'<br><a href="findings.html#{escape(finding_anchor(claim["study"], finding))}">finding</a>'
    return [
        f"<code>{escape(name)}</code>",
        f'“{escape(claim["quote"])}” <span class="place">{escape(claim["where"])}</span>',
        f'<span class="num">{with_unit(escape(claim["printed"]), claim.get("unit"))}</span>',
        f'<span class="num">{format_number(ours, decimals)}</span> {_span(claim, decimals)}',
        status_badge(claim["status"]),
        evidence_badge(claim["evidence"]),
        linked,
    ]


def _span(claim: dict[str, Any], decimals: int | None) -> str:
    interval = claim.get("interval")
    if not interval or interval[0] == interval[1]:
        return ""
    return f'<span class="span num">{format_interval(interval, decimals)}</span>'


def inventory_page(content: Content) -> str:
    """Return the page with a row for every figure and table of the papers."""
    text = [
        "# Figures and tables of the papers\n\nOne row for each figure and table that the papers print: "
        "where it is "
        "drawn again, or why not.\n"
    ]
    for study in content.studies.values():
        items = [item for item in content.inventory if item["study"] == study.slug]
        if items:
            rows = [[escape(i["item"]), inline_markdown(i["shows"]), *_drawn(i, content)] for i in items]
            head = ["Item", "Shows", "Drawn again", "From what, or why not"]
            text.append(f"## {study.short}\n{raw(html_table(head, rows, name='inventory'))}")
    if not content.inventory:
        text.append("The inventory is empty.\n")
    return "\n".join(text)


def _drawn(item: dict[str, Any], content: Content) -> tuple[str, str]:
    if item.get("figure"):
        identifier, _, name = item["figure"].partition("#")
        chapter = content.chapter(identifier)
        drawn = (
            name in {**chapter.results.get("figures", {}), **chapter.results.get("tables", {})}
            if chapter
            else False
        )
        link = (
            page_link(chapter.page, escape(chapter.title), 0, name)
            if chapter and drawn
            else "not in this build"
        )
        return link, inline_markdown(item.get("drawn_from", ""))
    waits = f" (<code>{escape(item['waits_for'])}</code>)" if item.get("waits_for") else ""
    note = f" {inline_markdown(item['note'])}" if item.get("note") else ""
    return "no", f"{REASON.get(item.get('reason', ''), escape(item.get('reason', '')))}{waits}.{note}"
