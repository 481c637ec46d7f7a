"""Repairs of rendered pages: anchors of cells, captions with links, and what assistive technology needs."""

import re
from collections.abc import Callable
from typing import Any

from bs4 import BeautifulSoup, Tag

from compendium.site.badges import escape, evidence_badge, status_badge

FILE_WORDS = (("csv", "CSV"), ("svg", "SVG"), ("pdf", "PDF"), ("png", "PNG"))


def repair_page(page: str, extras: dict[str, Any] | None = None, files: str = "") -> str:
    """Return a rendered page repaired and completed; doing it twice changes nothing more.

    Parameters
    ----------
    page : HTML of one page.
    extras : what `prepare_notebook` returned for it: figures and tables by name.
    files : path from the page to the folder of its files.
    """
    soup = BeautifulSoup(page, "html.parser")
    _number_cells(soup)
    _merge_folded_cells(soup)
    for name, figure in (extras or {}).get("figures", {}).items():
        _complete_figure(soup, name, figure, files)
    _repair_tables(soup)
    _repair_citations(soup)
    _repair_names(soup)
    return str(soup)


def _number_cells(soup: BeautifulSoup) -> None:
    for cell in soup.select("div.cell"):
        number = next((name for name in cell["class"] if name.startswith("tag_cell-")), None)
        if number:
            cell["id"] = number.removeprefix("tag_")
            cell["class"] = [name for name in cell.get_attribute_list("class") if name != number]  # type: ignore[assignment]


def _merge_folded_cells(soup: BeautifulSoup) -> None:
    """Put the folded code of cells that follow one another behind one line below what they show.

    Links to a cell then lead to its place in the fold.
    """
    for cell in soup.select("div.cell:has(> details.hide)"):
        if cell.decomposed or not _is_folded(cell):
            continue
        block = [cell]
        while (following := block[-1].find_next_sibling()) and _is_folded(following):
            block.append(following)
        if len(block) > 1 or cell.find(class_="cell_output", recursive=False):
            _merge(soup, block)


def _is_folded(cell: Tag) -> bool:
    return "cell" in cell.get_attribute_list("class") and bool(
        cell.find("details", class_="hide", recursive=False)
    )


def _merge(soup: BeautifulSoup, block: list[Tag]) -> None:
    fold: Tag | None = None
    for cell in block:
        details = cell.find("details", class_="hide", recursive=False)
        assert isinstance(details, Tag)  # that is what makes it a folded cell
        details.extract()
        if fold is None:
            fold = details
            codes = list(details.find_all(class_="cell_input", recursive=False))
            for code in codes:
                code.extract()
        else:
            codes = details.find_all(class_="cell_input", recursive=False)
        if cell.get("id"):
            fold.append(soup.new_tag("span", id=str(cell["id"])))
            del cell["id"]
        for code in codes:
            fold.append(code)
    home = soup.new_tag("div", attrs={"class": "cell tag_hide-input code-fold docutils container"})
    home.append(fold)  # type: ignore[arg-type]
    block[-1].insert_after(home)
    for cell in block:
        if not cell.find(class_="cell_output"):
            cell.decompose()


def _complete_figure(soup: BeautifulSoup, name: str, figure: dict[str, Any], files: str) -> None:
    element = soup.find(id=figure["label"])
    if not isinstance(element, Tag) or soup.find(id=name):
        return
    element.insert(0, soup.new_tag("span", id=name))
    kinds = figure["files"]
    links = [
        f'<a href="{escape(files)}/{escape(kinds[kind])}" download="">{word}</a>'
        for kind, word in FILE_WORDS
        if kind in kinds
    ]
    links.append(f'<a href="#cell-{figure["cell"]}">the cell that draws it</a>')
    markup = f'<p class="figure-links">{" · ".join(links)}</p>'
    image = element.find("img")
    if isinstance(image, Tag):
        _frame_image(soup, image, f"{files}/{kinds['svg']}" if "svg" in kinds else "")
    caption = element.find("figcaption")
    if not isinstance(caption, Tag):
        caption = soup.new_tag("figcaption")
        element.append(caption)
    caption.append(BeautifulSoup(markup, "html.parser"))


def _frame_image(soup: BeautifulSoup, image: Tag, drawing: str) -> None:
    """Let a figure scroll sideways where the screen is narrower than it can be read, and open alone when tapped."""
    label = f"Figure: {' '.join(str(image.get('alt', '')).split())[:80]}"
    frame = soup.new_tag(
        "div", attrs={"class": "figure-scroll", "tabindex": "0", "role": "region", "aria-label": label}
    )
    outer = image.parent if isinstance(image.parent, Tag) and image.parent.name == "a" else image
    outer.wrap(frame)
    if drawing and outer is image:
        image.wrap(
            soup.new_tag("a", attrs={"href": drawing, "class": "enlarge", "title": "Show the figure alone"})
        )


