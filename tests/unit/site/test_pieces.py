"""The pieces of the site: escaping, numbers, notebooks, repairs, links, the reference of the package."""

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from compendium.run.user_paths import without_user_paths
from compendium.site.accessibility import bad_alternatives, repair_page
from compendium.site.api import api_pages
from compendium.site.badges import count_badges, format_number, inline_markdown, raw
from compendium.site.build import first_warning, is_current
from compendium.site.content import ChapterEntry
from compendium.site.errors import SiteError
from compendium.site.finish import check_site
from compendium.site.ledger import sections_of
from compendium.site.links import result_cells
from compendium.site.notebooks import prepare_notebook
from compendium.site.offline import external_requests, mathjax_folder
from compendium.site.serve import open_server
from compendium.site.standing import kind_of, standing_badges, standing_of


def chapter(tmp_path: Path) -> ChapterEntry:
    return ChapterEntry(
        "s2025/01_a", "s2025", "A", "s2025/01_a", "published", tmp_path / "01_a.ipynb", tmp_path
    )


def notebook(*cells: dict) -> dict:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [{"cell_type": "markdown", "metadata": {}, "source": "# A\n\nText.\n"}, *cells],
    }


def figure_cell(**figure: str) -> dict:
    output = {
        "output_type": "display_data",
        "data": {"image/svg+xml": "<svg/>"},
        "metadata": {"compendium": {"figure": figure}},
    }
    return {
        "cell_type": "code",
        "metadata": {},
        "source": "draw()",
        "outputs": [output],
        "execution_count": 1,
    }


def test_badges_stand_strongest_first_and_count() -> None:
    badges = count_badges(["not scored", "consistent", "inconsistent", "consistent"], "status")
    assert [
        badges.index(w) for w in ("status-consistent", "status-inconsistent", "status-not-scored")
    ] == sorted(badges.index(w) for w in ("status-consistent", "status-inconsistent", "status-not-scored"))
    assert '<span class="badge-count">2</span> consistent' in badges


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.5, 3, "0.500"),
        (-0.37, None, "−0.37"),
        (5.0, 2, "5"),
        (2.3e-9, 3, "2.300 × 10<sup>−9</sup>"),
        (float("nan"), None, "not finite"),
        ("<b>", None, "&lt;b&gt;"),
    ],
)
def test_numbers_are_written_for_reading(value: object, decimals: int | None, text: str) -> None:
    assert format_number(value, decimals) == text


def test_markdown_of_captions_cannot_carry_html() -> None:
    assert "<script>" not in inline_markdown("<script>alert(1)</script> *a*")


def test_raw_html_is_fenced_longer_than_what_it_holds() -> None:
    assert raw("a ```` b").strip().startswith("`````{raw} html")


def test_figure_gets_alternative_text_caption_and_a_name_of_its_own(tmp_path: Path) -> None:
    prepared, extras = prepare_notebook(
        notebook(figure_cell(name="fig-a", caption="C", alt="Rises\nto 3.")), chapter(tmp_path), ""
    )
    shown = prepared["cells"][1]["metadata"]["mystnb"]
    assert shown["image"]["alt"] == "Rises to 3."
    assert shown["figure"] == {"caption": "C", "name": "s2025-01-a-fig-a"}
    assert extras["figures"]["fig-a"]["cell"] == 1


def test_figure_without_alternative_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r's2025/01_a: every figure has alternative text\. "fig-a" has none'):
        prepare_notebook(notebook(figure_cell(name="fig-a", caption="C", alt=" ")), chapter(tmp_path), "")


def test_written_file_is_linked_and_its_text_escaped(tmp_path: Path) -> None:
    cell = figure_cell(name="fig-a", caption="C", alt="B")
    mark = {"file": {"name": "warp.nii.gz", "about": "the <b>warp</b>", "bytes": 2048}}
    cell["outputs"] = [
        {"output_type": "display_data", "data": {"text/plain": ""}, "metadata": {"compendium": mark}}
    ]
    prepared, _ = prepare_notebook(notebook(cell), chapter(tmp_path), "")
    shown = next(c for c in prepared["cells"] if c["cell_type"] == "code")["outputs"][0]["data"]["text/html"]
    assert '/warp.nii.gz" download>warp.nii.gz</a>' in shown
    assert "2.0 KiB" in shown
    assert "<b>" not in shown


def test_chapter_without_a_heading_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="one heading of level one"):
        prepare_notebook({"nbformat": 4, "metadata": {}, "cells": []}, chapter(tmp_path), "")


