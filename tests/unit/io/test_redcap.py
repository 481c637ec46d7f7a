"""REDCap exports: which rows are meant is asked, and a record's own values stand beside its repeated instrument."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium.io.redcap import is_redcap, select_rows
from compendium.io.tables import TableError, read_table

RAW = """\
record_id,redcap_repeat_instrument,redcap_repeat_instance,sex,sign___1,sign___2,exam,read
1,,,F,Checked,Unchecked,,
1,mri,1,,,,E1,1
1,mri,2,,,,E2,0
2,,,M,Unchecked,Unchecked,,
2,mri,1,,,,E3,1
2,drug,1,,,,,
"""
LABELS = RAW.replace(
    "record_id,redcap_repeat_instrument,redcap_repeat_instance", "Record ID,Repeat Instrument,Repeat Instance"
).replace("sign___1,sign___2", "Signs (choice=headache),Signs (choice=seizure)")
EVENTS = """\
record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,site,exam
1,baseline_arm_1,,,left,
1,baseline_arm_1,mri,1,,E1
1,later_arm_1,,,right,
1,later_arm_1,mri,1,,E2
"""


def table(tmp_path: Path, text: str):
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(path)


@pytest.mark.parametrize("text", [RAW, LABELS])
def test_rows_of_a_repeated_instrument_carry_their_record(tmp_path, text):
    assert is_redcap(table(tmp_path, text))
    got = select_rows(table(tmp_path, text), instrument="mri")
    assert got.frame.iloc[:, 3].tolist() == ["F", "F", "M"]
    assert got.frame.iloc[:, 4].tolist() == ["1", "1", "0"]
    assert got.frame["exam"].tolist() == ["E1", "E2", "E3"]
    assert got.lines.tolist() == [3, 4, 6]
    assert got.notes[-1] == "REDCap: the 3 rows of 'mri' are read, with 3 fields of their records."


def test_which_rows_are_meant_is_asked(tmp_path):
    with pytest.raises(
        TableError, match=r"--read INPUT\.instrument=NAME, or =none.*'mri' \(3 rows\), 'drug' \(1 rows\)"
    ):
        select_rows(table(tmp_path, RAW))
    with pytest.raises(TableError, match="the instrument must be one of the export's: 'none', 'mri', 'drug'"):
        select_rows(table(tmp_path, RAW), instrument="MRI")


def test_rows_of_the_records_can_be_meant(tmp_path):
    got = select_rows(table(tmp_path, RAW), instrument="none")
    assert got.frame["sex"].tolist() == ["F", "M"]
    assert got.notes[-1] == "REDCap: 4 rows of repeated instruments are left out."


def test_values_of_a_record_are_those_of_the_same_event(tmp_path):
    got = select_rows(table(tmp_path, EVENTS), instrument="mri")
    assert got.frame["site"].tolist() == ["left", "right"]
    one = select_rows(table(tmp_path, EVENTS), instrument="mri", event="later_arm_1")
    assert one.frame[["exam", "site"]].to_numpy().tolist() == [["E2", "right"]]
    with pytest.raises(TableError, match="the event must be one of the export's"):
        select_rows(table(tmp_path, EVENTS), event="sometime")


def test_several_values_of_one_record_are_refused(tmp_path):
    twice = RAW + "1,,,M,Checked,Checked,,\n"
    with pytest.raises(
        TableError, match="field sex: a record must have one value.*Given several for record '1'"
    ):
        select_rows(table(tmp_path, twice), instrument="mri")


def test_other_tables_are_left_alone(tmp_path):
    plain = table(tmp_path, "id,size\na,1\n")
    assert select_rows(plain) is plain
    with pytest.raises(TableError, match="can be named only for a REDCap export"):
        select_rows(plain, instrument="mri")


CELL = st.sampled_from(["", "1", "2", "mri", "Checked", "a"])


@given(st.lists(st.lists(CELL, min_size=6, max_size=6), min_size=1, max_size=6), CELL, CELL)
def test_any_export_gives_rows_of_the_file_or_one_line(tmp_path_factory, rows, instrument, event):
    head = "record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,sign___1,x\n"
    try:
        whole = table(tmp_path_factory.getbasetemp(), head + "".join(",".join(row) + "\n" for row in rows))
        got = select_rows(whole, instrument, event)
        assert set(got.lines) <= set(whole.lines)
        assert len(got.frame) == len(got.lines)
        assert got.frame["record_id"].isin(whole.frame["record_id"]).all()
    except TableError as error:
        assert "\n" not in str(error)
