"""Transforms by landmarks: planted truth, invariants, and the other libraries that are installed."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy.interpolate import RBFInterpolator
from scipy.spatial.distance import pdist

from compendium.registration import (
    LinearTransform,
    UnusableLandmarksError,
    check_landmarks,
    estimate_affine,
    estimate_landmark_transform,
    estimate_rigid,
    estimate_similarity,
    estimate_thin_plate,
)
from compendium.registration.estimate import jacobian_determinant

FIELD = np.array([3000.0, 3000, 700])


def warp(points):
    """A smooth known deformation of some 30 µm, and its affine part."""
    x, y, _ = points.T
    return 1.05 * points + 30 * np.column_stack([np.sin(y / 600), np.cos(x / 500), np.sin((x + y) / 800)])


@pytest.fixture
def pairs():
    rng = np.random.default_rng(5)
    fixed = rng.uniform(0, 1, (30, 3)) * FIELD
    return fixed, warp(fixed)


@pytest.fixture
def targets():
    return np.random.default_rng(6).uniform(0.05, 0.95, (500, 3)) * FIELD


def rotation(seed=3):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


def test_rigid_recovers_a_planted_rotation(pairs, targets):
    fixed, _ = pairs
    turn = rotation()
    made = estimate_rigid(fixed, fixed @ turn.T + [5, 6, 7])
    assert np.allclose(made.apply(targets), targets @ turn.T + [5, 6, 7], atol=1e-8)
    assert np.linalg.det(made.matrix) == pytest.approx(1)


@pytest.mark.parametrize("scale", ["least-squares", "horn"])
def test_similarity_recovers_a_planted_scale(pairs, scale):
    fixed, _ = pairs
    assert estimate_similarity(fixed, 1.7 * fixed @ rotation().T, scale=scale).scale == pytest.approx(
        1.7, rel=1e-12
    )


def test_horn_scale_is_the_same_both_ways_and_least_squares_is_not(pairs):
    fixed, moving = pairs
    noisy = moving + np.random.default_rng(1).normal(0, 100, moving.shape)
    both = [
        estimate_similarity(fixed, noisy, scale=s).scale * estimate_similarity(noisy, fixed, scale=s).scale
        for s in ("horn", "least-squares")
    ]
    assert both[0] == pytest.approx(1, abs=1e-12)
    assert both[1] < 0.999


@pytest.mark.parametrize(
    "ours, name",
    [(estimate_rigid, "VersorRigid3DTransform"), (lambda f, m: estimate_similarity(f, m, scale="horn"), "Similarity3DTransform"),
     (estimate_affine, "AffineTransform")],
)  # fmt: skip
def test_transform_equals_the_one_of_simpleitk(pairs, targets, ours, name):
    fixed, moving = pairs
    start = sitk.AffineTransform(3) if name == "AffineTransform" else getattr(sitk, name)()
    peer = sitk.LandmarkBasedTransformInitializer(start, fixed.ravel().tolist(), moving.ravel().tolist())
    theirs = np.array([peer.TransformPoint(p) for p in targets.tolist()])
    assert np.abs(ours(fixed, moving).apply(targets) - theirs).max() < 1e-6 * FIELD[0]


@pytest.mark.parametrize("smoothing", [0.0, 0.01, 1.0])
def test_thin_plate_equals_scipy(pairs, targets, smoothing):
    fixed, moving = pairs
    moving = moving + np.random.default_rng(2).normal(0, 20, moving.shape)
    scale = pdist(fixed).mean()
    made = estimate_thin_plate(fixed, moving, smoothing=smoothing)
    peer = RBFInterpolator(
        (fixed - fixed.mean(0)) / scale, moving, kernel="linear", degree=1, smoothing=smoothing
    )
    assert np.abs(made.apply(targets) - peer((targets - fixed.mean(0)) / scale)).max() < 1e-7


def test_exact_thin_plate_passes_through_its_landmarks_and_a_smoothed_one_does_not(pairs):
    fixed, moving = pairs
    assert np.abs(estimate_thin_plate(fixed, moving).apply(fixed) - moving).max() < 1e-8
    assert np.abs(estimate_thin_plate(fixed, moving, smoothing=1).apply(fixed) - moving).max() > 1


def test_thin_plate_of_an_affine_map_is_that_map_at_any_smoothing(pairs, targets):
    fixed, _ = pairs
    moving = fixed @ (np.eye(3) + 0.1 * rotation()).T + [9, 8, 7]
    truth = estimate_affine(fixed, moving).apply(targets)
    for smoothing in (0.0, 10.0, "leave-one-out"):
        assert np.allclose(
            estimate_thin_plate(fixed, moving, smoothing=smoothing).apply(targets), truth, atol=1e-6
        )


def test_heavily_smoothed_thin_plate_tends_to_the_affine_transform(pairs, targets):
    fixed, moving = pairs
    stiff = estimate_thin_plate(fixed, moving, smoothing=1e7).apply(targets)
    assert np.abs(stiff - estimate_affine(fixed, moving).apply(targets)).max() < 1e-2


def test_leave_one_out_from_one_inverse_equals_refitting(pairs):
    fixed, moving = pairs
    scale = pdist(fixed).mean()
    made = estimate_thin_plate(fixed, moving, smoothing=0.3)
    for i in range(0, 30, 7):
        keep = np.arange(30) != i
        # the same λ in µm: the unit is the mean distance of the landmarks that are used
        refit = estimate_thin_plate(
            fixed[keep], moving[keep], smoothing=0.3 * scale / pdist(fixed[keep]).mean()
        )
        assert np.allclose(refit.apply(fixed[[i]])[0] - moving[i], made.leave_one_out_um[i], atol=1e-6)


def test_smoothing_by_leave_one_out_beats_the_exact_spline_when_clicks_are_noisy(targets):
    errors = {0.0: [], "leave-one-out": []}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        fixed = rng.uniform(0, 1, (30, 3)) * FIELD
        moving = warp(fixed) + rng.normal(0, 20, fixed.shape)
        for smoothing, found in errors.items():
            missed = estimate_thin_plate(fixed, moving, smoothing=smoothing).apply(targets) - warp(targets)
            found.append(np.sqrt(np.mean(np.sum(missed**2, axis=1))))
    assert np.mean(errors["leave-one-out"]) < 0.95 * np.mean(errors[0.0])


def test_without_noise_the_four_transforms_are_ordered_as_their_freedom(pairs, targets):
    fixed, moving = pairs
    errors = [
        np.sqrt(
            np.mean(
                np.sum(
                    (estimate_landmark_transform(fixed, moving, kind).apply(targets) - warp(targets)) ** 2, 1
                )
            )
        )
        for kind in ("rigid", "similarity", "affine", "thin-plate")
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[3] < 0.5 * errors[2]


@pytest.mark.parametrize("kind", ["rigid", "similarity", "affine", "thin-plate"])
@pytest.mark.parametrize("direction", ["direct", "slicer"])
def test_inverse_undoes_the_transform(pairs, targets, kind, direction):
    made = estimate_landmark_transform(*pairs, kind, direction=direction)
    assert np.abs(made.inverse().apply(made.apply(targets)) - targets).max() < 1e-3


@pytest.mark.parametrize("direction", ["direct", "slicer"])
def test_jacobian_equals_finite_differences(pairs, targets, direction):
    made = estimate_landmark_transform(*pairs, "thin-plate", direction=direction)
    at = targets[:20]
    numeric = np.stack([(made.apply(at + s) - made.apply(at - s)) / 2 for s in np.eye(3)], axis=2)
    assert np.abs(made.jacobian(at) - numeric).max() < 5e-4  # step 1 µm, inverse within 1e-4 µm


def test_rigid_is_the_same_direct_and_inverted(pairs, targets):
    direct, back = (estimate_landmark_transform(*pairs, "rigid", direction=d) for d in ("direct", "slicer"))
    assert np.allclose(direct.apply(targets), back.apply(targets))


def test_transform_turns_with_its_landmarks(pairs, targets):
    fixed, moving = pairs
    turn = rotation(8)
    for kind in ("similarity", "affine", "thin-plate"):
        plain = estimate_landmark_transform(fixed, moving, kind).apply(targets)
        turned = estimate_landmark_transform(fixed @ turn.T, moving @ turn.T, kind).apply(targets @ turn.T)
        assert np.allclose(turned, plain @ turn.T, atol=1e-6)


def test_folding_map_has_no_inverse_and_a_negative_determinant():
    rng = np.random.default_rng(0)
    fixed = rng.uniform(0, 1000, (12, 3))
    moving = fixed.copy()
    moving[[0, 1]] = fixed[[1, 0]]  # two landmarks exchanged
    made = estimate_thin_plate(fixed, moving)
    line = fixed[0] + np.linspace(0.01, 0.99, 50)[:, None] * (fixed[1] - fixed[0])
    assert jacobian_determinant(made, line).min() < 0


def test_point_without_inverse_is_refused():
    class Parabola:
        method = "x²"

        def apply(self, points):
            return np.column_stack([points[:, 0] ** 2 + 1, points[:, 1:]])

        def jacobian(self, points):
            out = np.broadcast_to(np.eye(3), (len(points), 3, 3)).copy()
            out[:, 0, 0] = 2 * points[:, 0] + 1e-9
            return out

    from compendium.registration import InverseTransform

    with pytest.raises(ValueError, match="must be invertible"):
        InverseTransform(Parabola(), 1e-6, "inverse").apply(np.array([[0.5, 0, 0]]))


# Guards


def good(n=8):
    return np.random.default_rng(4).uniform(0, 1000, (n, 3))


@pytest.mark.parametrize("kind, least", [("rigid", 3), ("similarity", 3), ("affine", 4), ("thin-plate", 5)])
def test_too_few_landmarks_fail_and_enough_pass(kind, least):
    with pytest.raises(UnusableLandmarksError, match=rf"At least {least} landmark pairs.*Given {least - 1}"):
        check_landmarks(good(least - 1), good(least - 1), kind)
    assert check_landmarks(good(least), good(least), kind).n == least


def test_duplicate_is_named():
    x = good()
    x[5] = x[2] + 0.1
    with pytest.raises(UnusableLandmarksError, match="Landmarks 3 and 6 are duplicate"):
        check_landmarks(x, x)


@pytest.mark.parametrize("which", ["fixed", "moving"])
def test_conflict_is_named(which):
    x, y = good(), good()
    (x if which == "fixed" else y)[5] = (x if which == "fixed" else y)[2]
    with pytest.raises(
        UnusableLandmarksError, match=f"Landmarks 3 and 6 are conflicting.*in the {which} image"
    ):
        check_landmarks(x, y)


def test_near_conflict_is_refused_by_its_stretch():
    x, y = good(), good()
    x[5] = x[2] + [10, 0, 0]
    with pytest.raises(UnusableLandmarksError, match="ratio must not exceed 20"):
        check_landmarks(x, y)


@pytest.mark.parametrize("kind", ["affine", "thin-plate"])
def test_coplanar_fails_even_when_tilted_and_a_thin_slab_passes(kind):
    flat = good() * [1, 1, 0] @ rotation().T
    with pytest.raises(UnusableLandmarksError, match="must not lie in a plane"):
        check_landmarks(flat, flat, kind)
    slab = good() * [1, 1, 0.1]
    assert check_landmarks(slab, slab, kind).flatness < 0.2


def test_coplanar_moving_landmarks_fail():
    with pytest.raises(UnusableLandmarksError, match="must not lie in a plane"):
        check_landmarks(good(), good() * [1, 1, 0])


def test_coplanar_passes_and_collinear_fails_for_rigid():
    flat = good() * [1, 1, 0]
    assert estimate_rigid(flat, flat + 3).apply(flat) == pytest.approx(flat + 3)
    line = np.linspace(0, 1000, 8)[:, None] * rotation()[0]
    with pytest.raises(UnusableLandmarksError, match="must not lie on a line"):
        check_landmarks(line, line, "rigid")


@pytest.mark.parametrize("kind", ["rigid", "similarity", "affine", "thin-plate"])
def test_mirrored_fails_unless_allowed(kind):
    x, y = good(), good() * [-1, 1, 1]
    with pytest.raises(UnusableLandmarksError, match="mirror"):
        estimate_landmark_transform(x, y, kind)
    made = estimate_landmark_transform(x, y, kind, allow_reflection=True)
    if kind == "rigid":
        assert np.linalg.det(made.matrix) > 0  # still a rotation
    if kind == "affine":
        assert np.linalg.det(made.matrix) < 0


def test_thin_slab_with_noise_is_not_called_mirrored():
    rng = np.random.default_rng(2)
    for _ in range(50):
        x = rng.uniform(0, 1, (8, 3)) * [3000, 3000, 100]
        y = x + rng.normal(0, 60, x.shape)  # depth is mostly noise
        check_landmarks(x, y, "rigid")


@pytest.mark.parametrize(
    "fixed, message",
    [([[1, 2]], r"shape \(n, 3\)"), ([[1, 2, np.nan]] * 5, "must be finite.*row 0"), (["a"], "must hold numbers"), (good(7), "Given 7 and 8")],
)  # fmt: skip
def test_wrong_input_is_refused(fixed, message):
    with pytest.raises(ValueError, match=message):
        check_landmarks(fixed, good(8))


def test_unknown_words_are_refused():
    with pytest.raises(ValueError, match="kind must be one of"):
        estimate_landmark_transform(good(), good(), "elastic")
    with pytest.raises(ValueError, match="direction must be one of"):
        estimate_landmark_transform(good(), good(), "affine", direction="back")
    with pytest.raises(ValueError, match="smoothing must be"):
        estimate_thin_plate(good(), good(), smoothing="auto")
    with pytest.raises(ValueError, match="smoothing must be"):
        estimate_thin_plate(good(), good(), smoothing=-1)


def test_linear_transform_reports_scale_and_angle():
    made = LinearTransform(2 * np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]]), np.zeros(3), "")
    assert (made.scale, made.angle_deg) == pytest.approx((2, 90))
