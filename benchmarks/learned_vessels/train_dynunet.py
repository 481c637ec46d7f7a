"""A small DynUNet on the phantoms of schroers2026/05_learned_vessels, same folds as the chapter's own model.

Not part of the lock and not run in CI. In an environment that has this project installed:

    pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
    pip install --no-deps monai==1.6.1
    python benchmarks/learned_vessels/train_dynunet.py data/derived/schroers2026/dynunet.json

DynUNet is MONAI's network of the nnU-Net family. What nnU-Net adds around it (planning, five more augmentations, deep
supervision, a thousand epochs) is left out, so the result is a floor for such a network and not nnU-Net's.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from compendium.cohorts.schroers_learning import CONDITIONS, FOLDS, SPACING_UM, learn_vessels, score_cohort
from compendium.cohorts.schroers_vessels import checksum, make_cohort
from compendium.microscopy.learned import SYMMETRIES, Training, animal_folds, apply_symmetry, standardise
from compendium.microscopy.mask_scores import average_scores, cut_out_of_fold, score_slices

SEED, BATCH, RATE = 1, 8, 2e-3
FILTERS = (16, 32, 64, 96)


def load_torch():
    """Return torch and MONAI's DynUNet, or end with one line on how to get them."""
    try:
        import torch
        from monai.networks.nets import DynUNet
    except ImportError as error:
        raise SystemExit(
            f"This needs torch and monai, which are not in the lock: see the top of this file. Missing: {error.name}."
        ) from None
    return torch, DynUNet


def train_fold(images, masks, iterations, seed):
    """Train one network on slices and masks of one size; the images come standardised."""
    torch, DynUNet = load_torch()
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 5])
    net = DynUNet(
        spatial_dims=2, in_channels=1, out_channels=1, kernel_size=[3] * 4, strides=[1, 2, 2, 2],
        upsample_kernel_size=[2] * 3, filters=FILTERS, norm_name="instance", deep_supervision=False, res_block=False,
    )  # fmt: skip
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.PolynomialLR(optimiser, iterations, power=0.9)
    cross_entropy = torch.nn.BCEWithLogitsLoss()
    net.train()
    for _ in range(iterations):
        pick = rng.integers(0, len(images), BATCH)
        turn = rng.integers(0, SYMMETRIES, BATCH)
        x, y = (
            torch.from_numpy(
                np.stack([apply_symmetry(a[i], int(k)) for i, k in zip(pick, turn, strict=True)])[
                    :, None
                ].astype(np.float32)
            )
            for a in (images, masks)
        )
        logit = net(x)
        p = torch.sigmoid(logit)
        overlap = 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)
        loss = cross_entropy(logit, y) + overlap
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return net.eval()


def predict(net, images):
    """Probability of a vessel at every pixel."""
    torch, _ = load_torch()
    with torch.no_grad():
        return [
            torch.sigmoid(net(torch.from_numpy(i[None, None].astype(np.float32))))[0, 0].numpy()
            for i in images
        ]


def per_fold(cohort, masks, parts):
    """Dice against registered microscopy, fold by fold."""
    scores = score_slices([s.registered for s in cohort], masks, [SPACING_UM] * len(cohort), 50.0)
    return [round(float(average_scores(scores.iloc[rows])["dice"]), 4) for rows in parts]


def rounded(frame):
    """Scores by what they were held against."""
    return {
        r["against"]: {k: round(v, 5) for k, v in r.items() if k != "against"}
        for r in frame.to_dict("records")
    }


def train_all(images, masks, parts, iterations):
    """Probabilities of all slices, each by a network that has not seen its fold, the last network, and the CPU seconds."""
    found, start = [np.empty(0)] * len(images), time.process_time()
    for number, rows in enumerate(parts):
        kept = np.setdiff1d(np.arange(len(images)), rows)
        net = train_fold([images[i] for i in kept], [masks[i] for i in kept], iterations, SEED + number)
        for i, p in zip(rows, predict(net, [images[i] for i in rows]), strict=True):
            found[i] = p
        print(f"fold {number + 1} of {len(parts)}: {time.process_time() - start:.0f} s", flush=True)
    return found, net, round(time.process_time() - start)


def main() -> None:
    """Train, score and store."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", type=Path)
    parser.add_argument("--iterations", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--keep-network",
        action="store_true",
        help="score the default model again, keep the stored network's scores",
    )
    chosen = parser.parse_args()
    if not chosen.keep_network:
        load_torch()
    cohort = make_cohort(SEED)
    images, masks = [standardise(s.image) for s in cohort], [s.registered for s in cohort]
    parts = animal_folds([s.animal for s in cohort], FOLDS, SEED)
    if chosen.keep_network:
        result = json.loads(chosen.target.read_text(encoding="utf-8"))
        if result["cohort_sha256"] != checksum(cohort):
            raise SystemExit("The stored network saw other phantoms: train it again.")
    else:
        torch, _ = load_torch()
        import monai

        torch.set_num_threads(chosen.threads)
        found, net, spent = train_all(images, masks, parts, chosen.iterations)
        own = cut_out_of_fold(found, masks, parts)
        result = {
            "recipe": "python benchmarks/learned_vessels/train_dynunet.py data/derived/schroers2026/dynunet.json",
            "seed": SEED, "folds": FOLDS, "iterations": chosen.iterations, "batch": BATCH, "rate": RATE, "filters": list(FILTERS),
            "parameters": sum(p.numel() for p in net.parameters()), "cpu_s": spent,
            "versions": {"torch": torch.__version__, "monai": monai.__version__, "numpy": np.__version__},
            "cohort_sha256": checksum(cohort), "scores": {"dynunet": rounded(score_cohort(cohort, own))},
            "dice_by_fold": {"dynunet": per_fold(cohort, own, parts)},
        }  # fmt: skip
    _, default = learn_vessels(cohort, CONDITIONS[0], Training(seed=SEED), FOLDS)
    result["scores"]["default"] = rounded(score_cohort(cohort, default))
    result["dice_by_fold"]["default"] = per_fold(cohort, default, parts)
    chosen.target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
