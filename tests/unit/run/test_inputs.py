"""Tables of examinations: what passes, and one line for each kind of bad table."""

import csv
import gzip
import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium.run.inputs import (
    SCHEMAS,
    Field,
    InputError,
    Schema,
    describe,
    template_text,
    validate,
    write_template,
)

HEADER = "patient,examination,reference,read_a,read_b,date\n"
ROWS = [
    "P1,E1,1,1,0,2021-03-09\n",
    "P1,E2,0,0,,2021-09-14\n",
    "P2,E3,0,1,0,\n",
    "P3,E4,1,,1,2022-01-31\n",
]
GOOD = HEADER + "".join(ROWS)


def write(folder: Path, content: str | bytes, name: str = "cohort.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def swap(old: str, new: str, text: str = GOOD) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_good_table_passes_with_its_types(tmp_path):
    frame = validate(write(tmp_path, GOOD), "examinations")
    assert frame["patient"].tolist() == ["P1", "P1", "P2", "P3"]
    assert frame["reference"].dtype == np.int64
    assert frame["reference"].tolist() == [1, 0, 0, 1]
    assert frame["read_b"].dtype == pd.Int64Dtype()
    assert frame["read_b"].isna().tolist() == [False, True, False, False]
    assert frame["date"].tolist()[0] == pd.Timestamp("2021-03-09")
    assert frame.attrs["notes"] == (
        "read_a: 1 of 4 values missing.",
        "read_b: 1 of 4 values missing.",
        "date: 1 of 4 values missing.",
    )


SAME_TABLE = {
    "semicolons": GOOD.replace(",", ";"),
    "tabs": GOOD.replace(",", "\t"),
    "byte-order mark and Windows line ends": "\ufeff" + GOOD.replace("\n", "\r\n"),
    "NA": GOOD.replace(",,", ",NA,"),
    "floats as pandas writes them": GOOD.replace(",1,", ",1.0,")
    .replace(",0,", ",0.0,")
    .replace(",1,", ",1.0,"),
    "logicals as R writes them": GOOD.replace(",1,", ",TRUE,")
    .replace(",0,", ",FALSE,")
    .replace(",1,", ",TRUE,"),
    "capitals and blanks in names": swap(HEADER, "Patient, Examination ,REFERENCE,Read A,READ-b,Date\n"),
    "blanks around cells": GOOD.replace(",", " , "),
    "blank lines at the end": GOOD + "\n,,,,,\n\n",
}


@pytest.mark.parametrize("name", SAME_TABLE)
def test_documented_spellings_pass_as_the_same_table(tmp_path, name):
    expected = validate(write(tmp_path, GOOD), "examinations")
    actual = validate(write(tmp_path, SAME_TABLE[name]), "examinations")
    pd.testing.assert_frame_equal(actual, expected, check_flags=False)


def test_identifiers_and_unknown_columns_stay_text(tmp_path):
    text = "site,patient,examination,reference,read_a,histolgy\n01,007,=1+1,1,1,<b>\n1,07,1e5,0,0,NA\n"
    frame = validate(write(tmp_path, text), "examinations")
    assert frame["patient"].tolist() == ["007", "07"]
    assert frame["examination"].tolist() == ["=1+1", "1e5"]
    assert frame["site"].tolist() == ["01", "1"]
    assert frame["histolgy"].tolist() == ["<b>", "NA"]
    assert frame.attrs["notes"] == (
        "column 'site' is not used.",
        "column 'histolgy' is not used (did you mean histology?).",
    )


def test_renamed_columns_and_encoding_are_said(tmp_path):
    text = "Patient;examination;reference;Read uPERF;histology\nMüller;E1;1;1;a\nP2;E2;0;0;b\n"
    frame = validate(write(tmp_path, text.encode("cp1252")), "examinations")
    assert list(frame.columns) == ["patient", "examination", "reference", "read_uperf", "histology"]
    assert frame.attrs["notes"][0].startswith("read as Windows-1252")
    assert "column 'Read uPERF' is read as read_uperf." in frame.attrs["notes"]


LONG = "x" * 201
ALL_PRESENT = GOOD.replace("E2,0", "E2,1").replace("E3,0", "E3,1")
ALL_ABSENT = GOOD.replace("E1,1", "E1,0").replace("E4,1", "E4,0")
NO_READ_B = HEADER + "P1,E1,1,1,,\nP1,E2,0,0,NA,\nP2,E3,0,1,,\n"
READ_A_WITHOUT_PRESENT = HEADER + "P1,E1,1,,1,\nP1,E2,0,0,0,\nP2,E3,0,1,0,\n"
BAD_CELL = {  # kind: (text, row, field, rule, value)
    "read is 2": (
        swap("E3,0,1,", "E3,0,2,"),
        4,
        "read_a",
        "must be 0 or 1, or empty or NA when missing",
        "'2'",
    ),
    "read is 0.5": (swap("E3,0,1,", "E3,0,0.5,"), 4, "read_a", "must be 0 or 1", "'0.5'"),
    "read is -1": (swap("E3,0,1,", "E3,0,-1,"), 4, "read_a", "must be 0 or 1", "'-1'"),
    "read is a word": (swap("1,0,2021", "1,maybe,2021"), 2, "read_b", "must be 0 or 1", "'maybe'"),
    "read is yes": (swap("1,0,2021", "1,yes,2021"), 2, "read_b", "must be 0 or 1", "'yes'"),
    "read is ?": (swap("E2,0,0,,", "E2,0,0,?,"), 3, "read_b", "must be 0 or 1", "'?'"),
    "read is a spreadsheet error": (
        swap("E2,0,0,,", "E2,0,0,#N/A,"),
        3,
        "read_b",
        "must be 0 or 1",
        "'#N/A'",
    ),
    "read is a formula": (swap("E2,0,0,,", "E2,0,0,=B2,"), 3, "read_b", "must be 0 or 1", "'=B2'"),
    "read is 1 in other digits": (swap("E2,0,0,", "E2,0,\u0661,"), 3, "read_a", "must be 0 or 1", "'\u0661'"),
    "reference missing": (
        swap("E3,0,", "E3,,"),
        4,
        "reference",
        "must be 0 or 1 and not missing",
        "an empty cell",
    ),
    "reference NA": (swap("E3,0,", "E3,NA,"), 4, "reference", "must be 0 or 1 and not missing", "'NA'"),
    "reference is 2": (swap("E1,1,", "E1,2,"), 2, "reference", "must be 0 or 1", "'2'"),
    "reference is a word": (swap("E1,1,", "E1,positive,"), 2, "reference", "must be 0 or 1", "'positive'"),
    "patient missing": (swap("P2,E3", ",E3"), 4, "patient", "must not be missing", "an empty cell"),
    "patient NA": (swap("P2,E3", "NA,E3"), 4, "patient", "must not be missing", "'NA'"),
    "patient rounded": (
        swap("P2,", "1.23457E+11,"),
        4,
        "patient",
        "(a spreadsheet has rounded it)",
        "'1.23457E+11'",
    ),
    "patient #REF!": (
        swap("P2,", "#REF!,"),
        4,
        "patient",
        "must not be an error of the spreadsheet",
        "'#REF!'",
    ),
    "patient too long": (
        swap("P2,", f"{LONG},"),
        4,
        "patient",
        "must have at most 200 characters",
        "(201 characters)",
    ),
    "examination missing": (swap("P3,E4", "P3, "), 5, "examination", "must not be missing", "an empty cell"),
    "examination twice": (
        swap("P3,E4", "P3,E2"),
        5,
        "examination",
        "must be unique (it stands already in row 3)",
        "'E2'",
    ),
    "row repeated": (
        GOOD + ROWS[1],
        6,
        "examination",
        "must be unique (the whole row repeats row 3)",
        "'E2'",
    ),
    "date of Excel": (
        swap("2021-03-09", "44264"),
        2,
        "date",
        "it looks like Excel's number of a day",
        "'44264'",
    ),
    "date with slashes": (
        swap("2021-09-14", "9/14/2021"),
        3,
        "date",
        "must be a date as YYYY-MM-DD",
        "'9/14/2021'",
    ),
    "date with points": (
        swap("2021-09-14", "14.09.2021"),
        3,
        "date",
        "must be a date as YYYY-MM-DD",
        "'14.09.2021'",
    ),
    "date without zeros": (
        swap("2021-09-14", "2021-9-14"),
        3,
        "date",
        "must be a date as YYYY-MM-DD",
        "'2021-9-14'",
    ),
    "day not in calendar": (
        swap("2022-01-31", "2022-02-30"),
        5,
        "date",
        "must be a day of the calendar",
        "'2022-02-30'",
    ),
    "day out of range": (
        swap("2022-01-31", "0022-01-31"),
        5,
        "date",
        "must lie between 1970-01-01 and",
        "'0022-01-31'",
    ),
    "row too short": (swap("P2,E3,0,1,0,\n", "P2,E3,0\n"), 4, "(the whole row)", "must have 6 cells", "3"),
    "row too long": (
        swap("P2,E3,0,1,0,\n", "P2,E3,0,1,0,,x\n"),
        4,
        "(the whole row)",
        "must have 6 cells",
        "7",
    ),
    "column twice": (swap("read_b", "read_a"), 1, "read_a", "every column must be named once", "'read_a'"),
    "column twice by case": (
        swap("read_b", "Read A"),
        1,
        "Read A",
        "every column must be named once",
        "'Read A'",
    ),
    "column without a name": (swap("read_b", ""), 1, "header", "every column must have a name", "column 5"),
    "column missing": (
        swap("reference", "standard"),
        1,
        "reference",
        "the column reference must be there",
        "'patient', ",
    ),
    "column misspelt": (
        swap("patient", "pateint"),
        1,
        "patient",
        "(did you mean it by 'pateint'?)",
        "'pateint', ",
    ),
    "no read": (
        GOOD.replace("read_", "x_"),
        1,
        "read_<name>",
        "at least one column read_<name> must be there",
        "'x_a'",
    ),
    "read without a name": (
        swap("read_b", "read_"),
        1,
        "read_",
        "must be named by letters a-z, digits and _",
        "'read_'",
    ),
    "read named by a sign": (
        swap("read_b", "read_T1+"),
        1,
        "read_T1+",
        "must be named by letters a-z",
        "'read_T1+'",
    ),
    "no header": ("".join(ROWS), 1, "1", "(is the header line missing?)", "'1'"),
    "no header, all different": (
        "P1,E1,1,0\n",
        1,
        "patient",
        "column patient must be there",
        "'P1', 'E1', '1', ",
    ),
    "one column": (
        GOOD.replace(",", "|"),
        1,
        "patient",
        "(columns are separated by comma, semicolon or tab)",
        "'patient|",
    ),
    "no rows": (HEADER, 1, "(all)", "must hold at least one row below the header", "no rows"),
    "condition always present": (
        ALL_PRESENT,
        None,
        "reference",
        "0 in at least one",
        "4 times 1 and 0 times 0",
    ),
    "condition never present": (
        ALL_ABSENT,
        None,
        "reference",
        "must be 1 in at least one",
        "0 times 1 and 4 times 0",
    ),
    "read wholly empty": (NO_READ_B, None, "read_b", "must have at least one value: fill", "3 empty cells"),
    "read without present": (
        READ_A_WITHOUT_PRESENT,
        None,
        "read_a",
        "with reference 1",
        "2 values, none of them there",
    ),
    "unclosed quote": (swap("P2,", '"P2,'), 4, None, 'every quote (") must be closed', "not closed"),
    "long cell": (
        swap("P2,", "x" * 40_000 + ","),
        4,
        "patient",
        "at most 32,767 characters",
        "(40,000 characters)",
    ),
    "control character": (
        swap("P2", "P\x1b[2J"),
        4,
        None,
        "must hold no control or invisible characters",
        "U+001B",
    ),
    "invisible character": (swap("P2", "P2\u200b"), 4, None, "no control or invisible characters", "U+200B"),
    "NUL byte": (swap("P2", "P\x002"), 4, None, "must be text", "a NUL byte"),
}
BAD_FILE = {
    "empty file": (b"", "must hold a header and rows", "an empty file"),
    "workbook named csv": (
        b"PK\x03\x04" + b"\x00" * 26,
        "must be a whole Excel workbook",
        "a broken or half-copied archive",
    ),
    "gzip named csv": (gzip.compress(GOOD.encode()), "unpack it first", "a gzip archive"),
    "web page named csv": (
        b"<!DOCTYPE html>\n<html><body>404</body></html>",
        "download the file itself",
        "a web page",
    ),
    "old workbook named csv": (
        b"\xd0\xcf\x11\xe0",
        "save it as .xlsx or CSV (UTF-8)",
        "an old Excel workbook",
    ),
}


@pytest.mark.parametrize("kind", BAD_CELL)
def test_bad_table_fails_with_row_field_rule_and_value_in_one_line(tmp_path, kind):
    text, row, field, rule, value = BAD_CELL[kind]
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=r"cohort\.csv") as caught:
        validate(path, "examinations")
    message, error = str(caught.value), caught.value
    assert message.count("\n") == 0
    assert message.startswith(str(path))
    assert (error.row, error.field) == (row, field)
    assert row is None or f", row {row}" in message
    assert field is None or f"field {field}: " in message
    assert rule in message
    assert f"Given {value}" in message or value in error.value
    assert len(message) < 400 + len(str(path))


