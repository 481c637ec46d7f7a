"""Text tables: what is read as what, what is said about it, and what is refused in one line."""

import csv
import gzip
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compendium.io.tables import ReadOptions, TableError, read_table, same_name, to_numbers


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(path: Path) -> list[list[str]]:
    frame = read_table(path).frame
    return [list(frame.columns), *frame.to_numpy().tolist()]


AS_IT_IS = [["id", "size"], ["007", "1"], ["P 2", ""]]
SAME_TABLE = {
    "comma": "id,size\n007,1\nP 2,\n",
    "semicolon": "id;size\n007;1\nP 2;\n",
    "tab": "id\tsize\n007\t1\nP 2\t\n",
    "no line end at the end": "id,size\n007,1\nP 2,",
    "Windows line ends": "id,size\r\n007,1\r\nP 2,\r\n",
    "old Mac line ends": "id,size\r007,1\rP 2,\r",
    "byte-order mark": "\ufeffid,size\n007,1\nP 2,\n",
    "quoted": '"id","size"\n"007","1"\n"P 2",""\n',
    "blanks around": " id , size \n007, 1\n  P 2\u00a0,\n",
    "blank after the comma before a quote": 'id, "size"\n"007", "1"\n"P 2", ""\n',
    "blank lines": "\n\nid,size\n\n007,1\n   \nP 2,\n\n",
    "lines of delimiters from a spreadsheet": "id,size,,\n007,1,,\nP 2,,,\n,,,\n",
    "comments before the header": "# a, b\n#\n# c; d\nid,size\n007,1\nP 2,\n",
    "comments as a spreadsheet saves them": '"# say ""a"", b",,\n# c,,\nid,size,\n007,1,\nP 2,,\n',
    "declared delimiter": "sep=;\nid;size\n007;1\nP 2;\n",
}


@pytest.mark.parametrize("name", SAME_TABLE)
def test_the_same_table_in_many_dresses_passes(tmp_path, name):
    assert cells(write(tmp_path, SAME_TABLE[name])) == AS_IT_IS


def test_lines_are_those_of_the_file_after_comments_blanks_and_broken_cells(tmp_path):
    table = read_table(write(tmp_path, '# note\n\nid,text\na,"two\nlines"\n\nb,c\r\nd,e\n'))
    assert table.header_line == 3
    assert table.lines.tolist() == [4, 7, 8]
    assert table.frame["text"].tolist() == ["two\nlines", "c", "e"]


def test_nothing_after_the_header_is_a_comment(tmp_path):
    assert cells(write(tmp_path, "id,a\n# 1,x\n#2,y\n")) == [["id", "a"], ["# 1", "x"], ["#2", "y"]]


def test_cells_that_look_like_something_stay_text(tmp_path):
    row = ["=1+1", "+A1", "@SUM(A1)", "1e5", "NA", "TRUE", "1,5", "2025-01-01", "<b>x</b>", "-"]
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([[f"c{i}" for i in range(len(row))], row])
    assert cells(path)[1] == row


def test_text_is_read_whatever_its_name_says(tmp_path):
    for name in ("t.xls", "t.xlsx", "t.parquet"):
        assert cells(write(tmp_path, "id\tsize\n007\t1\nP 2\t\n", name)) == AS_IT_IS


def test_utf_16_with_a_mark_is_read_and_said(tmp_path):
    for encoding in ("utf-16", "utf-16-be"):
        mark = b"" if encoding == "utf-16" else b"\xfe\xff"
        table = read_table(write(tmp_path, mark + "id\tname\n1\tÖ\n".encode(encoding)))
        assert table.frame["name"].tolist() == ["Ö"]
        assert table.notes == ("read as UTF-16, as its first bytes say.",)


@pytest.mark.parametrize("title", ["Biopsies 2024\n", "Biopsies 2024;;\n\n", "Biopsies\nof 2024\n"])
def test_titles_above_the_header_are_left_out_and_said(tmp_path, title):
    table = read_table(write(tmp_path, title + "id;size;n\na;1;2\n"))
    assert list(table.frame.columns) == ["id", "size", "n"]
    assert table.header_line == title.count("\n") + 1
    assert "is read as a title; the header is row" in table.notes[0]


def test_a_row_of_data_is_never_taken_for_a_header_below_a_title(tmp_path):
    with pytest.raises(TableError, match=r"say which row names the columns: --read INPUT\.header=ROW"):
        read_table(write(tmp_path, "x\n1;5\n2;5\n"), delimiter=";")


