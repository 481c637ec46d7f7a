"""Excel and Parquet: the right reading or a question, and bounds that no file can break."""

import datetime as dt
import io
import time
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from compendium.io import parquet, workbooks
from compendium.io.tables import ReadOptions, Table, TableError, read_table

ROWS = [["id", "day", "size"], ["S1", dt.date(2024, 3, 9), 1.5], ["S2", None, 2450]]


def save(path: Path, rows=ROWS, change=None, **sheets) -> Path:
    book = Workbook()
    sheet = book.active
    sheet.title = "Biopsies"
    for row in rows:
        sheet.append(row)
    for name, content in sheets.items():
        other = book.create_sheet(name)
        for row in content:
            other.append(row)
    if change:
        change(book, sheet)
    book.save(path)
    return path


def read(path: Path, **options) -> Table:
    return read_table(path, options=ReadOptions(**options))


def test_cells_are_what_they_mean_and_their_kinds_are_kept(tmp_path):
    table = read(save(tmp_path / "t.xlsx"))
    assert table.frame.to_dict("list") == {
        "id": ["S1", "S2"],
        "day": ["2024-03-09", ""],
        "size": ["1.5", "2450"],
    }
    assert table.kinds["day"].tolist() == ["d", " "]
    assert (table.lines.tolist(), table.header_line, table.form, table.notes) == ([2, 3], 1, "workbook", ())


def test_a_workbook_is_known_by_its_content(tmp_path):
    assert len(read(save(tmp_path / "t.csv")).frame) == 2


def test_days_of_1904_are_the_same_days(tmp_path):
    def mac(book, sheet):
        book.epoch = CALENDAR_MAC_1904

    table = read(save(tmp_path / "t.xlsx", change=mac))
    assert table.frame["day"].tolist() == ["2024-03-09", ""]
    assert table.notes == ("days are counted from 1904 in this workbook; its dates are read so.",)


def test_numbers_shown_with_leading_zeros_or_as_percent_keep_what_is_shown(tmp_path):
    def shown(book, sheet):
        sheet["A2"], sheet["A3"] = 7, 12
        sheet["A2"].number_format = sheet["A3"].number_format = "000"
        sheet["C2"].number_format = "0.0%"

    table = read(save(tmp_path / "t.xlsx", change=shown))
    assert table.frame["id"].tolist() == ["007", "012"]
    assert table.is_kind("size", "%").tolist() == [True, False]


def test_one_sheet_with_content_is_taken_and_several_are_asked_about(tmp_path):
    assert read(save(tmp_path / "a.xlsx", Empty=[])).notes == ("sheet 'Biopsies' is read, of 2.",)
    path = save(tmp_path / "b.xlsx", Legend=[["a"]])
    with pytest.raises(TableError, match=r"say which: --read INPUT\.sheet=NAME\. Given 'Biopsies', 'Legend'"):
        read(path)
    assert read(path, sheet="Biopsies").notes == ("sheet 'Biopsies' is read.",)
    assert read(path, likely_sheet="Biopsies").notes == ("sheet 'Biopsies' is read, of 2.",)
    with pytest.raises(TableError, match=r"it has 'Biopsies', 'Legend'\. Given 'biopsies'"):
        read(path, sheet="biopsies")


def test_hidden_sheets_are_not_taken_by_themselves(tmp_path):
    def hide(book, sheet):
        book["Other"].sheet_state = "veryHidden"

    path = save(tmp_path / "t.xlsx", change=hide, Other=[["x"], ["1"]])
    assert list(read(path).frame.columns) == ["id", "day", "size"]
    assert list(read(path, sheet="Other").frame.columns) == ["x"]


def test_a_sheet_can_be_named_only_for_a_workbook(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TableError, match="a sheet can be named only for a workbook"):
        read(tmp_path / "t.csv", sheet="A")


