"""A training's start from a whole detector, perhaps one of other classes (paper sections 3.1 and 3.3: COCO to VOC)."""

from collections.abc import Sequence
from pathlib import Path

from multibox.errors import WeightsError
from multibox.models.ssd import SSD
from multibox.weights.file import fill
from multibox.weights.remap import VOC_FROM_COCO, remap
from multibox.weights.source import open_weights


def load_start(model: SSD, source: Path | str) -> None:
    """Copy a detector's weights into `model`, and set the model's mean and deviation to that detector's.

    `source` is a weight file or the name of published weights. A class takes the outputs of the class of its own name,
    a VOC class those of COCO's class of the same objects; others begin at random. The priors stay the model's. Raises
    WeightsError or UsageError where the weights cannot be had or are of another structure.
    """
    if Path(source).suffix and not Path(source).is_file():
        raise WeightsError(
            f"start weights {source} do not exist: train the detector they come from, or give its file with "
            "--set start_weights=FILE"
        )
    old, _ = open_weights(source)
    new = remap(old, class_names=model.class_names, mapping=class_mapping(old.class_names, model.class_names))
    fill(model, new.state_dict(), source=str(source))
    model.normalize_with(mean=old.config.mean, std=old.config.std)


def class_mapping(old: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """The old class that holds the objects of each new class, where one does."""
    pairs = ((name, name if name in old else VOC_FROM_COCO.get(name, name)) for name in new)
    return {ours: theirs for ours, theirs in pairs if theirs in old}
