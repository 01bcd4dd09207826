"""The images that priors are fitted to, and the images held out to measure the gain."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from multibox.data.dataset import Dataset
from multibox.data.load import load_dataset
from multibox.errors import UsageError


def load_parts(path: Path | str, *, split: str | None, held_out: str) -> tuple[Dataset, Dataset | None]:
    """Load the images to fit to and the images to hold out, without common images.

    `held_out` is the name of a split, a share of the images of `split`, or "none".
    Raises UsageError if images of a held-out split are also in `split`, or if a share leaves one part empty.
    """
    whole = load_dataset(path, split=split)
    if held_out == "none":
        return whole, None
    try:
        share = float(held_out)
    except ValueError:
        held = load_dataset(path, split=held_out)
    else:
        return hold_out(whole, share)
    common = {example.image for example in whole} & {example.image for example in held}
    if common:
        raise UsageError(
            f"--held-out {held_out}: {len(common)} of its {len(held)} images are also used for the fit; "
            "name another split, or a share such as 0.2"
        )
    return whole, held


def hold_out(dataset: Dataset, share: float) -> tuple[Dataset, Dataset]:
    """Split off a `share` of the images, evenly spaced. Returns the other images and the held-out ones.

    Raises UsageError if one part would be empty.
    """
    count = round(len(dataset) * share)
    if not 0 < count < len(dataset):
        raise UsageError(
            f"holding out {share:g} of the {len(dataset)} images of {dataset.name} leaves one part empty; "
            "give another share, or the name of a split"
        )
    chosen = set(((np.arange(count) + 0.5) * len(dataset) / count).astype(int).tolist())
    kept = tuple(example for place, example in enumerate(dataset) if place not in chosen)
    held = tuple(dataset[place] for place in sorted(chosen))
    return replace(dataset, examples=kept), replace(dataset, examples=held)
