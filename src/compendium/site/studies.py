"""Overview pages of the studies, and the first page of a person's own runs."""

from compendium.site.badges import count_badges, escape, evidence_badge, page_link, raw
from compendium.site.content import ChapterEntry, Content, StudyEntry
from compendium.site.pages import UNCOUNTED
from compendium.site.tables import html_table


def overview_page(study: StudyEntry, content: Content, prose: str | None) -> str:
    """Return a study's page: its prose if it has one, the paper, the chapters, how its numbers stand."""
    opening = prose.rstrip() if prose else f"# {study.short}\n\n{study.question}"
    paper = f"{escape(study.title)}. {escape(study.journal)}. "
    paper += f'<a href="https://doi.org/{escape(study.doi)}">doi:{escape(study.doi)}</a>' if study.doi else ""
    chapters = content.of_study(study.slug)
    rows = [[page_link(c.page, escape(c.title), 0), _chapter_counts(c, content)] for c in chapters]
    listed = (
        html_table(["Chapter", "Printed numbers it meets"], rows, name="chapters")
        if rows
        else "<p>No chapter yet.</p>"
    )
    claims = [
        c
        for c in content.claims
        if c["study"] == study.slug and c["role"] not in UNCOUNTED and c["evidence"] != "setting"
    ]
    standing = ""
    if claims:
        standing = (
            "## Where it stands\n"
            + raw(
                f"<p>{len(claims)} printed numbers are listed, settings not counted.</p>"
                f'<p class="badge-row">{count_badges((c["status"] for c in claims), "status")}</p>'
            )
            + "\nAll of them are on the page of [printed numbers](claims.md); disagreements are among the "
            "[findings](findings.md).\n"
        )
    return f"{opening}\n\n## The paper\n{raw(f'<p>{paper}</p>')}\n## Chapters\n{raw(listed)}\n{standing}"


def _chapter_counts(chapter: ChapterEntry, content: Content) -> str:
    if chapter.notebook is None:
        return '<span class="quiet">not executed in this build</span>'
    statuses = [
        c["status"] for c in content.claims if str(c.get("result") or "").startswith(f"{chapter.id}#")
    ]
    return f'<span class="badge-row">{count_badges(statuses, "status")}</span>' if statuses else "–"


def missing_chapter_page(chapter: ChapterEntry) -> str:
    """Return the page of a chapter that has not been executed, so that it does not vanish from the book."""
    return (
        f"# {chapter.title}\n\nThis chapter has not been executed in this build, or it stopped early. "
        f"`python3 run.py run {chapter.id}` executes it and says what happened.\n"
    )


def your_runs_page(content: Content) -> str:
    """Return the first page of the site of named runs: each run with its chapters and what was handed in."""
    rows = []
    for chapter in content.chapters:
        inputs = chapter.provenance.get("inputs") or chapter.results.get("inputs") or {}
        rows.append(
            [
                escape(chapter.run),
                page_link(chapter.page, escape(chapter.title), 0),
                _handed_in(inputs),
                _started(chapter),
            ]
        )
    head = ["Run", "Chapter", "Handed in", "Executed"]
    listed = raw(html_table(head, rows, name="runs")) if rows else "There is no run yet.\n"
    marked = raw(f"<p>Every number here is marked {evidence_badge('user')}.</p>")
    return (
        "# Your runs\n\nThese pages were computed from data that you handed in. They are kept apart from "
        "the published "
        "book, they are not compared with any paper, and they stay on this computer.\n"
        f"{marked}\n{listed}"
    )


def _handed_in(inputs: dict) -> str:
    names = []
    for name, entry in inputs.items():
        path = entry.get("path", "") if isinstance(entry, dict) else entry
        if path:
            names.append(f"{escape(name)}: {escape(str(path).rsplit('/', 1)[-1])}")
    return "<br>".join(names) or "parameters only"


def _started(chapter: ChapterEntry) -> str:
    return escape(chapter.provenance.get("started", "not recorded"))
