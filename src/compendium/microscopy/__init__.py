"""Light microscopy beside MRI: volume fractions per MRI voxel, vessels, flow, overlap of masks, metastases.

Arrays are [z, y, x] stacks or any shape that a function names; sizes are in µm, along x, y, z as in `Grid`.
"""
