"""The check bites: each kind of tampering is caught, by name."""

import json

import pytest


def tamper(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old} is not in {path}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def reference(toy):
    return toy.first.with_name("01_first.reference.json")


def statuses(toy):
    return toy.first.with_name("claims.reference.json")


TAMPERINGS = {
    "a printed digit of a scored claim": (
        lambda t: tamper(t.claims, 'printed: "83.0"', 'printed: "83.1"'),
        ["status changed: toy2025/sensitivity", '"consistent" → "inconsistent"'],
    ),
    "a printed digit of an input": (
        lambda t: tamper(t.claims, 'printed: "283"', 'printed: "284"'),
        ["changed since run: toy2025/tp", "run it again"],
    ),
    "a result": (
        lambda t: tamper(t.published("results"), '"value": 82.99', '"value": 83.99'),
        ["moved: toy2025/01_first#sensitivity", "value 82.99"],
    ),
    "a result within its tolerance": (
        lambda t: tamper(t.published("results"), '"value": 82.9912023460410', '"value": 82.9912023460411'),
        ["changed after the run: toy2025/01_first: results/toy2025/01_first.json"],
    ),
    "a reference": (
        lambda t: tamper(reference(t), '"value": 82.99', '"value": 82.98'),
        ["moved: toy2025/01_first#sensitivity", "value 82.98"],
    ),
    "a unit": (
        lambda t: tamper(t.claims, 'unit: "%"', 'unit: "days"'),
        ['unit clash: toy2025/sensitivity: the claim is in "days", its result in "%"'],
    ),
    "a pointer": (
        lambda t: tamper(t.claims, "01_first#sensitivity", "01_first#sensitvity"),
        ['dangling pointer: toy2025/sensitivity: "toy2025/01_first#sensitvity"'],
    ),
    "a pointer to another chapter": (
        lambda t: tamper(t.claims, "01_first#sensitivity", "09_none#sensitivity"),
        ["dangling pointer: toy2025/sensitivity", "no such chapter"],
    ),
    "a uses entry": (
        lambda t: tamper(reference(t), '    "toy2025/fn",\n', ""),
        ["moved: toy2025/01_first#sensitivity", "newly ['toy2025/fn']"],
    ),
    "an evidence word": (
        lambda t: tamper(
            t.claims, "range: [0, 100], evidence: internal", "range: [0, 100], evidence: author-data"
        ),
        ['evidence too strong: toy2025/sensitivity: states "author-data", its result derives "internal"'],
    ),
    "a reason of a tolerance": (
        lambda t: tamper(reference(t), '"reason": "closed-form', '"reason": "", "was": "closed-form'),
        ["tolerance without a reason: toy2025/01_first#sensitivity"],
    ),
    "the role of a claim": (
        lambda t: tamper(t.claims, "role: inference", "role: description"),
        ['status changed: toy2025/sensitivity: role "inference" → "description"'],
    ),
    "the yardstick of a claim": (
        lambda t: tamper(t.claims, 'printed: "83.0"', 'printed: "83.0", half_unit: 5'),
        ["status changed: toy2025/sensitivity", 'admits "[82.95, 83.05]" → "[78.0, 88.0]"'],
    ),
    "the evidence of a claim without a result": (
        lambda t: tamper(
            t.claims, "role: description, evidence: internal", "role: description, evidence: unavailable"
        ),
        ['status changed: toy2025/tp: status "not testable" → "not scored"'],
    ),
    "a claim that is gone": (
        lambda t: tamper(t.claims, "  - {id: sensitivity,", "  - {id: sensitivity-2,"),
        ["missing claim: toy2025/sensitivity", "no reference: toy2025/sensitivity-2"],
    ),
    "a stored status": (
        lambda t: tamper(statuses(t), '"status": "consistent"', '"status": "reproduced"'),
        ['status changed: toy2025/sensitivity: status "reproduced" → "consistent"'],
    ),
}


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_tampering_is_caught_by_name(accepted, kind):
    change, fragments = TAMPERINGS[kind]
    change(accepted)
    done = accepted.run("check")
    assert done.returncode == 1
    for fragment in fragments:
        assert fragment in done.stdout
    report = json.loads(accepted.run("check", "--format", "json").stdout)
    assert report["totals"]["problems"] >= 1
    assert any(entry["status"] != "holds" for entry in report["references"])


