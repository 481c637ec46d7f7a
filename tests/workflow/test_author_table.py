"""A table that authors published: absent, dropped in, accepted, changed and taken away again."""

import hashlib
import json

import pytest

MANIFEST = """\
datasets:
  - id: toy2025-s1
    study: toy2025
    kind: table
    evidence: author-data
    source: "made for this test, not by any author"
    url: null
    file: toy2025/table.csv
    sha256: SHA
    licence: none
    how: "by hand"
"""
TABLE = (
    "sample,patient,group,histology,imaging_adc\n"
    "S1,P1,a,100,1.1\nS2,P2,a,200,1.2\nS3,P3,b,300,1.3\nS4,P4,b,400,1.4\n"
)
CLAIM = """\
  - {id: mean, where: Table S1, quote: "mean 250", printed: "250", unit: "1", role: inference, evidence: not-obtained, needs: "Data S1, not obtained", result: "toy2025/02_table#mean"}
"""
BODY = """
# %%
from compendium.run.results import open_chapter

chapter = open_chapter("toy2025/02_table")
published = chapter.author_table("toy2025-s1", schema="samples")
table = published or chapter.illustration("cohort", None)
chapter.derive("aside", lambda v, n: v + n, chapter.printed("tp"), n=0 if published is None else 1, unit="examinations")
chapter.derive("mean", lambda t: 123.0 if t is None else float(t["histology"].mean()), table)

# %%
chapter.agreement()

# %%
chapter.save()
"""


@pytest.fixture
def project(toy):
    """A toy project with a claim that waits for a published table; accepted without it."""
    toy.chapter("02_table", BODY)
    with toy.claims.open("a", encoding="utf-8") as file:
        file.write(CLAIM)
    (toy.root / "data" / "manifest.yaml").write_text(MANIFEST.replace("SHA", "null"), encoding="utf-8")
    assert toy.run("run").returncode == 0
    assert toy.run("accept", "toy2025").returncode == 0
    return toy


def drop_in(project, text=TABLE):
    path = project.build / "data" / "toy2025" / "table.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def claim_row(project):
    report = json.loads(project.run("check", "--format", "json").stdout)
    return next(row for row in report["claims"] if row["id"] == "toy2025/mean")


def test_without_the_table_the_claim_is_not_scored_and_the_check_passes(project):
    checked = project.run("check")
    assert checked.returncode == 0, checked.stdout
    row = claim_row(project)
    assert (row["status"], row["evidence"], row["ours"]) == ("not scored", "not-obtained", None)
    assert project.results("toy2025/02_table")["data_read"] == {"toy2025-s1": None}


def test_a_table_that_arrives_is_said_then_scored_then_accepted_and_goes_again(project):
    path = drop_in(project)
    said = project.run("check")
    assert said.returncode == 1
    assert "toy2025/02_table: toy2025-s1 is here now: run it again" in said.stdout

    ran = project.run("run")
    assert ran.returncode == 0
    assert "published data changed: toy2025-s1" in ran.stdout + ran.stderr
    assert "01_first" not in [line for line in (ran.stdout + ran.stderr).splitlines() if "changed" in line]
    row = claim_row(project)
    assert (row["status"], row["evidence"], row["ours"]) == ("reproduced", "author-data", 250.0)
    assert row["uses"] == ["data:toy2025-s1"]
    checked = project.run("check")
    assert checked.returncode == 1
    assert 'data arrived: toy2025/mean: "not scored" → "reproduced" [author-data]' in checked.stdout
    assert "data arrived: toy2025/02_table#mean: 250.0 [author-data]" in checked.stdout
    assert (
        "data arrived: toy2025/02_table#aside: 284.0 [internal]" in checked.stdout
    )  # differs because of the data
    assert checked.stdout.count("data arrived") == 3

    assert project.run("accept", "toy2025/02").returncode == 0
    assert project.run("check").returncode == 0
    stored = json.loads(project.first.with_name("02_table.reference.json").read_text(encoding="utf-8"))
    assert (stored["results"]["mean"]["value"], stored["obtained"]["mean"]["value"]) == (123.0, 250.0)

    path.unlink()
    assert "toy2025-s1 is gone" in project.run("check").stdout
    assert project.run("run").returncode == 0
    checked = project.run("check")
    assert checked.returncode == 0, checked.stdout
    assert claim_row(project)["status"] == "not scored"
    accepted = project.run("accept", "toy2025/02")
    assert "nothing changed" in accepted.stdout


def test_a_table_that_disagrees_is_inconsistent_and_one_that_moves_is_reported(project):
    drop_in(project)
    assert project.run("run").returncode == 0
    assert project.run("accept", "toy2025").returncode == 0
    drop_in(project, TABLE.replace("400", "500"))
    assert project.run("run").returncode == 0
    checked = project.run("check")
    assert checked.returncode == 1
    assert 'status changed: toy2025/mean: status "reproduced" → "inconsistent"' in checked.stdout
    assert "moved: toy2025/02_table#mean: value 250.0 → 275.0" in checked.stdout


def test_a_table_with_another_hash_or_other_columns_is_refused_in_one_line(project):
    drop_in(project, TABLE.replace("histology", "something"))
    ran = project.run("run")
    assert ran.returncode == 1
    assert "the column histology must be there" in ran.stdout + ran.stderr
    assert "src/compendium/run/schemas" in ran.stdout + ran.stderr
    drop_in(project)
    digest = hashlib.sha256(b"another file").hexdigest()
    (project.root / "data" / "manifest.yaml").write_text(MANIFEST.replace("SHA", digest), encoding="utf-8")
    ran = project.run("run")
    assert ran.returncode == 1
    assert f"must have sha256 {digest}" in ran.stdout + ran.stderr
