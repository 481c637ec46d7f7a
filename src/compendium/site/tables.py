"""HTML tables of the generated pages."""

from collections.abc import Iterable, Sequence

from compendium.site.badges import escape


def html_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    caption: str = "",
    name: str = "",
    row_ids: Sequence[str] | None = None,
) -> str:
    """Return a table whose cells are HTML already; each cell carries its column's name for narrow screens.

    Parameters
    ----------
    head : column headings, plain text.
    rows : cells as HTML; the first cell of a row is its heading.
    caption : plain text above the table.
    name : class of the table.
    row_ids : anchors of the rows, as many as there are rows.
    """
    columns = [escape(column) for column in head]
    lines = [f'<table class="c-list {name}">' + (f"<caption>{escape(caption)}</caption>" if caption else "")]
    lines.append(
        "<thead><tr>"
        + "".join(f'<th scope="col">{column}</th>' for column in columns)
        + "</tr></thead><tbody>"
    )
    for index, row in enumerate(rows):
        anchor = f' id="{escape(row_ids[index])}"' if row_ids else ""
        first = f'<th scope="row" data-label="{columns[0]}">{row[0]}</th>'
        rest = "".join(
            f'<td data-label="{label}">{cell}</td>' for label, cell in zip(columns[1:], row[1:], strict=True)
        )
        lines.append(f"<tr{anchor}>{first}{rest}</tr>")
    return "\n".join([*lines, "</tbody></table>"])
