"""Cuts the compact edition of the official arrays from the full one: `python tests/oracles/compact.py FULL`.

What is left out follows from the layers themselves, so that the answers stay official: a prior that is neither matched
nor mined takes no part in loss or gradient, and a box with no score above the threshold none in the output.
"""

import sys
from pathlib import Path

import numpy as np

OUT = Path(__file__).parents[1] / "data_files"
Arrays = dict[str, np.ndarray]


def priors(full: Arrays) -> Arrays:
    """Every 37th prior of each set: 37 has no factor in common with the number of boxes in a cell."""
    kept = {f"{name}_kept": np.arange(0, len(full[name]), 37) for name in ("voc300", "coco300", "voc512", "coco512")}
    kept["extra_boxes_kept"] = np.arange(0, len(full["extra_boxes"]), 37)
    return {k: v[kept[f"{k}_kept"]] if f"{k}_kept" in kept else v for k, v in full.items()} | kept


def matching(full: Arrays) -> Arrays:
    """The first ten images, which hold one case of each kind, and the overlaps of the first six."""
    images = np.arange(10)
    compact = {"gt": full["gt"], "num_images": full["num_images"], "images_kept": images}
    for name in ("difficult_used", "difficult_skipped"):
        for array in ("match_local", "match_row", "has_entry"):
            compact[f"{array}_{name}"] = full[f"{array}_{name}"][images]
        compact[f"max_overlap_{name}"] = full[f"max_overlap_{name}"][:6]
    return compact


def multibox_loss(full: Arrays) -> Arrays:
    """Batches 0 to 4 with all matched and mined priors and 200 others; every fourth row of the gradients."""
    rng = np.random.default_rng(0)
    batches = {"A": (0, 2), "B": (1, 3, 4)}
    compact: Arrays = {"num_batches": np.array(5)}
    for letter, numbers in batches.items():
        used = [full[f"b{b}_{side}_prior"] for b in numbers for side in ("grad_conf", "grad_loc", "neg")]
        kept = np.unique(np.concatenate([*used, rng.integers(0, 8732, 200)])).astype(np.int64)
        compact[f"{letter}_kept"] = kept
        for array in (f"loc_i8_{letter}", f"conf_i8_{letter}"):
            compact[array] = full[array][:, kept]
        for b in numbers:
            compact |= _batch(full, f"b{b}_", kept)
    return compact


def _batch(full: Arrays, prefix: str, kept: np.ndarray) -> Arrays:
    batch = {k: v for k, v in full.items() if k.startswith(prefix)}
    for array in ("match_row", "rank_loss"):
        if prefix + array in batch:
            batch[prefix + array] = batch[prefix + array][:, kept]
    for array in batch:
        if array.removeprefix(prefix).startswith(("grad_conf", "grad_loc", "loc_target")) and batch[array].ndim:
            batch[array] = batch[array][::4]
    return batch


def detection_output(full: Arrays) -> Arrays:
    """Batches 0, 1, 2 and 4 (3 is too large) with every prior that passes the threshold and 100 others."""
    rng = np.random.default_rng(0)
    compact: Arrays = {"batches": np.array([0, 1, 2, 4])}
    for b in compact["batches"]:
        logits = full[f"b{b}_logit_i16"].astype(np.float64) / 64
        share = np.exp(logits - logits.max(axis=2, keepdims=True))
        share /= share.sum(axis=2, keepdims=True)
        passing = np.flatnonzero((share[..., 1:] > 0.00999).any(axis=(0, 2)))
        kept = np.unique(np.concatenate([passing, rng.integers(0, 8732, 100)]))
        for array in (k for k in full if k.startswith(f"b{b}_")):
            cut = array.endswith(("loc_i8", "logit_i16"))
            compact[array] = full[array][:, kept] if cut else full[array]
        compact[f"b{b}_kept"] = kept
    return compact


def normalize(full: Arrays) -> Arrays:
    """All of it: it is small."""
    return full


def main(folder: Path) -> None:
    for cut in (priors, matching, multibox_loss, detection_output, normalize):
        name = cut.__name__
        with np.load(folder / f"{name}.npz") as full:
            np.savez_compressed(OUT / f"official_{name}.npz", **cut(dict(full)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
