"""Vessels learned from microscopy, pixel by pixel: features over several scales, boosted trees, folds by animal.

A small model that trains in seconds on a processor. It works on single slices, as the 2-D network of schroers2026 does,
and knows nothing of a slice beyond some eight pixels around each pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.special import expit

from compendium.base.validation import as_labels, check_minimum
from compendium.microscopy.diameters import as_mask

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
SCALES_PX = (1.0, 2.0, 4.0)
RINGS_PX = (4, 8)
SYMMETRIES = 8


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Attributes
    ----------
    rounds, leaves, rate : int, int, float
        Trees, leaves of each, and how much each may change.
    pixels : int
        Drawn from each slice: as many as half from vessels, the others from anywhere else. Probabilities are taken back
        to the share of vessels in the slices.
    augment : bool
        Each slice is seen once more, flipped or turned at random.
    seed : int
    """

    rounds: int = 60
    leaves: int = 15
    rate: float = 0.1
    pixels: int = 200
    augment: bool = True
    seed: int = 1


@dataclass(frozen=True)
class VesselModel:
    """A trained model.

    Attributes
    ----------
    trees : scikit-learn's HistGradientBoostingClassifier
    shift : float
        Added to the logarithm of its odds: vessels are rarer in slices than among the pixels drawn.
    """

    trees: Any
    shift: float


def standardise(image: ArrayLike) -> Array:
    """Slice with mean 0 and SD 1, as nnU-Net scales contrasts other than CT; a flat one becomes 0.

    Examples
    --------
    >>> standardise([[1.0, 3.0]])
    array([[-1.,  1.]])
    """
    values = np.asarray(image, dtype=float)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"An image must be a finite slice (y, x). Given shape {values.shape}.")
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)


def pixel_features(image: ArrayLike) -> NDArray[np.float32]:
    """What the model sees of every pixel.

    Parameters
    ----------
    image : array-like, shape (y, x)

    Returns
    -------
    ndarray of float32, shape (y, x, 29)
        The standardised image; at each scale its smooth, its gradient and both eigenvalues of its second derivatives;
        and the smooth image in eight directions at two distances.

    Examples
    --------
    >>> pixel_features(np.eye(12)).shape
    (12, 12, 29)
    """
    values = standardise(image)
    columns = [values]
    for scale in SCALES_PX:
        smooth = ndimage.gaussian_filter(values, scale, mode="nearest")
        gy, gx = np.gradient(smooth)
        yy, yx = np.gradient(gy)
        xx = np.gradient(gx, axis=1)
        middle, apart = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
        columns += [
            smooth,
            scale * np.hypot(gy, gx),
            scale**2 * (middle + apart),
            scale**2 * (middle - apart),
        ]
    near = ndimage.gaussian_filter(values, 1.0, mode="nearest")
    reach = max(RINGS_PX)
    wide = np.pad(near, reach, mode="edge")
    for ring in RINGS_PX:
        diagonal = round(ring / np.sqrt(2))
        for dy, dx in ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)):
            step = diagonal if dy and dx else ring
            y, x = reach + dy * step, reach + dx * step
            columns.append(wide[y : y + values.shape[0], x : x + values.shape[1]])
    return np.stack(columns, axis=-1).astype(np.float32)


