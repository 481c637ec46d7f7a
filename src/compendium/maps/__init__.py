"""Voxel-wise maps from NIfTI images, by blocks, one file per method."""