@pytest.mark.parametrize("kind", BAD_FILE)
def test_bad_file_fails_in_one_line(tmp_path, kind):
    content, rule, value = BAD_FILE[kind]
    with pytest.raises(InputError, match=r"cohort\.csv: must") as caught:
        validate(write(tmp_path, content), "examinations")
    assert rule in str(caught.value)
    assert f"Given {value}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_fail(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: must be an existing file"):
        validate(tmp_path / "none.csv", "examinations")
    with pytest.raises(InputError, match="must be a file. Given a folder"):
        validate(tmp_path, "examinations")
    with pytest.raises(
        InputError, match=r"must be a whole Excel workbook. Given a broken or half-copied archive"
    ):
        validate(write(tmp_path, b"PK\x03\x04", "cohort.xlsx"), "examinations")


def test_first_row_is_named_and_the_others_counted(tmp_path):
    text = GOOD.replace("2022-01-31", "x").replace("E3,0,1", "E3,0,7").replace("E2,0,0,,", "E2,0,0,8,")
    with pytest.raises(InputError, match=r"row 3, field read_b: .* Given '8' \(\+2 more\)\.$"):
        validate(write(tmp_path, text), "examinations")


def test_row_numbers_count_comments_and_blank_lines(tmp_path):
    text = "# exported\n\n" + swap("E3,0,1,", "E3,0,2,").replace("P2,", "\n\nP2,")
    with pytest.raises(InputError, match="row 8, field read_a"):
        validate(write(tmp_path, text), "examinations")


