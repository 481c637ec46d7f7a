"""Links from one thing to another: claims, findings, results, studies."""

from typing import Any

from compendium.site.badges import escape, inline_markdown, page_link
from compendium.site.content import Content


def claim_anchor(identifier: str) -> str:
    """Return the anchor of a claim on the page of printed numbers.

    >>> claim_anchor("stadlbauer2025/uperf-accuracy")
    'stadlbauer2025-uperf-accuracy'
    """
    return identifier.replace("/", "-")


def claim_link(identifier: str, page: str = "", text: str = "") -> str:
    """Return a link to a claim; `page` is the path of the page of printed numbers, empty on that page itself."""
    return (
        f'<a href="{page}#{escape(claim_anchor(identifier))}">{text or escape(identifier.split("/")[-1])}</a>'
    )


def finding_anchor(study: str, finding: str) -> str:
    """Return the anchor of a finding on the page of findings."""
    return f"{study}-{finding.split('/')[-1]}"


def finding_title(finding: dict[str, Any]) -> str:
    """Return a finding's title as HTML."""
    return inline_markdown(finding["title"])


def finding_link(finding: dict[str, Any], depth: int = 0) -> str:
    """Return a link to a finding from a page `depth` folders deep."""
    return page_link(
        "findings", finding_title(finding), depth, finding_anchor(finding["study"], finding["id"])
    )


def result_link(pointer: str, content: Content, depth: int = 0) -> str:
    """Return a link to the cell that records a result, or to its chapter; the pointer where neither is in the book."""
    identifier, _, name = pointer.partition("#")
    chapter = content.chapter(identifier)
    if chapter is None:
        return f"<code>{escape(pointer)}</code>"
    anchor = f"cell-{chapter.cells[name]}" if name in chapter.cells else ""
    return f"{page_link(chapter.page, escape(chapter.title), depth, anchor)} (<code>{escape(name)}</code>)"


def findings_of_chapter(chapter: str, content: Content) -> list[dict[str, Any]]:
    """Return the findings that a chapter computes or meets, substantive ones first."""
    met = {
        (claim["study"], claim.get("finding"))
        for claim in content.claims
        if str(claim.get("result") or "").startswith(f"{chapter}#")
    }
    found = [
        finding
        for finding in content.findings
        if finding["result"].startswith(f"{chapter}#") or (finding["study"], finding["id"]) in met
    ]
    return sorted(found, key=lambda finding: finding["weight"] != "substantive")
