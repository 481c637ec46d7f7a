"""The page of an audit: one file that opens anywhere, the outcomes that need reading first."""

import html
from collections import Counter

from compendium.evidence.audit import Outcome

ORDER = ("not compatible", "tension", "consistent", "information")
MEANING = {
    "not compatible": "no values inside the printed intervals satisfy the check, under the assumptions listed",
    "tension": "it fits only under the convention named",
    "consistent": "some values inside the printed intervals satisfy the check",
    "information": "nothing is tested here, but this follows",
}
_STYLE = """
:root{color-scheme:light dark;--ink:#22262b;--paper:#fff;--line:#d5d9df;--quiet:#5b6470}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--paper:#15181c;--line:#3a4048;--quiet:#a4acb6}}
body{font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:62rem}
body{margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem;line-height:1.2}h2{font-size:1.2rem;margin-top:2.2rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
caption{text-align:left;color:var(--quiet);padding:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.45rem .8rem .45rem 0;border-bottom:1px solid var(--line)}
.quiet{color:var(--quiet);font-size:.9rem}
"""


def audit_page(title: str, outcomes: list[Outcome]) -> str:
    """Return the report as one HTML document without any other file; every text is escaped."""
    counts = Counter(o.status for o in outcomes)
    summary = ", ".join(f"{counts[s]} {s}" for s in ORDER if counts[s]) or "nothing was checked"
    sections = [
        _section(status, [o for o in outcomes if o.status == status]) for status in ORDER if counts[status]
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}: printed statistics</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{html.escape(title)}: do the printed statistics fit together?</h1><p>{summary}.</p>"
        "<p>A printed number admits half a unit of its last digit on both sides. “Not compatible” holds under the "
        "assumptions named in its row: another definition, exclusion, rounding rule or supplement can dissolve it, and "
        "says nothing about how it came about.</p>"
        f"{''.join(sections)}</main></body></html>\n"
    )


def _section(status: str, outcomes: list[Outcome]) -> str:
    rows = "".join(_row(o) for o in outcomes)
    head = "".join(
        f'<th scope="col">{c}</th>' for c in ("Statement", "Printed", "Check", "What follows", "Assumptions")
    )
    label = f"{status}, {len(outcomes)}"
    return (
        f"<h2>{status.capitalize()} ({len(outcomes)})</h2>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>'
        f"<caption>{MEANING[status]}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(o: Outcome) -> str:
    printed = "; ".join(
        f"{k} = {', '.join(v) if isinstance(v, list) else v}" for k, v in o.statement.values.items()
    )
    place = f'<br><span class="quiet">{html.escape(o.statement.where)}</span>' if o.statement.where else ""
    convention = f"fits only if: {o.convention}. " if o.convention else ""
    cells = [
        f"{html.escape(o.statement.id)}{place}",
        html.escape(printed),
        html.escape(o.check),
        html.escape(convention + o.detail),
        f'<span class="quiet">{html.escape("; ".join(o.assumptions))}</span>',
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
