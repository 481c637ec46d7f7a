"""Whole examinations on the reference object: recovery, choices that must matter, awkward voxels."""

from dataclasses import replace

import numpy as np
import pytest

from compendium.cohorts.dsc import (
    CLASSES,
    Physics,
    Protocol,
    Vessels,
    concentrations,
    relaxation_changes,
    simulate_object,
    true_markers,
    voxel_curves,
)
from compendium.cohorts.dsc_study import (
    examination_errors,
    recover_markers,
    sign_accuracy,
    summarise_recovery,
    timing_bias,
    turning_point,
)
from compendium.perfusion.hysteresis import signed_loop_area
from compendium.perfusion.markers import Settings, estimate_markers, prepare_examination
from compendium.perfusion.regions import examination_row, region_mean
from compendium.perfusion.volume import KAPPA_H

PHYSICS = Physics()
COUNTS = {"white matter": 200, "grey matter": 200, "arteriolar": 100, "balanced": 100, "venular": 100}
CLEAN = Protocol(snr_ge=np.inf, snr_se=np.inf)


@pytest.fixture(scope="module")
def noisy():
    return recover_markers(COUNTS, Protocol(late_se_s=0.7), PHYSICS, 1)


@pytest.fixture(scope="module")
def clean():
    return recover_markers(
        {**dict.fromkeys(COUNTS, 3), "white matter": 30}, CLEAN, PHYSICS, 1, leakage="none"
    )


# The object


def test_every_stage_passes_on_the_whole_bolus():
    t, stages = concentrations(PHYSICS)
    np.testing.assert_allclose(stages.sum(axis=1), stages[0].sum(), rtol=1e-6)
    centre = (stages * t).sum(axis=1) / stages.sum(axis=1)
    np.testing.assert_allclose(np.diff(centre), PHYSICS.transit_s, rtol=0.01)


def test_the_constants_give_that_of_vessel_size_imaging():
    star, spin = relaxation_changes([1.0], 0.02, 5.0, PHYSICS)
    omega = 0.5 * 2.675e8 * PHYSICS.b0_t * PHYSICS.chi_per_mm
    radius = 0.425 * np.sqrt(PHYSICS.diffusion_um2_s / (omega / (2 * np.pi))) * (star[0] / spin[0]) ** 1.5
    assert radius == pytest.approx(5.0, rel=0.01)


def test_one_compartment_alone_has_no_loop():
    ge, se = voxel_curves(Vessels(0.0, 0.03, 0.0), PHYSICS)
    assert abs(signed_loop_area(se**1.5, ge)) < 1e-9


def test_the_classes_turn_as_their_names_say():
    areas = {name: true_markers(vessels, PHYSICS).mti for name, vessels in CLASSES.items()}
    assert areas["arteriolar"] > 10 and areas["venular"] < -5 and abs(areas["balanced"]) < 0.5


def test_the_object_is_seeded_and_refuses_unknown_classes():
    first, again = (simulate_object({"venular": 3}, seed=4).ge for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, simulate_object({"venular": 3}, seed=5).ge)
    with pytest.raises(ValueError, match="vessel class must be one of"):
        simulate_object({"lymphatic": 3})


# Recovery


def test_blood_volume_without_noise_is_that_of_the_vessels(clean):
    for name in COUNTS:
        got = np.median(clean.maps["cbv"][clean.source.label == name])
        assert got == pytest.approx(100 * KAPPA_H / 1.04 * sum(CLASSES[name][:3]), rel=0.015)


def test_loops_without_noise_have_the_true_area(clean):
    for name in ("arteriolar", "balanced", "venular"):
        got = np.median(clean.maps["mti"][clean.source.label == name])
        assert got == pytest.approx(clean.source.truth[name].mti, abs=1.5)


def test_median_error_of_blood_volume_is_below_three_percent_at_snr_100(noisy):
    errors = summarise_recovery(noisy).query("marker == 'cbv'")
    assert errors["error"].median() < 3 and errors["bias"].abs().max() < 3


def test_stated_standard_deviations_match_the_scatter(noisy):
    table = summarise_recovery(noisy).query("marker != 'ucbv'")
    np.testing.assert_allclose(table["stated_sd"], table["sd"], rtol=0.3)


