"""Phantoms: what was planted is there, and the forward model obeys its physics."""

import numpy as np
import pytest

from compendium.cohorts.tumour import (
    DELTA_CHI,
    GAMMA,
    Tissue,
    block_mean,
    frequency_shift,
    grow_tumour,
    simulate_mri,
)
from compendium.cohorts.vessels import VesselTree, grow_vessels, paint_vessels
from compendium.microscopy.diameters import keep_wide_vessels

SHAPE = (80, 80, 80)


@pytest.fixture(scope="module")
def tree():
    return grow_vessels(3, (480, 480, 480))


@pytest.fixture(scope="module")
def painted(tree):
    return paint_vessels(tree, SHAPE, 6.0)


def test_seed_decides_the_tree(tree):
    again, other = grow_vessels(3, (480, 480, 480)), grow_vessels(4, (480, 480, 480))
    assert (again.starts == tree.starts).all() and (again.radii_um == tree.radii_um).all()
    assert len(other.radii_um) != len(tree.radii_um) or not np.allclose(other.starts, tree.starts)


def test_radii_obey_murrays_law_at_every_full_fork(tree):
    radius = np.array([tree.radii_um[tree.branches == b][0] for b in range(len(tree.parents))])
    forks = 0
    for parent in range(len(radius)):
        children = radius[tree.parents == parent]
        if len(children) == 2:
            forks += 1
            assert (children**3).sum() == pytest.approx(radius[parent] ** 3)
    assert forks > 20


def test_branches_begin_where_their_parent_ends(tree):
    for branch, parent in enumerate(tree.parents):
        if parent >= 0:
            start = tree.starts[tree.branches == branch][0]
            assert np.allclose(start, tree.ends[tree.branches == parent][-1])


def test_equal_forks_open_by_murrays_angle():
    """cos θ = 2^(−1/3)·… for equal daughters: each turns by 37.5° (Murray 1926)."""
    from compendium.cohorts.vessels import _split

    class Even:
        def uniform(self, low, high):
            return 0.5 * (low + high)

    assert np.degrees(_split(Even())[0][1]) == pytest.approx(37.47, abs=0.01)


def test_painted_volume_of_a_tube_is_pi_r_squared():
    tube = VesselTree(
        np.array([[-99.0, 240, 243]]), np.array([[600.0, 240, 243]]), np.array([30.0]), np.array([0]), np.array([-1]),
        np.array([True]),
    )  # fmt: skip
    made = paint_vessels(tube, SHAPE, 6.0)
    assert made.fraction().mean() == pytest.approx(np.pi * 30**2 / 480**2, rel=0.01)
    assert made.mask.mean() == pytest.approx(np.pi * 30**2 / 480**2, rel=0.05)
    assert made.distance_um.max() == pytest.approx(30, abs=4.3)
    assert made.is_vein[made.mask].all()


def test_every_vessel_voxel_knows_its_radius(painted, tree):
    assert (painted.radius_um[painted.mask] >= 3).all() and (painted.radius_um[~painted.mask] == 0).all()
    assert (painted.distance_um <= painted.radius_um.max() + 1e-3).all()
    assert painted.radius_um.max() <= tree.radii_um.max() + 1e-3


def test_filter_at_30_um_finds_the_planted_wide_vessels():
    made = paint_vessels(grow_vessels(1, (480, 480, 480)), (120, 120, 120), 4.0)
    kept, true = keep_wide_vessels(made.mask, (4, 4, 4), 30), made.mask & (made.radius_um >= 15)
    assert (kept & true).sum() / kept.sum() > 0.95  # precision
    assert (kept & true).sum() / true.sum() > 0.9  # recall


# Field and images


def test_infinite_cylinder_across_the_field_has_its_textbook_shift():
    """Outside: Δω = γB·χ/2·(R/r)²·cos 2φ; inside, with the sphere of Lorentz, −γB·χ/6."""
    n, radius, chi = 96, 9.0, 1e-7
    place = np.arange(n) - n / 2 + 0.5
    y, x = np.meshgrid(place, place, indexing="ij")
    r = np.hypot(x, y)
    coverage = np.clip(radius - r + 0.5, 0, 1)
    cylinder = np.broadcast_to(chi * coverage, (32, n, n))
    shift = frequency_shift(cylinder, 9.4, direction=(1, 0, 0), pad=0.0)[16]
    unit = GAMMA * 1e6 * 9.4 * chi
    ring = (r > 1.5 * radius) & (r < 3 * radius)
    truth = unit / 2 * (radius / r) ** 2 * (x**2 - y**2) / r**2
    slope = np.sum(shift[ring] * truth[ring]) / np.sum(truth[ring] ** 2)
    assert slope == pytest.approx(1, abs=0.05)
    assert shift[r < 5].mean() == pytest.approx(-unit / 6, rel=0.1)


