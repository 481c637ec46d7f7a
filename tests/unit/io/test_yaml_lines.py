"""YAML with line numbers: what is read, what is refused, and where the message points."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium.io.yaml_lines import StructureError, line_of, load_yaml, place_of, validate_structure

CLAIM = {
    "type": "object",
    "required": ["id", "printed"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z-]+$"},
        "printed": {"type": "string"},
        "role": {"enum": ["inference", "setting"]},
        "half_unit": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "range": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
        "where": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["claims"],
    "properties": {"claims": {"type": "array", "items": CLAIM}},
}


def write(folder: Path, text: str | bytes, name: str = "study.yaml") -> Path:
    path = folder / "claims" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_plain_words_keep_their_meaning(tmp_path):
    text = "[no, Off, 12:30, 007, 1_000, 2025-01-01, .inf, 0x1F"
    text += ", +1, -0.5, 1e3, .5, 3., true, null, ~, '', \"1\", 1.2.3]"
    words = ["no", "Off", "12:30", "007", "1_000", "2025-01-01", ".inf", "0x1F"]
    values = [1, -0.5, 1000.0, 0.5, 3.0, True, None, None, "", "1", "1.2.3"]
    assert load_yaml(write(tmp_path, text)) == [*words, *values]


def test_byte_order_mark_and_windows_line_ends_pass(tmp_path):
    path = write(tmp_path, b"\xef\xbb\xbfa: \xc3\xa9\r\nb: 2\r\n")
    assert load_yaml(path) == {"a": "é", "b": 2}
    assert line_of(path, ["b"]) == 2


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_empty_document_is_null(tmp_path, text):
    assert load_yaml(write(tmp_path, text)) is None


DEEP = "[" * 100_000
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
REFUSED = {
    "key twice": ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", ":5: c: keys are unique. Given in line 3"),
    "number as key": ("a: 1\n2: b\n", ":2: keys are text"),
    "null as key": ("a: 1\n~: b\n", ":2: keys are text"),
    "list as key": ("a: 1\n? [b]\n: c\n", ":2: keys are text"),
    "anchor bomb": (BOMB, ":1: anchors are not used"),
    "alias": ("a: *b\n", ":1: aliases are not used"),
    "merge key": ("a:\n  <<: {b: 1}\n", ":2: merge keys are not used"),
    "python object": ("a: !!python/object/apply:os.system ['true']\n", ":1: tags are not used"),
    "tagged text": ("a: !!binary aGk=\n", ":1: tags are not used"),
    "deep nesting": (DEEP, ":1: values nest at most 40 deep"),
    "second document": ("a: 1\n---\nb: 2\n", ":2: a file holds one document"),
    "infinite number": ("a: 1\nb: 1e999\n", ":2: numbers are finite. Given '1e999'"),
    "tab as indentation": ("a:\n\tb: 1\n", ":2: must be valid YAML"),
    "unclosed bracket": ("a: [1, 2\nb: 3\n", "must be valid YAML"),
    "unclosed quote": ('a: "b\n', "must be valid YAML"),
    "NUL": (b"a: b\x00c\n", "must be valid YAML"),
    "not UTF-8": (b"a: 1\nb: \xe9\n", ":2: text must be UTF-8. Given byte 0xe9"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_load_fails_in_one_line(tmp_path, name):
    text, expected = REFUSED[name]
    with pytest.raises(StructureError, match="claims/study.yaml") as error:
        load_yaml(write(tmp_path, text))
    assert expected in str(error.value)
    assert "\n" not in str(error.value)
    assert str(tmp_path) not in str(error.value)


def test_load_fails_without_a_file(tmp_path):
    with pytest.raises(StructureError, match="must be an existing file. Given nothing"):
        load_yaml(tmp_path / "claims.yaml")
    with pytest.raises(StructureError, match="must be an existing file. Given a folder"):
        load_yaml(tmp_path)


def test_load_fails_on_a_huge_file(tmp_path):
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(10_000_001)
    with pytest.raises(StructureError, match="at most 10,000,000 bytes. Given 10,000,001"):
        load_yaml(path)


GOOD = """\
claims:
  - id: a
    printed: "97.4"
    where: Results
    range: [0, 100]
  - id: b
    printed: "<.001"
    where: [Results, Abstract]
    half_unit: null