def test_the_shift_is_found_and_arteries_are_pure(noisy):
    found = noisy.examination
    assert abs(found.alignment.shift_s + 0.7) < 3.5 * found.alignment.sd_s
    assert set(noisy.source.label[found.ge.artery.voxels]) == {"artery"}


def test_signs_of_regions_follow_their_noise(noisy):
    table = sign_accuracy(noisy, (1, 100), 2000, 1).set_index(["class", "voxels"])
    assert table.loc[("arteriolar", 100), "right"] > table.loc[("arteriolar", 1), "right"] + 0.02
    assert abs(table.loc[("venular", 1), "right"] - table.loc[("venular", 1), "expected"]) < 0.1
    worse = sign_accuracy(noisy, (100,), 2000, 1, shift_sd_s=0.4).set_index("class")
    assert worse.loc["arteriolar", "right"] < table.loc[("arteriolar", 100), "right"]


def test_each_dominated_class_turns_for_one_direction_of_timing_error():
    bias = timing_bias(("arteriolar", "venular"), Protocol(), PHYSICS, np.arange(-1, 1.01, 0.1))
    assert -0.5 < turning_point(bias, "arteriolar") < -0.2 and 0.1 < turning_point(bias, "venular") < 0.4


# Choices


def prepared(**choices):
    source = simulate_object({**COUNTS, "leaking tumour": 60, "artery": 30}, Protocol(), PHYSICS, 2)
    settings = Settings(22, 33, 1.74, **choices)
    return source, prepare_examination(
        source.ge, source.se, settings, reference=source.label == "white matter"
    )


@pytest.mark.parametrize(
    ("choice", "map_name"),
    [
        ({"leakage": "none"}, "cbv"),
        ({"leakage": "bidirectional"}, "cbv"),
        ({"area": "window"}, "cbv"),
        ({"deconvolution": "sSVD"}, "cbf"),
        ({"zero": "tissue"}, "mti"),
        ({"zero": "reference"}, "mti"),
        ({"zero": "given", "shift_s": 0.5}, "mti"),
        ({"kappa_h": 1.0}, "ucbv"),
        ({"density_g_ml": 1.0}, "cbf"),
        ({"arterial_fraction": 0.5}, "cbv"),
        ({"dropped_ge": (14,)}, "cbv"),
        ({"skip": 3}, "cbv"),
    ],
)
def test_every_choice_moves_its_map(choice, map_name):
    source, default = prepared()
    _, changed = prepared(**choice)
    before, after = (estimate_markers(source.ge, source.se, e)[map_name] for e in (default, changed))
    assert np.nanmedian(np.abs(after - before)) > 1e-6


def test_a_voxel_does_not_depend_on_its_block():
    source, shared = prepared()
    whole = estimate_markers(source.ge, source.se, shared)
    part = estimate_markers(source.ge[37:41], source.se[37:41], shared)
    for name in whole:
        np.testing.assert_allclose(part[name], whole[name][37:41], rtol=1e-9)


def test_the_scale_of_the_signal_does_not_matter():
    source, shared = prepared()
    scaled = prepare_examination(7 * source.ge, 0.3 * source.se, Settings(22, 33, 1.74))
    first, second = (
        estimate_markers(source.ge, source.se, shared),
        estimate_markers(7 * source.ge, 0.3 * source.se, scaled),
    )
    # fits stop when a step gains less than 1e-9 of the misfit: a flat valley leaves some 1e-3 of an area
    np.testing.assert_allclose(first["mti"], second["mti"], rtol=1e-3, atol=1e-2)


def test_given_arterial_masks_win():
    source = simulate_object({**COUNTS, "artery": 30}, Protocol(), PHYSICS, 2)
    mask = np.zeros(len(source.label), bool)
    mask[:5] = True
    found = prepare_examination(source.ge, source.se, Settings(22, 33, 1.74), aif_ge=mask, aif_se=mask)
    assert found.ge.artery.method == found.se.artery.method == "given mask"
    np.testing.assert_array_equal(found.se.artery.voxels, range(5))


