"""The interface of importers. Each program from which multibox imports SSD models has one module."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from multibox.models.ssd import SSD
from multibox.priors import PriorSpec
from multibox.size import Size
from multibox.weights.origins.foreign_weights import ForeignWeights


@dataclass(frozen=True)
class ImportChoices:
    """What the caller knows about foreign weights; None leaves it to the importer.

    `priors` are the priors that the weights were trained with, or their name: "ssd300-voc", "ssd300-coco",
    "ssd512-voc" or "ssd512-coco". `channels` is the order of colors that the first layer expects: "rgb" or "bgr".
    `size` is the input size of the training, for the programs whose files do not contain it.
    `prototxt` is the file with the layers of a Caffe model; `mean` and `scale` are the normalization of its images,
    in the order of `channels`, if that file does not say it.
    """

    priors: str | PriorSpec | None = None
    class_names: Sequence[str] | None = None
    channels: str | None = None
    size: Size | None = None
    prototxt: Path | str | None = None
    mean: tuple[float, ...] | None = None
    scale: float | None = None


class Origin(Protocol):
    """A module that imports the detectors of one program. `NAME` is the program's name in messages."""

    NAME: str

    def recognizes(self, foreign: ForeignWeights) -> bool:
        """Whether the names of the tensors are those of this program."""

    def convert(self, foreign: ForeignWeights, choices: ImportChoices) -> SSD:
        """The detector in evaluation mode. Raises WeightsError or UsageError if tensors or choices do not fit."""