def test_cylinder_along_the_field_shifts_only_inside():
    place = np.arange(64) - 31.5
    y, x = np.meshgrid(place, place, indexing="ij")
    tube = np.broadcast_to(1e-7 * (np.hypot(x, y) < 8), (32, 64, 64))
    shift = frequency_shift(tube, 9.4, direction=(0, 0, 1), pad=0.0)[16]
    unit = GAMMA * 1e6 * 9.4 * 1e-7
    assert shift[32, 32] == pytest.approx(unit / 3, rel=0.1)
    assert abs(shift[32, 50]) < 0.05 * unit


def test_field_is_linear_and_scales_with_the_magnet():
    chi = np.random.default_rng(1).random((12, 12, 12)) * 1e-7
    assert np.allclose(2 * frequency_shift(chi, 4.7), frequency_shift(chi, 9.4), rtol=1e-4, atol=1e-3)
    assert np.allclose(frequency_shift(2 * chi, 9.4), 2 * frequency_shift(chi, 9.4), rtol=1e-4, atol=1e-3)


def test_without_vessels_both_images_are_exponentials():
    density = np.full(SHAPE, 0.5, np.float32)
    nothing = np.zeros(SHAPE)
    made = simulate_mri(
        density, nothing, nothing > 0, 10.0, snr=np.inf, tissue=Tissue(t2_ms=40, t2_tumour_ms=60)
    )
    r2 = 0.5 / 40 + 0.5 / 60
    assert np.allclose(made.t2w, np.exp(-40 * r2), rtol=1e-5)
    assert np.allclose(made.t2star, np.exp(-12 * r2), rtol=1e-5)
    assert (made.t2w.shape, made.t2star.shape) == ((8, 8, 8), (20, 20, 20))
    assert (made.t2w_um, made.t2star_um) == (100, 40)


def test_tumour_is_bright_and_veins_are_dark(painted):
    density = grow_tumour(2, SHAPE, 6.0, radius_um=120, edge_um=60, vessel_distance_um=painted.distance_um)
    made = simulate_mri(
        density, painted.fraction(), painted.is_vein, 6.0, snr=np.inf, t2w_um=60, t2star_um=40
    )
    tumour, vein = block_mean(density, 10).ravel(), block_mean(painted.is_vein, 10).ravel()
    clean = vein < 0.02
    assert np.corrcoef(tumour[clean], made.t2w.ravel()[clean])[0, 1] > 0.5
    fine = block_mean(painted.is_vein, 7).ravel()
    assert made.t2star.ravel()[fine > 0.3].mean() < made.t2star.ravel()[fine == 0].mean()


def test_density_is_a_fraction_and_absent_inside_vessels(painted):
    density = grow_tumour(2, SHAPE, 6.0, radius_um=120, edge_um=60, vessel_distance_um=painted.distance_um)
    assert density.min() >= 0 and density.max() <= 1
    assert (density[painted.distance_um > 0] == 0).all()
    assert (
        density
        == grow_tumour(2, SHAPE, 6.0, radius_um=120, edge_um=60, vessel_distance_um=painted.distance_um)
    ).all()


def test_noise_is_rician_with_the_stated_snr():
    nothing = np.zeros(SHAPE)
    long = simulate_mri(
        nothing, nothing, nothing > 0, 10.0, snr=20, te_ms=2000, te_star_ms=0, t2w_um=20, t2star_um=20
    )
    assert long.t2w.mean() == pytest.approx(np.sqrt(np.pi / 2) / 20, rel=0.02)  # no signal: Rayleigh
    assert long.t2star.std() == pytest.approx(1 / 20, rel=0.02)


def test_awkward_phantoms_are_refused():
    nothing = np.zeros((4, 4, 4))
    with pytest.raises(ValueError, match="must share a shape"):
        simulate_mri(nothing, nothing[:2], nothing > 0, 10)
    with pytest.raises(ValueError, match=r"density must lie in \[0, 1\]"):
        simulate_mri(nothing + 2, nothing, nothing > 0, 10)
    with pytest.raises(ValueError, match="block must be"):
        simulate_mri(nothing, nothing, nothing > 0, 10)  # 100 µm do not fit into 40
    with pytest.raises(ValueError, match="size_um must be"):
        grow_vessels(1, (1, 2, 0))
    with pytest.raises(ValueError, match="shape must be"):
        paint_vessels(grow_vessels(1, (50, 50, 50)), (4, 4), 1.0)
    assert pytest.approx(0.27e-6 * 4 * np.pi) == DELTA_CHI