def test_the_row_of_the_header_can_be_said(tmp_path):
    path = write(tmp_path, "MRI;;Count\nid;size;n\na;1;2\n")
    assert list(read_table(path, options=ReadOptions(header=2)).frame.columns) == ["id", "size", "n"]
    with pytest.raises(TableError, match="the row that names the columns must have content"):
        read_table(path, options=ReadOptions(header=9))


def test_repeated_names_get_numbers_where_one_is_to_be_chosen(tmp_path):
    path = write(tmp_path, "id,ADC,adc\na,1,2\n")
    assert list(read_table(path, options=ReadOptions(numbered=True)).frame.columns) == [
        "id",
        "ADC#1",
        "adc#2",
    ]


def test_nameless_columns_without_content_are_left_out(tmp_path):
    assert cells(write(tmp_path, "id,,size\na,,1\n")) == [["id", "size"], ["a", "1"]]


def test_windows_1252_is_read_and_said(tmp_path):
    table = read_table(write(tmp_path, "id,name\n1,a\n2,Grüße – ok\n".encode("cp1252")))
    assert table.frame["name"].tolist() == ["a", "Grüße – ok"]
    assert table.encoding == "cp1252"
    assert table.notes == ("read as Windows-1252, because it is not UTF-8 (first at row 3, byte 0xfc).",)


def test_delimiter_inside_header_names_is_settled_by_the_rows(tmp_path):
    assert cells(write(tmp_path, "id;size, mm;n\na;1;2\n")) == [["id", "size, mm", "n"], ["a", "1", "2"]]
    assert cells(write(tmp_path, "id;size\na;1,5\nb;2,5\n")) == [["id", "size"], ["a", "1,5"], ["b", "2,5"]]


def test_delimiter_can_be_given(tmp_path):
    path = write(tmp_path, "a;b,c\n1;2,3\n")
    assert list(read_table(path, delimiter=",").frame.columns) == ["a;b", "c"]
    with pytest.raises(TableError, match="the delimiter must be comma, semicolon or tab. Given '|'"):
        read_table(path, delimiter="|")