def test_hidden_rows_are_asked_about(tmp_path):
    def hide(book, sheet):
        sheet.row_dimensions[3].hidden = True

    path = save(tmp_path / "t.xlsx", change=hide)
    with pytest.raises(
        TableError, match=r"row 3: must have no hidden rows.*hidden=keep \(or =drop\)\. Given 1"
    ):
        read(path)
    assert read(path, hidden="keep").frame["id"].tolist() == ["S1", "S2"]
    dropped = read(path, hidden="drop")
    assert dropped.frame["id"].tolist() == ["S1"]
    assert dropped.notes == ("1 hidden rows were left out.",)


def test_a_formula_without_result_is_not_an_empty_cell(tmp_path):
    def formula(book, sheet):
        sheet["C3"], sheet["C2"] = "=C2*2", "=1+1"

    with pytest.raises(TableError, match=r"a formula must have its result stored.*Given C2, .* \(\+1 more\)"):
        read(save(tmp_path / "t.xlsx", change=formula))


def test_merged_titles_and_groups_of_columns(tmp_path):
    rows = [["Tissue", None, "MRI"], *ROWS]
    path = save(tmp_path / "t.xlsx", rows, lambda book, sheet: sheet.merge_cells("A1:B1"))
    with pytest.raises(TableError, match=r"every column must have a name.*--read INPUT\.header=ROW"):
        read(path)
    assert list(read(path, header=2).frame.columns) == ["id", "day", "size"]
    title = save(tmp_path / "b.xlsx", [["Biopsies"], [], *ROWS], lambda b, sheet: sheet.merge_cells("A1:C1"))
    assert read(title).notes == ("'Biopsies' is read as a title; the header is row 3.",)


def test_a_value_merged_over_rows_is_read_for_each_and_across_columns_asked_about(tmp_path):
    rows = [*ROWS, ["S3", None, 7]]
    down = save(tmp_path / "a.xlsx", rows, lambda book, sheet: sheet.merge_cells("B2:B4"))
    table = read(down)
    assert table.frame["day"].tolist() == ["2024-03-09"] * 3
    assert table.notes == ("values merged over several rows are read for each of them (2 cells).",)
    across = save(tmp_path / "b.xlsx", rows, lambda book, sheet: sheet.merge_cells("B3:C3"))
    with pytest.raises(TableError, match="row 3: cells below the header must not be merged across columns"):
        read(across)


def test_a_cell_far_away_costs_nothing(tmp_path):
    def far(book, sheet):
        sheet["A1048576"] = "x"

    start = time.process_time()
    assert read(save(tmp_path / "t.xlsx", change=far)).lines.tolist() == [2, 3, 1048576]
    assert time.process_time() - start < 20  # some 3 s; every row is looked at, no cell that is not there
    wide = save(tmp_path / "b.xlsx", change=lambda book, sheet: sheet.cell(2, 16384, "x"))
    with pytest.raises(TableError, match="row 2: a sheet must have at most 5,000 columns"):
        read(wide)


def archive(path: Path, **parts: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name.replace("__", "/"), content)
    return path


