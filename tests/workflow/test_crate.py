"""Every run leaves an RO-Crate: complete, without paths of the user, the same bytes for the same results."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import rocrate

PEER = Path(__file__).resolve().parents[1] / "peers" / "ro_crate.py"
CONTEXT = Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
PROFILES = ("ro-crate-1.3", "process-run-crate-0.5")
VALIDATOR = "roc-validator==0.13.0"
ADMITTED = {
    "RECOMMENDED: The Application SHOULD have a url",  # the project has no public address yet
    "RECOMMENDED: The SoftwareApplication id SHOULD be an absolute URI",
}


def open_crate(path):
    archive = zipfile.ZipFile(path)
    return archive, json.loads(archive.read("ro-crate-metadata.json"))["@graph"]


def references(value):
    """Every {"@id": …} below a value of the graph."""
    if isinstance(value, dict):
        yield from [value["@id"]] if set(value) == {"@id"} else []
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@pytest.fixture
def crate(toy):
    toy.plain_chapter("02_second", "pass")
    assert toy.run("run").returncode == 0
    return toy.build / "runs" / "published" / "published.crate.zip"


def test_every_file_of_a_crate_has_its_size_and_checksum_and_nothing_else_is_in_it(crate):
    archive, graph = open_crate(crate)
    files = {e["@id"]: e for e in graph if "File" in e["@type"]}
    assert sorted([*files, "ro-crate-metadata.json"]) == sorted(archive.namelist())
    for name, entity in files.items():
        data = archive.read(name)
        assert entity["sha256"] == hashlib.sha256(data).hexdigest()
        assert int(entity["contentSize"]) == len(data)
    assert sorted(
        references(graph[0]["hasPart"] if "hasPart" in graph[0] else graph[1]["hasPart"])
    ) == sorted(files)


def test_every_reference_of_a_crate_leads_somewhere_and_no_id_stands_twice(crate):
    _, graph = open_crate(crate)
    ids = [entity["@id"] for entity in graph]
    assert len(ids) == len(set(ids))
    assert {r for r in references(graph) if not r.startswith("https://w3id.org/ro/crate/")} <= set(ids)


def test_each_chapter_is_an_action_with_its_parameters_source_and_results(crate):
    _, graph = open_crate(crate)
    entities = {e["@id"]: e for e in graph}
    action = entities["#toy2025/01_first/run"]
    assert action["@type"] == "CreateAction"
    assert action["instrument"] == {"@id": "analysis/toy2025/01_first.py"}
    assert entities["#toy2025/01_first/parameter/factor"]["value"] == "2.0"
    assert {"@id": "results/toy2025/01_first.json"} in action["result"]
    assert action["startTime"] <= action["endTime"]
    assert "#toy2025/02_second/run" in entities


def test_a_chapter_changed_after_its_run_is_described_and_not_packed(toy):
    assert toy.run("run").returncode == 0
    toy.plain_chapter("02_second", "pass")
    toy.first.write_text(toy.first.read_text() + "\n# changed\n")
    assert toy.run("run", "toy2025/02").returncode == 0
    archive, graph = open_crate(toy.build / "runs" / "published" / "published.crate.zip")
    assert "analysis/toy2025/01_first.py" not in archive.namelist()
    assert "#analysis/toy2025/01_first.py" in {e["@id"] for e in graph}


def test_an_unchanged_run_leaves_its_crate_alone(toy, crate):
    before = crate.stat().st_mtime_ns
    assert toy.run("run").returncode == 0
    assert crate.stat().st_mtime_ns == before


def test_what_was_handed_in_is_named_by_checksum_and_tells_no_folder(toy, tmp_path):
    secret = tmp_path / "ward-7-secret"
    secret.mkdir()
    table = secret / "mine.csv"
    table.write_text("patient,examination,reference,read_a\nP1,E1,1,1\nP1,E2,0,0\n")
    code = 'chapter = open_chapter("toy2025/03_in", inputs={"t": t})\nprint(t)\nrows = chapter.input("t").value\nchapter.table(rows, "tab-rows", "C")\nchapter.table(rows[["read_a"]], "tab-reads", "C")'
    toy.chapter(
        "03_in",
        f"\n# %%\nfrom compendium.run.results import open_chapter\n\n{code}\nchapter.save()\n",
        parameters='t: str = ""\n',
        inputs="{t: {kind: table, schema: examinations}}",
    )
    toy.run(
        "run", "toy2025/03", "-i", f"t={table}", "--name", "mine"
    )  # ends without a site: the toy has no pages
    archive, graph = open_crate(toy.build / "runs" / "mine" / "mine.crate.zip")
    entity = next(e for e in graph if e["@id"] == "#toy2025/03_in/input/t")
    assert entity["sha256"] == hashlib.sha256(table.read_bytes()).hexdigest()
    assert entity["name"] == "mine.csv"
    assert not [n for n in archive.namelist() if b"ward-7-secret" in archive.read(n)]
    root = next(e for e in graph if e["@id"] == "./")
    assert "not stated: modality" in root["description"]
    about = tmp_path / "about.yaml"
    about.write_text('modality: "7 T MRI"\nlicence: CC0\nscale: "not applicable: no images"\n')
    toy.run("run", "toy2025/03", "-i", f"t={table}", "--name", "mine", "--about", str(about))
    archive, graph = open_crate(toy.build / "runs" / "mine" / "mine.crate.zip")
    entities = {e["@id"]: e for e in graph}
    assert entities["#practice/modality"]["value"] == "7 T MRI"
    assert entities["#practice/scale"]["value"] == "not applicable: no images"
    assert entities["#licence"]["name"] == "CC0"
    assert "not stated: acquisition_order, units" in entities["./"]["description"]
    assert "about.yaml" in archive.namelist()
    names = [Path(name).name for name in archive.namelist()]
    assert "tab-reads.csv" in names
    assert "tab-rows.csv" not in names
    assert "Tables with identifiers row by row are left out: 1." in entities["./"]["description"]


def test_roc_validator_finds_nothing_required_and_nothing_recommended_but_an_address(crate):
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    command = [uv, "run", "--quiet", "--isolated", "--no-project", "--with", VALIDATOR, "python", str(PEER)]
    done = subprocess.run(
        [*command, str(crate), str(CONTEXT), *PROFILES], capture_output=True, text=True, timeout=300
    )
    if done.returncode and os.environ.get("CI") != "true":
        pytest.skip(f"{VALIDATOR} must be installable. Given {done.stderr.splitlines()[-1:]}.")
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert set(report) == set(PROFILES)
    assert {line for lines in report.values() for line in lines} <= ADMITTED
