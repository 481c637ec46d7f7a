"""The audit on simulated papers: every kind of planted error, sound papers left alone, and the stored measurement."""

import importlib.util
import json
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compendium.cohorts.simulated_errors import ERRORS, error_plan, make_paper_with_errors, plant_error
from compendium.cohorts.simulated_papers import (
    MAKERS,
    UNUSUAL,
    Item,
    Style,
    make_paper,
    print_number,
    print_p,
    write_apa,
)
from compendium.evidence.audit import KINDS, Statement, audit_statement
from compendium.evidence.audit_benchmark import (
    ALARM,
    digest_papers,
    make_series,
    mark_found,
    mark_item,
    mark_papers,
    summarise,
)

ROOT = Path(__file__).resolve().parents[3]
_spec = importlib.util.spec_from_file_location("audit_bench", ROOT / "benchmarks" / "audit" / "bench.py")
bench = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bench)
STORED = json.loads((ROOT / "data" / "derived" / "audit" / "benchmark.json").read_text(encoding="utf-8"))
PAPER = make_paper(3, 0)


# What a paper is


def test_the_same_seed_writes_the_same_paper_and_another_number_another_one():
    assert make_paper(3, 0) == PAPER and make_paper(3, 1) != PAPER and make_paper(4, 0) != PAPER


def test_a_paper_holds_every_kind_that_the_engine_reads():
    assert {item.kind for item in PAPER.items} == set(KINDS)
    assert {kind for kind, _ in MAKERS.values()} == set(KINDS)


def test_a_convention_without_a_name_fails():
    with pytest.raises(ValueError, match='convention is "usual" or one of'):
        make_paper(1, 0, "odd")


@pytest.mark.parametrize(
    ("p", "style", "expected"),
    [(0.0364, "three", "0.036"), (0.0002, "three", "<0.001"), (0.0002, "zeros", "0.000"), (0.004, "two", "<0.01"),
     (0.03, "stars", "<0.05"), (0.3, "stars", ">0.05"), (0.256, "digits", "0.26")],
)  # fmt: skip
def test_p_is_printed_in_its_style(p, style, expected):
    assert print_p(p, Style("half up", 1, 1, style, True, "-")) == expected


def test_ties_are_rounded_as_the_style_says():
    assert [print_number(2.5, 0, ties) for ties in ("float", "half up", "truncated")] == ["2", "3", "2"]


# Planted errors: one hand-made statement for every kind, whose error cannot hide

HAND = {
    "last digit": ("total", {"parts": "10; 27", "whole": "37"}),
    "transposition": ("total", {"parts": "12; 27", "whole": "39"}),
    "sign": ("interval", {"estimate": "3.0", "lower": "1.0", "upper": "5.0", "p": ".003"}),
    "wrong n": ("percentage", {"percent": "37.78", "count": "51", "total": "135"}),
    "wrong df": ("chi2", {"chi2": "6.00", "df": "1", "p": ".0143"}),
    "one-sided p": ("t", {"t": "2.20", "df": "28", "p": ".0362"}),
    "slipped point": ("z", {"z": "2.10", "p": ".0357"}),
    "other p": ("F", {"F": "4.10", "df1": "2", "df2": "30", "p": ".0267"}),
    "SEM for SD": (
        "mean",
        {"mean": "13.4", "sd": "8.8", "n": "40", "minimum": "1.0", "maximum": "40.0"},
    ),
    "other metric": (
        "confusion",
        {"tp": "81", "fp": "13", "fn": "9", "tn": "185", "sensitivity": "90.0%", "specificity": "93.4%"},
    ),
}


@pytest.mark.parametrize("error", list(ERRORS))
def test_a_planted_error_is_called_into_question_and_the_sound_statement_is_not(error):
    kind, values = HAND[error]
    item = Item("s", kind, values)
    assert mark_item(item) == "consistent"
    for size in range(1, len(ERRORS[error].sizes) + 1):
        changed = plant_error(item, error, size, np.random.default_rng(size), PAPER)
        assert changed is not None and (changed.error, changed.size) == (error, size)
        different = [name for name in values if changed.values[name] != values[name]]
        assert different == [changed.field]
        assert mark_item(changed) in (ALARM, "tension"), changed.values


