import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compendium.diffusion.protocols import published_protocols
from compendium.io.protocols import read_b_values, read_protocol
from compendium.io.table_text import TableError


@pytest.fixture
def scan():
    return published_protocols()["3T"]


def timings(scan):
    delta = np.array([s.durations_ms[0] for s in scan.shapes] + [0.0])[scan.shape]
    return delta, np.array([s.time_ms for s in scan.shapes] + [0.0])[scan.shape]


def same(one, other):
    return (
        np.allclose(one.b_ms_um2, other.b_ms_um2)
        and np.array_equal(one.shape, other.shape)
        and np.allclose(one.te_ms, other.te_ms, equal_nan=True)
        and all(
            np.allclose(a.durations_ms, b.durations_ms) for a, b in zip(one.shapes, other.shapes, strict=True)
        )
    )


def test_scheme_of_three_and_of_four_rows(tmp_path, scan):
    rows = [scan.b_ms_um2 * 1000, *timings(scan)]
    np.savetxt(tmp_path / "a.scheme", [*rows, scan.te_ms], fmt="%.6g")
    np.savetxt(tmp_path / "b.txt", rows, fmt="%.6g")
    assert same(read_protocol(tmp_path / "a.scheme"), scan)
    assert np.isnan(read_protocol(tmp_path / "b.txt").te_ms).all()
    assert (read_protocol(tmp_path / "b.txt", te_ms=70).te_ms == 70).all()


def test_fsl_with_gradient_timings(tmp_path, scan):
    for name, row in zip(
        ("bval", "gdur", "gsep", "te"), (scan.b_ms_um2 * 1000, *timings(scan), scan.te_ms), strict=True
    ):
        np.savetxt(tmp_path / f"dwi.{name}", [row], fmt="%.6g")
    assert same(read_protocol(tmp_path / "dwi.bval"), scan)


def test_fsl_with_json_in_seconds(tmp_path):
    (tmp_path / "dwi.bval").write_text("0 500 1000")
    (tmp_path / "dwi.json").write_text(
        json.dumps({"SmallDelta": 0.02, "LargeDelta": 0.035, "EchoTime": 0.08})
    )
    got = read_protocol(tmp_path / "dwi.bval")
    assert got.te_ms.tolist() == [80] * 3 and got.shapes[0].durations_ms == pytest.approx((20, 15, 20))


def test_json_of_a_twice_refocused_sequence(tmp_path):
    scan = published_protocols()["1.5T"]
    shapes = [
        {"trse_ms": [8.9, 17.6, 20.4, 6.0], "onsets_ms": [17.4, 63.9]},
        {"trse_ms": [13.2, 19.3, 24.8, 7.7], "onsets_ms": [21.7, 74.2]},
        {"trse_ms": [18.9, 21.0, 30.5, 9.5], "onsets_ms": [27.5, 87.5]},
    ]
    entries = {
        "b_s_mm2": list(scan.b_ms_um2 * 1000), "te_ms": list(scan.te_ms), "shapes": shapes,
        "shape": [0] * 7 + [1] * 7 + [2] * 7, "gradient": list(scan.gradient),
    }  # fmt: skip
    (tmp_path / "p.json").write_text(json.dumps(entries))
    assert same(read_protocol(tmp_path / "p.json"), scan)
    entries["gradient"] = [1.1 * g for g in entries["gradient"]]
    (tmp_path / "p.json").write_text(json.dumps(entries))
    with pytest.raises(TableError, match="recomputed.*agree.*21 %"):
        read_protocol(tmp_path / "p.json")


def test_json_of_a_sampled_waveform(tmp_path):
    g = [40.0] * 100 + [0.0] * 200 + [-40.0] * 100
    (tmp_path / "w.json").write_text(
        json.dumps({"b_s_mm2": [0, 300], "shapes": [{"gradient": g, "step_ms": 0.1}]})
    )
    assert read_protocol(tmp_path / "w.json").shapes[0].time_ms == pytest.approx(30)


def test_b_values_alone_are_enough_for_kurtosis(tmp_path):
    (tmp_path / "a.bval").write_text("0 400 900\n")
    assert read_b_values(tmp_path / "a.bval")[0].tolist() == [0, 0.4, 0.9]


@pytest.mark.parametrize(
    "text, message",
    [
        ("0 1000\n10 10\n", "3 rows"),
        ("0 1000\n10 10\n30\n", "row 3: must have 2 numbers"),
        ("0 1000\n10 x\n30 30\n", "row 2: must hold numbers only. Given 'x'"),
        ("0 1.0\n10 10\n30 30\n", "s/mm²"),
        ("0 1000\n0.01 0.01\n0.03 0.03\n", "in ms"),
        ("0 1000\n30 30\n10 10\n", "Δ must be at least"),
        ("0 nan\n10 10\n30 30\n", "finite"),
        ("0 -5\n10 10\n30 30\n", r"\[0, 100000\]"),
        ("", "must hold numbers"),
        ("0 1000\n0 0\n30 30\n", r"δ must lie in"),
        ("0 1000\n10 10\n30 30\n0.08 0.08\n", "TE must lie"),
    ],
)
def test_bad_schemes_are_refused_in_one_line(tmp_path, text, message):
    (tmp_path / "p.scheme").write_text(text)
    with pytest.raises(TableError, match=message) as caught:
        read_protocol(tmp_path / "p.scheme")
    assert "\n" not in str(caught.value) and "p.scheme" in str(caught.value)


@pytest.mark.parametrize(
    "entries, message",
    [
        ("{", "valid JSON"), ("[1]", "JSON object"), ('{"b_s_mm2": "x"}', "must hold numbers"),
        ('{"te_ms": 3}', "b_s_mm2: must be given"), ('{"b_s_mm2": [0, 1000], "shapes": []}', "list with entries"),
        ('{"b_s_mm2": [0, 1000], "shapes": [3]}', "objects"),
        ('{"b_s_mm2": [0, 1000], "delta_ms": [1, 2, 3], "separation_ms": 9}', "2 numbers"),
        ('{"b_s_mm2": [0, 1000], "shapes": [{"delta_ms": 9, "separation_ms": 20}], "shape": [0, 4]}', "must index"),
    ],
)  # fmt: skip
def test_bad_json_is_refused_in_one_line(tmp_path, entries, message):
    (tmp_path / "p.json").write_text(entries)
    with pytest.raises(TableError, match=message) as caught:
        read_protocol(tmp_path / "p.json")
    assert "\n" not in str(caught.value)


def test_missing_timings_name_the_remedy(tmp_path):
    (tmp_path / "dwi.bval").write_text("0 1000")
    with pytest.raises(TableError, match=r"dwi\.gdur.*bracket_timings"):
        read_protocol(tmp_path / "dwi.bval")
    (tmp_path / "dwi.json").write_text(json.dumps({"SmallDelta": 20, "LargeDelta": 0.03}))
    with pytest.raises(TableError, match="seconds"):
        read_protocol(tmp_path / "dwi.bval")


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_crash(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("fuzz") / "p.scheme"
    path.write_bytes(raw)
    try:
        read_protocol(path)
    except TableError as error:
        assert "\n" not in str(error)
