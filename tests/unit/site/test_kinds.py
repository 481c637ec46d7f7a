"""The list of kinds of inputs is made from their declarations."""

import pytest

from compendium.run.file_kinds import FILE_KINDS
from compendium.run.schemas import SCHEMAS
from compendium.site.content import Content
from compendium.site.kinds import input_kinds

TEXT = input_kinds(Content({}, [], [], [], [], []))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_kind_of_table_is_there_with_its_columns_and_example(name):
    block = TEXT.split(f'id="kind-{name}"')[1].split("</details>")[0]
    for field in (*SCHEMAS[name].fields, *SCHEMAS[name].patterns):
        assert field.name.replace("<", "&lt;").replace(">", "&gt;") in block
    assert "A valid table of this kind, made up." in block


@pytest.mark.parametrize("name", FILE_KINDS)
def test_every_kind_of_file_is_there(name):
    assert f"<code>{name}</code>" in TEXT


def test_chapters_are_named_with_the_words_that_hand_the_input_in():
    assert "nocera2025/02_cellularity_vs_histology <code>-i samples=…</code>" in TEXT
    assert "10000000.0" not in TEXT
