"""Files of claims, findings and inventory: what is accepted, and what is refused with which line."""

import re

import pytest

from compendium.evidence.claims import load_studies, load_study
from compendium.evidence.findings import load_findings, load_inventory
from compendium.io.yaml_lines import StructureError

HEAD = """\
study: toy2025
paper: {title: T, short: T, journal: J, doi: 10.0/0, supplement_read: false}
claims:
"""
GOOD = '  - {id: a, where: R, quote: "ten", printed: "10", unit: days, role: inference, evidence: internal, result: null}\n'


def write(tmp_path, text, name="toy2025.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_claim_passes(tmp_path):
    study = load_study(write(tmp_path, HEAD + GOOD))
    assert study.claims["toy2025/a"].interval.bounds() == (9.5, 10.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + GOOD.replace('"10"', "10"), r"toy2025\.yaml:4.*printed"),
        (HEAD + GOOD.replace('"10"', '"ten"'), "A printed number has digits"),
        (HEAD + GOOD.replace("inference", "guess"), r"toy2025\.yaml:4.*role.*guess"),
        (HEAD + GOOD.replace("unit: days, ", ""), r"toy2025\.yaml:4.*unit"),
        (HEAD + GOOD.replace("id: a", "id: A b"), r"toy2025\.yaml:4.*id"),
        (HEAD + GOOD.replace("id: a", "id: a, colour: red"), r"toy2025\.yaml:4.*colour"),
        (HEAD + GOOD + GOOD, "stands twice"),
        (HEAD + GOOD.replace('"ten"', '"' + "word " * 15 + '"'), "a quote has at most 14 words. Given 15"),
        (HEAD + GOOD.replace("result: null", "result: toy2025/1#x"), r"toy2025\.yaml:4.*result"),
        (HEAD + GOOD.replace("result: null", "result: toy2025/01_a#x, waits_for: toy2025/02_b"), "not both"),
        (HEAD + GOOD.replace("inference", "setting"), 'a setting has evidence "setting"'),
        (HEAD.replace("toy2025", "toy2024") + GOOD, "must equal the file name"),
        (HEAD + GOOD.replace("evidence: internal", "evidence: proof"), r"toy2025\.yaml:4.*proof"),
    ],
)
def test_a_claim_fails(tmp_path, text, message):
    with pytest.raises(StructureError, match=message):
        load_study(write(tmp_path, text))


FINDING = """\
study: toy2025
findings:
  - id: two-totals
    title: Two totals
    weight: substantive
    places: [{where: A, quote: "five"}, {where: B, quote: "six", claim: a}]
    assumptions: [both count the same]
    benign: [{explanation: other units, outcome: not compatible either}]
    changes: nothing
    supplement_read: false
    result: toy2025/01_a#total
"""


def test_a_finding_passes(tmp_path):
    write(tmp_path, FINDING)
    assert load_findings(tmp_path)["toy2025/two-totals"]["study"] == "toy2025"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (', {where: B, quote: "six", claim: a}', "", "places"),
        ("[both count the same]", "[]", "assumptions"),
        ("[{explanation: other units, outcome: not compatible either}]", "[]", "benign"),
        ("changes: nothing", "changes: the first count is wrong", "wording is neutral"),
        ("weight: substantive", "weight: huge", "huge"),
        ("    result: toy2025/01_a#total\n", "", "result"),
    ],
)
def test_a_finding_fails(tmp_path, old, new, message):
    assert old in FINDING
    write(tmp_path, FINDING.replace(old, new))
    with pytest.raises(StructureError, match=message):
        load_findings(tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("figure: toy2025/01_a#fig-x", "says what it was drawn from"),
        ("figure: null", "gives a reason"),
        ("figure: null, reason: waits", "names the chapter it waits for"),
        ("figure: null, reason: lazy", "lazy"),
    ],
)
def test_an_inventory_row_fails(tmp_path, row, message):
    path = write(
        tmp_path, f"items:\n  - {{study: toy2025, item: Fig 1, shows: x, {row}}}\n", "inventory.yaml"
    )
    with pytest.raises(StructureError, match=message):
        load_inventory(path)


def test_the_projects_own_files_are_sound():
    studies, findings, inventory = load_studies(), load_findings(), load_inventory()
    assert len(studies["stadlbauer2025"].claims) > 150
    assert all(f["study"] in studies for f in findings.values())
    assert {row["study"] for row in inventory} >= {
        "stadlbauer2025",
        "nocera2025",
        "bischof2024",
        "schroers2026",
        "grussu2025",
    }


ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
]
ONES += ["seventeen", "eighteen", "nineteen"]
TENS = dict(
    zip(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
        range(20, 100, 10),
        strict=True,
    )
)
WORDS = {word: i for i, word in enumerate(ONES)} | TENS
WORDS |= {f"{ten}-{ONES[i]}": value + i for ten, value in TENS.items() for i in range(1, 10)}


def digits(text: str) -> str:
    """Return a text with the signs of numbers as the claims write them, and number words as digits."""
    text = re.sub(r"[A-Za-z]+(?:-[a-z]+)?", lambda m: str(WORDS.get(m[0].lower(), m[0])), text)
    return text.replace("−", "-").replace("–", "-").replace(",", "").replace("\u00a0", " ")


def test_the_printed_digits_of_a_claim_stand_in_its_quote_unless_a_note_says_how_they_are_printed():
    for study in load_studies().values():
        for claim in study.claims.values():
            number = digits(claim.printed).lstrip("<>≤≥~ ")
            assert number in digits(claim.quote) or claim.note, (
                f"{claim.id}: {claim.printed} is not in {claim.quote!r}"
            )


def test_a_finding_quotes_the_digits_of_the_claims_it_names():
    studies = load_studies()
    for key, finding in load_findings().items():
        for place in finding["places"]:
            if "claim" in place:
                claim = studies[finding["study"]].claims[f"{finding['study']}/{place['claim']}"]
                number = digits(claim.printed).lstrip("<>≤≥~ ")
                assert number in digits(place["quote"]) or claim.note, (
                    f"{key}: {claim.printed} is not in {place['quote']!r}"
                )
