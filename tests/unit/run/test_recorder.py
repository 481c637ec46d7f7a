"""The recorder writes what was derived, quotes it in prose, and escapes what users hand in."""

import json
import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from compendium.run.results import format_p, open_chapter

CLAIMS = """\
study: toy2025
paper: {title: "T", short: "T", journal: "J", doi: "10.0/0", supplement_read: false}
claims:
  - {id: tp, where: R, quote: "283", printed: "283", unit: n, exact: true, role: description, evidence: internal, result: null}
  - {id: mean, where: R, quote: "13.4", printed: "13.4", unit: cm3, role: description, evidence: internal, result: null}
  - {id: share, where: R, quote: "83.0", printed: "83.0", unit: "%", role: inference, evidence: internal, result: "toy2025/01_x#share"}
"""


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    (tmp_path / "data" / "claims").mkdir(parents=True)
    (tmp_path / "data" / "claims" / "toy2025.yaml").write_text(CLAIMS)
    monkeypatch.setenv("COMPENDIUM_ROOT", str(tmp_path))
    monkeypatch.setenv("COMPENDIUM_RESULTS", str(tmp_path / "out"))
    return open_chapter("toy2025/01_x")


def saved(chapter):
    chapter.save()
    return json.loads((chapter.folder / "results.json").read_text())


def test_a_printed_number_carries_its_interval_and_is_remembered(chapter):
    assert chapter.printed("mean").interval == (13.35, 13.45)
    assert chapter.printed("tp").interval == (283.0, 283.0)
    assert saved(chapter)["claims_read"] == {
        "toy2025/mean": ["13.4", "cm3", False, None],
        "toy2025/tp": ["283", "n", True, None],
    }


def test_a_derived_number_is_recorded_with_all_that_follows_from_its_sources(chapter):
    chapter.derive(
        "doubled", lambda v, factor: factor * v, chapter.printed("mean"), unit="cm3", about="twice", factor=2
    )
    entry = saved(chapter)["results"]["doubled"]
    assert entry == {
        "value": 26.8, "interval": [26.7, 26.9], "unit": "cm3", "evidence": "internal", "uses": ["toy2025/mean"],
        "about": "twice", "precision": "exact",
    }  # fmt: skip


def test_tables_are_intermediates_and_integers_stay_integers(chapter):
    table = chapter.derive("table", lambda n: pd.DataFrame({"x": range(int(n))}), chapter.printed("tp"))
    chapter.derive("rows", len, table)
    results = saved(chapter)["results"]
    assert (
        list(results) == ["rows"]
        and results["rows"]["value"] == 283
        and isinstance(results["rows"]["value"], int)
    )


@pytest.mark.parametrize(
    ("value", "stored"), [(math.nan, None), (math.inf, "infinity"), (-math.inf, "-infinity")]
)
def test_numbers_that_json_does_not_know_are_stored_as_words(chapter, value, stored):
    chapter.derive("odd", lambda v: value, chapter.printed("tp"))
    assert saved(chapter)["results"]["odd"]["value"] == stored


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: [c.derive("x", abs, c.printed("tp")) for _ in range(2)], "recorded once"),
        (lambda c: c.derive("Not a name", abs, c.printed("tp")), "dotted lower case"),
        (lambda c: c.derive("x", abs, c.printed("tp"), precision="rough"), "Precision is one of"),
        (lambda c: c.figure(plt.figure(), "fig-x", pd.DataFrame(), "c", " "), "alternative text"),
    ],
)
def test_recording_twice_or_without_a_name_fails(chapter, call, message):
    with pytest.raises(ValueError, match=message):
        call(chapter)


def test_prose_quotes_results_by_name(chapter):
    chapter.derive("cut.share", lambda v: 100 * v / 341, chapter.printed("tp"), unit="%")
    chapter.derive("cut.none", lambda v: math.nan, chapter.printed("tp"))
    chapter.derive("cut.p", lambda v: v * 1e-12, chapter.printed("tp"))
    text = chapter.text(
        "{cut.share:.1f} % of {what}, {cut.none:.2f}, p = {cut.p:p}, {x:.1f}", what="all", x=-1.25
    )
    assert text == "83.0 % of all, not estimable, p = 2.8 × 10⁻¹⁰, −1.2"
    with pytest.raises(KeyError, match="neither a result nor an argument"):
        chapter.text("{cut.shares}")


def test_words_of_a_user_cannot_become_markup(chapter):
    assert (
        chapter.text("{name}", name="<b>*a*</b> [x](y) `z`")
        == "&lt;b&gt;\\*a\\*&lt;/b&gt; \\[x\\](y) \\`z\\`"
    )


def test_alternative_text_is_plain_text(chapter):
    figure, _ = plt.subplots()
    chapter.figure(figure, "fig-a", pd.DataFrame({"x": [0]}), "of {r}", "of {r}", r="second_line <b>")
    shown = saved(chapter)["figures"]["fig-a"]
    assert shown["alt"] == "of second_line <b>" and shown["caption"] == "of second\\_line &lt;b&gt;"


