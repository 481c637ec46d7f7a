"""Overview pages of the studies, and the first page of a person's own runs."""

import re

from compendium.site.badges import escape, evidence_badge, page_link, raw
from compendium.site.cite import citation_block
from compendium.site.compare import comparison_links
from compendium.site.content import ChapterEntry, Content, StudyEntry
from compendium.site.headers import reading_words, shown_value
from compendium.site.pointers import finding_link
from compendium.site.standing import apart_words, standing_badges, standing_of
from compendium.site.tables import html_table

CHAPTER_ROW = re.compile(r"^\| `(\d\d_\w+)` \|", re.MULTILINE)
NOT_METHODS = ("base", "cohorts", "run")


def overview_page(study: StudyEntry, content: Content, prose: str | None) -> str:
    """Return a study's page: its prose if it has one, the paper, the chapters, how its numbers stand, its findings."""
    opening = (
        _link_rows(prose.rstrip(), study.slug, content) if prose else f"# {study.short}\n\n{study.question}"
    )
    paper = f"{escape(study.title)}. {escape(study.journal)}. "
    paper += f'<a href="https://doi.org/{escape(study.doi)}">doi:{escape(study.doi)}</a>' if study.doi else ""
    chapters = content.of_study(study.slug)
    rows = [[page_link(c.page, escape(c.title), 0), _chapter_counts(c, content)] for c in chapters]
    listed = (
        html_table(["Chapter", "Printed numbers it meets"], rows, name="chapters")
        if rows
        else "<p>No chapter yet.</p>"
    )
    listed += _methods(chapters)
    parts = [opening, f"## The paper\n{raw(f'<p>{paper}</p>')}", f"## Chapters\n{raw(listed)}"]
    parts += [_where_it_stands(study, content), _findings(study, content)]
    parts.append(raw(citation_block(study.slug, study.short, study.slug)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _link_rows(prose: str, study: str, content: Content) -> str:
    """Let each row of a hand-written table that names a chapter lead to it, where the chapter is in the book."""
    pages = {chapter.page for chapter in content.of_study(study)}

    def row(found: re.Match[str]) -> str:
        words = found[1].replace("_", " ").replace("mri", "MRI")
        page = f"{study}/{found[1]}"
        return f"| {page_link(page, words, 0) if page in pages else words} |"

    return CHAPTER_ROW.sub(row, prose)


def _methods(chapters: list[ChapterEntry]) -> str:
    """Return which parts of the package the chapters use, each with a link to its reference."""
    groups = {module.split(".")[0] for chapter in chapters for module in chapter.calls if "." in module}
    links = [
        page_link(f"api/{group}", f"<code>compendium.{group}</code>", 0)
        for group in sorted(groups.difference(NOT_METHODS))
    ]
    return f"<p>Methods of these chapters in the package: {', '.join(links)}.</p>" if links else ""


def _where_it_stands(study: StudyEntry, content: Content) -> str:
    claims = [claim for claim in content.claims if claim["study"] == study.slug]
    if not claims:
        return ""
    standing = standing_of(claims)
    ledger = f"claims.html?study={study.slug}"
    verb = "stands" if sum(standing.apart.values()) == 1 else "stand"
    apart = f" Beside them {verb} {apart_words(standing.apart)}, never counted." if standing.apart else ""
    drawn = sum(bool(item.get("figure")) for item in content.inventory if item["study"] == study.slug)
    items = sum(item["study"] == study.slug for item in content.inventory)
    inventory = (
        f' {drawn} of the <a href="inventory.html#{study.slug}-items">{items} figures and tables</a> are drawn again.'
        if items
        else ""
    )
    return "## Where it stands\n" + raw(
        f'<p>{standing.counted or "No"} <a href="{ledger}">printed numbers</a> are counted.{apart}{inventory}</p>'
        f'<p class="standing">{standing_badges(standing, ledger)}</p>'
    )


def _findings(study: StudyEntry, content: Content) -> str:
    found = [finding for finding in content.findings if finding["study"] == study.slug]
    if not found:
        return ""
    weighty = [finding for finding in found if finding["weight"] == "substantive"]
    links = "".join(f"<li>{finding_link(finding)}</li>" for finding in weighty)
    notes = len(found) - len(weighty)
    rest = (
        page_link("findings", f"{notes} {'note' if notes == 1 else 'notes'}", 0, study.slug) if notes else ""
    )
    return "## Findings\n" + raw(
        (f"<ul>{links}</ul>" if links else "") + (f"<p>And {rest}.</p>" if rest else "")
    )


def _chapter_counts(chapter: ChapterEntry, content: Content) -> str:
    if chapter.notebook is None:
        return '<span class="quiet">not executed in this build</span>'
    claims = [c for c in content.claims if str(c.get("result") or "").startswith(f"{chapter.id}#")]
    return standing_badges(standing_of(claims)) or "–"


def missing_chapter_page(chapter: ChapterEntry) -> str:
    """Return the page of a chapter that has not been executed, so that it does not vanish from the book."""
    return (
        f"# {chapter.title}\n\nThis chapter has not been executed in this build, or it stopped early. "
        f"`python3 run.py run {chapter.id}` executes it and says what happened.\n"
    )


def your_runs_page(content: Content) -> str:
    """Return the first page of the site of named runs: each run with its chapters and what was handed in."""
    rows = [
        [
            escape(chapter.run),
            page_link(chapter.page, escape(chapter.title), 0),
            _handed_in(chapter),
            _parameters(chapter),
            _started(chapter),
        ]
        for chapter in content.chapters
    ]
    head = ["Run", "Chapter", "Handed in", "Parameters", "Executed"]
    listed = raw(html_table(head, rows, name="runs")) if rows else "There is no run yet.\n"
    marked = raw(
        f"<p>Numbers that were computed from what you handed in are marked {evidence_badge('user')}. A run that only "
        "changes parameters computes from the printed counts.</p>"
    )
    return (
        "# Your runs\n\nThese pages were computed from data or parameters of yours. They are kept apart from the "
        "published book, they are not compared with any paper, and they stay on this computer.\n"
        f"{marked}\n{listed}\n\n{comparison_links(content)}"
    )


def _handed_in(chapter: ChapterEntry) -> str:
    inputs = chapter.provenance.get("inputs") or {}
    names = []
    for name, entry in inputs.items():
        path = entry.get("path", "") if isinstance(entry, dict) else entry
        names.append(f"{escape(name)}: {escape(shown_value(path))}" if path else escape(name))
        said = entry.get("reading") if isinstance(entry, dict) else None
        names += [f"<code>{escape(word)}</code>" for word in reading_words(said or {})]
    return "<br>".join(names) or "nothing: printed counts, your parameters"


def _parameters(chapter: ChapterEntry) -> str:
    values = chapter.results.get("parameters") or chapter.provenance.get("parameters") or {}
    return (
        "<br>".join(f"<code>{escape(k)} = {escape(shown_value(v))}</code>" for k, v in values.items()) or "–"
    )


def _started(chapter: ChapterEntry) -> str:
    return escape(chapter.provenance.get("started", "not recorded"))
