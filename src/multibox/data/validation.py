"""The images that score a training with `holdout`: the data set's own split for validation, or a share held out."""

from collections.abc import Callable, Sequence
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.data.formats.recognize import recognize
from multibox.data.holdout import VALIDATION_SPLITS, hold_out
from multibox.data.load import load_dataset
from multibox.words import counted


def own_validation(data: Path | str, train: Dataset, *, load: Callable[[str], Dataset]) -> Dataset | None:
    """The first split for validation that shares no image with `train`, None if the data set has none."""
    for name in (name for name in VALIDATION_SPLITS if name in recognize(data).splits()):
        own = load(name)
        if len(own) and not {example.image for example in own} & {example.image for example in train}:
            return own
    return None


def load_held_out(
    data: Path | str, share: float, *, split: str | None = None, classes: Sequence[str] | None = None
) -> tuple[Dataset, str]:
    """The images that a training on these data with `holdout=share` scores itself with, and a line about them.

    `split` and `classes` are as in `load_dataset`. Raises its errors and those of `held_out_images`.
    """
    train = load_dataset(data, split=split, classes=classes)
    own = own_validation(data, train, load=lambda name: load_dataset(data, split=name, classes=classes))
    if own is not None:
        return own, f"evaluating on {own.name}, which scores a training in place of held-out images"
    held = hold_out(train, share).held
    return held, f"evaluating on {len(held):,} of {counted(len(train), 'image')} of {train.name}, held out by content"
