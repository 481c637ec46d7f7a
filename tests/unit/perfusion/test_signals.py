"""Signal to relaxation rate, echoes, motion: planted truth, units, awkward input."""

import numpy as np
import pytest

from compendium.perfusion.echoes import combined_rates, dual_echo_rate, equivalent_signals
from compendium.perfusion.motion import check_motion
from compendium.perfusion.signals import Baseline, check_series, check_timing, find_baseline, to_relaxation

T = 1.74 * np.arange(60)
BOLUS = np.where(T > 20, 12 * np.exp(-0.5 * ((T - 27) / 3) ** 2), 0.0)


def test_relaxation_is_recovered_whatever_the_scale_of_the_signal():
    for level in (3.0, 1000.0):
        found = to_relaxation((level * np.exp(-0.022 * BOLUS))[None], 22, Baseline(1, 11))
        np.testing.assert_allclose(found.curves[0], BOLUS, atol=1e-9)
        assert not found.below_floor[0]


def test_a_saturated_bolus_is_flagged_and_stays_finite():
    signal = 100 * np.exp(-0.022 * 12 * BOLUS)[None]
    signal[0, 15] = 0
    found = to_relaxation(signal, 22, Baseline(1, 11))
    assert found.below_floor[0] and np.isfinite(found.curves).all()


def test_voxels_without_signal_or_with_missing_values_become_nan_and_leave_the_others_alone():
    signal = np.stack([np.zeros(60), np.full(60, np.nan), 100 * np.exp(-0.022 * BOLUS)])
    found = to_relaxation(signal, 22, Baseline(1, 11))
    assert np.isnan(found.curves[:2]).all() and not found.below_floor[:2].any()
    np.testing.assert_allclose(found.curves[2], BOLUS, atol=1e-9)


def test_a_dropped_volume_has_no_influence():
    signal = 100 * np.exp(-0.022 * BOLUS)[None]
    spoiled = signal.copy()
    spoiled[0, [5, 40]] = 17.0
    clean = to_relaxation(signal, 22, Baseline(1, 11), (5, 40))
    found = to_relaxation(spoiled, 22, Baseline(1, 11), (5, 40))
    np.testing.assert_array_equal(found.curves, clean.curves)
    assert not found.used[[5, 40]].any() and found.used.sum() == 58