def test_original_notebook_is_left_alone(tmp_path: Path) -> None:
    original = notebook(figure_cell(name="fig-a", caption="C", alt="B"))
    before = json.dumps(original)
    prepare_notebook(original, chapter(tmp_path), "")
    assert json.dumps(original) == before


def test_repair_twice_is_repair_once() -> None:
    page = (
        '<html><body><article><div class="cell tag_cell-2"><figure id="s-fig-a"><img src="x.svg" alt="A bar"><figcaption>C</figcaption></figure></div>'
        '<table border="1"><thead><tr><th></th><th>a</th></tr></thead><tbody><tr><th>r</th><td>1</td></tr></tbody></table></article></body></html>'
    )
    extras = {
        "figures": {"fig-a": {"label": "s-fig-a", "cell": 2, "files": {"csv": "fig-a.csv"}}},
        "tables": {},
    }
    once = repair_page(page, extras, "files/s")
    assert repair_page(once, extras, "files/s") == once
    assert 'id="cell-2"' in once and 'href="#cell-2"' in once and 'href="files/s/fig-a.csv"' in once
    assert "<th></th>" not in once and 'scope="row"' in once and 'role="region"' in once


def test_agreement_table_shows_badges_and_keeps_the_route() -> None:
    head = "".join(f"<th>{name}</th>" for name in ("claim", "where", "evidence", "status"))
    row = "<tr><td>accuracy</td><td>Results</td><td>internal</td><td>consistent (matrix)</td></tr>"
    page = repair_page(
        f"<article><table><thead><tr>{head}</tr></thead><tbody>{row}</tbody></table></article>"
    )
    assert "status-consistent" in page and "evidence-internal" in page
    assert '<span class="place">matrix</span>' in page and '<span class="place">Results</span>' in page
    assert page.count("<th") == 3 + page.count("<thead")


def test_alternative_text_that_is_a_path_is_no_alternative_text() -> None:
    assert bad_alternatives(
        '<img src="1" alt="../_images/a.svg"><img src="2" alt="plot.png"><img src="3"><img src="4" alt="A plot.">'
    ) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "markup",
    [
        '<link rel="stylesheet" href="https://fonts.org/a.css">',
        '<img src="//cdn.org/a.png">',
        '<script async src="http://a.org/b.js"></script>',
    ],
)
def test_addresses_on_other_hosts_are_found(markup: str) -> None:
    assert len(external_requests(markup)) == 1


def test_links_that_a_reader_clicks_are_not_requests() -> None:
    assert (
        external_requests(
            '<a href="https://doi.org/10.1/x">doi</a><link rel="canonical" href="https://x.org">'
        )
        == []
    )


@pytest.mark.parametrize(
    ("markup", "message"),
    [
        ('<a href="gone.html">x</a>', 'index.html links to "gone.html"'),
        ('<a href="#gone">x</a>', "which has no such anchor"),
        ('<script src="https://x.org/a.js"></script>', "asks for https://x.org/a.js"),
        ('<article><img src="index.html" alt=""></article>', "shows index.html without"),
    ],
)
def test_site_with_a_fault_is_refused(tmp_path: Path, markup: str, message: str) -> None:
    (tmp_path / "index.html").write_text(f"<html><body>{markup}</body></html>", encoding="utf8")
    with pytest.raises(SiteError, match=message):
        check_site(tmp_path)


def test_first_warning_is_quoted_before_the_summary_of_the_renderer() -> None:
    log = "Traceback\na.md:1: WARNING: first\nb.md:2: WARNING: second\nRuntimeError: There was an error in building"
    assert first_warning(log) == "a.md:1: WARNING: first"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": "other", "pages": []}', '{"key": "k"}'])
def test_half_written_or_foreign_stamp_is_not_current(tmp_path: Path, text: str) -> None:
    (tmp_path / "stamp").write_text(text)
    assert not is_current(tmp_path / "stamp", "k", tmp_path)


