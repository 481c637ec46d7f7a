"""Auditing printed statistics: planted errors are found, sound numbers are not, and no verdict comes without assumptions."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from compendium.evidence.audit import KINDS, Statement, as_row, audit_statement
from compendium.evidence.audit_file import read_statements, template_text
from compendium.io.tables import TableError
from compendium.io.yaml_lines import StructureError
from compendium.site.audit_page import audit_page


def statuses(kind, **values):
    return {o.check: o.status for o in audit_statement(Statement("s", kind, values))}


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("percentage", {"percent": "83.0", "count": "283", "total": "341"}, {"percentages": "consistent"}),
        ("percentage", {"percent": "83.1", "count": "283", "total": "341"}, {"percentages": "not compatible"}),
        ("percentage", {"percent": "34", "count": "18", "total": "52"}, {"percentages": "tension"}),
        ("percentage", {"percent": "34", "total": "52"}, {"counts for a percentage": "tension"}),
        ("percentage", {"percent": "13.5", "total": "422"}, {"counts for a percentage": "information"}),
        ("percentages", {"counts": "5; 8; 14", "total": "27", "percents": "18; 30; 52"}, {"percentages": "tension"}),
        ("total", {"parts": "75; 1", "whole": "76"}, {"parts and whole": "consistent"}),
        ("total", {"parts": ["76", "6"], "whole": "81"}, {"parts and whole": "not compatible"}),
        ("mean", {"mean": "13.4", "sd": "8.8", "maximum": "100.1", "n": "57"}, {"Samuelson": "not compatible"}),
        ("mean", {"mean": "13.4", "sd": "11.9", "maximum": "100.1", "n": "57"}, {"Samuelson": "consistent"}),
        ("mean", {"mean": "3.45", "n": "20", "integers": "yes"}, {"GRIM": "consistent"}),
        ("mean", {"mean": "3.47", "n": "20", "integers": "yes"}, {"GRIM": "not compatible"}),
        ("correlation", {"r": "0.41", "n": "34", "p": ".016"}, {"p from r": "consistent"}),
        ("correlation", {"r": "0.41", "n": "34", "p": ".0080"}, {"p from r": "tension"}),
        ("correlation", {"r": "0.41", "n": "34", "p": ".5"}, {"p from r": "not compatible"}),
        ("correlation", {"r": "0.41", "n": "34"}, {"p from r": "information"}),
        ("t", {"t": "2.20", "df": "28", "p": ".036"}, {"p from t": "consistent"}),
        ("t", {"t": "-2.20", "df": "28", "p": ".018"}, {"p from t": "tension"}),
        ("t", {"t": "2.20", "df": "28", "p": "<.001"}, {"p from t": "not compatible"}),
        ("z", {"z": "0.27", "p": ".79"}, {"p from z": "consistent"}),
        ("F", {"F": "4.1", "df1": "2", "df2": "30", "p": ".027"}, {"p from F": "consistent"}),
        ("F", {"F": "4.1", "df1": "2", "df2": "30", "p": ".27"}, {"p from F": "not compatible"}),
        ("chi2", {"chi2": "3.9", "df": "1", "p": ".048"}, {"p from chi2": "consistent"}),
        ("auc", {"auc": "0.987", "positives": "341", "negatives": "81"}, {"grain of an AUROC": "consistent"}),
        ("auc", {"auc": "0.835", "positives": "3", "negatives": "4"}, {"grain of an AUROC": "not compatible"}),
        ("confusion", {"tp": "283", "fp": "5", "fn": "58", "tn": "76", "f1": ".90"}, {"f1": "consistent"}),
        ("confusion", {"tp": "283", "fp": "6", "fn": "58", "tn": "76", "specificity": "93.8%"}, {"specificity": "not compatible"}),
        ("groups", {"means": "1290; 1358", "pooled_mean": "1323", "total": "66"}, {"group sizes": "consistent"}),
        ("groups", {"means": "1290; 1358", "pooled_mean": "1400", "total": "66"}, {"group sizes": "not compatible"}),
        ("groups", {"means": "1; 3", "sizes": "10; 10", "pooled_mean": "2.7", "total": "20"}, {"parts and whole": "consistent", "pooled mean": "not compatible"}),
        ("interval", {"estimate": "1.4", "lower": "0.37", "upper": "2.43", "p": ".009"}, {"estimate inside its interval": "consistent", "estimate in the middle of its interval": "consistent", "p from estimate and interval": "consistent"}),
        ("interval", {"estimate": "2.6", "lower": "0.37", "upper": "2.43"}, {"estimate inside its interval": "not compatible"}),
        ("interval", {"estimate": "2.10", "lower": "1.20", "upper": "3.69", "p": ".009", "scale": "difference"}, {"estimate inside its interval": "consistent", "estimate in the middle of its interval": "tension"}),
        ("interval", {"estimate": "2.10", "lower": "1.20", "upper": "3.69", "p": ".009"}, {"estimate inside its interval": "consistent", "estimate in the middle of its interval": "consistent", "p from estimate and interval": "consistent"}),
        ("interval", {"estimate": "2.10", "lower": "1.20", "upper": "3.69", "p": ".09"}, {"estimate inside its interval": "consistent", "estimate in the middle of its interval": "consistent", "p from estimate and interval": "not compatible"}),
        ("interval", {"estimate": "5.0", "lower": "-1.1", "upper": "11.1", "p": ".09", "df": "5"}, {"estimate inside its interval": "consistent", "estimate in the middle of its interval": "consistent", "p from estimate and interval": "consistent"}),
        ("interval", {"estimate": "5.0", "lower": "-1.1", "upper": "11.1", "p": ".09", "df": "inf"}, {"estimate inside its interval": "consistent", "estimate in the middle of its interval": "consistent", "p from estimate and interval": "not compatible"}),
        ("z", {"z": "2.1", "p": ".018", "sides": "1"}, {"p from z": "consistent"}),
        ("z", {"z": "2.1", "p": ".036", "sides": "1"}, {"p from z": "tension"}),
        ("t", {"t": "2.20", "df": "28", "p": ".108"}, {"p from t": "not compatible"}),
        ("t", {"t": "2.20", "df": "28", "p": ".108", "tests": "3"}, {"p from t": "consistent"}),
        ("t", {"t": "0.20", "df": "28", "p": "1.00", "tests": "3"}, {"p from t": "consistent"}),
        ("percentage", {"percent": "50", "count": "60", "total": "52"}, {"count and total": "not compatible"}),
        ("percentage", {"percent": "12", "count": "1", "total": "8"}, {"percentages": "consistent"}),
        ("percentages", {"counts": "1; 3", "total": "8", "percents": "13; 37"}, {"percentages": "consistent"}),
        ("confusion", {"tp": "9", "fp": "0", "fn": "3", "tn": "5", "specificity": "1.00"}, {"specificity": "consistent"}),
        ("correlation", {"r": "1.4", "n": "20", "p": ".01"}, {"correlation": "not compatible"}),
        ("mean", {"mean": "7.1", "sd": "1", "n": "20", "minimum": "1", "maximum": "5"}, {"order of minimum, mean and maximum": "not compatible"}),
        ("mean", {"mean": "3.0", "sd": "2.7", "n": "20", "minimum": "1", "maximum": "5"}, {"Samuelson": "consistent", "Bhatia–Davis": "not compatible"}),
        ("auc", {"auc": "0.90", "lower": "0.92", "upper": "0.99", "positives": "30", "negatives": "30"}, {"grain of an AUROC": "consistent", "estimate inside its interval": "not compatible"}),
    ],
)  # fmt: skip
def test_a_statement_has_its_status(kind, values, expected):
    assert statuses(kind, **values) == expected


@settings(max_examples=60)
@given(st.integers(3, 60), st.floats(-0.95, 0.95), st.integers(1, 3))
def test_a_correlation_printed_from_data_is_never_called_incompatible(n, r, digits):
    t = r * np.sqrt((n - 2) / (1 - r * r))
    values = {"r": f"{r:.{digits}f}", "n": str(n), "p": f"{2 * stats.t.sf(abs(t), n - 2):.3f}"}
    assert "not compatible" not in statuses("correlation", **values).values()


@settings(max_examples=60)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.integers(1, 40))
def test_metrics_printed_from_a_table_are_consistent(tp, fp, fn, tn):
    values = {"tp": str(tp), "fp": str(fp), "fn": str(fn), "tn": str(tn)}
    values |= {
        "sensitivity": f"{100 * tp / (tp + fn):.1f}",
        "accuracy": f"{(tp + tn) / (tp + fp + fn + tn):.3f}",
    }
    assert set(statuses("confusion", **values).values()) <= {"consistent", "tension"}


def test_every_kind_lists_the_assumptions_of_what_it_excludes():
    excluded = [
        Statement("a", "correlation", {"r": "0.41", "n": "34", "p": ".5"}),
        Statement("b", "total", {"parts": "1; 2", "whole": "4"}),
        Statement("c", "mean", {"mean": "13.4", "sd": "8.8", "maximum": "100.1", "n": "57"}),
        Statement("d", "confusion", {"tp": "1", "fp": "1", "fn": "1", "tn": "1", "accuracy": "99"}),
    ]
    for statement in excluded:
        for outcome in audit_statement(statement):
            assert outcome.status == "not compatible" and outcome.assumptions, statement.id
            assert json.loads(json.dumps(as_row(outcome)))["assumptions"]


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("guess", {}, 'statement "s": kind must be one of'),
        ("t", {"t": "2", "df": "8"}, "t needs p"),
        ("t", {"t": "2", "df": "8", "p": ".1", "q": "3"}, 'Given "q"'),
        ("t", {"t": "two", "df": "8", "p": ".1"}, 'statement "s", t: A printed number has digits'),
        ("t", {"t": "2", "df": "0", "p": ".1"}, 'statement "s": Degrees of freedom'),
        ("percentage", {"percent": "5", "total": "many"}, 'total: A count is a whole number. Given "many"'),
        ("confusion", {"tp": "1", "fp": "1", "fn": "1", "tn": "1"}, "at least one of sensitivity"),
        ("z", {"z": "2", "p": ".1", "sides": "3"}, "sides: A test has 1 or 2 sides. Given 3"),
        ("z", {"z": "2", "p": ".1", "tests": "0"}, "tests: p is multiplied by 1 or more. Given 0"),
        (
            "interval",
            {"estimate": "2", "lower": "1", "upper": "3", "scale": "log"},
            'scale is one of difference, ratio. Given "log"',
        ),
        ("mean", {"mean": "2", "sd": "1", "n": "1", "maximum": "3"}, "n must exceed the number of extremes"),
    ],
)
def test_a_statement_that_cannot_be_read_is_named(kind, values, message):
    with pytest.raises(ValueError, match=message):
        audit_statement(Statement("s", kind, values))


def test_the_template_is_a_valid_file_and_names_every_kind(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(template_text(), encoding="utf-8")
    title, statements = read_statements(path)
    assert title == "A paper" and [s.kind for s in statements] == ["correlation"]
    assert all(f"# {kind}: " in template_text() for kind in KINDS)


def test_a_table_and_a_yaml_file_give_the_same_statements(tmp_path):
    (tmp_path / "p.csv").write_text(
        "id,kind,where,r,n,p,parts,whole\na,correlation,Results,0.40,34,.019,,\nb,total,,,,,75; 1,76\n"
    )
    (tmp_path / "p.yaml").write_text(
        'statements:\n  - {id: a, kind: correlation, where: Results, r: "0.40", n: "34", p: ".019"}\n'
        '  - {id: b, kind: total, parts: "75; 1", whole: "76"}\n'
    )
    rows = [
        [as_row(o) for s in read_statements(tmp_path / name)[1] for o in audit_statement(s)]
        for name in ("p.csv", "p.yaml")
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("statements: []\n", "statements"),
        ("statements:\n  - {id: a, kind: nothing}\n", "p.yaml:2.*nothing"),
        ("statements:\n  - {id: a, kind: t, t: 2.20}\n", "a printed number is quoted.*Given 2.2"),
        (
            'statements:\n  - {id: a, kind: z, z: "1", p: "1"}\n  - {id: a, kind: z, z: "1", p: "1"}\n',
            "stands twice",
        ),
    ],
)
def test_a_malformed_file_fails(tmp_path, text, message):
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StructureError, match=message):
        read_statements(path)


def test_a_table_without_a_kind_fails(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("id,r\na,0.4\n")
    with pytest.raises(TableError, match="kind"):
        read_statements(path)


def test_the_page_escapes_and_leads_with_what_does_not_fit():
    outcomes = audit_statement(Statement("<b>", "total", {"parts": "1; 2", "whole": "4"}, "a & b"))
    outcomes += audit_statement(Statement("fine", "z", {"z": "0.27", "p": ".79"}))
    page = audit_page("<i>", outcomes)
    assert "<b>" not in page and "&lt;b&gt;" in page and "a &amp; b" in page and "<i>" not in page
    assert page.index("Not compatible (1)") < page.index("Consistent (1)")
    assert "http" not in page
