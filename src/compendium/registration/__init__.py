"""Registration by landmarks in three dimensions: transforms, their error, resampling and the scale that they allow.

Conventions of the whole package: points are rows (x, y, z) in µm in ITK's axes (LPS); volumes are arrays [z, y, x] with
a `Grid` that places them; a transform maps *fixed* to *moving* points, which is the direction that resampling needs.
"""

from compendium.registration.affine import (
    LinearTransform,
    estimate_affine,
    estimate_rigid,
    estimate_similarity,
)
from compendium.registration.estimate import KINDS, Transform, estimate_landmark_transform
from compendium.registration.grid import Grid
from compendium.registration.guards import LandmarkCheck, UnusableLandmarksError, check_landmarks
from compendium.registration.matching import MatchingScale, matching_scale
from compendium.registration.thin_plate import InverseTransform, ThinPlate, estimate_thin_plate

__all__ = [
    "KINDS",
    "Grid",
    "InverseTransform",
    "LandmarkCheck",
    "LinearTransform",
    "MatchingScale",
    "ThinPlate",
    "Transform",
    "UnusableLandmarksError",
    "check_landmarks",
    "estimate_affine",
    "estimate_landmark_transform",
    "estimate_rigid",
    "estimate_similarity",
    "estimate_thin_plate",
    "matching_scale",
]