def test_the_baseline_ends_before_the_bolus_and_starts_after_the_skipped_volumes():
    signal = 100 * np.exp(-0.022 * BOLUS)
    signal[0] = 160  # not yet in the steady state
    found = find_baseline(signal, skip=1)
    assert found.first == 1 and T[found.stop] < 20.5 and len(found) >= 9


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (100 * np.exp(-0.022 * np.roll(BOLUS, -10)), r"at least 4 volumes before the bolus\. Given \d"),
        (np.full(60, 100.0), r"lower the mean signal by more than 1 %\. Given 0\.00 %"),
        (np.full(60, np.nan), "finite in every volume"),
    ],
)
def test_a_missing_baseline_or_bolus_is_named(signal, message):
    with pytest.raises(ValueError, match=message):
        find_baseline(signal)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1740, 22), r"TR must be in seconds.*Given 1740 \(milliseconds\? 1\.74 s\)"),
        ((1.74, 0.022), r"echo time must be in milliseconds.*Given 0\.022 \(seconds\? 22 ms\)"),
        ((0, 22), "TR must be in seconds"),
    ],
)
def test_wrong_units_are_told_apart(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_timing(*arguments)


def test_another_number_of_volumes_is_named():
    with pytest.raises(ValueError, match=r"SE must have 60 volumes\. Given 59"):
        check_series("SE", np.ones((3, 59)), 60)
    with pytest.raises(ValueError, match=r"dropped volume must lie in 0 to 59\. Given 60"):
        to_relaxation(np.ones((1, 60)), 22, Baseline(1, 11), (60,))
    with pytest.raises(ValueError, match="at least 3 volumes that are not dropped"):
        to_relaxation(np.ones((1, 60)), 22, Baseline(1, 5), (1, 2))


def train(te, tau, r2star, r2, drop=0.8):
    """Signal of a combined train by its definition, with a scale that drops at the refocusing pulse."""
    if te <= tau / 2:
        return 50 * np.exp(-te * r2star)
    return 50 * drop * np.exp(-tau * (r2star - r2)) * np.exp(-te * (2 * r2 - r2star))


def test_a_combined_train_gives_both_rates_free_of_the_scale_at_the_pulse():
    star, spin = 25 + BOLUS, 12 + 0.3 * BOLUS
    te = np.array([8, 20, 45, 60, 75])
    echoes = [train(t / 1000, 0.075, star, spin)[None] for t in te]
    found = combined_rates(echoes, te, 75, Baseline(1, 11))
    np.testing.assert_allclose(found.delta_r2star[0], BOLUS, atol=1e-9)
    np.testing.assert_allclose(found.delta_r2[0], 0.3 * BOLUS, atol=1e-9)


def test_dual_echo_is_free_of_a_t1_effect_that_scales_both_echoes():
    scale = 1 + 0.3 * np.clip((T - 20) / 60, 0, 1)
    echoes = [(scale * 100 * np.exp(-te * (20 + BOLUS)))[None] for te in (0.01, 0.03)]
    np.testing.assert_allclose(dual_echo_rate(*echoes, (10, 30), Baseline(1, 11))[0], BOLUS, atol=1e-9)


def test_several_echoes_reduce_to_signals_that_decay_as_one_echo_would():
    echoes = [(100 * np.exp(-te * (20 + BOLUS)))[None] for te in (0.01, 0.03)]
    spin = 100 * np.exp(-0.033 * 0.3 * BOLUS)[None]
    ge, se = equivalent_signals(echoes, (10, 30), [spin], (33,), Baseline(1, 11), one_injection=False)
    np.testing.assert_allclose(-np.log(ge[0]) / 0.03, BOLUS, atol=1e-9)
    assert se is not None and np.array_equal(se, spin)


def test_echoes_that_cannot_be_combined_are_named():
    one = np.ones((1, 60))
    with pytest.raises(ValueError, match="two up to half of the spin echo time and two after it"):
        combined_rates([one] * 4, (8, 50, 60, 75), 75, Baseline(1, 11))
    with pytest.raises(ValueError, match="Echo times must rise"):
        dual_echo_rate(one, one, (30, 10), Baseline(1, 11))
    with pytest.raises(ValueError, match="Echoes must share a shape"):
        dual_echo_rate(one, np.ones((2, 60)), (10, 30), Baseline(1, 11))


def blob(dx=0.0, scale=1.0):
    x, y, z = np.meshgrid(*[np.arange(n) for n in (24, 26, 6)], indexing="ij")
    body = np.exp(-(((x - 12 - dx) / 6) ** 2) - ((y - 13) / 7) ** 2)
    return 100 * scale * body * (1 + 0.3 * np.sin(0.9 * (x - dx)) * np.cos(0.8 * y)) * (1 + 0.05 * z)


def test_a_shift_is_found_in_millimetres_and_a_darkening_is_none():
    volumes = [blob() for _ in range(12)]
    volumes[6], volumes[7], volumes[8] = blob(scale=0.7), blob(scale=0.6), blob(scale=0.8)
    volumes[10] = blob(dx=0.8)
    found = check_motion(np.stack(volumes, axis=3), (1.8, 1.8, 4.0), (0, 5))
    assert found.suspicious == (10,)
    np.testing.assert_allclose(found.shift_mm[10, 0], 0.8 * 1.8, rtol=0.2)
    assert found.displacement_mm[[6, 7, 8]].max() < 0.05


def test_a_single_slice_is_checked_in_plane():
    volumes = np.stack([blob()[:, :, :1]] * 12, axis=3)
    assert check_motion(volumes, (1.8, 1.8, 4.0), (0, 5)).displacement_mm.max() < 1e-3
