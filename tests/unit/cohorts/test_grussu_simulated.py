"""The stored signals of the simulated selection, its fits, scores and resampling."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from compendium import paths
from compendium.cohorts import grussu_library as library
from compendium.cohorts import grussu_selection as selection
from compendium.cohorts import grussu_stability as stability
from compendium.diffusion.models import MODELS, find_model, predict
from compendium.diffusion.protocols import published_protocols
from compendium.diffusion.selection import total_correlation

FOLDER = paths.root() / "data" / "derived" / "grussu2025"


@pytest.fixture(scope="module")
def stored():
    return selection.read_libraries(FOLDER)


@pytest.mark.parametrize("name", ["exvivo", "invivo"])
def test_two_percent_of_the_library_come_out_again(name):
    """Its own seeds: equal up to rounding on the same processor type, within chance on another one."""
    got = library.compare_sample(FOLDER, name)
    assert got["largest"] <= library.UNIT / 2 + 1e-9 or (got["largest_z"] < 5.5 and got["rms_z"] < 1.2)


@pytest.mark.parametrize("name", ["exvivo", "invivo"])
def test_another_seed_agrees_within_the_standard_errors(name):
    got = library.compare_sample(FOLDER, name, walkers=500, seed=7, every=100)
    assert got["largest_z"] < 5.5
    assert 0.75 < got["rms_z"] < 1.25


def test_stored_files_are_small_and_are_those_of_the_recipes():
    total = 0
    for recipe in ("library.json", "scores.json"):
        for name, stated in json.loads((FOLDER / recipe).read_text())["sha256"].items():
            content = (FOLDER / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == stated, name
            total += len(content)
    assert total < 3e6
    scores, signals = (json.loads((FOLDER / f"{n}.json").read_text()) for n in ("scores", "library"))
    assert scores["library"] == signals["sha256"]


def test_a_changed_file_is_refused(tmp_path):
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = bytearray((tmp_path / "exact.npz").read_bytes())
    content[-1] ^= 1
    (tmp_path / "exact.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"exact.npz must have the checksum"):
        library.read_exact(tmp_path, "3T")


def test_design_is_the_printed_one(stored):
    for one in stored.values():
        table = one.tissues
        assert table.groupby("permeability").size().tolist() == [1600] * 3
        assert sorted(table["size"].unique()) == [8, 16, 22, 30]
        assert sorted(table["fraction"].unique()) == [0.197, 0.323, 0.406, 0.523]
        assert (table["d_in"].nunique(), table["d_ex"].nunique(), table["d_in"].min()) == (10, 10, 0.8)
    assert stored["exvivo"].tissues["d_ex"].max() == 2.6
    assert stored["1.5T"].tissues["d_ex"].max() == 3.0


def test_repeats_and_unweighted_measurements_are_expanded(stored):
    one = stored["3T"]
    assert one.signals.shape == (4800, 21)
    assert (one.signals[:, one.protocol.b_ms_um2 == 0] == 1).all()
    assert (one.signals[:, 10:14] == one.signals[:, 17:21]).all()  # TE 90 and 105 ms share their timing


def test_signals_fall_with_b_and_rise_with_fraction_at_high_b(stored):
    one = stored["exvivo"]
    b = one.protocol.b_ms_um2
    order = np.argsort(b[:10])
    assert (np.diff(one.signals[:, :10][:, order], axis=1) < 4 * 0.012).all()
    means = one.tissues.assign(s=one.signals[:, 9]).groupby("fraction")["s"].mean()
    assert means.is_monotonic_increasing


def test_stored_exact_signals_are_the_matrix_formalism():
    from threadpoolctl import threadpool_limits

    from compendium.diffusion.exact import exact_signal

    table = library.read_exact(FOLDER, "1.5T")
    with threadpool_limits(1):
        truth = exact_signal(
            float(library.EXACT_SIZES[8]), float(library.EXACT_D0[6]), published_protocols()["1.5T"]
        )
    assert table[8, 6] == pytest.approx(truth, abs=library.UNIT)


def test_rician_noise_has_its_moments():
    noisy = selection.add_rician_noise(np.full((400, 500), 0.4), 20, 3)
    assert (noisy**2).mean() == pytest.approx(0.4**2 + 2 / 20**2, rel=2e-3)
    assert selection.add_rician_noise(np.zeros((400, 500)), 20, 3).mean() == pytest.approx(
        np.sqrt(np.pi / 2) / 20, rel=3e-3
    )


@pytest.mark.parametrize("model", list(MODELS))
def test_printed_convention_recovers_planted_tissue(model):
    scan = published_protocols()["exvivo"]
    scan = scan.select(scan.b_ms_um2 > 0)
    found = find_model("Diff-in-ex" if not find_model(model).has_extra else model)
    rng = np.random.default_rng(1)
    truth = np.column_stack([rng.uniform(10, 20, 30), rng.uniform(1.0, 2.4, 30)])
    rest = {"DEinf": 200.5 if model == "Diff-in" else 2.2, "beta": 2.0, "F": 0.6, "S0": 1.0}
    values = np.column_stack([truth, *(np.full(30, rest[p]) for p in found.parameters[2:])])
    got = selection.fit_tissues(predict(found, values, scan), scan, model, "exvivo", 1e6)
    assert np.median(np.abs(got.size - truth[:, 0])) < 0.3
    assert np.median(np.abs(got.fraction - 0.6)) < 0.02
    counted = (got.bic - 2 * got.bic_paper) / -np.log(len(scan))
    expected = {"Diff-in": 3, "Diff-in-ex": 4, "Diff-in-exFast": 4}.get(model, 5)
    assert counted == pytest.approx(expected)


def test_strategies_take_the_printed_measurements():
    counts = {
        (key, s): int(selection.choose_part(p, key, s).sum())
        for key, p in published_protocols().items() for s in selection.STRATEGIES
    }  # fmt: skip
    assert counts == {
        ("exvivo", "whole"): 30, ("exvivo", "high"): 20, ("3T", "whole"): 12, ("3T", "high"): 6,
        ("1.5T", "whole"): 12, ("1.5T", "high"): 6,
    }  # fmt: skip
    with pytest.raises(ValueError, match="strategy must be one of"):
        selection.choose_part(published_protocols()["3T"], "3T", "low")


def test_a_stored_score_is_what_the_code_gives(stored):
    """One protocol of the first seed: the same numbers as in scores.csv."""
    got = selection.select_models({"exvivo": stored["exvivo"]})
    kept = pd.read_csv(FOLDER / "scores.csv", dtype={"protocol": str}).query(
        "variant == 'seed' and seed == 1 and protocol == 'exvivo'"
    )
    assert got["tcs"].to_numpy() == pytest.approx(kept["tcs"].to_numpy(), abs=2e-3)
    assert got["bic"].to_numpy() == pytest.approx(kept["bic"].to_numpy(), abs=0.5)


def planted_scores(tcs):
    rows = []
    for protocol in selection.PROTOCOL_NAMES:
        for level in (10.0, 50.0):
            for strategy in selection.STRATEGIES:
                for model in MODELS:
                    mine = model == "Diff-in"
                    rows.append({
                        "protocol": protocol, "permeability": level, "strategy": strategy, "model": model,
                        "tcs": tcs(mine, strategy, level), "hfc": 10 if mine else 22.5, "bic": 60 if mine else 10,
                        "bic_standard": 20,
                    })  # fmt: skip
    return pd.DataFrame(rows)


def test_statements_are_counted_on_planted_scores():
    agrees = selection.score_statements(
        planted_scores(lambda mine, s, k: 1.5 - k / 100 if mine and s == "high" else 1.2)
    )
    assert agrees == {
        "tcs.low.first": 3, "tcs.falls": 3, "tcs.gain_rises": 3, "hfc.first": 0, "bic.first": 12, "bic_standard.first": 12,
    }  # fmt: skip
    differs = selection.score_statements(planted_scores(lambda mine, s, k: 1.0 + k / 100 if mine else 1.2))
    assert (differs["tcs.low.first"], differs["tcs.falls"], differs["tcs.gain_rises"]) == (0, 0, 0)


def planted_estimates(noise, seed=1):
    rng = np.random.default_rng(seed)
    tissues = pd.DataFrame(
        {"size": np.tile([8.0, 16, 22, 30], 100), "fraction": np.repeat([0.2, 0.3, 0.4, 0.5], 100)}
    )
    out = {
        name: selection.Estimates(tissues["size"].to_numpy() + s * rng.normal(size=400), tissues["fraction"].to_numpy(), *(np.zeros(400),) * 2, None)
        for name, s in noise.items()
    }  # fmt: skip
    return out, tissues


def test_bootstrap_is_that_of_drawn_rows():
    """Each column of weights is a resample: the weighted TCS is the TCS of the repeated rows."""
    estimates, tissues = planted_estimates({"a": 4.0})
    got = stability.bootstrap_tcs(estimates, tissues, resamples=5, seed=2)[:, 0]
    drawn = np.random.default_rng(2).multinomial(400, np.full(400, 1 / 400), 5)
    for value, times in zip(got, drawn):
        rows = np.repeat(np.arange(400), times)
        t = tissues.iloc[rows]
        e = estimates["a"]
        assert value == pytest.approx(
            total_correlation(e.size[rows], t["size"], e.fraction[rows], t["fraction"])
        )


def test_whole_cells_scatter_more_than_single_tissues():
    estimates, tissues = planted_estimates({"a": 4.0, "b": 12.0})
    cells = tissues["size"] * 10 + tissues["fraction"]
    single, whole = (stability.bootstrap_tcs(estimates, tissues, c, 300) for c in (None, cells))
    assert np.nanstd(whole[:, 1]) > 1.5 * single[:, 1].std()
    ranks = stability.rank_intervals(["a", "b"], single)
    assert ranks["first"].tolist() == [100, 0]


def test_search_over_a_table_finds_its_own_atoms():
    atoms = np.random.default_rng(1).uniform(0.1, 1, (len(stability.FINE_SIZES) * 34, 9))
    rows = [5, 700, 2000]
    size, share = stability.fit_by_table(0.6 * atoms[rows], atoms, (129, 34), 0.0)
    assert size.tolist() == stability.FINE_SIZES[np.array(rows) // 34].tolist()
    assert share == pytest.approx(0.6)