# Numbers with units, choices: other kinds of tables declare them

SIZES = Schema(
    "sizes",
    "one row per tumour",
    fields=(
        Field("tumour", "the tumour", "id"),
        Field("adc", "mean diffusivity", "number", unit="µm²/ms", range=(0, 4), missing=False),
        Field("voxels", "voxels in it", "integer", range=(1, 1_000_000), required=False),
        Field("grade", "grade", choices=("2", "3", "4"), required=False),
    ),
)


def test_numbers_with_decimal_commas_pass_and_are_said(tmp_path):
    frame = validate(write(tmp_path, "tumour;adc;voxels;grade\n1;0,95;10;4\n2;1,1;;\n"), SIZES)
    assert frame["adc"].tolist() == [0.95, 1.1]
    assert frame["voxels"].dtype == pd.Int64Dtype()
    assert "adc: commas read as decimal commas." in frame.attrs["notes"]


NUMBER_FAILS = {
    "other unit": ("1;1100;;\n2;1.2;;\n", "row 2, field adc: must lie between 0 and 4 µm²/ms. Given '1100'."),
    "ambiguous comma": ("1;1,100;;\n", "row 2, field adc: must be unambiguous"),
    "word": ("1;1.1;;\n2;high;;\n", "row 3, field adc: must be a number. Given 'high'."),
    "missing": ("1;;;\n", "row 2, field adc: must not be missing. Given an empty cell."),
    "not whole": ("1;1;1.5;\n", "row 2, field voxels: must be a whole number. Given '1.5'."),
    "too small": ("1;1;0;\n", "row 2, field voxels: must lie between 1 and 1000000. Given '0'."),
    "no choice": ("1;1;1;IV\n", "row 2, field grade: must be one of 2, 3, 4. Given 'IV'."),
}