WORKBOOK = b"PK\x03\x04" + b"\x00" * 30
REFUSED = {
    "empty": (b"", "t.csv: must hold a header and rows. Given an empty file."),
    "only blanks": (b" \n\n", "Given an empty file."),
    "only comments": (b"# a\n# b\n", "must have a header line"),
    "workbook": (WORKBOOK, "must be a whole Excel workbook. Given a broken or half-copied archive."),
    "old workbook": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "save it as .xlsx or CSV (UTF-8). Given an old Excel workbook (.xls).",
    ),
    "encrypted workbook": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"),
        "must be a table without a password: take it off in Excel (File, Info, Protect Workbook) and save. "
        "Given an encrypted workbook.",
    ),
    "Parquet": (
        b"PAR1\x15\x04",
        "must be a whole Parquet file. Given one that cannot be read (ArrowInvalid).",
    ),
    "Feather": (b"ARROW1\0\0", "Given a Feather file."),
    "gzip": (gzip.compress(b"a,b\n1,2\n"), "unpack it first. Given a gzip archive."),
    "web page": (
        b"\n <!DOCTYPE html><html></html>",
        "download the file itself, or open it in a spreadsheet and save it as .xlsx. Given a web page.",
    ),
    "PDF": (b"%PDF-1.7", "Given a PDF document."),
    "half of UTF-16": ("id,a\n1,2\n".encode("utf-16")[:-1], "must be whole UTF-16 text"),
    "NUL": (b"id,a\n1,2\n3,\x004\n", "row 3: must be text: save it as CSV (UTF-8). Given a NUL byte"),
    "neither encoding": (
        b"id,a\n1,\x81\xff\n",
        "row 2: must be UTF-8 or Windows-1252 text. Given byte 0x81.",
    ),
    "control character": (
        b"id,a\r1,2\r3,\x1b[31m\r",
        "row 3: must hold no control or invisible characters. Given U+001B",
    ),
    "invisible character": (
        "id,a\nP1\u200b,2\n",
        "row 2: must hold no control or invisible characters. Given U+200B",
    ),
    "two delimiters": (
        b"a;b,c\n1;2,3\n",
        "row 1: must have one delimiter: say which by a first line such as sep=;.",
    ),
    "short row": (
        b"a,b,c\n1,2,3\n4,5\n",
        "row 3, field (the whole row): must have 3 cells, like the header. Given 2.",
    ),
    "long row": (
        b"a,b\n1,2\n1,2,5\n1,2,6\n",
        "(is a decimal comma or a comma inside a text not in quotes?). Given 3 (+1",
    ),
    "cells beyond the header": (b"a;b;;\n1;2;;x\n", "row 2, field (the whole row): must have 2 cells"),
    "unclosed quote": (b'a,b\n1,2\n3,"4\n5,6\n', 'row 3: every quote (") must be closed.'),
    "unclosed quote, large": (
        b'a,b\n1,"2\n' + b"3,4\n" * 50_000,
        'row 2: a cell must have at most 131,072 characters, and every quote (") must be closed.',
    ),
    "text after a quote": (b'a,b\n1,"2"x\n', "row 2: a closing quote must be followed by the delimiter."),
    "column without a name": (
        b"a,,c\n1,2,3\n",
        "row 1, field header: every column must have a name (if the header has two rows, say which one: "
        "--read INPUT.header=ROW). Given none for column 2.",
    ),
    "column twice": (b"a,b,a\n1,2,3\n", "row 1, field a: every column must be named once"),
    "column twice by case": (
        b"# x\nread_a,b,Read_A\n1,2,3\n",
        "row 2, field Read_A: every column must be named once",
    ),
    "column twice by blanks": (b"read a,b,read_a\n1,2,3\n", "Given 'read a' and 'read_a'."),
    "long column name": (
        b"a," + b"b" * 300 + b"\n1,2\n",
        "a column name has at most 200 characters. Given 'bbb",
    ),
    "long cell": (
        b"a,b\n1,2\n1," + b"x" * 40_000 + b"\n",
        "row 3, field b: a cell has at most 32,767 characters. Given 'x",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_read_fails_in_one_line(tmp_path, name):
    content, expected = REFUSED[name]
    with pytest.raises(TableError, match=r"t\.csv") as error:
        read_table(write(tmp_path, content))
    assert expected in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("suffix", "what"), [(".dta", "a Stata file"), (".ods", "a spreadsheet"), (".sav", "SPSS file")]
)
def test_other_formats_fail_by_name_with_what_to_do(tmp_path, suffix, what):
    with pytest.raises(TableError, match=rf"save it as CSV \(UTF-8\)\. Given .*{what.split()[-1]}"):
        read_table(write(tmp_path, "a,b\n1,2\n", f"t{suffix}"))


def test_paths_that_are_no_file_fail(tmp_path):
    with pytest.raises(TableError, match="must be a file. Given a folder"):
        read_table(tmp_path)
    with pytest.raises(TableError, match="must be an existing file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="must be an ordinary file. Given a device or pipe"):
        read_table("/dev/zero")
    with pytest.raises(TableError, match=r"a\\nb\.csv: must be an existing file") as error:
        read_table(tmp_path / "a\nb.csv")
    assert "\n" not in str(error.value)


def test_error_survives_pickling(tmp_path):
    error = TableError("t.csv", "must be 0 or 1", "'2'", row=7, field="read_a", more=3)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.row, copy.field, copy.more) == (str(error), 7, "read_a", 3)


NUMBERS_PASS = {
    "points": (["1.5", "-2", "", "1e-3"], [1.5, -2, np.nan, 1e-3], ()),
    "commas": (["1,5", "-2", "0,125", ",5"], [1.5, -2, 0.125, 0.5], ("x: commas read as decimal commas.",)),
    "commas by a leading zero": (["0,125", "0,250"], [0.125, 0.25], ("x: commas read as decimal commas.",)),
    "none": (["", ""], [np.nan, np.nan], ()),
}


@pytest.mark.parametrize("name", NUMBERS_PASS)
def test_numbers_pass(tmp_path, name):
    given_cells, expected, notes = NUMBERS_PASS[name]
    text = "id;x\n" + "".join(f"{i};{cell}\n" for i, cell in enumerate(given_cells))
    values, table = to_numbers(read_table(write(tmp_path, text)), "x")
    np.testing.assert_array_equal(values, expected)
    assert table.notes == notes


