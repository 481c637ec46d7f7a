"""The page "The audit engine": complete, from stored measurements, and absent measurements said so."""

import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from compendium.cohorts.simulated_errors import ERRORS
from compendium.cohorts.simulated_papers import UNUSUAL
from compendium.evidence.audit import KINDS
from compendium.site.audit_engine import audit_engine_page
from compendium.site.audit_engine_tables import figure_found, share
from compendium.site.errors import SiteError

ROOT = Path(__file__).resolve().parents[3]
STORED = ROOT / "data" / "derived" / "audit" / "benchmark.json"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPENDIUM_ROOT", str(tmp_path))
    path = tmp_path / STORED.relative_to(ROOT)
    path.parent.mkdir(parents=True)
    return path


def tables(page):
    found = BeautifulSoup(page, "html.parser").find_all("table")
    return [[[c.get_text(" ", strip=True) for c in row(["th", "td"])] for row in t("tr")] for t in found]


def test_without_measurements_the_page_still_says_what_is_read(project):
    page = audit_engine_page()
    assert "No measurement is stored here." in page
    assert [row[0] for row in tables(page)[0][1:]] == list(KINDS)


def test_every_reader_convention_and_error_has_a_row():
    kinds, _, sound, conventions, errors, read, statements = tables(audit_engine_page())
    assert [row[0] for row in kinds[1:]] == list(KINDS)
    assert [row[0] for row in conventions[1:]] == list(UNUSUAL)
    assert len(errors) - 1 == sum(len(error.sizes) for error in ERRORS.values())
    assert sum("statcheck" in row[0] for row in sound) == 3 and read[-1][0] == "all"
    assert [row[0] for row in statements[1:]] == [kind.about for kind in KINDS.values()]


def test_rates_are_the_stored_ones():
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    sound = {row[0]: row[1] for row in tables(audit_engine_page())[2][1:]}
    first = stored["first"]["untold"]["false_alarms"]["usual"]["papers"]
    assert sound["this engine, first measurement"] == f"{first[0]} of {first[1]}: {share(first)}"
    theirs = stored["statcheck"]["rates"]["false_alarms"]["usual"]["papers"]
    assert sound["statcheck"] == f"{theirs[0]} of {theirs[1]}: {share(theirs)}"


def test_the_figure_marks_every_share_and_speaks_it():
    drawn = BeautifulSoup(
        figure_found(
            [("<a>", {"called into question": [5, 10], "not compatible": [2, 10], "statcheck": [0, 10]})]
        ),
        "html.parser",
    )
    assert len(drawn.find_all("circle")) == 3 + 3
    assert drawn.svg["aria-label"].endswith("<a> 50 %, statcheck 0 %")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "must be valid JSON"), ('{"recipe": ""}', "Missing: date, errors, first")],
)
def test_malformed_measurements_stop_the_build(project, text, message):
    project.write_text(text, encoding="utf-8")
    with pytest.raises(SiteError, match=message):
        audit_engine_page()