def _repair_tables(soup: BeautifulSoup) -> None:
    for number, table in enumerate(soup.select("article table"), 1):
        del table["border"]
        for cell in table.find_all("th"):
            if not cell.get_text(strip=True):
                cell.name = "td"
                del cell["scope"]
            elif not cell.get("scope"):
                cell["scope"] = "col" if cell.find_parent("thead") else "row"
        for row in table.select("tr[style]"):
            del row["style"]
        if table.find_parent(class_="table-scroll"):
            continue
        _shape_table(soup, table)
        label = _table_label(table, number)
        table.wrap(
            soup.new_tag(
                "div", attrs={"class": "table-scroll", "tabindex": "0", "role": "region", "aria-label": label}
            )
        )


def _shape_table(soup: BeautifulSoup, table: Tag) -> None:
    """Show evidence and status as badges, and a claim's place below its name, in tables that have them."""
    heads = [head.get_text(strip=True) for head in table.select("thead th, thead td")]
    if len(heads) > 6:
        sizes = ["wide", "dense"] if len(heads) > 8 else ["wide"]
        table["class"] = " ".join([*table.get_attribute_list("class"), *sizes])
    if not {"claim", "where", "evidence", "status"} <= set(heads):
        return
    claim, place = heads.index("claim"), heads.index("where")
    for row in table.select("tbody tr"):
        cells = row.find_all(["td", "th"], recursive=False)
        for column, badge in (("evidence", evidence_badge), ("status", status_badge)):
            _badge_cell(cells[heads.index(column)], badge)
        note = soup.new_tag("span", attrs={"class": "place"})
        note.string = cells[place].get_text(" ", strip=True)
        cells[claim].append(note)
        cells[place].decompose()
    table.select("thead th, thead td")[place].decompose()


def _badge_cell(cell: Tag, badge: Callable[[str], str]) -> None:
    word, _, rest = cell.get_text(" ", strip=True).partition(" (")
    cell.clear()
    cell.append(
        BeautifulSoup(
            badge(word) + (f' <span class="place">{escape(rest.rstrip(")"))}</span>' if rest else ""),
            "html.parser",
        )
    )


def _table_label(table: Tag, number: int) -> str:
    caption = table.find("caption") or (table.find_parent("figure") or table).find("figcaption")
    text = " ".join(caption.get_text(" ", strip=True).split()) if caption else ""
    return f"Table {number}: {text[:80]}" if text else f"Table {number}"


def _repair_citations(soup: BeautifulSoup) -> None:
    for element in soup.select(
        "[role=doc-biblioentry], .citation-list, .citation[role], .footnote-list [role]"
    ):
        del element["role"]
    for element in soup.select("span.fn-bracket"):
        element["aria-hidden"] = "true"


def _repair_names(soup: BeautifulSoup) -> None:
    for summary in soup.select("summary"):
        if summary.get_text(strip=True):
            del summary["aria-label"]
        else:
            parent = summary.find_parent("li")
            section = parent.find("a") if isinstance(parent, Tag) else None
            title = " ".join(section.get_text(" ", strip=True).split()) if isinstance(section, Tag) else ""
            summary["aria-label"] = f"Pages of {title}" if title else "Show more"
    sidebar = soup.select_one("div.bd-sidebar-primary")
    if sidebar:
        sidebar["role"], sidebar["aria-label"] = "complementary", "Site"
    for hidden in soup.select("button .theme-switch, button .search-button__kbd-shortcut"):
        hidden["aria-hidden"] = "true"
        del hidden["title"]
    for button in soup.select("button.search-button-field[aria-label]"):
        del button["aria-label"]
    for field in soup.select("input[type=search]"):
        field["aria-label"] = "Search the book"
    for output in soup.select("div.cell_output pre, div.cell_input pre, div.highlight pre, div.math"):
        output["tabindex"] = "0"


def bad_alternatives(page: str) -> list[str]:
    """Return the sources of a page's pictures whose alternative text is missing or is a file name.

    >>> bad_alternatives('<article><img src="a.svg" alt="_images/a.svg"></article>')
    ['a.svg']
    """
    images = re.findall(r"<img\b[^>]*>", page)
    bad = []
    for image in images:
        alternative = re.search(r'\balt="([^"]*)"', image)
        text = alternative.group(1).strip() if alternative else ""
        if not text or re.match(r"(\.\./)*_images", text) or re.fullmatch(r"\S+\.(svg|png|jpe?g)", text):
            source = re.search(r'\bsrc="([^"]*)"', image)
            bad.append(source.group(1) if source else "?")
    return bad