def test_a_figure_leaves_four_files_without_dates_and_the_table_behind_it(chapter):
    figure, axes = plt.subplots()
    axes.plot([0, 1], [0, 1])
    chapter.figure(
        figure,
        "fig-line",
        pd.DataFrame({"x": [0, 1], "y": [0, 0.5]}),
        "A {word}",
        "A line rises",
        word="line",
    )
    folder = chapter.folder / "figures"
    first = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert set(first) == {"fig-line.svg", "fig-line.png", "fig-line.pdf", "fig-line.csv"}
    assert first["fig-line.csv"] == b"x,y\n0,0\n1,0.5\n"
    assert b"<dc:date>" not in first["fig-line.svg"] and b"CreationDate" not in first["fig-line.pdf"]
    assert saved(chapter)["figures"]["fig-line"]["alt"] == "A line rises"


def test_a_table_escapes_its_cells(chapter):
    from compendium.run.display import frame_to_html

    shown = frame_to_html(
        pd.DataFrame({"<i>": ["<script>"], "n": [-1.5], "m": [None]}), {"n": "{:.1f}"[2:-1]}, "a & b"
    )
    assert (
        "<script>" not in shown
        and "&lt;script&gt;" in shown
        and "&lt;i&gt;" in shown
        and "a &amp; b" in shown
    )
    assert '<td class="number">−1.5</td>' in shown and "<td>–</td>" in shown


def test_a_second_route_that_disagrees_decides_the_status(chapter):
    chapter.derive("share", lambda v: 100 * v / 341, chapter.printed("tp"), unit="%")
    assert [a.status for a in chapter.assessments()] == ["consistent"]
    chapter.route("share", "by the other table", lambda v: v / 10, chapter.printed("tp"))
    (assessment,) = chapter.assessments()
    assert (assessment.status, assessment.route, assessment.ours) == (
        "inconsistent",
        "by the other table",
        28.3,
    )


def test_an_improbable_value_is_in_tension_only_when_the_whole_range_is_improbable(chapter):
    chapter.derive("share", lambda v: 100 * v / 341, chapter.printed("tp"), unit="%")
    chapter.tension("share", (0.001, 0.2), "under independence")
    assert chapter.assessments()[0].status == "consistent"
    chapter.tension("share", (0.001, 0.04), "under independence")
    assert chapter.assessments()[0].status == "tension"


@pytest.mark.parametrize(
    ("p", "text"), [(0.05, "0.05"), (0.00012, "0.00012"), (1.6e-11, "1.6 × 10⁻¹¹"), (0.0, "0")]
)
def test_p_values_are_written_with_two_digits(p, text):
    assert format_p(p) == text


def test_two_columns_are_shown_as_one_range_and_kept_apart_in_the_csv(chapter):
    from compendium.run.display import frame_to_html

    frame = pd.DataFrame({"what": ["a", "b"], "low": [-1.0, math.nan], "high": [3217.4, math.nan]})
    shown = frame_to_html(frame, {"low": "3s", "high": "3s"}, "c", {"interval": ("low", "high")})
    assert '<th scope="col">interval</th>' in shown and "low" not in shown and "high" not in shown
    assert '<td class="number">−1.00 to 3,217</td>' in shown and shown.count("<td>–</td>") == 1
    chapter.table(frame, "tab-x", "c", ranges={"interval": ("low", "high")})
    assert (chapter.folder / "figures" / "tab-x.csv").read_text().startswith("what,low,high\n")


@pytest.mark.parametrize(("values", "text"), [((1.0, 2.0), "1–2"), ((-2.0, 1.0), "−2 to 1")])
def test_a_range_that_reaches_below_zero_is_written_in_words(values, text):
    from compendium.run.display import frame_to_html

    frame = pd.DataFrame({"low": [values[0]], "high": [values[1]]})
    assert text in frame_to_html(frame, {"low": "g", "high": "g"}, "c", {"x": ("low", "high")})


def test_a_written_file_stands_in_the_results_with_what_it_is(chapter):
    path = chapter.write("warp.txt", lambda p: p.write_text("1 0 0"), "A transform of {n} rows", n=3)
    assert path.read_text() == "1 0 0"
    assert path.parent == chapter.folder / "figures"
    assert saved(chapter)["files"] == {"warp.txt": "A transform of 3 rows"}


@pytest.mark.parametrize("name", ["../warp.txt", "a/b.txt", ".hidden"])
def test_a_written_file_stays_in_its_folder(chapter, name):
    with pytest.raises(ValueError, match="without a folder"):
        chapter.write(name, lambda p: p.write_text(""), "no")
    assert not (chapter.folder / "figures").exists()


def test_a_cell_that_a_spreadsheet_would_run_is_written_as_text(chapter):
    frame = pd.DataFrame(
        {"=name": ["=cmd|' /C calc'!A0", "@SUM(1)", "-1.5", "plain", None], "value": [-1.0, 2, 3, 4, 5]}
    )
    chapter.table(frame, "tab-x", "C")
    lines = (chapter.folder / "figures" / "tab-x.csv").read_text().splitlines()
    assert lines[0] == "'=name,value"
    assert lines[1].startswith("'=cmd")
    assert lines[2].startswith("'@SUM")
    assert lines[3:] == ["-1.5,3", "plain,4", ",5"]