NUMBERS_FAIL = {
    "thousand or decimal": (
        ["12,345", "1,250"],
        "row 2, field x: must be unambiguous: write 1.234 for a decimal",
    ),
    "both kinds": (
        ["1.5", "2,5"],
        "row 3, field x: must be written with a decimal point or a decimal comma, not both",
    ),
    "thousands and decimals": (["1", "1.234,5"], "row 3, field x: must be a number. Given '1.234,5'."),
    "unit in the cell": (["1 mm", "2"], "row 2, field x: must be a number. Given '1 mm'."),
    "infinite": (["1", "1e999"], "row 3, field x: must be a finite number. Given '1e999'."),
    "word": (["1", "inf", "nan"], "row 3, field x: must be a number. Given 'inf' (+1 more)."),
    "other digits": (["1", "\u0661"], "row 3, field x: must be a number."),
}


@pytest.mark.parametrize("name", NUMBERS_FAIL)
def test_numbers_fail_in_one_line(tmp_path, name):
    given_cells, expected = NUMBERS_FAIL[name]
    text = "id;x\n" + "".join(f"{i};{cell}\n" for i, cell in enumerate(given_cells))
    with pytest.raises(TableError, match="field x") as error:
        to_numbers(read_table(write(tmp_path, text)), "x")
    assert expected in str(error.value)


def test_points_that_could_separate_thousands_are_asked_about_beside_decimal_commas(tmp_path):
    path = write(tmp_path, "id;n;adc\na;1.234;1,05\nb;2.500;0,9\n")
    with pytest.raises(TableError, match=r"field n: must be unambiguous: 'adc' has decimal commas"):
        to_numbers(read_table(path), "n")
    values, table = to_numbers(read_table(path, options=ReadOptions(decimal="comma")), "n")
    assert values.tolist() == [1234, 2500]
    assert table.notes == ("n: thousands are separated (comma declared).",)
    assert to_numbers(read_table(path, options=ReadOptions(decimal="comma")), "adc")[0].tolist() == [
        1.05,
        0.9,
    ]


DECLARED = {
    "comma, could be thousands": (["12,345"], "comma", [12.345]),
    "point, thousands": (["12,345", "1.5"], "point", [12345, 1.5]),
    "comma, both": (["1.234,5", "2"], "comma", [1234.5, 2]),
}


@pytest.mark.parametrize("name", DECLARED)
def test_a_declared_decimal_settles_what_could_be_two_things(tmp_path, name):
    given_cells, decimal, expected = DECLARED[name]
    text = "id;x\n" + "".join(f"{i};{cell}\n" for i, cell in enumerate(given_cells))
    table = read_table(write(tmp_path, text), options=ReadOptions(decimal=decimal))
    assert to_numbers(table, "x")[0].tolist() == expected


def test_a_number_against_the_declared_decimal_is_refused(tmp_path):
    table = read_table(write(tmp_path, "id;x\na;1,25\n"), options=ReadOptions(decimal="point"))
    with pytest.raises(TableError, match="must be written with a decimal point, as was declared"):
        to_numbers(table, "x")
    table = read_table(write(tmp_path, "id;x\na;1.25\n"), options=ReadOptions(decimal="comma"))
    with pytest.raises(TableError, match="must be written with a decimal comma, as was declared"):
        to_numbers(table, "x")


def test_same_name_ignores_case_blanks_hyphens_and_underscores():
    assert same_name(" Read  A-1 ") == same_name("read_a_1")
    assert same_name("read_a") != same_name("read_b")


TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=12)


@given(
    rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example([("# a", '"')], ",", "\n", csv.QUOTE_MINIMAL)
def test_what_the_csv_module_writes_comes_back(tmp_path_factory, rows, delimiter, line_end, quoting):
    path = tmp_path_factory.getbasetemp() / "round.csv"
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerows([("first", "second"), *rows])
    path.write_bytes(written.getvalue().encode())
    table = read_table(path)
    expected = [(a.strip(), b.strip()) for a, b in rows if a.strip() or b.strip()]
    assert list(table.frame.itertuples(index=False, name=None)) == expected


@given(st.binary(max_size=300) | st.text('ab01,;\t\n\r" #=', max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(raw)
    try:
        table = read_table(path)
    except TableError as error:
        assert "\n" not in str(error)
    else:
        assert len(table.frame) == len(table.lines)
        assert all(isinstance(cell, str) for cell in table.frame.to_numpy().ravel())
