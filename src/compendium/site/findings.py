"""The page of findings: where a paper does not agree with itself."""

from typing import Any

from compendium.site.badges import (
    escape,
    format_interval,
    format_number,
    inline_markdown,
    page_link,
    raw,
    with_unit,
)
from compendium.site.content import Content, StudyEntry


def finding_anchor(study: str, finding: str) -> str:
    """Return the anchor of a finding on the page of findings."""
    return f"{study}-{finding.split('/')[-1]}"


def findings_page(content: Content) -> str:
    """Return the page of places where a paper does not agree with itself: substantive first, notes folded."""
    text = [
        "# Findings\n\nPlaces where two statements of one paper are not compatible with each other. Each "
        "names both "
        "places, what was assumed, the benign explanations that were tried and the computation that was "
        "run. A finding "
        "is a question to the authors, not a judgement: it may have a simple cause, and the supplement "
        "may hold it.\n"
    ]
    for study in content.studies.values():
        found = [finding for finding in content.findings if finding["study"] == study.slug]
        if not found:
            continue
        text.append(f"({study.slug})=\n## {study.short}\n")
        for finding in (f for f in found if f["weight"] == "substantive"):
            anchor = finding_anchor(study.slug, finding["id"])
            text.append(f"({anchor})=\n### {finding['title']}\n{raw(_finding_body(finding, content))}")
        notes = [finding for finding in found if finding["weight"] != "substantive"]
        if notes:
            text.append(raw("".join(_folded(note, study, content) for note in notes)))
    if not content.findings:
        text.append("None has been recorded yet.\n")
    text.append(
        "## To the authors\n\nIf you wrote one of these papers and can explain a finding, please open an "
        "issue in the "
        "repository or send a note. Your reply is printed beside the finding, and if it settles the "
        "matter, the "
        "finding is closed and says so.\n"
    )
    return "\n".join(text)


def _folded(note: dict[str, Any], study: StudyEntry, content: Content) -> str:
    anchor = finding_anchor(study.slug, note["id"])
    summary = f"Note: {inline_markdown(note['title'])}"
    body = _finding_body(note, content)
    return f'<details class="note" id="{anchor}"><summary>{summary}</summary>{body}</details>\n'


def _finding_body(finding: dict[str, Any], content: Content) -> str:
    places = "".join(f"<li>{escape(p['where'])}: “{escape(p['quote'])}”</li>" for p in finding["places"])
    assumed = "".join(f"<li>{inline_markdown(line)}</li>" for line in finding["assumptions"])
    benign = "".join(
        f"<li>{inline_markdown(b['explanation'].rstrip('.'))}: <em>{inline_markdown(b['outcome'])}</em></li>"
        for b in finding["benign"]
    )
    read = "yes" if finding["supplement_read"] else "no; it may settle the matter"
    return (
        f'<div class="finding"><dl><dt>Two places</dt><dd><ul>{places}</ul></dd>'
        f"<dt>Assumed</dt><dd><ul>{assumed}</ul></dd>"
        f"<dt>Benign explanations tried</dt><dd><ul>{benign}</ul></dd>"
        f"<dt>Computed</dt><dd>{_computation(finding.get('result'), content)}</dd>"
        f"<dt>What it changes</dt><dd>{inline_markdown(finding['changes'])}</dd>"
        f"<dt>Supplement read</dt><dd>{read}</dd></dl></div>"
    )


def _computation(pointer: str | None, content: Content) -> str:
    result = content.result(pointer)
    if not pointer or result is None:
        return f"not available in this build (<code>{escape(pointer)}</code>)"
    value = with_unit(f'<span class="num">{format_number(result.get("value"))}</span>', result.get("unit"))
    interval = result.get("interval")
    span = f" (between {format_interval(interval)})" if interval and interval[0] != interval[1] else ""
    chapter = content.chapter(pointer.split("#")[0])
    where = page_link(chapter.page, escape(chapter.title), 0) if chapter else ""
    used = ", ".join(f"<code>{escape(str(name).split('/')[-1])}</code>" for name in result.get("uses", []))
    about = inline_markdown(result.get("about") or f"`{pointer.split('#')[1]}`")
    return f"{about}: {value}{span}, in {where}." + (f" From {used}." if used else "")
