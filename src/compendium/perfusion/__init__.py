"""DSC perfusion: from gradient- and spin-echo signals to blood volume, flow and the hysteresis loop.

=================  ==========================================================================================
`signals`          baseline, dropped volumes, noise floor, signal → ΔR2
`echoes`           dual gradient echo, combined gradient and spin echo (SAGE)
`motion`           check of the head's shift, volume by volume
`aif`              arterial input function: found, or from a mask
`gamma`            gamma-variate: formula, area, fit of many curves
`timing`           one shift between two injections, below TR, and its zero
`hysteresis`       loop and signed area (MTI)
`volume`           blood volume by areas, maps relative to white matter
`deconvolution`    sSVD, oSVD: blood flow, Tmax
`leakage`          unidirectional and bidirectional correction
`markers`          all of it, for an examination and for any block of its voxels
`lexicon`          names, units and OSIPI codes of the maps
=================  ==========================================================================================

Arrays are voxels × volumes; times are in s, echo times in ms, rates in 1/s.
"""
