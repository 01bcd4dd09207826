"""Images of the validation set with what a model finds in them."""

from multibox.data.dataset import Dataset
from multibox.errors import DataError
from multibox.experiments.logs.log import Images
from multibox.images.decode import read_image
from multibox.models.ssd import SSD

_COUNT = 4
_SHOWN_SCORE = 0.3


def validation_images(model: SSD, dataset: Dataset) -> Images:
    """The first images of the data set that can be read, by their ids, with detections that score 0.3 or more."""
    from multibox.detection.detector import Detector

    detector, drawn = Detector(model), {}
    for example in list(dataset)[:_COUNT]:
        try:
            image = read_image(example.image)
        except DataError:
            continue
        drawn[example.image.stem] = detector(image).above(_SHOWN_SCORE).draw(image)
    return drawn
