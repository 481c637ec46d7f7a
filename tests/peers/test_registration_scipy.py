"""Every map by landmarks against a second library, run here: SimpleITK (ITK) and SciPy, on the landmarks made for VTK.

VTK's values are stored (`registration.json`); ITK and SciPy are dependencies, so nothing is stored. ITK's landmark
initialiser gives rigid, similarity and affine maps by its own equations; SciPy's radial basis functions give
the thin plate, and its root finder the inverse.
"""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its users call it so
from scipy.interpolate import RBFInterpolator
from scipy.optimize import root
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from compendium.registration import Grid, estimate_landmark_transform
from compendium.registration.resample import resample_volume

FIELD_UM = 3000.0
TOLERANCE = 1e-6 * FIELD_UM  # 0.003 µm


@pytest.fixture(scope="module")
def pairs(peer):
    stored = peer("registration")
    return tuple(np.array(stored[name]) for name in ("fixed", "moving", "points"))


def by_scipy(source, target, smoothing=0.0):
    """SciPy's linear kernel with an affine part, on centred and scaled coordinates."""
    centre, scale = source.mean(axis=0), pdist(source).mean()
    made = RBFInterpolator((source - centre) / scale, target, kernel="linear", degree=1, smoothing=smoothing)
    return lambda points: made((points - centre) / scale)


def invert(forward, targets, start):
    return np.array(
        [
            root(lambda x, y=y: forward(x[None])[0] - y, s, tol=1e-12).x
            for y, s in zip(targets, start, strict=True)
        ]
    )


def by_itk(kind, fixed, moving, points):
    made = sitk.LandmarkBasedTransformInitializer(kind, fixed.ravel().tolist(), moving.ravel().tolist())
    return np.array([made.TransformPoint(p) for p in points.tolist()])


def test_rigid_map_equals_scipy(pairs):
    fixed, moving, points = pairs
    turn, _ = Rotation.align_vectors(moving - moving.mean(axis=0), fixed - fixed.mean(axis=0))
    theirs = turn.apply(points - fixed.mean(axis=0)) + moving.mean(axis=0)
    assert (
        np.abs(estimate_landmark_transform(fixed, moving, "rigid").apply(points) - theirs).max() < TOLERANCE
    )


@pytest.mark.parametrize("kind, itk, options", [
    ("rigid", sitk.VersorRigid3DTransform(), {}),
    ("similarity", sitk.Similarity3DTransform(), {"scale": "horn"}),
    ("affine", sitk.AffineTransform(3), {}),
])  # fmt: skip
def test_linear_maps_equal_itk(pairs, kind, itk, options):
    fixed, moving, points = pairs
    ours = estimate_landmark_transform(fixed, moving, kind, **options).apply(points)
    assert np.abs(ours - by_itk(itk, fixed, moving, points)).max() < TOLERANCE


def test_affine_map_equals_numpy_and_its_inverse_numpy_too(pairs):
    fixed, moving, points = pairs
    design = np.column_stack([fixed, np.ones(len(fixed))])
    matrix = np.linalg.lstsq(design, moving, rcond=None)[0]
    made = estimate_landmark_transform(fixed, moving, "affine")
    there = np.column_stack([points, np.ones(len(points))]) @ matrix
    assert np.abs(made.apply(points) - there).max() < TOLERANCE
    back = np.linalg.solve(matrix[:3].T, (there - matrix[3]).T).T
    assert np.abs(made.inverse().apply(there) - back).max() < TOLERANCE


@pytest.mark.parametrize("smoothing", [0.0, 0.05, 3.0])
def test_thin_plate_equals_scipy(pairs, smoothing):
    fixed, moving, points = pairs
    ours = estimate_landmark_transform(fixed, moving, "thin-plate", smoothing=smoothing).apply(points)
    assert np.abs(ours - by_scipy(fixed, moving, smoothing)(points)).max() < TOLERANCE


def test_inverse_of_the_thin_plate_equals_scipys_root(pairs):
    fixed, moving, points = pairs
    forward = by_scipy(fixed, moving)
    there = forward(points)
    theirs = invert(forward, there, points + 5)
    assert np.abs(theirs - points).max() < TOLERANCE  # the root finder arrived
    made = estimate_landmark_transform(fixed, moving, "thin-plate").inverse()
    assert np.abs(made.apply(there) - theirs).max() < TOLERANCE


def test_slicer_direction_equals_scipys_root(pairs):
    fixed, moving, points = pairs
    backward = by_scipy(moving, fixed)
    made = estimate_landmark_transform(fixed, moving, "thin-plate", direction="slicer")
    start = estimate_landmark_transform(fixed, moving, "affine").apply(points)
    assert np.abs(made.apply(points) - invert(backward, points, start)).max() < TOLERANCE


def test_resampling_equals_scipy_map_coordinates(pairs):
    """The sampled map costs hundredths of a µm; the interpolation itself equals SciPy's."""
    from scipy.ndimage import map_coordinates

    fixed, moving, _ = pairs
    made = estimate_landmark_transform(fixed, moving, "affine")
    here, there = Grid((6, 20, 22), (120, 130, 110)), Grid((9, 30, 28), (150, 120, 100), (-300, -200, -100))
    volume = np.random.default_rng(1).random(there.shape)
    ours = resample_volume(volume, there, made, here).volume
    index = there.to_indices(made.apply(here.voxel_centres())).T[::-1]
    theirs = map_coordinates(volume, index, order=1, cval=np.nan).reshape(here.shape)
    both = np.isfinite(ours) & np.isfinite(theirs)
    assert both.mean() > 0.3 and np.abs(ours - theirs)[both].max() < 1e-9
