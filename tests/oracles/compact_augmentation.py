"""Cuts the compact edition of the official augmentation arrays: `python tests/oracles/compact_augmentation.py FULL`."""

import sys
from pathlib import Path

import numpy as np

OUT = Path(__file__).parents[1] / "data_files"
Arrays = dict[str, np.ndarray]


def sampler(full: Arrays) -> Arrays:
    """All statistics, and the single boxes of 13 layouts in steps of 1/65535."""
    layouts = np.array([0, 1, 2, 3, 4, 5, 10, 17, 20, 26, 33, 41, 55])
    left_out = ("draws", "draws_num_candidates", "draws_num_centers_inside")
    compact = {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in full.items() if k not in left_out}
    draws = np.rint(full["draws"][layouts] * 65535).astype(np.uint16)
    return compact | {"draws_kept": layouts, "draws_u16": draws, "raw_draws": full["raw_draws"][:500]}


def photometric(full: Arrays) -> Arrays:
    """Eight rows of each image, over their full width: OpenCV computes the last columns of a row in another way."""
    return {k: v[..., 14:22, :, :] if v.ndim >= 3 else v for k, v in full.items()}


def geometry(full: Arrays) -> Arrays:
    """All but some resized and cropped images; the result of the last step before the mean is subtracted."""
    kept = {"resize_37x53_LINEAR", *(f"crop{k}_image" for k in range(6))}
    compact = {}
    for name, array in full.items():
        image = name.startswith("resize_") and not name.startswith(("resize_30x30", "resize_boxes"))
        if (image or (name.startswith("crop") and name.endswith("_image"))) and name not in kept:
            continue
        compact[name] = whole_levels(array) if name.endswith("_blob") else array
    return compact


def whole_levels(blob: np.ndarray) -> np.ndarray:
    """A blob of 1 x 3 x height x width (B, G, R) with its mean added again, as 8-bit numbers, which it is exactly."""
    levels = blob + np.array([104, 117, 123], np.float32)[:, None, None]
    assert (levels == np.rint(levels)).all()
    return levels.astype(np.uint8)


def main(folder: Path) -> None:
    for cut in (sampler, photometric, geometry):
        name = cut.__name__
        with np.load(folder / f"{name}.npz") as full:
            np.savez_compressed(OUT / f"official_{name}.npz", **cut(dict(full)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
