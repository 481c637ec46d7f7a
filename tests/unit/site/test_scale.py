"""The cost model of the page "Scale": limits that must hold, and a page that needs what it says it needs."""

import json
from pathlib import Path

import pytest

from compendium.site.errors import SiteError
from compendium.site.scale import STORED, Costs, read_costs, scale_page

STORED_COSTS = {
    "subjects": 10, "image_bytes": 2_000_000_000, "limit_bytes": 500_000_000, "shape": [64, 64, 32, 10], "voxels_fitted": 10**6,
    "maps": {"seconds": 100.0, "cpu_seconds": 90.0, "peak_rss_bytes": 3e8, "largest_error_of_k": 0.01},
    "chapter": {"seconds": 20.0, "rows": 30, "planted_slope": 2000.0, "slope": 1990.0, "slope_lower": 1900.0, "slope_upper": 2080.0},
    "scaling": {"cohort_subjects": 4, "cohort_seconds": {"one worker": 40.0, "two workers": 25.0},
                "subject_seconds": {"one process": 10.0, "two processes": 6.0, "cluster of two": 7.0}, "same_bytes": True,
                "blocks": 8},
}  # fmt: skip


def test_costs_follow_from_one_and_two_workers() -> None:
    costs = read_costs(STORED_COSTS)
    assert costs.subject_s == 10.0
    assert costs.efficiency == pytest.approx(0.8)  # 40 s become 25 s, not 20 s
    assert costs.serial == pytest.approx(0.2)  # 6 = 10·(0.2 + 0.8/2)


def test_more_workers_never_take_longer_and_halve_the_time_while_workers_decide() -> None:
    costs = Costs(10.0, 1.0, 1e6, 16)
    times = [costs.seconds(1000, workers) for workers in (1, 2, 5, 10, 100, 1000, 10_000)]
    assert times == sorted(times, reverse=True)
    assert times[1] == times[0] / 2
    assert times[0] == 10_000


def test_lost_speed_is_charged_to_many_workers_only() -> None:
    costs = Costs(10.0, 0.5, 1e6, 16)
    assert costs.seconds(4, 1) == 40.0
    assert costs.seconds(4, 2) == 40.0


def test_storage_and_scheduler_are_floors() -> None:
    assert Costs(1.0, 1.0, 2e9, 1).seconds(100, 100) == 200.0
    assert Costs(1.0, 1.0, 1.0, 5000).seconds(100, 100) == 1000.0


def test_a_subject_is_not_shared_between_workers_and_its_serial_part_is_a_floor() -> None:
    assert Costs(10.0, 1.0, 1.0, 16).seconds(1, 100) == 10.0
    assert Costs(3.0, 1.0, 1.0, 10**9, 0.2, 10.0).shortest() == pytest.approx(2.0)


def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    path = tmp_path.joinpath(*STORED)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    monkeypatch.setenv("COMPENDIUM_ROOT", str(tmp_path))


def test_the_page_shows_the_ratio_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, monkeypatch, json.dumps(STORED_COSTS))
    page = scale_page()
    assert "the images are 4.0 times as large" in page
    assert "two processes 6.0 s, 1.67 times as fast" in page
    assert "1.60 times as fast" in page
    assert "beyond 62 workers" in page


def test_a_broken_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, monkeypatch, '{"subjects": 3}')
    with pytest.raises(SiteError, match=r"scale\.json holds what benchmarks/scale/bench\.py writes"):
        scale_page()