@pytest.mark.parametrize("kind", NUMBER_FAILS)
def test_numbers_and_choices_fail_in_one_line(tmp_path, kind):
    rows, expected = NUMBER_FAILS[kind]
    with pytest.raises(InputError, match="row") as caught:
        validate(write(tmp_path, "tumour;adc;voxels;grade\n" + rows), SIZES)
    assert expected in str(caught.value)


def test_field_of_unknown_type_fails():
    with pytest.raises(ValueError, match="type must be one of id, text, flag, .* Given 'float'"):
        Field("a", "b", "float")


# Templates


@pytest.mark.parametrize("name", SCHEMAS)
def test_template_is_plain_ascii_and_reads_as_no_rows(tmp_path, name):
    path = write_template(SCHEMAS[name], tmp_path / "template.csv")
    assert path.read_text("ascii") == template_text(SCHEMAS[name])
    with pytest.raises(InputError, match="must hold at least one row below the header. Given no rows"):
        validate(path, name)


@pytest.mark.parametrize("name", SCHEMAS)
def test_template_with_its_own_examples_filled_in_passes(tmp_path, name):
    lines = template_text(SCHEMAS[name]).splitlines()
    examples = [line.removeprefix("# ") for line in lines[lines.index("# Example:") + 2 : -1]]
    frame = validate(write(tmp_path, "\n".join([*lines, *examples]) + "\n"), name)
    assert len(frame) == len(SCHEMAS[name].examples)


