"""Landmark transforms against VTK (which 3D Slicer calls) and ITK; made by registration.py."""

import numpy as np
import pytest

from compendium.registration import estimate_landmark_transform

FIELD_UM = 3000.0
TOLERANCE = 1e-6 * FIELD_UM  # 0.003 µm


@pytest.fixture(scope="module")
def vtk(peer):
    return {
        name: value if name == "versions" else np.array(value) for name, value in peer("registration").items()
    }


@pytest.mark.parametrize(
    "kind, options, name",
    [
        ("rigid", {}, "rigid"),
        ("similarity", {"scale": "horn"}, "similarity_horn"),
        ("affine", {}, "affine"),
        ("thin-plate", {}, "thin_plate"),
        ("thin-plate", {}, "thin_plate_itk"),
        ("thin-plate", {"direction": "slicer"}, "thin_plate_slicer"),
    ],
)
def test_transform_equals_the_other_library(vtk, kind, options, name):
    made = estimate_landmark_transform(vtk["fixed"], vtk["moving"], kind, **options)
    assert np.abs(made.apply(vtk["points"]) - vtk[name]).max() < TOLERANCE


def test_numerical_inverse_equals_that_of_vtk(vtk):
    made = estimate_landmark_transform(vtk["fixed"], vtk["moving"], "thin-plate").inverse()
    assert np.abs(made.apply(vtk["thin_plate"]) - vtk["thin_plate_inverse"]).max() < TOLERANCE


def test_least_squares_scale_is_not_the_one_of_vtk(vtk):
    made = estimate_landmark_transform(vtk["fixed"], vtk["moving"], "similarity")
    assert np.abs(made.apply(vtk["points"]) - vtk["similarity_horn"]).max() > 0.05


def test_direct_and_slicer_thin_plates_differ_between_the_landmarks(vtk):
    apart = np.linalg.norm(vtk["thin_plate"] - vtk["thin_plate_slicer"], axis=1)
    assert 0.1 < np.sqrt(np.mean(apart**2)) < 10  # µm; warp and clicks as in a real window
