"""The transcript of the your-data page is run as it stands, in order, and says what the page says."""

import os
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from openpyxl import Workbook
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "book" / "your-data.md"
HEADER = ["sample", "patient", "group", "H&E count", "imaging_cpm", "ADC [um2/ms]"]
READING = """\
samples:
  columns: {histology: "H&E count", imaging_adc: "ADC [um2/ms]"}
  units: {imaging_adc: um2/ms}
"""


def blocks() -> list[list[tuple[str, list[str]]]]:
    """Commands of each console block with the lines that the page shows below them."""
    found = []
    for block in re.findall(
        r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        commands: list[tuple[str, list[str]]] = []
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            else:
                commands[-1][1].append(line)
        found.append(commands)
    return found


def says(expected: list[str], actual: list[str]) -> bool:
    """Whether lines are as shown: "…" in a line stands for any text, alone in a line for any lines."""
    parts = []
    for line in expected:
        parts.append(r"(?:[^\n]*\n)*?" if line == "…" else re.escape(line).replace("…", r"[^\n]*?") + "\n")
    return re.fullmatch("".join(parts), "".join(line + "\n" for line in actual)) is not None


def biopsies(seed: int, n: int) -> list[list]:
    """Biopsies in which the ADC falls and a map rises with the number of cells; two per patient."""
    draw = random.Random(seed)
    rows = []
    for i in range(n):
        cells, patient = draw.randrange(900, 4200), i // 2
        cpm = round(900 + 0.3 * cells + draw.gauss(0, 150))
        adc = round(1.6 - cells / 6000 + draw.gauss(0, 0.12), 3)
        rows.append(
            [f"B{i + 1:02d}", f"P{patient + 1:02d}", ("treated", "naive")[patient % 2], cells, cpm, adc]
        )
    return rows


def write_tables(folder: Path) -> None:
    book = Workbook()
    sheet = book.active
    sheet.title = "Biopsies"
    for row in [["Biopsies 2019-2024"], [], HEADER, *biopsies(3, 40)]:
        sheet.append(row)
    book.create_sheet("Legend").append(["made up"])
    book.save(folder / "biopsies.xlsx")
    lines = [HEADER, *biopsies(5, 36)]
    text = "\n".join(";".join(str(c).replace(".", ",") for c in line) for line in lines)
    (folder / "second.csv").write_text(text + "\n", encoding="utf-8")
    (folder / "reading.yaml").write_text(READING, encoding="utf-8")


def write_image(path: Path, series: int, what: str, instance: int, z: float, **values) -> None:
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.file_meta.MediaStorageSOPClassUID = d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    d.file_meta.MediaStorageSOPInstanceUID = d.SOPInstanceUID = f"1.2.{series}.{instance}"
    d.Modality, d.SeriesInstanceUID, d.SeriesNumber, d.SeriesDescription = "MR", f"1.3.{series}", series, what
    d.InstanceNumber, d.ImagePositionPatient = instance, [0, 0, z]
    d.ImageOrientationPatient, d.MagneticFieldStrength = [1, 0, 0, 0, 1, 0], 3
    for name, value in values.items():
        setattr(d, name, value)
    d.save_as(path, enforce_file_format=True)


def write_dicom(folder: Path) -> None:
    folder.mkdir()
    for k, b in enumerate((0.0, 50.0, 900.0)):
        for z in range(3):
            values = {"DiffusionBValue": b, "EchoTime": 75, "RepetitionTime": 4000}
            write_image(folder / f"a{k}{z}", 5, "DWI TE 75", 1 + 3 * k + z, 5.0 * z, **values)
    for k in range(4):
        for z in range(2):
            values = {"AcquisitionTime": f"1000{1.74 * k:09.6f}", "EchoTime": 33, "RepetitionTime": 1740}
            write_image(folder / f"b{k}{z}", 9, "perfusion", 1 + 2 * k + z, 5.0 * z, **values)


def run(command: str, folder: Path) -> list[str]:
    words = shlex.split(command)
    if words[:2] == ["python3", "run.py"]:
        words = [sys.executable, "-m", "compendium", *words[2:]]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("COMPENDIUM")},
        "PYTHONPATH": str(ROOT / "src"),
        "COMPENDIUM_ROOT": str(ROOT),
        "COMPENDIUM_BUILD": str(folder / "build"),
    }
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stdout
    return done.stdout.splitlines()


def test_every_command_of_the_page_says_what_the_page_says(tmp_path):
    write_tables(tmp_path)
    write_dicom(tmp_path / "dicom")
    before = sorted(p.name for p in ROOT.iterdir())
    for commands in blocks():
        for command, expected in commands:
            actual = run(command, tmp_path)
            assert says(expected, actual), f"$ {command}\n" + "\n".join(actual)
    assert sorted(p.name for p in ROOT.iterdir()) == before
    compared = (tmp_path / "build/my-site/compare/nocera2025/02_cellularity_vs_histology.html").read_text(
        "utf-8"
    )
    assert "imaging_adc in um2/ms" in compared
    assert "second − first" in compared
    assert "H&amp;E count" in compared
    assert str(tmp_path) not in compared


@pytest.mark.parametrize(
    ("shown", "lines", "holds"),
    [
        (["a…c", "…", "z"], ["abc", "1", "2", "z"], True),
        (["a", "…"], ["a"], True),
        (["a"], ["a", "b"], False),
        (["a…", "b"], ["a", "c"], False),
        (["(a)"], ["a"], False),
    ],
)
def test_lines_are_compared_as_the_page_shows_them(shown, lines, holds):
    assert says(shown, lines) is holds


def test_the_page_holds_a_refusal_a_mapping_a_unit_and_a_workbook():
    commands = [command for block in blocks() for command, _ in block]
    shown = [line for block in blocks() for _, lines in block for line in lines]
    assert sum(line.startswith("error: ") for line in shown) >= 3
    for word in ("-c samples.", "--unit samples.", ".xlsx", "--columns", "compare", "protocol"):
        assert any(word in command for command in commands), word
