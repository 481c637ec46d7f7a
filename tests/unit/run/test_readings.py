"""What a person says about a table: the same from the command line and from a file, checked before anything is read."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from compendium.io.yaml_lines import StructureError
from compendium.run.chapters import Chapter, Input, RequestError
from compendium.run.inputs import SCHEMAS, Field, InputError, Reading, Schema, validate, write_template
from compendium.run.readings import READING_FILE, load_readings, readings_text, request_readings

CHAPTER = Chapter(
    "toy2025/01_x",
    None,
    "A toy",
    {},
    {
        "samples": Input("samples", "table", "samples"),
        "exams": Input("exams", "table", "examinations"),
        "dwi": Input("dwi", "image", "dwi"),
    },
)
SAMPLES = "sample,patient,group,H&E,ADC (um2/ms)\nS1,P1,a,10,1.1\nS2,P2,a,20,1.2\nS3,P3,b,30,0.25\n"
MAPPED = {"histology": "H&E", "imaging_adc": "ADC (um2/ms)"}


def write(tmp_path, text, name="t.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_command_line_and_file_say_the_same(tmp_path):
    said = request_readings(
        CHAPTER,
        ["samples.histology=H&E", "samples.imaging_adc=ADC (um2/ms)"],
        ["samples.imaging_adc=um2/ms"],
        ["samples.header=3", "samples.missing=-999, NI"],
    )
    assert said["samples"] == Reading(MAPPED, {"imaging_adc": "um2/ms"}, header=3, missing=("-999", "NI"))
    write(tmp_path, readings_text(said), READING_FILE)
    assert request_readings(CHAPTER, file=tmp_path / READING_FILE) == said
    assert load_readings(tmp_path) == said
    over = request_readings(CHAPTER, ["samples.histology=Ki67"], file=tmp_path / READING_FILE)
    assert over["samples"].columns == {**MAPPED, "histology": "Ki67"}


REFUSED = {
    "form": ((["samples.histology"],), r"-c is given as INPUT\.COLUMN=NAME IN THE FILE"),
    "no dot": ((["samples=H&E"],), "-c is given as"),
    "unit form": (([], ["samples.imaging_adc"]), r"--unit is given as INPUT\.COLUMN=UNIT"),
    "twice": ((["samples.histology=a", "samples.histology=b"],), r'"samples\.histology" is said twice'),
    "no such input": ((["sample.histology=a"],), 'has no input "sample". It has: samples, exams, dwi'),
    "no such column": ((["samples.histolgy=a"],), r"did you mean histology\?"),
    "no table": ((["dwi.x=a"],), 'Columns and units belong to tables. "dwi" is of kind image.'),
    "unknown unit": (([], ["samples.imaging_adc=furlong"]), "must be made of known symbols"),
    "other dimension": (
        ([], ["samples.imaging_adc=mm"]),
        r"mm \(length\) must measure the same as 1e-6 mm2/s",
    ),
    "unit of a text": (([], ["samples.sex=mm"]), "a column of kind text has no unit"),
    "unit of a flag": (([], ["exams.reference=mm"]), "a column of kind flag has no unit"),
    "unit of an id": (([], ["samples.sample=mm"]), 'can be declared as "text" only'),
    "form of a date": (([], ["exams.date=DD.MM.YY"]), "dates have the form DD.MM.YYYY"),
    "option": (([], [], ["samples.sheat=A"]), r"--read takes sheet, .* \(did you mean sheet\?\)"),
    "choice": (([], [], ["samples.hidden=yes"]), r"samples\.hidden is keep or drop"),
    "row": (([], [], ["samples.header=-1"]), "header is the number of a row"),
    "long": ((["samples.histology=" + "x" * 400],), "has at most 300 characters"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused_in_one_line(name):
    said, message = REFUSED[name]
    with pytest.raises(RequestError, match=message) as error:
        request_readings(CHAPTER, *said)
    assert "\n" not in str(error.value)


BAD_FILES = {
    "list": ("- a\n", RequestError, "must be a mapping of inputs"),
    "text": ("samples: a\n", RequestError, "'samples' must be a mapping"),
    "columns": ("samples: {columns: [a]}\n", RequestError, r"samples\.columns must map names to text"),
    "nested": ("samples: {units: {imaging_adc: {a: b}}}\n", RequestError, "must map names to text"),
    "anchor bomb": ("a: &a [1]\nb: [*a, *a]\n", StructureError, "anchor"),
    "not YAML": ("a: [\n", StructureError, "r.yaml"),
    "option": ("samples: {colums: {}}\n", RequestError, "--read takes"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_say_something_else_are_refused(tmp_path, name):
    text, kind, message = BAD_FILES[name]
    with pytest.raises(kind, match=message):
        request_readings(CHAPTER, file=write(tmp_path, text, "r.yaml"))


@given(st.text("samplehitogyd.=#_ ,'1\n", max_size=40), st.sampled_from(["c", "u", "r"]))
def test_any_word_is_a_reading_or_one_line(text, kind):
    said = {"c": ([text],), "u": ([], [text]), "r": ([], [], [text])}[kind]
    try:
        request_readings(CHAPTER, *said)
    except RequestError as error:
        assert "\n" not in str(error)


@given(st.text("samples:{}[]columns units- \n\"'&*!|>#,a1", max_size=60))
def test_any_file_is_readings_or_one_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        request_readings(CHAPTER, file=path)
    except (RequestError, StructureError) as error:
        assert "\n" not in str(error)


# What it does to a table


def test_mapped_columns_are_converted_and_said(tmp_path):
    frame = validate(write(tmp_path, SAMPLES), "samples", Reading(MAPPED, {"imaging_adc": "um2/ms"}))
    np.testing.assert_allclose(frame["imaging_adc"], [1100, 1200, 250], rtol=1e-15)
    assert frame["histology"].tolist() == [10, 20, 30]
    assert frame.attrs["notes"] == (
        "column 'H&E' is read as histology, as declared.",
        "column 'ADC (um2/ms)' is read as imaging_adc, as declared.",
        "ADC (um2/ms): converted from um2/ms to 1e-6 mm2/s (× 1000).",
    )


def test_a_unit_in_the_name_of_a_column_is_never_passed_over(tmp_path):
    with pytest.raises(
        InputError, match=r"the column's name says um2/ms: say --unit samples\.imaging_adc=um2/ms"
    ):
        validate(write(tmp_path, SAMPLES), "samples", Reading(MAPPED))
    same = SAMPLES.replace("um2/ms", "×10⁻⁶ mm²/s").replace(",1.", ",110").replace("0.25", "990")
    frame = validate(
        write(tmp_path, same), "samples", Reading({**MAPPED, "imaging_adc": "ADC (×10⁻⁶ mm²/s)"})
    )
    assert frame["imaging_adc"].iloc[0] == 1101


def test_a_column_that_another_replaces_is_left_out_and_said(tmp_path):
    text = SAMPLES.replace("group,", "group,histology,").replace(",a,", ",a,7,").replace(",b,", ",b,7,")
    reading = Reading(MAPPED, {"imaging_adc": "um2/ms"})
    frame = validate(write(tmp_path, text), "samples", reading)
    assert frame["histology"].tolist() == [10, 20, 30]
    assert "column 'histology' is not used, as another one was declared for it." in frame.attrs["notes"]


def test_one_column_can_stand_for_two(tmp_path):
    text = "ID,reference,read_a\n1,1,1\n2,0,0\n"
    frame = validate(write(tmp_path, text), "examinations", Reading({"patient": "ID", "examination": "ID"}))
    assert frame["patient"].tolist() == frame["examination"].tolist() == ["1", "2"]


def test_a_mapped_name_that_is_not_there_is_named_with_a_guess(tmp_path):
    with pytest.raises(
        InputError, match=r"the column 'H&F' must be there, as was declared \(did you mean 'H&E'\?\)"
    ):
        validate(write(tmp_path, SAMPLES), "samples", Reading({"histology": "H&F"}))


def test_rules_across_rows_name_the_cell_of_a_mapped_column(tmp_path):
    text = "Probe,patient,group,histology,imaging_x\nS1,P1,a,1,1\nS1,P2,a,2,2\n"
    with pytest.raises(InputError, match=r"row 3, field sample: must be unique"):
        validate(write(tmp_path, text), "samples", Reading({"sample": "Probe"}))


DATES = {
    "points": ("DD.MM.YYYY", "9.3.2021"),
    "American": ("MM/DD/YYYY", "03/09/2021"),
    "digits": ("YYYYMMDD", "20210309"),
    "serial": ("excel", "44264"),
    "serial with time": ("excel", "44264.75"),
    "serial of 1904": ("excel-1904", "42802"),
    "already": ("DD.MM.YYYY", "09.03.2021"),
}
EXAMS = "patient,examination,reference,read_a,date\nP1,E1,1,1,{}\nP2,E2,0,0,\n"


@pytest.mark.parametrize("name", DATES)
def test_declared_forms_of_dates(tmp_path, name):
    form, cell = DATES[name]
    frame = validate(write(tmp_path, EXAMS.format(cell)), "examinations", Reading(units={"date": form}))
    assert frame["date"].iloc[0].date() == dt.date(2021, 3, 9)
    assert f"date: dates are read as {form}." in frame.attrs["notes"]


DATES_FAIL = {
    "other form": ("DD.MM.YYYY", "2021/03/09", "must be a date as YYYY-MM-DD after reading DD.MM.YYYY"),
    "no day": ("DD.MM.YYYY", "31.02.2021", "must be a day of the calendar"),
    "month 13": ("MM/DD/YYYY", "13/01/2021", "must be a day of the calendar"),
    "serial too small": ("excel", "59", "after reading excel"),
    "serial too large": ("excel", "99999", "after reading excel"),
    "undeclared": ("", "03/04/2021", r"--unit examinations\.date=DD/MM/YYYY or =MM/DD/YYYY"),
    "undeclared digits": ("", "20210309", r"--unit examinations\.date=YYYYMMDD"),
}


@pytest.mark.parametrize("name", DATES_FAIL)
def test_dates_that_are_none_or_unclear(tmp_path, name):
    form, cell, message = DATES_FAIL[name]
    reading = Reading(units={"date": form} if form else {})
    with pytest.raises(InputError, match=message):
        validate(write(tmp_path, EXAMS.format(cell)), "examinations", reading)


@given(
    st.text("0123456789./-TZ: ", max_size=14),
    st.sampled_from(["", "excel", "DD.MM.YYYY", "YYYYMMDD", "MM-DD-YYYY"]),
)
def test_any_date_is_read_or_one_line(tmp_path_factory, cell, form):
    path = tmp_path_factory.getbasetemp() / "dates.csv"
    path.write_text(EXAMS.format(cell), encoding="utf-8")
    try:
        validate(path, "examinations", Reading(units={"date": form} if form else {}))
    except InputError as error:
        assert "\n" not in str(error)


IDS = {
    "rounded": ("1.23E+11", "a spreadsheet has rounded it", False),
    "cut": ("1234567890123450000", "keeps 15 digits", True),
    "gene or date": ("2-Sep", "has made a date of it", True),
    "month first": ("Mar-21", "has made a date of it", True),
}


@pytest.mark.parametrize("name", IDS)
def test_identifiers_that_a_spreadsheet_mangled_are_asked_about(tmp_path, name):
    cell, message, can_be_right = IDS[name]
    text = EXAMS.format("").replace("E1", cell)
    with pytest.raises(InputError, match=message):
        validate(write(tmp_path, text), "examinations")
    if can_be_right:
        frame = validate(write(tmp_path, text), "examinations", Reading(units={"examination": "text"}))
        assert frame["examination"].iloc[0] == cell


SIZES = Schema(
    "sizes",
    "a tumour per row",
    (
        Field("id", "it", "id"),
        Field("size", "its size", "number", "mm", (1, 200)),
        Field("score", "a score", "number"),
    ),
)


def test_codes_for_missing_are_asked_about_and_can_be_declared(tmp_path):
    path = write(tmp_path, "id,size,score\na,10,3\nb,20,-999\n")
    with pytest.raises(
        InputError,
        match=r"row 3, field score: must not be a code for missing: say --read sizes\.missing=-999",
    ):
        validate(path, SIZES)
    assert validate(path, SIZES, Reading(missing=("-999",)))["score"].isna().tolist() == [False, True]
    assert validate(path, SIZES, Reading(missing=("none",)))["score"].tolist() == [3, -999]


def test_values_out_of_range_are_asked_about_where_another_unit_fits(tmp_path):
    path = write(tmp_path, "id,size,score\na,0.2,3\nb,0.5,4\n")
    with pytest.raises(InputError, match=r"if the values are in cm, say --unit sizes\.size='cm'"):
        validate(path, SIZES)
    assert validate(path, SIZES, Reading(units={"size": "cm"}))["size"].tolist() == [2, 5]


def test_a_unit_without_one_to_convert_to_is_said(tmp_path):
    frame = validate(write(tmp_path, "id,size,score\na,10,3\n"), SIZES, Reading(units={"score": "cells/mm2"}))
    assert frame["score"].tolist() == [3]
    assert "score: declared in cells/mm2; the values stand as they are." in frame.attrs["notes"]


def test_percent_in_a_workbook_is_what_it_shows(tmp_path):
    schema = Schema(
        "shares", "a row", (Field("id", "it", "id"), Field("share", "a share", "number", "%", (0, 100)))
    )
    book = Workbook()
    for row in (["id", "share"], ["a", 0.25], ["b", 0.5]):
        book.active.append(row)
    for cell in ("B2", "B3"):
        book.active[cell].number_format = "0%"
    book.save(tmp_path / "t.xlsx")
    assert validate(tmp_path / "t.xlsx", schema)["share"].tolist() == [25, 50]
    book.active["B3"].number_format = "General"
    book.save(tmp_path / "u.xlsx")
    with pytest.raises(InputError, match="must be shown as percent in all cells of the workbook or in none"):
        validate(tmp_path / "u.xlsx", schema)


def test_an_adc_in_another_unit_is_said_but_not_refused(tmp_path):
    text = SAMPLES.replace("ADC (um2/ms)", "imaging_adc").replace("H&E", "histology")
    (note,) = validate(write(tmp_path, text), "samples").attrs["notes"]
    assert "should lie between 50 and 6000 1e-6 mm2/s (if the values are in um2/ms, say --unit" in note


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_template_workbook_asks_for_nothing_but_rows(tmp_path, name):
    path = write_template(name, tmp_path / "t.xlsx")
    with pytest.raises(InputError, match="must hold at least one row below the header"):
        validate(path, name)
    book = load_workbook(path)
    for row in SCHEMAS[name].examples:
        book[name[:31]].append(list(row.values()))
    book.save(path)
    assert len(validate(path, name)) == len(SCHEMAS[name].examples)
