"""Building: nothing twice, nothing half, nothing missing, nothing silent."""

import csv
import json
import time
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from compendium.site import SiteError, build_site
from compendium.site import build as building
from compendium.site.pdf import find_browser


@pytest.fixture
def project(toy_project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy project, built, as the one in use."""
    monkeypatch.setenv("COMPENDIUM_ROOT", str(toy_project))
    monkeypatch.setenv("COMPENDIUM_BUILD", str(toy_project / "build"))
    return toy_project


@pytest.fixture
def rendered(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what the renderer was asked for; it renders nothing."""
    calls: list[str] = []

    def refuse(source: Path, builder: str) -> Path:
        calls.append(builder)
        raise SiteError("asked to render")

    monkeypatch.setattr(building, "render", refuse)
    return calls


def page(project: Path, name: str) -> str:
    """Return the HTML of one page."""
    return (project / "build" / "site" / name).read_text(encoding="utf8")


def test_unchanged_book_is_not_rendered_again_and_costs_little(
    toy, project: Path, rendered: list[str]
) -> None:
    started = time.perf_counter()
    index = build_site(report=toy.report())
    assert index.name == "index.html"
    assert time.perf_counter() - started < 0.3
    assert rendered == []


def test_changed_report_is_rendered(toy, project: Path, rendered: list[str]) -> None:
    stamp = project / "build" / "site-src" / "published.stamp.json"
    kept = stamp.read_text()
    report = toy.report()
    report["claims"][0]["status"] = "inconsistent"
    with pytest.raises(SiteError, match="asked to render"):
        build_site(report=report)
    assert rendered == ["html"]
    assert not stamp.exists(), "a build that did not finish leaves no stamp"
    with pytest.raises(SiteError, match="asked to render"):
        build_site(report=report)
    stamp.write_text(kept)


def test_deleted_page_is_rendered_again(toy, project: Path, rendered: list[str]) -> None:
    stamp = project / "build" / "site-src" / "published.stamp.json"
    kept, target = stamp.read_text(), project / "build" / "site" / "claims.html"
    text = target.read_text()
    target.unlink()
    with pytest.raises(SiteError, match="asked to render"):
        build_site(report=toy.report())
    target.write_text(text)
    stamp.write_text(kept)


def test_page_of_the_contents_without_text_is_named(
    toy, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = toy.make_project(tmp_path / "p")
    monkeypatch.setenv("COMPENDIUM_ROOT", str(folder))
    monkeypatch.setenv("COMPENDIUM_BUILD", str(folder / "build"))
    (folder / "book" / "conventions.md").unlink()
    with pytest.raises(SiteError, match='"conventions" has no text'):
        build_site(report=toy.report())


def test_warning_of_the_renderer_stops_the_build_and_is_quoted(
    toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = toy.make_project(tmp_path / "p")
    monkeypatch.setenv("COMPENDIUM_ROOT", str(folder))
    monkeypatch.setenv("COMPENDIUM_BUILD", str(folder / "build"))
    toy.write(folder / "book" / "conventions.md", "# Conventions\n\n[nowhere](no-such-page.md)\n")
    with pytest.raises(SiteError, match=r"conventions\.md:3: WARNING: .*no-such-page"):
        build_site(report=toy.report())
    assert not (folder / "build" / "site").exists()


def test_every_page_of_the_contents_exists(project: Path) -> None:
    pages = json.loads((project / "build" / "site-src" / "published.stamp.json").read_text())["pages"]
    assert {
        "index",
        "claims",
        "findings",
        "inventory",
        "api",
        "changelog",
        "stadlbauer2025/01_toy",
        "schroers2026",
    } <= set(pages)
    assert all((project / "build" / "site" / f"{name}.html").is_file() for name in pages)


def words(page: str) -> str:
    """Return the text of a page, blanks as single ones."""
    return " ".join(BeautifulSoup(page, "html.parser").get_text(" ").split())


def test_first_page_counts_results_first_and_leaves_nothing_inconsistent_out(project: Path) -> None:
    said = words(page(project, "index.html"))
    assert (
        "Results (what a paper concludes from): 1 reproduced, 1 consistent, 1 tension, 1 inconsistent."
        in said
    )
    assert "Descriptive numbers (counts, shares): 1 inconsistent." in said
    assert "3 more cannot be tested, or not yet" in said
    assert "1 substantive" in said and "1 note" in said


@pytest.mark.parametrize("name", ["index.html", "stadlbauer2025.html", "stadlbauer2025/01_toy.html"])
def test_every_page_that_counts_says_the_same(project: Path, name: str) -> None:
    said = words(page(project, name))
    line = "results 1 reproduced 1 consistent 1 tension 1 inconsistent descriptive numbers 1 inconsistent"
    assert line in said


def test_evidence_badge_stands_only_beside_a_number_of_ours(project: Path) -> None:
    rows = BeautifulSoup(page(project, "claims.html"), "html.parser").select("details.claim")
    assert len(rows) == 12
    for row in rows:
        none = "none:" in row.select_one("summary").get_text()
        assert bool(row.select('[class*="evidence-"]')) is not none, row["id"]


def test_settings_cited_numbers_repeats_and_illustrations_stand_apart(project: Path) -> None:
    apart = BeautifulSoup(page(project, "claims.html"), "html.parser").select_one("details.apart")
    assert "1 setting, 1 cited number, 1 repeat, 1 illustration" in apart.select_one("summary").get_text()
    assert [row["id"].split("-", 1)[1] for row in apart.select("details.claim")] == [
        "field",
        "cited",
        "again",
        "drawn",
    ]


def test_ledger_is_there_as_csv_and_json(project: Path) -> None:
    files = project / "build" / "site" / "files"
    records = json.loads((files / "claims.json").read_text(encoding="utf8"))["claims"]
    with (files / "claims.csv").open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(records) == len(rows) == 12
    accuracy = records[0]
    assert (accuracy["admitted_lower"], accuracy["admitted_upper"]) == (97.35, 97.45)
    assert accuracy["quote"] == rows[0]["quote"] == "accuracy <97.4%"
    assert [r["why_none"] for r in records if r["why_none"]] == [
        "input",
        "setting",
        "setting",
        "not-obtained",
        "waits",
    ]


def test_finding_quotes_its_results_and_leads_to_its_numbers_and_its_cell(project: Path) -> None:
    text = page(project, "findings.html")
    assert text.count("It would be 97.4 %.") == 2
    assert 'href="claims.html#stadlbauer2025-false"' in text
    assert 'href="stadlbauer2025/01_toy.html#cell-3"' in text
    assert "you are invited to reply" in text


def test_pages_lead_to_one_another(project: Path) -> None:
    chapter, api = page(project, "stadlbauer2025/01_toy.html"), page(project, "api/statistics.html")
    for address in (
        "../stadlbauer2025.html", "../findings.html#stadlbauer2025", "../claims.html?study=stadlbauer2025",
        "../api/statistics.html#compendium.statistics.toy.rate",
    ):  # fmt: skip
        assert f'href="{address}' in chapter, address
    assert 'href="../stadlbauer2025/01_toy.html"' in api
    assert 'href="findings.html#stadlbauer2025-six-or-five"' in page(project, "stadlbauer2025.html")


@pytest.mark.parametrize("name", ["stadlbauer2025/01_toy.html", "stadlbauer2025.html"])
def test_page_says_how_to_cite_it_and_the_paper(project: Path, name: str) -> None:
    cited = BeautifulSoup(page(project, name), "html.parser").select_one("details.cite pre").get_text()
    assert "@misc{compendium-stadlbauer2025" in cited and "@article{stadlbauer2025," in cited
    assert cited.count("{") == cited.count("}")


def test_gallery_shows_every_figure_with_its_caption(project: Path) -> None:
    cards = BeautifulSoup(page(project, "gallery.html"), "html.parser").select("figure.gallery-card")
    assert [card.img["alt"] for card in cards] == ["Two bars: 140 units and 90 units."]
    assert "Two bars with n = 3" in cards[0].get_text()


def test_no_path_of_a_person_is_on_a_page_or_in_a_notebook_to_download(project: Path) -> None:
    site = project / "build" / "my-site"
    for path in site.rglob("*"):
        if path.suffix in {".html", ".ipynb", ".js"}:
            assert "/home/someone" not in path.read_text(encoding="utf8"), path
    text = (site / "my-cohort" / "stadlbauer2025" / "01_toy.html").read_text(encoding="utf8")
    assert "my &lt;table&gt;.csv" in text


def test_run_with_parameters_only_does_not_say_that_data_were_handed_in(project: Path) -> None:
    site = project / "build" / "my-site"
    said = words((site / "other-seed" / "stadlbauer2025" / "01_toy.html").read_text(encoding="utf8"))
    assert "Printed counts, your parameters" in said and "what was handed in" not in said
    assert "evidence-user" not in (site / "other-seed" / "stadlbauer2025" / "01_toy.html").read_text(
        encoding="utf8"
    )
    assert "nothing: printed counts, your parameters" in words(
        (site / "index.html").read_text(encoding="utf8")
    )


def test_four_studies_without_a_chapter_are_listed(project: Path) -> None:
    assert page(project, "index.html").count("No chapter yet.") == 4


def test_chapter_that_did_not_run_keeps_its_page(project: Path) -> None:
    assert "has not been executed in this build" in page(project, "stadlbauer2025/02_waiting.html")


def test_chapter_page_shows_how_it_was_made(toy, project: Path) -> None:
    text = page(project, "stadlbauer2025/01_toy.html")
    for expected in (
        "seed = 1",
        "numpy 2.4.0",
        "ab" * 32,
        "its source changed",
        "3.2 s",
        "2026-11-20T07:00:00+00:00",
    ):
        assert expected in text
    assert "my &lt;table&gt;.csv" in text and "/home/someone" not in text


def test_quotes_are_escaped(project: Path) -> None:
    assert "accuracy &lt;97.4%" in page(project, "claims.html")


def test_substantive_findings_stand_before_folded_notes(project: Path) -> None:
    text = page(project, "findings.html")
    assert text.index("Six in one place, five in another</") < text.index("Note: A small one")


def test_named_runs_have_their_own_site_without_claims(toy, project: Path) -> None:
    folder = project / "build" / "my-site"
    text = (folder / "my-cohort" / "stadlbauer2025" / "01_toy.html").read_text(encoding="utf8")
    assert "evidence-user" in text and "printed numbers meet" not in text
    assert "my-cohort" not in page(project, "index.html")
    assert not (folder / "claims.html").exists()


def test_mathjax_is_reduced_and_not_loaded_where_there_is_no_formula(project: Path) -> None:
    folder = project / "build" / "site"
    assert (
        sum(p.stat().st_size for p in (folder / "_static" / "mathjax").rglob("*") if p.is_file()) < 2_000_000
    )
    assert "tex-chtml.js" not in page(project, "decisions.html")
    assert "tex-chtml.js" in page(project, "stadlbauer2025/01_toy.html")


def test_pdf_is_printed_with_its_formulas(toy, project: Path) -> None:
    try:
        find_browser()
    except SiteError as error:
        pytest.skip(str(error))
    build_site(report=toy.report(), pdf=True)
    printed = (project / "build" / "site" / "compendium.pdf").read_bytes()
    assert printed.startswith(b"%PDF") and b"/StructTreeRoot" in printed and b"/Outlines" in printed


def test_missing_browser_is_said_in_one_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SiteError, match=r"^The PDF is printed by Chromium, and none was found .*\.$"):
        find_browser()