def test_spin_echo_arteries_are_those_of_the_gradient_echo_or_its_own():
    _, shared = prepared()
    np.testing.assert_array_equal(np.sort(shared.ge.artery.voxels), np.sort(shared.se.artery.voxels))
    _, own = prepared(se_arteries="own")
    assert own.se.artery.method == "clusters and peak score" and len(own.se.artery.voxels) >= 3


def test_at_high_snr_a_search_in_the_spin_echo_can_take_partial_volumes_for_arteries():
    counts = {"white matter": 300, "grey matter": 200}
    errors = examination_errors(counts, Protocol(snr_ge=200, snr_se=200), PHYSICS, 3, 1)
    assert errors["pure_ge"].min() == 1 and errors["pure_se"].min() == 0
    assert errors["area_own"].max() > 1.5 and abs(errors["area_ge"] - 1).max() < 0.05


def test_voxels_without_signal_stay_missing_and_are_flagged():
    source, shared = prepared()
    ge, se = source.ge[:6].copy(), source.se[:6].copy()
    ge[0], se[1], ge[2, 30] = 0, 0, np.nan
    found = estimate_markers(ge, se, shared)
    assert np.isnan(found["cbv"][[0, 2]]).all() and np.isnan(found["ucbv"][1])
    assert np.isnan(found["mti"][:3]).all() and np.isfinite(found["mti"][3:]).any()
    assert (found["flags"][:3] >= 4).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ge, se: (ge, se[:, :-1]), r"SE must have 60 volumes\. Given 59"),
        (lambda ge, se: (ge, se[:-1]), "must hold the same voxels"),
        (lambda ge, se: (0 * ge, se), "GE: At least one voxel must have a signal"),
        (lambda ge, se: (ge[:, 11:], se[:, 11:]), "GE: A baseline needs at least 4 volumes before the bolus"),
        (lambda ge, se: (ge, 100 + 0 * se), "SE: A bolus must lower the mean signal"),
        (lambda ge, se: (ge, se * np.inf), "SE must be finite or missing"),
    ],
)
def test_unusable_series_are_named(change, message):
    source = simulate_object({**COUNTS, "artery": 30}, Protocol(), PHYSICS, 2)
    with pytest.raises(ValueError, match=message), np.errstate(invalid="ignore"):
        prepare_examination(*change(source.ge, source.se), Settings(22, 33, 1.74))


@pytest.mark.parametrize(
    "choice",
    [{"leakage": "some"}, {"area": "all"}, {"zero": "mean"}, {"deconvolution": "fft"}, {"tr_s": 1740}],
)
def test_unknown_choices_are_refused(choice):
    with pytest.raises(ValueError, match="must be"):
        Settings(**({"te_ge_ms": 22, "te_se_ms": 33, "tr_s": 1.74} | choice))


# Regions


def test_averaging_reduces_noise_and_leaves_the_timing(noisy):
    inside = noisy.source.label == "arteriolar"
    small = region_mean(noisy.maps, "mti", inside & (np.cumsum(inside) <= 4), 0.1)
    large = region_mean(noisy.maps, "mti", inside, 0.1)
    assert large.noise_sd < 0.4 * small.noise_sd and large.common_sd == pytest.approx(
        small.common_sd, rel=0.4
    )
    with pytest.raises(ValueError, match="at least one voxel"):
        region_mean(noisy.maps, "mti", inside & False)


def test_a_row_of_regions_has_the_columns_of_a_table_of_markers(noisy):
    from compendium.run.schemas import SCHEMAS

    row = examination_row(
        noisy.maps, noisy.source.label == "venular", noisy.source.label == "white matter", "P1", "E1", 1
    )
    fixed = {f.name for f in SCHEMAS["markers"].fields if f.required}
    prefixes = tuple(f.prefix for f in SCHEMAS["markers"].patterns)
    assert fixed <= set(row) and all(c in fixed or c.startswith(prefixes) for c in row)


def test_recirculation_moves_blood_volume_little():
    more = recover_markers(COUNTS, Protocol(), replace(PHYSICS, recirculation=0.1), 1, leakage="none")
    assert abs(summarise_recovery(more).query("marker == 'cbv'")["bias"].median()) < 5
