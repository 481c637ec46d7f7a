"""The gallery: every figure of every chapter at a glance."""

import re

from compendium.site.badges import escape, inline_markdown, page_link, raw
from compendium.site.content import ChapterEntry, Content


def gallery_page(content: Content) -> str:
    """Return the page of all figures, study by study, each with its caption and a link to its place."""
    text = [
        "# Figure gallery\n\nEvery figure of the book. Figures that draw a paper's figure again say so in their caption; "
        "figures of synthetic data are watermarked. Which figures of the papers are not drawn, and why, is in the "
        "[inventory](inventory.md).\n"
    ]
    for study in content.studies.values():
        cards = [
            _card(chapter, name, figure)
            for chapter in content.of_study(study.slug)
            for name, figure in chapter.results.get("figures", {}).items()
            if (chapter.figures / f"{name}.svg").is_file()
        ]
        if cards:
            grid = raw(f'<div class="gallery">{"".join(cards)}</div>')
            text.append(f"## {study.short}\n{grid}")
    return "\n".join(text) if len(text) > 1 else text[0] + "\nNo chapter has been executed in this build.\n"


def _card(chapter: ChapterEntry, name: str, figure: dict[str, str]) -> str:
    image = f'<img src="files/{chapter.page}/{escape(name)}.svg" alt="{escape(figure.get("alt") or name)}" loading="lazy">'
    place = page_link(chapter.page, escape(chapter.title), 0, escape(name))
    return (
        f'<figure class="gallery-card">{page_link(chapter.page, image, 0, escape(name))}'
        f"<figcaption>{inline_markdown(_without_formulas(figure.get('caption', '')))} "
        f'<span class="place">{place}</span></figcaption></figure>'
    )


def _without_formulas(caption: str) -> str:
    """Return a caption whose formulas are plain letters; the page of figures sets none.

    >>> _without_formulas("counts at $n = 3$ and $R^2$")
    'counts at n = 3 and R^2'
    """
    return re.sub(r"\$([^$]+)\$", r"\1", caption)
