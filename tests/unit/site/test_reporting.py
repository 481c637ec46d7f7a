"""The methods paragraph says what ran and what was changed; the page of data sets lists what nobody stated."""

from pathlib import Path

import pytest

from compendium.run.chapters import METHODS, RequestError, read_chapter
from compendium.site.content import ChapterEntry, Content, StudyEntry
from compendium.site.datasets import datasets_page
from compendium.site.reporting import DECLARED, methods_block

PROVENANCE = {
    "methods": {key: f"the {key} of a <test>" for key in DECLARED},
    "parameters": {"seed": 1, "confidence": 0.9, "label": ""},
    "changed": {"confidence": 0.9},
    "inputs": {"table": {"path": "mine.csv", "sha256": "ab" * 32, "bytes": 10}},
    "packages": {"numpy": "2.4.6", "papermill": "2.7.0"},
    "python": "3.12.1",
    "fingerprint": {"source": "cd" * 32},
}


def entry(**changes: object) -> ChapterEntry:
    provenance = {**PROVENANCE, **changes}
    return ChapterEntry("s2025/01_a", "s2025", "A", "s2025/01_a", "r", None, Path("."), {}, provenance)


def test_the_paragraph_holds_declarations_data_settings_and_versions_and_escapes_them() -> None:
    text = methods_block(entry())
    for key in DECLARED:
        assert f"the {key} of a &lt;test&gt;." in text
    assert "table: mine.csv (sha256 abababababab…)" in text
    assert "seed = 1, confidence = 0.9; not at the default: confidence." in text
    assert "label" not in text.split("Settings")[1]
    assert "chapter s2025/01_a (sha256 cdcdcdcdcdcd…), Python 3.12.1, numpy 2.4.6." in text


def test_defaults_are_said_to_be_defaults() -> None:
    assert "All at their defaults: seed = 1, confidence = 0.9." in methods_block(entry(changed={}))


def test_without_a_declaration_there_is_no_paragraph() -> None:
    assert methods_block(entry(methods={})) == ""


def test_declarations_of_a_chapter_are_complete_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "s2025" / "01_a.py"
    path.parent.mkdir()
    head = '# ---\n# jupyter:\n#   compendium:\n#     methods:\n{}\n# ---\n# %% [markdown]\n# # T\n# %% tags=["parameters"]\nseed: int = 1\n'
    path.write_text(head.format("\n".join(f'#       {key}: "x"' for key in METHODS)))
    assert read_chapter(path).methods == dict.fromkeys(METHODS, "x")
    path.write_text(head.format('#       estimand: "only this"'))
    with pytest.raises(RequestError, match="methods are the texts estimand, unit"):
        read_chapter(path)


MANIFEST = """\
datasets:
  - id: s2025-t
    study: s2025
    kind: table
    evidence: author-data
    source: "a <table>"
    url: null
    file: t.csv
    sha256: null
    licence: "not stated"
    how: "ask"
    practice: {modality: "7 T MRI", registration_method: "not applicable: one modality"}
"""


def test_the_page_of_data_sets_lists_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "manifest.yaml").write_text(MANIFEST)
    monkeypatch.setenv("COMPENDIUM_ROOT", str(tmp_path))
    content = Content(
        {"s2025": StudyEntry("s2025", "S 2025", "t"), "e2025": StudyEntry("e2025", "E", "t")},
        [],
        [],
        [],
        [],
        [],
    )
    page = datasets_page(content)
    assert "a &lt;table&gt;" in page
    assert "7 T MRI" in page
    assert "does not apply: one modality" in page
    missing = page.split("<strong>Missing</strong>")[1].split("</tr>")[0]
    assert "On which terms others may use it" in missing
    assert "Which imaging" not in missing
    assert "1 of 1" in page
    assert "0 of 1" in page
    assert "publishes no data" in page.split("## E")[1]