def test_a_changed_input_makes_the_claims_that_follow_from_it_inconsistent_after_a_new_run(accepted):
    tamper(accepted.claims, 'printed: "283"', 'printed: "253"')
    assert accepted.run("run").returncode == 0
    done = accepted.run("check")
    assert done.returncode == 1
    assert '"consistent" → "inconsistent"' in done.stdout
    assert "no finding: toy2025/sensitivity" in done.stdout


PRINTS_BACK = """
# %%
from compendium.run.results import open_chapter

chapter = open_chapter("toy2025/01_first")
tp, printed = chapter.printed("tp"), chapter.printed("sensitivity")
chapter.derive("sensitivity", FUNCTION, SOURCES unit="%")

# %%
chapter.save()
"""


@pytest.mark.parametrize(
    ("function", "sources", "reason"),
    [
        ("lambda v: 83.0", "tp,", "none"),
        ("lambda: 83.0", "", "none"),
        ("lambda v: v", "printed,", "internal"),
        ("lambda v, w: v + 0 * w", "printed, tp,", "internal"),
    ],
)
def test_a_notebook_that_prints_back_what_was_typed_in_scores_nothing(toy, function, sources, reason):
    toy.chapter("01_first", PRINTS_BACK.replace("FUNCTION", function).replace("SOURCES", sources))
    assert toy.run("run").returncode == 0
    report = json.loads(toy.run("check", "--format", "json").stdout)
    row = next(c for c in report["claims"] if c["id"] == "toy2025/sensitivity")
    assert (row["status"], row["evidence"]) == ("not testable", reason)
    assert report["totals"]["consistent"] == 0


def test_the_machine_formats_have_exactly_the_documented_keys(accepted):
    report = json.loads(accepted.run("check", "--format", "json").stdout)
    assert set(report) == {"claims", "references", "totals"}
    assert all(
        list(row)
        == [
            "id",
            "study",
            "where",
            "quote",
            "printed",
            "unit",
            "ours",
            "interval",
            "evidence",
            "status",
            "uses",
            "result",
            "finding",
        ]
        for row in report["claims"]
    )
    assert {"id": "toy2025/01_first#sensitivity", "status": "holds"} in report["references"]
    listed = json.loads(accepted.run("list", "--format", "json").stdout)
    assert listed == {
        "chapters": [
            {
                "id": "toy2025/01_first",
                "title": "A question",
                "parameters": {
                    "factor": {"type": "float", "default": 2.0},
                    "label": {"type": "str", "default": "a"},
                    "count": {"type": "int", "default": 3},
                    "fast": {"type": "bool", "default": True},
                },
                "inputs": [],
            }
        ]
    }


def test_accept_shows_the_difference_and_keeps_tolerances_and_reasons(accepted):
    stored = json.loads(reference(accepted).read_text())
    stored["results"]["sensitivity"]["tolerance"] = {
        "relative": 0.01,
        "absolute": 0,
        "reason": "told by a test",
    }
    reference(accepted).write_text(json.dumps(stored))
    tamper(accepted.claims, 'printed: "283"', 'printed: "284"')
    accepted.run("run")
    done = accepted.run("accept", "toy2025/01")
    assert (
        "~ toy2025/tp: not testable [internal, description, 283] → not testable [internal, description, 284]"
        in done.stdout
    )
    assert "~ sensitivity: 82.99120234604105 → 83.04093567251462 (+5.99e-04)" in done.stdout
    again = json.loads(reference(accepted).read_text())
    assert again["results"]["sensitivity"]["tolerance"]["reason"] == "told by a test"
    assert "nothing changed" in accepted.run("accept", "toy2025/01").stdout


def test_a_malformed_file_is_named_with_its_line(accepted):
    tamper(accepted.claims, "role: inference", "role: guess")
    done = accepted.run("check")
    assert done.returncode == 2
    assert "toy2025.yaml" in done.stderr and ":6" in done.stderr and "guess" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
