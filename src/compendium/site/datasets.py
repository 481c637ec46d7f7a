"""The page "Data sets": what the papers publish or name, how a person gets it, and what practice asks to be stated."""

from collections.abc import Mapping

from compendium import paths
from compendium.io.manifest import Dataset, load_manifest
from compendium.io.practice import ITEMS, Standing
from compendium.site.badges import escape, evidence_badge, inline_markdown, raw
from compendium.site.content import Content
from compendium.site.tables import html_table

MANIFEST = ("data", "manifest.yaml")
INTRODUCTION = """# Data sets

What the papers publish or name and this book does not hold: where each is said to be, on which terms, and the name under
which a file of it is recognised when it lies in `build/data/`. Chapters that know it then use it, and the numbers that
waited for it are scored.

Each entry is held against nine questions, in our words after Boxes 1 and 2 of
[Bischof et al.](bischof2024.md): what a second laboratory must know before it may combine, compare or pool. Missing means
that the paper's text does not say it, or that nobody has typed it here yet; nothing is filled in for the authors.
The same questions are asked of [your own data](your-data.md).
"""


def datasets_page(content: Content) -> str:
    """Return the page of data sets, study by study, and how complete each entry is."""
    path = paths.root().joinpath(*MANIFEST)
    datasets = load_manifest(path) if path.is_file() else ()
    text = [INTRODUCTION, raw(_questions(datasets))]
    for study in content.studies.values():
        own = [dataset for dataset in datasets if dataset.study == study.slug]
        text.append(f"({study.slug}-data)=\n## {study.short}\n")
        text.append(
            "".join(_entry(d) for d in own) if own else "The paper publishes no data and names none.\n"
        )
    return "\n".join(text)


def _questions(datasets: tuple[Dataset, ...]) -> str:
    tables = [dataset.standing for dataset in datasets if dataset.kind in ("table", "images")]
    rows = [
        [
            f"{escape(item.question)} <code>{item.key}</code>",
            escape(item.place),
            f"{sum(item.key not in standing.missing for standing in tables)} of {len(tables)}",
        ]
        for item in ITEMS
    ]
    return html_table(["Question", "Place", "Tables and images that answer"], rows, name="inventory practice")


def _entry(dataset: Dataset) -> str:
    here = (paths.build() / "data" / dataset.file).exists()
    rows = [
        ["Source", escape(dataset.source)],
        ["How to get it", inline_markdown(dataset.how)],
        ["File", f"<code>build/data/{escape(dataset.file)}</code>{': here' if here else ''}"],
        [
            "Checksum",
            f"<code>{dataset.sha256}</code>" if dataset.sha256 else "not known before it is retrieved",
        ],
        *practice_rows(dataset.standing),
    ]
    badge = raw(f'<p class="standing">{evidence_badge(dataset.evidence)} {escape(dataset.kind)}</p>')
    return (
        f"### {dataset.id}\n{badge}{raw(html_table(['What', 'Stated'], rows, name='inventory data-set'))}\n"
    )


def practice_rows(standing: Standing) -> list[list[str]]:
    """Return the rows on practice: what is stated, what does not apply and why, and one row of what is missing."""
    questions: Mapping[str, str] = {item.key: item.question for item in ITEMS}
    rows = [[escape(questions[key]), escape(text)] for key, text in standing.stated.items()]
    rows += [
        [escape(questions[key]), f"does not apply: {escape(text)}"]
        for key, text in standing.not_applicable.items()
    ]
    if standing.missing:
        missing = "; ".join(escape(questions[key]) for key in standing.missing)
        rows.append(["<strong>Missing</strong>", missing])
    return rows
