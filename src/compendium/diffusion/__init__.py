"""Diffusion MRI of cell size: protocols, restricted and hindered diffusion, five models, fits and histology.

Units throughout: µm, ms, b in ms/µm² (1 ms/µm² = 1000 s/mm²), diffusivities in µm²/ms, gradients in mT/m.
"""
