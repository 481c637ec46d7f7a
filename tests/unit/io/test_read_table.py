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

from compendium.io.tables import TableError, read_table, same_name, to_numbers


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
    "workbook": (WORKBOOK, "save the sheet as CSV (UTF-8). Given an Excel workbook"),
    "old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Given an old Excel workbook."),
    "Parquet": (b"PAR1\x15\x04", "save the table as CSV (UTF-8). Given a Parquet file."),
    "gzip": (gzip.compress(b"a,b\n1,2\n"), "unpack it first. Given a gzip archive."),
    "web page": (b"\n <!DOCTYPE html><html></html>", "download the file itself. Given a web page."),
    "PDF": (b"%PDF-1.7", "Given a PDF document."),
    "UTF-16": ("id,a\n1,2\n".encode("utf-16"), "Given UTF-16 text"),
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
    "unclosed quote, large": (b'a,b\n1,"2\n' + b"3,4\n" * 50_000, 'row 2: every quote (") must be closed.'),
    "text after a quote": (b'a,b\n1,"2"x\n', "row 2: a closing quote must be followed by the delimiter."),
    "column without a name": (
        b"a,,c\n1,2,3\n",
        "row 1, field header: every column must have a name. Given none for column 2.",
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
    ("suffix", "what"), [(".xlsx", "an Excel workbook"), (".ods", "a spreadsheet"), (".sav", "SPSS")]
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
