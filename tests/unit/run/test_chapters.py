"""Chapters are read without executing them, and their prose follows the house rules."""

import ast
import re

import jupytext
import pytest

from compendium.run.chapters import RequestError, list_chapters, read_chapter
from compendium.run.staleness import imported_modules

CHAPTERS = list_chapters()
GOOD = """\
# ---
# jupyter:
#   compendium:
#     inputs:
#       table: {kind: table, schema: examinations}
# ---

# %% [markdown]
# # A title

# %% tags=["parameters"]
seed: int = 1  # a seed
share: float = 1
table: str = ""  # a path
"""


def write(tmp_path, text):
    folder = tmp_path / "toy2025"
    folder.mkdir(exist_ok=True)
    path = folder / "01_a.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_chapter_is_read_with_types_defaults_and_inputs(tmp_path):
    chapter = read_chapter(write(tmp_path, GOOD))
    assert (chapter.id, chapter.title) == ("toy2025/01_a", "A title")
    assert {n: (p.type, p.default, p.help) for n, p in chapter.parameters.items()} == {
        "seed": ("int", 1, "a seed"),
        "share": ("float", 1.0, ""),
    }
    assert chapter.inputs["table"].schema == "examinations" and not chapter.inputs["table"].required


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# # A title", "# A title", "has a title"),
        ('tags=["parameters"]', "", 'a cell tagged "parameters"'),
        ("= 1  # a seed", "= int(1)", '"seed" has not'),
        ("seed: int = 1", "seed: list = [1]", '"seed" is list'),
        ("table: str", "tabel: str", '"table" has none'),
        ("inputs:\n", "inputs: [\n", "its header is not YAML"),
    ],
)
def test_a_malformed_chapter_fails(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(RequestError, match=message):
        read_chapter(write(tmp_path, GOOD.replace(old, new)))


def test_imports_are_followed_through_the_package():
    modules = imported_modules("from compendium.run.results import open_chapter\nimport numpy")
    assert {"compendium.run.results", "compendium.evidence.yardstick", "compendium.io.yaml_lines"} <= modules
    assert "compendium.cli" not in modules and "numpy" not in modules


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def without_code_and_links(text: str) -> str:
    text = re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$", " ", text, flags=re.DOTALL)
    return re.sub(r"\{[a-z:]+\}`[^`]*`|\]\([^)]*\)|\{cite\}\S*|https?://\S+", " ", text)


NUMERAL = re.compile(r"(?<![\w.])[-−]?\d[\d.,]*")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.id)
def test_no_numeral_stands_in_prose_outside_cells_about_the_paper(chapter):
    for cell in jupytext.read(chapter.path).cells:
        if "paper" in tags(cell) or cell.cell_type == "raw":
            continue
        texts = [cell.source] if cell.cell_type == "markdown" else said(cell.source)
        for text in texts:
            assert not NUMERAL.findall(without_code_and_links(text)), text


def said(source: str) -> list[str]:
    """Return the fixed words of every text that a cell says or writes under a figure, without its fields."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"say", "figure", "table"}:
            arguments = [a for a in node.args if isinstance(a, ast.Constant | ast.JoinedStr | ast.BinOp)]
            texts = [*arguments, *[k.value for k in node.keywords if k.arg in {"caption", "alt"}]]
            for text in texts:
                constants = [
                    n.value
                    for n in ast.walk(text)
                    if isinstance(n, ast.Constant) and isinstance(n.value, str)
                ]
                found.append(re.sub(r"\{[^{}]*\}", " ", "".join(constants)))
    return found


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.id)
def test_headings_go_down_one_level_at_a_time_from_a_single_title(chapter):
    text = "\n".join(c.source for c in jupytext.read(chapter.path).cells if c.cell_type == "markdown")
    levels = [len(m) for m in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.id)
def test_a_chapter_still_parses_without_its_cells_about_the_paper(chapter):
    cells = [c for c in jupytext.read(chapter.path).cells if c.cell_type == "code" and "paper" not in tags(c)]
    ast.parse("\n".join(c.source for c in cells))
    assert cells[-1].source.strip() == "chapter.save()"


def test_every_chapter_declares_what_its_methods_paragraph_needs():
    missing = [chapter.id for chapter in list_chapters() if not chapter.methods]
    assert not missing