REFUSED = {
    "xlsb": ({"xl__workbook.bin": b""}, r"save it as \.xlsx or CSV \(UTF-8\)\. Given a binary workbook"),
    "ods": ({"content.xml": b""}, "Given an OpenDocument spreadsheet"),
    "docx": ({"word__document.xml": b""}, "Given a Word document"),
    "zip": ({"a.csv": b"a,b\n1,2\n"}, "unpack it first. Given a zip archive that is no workbook"),
    "empty workbook": ({"[Content_Types].xml": b"<Types/>"}, "must be a whole Excel workbook"),
    "entities": (
        {"[Content_Types].xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'},
        "a workbook must not declare document types",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_archives_are_refused_with_what_to_do(tmp_path, name):
    parts, message = REFUSED[name]
    with pytest.raises(TableError, match=message):
        read(archive(tmp_path / "t.xlsx", **parts))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = archive(tmp_path / "t.xlsx", **{"[Content_Types].xml": b"", "xl__media__a": b"\0" * 300_000_000})
    assert path.stat().st_size < 400_000
    start = time.process_time()
    with pytest.raises(TableError, match=r"at most 250,000,000 bytes when unpacked.*Given 300,000,000 bytes"):
        read(path)
    assert time.process_time() - start < 1


def test_billion_laughs_in_another_encoding_are_refused(tmp_path):
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    with pytest.raises(TableError, match="must not declare document types"):
        read(archive(tmp_path / "t.xlsx", **{"[Content_Types].xml": text.encode("utf-16")}))


GOOD_BOOK = None


def good_book() -> bytes:
    global GOOD_BOOK
    if GOOD_BOOK is None:
        content = io.BytesIO()
        book = Workbook()
        for row in ROWS:
            book.active.append(row)
        book.save(content)
        GOOD_BOOK = content.getvalue()
    return GOOD_BOOK


def good_parquet() -> bytes:
    content = io.BytesIO()
    pd.DataFrame({"id": ["a", "b"], "n": [1.5, None]}).to_parquet(content)
    return content.getvalue()


DAMAGE = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6)


@given(st.sampled_from([good_book, good_parquet]), DAMAGE, st.one_of(st.just(1.0), st.floats(0, 1)))
def test_any_damage_gives_a_table_or_one_line(tmp_path_factory, make, changes, kept):
    raw = bytearray(make())
    for place, value in changes:
        raw[4 + int(place * (len(raw) - 4))] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(bytes(raw[: max(4, round(kept * len(raw)))]))
    try:
        read(path)
    except TableError as error:
        assert "\n" not in str(error)


SHEET = "xl/worksheets/sheet1.xml"
TAGS = st.lists(
    st.sampled_from(
        ['<row r="1">', "</row>", '<c r="A1" t="s">', "<c>", "</c>", "<v>0</v>", "<v>9999</v>", "<f>1</f>", "<v/>",
         '<c r="ZZZ9" t="inlineStr">', "<is><t>x</t></is>", '<row r="-1" hidden="1">', '<row r="x">', '<c t="d"><v>2</v></c>',
         '<c s="99"><v>1e999</v></c>', '<c t="b"><v>7</v></c>', '<c t="e"><v>#N/A</v></c>', '<mergeCell ref="A"/>', "&#0;"]
    ),
    max_size=10,
)  # fmt: skip


@settings(max_examples=150)
@given(TAGS)
def test_any_sheet_gives_a_table_or_one_line(tmp_path_factory, tags):
    path = tmp_path_factory.getbasetemp() / "sheet.xlsx"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with zipfile.ZipFile(io.BytesIO(good_book())) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == SHEET:
                content = (
                    f'<worksheet xmlns="{main}"><sheetData>{"".join(tags)}</sheetData></worksheet>'.encode()
                )
            new.writestr(name, content)
    try:
        read(path)
    except TableError as error:
        assert "\n" not in str(error)


# Parquet


def test_parquet_types_become_the_text_that_a_csv_would_hold(tmp_path):
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "n": [2450.0, None],
            "flag": [True, None],
            "day": pd.to_datetime(["2024-03-09", "2024-03-09 10:30"], format="ISO8601"),
            "text": pd.Categorical([" a ", None]),
            "nested": [[1], [2]],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    table = read(tmp_path / "t.parquet")
    assert table.frame.to_dict("list") == {
        "id": ["1", "2"], "n": ["2450", ""], "flag": ["TRUE", ""],
        "day": ["2024-03-09", "2024-03-09 10:30:00"], "text": ["a", ""],
    }  # fmt: skip
    assert table.notes == ("columns that are nested or binary are left out: 'nested'.",)
    assert table.lines.tolist() == [1, 2]


def test_parquet_of_too_many_cells_is_refused_by_its_footer(tmp_path, monkeypatch):
    pd.DataFrame({"a": range(11)}).to_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr(parquet, "MAX_CELLS", 10)
    with pytest.raises(TableError, match="must have at most 10 cells.*Given 11 cells"):
        read(tmp_path / "t.parquet")


def test_the_bounds_are_those_that_the_docs_say():
    assert (workbooks.MAX_UNPACKED, workbooks.MAX_COLUMNS) == (250_000_000, 5_000)
