"""Pages written from the check report, the results, the findings and the inventory."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from compendium.evidence.labels import MEANING, NEVER_COMPUTED, STATUSES, STRENGTH
from compendium.site.badges import (
    BASIS_MEANING,
    STATUS_MEANING,
    escape,
    evidence_badge,
    inline_markdown,
    page_link,
    raw,
    status_badge,
)
from compendium.site.content import Content, StudyEntry
from compendium.site.findings import finding_list
from compendium.site.kinds import input_kinds
from compendium.site.standing import standing_badges, standing_of, words_of
from compendium.site.tables import html_table

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
        "basis-key": basis_key,
        "status-key": status_key,
        "finding-list": finding_list,
        "input-kinds": input_kinds,
    }
    return re.sub(r"<!-- compendium:([a-z-]+) -->", lambda match: raw(parts[match.group(1)](content)), text)


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
    badges = standing_badges(standing_of(claims), f"claims.html?study={study.slug}")
    return badges or '<span class="quiet">prints no results of its own</span>'


def _finding_counts(content: Content, study: StudyEntry) -> str:
    counts = Counter(finding["weight"] for finding in content.findings if finding["study"] == study.slug)
    if not counts:
        return '<span class="quiet empty">–</span>'
    weighty = counts["substantive"]
    words = [f"{weighty} {'finding' if weighty == 1 else 'findings'}"] if weighty else []
    words += [f"{counts['note']} {'note' if counts['note'] == 1 else 'notes'}"] if counts["note"] else []
    return f'<a href="findings.html#{study.slug}">{"<br>".join(words)}</a>'


def totals(content: Content) -> str:
    """Return the counts over all studies in words: results first, descriptive numbers after, findings, references."""
    if not content.claims:
        return "<p>No check has been run yet: <code>python3 run.py</code> runs it.</p>"
    standing = standing_of(content.claims)
    weights = [finding["weight"] for finding in content.findings]
    weighty, notes = weights.count("substantive"), weights.count("note")
    references = [reference for reference in content.references if "#" in reference.get("id", "")]
    holding = sum(reference.get("status") == "holds" for reference in references)
    kept = (
        f" Of {len(references)} numbers of ours that were stored before, {holding} came out again."
        if references
        else ""
    )
    off = f" {standing.repeats_off} repeated numbers disagree as well." if standing.repeats_off else ""
    return (
        f'<p class="totals"><strong>Results</strong> (what a paper concludes from): {words_of(standing.results)}. '
        f"<strong>Descriptive numbers</strong> (counts, shares): {words_of(standing.descriptive)}.{off} "
        f'<a href="claims.html">{standing.untested} more</a> cannot be tested, or not yet. '
        f'<a href="findings.html">{weighty} substantive {"finding" if weighty == 1 else "findings"}, '
        f"{notes} {'note' if notes == 1 else 'notes'}</a>.{kept}</p>"
    )


def evidence_key(content: Content) -> str:
    """Return the table that explains the evidence badges, all of them derived from what was computed."""
    scored = {
        "illustration": "never",
        "user": "never",
        "none": "never",
        "simulated": "for physics and methods only",
    }
    rows = [[evidence_badge(label), escape(MEANING[label]), scored.get(label, "yes")] for label in STRENGTH]
    return html_table(["Badge", "Where our number comes from", "Compared with the paper"], rows, name="key")


def basis_key(content: Content) -> str:
    """Return the table of words that stand where there is no number of ours."""
    typed = {*NEVER_COMPUTED, "cited", "waits"}
    rows = [
        [escape(word), escape(meaning), "typed with the number" if word in typed else "derived"]
        for word, meaning in BASIS_MEANING.items()
        if word != "waits" or any(claim["basis"] == "waits" for claim in content.claims)
    ]
    return html_table(["Word", "Why there is no number of ours", "The word is"], rows, name="key")


def status_key(content: Content) -> str:
    """Return the table that explains the statuses."""
    rows = [[status_badge(status), escape(STATUS_MEANING[status])] for status in STATUSES]
    return html_table(["Badge", "What it says"], rows, name="key")


def inventory_page(content: Content) -> str:
    """Return the page with a row for every figure and table of the papers."""
    text = [
        "# Figures and tables of the papers\n\nOne row for each figure and table that the papers print: where it is "
        "drawn again, and from what, or why not. All figures of the book are in the [gallery](gallery.md).\n"
    ]
    if not content.inventory:
        return text[0] + "\nThe inventory is empty.\n"
    counts = [
        [f'<a href="#{study.slug}-items">{escape(study.short)}</a>', *_item_counts(study, content)]
        for study in content.studies.values()
    ]
    text.append(
        raw(html_table(["Study", "Listed", "Drawn again", "Not drawn, because"], counts, name="inventory"))
    )
    for study in content.studies.values():
        items = [item for item in content.inventory if item["study"] == study.slug]
        rows = [[escape(i["item"]), inline_markdown(i["shows"]), *_drawn(i, content)] for i in items]
        head = ["Item", "Shows", "Drawn again", "From what, or why not"]
        listed = raw(html_table(head, rows, name="inventory")) if rows else "\nNothing is listed.\n"
        text.append(f"({study.slug}-items)=\n## {study.short}\n{listed}")
    return "\n".join(text)


def _item_counts(study: StudyEntry, content: Content) -> list[str]:
    items = [item for item in content.inventory if item["study"] == study.slug]
    reasons = Counter(
        REASON.get(i.get("reason", ""), i.get("reason", "")) for i in items if not i.get("figure")
    )
    why = "<br>".join(f"{n}: {escape(reason)}" for reason, n in reasons.most_common()) or "–"
    return [str(len(items)), str(sum(bool(item.get("figure")) for item in items)), why]


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
        note = f'<span class="place">{inline_markdown(item["note"])}</span>' if item.get("note") else ""
        return link, inline_markdown(item.get("drawn_from", "")) + note
    waits = f" (<code>{escape(item['waits_for'])}</code>)" if item.get("waits_for") else ""
    note = f'<span class="place">{inline_markdown(item["note"])}</span>' if item.get("note") else ""
    return "no", f"{REASON.get(item.get('reason', ''), escape(item.get('reason', '')))}{waits}.{note}"