@pytest.mark.parametrize("name", SCHEMAS)
def test_template_and_description_name_every_column(name):
    for field in (*SCHEMAS[name].fields, *SCHEMAS[name].patterns):
        assert f" {field.name} " in template_text(name)
        assert f" {field.name} " in describe(name)


def test_template_overwrites_nothing(tmp_path):
    path = write(tmp_path, "mine")
    with pytest.raises(
        InputError, match="must not overwrite a file: name another one. Given an existing file"
    ):
        write_template(SCHEMAS["examinations"], path)
    assert path.read_text() == "mine"
    with pytest.raises(InputError, match="must be writable. Given No such file"):
        write_template(SCHEMAS["examinations"], tmp_path / "none" / "t.csv")


# Any table that holds the rules comes back; any that breaks them is one line

READS = st.sampled_from(["0", "1", "", "NA"])
PATIENTS = st.text("abcXYZ019-_ äé", max_size=6).map(lambda text: f"P{text}p")
RECORD = st.tuples(PATIENTS, st.booleans(), READS, READS)


@given(st.lists(RECORD, max_size=12), st.sampled_from([",", ";", "\t"]))
def test_any_table_written_by_the_csv_module_comes_back(tmp_path_factory, records, delimiter):
    records = [("P", True, "1", "0"), ("Q", False, "0", "1"), *records]
    path = tmp_path_factory.getbasetemp() / "cohort.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["read_b", "examination", "patient", "read_a", "reference"])
        writer.writerows([b, f"E{i}", p, a, int(r)] for i, (p, r, a, b) in enumerate(records))
    frame = validate(path, "examinations")
    assert frame["patient"].tolist() == [p for p, *_ in records]
    assert frame["reference"].tolist() == [int(r) for _, r, *_ in records]
    for name, column in (("read_a", 2), ("read_b", 3)):
        expected = [{"0": 0, "1": 1}.get(record[column]) for record in records]
        assert [None if value is pd.NA else value for value in frame[name]] == expected


