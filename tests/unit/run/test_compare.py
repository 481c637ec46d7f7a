"""Runs side by side: which numbers stand together, what a difference is of, and that nothing handed in becomes markup."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from compendium.run.chapters import RequestError
from compendium.run.compare import (
    Compared,
    as_dict,
    as_lines,
    chapters_in_common,
    compare_numbers,
    differing_parameters,
    read_run,
)
from compendium.site.compare import comparison_page, comparisons
from compendium.site.content import ChapterEntry, Content
from compendium.site.headers import reading_words


def entry(value, unit="1", interval=None, evidence="user"):
    return {"value": value, "unit": unit, "interval": interval, "evidence": evidence, "about": "a <number>"}


def run(name="a", inputs=None, parameters=None, figures=None, **results):
    content = {"results": {k.replace("__", "."): v for k, v in results.items()}, "figures": figures or {}}
    return Compared(
        name, content, {"parameters": parameters or {}, "inputs": inputs or {}, "started": "today"}
    )


def test_numbers_stand_in_rows_with_the_ends_of_their_intervals():
    one = run("a", rho=entry(0.5), rho__lower=entry(0.3), rho__upper=entry(0.7), n=entry(40))
    two = run("b", rho=entry(0.4), rho__lower=entry(0.1), rho__upper=entry(0.6), extra=entry(1))
    rows = {row.name: row for row in compare_numbers([one, two])}
    assert list(rows) == ["rho", "n", "extra"]
    assert rows["rho"].numbers[0].interval == (0.3, 0.7)
    assert rows["rho"].difference == pytest.approx(-0.1)
    assert rows["n"].numbers[1] is None
    assert rows["n"].difference is None


def test_a_lone_end_is_a_number_of_its_own():
    rows = compare_numbers([run("a", x=entry(1), x__lower=entry(0)), run("b", x=entry(2))])
    assert [row.name for row in rows] == ["x", "x.lower"]


def test_the_book_enters_no_difference_and_three_runs_have_their_largest():
    runs = [run("a", x=entry(1)), run("b", x=entry(5)), run("published", x=entry(100)), run("c", x=entry(3))]
    (row,) = compare_numbers(runs)
    assert row.difference == 4
    assert [one.of_book for one in runs] == [False, False, True, False]


@pytest.mark.parametrize("other", [entry(None), entry("infinity"), entry(2, unit="mm")])
def test_what_cannot_be_subtracted_has_no_difference(other):
    assert compare_numbers([run("a", x=entry(1, unit="cm")), run("b", x=other)])[0].difference is None


def test_p_values_have_no_difference():
    assert compare_numbers([run("a", t__p=entry(0.01)), run("b", t__p=entry(0.5))])[0].difference is None


def test_only_parameters_that_differ_are_named():
    runs = [run("a", parameters={"seed": 1, "n": 5, "old": 1}), run("b", parameters={"seed": 2, "n": 5})]
    assert differing_parameters(runs) == {"seed": (1, 2), "old": (1, None)}


def test_text_and_json_hold_the_same_numbers():
    runs = [run("a", x=entry(1.23456, interval=[1.2, 1.3])), run("b", x=entry(2.5))]
    lines = as_lines(runs, "toy2025/01_x")
    assert lines[0] == "toy2025/01_x"
    assert lines[2].split() == ["x", "1.235", "(1.2", "to", "1.3)", "2.5", "1.265"]
    assert json.loads(json.dumps(as_dict(runs, "toy2025/01_x")))["numbers"][0]["values"][1]["value"] == 2.5


def test_runs_that_are_not_there_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPENDIUM_BUILD", str(tmp_path))
    with pytest.raises(RequestError, match='There is no run "mine". There are: none.'):
        chapters_in_common(["mine", "yours"])
    with pytest.raises(RequestError, match='The run "mine" has no finished results of toy2025/01_x.'):
        read_run("mine", "toy2025/01_x")


HOSTILE = '"><script>alert(1)</script>'


def chapter(run_name: str, folder: Path) -> ChapterEntry:
    inputs = {
        "t": {
            "path": f"/home/me/{HOSTILE}",
            "sha256": "0" * 64,
            "bytes": 3,
            "reading": {"columns": {"a": HOSTILE}},
        }
    }
    made = run(
        run_name,
        inputs,
        {"label": HOSTILE + run_name},
        {"fig-a": {"alt": HOSTILE}},
        **{HOSTILE: entry(1, HOSTILE)},
    )
    (folder / "fig-a.svg").write_text("<svg/>")
    page = f"{run_name}/toy2025/01_x"
    return ChapterEntry(
        "toy2025/01_x", "toy2025", "A toy", page, run_name, folder, folder, made.results, made.provenance
    )


def test_pages_escape_everything_and_show_no_folder(tmp_path):
    own = [chapter("a", tmp_path), chapter("b", tmp_path)]
    content = Content({}, own, [], [], [], [], True, [chapter("published", tmp_path)])
    ((page, found),) = comparisons(content).items()
    text = comparison_page(page, found)
    assert page == "compare/toy2025/01_x"
    assert "<script>" not in text
    assert "/home/me" not in text
    assert text.count("<figure>") == 3
    assert "the book" in text
    assert "files/published/toy2025/01_x/fig-a.svg" in text
    assert "/published/toy2025/01_x.html" not in text


def test_one_run_is_compared_with_nothing(tmp_path):
    own = [chapter("a", tmp_path), replace(chapter("b", tmp_path), id="toy2025/02_y")]
    assert comparisons(Content({}, own, [], [], [], [], True)) == {}


def test_what_was_said_of_a_table_is_said_in_short_lines():
    assert reading_words({"missing": ["-999", "NI"], "units": {"a": "mm"}}) == [
        "a in mm",
        "missing: -999, NI",
    ]