"""


def test_structure_passes(tmp_path):
    path = write(tmp_path, GOOD)
    assert validate_structure(path, load_yaml(path), SCHEMA) is None


BROKEN = {
    "type": (
        GOOD.replace('"97.4"', "97.4"),
        ":3: claims[0].printed (a): must be text (in quotes). Given 97.4.",
    ),
    "missing": (
        GOOD.replace('    printed: "<.001"\n', ""),
        ":6: claims[1] (b): must have 'printed'. Given id, where",
    ),
    "unknown key": (
        GOOD.replace("half_unit", "half_unti"),
        ":9: claims[1].half_unti (b): must be one of id, printed",
    ),
    "suggestion": (GOOD.replace("half_unit", "half_unti"), "Given 'half_unti' (did you mean 'half_unit'?)"),
    "enum": (
        GOOD + "    role: fact\n",
        ":10: claims[1].role (b): must be one of 'inference', 'setting'. Given 'fact'",
    ),
    "pattern": (GOOD.replace("id: a", "id: A1"), ":2: claims[0].id (A1): must match ^[a-z-]+$. Given 'A1'."),
    "bound": (GOOD.replace("null", "0"), ":9: claims[1].half_unit (b): must be greater than 0. Given 0."),
    "too few": (
        GOOD.replace("[0, 100]", "[0]"),
        ":5: claims[0].range (a): must have at least 2 entries. Given a list",
    ),
    "entry": (GOOD.replace("[0, 100]", "[0, x]"), ":5: claims[0].range[1] (a): must be a number. Given 'x'."),
    "alternative": (
        GOOD.replace("where: Results", "where: 3"),
        ":4: claims[0].where (a): must be text (in quotes) or a",
    ),
    "inner alternative": (
        GOOD.replace("Abstract]", "3]"),
        ":8: claims[1].where[1] (b): must be text (in quotes)",
    ),
    "top": ("- a\n", ":1: the whole file: must be a mapping (name: value). Given a list of 1."),
    "empty": ("", ":1: the whole file: must be a mapping (name: value). Given null."),
    "two lines as value": (GOOD.replace("id: a", 'id: "a\\nb"'), "(a\\nb): must match"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_structure_fails_in_one_line(tmp_path, name):
    text, expected = BROKEN[name]
    path = write(tmp_path, text)
    with pytest.raises(StructureError, match="claims/study.yaml:") as error:
        validate_structure(path, load_yaml(path), SCHEMA)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_first_line_is_named_and_the_others_counted(tmp_path):
    path = write(tmp_path, GOOD.replace('"97.4"', "1").replace('"<.001"', "2").replace("[0, 100]", "[0]"))
    with pytest.raises(StructureError, match=r":3: claims\[0\].printed .*\(\+2 more\)$"):
        validate_structure(path, load_yaml(path), SCHEMA)


def test_place_of_names_folder_file_and_line(tmp_path):
    assert place_of(write(tmp_path, GOOD), ["claims", 1, "where", 1]) == "claims/study.yaml:8"
    assert line_of(write(tmp_path, GOOD), ["claims", 1, "no such key"]) == 6
    assert line_of(write(tmp_path, GOOD), ["nothing"]) == 1


PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029\ufeff")
    ),
)
KEYS = st.text("abcdefghij_-. :#'\"", min_size=1, max_size=8).filter(lambda key: key != "<<")
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=15
)


@given(VALUES)
def test_what_another_writer_dumps_comes_back(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "dumped.yaml"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")  # JSON is YAML in flow style
    assert load_yaml(path) == value


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)
    try:
        load_yaml(path)
    except StructureError as error:
        assert "\n" not in str(error)


@given(st.text("ab:-[]{}#&*!|>'\"%@`,? \n\t0.", max_size=60))
def test_any_yaml_like_text_is_read_or_refused_in_one_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "like.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        load_yaml(path)
    except StructureError as error:
        assert "\n" not in str(error)


def test_three_hundred_claims_take_well_under_a_second(tmp_path):
    entry = (
        '  - id: claim-a\n    printed: "97.4"\n    where: Results\n    range: [0, 100]\n    role: inference\n'
    )
    path = write(tmp_path, "claims:\n" + entry * 300)
    start = time.process_time()
    validate_structure(path, load_yaml(path), SCHEMA)
    assert time.process_time() - start < 0.5  # some 0.03 s; the margin is for a busy machine