@given(st.text('PE01,;\n\r" #_NAread2-', max_size=120))
def test_any_rows_are_read_or_refused_in_one_line(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    path.write_bytes((HEADER + rows).encode())
    try:
        validate(path, "examinations")
    except InputError as error:
        assert "\n" not in str(error)


def write_hospital_export(path: Path, n: int, seed: int = 20) -> dict[str, list]:
    """A table as hospital systems export it: semicolons, Windows-1252, quotes, other order, more columns."""
    draw = random.Random(seed)
    truth: dict[str, list] = {"patient": [], "reference": [], "read_perfusion": []}
    with path.open("w", newline="", encoding="cp1252") as file:
        writer = csv.writer(file, delimiter=";", quoting=csv.QUOTE_NONNUMERIC)
        header = [
            "Klinik",
            "Examination",
            "Read Perfusion",
            "Date",
            "Reference",
            "Patient",
            "Histology",
            "read_cMRI",
        ]
        writer.writerow(header)
        for i in range(n):
            patient, reference = f"{draw.randrange(n // 5):06d}", int(draw.random() < 0.2)
            read = "" if draw.random() < 0.03 else int(draw.random() < (0.95 if reference else 0.04))
            other = "NA" if draw.random() < 0.01 else int(draw.random() < 0.5)
            date = f"20{draw.randrange(10, 25)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"
            histology = draw.choice(["Glioblastom; IDH-Wildtyp", 'Astrozytom "Grad 3"', "Ödem\nunklar", ""])
            writer.writerow(["Köln", f"{date}/{i}", read, date, reference, patient, histology, other])
            truth["patient"].append(patient)
            truth["reference"].append(reference)
            truth["read_perfusion"].append(None if read == "" else read)
    return truth


def test_hospital_export_of_ten_thousand_examinations_passes_in_seconds(tmp_path):
    path = tmp_path / "Export März.csv"
    truth = write_hospital_export(path, 10_000)
    start = time.process_time()
    frame = validate(path, "examinations")
    assert time.process_time() - start < 5  # some 0.2 s; the margin is for a busy machine
    for name, expected in truth.items():
        assert [None if value is pd.NA else value for value in frame[name]] == expected
    assert set(frame.columns) == {
        "Klinik", "examination", "read_perfusion", "date", "reference", "patient", "histology", "read_cmri"
    }  # fmt: skip


def test_one_bad_cell_among_ten_thousand_is_found_by_its_line(tmp_path):
    path = tmp_path / "export.csv"
    write_hospital_export(path, 10_000)
    lines = path.read_bytes().decode("cp1252").split("\r\n")
    wrong = next(i for i in range(5_000, 10_000) if lines[i].startswith('"Köln"'))
    cells = lines[wrong].split(";")
    lines[wrong] = ";".join([*cells[:4], '"unklar"', *cells[5:]])
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    line_in_file = "\r\n".join(lines[:wrong]).replace("\r\n", "\n").count("\n") + 2
    with pytest.raises(
        InputError, match=f"row {line_in_file}, field Reference: must be 0 or 1. Given 'unklar'"
    ):
        validate(path, "examinations")


def test_checks_are_declared_with_the_schema(tmp_path):
    without = replace(SCHEMAS["examinations"], checks=())
    assert len(validate(write(tmp_path, ALL_PRESENT), without)) == 4


def test_a_check_across_rows_names_the_column_as_the_file_does(tmp_path):
    path = tmp_path / "renamed.csv"
    path.write_text(
        "Patient,EXAMINATION,reference,read_a\nP1,E1,1,1\nP2,E2,0,0\nP3,E1,1,0\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match="row 4, field EXAMINATION: must be unique"):
        validate(path, "examinations")