def test_reference_shows_public_names_only_and_escapes(tmp_path: Path) -> None:
    package = tmp_path / "compendium" / "statistics"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""By topic."""\n')
    (package / "a.py").write_text(
        '"""A."""\n\ndef f(x: int = 1) -> "list[int]":\n    """Return <x>.\n\n    >>> f()\n    """\n\ndef _g(): ...\n'
    )
    page = api_pages(tmp_path / "compendium")["api/statistics"]
    assert "f(x: int=1)" in page and "&lt;x&gt;" in page and "_g" not in page


def test_mathjax_is_installed_with_its_fonts() -> None:
    assert (
        mathjax_folder() / "output" / "chtml" / "fonts" / "woff-v2" / "MathJax_Main-Regular.woff"
    ).is_file()


def test_serving_a_book_that_was_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"There is no site to serve in .*`python3 run.py book` builds it"):
        open_server(0, tmp_path)


FOLDED = (
    '<div class="cell tag_hide-input tag_cell-{n}"><details class="admonition hide above-input"><summary>Show</summary>'
    '<div class="cell_input">code {n}</div></details>{output}</div>'
)


def test_folded_cells_of_one_part_go_behind_one_line_below_what_they_show() -> None:
    shown = '<div class="cell_output">a figure</div>'
    cells = [FOLDED.format(n=n, output=shown if n in (3, 4) else "") for n in (1, 2, 3, 4, 5)]
    page = repair_page(f"<article>{''.join(cells)}<p>text</p>{FOLDED.format(n=6, output='')}</article>")
    soup = BeautifulSoup(page, "html.parser")
    assert soup.get_text(" ", strip=True).startswith(
        "a figure a figure Show code 1 code 2 code 3 code 4 code 5 text"
    )
    assert [d.get_text(" ", strip=True) for d in soup.select("details")][1] == "Show code 6"
    assert [e["id"] for e in soup.select("[id^=cell-]")] == [f"cell-{n}" for n in (1, 2, 3, 4, 5, 6)]
    assert repair_page(page) == page


def test_cell_of_a_result_is_the_first_that_names_it_in_full_or_by_its_fixed_part() -> None:
    cells = [
        {"cell_type": "markdown", "source": "'accuracy'"},
        {"cell_type": "code", "source": "%matplotlib inline"},
        {"cell_type": "code", "source": "chapter.derive(f'{read}.sensitivity', f)"},
        {"cell_type": "code", "source": ["chapter.derive(\n", "    'accuracy', f)"]},
        {"cell_type": "code", "source": "chapter['accuracy']"},
    ]
    assert result_cells(cells, ["accuracy", "one.sensitivity", "gone"]) == {
        "accuracy": 3,
        "one.sensitivity": 2,
    }


@pytest.mark.parametrize("path", ["/home/a b/c ü.csv", "C:\\\\data\\\\c ü.csv", "~/c ü.csv"])
def test_paths_of_a_run_become_file_names_wherever_the_notebook_holds_them(path: str) -> None:
    source = f'table = "{path}"\nseed = 1\n'
    cell = {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": ["injected-parameters"]},
        "outputs": [],
    }
    said = {"cell_type": "markdown", "source": f"read from {path}", "metadata": {}}
    kept = {"cell_type": "code", "source": 'folder = "/usr/share"', "metadata": {}, "outputs": []}
    text = json.dumps(
        {"cells": [cell, said, kept], "metadata": {"papermill": {"parameters": {"table": path}}}}
    )
    cleaned = without_user_paths(text)
    assert json.loads(cleaned)["cells"][0]["source"] == 'table = "c ü.csv"\nseed = 1\n'
    assert "home" not in cleaned and "data" not in cleaned.replace("metadata", "") and "/usr/share" in cleaned


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        ({"role": "setting"}, "setting"),
        ({"role": "context", "repeats": "a"}, "context"),
        ({"role": "description", "repeats": "a"}, "repeat"),
        ({"role": "inference", "evidence": "illustration"}, "illustration"),
        ({"role": "description"}, "descriptive"),
        ({"role": "method"}, "result"),
    ],
)
def test_every_claim_counts_as_exactly_one_thing(claim: dict, kind: str) -> None:
    whole = {"repeats": None, "evidence": "internal", "status": "inconsistent", **claim}
    assert kind_of(whole) == kind
    standing = standing_of([whole])
    assert standing.counted + sum(standing.apart.values()) == 1
    assert standing.repeats_off == (kind == "repeat")


def test_inconsistent_number_of_any_kind_is_in_the_badges() -> None:
    base = {"repeats": None, "evidence": "internal", "status": "inconsistent"}
    badges = standing_badges(
        standing_of([{**base, "role": "description"}, {**base, "role": "method", "repeats": "a"}])
    )
    assert "status-inconsistent" in badges and "1 repeat disagrees as well" in badges


@pytest.mark.parametrize(
    ("where", "sections"),
    [
        ("Results, Patients; Abstract", ["Results", "Abstract"]),
        ("Fig 4D; Figure S8C; Table 1", ["Figures", "Supplement", "Tables"]),
        ("Results; Results, twice", ["Results"]),
    ],
)
def test_place_is_read_as_parts_of_the_paper(where: str, sections: list[str]) -> None:
    assert sections_of(where) == sections