@pytest.mark.parametrize("error", list(ERRORS))
def test_an_error_changes_one_field_of_a_statement_that_it_can_befall(error):
    rng = np.random.default_rng(5)
    planted = 0
    for item in PAPER.items:
        for size in range(1, len(ERRORS[error].sizes) + 1):
            changed = plant_error(item, error, size, rng, PAPER)
            if item.kind not in ERRORS[error].kinds:
                assert changed is None
            elif changed is not None:
                planted += 1
                assert [n for n in item.values if item.values[n] != changed.values[n]] == [changed.field]
                assert replace(changed, values=item.values, error="", size=0, field="") == item
    assert planted


@pytest.mark.parametrize(("error", "size"), [("typo", 1), ("last digit", 4), ("sign", 0)])
def test_an_unknown_error_or_size_fails(error, size):
    with pytest.raises(ValueError, match="errors are last digit"):
        plant_error(PAPER.items[0], error, size, np.random.default_rng(1), PAPER)


def test_larger_errors_are_larger():
    item = Item("s", "percentage", {"percent": "37.8", "count": "51", "total": "135"})
    for error, name, least in (("wrong n", "total", (1, 14, 40)),):
        for size, gap in enumerate(least, 1):
            changed = plant_error(item, error, size, np.random.default_rng(1), PAPER)
            assert abs(float(changed.values[name]) - 135) == pytest.approx(gap, abs=1)


def test_a_series_holds_every_error_size_and_kind():
    planted = Counter(
        (i.error, i.size, i.kind) for n in range(120) for i in make_paper_with_errors(9, n).items if i.error
    )
    missing = set(error_plan()) - set(planted)
    assert not missing


# Sound papers


def test_sound_papers_of_usual_conventions_raise_no_alarm():
    papers = [make_paper(17, n) for n in range(15)]
    marks = mark_papers(papers, hints=False)
    assert not [
        (p.id, i.id, dict(i.values))
        for p in papers
        for i, m in zip(p.items, marks[p.id], strict=True)
        if m == ALARM
    ]


@pytest.mark.parametrize("convention", ["one-sided tests", "p multiplied by the number of tests"])
def test_what_the_paper_says_dissolves_the_alarm(convention):
    papers = [make_paper(17, n, convention) for n in range(4)]
    untold = summarise(papers, mark_papers(papers, hints=False))["false_alarms"][convention][
        "papers_in_doubt"
    ]
    told = summarise(papers, mark_papers(papers))["false_alarms"][convention]["papers_in_doubt"]
    assert untold[0] >= 3 and told[0] == 0


@pytest.mark.parametrize(
    ("convention", "kind", "values"),
    [
        ("SD with denominator n", "mean", {"mean": "2.71", "sd": "0.94", "n": "59", "integers": "yes"}),
        ("p corrected for sphericity", "F", {"F": "4.10", "df1": "2", "df2": "30", "p": ".040"}),
        ("degrees of freedom rounded from a fraction", "t", {"t": "2.78", "df": "4", "p": ".047"}),
        ("p by Fisher's z", "correlation", {"r": "0.610", "n": "12", "p": ".0334"}),
        ("one-sided p", "z", {"z": "2.10", "p": ".0179"}),
        ("not a Wald interval (bootstrap, profile or exact)", "interval",
         {"estimate": "2.1", "lower": "1.2", "upper": "4.6", "p": ".03"}),
    ],
)  # fmt: skip
def test_an_unusual_convention_is_a_tension_under_its_name(convention, kind, values):
    statuses = {o.convention: o.status for o in audit_statement(Statement("s", kind, values))}
    assert statuses.get(convention) == "tension", statuses


