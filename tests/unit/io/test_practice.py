"""The checklist of bischof2024: what is stated, what does not apply, what is missing, and what is refused."""

import pytest

from compendium.io.practice import ITEMS, read_statements, standing_of, template_text, write_template
from compendium.io.yaml_lines import StructureError

KEYS = [item.key for item in ITEMS]


def test_every_item_ends_in_exactly_one_of_three_places():
    standing = standing_of({"units": "mm", "contact": "not applicable: simulated", "scale": "  "})
    assert dict(standing.stated) == {"units": "mm"}
    assert dict(standing.not_applicable) == {"contact": "simulated"}
    assert sorted([*standing.stated, *standing.not_applicable, *standing.missing]) == sorted(KEYS)


def test_nothing_stated_leaves_everything_missing_and_nothing_is_invented():
    assert standing_of({}).missing == tuple(KEYS)
    assert not standing_of({}).complete


def test_all_stated_is_complete():
    assert standing_of(dict.fromkeys(KEYS, "x")).complete


@pytest.mark.parametrize("text", ["not applicable", "Not applicable.", "not applicable:  "])
def test_not_applicable_needs_a_reason(text):
    with pytest.raises(ValueError, match="followed by a colon and the reason"):
        standing_of({"scale": text})


def test_saying_that_nothing_is_stated_is_no_statement():
    assert "licence" in standing_of({"licence": "not stated in the paper's text"}).missing


def test_an_unknown_key_is_refused():
    with pytest.raises(ValueError, match="answers one of modality"):
        standing_of({"colour": "red"})


def test_a_file_of_statements_is_read(tmp_path):
    path = tmp_path / "about.yaml"
    path.write_text("modality: 7 T MRI\nlicence: CC0\n")
    assert read_statements(path) == {"modality": "7 T MRI", "licence": "CC0"}


def test_an_empty_file_states_nothing(tmp_path):
    path = tmp_path / "about.yaml"
    path.write_text("# nothing yet\n")
    assert read_statements(path) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: red\n", "colour"),
        ("modality: [a, b]\n", "modality"),
        ("- modality\n", "about.yaml"),
        ("scale: ''\n", "scale"),
        ("contact: not applicable\n", "the reason"),
        ("modality: &a [*a]\n", "about.yaml"),
    ],
)
def test_a_file_that_is_no_mapping_of_statements_is_refused_in_one_line(tmp_path, text, said):
    path = tmp_path / "about.yaml"
    path.write_text(text)
    with pytest.raises(StructureError, match=said) as refused:
        read_statements(path)
    assert "\n" not in str(refused.value)


def test_a_template_states_nothing_and_names_everything(tmp_path):
    path = write_template(tmp_path / "about.yaml")
    assert read_statements(path) == {}
    for item in ITEMS:
        assert f"# {item.key}: " in template_text()


def test_a_filled_template_is_complete(tmp_path):
    path = tmp_path / "about.yaml"
    text = template_text()
    for item in ITEMS:
        text = text.replace(f"# {item.key}: ", f"{item.key}: ")
    path.write_text(text)
    assert standing_of(read_statements(path)).complete


def test_a_template_leaves_a_file_alone(tmp_path):
    path = tmp_path / "about.yaml"
    path.write_text("contact: me\n")
    with pytest.raises(StructureError, match="must not overwrite"):
        write_template(path)
    assert path.read_text() == "contact: me\n"