def apply_symmetry(plane: NDArray[Any], number: int) -> NDArray[Any]:
    """One of the eight flips and quarter turns of a plane; 0 leaves it alone.

    Examples
    --------
    >>> apply_symmetry(np.array([[1, 2], [3, 4]]), 4).tolist()
    [[2, 1], [4, 3]]
    """
    turned = np.rot90(plane[:, ::-1] if number >= SYMMETRIES // 2 else plane, number % 4)
    return np.ascontiguousarray(turned)


def animal_folds(animals: ArrayLike, folds: int, seed: int) -> list[NDArray[np.intp]]:
    """Rows to test on, fold by fold; the rows of an animal stay together.

    Fewer animals than folds: every animal is left out once.

    Raises
    ------
    ValueError
        With fewer than two animals, or a row without one.

    Examples
    --------
    >>> sorted(sorted(rows.tolist()) for rows in animal_folds(["a", "a", "b", "c"], 3, seed=1))
    [[0, 1], [2], [3]]
    """
    labels = as_labels(animals, "animals")
    missing = [i for i, label in enumerate(labels) if label is None]
    if missing:
        raise ValueError(f"Every slice must belong to an animal. Given none for slice {missing[0]}.")
    names, code = np.unique([str(v) for v in labels], return_inverse=True)
    check_minimum(len(names), 2, "animals")
    check_minimum(folds, 2, "folds")
    order = np.random.default_rng([seed, 3]).permutation(len(names))
    return [np.flatnonzero(np.isin(code, part)) for part in np.array_split(order, min(folds, len(names)))]


def random_slice_folds(count: int, folds: int, seed: int) -> list[NDArray[np.intp]]:
    """Rows to test on, drawn at random: what must not be done with several slices of an animal; to show what it does.

    Examples
    --------
    >>> sorted(np.concatenate(random_slice_folds(7, 3, seed=1)).tolist())
    [0, 1, 2, 3, 4, 5, 6]
    """
    check_minimum(count, folds, "slices for the folds")
    return [np.sort(p) for p in np.array_split(np.random.default_rng([seed, 4]).permutation(count), folds)]


def train_vessels(
    images: Sequence[ArrayLike], masks: Sequence[ArrayLike], training: Training | None = None
) -> VesselModel:
    """Train on slices and their masks.

    Parameters
    ----------
    images, masks : sequences of arrays, shape (y, x) each
    training : Training, optional

    Raises
    ------
    ValueError
        Unlike numbers or shapes; no vessel, or nothing but vessels.
    """
    return _fit(draw_pixels(images, masks, training or Training()), training or Training())


@dataclass(frozen=True, eq=False)
class DrawnPixels:
    """What is learned from one slice: features and truth of the pixels drawn, and its vessel pixels and all pixels."""

    rows: NDArray[np.float32]
    truth: Mask
    vessels: int
    pixels: int


def draw_pixels(
    images: Sequence[ArrayLike], masks: Sequence[ArrayLike], training: Training
) -> list[DrawnPixels]:
    """Draw pixels of every slice, as it is and turned or flipped at random; a slice's draw depends on its place alone.

    Examples
    --------
    >>> mask = np.eye(20, dtype=bool)
    >>> drawn = draw_pixels([1.0 * mask], [mask], Training(pixels=30, augment=False))[0]
    >>> drawn.rows.shape, int(drawn.truth.sum()), drawn.vessels, drawn.pixels
    ((30, 29), 15, 20, 400)
    """
    if len(images) != len(masks) or not len(images):
        raise ValueError(f"Every slice needs a mask. Given {len(images)} slices and {len(masks)} masks.")
    out = []
    for i, (image, mask) in enumerate(zip(images, masks, strict=True)):
        plane, vessel = np.asarray(image), as_mask(mask)
        if plane.shape != vessel.shape:
            raise ValueError(
                f"Slice and mask must share a shape. Given {plane.shape} and {vessel.shape} as number {i}."
            )
        rng = np.random.default_rng([training.seed, 1, i])
        turns = (0, int(rng.integers(1, SYMMETRIES))) if training.augment else (0,)
        parts = [_draw(rng, apply_symmetry(plane, k), apply_symmetry(vessel, k), training) for k in turns]
        rows, truth = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
        out.append(DrawnPixels(rows, truth, int(vessel.sum()), vessel.size))
    return out


def _fit(drawn: Sequence[DrawnPixels], training: Training) -> VesselModel:
    from sklearn.ensemble import HistGradientBoostingClassifier

    truth = np.concatenate([d.truth for d in drawn])
    if truth.all() or not truth.any():
        given = "vessels only" if truth.all() else "no vessel"
        raise ValueError(f"Masks to train on must hold vessels and background. Given {given}.")
    trees = HistGradientBoostingClassifier(
        max_iter=training.rounds, max_leaf_nodes=training.leaves, learning_rate=training.rate,
        early_stopping=False, random_state=training.seed,
    )  # fmt: skip
    trees.fit(np.concatenate([d.rows for d in drawn]), truth)
    share, among = sum(d.vessels for d in drawn) / sum(d.pixels for d in drawn), float(truth.mean())
    return VesselModel(trees, float(np.log(share / (1 - share)) - np.log(among / (1 - among))))


def predict_vessels(model: VesselModel, image: ArrayLike, *, block: int = 200_000) -> Array:
    """Probability of a vessel at every pixel of a slice, by blocks of pixels.

    Returns
    -------
    ndarray, shape (y, x), in [0, 1]
    """
    values = np.asarray(image)
    rows = pixel_features(values).reshape(values.size, -1)
    odds = [model.trees.decision_function(rows[i : i + block]) for i in range(0, len(rows), block)]
    probability: Array = expit(np.concatenate(odds) + model.shift).reshape(values.shape)
    return probability


def predict_out_of_fold(
    images: Sequence[ArrayLike], masks: Sequence[ArrayLike], folds: Sequence[NDArray[np.intp]],
    training: Training | None = None,
) -> list[Array]:  # fmt: skip
    """Probability of every slice by a model that was trained without its fold.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> masks = [np.roll(np.eye(32, dtype=bool), s, axis=1) for s in range(4)]
    >>> images = [rng.normal(size=(32, 32)) - 4 * m for m in masks]
    >>> found = predict_out_of_fold(images, masks, animal_folds(list("abcd"), 2, seed=1), Training(rounds=20))
    >>> bool(found[0][masks[0]].mean() - found[0][~masks[0]].mean() > 0.3)
    True
    """
    tested = np.sort(np.concatenate(folds))
    if not np.array_equal(tested, np.arange(len(images))):
        raise ValueError(
            f"Folds must test every slice once. Given {len(tested)} rows for {len(images)} slices."
        )
    settings = training or Training()
    drawn = draw_pixels(images, masks, settings)
    out: list[Array] = [np.empty(0)] * len(images)
    for rows in folds:
        model = _fit([drawn[i] for i in np.setdiff1d(tested, rows)], settings)
        for i in rows:
            out[i] = predict_vessels(model, images[i])
    return out


def _draw(
    rng: np.random.Generator, image: NDArray[Any], vessel: Mask, settings: Training
) -> tuple[NDArray[np.float32], Mask]:
    flat = vessel.ravel()
    first, second = np.flatnonzero(flat), np.flatnonzero(~flat)
    take = min(len(first), settings.pixels // 2)
    rest = min(len(second), settings.pixels - take)
    rows = np.concatenate([rng.choice(first, take, replace=False), rng.choice(second, rest, replace=False)])
    return pixel_features(image).reshape(flat.size, -1)[rows], flat[rows]