def test_unusual_conventions_are_all_measured():
    assert set(STORED["now"]["told"]["false_alarms"]) == {"usual", *UNUSUAL}


# Beside statcheck


def test_rows_of_statcheck_find_their_sentences():
    paper = replace(PAPER, items=tuple(i for i in PAPER.items if i.kind in ("t", "chi2", "total")))
    sentences = write_apa(paper)
    tests = [i for i, item in enumerate(paper.items) if item.kind != "total"]
    rows = [
        {"paper": paper.id, "raw": sentences[i].split(", ", 1)[1].rstrip("."), "error": str(n % 2)}
        for n, i in enumerate(tests)
    ]
    marks = mark_found([paper], rows)[paper.id]
    assert [marks[i] for i in tests] == ["consistent", ALARM] * (len(tests) // 2) + ["consistent"] * (
        len(tests) % 2
    )
    assert all(mark == "unread" for i, mark in enumerate(marks) if i not in tests)


def test_a_row_that_belongs_nowhere_fails():
    with pytest.raises(ValueError, match="belongs to a statement"):
        mark_found([PAPER], [{"paper": PAPER.id, "raw": "t(3) = 99.99, p = .5", "error": "0"}])


# What is stored


def test_the_stored_sample_is_written_and_audited_again():
    papers = list(make_series(STORED["seed"], **STORED["sample"]["papers"]))
    assert digest_papers(papers) == STORED["sample"]["sha256"]
    assert bench.coded(mark_papers(papers)) == STORED["sample"]["marks"]


def test_the_first_measurement_and_the_present_one_are_of_the_same_papers():
    assert STORED["first"]["sha256"] == STORED["sha256"]
    first, now = (STORED[k]["untold"]["false_alarms"]["usual"]["papers"] for k in ("first", "now"))
    assert first[1] == now[1] == STORED["papers"]["usual"]
    assert first[0] > 500 and now[0] == 0


def test_fresh_papers_bear_the_present_measurement_out():
    fresh = STORED["fresh"]["untold"]
    assert STORED["fresh"]["seed"] != STORED["seed"]
    assert fresh["false_alarms"]["usual"]["papers"][0] <= 3
    shares = [r["found_in_all"][0]["questioned"] for r in (fresh, STORED["now"]["untold"])]
    assert abs(shares[0][0] / shares[0][1] - shares[1][0] / shares[1][1]) < 0.05


def test_the_benchmark_runs_and_keeps_what_it_cannot_measure_again(monkeypatch):
    monkeypatch.setattr(bench, "run_statcheck", lambda papers: ([], ""))
    monkeypatch.setattr(bench, "SAMPLE", bench.TINY)
    papers = list(make_series(1, **bench.TINY))
    made = bench.measure(papers, bench.TINY, {"first": {"engine": "e"}, "statcheck": {"version": "v"}}, "")
    assert made["first"] == {"engine": "e"} and made["statcheck"] == {"version": "v"}
    assert json.loads(bench.as_text(made)) == made
    assert "\n   [" not in bench.as_text({"a": [1, 2]}) and set(STORED) == set(made)


def _statcheck_is_here():
    r = shutil.which("Rscript")
    return (
        bool(r)
        and not subprocess.run([r, "-e", "library(statcheck)"], capture_output=True, check=False).returncode
    )


def test_statcheck_says_today_what_is_stored():
    if not _statcheck_is_here():
        pytest.skip("statcheck is not installed here")
    papers = list(make_series(STORED["seed"], 8, 0, 0))
    found, version = bench.run_statcheck(papers)
    marks = mark_found(papers, found, "error_zero_allowed")
    assert version.split(",")[0] == STORED["statcheck"]["version"].split(",")[0]
    tests = [
        m
        for p in papers
        for i, m in zip(p.items, marks[p.id], strict=True)
        if i.kind in ("t", "F", "z", "chi2")
    ]
    assert set(tests) == {"consistent"}
