"""The page of findings: where a paper does not agree with itself."""

from typing import Any

from compendium.site.badges import (
    escape,
    format_interval,
    format_number,
    inline_markdown,
    quotation,
    raw,
    with_unit,
)
from compendium.site.content import Content, StudyEntry
from compendium.site.pointers import claim_link, finding_anchor, finding_link, finding_title, result_link


def findings_page(content: Content) -> str:
    """Return the page of places where a paper does not agree with itself: substantive first, notes folded."""
    text = [
        "# Findings\n\nPlaces where two statements of one paper are not compatible with each other. Each names both "
        "places, what was assumed, the benign explanations that were tried and the computation that was run. A finding "
        "is a question to the authors, not a judgement: it may have a simple cause, and the supplement may hold it.\n"
    ]
    if not content.findings:
        text.append("None has been recorded yet.\n")
    else:
        text.append(f"{_summary(content)}\n{raw(finding_list(content))}")
    for study in content.studies.values():
        text += _study_sections(study, content)
    text.append(
        "(reply)=\n## To the authors\n\nIf you wrote one of these papers and can explain a finding, you are invited to "
        "reply: open an issue in the repository or send a note. Your reply is printed beside the finding, in your "
        "words, and if it settles the matter, the finding is closed and says so.\n"
    )
    return "\n".join(text)


def _summary(content: Content) -> str:
    weighty = sum(finding["weight"] == "substantive" for finding in content.findings)
    notes = len(content.findings) - weighty
    return (
        f"{weighty} {'is' if weighty == 1 else 'are'} substantive: a reader who uses the numbers should know. "
        f"{notes} {'is a note' if notes == 1 else 'are notes'}, folded below each study."
    )


def finding_list(content: Content) -> str:
    """Return the substantive findings as a list of links, study by study."""
    groups = []
    for study in content.studies.values():
        links = [
            f"<li>{finding_link(f)}</li>"
            for f in content.findings
            if f["study"] == study.slug and f["weight"] == "substantive"
        ]
        if links:
            groups.append(f"<dt>{escape(study.short)}</dt><dd><ul>{''.join(links)}</ul></dd>")
    return (
        f'<dl class="finding-list">{"".join(groups)}</dl>' if groups else "<p>None has been recorded yet.</p>"
    )


def _study_sections(study: StudyEntry, content: Content) -> list[str]:
    found = [finding for finding in content.findings if finding["study"] == study.slug]
    if not found:
        return []
    text = [f"({study.slug})=\n## {study.short}\n"]
    for finding in (f for f in found if f["weight"] == "substantive"):
        anchor = finding_anchor(study.slug, finding["id"])
        text.append(f"({anchor})=\n### {finding['title']}\n{raw(_finding_body(finding, content))}")
    notes = [finding for finding in found if finding["weight"] != "substantive"]
    if notes:
        text.append(raw("".join(_folded(note, study, content) for note in notes)))
    return text


def _folded(note: dict[str, Any], study: StudyEntry, content: Content) -> str:
    anchor = finding_anchor(study.slug, note["id"])
    body = _finding_body(note, content)
    return f'<details class="note" id="{anchor}"><summary>Note: {finding_title(note)}</summary>{body}</details>\n'


def _finding_body(finding: dict[str, Any], content: Content) -> str:
    places = "".join(f"<li>{_place(place, finding, content)}</li>" for place in finding["places"])
    assumed = "".join(f"<li>{inline_markdown(line)}</li>" for line in finding["assumptions"])
    benign = "".join(
        f"<li>{inline_markdown(b['explanation'].rstrip('.'))}: <em>{inline_markdown(b['outcome'])}</em></li>"
        for b in finding["benign"]
    )
    read = "yes" if finding["supplement_read"] else "no; it may settle the matter"
    rows = [
        ("Two places" if len(finding["places"]) == 2 else "Places", f"<ul>{places}</ul>"),
        ("Assumed", f"<ul>{assumed}</ul>"),
        ("Benign explanations tried", f"<ul>{benign}</ul>"),
        ("Computed", _computation(finding.get("result"), content)),
        ("What it changes", inline_markdown(finding["changes"])),
        ("Numbers it concerns", _numbers(finding, content)),
        ("Supplement read", read),
        ("Reply of the authors", 'none yet; <a href="#reply">how to reply</a>'),
    ]
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value)
    return f'<div class="finding"><dl>{listed}</dl></div>'


def _place(place: dict[str, Any], finding: dict[str, Any], content: Content) -> str:
    quote = quotation(place["quote"])
    identifier = f"{finding['study']}/{place.get('claim')}"
    if any(claim["id"] == identifier for claim in content.claims):
        quote = claim_link(identifier, "claims.html", quote)
    return f"{escape(place['where'])}: {quote}"


def _numbers(finding: dict[str, Any], content: Content) -> str:
    named = {f"{finding['study']}/{place.get('claim')}" for place in finding["places"]}
    return ", ".join(
        f"{claim_link(claim['id'], 'claims.html')} ({_printed_and_ours(claim)}{escape(claim['status'])})"
        for claim in content.claims
        if claim["study"] == finding["study"]
        and (claim.get("finding") == finding["id"] or claim["id"] in named)
    )


def _printed_and_ours(claim: dict[str, Any]) -> str:
    """Return both numbers where they were compared, with a comma behind."""
    if claim.get("ours") is None or claim["status"] not in ("tension", "inconsistent"):
        return ""
    ours = with_unit(format_number(claim["ours"]), claim.get("unit"))
    return f"printed {with_unit(escape(claim['printed']), claim.get('unit'))}, ours {ours}, "


def _computation(pointer: str | None, content: Content) -> str:
    result = content.result(pointer)
    if not pointer or result is None:
        return f"not available in this build (<code>{escape(pointer)}</code>)"
    value = with_unit(f'<span class="num">{format_number(result.get("value"))}</span>', result.get("unit"))
    interval = result.get("interval")
    range_words = format_interval(interval) if interval and interval[0] != interval[1] else ""
    span = f" ({range_words})" if " to " in range_words else ""
    about = f"{inline_markdown(result['about'])}: " if result.get("about") else ""
    listed = {claim["id"] for claim in content.claims}
    used = ", ".join(
        claim_link(name, "claims.html") if name in listed else _source_words(name)
        for name in map(str, result.get("uses", []))
    )
    return f"{about}{value}{span}, in {result_link(pointer, content)}." + (f" From {used}." if used else "")


def _source_words(name: str) -> str:
    kind, _, what = name.partition(":")
    return (
        f"a simulation (<code>{escape(what)}</code>)"
        if kind == "simulated"
        else f"<code>{escape(name)}</code>"
    )
