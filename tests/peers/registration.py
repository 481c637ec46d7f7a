"""Landmark transforms by VTK and ITK: writes registration.json beside this file.

VTK is what 3D Slicer's landmark registration calls. Neither library is a dependency: run this in an environment of its
own (``pip install vtk itk-filtering itk-registration numpy``), then commit the JSON.
"""

import json
import sys
from pathlib import Path

import numpy as np

try:
    import itk
    import vtk
except ImportError:  # collected by pytest where they are not installed
    itk = vtk = None


def landmarks():
    rng = np.random.default_rng(20)
    fixed = rng.uniform(0, 1, (24, 3)) * [3000, 3000, 700]
    turn = np.radians(7)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    warp = 40 * np.column_stack(
        [np.sin(fixed[:, 1] / 600), np.cos(fixed[:, 0] / 500), np.sin(fixed[:, 0] / 700)]
    )
    moving = 1.04 * fixed @ rotation.T + [120, -60, 35] + warp + rng.normal(0, 10, fixed.shape)
    return fixed, moving, rng.uniform(0, 1, (40, 3)) * [3000, 3000, 700]


def vtk_points(array):
    points = vtk.vtkPoints()
    points.SetDataTypeToDouble()
    for row in array:
        points.InsertNextPoint(*row)
    return points


def vtk_map(transform, points):
    return [list(transform.TransformPoint(*row)) for row in points]


def vtk_linear(fixed, moving, mode, points):
    made = vtk.vtkLandmarkTransform()
    made.SetSourceLandmarks(vtk_points(fixed))
    made.SetTargetLandmarks(vtk_points(moving))
    getattr(made, f"SetModeTo{mode}")()
    made.Update()
    return vtk_map(made, points)


def vtk_spline(source, target):
    made = vtk.vtkThinPlateSplineTransform()
    made.SetSourceLandmarks(vtk_points(source))
    made.SetTargetLandmarks(vtk_points(target))
    made.SetBasisToR()
    made.SetInverseTolerance(1e-7)
    made.SetInverseIterations(2000)
    made.Update()
    return made


def itk_spline(fixed, moving, points):
    made = itk.ThinPlateSplineKernelTransform[itk.D, 3].New()
    for name, array in (("Source", fixed), ("Target", moving)):
        landmarks = getattr(made, f"Get{name}Landmarks")()
        for i, row in enumerate(array):
            point = itk.Point[itk.D, 3]()
            for axis in range(3):
                point[axis] = float(row[axis])
            landmarks.GetPoints().InsertElement(i, point)
    made.ComputeWMatrix()
    return [list(made.TransformPoint([float(v) for v in row])) for row in points]


def main():
    fixed, moving, points = landmarks()
    there = np.array(vtk_map(vtk_spline(fixed, moving), points))
    values = {
        "versions": {"vtk": vtk.vtkVersion.GetVTKVersion(), "itk": itk.Version.GetITKVersion()},
        "fixed": fixed.tolist(), "moving": moving.tolist(), "points": points.tolist(),
        "rigid": vtk_linear(fixed, moving, "RigidBody", points),
        "similarity_horn": vtk_linear(fixed, moving, "Similarity", points),
        "affine": vtk_linear(fixed, moving, "Affine", points),
        "thin_plate": there.tolist(),
        "thin_plate_inverse": vtk_map(vtk_spline(fixed, moving).GetInverse(), there),
        "thin_plate_itk": itk_spline(fixed, moving, points),
        "thin_plate_slicer": vtk_map(vtk_spline(moving, fixed).GetInverse(), points),
    }  # fmt: skip
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_suffix(".json")
    target.write_text(json.dumps(values, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
