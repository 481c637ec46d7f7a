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
    "scaling": {"seconds": {"one process": 10.0, "two processes": 6.0, "cluster of two": 7.0}, "same_bytes": True,
                "startup_seconds": 0.5, "blocks": 8},
}  # fmt: skip


def test_the_fixed_part_follows_from_one_and_two_processes() -> None:
    costs = read_costs(STORED_COSTS)
    assert costs.fixed_s == pytest.approx(2.0)  # 6 = 2 + (10 − 2)/2
    assert costs.compute_s == pytest.approx(8.0)


def test_more_workers_never_take_longer_and_halve_the_time_while_workers_decide() -> None:
    costs = Costs(8.0, 2.0, 1e6, 16)
    times = [costs.seconds(1000, workers) for workers in (1, 2, 5, 10, 100, 1000, 10_000)]
    assert times == sorted(times, reverse=True)
    assert times[1] == times[0] / 2
    assert times[0] == 10_000


def test_storage_and_scheduler_are_floors() -> None:
    assert Costs(1.0, 0.0, 2e9, 1).seconds(100, 100) == 200.0
    assert Costs(1.0, 0.0, 1.0, 5000).seconds(100, 100) == 1000.0


def test_a_subject_is_not_shared_between_workers() -> None:
    assert Costs(8.0, 2.0, 1.0, 16).seconds(1, 100) == 10.0


def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    path = tmp_path.joinpath(*STORED)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    monkeypatch.setenv("COMPENDIUM_ROOT", str(tmp_path))


def test_the_page_shows_the_ratio_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, monkeypatch, json.dumps(STORED_COSTS))
    page = scale_page()
    assert "the images are 4.0 times as large" in page
    assert "two processes are 1.67 times as fast as one" in page
    assert "beyond 50 workers" in page


def test_a_broken_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(tmp_path, monkeypatch, '{"subjects": 3}')
    with pytest.raises(SiteError, match=r"scale\.json holds what benchmarks/scale/bench\.py writes"):
        scale_page()
